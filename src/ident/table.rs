//! Tables by names and numbers that are asked several times for each request.
//!
//! A `BTreeMap` compares names letter by letter at each of its steps, which came to half of what a request costs. A [`Table`] finds an
//! entry by a hash of its key in about one step, and beside it keeps the keys in order: whoever walks through it sees the same order
//! in every run, whatever the history of the table. The hash is no secret: keys must not be chosen by strangers. They are names
//! from signed files and numbers that the server has given.

use std::borrow::Borrow;
use std::fmt;

use super::{FeatureName, Handle, PoolKey, SessionId, Sorted, sorted};

/// A key with a hash. Equal keys have equal hashes, borrowed ones too.
pub trait Hashed {
    /// The hash, the same in every run.
    fn hashed(&self) -> u32;
}

/// An odd number without a pattern (2^64 divided by the golden ratio).
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(29) ^ word).wrapping_mul(FACTOR)
}

/// Half of what was mixed, on each bit of which all of the key has an effect.
fn half(hash: u64) -> u32 {
    // A product is well mixed in its upper bits alone.
    let hash = (hash ^ hash >> 32).wrapping_mul(FACTOR);
    let hash = (hash ^ hash >> 29).wrapping_mul(FACTOR);
    u32::try_from(hash >> 32).unwrap_or(0)
}

impl Hashed for str {
    fn hashed(&self) -> u32 {
        let bytes = self.as_bytes();
        let mut hash = mix(0, bytes.len() as u64);
        // Words of eight bytes, the last of which may overlap the one before.
        if let Some(last) = bytes.last_chunk::<8>() {
            let (words, _) = bytes.as_chunks::<8>();
            hash = words.iter().fold(hash, |hash, word| mix(hash, u64::from_le_bytes(*word)));
            return half(mix(hash, u64::from_le_bytes(*last)));
        }
        let word = bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        half(mix(hash, word))
    }
}

impl Hashed for FeatureName {
    fn hashed(&self) -> u32 {
        self.as_str().hashed()
    }
}

impl Hashed for PoolKey {
    fn hashed(&self) -> u32 {
        self.as_str().hashed()
    }
}

impl Hashed for SessionId {
    fn hashed(&self) -> u32 {
        let number = u128::from_le_bytes(self.0);
        let [low, high] = [number, number >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)));
        half(mix(mix(0, low.unwrap_or(0)), high.unwrap_or(0)))
    }
}

impl Hashed for Handle {
    fn hashed(&self) -> u32 {
        half(mix(0, self.0))
    }
}

/// Where the entry of a key with this hash is.
#[derive(Debug, Clone, Copy)]
struct Place {
    hash: u32,
    slot: u32,
}

/// What stands in the index where nothing is: there are never so many entries.
const FREE: Place = Place { hash: 0, slot: u32::MAX };

/// Entries of one piece of memory: they are never moved to make room for more than so many.
const CHUNK: usize = 1024;

/// A table that finds by hash and goes by the order of its keys.
#[derive(Clone)]
pub struct Table<K, V> {
    order: Sorted<K, u32>,
    chunks: Vec<Vec<Option<(K, V)>>>,
    /// Slots that are free again.
    free: Vec<u32>,
    /// By hash, each at its place or as near behind it as there was room. Its length is a power of two, or 0.
    index: Vec<Place>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { order: Sorted::default(), chunks: Vec::new(), free: Vec::new(), index: Vec::new() }
    }
}

fn at<K, V>(chunks: &[Vec<Option<(K, V)>>], slot: u32) -> Option<&(K, V)> {
    chunks.get(wide(slot) / CHUNK)?.get(wide(slot) % CHUNK)?.as_ref()
}

fn wide(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl<K: Hashed + Ord + Clone, V> Table<K, V> {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The value of a key.
    #[must_use]
    pub fn get<Q: Hashed + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (_, slot) = self.find(key)?;
        self.at(slot).map(|(_, value)| value)
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q: Hashed + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (_, slot) = self.find(key)?;
        self.value(slot)
    }

    /// Whether there is an entry with this key.
    #[must_use]
    pub fn contains_key<Q: Hashed + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_some()
    }

    /// Puts a value in; the one that it takes the place of comes back.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let hash = key.hashed();
        if let Some((_, slot)) = self.find_hashed(&key, hash)
            && let Some(old) = self.value(slot)
        {
            return Some(std::mem::replace(old, value));
        }
        self.add(key, hash, value);
        None
    }

    /// The value of a key, which is put in if it is not there. So there always is one.
    pub fn or_default(&mut self, key: &K) -> Option<&mut V>
    where
        V: Default,
    {
        let hash = key.hashed();
        let slot = match self.find_hashed(key, hash) {
            Some((_, slot)) => slot,
            None => self.add(key.clone(), hash, V::default()),
        };
        self.value(slot)
    }

    /// Takes an entry out.
    pub fn remove<Q: Hashed + Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (place, slot) = self.find(key)?;
        let chunk = self.chunks.get_mut(wide(slot) / CHUNK)?;
        let (key, value) = chunk.get_mut(wide(slot) % CHUNK)?.take()?;
        self.order.remove(&key);
        self.free.push(slot);
        self.close(place);
        Some(value)
    }

    /// The entries in the order of their keys.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { order: self.order.iter(), chunks: &self.chunks }
    }

    /// The keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + Clone {
        self.order.keys()
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The values to be changed, in an order that depends on the history of the table.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.chunks.iter_mut().flatten().flatten().map(|(_, value)| value)
    }

    fn at(&self, slot: u32) -> Option<&(K, V)> {
        at(&self.chunks, slot)
    }

    fn value(&mut self, slot: u32) -> Option<&mut V> {
        let chunk = self.chunks.get_mut(wide(slot) / CHUNK)?;
        chunk.get_mut(wide(slot) % CHUNK)?.as_mut().map(|(_, value)| value)
    }

    /// The place of a key in the index, and its slot.
    fn find<Q: Hashed + Eq + ?Sized>(&self, key: &Q) -> Option<(usize, u32)>
    where
        K: Borrow<Q>,
    {
        self.find_hashed(key, key.hashed())
    }

    fn find_hashed<Q: Eq + ?Sized>(&self, key: &Q, hash: u32) -> Option<(usize, u32)>
    where
        K: Borrow<Q>,
    {
        let last = self.index.len().checked_sub(1)?;
        let mut place = wide(hash) & last;
        loop {
            let found = self.index.get(place).filter(|found| found.slot != FREE.slot)?;
            if found.hash == hash && self.at(found.slot).is_some_and(|(known, _)| known.borrow() == key) {
                return Some((place, found.slot));
            }
            place = place.wrapping_add(1) & last;
        }
    }

    /// Adds an entry that is not there yet.
    fn add(&mut self, key: K, hash: u32, value: V) -> u32 {
        if self.len().saturating_add(1).saturating_mul(2) > self.index.len() {
            self.widen();
        }
        let slot = self.keep(key.clone(), value);
        self.order.insert(key, slot);
        self.enter(Place { hash, slot });
        slot
    }

    fn keep(&mut self, key: K, value: V) -> u32 {
        if let Some(slot) = self.free.pop()
            && let Some(room) = self.chunks.get_mut(wide(slot) / CHUNK)
            && let Some(room) = room.get_mut(wide(slot) % CHUNK)
        {
            *room = Some((key, value));
            return slot;
        }
        let full = self.chunks.last().is_none_or(|chunk| chunk.len() >= CHUNK);
        if full {
            // The first grows with its entries: most tables are small.
            let room = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(room));
        }
        let before = self.chunks.len().saturating_sub(1).saturating_mul(CHUNK);
        let Some(chunk) = self.chunks.last_mut() else { return FREE.slot };
        let slot = before.saturating_add(chunk.len());
        chunk.push(Some((key, value)));
        u32::try_from(slot).unwrap_or(FREE.slot)
    }

    /// Enters a slot into the index, in which there is room.
    fn enter(&mut self, entry: Place) {
        let Some(last) = self.index.len().checked_sub(1) else { return };
        let mut place = wide(entry.hash) & last;
        while let Some(there) = self.index.get_mut(place) {
            if there.slot == FREE.slot {
                *there = entry;
                return;
            }
            place = place.wrapping_add(1) & last;
        }
    }

    fn widen(&mut self) {
        let wider = self.index.len().saturating_mul(2).max(8);
        let old = std::mem::replace(&mut self.index, vec![FREE; wider]);
        old.into_iter().filter(|entry| entry.slot != FREE.slot).for_each(|entry| self.enter(entry));
    }

    /// Frees a place in the index; what stands behind it only for want of room moves up.
    fn close(&mut self, mut hole: usize) {
        let Some(last) = self.index.len().checked_sub(1) else { return };
        let mut place = hole;
        loop {
            place = place.wrapping_add(1) & last;
            let Some(entry) = self.index.get(place).copied().filter(|entry| entry.slot != FREE.slot) else {
                break;
            };
            let home = wide(entry.hash) & last;
            // It may not move before its own place.
            if place.wrapping_sub(home) & last >= place.wrapping_sub(hole) & last {
                if let Some(room) = self.index.get_mut(hole) {
                    *room = entry;
                }
                hole = place;
            }
        }
        if let Some(room) = self.index.get_mut(hole) {
            *room = FREE;
        }
    }
}

/// The entries of a table in the order of their keys.
#[derive(Debug)]
pub struct Iter<'t, K, V> {
    order: sorted::Iter<'t, K, u32>,
    chunks: &'t [Vec<Option<(K, V)>>],
}

impl<'t, K, V> Iterator for Iter<'t, K, V> {
    type Item = (&'t K, &'t V);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, slot) = self.order.next()?;
        at(self.chunks, *slot).map(|(_, value)| (key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.order.size_hint()
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let (key, slot) = self.order.next_back()?;
        at(self.chunks, *slot).map(|(_, value)| (key, value))
    }
}

impl<'t, K: Hashed + Ord + Clone, V> IntoIterator for &'t Table<K, V> {
    type Item = (&'t K, &'t V);
    type IntoIter = Iter<'t, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Hashed + Ord + Clone, V> FromIterator<(K, V)> for Table<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let mut table = Self::new();
        for (key, value) in entries {
            table.insert(key, value);
        }
        table
    }
}

impl<K: Hashed + Ord + Clone, V: PartialEq> PartialEq for Table<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<K: Hashed + Ord + Clone, V: Eq> Eq for Table<K, V> {}

impl<K: Hashed + Ord + Clone + fmt::Debug, V: fmt::Debug> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Keys with few different hashes, all of which begin in a corner of the index.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    struct Crowded(u16);

    impl Hashed for Crowded {
        fn hashed(&self) -> u32 {
            u32::MAX - u32::from(self.0 % 5)
        }
    }

    fn name(number: u16) -> FeatureName {
        format!("feature_{number}").parse().unwrap()
    }

    /// Does the same with a table and with a `BTreeMap`.
    fn agree<K: Hashed + Ord + Clone + fmt::Debug>(steps: &[(u8, u16)], key: fn(u16) -> K) {
        let (mut table, mut map) = (Table::new(), BTreeMap::new());
        for (what, number) in steps {
            let key = key(*number);
            match what % 4 {
                0 | 1 => assert_eq!(table.insert(key.clone(), *what), map.insert(key.clone(), *what)),
                2 => assert_eq!(table.remove(&key), map.remove(&key)),
                _ => {
                    let (one, other) = (table.or_default(&key).unwrap(), map.entry(key.clone()).or_default());
                    (*one, *other) = (one.wrapping_add(1), other.wrapping_add(1));
                }
            }
            assert_eq!(table.get(&key), map.get(&key));
            assert_eq!(table.len(), map.len());
        }
        assert!(table.iter().eq(map.iter()));
        assert!(map.iter().all(|(key, value)| table.get(key) == Some(value)));
        let again: Table<K, u8> = map.into_iter().rev().collect();
        assert_eq!(again, table);
    }

    proptest! {
        #[test]
        fn a_table_is_a_map(steps in proptest::collection::vec((0_u8..100, 0_u16..40), 0..400)) {
            agree(&steps, Crowded);
            agree(&steps, name);
            agree(&steps, |number| Handle(u64::from(number) << 24));
        }
    }

    #[test]
    fn many_entries_are_found_by_borrowed_keys() {
        let table: Table<FeatureName, u16> = (0..5000).map(|number| (name(number), number)).collect();
        assert!((0..5000).all(|number| table.get(format!("feature_{number}").as_str()) == Some(&number)));
        assert_eq!(table.get("feature_5000"), None);
        assert!(table.keys().is_sorted());
    }

    #[test]
    fn hashes_of_like_keys_differ() {
        let distinct = |hashes: Vec<u32>| {
            let low: std::collections::BTreeSet<u32> = hashes.iter().map(|hash| hash % 4096).collect();
            low.len()
        };
        // Of 2000 thrown at random into 4096 places, 1580 would be apart.
        assert!(distinct((0..2000).map(|number| name(number).hashed()).collect()) > 1400);
        assert!(distinct((0..2000).map(|number| Handle(number << 24).hashed()).collect()) > 1400);
        let session = |number: u128| SessionId(number.to_be_bytes()).hashed();
        assert!(distinct((0..2000).map(session).collect()) > 1400);
    }
}
