//! From files to a catalog, with everything that is worth a log line.

use std::path::Path;

use jiff::tz::TimeZone;

use super::config::Config;
use super::origin::{FileText, Origin, listed, name};
use crate::catalog::{Catalog, Note, Verdict};
use crate::event::Started;
use crate::event::debug_log::{expired, expires_soon};
use crate::license::{Expiry, HostId, LicenseFile};
use crate::options::{Directive, OptionsFile};
use crate::platform::{
    self, FoundManifest, LICENSE_FILE_BYTES_MAX, find_manifest, manifest_name, read_regular,
};
use crate::policy::Policy;
use crate::text::{Diagnostic, Severity, counted};
use crate::time::Timestamp;

/// A warning is logged for lines that expire within this many days (`flexnet-tools.md` 3.7).
const EXPIRES_SOON_DAYS: i64 = 30;
/// Longest options file that is read, in bytes.
pub(super) const OPTIONS_FILE_BYTES_MAX: u64 = 64 << 20;

/// What a daemon serves, and with what.
pub(super) struct Setup {
    pub(super) catalog: Catalog,
    pub(super) policy: Policy,
    pub(super) origin: Origin,
    pub(super) machine: Vec<HostId>,
    pub(super) started: Started,
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
    let (manifest, manifest_file) = match manifest(config)? {
        FoundManifest::File(found) => {
            messages.push(format!("Using vendor manifest: \"{}\"", found.path.display()));
            (found.manifest, Some(FileText::new(&found.path, found.bytes.to_vec())))
        }
        FoundManifest::Demo(manifest) => {
            messages.push(format!(
                "DEMO: no vendor manifest of {} was found; the built-in demo manifest is used, whose key is published",
                config.vendor
            ));
            (manifest, None)
        }
    };
    let mut files = Vec::new();
    for path in listed(&config.license_files, &mut messages) {
        match read_regular(&path, LICENSE_FILE_BYTES_MAX) {
            Ok(bytes) => files.push(FileText::new(&path, bytes)),
            Err(error) => messages.push(unreadable(&path, &error)),
        }
    }
    let licenses: Vec<LicenseFile> = files.iter().map(FileText::license).collect();
    let machine = platform::own_hostids();
    let inputs: Vec<&LicenseFile> = licenses.iter().collect();
    let catalog = Catalog::build(&config.vendor, &inputs, &manifest, &machine, &zone);
    tell_licenses(&licenses, &catalog, now, &mut messages);
    let (mut options, mut options_awaited) = (None, false);
    let mut policy = Policy::default();
    let mut notes = Vec::new();
    if let Some(path) = &config.options_file {
        // There is nothing older, so bad lines are skipped and a file that can't be read is as good as none
        // (`flexnet-files.md` 6.2, DECISION); both are errors in the log.
        match read_regular(path, OPTIONS_FILE_BYTES_MAX) {
            Ok(bytes) => {
                messages.push(format!("Using options file: \"{}\"", path.display()));
                let text = FileText::new(path, bytes);
                let compiled = Compiled::new(&text, &catalog, &inputs, now);
                compiled.tell(path, |_| false, &mut messages);
                policy = compiled.policy;
                options = Some(text);
            }
            Err(error) => {
                messages.push(format!(
                    "OPTIONS FILE \"{}\": not readable: {error}, continuing without options; it is tried again every {} s",
                    path.display(),
                    config.options_again.as_secs()
                ));
                notes.push(without_options(config, path));
                options_awaited = true;
            }
        }
    }
    if options.is_none() {
        messages.extend(unnamed(&catalog));
    }
    let origin = Origin {
        licenses: files,
        options,
        manifest,
        manifest_file,
        zone: zone_name.clone(),
        machine: machine.clone(),
        options_read: now,
        options_awaited,
        notes,
    };
    let started = Started { version: crate::VERSION.to_owned(), zone: zone_name, files: origin.files() };
    Ok(Setup { catalog, policy, origin, machine, started, zone, messages })
}

/// For lmstat, about an options file that could not be read at the start and since.
pub(super) fn without_options(config: &Config, path: &Path) -> String {
    format!(
        "{} goes without the rules of {}, which is not readable; it is tried again every {} s",
        config.vendor,
        name(path),
        config.options_again.as_secs()
    )
}

/// The log line for a license file that can't be read.
pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("Cannot read license file {}: {error} (-30,111)", path.display())
}

/// Log lines about license files and what came of them.
pub(super) fn tell_licenses(
    licenses: &[LicenseFile],
    catalog: &Catalog,
    now: Timestamp,
    messages: &mut Vec<String>,
) {
    for license in licenses {
        let told = license.diagnostics.iter().filter(|found| found.severity >= Severity::Warning);
        messages.extend(told.map(|found| found.line(&license.source)));
    }
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
    expiries(catalog, now, messages);
}

/// Log lines about pools that are for those whom INCLUDE lines name, where no options file is in force.
pub(super) fn unnamed(catalog: &Catalog) -> impl Iterator<Item = String> {
    let pools = catalog.features().flat_map(|feature| catalog.pools(feature.as_str()));
    pools.filter_map(|pool| {
        pool.named.first()?;
        Some(format!(
            "WARNING: pool {} is for those whom INCLUDE lines name, and there is no options file, so nobody may use it (-84)",
            pool.key
        ))
    })
}

/// An options file with what it comes to.
pub(super) struct Compiled {
    pub(super) file: OptionsFile,
    pub(super) policy: Policy,
    /// What is wrong or doubtful, by place.
    pub(super) found: Vec<Diagnostic>,
}

impl Compiled {
    pub(super) fn new(text: &FileText, catalog: &Catalog, licenses: &[&LicenseFile], now: Timestamp) -> Self {
        let file = text.options();
        let (policy, mut found) = Policy::compile_at(&file, catalog, licenses, Some(now));
        found.extend(file.diagnostics.iter().cloned());
        found.sort_by_key(|found| found.span.start);
        Self { file, policy, found }
    }

    pub(super) fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.found.iter().filter(|found| found.severity == Severity::Error)
    }

    /// What is told of an error or a warning.
    pub(super) fn line(&self, path: &Path, found: &Diagnostic) -> String {
        let (shown, line) = (path.display(), self.file.source.place(found.span.start).line);
        let help = found.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        let word = if found.severity == Severity::Error { "ERROR" } else { "WARNING" };
        format!("OPTIONS {word} {shown}:{line}: [{}] {}{help}", found.id, found.message)
    }

    /// Log lines about a file that holds from now on; `told` says which findings are told elsewhere.
    pub(super) fn tell(&self, path: &Path, told: impl Fn(&Diagnostic) -> bool, messages: &mut Vec<String>) {
        let shown = path.display();
        let serious = self.found.iter().filter(|found| found.severity >= Severity::Warning);
        messages.extend(serious.filter(|found| !told(found)).map(|found| self.line(path, found)));
        let warnings = self.found.iter().filter(|found| found.severity == Severity::Warning).count();
        let errors = self.errors().count();
        messages.extend(self.file.options().filter_map(|line| match &line.directive {
            Directive::Reserve { feature, who, .. } => Some(format!("RESERVE {} for {who}", feature.name)),
            _ => None,
        }));
        let lines = self.file.options().count();
        messages.push(format!(
            "OPTIONS FILE \"{shown}\": loaded, {}, {}, {}",
            counted(lines, "line"),
            counted(warnings, "warning"),
            counted(errors, "error")
        ));
    }
}

fn zone(config: &Config, messages: &mut Vec<String>) -> Result<(TimeZone, String), Refusal> {
    match &config.zone {
        Some(name) => platform::named_zone(name)
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
