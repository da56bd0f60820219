//! Checkouts that an administrator takes back with lmremove (`flexnet-tools.md` 2.11).
//!
//! What comes back does not linger, and a suite's comes back whole. DECISION: a request of the same client that waits stays in its
//! queue; one is taken out only by its own handle.
//!
//! Taking a license away is for clients that are gone: one that lives checks out again at once, and would have to be removed without
//! end. DECISION on the minimum interval (-64): what a client has checked out *after* its licenses of a feature were removed can't be
//! removed until the interval is over; the checkouts that were out then can, one after another.

use std::collections::BTreeMap;
use std::time::Duration;

use super::snapshot::SnapshotError;
use super::{Decision, Reply, Rules, Seat, State, Tenure, queue};
use crate::code::{Code, minor};
use crate::event::codec::{CodecError, Reader, Writer};
use crate::event::{Denial, Event, In, InReason, Removal, RemovalTarget, Removed};
use crate::ident::{Display, FeatureName, Handle, Host, User};
use crate::sign::REMOVAL_INTERVAL_SECONDS;
use crate::time::{Now, Timestamp};

/// Checkouts that one [`super::Command::Remove`] takes back at most, so that no record grows without bound.
const REMOVED_MAX: usize = 1024;

/// Of which clients licenses were taken back of late, by feature, user, host and display.
pub(super) type Removals = BTreeMap<(FeatureName, User, Host, Display), LastRemoval>;

/// When the licenses of a client were last taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRemoval {
    /// When.
    pub at: Timestamp,
    /// The highest handle that was given then: checkouts above it are newer.
    pub last_handle: Handle,
}

pub(super) fn decide(state: &State, rules: Rules<'_>, order: &Removed, now: Now) -> Decision {
    let Removal { feature, target } = &order.removal;
    let first = Event::Removed(Box::new(order.clone()));
    if let RemovalTarget::Handle(handle) = target
        && let Some(entry) = state.waiting_under(*handle).filter(|entry| entry.is_about(feature))
    {
        let note = "the request that waited was taken out of the queue with lmremove";
        let why = Denial::new(Code::UserRemoved, minor::USER_REMOVED, note);
        return Decision::new(vec![first, queue::removed((*handle, entry), why)], Reply::Done);
    }
    let (mut back, mut kept) = (Vec::new(), None);
    for (handle, seat) in meant(state, &order.removal) {
        match obstacle(state, rules, (handle, seat), now.utc) {
            None if back.len() < REMOVED_MAX => back.push((handle, seat)),
            None => {}
            Some(why) => drop(kept.get_or_insert(why)),
        }
    }
    if back.is_empty() {
        return Decision::refused(kept.unwrap_or_else(|| nothing(state, &order.removal)));
    }
    let ends = |(handle, seat): (Handle, &Seat)| {
        let session = seat.session;
        let all: Vec<Handle> = state.coming_back(handle).collect();
        all.into_iter().map(move |handle| Event::In(In { session, handle, why: InReason::UserRemoved }))
    };
    let events = std::iter::once(first).chain(back.into_iter().flat_map(ends)).collect();
    Decision::new(events, kept.map_or(Reply::Done, Reply::Partly))
}

/// The checkouts that an order means.
fn meant<'a>(state: &'a State, removal: &'a Removal) -> Vec<(Handle, &'a Seat)> {
    let of_feature = |seat: &&Seat| seat.feature == removal.feature;
    match &removal.target {
        RemovalTarget::Handle(handle) => {
            state.seat(*handle).filter(of_feature).map(|seat| (*handle, seat)).into_iter().collect()
        }
        RemovalTarget::Client { user, host, display } => {
            let of_client = |seat: &Seat| {
                let identity = &seat.identity;
                identity.user == *user
                    && identity.host.as_str().eq_ignore_ascii_case(host.as_str())
                    && identity.display == *display
            };
            let pools = state.pools().filter(|(key, _)| key.feature() == removal.feature.as_str());
            let handles = pools.flat_map(|(_, used)| used.handles());
            let seats = handles.filter_map(|handle| Some((handle, state.seat(handle)?)));
            seats.filter(|(_, seat)| of_feature(seat) && of_client(seat)).collect()
        }
    }
}

/// Why a checkout can't be taken back now; none if it can.
fn obstacle(
    state: &State,
    rules: Rules<'_>,
    (handle, seat): (Handle, &Seat),
    now: Timestamp,
) -> Option<Denial> {
    let (feature, identity) = (&seat.feature, &seat.identity);
    match seat.tenure {
        Tenure::Held => {}
        Tenure::Lingering { until, .. } => {
            let seconds = until.seconds().saturating_sub(now.seconds()).max(0);
            let note = format!(
                "{feature} of {}@{} under {handle} was given up and lingers for {seconds} s more",
                identity.user, identity.host
            );
            return Some(Denial::new(Code::LingerLicense, minor::NOT_REMOVABLE, &note));
        }
        Tenure::Borrowed { borrow, .. } => {
            let note = format!(
                "{feature} of {}@{} under {handle} is borrowed, its record until {}; lmborrow -recall asks for it back",
                identity.user,
                identity.host,
                borrow.until.whole_seconds()
            );
            return Some(Denial::new(Code::LingerLicense, minor::NOT_REMOVABLE, &note));
        }
    }
    let last = state.removals.get(&key(seat)).filter(|last| handle > last.last_handle)?;
    let interval = Duration::from_secs(u64::from(rules.catalog.removal_interval_s()));
    // A clock that was set back is no reason to wait for it.
    let over = now < last.at || last.at.plus(interval) <= now;
    (!over).then(|| {
        let left = last.at.plus(interval).seconds().saturating_sub(now.seconds());
        let note = format!(
            "{}@{} has checked {feature} out again under {handle} after it was removed; it can be removed in {left} s",
            identity.user, identity.host
        );
        Denial::new(Code::RemoveTooSoon, minor::NOT_REMOVABLE, &note)
    })
}

/// Nothing fits what an order says.
fn nothing(state: &State, removal: &Removal) -> Denial {
    let Removal { feature, target } = removal;
    let note = match target {
        RemovalTarget::Handle(handle) => {
            let other = state.seat(*handle).map(|seat| &seat.feature);
            let other = other.or_else(|| state.waiting_under(*handle).map(|entry| &entry.request.feature));
            match other {
                Some(other) => format!("{handle} is a checkout of {other}, not of {feature}"),
                None => format!("no checkout of {feature} is out under {handle}"),
            }
        }
        RemovalTarget::Client { user, host, display } => {
            format!("{user} has no {feature} out on {host} at display {display}")
        }
    };
    Denial::new(Code::NeverCheckedOut, minor::NOT_REMOVABLE, &note)
}

fn key(seat: &Seat) -> (FeatureName, User, Host, Display) {
    let identity = &seat.identity;
    (seat.feature.clone(), identity.user.clone(), identity.host.clone(), identity.display.clone())
}

impl State {
    /// When licenses of a feature were last taken back of the client of a checkout; none if that is long ago.
    #[must_use]
    pub fn last_removal(&self, seat: &Seat) -> Option<LastRemoval> {
        self.removals.get(&key(seat)).copied()
    }

    /// A checkout is taken back.
    pub(super) fn note_removal(&mut self, seat: &Seat, at: Timestamp) {
        self.removals.insert(key(seat), LastRemoval { at, last_handle: Handle(self.last_handle) });
    }

    /// Removals after which no interval can run any more are forgotten.
    pub(super) fn forget_removals(&mut self, now: Timestamp) {
        let longest = Duration::from_secs(u64::from(*REMOVAL_INTERVAL_SECONDS.end()));
        self.removals.retain(|_, last| last.at <= now && now < last.at.plus(longest));
    }
}

/// Appends them to a snapshot.
pub(super) fn put(out: &mut Writer, removals: &Removals) {
    out.count(removals.len());
    for ((feature, user, host, display), last) in removals {
        out.str(feature.as_str());
        out.str(user.as_str());
        out.str(host.as_str());
        out.str(display.as_str());
        out.i64(last.at.0);
        out.u64(last.last_handle.0);
    }
}

/// Reads what [`put`] has written.
pub(super) fn take(from: &mut Reader<'_>) -> Result<Removals, SnapshotError> {
    fn name<T: std::str::FromStr>(from: &mut Reader<'_>) -> Result<T, CodecError> {
        let text = from.str("removals")?;
        text.parse().map_err(|_| CodecError::BadValue { what: "removals", found: text.to_owned() })
    }
    let mut removals = Removals::new();
    for _ in 0..from.count("removals")? {
        let client = (name(from)?, name(from)?, name(from)?, name(from)?);
        let (at, last_handle) = (Timestamp(from.i64("removals")?), Handle(from.u64("removals")?));
        removals.insert(client, LastRemoval { at, last_handle });
    }
    Ok(removals)
}
