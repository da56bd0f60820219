//! `lmdiff`: what changed between license files in meaning.
//!
//! Each side becomes a catalog for each vendor, as on the machine that its files are for, and the catalogs are compared.
//! SERVER and VENDOR lines are compared apart, and so are lines that this version can't serve: another server may.

mod hosts;
mod human;
mod json;
mod unserved;

use std::path::PathBuf;

use jiff::tz::TimeZone;

use hosts::HostChange;
use unserved::LineChange;

use super::catalogs::{VENDORS_MAX, VendorFiles, VendorKeys, vendors};
use super::inputs::ReadLicenses;
use crate::catalog::{Catalog, Difference, Granted, difference};
use crate::ident::VendorName;
use crate::license::LicenseFile;

/// How the sides are judged.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where vendor manifests may be, besides the program's own directory.
    pub vendor_dirs: Vec<PathBuf>,
    /// The zone in which days begin and end.
    pub zone: TimeZone,
    /// Whether signatures are left aside for all vendors.
    pub unsigned: bool,
}

/// What changed.
#[derive(Debug)]
pub struct Compared {
    old: Vec<String>,
    new: Vec<String>,
    hosts: Vec<HostChange>,
    vendors: Vec<VendorCompared>,
}

/// One vendor on both sides.
#[derive(Debug)]
struct VendorCompared {
    name: VendorName,
    /// Whether signatures count.
    checked: bool,
    difference: Difference,
    /// Lines that can't be served here and differ.
    lines: Vec<LineChange>,
    /// What is no difference, but worth knowing.
    notes: Vec<String>,
}

/// Compares two sets of license files.
///
/// # Errors
/// What kept a file or a manifest from being read: then nothing can be said.
pub fn compare(old: &ReadLicenses, new: &ReadLicenses, wanted: &Wanted) -> Result<Compared, Vec<String>> {
    let unreadable = old.unreadable.iter().chain(&new.unreadable);
    let mut problems: Vec<String> =
        unreadable.map(|(path, error)| format!("{}: {error}", path.display())).collect();
    let ((old_vendors, old_count), (new_vendors, new_count)) = (vendors(&old.files), vendors(&new.files));
    if old_count.max(new_count) > VENDORS_MAX {
        problems.push(format!("the files name more than {VENDORS_MAX} vendors"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut compared = Vec::new();
    let added = new_vendors.iter().filter(|new| !old_vendors.iter().any(|old| old.name == new.name));
    for name in old_vendors.iter().chain(added).map(|vendor| &vendor.name) {
        match VendorKeys::find(name, &wanted.vendor_dirs) {
            Ok(keys) => compared.push(vendor(
                name,
                &files_of(&old_vendors, name),
                &files_of(&new_vendors, name),
                &keys,
                wanted,
            )),
            Err(error) => problems.push(error.to_string()),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let names = |files: &[LicenseFile]| files.iter().map(|file| file.source.name().to_owned()).collect();
    Ok(Compared {
        old: names(&old.files),
        new: names(&new.files),
        hosts: hosts::changes(&old.files, &new.files),
        vendors: compared,
    })
}

fn files_of<'a>(vendors: &[VendorFiles<'a>], name: &VendorName) -> Vec<&'a LicenseFile> {
    let found = vendors.iter().find(|vendor| vendor.name == *name);
    found.map(|vendor| vendor.files.clone()).unwrap_or_default()
}

fn vendor(
    name: &VendorName,
    old: &[&LicenseFile],
    new: &[&LicenseFile],
    keys: &VendorKeys,
    wanted: &Wanted,
) -> VendorCompared {
    let checked = keys.known && !wanted.unsigned;
    let granted = Granted { signatures: !checked, machine: true };
    let build = |files: &[&LicenseFile]| {
        Catalog::build_granting(name, files, &keys.manifest, &[], &wanted.zone, granted)
    };
    let (old_catalog, new_catalog) = (build(old), build(new));
    let mut difference = difference(&old_catalog, &new_catalog);
    let lines = unserved::changes((old, &old_catalog), (new, &new_catalog));
    difference.idle.retain(|line| !lines.iter().any(|change| change.new.as_ref() == Some(&line.place)));
    let mut notes = Vec::new();
    if !checked {
        notes.push(if keys.known {
            "signatures are left aside".to_owned()
        } else {
            format!("no key of vendor {name} is known here, so signatures are left aside")
        });
    }
    match signed_again(&old_catalog, &new_catalog) {
        0 => {}
        1 => notes.push("1 line was signed again".to_owned()),
        count => notes.push(format!("{count} lines were signed again")),
    }
    VendorCompared { name: name.clone(), checked, difference, lines, notes }
}

/// How many lines say the same with another signature.
fn signed_again(old: &Catalog, new: &Catalog) -> usize {
    let pools = new.features().flat_map(|name| new.pools(name.as_str()));
    let mut digests: Vec<_> =
        pools.flat_map(|pool| &pool.lots).flat_map(|lot| lot.lines.iter().copied()).collect();
    digests.sort();
    digests.dedup();
    let sign = |catalog: &Catalog, digest| -> Option<String> {
        // Wrapping is none of its business.
        catalog.signed_line(digest).map(|line| line.sign.split_whitespace().collect())
    };
    digests
        .iter()
        .filter(|digest| sign(old, digest).is_some_and(|before| sign(new, digest) != Some(before)))
        .count()
}

impl Compared {
    /// Whether both sides mean the same.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.hosts.is_empty()
            && self.vendors.iter().all(|vendor| vendor.difference.is_empty() && vendor.lines.is_empty())
    }

    /// For people, or as one JSON object.
    #[must_use]
    pub fn show(&self, as_json: bool) -> String {
        if as_json { json::show(self) } else { human::show(self) }
    }
}
