//! Which license files there are, and what they ask for: host, port, and a vendor daemon for each VENDOR line.
//!
//! A mistake in one file costs that file: it becomes a line for the log and the others are served.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::code::Code;
use crate::ident::{Host, VendorName};
use crate::license::{LicenseFile, LineKind, Standing};
use crate::platform::{LICENSE_FILE_BYTES_MAX, is_taken, licenses_in, read_regular};
use crate::text::{Severity, Source};

/// Why there is nothing to serve.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// No file is named.
    #[error("no license file is named; name one with -c, or set LM_LICENSE_FILE")]
    NoPath,
    /// None of the named files can be used; the notes say why.
    #[error("none of the license files can be served")]
    NoUsableFile {
        /// The number that the last unusable file stands for.
        code: Code,
    },
    /// The files have SERVER lines, but no vendor daemon.
    #[error("There are no VENDOR (or DAEMON) lines in the license file")]
    NoVendors,
    /// The SERVER lines name different ports; -1 stands for none.
    #[error("license files have conflicting port numbers: {0} and {1}")]
    ConflictingPorts(i32, i32),
}

impl PlanError {
    /// The field's number for it.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NoPath => Code::NoLicenseFile,
            Self::NoUsableFile { code } => *code,
            Self::NoVendors | Self::ConflictingPorts(..) => Code::BadLicenseSyntax,
        }
    }

    /// The lines of the log (`flexnet-tools.md` 1.5, 3.7).
    #[must_use]
    pub fn messages(&self) -> Vec<String> {
        match self {
            Self::ConflictingPorts(a, b) => vec![
                "ERROR: license files have conflicting port numbers".to_owned(),
                format!("{a} and {b}"),
                "Please edit the license files so the port numbers".to_owned(),
                "on the SERVER line are identical.".to_owned(),
            ],
            other => vec![format!("license manager: can't initialize: {other}. ({})", self.code().number())],
        }
    }
}

/// What to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Host name of the first SERVER line; this machine's for `this_host`.
    pub host: Host,
    /// lmgrd's port; none means the first free one of the usual ten.
    pub port: Option<u16>,
    /// Hostids of the SERVER lines, each once, in path order.
    pub hostids: Vec<String>,
    /// The files that are served, absolute, in path order.
    pub files: Vec<PathBuf>,
    /// The vendor daemons, in file order.
    pub vendors: Vec<VendorPlan>,
}

/// One vendor daemon to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorPlan {
    /// Its name.
    pub name: VendorName,
    /// The files that name it, absolute, in path order.
    pub files: Vec<PathBuf>,
    /// Its port; none means that the system chooses.
    pub port: Option<u16>,
    /// The program that its VENDOR line names, as written.
    pub program: Option<String>,
    /// The options file that its VENDOR line names, absolute.
    pub options: Option<PathBuf>,
}

/// A file that was read.
#[derive(Debug, Clone)]
pub struct ReadFile {
    /// Where it is, absolute.
    pub path: PathBuf,
    /// What it says.
    pub license: LicenseFile,
}

/// The files of a license path: entries separated by colons, each a file or a directory with `*.lic` in it. Relative
/// entries are taken from `start_dir`. Entries that name a server are not lmgrd's; they and missing directories become
/// notes.
#[must_use]
pub fn expand(path_list: &OsStr, start_dir: &Path, notes: &mut Vec<String>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::env::split_paths(path_list).filter(|entry| !entry.as_os_str().is_empty()) {
        let path = start_dir.join(&entry);
        if path.is_dir() {
            match licenses_in(&path) {
                Ok(found) if found.is_empty() => {
                    notes.push(format!("{}: no *.lic file in this directory", path.display()));
                }
                Ok(found) => files.extend(found),
                Err(error) => notes.push(format!("{}: cannot be read: {error}", path.display())),
            }
        } else if !path.exists() && entry.to_string_lossy().contains('@') {
            notes.push(format!("{}: names a server, not a license file; ignored here", entry.display()));
        } else {
            files.push(path);
        }
    }
    let mut seen = BTreeSet::new();
    files.retain(|file| seen.insert(file.clone()));
    files
}

/// Reads a license file.
///
/// # Errors
/// One line for the log.
pub fn read(path: &Path) -> Result<ReadFile, String> {
    let failed = |why: &std::io::Error| {
        format!("{}: {}. ({}): {why}", path.display(), Code::CannotReadFile, Code::CannotReadFile.number())
    };
    let bytes = read_regular(path, LICENSE_FILE_BYTES_MAX).map_err(|error| failed(&error))?;
    let source = Source::new(&path.display().to_string(), &bytes);
    Ok(ReadFile { path: path.to_owned(), license: LicenseFile::parse(source) })
}

/// Puts together what the files ask for. `port` replaces the ports of all SERVER lines, `vendor_port` those of all
/// VENDOR lines. What is wrong with single files and lines goes to `notes`.
///
/// # Errors
/// [`PlanError`] when nothing can be served.
pub fn plan(
    files: &[ReadFile],
    this_host: &Host,
    start_dir: &Path,
    port: Option<u16>,
    notes: &mut Vec<String>,
) -> Result<Plan, PlanError> {
    let mut last_code = Code::CannotReadFile;
    let mut served: Vec<&ReadFile> = Vec::new();
    for file in files {
        note_damaged_lines(&file.license, notes);
        match unusable(&file.license) {
            None => served.push(file),
            Some((code, why)) => {
                notes.push(format!("{}: {why}. ({})", file.path.display(), code.number()));
                last_code = code;
            }
        }
    }
    let mut servers = served.iter().filter_map(|file| file.license.servers().next());
    let Some(first) = servers.next() else { return Err(PlanError::NoUsableFile { code: last_code }) };
    if port.is_none()
        && let Some(other) = servers.find(|server| server.port != first.port)
    {
        let number = |port: Option<u16>| port.map_or(-1, i32::from);
        return Err(PlanError::ConflictingPorts(number(first.port), number(other.port)));
    }
    let mut hostids: Vec<String> = Vec::new();
    for server in served.iter().flat_map(|file| file.license.servers()) {
        let hostid = server.hostid.to_string();
        if !hostids.contains(&hostid) {
            hostids.push(hostid);
        }
    }
    let host = if first.host == "this_host" { None } else { Host::parse(&first.host).ok() };
    let vendors = vendors(&served, start_dir, notes);
    if vendors.is_empty() {
        return Err(PlanError::NoVendors);
    }
    Ok(Plan {
        host: host.unwrap_or_else(|| this_host.clone()),
        port: port.or(first.port),
        hostids,
        files: served.iter().map(|file| file.path.clone()).collect(),
        vendors,
    })
}

fn unusable(license: &LicenseFile) -> Option<(Code, &'static str)> {
    match license.standing() {
        Standing::Single => None,
        Standing::Serverless => Some((Code::NoServerLine, "No SERVER lines in license file")),
        Standing::Triad => Some((
            Code::RequestNotSupported,
            "three SERVER lines: three-server redundancy is not served by this version; the file is left out",
        )),
        Standing::Rejected => {
            Some((Code::BadLicenseSyntax, "the SERVER lines are not those of a server; the file is left out"))
        }
    }
}

/// Damaged SERVER and VENDOR lines are lmgrd's to report; feature lines are the vendor daemon's.
fn note_damaged_lines(license: &LicenseFile, notes: &mut Vec<String>) {
    for line in license.lines.iter().filter(|line| matches!(line.kind, LineKind::Invalid)) {
        let word = license.source.slice(line.span).split_whitespace().next().unwrap_or_default();
        if matches!(word, "SERVER" | "VENDOR" | "DAEMON") {
            notes.extend(
                license
                    .diagnostics
                    .iter()
                    .filter(|found| found.severity == Severity::Error)
                    .filter(|found| found.span.start >= line.span.start && found.span.start < line.span.end)
                    .map(|found| found.line(&license.source)),
            );
        }
    }
}

/// One plan for each vendor name. Path, options and port each come from the first line that names one; a later
/// different value becomes a note (`flexnet-files.md` 1.3).
fn vendors(files: &[&ReadFile], start_dir: &Path, notes: &mut Vec<String>) -> Vec<VendorPlan> {
    let mut plans: Vec<VendorPlan> = Vec::new();
    for file in files {
        for line in file.license.vendors() {
            let options = line.options.as_ref().map(|options| start_dir.join(options));
            let Some(plan) = plans.iter_mut().find(|plan| plan.name == line.name) else {
                plans.push(VendorPlan {
                    name: line.name.clone(),
                    files: Vec::new(),
                    port: line.port,
                    program: line.path.clone(),
                    options,
                });
                continue;
            };
            let place = format!("{}:{}", file.path.display(), file.license.source.place(line.span.start));
            let mut differ = |what: &str| {
                notes.push(format!(
                    "{place}: another VENDOR line of {} names a different {what}; the first one holds",
                    line.name
                ));
            };
            if first_holds(&mut plan.port, line.port) {
                differ("port");
            }
            if first_holds(&mut plan.program, line.path.clone()) {
                differ("program");
            }
            if first_holds(&mut plan.options, options) {
                differ("options file");
            }
        }
    }
    for plan in &mut plans {
        plan.files = files
            .iter()
            .filter(|file| {
                file.license.vendors().any(|line| line.name == plan.name)
                    || file.license.features().any(|line| line.vendor == plan.name)
            })
            .map(|file| file.path.clone())
            .collect();
        if plan.options.is_none() {
            // Without a name, `<vendor>.opt` beside the license file is the options file. What stands there and can't be read
            // is a mistake that the vendor daemon tells of; it does not mean that there are no rules.
            let found = default_options(plan).find(|path| is_taken(path));
            plan.options = found;
        }
    }
    plans
}

/// Where the options file of a vendor daemon may be if its VENDOR line does not say it.
pub(super) fn default_options(plan: &VendorPlan) -> impl Iterator<Item = PathBuf> {
    plan.files.iter().filter_map(|file| Some(file.parent()?.join(format!("{}.opt", plan.name))))
}

/// Fills an empty place; tells whether a filled one differs.
fn first_holds<T: PartialEq>(place: &mut Option<T>, value: Option<T>) -> bool {
    match (&place, value) {
        (None, value) => {
            *place = value;
            false
        }
        (Some(first), Some(value)) => *first != value,
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests;
