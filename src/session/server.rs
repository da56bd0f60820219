//! The server's half of a conversation.

mod hello;
mod leases;
mod proof;

pub use hello::clock_denial;
pub use leases::{LeaseTerms, Leases};
pub use proof::Administration;
