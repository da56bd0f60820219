//! Applications with the client library at real servers: waiting in queues, seats that are lost, connections that fail in all ways, several
//! vendor daemons.
#![cfg(all(feature = "server", feature = "cli"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/signed.rs"]
mod signed;
#[path = "support/system.rs"]
mod system;

mod application {
    mod cut;
    mod floating;
    mod losses;
    mod path;
    mod run;
    mod vendors;
    mod waiting;
}

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use daemon::{Daemon, PATIENCE};
use seatkeeper::client::{Client, Config, Trust, blocking};
use seatkeeper::event::Event;

const LICENSE: &str = "SERVER this_host ANY 27000\nVENDOR LGS\nFEATURE one LGS 1.0 permanent 1\n\
     FEATURE two LGS 1.0 permanent 2\nFEATURE ten LGS 1.0 permanent 10\n";

/// A place for one vendor daemon: license, state and manifest with a lease and a close grace in seconds.
struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new(lease_s: u32, close_grace_s: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        signed::write_manifest(dir.path(), lease_s, close_grace_s);
        std::fs::write(dir.path().join("test.lic"), signed::sign(LICENSE)).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A daemon on a port of its own, or on one where it was before.
    fn daemon(&self, port: u16) -> Daemon {
        let (port, vendor_dir) = (port.to_string(), self.dir.path().to_str().unwrap());
        let arguments = ["--port", &port, "--vendor-dir", vendor_dir];
        Daemon::start(&self.path("test.lic"), &self.path("state"), &arguments, |_| {}).unwrap()
    }

    /// All that has happened here.
    fn events(&self) -> Vec<Event> {
        let records = seatkeeper::store::history::read(&self.path("state/LGS")).unwrap();
        records.flat_map(|record| record.unwrap().events).collect()
    }

    fn count(&self, kind: impl Fn(&Event) -> bool) -> usize {
        self.events().iter().filter(|event| kind(event)).count()
    }
}

fn config(path: &str, user: &str) -> Config {
    let trust = Trust::Publisher { keys: vec![], demo: true };
    let mut config = Config::new("LGS".parse().unwrap(), trust).unwrap().with_path(path);
    config.claims.user = user.parse().unwrap();
    config
}

fn place(port: u16) -> String {
    format!("{port}@127.0.0.1")
}

fn client(port: u16, user: &str) -> Client {
    Client::new(config(&place(port), user))
}

fn blocking_client(port: u16, user: &str) -> blocking::Client {
    blocking::Client::new(config(&place(port), user)).unwrap()
}

/// What comes of something, which must not take for ever.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

/// Waits until something holds, while the clients of the test go on.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let tries = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, tries).await.unwrap_or_else(|_| panic!("waited too long for {what}"));
}
