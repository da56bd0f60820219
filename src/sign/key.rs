//! Keys that sign and keys that verify.

use std::fmt;

use ed25519_dalek::Signer as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{Algorithm, KeyId, SignatureError, signature};
use crate::ident::{VendorName, decode_hex, encode_hex};

/// Why bytes are not a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not 64 hexadecimal digits.
    #[error("a key has 64 hexadecimal digits")]
    NotHex,
    /// Not a point of the curve, or one of the few under which foreign signatures can be made to verify.
    #[error("this is not a usable Ed25519 public key")]
    NotAPublicKey,
}

/// A publisher's key that makes signatures. Wiped when it goes.
#[derive(Clone)]
pub struct SigningKey {
    vendor: VendorName,
    kind: SigningKind,
}

#[derive(Clone)]
enum SigningKind {
    // Wipes itself (feature `zeroize` of the crate).
    Ed25519(ed25519_dalek::SigningKey),
    HmacSha1(HmacSecret),
}

/// A publisher's key that checks signatures. Of an Ed25519 key it is the public half; of an HMAC key it is the same
/// secret, wiped when it goes.
#[derive(Clone)]
pub struct VerifyingKey {
    id: KeyId,
    kind: VerifyingKind,
}

#[derive(Clone)]
enum VerifyingKind {
    Ed25519(ed25519_dalek::VerifyingKey),
    HmacSha1(HmacSecret),
}

#[derive(Clone)]
struct HmacSecret(Zeroizing<[u8; 32]>);

impl HmacSecret {
    fn over(&self, text: &str) -> Option<Hmac<Sha1>> {
        // HMAC takes keys of any length, so there is always one.
        let mut mac = Hmac::<Sha1>::new_from_slice(&*self.0).ok()?;
        mac.update(text.as_bytes());
        Some(mac)
    }
}

impl SigningKey {
    /// An Ed25519 key from 32 random bytes.
    #[must_use]
    pub fn generate_ed25519(vendor: VendorName, seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        Self { vendor, kind: SigningKind::Ed25519(ed25519_dalek::SigningKey::from_bytes(&seed)) }
    }

    /// An HMAC-SHA1 key from 32 random bytes. Whoever verifies with it can sign.
    #[must_use]
    pub fn generate_hmac(vendor: VendorName, secret: [u8; 32]) -> Self {
        Self { vendor, kind: SigningKind::HmacSha1(HmacSecret(Zeroizing::new(secret))) }
    }

    /// Whose lines this key may sign.
    #[must_use]
    pub fn vendor(&self) -> &VendorName {
        &self.vendor
    }

    /// How it signs.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.kind {
            SigningKind::Ed25519(_) => Algorithm::Ed25519,
            SigningKind::HmacSha1(_) => Algorithm::HmacSha1,
        }
    }

    /// Its name, which it shares with its verifying key.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.verifying_key().id
    }

    /// The key that checks what this one signs.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        match &self.kind {
            SigningKind::Ed25519(key) => VerifyingKey::from_point(key.verifying_key()),
            SigningKind::HmacSha1(secret) => VerifyingKey::from_secret(secret.clone()),
        }
    }

    /// Signs a canonical text and gives the value of `SIGN=`. The same text always gives the same value.
    #[must_use]
    pub fn sign(&self, canonical: &str) -> String {
        match &self.kind {
            SigningKind::Ed25519(key) => {
                signature::print(self.key_id(), &key.sign(canonical.as_bytes()).to_bytes())
            }
            SigningKind::HmacSha1(secret) => {
                let mac = secret.over(canonical).map(|mac| mac.finalize().into_bytes());
                signature::print(self.key_id(), mac.as_ref().map_or(&[], |mac| mac.as_slice()))
            }
        }
    }

    /// The secret as hexadecimal digits, for the key file.
    pub(super) fn secret_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(match &self.kind {
            SigningKind::Ed25519(key) => encode_hex(key.as_bytes()),
            SigningKind::HmacSha1(secret) => encode_hex(&*secret.0),
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {} {}, secret not shown)", self.vendor, self.algorithm(), self.key_id())
    }
}

impl VerifyingKey {
    /// An Ed25519 public key.
    ///
    /// # Errors
    /// [`KeyError::NotAPublicKey`] when the bytes are no point of the curve or a weak one.
    pub fn ed25519(public: &[u8; 32]) -> Result<Self, KeyError> {
        let point = ed25519_dalek::VerifyingKey::from_bytes(public).map_err(|_| KeyError::NotAPublicKey)?;
        if point.is_weak() {
            return Err(KeyError::NotAPublicKey);
        }
        Ok(Self::from_point(point))
    }

    /// A key from its algorithm and 64 hexadecimal digits, as manifests write it.
    ///
    /// # Errors
    /// [`KeyError`] when the digits are not such a key.
    pub fn parse(algorithm: Algorithm, hex: &str) -> Result<Self, KeyError> {
        let bytes = decode_key(hex)?;
        match algorithm {
            Algorithm::Ed25519 => Self::ed25519(&bytes),
            Algorithm::HmacSha1 => Ok(Self::from_secret(HmacSecret(bytes))),
        }
    }

    fn from_point(point: ed25519_dalek::VerifyingKey) -> Self {
        Self { id: KeyId::of(Algorithm::Ed25519, point.as_bytes()), kind: VerifyingKind::Ed25519(point) }
    }

    fn from_secret(secret: HmacSecret) -> Self {
        Self { id: KeyId::of(Algorithm::HmacSha1, &secret.0), kind: VerifyingKind::HmacSha1(secret) }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// How it verifies.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.kind {
            VerifyingKind::Ed25519(_) => Algorithm::Ed25519,
            VerifyingKind::HmacSha1(_) => Algorithm::HmacSha1,
        }
    }

    /// The public key as 64 hexadecimal digits, for applications to compile in; none for an HMAC key, which is a
    /// secret.
    #[must_use]
    pub fn public_hex(&self) -> Option<String> {
        match &self.kind {
            VerifyingKind::Ed25519(point) => Some(encode_hex(point.as_bytes())),
            VerifyingKind::HmacSha1(_) => None,
        }
    }

    /// Checks a signature in its value form; the key named in it must be this one.
    ///
    /// # Errors
    /// [`SignatureError`] when it is not a signature of this key over this text.
    pub fn verify(&self, canonical: &str, sign: &str) -> Result<(), SignatureError> {
        let (id, bytes) = signature::parse(sign)?;
        if id != self.id {
            return Err(SignatureError::KeyUnknown(id));
        }
        self.verify_bytes(canonical, &bytes)
    }

    pub(super) fn verify_bytes(&self, canonical: &str, bytes: &[u8]) -> Result<(), SignatureError> {
        let wrong = SignatureError::Wrong(self.id);
        match &self.kind {
            VerifyingKind::Ed25519(point) => {
                let signature = ed25519_dalek::Signature::from_slice(bytes).map_err(|_| wrong.clone())?;
                // Strict: one text and key have no second valid signature through weak or non-canonical points.
                point.verify_strict(canonical.as_bytes(), &signature).map_err(|_| wrong)
            }
            VerifyingKind::HmacSha1(secret) => {
                // Compares in constant time, and the whole length.
                let mac = secret.over(canonical).ok_or_else(|| wrong.clone())?;
                mac.verify_slice(bytes).map_err(|_| wrong)
            }
        }
    }

    /// The key as a manifest writes it: the name of its field and 64 digits.
    pub(super) fn manifest_field(&self) -> (&'static str, Zeroizing<String>) {
        match &self.kind {
            VerifyingKind::Ed25519(point) => ("public", Zeroizing::new(encode_hex(point.as_bytes()))),
            VerifyingKind::HmacSha1(secret) => ("secret", Zeroizing::new(encode_hex(&*secret.0))),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({} {})", self.algorithm(), self.id)
    }
}

/// 64 hexadecimal digits as 32 bytes; every copy of them is wiped.
pub(super) fn decode_key(hex: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let bytes = Zeroizing::new(decode_hex(hex).map_err(|_| KeyError::NotHex)?);
    <[u8; 32]>::try_from(bytes.as_slice()).map(Zeroizing::new).map_err(|_| KeyError::NotHex)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> [SigningKey; 2] {
        let vendor = VendorName::parse("acmed").unwrap();
        [SigningKey::generate_ed25519(vendor.clone(), [3; 32]), SigningKey::generate_hmac(vendor, [3; 32])]
    }

    #[test]
    fn each_key_verifies_its_own_signature_and_no_other() {
        for key in keys() {
            let sign = key.sign("text");
            assert_eq!(key.sign("text"), sign);
            assert_eq!(key.verifying_key().verify("text", &sign), Ok(()));
            assert_eq!(key.verifying_key().verify("texu", &sign), Err(SignatureError::Wrong(key.key_id())));
            for other in keys().into_iter().filter(|other| other.key_id() != key.key_id()) {
                assert_eq!(
                    other.verifying_key().verify("text", &sign),
                    Err(SignatureError::KeyUnknown(key.key_id()))
                );
            }
        }
    }

    #[test]
    fn every_changed_digit_is_seen() {
        for key in keys() {
            let sign = key.sign("text");
            for (at, digit) in sign.char_indices().skip(9).filter(|(_, c)| *c != ' ') {
                let other = if digit == '0' { "1" } else { "0" };
                let edited = format!("{}{other}{}", &sign[..at], &sign[at + 1..]);
                assert_eq!(
                    key.verifying_key().verify("text", &edited),
                    Err(SignatureError::Wrong(key.key_id())),
                    "digit {at}"
                );
            }
        }
    }

    #[test]
    fn a_signature_of_the_other_length_is_wrong() {
        let [ed25519, hmac] = keys();
        let short = signature::print(ed25519.key_id(), &[0; 20]);
        assert_eq!(ed25519.verifying_key().verify("t", &short), Err(SignatureError::Wrong(ed25519.key_id())));
        let long = signature::print(hmac.key_id(), &[0; 64]);
        assert_eq!(hmac.verifying_key().verify("t", &long), Err(SignatureError::Wrong(hmac.key_id())));
    }

    #[test]
    fn debug_shows_no_secret() {
        for key in keys() {
            let secret = key.secret_hex();
            for text in [format!("{key:?}"), format!("{:?}", key.verifying_key())] {
                assert!(!text.contains(&secret[..8]), "{text}");
                assert!(!text.contains("3, 3"), "{text}");
            }
        }
    }

    #[test]
    fn weak_and_broken_public_keys_are_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(VerifyingKey::ed25519(&identity).unwrap_err(), KeyError::NotAPublicKey);
        assert_eq!(VerifyingKey::ed25519(&[0; 32]).unwrap_err(), KeyError::NotAPublicKey);
        assert_eq!(VerifyingKey::parse(Algorithm::Ed25519, "00").unwrap_err(), KeyError::NotHex);
        assert_eq!(VerifyingKey::parse(Algorithm::HmacSha1, &"0".repeat(63)).unwrap_err(), KeyError::NotHex);
    }
}
