//! What the debug log says of the machine's clocks.

use crate::event::{ClockAccepted, Marked};
use crate::text::counted;
use crate::time::ClockNews;

/// Messages about the clock, if anything is new: `CLOCK: ` and what it is, then what follows from it.
#[must_use]
pub fn clock(marked: &Marked) -> Vec<String> {
    let mark = &marked.mark;
    let (clock, time, by) = (mark.at.utc, mark.mark, span(mark.ahead_ms()));
    match marked.news {
        ClockNews::Nothing | ClockNews::Set => Vec::new(),
        ClockNews::SetBack => vec![
            format!("CLOCK: set back: {clock} is {by} behind the time mark {time}"),
            "NOTE: licenses that expire are refused (-88) until the clock is set right, or lmutil lmclock accept says \
             that it is right"
                .to_owned(),
        ],
        ClockNews::Jumped => vec![
            format!("CLOCK: ahead: {clock} is {by} ahead of the time mark {time}"),
            format!(
                "NOTE: nothing that ends by itself ends on that evidence; the clock is believed in {}, or when lmutil \
                 lmclock accept says that it is right",
                span(mark.unconfirmed_ms())
            ),
        ],
        ClockNews::Near => vec![format!("CLOCK: near the time mark {time} again")],
        ClockNews::Confirmed => vec![format!("CLOCK: elapsed time confirms {time}")],
    }
}

/// `CLOCK: accepted by ann@ws01: the time mark is 2026-..., it was 2036-...`.
#[must_use]
pub fn clock_accepted(accepted: &ClockAccepted) -> String {
    let ClockAccepted { by, before, mark } = accepted;
    format!("CLOCK: accepted by {by}: the time mark is {}, it was {before}", mark.mark)
}

/// A span of milliseconds as people say it, without its sign: `3 days`, `25 hours`, `90 s`.
#[must_use]
pub fn span(ms: i64) -> String {
    let seconds = (ms.unsigned_abs().saturating_add(500)) / 1000;
    let (number, unit) = match seconds {
        0..=600 => return format!("{seconds} s"),
        601..=7200 => (seconds / 60, "minute"),
        7201..=259_200 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    counted(number, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_one_unit() {
        let hour = 3_600_000;
        let told = [0, -90_000, hour, -25 * hour, 73 * hour, 24 * 400 * hour].map(span);
        assert_eq!(told, ["0 s", "90 s", "60 minutes", "25 hours", "3 days", "400 days"]);
    }
}
