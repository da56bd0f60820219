//! A second look at a decision before it is stored.

use std::cell::LazyCell;
use std::collections::BTreeSet;

use thiserror::Error;

use super::pool_use::GroupKey;
use super::queue::Offer;
use super::suite::are_together;
use super::{Seat, State, Tenure, queue};
use crate::catalog::{Catalog, Pool};
use crate::event::{
    Borrow, Checkout, DequeueReason, Event, Identity, InReason, Lingering, Offered, Out, RereadCause, Shares,
};
use crate::ident::{Handle, PoolKey, SessionId, Token};
use crate::time::{LicenseTime, Now, Timestamp};

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
    /// A checkout that an administrator's order would end though no order is recorded, or though it lingers.
    #[error("checkout {0} would be removed against the rules of lmremove")]
    NotOrdered(Handle),
    /// A client's checkout that would end because no pool is left for it, and not by a reread, or by one that ends none.
    #[error("checkout {0} would end for want of a pool without a reread that ends it")]
    EndedByStart(Handle),
    /// A borrow whose record is good for longer than it lasts, or that ends before it begins, or after its license.
    #[error("checkout {0} would be borrowed for a time that can't be")]
    BadBorrow(Handle),
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
    let (time, confirmed) = (state.license_time(now.utc), state.confirmed(now.utc));
    // A grant adds to one pool, or to two.
    let mut added: Vec<(&PoolKey, u64)> = Vec::new();
    let mut gone: Vec<&Seat> = Vec::new();
    let mut last_handle = state.last_handle;
    // A grant of a package, until that of its component comes next.
    let mut package: Option<&Out> = None;
    // Asked for suites only.
    let given_up: LazyCell<BTreeSet<(bool, Handle)>, _> = LazyCell::new(|| {
        let given_up = events.iter().filter_map(|event| match event {
            Event::In(back) => Some((false, back.handle)),
            Event::Lingering(lingering) => Some((true, lingering.handle)),
            _ => None,
        });
        given_up.collect()
    });
    let reread = events.iter().find_map(|event| match event {
        Event::Reread(reread) => Some(reread.cause),
        _ => None,
    });
    let ordered = matches!(events.first(), Some(Event::Removed(_)));
    let together = |handle: Handle, seat: &Seat, lingers: bool| {
        // At a reread a component may go on where it needs no package.
        let partner = seat.suite.or(seat.component.filter(|_| reread.is_none()));
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
                // What takes an offer was counted when it was offered.
                if let Some(offer) = queue::takes_offer(state, out.session, out.request.token, out.handle) {
                    package = check_taken(offer, out, package)?;
                    continue;
                }
                if out.handle.0 <= last_handle {
                    return Err(Violation::HandleReused(out.handle));
                }
                last_handle = out.handle.0;
                let asked = (&out.request, &out.identity, out.accounting.shares);
                let (in_use, adds) = counted(state, &out.pool, asked, &gone);
                added.push((&out.pool, adds));
                let added = added.iter().filter(|(pool, _)| **pool == out.pool).map(|(_, adds)| adds).sum();
                check_token(state, out.session, out.request.token)?;
                let pool = check_pool(catalog, (&out.pool, &out.request), (in_use, added), time)?;
                check_suite(pool, out, package)?;
                if let Some(borrow) = out.accounting.borrow {
                    let past_license = out.expires.is_some_and(|expires| borrow.ends > expires);
                    if pool.borrow_h.is_none() || past_license {
                        return Err(Violation::BadBorrow(out.handle));
                    }
                    check_borrow(borrow, out.handle, confirmed)?;
                }
                package = pool.is_package().then_some(out);
            }
            Event::Offered(offered) => {
                let asked = (&offered.request, &offered.identity, offered.shares);
                let in_use = counted(state, &offered.pool, asked, &gone);
                check_offer(state, offered)?;
                let pool = check_pool(catalog, (&offered.pool, &offered.request), in_use, time)?;
                let package = offered.package.as_ref();
                if pool.package() != package.map(|package| &package.pool) || pool.is_package() {
                    return Err(Violation::SuiteParted(offered.handle));
                }
                if let (Some(package), Some(of)) = (package, pool.package().and_then(|it| catalog.pool(it))) {
                    let asked = (&offered.request, &offered.identity, package.shares);
                    let in_use = counted(state, &package.pool, asked, &gone);
                    let request = Checkout { feature: of.feature.clone(), ..offered.request.clone() };
                    check_pool(catalog, (&package.pool, &request), in_use, time)?;
                }
            }
            Event::Queued(queued) => {
                if queued.handle.0 <= state.last_handle {
                    return Err(Violation::HandleReused(queued.handle));
                }
                check_token(state, queued.session, queued.request.token)?;
            }
            Event::Dequeued(dequeued) => {
                let entry = state.waiting_under(dequeued.entry);
                let offer = entry.and_then(|entry| entry.offer.as_ref()).map(|offer| offer.handle);
                if entry.is_none_or(|entry| entry.session != dequeued.session) || offer != dequeued.offer {
                    return Err(Violation::NotHeld(dequeued.session));
                }
                if matches!(dequeued.why, DequeueReason::Removed(_)) && !ordered {
                    return Err(Violation::NotOrdered(dequeued.entry));
                }
            }
            Event::Renewed(renewed) => {
                let borrowed = |seat: &&Seat| matches!(seat.tenure, Tenure::Borrowed { recalled: false, .. });
                if state.seat(renewed.handle).filter(borrowed).is_none() {
                    return Err(Violation::NotHeld(renewed.session));
                }
                check_token(state, renewed.session, renewed.token)?;
                check_borrow(renewed.borrow, renewed.handle, confirmed)?;
            }
            Event::In(returned) => {
                let seat = state.seat(returned.handle).filter(|seat| seat.session == returned.session);
                let seat = seat.ok_or(Violation::NotHeld(returned.session))?;
                let by_order = returned.why == InReason::UserRemoved;
                if by_order && (!ordered || seat.tenure != Tenure::Held) {
                    return Err(Violation::NotOrdered(returned.handle));
                }
                let may_end = reread.is_some_and(|cause| cause != RereadCause::Start);
                if returned.why == InReason::Removed && !may_end {
                    return Err(Violation::EndedByStart(returned.handle));
                }
                let by = if seat.is_borrowed() { confirmed } else { state.steady(now.utc) };
                let due = seat.tenure.until().is_some_and(|until| until <= by);
                if returned.why == InReason::BorrowEnd && !due {
                    return Err(Violation::BadBorrow(returned.handle));
                }
                together(returned.handle, seat, false)?;
                gone.push(seat);
            }
            Event::Lingering(Lingering { session, handle, until, .. }) => {
                let held = |seat: &&Seat| seat.session == *session && seat.tenure == Tenure::Held;
                let seat = state.seat(*handle).filter(held).ok_or(Violation::NotHeld(*session))?;
                together(*handle, seat, true)?;
                if *until <= state.steady(now.utc) {
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

fn check_borrow(borrow: Borrow, handle: Handle, now: Timestamp) -> Result<(), Violation> {
    let possible = now < borrow.until && borrow.until <= borrow.ends;
    if possible { Ok(()) } else { Err(Violation::BadBorrow(handle)) }
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

/// A grant of what was offered takes all of it: that of a package comes first, and stays for that of its component.
fn check_taken<'a>(
    offer: &Offer,
    out: &'a Out,
    package: Option<&'a Out>,
) -> Result<Option<&'a Out>, Violation> {
    let parted = Err(Violation::SuiteParted(out.handle));
    match (&offer.package, package) {
        (Some(held), None) if out.handle == held.handle => {
            if out.pool == held.pool {
                Ok(Some(out))
            } else {
                parted
            }
        }
        (Some(held), Some(first)) if out.handle == offer.handle => {
            let together = first.handle == held.handle && are_together(first, out);
            if together && out.pool == offer.pool { Ok(None) } else { parted }
        }
        (None, None) if out.accounting.suite.is_none() && out.pool == offer.pool => Ok(None),
        _ => parted,
    }
}

/// What is out of a pool when all has come back that does so with a grant, and how many licenses the grant adds to that: none of
/// those that the checkouts of its group use already.
fn counted(
    state: &State,
    pool: &PoolKey,
    (request, identity, shares): (&Checkout, &Identity, Option<Shares>),
    gone: &[&Seat],
) -> (u64, u64) {
    let key = shares.and_then(|shares| GroupKey::of(Some(shares.mask), &request.wishes, identity));
    let there = gone.iter().copied().filter(|seat| seat.pool == *pool);
    let (in_use, joined) = state.pool(pool).map_or((0, None), |used| used.without(key.as_ref(), there));
    let shared = shares.and_then(|shares| {
        let (group, in_use) = joined?;
        (group == shares.group).then_some(in_use)
    });
    (in_use, u64::from(request.count.get()).saturating_sub(shared.unwrap_or(0)))
}

fn check_offer(state: &State, offered: &Offered) -> Result<(), Violation> {
    let first = offered.package.as_ref().map_or(offered.handle, |package| package.handle);
    if first.0 <= state.last_handle || offered.handle < first {
        return Err(Violation::HandleReused(first));
    }
    if offered.package.is_some() && offered.handle == first {
        return Err(Violation::HandleReused(first));
    }
    let entry = state.waiting_under(offered.entry).filter(|entry| entry.offer.is_none());
    if entry.is_none_or(|entry| entry.session != offered.session || entry.request != offered.request) {
        return Err(Violation::NotHeld(offered.session));
    }
    Ok(())
}

fn check_token(state: &State, session: SessionId, token: Token) -> Result<(), Violation> {
    let known = state.session(session).ok_or(Violation::NotHeld(session))?;
    if token <= known.highest { Err(Violation::TokenReused(session, token)) } else { Ok(()) }
}

/// `in_use` is what is out of the pool when all has come back that does so with the grant; `added` is what the grants add.
fn check_pool<'a>(
    catalog: &'a Catalog,
    (key, request): (&PoolKey, &Checkout),
    (in_use, added): (u64, u64),
    time: LicenseTime,
) -> Result<&'a Pool, Violation> {
    let pool = catalog
        .pool(key)
        .filter(|pool| pool.feature == request.feature)
        .ok_or_else(|| Violation::PoolUnknown(key.clone()))?;
    let total = in_use.saturating_add(added);
    let count = u64::from(pool.count_at(time)).saturating_add(u64::from(pool.overdraft_at(time)));
    // After a reread more may be out; who shares takes nothing from that pool.
    if pool.counted && added > 0 && total > count {
        return Err(Violation::PoolExceeded { pool: key.clone(), out: total, count });
    }
    Ok(pool)
}
