//! Names of people and machines as numbers of table `names`.
//!
//! The chain covers a digest of each name with a random salt. Erasing a name removes its text and salt: the chain still
//! verifies, and nobody can find the name again by trying. Caches are bounded by keeping two generations: when the
//! younger one is full it becomes the older one, and what was not used since then is forgotten.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Statement};

use super::chain;
use super::error::{Trouble, from_sql, to_sql};
use super::retention::{SEEN_DAYS, day};
use crate::event::Identity;
use crate::event::codec::{CodecError, NameKind, PutNames, Reader, TakeNames, Writer};
use crate::ident::Digest;

/// How many names one generation of a cache holds.
const GENERATION_MAX: usize = 32_768;

/// The digest that the chain covers.
pub(super) fn name_digest(kind: NameKind, salt: &[u8], text: &str) -> Digest {
    use sha2::Digest as _;
    let mut hash = sha2::Sha256::new();
    hash.update(b"seatkeeper-name-v1");
    hash.update([kind.number()]);
    hash.update(u64::try_from(salt.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(salt);
    hash.update(text.as_bytes());
    Digest(hash.finalize().into())
}

/// How many clients a cache holds.
const CLIENTS_MAX: usize = 8192;

/// Numbers for names, for the writing thread.
pub(super) struct Interner<'c> {
    select: Statement<'c>,
    insert: Statement<'c>,
    update: Statement<'c>,
    /// The day of the commit that is being written.
    today: i64,
    young: Generation,
    old: Generation,
    cached: usize,
    /// What was written for clients on this day. Each stands at the place of its identity, which is held so that no other takes it.
    clients: HashMap<usize, (Identity, Box<[u8]>)>,
    next: u64,
    fresh: Vec<(u64, Digest)>,
}

/// Number and day of the last noted use, by text; one map for each kind.
type Generation = [HashMap<Box<str>, (u64, i64)>; NameKind::ALL.len()];

fn of(generation: &mut Generation, kind: NameKind) -> Option<&mut HashMap<Box<str>, (u64, i64)>> {
    generation.get_mut(usize::from(kind.number()).wrapping_sub(1))
}

impl<'c> Interner<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Trouble> {
        let mut interner = Self {
            select: connection.prepare("SELECT id, seen FROM names WHERE kind = ?1 AND text = ?2")?,
            insert: connection.prepare(
                "INSERT INTO names (id, kind, digest, salt, text, seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            update: connection.prepare("UPDATE names SET seen = ?2 WHERE id = ?1")?,
            today: 0,
            young: Generation::default(),
            old: Generation::default(),
            cached: 0,
            clients: HashMap::new(),
            next: 0,
            fresh: Vec::new(),
        };
        interner.reset(connection)?;
        Ok(interner)
    }

    /// Forgets what may not be true any more, after a roll-back or an erasure.
    pub(super) fn reset(&mut self, connection: &Connection) -> Result<(), Trouble> {
        self.clients.clear();
        self.young = Generation::default();
        self.old = Generation::default();
        self.cached = 0;
        self.fresh.clear();
        // Numbers are never used twice, even if the newest name's row was dropped with old commits.
        let last: i64 = connection.query_row(
            "SELECT max(coalesce((SELECT max(id) FROM names), 0), coalesce((SELECT names FROM commits
             ORDER BY first_seq DESC LIMIT 1), 0), coalesce((SELECT max(names) FROM checkpoints), 0))",
            [],
            |row| row.get(0),
        )?;
        self.next = from_sql(last)? + 1;
        Ok(())
    }

    /// The names that were given numbers since the last call, in order.
    pub(super) fn take_fresh(&mut self) -> Vec<(u64, Digest)> {
        std::mem::take(&mut self.fresh)
    }

    /// The last number given.
    pub(super) fn last(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// The time of the commit that is being written, milliseconds since 1970.
    pub(super) fn set_time(&mut self, utc: i64) {
        let today = day(utc);
        if std::mem::replace(&mut self.today, today) != today {
            // The names' days of last use are to be noted.
            self.clients.clear();
        }
    }

    fn number(&mut self, kind: NameKind, text: &str) -> Result<u64, Trouble> {
        let due = self.today.saturating_sub(SEEN_DAYS);
        if let Some(&(id, seen)) = of(&mut self.young, kind).and_then(|names| names.get(text))
            && seen > due
        {
            return Ok(id);
        }
        let (id, mut seen) = match of(&mut self.old, kind).and_then(|names| names.remove(text)) {
            Some(known) => known,
            None => self.find(kind, text)?,
        };
        if seen <= due {
            seen = self.today;
            self.update.execute((to_sql(id)?, seen))?;
        }
        if self.cached >= GENERATION_MAX {
            self.old = std::mem::take(&mut self.young);
            self.cached = 0;
        }
        if let Some(names) = of(&mut self.young, kind) {
            names.insert(text.into(), (id, seen));
            self.cached += 1;
        }
        Ok(id)
    }

    fn find(&mut self, kind: NameKind, text: &str) -> Result<(u64, i64), Trouble> {
        let found = self
            .select
            .query_row((kind.number(), text), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
            .optional()?;
        match found {
            Some((id, seen)) => Ok((from_sql(id)?, seen)),
            None => Ok((self.add(kind, text)?, self.today)),
        }
    }

    fn add(&mut self, kind: NameKind, text: &str) -> Result<u64, Trouble> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt)
            .map_err(|error| Trouble::Other(format!("the system gave no random bytes: {error}")))?;
        let digest = name_digest(kind, &salt, text);
        let id = self.next;
        self.insert.execute((to_sql(id)?, kind.number(), &digest.0[..], &salt[..], text, self.today))?;
        self.next += 1;
        self.fresh.push((id, digest));
        Ok(id)
    }
}

impl PutNames for Interner<'_> {
    type Error = Trouble;

    fn put(&mut self, out: &mut Writer, kind: NameKind, text: &str) -> Result<(), Trouble> {
        out.u64(self.number(kind, text)?);
        Ok(())
    }

    fn repeat(&mut self, out: &mut Writer, identity: &Identity) -> bool {
        let known = self.clients.get(&identity.place());
        known.inspect(|(_, written)| out.fixed(written)).is_some()
    }

    fn keep(&mut self, identity: &Identity, written: &[u8]) {
        if self.clients.len() >= CLIENTS_MAX {
            self.clients.clear();
        }
        self.clients.insert(identity.place(), (identity.clone(), written.into()));
    }
}

/// Names by number, for readers.
pub(super) struct Lookup<'c, 'm> {
    connection: &'c Connection,
    cache: &'m mut NameCache,
}

/// What a reader remembers between its steps.
#[derive(Debug, Default)]
pub(super) struct NameCache {
    young: HashMap<u64, (NameKind, Arc<str>)>,
    old: HashMap<u64, (NameKind, Arc<str>)>,
}

impl<'c, 'm> Lookup<'c, 'm> {
    pub(super) fn new(connection: &'c Connection, cache: &'m mut NameCache) -> Self {
        Self { connection, cache }
    }

    fn name(&mut self, id: u64, expected: NameKind) -> Result<(NameKind, Arc<str>), Trouble> {
        if let Some(name) = self.cache.young.get(&id) {
            return Ok(name.clone());
        }
        let name = match self.cache.old.remove(&id) {
            Some(name) => name,
            None => self.read(id, expected)?,
        };
        if self.cache.young.len() >= GENERATION_MAX {
            self.cache.old = std::mem::take(&mut self.cache.young);
        }
        self.cache.young.insert(id, name.clone());
        Ok(name)
    }

    fn read(&self, id: u64, expected: NameKind) -> Result<(NameKind, Arc<str>), Trouble> {
        let unknown = || Trouble::Codec(CodecError::UnknownName { id });
        let row = self
            .connection
            .query_row("SELECT kind, text FROM names WHERE id = ?1", [to_sql(id)?], |row| {
                Ok((row.get::<_, u8>(0)?, row.get::<_, Option<Box<str>>>(1)?))
            })
            .optional()?;
        let Some((kind, text)) = row else {
            // Names that were dropped together with old commits; the number can stand for any kind.
            return if id <= chain::start(self.connection)?.names {
                Ok((expected, expected.erased(id).into()))
            } else {
                Err(unknown())
            };
        };
        let kind = NameKind::from_number(kind).ok_or_else(unknown)?;
        Ok((kind, text.map_or_else(|| kind.erased(id).into(), Arc::from)))
    }
}

impl TakeNames for Lookup<'_, '_> {
    type Error = Trouble;

    fn take<T>(
        &mut self,
        from: &mut Reader<'_>,
        kind: NameKind,
        make: impl FnOnce(&str) -> Result<T, CodecError>,
    ) -> Result<T, Trouble> {
        let id = from.u64("name")?;
        let (found, text) = self.name(id, kind)?;
        if found != kind {
            return Err(CodecError::UnknownName { id }.into());
        }
        Ok(make(&text)?)
    }
}
