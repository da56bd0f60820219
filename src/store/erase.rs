//! Removal of a name from a history, while the chain keeps its proof.

use std::path::Path;

use rusqlite::Connection;

use super::error::{StoreError, Trouble};
use super::{schema, snapshot};
use crate::event::codec::NameKind;

/// Removes a name's text and salt. Events show `erased-<number>` in its place, the chain still verifies, and the same
/// name gets a new number when it comes again. Older snapshots are dropped, as they may hold the name. True if the
/// name was there. For a history that no daemon has open; a running one does it by
/// [`Store::erase_name`](super::Store::erase_name).
///
/// # Errors
/// [`StoreError::NameInUse`] when the newest snapshot holds the name, other [`StoreError`]s when the history can't be
/// changed; nothing is changed then.
pub fn erase_name(dir: &Path, kind: NameKind, text: &str) -> Result<bool, StoreError> {
    let connection = schema::open_for_writing(dir)?;
    let erased = erase(&connection, dir, kind, text)?;
    // The name's old page must not stay behind in the log.
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .map_err(|error| StoreError::sqlite(&schema::database(dir), &error))?;
    Ok(erased)
}

pub(super) fn erase(
    connection: &Connection,
    dir: &Path,
    kind: NameKind,
    text: &str,
) -> Result<bool, StoreError> {
    let path = schema::database(dir);
    let failed = |trouble: Trouble| trouble.at(&path);
    if snapshot::holds_name(connection, text).map_err(failed)? {
        return Err(StoreError::NameInUse);
    }
    let work = || -> Result<bool, Trouble> {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let erased = connection.execute(
            "UPDATE names SET text = NULL, salt = NULL WHERE kind = ?1 AND text = ?2",
            (kind.number(), text),
        )?;
        if erased > 0 {
            snapshot::remove_older(connection)?;
        }
        connection.execute_batch("COMMIT")?;
        Ok(erased > 0)
    };
    let done = work();
    if !connection.is_autocommit() {
        // The first error is the one that tells.
        let _ = connection.execute_batch("ROLLBACK");
    }
    done.map_err(failed)
}
