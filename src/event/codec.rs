//! Records as bytes, for the store and for snapshots of the engine's state.
//!
//! Every event begins with a kind byte and a version byte, so that a later program reads what an earlier one wrote and
//! an earlier one says plainly what it can't read. Numbers are variable-length; names of people and machines go
//! through [`PutNames`] and [`TakeNames`], so that the store can keep ids in their place and erase a name without
//! touching the history, while snapshots keep them as text ([`InlineNames`]).
//!
//! | file | subject |
//! | --- | --- |
//! | `bytes` | [`Writer`] and [`Reader`]: variable-length numbers, texts, fixed bytes |
//! | `names` | the traits for names, and [`InlineNames`] |
//! | `parts` | identities, requests, denials, answers |
//! | `events` | the events themselves |
//! | `queue` | those of the queue |
//! | `removal` | that of lmremove |
//! | `borrow` | those of borrowing |
//! | `clock` | those of the clocks |

mod borrow;
mod bytes;
mod clock;
mod events;
mod names;
mod parts;
mod queue;
mod removal;
#[cfg(test)]
mod tests;

pub use bytes::{Reader, Writer};
pub use clock::{put_mark, take_mark};
pub use names::{InlineNames, NameKind, PutNames, TakeNames};
pub use parts::{
    put_accounting, put_answer, put_borrow, put_checkout, put_identity, put_wishes, take_accounting,
    take_answer, take_borrow, take_checkout, take_identity, take_wishes,
};
pub(crate) use queue::{put_package, take_package};

use thiserror::Error;

use self::events::{put_event, take_event};
use super::Record;
use crate::ident::Seq;
use crate::time::Timestamp;

/// Why bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CodecError {
    /// The bytes end before the value does.
    #[error("the bytes end in the middle of {what}")]
    Truncated {
        /// What was being read.
        what: &'static str,
    },
    /// A variable-length number that does not fit.
    #[error("a number in {what} is out of range")]
    OutOfRange {
        /// What was being read.
        what: &'static str,
    },
    /// A text that is not UTF-8.
    #[error("{what} is not UTF-8")]
    NotUtf8 {
        /// What was being read.
        what: &'static str,
    },
    /// A value outside its type: a byte that names no variant, a version that is no number.
    #[error("{what} has a value that this program does not know: {found}")]
    BadValue {
        /// What was being read.
        what: &'static str,
        /// What stood there.
        found: String,
    },
    /// An event of a kind or version that this program does not know: it was written by a later one.
    #[error("event kind {kind} version {version} is unknown to this program; a later one wrote it")]
    UnknownEvent {
        /// The kind byte.
        kind: u8,
        /// The version byte.
        version: u8,
    },
    /// A name's number that the table of names does not hold.
    #[error("name {id} is not in the table of names")]
    UnknownName {
        /// The number.
        id: u64,
    },
    /// Bytes are left where the value should end.
    #[error("{bytes} bytes are left over after {what}")]
    LeftOver {
        /// What was read.
        what: &'static str,
        /// How many.
        bytes: usize,
    },
}

/// Appends a record.
///
/// # Errors
/// What `names` returns.
pub fn put_record<N: PutNames>(out: &mut Writer, record: &Record, names: &mut N) -> Result<(), N::Error> {
    out.u64(record.first.0);
    out.i64(record.at.0);
    out.count(record.events.len());
    for event in &record.events {
        put_event(out, event, names)?;
    }
    Ok(())
}

/// Reads the record that [`put_record`] has written.
///
/// # Errors
/// [`CodecError`] for anything else, and what `names` returns.
pub fn take_record<N: TakeNames>(from: &mut Reader<'_>, names: &mut N) -> Result<Record, N::Error> {
    let first = Seq(from.u64("record")?);
    let at = Timestamp(from.i64("record")?);
    let count = from.count("record")?;
    if count == 0 || first.0.checked_add(u64::try_from(count).unwrap_or(u64::MAX)).is_none() {
        return Err(CodecError::OutOfRange { what: "record" }.into());
    }
    let mut events = Vec::with_capacity(count.min(16));
    for _ in 0..count {
        events.push(take_event(from, names)?);
    }
    Ok(Record { first, at, events })
}
