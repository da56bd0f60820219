//! When a vendor daemon that died is started again (`flexnet-tools.md` 1.6).

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Monotonic;

/// How often, and how soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// Wait before the first restart; each further one within [`Self::window`] waits twice as long.
    pub first: Duration,
    /// Longest wait.
    pub longest: Duration,
    /// Restarts within the window after which the vendor daemon is left down; 0 means never.
    pub limit: u32,
    /// How long a restart counts.
    pub window: Duration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            limit: 10,
            window: Duration::from_secs(600),
        }
    }
}

/// What follows a death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Start it again after this wait.
    After(Duration),
    /// Leave it down.
    GiveUp,
}

/// The restarts of one vendor daemon.
#[derive(Debug, Clone)]
pub struct Restarts {
    policy: RestartPolicy,
    recent: VecDeque<Monotonic>,
}

impl Restarts {
    /// None yet.
    #[must_use]
    pub fn new(policy: RestartPolicy) -> Self {
        Self { policy, recent: VecDeque::new() }
    }

    /// The daemon died now.
    pub fn died(&mut self, now: Monotonic) -> Next {
        while self.recent.front().is_some_and(|then| now.since(*then) >= self.policy.window) {
            self.recent.pop_front();
        }
        let count = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
        if self.policy.limit != 0 && count >= self.policy.limit {
            return Next::GiveUp;
        }
        // Without a limit the list would grow with every death; 32 doublings are more than any wait needs.
        if self.recent.len() >= 32.max(usize::try_from(self.policy.limit).unwrap_or(32)) {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
        let wait = self.policy.first.saturating_mul(2_u32.saturating_pow(count.min(31)));
        Next::After(wait.min(self.policy.longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Monotonic {
        Monotonic(seconds * 1000)
    }

    #[test]
    fn waits_double_up_to_a_minute_and_end_after_ten() {
        let mut restarts = Restarts::new(RestartPolicy::default());
        let waits: Vec<Next> = (0..11).map(|n| restarts.died(at(n))).collect();
        let seconds = [1, 2, 4, 8, 16, 32, 60, 60, 60, 60].map(|s| Next::After(Duration::from_secs(s)));
        assert_eq!(waits[..10], seconds);
        assert_eq!(waits[10], Next::GiveUp);
    }

    #[test]
    fn deaths_are_forgotten_after_ten_minutes() {
        let mut restarts = Restarts::new(RestartPolicy::default());
        for n in 0..10 {
            assert_ne!(restarts.died(at(n)), Next::GiveUp);
        }
        assert_eq!(restarts.died(at(609)), Next::After(Duration::from_secs(1)));
    }

    #[test]
    fn without_a_limit_it_never_ends() {
        let mut restarts = Restarts::new(RestartPolicy {
            limit: 0,
            longest: Duration::from_secs(2),
            ..RestartPolicy::default()
        });
        for n in 0..1000 {
            assert_ne!(restarts.died(at(n)), Next::GiveUp);
        }
        assert!(restarts.recent.len() <= 32);
    }
}
