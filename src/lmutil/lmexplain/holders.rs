//! Who has licenses, and of what they count.

use std::collections::BTreeMap;

use super::HolderTold;
use crate::catalog::Pool;
use crate::event::Identity;
use crate::ident::{Count, PoolKey, User};
use crate::policy::{Counted, LimitId, PoolRules, Profile, Reservation};
use crate::seat::{Rules, State, rules_of};

/// All checkouts of a state, also those to come for which licenses are held, with what rules see of their clients.
pub(super) struct Holders<'a> {
    rules: Rules<'a>,
    held: Vec<Held<'a>>,
}

struct Held<'a> {
    identity: &'a Identity,
    profile: Profile,
    pool: &'a PoolKey,
    /// The rules of the pool, if there are any.
    of_pool: Option<&'a PoolRules>,
    count: u64,
    /// Its client waits and has not taken them yet.
    waits: bool,
}

impl<'a> Holders<'a> {
    pub(super) fn of(state: &'a State, rules: Rules<'a>) -> Self {
        let held = |identity: &'a Identity, pool: &'a PoolKey, count: Count, waits: bool| Held {
            identity,
            profile: rules.policy.profile(identity, identity.address()),
            pool,
            of_pool: rules_of(rules.catalog, rules.policy, pool),
            count: u64::from(count.get()),
            waits,
        };
        let seats = state.seats().filter_map(|(_, seat)| {
            Some(held(state.session(seat.session)?.identity(), &seat.pool, seat.count, false))
        });
        let offers = state.waiting().flat_map(|(_, entry)| {
            let offer = entry.offer.iter();
            let pools = offer.flat_map(|it| it.package.iter().map(|it| &it.pool).chain([&it.pool]));
            pools.map(move |pool| held(&entry.identity, pool, entry.request.count, true))
        });
        Self { rules, held: seats.chain(offers).collect() }
    }

    /// Licenses of a pool that are held for requests that wait.
    pub(super) fn waited_for(&self, pool: &Pool) -> u64 {
        let waiting = self.held.iter().filter(|held| held.waits && *held.pool == pool.key);
        waiting.map(|held| held.count).sum()
    }

    /// Those with licenses of a pool.
    pub(super) fn of_pool(&self, pool: &Pool) -> Vec<HolderTold> {
        summed(self.held.iter().filter(|held| *held.pool == pool.key))
    }

    /// Those with licenses of a pool for whom something is reserved.
    pub(super) fn of_reservation(&self, pool: &Pool, reservation: &Reservation) -> Vec<HolderTold> {
        let reserved = |held: &&Held<'_>| self.rules.policy.is_reserved_for(reservation, &held.profile);
        summed(self.held.iter().filter(|held| *held.pool == pool.key).filter(reserved))
    }

    /// Those whose licenses a MAX line counts when this client asks; where it counts several groups of the client each by
    /// itself, those of the group with the most.
    pub(super) fn of_limit(&self, id: LimitId, client: &Profile, user: &User) -> Vec<HolderTold> {
        let Some(limit) = self.rules.policy.limit(id) else { return Vec::new() };
        let counted = self.rules.policy.counted(limit, client, user);
        let used = |counted: &&Counted| self.rules.usage.of_limit(id, counted);
        // The first of several with the same count.
        let Some(counted) = counted.iter().rev().max_by_key(used) else { return Vec::new() };
        let counts = |held: &&Held<'_>| {
            held.of_pool.is_some_and(|rules| rules.limits.contains(&id))
                && self.rules.policy.counted(limit, &held.profile, &held.identity.user).contains(counted)
        };
        summed(self.held.iter().filter(counts))
    }
}

/// By user and host, the most licenses first.
fn summed<'h>(held: impl Iterator<Item = &'h Held<'h>>) -> Vec<HolderTold> {
    let mut sums: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for held in held {
        let sum = sums.entry((held.identity.user.as_str(), held.identity.host.as_str())).or_default();
        *sum = sum.saturating_add(held.count);
    }
    let told = |((user, host), count): ((&str, &str), u64)| HolderTold {
        user: user.to_owned(),
        host: host.to_owned(),
        count,
    };
    let mut holders: Vec<HolderTold> = sums.into_iter().map(told).collect();
    holders.sort_by_key(|holder| std::cmp::Reverse(holder.count));
    holders
}
