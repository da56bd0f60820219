//! `seatkeeper run` against a real vendor daemon: statuses, refusals, signals, a daemon that comes back, a seat that is
//! lost.
#![cfg(all(feature = "server", feature = "cli"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/signed.rs"]
mod signed;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use daemon::{Daemon, signal, until};

/// A daemon with one seat, and a directory for marks of the commands that run.
struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text = "SERVER this_host ANY 27000\nVENDOR LGS\nFEATURE one LGS 1.0 permanent 1\n";
        std::fs::write(dir.path().join("test.lic"), signed::sign(text)).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn daemon(&self, port: u16) -> Daemon {
        let port = port.to_string();
        let license = self.path("test.lic");
        Daemon::start(&license, &self.path("state"), &["--port", &port], |_| {}).unwrap()
    }

    /// `seatkeeper run` of a shell script that finds marks in its working directory.
    fn run(&self, port: u16, arguments: &[&str], script: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seatkeeper"));
        command
            .args(["run", "-c", &format!("{port}@127.0.0.1"), "-f", "one", "1.0"])
            .args(arguments)
            .args(["--", "sh", "-c", script])
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts a command that says that it runs and waits for the mark `end`.
    fn hold(&self, port: u16, arguments: &[&str]) -> Child {
        let script = ": > runs; while [ ! -e end ]; do sleep 0.05; done; exit 5";
        let child = self.run(port, arguments, script).spawn().unwrap();
        until("the command to run", || self.path("runs").exists());
        child
    }

    fn end(&self) {
        std::fs::write(self.path("end"), "").unwrap();
    }
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_status_is_the_commands() {
    let site = Site::new();
    let daemon = site.daemon(0);
    for (script, expected) in [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137)] {
        let output = site.run(daemon.port, &[], script).output().unwrap();
        assert_eq!((status(&output), &*said(&output)), (expected, ""), "{script}");
    }
    let mut missing = site.run(daemon.port, &[], "");
    let output = missing.args(["x"]).output().unwrap();
    assert_eq!(status(&output), 0, "arguments of the command are its own");
    let output = Command::new(env!("CARGO_BIN_EXE_seatkeeper"))
        .args(["run", "-c", &format!("{}@127.0.0.1", daemon.port), "-f", "one", "1.0", "--", "/no/such"])
        .output()
        .unwrap();
    assert_eq!(status(&output), 127);
    assert!(said(&output).contains("cannot start /no/such"), "{}", said(&output));
}

#[test]
fn a_refusal_says_why_and_the_command_does_not_run() {
    let site = Site::new();
    let daemon = site.daemon(0);
    let holder = site.hold(daemon.port, &["--user", "ann"]);
    for (arguments, expected, number) in
        [(&["--user", "bob"][..], 252, "License error:-4,209"), (&["-n", "2"], 230, "License error:-26,208")]
    {
        let output = site.run(daemon.port, arguments, ": > wrong").output().unwrap();
        assert_eq!(status(&output), expected, "{}", said(&output));
        assert!(said(&output).contains(number), "{}", said(&output));
    }
    assert!(!site.path("wrong").exists());
    site.end();
    assert_eq!(status(&holder.wait_with_output().unwrap()), 5);
    let output = site.run(daemon.port, &[], "true").output().unwrap();
    assert_eq!(status(&output), 0, "the seat was given back: {}", said(&output));
    let nobody = { std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port() };
    let output = site.run(nobody, &[], "true").output().unwrap();
    assert_eq!(status(&output), 241);
    assert!(said(&output).contains("System Error: 111 \"Connection refused\""), "{}", said(&output));
}

#[test]
fn sigterm_is_passed_on() {
    let site = Site::new();
    let daemon = site.daemon(0);
    let script = "trap 'exit 9' TERM; : > runs; while :; do sleep 0.05; done";
    let child = site.run(daemon.port, &[], script).spawn().unwrap();
    until("the command to run", || site.path("runs").exists());
    signal(child.id(), "TERM");
    assert_eq!(status(&child.wait_with_output().unwrap()), 9);
    let output = site.run(daemon.port, &[], "true").output().unwrap();
    assert_eq!(status(&output), 0, "the seat was given back: {}", said(&output));
}

#[test]
fn a_killed_daemon_that_comes_back_finds_its_client() {
    let site = Site::new();
    let daemon = site.daemon(0);
    let port = daemon.port;
    let holder = site.hold(port, &[]);
    daemon.kill();
    let daemon = site.daemon(port);
    let output = site.run(port, &["--user", "bob"], "true").output().unwrap();
    assert_eq!(status(&output), 252, "the seat is still taken: {}", said(&output));
    until("the session to be resumed", || resumed(&site.path("state")));
    site.end();
    let output = holder.wait_with_output().unwrap();
    assert_eq!((status(&output), &*said(&output)), (5, ""), "the command noticed nothing");
    let output = site.run(port, &["--user", "bob"], "true").output().unwrap();
    assert_eq!(status(&output), 0, "{}\n{}", said(&output), daemon.log_so_far());
}

#[test]
fn a_server_that_is_gone_does_not_keep_the_commands_status() {
    let site = Site::new();
    let daemon = site.daemon(0);
    let holder = site.hold(daemon.port, &[]);
    daemon.kill();
    site.end();
    let ended = std::time::Instant::now();
    let output = holder.wait_with_output().unwrap();
    assert_eq!(status(&output), 5);
    assert!(said(&output).contains("the license was not given back"), "{}", said(&output));
    assert!(ended.elapsed() < daemon::PATIENCE, "{:?}", ended.elapsed());
}

/// Whether the history tells of a session that came back.
fn resumed(state: &Path) -> bool {
    let records = seatkeeper::store::history::read(&state.join("LGS")).unwrap();
    let mut events = records.flatten().flat_map(|record| record.events);
    events.any(|event| matches!(event, seatkeeper::event::Event::Resumed(_)))
}

#[test]
fn a_lost_seat_is_got_again_or_ends_the_command() {
    for (on_loss, expected, word) in
        [("retry", 5, "the license is held again"), ("term", 143, "the license of one is lost")]
    {
        let site = Site::new();
        let daemon = site.daemon(0);
        let port = daemon.port;
        let errors = site.path("errors");
        let script = ": > runs; while [ ! -e end ]; do sleep 0.05; done; exit 5";
        let mut command = site.run(port, &["--on-loss", on_loss], script);
        let mut holder = command.stderr(std::fs::File::create(&errors).unwrap()).spawn().unwrap();
        until("the command to run", || site.path("runs").exists());
        daemon.kill();
        // A daemon without its history knows no session.
        std::fs::remove_dir_all(site.path("state")).unwrap();
        let _daemon = site.daemon(port);
        until("the warning", || std::fs::read_to_string(&errors).unwrap().contains(word));
        if on_loss == "retry" {
            let output = site.run(port, &["--user", "bob"], "true").output().unwrap();
            assert_eq!(status(&output), 252, "the seat is taken again: {}", said(&output));
            site.end();
        }
        assert_eq!(holder.wait().unwrap().code(), Some(expected));
        let said = std::fs::read_to_string(&errors).unwrap();
        assert!(said.contains("warning: the license of one is lost"), "{said}");
    }
}

#[test]
fn a_suspended_client_keeps_its_license_for_a_lease_and_then_begins_anew() {
    let site = Site::new();
    signed::write_manifest(site.dir.path(), 5, 5);
    let vendor_dir = site.dir.path().to_str().unwrap();
    let license = site.path("test.lic");
    let daemon = Daemon::start(&license, &site.path("state"), &["--vendor-dir", vendor_dir], |_| {}).unwrap();
    let errors = site.path("errors");
    let script = ": > runs; while [ ! -e end ]; do sleep 0.05; done; exit 5";
    let mut command = site.run(daemon.port, &[], script);
    let mut holder = command.stderr(std::fs::File::create(&errors).unwrap()).spawn().unwrap();
    until("the command to run", || site.path("runs").exists());
    let bob = || status(&site.run(daemon.port, &["--user", "bob"], "true").output().unwrap());
    signal(holder.id(), "STOP");
    std::thread::sleep(std::time::Duration::from_secs(1));
    signal(holder.id(), "CONT");
    assert_eq!(bob(), 252, "for less than a lease nothing has happened");
    signal(holder.id(), "STOP");
    until("the lease to be over", || bob() == 0);
    signal(holder.id(), "CONT");
    until("the license", || std::fs::read_to_string(&errors).unwrap().contains("the license is held again"));
    assert_eq!(bob(), 252);
    site.end();
    assert_eq!(holder.wait().unwrap().code(), Some(5));
}
