//! Events of the clocks.

use super::{CodecError, NameKind, PutNames, Reader, TakeNames, Writer};
use crate::event::{ClockAccepted, Marked};
use crate::time::{ClockNews, Look, TimeMark, Timestamp};

const NEWS: [ClockNews; 6] = [
    ClockNews::Nothing,
    ClockNews::Jumped,
    ClockNews::SetBack,
    ClockNews::Near,
    ClockNews::Confirmed,
    ClockNews::Set,
];

/// Appends a mark.
pub fn put_mark(out: &mut Writer, mark: &TimeMark) {
    out.i64(mark.mark.0);
    out.i64(mark.at.utc.0);
    out.fixed(&mark.at.boot);
    out.u64(mark.at.elapsed_ms);
    out.u64(mark.steady_ms);
    out.byte(u8::from(mark.off));
}

/// Reads a mark.
///
/// # Errors
/// [`CodecError`] for bytes that are none.
pub fn take_mark(from: &mut Reader<'_>) -> Result<TimeMark, CodecError> {
    Ok(TimeMark {
        mark: Timestamp(from.i64("time mark")?),
        at: Look {
            utc: Timestamp(from.i64("time mark")?),
            boot: from.fixed("time mark")?,
            elapsed_ms: from.u64("time mark")?,
        },
        steady_ms: from.u64("time mark")?,
        off: match from.byte("time mark")? {
            0 => false,
            1 => true,
            other => return Err(super::parts::bad("time mark", other)),
        },
    })
}

pub(super) fn put_marked(out: &mut Writer, marked: &Marked) {
    put_mark(out, &marked.mark);
    let news = NEWS.iter().position(|news| *news == marked.news).unwrap_or(0);
    out.byte(u8::try_from(news).unwrap_or(0));
}

pub(super) fn take_marked(from: &mut Reader<'_>) -> Result<Marked, CodecError> {
    let mark = take_mark(from)?;
    let news = from.byte("news of the clock")?;
    let known = NEWS.get(usize::from(news)).ok_or_else(|| super::parts::bad("news of the clock", news))?;
    Ok(Marked { mark, news: *known })
}

pub(super) fn put_accepted<N: PutNames>(
    out: &mut Writer,
    accepted: &ClockAccepted,
    names: &mut N,
) -> Result<(), N::Error> {
    names.put(out, NameKind::Actor, &accepted.by)?;
    out.i64(accepted.before.0);
    put_mark(out, &accepted.mark);
    Ok(())
}

pub(super) fn take_accepted<N: TakeNames>(
    from: &mut Reader<'_>,
    names: &mut N,
) -> Result<ClockAccepted, N::Error> {
    Ok(ClockAccepted {
        by: names.take(from, NameKind::Actor, |text| Ok(text.to_owned()))?,
        before: Timestamp(from.i64("clock accepted")?),
        mark: take_mark(from)?,
    })
}
