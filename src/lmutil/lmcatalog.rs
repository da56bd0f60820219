//! `lmcatalog`: what a server would serve from license files, and what becomes of each line.

mod human;
mod json;

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::catalogs::{VENDORS_MAX, VendorKeys, vendors};
use super::inputs::ReadLicenses;
use crate::catalog::{Catalog, Granted, Pool};
use crate::ident::VendorName;
use crate::license::{HostId, LicenseFile, LineKind, Standing, Statement};
use crate::text::Severity;
use crate::time::Timestamp;

/// What the files are judged by.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where vendor manifests may be, besides the program's own directory.
    pub vendor_dirs: Vec<PathBuf>,
    /// The hostids of the machine.
    pub machine: Vec<HostId>,
    /// The zone in which days begin and end.
    pub zone: TimeZone,
    /// The instant whose licenses are counted.
    pub at: Timestamp,
    /// Whether all lines count as signed.
    pub unsigned: bool,
}

/// What would be served.
#[derive(Debug)]
pub struct Shown<'a> {
    wanted: &'a Wanted,
    files: &'a [LicenseFile],
    vendors: Vec<VendorShown>,
    /// Lines that belong to no vendor's catalog and can't be used.
    skipped: Vec<Skipped>,
    /// What kept files, manifests or vendors from being judged, one text each.
    pub problems: Vec<String>,
}

/// One vendor daemon.
#[derive(Debug)]
struct VendorShown {
    name: VendorName,
    signatures: Signatures,
    catalog: Catalog,
    notes: Vec<String>,
}

/// What was done about the signatures of a vendor's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signatures {
    /// They were checked with the vendor's keys.
    Checked,
    /// They could not be checked, so no line counts.
    NoKeys,
    /// All lines count as signed, as was asked for.
    Assumed,
}

/// A line that nobody uses.
#[derive(Debug)]
struct Skipped {
    /// The file's name.
    file: String,
    /// The number of its physical line.
    line: usize,
    why: String,
}

/// How many licenses of a pool are in which state at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts {
    valid: u64,
    not_yet: u64,
    expired: u64,
}

/// Judges the files as those of one server, in their order.
#[must_use]
pub fn judge<'a>(read: &'a ReadLicenses, wanted: &'a Wanted) -> Shown<'a> {
    let files = &read.files;
    let mut problems: Vec<String> =
        read.unreadable.iter().map(|(path, error)| format!("{}: {error}", path.display())).collect();
    let (named, count) = vendors(files);
    if count > named.len() {
        problems.push(format!("the files name {count} vendors; only the first {VENDORS_MAX} are judged"));
    }
    let mut told = BTreeSet::new();
    let vendors = named
        .iter()
        .map(|vendor| {
            let keys = VendorKeys::find(&vendor.name, &wanted.vendor_dirs).unwrap_or_else(|error| {
                problems.push(error.to_string());
                VendorKeys::unknown(&vendor.name)
            });
            // Only clients read the lines of a vendor that has no daemon, and only from files without a server.
            let (served, indices): (Vec<&LicenseFile>, Vec<usize>) = vendor
                .files
                .iter()
                .zip(&vendor.indices)
                .filter(|(file, _)| vendor.has_daemon || file.standing() == Standing::Serverless)
                .unzip();
            let granted = Granted { signatures: wanted.unsigned, machine: false };
            let catalog = Catalog::build_granting(
                &vendor.name,
                &served,
                &keys.manifest,
                &wanted.machine,
                &wanted.zone,
                granted,
            );
            told.extend(
                catalog
                    .verdicts()
                    .iter()
                    .filter_map(|line| Some((*indices.get(line.place.file)?, line.place.line))),
            );
            let signatures = match (wanted.unsigned, keys.known) {
                (true, _) => Signatures::Assumed,
                (false, true) => Signatures::Checked,
                (false, false) => Signatures::NoKeys,
            };
            let notes = notes(&vendor.name, vendor.has_daemon, signatures, &vendor.files);
            VendorShown { name: vendor.name.clone(), signatures, catalog, notes }
        })
        .collect();
    Shown { wanted, files, vendors, skipped: skipped(files, &told), problems }
}

fn notes(
    vendor: &VendorName,
    has_daemon: bool,
    signatures: Signatures,
    files: &[&LicenseFile],
) -> Vec<String> {
    let mut notes = Vec::new();
    match signatures {
        Signatures::Checked => {}
        Signatures::NoKeys => notes.push(format!(
            "no key of vendor {vendor} is known here ({vendor}.vendor.toml was not found), so no signature can be \
             checked and no line counts. --vendor-dir says where the manifest is; --unsigned shows what there would \
             be if all signatures were good"
        )),
        Signatures::Assumed => notes.push(
            "NOT WHAT A SERVER SERVES: with --unsigned all lines count as signed, whatever their SIGN says"
                .to_owned(),
        ),
    }
    if !has_daemon && files.iter().any(|file| file.standing() != Standing::Serverless) {
        notes.push(format!("no VENDOR line names {vendor}: lmgrd starts no vendor daemon for these lines"));
    }
    notes
}

/// Lines that no vendor's catalog tells of: damaged ones, those of unknown kinds, text without a keyword, and lines of a
/// vendor that has no daemon.
fn skipped(files: &[LicenseFile], told: &BTreeSet<(usize, usize)>) -> Vec<Skipped> {
    let mut found = Vec::new();
    for (index, file) in files.iter().enumerate() {
        for (number, line) in file.lines.iter().enumerate() {
            if told.contains(&(index, number)) {
                continue;
            }
            let why = match (&line.kind, Statement::of(&line.kind)) {
                (_, Some(statement)) => {
                    format!("no VENDOR line names {}, so no vendor daemon reads it", statement.vendor())
                }
                (LineKind::Invalid | LineKind::Prose | LineKind::Unserved(_), None) => file
                    .diagnostics_of(line)
                    .max_by_key(|found| found.severity == Severity::Error)
                    .map_or_else(|| "it is not used".to_owned(), |found| found.message.clone()),
                _ => continue,
            };
            let line = file.source.place(line.span.start).line;
            found.push(Skipped { file: file.source.name().to_owned(), line, why });
        }
    }
    found
}

impl Shown<'_> {
    /// For people, or as one JSON object.
    #[must_use]
    pub fn show(&self, as_json: bool) -> String {
        if as_json { json::show(self) } else { human::show(self) }
    }

    /// The exit status: 0 if every line is applied, 1 if some line is not or something could not be read, 2 if nothing
    /// is served.
    #[must_use]
    pub fn status(&self) -> u8 {
        let mut lines = self.vendors.iter().flat_map(|vendor| vendor.catalog.verdicts());
        if self.vendors.iter().all(|vendor| vendor.catalog.is_empty()) {
            2
        } else if lines.any(|line| !line.verdict.is_applied())
            || !self.skipped.is_empty()
            || !self.problems.is_empty()
        {
            1
        } else {
            0
        }
    }
}

impl Counts {
    fn of(pool: &Pool, at: Timestamp) -> Self {
        use crate::catalog::Period;
        let sum = |period| {
            pool.lots.iter().filter(|lot| lot.period_at(at) == period).map(|lot| u64::from(lot.count)).sum()
        };
        Self { valid: sum(Period::Within), not_yet: sum(Period::Before), expired: sum(Period::After) }
    }
}
