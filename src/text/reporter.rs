//! Where a format collects what is wrong while it reads a file line by line.

use super::{Diagnostic, Finding, Severity, Span};

/// So many errors of one line are reported, and so many warnings and notes: who has read twenty looks at the line itself, and
/// showing them takes time in proportion to the text.
const REPORTS_ON_LINE_MAX: usize = 20;

/// Collects diagnostics.
#[derive(Debug, Default)]
pub struct Reporter {
    diagnostics: Vec<Diagnostic>,
    errors: usize,
    /// Errors, and other reports, on the present line.
    on_line: (usize, usize),
}

/// The diagnostic that was just added, to be given its help.
#[derive(Debug)]
pub struct Reported<'r>(Option<&'r mut Diagnostic>);

impl Reported<'_> {
    /// What to write instead.
    pub fn help(self, text: impl Into<String>) {
        self.suggest(Some(text.into()));
    }

    /// What was probably meant, if anything.
    pub fn suggest(self, text: Option<String>) {
        if let Some(diagnostic) = self.0 {
            diagnostic.help = text;
        }
    }
}

impl Reporter {
    /// Another line begins.
    pub const fn begin_line(&mut self) {
        self.on_line = (0, 0);
    }

    /// Adds a diagnostic and hands it out, for its help.
    pub fn report(&mut self, finding: Finding, span: Span, message: impl Into<String>) -> Reported<'_> {
        let is_error = finding.severity == Severity::Error;
        self.errors += usize::from(is_error);
        let number = if is_error { &mut self.on_line.0 } else { &mut self.on_line.1 };
        *number += 1;
        if *number > REPORTS_ON_LINE_MAX {
            return Reported(None);
        }
        self.diagnostics.push(finding.at(span, message));
        Reported(self.diagnostics.last_mut())
    }

    /// How many errors there are, to see whether reading a line has added one.
    #[must_use]
    pub const fn errors(&self) -> usize {
        self.errors
    }

    /// All that was reported.
    #[must_use]
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }
}

/// A text as messages show it: quoted, and cut to 40 characters.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut cut: String = text.chars().take(40).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("{cut:?}")
}

/// The diagnostics that lie within a span, out of some that come in the order of their places.
pub fn diagnostics_within(all: &[Diagnostic], span: Span) -> impl Iterator<Item = &Diagnostic> {
    let from = all.partition_point(|found| found.span.start < span.start);
    all.iter().skip(from).take_while(move |found| found.span.start < span.end)
}

/// Quotes that word processors put in the place of the plain one, also as Windows writes them in 8 bits.
#[must_use]
pub const fn is_typographic_quote(character: char) -> bool {
    matches!(
        character,
        '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}' | '\u{2039}' | '\u{203a}' | '\u{91}'..='\u{94}' | '\u{ff02}'
    )
}
