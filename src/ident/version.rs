//! Feature versions: decimal numbers, compared exactly (`flexnet-files.md` 1.5).

use std::cmp::Ordering;
use std::fmt;

use thiserror::Error;

/// A version as a decimal number of at most ten characters: `1.10` equals `1.1` and is lower than `1.9`.
/// The text is kept as it was written, for lmstat and the logs; comparison uses the number.
#[derive(Clone, Copy)]
pub struct Version {
    /// The number times 10⁹, which holds every fraction of ten characters exactly.
    scaled: u64,
    text: [u8; Version::CHARS_MAX],
    len: u8,
}

/// Why a text is not a version (number -77).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VersionError {
    /// A letter, a second point, a sign, or nothing at all.
    #[error("version {0:?} is not a number with at most one decimal point")]
    NotANumber(String),
    /// More characters than the format allows.
    #[error("version {0:?} has more than 10 characters")]
    TooLong(String),
}

impl Version {
    const CHARS_MAX: usize = 10;
    const FRACTION_DIGITS: u32 = 9;

    /// Reads a version.
    ///
    /// # Errors
    /// [`VersionError`] for anything but digits with at most one point, at most ten characters.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let bad = || VersionError::NotANumber(text.chars().take(40).collect());
        if text.len() > Self::CHARS_MAX {
            return Err(if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
                VersionError::TooLong(text.chars().take(40).collect())
            } else {
                bad()
            });
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(bad());
        }
        let mut scaled: u64 = 0;
        for byte in whole.bytes() {
            scaled = scaled * 10 + digit(byte).ok_or_else(bad)?;
        }
        scaled *= 10_u64.pow(Self::FRACTION_DIGITS);
        let mut place = 10_u64.pow(Self::FRACTION_DIGITS);
        for byte in fraction.bytes() {
            place /= 10;
            scaled += place * digit(byte).ok_or_else(bad)?;
        }
        let mut kept = [0; Self::CHARS_MAX];
        kept.iter_mut().zip(text.bytes()).for_each(|(slot, byte)| *slot = byte);
        Ok(Self { scaled, text: kept, len: u8::try_from(text.len()).unwrap_or(0) })
    }

    /// The version as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.get(..usize::from(self.len)).and_then(|kept| std::str::from_utf8(kept).ok()).unwrap_or("0")
    }

    /// The shortest text of the same number: no needless zeros, so that equal versions print alike in pool keys.
    #[must_use]
    pub fn canonical(&self) -> String {
        let unit = 10_u64.pow(Self::FRACTION_DIGITS);
        let (whole, fraction) = (self.scaled / unit, self.scaled % unit);
        if fraction == 0 {
            return whole.to_string();
        }
        format!("{whole}.{fraction:09}").trim_end_matches('0').to_owned()
    }
}

fn digit(byte: u8) -> Option<u64> {
    byte.is_ascii_digit().then(|| u64::from(byte - b'0'))
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.scaled == other.scaled
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.scaled.cmp(&other.scaled)
    }
}

impl std::hash::Hash for Version {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.scaled.hash(state);
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({})", self.as_str())
    }
}

impl std::str::FromStr for Version {
    type Err = VersionError;
    fn from_str(text: &str) -> Result<Self, VersionError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn compares_as_decimal_numbers() {
        assert_eq!(v("1.10"), v("1.1"));
        assert!(v("1.10") < v("1.9"));
        assert_eq!(v("2.0"), v("2.000"));
        assert!(v("2026.0630") > v("2026.0101"));
        assert_eq!(v(".5"), v("0.5"));
        assert_eq!(v("9999999999").canonical(), "9999999999");
        assert_eq!(v("0.00000001").canonical(), "0.00000001");
    }

    #[test]
    fn refuses_letters_signs_and_second_points() {
        for bad in ["", ".", "v2", "1.2.3", "-1", "1e3", "2.0a"] {
            assert!(matches!(Version::parse(bad), Err(VersionError::NotANumber(_))), "{bad}");
        }
        assert!(matches!(Version::parse("12345678901"), Err(VersionError::TooLong(_))));
    }

    #[test]
    fn prints_as_written_and_canonically() {
        assert_eq!(v("2.000").to_string(), "2.000");
        assert_eq!(v("2.000").canonical(), "2");
        assert_eq!(v("1.50").canonical(), "1.5");
    }
}
