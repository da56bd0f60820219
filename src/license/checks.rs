//! What only the whole file shows: the number of SERVER lines, and vendors without a VENDOR line.

use std::collections::{BTreeMap, BTreeSet};

use super::feature::LicenseCount;
use super::file::{LicenseFile, Standing};
use super::finding;
use crate::text::{Diagnostic, Suggestions};

/// Most comparisons of names for suggestions in one file.
const COMPARISONS_MAX: usize = 100_000;

pub(super) fn check(file: &mut LicenseFile) {
    let mut found = Vec::new();
    let standing = file.standing();
    check_triad_words(file, standing, &mut found);
    match standing {
        Standing::Serverless => check_serverless(file, &mut found),
        Standing::Single => check_vendors(file, &mut found),
        Standing::Triad => {
            check_vendors(file, &mut found);
            if let Some(first) = file.servers().next() {
                let diagnostic = finding::TRIAD.at(first.span, "three servers as one are not served yet");
                found.push(with_help(diagnostic, "until then a file with one SERVER line is served"));
            }
        }
        Standing::Rejected => check_rejected(file, &mut found),
    }
    file.diagnostics.append(&mut found);
}

fn with_help(diagnostic: Diagnostic, help: &str) -> Diagnostic {
    Diagnostic { help: Some(help.to_owned()), ..diagnostic }
}

/// What only the first of three SERVER lines has a use for (`flexnet-files.md` 1.2).
fn check_triad_words(file: &LicenseFile, standing: Standing, found: &mut Vec<Diagnostic>) {
    let used = usize::from(standing == Standing::Triad);
    for server in file.servers().skip(used) {
        let words = [
            ("PRIMARY_IS_MASTER", server.primary_is_master),
            ("HEARTBEAT_INTERVAL", server.heartbeat_interval_s.is_some()),
        ];
        for (word, _) in words.into_iter().filter(|(_, written)| *written) {
            let message = format!("{word} has an effect on the first of three SERVER lines only");
            let diagnostic = finding::TRIAD_WORD.at(server.span, message);
            found.push(with_help(diagnostic, "it may stay, or be removed"));
        }
    }
}

/// Counted lines need a server (`flexnet-files.md` 1.2): one diagnostic for all of them.
fn check_serverless(file: &LicenseFile, found: &mut Vec<Diagnostic>) {
    let mut counted = file.features().filter(|line| matches!(line.count, LicenseCount::Counted(_)));
    let Some(first) = counted.next() else { return };
    let number = 1 + counted.count();
    let message = match number {
        1 => "no SERVER line, but one counted line that needs one".to_owned(),
        _ => format!("no SERVER line, but {number} counted lines that need one"),
    };
    let diagnostic = finding::NO_SERVER.at(first.span, message);
    found.push(with_help(diagnostic, "add SERVER host hostid [port] at the top"));
}

fn check_rejected(file: &LicenseFile, found: &mut Vec<Diagnostic>) {
    let number = file.servers().count();
    if number == 3 {
        for server in file.servers().filter(|server| server.port.is_none()) {
            let message = "each of three SERVER lines needs a port; the file is not served";
            let diagnostic = finding::TRIAD_PORT.at(server.span, message);
            found.push(with_help(diagnostic, "write the port behind the hostid"));
        }
    } else if let Some(second) = file.servers().nth(1) {
        let message = format!("{number} SERVER lines; a file has one or three and is not served otherwise");
        let diagnostic = finding::SERVER_COUNT.at(second.span, message);
        found.push(with_help(diagnostic, "put the licenses of each server into a file of its own"));
    }
}

/// One warning for each vendor without a VENDOR line, at its first line.
fn check_vendors(file: &LicenseFile, found: &mut Vec<Diagnostic>) {
    let named: BTreeSet<&str> = file.vendors().map(|vendor| vendor.name.as_str()).collect();
    let mut unnamed = BTreeMap::new();
    for (_, statement) in file.statements() {
        let vendor = statement.vendor().as_str();
        if !named.contains(vendor) {
            unnamed.entry(vendor).or_insert(statement.span());
        }
    }
    let mut suggestions = Suggestions::new(COMPARISONS_MAX);
    for (vendor, span) in unnamed {
        let mut diagnostic =
            finding::VENDOR_UNNAMED.at(span, format!("no VENDOR line of this file names {vendor}"));
        diagnostic.help = Some(match suggestions.nearest(vendor, named.iter().copied()) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("add VENDOR {vendor}"),
        });
        found.push(diagnostic);
    }
}
