//! Licenses of users who are idle (`flexnet-files.md` 5.7), the cases of its section 8.2 by id.

use seatkeeper::event::{Event, In, InReason};
use seatkeeper::seat::Command;
use seatkeeper::sign::Manifest;

use super::bench::{Bench, catalog_under};

const LINES: &str = "INCREMENT fx LGS 2.0 permanent 1\nINCREMENT fy LGS 2.0 permanent 1";
const ANN: &str = "ann@h1";

/// After how many seconds ann's license is taken back, if her client says every minute how long she has been idle.
fn reclaimed(bench: &mut Bench, feature: &str, most: u32) -> Option<u32> {
    let grant = bench.grant(ANN, feature, "2.0");
    let id = bench.session(ANN, &[]);
    for idle_s in (60..=most).step_by(60) {
        bench.pass(60);
        let decision = bench.run(&Command::Idle { session: id, idle_s });
        if let [Event::In(In { handle, why: InReason::Inactive, .. })] = decision.events[..] {
            assert_eq!(handle, grant.handle);
            return Some(idle_s);
        }
        assert!(decision.events.is_empty());
    }
    None
}

#[test]
fn cases_o59_o60_an_idle_users_license_is_taken_back_no_sooner_than_the_publisher_says() {
    assert_eq!(reclaimed(&mut Bench::with_options(LINES, "TIMEOUT fx 3600"), "fx", 9000), Some(3600));
    assert_eq!(reclaimed(&mut Bench::with_options(LINES, "TIMEOUT fx 60"), "fx", 9000), Some(900));
    assert_eq!(reclaimed(&mut Bench::with_options(LINES, "TIMEOUT fx 0"), "fx", 9000), None);
    let mut bench = Bench::with_options(LINES, "TIMEOUT fx 60");
    bench.catalog = catalog_under(&[LINES], &Manifest { timeout_minimum_s: 7200, ..Manifest::demo() });
    assert_eq!(reclaimed(&mut bench, "fx", 9000), Some(7200));
}

#[test]
fn case_o61_without_a_line_nobody_is_idle() {
    assert_eq!(reclaimed(&mut Bench::new(LINES), "fx", 90_000), None);
}

#[test]
fn case_o62_timeoutall_is_for_every_feature() {
    for feature in ["fx", "fy"] {
        let mut bench = Bench::with_options(LINES, "TIMEOUTALL 1800");
        assert_eq!(reclaimed(&mut bench, feature, 9000), Some(1800), "{feature}");
    }
}

#[test]
fn a_license_is_idle_since_its_checkout_at_most_and_does_not_linger() {
    let mut bench = Bench::with_options(LINES, "TIMEOUT fx 900\nLINGER fx 3600");
    let id = bench.session(ANN, &[]);
    let grant = bench.grant(ANN, "fx", "2.0");
    assert!(bench.run(&Command::Idle { session: id, idle_s: 100_000 }).events.is_empty());
    bench.pass(900);
    assert!(bench.run(&Command::Idle { session: id, idle_s: 5 }).events.is_empty());
    assert_eq!(bench.run(&Command::Idle { session: id, idle_s: 900 }).events.len(), 1);
    assert_eq!(bench.state.seat(grant.handle), None);
    assert_eq!(bench.out("bob@h2", "fx", "2.0", 1), 0);
}

#[test]
fn a_suites_license_comes_back_with_that_of_its_component() {
    let lines =
        "PACKAGE office LGS 2.0 COMPONENTS=\"fx fy\" OPTIONS=SUITE\nINCREMENT office LGS 2.0 permanent 1";
    let mut bench = Bench::with_options(lines, "TIMEOUT fx 900");
    let id = bench.session(ANN, &[]);
    bench.grant(ANN, "fx", "2.0");
    assert_eq!(bench.state.seats().count(), 2);
    bench.pass(900);
    assert_eq!(bench.run(&Command::Idle { session: id, idle_s: 900 }).events.len(), 2);
    assert_eq!(bench.state.seats().count(), 0);
}
