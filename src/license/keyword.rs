//! The words that begin a line, and the search for the one that was probably meant.

/// A line's keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Server,
    Vendor,
    Daemon,
    UseServer,
    Feature,
    Increment,
    Upgrade,
    Package,
    FeatureSet,
}

impl Keyword {
    const ALL: [Self; 9] = [
        Self::Server,
        Self::Vendor,
        Self::Daemon,
        Self::UseServer,
        Self::Feature,
        Self::Increment,
        Self::Upgrade,
        Self::Package,
        Self::FeatureSet,
    ];

    /// All keywords in capitals.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().map(Self::as_str)
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "SERVER",
            Self::Vendor => "VENDOR",
            Self::Daemon => "DAEMON",
            Self::UseServer => "USE_SERVER",
            Self::Feature => "FEATURE",
            Self::Increment => "INCREMENT",
            Self::Upgrade => "UPGRADE",
            Self::Package => "PACKAGE",
            Self::FeatureSet => "FEATURESET",
        }
    }

    pub(super) const fn is_feature(self) -> bool {
        matches!(self, Self::Feature | Self::Increment)
    }

    /// The keyword that a word is, in any case (`flexnet-files.md` 1.1, Keyword case).
    pub(super) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|keyword| word.eq_ignore_ascii_case(keyword.as_str()))
    }

    /// The keyword that a line without leading blanks begins with.
    pub(super) fn of_line(line: &str) -> Option<Self> {
        let end =
            line.bytes().position(|byte| !byte.is_ascii_alphabetic() && byte != b'_').unwrap_or(line.len());
        let behind = line.get(end..)?.chars().next();
        if behind.is_some_and(|c| !super::lexis::is_blank(c) && c != '\\') {
            return None;
        }
        Self::of(line.get(..end)?)
    }
}

/// Longer words are not compared: nobody mistypes that much.
const SUGGESTION_BYTES_MAX: usize = 32;

/// The candidate that differs least from a word, without regard to case, if it differs by no more than two letters and
/// a third of the word.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
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
    fn finds_what_was_probably_meant() {
        for (word, meant) in [
            ("FEATUR", Some("FEATURE")),
            ("INCREMNET", Some("INCREMENT")),
            ("SEVER", Some("SERVER")),
            ("vendro", Some("VENDOR")),
            ("USESERVER", Some("USE_SERVER")),
            ("AJDFKJADFJADF", None),
            ("it", None),
        ] {
            assert_eq!(nearest(word, Keyword::names()), meant, "{word}");
        }
        assert_eq!(nearest(&"F".repeat(100_000), Keyword::names()), None);
    }

    #[test]
    fn a_keyword_ends_at_a_blank() {
        assert_eq!(Keyword::of_line("feature f1 v"), Some(Keyword::Feature));
        assert_eq!(Keyword::of_line("USE_SERVER"), Some(Keyword::UseServer));
        assert_eq!(Keyword::of_line("FEATURE=x"), None);
        assert_eq!(Keyword::of_line("SERVERS h"), None);
    }
}
