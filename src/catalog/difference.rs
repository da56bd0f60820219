//! The difference of two catalogs in meaning: what requests would notice, whatever the files look like.
//!
//! Pools belong together if their keys are equal; else, within one feature and version, if all keys but one are, else
//! in their order. The lots of a pool belong together if their lines are equal, else by serial number, else by count
//! and dates, else in their order. Everything takes time proportional to the catalogs.

mod compare;
mod pairing;
mod print;

#[cfg(feature = "cli")]
pub(crate) use compare::attribute_changes;
#[cfg(feature = "cli")]
pub(crate) use pairing::Pairing;

use crate::ident::{FeatureName, PoolKey};
use crate::license::Expiry;
use crate::time::{CivilDate, Timestamp};

use super::{Catalog, LinePlace, LineVerdict, NamedValue, Unserved};

/// What changed from one catalog to another. Printed as one block of lines for each change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Pools that only the old catalog has, in its order.
    pub removed: Vec<PoolFacts>,
    /// Pools that only the new one has, in its order.
    pub added: Vec<PoolFacts>,
    /// Pools of both that are not the same, in the order of the new one.
    pub changed: Vec<PoolChange>,
    /// Features whose common pools are tried in another order.
    pub order: Vec<OrderChange>,
    /// Names that stand in the files and are served by neither catalog, with another answer to requests.
    pub names: Vec<NameChange>,
    /// Lines of both catalogs that counted in one of them only, or don't count for another reason.
    pub verdicts: Vec<VerdictChange>,
    /// New lines that add nothing. They change nothing, so they are no difference by themselves.
    pub idle: Vec<LineVerdict>,
}

/// How many licenses a pool has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// Any number.
    Uncounted,
    /// That many.
    Counted(u64),
}

/// A pool as far as the difference tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolFacts {
    /// All its keys.
    pub key: PoolKey,
    /// All licenses of its lots, whether they are valid at present or not.
    pub size: Size,
    /// Its lots in the order of their lines.
    pub lots: Vec<LotFacts>,
}

/// A lot as far as the difference tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotFacts {
    /// Where its line stands.
    pub place: LinePlace,
    /// Number of licenses; 0 on an uncounted line.
    pub count: u32,
    /// Licenses beyond the count.
    pub overdraft: u32,
    /// First day of validity, as the line has it.
    pub start: Option<CivilDate>,
    /// First instant of validity.
    pub starts: Option<Timestamp>,
    /// First instant after validity.
    pub ends: Option<Timestamp>,
    /// The expiry as a date.
    pub expiry: Expiry,
    /// What the publisher has signed on its line beside all that and beside the keys of the pool, by name.
    pub attributes: Vec<NamedValue>,
}

/// A pool that was and is, but not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolChange {
    /// It as it was.
    pub old: PoolFacts,
    /// It as it is.
    pub new: PoolFacts,
    /// Its keys that differ.
    pub keys: Vec<AttributeChange>,
    /// Its lots that differ.
    pub lots: Vec<LotChange>,
}

/// An attribute that was added, removed or changed. An attribute without a value has an empty one here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeChange {
    /// Its name.
    pub name: String,
    /// Its old value, if it was there.
    pub old: Option<String>,
    /// Its new value, if it is there.
    pub new: Option<String>,
}

/// A lot that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LotChange {
    /// Only the old pool has it.
    Removed(LotFacts),
    /// Only the new pool has it.
    Added(LotFacts),
    /// Both have it, with other terms.
    Changed {
        /// It as it was.
        old: LotFacts,
        /// It as it is.
        new: LotFacts,
        /// Signed attributes that differ.
        attributes: Vec<AttributeChange>,
    },
}

/// Another order of pools that stand in both catalogs: other pools are used up first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderChange {
    /// The feature.
    pub feature: FeatureName,
    /// Its pools in the order in which requests were to try them.
    pub old: Vec<PoolKey>,
    /// Its pools in the order in which requests are to try them.
    pub new: Vec<PoolKey>,
}

/// Another answer to requests for a name that is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameChange {
    /// The name.
    pub name: FeatureName,
    /// Why it was not served; none if it stood nowhere.
    pub old: Option<Unserved>,
    /// Why it is not served; none if it stands nowhere.
    pub new: Option<Unserved>,
}

/// A line whose fate is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictChange {
    /// The line and its fate in the old catalog.
    pub old: LineVerdict,
    /// The line and its fate in the new one.
    pub new: LineVerdict,
}

/// What changed from `old` to `new`.
#[must_use]
pub fn difference(old: &Catalog, new: &Catalog) -> Difference {
    compare::catalogs(old, new)
}

impl Difference {
    /// Whether the catalogs mean the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { removed, added, changed, order, names, verdicts, idle: _ } = self;
        removed.is_empty()
            && added.is_empty()
            && changed.is_empty()
            && order.is_empty()
            && names.is_empty()
            && verdicts.is_empty()
    }
}

impl PoolChange {
    /// Whether the number of licenses or the overdraft is another one.
    #[must_use]
    pub fn resized(&self) -> bool {
        self.old.size != self.new.size || self.old.overdraft() != self.new.overdraft()
    }
}

impl PoolFacts {
    /// The overdraft of all its lots.
    #[must_use]
    pub fn overdraft(&self) -> u64 {
        self.lots.iter().map(|lot| u64::from(lot.overdraft)).sum()
    }
}

impl LotFacts {
    /// Whether it is valid in another span of time.
    #[must_use]
    pub fn moved_to(&self, new: &Self) -> bool {
        (self.starts, self.ends, self.expiry) != (new.starts, new.ends, new.expiry)
    }
}

#[cfg(test)]
mod tests;
