//! The tables, how a database comes into being, and how it is opened.
//!
//! A new database is made under another name, synced and renamed, so that an empty or half-made `history.db` can only
//! be damage. `commits` holds the events; every other table serves it: `names` the texts behind the numbers in the
//! records, `files` the license files that `Started` events name by digest, `snapshots` short cuts for loading,
//! `checkpoints` the link from which the chain starts when older commits were dropped.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::StoreError;
use super::checkpointer::move_pages;
use crate::ident::Digest;

/// `SEAT`.
const APPLICATION_ID: i64 = 0x5345_4154;
const SCHEMA_VERSION: i64 = 1;

/// How long one connection waits for another one's lock: a checkpoint, a backup, an auditor.
pub(super) const BUSY_MAX: Duration = Duration::from_secs(10);

/// How many bytes a probe writes, so that it needs space of its own: more than what a small commit finds in the
/// blocks that the file system has set aside already.
const PROBE_BYTES: i64 = 128 << 10;

const TABLES: &str = "
CREATE TABLE commits (
    first_seq INTEGER PRIMARY KEY, -- number of the first event
    last_seq  INTEGER NOT NULL,    -- number of the last event; the next commit begins behind it
    utc       INTEGER NOT NULL,    -- time of the last record, milliseconds since 1970
    names     INTEGER NOT NULL,    -- names up to this number are part of the chain up to here
    records   BLOB NOT NULL,
    link      BLOB NOT NULL        -- of the chain
);
CREATE TABLE names (
    id     INTEGER PRIMARY KEY,
    kind   INTEGER NOT NULL,
    digest BLOB NOT NULL,          -- of salt, kind and text; stays when the name is erased
    salt   BLOB,
    text   TEXT,
    seen   INTEGER NOT NULL        -- day of the last use, counted from 1970, to within a month
);
CREATE UNIQUE INDEX names_by_text ON names (kind, text) WHERE text IS NOT NULL;
CREATE TABLE snapshots (
    through  INTEGER PRIMARY KEY,  -- number of the last event in it
    bytes    INTEGER NOT NULL,
    digest   BLOB NOT NULL,
    complete INTEGER NOT NULL
);
CREATE TABLE snapshot_pieces (
    through INTEGER NOT NULL,
    piece   INTEGER NOT NULL,
    data    BLOB NOT NULL,
    PRIMARY KEY (through, piece)
);
CREATE TABLE files (digest BLOB PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE checkpoints (
    through INTEGER PRIMARY KEY,   -- events up to this number were dropped
    utc     INTEGER NOT NULL,
    names   INTEGER NOT NULL,
    link    BLOB NOT NULL,
    signature TEXT NOT NULL        -- by the key of the state directory
);
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE probe (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
";

/// The database of a state directory.
pub(super) fn database(dir: &Path) -> PathBuf {
    dir.join("history.db")
}

/// Its write-ahead log.
pub(super) fn write_ahead_log(dir: &Path) -> PathBuf {
    dir.join("history.db-wal")
}

/// Opens the database for the writing thread, makes it if there is none, and shows by a real commit that it can be
/// written. That commit also syncs whatever a killed predecessor had written but not synced, so that all that is read
/// afterwards is durable.
pub(super) fn open_for_writing(dir: &Path) -> Result<Connection, StoreError> {
    let path = database(dir);
    match path.symlink_metadata() {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => create(dir)?,
        Err(error) => return Err(StoreError::io(&path, &error)),
    }
    let connection = open_for_checkpoints(dir)?;
    let failed = |error: rusqlite::Error| StoreError::sqlite(&path, &error);
    // Freed pages of the write-ahead log go back on a thread of its own, never while a commit is waited for.
    connection.pragma_update(None, "wal_autocheckpoint", 0).map_err(failed)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    // Erased names, and those in old snapshots, are overwritten and not only forgotten.
    connection.pragma_update(None, "secure_delete", "ON").map_err(failed)?;
    // A predecessor that ended because a sync failed has left pages in the log that the system may hold without ever
    // writing them; here they are written anew, into the database file, and synced there.
    let moved = move_pages(&connection, "PASSIVE").and_then(|(pages, moved)| {
        if moved < pages {
            tracing::warn!(
                "{} of {pages} pages stay in the write-ahead log: somebody reads them",
                pages - moved
            );
        }
        probe(&connection)
    });
    moved.map_err(|error| because(dir, StoreError::sqlite(&path, &error)))?;
    Ok(connection)
}

/// Opens an existing database for reading and writing, as the checkpointing thread needs it.
pub(super) fn open_for_checkpoints(dir: &Path) -> Result<Connection, StoreError> {
    let path = database(dir);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&path, flags)
        .map_err(|error| because(dir, StoreError::sqlite(&path, &error)))?;
    set_up(&connection, dir)?;
    Ok(connection)
}

/// Opens an existing database for reading only.
pub(super) fn open_for_reading(dir: &Path) -> Result<Connection, StoreError> {
    let path = database(dir);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(&path, flags)
        .map_err(|error| StoreError::sqlite(&path, &error))
        .and_then(|connection| set_up(&connection, dir).map(|()| connection));
    match opened {
        // A write-ahead log needs files beside the database. Where they can't be made and none is there, such as in
        // a copy on read-only media, nobody writes either.
        Err(StoreError::Unavailable { .. }) if path.is_file() && !write_ahead_log(dir).exists() => {
            let connection = Connection::open_with_flags(
                format!("file:{}?immutable=1", uri_path(&path)),
                flags | OpenFlags::SQLITE_OPEN_URI,
            )
            .map_err(|error| StoreError::sqlite(&path, &error))?;
            set_up(&connection, dir)?;
            Ok(connection)
        }
        opened => opened,
    }
}

fn uri_path(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

fn set_up(connection: &Connection, dir: &Path) -> Result<(), StoreError> {
    let path = database(dir);
    let number = |pragma: &str| {
        connection
            .pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))
            .map_err(|error| StoreError::sqlite(&path, &error))
    };
    connection.busy_timeout(BUSY_MAX).map_err(|error| StoreError::sqlite(&path, &error))?;
    // After a failed sync nothing may be moved into the database file on the way out.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(|error| StoreError::sqlite(&path, &error))?;
    if number("application_id")? != APPLICATION_ID {
        let reason = "it does not bear the mark of a history".to_owned();
        return Err(StoreError::Damaged { path, reason });
    }
    match number("user_version")? {
        SCHEMA_VERSION => Ok(()),
        found if found > SCHEMA_VERSION => Err(StoreError::Newer { path, found, known: SCHEMA_VERSION }),
        found => Err(StoreError::Damaged { path, reason: format!("it has schema version {found}") }),
    }
}

fn create(dir: &Path) -> Result<(), StoreError> {
    let path = database(dir);
    let log = write_ahead_log(dir);
    if log.metadata().is_ok_and(|log| log.len() > 0) {
        let reason = format!("it is missing, but its write-ahead log {} is there", log.display());
        return Err(StoreError::Damaged { path, reason });
    }
    let draft = dir.join("history.new");
    for left_over in ["history.new", "history.new-journal", "history.new-wal", "history.new-shm"] {
        match std::fs::remove_file(dir.join(left_over)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::io(&draft, &error));
            }
            _ => {}
        }
    }
    let made = make(&draft).map_err(|error| because(dir, StoreError::sqlite(&draft, &error)));
    made.and_then(|()| {
        std::fs::rename(&draft, &path)
            .and_then(|()| sync_directory(dir))
            .map_err(|error| StoreError::io(&path, &error))
    })
}

fn make(draft: &Path) -> Result<(), rusqlite::Error> {
    let connection = Connection::open(draft)?;
    connection.pragma_update(None, "synchronous", "EXTRA")?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    connection.execute_batch(TABLES)?;
    // Two histories never share a link: the chain starts from something random.
    let seed: Vec<u8> = connection.query_row("SELECT randomblob(32)", [], |row| row.get(0))?;
    let start = Digest::of(&[b"seatkeeper-chain-start-v1".as_slice(), &seed].concat());
    connection.execute("INSERT INTO meta (key, value) VALUES ('chain_start', ?1)", [&start.0[..]])?;
    connection.execute_batch("COMMIT")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.close().map_err(|(_, error)| error)
}

/// Makes a new file's name durable.
fn sync_directory(dir: &Path) -> std::io::Result<()> {
    if cfg!(unix) { std::fs::File::open(dir)?.sync_all() } else { Ok(()) }
}

/// A small commit that needs space, and its removal.
pub(super) fn probe(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.execute("INSERT INTO probe (data) VALUES (randomblob(?1))", [PROBE_BYTES])?;
    connection.execute("DELETE FROM probe", [])?;
    Ok(())
}

/// SQLite often says only that an input or output failed; a file of our own tells what the system says.
pub(super) fn because(dir: &Path, error: StoreError) -> StoreError {
    let StoreError::Unavailable { path, reason } = error else {
        return error;
    };
    match write_try(dir) {
        Ok(()) => StoreError::Unavailable { path, reason },
        Err(system) => StoreError::Unavailable { path, reason: format!("{reason}: {system}") },
    }
}

fn write_try(dir: &Path) -> std::io::Result<()> {
    use std::io::Write;
    let path = dir.join("probe.tmp");
    let outcome = std::fs::File::create(&path)
        .and_then(|mut file| file.write_all(&[0x5a; 64 << 10]).and_then(|()| file.sync_all()));
    // It is only in the way now; that it can't be removed is no news.
    let _ = std::fs::remove_file(&path);
    outcome
}
