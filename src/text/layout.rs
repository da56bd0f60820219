//! How the canonical layouts of files put words on physical lines.

use thiserror::Error;

/// Physical lines end before this column (`flexnet-files.md` 1.1, Line length).
pub(crate) const COLUMNS: usize = 70;

/// A logical line that is written stays below this many characters if it can, which old readers can hold.
pub(crate) const LINE_CHARS_MAX: usize = 4000;

/// Where terminals put what stands behind the tab that opens a wrapped line.
pub(crate) const INDENT_COLUMNS: usize = 8;

/// What ends a physical line that goes on, with its blank.
pub(crate) const CONTINUATION: &str = " \\";

/// How to lay a file out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Physical lines are wrapped so that they have no more columns than this, if their words allow it.
    pub columns: usize,
}

impl Default for Style {
    /// 70 columns.
    fn default() -> Self {
        Self { columns: COLUMNS }
    }
}

/// Why a file has no canonical layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FormatError {
    /// In another layout the file would say something else, as where two bytes of Latin-1 that a line end parts would
    /// together be a character of UTF-8.
    #[error("in another layout the file would say something else")]
    MeaningChanged,
}

/// A logical line on its way to text.
pub(crate) struct Page<'a> {
    text: String,
    column: usize,
    columns: usize,
    line_end: &'a str,
}

impl<'a> Page<'a> {
    pub(crate) const fn new(columns: usize, line_end: &'a str) -> Self {
        Self { text: String::new(), column: 0, columns, line_end }
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// Whether a blank, so many columns and, unless it is the last of the line, a continuation have room.
    pub(crate) const fn has_room(&self, width: usize, is_last: bool) -> bool {
        let behind = if is_last { 0 } else { CONTINUATION.len() };
        self.column.saturating_add(1 + width + behind) <= self.columns
    }

    pub(crate) fn put(&mut self, piece: &str, blank: bool) {
        if blank {
            self.text.push(' ');
        }
        self.text.push_str(piece);
        self.column += usize::from(blank) + piece.chars().count();
    }

    pub(crate) fn wrap(&mut self) {
        self.text.push_str(CONTINUATION);
        self.text.push_str(self.line_end);
        self.text.push('\t');
        self.column = INDENT_COLUMNS;
    }
}

/// CRLF if each line ends so, else LF.
pub(crate) fn line_end(text: &str) -> &'static str {
    let mut rest = text;
    let mut all = false;
    while let Some(at) = rest.find(['\r', '\n']) {
        match rest.get(at..).and_then(|end| end.strip_prefix("\r\n")) {
            Some(behind) => rest = behind,
            None => return "\n",
        }
        all = true;
    }
    if all { "\r\n" } else { "\n" }
}
