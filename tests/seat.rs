//! The seat engine through its three verbs: the cases of `flexnet-files.md` section 8.1 under their ids, and seeded
//! simulations with an oracle outside. A failing simulation names its seed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/signed.rs"]
mod signed;

mod seat {
    pub(crate) mod bench;
    mod borrow;
    mod cases;
    mod clock;
    mod linger;
    mod named;
    mod options;
    mod queue;
    mod queue_simulation;
    mod remove;
    mod replies;
    mod reread;
    mod reserving;
    mod seeded;
    mod sessions;
    mod sharing;
    mod simulation;
    mod suite_fairness;
    mod suite_queue;
    mod suites;
    mod timeout;
}
