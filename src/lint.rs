//! What only all files of a server, the catalog, the machine and the calendar show together: signatures and keys, dates,
//! lines that stand in each other's way, SERVER and VENDOR lines that do not fit.
//!
//! [`check`] looks at a [`Project`] and adds what it finds to what the license room has found in each file by itself.
//! It is pure: who calls it reads the files, knows the machine and the day. What a server would make of the lines is
//! the catalog's to say; the lint explains its verdicts and adds what follows from them. [`explain`] has the cause, an example and
//! the remedy of every finding, those of the license room too.
//!
//! Tests: beside the code, and every example of [`explain`] is checked.

mod dates;
mod explanation;
pub mod finding;
mod judged;
mod options;
pub mod options_finding;
mod place;
mod pools;
mod project;
mod report;
mod servers;
mod signatures;
mod supersede;
mod vendors;
mod verdicts;

#[cfg(test)]
mod tests;

pub use explanation::{Explanation, explain, explanations};
pub use options::{OptionsOf, OptionsProject, TIMEOUT_MINIMUM_S, check_options, options_missing};
pub use project::{EXPIRES_SOON_DAYS, Found, Project, check};
