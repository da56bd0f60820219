//! How far time has come, as far as elapsed time confirms it (`domain.md` section 6).
//!
//! Wall clocks are set by hand, by batteries that die and by servers that err; the clock that counts from the machine's boot
//! is not. The mark follows the wall clock as long as both agree. A wall clock that is set forward is believed when it has
//! run on for as long as it was set forward; one that is set back never turns the mark back.

use super::{Look, Timestamp};

/// How far the wall clock may be from the mark without consequences: one day (TIME-5).
pub const TOLERANCE_MS: i64 = 86_400_000;

/// A wall clock that moves by more than this against elapsed time was set.
const STEP_MS: i64 = 60_000;

/// The mark follows the wall clock within one part of so many of elapsed time, so that the errors of two quartzes do not add up.
const SLEW: u64 = 1000;

/// DECISION: after the machine was off, nobody knows for how long, a wall clock that is ahead is believed when it has run on
/// for as long as it is ahead, or for a day.
const AFTER_BOOT_MS: i64 = TOLERANCE_MS;

/// The latest time that elapsed time confirms, and what it was reckoned by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeMark {
    /// That time.
    pub mark: Timestamp,
    /// The look at the clocks that it was reckoned by.
    pub at: Look,
    /// Since when the wall clock has run on without being set, in milliseconds since the boot.
    pub steady_ms: u64,
    /// Whether the machine was off since wall clock and mark last agreed: more time has passed than is known.
    pub off: bool,
}

/// Where the wall clock is with regard to the mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// At most a day from it.
    Near,
    /// More than a day ahead: nothing confirms it yet.
    Ahead,
    /// More than a day behind.
    SetBack,
}

/// What a look has found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClockNews {
    /// Nothing; it is recorded so that little is lost when the machine stops.
    Nothing,
    /// The wall clock is more than a day ahead.
    Jumped,
    /// The wall clock is more than a day behind.
    SetBack,
    /// The wall clock is at most a day away again.
    Near,
    /// The wall clock was ahead, and has run on for so long that it is believed.
    Confirmed,
    /// The wall clock was set, and is at most a day away.
    Set,
}

fn ms(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl TimeMark {
    /// From a first look, which there is nothing to compare with, or one that somebody answers for.
    #[must_use]
    pub const fn new(look: Look) -> Self {
        Self { mark: look.utc, at: look, steady_ms: look.elapsed_ms, off: false }
    }

    /// The mark after another look, and what is new.
    #[must_use]
    pub fn look(&self, look: Look) -> (Self, ClockNews) {
        let same_boot = look.boot == self.at.boot && look.elapsed_ms >= self.at.elapsed_ms;
        let passed = if same_boot { look.elapsed_ms - self.at.elapsed_ms } else { 0 };
        let (passed_ms, slack) = (ms(passed), ms(passed / SLEW));
        let step = look.utc.0.saturating_sub(self.at.utc.0).saturating_sub(passed_ms);
        let was_set = !same_boot || step.saturating_abs() > STEP_MS;
        let confirmed = self.mark.0.saturating_add(passed_ms);
        let followed = look.utc.0.clamp(confirmed.saturating_sub(slack), confirmed.saturating_add(slack));
        let mut next = Self {
            mark: Timestamp(followed),
            at: look,
            steady_ms: if was_set { look.elapsed_ms } else { self.steady_ms },
            off: self.off || !same_boot,
        };
        let ahead = next.ahead_ms();
        let steady = ms(look.elapsed_ms.saturating_sub(next.steady_ms));
        let believed = ahead > 0 && steady >= next.needed_ms();
        if believed {
            // What has confirmed this much confirms no more.
            (next.mark, next.steady_ms) = (look.utc, look.elapsed_ms);
        }
        if next.ahead_ms().saturating_abs() <= STEP_MS {
            next.off = false;
        }
        let news = match (self.standing(), next.standing()) {
            (Standing::Near | Standing::SetBack, Standing::Ahead) => ClockNews::Jumped,
            (Standing::Near | Standing::Ahead, Standing::SetBack) => ClockNews::SetBack,
            _ if believed && ahead > STEP_MS => ClockNews::Confirmed,
            (Standing::Ahead | Standing::SetBack, Standing::Near) => ClockNews::Near,
            _ if was_set && same_boot => ClockNews::Set,
            _ => ClockNews::Nothing,
        };
        (next, news)
    }

    /// By how much the wall clock is ahead of the mark, or behind if negative.
    #[must_use]
    pub const fn ahead_ms(&self) -> i64 {
        self.at.utc.0.saturating_sub(self.mark.0)
    }

    /// For how long a wall clock that is ahead must run on before it is believed.
    const fn needed_ms(&self) -> i64 {
        let ahead = self.ahead_ms();
        if self.off && ahead > AFTER_BOOT_MS { AFTER_BOOT_MS } else { ahead }
    }

    /// How much longer a wall clock that is ahead must run on before it is believed; 0 if it is not ahead.
    #[must_use]
    pub fn unconfirmed_ms(&self) -> i64 {
        let steady = ms(self.at.elapsed_ms.saturating_sub(self.steady_ms));
        self.needed_ms().saturating_sub(steady).max(0)
    }

    /// Where the wall clock was at the last look.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        let ahead = self.ahead_ms();
        if ahead > TOLERANCE_MS {
            Standing::Ahead
        } else if ahead < -TOLERANCE_MS {
            Standing::SetBack
        } else {
            Standing::Near
        }
    }

    /// The mark at a time of the wall clock that was not set since the last look: it rises as that goes on.
    #[must_use]
    pub fn at(&self, utc: Timestamp) -> Timestamp {
        Timestamp(self.mark.0.saturating_add(utc.0.saturating_sub(self.at.utc.0).max(0)))
    }

    /// Where a time of the wall clock is.
    #[must_use]
    pub fn standing_at(&self, utc: Timestamp) -> Standing {
        Self { mark: self.at(utc), at: Look { utc, ..self.at }, ..*self }.standing()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;
    const BEGIN: i64 = 1_800_000_000_000;

    /// A machine that is looked at each hour.
    #[derive(Clone)]
    struct Machine {
        look: Look,
        mark: TimeMark,
        news: Vec<ClockNews>,
    }

    impl Machine {
        fn new() -> Self {
            let look = Look { utc: Timestamp(BEGIN), boot: [1; 16], elapsed_ms: 5_000_000 };
            Self { look, mark: TimeMark::new(look), news: Vec::new() }
        }

        fn looked(&mut self) {
            let (mark, news) = self.mark.look(self.look);
            self.mark = mark;
            if news != ClockNews::Nothing {
                self.news.push(news);
            }
        }

        fn pass(&mut self, mut ms: i64) -> &mut Self {
            while ms > 0 {
                let part = ms.min(HOUR);
                self.look.utc.0 += part;
                self.look.elapsed_ms += part.unsigned_abs();
                self.looked();
                ms -= part;
            }
            self
        }

        fn set(&mut self, by: i64) -> &mut Self {
            self.look.utc.0 += by;
            self.looked();
            self
        }

        fn off(&mut self, ms: i64) -> &mut Self {
            self.look.boot[0] += 1;
            self.look.elapsed_ms = 20_000;
            self.set(ms)
        }

        /// How far the mark has come, in milliseconds.
        fn come(&self) -> i64 {
            self.mark.mark.0 - BEGIN
        }
    }

    #[test]
    fn the_mark_rises_with_the_clock() {
        let mut machine = Machine::new();
        machine.pass(400 * DAY);
        assert_eq!((machine.come(), machine.news.len()), (400 * DAY, 0));
    }

    #[test]
    fn set_back_by_a_day_is_near_and_a_second_more_is_not() {
        let mut machine = Machine::new();
        machine.pass(30 * DAY).set(-DAY);
        assert_eq!(machine.mark.standing(), Standing::Near);
        machine.set(-1000);
        assert_eq!(machine.mark.standing(), Standing::SetBack);
        assert_eq!(machine.news, [ClockNews::Set, ClockNews::SetBack]);
        machine.set(DAY + 1000);
        assert_eq!(machine.news.last(), Some(&ClockNews::Near));
        assert_eq!(machine.come(), 30 * DAY);
    }

    #[test]
    fn setting_it_back_again_and_again_within_a_day_gains_nothing() {
        let mut machine = Machine::new();
        machine.pass(DAY).set(-20 * HOUR).pass(20 * HOUR).set(-20 * HOUR);
        assert_eq!(machine.mark.standing(), Standing::SetBack);
        assert!((machine.come() - DAY - 20 * HOUR).abs() <= 2 * 60_000, "{}", machine.come());
    }

    #[test]
    fn a_year_wrongly_ahead_and_back_leaves_the_mark_as_it_was() {
        let mut machine = Machine::new();
        machine.pass(3 * DAY).set(3650 * DAY);
        assert_eq!(machine.news, [ClockNews::Jumped]);
        machine.pass(20 * DAY).set(-3650 * DAY);
        assert_eq!(machine.news, [ClockNews::Jumped, ClockNews::Near]);
        assert!((machine.come() - 23 * DAY).abs() < 31 * 60_000, "{}", machine.come());
        assert_eq!(machine.mark.standing(), Standing::Near);
    }

    #[test]
    fn a_clock_that_is_ahead_is_believed_when_as_much_time_has_passed() {
        let mut machine = Machine::new();
        machine.set(2 * DAY).pass(2 * DAY - HOUR);
        assert_eq!(machine.news, [ClockNews::Jumped]);
        machine.pass(HOUR);
        assert_eq!(machine.news, [ClockNews::Jumped, ClockNews::Confirmed]);
        assert_eq!(machine.come(), 4 * DAY);
    }

    #[test]
    fn after_a_month_off_the_clock_is_believed_after_a_day() {
        let mut machine = Machine::new();
        machine.pass(DAY).off(30 * DAY);
        assert_eq!((machine.mark.standing(), machine.mark.unconfirmed_ms()), (Standing::Ahead, DAY));
        machine.pass(23 * HOUR);
        assert_eq!(machine.mark.standing(), Standing::Ahead);
        machine.pass(HOUR);
        assert_eq!((machine.mark.standing(), machine.come()), (Standing::Near, 32 * DAY));
        assert!(!machine.mark.off);
    }

    #[test]
    fn a_dead_battery_is_set_back_until_the_clock_is_right() {
        let mut machine = Machine::new();
        machine.pass(DAY).off(-BEGIN);
        assert_eq!(machine.mark.standing(), Standing::SetBack);
        machine.pass(HOUR).set(BEGIN + 3 * DAY);
        // Three days off, of which nobody knows.
        assert_eq!((machine.mark.standing(), machine.mark.off), (Standing::Ahead, true));
        machine.pass(DAY);
        assert_eq!(machine.mark.standing(), Standing::Near);
    }

    #[test]
    fn a_suspended_machine_is_in_step() {
        let mut machine = Machine::new();
        machine.look.utc.0 += 9 * DAY;
        machine.look.elapsed_ms += (9 * DAY).unsigned_abs();
        machine.looked();
        assert_eq!((machine.come(), machine.news.len()), (9 * DAY, 0));
    }

    #[test]
    fn small_differences_heal() {
        let mut machine = Machine::new();
        machine.set(-30_000).pass(2 * DAY);
        assert_eq!(machine.mark.ahead_ms(), 0);
        machine.set(30_000).pass(HOUR);
        assert_eq!(machine.mark.ahead_ms(), 0);
    }

    #[derive(Debug, Clone)]
    enum Act {
        Pass(i64),
        Set(i64),
        Off(i64),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            (0..40 * HOUR).prop_map(Act::Pass),
            (-3 * DAY..3 * DAY).prop_map(Act::Set),
            (-100_000_i64..100_000).prop_map(Act::Set),
            (-4000 * DAY..4000 * DAY).prop_map(Act::Set),
            (-DAY..40 * DAY).prop_map(Act::Off),
        ];
        proptest::collection::vec(act, 1..40)
    }

    proptest! {
        /// Within one boot the mark rises at most by what has passed, and by what was confirmed in as much time; it never
        /// falls, and never comes before the time that has passed.
        #[test]
        fn nothing_raises_the_mark_but_elapsed_time(acts in acts()) {
            let mut machine = Machine::new();
            let mut passed = 0;
            for act in acts {
                let before = machine.mark.mark;
                match act {
                    Act::Pass(ms) => { machine.pass(ms); passed += ms }
                    Act::Set(by) => { machine.set(by); }
                    Act::Off(_) => {}
                }
                prop_assert!(machine.mark.mark >= before);
                prop_assert!(machine.come() <= 2 * passed + passed / 1000);
                prop_assert!(machine.come() >= passed - passed / 1000 - 1);
            }
        }

        /// Forward and back inside a day, over and over: the clock is never far, and the mark is right afterwards if the clock
        /// was wrong for less long than by how much.
        #[test]
        fn forward_and_back_inside_a_day_does_no_harm(steps in proptest::collection::vec((0..DAY, 0..HOUR), 1..20)) {
            let mut machine = Machine::new();
            for (by, wrong) in steps {
                machine.set(by);
                prop_assert_eq!(machine.mark.standing(), Standing::Near);
                machine.pass(wrong.min(by - by / 100)).set(-by).pass(5 * DAY);
                prop_assert_eq!(machine.mark.standing(), Standing::Near);
                prop_assert!(machine.mark.ahead_ms().abs() < 60_000);
            }
        }

        /// Whatever happens, also over boots: it never falls, and a day on a machine that is left alone makes it agree with a clock
        /// that is ahead by no more, or that was so after the machine was off.
        #[test]
        fn the_mark_never_falls(acts in acts()) {
            let mut machine = Machine::new();
            for act in acts {
                let before = machine.mark.mark;
                match act {
                    Act::Pass(ms) => { machine.pass(ms); }
                    Act::Set(by) => { machine.set(by); }
                    Act::Off(ms) => { if machine.look.boot[0] < 250 { machine.off(ms); } }
                }
                prop_assert!(machine.mark.mark >= before);
            }
            if machine.mark.ahead_ms() > 0 && (machine.mark.off || machine.mark.standing() == Standing::Near) {
                machine.pass(DAY);
                prop_assert!(machine.mark.ahead_ms() <= 60_000);
            }
        }
    }
}
