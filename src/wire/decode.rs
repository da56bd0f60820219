//! Bytes to messages.

use std::sync::Arc;

use super::limits::{
    DONE_LINES_MAX, GRANT_LINES_MAX, HELD_MAX, HOSTIDS_MAX, LICENSE_CHUNK_BYTES_MAX, LOST_MAX,
};
use super::message::{BorrowClaim, Control, ControlVerb, Hello, Message, Purpose};
use super::server_message::{
    LicensePart, LineText, LostSeat, Notice, RecordText, ServerInfo, SessionTerms, VendorInfo, Welcome,
};
use super::tlv::{Field, Fields};
use super::{MessageError, grounds, kind, status_items, tag};
use crate::code::{Code, minor};
use crate::event::{
    Answer, Borrow, Borrowing, Checkin, Checkout, Claims, Denial, Grant, Place, Queueing, Removal,
    RemovalTarget, Wishes,
};
use crate::ident::{
    CheckoutData, Count, Digest, Display, DupMask, FeatureName, Handle, Host, Platform, PoolKey, Project,
    SessionId, Token, User, VendorName, Version,
};
use crate::time::Timestamp;

/// Reads the fields of a body into variables: `name: tag, reader` for a field that may stand once, `name[max]: tag, reader`
/// for one that may be repeated. `+ reader` is asked whether it takes any other field; what nobody takes is ignored unless it is critical.
macro_rules! read {
    (
        $body:expr; $($name:ident : $tag:ident, $read:expr;)*
        $(@ $list:ident [$max:expr] : $list_tag:ident, $list_read:expr;)*
        $(+ $others:expr;)?
    ) => {
        $(let mut $name = None;)*
        $(let mut $list = Vec::new();)*
        for field in Fields::of($body) {
            let field = field?;
            match field.tag {
                $(tag::$tag => field.once(&mut $name, $read)?,)*
                $(tag::$list_tag => field.many(&mut $list, $max, $list_read)?,)*
                $(_ if ($others)(field)? => {})?
                _ => field.unknown()?,
            }
        }
    };
}

pub(super) use read;

/// A needed field.
pub(super) fn need<T>(kind: u8, tag: u16, slot: Option<T>) -> Result<T, MessageError> {
    slot.ok_or(MessageError::Missing { kind, tag })
}

/// Understands a body.
pub(super) fn message(number: u8, body: &[u8]) -> Result<Message, MessageError> {
    Ok(match number {
        kind::CHECKOUT => Message::Checkout(checkout(body)?),
        kind::CHECKIN => Message::Checkin(checkin(body)?),
        kind::ANSWER => answer(body)?,
        kind::HELLO => Message::Hello(Box::new(hello(body)?)),
        kind::HEARTBEAT => {
            read! { body; acknowledged: ACKNOWLEDGED, Field::u64; idle_s: IDLE_S, Field::u32; }
            let acknowledged = Token(need(number, tag::ACKNOWLEDGED, acknowledged)?);
            Message::Heartbeat { acknowledged, idle_s }
        }
        kind::GOODBYE => empty(body, Message::Goodbye)?,
        kind::FETCH_LINE => {
            read! { body; digest: DIGEST, Field::bytes::<32>; }
            Message::FetchLine(Digest(need(number, tag::DIGEST, digest)?))
        }
        kind::ASK_STATUS => {
            read! { body; feature: FEATURE, Field::name::<FeatureName>; users: USERS, Field::present; }
            Message::AskStatus { feature, users: users.is_some() }
        }
        kind::ASK_SERVER => empty(body, Message::AskServer)?,
        kind::LOCATE => {
            read! { body; vendor: VENDOR, Field::name::<VendorName>; }
            Message::Locate(need(number, tag::VENDOR, vendor)?)
        }
        kind::ASK_NONCE => empty(body, Message::AskNonce)?,
        kind::CONTROL => Message::Control(Box::new(control(body)?)),
        kind::ASK_LICENSES => empty(body, Message::AskLicenses)?,
        kind::RENEW => {
            let (borrow, ends) = borrow_claim(number, body)?;
            Message::Renew { borrow, ends }
        }
        kind::RETURN => Message::Return(borrow_claim(number, body)?.0),
        kind::FETCH_RECORD => {
            read! { body; handle: HANDLE, Field::u64; secret: SECRET, Field::bytes::<32>; }
            Message::FetchRecord { handle: handle.map(Handle), secret: need(number, tag::SECRET, secret)? }
        }
        kind::RECORD => {
            read! { body; text: CANONICAL, Field::string; sign: SIGN, Field::string; lines: LINES, digests; }
            Message::Record(RecordText {
                text: need(number, tag::CANONICAL, text)?,
                sign: need(number, tag::SIGN, sign)?,
                lines: lines.unwrap_or_else(|| [].into()),
            })
        }
        kind::WELCOME => Message::Welcome(Box::new(welcome(body)?)),
        kind::HEARTBEAT_ACK => {
            read! { body; time: TIME, Field::i64; }
            Message::HeartbeatAck { time: Timestamp(need(number, tag::TIME, time)?) }
        }
        kind::FAREWELL => empty(body, Message::Farewell)?,
        kind::LINE => {
            read! { body; canonical: CANONICAL, Field::string; sign: SIGN, Field::string; }
            Message::Line(LineText {
                canonical: need(number, tag::CANONICAL, canonical)?,
                sign: need(number, tag::SIGN, sign)?,
            })
        }
        kind::STATUS => Message::Status(status_items::take(body)?),
        kind::SERVER => Message::Server(Box::new(server(body)?)),
        kind::LOCATED => {
            read! { body; port: PORT, Field::u16; }
            Message::Located { port: need(number, tag::PORT, port)? }
        }
        kind::NONCE => {
            read! { body; nonce: NONCE, Field::bytes::<32>; key_path: KEY_PATH, Field::string; }
            Message::Nonce {
                nonce: need(number, tag::NONCE, nonce)?,
                key_path: need(number, tag::KEY_PATH, key_path)?,
            }
        }
        kind::DONE => {
            read! { body;
                code: CODE, Field::i32; place: MINOR_CODE, Field::u16; note: NOTE, Field::str;
                @ lines[DONE_LINES_MAX]: DONE_TEXT, Field::string;
            }
            if lines.is_empty() {
                return Err(MessageError::Missing { kind: number, tag: tag::DONE_TEXT });
            }
            let refused = if code.is_some() { Some(denial(number, code, place, note)?) } else { None };
            Message::Done { lines, refused }
        }
        kind::LICENSES => Message::Licenses(license_parts(body)?),
        kind::GROUNDS => Message::Grounds(grounds::take(body)?),
        kind::ERROR => {
            read! { body; code: CODE, Field::i32; place: MINOR_CODE, Field::u16; note: NOTE, Field::str; }
            Message::Error(denial(number, code, place, note)?)
        }
        kind::NOTICE => notice(body)?,
        other => return Err(MessageError::UnknownType(other)),
    })
}

/// A message without fields of its own.
fn empty(body: &[u8], message: Message) -> Result<Message, MessageError> {
    for field in Fields::of(body) {
        field?.unknown()?;
    }
    Ok(message)
}

pub(super) fn version(field: Field<'_>) -> Result<Version, MessageError> {
    Version::parse(field.str()?).map_err(|_| field.bad())
}

pub(super) fn count(field: Field<'_>) -> Result<Count, MessageError> {
    Count::new(field.u32()?).ok_or(field.bad())
}

pub(super) fn dup_mask(field: Field<'_>) -> Result<DupMask, MessageError> {
    DupMask::from_bits(field.u8()?).ok_or(field.bad())
}

fn digests(field: Field<'_>) -> Result<Arc<[Digest]>, MessageError> {
    Ok(field.row::<32>(GRANT_LINES_MAX)?.iter().map(|digest| Digest(*digest)).collect())
}

fn checkout(body: &[u8]) -> Result<Checkout, MessageError> {
    read! { body;
        token: TOKEN, Field::u64;
        acknowledged: ACKNOWLEDGED, Field::u64;
        feature: FEATURE, Field::name::<FeatureName>;
        wanted: VERSION, version;
        licenses: COUNT, count;
        share: DUP_MASK, dup_mask;
        data: DATA, Field::name::<CheckoutData>;
        hold: QUEUE, Field::u32;
        ends: BORROW, Field::i64;
        renew_s: BORROW_RENEW, Field::u32;
        secret: BORROW_SECRET, Field::bytes::<32>;
    }
    let kind = kind::CHECKOUT;
    let queue = hold.map(|hold_s| Queueing { hold_s });
    let borrow = match ends {
        None => None,
        Some(ends) => Some(Borrowing {
            ends: Timestamp(ends),
            renew_s: renew_s.unwrap_or(0),
            secret: Digest(need(kind, tag::BORROW_SECRET, secret)?),
        }),
    };
    Ok(Checkout {
        token: Token(need(kind, tag::TOKEN, token)?),
        acknowledged: Token(need(kind, tag::ACKNOWLEDGED, acknowledged)?),
        feature: need(kind, tag::FEATURE, feature)?,
        version: need(kind, tag::VERSION, wanted)?,
        count: licenses.unwrap_or(Count::MIN),
        wishes: Wishes { share: share.unwrap_or_default(), data, queue, borrow },
    })
}

pub(super) fn borrow(until: Option<i64>, ends: Option<i64>) -> Option<Borrow> {
    until.zip(ends).map(|(until, ends)| Borrow { until: Timestamp(until), ends: Timestamp(ends) })
}

fn borrow_claim(kind: u8, body: &[u8]) -> Result<(BorrowClaim, Option<Timestamp>), MessageError> {
    read! { body;
        token: TOKEN, Field::u64;
        acknowledged: ACKNOWLEDGED, Field::u64;
        handle: HANDLE, Field::u64;
        secret: SECRET, Field::bytes::<32>;
        ends: BORROW, Field::i64;
    }
    let claim = BorrowClaim {
        token: Token(need(kind, tag::TOKEN, token)?),
        acknowledged: Token(need(kind, tag::ACKNOWLEDGED, acknowledged)?),
        handle: Handle(need(kind, tag::HANDLE, handle)?),
        secret: need(kind, tag::SECRET, secret)?,
    };
    Ok((claim, ends.map(Timestamp)))
}

fn checkin(body: &[u8]) -> Result<Checkin, MessageError> {
    read! { body; token: TOKEN, Field::u64; acknowledged: ACKNOWLEDGED, Field::u64; handle: HANDLE, Field::u64; }
    let kind = kind::CHECKIN;
    Ok(Checkin {
        token: Token(need(kind, tag::TOKEN, token)?),
        acknowledged: Token(need(kind, tag::ACKNOWLEDGED, acknowledged)?),
        handle: Handle(need(kind, tag::HANDLE, handle)?),
    })
}

fn answer(body: &[u8]) -> Result<Message, MessageError> {
    read! { body;
        token: TOKEN, Field::u64;
        outcome: OUTCOME, |field: Field<'_>| match field.u8()? {
            known @ 1..=6 => Ok(known),
            _ => Err(field.bad()),
        };
        handle: HANDLE, Field::u64;
        position: POSITION, Field::u32;
        wait_s: WAIT, Field::u32;
        pool: POOL, Field::str;
        lines: LINES, digests;
        expires: EXPIRES, Field::i64;
        demo: DEMO, Field::present;
        until: BORROWED_UNTIL, Field::i64;
        ends: BORROW_ENDS, Field::i64;
        code: CODE, Field::i32;
        place: MINOR_CODE, Field::u16;
        note: NOTE, Field::str;
    }
    let kind = kind::ANSWER;
    let token = Token(need(kind, tag::TOKEN, token)?);
    let borrow = borrow(until, ends);
    let answer = match need(kind, tag::OUTCOME, outcome)? {
        1 => Answer::Granted(Grant {
            handle: Handle(need(kind, tag::HANDLE, handle)?),
            pool: PoolKey::new(need(kind, tag::POOL, pool)?),
            lines: need(kind, tag::LINES, lines)?,
            expires: expires.map(Timestamp),
            demo: demo.is_some(),
            borrow,
        }),
        2 => Answer::CheckedIn(Handle(need(kind, tag::HANDLE, handle)?)),
        3 => Answer::Denied(denial(kind, code, place, note)?),
        5 => Answer::Queued(Place {
            handle: Handle(need(kind, tag::HANDLE, handle)?),
            position: need(kind, tag::POSITION, position)?,
            wait_s,
        }),
        6 => Answer::Renewed {
            handle: Handle(need(kind, tag::HANDLE, handle)?),
            borrow: need(kind, tag::BORROWED_UNTIL, borrow)?,
        },
        _ => Answer::Spent,
    };
    Ok(Message::Answer { token, answer })
}

/// A number that only a later version knows stays a refusal and is named in the note.
fn denial(
    kind: u8,
    code: Option<i32>,
    place: Option<u16>,
    note: Option<&str>,
) -> Result<Denial, MessageError> {
    let number = need(kind, tag::CODE, code)?;
    let place = need(kind, tag::MINOR_CODE, place)?;
    let note = note.unwrap_or_default();
    Ok(match Code::from_number(number) {
        Some(code) => Denial::new(code, place, note),
        None => Denial::new(
            Code::BadReturnedData,
            minor::CODE_UNKNOWN,
            &format!("the server refused with the unknown number {number},{place} {note}"),
        ),
    })
}

fn hello(body: &[u8]) -> Result<Hello, MessageError> {
    read! { body;
        major: MAJOR, Field::u8;
        minor: MINOR, Field::u8;
        purpose: PURPOSE, |field: Field<'_>| match field.u8()? {
            known @ 1..=3 => Ok(known),
            _ => Err(field.bad()),
        };
        session: SESSION, Field::bytes::<16>;
        secret: SECRET, Field::bytes::<32>;
        epoch: EPOCH, Field::u32;
        nonce: RESUME_NONCE, Field::bytes::<16>;
        time: TIME, Field::i64;
        user: USER, Field::name::<User>;
        host: HOST, Field::name::<Host>;
        display: DISPLAY, Field::name::<Display>;
        project: PROJECT, Field::name::<Project>;
        platform: PLATFORM, Field::name::<Platform>;
        pid: PID, Field::u32;
        vendor: VENDOR, Field::name::<VendorName>;
        @ hostids[HOSTIDS_MAX]: HOSTID, Field::name::<Host>;
    }
    let kind = kind::HELLO;
    Ok(Hello {
        major: need(kind, tag::MAJOR, major)?,
        minor: need(kind, tag::MINOR, minor)?,
        purpose: match need(kind, tag::PURPOSE, purpose)? {
            1 => Purpose::New,
            2 => Purpose::Resume {
                session: SessionId(need(kind, tag::SESSION, session)?),
                secret: need(kind, tag::SECRET, secret)?,
                epoch: need(kind, tag::EPOCH, epoch)?,
                nonce: need(kind, tag::RESUME_NONCE, nonce)?,
            },
            _ => Purpose::Ask,
        },
        time: Timestamp(need(kind, tag::TIME, time)?),
        claims: Claims {
            user: need(kind, tag::USER, user)?,
            host: need(kind, tag::HOST, host)?,
            display: need(kind, tag::DISPLAY, display)?,
            project,
            platform,
            hostids,
            pid,
        },
        vendor,
    })
}

fn control(body: &[u8]) -> Result<Control, MessageError> {
    read! { body;
        verb: VERB, |field: Field<'_>| match field.u8()? { verb @ 1..=6 => Ok(verb), _ => Err(field.bad()) };
        vendor: VENDOR, Field::name::<VendorName>;
        force: FORCE, Field::present;
        feature: FEATURE, Field::name::<FeatureName>;
        handle: HANDLE, Field::u64;
        client_user: CLIENT_USER, Field::name::<User>;
        client_host: CLIENT_HOST, Field::name::<Host>;
        client_display: CLIENT_DISPLAY, Field::name::<Display>;
        user: USER, Field::name::<User>;
        host: HOST, Field::name::<Host>;
        nonce: NONCE, Field::bytes::<32>;
        proof: PROOF, Field::bytes::<32>;
    }
    let kind = kind::CONTROL;
    let force = force.is_some();
    Ok(Control {
        verb: match need(kind, tag::VERB, verb)? {
            1 => ControlVerb::Shutdown { vendor, force },
            2 => ControlVerb::Reread { vendor, force },
            5 => ControlVerb::AcceptClock,
            6 => ControlVerb::Recall {
                feature: need(kind, tag::FEATURE, feature)?,
                handle: Handle(need(kind, tag::HANDLE, handle)?),
            },
            3 => ControlVerb::Explain { feature: need(kind, tag::FEATURE, feature)? },
            _ => {
                let target = match handle {
                    Some(handle) => RemovalTarget::Handle(Handle(handle)),
                    None => RemovalTarget::Client {
                        user: need(kind, tag::CLIENT_USER, client_user)?,
                        host: need(kind, tag::CLIENT_HOST, client_host)?,
                        display: need(kind, tag::CLIENT_DISPLAY, client_display)?,
                    },
                };
                let removal = Removal { feature: need(kind, tag::FEATURE, feature)?, target };
                ControlVerb::Remove { vendor: need(kind, tag::VENDOR, vendor)?, removal }
            }
        },
        user: need(kind, tag::USER, user)?,
        host: need(kind, tag::HOST, host)?,
        nonce: need(kind, tag::NONCE, nonce)?,
        proof: need(kind, tag::PROOF, proof)?,
    })
}

fn welcome(body: &[u8]) -> Result<Welcome, MessageError> {
    read! { body;
        major: MAJOR, Field::u8;
        minor: MINOR, Field::u8;
        program: PROGRAM, Field::string;
        vendor: VENDOR, Field::name::<VendorName>;
        time: TIME, Field::i64;
        session: SESSION, Field::bytes::<16>;
        secret: SECRET, Field::bytes::<32>;
        epoch: EPOCH, Field::u32;
        lease: LEASE, Field::u32;
        heartbeat: HEARTBEAT_INTERVAL, Field::u32;
        grace: GRACE, Field::u32;
        resumed: RESUMED, Field::present;
        demo: DEMO, Field::present;
        held: HELD, |field: Field<'_>| {
            Ok(field.row::<8>(HELD_MAX)?.iter().map(|handle| Handle(u64::from_be_bytes(*handle))).collect())
        };
        @ lost[LOST_MAX]: LOST_ITEM, lost_seat;
    }
    let kind = kind::WELCOME;
    let session = match session {
        None => None,
        Some(id) => Some(SessionTerms {
            id: SessionId(id),
            secret: need(kind, tag::SECRET, secret)?,
            epoch: need(kind, tag::EPOCH, epoch)?,
            lease_s: need(kind, tag::LEASE, lease)?,
            heartbeat_s: need(kind, tag::HEARTBEAT_INTERVAL, heartbeat)?,
            grace_s: need(kind, tag::GRACE, grace)?,
            resumed: resumed.is_some(),
            demo: demo.is_some(),
            held: held.unwrap_or_default(),
            lost,
        }),
    };
    Ok(Welcome {
        major: need(kind, tag::MAJOR, major)?,
        minor: need(kind, tag::MINOR, minor)?,
        program: need(kind, tag::PROGRAM, program)?,
        vendor,
        time: Timestamp(need(kind, tag::TIME, time)?),
        session,
    })
}

fn lost_seat(field: Field<'_>) -> Result<LostSeat, MessageError> {
    read! { field.fields();
        handle: HANDLE, Field::u64; code: CODE, Field::i32; place: MINOR_CODE, Field::u16; note: NOTE, Field::str;
    }
    let handle = Handle(need(kind::WELCOME, tag::HANDLE, handle)?);
    Ok(LostSeat { handle, denial: denial(kind::WELCOME, code, place, note)? })
}

fn notice(body: &[u8]) -> Result<Message, MessageError> {
    read! { body;
        about: NOTICE_KIND, |field: Field<'_>| match field.u8()? {
            known @ 1..=4 => Ok(known),
            _ => Err(field.bad()),
        };
        token: TOKEN, Field::u64;
        handle: HANDLE, Field::u64;
        hold: HOLD, Field::u32;
        code: CODE, Field::i32;
        place: MINOR_CODE, Field::u16;
        note: NOTE, Field::str;
    }
    let kind = kind::NOTICE;
    let about = need(kind, tag::NOTICE_KIND, about)?;
    let handle = || Ok::<_, MessageError>(Handle(need(kind, tag::HANDLE, handle)?));
    let token = || Ok::<_, MessageError>(Token(need(kind, tag::TOKEN, token)?));
    let denial = || denial(kind, code, place, note);
    Ok(Message::Notice(match about {
        1 => Notice::SessionEnded { denial: denial()? },
        2 => Notice::SeatLost { handle: handle()?, denial: denial()? },
        3 => Notice::Offered { token: token()?, handle: handle()?, hold_s: need(kind, tag::HOLD, hold)? },
        _ => Notice::Dequeued { token: token()?, handle: handle()?, denial: denial()? },
    }))
}

fn server(body: &[u8]) -> Result<ServerInfo, MessageError> {
    read! { body;
        host: HOST, Field::name::<Host>;
        port: PORT, Field::u16;
        version: PROGRAM, Field::string;
        @ files[usize::MAX]: FILE, Field::string;
        @ vendors[usize::MAX]: VENDOR_ITEM, |field: Field<'_>| {
            read! { field.fields();
                name: VENDOR, Field::name::<VendorName>; port: PORT, Field::u16; up: UP, Field::present;
            }
            Ok(VendorInfo { name: need(kind::SERVER, tag::VENDOR, name)?, port, up: up.is_some() })
        };
    }
    let kind = kind::SERVER;
    Ok(ServerInfo {
        host: need(kind, tag::HOST, host)?,
        port: need(kind, tag::PORT, port)?,
        version: need(kind, tag::PROGRAM, version)?,
        files,
        vendors,
    })
}

/// Parts in their order; tags that are not known here are passed over.
fn license_parts(body: &[u8]) -> Result<Vec<LicensePart>, MessageError> {
    let mut parts = Vec::new();
    for field in Fields::of(body) {
        let field = field?;
        match field.tag {
            tag::LICENSE_ITEM => {
                read! { field.fields(); name: FILE, Field::string; unreadable: NOTE, Field::string; }
                let name = need(kind::LICENSES, tag::FILE, name)?;
                parts.push(LicensePart::File { name, unreadable });
            }
            tag::LICENSE_BYTES => {
                parts.push(LicensePart::Bytes(field.at_most(LICENSE_CHUNK_BYTES_MAX)?.to_vec()))
            }
            _ => field.unknown()?,
        }
    }
    Ok(parts)
}
