//! The items of a status answer, which is what lmstat shows: their bytes, and back.

use bytes::BytesMut;

use super::decode::{need, read, version};
use super::encode::{EncodeError, nested};
use super::limits::NOTES_MAX;
use super::server_message::{FeatureCount, LingerTime, PoolKind, StatusItem};
use super::tlv::{Field, Fields, PutField as _};
use super::{MessageError, kind, tag};
use crate::ident::{Display, FeatureName, Handle, Host, User, VendorName};
use crate::time::Timestamp;

pub(super) fn put(item: &StatusItem, out: &mut BytesMut) -> Result<(), EncodeError> {
    match item {
        StatusItem::Daemon { vendor, version, host, lmgrd_port, notes } => {
            nested(tag::DAEMON_ITEM, out, |out| {
                out.field(tag::VENDOR, vendor.as_str().as_bytes())?;
                out.field_text(tag::PROGRAM, version)?;
                out.field(tag::HOST, host.as_str().as_bytes())?;
                out.field_u16(tag::PORT, *lmgrd_port);
                notes.iter().take(NOTES_MAX).try_for_each(|note| out.field_text(tag::NOTE, note))
            })
        }
        StatusItem::Clock(clock) => nested(tag::CLOCK_ITEM, out, |out| {
            super::clock::put(clock, out);
            Ok(())
        }),
        StatusItem::Feature { name, count } => nested(tag::FEATURE_ITEM, out, |out| {
            out.field(tag::FEATURE, name.as_str().as_bytes())?;
            match count {
                FeatureCount::Counted { issued, in_use } => {
                    out.field_u8(tag::COUNT_KIND, 1);
                    out.field_u32(tag::ISSUED, *issued);
                    out.field_u32(tag::IN_USE, *in_use);
                }
                FeatureCount::Uncounted => out.field_u8(tag::COUNT_KIND, 2),
                FeatureCount::Unserved { licenses } => {
                    out.field_u8(tag::COUNT_KIND, 3);
                    out.field_u32(tag::ISSUED, *licenses);
                }
            }
            Ok(())
        }),
        StatusItem::Pool { feature, version, vendor, expiry, vendor_string, kind } => {
            nested(tag::POOL_ITEM, out, |out| {
                out.field(tag::FEATURE, feature.as_str().as_bytes())?;
                out.field(tag::VERSION, version.as_str().as_bytes())?;
                out.field(tag::VENDOR, vendor.as_str().as_bytes())?;
                if let Some(expiry) = expiry {
                    out.field_text(tag::EXPIRY_DATE, expiry)?;
                }
                if let Some(vendor_string) = vendor_string {
                    out.field_text(tag::VENDOR_STRING, vendor_string)?;
                }
                let (number, hostid) = match kind {
                    PoolKind::Floating => (1, None),
                    PoolKind::NodeLocked(hostid) => (2, Some(hostid)),
                    PoolKind::UncountedAny => (3, None),
                    PoolKind::UncountedLocked(hostid) => (4, Some(hostid)),
                };
                out.field_u8(tag::POOL_KIND, number);
                hostid.map_or(Ok(()), |hostid| out.field_text(tag::HOSTID, hostid))
            })
        }
        StatusItem::Reservation { count, holder } => nested(tag::RESERVATION_ITEM, out, |out| {
            out.field_text(tag::HOLDER, holder)?;
            out.field_u32(tag::COUNT, *count);
            Ok(())
        }),
        StatusItem::User { user, host, display, version, handle, start, count, linger } => {
            nested(tag::USER_ITEM, out, |out| {
                out.field(tag::USER, user.as_str().as_bytes())?;
                out.field(tag::HOST, host.as_str().as_bytes())?;
                out.field(tag::DISPLAY, display.as_str().as_bytes())?;
                out.field(tag::VERSION, version.as_str().as_bytes())?;
                out.field_u64(tag::HANDLE, handle.0);
                out.field_i64(tag::START, start.0);
                out.field_u32(tag::COUNT, *count);
                if let Some(linger) = linger {
                    out.field_u32(tag::LINGER_LEFT_S, linger.left_s);
                    out.field_u32(tag::LINGER_TOTAL_S, linger.total_s);
                }
                Ok(())
            })
        }
        StatusItem::Queued { user, host, display, version, handle, count } => {
            nested(tag::QUEUED_ITEM, out, |out| {
                out.field(tag::USER, user.as_str().as_bytes())?;
                out.field(tag::HOST, host.as_str().as_bytes())?;
                out.field(tag::DISPLAY, display.as_str().as_bytes())?;
                out.field(tag::VERSION, version.as_str().as_bytes())?;
                out.field_u64(tag::HANDLE, handle.0);
                out.field_u32(tag::COUNT, *count);
                Ok(())
            })
        }
    }
}

/// Items in their order; item tags that are not known here are passed over.
pub(super) fn take(body: &[u8]) -> Result<Vec<StatusItem>, MessageError> {
    let mut items = Vec::new();
    for field in Fields::of(body) {
        let field = field?;
        items.push(match field.tag {
            tag::DAEMON_ITEM => daemon_item(field.fields())?,
            tag::CLOCK_ITEM => StatusItem::Clock(super::clock::take(field.fields())?),
            tag::FEATURE_ITEM => feature_item(field.fields())?,
            tag::POOL_ITEM => pool_item(field.fields())?,
            tag::RESERVATION_ITEM => reservation_item(field.fields())?,
            tag::USER_ITEM => user_item(field.fields())?,
            tag::QUEUED_ITEM => queued_item(field.fields())?,
            _ => {
                field.unknown()?;
                continue;
            }
        });
    }
    Ok(items)
}

fn daemon_item(body: &[u8]) -> Result<StatusItem, MessageError> {
    read! { body;
        vendor: VENDOR, Field::name::<VendorName>;
        program: PROGRAM, Field::string;
        host: HOST, Field::name::<Host>;
        port: PORT, Field::u16;
        @ notes[NOTES_MAX]: NOTE, Field::string;
    }
    let kind = kind::STATUS;
    Ok(StatusItem::Daemon {
        vendor: need(kind, tag::VENDOR, vendor)?,
        version: need(kind, tag::PROGRAM, program)?,
        host: need(kind, tag::HOST, host)?,
        lmgrd_port: need(kind, tag::PORT, port)?,
        notes,
    })
}

fn feature_item(body: &[u8]) -> Result<StatusItem, MessageError> {
    read! { body;
        name: FEATURE, Field::name::<FeatureName>;
        counted: COUNT_KIND, |field: Field<'_>| match field.u8()? {
            known @ 1..=3 => Ok(known),
            _ => Err(field.bad()),
        };
        issued: ISSUED, Field::u32;
        in_use: IN_USE, Field::u32;
    }
    let kind = kind::STATUS;
    let count = match need(kind, tag::COUNT_KIND, counted)? {
        1 => FeatureCount::Counted {
            issued: need(kind, tag::ISSUED, issued)?,
            in_use: need(kind, tag::IN_USE, in_use)?,
        },
        2 => FeatureCount::Uncounted,
        _ => FeatureCount::Unserved { licenses: need(kind, tag::ISSUED, issued)? },
    };
    Ok(StatusItem::Feature { name: need(kind, tag::FEATURE, name)?, count })
}

fn pool_item(body: &[u8]) -> Result<StatusItem, MessageError> {
    read! { body;
        feature: FEATURE, Field::name::<FeatureName>;
        line_version: VERSION, version;
        vendor: VENDOR, Field::name::<VendorName>;
        expiry: EXPIRY_DATE, Field::string;
        vendor_string: VENDOR_STRING, Field::string;
        pool_kind: POOL_KIND, |field: Field<'_>| match field.u8()? {
            known @ 1..=4 => Ok(known),
            _ => Err(field.bad()),
        };
        hostid: HOSTID, Field::string;
    }
    let kind = kind::STATUS;
    Ok(StatusItem::Pool {
        feature: need(kind, tag::FEATURE, feature)?,
        version: need(kind, tag::VERSION, line_version)?,
        vendor: need(kind, tag::VENDOR, vendor)?,
        expiry,
        vendor_string,
        kind: match need(kind, tag::POOL_KIND, pool_kind)? {
            1 => PoolKind::Floating,
            2 => PoolKind::NodeLocked(need(kind, tag::HOSTID, hostid)?),
            3 => PoolKind::UncountedAny,
            _ => PoolKind::UncountedLocked(need(kind, tag::HOSTID, hostid)?),
        },
    })
}

fn reservation_item(body: &[u8]) -> Result<StatusItem, MessageError> {
    read! { body;
        holder: HOLDER, Field::string;
        licenses: COUNT, Field::u32;
    }
    let kind = kind::STATUS;
    Ok(StatusItem::Reservation {
        count: need(kind, tag::COUNT, licenses)?,
        holder: need(kind, tag::HOLDER, holder)?,
    })
}

fn user_item(body: &[u8]) -> Result<StatusItem, MessageError> {
    read! { body;
        user: USER, Field::name::<User>;
        host: HOST, Field::name::<Host>;
        display: DISPLAY, Field::name::<Display>;
        wanted: VERSION, version;
        handle: HANDLE, Field::u64;
        start: START, Field::i64;
        licenses: COUNT, Field::u32;
        left_s: LINGER_LEFT_S, Field::u32;
        total_s: LINGER_TOTAL_S, Field::u32;
    }
    let kind = kind::STATUS;
    Ok(StatusItem::User {
        user: need(kind, tag::USER, user)?,
        host: need(kind, tag::HOST, host)?,
        display: need(kind, tag::DISPLAY, display)?,
        version: need(kind, tag::VERSION, wanted)?,
        handle: Handle(need(kind, tag::HANDLE, handle)?),
        start: Timestamp(need(kind, tag::START, start)?),
        count: need(kind, tag::COUNT, licenses)?,
        linger: left_s.zip(total_s).map(|(left_s, total_s)| LingerTime { left_s, total_s }),
    })
}

fn queued_item(body: &[u8]) -> Result<StatusItem, MessageError> {
    read! { body;
        user: USER, Field::name::<User>;
        host: HOST, Field::name::<Host>;
        display: DISPLAY, Field::name::<Display>;
        wanted: VERSION, version;
        handle: HANDLE, Field::u64;
        licenses: COUNT, Field::u32;
    }
    let kind = kind::STATUS;
    Ok(StatusItem::Queued {
        user: need(kind, tag::USER, user)?,
        host: need(kind, tag::HOST, host)?,
        display: need(kind, tag::DISPLAY, display)?,
        version: need(kind, tag::VERSION, wanted)?,
        handle: Handle(need(kind, tag::HANDLE, handle)?),
        count: need(kind, tag::COUNT, licenses)?,
    })
}
