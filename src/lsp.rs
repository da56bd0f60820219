//! The language server for license and options files, over standard input and output.
//!
//! What an editor is told is the `editor` room's matter, and what is found in files that of `lmlint`: the same findings at the
//! same places. Here the protocol is spoken, documents are kept as the editor has them, and neighbours are read from the disk
//! where the editor has them not open. Nothing is written but answers; logs go to standard error.
//!
//! | file | what |
//! | --- | --- |
//! | `frame` | messages out of a stream of bytes, with bounds |
//! | `documents` | the documents that the editor has open, and its changes |
//! | `place` | lines and columns of the protocol, and `file:` addresses |
//! | `judgement` | findings of a document, and what belongs to it |
//! | `answers` | the editor room's answers as the protocol has them |
//! | `server` | the conversation: what is asked, when findings are told |
//! | `requests` | the questions about one document |
//!
//! Tests: `tests/lsp.rs`, with a client of other hands.

mod answers;
mod documents;
mod frame;
mod judgement;
mod place;
mod requests;
mod server;

pub use judgement::Settings;
pub use server::serve;
