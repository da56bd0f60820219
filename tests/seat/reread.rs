//! Other licenses and rules under running checkouts, by a reread or a start: cases of `flexnet-files.md` 6.1 and 8.2 by id, and what must hold of the
//! fold.

use seatkeeper::event::{Answer, Event, In, InReason, Moved};
use seatkeeper::seat::{Reply, Violation, check, surplus};

use super::bench::Bench;

const BASE: &str = "INCREMENT fx LGS 2.0 permanent 10\nINCREMENT fy LGS 2.0 permanent 10";

fn moves(events: &[Event]) -> Vec<(&str, &str)> {
    let moved = |event: &'_ Event| matches!(event, Event::Moved(_));
    events
        .iter()
        .filter(|event| moved(event))
        .map(|event| match event {
            Event::Moved(moved) => {
                let Moved { from, to, .. } = &**moved;
                (from.as_str(), to.as_str())
            }
            _ => unreachable!(),
        })
        .collect()
}

#[test]
fn case_o71_a_new_rule_acts_on_the_next_checkout_only() {
    let mut bench = Bench::new(BASE);
    let held = bench.grant("ann@h1", "fx", "2.0");
    let decision = bench.reread(BASE, "EXCLUDE fx USER ann");
    assert_eq!(decision.events.len(), 1, "{decision:?}");
    assert!(bench.state.seat(held.handle).is_some());
    assert_eq!(bench.out("ann@h1", "fx", "2.0", 1), -38);
    bench.back("ann@h1", held.handle);
    bench.reads_back();
}

#[test]
fn case_o74_a_removed_feature_ends_its_seats_and_answers_minus_92() {
    let mut bench = Bench::new(BASE);
    let ann = bench.grant("ann@h1", "fx", "2.0");
    let other = bench.grant("ann@h1", "fy", "2.0");
    let decision = bench.reread("INCREMENT fy LGS 2.0 permanent 10", "");
    let [Event::Reread(reread), Event::In(In { handle, why: InReason::Removed, .. })] = &decision.events[..]
    else {
        panic!("{decision:?}");
    };
    assert_eq!(*handle, ann.handle);
    assert_eq!(reread.removed.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["fx"]);
    assert!(bench.state.seat(ann.handle).is_none() && bench.state.seat(other.handle).is_some());
    let denial = bench.denial("bob@h1", "fx", "2.0");
    assert_eq!((denial.code.number(), denial.minor), (-92, 216));
    assert_eq!(bench.out("bob@h1", "fz", "2.0", 1), -5, "it was never served");
    bench.reads_back();
    // A second reread remembers, and one that brings the line back forgets.
    bench.reread("INCREMENT fy LGS 2.0 permanent 10", "");
    assert_eq!(bench.out("cid@h1", "fx", "2.0", 1), -92);
    bench.reread(BASE, "");
    assert_eq!(bench.out("cid@h1", "fx", "2.0", 1), 0);
    bench.reads_back();
}

#[test]
fn case_o85_seats_move_to_the_new_version_even_if_there_are_too_few() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 permanent 10");
    let ann = bench.grant("ann@h1", "fx", "2.0");
    let bob = bench.grant("bob@h1", "fx", "2.0");
    let decision = bench.reread("INCREMENT fx LGS 3.0 permanent 1", "");
    assert_eq!(moves(&decision.events), [("fx 2", "fx 3"), ("fx 2", "fx 3")]);
    let over = surplus(&bench.state, &bench.catalog, bench.now.utc);
    assert_eq!(over.len(), 1);
    assert_eq!((over[0].in_use, over[0].count), (2, 1));
    assert!(over[0].to_string().ends_with("until 1 has come back"), "{}", over[0]);
    assert_eq!(bench.out("cid@h1", "fx", "2.0", 1), -4);
    bench.back("ann@h1", ann.handle);
    assert_eq!(bench.out("cid@h1", "fx", "2.0", 1), -4, "bob has the one that is left");
    bench.back("bob@h1", bob.handle);
    assert_eq!(bench.out("cid@h1", "fx", "2.0", 1), 0);
    assert!(surplus(&bench.state, &bench.catalog, bench.now.utc).is_empty());
    bench.reads_back();
}

#[test]
fn seats_fill_the_new_pools_in_the_order_of_requests() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 permanent 10");
    for number in 0..4 {
        bench.grant(&format!("u{number}@h1"), "fx", "2.0");
    }
    let lines = "INCREMENT fx LGS 1.0 permanent 9\nINCREMENT fx LGS 3.0 1-jan-2020 9\n\
         INCREMENT fx LGS 3.0 permanent 1 VENDOR_STRING=a BORROW\nINCREMENT fx LGS 4.0 permanent 2";
    let decision = bench.reread(lines, "");
    let to: Vec<&str> = moves(&decision.events).iter().map(|(_, to)| *to).collect();
    let of = |pool: &str| to.iter().filter(|to| to.starts_with(pool)).count();
    // Version 1 is too low and the expired pool is taken only if nothing else is left.
    assert_eq!((of("fx 1"), of("fx 3 BORROW"), of("fx 4")), (0, 1, 3), "{to:?}");
    assert!(to.iter().all(|to| *to != "fx 3"), "{to:?}");
    bench.reads_back();
    // What is served under the same keys stays where it is, whatever its count.
    let again = bench.reread(&lines.replace("permanent 2", "permanent 1"), "");
    assert_eq!(again.events.len(), 1, "{again:?}");
}

#[test]
fn a_seat_keeps_to_the_pools_of_its_own_hostid() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 permanent 2");
    let decision = |bench: &mut Bench, lines: &str| bench.reread(lines, "").events;
    let session = bench.session("ann@h1", &["aaaaaaaaaaaa"]);
    bench.session("bob@h1", &["bbbbbbbbbbbb"]);
    bench.grant("ann@h1", "fx", "2.0");
    bench.grant("bob@h1", "fx", "2.0");
    let events = decision(&mut bench, "INCREMENT fx LGS 2.0 permanent 2 HOSTID=aaaaaaaaaaaa");
    assert_eq!(moves(&events).len(), 1, "{events:?}");
    assert!(events.iter().any(|event| matches!(event, Event::In(back) if back.session != session)));
    // Its feature is still served, so a new request hears of the hostid and not of the removal.
    assert_eq!(bench.out("bob@h1", "fx", "2.0", 1), -9);
    bench.reads_back();
}

#[test]
fn limits_and_reservations_count_the_seats_that_moved() {
    let mut bench = Bench::with_options("INCREMENT fx LGS 2.0 permanent 3", "MAX 2 fx USER ann");
    bench.grant("ann@h1", "fx", "2.0");
    bench.grant("ann@h1", "fx", "2.0");
    bench.reread("INCREMENT fx LGS 3.0 permanent 4", "MAX 2 fx USER ann\nRESERVE 1 fx USER mel");
    assert_eq!(bench.out("ann@h1", "fx", "2.0", 1), -87);
    assert_eq!(bench.out("joe@h1", "fx", "2.0", 1), 0);
    assert_eq!(bench.out("joe@h1", "fx", "2.0", 1), -101);
    assert_eq!(bench.out("mel@h1", "fx", "2.0", 1), 0);
    bench.reads_back();
}

// ---- a start with other files ------------------------------------------------------------------------------------------

#[test]
fn a_start_with_other_files_moves_what_is_out() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 permanent 1\nINCREMENT fy LGS 1.0 permanent 1");
    let ann = bench.grant("ann@h1", "fx", "2.0").handle;
    let events = bench.start_with("INCREMENT fx LGS 2.0 permanent 1 BORROW", "");
    assert!(matches!(events[0], Event::Reread(_)), "{events:?}");
    assert_eq!(moves(&events), [("fx 2", "fx 2 BORROW=168")]);
    assert_eq!(bench.out("bob@h1", "fx", "2.0", 1), -4, "ann has it");
    bench.back("ann@h1", ann);
    assert_eq!(bench.out("bob@h1", "fx", "2.0", 1), 0);
    bench.reads_back();
}

#[test]
fn a_start_without_a_line_for_what_is_out_ends_nothing() {
    let mut bench = Bench::new(BASE);
    let (ann, bob) = (bench.grant("ann@h1", "fx", "2.0").handle, bench.grant("bob@h1", "fy", "2.0").handle);
    let without = "INCREMENT fy LGS 3.0 permanent 1";
    let events = bench.start_with(without, "");
    assert_eq!(moves(&events), [("fy 2", "fy 3")]);
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(bench.state.seat(ann).unwrap().pool.as_str(), "fx 2");
    bench.reads_back();
    // The engine keeps to it.
    let session = bench.session("bob@h1", &[]);
    let ended = Event::In(In { session, handle: bob, why: InReason::Removed });
    let events = [events[0].clone(), ended];
    assert_eq!(check(&bench.state, &bench.catalog, &events, bench.now), Err(Violation::EndedByStart(bob)));
    assert_eq!(
        check(&bench.state, &bench.catalog, &events[1..], bench.now),
        Err(Violation::EndedByStart(bob))
    );
    // With the right files it is in its pool again, and counts.
    assert_eq!(bench.start_with("INCREMENT fx LGS 2.0 permanent 1", ""), []);
    assert_eq!(bench.out("cid@h1", "fx", "2.0", 1), -4);
    // What somebody orders ends it.
    bench.start_with(without, "");
    bench.reread(without, "");
    assert!(bench.state.seat(ann).is_none());
    bench.reads_back();
}

#[test]
fn a_start_with_pools_for_all_that_is_out_records_nothing() {
    let mut bench = Bench::new(BASE);
    bench.grant("ann@h1", "fx", "2.0");
    assert_eq!(
        bench.start_with("INCREMENT fx LGS 2.0 permanent 1\nINCREMENT fz LGS 1.0 permanent 1", ""),
        []
    );
    bench.reads_back();
}

#[test]
fn what_is_held_for_those_who_wait_is_offered_anew_by_a_start_without_its_pool() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 permanent 1");
    let ann = bench.grant("ann@h1", "fx", "2.0").handle;
    let (token, _) = bench.wait("bob@h1", "fx", "2.0", 1);
    bench.back("ann@h1", ann);
    assert!(bench.serve().iter().any(|event| matches!(event, Event::Offered(_))));
    let events = bench.start_with("INCREMENT fx LGS 3.0 permanent 1", "");
    assert!(matches!(events[..], [Event::Reread(_)]), "{events:?}");
    let offers = bench.serve();
    let [Event::Offered(offered)] = &offers[..] else { panic!("{offers:?}") };
    assert_eq!(offered.pool.as_str(), "fx 3");
    let bob = bench.session("bob@h1", &[]);
    let reply = bench.wait_again(bob, token, "fx", "2.0", 1, 0);
    assert!(
        matches!(&reply, Reply::Answer(_, Answer::Granted(grant)) if grant.pool.as_str() == "fx 3"),
        "{reply:?}"
    );
    bench.reads_back();
}
