//! Every message of the protocol, as properties need them.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use seatkeeper::code::Code;
use seatkeeper::event::{
    Answer, Borrow, Borrowing, Checkin, Checkout, Claims, Denial, Grant, OfferedPackage, Place, Queueing,
    Removal, RemovalTarget, Shares, Wishes,
};
use seatkeeper::ident::{
    Count, Digest, Display, DupMask, FeatureName, Handle, Host, Platform, PoolKey, Project, SessionId, Token,
    User, VendorName, Version,
};
use seatkeeper::time::Timestamp;
use seatkeeper::wire::{
    Basis, BorrowClaim, ClockInfo, Control, ControlVerb, FeatureCount, GroundsFile, GroundsPart, GroundsRole,
    HeldLicenses, Hello, LicensePart, LineText, LingerTime, LostSeat, Message, Notice, PoolKind, Purpose,
    RecordText, ServerInfo, SessionTerms, StatusItem, VendorInfo, WaitingRequest, Welcome,
};

fn name<T: std::str::FromStr + std::fmt::Debug + 'static>() -> impl Strategy<Value = T> {
    "[A-Za-z0-9_.:é-]{1,40}".prop_filter_map("a name", |text| text.parse().ok())
}

fn user() -> impl Strategy<Value = User> {
    "[A-Za-zé][A-Za-z é]{0,30}".prop_map(|text| User::parse(&text).unwrap())
}

fn version() -> impl Strategy<Value = Version> {
    "[0-9]{1,5}(\\.[0-9]{0,4})?".prop_map(|text| Version::parse(&text).unwrap())
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,60}"
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp)
}

fn token() -> impl Strategy<Value = Token> {
    any::<u64>().prop_map(Token)
}

fn handle() -> impl Strategy<Value = Handle> {
    any::<u64>().prop_map(Handle)
}

fn denial() -> impl Strategy<Value = Denial> {
    (0..Code::ALL.len(), any::<u16>(), text())
        .prop_map(|(code, minor, note)| Denial::new(Code::ALL[code], minor, &note))
}

fn purpose() -> impl Strategy<Value = Purpose> {
    prop_oneof![
        Just(Purpose::New),
        Just(Purpose::Ask),
        (any::<[u8; 16]>(), any::<[u8; 32]>(), any::<u32>(), any::<[u8; 16]>()).prop_map(
            |(session, secret, epoch, nonce)| Purpose::Resume {
                session: SessionId(session),
                secret,
                epoch,
                nonce
            }
        ),
    ]
}

fn hello() -> impl Strategy<Value = Message> {
    (any::<(u8, u8)>(), purpose(), time(), claims(), option::of(name::<VendorName>())).prop_map(
        |((major, minor), purpose, time, claims, vendor)| {
            Message::Hello(Box::new(Hello { major, minor, purpose, time, claims, vendor }))
        },
    )
}

fn lost_seat() -> impl Strategy<Value = LostSeat> {
    (handle(), denial()).prop_map(|(handle, denial)| LostSeat { handle, denial })
}

fn welcome() -> impl Strategy<Value = Message> {
    let terms = (
        any::<[u8; 16]>(),
        any::<[u8; 32]>(),
        any::<[u32; 4]>(),
        any::<[bool; 2]>(),
        vec(handle(), 0..40),
        vec(lost_seat(), 0..4),
    );
    let terms = terms.prop_map(
        |(id, secret, [epoch, lease_s, heartbeat_s, grace_s], [resumed, demo], held, lost)| SessionTerms {
            id: SessionId(id),
            secret,
            epoch,
            lease_s,
            heartbeat_s,
            grace_s,
            resumed,
            demo,
            held,
            lost,
        },
    );
    (any::<(u8, u8)>(), text(), option::of(name::<VendorName>()), time(), option::of(terms)).prop_map(
        |((major, minor), program, vendor, time, session)| {
            Message::Welcome(Box::new(Welcome { major, minor, program, vendor, time, session }))
        },
    )
}

fn borrow() -> impl Strategy<Value = Borrow> {
    (time(), time()).prop_map(|(until, ends)| Borrow { until, ends })
}

fn answer() -> impl Strategy<Value = Answer> {
    let grant = (handle(), text(), vec(any::<[u8; 32]>(), 0..5), option::of(time()), any::<bool>());
    let grant = (grant, option::of(borrow()));
    prop_oneof![
        grant.prop_map(|((handle, pool, lines, expires, demo), borrow)| Answer::Granted(Grant {
            handle,
            pool: PoolKey::new(&pool),
            lines: lines.into_iter().map(Digest).collect(),
            expires,
            demo,
            borrow
        })),
        (handle(), borrow()).prop_map(|(handle, borrow)| Answer::Renewed { handle, borrow }),
        handle().prop_map(Answer::CheckedIn),
        denial().prop_map(Answer::Denied),
        Just(Answer::Spent),
        (handle(), any::<u32>(), option::of(any::<u32>()))
            .prop_map(|(handle, position, wait_s)| { Answer::Queued(Place { handle, position, wait_s }) }),
    ]
}

fn status_item() -> impl Strategy<Value = StatusItem> {
    let kind = prop_oneof![
        Just(PoolKind::Floating),
        text().prop_map(PoolKind::NodeLocked),
        Just(PoolKind::UncountedAny),
        text().prop_map(PoolKind::UncountedLocked)
    ];
    let count = prop_oneof![
        any::<(u32, u32)>().prop_map(|(issued, in_use)| FeatureCount::Counted { issued, in_use }),
        Just(FeatureCount::Uncounted),
        any::<u32>().prop_map(|licenses| FeatureCount::Unserved { licenses })
    ];
    let clock = (time(), time(), any::<u32>(), any::<bool>());
    prop_oneof![
        clock.prop_map(|(time, mark, believed_in_s, was_off)| {
            StatusItem::Clock(ClockInfo { time, mark, believed_in_s, was_off })
        }),
        (name(), text(), name(), any::<u16>(), vec(text(), 0..4)).prop_map(
            |(vendor, version, host, lmgrd_port, notes)| StatusItem::Daemon {
                vendor,
                version,
                host,
                lmgrd_port,
                notes
            }
        ),
        (name(), count).prop_map(|(name, count)| StatusItem::Feature { name, count }),
        (name(), version(), name(), option::of(text()), option::of(text()), kind).prop_map(
            |(feature, version, vendor, expiry, vendor_string, kind)| StatusItem::Pool {
                feature,
                version,
                vendor,
                expiry,
                vendor_string,
                kind
            }
        ),
        (user(), name(), name(), version(), handle(), time(), any::<u32>(), linger()).prop_map(
            |(user, host, display, version, handle, start, count, linger)| StatusItem::User {
                user,
                host,
                display,
                version,
                handle,
                start,
                count,
                linger
            }
        ),
        (user(), name(), name(), version(), handle(), any::<u32>()).prop_map(
            |(user, host, display, version, handle, count)| StatusItem::Queued {
                user,
                host,
                display,
                version,
                handle,
                count
            }
        ),
    ]
}

fn linger() -> impl Strategy<Value = Option<LingerTime>> {
    option::of((any::<u32>(), any::<u32>()).prop_map(|(left_s, total_s)| LingerTime { left_s, total_s }))
}

fn license_part() -> impl Strategy<Value = LicensePart> {
    prop_oneof![
        (text(), option::of(text())).prop_map(|(name, unreadable)| LicensePart::File { name, unreadable }),
        vec(any::<u8>(), 0..300).prop_map(LicensePart::Bytes),
    ]
}

fn claims() -> impl Strategy<Value = Claims> {
    let who = (user(), name::<Host>(), name::<Display>(), option::of(user()), option::of(name::<Platform>()));
    (who, vec(name::<Host>(), 0..=16), option::of(any::<u32>())).prop_map(
        |((user, host, display, project, platform), hostids, pid)| {
            let project = project.map(|user| Project::parse(user.as_str()).unwrap());
            Claims { user, host, display, project, platform, hostids, pid }
        },
    )
}

fn grounds_part() -> impl Strategy<Value = GroundsPart> {
    let role =
        prop_oneof![Just(GroundsRole::License), Just(GroundsRole::Manifest), Just(GroundsRole::Options)];
    let basis = (
        name(),
        text(),
        (time(), option::of(time())),
        text(),
        vec(text(), 0..4),
        any::<bool>(),
        vec(text(), 0..4),
    )
        .prop_map(|(vendor, version, (time, mark), zone, machine, removed, notes)| {
            let basis = Basis { vendor, version, time, mark, zone, machine, removed, notes };
            GroundsPart::Basis(Box::new(basis))
        });
    let file = (role, text(), option::of(any::<[u8; 32]>())).prop_map(|(role, path, withheld)| {
        GroundsPart::File(GroundsFile { role, path, withheld: withheld.map(Digest) })
    });
    prop_oneof![
        basis,
        file,
        vec(any::<u8>(), 0..300).prop_map(GroundsPart::Bytes),
        (claims(), any::<std::net::IpAddr>())
            .prop_map(|(claims, address)| GroundsPart::Session { claims: Box::new(claims), address }),
        (
            handle(),
            text(),
            version(),
            any::<Count>(),
            time(),
            shares(),
            option::of(name()),
            option::of(time()),
            option::of(borrow())
        )
            .prop_map(
                |(handle, pool, version, count, start, shares, data, lingers_until, borrow)| {
                    GroundsPart::Seat {
                        handle,
                        pool: PoolKey::new(&pool),
                        version,
                        count,
                        start,
                        shares,
                        data,
                        lingers_until,
                        borrow,
                    }
                }
            ),
        waiting_request().prop_map(|waiting| GroundsPart::Waiting(Box::new(waiting))),
    ]
}

fn waiting_request() -> impl Strategy<Value = WaitingRequest> {
    let package = (handle(), text(), shares()).prop_map(|(handle, pool, shares)| OfferedPackage {
        handle,
        pool: PoolKey::new(&pool),
        shares,
    });
    let held = (handle(), text(), shares(), option::of(package), time()).prop_map(
        |(handle, pool, shares, package, until)| HeldLicenses {
            handle,
            pool: PoolKey::new(&pool),
            shares,
            package,
            until,
        },
    );
    let asked = (name(), version(), any::<Count>(), option::of(name()));
    (handle(), asked, time(), option::of(time()), option::of(held)).prop_map(
        |(handle, (feature, version, count, data), start, blocks_until, held)| WaitingRequest {
            handle,
            feature,
            version,
            count,
            start,
            data,
            blocks_until,
            held,
        },
    )
}

fn shares() -> impl Strategy<Value = Option<Shares>> {
    let mask = (0..=16_u8).prop_map(|bits| DupMask::from_bits(bits).unwrap());
    option::of((mask, handle()).prop_map(|(mask, group)| Shares { mask, group }))
}

fn target() -> impl Strategy<Value = RemovalTarget> {
    prop_oneof![
        handle().prop_map(RemovalTarget::Handle),
        (user(), name(), name()).prop_map(|(user, host, display)| RemovalTarget::Client {
            user,
            host,
            display
        }),
    ]
}

fn verb() -> impl Strategy<Value = ControlVerb> {
    prop_oneof![
        (option::of(name()), any::<bool>())
            .prop_map(|(vendor, force)| ControlVerb::Shutdown { vendor, force }),
        (option::of(name()), any::<bool>()).prop_map(|(vendor, force)| ControlVerb::Reread { vendor, force }),
        name().prop_map(|feature| ControlVerb::Explain { feature }),
        (name(), name(), target()).prop_map(|(vendor, feature, target)| ControlVerb::Remove {
            vendor,
            removal: Removal { feature, target },
        }),
        Just(ControlVerb::AcceptClock),
        (name(), handle()).prop_map(|(feature, handle)| ControlVerb::Recall { feature, handle }),
    ]
}

fn borrow_claim() -> impl Strategy<Value = BorrowClaim> {
    (token(), token(), handle(), any::<[u8; 32]>())
        .prop_map(|(token, acknowledged, handle, secret)| BorrowClaim { token, acknowledged, handle, secret })
}

pub(crate) fn message() -> impl Strategy<Value = Message> {
    let queue = option::of(any::<u32>().prop_map(|hold_s| Queueing { hold_s }));
    let borrow = (time(), any::<u32>(), any::<[u8; 32]>()).prop_map(|(ends, renew_s, secret)| Borrowing {
        ends,
        renew_s,
        secret: Digest(secret),
    });
    let wishes =
        (0..=16_u8, option::of(name()), queue, option::of(borrow)).prop_map(|(bits, data, queue, borrow)| {
            Wishes { share: DupMask::from_bits(bits).unwrap(), data, queue, borrow }
        });
    let checkout = (token(), token(), name::<FeatureName>(), version(), any::<Count>(), wishes);
    let control = (verb(), user(), name::<Host>(), any::<[u8; 32]>(), any::<[u8; 32]>());
    let vendors = vec((name(), option::of(any::<u16>()), any::<bool>()), 0..4);
    let server = (name::<Host>(), any::<u16>(), text(), vec(text(), 0..4), vendors);
    let asking =
        prop_oneof![
            hello(),
            checkout.prop_map(|(token, acknowledged, feature, version, count, wishes)| Message::Checkout(
                Checkout { token, acknowledged, feature, version, count, wishes }
            )),
            (token(), token(), handle()).prop_map(|(token, acknowledged, handle)| Message::Checkin(
                Checkin { token, acknowledged, handle }
            )),
            (token(), option::of(any::<u32>()))
                .prop_map(|(acknowledged, idle_s)| Message::Heartbeat { acknowledged, idle_s }),
            Just(Message::Goodbye),
            any::<[u8; 32]>().prop_map(|digest| Message::FetchLine(Digest(digest))),
            (option::of(name()), any::<bool>())
                .prop_map(|(feature, users)| Message::AskStatus { feature, users }),
            Just(Message::AskServer),
            name().prop_map(Message::Locate),
            Just(Message::AskNonce),
            Just(Message::AskLicenses),
            (borrow_claim(), option::of(time())).prop_map(|(borrow, ends)| Message::Renew { borrow, ends }),
            borrow_claim().prop_map(Message::Return),
            (option::of(handle()), any::<[u8; 32]>())
                .prop_map(|(handle, secret)| Message::FetchRecord { handle, secret }),
            control.prop_map(|(verb, user, host, nonce, proof)| Message::Control(Box::new(Control {
                verb,
                user,
                host,
                nonce,
                proof
            }))),
        ];
    let telling = prop_oneof![
        welcome(),
        (token(), answer()).prop_map(|(token, answer)| Message::Answer { token, answer }),
        time().prop_map(|time| Message::HeartbeatAck { time }),
        Just(Message::Farewell),
        (text(), text()).prop_map(|(canonical, sign)| Message::Line(LineText { canonical, sign })),
        vec(status_item(), 0..20).prop_map(Message::Status),
        server.prop_map(|(host, port, version, files, vendors)| Message::Server(Box::new(ServerInfo {
            host,
            port,
            version,
            files,
            vendors: vendors.into_iter().map(|(name, port, up)| VendorInfo { name, port, up }).collect()
        }))),
        any::<u16>().prop_map(|port| Message::Located { port }),
        (text(), text(), vec(any::<[u8; 32]>().prop_map(Digest), 0..5)).prop_map(|(text, sign, lines)| {
            Message::Record(RecordText { text, sign, lines: lines.into() })
        }),
        (any::<[u8; 32]>(), text()).prop_map(|(nonce, key_path)| Message::Nonce { nonce, key_path }),
        (vec(text(), 1..4), option::of(denial()))
            .prop_map(|(lines, refused)| Message::Done { lines, refused }),
        vec(license_part(), 0..20).prop_map(Message::Licenses),
        vec(grounds_part(), 0..20).prop_map(Message::Grounds),
        denial().prop_map(Message::Error),
        denial().prop_map(|denial| Message::Notice(Notice::SessionEnded { denial })),
        (handle(), denial())
            .prop_map(|(handle, denial)| Message::Notice(Notice::SeatLost { handle, denial })),
        (token(), handle(), any::<u32>()).prop_map(|(token, handle, hold_s)| {
            Message::Notice(Notice::Offered { token, handle, hold_s })
        }),
        (token(), handle(), denial()).prop_map(|(token, handle, denial)| {
            Message::Notice(Notice::Dequeued { token, handle, denial })
        }),
    ];
    prop_oneof![asking, telling]
}
