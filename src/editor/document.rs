//! A file of either language.

use std::borrow::Cow;

use crate::license::{self, LicenseFile};
use crate::options::{self, OptionsFile};
use crate::text::{Diagnostic, Source, Span};

/// A file of either language.
#[derive(Debug, Clone)]
pub enum Document {
    /// A license file.
    License(LicenseFile),
    /// An options file.
    Options(OptionsFile),
}

impl Document {
    /// Reads a text as a file of the same language, under the same name.
    #[must_use]
    pub fn with_text(&self, text: &str) -> Self {
        let source = Source::new(self.source().name(), text.as_bytes());
        match self {
            Self::License(_) => Self::License(LicenseFile::parse(source)),
            Self::Options(_) => Self::Options(OptionsFile::parse(source)),
        }
    }

    /// Name and text.
    #[must_use]
    pub const fn source(&self) -> &Source {
        match self {
            Self::License(file) => &file.source,
            Self::Options(file) => &file.source,
        }
    }

    /// What the file has found in itself.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::License(file) => &file.diagnostics,
            Self::Options(file) => &file.diagnostics,
        }
    }

    /// How many lines there are, wrapped ones counted once.
    #[must_use]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::License(file) => file.lines.len(),
            Self::Options(file) => file.lines.len(),
        }
    }

    /// The line, from 0, that a byte belongs to; none behind the last line end.
    #[must_use]
    pub(super) fn line_at(&self, offset: usize) -> Option<usize> {
        let behind = match self {
            Self::License(file) => file.lines.partition_point(|line| line.span.start <= offset),
            Self::Options(file) => file.lines.partition_point(|line| line.span.start <= offset),
        };
        let index = behind.checked_sub(1)?;
        let whole = self.line_span(index);
        let ended = offset == whole.end && self.source().slice(whole).ends_with(['\r', '\n']);
        if ended { None } else { Some(index) }
    }

    /// The whole of a line with its line end; an empty span if there is no such line.
    #[must_use]
    pub(super) fn line_span(&self, index: usize) -> Span {
        let span = match self {
            Self::License(file) => file.lines.get(index).map(|line| line.span),
            Self::Options(file) => file.lines.get(index).map(|line| line.span),
        };
        span.unwrap_or_default()
    }

    /// Whether a line is a comment from its begin.
    #[must_use]
    pub(super) fn is_comment(&self, index: usize) -> bool {
        match self {
            Self::License(file) => {
                file.lines.get(index).is_some_and(|line| matches!(line.kind, license::LineKind::Comment))
            }
            Self::Options(file) => {
                file.lines.get(index).is_some_and(|line| matches!(line.kind, options::LineKind::Comment))
            }
        }
    }

    /// Whether errors that the file finds in itself come of how the line at a byte is written. A license line without such errors is
    /// compared with others, and may have errors of that.
    #[must_use]
    pub(super) fn may_be_damaged(&self, offset: usize) -> bool {
        match (self, self.line_at(offset)) {
            (Self::License(file), Some(index)) => {
                file.lines.get(index).is_some_and(|line| matches!(line.kind, license::LineKind::Invalid))
            }
            (Self::License(_), None) => false,
            (Self::Options(_), _) => true,
        }
    }

    /// The words of a line without their quotes, and where each stands.
    #[must_use]
    pub(super) fn words(&self, index: usize) -> Vec<(Cow<'_, str>, Span)> {
        if self.is_comment(index) {
            return Vec::new();
        }
        match self {
            Self::License(file) => {
                file.lines.get(index).map_or_else(Vec::new, |line| file.placed_words_of(line))
            }
            Self::Options(file) => file.words(self.line_span(index)),
        }
    }
}
