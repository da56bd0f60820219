//! The demo key and the demo manifest. The key is published, so it proves nothing; it lets everybody try everything.

use super::{Manifest, SigningKey};
use crate::ident::VendorName;

/// The vendor whose manifest is built in.
pub const DEMO_VENDOR: &str = "LGS";

/// The secret that everybody knows.
const DEMO_SEED: [u8; 32] = *b"seatkeeper-demo-key-known-to-all";

/// The published demo key. Lines that it signs are served only under a manifest that is marked DEMO.
#[must_use]
pub fn demo_signing_key() -> SigningKey {
    SigningKey::generate_ed25519(demo_vendor(), DEMO_SEED)
}

fn demo_vendor() -> VendorName {
    #[allow(clippy::expect_used, reason = "a constant; the tests make it")]
    VendorName::parse(DEMO_VENDOR).expect("the demo vendor's name is a name")
}

impl Manifest {
    /// The built-in manifest of vendor `LGS` with the demo key; `testdata/LGS.vendor.toml` is the same as a file.
    #[must_use]
    pub fn demo() -> Self {
        Self::new(demo_vendor(), vec![demo_signing_key().verifying_key()])
    }
}
