//! Messages: what a server says.

use std::fmt;
use std::sync::Arc;

use crate::event::Denial;
use crate::ident::{Digest, Display, FeatureName, Handle, Host, SessionId, Token, User, VendorName, Version};
use crate::time::Timestamp;

/// Answer to a greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// Major version of the protocol that the server speaks.
    pub major: u8,
    /// Minor version of the protocol that the server speaks.
    pub minor: u8,
    /// Name and version of the program, for people.
    pub program: String,
    /// Which vendor daemon this is; none for lmgrd.
    pub vendor: Option<VendorName>,
    /// The server's time.
    pub time: Timestamp,
    /// The session, if the client asked for one.
    pub session: Option<SessionTerms>,
}

/// Terms of a session.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionTerms {
    /// Its name.
    pub id: SessionId,
    /// Needed to resume it; all zero in the answer to a resume.
    pub secret: [u8; 32],
    /// The epoch that holds from now on.
    pub epoch: u32,
    /// How long a silent session keeps its seats, in seconds.
    pub lease_s: u32,
    /// How often to send a heartbeat, in seconds.
    pub heartbeat_s: u32,
    /// How long the session lives after the connection closes, in seconds.
    pub grace_s: u32,
    /// Whether this is a resumed session.
    pub resumed: bool,
    /// Whether the server works under the demo manifest.
    pub demo: bool,
    /// The handles that the session holds, at most the first [`super::limits::HELD_MAX`].
    pub held: Vec<Handle>,
    /// Checkouts that the session has lost without having given them up, at most [`super::limits::LOST_MAX`].
    pub lost: Vec<LostSeat>,
}

/// A checkout that a client has no longer, though it did not give it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostSeat {
    /// Which.
    pub handle: Handle,
    /// Why.
    pub denial: Denial,
}

impl fmt::Debug for SessionTerms {
    /// Leaves the secret out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionTerms")
            .field("id", &self.id)
            .field("epoch", &self.epoch)
            .field("lease_s", &self.lease_s)
            .field("heartbeat_s", &self.heartbeat_s)
            .field("grace_s", &self.grace_s)
            .field("resumed", &self.resumed)
            .field("demo", &self.demo)
            .field("held", &self.held)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

/// A signed license line, for the client to verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineText {
    /// Canonical text (`grammar/signature.md`).
    pub canonical: String,
    /// Value of its `SIGN=`.
    pub sign: String,
}

/// The signed record of a borrow (`grammar/borrow-record.md`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordText {
    /// The signed text.
    pub text: String,
    /// The signature.
    pub sign: String,
    /// Digests of the signed lines that are behind the borrow now, at most [`super::limits::GRANT_LINES_MAX`].
    pub lines: Arc<[Digest]>,
}

/// What lmgrd serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// Host name of the SERVER line.
    pub host: Host,
    /// The port that lmgrd listens on.
    pub port: u16,
    /// Version of the program.
    pub version: String,
    /// License files, in path order.
    pub files: Vec<String>,
    /// Vendor daemons, in file order.
    pub vendors: Vec<VendorInfo>,
}

/// One vendor daemon of an lmgrd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorInfo {
    /// Its name.
    pub name: VendorName,
    /// The port it listens on, once it said so.
    pub port: Option<u16>,
    /// Whether it serves.
    pub up: bool,
}

/// A piece of the license files of a server; pieces come in the order of the files and of their bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LicensePart {
    /// A file begins; its bytes follow.
    File {
        /// Its name on the server.
        name: String,
        /// Why the server can't read it, or not to its end; then no bytes follow, or not all.
        unreadable: Option<String>,
    },
    /// The next bytes of the file before it, at most [`super::limits::LICENSE_CHUNK_BYTES_MAX`].
    Bytes(Vec<u8>),
}

/// Where a server's clock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockInfo {
    /// What it says.
    pub time: Timestamp,
    /// The time that is confirmed.
    pub mark: Timestamp,
    /// In how many seconds it is believed if it is ahead and nobody sets it; 0 if it is not ahead.
    pub believed_in_s: u32,
    /// Whether the machine was off since clock and mark last agreed.
    pub was_off: bool,
}

/// One line of a status answer; items come in the order in which lmstat prints them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusItem {
    /// The vendor daemon itself; comes first.
    Daemon {
        /// Its name.
        vendor: VendorName,
        /// Version of the program.
        version: String,
        /// Host name of the SERVER line.
        host: Host,
        /// The port of its lmgrd.
        lmgrd_port: u16,
        /// Printed after all features: demo, store failing and the like.
        notes: Vec<String>,
    },
    /// Clock and time mark of the vendor daemon's machine.
    Clock(ClockInfo),
    /// A feature; its pools follow.
    Feature {
        /// Its name.
        name: FeatureName,
        /// How its licenses are counted.
        count: FeatureCount,
    },
    /// A pool; its reservations and its users follow. Sent only if it has any and they were asked for.
    Pool {
        /// Its feature.
        feature: FeatureName,
        /// Its version.
        version: Version,
        /// Its vendor daemon.
        vendor: VendorName,
        /// Expiry as lmstat prints it, such as `31-dec-2027`; none if it never expires.
        expiry: Option<String>,
        /// Its VENDOR_STRING.
        vendor_string: Option<String>,
        /// What kind of licenses.
        kind: PoolKind,
    },
    /// What is idle of a reservation in the pool before it; comes before the pool's users.
    Reservation {
        /// Licenses that are set aside and not in use.
        count: u32,
        /// For whom, such as `GROUP drawing`.
        holder: String,
    },
    /// One checkout of the pool before it.
    User {
        /// Who.
        user: User,
        /// Where.
        host: Host,
        /// On which display.
        display: Display,
        /// The version that was asked for.
        version: Version,
        /// Name of the checkout.
        handle: Handle,
        /// Since when.
        start: Timestamp,
        /// How many licenses.
        count: u32,
        /// For how long it lingers; none if a session has it.
        linger: Option<LingerTime>,
    },
    /// One request that waits for the pool before it; they come after the pool's users, in the order of the queue.
    Queued {
        /// Who.
        user: User,
        /// Where.
        host: Host,
        /// On which display.
        display: Display,
        /// The version that was asked for.
        version: Version,
        /// Name of the waiting request.
        handle: Handle,
        /// How many licenses.
        count: u32,
    },
}

/// How long a license lingers that was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LingerTime {
    /// Seconds until it comes back.
    pub left_s: u32,
    /// Seconds in all.
    pub total_s: u32,
}

/// How the licenses of a feature are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureCount {
    /// So many of so many.
    Counted {
        /// Licenses issued.
        issued: u32,
        /// Licenses in use, those that are set aside and idle among them.
        in_use: u32,
    },
    /// Not counted.
    Uncounted,
    /// Stands in the files but is not served.
    Unserved {
        /// Licenses on its lines.
        licenses: u32,
    },
}

/// What kind of licenses a pool has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolKind {
    /// Counted, for every machine.
    Floating,
    /// Counted, for machines with this hostid.
    NodeLocked(String),
    /// Not counted, for every machine.
    UncountedAny,
    /// Not counted, for machines with this hostid.
    UncountedLocked(String),
}

/// What a server tells a client unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The session is over, with all its seats.
    SessionEnded {
        /// Why.
        denial: Denial,
    },
    /// One checkout is over; the session goes on.
    SeatLost {
        /// Which.
        handle: Handle,
        /// Why.
        denial: Denial,
    },
    /// Licenses are held for a request that waits: the client gets them by sending the request again under its number.
    Offered {
        /// The request's number.
        token: Token,
        /// The name of the waiting request.
        handle: Handle,
        /// How long they are held, in seconds from now.
        hold_s: u32,
    },
    /// A request waits no more, and gets nothing.
    Dequeued {
        /// The request's number.
        token: Token,
        /// The name of the waiting request.
        handle: Handle,
        /// Why.
        denial: Denial,
    },
}
