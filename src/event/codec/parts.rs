//! What events are made of: identities, requests, denials, answers.

use std::fmt::Display as Printed;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use super::{CodecError, NameKind, PutNames, Reader, TakeNames, Writer};
use crate::code::Code;
use crate::event::{
    Accounting, Answer, Borrow, Borrowing, Checkout, Claims, Denial, Grant, Identity, Place, Queueing,
    SessionKind, Shares, Wishes,
};
use crate::ident::{Count, Digest, DupMask, Handle, PoolKey, Token};
use crate::time::Timestamp;

const HAS_PROJECT: u8 = 1;
const HAS_PLATFORM: u8 = 2;
const HAS_PID: u8 = 4;
const LINE_SESSION: u8 = 8;

const HAS_EXPIRY: u8 = 1;
const DEMO: u8 = 2;

const HAS_DATA: u8 = 1;
const HAS_QUEUE: u8 = 2;
const HAS_BORROWING: u8 = 4;

const HAS_SHARES: u8 = 1;
const HAS_SUITE: u8 = 2;
const HAS_BORROW: u8 = 4;

pub(super) fn bad(what: &'static str, found: impl Printed) -> CodecError {
    CodecError::BadValue { what, found: found.to_string().chars().take(80).collect() }
}

/// A text that its type checks.
pub(super) fn parsed<T: FromStr>(what: &'static str, text: &str) -> Result<T, CodecError> {
    text.parse().map_err(|_| bad(what, format_args!("{text:?}")))
}

fn flags(from: &mut Reader<'_>, what: &'static str, known: u8) -> Result<u8, CodecError> {
    let flags = from.byte(what)?;
    if flags & !known == 0 { Ok(flags) } else { Err(bad(what, flags)) }
}

fn take_name<N: TakeNames, T: FromStr>(
    from: &mut Reader<'_>,
    names: &mut N,
    kind: NameKind,
) -> Result<T, N::Error> {
    names.take(from, kind, |text| parsed("name", text))
}

/// Appends who a client says it is.
///
/// # Errors
/// What `names` returns, here and below.
pub fn put_identity<N: PutNames>(
    out: &mut Writer,
    identity: &Identity,
    names: &mut N,
) -> Result<(), N::Error> {
    if names.repeat(out, identity) {
        return Ok(());
    }
    let start = out.len();
    let mut flags = 0;
    for (set, flag) in [
        (identity.project.is_some(), HAS_PROJECT),
        (identity.platform.is_some(), HAS_PLATFORM),
        (identity.pid.is_some(), HAS_PID),
        (identity.kind() == SessionKind::Line, LINE_SESSION),
    ] {
        if set {
            flags |= flag;
        }
    }
    out.byte(flags);
    names.put(out, NameKind::User, identity.user.as_str())?;
    names.put(out, NameKind::Host, identity.host.as_str())?;
    names.put(out, NameKind::Display, identity.display.as_str())?;
    if let Some(project) = &identity.project {
        names.put(out, NameKind::Project, project.as_str())?;
    }
    if let Some(platform) = &identity.platform {
        names.put(out, NameKind::Platform, platform.as_str())?;
    }
    out.count(identity.hostids.len());
    for hostid in &identity.hostids {
        names.put(out, NameKind::HostId, hostid.as_str())?;
    }
    names.put(out, NameKind::Address, &identity.address().to_string())?;
    if let Some(pid) = identity.pid {
        out.u32(pid);
    }
    if let Some(written) = out.as_slice().get(start..) {
        names.keep(identity, written);
    }
    Ok(())
}

/// Reads what [`put_identity`] has written.
///
/// # Errors
/// [`CodecError`] for anything else, and what `names` returns, here and below.
pub fn take_identity<N: TakeNames>(from: &mut Reader<'_>, names: &mut N) -> Result<Identity, N::Error> {
    let flags = flags(from, "identity", HAS_PROJECT | HAS_PLATFORM | HAS_PID | LINE_SESSION)?;
    let user = take_name(from, names, NameKind::User)?;
    let host = take_name(from, names, NameKind::Host)?;
    let display = take_name(from, names, NameKind::Display)?;
    let project =
        if flags & HAS_PROJECT == 0 { None } else { Some(take_name(from, names, NameKind::Project)?) };
    let platform =
        if flags & HAS_PLATFORM == 0 { None } else { Some(take_name(from, names, NameKind::Platform)?) };
    let count = from.count("identity")?;
    let mut hostids = Vec::with_capacity(count.min(16));
    for _ in 0..count {
        hostids.push(take_name(from, names, NameKind::HostId)?);
    }
    let address: IpAddr = take_name(from, names, NameKind::Address)?;
    let pid = if flags & HAS_PID == 0 { None } else { Some(from.u32("identity")?) };
    let kind = if flags & LINE_SESSION == 0 { SessionKind::Framed } else { SessionKind::Line };
    Ok(Identity::new(Claims { user, host, display, project, platform, hostids, pid }, address, kind))
}

/// Appends a request for licenses, without its wishes.
pub fn put_checkout(out: &mut Writer, request: &Checkout) {
    out.u64(request.token.0);
    out.u64(request.acknowledged.0);
    out.str(request.feature.as_str());
    out.str(request.version.as_str());
    out.u32(request.count.get());
}

/// Reads what [`put_checkout`] has written.
///
/// # Errors
/// [`CodecError`] for anything else.
pub fn take_checkout(from: &mut Reader<'_>) -> Result<Checkout, CodecError> {
    Ok(Checkout {
        token: Token(from.u64("checkout")?),
        acknowledged: Token(from.u64("checkout")?),
        feature: parsed("feature", from.str("checkout")?)?,
        version: parsed("version", from.str("checkout")?)?,
        count: Count::new(from.u32("checkout")?).ok_or_else(|| bad("license count", 0))?,
        wishes: Wishes::default(),
    })
}

/// Appends what a request asks for beside licenses.
pub fn put_wishes<N: PutNames>(out: &mut Writer, wishes: &Wishes, names: &mut N) -> Result<(), N::Error> {
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    out.byte(
        flag(wishes.data.is_some(), HAS_DATA)
            | flag(wishes.queue.is_some(), HAS_QUEUE)
            | flag(wishes.borrow.is_some(), HAS_BORROWING),
    );
    out.byte(wishes.share.bits());
    if let Some(Queueing { hold_s }) = wishes.queue {
        out.u32(hold_s);
    }
    if let Some(Borrowing { ends, renew_s, secret }) = wishes.borrow {
        out.i64(ends.0);
        out.u32(renew_s);
        out.fixed(&secret.0);
    }
    match &wishes.data {
        Some(data) => names.put(out, NameKind::Data, data.as_str()),
        None => Ok(()),
    }
}

/// Reads what [`put_wishes`] has written.
///
/// # Errors
/// [`CodecError`] for anything else, and what `names` returns.
pub fn take_wishes<N: TakeNames>(from: &mut Reader<'_>, names: &mut N) -> Result<Wishes, N::Error> {
    let flags = flags(from, "wishes", HAS_DATA | HAS_QUEUE | HAS_BORROWING)?;
    let share = take_mask(from)?;
    let queue = if flags & HAS_QUEUE == 0 { None } else { Some(Queueing { hold_s: from.u32("queueing")? }) };
    let borrow = if flags & HAS_BORROWING == 0 {
        None
    } else {
        let (ends, renew_s) = (Timestamp(from.i64("borrowing")?), from.u32("borrowing")?);
        Some(Borrowing { ends, renew_s, secret: Digest(from.fixed("borrowing")?) })
    };
    let data = if flags & HAS_DATA == 0 { None } else { Some(take_name(from, names, NameKind::Data)?) };
    Ok(Wishes { share, data, queue, borrow })
}

/// Reads the number of a sharing mask.
pub(super) fn take_mask(from: &mut Reader<'_>) -> Result<DupMask, CodecError> {
    let bits = from.byte("sharing mask")?;
    DupMask::from_bits(bits).ok_or_else(|| bad("sharing mask", bits))
}

/// Appends how a checkout is counted.
pub fn put_accounting(out: &mut Writer, accounting: &Accounting) {
    let Accounting { shares, overdraft, suite, borrow } = accounting;
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    out.byte(
        flag(shares.is_some(), HAS_SHARES)
            | flag(suite.is_some(), HAS_SUITE)
            | flag(borrow.is_some(), HAS_BORROW),
    );
    if let Some(Shares { mask, group }) = shares {
        out.byte(mask.bits());
        out.u64(group.0);
    }
    out.u32(*overdraft);
    if let Some(suite) = suite {
        out.u64(suite.0);
    }
    if let Some(borrow) = borrow {
        put_borrow(out, borrow);
    }
}

/// Appends what a borrow has come to.
pub fn put_borrow(out: &mut Writer, borrow: &Borrow) {
    out.i64(borrow.until.0);
    out.i64(borrow.ends.0);
}

/// Reads what [`put_borrow`] has written.
///
/// # Errors
/// [`CodecError`] for anything else.
pub fn take_borrow(from: &mut Reader<'_>) -> Result<Borrow, CodecError> {
    Ok(Borrow { until: Timestamp(from.i64("borrow")?), ends: Timestamp(from.i64("borrow")?) })
}

/// Reads what [`put_accounting`] has written.
///
/// # Errors
/// [`CodecError`] for anything else.
pub fn take_accounting(from: &mut Reader<'_>) -> Result<Accounting, CodecError> {
    let flags = flags(from, "accounting", HAS_SHARES | HAS_SUITE | HAS_BORROW)?;
    let shares = if flags & HAS_SHARES == 0 {
        None
    } else {
        Some(Shares { mask: take_mask(from)?, group: Handle(from.u64("sharing group")?) })
    };
    let overdraft = from.u32("overdraft")?;
    let suite = if flags & HAS_SUITE == 0 { None } else { Some(Handle(from.u64("suite")?)) };
    let borrow = if flags & HAS_BORROW == 0 { None } else { Some(take_borrow(from)?) };
    Ok(Accounting { shares, overdraft, suite, borrow })
}

/// Appends a refusal.
pub(super) fn put_denial(out: &mut Writer, denial: &Denial) {
    out.i64(i64::from(denial.code.number()));
    out.u32(u32::from(denial.minor));
    out.str(&denial.note);
}

/// Reads what [`put_denial`] has written.
///
/// # Errors
/// [`CodecError`] for anything else.
pub(super) fn take_denial(from: &mut Reader<'_>) -> Result<Denial, CodecError> {
    let number = from.i64("denial")?;
    let code =
        i32::try_from(number).ok().and_then(Code::from_number).ok_or_else(|| bad("denial code", number))?;
    let minor = u16::try_from(from.u32("denial")?).map_err(|_| CodecError::OutOfRange { what: "denial" })?;
    Ok(Denial { code, minor, note: Arc::from(from.str("denial")?) })
}

/// The results of a grant, which `Out` events and answers share.
pub(super) struct GrantResults {
    pub(super) pool: PoolKey,
    pub(super) handle: Handle,
    pub(super) lines: Arc<[Digest]>,
    pub(super) expires: Option<Timestamp>,
    pub(super) demo: bool,
}

pub(super) fn put_results(
    out: &mut Writer,
    (pool, handle, lines): (&PoolKey, Handle, &[Digest]),
    expires: Option<Timestamp>,
    demo: bool,
) {
    out.byte(if expires.is_some() { HAS_EXPIRY } else { 0 } | if demo { DEMO } else { 0 });
    out.str(pool.as_str());
    out.u64(handle.0);
    out.count(lines.len());
    for line in lines {
        out.fixed(&line.0);
    }
    if let Some(expires) = expires {
        out.i64(expires.0);
    }
}

pub(super) fn take_results(from: &mut Reader<'_>) -> Result<GrantResults, CodecError> {
    let flags = flags(from, "grant", HAS_EXPIRY | DEMO)?;
    let pool = PoolKey::new(from.str("grant")?);
    let handle = Handle(from.u64("grant")?);
    let count = from.count("grant")?;
    let mut lines = Vec::with_capacity(count.min(16));
    for _ in 0..count {
        lines.push(Digest(from.fixed("grant")?));
    }
    let expires = if flags & HAS_EXPIRY == 0 { None } else { Some(Timestamp(from.i64("grant")?)) };
    Ok(GrantResults { pool, handle, lines: lines.into(), expires, demo: flags & DEMO != 0 })
}

/// Appends a grant.
fn put_grant(out: &mut Writer, grant: &Grant) {
    put_results(out, (&grant.pool, grant.handle, &grant.lines), grant.expires, grant.demo);
}

/// Reads what [`put_grant`] has written.
///
/// # Errors
/// [`CodecError`] for anything else.
fn take_grant(from: &mut Reader<'_>) -> Result<Grant, CodecError> {
    let GrantResults { pool, handle, lines, expires, demo } = take_results(from)?;
    Ok(Grant { handle, pool, lines, expires, demo, borrow: None })
}

/// Appends an answer.
pub fn put_answer(out: &mut Writer, answer: &Answer) {
    match answer {
        Answer::Granted(grant) => {
            out.byte(if grant.borrow.is_some() { 6 } else { 1 });
            put_grant(out, grant);
            if let Some(borrow) = &grant.borrow {
                put_borrow(out, borrow);
            }
        }
        Answer::Renewed { handle, borrow } => {
            out.byte(7);
            out.u64(handle.0);
            put_borrow(out, borrow);
        }
        Answer::CheckedIn(handle) => {
            out.byte(2);
            out.u64(handle.0);
        }
        Answer::Denied(denial) => {
            out.byte(3);
            put_denial(out, denial);
        }
        Answer::Spent => out.byte(4),
        Answer::Queued(Place { handle, position, wait_s }) => {
            out.byte(5);
            out.u64(handle.0);
            out.u32(*position);
            // One more than the wait, so that 0 says that it is not known.
            out.u64(wait_s.map_or(0, |wait| u64::from(wait) + 1));
        }
    }
}

/// Reads what [`put_answer`] has written.
///
/// # Errors
/// [`CodecError`] for anything else.
pub fn take_answer(from: &mut Reader<'_>) -> Result<Answer, CodecError> {
    match from.byte("answer")? {
        1 => Ok(Answer::Granted(take_grant(from)?)),
        2 => Ok(Answer::CheckedIn(Handle(from.u64("answer")?))),
        3 => Ok(Answer::Denied(take_denial(from)?)),
        4 => Ok(Answer::Spent),
        5 => {
            let (handle, position) = (Handle(from.u64("place")?), from.u32("place")?);
            let wait_s = match from.u64("place")?.checked_sub(1) {
                None => None,
                Some(wait) => {
                    Some(u32::try_from(wait).map_err(|_| CodecError::OutOfRange { what: "place" })?)
                }
            };
            Ok(Answer::Queued(Place { handle, position, wait_s }))
        }
        6 => {
            let grant = take_grant(from)?;
            Ok(Answer::Granted(Grant { borrow: Some(take_borrow(from)?), ..grant }))
        }
        7 => Ok(Answer::Renewed { handle: Handle(from.u64("answer")?), borrow: take_borrow(from)? }),
        other => Err(bad("answer", other)),
    }
}
