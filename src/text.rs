//! Source files, spans and diagnostics as data, and their plain rendering. Formats collect diagnostics while they read;
//! faces show them.

mod diagnostic;
mod source;

pub use diagnostic::{Diagnostic, Severity};
pub use source::{Place, Source, Span};
