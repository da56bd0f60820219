//! No edit of a signed file, however it is done, gives more than the publisher has signed; and what lines do to each
//! other keeps the number of licenses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use seatkeeper::catalog::Catalog;
use seatkeeper::ident::{Digest, VendorName};
use seatkeeper::license::{HostId, LicenseFile};
use seatkeeper::sign::{AdminKey, Manifest, SigningKey};
use seatkeeper::text::Source;
use seatkeeper::time::Timestamp;

const PLAIN: &str = "SERVER srv 0011aabbccdd 27000\nVENDOR acmed port=27010\n\
    INCREMENT fx acmed 2.0 permanent 10 SN=1\n\
    INCREMENT fx acmed 2.0 permanent 5 SN=2 asset_info=\"room 4\"\n\
    FEATURE fy acmed 1.0 31-dec-2035 3 HOSTID=HOSTNAME=ws01 \\\n    DUP_GROUP=U START=1-jan-2020\n\
    FEATURE fz acmed 1.0 permanent uncounted HOSTID=aabbccddeeff NOTICE=\"for lab 3\"\n";

/// HMAC, because it is quick in debug builds; what is tested is the text that is signed, which is the same for both.
fn key() -> SigningKey {
    SigningKey::generate_hmac(VendorName::parse("acmed").unwrap(), [1; 32])
}

fn signed() -> String {
    sign(PLAIN)
}

/// The text with a signature behind each line that takes one.
fn sign(plain: &str) -> String {
    let file = LicenseFile::parse(Source::new("plain", plain.as_bytes()));
    let hostids: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
    let (mut text, mut copied) = (String::new(), 0);
    for (_, line) in file.statements() {
        let sign = key().sign(&line.canonical(&hostids).unwrap());
        text.push_str(&plain[copied..line.span().end]);
        text.push_str(&format!(" SIGN=\"{sign}\""));
        copied = line.span().end;
    }
    text + &plain[copied..]
}

/// What each served line gives: its digest, its pool and its count.
fn served(bytes: &[u8]) -> BTreeMap<Digest, (String, u32)> {
    let vendor = VendorName::parse("acmed").unwrap();
    let file = LicenseFile::parse(Source::new("a.lic", bytes));
    let manifest = Manifest::new(vendor.clone(), vec![key().verifying_key()]);
    let machine = [HostId::parse("0011aabbccdd").unwrap()];
    let inputs = [&file, &file];
    let catalog = Catalog::build(&vendor, &inputs, &manifest, &machine, &jiff::tz::TimeZone::UTC);
    let mut found = BTreeMap::new();
    for name in catalog.features() {
        for pool in catalog.pools(name.as_str()) {
            for lot in &pool.lots {
                let line = catalog.signed_line(&lot.digest).unwrap();
                assert_eq!(Digest::of(line.canonical.as_bytes()), lot.digest);
                let twice = found.insert(lot.digest, (pool.key.to_string(), lot.count));
                assert!(twice.is_none(), "{name} counts a line twice");
            }
            let sum: u32 = pool.lots.iter().map(|lot| lot.count).sum();
            assert!(pool.count_at(Timestamp(i64::MAX)) <= sum);
        }
    }
    found
}

#[derive(Debug, Clone)]
enum Edit {
    Replace(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index, usize),
    CopyLine(prop::sample::Index),
    SwapLines(prop::sample::Index, prop::sample::Index),
    CopyPiece(prop::sample::Index, prop::sample::Index, usize),
}

fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![Just(b' '), Just(b'"'), Just(b'\\'), Just(b'\n'), Just(b'='), b'0'..=b'9', any::<u8>()]
}

fn edit() -> impl Strategy<Value = Edit> {
    use prop::sample::Index;
    prop_oneof![
        4 => (any::<Index>(), byte()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        4 => (any::<Index>(), byte()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        4 => (any::<Index>(), 1_usize..30).prop_map(|(at, length)| Edit::Remove(at, length)),
        1 => any::<Index>().prop_map(Edit::CopyLine),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Edit::SwapLines(one, other)),
        2 => (any::<Index>(), any::<Index>(), 1_usize..60)
            .prop_map(|(from, to, length)| Edit::CopyPiece(from, to, length)),
    ]
}

fn apply(text: &mut Vec<u8>, edit: &Edit) {
    if text.is_empty() {
        return;
    }
    let mut lines: Vec<Vec<u8>> = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    match edit {
        Edit::Replace(at, byte) => {
            let at = at.index(text.len());
            text[at] = *byte;
        }
        Edit::Insert(at, byte) => text.insert(at.index(text.len()), *byte),
        Edit::Remove(at, length) => {
            let at = at.index(text.len());
            text.drain(at..(at + length).min(text.len()));
        }
        Edit::CopyLine(at) => {
            let line = lines[at.index(lines.len())].clone();
            lines.push(line);
            *text = lines.concat();
        }
        Edit::SwapLines(one, other) => {
            let (one, other) = (one.index(lines.len()), other.index(lines.len()));
            lines.swap(one, other);
            *text = lines.concat();
        }
        Edit::CopyPiece(from, to, length) => {
            let from = from.index(text.len());
            let piece = text[from..(from + length).min(text.len())].to_vec();
            let to = to.index(text.len());
            text.splice(to..to, piece);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_edit_adds_to_what_was_signed(edits in prop::collection::vec(edit(), 1..5)) {
        let original = served(signed().as_bytes());
        prop_assert_eq!(original.len(), 4);
        let mut text = signed().into_bytes();
        for edit in &edits {
            apply(&mut text, edit);
        }
        for (digest, gives) in served(&text) {
            prop_assert_eq!(Some(&gives), original.get(&digest), "{}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn key_files_manifests_and_signatures_of_any_text_are_refused_in_peace(text in "\\PC{0,200}") {
        prop_assert!(SigningKey::parse(&text).is_err());
        prop_assert!(Manifest::parse(&text).is_err());
        prop_assert!(Manifest::demo().verify("text", &text).is_err());
        prop_assert!(AdminKey::parse(&text).is_err());
    }

}

proptest! {
    // Ed25519 is slow in debug builds.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_32_bytes_make_keys_that_read_back_and_verify(seed: [u8; 32], text in ".{0,80}") {
        let vendor = VendorName::parse("acmed").unwrap();
        for key in [SigningKey::generate_ed25519(vendor.clone(), seed), SigningKey::generate_hmac(vendor, seed)] {
            let again = SigningKey::parse(&key.print()).unwrap();
            let manifest = Manifest::new(again.vendor().clone(), vec![again.verifying_key()]);
            let manifest = Manifest::parse(&manifest.print()).unwrap();
            prop_assert_eq!(manifest.verify(&text, &key.sign(&text)).map(|signer| signer.key), Ok(key.key_id()));
        }
    }
}

/// One line of a made-up file, without its SIGN.
fn line() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["fx", "fy", "pk"]);
    let dates =
        prop::sample::select(vec!["", " ISSUED=1-jan-2025", " ISSUED=1-jan-2026", " START=1-jan-2024"]);
    prop_oneof![
        4 => (prop::bool::ANY, name.clone(), 1_u8..5, 1_u8..9, dates, 0_u8..3).prop_map(
            |(feature, name, version, count, dates, serial)| {
                let keyword = if feature { "FEATURE" } else { "INCREMENT" };
                format!("{keyword} {name} acmed {version}.0 permanent {count}{dates} SN={serial}")
            }
        ),
        3 => (name.clone(), 1_u8..4, 1_u8..4, 1_u8..9).prop_map(|(name, from, more, count)| {
            format!("UPGRADE {name} acmed {from}.0 {}.0 permanent {count}", from + more)
        }),
        1 => (1_u8..4, 1_u8..5).prop_map(|(version, each)| {
            format!("PACKAGE pk acmed {version}.0 COMPONENTS=\"fx fz:1.0:{each}\"")
        }),
    ]
}

fn lines() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(line(), 0..14)
}

fn built(texts: &[&[String]]) -> Catalog {
    let vendor = VendorName::parse("acmed").unwrap();
    let files: Vec<LicenseFile> = texts
        .iter()
        .map(|lines| {
            let plain = format!("SERVER srv 0011aabbccdd 27000\nVENDOR acmed\n{}\n", lines.join("\n"));
            LicenseFile::parse(Source::new("made.lic", sign(&plain).as_bytes()))
        })
        .collect();
    let inputs: Vec<&LicenseFile> = files.iter().collect();
    let manifest = Manifest::new(vendor.clone(), vec![key().verifying_key()]);
    let machine = [HostId::parse("0011aabbccdd").unwrap()];
    Catalog::build(&vendor, &inputs, &manifest, &machine, &jiff::tz::TimeZone::UTC)
}

/// Licenses by pool.
fn counts(catalog: &Catalog) -> BTreeMap<String, u64> {
    let pools = catalog.features().flat_map(|name| catalog.pools(name.as_str()));
    pools.map(|pool| (pool.key.to_string(), pool.lots.iter().map(|lot| u64::from(lot.count)).sum())).collect()
}

/// Licenses of all versions by feature.
fn sums(catalog: &Catalog) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (key, count) in counts(catalog) {
        *sums.entry(key.split(' ').next().unwrap().to_owned()).or_default() += count;
    }
    sums
}

/// The lines with names of their own and without packages.
fn renamed(lines: &[String], name: &str) -> Vec<String> {
    lines
        .iter()
        .map(|line| line.replace(" fx ", &format!(" {name}_fx ")).replace(" fy ", &format!(" {name}_fy ")))
        .filter(|line| !line.contains("pk"))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn upgrades_keep_the_sum_of_licenses(lines in lines()) {
        let lines: Vec<String> = lines.into_iter().filter(|line| !line.contains("pk")).collect();
        let without: Vec<String> = lines.iter().filter(|line| !line.starts_with("UPGRADE")).cloned().collect();
        prop_assert_eq!(sums(&built(&[&lines])), sums(&built(&[&without])));
    }

    #[test]
    fn every_line_has_one_verdict_and_a_repeated_one_changes_nothing(lines in lines(), again: prop::sample::Index) {
        let catalog = built(&[&lines]);
        prop_assert_eq!(catalog.verdicts().len(), lines.len());
        let served = catalog.verdicts().iter().filter(|line| line.verdict.is_applied()).count();
        let places: std::collections::BTreeSet<usize> = catalog
            .features()
            .flat_map(|name| catalog.pools(name.as_str()))
            .flat_map(|pool| &pool.lots)
            .map(|lot| lot.place.number)
            .collect();
        let packages = catalog
            .verdicts()
            .iter()
            .filter(|line| matches!(line.verdict, seatkeeper::catalog::Verdict::Package { .. }))
            .count();
        prop_assert_eq!(places.len() + packages, served);
        if !lines.is_empty() {
            let copy = [lines[again.index(lines.len())].clone()];
            prop_assert_eq!(counts(&built(&[&lines, &copy])), counts(&catalog));
        }
    }

    #[test]
    fn the_order_of_files_without_common_names_changes_no_pool(one in lines(), other in lines()) {
        let (one, other) = (renamed(&one, "a"), renamed(&other, "b"));
        prop_assert_eq!(counts(&built(&[&one, &other])), counts(&built(&[&other, &one])));
    }

    #[test]
    fn supersede_never_adds(lines in lines(), at: prop::sample::Index) {
        let plain: Vec<String> = lines.into_iter().filter(|line| line.starts_with("INCREMENT")).collect();
        let dated: Vec<usize> = (0..plain.len()).filter(|at| plain[*at].contains("ISSUED")).collect();
        if !dated.is_empty() {
            let mut replacing = plain.clone();
            replacing[dated[at.index(dated.len())]].push_str(" SUPERSEDE");
            // The line itself has another text now, so it may add where it was a repeated one.
            let distinct: std::collections::BTreeSet<&String> = plain.iter().collect();
            if distinct.len() == plain.len() {
                let before = counts(&built(&[&plain]));
                for (key, count) in counts(&built(&[&replacing])) {
                    prop_assert!(count <= before.get(&key).copied().unwrap_or(0), "{}", key);
                }
            }
        }
    }
}
