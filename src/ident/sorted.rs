//! Keys in order, for what comes and goes with each request.
//!
//! The server gives numbers in rising order, so nearly every key goes in behind all others, and what comes back is among few. A tree
//! makes and frees pieces of memory for that. A [`Sorted`] keeps its keys in runs of bounded length, one behind the other: what is put in or
//! taken out moves no more than its run, and the run of one that is emptied stays.

use std::iter::Flatten;
use std::slice;

/// How many keys one run has at most.
const RUN: usize = 128;

/// Keys in order, each once, with something beside each.
#[derive(Debug, Clone)]
pub struct Sorted<K, V = ()> {
    /// None is empty, but for the only one.
    runs: Vec<Vec<(K, V)>>,
    len: usize,
}

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self { runs: Vec::new(), len: 0 }
    }
}

impl<K: Ord, V> Sorted<K, V> {
    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The place of the run that has the key, or that would have it.
    fn run_of(&self, key: &K) -> usize {
        let behind = |run: &Vec<(K, V)>| run.first().is_some_and(|(first, _)| first <= key);
        match self.runs.last() {
            // What is new is asked for most.
            Some(last) if behind(last) => self.runs.len() - 1,
            _ => self.runs.partition_point(behind).saturating_sub(1),
        }
    }

    /// Whether a key is there.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        let run = self.runs.get(self.run_of(key));
        run.is_some_and(|run| run.binary_search_by(|(known, _)| known.cmp(key)).is_ok())
    }

    /// Puts a key in; false if it was there, and then nothing is changed.
    pub fn insert(&mut self, key: K, value: V) -> bool {
        let place = self.run_of(&key);
        let last = place + 1 == self.runs.len();
        let Some(run) = self.runs.get_mut(place) else {
            self.runs.push(vec![(key, value)]);
            self.len += 1;
            return true;
        };
        if last && run.last().is_none_or(|(known, _)| *known < key) {
            if run.len() < RUN {
                run.push((key, value));
            } else {
                self.runs.push(vec![(key, value)]);
            }
        } else {
            let Err(at) = run.binary_search_by(|(known, _)| known.cmp(&key)) else { return false };
            run.insert(at, (key, value));
            if run.len() > RUN {
                let rest = run.split_off(RUN / 2);
                self.runs.insert(place + 1, rest);
            }
        }
        self.len += 1;
        true
    }

    /// Takes a key out; what stood beside it comes back.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.run_of(key);
        let run = self.runs.get_mut(place)?;
        let at = run.binary_search_by(|(known, _)| known.cmp(key)).ok()?;
        let (_, value) = run.remove(at);
        if run.is_empty() && self.runs.len() > 1 {
            self.runs.remove(place);
        }
        self.len -= 1;
        Some(value)
    }

    /// All in order.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { runs: self.runs.iter().flatten(), left: self.len }
    }

    /// The keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + Clone {
        self.iter().map(|(key, _)| key)
    }
}

impl<K: Ord, V: PartialEq> PartialEq for Sorted<K, V> {
    fn eq(&self, other: &Self) -> bool {
        // How they are parted into runs depends on their history.
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Ord, V: Eq> Eq for Sorted<K, V> {}

/// Keys in order, with what stands beside each.
#[derive(Debug)]
pub struct Iter<'s, K, V> {
    runs: Flatten<slice::Iter<'s, Vec<(K, V)>>>,
    left: usize,
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self { runs: self.runs.clone(), left: self.left }
    }
}

impl<'s, K, V> Iterator for Iter<'s, K, V> {
    type Item = (&'s K, &'s V);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.runs.next()?;
        self.left = self.left.saturating_sub(1);
        Some((key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let (key, value) = self.runs.next_back()?;
        self.left = self.left.saturating_sub(1);
        Some((key, value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn same(sorted: &Sorted<u32, usize>, map: &BTreeMap<u32, usize>) {
        assert!(sorted.iter().eq(map.iter()));
        assert!(sorted.iter().rev().eq(map.iter().rev()));
        let mut again = Sorted::default();
        map.iter().rev().for_each(|(key, value)| assert!(again.insert(*key, *value)));
        assert_eq!(*sorted, again);
        assert!(sorted.keys().eq(map.keys()));
        assert_eq!((sorted.len(), sorted.is_empty()), (map.len(), map.is_empty()));
        assert_eq!(sorted.iter().size_hint(), (map.len(), Some(map.len())));
        let lengths: Vec<usize> = sorted.runs.iter().map(Vec::len).collect();
        assert!(lengths.len() <= 1 || !lengths.contains(&0), "{lengths:?}");
        assert!(lengths.iter().all(|length| *length <= RUN), "{lengths:?}");
    }

    /// Does the same with both; a key is put in if it is not there, else it is taken out.
    fn agree(keys: impl Iterator<Item = u32>, twice: bool) {
        let (mut sorted, mut map) = (Sorted::default(), BTreeMap::new());
        for (step, key) in keys.enumerate() {
            assert_eq!(sorted.contains(&key), map.contains_key(&key));
            if map.contains_key(&key) && !twice {
                assert_eq!(sorted.remove(&key), map.remove(&key));
                assert_eq!(sorted.remove(&key), None);
            } else {
                assert_eq!(sorted.insert(key, step), !map.contains_key(&key));
                map.entry(key).or_insert(step);
            }
        }
        same(&sorted, &map);
        let keys: Vec<u32> = map.keys().copied().collect();
        for key in keys {
            assert_eq!(sorted.remove(&key), map.remove(&key));
            if map.len() % 97 == 0 {
                same(&sorted, &map);
            }
        }
        same(&sorted, &map);
    }

    proptest! {
        #[test]
        fn a_sorted_is_a_map(keys in proptest::collection::vec(0_u32..400, 0..2000), twice: bool) {
            agree(keys.into_iter(), twice);
        }
    }

    #[test]
    fn rising_and_falling_keys_are_kept() {
        agree(0..5000, false);
        agree((0..5000).rev(), true);
        // Each comes back while newer ones stay.
        agree((0..5000).flat_map(|key| [key + 700, key]), false);
    }

    #[test]
    fn the_only_run_stays() {
        let mut sorted = Sorted::default();
        for key in 0..1000 {
            assert!(sorted.insert(key, ()));
            let memory = sorted.runs.first().map(|run| run.as_ptr());
            assert_eq!(sorted.remove(&key), Some(()));
            assert_eq!((sorted.runs.len(), sorted.runs.first().map(|run| run.as_ptr())), (1, memory));
        }
    }
}
