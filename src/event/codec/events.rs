//! One event: a kind byte, a version byte, then its fields in order.

use super::parts::{
    GrantResults, bad, parsed, put_accounting, put_checkout, put_denial, put_results, put_wishes,
    take_accounting, take_checkout, take_denial, take_results, take_wishes,
};
use super::{
    CodecError, NameKind, PutNames, Reader, TakeNames, Writer, borrow, clock, put_identity, queue, removal,
    take_identity,
};
use crate::event::{
    Accounting, Denied, DequeueReason, EndReason, Ended, Event, FileRole, In, InReason, Lingering, Moved,
    Opened, Out, Reread, RereadCause, Resumed, StartFile, Started, Stopped, Wishes,
};
use crate::ident::{Digest, Handle, PoolKey, SessionId, Token};
use crate::time::Timestamp;

const STARTED: u8 = 1;
const STOPPED: u8 = 2;
const OPENED: u8 = 3;
const RESUMED: u8 = 4;
const ENDED: u8 = 5;
const OUT: u8 = 6;
const IN: u8 = 7;
const DENIED: u8 = 8;
const REREAD: u8 = 9;
const MOVED: u8 = 10;
const LINGERING: u8 = 11;
const REMOVED: u8 = 12;
const MARKED: u8 = 13;
const CLOCK_ACCEPTED: u8 = 14;
const QUEUED: u8 = 16;
const PASSED: u8 = 17;
const OFFERED: u8 = 18;
const DEQUEUED: u8 = 19;
const RENEWED: u8 = 20;
const RECALLED: u8 = 21;

/// Version 1 of every kind; a kind whose fields change gets a version of its own and both are read.
const FIRST: u8 = 1;
/// An `In` with a reason that programs before rereads do not know: they say so, instead of calling it damaged.
const IN_AFTER_REREAD: u8 = 2;
/// An `In` with a reason that programs before lingering, timeouts and lmremove do not know.
const IN_AFTER_LINGERING: u8 = 3;
/// An `In` with a reason that programs before borrowing do not know.
const IN_AFTER_BORROWING: u8 = 4;
/// A `Reread` by a start, which ends nothing; programs before those know none.
const REREAD_BY_START: u8 = 2;
/// An `Out`, `Denied` or `Moved` with wishes or an accounting that programs before sharing do not know.
const WITH_SHARING: u8 = 2;
/// An `Out` or `Denied` of a request that would have waited in a queue, which programs before queues do not know.
const WITH_QUEUE: u8 = 3;
/// An `Out` or `Denied` of a request to borrow, which programs before borrowing do not know.
const WITH_BORROW: u8 = 4;

/// Appends one event.
///
/// # Errors
/// What `names` returns.
pub(super) fn put_event<N: PutNames>(out: &mut Writer, event: &Event, names: &mut N) -> Result<(), N::Error> {
    out.byte(match event {
        Event::Started(_) => STARTED,
        Event::Stopped(_) => STOPPED,
        Event::Opened(_) => OPENED,
        Event::Resumed(_) => RESUMED,
        Event::Ended(_) => ENDED,
        Event::Out(_) => OUT,
        Event::In(_) => IN,
        Event::Denied(_) => DENIED,
        Event::Reread(_) => REREAD,
        Event::Moved(_) => MOVED,
        Event::Lingering(_) => LINGERING,
        Event::Queued(_) => QUEUED,
        Event::Passed(_) => PASSED,
        Event::Offered(_) => OFFERED,
        Event::Dequeued(_) => DEQUEUED,
        Event::Removed(_) => REMOVED,
        Event::Renewed(_) => RENEWED,
        Event::Recalled(_) => RECALLED,
        Event::Marked(_) => MARKED,
        Event::ClockAccepted(_) => CLOCK_ACCEPTED,
    });
    let version = version(event);
    out.byte(version);
    match event {
        Event::Started(started) => put_started(out, started),
        Event::Stopped(stopped) => names.put(out, NameKind::Actor, &stopped.by)?,
        Event::Opened(opened) => {
            out.fixed(&opened.session.0);
            out.fixed(&opened.secret.0);
            put_identity(out, &opened.identity, names)?;
        }
        Event::Resumed(resumed) => {
            out.fixed(&resumed.session.0);
            out.u32(resumed.epoch);
            out.fixed(&resumed.nonce);
        }
        Event::Ended(ended) => {
            out.fixed(&ended.session.0);
            put_end_reason(out, ended.why);
        }
        Event::Out(grant) => {
            out.fixed(&grant.session.0);
            put_identity(out, &grant.identity, names)?;
            put_checkout(out, &grant.request);
            put_results(out, (&grant.pool, grant.handle, &grant.lines), grant.expires, grant.demo);
            if version >= WITH_SHARING {
                put_wishes(out, &grant.request.wishes, names)?;
                put_accounting(out, &grant.accounting);
            }
        }
        Event::In(back) => {
            out.fixed(&back.session.0);
            out.u64(back.handle.0);
            put_in_reason(out, back.why);
        }
        Event::Lingering(lingering) => {
            out.fixed(&lingering.session.0);
            out.u64(lingering.handle.0);
            out.i64(lingering.until.0);
            out.byte(u8::from(lingering.cut));
            put_in_reason(out, lingering.why);
        }
        Event::Denied(denied) => {
            out.fixed(&denied.session.0);
            put_identity(out, &denied.identity, names)?;
            put_checkout(out, &denied.request);
            put_denial(out, &denied.denial);
            out.u32(denied.times);
            if version >= WITH_SHARING {
                put_wishes(out, &denied.request.wishes, names)?;
            }
        }
        Event::Reread(reread) => put_reread(out, reread, names)?,
        Event::Moved(moved) => {
            out.fixed(&moved.session.0);
            out.u64(moved.handle.0);
            out.str(moved.from.as_str());
            out.str(moved.to.as_str());
            if version == WITH_SHARING {
                put_accounting(out, &Accounting { shares: moved.shares, ..Accounting::default() });
            }
        }
        Event::Queued(queued) => queue::put_queued(out, queued, names)?,
        Event::Passed(passed) => queue::put_passed(out, passed),
        Event::Offered(offered) => queue::put_offered(out, offered, names)?,
        Event::Dequeued(dequeued) => queue::put_dequeued(out, dequeued),
        Event::Removed(removed) => removal::put_removed(out, removed, names)?,
        Event::Renewed(renewed) => borrow::put_renewed(out, renewed),
        Event::Recalled(recalled) => borrow::put_recalled(out, recalled, names)?,
        Event::Marked(marked) => clock::put_marked(out, marked),
        Event::ClockAccepted(accepted) => clock::put_accepted(out, accepted, names)?,
    }
    Ok(())
}

/// The first version that can say all of an event.
fn version(event: &Event) -> u8 {
    let plain = Wishes::default();
    match event {
        Event::In(In { why: InReason::Removed, .. }) => IN_AFTER_REREAD,
        Event::In(In { why: InReason::Linger | InReason::Inactive | InReason::UserRemoved, .. }) => {
            IN_AFTER_LINGERING
        }
        Event::In(In { why: InReason::BorrowEnd | InReason::BorrowReturned { .. }, .. }) => {
            IN_AFTER_BORROWING
        }
        Event::Out(out) if out.request.wishes.borrow.is_some() => WITH_BORROW,
        Event::Denied(denied) if denied.request.wishes.borrow.is_some() => WITH_BORROW,
        Event::Out(out) if out.request.wishes.queue.is_some() => WITH_QUEUE,
        Event::Denied(denied) if denied.request.wishes.queue.is_some() => WITH_QUEUE,
        Event::Out(out) if out.request.wishes != plain || out.accounting != Accounting::default() => {
            WITH_SHARING
        }
        Event::Denied(denied) if denied.request.wishes != plain => WITH_SHARING,
        Event::Moved(moved) if moved.shares.is_some() => WITH_SHARING,
        Event::Reread(reread) if reread.cause == RereadCause::Start => REREAD_BY_START,
        Event::Offered(it) if it.package.is_some() => queue::OFFERED_WITH_PACKAGE,
        Event::Dequeued(it) if matches!(it.why, DequeueReason::Removed(_)) => queue::DEQUEUED_BY_REMOVAL,
        _ => FIRST,
    }
}

/// Reads one event.
///
/// # Errors
/// [`CodecError::UnknownEvent`] for a kind or version of a later program, other [`CodecError`]s for bytes that are no
/// event, and what `names` returns.
pub(super) fn take_event<N: TakeNames>(from: &mut Reader<'_>, names: &mut N) -> Result<Event, N::Error> {
    let (kind, version) = (from.byte("event")?, from.byte("event")?);
    let later = [
        (IN, IN_AFTER_REREAD),
        (IN, IN_AFTER_LINGERING),
        (IN, IN_AFTER_BORROWING),
        (OUT, WITH_SHARING),
        (OUT, WITH_QUEUE),
        (OUT, WITH_BORROW),
        (DENIED, WITH_SHARING),
        (DENIED, WITH_QUEUE),
        (DENIED, WITH_BORROW),
        (MOVED, WITH_SHARING),
        (REREAD, REREAD_BY_START),
        (OFFERED, queue::OFFERED_WITH_PACKAGE),
        (DEQUEUED, queue::DEQUEUED_BY_REMOVAL),
    ];
    if version != FIRST && !later.contains(&(kind, version)) {
        return Err(CodecError::UnknownEvent { kind, version }.into());
    }
    Ok(match kind {
        STARTED => Event::Started(take_started(from)?),
        STOPPED => {
            Event::Stopped(Stopped { by: names.take(from, NameKind::Actor, |text| Ok(text.to_owned()))? })
        }
        OPENED => Event::Opened(Opened {
            session: take_session(from)?,
            secret: Digest(from.fixed("opened")?),
            identity: take_identity(from, names)?,
        }),
        RESUMED => Event::Resumed(Resumed {
            session: take_session(from)?,
            epoch: from.u32("resumed")?,
            nonce: from.fixed("resumed")?,
        }),
        ENDED => Event::Ended(Ended { session: take_session(from)?, why: take_end_reason(from)? }),
        OUT => {
            let session = take_session(from)?;
            let identity = take_identity(from, names)?;
            let mut request = take_checkout(from)?;
            let GrantResults { pool, handle, lines, expires, demo } = take_results(from)?;
            let mut accounting = Accounting::default();
            if version >= WITH_SHARING {
                request.wishes = take_wishes(from, names)?;
                accounting = take_accounting(from)?;
            }
            let out = Out { session, identity, request, pool, handle, lines, expires, demo, accounting };
            Event::Out(Box::new(out))
        }
        IN => Event::In(In {
            session: take_session(from)?,
            handle: Handle(from.u64("in")?),
            why: take_in_reason(from, version)?,
        }),
        LINGERING => Event::Lingering(Lingering {
            session: take_session(from)?,
            handle: Handle(from.u64("lingering")?),
            until: Timestamp(from.i64("lingering")?),
            cut: match from.byte("lingering")? {
                0 => false,
                1 => true,
                other => return Err(bad("end of a lingering", other).into()),
            },
            why: take_in_reason(from, FIRST)?,
        }),
        DENIED => {
            let mut denied = Denied {
                session: take_session(from)?,
                identity: take_identity(from, names)?,
                request: take_checkout(from)?,
                denial: take_denial(from)?,
                times: from.u32("denied")?,
            };
            if version >= WITH_SHARING {
                denied.request.wishes = take_wishes(from, names)?;
            }
            Event::Denied(Box::new(denied))
        }
        REREAD => Event::Reread(Box::new(take_reread(from, version, names)?)),
        MOVED => Event::Moved(Box::new(Moved {
            session: take_session(from)?,
            handle: Handle(from.u64("moved")?),
            from: PoolKey::new(from.str("moved")?),
            to: PoolKey::new(from.str("moved")?),
            shares: if version == WITH_SHARING { take_accounting(from)?.shares } else { None },
        })),
        QUEUED => Event::Queued(Box::new(queue::take_queued(from, names)?)),
        PASSED => Event::Passed(queue::take_passed(from)?),
        OFFERED => Event::Offered(Box::new(queue::take_offered(from, version, names)?)),
        DEQUEUED => Event::Dequeued(Box::new(queue::take_dequeued(from, version)?)),
        REMOVED => Event::Removed(Box::new(removal::take_removed(from, names)?)),
        RENEWED => Event::Renewed(borrow::take_renewed(from)?),
        RECALLED => Event::Recalled(Box::new(borrow::take_recalled(from, names)?)),
        MARKED => Event::Marked(Box::new(clock::take_marked(from)?)),
        CLOCK_ACCEPTED => Event::ClockAccepted(Box::new(clock::take_accepted(from, names)?)),
        _ => return Err(CodecError::UnknownEvent { kind, version }.into()),
    })
}

pub(super) fn take_session(from: &mut Reader<'_>) -> Result<SessionId, CodecError> {
    Ok(SessionId(from.fixed("session")?))
}

fn put_started(out: &mut Writer, started: &Started) {
    out.str(&started.version);
    out.str(&started.zone);
    put_files(out, &started.files);
}

fn put_files(out: &mut Writer, files: &[StartFile]) {
    out.count(files.len());
    for file in files {
        out.byte(match file.role {
            FileRole::License => 1,
            FileRole::Manifest => 2,
            FileRole::Options => 3,
        });
        out.str(&file.path);
        out.fixed(&file.digest.0);
    }
}

fn take_started(from: &mut Reader<'_>) -> Result<Started, CodecError> {
    let version = from.str("started")?.to_owned();
    let zone = from.str("started")?.to_owned();
    Ok(Started { version, zone, files: take_files(from)? })
}

fn take_files(from: &mut Reader<'_>) -> Result<Vec<StartFile>, CodecError> {
    let count = from.count("files")?;
    let mut files = Vec::with_capacity(count.min(16));
    for _ in 0..count {
        let role = match from.byte("files")? {
            1 => FileRole::License,
            2 => FileRole::Manifest,
            3 => FileRole::Options,
            other => return Err(bad("file role", other)),
        };
        let path = from.str("files")?.to_owned();
        files.push(StartFile { role, path, digest: Digest(from.fixed("files")?) });
    }
    Ok(files)
}

fn put_reread<N: PutNames>(out: &mut Writer, reread: &Reread, names: &mut N) -> Result<(), N::Error> {
    names.put(out, NameKind::Actor, &reread.by)?;
    out.byte(match reread.cause {
        RereadCause::Ordered => 0,
        RereadCause::Automatic => 1,
        RereadCause::Start => 2,
    });
    out.str(&reread.zone);
    put_files(out, &reread.files);
    out.count(reread.removed.len());
    reread.removed.iter().for_each(|feature| out.str(feature.as_str()));
    Ok(())
}

fn take_reread<N: TakeNames>(from: &mut Reader<'_>, version: u8, names: &mut N) -> Result<Reread, N::Error> {
    let by = names.take(from, NameKind::Actor, |text| Ok(text.to_owned()))?;
    let cause = match from.byte("reread")? {
        0 => RereadCause::Ordered,
        1 => RereadCause::Automatic,
        2 if version == REREAD_BY_START => RereadCause::Start,
        other => return Err(bad("mechanism of a reread", other).into()),
    };
    let zone = from.str("reread")?.to_owned();
    let files = take_files(from)?;
    let count = from.count("reread")?;
    let mut removed = Vec::with_capacity(count.min(16));
    for _ in 0..count {
        removed.push(parsed("feature", from.str("reread")?)?);
    }
    Ok(Reread { by, cause, zone, files, removed })
}

pub(super) fn put_end_reason(out: &mut Writer, why: EndReason) {
    out.byte(match why {
        EndReason::Goodbye => 1,
        EndReason::Disconnect => 2,
        EndReason::LeaseLapsed => 3,
        EndReason::Shutdown => 4,
    });
}

pub(super) fn take_end_reason(from: &mut Reader<'_>) -> Result<EndReason, CodecError> {
    match from.byte("end reason")? {
        1 => Ok(EndReason::Goodbye),
        2 => Ok(EndReason::Disconnect),
        3 => Ok(EndReason::LeaseLapsed),
        4 => Ok(EndReason::Shutdown),
        other => Err(bad("end reason", other)),
    }
}

fn put_in_reason(out: &mut Writer, why: InReason) {
    match why {
        InReason::Checkin { token, acknowledged } => {
            out.byte(1);
            out.u64(token.0);
            out.u64(acknowledged.0);
        }
        InReason::Ended(why) => {
            out.byte(2);
            put_end_reason(out, why);
        }
        InReason::Removed => out.byte(3),
        InReason::Linger => out.byte(4),
        InReason::Inactive => out.byte(5),
        InReason::UserRemoved => out.byte(6),
        InReason::BorrowEnd => out.byte(7),
        InReason::BorrowReturned { session, token, acknowledged } => {
            out.byte(8);
            out.fixed(&session.0);
            out.u64(token.0);
            out.u64(acknowledged.0);
        }
    }
}

fn take_in_reason(from: &mut Reader<'_>, version: u8) -> Result<InReason, CodecError> {
    match from.byte("reason of a checkin")? {
        1 => Ok(InReason::Checkin {
            token: Token(from.u64("checkin")?),
            acknowledged: Token(from.u64("checkin")?),
        }),
        2 => Ok(InReason::Ended(take_end_reason(from)?)),
        3 if version == IN_AFTER_REREAD => Ok(InReason::Removed),
        4 if version == IN_AFTER_LINGERING => Ok(InReason::Linger),
        5 if version == IN_AFTER_LINGERING => Ok(InReason::Inactive),
        6 if version == IN_AFTER_LINGERING => Ok(InReason::UserRemoved),
        7 if version == IN_AFTER_BORROWING => Ok(InReason::BorrowEnd),
        8 if version == IN_AFTER_BORROWING => Ok(InReason::BorrowReturned {
            session: take_session(from)?,
            token: Token(from.u64("checkin")?),
            acknowledged: Token(from.u64("checkin")?),
        }),
        other => Err(bad("reason of a checkin", other)),
    }
}
