//! Where findings are gathered.

use super::project::{Found, Project};
use crate::license;
use crate::text::{Diagnostic, Finding, Span, Subject, Suggestions};

/// Most comparisons of names for suggestions in one run.
const COMPARISONS_MAX: usize = 100_000;

/// Findings as they come.
pub(super) struct Report<'a> {
    project: &'a Project<'a>,
    found: Vec<Found>,
    suggestions: Suggestions,
}

impl<'a> Report<'a> {
    /// Begins with what each file has found in itself.
    pub(super) fn new(project: &'a Project<'a>) -> Self {
        let mut report = Self { project, found: Vec::new(), suggestions: Suggestions::new(COMPARISONS_MAX) };
        for (index, file) in project.files.iter().enumerate() {
            for diagnostic in &file.diagnostics {
                let subject = license::finding::find(diagnostic.id).map(|row| row.subject);
                if subject.is_none_or(|subject| report.concerns(subject)) {
                    report.found.push(Found { file: index, diagnostic: diagnostic.clone() });
                }
            }
        }
        report
    }

    /// Whether the files are another publisher's.
    pub(super) const fn is_foreign(&self) -> bool {
        self.project.foreign
    }

    /// Whether this kind of finding is asked for.
    ///
    /// DECISION: of another publisher's files dates are not looked at at all, malformed ones included: their publishers'
    /// tools may write and read other forms than ours, and nothing here serves the lines.
    pub(super) const fn concerns(&self, subject: Subject) -> bool {
        !self.project.foreign || !matches!(subject, Subject::HostId | Subject::Date | Subject::Signature)
    }

    /// Adds a finding; what it is about decides whether it is kept.
    pub(super) fn add(&mut self, file: usize, row: &Finding, span: Span, message: String, help: &str) {
        if self.concerns(row.subject) {
            let help = if help.is_empty() { None } else { Some(help.to_owned()) };
            self.found.push(Found { file, diagnostic: Diagnostic { help, ..row.at(span, message) } });
        }
    }

    /// The name that was probably meant. After [`COMPARISONS_MAX`] comparisons nothing is suggested any more: files
    /// with so many unknown names are not repaired name by name.
    pub(super) fn nearest<'c>(
        &mut self,
        word: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Option<&'c str> {
        self.suggestions.nearest(word, candidates)
    }

    /// Changes what the files have found in themselves where all files together know better; none takes a finding out.
    pub(super) fn revise(&mut self, change: impl Fn(Found) -> Option<Found>) {
        self.found = std::mem::take(&mut self.found).into_iter().filter_map(change).collect();
    }

    /// By file and place, none twice.
    pub(super) fn finish(mut self) -> Vec<Found> {
        self.found.sort_by(|one, other| {
            let key = |found: &Found| (found.file, found.diagnostic.span, found.diagnostic.id);
            key(one).cmp(&key(other))
        });
        self.found.dedup();
        self.found
    }
}
