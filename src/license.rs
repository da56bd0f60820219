//! The license-file language (`flexnet-files.md` section 1).
//!
//! A file becomes a row of [`Line`]s whose spans tile it, so nothing of it is lost: printing an untouched file gives
//! the same bytes. Each line is read for itself: a mistake costs its own line, is reported as a
//! [`Diagnostic`](crate::text::Diagnostic) with a stable id (table in [`finding`]), and the lines around it are kept. What can be served, and to whom, is
//! the catalog's matter; signatures are room `sign`'s.
//!
//! The normative grammar is `grammar/license-file.abnf`. Tests: beside the code, `tests/license_files.rs`,
//! `tests/license_grammar.rs`, `tests/license_format.rs`.

mod attribute;
mod canonical;
mod canonical_read;
mod checks;
mod doubtful;
mod feature;
mod file;
pub mod finding;
pub mod format;
pub mod format_version;
pub mod guide;
mod hostid;
mod keyword;
mod layout;
mod lexis;
mod meant;
mod package;
mod parse;
mod parse_attribute;
mod parse_feature;
mod parse_package;
mod parse_server;
mod statement;

pub use canonical::CanonicalError;
pub use canonical_read::{NotCanonical, read_canonical};
pub use feature::{Attribute, Expiry, FeatureKeyword, FeatureLine, LicenseCount, UpgradeLine};
pub use file::{LicenseFile, Line, LineKind, ServerLine, Standing, VendorLine};
pub use hostid::{HostId, HostIdError, InternetPattern};
pub use package::{Component, PackageKind, PackageLine};
pub use statement::{OwnedStatement, Statement};

/// Whether a word, in any case, can begin a line of a license file.
#[must_use]
pub fn is_keyword(word: &str) -> bool {
    keyword::Keyword::of(word).is_some()
}
