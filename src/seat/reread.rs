//! Other licenses under running checkouts (`flexnet-files.md` 6.1): a checkout stays where it is as long as its pool is
//! served, else it moves to another pool of its feature, even if that has fewer licenses than are out of it then. Only where no
//! pool is left for it does it end; what is borrowed stays out all the same until its record ends, and counts when a pool comes back.
//!
//! A suite's checkout follows that of its component: into the pool of the package that goes with the component's new pool, or
//! back, where none does. DECISION: a component that needed no package so far goes on without one.
//!
//! DECISION: at a start with other files ([`RereadCause::Start`]) checkouts move likewise, and none for which no pool is left ends,
//! as the files may be the wrong ones. It stays in its old pool until a reread that somebody ordered, or that was due, ends it. A suite's
//! checkout stays too, beside a component that needs none by these files; a later reread ends it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::pool_use::GroupKey;
use super::{Decision, PoolUse, Reply, Seat, State, Tenure};
use crate::catalog::{Catalog, Period, Pool};
use crate::code::{Code, minor};
use crate::event::{Denial, Event, In, InReason, Moved, Reread, RereadCause, Shares};
use crate::ident::{FeatureName, Handle, PoolKey};
use crate::time::{Now, Timestamp};

/// A pool of which more licenses are out than it has. It grants none until it has drained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surplus {
    /// Which pool.
    pub pool: PoolKey,
    /// How many licenses are out of it.
    pub in_use: u64,
    /// How many it has.
    pub count: u64,
}

impl fmt::Display for Surplus {
    /// `fx 3: 2 licenses are in use and 1 is there; it grants none until 1 has come back`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pool, in_use, count } = self;
        let over = in_use.saturating_sub(*count);
        let licenses = if *in_use == 1 { "license is" } else { "licenses are" };
        let (are, have) = (if *count == 1 { "is" } else { "are" }, if over == 1 { "has" } else { "have" });
        write!(
            f,
            "{pool}: {in_use} {licenses} in use and {count} {are} there; it grants none until {over} {have} come back"
        )
    }
}

/// The pools of which more licenses are out than they have, by key.
#[must_use]
pub fn surplus(state: &State, catalog: &Catalog, now: Timestamp) -> Vec<Surplus> {
    let over = |(key, used): (&PoolKey, &PoolUse)| {
        let pool = catalog.pool(key).filter(|pool| pool.counted)?;
        let count = u64::from(pool.count_at(state.license_time(now).utc));
        (used.in_use() > count).then(|| Surplus { pool: key.clone(), in_use: used.in_use(), count })
    };
    state.pools().filter_map(over).collect()
}

/// What a client hears for a feature that is served no longer.
pub(super) fn removed(feature: &FeatureName) -> Denial {
    let note = format!("the license files of this server have no line for {feature} any more");
    Denial::new(Code::FeatureRemoved, minor::FEATURE_REMOVED, &note)
}

pub(super) fn decide<'a>(
    state: &'a State,
    old: &Catalog,
    order: &Reread,
    new: &'a Catalog,
    now: Now,
) -> Decision {
    let served = |feature: &&FeatureName| !new.pools(feature.as_str()).is_empty();
    let before: BTreeSet<&FeatureName> = state.removed.iter().chain(old.features()).collect();
    let gone = before.into_iter().filter(|feature| !served(feature)).cloned().collect();
    let mut events = vec![Event::Reread(Box::new(Reread { removed: gone, ..order.clone() }))];
    let mut planned: BTreeMap<&PoolKey, u64> = BTreeMap::new();
    let mut groups = Groups::new();
    let at_start = order.cause == RereadCause::Start;
    // Nothing moves or ends because the clock is set back.
    let time = state.license_time(now.utc).utc;
    let leaving = |(_, seat): &(Handle, &Seat)| seat.component.is_none() && new.pool(&seat.pool).is_none();
    for (handle, seat) in state.seats().filter(leaving) {
        let target = target(state, new, seat, &planned, time);
        // A record that is out can't be called back.
        if target.is_none() && (at_start || matches!(seat.tenure, Tenure::Borrowed { .. })) {
            continue;
        }
        let mut follow = |handle: Handle, seat: &Seat, target: Option<&'a Pool>| match target {
            Some(pool) => {
                let (shares, adds) = joined(state, seat, handle, pool, &mut groups);
                *planned.entry(&pool.key).or_default() += adds;
                Event::Moved(Box::new(Moved {
                    session: seat.session,
                    handle,
                    from: seat.pool.clone(),
                    to: pool.key.clone(),
                    shares,
                }))
            }
            None => Event::In(In { session: seat.session, handle, why: InReason::Removed }),
        };
        if let Some((handle, package)) = seat.suite.and_then(|handle| Some((handle, state.seat(handle)?))) {
            let target = target.and_then(|pool| new.pool(pool.package()?));
            // It waits for its line to come back, so that nobody else gets its licenses then.
            let stays = at_start && target.is_none();
            if !stays && target.is_none_or(|pool| pool.key != package.pool) {
                events.push(follow(handle, package, target));
            }
        }
        events.push(follow(handle, seat, target));
    }
    if !at_start {
        events.extend(left_by_a_start(state, new));
    }
    // Most starts change nothing, and there is nothing to record.
    if at_start && events.len() == 1 && !offers_vanish(state, new) {
        events.clear();
    }
    Decision::new(events, Reply::Done)
}

/// The ends of suites' checkouts that a start has left beside components that need none.
fn left_by_a_start<'a>(state: &'a State, new: &'a Catalog) -> impl Iterator<Item = Event> + 'a {
    let alone = |seat: &Seat| new.pool(&seat.pool).is_some_and(|pool| pool.package().is_none());
    let components = state.seats().filter(move |(_, seat)| seat.suite.is_some() && alone(seat));
    components.filter_map(|(_, seat)| {
        let handle = seat.suite?;
        Some(Event::In(In { session: seat.session, handle, why: InReason::Removed }))
    })
}

/// Whether anything is held for those who wait in a pool that is served no longer: a reread offers anew.
fn offers_vanish(state: &State, new: &Catalog) -> bool {
    let gone = |key: &PoolKey| new.pool(key).is_none();
    state
        .waiting()
        .filter_map(|(_, entry)| entry.offer.as_ref())
        .any(|offer| gone(&offer.pool) || offer.package.as_ref().is_some_and(|package| gone(&package.pool)))
}

/// Groups of checkouts in the pools that they move to, with their names and the licenses that they use.
type Groups<'a> = BTreeMap<(&'a PoolKey, GroupKey), (Handle, u64)>;

/// The group that a checkout joins or begins in another pool, and how many licenses it adds there.
fn joined<'a>(
    state: &State,
    seat: &Seat,
    handle: Handle,
    pool: &'a Pool,
    groups: &mut Groups<'a>,
) -> (Option<Shares>, u64) {
    let count = u64::from(seat.count.get());
    let Some(key) = GroupKey::of(pool.share, &seat.wishes, &seat.identity).filter(|_| pool.counted) else {
        return (None, count);
    };
    let mask = key.mask();
    let there = state.pool(&pool.key).and_then(|used| used.group(&key));
    let (group, in_use) = groups.entry((&pool.key, key)).or_insert_with(|| there.unwrap_or((handle, 0)));
    let adds = count.saturating_sub(*in_use);
    *in_use += adds;
    (Some(Shares { mask, group: *group }), adds)
}

/// The pool that a checkout moves to: the first in the order of requests that it could have been granted from, else the first
/// valid one, else the first that fits by version, hostid and platform. `planned` is what moves into each pool before it.
fn target<'a>(
    state: &State,
    new: &'a Catalog,
    seat: &Seat,
    planned: &BTreeMap<&PoolKey, u64>,
    now: Timestamp,
) -> Option<&'a Pool> {
    let rank = |pool: &Pool| {
        if pool.period_at(now) != Period::Within {
            return 2;
        }
        let out = state.pool(&pool.key).map_or(0, PoolUse::in_use);
        let taken = out.saturating_add(planned.get(&pool.key).copied().unwrap_or(0));
        let fits = taken.saturating_add(u64::from(seat.count.get())) <= u64::from(pool.count_at(now));
        u8::from(pool.counted && !fits)
    };
    new.pools(seat.feature.as_str())
        .iter()
        .filter(|pool| {
            let fits = pool.version >= seat.version && pool.admits(&seat.identity);
            fits && pool.runs_on(&seat.identity) && !pool.is_package()
        })
        .min_by_key(|pool| rank(pool))
}
