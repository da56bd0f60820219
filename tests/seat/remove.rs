//! lmremove (`flexnet-tools.md` 2.11), at the engine.

use seatkeeper::code::{Code, minor};
use seatkeeper::event::{
    Answer, DequeueReason, Dequeued, Event, In, InReason, Removal, RemovalTarget, Removed,
};
use seatkeeper::ident::{Handle, Token};
use seatkeeper::seat::{Command, Decision, Reply, Violation, check};
use seatkeeper::sign::Manifest;

use super::bench::{Bench, catalog_under, checkout};

const LINES: &str = "INCREMENT fx LGS 2.0 permanent 4\nINCREMENT fy LGS 2.0 permanent 4";
const SUITE: &str =
    "PACKAGE office LGS 2.0 COMPONENTS=\"fx fy\" OPTIONS=SUITE\nINCREMENT office LGS 2.0 permanent 2";
const ANN: &str = "ann@h1";
const BOB: &str = "bob@h2";

fn order(feature: &str, target: RemovalTarget) -> Command {
    let removal = Removal { feature: feature.parse().unwrap(), target };
    Command::Remove(Removed { by: "root@srv".to_owned(), removal })
}

fn handle(feature: &str, handle: Handle) -> Command {
    order(feature, RemovalTarget::Handle(handle))
}

fn client(feature: &str, user: &str, host: &str, display: &str) -> Command {
    let (user, host, display) = (user.parse().unwrap(), host.parse().unwrap(), display.parse().unwrap());
    order(feature, RemovalTarget::Client { user, host, display })
}

/// The handles that came back, after the order that stands before them.
fn back(decision: &Decision) -> Vec<Handle> {
    let [Event::Removed(removed), ends @ ..] = &decision.events[..] else { panic!("{decision:?}") };
    assert_eq!(removed.by, "root@srv");
    let ends = ends.iter().map(|event| match event {
        Event::In(In { handle, why: InReason::UserRemoved, .. }) => *handle,
        other => panic!("{other:?}"),
    });
    ends.collect()
}

fn refused(decision: &Decision) -> Code {
    assert!(decision.events.is_empty());
    match &decision.reply {
        Reply::Refused(denial) => denial.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_by_its_handle_and_all_by_their_client() {
    let mut bench = Bench::new(LINES);
    let handles: Vec<Handle> = (0..3).map(|_| bench.grant(ANN, "fx", "2.0").handle).collect();
    let other = bench.grant(BOB, "fx", "2.0").handle;
    let of_fy = bench.grant(ANN, "fy", "2.0").handle;
    assert_eq!(back(&bench.run(&handle("fx", handles[1]))), [handles[1]]);
    // The handle has to be one of the feature.
    assert_eq!(refused(&bench.run(&handle("fx", of_fy))), Code::NeverCheckedOut);
    assert_eq!(refused(&bench.run(&handle("fx", handles[1]))), Code::NeverCheckedOut);
    // All four values have to fit; hosts are written in either case.
    for (user, host, display) in
        [("bo", "h2", "h2"), ("Ann", "h1", "h1"), ("ann", "h2", "h1"), ("ann", "h1", ":0")]
    {
        assert_eq!(refused(&bench.run(&client("fx", user, host, display))), Code::NeverCheckedOut);
    }
    let decision = bench.run(&client("fx", "ann", "H1", "h1"));
    assert_eq!((back(&decision), decision.reply), (vec![handles[0], handles[2]], Reply::Done));
    let left: Vec<Handle> = bench.state.seats().map(|(handle, _)| handle).collect();
    assert_eq!(left, [other, of_fy]);
    bench.sound();
}

#[test]
fn several_pools_of_a_feature_are_one_to_lmremove() {
    let lines = "INCREMENT fx LGS 2.0 permanent 1\nINCREMENT fx LGS 3.0 permanent 1";
    let mut bench = Bench::new(lines);
    let one = bench.grant(ANN, "fx", "2.0");
    let two = bench.grant(ANN, "fx", "3.0");
    assert_ne!(one.pool, two.pool);
    let mut handles = back(&bench.run(&client("fx", "ann", "h1", "h1")));
    handles.sort_unstable();
    assert_eq!(handles, [one.handle, two.handle]);
}

#[test]
fn what_comes_back_does_not_linger_and_what_lingers_stays() {
    let mut bench = Bench::with_options(LINES, "LINGER fx 3600");
    let first = bench.grant(ANN, "fx", "2.0").handle;
    bench.back(ANN, first);
    assert_eq!(refused(&bench.run(&handle("fx", first))), Code::LingerLicense);
    assert_eq!(refused(&bench.run(&client("fx", "ann", "h1", "h1"))), Code::LingerLicense);
    // Asked for two: one lingers, the other is new.
    bench.ask(ANN, checkout(Token(1), "fx", "2.0", 2)).unwrap();
    let seats: Vec<Handle> = bench.state.seats().map(|(handle, _)| handle).collect();
    let bob = bench.grant(BOB, "fx", "2.0").handle;
    bench.back(BOB, bob);
    let held = bench.grant(BOB, "fx", "2.0").handle;
    bench.back(BOB, held);
    let mixed = bench.grant(BOB, "fx", "2.0").handle;
    assert_eq!(seats.len(), 1);
    assert_eq!(back(&bench.run(&handle("fx", mixed))), [mixed]);
    assert_eq!(bench.state.seat(mixed), None);
    bench.sound();
}

#[test]
fn of_a_client_that_holds_and_lingers_only_what_it_holds_is_removed() {
    let mut bench = Bench::with_options(LINES, "LINGER fx 3600");
    let (first, second) = (bench.grant(ANN, "fx", "2.0").handle, bench.grant(ANN, "fx", "2.0").handle);
    bench.back(ANN, first);
    let decision = bench.run(&client("fx", "ann", "h1", "h1"));
    assert_eq!(back(&decision), [second]);
    let Reply::Partly(why) = decision.reply else { panic!("{:?}", decision.reply) };
    assert_eq!((why.code, why.minor), (Code::LingerLicense, minor::NOT_REMOVABLE));
    assert!(why.note.contains("3600 s"), "{}", why.note);
    bench.sound();
}

#[test]
fn a_suite_comes_back_whole_by_its_package_or_its_component() {
    for feature in ["office", "fx"] {
        let mut bench = Bench::new(SUITE);
        let component = bench.grant(ANN, "fx", "2.0").handle;
        assert_eq!(bench.state.seats().count(), 2);
        let decision = bench.run(&client(feature, "ann", "h1", "h1"));
        assert_eq!(back(&decision).len(), 2, "{feature}");
        assert!(back(&decision).contains(&component));
        assert_eq!(bench.state.seats().count(), 0);
        bench.sound();
    }
    let mut bench = Bench::new(SUITE);
    bench.grant(ANN, "fx", "2.0");
    let package = bench.state.seats().next().unwrap().0;
    assert_eq!(back(&bench.run(&handle("office", package))).len(), 2);
    bench.sound();
}

#[test]
fn those_who_share_with_it_go_on() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 permanent 1 DUP_GROUP=U");
    let first = bench.grant(ANN, "fx", "2.0").handle;
    let second = bench.grant("ann@h3", "fx", "2.0").handle;
    assert_eq!(back(&bench.run(&handle("fx", first))), [first]);
    assert_eq!(bench.out(BOB, "fx", "2.0", 1), -4, "the license is still in use");
    assert!(bench.state.seat(second).is_some());
    bench.sound();
    assert_eq!(back(&bench.run(&handle("fx", second))), [second]);
    assert_eq!(bench.out(BOB, "fx", "2.0", 1), 0);
}

#[test]
fn a_removed_client_that_checks_out_again_is_safe_for_the_interval() {
    let mut bench = Bench::new(LINES);
    let (first, second) = (bench.grant(ANN, "fx", "2.0").handle, bench.grant(ANN, "fx", "2.0").handle);
    assert_eq!(back(&bench.run(&handle("fx", first))), [first]);
    // What was out then can be removed too, what came later can't.
    assert_eq!(back(&bench.run(&handle("fx", second))), [second]);
    let again = bench.grant(ANN, "fx", "2.0").handle;
    bench.grant(ANN, "fy", "2.0");
    assert_eq!(refused(&bench.run(&handle("fx", again))), Code::RemoveTooSoon);
    assert_eq!(refused(&bench.run(&client("fx", "ann", "h1", "h1"))), Code::RemoveTooSoon);
    assert_eq!(back(&bench.run(&client("fy", "ann", "h1", "h1"))).len(), 1);
    bench.pass(119);
    assert_eq!(refused(&bench.run(&handle("fx", again))), Code::RemoveTooSoon);
    bench.sound();
    bench.pass(1);
    assert_eq!(back(&bench.run(&handle("fx", again))), [again]);
    bench.sound();
}

#[test]
fn the_interval_is_the_publishers_and_a_clock_that_is_set_back_does_not_lengthen_it() {
    let remove_twice = |seconds: u32| {
        let mut bench = Bench::new(LINES);
        let manifest = Manifest { removal_interval_s: seconds, ..Manifest::demo() };
        bench.catalog = catalog_under(&[LINES], &manifest);
        let first = bench.grant(ANN, "fx", "2.0").handle;
        bench.run(&handle("fx", first));
        bench
    };
    let mut bench = remove_twice(0);
    let again = bench.grant(ANN, "fx", "2.0").handle;
    assert_eq!(back(&bench.run(&handle("fx", again))), [again]);
    let mut bench = remove_twice(86_400);
    let again = bench.grant(ANN, "fx", "2.0").handle;
    bench.pass(86_399);
    assert_eq!(refused(&bench.run(&handle("fx", again))), Code::RemoveTooSoon);
    bench.now.utc.0 -= 2 * 86_400_000;
    assert_eq!(back(&bench.run(&handle("fx", again))), [again]);
}

#[test]
fn long_gone_removals_are_forgotten() {
    let mut bench = Bench::new(LINES);
    let first = bench.grant(ANN, "fx", "2.0");
    let seat = bench.state.seat(first.handle).unwrap().clone();
    bench.run(&handle("fx", first.handle));
    assert!(bench.state.last_removal(&seat).is_some());
    bench.pass(86_400);
    let other = bench.grant(BOB, "fx", "2.0").handle;
    bench.run(&handle("fx", other));
    assert_eq!(bench.state.last_removal(&seat), None);
    bench.sound();
}

#[test]
fn a_removed_seat_is_not_granted_again_by_its_number_nor_given_back() {
    let mut bench = Bench::new(LINES);
    let id = bench.session(ANN, &[]);
    let granted = bench.grant(ANN, "fx", "2.0").handle;
    bench.run(&handle("fx", granted));
    let again = bench.run(&Command::Checkout(id, checkout(Token(1), "fx", "2.0", 1)));
    assert_eq!(again.reply, Reply::Answer(Token(1), Answer::Spent));
    assert!(again.events.is_empty());
    let checkin = seatkeeper::event::Checkin { token: Token(2), acknowledged: Token(1), handle: granted };
    match bench.run(&Command::Checkin(id, checkin)).reply {
        Reply::Answer(_, Answer::Denied(denial)) => assert_eq!(denial.code, Code::NeverCheckedOut),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.resume(id, 0, 1), Reply::Resumed(1));
    assert_eq!(bench.state.session(id).unwrap().handles().count(), 0);
    bench.sound();
}

#[test]
fn who_waits_gets_what_is_removed_and_waits_on_if_its_client_loses_another() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 permanent 1");
    let granted = bench.grant(ANN, "fx", "2.0").handle;
    let (token, _) = bench.wait(BOB, "fx", "2.0", 1);
    let (_, Reply::Answer(_, Answer::Queued(place))) = bench.wait(ANN, "fx", "2.0", 1) else { panic!() };
    assert_eq!(back(&bench.run(&client("fx", "ann", "h1", "h1"))), [granted]);
    assert!(bench.state.waiting_under(place.handle).is_some(), "what waits is not touched");
    let offered = bench.serve();
    assert!(matches!(&offered[..], [Event::Offered(it)] if it.request.token == token), "{offered:?}");
    bench.sound();
}

#[test]
fn a_waiting_request_is_taken_out_by_its_handle_and_frees_what_is_held_for_it() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 permanent 1");
    let granted = bench.grant(ANN, "fx", "2.0").handle;
    let (token, Reply::Answer(_, Answer::Queued(place))) = bench.wait(BOB, "fx", "2.0", 1) else { panic!() };
    assert_eq!(refused(&bench.run(&handle("fy", place.handle))), Code::NeverCheckedOut);
    bench.back(ANN, granted);
    bench.serve();
    let offer = bench.state.waiting_under(place.handle).unwrap().offer.clone().unwrap();
    let decision = bench.run(&handle("fx", place.handle));
    let [Event::Removed(_), Event::Dequeued(ends)] = &decision.events[..] else { panic!("{decision:?}") };
    let Dequeued { entry, offer: freed, why: DequeueReason::Removed(why), .. } = ends.as_ref() else {
        panic!()
    };
    assert_eq!((*entry, *freed, why.code), (place.handle, Some(offer.handle), Code::UserRemoved));
    // Its number has that answer for good.
    let id = bench.session(BOB, &[]);
    match bench.wait_again(id, token, "fx", "2.0", 1, 0) {
        Reply::Answer(_, Answer::Denied(denial)) => assert_eq!(denial.code, Code::UserRemoved),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.out("cid@h3", "fx", "2.0", 1), 0);
    bench.sound();
}

#[test]
fn a_large_removal_comes_in_parts() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 permanent 2000");
    for _ in 0..1500 {
        bench.grant(ANN, "fx", "2.0");
    }
    let order = client("fx", "ann", "h1", "h1");
    assert_eq!(back(&bench.run(&order)).len(), 1024);
    assert_eq!(back(&bench.run(&order)).len(), 476);
    assert_eq!(refused(&bench.run(&order)), Code::NeverCheckedOut);
    bench.sound();
}

#[test]
fn nothing_is_removed_without_an_order() {
    let mut bench = Bench::with_options(LINES, "LINGER fy 60");
    let granted = bench.grant(ANN, "fx", "2.0").handle;
    let lingers = bench.grant(ANN, "fy", "2.0").handle;
    bench.back(ANN, lingers);
    let session = bench.session(ANN, &[]);
    let ends = |handle| Event::In(In { session, handle, why: InReason::UserRemoved });
    let judge = |events: &[Event]| check(&bench.state, &bench.catalog, events, bench.now);
    assert_eq!(judge(&[ends(granted)]), Err(Violation::NotOrdered(granted)));
    let Command::Remove(removed) = client("fx", "ann", "h1", "h1") else { panic!() };
    let removed = Event::Removed(Box::new(removed));
    assert_eq!(judge(&[removed.clone(), ends(granted)]), Ok(()));
    assert_eq!(judge(&[removed, ends(lingers)]), Err(Violation::NotOrdered(lingers)));
}
