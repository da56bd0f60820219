//! The real clocks.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::time::{Clock, Look, Monotonic, Now, Timestamp};

/// Names this boot of the machine, on Linux.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Reads the machine's wall clock and its elapsed-time clock.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Elapsed time counts from here.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let mono = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { utc: utc(), mono: Monotonic(mono) }
    }

    fn look(&self) -> Look {
        Look { utc: utc(), boot: boot(), elapsed_ms: since_boot_ms() }
    }
}

fn utc() -> Timestamp {
    Timestamp(match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    })
}

/// Names this boot; all zero where the system does not tell, and every boot looks the same.
fn boot() -> [u8; 16] {
    // No process outlives its boot.
    static BOOT: OnceLock<[u8; 16]> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let text = std::fs::read_to_string(BOOT_ID).unwrap_or_default();
        let digits: String = text.trim().chars().filter(|character| *character != '-').collect();
        u128::from_str_radix(&digits, 16).map_or([0; 16], u128::to_be_bytes)
    })
}

/// Milliseconds since the machine has started, those in which it slept too; 0 where it does not tell.
#[allow(unsafe_code, reason = "by the C library: it can be interposed, the vdso that rustix calls can't")]
fn since_boot_ms() -> u64 {
    #[cfg(target_os = "linux")]
    const CLOCK: libc::clockid_t = libc::CLOCK_BOOTTIME;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid timespec for the whole call, which writes there and nowhere else.
    if unsafe { libc::clock_gettime(CLOCK, &raw mut now) } != 0 {
        return 0;
    }
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    part(now.tv_sec).saturating_mul(1000).saturating_add(part(now.tv_nsec) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_tells_of_this_boot() {
        let clock = SystemClock::new();
        let (first, second) = (clock.look(), clock.look());
        assert_ne!(first.boot, [0; 16]);
        assert_eq!(first.boot, second.boot);
        assert!(0 < first.elapsed_ms && first.elapsed_ms <= second.elapsed_ms);
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = uptime.split_whitespace().next().unwrap().parse().unwrap();
        assert!((uptime * 1000.0 - first.elapsed_ms as f64).abs() < 60_000.0, "{uptime}");
    }
}
