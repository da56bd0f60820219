//! How far time has come on this machine, as far as its borrows have seen (`domain.md` TIME-6).

use crate::time::{Look, TOLERANCE_MS, Timestamp};

/// The latest time that was seen, and the clock that counts from the boot at that moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// That time.
    pub latest: Timestamp,
    /// Which boot.
    pub boot: [u8; 16],
    /// Milliseconds since it.
    pub elapsed_ms: u64,
}

impl Mark {
    /// From a first look.
    #[must_use]
    pub const fn new(look: Look) -> Self {
        Self { latest: look.utc, boot: look.boot, elapsed_ms: look.elapsed_ms }
    }

    /// The mark after another look. It never falls, and within one boot it rises with elapsed time at least: a clock that is set back
    /// again and again within what is tolerated gains nothing.
    #[must_use]
    pub fn look(&self, look: Look) -> Self {
        let same_boot = look.boot == self.boot && look.elapsed_ms >= self.elapsed_ms;
        let passed = if same_boot { look.elapsed_ms - self.elapsed_ms } else { 0 };
        let least = self.latest.0.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX));
        Self { latest: Timestamp(least.max(look.utc.0)), ..Self::new(look) }
    }

    /// Whether a wall clock is more than a day behind.
    #[must_use]
    pub const fn is_set_back(&self, utc: Timestamp) -> bool {
        self.latest.0.saturating_sub(utc.0) > TOLERANCE_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;

    fn look(utc: i64, boot: u8, elapsed: i64) -> Look {
        Look { utc: Timestamp(utc), boot: [boot; 16], elapsed_ms: elapsed.unsigned_abs() }
    }

    #[test]
    fn one_day_back_is_tolerated_and_a_millisecond_more_is_not() {
        let mark = Mark::new(look(100 * DAY, 1, HOUR)).look(look(99 * DAY, 1, HOUR));
        assert_eq!(mark.latest, Timestamp(100 * DAY));
        assert!(!mark.is_set_back(Timestamp(99 * DAY)));
        assert!(mark.is_set_back(Timestamp(99 * DAY - 1)));
    }

    #[test]
    fn setting_it_back_again_and_again_gains_nothing() {
        let mut mark = Mark::new(look(100 * DAY, 1, HOUR));
        mark = mark.look(look(100 * DAY, 1, 21 * HOUR));
        assert_eq!(mark.latest, Timestamp(100 * DAY + 20 * HOUR));
        assert!(!mark.is_set_back(Timestamp(100 * DAY)));
        mark = mark.look(look(100 * DAY, 1, 41 * HOUR));
        assert!(mark.is_set_back(Timestamp(100 * DAY)));
    }

    #[test]
    fn after_a_boot_only_the_wall_clock_tells() {
        let mark = Mark::new(look(100 * DAY, 1, 50 * HOUR)).look(look(103 * DAY, 2, 0));
        assert_eq!(mark.latest, Timestamp(103 * DAY));
        assert!(mark.look(look(101 * DAY, 3, 0)).is_set_back(Timestamp(101 * DAY)));
    }
}
