//! Requests that wait, and checkouts that come back by themselves.

use super::*;
use crate::code::Code;
use crate::event::Denial;

/// Messages of the vendor daemon, each a second later than the one before but for those after a `+`.
fn said(messages: &[&str]) -> (Vec<Record>, Assumptions) {
    let mut second = 0;
    let line = |message: &&str| {
        let at_once = message.strip_prefix('+');
        second += u32::from(at_once.is_none());
        let daemon = if message.starts_with("(lmgrd) ") { "" } else { "(LGS) " };
        format!(" 9:00:{second:02} {daemon}{}\n", at_once.unwrap_or(message))
    };
    read(&messages.iter().map(line).collect::<String>(), "UTC")
}

/// Tokens of the grants.
fn tokens(records: &[Record]) -> Vec<u64> {
    let events = records.iter().flat_map(|record| &record.events);
    events
        .filter_map(|event| if let Event::Out(out) = event { Some(out.request.token.0) } else { None })
        .collect()
}

#[test]
fn a_request_that_waited_is_granted_under_its_own_number() {
    let (records, assumed) = said(&[
        "Seatkeeper version v1.0.0",
        "QUEUED: \"f1\" ann@ws01  (2 licenses) ",
        "QUEUED: \"f1\" ann@ws01  ",
        "OUT: \"f2\" ann@ws01  ",
        "OUT: \"f1\" ann@ws01  ",
        "DEQUEUED: \"f1\" ann@ws01  ",
        "+OUT: \"f1\" ann@ws01  ",
        "DEQUEUED: \"f1\" ann@ws01  (2 licenses) ",
        "+OUT: \"f1\" ann@ws01  (2 licenses) ",
    ]);
    assert_eq!(
        told(&records),
        [
            "started 1.0.0",
            "1 waits 2 f1 for ann as 1",
            "2 waits 1 f1 for ann as 2",
            "3 out 1 f2 of ann@ws01",
            // Our log says first that one waits no more.
            "4 out 1 f1 of ann@ws01",
            "5 out 1 f1 of ann@ws01",
            "6 out 2 f1 of ann@ws01",
        ]
    );
    assert_eq!(tokens(&records), [3, 4, 2, 1]);
    assert_eq!((assumed.lines.queue, assumed.waited, assumed.gave_up, assumed.still_waiting), (4, 2, 0, 0));
}

#[test]
fn what_became_of_a_request_that_got_nothing_is_on_the_next_line() {
    let line = |second: u32, message: &str| format!(" 9:00:{second:02} (LGS) {message}\n");
    let queued = |user: &str| format!("QUEUED: \"f1\" {user}@ws01  ");
    let dequeued = |user: &str| format!("DEQUEUED: \"f1\" {user}@ws01  ");
    let mut log = ["ann", "bob", "joe", "sue", "eve"].map(|user| line(0, &queued(user))).concat();
    let why = |code| Denial::new(code, 1, "").to_string();
    for (user, note) in [
        ("ann", why(Code::HoldLapsed)),
        ("bob", why(Code::Expired)),
        ("joe", why(Code::UserRemoved)),
        ("sue", "of nothing".to_owned()),
    ] {
        log += &line(1, &dequeued(user));
        log += &line(1, &format!("NOTE: {note}"));
    }
    log += &line(2, &dequeued("eve"));
    log += &line(3, "NOTE: Feature has expired. (-10,207)");
    log += &line(4, &dequeued("zoe"));
    log += &line(5, &queued("zoe"));
    let (records, assumed) = read(&log, "UTC");
    let told = told(&records);
    let ends: Vec<&str> = told[5..].iter().map(|text| text.split(' ').nth(1).unwrap()).collect();
    assert_eq!(ends, ["lapsed:", "never:", "removed:", "gave", "gave", "waits"], "{told:?}");
    assert_eq!(told[5], format!("1 lapsed: {}", why(Code::HoldLapsed)));
    assert_eq!((assumed.gave_up, assumed.dequeued_without_queued, assumed.still_waiting), (2, 1, 1));
    assert_eq!((assumed.lines.notes, assumed.lines.other, assumed.lines.queue), (3, 2, 12));
}

#[test]
fn other_logs_may_say_the_grant_first_or_alone() {
    let (records, assumed) = said(&[
        "QUEUED: \"f1\" ann@ws01  ",
        "QUEUED: \"f1\" bob@ws01  ",
        "QUEUED: \"f1\" joe@ws01  (3 licenses) ",
        "OUT: \"f1\" ann@ws01  ",
        "DEQUEUED: \"f1\" ann@ws01  ",
        "OUT: \"f1\" bob@ws01  ",
        "QUEUED: \"f1\" bob@ws01  ",
        "DEQUEUED: \"f1\" bob@ws01  ",
        "DEQUEUED: \"f1\" joe@ws01  ",
        "FlexNet Licensing version v11.18.1.0 build 279785 x64_n6",
    ]);
    assert_eq!(
        told(&records),
        [
            "1 waits 1 f1 for ann as 1",
            "2 waits 1 f1 for bob as 1",
            "3 waits 3 f1 for joe as 1",
            "4 out 1 f1 of ann@ws01",
            "5 out 1 f1 of bob@ws01",
            "6 waits 1 f1 for bob as 2",
            "6 gave up",
            "3 gave up",
            "4 in Shutdown",
            "ended Shutdown",
            "5 in Shutdown",
            "ended Shutdown",
            "ended Shutdown",
            "started 11.18.1.0 build 279785 x64_n6",
        ]
    );
    assert_eq!(tokens(&records), [1, 1]);
    assert_eq!((assumed.waited, assumed.gave_up, assumed.dequeued_without_queued), (2, 2, 0));
}

#[test]
fn who_waits_ends_with_a_foreign_daemon_and_waits_on_at_ours() {
    let lines = |version| {
        [
            version,
            "OUT: \"f1\" ann@ws01  ",
            "QUEUED: \"f1\" bob@ws01  ",
            "Shutdown requested.",
            "IN: \"f1\" ann@ws01  (SHUTDOWN)",
            version,
            "DEQUEUED: \"f1\" bob@ws01  ",
            "+OUT: \"f1\" bob@ws01  ",
        ]
    };
    let (records, assumed) = said(&lines("Seatkeeper version v1"));
    let ours = told(&records);
    assert_eq!(
        ours[3..],
        [
            "1 in Shutdown",
            "ended Shutdown",
            "stopped by the debug log does not say whom",
            "started 1",
            "3 out 1 f1 of bob@ws01"
        ]
    );
    assert_eq!((assumed.waited, assumed.dequeued_without_queued), (1, 0));
    let (records, assumed) = said(&lines("FlexNet Licensing version v1"));
    let foreign = told(&records);
    assert_eq!(foreign[4..7], ["ended Shutdown", "2 left Shutdown", "ended Shutdown"], "{foreign:?}");
    assert_eq!((assumed.waited, assumed.dequeued_without_queued, assumed.still_waiting), (0, 1, 0));
}

#[test]
fn what_came_back_by_itself_says_why() {
    let mut messages: Vec<String> = Vec::new();
    let reasons = ["INACTIVE", "LINGER", "BORROW_END", "BORROW_RETURNED"];
    messages.extend(reasons.map(|_| "OUT: \"f1\" ann@ws01  ".to_owned()));
    messages.extend(reasons.map(|reason| format!("IN: \"f1\" ann@ws01  ({reason})")));
    // Taken before the log begins.
    messages.push("IN: \"f1\" ann@ws01  (LINGER)".to_owned());
    let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
    let (records, assumed) = said(&messages);
    let back = told(&records);
    assert_eq!(back[4..7], ["1 in Inactive", "2 in Linger", "3 in BorrowEnd"]);
    assert!(back[7].starts_with("4 in BorrowReturned { session"), "{back:?}");
    assert_eq!((assumed.lingered, assumed.borrowed, assumed.in_without_out), (1, 2, 1));
    assert!(assumed.reasons.is_empty());
    for part in ["1 checkout lingered (LINGER): ", "2 checkouts were borrowed, "] {
        assert!(assumed.sentences().iter().any(|sentence| sentence.starts_with(part)), "{assumed}");
    }
}
