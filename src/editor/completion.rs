//! What may stand at a place.

use std::collections::BTreeSet;

use super::around::Around;
use super::cursor::Cursor;
use super::document::Document;
use super::{completion_license, completion_options};
use crate::text::Span;

/// Most proposals of one answer.
pub const COMPLETIONS_MAX: usize = 1000;

/// A word that may stand at the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The word.
    pub word: String,
    /// What kind of word it is.
    pub kind: CompletionKind,
    /// A few words on it.
    pub detail: String,
    /// What it means, in Markdown; empty if there is nothing to say.
    pub meaning: String,
    /// What it replaces.
    pub span: Span,
}

/// Kinds of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionKind {
    /// A keyword that begins a line.
    Keyword,
    /// A fixed word, such as a type or a switch.
    Word,
    /// A feature or package.
    Feature,
    /// A group.
    Group,
    /// A user, host, display, address or project.
    Name,
    /// The name of an attribute or modifier.
    Attribute,
    /// A value of an attribute or field.
    Value,
}

/// What may stand at a byte of a document, none in comments. At most [`COMPLETIONS_MAX`], and whether there would be more.
#[must_use]
pub fn complete(document: &Document, offset: usize, around: &Around<'_>) -> (Vec<Completion>, bool) {
    let Some(cursor) = Cursor::at(document, offset) else { return (Vec::new(), false) };
    let mut list = List { span: cursor.span, found: Vec::new(), seen: BTreeSet::new(), more: false };
    match document {
        Document::Options(file) => completion_options::complete(file, &cursor, around, &mut list),
        Document::License(file) => completion_license::complete(file, &cursor, around, &mut list),
    }
    (list.found, list.more)
}

/// Proposals as they are found, none twice.
pub(super) struct List {
    /// What they replace.
    pub(super) span: Span,
    found: Vec<Completion>,
    seen: BTreeSet<String>,
    more: bool,
}

impl List {
    pub(super) fn add(&mut self, word: &str, kind: CompletionKind, detail: &str, meaning: &str) {
        if word.is_empty() {
            return;
        }
        if self.found.len() >= COMPLETIONS_MAX {
            self.more = true;
        } else if self.seen.insert(word.to_owned()) {
            self.found.push(Completion {
                word: word.to_owned(),
                kind,
                detail: detail.to_owned(),
                meaning: meaning.to_owned(),
                span: self.span,
            });
        }
    }

    /// A name as it is written: in quotes if it has blanks.
    pub(super) fn add_name(&mut self, name: &str, kind: CompletionKind, detail: &str) {
        if name.contains([' ', '\t']) && !name.contains('"') {
            self.add(&format!("\"{name}\""), kind, detail, "");
        } else {
            self.add(name, kind, detail, "");
        }
    }
}
