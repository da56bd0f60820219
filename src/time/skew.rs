//! The difference between a client's clock and the server's (DESIGN section 6). Both are UTC, so zones do not matter.

use std::fmt;
use std::time::Duration;

use super::Timestamp;

/// A measured difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skew {
    /// Client time minus server time, in milliseconds.
    pub client_ahead_ms: i64,
}

/// From which differences on checkouts and borrows are refused. A difference equal to a limit is still allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkewLimits {
    /// Above this: `Destination unreachable`.
    pub unreachable: Duration,
    /// Above this: `Message expired`.
    pub expired: Duration,
}

impl Default for SkewLimits {
    fn default() -> Self {
        Self { unreachable: Duration::from_secs(5 * 60), expired: Duration::from_secs(10 * 60) }
    }
}

/// What the limits say of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkewVerdict {
    /// Within the limits.
    Fine,
    /// More than the first limit.
    Unreachable,
    /// More than the second limit.
    Expired,
}

impl Skew {
    /// Measures.
    #[must_use]
    pub const fn between(client: Timestamp, server: Timestamp) -> Self {
        Self { client_ahead_ms: client.0.saturating_sub(server.0) }
    }

    /// Judges the difference.
    #[must_use]
    pub fn verdict(self, limits: SkewLimits) -> SkewVerdict {
        let apart = u128::from(self.client_ahead_ms.unsigned_abs());
        if apart > limits.expired.as_millis() {
            SkewVerdict::Expired
        } else if apart > limits.unreachable.as_millis() {
            SkewVerdict::Unreachable
        } else {
            SkewVerdict::Fine
        }
    }
}

impl fmt::Display for Skew {
    /// Such as `client clock is 6 min 12 s ahead of the server's`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.client_ahead_ms.unsigned_abs() / 1000;
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        f.write_str("client clock is ")?;
        if days > 0 {
            write!(f, "{days} d {hours} h ")?;
        } else if hours > 0 {
            write!(f, "{hours} h {minutes} min ")?;
        } else {
            write!(f, "{minutes} min {} s ", seconds % 60)?;
        }
        f.write_str(if self.client_ahead_ms < 0 { "behind the server's" } else { "ahead of the server's" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(client_ahead_ms: i64) -> SkewVerdict {
        Skew { client_ahead_ms }.verdict(SkewLimits::default())
    }

    #[test]
    fn limits_hold_on_both_sides_to_the_millisecond() {
        for sign in [1, -1] {
            assert_eq!(verdict(sign * 300_000), SkewVerdict::Fine);
            assert_eq!(verdict(sign * 300_001), SkewVerdict::Unreachable);
            assert_eq!(verdict(sign * 600_000), SkewVerdict::Unreachable);
            assert_eq!(verdict(sign * 600_001), SkewVerdict::Expired);
        }
        assert_eq!(verdict(i64::MIN), SkewVerdict::Expired);
    }

    #[test]
    fn says_who_is_ahead() {
        assert_eq!(
            Skew { client_ahead_ms: 372_000 }.to_string(),
            "client clock is 6 min 12 s ahead of the server's"
        );
        assert_eq!(
            Skew { client_ahead_ms: -7_200_000 }.to_string(),
            "client clock is 2 h 0 min behind the server's"
        );
    }
}
