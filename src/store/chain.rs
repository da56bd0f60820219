//! The hash chain: one link for each commit.
//!
//! A link is the SHA-256 of a domain string, the link before, the numbers of the first and last event, the time, the
//! number of the last name so far, the encoded records with their length, and for each name that is new in this commit
//! its number and salted digest. Numbers are eight bytes, big-endian. Whoever keeps a link elsewhere can show later
//! that nothing before it was changed.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Statement};
use sha2::{Digest as _, Sha256};

use super::error::{StoreError, Trouble, from_sql, to_sql};
use super::history::Records;
use super::names::name_digest;
use super::retention::{self, Checkpoint};
use super::schema;
use crate::event::codec::NameKind;
use crate::ident::{Digest, Seq};

/// A place in the chain: behind a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the last event before it; 0 at the start.
    pub(super) seq: u64,
    /// Number of the last name that was given before it.
    pub(super) names: u64,
    /// The link there.
    pub(super) link: Digest,
}

/// What one commit adds.
pub(super) struct Commit<'a> {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) utc: i64,
    /// Number of the last name after it.
    pub(super) names: u64,
    pub(super) blob: &'a [u8],
    /// Names that are new in it, in order.
    pub(super) fresh: &'a [(u64, Digest)],
}

/// The link behind a commit.
pub(super) fn link(before: &Digest, commit: &Commit<'_>) -> Digest {
    let length = |of: usize| u64::try_from(of).unwrap_or(u64::MAX).to_be_bytes();
    let mut hash = Sha256::new();
    hash.update(b"seatkeeper-chain-v1");
    hash.update(before.0);
    hash.update(commit.first.to_be_bytes());
    hash.update(commit.last.to_be_bytes());
    hash.update(commit.utc.to_be_bytes());
    hash.update(commit.names.to_be_bytes());
    hash.update(length(commit.blob.len()));
    hash.update(commit.blob);
    hash.update(length(commit.fresh.len()));
    for (id, digest) in commit.fresh {
        hash.update(id.to_be_bytes());
        hash.update(digest.0);
    }
    Digest(hash.finalize().into())
}

pub(super) fn digest_from(bytes: &[u8]) -> Result<Digest, Trouble> {
    bytes.try_into().map(Digest).map_err(|_| Trouble::Other("a digest does not have 32 bytes".into()))
}

/// Where the chain starts: at the last checkpoint, or at the seed of the database.
pub(super) fn start(connection: &Connection) -> Result<Place, Trouble> {
    if let Some(Checkpoint { through, names, link, .. }) = retention::newest(connection)? {
        return Ok(Place { seq: through.0, names, link });
    }
    let seed: Vec<u8> =
        connection.query_row("SELECT value FROM meta WHERE key = 'chain_start'", [], |row| row.get(0))?;
    Ok(Place { seq: 0, names: 0, link: digest_from(&seed)? })
}

/// Where the chain ends.
pub(super) fn end(connection: &Connection) -> Result<Place, Trouble> {
    behind(connection, i64::MAX)
}

/// The place behind the last commit that begins at `first` or before.
pub(super) fn behind(connection: &Connection, first: i64) -> Result<Place, Trouble> {
    let commit = connection
        .query_row(
            "SELECT last_seq, names, link FROM commits WHERE first_seq <= ?1 ORDER BY first_seq DESC LIMIT 1",
            [first],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, Vec<u8>>(2)?)),
        )
        .optional()?;
    match commit {
        Some((last, names, link)) => {
            Ok(Place { seq: from_sql(last)?, names: from_sql(names)?, link: digest_from(&link)? })
        }
        None => start(connection),
    }
}

/// The digests of the names between two places, each checked against its text where it has one.
pub(super) fn fresh_names(
    statement: &mut Statement<'_>,
    before: u64,
    through: u64,
) -> Result<Vec<(u64, Digest)>, Trouble> {
    let mut fresh = Vec::new();
    let mut rows = statement.query([to_sql(before)?, to_sql(through)?])?;
    while let Some(row) = rows.next()? {
        let id = from_sql(row.get(0)?)?;
        let digest = digest_from(row.get_ref(1)?.as_blob().unwrap_or_default())?;
        let kind = NameKind::from_number(row.get(2)?);
        let salt: Option<Vec<u8>> = row.get(3)?;
        if let (Some(salt), Ok(text)) = (salt, row.get_ref(4)?.as_str())
            && kind.is_none_or(|kind| name_digest(kind, &salt, text) != digest)
        {
            return Err(Trouble::Other(format!("the text of name {id} was changed")));
        }
        fresh.push((id, digest));
    }
    Ok(fresh)
}

/// For [`fresh_names`].
pub(super) const FRESH_NAMES: &str =
    "SELECT id, digest, kind, salt, text FROM names WHERE id > ?1 AND id <= ?2 ORDER BY id";

/// What [`verify_chain`] has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The first event that is still there.
    pub first: Seq,
    /// The last event.
    pub last: Seq,
    /// How many records.
    pub records: u64,
    /// How many names were erased.
    pub erased: u64,
    /// The newest link: the same later only if nothing up to here was changed.
    pub link: Digest,
}

/// Reads a whole history and checks every link, every record, every name that was not erased, every file, and the
/// database itself. Works beside a running daemon.
///
/// # Errors
/// [`StoreError::BadCommit`] with the first commit that does not fit; other [`StoreError`]s for what is outside commits.
pub fn verify_chain(dir: &Path) -> Result<Verified, StoreError> {
    let mut records = Records::open(dir, Seq(0))?;
    let first = Seq(records.place().seq).next();
    let mut count = 0_u64;
    for record in records.by_ref() {
        record?;
        count = count.saturating_add(1);
    }
    let place = records.place();
    let path = schema::database(dir);
    let check = check_rest(records.connection());
    let erased = check.map_err(|trouble| trouble.at(&path))?;
    Ok(Verified { first, last: Seq(place.seq), records: count, erased, link: place.link })
}

/// Files and the database's own structure; returns how many names were erased.
fn check_rest(connection: &Connection) -> Result<u64, Trouble> {
    let mut files = connection.prepare("SELECT digest, bytes FROM files")?;
    let mut rows = files.query([])?;
    while let Some(row) = rows.next()? {
        let digest = digest_from(row.get_ref(0)?.as_blob().unwrap_or_default())?;
        if Digest::of(row.get_ref(1)?.as_blob().unwrap_or_default()) != digest {
            return Err(Trouble::Other(format!("the bytes of file {digest} were changed")));
        }
    }
    let structure: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if structure != "ok" {
        return Err(Trouble::Other(structure));
    }
    from_sql(connection.query_row("SELECT count(*) FROM names WHERE text IS NULL", [], |row| row.get(0))?)
}
