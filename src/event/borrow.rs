//! Borrowing (`domain.md` 5): licenses that go out until a time, whatever becomes of the session, and are used without the server.
//!
//! A borrow ends at a time that was asked for. The client holds a record of it that the server signs, which is good until the end,
//! or for a shorter span if the borrow is *renewable*: then the client renews the record as long as it meets the server, and a machine
//! that is lost costs no more than one span.

use crate::ident::{Digest, Handle, SessionId, Token};
use crate::time::Timestamp;

/// How a request borrows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Borrowing {
    /// When it shall end.
    pub ends: Timestamp,
    /// For how many seconds a record is good, until it must be renewed; 0 for the whole time.
    pub renew_s: u32,
    /// SHA-256 of a secret that the client draws. Who shows the secret may fetch and renew the record and give the licenses back.
    pub secret: Digest,
}

/// What a borrow has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Borrow {
    /// Until when the record is good.
    pub until: Timestamp,
    /// When the borrow ends; later than `until` if the record can be renewed.
    pub ends: Timestamp,
}

impl Borrow {
    /// What a borrow comes to at a time: a record for its span, and no longer than the borrow.
    #[must_use]
    pub fn at(now: Timestamp, ends: Timestamp, renew_s: u32) -> Self {
        let until = match renew_s {
            0 => ends,
            seconds => now.plus(std::time::Duration::from_secs(u64::from(seconds))).min(ends),
        };
        Self { until, ends }
    }

    /// Whether the record can be renewed before the borrow ends.
    #[must_use]
    pub fn is_renewable(&self) -> bool {
        self.until < self.ends
    }
}

/// A request for another record of a borrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    /// Number of the request in its session, increasing.
    pub token: Token,
    /// The client has received all answers up to this number.
    pub acknowledged: Token,
    /// Which borrow.
    pub handle: Handle,
    /// SHA-256 of the secret that the client showed.
    pub secret: Digest,
    /// When it shall end from now on; none if at the time that was asked for before.
    pub ends: Option<Timestamp>,
}

/// A request to give borrowed licenses back before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BorrowReturn {
    /// Number of the request in its session, increasing.
    pub token: Token,
    /// The client has received all answers up to this number.
    pub acknowledged: Token,
    /// Which borrow.
    pub handle: Handle,
    /// SHA-256 of the secret that the client showed.
    pub secret: Digest,
}

/// A borrow has another record, or another end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewed {
    /// The session that asked.
    pub session: SessionId,
    /// The request's number.
    pub token: Token,
    /// All answers of the session up to this one have arrived.
    pub acknowledged: Token,
    /// Which borrow.
    pub handle: Handle,
    /// What it has come to.
    pub borrow: Borrow,
}

/// An administrator wants a borrow back: its record is renewed no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recalled {
    /// Which borrow.
    pub handle: Handle,
    /// Who ordered it, such as `ann@ws01`.
    pub by: String,
}
