//! The history of one vendor daemon in SQLite: durable before the answer, chained, erasable by name.
//!
//! One thread writes. It takes every record that was submitted while the last commit ran, writes them as one row of
//! table `commits` with one link of the hash chain, waits for the disk, and reports them as committed. Another thread
//! copies the write-ahead log into the database file, so that commits never wait for that. Readers
//! ([`history`], [`load`], [`verify_chain`]) use connections of their own and work beside a running daemon.
//!
//! What can go wrong comes in three kinds. A disk that is full or read-only rolls back what was pending and is tried
//! again every second ([`Report::RolledBack`], [`Report::Recovered`]; at start [`StoreError::retry`]). A disk that fails
//! to sync makes it unknown what is durable: the daemon ends and reopening decides ([`Report::Fatal`]). Damage is an
//! error that names the place; nothing is ever created over it.
//!
//! | file | subject |
//! | --- | --- |
//! | `schema` | tables, creation, opening and its checks |
//! | `inbox` | what waits for the writer |
//! | `by_hand` | the owner's end without a disk, for simulations |
//! | `writer` | the writing thread: group commit, roll-back, probing |
//! | `snapshot` | snapshots of the engine's state, written in pieces |
//! | `names` | names as numbers, with salted digests |
//! | `chain` | the links and their verification |
//! | `history` | reading records back |
//! | `checkpointer` | the write-ahead log's way into the database file |
//! | `erase` | removal of a name |
//! | `retention` | dropping what is old, signed checkpoints |
//! | `cursor` | how far the debug log got |

mod batch;
mod by_hand;
mod chain;
mod checkpointer;
mod cursor;
mod erase;
mod error;
pub mod history;
mod inbox;
mod names;
mod retention;
mod schema;
mod snapshot;
mod writer;

pub use by_hand::Disk;
pub use chain::{Verified, verify_chain};
pub use cursor::LogCursor;
pub use erase::erase_name;
pub use error::StoreError;
pub use history::{Loaded, load};
pub use retention::{Checkpoint, RETENTION, checkpoint};

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use thiserror::Error;

use crate::event::Record;
use crate::event::codec::NameKind;
use crate::ident::{Digest, Seq};
use crate::sign::SigningKey;
use crate::time::Timestamp;
use inbox::Inbox;

/// Where the history lives and how much may wait.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The vendor's state directory; it must exist.
    pub dir: PathBuf,
    /// How many records may wait for the writer (default 16,384).
    pub queue_records_max: usize,
    /// From how many bytes on the write-ahead log is emptied at the cost of a pause (default 16 MiB).
    pub wal_bytes_max: u64,
    /// How long after a failure, and after each failed attempt, writing is tried again (default 1 s).
    pub probe_every: Duration,
}

impl StoreConfig {
    /// The usual limits.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            queue_records_max: 16_384,
            wal_bytes_max: 16 << 20,
            probe_every: Duration::from_secs(1),
        }
    }
}

/// What the writing thread tells the owner.
#[derive(Debug)]
pub enum Report {
    /// These records are durable, in order of submission.
    Committed(Vec<Record>),
    /// Nothing that was submitted and not reported as committed is in the history, nor will be: it was dropped, and
    /// so is everything until [`Store::restart`]. Files that wait are kept. Writing is tried again every second.
    RolledBack {
        /// What failed, for people.
        reason: String,
    },
    /// Writing works again. The owner rebuilds its pending state and calls [`Store::restart`].
    Recovered,
    /// The disk failed to sync or the database is damaged: it is unknown what is durable. The writing thread has ended;
    /// the daemon must exit.
    Fatal {
        /// What failed, for people.
        reason: String,
    },
    /// A snapshot is complete, or was given up; the history goes on either way.
    Snapshot {
        /// The last event in it.
        through: Seq,
        /// Why it was given up.
        result: Result<(), String>,
    },
}

/// A snapshot of the engine's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last event in it; a record boundary.
    pub through: Seq,
    /// The state as the engine encoded it.
    pub bytes: Vec<u8>,
}

/// Where the outcome of [`Store::prune`] arrives: the checkpoint of the history, if anything was ever dropped. Need not
/// be waited for.
pub type Pruned = std::sync::mpsc::Receiver<Result<Option<Checkpoint>, StoreError>>;

/// Why records were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SubmitError {
    /// Too many wait already; nothing of this submission was taken.
    #[error("too many records wait for the disk")]
    Full,
    /// A roll-back was or is about to be reported and [`Store::restart`] was not called since.
    #[error("the history was rolled back")]
    RolledBack,
    /// The writing thread has ended.
    #[error("the history is closed")]
    Ended,
}

/// What [`open`] returns.
#[derive(Debug)]
pub struct Opened {
    /// Takes records.
    pub store: Store,
    /// What the history holds.
    pub history: Loaded,
}

/// The open history. Dropping it ends the threads like [`Store::close`].
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    inbox: Arc<Inbox>,
    threads: Vec<JoinHandle<()>>,
}

/// Opens or creates the history of a state directory whose lock the caller holds, makes sure that it can be written,
/// and starts the threads. `report` is called on the writing thread and must not wait for the owner.
///
/// # Errors
/// [`StoreError`]; when [`StoreError::retry`] says so, the daemon can come up without history and try again.
pub fn open(config: StoreConfig, report: Box<dyn FnMut(Report) + Send>) -> Result<Opened, StoreError> {
    let connection = schema::open_for_writing(&config.dir)?;
    let history = load(&config.dir)?;
    let inbox = Arc::new(Inbox::new(config.queue_records_max));
    let checkpoints = schema::open_for_checkpoints(&config.dir)?;
    let dir = config.dir.clone();
    let gate = Arc::new(checkpointer::Gate::default());
    let threads = vec![
        checkpointer::spawn(&config, checkpoints, Arc::clone(&inbox), Arc::clone(&gate))?,
        writer::spawn(config, connection, Arc::clone(&inbox), gate, report)?,
    ];
    Ok(Opened { store: Store { dir, inbox, threads }, history })
}

impl Store {
    /// Hands records to the writing thread, all or none. They must continue the numbers of what was submitted before.
    ///
    /// # Errors
    /// [`SubmitError`] when they are not taken.
    pub fn submit(&self, records: Vec<Record>) -> Result<(), SubmitError> {
        self.inbox.submit(records)
    }

    /// How many records [`Store::submit`] would take now.
    #[must_use]
    pub fn room(&self) -> usize {
        self.inbox.room()
    }

    /// Keeps the bytes of a file under their digest, durable no later than any record submitted after this call. It
    /// survives a roll-back; a file that is there already costs nothing.
    pub fn put_file(&self, digest: Digest, bytes: Vec<u8>) {
        self.inbox.put_file(digest, bytes);
    }

    /// Writes a snapshot in small pieces between commits, then drops all but the last two. A newer one replaces one
    /// that still waits. `through` must be committed.
    pub fn put_snapshot(&self, snapshot: Snapshot) {
        self.inbox.put_snapshot(snapshot);
    }

    /// After [`Report::Recovered`]: records are taken again. True if so; before it nothing changes.
    pub fn restart(&self) -> bool {
        self.inbox.restart()
    }

    /// Reads the history again, such as to rebuild state after a roll-back.
    ///
    /// # Errors
    /// [`StoreError`] when it can't be read.
    pub fn load(&self) -> Result<Loaded, StoreError> {
        load(&self.dir)
    }

    /// Removes a name from the history and from all that is written later; see [`erase_name`]. Waits for the writing
    /// thread.
    ///
    /// # Errors
    /// [`StoreError`] when it can't be done; nothing is changed then.
    pub fn erase_name(&self, kind: NameKind, text: &str) -> Result<bool, StoreError> {
        self.inbox.erase(kind, text).recv().unwrap_or_else(|_| {
            Err(StoreError::Unavailable {
                path: schema::database(&self.dir),
                reason: "the history is closed".into(),
            })
        })
    }

    /// Drops the commits before `before` (see [`RETENTION`]) in small steps between commits, as far as the older of the
    /// two snapshots allows, and leaves a checkpoint signed by `key`. A later order replaces one that still waits.
    pub fn prune(&self, before: Timestamp, key: SigningKey) -> Pruned {
        self.inbox.prune(before, key)
    }

    /// Commits what waits, finishes a snapshot, moves the write-ahead log into the database file and ends the threads.
    pub fn close(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.inbox.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.end();
    }
}
