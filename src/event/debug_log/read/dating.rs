//! Which instant a line belongs to: most prefixes have no date, and none says which pass of a repeated hour is meant.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Span, Unit};

use super::line::{Line, Message, Stamp};
use crate::time::Timestamp;

/// A time of day up to so far before the last one is a line that comes late or a clock that was set back; one that lies
/// further back is of the next day. More than an hour, which a clock is set back in autumn.
const BACK_SECONDS: i64 = 2 * 3600;

const DAY_SECONDS: i64 = 24 * 3600;

/// A whole date in a message dates its line if their times of day are no further apart; dates of other things are not meant.
const MOMENT_SECONDS: i64 = 5 * 60;

/// In an hour that the zone has twice, a step back of more than this begins the second pass; two daemons that write into
/// one file don't differ by as much.
const SECOND_PASS_SECONDS: i64 = 60;

/// Civil time of lines, in order.
#[derive(Debug)]
pub(super) struct Calendar {
    /// The day of the first line, as far as is known.
    first: Date,
    /// The latest line so far.
    latest: Option<DateTime>,
    /// Whether the log has said a date.
    pub(super) known: bool,
    /// Days that went by without a line, or without a sign of midnight.
    pub(super) days_skipped: u64,
    /// How often the log said an earlier date than the one before.
    pub(super) days_back: u64,
}

/// What a line says of its date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dated {
    /// Its civil time.
    pub(super) at: DateTime,
    /// The instant, if the line says the offset.
    pub(super) exact: Option<jiff::Timestamp>,
    /// All lines before have to be moved by so many days: it is the first to say a date.
    pub(super) shift_days: Option<i32>,
}

impl Calendar {
    pub(super) fn new(first: Date) -> Self {
        Self { first, latest: None, known: false, days_skipped: 0, days_back: 0 }
    }

    /// Dates a line.
    pub(super) fn date(&mut self, line: &Line<'_>, zone: &TimeZone) -> Dated {
        let (said, exact) = match line.stamp {
            Stamp::Clock(time) => {
                let guess = self.guess(time);
                match evidence(line.message, guess) {
                    Some(day) => (day.to_datetime(time), None),
                    None => {
                        self.latest = Some(self.latest.map_or(guess, |latest| latest.max(guess)));
                        return Dated { at: guess, exact: None, shift_days: None };
                    }
                }
            }
            Stamp::Local(local) => (local, None),
            Stamp::Exact(instant) => (zone.to_datetime(instant), Some(instant)),
        };
        let guess = self.guess(said.time());
        let apart = days_between(guess.date(), said.date());
        self.latest = Some(said);
        let shift_days = if self.known { None } else { Some(apart) };
        if self.known {
            // Whole dates in the prefix need no guess, so nothing was missed.
            match line.stamp {
                Stamp::Clock(_) if apart > 0 => {
                    self.days_skipped = self.days_skipped.saturating_add(apart.unsigned_abs().into());
                }
                _ if apart < 0 => self.days_back = self.days_back.saturating_add(1),
                _ => {}
            }
        }
        self.known = true;
        Dated { at: said, exact, shift_days }
    }

    /// The moment with this time of day from two hours before the latest line to 22 hours after it.
    fn guess(&self, time: Time) -> DateTime {
        let Some(latest) = self.latest else { return self.first.to_datetime(time) };
        let ahead = (second_of_day(time) - second_of_day(latest.time())).rem_euclid(DAY_SECONDS);
        let seconds = if ahead > DAY_SECONDS - BACK_SECONDS { ahead - DAY_SECONDS } else { ahead };
        latest.saturating_add(SignedDuration::from_secs(seconds))
    }
}

/// The day that the message says, if it means the moment of its line.
fn evidence(message: Message<'_>, guess: DateTime) -> Option<Date> {
    match message {
        Message::Day(day) => Some(day),
        Message::Moment(moment) => {
            let ahead = (second_of_day(guess.time()) - second_of_day(moment.time())).rem_euclid(DAY_SECONDS);
            let ahead = if ahead > DAY_SECONDS / 2 { ahead - DAY_SECONDS } else { ahead };
            (ahead.abs() <= MOMENT_SECONDS)
                .then(|| moment.saturating_add(SignedDuration::from_secs(ahead)).date())
        }
        _ => None,
    }
}

fn second_of_day(time: Time) -> i64 {
    i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second())
}

fn days_between(from: Date, to: Date) -> i32 {
    from.until((Unit::Day, to)).map_or(0, |span| span.get_days())
}

/// Moves a civil time by whole days.
pub(super) fn shifted(at: DateTime, days: i32) -> DateTime {
    Span::new().try_days(days).map_or(at, |span| at.saturating_add(span))
}

/// Instants of civil times, in order: they never go back.
#[derive(Debug)]
pub(super) struct Instants {
    zone: TimeZone,
    last: Option<(DateTime, Timestamp)>,
    /// The newest day that had a line.
    day: Option<Date>,
    pub(super) days: u64,
    pub(super) first: Option<Timestamp>,
    /// Lines that stood before their predecessor and are taken at its time, and the furthest that one lay back, in milliseconds.
    pub(super) back: u64,
    pub(super) back_most_ms: i64,
    /// Lines at times that the zone leaves out.
    pub(super) in_gap: u64,
    /// Lines at times that the zone has twice, and those of them that are taken as of the second pass.
    pub(super) in_fold: u64,
    pub(super) in_second_pass: u64,
}

impl Instants {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            last: None,
            day: None,
            days: 0,
            first: None,
            back: 0,
            back_most_ms: 0,
            in_gap: 0,
            in_fold: 0,
            in_second_pass: 0,
        }
    }

    pub(super) fn last(&self) -> Option<Timestamp> {
        self.last.map(|(_, instant)| instant)
    }

    /// The instant of a line.
    pub(super) fn at(&mut self, civil: DateTime, exact: Option<jiff::Timestamp>) -> Timestamp {
        if self.day.is_none_or(|day| civil.date() > day) {
            self.day = Some(civil.date());
            self.days = self.days.saturating_add(1);
        }
        let instant = match (exact, self.last) {
            (Some(instant), _) => Timestamp(instant.as_millisecond()),
            // Many lines to the second are common.
            (None, Some((last, instant))) if last == civil => instant,
            (None, _) => self.resolve(civil),
        };
        let instant = match self.last {
            Some((_, last)) if instant < last => {
                self.back = self.back.saturating_add(1);
                self.back_most_ms = self.back_most_ms.max(last.0.saturating_sub(instant.0));
                last
            }
            _ => instant,
        };
        self.first.get_or_insert(instant);
        self.last = Some((civil, instant));
        instant
    }

    fn resolve(&mut self, civil: DateTime) -> Timestamp {
        let ambiguous = self.zone.to_ambiguous_timestamp(civil);
        let resolved = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => ambiguous.compatible(),
            AmbiguousOffset::Gap { .. } => {
                self.in_gap = self.in_gap.saturating_add(1);
                ambiguous.compatible()
            }
            AmbiguousOffset::Fold { .. } => {
                self.in_fold = self.in_fold.saturating_add(1);
                let second = ambiguous.later();
                if second.as_ref().is_ok_and(|second| self.in_second(civil, *second)) {
                    self.in_second_pass = self.in_second_pass.saturating_add(1);
                    second
                } else {
                    ambiguous.earlier()
                }
            }
        };
        resolved.map_or_else(
            |_| self.last.map_or(Timestamp(0), |(_, at)| at),
            |at| Timestamp(at.as_millisecond()),
        )
    }

    /// Whether a line in a repeated hour is of the second pass, where it would be at `second`: the one before it was, or it
    /// steps back from one of the first pass.
    fn in_second(&self, civil: DateTime, second: jiff::Timestamp) -> bool {
        let Some((last, instant)) = self.last else { return false };
        let behind = second.saturating_add(SignedDuration::from_secs(1)).ok();
        let set_back = behind.and_then(|behind| self.zone.preceding(behind).next());
        let passed = set_back.is_some_and(|change| instant.0 >= change.timestamp().as_millisecond());
        passed || last.duration_until(civil).as_secs() < -SECOND_PASS_SECONDS
    }
}
