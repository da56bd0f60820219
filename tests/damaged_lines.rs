//! Damaged and doubtful lines (`testdata/damaged-lines/`, whose README describes the form): each gives exactly the findings
//! that are written down for it, at these places, with these hints.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/unescaped.rs"]
mod unescaped;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use seatkeeper::ident::VendorName;
use seatkeeper::license::{HostId, LicenseFile, Statement, finding};
use seatkeeper::lint::{self, EXPIRES_SOON_DAYS, Project};
use seatkeeper::sign::{Manifest, ManifestKey, SigningKey, demo_signing_key};
use seatkeeper::text::{Diagnostic, Source};
use seatkeeper::time::CivilDate;
use unescaped::unescaped;

/// Stands before every text that is not alone, and is not counted.
const HEAD: &str = "SERVER srv 0011aabbccdd 27000\nVENDOR acmed\n";
const HEAD_LINES: usize = 2;

/// The file whose entries are for the lint.
const SERVER_WIDE: &str = "server.txt";

struct Entry {
    title: String,
    /// Name and bytes of its files, the head included.
    files: Vec<(String, Vec<u8>)>,
    /// Lines that are not counted in the first file.
    head_lines: usize,
    rows: Vec<String>,
}

fn table(name: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (number, line) in std::fs::read_to_string(directory().join(name)).unwrap().lines().enumerate() {
        let place = format!("{name}:{}", number + 1);
        if let Some(title) = line.strip_prefix("== ") {
            let alone = title.ends_with(" (alone)");
            let bytes = if alone { Vec::new() } else { HEAD.as_bytes().to_vec() };
            let head_lines = if alone { 0 } else { HEAD_LINES };
            let files = vec![("a.lic".to_owned(), bytes)];
            entries.push(Entry { title: format!("{place}: {title}"), files, head_lines, rows: Vec::new() });
        } else if let Some(next) = line.strip_prefix("| --- ") {
            entries.last_mut().unwrap().files.push((next.to_owned(), Vec::new()));
        } else if let Some(text) = line.strip_prefix('|') {
            let bytes = &mut entries.last_mut().unwrap().files.last_mut().unwrap().1;
            bytes.extend(unescaped(text.strip_prefix(' ').unwrap_or(text), &place));
        } else if let Some(row) = line.strip_prefix("> ") {
            entries.last_mut().unwrap().rows.push(row.to_owned());
        } else {
            assert!(line.is_empty() || line.starts_with('#'), "{place}: {line}");
        }
    }
    entries
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/damaged-lines")
}

/// The tables by name.
fn tables() -> Vec<String> {
    let files = std::fs::read_dir(directory()).unwrap().map(|file| file.unwrap().file_name());
    let mut names: Vec<String> = files.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".txt"));
    names.sort();
    names
}

/// A finding as a row has it, with the whole hint.
fn shown(found: &Diagnostic, source: &Source, entry: &Entry) -> String {
    let mut place = source.place(found.span.start);
    let mut file = String::new();
    if source.name() == "a.lic" {
        assert!(place.line > entry.head_lines, "{}: {found:?} is in the head", entry.title);
        place.line -= entry.head_lines;
    } else {
        file = format!("{}:", source.name());
    }
    format!("{} {file}{place} {}", found.id, found.help.as_deref().unwrap_or("-"))
}

/// Whether a row says what was found: the hint may be a part of it.
fn fits(row: &str, found: &str) -> bool {
    let part = |text: &str, index: usize| text.splitn(3, ' ').nth(index).unwrap_or_default().to_owned();
    let (hint, whole) = (part(row, 2), part(found, 2));
    part(row, 0) == part(found, 0)
        && part(row, 1) == part(found, 1)
        && !hint.is_empty()
        && if hint == "-" { whole == "-" } else { whole.contains(&hint) }
}

/// What is found in an entry of the parser's tables.
fn parsed(entry: &Entry) -> Vec<String> {
    let (name, bytes) = &entry.files[0];
    let file = LicenseFile::parse(Source::new(name, bytes));
    assert_eq!(file.print(), *bytes, "{}", entry.title);
    file.diagnostics.iter().map(|found| shown(found, &file.source, entry)).collect()
}

/// What is found in an entry for the lint.
fn linted(entry: &Entry, keys: &Keys, manifests: &BTreeMap<VendorName, Manifest>) -> Vec<String> {
    let files: Vec<LicenseFile> = entry
        .files
        .iter()
        .map(|(name, bytes)| LicenseFile::parse(Source::new(name, signed(bytes, keys).as_bytes())))
        .collect();
    let project = Project {
        files: &files,
        manifests,
        machine: Some(&[HostId::parse("0011aabbccdd").unwrap()]),
        today: CivilDate::new(2026, 6, 15).unwrap(),
        soon_days: EXPIRES_SOON_DAYS,
        foreign: false,
    };
    let found = lint::check(&project);
    found.iter().map(|found| shown(&found.diagnostic, &files[found.file].source, entry)).collect()
}

/// Who signs the entries for the lint.
struct Keys {
    sound: SigningKey,
    retired: SigningKey,
    retiring: SigningKey,
}

impl Keys {
    fn new() -> Self {
        let new = |seed: u8| SigningKey::generate_ed25519(VendorName::parse("acmed").unwrap(), [seed; 32]);
        Self { sound: new(7), retired: new(8), retiring: new(9) }
    }

    /// The manifest of `acmed`, the only one that is known.
    fn manifests(&self) -> BTreeMap<VendorName, Manifest> {
        let vendor = self.sound.vendor().clone();
        let sound = vec![self.sound.verifying_key(), demo_signing_key().verifying_key()];
        let mut manifest = Manifest::new(vendor.clone(), sound);
        for (key, month, day) in [(&self.retired, 5, 31), (&self.retiring, 6, 30)] {
            let retires = CivilDate::new(2026, month, day);
            manifest.keys.push(ManifestKey { key: key.verifying_key(), retires });
        }
        BTreeMap::from([(vendor, manifest)])
    }

    /// The signature that a value of SIGN stands for.
    fn sign(&self, written: &str, canonical: &str) -> Option<String> {
        match written {
            "..." => Some(self.sound.sign(canonical)),
            "wrong" => Some(self.sound.sign("another line")),
            "retired" => Some(self.retired.sign(canonical)),
            "retiring" => Some(self.retiring.sign(canonical)),
            "demo" => Some(demo_signing_key().sign(canonical)),
            _ => None,
        }
    }
}

/// The text with signatures in the place of what stands for them.
fn signed(bytes: &[u8], keys: &Keys) -> String {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let file = LicenseFile::parse(Source::new("unsigned", bytes));
    let hostids: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
    let mut signed = text.clone();
    let mut statements: Vec<Statement<'_>> = file.statements().map(|(_, statement)| statement).collect();
    statements.sort_by_key(|statement| std::cmp::Reverse(statement.span().start));
    for statement in statements {
        let Some(written) = statement.sign() else { continue };
        let Some(sign) = keys.sign(written, &statement.canonical(&hostids).unwrap()) else { continue };
        let place = statement.attribute("SIGN").unwrap().span;
        signed.replace_range(place.start..place.end, &format!("SIGN=\"{sign}\""));
    }
    signed
}

#[test]
fn every_damaged_line_is_reported_as_it_is_written_down() {
    let mut wrong = String::new();
    let mut count = 0;
    let mut titles = BTreeSet::new();
    let keys = Keys::new();
    let manifests = keys.manifests();
    for name in tables() {
        for entry in table(&name) {
            count += 1;
            let title = entry.title.split_once(": ").unwrap().1.to_owned();
            assert!(titles.insert(title), "{}: stands twice", entry.title);
            let found = if name == SERVER_WIDE { linted(&entry, &keys, &manifests) } else { parsed(&entry) };
            let same = found.len() == entry.rows.len()
                && entry.rows.iter().zip(&found).all(|(row, found)| fits(row, found));
            if !same || found.is_empty() {
                let found: String = found.iter().map(|found| format!("> {found}\n")).collect();
                let _ = writeln!(wrong, "{}\n{found}", entry.title);
            }
        }
    }
    assert!(wrong.is_empty(), "found in these entries:\n{wrong}");
    assert!(count >= 150, "{count} entries");
}

/// Findings of the lint that stand in no table, and why.
const NOT_IN_TABLES: [(&str, &str); 2] = [
    ("L1026", "a package with so many lots takes thousands of lines"),
    ("L1116", "it takes lines of more than fifty vendors"),
];

#[test]
fn every_finding_stands_in_the_tables() {
    let rows: Vec<String> =
        tables().iter().flat_map(|name| table(name)).flat_map(|entry| entry.rows).collect();
    let stands = |id: &str| rows.iter().any(|row| row.starts_with(id));
    let all = finding::ALL.iter().chain(lint::finding::ALL).map(|finding| finding.id);
    let missing: Vec<&str> = all.filter(|id| !stands(id)).collect();
    assert_eq!(missing, NOT_IN_TABLES.map(|(id, _)| id));
    assert!(table(SERVER_WIDE).len() >= 60, "{}", table(SERVER_WIDE).len());
}
