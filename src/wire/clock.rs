//! The clock of a server in its status.

use bytes::BytesMut;

use super::decode::{need, read};
use super::server_message::ClockInfo;
use super::tlv::{Field, Fields, PutField as _};
use super::{MessageError, kind, tag};
use crate::time::Timestamp;

pub(super) fn put(clock: &ClockInfo, out: &mut BytesMut) {
    out.field_i64(tag::TIME, clock.time.0);
    out.field_i64(tag::TIME_MARK, clock.mark.0);
    out.field_u32(tag::BELIEVED_IN, clock.believed_in_s);
    out.field_present(tag::WAS_OFF, clock.was_off);
}

pub(super) fn take(body: &[u8]) -> Result<ClockInfo, MessageError> {
    read! { body;
        time: TIME, Field::i64;
        mark: TIME_MARK, Field::i64;
        believed: BELIEVED_IN, Field::u32;
        was_off: WAS_OFF, Field::present;
    }
    let kind = kind::STATUS;
    Ok(ClockInfo {
        time: Timestamp(need(kind, tag::TIME, time)?),
        mark: Timestamp(need(kind, tag::TIME_MARK, mark)?),
        believed_in_s: believed.unwrap_or(0),
        was_off: was_off.is_some(),
    })
}
