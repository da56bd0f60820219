//! Whatever is written is read back; whatever else is read is refused without a panic.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::code::Code;
use crate::event::*;
use crate::ident::*;
use crate::time::{ClockNews, Look, TimeMark};

fn encode(record: &Record) -> Vec<u8> {
    let mut out = Writer::new();
    let Ok(()) = put_record(&mut out, record, &mut InlineNames);
    out.into_vec()
}

fn decode(bytes: &[u8]) -> Result<Record, CodecError> {
    let mut from = Reader::new(bytes);
    let record = take_record(&mut from, &mut InlineNames)?;
    from.end("record")?;
    Ok(record)
}

fn session() -> impl Strategy<Value = SessionId> {
    any::<[u8; 16]>().prop_map(SessionId)
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn identity() -> impl Strategy<Value = Identity> {
    let word = "[!-~äß日]{1,12}";
    (
        ("[a-z][a-z ]{0,8}[a-z]", word, word, option::of("[a-z ]{1,9}"), option::of(word)),
        (vec(word, 0..4), any::<std::net::IpAddr>(), option::of(any::<u32>()), any::<bool>()),
    )
        .prop_map(|((user, host, display, project, platform), (hostids, address, pid, line))| {
            Identity::new(
                Claims {
                    user: User::parse(&user).unwrap(),
                    host: Host::parse(&host).unwrap(),
                    display: Display::parse(&display).unwrap(),
                    project: project.map(|text| Project::parse(&text).unwrap()),
                    platform: platform.map(|text| Platform::parse(&text).unwrap()),
                    hostids: hostids.iter().map(|text| Host::parse(text).unwrap()).collect(),
                    pid,
                },
                address,
                if line { SessionKind::Line } else { SessionKind::Framed },
            )
        })
}

fn checkout() -> impl Strategy<Value = Checkout> {
    let version = "[0-9]{1,4}(\\.[0-9]{0,4})?";
    (any::<u64>(), any::<u64>(), "[a-z_0-9]{1,20}", version, 1..=u32::MAX, wishes()).prop_map(
        |(token, acknowledged, feature, version, count, wishes)| Checkout {
            token: Token(token),
            acknowledged: Token(acknowledged),
            feature: FeatureName::parse(&feature).unwrap(),
            version: Version::parse(&version).unwrap(),
            count: Count::new(count).unwrap(),
            wishes,
        },
    )
}

fn mask() -> impl Strategy<Value = DupMask> {
    (0..=16_u8).prop_map(|bits| DupMask::from_bits(bits).unwrap())
}

fn wishes() -> impl Strategy<Value = Wishes> {
    let data = option::of("[a-z ]{1,10}".prop_map(|text| CheckoutData::parse(&text).unwrap()));
    let queue = option::of(any::<u32>().prop_map(|hold_s| Queueing { hold_s }));
    let borrow = (any::<i64>(), any::<u32>(), digest()).prop_map(|(ends, renew_s, secret)| Borrowing {
        ends: Timestamp(ends),
        renew_s,
        secret,
    });
    prop_oneof![
        Just(Wishes::default()),
        (mask(), data, queue, option::of(borrow)).prop_map(|(share, data, queue, borrow)| Wishes {
            share,
            data,
            queue,
            borrow
        })
    ]
}

fn borrow() -> impl Strategy<Value = Borrow> {
    any::<(i64, i64)>().prop_map(|(until, ends)| Borrow { until: Timestamp(until), ends: Timestamp(ends) })
}

fn shares() -> impl Strategy<Value = Option<Shares>> {
    option::of((mask(), any::<u64>()).prop_map(|(mask, group)| Shares { mask, group: Handle(group) }))
}

fn accounting() -> impl Strategy<Value = Accounting> {
    prop_oneof![
        Just(Accounting::default()),
        (shares(), any::<u32>(), option::of(any::<u64>()), option::of(borrow())).prop_map(
            |(shares, overdraft, suite, borrow)| {
                Accounting { shares, overdraft, suite: suite.map(Handle), borrow }
            }
        )
    ]
}

fn denial() -> impl Strategy<Value = Denial> {
    (0..Code::ALL.len(), any::<u16>(), ".{0,40}")
        .prop_map(|(code, minor, note)| Denial::new(Code::ALL[code], minor, &note))
}

fn end_reason() -> impl Strategy<Value = EndReason> {
    prop_oneof![
        Just(EndReason::Goodbye),
        Just(EndReason::Disconnect),
        Just(EndReason::LeaseLapsed),
        Just(EndReason::Shutdown),
    ]
}

fn started() -> impl Strategy<Value = Started> {
    let file = (any::<bool>(), ".{0,40}", digest()).prop_map(|(license, path, digest)| StartFile {
        role: if license { FileRole::License } else { FileRole::Manifest },
        path,
        digest,
    });
    (".{0,10}", ".{0,20}", vec(file, 0..4)).prop_map(|(version, zone, files)| Started {
        version,
        zone,
        files,
    })
}

fn grant() -> impl Strategy<Value = Grant> {
    let expires = option::of(any::<i64>().prop_map(Timestamp));
    (".{0,40}", any::<u64>(), vec(digest(), 0..4), expires, any::<bool>(), option::of(borrow())).prop_map(
        |(pool, handle, lines, expires, demo, borrow)| Grant {
            handle: Handle(handle),
            pool: PoolKey::new(&pool),
            lines: Arc::from(lines),
            expires,
            demo,
            borrow,
        },
    )
}

/// Why a session gives a checkout up.
fn given_up() -> impl Strategy<Value = InReason> {
    prop_oneof![
        (any::<u64>(), any::<u64>()).prop_map(|(token, acknowledged)| InReason::Checkin {
            token: Token(token),
            acknowledged: Token(acknowledged)
        }),
        end_reason().prop_map(InReason::Ended),
    ]
}

fn in_reason() -> impl Strategy<Value = InReason> {
    prop_oneof![
        given_up(),
        Just(InReason::Removed),
        Just(InReason::Linger),
        Just(InReason::Inactive),
        Just(InReason::UserRemoved),
        Just(InReason::BorrowEnd),
        (session(), any::<(u64, u64)>()).prop_map(|(session, (token, acknowledged))| {
            let (token, acknowledged) = (Token(token), Token(acknowledged));
            InReason::BorrowReturned { session, token, acknowledged }
        }),
    ]
}

fn asked() -> impl Strategy<Value = (SessionId, Identity, Checkout)> {
    (session(), identity(), checkout())
}

fn package() -> impl Strategy<Value = OfferedPackage> {
    ((1..=u64::MAX).prop_map(Handle), ".{0,20}", shares()).prop_map(|(handle, pool, shares)| OfferedPackage {
        handle,
        pool: PoolKey::new(&pool),
        shares,
    })
}

fn waiting() -> impl Strategy<Value = Event> {
    let handle = || (1..=u64::MAX).prop_map(Handle);
    let why = prop_oneof![
        (any::<u64>(), any::<u64>()).prop_map(|(token, acknowledged)| DequeueReason::Cancelled {
            token: Token(token),
            acknowledged: Token(acknowledged)
        }),
        end_reason().prop_map(DequeueReason::Ended),
        denial().prop_map(DequeueReason::Lapsed),
        denial().prop_map(DequeueReason::Impossible),
        denial().prop_map(DequeueReason::Removed),
    ];
    prop_oneof![
        (asked(), handle()).prop_map(|((session, identity, request), handle)| {
            Event::Queued(Box::new(Queued { session, identity, request, handle }))
        }),
        vec(handle(), 0..4).prop_map(|entries| Event::Passed(Passed { entries })),
        (asked(), handle(), handle(), ".{0,20}", shares(), option::of(package()), any::<i64>()).prop_map(
            |((session, identity, request), entry, handle, pool, shares, package, until)| {
                let (pool, until) = (PoolKey::new(&pool), Timestamp(until));
                Event::Offered(Box::new(Offered {
                    session,
                    identity,
                    request,
                    entry,
                    handle,
                    pool,
                    shares,
                    package,
                    until,
                }))
            }
        ),
        (session(), any::<u64>(), handle(), option::of(handle()), why).prop_map(
            |(session, token, entry, offer, why)| {
                Event::Dequeued(Box::new(Dequeued { session, token: Token(token), entry, offer, why }))
            }
        ),
    ]
}

fn removed() -> impl Strategy<Value = Removed> {
    let target = prop_oneof![
        any::<u64>().prop_map(|handle| RemovalTarget::Handle(Handle(handle))),
        identity().prop_map(|identity| RemovalTarget::Client {
            user: identity.user.clone(),
            host: identity.host.clone(),
            display: identity.display.clone(),
        }),
    ];
    (".{0,20}", "[a-z_0-9]{1,20}", target).prop_map(|(by, feature, target)| Removed {
        by,
        removal: Removal { feature: feature.parse().unwrap(), target },
    })
}

fn time_mark() -> impl Strategy<Value = TimeMark> {
    (any::<[i64; 2]>(), any::<[u64; 2]>(), any::<[u8; 16]>(), any::<bool>()).prop_map(
        |([mark, utc], [elapsed_ms, steady_ms], boot, off)| TimeMark {
            mark: Timestamp(mark),
            at: Look { utc: Timestamp(utc), boot, elapsed_ms },
            steady_ms,
            off,
        },
    )
}

fn clock() -> impl Strategy<Value = Event> {
    let news = prop_oneof![
        Just(ClockNews::Nothing),
        Just(ClockNews::Jumped),
        Just(ClockNews::SetBack),
        Just(ClockNews::Near),
        Just(ClockNews::Confirmed),
        Just(ClockNews::Set),
    ];
    prop_oneof![
        (time_mark(), news).prop_map(|(mark, news)| Event::Marked(Box::new(Marked { mark, news }))),
        (".{0,20}", any::<i64>(), time_mark()).prop_map(|(by, before, mark)| {
            Event::ClockAccepted(Box::new(ClockAccepted { by, before: Timestamp(before), mark }))
        }),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let cause =
        prop_oneof![Just(RereadCause::Ordered), Just(RereadCause::Automatic), Just(RereadCause::Start)];
    prop_oneof![
        waiting(),
        removed().prop_map(|removed| Event::Removed(Box::new(removed))),
        (session(), any::<(u64, u64, u64)>(), borrow()).prop_map(
            |(session, (token, acknowledged, handle), borrow)| {
                let (token, acknowledged, handle) = (Token(token), Token(acknowledged), Handle(handle));
                Event::Renewed(Renewed { session, token, acknowledged, handle, borrow })
            }
        ),
        (any::<u64>(), ".{0,20}")
            .prop_map(|(handle, by)| { Event::Recalled(Box::new(Recalled { handle: Handle(handle), by })) }),
        clock(),
        started().prop_map(Event::Started),
        ".{0,20}".prop_map(|by| Event::Stopped(Stopped { by })),
        (session(), digest(), identity()).prop_map(|(session, secret, identity)| Event::Opened(Opened {
            session,
            secret,
            identity
        })),
        (session(), any::<u32>(), any::<[u8; 16]>())
            .prop_map(|(session, epoch, nonce)| Event::Resumed(Resumed { session, epoch, nonce })),
        (session(), end_reason()).prop_map(|(session, why)| Event::Ended(Ended { session, why })),
        (session(), identity(), checkout(), grant(), accounting()).prop_map(
            |(session, identity, request, grant, accounting)| {
                let Grant { handle, pool, lines, expires, demo, .. } = grant;
                let out = Out { session, identity, request, pool, handle, lines, expires, demo, accounting };
                Event::Out(Box::new(out))
            }
        ),
        (session(), any::<u64>(), in_reason()).prop_map(|(session, handle, why)| Event::In(In {
            session,
            handle: Handle(handle),
            why
        })),
        (session(), any::<u64>(), any::<i64>(), any::<bool>(), given_up()).prop_map(
            |(session, handle, until, cut, why)| {
                let (handle, until) = (Handle(handle), Timestamp(until));
                Event::Lingering(Lingering { session, handle, until, cut, why })
            }
        ),
        (".{0,20}", cause, started(), vec("[a-z_0-9]{1,20}", 0..3)).prop_map(
            |(by, cause, Started { zone, files, .. }, removed)| {
                let removed = removed.iter().map(|name| FeatureName::parse(name).unwrap()).collect();
                Event::Reread(Box::new(Reread { by, cause, zone, files, removed }))
            }
        ),
        (session(), any::<u64>(), ".{0,40}", ".{0,40}", shares()).prop_map(
            |(session, handle, from, to, shares)| {
                let (from, to) = (PoolKey::new(&from), PoolKey::new(&to));
                Event::Moved(Box::new(Moved { session, handle: Handle(handle), from, to, shares }))
            }
        ),
        (session(), identity(), checkout(), denial(), any::<u32>()).prop_map(
            |(session, identity, request, denial, times)| {
                Event::Denied(Box::new(Denied { session, identity, request, denial, times }))
            }
        ),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    (0..u64::MAX / 2, any::<i64>(), vec(event(), 1..5)).prop_map(|(first, at, events)| Record {
        first: Seq(first),
        at: Timestamp(at),
        events,
    })
}

proptest! {
    #[test]
    fn records_come_back(record in record()) {
        let bytes = encode(&record);
        let back = decode(&bytes).unwrap();
        prop_assert_eq!(&back, &record);
        // Versions compare as numbers; what stands in the history is their text.
        prop_assert_eq!(encode(&back), bytes);
    }

    #[test]
    fn answers_come_back(grant in grant(), denial in denial(), handle in any::<u64>()) {
        let renewed = Answer::Renewed {
            handle: Handle(handle),
            borrow: Borrow { until: Timestamp(7), ends: Timestamp(i64::MAX) },
        };
        let checked_in = Answer::CheckedIn(Handle(handle));
        for answer in [Answer::Granted(grant), Answer::Denied(denial), checked_in, renewed, Answer::Spent] {
            let mut out = Writer::new();
            put_answer(&mut out, &answer);
            let mut from = Reader::new(out.as_slice());
            prop_assert_eq!(take_answer(&mut from).unwrap(), answer);
            from.end("answer").unwrap();
        }
    }

    #[test]
    fn garbage_is_refused(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(record) = decode(&bytes) {
            prop_assert_eq!(decode(&encode(&record)).unwrap(), record);
        }
    }

    #[test]
    fn damaged_records_never_panic(record in record(), at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let mut bytes = encode(&record);
        let at = at.index(bytes.len());
        bytes[at] = with;
        let _ = decode(&bytes);
        bytes.truncate(at);
        prop_assert!(decode(&bytes).is_err());
    }
}

#[test]
fn later_events_are_named() {
    let stopped = Record {
        first: Seq(1),
        at: Timestamp(0),
        events: vec![Event::Stopped(Stopped { by: "SIGTERM".into() })],
    };
    let mut bytes = encode(&stopped);
    assert_eq!(bytes[3..5], [2, 1]);
    bytes[4] = 2;
    assert_eq!(decode(&bytes), Err(CodecError::UnknownEvent { kind: 2, version: 2 }));
    bytes[3] = 200;
    bytes[4] = 1;
    assert_eq!(decode(&bytes), Err(CodecError::UnknownEvent { kind: 200, version: 1 }));
}

#[test]
fn erased_names_are_still_names() {
    for kind in NameKind::ALL {
        let text = kind.erased(u64::MAX);
        assert_eq!(NameKind::from_number(kind.number()), Some(kind));
        if kind == NameKind::Address {
            assert!(text.parse::<std::net::IpAddr>().is_ok());
        } else {
            assert!(Host::parse(&text).is_ok());
        }
    }
}

/// One event of each kind, with small values.
fn sample() -> Record {
    let identity = Identity::new(
        Claims {
            user: User::parse("ann").unwrap(),
            host: Host::parse("ws01").unwrap(),
            display: Display::parse(":0").unwrap(),
            project: Some(Project::parse("p1").unwrap()),
            platform: None,
            hostids: vec![Host::parse("02ab").unwrap()],
            pid: Some(300),
        },
        "::1".parse().unwrap(),
        SessionKind::Line,
    );
    let request = Checkout {
        token: Token(2),
        acknowledged: Token(1),
        feature: FeatureName::parse("f1").unwrap(),
        version: Version::parse("2.0").unwrap(),
        count: Count::new(3).unwrap(),
        wishes: Wishes::default(),
    };
    let session = SessionId([0xaa; 16]);
    Record {
        first: Seq(129),
        at: Timestamp(-1),
        events: vec![
            Event::Started(Started {
                version: "0.1".into(),
                zone: "UTC".into(),
                files: vec![StartFile {
                    role: FileRole::Manifest,
                    path: "m".into(),
                    digest: Digest([0xbb; 32]),
                }],
            }),
            Event::Stopped(Stopped { by: "SIGTERM".into() }),
            Event::Opened(Opened { session, secret: Digest([0xcc; 32]), identity: identity.clone() }),
            Event::Resumed(Resumed { session, epoch: 5, nonce: [0xdd; 16] }),
            Event::Ended(Ended { session, why: EndReason::LeaseLapsed }),
            Event::Out(Box::new(Out {
                session,
                identity: identity.clone(),
                request: request.clone(),
                pool: PoolKey::new("f1 2"),
                handle: Handle(9),
                lines: Arc::from([Digest([0xee; 32])]),
                expires: Some(Timestamp(1000)),
                demo: true,
                accounting: Accounting::default(),
            })),
            Event::In(In {
                session,
                handle: Handle(9),
                why: InReason::Checkin { token: Token(3), acknowledged: Token(2) },
            }),
            Event::Denied(Box::new(Denied {
                session,
                identity,
                request,
                denial: Denial::new(Code::UsersReached, 209, "no"),
                times: 1,
            })),
        ],
    }
}

/// Histories outlive programs: these bytes may never change. A kind whose fields change gets a new version byte.
#[test]
fn the_bytes_of_version_1_stay() {
    let identity = "0d03616e6e047773303102 3a30 027031 01 0430326162 033a3a31 ac02";
    let request = "02 01 02 6631 03 322e30 03";
    let session = "aa".repeat(16);
    let expected = [
        "8101 01 08".to_owned(),
        format!("01 01 03302e31 03555443 01 02 016d {}", "bb".repeat(32)),
        "02 01 07 5349475445524d".to_owned(),
        format!("03 01 {session} {} {identity}", "cc".repeat(32)),
        format!("04 01 {session} 05 {}", "dd".repeat(16)),
        format!("05 01 {session} 03"),
        format!("06 01 {session} {identity} {request} 03 0466312032 09 01 {} d00f", "ee".repeat(32)),
        format!("07 01 {session} 09 01 03 02"),
        format!("08 01 {session} {identity} {request} 07 d101 026e6f 01"),
    ];
    let expected: String = expected.concat().split_whitespace().collect();
    assert_eq!(encode_hex(&encode(&sample())), expected);
    assert_eq!(decode(&decode_hex(&expected).unwrap()).unwrap(), sample());
}

/// The events of the clocks, which came later.
#[test]
fn the_bytes_of_clocks_stay() {
    let look = Look { utc: Timestamp(2), boot: [0xaa; 16], elapsed_ms: 300 };
    let mark = TimeMark { mark: Timestamp(1), at: look, steady_ms: 4, off: true };
    let record = Record {
        first: Seq(1),
        at: Timestamp(0),
        events: vec![
            Event::Marked(Box::new(Marked { mark, news: ClockNews::SetBack })),
            Event::ClockAccepted(Box::new(ClockAccepted { by: "a@b".into(), before: Timestamp(3), mark })),
        ],
    };
    let mark = format!("02 04 {} ac02 04 01", "aa".repeat(16));
    let expected = ["01 00 02".to_owned(), format!("0d 01 {mark} 02"), format!("0e 01 03 614062 06 {mark}")];
    let expected: String = expected.concat().split_whitespace().collect();
    assert_eq!(encode_hex(&encode(&record)), expected);
    assert_eq!(decode(&decode_hex(&expected).unwrap()).unwrap(), record);
}

/// The events of rereads, which came later.
#[test]
fn the_bytes_of_rereads_stay() {
    let session = SessionId([0xaa; 16]);
    let record = Record {
        first: Seq(1),
        at: Timestamp(0),
        events: vec![
            Event::Reread(Box::new(Reread {
                by: "SIGHUP".into(),
                cause: RereadCause::Automatic,
                zone: "UTC".into(),
                files: vec![StartFile {
                    role: FileRole::Options,
                    path: "o".into(),
                    digest: Digest([0xbb; 32]),
                }],
                removed: vec![FeatureName::parse("f1").unwrap()],
            })),
            Event::Moved(Box::new(Moved {
                session,
                handle: Handle(9),
                from: PoolKey::new("f2 1"),
                to: PoolKey::new("f2 2"),
                shares: None,
            })),
            Event::In(In { session, handle: Handle(8), why: InReason::Removed }),
        ],
    };
    let session = "aa".repeat(16);
    let expected = [
        "01 00 03".to_owned(),
        format!("09 01 06 534947485550 01 03555443 01 03 016f {} 01 026631", "bb".repeat(32)),
        format!("0a 01 {session} 09 0466322031 0466322032"),
        format!("07 02 {session} 08 03"),
    ];
    let expected: String = expected.concat().split_whitespace().collect();
    assert_eq!(encode_hex(&encode(&record)), expected);
    assert_eq!(decode(&decode_hex(&expected).unwrap()).unwrap(), record);
    // The first version of IN did not know the reason.
    let first = expected.replace(&format!("0702{session}"), &format!("0701{session}"));
    assert!(decode(&decode_hex(&first).unwrap()).is_err());
}

/// What sharing has added to events.
#[test]
fn the_bytes_of_sharing_stay() {
    let mut record = sample();
    record.events.retain(|event| matches!(event, Event::Out(_) | Event::Denied(_)));
    let plain = encode_hex(&encode(&record));
    let wishes = Wishes {
        share: DupMask::parse("UH").unwrap(),
        data: Some(CheckoutData::parse("d1").unwrap()),
        ..Wishes::default()
    };
    let shares = Some(Shares { mask: DupMask::SITE, group: Handle(7) });
    for event in &mut record.events {
        match event {
            Event::Out(out) => {
                out.request.wishes = wishes.clone();
                out.accounting = Accounting { shares, overdraft: 2, suite: Some(Handle(8)), borrow: None };
            }
            Event::Denied(denied) => denied.request.wishes = wishes.clone(),
            _ => {}
        }
    }
    let session = SessionId([0xaa; 16]);
    let moved =
        Moved { session, handle: Handle(9), from: PoolKey::new("f2 1"), to: PoolKey::new("f2 2"), shares };
    record.events.push(Event::Moved(Box::new(moved)));
    let session = "aa".repeat(16);
    let denied = plain.find(&format!("0801{session}")).unwrap();
    let (out, denied) = plain.split_at(denied);
    let expected = [
        out.replacen("81010102", "81010103", 1).replacen(
            &format!("0601{session}"),
            &format!("0602{session}"),
            1,
        ),
        "01 03 02 6431 03 10 07 02 08".to_owned(),
        denied.replacen("0801", "0802", 1),
        "01 03 02 6431".to_owned(),
        format!("0a 02 {session} 09 0466322031 0466322032 01 10 07 00"),
    ];
    let expected: String = expected.concat().split_whitespace().collect();
    assert_eq!(encode_hex(&encode(&record)), expected);
    assert_eq!(decode(&decode_hex(&expected).unwrap()).unwrap(), record);
}
