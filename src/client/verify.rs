//! Whether a grant is the publisher's: the signed line behind it is looked at once per session.

use super::config::{Config, Trust};
use crate::catalog::borrow_hours;
use crate::code::{Code, minor};
use crate::event::{Denial, Grant};
use crate::ident::{Digest, FeatureName, Version};
use crate::license::{
    Expiry, FeatureLine, HostId, OwnedStatement, PackageLine, Statement, UpgradeLine, read_canonical,
};
use crate::sign::Manifest;
use crate::time::Timestamp;
use crate::wire::LineText;

/// A day ends at different instants in different zones: at most this much before or after the end in UTC.
const ZONES_MS: i64 = 15 * 3_600_000;

/// What a verified line says.
#[derive(Debug, Clone)]
pub(super) struct VerifiedLine {
    line: OwnedStatement,
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

/// What was asked for and what came of it.
pub(super) struct Granted<'a> {
    pub(super) feature: &'a FeatureName,
    pub(super) version: Version,
    pub(super) grant: &'a Grant,
    pub(super) now: Timestamp,
}

/// Whether verified lines allow what was granted to this client (`grammar/signature.md` section 6). Each of them must have a
/// part in it: it gives the feature itself; or it is the UPGRADE line that does, with the line that it upgrades; or it
/// is the PACKAGE line that lists it, with the line that enables the package.
pub(super) fn fits(lines: &[VerifiedLine], config: &Config, granted: &Granted<'_>) -> Result<(), Denial> {
    for verified in lines {
        let statement = verified.line.as_statement();
        if *statement.vendor() != config.vendor {
            return wrong(format!("the line behind the grant is of vendor {}", statement.vendor()));
        }
        match statement {
            Statement::Package(package) => check_package(package, lines, granted)?,
            Statement::Feature(line) if lines.iter().any(|other| other.upgrades(line)) => {}
            Statement::Feature(line) => {
                check_source(line, lines, granted)?;
                check_terms(line, config, granted)?;
            }
            Statement::Upgrade(upgrade) => {
                if !lines.iter().filter_map(VerifiedLine::terms).any(|base| is_base(upgrade, base)) {
                    return wrong(format!(
                        "no line behind the grant is one that UPGRADE {} upgrades",
                        upgrade.to.name
                    ));
                }
                if lines.iter().any(|other| other.upgrades(&upgrade.to)) {
                    // A step on the way to another UPGRADE line.
                    continue;
                }
                check_source(&upgrade.to, lines, granted)?;
                check_terms(&upgrade.to, config, granted)?;
            }
        }
    }
    Ok(())
}

/// Whether the lines that give a feature let it be borrowed for so long.
pub(super) fn lend(lines: &[VerifiedLine], span_ms: i64) -> Result<(), Denial> {
    let giving = lines
        .iter()
        .filter_map(VerifiedLine::terms)
        // What an UPGRADE line takes licenses from says nothing of what they become.
        .filter(|line| !lines.iter().any(|other| other.upgrades(line)));
    for line in giving {
        let Some(hours) = borrow_hours(line) else {
            let note = format!("the line of {} behind the borrow has no BORROW", line.name);
            return Err(Denial::new(Code::NotBorrowable, minor::NOT_BORROWABLE, &note));
        };
        if span_ms > i64::from(hours).saturating_mul(3_600_000) {
            let note =
                format!("the line of {} behind the borrow lets it be borrowed for {hours} h", line.name);
            return Err(Denial::new(Code::BorrowTooLong, minor::BORROW_TOO_LONG, &note));
        }
    }
    Ok(())
}

impl VerifiedLine {
    /// Whether this is an UPGRADE line that takes licenses from that one.
    fn upgrades(&self, base: &FeatureLine) -> bool {
        matches!(&self.line, OwnedStatement::Upgrade(upgrade) if is_base(upgrade, base))
    }

    /// What the line gives of its own name; none for PACKAGE lines.
    fn terms(&self) -> Option<&FeatureLine> {
        match &self.line {
            OwnedStatement::Feature(line) => Some(line),
            OwnedStatement::Upgrade(line) => Some(&line.to),
            OwnedStatement::Package(_) => None,
        }
    }
}

fn wrong(note: String) -> Result<(), Denial> {
    Err(Denial::new(Code::BadSignature, minor::GRANT_NOT_VERIFIED, &note))
}

fn is_base(upgrade: &UpgradeLine, base: &FeatureLine) -> bool {
    base.name == upgrade.to.name && base.version >= upgrade.from && base.version < upgrade.to.version
}

/// Whether a line enables a package: it has its name and, if the package has one, its version (`flexnet-files.md` 1.7).
fn enables(line: &FeatureLine, package: &PackageLine) -> bool {
    line.name == package.name && package.version.is_none_or(|version| version == line.version)
}

/// Whether a package lists the feature in the version that was asked for, and a line enables the package.
fn check_package(package: &PackageLine, lines: &[VerifiedLine], granted: &Granted<'_>) -> Result<(), Denial> {
    let Some(component) = package.components.iter().find(|component| component.name == *granted.feature)
    else {
        return wrong(format!("package {} behind the grant does not list {}", package.name, granted.feature));
    };
    let mut enabling =
        lines.iter().filter_map(VerifiedLine::terms).filter(|line| enables(line, package)).peekable();
    if enabling.peek().is_none() {
        return wrong(format!("no line behind the grant enables package {}", package.name));
    }
    match enabling.map(|line| component.version.unwrap_or(line.version)).max() {
        Some(version) if version < granted.version => {
            wrong(format!("the line behind the grant is of version {version}"))
        }
        _ => Ok(()),
    }
}

/// Whether a line gives the feature in the version that was asked for, or enables a package that is among the lines.
fn check_source(line: &FeatureLine, lines: &[VerifiedLine], granted: &Granted<'_>) -> Result<(), Denial> {
    let enabled = lines
        .iter()
        .any(|other| matches!(&other.line, OwnedStatement::Package(package) if enables(line, package)));
    if enabled {
        return Ok(());
    }
    if line.name != *granted.feature {
        return wrong(format!("the line behind the grant is of feature {}", line.name));
    }
    if line.version < granted.version {
        return wrong(format!("the line behind the grant is of version {}", line.version));
    }
    Ok(())
}

/// Whether a line is for this client and now, and the grant no longer than the line.
fn check_terms(line: &FeatureLine, config: &Config, granted: &Granted<'_>) -> Result<(), Denial> {
    // The server alone sees the address that an INTERNET hostid means.
    let client = config.identity();
    let here = |hostid: &HostId| matches!(hostid, HostId::Internet(_)) || hostid.matches(&client);
    if !line.hostids().is_empty() && !line.hostids().iter().any(here) {
        let note = "the line behind the grant is for another machine";
        return Err(Denial::new(Code::WrongHost, minor::GRANT_NOT_VERIFIED, note));
    }
    let utc = &jiff::tz::TimeZone::UTC;
    if let Some(day) = line.start()
        && day.begins(utc).is_some_and(|begins| granted.now.0 < begins.0.saturating_sub(ZONES_MS))
    {
        let note = format!("the line behind the grant starts on {day}");
        return Err(Denial::new(Code::NotStarted, minor::GRANT_NOT_VERIFIED, &note));
    }
    let Expiry::On(day) = line.expiry else { return Ok(()) };
    // A day at the end of the calendar is never over.
    let ends = day.ends(utc).unwrap_or(Timestamp(i64::MAX));
    let latest = ends.0.saturating_add(ZONES_MS);
    if granted.now.0 > latest {
        let note = format!("the line behind the grant expired on {day}");
        return Err(Denial::new(Code::Expired, minor::GRANT_NOT_VERIFIED, &note));
    }
    match granted.grant.expires {
        Some(expires) if expires.0 <= latest => Ok(()),
        _ => wrong("the grant lasts longer than the line behind it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::{Handle, PoolKey, VendorName};
    use crate::license::LicenseFile;
    use crate::sign::demo_signing_key;
    use crate::text::Source;

    const NOW: Timestamp = Timestamp(1_781_481_600_000); // 15-jun-2026

    /// Whether a grant of feature `f` version 2.0 without an end stands on these lines.
    fn judged(text: &str) -> Result<(), i32> {
        let trust = Trust::Publisher { keys: vec![], demo: true };
        let config = Config::new(VendorName::parse("LGS").unwrap(), trust).unwrap();
        let file = LicenseFile::parse(Source::new("g.lic", text.as_bytes()));
        let lines: Vec<VerifiedLine> = file
            .statements()
            .map(|(_, statement)| {
                let canonical = statement.canonical(&[HostId::Any]).unwrap();
                let sent = LineText { sign: demo_signing_key().sign(&canonical), canonical };
                verify_line(Digest::of(sent.canonical.as_bytes()), &sent, &config).unwrap()
            })
            .collect();
        assert_eq!(lines.len(), text.lines().count(), "{text}");
        let feature = FeatureName::parse("f").unwrap();
        let grant = Grant {
            handle: Handle(1),
            pool: PoolKey::new("f 2"),
            lines: [].into(),
            expires: None,
            demo: true,
            borrow: None,
        };
        let version = Version::parse("2.0").unwrap();
        let granted = Granted { feature: &feature, version, grant: &grant, now: NOW };
        fits(&lines, &config, &granted).map_err(|denial| denial.code.number())
    }

    #[test]
    fn a_grant_may_stand_on_several_lines() {
        for text in [
            "FEATURE f LGS 2.0 permanent 1",
            "INCREMENT f LGS 2.0 permanent 1 SN=1\nINCREMENT f LGS 2.0 permanent 1 SN=2",
            "UPGRADE f LGS 1.0 2.0 permanent 1\nINCREMENT f LGS 1.5 permanent 1",
            // What the base line says of its end and its machines is the server's matter.
            "UPGRADE f LGS 1.0 2.0 permanent 1\nINCREMENT f LGS 1.5 31-dec-2030 1",
            "UPGRADE f LGS 1.5 2.0 permanent 1\nUPGRADE f LGS 1.0 1.7 permanent 1\nINCREMENT f LGS 1.0 permanent 1",
            "FEATURE p LGS 1.0 permanent 1\nPACKAGE p LGS 1.0 COMPONENTS=\"e f:2.0:3\"",
            "FEATURE p LGS 2.0 permanent 1\nPACKAGE p LGS COMPONENTS=\"e f\" OPTIONS=SUITE",
            "UPGRADE p LGS 1.0 2.0 permanent 1\nFEATURE p LGS 1.0 permanent 1\nPACKAGE p LGS 2.0 COMPONENTS=f",
        ] {
            assert_eq!(judged(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn every_line_must_have_a_part_in_the_grant() {
        for (text, code) in [
            ("UPGRADE f LGS 1.0 2.0 permanent 1", -8),
            ("UPGRADE f LGS 1.0 2.0 permanent 1\nINCREMENT f LGS 0.9 permanent 1", -8),
            ("UPGRADE f LGS 1.0 2.0 permanent 1\nINCREMENT g LGS 1.5 permanent 1", -8),
            ("UPGRADE f LGS 1.5 2.0 permanent 1\nUPGRADE f LGS 1.0 1.7 permanent 1", -8),
            ("UPGRADE f LGS 1.0 1.9 permanent 1\nINCREMENT f LGS 1.5 permanent 1", -8),
            ("UPGRADE f LGS 1.0 2.0 1-jan-2020 1\nINCREMENT f LGS 1.5 permanent 1", -10),
            ("PACKAGE p LGS 1.0 COMPONENTS=f:2.0", -8),
            ("FEATURE p LGS 1.0 permanent 1", -8),
            ("FEATURE p LGS 1.1 permanent 1\nPACKAGE p LGS 1.0 COMPONENTS=f:2.0", -8),
            ("FEATURE p LGS 1.0 permanent 1\nPACKAGE p LGS 1.0 COMPONENTS=f", -8),
            ("FEATURE p LGS 1.0 permanent 1\nPACKAGE p LGS 1.0 COMPONENTS=f:1.9", -8),
            ("FEATURE p LGS 1.0 permanent 1\nPACKAGE p LGS 1.0 COMPONENTS=g:2.0", -8),
            ("FEATURE p LGS 1.0 1-jan-2020 1\nPACKAGE p LGS 1.0 COMPONENTS=f:2.0", -10),
            ("FEATURE p LGS 1.0 permanent 1 HOSTID=001122334455\nPACKAGE p LGS 1.0 COMPONENTS=f:2.0", -9),
            ("FEATURE f LGS 2.0 permanent 1 START=1-jan-2030", -31),
            ("FEATURE f LGS 2.0 permanent 1\nFEATURE g LGS 2.0 permanent 1", -8),
            ("FEATURE f other 2.0 permanent 1", -8),
        ] {
            assert_eq!(judged(text), Err(code), "{text}");
        }
    }
}
