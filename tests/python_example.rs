//! `docs/examples/checkout.py` against a running vendor daemon. Where there is no Python the tests say that they are
//! skipped.
#![cfg(all(feature = "server", feature = "cli"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, clippy::indexing_slicing)]

#[path = "support/daemon.rs"]
mod daemon;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use daemon::{Daemon, until};
use tempfile::TempDir;

const TOP: &str = env!("CARGO_MANIFEST_DIR");

fn python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("skipped: there is no python3");
    }
    found
}

fn daemon(state: &TempDir) -> Daemon {
    Daemon::start(&Path::new(TOP).join("testdata/svr_lgs.lic"), state.path(), &[], |_| {}).unwrap()
}

fn example(port: u16, arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command
        .arg(Path::new(TOP).join("docs/examples/checkout.py"))
        .args(["--server", &format!("127.0.0.1:{port}"), "--user", "ann \"the boss\"", "--host", "ws01"])
        .args(arguments)
        .stdin(Stdio::null());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_license_is_held_while_the_command_runs() {
    if !python() {
        return;
    }
    let state = tempfile::tempdir().unwrap();
    let daemon = daemon(&state);
    let command = ["cad_design", "2.0", "--", "sh", "-c", "exit 3"];
    let output = example(daemon.port, &command).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("LGS granted cad_design 2.0, handle "), "{}", said(&output));
    let line = |word: &str| format!("{word}: \"cad_design\" ann \"the boss\"@ws01");
    daemon.wait_for_log(&[&line("OUT"), &line("IN")]);
}

#[test]
fn a_refusal_has_its_number_as_exit_status() {
    if !python() {
        return;
    }
    let state = tempfile::tempdir().unwrap();
    let daemon = daemon(&state);
    for (feature, version, number) in
        [("cad_design", "9.0", -25), ("cad_legacy", "1.0", -10), ("nothing", "1", -5)]
    {
        let output = example(daemon.port, &[feature, version, "--", "true"]).output().unwrap();
        assert_eq!(output.status.code(), Some(256 + number), "{}", said(&output));
        assert!(said(&output).contains(&format!("({number},")), "{}", said(&output));
    }
}

#[test]
fn a_lost_server_ends_the_command() {
    if !python() {
        return;
    }
    let state = tempfile::tempdir().unwrap();
    let daemon = daemon(&state);
    let command = ["--heartbeat", "0.05", "cad_design", "2.0", "--", "sleep", "600"];
    let mut holder = example(daemon.port, &command).stderr(Stdio::piped()).spawn().unwrap();
    daemon.wait_for_log(&["OUT: \"cad_design\""]);
    daemon.kill();
    let output = {
        until("the command to end", || holder.try_wait().unwrap().is_some());
        holder.wait_with_output().unwrap()
    };
    assert_eq!(output.status.code(), Some(128 + 15), "{}", said(&output));
    assert!(said(&output).contains("the license is lost"), "{}", said(&output));
}
