//! What a publisher fixes for its daemon: the file `<vendor>.vendor.toml` (`grammar/signature.md` section 4).

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use serde::Deserialize;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{Algorithm, KeyError, KeyId, SignatureError, VerifyingKey, demo_signing_key, signature};
use crate::ident::VendorName;
use crate::time::CivilDate;

/// Accepted lease times in seconds.
pub const LEASE_SECONDS: RangeInclusive<u32> = 5..=86_400;
/// Accepted close graces in seconds.
pub const CLOSE_GRACE_SECONDS: RangeInclusive<u32> = 0..=300;
/// Accepted lingering times in seconds: up to 30 days.
pub(super) const LINGER_SECONDS: RangeInclusive<u32> = 0..=2_592_000;
/// Accepted least timeouts in seconds: up to 30 days.
pub(super) const TIMEOUT_MINIMUM_SECONDS: RangeInclusive<u32> = 1..=2_592_000;
/// Accepted intervals between removals in seconds: up to a day.
pub const REMOVAL_INTERVAL_SECONDS: RangeInclusive<u32> = 0..=86_400;
/// Accepted values of `borrow_renew_hours`: up to a year.
pub(super) const BORROW_RENEW_HOURS: RangeInclusive<u32> = 0..=8784;
const LEASE_DEFAULT: u32 = 300;
const CLOSE_GRACE_DEFAULT: u32 = 5;
const TIMEOUT_MINIMUM_DEFAULT: u32 = 900;
const REMOVAL_INTERVAL_DEFAULT: u32 = 120;

/// A publisher's settings.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Whose daemon this is.
    pub vendor: VendorName,
    /// Keys whose signatures count. Several, so that a publisher can change its key; at least one.
    pub keys: Vec<ManifestKey>,
    /// Whether lines that differ in VENDOR_STRING are pools of their own (`flexnet-files.md` 3.1).
    pub pool_on_vendor_string: bool,
    /// How long a silent session keeps its seats, in seconds: 5 to 86400.
    pub lease_s: u32,
    /// How long a session keeps its seats after its connection was closed, in seconds: 0 to 300.
    pub close_grace_s: u32,
    /// How long a license stays in use after it was given up, in seconds, where its line has no LINGER: 0 to 30 days
    /// (`flexnet-files.md` 3.12).
    pub linger_s: u32,
    /// The least TIMEOUT in seconds: smaller ones are raised to it. 1 second to 30 days (`flexnet-files.md` 5.7).
    pub timeout_minimum_s: u32,
    /// For how many seconds after lmremove what the same client checks out anew can't be removed: 0 to a day
    /// (`flexnet-tools.md` 2.11).
    pub removal_interval_s: u32,
    /// Whether borrowed licenses may come back before their end (`domain.md` BOR-9).
    pub early_return: bool,
    /// For how many hours a record of a borrow is good at most before it must be renewed: 0 for the whole time, else up to a year.
    pub borrow_renew_hours: u32,
    /// Whether the published demo key counts. Everything under such a manifest is marked DEMO.
    pub demo: bool,
}

/// One `[[key]]` of a manifest.
#[derive(Debug, Clone)]
pub struct ManifestKey {
    /// The key.
    pub key: VerifyingKey,
    /// The last day on which its signatures count, in the server's zone; none if they count for good.
    pub retires: Option<CivilDate>,
}

impl ManifestKey {
    /// The key's name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.key.id()
    }

    /// How the key verifies.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }
}

impl From<VerifyingKey> for ManifestKey {
    /// A key that does not retire.
    fn from(key: VerifyingKey) -> Self {
        Self { key, retires: None }
    }
}

/// Which key of a manifest made a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signer {
    /// The key's name.
    pub key: KeyId,
    /// The last day on which its signatures count, in the server's zone; none if they count for good.
    pub retires: Option<CivilDate>,
}

impl Signer {
    /// Whether its signatures still count on a day of the server's zone.
    ///
    /// # Errors
    /// [`SignatureError::Retired`] after the last day.
    pub fn counts_on(&self, today: CivilDate) -> Result<(), SignatureError> {
        match self.retires {
            Some(last) if today > last => Err(SignatureError::Retired { key: self.key, last }),
            _ => Ok(()),
        }
    }
}

/// Why a text is not a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// Not TOML, or a field that is unknown, missing or of the wrong type.
    #[error("line {line}: {message}")]
    Syntax {
        /// Line number, from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// The vendor's name is no name.
    #[error("vendor: {0}")]
    Vendor(String),
    /// A number out of its range.
    #[error("{field} is {value}; accepted are {least} to {most}")]
    OutOfRange {
        /// The field's name.
        field: &'static str,
        /// What stood there.
        value: u32,
        /// Least accepted value.
        least: u32,
        /// Greatest accepted value.
        most: u32,
    },
    /// No key at all: nothing could ever be served.
    #[error("there is no [[key]]: no license line could be verified")]
    NoKeys,
    /// One key is not usable.
    #[error("key {number}: {problem}")]
    Key {
        /// Which `[[key]]`, from 1.
        number: usize,
        /// What is wrong with it.
        problem: KeyProblem,
    },
}

/// What is wrong with one `[[key]]`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyProblem {
    /// The algorithm is unknown.
    #[error("algorithm {0:?} is unknown; use \"ed25519\" or \"hmac-sha1\"")]
    Algorithm(String),
    /// The field that holds the key does not fit the algorithm.
    #[error("an {algorithm} key needs the field {needed:?} and no field {surplus:?}")]
    Field {
        /// The key's algorithm.
        algorithm: Algorithm,
        /// The field it needs.
        needed: &'static str,
        /// The field it must not have.
        surplus: &'static str,
    },
    /// The digits are no key.
    #[error(transparent)]
    Digits(#[from] KeyError),
    /// The id is not the key's.
    #[error("id {stated:?} does not belong to this key, whose id is {computed}")]
    Id {
        /// What stood there.
        stated: String,
        /// What it should be.
        computed: KeyId,
    },
    /// The same key twice.
    #[error("key {0} is there twice")]
    Twice(KeyId),
    /// The day of retirement is no plain date.
    #[error("retires = {0} is not a date of the form 2027-06-30")]
    Retires(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestText {
    vendor: String,
    pool_on_vendor_string: Option<bool>,
    lease_seconds: Option<u32>,
    close_grace_seconds: Option<u32>,
    linger_seconds: Option<u32>,
    timeout_minimum_seconds: Option<u32>,
    removal_interval_seconds: Option<u32>,
    early_return: Option<bool>,
    borrow_renew_hours: Option<u32>,
    #[serde(default, rename = "key")]
    keys: Vec<KeyText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyText {
    id: String,
    algorithm: String,
    public: Option<String>,
    secret: Option<String>,
    retires: Option<toml::value::Datetime>,
}

impl Manifest {
    /// A manifest with these keys and default settings.
    #[must_use]
    pub fn new(vendor: VendorName, keys: Vec<VerifyingKey>) -> Self {
        let demo_id = demo_signing_key().key_id();
        let keys_are_demo = keys.iter().any(|key| key.id() == demo_id);
        Self {
            vendor,
            demo: keys_are_demo,
            keys: keys.into_iter().map(ManifestKey::from).collect(),
            pool_on_vendor_string: false,
            lease_s: LEASE_DEFAULT,
            close_grace_s: CLOSE_GRACE_DEFAULT,
            linger_s: 0,
            timeout_minimum_s: TIMEOUT_MINIMUM_DEFAULT,
            removal_interval_s: REMOVAL_INTERVAL_DEFAULT,
            // Who tries things out wants to try that too.
            early_return: keys_are_demo,
            borrow_renew_hours: 0,
        }
    }

    /// Reads a manifest. Unknown fields are errors: a misspelt setting must not be a setting left out.
    ///
    /// # Errors
    /// [`ManifestError`], which names the line or the key and never repeats a secret.
    pub fn parse(toml: &str) -> Result<Self, ManifestError> {
        let text: ManifestText = toml::from_str(toml).map_err(|error| ManifestError::Syntax {
            // The error's own display repeats the source line, which may hold a secret.
            line: error
                .span()
                .and_then(|span| toml.get(..span.start))
                .map_or(1, |head| head.matches('\n').count() + 1),
            message: error.message().to_owned(),
        })?;
        let vendor =
            VendorName::parse(&text.vendor).map_err(|error| ManifestError::Vendor(error.to_string()))?;
        let mut keys: Vec<ManifestKey> = Vec::new();
        for (index, key) in text.keys.into_iter().enumerate() {
            let read = key.read().and_then(|key| {
                let twice = keys.iter().any(|known| known.id() == key.id());
                if twice { Err(KeyProblem::Twice(key.id())) } else { Ok(key) }
            });
            keys.push(read.map_err(|problem| ManifestError::Key { number: index + 1, problem })?);
        }
        if keys.is_empty() {
            return Err(ManifestError::NoKeys);
        }
        let base = Self::new(vendor, keys.iter().map(|entry| entry.key.clone()).collect());
        Ok(Self {
            keys,
            pool_on_vendor_string: text.pool_on_vendor_string.unwrap_or(base.pool_on_vendor_string),
            lease_s: in_range("lease_seconds", text.lease_seconds.unwrap_or(base.lease_s), LEASE_SECONDS)?,
            close_grace_s: in_range(
                "close_grace_seconds",
                text.close_grace_seconds.unwrap_or(base.close_grace_s),
                CLOSE_GRACE_SECONDS,
            )?,
            linger_s: in_range(
                "linger_seconds",
                text.linger_seconds.unwrap_or(base.linger_s),
                LINGER_SECONDS,
            )?,
            timeout_minimum_s: in_range(
                "timeout_minimum_seconds",
                text.timeout_minimum_seconds.unwrap_or(base.timeout_minimum_s),
                TIMEOUT_MINIMUM_SECONDS,
            )?,
            removal_interval_s: in_range(
                "removal_interval_seconds",
                text.removal_interval_seconds.unwrap_or(base.removal_interval_s),
                REMOVAL_INTERVAL_SECONDS,
            )?,
            early_return: text.early_return.unwrap_or(base.early_return),
            borrow_renew_hours: in_range(
                "borrow_renew_hours",
                text.borrow_renew_hours.unwrap_or(base.borrow_renew_hours),
                BORROW_RENEW_HOURS,
            )?,
            ..base
        })
    }

    /// The manifest as a file. With an HMAC key in it the text is a secret.
    #[must_use]
    pub fn print(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(format!(
            "vendor = \"{}\"\n\n\
             # Lines that differ in VENDOR_STRING are pools of their own.\n\
             pool_on_vendor_string = {}\n\
             # A silent session keeps its seats this long ({} to {}).\n\
             lease_seconds = {}\n\
             # After its connection was closed a session keeps its seats this long ({} to {}).\n\
             close_grace_seconds = {}\n\
             # A license stays in use this long after it was given up, where its line has no LINGER ({} to {}).\n\
             linger_seconds = {}\n\
             # Smaller timeouts of the options file are raised to this ({} to {}).\n\
             timeout_minimum_seconds = {}\n\
             # What a client checks out after lmremove can't be removed for this long ({} to {}).\n\
             removal_interval_seconds = {}\n\
             # Whether borrowed licenses may come back before their end.\n\
             early_return = {}\n\
             # A record of a borrow is good for this many hours until it must be renewed; 0: for the whole time ({} to {}).\n\
             borrow_renew_hours = {}\n",
            escaped(self.vendor.as_str()),
            self.pool_on_vendor_string,
            LEASE_SECONDS.start(),
            LEASE_SECONDS.end(),
            self.lease_s,
            CLOSE_GRACE_SECONDS.start(),
            CLOSE_GRACE_SECONDS.end(),
            self.close_grace_s,
            LINGER_SECONDS.start(),
            LINGER_SECONDS.end(),
            self.linger_s,
            TIMEOUT_MINIMUM_SECONDS.start(),
            TIMEOUT_MINIMUM_SECONDS.end(),
            self.timeout_minimum_s,
            REMOVAL_INTERVAL_SECONDS.start(),
            REMOVAL_INTERVAL_SECONDS.end(),
            self.removal_interval_s,
            self.early_return,
            BORROW_RENEW_HOURS.start(),
            BORROW_RENEW_HOURS.end(),
            self.borrow_renew_hours,
        ));
        for key in &self.keys {
            let (field, digits) = key.key.manifest_field();
            let _ = write!(
                text,
                "\n[[key]]\nid = \"{}\"\nalgorithm = \"{}\"\n{field} = \"{}\"\n",
                key.id(),
                key.algorithm(),
                digits.as_str(),
            );
            if let Some(last) = key.retires {
                let _ = writeln!(text, "# Its signatures count through this day.\nretires = {}", last.iso());
            }
        }
        text
    }

    /// Checks the `SIGN=` value of a line against its canonical text and says which key made it. Whether that key has
    /// retired is for the caller to ask ([`Signer::counts_on`]), who knows the day.
    ///
    /// # Errors
    /// [`SignatureError`] when no key of this manifest made it over this text.
    pub fn verify(&self, canonical: &str, sign: &str) -> Result<Signer, SignatureError> {
        let (id, bytes) = signature::parse(sign)?;
        let entry = self.keys.iter().find(|entry| entry.id() == id).ok_or(SignatureError::KeyUnknown(id))?;
        entry.key.verify_bytes(canonical, &bytes)?;
        Ok(Signer { key: id, retires: entry.retires })
    }
}

impl KeyText {
    fn read(self) -> Result<ManifestKey, KeyProblem> {
        let retires = self.retires.map(day).transpose()?;
        let algorithm = Algorithm::from_name(&self.algorithm).ok_or(KeyProblem::Algorithm(self.algorithm))?;
        let secret = self.secret.map(Zeroizing::new);
        let digits = match (algorithm, &self.public, &secret) {
            (Algorithm::Ed25519, Some(public), None) => public,
            (Algorithm::HmacSha1, None, Some(secret)) => &**secret,
            (Algorithm::Ed25519, ..) => {
                return Err(KeyProblem::Field { algorithm, needed: "public", surplus: "secret" });
            }
            (Algorithm::HmacSha1, ..) => {
                return Err(KeyProblem::Field { algorithm, needed: "secret", surplus: "public" });
            }
        };
        let key = VerifyingKey::parse(algorithm, digits)?;
        if KeyId::parse(&self.id) == Ok(key.id()) {
            Ok(ManifestKey { key, retires })
        } else {
            Err(KeyProblem::Id { stated: self.id.chars().take(40).collect(), computed: key.id() })
        }
    }
}

/// A TOML date without a time: when a day ends is the server's zone's to say.
fn day(written: toml::value::Datetime) -> Result<CivilDate, KeyProblem> {
    let plain = match (written.date, written.time, written.offset) {
        (Some(date), None, None) => Some(date),
        _ => None,
    };
    plain
        .and_then(|date| {
            let (month, day) = (i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
            CivilDate::new(i16::try_from(date.year).ok()?, month, day)
        })
        .ok_or_else(|| KeyProblem::Retires(written.to_string()))
}

fn in_range(field: &'static str, value: u32, range: RangeInclusive<u32>) -> Result<u32, ManifestError> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(ManifestError::OutOfRange { field, value, least: *range.start(), most: *range.end() })
    }
}

/// Text of a TOML basic string; names have no control characters.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::SigningKey;

    fn vendor() -> VendorName {
        VendorName::parse("ac\"me\\d").unwrap()
    }

    fn manifest() -> Manifest {
        let keys = [
            SigningKey::generate_ed25519(vendor(), [1; 32]).verifying_key(),
            SigningKey::generate_hmac(vendor(), [2; 32]).verifying_key(),
        ];
        Manifest { lease_s: 60, pool_on_vendor_string: true, ..Manifest::new(vendor(), keys.to_vec()) }
    }

    #[test]
    fn reads_what_it_prints() {
        let manifest = manifest();
        let again = Manifest::parse(&manifest.print()).unwrap();
        assert_eq!(format!("{again:?}"), format!("{manifest:?}"));
        assert!(!again.demo);
        let sign = SigningKey::generate_hmac(vendor(), [2; 32]).sign("t");
        assert_eq!(again.verify("t", &sign), Ok(Signer { key: manifest.keys[1].id(), retires: None }));
        let foreign = SigningKey::generate_hmac(vendor(), [4; 32]);
        assert_eq!(again.verify("t", &foreign.sign("t")), Err(SignatureError::KeyUnknown(foreign.key_id())));
    }

    #[test]
    fn a_retired_key_counts_through_its_last_day() {
        let mut manifest = manifest();
        let last = CivilDate::new(2027, 6, 30).unwrap();
        manifest.keys[0].retires = Some(last);
        let text = manifest.print();
        assert!(text.contains("\nretires = 2027-06-30\n"), "{}", text.as_str());
        let again = Manifest::parse(&text).unwrap();
        assert_eq!(again.print(), text);
        let key = SigningKey::generate_ed25519(vendor(), [1; 32]);
        let signer = again.verify("t", &key.sign("t")).unwrap();
        assert_eq!(signer, Signer { key: key.key_id(), retires: Some(last) });
        assert_eq!(signer.counts_on(last), Ok(()));
        let error = signer.counts_on(CivilDate::new(2027, 7, 1).unwrap()).unwrap_err();
        assert_eq!(error, SignatureError::Retired { key: key.key_id(), last });
        assert_eq!(error.minor(), crate::code::minor::LINE_KEY_RETIRED);
        let told = error.to_string();
        assert!(told.contains(&key.key_id().to_string()) && told.contains("30-jun-2027"), "{told}");
        // The other key does not retire.
        let other = SigningKey::generate_hmac(vendor(), [2; 32]);
        let signer = again.verify("t", &other.sign("t")).unwrap();
        assert_eq!(signer.counts_on(CivilDate::new(9999, 12, 31).unwrap()), Ok(()));
    }

    #[test]
    fn a_retirement_is_a_plain_date() {
        let good = manifest().print();
        for (value, expected) in [
            ("2027-06-30T12:00:00", "key 2: retires = 2027-06-30T12:00:00 is not a date"),
            ("2027-06-30T12:00:00Z", "key 2: retires = 2027-06-30T12:00:00Z is not a date"),
            ("12:00:00", "key 2: retires = 12:00:00 is not a date"),
            ("2027-02-30", "line 29"),
            ("\"30-jun-2027\"", "line 29"),
            ("20270630", "line 29"),
        ] {
            let error =
                Manifest::parse(&format!("{}retires = {value}\n", good.as_str())).unwrap_err().to_string();
            assert!(error.contains(expected), "{error} / {expected}");
        }
        let never = Manifest::parse(&format!("{}retires = 2027-06-30\n", good.as_str())).unwrap();
        assert_eq!(never.keys[1].retires, CivilDate::new(2027, 6, 30));
    }

    #[test]
    fn a_manifest_with_the_demo_key_is_a_demo_wherever_it_stands() {
        assert!(Manifest::demo().demo);
        assert!(Manifest::parse(&Manifest::demo().print()).unwrap().demo);
    }

    #[test]
    fn mistakes_are_named_and_secrets_not_repeated() {
        let good = manifest().print();
        let cases = [
            (good.replace("lease_seconds", "leese_seconds"), "line 6: unknown field `leese_seconds`"),
            (good.replace("lease_seconds = 60", "lease_seconds = 4"), "accepted are 5 to 86400"),
            (good.replace("= 5\n", "= 301\n"), "close_grace_seconds is 301"),
            (good.replace("= 60", "= \"60\""), "line 6"),
            (good.replace("\"hmac-sha1\"", "\"none\""), "key 2: algorithm \"none\" is unknown"),
            (
                good.replace("\"hmac-sha1\"", "\"ed25519\""),
                "key 2: an ed25519 key needs the field \"public\"",
            ),
            (good.replace("0202", "0203"), "key 2: id"),
            (good.replace("secret = \"02", "secret = \"0z"), "key 2: a key has 64"),
            (good.replace("secret = \"", "secret = 5 \""), "line 28"),
            (good.replace("[[key]]", "[[keys]]"), "unknown field `keys`"),
            ("vendor = \"a b\"".to_owned(), "vendor: vendor name contains"),
            ("vendor = \"a\"".to_owned(), "there is no [[key]]"),
            (String::new(), "vendor"),
        ];
        for (text, expected) in cases {
            let error = Manifest::parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error} / {expected}");
            assert!(!error.contains("020202"), "{error}");
        }
        let key = &good[good.find("\n[[key]]").unwrap()..];
        let twice = format!("{}{key}", good.as_str());
        assert!(matches!(
            Manifest::parse(&twice),
            Err(ManifestError::Key { number: 3, problem: KeyProblem::Twice(_) })
        ));
    }
}
