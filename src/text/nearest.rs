//! The name that was probably meant.

/// Longer words are not compared: nobody mistypes that much.
const SUGGESTION_BYTES_MAX: usize = 64;

/// The candidate that differs least from a word, without regard to case, if it differs by no more than two letters and
/// a third of the word.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > SUGGESTION_BYTES_MAX {
        return None;
    }
    let word: Vec<u8> = word.bytes().map(|byte| byte.to_ascii_uppercase()).collect();
    let limit = (word.len() / 3).min(2);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= limit)
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Looks for names that were probably meant, with a bound on how often names are compared, so that a long text of unknown
/// names takes time in proportion to it: such a text is not repaired name by name.
#[derive(Debug)]
pub struct Suggestions {
    comparisons_left: usize,
}

impl Suggestions {
    /// Compares so many times, then finds nothing any more.
    #[must_use]
    pub const fn new(comparisons_max: usize) -> Self {
        Self { comparisons_left: comparisons_max }
    }

    /// What [`nearest`] finds among the candidates that there are comparisons left for.
    pub fn nearest<'a>(
        &mut self,
        word: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        let mut used = 0;
        let compared = candidates.into_iter().take(self.comparisons_left).inspect(|_| used += 1);
        let meant = nearest(word, compared);
        self.comparisons_left -= used;
        meant
    }
}

/// How many letters must be put in, left out, changed or exchanged with their neighbour.
fn distance(word: &[u8], candidate: &str) -> usize {
    let candidate: Vec<u8> = candidate.bytes().map(|byte| byte.to_ascii_uppercase()).collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=candidate.len()).collect();
    let mut previous = None;
    for (row, letter) in word.iter().enumerate() {
        let mut current = Vec::with_capacity(last.len());
        current.push(row + 1);
        let mut left = None;
        for (column, other) in candidate.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
            let mut cost = (at(&last, column) + usize::from(letter != other))
                .min(at(&last, column + 1) + 1)
                .min(at(&current, column) + 1);
            if previous == Some(*other) && left == Some(*letter) && column > 0 {
                cost = cost.min(at(&before_last, column - 1) + 1);
            }
            current.push(cost);
            left = Some(*other);
        }
        before_last = std::mem::replace(&mut last, current);
        previous = Some(*letter);
    }
    last.last().copied().unwrap_or(usize::MAX)
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
        assert_eq!(nearest("", names), None);
        assert_eq!(distance(b"KITTEN", "sitting"), 3);
        assert_eq!(distance(b"", "ab"), 2);
    }

    #[test]
    fn suggestions_come_to_an_end() {
        let mut suggestions = Suggestions::new(5);
        assert_eq!(suggestions.nearest("lmsatt", ["lmstat", "lmdown"]), Some("lmstat"));
        assert_eq!(suggestions.nearest("lmdonw", ["lmstat", "lmdown"]), Some("lmdown"));
        assert_eq!(suggestions.nearest("lmdonw", ["lmstat", "lmdown"]), None);
        assert_eq!(suggestions.nearest("lmsatt", ["lmstat"]), None);
    }

    #[test]
    fn a_word_without_end_is_not_compared() {
        let long = "F".repeat(100_000);
        assert_eq!(nearest(&long, ["FEATURE", &long]), None);
    }
}
