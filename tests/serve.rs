//! A real vendor daemon over real sockets: sessions, leases, clocks, hostile peers, a disk that fails.
#![cfg(all(feature = "server", feature = "cli"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/forgetful_disk.rs"]
mod forgetful_disk;
#[path = "support/moved_clock.rs"]
mod moved_clock;
#[path = "support/shim.rs"]
mod shim;
#[path = "support/signed.rs"]
mod signed;

mod serve {
    mod borrow;
    mod changed_files;
    mod clock;
    mod contention;
    mod crowd;
    mod disk;
    mod expiry;
    mod hostile;
    mod idle;
    mod lines;
    mod log;
    mod queue;
    mod reread;
    mod sessions;
    mod sharing;
    mod timeout;
}

use std::path::Path;

use daemon::{Daemon, Wire, now};
use seatkeeper::wire::{Purpose, SessionTerms};

/// Ten floating seats, one seat, and a feature that needs no count.
const LICENSE: &str = "SERVER this_host ANY 27000\nVENDOR LGS\nFEATURE ten LGS 1.0 permanent 10\n\
     FEATURE one LGS 1.0 permanent 1\nFEATURE free LGS 1.0 permanent uncounted HOSTID=ANY\n";

/// A place for one daemon: license, state and manifest with a lease and a close grace in seconds.
struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new(lease_s: u32, close_grace_s: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("state")).unwrap();
        signed::write_manifest(dir.path(), lease_s, close_grace_s);
        let site = Self { dir };
        site.serve(LICENSE);
        site
    }

    /// Signs these lines for the next start.
    fn serve(&self, license: &str) {
        std::fs::write(self.dir.path().join("test.lic"), signed::sign(license)).unwrap();
    }

    fn state(&self) -> std::path::PathBuf {
        self.dir.path().join("state")
    }

    fn history(&self) -> std::path::PathBuf {
        self.state().join("LGS")
    }

    fn start(&self) -> Daemon {
        self.start_on(|_| {})
    }

    fn start_on(&self, mount: impl FnOnce(&mut std::process::Command)) -> Daemon {
        self.try_start_on(mount).unwrap()
    }

    /// The daemon, or its log if it ends before it serves.
    fn try_start_on(&self, mount: impl FnOnce(&mut std::process::Command)) -> Result<Daemon, String> {
        let vendor_dir = self.dir.path().to_str().unwrap();
        let license = self.dir.path().join("test.lic");
        Daemon::start(&license, &self.state(), &["--vendor-dir", vendor_dir], mount)
    }
}

/// A new framed session.
fn session(daemon: &Daemon, user: &str) -> (Wire, SessionTerms) {
    let mut wire = Wire::connect(daemon.port).unwrap();
    let terms = wire.hello(user, Purpose::New, now()).unwrap().unwrap().unwrap();
    (wire, terms)
}

/// Every event of a state directory's history.
fn history(dir: &Path) -> Vec<seatkeeper::event::Record> {
    seatkeeper::store::history::read(dir).unwrap().map(Result::unwrap).collect()
}
