//! Damaged and treacherous options files (`testdata/damaged-options/`, whose README describes the form): each gives exactly the
//! findings that are written down for it, at these places, with these hints.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/unescaped.rs"]
mod unescaped;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use seatkeeper::ident::VendorName;
use seatkeeper::license::LicenseFile;
use seatkeeper::lint::{OptionsOf, OptionsProject, check_options, options_finding, options_missing};
use seatkeeper::options::{self, OptionsFile};
use seatkeeper::policy;
use seatkeeper::text::{Diagnostic, Source};
use unescaped::unescaped;

struct Entry {
    title: String,
    /// Name and bytes of its files.
    files: Vec<(String, Vec<u8>)>,
    rows: Vec<String>,
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/damaged-options")
}

/// All entries of all tables.
fn entries() -> Vec<Entry> {
    let files = std::fs::read_dir(directory()).unwrap().map(|file| file.unwrap().file_name());
    let mut names: Vec<String> = files.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".txt"));
    names.sort();
    let mut entries: Vec<Entry> = Vec::new();
    for name in names {
        for (number, line) in std::fs::read_to_string(directory().join(&name)).unwrap().lines().enumerate() {
            let place = format!("{name}:{}", number + 1);
            if let Some(title) = line.strip_prefix("== ") {
                entries.push(Entry {
                    title: format!("{place}: {title}"),
                    files: Vec::new(),
                    rows: Vec::new(),
                });
            } else if let Some(next) = line.strip_prefix("| --- ") {
                entries.last_mut().unwrap().files.push((next.to_owned(), Vec::new()));
            } else if let Some(text) = line.strip_prefix('|') {
                let files = &mut entries.last_mut().unwrap().files;
                if files.is_empty() {
                    files.push(("a.opt".to_owned(), Vec::new()));
                }
                files.last_mut().unwrap().1.extend(unescaped(text.strip_prefix(' ').unwrap_or(text), &place));
            } else if let Some(row) = line.strip_prefix("> ") {
                entries.last_mut().unwrap().rows.push(row.to_owned());
            } else {
                assert!(line.is_empty() || line.starts_with('#'), "{place}: {line}");
            }
        }
    }
    entries
}

/// A finding as a row has it, with the whole hint.
fn shown(found: &Diagnostic, source: &Source) -> String {
    let file = if source.name() == "a.opt" { String::new() } else { format!("{}:", source.name()) };
    let place = source.place(found.span.start);
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

fn found(entry: &Entry) -> Vec<String> {
    let source = |(name, bytes): &(String, Vec<u8>)| Source::new(name, bytes);
    let (options, licenses): (Vec<_>, Vec<_>) =
        entry.files.iter().partition(|(name, _)| name.ends_with(".opt"));
    let licenses: Vec<LicenseFile> =
        licenses.into_iter().map(|file| LicenseFile::parse(source(file))).collect();
    if entry.title.ends_with("(missing)") {
        let missing = options_missing(&licenses[0], licenses[0].vendors().next().unwrap(), "not there");
        return vec![shown(&missing, &licenses[0].source)];
    }
    let read = !licenses.is_empty() && !entry.title.ends_with("(nobody reads it)");
    let vendor = read.then(|| VendorName::parse("acmed").unwrap());
    let options: Vec<OptionsOf> = options
        .into_iter()
        .map(|file| OptionsOf { file: OptionsFile::parse(source(file)), vendor: vendor.clone() })
        .collect();
    for (of, (_, bytes)) in options.iter().zip(&entry.files) {
        assert_eq!(of.file.print(), *bytes, "{}", entry.title);
    }
    let manifests = BTreeMap::new();
    let project = OptionsProject { options: &options, licenses: &licenses, manifests: &manifests };
    let found = check_options(&project);
    found.iter().map(|found| shown(&found.diagnostic, &options[found.file].file.source)).collect()
}

#[test]
fn every_damaged_file_is_reported_as_it_is_written_down() {
    let mut wrong = String::new();
    let mut titles = BTreeSet::new();
    let entries = entries();
    for entry in &entries {
        let title = entry.title.split_once(": ").unwrap().1.to_owned();
        assert!(titles.insert(title), "{}: stands twice", entry.title);
        let found = found(entry);
        let same = found.len() == entry.rows.len()
            && entry.rows.iter().zip(&found).all(|(row, found)| fits(row, found));
        if !same || found.is_empty() {
            let found: String = found.iter().map(|found| format!("> {found}\n")).collect();
            let _ = writeln!(wrong, "{}\n{found}", entry.title);
        }
    }
    assert!(wrong.is_empty(), "found in these entries:\n{wrong}");
    assert!(entries.len() >= 150, "{} entries", entries.len());
}

#[test]
fn every_finding_of_options_files_stands_in_the_tables() {
    let rows: Vec<String> = entries().into_iter().flat_map(|entry| entry.rows).collect();
    let all = options::finding::ALL.iter().chain(policy::finding::ALL).chain(options_finding::ALL);
    let missing: Vec<&str> =
        all.map(|row| row.id).filter(|id| !rows.iter().any(|row| row.starts_with(id))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
