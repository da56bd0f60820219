//! Which of those who wait fare alike, so that one of them can speak for all: an index over state and policy, a part of
//! [`crate::seat::Usage`].
//!
//! Two requests for a feature fare alike if the lines of the options file name their clients in the same way and count them
//! together, and if they ask for as much of the same version: where the first of them finds no licenses, no later one finds any. Of a
//! line that counts each user by itself it is enough that it has room for both users, or for neither; who moves from one to the other
//! is known by his counter. Who may use licenses that are out already, because he shares them or they linger for him, stands for
//! himself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::event::{Checkout, Event, Identity};
use crate::ident::{FeatureName, Handle, PoolKey, SessionId, Token, User, Version};
use crate::policy::{Counted, LimitId, Policy, Profile};
use crate::seat::choose::{Asked, sharing};
use crate::seat::pool_use::{GroupKey, Place};
use crate::seat::{Rules, State, Usage};
use crate::time::Timestamp;

/// Those that fare alike, in the order in which they came.
pub(super) type Line = BTreeSet<Handle>;

/// The lines of those for whom nothing is held. Equal if the same requests wait: who stands for himself may do so for longer than
/// he must.
#[derive(Debug, Clone, Default)]
pub(in crate::seat) struct Lines {
    features: BTreeMap<FeatureName, BTreeMap<Kind, Line>>,
    waiting: BTreeMap<Handle, Waits>,
    names: BTreeMap<(SessionId, Token), Handle>,
    /// Who could share with whom in each pool.
    sharers: BTreeSet<(PoolKey, GroupKey, Handle)>,
    /// Who could take lingering licenses back.
    places: BTreeSet<(Place, Handle)>,
    /// Whose own counters decide with whom they fare alike.
    own: BTreeSet<(LimitId, User, Handle)>,
}

impl PartialEq for Lines {
    fn eq(&self, other: &Self) -> bool {
        self.waiting.keys().eq(other.waiting.keys())
    }
}

impl Eq for Lines {}

#[derive(Debug, Clone)]
struct Waits {
    feature: FeatureName,
    kind: Kind,
    name: (SessionId, Token),
    groups: Vec<(PoolKey, GroupKey)>,
    place: Place,
    /// The counters of its user alone.
    own: Vec<(LimitId, User)>,
}

/// What is equal between those that fare alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Alike(Arc<Alike>),
    Alone(Handle),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Alike {
    profile: Profile,
    version: Version,
    count: u32,
    /// Whether the hostid and the platform are right, pool by pool, those of packages too.
    fits: Vec<(bool, bool)>,
    /// What counts them together.
    counted: Vec<(LimitId, Counted)>,
    /// The lines that count each user by itself, and whether they are full for it.
    full: Vec<(LimitId, bool)>,
}

impl Lines {
    /// The lines of a feature.
    pub(super) fn of(&self, feature: &FeatureName) -> impl Iterator<Item = (&Kind, &Line)> {
        self.features.get(feature).into_iter().flatten()
    }

    /// Nobody waits for anything.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The kind of a request that waits.
    pub(super) fn kind(&self, handle: Handle) -> Option<&Kind> {
        self.waiting.get(&handle).map(|waits| &waits.kind)
    }

    fn insert(&mut self, handle: Handle, waits: Waits) {
        let line = self.features.entry(waits.feature.clone()).or_default();
        line.entry(waits.kind.clone()).or_default().insert(handle);
        self.names.insert(waits.name, handle);
        self.sharers.extend(waits.groups.iter().map(|(pool, key)| (pool.clone(), key.clone(), handle)));
        self.places.insert((waits.place.clone(), handle));
        self.own.extend(waits.own.iter().map(|(id, user)| (*id, user.clone(), handle)));
        self.waiting.insert(handle, waits);
    }

    fn remove(&mut self, handle: Handle) -> Option<Waits> {
        let waits = self.waiting.remove(&handle)?;
        if let Some(lines) = self.features.get_mut(&waits.feature) {
            if let Some(line) = lines.get_mut(&waits.kind) {
                line.remove(&handle);
                if line.is_empty() {
                    lines.remove(&waits.kind);
                }
            }
            if lines.is_empty() {
                self.features.remove(&waits.feature);
            }
        }
        self.names.remove(&waits.name);
        for (pool, key) in &waits.groups {
            self.sharers.remove(&(pool.clone(), key.clone(), handle));
        }
        self.places.remove(&(waits.place.clone(), handle));
        for (id, user) in &waits.own {
            self.own.remove(&(*id, user.clone(), handle));
        }
        Some(waits)
    }

    /// Whether nobody's own counter matters.
    pub(in crate::seat) fn counts_nobody(&self) -> bool {
        self.own.is_empty()
    }

    /// The counter of a user has changed: those of its requests for which a line has room now, or none any more, fare otherwise.
    pub(in crate::seat) fn recount(&mut self, (id, user): (LimitId, &User), used: u64, most: u64) {
        let from = (id, user.clone(), Handle(0));
        let same = |(of, other, _): &&(LimitId, User, Handle)| *of == id && other == user;
        let of_user: Vec<Handle> =
            self.own.range(&from..).take_while(same).map(|(.., handle)| *handle).collect();
        for handle in of_user {
            let Some(Kind::Alike(alike)) = self.kind(handle) else { continue };
            let full = is_full(used, alike.count.into(), most);
            if alike.full.iter().all(|(of, was)| *of != id || *was == full) {
                continue;
            }
            let mut alike = Alike::clone(alike);
            alike.full.iter_mut().filter(|(of, _)| *of == id).for_each(|(_, was)| *was = full);
            if let Some(waits) = self.remove(handle) {
                self.insert(handle, Waits { kind: Kind::Alike(Arc::new(alike)), ..waits });
            }
        }
    }

    /// It stands for itself from now on.
    fn single_out(&mut self, handle: Handle) {
        if let Some(waits) = self.remove(handle) {
            self.insert(handle, Waits { kind: Kind::Alone(handle), ..waits });
        }
    }

    /// Licenses of a pool are out that this client's other checkouts may share.
    fn shared(&mut self, catalog: &Catalog, pool: &PoolKey, request: &Checkout, identity: &Identity) {
        if self.sharers.is_empty() {
            return;
        }
        let Some(key) = catalog.pool(pool).and_then(|pool| sharing(pool, request, identity)) else { return };
        let from = (pool.clone(), key, Handle(0));
        let same = |(of, key, _): &&(PoolKey, GroupKey, Handle)| *of == from.0 && *key == from.1;
        let sharers: Vec<Handle> =
            self.sharers.range(&from..).take_while(same).map(|(.., handle)| *handle).collect();
        sharers.into_iter().for_each(|handle| self.single_out(handle));
    }

    /// Licenses linger for a client.
    fn lingering(&mut self, identity: &Identity) {
        let from = (Place::of(identity), Handle(0));
        let same = |(place, _): &&(Place, Handle)| *place == from.0;
        let own: Vec<Handle> =
            self.places.range(&from..).take_while(same).map(|(_, handle)| *handle).collect();
        own.into_iter().for_each(|handle| self.single_out(handle));
    }
}

impl Usage {
    /// Puts all that wait into lines.
    pub(in crate::seat) fn line_up(&mut self, state: &State, catalog: &Catalog, policy: &Policy) {
        for (handle, entry) in state.waiting().filter(|(_, entry)| entry.offer.is_none()) {
            let asker = (entry.session, &entry.identity);
            self.queued(state, (catalog, policy), handle, asker, &entry.request);
        }
    }

    /// Follows an event of the queue, or one that lets somebody use what is out.
    pub(in crate::seat) fn follow_queue(
        &mut self,
        event: &Event,
        state: &State,
        (catalog, policy): (&Catalog, &Policy),
    ) {
        match event {
            Event::Queued(queued) => {
                let asker = (queued.session, &queued.identity);
                self.queued(state, (catalog, policy), queued.handle, asker, &queued.request);
            }
            _ if self.lines.waiting.is_empty() => {}
            Event::Offered(offered) => {
                self.lines.remove(offered.entry);
                let package = offered.package.as_ref().map(|package| &package.pool);
                for pool in package.into_iter().chain([&offered.pool]) {
                    self.lines.shared(catalog, pool, &offered.request, &offered.identity);
                }
            }
            Event::Dequeued(dequeued) => drop(self.lines.remove(dequeued.entry)),
            Event::Out(out) => {
                let name = (out.session, out.request.token);
                if let Some(handle) = self.lines.names.get(&name).copied() {
                    self.lines.remove(handle);
                }
                if out.accounting.shares.is_some() {
                    self.lines.shared(catalog, &out.pool, &out.request, &out.identity);
                }
            }
            Event::Lingering(lingering) => {
                if let Some(seat) = state.seat(lingering.handle) {
                    self.lines.lingering(&seat.identity);
                }
            }
            _ => {}
        }
    }

    fn queued(
        &mut self,
        state: &State,
        (catalog, policy): (&Catalog, &Policy),
        handle: Handle,
        (session, identity): (SessionId, &Identity),
        request: &Checkout,
    ) {
        let rules = Rules { catalog, policy, usage: &*self };
        // Nothing that is asked here depends on the time.
        let asked = Asked::new(state, rules, request, (Some(session), identity), Timestamp(0));
        let uses = |found: &super::super::linger::Found| found.joined.is_some() || !found.taken.is_empty();
        let alone = request.wishes.borrow.is_some()
            // What suites reserve for a user depends on what he has.
            || catalog.reserves()
            || asked.pools().any(|(pool, of_pool)| {
                asked.both(pool, of_pool).any(|((pool, asking), _)| uses(&asked.found(pool, asking)))
            });
        let kind = if alone { Kind::Alone(handle) } else { Kind::Alike(Arc::new(asked.alike())) };
        let own = asked.counted().into_iter().filter_map(|(id, counted)| match counted {
            Counted::User(user) if !alone => Some((id, user)),
            _ => None,
        });
        let both = asked.pools().flat_map(|(pool, of_pool)| asked.both(pool, of_pool));
        let groups = both.filter_map(|((pool, _), _)| {
            let key = sharing(pool, request, identity)?;
            Some((pool.key.clone(), key))
        });
        let waits = Waits {
            feature: request.feature.clone(),
            kind,
            name: (session, request.token),
            groups: groups.collect(),
            place: Place::of(identity),
            own: own.collect(),
        };
        self.lines.insert(handle, waits);
    }
}

impl Asked<'_> {
    /// What decides how this request fares beside what is out.
    fn alike(&self) -> Alike {
        let fits =
            |pool: &crate::catalog::Pool| (pool.admits(self.identity()), pool.runs_on(self.identity()));
        let both = self.pools().flat_map(|(pool, of_pool)| self.both(pool, of_pool));
        let (own, counted): (Vec<_>, Vec<_>) =
            self.counted().into_iter().partition(|(_, counted)| matches!(counted, Counted::User(_)));
        // It shares nothing and takes nothing back, so it adds all that it asks for.
        let full = |(id, counted): (LimitId, Counted)| {
            let most = self.rules.policy.limit(id).map_or(u64::MAX, |limit| limit.count.into());
            (id, is_full(self.rules.usage.of_limit(id, &counted), self.count(), most))
        };
        Alike {
            profile: self.client().clone(),
            version: self.request.version,
            count: self.request.count.get(),
            fits: both.map(|((pool, _), _)| fits(pool)).collect(),
            counted,
            full: own.into_iter().map(full).collect(),
        }
    }
}

const fn is_full(used: u64, count: u64, most: u64) -> bool {
    used.saturating_add(count) > most
}

#[cfg(test)]
mod tests;
