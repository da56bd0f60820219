//! Who is ahead of a request at each pool of its feature.

use std::collections::BTreeMap;

use super::Entry;
use crate::catalog::Pool;
use crate::event::Checkout;
use crate::ident::{Handle, PoolKey};
use crate::policy::PoolRules;
use crate::seat::choose::{Asked, Asking};
use crate::seat::{PoolUse, Rules, State};
use crate::time::Timestamp;

/// Those ahead of a request, by pool. They wait, and nothing but want of free licenses is in their way there.
#[derive(Debug, Default)]
pub(crate) struct Ahead<'a> {
    pools: BTreeMap<&'a PoolKey, Vec<Waiting>>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    handle: Handle,
    /// Something of the pool is reserved for it, so it could use what is reserved for a group.
    claims: bool,
    /// Nobody may pass it now.
    blocks: bool,
}

/// What a request that takes licenses out of a pool would pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Passing {
    pub(crate) entries: Vec<Handle>,
    /// One of them may not be passed.
    pub(crate) blocked: bool,
}

impl<'a> Ahead<'a> {
    /// Those ahead of a new request.
    pub(crate) fn of_new(state: &'a State, rules: Rules<'a>, request: &Checkout, now: Timestamp) -> Self {
        let mut ahead = Self::default();
        for (handle, entry) in state.queue(&request.feature).filter(|(_, entry)| entry.offer.is_none()) {
            let asked = Asked::new(state, rules, &entry.request, (Some(entry.session), &entry.identity), now);
            ahead.add(handle, entry, &asked);
        }
        ahead
    }

    /// One more is ahead.
    pub(crate) fn add(&mut self, handle: Handle, entry: &Entry, asked: &Asked<'a>) {
        let blocks = entry.fairness.blocks_until(asked.now).is_some();
        for (pool, of_pool) in asked.pools() {
            if pool.counted && asked.lacks_only_licenses(pool, of_pool) {
                let claims = asked.claims(of_pool);
                self.pools.entry(&pool.key).or_default().push(Waiting { handle, claims, blocks });
            }
        }
    }

    /// Whether anybody is ahead at a pool.
    pub(crate) fn waits_for(&self, pool: &Pool) -> bool {
        self.pools.contains_key(&pool.key)
    }

    /// How many are ahead at a pool.
    pub(crate) fn waiting_for(&self, pool: &Pool) -> u64 {
        self.pools.get(&pool.key).map_or(0, |waiting| waiting.len() as u64)
    }

    /// What a request would pass that takes `adds` licenses of a pool.
    pub(crate) fn passing<'p>(&self, asked: &Asked<'p>, pool: &'p Pool, of_pool: &PoolRules) -> Passing {
        let Some(waiting) = self.pools.get(&pool.key) else { return Passing::default() };
        let found = asked.found(pool, Asking::Itself);
        let adds = asked.adds(&found);
        let in_use = asked.out_of(pool).map_or(0, PoolUse::in_use);
        if found.in_use.saturating_add(adds) <= in_use {
            return Passing::default();
        }
        // What is reserved for the client alone is of no use to those ahead.
        let without = asked.rules.usage.without(&found.taken);
        let own = adds <= asked.idle(pool, of_pool, &found.taken, &without).own;
        let passed = waiting.iter().filter(|waiting| !own || waiting.claims);
        Passing {
            entries: passed.clone().map(|waiting| waiting.handle).collect(),
            blocked: passed.clone().any(|waiting| waiting.blocks),
        }
    }
}
