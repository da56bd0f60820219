//! License text signed with the demo key, and manifests for it.

use std::path::Path;

use seatkeeper::license::{LicenseFile, Statement};
use seatkeeper::sign::{Manifest, demo_signing_key};
use seatkeeper::text::Source;

/// Adds a signature to each line that takes one, which must be one physical line.
pub(crate) fn sign(text: &str) -> String {
    let file = LicenseFile::parse(Source::new("test.lic", text.as_bytes()));
    let hostids: Vec<_> = file.servers().map(|server| server.hostid.clone()).collect();
    let mut signed = text.to_owned();
    let statements: Vec<Statement<'_>> = file.statements().map(|(_, statement)| statement).collect();
    for line in statements.into_iter().rev() {
        let canonical = line.canonical(&hostids).unwrap();
        let start = line.span().start;
        let end = text[start..].find('\n').map_or(text.len(), |length| start + length);
        signed.insert_str(end, &format!(" SIGN=\"{}\"", demo_signing_key().sign(&canonical)));
    }
    signed
}

/// Writes the demo manifest with another lease and close grace into a directory.
#[allow(dead_code, reason = "each test binary uses its part of the support")]
pub(crate) fn write_manifest(dir: &Path, lease_s: u32, close_grace_s: u32) {
    let mut manifest = Manifest::demo();
    manifest.lease_s = lease_s;
    manifest.close_grace_s = close_grace_s;
    std::fs::write(dir.join("LGS.vendor.toml"), manifest.print().as_bytes()).unwrap();
}

/// Writes the demo manifest with pools by VENDOR_STRING into a directory.
#[allow(dead_code, reason = "each test binary uses its part of the support")]
pub(crate) fn write_manifest_pooling_on_vendor_string(dir: &Path) {
    let manifest = Manifest { pool_on_vendor_string: true, ..Manifest::demo() };
    std::fs::write(dir.join("LGS.vendor.toml"), manifest.print().as_bytes()).unwrap();
}
