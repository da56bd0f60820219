//! The record of a borrow (`grammar/borrow-record.md`): what a client may use without the server, where and until when, as a text
//! that the server signs with the key of its state directory.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use thiserror::Error;

use super::{SignatureError, SigningKey, VerifyingKey};
use crate::ident::{
    Count, Digest, Display, FeatureName, Handle, Host, PoolKey, User, VendorName, Version, decode_hex,
    encode_hex,
};
use crate::time::Timestamp;

/// First line of every record.
const HEAD: &str = "seatkeeper-borrow-v1";
/// Longest record that is looked at, in bytes.
pub const RECORD_BYTES_MAX: usize = 32 * 1024;

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the noun that its type names")]
pub struct BorrowRecord {
    pub vendor: VendorName,
    /// Where it was borrowed, as `port@host` of the license manager.
    pub server: String,
    pub feature: FeatureName,
    /// The version that was asked for.
    pub version: Version,
    pub count: Count,
    pub pool: PoolKey,
    pub handle: Handle,
    pub user: User,
    pub host: Host,
    pub display: Display,
    /// Hostids of the machine that borrowed, any one of which suffices.
    pub hostids: Vec<Host>,
    /// SHA-256 of the secret that the client drew.
    pub secret: Digest,
    /// Since when it is borrowed.
    pub borrowed: Timestamp,
    /// Until when this record is good.
    pub until: Timestamp,
    /// When the borrow ends.
    pub ends: Timestamp,
}

/// A record with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBorrow {
    /// The signed text.
    pub text: String,
    /// The signature, in the form of `SIGN=`.
    pub sign: String,
}

/// Why a text is no record, or not this server's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BorrowRecordError {
    /// Not a record, or of a later version.
    #[error("it does not begin with {HEAD}")]
    NoRecord,
    /// A field that should stand there.
    #[error("line {line}: {expected} should stand here")]
    Expected {
        /// Number of the line, from 1.
        line: usize,
        /// The field.
        expected: &'static str,
    },
    /// A value that its field can't have.
    #[error("line {line}: the value of {field} is not possible")]
    Value {
        /// Number of the line, from 1.
        line: usize,
        /// The field.
        field: &'static str,
    },
    /// The signature is not that of the key in the record over this text.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl BorrowRecord {
    /// Signs it. The same record and key always give the same text and signature.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> SignedBorrow {
        let text = self.print(&key.verifying_key());
        SignedBorrow { sign: key.sign(&text), text }
    }

    fn print(&self, key: &VerifyingKey) -> String {
        let mut text = format!("{HEAD}\n");
        let mut put = |name: &str, value: &dyn fmt::Display| {
            let _ = writeln!(text, "{name}={value}");
        };
        put("key", &key.public_hex().unwrap_or_default());
        put("vendor", &self.vendor);
        put("server", &self.server);
        put("feature", &self.feature);
        put("version", &self.version);
        put("count", &self.count);
        put("pool", &self.pool);
        put("handle", &self.handle);
        put("user", &self.user);
        put("host", &self.host);
        put("display", &self.display);
        self.hostids.iter().for_each(|hostid| put("hostid", hostid));
        put("secret", &encode_hex(&self.secret.0));
        put("borrowed", &self.borrowed);
        put("until", &self.until);
        put("ends", &self.ends);
        text
    }
}

impl SignedBorrow {
    /// Reads a record whose signature is that of the key that it names. Whether that key is the server's is for the caller to
    /// know, who has met it.
    ///
    /// # Errors
    /// [`BorrowRecordError`].
    pub fn read(&self) -> Result<(BorrowRecord, VerifyingKey), BorrowRecordError> {
        if self.text.len() > RECORD_BYTES_MAX {
            return Err(BorrowRecordError::NoRecord);
        }
        let mut lines = Lines { rest: self.text.lines().enumerate().peekable() };
        if lines.rest.next().map(|(_, line)| line) != Some(HEAD) {
            return Err(BorrowRecordError::NoRecord);
        }
        let key = lines.read("key", |text| {
            let bytes = decode_hex(text).ok()?;
            VerifyingKey::ed25519(bytes.first_chunk().filter(|_| bytes.len() == 32)?).ok()
        })?;
        key.verify(&self.text, &self.sign)?;
        let record = BorrowRecord {
            vendor: lines.name("vendor")?,
            server: lines.read("server", |text| Some(text.to_owned()))?,
            feature: lines.name("feature")?,
            version: lines.read("version", |text| Version::parse(text).ok())?,
            count: lines.read("count", |text| Count::new(text.parse().ok()?))?,
            pool: lines.read("pool", |text| Some(PoolKey::new(text)))?,
            handle: lines.read("handle", |text| text.parse().ok().map(Handle))?,
            user: lines.name("user")?,
            host: lines.name("host")?,
            display: lines.name("display")?,
            hostids: lines.names("hostid")?,
            secret: lines.read("secret", |text| {
                let bytes = decode_hex(text).ok()?;
                bytes.first_chunk().filter(|_| bytes.len() == 32).copied().map(Digest)
            })?,
            borrowed: lines.read("borrowed", time)?,
            until: lines.read("until", time)?,
            ends: lines.read("ends", time)?,
        };
        match lines.rest.next() {
            Some((line, _)) => Err(BorrowRecordError::Expected { line: line + 1, expected: "the end" }),
            None => Ok((record, key)),
        }
    }
}

fn time(text: &str) -> Option<Timestamp> {
    jiff::Timestamp::from_str(text).ok().map(|instant| Timestamp(instant.as_millisecond()))
}

struct Lines<'a> {
    rest: std::iter::Peekable<std::iter::Enumerate<std::str::Lines<'a>>>,
}

impl<'a> Lines<'a> {
    fn read<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, BorrowRecordError> {
        let (line, text) = self.rest.next().map_or((0, ""), |(line, text)| (line + 1, text));
        let value = text.split_once('=').filter(|(name, _)| *name == field).map(|(_, value)| value);
        let value = value.ok_or(BorrowRecordError::Expected { line, expected: field })?;
        read(value).ok_or(BorrowRecordError::Value { line, field })
    }

    fn name<T: FromStr>(&mut self, field: &'static str) -> Result<T, BorrowRecordError> {
        self.read(field, |text| text.parse().ok())
    }

    fn names<T: FromStr>(&mut self, field: &'static str) -> Result<Vec<T>, BorrowRecordError> {
        let mut all = Vec::new();
        while self.rest.peek().is_some_and(|(_, line)| line.split('=').next() == Some(field)) {
            all.push(self.name(field)?);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> BorrowRecord {
        BorrowRecord {
            vendor: "LGS".parse().unwrap(),
            server: "27000@lic1".into(),
            feature: "fx".parse().unwrap(),
            version: Version::parse("2.0").unwrap(),
            count: Count::MIN,
            pool: PoolKey::new("fx 2 BORROW=168"),
            handle: Handle(12),
            user: "ann lee".parse().unwrap(),
            host: "ws=01".parse().unwrap(),
            display: ":0".parse().unwrap(),
            hostids: vec!["ID=7".parse().unwrap(), "0011aabbccdd".parse().unwrap()],
            secret: Digest([9; 32]),
            borrowed: Timestamp(1_781_524_800_123),
            until: Timestamp(1_781_611_200_000),
            ends: Timestamp(1_781_611_200_000),
        }
    }

    fn key(seed: u8) -> SigningKey {
        SigningKey::generate_ed25519("state".parse().unwrap(), [seed; 32])
    }

    #[test]
    fn a_record_comes_back_and_names_the_key_that_signed_it() {
        for record in [record(), BorrowRecord { hostids: Vec::new(), ..record() }] {
            let signed = record.sign(&key(1));
            let (back, by) = signed.read().unwrap();
            assert_eq!((back, by.id()), (record, key(1).key_id()));
        }
    }

    #[test]
    fn whatever_is_changed_is_noticed() {
        let signed = record().sign(&key(1));
        for (from, to) in [
            ("until=2026-06-16T12:00:00.000Z", "until=2026-06-17T12:00:00.000Z"),
            ("hostid=ID=7\n", ""),
            ("user=ann lee", "user=bob"),
            ("count=1", "count=2"),
        ] {
            assert!(signed.text.contains(from), "{}", signed.text);
            let changed = SignedBorrow { text: signed.text.replace(from, to), ..signed.clone() };
            assert!(matches!(changed.read(), Err(BorrowRecordError::Signature(_))), "{to}");
        }
        let other = record().sign(&key(2));
        let mixed = SignedBorrow { sign: other.sign, ..signed };
        assert!(matches!(mixed.read(), Err(BorrowRecordError::Signature(_))));
    }

    #[test]
    fn what_is_no_record_is_refused_with_the_place() {
        let signed = record().sign(&key(1));
        let read =
            |text: &str| SignedBorrow { text: text.into(), sign: key(1).sign(text) }.read().unwrap_err();
        assert_eq!(read(""), BorrowRecordError::NoRecord);
        assert_eq!(read("seatkeeper-borrow-v2\n"), BorrowRecordError::NoRecord);
        assert_eq!(read(HEAD), BorrowRecordError::Expected { line: 0, expected: "key" });
        assert_eq!(
            read(&signed.text.replace("count=1", "count=0")),
            BorrowRecordError::Value { line: 7, field: "count" }
        );
        assert_eq!(
            read(&format!("{}more=1\n", signed.text)),
            BorrowRecordError::Expected { line: 19, expected: "the end" }
        );
    }
}
