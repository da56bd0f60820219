//! Source files, spans and diagnostics as data, and their plain rendering. Formats collect diagnostics while they read;
//! faces show them.

mod diagnostic;
mod finding;
mod source;

pub use diagnostic::{Diagnostic, Severity};
pub(crate) use finding::findings;
pub use finding::{Finding, Subject};
pub use source::{Place, Source, Span};
