//! Messages: what a client says. [`super::server_message`] has what a server says.

use std::fmt;

use super::grounds::GroundsPart;
use super::server_message::{LicensePart, LineText, Notice, RecordText, ServerInfo, StatusItem, Welcome};
use crate::event::{Answer, Checkin, Checkout, Claims, Denial, Removal, RemovalTarget};
use crate::ident::{Digest, FeatureName, Handle, Host, SessionId, Token, User, VendorName};
use crate::time::Timestamp;

/// One message of the framed protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// First message of a connection.
    Hello(Box<Hello>),
    /// Asks for licenses.
    Checkout(Checkout),
    /// Gives licenses back.
    Checkin(Checkin),
    /// Says that the client lives.
    Heartbeat {
        /// The client has received all answers up to this number.
        acknowledged: Token,
        /// For how many seconds its user has done nothing; none if the client does not watch him.
        idle_s: Option<u32>,
    },
    /// Ends the session and frees its seats.
    Goodbye,
    /// Asks for the signed line with this digest.
    FetchLine(Digest),
    /// Asks who has what.
    AskStatus {
        /// Only this feature.
        feature: Option<FeatureName>,
        /// With the users of each pool.
        users: bool,
    },
    /// Asks lmgrd what it serves.
    AskServer,
    /// Asks lmgrd for the port of a vendor daemon.
    Locate(VendorName),
    /// Asks for a nonce for a control request.
    AskNonce,
    /// Orders something.
    Control(Box<Control>),
    /// Asks lmgrd for the text of the license files that it serves.
    AskLicenses,
    /// Asks for another record of a borrow.
    Renew {
        /// Which borrow, and the secret that belongs to it.
        borrow: BorrowClaim,
        /// When it shall end from now on; none if at the time that was asked for before.
        ends: Option<Timestamp>,
    },
    /// Gives borrowed licenses back before the end.
    Return(BorrowClaim),
    /// Asks for the signed record of a borrow.
    FetchRecord {
        /// Which borrow; none for the one that the secret belongs to.
        handle: Option<Handle>,
        /// The secret that belongs to it.
        secret: [u8; 32],
    },

    /// Answers [`Message::Hello`].
    Welcome(Box<Welcome>),
    /// Answers [`Message::Checkout`], [`Message::Checkin`], [`Message::Renew`] and [`Message::Return`].
    Answer {
        /// The number of the request.
        token: Token,
        /// What came of it.
        answer: Answer,
    },
    /// Answers [`Message::Heartbeat`].
    HeartbeatAck {
        /// The server's time.
        time: Timestamp,
    },
    /// Answers [`Message::Goodbye`]; the server closes after it.
    Farewell,
    /// Answers [`Message::FetchLine`].
    Line(LineText),
    /// Answers [`Message::AskStatus`]: a sequence of frames, of which each decodes to a message with a part of the items.
    Status(Vec<StatusItem>),
    /// Answers [`Message::AskServer`].
    Server(Box<ServerInfo>),
    /// Answers [`Message::Locate`]. The client dials the port at the address where it reached lmgrd.
    Located {
        /// TCP port of the vendor daemon.
        port: u16,
    },
    /// Answers [`Message::AskNonce`].
    Nonce {
        /// Fresh random bytes, good for one control request on this connection.
        nonce: [u8; 32],
        /// Where the administrator's key lies on the server's machine.
        key_path: String,
    },
    /// Answers [`Message::Control`].
    Done {
        /// What was done, for people; at least one line.
        lines: Vec<String>,
        /// Why not all of it was done; none if it was.
        refused: Option<Denial>,
    },
    /// Answers [`Message::AskLicenses`]: a sequence of frames, of which each decodes to a message with some of the parts.
    Licenses(Vec<LicensePart>),
    /// Answers [`Message::Control`] with [`ControlVerb::Explain`]: a sequence of frames, of which each decodes to a message
    /// with some of the parts.
    Grounds(Vec<GroundsPart>),
    /// Answers [`Message::FetchRecord`].
    Record(RecordText),
    /// Refuses a request that has no answer of its own.
    Error(Denial),
    /// Not asked for; request id 0.
    Notice(Notice),
}

/// A request about a borrow, with the proof that it is the client's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BorrowClaim {
    /// Number of the request in its session, increasing.
    pub token: Token,
    /// The client has received all answers up to this number.
    pub acknowledged: Token,
    /// Which borrow.
    pub handle: Handle,
    /// The secret that the client drew for it.
    pub secret: [u8; 32],
}

impl fmt::Debug for BorrowClaim {
    /// Leaves the secret out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BorrowClaim")
            .field("token", &self.token)
            .field("acknowledged", &self.acknowledged)
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}

/// First message of a connection: versions, purpose, time, and who the client says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Major version of the protocol that the client speaks.
    pub major: u8,
    /// Minor version of the protocol that the client speaks.
    pub minor: u8,
    /// Why it connects.
    pub purpose: Purpose,
    /// Its UTC time.
    pub time: Timestamp,
    /// Who it says it is; at most [`super::limits::HOSTIDS_MAX`] hostids.
    pub claims: Claims,
    /// The vendor daemon it expects to meet; none at lmgrd.
    pub vendor: Option<VendorName>,
}

/// Why a client connects.
#[derive(Clone, PartialEq, Eq)]
pub enum Purpose {
    /// To begin a session.
    New,
    /// To go on with a session.
    Resume {
        /// Its name.
        session: SessionId,
        /// The secret that the server gave.
        secret: [u8; 32],
        /// The newest epoch that the client knows.
        epoch: u32,
        /// Fresh for this step; the same when the step is repeated because its answer was lost.
        nonce: [u8; 16],
    },
    /// To ask or to order something without a session: status, place, control. Any clock difference is allowed.
    Ask,
}

impl fmt::Debug for Purpose {
    /// Leaves the secret out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("New"),
            Self::Resume { session, epoch, .. } => f
                .debug_struct("Resume")
                .field("session", session)
                .field("epoch", epoch)
                .finish_non_exhaustive(),
            Self::Ask => f.write_str("Ask"),
        }
    }
}

/// An order to the server, with proof that the sender knows the administrator's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// What to do.
    pub verb: ControlVerb,
    /// Who orders it.
    pub user: User,
    /// From which host.
    pub host: Host,
    /// The server's nonce.
    pub nonce: [u8; 32],
    /// HMAC-SHA256 with the administrator's key over the nonce and [`Control::proved_bytes`].
    pub proof: [u8; 32],
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlVerb {
    /// End in order.
    Shutdown {
        /// Only this vendor daemon; none means all and lmgrd itself.
        vendor: Option<VendorName>,
        /// Even if somebody works.
        force: bool,
    },
    /// Read license files and options files again.
    Reread {
        /// Only this vendor daemon; none means all and lmgrd itself.
        vendor: Option<VendorName>,
        /// Bad lines of options files are skipped instead of refusing the file.
        force: bool,
    },
    /// Tell a vendor daemon's grounds for decisions about a feature. Changes nothing.
    Explain {
        /// Which feature.
        feature: FeatureName,
    },
    /// Take licenses back.
    Remove {
        /// Which vendor daemon has them.
        vendor: VendorName,
        /// Which.
        removal: Removal,
    },
    /// Tell a vendor daemon that the wall clock of its machine is right.
    AcceptClock,
    /// Tell a vendor daemon that a borrow is wanted back: its record is renewed no more.
    Recall {
        /// What was borrowed.
        feature: FeatureName,
        /// The name of the borrow, as lmstat prints it.
        handle: Handle,
    },
}

impl ControlVerb {
    /// Its number on the wire, the vendor daemon that is meant, and whether it is forced.
    #[must_use]
    pub const fn parts(&self) -> (u8, Option<&VendorName>, bool) {
        match self {
            Self::Shutdown { vendor, force } => (1, vendor.as_ref(), *force),
            Self::Reread { vendor, force } => (2, vendor.as_ref(), *force),
            Self::Explain { .. } => (3, None, false),
            Self::Remove { vendor, .. } => (4, Some(vendor), false),
            Self::AcceptClock => (5, None, false),
            Self::Recall { .. } => (6, None, false),
        }
    }

    /// The feature that it is about.
    #[must_use]
    pub const fn feature(&self) -> Option<&FeatureName> {
        match self {
            Self::Shutdown { .. } | Self::Reread { .. } | Self::AcceptClock => None,
            Self::Explain { feature } | Self::Recall { feature, .. } => Some(feature),
            Self::Remove { removal, .. } => Some(&removal.feature),
        }
    }

    /// The borrow that it is about.
    #[must_use]
    pub const fn recalled(&self) -> Option<Handle> {
        match self {
            Self::Recall { handle, .. } => Some(*handle),
            _ => None,
        }
    }

    /// What it takes back.
    #[must_use]
    pub const fn target(&self) -> Option<&RemovalTarget> {
        match self {
            Self::Shutdown { .. }
            | Self::Reread { .. }
            | Self::Explain { .. }
            | Self::AcceptClock
            | Self::Recall { .. } => None,
            Self::Remove { removal, .. } => Some(&removal.target),
        }
    }
}
