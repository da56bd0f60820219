//! What can go wrong, and what that means for the daemon.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_IOERR_CLOSE, SQLITE_IOERR_DIR_CLOSE, SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_FSYNC};
use thiserror::Error;

use crate::event::codec::CodecError;
use crate::ident::Seq;

/// Why the history can't be opened, read or changed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The directory is missing, full, read-only or the like; it may come back by itself.
    #[error("cannot use {}: {reason}", path.display())]
    Unavailable {
        /// The database or directory.
        path: PathBuf,
        /// What failed.
        reason: String,
    },
    /// The disk failed to sync: it is unknown what is durable.
    #[error("cannot sync {}: {reason}", path.display())]
    Sync {
        /// The database.
        path: PathBuf,
        /// What failed.
        reason: String,
    },
    /// Not our database, or damaged. It is left as it is.
    #[error("{} is damaged or not a history: {reason}; restore it from a backup or move it away", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Written by a later program.
    #[error("{} has schema version {found}; this program knows up to {known}", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The latest version that this program knows.
        known: i64,
    },
    /// A commit that does not fit the chain, or whose records can't be read.
    #[error("{}: commit of events {first} to {last}: {reason}", path.display())]
    BadCommit {
        /// The database.
        path: PathBuf,
        /// Its first event.
        first: Seq,
        /// Its last event.
        last: Seq,
        /// What is wrong.
        reason: String,
    },
    /// A name that can't be erased yet.
    #[error(
        "the name is part of the newest snapshot of the state; it can be erased after its sessions have ended and a new snapshot was written"
    )]
    NameInUse,
}

impl StoreError {
    /// Whether it may work later without anybody's help: the daemon comes up without history and tries again.
    #[must_use]
    pub const fn retry(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    pub(super) fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let (path, reason) = (path.to_owned(), error.to_string());
        match Kind::of(error) {
            Kind::Passing => Self::Unavailable { path, reason },
            Kind::Sync => Self::Sync { path, reason },
            Kind::Damage => Self::Damaged { path, reason },
        }
    }

    pub(super) fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::Unavailable { path: path.to_owned(), reason: error.to_string() }
    }
}

/// What an error of SQLite means for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing was changed; it may work later.
    Passing,
    /// It is unknown what is durable.
    Sync,
    /// The file or this program is wrong; it will not get better by waiting.
    Damage,
}

impl Kind {
    pub(super) fn of(error: &rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(failure, _) = error else {
            return Self::Damage;
        };
        match failure.code {
            ErrorCode::SystemIoFailure => match failure.extended_code {
                SQLITE_IOERR_FSYNC | SQLITE_IOERR_DIR_FSYNC | SQLITE_IOERR_CLOSE | SQLITE_IOERR_DIR_CLOSE => {
                    Self::Sync
                }
                // A write that failed (EDQUOT, EROFS, EIO) was not followed by a sync: nothing was promised.
                _ => Self::Passing,
            },
            ErrorCode::DiskFull
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted => Self::Passing,
            _ => Self::Damage,
        }
    }
}

/// What stops a piece of work of the writing thread or of a reader, before the path is known.
#[derive(Debug, Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Commits were made not to wait for the disk, and can't be made to wait again.
    #[error("commits no longer wait for the disk: {0}")]
    Unsynced(rusqlite::Error),
    #[error("{0}")]
    Other(String),
}

impl Trouble {
    /// The same with the database's path; whatever is not an error of SQLite is damage.
    pub(super) fn at(&self, path: &Path) -> StoreError {
        match self {
            Self::Sqlite(error) => StoreError::sqlite(path, error),
            Self::Unsynced(_) => StoreError::Sync { path: path.to_owned(), reason: self.to_string() },
            trouble => StoreError::Damaged { path: path.to_owned(), reason: trouble.to_string() },
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Sqlite(error) => Kind::of(error),
            Self::Unsynced(_) => Kind::Sync,
            Self::Codec(_) | Self::Other(_) => Kind::Damage,
        }
    }
}

/// Numbers of events as SQLite keeps them.
pub(super) fn to_sql(number: u64) -> Result<i64, Trouble> {
    i64::try_from(number)
        .map_err(|_| Trouble::Other(format!("the number {number} is beyond what the history can hold")))
}

/// And back.
pub(super) fn from_sql(number: i64) -> Result<u64, Trouble> {
    u64::try_from(number).map_err(|_| Trouble::Other(format!("the number {number} is negative")))
}
