//! What can be served: pools of licenses built from signed license lines (`flexnet-files.md` 3).
//!
//! The way of the lines: `admit` judges each by itself (file, signature, doubles), `supersede` takes out what newer lines
//! have replaced, `shadow` chooses among counted FEATURE lines, `upgrade` moves licenses to other versions, `package`
//! makes components of bundles, `order` sorts, and what comes of it is pooled.
//!
//! [`Catalog::build`] gives every line of the vendor a verdict, the sound ones a pool, and every name that stands in
//! the files but is not served a reason. It turns civil dates into instants once, with the server's zone; the engine
//! above knows instants only. A catalog never changes: a reread builds another one.

mod admit;
mod attributes;
mod build;
mod difference;
mod granted;
mod keys;
mod named;
mod nearest;
mod order;
mod package;
mod part;
mod pool;
mod shadow;
mod supersede;
mod unserved;
mod upgrade;
mod verdict;
mod verify;

pub use attributes::NamedValue;
pub use difference::{
    AttributeChange, Difference, LotChange, LotFacts, NameChange, OrderChange, PoolChange, PoolFacts, Size,
    VerdictChange, difference,
};
#[cfg(feature = "cli")]
pub(crate) use difference::{Pairing, attribute_changes};
pub use granted::Granted;
pub use keys::key_parts;
pub use named::Named;
pub use package::COMPONENT_LOTS_MAX;
pub use pool::{Lot, Period, Pool, Retirement, SignedLine, Suite, borrow_hours};
pub use unserved::Unserved;
pub use verdict::{IgnoredReason, LinePlace, LineVerdict, Note, RefusedReason, Verdict};
pub(crate) use verify::{Claim, verify};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ident::{Digest, FeatureName, PoolKey, Table, VendorName};
use crate::license::{HostId, LicenseFile};
use crate::sign::Manifest;

/// Everything one vendor daemon can serve.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    pools: Table<FeatureName, Vec<Pool>>,
    /// Feature names in the order of their first pools.
    order: Vec<FeatureName>,
    /// Where each pool stands among those of its feature.
    index: Table<PoolKey, usize>,
    /// The pools of the components of each suite that reserves them, by the pool of its package.
    reserving: BTreeMap<PoolKey, Vec<PoolKey>>,
    /// Of features with components of suites: those whose licenses may go with the same packages, themselves among them.
    suites: BTreeMap<FeatureName, Arc<BTreeSet<FeatureName>>>,
    unserved: BTreeMap<FeatureName, Unserved>,
    lines: BTreeMap<Digest, SignedLine>,
    verdicts: Vec<LineVerdict>,
    demo: bool,
    lingers: bool,
    timeout_minimum_s: u32,
    removal_interval_s: u32,
    early_return: bool,
    borrow_renew_s: u32,
}

impl Catalog {
    /// Judges all lines of `vendor` in the files, which come in the order of the license path, and builds the pools.
    ///
    /// `machine` are the hostids of this machine, which the SERVER lines are compared with; `zone` is the zone in which
    /// dates begin and end.
    #[must_use]
    pub fn build(
        vendor: &VendorName,
        files: &[&LicenseFile],
        manifest: &Manifest,
        machine: &[HostId],
        zone: &jiff::tz::TimeZone,
    ) -> Self {
        Self::build_granting(vendor, files, manifest, machine, zone, Granted::default())
    }

    /// Builds a catalog as [`build`](Self::build) does, with some of the checks left out. Nothing may be served from it.
    #[must_use]
    pub fn build_granting(
        vendor: &VendorName,
        files: &[&LicenseFile],
        manifest: &Manifest,
        machine: &[HostId],
        zone: &jiff::tz::TimeZone,
        granted: Granted,
    ) -> Self {
        build::build(admit::admit(vendor, files, manifest, machine, granted), manifest, zone)
    }

    /// The pools of a feature in the order in which requests try them; empty if none is served.
    #[must_use]
    pub fn pools(&self, feature: &str) -> &[Pool] {
        self.pools.get(feature).map_or(&[], Vec::as_slice)
    }

    /// The pool with this key, if it is served.
    #[must_use]
    pub fn pool(&self, key: &PoolKey) -> Option<&Pool> {
        self.pools(key.feature()).get(*self.index.get(key)?)
    }

    /// Where a pool stands among those of its feature, if it is served.
    #[must_use]
    pub fn place(&self, key: &PoolKey) -> Option<usize> {
        self.index.get(key).copied()
    }

    /// Whether licenses of any pool linger by the publisher's will.
    #[must_use]
    pub fn lingers(&self) -> bool {
        self.lingers
    }

    /// The pools of the components that the first one of a suite reserves, by the pool of the suite's package; nothing for other
    /// suites (`flexnet-files.md` 3.9).
    #[must_use]
    pub fn reserved_together(&self, package: &PoolKey) -> &[PoolKey] {
        self.reserving.get(package).map_or(&[], Vec::as_slice)
    }

    /// Whether any suite reserves its components.
    #[must_use]
    pub fn reserves(&self) -> bool {
        !self.reserving.is_empty()
    }

    /// The features whose licenses may go with the packages of suites with which those of this one do, or with those that go with
    /// them, and so on: this one among them, and the packages. None if the feature is in no suite.
    #[must_use]
    pub fn joined_by_suites(&self, feature: &FeatureName) -> Option<&BTreeSet<FeatureName>> {
        self.suites.get(feature).map(AsRef::as_ref)
    }

    /// The names of the served features, in the order of their first pools.
    pub fn features(&self) -> impl Iterator<Item = &FeatureName> {
        self.order.iter()
    }

    /// Why a name that stands in the files is not served; none if it is served or stands nowhere.
    #[must_use]
    pub fn unserved(&self, feature: &str) -> Option<&Unserved> {
        self.unserved.get(feature)
    }

    /// All names that stand in the files but are not served, by name.
    pub fn unserved_features(&self) -> impl Iterator<Item = (&FeatureName, &Unserved)> {
        self.unserved.iter()
    }

    /// The signed line with this digest, for a client that verifies its grant.
    #[must_use]
    pub fn signed_line(&self, digest: &Digest) -> Option<&SignedLine> {
        self.lines.get(digest)
    }

    /// What became of each line, by file and line.
    #[must_use]
    pub fn verdicts(&self) -> &[LineVerdict] {
        &self.verdicts
    }

    /// Whether grants are made under the published demo key.
    #[must_use]
    pub fn demo(&self) -> bool {
        self.demo
    }

    /// The publisher's least timeout in seconds: smaller ones of the options file are raised to it (`flexnet-files.md` 5.7).
    #[must_use]
    pub fn timeout_minimum_s(&self) -> u32 {
        self.timeout_minimum_s
    }

    /// For how many seconds after lmremove what the same client checks out anew can't be removed (`flexnet-tools.md` 2.11).
    #[must_use]
    pub fn removal_interval_s(&self) -> u32 {
        self.removal_interval_s
    }

    /// Whether the publisher lets borrowed licenses come back before their end.
    #[must_use]
    pub fn early_return(&self) -> bool {
        self.early_return
    }

    /// For how many seconds a record of a borrow is good at most, as the publisher has it; 0 for the whole time.
    #[must_use]
    pub fn borrow_renew_s(&self) -> u32 {
        self.borrow_renew_s
    }

    /// Whether nothing at all is served.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pools.is_empty()
    }
}

#[cfg(test)]
mod tests;
