//! Snapshots of the engine's state, written in pieces.
//!
//! Pieces go between commits, each in a transaction of its own that does not wait for the disk; only the last one
//! does, and before it the snapshot does not count. So a large snapshot delays no commit by more than the writing of one
//! piece. The last two complete ones stay; the others are removed in the same small steps.

use rusqlite::{Connection, OptionalExtension};

use super::Snapshot;
use super::chain::digest_from;
use super::error::{Trouble, from_sql, to_sql};
use crate::ident::{Digest, Seq};

/// How many bytes one transaction writes, or pieces one transaction removes.
const PIECE_BYTES: usize = 128 << 10;
const PIECES_REMOVED: i64 = 16;

/// How many complete snapshots stay.
const KEPT: i64 = 2;

/// A snapshot on its way into the database.
#[derive(Debug)]
pub(super) struct Writing {
    snapshot: Snapshot,
    digest: Digest,
    pieces: i64,
    written: usize,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Unfinished and surplus ones are removed, which makes room.
    Clear,
    Write,
    Tidy,
}

/// What a step has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is more to do.
    More,
    /// The snapshot counts from now on; there is more to do.
    Complete,
    /// Nothing is left to do.
    Done,
}

impl Writing {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        let digest = Digest::of(&snapshot.bytes);
        Self { snapshot, digest, pieces: 0, written: 0, stage: Stage::Clear }
    }

    pub(super) const fn through(&self) -> Seq {
        self.snapshot.through
    }

    /// One small transaction.
    pub(super) fn step(&mut self, connection: &Connection) -> Result<Progress, Trouble> {
        match self.stage {
            Stage::Clear => {
                if remove_some(connection)? {
                    return Ok(Progress::More);
                }
                if self.begin(connection)? {
                    self.stage = Stage::Write;
                    return Ok(Progress::More);
                }
                self.stage = Stage::Tidy;
                Ok(Progress::Complete)
            }
            Stage::Write => match self.snapshot.bytes.get(self.written..) {
                Some(rest) if !rest.is_empty() => {
                    let piece = rest.get(..PIECE_BYTES).unwrap_or(rest);
                    not_waiting(connection, || {
                        connection.execute(
                            "INSERT INTO snapshot_pieces (through, piece, data) VALUES (?1, ?2, ?3)",
                            (to_sql(self.snapshot.through.0)?, self.pieces, piece),
                        )?;
                        Ok(())
                    })?;
                    self.pieces += 1;
                    self.written += piece.len();
                    Ok(Progress::More)
                }
                _ => {
                    let through = to_sql(self.snapshot.through.0)?;
                    connection.execute("UPDATE snapshots SET complete = 1 WHERE through = ?1", [through])?;
                    self.stage = Stage::Tidy;
                    Ok(Progress::Complete)
                }
            },
            Stage::Tidy => Ok(if remove_some(connection)? { Progress::More } else { Progress::Done }),
        }
    }

    /// False if a complete one of the same state is there already.
    fn begin(&self, connection: &Connection) -> Result<bool, Trouble> {
        let through = to_sql(self.snapshot.through.0)?;
        let last: Option<i64> =
            connection.query_row("SELECT max(last_seq) FROM commits", [], |row| row.get(0))?;
        if last.unwrap_or(0) < through {
            return Err(Trouble::Other(format!("event {through} is not in the history yet")));
        }
        let length = to_sql(u64::try_from(self.snapshot.bytes.len()).unwrap_or(u64::MAX))?;
        let mut begun = 0;
        not_waiting(connection, || {
            begun = connection.execute(
                "INSERT OR IGNORE INTO snapshots (through, bytes, digest, complete) VALUES (?1, ?2, ?3, 0)",
                (through, length, &self.digest.0[..]),
            )?;
            Ok(())
        })?;
        Ok(begun == 1)
    }
}

/// Does something in a transaction that is not synced. The next commit's sync, or the one that completes the
/// snapshot, covers it: all go through the same log in order.
pub(super) fn not_waiting(
    connection: &Connection,
    work: impl FnOnce() -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let done = connection.execute_batch("BEGIN IMMEDIATE").map_err(Trouble::from).and_then(|()| {
        work()?;
        Ok(connection.execute_batch("COMMIT")?)
    });
    if done.is_err() && !connection.is_autocommit() {
        // The first error is the one that tells; a failed roll-back shows at the next transaction.
        let _ = connection.execute_batch("ROLLBACK");
    }
    // Without this the next commits would be reported as durable and not be: the daemon has to end.
    connection.pragma_update(None, "synchronous", "FULL").map_err(Trouble::Unsynced)?;
    done
}

/// Removes some pieces of snapshots that do not stay; false if there is nothing to remove.
fn remove_some(connection: &Connection) -> Result<bool, Trouble> {
    let doomed: Option<i64> = connection
        .query_row(
            "SELECT through FROM snapshots WHERE through NOT IN
             (SELECT through FROM snapshots WHERE complete = 1 ORDER BY through DESC LIMIT ?1) LIMIT 1",
            [KEPT],
            |row| row.get(0),
        )
        .optional()?;
    let Some(doomed) = doomed else {
        return Ok(false);
    };
    not_waiting(connection, || {
        let removed = connection.execute(
            "DELETE FROM snapshot_pieces WHERE rowid IN
             (SELECT rowid FROM snapshot_pieces WHERE through = ?1 LIMIT ?2)",
            [doomed, PIECES_REMOVED],
        )?;
        if removed == 0 {
            connection.execute("DELETE FROM snapshots WHERE through = ?1", [doomed])?;
        }
        Ok(())
    })?;
    Ok(true)
}

/// The newest sound snapshot of a state before `before`. A damaged one is passed over: the one before it, or the
/// history itself, holds the same.
pub(super) fn newest(connection: &Connection, before: Seq) -> Result<Option<Snapshot>, Trouble> {
    let before = i64::try_from(before.0).unwrap_or(i64::MAX);
    let mut statement = connection.prepare(
        "SELECT through, bytes, digest FROM snapshots WHERE complete = 1 AND through < ?1 ORDER BY through DESC",
    )?;
    let mut rows = statement.query([before])?;
    while let Some(row) = rows.next()? {
        let through: i64 = row.get(0)?;
        let read = digest_from(&row.get::<_, Vec<u8>>(2)?)
            .and_then(|digest| read(connection, through, row.get(1)?, digest));
        match read {
            Ok(bytes) => return Ok(Some(Snapshot { through: Seq(from_sql(through)?), bytes })),
            Err(trouble) => {
                tracing::warn!("the snapshot of event {through} is passed over: {trouble}");
            }
        }
    }
    Ok(None)
}

fn read(connection: &Connection, through: i64, length: i64, digest: Digest) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    let mut statement =
        connection.prepare("SELECT data FROM snapshot_pieces WHERE through = ?1 ORDER BY piece")?;
    let mut rows = statement.query([through])?;
    while let Some(row) = rows.next()? {
        bytes.extend_from_slice(row.get_ref(0)?.as_blob().unwrap_or_default());
    }
    if i64::try_from(bytes.len()) != Ok(length) || Digest::of(&bytes) != digest {
        return Err(Trouble::Other("its bytes do not have the digest that was kept with them".into()));
    }
    Ok(bytes)
}

/// Whether the newest snapshot holds a name as text, and removal of all older ones, for an erasure.
pub(super) fn holds_name(connection: &Connection, text: &str) -> Result<bool, Trouble> {
    let mut sought = crate::event::codec::Writer::new();
    sought.str(text);
    let sought = sought.into_vec();
    Ok(newest(connection, Seq(u64::MAX))?
        .is_some_and(|snapshot| snapshot.bytes.windows(sought.len()).any(|window| window == sought)))
}

/// Removes every snapshot but the newest complete one.
pub(super) fn remove_older(connection: &Connection) -> Result<(), Trouble> {
    for table in ["snapshot_pieces", "snapshots"] {
        connection.execute(
            &format!(
                "DELETE FROM {table} WHERE through <> coalesce((SELECT max(through) FROM snapshots WHERE complete = 1), -1)"
            ),
            [],
        )?;
    }
    Ok(())
}
