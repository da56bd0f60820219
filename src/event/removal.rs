//! What an administrator takes back with lmremove (`flexnet-tools.md` 2.11).

use std::fmt;

use crate::ident::{Display, FeatureName, Handle, Host, User};

/// An administrator took licenses back, or a waiting request out of its queue. What that ended stands behind it in the same
/// record: [`super::In`] with [`super::InReason::UserRemoved`], [`super::Dequeued`] with [`super::DequeueReason::Removed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Who ordered it, such as `ann@ws01`.
    pub by: String,
    /// What was ordered.
    pub removal: Removal,
}

/// What is to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The feature; for a suite its package.
    pub feature: FeatureName,
    /// Which checkouts of it.
    pub target: RemovalTarget,
}

/// Which checkouts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemovalTarget {
    /// That of this name, or the request that waits under it.
    Handle(Handle),
    /// All of one client.
    Client {
        /// Its user.
        user: User,
        /// Its host.
        host: Host,
        /// Its display.
        display: Display,
    },
}

impl fmt::Display for Removal {
    /// `"fx" ann@ws01 :0`, or `"fx" handle 12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { feature, target } = self;
        match target {
            RemovalTarget::Handle(handle) => write!(f, "\"{feature}\" handle {handle}"),
            RemovalTarget::Client { user, host, display } => {
                write!(f, "\"{feature}\" {user}@{host} {display}")
            }
        }
    }
}
