//! Reading records back: all of them for auditors and tests, those after a snapshot for the daemon's start.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::chain::{self, Commit, FRESH_NAMES, Place, fresh_names};
use super::error::{StoreError, Trouble, from_sql, to_sql};
use super::names::{Lookup, NameCache};
use super::{Snapshot, batch, schema, snapshot};
use crate::event::Record;
use crate::ident::{Digest, Seq};

/// How many commits are read at a time. Between two reads no lock is held, so that a slow reader never keeps the
/// write-ahead log from being emptied.
const COMMITS_AT_A_TIME: i64 = 16;

/// Every record of a history from the first that is still there. Works beside a running daemon, and reads on when asked
/// again after the end.
///
/// # Errors
/// [`StoreError`] when there is no history or it can't be read.
pub fn read(dir: &Path) -> Result<Records, StoreError> {
    Records::open(dir, Seq(0))
}

/// The records after an event, such as for a log that catches up; where they were dropped, from the first that is still
/// there.
///
/// # Errors
/// [`StoreError`] when there is no history or it can't be read.
pub fn read_after(dir: &Path, seq: Seq) -> Result<Records, StoreError> {
    Records::open(dir, seq)
}

/// The bytes of a file that a `Started` event names, if they are kept.
///
/// # Errors
/// [`StoreError`] when there is no history or it can't be read.
pub fn file(dir: &Path, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
    use rusqlite::OptionalExtension;
    let connection = schema::open_for_reading(dir)?;
    connection
        .query_row("SELECT bytes FROM files WHERE digest = ?1", [&digest.0[..]], |row| row.get(0))
        .optional()
        .map_err(|error| StoreError::sqlite(&schema::database(dir), &error))
}

/// Records one by one, in order. Each link of the chain is checked on the way. After an error there is nothing more.
#[derive(Debug)]
pub struct Records {
    path: PathBuf,
    connection: Connection,
    names: NameCache,
    place: Place,
    through: u64,
    ready: VecDeque<Record>,
    /// Comes after what is ready.
    error: Option<StoreError>,
    failed: bool,
}

impl Records {
    pub(super) fn open(dir: &Path, after: Seq) -> Result<Self, StoreError> {
        let connection = schema::open_for_reading(dir)?;
        let path = schema::database(dir);
        let place = Self::find(&connection, after).map_err(|trouble| trouble.at(&path))?;
        Ok(Self {
            path,
            connection,
            names: NameCache::default(),
            place,
            through: after.0,
            ready: VecDeque::new(),
            error: None,
            failed: false,
        })
    }

    /// The place behind the last commit that ends at `after` or before.
    fn find(connection: &Connection, after: Seq) -> Result<Place, Trouble> {
        let sought = i64::try_from(after.0).unwrap_or(i64::MAX);
        let place = chain::behind(connection, sought)?;
        if place.seq <= after.0 {
            return Ok(place);
        }
        // That commit holds `after` and more; the place before it is wanted, if it was not the start.
        let first: Option<i64> = connection.query_row(
            "SELECT max(first_seq) FROM commits WHERE first_seq <= ?1",
            [sought],
            |row| row.get(0),
        )?;
        first.map_or(Ok(place), |first| chain::behind(connection, first.saturating_sub(1)))
    }

    pub(super) const fn place(&self) -> Place {
        self.place
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    fn fill(&mut self) -> Result<(), StoreError> {
        let path = &self.path;
        let outside = |trouble: Trouble| trouble.at(path);
        let sqlite = |error: rusqlite::Error| StoreError::sqlite(path, &error);
        let mut commits = self
            .connection
            .prepare(
                "SELECT first_seq, last_seq, utc, names, records, link FROM commits
                 WHERE first_seq > ?1 ORDER BY first_seq LIMIT ?2",
            )
            .map_err(sqlite)?;
        let mut fresh = self.connection.prepare(FRESH_NAMES).map_err(sqlite)?;
        let position = to_sql(self.place.seq).map_err(outside)?;
        let mut rows = commits.query([position, COMMITS_AT_A_TIME]).map_err(sqlite)?;
        while let Some(row) = rows.next().map_err(sqlite)? {
            let first: i64 = row.get(0).map_err(sqlite)?;
            let last: i64 = row.get(1).map_err(sqlite)?;
            let mut step = || -> Result<(Place, Vec<Record>), Trouble> {
                let (first, last) = (from_sql(first)?, from_sql(last)?);
                if first != self.place.seq + 1 {
                    return Err(Trouble::Other(format!("event {} is missing before it", self.place.seq + 1)));
                }
                let names = from_sql(row.get(3)?)?;
                let fresh = if names == self.place.names {
                    Vec::new()
                } else {
                    fresh_names(&mut fresh, self.place.names, names)?
                };
                let blob = row.get_ref(4)?.as_blob().unwrap_or_default();
                let commit = Commit { first, last, utc: row.get(2)?, names, blob, fresh: &fresh };
                let link = chain::link(&self.place.link, &commit);
                if row.get_ref(5)?.as_blob().unwrap_or_default() != link.0 {
                    return Err(Trouble::Other(
                        "its link does not fit: it or a name in it was changed".into(),
                    ));
                }
                let mut names_of = Lookup::new(&self.connection, &mut self.names);
                Ok((Place { seq: last, names, link }, batch::decode(blob, &mut names_of, (first, last))?))
            };
            let (place, records) = step().map_err(|trouble| match trouble {
                Trouble::Sqlite(error) => StoreError::sqlite(path, &error),
                trouble => StoreError::BadCommit {
                    path: path.clone(),
                    first: Seq(first.unsigned_abs()),
                    last: Seq(last.unsigned_abs()),
                    reason: trouble.to_string(),
                },
            })?;
            self.place = place;
            let through = self.through;
            self.ready.extend(records.into_iter().filter(|record| record.last().0 > through));
        }
        Ok(())
    }
}

impl Iterator for Records {
    type Item = Result<Record, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() {
            if let Some(error) = self.error.take() {
                return Some(Err(error));
            }
            if !self.failed
                && let Err(error) = self.fill()
            {
                // What was read of sound commits before the damage comes first.
                self.failed = true;
                self.error = Some(error);
                return self.next();
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

/// What a history holds when the daemon starts: the newest sound snapshot, and what came after it.
#[derive(Debug)]
pub struct Loaded {
    /// The newest snapshot that is complete and undamaged.
    pub snapshot: Option<Snapshot>,
    /// The records after it, or all if there is none; they are read as they are asked for.
    pub records: Records,
    dir: PathBuf,
}

impl Loaded {
    /// For an owner that can't read the bytes of the snapshot: the one before it, or the whole history.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the history before is not there any more, other [`StoreError`]s when reading fails.
    pub fn older(self) -> Result<Self, StoreError> {
        load_before(&self.dir, self.snapshot.map_or(Seq(0), |snapshot| snapshot.through))
    }
}

/// Finds the newest sound snapshot and the records after it.
///
/// # Errors
/// [`StoreError`] when there is no history, or no snapshot is sound and the events from the first one on are not all
/// there.
pub fn load(dir: &Path) -> Result<Loaded, StoreError> {
    load_before(dir, Seq(u64::MAX))
}

fn load_before(dir: &Path, before: Seq) -> Result<Loaded, StoreError> {
    let path = schema::database(dir);
    let connection = schema::open_for_reading(dir)?;
    let snapshot = snapshot::newest(&connection, before).map_err(|trouble| trouble.at(&path))?;
    let start = chain::start(&connection).map_err(|trouble| trouble.at(&path))?;
    drop(connection);
    let after = snapshot.as_ref().map_or(Seq(0), |snapshot| snapshot.through);
    if after.0 < start.seq {
        let reason = format!("no snapshot can be read, and the events up to {} were dropped", start.seq);
        return Err(StoreError::Damaged { path, reason });
    }
    Ok(Loaded { snapshot, records: Records::open(dir, after)?, dir: dir.to_owned() })
}
