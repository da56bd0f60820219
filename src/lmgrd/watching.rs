//! `--watch`: which files count, and what was read of them last.

use super::files::Plan;
use super::log::Log;
use super::reading::Reading;
use super::reread::Heard;
use crate::platform::{FileLook, FileStates, FileWatch, WatchNews, Watched};

/// Files as they were just before they were read: a change behind that is noticed, at the price of a reread too many.
#[derive(Debug)]
pub(super) struct Seen {
    watched: Watched,
    states: FileStates,
}

impl Seen {
    /// What the files of a plan hold now. It waits for the disk.
    pub(super) fn before(reading: &Reading, plan: Option<&Plan>) -> Self {
        let watched = reading.watched(plan);
        let states = watched.states(&mut FileLook::default());
        Self { watched, states }
    }

    /// The same with the files of the plan that came of the reading; the vendor daemons have not read theirs yet.
    pub(super) fn and(self, reading: &Reading, plan: &Plan) -> Self {
        let mut later = Self::before(reading, Some(plan));
        for (path, state) in &mut later.states {
            // What came into a directory during the reading may have been missed by it.
            let new = later.watched.entries.contains(path) && !self.watched.entries.contains(path);
            if !new {
                *state = self.states.get(path).copied().flatten();
            }
        }
        later
    }

    /// Watches from now on.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn watch(
        self,
        changes: tokio::sync::mpsc::Sender<Heard>,
        log: Log,
    ) -> std::io::Result<FileWatch> {
        FileWatch::start(self.watched, self.states, move |news| match news {
            WatchNews::Note(note) => log.say(&note),
            // lmgrd may be at its end.
            WatchNews::Changed => drop(changes.blocking_send(Heard::Changed)),
        })
    }

    /// Watches what was read now.
    pub(super) fn tell(self, watch: &FileWatch) {
        watch.read(self.watched, self.states);
    }
}
