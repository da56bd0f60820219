//! Time as the core sees it: UTC instants for the history, elapsed time for leases, civil dates for license lines, and
//! the measured difference between two clocks. Nothing here reads a clock; trait [`Clock`] is implemented in `platform`.

mod date;
mod mark;
mod skew;

pub use date::{CivilDate, DateError};
pub use mark::{ClockNews, Standing, TOLERANCE_MS, TimeMark};
pub use skew::{Skew, SkewLimits, SkewVerdict};

use std::fmt;
use std::time::Duration;

/// A UTC instant in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// From whole seconds since 1970.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// As RFC 3339 in UTC, cut to the second: `2026-12-05T14:00:00Z`.
    #[must_use]
    pub fn whole_seconds(self) -> String {
        format!("{:.0}", self.in_calendar())
    }

    /// The nearest instant that has a date: a clock may stand beyond the calendar, and what is printed stays a date.
    fn in_calendar(self) -> jiff::Timestamp {
        let end = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(end)
    }

    /// This instant plus a span.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.in_calendar())
    }
}

/// Elapsed time of one process in milliseconds; means nothing to another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// This instant plus a span.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long ago `earlier` was; zero if it was not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// One moment on both clocks, handed to every engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// What the wall clock says, in UTC.
    pub utc: Timestamp,
    /// What the elapsed-time clock says.
    pub mono: Monotonic,
}

/// One look at the clocks that tell how long a machine has run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// What the wall clock says, in UTC.
    pub utc: Timestamp,
    /// Names the boot of the machine.
    pub boot: [u8; 16],
    /// Milliseconds since that boot, those in which the machine slept too.
    pub elapsed_ms: u64,
}

/// By what time license lines are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LicenseTime {
    /// The time.
    pub utc: Timestamp,
    /// Whether it can be trusted, so that lines that expire are served.
    pub trusted: bool,
}

impl From<Timestamp> for LicenseTime {
    fn from(utc: Timestamp) -> Self {
        Self { utc, trusted: true }
    }
}

/// Where shells get the time from; tests put in their own.
pub trait Clock: Send + Sync {
    /// The present moment on both clocks.
    fn now(&self) -> Now;

    /// What the clocks of the machine say. One without suspends and boots has nothing more to tell than the time.
    fn look(&self) -> Look {
        let Now { utc, mono } = self.now();
        Look { utc, boot: [0; 16], elapsed_ms: mono.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_a_date_wherever_the_clock_stands() {
        for (time, text) in [
            (Timestamp(0), "1970-01-01T00:00:00.000Z"),
            (Timestamp(i64::MAX), "9999-12-30T22:00:00.999Z"),
            (Timestamp(i64::MIN), "-009999-01-02T01:59:59.000Z"),
        ] {
            assert_eq!(time.to_string(), text);
        }
        assert_eq!(Timestamp(1_781_611_200_999).whole_seconds(), "2026-06-16T12:00:00Z");
    }
}
