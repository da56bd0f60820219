//! A machine whose clocks a test can move, for the processes that run on it (see `moved_clock.c`).
//!
//! ```ignore
//! let Some(clock) = MovedClock::new() else { return };     // no C compiler: nothing is tested
//! let daemon = Daemon::start(license, state, &[], |command| clock.rule(command))?;   // any process: client, lmutil
//! clock.set(hours(-25));              // somebody sets the wall clock; time does not pass
//! clock.pass(hours(30));              // time passes, for all clocks: 30 hours later
//! clock.suspend(hours(2));            // the machine sleeps: CLOCK_MONOTONIC stands still, the others go on
//! daemon.stop(); clock.boot_after(days(30));   // the machine is off for so long, and starts
//! wire.hello("ann", Purpose::New, clock.now());   // what the moved wall clock says
//! ```
//!
//! Two clocks are two machines. A process that sleeps is not woken when the clocks move, as its timer is the kernel's: wake it
//! by asking it something. What a daemon prints of times, and LM tools that run without [`MovedClock::rule`], go by their own clock.
#![allow(dead_code, reason = "each test binary uses its part of the support")]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use seatkeeper::time::Timestamp;

const WALL: u64 = 0;
const ELAPSED: u64 = 8;
const MONOTONIC: u64 = 16;
const BOOT: u64 = 24;
const STOPPED: u64 = 32;

/// The clocks of one machine.
pub(crate) struct MovedClock {
    shim: PathBuf,
    dir: tempfile::TempDir,
    moves: File,
}

/// So many hours in milliseconds.
pub(crate) const fn hours(hours: i64) -> i64 {
    hours * 3_600_000
}

/// So many days in milliseconds.
pub(crate) const fn days(days: i64) -> i64 {
    hours(24 * days)
}

impl MovedClock {
    /// Clocks that go as those of this machine, so far. None, and a word about it, where there is no C compiler to build the shim.
    pub(crate) fn new() -> Option<Self> {
        static SHIM: OnceLock<Option<PathBuf>> = OnceLock::new();
        let shim = SHIM.get_or_init(|| crate::shim::library("moved_clock")).clone()?;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("moves");
        std::fs::write(&path, [0; 40]).unwrap();
        let moves = File::options().read(true).write(true).open(path).unwrap();
        Some(Self { shim, dir, moves })
    }

    /// Lets `command` go by these clocks.
    pub(crate) fn rule(&self, command: &mut Command) {
        let [_, moves] = self.variables();
        crate::shim::preload(command, &self.shim);
        command.envs([moves]);
    }

    /// What lets a process and its children go by these clocks.
    pub(crate) fn variables(&self) -> [(&'static str, PathBuf); 2] {
        [("LD_PRELOAD", self.shim.clone()), ("MOVED_CLOCK", self.dir.path().join("moves"))]
    }

    /// What the wall clock says.
    pub(crate) fn now(&self) -> Timestamp {
        match self.get(STOPPED) {
            0 => Timestamp(crate::daemon::now().0 + self.get(WALL)),
            at => Timestamp(at),
        }
    }

    /// The wall clock stands still from now on, to be compared with to the millisecond. It is not to be moved any more.
    pub(crate) fn stop(&self) {
        self.put(STOPPED, self.now().0);
    }

    /// Somebody sets the wall clock forward by so many milliseconds, or back.
    pub(crate) fn set(&self, by_ms: i64) {
        self.add(WALL, by_ms);
    }

    /// So many milliseconds pass.
    pub(crate) fn pass(&self, ms: i64) {
        self.add(MONOTONIC, ms);
        self.suspend(ms);
    }

    /// The machine sleeps for so many milliseconds.
    pub(crate) fn suspend(&self, ms: i64) {
        self.add(ELAPSED, ms);
        self.add(WALL, ms);
    }

    /// The machine was off for so many milliseconds and has started a moment ago. Its processes must have ended.
    pub(crate) fn boot_after(&self, off_ms: i64) {
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let seconds: i64 = uptime.split('.').next().unwrap().parse().unwrap();
        self.put(ELAPSED, -1000 * seconds);
        self.add(WALL, off_ms);
        self.add(BOOT, 1);
    }

    fn get(&self, at: u64) -> i64 {
        let mut bytes = [0; 8];
        self.moves.read_exact_at(&mut bytes, at).unwrap();
        i64::from_ne_bytes(bytes)
    }

    fn put(&self, at: u64, value: i64) {
        self.moves.write_all_at(&value.to_ne_bytes(), at).unwrap();
    }

    fn add(&self, at: u64, by: i64) {
        self.put(at, self.get(at) + by);
    }
}
