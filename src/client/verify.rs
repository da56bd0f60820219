//! Whether a grant is the publisher's: the signed line behind it is looked at once per session.

use super::config::{Config, Trust};
use crate::code::{Code, minor};
use crate::event::{Denial, Grant};
use crate::ident::{Digest, FeatureName, Version};
use crate::license::{Expiry, FeatureLine, HostId, read_canonical};
use crate::sign::Manifest;
use crate::time::Timestamp;
use crate::wire::LineText;

/// A day ends at different instants in different zones: at most this much before or after the end in UTC.
const ZONES_MS: i64 = 15 * 3_600_000;

/// What a verified line says.
#[derive(Debug, Clone)]
pub(super) struct VerifiedLine {
    line: FeatureLine,
    /// Whether the published demo key signed it.
    pub(super) demo: bool,
}

/// Verifies the signature of a line that the server sent for a digest.
pub(super) fn verify_line(digest: Digest, sent: &LineText, config: &Config) -> Result<VerifiedLine, Denial> {
    let wrong = |note: &str| Denial::new(Code::BadSignature, minor::GRANT_NOT_VERIFIED, note);
    if Digest::of(sent.canonical.as_bytes()) != digest {
        return Err(wrong("the server sent another line than the one behind the grant"));
    }
    let demo = Manifest::demo().verify(&sent.canonical, &sent.sign).is_ok();
    if let Trust::Publisher { keys, demo: accept_demo } = &config.trust {
        if demo && !accept_demo {
            let note = "the line behind the grant is signed by the demo key";
            return Err(Denial::new(Code::DemoRefused, minor::GRANT_IS_DEMO, note));
        }
        if !demo {
            let publisher = Manifest::new(config.vendor.clone(), keys.clone());
            let verified = publisher.verify(&sent.canonical, &sent.sign);
            verified.map_err(|error| wrong(&format!("the line behind the grant: {error}")))?;
        }
    }
    match read_canonical(&sent.canonical) {
        Ok((_, line)) => Ok(VerifiedLine { line, demo }),
        Err(error) => Err(wrong(&format!("the line behind the grant: {error}"))),
    }
}

/// Whether a verified line allows what was granted to this client.
pub(super) fn fits(
    verified: &VerifiedLine,
    config: &Config,
    feature: &FeatureName,
    version: Version,
    grant: &Grant,
    now: Timestamp,
) -> Result<(), Denial> {
    let line = &verified.line;
    let wrong = |note: String| Err(Denial::new(Code::BadSignature, minor::GRANT_NOT_VERIFIED, &note));
    if line.vendor != config.vendor {
        return wrong(format!("the line behind the grant is of vendor {}", line.vendor));
    }
    if line.name != *feature {
        return wrong(format!("the line behind the grant is of feature {}", line.name));
    }
    if line.version < version {
        return wrong(format!("the line behind the grant is of version {}", line.version));
    }
    // The server alone sees the address that an INTERNET hostid means.
    let client = config.identity();
    let here = |hostid: &HostId| matches!(hostid, HostId::Internet(_)) || hostid.matches(&client);
    if !line.hostids().is_empty() && !line.hostids().iter().any(here) {
        let note = "the line behind the grant is for another machine";
        return Err(Denial::new(Code::WrongHost, minor::GRANT_NOT_VERIFIED, note));
    }
    let Expiry::On(day) = line.expiry else { return Ok(()) };
    // A day at the end of the calendar is never over.
    let ends = day.ends(&jiff::tz::TimeZone::UTC).unwrap_or(Timestamp(i64::MAX));
    let latest = ends.0.saturating_add(ZONES_MS);
    if now.0 > latest {
        let note = format!("the line behind the grant expired on {day}");
        return Err(Denial::new(Code::Expired, minor::GRANT_NOT_VERIFIED, &note));
    }
    match grant.expires {
        Some(expires) if expires.0 <= latest => Ok(()),
        _ => wrong("the grant lasts longer than the line behind it".to_owned()),
    }
}
