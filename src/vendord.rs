//! The vendor daemon (LGS): performs what the engine decides.
//!
//! | file | subject |
//! | --- | --- |
//! | `config` | what lmgrd hands over |
//! | `origin` | the files that rules come from, with their bytes |
//! | `startup` | license files and manifest to a catalog, with everything worth a log line |
//! | `reread` | the same beside what is in force, and what is kept of that |
//! | `served` | what daemon and projector go by, all of one reading |
//! | `rereading` | orders to reread, one after another |
//! | `automatic` | rereads that nobody orders: at midnight, and for an options file that comes late |
//! | `freshness` | whether the files on the disk are newer than what is in force |
//! | `daemon` | the one owner of state, leases and pending answers |
//! | `history` | opening the store, again and again if need be, and its reports |
//! | `connection` | one socket: bytes in, bytes out, limits |
//! | `daemon::desk`, `connection::by_hand`, `random` | the daemon without sockets, disk, threads and chance, for simulations |
//! | `frames`, `lines` | the two protocols, turned into verbs of the daemon |
//! | `projector` | the second fold on its own thread: status, debug log, snapshots |
//! | `status` | state and catalog as what lmstat shows |
//! | `pipe` | lmgrd at the other end of standard input |
//!
//! Everything of one daemon runs on one thread but the history's writer and the projector, so there is no lock on the
//! way of a request. Order is the rule that everything hangs on: decide, store, then answer.

mod automatic;
mod config;
mod connection;
mod daemon;
mod explaining;
mod frames;
mod freshness;
mod history;
mod lines;
mod origin;
mod pipe;
mod projector;
mod random;
mod reread;
mod rereading;
mod run;
mod served;
mod startup;
mod status;

pub use config::{Config, Limits};
pub use daemon::desk::{Desk, Line, Ordered, Rulebook, Sent, Setting};
pub use run::run;

/// Name and version of this program, as WELCOME and the log give them.
fn program() -> String {
    format!("Seatkeeper {}", crate::VERSION)
}
