//! How limits and reservations would stand if some seats had come back: for a client that takes its lingering licenses back.

use std::collections::BTreeMap;

use super::{Claim, Idle, Usage, charge};
use crate::ident::{Handle, PoolKey};
use crate::policy::{Counted, LimitId, Policy, PoolRules, Profile, ReservationId};

/// What seats would count for.
#[derive(Debug, Default)]
pub(in crate::seat) struct Without {
    /// Of those that came back nothing; of younger ones in their groups what passes on to them.
    counts: BTreeMap<Handle, u64>,
}

impl Usage {
    /// What would change if these seats had come back.
    pub(in crate::seat) fn without(&self, gone: &[Handle]) -> Without {
        let mut counts: BTreeMap<Handle, u64> = gone.iter().map(|handle| (*handle, 0)).collect();
        for group in gone.iter().filter_map(|handle| self.grouped.get(handle)) {
            let mut most = 0;
            let members = self.groups.get(group).into_iter().flatten();
            for (member, count) in members.filter(|(member, _)| !gone.contains(member)) {
                counts.insert(*member, count.saturating_sub(most));
                most = most.max(*count);
            }
        }
        Without { counts }
    }

    /// Licenses that would count for a limit.
    pub(in crate::seat) fn of_limit_without(
        &self,
        limit: LimitId,
        counted: &Counted,
        without: &Without,
    ) -> u64 {
        let mut used = self.of_limit(limit, counted);
        for (handle, count) in &without.counts {
            let Some(limited) = self.seats.get(handle) else { continue };
            if limited.limits.iter().any(|(id, whose)| *id == limit && whose == counted) {
                used = used.saturating_add(*count).saturating_sub(limited.count);
            }
        }
        used
    }

    /// The idle reservations of a pool as a client would see them.
    pub(in crate::seat) fn idle_without(
        &self,
        pool: &PoolKey,
        rules: &PoolRules,
        policy: &Policy,
        client: &Profile,
        without: &Without,
    ) -> Idle {
        if without.counts.is_empty() {
            return self.idle(rules, policy, client);
        }
        let mut charged: BTreeMap<ReservationId, u64> = BTreeMap::new();
        for (handle, claim) in self.claims.get(pool).into_iter().flatten() {
            match without.counts.get(handle) {
                Some(count) => charge(&mut charged, policy, &Claim { count: *count, of: claim.of.clone() }),
                None => charge(&mut charged, policy, claim),
            }
        }
        idle_of(&charged, rules, policy, client)
    }
}

/// The idle reservations of a pool as a client sees them, by what is charged to each.
pub(super) fn idle_of(
    charged: &BTreeMap<ReservationId, u64>,
    rules: &PoolRules,
    policy: &Policy,
    client: &Profile,
) -> Idle {
    let mut idle = Idle::default();
    for id in &rules.reservations {
        let Some(reservation) = policy.reservation(*id) else { continue };
        let place =
            if policy.is_reserved_for(reservation, client) { &mut idle.own } else { &mut idle.others };
        let used = charged.get(id).copied().unwrap_or(0);
        *place += u64::from(reservation.count).saturating_sub(used);
    }
    idle
}
