//! The whole system under fire: lmgrd, a vendor daemon that is killed again and again on a disk that forgets what was
//! not synced, and applications that use the client library and must not notice.
#![cfg(all(feature = "server", feature = "cli"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/forgetful_disk.rs"]
mod forgetful_disk;
#[path = "support/shim.rs"]
mod shim;
#[path = "support/signed.rs"]
mod signed;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use seatkeeper::client::blocking::Client;
use seatkeeper::client::{Config, OnLoss, Trust};
use seatkeeper::code::Code;
use seatkeeper::event::Event;
use seatkeeper::seat::State;

use daemon::{signal, until};
use forgetful_disk::ForgetfulDisk;

/// Ends when dropped, in whatever way the test ends; the vendor daemon follows.
struct Manager {
    child: Child,
    log: PathBuf,
}

impl Manager {
    fn start(dir: &Path, port: u16, disk: &ForgetfulDisk) -> Self {
        let license = format!("SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE ten LGS 1.0 permanent 10\n");
        std::fs::write(dir.join("test.lic"), signed::sign(&license)).unwrap();
        let log = dir.join("lgs.log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_seatkeeper"));
        command
            .args([
                "lmgrd",
                "-z",
                "--listen",
                "127.0.0.1",
                "--restart-delay",
                "0.02:0.02",
                "--restart-limit",
                "0",
            ])
            .arg("-c")
            .arg(dir.join("test.lic"))
            .arg("-l")
            .arg(&log)
            .arg("--state-dir")
            .arg(dir.join("state"))
            .stdin(Stdio::null());
        disk.mount(&mut command);
        Self { child: command.spawn().unwrap(), log }
    }

    fn log_so_far(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Process ids of the vendor daemon, in the order of its starts.
    fn daemons(&self) -> Vec<u32> {
        let started = |line: &str| {
            let (_, rest) = line.split_once("tarted LGS (").or_else(|| line.split_once("TARTED LGS ("))?;
            rest.split_once("pid ")?.1.trim_end_matches(')').parse().ok()
        };
        self.log_so_far().lines().filter_map(started).collect()
    }

    fn ready(&self) -> usize {
        self.log_so_far().matches("LGS using TCP-port").count()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        signal(self.child.id(), "TERM");
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

#[derive(Default)]
struct Tally {
    grants: AtomicU64,
    failures: Mutex<Vec<String>>,
    done: AtomicBool,
}

/// One application: takes a seat, works, gives it back, without end.
fn application(port: u16, nth: usize, tally: &Arc<Tally>) {
    let mut config =
        Config::new("LGS".parse().unwrap(), Trust::Publisher { keys: vec![], demo: true }).unwrap();
    config = config.with_path(&format!("{port}@127.0.0.1"));
    config.claims.user = format!("u{nth}").parse().unwrap();
    // On a machine that has no time for it, somebody may come too late for several lives of the daemon.
    config.patience = Duration::from_secs(300);
    let losses = Arc::clone(tally);
    config.on_loss = Some(OnLoss::new(move |loss| {
        losses.failures.lock().unwrap().push(format!("lost {}: {}", loss.feature, loss.denial));
    }));
    let client = Client::new(config).unwrap();
    while !tally.done.load(Ordering::SeqCst) {
        match client.checkout("ten", "1.0") {
            Ok(seat) => {
                tally.grants.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(2 + nth as u64));
                if let Some(denial) = seat.loss() {
                    tally.failures.lock().unwrap().push(format!("lost: {denial}"));
                }
                if let Err(error) = seat.checkin() {
                    tally.failures.lock().unwrap().push(format!("checkin: {error}"));
                }
            }
            Err(error) if error.code() == Code::UsersReached => std::thread::sleep(Duration::from_millis(3)),
            Err(error) => tally.failures.lock().unwrap().push(format!("checkout: {}", error.long())),
        }
    }
    client.close();
}

#[test]
fn lmgrd_restarts_a_killed_daemon_thirty_times_and_no_application_notices() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("state")).unwrap();
    let Some(disk) = ForgetfulDisk::over(&dir.path().join("state")) else { return };
    let port = free_port();
    let manager = Manager::start(dir.path(), port, &disk);
    until("the system to serve", || manager.ready() == 1);
    let tally = Arc::new(Tally::default());
    let applications: Vec<_> = (0..12)
        .map(|nth| {
            let tally = Arc::clone(&tally);
            std::thread::spawn(move || application(port, nth, &tally))
        })
        .collect();
    for kill in 1..=30 {
        let before = tally.grants.load(Ordering::SeqCst);
        until("grants", || {
            tally.grants.load(Ordering::SeqCst) > before + 8 || !tally.failures.lock().unwrap().is_empty()
        });
        signal(*manager.daemons().last().unwrap(), "KILL");
        until("the restart", || manager.ready() == kill + 1);
    }
    let before = tally.grants.load(Ordering::SeqCst);
    until("work after the last kill", || tally.grants.load(Ordering::SeqCst) > before + 20);
    tally.done.store(true, Ordering::SeqCst);
    applications.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(*tally.failures.lock().unwrap(), [""; 0]);
    let log = manager.log_so_far();
    assert_eq!(manager.daemons().len(), 31, "{log}");
    drop(manager);

    let (mut state, mut starts, mut resumed) = (State::default(), 0, 0);
    for record in seatkeeper::store::history::read(&dir.path().join("state/LGS")).unwrap() {
        let record = record.unwrap();
        state.evolve(&record);
        assert!(state.seats().map(|(_, seat)| u64::from(seat.count.get())).sum::<u64>() <= 10);
        starts += record.events.iter().filter(|event| matches!(event, Event::Started(_))).count();
        resumed += record.events.iter().filter(|event| matches!(event, Event::Resumed(_))).count();
    }
    assert_eq!(starts, 31);
    assert!(resumed >= 30, "somebody came back after each kill: {resumed} resumes");
    assert_eq!((state.seats().count(), state.session_count()), (0, 0), "everything came back");
}
