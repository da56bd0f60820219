//! From text to lines: which physical lines belong together (`flexnet-files.md` 1.1: Comment, Continuation, Line
//! without a keyword, Whitespace after `\`, Line ends). One pass over the text, no allocation for each character.

use super::keyword::Keyword;
use super::lexis::{is_bare_key, is_blank, is_decimal};
use crate::text::Span;

/// One line: physical lines joined by a backslash, or appended because the line was incomplete.
#[derive(Debug, Default)]
pub(super) struct Logical {
    /// All of it with its line end.
    pub(super) span: Span,
    pub(super) shape: Shape,
    /// Ends of physical lines behind which the next one was appended without a backslash.
    pub(super) wraps: Vec<usize>,
    /// A backslash that continues into an empty line, a comment or the end of the file.
    pub(super) dangling: Option<usize>,
    /// Backslashes at the end of trailing comments.
    pub(super) in_comments: Vec<usize>,
}

/// What a line looks like before it is read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing but blanks.
    #[default]
    Blank,
    /// `#` is its first non-blank character.
    Comment,
    /// It has words.
    Words,
}

/// One physical line: where its text ends and where the next one begins.
#[derive(Clone, Copy)]
struct Physical {
    start: usize,
    end: usize,
    next: usize,
}

/// Splits a text into productions `blank-line`, `comment-line` and what may be a `statement`, one call for each.
pub(super) struct Layout<'a> {
    text: &'a str,
    at: usize,
    /// The physical line that begins at `at`, if it has been looked at already.
    ahead: Option<Physical>,
}

impl<'a> Layout<'a> {
    /// Begins at `at`, behind a byte order mark if there is one.
    pub(super) const fn new(text: &'a str, at: usize) -> Self {
        Self { text, at, ahead: None }
    }

    fn physical(&self, start: usize) -> Option<Physical> {
        let rest = self.text.as_bytes().get(start..)?;
        if rest.is_empty() {
            return None;
        }
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        let ending = match rest.get(end..) {
            Some([b'\r', b'\n', ..]) => 2,
            Some([_, ..]) => 1,
            _ => 0,
        };
        Some(Physical { start, end: start + end, next: start + end + ending })
    }

    fn content(&self, line: Physical) -> &'a str {
        self.text.get(line.start..line.end).unwrap_or_default().trim_start_matches(is_blank)
    }
}

impl Iterator for Layout<'_> {
    type Item = Logical;

    fn next(&mut self) -> Option<Logical> {
        let first = self.ahead.take().or_else(|| self.physical(self.at))?;
        let mut logical = Logical { span: Span::new(self.at, first.next), ..Logical::default() };
        self.at = first.next;
        let content = self.content(first);
        if content.is_empty() {
            return Some(logical);
        }
        if content.starts_with('#') {
            logical.shape = Shape::Comment;
            return Some(logical);
        }
        logical.shape = Shape::Words;
        let mut scan = Scan::new(Keyword::of_line(content));
        let mut line = first;
        loop {
            let end = scan.feed(self.text, line, &mut logical.in_comments);
            let next = self.physical(line.next);
            self.ahead = next;
            match end {
                End::Continued { backslash } => match next {
                    Some(next) if scan.joins(self.content(next)) => line = next,
                    _ => {
                        logical.dangling = Some(backslash);
                        break;
                    }
                },
                End::Ended { content_end } => match next {
                    Some(next) if scan.wants(self.content(next)) => {
                        logical.wraps.push(content_end);
                        line = next;
                    }
                    _ => break,
                },
            }
            logical.span.end = line.next;
        }
        self.at = logical.span.end;
        Some(logical)
    }
}

/// Whether a physical line is production `decimal-line` with nothing but a comment behind it.
fn is_decimal_line(line: &str) -> bool {
    let (word, rest) = line.split_at(line.find(is_blank).unwrap_or(line.len()));
    let rest = rest.trim_start_matches(is_blank);
    (rest.is_empty() || rest.starts_with('#')) && is_decimal(word)
}

/// How a physical line ends.
enum End {
    Continued { backslash: usize },
    Ended { content_end: usize },
}

/// What has been seen of a line so far: enough to know whether it is complete.
struct Scan {
    /// How many words stand before the attributes, if the line is one that is signed.
    fields: Option<usize>,
    /// Whether a bare key may stand one word later, behind the version of a PACKAGE line.
    package: bool,
    in_quote: bool,
    /// Open braces of an `AUTH={` block.
    depth: usize,
    word_start: Option<usize>,
    /// Behind the last character that is neither blank, comment nor continuation.
    content_end: usize,
    words: usize,
    signed: bool,
}

impl Scan {
    fn new(keyword: Option<Keyword>) -> Self {
        Self {
            fields: keyword.and_then(Keyword::fields),
            package: keyword == Some(Keyword::Package),
            in_quote: false,
            depth: 0,
            word_start: None,
            content_end: 0,
            words: 0,
            signed: false,
        }
    }

    const fn is_open(&self) -> bool {
        self.in_quote || self.depth > 0
    }

    /// Whether a backslash joins this line: anything but an empty line or, outside quotes, a comment.
    fn joins(&self, next: &str) -> bool {
        !next.is_empty() && (self.is_open() || !next.starts_with('#'))
    }

    /// Whether this line is appended without a backslash: it has no keyword, and the line before it is incomplete.
    ///
    /// DECISION: a keyword that is misspelt ends the line before it too, so that it is reported as what it is and not as
    /// attributes of another line; not in quotes and braces, where anything may stand.
    fn wants(&self, next: &str) -> bool {
        let incomplete =
            self.is_open() || self.fields.is_some_and(|fields| self.words < fields || !self.signed);
        incomplete
            && !next.is_empty()
            && !next.starts_with('#')
            && Keyword::of_line(next).is_none()
            && !is_decimal_line(next)
            && (self.is_open() || !Keyword::is_misspelt_on(next))
    }

    fn end_word(&mut self, text: &str) {
        if self.is_open() {
            return;
        }
        let Some(start) = self.word_start.take() else { return };
        self.words += 1;
        let word = text.get(start..self.content_end).unwrap_or_default();
        let Some(behind) = self.fields.and_then(|fields| self.words.checked_sub(fields + 1)) else { return };
        self.signed |= ["SIGN=", "SIGN2=", "AUTH="].iter().any(|name| word.starts_with(name))
            || (behind <= usize::from(self.package) && is_bare_key(word));
    }

    fn feed(&mut self, text: &str, line: Physical, in_comments: &mut Vec<usize>) -> End {
        let bytes = text.as_bytes().get(line.start..line.end).unwrap_or_default();
        let mut after_blank = true;
        let mut index = 0;
        while let Some(byte) = bytes.get(index) {
            let at = line.start + index;
            index += 1;
            if is_blank(char::from(*byte)) {
                self.end_word(text);
                after_blank = true;
                continue;
            }
            match byte {
                b'\\' if self.is_continuation(bytes.get(index..).unwrap_or_default()) => {
                    if text.get(at + 1..line.end).is_some_and(|rest| rest.contains('#')) {
                        self.end_word(text);
                        self.note_comment(text, at + 1, line.end, in_comments);
                    }
                    return End::Continued { backslash: at };
                }
                b'#' if after_blank && !self.is_open() => {
                    self.note_comment(text, at, line.end, in_comments);
                    break;
                }
                b'"' => self.in_quote = !self.in_quote,
                b'{' if self.depth > 0 && !self.in_quote => self.depth += 1,
                b'}' if self.depth > 0 && !self.in_quote => self.depth -= 1,
                b'{' if !self.in_quote
                    && self.word_start.is_some_and(|start| text.get(start..at) == Some("AUTH=")) =>
                {
                    self.depth = 1;
                }
                _ => {}
            }
            if self.word_start.is_none() {
                self.word_start = Some(at);
            }
            after_blank = false;
            index += self.run(bytes.get(index..).unwrap_or_default(), line.start + index);
        }
        self.end_word(text);
        End::Ended { content_end: self.content_end }
    }

    /// How many bytes from here on mean nothing: in quotes all but quotes and backslashes, outside of them also blanks and
    /// braces do.
    fn run(&mut self, rest: &[u8], start: usize) -> usize {
        let end = if self.in_quote {
            rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))
        } else {
            rest.iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | b'{' | b'}') || is_blank(char::from(*byte)))
        };
        let end = end.unwrap_or(rest.len());
        let run = rest.get(..end).unwrap_or_default();
        let last = run.iter().rposition(|byte| !is_blank(char::from(*byte))).map_or(0, |last| last + 1);
        self.content_end = start + last;
        end
    }

    /// Whether what follows a backslash makes it a continuation: nothing, or outside quotes a comment behind a blank.
    fn is_continuation(&self, rest: &[u8]) -> bool {
        let blanks = rest.iter().take_while(|byte| is_blank(char::from(**byte))).count();
        match rest.get(blanks) {
            None => true,
            Some(b'#') => blanks > 0 && !self.is_open(),
            Some(_) => false,
        }
    }

    fn note_comment(&self, text: &str, start: usize, end: usize, in_comments: &mut Vec<usize>) {
        let comment = text.get(start..end).unwrap_or_default().trim_end_matches(is_blank);
        if comment.ends_with('\\') {
            in_comments.push(start + comment.len() - 1);
        }
    }
}
