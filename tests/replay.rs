//! Recorded requests judged again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/signed.rs"]
mod signed;

mod replay {
    mod acts;
    mod cases;
    mod in_vain;
    mod random;
    pub(crate) mod recorder;
}
