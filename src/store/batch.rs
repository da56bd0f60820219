//! The records of one commit as one blob: a format byte, their number, then one after another.

use super::error::Trouble;
use crate::event::Record;
use crate::event::codec::{CodecError, PutNames, Reader, TakeNames, Writer, put_record, take_record};

const FORMAT: u8 = 1;

pub(super) fn encode<N: PutNames>(
    records: &[Record],
    names: &mut N,
    out: &mut Writer,
) -> Result<(), N::Error> {
    out.byte(FORMAT);
    out.count(records.len());
    for record in records {
        put_record(out, record, names)?;
    }
    Ok(())
}

/// Reads a blob whose events must be those from `first` to `last`.
pub(super) fn decode<N: TakeNames<Error = Trouble>>(
    blob: &[u8],
    names: &mut N,
    (first, last): (u64, u64),
) -> Result<Vec<Record>, Trouble> {
    let mut from = Reader::new(blob);
    let format = from.byte("commit")?;
    if format != FORMAT {
        return Err(CodecError::BadValue { what: "format of a commit", found: format.to_string() }.into());
    }
    let count = from.count("commit")?;
    let mut records = Vec::with_capacity(count.min(1024));
    let mut next = first;
    for _ in 0..count {
        let record = take_record(&mut from, names)?;
        if record.first.0 != next {
            return Err(Trouble::Other(format!("event {next} is missing before event {}", record.first)));
        }
        next = record.last().next().0;
        records.push(record);
    }
    from.end("commit")?;
    if next != last.saturating_add(1) {
        return Err(Trouble::Other(format!("it ends before event {next}, not with event {last}")));
    }
    Ok(records)
}
