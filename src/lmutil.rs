//! The license tools: what they print and how they ask. `cli` has their argument shapes.
//!
//! Layouts are pure functions from status to text, so that tests can run the patterns of public parsers over them.

mod version;

pub use version::{VersionFileError, banner, embedded_version, version_line};
