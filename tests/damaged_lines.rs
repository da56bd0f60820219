//! Damaged and doubtful lines (`testdata/damaged-lines/`, whose README describes the form): each gives exactly the findings
//! that are written down for it, at these places, with these hints.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use seatkeeper::ident::VendorName;
use seatkeeper::license::{HostId, LicenseFile, Statement, finding};
use seatkeeper::lint::{self, EXPIRES_SOON_DAYS, Project};
use seatkeeper::sign::{Manifest, SigningKey};
use seatkeeper::text::{Diagnostic, Source};
use seatkeeper::time::CivilDate;

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

/// A line of a text with what can't be seen.
fn unescaped(line: &str, place: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once('⟪') {
        bytes.extend(before.bytes());
        let (digits, behind) = behind.split_once('⟫').unwrap_or_else(|| panic!("{place}: ⟪ is not closed"));
        if digits == "eof" {
            return bytes;
        }
        let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        bytes.extend(pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()));
        rest = behind;
    }
    bytes.extend(rest.bytes());
    bytes.push(b'\n');
    bytes
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
fn linted(entry: &Entry) -> Vec<String> {
    let key = SigningKey::generate_ed25519(VendorName::parse("acmed").unwrap(), [7; 32]);
    let manifest = Manifest::new(key.vendor().clone(), vec![key.verifying_key()]);
    let manifests = BTreeMap::from([(key.vendor().clone(), manifest)]);
    let files: Vec<LicenseFile> = entry
        .files
        .iter()
        .map(|(name, bytes)| LicenseFile::parse(Source::new(name, signed(bytes, &key).as_bytes())))
        .collect();
    let project = Project {
        files: &files,
        manifests: &manifests,
        machine: Some(&[HostId::parse("0011aabbccdd").unwrap()]),
        today: CivilDate::new(2026, 6, 15).unwrap(),
        soon_days: EXPIRES_SOON_DAYS,
        foreign: false,
    };
    let found = lint::check(&project);
    found.iter().map(|found| shown(&found.diagnostic, &files[found.file].source, entry)).collect()
}

/// The text with good signatures in the place of `SIGN=...`.
fn signed(bytes: &[u8], key: &SigningKey) -> String {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let file = LicenseFile::parse(Source::new("unsigned", bytes));
    let hostids: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
    let mut signed = text.clone();
    let unsigned = |statement: &Statement<'_>| statement.sign() == Some("...");
    let mut statements: Vec<_> = file.statements().map(|(_, statement)| statement).filter(unsigned).collect();
    statements.sort_by_key(|statement| std::cmp::Reverse(statement.span().start));
    for statement in statements {
        let sign = key.sign(&statement.canonical(&hostids).unwrap());
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
    for name in tables() {
        for entry in table(&name) {
            count += 1;
            let title = entry.title.split_once(": ").unwrap().1.to_owned();
            assert!(titles.insert(title), "{}: stands twice", entry.title);
            let found = if name == SERVER_WIDE { linted(&entry) } else { parsed(&entry) };
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

#[test]
fn every_finding_of_the_parser_stands_in_the_tables() {
    let rows: Vec<String> =
        tables().iter().flat_map(|name| table(name)).flat_map(|entry| entry.rows).collect();
    let stands = |id: &str| rows.iter().any(|row| row.starts_with(id));
    let missing: Vec<&str> = finding::ALL.iter().map(|finding| finding.id).filter(|id| !stands(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
