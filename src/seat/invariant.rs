//! A second look at a decision before it is stored.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::pool_use::GroupKey;
use super::suite::are_together;
use super::{Seat, State, Tenure};
use crate::catalog::{Catalog, Pool};
use crate::event::{Event, Lingering, Out};
use crate::ident::{Handle, PoolKey, SessionId, Token};
use crate::time::Now;

/// A decision that must not be stored: the engine contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Violation {
    /// More seats out than the pool has.
    #[error("pool {pool} would have {out} licenses out of {count}")]
    PoolExceeded {
        /// Which pool.
        pool: PoolKey,
        /// How many would be out.
        out: u64,
        /// How many there are.
        count: u64,
    },
    /// A grant from a pool that the catalog does not have.
    #[error("pool {0} is not in the catalog")]
    PoolUnknown(PoolKey),
    /// A handle given a second time.
    #[error("handle {0} was given before")]
    HandleReused(Handle),
    /// A grant to a session that is not there, or a return of a seat that is not its own.
    #[error("session {0} does not hold what the event says")]
    NotHeld(SessionId),
    /// A checkout that would linger into the past.
    #[error("checkout {0} would linger until a time that has passed")]
    OverAlready(Handle),
    /// A request number that grants a second time.
    #[error("request {1} of session {0} was answered before")]
    TokenReused(SessionId, Token),
    /// A component without its package, a package without its component, or one of them coming back alone.
    #[error("checkout {0} is parted from the one that goes with it in its suite")]
    SuiteParted(Handle),
}

/// Checks events that [`super::decide`] has made against the state they were made for. `catalog` has the licenses that hold
/// after them.
///
/// # Errors
/// The first [`Violation`].
pub fn check(state: &State, catalog: &Catalog, events: &[Event], now: Now) -> Result<(), Violation> {
    let mut added: BTreeMap<&PoolKey, u64> = BTreeMap::new();
    let mut gone: Vec<&Seat> = Vec::new();
    let mut last_handle = state.last_handle;
    // A grant of a package, until that of its component comes next.
    let mut package: Option<&Out> = None;
    let given_up: BTreeSet<(bool, Handle)> = events
        .iter()
        .filter_map(|event| match event {
            Event::In(back) => Some((false, back.handle)),
            Event::Lingering(lingering) => Some((true, lingering.handle)),
            _ => None,
        })
        .collect();
    let reread = events.iter().any(|event| matches!(event, Event::Reread(_)));
    let together = |handle: Handle, seat: &Seat, lingers: bool| {
        // At a reread a component may go on where it needs no package.
        let partner = seat.suite.or(seat.component.filter(|_| !reread));
        match partner {
            Some(partner) if !given_up.contains(&(lingers, partner)) => Err(Violation::SuiteParted(handle)),
            _ => Ok(()),
        }
    };
    for event in events {
        if let Some(alone) = package.filter(|_| !matches!(event, Event::Out(_))) {
            return Err(Violation::SuiteParted(alone.handle));
        }
        match event {
            Event::Out(out) => {
                if out.handle.0 <= last_handle {
                    return Err(Violation::HandleReused(out.handle));
                }
                last_handle = out.handle.0;
                let used = state.pool(&out.pool);
                let there = gone.iter().copied().filter(|seat| seat.pool == out.pool);
                let (in_use, joined) = used.map_or((0, None), |used| used.without(key(out).as_ref(), there));
                let added = added.entry(&out.pool).or_default();
                *added += adds(out, joined);
                let pool = check_out(state, catalog, out, (in_use, *added), now)?;
                check_suite(pool, out, package)?;
                package = pool.is_package().then_some(out);
            }
            Event::In(returned) => {
                let seat = state.seat(returned.handle).filter(|seat| seat.session == returned.session);
                let seat = seat.ok_or(Violation::NotHeld(returned.session))?;
                together(returned.handle, seat, false)?;
                gone.push(seat);
            }
            Event::Lingering(Lingering { session, handle, until, .. }) => {
                let held = |seat: &&Seat| seat.session == *session && seat.tenure == Tenure::Held;
                let seat = state.seat(*handle).filter(held).ok_or(Violation::NotHeld(*session))?;
                together(*handle, seat, true)?;
                if *until <= now.utc {
                    return Err(Violation::OverAlready(*handle));
                }
            }
            Event::Moved(moved) => {
                let held = state
                    .seat(moved.handle)
                    .is_some_and(|seat| seat.session == moved.session && seat.pool == moved.from);
                if !held {
                    return Err(Violation::NotHeld(moved.session));
                }
                if catalog.pool(&moved.to).is_none() {
                    return Err(Violation::PoolUnknown(moved.to.clone()));
                }
            }
            _ => {}
        }
    }
    package.map_or(Ok(()), |alone| Err(Violation::SuiteParted(alone.handle)))
}

/// A package's grant comes alone before that of its component, and no other grant before or behind it.
fn check_suite(pool: &Pool, out: &Out, package: Option<&Out>) -> Result<(), Violation> {
    let together = match (package, pool.package()) {
        (Some(package), Some(key)) => package.pool == *key && are_together(package, out),
        (None, None) => out.accounting.suite.is_none(),
        _ => false,
    };
    if together { Ok(()) } else { Err(Violation::SuiteParted(out.handle)) }
}

/// How many licenses a grant adds to those in use: none of those that the checkouts of its group use already.
fn adds(out: &Out, joined: Option<(Handle, u64)>) -> u64 {
    let shared = out.accounting.shares.and_then(|shares| {
        let (group, in_use) = joined?;
        (group == shares.group).then_some(in_use)
    });
    u64::from(out.request.count.get()).saturating_sub(shared.unwrap_or(0))
}

fn key(out: &Out) -> Option<GroupKey> {
    let shares = out.accounting.shares?;
    GroupKey::of(Some(shares.mask), &out.request.wishes, &out.identity)
}

/// `in_use` is what is out of the pool when all has come back that does so with the grant; `added` is what the grants add.
fn check_out<'a>(
    state: &State,
    catalog: &'a Catalog,
    out: &Out,
    (in_use, added): (u64, u64),
    now: Now,
) -> Result<&'a Pool, Violation> {
    let session = state.session(out.session).ok_or(Violation::NotHeld(out.session))?;
    if out.request.token <= session.highest {
        return Err(Violation::TokenReused(out.session, out.request.token));
    }
    let pool = catalog
        .pool(&out.pool)
        .filter(|pool| pool.feature == out.request.feature)
        .ok_or_else(|| Violation::PoolUnknown(out.pool.clone()))?;
    let total = in_use.saturating_add(added);
    let count = u64::from(pool.count_at(now.utc)).saturating_add(u64::from(pool.overdraft_at(now.utc)));
    // After a reread more may be out; who shares takes nothing from that pool.
    if pool.counted && added > 0 && total > count {
        return Err(Violation::PoolExceeded { pool: out.pool.clone(), out: total, count });
    }
    Ok(pool)
}
