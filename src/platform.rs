//! The machine: clocks, randomness, hostids, names, sockets, locks. The only home of system types and of `unsafe`.

mod clock;
mod random;

pub use clock::SystemClock;
pub use random::{RandomError, random_bytes};
