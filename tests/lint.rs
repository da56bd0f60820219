//! The lint over whole files: our own, the public ones of `fixtures/licenses`, which are read in place, and long ones.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::indexing_slicing)]

#[path = "support/fixtures.rs"]
mod fixtures;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fixtures::fixtures;
use seatkeeper::ident::VendorName;
use seatkeeper::license::{HostId, LicenseFile};
use seatkeeper::lint::{EXPIRES_SOON_DAYS, Found, OptionsOf, OptionsProject, Project, check, check_options};
use seatkeeper::options::OptionsFile;
use seatkeeper::sign::Manifest;
use seatkeeper::text::{Severity, Source};
use seatkeeper::time::CivilDate;

fn lint(files: &[LicenseFile], manifests: &BTreeMap<VendorName, Manifest>, foreign: bool) -> Vec<Found> {
    let machine = [HostId::parse("0011aabbccdd").unwrap()];
    check(&Project {
        files,
        manifests,
        machine: if foreign { None } else { Some(&machine) },
        today: CivilDate::parse("15-jun-2026").unwrap(),
        soon_days: EXPIRES_SOON_DAYS,
        foreign,
    })
}

fn read(path: &Path) -> LicenseFile {
    let name = path.file_name().unwrap().to_string_lossy();
    LicenseFile::parse(Source::new(&name, &std::fs::read(path).unwrap()))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "lic"))
        .collect();
    paths.sort();
    assert!(paths.len() > 1, "{} has no license files", folder.display());
    paths
}

fn shown(files: &[LicenseFile], found: &[Found]) -> String {
    found.iter().map(|found| found.diagnostic.line(&files[found.file].source) + "\n").collect()
}

/// What is an error in a public file is one by itself; all lines together make none.
#[test]
fn no_sound_line_of_a_public_file_is_an_error() {
    let Some(folder) = fixtures("licenses") else { return };
    for path in files(&folder) {
        let file = [read(&path)];
        let found = lint(&file, &BTreeMap::new(), true);
        let errors = || found.iter().filter(|found| found.diagnostic.severity == Severity::Error);
        let known = matches!(file[0].source.name(), "suwanny-bad.lic" | "kosmasgiannis-example.lic");
        assert_eq!(errors().next().is_some(), known, "{}", shown(&file, &found));
        assert!(errors().all(|found| *found.diagnostic.id < *"L08"), "{}", shown(&file, &found));
    }
}

/// Our smallest files have nothing worse than a note. The demo license shows an expired line and others of that kind on
/// purpose, but nothing in it is an error. The rest has every form that can be read; not all of them are served, and some stand
/// in each other's way, but none is an error either.
#[test]
fn own_sound_files_are_clean() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let demo = BTreeMap::from([(VendorName::parse("LGS").unwrap(), Manifest::demo())]);
    for (path, expected) in [
        ("license/good/smallest.lic", Severity::Note),
        ("license/good/serverless.lic", Severity::Note),
        ("svr_lgs.lic", Severity::Warning),
    ] {
        let file = [read(&folder.join(path))];
        let found = lint(&file, &demo, false);
        let worst = found.iter().map(|found| found.diagnostic.severity).max();
        assert!(worst <= Some(expected), "{}", shown(&file, &found));
    }
    for path in files(&folder.join("license/good")) {
        let file = [read(&path)];
        let found = lint(&file, &BTreeMap::new(), true);
        let error = found.iter().any(|found| found.diagnostic.severity == Severity::Error);
        assert!(!error, "{}", shown(&file, &found));
    }
}

/// The text of a line from its number.
type Line = fn(usize) -> String;

/// Time in proportion to the text, whatever the lines say of each other. The deadline is generous; what grows with the
/// square of the lines misses it by far.
#[test]
fn long_files_are_checked_in_time() {
    const LINES: usize = 20_000;
    let kinds: [(&str, Line); 9] = [
        ("one pool", |n| format!("INCREMENT fx acmed 1.0 31-dec-{} 1 SN={n}", 2026 + n % 900)),
        ("pools of one feature", |n| {
            format!("INCREMENT fx acmed {}.{} permanent 1 sort={}", n / 100, n % 100, n % 256)
        }),
        ("keys of one version", |n| format!("INCREMENT fx acmed 1.0 permanent 1 HOSTID=ID={n} sort=7")),
        ("copies", |_| "INCREMENT fx acmed 1.0 permanent 1".to_owned()),
        ("upgrades without base", |n| format!("UPGRADE f{n} acmed 1.0 2.0 permanent 1")),
        ("packages without feature", |n| format!("PACKAGE p{n} acmed 1.0 COMPONENTS=\"c{n} d{n}\"")),
        ("lists", |n| {
            format!(
                "INCREMENT f{n} acmed 1.0 permanent 1 ISSUED=1-jan-2026 SUPERSEDE=\"g{n} h{n} f{}\"",
                n / 2
            )
        }),
        ("vendors", |n| format!("INCREMENT fx v{n} 1.0 permanent 1")),
        ("vendors of both kinds", |n| {
            format!("VENDOR w{n:05}{n:05}\nINCREMENT fx v{n:05}{n:05} 1.0 permanent 1")
        }),
    ];
    for (what, line) in kinds {
        let mut text = "SERVER srv 0011aabbccdd 27000\nVENDOR acmed\n".to_owned();
        for number in 0..LINES {
            writeln!(text, "{} SIGN=0", line(number)).unwrap();
        }
        let begin = Instant::now();
        let file = [LicenseFile::parse(Source::new("long.lic", text.as_bytes()))];
        let found = lint(&file, &BTreeMap::new(), true);
        assert!(begin.elapsed() < Duration::from_secs(60), "{what}: {:?}", begin.elapsed());
        assert!(found.len() <= 3 * LINES, "{what}: {} findings", found.len());
    }
}

/// A line with ever so many names has each of its findings placed without reading the line again.
#[test]
fn long_options_lines_are_checked_in_time() {
    const NAMES: usize = 20_000;
    let kinds: [(&str, &str, Line); 3] = [
        ("more names than a line takes", "EXCLUDE fx USER", |n| format!("u{n}")),
        ("addresses as users", "GROUP g", |n| format!("10.0.{}.{}", n / 250, n % 250)),
        ("two spellings", "GROUP g", |n| if n % 2 == 0 { format!("u{n}") } else { format!("U{}", n - 1) }),
    ];
    for (what, head, name) in kinds {
        let names: Vec<String> = (0..NAMES).map(name).collect();
        let text = format!("{head} {}\n", names.join(" "));
        let begin = Instant::now();
        let file = OptionsFile::parse(Source::new("LGS.opt", text.as_bytes()));
        let options = [OptionsOf { file, vendor: None }];
        let manifests = BTreeMap::new();
        let found =
            check_options(&OptionsProject { options: &options, licenses: &[], manifests: &manifests });
        assert!(begin.elapsed() < Duration::from_secs(60), "{what}: {:?}", begin.elapsed());
        assert!(!found.is_empty(), "{what}");
    }
}
