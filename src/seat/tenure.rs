//! How a checkout holds its licenses, and what time brings to it.

use std::collections::BTreeSet;

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
        /// Whether the debug log shows it as out: not after an orderly stop.
        shown: bool,
    },
    /// It is borrowed: no session has it, until it comes back by itself or is given back (`domain.md` 5).
    Borrowed {
        /// Its record and its end.
        borrow: Borrow,
        /// Whether an administrator wants it back.
        recalled: bool,
        /// Whether the debug log shows it as out: not after an orderly stop.
        shown: bool,
    },
}

impl Tenure {
    /// When it is over by itself; none if only somebody's act ends it. A borrow is so when its record is good on no clock any more.
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
        let seats = self.lapses.iter().filter_map(|(_, handle)| self.seat(*handle));
        seats.filter(|seat| seat.is_borrowed() && seat.component.is_none()).count()
    }
}

/// What time ends, soonest first.
pub(super) type Lapses = BTreeSet<(Timestamp, Handle)>;

/// Seats that one [`super::Command::Tick`] ends at most, so that no record grows without bound.
const LAPSES_MAX: usize = 1024;

/// When time next brings something, by [`State::confirmed`]: from then on [`super::Command::Tick`] is due, and comes before any other command. None if
/// nothing waits for a time.
#[must_use]
pub fn next_wakeup(state: &State) -> Option<Timestamp> {
    state.lapses.first().map(|(due, _)| *due)
}

/// What time has brought until now. One call may leave some for the next: ask [`next_wakeup`] again.
pub(super) fn tick(state: &State, now: Now) -> Decision {
    let now = state.confirmed(now.utc);
    let due = state.lapses.iter().take_while(|(until, _)| *until <= now).map(|(_, handle)| *handle);
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
