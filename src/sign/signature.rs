//! The value of `SIGN=`: `<key id> <signature in hexadecimal groups>` (`grammar/signature.md` section 2).

use thiserror::Error;

use super::{Algorithm, KeyId};
use crate::code::minor;
use crate::ident::{decode_hex, encode_hex};
use crate::time::CivilDate;

/// Longest value that is looked at, in bytes; ours have at most 144.
const VALUE_BYTES_MAX: usize = 512;
/// Digits between two blanks, so that a line can be wrapped inside its signature.
const GROUP_DIGITS: usize = 16;

/// Why a signature is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The value has not the form of our signatures; another license system made it, or it was damaged.
    #[error("SIGN is not a signature of Seatkeeper, which is a key id and hexadecimal digits")]
    NotOurs,
    /// The manifest has no key of this id.
    #[error("the line was signed with key {0}, which the vendor manifest does not have")]
    KeyUnknown(KeyId),
    /// The key is known, but did not make this signature over this text.
    #[error("the signature of key {0} does not fit the line: its signed part was edited")]
    Wrong(KeyId),
    /// The key made the signature, but its signatures count no more.
    #[error("the line was signed with key {key}, which retired: its signatures counted through {last}")]
    Retired {
        /// The key.
        key: KeyId,
        /// The last day on which they counted.
        last: CivilDate,
    },
}

impl SignatureError {
    /// The minor number that goes with -8.
    #[must_use]
    pub const fn minor(&self) -> u16 {
        match self {
            Self::NotOurs => minor::LINE_UNSIGNED,
            Self::KeyUnknown(_) => minor::LINE_KEY_UNKNOWN,
            Self::Wrong(_) => minor::LINE_SIGNATURE_WRONG,
            Self::Retired { .. } => minor::LINE_KEY_RETIRED,
        }
    }
}

/// Writes a signature as the value of `SIGN=`.
pub(super) fn print(id: KeyId, signature: &[u8]) -> String {
    let mut text = id.to_string();
    for (index, digit) in encode_hex(signature).chars().enumerate() {
        if index % GROUP_DIGITS == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Takes a value apart. Blanks between the digits are of no account, so wrapping can't break a signature.
pub(super) fn parse(value: &str) -> Result<(KeyId, Vec<u8>), SignatureError> {
    if value.len() > VALUE_BYTES_MAX {
        return Err(SignatureError::NotOurs);
    }
    let mut parts = value.split_ascii_whitespace();
    let id = parts.next().unwrap_or_default();
    let id = KeyId::parse(id).map_err(|_| SignatureError::NotOurs)?;
    let digits: String = parts.collect();
    let bytes = decode_hex(&digits).map_err(|_| SignatureError::NotOurs)?;
    let lengths = [Algorithm::Ed25519.signature_bytes(), Algorithm::HmacSha1.signature_bytes()];
    if !lengths.contains(&bytes.len()) {
        return Err(SignatureError::NotOurs);
    }
    Ok((id, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_groups_and_reads_any_grouping() {
        let id = KeyId::of(Algorithm::HmacSha1, &[1; 32]);
        let bytes: Vec<u8> = (0..20).collect();
        let text = print(id, &bytes);
        assert_eq!(text, format!("{id} 0001020304050607 08090a0b0c0d0e0f 10111213"));
        assert_eq!(parse(&text), Ok((id, bytes.clone())));
        assert_eq!(parse(&format!("{id}  00 01020304050607 08090A0B0C0D0E0F10111213 ")), Ok((id, bytes)));
    }

    #[test]
    fn other_publishers_signatures_are_not_ours() {
        for value in [
            "",
            "1234",
            "0123 4567 89AB CDEF 0123",
            "00112233",
            "00112233 0102",
            "00112233 zz",
            "{auth}",
            &"0".repeat(600),
        ] {
            assert_eq!(parse(value), Err(SignatureError::NotOurs), "{value}");
        }
    }
}
