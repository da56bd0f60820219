//! What a replay comes to: peaks, missing licenses, and who is concerned.

use std::collections::BTreeMap;

use super::difference::{Difference, Kind};
use crate::ident::{FeatureName, Host, PoolKey, Table, User};
use crate::time::Timestamp;

/// Most licenses in use at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Peak {
    /// How many.
    pub used: u64,
    /// When that was first reached.
    pub at: Timestamp,
    /// How many the pool had then; none if they are not counted or that is not known.
    pub of: Option<u32>,
}

impl Peak {
    pub(super) const fn new(used: u64, at: Timestamp) -> Self {
        Self { used, at, of: None }
    }

    pub(super) fn raise(&mut self, used: u64, at: Timestamp) {
        if used > self.used {
            (self.used, self.at) = (used, at);
        }
    }
}

/// What differs for one user on one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientCounts {
    /// Requests that would be denied.
    pub newly_denied: u64,
    /// Requests that would be granted.
    pub newly_granted: u64,
    /// Requests that would be granted from another pool.
    pub other_pool: u64,
    /// Seats that a reread would have ended.
    pub lost: u64,
    /// Seats that a reread ended and would not have.
    pub kept: u64,
}

/// What comes to a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeatureCounts {
    /// Requests that would be denied and were granted.
    pub newly_denied: u64,
    /// Requests that would be granted and were denied.
    pub newly_granted: u64,
    /// Requests that the replay denies, with those that were denied in the record too.
    pub denied: u64,
    /// So many more licenses would have been needed at one moment for nobody to be denied for want of a free one.
    pub missing: u64,
    /// When that was.
    pub missing_at: Option<Timestamp>,
    /// Licenses that are wanted and not had at the present moment.
    pub(super) wanted: u64,
}

/// The sums.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Most in use of each pool under the new files.
    pub peaks: Table<PoolKey, Peak>,
    /// By feature.
    pub features: BTreeMap<FeatureName, FeatureCounts>,
    /// By user and host, those only for whom something differs.
    pub clients: BTreeMap<(User, Host), ClientCounts>,
    /// How many differences there are of each kind.
    pub kinds: BTreeMap<Kind, u64>,
}

impl Tally {
    pub(super) fn raise(
        &mut self,
        pool: &PoolKey,
        used: u64,
        at: Timestamp,
        of: impl FnOnce() -> Option<u32>,
    ) {
        match self.peaks.get_mut(pool) {
            Some(peak) if peak.used >= used => {}
            Some(peak) => *peak = Peak { used, at, of: of() },
            None => {
                self.peaks.insert(pool.clone(), Peak { used, at, of: of() });
            }
        }
    }

    pub(super) fn feature(&mut self, name: &FeatureName) -> &mut FeatureCounts {
        self.features.entry(name.clone()).or_default()
    }

    /// Whether anybody wants licenses of a feature and has none.
    pub(super) fn wants(&self, feature: &FeatureName) -> bool {
        self.features.get(feature).is_some_and(|counts| counts.wanted > 0)
    }

    pub(super) fn count(&mut self, found: &Difference) {
        *self.kinds.entry(found.kind).or_default() += 1;
        if found.kind.is_service() {
            let key = (found.identity.user.clone(), found.identity.host.clone());
            let client = self.clients.entry(key).or_default();
            match found.kind {
                Kind::NewlyDenied => client.newly_denied += 1,
                Kind::NewlyGranted => client.newly_granted += 1,
                Kind::OtherPool => client.other_pool += 1,
                Kind::Lost => client.lost += 1,
                Kind::Kept => client.kept += 1,
                Kind::OtherTerms | Kind::OtherReason => {}
            }
        }
        let feature = self.feature(&found.feature);
        match found.kind {
            Kind::NewlyDenied => feature.newly_denied += 1,
            Kind::NewlyGranted => feature.newly_granted += 1,
            _ => {}
        }
    }

    /// How many differences there are of a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> u64 {
        self.kinds.get(&kind).copied().unwrap_or(0)
    }

    /// Whether anybody would be served otherwise.
    #[must_use]
    pub fn differs(&self) -> bool {
        Kind::ALL.iter().any(|kind| kind.is_service() && self.of(*kind) > 0)
    }
}
