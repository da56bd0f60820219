//! What time it is, for licenses and for what ends by itself (`domain.md` section 6).
//!
//! The wall clock is what people see, and goes into every record. What it may bring about is limited by the time mark:
//!
//! - licenses are judged by the later of both, so a clock that is set back inside a day revives nothing;
//! - with the clock more than a day behind the mark, lines that expire are not served (-88), and others are;
//! - what ends at a time ends when the mark confirms it, if the clock is more than a day ahead;
//! - what lasts for a span, such as lingering, is reckoned and judged by the mark alone.
//!
//! Between two looks the mark rises as the wall clock goes on: whoever runs the engine looks whenever that clock was set.

use super::choose::Asked;
use super::{Decision, Reply, State, Tenure};
use crate::code::{Code, minor};
use crate::event::debug_log::span;
use crate::event::{ClockAccepted, Denial, Event, Marked};
use crate::ident::Handle;
use crate::time::{ClockNews, LicenseTime, Look, Standing, TimeMark, Timestamp};

/// So often a mark is recorded of which nothing is to be told: what a machine that stops loses at most.
const NOTED_EVERY_MS: u64 = 3_600_000;

impl State {
    /// How far time has come, and by what that was reckoned; none until the clocks were looked at.
    #[must_use]
    pub fn time_mark(&self) -> Option<&TimeMark> {
        self.time_mark.as_ref()
    }

    /// By what licenses are judged at a time of the wall clock.
    #[must_use]
    pub fn license_time(&self, utc: Timestamp) -> LicenseTime {
        self.time_mark.map_or(utc.into(), |mark| LicenseTime {
            utc: utc.max(mark.at(utc)),
            trusted: mark.standing_at(utc) != Standing::SetBack,
        })
    }

    /// The time by which ends what ends at a time of day, such as a borrow: nothing comes early because a clock has jumped ahead, and
    /// nothing late because one was set back.
    #[must_use]
    pub fn confirmed(&self, utc: Timestamp) -> Timestamp {
        match self.time_mark {
            Some(mark) if mark.standing_at(utc) == Standing::Ahead => mark.at(utc),
            Some(mark) => utc.max(mark.at(utc)),
            None => utc,
        }
    }

    /// The time by which spans are reckoned and judged, such as those of lingering and holding: the mark, which goes on evenly
    /// wherever the wall clock is set, so that a span begun before a clock was set is as long as any other. It is never after
    /// [`Self::confirmed`]. It rises by more than has passed only when a clock that is ahead is believed.
    #[must_use]
    pub fn steady(&self, utc: Timestamp) -> Timestamp {
        self.time_mark.map_or(utc, |mark| mark.at(utc))
    }
}

// ---- the fold -----------------------------------------------------------------------------------------------------------

impl State {
    /// An administrator moves the mark: what lingers and what is held goes on for as long as it would have. What is borrowed ends at
    /// a time of day, which is another one now.
    pub(super) fn shift_spans(&mut self, accepted: &ClockAccepted) {
        let mark = accepted.mark.mark;
        let ms = mark.0.saturating_sub(accepted.before.0);
        let lingering: Vec<Handle> = self.lapses.lingering().collect();
        for handle in lingering {
            let Some(seat) = self.seats.get_mut(&handle) else { continue };
            self.lapses.remove(handle, &seat.tenure);
            if let Tenure::Lingering { until, .. } = &mut seat.tenure {
                until.0 = until.0.saturating_add(ms);
            }
            self.lapses.insert(handle, &seat.tenure);
        }
        self.shift_holds(ms, mark);
    }
}

/// The clocks were looked at. Recorded is what is new, and else little.
pub(super) fn look(state: &State, look: Look, note: bool) -> Decision {
    let (mark, news, due) = match &state.time_mark {
        None => (TimeMark::new(look), ClockNews::Nothing, true),
        Some(before) => {
            let (mark, news) = before.look(look);
            let passed = look.elapsed_ms.checked_sub(before.at.elapsed_ms);
            let passed = passed.filter(|_| look.boot == before.at.boot);
            (mark, news, passed.is_none_or(|passed| passed >= NOTED_EVERY_MS))
        }
    };
    let events = if note || due || news != ClockNews::Nothing {
        vec![Event::Marked(Box::new(Marked { mark, news }))]
    } else {
        Vec::new()
    };
    Decision::new(events, Reply::Done)
}

/// An administrator says that the wall clock is right.
pub(super) fn accept(state: &State, by: &str, look: Look) -> Decision {
    let mark = TimeMark::new(look);
    let before = state.time_mark.map_or(look.utc, |before| before.look(look).0.mark);
    let accepted = ClockAccepted { by: by.to_owned(), before, mark };
    Decision::new(vec![Event::ClockAccepted(Box::new(accepted))], Reply::Done)
}

/// What a client hears for a line that expires while the clock is set back.
pub(super) fn set_back(asked: &Asked<'_>, feature: &str) -> Denial {
    let behind = span(asked.time.utc.0.saturating_sub(asked.now.0));
    let note = format!("the clock of the license server is {behind} behind, and {feature} expires");
    Denial::new(Code::ClockSetBack, minor::SERVER_CLOCK_BACK, &note)
}
