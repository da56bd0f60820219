//! From lines to what they say. Every line is read for itself; what is wrong with it becomes diagnostics.

use std::borrow::Cow;

use super::file::{LicenseFile, Line, LineKind};
use super::finding;
use super::keyword::Keyword;
use super::layout::{Layout, Logical, Shape};
use super::lexis::{BadText, Word, Words, attribute, block_text, is_blank, is_decimal, text};
use super::{checks, parse_feature, parse_package, parse_server};
use crate::ident::{NameError, VendorName};
use crate::text::{BYTE_ORDER_MARK, Diagnostic, Finding, Reported, Reporter, Source, Span, nearest, shown};

impl LicenseFile {
    /// Reads a file. Never fails: a line with an error becomes [`LineKind::Invalid`] with a diagnostic, and the rest is
    /// kept. Takes time and memory in proportion to the text.
    #[must_use]
    pub fn parse(source: Source) -> Self {
        let (lines, diagnostics) = if source.is_utf16() {
            let whole = Span::new(0, source.text().len());
            let found = finding::UTF16.at(Span::new(0, 0), "the file is written in UTF-16");
            let found = Diagnostic { help: Some("save it as UTF-8 or plain text".into()), ..found };
            (vec![Line { span: whole, kind: LineKind::Invalid }], vec![found])
        } else {
            read(&source)
        };
        let mut file = Self { source, lines, diagnostics };
        checks::check(&mut file);
        file.diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
        file
    }
}

fn read(source: &Source) -> (Vec<Line>, Vec<Diagnostic>) {
    let text = source.text();
    let begin = source.begin();
    let mut reader = Reader { text, reporter: Reporter::default(), words: Vec::new(), vendor: None };
    let mut lines: Vec<Line> = Layout::new(text, begin)
        .map(|logical| Line { span: logical.span, kind: reader.line(&logical) })
        .collect();
    match lines.first_mut() {
        Some(first) => first.span.start = 0,
        None if begin > 0 => lines.push(Line { span: Span::new(0, begin), kind: LineKind::Blank }),
        None => {}
    }
    (lines, reader.reporter.into_diagnostics())
}

/// One word of the line that is being read: its raw text and its place in the file.
#[derive(Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) raw: &'a str,
    pub(super) span: Span,
}

/// Reads lines and collects what is wrong with them.
pub(super) struct Reader<'a> {
    text: &'a str,
    reporter: Reporter,
    /// Kept between lines, for its memory.
    words: Vec<Token<'a>>,
    /// The last vendor's name: most lines of a file share it.
    vendor: Option<VendorName>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, logical: &Logical) -> LineKind {
        match logical.shape {
            Shape::Blank => return LineKind::Blank,
            Shape::Comment => return LineKind::Comment,
            Shape::Words => {}
        }
        self.reporter.begin_line();
        self.report_layout(logical);
        let line = self.text.get(logical.span.start..logical.span.end).unwrap_or_default();
        let mut words = std::mem::take(&mut self.words);
        words.clear();
        words.extend(Words::new(line).map(|Word { raw, start }| {
            let start = logical.span.start + start;
            Token { raw, span: Span::new(start, start + raw.len()) }
        }));
        let kind = match words.split_first() {
            Some((first, rest)) => self.statement(line, *first, rest),
            None => LineKind::Blank,
        };
        self.words = words;
        kind
    }

    fn report_layout(&mut self, logical: &Logical) {
        for &end in &logical.wraps {
            self.report(
                finding::WRAPPED,
                Span::new(end, end),
                "the line goes on behind this line end without a backslash",
            )
            .help("end the line with a backslash");
        }
        if let Some(at) = logical.dangling {
            self.report(
                finding::CONTINUED_INTO_NOTHING,
                Span::new(at, at + 1),
                "this backslash continues the line, but nothing follows",
            )
            .help("remove it, or the empty or comment line behind it");
        }
        for &at in &logical.in_comments {
            self.report(
                finding::BACKSLASH_IN_COMMENT,
                Span::new(at, at + 1),
                "a backslash inside a comment does not continue the line",
            )
            .help("put it before the #");
        }
    }

    fn statement(&mut self, line: &str, first: Token<'a>, rest: &[Token<'a>]) -> LineKind {
        let whole = Span::new(first.span.start, rest.last().map_or(first.span.end, |last| last.span.end));
        let Some(keyword) = text(first.raw).ok().and_then(|word| Keyword::of(&word)) else {
            return self.without_keyword(line, first, rest.is_empty());
        };
        if first.raw.bytes().any(|byte| byte.is_ascii_lowercase()) {
            self.report(
                finding::KEYWORD_CASE,
                first.span,
                format!("keyword {} is not written in capitals", keyword.as_str()),
            )
            .help(format!("write {}", keyword.as_str()));
        }
        match keyword {
            Keyword::Server => parse_server::server(self, whole, rest),
            Keyword::Vendor | Keyword::Daemon => parse_server::vendor(self, whole, rest),
            Keyword::UseServer => match rest.first() {
                None => LineKind::UseServer,
                Some(word) => {
                    let span = Span::new(word.span.start, whole.end);
                    self.report(finding::TOO_MANY_WORDS, span, "USE_SERVER stands alone on its line")
                        .help("remove what follows it, or begin it with #");
                    LineKind::Invalid
                }
            },
            Keyword::Feature | Keyword::Increment => parse_feature::feature(self, keyword, whole, rest),
            Keyword::Upgrade => parse_feature::upgrade(self, whole, rest),
            Keyword::Package => parse_package::package(self, whole, rest),
            Keyword::FeatureSet => self.unserved(finding::FEATURESET, keyword, first.span, rest),
        }
    }

    /// A line of a kind that is not served; its quotes must be right all the same.
    fn unserved(&mut self, finding: Finding, keyword: Keyword, place: Span, rest: &[Token<'a>]) -> LineKind {
        let mut sound = true;
        for word in rest {
            let value = attribute(word.raw).and_then(|(_, value)| value).unwrap_or(word.raw);
            sound &= self.value(*word, value).is_some();
        }
        if !sound {
            return LineKind::Invalid;
        }
        self.report(finding, place, finding.meaning.trim_end_matches('.')).help("it may stay, or be removed");
        LineKind::Unserved(keyword.as_str().to_owned())
    }

    /// What is no production `statement`: what begins with no keyword is a misspelling, the rest of another line, or prose.
    fn without_keyword(&mut self, line: &str, first: Token<'a>, alone: bool) -> LineKind {
        if alone && is_decimal(first.raw) {
            self.report(finding::DECIMAL, first.span, "a license in decimal format can't be read")
                .help("ask the publisher for the readable form of the license");
            return LineKind::Unserved("decimal".to_owned());
        }
        if self.report_no_break_spaces(&[first]) {
            return LineKind::Invalid;
        }
        if let Some(keyword) = hidden_keyword(first.raw, line) {
            self.report(
                finding::UNKNOWN_KEYWORD,
                first.span,
                format!("a keyword behind or with characters that do not belong to it: {}", shown(first.raw)),
            )
            .help(format!("write {} at the begin of the line", keyword.as_str()));
            return LineKind::Invalid;
        }
        let has_text = first.raw.chars().any(char::is_alphanumeric);
        let misspelt = Keyword::is_misspelt_on(line.trim_start_matches(is_blank));
        if !misspelt && has_text && (first.raw.contains('=') || line.contains('"')) {
            self.report(
                finding::ORPHAN,
                first.span,
                "this looks like the rest of a line that has already ended",
            )
            .help("end the line before it with a backslash, without an empty line between them");
            return LineKind::Invalid;
        }
        let meant = keyword_meant(first.raw, line);
        let capitals =
            has_text && first.raw.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if meant.is_none() && !capitals {
            let help = if first.raw.chars().all(char::is_control) {
                "remove these bytes; the file may be damaged"
            } else {
                "begin it with # if it is a comment"
            };
            self.report(finding::PROSE, first.span, "this line has no keyword and is skipped").help(help);
            return LineKind::Prose;
        }
        self.report(finding::UNKNOWN_KEYWORD, first.span, format!("unknown keyword {}", shown(first.raw)))
            .help(match meant {
                Some(meant) => format!("did you mean {meant}?"),
                None => "begin it with # if it is a comment".to_owned(),
            });
        LineKind::Invalid
    }

    /// Reports each word with a no-break space in it, outside quotes, and says whether there was one.
    pub(super) fn report_no_break_spaces(&mut self, words: &[Token<'a>]) -> bool {
        let mut found = false;
        for token in words.iter().filter(|token| !token.raw.is_ascii()) {
            if matches!(text(token.raw), Err(BadText::NoBreakSpace(_))) {
                found = true;
                self.word(*token);
            }
        }
        found
    }

    /// Adds a diagnostic and hands it out, for its help.
    pub(super) fn report(
        &mut self,
        finding: Finding,
        span: Span,
        message: impl Into<String>,
    ) -> Reported<'_> {
        self.reporter.report(finding, span, message)
    }

    /// A vendor's name.
    pub(super) fn vendor(&mut self, text: &str) -> Result<VendorName, NameError> {
        if let Some(last) = self.vendor.as_ref().filter(|last| last.as_str() == text) {
            return Ok(last.clone());
        }
        let name = VendorName::parse(text)?;
        self.vendor = Some(name.clone());
        Ok(name)
    }

    /// The first place in a span where a text stands; none if it is wrapped there.
    pub(super) fn find(&self, text: &str, within: Span) -> Option<Span> {
        let start = within.start + self.text.get(within.start..within.end)?.find(text)?;
        Some(Span::new(start, start + text.len()))
    }

    /// How many errors there are, to see whether reading a line has added one.
    pub(super) const fn errors(&self) -> usize {
        self.reporter.errors()
    }

    /// The text of a word as a whole.
    pub(super) fn word(&mut self, token: Token<'a>) -> Option<Cow<'a, str>> {
        self.value(token, token.raw)
    }

    /// The text of a value, the last part of its word, without quotes and with wrapped lines joined.
    pub(super) fn value(&mut self, token: Token<'a>, raw: &'a str) -> Option<Cow<'a, str>> {
        let start = token.span.end - raw.len();
        let is_block = token.raw.starts_with("AUTH={");
        let bad = match if is_block { block_text(raw) } else { text(raw) } {
            Ok(value) => {
                if raw.starts_with('"') && value.contains('\'') {
                    let at = start + raw.find('\'').unwrap_or(0);
                    self.report(
                        finding::SINGLE_QUOTE,
                        Span::new(at, at + 1),
                        "a single quote inside a quoted value",
                    )
                    .help("it is read as it stands; lmcrypt refuses to write it");
                }
                return Some(value);
            }
            Err(bad) => bad,
        };
        let span = |at: usize, len: usize| Span::new(start + at, start + at + len);
        match bad {
            BadText::OpenQuote(at) => {
                self.report(finding::OPEN_QUOTE, span(at, 1), "this quote is not closed")
                    .help("close it, and end each wrapped line with a backslash");
            }
            BadText::QuoteInside(at) => {
                let width = raw.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
                self.report(
                    finding::QUOTE_INSIDE_WORD,
                    span(at, width),
                    "a quote must open and close a whole value",
                )
                .help(match raw.as_bytes() {
                    [b'"', b'"', _, ..] => "write one quote, not two",
                    [b'"', ..] => "put a blank behind the closing quote",
                    _ => "put the whole value into quotes, or remove them",
                });
            }
            BadText::OpenBlock(at) => {
                self.report(finding::OPEN_BLOCK, span(at, 1), "this brace is not closed")
                    .help("close it with }, and end each wrapped line with a backslash");
            }
            BadText::Typographic(at, found) => {
                self.report(
                    finding::TYPOGRAPHIC_QUOTE,
                    span(at, found.len_utf8()),
                    format!("typographic quote {found} (U+{:04X}) in the place of \"", u32::from(found)),
                )
                .help("write the plain quote \"");
            }
            BadText::NoBreakSpace(at) => {
                self.report(finding::NO_BREAK_SPACE, span(at, 2), "no-break space (U+00A0) inside a word")
                    .help("write a plain space");
            }
        }
        None
    }
}

/// The keyword of a line before which a mail's `>` stands, or in whose first word characters are hidden that nobody sees.
fn hidden_keyword(first: &str, line: &str) -> Option<Keyword> {
    let is_hidden = |c: char| {
        c.is_control() || c == BYTE_ORDER_MARK || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}')
    };
    if first.chars().any(is_hidden) {
        return Keyword::of(&first.replace(is_hidden, ""));
    }
    let quoted = line.trim_start_matches(|c: char| c == '>' || c == '|' || c.is_whitespace());
    (quoted.len() < line.trim_start().len()).then(|| Keyword::of_line(quoted)).flatten()
}

/// The keyword that was probably meant by the first word of a line, which is none.
fn keyword_meant(first: &str, line: &str) -> Option<&'static str> {
    let shortened = || {
        let is_begin = |name: &&str| {
            name.len() > first.len()
                && name.get(..first.len()).is_some_and(|head| head.eq_ignore_ascii_case(first))
        };
        Keyword::names().find(is_begin).filter(|_| first.len() >= 3)
    };
    if first == "USE" && line.split_whitespace().nth(1) == Some("SERVER") {
        return Some(Keyword::UseServer.as_str());
    }
    nearest(first, Keyword::names()).or_else(|| shortened().filter(|_| is_capitals(first)))
}

fn is_capitals(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}
