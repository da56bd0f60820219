//! How seats come back in a replay.

use super::super::difference::Kind;
use super::{Replay, all_before, scaled, seat_differs};
use crate::event::{Answer, Checkin, EndReason, Event, In, InReason};
use crate::ident::{Handle, SessionId};
use crate::seat::{Command, Reply, Rules, Seat, Tenure, given_up, tick_due_in};
use crate::time::Timestamp;

impl Replay {
    pub(super) fn recorded_in(&mut self, back: In, at: Timestamp) {
        if !self.wanted_seats.is_empty()
            && let Some(want) = self.wanted_seats.remove(&back.handle)
        {
            self.satisfy(&want);
        }
        let handle = scaled(back.handle);
        if let InReason::BorrowReturned { .. } = back.why
            && let Some(Tenure::Borrowed { .. }) = self.state.seat(handle).map(|seat| seat.tenure)
        {
            return self.back(back.session, handle, back.why, at);
        }
        if back.why == InReason::Removed && self.state.seat(handle).is_some_and(Seat::is_borrowed) {
            // The new files have a pool for it, so it stays out until its end.
            let found = seat_differs(&self.state, handle, Kind::Kept, at);
            return found.into_iter().for_each(|found| self.tell(found));
        }
        // What lingers or is borrowed comes back by itself.
        let Some(seat) = self.state.seat(handle).filter(|seat| seat.tenure == Tenure::Held) else {
            if matches!(back.why, InReason::Checkin { .. }) {
                self.totals.ignored_checkins += 1;
            }
            return;
        };
        match back.why {
            InReason::Checkin { token, .. } => {
                let request = Checkin { token, acknowledged: all_before(token), handle };
                let decision = self.decide(&Command::Checkin(back.session, request), at);
                match decision.reply {
                    Reply::Answer(_, Answer::CheckedIn(_)) => self.apply_all(decision.events, at),
                    // Its number was used before, as can be in a log that has none: the seat came back all the same.
                    _ => self.give_up(handle, InReason::Ended(EndReason::Goodbye), at),
                }
            }
            InReason::Ended(_) => self.give_up(handle, back.why, at),
            InReason::Inactive | InReason::UserRemoved => self.back(back.session, handle, back.why, at),
            // Here somebody holds it still: it came back sooner than under the recorded rules.
            InReason::Linger | InReason::BorrowEnd if self.plan.pools_known => {}
            // A debug log does not say since when it lingered, nor that it was borrowed.
            InReason::Linger | InReason::BorrowEnd => self.back(back.session, handle, back.why, at),
            InReason::BorrowReturned { .. } => self.back(back.session, handle, back.why, at),
            InReason::Removed => {
                // The new files have a pool for it, so it would have been held on.
                let until = seat.since.plus(self.plan.holding.of(&seat.feature).0);
                let until = until.max(self.state.confirmed(at));
                let found = seat_differs(&self.state, handle, Kind::Kept, at);
                self.hold(handle, until);
                found.into_iter().for_each(|found| self.tell(found));
            }
        }
    }

    /// Gives a seat back without a request.
    pub(super) fn give_up(&mut self, handle: Handle, why: InReason, at: Timestamp) {
        let rules = Rules { catalog: &self.rules.catalog, policy: &self.rules.policy, usage: &self.usage };
        self.apply_all(given_up(&self.state, rules, handle, why, at), at);
    }

    /// A seat comes back, with the one that goes with it in a suite.
    pub(super) fn back(&mut self, session: SessionId, handle: Handle, why: InReason, at: Timestamp) {
        let back = self.state.coming_back(handle);
        let events = back.map(|handle| Event::In(In { session, handle, why })).collect();
        self.apply_all(events, at);
    }

    /// Ends what is over at a time of the wall clock.
    pub(super) fn lapse(&mut self, at: Timestamp) {
        while tick_due_in(&self.state, at).is_some_and(|left| left.is_zero()) {
            let decision = self.decide(&Command::Tick, at);
            if decision.events.is_empty() {
                break;
            }
            self.apply_all(decision.events, at);
        }
    }
}
