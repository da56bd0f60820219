//! How a checkout holds its licenses, and what time brings to it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::borrow::BORROW_MARGIN;
use super::{Decision, Reply, Seat, State};
use crate::event::{Borrow, Event, In, InReason};
use crate::ident::Handle;
use crate::time::{Now, Timestamp};

/// How a checkout holds its licenses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tenure {
    /// Its session has it.
    #[default]
    Held,
    /// It was given up, and its licenses stay in use until they come back by themselves (`flexnet-files.md` 3.12).
    Lingering {
        /// Since when.
        since: Timestamp,
        /// Until when.
        until: Timestamp,
        /// Whether the debug log shows it as out: not between an orderly stop and the next start.
        shown: bool,
    },
    /// It is borrowed: no session has it, until it comes back by itself or is given back (`domain.md` 5).
    Borrowed {
        /// Its record and its end.
        borrow: Borrow,
        /// Whether an administrator wants it back.
        recalled: bool,
        /// Whether the debug log shows it as out: not between an orderly stop and the next start.
        shown: bool,
    },
}

impl Tenure {
    /// When it is over by itself; none if only somebody's act ends it. A borrow is so when its record is good on no clock any more,
    /// by [`State::confirmed`]; what lingers by [`State::steady`].
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Held => None,
            Self::Lingering { until, .. } => Some(*until),
            Self::Borrowed { borrow, .. } => Some(borrow.until.plus(BORROW_MARGIN)),
        }
    }
}

impl Seat {
    /// Whether it is borrowed: out until its end, whoever is connected. lmdown asks for these (`flexnet-tools.md` 2.9).
    #[must_use]
    pub const fn is_borrowed(&self) -> bool {
        match self.tenure {
            Tenure::Borrowed { .. } => true,
            Tenure::Held | Tenure::Lingering { .. } => false,
        }
    }
}

impl State {
    /// How many checkouts are borrowed, those of suites not counted beside their components.
    #[must_use]
    pub fn borrowed_count(&self) -> usize {
        let seats = self.lapses.borrowed.iter().filter_map(|(_, handle)| self.seat(*handle));
        seats.filter(|seat| seat.component.is_none()).count()
    }
}

/// What time ends, soonest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Lapses {
    lingering: BTreeSet<(Timestamp, Handle)>,
    borrowed: BTreeSet<(Timestamp, Handle)>,
}

impl Lapses {
    fn of(&mut self, tenure: &Tenure) -> Option<(&mut BTreeSet<(Timestamp, Handle)>, Timestamp)> {
        let kind = match tenure {
            Tenure::Held => return None,
            Tenure::Lingering { .. } => &mut self.lingering,
            Tenure::Borrowed { .. } => &mut self.borrowed,
        };
        Some((kind, tenure.until()?))
    }

    pub(super) fn insert(&mut self, handle: Handle, tenure: &Tenure) {
        if let Some((kind, until)) = self.of(tenure) {
            kind.insert((until, handle));
        }
    }

    pub(super) fn remove(&mut self, handle: Handle, tenure: &Tenure) {
        if let Some((kind, until)) = self.of(tenure) {
            kind.remove(&(until, handle));
        }
    }

    /// Whether nothing lingers.
    pub(super) fn nothing_lingers(&self) -> bool {
        self.lingering.is_empty()
    }

    pub(super) fn lingering(&self) -> impl Iterator<Item = Handle> {
        self.lingering.iter().map(|(_, handle)| *handle)
    }

    /// All of it.
    pub(super) fn handles(&self) -> impl Iterator<Item = Handle> {
        self.lingering.iter().chain(&self.borrowed).map(|(_, handle)| *handle)
    }
}

/// Seats that one [`super::Command::Tick`] ends at most, so that no record grows without bound.
const LAPSES_MAX: usize = 1024;

/// When time next brings something, on a clock that was not set. None if nothing waits for a time.
#[must_use]
pub fn next_wakeup(state: &State) -> Option<Timestamp> {
    let Lapses { lingering, borrowed } = &state.lapses;
    lingering.first().into_iter().chain(borrowed.first()).map(|(due, _)| *due).min()
}

/// How long after a time of the wall clock [`super::Command::Tick`] is due; at zero it comes before any other command. None if nothing
/// waits for a time.
#[must_use]
pub fn tick_due_in(state: &State, utc: Timestamp) -> Option<Duration> {
    let Lapses { lingering, borrowed } = &state.lapses;
    let lingering = lingering.first().map(|(due, _)| due.0.saturating_sub(state.steady(utc).0));
    let borrowed = borrowed.first().map(|(due, _)| due.0.saturating_sub(state.confirmed(utc).0));
    let ms = lingering.into_iter().chain(borrowed).min()?;
    Some(Duration::from_millis(ms.max(0).unsigned_abs()))
}

/// What time has brought until now. One call may leave some for the next: ask [`next_wakeup`] again.
pub(super) fn tick(state: &State, now: Now) -> Decision {
    let (steady, confirmed) = (state.steady(now.utc), state.confirmed(now.utc));
    let Lapses { lingering, borrowed } = &state.lapses;
    let lingering = lingering.iter().take_while(|(until, _)| *until <= steady);
    let borrowed = borrowed.iter().take_while(|(until, _)| *until <= confirmed);
    let due = lingering.chain(borrowed).map(|(_, handle)| *handle);
    // A suite's comes back with its component.
    let of_suite = |handle: &Handle| state.seat(*handle).is_some_and(|seat| seat.component.is_some());
    let due = due.filter(|handle| !of_suite(handle)).take(LAPSES_MAX);
    let back = |handle: Handle| {
        let seat = state.seat(handle)?;
        let why = match seat.tenure {
            Tenure::Borrowed { .. } => InReason::BorrowEnd,
            Tenure::Held | Tenure::Lingering { .. } => InReason::Linger,
        };
        Some(Event::In(In { session: seat.session, handle, why }))
    };
    Decision::new(due.flat_map(|handle| state.coming_back(handle)).filter_map(back).collect(), Reply::Done)
}
