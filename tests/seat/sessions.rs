//! Sessions: repeated requests, resume, ends, restarts.

use seatkeeper::code::Code;
use seatkeeper::event::{Answer, Checkin, EndReason, SessionKind, Started, Stopped};
use seatkeeper::ident::{Digest, SessionId, Token};
use seatkeeper::seat::{Command, DenialDamper, Reply, State};

use super::bench::{Bench, checkout, events, fold, identity};

fn bench() -> (Bench, SessionId) {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 2");
    let id = bench.session("ann@h1", &[]);
    (bench, id)
}

fn answer(bench: &mut Bench, id: SessionId, token: u64, acknowledged: u64) -> Answer {
    let mut request = checkout(Token(token), "fx", "1.0", 1);
    request.acknowledged = Token(acknowledged);
    match bench.run(&Command::Checkout(id, request)).reply {
        Reply::Answer(_, answer) => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_repeated_number_gets_its_first_answer_and_a_settled_one_is_spent() {
    let (mut bench, id) = bench();
    let first = answer(&mut bench, id, 1, 0);
    assert_eq!(answer(&mut bench, id, 1, 0), first);
    assert_eq!(bench.state.seats().count(), 1);
    let Answer::Granted(grant) = first else { panic!("granted") };
    let _ = bench.next_token("ann@h1");
    bench.back("ann@h1", grant.handle);
    assert_eq!(answer(&mut bench, id, 1, 0), Answer::Spent, "checked in");
    assert!(matches!(answer(&mut bench, id, 3, 2), Answer::Granted(_)));
    assert_eq!(answer(&mut bench, id, 2, 0), Answer::Spent, "acknowledged");
    assert_eq!(bench.state.seats().count(), 1);
}

#[test]
fn a_seat_is_given_back_also_by_a_number_that_was_passed() {
    let (mut bench, id) = bench();
    let Answer::Granted(grant) = answer(&mut bench, id, 1, 0) else { panic!("granted") };
    // Number 2 was rolled back with the record of its checkin, and 3 came before the client heard of that.
    assert!(matches!(answer(&mut bench, id, 3, 1), Answer::Granted(_)));
    let checkin = Checkin { token: Token(2), acknowledged: Token(1), handle: grant.handle };
    let command = Command::Checkin(id, checkin);
    let expected = Reply::Answer(Token(2), Answer::CheckedIn(grant.handle));
    assert_eq!(bench.run(&command).reply, expected);
    assert_eq!(bench.state.seats().count(), 1);
    assert_eq!(bench.run(&command).reply, expected, "repeated");
    assert_eq!(answer(&mut bench, id, 2, 0), Answer::CheckedIn(grant.handle), "the number grants nothing");
    assert_eq!(fold(&bench.history), bench.state);
    assert_eq!(State::from_snapshot(&bench.state.snapshot()).as_ref(), Ok(&bench.state));
}

#[test]
fn a_resume_needs_the_secret_and_the_newest_epoch_and_may_be_repeated() {
    let (mut bench, id) = bench();
    assert_eq!(bench.resume(id, 0, 7), Reply::Resumed(1));
    let events_before = bench.history.len();
    assert_eq!(bench.resume(id, 0, 7), Reply::Resumed(1), "its answer was lost, so it comes again");
    assert_eq!(bench.history.len(), events_before);
    let taken = |reply| matches!(reply, Reply::Refused(denial) if denial.code == Code::SessionTaken);
    assert!(taken(bench.resume(id, 0, 8)), "a copy of the session");
    assert!(taken(bench.resume(id, 5, 8)), "an epoch that was never given");
    assert_eq!(bench.resume(id, 1, 9), Reply::Resumed(2));
    let claim = seatkeeper::seat::Resume { session: id, secret: Digest([9; 32]), epoch: 2, nonce: [1; 16] };
    let wrong = bench.run(&Command::Resume(claim)).reply;
    assert!(matches!(wrong, Reply::Refused(denial) if denial.code == Code::SessionEnded));
}

#[test]
fn an_ended_session_gives_everything_back_and_is_never_resumed() {
    let (mut bench, id) = bench();
    assert_eq!(bench.out("ann@h1", "fx", "1.0", 2), 0);
    bench.run(&Command::End(id, EndReason::LeaseLapsed));
    assert_eq!(bench.state.seats().count(), 0);
    assert!(matches!(bench.resume(id, 0, 1), Reply::Refused(denial) if denial.code == Code::SessionEnded));
    assert_eq!(bench.state.session_count(), 0);
}

#[test]
fn line_sessions_end_with_the_daemon_and_framed_ones_keep_their_seats() {
    let (mut bench, _) = bench();
    assert_eq!(bench.out("ann@h1", "fx", "1.0", 1), 0);
    let line = SessionId([200; 16]);
    let who = identity("bob@h2", &[], SessionKind::Line);
    bench.run(&Command::Open { session: line, secret: Digest([0; 32]), identity: who });
    let request = checkout(Token(1), "fx", "1.0", 1);
    bench.run(&Command::Checkout(line, request));
    assert_eq!(bench.state.seats().count(), 2);
    bench.run(&Command::Stop(Stopped { by: "signal 15".into() }));
    assert_eq!(bench.state.seats().count(), 1);
    assert!(bench.state.sessions().all(|(_, session)| !session.shown()));
    bench.run(&Command::Start(Started { version: "1".into(), zone: "UTC".into(), files: vec![] }));
    assert_eq!(bench.state.seats().count(), 1);
    assert_eq!(bench.out("carl@h3", "fx", "1.0", 1), 0);
    assert_eq!(bench.out("dora@h4", "fx", "1.0", 1), -4, "ann's seat waits for her");
}

#[test]
fn a_crash_frees_line_sessions_at_the_next_start() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 2");
    let line = SessionId([200; 16]);
    let who = identity("bob@h2", &[], SessionKind::Line);
    bench.run(&Command::Open { session: line, secret: Digest([0; 32]), identity: who });
    bench.run(&Command::Checkout(line, checkout(Token(1), "fx", "1.0", 2)));
    bench.run(&Command::Start(Started { version: "1".into(), zone: "UTC".into(), files: vec![] }));
    assert_eq!(bench.state.session_count(), 0);
    assert_eq!(bench.out("ann@h1", "fx", "1.0", 2), 0);
}

#[test]
fn answers_that_are_never_acknowledged_are_bounded() {
    let (mut bench, id) = bench();
    for token in 1..=1024 {
        answer(&mut bench, id, token, 0);
    }
    let mut request = checkout(Token(1025), "fx", "1.0", 1);
    request.acknowledged = Token(0);
    let reply = bench.run(&Command::Checkout(id, request)).reply;
    assert!(matches!(reply, Reply::Refused(denial) if denial.code == Code::LimitReached));
    assert!(matches!(answer(&mut bench, id, 1025, 1000), Answer::Denied(_)));
}

#[test]
fn a_snapshot_is_the_state() {
    let (mut bench, id) = bench();
    answer(&mut bench, id, 1, 0);
    answer(&mut bench, id, 2, 0);
    answer(&mut bench, id, 3, 1);
    let bytes = bench.state.snapshot();
    assert_eq!(State::from_snapshot(&bytes).unwrap(), bench.state);
    assert_eq!(fold(&bench.history), bench.state);
    for cut in 0..bytes.len() {
        assert!(State::from_snapshot(&bytes[..cut]).is_err());
    }
}

#[test]
fn snapshots_from_before_lmremove_queues_and_lingering_are_read() {
    let (mut bench, id) = bench();
    answer(&mut bench, id, 1, 0);
    let mut bytes = bench.state.snapshot();
    // Form 9 ended a session before what it has lost; behind it are the count of seats, handle and session of the only one.
    let mut places = bytes.windows(16).enumerate().filter(|(_, window)| **window == id.0);
    let seat = places.next_back().unwrap().0;
    assert_eq!((bytes[0], bytes.remove(seat - 3)), (10, 0));
    bytes[0] = 9;
    assert_eq!(State::from_snapshot(&bytes).unwrap(), bench.state);
    // Form 8 had nothing of packages in what is held for those who wait.
    assert_eq!(bytes[0], 9);
    bytes[0] = 8;
    assert_eq!(State::from_snapshot(&bytes).unwrap(), bench.state);
    // Form 7 ended before the time mark.
    assert_eq!((bytes[0], bytes.pop()), (8, Some(0)));
    bytes[0] = 7;
    assert_eq!(State::from_snapshot(&bytes).unwrap(), bench.state);
    // Form 5 ended before the count of removals.
    assert_eq!((bytes[0], bytes.pop()), (7, Some(0)));
    bytes[0] = 5;
    assert_eq!(State::from_snapshot(&bytes).unwrap(), bench.state);
    // Form 4 ended before the counts of those who wait and of what is known of times.
    assert_eq!((bytes[0], bytes.pop(), bytes.pop()), (5, Some(0), Some(0)));
    bytes[0] = 4;
    assert_eq!(State::from_snapshot(&bytes).unwrap(), bench.state);
    // Form 3 had no byte for the tenure behind the session of a seat.
    let mut places = bytes.windows(16).enumerate().filter(|(_, window)| **window == id.0);
    let seat = places.next_back().unwrap().0;
    assert_eq!((bytes[0], bytes.remove(seat + 16)), (4, 0));
    bytes[0] = 3;
    assert_eq!(State::from_snapshot(&bytes).unwrap(), bench.state);
}

#[test]
fn equal_denials_within_ten_seconds_become_one_counted_event() {
    let (mut bench, id) = bench();
    assert_eq!(bench.out("bob@h2", "fx", "1.0", 2), 0);
    let mut damper = DenialDamper::default();
    let mut recorded = Vec::new();
    for step in 0..30_u64 {
        bench.now.mono.0 = step * 500;
        recorded.extend(damper.expired(bench.now));
        let request = checkout(Token(step + 1), "fx", "1.0", 1);
        let decision =
            seatkeeper::seat::decide(&bench.state, bench.rules(), &Command::Checkout(id, request), bench.now);
        assert!(matches!(&decision.reply, Reply::Answer(_, Answer::Denied(_))));
        if !damper.absorb(&decision.events, bench.now) {
            for event in &decision.events {
                let seatkeeper::event::Event::Denied(denied) = event else { panic!("denied") };
                recorded.extend(damper.note(denied, bench.now));
                recorded.push((**denied).clone());
            }
        }
    }
    recorded.extend(damper.drain());
    let times: Vec<u32> = recorded.iter().map(|denied| denied.times).collect();
    assert_eq!(times, [1, 19, 1, 9]);
    assert_eq!(events(&bench.history).count(), 3);
}
