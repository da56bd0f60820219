//! The client library.

pub mod codec;
