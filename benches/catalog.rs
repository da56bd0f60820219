//! Loading a license file of 10,000 signed lines: reading, verifying and pooling, and the look-up of a checkout
//! (DESIGN section 7: loaded and verified in under 1 s, reading alone at least 50 MB/s).
//!
//! `cargo bench --no-default-features --bench catalog`
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use seatkeeper::catalog::Catalog;
use seatkeeper::ident::VendorName;
use seatkeeper::license::{HostId, LicenseFile, Statement};
use seatkeeper::sign::{Manifest, SigningKey};
use seatkeeper::text::Source;

const LINES: usize = 10_000;

fn text(key: &SigningKey) -> String {
    let mut plain = String::from("SERVER this_host ANY 27000\nVENDOR acmed\n");
    for n in 0..LINES {
        // Four lots to a pool.
        let _ = writeln!(plain, "INCREMENT feature_{} acmed 2.0 31-dec-2035 10 SN={n}", n / 4);
    }
    let file = LicenseFile::parse(Source::new("plain", plain.as_bytes()));
    let hostids = [HostId::Any];
    let mut signed = String::from("SERVER this_host ANY 27000\nVENDOR acmed\n");
    for line in file.features() {
        let sign = key.sign(&Statement::Feature(line).canonical(&hostids).unwrap());
        let (head, tail) = sign.split_at(42);
        let _ = writeln!(signed, "{} \\\n    SIGN=\"{head}\\\n{tail}\"", file.source.slice(line.span));
    }
    signed
}

fn main() {
    let vendor = VendorName::parse("acmed").unwrap();
    let zone = jiff::tz::TimeZone::UTC;
    for (name, key) in [
        ("ed25519", SigningKey::generate_ed25519(vendor.clone(), [1; 32])),
        ("hmac-sha1", SigningKey::generate_hmac(vendor.clone(), [1; 32])),
    ] {
        let text = text(&key);
        let manifest = Manifest::new(vendor.clone(), vec![key.verifying_key()]);
        let began = Instant::now();
        let file = LicenseFile::parse(Source::new("bench.lic", text.as_bytes()));
        let read = began.elapsed();
        let inputs = [&file];
        let catalog = Catalog::build(&vendor, &inputs, &manifest, &[], &zone);
        let loaded = began.elapsed();
        assert_eq!(catalog.features().count(), LINES / 4);
        let names: Vec<String> =
            (0..LINES / 4).map(|n| format!("feature_{}", n * 7919 % (LINES / 4))).collect();
        let began = Instant::now();
        let mut found = 0;
        for _ in 0..100 {
            found += names.iter().map(|name| black_box(&catalog).pools(name).len()).sum::<usize>();
        }
        let each = began.elapsed().as_nanos() / u128::try_from(found).unwrap();
        println!(
            "{name:9}  {LINES} lines, {} bytes: read {:.1} ms ({:.0} MB/s), verified and pooled {:.0} ms, in all {:.0} ms; \
             look-up {each} ns",
            text.len(),
            read.as_secs_f64() * 1e3,
            f64::from(u32::try_from(text.len()).unwrap()) / read.as_secs_f64() / 1e6,
            (loaded - read).as_secs_f64() * 1e3,
            loaded.as_secs_f64() * 1e3,
        );
    }
}
