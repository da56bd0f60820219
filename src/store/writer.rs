//! The writing thread: group commit, roll-back, probing.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, Statement};

use super::chain::{self, Commit, Place};
use super::checkpointer::{Gate, move_pages};
use super::error::{Kind, StoreError, Trouble, to_sql};
use super::inbox::{Ending, Inbox, Work};
use super::names::Interner;
use super::retention::{self, Pruning};
use super::snapshot::{Progress, Writing};
use super::{Report, StoreConfig, batch, erase, schema};
use crate::event::Record;
use crate::event::codec::Writer as Bytes;
use crate::ident::Digest;

/// How many records one commit takes at most.
const COMMIT_RECORDS_MAX: usize = 1024;

/// How long the writing thread waits for readers after an erasure, before it leaves the rest to the closing.
const ERASURE_WAIT_MAX: Duration = Duration::from_millis(200);

pub(super) fn spawn(
    config: StoreConfig,
    connection: Connection,
    inbox: Arc<Inbox>,
    gate: Arc<Gate>,
    report: Box<dyn FnMut(Report) + Send>,
) -> Result<JoinHandle<()>, StoreError> {
    let path = schema::database(&config.dir);
    std::thread::Builder::new()
        .name("history".into())
        .spawn(move || Writer { config, inbox, gate, report }.run(connection))
        .map_err(|error| StoreError::io(&path, &error))
}

struct Writer {
    config: StoreConfig,
    inbox: Arc<Inbox>,
    gate: Arc<Gate>,
    report: Box<dyn FnMut(Report) + Send>,
}

/// What a commit needs at hand.
struct Tools<'c> {
    connection: &'c Connection,
    begin: Statement<'c>,
    commit: Statement<'c>,
    insert: Statement<'c>,
    file: Statement<'c>,
    names: Interner<'c>,
    bytes: Bytes,
    place: Place,
}

impl<'c> Tools<'c> {
    fn new(connection: &'c Connection) -> Result<Self, Trouble> {
        Ok(Self {
            connection,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            insert: connection.prepare(
                "INSERT INTO commits (first_seq, last_seq, utc, names, records, link)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            file: connection.prepare("INSERT OR IGNORE INTO files (digest, bytes) VALUES (?1, ?2)")?,
            names: Interner::new(connection)?,
            bytes: Bytes::new(),
            place: chain::end(connection)?,
        })
    }

    /// One transaction: files, names, records, link. On an error nothing of it is there.
    fn commit(&mut self, files: &[(Digest, Vec<u8>)], records: &[Record]) -> Result<usize, Trouble> {
        let done = self.transaction(files, records);
        match done {
            Ok((place, bytes)) => {
                self.place = place;
                Ok(bytes)
            }
            Err(trouble) => {
                if !self.connection.is_autocommit() {
                    self.connection.execute_batch("ROLLBACK")?;
                }
                Err(trouble)
            }
        }
    }

    fn transaction(
        &mut self,
        files: &[(Digest, Vec<u8>)],
        records: &[Record],
    ) -> Result<(Place, usize), Trouble> {
        self.begin.execute([])?;
        let mut written = 0;
        for (digest, bytes) in files {
            self.file.execute((&digest.0[..], bytes))?;
            written += bytes.len();
        }
        let mut place = self.place;
        if let (Some(first), Some(last)) = (records.first(), records.last()) {
            let (first, last, utc) = (first.first.0, last.last().0, last.at.0);
            check_order(records, self.place.seq)?;
            self.bytes.clear();
            self.names.set_time(utc);
            batch::encode(records, &mut self.names, &mut self.bytes)?;
            let (blob, fresh, names) = (self.bytes.as_slice(), self.names.take_fresh(), self.names.last());
            let commit = Commit { first, last, utc, names, blob, fresh: &fresh };
            let link = chain::link(&self.place.link, &commit);
            self.insert.execute((to_sql(first)?, to_sql(last)?, utc, to_sql(names)?, blob, &link.0[..]))?;
            written += blob.len() + fresh.len() * 128;
            place = Place { seq: last, names, link };
        }
        self.commit.execute([])?;
        Ok((place, written))
    }
}

/// Records follow what is there and one another without gaps; anything else is a mistake of this program.
fn check_order(records: &[Record], before: u64) -> Result<(), Trouble> {
    let mut last = before;
    for record in records {
        if record.events.is_empty() || record.first.0 != last.saturating_add(1) {
            return Err(Trouble::Other(format!(
                "a record with {} events from event {} on was submitted after event {last}",
                record.events.len(),
                record.first
            )));
        }
        last = record.last().0;
    }
    Ok(())
}

/// Why the writing thread ends without being told to.
struct Fatal(String);

impl From<Trouble> for Fatal {
    fn from(trouble: Trouble) -> Self {
        Self(trouble.to_string())
    }
}

impl Writer {
    fn run(mut self, connection: Connection) {
        match self.serve(&connection) {
            Ok(()) => {
                drop(connection);
                self.inbox.end(Ending::InOrder);
            }
            Err(Fatal(reason)) => {
                // Closing it could touch files of which nobody knows what is durable.
                std::mem::forget(connection);
                self.inbox.end(Ending::Fatal);
                (self.report)(Report::Fatal { reason });
            }
        }
    }

    fn serve(&mut self, connection: &Connection) -> Result<(), Fatal> {
        let limit = i64::try_from(self.config.wal_bytes_max).unwrap_or(i64::MAX);
        connection.pragma_update(None, "journal_size_limit", limit).map_err(Trouble::from)?;
        let mut tools = Tools::new(connection)?;
        let mut snapshot: Option<Writing> = None;
        let mut pruning: Option<Pruning> = None;
        let mut closing = false;
        loop {
            let mut work =
                self.inbox.take(snapshot.is_none() && pruning.is_none() && !closing, COMMIT_RECORDS_MAX);
            if let Some(reason) = work.fatal.take() {
                return Err(Fatal(reason));
            }
            closing |= work.closing;
            let idle = work.records.is_empty() && work.files.is_empty() && work.snapshot.is_none();
            if closing && idle && snapshot.is_none() && work.erasures.is_empty() {
                return Ok(());
            }
            if let Some(next) = work.snapshot.take()
                && let Some(given_up) = snapshot.replace(Writing::new(next))
            {
                self.given_up(&given_up, "a newer one takes its place".into());
            }
            if let Err(trouble) = self.commit(&mut tools, &mut work) {
                if trouble.kind() != Kind::Passing {
                    return Err(trouble.into());
                }
                if let Some(given_up) = snapshot.take() {
                    self.given_up(&given_up, trouble.to_string());
                }
                if !self.wait_for_recovery(&mut tools, work, trouble)? {
                    return Ok(());
                }
                continue;
            }
            if self.gate.asked() {
                self.move_rest(connection, "PASSIVE")?;
            }
            for erasure in work.erasures {
                let erased = erase::erase(connection, &self.config.dir, erasure.kind, &erasure.text);
                tools.names.reset(connection)?;
                // Its page must not stay behind in the log; but no commit waits long for a slow reader.
                connection.busy_timeout(ERASURE_WAIT_MAX).map_err(Trouble::from)?;
                self.move_rest(connection, "TRUNCATE")?;
                connection.busy_timeout(schema::BUSY_MAX).map_err(Trouble::from)?;
                // Whoever asked may be gone.
                let _ = erasure.done.send(erased);
            }
            if let Some(writing) = &mut snapshot {
                let step = writing.step(connection);
                if self.stepped(writing, step)? {
                    snapshot = None;
                }
            }
            pruning = work.pruning.take().or(pruning);
            // An order that is not done when the daemon ends is given again after its next start.
            if let Some(order) = pruning.take_if(|_| !closing) {
                pruning = self.prune(&mut tools, order)?;
            }
        }
    }

    fn commit(&mut self, tools: &mut Tools<'_>, work: &mut Work) -> Result<(), Trouble> {
        if work.records.is_empty() && work.files.is_empty() {
            return Ok(());
        }
        let bytes = tools.commit(&work.files, &work.records)?;
        self.gate.wrote(bytes);
        work.files.clear();
        if !work.records.is_empty() {
            (self.report)(Report::Committed(std::mem::take(&mut work.records)));
        }
        Ok(())
    }

    /// After a failure that may pass: tells the owner, then tries until a commit works. False if the thread shall end.
    fn wait_for_recovery(
        &mut self,
        tools: &mut Tools<'_>,
        work: Work,
        trouble: Trouble,
    ) -> Result<bool, Fatal> {
        let path = schema::database(&self.config.dir);
        let error = match trouble {
            Trouble::Sqlite(error) => schema::because(&self.config.dir, StoreError::sqlite(&path, &error)),
            other => return Err(other.into()),
        };
        let reason = error.to_string();
        for erasure in work.erasures {
            let error = StoreError::Unavailable { path: path.clone(), reason: reason.clone() };
            let _ = erasure.done.send(Err(error));
        }
        self.inbox.fail(work.files);
        (self.report)(Report::RolledBack { reason });
        loop {
            if !self.inbox.pause(self.config.probe_every) {
                return match self.inbox.take(false, 0).fatal {
                    Some(reason) => Err(Fatal(reason)),
                    None => Ok(false),
                };
            }
            match schema::probe(tools.connection) {
                Ok(()) => break,
                Err(error) if Kind::of(&error) == Kind::Passing => {}
                Err(error) => return Err(Trouble::from(error).into()),
            }
        }
        // Names that were given numbers in what was rolled back have none.
        tools.names.reset(tools.connection)?;
        self.inbox.recovered();
        (self.report)(Report::Recovered);
        Ok(true)
    }

    /// One step; what is left of the order.
    fn prune(&self, tools: &mut Tools<'_>, order: Pruning) -> Result<Option<Pruning>, Fatal> {
        self.gate.wrote(0);
        let outcome = match order.step(tools.connection) {
            Ok(true) => return Ok(Some(order)),
            Ok(false) => retention::newest(tools.connection),
            Err(trouble) => Err(trouble),
        };
        // Names may be gone that were remembered.
        tools.names.reset(tools.connection)?;
        let outcome = match outcome {
            Err(trouble) if trouble.kind() != Kind::Passing => return Err(trouble.into()),
            outcome => outcome.map_err(|trouble| trouble.at(&schema::database(&self.config.dir))),
        };
        // Nobody has to wait for it.
        let _ = order.done.send(outcome);
        Ok(None)
    }

    fn move_rest(&self, connection: &Connection, how: &str) -> Result<(), Fatal> {
        match move_pages(connection, how) {
            Err(error) if Kind::of(&error) != Kind::Passing => Err(Trouble::from(error).into()),
            Err(error) => {
                tracing::warn!("the write-ahead log can't be moved: {error}");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    /// True when nothing is left to do for the snapshot.
    fn stepped(&mut self, writing: &Writing, step: Result<Progress, Trouble>) -> Result<bool, Fatal> {
        self.gate.wrote(0);
        match step {
            Ok(Progress::More) => Ok(false),
            Ok(Progress::Done) => Ok(true),
            Ok(Progress::Complete) => {
                (self.report)(Report::Snapshot { through: writing.through(), result: Ok(()) });
                Ok(false)
            }
            Err(trouble @ (Trouble::Sqlite(_) | Trouble::Unsynced(_))) if trouble.kind() != Kind::Passing => {
                Err(trouble.into())
            }
            Err(trouble) => {
                self.given_up(writing, trouble.to_string());
                Ok(true)
            }
        }
    }

    fn given_up(&mut self, writing: &Writing, reason: String) {
        (self.report)(Report::Snapshot { through: writing.through(), result: Err(reason) });
    }
}
