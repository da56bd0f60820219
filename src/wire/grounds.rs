//! What the decisions about a feature go by, as a vendor daemon gives it to an administrator: the parts, their bytes, and back.

use std::net::IpAddr;

use bytes::BytesMut;

use super::decode::{count, dup_mask, need, read, version};
use super::encode::{EncodeError, nested};
use super::limits::{GROUNDS_CHUNK_BYTES_MAX, HOSTIDS_MAX, MACHINE_HOSTIDS_MAX, NOTES_MAX};
use super::tlv::{Field, Fields, PutField as _};
use super::{MessageError, kind, tag};
use crate::event::{Borrow, Claims, OfferedPackage, Shares};
use crate::ident::{
    CheckoutData, Count, Digest, Display, DupMask, FeatureName, Handle, Host, Platform, PoolKey, Project,
    User, VendorName, Version,
};
use crate::time::Timestamp;

/// A piece of the grounds. The basis comes first, then each file with its bytes, then each session with its
/// checkouts and what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroundsPart {
    /// Who decides, where and when.
    Basis(Box<Basis>),
    /// A file that is in force begins; its bytes follow.
    File(GroundsFile),
    /// The next bytes of the file before it, at most [`super::limits::GROUNDS_CHUNK_BYTES_MAX`].
    Bytes(Vec<u8>),
    /// A session that has licenses of the feature, or of one in the same package; these checkouts follow.
    Session {
        /// Who it is.
        claims: Box<Claims>,
        /// From which address.
        address: IpAddr,
    },
    /// A checkout of the session before it.
    Seat {
        /// Its name.
        handle: Handle,
        /// The pool that it is counted in.
        pool: PoolKey,
        /// The version that was asked for.
        version: Version,
        /// How many licenses.
        count: Count,
        /// Since when.
        start: Timestamp,
        /// The checkouts of the pool with which it uses the same licenses.
        shares: Option<Shares>,
        /// Text of the application.
        data: Option<CheckoutData>,
        /// Until when it lingers; none if the session has it.
        lingers_until: Option<Timestamp>,
        /// What its borrow has come to; none if it is not borrowed.
        borrow: Option<Borrow>,
    },
    /// A request of the session before it that waits; after its checkouts.
    Waiting(Box<WaitingRequest>),
}

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRequest {
    /// Its name.
    pub handle: Handle,
    /// What for.
    pub feature: FeatureName,
    /// The version that is asked for.
    pub version: Version,
    /// How many licenses.
    pub count: Count,
    /// Since when.
    pub start: Timestamp,
    /// Text of the application.
    pub data: Option<CheckoutData>,
    /// Until when nobody who came later may pass it; none if they may.
    pub blocks_until: Option<Timestamp>,
    /// What is held for it.
    pub held: Option<HeldLicenses>,
}

/// Licenses that are held for a request that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLicenses {
    /// The name of the checkout to come.
    pub handle: Handle,
    /// The pool that they are held in.
    pub pool: PoolKey,
    /// The checkouts of the pool with which it uses the same licenses.
    pub shares: Option<Shares>,
    /// Of a suite's component: what is held of the package that goes with it.
    pub package: Option<OfferedPackage>,
    /// Until when.
    pub until: Timestamp,
}

/// Who decides, where and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// The vendor daemon.
    pub vendor: VendorName,
    /// Version of the program.
    pub version: String,
    /// The server's time.
    pub time: Timestamp,
    /// The time that its time mark has come to.
    pub mark: Option<Timestamp>,
    /// Its time zone: an IANA name or `UTC`.
    pub zone: String,
    /// The hostids of its machine, at most [`super::limits::MACHINE_HOSTIDS_MAX`].
    pub machine: Vec<String>,
    /// Whether a reread has taken the feature away from those who were served.
    pub removed: bool,
    /// What lmstat says of the daemon: files on the disk that are newer than what is in force and the like.
    pub notes: Vec<String>,
}

/// A file that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroundsFile {
    /// What it is used for.
    pub role: GroundsRole,
    /// Where the server read it.
    pub path: String,
    /// SHA-256 of its bytes, where they are not sent because they hold a secret key.
    pub withheld: Option<Digest>,
}

/// What a file is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroundsRole {
    /// A license file; they come in their order.
    License,
    /// The vendor manifest.
    Manifest,
    /// The options file.
    Options,
}

impl GroundsRole {
    const fn number(self) -> u8 {
        match self {
            Self::License => 1,
            Self::Manifest => 2,
            Self::Options => 3,
        }
    }

    fn read(field: Field<'_>) -> Result<Self, MessageError> {
        match field.u8()? {
            1 => Ok(Self::License),
            2 => Ok(Self::Manifest),
            3 => Ok(Self::Options),
            _ => Err(field.bad()),
        }
    }
}

pub(super) fn put(part: &GroundsPart, out: &mut BytesMut) -> Result<(), EncodeError> {
    match part {
        GroundsPart::Basis(it) => nested(tag::BASIS_ITEM, out, |out| {
            out.field(tag::VENDOR, it.vendor.as_str().as_bytes())?;
            out.field_text(tag::PROGRAM, &it.version)?;
            out.field_i64(tag::TIME, it.time.0);
            if let Some(mark) = it.mark {
                out.field_i64(tag::TIME_MARK, mark.0);
            }
            out.field_text(tag::TIMEZONE, &it.zone)?;
            let machine = it.machine.iter().take(MACHINE_HOSTIDS_MAX);
            machine.into_iter().try_for_each(|id| out.field_text(tag::HOSTID, id))?;
            out.field_present(tag::REMOVED, it.removed);
            it.notes.iter().take(NOTES_MAX).try_for_each(|note| out.field_text(tag::NOTE, note))
        }),
        GroundsPart::File(it) => nested(tag::GROUNDS_FILE_ITEM, out, |out| {
            out.field_u8(tag::ROLE, it.role.number());
            out.field_text(tag::FILE, &it.path)?;
            it.withheld.map_or(Ok(()), |digest| out.field(tag::DIGEST, &digest.0))
        }),
        GroundsPart::Bytes(bytes) if bytes.len() > GROUNDS_CHUNK_BYTES_MAX => {
            Err(EncodeError { tag: tag::GROUNDS_BYTES })
        }
        GroundsPart::Bytes(bytes) => out.field(tag::GROUNDS_BYTES, bytes),
        GroundsPart::Session { claims, address } => nested(tag::SESSION_ITEM, out, |out| {
            super::encode::claims(claims, out)?;
            out.field_text(tag::ADDRESS, &address.to_string())
        }),
        GroundsPart::Seat { handle, pool, version, count, start, shares, data, lingers_until, borrow } => {
            nested(tag::SEAT_ITEM, out, |out| {
                out.field_u64(tag::HANDLE, handle.0);
                out.field(tag::POOL, pool.as_str().as_bytes())?;
                out.field(tag::VERSION, version.as_str().as_bytes())?;
                out.field_u32(tag::COUNT, count.get());
                out.field_i64(tag::START, start.0);
                put_shares(*shares, out);
                if let Some(data) = data {
                    out.field(tag::DATA, data.as_str().as_bytes())?;
                }
                if let Some(until) = lingers_until {
                    out.field_i64(tag::LINGERS_UNTIL, until.0);
                }
                if let Some(borrow) = borrow {
                    super::encode::borrow(borrow, out);
                }
                Ok(())
            })
        }
        GroundsPart::Waiting(it) => nested(tag::WAITING_ITEM, out, |out| {
            out.field_u64(tag::HANDLE, it.handle.0);
            out.field(tag::FEATURE, it.feature.as_str().as_bytes())?;
            out.field(tag::VERSION, it.version.as_str().as_bytes())?;
            out.field_u32(tag::COUNT, it.count.get());
            out.field_i64(tag::START, it.start.0);
            if let Some(data) = &it.data {
                out.field(tag::DATA, data.as_str().as_bytes())?;
            }
            if let Some(until) = it.blocks_until {
                out.field_i64(tag::BLOCKS_UNTIL, until.0);
            }
            let Some(held) = &it.held else { return Ok(()) };
            put_to_come((held.handle, &held.pool, held.shares), out)?;
            out.field_i64(tag::HELD_UNTIL, held.until.0);
            let Some(package) = &held.package else { return Ok(()) };
            nested(tag::HELD_PACKAGE_ITEM, out, |out| {
                put_to_come((package.handle, &package.pool, package.shares), out)
            })
        }),
    }
}

/// A checkout to come, for which licenses are held.
fn put_to_come(
    (handle, pool, shares): (Handle, &PoolKey, Option<Shares>),
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    out.field_u64(tag::OFFERED, handle.0);
    out.field(tag::POOL, pool.as_str().as_bytes())?;
    put_shares(shares, out);
    Ok(())
}

fn put_shares(shares: Option<Shares>, out: &mut BytesMut) {
    let Some(Shares { mask, group }) = shares else { return };
    out.field_u8(tag::DUP_MASK, mask.bits());
    out.field_u64(tag::GROUP, group.0);
}

/// Parts in their order; tags that are not known here are passed over.
pub(super) fn take(body: &[u8]) -> Result<Vec<GroundsPart>, MessageError> {
    let mut parts = Vec::new();
    for field in Fields::of(body) {
        let field = field?;
        parts.push(match field.tag {
            tag::BASIS_ITEM => basis(field.fields())?,
            tag::GROUNDS_FILE_ITEM => file(field.fields())?,
            tag::GROUNDS_BYTES => GroundsPart::Bytes(field.at_most(GROUNDS_CHUNK_BYTES_MAX)?.to_vec()),
            tag::SESSION_ITEM => session(field.fields())?,
            tag::SEAT_ITEM => seat(field.fields())?,
            tag::WAITING_ITEM => waiting(field.fields())?,
            _ => {
                field.unknown()?;
                continue;
            }
        });
    }
    Ok(parts)
}

fn basis(body: &[u8]) -> Result<GroundsPart, MessageError> {
    read! { body;
        vendor: VENDOR, Field::name::<VendorName>;
        program: PROGRAM, Field::string;
        time: TIME, Field::i64;
        mark: TIME_MARK, Field::i64;
        zone: TIMEZONE, Field::string;
        removed: REMOVED, Field::present;
        @ machine[MACHINE_HOSTIDS_MAX]: HOSTID, Field::string;
        @ notes[NOTES_MAX]: NOTE, Field::string;
    }
    let kind = kind::GROUNDS;
    Ok(GroundsPart::Basis(Box::new(Basis {
        vendor: need(kind, tag::VENDOR, vendor)?,
        version: need(kind, tag::PROGRAM, program)?,
        time: Timestamp(need(kind, tag::TIME, time)?),
        mark: mark.map(Timestamp),
        zone: need(kind, tag::TIMEZONE, zone)?,
        machine,
        removed: removed.is_some(),
        notes,
    })))
}

fn file(body: &[u8]) -> Result<GroundsPart, MessageError> {
    read! { body;
        role: ROLE, GroundsRole::read;
        path: FILE, Field::string;
        withheld: DIGEST, Field::bytes::<32>;
    }
    let kind = kind::GROUNDS;
    Ok(GroundsPart::File(GroundsFile {
        role: need(kind, tag::ROLE, role)?,
        path: need(kind, tag::FILE, path)?,
        withheld: withheld.map(Digest),
    }))
}

fn session(body: &[u8]) -> Result<GroundsPart, MessageError> {
    read! { body;
        user: USER, Field::name::<User>;
        host: HOST, Field::name::<Host>;
        display: DISPLAY, Field::name::<Display>;
        project: PROJECT, Field::name::<Project>;
        platform: PLATFORM, Field::name::<Platform>;
        pid: PID, Field::u32;
        address: ADDRESS, |field: Field<'_>| field.str()?.parse::<IpAddr>().map_err(|_| field.bad());
        @ hostids[HOSTIDS_MAX]: HOSTID, Field::name::<Host>;
    }
    let kind = kind::GROUNDS;
    let claims = Claims {
        user: need(kind, tag::USER, user)?,
        host: need(kind, tag::HOST, host)?,
        display: need(kind, tag::DISPLAY, display)?,
        project,
        platform,
        hostids,
        pid,
    };
    Ok(GroundsPart::Session { claims: Box::new(claims), address: need(kind, tag::ADDRESS, address)? })
}

fn seat(body: &[u8]) -> Result<GroundsPart, MessageError> {
    read! { body;
        handle: HANDLE, Field::u64;
        pool: POOL, Field::str;
        asked: VERSION, version;
        licenses: COUNT, count;
        start: START, Field::i64;
        mask: DUP_MASK, dup_mask;
        group: GROUP, Field::u64;
        data: DATA, Field::name::<CheckoutData>;
        until: LINGERS_UNTIL, Field::i64;
        borrowed: BORROWED_UNTIL, Field::i64;
        ends: BORROW_ENDS, Field::i64;
    }
    let kind = kind::GROUNDS;
    Ok(GroundsPart::Seat {
        shares: shares(mask, group),
        data,
        lingers_until: until.map(Timestamp),
        borrow: super::decode::borrow(borrowed, ends),
        handle: Handle(need(kind, tag::HANDLE, handle)?),
        pool: PoolKey::new(need(kind, tag::POOL, pool)?),
        version: need(kind, tag::VERSION, asked)?,
        count: need(kind, tag::COUNT, licenses)?,
        start: Timestamp(need(kind, tag::START, start)?),
    })
}

fn waiting(body: &[u8]) -> Result<GroundsPart, MessageError> {
    let mut to_come = ToCome::default();
    read! { body;
        handle: HANDLE, Field::u64;
        feature: FEATURE, Field::name::<FeatureName>;
        asked: VERSION, version;
        licenses: COUNT, count;
        start: START, Field::i64;
        data: DATA, Field::name::<CheckoutData>;
        blocks: BLOCKS_UNTIL, Field::i64;
        until: HELD_UNTIL, Field::i64;
        package: HELD_PACKAGE_ITEM, held_package;
        + |field| to_come.take(field);
    }
    let kind = kind::GROUNDS;
    let held = match to_come.handle {
        Some(_) => {
            let (handle, pool, shares) = to_come.whole()?;
            let until = Timestamp(need(kind, tag::HELD_UNTIL, until)?);
            Some(HeldLicenses { handle, pool, shares, package, until })
        }
        None => None,
    };
    Ok(GroundsPart::Waiting(Box::new(WaitingRequest {
        handle: Handle(need(kind, tag::HANDLE, handle)?),
        feature: need(kind, tag::FEATURE, feature)?,
        version: need(kind, tag::VERSION, asked)?,
        count: need(kind, tag::COUNT, licenses)?,
        start: Timestamp(need(kind, tag::START, start)?),
        data,
        blocks_until: blocks.map(Timestamp),
        held,
    })))
}

/// What is held of a package.
fn held_package(field: Field<'_>) -> Result<OfferedPackage, MessageError> {
    let mut to_come = ToCome::default();
    read! { field.fields(); + |field| to_come.take(field); }
    let (handle, pool, shares) = to_come.whole()?;
    Ok(OfferedPackage { handle, pool, shares })
}

/// The fields of a checkout to come, as they are read.
#[derive(Debug, Default)]
struct ToCome<'a> {
    handle: Option<u64>,
    pool: Option<&'a str>,
    mask: Option<DupMask>,
    group: Option<u64>,
}

impl<'a> ToCome<'a> {
    /// Whether a field is one of them.
    fn take(&mut self, field: Field<'a>) -> Result<bool, MessageError> {
        match field.tag {
            tag::OFFERED => field.once(&mut self.handle, Field::u64)?,
            tag::POOL => field.once(&mut self.pool, Field::str)?,
            tag::DUP_MASK => field.once(&mut self.mask, dup_mask)?,
            tag::GROUP => field.once(&mut self.group, Field::u64)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn whole(self) -> Result<(Handle, PoolKey, Option<Shares>), MessageError> {
        let kind = kind::GROUNDS;
        let handle = Handle(need(kind, tag::OFFERED, self.handle)?);
        Ok((handle, PoolKey::new(need(kind, tag::POOL, self.pool)?), shares(self.mask, self.group)))
    }
}

fn shares(mask: Option<DupMask>, group: Option<u64>) -> Option<Shares> {
    mask.zip(group).map(|(mask, group)| Shares { mask, group: Handle(group) })
}
