//! Findings about one options file as they come.

use crate::options::{OptionLine, OptionsFile};
use crate::text::{Diagnostic, Finding, Span};

pub(super) struct Remarks<'a> {
    file: &'a OptionsFile,
    found: Vec<Diagnostic>,
}

impl<'a> Remarks<'a> {
    /// Begins with what the file has found in itself.
    pub(super) fn new(file: &'a OptionsFile) -> Self {
        Self { file, found: file.diagnostics.clone() }
    }

    /// Adds a finding.
    pub(super) fn add(&mut self, row: &Finding, span: Span, message: String, help: &str) {
        let help = if help.is_empty() { None } else { Some(help.to_owned()) };
        self.found.push(Diagnostic { help, ..row.at(span, message) });
    }

    pub(super) fn extend(&mut self, found: impl IntoIterator<Item = Diagnostic>) {
        self.found.extend(found);
    }

    /// The physical line on which a line begins.
    pub(super) fn number(&self, line: &OptionLine) -> usize {
        self.file.source.place(line.span.start).line
    }

    /// The place of a word of a line, from 0; of the whole line if it has fewer.
    pub(super) fn word(&self, line: &OptionLine, index: usize) -> Span {
        self.file.words(line.span).get(index).map_or(line.span, |(_, span)| *span)
    }

    /// The place of the first word behind the name of a group that reads so; of the whole line if there is none.
    pub(super) fn member(&self, line: &OptionLine, name: &str) -> Span {
        let words = self.file.words(line.span);
        words.iter().skip(2).find(|(text, _)| text == name).map_or(line.span, |(_, span)| *span)
    }

    /// By place, none twice.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.found.sort_by(|one, other| (one.span, one.id).cmp(&(other.span, other.id)));
        self.found.dedup();
        self.found
    }
}
