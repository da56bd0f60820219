//! Back from the canonical text of a signed line to what it says, for a client that verifies a grant and sees no
//! license file.

use thiserror::Error;

use super::canonical::DOMAIN;
use super::file::LicenseFile;
use super::hostid::HostId;
use super::statement::OwnedStatement;
use crate::text::Source;

/// Longest text that is looked at, in bytes; lines that `lmcrypt` signs are far shorter.
const TEXT_BYTES_MAX: usize = 32 * 1024;

/// Why a text is not the canonical text of a line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("this is not the canonical text of a license line")]
pub struct NotCanonical;

/// Names of the fields in small letters, without the hostids of the SERVER lines.
const FIELDS: [&str; 8] = ["vendor", "keyword", "feature", "package", "from", "version", "expiry", "count"];

/// Reads a canonical text: the hostids of the SERVER lines, and the line. The line's spans mean nothing.
///
/// Only texts that [`Statement::canonical`](super::Statement::canonical) gives are accepted: what was read is written
/// again and compared.
///
/// # Errors
/// [`NotCanonical`] for every other text.
pub fn read_canonical(text: &str) -> Result<(Vec<HostId>, OwnedStatement), NotCanonical> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(NotCanonical);
    }
    let mut lines = text.split('\n');
    if lines.next() != Some(DOMAIN) {
        return Err(NotCanonical);
    }
    let (mut servers, mut fields) = (Vec::new(), [const { None }; FIELDS.len()]);
    let mut attributes = String::new();
    for line in lines {
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name, Some(unescaped(value)?)),
            None => (line, None),
        };
        match (FIELDS.iter().position(|known| *known == name), value) {
            (Some(index), Some(value)) => {
                let slot = fields.get_mut(index).ok_or(NotCanonical)?;
                if slot.replace(value).is_some() {
                    return Err(NotCanonical);
                }
            }
            (None, Some(value)) if name == "server" => {
                servers.push(HostId::parse(&value).map_err(|_| NotCanonical)?);
            }
            (_, Some(value)) => attributes.extend([" ", name, "=\"", &value, "\""]),
            (_, None) => attributes.extend([" ", name]),
        }
    }
    // A line of a file again. Fields that its kind does not have, or lacks, show in the comparison.
    let [vendor, keyword, feature, package, from, version, expiry, count] = fields;
    let mut line = keyword.ok_or(NotCanonical)?;
    for field in [feature, package, vendor, from, version, expiry, count].into_iter().flatten() {
        line.extend([" \"", &field, "\""]);
    }
    line.push_str(&attributes);
    let file = LicenseFile::parse(Source::new("", line.as_bytes()));
    let line = file.lines.into_iter().find_map(|line| OwnedStatement::of(line.kind)).ok_or(NotCanonical)?;
    if line.as_statement().canonical(&servers).as_deref() == Ok(text) {
        Ok((servers, line))
    } else {
        Err(NotCanonical)
    }
}

/// A value with its escapes undone, as it may stand between quotes.
fn unescaped(value: &str) -> Result<String, NotCanonical> {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            // An escaped LF can't come from a line of a file.
            '\\' if characters.next() == Some('\\') => text.push('\\'),
            '\\' | '"' | '\r' => return Err(NotCanonical),
            other => text.push(other),
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(lines: &str) -> String {
        let file = LicenseFile::parse(Source::new("a.lic", lines.as_bytes()));
        let servers: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
        let (_, line) = file.statements().next().unwrap();
        line.canonical(&servers).unwrap()
    }

    #[test]
    fn reads_back_what_was_written() {
        for lines in [
            "SERVER h ANY 27000\nINCREMENT f v 2.0 permanent 10 SN=1",
            "SERVER h 00:1A:2B:3C:4D:5E\nFEATURE f v 1.10 31-Dec-2030 5 SUPERSEDE ISSUED=1-jan-2026 \
             VENDOR_STRING=\"a  b\\c\" NOTICE=\"wrapped \\\n  here\" ISSUER=\"\" START=1-jan-2026",
            "FEATURE f v 1 1-jan-00 uncounted HOSTID=\"HOSTNAME=ws01 ID=12-34\"",
            "SERVER h VM_UUID=564DC2C6-A4F1-0B1C-2D3E-4F5061728394\nUPGRADE f v 1.0 2.00 permanent 02 SN=1",
            "SERVER h disk_serial_num=3E2E-17FD\nPACKAGE p v 1.0 OPTIONS=SUITE COMPONENTS=\"a:1.0  b\"",
            "SERVER h HOSTNAME=DOM\\pc\nFEATURE \"#f\\g\" v\\w 1.0 permanent 5 NOTICE=\"a \u{b} # \\ b\\\"",
            "FEATURE \"SIGN=f\" \"\u{201c}v\u{201d}\" \"1.0\" \"permanent\" \"5\"",
            "SERVER h CONTAINER_ID=0F\nPACKAGE p v COMPONENTS=\"a:1.0:3 b:c\" SUPERSEDE ISSUED=1-jan-2026",
        ] {
            let text = text_of(lines);
            let (servers, line) = read_canonical(&text).unwrap();
            assert_eq!(line.as_statement().canonical(&servers), Ok(text));
        }
        let (servers, line) =
            read_canonical(&text_of("SERVER h ANY\nFEATURE f v 2.0 31-dec-2030 5 START=1-jan-2026")).unwrap();
        assert_eq!(servers, [HostId::Any]);
        let OwnedStatement::Feature(line) = line else { panic!("{line:?}") };
        assert_eq!((line.name.as_str(), line.vendor.as_str(), line.version.as_str()), ("f", "v", "2.0"));
        assert_eq!(line.expiry.to_string(), "31-dec-2030");
        assert_eq!(line.start().unwrap().to_string(), "1-jan-2026");
    }

    #[test]
    fn every_other_text_is_refused() {
        let text = text_of("SERVER h ANY\nFEATURE f v 2.0 permanent 5 NOTICE=n SN=1");
        for (from, to) in [
            ("seatkeeper-license-line-v1", "seatkeeper-license-line-v2"),
            ("\nserver=ANY", "\nserver=any"),
            ("\ncount=5", ""),
            ("\ncount=5", "\ncount=5\ncount=6"),
            ("\ncount=5", "\ncount=5 SN=2"),
            ("\nfeature=f", "\nfeature=f g"),
            ("\nNOTICE=n\nSN=1", "\nSN=1\nNOTICE=n"),
            ("\nNOTICE=n", "\nNOTICE=n\nnotice=n"),
            ("\nNOTICE=n", "\nNOTICE=n\\n"),
            ("\nNOTICE=n", "\nNOTICE=n\\"),
            ("\nNOTICE=n", "\nNOTICE=\"n\""),
            ("\nNOTICE=n", "\nNOTICE=n\" SN=\"2"),
            ("\nSN=1", "\nSN=1\n"),
            ("\nkeyword=FEATURE", "\nkeyword=feature"),
            ("\nkeyword=FEATURE", "\nkeyword=FEATURE\n"),
        ] {
            let edited = text.replacen(from, to, 1);
            assert_ne!(edited, text);
            assert_eq!(read_canonical(&edited), Err(NotCanonical), "{from:?} -> {to:?}");
        }
        let upgrade = text_of("SERVER h ANY\nUPGRADE f v 1.0 2.0 permanent 5 SN=1");
        let package = text_of("SERVER h ANY\nPACKAGE p v 1.0 COMPONENTS=\"a b\"");
        for (text, from, to) in [
            (&upgrade, "\nfrom=1.0", ""),
            (&upgrade, "\nfrom=1.0", "\nfrom=2.0"),
            (&upgrade, "\nkeyword=UPGRADE", "\nkeyword=INCREMENT"),
            (&upgrade, "\nfeature=f", "\npackage=f"),
            (&upgrade, "\nfeature=f\nfrom=1.0", "\nfrom=1.0\nfeature=f"),
            (&package, "\npackage=p", "\nfeature=p"),
            (&package, "\nversion=1.0", "\nversion=1.0\ncount=5"),
            (&package, "\nversion=1.0", "\nversion=0A1B2C3D4E5F"),
            (&package, "\nversion=1.0", "\nfrom=1.0"),
            (&package, "COMPONENTS=a b", "COMPONENTS=a a"),
        ] {
            let edited = text.replacen(from, to, 1);
            assert_ne!(edited, *text);
            assert_eq!(read_canonical(&edited), Err(NotCanonical), "{from:?} -> {to:?}");
        }
        assert_eq!(read_canonical(""), Err(NotCanonical));
        assert_eq!(read_canonical(&format!("{text}{}", "x".repeat(40_000))), Err(NotCanonical));
    }
}
