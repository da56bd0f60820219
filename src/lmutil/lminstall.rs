//! `lminstall`: license files from mails and terminals, laid out, split and merged (`flexnet-tools.md` 2.19).

mod merge;
mod split;

use std::io::{self, BufRead};

pub use merge::{Merged, merge};
pub use split::{Part, split};

use crate::license::format_version::{FormatVersion, needs};
use crate::license::{LicenseFile, Line, LineKind, Statement};
use crate::platform::LICENSE_FILE_BYTES_MAX;
use crate::text::{Severity, Source};

/// What ends typed text when it stands alone on its line.
const END: &[u8] = b"q";

/// Reads what is typed, up to `q` on a line of its own, two empty lines in a row or the end.
///
/// # Errors
/// What the system said, or that the text is longer than a license file may be.
pub fn typed(input: impl BufRead) -> io::Result<Vec<u8>> {
    let mut input = input.take(LICENSE_FILE_BYTES_MAX);
    let (mut bytes, mut empty) = (Vec::new(), 0);
    loop {
        let begin = bytes.len();
        if input.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let line = bytes.get(begin..).unwrap_or_default().trim_ascii();
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if line == END || empty == 2 {
            bytes.truncate(begin);
            return Ok(bytes);
        }
    }
    if input.limit() == 0 {
        let text = format!("it has {LICENSE_FILE_BYTES_MAX} bytes or more");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

/// Lines in decimal format, which can't be read and so not be converted: one text for each.
#[must_use]
pub fn decimal_lines(file: &LicenseFile) -> Vec<String> {
    let is_decimal = |line: &&Line| matches!(&line.kind, LineKind::Unserved(kind) if kind == "decimal");
    file.lines
        .iter()
        .filter(is_decimal)
        .flat_map(|line| file.diagnostics_of(line).take(1))
        .map(|found| found.line(&file.source))
        .collect()
}

/// What of a file can't be said in an older version of the license format: one text for each line.
#[must_use]
pub fn too_new(file: &LicenseFile, version: FormatVersion) -> Vec<String> {
    let mut reasons = Vec::new();
    for line in &file.lines {
        let newer: Vec<_> = needs(file, line).into_iter().filter(|(needed, _)| *needed > version).collect();
        let Some(needed) = newer.iter().map(|(needed, _)| *needed).max() else { continue };
        let what: Vec<&str> = newer.iter().map(|(_, what)| &**what).collect();
        reasons.push(format!(
            "{}:{}: {} can't be said in version {version} of the license format, only from {needed} on",
            file.source.name(),
            first_line(file, line),
            what.join(", ")
        ));
    }
    reasons
}

/// The number of the physical line on which a line's words begin.
fn first_line(file: &LicenseFile, line: &Line) -> usize {
    file.source.place(line.span.start).line
}

/// Lines with a mistake, of which nobody knows where they belong: one text for each.
fn mistakes(file: &LicenseFile) -> Vec<String> {
    file.lines
        .iter()
        .filter(|line| matches!(line.kind, LineKind::Invalid))
        .flat_map(|line| file.diagnostics_of(line).find(|found| found.severity == Severity::Error))
        .map(|found| found.line(&file.source))
        .collect()
}

/// A line as it goes into another file, ended by LF. Prose becomes a comment, so that it is never taken for the rest of
/// the line before it.
fn carried(file: &LicenseFile, line: &Line) -> String {
    let text = crate::license::format::body(file, line);
    match line.kind {
        LineKind::Prose => format!("# {text}\n"),
        _ => format!("{text}\n"),
    }
}

/// Bytes that are read as the text: in the encoding of the file that it comes from if they can be, else in UTF-8.
fn encoded(source: &Source, text: &str) -> Vec<u8> {
    let bytes = source.encode(text);
    if Source::new("", &bytes).text() == text { bytes } else { text.as_bytes().to_vec() }
}

/// What signatures cover of a line under the SERVER lines of its file, and the signatures.
fn signed(file: &LicenseFile, line: Statement<'_>) -> (Option<String>, Vec<Option<String>>) {
    let hostids: Vec<_> = file.servers().map(|server| server.hostid.clone()).collect();
    let signatures = ["SIGN", "SIGN2", "AUTH"]
        .map(|name| line.attribute(name).and_then(|attribute| attribute.value.clone()))
        .to_vec();
    (line.canonical(&hostids).ok(), signatures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_ends_with_q_two_empty_lines_or_the_end() {
        for (input, read) in [
            ("a\nq\nb\n", "a\n"),
            ("a\r\n q \r\nb\n", "a\r\n"),
            ("a\n\n\nb\n", "a\n\n"),
            ("a\n\nb\n", "a\n\nb\n"),
            ("a", "a"),
            ("", ""),
        ] {
            assert_eq!(typed(input.as_bytes()).unwrap(), read.as_bytes(), "{input:?}");
        }
    }
}
