//! Messages to bytes.

use bytes::{BufMut, BytesMut};
use thiserror::Error;

use super::frame::{FLAG_END, HEADER_BYTES, MAGIC, VERSION};
use super::limits::{
    DONE_BYTES_MAX, DONE_LINES_MAX, FRAME_BYTES_MAX, GRANT_LINES_MAX, HELD_MAX, HOSTIDS_MAX,
    LICENSE_CHUNK_BYTES_MAX, LOST_MAX,
};
use super::message::{BorrowClaim, Control, Hello, Message, Purpose};
use super::server_message::{LicensePart, Notice, ServerInfo, SessionTerms, Welcome};
use super::tlv::PutField;
use super::{grounds, kind, status_items, tag};
use crate::event::{Answer, Borrow, Claims, Denial, Grant, RemovalTarget};
use crate::ident::Digest;

/// A message has a part that does not fit into a frame. Nothing of it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("field {tag:#06x} makes the message longer than a frame of {FRAME_BYTES_MAX} bytes")]
pub struct EncodeError {
    /// The field that is too long; 0 when all together are.
    pub tag: u16,
}

/// Appends a message to what will be sent. A status answer, license files and grounds become as many frames as they need.
///
/// # Errors
/// [`EncodeError`] when it does not fit into a frame; then `output` is as before.
pub fn encode(message: &Message, request_id: u32, output: &mut BytesMut) -> Result<(), EncodeError> {
    let start = output.len();
    let written = match message {
        Message::Status(items) => sequence(kind::STATUS, items, status_items::put, request_id, output),
        Message::Licenses(parts) => sequence(kind::LICENSES, parts, license_part, request_id, output),
        Message::Grounds(parts) => sequence(kind::GROUNDS, parts, grounds::put, request_id, output),
        _ => single(message, request_id, output),
    };
    if written.is_err() {
        output.truncate(start);
    }
    written
}

fn single(message: &Message, request_id: u32, output: &mut BytesMut) -> Result<(), EncodeError> {
    let start = open(kind_of(message), request_id, output);
    body(message, output)?;
    close(start, output)
}

fn open(kind: u8, request_id: u32, output: &mut BytesMut) -> usize {
    let start = output.len();
    output.put_slice(&MAGIC);
    output.put_u8(VERSION);
    output.put_u8(kind);
    output.put_u16(FLAG_END);
    output.put_u32(request_id);
    output.put_u32(0);
    start
}

fn close(start: usize, output: &mut BytesMut) -> Result<(), EncodeError> {
    let bytes = output.len() - start;
    let length = u32::try_from(bytes - HEADER_BYTES).ok().filter(|_| bytes <= FRAME_BYTES_MAX);
    let slot = output.get_mut(start + HEADER_BYTES - 4..start + HEADER_BYTES);
    let (Some(length), Some(slot)) = (length, slot) else {
        return Err(EncodeError { tag: 0 });
    };
    slot.copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Says of a frame that more follow.
fn unmark_end(start: usize, output: &mut BytesMut) {
    if let Some(slot) = output.get_mut(start + 4..start + 6) {
        slot.copy_from_slice(&0_u16.to_be_bytes());
    }
}

const fn kind_of(message: &Message) -> u8 {
    match message {
        Message::Hello(_) => kind::HELLO,
        Message::Checkout(_) => kind::CHECKOUT,
        Message::Checkin(_) => kind::CHECKIN,
        Message::Heartbeat { .. } => kind::HEARTBEAT,
        Message::Goodbye => kind::GOODBYE,
        Message::FetchLine(_) => kind::FETCH_LINE,
        Message::AskStatus { .. } => kind::ASK_STATUS,
        Message::AskServer => kind::ASK_SERVER,
        Message::Locate(_) => kind::LOCATE,
        Message::AskNonce => kind::ASK_NONCE,
        Message::Control(_) => kind::CONTROL,
        Message::AskLicenses => kind::ASK_LICENSES,
        Message::Renew { .. } => kind::RENEW,
        Message::Return(_) => kind::RETURN,
        Message::FetchRecord { .. } => kind::FETCH_RECORD,
        Message::Welcome(_) => kind::WELCOME,
        Message::Answer { .. } => kind::ANSWER,
        Message::HeartbeatAck { .. } => kind::HEARTBEAT_ACK,
        Message::Farewell => kind::FAREWELL,
        Message::Line(_) => kind::LINE,
        Message::Status(_) => kind::STATUS,
        Message::Server(_) => kind::SERVER,
        Message::Located { .. } => kind::LOCATED,
        Message::Nonce { .. } => kind::NONCE,
        Message::Done { .. } => kind::DONE,
        Message::Licenses(_) => kind::LICENSES,
        Message::Grounds(_) => kind::GROUNDS,
        Message::Record(_) => kind::RECORD,
        Message::Error(_) => kind::ERROR,
        Message::Notice(_) => kind::NOTICE,
    }
}

fn body(message: &Message, out: &mut BytesMut) -> Result<(), EncodeError> {
    match message {
        Message::Hello(it) => hello(it, out)?,
        Message::Checkout(it) => {
            out.field_u64(tag::TOKEN, it.token.0);
            out.field_u64(tag::ACKNOWLEDGED, it.acknowledged.0);
            out.field(tag::FEATURE, it.feature.as_str().as_bytes())?;
            out.field(tag::VERSION, it.version.as_str().as_bytes())?;
            out.field_u32(tag::COUNT, it.count.get());
            if it.wishes.share.shares() {
                out.field_u8(tag::DUP_MASK, it.wishes.share.bits());
            }
            if let Some(data) = &it.wishes.data {
                out.field(tag::DATA, data.as_str().as_bytes())?;
            }
            if let Some(queue) = it.wishes.queue {
                // A server that does not know it must not take the request for one that does not wait.
                out.field_u32(tag::QUEUE | tag::CRITICAL, queue.hold_s);
            }
            if let Some(borrow) = it.wishes.borrow {
                // Nor one that borrows for one that does not.
                out.field_i64(tag::BORROW | tag::CRITICAL, borrow.ends.0);
                out.field_u32(tag::BORROW_RENEW, borrow.renew_s);
                out.field(tag::BORROW_SECRET, &borrow.secret.0)?;
            }
        }
        Message::Checkin(it) => {
            out.field_u64(tag::TOKEN, it.token.0);
            out.field_u64(tag::ACKNOWLEDGED, it.acknowledged.0);
            out.field_u64(tag::HANDLE, it.handle.0);
        }
        Message::Renew { borrow, ends } => {
            borrow_claim(borrow, out)?;
            if let Some(ends) = ends {
                out.field_i64(tag::BORROW | tag::CRITICAL, ends.0);
            }
        }
        Message::Return(it) => borrow_claim(it, out)?,
        Message::FetchRecord { handle, secret } => {
            if let Some(handle) = handle {
                out.field_u64(tag::HANDLE, handle.0);
            }
            out.field(tag::SECRET, secret)?;
        }
        Message::Record(it) => {
            out.field(tag::CANONICAL, it.text.as_bytes())?;
            out.field(tag::SIGN, it.sign.as_bytes())?;
            digests(&it.lines, out)?;
        }
        Message::Heartbeat { acknowledged, idle_s } => {
            out.field_u64(tag::ACKNOWLEDGED, acknowledged.0);
            if let Some(idle_s) = idle_s {
                out.field_u32(tag::IDLE_S, *idle_s);
            }
        }
        Message::FetchLine(digest) => out.field(tag::DIGEST, &digest.0)?,
        Message::AskStatus { feature, users } => {
            if let Some(feature) = feature {
                out.field(tag::FEATURE, feature.as_str().as_bytes())?;
            }
            out.field_present(tag::USERS, *users);
        }
        Message::Locate(vendor) => out.field(tag::VENDOR, vendor.as_str().as_bytes())?,
        Message::Control(it) => {
            control_claims(it, out)?;
            out.field(tag::NONCE, &it.nonce)?;
            out.field(tag::PROOF, &it.proof)?;
        }
        Message::Welcome(it) => welcome(it, out)?,
        Message::Answer { token, answer } => {
            out.field_u64(tag::TOKEN, token.0);
            answered(answer, out)?;
        }
        Message::HeartbeatAck { time } => out.field_i64(tag::TIME, time.0),
        Message::Line(it) => {
            out.field(tag::CANONICAL, it.canonical.as_bytes())?;
            out.field(tag::SIGN, it.sign.as_bytes())?;
        }
        Message::Server(it) => server(it, out)?,
        Message::Located { port } => out.field_u16(tag::PORT, *port),
        Message::Nonce { nonce, key_path } => {
            out.field(tag::NONCE, nonce)?;
            out.field_text(tag::KEY_PATH, key_path)?;
        }
        Message::Done { lines, refused } => {
            let before = out.len();
            for line in lines.iter().take(DONE_LINES_MAX) {
                if out.len() - before + line.len() > DONE_BYTES_MAX {
                    break;
                }
                out.field_text(tag::DONE_TEXT, line)?;
            }
            if let Some(refused) = refused {
                denial(refused, out)?;
            }
        }
        Message::Error(it) => denial(it, out)?,
        Message::Notice(Notice::SessionEnded { denial: why }) => {
            out.field_u8(tag::NOTICE_KIND, 1);
            denial(why, out)?;
        }
        Message::Notice(Notice::SeatLost { handle, denial: why }) => {
            out.field_u8(tag::NOTICE_KIND, 2);
            out.field_u64(tag::HANDLE, handle.0);
            denial(why, out)?;
        }
        Message::Notice(Notice::Offered { token, handle, hold_s }) => {
            out.field_u8(tag::NOTICE_KIND, 3);
            out.field_u64(tag::TOKEN, token.0);
            out.field_u64(tag::HANDLE, handle.0);
            out.field_u32(tag::HOLD, *hold_s);
        }
        Message::Notice(Notice::Dequeued { token, handle, denial: why }) => {
            out.field_u8(tag::NOTICE_KIND, 4);
            out.field_u64(tag::TOKEN, token.0);
            out.field_u64(tag::HANDLE, handle.0);
            denial(why, out)?;
        }
        Message::Goodbye
        | Message::AskServer
        | Message::AskNonce
        | Message::AskLicenses
        | Message::Farewell
        | Message::Status(_)
        | Message::Licenses(_)
        | Message::Grounds(_) => {}
    }
    Ok(())
}

fn borrow_claim(it: &BorrowClaim, out: &mut BytesMut) -> Result<(), EncodeError> {
    out.field_u64(tag::TOKEN, it.token.0);
    out.field_u64(tag::ACKNOWLEDGED, it.acknowledged.0);
    out.field_u64(tag::HANDLE, it.handle.0);
    out.field(tag::SECRET, &it.secret)
}

pub(super) fn borrow(it: &Borrow, out: &mut BytesMut) {
    out.field_i64(tag::BORROWED_UNTIL, it.until.0);
    out.field_i64(tag::BORROW_ENDS, it.ends.0);
}

fn hello(it: &Hello, out: &mut BytesMut) -> Result<(), EncodeError> {
    out.field_u8(tag::MAJOR, it.major);
    out.field_u8(tag::MINOR, it.minor);
    match &it.purpose {
        Purpose::New => out.field_u8(tag::PURPOSE, 1),
        Purpose::Resume { session, secret, epoch, nonce } => {
            out.field_u8(tag::PURPOSE, 2);
            out.field(tag::SESSION, &session.0)?;
            out.field(tag::SECRET, secret)?;
            out.field_u32(tag::EPOCH, *epoch);
            out.field(tag::RESUME_NONCE, nonce)?;
        }
        Purpose::Ask => out.field_u8(tag::PURPOSE, 3),
    }
    out.field_i64(tag::TIME, it.time.0);
    claims(&it.claims, out)?;
    if let Some(vendor) = &it.vendor {
        out.field(tag::VENDOR, vendor.as_str().as_bytes())?;
    }
    Ok(())
}

pub(super) fn claims(it: &Claims, out: &mut BytesMut) -> Result<(), EncodeError> {
    out.field(tag::USER, it.user.as_str().as_bytes())?;
    out.field(tag::HOST, it.host.as_str().as_bytes())?;
    out.field(tag::DISPLAY, it.display.as_str().as_bytes())?;
    if let Some(project) = &it.project {
        out.field(tag::PROJECT, project.as_str().as_bytes())?;
    }
    if let Some(platform) = &it.platform {
        out.field(tag::PLATFORM, platform.as_str().as_bytes())?;
    }
    for hostid in it.hostids.iter().take(HOSTIDS_MAX) {
        out.field(tag::HOSTID, hostid.as_str().as_bytes())?;
    }
    if let Some(pid) = it.pid {
        out.field_u32(tag::PID, pid);
    }
    Ok(())
}

fn control_claims(it: &Control, out: &mut BytesMut) -> Result<(), EncodeError> {
    let (verb, vendor, force) = it.verb.parts();
    out.field_u8(tag::VERB, verb);
    if let Some(vendor) = vendor {
        out.field(tag::VENDOR, vendor.as_str().as_bytes())?;
    }
    out.field_present(tag::FORCE, force);
    if let Some(feature) = it.verb.feature() {
        out.field(tag::FEATURE, feature.as_str().as_bytes())?;
    }
    if let Some(handle) = it.verb.recalled() {
        out.field_u64(tag::HANDLE, handle.0);
    }
    match it.verb.target() {
        None => {}
        Some(RemovalTarget::Handle(handle)) => out.field_u64(tag::HANDLE, handle.0),
        Some(RemovalTarget::Client { user, host, display }) => {
            out.field(tag::CLIENT_USER, user.as_str().as_bytes())?;
            out.field(tag::CLIENT_HOST, host.as_str().as_bytes())?;
            out.field(tag::CLIENT_DISPLAY, display.as_str().as_bytes())?;
        }
    }
    out.field(tag::USER, it.user.as_str().as_bytes())?;
    out.field(tag::HOST, it.host.as_str().as_bytes())
}

impl Control {
    /// What the proof covers besides the nonce: a domain word and the order's own fields as `grammar/wire.md` gives them.
    #[must_use]
    pub fn proved_bytes(&self) -> Vec<u8> {
        let mut out = BytesMut::new();
        out.put_slice(b"seatkeeper-control-v1\n");
        // Names are short by construction, so their fields can't be too long.
        match control_claims(self, &mut out) {
            Ok(()) | Err(EncodeError { .. }) => out.to_vec(),
        }
    }
}

fn welcome(it: &Welcome, out: &mut BytesMut) -> Result<(), EncodeError> {
    out.field_u8(tag::MAJOR, it.major);
    out.field_u8(tag::MINOR, it.minor);
    out.field_text(tag::PROGRAM, &it.program)?;
    if let Some(vendor) = &it.vendor {
        out.field(tag::VENDOR, vendor.as_str().as_bytes())?;
    }
    out.field_i64(tag::TIME, it.time.0);
    it.session.as_ref().map_or(Ok(()), |terms| session(terms, out))
}

fn session(it: &SessionTerms, out: &mut BytesMut) -> Result<(), EncodeError> {
    out.field(tag::SESSION, &it.id.0)?;
    out.field(tag::SECRET, &it.secret)?;
    out.field_u32(tag::EPOCH, it.epoch);
    out.field_u32(tag::LEASE, it.lease_s);
    out.field_u32(tag::HEARTBEAT_INTERVAL, it.heartbeat_s);
    out.field_u32(tag::GRACE, it.grace_s);
    out.field_present(tag::RESUMED, it.resumed);
    out.field_present(tag::DEMO, it.demo);
    let held = it.held.get(..HELD_MAX).unwrap_or(&it.held);
    out.put_u16(tag::HELD);
    out.put_u16(u16::try_from(held.len() * 8).map_err(|_| EncodeError { tag: tag::HELD })?);
    held.iter().for_each(|handle| out.put_u64(handle.0));
    for lost in it.lost.iter().take(LOST_MAX) {
        nested(tag::LOST_ITEM, out, |out| {
            out.field_u64(tag::HANDLE, lost.handle.0);
            denial(&lost.denial, out)
        })?;
    }
    Ok(())
}

fn answered(answer: &Answer, out: &mut BytesMut) -> Result<(), EncodeError> {
    match answer {
        Answer::Granted(it) => {
            out.field_u8(tag::OUTCOME, 1);
            granted(it, out)
        }
        Answer::CheckedIn(handle) => {
            out.field_u8(tag::OUTCOME, 2);
            out.field_u64(tag::HANDLE, handle.0);
            Ok(())
        }
        Answer::Denied(it) => {
            out.field_u8(tag::OUTCOME, 3);
            denial(it, out)
        }
        Answer::Spent => {
            out.field_u8(tag::OUTCOME, 4);
            Ok(())
        }
        Answer::Queued(it) => {
            out.field_u8(tag::OUTCOME, 5);
            out.field_u64(tag::HANDLE, it.handle.0);
            out.field_u32(tag::POSITION, it.position);
            if let Some(wait) = it.wait_s {
                out.field_u32(tag::WAIT, wait);
            }
            Ok(())
        }
        Answer::Renewed { handle, borrow: it } => {
            out.field_u8(tag::OUTCOME, 6);
            out.field_u64(tag::HANDLE, handle.0);
            borrow(it, out);
            Ok(())
        }
    }
}

/// The lines behind a grant.
fn digests(lines: &[Digest], out: &mut BytesMut) -> Result<(), EncodeError> {
    let lines = lines.get(..GRANT_LINES_MAX).unwrap_or(lines);
    out.put_u16(tag::LINES);
    out.put_u16(u16::try_from(lines.len() * 32).map_err(|_| EncodeError { tag: tag::LINES })?);
    lines.iter().for_each(|digest| out.put_slice(&digest.0));
    Ok(())
}

fn granted(it: &Grant, out: &mut BytesMut) -> Result<(), EncodeError> {
    out.field_u64(tag::HANDLE, it.handle.0);
    out.field(tag::POOL, it.pool.as_str().as_bytes())?;
    digests(&it.lines, out)?;
    if let Some(expires) = it.expires {
        out.field_i64(tag::EXPIRES, expires.0);
    }
    out.field_present(tag::DEMO, it.demo);
    if let Some(it) = &it.borrow {
        borrow(it, out);
    }
    Ok(())
}

fn denial(it: &Denial, out: &mut BytesMut) -> Result<(), EncodeError> {
    out.put_u16(tag::CODE);
    out.put_u16(4);
    out.put_i32(it.code.number());
    out.field_u16(tag::MINOR_CODE, it.minor);
    out.field_text(tag::NOTE, &it.note)
}

fn server(it: &ServerInfo, out: &mut BytesMut) -> Result<(), EncodeError> {
    out.field(tag::HOST, it.host.as_str().as_bytes())?;
    out.field_u16(tag::PORT, it.port);
    out.field_text(tag::PROGRAM, &it.version)?;
    for file in &it.files {
        out.field_text(tag::FILE, file)?;
    }
    for vendor in &it.vendors {
        nested(tag::VENDOR_ITEM, out, |out| {
            out.field(tag::VENDOR, vendor.name.as_str().as_bytes())?;
            if let Some(port) = vendor.port {
                out.field_u16(tag::PORT, port);
            }
            out.field_present(tag::UP, vendor.up);
            Ok(())
        })?;
    }
    Ok(())
}

/// A field whose value is fields.
pub(super) fn nested(
    tag: u16,
    out: &mut BytesMut,
    write: impl FnOnce(&mut BytesMut) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    out.put_u16(tag);
    let start = out.len();
    out.put_u16(0);
    write(out)?;
    let length = u16::try_from(out.len() - start - 2).map_err(|_| EncodeError { tag })?;
    if let Some(slot) = out.get_mut(start..start + 2) {
        slot.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

/// Writes items until a frame is full, then goes on in the next one.
fn sequence<T>(
    kind: u8,
    items: &[T],
    write: impl Fn(&T, &mut BytesMut) -> Result<(), EncodeError>,
    request_id: u32,
    output: &mut BytesMut,
) -> Result<(), EncodeError> {
    let mut start = open(kind, request_id, output);
    for item in items {
        let before = output.len();
        write(item, output)?;
        if output.len() - start > FRAME_BYTES_MAX && before - start > HEADER_BYTES {
            output.truncate(before);
            unmark_end(start, output);
            close(start, output)?;
            start = open(kind, request_id, output);
            write(item, output)?;
        }
    }
    close(start, output)
}

/// The frames that [`encode`] has written, one by one, for an answer that is sent piece by piece.
pub fn split_frames(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = rest.get(HEADER_BYTES - 4..)?.first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (frame, behind) = rest.split_at_checked(HEADER_BYTES + length)?;
        rest = behind;
        Some(frame)
    })
}

/// Appends one frame of an answer that is sent while it is still being made; `end` marks the last one.
///
/// # Errors
/// [`EncodeError`] when the parts do not fit into one frame; then `output` is as before.
pub fn encode_licenses(
    parts: &[LicensePart],
    end: bool,
    request_id: u32,
    output: &mut BytesMut,
) -> Result<(), EncodeError> {
    let start = open(kind::LICENSES, request_id, output);
    let written = parts.iter().try_for_each(|part| license_part(part, output));
    let written = written.and_then(|()| close(start, output));
    if written.is_err() {
        output.truncate(start);
    } else if !end {
        unmark_end(start, output);
    }
    written
}

fn license_part(part: &LicensePart, out: &mut BytesMut) -> Result<(), EncodeError> {
    match part {
        LicensePart::File { name, unreadable } => nested(tag::LICENSE_ITEM, out, |out| {
            out.field_text(tag::FILE, name)?;
            unreadable.as_ref().map_or(Ok(()), |why| out.field_text(tag::NOTE, why))
        }),
        LicensePart::Bytes(bytes) if bytes.len() > LICENSE_CHUNK_BYTES_MAX => {
            Err(EncodeError { tag: tag::LICENSE_BYTES })
        }
        LicensePart::Bytes(bytes) => out.field(tag::LICENSE_BYTES, bytes),
    }
}
