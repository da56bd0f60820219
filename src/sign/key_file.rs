//! The key file of a publisher: text that holds one signing key (`grammar/signature.md` section 5).

use thiserror::Error;
use zeroize::Zeroizing;

use super::key::decode_key;
use super::{Algorithm, KeyId, SigningKey};
use crate::ident::VendorName;

const FIRST_LINE: &str = "seatkeeper-signing-key-v1";

/// Why a text is not a key file. Never repeats a secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyFileError {
    /// It does not begin like one.
    #[error("this is not a signing key: its first line is not {FIRST_LINE}")]
    NotAKeyFile,
    /// A line that is not one of ours.
    #[error("line {line}: expected one of vendor, algorithm, id, secret, each once, with a value")]
    BadLine {
        /// Line number, from 1.
        line: usize,
    },
    /// A field is missing.
    #[error("the field {0} is missing")]
    Missing(&'static str),
    /// A field's value can't be used.
    #[error("the field {0} has no valid value")]
    BadValue(&'static str),
    /// The id does not belong to the secret: one of the two was edited.
    #[error("the id {stated} does not belong to the secret, whose id is {computed}")]
    WrongId {
        /// What the file says.
        stated: KeyId,
        /// What the secret says.
        computed: KeyId,
    },
}

impl SigningKey {
    /// Reads a key file. Empty lines and lines that begin with `#` are skipped.
    ///
    /// # Errors
    /// [`KeyFileError`] for everything but a complete and consistent key.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let mut lines = text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        if lines.next().is_none_or(|(_, line)| line != FIRST_LINE) {
            return Err(KeyFileError::NotAKeyFile);
        }
        let (mut vendor, mut algorithm, mut id, mut secret) = (None, None, None, None);
        for (line, text) in lines {
            let bad = KeyFileError::BadLine { line };
            let (name, value) = text.split_once(' ').ok_or_else(|| bad.clone())?;
            let slot = match name {
                "vendor" => &mut vendor,
                "algorithm" => &mut algorithm,
                "id" => &mut id,
                "secret" => &mut secret,
                _ => return Err(bad),
            };
            if slot.replace(value.trim()).is_some() {
                return Err(bad);
            }
        }
        let vendor = vendor.ok_or(KeyFileError::Missing("vendor"))?;
        let vendor = VendorName::parse(vendor).map_err(|_| KeyFileError::BadValue("vendor"))?;
        let algorithm = algorithm.ok_or(KeyFileError::Missing("algorithm"))?;
        let algorithm = Algorithm::from_name(algorithm).ok_or(KeyFileError::BadValue("algorithm"))?;
        let stated = id.ok_or(KeyFileError::Missing("id"))?;
        let stated = KeyId::parse(stated).map_err(|_| KeyFileError::BadValue("id"))?;
        let secret = secret.ok_or(KeyFileError::Missing("secret"))?;
        let secret = decode_key(secret).map_err(|_| KeyFileError::BadValue("secret"))?;
        let key = match algorithm {
            Algorithm::Ed25519 => Self::generate_ed25519(vendor, *secret),
            Algorithm::HmacSha1 => Self::generate_hmac(vendor, *secret),
        };
        let computed = key.key_id();
        if stated == computed { Ok(key) } else { Err(KeyFileError::WrongId { stated, computed }) }
    }

    /// The key file of this key. The face that writes it makes it readable for its owner only.
    #[must_use]
    pub fn print(&self) -> Zeroizing<String> {
        let secret = self.secret_hex();
        Zeroizing::new(format!(
            "{FIRST_LINE}\n\
             # Whoever has this file can sign licenses of {vendor}. Keep it secret and keep a copy in a safe place.\n\
             vendor {vendor}\nalgorithm {algorithm}\nid {id}\nsecret {secret}\n",
            vendor = self.vendor(),
            algorithm = self.algorithm(),
            id = self.key_id(),
            secret = secret.as_str(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        SigningKey::generate_ed25519(VendorName::parse("acmed").unwrap(), [9; 32])
    }

    #[test]
    fn reads_what_it_prints() {
        for key in [key(), SigningKey::generate_hmac(VendorName::parse("acmed").unwrap(), [9; 32])] {
            let again = SigningKey::parse(&key.print()).unwrap();
            assert_eq!(again.key_id(), key.key_id());
            assert_eq!(again.vendor(), key.vendor());
            assert_eq!(again.sign("t"), key.sign("t"));
        }
    }

    #[test]
    fn an_edited_file_is_refused_and_the_secret_not_repeated() {
        let text = key().print();
        let secret = encode(&[9; 32]);
        let edits = [
            (text.replace("0909", "0908"), "id"),
            (text.replace("v1", "v2"), "first line"),
            (text.replace("secret ", "secrets "), "line 6"),
            (format!("{}secret {secret}\n", text.as_str()), "line 7"),
            (text.replace("ed25519", "hmac-sha1"), "id"),
            (text.replace("vendor acmed", "vendor a\tb"), "vendor"),
            (text.replace(&format!("secret {secret}"), ""), "secret is missing"),
            (text.replace(&secret, &secret[2..]), "secret"),
        ];
        for (edited, expected) in edits {
            let error = SigningKey::parse(&edited).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains(&secret[..16]), "{error}");
        }
    }

    fn encode(bytes: &[u8]) -> String {
        crate::ident::encode_hex(bytes)
    }
}
