//! An options file as a whole, and its lines.

use std::borrow::Cow;

use super::directive::Directive;
use super::keyword::Keyword;
use super::lexis::Lines;
use crate::text::{Diagnostic, Source, Span, diagnostics_within};

/// An options file as it was read. Made by [`OptionsFile::parse`], which never fails.
#[derive(Debug, Clone)]
pub struct OptionsFile {
    /// The file's name and text; every span points into it.
    pub source: Source,
    /// All lines in file order. Their spans tile the text.
    pub lines: Vec<Line>,
    /// What is wrong or doubtful, by place.
    pub diagnostics: Vec<Diagnostic>,
}

/// One line of a file: one or more physical lines joined by backslashes.
#[derive(Debug, Clone)]
pub struct Line {
    /// The whole line with its line end. The spans of all lines tile the file.
    pub span: Span,
    /// What it is.
    pub kind: LineKind,
}

/// What a line is.
#[derive(Debug, Clone)]
pub enum LineKind {
    /// Nothing but blanks.
    Blank,
    /// A line whose first non-blank character is `#`.
    Comment,
    /// A line that has an effect. It may have an error all the same: then it has the effect that is safest.
    Option(Box<OptionLine>),
    /// A line with an error and without any effect; a diagnostic says which.
    Invalid,
}

/// A line with a keyword.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionLine {
    /// Its keyword.
    pub keyword: Keyword,
    /// What it says.
    pub directive: Directive,
    /// From the keyword to the last word.
    pub span: Span,
}

impl OptionsFile {
    /// The bytes of the file. For a file as it was read they are the bytes it was read from.
    #[must_use]
    pub fn print(&self) -> Vec<u8> {
        let mut text = String::with_capacity(self.source.text().len());
        for line in &self.lines {
            text.push_str(self.source.slice(line.span));
        }
        self.source.encode(&text)
    }

    /// The lines that have an effect, in file order.
    pub fn options(&self) -> impl Iterator<Item = &OptionLine> {
        self.lines.iter().filter_map(|line| match &line.kind {
            LineKind::Option(option) => Some(&**option),
            _ => None,
        })
    }

    /// The words of the line that begins with a span, without quotes and continuations, and where each stands.
    #[must_use]
    pub fn words(&self, at: Span) -> Vec<(Cow<'_, str>, Span)> {
        let mark = if at.start == 0 { self.source.begin() } else { 0 };
        let line = Lines::new(self.source.text(), at.start + mark).next();
        line.into_iter().flat_map(|line| line.words).map(|word| (word.text, word.span)).collect()
    }

    /// What is wrong or doubtful about a line of this file.
    pub fn diagnostics_of(&self, line: &Line) -> impl Iterator<Item = &Diagnostic> {
        diagnostics_within(&self.diagnostics, line.span)
    }
}
