//! The long spans of a borrow, under a clock that the test moves.

use std::time::{Duration, UNIX_EPOCH};

use crate::daemon::until;
use crate::moved_clock::{MovedClock, days, hours};
use crate::{LICENSE, Site, number, records, said};

fn site() -> Option<Site> {
    MovedClock::new().map(|clock| Site::on(LICENSE, "", Some(clock)))
}

fn pass(site: &Site, ms: i64) {
    if let Some(clock) = &site.clock {
        clock.pass(ms);
    }
}

/// Whether another user gets the license.
fn free(site: &Site, port: u16) -> bool {
    let output = site.command(port, "one", &["--user", "bob"], "true").output().unwrap();
    let number = number(&output);
    assert!(number == 0 || number == -4, "{}", said(&output));
    number == 0
}

#[test]
fn dom_85_dom_93_usable_without_the_server_to_the_last_second_of_the_day_and_not_after() {
    let Some(site) = site() else { return };
    let daemon = site.serve();
    let port = daemon.port;
    let at = |ms: i64| jiff::Timestamp::from_millisecond(ms).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
    let end = at(site.now().0)
        .tomorrow()
        .unwrap()
        .date()
        .at(23, 59, 59, 0)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .unwrap();
    let day = end.strftime("%d-%b-%Y").to_string().to_lowercase();
    assert!(site.lmborrow(&["all", &day]).status.success());
    assert_eq!(site.run(port, "one"), 0);
    daemon.stop();
    assert!(site.lmborrow(&["-clear"]).status.success());
    let left = |site: &Site| end.timestamp().as_millisecond() - site.now().0;
    pass(&site, left(&site) - hours(1));
    assert_eq!(site.run(port, "one"), 0);
    pass(&site, left(&site) - 20_000);
    assert_eq!(site.run(port, "one"), 0, "20 seconds before the end");
    pass(&site, left(&site) + 1000);
    let output = site.command(port, "one", &[], "true").output().unwrap();
    assert_eq!(number(&output), -118, "{}", said(&output));
    assert!(said(&output).contains("BORROW period has expired"), "{}", said(&output));
    // Once seen as over it stays so.
    if let Some(clock) = &site.clock {
        clock.set(hours(-20));
    }
    assert_eq!(site.run(port, "one"), -118);
    if let Some(clock) = &site.clock {
        clock.set(hours(20));
    }

    let _daemon = site.serve_at(port);
    assert!(!free(&site, port), "the server waits as long as clocks may differ");
    pass(&site, 595_000 + left(&site).min(0));
    pass(&site, 10_000);
    until("the license is free again", || free(&site, port));
    assert_eq!(site.run(port, "one"), 0, "from the server");
    assert!(records(&site.borrows()).is_empty(), "what is over is purged when the server is met");
}

#[test]
fn a_lost_laptop_costs_the_borrow_or_one_span_of_a_renewable_one() {
    for (order, span) in [("", 40), (" renew=24", 24)] {
        let Some(site) = site() else { return };
        let daemon = site.serve();
        let port = daemon.port;
        assert_eq!(site.borrow(port, "one", &format!("{}{order}", site.order(40))), 0);
        std::fs::remove_dir_all(site.borrows()).unwrap();
        pass(&site, hours(span));
        assert!(!free(&site, port), "{span} h and no margin");
        pass(&site, 600_000);
        until("the license is free again", || free(&site, port));
        daemon.stop();
    }
}

#[test]
fn a_clock_that_is_set_back_is_refused_until_the_server_was_met() {
    let Some(site) = site() else { return };
    let daemon = site.serve();
    let port = daemon.port;
    assert_eq!(site.borrow(port, "one", &site.order(47)), 0);
    daemon.stop();
    pass(&site, hours(2));
    assert_eq!(site.run(port, "one"), 0);
    let clock = site.clock.as_ref().unwrap();
    clock.set(hours(-23));
    assert_eq!(site.run(port, "one"), 0, "a day is tolerated");
    clock.set(hours(-2));
    let output = site.command(port, "one", &[], "true").output().unwrap();
    assert_eq!(number(&output), -88, "{}", said(&output));
    clock.set(hours(25));
    let output = site.command(port, "one", &[], "true").output().unwrap();
    assert_eq!(number(&output), -88, "the right clock alone does not mend it: {}", said(&output));
    assert!(said(&site.lmborrow(&["-status"])).contains("the clock was set back"));
    let before = std::fs::read_to_string(site.record()).unwrap();
    let ends = |text: &str| text.split("ends=").nth(1).unwrap().split('\\').next().unwrap().to_owned();

    let daemon = site.serve_at(port);
    assert_eq!(site.run(port, "one"), 0, "the server was met");
    daemon.stop();
    assert_eq!(site.run(port, "one"), 0);
    let after = std::fs::read_to_string(site.record()).unwrap();
    assert_eq!(ends(&before), ends(&after), "with the same end");
}

#[test]
fn a_renewable_record_renews_itself_at_checkouts_and_lapses_without_the_server() {
    let Some(site) = site() else { return };
    let daemon = site.serve();
    let port = daemon.port;
    assert_eq!(site.borrow(port, "one", &format!("{} renew=10", site.order(40))), 0);
    pass(&site, hours(9));
    // In the background, while the program runs.
    let fetched = || {
        let text = std::fs::read_to_string(site.record()).unwrap();
        text.lines().find(|line| line.starts_with("fetched=")).unwrap().to_owned()
    };
    let before = fetched();
    assert_eq!(site.run(port, "one"), 0);
    assert_ne!(fetched(), before, "a program that ends at once renews it too");
    // Another program has just tried; the one that works longer does without.
    pass(&site, hours(9));
    let now = Duration::from_millis(site.now().0.unsigned_abs());
    let tried = std::fs::File::create(site.record().with_extension("tried")).unwrap();
    tried.set_modified(UNIX_EPOCH + now).unwrap();
    let before = fetched();
    let mut child = site.hold(port, "one");
    until("the record to be renewed", || fetched() != before);
    std::fs::write(site.path("end"), "").unwrap();
    assert!(child.wait().unwrap().success());
    daemon.stop();
    pass(&site, hours(9));
    assert_eq!(site.run(port, "one"), 0, "quietly, while its record lasts");
    pass(&site, hours(2));
    let output = site.command(port, "one", &[], "true").output().unwrap();
    assert_eq!(number(&output), -118, "{}", said(&output));
    assert!(!site.lmborrow(&["-purge"]).status.success() || records(&site.borrows()).len() == 1);
    // The server has freed the license 10 minutes after the record's end: it knows the borrow no more.
    let _daemon = site.serve_at(port);
    assert_eq!(site.run(port, "one"), 0);
    assert!(records(&site.borrows()).is_empty());
}

#[test]
fn a_borrow_survives_a_night_with_the_machine_off() {
    let Some(site) = site() else { return };
    let daemon = site.serve();
    let port = daemon.port;
    assert_eq!(site.borrow(port, "many", &site.order(160)), 0);
    daemon.stop();
    let clock = site.clock.as_ref().unwrap();
    clock.boot_after(days(3));
    assert_eq!(site.run(port, "many"), 0);
    clock.boot_after(days(2));
    assert_eq!(site.run(port, "many"), 0);
    clock.boot_after(days(-3));
    assert_eq!(site.run(port, "many"), -88);
}
