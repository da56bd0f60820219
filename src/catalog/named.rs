//! Lines that are for those alone whom INCLUDE lines of the options file name (`flexnet-files.md` 3.11).

use super::pool::{Lot, Pool};
use crate::license::{FeatureLine, LicenseCount};
use crate::text;
use crate::time::Timestamp;

/// Whom a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Named {
    /// USER_BASED: users that are named.
    Users,
    /// HOST_BASED: hosts that are named.
    Hosts,
}

impl Named {
    const ALL: [Self; 2] = [Self::Users, Self::Hosts];

    /// The attribute that says so.
    #[must_use]
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::Users => "USER_BASED",
            Self::Hosts => "HOST_BASED",
        }
    }

    /// So many of them, in words.
    #[must_use]
    pub fn counted(self, count: u64) -> String {
        let noun = match self {
            Self::Users => "user",
            Self::Hosts => "host",
        };
        text::counted(count, noun)
    }

    /// What a line says of it. A line may be for named users on named hosts.
    pub(super) fn of(line: &FeatureLine) -> Vec<Self> {
        Self::ALL.into_iter().filter(|named| line.attribute(named.attribute()).is_some()).collect()
    }

    /// How many names a lot of so many licenses brings. DECISION (3.11): num_lic is the number of licenses that the lot has in the
    /// end: behind an UPGRADE what that left or moved, for a component of a package n × N. None if it is not limited, which only an
    /// uncounted line without a number is.
    pub(super) fn most(self, line: &FeatureLine, count: u32) -> Option<u32> {
        let attribute = line.attribute(self.attribute())?;
        match attribute.value.as_deref() {
            Some(digits) => Some(digits.parse().unwrap_or(u32::MAX)),
            None if line.count == LicenseCount::Uncounted => None,
            None => Some(count),
        }
    }
}

impl Pool {
    /// How many names its lots have room for at an instant, or all of them together whatever their dates. None if that is not limited.
    ///
    /// DECISION (3.11): each lot brings its own number, those with `=n` too. OVERDRAFT brings none.
    #[must_use]
    pub fn names_at(&self, named: Named, utc: Option<Timestamp>) -> Option<u64> {
        let lots = self.lots.iter().filter(|lot| utc.is_none_or(|utc| lot.is_valid_at(utc)));
        let most = |lot: &Lot| match named {
            Named::Users => lot.users,
            Named::Hosts => lot.hosts,
        };
        lots.map(|lot| most(lot).map(u64::from)).try_fold(0_u64, |sum, most| Some(sum.saturating_add(most?)))
    }
}
