//! What an administrator took back, as bytes.

use super::parts::{bad, parsed};
use super::{NameKind, PutNames, Reader, TakeNames, Writer};
use crate::event::{Removal, RemovalTarget, Removed};
use crate::ident::{Display, Handle, Host, User};

const HANDLE: u8 = 1;
const CLIENT: u8 = 2;

pub(super) fn put_removed<N: PutNames>(
    out: &mut Writer,
    removed: &Removed,
    names: &mut N,
) -> Result<(), N::Error> {
    names.put(out, NameKind::Actor, &removed.by)?;
    out.str(removed.removal.feature.as_str());
    match &removed.removal.target {
        RemovalTarget::Handle(handle) => {
            out.byte(HANDLE);
            out.u64(handle.0);
        }
        RemovalTarget::Client { user, host, display } => {
            out.byte(CLIENT);
            names.put(out, NameKind::User, user.as_str())?;
            names.put(out, NameKind::Host, host.as_str())?;
            names.put(out, NameKind::Display, display.as_str())?;
        }
    }
    Ok(())
}

pub(super) fn take_removed<N: TakeNames>(from: &mut Reader<'_>, names: &mut N) -> Result<Removed, N::Error> {
    let by = names.take(from, NameKind::Actor, |text| Ok(text.to_owned()))?;
    let feature = parsed("feature", from.str("removed")?)?;
    let target = match from.byte("removed")? {
        HANDLE => RemovalTarget::Handle(Handle(from.u64("removed")?)),
        CLIENT => RemovalTarget::Client {
            user: names.take(from, NameKind::User, |text| parsed::<User>("user", text))?,
            host: names.take(from, NameKind::Host, |text| parsed::<Host>("host", text))?,
            display: names.take(from, NameKind::Display, |text| parsed::<Display>("display", text))?,
        },
        other => return Err(bad("what was removed", other).into()),
    };
    Ok(Removed { by, removal: Removal { feature, target } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::codec::{CodecError, InlineNames};

    #[test]
    fn another_kind_of_target_is_refused() {
        let mut out = Writer::with_capacity(16);
        let Ok(()) = InlineNames.put(&mut out, NameKind::Actor, "ann@ws01");
        out.str("fx");
        out.byte(3);
        let bytes = out.into_vec();
        let read: Result<_, CodecError> = take_removed(&mut Reader::new(&bytes), &mut InlineNames);
        assert!(matches!(read, Err(CodecError::BadValue { .. })), "{read:?}");
    }
}
