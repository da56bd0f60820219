//! The license tools: what they print and how they ask. `cli` has their argument shapes.
//!
//! Layouts are pure functions from status to text, so that tests can run the patterns of public parsers over them.

pub mod ask;
pub mod catalogs;
mod difference;
pub mod inputs;
pub mod license_texts;
pub mod lmborrow;
pub mod lmcatalog;
pub mod lmcksum;
pub mod lmclock;
pub mod lmcrypt;
pub mod lmdiff;
pub mod lmdown;
pub mod lmexplain;
pub mod lmfmt;
pub mod lmhostid;
pub mod lminstall;
pub mod lmlicvalidator;
pub mod lmlint;
pub mod lmopt;
pub mod lmremove;
#[cfg(feature = "server")]
pub mod lmreplay;
pub mod lmreread;
pub mod lmstat;
pub mod vendors;
mod version;
mod wrap;

pub use version::{VersionFileError, banner, embedded_version, version_line};

use ask::Failure;

use crate::code::{Code, minor};

/// The runtime of one question.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::InternalError, minor::MALFORMED, &error.to_string()))
}
