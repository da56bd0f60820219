//! What the users of suites with SUITE_RESERVED have, and what of the components is reserved for them (`flexnet-files.md` 3.9).
//!
//! As long as a user has a component, lingering ones too, as many licenses of each other component are the user's or reserved
//! for the user: as many as the largest of those checkouts has. Nothing of it is an event: it follows from who has what.
//!
//! DECISION: the user is the user's name, on whatever host. Licenses that are shared with others are had by each of them.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, Pool};
use crate::ident::{Handle, PoolKey, User};

/// How many checkouts there are of each count.
type Counts = BTreeMap<u64, u32>;
/// Of one user in one pool: by the group of those that share, or by itself.
type Groups = BTreeMap<Handle, Counts>;

/// An index over the checkouts of components.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::seat) struct Reserving {
    seats: BTreeMap<Handle, Component>,
    /// Counts of each user's components, by the pool of their package.
    wants: BTreeMap<PoolKey, BTreeMap<User, Counts>>,
    /// What each user has, by the pool of a component.
    has: BTreeMap<PoolKey, BTreeMap<User, Groups>>,
    /// What is reserved in each pool and nobody has taken.
    idle: BTreeMap<PoolKey, u64>,
}

/// One checkout of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Component {
    user: User,
    package: PoolKey,
    pool: PoolKey,
    count: u64,
    group: Handle,
}

fn add(counts: &mut Counts, count: u64) {
    *counts.entry(count).or_default() += 1;
}

fn take(counts: &mut Counts, count: u64) {
    if let Some(times) = counts.get_mut(&count) {
        *times = times.saturating_sub(1);
        if *times == 0 {
            counts.remove(&count);
        }
    }
}

fn most(counts: &Counts) -> u64 {
    counts.last_key_value().map_or(0, |(count, _)| *count)
}

impl Reserving {
    /// A checkout is out. `group` is that of those with which it shares, or its own handle.
    pub(super) fn book(
        &mut self,
        catalog: &Catalog,
        (handle, pool): (Handle, &PoolKey),
        user: &User,
        (count, group): (u64, Handle),
    ) {
        let reserving = catalog.pool(pool).filter(|pool| pool.reserving).and_then(Pool::package);
        let Some(package) = reserving.cloned() else { return };
        let seat = Component { user: user.clone(), package, pool: pool.clone(), count, group };
        self.change(catalog, &seat, |this| {
            let wants = this.wants.entry(seat.package.clone()).or_default();
            add(wants.entry(user.clone()).or_default(), count);
            let groups = this.has.entry(pool.clone()).or_default().entry(user.clone()).or_default();
            add(groups.entry(group).or_default(), count);
        });
        self.seats.insert(handle, seat);
    }

    /// A checkout has come back.
    pub(super) fn free(&mut self, catalog: &Catalog, handle: Handle) {
        let Some(seat) = self.seats.remove(&handle) else { return };
        self.change(catalog, &seat, |this| {
            if let Some(wants) = this.wants.get_mut(&seat.package) {
                if let Some(counts) = wants.get_mut(&seat.user) {
                    take(counts, seat.count);
                    if counts.is_empty() {
                        wants.remove(&seat.user);
                    }
                }
                if wants.is_empty() {
                    this.wants.remove(&seat.package);
                }
            }
            let Some(users) = this.has.get_mut(&seat.pool) else { return };
            if let Some(groups) = users.get_mut(&seat.user) {
                if let Some(counts) = groups.get_mut(&seat.group) {
                    take(counts, seat.count);
                    if counts.is_empty() {
                        groups.remove(&seat.group);
                    }
                }
                if groups.is_empty() {
                    users.remove(&seat.user);
                }
            }
            if users.is_empty() {
                this.has.remove(&seat.pool);
            }
        });
    }

    /// Keeps the sums of what is idle through a change of what one user has.
    fn change(&mut self, catalog: &Catalog, seat: &Component, change: impl FnOnce(&mut Self)) {
        let pools = catalog.reserved_together(&seat.package);
        let before: Vec<u64> =
            pools.iter().map(|pool| self.own(&seat.package, pool, &seat.user, &[])).collect();
        change(self);
        for (pool, before) in pools.iter().zip(before) {
            let after = self.own(&seat.package, pool, &seat.user, &[]);
            let idle = self.idle.entry(pool.clone()).or_default();
            *idle = idle.saturating_add(after).saturating_sub(before);
            if *idle == 0 {
                self.idle.remove(pool);
            }
        }
    }

    /// How many licenses of each component a user has or shall find reserved, if some checkouts had come back.
    pub(in crate::seat) fn wants(&self, package: &PoolKey, user: &User, without: &[Handle]) -> u64 {
        let Some(counts) = self.wants.get(package).and_then(|users| users.get(user)) else { return 0 };
        let gone = self.gone(without, user).filter(|seat| seat.package == *package);
        let mut left = std::borrow::Cow::Borrowed(counts);
        gone.for_each(|seat| take(left.to_mut(), seat.count));
        most(&left)
    }

    /// How many licenses of a pool a user has, if some checkouts had come back.
    pub(in crate::seat) fn has(&self, pool: &PoolKey, user: &User, without: &[Handle]) -> u64 {
        let Some(groups) = self.has.get(pool).and_then(|users| users.get(user)) else { return 0 };
        let mut left = std::borrow::Cow::Borrowed(groups);
        for seat in self.gone(without, user).filter(|seat| seat.pool == *pool) {
            if let Some(counts) = left.to_mut().get_mut(&seat.group) {
                take(counts, seat.count);
            }
        }
        left.values().map(most).sum()
    }

    fn gone<'s>(&'s self, without: &'s [Handle], user: &'s User) -> impl Iterator<Item = &'s Component> {
        without.iter().filter_map(|handle| self.seats.get(handle)).filter(move |seat| seat.user == *user)
    }

    /// What is reserved in a pool for a user and idle, if some checkouts had come back.
    pub(in crate::seat) fn own(
        &self,
        package: &PoolKey,
        pool: &PoolKey,
        user: &User,
        without: &[Handle],
    ) -> u64 {
        self.wants(package, user, without).saturating_sub(self.has(pool, user, without))
    }

    /// What is reserved in a pool for others than a user and idle.
    pub(in crate::seat) fn others(&self, package: &PoolKey, pool: &PoolKey, user: &User) -> u64 {
        let all = self.idle.get(pool).copied().unwrap_or(0);
        all.saturating_sub(self.own(package, pool, user, &[]))
    }

    /// For whom something is reserved in a pool and idle, and how much.
    pub(super) fn each<'s>(
        &'s self,
        package: &'s PoolKey,
        pool: &'s PoolKey,
    ) -> impl Iterator<Item = (&'s User, u64)> {
        let users = self.idle.get(pool).and_then(|_| self.wants.get(package)).into_iter().flatten();
        users.map(|(user, _)| (user, self.own(package, pool, user, &[]))).filter(|(_, idle)| *idle > 0)
    }
}
