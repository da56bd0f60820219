//! The administrator's key: control requests (down, reread, remove) prove that their sender knows it, over a nonce of
//! the server (DESIGN section 6), so a recorded request is worthless.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

use super::key::decode_key;
use crate::ident::encode_hex;

const DOMAIN: &[u8] = b"seatkeeper-control-proof-v1\n";

/// Why a text is not an administrator's key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("an administrator's key is one line of 64 hexadecimal digits")]
pub struct AdminKeyError;

/// The content of `admin.key` in the state directory. Wiped when it goes.
#[derive(Clone)]
pub struct AdminKey(Zeroizing<[u8; 32]>);

impl AdminKey {
    /// A key from 32 random bytes.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self(Zeroizing::new(secret))
    }

    /// Reads the file's text: 64 hexadecimal digits; blanks around them don't matter.
    ///
    /// # Errors
    /// [`AdminKeyError`] for every other text.
    pub fn parse(text: &str) -> Result<Self, AdminKeyError> {
        decode_key(text.trim()).map(Self).map_err(|_| AdminKeyError)
    }

    /// The file's text, with a line end.
    #[must_use]
    pub fn print(&self) -> Zeroizing<String> {
        let hex = Zeroizing::new(encode_hex(&*self.0));
        Zeroizing::new(format!("{}\n", hex.as_str()))
    }

    /// The proof that goes with a request: HMAC-SHA256 over a domain string, the length of the nonce (32 bits,
    /// big-endian), the nonce and the message.
    #[must_use]
    pub fn prove(&self, nonce: &[u8], message: &[u8]) -> [u8; 32] {
        self.over(nonce, message).map_or([0; 32], |mac| mac.finalize().into_bytes().into())
    }

    /// Whether a proof is right, in constant time.
    #[must_use]
    pub fn verify(&self, nonce: &[u8], message: &[u8], proof: &[u8]) -> bool {
        self.over(nonce, message).is_some_and(|mac| mac.verify_slice(proof).is_ok())
    }

    fn over(&self, nonce: &[u8], message: &[u8]) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length, so there is always one.
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.0).ok()?;
        mac.update(DOMAIN);
        mac.update(&u32::try_from(nonce.len()).unwrap_or(u32::MAX).to_be_bytes());
        mac.update(nonce);
        mac.update(message);
        Some(mac)
    }
}

impl fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminKey(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_its_nonce_and_message_only() {
        let key = AdminKey::new([5; 32]);
        let proof = key.prove(b"nonce", b"shutdown LGS");
        assert!(key.verify(b"nonce", b"shutdown LGS", &proof));
        assert!(!key.verify(b"nonce", b"shutdown", &proof));
        assert!(!key.verify(b"nonces", b"hutdown LGS", &proof));
        assert!(!key.verify(b"nonc", b"eshutdown LGS", &proof));
        assert!(!AdminKey::new([6; 32]).verify(b"nonce", b"shutdown LGS", &proof));
        assert!(!key.verify(b"nonce", b"shutdown LGS", &proof[..31]));
        assert!(!key.verify(b"nonce", b"shutdown LGS", b""));
    }

    #[test]
    fn reads_what_it_prints_and_shows_nothing() {
        let key = AdminKey::new([0xab; 32]);
        let text = key.print();
        assert_eq!(text.len(), 65);
        assert_eq!(AdminKey::parse(&text).unwrap().prove(b"", b""), key.prove(b"", b""));
        assert!(AdminKey::parse("abab").is_err());
        assert!(!format!("{key:?}").contains("ab"));
    }
}
