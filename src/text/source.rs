//! A file as it was read: bytes made text, with line starts.

use std::fmt;
use std::sync::Arc;

/// A byte order mark may open a file; it is no part of its first line.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// A range of bytes in a [`Source`]'s text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One behind the last byte.
    pub end: usize,
}

impl Span {
    /// A span from its ends.
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// Line and column, both from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line number, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// How the bytes of a file became text (`flexnet-files.md` 1.1, Encoding).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Latin1,
}

/// A file's name and text. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
    encoding: Encoding,
    line_starts: Arc<[usize]>,
}

impl Source {
    /// Takes bytes as UTF-8 if they are, else as Latin-1, so no file is refused for its encoding.
    /// Lines end with LF, CRLF or a lone CR.
    #[must_use]
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        let (text, encoding): (Arc<str>, _) = match std::str::from_utf8(bytes) {
            Ok(text) => (Arc::from(text), Encoding::Utf8),
            Err(_) => (bytes.iter().copied().map(char::from).collect::<String>().into(), Encoding::Latin1),
        };
        let mut starts = vec![0];
        let mut rest = text.as_bytes();
        let mut at = 0;
        while let [byte, tail @ ..] = rest {
            at += 1;
            rest = tail;
            if *byte == b'\n' || (*byte == b'\r' && tail.first() != Some(&b'\n')) {
                starts.push(at);
            }
        }
        Self { name: Arc::from(name), text, encoding, line_starts: starts.into() }
    }

    /// The file's name as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the first line begins: behind a byte order mark, if there is one.
    #[must_use]
    pub fn begin(&self) -> usize {
        if self.text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 }
    }

    /// Whether it is UTF-16 with its byte order mark, as that looks when taken for Latin-1.
    #[must_use]
    pub fn is_utf16(&self) -> bool {
        self.text.starts_with("\u{ff}\u{fe}") || self.text.starts_with("\u{fe}\u{ff}")
    }

    /// Whether it was read as Latin-1, as it is no UTF-8.
    #[must_use]
    pub const fn is_latin1(&self) -> bool {
        matches!(self.encoding, Encoding::Latin1)
    }

    /// The text of a span; empty if the span does not fit.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// Turns text of this source back into bytes in the encoding it was read in: `encode(text())` gives the bytes of
    /// the file. Characters that Latin-1 lacks are written in UTF-8.
    #[must_use]
    pub fn encode(&self, text: &str) -> Vec<u8> {
        match self.encoding {
            Encoding::Utf8 => text.as_bytes().to_vec(),
            Encoding::Latin1 => {
                let mut bytes = Vec::with_capacity(text.len());
                for character in text.chars() {
                    match u8::try_from(u32::from(character)) {
                        Ok(byte) => bytes.push(byte),
                        Err(_) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
                    }
                }
                bytes
            }
        }
    }

    /// Where a byte offset is. A byte order mark that opens the file takes no column: editors do not show it.
    #[must_use]
    pub fn place(&self, offset: usize) -> Place {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let mut start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        if start == 0 && self.text.starts_with(BYTE_ORDER_MARK) {
            start = BYTE_ORDER_MARK.len_utf8();
        }
        let column =
            self.text.get(start..offset.min(self.text.len())).map_or(0, |head| head.chars().count()) + 1;
        Place { line, column }
    }

    /// Where a line (from 1) stands, without its end; an empty span at the end if there is no such line.
    #[must_use]
    pub fn line_span(&self, number: usize) -> Span {
        let whole = self.text.len();
        let Some(start) = number.checked_sub(1).and_then(|index| self.line_starts.get(index)).copied() else {
            return Span::new(whole, whole);
        };
        let end = self.line_starts.get(number).copied().unwrap_or(whole);
        let line = self.text.get(start..end).unwrap_or_default().trim_end_matches(['\r', '\n']);
        Span::new(start, start + line.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_with_every_line_end() {
        let source = Source::new("f", b"a\r\nb\rc\n");
        assert_eq!(source.place(0), Place { line: 1, column: 1 });
        assert_eq!(source.place(3), Place { line: 2, column: 1 });
        assert_eq!(source.place(5), Place { line: 3, column: 1 });
        assert_eq!(source.slice(source.line_span(2)), "b");
        assert_eq!(source.line_span(9), Span::new(7, 7));
    }

    #[test]
    fn a_byte_order_mark_takes_no_column() {
        let source = Source::new("f", "\u{feff}ab\n\u{feff}c\n".as_bytes());
        assert_eq!([0, 3, 4].map(|at| source.place(at).column), [1, 1, 2]);
        // Elsewhere it is a character like others.
        assert_eq!(source.place(9), Place { line: 2, column: 2 });
    }

    #[test]
    fn latin1_comes_back_as_the_same_bytes() {
        let bytes = b"NOTICE=\"M\xfcller\"\n";
        let source = Source::new("f", bytes);
        assert!(source.text().contains('ü'));
        assert_eq!(source.encode(source.text()), bytes);
        assert_eq!(source.place(11).column, 11);
    }
}
