//! The queue under other files, where it is not replayed: licenses that were held for a request are held for it here too, from the
//! same time on, and what is free is kept for those who wait as it was.

use std::collections::{BTreeMap, BTreeSet};

use super::in_vain::InVain;
use super::ruling::{Ruling, verdict};
use super::{Kind, Replay, Verdict, scaled};
use crate::code::Code;
use crate::event::{Dequeued, EndReason, Event, InReason, Offered, Out};
use crate::ident::{FeatureName, Handle, SessionId, Token};
use crate::replay::survey::open_unknown;
use crate::seat::Command;
use crate::time::Timestamp;

/// Who waits in the record, and for whom licenses are held there.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    names: BTreeMap<(SessionId, Token), Handle>,
    entries: BTreeMap<Handle, ((SessionId, Token), FeatureName, u64)>,
    /// Licenses that are waited for.
    pub(super) wanted: BTreeMap<FeatureName, u64>,
    /// Recorded handles of the checkouts to come that the replay holds licenses for.
    offers: BTreeSet<Handle>,
    pub(super) in_vain: InVain,
}

impl Waiting {
    pub(super) fn follow(&mut self, event: &Event) {
        match event {
            Event::Queued(queued) => {
                let name = (queued.session, queued.request.token);
                let (feature, count) = (&queued.request.feature, u64::from(queued.request.count.get()));
                self.names.insert(name, queued.handle);
                self.entries.insert(queued.handle, (name, feature.clone(), count));
                *self.wanted.entry(feature.clone()).or_default() += count;
            }
            Event::Dequeued(dequeued) => self.leave(dequeued.entry),
            Event::Out(out) if !self.names.is_empty() => {
                if let Some(entry) = self.names.get(&(out.session, out.request.token)).copied() {
                    self.leave(entry);
                }
            }
            _ => {}
        }
    }

    fn leave(&mut self, entry: Handle) {
        let Some((name, feature, count)) = self.entries.remove(&entry) else { return };
        self.names.remove(&name);
        if let Some(wanted) = self.wanted.get_mut(&feature) {
            *wanted = wanted.saturating_sub(count);
            if *wanted == 0 {
                self.wanted.remove(&feature);
            }
        }
    }
}

impl Replay {
    pub(super) fn hold_offer(&mut self, offered: &Offered, at: Timestamp) {
        open_unknown(&mut self.state, offered.session, &offered.identity, at);
        self.give_way(offered.session, &offered.identity, &offered.request, at);
        let judged = self.totals.judged;
        let (_, decision) = self.ask(offered.session, offered.request.clone(), at);
        // It is judged when it takes them.
        self.totals.judged = judged;
        if let Ruling::Granted(mut out, mut package, taken) = verdict(decision) {
            let suite = offered.package.as_ref().map(|package| package.handle);
            placed(&mut out, package.as_deref_mut(), offered.handle, suite);
            self.grant(taken, package, out, at);
            self.waiting.offers.insert(offered.handle);
        }
    }

    pub(super) fn leaves_queue(&mut self, dequeued: &Dequeued, at: Timestamp) {
        if let Some(offer) = dequeued.offer.filter(|offer| self.waiting.offers.remove(offer)) {
            self.withdraw(offer, at);
        }
    }

    /// A reread takes back what is held, and offers it anew.
    pub(super) fn withdraw_all(&mut self, at: Timestamp) {
        for offer in std::mem::take(&mut self.waiting.offers) {
            self.withdraw(offer, at);
        }
    }

    fn withdraw(&mut self, offer: Handle, at: Timestamp) {
        let handle = scaled(offer);
        if let Some(session) = self.state.seat(handle).map(|seat| seat.session) {
            self.back(session, handle, InReason::Ended(EndReason::Goodbye), at);
        }
    }

    /// Whether a recorded grant takes what the replay holds for it; then it is judged.
    pub(super) fn takes_offer(&mut self, recorded: &Out, at: Timestamp) -> bool {
        if !self.waiting.offers.remove(&recorded.handle) {
            return false;
        }
        let Some(pool) = self.state.seat(scaled(recorded.handle)).map(|seat| seat.pool.clone()) else {
            return false;
        };
        self.totals.judged += 1;
        self.repeats.granted(recorded.session, &recorded.request.feature);
        if self.plan.pools_known && pool != recorded.pool {
            let verdicts = (Verdict::Granted(Some(recorded.pool.clone())), Verdict::Granted(Some(pool)));
            let command = Command::Checkout(recorded.session, recorded.request.clone());
            self.differ(Kind::OtherPool, &command, &recorded.identity, verdicts, at);
        }
        true
    }

    /// Whether what is free is for those who waited when a request was refused for their sake.
    pub(super) fn is_kept_for_others(&self, code: Code, out: &Out, at: Timestamp) -> bool {
        let feature = &out.request.feature;
        let wanted = self.waiting.wanted.get(feature).copied().unwrap_or(0);
        let asked = u64::from(out.request.count.get());
        code == Code::UsersQueued && self.free_of(feature, at) < wanted.saturating_add(asked)
    }
}

/// Gives a grant the handle that stands for a recorded one, and that of its package one below if none is recorded.
pub(super) fn placed(out: &mut Out, package: Option<&mut Out>, handle: Handle, suite: Option<Handle>) {
    out.rename(scaled(handle));
    if let Some(package) = package {
        let below = Handle(out.handle.0.saturating_sub(1));
        package.rename(suite.map_or(below, scaled));
        out.accounting.suite = Some(package.handle);
    }
}
