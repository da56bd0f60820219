//! Requests that waited and got nothing, under other files. Such a request is judged when it asks, as one that does not wait; and if
//! it would have to wait here too, once more when it leaves the queue: what is free then would have been offered to it before.
//!
//! DECISION: it gets licenses only where all could be served that wait in the record for the same ones, as the order of the queue is
//! not replayed. What came free in between and is taken again when it leaves is not seen.

use std::collections::BTreeMap;

use super::Replay;
use super::held_on::NewGrant;
use super::ruling::{Ruling, verdict};
use crate::code::{Code, minor};
use crate::event::{Denial, DequeueReason, Dequeued, Event, Out, Queued, Record};
use crate::ident::Handle;
use crate::replay::survey::open_unknown;
use crate::time::Timestamp;

/// Those that would wait in the replay too, by recorded handle.
pub(super) type InVain = BTreeMap<Handle, Queued>;

impl Replay {
    /// A request begins to wait in the record.
    pub(super) fn waits(&mut self, queued: &Queued, at: Timestamp) {
        if !self.plan.in_vain.contains(&queued.handle) {
            return;
        }
        open_unknown(&mut self.state, queued.session, &queued.identity, at);
        if self.held_for(queued.session, &queued.identity, &queued.request).is_some() {
            self.totals.folded = self.totals.folded.saturating_add(1);
            return;
        }
        self.totals.judged += 1;
        let nothing = Denial::new(Code::InQueue, minor::STILL_QUEUED, "it waited, and got nothing");
        if !self.serves(queued, nothing, false, at) {
            self.waiting.in_vain.insert(queued.handle, queued.clone());
        }
    }

    /// Judges those that leave the queue with a record before anything else of it: what their sessions give up with them was not free
    /// while they waited.
    pub(super) fn judge_leaving(&mut self, record: &Record, at: Timestamp) {
        if self.waiting.in_vain.is_empty() {
            return;
        }
        for event in &record.events {
            if let Event::Dequeued(dequeued) = event {
                self.leaves_in_vain(dequeued, at);
            }
        }
    }

    fn leaves_in_vain(&mut self, dequeued: &Dequeued, at: Timestamp) {
        let Some(queued) = self.waiting.in_vain.remove(&dequeued.entry) else { return };
        // A debug log does not say what was held for it when it left.
        if !self.plan.pools_known
            || self.held_for(queued.session, &queued.identity, &queued.request).is_some()
        {
            return;
        }
        let nothing = match &dequeued.why {
            DequeueReason::Impossible(denial) | DequeueReason::Removed(denial) => denial.clone(),
            _ => Denial::new(Code::InQueue, minor::STILL_QUEUED, "it waited, and got nothing"),
        };
        self.serves(&queued, nothing, true, at);
    }

    /// Grants it if there is enough for all who wait; when it has waited, only what could be offered to it.
    fn serves(&mut self, queued: &Queued, recorded: Denial, has_waited: bool, at: Timestamp) -> bool {
        let (command, decision) = self.weigh(queued.session, queued.request.clone(), at);
        let Ruling::Granted(out, package, taken) = verdict(decision) else { return false };
        // What a suite reserves of its components is held for nobody who waits.
        let reserving = self.rules.catalog.pool(&out.pool).is_some_and(|pool| pool.reserving);
        if (has_waited && reserving) || !self.is_enough_for_all(&out, package.as_deref(), at) {
            return false;
        }
        self.newly_grant(NewGrant { out, package, taken }, recorded, (&command, &queued.identity), at);
        true
    }

    fn is_enough_for_all(&self, out: &Out, package: Option<&Out>, at: Timestamp) -> bool {
        let feature = &out.request.feature;
        let wanted = |feature| self.waiting.wanted.get(feature).copied().unwrap_or(0);
        // Features whose licenses go with the same package have one queue.
        let wanted: u64 = match self.rules.catalog.joined_by_suites(feature) {
            Some(joined) => joined.iter().map(wanted).sum(),
            None => wanted(feature),
        };
        let mut features = package.map(|package| &package.request.feature).into_iter().chain([feature]);
        features.all(|feature| self.free_of(feature, at) >= wanted)
    }
}
