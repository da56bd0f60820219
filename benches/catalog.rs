//! Loading a license file of 10,000 signed lines: reading, verifying and pooling, memory, and the look-up of a checkout;
//! and what the lint takes for it
//! (DESIGN section 7: loaded and verified in under 1 s on 2 cores, reading alone at least 50 MB/s; memory within 10 times
//! the file).
//!
//! `cargo bench --no-default-features --bench catalog`
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use seatkeeper::catalog::Catalog;
use seatkeeper::ident::VendorName;
use seatkeeper::license::{HostId, LicenseFile};
use seatkeeper::lint::{self, EXPIRES_SOON_DAYS, Project};
use seatkeeper::sign::{Manifest, SigningKey};
use seatkeeper::text::Source;
use seatkeeper::time::CivilDate;

const LINES: usize = 10_000;
const RUNS: usize = 5;
const HEAD: &str = "SERVER this_host ANY 27000\nVENDOR acmed\n";

/// Four lots to a pool.
fn many_features(n: usize) -> String {
    format!("INCREMENT feature_{} acmed 2.0 31-dec-2035 10 SN={n}", n / 4)
}

/// All lines are one feature, and each is a pool of its own.
fn many_pools(n: usize) -> String {
    format!("INCREMENT feature_0 acmed {n}.0 31-dec-2035 10")
}

/// Half of the lines upgrade the other half.
fn many_upgrades(n: usize) -> String {
    match n < LINES / 2 {
        true => format!("INCREMENT feature_0 acmed 1.{n} 31-dec-2035 10"),
        false => format!("UPGRADE feature_0 acmed 1.0 {}.0 31-dec-2035 3", n),
    }
}

fn text(key: &SigningKey, line: fn(usize) -> String) -> String {
    let mut plain = String::from(HEAD);
    for n in 0..LINES {
        let _ = writeln!(plain, "{}", line(n));
    }
    let file = LicenseFile::parse(Source::new("plain", plain.as_bytes()));
    let mut signed = String::from(HEAD);
    for (_, statement) in file.statements() {
        let sign = key.sign(&statement.canonical(&[HostId::Any]).unwrap());
        let (head, tail) = sign.split_at(42);
        let _ = writeln!(signed, "{} \\\n    SIGN=\"{head}\\\n{tail}\"", file.source.slice(statement.span()));
    }
    signed
}

/// Resident memory in bytes, where the system tells.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kib| kib * 1024.0)
}

/// Memory is told of the first measurement only: later ones use what earlier ones have given back.
fn measure(name: &str, line: fn(usize) -> String, key: &SigningKey, first: bool) {
    let text = text(key, line);
    let bytes = f64::from(u32::try_from(text.len()).unwrap());
    let manifest = Manifest::new(key.vendor().clone(), vec![key.verifying_key()]);
    let zone = jiff::tz::TimeZone::UTC;
    let (mut read, mut loaded) = (Duration::MAX, Duration::MAX);
    let mut memory = None;
    for run in 0..RUNS {
        let before = resident();
        let began = Instant::now();
        let file = LicenseFile::parse(Source::new("bench.lic", text.as_bytes()));
        read = read.min(began.elapsed());
        let catalog = Catalog::build(key.vendor(), &[&file], &manifest, &[], &zone);
        loaded = loaded.min(began.elapsed());
        assert!(catalog.verdicts().len() == LINES && !catalog.is_empty());
        if run == 0 && first {
            memory = before.zip(resident()).map(|(before, after)| (after - before) / bytes);
        }
        black_box((&file, &catalog));
    }
    println!(
        "{name:20}  {bytes:.0} bytes: read {:.0} MB/s, read + verified + built {:.3} s{}",
        bytes / read.as_secs_f64() / 1e6,
        loaded.as_secs_f64(),
        memory.map_or(String::new(), |ratio| format!(", memory {ratio:.1} x the file")),
    );
}

/// Everything that `lmlint` does with a file but reading and printing.
fn check(name: &str, line: fn(usize) -> String, key: &SigningKey) {
    let files = [LicenseFile::parse(Source::new("bench.lic", text(key, line).as_bytes()))];
    let manifest = Manifest::new(key.vendor().clone(), vec![key.verifying_key()]);
    let manifests = BTreeMap::from([(key.vendor().clone(), manifest)]);
    let project = Project {
        files: &files,
        manifests: &manifests,
        machine: Some(&[]),
        today: CivilDate::new(2026, 6, 15).unwrap(),
        soon_days: EXPIRES_SOON_DAYS,
        foreign: false,
    };
    let mut checked = Duration::MAX;
    for _ in 0..RUNS {
        let began = Instant::now();
        let found = lint::check(&project);
        checked = checked.min(began.elapsed());
        assert!(found.iter().all(|found| !found.diagnostic.id.starts_with("L08")));
        black_box(found);
    }
    println!("{name:20}  checked by the lint in {:.3} s", checked.as_secs_f64());
}

fn look_up(key: &SigningKey) {
    let text = text(key, many_features);
    let file = LicenseFile::parse(Source::new("bench.lic", text.as_bytes()));
    let manifest = Manifest::new(key.vendor().clone(), vec![key.verifying_key()]);
    let catalog = Catalog::build(key.vendor(), &[&file], &manifest, &[], &jiff::tz::TimeZone::UTC);
    let names: Vec<String> = (0..LINES / 4).map(|n| format!("feature_{}", n * 7919 % (LINES / 4))).collect();
    let began = Instant::now();
    let mut found = 0;
    for _ in 0..100 {
        found += names.iter().map(|name| black_box(&catalog).pools(name).len()).sum::<usize>();
    }
    println!(
        "look-up of a feature's pools: {} ns",
        began.elapsed().as_nanos() / u128::try_from(found).unwrap()
    );
}

fn main() {
    let vendor = VendorName::parse("acmed").unwrap();
    let ed25519 = SigningKey::generate_ed25519(vendor.clone(), [1; 32]);
    let hmac = SigningKey::generate_hmac(vendor, [1; 32]);
    println!("{LINES} lines each, best of {RUNS} runs");
    measure("Ed25519", many_features, &ed25519, true);
    measure("HMAC-SHA1", many_features, &hmac, false);
    measure("one feature", many_pools, &hmac, false);
    measure("UPGRADE lines", many_upgrades, &hmac, false);
    check("Ed25519", many_features, &ed25519);
    check("one feature", many_pools, &hmac);
    look_up(&hmac);
}
