//! When the clocks are looked at: at the start and at the end, each minute, and whenever the wall clock has moved otherwise than
//! this process's own, before anything else is decided.

use std::rc::Rc;
use std::time::Duration;

use super::super::connection::{Outgoing, Peer};
use super::{Daemon, Recording};
use crate::code::{Code, minor};
use crate::event::{Denial, debug_log};
use crate::seat::{Command, State};
use crate::time::{Monotonic, Now, Standing, Timestamp};

/// A wall clock that moved by more than this against elapsed time is worth a look.
const MOVED_MS: i64 = 1000;
/// The longest time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// When the clocks were looked at last in this run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looked {
    at: Monotonic,
    /// The wall clock less elapsed time.
    offset: i64,
}

fn offset(now: Now) -> i64 {
    now.utc.0.saturating_sub(i64::try_from(now.mono.0).unwrap_or(i64::MAX))
}

impl Daemon {
    /// Looks at the clocks if that is due.
    pub(super) fn attend_clock(&mut self, now: Now) {
        let Some(looked) = self.looked else { return };
        let moved = offset(now).saturating_sub(looked.offset).saturating_abs() > MOVED_MS;
        if moved || now.mono.since(looked.at) >= LOOK_EVERY {
            self.look_at_clock(now, false);
        }
    }

    /// Looks at the clocks now; `note` records it even if nothing is new.
    pub(super) fn look_at_clock(&mut self, now: Now, note: bool) {
        self.looked = Some(Looked { at: now.mono, offset: offset(now) });
        let look = self.clock.look();
        self.decide_and_record(&Command::Look { look, note }, now);
    }

    /// An administrator answers for the wall clock.
    pub(in crate::vendord) fn accept_clock(&mut self, peer: &Rc<Peer>, request: u32, by: String) {
        let look = self.clock.look();
        let before = self.state.time_mark().map(|mark| mark.look(look).0);
        let reply = self.execute(&Command::AcceptClock { by, look });
        let outgoing = match reply {
            crate::seat::Reply::Refused(denial) => Outgoing::Refused(denial),
            _ => Outgoing::Done(accepted(look.utc, before.map_or(0, |before| before.ahead_ms()))),
        };
        self.answer(peer, request, outgoing);
    }

    /// The time that bounds what is kept: a clock that has jumped ahead must not make the history old.
    pub(in crate::vendord) fn confirmed(&self) -> Timestamp {
        self.state.confirmed(self.now().utc)
    }

    /// What lmstat says of the clock; nothing while it is near.
    pub(super) fn clock_note(&self) -> Option<String> {
        if self.recording != Recording::Open {
            return None;
        }
        clock_note(&self.state, self.now().utc)
    }
}

fn clock_note(state: &State, utc: Timestamp) -> Option<String> {
    let mark = state.time_mark()?;
    let by = debug_log::span(utc.0.saturating_sub(mark.at(utc).0));
    match mark.standing_at(utc) {
        Standing::Near => None,
        Standing::SetBack => {
            let denial = Denial::new(Code::ClockSetBack, minor::SERVER_CLOCK_BACK, "");
            Some(format!(
                "the server's clock is {by} behind its time mark: licenses that expire are refused ({}); {}",
                denial.code.number(),
                denial.code.remedy()
            ))
        }
        Standing::Ahead => Some(format!(
            "the server's clock is {by} ahead of what elapsed time confirms: nothing that ends by itself ends on that \
             evidence; if the clock is right, say so with lmutil lmclock accept"
        )),
    }
}

fn accepted(utc: Timestamp, ahead_ms: i64) -> Vec<String> {
    let by = debug_log::span(ahead_ms);
    let was = match ahead_ms {
        0 => "agrees with it".to_owned(),
        1.. => format!("was {by} behind it"),
        _ => format!("was {by} ahead of it"),
    };
    vec![format!("the clock is accepted: {utc}; the time mark {was}")]
}
