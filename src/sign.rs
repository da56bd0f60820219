//! Keys, signatures and proofs. The only room with secrets: they are wiped when they go, compared in constant time,
//! and never shown by `Debug` or an error message.
//!
//! What is signed is the canonical text of a license line, made by the license room; its form, the form of the `SIGN=`
//! value and the manifest are described in `grammar/signature.md` with test vectors. A key id fixes the algorithm, so
//! nothing in a license file can choose a weaker one. Secrets are made by the faces, which have randomness.

mod admin;
mod borrow_record;
mod demo;
mod key;
mod key_file;
mod key_id;
mod manifest;
mod signature;

pub use admin::{AdminKey, AdminKeyError};
pub use borrow_record::{BorrowRecord, BorrowRecordError, RECORD_BYTES_MAX, SignedBorrow};
pub use demo::{DEMO_VENDOR, demo_signing_key};
pub use key::{KeyError, SigningKey, VerifyingKey};
pub use key_file::KeyFileError;
pub use key_id::{Algorithm, KeyId, KeyIdError};
pub use manifest::{
    CLOSE_GRACE_SECONDS, KeyProblem, LEASE_SECONDS, Manifest, ManifestError, ManifestKey,
    REMOVAL_INTERVAL_SECONDS, Signer,
};
pub use signature::SignatureError;
