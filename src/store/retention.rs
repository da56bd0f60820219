//! Retention: commits older than a given time are dropped, and the chain starts from a signed checkpoint.
//!
//! Nothing is dropped that loading may need: at least one complete snapshot stays whose events up to its own are all
//! gone or all there. Names that only dropped commits used go with them; for that, table `names` keeps the day of a
//! name's last use, to within [`SEEN_DAYS`]. It all happens in small transactions between commits.

use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use super::chain::digest_from;
use super::error::{StoreError, Trouble, from_sql};
use super::{schema, snapshot};
use crate::ident::{Digest, Seq};
use crate::sign::{SignatureError, SigningKey, VerifyingKey};
use crate::time::Timestamp;

/// How long events are kept unless a site decides otherwise: 13 months.
pub const RETENTION: Duration = Duration::from_secs(396 * 24 * 60 * 60);

/// A name's last use is noted again when it is so many days old.
pub(super) const SEEN_DAYS: i64 = 30;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How many commits or names one transaction drops.
const AT_A_TIME: i64 = 100;

/// The day of an instant, counted from 1970.
pub(super) const fn day(utc: i64) -> i64 {
    utc.div_euclid(DAY_MS)
}

/// Where the chain of a shortened history starts, signed by the key of the state directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last event that was dropped.
    pub through: Seq,
    /// Its time.
    pub utc: Timestamp,
    /// The last number that was given to a name up to there.
    pub names: u64,
    /// The link of the chain behind it.
    pub link: Digest,
    /// Key id and signature, in the form of `SIGN=` (`grammar/signature.md`).
    pub signature: String,
}

impl Checkpoint {
    /// Checks that the key made the signature over these very values.
    ///
    /// # Errors
    /// [`SignatureError`] when it did not.
    pub fn verify(&self, key: &VerifyingKey) -> Result<(), SignatureError> {
        key.verify(&self.text(), &self.signature)
    }

    /// What is signed.
    fn text(&self) -> String {
        format!(
            "seatkeeper-checkpoint-v1\nthrough={}\nutc={}\nnames={}\nlink={}\n",
            self.through, self.utc.0, self.names, self.link
        )
    }
}

/// The checkpoint of a history, if something of it was dropped.
///
/// # Errors
/// [`StoreError`] when there is no history or it can't be read.
pub fn checkpoint(dir: &Path) -> Result<Option<Checkpoint>, StoreError> {
    let connection = schema::open_for_reading(dir)?;
    newest(&connection).map_err(|trouble| trouble.at(&schema::database(dir)))
}

pub(super) fn newest(connection: &Connection) -> Result<Option<Checkpoint>, Trouble> {
    let mut statement = connection.prepare(
        "SELECT through, utc, names, link, signature FROM checkpoints ORDER BY through DESC LIMIT 1",
    )?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(Checkpoint {
        through: Seq(from_sql(row.get(0)?)?),
        utc: Timestamp(row.get(1)?),
        names: from_sql(row.get(2)?)?,
        link: digest_from(row.get_ref(3)?.as_blob().unwrap_or_default())?,
        signature: row.get(4)?,
    }))
}

/// An order to drop what is older than a time.
#[derive(Debug)]
pub(super) struct Pruning {
    pub(super) before: Timestamp,
    pub(super) key: SigningKey,
    pub(super) done: SyncSender<Result<Option<Checkpoint>, StoreError>>,
}

impl Pruning {
    /// One small transaction; true if there is more to do.
    pub(super) fn step(&self, connection: &Connection) -> Result<bool, Trouble> {
        let more = self.drop_commits(connection)?;
        Ok(more || self.drop_names(connection)?)
    }

    fn drop_commits(&self, connection: &Connection) -> Result<bool, Trouble> {
        // The older of the complete snapshots must still lead to the present.
        let oldest: Option<i64> =
            connection
                .query_row("SELECT min(through) FROM snapshots WHERE complete = 1", [], |row| row.get(0))?;
        let Some(oldest) = oldest else {
            return Ok(false);
        };
        // The first commit that stays, by age; a clock that once was wrong can only keep too much.
        let stays: Option<i64> = connection
            .query_row(
                "SELECT first_seq FROM (SELECT first_seq, last_seq, utc FROM commits ORDER BY first_seq LIMIT ?1)
                 WHERE utc >= ?2 OR last_seq > ?3 ORDER BY first_seq LIMIT 1",
                [AT_A_TIME, self.before.0, oldest],
                |row| row.get(0),
            )
            .optional()?;
        let mut last = connection.prepare(
            "SELECT last_seq, utc, names, link FROM
             (SELECT * FROM commits WHERE first_seq < ?1 ORDER BY first_seq LIMIT ?2)
             ORDER BY first_seq DESC LIMIT 1",
        )?;
        let mut rows = last.query([stays.unwrap_or(i64::MAX), AT_A_TIME])?;
        let Some(row) = rows.next()? else {
            return Ok(false);
        };
        let through: i64 = row.get(0)?;
        let mut checkpoint = Checkpoint {
            through: Seq(from_sql(through)?),
            utc: Timestamp(row.get(1)?),
            names: from_sql(row.get(2)?)?,
            link: digest_from(row.get_ref(3)?.as_blob().unwrap_or_default())?,
            signature: String::new(),
        };
        let names: i64 = row.get(2)?;
        drop(rows);
        checkpoint.signature = self.key.sign(&checkpoint.text());
        snapshot::not_waiting(connection, || {
            connection.execute("DELETE FROM checkpoints", [])?;
            connection.execute(
                "INSERT INTO checkpoints (through, utc, names, link, signature) VALUES (?1, ?2, ?3, ?4, ?5)",
                (through, checkpoint.utc.0, names, &checkpoint.link.0[..], &checkpoint.signature),
            )?;
            connection.execute("DELETE FROM commits WHERE last_seq <= ?1 AND first_seq <= ?1", [through])?;
            Ok(())
        })?;
        Ok(true)
    }

    fn drop_names(&self, connection: &Connection) -> Result<bool, Trouble> {
        let mut dropped = 0;
        snapshot::not_waiting(connection, || {
            dropped = connection.execute(
                "DELETE FROM names WHERE id IN (SELECT id FROM names
                 WHERE id <= (SELECT max(names) FROM checkpoints) AND seen < ?1 LIMIT ?2)",
                [day(self.before.0) - SEEN_DAYS, AT_A_TIME],
            )?;
            Ok(())
        })?;
        Ok(dropped > 0)
    }
}
