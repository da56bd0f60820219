//! What lmborrow says of what it did, and of what it did not.

use crate::cut_wire::{At, CutWire};
use crate::daemon::until;
use crate::system::{System, printed};
use crate::{LICENSE, Site, files, number, records, said};

#[test]
fn renew_says_that_nothing_is_borrowed() {
    let site = Site::new(LICENSE);
    let output = site.lmborrow(&["-renew"]);
    assert!(
        output.status.success() && said(&output).ends_with("Nothing is borrowed here.\n"),
        "{}",
        said(&output)
    );
    let daemon = site.serve();
    assert_eq!(site.borrow(daemon.port, "one", &site.order(24)), 0);
    let output = site.lmborrow(&["-renew", "nosuch"]);
    assert_eq!(number(&output), -128, "{}", said(&output));
    assert!(said(&output).contains("nothing is borrowed here of nosuch\n"), "{}", said(&output));
    let output = site.lmborrow(&["-renew", "one"]);
    let shown = said(&output);
    assert!(
        output.status.success() && shown.contains("renewed: one until ") && !shown.contains('Z'),
        "{shown}"
    );
}

#[test]
fn return_says_what_there_is_instead_and_that_the_order_is_cleared() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    let order = site.order(24);
    let (_, end) = order.split_once(":LGS:").unwrap();
    assert!(site.lmborrow(&["LGS", end]).status.success());
    assert_eq!(site.run(daemon.port, "one"), 0);
    for (which, asked) in [
        (["-bv", "2.0"], "nothing is borrowed here of one in version 2.0 by "),
        (["-vendor", "acme"], "nothing is borrowed here of one from vendor acme by "),
    ] {
        let output = site.lmborrow(&[&["-return", "one"], &which[..]].concat());
        assert_eq!(number(&output), -128, "{}", said(&output));
        assert!(said(&output).contains(asked), "{}", said(&output));
        assert!(said(&output).contains("; there is version 1.0 from vendor LGS by "), "{}", said(&output));
    }
    let output = site.program(&["lmborrow", "-return", "one"]).env("LM_BORROW", &order).output().unwrap();
    let shown = said(&output);
    assert!(output.status.success() && shown.contains("returned: one 1.0 to "), "{shown}");
    assert!(shown.contains(&format!("\nNo further borrowing: LM_BORROW={order} is cleared.\n")), "{shown}");
    assert!(shown.contains(&format!("\nThe environment still has LM_BORROW={order}, ")), "{shown}");
    assert_eq!(site.borrow(daemon.port, "one", &order), 0);
    let shown = said(&site.lmborrow(&["-return", "one"]));
    assert!(shown.contains("returned: one") && !shown.contains("LM_BORROW"), "nothing more is so: {shown}");
}

#[test]
fn status_shows_a_borrow_once_after_a_kill() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    let wire = CutWire::to(daemon.port);
    // One to the license manager; greeting, request, line and record; then the record is kept, and the farewell follows.
    wire.plan_at(At::HoldRequest, 6, usize::MAX);
    let mut command = site.command(wire.port, "one", &[], "true");
    let mut child = command.env("LM_BORROW", site.order(30)).spawn().unwrap();
    until("the farewell", || wire.holds());
    child.kill().unwrap();
    child.wait().unwrap();
    wire.heal();
    site.record();
    let shown = said(&site.lmborrow(&["-status"]));
    assert_eq!(shown.matches("LGS             one ").count(), 1, "{shown}");
    assert!(files(&site.borrows(), "asked").is_empty() && files(&site.borrows(), "asking").is_empty());
    assert_eq!(site.run(wire.port, "one"), 0);
}

#[test]
fn of_several_returns_at_a_time_one_is_at_work_and_no_program_is_said_to_use_the_license() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    let wire = CutWire::to(daemon.port);
    assert_eq!(site.borrow(wire.port, "one", &site.order(30)), 0);
    // One to the license manager, the greeting, and the return.
    wire.plan_at(At::HoldRequest, 3, usize::MAX);
    let mut first = site.program(&["lmborrow", "-return", "one"]).spawn().unwrap();
    until("the first return to be on its way", || wire.holds());
    let output = site.lmborrow(&["-return", "one"]);
    assert_eq!(number(&output), -124, "{}", said(&output));
    assert!(said(&output).contains("another program gives it back at the moment"), "{}", said(&output));
    first.kill().unwrap();
    first.wait().unwrap();
    wire.heal();
    let output = site.lmborrow(&["-return", "one"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(records(&site.borrows()).is_empty() && files(&site.borrows(), "slot").is_empty());
}

#[test]
fn a_recall_says_that_a_record_for_the_whole_time_goes_on() {
    let license = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE one LGS 1.0 permanent 1 BORROW=48\n\
         FEATURE many LGS 2.0 permanent 10 BORROW\n";
    let system = System::start(license, &[]);
    let laptop = Site::new(LICENSE);
    assert_eq!(laptop.borrow(system.port, "one", &laptop.order(24)), 0);
    assert_eq!(laptop.borrow(system.port, "many", &format!("{} renew=1", laptop.order(24))), 0);
    let handle = |feature: &str| {
        let shown = printed(&system.tool(&["lmstat", "-f", feature, "-c", &system.place()]));
        let line = shown.lines().find(|line| line.contains("(linger: ")).unwrap_or_else(|| panic!("{shown}"));
        let place = line.split(['(', ')']).find(|text| text.contains('/')).unwrap();
        place.rsplit(' ').next().unwrap().to_owned()
    };
    for (feature, what) in [
        ("one", "the record goes on until its end, as it was lent for the whole time,"),
        ("many", "the record is renewed no more, and given back when the client is met"),
    ] {
        let place = system.place();
        let output = system.tool(&["lmborrow", "-recall", "-c", &place, feature, &handle(feature)]);
        assert!(output.status.success() && printed(&output).contains(what), "{}", printed(&output));
    }
}
