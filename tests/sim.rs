//! The whole system in one process, from a seed: clients with the client library's session machine, a network that delays, loses,
//! resets and reorders, the vendor daemon itself (`vendord::Desk`), a disk that fails or dies around a commit, and an
//! administrator who rereads other files, takes licenses back, wants borrows back, accepts the clock, stops and starts. Bytes flow as
//! over sockets. Clients take licenses along and keep the records of them, others speak lines, and all machines may sleep for hours.
//!
//! An oracle outside looks at the durable history and at all that clients are told (`sim/oracle.rs`): nothing is granted that is
//! not there, no number grants twice, nobody is told what is not on the disk, no lease or grace is cut short or overstays, a
//! client that has come to rest has what the server says it has, and when faults stop and everybody goes, nothing is left.
//! What a client may use without the server at any moment is counted there: no record outlasts its seat, unless the server's clock was
//! set or a reread left no pool.
//!
//! | file | subject |
//! | --- | --- |
//! | `script` | what a seed draws: a plan and steps, each of which makes sense after any others |
//! | `site` | license and options files |
//! | `world` | time and everything that comes to pass in it |
//! | `client`, `network`, `server` | the pieces |
//! | `lines` | clients of the line protocol |
//! | `visit` | what is borrowed, and programs that borrow, renew and return |
//! | `oracle` | what must be true |
//! | `shrink` | a failing history made as short as it can be |
//! | `histories` | the tests; `mended` histories that went wrong once |
//! | `full_disk` | a full disk and who asks after a request that waits, step by step |
//! | `processes` | a dozen of the same scripts against a real vendor daemon over sockets |
//!
//! `cargo test --test sim` plays some 10,000 histories. A failing one prints its seed and the shortest history that breaks the same
//! rule. `SIM_SEED=n cargo test --test sim first_share -- --nocapture` plays one again, and `SIM_STORY=1` tells it message by message.
//! The long run of 1,000,000: `cargo test --release --test sim a_million_histories -- --ignored --nocapture`; `SIM_HISTORIES` says how
//! many, `SIM_FROM` from which seed on.
#![cfg(all(feature = "server", feature = "client"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/signed.rs"]
mod signed;

mod sim {
    mod client;
    mod dice;
    mod full_disk;
    mod histories;
    mod lines;
    mod mended;
    mod network;
    mod oracle;
    mod processes;
    mod script;
    mod server;
    mod shrink;
    mod site;
    mod visit;
    mod world;
}
