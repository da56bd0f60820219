//! The fold of the queue's events.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, Fairness, Offer};
use crate::event::{Answer, DequeueReason, Dequeued, Offered, Passed, Queued};
use crate::ident::{FeatureName, Handle, SessionId, Token};
use crate::seat::State;
use crate::seat::state::{enter, leave};
use crate::time::Timestamp;

/// All that wait.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Queues {
    entries: BTreeMap<Handle, Entry>,
    features: BTreeMap<FeatureName, BTreeSet<Handle>>,
}

impl Queues {
    pub(crate) fn insert(&mut self, handle: Handle, entry: Entry) {
        match self.features.get_mut(&entry.request.feature) {
            Some(queue) => drop(queue.insert(handle)),
            None => drop(self.features.insert(entry.request.feature.clone(), [handle].into())),
        }
        self.entries.insert(handle, entry);
    }

    fn remove(&mut self, handle: Handle) -> Option<Entry> {
        let entry = self.entries.remove(&handle)?;
        if let Some(queue) = self.features.get_mut(&entry.request.feature) {
            queue.remove(&handle);
            if queue.is_empty() {
                self.features.remove(&entry.request.feature);
            }
        }
        Some(entry)
    }
}

impl State {
    /// Those that wait for a feature, licenses being held for them or not, in the order of the queue.
    pub fn queue(&self, feature: &FeatureName) -> impl Iterator<Item = (Handle, &Entry)> {
        let handles = self.queues.features.get(feature).into_iter().flatten();
        handles.filter_map(|handle| Some((*handle, self.queues.entries.get(handle)?)))
    }

    /// The features that are waited for.
    pub fn queued_features(&self) -> impl Iterator<Item = &FeatureName> {
        self.queues.features.keys()
    }

    /// All that wait, of all features.
    pub fn waiting(&self) -> impl Iterator<Item = (Handle, &Entry)> {
        self.queues.entries.iter().map(|(handle, entry)| (*handle, entry))
    }

    /// Whether anybody waits.
    #[must_use]
    pub fn has_queue(&self) -> bool {
        !self.queues.entries.is_empty()
    }

    /// A request that waits, by its name.
    #[must_use]
    pub fn waiting_under(&self, handle: Handle) -> Option<&Entry> {
        self.queues.entries.get(&handle)
    }

    /// A request that waits, by its number in its session.
    #[must_use]
    pub fn waiting_with(&self, session: SessionId, token: Token) -> Option<(Handle, &Entry)> {
        if self.queues.entries.is_empty() {
            return None;
        }
        let handle = *self.session(session)?.queued.get(&token)?;
        Some((handle, self.queues.entries.get(&handle)?))
    }

    /// How many requests wait.
    pub(crate) fn waiting_count(&self) -> usize {
        self.queues.entries.len()
    }

    pub(in crate::seat) fn queued(&mut self, queued: &Queued, at: Timestamp) {
        self.last_handle = self.last_handle.max(queued.handle.0);
        let Some(session) = self.sessions.get_mut(&queued.session) else { return };
        session.take(queued.request.token, queued.request.acknowledged);
        session.queued.insert(queued.request.token, queued.handle);
        let entry = Entry {
            session: queued.session,
            identity: queued.identity.clone(),
            request: queued.request.clone(),
            since: at,
            offer: None,
            fairness: Fairness::default(),
        };
        self.queues.insert(queued.handle, entry);
    }

    pub(in crate::seat) fn passed(&mut self, passed: &Passed, at: Timestamp) {
        for handle in &passed.entries {
            if let Some(entry) = self.queues.entries.get_mut(handle) {
                entry.fairness.pass(at);
            }
        }
    }

    pub(in crate::seat) fn offered(&mut self, offered: &Offered) {
        self.last_handle = self.last_handle.max(offered.handle.0);
        self.withdraw(offered.entry);
        let Some(entry) = self.queues.entries.get_mut(&offered.entry) else { return };
        let (pool, shares) = (offered.pool.clone(), offered.shares);
        let offer = Offer { handle: offered.handle, pool, shares, until: offered.until };
        let seat = entry.seat(&offer);
        entry.offer = Some(offer);
        enter(&mut self.pools, offered.handle, &seat);
    }

    /// What was held for an entry is free again; it waits on.
    fn withdraw(&mut self, handle: Handle) {
        let Some(entry) = self.queues.entries.get_mut(&handle) else { return };
        let Some(offer) = entry.offer.take() else { return };
        let seat = entry.seat(&offer);
        leave(&mut self.pools, offer.handle, &seat);
    }

    /// A reread may change what serves whom: what is held is offered again under the new rules, in the order of the queue.
    pub(in crate::seat) fn withdraw_all(&mut self) {
        let offered = |(handle, entry): (&Handle, &Entry)| entry.offer.is_some().then_some(*handle);
        let offers: Vec<Handle> = self.queues.entries.iter().filter_map(offered).collect();
        offers.into_iter().for_each(|handle| self.withdraw(handle));
    }

    /// The daemon was away: whoever is offered something has all of the time again to come for it.
    pub(in crate::seat) fn hold_on(&mut self, at: Timestamp) {
        for entry in self.queues.entries.values_mut() {
            let until = at.plus(entry.hold());
            if let Some(offer) = &mut entry.offer {
                offer.until = offer.until.max(until);
            }
        }
    }

    /// An entry leaves the queue, with what is held for it.
    pub(in crate::seat) fn unqueue(&mut self, handle: Handle) {
        self.withdraw(handle);
        let Some(entry) = self.queues.remove(handle) else { return };
        if let Some(session) = self.sessions.get_mut(&entry.session) {
            session.queued.remove(&entry.request.token);
        }
    }

    pub(in crate::seat) fn dequeued(&mut self, dequeued: &Dequeued) {
        self.unqueue(dequeued.entry);
        let Some(session) = self.sessions.get_mut(&dequeued.session) else { return };
        match &dequeued.why {
            DequeueReason::Cancelled { token, acknowledged } => {
                session.settle(*token, *acknowledged, Answer::CheckedIn(dequeued.entry));
            }
            DequeueReason::Ended(_) => {}
            DequeueReason::Lapsed(denial)
            | DequeueReason::Impossible(denial)
            | DequeueReason::Removed(denial) => {
                session.answers.insert(dequeued.token, Answer::Denied(denial.clone()));
            }
        }
    }

    /// An entry as a snapshot has it.
    pub(in crate::seat) fn restore(&mut self, handle: Handle, entry: Entry) {
        if let Some(session) = self.sessions.get_mut(&entry.session) {
            session.queued.insert(entry.request.token, handle);
        }
        if let Some(offer) = &entry.offer {
            let seat = entry.seat(offer);
            enter(&mut self.pools, offer.handle, &seat);
        }
        self.queues.insert(handle, entry);
    }
}
