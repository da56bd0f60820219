//! What an editor of license and options files wants to know: what may stand at a place, what a word means, where a name
//! comes from, what a file consists of, and how a finding can be mended.
//!
//! Documents and what is around them come in, answers go out as data, with spans of bytes; `lsp` speaks them. Judging is the
//! lint's: what this room offers as a fix it has judged again, so that a fix takes its finding away and brings no error.
//!
//! | file | what |
//! | --- | --- |
//! | `document` | a file of either language, its lines and words |
//! | `cursor` | the line and the word at a place |
//! | `around` | the files that belong to a document, and what is served from them |
//! | `completion`, `completion_license`, `completion_options` | what may stand at a place |
//! | `hover` | what a word means and what a line gives |
//! | `names` | groups and features: where they are defined and named |
//! | `symbols` | the lines of a file by name |
//! | `fix`, `proposal` | edits that mend a finding |
//!
//! Tests: beside the code, and `tests/lsp.rs` with a client of other hands.

mod around;
mod completion;
mod completion_license;
mod completion_options;
mod cursor;
mod document;
mod fix;
mod hover;
mod names;
mod proposal;
mod symbols;

#[cfg(test)]
mod tests;

pub use around::{Around, Served};
pub use completion::{COMPLETIONS_MAX, Completion, CompletionKind, complete};
pub use document::Document;
pub use fix::{Edit, Fix, applied, fixes};
pub use hover::{Hover, hover};
pub use names::{Target, definitions, references};
pub use symbols::{Symbol, SymbolKind, symbols};
