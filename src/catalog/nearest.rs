//! The nearest preceding licenses of a range of versions, in logarithmic time, so that a long file of UPGRADE lines is
//! not judged in quadratic time.

use crate::ident::Version;

/// Licenses of one feature by version. What is pushed later stands nearer; numbers must rise.
pub(super) struct Nearest {
    /// All versions that can occur, rising.
    versions: Vec<Version>,
    /// For each version what was pushed and not removed.
    stacks: Vec<Vec<usize>>,
    /// A binary tree over the tops of the stacks, each node with the greater of its two: node 1 is the root, the leaves are
    /// the second half.
    tops: Vec<Option<usize>>,
}

impl Nearest {
    /// An empty one for these versions, in any order.
    pub(super) fn new(mut versions: Vec<Version>) -> Self {
        versions.sort();
        versions.dedup();
        let count = versions.len();
        Self { versions, stacks: vec![Vec::new(); count], tops: vec![None; 2 * count] }
    }

    /// Adds licenses of a version.
    pub(super) fn push(&mut self, version: Version, number: usize) {
        if let Ok(at) = self.versions.binary_search(&version)
            && let Some(stack) = self.stacks.get_mut(at)
        {
            stack.push(number);
            self.lift(at);
        }
    }

    /// Removes what was found for a version, as nothing is left of it.
    pub(super) fn pop(&mut self, version: Version) {
        if let Ok(at) = self.versions.binary_search(&version)
            && let Some(stack) = self.stacks.get_mut(at)
        {
            stack.pop();
            self.lift(at);
        }
    }

    /// The last that was pushed of versions from `from` to below `to`.
    pub(super) fn find(&self, from: Version, to: Version) -> Option<usize> {
        let count = self.versions.len();
        let mut low = count + self.versions.partition_point(|version| *version < from);
        let mut high = count + self.versions.partition_point(|version| *version < to);
        let top = |node: usize| self.tops.get(node).copied().flatten();
        let mut best = None;
        while low < high {
            if low % 2 == 1 {
                best = best.max(top(low));
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                best = best.max(top(high));
            }
            low /= 2;
            high /= 2;
        }
        best
    }

    fn lift(&mut self, at: usize) {
        let mut node = self.versions.len() + at;
        let mut top = self.stacks.get(at).and_then(|stack| stack.last().copied());
        loop {
            if let Some(slot) = self.tops.get_mut(node) {
                *slot = top;
            }
            if node <= 1 {
                return;
            }
            top = top.max(self.tops.get(node ^ 1).copied().flatten());
            node /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(number: usize) -> Version {
        Version::parse(&number.to_string()).unwrap()
    }

    proptest! {
        #[test]
        fn it_finds_what_a_search_from_behind_finds(
            steps in prop::collection::vec((0_usize..9, 0_usize..10, 0_usize..10, any::<bool>()), 0..60),
            spare in 0_usize..3,
        ) {
            let all: Vec<Version> = (0..9).step_by(spare + 1).chain(0..9).map(version).collect();
            let mut nearest = Nearest::new(all);
            let mut plain: Vec<(usize, usize)> = Vec::new();
            for (number, (at, from, to, remove)) in steps.into_iter().enumerate() {
                nearest.push(version(at), number);
                plain.push((at, number));
                let expected = plain.iter().rev().find(|(at, _)| (from..to).contains(at)).copied();
                prop_assert_eq!(nearest.find(version(from), version(to)), expected.map(|(_, number)| number));
                if remove && let Some((at, number)) = expected {
                    nearest.pop(version(at));
                    plain.retain(|(_, known)| *known != number);
                }
            }
        }
    }

    #[test]
    fn an_empty_one_and_unknown_versions_find_nothing() {
        let mut none = Nearest::new(Vec::new());
        none.push(version(1), 1);
        assert_eq!(none.find(version(0), version(9)), None);
        let mut one = Nearest::new(vec![version(3)]);
        one.push(version(3), 7);
        assert_eq!((one.find(version(3), version(4)), one.find(version(3), version(3))), (Some(7), None));
        assert_eq!(one.find(version(9), version(1)), None);
    }
}
