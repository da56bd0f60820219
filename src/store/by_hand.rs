//! The owner's end of a history without a disk behind it: whoever has the other end says what is durable. For simulations.

use std::path::PathBuf;
use std::sync::Arc;

use super::Store;
use super::inbox::Inbox;
use crate::event::Record;

/// The other end of a [`Store`] that writes nothing.
#[derive(Debug)]
pub struct Disk(Arc<Inbox>);

impl Disk {
    /// A store that takes `records_max` records at a time, and what stands for its disk.
    #[must_use]
    pub fn new(records_max: usize) -> (Store, Self) {
        let inbox = Arc::new(Inbox::new(records_max));
        (Store { dir: PathBuf::new(), inbox: Arc::clone(&inbox), threads: Vec::new() }, Self(inbox))
    }

    /// The records of the next commit, at most so many.
    #[must_use]
    pub fn take(&self, most: usize) -> Vec<Record> {
        self.0.take(false, most).records
    }

    /// A commit has failed: nothing is taken until [`Self::recovered`] and [`Store::restart`].
    pub fn fail(&self) {
        self.0.fail(Vec::new());
    }

    /// Writing works again.
    pub fn recovered(&self) {
        self.0.recovered();
    }
}
