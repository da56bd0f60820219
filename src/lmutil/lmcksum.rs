//! `lmcksum`: numbers that tell whether a license line was typed as it was meant (`flexnet-tools.md` 2.16).
//!
//! The checksum is our own. Of a line it is taken over its words with one blank between them: the keyword in capitals,
//! values without quotes and with wrapped places joined, everything else as written. The attribute `ck` and comments
//! don't count, so the number can be written on its own line. The words as UTF-8 are one big number to base 256, the
//! first byte the highest, and the checksum is the remainder of it by 997: three digits that change with every change
//! of one byte and every exchange of two neighbouring bytes, and with all but one in 997 of other changes.
//!
//! With key fields only, the administrator's attributes, host names, ports and paths don't count: of a SERVER line the
//! hostid counts, of a VENDOR line the vendor. The checksum of a file is that of its lines' checksums, in the order of the
//! file, as three digits each with one blank between them.

use std::fmt::Write as _;

use crate::license::format::on_one_line;
use crate::license::{LicenseFile, Line, LineKind, Statement};
use crate::text::Severity;

/// Any change of one byte or exchange of two neighbours changes the remainder by this prime.
const MODULUS: u32 = 997;

/// What the checksums depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fields {
    /// All words.
    All,
    /// What the publisher signs, and the signature.
    Key,
}

/// What is printed, and whether everything is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// One line for each line of the file that says something, and one for the file.
    pub text: String,
    /// What could not be read, one text for each line of the file that has a mistake.
    pub mistakes: Vec<String>,
    /// Whether each `ck=` fits its line.
    pub fits: bool,
}

/// The checksums of a file.
#[must_use]
pub fn check(file: &LicenseFile, fields: Fields) -> Checked {
    let mut checked = Checked { text: String::new(), mistakes: Vec::new(), fits: true };
    let _ = writeln!(checked.text, "lmcksum: using license file {:?}\n", file.source.name());
    let mut sums = String::new();
    for line in &file.lines {
        if let Some(shown) = on_one_line(file, line) {
            let sum = checksum(&covered(file, line, fields));
            let _ = write!(sums, "{}{sum:03}", if sums.is_empty() { "" } else { " " });
            let written = Statement::of(&line.kind).and_then(|line| line.attribute("ck"));
            let fits = written.is_none_or(|ck| ck.value.as_deref().and_then(number) == Some(sum));
            checked.fits &= fits;
            let _ = writeln!(checked.text, "{sum:03}: {}: {sum:03} {shown}", if fits { "OK" } else { "BAD" });
        } else if matches!(line.kind, LineKind::Invalid | LineKind::Unserved(_)) {
            checked.mistakes.push(mistake(file, line));
        }
    }
    let _ =
        writeln!(checked.text, "\n{:03}: OK: overall checksum of {:?}", checksum(&sums), file.source.name());
    checked
}

/// The text over which the checksum of a line is taken.
fn covered(file: &LicenseFile, line: &Line, fields: Fields) -> String {
    let mut words = file.words_of(line);
    let mut text = words.next().unwrap_or_default().to_ascii_uppercase();
    match (&line.kind, fields) {
        (LineKind::Server(server), Fields::Key) => text = format!("{text} {}", server.hostid),
        (LineKind::Vendor(vendor), Fields::Key) => text = format!("{text} {}", vendor.name),
        _ => {
            let attributes = Statement::of(&line.kind).map(Statement::attributes).unwrap_or_default();
            let positional = words.count().saturating_sub(attributes.len());
            for word in file.words_of(line).skip(1).take(positional) {
                let _ = write!(text, " {word}");
            }
            let counts = |name: &str, is_publishers| name != "ck" && (fields == Fields::All || is_publishers);
            for attribute in attributes.iter().filter(|a| counts(&a.name, a.is_publishers())) {
                let _ = write!(text, " {}", attribute.name);
                if let Some(value) = &attribute.value {
                    let _ = write!(text, "={value}");
                }
            }
        }
    }
    text
}

/// The remainder of a text by 997, its bytes being a number to base 256.
fn checksum(text: &str) -> u32 {
    text.bytes().fold(0, |sum, byte| (sum * 256 + u32::from(byte)) % MODULUS)
}

fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn mistake(file: &LicenseFile, line: &Line) -> String {
    let found = file.diagnostics_of(line).find(|found| found.severity == Severity::Error);
    let found = found.or_else(|| file.diagnostics_of(line).next());
    match found {
        Some(found) => found.line(&file.source),
        None => {
            format!("{}:{}: the line can't be read", file.source.name(), file.source.place(line.span.start))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Source;

    fn sums(text: &str, fields: Fields) -> Vec<String> {
        let file = LicenseFile::parse(Source::new("a.lic", text.as_bytes()));
        let checked = check(&file, fields);
        let rows = checked.text.lines().filter(|row| row.contains(": OK: ") || row.contains(": BAD: "));
        rows.map(|row| row[..3].to_owned()).collect()
    }

    #[test]
    fn the_definition_holds() {
        // 0x4142 = 16706 = 16 * 997 + 754.
        assert_eq!(checksum("AB"), 754);
        let file = LicenseFile::parse(Source::new(
            "a.lic",
            b"increment  f1 v 1.0 \\\n permanent 1 ck=7 a=\"b  c\" SIGN=x # y\n",
        ));
        let line = &file.lines[0];
        assert_eq!(covered(&file, line, Fields::All), "INCREMENT f1 v 1.0 permanent 1 a=b  c SIGN=x");
        assert_eq!(covered(&file, line, Fields::Key), "INCREMENT f1 v 1.0 permanent 1 SIGN=x");
    }

    #[test]
    fn layout_does_not_count_and_every_typing_mistake_does() {
        let line = "FEATURE f1 v 1.0 permanent 10 SN=0815 SIGN=0A1B2C";
        let all = sums(line, Fields::All);
        assert_eq!(
            all,
            sums("# x\nfeature f1  v 1.0 permanent 10 \\\n\tSN=\"0815\" ck=1 SIGN=0A1B2C # y\n", Fields::All)
        );
        for at in 8..line.len() - 1 {
            let mut bytes = line.as_bytes().to_vec();
            bytes.swap(at, at + 1);
            if bytes != line.as_bytes() {
                let text = String::from_utf8(bytes).unwrap();
                assert_ne!(checksum(&text), checksum(line), "{text}");
            }
            for byte in b' '..=b'~' {
                let mut bytes = line.as_bytes().to_vec();
                if std::mem::replace(&mut bytes[at], byte) != byte {
                    assert_ne!(checksum(&String::from_utf8(bytes).unwrap()), checksum(line));
                }
            }
        }
    }

    #[test]
    fn key_fields_leave_out_what_administrators_may_edit() {
        let one = "SERVER h ANY 27000\nVENDOR v /a PORT=1\nFEATURE f1 v 1 permanent 1 a=b SIGN=x\n";
        let other = "SERVER i ANY 27001\nVENDOR v /b\nFEATURE f1 v 1 permanent 1 a=c SIGN=x\n";
        assert_eq!(sums(one, Fields::Key), sums(other, Fields::Key));
        let changed =
            sums(one, Fields::All).iter().zip(sums(other, Fields::All)).filter(|(a, b)| *a != b).count();
        assert_eq!(changed, 4);
    }
}
