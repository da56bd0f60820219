//! Events of the queue.

use super::{Checkout, Denial, EndReason, Identity, Shares};
use crate::ident::{Handle, PoolKey, SessionId, Token};
use crate::time::Timestamp;

/// A request waits for licenses, behind all that wait for its feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Whose request.
    pub session: SessionId,
    /// Who that is.
    pub identity: Identity,
    /// What was asked.
    pub request: Checkout,
    /// The name of the waiting request, out of the same numbers as those of checkouts. Its checkout gets another.
    pub handle: Handle,
}

/// A later request got licenses that those ahead of it could not use yet. Stands in the record of that grant or offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The requests that were passed, by their names, in the order of the queue.
    pub entries: Vec<Handle>,
}

/// Licenses are held for a request that waits: they count as in use until it takes them or the time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Whose request.
    pub session: SessionId,
    /// Who that is.
    pub identity: Identity,
    /// What was asked.
    pub request: Checkout,
    /// The name of the waiting request.
    pub entry: Handle,
    /// The name of the checkout to come.
    pub handle: Handle,
    /// The pool that the licenses are held in.
    pub pool: PoolKey,
    /// The checkouts there with which it uses the same licenses; none if it can't share.
    pub shares: Option<Shares>,
    /// Of a suite's component: what is held of the package that goes with it.
    pub package: Option<OfferedPackage>,
    /// Until when they are held.
    pub until: Timestamp,
}

/// What is held of a package for a request for one of its components. As many licenses, and for as long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedPackage {
    /// The name of the package's checkout to come.
    pub handle: Handle,
    /// The pool that the licenses are held in.
    pub pool: PoolKey,
    /// The checkouts there with which it uses the same licenses; none if it can't share.
    pub shares: Option<Shares>,
}

impl Offered {
    /// Gives the checkouts to come the handles of another offer, also where they name the groups that they begin.
    pub fn rename(&mut self, like: &Self) {
        rename(&mut self.handle, self.shares.as_mut(), like.handle);
        if let (Some(package), Some(like)) = (&mut self.package, &like.package) {
            rename(&mut package.handle, package.shares.as_mut(), like.handle);
        }
    }
}

fn rename(from: &mut Handle, shares: Option<&mut Shares>, to: Handle) {
    if let Some(shares) = shares.filter(|shares| shares.group == *from) {
        shares.group = to;
    }
    *from = to;
}

/// A request waits no more and got nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dequeued {
    /// Whose request.
    pub session: SessionId,
    /// Its number in the session.
    pub token: Token,
    /// The name of the waiting request.
    pub entry: Handle,
    /// The name of the checkout for which licenses were held, if any were: they are free again.
    pub offer: Option<Handle>,
    /// Why.
    pub why: DequeueReason,
}

/// Why a request waits no more without having got its licenses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DequeueReason {
    /// The client asked, with this request number and acknowledgement.
    Cancelled {
        /// The request's number.
        token: Token,
        /// All answers up to this one have arrived.
        acknowledged: Token,
    },
    /// Its session ended.
    Ended(EndReason),
    /// The licenses that were held for it were not taken in time.
    Lapsed(Denial),
    /// It can never be met any more.
    Impossible(Denial),
    /// An administrator took it out with lmremove; [`super::Event::Removed`] of the same record says who.
    Removed(Denial),
}
