//! Events of the queue as bytes.

use super::events::{put_end_reason, take_end_reason, take_session};
use super::parts::{
    bad, put_accounting, put_checkout, put_denial, put_wishes, take_accounting, take_checkout, take_denial,
    take_wishes,
};
use super::{CodecError, PutNames, Reader, TakeNames, Writer, put_identity, take_identity};
use crate::event::{
    Accounting, Checkout, DequeueReason, Dequeued, Identity, Offered, OfferedPackage, Passed, Queued,
};
use crate::ident::{Handle, PoolKey, SessionId, Token};
use crate::time::Timestamp;

/// An `Offered` of a component with its package, for which programs before did not let anybody wait.
pub(super) const OFFERED_WITH_PACKAGE: u8 = 2;
/// A `Dequeued` with a reason that programs before lmremove do not know.
pub(super) const DEQUEUED_BY_REMOVAL: u8 = 2;

fn put_asked<N: PutNames>(
    out: &mut Writer,
    (session, identity, request): (SessionId, &Identity, &Checkout),
    names: &mut N,
) -> Result<(), N::Error> {
    out.fixed(&session.0);
    put_identity(out, identity, names)?;
    put_checkout(out, request);
    put_wishes(out, &request.wishes, names)
}

fn take_asked<N: TakeNames>(
    from: &mut Reader<'_>,
    names: &mut N,
) -> Result<(SessionId, Identity, Checkout), N::Error> {
    let session = take_session(from)?;
    let identity = take_identity(from, names)?;
    let mut request = take_checkout(from)?;
    request.wishes = take_wishes(from, names)?;
    Ok((session, identity, request))
}

pub(super) fn put_queued<N: PutNames>(out: &mut Writer, it: &Queued, names: &mut N) -> Result<(), N::Error> {
    put_asked(out, (it.session, &it.identity, &it.request), names)?;
    out.u64(it.handle.0);
    Ok(())
}

pub(super) fn take_queued<N: TakeNames>(from: &mut Reader<'_>, names: &mut N) -> Result<Queued, N::Error> {
    let (session, identity, request) = take_asked(from, names)?;
    Ok(Queued { session, identity, request, handle: Handle(from.u64("queued")?) })
}

pub(super) fn put_passed(out: &mut Writer, it: &Passed) {
    out.count(it.entries.len());
    it.entries.iter().for_each(|entry| out.u64(entry.0));
}

pub(super) fn take_passed(from: &mut Reader<'_>) -> Result<Passed, CodecError> {
    let count = from.count("passed")?;
    let mut entries = Vec::with_capacity(count.min(16));
    for _ in 0..count {
        entries.push(Handle(from.u64("passed")?));
    }
    Ok(Passed { entries })
}

pub(super) fn put_offered<N: PutNames>(
    out: &mut Writer,
    it: &Offered,
    names: &mut N,
) -> Result<(), N::Error> {
    put_asked(out, (it.session, &it.identity, &it.request), names)?;
    out.u64(it.entry.0);
    out.u64(it.handle.0);
    out.str(it.pool.as_str());
    put_accounting(out, &Accounting { shares: it.shares, ..Accounting::default() });
    out.i64(it.until.0);
    if let Some(package) = &it.package {
        put_package(out, package);
    }
    Ok(())
}

pub(super) fn take_offered<N: TakeNames>(
    from: &mut Reader<'_>,
    version: u8,
    names: &mut N,
) -> Result<Offered, N::Error> {
    let (session, identity, request) = take_asked(from, names)?;
    let entry = Handle(from.u64("offered")?);
    let handle = Handle(from.u64("offered")?);
    let pool = PoolKey::new(from.str("offered")?);
    let shares = take_accounting(from)?.shares;
    let until = Timestamp(from.i64("offered")?);
    let package = if version == OFFERED_WITH_PACKAGE { Some(take_package(from)?) } else { None };
    Ok(Offered { session, identity, request, entry, handle, pool, shares, package, until })
}

/// What is held of a package.
pub(crate) fn put_package(out: &mut Writer, it: &OfferedPackage) {
    out.u64(it.handle.0);
    out.str(it.pool.as_str());
    put_accounting(out, &Accounting { shares: it.shares, ..Accounting::default() });
}

/// Reads what [`put_package`] has written.
pub(crate) fn take_package(from: &mut Reader<'_>) -> Result<OfferedPackage, CodecError> {
    Ok(OfferedPackage {
        handle: Handle(from.u64("offered")?),
        pool: PoolKey::new(from.str("offered")?),
        shares: take_accounting(from)?.shares,
    })
}

pub(super) fn put_dequeued(out: &mut Writer, it: &Dequeued) {
    out.fixed(&it.session.0);
    out.u64(it.token.0);
    out.u64(it.entry.0);
    // No checkout has the handle 0.
    out.u64(it.offer.map_or(0, |offer| offer.0));
    match &it.why {
        DequeueReason::Cancelled { token, acknowledged } => {
            out.byte(1);
            out.u64(token.0);
            out.u64(acknowledged.0);
        }
        DequeueReason::Ended(why) => {
            out.byte(2);
            put_end_reason(out, *why);
        }
        DequeueReason::Lapsed(denial) => {
            out.byte(3);
            put_denial(out, denial);
        }
        DequeueReason::Impossible(denial) => {
            out.byte(4);
            put_denial(out, denial);
        }
        DequeueReason::Removed(denial) => {
            out.byte(5);
            put_denial(out, denial);
        }
    }
}

pub(super) fn take_dequeued(from: &mut Reader<'_>, version: u8) -> Result<Dequeued, CodecError> {
    let session = take_session(from)?;
    let token = Token(from.u64("dequeued")?);
    let entry = Handle(from.u64("dequeued")?);
    let offer = Some(Handle(from.u64("dequeued")?)).filter(|offer| offer.0 != 0);
    let why = match from.byte("reason of a dequeueing")? {
        1 => DequeueReason::Cancelled {
            token: Token(from.u64("dequeued")?),
            acknowledged: Token(from.u64("dequeued")?),
        },
        2 => DequeueReason::Ended(take_end_reason(from)?),
        3 => DequeueReason::Lapsed(take_denial(from)?),
        4 => DequeueReason::Impossible(take_denial(from)?),
        5 if version == DEQUEUED_BY_REMOVAL => DequeueReason::Removed(take_denial(from)?),
        other => return Err(bad("reason of a dequeueing", other)),
    };
    Ok(Dequeued { session, token, entry, offer, why })
}
