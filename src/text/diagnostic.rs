//! One finding about one place of one file.

use std::fmt;
use std::fmt::Write as _;

use super::{Source, Span};
use crate::code::Code;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Legal but probably not meant.
    Warning,
    /// The line is not used.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// What is wrong, where, and what was probably meant. Messages are in lower case, without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code such as `L0101`; never given to another meaning.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The text it is about.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What to write instead, or what follows from it.
    pub help: Option<String>,
    /// The field's number, where there is one.
    pub code: Option<Code>,
}

impl Diagnostic {
    /// One line: `file:line:column: error[L0101]: message (-90); help`.
    #[must_use]
    pub fn line(&self, source: &Source) -> String {
        let mut text = format!(
            "{}:{}: {}[{}]: {}",
            source.name(),
            source.place(self.span.start),
            self.severity,
            self.id,
            self.message
        );
        if let Some(code) = self.code {
            let _ = write!(text, " ({})", code.number());
        }
        if let Some(help) = &self.help {
            let _ = write!(text, "; {help}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_file_line_and_column() {
        let source = Source::new("a.lic", b"SERVER h ANY\nFEATUR f1\n");
        let found = Diagnostic {
            id: "L0101",
            severity: Severity::Error,
            span: Span::new(13, 19),
            message: "unknown keyword FEATUR".into(),
            help: Some("did you mean FEATURE?".into()),
            code: Some(Code::FutureFormat),
        };
        assert_eq!(
            found.line(&source),
            "a.lic:2:1: error[L0101]: unknown keyword FEATUR (-90); did you mean FEATURE?"
        );
    }
}
