//! Suites (`flexnet-files.md` 3.9): cases of section 8 by id, and what a package's checkout does beside its component's.

use std::collections::BTreeMap;

use seatkeeper::event::{Answer, Event, InReason, Out};
use seatkeeper::ident::{Handle, Token};
use seatkeeper::seat::{Command, Reply, Violation, check, decide, explain};

use super::bench::{Bench, checkout, events, fold, invariants};
use super::seeded::{Dice, each_seed};

const SUITE: &str = "PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\" OPTIONS=SUITE\nFEATURE pk LGS 1.0 permanent";

/// A suite of ca and cb with so many licenses.
pub(crate) fn suite(count: u32, attributes: &str) -> String {
    format!("{SUITE} {count} {attributes}")
}

/// Licenses of a feature in use, over all of its pools.
pub(crate) fn used(bench: &Bench, feature: &str) -> u64 {
    bench.state.pools().filter(|(key, _)| key.feature() == feature).map(|(_, used)| used.in_use()).sum()
}

#[test]
fn case_l26_each_component_takes_the_package_too() {
    let mut bench = Bench::new(&suite(5, ""));
    let numbers: Vec<i32> = (0..5).map(|n| bench.out(&format!("u{n}@h1"), "ca", "1.0", 1)).collect();
    assert_eq!(numbers, [0; 5]);
    assert_eq!((used(&bench, "ca"), used(&bench, "pk")), (5, 5));
    let denial = bench.denial("ann@h1", "cb", "1.0");
    assert_eq!(denial.code.number(), -4);
    assert!(denial.note.contains("5 of 5 licenses of pk (which goes with cb) are in use"), "{}", denial.note);
    assert_eq!(bench.out("ann@h1", "pk", "1.0", 1), -125);
    assert_eq!(bench.out("ann@h1", "pk", "7.0", 1), -125);
    bench.sound();
}

#[test]
fn case_l26_both_checkouts_stand_in_one_record_and_come_back_in_one() {
    let mut bench = Bench::new(&suite(5, ""));
    bench.session("ann@h1", &[]);
    let grant = bench.ask("ann@h1", checkout(Token(1), "ca", "0.5", 2)).unwrap();
    let outs: Vec<&Out> = bench.history[1]
        .events
        .iter()
        .map(|event| if let Event::Out(out) = event { out.as_ref() } else { panic!("{event:?}") })
        .collect();
    assert_eq!(outs.len(), 2);
    assert_eq!(outs.iter().map(|out| out.request.feature.as_str()).collect::<Vec<_>>(), ["pk", "ca"]);
    assert_eq!(outs.iter().map(|out| out.request.version.as_str()).collect::<Vec<_>>(), ["1.0", "0.5"]);
    assert_eq!(outs.iter().map(|out| out.request.count.get()).collect::<Vec<_>>(), [2, 2]);
    assert_eq!((outs[1].accounting.suite, outs[1].handle), (Some(outs[0].handle), grant.handle));
    // What goes with the component is nobody's to give back alone.
    let package = outs[0].handle;
    let back = Command::Checkin(
        bench.session("ann@h1", &[]),
        seatkeeper::event::Checkin { token: Token(9), acknowledged: Token(1), handle: package },
    );
    assert!(decide(&bench.state, bench.rules(), &back, bench.now).events.is_empty());
    let session = bench.session("ann@h1", &[]);
    let alone = seatkeeper::event::In {
        session,
        handle: package,
        why: InReason::Checkin { token: Token(9), acknowledged: Token(1) },
    };
    assert_eq!(
        check(&bench.state, &bench.catalog, &[Event::In(alone)], bench.now),
        Err(Violation::SuiteParted(package))
    );
    bench.back("ann@h1", grant.handle);
    let Event::In(first) = &bench.history[2].events[0] else { panic!() };
    let Event::In(second) = &bench.history[2].events[1] else { panic!() };
    assert_eq!((first.handle, second.handle), (package, grant.handle));
    assert_eq!((used(&bench, "ca"), used(&bench, "pk")), (0, 0));
    // The end of a session brings both too.
    bench.grant("ann@h1", "cb", "1.0");
    bench.all_in();
    assert_eq!(bench.state.seats().count(), 0);
    bench.sound();
}

#[test]
fn case_l26_a_grant_without_its_package_is_a_violation() {
    let mut bench = Bench::new(&suite(5, ""));
    let session = bench.session("ann@h1", &[]);
    let request = checkout(Token(1), "ca", "1.0", 1);
    let events = decide(&bench.state, bench.rules(), &Command::Checkout(session, request), bench.now).events;
    let parted = |events: &[Event]| check(&bench.state, &bench.catalog, events, bench.now);
    assert_eq!(parted(&events), Ok(()));
    assert!(matches!(parted(&events[..1]), Err(Violation::SuiteParted(_))));
    assert!(matches!(parted(&events[1..]), Err(Violation::SuiteParted(_))));
    let twice = [events.clone(), events].concat();
    assert!(matches!(parted(&twice), Err(Violation::HandleReused(_))));
}

#[test]
fn case_l27_a_suite_is_shared_by_suite_dup_group() {
    let mut bench = Bench::new(&suite(5, "SUITE_DUP_GROUP=U"));
    bench.grant("ann@h1", "ca", "1.0");
    let second = bench.grant("ann@h2", "cb", "1.0").handle;
    assert_eq!((used(&bench, "ca"), used(&bench, "cb"), used(&bench, "pk")), (1, 1, 1));
    bench.grant("bob@h1", "cb", "1.0");
    assert_eq!(used(&bench, "pk"), 2);
    bench.back("ann@h2", second);
    assert_eq!((used(&bench, "cb"), used(&bench, "pk")), (1, 2));
    bench.sound();
}

#[test]
fn a_suite_without_suite_dup_group_is_shared_like_its_components() {
    let mut bench = Bench::new(&suite(2, "DUP_GROUP=UH"));
    for feature in ["ca", "ca", "cb"] {
        bench.grant("ann@h1", feature, "1.0");
    }
    assert_eq!((used(&bench, "ca"), used(&bench, "cb"), used(&bench, "pk")), (1, 1, 1));
    let mut bench = Bench::new(&suite(2, "DUP_GROUP=UH SUITE_DUP_GROUP=NONE"));
    bench.grant("ann@h1", "ca", "1.0");
    bench.grant("ann@h1", "ca", "1.0");
    assert_eq!((used(&bench, "ca"), used(&bench, "pk")), (1, 2));
    assert_eq!(bench.out("ann@h1", "ca", "1.0", 1), -4, "the component would share, the package would not");
}

#[test]
fn case_o40_an_excluded_package_excludes_its_components() {
    let mut bench = Bench::with_options(&suite(5, ""), "EXCLUDE pk USER ann");
    assert_eq!([bench.out("ann@h1", "ca", "1.0", 1), bench.out("ann@h1", "cb", "1.0", 1)], [-38, -38]);
    assert_eq!(bench.out("bob@h1", "ca", "1.0", 1), 0);
}

#[test]
fn case_o41_a_reservation_of_a_suite_is_one_of_package_and_components() {
    let mut bench = Bench::with_options(&suite(3, ""), "RESERVE 1 pk USER mel");
    assert_eq!([bench.out("a@h1", "ca", "1.0", 1), bench.out("b@h1", "cb", "1.0", 1)], [0, 0]);
    let denial = bench.denial("c@h1", "ca", "1.0");
    assert_eq!((denial.code.number(), denial.rule()), (-101, Some("LGS.opt:1")));
    assert!(denial.note.contains("pk (which goes with ca)"), "{}", denial.note);
    assert_eq!(bench.out("mel@h1", "ca", "1.0", 1), 0);
    assert_eq!(bench.out("mel@h1", "cb", "1.0", 1), -4, "all three of pk are in use");
    bench.sound();
}

#[test]
fn a_limit_of_a_suite_counts_package_and_components_each_by_itself() {
    let mut bench = Bench::with_options(&suite(9, ""), "MAX 2 pk USER ann");
    assert_eq!(["ca", "cb", "ca"].map(|feature| bench.out("ann@h1", feature, "1.0", 1)), [0, 0, -87]);
    let mut bench = Bench::with_options(&suite(9, "SUITE_DUP_GROUP=U"), "MAX 1 pk USER ann");
    assert_eq!(["ca", "cb", "ca"].map(|feature| bench.out("ann@h1", feature, "1.0", 1)), [0, 0, -87]);
    // A line for one component leaves the others alone.
    let mut bench = Bench::with_options(&suite(9, ""), "MAX 1 ca USER ann");
    assert_eq!(["ca", "ca", "cb"].map(|feature| bench.out("ann@h1", feature, "1.0", 1)), [0, -87, 0]);
}

#[test]
fn licenses_of_a_suite_and_single_ones_are_pools_of_their_own() {
    let lines = format!("{}\nINCREMENT ca LGS 1.0 permanent 2", suite(1, ""));
    let mut bench = Bench::new(&lines);
    let pools: Vec<String> =
        ["a@h1", "b@h1", "c@h1"].map(|who| bench.grant(who, "ca", "1.0").pool.to_string()).to_vec();
    assert_eq!(pools, ["ca 1 SUITE=\"pk 1\"", "ca 1", "ca 1"]);
    assert_eq!((bench.out("d@h1", "ca", "1.0", 1), bench.out("d@h1", "cb", "1.0", 1)), (-4, -4));
    // Where the package is used up, the licenses of its own are left.
    let mut bench = Bench::new(&lines);
    bench.grant("a@h1", "cb", "1.0");
    assert_eq!(bench.grant("b@h1", "ca", "1.0").pool.as_str(), "ca 1");
    bench.sound();
}

#[test]
fn overdraft_of_the_package_is_overdraft_of_the_component() {
    let mut bench = Bench::new(&suite(1, "OVERDRAFT=1"));
    assert_eq!(["ca", "cb", "ca"].map(|feature| bench.out("ann@h1", feature, "1.0", 1)), [0, 0, -4]);
    let over: Vec<u32> = events(&bench.history)
        .filter_map(|event| if let Event::Out(out) = event { Some(out.accounting.overdraft) } else { None })
        .collect();
    assert_eq!(over, [0, 0, 1, 0], "the second pk is over, cb has one free");
    bench.sound();
}

#[test]
fn the_package_is_a_step_of_the_explanation() {
    let mut bench = Bench::new(&suite(1, ""));
    bench.grant("bob@h1", "ca", "1.0");
    let identity = super::bench::identity("ann@h1", &[], seatkeeper::event::SessionKind::Framed);
    let request = checkout(Token(1), "cb", "1.0", 1);
    let explained = explain(&bench.state, bench.rules(), &request, &identity, bench.now);
    assert_eq!(explained.verdict.unwrap_err().code.number(), -4);
    let tried = &explained.tried[0];
    let package = tried.package.as_deref().unwrap();
    assert!(tried.decides && package.decides && tried.asks_package());
    assert_eq!(package.pool.key.as_str(), "pk 1");
    assert!(tried.changes.is_empty() && package.changes.len() == 1);
}

#[test]
fn a_reread_moves_package_and_component_together() {
    let mut bench = Bench::new(&suite(2, ""));
    bench.grant("ann@h1", "ca", "1.0");
    let component = bench.grant("bob@h1", "cb", "1.0").handle;
    let renewed = "PACKAGE pk LGS 2.0 COMPONENTS=\"ca cb\" OPTIONS=SUITE\nFEATURE pk LGS 2.0 permanent 1";
    let decision = bench.reread(renewed, "");
    let moved = decision.events.iter().filter(|event| matches!(event, Event::Moved(_))).count();
    assert_eq!(moved, 4);
    assert_eq!((used(&bench, "pk"), used(&bench, "ca"), used(&bench, "cb")), (2, 1, 1));
    assert!(bench.state.pools().all(|(key, _)| key.as_str().contains(" 2")));
    assert_eq!(bench.out("cid@h1", "ca", "1.0", 1), -4, "one pk is surplus, none is free");
    // Where the suite has become a bundle, the package comes back; the components go on.
    let bundle = "PACKAGE pk LGS 2.0 COMPONENTS=\"ca cb\"\nFEATURE pk LGS 2.0 permanent 3";
    bench.reread(bundle, "");
    assert_eq!((used(&bench, "pk"), used(&bench, "ca"), used(&bench, "cb")), (0, 1, 1));
    assert_eq!(bench.state.seat(component).unwrap().suite, None);
    assert_eq!(fold(&bench.history), bench.state);
    // Whoever did not hear of his grant before hears of it now.
    let bob = bench.session("bob@h1", &[]);
    let again = bench.run(&Command::Checkout(bob, checkout(Token(1), "cb", "1.0", 1))).reply;
    assert!(matches!(again, Reply::Answer(_, Answer::Granted(grant)) if grant.handle == component));
    // And where it is one again, they go on without it; new ones take it.
    bench.reread(&suite(2, ""), "");
    assert_eq!((used(&bench, "pk"), used(&bench, "ca")), (0, 1));
    bench.grant("joe@h1", "ca", "1.0");
    assert_eq!((used(&bench, "pk"), used(&bench, "ca")), (1, 2));
    bench.reread("FEATURE other LGS 1.0 permanent 1", "");
    assert_eq!(bench.state.seats().count(), 0);
    assert_eq!(fold(&bench.history), bench.state);
}

#[test]
fn a_start_with_other_files_ends_no_package_and_a_reread_does() {
    let alone = "FEATURE ca LGS 1.0 permanent 1";
    for right in [false, true] {
        let mut bench = Bench::new(&suite(2, ""));
        let (ann, bob) =
            (bench.grant("ann@h1", "ca", "1.0").handle, bench.grant("bob@h1", "cb", "1.0").handle);
        let package = |bench: &Bench, handle| bench.state.seat(handle).unwrap().suite;
        let (of_ann, of_bob) = (package(&bench, ann), package(&bench, bob));
        // Of ann's component there is a line of its own; of bob's none at all.
        let events = bench.start_with(alone, "");
        let [Event::Reread(_), Event::Moved(moved)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((moved.handle, moved.to.as_str()), (ann, "ca 1"));
        assert_eq!((package(&bench, ann), package(&bench, bob)), (of_ann, of_bob));
        assert_eq!((used(&bench, "ca"), used(&bench, "cb"), used(&bench, "pk")), (1, 1, 2));
        if right {
            // These are the files: what they have no place for ends.
            let events = bench.reread(alone, "").events;
            let ended = |event: &Event| matches!(event, Event::In(back) if Some(back.handle) == of_ann);
            assert!(events.iter().any(ended), "{events:?}");
            assert_eq!((used(&bench, "ca"), used(&bench, "cb"), used(&bench, "pk")), (1, 0, 0));
        } else {
            // They were the wrong ones: all is as before, and nobody else gets the suite.
            let events = bench.start_with(&suite(2, ""), "");
            let [Event::Reread(_), Event::Moved(moved)] = &events[..] else { panic!("{events:?}") };
            assert_eq!((moved.handle, package(&bench, ann)), (ann, of_ann));
            assert_eq!(bench.out("joe@h1", "ca", "1.0", 1), -4);
            bench.back("bob@h1", bob);
        }
        bench.back("ann@h1", ann);
        assert_eq!(bench.state.seats().count(), 0);
        bench.sound();
    }
}

#[test]
fn a_suite_lingers_as_long_as_its_component_and_is_taken_back_with_it() {
    let mut bench = Bench::with_options(&suite(2, ""), "LINGER ca 60");
    let first = bench.grant("ann@h1", "ca", "1.0").handle;
    bench.back("ann@h1", first);
    assert_eq!((used(&bench, "ca"), used(&bench, "pk")), (1, 1));
    bench.grant("bob@h1", "cb", "1.0");
    assert_eq!(bench.out("bob@h1", "cb", "1.0", 1), -4, "the package of what lingers is in use");
    assert_eq!(
        bench.out("ann@h1", "cb", "1.0", 1),
        -4,
        "what lingers with another component is not taken back"
    );
    let second = bench.grant("ann@h1", "ca", "1.0").handle;
    assert_eq!((used(&bench, "ca"), used(&bench, "pk")), (1, 2));
    bench.sound();
    bench.back("ann@h1", second);
    bench.now.utc = bench.now.utc.plus(std::time::Duration::from_secs(61));
    bench.run(&Command::Tick);
    let back = |event: &Event| matches!(event, Event::In(back) if back.why == InReason::Linger);
    let last = &bench.history.last().unwrap().events;
    assert!(last.len() == 2 && last.iter().all(back), "both come back: {last:?}");
    assert_eq!((used(&bench, "ca"), used(&bench, "pk")), (0, 1));
    bench.sound();
}

/// Few people ask for two components and a single feature; what is in use is counted outside by who holds what.
#[test]
fn seeded_histories_take_one_package_for_each_component() {
    each_seed(24, |seed| {
        let mut dice = Dice(seed);
        let shared = dice.one_of(&["", "SUITE_DUP_GROUP=U", "SUITE_DUP_GROUP=UH", "SUITE_DUP_GROUP=SITE"]);
        let options = dice.one_of(&["", "MAX 3 pk USER u1\nRESERVE 1 pk HOST h1\nRESERVE 1 cb USER u0"]);
        let lines = format!("{}\nINCREMENT ca LGS 1.0 permanent 1", suite(5, shared));
        let mut bench = Bench::with_options(&lines, options);
        let mut held: Vec<(String, Handle)> = Vec::new();
        // Component, what of the package it shares, count.
        let mut counted: BTreeMap<Handle, (String, Option<String>, u64)> = BTreeMap::new();
        for _ in 0..120 {
            let who = format!("u{}@h{}", dice.below(3), dice.below(2));
            if dice.below(5) < 3 {
                let feature = dice.one_of(&["ca", "cb"]);
                let count = 1 + dice.below(2);
                bench.session(&who, &[]);
                let request = checkout(Token(1), feature, "1.0", u32::try_from(count).unwrap());
                if let Ok(grant) = bench.ask(&who, request) {
                    let user = who.split_once('@').unwrap().0;
                    let of_suite = grant.pool.as_str().contains("SUITE");
                    let group = match shared {
                        "" => grant.handle.to_string(),
                        "SUITE_DUP_GROUP=U" => user.to_owned(),
                        "SUITE_DUP_GROUP=UH" => who.clone(),
                        _ => "all".to_owned(),
                    };
                    let group = Some(group).filter(|_| of_suite);
                    counted.insert(grant.handle, (feature.to_owned(), group, count));
                    held.push((who, grant.handle));
                }
            } else if !held.is_empty() {
                let (who, handle) = held.swap_remove(dice.index(held.len()));
                bench.back(&who, handle);
                counted.remove(&handle);
            }
            let mut packages: BTreeMap<&str, u64> = BTreeMap::new();
            for (_, group, count) in counted.values() {
                let Some(group) = group else { continue };
                let most = packages.entry(group).or_default();
                *most = (*most).max(*count);
            }
            assert_eq!(used(&bench, "pk"), packages.values().sum::<u64>(), "seed {seed}");
            for component in ["ca", "cb"] {
                let of = counted.values().filter(|(name, ..)| name == component);
                assert_eq!(used(&bench, component), of.map(|(.., count)| count).sum::<u64>(), "seed {seed}");
            }
            let suites = bench.state.seats().filter(|(_, seat)| seat.suite.is_some()).count();
            let packages = bench.state.seats().filter(|(_, seat)| seat.component.is_some()).count();
            let expected = counted.values().filter(|(_, group, _)| group.is_some()).count();
            assert_eq!((suites, packages), (expected, expected), "seed {seed}");
            invariants(&bench.state, &bench.catalog, bench.now);
        }
        bench.sound();
    });
}
