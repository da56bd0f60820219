//! Rereads that start vendor daemons, leave some alone, and lose one on the way.

use seatkeeper::license::{LicenseFile, Statement};
use seatkeeper::sign::{Manifest, SigningKey};
use seatkeeper::text::Source;

use crate::daemon::{signal, until};
use crate::signed::sign;
use crate::system::{LineSession, System, printed};

const LICENSE: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 2\n";

fn acme() -> SigningKey {
    SigningKey::generate_ed25519("acme".parse().unwrap(), [7; 32])
}

fn reread(system: &System, more: &[&str]) -> (Option<i32>, String) {
    let place = system.place();
    let output = system.tool(&[&["lmutil", "lmreread", "-c", &place], more].concat());
    (output.status.code(), printed(&output))
}

/// A second license file, of acme.
fn serve_acme(system: &System, count: u32) {
    let line = format!("FEATURE paint acme 1.0 permanent {count}");
    let text = format!("SERVER this_host ANY {}\nVENDOR acme\n{line}\n", system.port);
    let file = LicenseFile::parse(Source::new("acme.lic", text.as_bytes()));
    let hostids: Vec<_> = file.servers().map(|server| server.hostid.clone()).collect();
    let statements: Vec<Statement<'_>> = file.statements().map(|(_, statement)| statement).collect();
    let signature = acme().sign(&statements[0].canonical(&hostids).unwrap());
    let signed = text.replace(&line, &format!("{line} SIGN=\"{signature}\""));
    std::fs::write(system.dir.path().join("more/acme.lic"), signed).unwrap();
}

fn start() -> System {
    System::start_prepared(LICENSE, &["-c", "more", "--vendor-dir", "vendors"], |dir| {
        std::fs::create_dir(dir.join("more")).unwrap();
        std::fs::create_dir(dir.join("vendors")).unwrap();
        let manifest = Manifest::new("acme".parse().unwrap(), vec![acme().verifying_key()]);
        std::fs::write(dir.join("vendors/acme.vendor.toml"), manifest.print().as_bytes()).unwrap();
    })
}

/// The port of a vendor daemon, once it has said it.
fn port(system: &System, vendor: &str) -> Option<u16> {
    let log = system.log_so_far();
    let said = format!("{vendor} using TCP-port ");
    log.lines().rev().find_map(|line| line.split_once(&said))?.1.parse().ok()
}

fn ask(system: &System, vendor: &str, user: &str, feature: &str) -> String {
    let mut session = LineSession::open(port(system, vendor).unwrap());
    session.ask(&format!("HELLO 1 user={user} host=ws01 display=d"));
    session.ask(&format!("CHECKOUT {feature} 1.0"))
}

#[test]
fn a_new_vendor_line_starts_its_daemon_and_a_removed_one_leaves_it() {
    let system = start();
    let mut ann = system.line_session("ann");
    assert!(ann.ask("CHECKOUT solver 1.0").starts_with("OK"));
    serve_acme(&system, 3);
    let (code, text) = reread(&system, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("vendor daemon acme is new and is started\n"), "{text}");
    until("the new daemon", || port(&system, "acme").is_some());
    assert!(ask(&system, "acme", "ann", "paint").starts_with("OK"));
    let shown = printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
    assert!(shown.contains("Users of paint:") && shown.contains("Users of solver:"), "{shown}");
    assert!(ann.ask("HEARTBEAT").starts_with("OK"), "the other daemon has not noticed");

    // Case O73: only the one that is named reads its files.
    let lgs = LICENSE.replace("{port}", &system.port.to_string()).replace("permanent 2", "permanent 5");
    std::fs::write(system.dir.path().join("test.lic"), sign(&lgs)).unwrap();
    std::fs::write(system.dir.path().join("LGS.opt"), "EXCLUDE solver USER ann\n").unwrap();
    serve_acme(&system, 4);
    let (code, text) = reread(&system, &["-vendor", "acme"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("acme: pool resized: paint 1, from 3 to 4\n") && !text.contains("LGS:"), "{text}");
    assert!(ask(&system, "LGS", "ann", "solver").starts_with("OK"));
    let (_, text) = reread(&system, &[]);
    assert!(text.contains("LGS: pool resized: solver 1, from 2 to 5\n"), "{text}");
    assert!(ask(&system, "LGS", "ann", "solver").starts_with("ERR -38"));

    std::fs::remove_file(system.dir.path().join("more/acme.lic")).unwrap();
    let (code, text) = reread(&system, &[]);
    assert_eq!(code, Some(0), "{text}");
    let left = "no VENDOR line names acme any more; its daemon goes on as it was until it is shut down";
    assert!(text.contains(left), "{text}");
    assert!(ask(&system, "acme", "bob", "paint").starts_with("OK"));
    let output = system.tool(&["lmdown", "-c", &system.place(), "-vendor", "acme", "-q"]);
    assert!(output.status.success(), "{}", printed(&output));
    assert!(ask(&system, "LGS", "bob", "solver").starts_with("OK"), "and the other one goes on");
    let (code, text) = reread(&system, &[]);
    assert!(code == Some(0) && !text.contains("acme is new"), "{text}");
}

#[test]
fn a_vendor_daemon_that_dies_while_it_rereads_is_told_and_comes_back_with_the_new_files() {
    let system = start();
    let pid = system.vendor_pid();
    let lgs = LICENSE.replace("{port}", &system.port.to_string()).replace("permanent 2", "permanent 5");
    std::fs::write(system.dir.path().join("test.lic"), sign(&lgs)).unwrap();
    std::fs::write(system.dir.path().join("LGS.opt"), "EXCLUDE solver USER ann\n").unwrap();
    // It stands still, so that its end comes for certain between order and answer.
    signal(pid, "STOP");
    let (code, text) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| reread(&system, &[]));
        system.wait_for_log(&["(lmgrd) Rereading license file... Requested from "]);
        signal(pid, "KILL");
        asking.join().unwrap()
    });
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("ERROR: LGS ended while it was rereading\n"), "{text}");
    assert!(text.contains("lmreread incomplete: "), "{text}");
    system.wait_for_starts(2);
    assert!(ask(&system, "LGS", "ann", "solver").starts_with("ERR -38"));
    assert!(ask(&system, "LGS", "bob", "solver").starts_with("OK"));
    let shown = printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
    assert!(shown.contains("Users of solver:  (Total of 5 licenses issued;"), "{shown}");
    let (code, text) = reread(&system, &[]);
    assert!(code == Some(0) && !text.contains("rule ") && !text.contains("pool "), "{text}");
}
