//! Rereads: what they move and end in the record and in the replay.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::difference::{Difference, Kind, Verdict};
use super::{Replay, Ruleset, borrow_ends, scaled};
use crate::event::{Event, In, InReason, Moved, Record, Reread, RereadCause};
use crate::ident::{Handle, PoolKey};
use crate::replay::survey::Files;
use crate::seat::{Command, State, Usage};
use crate::time::Timestamp;

impl Replay {
    /// Other rules hold from here on; seats move as at a reread from this cause.
    pub(super) fn switch(
        &mut self,
        rules: Ruleset,
        (files, cause): (&Files, RereadCause),
        ended: &BTreeSet<Handle>,
        at: Timestamp,
    ) {
        let reread = Reread {
            by: String::new(),
            cause,
            zone: files.zone.clone(),
            files: files.files.clone(),
            removed: Vec::new(),
        };
        let reread = Box::new(reread);
        let command = Command::Reread { reread: reread.clone(), catalog: Arc::clone(&rules.catalog) };
        let mut decision = self.decide(&command, at);
        if decision.events.is_empty() {
            // A start that moves nothing here.
            decision.events.push(Event::Reread(reread));
        }
        let mut into: Vec<PoolKey> = Vec::new();
        for event in &decision.events {
            match event {
                Event::Moved(moved) => {
                    let Moved { to, .. } = moved.as_ref();
                    into.push(to.clone());
                }
                // No difference where the record ended it too.
                Event::In(back) if !ended.contains(&back.handle) && !self.is_package(back.handle) => {
                    let found = seat_differs(&self.state, back.handle, Kind::Lost, at);
                    found.into_iter().for_each(|found| self.tell(found));
                }
                _ => {}
            }
        }
        let record = Record { first: self.state.seq().next(), at, events: decision.events };
        self.state.evolve(&record);
        self.rules = rules;
        self.usage = Usage::rebuild(&self.state, &self.rules.catalog, &self.rules.policy);
        for pool in into {
            self.raise(&pool, at);
        }
    }

    /// Under the recorded files seats move as they did.
    pub(super) fn compare_move(&mut self, moved: &Moved, at: Timestamp) {
        let handle = scaled(moved.handle);
        if self.plan.exact && self.state.seat(handle).is_some_and(|seat| seat.pool != moved.to) {
            let found = seat_differs(&self.state, handle, Kind::OtherPool, at);
            let recorded = Verdict::Granted(Some(moved.to.clone()));
            found.into_iter().for_each(|found| self.tell(Difference { recorded: recorded.clone(), ..found }));
        }
    }
}

/// The seats that a recorded reread ended, by the replay's handles.
pub(super) fn ended_by_reread(record: &Record) -> BTreeSet<Handle> {
    if record.events.len() < 2 {
        return BTreeSet::new();
    }
    let ended = record.events.iter().filter_map(|event| match event {
        Event::In(In { handle, why: InReason::Removed, .. }) => Some(scaled(*handle)),
        _ => None,
    });
    ended.collect()
}

/// A difference about a seat that is out: kept or lost at a reread, or in another pool after it.
pub(super) fn seat_differs(state: &State, handle: Handle, kind: Kind, at: Timestamp) -> Option<Difference> {
    let seat = state.seat(handle)?;
    let here = Verdict::Granted(Some(seat.pool.clone()));
    let (recorded, replayed) = match kind {
        Kind::Lost => (here, Verdict::Ended),
        _ => (Verdict::Ended, here),
    };
    Some(Difference {
        at,
        kind,
        identity: seat.identity.clone(),
        feature: seat.feature.clone(),
        version: seat.version,
        count: seat.count,
        borrow_ends: borrow_ends(&seat.wishes),
        recorded,
        replayed,
    })
}
