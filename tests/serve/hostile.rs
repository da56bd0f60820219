//! Slow, broken and hostile peers cost themselves.

use std::time::{Duration, Instant};

use seatkeeper::wire::Purpose;

use crate::daemon::{Daemon, Reply, Wire, now};
use crate::{Site, session};

/// The limits are 5 s each; the daemon looks at its clock twice a second, and the machine may be busy.
const LIMIT: Duration = Duration::from_secs(30);

fn still_serves(daemon: &Daemon) {
    let (mut ann, _) = session(daemon, "ann");
    let grant = ann.checkout(1, 0, "one", 1).unwrap().granted();
    assert_eq!(ann.checkin(2, 1, grant.handle).unwrap(), Reply::CheckedIn(grant.handle));
}

#[test]
fn silence_after_connect_and_a_cut_frame_are_closed_within_the_limit() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    let mut silent = Wire::connect(daemon.port).unwrap();
    let mut half_greeting = Wire::connect(daemon.port).unwrap();
    half_greeting.send_bytes(&[0xC5, 0x4B, 1, 1, 0, 1, 0, 0, 0, 1, 0, 0]).unwrap();
    let (mut cut, _) = session(&daemon, "cut");
    cut.send_bytes(&[0xC5, 0x4B, 1, 0x10, 0, 1, 0, 0, 0, 9, 0, 0, 0, 200, 1, 2, 3]).unwrap();
    let mut half_line = Wire::connect(daemon.port).unwrap();
    half_line.send_bytes(b"HELLO 1 user=ann").unwrap();
    still_serves(&daemon);
    for (name, wire) in [
        ("silent", &mut silent),
        ("half a greeting", &mut half_greeting),
        ("half a frame", &mut cut),
        ("half a line", &mut half_line),
    ] {
        assert!(wire.closed_within(LIMIT), "{name}");
    }
    still_serves(&daemon);
}

#[test]
fn garbage_and_a_gigabyte_are_closed_at_once() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    // Before any limit.
    let at_once = Duration::from_secs(4);
    for garbage in [
        &b"\x00\x01\x02\x03"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\xC5\x4B\x01\x01\x00\x01\x00\x00\x00\x01\x40\x00\x00\x00",
        b"\xC5\x00garbage that is no frame at all",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        let mut wire = Wire::connect(daemon.port).unwrap();
        wire.send_bytes(garbage).unwrap();
        assert!(wire.closed_within(at_once), "{garbage:?}");
    }
    let mut endless = Wire::connect(daemon.port).unwrap();
    // The server closes when the line is too long; what is sent after that fails or not.
    let _ = endless.send_bytes(&vec![b'H'; 1 << 20]);
    assert!(endless.closed_within(at_once));
    let (mut greeted, _) = session(&daemon, "ann");
    greeted.send_bytes(b"\xC5\x4B\x01\x10\x00\x01\x00\x00\x00\x01\x40\x00\x00\x00").unwrap();
    assert!(greeted.closed_within(at_once), "a gigabyte in a session");
    still_serves(&daemon);
}

#[test]
fn an_unknown_message_is_answered_and_the_connection_goes_on() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    let (mut ann, _) = session(&daemon, "ann");
    ann.send_bytes(b"\xC5\x4B\x01\x7A\x00\x01\x00\x00\x03\xE7\x00\x00\x00\x00").unwrap();
    let (request, answer) = ann.receive().unwrap().unwrap();
    assert_eq!(request, 999);
    assert!(matches!(answer, seatkeeper::wire::Message::Error(denial) if denial.code.number() == -85));
    assert!(matches!(ann.checkout(1, 0, "one", 1).unwrap(), Reply::Granted(_)));
}

#[test]
fn a_greeting_that_cannot_be_read_is_told_why() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    // A HELLO without a USER value, one of frame version 9, and a checkout that comes first.
    for (bytes, number, place, note) in [
        (
            &b"\xC5\x4B\x01\x01\x00\x01\x00\x00\x00\x07\x00\x00\x00\x04\x00\x05\x00\x00"[..],
            -1005,
            310,
            "USER",
        ),
        (b"\xC5\x4B\x09\x01\x00\x01\x00\x00\x00\x07\x00\x00\x00\x00", -83, 309, "version 9"),
        (
            b"\xC5\x4B\x01\x04\x00\x01\x00\x00\x00\x07\x00\x00\x00\x0C\x00\x21\x00\x08\0\0\0\0\0\0\0\0",
            -1005,
            308,
            "HELLO",
        ),
    ] {
        let mut wire = Wire::connect(daemon.port).unwrap();
        wire.send_bytes(bytes).unwrap();
        let (request, answer) = wire.receive().unwrap().unwrap();
        assert_eq!(request, 7);
        let seatkeeper::wire::Message::Error(denial) = answer else { panic!("{answer:?}") };
        assert_eq!((denial.code.number(), denial.minor), (number, place), "{denial:?}");
        assert!(denial.note.contains(note), "{denial:?}");
        assert!(wire.closed_within(LIMIT));
    }
    still_serves(&daemon);
}

#[test]
fn a_busy_peer_whose_bytes_never_end_with_a_message_is_not_a_slow_one() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    let (mut busy, _) = session(&daemon, "busy");
    let heartbeat =
        seatkeeper::wire::Message::Heartbeat { acknowledged: seatkeeper::ident::Token(0), idle_s: None };
    let mut frame = bytes::BytesMut::new();
    seatkeeper::wire::encode(&heartbeat, 7, &mut frame).unwrap();
    let (head, rest) = frame.split_at(9);
    busy.send_bytes(head).unwrap();
    let begin = Instant::now();
    // Longer than the time that the rest of one message may take.
    while begin.elapsed() < Duration::from_secs(7) {
        busy.send_bytes(&[rest, head].concat()).unwrap();
        let (_, answer) = busy.receive().unwrap().unwrap();
        assert!(matches!(answer, seatkeeper::wire::Message::HeartbeatAck { .. }), "{answer:?}");
    }
}

#[test]
fn a_peer_that_reads_nothing_does_not_grow_the_daemon() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    let (mut deaf, _) = session(&daemon, "deaf");
    let mut frame = bytes::BytesMut::new();
    let heartbeat =
        seatkeeper::wire::Message::Heartbeat { acknowledged: seatkeeper::ident::Token(0), idle_s: None };
    for request in 0..1000 {
        seatkeeper::wire::encode(&heartbeat, request, &mut frame).unwrap();
    }
    // Sends without ever reading, until the daemon has had enough of it or its buffers are full for a while.
    let mut sent = 0_usize;
    deaf.write_until_blocked(&frame, &mut sent);
    assert!(sent > 0);
    let resident = resident_kib(daemon.pid());
    assert!(resident < 100 * 1024, "{resident} KiB after {sent} bytes");
    still_serves(&daemon);
    let mut other = Wire::connect(daemon.port).unwrap();
    other.hello("bob", Purpose::New, now()).unwrap().unwrap();
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
