//! Now and then: sums, times, and what is left at the end.

use std::collections::{BTreeMap, BTreeSet};

use seatkeeper::ident::{Handle, PoolKey, SessionId, Token};
use seatkeeper::seat::{State, Tenure};

use super::{Attended, Oracle, Verdict};

impl Oracle {
    /// The names of the waiting requests of a session.
    pub(crate) fn entries_of(&self, session: SessionId) -> BTreeSet<Handle> {
        self.queue.iter().filter(|(_, entry)| entry.session == session).map(|(handle, _)| *handle).collect()
    }

    /// Seats of clients that are gone have come back by now. `late` is what else may have taken time.
    pub(crate) fn nobody_outstays(&self, now: Attended, late: u64) -> Verdict {
        for id in self.sessions.keys() {
            let Some(watch) = self.watch.get(id) else { continue };
            if self.sessions.get(id).is_some_and(|session| session.lines) {
                let away = watch.closed.map_or(0, |closed| now.least_since(closed));
                ensure!(away <= 1000 + late, "who spoke lines leaves nothing behind", "{id}: {away} ms");
            } else if let Some(closed) = watch.closed {
                let away = now.least_since(closed);
                let most = self.grace_ms + 1000 + late;
                ensure!(away <= most, "seats come back within the grace", "{id}: {away} of {most} ms");
            } else {
                let silent = now.least_since(watch.heard);
                let most = self.lease_ms + 1000 + late;
                ensure!(silent <= most, "seats come back within the lease", "{id}: {silent} of {most} ms");
            }
        }
        Ok(())
    }

    /// The engine's state has the same seats, sessions, sums and waits as the history comes to here.
    pub(crate) fn agrees(&self, state: &State) -> Verdict {
        let mut of_state: BTreeMap<Handle, &PoolKey> =
            state.seats().map(|(handle, seat)| (handle, &seat.pool)).collect();
        for (handle, entry) in state.waiting() {
            let here = self.queue.get(&handle);
            let offer = entry.offer.as_ref();
            let package = offer.and_then(|offer| offer.package.as_ref());
            let offer = offer.map(|offer| (offer.handle, package.map(|package| package.handle)));
            let same = here.is_some_and(|here| here.offer == offer && here.session == entry.session);
            ensure!(same, "the state is the fold of its history", "{handle} waits: {here:?}, {entry:?}");
            of_state.extend(entry.offer.as_ref().map(|offer| (offer.handle, &offer.pool)));
            of_state.extend(package.map(|package| (package.handle, &package.pool)));
        }
        ensure!(
            state.waiting().count() == self.queue.len(),
            "the state is the fold of its history",
            "{:?} wait",
            self.queue
        );
        let here = self.seats.iter().map(|(handle, seat)| (*handle, &seat.pool));
        ensure!(here.eq(of_state), "the state is the fold of its history", "{:?}", self.seats);
        let sessions = state.sessions().map(|(id, _)| id);
        ensure!(
            sessions.eq(self.sessions.keys().copied()),
            "the state is the fold of its history",
            "{:?}",
            self.sessions
        );
        let mut pools = BTreeSet::new();
        for (handle, seat) in &self.seats {
            pools.insert(&seat.pool);
            let tenure = state.seat(*handle).map(|seat| seat.tenure);
            let until = tenure.and_then(|tenure| tenure.until());
            ensure!(
                until == seat.until()
                    && state.seat(*handle).is_some_and(seatkeeper::seat::Seat::is_borrowed)
                        == seat.lent.is_some(),
                "the state is the fold of its history",
                "{handle}: {tenure:?}"
            );
            let held = tenure.is_none_or(|tenure| tenure != Tenure::Held)
                || self.sessions.contains_key(&seat.session);
            ensure!(held, "what is held belongs to a session that lives", "{handle}: {seat:?}");
        }
        for pool in &pools {
            let (here, there) = (self.out_of(pool), state.pool(pool).map_or(0, |used| used.in_use()));
            ensure!(here == there, "sums are conserved", "{pool}: {here}, the engine says {there}");
        }
        ensure!(state.pools().count() == pools.len(), "sums are conserved", "{pools:?}");
        Ok(())
    }

    /// The handles that a session holds and its client may know of.
    pub(crate) fn held_by(&self, session: SessionId) -> BTreeSet<Handle> {
        let offers: BTreeSet<Handle> = self.queue.values().filter_map(|entry| Some(entry.offer?.0)).collect();
        let mine = self.seats.iter().filter(|(handle, seat)| {
            seat.session == session && seat.until().is_none() && !seat.of_suite && !offers.contains(handle)
        });
        mine.map(|(handle, _)| *handle).collect()
    }

    /// The waiting requests of a session.
    pub(crate) fn waits_of(&self, session: SessionId) -> BTreeSet<Token> {
        self.queue.values().filter(|entry| entry.session == session).map(|entry| entry.token).collect()
    }

    pub(crate) fn is_open(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session)
    }

    pub(crate) fn sessions_open(&self) -> usize {
        self.sessions.len()
    }

    /// What a request was granted.
    pub(crate) fn granted_to(&self, session: SessionId, token: Token) -> Option<Handle> {
        self.granted.get(&(session, token)).copied()
    }

    pub(crate) fn waits(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn lingers(&self) -> bool {
        self.seats.values().any(|seat| seat.lingers_until.is_some())
    }

    /// After the last client has gone.
    pub(crate) fn is_drained(&self) -> Verdict {
        ensure!(self.seats.is_empty(), "no seat is lost for ever", "{:?}", self.seats);
        ensure!(self.queue.is_empty(), "every wait ends", "{:?}", self.queue);
        ensure!(self.sessions.is_empty(), "every session ends", "{:?}", self.sessions);
        Ok(())
    }
}
