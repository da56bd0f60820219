//! Seats that the record does not have: newly granted ones, and those that only the record lost at a reread. They are out until
//! their time is over, whatever the client did that did not have them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Asker, Kind, Replay, Timer, Verdict};
use crate::event::{Checkout, Denial, Denied, EndReason, Event, Identity, InReason, Out};
use crate::ident::{Handle, SessionId};
use crate::seat::{Command, Seat, Tenure};
use crate::time::Timestamp;

/// The seats that are held on.
#[derive(Debug, Default)]
pub(super) struct HeldOn {
    seats: BTreeMap<Handle, (Option<SessionId>, Asker)>,
    askers: BTreeMap<Asker, BTreeSet<Handle>>,
    sessions: BTreeMap<SessionId, Holder>,
}

#[derive(Debug, Default)]
struct Holder {
    seats: usize,
    /// Why the session has ended in the record, if it has.
    ended: Option<EndReason>,
}

impl HeldOn {
    /// Whether a session that ends in the record has seats that are held on.
    pub(super) fn outlives(&mut self, session: SessionId, why: EndReason) -> bool {
        let Some(holder) = self.sessions.get_mut(&session) else { return false };
        holder.ended = Some(why);
        true
    }

    /// Whether a seat is held on.
    pub(super) fn has(&self, handle: Handle) -> bool {
        self.seats.contains_key(&handle)
    }

    /// A borrowed seat is no session's.
    fn add(&mut self, session: Option<SessionId>, asker: Asker, handle: Handle) {
        if let Some(session) = session {
            self.sessions.entry(session).or_default().seats += 1;
        }
        self.askers.entry(asker.clone()).or_default().insert(handle);
        self.seats.insert(handle, (session, asker));
    }

    /// A seat is held no longer: whose it was and, if it was the last one of a session that has ended, why that had.
    fn remove(&mut self, handle: Handle) -> Option<(Option<SessionId>, Option<EndReason>)> {
        let (session, asker) = self.seats.remove(&handle)?;
        if let Some(handles) = self.askers.get_mut(&asker) {
            handles.remove(&handle);
            if handles.is_empty() {
                self.askers.remove(&asker);
            }
        }
        let Some(of) = session else { return Some((None, None)) };
        let holder = self.sessions.get_mut(&of)?;
        holder.seats = holder.seats.saturating_sub(1);
        let ended = if holder.seats == 0 { self.sessions.remove(&of)?.ended } else { None };
        Some((session, ended))
    }
}

/// A newly granted borrow lasts until its end: a client that has it renews its record, of which the record knows nothing.
fn to_the_end(out: &mut Out) {
    if let Some(borrow) = &mut out.accounting.borrow {
        borrow.until = borrow.ends;
    }
}

/// A grant that the record does not have: with that of the package and what is taken back for it.
pub(super) struct NewGrant {
    pub(super) out: Box<Out>,
    pub(super) package: Option<Box<Out>>,
    pub(super) taken: Vec<Event>,
}

impl Replay {
    /// Grants what the record denied, and holds it.
    pub(super) fn newly_grant(
        &mut self,
        NewGrant { mut out, mut package, taken }: NewGrant,
        recorded: Denial,
        (command, identity): (&Command, &Identity),
        at: Timestamp,
    ) {
        let feature = &out.request.feature;
        let until = self.state.confirmed(at).plus(self.plan.holding.of(feature).0);
        let key = (identity.user.clone(), identity.host.clone(), feature.clone());
        to_the_end(&mut out);
        package.as_deref_mut().into_iter().for_each(to_the_end);
        self.content(&key);
        let verdicts = (Verdict::Denied(recorded), Verdict::Granted(Some(out.pool.clone())));
        let handle = out.handle;
        self.grant(taken, package, out, at);
        self.hold(handle, until);
        self.differ(Kind::NewlyGranted, command, identity, verdicts, at);
    }

    /// Holds a seat until its time is over; one that is borrowed until its end.
    pub(super) fn hold(&mut self, handle: Handle, until: Timestamp) {
        let Some(seat) = self.state.seat(handle) else { return };
        let asker = (seat.identity.user.clone(), seat.identity.host.clone(), seat.feature.clone());
        let (session, until) = match seat.tenure {
            Tenure::Borrowed { .. } => (None, seat.tenure.until().unwrap_or(until)),
            Tenure::Held | Tenure::Lingering { .. } => (Some(seat.session), until),
        };
        self.held.add(session, asker, handle);
        self.timers.push(Reverse((until, Timer::Seat(handle))));
    }

    /// Gives a seat back that was held on, and ends its session if that was waited for. Whether it may linger then.
    pub(super) fn let_go(&mut self, handle: Handle, lingers: bool, at: Timestamp) {
        let Some((session, ended)) = self.held.remove(handle) else { return };
        let Some(session) = session else {
            if let Some(seat) = self.state.seat(handle) {
                self.back(seat.session, handle, InReason::BorrowEnd, at);
            }
            return;
        };
        let why = InReason::Ended(EndReason::Goodbye);
        if lingers {
            self.give_up(handle, why, at);
        } else if self.state.seat(handle).is_some_and(|seat| seat.tenure == Tenure::Held) {
            self.back(session, handle, why, at);
        }
        if let Some(why) = ended {
            let decision = self.decide(&Command::End(session, why), at);
            self.apply_all(decision.events, at);
        }
    }

    /// Whether the replay has given a client what it asks for again: in the same session, or in one that the client has ended, or
    /// to take along.
    pub(super) fn has_been_granted(&self, denied: &Denied) -> bool {
        self.held_for(denied.session, &denied.identity, &denied.request).is_some()
    }

    /// A client gets in the record what the replay has given it already: that seat gives way to the recorded one. One that is
    /// borrowed gives way to no other than that.
    pub(super) fn give_way(
        &mut self,
        session: SessionId,
        identity: &Identity,
        request: &Checkout,
        at: Timestamp,
    ) {
        if let Some(handle) = self.held_for(session, identity, request)
            && self.state.seat(handle).is_some_and(Seat::is_borrowed) == request.wishes.borrow.is_some()
        {
            self.let_go(handle, false, at);
        }
    }

    pub(super) fn held_for(
        &self,
        session: SessionId,
        identity: &Identity,
        request: &Checkout,
    ) -> Option<Handle> {
        if self.held.askers.is_empty() {
            return None;
        }
        let asker = (identity.user.clone(), identity.host.clone(), request.feature.clone());
        let is_its = |handle: &&Handle| {
            let Some(seat) = self.state.seat(**handle) else { return false };
            let is_over =
                || self.held.sessions.get(&seat.session).is_some_and(|holder| holder.ended.is_some());
            let borrowed = seat.is_borrowed();
            seat.count >= request.count
                && (borrowed || request.wishes.borrow.is_none())
                && (borrowed || seat.session == session || is_over())
        };
        self.held.askers.get(&asker)?.iter().find(is_its).copied()
    }
}
