//! A refusal: a value with a reason, not an error.

use std::fmt;
use std::sync::Arc;

use crate::code::Code;

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
