//! Randomness of the operating system.

use thiserror::Error;

/// The operating system gave no random bytes.
#[derive(Debug, Error)]
#[error("the operating system gave no random bytes: {0}")]
pub struct RandomError(#[from] getrandom::Error);

/// Fresh unpredictable bytes, for session ids, secrets, nonces and keys.
///
/// # Errors
/// [`RandomError`] when the operating system refuses.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
