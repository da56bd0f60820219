//! No edit of a signed file, however it is done, gives more than the publisher has signed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use seatkeeper::catalog::Catalog;
use seatkeeper::ident::{Digest, VendorName};
use seatkeeper::license::{HostId, LicenseFile, Statement};
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
    let file = LicenseFile::parse(Source::new("plain", PLAIN.as_bytes()));
    let hostids: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
    let (mut text, mut copied) = (String::new(), 0);
    for line in file.features() {
        let sign = key().sign(&Statement::Feature(line).canonical(&hostids).unwrap());
        text.push_str(&PLAIN[copied..line.span.end]);
        text.push_str(&format!(" SIGN=\"{sign}\""));
        copied = line.span.end;
    }
    text + &PLAIN[copied..]
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
