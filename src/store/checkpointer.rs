//! The write-ahead log's way into the database file, on a thread and a connection of its own.
//!
//! While commits keep coming the log never quite ends, so it would grow for ever. Once it has passed its limit the
//! writing thread is asked to move the last few pages itself between two commits; then the log starts again from its
//! beginning with the next one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::error::{Kind, StoreError};
use super::inbox::{Ending, Inbox};
use super::{StoreConfig, schema};

const EVERY: Duration = Duration::from_secs(1);

/// From how many bytes on, or after how many rounds, pages are moved.
const WORTH_BYTES: u64 = 1 << 20;
const ROUNDS_MAX: u32 = 10;

const PAGE_BYTES: u64 = 4096;

/// What the two threads tell each other about the log.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// About how many bytes were written since pages were last moved.
    written: AtomicU64,
    /// The writing thread shall move the rest.
    asked: AtomicBool,
}

impl Gate {
    /// The writing thread has committed about so many bytes.
    pub(super) fn wrote(&self, bytes: usize) {
        // A commit touches at least the pages at the end of its table.
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_add(2 * PAGE_BYTES);
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether the writing thread was asked to move the rest; asked once.
    pub(super) fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed) && self.asked.swap(false, Ordering::Relaxed)
    }
}

/// Moves pages: `PASSIVE`, as far as it goes without waiting for anybody, or `TRUNCATE`, all of them. Returns the pages in
/// the log and how many of them are moved.
pub(super) fn move_pages(connection: &Connection, how: &str) -> Result<(u64, u64), rusqlite::Error> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |row| {
        let count = |value: i64| u64::try_from(value).unwrap_or(0);
        Ok((count(row.get(1)?), count(row.get(2)?)))
    })
}

pub(super) fn spawn(
    config: &StoreConfig,
    connection: Connection,
    inbox: Arc<Inbox>,
    gate: Arc<Gate>,
) -> Result<JoinHandle<()>, StoreError> {
    let path = schema::database(&config.dir);
    let wal_bytes_max = config.wal_bytes_max;
    let moved = path.clone();
    std::thread::Builder::new()
        .name("checkpoints".into())
        .spawn(move || Checkpointer { path: moved, connection, inbox, gate, wal_bytes_max }.run())
        .map_err(|error| StoreError::io(&path, &error))
}

struct Checkpointer {
    path: PathBuf,
    connection: Connection,
    inbox: Arc<Inbox>,
    gate: Arc<Gate>,
    wal_bytes_max: u64,
}

impl Checkpointer {
    fn run(self) {
        let mut rounds = 0;
        loop {
            match self.inbox.wait_for_end(EVERY) {
                Some(Ending::InOrder) => return self.finish(),
                // What was not synced must not be moved; the connection stays as it is until the process ends.
                Some(Ending::Fatal) => return std::mem::forget(self.connection),
                None => {}
            }
            if is_gone(&self.path) {
                self.inbox.fatal(format!("{} was removed", self.path.display()));
                continue;
            }
            let written = self.gate.written.load(Ordering::Relaxed);
            rounds = if written == 0 { 0 } else { rounds + 1 };
            if written >= WORTH_BYTES || rounds >= ROUNDS_MAX {
                rounds = 0;
                self.gate.written.fetch_sub(written, Ordering::Relaxed);
                self.round();
            }
        }
    }

    fn round(&self) {
        match move_pages(&self.connection, "PASSIVE") {
            Ok((pages, moved)) => {
                if pages > moved && pages.saturating_mul(PAGE_BYTES) > self.wal_bytes_max {
                    self.gate.asked.store(true, Ordering::Relaxed);
                }
            }
            Err(error) if Kind::of(&error) == Kind::Passing => {
                // The log goes on growing; when there is no space for that either, commits fail and say so.
                tracing::warn!("the write-ahead log can't be moved into {}: {error}", self.path.display());
            }
            Err(error) => self.inbox.fatal(format!("cannot move the write-ahead log: {error}")),
        }
    }

    fn finish(self) {
        let emptied: Result<i64, _> =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        if let Err(error) = emptied {
            tracing::warn!("the write-ahead log of {} stays: {error}", self.path.display());
        }
    }
}

fn is_gone(path: &Path) -> bool {
    matches!(path.symlink_metadata(), Err(error) if error.kind() == std::io::ErrorKind::NotFound)
}
