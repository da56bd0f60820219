//! Requests and answers, as the engine sees them.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Borrow, Borrowing, Denial};
use crate::ident::{
    CheckoutData, Count, Digest, Display, DupMask, FeatureName, Handle, Host, Platform, PoolKey, Project,
    Token, User, Version,
};
use crate::time::Timestamp;

/// Who a client says it is: each part is a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the noun that its type names")]
pub struct Claims {
    pub user: User,
    pub host: Host,
    pub display: Display,
    /// Value of `LM_PROJECT`.
    pub project: Option<Project>,
    /// Its platform, such as `x64_lsb`.
    pub platform: Option<Platform>,
    /// Hostids of the client's machine in license-file spelling, at most 16.
    pub hostids: Vec<Host>,
    /// Process id on the client's machine, if it says one.
    pub pid: Option<u32>,
}

/// Who a client is to the server: its claims, and what the server knows by itself. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity(Arc<Known>);

#[derive(Debug, PartialEq, Eq)]
struct Known {
    claims: Claims,
    address: IpAddr,
    kind: SessionKind,
}

impl Identity {
    /// Adds the socket's address and the protocol to the claims.
    #[must_use]
    pub fn new(claims: Claims, address: IpAddr, kind: SessionKind) -> Self {
        Self(Arc::new(Known { claims, address, kind }))
    }

    /// A number that no other identity has as long as this one is there.
    #[must_use]
    pub fn place(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// The address at the other end of the socket.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.0.address
    }

    /// Which protocol the session speaks.
    #[must_use]
    pub fn kind(&self) -> SessionKind {
        self.0.kind
    }
}

impl std::ops::Deref for Identity {
    type Target = Claims;
    fn deref(&self) -> &Claims {
        &self.0.claims
    }
}

/// How long a session lives (DESIGN section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionKind {
    /// Framed protocol: lives through reconnections and restarts.
    Framed,
    /// Line protocol: lives with its socket.
    Line,
}

/// A request for licenses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Number of the request in its session, increasing.
    pub token: Token,
    /// The client has received all answers up to this number.
    pub acknowledged: Token,
    /// Which feature.
    pub feature: FeatureName,
    /// Which version; lines of this or a higher one satisfy it.
    pub version: Version,
    /// How many licenses at once.
    pub count: Count,
    /// What else it asks for.
    pub wishes: Wishes,
}

/// What a request asks for beside licenses; usually nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wishes {
    /// By what the application lets its checkouts share a license, where the license does not say (`flexnet-files.md` 3.7).
    pub share: DupMask,
    /// The application's own text.
    pub data: Option<CheckoutData>,
    /// To wait for licenses if none are free, instead of hearing no.
    pub queue: Option<Queueing>,
    /// To take the licenses along until a time. Such a request does not wait.
    pub borrow: Option<Borrowing>,
}

/// How a request waits for licenses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Queueing {
    /// How long licenses that have become free are held for it until they pass on, in seconds; 0 means the server's usual
    /// time, and what is more than its longest is cut to that.
    pub hold_s: u32,
}

/// A request to give licenses back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkin {
    /// Number of the request in its session, increasing.
    pub token: Token,
    /// The client has received all answers up to this number.
    pub acknowledged: Token,
    /// Which checkout ends.
    pub handle: Handle,
}

/// What a client is told of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The licenses are the session's.
    Granted(Grant),
    /// The licenses of this handle are free again.
    CheckedIn(Handle),
    /// Refused.
    Denied(Denial),
    /// The request waits. The same request number again tells the place of that time, or gets the licenses if they are held for it.
    Queued(Place),
    /// The borrow has this record and this end from now on.
    Renewed {
        /// Which borrow.
        handle: Handle,
        /// What it has come to.
        borrow: Borrow,
    },
    /// The request number was acknowledged, checked in or passed before: nothing was done.
    Spent,
}

/// Where a request stands that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The name of the waiting request; giving it back ends the waiting.
    pub handle: Handle,
    /// 1 for the one whose turn it is.
    pub position: u32,
    /// How long it may take, in seconds, by how long licenses of the feature were held of late; none if that is not known.
    pub wait_s: Option<u32>,
}

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The name of this checkout.
    pub handle: Handle,
    /// The pool that the licenses come from.
    pub pool: PoolKey,
    /// Digests of the signed lines behind it; the client may fetch and verify each.
    pub lines: Arc<[Digest]>,
    /// When the line expires; none if never.
    pub expires: Option<Timestamp>,
    /// Whether it is made under the demo manifest.
    pub demo: bool,
    /// Until when the licenses are borrowed, if that was asked for.
    pub borrow: Option<Borrow>,
}
