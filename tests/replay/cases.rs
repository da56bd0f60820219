//! Hand cases: what a replay under other rules comes to.

use std::time::Duration;

use seatkeeper::event::{EndReason, SessionKind};
use seatkeeper::replay::{Kind, Verdict};

use super::recorder::{Outcome, Recorder, TODAY, rules};

const FRAMED: SessionKind = SessionKind::Framed;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_checkin_of_a_seat_that_the_replay_denies_is_ignored() {
    let lines = "FEATURE f LGS 1.0 permanent 2";
    let mut recorder = Recorder::new(rules(lines, ""));
    let (ann, bob) = (recorder.open("ann", FRAMED), recorder.open("bob", FRAMED));
    let held = recorder.out(ann, "f", "1.0", 1).unwrap();
    recorder.pass(seconds(100));
    recorder.out(bob, "f", "1.0", 1).unwrap();
    recorder.pass(seconds(100));
    recorder.back(ann, held);
    let outcome = recorder.replayed(TODAY, Some(&rules(lines, "# not her\nEXCLUDE f USER ann")));
    let [found] = &outcome.found[..] else { panic!("{:?}", outcome.found) };
    assert_eq!((found.kind, found.identity.user.as_str(), found.at), (Kind::NewlyDenied, "ann", TODAY));
    let Verdict::Denied(denial) = &found.replayed else { panic!("{found:?}") };
    assert_eq!((denial.code.number(), denial.rule()), (-38, Some("LGS.opt:2")));
    assert_eq!(outcome.totals.ignored_checkins, 1);
    assert_eq!(outcome.state.seats().count(), 1);
    let (peak, recorded) = (outcome.tally.peaks.values().next().unwrap(), &outcome.survey.peaks);
    assert_eq!((peak.used, peak.of), (1, Some(2)));
    assert_eq!(recorded.values().next().unwrap().used, 2);
    let counts = outcome.tally.clients.iter().next().unwrap();
    assert_eq!((counts.0.0.as_str(), counts.0.1.as_str(), counts.1.newly_denied), ("ann", "ws01", 1));
    assert_eq!(outcome.tally.features[&found.feature].missing, 0, "an excluded user needs no license");
}

/// Seats of one license are held for 100, 300 and 200 s; then bob is refused while ann has it.
fn contended() -> Recorder {
    let mut recorder = Recorder::new(rules("FEATURE f LGS 1.0 permanent 1", ""));
    let ann = recorder.open("ann", FRAMED);
    for span in [100, 300, 200] {
        let held = recorder.out(ann, "f", "1.0", 1).unwrap();
        recorder.pass(seconds(span));
        recorder.back(ann, held);
    }
    recorder.out(ann, "f", "1.0", 1).unwrap();
    recorder
}

#[test]
fn a_newly_granted_seat_is_held_for_the_median() {
    let mut recorder = contended();
    let (bob, joe) = (recorder.open("bob", FRAMED), recorder.open("joe", FRAMED));
    assert_eq!(recorder.out(bob, "f", "1.0", 1), Err(-4));
    recorder.pass(seconds(199));
    // Two licenses: bob has the second one yet, a second later it is joe's.
    assert_eq!(recorder.out(joe, "f", "1.0", 1), Err(-4));
    recorder.pass(seconds(61));
    assert_eq!(recorder.out(joe, "f", "1.0", 1), Err(-4));
    let two = rules("FEATURE f LGS 1.0 permanent 2", "");
    let outcome = recorder.replayed(TODAY, Some(&two));
    let who: Vec<&str> = outcome.found.iter().map(|found| found.identity.user.as_str()).collect();
    assert_eq!(who, ["bob", "joe"]);
    assert!(outcome.found.iter().all(|found| found.kind == Kind::NewlyGranted));
    assert_eq!(outcome.totals.returned, 1, "bob's, after 200 s");
    assert_eq!(outcome.state.seats().count(), 2);
    let feature = outcome.found[0].feature.clone();
    assert_eq!(outcome.survey.holding(None).of(&feature).0, seconds(200));
    assert_eq!(outcome.tally.peaks.values().next().unwrap().used, 2);
    // Joe was denied once, when one more license would have been needed.
    let counts = outcome.tally.features[&feature];
    assert_eq!((counts.newly_granted, counts.denied, counts.missing), (2, 1, 1));
}

#[test]
fn a_newly_granted_seat_is_held_when_the_denied_client_gives_up() {
    let mut recorder = contended();
    let bob = recorder.open("bob", FRAMED);
    assert_eq!(recorder.out(bob, "f", "1.0", 1), Err(-4));
    // The program ends because it got none.
    recorder.end(bob, EndReason::Goodbye);
    recorder.pass(seconds(100));
    // Started again, it would have had its seat yet.
    let again = recorder.open("bob", FRAMED);
    assert_eq!(recorder.out(again, "f", "1.0", 1), Err(-4));
    recorder.end(again, EndReason::Goodbye);
    let joe = recorder.open("joe", FRAMED);
    assert_eq!(recorder.out(joe, "f", "1.0", 1), Err(-4));
    recorder.end(joe, EndReason::Goodbye);
    recorder.pass(seconds(101));
    let sue = recorder.open("sue", FRAMED);
    assert_eq!(recorder.out(sue, "f", "1.0", 1), Err(-4));
    let outcome = recorder.replayed(TODAY, Some(&rules("FEATURE f LGS 1.0 permanent 2", "")));
    let who: Vec<&str> = outcome.found.iter().map(|found| found.identity.user.as_str()).collect();
    assert_eq!(who, ["bob", "sue"], "joe is denied, as bob holds the second license");
    assert_eq!((outcome.totals.returned, outcome.totals.folded), (1, 1));
    assert_eq!(outcome.state.session_count(), 2, "bob's sessions are over: ann and sue are left");
    let counts = outcome.tally.features.values().next().unwrap();
    assert_eq!((counts.newly_granted, counts.denied, counts.missing), (2, 1, 1));
}

#[test]
fn a_newly_granted_seat_gives_way_to_the_recorded_one() {
    let mut recorder = Recorder::new(rules("FEATURE f LGS 1.0 permanent 1", ""));
    let (ann, bob, joe) =
        (recorder.open("ann", FRAMED), recorder.open("bob", FRAMED), recorder.open("joe", FRAMED));
    for _ in 0..2 {
        let held = recorder.out(ann, "f", "1.0", 1).unwrap();
        recorder.pass(seconds(300));
        recorder.back(ann, held);
    }
    let held = recorder.out(ann, "f", "1.0", 1).unwrap();
    assert_eq!(recorder.out(bob, "f", "1.0", 1), Err(-4));
    recorder.pass(seconds(70));
    recorder.back(ann, held);
    // The program has gone on asking, and gets it; so it has one license, not two.
    recorder.out(bob, "f", "1.0", 1).unwrap();
    assert_eq!(recorder.out(joe, "f", "1.0", 1), Err(-4));
    let outcome = recorder.replayed(TODAY, Some(&rules("FEATURE f LGS 1.0 permanent 2", "")));
    let who: Vec<&str> = outcome.found.iter().map(|found| found.identity.user.as_str()).collect();
    assert_eq!(who, ["bob", "joe"]);
    assert_eq!(outcome.totals.returned, 0);
    assert_eq!(outcome.state.seats().count(), 2);
}

#[test]
fn repeats_of_a_denial_count_once_in_sixty_seconds() {
    let mut recorder = contended();
    let bob = recorder.open("bob", FRAMED);
    // One record, then the number of the others, then the last one.
    for _ in 0..11 {
        assert_eq!(recorder.out(bob, "f", "1.0", 1), Err(-4));
        recorder.pass(seconds(5));
    }
    recorder.pass(seconds(20));
    assert_eq!(recorder.out(bob, "f", "1.0", 1), Err(-4));
    let outcome =
        recorder.replayed(TODAY, Some(&rules("FEATURE f LGS 1.0 permanent 1", "EXCLUDE f USER ann")));
    let granted = |found: &&seatkeeper::replay::Difference| found.kind == Kind::NewlyGranted;
    assert_eq!(outcome.found.iter().filter(granted).count(), 1, "bob has it, and asks no more");
    assert_eq!((outcome.totals.denied, outcome.totals.folded), (12, 11));
    // Under the same rules he is judged twice.
    let outcome = recorder.replayed(TODAY, Some(&rules("FEATURE f LGS 1.0 permanent 1", "# the same")));
    assert!(outcome.found.is_empty() && !outcome.tally.differs());
    let counts = outcome.tally.features.values().next().unwrap();
    assert_eq!((counts.denied, counts.missing), (2, 1), "he needs one license, however often he asks");
}

/// Of a client that asks again and again, each number of denials comes ten seconds late.
#[test]
fn who_asks_every_second_is_served_within_seconds_of_what_comes_free() {
    let mut recorder = contended();
    let (bob, joe) = (recorder.open("bob", FRAMED), recorder.open("joe", FRAMED));
    assert_eq!(recorder.out(joe, "f", "1.0", 1), Err(-4));
    let begin = recorder.now();
    for _ in 0..400 {
        assert_eq!(recorder.out(bob, "f", "1.0", 1), Err(-4));
        recorder.pass(seconds(1));
    }
    let two = rules("FEATURE f LGS 1.0 permanent 2", "");
    let outcome = recorder.replayed(TODAY, Some(&two));
    let found: Vec<_> = outcome.found.iter().map(|found| found.identity.user.as_str()).collect();
    assert_eq!(found, ["joe", "bob"]);
    // Joe holds the second license for 200 s; bob is judged once a minute.
    let waited = outcome.found[1].at.0 - begin.0;
    assert!((200_000..=275_000).contains(&waited), "{waited}");
}

#[test]
fn a_span_may_begin_between_a_denial_and_the_number_of_its_repeats() {
    let mut recorder = contended();
    let bob = recorder.open("bob", FRAMED);
    for _ in 0..2 {
        assert_eq!(recorder.out(bob, "f", "1.0", 1), Err(-4));
    }
    recorder.pass(seconds(1));
    let from = recorder.now();
    recorder.pass(seconds(30));
    let outcome = recorder.replayed(from, None);
    assert!(outcome.found.is_empty(), "{:?}", outcome.found);
    assert_eq!(outcome.totals.judged, 0, "what is recorded there is a number, no request");
}

#[test]
fn a_seat_of_another_pool_and_one_that_is_lost() {
    let old = "INCREMENT f LGS 2.0 permanent 1\nINCREMENT f LGS 1.0 permanent 1";
    let mut recorder = Recorder::new(rules(old, ""));
    let ann = recorder.open("ann", FRAMED);
    recorder.out(ann, "f", "1.0", 1).unwrap();
    recorder.pass(seconds(10));
    let middle = recorder.now.utc;
    recorder.out(ann, "f", "1.0", 1).unwrap();
    recorder.out(ann, "f", "2.0", 1).unwrap_err();
    let outcome = recorder.replayed(TODAY, Some(&rules("INCREMENT f LGS 3.0 permanent 5", "")));
    let kinds: Vec<Kind> = outcome.found.iter().map(|found| found.kind).collect();
    assert_eq!(kinds, [Kind::OtherPool, Kind::OtherPool, Kind::NewlyGranted]);
    // From the middle on: the first seat is carried over, and here there is no pool for it.
    let outcome = recorder.replayed(middle, Some(&rules("INCREMENT g LGS 3.0 permanent 5", "")));
    assert_eq!((outcome.totals.carried, outcome.totals.carried_lost), (1, 1));
    assert_eq!(outcome.found.len(), 1, "{:?}", outcome.found);
    assert_eq!(outcome.found[0].kind, Kind::NewlyDenied);
    assert_eq!(outcome.tally.of(Kind::OtherReason), 1, "-5 instead of -4");
}

#[test]
fn a_reread_that_ends_a_seat_in_one_and_not_in_the_other() {
    let (f, g) = ("FEATURE f LGS 1.0 permanent 1", "FEATURE g LGS 1.0 permanent 1");
    let mut recorder = Recorder::new(rules(f, ""));
    let ann = recorder.open("ann", FRAMED);
    recorder.out(ann, "f", "1.0", 1).unwrap();
    recorder.pass(seconds(10));
    recorder.reread(rules(g, ""));
    assert_eq!(recorder.state.seats().count(), 0);
    let outcome = recorder.replayed(TODAY, Some(&rules(f, "")));
    assert_eq!(outcome.found.iter().map(|found| found.kind).collect::<Vec<_>>(), [Kind::Kept]);
    assert_eq!(outcome.state.seats().count(), 1);
    assert!(recorder.replayed(TODAY, None).found.is_empty());
}

// ---- waiting ---------------------------------------------------------------------------------------------------------------

#[test]
fn a_client_may_ask_for_more_while_it_waits() {
    let lines = "FEATURE f LGS 1.0 permanent 1\nFEATURE g LGS 1.0 permanent 1";
    let mut recorder = Recorder::new(rules(lines, ""));
    let (ann, bob) = (recorder.open("ann", FRAMED), recorder.open("bob", FRAMED));
    let held = recorder.out(ann, "f", "1.0", 1).unwrap();
    assert_eq!(recorder.wait(bob, ("f", "1.0", 1), 0), Ok(None));
    let other = recorder.out(bob, "g", "1.0", 1).unwrap();
    recorder.back(ann, held);
    let (entry, _) = recorder.state.waiting().next().unwrap();
    let got = recorder.ask_again(entry).unwrap();
    recorder.back(bob, got);
    recorder.back(bob, other);
    let outcome = recorder.replayed(TODAY, Some(&rules(lines, "# the same")));
    assert!(outcome.found.is_empty() && !outcome.tally.differs(), "{:?}", outcome.found);
    assert_eq!(outcome.tally.features.values().map(|counts| counts.denied).sum::<u64>(), 0);
    assert_eq!((outcome.totals.waited, outcome.totals.gave_up), (1, 0));
    assert_eq!(outcome.state.seats().count(), 0);
}

#[test]
fn what_is_held_for_one_who_waits_is_not_free_for_others() {
    let lines = "FEATURE f LGS 1.0 permanent 1";
    let mut recorder = Recorder::new(rules(lines, ""));
    let (ann, bob, joe) =
        (recorder.open("ann", FRAMED), recorder.open("bob", FRAMED), recorder.open("joe", FRAMED));
    let held = recorder.out(ann, "f", "1.0", 1).unwrap();
    assert_eq!(recorder.wait(bob, ("f", "1.0", 1), 600), Ok(None));
    recorder.back(ann, held);
    recorder.pass(seconds(100));
    assert_eq!(recorder.out(joe, "f", "1.0", 1), Err(-4));
    let (entry, _) = recorder.state.waiting().next().unwrap();
    recorder.ask_again(entry).unwrap();
    let outcome = recorder.replayed(TODAY, Some(&rules(lines, "# the same")));
    assert!(outcome.found.is_empty(), "{:?}", outcome.found);
    assert_eq!((outcome.totals.judged, outcome.state.seats().count()), (3, 1));
    // Another pool is told when it takes them; with two licenses joe gets one.
    let two = rules("FEATURE f LGS 2.0 permanent 2", "");
    let outcome = recorder.replayed(TODAY, Some(&two));
    let found: Vec<_> =
        outcome.found.iter().map(|found| (found.kind, found.identity.user.as_str())).collect();
    let expected = [(Kind::OtherPool, "ann"), (Kind::NewlyGranted, "joe"), (Kind::OtherPool, "bob")];
    assert_eq!(found, expected);
    // Who is not let in is denied when he would take them, and they are free.
    let outcome = recorder.replayed(TODAY, Some(&rules(lines, "EXCLUDE f USER bob")));
    let found: Vec<_> =
        outcome.found.iter().map(|found| (found.kind, found.identity.user.as_str())).collect();
    assert_eq!(found, [(Kind::NewlyGranted, "joe"), (Kind::NewlyDenied, "bob")]);
}

#[test]
fn an_offer_that_lapses_or_is_taken_back_by_a_reread_is_given_back() {
    let lines = "FEATURE f LGS 1.0 permanent 1";
    let mut recorder = Recorder::new(rules(lines, ""));
    let (ann, bob) = (recorder.open("ann", FRAMED), recorder.open("bob", FRAMED));
    let held = recorder.out(ann, "f", "1.0", 1).unwrap();
    assert_eq!(recorder.wait(bob, ("f", "1.0", 1), 600), Ok(None));
    recorder.back(ann, held);
    recorder.reread(rules(lines, ""));
    recorder.pass(seconds(601));
    assert!(!recorder.state.has_queue());
    recorder.out(ann, "f", "1.0", 1).unwrap();
    let outcome = recorder.replayed(TODAY, Some(&rules(lines, "# the same")));
    assert!(outcome.found.is_empty(), "{:?}", outcome.found);
    assert_eq!((outcome.totals.waited, outcome.totals.gave_up, outcome.state.seats().count()), (1, 1, 1));
}

#[test]
fn what_is_free_is_kept_for_those_who_wait_for_more() {
    let lines = "FEATURE f LGS 1.0 permanent 4";
    let mut recorder = Recorder::new(rules(lines, ""));
    let (ann, bob, joe) =
        (recorder.open("ann", FRAMED), recorder.open("bob", FRAMED), recorder.open("joe", FRAMED));
    recorder.out(ann, "f", "1.0", 2).unwrap();
    assert_eq!(recorder.wait(bob, ("f", "1.0", 4), 0), Ok(None));
    // He is passed so often that he blocks.
    while let Ok(handle) = recorder.out(joe, "f", "1.0", 1) {
        recorder.back(joe, handle);
    }
    let denied = |options: &str, lines: &str| {
        let outcome = recorder.replayed(TODAY, Some(&rules(lines, options)));
        outcome.found.iter().map(|found| (found.kind, found.identity.user.clone())).collect::<Vec<_>>()
    };
    assert_eq!(denied("# the same", lines), []);
    let enough = denied("", "FEATURE f LGS 1.0 permanent 7");
    assert_eq!(enough, [(Kind::NewlyGranted, "joe".parse().unwrap())]);
}

// ---- borrowing, lmremove, clocks -------------------------------------------------------------------------------------------

const HOUR: i64 = 3600;

fn one(outcome: &Outcome) -> &seatkeeper::replay::Difference {
    let [found] = &outcome.found[..] else { panic!("{:?}", outcome.found) };
    found
}

#[test]
fn a_borrow_that_other_rules_refuse_is_told_and_its_seat_is_missing() {
    let lines = "FEATURE f LGS 1.0 permanent 3 BORROW=100";
    let mut recorder = Recorder::new(rules(lines, ""));
    let ann = recorder.open("ann", FRAMED);
    let lent = recorder.borrow(ann, ("f", "1.0", 2), (90 * HOUR, 0)).unwrap();
    let ends = TODAY.plus(seconds(90 * 3600));
    recorder.pass(seconds(100));
    recorder.renew(ann, lent, Some(80 * HOUR)).unwrap();
    recorder.recall(lent);
    recorder.return_early(ann, lent);
    for (options, number) in [
        ("EXCLUDE_BORROW f USER ann", -38),
        ("INCLUDE_BORROW f USER bob", -39),
        ("BORROW_LOWWATER f 2", -67),
        ("MAX_BORROW_HOURS f 89", -104),
    ] {
        let outcome = recorder.replayed(TODAY, Some(&rules(lines, options)));
        let found = one(&outcome);
        assert_eq!((found.kind, found.borrow_ends), (Kind::NewlyDenied, Some(ends)), "{options}");
        let Verdict::Denied(denial) = &found.replayed else { panic!("{found:?}") };
        assert_eq!((denial.code.number(), denial.rule()), (number, Some("LGS.opt:1")));
        assert_eq!(outcome.tally.peaks.values().map(|peak| peak.used).sum::<u64>(), 0);
        assert_eq!(outcome.survey.peaks.values().map(|peak| peak.used).max(), Some(2));
    }
    let outcome = recorder.replayed(TODAY, Some(&rules(lines, "MAX_BORROW_HOURS f 90")));
    assert!(outcome.found.is_empty() && outcome.state.seats().count() == 0, "{:?}", outcome.found);
    assert_eq!(outcome.tally.peaks.values().map(|peak| (peak.used, peak.of)).max(), Some((2, Some(3))));
}

#[test]
fn a_newly_granted_borrow_is_held_until_its_end() {
    let lines = "FEATURE f LGS 1.0 permanent 1 BORROW=100";
    let mut recorder = Recorder::new(rules(lines, "EXCLUDE_BORROW f USER ann"));
    let (ann, bob) = (recorder.open("ann", FRAMED), recorder.open("bob", FRAMED));
    // Seats of this feature are held for a minute, which says nothing of borrowing.
    let held = recorder.out(bob, "f", "1.0", 1).unwrap();
    recorder.pass(seconds(60));
    recorder.back(bob, held);
    let what = ("f", "1.0", 1);
    assert_eq!(recorder.borrow(ann, what, (50 * HOUR, 3600)), Err(-38));
    recorder.end(ann, EndReason::Goodbye);
    let again = recorder.open("ann", FRAMED);
    recorder.pass(seconds(100));
    // With it, she would not ask again.
    assert_eq!(recorder.borrow(again, what, (40 * HOUR, 0)), Err(-38));
    recorder.pass(seconds(49 * 3600));
    let held = recorder.out(bob, "f", "1.0", 1).unwrap();
    recorder.back(bob, held);
    // Ten minutes after the end it is free.
    recorder.pass(seconds(3600 + 600));
    recorder.out(bob, "f", "1.0", 1).unwrap();
    let outcome = recorder.replayed(TODAY, Some(&rules(lines, "")));
    let found: Vec<_> =
        outcome.found.iter().map(|found| (found.kind, found.identity.user.as_str())).collect();
    assert_eq!(found, [(Kind::NewlyGranted, "ann"), (Kind::NewlyDenied, "bob")]);
    assert_eq!(outcome.found[0].borrow_ends, Some(TODAY.plus(seconds(60 + 50 * 3600))));
    assert_eq!((outcome.totals.folded, outcome.totals.returned), (1, 1));
    assert_eq!(outcome.state.seats().count(), 1, "bob's last");
    assert!(outcome.state.session(ann).is_none(), "a borrow keeps no session");
}

#[test]
fn a_newly_granted_borrow_gives_way_to_the_recorded_one() {
    let lines = "FEATURE f LGS 1.0 permanent 1 BORROW=100";
    let mut recorder = Recorder::new(rules(lines, "MAX_BORROW_HOURS f 10"));
    let ann = recorder.open("ann", FRAMED);
    assert_eq!(recorder.borrow(ann, ("f", "1.0", 1), (50 * HOUR, 0)), Err(-104));
    recorder.pass(seconds(100));
    recorder.borrow(ann, ("f", "1.0", 1), (10 * HOUR, 0)).unwrap();
    let outcome = recorder.replayed(TODAY, Some(&rules(lines, "")));
    assert_eq!(one(&outcome).kind, Kind::NewlyGranted);
    assert_eq!(outcome.state.seats().count(), 1);
}

#[test]
fn no_reread_ends_a_borrow_in_the_record_or_in_the_replay() {
    let (f, g) = ("FEATURE f LGS 1.0 permanent 1 BORROW", "FEATURE g LGS 1.0 permanent 1");
    let mut recorder = Recorder::new(rules(f, ""));
    let ann = recorder.open("ann", FRAMED);
    recorder.borrow(ann, ("f", "1.0", 1), (50 * HOUR, 0)).unwrap();
    recorder.end(ann, EndReason::Goodbye);
    recorder.reread(rules(g, ""));
    let outcome = recorder.replayed(TODAY, Some(&rules(f, "")));
    assert!(outcome.found.is_empty() && outcome.state.seats().count() == 1, "{:?}", outcome.found);
    let mut recorder = Recorder::new(rules(f, ""));
    let ann = recorder.open("ann", FRAMED);
    recorder.borrow(ann, ("f", "1.0", 1), (50 * HOUR, 0)).unwrap();
    recorder.end(ann, EndReason::Goodbye);
    let middle = recorder.history.last().unwrap().first;
    recorder.pass(seconds(10));
    let from = recorder.now();
    recorder.open("bob", FRAMED);
    let outcome = recorder.replayed(from, Some(&rules(g, "")));
    assert_eq!((outcome.totals.carried, outcome.totals.carried_lost), (1, 0));
    assert!(outcome.survey.begins.unwrap() > middle);
}

/// The daemon was down, and begins again without a line for what is out.
#[test]
fn a_start_without_a_line_for_what_is_out_ends_nothing_in_the_replay() {
    let (both, g) =
        ("FEATURE f LGS 1.0 permanent 1\nFEATURE g LGS 1.0 permanent 1", "FEATURE g LGS 2.0 permanent 1");
    let mut recorder = Recorder::new(rules(both, ""));
    let (ann, bob) = (recorder.open("ann", FRAMED), recorder.open("bob", FRAMED));
    let held = recorder.out(ann, "f", "1.0", 1).unwrap();
    recorder.out(ann, "g", "1.0", 1).unwrap();
    recorder.restart(false, rules(g, ""));
    assert_eq!(recorder.out(bob, "f", "1.0", 1), Err(-5));
    recorder.back(ann, held);
    let outcome = recorder.replayed(TODAY, None);
    assert!(outcome.found.is_empty() && outcome.totals.ignored_checkins == 0, "{:?}", outcome.found);
    assert_eq!(outcome.state.seats().map(|(_, seat)| seat.pool.to_string()).collect::<Vec<_>>(), ["g 2"]);
}

#[test]
fn what_only_the_replay_has_out_moves_at_a_start_with_other_files_too() {
    let (before, after) = ("FEATURE f LGS 1.0 permanent 1", "FEATURE f LGS 2.0 permanent 1");
    let mut recorder = Recorder::new(rules(before, "EXCLUDE f USER bob"));
    let (ann, bob) = (recorder.open("ann", FRAMED), recorder.open("bob", FRAMED));
    assert_eq!(recorder.out(bob, "f", "1.0", 1), Err(-38));
    recorder.restart(false, rules(after, "EXCLUDE f USER bob"));
    recorder.out(ann, "f", "1.0", 1).unwrap();
    assert_eq!(recorder.switches.len(), 2, "nothing was out at the start");
    let outcome = recorder.replayed_under(TODAY, false, &[rules(before, ""), rules(after, "")]);
    let found: Vec<_> = outcome.found.iter().map(|found| found.kind).collect();
    assert_eq!(found, [Kind::NewlyGranted, Kind::NewlyDenied]);
    assert_eq!(outcome.state.seats().map(|(_, seat)| seat.pool.to_string()).collect::<Vec<_>>(), ["f 2"]);
}

#[test]
fn what_lmremove_took_back_is_free_under_other_rules_too() {
    let mut recorder = Recorder::new(rules("FEATURE f LGS 1.0 permanent 1", ""));
    let (ann, bob) = (recorder.open("ann", FRAMED), recorder.open("bob", FRAMED));
    let held = recorder.out(ann, "f", "1.0", 1).unwrap();
    assert!(recorder.remove(held, true));
    recorder.out(bob, "f", "1.0", 1).unwrap();
    let outcome = recorder.replayed(TODAY, Some(&rules("FEATURE f LGS 2.0 permanent 1", "LINGER f 3600")));
    assert!(outcome.found.iter().all(|found| found.kind == Kind::OtherPool), "{:?}", outcome.found);
    assert_eq!(outcome.state.seats().count(), 1);
}

#[test]
fn a_clock_that_is_wrong_by_years_ends_no_borrow_and_no_span() {
    const YEAR: i64 = 365 * 86_400_000;
    let lines = "FEATURE f LGS 1.0 permanent 1 BORROW=100";
    let mut recorder = Recorder::new(rules(lines, ""));
    let (ann, bob) = (recorder.open("ann", FRAMED), recorder.open("bob", FRAMED));
    recorder.borrow(ann, ("f", "1.0", 1), (50 * HOUR, 0)).unwrap();
    recorder.pass(seconds(60));
    recorder.set_clock(5 * YEAR);
    recorder.pass(seconds(60));
    assert_eq!(recorder.out(bob, "f", "1.0", 1), Err(-4));
    recorder.set_clock(-5 * YEAR);
    recorder.pass(seconds(60));
    assert_eq!(recorder.out(bob, "f", "1.0", 1), Err(-4));
    recorder.set_clock(0);
    recorder.pass(seconds(60));
    assert_eq!(recorder.out(bob, "f", "1.0", 1), Err(-4));
    let outcome = recorder.replayed(TODAY, None);
    assert!(outcome.found.is_empty(), "{:?}", outcome.found);
    assert_eq!((outcome.totals.judged, outcome.state.seats().count()), (4, 1));
    assert_eq!(outcome.survey.through, recorder.state.seq());
    let mut survey = seatkeeper::replay::Survey::new(TODAY..recorder.now().plus(seconds(1)));
    assert!(recorder.history.iter().all(|record| survey.take(record)), "the wrong clock is in the span");
}
