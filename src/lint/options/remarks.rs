//! Findings about one options file as they come.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::options::{OptionLine, OptionsFile};
use crate::text::{Diagnostic, Finding, Span};

pub(super) struct Remarks<'a> {
    file: &'a OptionsFile,
    found: Vec<Diagnostic>,
    /// Of the line that was asked about last: a line may have a thousand names, and each is asked for.
    words: RefCell<Words>,
}

/// Where the words of a line stand.
#[derive(Default)]
struct Words {
    line: Option<Span>,
    spans: Vec<Span>,
    /// The first place of each word behind the name of a group.
    members: BTreeMap<String, Span>,
}

impl<'a> Remarks<'a> {
    /// Begins with what the file has found in itself.
    pub(super) fn new(file: &'a OptionsFile) -> Self {
        Self { file, found: file.diagnostics.clone(), words: RefCell::default() }
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
        self.of_line(line, |words| words.spans.get(index).copied())
    }

    /// The place of the first word behind the name of a group that reads so; of the whole line if there is none.
    pub(super) fn member(&self, line: &OptionLine, name: &str) -> Span {
        self.of_line(line, |words| words.members.get(name).copied())
    }

    fn of_line(&self, line: &OptionLine, find: impl FnOnce(&Words) -> Option<Span>) -> Span {
        let mut words = self.words.borrow_mut();
        if words.line != Some(line.span) {
            let found = self.file.words(line.span);
            words.line = Some(line.span);
            words.spans = found.iter().map(|(_, span)| *span).collect();
            words.members.clear();
            for (text, span) in found.into_iter().skip(2) {
                words.members.entry(text.into_owned()).or_insert(span);
            }
        }
        find(&words).unwrap_or(line.span)
    }

    /// By place, none twice.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.found.sort_by(|one, other| (one.span, one.id).cmp(&(other.span, other.id)));
        self.found.dedup();
        self.found
    }
}
