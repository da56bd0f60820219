//! The fold of the queue's events.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, Fairness, Offer};
use crate::event::{Answer, DequeueReason, Dequeued, Offered, Passed, Queued};
use crate::ident::{FeatureName, Handle, Seq, SessionId, Token};
use crate::seat::State;
use crate::seat::state::{enter, leave};
use crate::time::Timestamp;

/// All that wait. Equal if the same requests wait in the same way: the rest is made from them, or says when it was last worth while
/// to look at them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queues {
    entries: BTreeMap<Handle, Entry>,
    features: BTreeMap<FeatureName, Queue>,
    /// When holds are over.
    holds: BTreeSet<(Timestamp, Handle)>,
    /// When blocks end, past ones too: until the entry is passed again.
    blocks: BTreeSet<(Timestamp, Handle)>,
    /// When something of a feature last came free, or could be shared, while anybody waited for anything.
    stirred: BTreeMap<FeatureName, Seq>,
    /// The same in the order of the times.
    latest: BTreeSet<(Seq, FeatureName)>,
    /// When all queues were last to be looked at.
    all_stirred: Seq,
}

/// Those that wait for a feature.
#[derive(Debug, Clone, Default)]
struct Queue {
    handles: BTreeSet<Handle>,
    /// Those that nothing is held for and that block, until when; past ones too.
    blocks: BTreeMap<Handle, Timestamp>,
}

impl PartialEq for Queues {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for Queues {}

impl Queues {
    pub(crate) fn insert(&mut self, handle: Handle, entry: Entry) {
        if !self.features.contains_key(&entry.request.feature) {
            self.features.insert(entry.request.feature.clone(), Queue::default());
        }
        if let Some(queue) = self.features.get_mut(&entry.request.feature) {
            queue.handles.insert(handle);
        }
        if let Some(offer) = &entry.offer {
            self.holds.insert((offer.until, handle));
        }
        self.block(handle, &entry);
        self.entries.insert(handle, entry);
    }

    /// Notes the block of an entry, if it has one.
    fn block(&mut self, handle: Handle, entry: &Entry) {
        let Some(until) = entry.fairness.block_ends() else { return };
        self.blocks.insert((until, handle));
        if let Some(queue) = self.features.get_mut(&entry.request.feature)
            && entry.offer.is_none()
        {
            queue.blocks.insert(handle, until);
        }
    }

    fn unblock(&mut self, handle: Handle, entry: &Entry) {
        if let Some(until) = entry.fairness.block_ends() {
            self.blocks.remove(&(until, handle));
        }
        if let Some(queue) = self.features.get_mut(&entry.request.feature) {
            queue.blocks.remove(&handle);
        }
    }

    fn remove(&mut self, handle: Handle) -> Option<Entry> {
        let entry = self.entries.remove(&handle)?;
        self.unblock(handle, &entry);
        if let Some(queue) = self.features.get_mut(&entry.request.feature) {
            queue.handles.remove(&handle);
            if queue.handles.is_empty() {
                self.features.remove(&entry.request.feature);
            }
        }
        if self.entries.is_empty() {
            self.stirred.clear();
            self.latest.clear();
        }
        Some(entry)
    }

    /// Something of a feature may be of use to those who wait now.
    fn stir(&mut self, feature: &FeatureName, at: Seq) {
        if self.entries.is_empty() {
            return;
        }
        match self.stirred.insert(feature.clone(), at) {
            Some(before) if before == at => return,
            Some(before) => drop(self.latest.remove(&(before, feature.clone()))),
            None => {}
        }
        self.latest.insert((at, feature.clone()));
    }
}

impl State {
    /// Those that wait for a feature, licenses being held for them or not, in the order of the queue.
    pub fn queue(&self, feature: &FeatureName) -> impl Iterator<Item = (Handle, &Entry)> {
        let handles = self.queues.features.get(feature).into_iter().flat_map(|queue| &queue.handles);
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

    /// Whether anybody waits for a feature.
    pub(in crate::seat) fn is_queued(&self, feature: &FeatureName) -> bool {
        self.queues.features.contains_key(feature)
    }

    /// Those of a feature that block at this time, in the order in which they came.
    pub(super) fn blocking(&self, feature: &FeatureName, now: Timestamp) -> impl Iterator<Item = Handle> {
        let queue = self.queues.features.get(feature);
        let blocks = queue.into_iter().flat_map(|queue| &queue.blocks);
        blocks.filter(move |(_, until)| now < **until).map(|(handle, _)| *handle)
    }

    /// Those for whom something is held, the hold that is over first at the front.
    pub(super) fn holds(&self) -> impl Iterator<Item = (Timestamp, Handle)> {
        self.queues.holds.iter().copied()
    }

    /// Those whose blocks end after one time and not after another.
    pub(super) fn blocks_ended(&self, after: Timestamp, until: Timestamp) -> impl Iterator<Item = Handle> {
        let ended = self.queues.blocks.range((after, Handle(u64::MAX))..);
        ended.take_while(move |(end, _)| *end <= until).map(|(_, handle)| *handle)
    }

    /// When the first block after a time ends.
    pub(super) fn block_ends_after(&self, after: Timestamp) -> Option<Timestamp> {
        self.queues.blocks.range((after, Handle(u64::MAX))..).next().map(|(end, _)| *end)
    }

    /// The features of which something came free after an event.
    pub(super) fn stirred_after(&self, seq: Seq) -> impl Iterator<Item = &FeatureName> {
        let after = move |(at, _): &&(Seq, FeatureName)| *at > seq;
        self.queues.latest.iter().rev().take_while(after).map(|(_, feature)| feature)
    }

    /// Whether all queues are to be looked at since an event.
    pub(super) fn all_stirred_after(&self, seq: Seq) -> bool {
        self.queues.all_stirred > seq
    }

    pub(in crate::seat) fn stir(&mut self, feature: &FeatureName) {
        self.queues.stir(feature, self.seq.next());
    }

    pub(in crate::seat) fn stir_all(&mut self) {
        self.queues.all_stirred = self.seq.next();
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
            let Some(entry) = self.queues.entries.get_mut(handle) else { continue };
            let before = entry.clone();
            entry.fairness.pass(at);
            if entry.fairness.blocks_since != before.fairness.blocks_since {
                let after = entry.clone();
                self.queues.unblock(*handle, &before);
                self.queues.block(*handle, &after);
            }
        }
    }

    pub(in crate::seat) fn offered(&mut self, offered: &Offered) {
        self.last_handle = self.last_handle.max(offered.handle.0);
        self.withdraw(offered.entry);
        let Some(entry) = self.queues.entries.get_mut(&offered.entry) else { return };
        let (pool, shares) = (offered.pool.clone(), offered.shares);
        let package = offered.package.clone().map(Box::new);
        let offer = Offer { handle: offered.handle, pool, shares, package, until: offered.until };
        entry.each_seat(&offer, |handle, seat| enter(&mut self.pools, handle, seat));
        entry.offer = Some(offer);
        self.queues.holds.insert((offered.until, offered.entry));
        if let Some(queue) = self.queues.features.get_mut(&offered.request.feature) {
            queue.blocks.remove(&offered.entry);
        }
        // Others may share it, and it blocks nobody any more.
        self.stir(&offered.request.feature);
    }

    /// What was held for an entry is free again; it waits on.
    fn withdraw(&mut self, handle: Handle) {
        let Some(entry) = self.queues.entries.get_mut(&handle) else { return };
        let Some(offer) = entry.offer.take() else { return };
        entry.each_seat(&offer, |handle, seat| leave(&mut self.pools, handle, seat));
        let feature = entry.request.feature.clone();
        if let Some(until) = entry.fairness.block_ends()
            && let Some(queue) = self.queues.features.get_mut(&entry.request.feature)
        {
            queue.blocks.insert(handle, until);
        }
        self.queues.holds.remove(&(offer.until, handle));
        self.stir(&feature);
    }

    /// A reread may change what serves whom: what is held is offered again under the new rules, in the order of the queue.
    pub(in crate::seat) fn withdraw_all(&mut self) {
        let offered = |(handle, entry): (&Handle, &Entry)| entry.offer.is_some().then_some(*handle);
        let offers: Vec<Handle> = self.queues.entries.iter().filter_map(offered).collect();
        offers.into_iter().for_each(|handle| self.withdraw(handle));
    }

    /// The daemon was away: whoever is offered something has all of the time again to come for it.
    pub(in crate::seat) fn hold_on(&mut self, at: Timestamp) {
        let steady = self.steady(at);
        for (handle, entry) in &mut self.queues.entries {
            let until = steady.plus(entry.hold());
            if let Some(offer) = &mut entry.offer {
                self.queues.holds.remove(&(offer.until, *handle));
                offer.until = offer.until.max(until);
                self.queues.holds.insert((offer.until, *handle));
            }
        }
    }

    /// What is held is so for as long as before by a time mark that was moved, and from that mark on no longer than it may be: a
    /// start may have counted the time that the machine was off, of which the mark knows nothing.
    pub(in crate::seat) fn shift_holds(&mut self, ms: i64, mark: Timestamp) {
        for (handle, entry) in &mut self.queues.entries {
            let most = mark.plus(entry.hold());
            if let Some(offer) = &mut entry.offer {
                self.queues.holds.remove(&(offer.until, *handle));
                offer.until = Timestamp(offer.until.0.saturating_add(ms)).min(most);
                self.queues.holds.insert((offer.until, *handle));
            }
        }
    }

    /// An entry leaves the queue, with what is held for it.
    pub(in crate::seat) fn unqueue(&mut self, handle: Handle) {
        self.withdraw(handle);
        let Some(entry) = self.queues.remove(handle) else { return };
        // It may have been in somebody's way.
        self.stir(&entry.request.feature);
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
            entry.each_seat(offer, |handle, seat| enter(&mut self.pools, handle, seat));
        }
        self.queues.insert(handle, entry);
    }
}
