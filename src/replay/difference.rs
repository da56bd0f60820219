//! A request that comes out otherwise than it was recorded.

use std::fmt;

use crate::event::{Denial, Identity};
use crate::ident::{Count, FeatureName, PoolKey, Version};
use crate::time::Timestamp;

/// One request with both verdicts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// When it was asked; of a lost seat, when it was lost.
    pub at: Timestamp,
    /// In which way the verdicts differ.
    pub kind: Kind,
    /// Who asked.
    pub identity: Identity,
    /// For which feature.
    pub feature: FeatureName,
    /// For which version.
    pub version: Version,
    /// For how many licenses.
    pub count: Count,
    /// Until when they were to be borrowed; none if that was not asked for.
    pub borrow_ends: Option<Timestamp>,
    /// What was recorded.
    pub recorded: Verdict,
    /// What the replay came to.
    pub replayed: Verdict,
}

/// In which way two verdicts differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It was granted and would be denied.
    NewlyDenied,
    /// It was denied and would be granted.
    NewlyGranted,
    /// It would be granted from another pool.
    OtherPool,
    /// It would be granted from the same pool on other terms: other license lines, or another end.
    OtherTerms,
    /// It would be denied too, for another reason.
    OtherReason,
    /// It was and would be granted, but a reread would have ended it.
    Lost,
    /// A reread ended it and would not have.
    Kept,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::NewlyDenied,
        Self::NewlyGranted,
        Self::OtherPool,
        Self::OtherTerms,
        Self::OtherReason,
        Self::Lost,
        Self::Kept,
    ];

    /// As programs read it: `newly_denied`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NewlyDenied => "newly_denied",
            Self::NewlyGranted => "newly_granted",
            Self::OtherPool => "other_pool",
            Self::OtherTerms => "other_terms",
            Self::OtherReason => "other_reason",
            Self::Lost => "lost",
            Self::Kept => "kept",
        }
    }

    /// Whether somebody is served otherwise: what a client is told of a denial is not that.
    #[must_use]
    pub const fn is_service(self) -> bool {
        !matches!(self, Self::OtherTerms | Self::OtherReason)
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Granted, from this pool; none where a log does not say from which.
    Granted(Option<PoolKey>),
    /// Refused.
    Denied(Denial),
    /// Granted, and ended by a reread that left no pool for it.
    Ended,
    /// Not a verdict: the engine did not take the request in the state of the replay, for this reason.
    Refused(Denial),
}

impl fmt::Display for Verdict {
    /// `granted from f1 2`, or the denial as the log prints it with the line of the options file that decided.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Granted(Some(pool)) => write!(f, "granted from {pool}"),
            Self::Granted(None) => f.write_str("granted"),
            Self::Denied(denial) | Self::Refused(denial) => {
                write!(f, "{denial}")?;
                if !denial.note.is_empty() {
                    write!(f, " {}", denial.note)?;
                }
                Ok(())
            }
            Self::Ended => f.write_str("ended by a reread: no pool is left for it (-92)"),
        }
    }
}
