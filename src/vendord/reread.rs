//! Reading everything again beside what is in force (DESIGN section 4), on a thread where waiting for a disk stops nobody.
//! What can't be used never replaces what can: a file that is unreadable or says nothing leaves its former text in force, and
//! options with new errors leave the former rules in force.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::config::Config;
use super::origin::{FileText, Origin, listed, name};
use super::served::Served;
use super::startup::{Compiled, OPTIONS_FILE_BYTES_MAX, tell_licenses, unnamed, unreadable, without_options};
use crate::catalog::{Catalog, difference};
use crate::code::minor;
use crate::event::debug_log::LogStyle;
use crate::license::LicenseFile;
use crate::options::OptionsFile;
use crate::platform::{self, FoundManifest, LICENSE_FILE_BYTES_MAX, find_manifest, is_taken, read_regular};
use crate::policy::Policy;
use crate::text::{Diagnostic, Severity, counted};
use crate::time::Timestamp;

/// Where to read, and what holds meanwhile.
pub(super) struct Job {
    /// With the license files and the options file that are to be read.
    pub(super) config: Config,
    pub(super) running: Served,
    /// Bad lines of the options file are skipped, and one that is gone or empty means no rules.
    pub(super) force: bool,
    pub(super) zone: TimeZone,
    pub(super) style: LogStyle,
}

/// What was read.
pub(super) struct Read {
    /// What holds from now on.
    pub(super) served: Served,
    /// For who asked and for the log: what changes, and what does not although the files did.
    pub(super) lines: Vec<String>,
    /// For the log alone: what is wrong or doubtful about single lines.
    pub(super) messages: Vec<String>,
    /// What was not taken over: where that arose and why.
    pub(super) kept: Vec<(u16, String)>,
}

/// License files with their lines.
struct Licenses {
    files: Vec<FileText>,
    read: Vec<LicenseFile>,
}

impl Licenses {
    fn of(files: Vec<FileText>) -> Self {
        let read = files.iter().map(FileText::license).collect();
        Self { files, read }
    }

    fn inputs(&self) -> Vec<&LicenseFile> {
        self.read.iter().collect()
    }
}

/// Reads and compiles everything.
pub(super) fn read(job: &Job, now: Timestamp) -> Read {
    let running = &job.running;
    let mut reading =
        Reading { job, now, messages: Vec::new(), kept: Vec::new(), found: Vec::new(), notes: Vec::new() };
    let mut origin = Origin {
        notes: Vec::new(),
        licenses: Vec::new(),
        options: None,
        options_awaited: false,
        ..running.origin.as_ref().clone()
    };
    reading.manifest(&mut origin);
    origin.machine = platform::own_hostids();
    let (licenses, catalog) = reading.licenses(&origin);
    if Arc::ptr_eq(&catalog, &running.catalog) {
        // What stays in force was judged by these.
        let Origin { machine, manifest, manifest_file, .. } = running.origin.as_ref().clone();
        (origin.machine, origin.manifest, origin.manifest_file) = (machine, manifest, manifest_file);
    }
    let policy = reading.options(&licenses, &catalog, &mut origin);
    origin.licenses = licenses.files;
    if origin.options.is_none() {
        reading.messages.extend(unnamed(&catalog));
    }
    let Reading { messages, kept, found, notes, .. } = reading;
    // What is wrong comes first, as an answer may be too long for what changes.
    let mut lines: Vec<String> = kept.iter().map(|(_, why)| format!("ERROR: {why}")).collect();
    lines.extend(found);
    lines.extend(difference(&running.catalog, &catalog).to_string().lines().map(str::to_owned));
    lines.extend(rule_changes(&running.origin, &origin));
    lines.extend(terms(&running.origin, &origin));
    origin.notes = notes;
    let served = Served {
        catalog,
        policy: Arc::new(policy),
        origin: Arc::new(origin),
        about: Arc::clone(&running.about),
    };
    Read { served, lines, messages, kept }
}

struct Reading<'a> {
    job: &'a Job,
    now: Timestamp,
    messages: Vec<String>,
    kept: Vec<(u16, String)>,
    /// Of the options file that holds from now on: its errors, and the warnings that it did not have before.
    found: Vec<String>,
    notes: Vec<String>,
}

impl Reading<'_> {
    fn manifest(&mut self, origin: &mut Origin) {
        let config = &self.job.config;
        let why = match find_manifest(&config.vendor, &config.vendor_dirs) {
            Ok(Some(FoundManifest::File(found))) => {
                origin.manifest_file = Some(FileText::new(&found.path, found.bytes.to_vec()));
                origin.manifest = found.manifest;
                return;
            }
            Ok(Some(FoundManifest::Demo(_))) if origin.manifest_file.is_none() => return,
            Ok(_) => "it is not found any more".to_owned(),
            Err(error) => error.to_string(),
        };
        let text = format!("vendor manifest: {why}; the one that was read before stays in force");
        self.kept.push((minor::LICENSES_KEPT, text));
    }

    fn licenses(&mut self, origin: &Origin) -> (Licenses, Arc<Catalog>) {
        let running = &self.job.running;
        let mut files: Vec<FileText> = Vec::new();
        for path in listed(&self.job.config.license_files, &mut self.messages) {
            let former: Vec<&FileText> = running.origin.licenses_at(&path).collect();
            let why = match read_regular(&path, LICENSE_FILE_BYTES_MAX) {
                Ok(bytes) => {
                    let text = FileText::new(&path, bytes);
                    let spoke = former.iter().any(|former| !former.license().says_nothing());
                    if !spoke || !text.license().says_nothing() {
                        files.push(text);
                        continue;
                    }
                    "it says nothing any more".to_owned()
                }
                Err(error) => {
                    self.messages.push(unreadable(&path, &error));
                    format!("it cannot be read: {error}")
                }
            };
            if !former.is_empty() {
                let text = format!(
                    "license file {}: {why}; what was read of it before stays in force",
                    path.display()
                );
                self.kept.push((minor::LICENSES_KEPT, text));
                self.note(&name(&path));
                files.extend(former.into_iter().cloned());
            }
        }
        let config = &self.job.config;
        let licenses = Licenses::of(files);
        let catalog = Catalog::build(
            &config.vendor,
            &licenses.inputs(),
            &origin.manifest,
            &origin.machine,
            &self.job.zone,
        );
        tell_licenses(&licenses.read, &catalog, self.now, &mut self.messages);
        if !catalog.is_empty() || running.catalog.is_empty() {
            return (licenses, Arc::new(catalog));
        }
        let text = format!(
            "license files: no feature of {} could be served; what was read before stays in force",
            config.vendor
        );
        self.kept.push((minor::LICENSES_KEPT, text));
        self.note("license files");
        (Licenses::of(running.origin.licenses.clone()), Arc::clone(&running.catalog))
    }

    /// For lmstat, without the words that readers of it take for a failure (`lmstat-consumers.md` 3).
    fn note(&mut self, what: &str) {
        let vendor = &self.job.config.vendor;
        self.notes.push(format!(
            "{vendor} goes by an older state than {what} on the disk, which is not usable as it is; see the server's log"
        ));
    }

    /// The rules that hold from now on; `origin` gets their file.
    fn options(&mut self, licenses: &Licenses, catalog: &Catalog, origin: &mut Origin) -> Policy {
        let inputs = licenses.inputs();
        let former = self.job.running.origin.options.as_ref();
        let path = self.job.config.options_file.as_deref();
        let new = match self.new_options(path, former) {
            Ok(new) => new,
            Err(why) => {
                origin.options_awaited = former.is_none() && path.is_some();
                return self.keep_options(&why, former, catalog, &inputs, origin);
            }
        };
        origin.options_read = self.now;
        let Some(text) = new else { return Policy::default() };
        let compiled = Compiled::new(&text, catalog, &inputs, self.now);
        let running = former.map(|former| Compiled::new(former, catalog, &inputs, self.now));
        let fresh = new_findings(&compiled, running.as_ref(), Severity::Error);
        // One that could not be read so far is read as at the start.
        let skips = self.job.force || self.job.running.origin.options_awaited;
        if !fresh.is_empty() && !skips {
            let told = fresh.iter().map(|found| (minor::OPTIONS_KEPT, compiled.line(&text.path, found)));
            self.kept.extend(told);
            let (shown, many) = (text.path.display(), fresh.len());
            let why = format!("OPTIONS FILE \"{shown}\": {}", counted(many, "new error"));
            return self.keep_options(&why, former, catalog, &inputs, origin);
        }
        let doubtful = new_findings(&compiled, running.as_ref(), Severity::Warning);
        let doubtful: BTreeSet<*const Diagnostic> = doubtful.into_iter().map(std::ptr::from_ref).collect();
        let told = |found: &Diagnostic| {
            found.severity == Severity::Error || doubtful.contains(&std::ptr::from_ref(found))
        };
        self.found
            .extend(compiled.found.iter().filter(|it| told(it)).map(|it| compiled.line(&text.path, it)));
        self.messages.push(format!("Using options file: \"{}\"", text.path.display()));
        compiled.tell(&text.path, told, &mut self.messages);
        origin.options = Some(text);
        compiled.policy
    }

    fn keep_options(
        &mut self,
        why: &str,
        former: Option<&FileText>,
        catalog: &Catalog,
        licenses: &[&LicenseFile],
        origin: &mut Origin,
    ) -> Policy {
        self.kept.push((minor::OPTIONS_KEPT, format!("{why}, keeping the rules in force")));
        let path = self.job.config.options_file.as_deref();
        let vendor = &self.job.config.vendor;
        if let (None, Some(path)) = (former, path) {
            self.notes.push(if origin.options_awaited {
                without_options(&self.job.config, path)
            } else {
                let name = name(path);
                format!(
                    "{vendor} goes without the rules of {name}, which is not usable as it is; see the server's log, correct it, then lmreread"
                )
            });
            return Policy::default();
        }
        let what = path.map(name);
        let read = self.job.style.long_date(self.job.running.origin.options_read);
        self.notes.push(format!(
            "{vendor} goes by options read on {read}, not by the newer {}; see the server's log, correct it, then lmreread",
            what.or(former.map(FileText::name)).unwrap_or_default()
        ));
        let Some(former) = former else { return Policy::default() };
        origin.options = Some(former.clone());
        Compiled::new(former, catalog, licenses, self.now).policy
    }

    /// The options file as it is on the disk; none if there is not meant to be one.
    fn new_options(
        &self,
        path: Option<&Path>,
        former: Option<&FileText>,
    ) -> Result<Option<FileText>, String> {
        let Some(path) = path else {
            return match former {
                // No line names it any more, or it was the default one and is gone. The latter may be an accident.
                Some(former) if !is_taken(&former.path) && !self.job.force => Err(format!(
                    "OPTIONS FILE \"{}\": not readable: there is no such file any more (--force drops its rules)",
                    former.path.display()
                )),
                _ => Ok(None),
            };
        };
        let shown = path.display();
        match read_regular(path, OPTIONS_FILE_BYTES_MAX) {
            Ok(bytes) => {
                let text = FileText::new(path, bytes);
                let blank = |text: &FileText| text.bytes.iter().all(u8::is_ascii_whitespace);
                if blank(&text) && former.is_some_and(|former| !blank(former)) && !self.job.force {
                    return Err(format!(
                        "OPTIONS FILE \"{shown}\": not usable: it is empty (a comment in it, or --force, says that it is meant so)"
                    ));
                }
                Ok(Some(text))
            }
            Err(error) => Err(format!("OPTIONS FILE \"{shown}\": not readable: {error}")),
        }
    }
}

/// The errors, or the warnings, that the running file does not have. A finding is the same if it is of the same kind in a line
/// with the same words, wherever that stands.
fn new_findings<'c>(
    new: &'c Compiled,
    running: Option<&Compiled>,
    severity: Severity,
) -> Vec<&'c Diagnostic> {
    let such = |found: &&Diagnostic| found.severity == severity;
    let mut known: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for found in running.into_iter().flat_map(|running| running.found.iter().filter(such)) {
        let running = running.map(|running| &running.file);
        *known.entry((found.id, running.map(|file| words(file, found)).unwrap_or_default())).or_default() +=
            1;
    }
    new.found
        .iter()
        .filter(such)
        .filter(|found| match known.get_mut(&(found.id, words(&new.file, found))) {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            _ => true,
        })
        .collect()
}

/// The words of the line that a finding is about.
fn words(file: &OptionsFile, found: &Diagnostic) -> String {
    let line = file.lines.partition_point(|line| line.span.end <= found.span.start);
    file.lines.get(line).map(|line| plain(file.source.slice(line.span))).unwrap_or_default()
}

fn plain(text: &str) -> String {
    text.split_whitespace().filter(|word| *word != "\\").collect::<Vec<_>>().join(" ")
}

/// Lines of options files that are there only before or only after, in file order.
fn rule_changes(old: &Origin, new: &Origin) -> Vec<String> {
    let same = |one: &FileText, other: &FileText| one.digest == other.digest;
    if let (Some(old), Some(new)) = (&old.options, &new.options)
        && same(old, new)
    {
        return Vec::new();
    }
    let rules = |text: &Option<FileText>| -> Vec<(String, String)> {
        let Some(text) = text else { return Vec::new() };
        let file = text.options();
        file.options()
            .map(|line| {
                let place = file.source.place(line.span.start).line;
                (plain(file.source.slice(line.span)), format!("{}:{place}", text.name()))
            })
            .collect()
    };
    let (before, after) = (rules(&old.options), rules(&new.options));
    let mut changes = Vec::new();
    for (word, these, others) in [("removed", &before, &after), ("added", &after, &before)] {
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        others.iter().for_each(|(text, _)| *known.entry(text).or_default() += 1);
        for (text, place) in these {
            match known.get_mut(text.as_str()) {
                Some(left) if *left > 0 => *left -= 1,
                _ => changes.push(format!("rule {word}: {place}: {text}")),
            }
        }
    }
    changes
}

/// Settings of the manifest that hold only from a start on.
fn terms(old: &Origin, new: &Origin) -> Vec<String> {
    let (old, new) = (&old.manifest, &new.manifest);
    let mut lines = Vec::new();
    for (what, old, new) in
        [("lease", old.lease_s, new.lease_s), ("close grace", old.close_grace_s, new.close_grace_s)]
    {
        if old != new {
            lines.push(format!("needs a restart: the {what} of the vendor manifest, {old} s -> {new} s"));
        }
    }
    lines
}
