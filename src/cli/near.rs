//! The name that was probably meant.

/// The candidate with the fewest single-letter changes, if they are few for the word's length.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate))
        .min_by_key(|(changes, _)| *changes)
        .filter(|(changes, candidate)| *changes <= candidate.chars().count().div_ceil(3))
        .map(|(_, candidate)| candidate)
}

/// Inserted, left out and exchanged letters between two words.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().take(64).enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        let mut next = vec![left];
        for (above, wanted) in row.iter().skip(1).zip(&to) {
            let kept = diagonal + usize::from(letter != *wanted);
            left = kept.min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_but_not_other_words() {
        let names = ["lmgrd", "lmstat", "lmdown", "up"];
        assert_eq!(nearest("lmsatt", names), Some("lmstat"));
        assert_eq!(nearest("LMDWN", names), Some("lmdown"));
        assert_eq!(nearest("serve", names), None);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "ab"), 2);
    }
}
