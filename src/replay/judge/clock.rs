//! Time as the record tells it: what is due by then, and what a clock is worth that was set.

use std::cmp::Reverse;

use super::{Replay, Timer};
use crate::event::{Event, Record};
use crate::time::{ClockNews, Timestamp};

impl Replay {
    /// By how much the wall clock was set, as far as looks tell.
    pub(super) fn follow_clock(&mut self, events: &[Event]) {
        let looks = events.iter().filter_map(|event| match event {
            Event::Marked(marked) => Some(marked.mark.at),
            Event::ClockAccepted(accepted) => Some(accepted.mark.at),
            _ => None,
        });
        for look in looks {
            if let Some(before) = self.state.time_mark() {
                self.set_by.look(before.at, look);
            }
        }
    }

    /// Whether the last look says what the clock of a record is worth: not when it was set just now, or the machine was off.
    pub(super) fn knows_clock(&self, record: &Record) -> bool {
        let boot = self.state.time_mark().map(|mark| mark.at.boot);
        record.events.iter().all(|event| match event {
            Event::Started(_) => false,
            Event::Marked(marked) => {
                marked.news == ClockNews::Nothing && boot.is_none_or(|boot| boot == marked.mark.at.boot)
            }
            _ => true,
        })
    }

    /// What has become due until a time of the wall clock.
    pub(super) fn advance(&mut self, at: Timestamp) {
        self.lapse(at);
        let now = self.state.confirmed(at);
        while let Some(Reverse((due, _))) = self.timers.peek()
            && *due <= now
            && let Some(Reverse((due, timer))) = self.timers.pop()
        {
            match timer {
                Timer::Seat(handle) => {
                    if self.held.has(handle) {
                        self.totals.returned += 1;
                        self.let_go(handle, true, due.min(at));
                    }
                }
                Timer::Want(key) => {
                    if self.wanted.get(&key).is_some_and(|(_, until)| *until == due) {
                        self.content(&key);
                    }
                }
            }
        }
        self.lapse(at);
    }
}
