//! The words that begin a line.

use super::attribute::known;
use crate::text::nearest;

/// A misspelt keyword is so long: the shortest and the longest one, less or more by what [`nearest`] puts up with.
const MISSPELT_BYTES_MIN: usize = 5;
const MISSPELT_BYTES_MAX: usize = 12;

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

    /// How many words a signed line has before its attributes, the keyword among them; none for lines that are not
    /// signed. The version of a PACKAGE line may be left out.
    pub(super) const fn fields(self) -> Option<usize> {
        match self {
            Self::Feature | Self::Increment => Some(6),
            Self::Upgrade => Some(7),
            Self::Package => Some(3),
            Self::Server | Self::Vendor | Self::Daemon | Self::UseServer | Self::FeatureSet => None,
        }
    }

    /// The keyword that a word is, in any case (`flexnet-files.md` 1.1, Keyword case).
    pub(super) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|keyword| word.eq_ignore_ascii_case(keyword.as_str()))
    }

    /// Whether a line without leading blanks begins with a keyword that is misspelt: a word with a capital letter, of nothing
    /// but letters, with others behind it. Names of attributes are none.
    pub(super) fn is_misspelt_on(line: &str) -> bool {
        let bytes = line.as_bytes();
        if !bytes.first().is_some_and(u8::is_ascii_uppercase) {
            return false;
        }
        // What is longer than a keyword with two letters too many is none.
        let end = bytes
            .iter()
            .take(MISSPELT_BYTES_MAX + 1)
            .position(|byte| !byte.is_ascii_alphabetic() && *byte != b'_')
            .unwrap_or(bytes.len());
        let Some((word, behind)) = line.split_at_checked(end) else { return false };
        (MISSPELT_BYTES_MIN..=MISSPELT_BYTES_MAX).contains(&end)
            && behind.starts_with(super::lexis::is_blank)
            && !behind.trim_start_matches(super::lexis::is_blank).is_empty()
            && known(word).is_none()
            && nearest(word, Self::names()).is_some()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_keyword_is_found() {
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
    }

    #[test]
    fn a_line_may_begin_with_a_misspelt_keyword() {
        for line in ["FEATUR f2 v", "INCREMNT f2", "SEVER h ANY", "Featrue f2 v", "VENDER\tv", "USESERVER x"]
        {
            assert!(Keyword::is_misspelt_on(line), "{line}");
        }
        for line in [
            "FEATURE f2",
            "featur f2 v",
            "FEATUR",
            "FEATUR ",
            "FEATUR=x y",
            "FEATUR1 v 1.0",
            "SUPERSEDE SIGN=x",
            "acmed 2.0",
            "SEVR x",
            "INCREMENTALLY x",
            "",
        ] {
            let meant = Keyword::of_line(line).is_none() && Keyword::is_misspelt_on(line);
            assert!(!meant, "{line}");
        }
        for (name, _) in crate::license::attribute::KNOWN {
            assert!(!Keyword::is_misspelt_on(&format!("{name} x")), "{name}");
        }
    }

    #[test]
    fn a_keyword_ends_at_a_blank() {
        assert_eq!(Keyword::of_line("feature f1 v"), Some(Keyword::Feature));
        assert_eq!(Keyword::of_line("USE_SERVER"), Some(Keyword::UseServer));
        assert_eq!(Keyword::of_line("FEATURE=x"), None);
        assert_eq!(Keyword::of_line("SERVERS h"), None);
    }
}
