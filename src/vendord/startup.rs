//! From files to a catalog, with everything that is worth a log line.

use std::path::Path;

use jiff::tz::TimeZone;

use super::config::Config;
use crate::catalog::{Catalog, Note, Verdict};
use crate::event::debug_log::{expired, expires_soon};
use crate::event::{FileRole, StartFile, Started};
use crate::ident::Digest;
use crate::license::{Expiry, HostId, LicenseFile};
use crate::options::{Directive, OptionsFile};
use crate::platform::{
    self, FoundManifest, LICENSE_FILE_BYTES_MAX, find_manifest, manifest_name, read_regular,
};
use crate::policy::Policy;
use crate::sign::Manifest;
use crate::text::{Severity, Source};
use crate::time::Timestamp;

/// A warning is logged for lines that expire within this many days (`flexnet-tools.md` 3.7).
const EXPIRES_SOON_DAYS: i64 = 30;
/// Longest options file that is read, in bytes.
const OPTIONS_FILE_BYTES_MAX: u64 = 64 << 20;

/// What a daemon serves, and with what.
pub(super) struct Setup {
    pub(super) catalog: Catalog,
    pub(super) policy: Policy,
    pub(super) manifest: Manifest,
    pub(super) machine: Vec<HostId>,
    pub(super) started: Started,
    /// The files of `started` with their bytes, for the store.
    pub(super) files: Vec<(Digest, Vec<u8>)>,
    pub(super) zone: TimeZone,
    /// Log lines, in order.
    pub(super) messages: Vec<String>,
}

/// Why the daemon can't start; one line for the log and lmgrd.
pub(super) type Refusal = String;

/// Reads manifest and license files and builds the catalog. Unreadable files and bad lines are logged and left out.
pub(super) fn prepare(config: &Config, now: Timestamp) -> Result<Setup, Refusal> {
    let mut messages = Vec::new();
    let (zone, zone_name) = zone(config, &mut messages)?;
    let found = manifest(config)?;
    let mut files = Vec::new();
    let mut start_files = Vec::new();
    let manifest = match found {
        FoundManifest::File(found) => {
            messages.push(format!("Using vendor manifest: \"{}\"", found.path.display()));
            keep(FileRole::Manifest, &found.path, found.bytes.to_vec(), &mut files, &mut start_files);
            found.manifest
        }
        FoundManifest::Demo(manifest) => {
            messages.push(format!(
                "DEMO: no vendor manifest of {} was found; the built-in demo manifest is used, whose key is published",
                config.vendor
            ));
            manifest
        }
    };
    let mut licenses = Vec::new();
    for path in &config.license_files {
        match read_regular(path, LICENSE_FILE_BYTES_MAX) {
            Ok(bytes) => {
                licenses.push(LicenseFile::parse(Source::new(&path.to_string_lossy(), &bytes)));
                keep(FileRole::License, path, bytes, &mut files, &mut start_files);
            }
            Err(error) => {
                messages.push(format!("Cannot read license file {}: {error} (-30,111)", path.display()))
            }
        }
    }
    for license in &licenses {
        let told = license.diagnostics.iter().filter(|found| found.severity >= Severity::Warning);
        messages.extend(told.map(|found| found.line(&license.source)));
    }
    let machine = platform::own_hostids();
    let inputs: Vec<&LicenseFile> = licenses.iter().collect();
    let catalog = Catalog::build(&config.vendor, &inputs, &manifest, &machine, &zone);
    messages.extend(
        catalog
            .verdicts()
            .iter()
            .filter(|verdict| {
                let doubtful = |note: &Note| note.severity() >= Severity::Warning;
                !verdict.verdict.is_whole() || verdict.notes.iter().any(doubtful)
            })
            // What the license room refused was told above, with its place.
            .filter(|verdict| !matches!(verdict.verdict, Verdict::Refused { minor: 0, .. }))
            .map(ToString::to_string),
    );
    expiries(&catalog, now, &mut messages);
    let policy = match &config.options_file {
        Some(path) => {
            let (policy, bytes) = options(path, &catalog, &inputs, &mut messages);
            if let Some(bytes) = bytes {
                keep(FileRole::Options, path, bytes, &mut files, &mut start_files);
            }
            policy
        }
        None => Policy::default(),
    };
    let started = Started { version: crate::VERSION.to_owned(), zone: zone_name, files: start_files };
    Ok(Setup { catalog, policy, manifest, machine, started, files, zone, messages })
}

/// Reads and compiles the options file. At a start bad lines are skipped, and a file that can't be read is as good as none, as
/// there is nothing older (`flexnet-files.md` 6.2, DECISION); both are errors in the log.
fn options(
    path: &Path,
    catalog: &Catalog,
    licenses: &[&LicenseFile],
    messages: &mut Vec<String>,
) -> (Policy, Option<Vec<u8>>) {
    let shown = path.display();
    let bytes = match read_regular(path, OPTIONS_FILE_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) => {
            messages
                .push(format!("OPTIONS FILE \"{shown}\": not readable: {error}, continuing without options"));
            return (Policy::default(), None);
        }
    };
    messages.push(format!("Using options file: \"{shown}\""));
    let file = OptionsFile::parse(Source::new(&path.to_string_lossy(), &bytes));
    let (policy, mut found) = Policy::compile(&file, catalog, licenses);
    found.extend(file.diagnostics.iter().cloned());
    found.sort_by_key(|found| found.span.start);
    for diagnostic in found.iter().filter(|found| found.severity >= Severity::Warning) {
        let line = file.source.place(diagnostic.span.start).line;
        let help = diagnostic.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        messages.push(match diagnostic.severity {
            Severity::Error => {
                format!("OPTIONS ERROR {shown}:{line}: [{}] {}{help}", diagnostic.id, diagnostic.message)
            }
            _ => format!("OPTIONS WARNING {shown}:{line}: [{}] {}{help}", diagnostic.id, diagnostic.message),
        });
    }
    let warnings = found.iter().filter(|found| found.severity == Severity::Warning).count();
    let errors = found.iter().filter(|found| found.severity == Severity::Error).count();
    messages.extend(file.options().filter_map(|line| match &line.directive {
        Directive::Reserve { feature, who, .. } => Some(format!("RESERVE {} for {who}", feature.name)),
        _ => None,
    }));
    let lines = file.options().count();
    messages.push(format!(
        "OPTIONS FILE \"{shown}\": loaded, {lines} lines, {warnings} warnings, {errors} errors"
    ));
    (policy, Some(bytes))
}

fn keep(
    role: FileRole,
    path: &Path,
    bytes: Vec<u8>,
    files: &mut Vec<(Digest, Vec<u8>)>,
    start_files: &mut Vec<StartFile>,
) {
    let digest = Digest::of(&bytes);
    start_files.push(StartFile { role, path: path.to_string_lossy().into_owned(), digest });
    files.push((digest, bytes));
}

fn zone(config: &Config, messages: &mut Vec<String>) -> Result<(TimeZone, String), Refusal> {
    match &config.zone {
        Some(name) => TimeZone::get(name)
            .map(|zone| (zone, name.clone()))
            .map_err(|error| format!("{name:?} is not a time zone: {error}")),
        None => {
            let system = platform::system_zone();
            messages.extend(system.note);
            Ok((system.zone, system.name))
        }
    }
}

/// The vendor's manifest, without which nothing can be verified.
fn manifest(config: &Config) -> Result<FoundManifest, Refusal> {
    match find_manifest(&config.vendor, &config.vendor_dirs) {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(format!(
            "No vendor manifest {} in a directory named with --vendor-dir or beside the program: {} is unknown here",
            manifest_name(&config.vendor),
            config.vendor
        )),
        Err(error) => Err(error.to_string()),
    }
}

fn expiries(catalog: &Catalog, now: Timestamp, messages: &mut Vec<String>) {
    for feature in catalog.features() {
        for lot in catalog.pools(feature.as_str()).iter().flat_map(|pool| &pool.lots) {
            // A lot ends with its expiry date or with the key that signed its line, whichever comes first.
            let (why, day) = match (lot.retirement, lot.expiry) {
                (Some(end), _) => (format!(", when key {} retires", end.key), end.day),
                (None, Expiry::On(day)) => (String::new(), day),
                (None, Expiry::Never) => continue,
            };
            let Some(ends) = lot.ends else { continue };
            let days = (ends.seconds() - now.seconds()).div_euclid(86_400);
            if ends <= now {
                let retired = lot.retirement.map(|end| format!(" (key {} retired on {day})", end.key));
                messages.push(expired(feature.as_str()) + &retired.unwrap_or_default());
            } else if let Ok(days @ 0..) = u32::try_from(days)
                && i64::from(days) < EXPIRES_SOON_DAYS
            {
                messages.push(expires_soon(feature.as_str(), days, day) + &why);
            }
        }
    }
}
