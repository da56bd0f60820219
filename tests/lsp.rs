//! `seatkeeper lsp` as editors see it: the real program, asked by a language client of other hands.
#![cfg(all(feature = "server", feature = "cli"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod lsp {
    #[path = "../support/unescaped.rs"]
    mod unescaped;

    pub(crate) mod client;
    mod conversation;
    mod fixes_hold;
    mod neighbours;
    mod positions;
    mod robustness;
    mod same_as_lmlint;
}
