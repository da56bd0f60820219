//! By what checkouts share a license (`flexnet-files.md` 3.7).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// What must be equal for two checkouts of a pool to use one license. Checkouts with different masks never share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DupMask(u8);

/// Why a text is not a mask.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is neither NONE nor SITE nor letters out of UHDV")]
pub struct DupMaskError(String);

impl DupMask {
    /// Every checkout counts.
    pub const NONE: Self = Self(0);
    /// The same user.
    pub const USER: Self = Self(1);
    /// The same host.
    pub const HOST: Self = Self(2);
    /// The same display.
    pub const DISPLAY: Self = Self(4);
    /// The same text that the application gave with its request.
    pub const VENDOR: Self = Self(8);
    /// All checkouts share.
    pub const SITE: Self = Self(16);

    const LETTERS: [(Self, char); 4] =
        [(Self::USER, 'U'), (Self::HOST, 'H'), (Self::DISPLAY, 'D'), (Self::VENDOR, 'V')];

    /// `NONE`, `SITE`, or each of the letters `UHDV` at most once, in any order.
    ///
    /// # Errors
    /// [`DupMaskError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, DupMaskError> {
        let bad = || DupMaskError(text.chars().take(40).collect());
        match text {
            "NONE" => return Ok(Self::NONE),
            "SITE" => return Ok(Self::SITE),
            "" => return Err(bad()),
            _ => {}
        }
        text.chars().try_fold(Self::NONE, |mask, letter| {
            let (part, _) = Self::LETTERS.into_iter().find(|(_, known)| *known == letter).ok_or_else(bad)?;
            if mask.has(part) { Err(bad()) } else { Ok(Self(mask.0 | part.0)) }
        })
    }

    /// As a number, for the wire and the history.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// What [`Self::bits`] gave; none for any other number.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits <= Self::SITE.0 { Some(Self(bits)) } else { None }
    }

    /// Whether a part must be equal.
    #[must_use]
    pub const fn has(self, part: Self) -> bool {
        self.0 & part.0 != 0
    }

    /// Whether checkouts can share at all.
    #[must_use]
    pub const fn shares(self) -> bool {
        self.0 != 0
    }
}

impl fmt::Display for DupMask {
    /// `NONE`, `SITE`, or the letters in the order `UHDV`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NONE => f.write_str("NONE"),
            Self::SITE => f.write_str("SITE"),
            _ => Self::LETTERS
                .into_iter()
                .filter(|(part, _)| self.has(*part))
                .try_for_each(|(_, letter)| write!(f, "{letter}")),
        }
    }
}

impl FromStr for DupMask {
    type Err = DupMaskError;
    fn from_str(text: &str) -> Result<Self, DupMaskError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_come_back_from_text_and_number() {
        for bits in 0..=u8::MAX {
            match DupMask::from_bits(bits) {
                Some(mask) => {
                    assert_eq!(DupMask::parse(&mask.to_string()), Ok(mask));
                    assert_eq!(mask.bits(), bits);
                }
                None => assert!(bits > 16),
            }
        }
        assert_eq!(DupMask::parse("DHU"), DupMask::parse("UHD"));
        for bad in ["", "u", "UU", "UX", "none", "SITEU", "U H"] {
            assert!(DupMask::parse(bad).is_err(), "{bad}");
        }
    }
}
