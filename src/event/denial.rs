//! A refusal: a value with a reason, not an error.

use std::fmt;
use std::sync::Arc;

use crate::code::Code;

/// What stands between a rule's place and the rest of a note.
const RULE_END: &str = ": ";

/// Why a request was refused, for the client, the log and the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The field's number.
    pub code: Code,
    /// The place it arose, see [`crate::code::minor`].
    pub minor: u16,
    /// The values involved, in words: `10 of 10 licenses of cad_design are in use`. May be empty.
    pub note: Arc<str>,
}

impl Denial {
    /// A refusal with the values that led to it.
    #[must_use]
    pub fn new(code: Code, minor: u16, note: &str) -> Self {
        Self { code, minor, note: Arc::from(note) }
    }

    /// A refusal that a line of the options file decided. `place` is the line as clients may see it, `LGS.opt:3`.
    #[must_use]
    pub fn by_rule(code: Code, minor: u16, place: &str, note: &str) -> Self {
        Self { code, minor, note: format!("{place}{RULE_END}{note}").into() }
    }

    /// The line of the options file that decided, with which the note of [`Self::by_rule`] begins.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        match self.code {
            Code::Excluded
            | Code::NotIncluded
            | Code::MaxExceeded
            | Code::AllReserved
            | Code::BorrowTooLong
            | Code::NoneToBorrow => self.note.split_once(RULE_END).map(|(place, _)| place),
            _ => None,
        }
    }

    /// The short text: that of the code, except where DESIGN section 6 gives -34 two texts of its own.
    #[must_use]
    pub fn text(&self) -> &'static str {
        match self.minor {
            crate::code::minor::CLOCK_UNREACHABLE => "Destination unreachable",
            crate::code::minor::CLOCK_EXPIRED => "Message expired",
            _ => self.code.text(),
        }
    }
}

impl fmt::Display for Denial {
    /// As the log prints it between parentheses: `Licensed number of users already reached. (-4,209)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. ({},{})", self.text(), self.code.number(), self.minor)
    }
}
