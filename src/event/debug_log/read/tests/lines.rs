use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::event::debug_log::read::line::{Refused, Stamp, parse};

fn message(text: &str) -> Message<'_> {
    let line = parse(text).unwrap_or_else(|| panic!("{text}"));
    line.message
}

#[test]
fn prefixes() {
    for (text, stamp) in [
        (" 9:49:41 (LGS) x", "09:49:41"),
        ("09:49:41 (LGS) x", "09:49:41"),
        ("9:49:41 (LGS) x", "09:49:41"),
        ("23:59:60 (LGS) x", "23:59:59"),
        ("2025-03-04T08:59:58+01:00 (LGS) x", "2025-03-04T07:59:58Z"),
        ("2025-03-04T08:59:58.25+0100 (LGS) x", "2025-03-04T07:59:58Z"),
        ("2025-03-04T08:59:58-05 (LGS) x", "2025-03-04T13:59:58Z"),
        ("2025-03-04T08:59:58Z (LGS) x", "2025-03-04T08:59:58Z"),
        ("2025-03-04T08:59:58 (LGS) x", "2025-03-04T08:59:58"),
        (" 9:49:41 (LGS)", "09:49:41"),
        (" 9:49:41 (LGS) ", "09:49:41"),
    ] {
        let line = parse(text).unwrap_or_else(|| panic!("{text}"));
        let read = match line.stamp {
            Stamp::Clock(time) => time.to_string(),
            Stamp::Local(local) => local.to_string(),
            Stamp::Exact(instant) => instant.to_string(),
        };
        assert_eq!((read.as_str(), line.daemon), (stamp, "LGS"), "{text}");
    }
    for text in [
        "",
        " ansyslmd  ansoftd  ",
        "Shut down Product LGS license server system on machine lic1",
        "24:00:00 (LGS) x",
        "9:60:00 (LGS) x",
        "9:00 (LGS) x",
        "9:00:00:00 (LGS) x",
        "9:0:00 (LGS) x",
        "-9:00:00 (LGS) x",
        "9:00:00 LGS x",
        "9:00:00 (LGS x",
        "9:00:00 () x",
        "9:00:00  (LGS) x",
        "9:00:00 (a b) x",
        "2025-02-30T08:59:58Z (LGS) x",
        "2025-03-04-05T08:59:58Z (LGS) x",
        "2025-03-04T08:59:58+99:00 (LGS) x",
        "2025-03-04T08:59:58+ (LGS) x",
        "2025-03-04T08:59:58+é (LGS) x",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn seats() {
    // What follows the word and the feature, and the client, count and reason in it.
    for (rest, client, count, reason) in [
        ("ann@ws01  ", "ann@ws01", 1, None),
        ("ann@ws01", "ann@ws01", 1, None),
        ("ann@ws01  (3 licenses) ", "ann@ws01", 3, None),
        ("ann@ws01  (3 licenses)", "ann@ws01", 3, None),
        ("ann@ws01  (1 license) ", "ann@ws01", 1, None),
        ("ann@ws01  (SHUTDOWN)", "ann@ws01", 1, Some("SHUTDOWN")),
        ("ann@ws01  (3 licenses) (INACTIVE)", "ann@ws01", 3, Some("INACTIVE")),
        ("ann@ws01 [data of (3 licenses) x@y]  ", "ann@ws01", 1, None),
        ("ann@ws01 [data] (3 licenses) ", "ann@ws01", 3, None),
        ("Ann Lee@ws01  ", "Ann Lee@ws01", 1, None),
        ("Jos\u{e9}  Mar\u{ed}a@ws01  ", "Jos\u{e9}  Mar\u{ed}a@ws01", 1, None),
        ("ann@example.com@ws01  ", "ann@example.com@ws01", 1, None),
        ("DOMAIN\\ann$@ws01.example.com  ", "DOMAIN\\ann$@ws01.example.com", 1, None),
        ("Ann (2 licenses) Lee@ws01  ", "Ann (2 licenses) Lee@ws01", 1, None),
        ("a@b (3 licenses)@ws01  ", "a@b (3 licenses)@ws01", 1, None),
        ("a@b (c@ws)  ", "a@b (c@ws)", 1, None),
        ("Ann [x]@ws01  ", "Ann [x]@ws01", 1, None),
        ("ann@ws 01  ", "ann@ws 01", 1, None),
        ("ann@ws01  ^^^9.4,ann,10.0.0.1,77^^^", "ann@ws01", 1, None),
        (" ann@ws01  ", " ann@ws01", 1, None),
    ] {
        for word in ["OUT", "IN", "QUEUED", "DEQUEUED"] {
            let text = format!(" 9:00:00 (LGS) {word}: \"f\"1\" {rest}");
            let seats = Seats { feature: "f\"1", client, count };
            let expected = match word {
                "OUT" => Message::Out(seats),
                "IN" => Message::In(seats, reason),
                "QUEUED" => Message::Queued(seats),
                _ => Message::Dequeued(seats),
            };
            assert_eq!(message(&text), expected, "{text}");
        }
    }
    for torn in ["", "\"f1\"", "\"f1 ann@ws01  ", "f1 by ann", "\"f1\" ann", "\"f1\" (SHUTDOWN)"] {
        assert_eq!(message(&format!(" 9:00:00 (LGS) OUT: {torn}")), Message::Torn, "{torn}");
        assert_eq!(message(&format!(" 9:00:00 (LGS) DENIED: {torn}")), Message::Torn, "{torn}");
    }
    for number in ["0", "99999999999"] {
        let torn = format!(" 9:00:00 (LGS) IN: \"f1\" ann@ws01  ({number} licenses) ");
        assert_eq!(message(&torn), Message::Torn, "{torn}");
    }
}

#[test]
fn refusals() {
    for (rest, client, count, text, numbers) in [
        ("ann@ws01  (Text. (-4,342))", "ann@ws01", 1, "Text", Some((-4, 342))),
        ("ann@ws01  (Text. (-18,327:10054 \"\" ))", "ann@ws01", 1, "Text", Some((-18, 327))),
        ("ann@ws01  (Text. (-18,327:10054 \"a (b)\"))", "ann@ws01", 1, "Text", Some((-18, 327))),
        ("ann@ws01  (3 licenses) (Text. (-4,1))", "ann@ws01", 3, "Text", Some((-4, 1))),
        ("ann@ws01  (Text: a (b).opt:3. (-38,1))", "ann@ws01", 1, "Text: a (b).opt:3", Some((-38, 1))),
        ("ann@ws01  (Text: a (b.opt:3. (-38,1))", "ann@ws01", 1, "Text: a (b.opt:3", Some((-38, 1))),
        ("ann@ws01  (Text: a  b).opt:3. (-38,1))", "ann@ws01", 1, "Text: a  b).opt:3", Some((-38, 1))),
        ("ann@ws01 [x y] (Text. (-4,99999))", "ann@ws01", 1, "Text", Some((-4, 0))),
        ("ann@ws01  (Text)", "ann@ws01", 1, "Text", None),
        ("ann@ws01  (Text. (-x,1))", "ann@ws01", 1, "Text", None),
    ] {
        for word in ["DENIED", "UNSUPPORTED"] {
            let line = format!(" 9:00:00 (LGS) {word}: \"f1\" {rest}");
            let seats = Seats { feature: "f1", client, count };
            assert_eq!(message(&line), Message::Denied(Refused { seats, text, numbers }), "{line}");
        }
    }
    for (word, rest, client) in [
        ("UNSUPPORTED", "(0123 4567 89AB CDEF ) ann@ws01", "ann@ws01"),
        ("UNSUPPORTED", "(PORT_AT_HOST_PLUS   ) (A) B (C@ws01", "(A) B (C@ws01"),
        ("UNSUPPORTED", "A (B) C@ws01", "A (B) C@ws01"),
        ("DENIED", "(A) B@ws01", "(A) B@ws01"),
    ] {
        let line = format!(" 9:00:00 (LGS) {word}: \"f1\" {rest}  (Text. (-5,1))");
        let seats = Seats { feature: "f1", client, count: 1 };
        let numbers = Some((-5, 1));
        assert_eq!(message(&line), Message::Denied(Refused { seats, text: "Text", numbers }), "{line}");
    }
}

#[test]
fn other_messages() {
    let day = jiff::civil::date(2025, 3, 4);
    let moment = Message::Moment(day.at(8, 59, 58, 0));
    for (text, expected) in [
        ("TIMESTAMP 3/4/2025", Message::Day(day)),
        ("TIMESTAMP 03/04/2025 ", Message::Day(day)),
        ("TIMESTAMP 31/3/2025", Message::Other),
        (
            "FlexNet Licensing (v11.1 build 2 x64_n6) started on my host (IBM PC) (3/4/2025)",
            Message::Day(day),
        ),
        ("Seatkeeper started on nothing", Message::Other),
        ("Server's System Date and Time: Tue Mar 04 2025 08:59:58 Hora de verano romance", moment),
        ("(@LGS-SLOG@) Start-Date: Tue Mar 04 2025 08:59:58 CET", moment),
        ("(@LGS-SLOG@) Time: Tue Mar  4 2025 08:59:58 CET", moment),
        ("(@LGS-SLOG@) Start-Date: none", Message::Status),
        (
            "(@LGS-SLOG@) Peak active connections #1 attempted at Tue Mar 04 2025 08:59:58 CET",
            Message::Status,
        ),
        ("Seatkeeper version v1.2.3", Message::Version { product: "Seatkeeper", version: "1.2.3" }),
        ("FlexLM version v9 (x) ", Message::Version { product: "FlexLM", version: "9 (x)" }),
        ("lmgrd version very old", Message::Other),
        ("Server started on lic1 for:\tf1", Message::Serving),
        ("Rereading license file... Requested from ann@ws01", Message::Reread { begins: true }),
        ("...Finished rereading", Message::Reread { begins: false }),
        (
            "SHUTDOWN request from A at node B at node c",
            Message::StopAsked { user: "A at node B", host: "c" },
        ),
        ("Shutdown requested.", Message::StopOrdered),
        ("daemon shutdown requested - shutting down", Message::Exiting(None)),
        ("EXITING DUE TO SIGNAL 15", Message::Exiting(None)),
        ("Shutting down LGS pid=7 because of signal 15", Message::Exiting(Some("LGS"))),
        ("NOTE: it is so", Message::Note("it is so")),
        ("DEQUEUED:", Message::Torn),
        ("OUTSIDE", Message::Other),
        ("OUT of memory", Message::Other),
    ] {
        assert_eq!(message(&format!(" 9:00:00 (LGS) {text}")), expected, "{text}");
    }
}

/// What lines are made of, in any order.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            " 9:00:00 (LGS) ",
            "23:59:59 (lmgrd) ",
            "2025-10-26T02:30:00+01:00 (LGS) ",
            "OUT: ",
            "IN: ",
            "DENIED: ",
            "UNSUPPORTED: ",
            "NOTE: ",
            "\"f1\" ",
            "ann@ws01",
            "  ",
            "(3 licenses) ",
            "(SHUTDOWN)",
            "(-4,",
            "209))",
            "(Text. ",
            "[",
            "]",
            "TIMESTAMP ",
            "3/30/2025",
            "12/31/9999",
            "1/1/0001",
            "\n",
            "\r\n",
            "(LGS)",
            " ^^^",
            "(@LGS-SLOG@) ",
            "Time: Tue Mar 04 2025 08:59:58 CET",
            " started on ",
            "Seatkeeper version v1\n",
            "Shutdown requested.\n",
            "(4294967295 licenses) ",
            "-9999-01-01T00:00:00 (LGS) ",
            "9999-12-31T23:59:59-25 (LGS) ",
            "9999-12-31T23:59:59 (LGS) x\n",
            "0001-01-01T00:00:00 (LGS) x\n",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,6}",
    ]
}

proptest! {
    #[test]
    fn no_bytes_panic_and_every_line_is_counted_once(
        fragments in vec(fragment(), 0..60),
        bytes in vec(any::<u8>(), 0..40),
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
        day in prop::sample::select(vec!["1-jan-1900", "26-oct-2025", "31-dec-9999"]),
    ) {
        let mut log = fragments.concat().into_bytes();
        log.extend_from_slice(&bytes);
        let zone = TimeZone::get(zone).unwrap();
        let day = CivilDate::parse(day).unwrap();
        let mut reader = records(log.split(|byte| *byte == b'\n'), &"LGS".parse().unwrap(), zone, day);
        let read: Vec<Record> = reader.by_ref().collect();
        prop_assert!(read.windows(2).all(|pair| pair[0].at <= pair[1].at && pair[0].last().next() == pair[1].first));
        let lines = log.split(|byte| *byte == b'\n').count() as u64;
        prop_assert_eq!(reader.assumptions().lines.total(), lines);
    }
}
