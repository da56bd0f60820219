//! The text line protocol against `grammar/line-protocol.abnf`: everything the grammar makes is read, everything that is
//! printed fits the grammar, and garbage never panics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/abnf.rs"]
mod abnf;

use abnf::{Abnf, Dice};
use bytes::BytesMut;
use proptest::prelude::*;
use seatkeeper::code::{Code, minor};
use seatkeeper::event::{Denial, Place};
use seatkeeper::ident::{Count, Display, FeatureName, Handle, Host, Token, User, VendorName, Version};
use seatkeeper::time::Timestamp;
use seatkeeper::wire::{
    FeatureCount, LineError, LineReply, LineRequest, LingerTime, Notice, PoolKind, StatusItem, decode_line,
    limits, status_lines,
};

fn grammar() -> Abnf {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/grammar/line-protocol.abnf");
    Abnf::parse(&std::fs::read_to_string(path).unwrap())
}

/// Days such as 31 February, which no grammar can rule out.
fn odd_day(line: &str) -> bool {
    ["-29T", "-30T", "-31T"].iter().any(|day| line.contains(day))
}

#[test]
fn every_request_of_the_grammar_is_read_and_printed_back() {
    let grammar = grammar();
    let mut seen = [0; 7];
    for seed in 0..4000 {
        let line = grammar.make("request-line", &mut Dice(seed));
        let mut input = BytesMut::from(line.as_bytes());
        let text = decode_line(&mut input).unwrap().expect("a whole line");
        assert!(input.is_empty());
        let request = match LineRequest::parse(&text) {
            Err(LineError::BadValue { .. }) if odd_day(&text) => continue,
            parsed => parsed.unwrap_or_else(|error| panic!("{text:?}: {error}")),
        };
        seen[match &request {
            LineRequest::Hello(_) => 0,
            LineRequest::Checkout { .. } => 1,
            LineRequest::Checkin(_) => 2,
            LineRequest::Heartbeat => 3,
            LineRequest::Queue { .. } | LineRequest::Queued(_) => 4,
            LineRequest::Status(_) => 5,
            LineRequest::Quit => 6,
        }] += 1;
        let printed = request.print();
        assert_eq!(LineRequest::parse(&printed).as_ref(), Ok(&request), "{printed}");
        assert!(grammar.matches("request", &printed), "{printed}");
    }
    assert!(seen.iter().all(|count| *count > 300), "{seen:?}");
}

#[test]
fn claims_may_stand_in_any_order_but_not_twice() {
    let parse = LineRequest::parse;
    let Ok(LineRequest::Hello(hello)) = parse("hello 1 time=1795291200 host=ws01 user=\"Ann \\\"A\\\" Lee\"")
    else {
        panic!("HELLO")
    };
    assert_eq!(hello.claims.user.as_str(), "Ann \"A\" Lee");
    assert_eq!(hello.claims.display.as_str(), "ws01", "the host's name stands for the display");
    assert_eq!(hello.time, Some(Timestamp::from_seconds(1_795_291_200)));
    assert!(matches!(parse("HELLO 1 host=a host=b user=c"), Err(LineError::TooMuch { .. })));
    assert!(matches!(parse("HELLO 1 host=a user=c usr=d"), Err(LineError::TooMuch { .. })));
    assert!(matches!(parse("HELLO 1 host=a"), Err(LineError::Missing { what: "user=NAME", .. })));
    assert!(matches!(parse("HELLO 2 host=a user=b"), Err(LineError::ProtocolVersion(_))));
    assert!(matches!(parse("HELLO 1 host=a user=\"b"), Err(LineError::OpenQuote)));
    let many = format!("HELLO 1 host=a user=b{}", " hostid=1".repeat(limits::HOSTIDS_MAX + 1));
    assert!(matches!(parse(&many), Err(LineError::TooMuch { .. })));
}

#[test]
fn requests_are_refused_with_the_number_that_fits() {
    for (line, code) in [
        ("", Code::BadProtocol),
        ("GET / HTTP/1.1", Code::RequestNotSupported),
        ("CHECKOUT", Code::InvalidParameter),
        ("CHECKOUT f1 2.0a", Code::BadVersion),
        ("CHECKOUT f1 2.0 0", Code::InvalidParameter),
        ("CHECKOUT f1 2.0 4294967296", Code::InvalidParameter),
        ("CHECKOUT f1 2.0 1 1", Code::InvalidParameter),
        ("CHECKIN -1", Code::InvalidParameter),
        ("QUIT now", Code::InvalidParameter),
    ] {
        assert_eq!(LineRequest::parse(line).unwrap_err().denial().code, code, "{line}");
    }
    let checkout = LineRequest::parse("CHECKOUT f1 2.0").unwrap();
    assert!(matches!(checkout, LineRequest::Checkout { count: Count::MIN, .. }));
}

#[test]
fn a_line_is_limited_before_it_ends() {
    let mut input = BytesMut::from(&vec![b'x'; limits::LINE_BYTES_MAX - 1][..]);
    assert_eq!(decode_line(&mut input), Ok(None));
    input.extend_from_slice(b"\n");
    assert!(decode_line(&mut input).unwrap().is_some());
    let mut input = BytesMut::from(&[&vec![b'x'; limits::LINE_BYTES_MAX][..], b"\n"].concat()[..]);
    assert_eq!(decode_line(&mut input), Err(LineError::TooLong));
}

fn denial() -> Denial {
    Denial::new(Code::UsersReached, minor::POOL_IN_USE, "10 of 10\nare in use")
}

#[test]
fn answers_fit_the_grammar() {
    let grammar = grammar();
    let vendor = VendorName::parse("LGS").unwrap();
    let status = status_lines(&status_items());
    assert_eq!(
        status,
        [
            "DAEMON LGS version=0.1.0 server=27000@lichost note=\"demo \\\"key\\\"\"",
            "FEATURE cad_design issued=10 in_use=1",
            "POOL cad_design version=3.0 vendor=LGS expiry=31-dec-2027 kind=floating",
            "USER \"Ann Lee\" host=ws01 display=:0 version=2.0 handle=101 start=2026-11-21T20:00:00.000Z count=1 linger=30/60",
            "FEATURE viewer uncounted",
            "POOL viewer version=1 vendor=LGS expiry=permanent kind=uncounted hostid=0017a4112233 vendor_string=\"a b\"",
            "FEATURE old unserved=5",
        ]
    );
    for (reply, expected) in [
        (LineReply::Hello { vendor, version: "0.1.0".to_owned() }, "OK HELLO 1 LGS 0.1.0"),
        (LineReply::Checkout(Handle(7)), "OK CHECKOUT 7"),
        (
            LineReply::Queued(Place { handle: Handle(7), position: 2, wait_s: Some(340) }),
            "OK QUEUE 7 position=2 wait=340",
        ),
        (LineReply::Queued(Place { handle: Handle(7), position: 1, wait_s: None }), "OK QUEUE 7 position=1"),
        (
            LineReply::Notice(Notice::Offered { token: Token(3), handle: Handle(7), hold_s: 60 }),
            "* FREE 7 hold=60",
        ),
        (
            LineReply::Notice(Notice::Dequeued { token: Token(3), handle: Handle(7), denial: denial() }),
            "* DEQUEUED 7 -4,209 Licensed number of users already reached. 10 of 10 are in use",
        ),
        (LineReply::Checkin(Handle(7)), "OK CHECKIN 7"),
        (LineReply::Heartbeat, "OK HEARTBEAT"),
        (LineReply::Status(vec![]), "OK STATUS 0"),
        (LineReply::Status(status.clone()), &*format!("OK STATUS 7\n{}", status.join("\n"))),
        (LineReply::Quit, "OK QUIT"),
        (
            LineReply::Refused(denial()),
            "ERR -4,209 Licensed number of users already reached. 10 of 10 are in use",
        ),
        (
            LineReply::Notice(Notice::SeatLost { handle: Handle(7), denial: denial() }),
            "* LOST 7 -4,209 Licensed number of users already reached. 10 of 10 are in use",
        ),
        (
            LineReply::Notice(Notice::SessionEnded {
                denial: Denial::new(Code::SessionEnded, minor::LEASE_LAPSED, ""),
            }),
            "* ENDED -1003,314 Session has ended.",
        ),
    ] {
        let mut out = BytesMut::new();
        reply.write(&mut out);
        let text = std::str::from_utf8(&out).unwrap().strip_suffix('\n').unwrap();
        assert_eq!(text, expected);
        assert!(grammar.matches("reply", text), "{text}");
    }
}

fn status_items() -> Vec<StatusItem> {
    let feature = |name: &str| FeatureName::parse(name).unwrap();
    let vendor = VendorName::parse("LGS").unwrap();
    let host = |name: &str| Host::parse(name).unwrap();
    vec![
        StatusItem::Daemon {
            vendor: vendor.clone(),
            version: "0.1.0".to_owned(),
            host: host("lichost"),
            lmgrd_port: 27000,
            notes: vec!["demo \"key\"".to_owned()],
        },
        StatusItem::Feature {
            name: feature("cad_design"),
            count: FeatureCount::Counted { issued: 10, in_use: 1 },
        },
        StatusItem::Pool {
            feature: feature("cad_design"),
            version: Version::parse("3.0").unwrap(),
            vendor: vendor.clone(),
            expiry: Some("31-dec-2027".to_owned()),
            vendor_string: None,
            kind: PoolKind::Floating,
        },
        StatusItem::User {
            user: User::parse("Ann Lee").unwrap(),
            host: host("ws01"),
            display: Display::parse(":0").unwrap(),
            version: Version::parse("2.0").unwrap(),
            handle: Handle(101),
            start: Timestamp::from_seconds(1_795_291_200),
            count: 1,
            linger: Some(LingerTime { left_s: 30, total_s: 60 }),
        },
        StatusItem::Feature { name: feature("viewer"), count: FeatureCount::Uncounted },
        StatusItem::Pool {
            feature: feature("viewer"),
            version: Version::parse("1").unwrap(),
            vendor,
            expiry: None,
            vendor_string: Some("a b".to_owned()),
            kind: PoolKind::UncountedLocked("0017a4112233".to_owned()),
        },
        StatusItem::Feature { name: feature("old"), count: FeatureCount::Unserved { licenses: 5 } },
    ]
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,80}") {
        let mut input = BytesMut::from(&bytes[..]);
        while let Ok(Some(line)) = decode_line(&mut input) {
            let _ = LineRequest::parse(&line);
        }
        let _ = LineRequest::parse(&text);
        for word in ["HELLO 1 ", "CHECKOUT ", "CHECKIN ", "STATUS "] {
            let _ = LineRequest::parse(&format!("{word}{text}"));
        }
    }
}
