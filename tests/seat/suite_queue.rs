//! Waiting for components of suites (`flexnet-files.md` 3.9, `flexnet-tools.md` 6.3): both pools come free together.

use std::collections::BTreeMap;
use std::time::Duration;

use seatkeeper::code::Code;
use seatkeeper::event::{Answer, Event, Offered};
use seatkeeper::ident::{Handle, SessionId, Token};
use seatkeeper::seat::{HOLD_USUAL, PASSES_MAX, Reply, State, Violation, check};

use super::bench::{Bench, events, fold};
use super::replies::{denied, granted, placed};
use super::seeded::{Dice, each_seed};
use super::suites::{suite, used};

fn offers(events: &[Event]) -> Vec<Offered> {
    let offer = |event: &Event| if let Event::Offered(it) = event { Some(it.as_ref().clone()) } else { None };
    events.iter().filter_map(offer).collect()
}

fn again(bench: &mut Bench, who: &str, token: Token, feature: &str, count: u32) -> Reply {
    let id: SessionId = bench.session(who, &[]);
    bench.wait_again(id, token, feature, "1.0", count, 0)
}

#[test]
fn what_comes_free_of_one_component_is_held_for_who_waits_for_another_with_its_package() {
    let mut bench = Bench::new(&suite(1, ""));
    let ann = bench.grant("ann@h1", "ca", "1.0");
    let (token, reply) = bench.wait("bob@h2", "cb", "1.0", 1);
    let bob = placed(reply);
    let joe = placed(bench.wait("joe@h3", "ca", "1.0", 1).1);
    assert_eq!((bob.position, joe.position), (1, 2), "both wait for the one package");
    assert_eq!(bench.serve(), []);
    bench.back("ann@h1", ann.handle);
    let offered = offers(&bench.serve());
    let package = offered[0].package.clone().unwrap();
    assert_eq!((offered.len(), offered[0].entry), (1, bob.handle));
    assert_eq!((offered[0].pool.feature(), package.pool.feature()), ("cb", "pk"));
    assert!(package.handle < offered[0].handle);
    assert_eq!((used(&bench, "pk"), used(&bench, "ca"), used(&bench, "cb")), (1, 0, 1));
    bench.sound();
    assert_eq!(bench.out("ann@h1", "ca", "1.0", 1), Code::UsersQueued.number());
    // A restart loses neither.
    bench.state = State::from_snapshot(&bench.state.snapshot()).unwrap();
    let grant = granted(again(&mut bench, "bob@h2", token, "cb", 1));
    assert_eq!(grant.handle, offered[0].handle);
    assert_eq!(granted(again(&mut bench, "bob@h2", token, "cb", 1)), grant);
    let outs: Vec<&str> = bench
        .history
        .last()
        .unwrap()
        .events
        .iter()
        .map(|event| match event {
            Event::Out(out) => out.request.feature.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(outs, ["pk", "cb"], "both in one record, the package first");
    assert_eq!(bench.state.seat(grant.handle).unwrap().suite, Some(package.handle));
    bench.sound();
    bench.back("bob@h2", grant.handle);
    assert_eq!((used(&bench, "pk"), used(&bench, "cb")), (0, 0), "both come back");
    assert_eq!(offers(&bench.serve())[0].entry, joe.handle);
    bench.sound();
}

#[test]
fn a_taking_that_leaves_the_package_is_a_violation() {
    let mut bench = Bench::new(&suite(1, ""));
    let ann = bench.grant("ann@h1", "ca", "1.0");
    let (token, _) = bench.wait("bob@h2", "cb", "1.0", 1);
    bench.back("ann@h1", ann.handle);
    let offered = bench.serve();
    let before = bench.state.clone();
    granted(again(&mut bench, "bob@h2", token, "cb", 1));
    let taking = &bench.history.last().unwrap().events;
    let parted = |events: &[Event]| check(&before, &bench.catalog, events, bench.now);
    assert_eq!(parted(taking), Ok(()));
    assert!(matches!(parted(&taking[..1]), Err(Violation::SuiteParted(_))));
    assert!(matches!(parted(&taking[1..]), Err(Violation::SuiteParted(_))));
    // And so is an offer of a component alone.
    let waiting = fold(&bench.history[..bench.history.len() - 2]);
    let mut alone = offers(&offered).remove(0);
    assert_eq!(
        check(&waiting, &bench.catalog, &[Event::Offered(Box::new(alone.clone()))], bench.now),
        Ok(())
    );
    alone.package = None;
    let alone = check(&waiting, &bench.catalog, &[Event::Offered(Box::new(alone))], bench.now);
    assert!(matches!(alone, Err(Violation::SuiteParted(_))));
}

#[test]
fn a_hold_lapses_or_is_given_up_for_both() {
    for gives_up in [false, true] {
        let mut bench = Bench::with_options(&suite(1, ""), "MAX 1 pk USER bob\nRESERVE 1 cb USER mel\n");
        let ann = bench.grant("ann@h1", "ca", "1.0");
        let bob = placed(bench.wait("bob@h2", "ca", "1.0", 1).1);
        bench.back("ann@h1", ann.handle);
        assert_eq!(offers(&bench.serve())[0].entry, bob.handle);
        bench.sound();
        if gives_up {
            bench.back("bob@h2", bob.handle);
        } else {
            bench.pass(i64::try_from(HOLD_USUAL.as_secs()).unwrap());
            bench.serve();
        }
        assert!(!bench.state.has_queue());
        assert_eq!(bench.state.pools().count(), 0);
        // What the lines count is free again too.
        bench.grant("bob@h2", "ca", "1.0");
        bench.sound();
    }
}

#[test]
fn the_package_and_the_component_may_each_be_what_lacks() {
    // The package has three, of which a MAX line lets one group have one; cb has one that is not reserved.
    let mut bench = Bench::with_options(&suite(3, ""), "RESERVE 2 cb USER mel\nMAX 1 pk USER joe\n");
    let ann = bench.grant("ann@h1", "cb", "1.0");
    let bob = placed(bench.wait("bob@h2", "cb", "1.0", 1).1);
    let joe_has = bench.grant("joe@h3", "ca", "1.0");
    let joe = placed(bench.wait("joe@h3", "ca", "1.0", 1).1);
    assert_eq!(bench.serve(), [], "cb lacks a component, joe is over the line of the package");
    bench.back("ann@h1", ann.handle);
    assert_eq!(offers(&bench.serve())[0].entry, bob.handle);
    bench.back("joe@h3", joe_has.handle);
    assert_eq!(offers(&bench.serve())[0].entry, joe.handle);
    bench.sound();
    // Never to be met: denied, not queued.
    assert_eq!(denied(bench.wait("cid@h4", "cb", "1.0", 2).1), Code::AllReserved.number());
    assert_eq!(denied(bench.wait("joe@h3", "cb", "1.0", 2).1), Code::MaxExceeded.number());
    assert_eq!(denied(bench.wait("cid@h4", "ca", "1.0", 4).1), Code::TooManyRequested.number());
    assert_eq!(denied(bench.wait("cid@h4", "pk", "1.0", 1).1), Code::OnlyPackage.number());
}

#[test]
fn takers_of_another_component_pass_and_are_blocked() {
    let mut bench = Bench::new(&suite(2, ""));
    let ann = bench.grant("ann@h1", "ca", "1.0");
    let big = placed(bench.wait("bob@h2", "ca", "1.0", 2).1);
    for _ in 0..PASSES_MAX {
        let small = bench.grant("joe@h3", "cb", "1.0");
        bench.back("joe@h3", small.handle);
        assert_eq!(bench.serve(), []);
    }
    let passes = events(&bench.history).filter(|event| matches!(event, Event::Passed(_))).count();
    assert_eq!(passes, usize::try_from(PASSES_MAX).unwrap(), "each is counted once");
    assert_eq!(bench.out("joe@h3", "cb", "1.0", 1), Code::UsersQueued.number());
    bench.back("ann@h1", ann.handle);
    assert_eq!(offers(&bench.serve())[0].entry, big.handle);
    assert_eq!(used(&bench, "pk"), 2);
    bench.sound();
}

#[test]
fn who_takes_of_the_package_what_nobody_lacks_passes_nobody() {
    let mut bench = Bench::with_options(&suite(4, ""), "RESERVE 3 cb USER mel\n");
    let ann = bench.grant("ann@h1", "cb", "1.0");
    let bob = placed(bench.wait("bob@h2", "cb", "1.0", 1).1);
    for _ in 0..PASSES_MAX * 2 {
        let small = bench.grant("joe@h3", "ca", "1.0");
        bench.back("joe@h3", small.handle);
        assert_eq!(bench.serve(), []);
    }
    assert!(
        !events(&bench.history).any(|event| matches!(event, Event::Passed(_))),
        "one of pk was left for bob"
    );
    bench.grant("joe@h3", "ca", "1.0");
    bench.grant("joe@h3", "ca", "1.0");
    assert!(!events(&bench.history).any(|event| matches!(event, Event::Passed(_))));
    let last = bench.grant("joe@h3", "ca", "1.0");
    assert!(events(&bench.history).any(|event| matches!(event, Event::Passed(_))), "that was the last of pk");
    bench.back("ann@h1", ann.handle);
    assert_eq!(offers(&bench.serve())[0].entry, bob.handle);
    bench.back("joe@h3", last.handle);
    bench.sound();
}

#[test]
fn who_shares_the_package_waits_for_nothing() {
    let mut bench = Bench::new(&suite(1, "SUITE_DUP_GROUP=U"));
    let ann = bench.grant("ann@h1", "ca", "1.0");
    let bob = placed(bench.wait("bob@h1", "cb", "1.0", 1).1);
    // Another component under the package that ann has; bob could not use it.
    let other = granted(bench.wait("ann@h2", "cb", "1.0", 1).1);
    let passes = events(&bench.history).any(|event| matches!(event, Event::Passed(_)));
    assert!(passes, "a license of cb is gone for which bob waits too");
    let waits = placed(bench.wait("bob@h3", "ca", "1.0", 1).1);
    bench.back("ann@h1", ann.handle);
    assert_eq!(bench.serve(), [], "the package is ann's still");
    bench.back("ann@h2", other.handle);
    let offered = offers(&bench.serve());
    let names: Vec<Handle> = offered.iter().map(|it| it.entry).collect();
    assert_eq!(names, [bob.handle, waits.handle], "the second shares what is held for the first");
    assert_eq!(used(&bench, "pk"), 1);
    bench.sound();
}

#[test]
fn nobody_waits_for_a_suite_that_reserves_its_components() {
    let reserved =
        "PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\" OPTIONS=SUITE_RESERVED\nFEATURE pk LGS 1.0 permanent 1";
    let mut bench = Bench::new(reserved);
    bench.grant("ann@h1", "ca", "1.0");
    assert_eq!(denied(bench.wait("bob@h2", "ca", "1.0", 1).1), Code::AllReserved.number());
    // Where there are licenses of its own too, one waits for those.
    let mut bench = Bench::new(&format!("{reserved}\nINCREMENT ca LGS 1.0 permanent 1"));
    let held = bench.grant("ann@h1", "ca", "1.0");
    let own = bench.grant("bob@h2", "ca", "1.0");
    let joe = placed(bench.wait("joe@h3", "ca", "1.0", 1).1);
    let (of_suite, of_its_own) = if held.pool.as_str().contains("SUITE") {
        (("ann@h1", held), ("bob@h2", own))
    } else {
        (("bob@h2", own), ("ann@h1", held))
    };
    bench.back(of_suite.0, of_suite.1.handle);
    assert_eq!(bench.serve(), []);
    bench.back(of_its_own.0, of_its_own.1.handle);
    let offered = offers(&bench.serve());
    assert_eq!((offered[0].entry, offered[0].package.as_ref()), (joe.handle, None));
    bench.sound();
}

#[test]
fn the_wait_is_that_of_the_later_pool() {
    let mut bench = Bench::new(&suite(1, ""));
    for minutes in [10, 10, 10] {
        let grant = bench.grant("ann@h1", "cb", "1.0");
        bench.pass(minutes * 60);
        bench.back("ann@h1", grant.handle);
    }
    bench.grant("ann@h1", "cb", "1.0");
    bench.pass(60);
    assert_eq!(placed(bench.wait("bob@h2", "ca", "1.0", 1).1).wait_s, None, "of ca nothing is known");
    // Of cb the one license is out, as is that of the package.
    assert_eq!(placed(bench.wait("joe@h2", "cb", "1.0", 1).1).wait_s, Some(19 * 60), "once bob had his");
}

#[test]
fn a_reread_withdraws_both() {
    let mut bench = Bench::new(&suite(1, ""));
    let ann = bench.grant("ann@h1", "ca", "1.0");
    let bob = placed(bench.wait("bob@h2", "ca", "1.0", 1).1);
    bench.back("ann@h1", ann.handle);
    assert_eq!(offers(&bench.serve())[0].entry, bob.handle);
    bench.reread(&suite(2, ""), "");
    assert_eq!(bench.state.pools().count(), 0);
    assert_eq!(offers(&bench.serve())[0].entry, bob.handle);
    bench.sound();
    bench.reread("FEATURE ca LGS 1.0 permanent 1", "");
    let offered = offers(&bench.serve());
    assert_eq!((offered[0].entry, offered[0].package.as_ref()), (bob.handle, None));
    assert_eq!((used(&bench, "pk"), used(&bench, "ca")), (0, 1));
    bench.sound();
}

/// Few people wait for two components and a plain feature of one of their names; who passes whom is counted outside.
#[test]
fn seeded_histories_starve_nobody_and_leave_nothing_idle() {
    let sums = each_seed(24, run);
    let (offered, passed) = sums.iter().fold((0, 0), |sum, seed| (sum.0 + seed.0, sum.1 + seed.1));
    assert!(
        sums.len() < 24 || offered > 100 && passed > 100,
        "the seeds show too little: {offered} {passed}"
    );
}

struct Waits {
    who: String,
    token: Token,
    feature: &'static str,
    count: u32,
    /// The passes since the last block, and until when it blocks.
    round: u32,
    blocks: u32,
    since: Option<seatkeeper::time::Timestamp>,
    offered: bool,
}

fn passed_by(bench: &Bench, waits: &mut BTreeMap<Handle, Waits>, by: Option<Handle>, seed: u64) -> u64 {
    let mut passes = 0;
    for it in waits.range_mut(..by.unwrap_or(Handle(u64::MAX))).map(|(_, it)| it).filter(|it| !it.offered) {
        if let Some(since) = it.since {
            let span = seatkeeper::seat::BLOCK_FIRST * 2_u32.pow(it.blocks - 1);
            assert!(bench.now.utc >= since.plus(span), "seed {seed}: passed while it blocked");
            (it.round, it.since) = (0, None);
        }
        it.round += 1;
        passes += 1;
        if it.round == PASSES_MAX {
            it.blocks += 1;
            it.since = Some(bench.now.utc);
        }
    }
    passes
}

/// Serves the queue; how many were offered something, and how many were passed.
fn serve(bench: &mut Bench, waits: &mut BTreeMap<Handle, Waits>, plain: bool, seed: u64) -> (u64, u64) {
    let (mut offered, mut passed) = (0, 0);
    for event in bench.serve() {
        match event {
            Event::Offered(it) => {
                offered += 1;
                if plain {
                    passed += passed_by(bench, waits, Some(it.entry), seed);
                }
                waits.get_mut(&it.entry).unwrap().offered = true;
            }
            Event::Dequeued(it) => drop(waits.remove(&it.entry).unwrap()),
            _ => {}
        }
    }
    (offered, passed)
}

fn run(seed: u64) -> (u64, u64) {
    let mut dice = Dice(seed);
    // Sharing and lines make the oracle's sums harder, so it looks at passes in the plain seeds alone.
    let plain = !seed.is_multiple_of(3);
    let shared = if plain { "" } else { "SUITE_DUP_GROUP=U" };
    let options = if plain { "" } else { "MAX 3 pk USER u1\nRESERVE 1 pk HOST h1\nRESERVE 1 cb USER u0\n" };
    let mut bench = Bench::with_options(&suite(4, shared), options);
    let mut held: Vec<(String, Handle)> = Vec::new();
    let mut waits: BTreeMap<Handle, Waits> = BTreeMap::new();
    let (mut offered, mut passed) = (0, 0);
    for step in 0..160 {
        bench.pass(i64::try_from(dice.below(40)).unwrap());
        let (offers, passes) = serve(&mut bench, &mut waits, plain, seed);
        (offered, passed) = (offered + offers, passed + passes);
        match dice.below(8) {
            0..4 if step < 120 => {
                let who = format!("u{}@h{}", dice.below(5), dice.below(2));
                let feature = dice.one_of(&["ca", "cb"]);
                let count = dice.one_of(&[1, 1, 1, 4]);
                let (token, reply) = bench.wait(&who, feature, "1.0", count);
                match reply {
                    Reply::Answer(_, Answer::Granted(grant)) => {
                        if plain {
                            passed += passed_by(&bench, &mut waits, None, seed);
                        }
                        held.push((who, grant.handle));
                    }
                    Reply::Answer(_, Answer::Queued(place)) => {
                        let waits_now = Waits {
                            who,
                            token,
                            feature,
                            count,
                            round: 0,
                            blocks: 0,
                            since: None,
                            offered: false,
                        };
                        if plain {
                            let ahead = waits.values().filter(|it| !it.offered).count();
                            assert_eq!(place.position, u32::try_from(ahead).unwrap() + 1);
                        }
                        waits.insert(place.handle, waits_now);
                    }
                    Reply::Answer(_, Answer::Denied(_)) if !plain => {}
                    other => panic!("{other:?}"),
                }
            }
            4..6 => {
                let ready: Vec<Handle> =
                    waits.iter().filter(|(_, it)| it.offered).map(|(handle, _)| *handle).collect();
                for handle in ready {
                    let it = waits.remove(&handle).unwrap();
                    let grant = granted(again(&mut bench, &it.who, it.token, it.feature, it.count));
                    held.push((it.who, grant.handle));
                }
            }
            6 if dice.below(6) == 0 && !waits.is_empty() => {
                let handle = *waits.keys().nth(dice.index(waits.len())).unwrap();
                let it = waits.remove(&handle).unwrap();
                bench.back(&it.who, handle);
            }
            _ if !held.is_empty() => {
                let (who, handle) = held.swap_remove(dice.index(held.len()));
                bench.back(&who, handle);
            }
            _ => {}
        }
        let (offers, passes) = serve(&mut bench, &mut waits, plain, seed);
        (offered, passed) = (offered + offers, passed + passes);
        bench.sound();
        if plain {
            // None is idle that the first who waits could use.
            let free = 4 - used(&bench, "pk");
            let first = waits.values().find(|it| !it.offered);
            assert!(first.is_none_or(|it| u64::from(it.count) > free), "seed {seed}: {free} are idle");
            assert_eq!(used(&bench, "pk"), used(&bench, "ca") + used(&bench, "cb"), "seed {seed}");
        }
    }
    // Nobody comes any more: each that waits has its turn.
    held.into_iter().for_each(|(who, handle)| bench.back(&who, handle));
    for _ in 0..10_000 {
        bench.serve();
        if !bench.state.has_queue() {
            break;
        }
        bench.now.utc = bench.now.utc.plus(Duration::from_secs(60));
    }
    assert!(!bench.state.has_queue(), "seed {seed}: every wait ends");
    assert_eq!(bench.state.pools().count(), 0, "seed {seed}");
    bench.sound();
    (offered, passed)
}
