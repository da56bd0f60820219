//! The life of a borrow: out, off line, back.

use crate::daemon::{signal, until};
use crate::system::{System, printed};
use crate::{LICENSE, Site, number, records, said};

/// A system of lmgrd and vendor daemon.
const SYSTEM: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE one LGS 1.0 permanent 1 BORROW=48\n\
     FEATURE many LGS 2.0 permanent 10 BORROW\n";

fn lmstat(system: &System) -> String {
    printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]))
}

#[test]
fn dom_91_a_borrow_works_with_the_plug_pulled_and_comes_back_early() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    let port = daemon.port;
    let end = site.order(30);
    let (_, end) = end.split_once(":LGS:").unwrap();
    let output = site.lmborrow(&["LGS", end]);
    assert!(output.status.success() && said(&output).contains(&format!(":LGS:{end}\n")), "{}", said(&output));
    assert!(records(&site.borrows()).is_empty(), "nothing is borrowed yet");
    assert_eq!(site.run(port, "one"), 0);
    site.record();
    let status = said(&site.lmborrow(&["-status"]));
    let (day, time) = end.split_once(':').unwrap();
    assert!(
        status.contains(&format!("\nLGS             one                               {day} {time}\n")),
        "{status}"
    );
    let other = site.command(port, "one", &["--user", "bob"], "true").output().unwrap();
    assert_eq!(number(&other), -4, "{}", said(&other));

    daemon.stop();
    for _ in 0..3 {
        assert_eq!(site.run(port, "one"), 0, "without any server");
    }
    assert_eq!(site.run(port, "plain"), -15, "what is not borrowed is not there");
    let output = site.lmborrow(&["-return", "one"]);
    assert_eq!(number(&output), -124, "{}", said(&output));
    assert_eq!(site.run(port, "one"), 0, "nothing is lost by that");

    let _daemon = site.serve_at(port);
    assert_eq!(number(&site.lmborrow(&["-return", "-d", ":8", "one"])), -128);
    // Another machine has no record of it, and nothing to give back.
    let other =
        site.program(&["lmborrow", "-return", "one"]).env("SEATKEEPER_BORROW_DIR", site.path("pc2")).output();
    assert_eq!(number(&other.unwrap()), -128);
    let output = site.lmborrow(&["-return", "one"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(records(&site.borrows()).is_empty());
    let output = site.command(port, "one", &["--user", "bob"], "true").output().unwrap();
    assert_eq!(number(&output), 0, "it is free at once: {}", said(&output));
    assert_eq!(site.run(port, "one"), 0);
    assert!(records(&site.borrows()).is_empty(), "who gave it back does not borrow it again");
    assert_eq!(number(&site.lmborrow(&["-return", "one"])), -128);
}

#[test]
fn dom_86_dom_92_restarts_lmremove_and_lmdown_leave_it_out() {
    let mut system = System::start(SYSTEM, &[]);
    let laptop = Site::new(LICENSE);
    assert_eq!(laptop.borrow(system.port, "one", &laptop.order(24)), 0);
    let shown = lmstat(&system);
    let line = shown.lines().find(|line| line.contains("(linger: ")).unwrap_or_else(|| panic!("{shown}"));
    let (_, linger) = line.split_once("(linger: ").unwrap();
    let total: i64 = linger.split(['/', ')']).nth(1).unwrap().trim().parse().unwrap();
    assert!((total - 24 * 3600).abs() <= 120, "{line}");
    let words: Vec<&str> = line.split_whitespace().collect();
    let output = system.tool(&["lmremove", "-c", &system.place(), "one", words[0], words[1], words[2]]);
    assert_eq!(number(&output), -100, "{}", printed(&output));
    let output = system.tool(&["lmdown", "-c", &system.place(), "-q"]);
    assert_eq!(number(&output), -120, "{}", printed(&output));

    let before = system.vendor_pid();
    signal(before, "KILL");
    until("the vendor daemon to run again", || {
        system.vendor_pid() != before && lmstat(&system).contains("(linger: ")
    });
    let other = laptop.command(system.port, "one", &["--user", "bob"], "true").output().unwrap();
    assert_eq!(number(&other), -4, "{}", said(&other));
    assert_eq!(laptop.run(system.port, "one"), 0);

    let output = system.tool(&["lmdown", "-c", &system.place(), "-q", "-force"]);
    assert!(output.status.success(), "{}", printed(&output));
    assert_eq!(system.wait().code(), Some(0));
    assert_eq!(laptop.run(system.port, "one"), 0, "it goes on without the server");
}

#[test]
fn a_recall_takes_a_renewable_borrow_back_when_its_machine_meets_the_server() {
    let system = System::start(SYSTEM, &[]);
    let laptop = Site::new(LICENSE);
    let order = format!("{} renew=1", laptop.order(24));
    assert_eq!(laptop.borrow(system.port, "one", &order), 0);
    let status = said(&laptop.lmborrow(&["-status"]));
    assert!(status.contains("(renewable until "), "{status}");
    let shown = lmstat(&system);
    let line = shown.lines().find(|line| line.contains("(linger: ")).unwrap_or_else(|| panic!("{shown}"));
    let handle = line
        .split(['(', ')'])
        .find(|text| text.contains('/'))
        .unwrap()
        .rsplit(' ')
        .next()
        .unwrap()
        .to_owned();
    let place = system.place();
    let recall = |feature: &str, handle: &str| {
        system.tool(&["lmborrow", "-recall", "-c", &place, "-vendor", "LGS", feature, handle])
    };
    assert_eq!(number(&recall("many", &handle)), -128);
    assert_eq!(number(&recall("one", "99")), -128);
    let output =
        system.tool(&["lmborrow", "-recall", "-c", &place, "--admin-key", "test.lic", "one", &handle]);
    assert_ne!(number(&output), 0, "without the administrator's key: {}", printed(&output));
    let output = recall("one", &handle);
    assert!(output.status.success(), "{}", printed(&output));
    assert!(printed(&output).contains("recalled: one "), "{}", printed(&output));

    assert_eq!(laptop.run(system.port, "one"), 0, "its record is good until its end");
    let output = laptop.lmborrow(&["-renew"]);
    assert!(output.status.success() && said(&output).contains("given back: one"), "{}", said(&output));
    assert!(records(&laptop.borrows()).is_empty());
    let other = laptop.command(system.port, "one", &["--user", "bob"], "true").output().unwrap();
    assert_eq!(number(&other), 0, "{}", said(&other));
}

#[test]
fn lmborrow_takes_both_forms_and_refuses_what_is_none() {
    let site = Site::new(LICENSE);
    let status = |arguments: &[&str]| site.lmborrow(arguments).status.code().unwrap();
    for words in [
        &[][..],
        &["LGS"],
        &["LGS", "tomorrow"],
        &["LGS", "31-dec-2035", "25:00"],
        &["-status", "x"],
        &["-return"],
        &["-recall", "one", "1"],
        &["-status", "-clear"],
        &["LGS", "31-dec-2035", "--renew-every", "0"],
    ] {
        assert_eq!(status(words), 1, "{words:?}");
    }
    assert_eq!(number(&site.lmborrow(&["LGS", "1-jan-2020"])), -42);
    for words in [
        &["LGS", "31-dec-2035"][..],
        &["LGS", "31-dec-2035", "18:00"],
        &["LGS", "31-dec-2035:18:00"],
        &["all", "31-dec-2035", "--renew-every"],
    ] {
        let output = site.lmborrow(words);
        assert!(output.status.success(), "{}", said(&output));
    }
    let shown = said(&site.lmborrow(&["-status"]));
    assert!(shown.contains(":all:31-dec-2035 renew=24\n"), "{shown}");
    assert_eq!(status(&["-clear"]), 0);
    assert!(said(&site.lmborrow(&["-clear"])).contains("There was no order"));
    // Under the name of the old tool too.
    let link = crate::system::link(site.dir.path(), "lmborrowl");
    assert!(std::process::Command::new(link).arg("-status").output().unwrap().status.success());
}
