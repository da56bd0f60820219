//! Source files, spans, diagnostics as data, and the search for the name that was meant. Formats collect diagnostics while
//! they read; faces show them.

mod counted;
mod diagnostic;
mod finding;
pub mod layout;
mod nearest;
mod reporter;
mod source;

pub use counted::{are, counted};
pub use diagnostic::{Diagnostic, Severity};
pub(crate) use finding::findings;
pub use finding::{Finding, Subject};
pub use nearest::{Suggestions, nearest};
pub use reporter::{Reported, Reporter, diagnostics_within, is_typographic_quote, shown};
pub use source::{BYTE_ORDER_MARK, Place, Source, Span};
