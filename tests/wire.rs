//! The framed protocol: encode and decode are inverse, garbage never panics, unknown things are tolerated or refused as
//! `grammar/wire.md` says, and that document agrees with the constants.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "wire/messages.rs"]
mod messages;

use bytes::BytesMut;
use messages::message;
use proptest::collection::vec;
use proptest::prelude::*;
use seatkeeper::code::{Code, minor};
use seatkeeper::event::{Answer, Removal, RemovalTarget};
use seatkeeper::ident::{Display, Handle, Host, SessionId, Token, User, Version, decode_hex};
use seatkeeper::time::Timestamp;
use seatkeeper::wire::{
    Control, ControlVerb, Frame, FrameError, GroundsPart, HEADER_BYTES, LicensePart, LineText, Message,
    MessageError, Purpose, StatusItem, decode, encode, encode_licenses, kind, limits, split_frames, tag,
};

fn bytes_of(message: &Message, request_id: u32) -> BytesMut {
    let mut out = BytesMut::new();
    encode(message, request_id, &mut out).unwrap();
    out
}

fn frame_of(input: &mut BytesMut) -> Frame {
    decode(input).unwrap().expect("a whole frame")
}

/// A frame put together by hand.
fn raw(version: u8, kind: u8, body: &[u8]) -> BytesMut {
    let mut out = BytesMut::from(&[0xC5, 0x4B, version, kind, 0, 1, 0, 0, 0, 9][..]);
    out.extend_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes());
    out.extend_from_slice(body);
    out
}

proptest! {
    #[test]
    fn decode_is_the_inverse_of_encode(message in message(), request_id in any::<u32>()) {
        let mut bytes = bytes_of(&message, request_id);
        let frame = frame_of(&mut bytes);
        prop_assert!(bytes.is_empty());
        prop_assert_eq!(frame, Frame { request_id, end: true, message: Ok(message) });
    }

    #[test]
    fn bytes_changed_anywhere_never_panic(message in message(), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = bytes_of(&message, 1);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        while let Ok(Some(_)) = decode(&mut bytes) {}
    }

    #[test]
    fn any_body_of_any_type_never_panics(kind in any::<u8>(), body in vec(any::<u8>(), 0..300)) {
        let _ = frame_of(&mut raw(1, kind, &body));
    }

    #[test]
    fn later_optional_fields_are_ignored_and_critical_ones_refused(message in message(), value in vec(any::<u8>(), 0..50)) {
        prop_assume!(!matches!(message, Message::Status(_) | Message::Licenses(_) | Message::Grounds(_)));
        let mut bytes = bytes_of(&message, 1);
        let body = bytes.split_off(HEADER_BYTES);
        let mut field = vec![0x70, 0x01, 0, u8::try_from(value.len()).unwrap()];
        field.extend_from_slice(&value);
        let longer = [&field[..], &body[..]].concat();
        prop_assert_eq!(frame_of(&mut raw(1, bytes[3], &longer)).message, Ok(message));
        field[0] |= 0x80;
        let longer = [&body[..], &field[..]].concat();
        prop_assert_eq!(frame_of(&mut raw(1, bytes[3], &longer)).message, Err(MessageError::UnknownCritical(0x7001)));
    }

    #[test]
    fn a_cut_body_is_refused(message in message()) {
        let bytes = bytes_of(&message, 1);
        prop_assume!(bytes.len() > HEADER_BYTES);
        let frame = frame_of(&mut raw(1, bytes[3], &bytes[HEADER_BYTES..bytes.len() - 1]));
        prop_assert!(frame.message.is_err());
    }
}

#[test]
fn an_unknown_type_or_version_is_answered_not_dropped() {
    for (version, kind, expected) in
        [(1, 0x7F, MessageError::UnknownType(0x7F)), (2, kind::HEARTBEAT, MessageError::FrameVersion(2))]
    {
        let mut bytes = raw(version, kind, &[1, 2, 3]);
        bytes.extend_from_slice(&bytes_of(&Message::Goodbye, 10));
        let frame = frame_of(&mut bytes);
        assert_eq!((frame.request_id, &frame.message), (9, &Err(expected)));
        let denial = frame.message.unwrap_err().denial();
        assert!(matches!(denial.code, Code::RequestNotSupported | Code::ClientNewer));
        assert_eq!(frame_of(&mut bytes).message, Ok(Message::Goodbye), "the connection goes on");
    }
}

#[test]
fn a_field_may_not_stand_twice_nor_be_missing() {
    let acknowledged = [0, 0x21, 0, 8, 0, 0, 0, 0, 0, 0, 0, 5];
    let twice = [acknowledged, acknowledged].concat();
    let twice = frame_of(&mut raw(1, kind::HEARTBEAT, &twice)).message;
    assert_eq!(twice, Err(MessageError::TooOften(tag::ACKNOWLEDGED)));
    let missing = frame_of(&mut raw(1, kind::HEARTBEAT, &[])).message.unwrap_err();
    assert_eq!(missing, MessageError::Missing { kind: kind::HEARTBEAT, tag: tag::ACKNOWLEDGED });
    assert_eq!(missing.to_string(), "HEARTBEAT has no field ACKNOWLEDGED");
}

#[test]
fn a_refusal_with_an_unknown_number_stays_a_refusal() {
    let body = [0, 0x30, 0, 4, 0xFF, 0xFF, 0xFE, 0x00, 0, 0x31, 0, 2, 0, 7];
    let Ok(Message::Error(denial)) = frame_of(&mut raw(1, kind::ERROR, &body)).message else {
        panic!("not an error")
    };
    assert_eq!((denial.code, denial.minor), (Code::BadReturnedData, minor::CODE_UNKNOWN));
    assert!(denial.note.contains("-512,7"), "{}", denial.note);
}

#[test]
fn the_limit_counts_the_header() {
    let body = limits::FRAME_BYTES_MAX - HEADER_BYTES;
    assert!(decode(&mut raw(1, kind::GOODBYE, &vec![0; body])).unwrap().is_some());
    let mut long = raw(1, kind::GOODBYE, &vec![0; body + 1]);
    assert_eq!(decode(&mut long), Err(FrameError::TooLong(limits::FRAME_BYTES_MAX as u64 + 1)));
    long.truncate(HEADER_BYTES);
    assert!(decode(&mut long).is_err(), "refused on the header alone");
}

#[test]
fn a_long_status_becomes_a_sequence() {
    let user = |index: u64| StatusItem::User {
        user: User::parse("ann").unwrap(),
        host: Host::parse("ws01").unwrap(),
        display: Display::parse(":0").unwrap(),
        version: Version::parse("2.0").unwrap(),
        handle: Handle(index),
        start: Timestamp(0),
        count: 1,
        linger: None,
    };
    let items: Vec<StatusItem> = (0..5000).map(user).collect();
    let mut bytes = bytes_of(&Message::Status(items.clone()), 3);
    let (mut received, mut frames) = (Vec::new(), 0);
    loop {
        assert!(bytes.len() >= HEADER_BYTES);
        let frame = frame_of(&mut bytes);
        frames += 1;
        assert_eq!(frame.request_id, 3);
        let Ok(Message::Status(part)) = frame.message else { panic!("not a status") };
        received.extend(part);
        if frame.end {
            break;
        }
    }
    assert!(bytes.is_empty() && frames > 4, "{frames}");
    assert_eq!(received, items);
}

#[test]
fn long_license_files_become_a_sequence_and_a_chunk_has_a_limit() {
    let chunk = |byte: u8| LicensePart::Bytes(vec![byte; limits::LICENSE_CHUNK_BYTES_MAX]);
    let file = LicensePart::File { name: "/l/a.lic".to_owned(), unreadable: None };
    let parts: Vec<LicensePart> = std::iter::once(file).chain((0..9).map(chunk)).collect();
    let mut bytes = bytes_of(&Message::Licenses(parts.clone()), 3);
    let mut by_hand = BytesMut::new();
    for (index, part) in parts.iter().enumerate() {
        encode_licenses(std::slice::from_ref(part), index == 9, 3, &mut by_hand).unwrap();
    }
    for bytes in [&mut bytes, &mut by_hand] {
        let mut received = Vec::new();
        loop {
            let frame = frame_of(bytes);
            let Ok(Message::Licenses(part)) = frame.message else { panic!("not license files") };
            received.extend(part);
            if frame.end {
                break;
            }
        }
        assert!(bytes.is_empty() && received == parts);
    }
    let long = [LicensePart::Bytes(vec![0; limits::LICENSE_CHUNK_BYTES_MAX + 1])];
    let mut out = BytesMut::from(&b"before"[..]);
    assert!(encode_licenses(&long, true, 1, &mut out).is_err());
    assert_eq!(&out[..], b"before");
    let body = [&[0, 0x57, 0x80, 1][..], &[0; limits::LICENSE_CHUNK_BYTES_MAX + 1]].concat();
    let refused = frame_of(&mut raw(1, kind::LICENSES, &body)).message;
    assert_eq!(refused, Err(MessageError::BadValue(tag::LICENSE_BYTES)));
}

#[test]
fn long_grounds_become_a_sequence_that_can_be_sent_frame_by_frame() {
    let chunk = |byte: u8| GroundsPart::Bytes(vec![byte; limits::GROUNDS_CHUNK_BYTES_MAX]);
    let parts: Vec<GroundsPart> = (0..9).map(chunk).collect();
    let bytes = bytes_of(&Message::Grounds(parts.clone()), 3);
    let frames: Vec<&[u8]> = split_frames(&bytes).collect();
    assert!(frames.len() > 4 && frames.concat() == bytes);
    let mut received = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        let mut input = BytesMut::from(*frame);
        let frame = frame_of(&mut input);
        assert!(input.is_empty() && frame.end == (index + 1 == frames.len()));
        let Ok(Message::Grounds(part)) = frame.message else { panic!("not grounds") };
        received.extend(part);
    }
    assert_eq!(received, parts);
    assert_eq!(split_frames(&bytes[..bytes.len() - 1]).count(), frames.len() - 1, "a cut frame is none");
    let long = Message::Grounds(vec![GroundsPart::Bytes(vec![0; limits::GROUNDS_CHUNK_BYTES_MAX + 1])]);
    assert!(encode(&long, 1, &mut BytesMut::new()).is_err());
    let body = [&[0, 0x75, 0x80, 1][..], &[0; limits::GROUNDS_CHUNK_BYTES_MAX + 1]].concat();
    let refused = frame_of(&mut raw(1, kind::GROUNDS, &body)).message;
    assert_eq!(refused, Err(MessageError::BadValue(tag::GROUNDS_BYTES)));
}

#[test]
fn what_does_not_fit_leaves_the_output_as_it_was() {
    let mut out = BytesMut::from(&b"before"[..]);
    let line = LineText { canonical: "x".repeat(70_000), sign: String::new() };
    assert!(encode(&Message::Line(line), 1, &mut out).is_err());
    let line = LineText { canonical: "x".repeat(60_000), sign: "x".repeat(60_000) };
    assert!(encode(&Message::Line(line), 1, &mut out).is_err());
    assert_eq!(&out[..], b"before");
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let secret = [0x5A; 32];
    let purpose = Purpose::Resume { session: SessionId([1; 16]), secret, epoch: 0, nonce: [2; 16] };
    assert!(!format!("{purpose:?}").contains("90, 90"));
}

#[test]
fn a_proof_covers_the_orders_own_fields_as_they_stand_in_the_body() {
    let order = |force, vendor: Option<&str>| Control {
        verb: ControlVerb::Shutdown { vendor: vendor.map(|name| name.parse().unwrap()), force },
        user: User::parse("ann").unwrap(),
        host: Host::parse("ws01").unwrap(),
        nonce: [1; 32],
        proof: [2; 32],
    };
    let domain = b"seatkeeper-control-v1\n";
    for (force, vendor) in [(false, None), (true, None), (true, Some("LGS"))] {
        let proved = order(force, vendor).proved_bytes();
        let body = bytes_of(&Message::Control(Box::new(order(force, vendor))), 1).split_off(HEADER_BYTES);
        assert_eq!(proved, [&domain[..], &body[..body.len() - 2 * 36]].concat());
    }
    let verb = ControlVerb::Explain { feature: "solver".parse().unwrap() };
    let explain = Control { verb, ..order(false, None) };
    let proved = explain.proved_bytes();
    let body = bytes_of(&Message::Control(Box::new(explain)), 1).split_off(HEADER_BYTES);
    assert_eq!(proved, [&domain[..], &body[..body.len() - 2 * 36]].concat());
    for target in [
        RemovalTarget::Handle(Handle(12)),
        RemovalTarget::Client {
            user: "ann".parse().unwrap(),
            host: "ws02".parse().unwrap(),
            display: ":0".parse().unwrap(),
        },
    ] {
        let removal = Removal { feature: "solver".parse().unwrap(), target };
        let verb = ControlVerb::Remove { vendor: "LGS".parse().unwrap(), removal };
        let remove = Control { verb, ..order(false, None) };
        let proved = remove.proved_bytes();
        let body = bytes_of(&Message::Control(Box::new(remove)), 1).split_off(HEADER_BYTES);
        assert_eq!(proved, [&domain[..], &body[..body.len() - 2 * 36]].concat());
    }
    let short = order(false, None).proved_bytes();
    assert_eq!(&short[domain.len()..], b"\x00\x50\x00\x01\x01\x00\x05\x00\x03ann\x00\x06\x00\x04ws01");
}

/// The document that says what every byte means.
fn document() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/grammar/wire.md")).unwrap()
}

/// Rows `| 0x0001 | NAME | ...` of the table under a heading.
fn table(document: &str, heading: &str) -> Vec<(u16, String)> {
    let part = document.split(&format!("\n## {heading}\n")).nth(1).expect(heading);
    let part = part.split("\n## ").next().unwrap();
    let rows = part.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| 0x")?.split('|').map(str::trim);
        let number = u16::from_str_radix(cells.next()?, 16).ok()?;
        Some((number, cells.next()?.trim_matches('`').to_owned()))
    });
    rows.collect()
}

#[test]
fn the_document_lists_exactly_the_types_and_tags() {
    let document = document();
    let types: Vec<_> =
        kind::ALL.iter().map(|(number, name)| (u16::from(*number), (*name).to_owned())).collect();
    assert_eq!(table(&document, "Message types"), types);
    let tags: Vec<_> = tag::ALL.iter().map(|(number, name)| (*number, (*name).to_owned())).collect();
    assert_eq!(table(&document, "Tags"), tags);
    let reserved: Vec<_> = tag::RESERVED.iter().map(|(number, name)| (*number, (*name).to_owned())).collect();
    assert_eq!(table(&document, "Reserved tags"), reserved);
}

#[test]
fn the_document_states_the_limits() {
    let document = document();
    for (name, value) in [
        ("FRAME_BYTES_MAX", limits::FRAME_BYTES_MAX),
        ("LINE_BYTES_MAX", limits::LINE_BYTES_MAX),
        ("TEXT_BYTES_MAX", limits::TEXT_BYTES_MAX),
        ("NOTES_MAX", limits::NOTES_MAX),
        ("HOSTIDS_MAX", limits::HOSTIDS_MAX),
        ("HELD_MAX", limits::HELD_MAX),
        ("GRANT_LINES_MAX", limits::GRANT_LINES_MAX),
        ("UNACKNOWLEDGED_MAX", limits::UNACKNOWLEDGED_MAX),
        ("LICENSE_CHUNK_BYTES_MAX", limits::LICENSE_CHUNK_BYTES_MAX),
        ("LICENSES_BYTES_MAX", limits::LICENSES_BYTES_MAX),
        ("GROUNDS_CHUNK_BYTES_MAX", limits::GROUNDS_CHUNK_BYTES_MAX),
        ("GROUNDS_BYTES_MAX", limits::GROUNDS_BYTES_MAX),
        ("MACHINE_HOSTIDS_MAX", limits::MACHINE_HOSTIDS_MAX),
        ("HANDSHAKE", usize::try_from(limits::HANDSHAKE.as_secs()).unwrap()),
    ] {
        assert!(document.contains(&format!("| `{name}` | {value} |")), "{name} {value}");
    }
}

#[cfg(feature = "server")]
#[test]
fn the_document_states_what_a_vendor_daemon_grants() {
    let (document, limits) = (document(), seatkeeper::vendord::Limits::default());
    let seconds = |span: std::time::Duration| usize::try_from(span.as_secs()).unwrap();
    for (name, value) in [
        ("connections of one host", limits.connections_per_host),
        ("sessions", limits.sessions),
        ("requests of one connection without an answer", limits.requests_in_flight),
        ("rest of a message", seconds(limits.rest_of_message)),
        ("silence without a session", seconds(limits.idle)),
        ("answers that are not read", limits.unsent_bytes),
    ] {
        assert!(document.contains(&format!("| {name} | {value} |")), "{name} {value}");
    }
}

/// The hexadecimal blocks of the worked example, in order; what stands behind `;` is a comment.
fn examples(document: &str) -> Vec<BytesMut> {
    let part = document.split("\n## Worked example\n").nth(1).unwrap();
    let blocks = part.split("```hex\n").skip(1).map(|block| {
        let lines = block.split("```").next().unwrap().lines();
        let digits: String =
            lines.flat_map(|line| line.split(';').next().unwrap().split_whitespace()).collect();
        BytesMut::from(&decode_hex(&digits).unwrap()[..])
    });
    blocks.collect()
}

#[test]
fn the_worked_example_is_what_is_sent() {
    let mut examples = examples(&document()).into_iter();
    let mut next = |request_id: u32| {
        let bytes = examples.next().expect("an example");
        let frame = frame_of(&mut bytes.clone());
        assert_eq!((frame.request_id, frame.end), (request_id, true));
        let message = frame.message.unwrap();
        assert_eq!(bytes_of(&message, request_id), bytes, "encoded again");
        message
    };
    let Message::Hello(hello) = next(1) else { panic!("HELLO") };
    assert_eq!(
        (hello.purpose, hello.claims.user.as_str(), hello.claims.host.as_str()),
        (Purpose::New, "ann", "ws01")
    );
    assert_eq!(hello.time.to_string(), "2026-11-21T20:00:00.000Z");
    let Message::Welcome(welcome) = next(1) else { panic!("WELCOME") };
    let terms = welcome.session.unwrap();
    assert_eq!((terms.lease_s, terms.heartbeat_s, terms.grace_s, terms.demo), (300, 60, 5, true));
    let Message::Checkout(checkout) = next(2) else { panic!("CHECKOUT") };
    assert_eq!((checkout.feature.as_str(), checkout.version.as_str()), ("cad_design", "2.0"));
    let Message::Answer { token, answer: Answer::Granted(grant) } = next(2) else { panic!("ANSWER") };
    assert_eq!((token, grant.handle, grant.pool.as_str()), (Token(1), Handle(101), "cad_design 3"));
    let Message::Answer { answer: Answer::Denied(denial), .. } = next(3) else { panic!("ANSWER") };
    assert_eq!((denial.code, denial.minor), (Code::UsersReached, minor::POOL_IN_USE));
    assert_eq!(next(4), Message::AskLicenses);
    let Message::Licenses(parts) = next(4) else { panic!("LICENSES") };
    assert_eq!(
        parts,
        [
            LicensePart::File { name: "/l/a.lic".to_owned(), unreadable: None },
            LicensePart::Bytes(b"SERVER a ANY\nVENDOR LGS\n".to_vec()),
            LicensePart::File {
                name: "/l/b.lic".to_owned(),
                unreadable: Some("permission denied".to_owned())
            },
        ]
    );
    let Message::Error(denial) = next(5) else { panic!("ERROR") };
    assert_eq!(denial.code, Code::RequestNotSupported);
    assert!(examples.next().is_none());
}
