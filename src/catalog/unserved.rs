//! Names that stand in the files but are not served, and what a request for them is told.

use crate::code::{Code, minor};
use crate::event::Denial;

/// Why nothing is served under a name that stands in the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unserved {
    /// Its lines belong to a file whose SERVER hostid is not this machine's.
    WrongServerHostid {
        /// Both hostids, in words.
        reason: String,
        /// The licenses of its lines added up; 0 if they can't be told.
        licenses: u32,
    },
    /// All of its lines were refused or are of a kind that is not served.
    NotServed {
        /// The fate of the first such line, with its place.
        reason: String,
        /// The licenses of its lines added up; 0 if they can't be told.
        licenses: u32,
    },
}

impl Unserved {
    /// The licenses of its lines, for lmstat's `(Error: n licenses, unsupported by licensed server)`.
    #[must_use]
    pub const fn licenses(&self) -> u32 {
        match self {
            Self::WrongServerHostid { licenses, .. } | Self::NotServed { licenses, .. } => *licenses,
        }
    }

    /// Why, in words.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::WrongServerHostid { reason, .. } | Self::NotServed { reason, .. } => reason,
        }
    }

    /// The answer to a request for the name (`flexnet-files.md` 3.4).
    #[must_use]
    pub fn denial(&self) -> Denial {
        match self {
            Self::WrongServerHostid { reason, .. } => {
                Denial::new(Code::FeatureRemoved, minor::SERVER_HOSTID, reason)
            }
            Self::NotServed { reason, .. } => {
                Denial::new(Code::FeatureNotSupported, minor::LINES_NOT_SERVED, reason)
            }
        }
    }
}
