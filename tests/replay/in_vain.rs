//! Requests that waited and got nothing, under other rules.

use std::time::Duration;

use seatkeeper::event::{EndReason, SessionKind};
use seatkeeper::ident::{Handle, SessionId};
use seatkeeper::replay::Kind;

use super::recorder::{Outcome, Recorder, TODAY, rules};

const ONE: &str = "FEATURE f LGS 1.0 permanent 1";
const TWO: &str = "FEATURE f LGS 1.0 permanent 2";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Ann has the license for the whole time; seats are held for 100 s.
fn taken() -> (Recorder, impl FnMut(&mut Recorder, &str) -> SessionId) {
    let open = |recorder: &mut Recorder, user: &str| recorder.open(user, SessionKind::Framed);
    let mut recorder = Recorder::new(rules(ONE, ""));
    let ann = open(&mut recorder, "ann");
    let held = recorder.out(ann, "f", "1.0", 1).unwrap();
    recorder.pass(seconds(100));
    recorder.back(ann, held);
    recorder.out(ann, "f", "1.0", 1).unwrap();
    (recorder, open)
}

fn waits(recorder: &mut Recorder, session: SessionId) -> Handle {
    assert_eq!(recorder.wait(session, ("f", "1.0", 1), 0), Ok(None));
    recorder.state.waiting().last().unwrap().0
}

/// Who is newly granted what how many seconds after a time.
fn granted(outcome: &Outcome, recorder: &Recorder) -> Vec<(String, i64)> {
    let ago = |found: &seatkeeper::replay::Difference| (recorder.now().0 - found.at.0) / 1000;
    assert!(outcome.found.iter().all(|found| found.kind == Kind::NewlyGranted), "{:?}", outcome.found);
    outcome.found.iter().map(|found| (found.identity.user.to_string(), ago(found))).collect()
}

#[test]
fn who_left_the_queue_with_nothing_got_nothing_under_the_same_rules() {
    let (mut recorder, mut open) = taken();
    let bob = open(&mut recorder, "bob");
    for way in 0..3 {
        let entry = waits(&mut recorder, bob);
        match way {
            0 => recorder.cancel(entry),
            1 => recorder.remove_waiting(entry),
            _ => recorder.end(bob, EndReason::Goodbye),
        }
    }
    let outcome = recorder.replayed(TODAY, Some(&rules(ONE, "# the same")));
    assert!(outcome.found.is_empty() && !outcome.tally.differs(), "{:?}", outcome.found);
    assert_eq!((outcome.totals.waited, outcome.totals.gave_up, outcome.totals.judged), (3, 3, 5));
}

#[test]
fn who_waited_in_vain_is_granted_when_he_asks_if_there_is_enough() {
    let (mut recorder, mut open) = taken();
    let (bob, joe) = (open(&mut recorder, "bob"), open(&mut recorder, "joe"));
    let entry = waits(&mut recorder, bob);
    recorder.pass(seconds(50));
    recorder.cancel(entry);
    // Bob has the second license for 100 s.
    assert_eq!(recorder.out(joe, "f", "1.0", 1), Err(-4));
    recorder.pass(seconds(70));
    assert_eq!(recorder.out(joe, "f", "1.0", 1), Err(-4));
    let outcome = recorder.replayed(TODAY, Some(&rules(TWO, "")));
    assert_eq!(granted(&outcome, &recorder), [("bob".to_owned(), 120), ("joe".to_owned(), 0)]);
    let outcome = recorder.replayed(TODAY, Some(&rules(TWO, "EXCLUDE f USER bob")));
    assert_eq!(granted(&outcome, &recorder), [("joe".to_owned(), 70)]);
}

#[test]
fn who_would_have_waited_too_is_granted_when_he_leaves_if_there_is_enough_then() {
    let (mut recorder, mut open) = taken();
    let (bob, joe) = (open(&mut recorder, "bob"), open(&mut recorder, "joe"));
    assert_eq!(recorder.out(joe, "f", "1.0", 1), Err(-4));
    // Joe has the second license for 100 s.
    let entry = waits(&mut recorder, bob);
    recorder.pass(seconds(150));
    recorder.cancel(entry);
    recorder.pass(seconds(10));
    let outcome = recorder.replayed(TODAY, Some(&rules(TWO, "")));
    assert_eq!(granted(&outcome, &recorder), [("joe".to_owned(), 160), ("bob".to_owned(), 10)]);
    assert_eq!(outcome.totals.judged, 4);
}

#[test]
fn what_is_free_is_first_for_others_who_wait() {
    let (mut recorder, mut open) = taken();
    let (bob, joe) = (open(&mut recorder, "bob"), open(&mut recorder, "joe"));
    assert_eq!(recorder.out(joe, "f", "1.0", 1), Err(-4));
    let first = waits(&mut recorder, bob);
    let second = waits(&mut recorder, joe);
    recorder.pass(seconds(150));
    // What joe had is free again, and bob was there before him.
    recorder.cancel(second);
    recorder.pass(seconds(10));
    recorder.cancel(first);
    let outcome = recorder.replayed(TODAY, Some(&rules(TWO, "")));
    assert_eq!(granted(&outcome, &recorder), [("joe".to_owned(), 160), ("bob".to_owned(), 0)]);
}

#[test]
fn who_did_not_take_what_was_held_for_him_is_not_judged() {
    let (mut recorder, mut open) = taken();
    let bob = open(&mut recorder, "bob");
    let (session, ann) = recorder.state.seats().map(|(handle, seat)| (seat.session, handle)).next().unwrap();
    for cancels in [false, true] {
        let ann = recorder.state.seats().next().map_or(ann, |(handle, _)| handle);
        let entry = waits(&mut recorder, bob);
        recorder.back(session, ann);
        if cancels {
            recorder.cancel(entry)
        } else {
            recorder.pass(seconds(61))
        }
        assert!(!recorder.state.has_queue());
        recorder.out(session, "f", "1.0", 1).unwrap();
    }
    let outcome = recorder.replayed(TODAY, Some(&rules(TWO, "")));
    assert!(outcome.found.is_empty(), "{:?}", outcome.found);
    assert_eq!((outcome.totals.waited, outcome.totals.gave_up), (2, 2));
}
