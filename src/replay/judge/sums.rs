//! Peaks, and licenses that are wanted and not had.

use super::{Asker, Replay, Want};
use crate::catalog::Pool;
use crate::code::Code;
use crate::event::Denied;
use crate::ident::{FeatureName, PoolKey};
use crate::seat::PoolUse;
use crate::time::Timestamp;

impl Replay {
    pub(super) fn raise(&mut self, pool: &PoolKey, at: Timestamp) {
        let used = self.state.pool(pool).map_or(0, PoolUse::in_use);
        let (catalog, time) = (&self.rules.catalog, self.state.license_time(at));
        let of = || catalog.pool(pool).filter(|pool| pool.counted).map(|pool| pool.count_at(time));
        self.tally.raise(pool, used, at, of);
    }

    pub(super) fn raise_all(&mut self, at: Timestamp) {
        let pools: Vec<PoolKey> = self.state.pools().map(|(key, _)| key.clone()).collect();
        for pool in pools {
            self.raise(&pool, at);
        }
    }

    /// Licenses that a denied request would have needed, if it is denied for want of them; sums them up.
    pub(super) fn lack(&mut self, denied: &Denied, at: Timestamp) -> Option<Want> {
        let feature = &denied.request.feature;
        let free = match denied.denial.code {
            Code::UsersReached | Code::TooManyRequested => self.free_of(feature, at),
            // What is free is for others.
            Code::AllReserved => 0,
            _ => return None,
        };
        let count = u64::from(denied.request.count.get());
        let counts = self.tally.feature(feature);
        counts.wanted = counts.wanted.saturating_add(count);
        let missing = counts.wanted.saturating_sub(free);
        if missing > counts.missing {
            (counts.missing, counts.missing_at) = (missing, Some(at));
        }
        Some(Want { feature: feature.clone(), count })
    }

    pub(super) fn free_of(&self, feature: &FeatureName, at: Timestamp) -> u64 {
        let time = self.state.license_time(at);
        let free = |pool: &Pool| {
            let used = self.state.pool(&pool.key).map_or(0, PoolUse::in_use);
            u64::from(pool.count_at(time)).saturating_sub(used)
        };
        self.rules.catalog.pools(feature.as_str()).iter().filter(|pool| pool.counted).map(free).sum()
    }

    pub(super) fn satisfy(&mut self, want: &Want) {
        let counts = self.tally.feature(&want.feature);
        counts.wanted = counts.wanted.saturating_sub(want.count);
    }

    /// A client that wanted licenses has got them, or wants them no more.
    pub(super) fn content(&mut self, key: &Asker) {
        if let Some((want, _)) = self.wanted.remove(key) {
            self.satisfy(&want);
        }
    }
}
