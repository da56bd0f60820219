//! What clients ask, what the engine answers, and the facts that make up the history.
//!
//! State is the fold of events; the debug log, status and reports are other folds of the same events, so they can't
//! contradict one another. An event holds the whole request and every result, so that `evolve` needs no catalog and a
//! recorded history can be judged again under other rules. [`codec`] writes records as bytes for the store,
//! [`debug_log`] as the lines administrators know; `wire` encodes requests and answers for the network.

mod borrow;
mod clock;
pub mod codec;
pub mod debug_log;
mod denial;
mod queue;
mod removal;
mod request;

pub use borrow::{Borrow, BorrowReturn, Borrowing, Recalled, Renewal, Renewed};
pub use clock::{ClockAccepted, Marked};
pub use denial::Denial;
pub use queue::{DequeueReason, Dequeued, Offered, OfferedPackage, Passed, Queued};
pub use removal::{Removal, RemovalTarget, Removed};
pub use request::{Answer, Checkin, Checkout, Claims, Grant, Identity, Place, Queueing, SessionKind, Wishes};

use crate::ident::{Digest, DupMask, FeatureName, Handle, PoolKey, Seq, SessionId, Token};
use crate::time::Timestamp;

/// The events of one decision: stored whole or not at all. Event `i` has the number `first + i`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Number of the first event.
    pub first: Seq,
    /// When it was decided.
    pub at: Timestamp,
    /// At least one event.
    pub events: Vec<Event>,
}

impl Record {
    /// Number of the last event.
    #[must_use]
    pub fn last(&self) -> Seq {
        Seq(self.first.0 + (self.events.len() as u64).saturating_sub(1))
    }
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The vendor daemon began to serve.
    Started(Started),
    /// The vendor daemon ended in order.
    Stopped(Stopped),
    /// A session began.
    Opened(Opened),
    /// A session came back with a newer epoch.
    Resumed(Resumed),
    /// A session ended; its seats came back by [`Event::In`] of the same record.
    Ended(Ended),
    /// Seats were granted.
    Out(Box<Out>),
    /// Seats came back.
    In(In),
    /// A checkout was given up and stays in use for a while.
    Lingering(Lingering),
    /// A request was refused.
    Denied(Box<Denied>),
    /// The files were read again; other rules hold from here on.
    Reread(Box<Reread>),
    /// A checkout is counted in another pool from here on, after a reread that changed its own.
    Moved(Box<Moved>),
    /// A request waits for licenses.
    Queued(Box<Queued>),
    /// An administrator took something back.
    Removed(Box<Removed>),
    /// Others got licenses past requests that wait.
    Passed(Passed),
    /// Licenses are held for a request that waits.
    Offered(Box<Offered>),
    /// A request waits no more and got nothing. One that gets its licenses ends by [`Event::Out`] with its number.
    Dequeued(Box<Dequeued>),
    /// A borrow has another record, or another end.
    Renewed(Renewed),
    /// A borrow is renewed no more.
    Recalled(Box<Recalled>),
    /// The clocks were looked at.
    Marked(Box<Marked>),
    /// An administrator answers for the wall clock.
    ClockAccepted(Box<ClockAccepted>),
}

/// Begin of service, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Version of the program.
    pub version: String,
    /// Time zone of the server, as an IANA name or `UTC`; license dates are judged in it.
    pub zone: String,
    /// Digests of the license files, the vendor manifest and the options file; the store keeps their bytes.
    pub files: Vec<StartFile>,
}

/// One file that the daemon started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartFile {
    /// What the file was used for.
    pub role: FileRole,
    /// Its path.
    pub path: String,
    /// SHA-256 of its bytes.
    pub digest: Digest,
}

/// What a file was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileRole {
    /// A license file.
    License,
    /// The vendor manifest.
    Manifest,
    /// The options file.
    Options,
}

/// New rules, and from what. Seats that changed their pools follow by [`Event::Moved`] and those that ended by [`Event::In`],
/// both in the same record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reread {
    /// Who ordered it, such as `ann@ws01`, or the signal.
    pub by: String,
    /// What brought it about, which says what it ends.
    pub cause: RereadCause,
    /// Time zone of the server, as in [`Started::zone`].
    pub zone: String,
    /// The files that hold from here on, those among them that did not change too; the store keeps their bytes.
    pub files: Vec<StartFile>,
    /// Features that were served in this run of the daemon and are no longer, by name.
    pub removed: Vec<FeatureName>,
}

/// What brought a reread about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RereadCause {
    /// An administrator, or a signal: checkouts for which no pool is left end.
    Ordered,
    /// The daemon itself, at midnight or for a file that changed: they end too.
    Automatic,
    /// A start with other files than those of the run before. Nobody has said that they are the right ones, so no checkout of a
    /// client ends.
    Start,
}

/// A checkout that goes on in another pool of its feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Whose.
    pub session: SessionId,
    /// Which checkout.
    pub handle: Handle,
    /// The pool that it was counted in.
    pub from: PoolKey,
    /// The pool that it is counted in from here on.
    pub to: PoolKey,
    /// The checkouts there with which it uses the same licenses; none if it can't share there.
    pub shares: Option<Shares>,
}

/// Orderly end of service. Line-protocol sessions end in the same record; framed sessions keep their seats for one
/// lease after the next start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Who asked for it, such as `ann@ws01`, or the signal.
    pub by: String,
}

/// Begin of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its name.
    pub session: SessionId,
    /// SHA-256 of the secret that the server gave the client; all zero for a line session.
    pub secret: Digest,
    /// Who it is.
    pub identity: Identity,
}

/// A session came back on a new connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumed {
    /// Its name.
    pub session: SessionId,
    /// The epoch that holds from now on; the first epoch of a session is 0.
    pub epoch: u32,
    /// The client's random value for this step, so that a repeated step is recognised.
    pub nonce: [u8; 16],
}

/// End of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its name.
    pub session: SessionId,
    /// Why it ended.
    pub why: EndReason,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndReason {
    /// The client said goodbye, or QUIT.
    Goodbye,
    /// The connection closed and the close grace passed (a line session has none).
    Disconnect,
    /// Nothing was heard for a whole lease.
    LeaseLapsed,
    /// The server ended or restarted, which line sessions do not survive.
    Shutdown,
}

/// Seats granted. One checkout, one handle, one OUT line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Out {
    /// Whose checkout.
    pub session: SessionId,
    /// Who that is.
    pub identity: Identity,
    /// What was asked.
    pub request: Checkout,
    /// The pool that the seats came from.
    pub pool: PoolKey,
    /// The name of this checkout.
    pub handle: Handle,
    /// The signed lines behind the grant.
    pub lines: std::sync::Arc<[Digest]>,
    /// When the line of the grant expires; none if never.
    pub expires: Option<Timestamp>,
    /// Whether the grant is made under the demo manifest.
    pub demo: bool,
    /// How it is counted.
    pub accounting: Accounting,
}

/// How a checkout is counted, where that is not simply by its own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accounting {
    /// The checkouts of its pool with which it uses the same licenses; none if it can't share.
    pub shares: Option<Shares>,
    /// How many licenses beyond the count of its pool were in use from then on.
    pub overdraft: u32,
    /// The checkout of the suite that was granted with it and comes back with it.
    pub suite: Option<Handle>,
    /// What the borrow has come to, if it was asked for: then the checkout is no session's.
    pub borrow: Option<Borrow>,
}

/// Checkouts that use the same licenses (`flexnet-files.md` 3.7): as many as the one of them that asked for most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// What is equal between them.
    pub mask: DupMask,
    /// The handle of the first of them, which stays the name of the group when that one is gone.
    pub group: Handle,
}

impl Out {
    /// Gives the checkout another handle, also where it names the group that the checkout begins.
    pub fn rename(&mut self, handle: Handle) {
        if let Some(shares) = self.accounting.shares.as_mut().filter(|shares| shares.group == self.handle) {
            shares.group = handle;
        }
        self.handle = handle;
    }

    /// What the client is told of it.
    #[must_use]
    pub fn grant(&self) -> Grant {
        Grant {
            handle: self.handle,
            pool: self.pool.clone(),
            lines: self.lines.clone(),
            expires: self.expires,
            demo: self.demo,
            borrow: self.accounting.borrow,
        }
    }
}

/// Seats came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct In {
    /// Whose they were.
    pub session: SessionId,
    /// The checkout that ends.
    pub handle: Handle,
    /// Why.
    pub why: InReason,
}

/// A checkout that was given up and whose licenses stay in use (`flexnet-files.md` 3.12): they come back by [`Event::In`] with
/// [`InReason::Linger`] when their time is over or the same user, host and display asks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lingering {
    /// Whose they were.
    pub session: SessionId,
    /// The checkout.
    pub handle: Handle,
    /// When its licenses come back by themselves.
    pub until: Timestamp,
    /// Whether that is sooner than the lingering time, as the license ends then.
    pub cut: bool,
    /// Why it was given up.
    pub why: InReason,
}

/// Why seats came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum InReason {
    /// The client asked, with this request number and acknowledgement.
    Checkin {
        /// The request's number.
        token: Token,
        /// All answers up to this one have arrived.
        acknowledged: Token,
    },
    /// Its session ended.
    Ended(EndReason),
    /// No pool of its feature was left for it after a reread (-92).
    Removed,
    /// It was given up before, and does not linger any more.
    Linger,
    /// Its user was idle for longer than the timeout.
    Inactive,
    /// An administrator took it away with lmremove; [`Event::Removed`] of the same record says who.
    UserRemoved,
    /// The time for which it was borrowed is over, and that which clocks may differ.
    BorrowEnd,
    /// It was borrowed, and given back before the end.
    BorrowReturned {
        /// The session that gave it back.
        session: SessionId,
        /// The request's number.
        token: Token,
        /// All answers of that session up to this one have arrived.
        acknowledged: Token,
    },
}

/// A request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Whose request.
    pub session: SessionId,
    /// Who that is.
    pub identity: Identity,
    /// What was asked.
    pub request: Checkout,
    /// Why not.
    pub denial: Denial,
    /// How many equal refusals this event stands for; at least 1.
    pub times: u32,
}
