//! Requests that waited. Under the recorded files the queue is replayed, and each offer must be the one that was recorded. Under
//! other files it is not ([`super::offers`]): a request that waited is judged when it got its licenses, as one that asks then, and one
//! that got nothing when it asked and when it left ([`super::in_vain`]).

use super::{Kind, Replay, Verdict, all_before, scale, scaled};
use crate::code::{Code, minor};
use crate::event::{Denial, DequeueReason, Dequeued, Event, Offered, Queued};
use crate::replay::survey::open_unknown;
use crate::seat::{Command, Looked};
use crate::time::Timestamp;

impl Replay {
    /// What is recorded of waiting, by the replay's handles; taken out if the queue is not replayed.
    pub(super) fn scale_waiting(&self, events: &mut Vec<Event>) {
        events.retain_mut(|event| {
            match event {
                Event::Queued(queued) => {
                    queued.handle = scaled(queued.handle);
                    queued.request.acknowledged = all_before(queued.request.token);
                }
                Event::Passed(passed) => {
                    passed.entries.iter_mut().for_each(|entry| *entry = scaled(*entry));
                }
                Event::Offered(offered) => {
                    offered.entry = scaled(offered.entry);
                    offered.handle = scaled(offered.handle);
                    offered.request.acknowledged = all_before(offered.request.token);
                    scale(&mut offered.shares);
                    if let Some(package) = &mut offered.package {
                        package.handle = scaled(package.handle);
                        scale(&mut package.shares);
                    }
                }
                Event::Dequeued(dequeued) => {
                    dequeued.entry = scaled(dequeued.entry);
                    dequeued.offer = dequeued.offer.map(scaled);
                    if let DequeueReason::Cancelled { token, acknowledged } = &mut dequeued.why {
                        *acknowledged = all_before(*token);
                    }
                }
                _ => return true,
            }
            self.plan.exact
        });
    }

    pub(super) fn recorded_waiting(&mut self, event: Event, at: Timestamp) {
        match &event {
            Event::Queued(_) => self.totals.waited += 1,
            Event::Dequeued(_) => self.totals.gave_up += 1,
            _ => {}
        }
        if !self.plan.exact {
            match &event {
                Event::Queued(queued) => self.waits(queued, at),
                Event::Offered(offered) => self.hold_offer(offered, at),
                Event::Dequeued(dequeued) => self.leaves_queue(dequeued, at),
                _ => {}
            }
            return;
        }
        let mut events = vec![event];
        self.scale_waiting(&mut events);
        let Some(event) = events.pop() else { return };
        match &event {
            Event::Queued(queued) => self.compare_queued(queued, at),
            Event::Offered(offered) => return self.compare_offer(offered, at),
            Event::Dequeued(dequeued) => self.compare_dequeued(dequeued, at),
            // It is part of what the grant or the offer behind it comes to.
            Event::Passed(_) => return,
            _ => {}
        }
        self.apply(event, at);
    }

    fn compare_queued(&mut self, recorded: &Queued, at: Timestamp) {
        open_unknown(&mut self.state, recorded.session, &recorded.identity, at);
        let (command, decision) = self.ask(recorded.session, recorded.request.clone(), at);
        let replayed = match decision.events.last() {
            Some(Event::Queued(_)) => return,
            Some(Event::Out(out)) => Verdict::Granted(Some(out.pool.clone())),
            Some(Event::Denied(denied)) => Verdict::Denied(denied.denial.clone()),
            _ => Verdict::Ended,
        };
        let kind =
            if matches!(replayed, Verdict::Granted(_)) { Kind::NewlyGranted } else { Kind::NewlyDenied };
        let waits = Denial::new(Code::InQueue, minor::STILL_QUEUED, "it waited");
        self.differ(kind, &command, &recorded.identity, (Verdict::Denied(waits), replayed), at);
    }

    /// The offer must be the one that the engine makes next, with what it takes back and passes for it.
    fn compare_offer(&mut self, recorded: &Offered, at: Timestamp) {
        let mut events = self.decide(&Command::Serve(Looked::default()), at).events;
        let replayed = match events.last_mut() {
            Some(Event::Offered(offered)) if offered.entry == recorded.entry => {
                let package =
                    |offered: &Offered| offered.package.as_ref().map(|package| package.pool.clone());
                let same = offered.pool == recorded.pool
                    && offered.until == recorded.until
                    && package(offered) == package(recorded);
                offered.rename(recorded);
                let replayed = Verdict::Granted(Some(offered.pool.clone()));
                self.apply_all(events, at);
                if same {
                    return;
                }
                replayed
            }
            _ => {
                self.apply(Event::Offered(Box::new(recorded.clone())), at);
                Verdict::Ended
            }
        };
        let verdicts = (Verdict::Granted(Some(recorded.pool.clone())), replayed);
        let command = Command::Checkout(recorded.session, recorded.request.clone());
        self.differ(Kind::OtherPool, &command, &recorded.identity, verdicts, at);
    }

    /// What leaves the queue by itself must be what the engine takes out next.
    fn compare_dequeued(&mut self, recorded: &Dequeued, at: Timestamp) {
        let (DequeueReason::Lapsed(why) | DequeueReason::Impossible(why)) = &recorded.why else { return };
        let decision = self.decide(&Command::Serve(Looked::default()), at);
        let leaves = decision.events.iter().find_map(|event| match event {
            Event::Dequeued(dequeued) if dequeued.entry == recorded.entry => Some(&dequeued.why),
            _ => None,
        });
        if leaves == Some(&recorded.why) {
            return;
        }
        let Some(entry) = self.state.waiting_under(recorded.entry) else { return };
        let (identity, request) = (entry.identity.clone(), entry.request.clone());
        let replayed = match leaves {
            Some(DequeueReason::Lapsed(denial) | DequeueReason::Impossible(denial)) => denial.clone(),
            _ => Denial::new(Code::InQueue, minor::STILL_QUEUED, "it would wait on"),
        };
        let verdicts = (Verdict::Denied(why.clone()), Verdict::Denied(replayed));
        let command = Command::Checkout(recorded.session, request);
        self.differ(Kind::OtherReason, &command, &identity, verdicts, at);
    }
}
