//! From text to lines and words (`flexnet-files.md` 4.1). One pass over the text.

use std::borrow::Cow;

use super::finding;
use crate::text::{Finding, Span, is_typographic_quote};

/// One line: physical lines joined by backslashes.
#[derive(Debug)]
pub(super) struct Logical<'a> {
    /// All of it with its line end.
    pub(super) span: Span,
    pub(super) shape: Shape,
    /// None on blank lines and comments.
    pub(super) words: Vec<Word<'a>>,
    /// What is wrong with its layout.
    pub(super) problems: Vec<(Finding, Span)>,
}

/// What a line looks like before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Blank,
    Comment,
    Words,
}

/// A word without its quotes, wrapped lines joined.
#[derive(Debug, Clone)]
pub(super) struct Word<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) span: Span,
    /// Whether a part of it stood in quotes, so that its blanks are meant.
    pub(super) quoted: bool,
}

pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\x0c' | b'\x1a')
}

const fn is_eol(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Splits a text into lines, one call for each.
pub(super) struct Lines<'a> {
    text: &'a str,
    at: usize,
}

/// A word that is being read.
struct Open<'a> {
    start: usize,
    /// Where the text that is not yet in `kept` begins.
    from: usize,
    kept: Cow<'a, str>,
    quoted: bool,
    quote: Option<usize>,
}

impl<'a> Lines<'a> {
    /// Begins at `at`, behind a byte order mark if there is one.
    pub(super) const fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn skip_blanks(&self, mut at: usize) -> usize {
        while self.byte(at).is_some_and(is_blank) {
            at += 1;
        }
        at
    }

    /// The end of the physical line, before its line end.
    fn line_end(&self, at: usize) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        at + rest.iter().position(|byte| is_eol(*byte)).unwrap_or(rest.len())
    }

    fn behind_eol(&self, at: usize) -> usize {
        match (self.byte(at), self.byte(at + 1)) {
            (Some(b'\r'), Some(b'\n')) => at + 2,
            (Some(_), _) => at + 1,
            (None, _) => at,
        }
    }

    fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// If a backslash continues the line: where the next physical line begins, and whether a comment stands behind the
    /// backslash, which outside quotes it may.
    fn continuation(&self, backslash: usize, in_quote: bool) -> Option<(usize, bool)> {
        let behind = self.skip_blanks(backslash + 1);
        match self.byte(behind) {
            None => Some((behind, false)),
            Some(byte) if is_eol(byte) => Some((self.behind_eol(behind), false)),
            Some(b'#') if !in_quote && behind > backslash + 1 => {
                Some((self.behind_eol(self.line_end(behind)), true))
            }
            Some(_) => None,
        }
    }

    fn words(&self, start: usize) -> (Vec<Word<'a>>, Vec<(Finding, Span)>, usize) {
        let (mut words, mut problems) = (Vec::new(), Vec::new());
        let mut open: Option<Open<'a>> = None;
        let mut at = start;
        let end = loop {
            let Some(byte) = self.byte(at) else { break at };
            let in_quote = open.as_ref().is_some_and(|word| word.quote.is_some());
            if is_eol(byte) {
                break self.behind_eol(at);
            }
            if byte == b'\\'
                && let Some((next, commented)) = self.continuation(at, in_quote)
            {
                let begins = self.skip_blanks(next);
                let nothing = match self.byte(begins) {
                    None => true,
                    Some(byte) => is_eol(byte) || (byte == b'#' && !in_quote),
                };
                if nothing {
                    problems.push((finding::CONTINUED_INTO_NOTHING, Span::new(at, at + 1)));
                    self.close(&mut open, at, &mut words);
                    break next;
                }
                if let Some(word) = &mut open {
                    let blank =
                        commented || begins > next || word.text_ends_in_blank(self.slice(word.from, at));
                    if in_quote || !blank {
                        word.join(self.slice(word.from, at), begins, blank);
                    } else {
                        self.close(&mut open, at, &mut words);
                    }
                }
                at = begins;
                continue;
            }
            if is_blank(byte) && !in_quote {
                self.close(&mut open, at, &mut words);
                at = self.skip_blanks(at);
                if self.byte(at) == Some(b'#') {
                    let line_end = self.line_end(at);
                    let comment = self.slice(at, line_end).trim_end_matches([' ', '\t', '\x0c', '\x1a']);
                    if comment.ends_with('\\') {
                        let backslash = at + comment.len() - 1;
                        problems.push((finding::BACKSLASH_IN_COMMENT, Span::new(backslash, backslash + 1)));
                    }
                    break self.behind_eol(line_end);
                }
                continue;
            }
            if byte == b'"' {
                self.quote(&mut open, at, &mut problems);
            } else if open.is_none() {
                open =
                    Some(Open { start: at, from: at, kept: Cow::Borrowed(""), quoted: false, quote: None });
            }
            at += 1;
        };
        if let Some(quote) = open.as_ref().and_then(|word| word.quote) {
            problems.push((finding::OPEN_QUOTE, Span::new(quote, quote + 1)));
        }
        self.close(&mut open, at, &mut words);
        for word in &words {
            problems.extend(odd_character(word));
        }
        (words, problems, end)
    }

    /// A quote opens at the beginning of a word, behind the `+` of a path, or behind `=` or `:`; it closes the word.
    fn quote(&self, open: &mut Option<Open<'a>>, at: usize, problems: &mut Vec<(Finding, Span)>) {
        let Some(word) = open else {
            *open = Some(Open {
                start: at,
                from: at + 1,
                kept: Cow::Borrowed(""),
                quoted: true,
                quote: Some(at),
            });
            return;
        };
        let before = self.slice(word.from, at);
        if word.quote.take().is_some() {
            let behind = self.byte(at + 1);
            if behind.is_some_and(|byte| !is_blank(byte) && !is_eol(byte) && byte != b'\\') {
                problems.push((finding::QUOTE_INSIDE_WORD, Span::new(at, at + 1)));
            }
        } else {
            let may_open = before.ends_with(['=', ':']) || (before == "+" && word.kept.is_empty());
            if !may_open || word.quoted {
                problems.push((finding::QUOTE_INSIDE_WORD, Span::new(at, at + 1)));
            }
            word.quote = Some(at);
            word.quoted = true;
        }
        word.keep(before);
        word.from = at + 1;
    }

    fn close(&self, open: &mut Option<Open<'a>>, at: usize, words: &mut Vec<Word<'a>>) {
        if let Some(mut word) = open.take() {
            word.keep(self.slice(word.from, at));
            words.push(Word { text: word.kept, span: Span::new(word.start, at), quoted: word.quoted });
        }
    }
}

impl<'a> Open<'a> {
    fn keep(&mut self, text: &'a str) {
        if self.kept.is_empty() {
            self.kept = Cow::Borrowed(text);
        } else if !text.is_empty() {
            self.kept.to_mut().push_str(text);
        }
    }

    fn text_ends_in_blank(&self, last: &str) -> bool {
        last.bytes().next_back().or_else(|| self.kept.bytes().next_back()).is_some_and(is_blank)
    }

    /// The blanks before the backslash, the line end and the blanks that open the next line count as one blank.
    fn join(&mut self, text: &'a str, next: usize, blank: bool) {
        self.keep(text);
        let kept = self.kept.trim_end_matches([' ', '\t', '\x0c', '\x1a']).len();
        let joined = self.kept.to_mut();
        joined.truncate(kept);
        if blank {
            joined.push(' ');
        }
        self.from = next;
    }
}

/// Whether a word needs its quotes, as it has characters that look like a quote or a blank.
pub(super) fn looks_odd(text: &str) -> bool {
    let word = Word { text: Cow::Borrowed(text), span: Span::default(), quoted: false };
    odd_character(&word).is_some()
}

/// Characters that look like a quote or a blank but are none.
fn odd_character(word: &Word<'_>) -> Option<(Finding, Span)> {
    if word.quoted || word.text.is_ascii() {
        return None;
    }
    if word.text.contains('\u{a0}') {
        return Some((finding::NO_BREAK_SPACE, word.span));
    }
    (word.text.starts_with(is_typographic_quote) || word.text.ends_with(is_typographic_quote))
        .then_some((finding::TYPOGRAPHIC_QUOTE, word.span))
}

impl<'a> Iterator for Lines<'a> {
    type Item = Logical<'a>;

    fn next(&mut self) -> Option<Logical<'a>> {
        let start = self.at;
        if start >= self.text.len() {
            return None;
        }
        let first = self.skip_blanks(start);
        let shape = match self.byte(first) {
            Some(b'#') => Shape::Comment,
            Some(byte) if !is_eol(byte) => Shape::Words,
            _ => Shape::Blank,
        };
        let (words, problems, end) = if shape == Shape::Words {
            self.words(first)
        } else {
            (Vec::new(), Vec::new(), self.behind_eol(self.line_end(first)))
        };
        self.at = end;
        Some(Logical { span: Span::new(start, end), shape, words, problems })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Vec<String>> {
        let lines: Vec<Logical<'_>> = Lines::new(text, 0).collect();
        let mut at = 0;
        for line in &lines {
            assert_eq!(line.span.start, at);
            at = line.span.end;
        }
        assert_eq!(at, text.len());
        lines
            .into_iter()
            .map(|line| line.words.into_iter().map(|word| word.text.into_owned()).collect())
            .collect()
    }

    #[test]
    fn words_end_at_blanks_outside_quotes() {
        assert_eq!(lines("A \"b c\" d#e # f\n"), [["A", "b c", "d#e"]]);
        assert_eq!(lines("D +\"C:\\a b\\x.log\" X"), [["D", "+C:\\a b\\x.log", "X"]]);
        assert_eq!(lines("E f:NOTICE=\"a b\" USER u"), [["E", "f:NOTICE=a b", "USER", "u"]]);
        assert_eq!(lines("# A\n\r\n B\rC"), [vec![], vec![], vec!["B"], vec!["C"]]);
    }

    #[test]
    fn a_backslash_joins_lines() {
        assert_eq!(lines("G a \\\n  b\\  \r\nc \\ # note\n d\n"), [["G", "a", "bc", "d"]]);
        assert_eq!(lines("G \"a \\\n  b\"\n"), [["G", "a b"]]);
        assert_eq!(lines("G \"a\\\nb\"\n"), [["G", "ab"]]);
        assert_eq!(lines("G a\\\n b\n"), [["G", "a", "b"]]);
        assert_eq!(lines("G a \\\n\nH"), [vec!["G", "a"], vec![], vec!["H"]]);
        assert_eq!(lines("G CORP\\ann C:\\x\\"), [["G", "CORP\\ann", "C:\\x"]]);
    }

    #[test]
    fn layout_mistakes_are_found_where_they_are() {
        for (text, id, at) in [
            ("A \"b", "O0101", 2),
            ("A b\"c\"", "O0102", 3),
            ("A \"b\"c", "O0102", 4),
            ("A \u{201c}b\u{201d}", "O0103", 2),
            ("A b\u{a0}c", "O0104", 2),
            ("A b \\\n\n", "O0105", 4),
            ("A b # c \\\n", "O0106", 8),
        ] {
            let line = Lines::new(text, 0).next().unwrap();
            let found: Vec<_> = line.problems.iter().map(|(found, span)| (found.id, span.start)).collect();
            assert_eq!(found, [(id, at)], "{text:?}");
        }
    }
}
