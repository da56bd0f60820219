//! The examples of the explanations about options files.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::{Explanation, explanations};
use super::*;
use crate::text::{Severity, Source};

fn acmed() -> VendorName {
    VendorName::parse("acmed").unwrap()
}

fn check_texts(texts: &[&str], vendor: bool) -> Vec<(String, Diagnostic)> {
    let mut options = Vec::new();
    let mut licenses = Vec::new();
    for (text, letter) in texts.iter().zip('a'..) {
        if text.starts_with("SERVER") {
            licenses.push(LicenseFile::parse(Source::new(&format!("{letter}.lic"), text.as_bytes())));
        } else {
            options.push(OptionsFile::parse(Source::new(&format!("{letter}.opt"), text.as_bytes())));
        }
    }
    let with = vendor && !licenses.is_empty();
    let options: Vec<OptionsOf> =
        options.into_iter().map(|file| OptionsOf { file, vendor: with.then(acmed) }).collect();
    let manifests = BTreeMap::new();
    let project = OptionsProject { options: &options, licenses: &licenses, manifests: &manifests };
    let found = check_options(&project);
    let mut found: Vec<_> = found
        .into_iter()
        .map(|found| (found.diagnostic.line(&options[found.file].file.source), found.diagnostic))
        .collect();
    if options.is_empty() {
        for license in &licenses {
            let lines = license.vendors().filter(|line| line.options.is_some());
            let missing = lines.map(|line| options_missing(license, line, "there is no such file here"));
            found.extend(missing.map(|missing| (missing.line(&license.source), missing)));
        }
    }
    found
}

fn of_options() -> impl Iterator<Item = &'static Explanation> {
    explanations().filter(|explanation| explanation.id.starts_with('O'))
}

/// `(id, what its example always has beside it, why)`.
const BESIDE: [(&str, &str, &str); 2] = [
    ("O0104", "O0403", "no name may contain a no-break space"),
    ("O1003", "O0405", "a user with a domain is the commonest reason"),
];

#[test]
fn every_example_shows_its_finding_and_beside_it_notes_alone() {
    let mut wrong = String::new();
    for explanation in of_options().filter(|explanation| !explanation.example.is_empty()) {
        let found = check_texts(explanation.example, explanation.id != "O0903");
        let beside = |id: &str| BESIDE.iter().any(|(of, beside, _)| *of == explanation.id && *beside == id);
        let alone = found.iter().all(|(_, found)| {
            found.id == explanation.id || found.severity == Severity::Note || beside(found.id)
        });
        if !alone || !found.iter().any(|(_, found)| found.id == explanation.id) {
            writeln!(wrong, "{}: {found:#?}", explanation.id).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_mended_example_is_sound() {
    let mut wrong = String::new();
    for explanation in of_options() {
        let found = check_texts(explanation.mended, true);
        if found.iter().any(|(_, found)| found.id == explanation.id || found.severity > Severity::Note) {
            writeln!(wrong, "{}: {found:#?}", explanation.id).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
