//! What the server makes of the client's clock (DESIGN section 6).

use crate::code::{Code, minor};
use crate::event::Denial;
use crate::time::{Skew, SkewLimits, SkewVerdict, Timestamp};

/// The refusal of a checkout or of a new session for a client whose clock is too far from the server's; none within
/// the limits. Both times are UTC, so zones do not matter. The note names the measured difference.
#[must_use]
pub fn clock_denial(client: Timestamp, server: Timestamp, limits: SkewLimits) -> Option<Denial> {
    let skew = Skew::between(client, server);
    let (limit, minor) = match skew.verdict(limits) {
        SkewVerdict::Fine => return None,
        SkewVerdict::Unreachable => (limits.unreachable, minor::CLOCK_UNREACHABLE),
        SkewVerdict::Expired => (limits.expired, minor::CLOCK_EXPIRED),
    };
    let seconds = limit.as_secs();
    let note = match (seconds / 60, seconds % 60) {
        (minutes, 0) => format!("{skew}; more than {minutes} min is refused"),
        _ => format!("{skew}; more than {seconds} s is refused"),
    };
    Some(Denial::new(Code::ClockDifference, minor, &note))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn denial(client_ms: i64) -> Option<Denial> {
        let server = Timestamp(1_800_000_000_000);
        clock_denial(Timestamp(server.0 + client_ms), server, SkewLimits::default())
    }

    #[test]
    fn dom_94_five_minutes_are_allowed_and_a_millisecond_more_is_not() {
        assert_eq!(denial(300_000), None);
        assert_eq!(denial(-300_000), None);
        for ms in [300_001, -300_001, 600_000, -600_000] {
            let denial = denial(ms).unwrap();
            assert_eq!(denial.to_string(), "Destination unreachable. (-34,303)");
        }
    }

    #[test]
    fn dom_94_ten_minutes_are_unreachable_and_a_millisecond_more_is_expired() {
        for ms in [600_001, -600_001] {
            assert_eq!(denial(ms).unwrap().to_string(), "Message expired. (-34,304)");
        }
        assert_eq!(
            &*denial(-725_000).unwrap().note,
            "client clock is 12 min 5 s behind the server's; more than 10 min is refused"
        );
    }

    #[test]
    fn a_limit_of_the_site_is_named_as_it_was_set() {
        let limits = SkewLimits { unreachable: Duration::from_secs(30), expired: Duration::from_secs(90) };
        let note = |ms| clock_denial(Timestamp(ms), Timestamp(0), limits).unwrap().note;
        assert_eq!(
            &*note(31_000),
            "client clock is 0 min 31 s ahead of the server's; more than 30 s is refused"
        );
        assert_eq!(
            &*note(91_000),
            "client clock is 1 min 31 s ahead of the server's; more than 90 s is refused"
        );
    }
}
