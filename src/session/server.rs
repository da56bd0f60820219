//! The server's half of a conversation.

mod hello;
mod leases;

pub use hello::clock_denial;
pub use leases::{LeaseTerms, Leases};
