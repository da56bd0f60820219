//! The version of the license format that a line needs (`flexnet-files.md` 1.1, "Version"): a property of each line.

use std::fmt;

use super::file::{LicenseFile, Line, LineKind};
use super::hostid::HostId;
use super::package::PackageKind;
use super::statement::Statement;

/// A version of the license format, such as 7.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FormatVersion {
    major: u8,
    minor: u8,
}

impl FormatVersion {
    /// A version from its two numbers.
    #[must_use]
    pub const fn new(major: u8, minor: u8) -> Self {
        Self { major, minor }
    }

    /// Reads `6` or `7.1`; none for every other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        let number =
            |text: &str| text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        Some(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for FormatVersion {
    /// `6` or `7.1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minor {
            0 => write!(f, "{}", self.major),
            minor => write!(f, "{}.{minor}", self.major),
        }
    }
}

/// The version since which readers know an attribute.
const ATTRIBUTES: [(&str, FormatVersion); 20] = [
    ("OVERDRAFT", FormatVersion::new(4, 0)),
    ("DUP_GROUP", FormatVersion::new(4, 0)),
    ("SUPERSEDE", FormatVersion::new(5, 0)),
    ("ISSUED", FormatVersion::new(5, 0)),
    ("USER_BASED", FormatVersion::new(5, 0)),
    ("HOST_BASED", FormatVersion::new(5, 0)),
    ("SN", FormatVersion::new(5, 0)),
    ("START", FormatVersion::new(6, 0)),
    ("SIGN", FormatVersion::new(7, 1)),
    // Not dated by any document; neither is known before SIGN was.
    ("SIGN2", FormatVersion::new(7, 1)),
    ("AUTH", FormatVersion::new(7, 1)),
    ("BORROW", FormatVersion::new(8, 0)),
    ("FLOAT_OK", FormatVersion::new(8, 0)),
    ("TS_OK", FormatVersion::new(8, 0)),
    ("ONE_TS_OK", FormatVersion::new(11, 5)),
    ("SUPERSEDE_SIGN", FormatVersion::new(11, 5)),
    ("VM_PLATFORMS", FormatVersion::new(11, 7)),
    ("TZ", FormatVersion::new(11, 7)),
    // Of PACKAGE lines, which are as old.
    ("COMPONENTS", FormatVersion::new(4, 0)),
    ("OPTIONS", FormatVersion::new(4, 0)),
];

/// Every part of a line that readers older than a version don't know, with that version. Empty for lines that say nothing,
/// have a mistake or are not read.
#[must_use]
pub fn needs(file: &LicenseFile, line: &Line) -> Vec<(FormatVersion, String)> {
    let mut needs = Vec::new();
    match &line.kind {
        LineKind::Server(server) => need_hostids(&mut needs, std::slice::from_ref(&server.hostid)),
        LineKind::Vendor(_)
            if file.words_of(line).next().is_some_and(|word| word.eq_ignore_ascii_case("VENDOR")) =>
        {
            // Older readers know DAEMON (`flexnet-files.md` 1.3).
            needs.push((FormatVersion::new(6, 0), "the keyword VENDOR, once called DAEMON".to_owned()));
        }
        _ => {}
    }
    let Some(statement) = Statement::of(&line.kind) else { return needs };
    match statement {
        Statement::Feature(feature) => {
            if feature.keyword.as_str() == "INCREMENT" {
                needs.push((FormatVersion::new(3, 0), "INCREMENT".to_owned()));
            }
            need_hostids(&mut needs, feature.hostids());
        }
        Statement::Upgrade(upgrade) => {
            needs.push((FormatVersion::new(3, 0), "UPGRADE".to_owned()));
            need_hostids(&mut needs, upgrade.to.hostids());
        }
        Statement::Package(package) => {
            needs.push((FormatVersion::new(4, 0), "PACKAGE".to_owned()));
            if package.kind == PackageKind::SuiteReserved {
                needs.push((FormatVersion::new(8, 1), "OPTIONS=SUITE_RESERVED".to_owned()));
            }
            if package.version.is_none() {
                // It was mandatory before (`flexnet-files.md` 1.7).
                needs.push((FormatVersion::new(7, 1), "PACKAGE without a version".to_owned()));
            }
        }
    }
    for attribute in statement.attributes() {
        if let Some((name, version)) = ATTRIBUTES.iter().find(|(name, _)| *name == attribute.name) {
            needs.push((*version, (*name).to_owned()));
        }
    }
    needs
}

fn need_hostids(needs: &mut Vec<(FormatVersion, String)>, hostids: &[HostId]) {
    for hostid in hostids {
        if matches!(hostid, HostId::Internet(_)) {
            needs.push((FormatVersion::new(4, 0), "a hostid INTERNET=".to_owned()));
        } else if hostid.to_string().starts_with("COMPOSITE=") {
            needs.push((FormatVersion::new(8, 4), "a hostid COMPOSITE=".to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Source;

    #[test]
    fn lines_need_the_version_of_their_newest_part() {
        for (line, version) in [
            ("DAEMON v", None),
            ("VENDOR v", Some("6")),
            ("FEATURE f v 1 permanent 1 0A1B2C3D4E5F6071", None),
            ("INCREMENT f v 1 permanent 1", Some("3")),
            ("FEATURE f v 1 permanent 1 HOSTID=INTERNET=1.2.3.*", Some("4")),
            ("FEATURE f v 1 permanent 1 SN=1 DUP_GROUP=U", Some("5")),
            ("FEATURE f v 1 permanent 1 START=1-jan-2027", Some("6")),
            ("FEATURE f v 1 permanent 1 SN=1 SIGN=x", Some("7.1")),
            ("FEATURE f v 1 permanent 1 BORROW HOSTID=COMPOSITE=0123456789ab", Some("8.4")),
            ("PACKAGE p v 1 COMPONENTS=a", Some("4")),
            ("PACKAGE p v 1 COMPONENTS=a OPTIONS=SUITE_RESERVED", Some("8.1")),
            ("FEATURE f v 1 permanent 1 TZ=0", Some("11.7")),
        ] {
            let file = LicenseFile::parse(Source::new("a.lic", line.as_bytes()));
            let newest = needs(&file, &file.lines[0]).into_iter().map(|(version, _)| version).max();
            assert_eq!(newest, version.and_then(FormatVersion::parse), "{line}");
        }
        assert!(FormatVersion::parse("11.7") > FormatVersion::parse("8"));
        assert_eq!(FormatVersion::parse("x"), None);
    }
}
