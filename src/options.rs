//! The options-file language (`flexnet-files.md` 4): who may use what, how much is set aside, what is logged.
//!
//! A file becomes a row of [`Line`]s whose spans tile it, so nothing of it is lost: printing an untouched file gives the same
//! bytes. A mistake costs its own line and is reported as a [`Diagnostic`](crate::text::Diagnostic) with a stable id (table in
//! [`finding`]). A damaged line never opens what it was to close. Which features and groups there are, and what the lines come to
//! together, is the policy's matter.
//!
//! The normative grammar is `grammar/options-file.abnf`.

mod directive;
pub mod edit;
mod file;
pub mod finding;
pub mod format;
mod keyword;
mod lexis;
mod parse;
mod parse_who;
mod spec;

pub use directive::{
    Access, AccessList, Directive, FeatureSpec, GroupName, HostName, LogEvent, LogFile, Modifier,
    TextModifier, Who,
};
pub use file::{Line, LineKind, OptionLine, OptionsFile};
pub use keyword::Keyword;
pub use spec::MODIFIERS;

#[cfg(test)]
mod tests;
