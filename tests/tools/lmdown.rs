//! lmdown: who may, and what it does.

use seatkeeper::event::Event;

use crate::LICENSE;
use crate::daemon::until;
use crate::system::{System, listens, printed};

#[test]
fn it_ends_everything_in_order_and_frees_the_ports() {
    let mut system = System::start(LICENSE, &["-local"]);
    let mut ann = system.line_session("ann");
    assert!(ann.ask("CHECKOUT solver 2025.0").starts_with("OK"));
    let vendor_port = system.vendor_port();
    let output = system.tool(&["lmutil", "lmdown", "-c", &system.place(), "-q"]);
    assert!(output.status.success(), "{}", printed(&output));
    assert!(printed(&output).ends_with("    1 License Server shut down\n"));
    assert_eq!(system.wait().code(), Some(0));
    assert!(!listens(system.port) && !listens(vendor_port));
    let records = seatkeeper::store::history::read(&system.dir.path().join("state/LGS")).unwrap();
    let stopped =
        records.map(Result::unwrap).flat_map(|record| record.events).find_map(|event| match event {
            Event::Stopped(stopped) => Some(stopped.by),
            _ => None,
        });
    let (user, host) =
        stopped.as_deref().and_then(|by| by.split_once('@')).expect("who ordered it is recorded");
    let log = system.whole_log();
    assert!(log.contains(&format!("(lmgrd) SHUTDOWN request from {user} at node {host}\n")), "{log}");
    assert!(log.contains("(lmgrd) lmdown/lmreread only allowed on this machine\n"), "{log}");
    let own = "(LGS) lmborrow -recall and lmclock accept only allowed on this machine\n";
    assert!(log.contains(own), "{log}");
    // Each process writes for itself; only that one has ended tells where the other is.
    let end = [
        "(lmgrd) daemon shutdown requested - shutting down\n",
        "\nShut down Seatkeeper LGS license server system on machine ",
        "(lmgrd) EXITING DUE TO SIGNAL 15\n",
    ];
    let of_lmgrd = [
        "(lmgrd) SHUTDOWN request from ",
        "(lmgrd) lmgrd will now shut down all the vendor daemons\n",
        "(lmgrd) Shutting down LGS pid=",
    ];
    let of_lgs = ["(LGS) Shutdown requested.\n", "(LGS) IN: \"solver\" ann@ws01  (SHUTDOWN)\n"];
    for lines in [[&of_lmgrd[..], &end].concat(), [&of_lgs[..], &end].concat()] {
        let mut rest = log.as_str();
        for line in lines {
            let at = rest.find(line).unwrap_or_else(|| panic!("{line:?} is missing in\n{log}"));
            rest = &rest[at + line.len() - 1..];
        }
    }
}

#[test]
fn without_the_key_it_is_refused() {
    let system = System::start(LICENSE, &["-2", "-p"]);
    let place = system.place();
    let other = system.dir.path().join("other.key");
    std::fs::write(&other, "0".repeat(64)).unwrap();
    std::fs::set_permissions(&other, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let other = other.display().to_string();
    for arguments in [
        ["lmdown", "-c", &place, "-q", "--admin-key", &other],
        ["lmdown", "-c", &place, "-q", "--admin-key", "/nonexistent"],
    ] {
        let output = system.tool(&arguments);
        assert_eq!(output.status.code(), Some(193), "{}", printed(&output));
        let text = "Shutdown failed: You are not a license administrator. (-63,601)\n";
        assert!(printed(&output).contains(text), "{}", printed(&output));
    }
    system.wait_for_log(&[" refused: You are not a license administrator."]);
    assert!(listens(system.port));
    let key = system.dir.path().join("state/admin.key").display().to_string();
    let output = system.tool(&["lmdown", "-c", &place, "-q", "--admin-key", &key]);
    assert!(output.status.success(), "{}", printed(&output));
}

#[test]
fn x_lmdown_refuses_everybody() {
    let mut system = System::start(LICENSE, &["-x", "lmdown"]);
    let output = system.tool(&["lmdown", "-c", &system.place(), "-q"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(printed(&output).contains("(-1009,603)"), "{}", printed(&output));
    crate::daemon::signal(system.pid(), "TERM");
    assert_eq!(system.wait().code(), Some(0));
    assert!(system.whole_log().contains("(lmgrd) EXITING DUE TO SIGNAL 15\n"));
}

#[test]
fn one_vendor_daemon_ends_alone_and_stays_down() {
    let mut system = System::start(LICENSE, &[]);
    let place = system.place();
    let vendor_port = system.vendor_port();
    let output = system.tool(&["lmdown", "-c", &place, "-vendor", "LGS", "-q"]);
    assert!(output.status.success(), "{}", printed(&output));
    until("the vendor daemon's port to be free", || !listens(vendor_port));
    let removal = system.tool(&["lmremove", "-c", &place, "solver", "ann", "ws01", "d"]);
    assert_eq!(removal.status.code(), Some(159), "{}", printed(&removal));
    let status = system.tool(&["lmstat", "-a", "-c", &place]);
    assert!(status.status.success());
    assert!(printed(&status).contains("       LGS: The desired vendor daemon is down. (-97,506)\n"));
    let output = system.tool(&["lmdown", "-c", &place, "-vendor", "acme", "-q"]);
    assert_eq!(output.status.code(), Some(159));
    assert!(!system.whole_log().contains("REStarted"));
}

#[test]
fn it_asks_first_and_takes_silence_as_no() {
    let system = System::start(LICENSE, &[]);
    let output = system.tool(&["lmdown", "-c", &system.place()]);
    assert!(output.status.success());
    let text = printed(&output);
    assert!(
        text.contains(&format!("   Port@Host            Vendors\n1) {} LGS \n", system.place())),
        "{text}"
    );
    assert!(text.contains("Are you sure (y/n)?  ") && listens(system.port));
}

/// A system whose vendor daemon is a script that answers the question before lmdown like this, or with nothing.
fn scripted(answer: &str) -> System {
    let license =
        "SERVER this_host ANY {port}\nVENDOR LGS vendors/daemon\nFEATURE solver LGS 1.0 permanent 1\n";
    System::start_prepared(license, &["--vendor-dir", "vendors"], |dir| {
        std::fs::create_dir(dir.join("vendors")).unwrap();
        let script = format!(
            "#!/bin/sh\necho READY 65000 >&0\nwhile read -r word order rest; do case $word in\n\
             MAYSTOP) {answer} ;;\nSTOP) exit 15 ;;\nesac; done\n"
        );
        let path = dir.join("vendors/daemon");
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    })
}

#[test]
fn while_licenses_are_borrowed_it_needs_force() {
    let mut system = scripted("echo \"DONE $order -120 610 2 licenses of LGS are borrowed\" >&0");
    let place = system.place();
    for vendor in [&[][..], &["-vendor", "LGS"]] {
        let output = system.tool(&[&["lmdown", "-c", &place, "-q"], vendor].concat());
        assert_eq!(output.status.code(), Some(136), "{}", printed(&output));
        let text = "Shutdown failed: Cannot lmdown the server when licenses are borrowed. (-120,610)\n\
                    2 licenses of LGS are borrowed\n";
        assert!(printed(&output).ends_with(text), "{}", printed(&output));
    }
    let refused = " refused: Cannot lmdown the server when licenses are borrowed. (-120,610)";
    system.wait_for_log(&[refused]);
    assert!(listens(system.port));
    let output = system.tool(&["lmdown", "-c", &place, "-q", "-force"]);
    assert!(output.status.success(), "{}", printed(&output));
    assert_eq!(system.wait().code(), Some(0));
    let log = system.whole_log();
    assert_eq!(log.matches("Shutting down LGS").count(), 1, "{log}");
    assert!(log.rfind(refused) < log.find("Shutting down LGS"), "{log}");
}

#[test]
fn a_vendor_daemon_that_does_not_answer_is_ended_too() {
    let mut system = scripted(":");
    let output = system.tool(&["lmdown", "-c", &system.place(), "-q"]);
    assert!(output.status.success(), "{}", printed(&output));
    assert_eq!(system.wait().code(), Some(0));
    assert!(system.whole_log().contains("LGS does not say whether it may be stopped"));
}
