//! What the catalog makes of the lines of one vendor, and how to find its lines again.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::project::Project;
use crate::catalog::{Catalog, Granted, LinePlace, RefusedReason, Verdict};
use crate::ident::VendorName;
use crate::license::{LicenseFile, Line, Statement};
use crate::sign::Manifest;

/// The lines of so many vendors are judged against each other; a server of more is not known. Each takes a look at all lines.
pub(super) const VENDORS_MAX: usize = 50;

/// A statement and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed<'a> {
    /// Index of its file.
    pub(super) index: usize,
    pub(super) file: &'a LicenseFile,
    /// Index of its line.
    pub(super) line: usize,
    pub(super) statement: Statement<'a>,
}

/// One vendor's lines.
pub(super) struct Judged<'a> {
    /// Signatures and machine taken for granted: they are looked at by themselves, and what is wrong with them must not
    /// hide anything else.
    pub(super) catalog: Catalog,
    /// All statements in order, by name. PACKAGE lines are apart from the others, as SUPERSEDE takes them.
    pub(super) licenses: BTreeMap<&'a str, Vec<Placed<'a>>>,
    pub(super) packages: BTreeMap<&'a str, Vec<Placed<'a>>>,
    /// Where lines stand that can't be read, by the name that they seem to have.
    pub(super) damaged: BTreeMap<String, LinePlace>,
}

/// The vendors in the order of their first lines, and the first line of one that is too many.
pub(super) fn judge<'a>(project: &Project<'a>) -> (Vec<Judged<'a>>, Option<Placed<'a>>) {
    let mut by_vendor: BTreeMap<&VendorName, Vec<Placed<'a>>> = BTreeMap::new();
    let mut order = Vec::new();
    let mut surplus = None;
    for (index, file) in project.files.iter().enumerate() {
        for (line, Line { kind, .. }) in file.lines.iter().enumerate() {
            let Some(statement) = Statement::of(kind) else { continue };
            let placed = Placed { index, file, line, statement };
            if let Some(lines) = by_vendor.get_mut(statement.vendor()) {
                lines.push(placed);
            } else if order.len() < VENDORS_MAX {
                order.push(statement.vendor());
                by_vendor.insert(statement.vendor(), vec![placed]);
            } else {
                surplus = surplus.or(Some(placed));
            }
        }
    }
    let files: Vec<&LicenseFile> = project.files.iter().collect();
    let granted = Granted { signatures: true, machine: true };
    let judged = order.into_iter().map(|vendor| {
        let unknown;
        let manifest = match project.manifests.get(vendor.as_str()) {
            Some(manifest) => manifest,
            None => {
                unknown = Manifest::new(vendor.clone(), Vec::new());
                &unknown
            }
        };
        // Only civil dates are used, so the zone is of no account.
        let catalog = Catalog::build_granting(vendor, &files, manifest, &[], &TimeZone::UTC, granted);
        let mut damaged = BTreeMap::new();
        for line in catalog.verdicts().iter().filter(|line| line.keyword != "PACKAGE") {
            if matches!(line.verdict, Verdict::Refused { reason: RefusedReason::Unreadable, .. }) {
                damaged.entry(line.subject.clone()).or_insert_with(|| line.place.clone());
            }
        }
        let mut judged = Judged { catalog, licenses: BTreeMap::new(), packages: BTreeMap::new(), damaged };
        for placed in by_vendor.remove(vendor).unwrap_or_default() {
            let of_kind = match placed.statement {
                Statement::Package(_) => &mut judged.packages,
                Statement::Feature(_) | Statement::Upgrade(_) => &mut judged.licenses,
            };
            of_kind.entry(placed.statement.name().as_str()).or_default().push(placed);
        }
        judged
    });
    (judged.collect(), surplus)
}

/// The statement at a place of the catalog.
pub(super) fn placed<'a>(project: &Project<'a>, place: &LinePlace) -> Option<Placed<'a>> {
    let file = project.files.get(place.file)?;
    let Line { kind, .. } = file.lines.get(place.line)?;
    let statement = Statement::of(kind)?;
    Some(Placed { index: place.file, file, line: place.line, statement })
}
