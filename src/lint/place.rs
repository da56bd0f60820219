//! Places in a file, as findings name and underline them.

use crate::license::{LicenseFile, Statement};
use crate::text::Span;

/// The fields of a statement that findings underline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    Vendor,
    Expiry,
}

/// The place of a field; of the whole line if it is not where it should be.
pub(super) fn field(file: &LicenseFile, statement: Statement<'_>, field: Field) -> Span {
    let number = match (field, statement) {
        (Field::Name, _) => 1,
        (Field::Vendor, _) => 2,
        (Field::Expiry, Statement::Upgrade(_)) => 5,
        (Field::Expiry, _) => 4,
    };
    word(file, statement.span(), number)
}

/// The place of an attribute; of the name if there is none.
pub(super) fn attribute(file: &LicenseFile, statement: Statement<'_>, name: &str) -> Span {
    statement.attribute(name).map_or_else(|| field(file, statement, Field::Name), |attribute| attribute.span)
}

/// The place of a word of a line, from 0. The fields in front of the attributes hold no blanks, so blanks and
/// continuations are all that is between them.
pub(super) fn word(file: &LicenseFile, line: Span, number: usize) -> Span {
    let text = file.source.slice(line);
    let mut at = 0;
    let word = text
        .split_inclusive(|c: char| c.is_whitespace() || c == '\\')
        .map(|piece| {
            let start = at;
            at += piece.len();
            Span::new(start, start + piece.trim_end_matches(|c: char| c.is_whitespace() || c == '\\').len())
        })
        .filter(|span| span.end > span.start)
        .nth(number);
    word.map_or(line, |word| Span::new(line.start + word.start, line.start + word.end))
}

/// `file:line` of a place.
pub(super) fn shown(file: &LicenseFile, at: Span) -> String {
    format!("{}:{}", file.source.name(), file.source.place(at.start).line)
}
