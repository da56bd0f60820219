//! Seatkeeper: an open floating-license system.
//!
//! The way of one checkout is the table of contents of this library:
//!
//! ```text
//! bytes -> wire -> session -> seat::decide -> events -> store (durable) -> answer -> wire -> bytes
//!                                  |                      |
//!                                  |                      +-> seat::evolve, debug log, status
//!                                  +-- pure: no clock, no I/O, no async
//! ```
//!
//! Rooms by floor; a room imports only from lower floors (`tests/tidy.rs` checks it):
//!
//! | floor | rooms |
//! | --- | --- |
//! | 0 words | [`ident`], [`code`], [`time`], [`text`] |
//! | 1 formats | [`license`], [`options`], [`sign`], [`event`], [`wire`] |
//! | 2 meaning | [`catalog`], [`policy`] |
//! | 3 engine | [`seat`], [`session`], [`lint`] |
//! | 4 adapters | `store`, `platform`, [`replay`] |
//! | 5 shells | `vendord`, `lmgrd`, `client` |
//! | 6 faces | `lmutil`, `lsp`, `cli` |
//!
//! Floors 0 to 3 build without any feature; `client`, `server` and `cli` add the shells above them.

/// The version of this program, digits and points only, as lmstat prints it behind a `v`.
pub const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION_MAJOR"),
    ".",
    env!("CARGO_PKG_VERSION_MINOR"),
    ".",
    env!("CARGO_PKG_VERSION_PATCH")
);

/// The platform in the classic spelling.
const PLATFORM: &str = if cfg!(target_arch = "x86_64") {
    "x64_lsb"
} else if cfg!(target_arch = "aarch64") {
    "arm64_lsb"
} else {
    "lsb"
};

/// A version as banners and logs print it: `v0.1.0 build 100 x64_lsb`. Readers want a build number, so it is made of
/// the version's parts.
#[must_use]
pub fn describe_version(version: &str) -> String {
    let build = version
        .split('.')
        .fold(0_u64, |build, part| build.saturating_mul(100).saturating_add(part.parse().unwrap_or(0)));
    format!("v{version} build {build} {PLATFORM}")
}

/// The Rust program of the publisher's first hour, so that it goes on compiling.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../docs/publisher.md")]
pub struct PublisherFirstHour;

pub mod code;
pub mod ident;
pub mod text;
pub mod time;

pub mod event;
pub mod license;
pub mod options;
pub mod sign;
pub mod wire;

pub mod catalog;
pub mod policy;

pub mod editor;
pub mod lint;
pub mod seat;
pub mod session;

pub mod replay;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "client")]
pub mod platform;

#[cfg(feature = "server")]
pub mod store;
#[cfg(feature = "server")]
pub mod vendord;

#[cfg(feature = "server")]
pub mod lmgrd;

#[cfg(feature = "cli")]
pub mod lmutil;

#[cfg(feature = "cli")]
pub mod lsp;

#[cfg(feature = "cli")]
pub mod cli;
