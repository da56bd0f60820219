//! Licenses that stay in use for a while after they were given up (`flexnet-files.md` 3.12).

use std::time::Duration;

use super::suite::together;
use super::{PoolUse, Rules, Seat, State, Tenure};
use crate::event::{Event, Identity, In, InReason, Lingering};
use crate::ident::Handle;
use crate::time::Timestamp;

/// What becomes of a checkout that its session gives up at this time: it comes back, or it lingers if the publisher or the
/// options file say so. A suite's goes with its component. Nothing if no session holds it.
#[must_use]
pub fn given_up(
    state: &State,
    rules: Rules<'_>,
    handle: Handle,
    why: InReason,
    now: Timestamp,
) -> Vec<Event> {
    // How long it lingers is for the component to say.
    let component = |seat: &Seat| seat.component.and_then(|component| state.seat(component));
    let own = state.seat(handle);
    let Some(seat) = own.map(|own| component(own).unwrap_or(own)).filter(|seat| seat.tenure == Tenure::Held)
    else {
        return Vec::new();
    };
    let (session, term) = (seat.session, term(state, rules, seat, now));
    let event = |handle: Handle| match term {
        Some((until, cut)) => Event::Lingering(Lingering { session, handle, until, cut, why }),
        None => Event::In(In { session, handle, why }),
    };
    together(handle, own).map(event).collect()
}

/// Until when a checkout that is given up now lingers, and whether that is cut to the end of its license. The larger of the
/// publisher's time and the options file's counts. None if it comes back at once.
fn term(state: &State, rules: Rules<'_>, seat: &Seat, now: Timestamp) -> Option<(Timestamp, bool)> {
    // Most sites have no such line, and each checkin comes by.
    if !rules.catalog.lingers() && !rules.policy.lingers() {
        return None;
    }
    // What is given up lingers also while the clock is set back.
    let (now, time) = (state.steady(now), state.license_time(now).utc);
    let index = rules.catalog.place(&seat.pool)?;
    let pool = rules.catalog.pools(seat.pool.feature()).get(index)?;
    let of_options =
        rules.policy.pools(seat.pool.feature()).get(index).and_then(|of_pool| of_pool.terms.linger);
    let seconds = of_options.map_or(0, |(seconds, _)| seconds).max(pool.linger_at(time));
    if seconds == 0 {
        return None;
    }
    let whole = now.plus(Duration::from_secs(seconds.into()));
    let ends = pool.backing_lot(time)?.ends;
    Some(match ends.filter(|ends| *ends < whole) {
        Some(ends) => (ends, true),
        None => (whole, false),
    })
}

/// What a client finds in a pool: what is in use there beside its own lingering licenses, which it takes back.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Its lingering checkouts that a request takes back, oldest first.
    pub(super) taken: Vec<Handle>,
    /// Licenses in use without them.
    pub(super) in_use: u64,
    /// The group of checkouts that the request joins, with the licenses that it uses without them.
    pub(super) joined: Option<(Handle, u64)>,
}

impl Found {
    pub(super) fn without(
        state: &State,
        used: Option<&PoolUse>,
        key: Option<&super::pool_use::GroupKey>,
        taken: Vec<Handle>,
    ) -> Self {
        let Some(used) = used else { return Self::default() };
        if key.is_none() && taken.is_empty() {
            return Self { taken, in_use: used.in_use(), joined: None };
        }
        let (in_use, joined) = used.without(key, taken.iter().filter_map(|handle| state.seat(*handle)));
        Self { taken, in_use, joined }
    }
}

/// The lingering checkouts in a pool that a request of this client takes back. DECISION: the oldest of just as many licenses;
/// if there is none, the oldest ones until they suffice, of which the last may come back with more than was asked for.
pub(super) fn taken_back(
    state: &State,
    used: Option<&PoolUse>,
    identity: &Identity,
    count: u64,
) -> Vec<Handle> {
    let Some(used) = used else { return Vec::new() };
    let of = |handle: Handle| state.seat(handle).map_or(0, |seat| u64::from(seat.count.get()));
    let mut own = used.lingering(identity).peekable();
    if own.peek().is_none() {
        return Vec::new();
    }
    if let Some(handle) = used.lingering(identity).find(|handle| of(*handle) == count) {
        return vec![handle];
    }
    let mut left = count;
    let mut taken = Vec::new();
    for handle in own {
        if left == 0 {
            break;
        }
        left = left.saturating_sub(of(handle));
        taken.push(handle);
    }
    taken
}
