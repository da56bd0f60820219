//! Recorded requests judged again: what would have been served differently under other files.
//!
//! Two passes over the same records. [`Survey`] learns what only the whole tells: how long seats of each feature are held, how many
//! were in use at most, which license lines were granted from. [`Replay`] then feeds the requests to [`crate::seat::decide`] under
//! the rules that it is given and compares each verdict with the recorded one. Nothing is kept for each request, so that histories
//! of any length can be judged; nothing is ever written.
//!
//! How the replay goes on where it parts from the record:
//! - a checkin of a seat that the replay did not grant is passed over;
//! - a seat that it grants and the record does not is held for the feature's usual time, even if the client, being denied, ended
//!   its session at once; it gives way when the record grants the client the same later;
//! - of equal denials of one user, host and feature only the first in [`REPEAT_WINDOW`] is judged, and none while the client
//!   holds the seat that the replay gave it: it would not have asked again;
//! - seats that are out when the replay begins stay out, and move to the pools of the new files as at a reread;
//! - a borrow that it newly grants is out until its end, and gives way to no other than a recorded borrow; one that both have is
//!   renewed, extended and given back as it was;
//! - a request that waited in the queue is judged when it got its licenses, under other files, which are held for it from the time on
//!   at which they were in the record; one that gave up is not judged.
//!
//! Under the recorded files every verdict must come out as recorded ([`Plan::exact`]); `tests/replay.rs` holds it to that.

mod difference;
mod judge;
mod repeats;
mod survey;
mod tally;

pub use difference::{Difference, Kind, Verdict};
pub use judge::{Plan, Replay, Ruleset, Totals};
pub use repeats::REPEAT_WINDOW;
pub use survey::{Files, Held, Holding, Survey};
pub use tally::{ClientCounts, FeatureCounts, Peak, Tally};
