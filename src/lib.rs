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
//! | 1 formats | [`license`], [`sign`], [`event`], [`wire`] |
//! | 2 meaning | [`catalog`] |
//! | 3 engine | [`seat`], [`session`] |
//! | 4 adapters | `store`, `platform` |
//! | 5 shells | `vendord`, `lmgrd`, `client` |
//! | 6 faces | `lmutil`, `cli` |
//!
//! Floors 0 to 3 build without any feature; `client`, `server` and `cli` add the shells above them.

pub mod code;
pub mod ident;
pub mod text;
pub mod time;

pub mod event;
pub mod license;
pub mod sign;
pub mod wire;

pub mod catalog;

pub mod session;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "client")]
pub mod platform;

#[cfg(feature = "server")]
pub mod store;

#[cfg(feature = "cli")]
pub mod lmutil;

#[cfg(feature = "cli")]
pub mod cli;
