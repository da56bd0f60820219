//! A program that is killed between the server's grant of a borrow and its own record: the license is found again.

use crate::cut_wire::{At, CutWire};
use crate::daemon::{Daemon, until};
use crate::{LICENSE, Site, files, number, records, said};

/// Kills an application that borrows when so many messages have gone over the wire: one to the license manager, then greeting, request,
/// line and record.
fn killed(site: &Site, wire: &CutWire, at: At, messages: usize) {
    wire.plan_at(at, messages, usize::MAX);
    let mut command = site.command(wire.port, "one", &[], "true");
    let mut child = command.env("LM_BORROW", site.order(30)).spawn().unwrap();
    until("the message to have its turn", || wire.holds());
    child.kill().unwrap();
    child.wait().unwrap();
    wire.heal();
    assert!(records(&site.borrows()).is_empty());
    assert_eq!(files(&site.borrows(), "asked").len(), 1);
}

fn is_lent_once(daemon: &Daemon) {
    let log = daemon.log_until_now();
    assert_eq!(log.matches("OUT: \"one\"").count(), 1, "{log}");
}

fn nothing_is_asked(site: &Site) {
    for ending in ["asked", "asking"] {
        assert!(files(&site.borrows(), ending).is_empty());
    }
}

#[test]
fn who_was_killed_before_the_record_was_kept_finds_it_when_it_borrows_again() {
    for messages in 3..=5 {
        let site = Site::new(LICENSE);
        let daemon = site.serve();
        let wire = CutWire::to(daemon.port);
        killed(&site, &wire, At::HoldAnswer, messages);
        is_lent_once(&daemon);
        let other = site.command(wire.port, "one", &["--user", "bob"], "true").output().unwrap();
        assert_eq!(number(&other), -4, "{}", said(&other));
        let status = said(&site.lmborrow(&["-status"]));
        assert!(status.contains(" (asked for; whether it is lent is not known: -renew)\n"), "{status}");
        assert_eq!(site.borrow(wire.port, "one", &site.order(30)), 0);
        is_lent_once(&daemon);
        site.record();
        nothing_is_asked(&site);
        daemon.stop();
        assert_eq!(site.run(wire.port, "one"), 0, "it is used without any server");
    }
}

#[test]
fn lmborrow_finds_it_and_gives_it_back_also_after_a_crash_of_the_server() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    let (port, wire) = (daemon.port, CutWire::to(daemon.port));
    killed(&site, &wire, At::HoldAnswer, 3);
    is_lent_once(&daemon);
    daemon.kill();
    let output = site.lmborrow(&["-return", "one"]);
    assert_eq!(number(&output), -124, "that nothing is lent is not known: {}", said(&output));
    assert_eq!(files(&site.borrows(), "asked").len(), 1);
    let _daemon = site.serve_at(port);
    let output = site.lmborrow(&["-renew"]);
    assert!(output.status.success() && said(&output).contains("found: one"), "{}", said(&output));
    site.record();
    nothing_is_asked(&site);
    let output = site.lmborrow(&["-return", "one"]);
    assert!(output.status.success(), "{}", said(&output));
    let other = site.command(port, "one", &["--user", "bob"], "true").output().unwrap();
    assert_eq!(number(&other), 0, "{}", said(&other));

    // Straight back, without any look before.
    killed(&site, &wire, At::HoldAnswer, 3);
    let output = site.lmborrow(&["-return", "one"]);
    assert!(output.status.success() && said(&output).contains("returned: one"), "{}", said(&output));
    nothing_is_asked(&site);
}

#[test]
fn a_request_that_never_came_to_the_server_is_forgotten_when_it_can_come_no_more() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    let wire = CutWire::to(daemon.port);
    killed(&site, &wire, At::HoldRequest, 3);
    let output = site.lmborrow(&["-renew"]);
    assert!(output.status.success() && said(&output).contains("open: one"), "{}", said(&output));
    let path = files(&site.borrows(), "asked").remove(0);
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, at) = text.split_once("\nat=").unwrap();
    let earlier = seatkeeper::time::Timestamp(site.now().0 - 61_000);
    assert_eq!(at.trim().len(), earlier.to_string().len());
    std::fs::write(&path, format!("{head}\nat={earlier}\n")).unwrap();
    let output = site.lmborrow(&["-renew"]);
    assert!(output.status.success() && said(&output).contains("not lent: one"), "{}", said(&output));
    nothing_is_asked(&site);
    let log = daemon.log_until_now();
    assert!(!log.contains("OUT: \"one\""), "{log}");

    // What nobody can read or use any more is removed, and nothing else.
    killed(&site, &wire, At::HoldRequest, 3);
    assert!(!said(&site.lmborrow(&["-purge"])).contains("removed"));
    let path = files(&site.borrows(), "asked").remove(0);
    std::fs::write(&path, "nonsense").unwrap();
    assert!(said(&site.lmborrow(&["-status"])).contains(".asked is damaged: "));
    assert!(said(&site.lmborrow(&["-purge"])).contains("removed"));
    nothing_is_asked(&site);
}

#[test]
fn a_recall_does_not_hide_it() {
    let license = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE one LGS 1.0 permanent 1 BORROW=48\n";
    let system = crate::system::System::start(license, &[]);
    let site = Site::new(LICENSE);
    let wire = CutWire::to(system.vendor_port());
    killed(&site, &wire, At::HoldAnswer, 3);
    let handle = || {
        let shown = crate::system::printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
        let line = shown.lines().find(|line| line.contains("(linger: "))?;
        let place = line.split(['(', ')']).find(|text| text.contains('/'))?;
        place.rsplit(' ').next().map(ToOwned::to_owned)
    };
    until("lmstat to show it", || handle().is_some());
    let output = system.tool(&["lmborrow", "-recall", "-c", &system.place(), "one", &handle().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let output = site.lmborrow(&["-renew"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("found: one") && said(&output).contains("given back: one"));
    assert!(records(&site.borrows()).is_empty());
    let other = site.command(system.port, "one", &["--user", "bob"], "true").output().unwrap();
    assert_eq!(number(&other), 0, "{}", said(&other));
}
