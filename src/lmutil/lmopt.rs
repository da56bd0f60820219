//! `lmopt`: edits options files by command. One line changes, the rest stays byte for byte; what would add an error is not
//! written; every version that is replaced is kept.
//!
//! The edits themselves are [`crate::options::edit`]'s.

mod effects;
mod human;
mod json;
mod listing;
mod versions;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use human::show;
pub use json::{refused_as_json, show_as_json};
pub use listing::{Listed, list, listed_as_json};
pub use versions::{KEPT_MAX, Version, VersionError, Versions};

use super::difference::unified;
use super::inputs::{read_licenses, read_options};
use super::lmlint::{is_read, manifests_of, options_findings};
use crate::ident::VendorName;
use crate::license::LicenseFile;
use crate::options::OptionsFile;
use crate::options::edit::{Change, Edit, EditError, apply};
use crate::platform::licenses_in;
use crate::sign::Manifest;
use crate::text::{Diagnostic, Severity, Source};

/// What an edit is judged by, and how it is made.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// License files of the server; if none are named, those beside the options file whose VENDOR lines lead to it.
    pub licenses: Vec<PathBuf>,
    /// The vendor whose daemon reads the options file, if its name and the VENDOR lines don't tell.
    pub vendor: Option<VendorName>,
    /// Where vendor manifests may be, besides the program's own directory.
    pub vendor_dirs: Vec<PathBuf>,
    /// Whether a feature may be left open to everybody that was closed to all but some.
    pub open: bool,
    /// Whether nothing is written.
    pub dry_run: bool,
}

/// What has become of a file, or would.
#[derive(Debug)]
pub struct Outcome {
    /// The new file.
    pub file: OptionsFile,
    /// Lines that differ.
    pub changes: Vec<Change>,
    /// What follows for people who use licenses, a sentence each.
    pub effects: Vec<String>,
    /// What the edit brought, or what is wrong with the lines that it changed.
    pub findings: Vec<Diagnostic>,
    /// The difference in unified form, in the file's encoding.
    pub diff: Vec<u8>,
    /// The number under which the version before is kept; none if nothing was written.
    pub version: Option<u32>,
    /// Whether nothing was to be written.
    pub dry_run: bool,
}

/// Why a file was left as it is.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The edit can't be made.
    #[error("{0}")]
    Edit(#[from] EditError),
    /// The edit would add errors.
    #[error("the file would have {} than before, so it stays as it is", more_errors(found.len()))]
    Errors {
        /// The new ones.
        found: Vec<Diagnostic>,
        /// The file that was not written.
        file: Box<OptionsFile>,
    },
    /// Something that was closed would be open to everybody.
    #[error("{} would be open to everybody who is not excluded, as its last INCLUDE line goes; include somebody else first, or \
             repeat with --open if that is meant", what.join(", "))]
    Opens {
        /// What.
        what: Vec<String>,
    },
    /// A file can't be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The versions that are kept can't be used.
    #[error("{0}")]
    Versions(#[from] VersionError),
}

fn more_errors(count: usize) -> String {
    if count == 1 { "an error more".to_owned() } else { format!("{count} errors more") }
}

impl Refusal {
    /// Whether the files could not be used, in contrast to an edit that is refused.
    #[must_use]
    pub const fn is_trouble(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Versions(VersionError::Io { .. } | VersionError::Locked(_)))
    }
}

/// The license files that an options file is judged with.
struct Licenses {
    files: Vec<LicenseFile>,
    manifests: BTreeMap<VendorName, Manifest>,
}

impl Licenses {
    fn of(file: &OptionsFile, wanted: &Wanted) -> Result<Self, Refusal> {
        let files = if wanted.licenses.is_empty() {
            let dir = Path::new(file.source.name()).parent().filter(|dir| !dir.as_os_str().is_empty());
            let beside = licenses_in(dir.unwrap_or(Path::new("."))).unwrap_or_default();
            let files = read_licenses(&beside).files;
            if is_read(&files, file) { files } else { Vec::new() }
        } else {
            let read = read_licenses(&wanted.licenses);
            if let Some((path, error)) = read.unreadable.into_iter().next() {
                return Err(Refusal::Io { path, error });
            }
            read.files
        };
        let (manifests, _) = manifests_of(&files, &wanted.vendor_dirs);
        Ok(Self { files, manifests })
    }

    fn findings(&self, file: &OptionsFile, wanted: &Wanted) -> Vec<Diagnostic> {
        options_findings(&self.files, file, wanted.vendor.as_ref(), &self.manifests, &|_| None)
    }
}

/// What a finding says wherever it stands: numbers of lines change with the lines before them.
fn placeless(found: &Diagnostic) -> (&'static str, String) {
    let mut message = String::with_capacity(found.message.len());
    for character in found.message.chars() {
        if character.is_ascii_digit() {
            if !message.ends_with('0') {
                message.push('0');
            }
        } else {
            message.push(character);
        }
    }
    (found.id, message)
}

/// The findings of `after` that `before` has not.
fn new_findings(before: &[Diagnostic], after: Vec<Diagnostic>) -> Vec<(Diagnostic, bool)> {
    let mut old: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for found in before {
        *old.entry(placeless(found)).or_default() += 1;
    }
    let mut is_new = |found: &Diagnostic| match old.get_mut(&placeless(found)) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    after.into_iter().map(|found| (is_new(&found), found)).map(|(new, found)| (found, new)).collect()
}

/// Reads an options file.
///
/// # Errors
/// [`Refusal::Io`].
pub fn read(path: &Path) -> Result<OptionsFile, Refusal> {
    read_options(path).map_err(|error| Refusal::Io { path: path.to_owned(), error })
}

/// Makes an edit, checks what comes of it and writes the file. `command` says in the log what was done.
///
/// # Errors
/// [`Refusal`]; the file is then as it was.
pub fn edit(path: &Path, edit: &Edit, wanted: &Wanted, command: &str) -> Result<Outcome, Refusal> {
    let versions = Versions::beside(path)?;
    let _lock = if wanted.dry_run { None } else { Some(versions.lock()?) };
    let old = read(path)?;
    let edited = apply(&old, edit)?;
    if !edited.opened.is_empty() && !wanted.open {
        return Err(Refusal::Opens { what: edited.opened });
    }
    let new = OptionsFile::parse(Source::new(old.source.name(), &edited.bytes));
    let licenses = Licenses::of(&old, wanted)?;
    let findings = new_findings(&licenses.findings(&old, wanted), licenses.findings(&new, wanted));
    let errors: Vec<Diagnostic> = findings
        .iter()
        .filter(|(found, is_new)| *is_new && found.severity == Severity::Error)
        .map(|(found, _)| found.clone())
        .collect();
    if !errors.is_empty() {
        return Err(Refusal::Errors { found: errors, file: Box::new(new) });
    }
    let is_changed = |found: &Diagnostic| {
        edited
            .changes
            .iter()
            .any(|change| !change.after.is_empty() && change.line == new.source.place(found.span.start).line)
    };
    let findings: Vec<Diagnostic> = findings
        .into_iter()
        .filter(|(found, is_new)| !edited.changes.is_empty() && (*is_new || is_changed(found)))
        .map(|(found, _)| found)
        .collect();
    let version = if edited.changes.is_empty() || wanted.dry_run {
        None
    } else {
        Some(versions.write(&old.print(), &edited.bytes, command)?)
    };
    let effects = effects::of(edit, &edited, &new);
    let diff = unified(&old.source, &edited.bytes, "edited");
    Ok(Outcome {
        file: new,
        changes: edited.changes,
        effects,
        findings,
        diff,
        version,
        dry_run: wanted.dry_run,
    })
}

/// Writes the version before the last change, or before the change with a number. The version that is replaced is kept too, so
/// that this can be undone.
///
/// # Errors
/// [`Refusal`]; the file is then as it was.
pub fn undo(path: &Path, number: Option<u32>, wanted: &Wanted) -> Result<Outcome, Refusal> {
    let versions = Versions::beside(path)?;
    let _lock = if wanted.dry_run { None } else { Some(versions.lock()?) };
    let old = read(path)?;
    let now = old.print();
    let (version, bytes) = versions.before(number, &now)?;
    let new = OptionsFile::parse(Source::new(old.source.name(), &bytes));
    let licenses = Licenses::of(&old, wanted)?;
    let findings = new_findings(&licenses.findings(&old, wanted), licenses.findings(&new, wanted));
    let findings = findings.into_iter().filter(|(_, is_new)| *is_new).map(|(found, _)| found).collect();
    let command = format!("undo {}", version.number);
    let written = if wanted.dry_run { None } else { Some(versions.write(&now, &bytes, &command)?) };
    let diff = unified(&old.source, &bytes, &format!("before change {}", version.number));
    let effects =
        vec![format!("the file is as it was before change {}: {}", version.number, version.command)];
    Ok(Outcome {
        file: new,
        changes: Vec::new(),
        effects,
        findings,
        diff,
        version: written,
        dry_run: wanted.dry_run,
    })
}
