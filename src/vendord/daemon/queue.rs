//! Those who wait: whatever frees licenses offers them in the same turn, and the clients are told once that is durable.

use std::rc::Rc;
use std::time::Duration;

use super::super::connection::{Outgoing, Peer};
use super::waiting::Waiting;
use super::{Daemon, Recording};
use crate::code::{Code, minor};
use crate::event::{Denial, DequeueReason, Event};
use crate::ident::{Handle, SessionId};
use crate::seat::{Command, Looked, Rules, check, decide, serving_due_in, tick_due_in};
use crate::time::Now;
use crate::wire::Notice;

impl Daemon {
    /// Serves the queues as far as they can be served now.
    pub(super) fn serve_queues(&mut self, now: Now) {
        while self.state.has_queue() {
            let serve = Command::Serve(self.queues_looked);
            let rules =
                Rules { catalog: &self.served.catalog, policy: &self.served.policy, usage: &self.usage };
            let decision = decide(&self.state, rules, &serve, now);
            if decision.events.is_empty() {
                self.queues_looked = Looked::of(&self.state, now);
                return;
            }
            if let Err(violation) = check(&self.state, &self.served.catalog, &decision.events, now) {
                tracing::error!(%violation, "the queues were not served");
                return;
            }
            let news: Vec<(SessionId, Notice)> =
                decision.events.iter().filter_map(|event| self.news(event, now)).collect();
            self.record(decision.events, now);
            let news = news.into_iter().map(|(session, notice)| Waiting::Notice(session, notice));
            self.waiting.extend(news.map(|notice| (self.state.seq(), notice)));
        }
    }

    /// How long it is until something is due by itself, if that is within a span: licenses come back, a hold is over, a block ends.
    pub(in crate::vendord) fn due_within(&self, span: Duration) -> Option<Duration> {
        if self.recording != Recording::Open || self.stopping {
            return None;
        }
        let utc = self.now().utc;
        let tick = tick_due_in(&self.state, utc);
        tick.into_iter()
            .chain(serving_due_in(&self.state, self.queues_looked, utc))
            .min()
            .filter(|left| *left < span)
    }

    /// What a client is told of an event of the queue.
    pub(super) fn news(&self, event: &Event, now: Now) -> Option<(SessionId, Notice)> {
        match event {
            Event::Offered(offered) => {
                let held =
                    offered.until.0.saturating_sub(self.state.steady(now.utc).0).max(0).unsigned_abs() / 1000;
                let hold_s = u32::try_from(held).unwrap_or(u32::MAX);
                let (token, handle) = (offered.request.token, offered.entry);
                Some((offered.session, Notice::Offered { token, handle, hold_s }))
            }
            Event::Dequeued(dequeued) => match &dequeued.why {
                DequeueReason::Lapsed(denial)
                | DequeueReason::Impossible(denial)
                | DequeueReason::Removed(denial) => {
                    let (token, handle) = (dequeued.token, dequeued.entry);
                    let denial = denial.clone();
                    Some((dequeued.session, Notice::Dequeued { token, handle, denial }))
                }
                DequeueReason::Cancelled { .. } | DequeueReason::Ended(_) => None,
            },
            _ => None,
        }
    }

    pub(super) fn tell(&self, session: SessionId, notice: Notice) {
        if let Some(peer) = self.bound.get(&session) {
            peer.tell(notice);
        }
    }

    /// A line client asks after its waiting request, which it knows by its handle.
    pub(in crate::vendord) fn ask_again(
        &mut self,
        peer: &Rc<Peer>,
        request: u32,
        session: SessionId,
        handle: Handle,
    ) {
        let waiting = self.state.waiting_under(handle).filter(|entry| entry.session == session);
        let Some(waiting) = waiting.map(|entry| entry.request.clone()) else {
            let note = format!("no request of this session waits under {handle}");
            let denial = Denial::new(Code::NeverCheckedOut, minor::HANDLE_UNKNOWN, &note);
            return peer.send(request, Outgoing::Refused(denial));
        };
        self.checkout(peer, request, session, waiting);
    }
}
