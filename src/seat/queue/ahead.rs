//! Who is ahead of a request at each pool of its feature: those that came before it and wait there for nothing but free licenses.

use std::collections::BTreeMap;

use super::Entry;
use super::lines::{Kind, Line};
use crate::catalog::Pool;
use crate::event::Checkout;
use crate::ident::{Handle, PoolKey};
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

impl<'a> Ahead<'a> {
    /// Those that wait for what a request asks for.
    pub(crate) fn of(state: &'a State, rules: Rules<'a>, request: &Checkout, now: Timestamp) -> Self {
        let mut ahead = Self::default();
        let mut lines = rules.usage.lines().of(&request.feature).peekable();
        if lines.peek().is_none() {
            return ahead;
        }
        let mut blocks: BTreeMap<&Kind, Handle> = BTreeMap::new();
        for handle in state.blocking(&request.feature, now) {
            if let Some(kind) = rules.usage.lines().kind(handle) {
                blocks.entry(kind).or_insert(handle);
            }
        }
        for (kind, line) in lines {
            let first = line.first().and_then(|handle| state.waiting_under(*handle));
            let Some(asked) = first.map(|entry| Asked::of_entry(state, rules, entry, now)) else { continue };
            for (pool, of_pool) in asked.pools() {
                if pool.counted && asked.lacks_only_licenses(pool, of_pool) {
                    let (claims, blocks) = (asked.claims(of_pool), blocks.get(kind).copied());
                    let at_pool = ahead.pools.entry(&pool.key).or_default();
                    at_pool.lines.push(Waiting { line, claims });
                    at_pool.all.add(line, blocks);
                    if claims {
                        at_pool.claiming.add(line, blocks);
                    }
                }
            }
        }
        ahead
    }

    /// The same as one of them sees it.
    pub(crate) fn before(self, itself: Handle) -> Self {
        Self { itself: Some(itself), ..self }
    }

    fn came_before(&self, handle: Option<Handle>) -> bool {
        handle.is_some_and(|handle| self.itself.is_none_or(|itself| handle < itself))
    }

    /// Whether anybody is ahead at a pool.
    pub(crate) fn waits_for(&self, pool: &Pool) -> bool {
        self.pools.get(&pool.key).is_some_and(|at_pool| self.came_before(at_pool.all.first))
    }

    /// How many are ahead of a newcomer at a pool.
    pub(crate) fn waiting_for(&self, pool: &Pool) -> u64 {
        self.pools.get(&pool.key).map_or(0, |at_pool| at_pool.all.many)
    }

    /// Whether a request would pass those at a pool alone for whom something is reserved there; none if it passes nobody.
    fn passes_claims(&self, asked: &Asked<'a>, pool: &'a Pool, of_pool: &PoolRules) -> Option<bool> {
        if !self.waits_for(pool) {
            return None;
        }
        let found = asked.found(pool, Asking::Itself);
        let adds = asked.adds(&found);
        let in_use = asked.out_of(pool).map_or(0, crate::seat::PoolUse::in_use);
        if found.in_use.saturating_add(adds) <= in_use {
            return None;
        }
        // What is reserved for the client alone is of no use to those ahead.
        let without = asked.rules.usage.without(&found.taken);
        Some(adds <= asked.idle(pool, of_pool, &found.taken, &without).own)
    }

    /// How many a newcomer passes by taking licenses of a pool, and whether it may; none if it passes nobody. Of one that waits
    /// itself the number is not exact.
    pub(crate) fn may_pass(
        &self,
        asked: &Asked<'a>,
        pool: &'a Pool,
        of_pool: &PoolRules,
    ) -> Option<(u64, bool)> {
        let claims = self.passes_claims(asked, pool, of_pool)?;
        let at_pool = self.pools.get(&pool.key)?;
        let sum = if claims { &at_pool.claiming } else { &at_pool.all };
        self.came_before(sum.first).then(|| (sum.many, !self.came_before(sum.blocks)))
    }

    /// All whom a request passes by taking licenses of a pool, in their order.
    pub(crate) fn passing(&self, asked: &Asked<'a>, pool: &'a Pool, of_pool: &PoolRules) -> Vec<Handle> {
        let Some(claims) = self.passes_claims(asked, pool, of_pool) else { return Vec::new() };
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
