//! `lmfmt`: license and options files in the canonical layout.

use super::difference::unified;
use crate::editor::Document;
use crate::text::layout::{FormatError, Style};
use crate::text::{Diagnostic, Severity, Span};
use crate::{license, options};

/// So many lines that stay as they are get told; who has read twenty looks at the file itself.
const NOTES_MAX: usize = 20;

/// A file in the canonical layout.
#[derive(Debug)]
pub struct Formatted {
    /// The whole file, in its encoding.
    pub bytes: Vec<u8>,
    /// Whether it differs from the file as it was read.
    pub is_other: bool,
}

/// The lines that keep their layout, each with its first error if it has one.
fn left(file: &Document) -> Vec<(Span, Option<&Diagnostic>)> {
    fn error<'d>(mut found: impl Iterator<Item = &'d Diagnostic>) -> Option<&'d Diagnostic> {
        found.find(|found| found.severity == Severity::Error)
    }
    match file {
        Document::License(file) => {
            let left = file.lines.iter().filter(|line| matches!(line.kind, license::LineKind::Invalid));
            left.map(|line| (line.span, error(file.diagnostics_of(line)))).collect()
        }
        Document::Options(file) => {
            let all = file.lines.iter().map(|line| (line.span, error(file.diagnostics_of(line))));
            all.filter(|(_, error)| error.is_some()).collect()
        }
    }
}

/// Lays a file out.
///
/// # Errors
/// [`FormatError`] if the file would say something else then.
pub fn formatted(file: &Document, style: Style) -> Result<Formatted, FormatError> {
    let (bytes, before) = match file {
        Document::License(file) => (license::format::format(file, style)?, file.print()),
        Document::Options(file) => (options::format::format(file, style)?, file.print()),
    };
    let is_other = bytes != before;
    Ok(Formatted { bytes, is_other })
}

/// Which lines keep their layout because of a mistake, and which mistake: one text for each line, without a line end.
#[must_use]
pub fn left_as_they_are(file: &Document) -> Vec<String> {
    let source = file.source();
    let left = left(file);
    let more = left.len().saturating_sub(NOTES_MAX);
    let mut notes: Vec<String> = left
        .into_iter()
        .take(NOTES_MAX)
        .map(|(span, error)| {
            let (at, why) = error.map_or((span.start, ""), |found| (found.span.start, &*found.message));
            format!("{}:{}: this line stays as it is: {why}", source.name(), source.place(at))
        })
        .collect();
    if more > 0 {
        let stay = if more == 1 { "stays as it is" } else { "stay as they are" };
        notes.push(format!("{}: {} {stay}", source.name(), crate::text::counted(more, "more line")));
    }
    notes
}

/// What changes, as a unified diff in the encoding of the file; empty if nothing does.
#[must_use]
pub fn difference(file: &Document, formatted: &Formatted) -> Vec<u8> {
    unified(file.source(), &formatted.bytes, "formatted")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::license::LicenseFile;
    use crate::text::Source;

    #[test]
    fn a_difference_is_in_the_encoding_of_the_file() {
        let file =
            Document::License(LicenseFile::parse(Source::new("a.lic", b"SERVER  h ANY\n# M\xfcller\n")));
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
        let notes =
            left_as_they_are(&Document::License(LicenseFile::parse(Source::new("a.lic", text.as_bytes()))));
        assert_eq!(notes.len(), NOTES_MAX + 1);
        assert_eq!(notes[0], "a.lic:1:11: this line stays as it is: vendor is missing");
        assert_eq!(notes[NOTES_MAX], "a.lic: 10 more lines stay as they are");
    }
}
