//! Edits that mend a finding.

use super::document::Document;
use super::proposal::proposals;
use crate::text::{Diagnostic, Severity, Span, Subject};
use crate::{license, lint};

/// A text in the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced.
    pub span: Span,
    /// By what.
    pub text: String,
}

/// A way to mend a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in the imperative.
    pub title: String,
    /// How.
    pub edit: Edit,
}

/// A text after an edit; none if the edit does not fit it.
#[must_use]
pub fn applied(text: &str, edit: &Edit) -> Option<String> {
    let (before, behind) = (text.get(..edit.span.start)?, text.get(edit.span.end..)?);
    Some([before, &edit.text, behind].concat())
}

/// How a finding can be mended. `judge` says what is found in a changed document, `before` what is found in it now. An edit is
/// offered only if the finding is gone then and no error has come, not one of another kind in its place either; a signature that
/// no longer fits is told in the title.
#[must_use]
pub fn fixes(
    document: &Document,
    found: &Diagnostic,
    before: &[Diagnostic],
    judge: &dyn Fn(&Document) -> Vec<Diagnostic>,
) -> Vec<Fix> {
    let mut fixes: Vec<Fix> = Vec::new();
    for (title, edit) in proposals(document, found) {
        let Some(text) = applied(document.source().text(), &edit) else { continue };
        if text == document.source().text() {
            continue;
        }
        let changed = document.with_text(&text);
        // A line whose keyword is mended is read for the first time, and may have other mistakes.
        let unread = matches!(found.id, "L0201" | "O0201");
        if !unread
            && changed.may_be_damaged(edit.span.start)
            && is_other_error(changed.diagnostics(), document.diagnostics())
        {
            continue;
        }
        let after = judge(&changed);
        let worse = !unread && errors(&after, false) > errors(before, false);
        if worse || alike(&after, found) >= alike(before, found) {
            continue;
        }
        let mut title = title;
        if errors(&after, true) > errors(before, true) {
            title.push_str(" (the publisher must sign the line anew)");
        }
        // The first one that holds is the one that is meant.
        fixes.push(Fix { title, edit });
        break;
    }
    fixes
}

/// Whether there are more errors of some kind than before, in what a file finds in itself. A line that can be read at last may have
/// some with right, one that can't be read yet has them from the edit.
fn is_other_error(after: &[Diagnostic], before: &[Diagnostic]) -> bool {
    let came = after.iter().filter(|found| found.severity == Severity::Error);
    came.into_iter().any(|found| alike(after, found) > alike(before, found))
}

/// How many findings of the same kind there are.
fn alike(all: &[Diagnostic], one: &Diagnostic) -> usize {
    all.iter().filter(|found| found.id == one.id).count()
}

/// How many errors there are, of signatures or of everything else.
fn errors(all: &[Diagnostic], of_signatures: bool) -> usize {
    let is_of_signature = |found: &Diagnostic| {
        let row = license::finding::find(found.id).or_else(|| lint::finding::find(found.id));
        row.is_some_and(|row| row.subject == Subject::Signature)
    };
    let errors = all.iter().filter(|found| found.severity == Severity::Error);
    errors.filter(|found| is_of_signature(found) == of_signatures).count()
}
