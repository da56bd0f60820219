//! Which part of the old is which part of the new.

use std::collections::{BTreeMap, VecDeque};

/// Pairs two lists step by step: each step pairs what is left over where a key agrees, first come, first served. So
/// it takes time proportional to the lists, however alike their parts are.
pub(crate) struct Pairing {
    pairs: Vec<(usize, usize)>,
    old: Vec<usize>,
    new: Vec<usize>,
}

/// Indices of what belongs together, and of what is left over.
pub(crate) struct Paired {
    /// Old and new, in the order of the new.
    pub(crate) pairs: Vec<(usize, usize)>,
    /// Without a partner in the new.
    pub(crate) old: Vec<usize>,
    /// Without a partner in the old.
    pub(crate) new: Vec<usize>,
}

impl Pairing {
    /// Two lists of these lengths, nothing paired yet.
    pub(crate) fn new(old: usize, new: usize) -> Self {
        Self { pairs: Vec::new(), old: (0..old).collect(), new: (0..new).collect() }
    }

    /// Pairs what is left over of equal keys. What has no key stays for later steps.
    pub(crate) fn by<K: Ord>(&mut self, old: impl Fn(usize) -> Option<K>, new: impl Fn(usize) -> Option<K>) {
        if self.old.is_empty() || self.new.is_empty() {
            return;
        }
        let mut waiting: BTreeMap<K, VecDeque<usize>> = BTreeMap::new();
        for index in &self.new {
            if let Some(key) = new(*index) {
                waiting.entry(key).or_default().push_back(*index);
            }
        }
        let mut taken = Vec::new();
        self.old.retain(|index| {
            let partner = old(*index).and_then(|key| waiting.get_mut(&key)?.pop_front());
            taken.extend(partner.map(|partner| (*index, partner)));
            partner.is_none()
        });
        let mut gone: Vec<usize> = taken.iter().map(|(_, new)| *new).collect();
        gone.sort_unstable();
        self.new.retain(|index| gone.binary_search(index).is_err());
        self.pairs.extend(taken);
    }

    pub(crate) fn finish(mut self) -> Paired {
        self.pairs.sort_unstable_by_key(|(_, new)| *new);
        Paired { pairs: self.pairs, old: self.old, new: self.new }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_keys_pair_first_and_each_part_once() {
        let (old, new) = (["a1", "b1", "a2", "c9"], ["a2", "a7", "b3", "d4"]);
        let mut pairing = Pairing::new(old.len(), new.len());
        pairing.by(|index| Some(old[index]), |index| Some(new[index]));
        pairing.by(|index| old[index].get(..1), |index| new[index].get(..1));
        pairing.by(|_| None::<u8>, |_| Some(0));
        let paired = pairing.finish();
        assert_eq!(paired.pairs, [(2, 0), (0, 1), (1, 2)]);
        assert_eq!((paired.old, paired.new), (vec![3], vec![3]));
    }
}
