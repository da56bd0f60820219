//! The line and the word at a place.

use std::borrow::Cow;

use super::document::Document;
use crate::text::Span;

/// What stands about a place in a document.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    /// The words of the line, without their quotes, and where each stands.
    pub(super) words: Vec<(Cow<'a, str>, Span)>,
    /// Which word the place is in or directly behind, from 0; between words the next one that could be written.
    pub(super) index: usize,
    /// The word at the place; empty between words.
    pub(super) span: Span,
    /// The line, unless the place is behind the last line end.
    pub(super) line: Option<usize>,
    /// What stands of the word before the place.
    pub(super) head: &'a str,
}

impl<'a> Cursor<'a> {
    /// The cursor at a byte; none in a comment.
    pub(super) fn at(document: &'a Document, offset: usize) -> Option<Self> {
        let source = document.source();
        let Some(line) = document.line_at(offset) else {
            let span = Span::new(offset, offset);
            return Some(Self { words: Vec::new(), index: 0, span, line: None, head: "" });
        };
        if document.is_comment(line) {
            return None;
        }
        let words = document.words(line);
        let before = words.iter().take_while(|(_, span)| span.end < offset).count();
        let at = words.get(before).filter(|(_, span)| span.start <= offset);
        let span = at.map_or(Span::new(offset, offset), |(_, span)| *span);
        if at.is_none() {
            let gap_from = before.checked_sub(1).and_then(|index| words.get(index));
            let gap =
                Span::new(gap_from.map_or(document.line_span(line).start, |(_, span)| span.end), offset);
            // The end of a wrapped line ends its comment.
            let gap = source.slice(gap);
            if gap.rsplit(['\r', '\n']).next().is_some_and(|gap| gap.contains('#')) {
                return None;
            }
        }
        let head = source.slice(Span::new(span.start, offset));
        Some(Self { words, index: before, span, line: Some(line), head })
    }

    /// A word of the line.
    pub(super) fn word(&self, index: usize) -> Option<&str> {
        self.words.get(index).map(|(text, _)| &**text)
    }

    /// The text of the word at the place.
    pub(super) fn text(&self) -> &str {
        if self.span.start == self.span.end { "" } else { self.word(self.index).unwrap_or_default() }
    }
}
