//! What can be wrong with a file, as rows of tables: stable id, severity, subject, number and meaning.

use super::{Diagnostic, Severity, Span};
use crate::code::Code;

/// What a finding is about, so that a file of another publisher can be checked with signatures, hostids and dates
/// left aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Lines, continuation, quotes, words.
    Layout,
    /// Everything about the meaning of a line that has no subject of its own.
    Meaning,
    /// Which machines a line is for.
    HostId,
    /// Expiry, START, ISSUED.
    Date,
    /// Signatures and the keys that make them.
    Signature,
    /// A kind of line that is recognised but not served.
    Unserved,
}

/// One row of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// Stable id, never given to another meaning.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// The field's number, where there is one.
    pub code: Option<Code>,
    /// What it means, in one sentence.
    pub meaning: &'static str,
}

impl Finding {
    /// This finding at a place.
    #[must_use]
    pub fn at(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            id: self.id,
            severity: self.severity,
            span,
            message: message.into(),
            help: None,
            code: self.code,
        }
    }
}

/// Makes a table: one constant for each row, `ALL` with all of them by id, and `find`.
macro_rules! findings {
    ($($name:ident = $id:literal, $severity:ident, $subject:ident, $code:expr, $meaning:literal;)*) => {
        $(#[doc = concat!("`", $id, "`: ", $meaning)]
        pub const $name: $crate::text::Finding = $crate::text::Finding {
            id: $id,
            severity: $crate::text::Severity::$severity,
            subject: $crate::text::Subject::$subject,
            code: $code,
            meaning: $meaning,
        };)*

        /// All rows, by id.
        pub const ALL: &[$crate::text::Finding] = &[$($name),*];

        /// The row with this id.
        #[must_use]
        pub fn find(id: &str) -> Option<&'static $crate::text::Finding> {
            ALL.iter().find(|finding| finding.id == id)
        }
    };
}
pub(crate) use findings;
