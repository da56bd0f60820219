//! What can be served: pools of licenses built from signed license lines (`flexnet-files.md` 3.1 to 3.4 and 3.8).
//!
//! [`Catalog::build`] gives every line of the vendor a verdict, the sound ones a pool, and every name that stands in
//! the files but is not served a reason. It turns civil dates into instants once, with the server's zone; the engine
//! above knows instants only. A catalog never changes: a reread builds another one.

mod admit;
mod difference;
mod granted;
mod order;
mod pool;
mod unserved;
mod verdict;

pub use difference::{
    AttributeChange, Difference, LotChange, LotFacts, NameChange, NamedValue, OrderChange, PoolChange,
    PoolFacts, Size, VerdictChange, difference,
};
pub use granted::Granted;
pub use pool::{Lot, Period, Pool, SignedLine};
pub use unserved::Unserved;
pub use verdict::{IgnoredReason, LinePlace, LineVerdict, Note, RefusedReason, Verdict};

/// Most lots that the components of packages may have together: so many enabling lines times components. Lines that
/// would add more are refused, so that a short file can't make a catalog without bound.
pub const COMPONENT_LOTS_MAX: usize = 1 << 18;

use std::collections::BTreeMap;

use crate::ident::{Digest, FeatureName, PoolKey, VendorName};
use crate::license::{HostId, LicenseFile};
use crate::sign::Manifest;

/// Everything one vendor daemon can serve.
#[derive(Debug, Clone)]
pub struct Catalog {
    pools: BTreeMap<FeatureName, Vec<Pool>>,
    /// Feature names in the order of their first pools.
    order: Vec<FeatureName>,
    unserved: BTreeMap<FeatureName, Unserved>,
    lines: BTreeMap<Digest, SignedLine>,
    verdicts: Vec<LineVerdict>,
    demo: bool,
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
        let mut admission = admit::Admission::new(vendor, manifest, machine, granted);
        for file in files {
            admission.judge_file(file);
        }
        let admit::Admitted { mut candidates, mut verdicts, mut unserved } = admission.finish();
        candidates.sort_by_cached_key(|candidate| candidate.place.clone());

        let mut pools: BTreeMap<FeatureName, Vec<Pool>> = BTreeMap::new();
        let mut order = Vec::new();
        let mut lines = BTreeMap::new();
        for candidate in candidates {
            let name = candidate.line.name.clone();
            let of_feature = pools.entry(name.clone()).or_insert_with(|| {
                order.push(name.clone());
                Vec::new()
            });
            let lot = Lot::of(candidate.line, candidate.here, candidate.digest, zone);
            match of_feature.iter_mut().find(|pool| pool.key == candidate.pool) {
                Some(pool) => {
                    if let Some(told) = verdicts.get_mut(candidate.verdict)
                        && let Some(first) = pool.lots.first()
                    {
                        told.verdict = Verdict::Merged { pool: candidate.pool, into: first.place.clone() };
                    }
                    pool.lots.push(lot);
                }
                None => of_feature.push(Pool::of(candidate.line, candidate.pool, manifest, lot)),
            }
            lines.insert(candidate.digest, candidate.signed);
        }
        unserved.retain(|name, _| !pools.contains_key(name));
        Self { pools, order, unserved, lines, verdicts, demo: manifest.demo }
    }

    /// The pools of a feature in the order in which requests try them; empty if none is served.
    #[must_use]
    pub fn pools(&self, feature: &str) -> &[Pool] {
        self.pools.get(feature).map_or(&[], Vec::as_slice)
    }

    /// The pool with this key, if it is served.
    #[must_use]
    pub fn pool(&self, key: &PoolKey) -> Option<&Pool> {
        self.pools(key.feature()).iter().find(|pool| pool.key == *key)
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

    /// Whether nothing at all is served.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pools.is_empty()
    }
}

#[cfg(test)]
mod tests;
