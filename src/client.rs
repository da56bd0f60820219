//! The client library.

pub mod codec;
mod dial;
mod error;
mod path;

pub use dial::{Connection, Limits, TIMEOUT_VARIABLE};
pub use error::{Attempt, CheckoutFailure, ClientError, DialError, SystemError};
pub use path::{COMMON_VARIABLE, DEFAULT_PLACE, Entry, OWN_VARIABLE, SEPARATOR, SearchPath, ServerAddress};
