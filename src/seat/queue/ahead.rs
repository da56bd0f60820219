//! Who is ahead of a request at each pool of its feature: those that came before it and wait there for nothing but free licenses.

use std::collections::BTreeMap;

use super::Entry;
use super::lines::{Kind, Line};
use crate::catalog::Pool;
use crate::event::Checkout;
use crate::ident::{FeatureName, Handle, PoolKey};
use crate::policy::PoolRules;
use crate::seat::choose::{Asked, Asking};
use crate::seat::{Rules, State};
use crate::time::Timestamp;

/// Those ahead of a request, by pool. They wait, and nothing but want of free licenses is in their way there.
#[derive(Debug, Default)]
pub(crate) struct Ahead<'a> {
    pools: BTreeMap<&'a PoolKey, AtPool<'a>>,
    /// The request itself, if it waits: those that came later are not ahead of it.
    itself: Option<Handle>,
}

/// Those that wait for a pool.
#[derive(Debug, Default)]
struct AtPool<'a> {
    lines: Vec<Waiting<'a>>,
    all: Sum,
    /// How many licenses they want.
    wanted: u64,
    /// Those of them for whom something of the pool is reserved.
    claiming: Sum,
}

/// Some that wait for a pool and fare alike.
#[derive(Debug, Clone, Copy)]
struct Waiting<'a> {
    line: &'a Line,
    /// Something of the pool is reserved for them, so they could use what is reserved for a group.
    claims: bool,
}

#[derive(Debug, Default)]
struct Sum {
    many: u64,
    /// The one that came first.
    first: Option<Handle>,
    /// The first that nobody who came later may pass now.
    blocks: Option<Handle>,
}

impl Sum {
    fn add(&mut self, line: &Line, blocks: Option<Handle>) {
        let earlier = |one: Option<Handle>, other: Option<Handle>| one.into_iter().chain(other).min();
        self.many = self.many.saturating_add(line.len() as u64);
        self.first = earlier(self.first, line.first().copied());
        self.blocks = earlier(self.blocks, blocks);
    }
}

/// The features whose queues are one, as their licenses go with the same packages of suites: mostly one alone.
pub(super) fn together<'f>(
    rules: Rules<'f>,
    feature: &'f FeatureName,
) -> impl Iterator<Item = &'f FeatureName> {
    let joined = rules.catalog.joined_by_suites(feature);
    joined.is_none().then_some(feature).into_iter().chain(joined.into_iter().flatten())
}

impl<'a> Ahead<'a> {
    /// Those that wait for what a request asks for, or for something that goes with the same packages.
    pub(crate) fn of(state: &'a State, rules: Rules<'a>, request: &Checkout, now: Timestamp) -> Self {
        let mut ahead = Self::default();
        let lines = rules.usage.lines();
        // Packages may join hundreds of features, and mostly nobody waits for any.
        if lines.is_empty() {
            return ahead;
        }
        for feature in together(rules, &request.feature) {
            ahead.add(state, rules, lines.of(feature), (feature, now));
        }
        ahead
    }

    /// Those of one feature.
    fn add(
        &mut self,
        state: &'a State,
        rules: Rules<'a>,
        lines: impl Iterator<Item = (&'a Kind, &'a Line)>,
        (feature, now): (&FeatureName, Timestamp),
    ) {
        let mut lines = lines.peekable();
        if lines.peek().is_none() {
            return;
        }
        let mut blocks: BTreeMap<&Kind, Handle> = BTreeMap::new();
        for handle in state.blocking(feature, now) {
            if let Some(kind) = rules.usage.lines().kind(handle) {
                blocks.entry(kind).or_insert(handle);
            }
        }
        for (kind, line) in lines {
            let first = line.first().and_then(|handle| state.waiting_under(*handle));
            let Some(asked) = first.map(|entry| Asked::of_entry(state, rules, entry, now)) else { continue };
            let blocks = blocks.get(kind).copied();
            let mut packages: Vec<&PoolKey> = Vec::new();
            for (pool, of_pool) in asked.pools() {
                if !(pool.counted || pool.package().is_some()) || !asked.lacks_only_licenses(pool, of_pool) {
                    continue;
                }
                if pool.counted {
                    self.wait_at(pool, (line, blocks), asked.claims(of_pool), asked.count());
                }
                // Pools of one feature may go with the same package.
                if let Some((package, of_package)) = asked.package(pool).filter(|(it, _)| it.counted)
                    && !packages.contains(&&package.key)
                {
                    packages.push(&package.key);
                    let claims = of_package.is_some_and(|rules| asked.claims(rules));
                    self.wait_at(package, (line, blocks), claims, asked.count());
                }
            }
        }
    }

    /// Those of a line wait at a pool, each for so many.
    fn wait_at(
        &mut self,
        pool: &'a Pool,
        (line, blocks): (&'a Line, Option<Handle>),
        claims: bool,
        count: u64,
    ) {
        let at_pool = self.pools.entry(&pool.key).or_default();
        at_pool.lines.push(Waiting { line, claims });
        at_pool.all.add(line, blocks);
        let wanted = count.saturating_mul(line.len() as u64);
        at_pool.wanted = at_pool.wanted.saturating_add(wanted);
        if claims {
            at_pool.claiming.add(line, blocks);
        }
    }

    /// The same as one of them sees it.
    pub(crate) fn before(self, itself: Handle) -> Self {
        Self { itself: Some(itself), ..self }
    }

    fn came_before(&self, handle: Option<Handle>) -> bool {
        handle.is_some_and(|handle| self.itself.is_none_or(|itself| handle < itself))
    }

    /// Whether nobody waits for anything that the request could take.
    pub(crate) fn is_empty(&self) -> bool {
        self.pools.is_empty()
    }

    /// Whether anybody is ahead at a pool.
    pub(crate) fn waits_for(&self, pool: &Pool) -> bool {
        self.pools.get(&pool.key).is_some_and(|at_pool| self.came_before(at_pool.all.first))
    }

    /// How many are ahead of a newcomer at a pool.
    pub(crate) fn waiting_for(&self, pool: &Pool) -> u64 {
        self.pools.get(&pool.key).map_or(0, |at_pool| at_pool.all.many)
    }

    /// How many licenses of a pool those ahead of a newcomer want.
    pub(crate) fn wanted_of(&self, pool: &Pool) -> u64 {
        self.pools.get(&pool.key).map_or(0, |at_pool| at_pool.wanted)
    }

    /// Whether a request would pass those at a pool alone for whom something is reserved there; none if it passes nobody.
    fn passes_claims(
        &self,
        asked: &Asked<'a>,
        (pool, asking): (&'a Pool, Asking<'a>),
        of_pool: &PoolRules,
    ) -> Option<bool> {
        if !self.waits_for(pool) {
            return None;
        }
        let found = asked.found(pool, asking);
        let adds = asked.adds(&found);
        let in_use = asked.out_of(pool).map_or(0, crate::seat::PoolUse::in_use);
        if found.in_use.saturating_add(adds) <= in_use {
            return None;
        }
        let without = asked.rules.usage.without(&found.taken);
        let idle = asked.idle(pool, of_pool, &found.taken, &without);
        // Who leaves enough for all that wait takes nothing from them: what they lack is in the other pool of their suite.
        let unused = u64::from(pool.count_at(asked.time)).saturating_sub(found.in_use.saturating_add(adds));
        let left = unused.saturating_sub(idle.own.saturating_add(idle.others));
        if self.pools.get(&pool.key).is_some_and(|at_pool| at_pool.wanted <= left) {
            return None;
        }
        // What is reserved for the client alone is of no use to those ahead.
        Some(adds <= idle.own)
    }

    /// How many a newcomer passes by taking licenses of a pool, and whether it may; none if it passes nobody. Of one that waits
    /// itself the number is not exact.
    pub(crate) fn may_pass(
        &self,
        asked: &Asked<'a>,
        (pool, asking): (&'a Pool, Asking<'a>),
        of_pool: &PoolRules,
    ) -> Option<(u64, bool)> {
        let claims = self.passes_claims(asked, (pool, asking), of_pool)?;
        let at_pool = self.pools.get(&pool.key)?;
        let sum = if claims { &at_pool.claiming } else { &at_pool.all };
        self.came_before(sum.first).then(|| (sum.many, !self.came_before(sum.blocks)))
    }

    /// All whom a request passes by taking licenses of a pool, in their order.
    pub(crate) fn passing(
        &self,
        asked: &Asked<'a>,
        (pool, asking): (&'a Pool, Asking<'a>),
        of_pool: &PoolRules,
    ) -> Vec<Handle> {
        let Some(claims) = self.passes_claims(asked, (pool, asking), of_pool) else { return Vec::new() };
        let lines = self.pools.get(&pool.key).into_iter().flat_map(|at_pool| &at_pool.lines);
        let passed = lines.filter(|waiting| !claims || waiting.claims);
        let before = |waiting: &Waiting<'a>| {
            waiting.line.iter().copied().take_while(|handle| self.came_before(Some(*handle)))
        };
        let mut entries: Vec<Handle> = passed.flat_map(before).collect();
        entries.sort_unstable();
        entries
    }
}

impl<'a> Asked<'a> {
    /// The request of one that waits.
    pub(super) fn of_entry(state: &'a State, rules: Rules<'a>, entry: &'a Entry, now: Timestamp) -> Self {
        Self::new(state, rules, &entry.request, (Some(entry.session), &entry.identity), now)
    }
}
