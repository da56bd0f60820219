//! Where a daemon gets what nobody can guess.

use std::cell::Cell;

use crate::platform::{RandomError, random_bytes};

/// A source of random bytes.
#[derive(Debug)]
pub(super) enum Random {
    /// The operating system.
    System,
    /// Numbers in a row from a seed: a simulation goes the same way twice.
    Seeded(Cell<u64>),
}

impl Random {
    /// Fresh bytes.
    ///
    /// # Errors
    /// [`RandomError`] when the operating system refuses.
    pub(super) fn bytes<const N: usize>(&self) -> Result<[u8; N], RandomError> {
        match self {
            Self::System => random_bytes(),
            Self::Seeded(state) => Ok(std::array::from_fn(|_| {
                let next = state
                    .get()
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                state.set(next);
                next.to_be_bytes()[0]
            })),
        }
    }
}
