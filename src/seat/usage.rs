//! What limits and reservations of an options file have come to: an index over state and policy, rebuilt from them at start
//! and at every reread, and kept up to date by the same events.

mod reserving;
mod without;

pub(super) use reserving::Reserving;
pub(super) use without::Without;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Pool};
use crate::event::{Event, Identity, OfferedPackage, Record, Shares};
use crate::ident::{Count, Handle, PoolKey, SessionId, Table, User};
use crate::policy::{Counted, LimitId, Policy, PoolRules, Profile, ReservationId};

use super::queue::Lines;
use super::{Session, State};

/// How much of each limit and of each reservation is used. Seats take reservations in the order of their handles, so that
/// equal states and policies give equal usages, however they came about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// Whom the lines name that each session is; nothing where they name nobody.
    profiles: Table<SessionId, Profile>,
    limits: BTreeMap<(LimitId, Counted), u64>,
    /// What each seat counts for.
    seats: Table<Handle, Limited>,
    charged: BTreeMap<ReservationId, u64>,
    /// Seats of those for whom something is reserved, by pool.
    claims: Table<PoolKey, BTreeMap<Handle, Claim>>,
    pools: Table<Handle, PoolKey>,
    /// Checkouts that use the same licenses, by the name of each group, with what each asked for.
    groups: BTreeMap<Handle, BTreeMap<Handle, u64>>,
    /// The group of each checkout that shares.
    grouped: BTreeMap<Handle, Handle>,
    /// Checkouts to come, whose licenses are held for requests that wait.
    offered: BTreeSet<Handle>,
    /// Those of packages among them, by that of the component with which each goes.
    offered_together: BTreeMap<Handle, Handle>,
    /// What suites reserve for those who have a component.
    reserving: Reserving,
    /// Those who wait, by how they fare.
    pub(super) lines: Lines,
    /// Counters of users that have changed while the lines have not followed yet.
    changed: Vec<(LimitId, User)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Limited {
    count: u64,
    limits: Vec<(LimitId, Counted)>,
}

/// A seat that may be charged to reservations.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Claim {
    count: u64,
    /// The reservations of its client in its pool, in file order.
    of: Vec<ReservationId>,
}

/// A checkout that is to be booked.
struct Booked<'a> {
    handle: Handle,
    session: SessionId,
    pool: &'a PoolKey,
    identity: &'a Identity,
    count: u64,
    group: Option<Handle>,
}

impl<'a> Booked<'a> {
    /// What is held for a request that waits, that of a package first.
    fn held(
        (session, identity, count): (SessionId, &'a Identity, Count),
        (handle, pool, shares): (Handle, &'a PoolKey, Option<Shares>),
        package: Option<&'a OfferedPackage>,
    ) -> impl Iterator<Item = Self> {
        let package = package.map(|it| (it.handle, &it.pool, it.shares));
        package.into_iter().chain([(handle, pool, shares)]).map(move |(handle, pool, shares)| Self {
            handle,
            session,
            pool,
            identity,
            count: u64::from(count.get()),
            group: shares.map(|shares| shares.group),
        })
    }
}

/// How the idle reservations of a pool look to one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Idle {
    /// Licenses that are set aside for the client and others with it, and are idle.
    pub own: u64,
    /// Licenses that are set aside for others, and are idle.
    pub others: u64,
    /// What of the client's is so because it has another component of the suite.
    pub own_of_suite: u64,
    /// What of the others' is so because they have another component of the suite.
    pub others_of_suite: u64,
}

impl Usage {
    /// Counts all seats of a state anew.
    #[must_use]
    pub fn rebuild(state: &State, catalog: &Catalog, policy: &Policy) -> Self {
        let mut usage = Self::default();
        if !policy.names_nobody() {
            let profile = |session: &Session| profile_of(policy, session.identity());
            usage.profiles = state.sessions().map(|(id, session)| (id, profile(session))).collect();
        }
        if catalog.reserves() {
            for (handle, seat) in state.seats() {
                let group = seat.shares.map_or(handle, |shares| shares.group);
                let count = u64::from(seat.count.get());
                usage.reserving.book(catalog, (handle, &seat.pool), &seat.identity.user, (count, group));
            }
        }
        usage.line_up(state, catalog, policy);
        if policy.counts_nothing() {
            return usage;
        }
        let held = state.seats().map(|(handle, seat)| Booked {
            handle,
            session: seat.session,
            pool: &seat.pool,
            identity: &seat.identity,
            count: u64::from(seat.count.get()),
            group: seat.shares.map(|shares| shares.group),
        });
        let mut offered: Vec<Booked<'_>> = Vec::new();
        for (_, entry) in state.waiting() {
            let Some(offer) = &entry.offer else { continue };
            let asker = (entry.session, &entry.identity, entry.request.count);
            offered.extend(Booked::held(
                asker,
                (offer.handle, &offer.pool, offer.shares),
                offer.package.as_deref(),
            ));
            usage.offered_together.extend(offer.package.as_ref().map(|it| (offer.handle, it.handle)));
        }
        usage.offered = offered.iter().map(|booked| booked.handle).collect();
        let mut all: Vec<Booked<'_>> = held.chain(offered).collect();
        all.sort_unstable_by_key(|booked| booked.handle);
        all.iter().for_each(|booked| usage.book(catalog, policy, booked));
        usage.recount_lines(policy);
        usage
    }

    /// Follows a record that the state has folded in or is about to. After one with [`Event::Reread`] it is rebuilt instead.
    pub fn follow(&mut self, record: &Record, state: &State, catalog: &Catalog, policy: &Policy) {
        if catalog.reserves() {
            self.follow_suites(record, catalog);
        }
        for event in &record.events {
            self.follow_queue(event, state, (catalog, policy));
        }
        let (counts, names) = (!policy.counts_nothing(), !policy.names_nobody());
        if !counts && !names {
            return;
        }
        for event in &record.events {
            match event {
                Event::Opened(opened) if names => {
                    self.profiles.insert(opened.session, profile_of(policy, &opened.identity));
                }
                Event::Ended(ended) => {
                    self.profiles.remove(&ended.session);
                }
                // It counts already.
                Event::Out(out) if self.offered.remove(&out.handle) => {
                    self.offered_together.remove(&out.handle);
                }
                Event::Offered(offered) if counts => {
                    let asker = (offered.session, &offered.identity, offered.request.count);
                    let package = offered.package.as_ref();
                    let held = Booked::held(asker, (offered.handle, &offered.pool, offered.shares), package);
                    for booked in held {
                        self.offered.insert(booked.handle);
                        self.book(catalog, policy, &booked);
                    }
                    self.offered_together.extend(package.map(|it| (offered.handle, it.handle)));
                }
                Event::Dequeued(dequeued) if counts => {
                    if let Some(offer) = dequeued.offer.filter(|offer| self.offered.remove(offer)) {
                        if let Some(package) = self.offered_together.remove(&offer) {
                            self.offered.remove(&package);
                            self.free(package, catalog, policy);
                        }
                        self.free(offer, catalog, policy);
                    }
                }
                Event::Out(out) if counts => self.book(
                    catalog,
                    policy,
                    &Booked {
                        handle: out.handle,
                        session: out.session,
                        pool: &out.pool,
                        identity: &out.identity,
                        count: u64::from(out.request.count.get()),
                        group: out.accounting.shares.map(|shares| shares.group),
                    },
                ),
                Event::In(returned) if counts => self.free(returned.handle, catalog, policy),
                _ => {}
            }
        }
        self.recount_lines(policy);
    }

    /// The lines follow the counters.
    fn recount_lines(&mut self, policy: &Policy) {
        for (id, user) in std::mem::take(&mut self.changed) {
            let used = self.of_limit(id, &Counted::User(user.clone()));
            if let Some(limit) = policy.limit(id) {
                self.lines.recount((id, &user), used, limit.count.into());
            }
        }
    }

    /// Nobody waits for components of these suites, so nothing of them is ever offered.
    fn follow_suites(&mut self, record: &Record, catalog: &Catalog) {
        for event in &record.events {
            match event {
                Event::Out(out) => {
                    let group = out.accounting.shares.map_or(out.handle, |shares| shares.group);
                    let count = u64::from(out.request.count.get());
                    let user = &out.identity.user;
                    self.reserving.book(catalog, (out.handle, &out.pool), user, (count, group));
                }
                Event::In(returned) => self.reserving.free(catalog, returned.handle),
                _ => {}
            }
        }
    }

    /// Who has what of suites that reserve their components.
    pub(super) fn of_suites(&self) -> &Reserving {
        &self.reserving
    }

    /// The users for whom a suite reserves licenses of a component's pool that they have not taken, and how many.
    pub fn reserved_by_suite<'s>(&'s self, pool: &'s Pool) -> impl Iterator<Item = (&'s User, u64)> {
        let package = pool.package().filter(|_| pool.reserving);
        package.into_iter().flat_map(|package| self.reserving.each(package, &pool.key))
    }

    /// Books a checkout whose handle is higher than all that are booked.
    fn book(&mut self, catalog: &Catalog, policy: &Policy, booked: &Booked<'_>) {
        let Some(rules) = rules_of(catalog, policy, booked.pool) else { return };
        if rules.limits.is_empty() && rules.reservations.is_empty() {
            return;
        }
        let (handle, count) = (booked.handle, self.join(booked));
        let profile = match self.profiles.get(&booked.session) {
            Some(profile) => Cow::Borrowed(profile),
            None => Cow::Owned(profile_of(policy, booked.identity)),
        };
        let mut limits = Vec::new();
        for id in &rules.limits {
            let Some(limit) = policy.limit(*id) else { continue };
            for counted in policy.counted(limit, &profile, &booked.identity.user) {
                if count > 0 {
                    *self.limits.entry((*id, counted.clone())).or_default() += count;
                    note(&mut self.changed, &self.lines, (*id, &counted));
                }
                limits.push((*id, counted));
            }
        }
        if !limits.is_empty() {
            self.seats.insert(handle, Limited { count, limits });
        }
        let of =
            |id: &ReservationId| policy.reservation(*id).is_some_and(|r| policy.is_reserved_for(r, &profile));
        let claim = Claim { count, of: rules.reservations.iter().copied().filter(of).collect() };
        if !claim.of.is_empty() {
            charge(&mut self.charged, policy, &claim);
            if let Some(claims) = self.claims.or_default(booked.pool) {
                claims.insert(handle, claim);
            }
            self.pools.insert(handle, booked.pool.clone());
        }
    }

    /// What a checkout counts for: what it asks for beyond the older ones of its group. DECISION: so each license that is
    /// shared counts for the oldest checkout that asked for it, and passes on with it.
    fn join(&mut self, booked: &Booked<'_>) -> u64 {
        let Some(group) = booked.group else { return booked.count };
        let members = self.groups.entry(group).or_default();
        let before = members.values().copied().max().unwrap_or(0);
        members.insert(booked.handle, booked.count);
        self.grouped.insert(booked.handle, group);
        booked.count.saturating_sub(before)
    }

    /// Takes a checkout out of its group: the younger ones for which others then count, with what each counts for.
    fn part(&mut self, handle: Handle) -> Vec<(Handle, u64)> {
        let Some(name) = self.grouped.remove(&handle) else { return Vec::new() };
        let Some(members) = self.groups.get_mut(&name) else { return Vec::new() };
        let older = members.range(..handle).map(|(_, count)| *count).max().unwrap_or(0);
        let Some(count) = members.remove(&handle) else { return Vec::new() };
        let (mut with, mut without) = (older.max(count), older);
        let mut changed = Vec::new();
        for (member, count) in members.range(handle..) {
            if with == without {
                break;
            }
            changed.push((*member, count.saturating_sub(without)));
            (with, without) = (with.max(*count), without.max(*count));
        }
        if members.is_empty() {
            self.groups.remove(&name);
        }
        changed
    }

    fn recount(&mut self, handle: Handle, count: u64) {
        let Some(limited) = self.seats.get_mut(&handle) else { return };
        let added = count.saturating_sub(limited.count);
        limited.count = count;
        for key in limited.limits.iter().filter(|_| added > 0) {
            *self.limits.entry(key.clone()).or_default() += added;
            note(&mut self.changed, &self.lines, (key.0, &key.1));
        }
    }

    fn free(&mut self, handle: Handle, catalog: &Catalog, policy: &Policy) {
        let younger = self.part(handle);
        if let Some(limited) = self.seats.remove(&handle) {
            for key in limited.limits {
                if let Some(used) = self.limits.get_mut(&key) {
                    *used = used.saturating_sub(limited.count);
                    if *used == 0 {
                        self.limits.remove(&key);
                    }
                    note(&mut self.changed, &self.lines, (key.0, &key.1));
                }
            }
        }
        for (member, count) in &younger {
            self.recount(*member, *count);
        }
        let claimed = |member: &Handle| self.pools.get(member).cloned();
        let Some(pool) = claimed(&handle).or_else(|| younger.iter().find_map(|(member, _)| claimed(member)))
        else {
            return;
        };
        self.pools.remove(&handle);
        let Some(claims) = self.claims.get_mut(&pool) else { return };
        claims.remove(&handle);
        for (member, count) in younger {
            if let Some(claim) = claims.get_mut(&member) {
                claim.count = count;
            }
        }
        // Later seats move up into what has become free.
        for id in rules_of(catalog, policy, &pool).into_iter().flat_map(|rules| &rules.reservations) {
            self.charged.remove(id);
        }
        for claim in claims.values() {
            charge(&mut self.charged, policy, claim);
        }
        if claims.is_empty() {
            self.claims.remove(&pool);
        }
    }

    /// Those who wait, by how they fare.
    pub(super) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Whom the lines name that a session is, if that is kept.
    pub(super) fn profile(&self, session: SessionId) -> Option<&Profile> {
        self.profiles.get(&session)
    }

    /// Licenses that count for a limit.
    #[must_use]
    pub fn of_limit(&self, limit: LimitId, counted: &Counted) -> u64 {
        self.limits.get(&(limit, counted.clone())).copied().unwrap_or(0)
    }

    /// Licenses of a reservation that nobody has taken.
    #[must_use]
    pub fn idle_of(&self, id: ReservationId, policy: &Policy) -> u64 {
        let reserved = policy.reservation(id).map_or(0, |reservation| u64::from(reservation.count));
        reserved.saturating_sub(self.charged.get(&id).copied().unwrap_or(0))
    }

    /// The idle reservations of a pool as a client sees them.
    #[must_use]
    pub fn idle(&self, rules: &PoolRules, policy: &Policy, client: &Profile) -> Idle {
        without::idle_of(&self.charged, rules, policy, client)
    }
}

/// A counter has changed; of interest to those who wait if it is a user's own.
fn note(changed: &mut Vec<(LimitId, User)>, lines: &Lines, (id, counted): (LimitId, &Counted)) {
    if let Counted::User(user) = counted
        && !lines.counts_nobody()
    {
        changed.push((id, user.clone()));
    }
}

fn profile_of(policy: &Policy, identity: &Identity) -> Profile {
    policy.profile(identity, identity.address())
}

/// Charges a seat: the reservations of its client first, in file order, before anything else (`flexnet-files.md` 5.6 a).
fn charge(charged: &mut BTreeMap<ReservationId, u64>, policy: &Policy, claim: &Claim) {
    let mut left = claim.count;
    for id in &claim.of {
        let Some(reservation) = policy.reservation(*id) else { continue };
        let used = charged.get(id).copied().unwrap_or(0);
        let taken = left.min(u64::from(reservation.count).saturating_sub(used));
        if taken > 0 {
            charged.insert(*id, used + taken);
            left -= taken;
        }
    }
}

/// The rules of a pool by its key; none if it is not served or there are no rules at all.
#[must_use]
pub fn rules_of<'p>(catalog: &Catalog, policy: &'p Policy, key: &PoolKey) -> Option<&'p PoolRules> {
    let of_feature = policy.pools(key.feature());
    // Most sites have rules for few features, or none.
    if of_feature.is_empty() { None } else { of_feature.get(catalog.place(key)?) }
}
