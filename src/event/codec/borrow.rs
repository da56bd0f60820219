//! Events of borrowing as bytes.

use super::events::take_session;
use super::parts::{put_borrow, take_borrow};
use super::{CodecError, NameKind, PutNames, Reader, TakeNames, Writer};
use crate::event::{Recalled, Renewed};
use crate::ident::{Handle, Token};

pub(super) fn put_renewed(out: &mut Writer, it: &Renewed) {
    out.fixed(&it.session.0);
    out.u64(it.token.0);
    out.u64(it.acknowledged.0);
    out.u64(it.handle.0);
    put_borrow(out, &it.borrow);
}

pub(super) fn take_renewed(from: &mut Reader<'_>) -> Result<Renewed, CodecError> {
    Ok(Renewed {
        session: take_session(from)?,
        token: Token(from.u64("renewed")?),
        acknowledged: Token(from.u64("renewed")?),
        handle: Handle(from.u64("renewed")?),
        borrow: take_borrow(from)?,
    })
}

pub(super) fn put_recalled<N: PutNames>(
    out: &mut Writer,
    it: &Recalled,
    names: &mut N,
) -> Result<(), N::Error> {
    out.u64(it.handle.0);
    names.put(out, NameKind::Actor, &it.by)
}

pub(super) fn take_recalled<N: TakeNames>(
    from: &mut Reader<'_>,
    names: &mut N,
) -> Result<Recalled, N::Error> {
    let handle = Handle(from.u64("recalled")?);
    Ok(Recalled { handle, by: names.take(from, NameKind::Actor, |text| Ok(text.to_owned()))? })
}
