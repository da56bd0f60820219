//! Options files, by themselves or beside the license files that they belong to (`flexnet-files.md` 5.9).

mod access;
mod cast;
mod file;
mod names;
mod numbers;
mod remarks;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::options_finding as finding;
use super::place::word;
use super::project::Found;
use crate::catalog::{Catalog, Granted};
use crate::ident::{FeatureName, VendorName};
use crate::license::{LicenseFile, PackageKind, Statement, VendorLine};
use crate::options::OptionsFile;
use crate::policy::{self, Policy};
use crate::sign::Manifest;
use crate::text::{Diagnostic, Span};
use cast::Cast;
use remarks::Remarks;

/// Timeouts below this are raised to it, as far as the publisher says nothing else; in seconds (`flexnet-files.md` 5.7, DECISION).
pub const TIMEOUT_MINIMUM_S: u32 = 900;

/// What a file shows only beside its license files is left out without them; of what the policy finds these stay.
const WITHOUT_LICENSES: [&str; 3] =
    [policy::finding::NO_SUCH_GROUP.id, policy::finding::MAX_BEHIND_ALL.id, policy::finding::NOT_ENFORCED.id];

/// An options file and the daemon that reads it.
#[derive(Debug, Clone)]
pub struct OptionsOf {
    /// The file.
    pub file: OptionsFile,
    /// The vendor; none if no VENDOR line leads to the file, or if there are no license files.
    pub vendor: Option<VendorName>,
}

/// Options files, and the license files of the server that reads them.
#[derive(Debug, Clone, Copy)]
pub struct OptionsProject<'a> {
    /// The options files.
    pub options: &'a [OptionsOf],
    /// The license files in the order of the license path; none if the options files are judged alone.
    pub licenses: &'a [LicenseFile],
    /// The manifests that are known: they say what pools are made of.
    pub manifests: &'a BTreeMap<VendorName, Manifest>,
}

/// Everything that is wrong or doubtful about the options files, what each has found in itself included: by file (index in
/// [`OptionsProject::options`]) and place, none twice. Signatures, machine and dates are taken for granted, as what is wrong with
/// them is the license files' matter. Takes time about in proportion to the text.
#[must_use]
pub fn check_options(project: &OptionsProject<'_>) -> Vec<Found> {
    let mut all = Vec::new();
    let mut read: BTreeMap<&VendorName, &OptionsFile> = BTreeMap::new();
    for (index, OptionsOf { file, vendor }) in project.options.iter().enumerate() {
        let mut remarks = Remarks::new(file);
        match vendor {
            None if !project.licenses.is_empty() => {
                let message =
                    "no VENDOR line of the license files leads to this file, so it is judged by itself";
                let help = "name it on the VENDOR line with OPTIONS=, or call it VENDOR.opt and put it beside the license file";
                remarks.add(&finding::NO_DAEMON, Span::default(), message.to_owned(), help);
            }
            None => {}
            Some(vendor) => {
                if let Some(first) = read.get(vendor) {
                    let message =
                        format!("the daemon of {vendor} reads {} and no other", first.source.name());
                    remarks.add(
                        &finding::SEVERAL_FILES,
                        Span::default(),
                        message,
                        "put all lines into one file",
                    );
                } else {
                    read.insert(vendor, file);
                }
            }
        }
        let cast = Cast::of(file);
        file::check(file, &cast, &mut remarks);
        let packages = vendor.as_ref().map(|vendor| packages(project.licenses, vendor)).unwrap_or_default();
        access::check(file, &cast, &packages, &mut remarks);
        names::check(file, &cast, vendor.is_none(), &mut remarks);
        numbers::check_alone(file, vendor.is_none(), &mut remarks);
        match vendor {
            Some(vendor) => with_licenses(project, file, vendor, &mut remarks),
            None => {
                let (_, found) = Policy::compile(file, &Catalog::default(), &[]);
                remarks.extend(found.into_iter().filter(|found| WITHOUT_LICENSES.contains(&found.id)));
            }
        }
        all.extend(remarks.finish().into_iter().map(|diagnostic| Found { file: index, diagnostic }));
    }
    all
}

/// The packages of a vendor whose names stand for their components, by component. A feature of the package's name that some
/// line without the package would serve is none of them, but enables the package; so the name means the components.
fn packages<'a>(licenses: &'a [LicenseFile], vendor: &VendorName) -> access::Packages<'a> {
    let mut packages = access::Packages::new();
    for (_, statement) in licenses.iter().flat_map(LicenseFile::statements) {
        let Statement::Package(line) = statement else { continue };
        if line.vendor != *vendor || line.kind != PackageKind::Bundle {
            continue;
        }
        for component in &line.components {
            let of: &mut Vec<&FeatureName> = packages.entry(&component.name).or_default();
            if component.name != line.name && !of.contains(&&line.name) {
                of.push(&line.name);
            }
        }
    }
    packages
}

fn with_licenses(
    project: &OptionsProject<'_>,
    file: &OptionsFile,
    vendor: &VendorName,
    remarks: &mut Remarks<'_>,
) {
    let unknown;
    let manifest = match project.manifests.get(vendor.as_str()) {
        Some(manifest) => manifest,
        None => {
            unknown = Manifest::new(vendor.clone(), Vec::new());
            &unknown
        }
    };
    let licenses: Vec<&LicenseFile> = project.licenses.iter().collect();
    let granted = Granted { signatures: true, machine: true };
    // Only civil dates are used, so the zone is of no account.
    let catalog = Catalog::build_granting(vendor, &licenses, manifest, &[], &TimeZone::UTC, granted);
    let (policy, found) = Policy::compile(file, &catalog, &licenses);
    remarks.extend(found);
    numbers::check_pools(file, &catalog, &policy, remarks);
    numbers::check_suites(file, vendor, project.licenses, remarks);
}

/// That the options file which a VENDOR line names can't be read, and why.
#[must_use]
pub fn options_missing(license: &LicenseFile, line: &VendorLine, why: &str) -> Diagnostic {
    let named = line.options.as_deref().unwrap_or_default();
    let message = format!("the options file {named} can't be read: {why}");
    let help =
        "a server goes on without it then, so that everybody may use everything; check the path".to_owned();
    Diagnostic { help: Some(help), ..finding::FILE_MISSING.at(word(license, line.span, 1), message) }
}

#[cfg(test)]
mod tests;
