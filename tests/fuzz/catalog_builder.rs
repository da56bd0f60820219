//! Fuzz target: any bytes, split into up to three files and signed on the fly, are built into a catalog.
#![no_main]
#![allow(missing_docs, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use libfuzzer_sys::fuzz_target;
use seatkeeper::catalog::{Catalog, LinePlace, Verdict};
use seatkeeper::ident::VendorName;
use seatkeeper::license::{HostId, LicenseFile};
use seatkeeper::sign::{Manifest, SigningKey};
use seatkeeper::text::Source;

/// Ends a file and begins another.
const FILE_END: &[u8] = b"\n===\n";
const FILES_MAX: usize = 3;

fn key() -> SigningKey {
    // HMAC, because it is quick; what is built does not depend on the algorithm.
    SigningKey::generate_hmac(VendorName::parse("acmed").expect("a name"), [1; 32])
}

/// The files, each made to begin with a SERVER line if it has none.
fn split(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    while files.len() + 1 < FILES_MAX {
        let Some(at) = bytes.windows(FILE_END.len()).position(|window| window == FILE_END) else { break };
        let (file, rest) = bytes.split_at(at);
        files.push(file.to_vec());
        bytes = rest.get(FILE_END.len()..).unwrap_or_default();
    }
    files.push(bytes.to_vec());
    files
}

/// The text of a file with our signature behind every statement that carries none.
fn signed(bytes: &[u8], key: &SigningKey) -> String {
    let file = LicenseFile::parse(Source::new("plain", bytes));
    let hostids: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
    let text = file.source.text();
    let (mut out, mut copied) = (String::new(), 0);
    for (_, statement) in file.statements() {
        if statement.attribute("SIGN").is_some() {
            continue;
        }
        let Ok(canonical) = statement.canonical(&hostids) else { continue };
        let end = statement.span().end;
        out.push_str(text.get(copied..end).unwrap_or_default());
        out.push_str(" SIGN=\"");
        out.push_str(&key.sign(&canonical));
        out.push('"');
        copied = end;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out
}

fn shown(catalog: &Catalog) -> String {
    format!("{catalog:?}")
}

fuzz_target!(|bytes: &[u8]| {
    let key = key();
    let manifest = Manifest::new(key.vendor().clone(), vec![key.verifying_key()]);
    let files: Vec<LicenseFile> = split(bytes)
        .iter()
        .map(|file| LicenseFile::parse(Source::new("fuzz.lic", signed(file, &key).as_bytes())))
        .collect();
    let inputs: Vec<&LicenseFile> = files.iter().collect();
    let build = || Catalog::build(key.vendor(), &inputs, &manifest, &[], &jiff::tz::TimeZone::UTC);
    let catalog = build();
    assert_eq!(shown(&catalog), shown(&build()), "building twice gives the same");

    // Each statement of the vendor has exactly one verdict.
    let verdicts: BTreeMap<&LinePlace, &Verdict> =
        catalog.verdicts().iter().map(|line| (&line.place, &line.verdict)).collect();
    assert_eq!(verdicts.len(), catalog.verdicts().len(), "no line has two verdicts");
    let judged: BTreeSet<(usize, usize)> = verdicts.keys().map(|place| (place.file, place.line)).collect();
    for (number, file) in files.iter().enumerate() {
        for (index, line) in file.lines.iter().enumerate() {
            let ours = seatkeeper::license::Statement::of(&line.kind)
                .is_some_and(|statement| statement.vendor() == key.vendor());
            assert!(!ours || judged.contains(&(number, index)), "every statement has a verdict");
        }
    }

    // Pools and verdicts tell the same story.
    let mut keys = BTreeSet::new();
    for pool in catalog.features().flat_map(|name| catalog.pools(name.as_str())) {
        assert!(keys.insert(&pool.key), "keys of pools are unique");
        assert_eq!(catalog.pool(&pool.key).map(|found| &found.key), Some(&pool.key));
        assert!(!pool.lots.is_empty());
        for (index, lot) in pool.lots.iter().enumerate() {
            assert!(lot.lines.iter().all(|line| catalog.signed_line(line).is_some()));
            assert_eq!(lot.lines.first(), Some(&lot.digest));
            match verdicts.get(&lot.place) {
                Some(Verdict::Served(pool_of)) => assert!(index == 0 && *pool_of == pool.key),
                Some(Verdict::Merged { pool: pool_of, into }) => {
                    assert!(index > 0 && *pool_of == pool.key);
                    assert_eq!(pool.lots.first().map(|first| &first.place), Some(into));
                }
                Some(Verdict::Upgraded { pool: pool_of, moved, asked, .. }) => {
                    assert!(*pool_of == pool.key && *moved == lot.count && moved <= asked);
                }
                Some(Verdict::Enables { pools, .. }) => assert!(pools.contains(&pool.key)),
                other => panic!("a lot of a line that is not served: {other:?}"),
            }
        }
        assert!(catalog.unserved(pool.feature.as_str()).is_none());
    }
    for verdict in verdicts.values() {
        let pools: &[_] = match verdict {
            Verdict::Served(pool) | Verdict::Merged { pool, .. } | Verdict::Upgraded { pool, .. } => {
                std::slice::from_ref(pool)
            }
            Verdict::Enables { pools, .. } | Verdict::Package { pools, .. } => pools,
            _ => &[],
        };
        assert!(pools.iter().all(|pool| keys.contains(pool)), "pools of verdicts are served");
    }

    // Licenses come from feature lines and components alone: what was moved is gone from its base.
    for line in catalog.verdicts() {
        let _ = line.to_string();
    }
    let mut given: BTreeMap<(usize, usize), u64> = BTreeMap::new();
    for lot in catalog.features().flat_map(|name| catalog.pools(name.as_str())).flat_map(|pool| &pool.lots) {
        let sum = given.entry((lot.place.file, lot.place.line)).or_default();
        *sum += u64::from(lot.count);
    }
    for (number, file) in files.iter().enumerate() {
        for (index, line) in file.lines.iter().enumerate() {
            let Some(seatkeeper::license::Statement::Feature(feature)) =
                seatkeeper::license::Statement::of(&line.kind)
            else {
                continue;
            };
            let most = match feature.count {
                seatkeeper::license::LicenseCount::Uncounted => 0,
                seatkeeper::license::LicenseCount::Counted(count) => u64::from(count.get()),
            };
            let enables = verdicts.iter().any(|(place, verdict)| {
                (place.file, place.line) == (number, index) && matches!(verdict, Verdict::Enables { .. })
            });
            let gives = given.get(&(number, index)).copied().unwrap_or(0);
            assert!(enables || gives <= most, "a line gives no more than it says");
        }
    }
});
