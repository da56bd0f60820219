//! Whether a grant is the publisher's: the signed line behind it is looked at once per session.

use super::config::Trust;
use crate::code::{Code, minor};
use crate::event::{Denial, Grant};
use crate::ident::{Digest, FeatureName, VendorName, Version};
use crate::sign::{Manifest, SignatureError};
use crate::time::{CivilDate, Timestamp};
use crate::wire::LineText;

/// First line of every canonical text (`grammar/signature.md`).
const DOMAIN: &str = "seatkeeper-license-line-v1";
/// A day ends at different instants in different zones: at most this much before or after the end in UTC.
const ZONES_MS: i64 = 15 * 3_600_000;

/// What a verified line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignedText {
    vendor: String,
    feature: String,
    version: Version,
    /// First instant after the last day, in UTC; none if it never expires.
    ends: Option<Timestamp>,
    /// Whether the published demo key signed it.
    pub(super) demo: bool,
}

/// Verifies the signature of a line that the server sent for a digest.
pub(super) fn verify_line(
    digest: Digest,
    line: &LineText,
    trust: &Trust,
    vendor: &VendorName,
) -> Result<SignedText, Denial> {
    let wrong = |note: &str| Denial::new(Code::BadSignature, minor::GRANT_NOT_VERIFIED, note);
    if Digest::of(line.canonical.as_bytes()) != digest {
        return Err(wrong("the server sent another line than the one behind the grant"));
    }
    let demo = Manifest::demo().verify(&line.canonical, &line.sign).is_ok();
    if let Trust::Publisher { keys, demo: accept_demo } = trust {
        if demo && !accept_demo {
            return Err(Denial::new(
                Code::DemoRefused,
                minor::GRANT_IS_DEMO,
                "the line is signed by the demo key",
            ));
        }
        let publisher = Manifest::new(vendor.clone(), keys.clone());
        let verdict = if demo { Ok(()) } else { publisher.verify(&line.canonical, &line.sign).map(|_| ()) };
        verdict.map_err(|error: SignatureError| wrong(&format!("the line behind the grant: {error}")))?;
    }
    let mut text = read(&line.canonical).ok_or_else(|| wrong("the line behind the grant can't be read"))?;
    text.demo = demo;
    Ok(text)
}

/// Whether a verified line allows what was granted.
pub(super) fn fits(
    text: &SignedText,
    vendor: &VendorName,
    feature: &FeatureName,
    version: Version,
    grant: &Grant,
    now: Timestamp,
) -> Result<(), Denial> {
    let wrong = |note: String| Err(Denial::new(Code::BadSignature, minor::GRANT_NOT_VERIFIED, &note));
    if text.vendor != vendor.as_str() {
        return wrong(format!("the line behind the grant is of vendor {}", text.vendor));
    }
    if text.feature != feature.as_str() {
        return wrong(format!("the line behind the grant is of feature {}", text.feature));
    }
    if text.version < version {
        return wrong(format!("the line behind the grant is of version {}", text.version));
    }
    let Some(ends) = text.ends else { return Ok(()) };
    if now.0 > ends.0.saturating_add(ZONES_MS) {
        return Err(Denial::new(
            Code::Expired,
            minor::GRANT_NOT_VERIFIED,
            "the line behind the grant has expired",
        ));
    }
    match grant.expires {
        Some(expires) if expires.0 <= ends.0.saturating_add(ZONES_MS) => Ok(()),
        _ => wrong("the grant lasts longer than the line behind it".to_owned()),
    }
}

/// Reads the fields that matter here out of a canonical text: lines `name=value`, of which the first of each name counts,
/// as the signer wrote the fixed ones before all attributes.
fn read(canonical: &str) -> Option<SignedText> {
    let mut lines = canonical.split('\n');
    if lines.next() != Some(DOMAIN) {
        return None;
    }
    let (mut vendor, mut feature, mut version, mut expiry) = (None, None, None, None);
    for line in lines {
        let Some((name, value)) = line.split_once('=') else { continue };
        let slot = match name {
            "vendor" => &mut vendor,
            "feature" => &mut feature,
            "version" => &mut version,
            "expiry" => &mut expiry,
            _ => continue,
        };
        slot.get_or_insert(value);
    }
    let ends = match expiry? {
        never if never.eq_ignore_ascii_case("permanent") || year_zero(never) => None,
        date => Some(CivilDate::parse(date).ok()?.ends(&jiff::tz::TimeZone::UTC)?),
    };
    Some(SignedText {
        vendor: unescape(vendor?),
        feature: unescape(feature?),
        version: Version::parse(version?).ok()?,
        ends,
        demo: false,
    })
}

/// `1-jan-0`, `1-jan-00`, `1-jan-0000`: never.
fn year_zero(date: &str) -> bool {
    date.rsplit_once('-').is_some_and(|(_, year)| !year.is_empty() && year.bytes().all(|byte| byte == b'0'))
}

fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some('n')) => {
                chars.next();
                text.push('\n');
            }
            ('\\', Some('\\')) => {
                chars.next();
                text.push('\\');
            }
            _ => text.push(c),
        }
    }
    text
}
