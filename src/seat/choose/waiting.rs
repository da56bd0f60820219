//! What those who wait are asked: could a pool ever serve the request, what is in its way there, where does it stand.

use super::{Asked, Asking, OPEN, Step, overdraft};
use crate::catalog::{Period, Pool};
use crate::ident::Handle;
use crate::policy::{Counted, LimitId, PoolRules, RuleId};

impl<'a> Asked<'a> {
    /// The client's priority for the feature: the highest that a line gives it for one of the pools, with that line.
    pub(in crate::seat) fn priority(&self) -> Option<(u32, RuleId)> {
        let of_pools = self.pools().filter_map(|(_, of_pool)| of_pool.priority(&self.client));
        of_pools.max_by_key(|(rank, rule)| (*rank, std::cmp::Reverse(*rule)))
    }

    /// Where the client stands among those who wait; higher goes first.
    pub(in crate::seat) fn rank(&self) -> u32 {
        self.priority().map_or(0, |(rank, _)| rank)
    }

    /// The limits that concern the client, with what they count.
    pub(in crate::seat) fn counted(&self) -> Vec<(LimitId, Counted)> {
        let policy = self.rules.policy;
        let packages = self.pools().filter_map(|(pool, _)| self.package(pool)?.1);
        let limits = self.pools().map(|(_, of_pool)| of_pool).chain(packages).flat_map(|it| &it.limits);
        let counted = |id: &LimitId| {
            let counted = policy.limit(*id).map(|it| policy.counted(it, &self.client, &self.identity.user));
            counted.into_iter().flatten().map(|counted| (*id, counted)).collect::<Vec<_>>()
        };
        limits.flat_map(counted).collect()
    }

    /// Whether a pool could serve the request at some time, as far as that can be told now: nothing is in the way but what others have.
    ///
    /// DECISION: nobody waits for a suite that reserves its components: the pools of all of them would have to come free together.
    pub(in crate::seat) fn could_serve(&self, pool: &Pool, of_pool: &PoolRules) -> bool {
        let package =
            |(package, rules): (&Pool, Option<&PoolRules>)| self.could_give(package, rules.unwrap_or(&OPEN));
        !pool.reserving
            && !pool.is_package()
            && pool.version >= self.request.version
            && self.could_give(pool, of_pool)
            && (pool.package().is_none() || self.package(pool).is_some_and(package))
    }

    /// Whether a pool, that of a package too, could give the client so many.
    fn could_give(&self, pool: &Pool, of_pool: &PoolRules) -> bool {
        let count = self.count();
        let limited = |id: &LimitId| {
            let limit = self.rules.policy.limit(*id).filter(|limit| count > u64::from(limit.count));
            limit.is_some_and(|limit| {
                !self.rules.policy.counted(limit, &self.client, &self.identity.user).is_empty()
            })
        };
        (pool.platforms.is_none() || pool.runs_on(self.identity))
            && matches!(pool.period_at(self.time), Period::Within | Period::Untrusted)
            && pool.admits(self.identity)
            && of_pool.exclusion(&self.client).is_none()
            && self.is_included(pool, of_pool)
            && !of_pool.limits.iter().any(limited)
            && (!pool.counted || count <= self.attainable(pool, of_pool))
    }

    /// What of a pool the client could have if nobody else had any.
    fn attainable(&self, pool: &Pool, of_pool: &PoolRules) -> u64 {
        // Licenses that are not given while the clock is set back are given again when it is right.
        let then = self.time.utc;
        let most = u64::from(pool.count_at(then)).saturating_add(overdraft(pool, of_pool, then.into()));
        let policy = self.rules.policy;
        let reserved = of_pool.reservations.iter().filter_map(|id| policy.reservation(*id));
        let others = reserved.filter(|reservation| !policy.is_reserved_for(reservation, &self.client));
        most.saturating_sub(others.map(|reservation| u64::from(reservation.count)).sum())
    }

    /// Whether some pool could serve the request at some time.
    pub(in crate::seat) fn can_ever_be_met(&self) -> bool {
        self.pools().any(|(pool, of_pool)| self.could_serve(pool, of_pool))
    }

    /// Whether licenses coming back are all that the request needs to be served by a pool.
    pub(in crate::seat) fn lacks_only_licenses(&self, pool: &'a Pool, of_pool: &PoolRules) -> bool {
        let allowed = |(pool, asking): (&'a Pool, Asking<'a>), of_pool: &PoolRules| {
            let found = self.found(pool, asking);
            let (adds, without) = (self.adds(&found), self.rules.usage.without(&found.taken));
            let allows =
                |id: &LimitId| matches!(self.limit(*id, adds, &without), Step::Limit { allows: true, .. });
            of_pool.limits.iter().all(allows)
        };
        self.could_serve(pool, of_pool)
            && allowed((pool, Asking::Itself), of_pool)
            && self
                .package(pool)
                .is_none_or(|(package, rules)| allowed((package, Asking::With(pool)), rules.unwrap_or(&OPEN)))
    }

    /// A pool and that of the package that goes with its licenses, with what is asked of each.
    pub(in crate::seat) fn both(
        &self,
        pool: &'a Pool,
        of_pool: &'a PoolRules,
    ) -> impl Iterator<Item = ((&'a Pool, Asking<'a>), &'a PoolRules)> + use<'a> {
        let package = self.package(pool);
        let package = package.map(|(package, rules)| ((package, Asking::With(pool)), rules.unwrap_or(&OPEN)));
        [((pool, Asking::Itself), of_pool)].into_iter().chain(package)
    }

    /// Whether anything of a pool is reserved for the client.
    pub(in crate::seat) fn claims(&self, of_pool: &PoolRules) -> bool {
        let policy = self.rules.policy;
        let reserved = of_pool.reservations.iter().filter_map(|id| policy.reservation(*id));
        reserved.into_iter().any(|reservation| policy.is_reserved_for(reservation, &self.client))
    }

    /// Those that the request passes when it gets licenses of a pool.
    pub(in crate::seat) fn passed(&self, pool: &'a Pool) -> Vec<Handle> {
        if self.ahead.is_empty() {
            return Vec::new();
        }
        let of_pool = self.pools().find(|(other, _)| std::ptr::eq(*other, pool)).map(|(_, rules)| rules);
        let mut both = self.both(pool, of_pool.unwrap_or(&OPEN));
        let mut passed = Vec::new();
        if let Some((asking, rules)) = both.next() {
            passed = self.ahead.passing(self, asking, rules);
        }
        if let Some((asking, rules)) = both.next() {
            // Who waits for the component waits for its package too, and is passed once.
            passed.extend(self.ahead.passing(self, asking, rules));
            passed.sort_unstable();
            passed.dedup();
        }
        passed
    }
}
