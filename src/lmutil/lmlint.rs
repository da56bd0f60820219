//! `lmlint`: what is wrong or doubtful about the license and options files of one server, for people and for programs.
//!
//! The judgement is the lint room's; here it is given what it must know, and its findings are shown.

mod explain;
mod human;
mod json;
mod options;
mod sarif;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

pub use explain::{UnknownId, explained, list};
pub(super) use json::finding as finding_as_json;
pub(super) use options::is_read;
pub use options::{options_files, options_findings, options_places};

use super::inputs::{ReadFiles, ReadLicenses, manifest_of};
use crate::ident::VendorName;
use crate::license::{HostId, LicenseFile};
use crate::lint::{self, Found, OptionsProject, Project};
use crate::sign::Manifest;
use crate::text::{Finding, Severity, Source, counted};
use crate::time::CivilDate;

/// How findings are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people, with colours or without.
    Human {
        /// Whether ANSI sequences are used.
        coloured: bool,
    },
    /// One object: `diagnostics` and `summary`.
    Json,
    /// SARIF 2.1.0.
    Sarif,
}

/// What the files are judged by.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where vendor manifests may be, besides the program's own directory.
    pub vendor_dirs: Vec<PathBuf>,
    /// The hostids of the machine that the files are for; none if they are not known, so that SERVER lines are not
    /// compared with it.
    pub machine: Option<Vec<HostId>>,
    /// The day in the server's zone.
    pub today: CivilDate,
    /// What expires within so many days is reported.
    pub soon_days: u16,
    /// Whether the files are another publisher's: everything but signatures, hostids and dates is checked.
    pub foreign: bool,
    /// The vendor whose daemon reads the options files that were named; if none is said, their names and the VENDOR lines tell.
    pub options_vendor: Option<VendorName>,
    /// Whether the options files that VENDOR lines lead to are read and judged too, as a server would read them.
    pub follow_options: bool,
}

/// Files and what was found in them.
#[derive(Debug)]
pub struct Judged {
    /// Name and text of each: the license files, then the options files.
    files: Vec<Source>,
    found: Vec<Found>,
    /// What kept files or manifests from being read, one text each.
    pub problems: Vec<String>,
}

/// How many findings there are of each severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines that are not used.
    pub errors: usize,
    /// What is legal but probably not meant.
    pub warnings: usize,
    /// What is worth knowing.
    pub notes: usize,
}

/// The manifests of the vendors of license files, and what kept some from being used.
#[must_use]
pub fn manifests_of(
    files: &[LicenseFile],
    dirs: &[PathBuf],
) -> (BTreeMap<VendorName, Manifest>, Vec<String>) {
    let (mut manifests, mut problems) = (BTreeMap::new(), Vec::new());
    let vendors: BTreeSet<&VendorName> =
        files.iter().flat_map(LicenseFile::statements).map(|(_, statement)| statement.vendor()).collect();
    for vendor in vendors {
        match manifest_of(vendor, dirs) {
            Ok(Some(manifest)) => {
                manifests.insert(vendor.clone(), manifest);
            }
            Ok(None) => {}
            Err(error) => problems.push(error.to_string()),
        }
    }
    (manifests, problems)
}

/// Texts that count before those on disk, by their paths: an editor's.
pub type OpenTexts<'a> = dyn Fn(&Path) -> Option<Source> + 'a;

/// Judges files as those of one server, in their order.
#[must_use]
pub fn judge(read: ReadFiles, wanted: &Wanted) -> Judged {
    judge_open(read, wanted, &|_| None)
}

/// The same with texts that count before those on disk.
#[must_use]
pub fn judge_open(read: ReadFiles, wanted: &Wanted, open: &OpenTexts<'_>) -> Judged {
    let ReadFiles { licenses: ReadLicenses { files, unreadable }, options } = read;
    let mut problems: Vec<String> =
        unreadable.iter().map(|(path, error)| format!("{}: {error}", path.display())).collect();
    let (manifests, unusable) = if wanted.foreign {
        (BTreeMap::new(), Vec::new())
    } else {
        manifests_of(&files, &wanted.vendor_dirs)
    };
    problems.extend(unusable);
    let mut found = lint::check(&Project {
        files: &files,
        manifests: &manifests,
        machine: wanted.machine.as_deref(),
        today: wanted.today,
        soon_days: wanted.soon_days,
        foreign: wanted.foreign,
    });
    let (options, missing) = options::assigned(&files, options, wanted, open);
    found.extend(missing);
    found.sort_by_key(|found| (found.file, found.diagnostic.span));
    let of_options =
        lint::check_options(&OptionsProject { options: &options, licenses: &files, manifests: &manifests });
    let licenses = files.len();
    found.extend(of_options.into_iter().map(|found| Found { file: licenses + found.file, ..found }));
    let sources =
        files.into_iter().map(|file| file.source).chain(options.into_iter().map(|of| of.file.source));
    Judged { files: sources.collect(), found, problems }
}

impl Judged {
    /// The findings with the files that they are about, by file and place.
    pub fn findings(&self) -> impl Iterator<Item = (&Source, &Found)> {
        self.found.iter().filter_map(|found| Some((self.files.get(found.file)?, found)))
    }

    /// How many findings there are.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.found.iter().fold(Counts::default(), |mut counts, found| {
            match found.diagnostic.severity {
                Severity::Error => counts.errors += 1,
                Severity::Warning => counts.warnings += 1,
                Severity::Note => counts.notes += 1,
            }
            counts
        })
    }

    /// Whether no file could be read, so that no findings say nothing.
    #[must_use]
    pub fn is_nothing_read(&self) -> bool {
        self.files.is_empty() && !self.problems.is_empty()
    }

    /// The exit status: 0 if there is nothing but notes, 1 for warnings, 2 for errors and for what could not be read.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self.counts() {
            Counts { errors: 0, .. } if !self.problems.is_empty() => 2,
            Counts { errors: 0, warnings: 0, .. } => 0,
            Counts { errors: 0, .. } => 1,
            _ => 2,
        }
    }

    /// All findings and their sum.
    #[must_use]
    pub fn show(&self, format: Format) -> String {
        match format {
            Format::Human { coloured } => self.human(coloured),
            Format::Json => json::show(self),
            Format::Sarif => sarif::show(self),
        }
    }

    /// The first errors, for people.
    #[must_use]
    pub fn errors(&self, coloured: bool, errors_max: usize) -> String {
        let is_error = |found: &Found| found.diagnostic.severity == Severity::Error;
        let errors = self.findings().filter(|(_, found)| is_error(found)).take(errors_max);
        errors.map(|(file, found)| block(file, found, coloured)).collect()
    }

    fn human(&self, coloured: bool) -> String {
        let mut text: String = self.findings().map(|(file, found)| block(file, found, coloured)).collect();
        if self.is_nothing_read() {
            text.push_str("nothing was checked\n");
        } else {
            text.push_str(&format!("{}\n", self.counts()));
        }
        text
    }
}

/// A finding and the empty line behind it.
fn block(file: &Source, found: &Found, coloured: bool) -> String {
    human::render(&found.diagnostic, file, coloured) + "\n\n"
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [(self.errors, "error"), (self.warnings, "warning"), (self.notes, "note")];
        let mut comma = "";
        for (count, what) in parts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{comma}{}", counted(count, what))?;
            comma = ", ";
        }
        if comma.is_empty() { f.write_str("no findings") } else { Ok(()) }
    }
}

/// Every row of the tables of findings, by id.
fn rows() -> impl Iterator<Item = &'static Finding> {
    let licenses = crate::license::finding::ALL.iter().chain(lint::finding::ALL);
    let options = crate::options::finding::ALL.iter().chain(crate::policy::finding::ALL);
    licenses.chain(options).chain(lint::options_finding::ALL)
}

/// The row with this id.
fn row(id: &str) -> Option<&'static Finding> {
    rows().find(|row| row.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_as_people_say_them() {
        let shown = |errors, warnings, notes| Counts { errors, warnings, notes }.to_string();
        assert_eq!(shown(2, 1, 0), "2 errors, 1 warning");
        assert_eq!(shown(0, 0, 3), "3 notes");
        assert_eq!(shown(0, 0, 0), "no findings");
    }
}
