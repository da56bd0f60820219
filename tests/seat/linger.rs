//! Licenses that stay in use after they were given up (`flexnet-files.md` 3.12), the cases of its section 8.2 by id.

use seatkeeper::event::{EndReason, Event, In, InReason, Lingering};
use seatkeeper::seat::{Command, State, Tenure, next_wakeup};
use seatkeeper::sign::Manifest;

use super::bench::{Bench, TODAY, catalog_under, events, fold, invariants};

const FX: &str = "INCREMENT fx LGS 2.0 permanent 1";
const ANN: &str = "ann@h1";
const BOB: &str = "bob@h2";

/// For how many seconds nobody else gets the license that ann checks in.
fn busy(mut bench: Bench, most: i64) -> i64 {
    let grant = bench.grant(ANN, "fx", "2.0");
    bench.back(ANN, grant.handle);
    for second in 0..most {
        if bench.out(BOB, "fx", "2.0", 1) == 0 {
            return second;
        }
        bench.pass(1);
    }
    most
}

#[test]
fn cases_o55_o56_the_larger_of_the_publishers_time_and_the_options_files_counts() {
    let of_line = format!("{FX} LINGER=600");
    assert_eq!(busy(Bench::with_options(&of_line, "LINGER fx 3600"), 4000), 3600);
    assert_eq!(busy(Bench::with_options(&of_line, "LINGER fx 60"), 4000), 600);
    assert_eq!(busy(Bench::new(&of_line), 4000), 600);
    assert_eq!(busy(Bench::with_options(FX, "LINGER fx 0"), 4000), 0);
    let manifest = Manifest { linger_s: 20, ..Manifest::demo() };
    assert_eq!(busy(Bench::with(catalog_under(&[FX], &manifest)), 4000), 20);
    let of_line = "INCREMENT fx LGS 2.0 permanent 1 LINGER=5";
    assert_eq!(busy(Bench::with(catalog_under(&[of_line], &manifest)), 4000), 5, "the line goes before");
}

#[test]
fn case_o57_a_license_that_has_lingered_is_free_when_the_next_request_is_judged() {
    let mut bench = Bench::with_options(FX, "LINGER fx 30");
    let grant = bench.grant(ANN, "fx", "2.0");
    bench.back(ANN, grant.handle);
    // Nobody lets time bring anything in between.
    bench.now.utc.0 += 31_000;
    assert_eq!(next_wakeup(&bench.state).map(|due| due.0), Some(TODAY.0 + 30_000));
    assert_eq!(bench.out(BOB, "fx", "2.0", 1), 0);
    let back = events(&bench.history).any(
        |event| matches!(event, Event::In(In { handle, why: InReason::Linger, .. }) if *handle == grant.handle),
    );
    assert!(back);
}

#[test]
fn case_o58_lingering_ends_with_the_license() {
    let mut bench = Bench::with_options("INCREMENT fx LGS 2.0 15-jun-2026 1", "LINGER fx 3600");
    // 23:50 of the last day.
    bench.pass(11 * 3600 + 50 * 60);
    let grant = bench.grant(ANN, "fx", "2.0");
    bench.back(ANN, grant.handle);
    let Some(Event::Lingering(Lingering { until, cut: true, .. })) = events(&bench.history).last() else {
        panic!("{:?}", bench.history.last());
    };
    assert_eq!(until.0, TODAY.0 + 12 * 3_600_000);
    bench.pass(599);
    assert_eq!(bench.out(BOB, "fx", "2.0", 1), -4);
    bench.pass(1);
    assert_eq!(bench.state.seats().count(), 0);
    assert_eq!(bench.out(BOB, "fx", "2.0", 1), -10);
}

#[test]
fn case_o58_what_is_given_up_after_the_end_does_not_linger() {
    let mut bench = Bench::with_options("INCREMENT fx LGS 2.0 15-jun-2026 1", "LINGER fx 3600");
    let grant = bench.grant(ANN, "fx", "2.0");
    bench.pass(24 * 3600);
    bench.back(ANN, grant.handle);
    assert_eq!(bench.state.seats().count(), 0);
}

#[test]
fn case_o83_the_same_user_host_and_display_takes_its_license_back() {
    let mut bench = Bench::with_options(FX, "LINGER fx 3600");
    let first = bench.grant(ANN, "fx", "2.0");
    bench.back(ANN, first.handle);
    bench.pass(100);
    assert_eq!(bench.out(BOB, "fx", "2.0", 1), -4);
    assert_eq!(bench.out("ann@h2", "fx", "2.0", 1), -4, "another host");
    assert_eq!(bench.out_with("ann@h1/other", &["disp=:9"], "fx", "2.0"), -4, "another display");
    let second = bench.grant(ANN, "fx", "2.0");
    assert!(second.handle > first.handle);
    assert_eq!(bench.state.seats().count(), 1);
    // Lingering starts anew.
    bench.back(ANN, second.handle);
    bench.pass(3599);
    assert_eq!(bench.out(BOB, "fx", "2.0", 1), -4);
    bench.pass(1);
    assert_eq!(bench.out(BOB, "fx", "2.0", 1), 0);
    assert_eq!(fold(&bench.history), bench.state);
}

#[test]
fn the_end_of_a_session_makes_its_seats_linger_and_another_session_takes_them_back() {
    let mut bench = Bench::with_options(FX, "LINGER fx 3600");
    bench.grant(ANN, "fx", "2.0");
    bench.all_in();
    assert_eq!((bench.state.session_count(), bench.state.seats().count()), (0, 1));
    invariants(&bench.state, &bench.catalog, bench.now);
    let through_snapshot = State::from_snapshot(&bench.state.snapshot()).unwrap();
    assert_eq!(through_snapshot, bench.state);
    bench.state = through_snapshot;
    assert_eq!(bench.out(BOB, "fx", "2.0", 1), -4);
    assert_eq!(bench.out(ANN, "fx", "2.0", 1), 0);
    assert_eq!(bench.state.seats().count(), 1);
}

#[test]
fn a_client_that_takes_its_license_back_is_not_counted_twice_by_limits_and_reservations() {
    let lines = "INCREMENT fx LGS 2.0 permanent 3";
    let options = "LINGER fx 3600\nMAX 1 fx USER ann\nRESERVE 1 fx USER ann\nMAX 2 fx USER bob";
    let mut bench = Bench::with_options(lines, options);
    for _ in 0..3 {
        let grant = bench.grant(ANN, "fx", "2.0");
        bench.back(ANN, grant.handle);
    }
    assert_eq!(bench.state.seats().count(), 1);
    let both = [bench.grant(BOB, "fx", "2.0"), bench.grant(BOB, "fx", "2.0")];
    both.iter().for_each(|grant| bench.back(BOB, grant.handle));
    assert_eq!(bench.out(BOB, "fx", "2.0", 3), -87);
    assert_eq!(bench.out(BOB, "fx", "2.0", 2), 0, "takes two back");
    assert_eq!(bench.state.seats().count(), 2);
    assert_eq!(bench.out(ANN, "fx", "2.0", 1), 0);
    assert_eq!(bench.out("joe@h1", "fx", "2.0", 1), -4);
}

#[test]
fn of_several_pools_the_one_with_the_clients_lingering_license_comes_first() {
    let lines = "INCREMENT fx LGS 2.0 permanent 1 VENDOR_STRING=a SN=1\nINCREMENT fx LGS 3.0 permanent 1";
    let mut bench = Bench::with_options(lines, "LINGER fx 3600");
    let held = bench.grant(BOB, "fx", "2.0");
    let ann = bench.grant(ANN, "fx", "2.0");
    assert_ne!(held.pool, ann.pool);
    bench.back(ANN, ann.handle);
    bench.back(BOB, held.handle);
    bench.pass(10);
    let again = bench.grant(ANN, "fx", "2.0");
    assert_eq!(again.pool, ann.pool);
    assert_eq!(bench.state.seats().count(), 2);
}

#[test]
fn a_lingering_member_of_a_group_is_just_a_member() {
    let lines = "INCREMENT fx LGS 2.0 permanent 2 DUP_GROUP=U";
    let mut bench = Bench::with_options(lines, "LINGER fx 60");
    let first = bench.grant("ann@h1", "fx", "2.0");
    bench.back("ann@h1", first.handle);
    bench.pass(10);
    let second = bench.grant("ann@h2", "fx", "2.0");
    let in_use = |bench: &Bench| bench.state.pool(&second.pool).map_or(0, |used| used.in_use());
    assert_eq!(in_use(&bench), 1);
    // It comes back, and the group goes on with the other.
    bench.pass(50);
    assert_eq!((in_use(&bench), bench.state.seats().count()), (1, 1));
    let third = bench.grant("ann@h1", "fx", "2.0");
    bench.back("ann@h2", second.handle);
    bench.back("ann@h1", third.handle);
    assert_eq!((in_use(&bench), bench.state.seats().count()), (1, 2));
    // Who takes its own back and is alone begins a group again.
    bench.pass(59);
    assert_eq!(bench.out("ann@h1", "fx", "2.0", 1), 0);
    bench.pass(1);
    assert_eq!((in_use(&bench), bench.state.seats().count()), (1, 1));
    assert_eq!(bench.out("bob@h1", "fx", "2.0", 1), 0);
    assert_eq!(bench.out("joe@h1", "fx", "2.0", 1), -4);
    invariants(&bench.state, &bench.catalog, bench.now);
}

#[test]
fn lingering_seats_move_at_a_reread_and_end_where_no_pool_is_left() {
    let mut bench = Bench::with_options("INCREMENT fx LGS 2.0 permanent 1", "LINGER fx 60");
    let grant = bench.grant(ANN, "fx", "2.0");
    bench.back(ANN, grant.handle);
    bench.reread("INCREMENT fx LGS 3.0 permanent 1", "");
    let seat = bench.state.seat(grant.handle).expect("it lingers on");
    assert!(matches!(seat.tenure, Tenure::Lingering { .. }) && seat.pool != grant.pool);
    assert_eq!(bench.out(BOB, "fx", "2.0", 1), -4);
    assert_eq!(bench.out(ANN, "fx", "2.0", 1), 0, "it is found in the other pool");
    bench.all_in();
    assert_eq!(bench.state.seats().count(), 0, "the new options file has no LINGER");

    let mut bench = Bench::with_options("INCREMENT fx LGS 2.0 permanent 1", "LINGER fx 60");
    let grant = bench.grant(ANN, "fx", "2.0");
    bench.back(ANN, grant.handle);
    bench.reread("INCREMENT fy LGS 2.0 permanent 1", "");
    assert_eq!(bench.state.seats().count(), 0);
    assert_eq!(next_wakeup(&bench.state), None);
}

#[test]
fn what_lingers_belongs_to_no_session() {
    let mut bench = Bench::with_options(FX, "LINGER fx 60");
    let grant = bench.grant(ANN, "fx", "2.0");
    bench.back(ANN, grant.handle);
    let id = bench.session(ANN, &[]);
    assert_eq!(bench.state.session(id).unwrap().handles().count(), 0);
    bench.run(&Command::End(id, EndReason::Goodbye));
    assert_eq!(bench.state.seats().count(), 1);
    bench.pass(60);
    assert_eq!(bench.state.seats().count(), 0);
}

#[test]
fn a_crowd_of_lingering_seats_comes_back_in_records_of_bounded_size() {
    let mut bench = Bench::with_options("INCREMENT fx LGS 2.0 permanent 3000", "LINGER fx 60");
    for _ in 0..2500 {
        bench.grant(ANN, "fx", "2.0");
    }
    bench.all_in();
    assert_eq!(bench.state.seats().count(), 2500);
    bench.pass(60);
    assert_eq!((bench.state.seats().count(), bench.state.pools().count()), (0, 0));
    let most = bench.history.iter().rev().take(3).map(|record| record.events.len()).max();
    assert_eq!(most, Some(1024));
}
