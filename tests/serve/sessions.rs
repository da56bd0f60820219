//! Sessions over sockets: grants, resumes, leases, the close grace, clocks, restarts.

use std::time::{Duration, Instant};

use seatkeeper::code::{Code, minor};
use seatkeeper::event::Event;
use seatkeeper::time::Timestamp;
use seatkeeper::wire::{FeatureCount, Message, Notice, Purpose, StatusItem};

use crate::daemon::{PATIENCE, Reply, Ticket, Wire, now, until};
use crate::{Site, history, session};

#[test]
fn ten_seats_are_ten_seats_and_come_back_at_once_by_goodbye() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    let (mut ann, _) = session(&daemon, "ann");
    let (mut bob, _) = session(&daemon, "bob");
    assert!(matches!(ann.checkout(1, 0, "ten", 4).unwrap(), Reply::Granted(_)));
    assert!(matches!(bob.checkout(1, 0, "ten", 6).unwrap(), Reply::Granted(_)));
    assert_eq!(bob.checkout(2, 1, "ten", 1).unwrap().number(), -4);
    assert_eq!(bob.checkout(3, 2, "ten", 11).unwrap().number(), -26);
    assert_eq!(bob.checkout(4, 3, "nosuch", 1).unwrap().number(), -5);
    assert!(matches!(ann.ask(&Message::Goodbye).unwrap(), Message::Farewell));
    assert!(matches!(bob.checkout(5, 4, "ten", 4).unwrap(), Reply::Granted(_)));
}

#[test]
fn a_broken_connection_is_resumed_and_unanswered_requests_are_repeated() {
    let site = Site::new(300, 60);
    let daemon = site.start();
    let (mut ann, terms) = session(&daemon, "ann");
    let granted = ann.checkout(1, 0, "one", 1).unwrap().granted();
    drop(ann);
    let mut again = Wire::connect(daemon.port).unwrap();
    let ticket = Ticket::of(&terms);
    let resumed = again.hello("ann", ticket.purpose([1; 16]), now()).unwrap().unwrap().unwrap();
    assert!(resumed.resumed);
    assert_eq!((resumed.epoch, resumed.held), (1, vec![granted.handle]));
    assert_eq!(again.checkout(1, 0, "one", 1).unwrap().granted(), granted, "the same answer");
    let mut copy = Wire::connect(daemon.port).unwrap();
    let denial = copy.hello("ann", ticket.purpose([2; 16]), now()).unwrap().unwrap_err();
    assert_eq!(denial.code, Code::SessionTaken);
    // The newest holder of the session displaces the one before it.
    let newest = Ticket { epoch: 1, ..ticket };
    let mut third = Wire::connect(daemon.port).unwrap();
    third.hello("ann", newest.purpose([3; 16]), now()).unwrap().unwrap();
    let (_, told) = again.receive().unwrap().unwrap();
    assert!(
        matches!(told, Message::Notice(Notice::SessionEnded { denial }) if denial.code == Code::SessionTaken)
    );
    assert!(again.closed_within(PATIENCE));
    assert_eq!(third.checkin(2, 1, granted.handle).unwrap(), Reply::CheckedIn(granted.handle));
}

#[test]
fn a_closed_connection_frees_its_seats_after_the_grace_and_a_silent_one_after_the_lease() {
    let site = Site::new(6, 1);
    let daemon = site.start();
    let (mut closing, _) = session(&daemon, "ann");
    closing.checkout(1, 0, "one", 1).unwrap().granted();
    let begin = Instant::now();
    drop(closing);
    let (mut waiting, _) = session(&daemon, "bob");
    let mut token = 0;
    let grant = loop {
        token += 1;
        match waiting.checkout(token, token - 1, "one", 1).unwrap() {
            Reply::Granted(grant) => break grant,
            reply => assert_eq!(reply.number(), -4),
        }
        assert!(begin.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(begin.elapsed() >= Duration::from_millis(900), "not before the grace is over");
    assert_ne!(grant.handle.0, 0);
    // Now bob falls silent with his socket open: the lease ends the session, and he is told.
    let (_, told) = waiting.receive().unwrap().unwrap();
    assert!(
        matches!(told, Message::Notice(Notice::SessionEnded { denial }) if denial.minor == minor::LEASE_LAPSED)
    );
    let (mut last, _) = session(&daemon, "carl");
    assert!(matches!(last.checkout(1, 0, "one", 1).unwrap(), Reply::Granted(_)));
}

#[test]
fn heartbeats_keep_a_lease() {
    let site = Site::new(5, 1);
    let daemon = site.start();
    let (mut ann, terms) = session(&daemon, "ann");
    assert_eq!((terms.lease_s, terms.heartbeat_s), (5, 1));
    ann.checkout(1, 0, "one", 1).unwrap().granted();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(8) {
        let beat =
            ann.ask(&Message::Heartbeat { acknowledged: seatkeeper::ident::Token(1), idle_s: None }).unwrap();
        assert!(matches!(beat, Message::HeartbeatAck { .. }));
        std::thread::sleep(Duration::from_millis(200));
    }
    let (mut bob, _) = session(&daemon, "bob");
    assert_eq!(bob.checkout(1, 0, "one", 1).unwrap().number(), -4);
}

#[test]
fn clocks_more_than_five_and_ten_minutes_apart() {
    let site = Site::new(300, 60);
    let daemon = site.start();
    let shifted = |minutes: i64, seconds: i64| Timestamp(now().0 + (minutes * 60 + seconds) * 1000);
    for sign in [1, -1] {
        for (minutes, seconds, expected) in [
            (4, 50, None),
            (5, 10, Some("Destination unreachable. (-34,303)")),
            (9, 50, Some("Destination unreachable. (-34,303)")),
            (10, 10, Some("Message expired. (-34,304)")),
        ] {
            let mut wire = Wire::connect(daemon.port).unwrap();
            let outcome = wire.hello("ann", Purpose::New, shifted(sign * minutes, sign * seconds)).unwrap();
            match expected {
                None => assert!(outcome.is_ok()),
                Some(text) => {
                    let denial = outcome.unwrap_err();
                    assert_eq!(denial.to_string(), text);
                    let measured = if sign > 0 { "ahead of" } else { "behind" };
                    assert!(
                        denial.note.contains(measured) && denial.note.contains(" min "),
                        "{}",
                        denial.note
                    );
                }
            }
        }
    }
    // Asking needs no clock.
    let mut asking = Wire::connect(daemon.port).unwrap();
    assert_eq!(asking.hello("ann", Purpose::Ask, Timestamp(0)).unwrap().unwrap(), None);
    let status = asking.ask(&Message::AskStatus { feature: None, users: true }).unwrap();
    assert!(matches!(status, Message::Status(_)));
    // Who holds seats keeps them when a clock is set; what is new is refused.
    let (mut ann, terms) = session(&daemon, "ann");
    let grant = ann.checkout(1, 0, "one", 1).unwrap().granted();
    drop(ann);
    let mut late = Wire::connect(daemon.port).unwrap();
    let ticket = Ticket::of(&terms);
    late.hello("ann", ticket.purpose([1; 16]), shifted(20, 0)).unwrap().unwrap();
    assert_eq!(late.checkout(2, 1, "ten", 1).unwrap().number(), -34);
    assert_eq!(late.checkin(3, 1, grant.handle).unwrap(), Reply::CheckedIn(grant.handle));
}

#[test]
fn after_a_stop_framed_sessions_have_a_lease_to_come_back_before_others_get_their_seats() {
    let site = Site::new(8, 2);
    let daemon = site.start();
    let (mut ann, ann_terms) = session(&daemon, "ann");
    let (mut lost, _) = session(&daemon, "lost");
    let grant = ann.checkout(1, 0, "one", 1).unwrap().granted();
    lost.checkout(1, 0, "ten", 10).unwrap().granted();
    assert_eq!(daemon.stop().code(), Some(15));
    let daemon = site.start();
    let (mut bob, _) = session(&daemon, "bob");
    assert_eq!(bob.checkout(1, 0, "one", 1).unwrap().number(), -4);
    assert_eq!(bob.checkout(2, 1, "ten", 1).unwrap().number(), -4);
    let mut again = Wire::connect(daemon.port).unwrap();
    let resumed =
        again.hello("ann", Ticket::of(&ann_terms).purpose([1; 16]), now()).unwrap().unwrap().unwrap();
    assert_eq!(resumed.held, [grant.handle]);
    // The one that does not come back loses its seats when its lease is over.
    let mut token = 2;
    until("the lease of the lost session", || {
        token += 1;
        let _ = again.ask(&Message::Heartbeat { acknowledged: seatkeeper::ident::Token(1), idle_s: None });
        matches!(bob.checkout(token, token - 1, "ten", 1).unwrap(), Reply::Granted(_))
    });
    assert_eq!(bob.checkout(token + 1, token, "one", 1).unwrap().number(), -4, "ann has hers");
    let log = daemon.log_until_now();
    assert!(log.contains("OUT: \"one\" ann@ws01"), "the resume opens it again in the log: {log}");
    assert!(
        log.contains("IN: \"ten\" lost@ws01  (10 licenses) ") || !log.contains("OUT: \"ten\" lost"),
        "{log}"
    );
    assert_eq!(daemon.stop().code(), Some(15));
    let stops = history(&site.history());
    let stops =
        stops.iter().flat_map(|record| &record.events).filter(|event| matches!(event, Event::Stopped(_)));
    assert_eq!(stops.count(), 2);
}

#[test]
fn seats_of_features_that_are_no_longer_licensed_are_listed_and_come_back() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    let (mut ann, terms) = session(&daemon, "ann");
    let one = ann.checkout(1, 0, "one", 1).unwrap().granted();
    let ten = ann.checkout(2, 1, "ten", 4).unwrap().granted();
    daemon.kill();
    site.serve("SERVER this_host ANY 27000\nVENDOR LGS\nFEATURE ten LGS 1.0 permanent 3\n");
    let daemon = site.start();
    let (mut bob, _) = session(&daemon, "bob");
    assert_eq!(bob.checkout(1, 0, "ten", 1).unwrap().number(), -4, "4 of 3 are out");
    let Message::Status(items) = bob.ask(&Message::AskStatus { feature: None, users: true }).unwrap() else {
        panic!("status");
    };
    let counted = |feature: &str| {
        items.iter().find_map(|item| match item {
            StatusItem::Feature { name, count: FeatureCount::Counted { issued, in_use } }
                if name.as_str() == feature =>
            {
                Some((*issued, *in_use))
            }
            _ => None,
        })
    };
    assert_eq!((counted("ten"), counted("one")), (Some((3, 4)), Some((0, 1))));
    let users = items.iter().filter(|item| matches!(item, StatusItem::User { .. })).count();
    assert_eq!(users, 2, "{items:?}");
    let mut again = Wire::connect(daemon.port).unwrap();
    again.hello("ann", Ticket::of(&terms).purpose([1; 16]), now()).unwrap().unwrap();
    assert_eq!(again.checkin(3, 2, one.handle).unwrap(), Reply::CheckedIn(one.handle));
    assert_eq!(again.checkin(4, 3, ten.handle).unwrap(), Reply::CheckedIn(ten.handle));
    assert!(matches!(bob.checkout(2, 1, "ten", 3).unwrap(), Reply::Granted(_)));
}

#[test]
fn a_refusal_that_was_only_counted_is_repeated_too_and_never_becomes_a_grant() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    let (mut ann, _) = session(&daemon, "ann");
    let (mut bob, _) = session(&daemon, "bob");
    let grant = ann.checkout(1, 0, "one", 1).unwrap().granted();
    for token in 1..=4 {
        assert_eq!(bob.checkout(token, token.min(2) - 1, "one", 1).unwrap().number(), -4);
    }
    assert_eq!(ann.checkin(2, 1, grant.handle).unwrap(), Reply::CheckedIn(grant.handle));
    assert_eq!(bob.checkout(3, 1, "one", 1).unwrap().number(), -4, "the first answer again");
    assert_eq!(bob.checkout(1, 1, "one", 1).unwrap(), Reply::Spent, "acknowledged by the later ones");
    assert!(matches!(bob.checkout(5, 3, "one", 1).unwrap(), Reply::Granted(_)));
    assert_eq!(bob.checkout(2, 3, "one", 1).unwrap(), Reply::Spent);
}

#[test]
fn a_session_whose_connection_the_server_closed_keeps_its_lease() {
    let site = Site::new(300, 0);
    let daemon = site.start();
    let (mut ann, terms) = session(&daemon, "ann");
    let grant = ann.checkout(1, 0, "one", 1).unwrap().granted();
    ann.send_bytes(b"no frame at all").unwrap();
    assert!(ann.closed_within(PATIENCE));
    // A grace of nothing ends at the next look at the clock, twice a second.
    let begin = Instant::now();
    let (mut bob, _) = session(&daemon, "bob");
    let mut token = 0;
    while begin.elapsed() < Duration::from_secs(2) {
        token += 1;
        assert_eq!(bob.checkout(token, token - 1, "one", 1).unwrap().number(), -4);
    }
    let mut again = Wire::connect(daemon.port).unwrap();
    let resumed = again.hello("ann", Ticket::of(&terms).purpose([1; 16]), now()).unwrap().unwrap().unwrap();
    assert_eq!(resumed.held, vec![grant.handle]);
}

#[test]
fn who_waits_for_another_copy_says_so() {
    use std::io::{BufRead as _, BufReader};
    let site = Site::new(300, 5);
    let first = site.start();
    let mut second = std::process::Command::new(env!("CARGO_BIN_EXE_seatkeeper"))
        .args(["LGS", "--listen", "127.0.0.1", "-c"])
        .arg(site.dir.path().join("test.lic"))
        .arg("--state-dir")
        .arg(site.state())
        .arg("--vendor-dir")
        .arg(site.dir.path())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(second.stdout.take().unwrap()).lines().map(Result::unwrap);
    let held = lines.find(|line| line.contains(" is in use by another copy (process "));
    second.kill().unwrap();
    second.wait().unwrap();
    assert!(held.unwrap().ends_with("; waiting for its end for up to 10 s"));
    drop(first);
}
