//! Names of algorithms and keys.

use std::fmt;

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::ident::{decode_hex, encode_hex};

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Ed25519: the signing key stays with the publisher, everybody may have the verifying key. The default.
    Ed25519,
    /// HMAC-SHA1, the legacy form: whoever verifies can sign, so only servers that the publisher runs may have the key.
    HmacSha1,
}

impl Algorithm {
    /// The name in key files and manifests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::HmacSha1 => "hmac-sha1",
        }
    }

    /// The algorithm of this name, in lower case as it is printed.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Ed25519, Self::HmacSha1].into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// Length of a signature in bytes.
    #[must_use]
    pub const fn signature_bytes(self) -> usize {
        match self {
            Self::Ed25519 => 64,
            Self::HmacSha1 => 20,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of a key: eight hexadecimal digits that follow from its algorithm and its bytes
/// (`grammar/signature.md` section 3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

/// Why a text is not a key id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a key id has eight hexadecimal digits")]
pub struct KeyIdError;

impl KeyId {
    /// The id of a key: the first four bytes of SHA-256 over a domain string, the algorithm's name, a line feed and the
    /// key (the public key, or the secret of an HMAC key, of which four bytes of digest tell nothing).
    #[must_use]
    pub fn of(algorithm: Algorithm, key: &[u8; 32]) -> Self {
        let digest = Sha256::new()
            .chain_update(b"seatkeeper-key-id-v1\n")
            .chain_update(algorithm.as_str())
            .chain_update(b"\n")
            .chain_update(key)
            .finalize();
        let [a, b, c, d, ..] = <[u8; 32]>::from(digest);
        Self([a, b, c, d])
    }

    /// Reads eight hexadecimal digits of either case.
    ///
    /// # Errors
    /// [`KeyIdError`] for every other text.
    pub fn parse(text: &str) -> Result<Self, KeyIdError> {
        if text.len() != 8 {
            return Err(KeyIdError);
        }
        let bytes = decode_hex(text).map_err(|_| KeyIdError)?;
        <[u8; 4]>::try_from(bytes.as_slice()).map(Self).map_err(|_| KeyIdError)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode_hex(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_algorithm_is_part_of_the_id() {
        let key = [7; 32];
        assert_ne!(KeyId::of(Algorithm::Ed25519, &key), KeyId::of(Algorithm::HmacSha1, &key));
    }

    #[test]
    fn reads_what_it_prints_and_nothing_shorter() {
        let id = KeyId::of(Algorithm::Ed25519, &[0; 32]);
        assert_eq!(KeyId::parse(&id.to_string()), Ok(id));
        assert_eq!(KeyId::parse(&id.to_string().to_uppercase()), Ok(id));
        for bad in ["", "0011223", "001122334", "0011223g", "+0112233", "ü12233"] {
            assert_eq!(KeyId::parse(bad), Err(KeyIdError), "{bad}");
        }
    }
}
