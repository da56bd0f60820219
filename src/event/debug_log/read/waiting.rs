//! Lines of requests that wait. Our log says first that one waits no more and then, on the next line, what it got or why nothing;
//! in other logs the grant may come first, or alone.

use super::Reading;
use super::line::Seats;
use crate::event::Event;
use crate::ident::Token;
use crate::time::Timestamp;

impl Reading {
    pub(super) fn queued(&mut self, seats: &Seats<'_>, at: Timestamp) {
        let Ok((opened, queued)) = self.open.queued(seats) else {
            self.lines.torn += 1;
            return;
        };
        self.lines.queue += 1;
        // The end that comes now is that of this one.
        self.served.take_if(|served| served.is_of(seats));
        self.opened(opened, at);
        self.record(at, vec![Event::Queued(Box::new(queued))]);
    }

    pub(super) fn dequeued(&mut self, seats: &Seats<'_>, at: Timestamp) {
        self.lines.queue += 1;
        if self.served.take_if(|served| served.is_of(seats)).is_some() {
            return;
        }
        match self.open.dequeued(seats) {
            Some(left) => self.left = Some((at, left)),
            None => self.counted.dequeued_without_queued += 1,
        }
    }

    /// The number of the request that has waited for what an OUT line tells of, if one has.
    pub(super) fn waited(&mut self, seats: &Seats<'_>, at: Timestamp) -> Option<Token> {
        // Our log writes both lines at once.
        let own = self.own;
        let mut waited = self
            .left
            .take_if(|(left_at, left)| left.is_of(seats) && (*left_at == at || !own))
            .map(|(_, left)| left);
        if waited.is_none() && !own {
            waited = self.open.dequeued_exactly(seats);
            self.served = waited.clone().or_else(|| self.served.take());
        }
        self.counted.waited += u64::from(waited.is_some());
        waited.map(|left| left.token)
    }

    /// Whether a NOTE says why a request waits no more.
    pub(super) fn explains(&mut self, note: &str, at: Timestamp) -> bool {
        let because =
            |(left_at, left): &(Timestamp, _)| (*left_at == at).then(|| super::Left::because(left, note));
        let Some(event) = self.left.as_ref().and_then(because).flatten() else { return false };
        self.left = None;
        self.record(at, vec![event]);
        true
    }

    /// What a request got that waits no more was not said: nothing.
    pub(super) fn settle_left(&mut self) {
        if let Some((at, left)) = self.left.take() {
            self.counted.gave_up += 1;
            let event = self.open.gave_up(&left);
            self.record(at, vec![event]);
        }
    }
}
