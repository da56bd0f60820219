//! `lmfmt`: license files in the canonical layout.

use std::time::Duration;

use similar::TextDiff;

use crate::license::format::{FormatError, Style, format};
use crate::license::{LicenseFile, LineKind};
use crate::text::{Severity, Source};

/// So many lines that stay as they are get told; who has read twenty looks at the file itself.
const NOTES_MAX: usize = 20;

/// A difference that is not found in this time is shown as larger than it need be.
const DIFFERENCE_TIME_MAX: Duration = Duration::from_secs(5);

/// A file in the canonical layout.
#[derive(Debug)]
pub struct Formatted {
    /// The whole file, in its encoding.
    pub bytes: Vec<u8>,
    /// Whether it differs from the file as it was read.
    pub is_other: bool,
}

/// Lays a file out.
///
/// # Errors
/// [`FormatError`] if the file would say something else then.
pub fn formatted(file: &LicenseFile, style: Style) -> Result<Formatted, FormatError> {
    let bytes = format(file, style)?;
    let is_other = bytes != file.print();
    Ok(Formatted { bytes, is_other })
}

/// Which lines keep their layout because of a mistake, and which mistake: one text for each line, without a line end.
#[must_use]
pub fn left_as_they_are(file: &LicenseFile) -> Vec<String> {
    let mut notes = Vec::new();
    let mut more = 0_usize;
    for line in file.lines.iter().filter(|line| matches!(line.kind, LineKind::Invalid)) {
        if notes.len() == NOTES_MAX {
            more += 1;
            continue;
        }
        let name = file.source.name();
        let error = file.diagnostics_of(line).find(|found| found.severity == Severity::Error);
        let (at, why) = error.map_or((line.span.start, ""), |found| (found.span.start, &*found.message));
        notes.push(format!("{name}:{}: this line stays as it is: {why}", file.source.place(at)));
    }
    if more > 0 {
        notes.push(format!("{}: {more} more lines stay as they are", file.source.name()));
    }
    notes
}

/// What changes, as a unified diff in the encoding of the file; empty if nothing does.
#[must_use]
pub fn difference(file: &LicenseFile, formatted: &Formatted) -> Vec<u8> {
    let name = file.source.name();
    let new = Source::new(name, &formatted.bytes);
    let diff = TextDiff::configure()
        .timeout(DIFFERENCE_TIME_MAX)
        .diff_lines(file.source.text(), new.text())
        .unified_diff()
        .header(name, &format!("{name} (formatted)"))
        .to_string();
    file.source.encode(&diff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_in_the_encoding_of_the_file() {
        let file = LicenseFile::parse(Source::new("a.lic", b"SERVER  h ANY\n# M\xfcller\n"));
        let formatted = formatted(&file, Style::default()).unwrap();
        assert!(formatted.is_other);
        assert_eq!(
            difference(&file, &formatted),
            b"--- a.lic\n+++ a.lic (formatted)\n@@ -1,2 +1,2 @@\n-SERVER  h ANY\n+SERVER h ANY\n # M\xfcller\n"
        );
    }

    #[test]
    fn lines_with_mistakes_are_told_up_to_a_bound() {
        let text = "FEATURE f1\nSERVER h ANY\n".repeat(30);
        let notes = left_as_they_are(&LicenseFile::parse(Source::new("a.lic", text.as_bytes())));
        assert_eq!(notes.len(), NOTES_MAX + 1);
        assert_eq!(notes[0], "a.lic:1:11: this line stays as it is: vendor is missing");
        assert_eq!(notes[NOTES_MAX], "a.lic: 10 more lines stay as they are");
    }
}
