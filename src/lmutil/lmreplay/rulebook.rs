//! The rules at each point of the record: recorded files, or those that are tried in their place.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::Wanted;
use super::source::Source;
use crate::catalog::{Catalog, Granted};
use crate::event::{FileRole, StartFile};
use crate::ident::{Digest, VendorName};
use crate::license::{HostId, LicenseFile};
use crate::lmutil::catalogs::{VendorKeys, vendors};
use crate::lmutil::inputs::{read_licenses, read_options};
use crate::options::OptionsFile;
use crate::platform;
use crate::policy::Policy;
use crate::replay::{Files, Ruleset, Survey};
use crate::sign::Manifest;
use crate::text::{Severity, Source as Text};

/// How many sets of rules are kept at hand; a record may hold thousands of rereads, most of a few files.
const KEPT_MAX: usize = 16;

/// What rules are made of.
#[derive(Clone, PartialEq, Eq)]
struct Key {
    files: Vec<(FileRole, Digest)>,
    zone: String,
}

/// Makes rules of files.
pub(super) struct Rulebook<'a> {
    wanted: &'a Wanted,
    source: &'a Source,
    survey: Seen,
    zone: TimeZone,
    vendor: VendorName,
    licenses: Option<Vec<LicenseFile>>,
    options: Option<OptionsFile>,
    machine: Vec<HostId>,
    kept: Vec<(Key, Ruleset)>,
    notes: Vec<String>,
}

/// What the record shows to have been granted from.
struct Seen {
    lines: std::collections::BTreeSet<Digest>,
}

impl<'a> Rulebook<'a> {
    pub(super) fn new(
        wanted: &'a Wanted,
        source: &'a Source,
        survey: &Survey,
        zone: TimeZone,
    ) -> Result<Self, Vec<String>> {
        let one = |problem: String| vec![problem];
        let licenses = match &wanted.licenses[..] {
            [] => None,
            paths => {
                let read = read_licenses(paths);
                if !read.unreadable.is_empty() {
                    let text =
                        |(path, error): &(PathBuf, std::io::Error)| format!("{}: {error}", path.display());
                    return Err(read.unreadable.iter().map(text).collect());
                }
                Some(read.files)
            }
        };
        if licenses.is_none() && survey.first_files.as_ref().is_none_or(|files| files.files.is_empty()) {
            let problem =
                "the record does not say under which license files it was made: name some with --license";
            return Err(one(problem.to_owned()));
        }
        let options = match &wanted.options {
            Some(path) => {
                Some(read_options(path).map_err(|error| one(format!("{}: {error}", path.display())))?)
            }
            None => None,
        };
        let machine =
            if wanted.machine.is_empty() { platform::own_hostids() } else { wanted.machine.clone() };
        let mut book = Self {
            wanted,
            source,
            survey: Seen { lines: survey.lines.clone() },
            zone,
            vendor: VendorName::parse("LGS").map_err(|error| one(error.to_string()))?,
            licenses,
            options,
            machine,
            kept: Vec::new(),
            notes: Vec::new(),
        };
        book.vendor = book.find_vendor(survey).map_err(one)?;
        Ok(book)
    }

    pub(super) const fn vendor(&self) -> &VendorName {
        &self.vendor
    }

    pub(super) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// The rules, in words.
    pub(super) fn described(&self) -> Vec<String> {
        let licenses = match &self.licenses {
            None => "license files as recorded".to_owned(),
            Some(files) => {
                let names: Vec<&str> = files.iter().map(|file| file.source.name()).collect();
                format!("license files {}", names.join(", "))
            }
        };
        let options = match (&self.options, self.source.pools_known()) {
            (Some(options), _) => format!("options file {}", options.source.name()),
            (None, true) => "options files as recorded".to_owned(),
            (None, false) => "no options file".to_owned(),
        };
        vec![licenses, options]
    }

    /// The rules that hold after a start or reread with these files.
    pub(super) fn rules(&mut self, files: Option<&Files>) -> Result<Ruleset, String> {
        let none = Files { files: Vec::new(), zone: String::new() };
        let files = files.unwrap_or(&none);
        let key = Key {
            files: files.files.iter().map(|file| (file.role, file.digest)).collect(),
            zone: files.zone.clone(),
        };
        if let Some((_, rules)) = self.kept.iter().find(|(kept, _)| *kept == key) {
            return Ok(rules.clone());
        }
        let rules = self.build(files)?;
        if self.kept.len() >= KEPT_MAX {
            self.kept.remove(0);
        }
        self.kept.push((key, rules.clone()));
        Ok(rules)
    }

    fn build(&mut self, files: &Files) -> Result<Ruleset, String> {
        let zone = match &self.wanted.zone {
            Some(zone) => zone.clone(),
            None if files.zone.is_empty() || !self.source.pools_known() => self.zone.clone(),
            None => TimeZone::get(&files.zone)
                .map_err(|error| format!("recorded time zone {:?}: {error}", files.zone))?,
        };
        let manifest = self.manifest(files)?;
        let recorded;
        let (licenses, granted, machine) = match &self.licenses {
            Some(new) => {
                let granted = Granted { signatures: self.wanted.unsigned, machine: true };
                (new, granted, self.machine.clone())
            }
            None => {
                recorded = self.recorded_licenses(files)?;
                let (granted, machine) = self.standing(&recorded, &manifest, &zone);
                (&recorded, granted, machine)
            }
        };
        let inputs: Vec<&LicenseFile> = licenses.iter().collect();
        let catalog = Catalog::build_granting(&self.vendor, &inputs, &manifest, &machine, &zone, granted);
        let compile = |options: &OptionsFile| Policy::compile(options, &catalog, &inputs);
        let policy = match &self.options {
            Some(options) => {
                let (policy, mut found) = compile(options);
                found.extend(options.diagnostics.iter().cloned());
                found.retain(|found| found.severity == Severity::Error);
                found.sort_by_key(|found| found.span.start);
                let lines: Vec<String> = found.iter().map(|found| found.line(&options.source)).collect();
                for line in lines {
                    let note = format!("{line}; the line is skipped, and a reread would refuse the file");
                    if !self.notes.contains(&note) {
                        self.notes.push(note);
                    }
                }
                policy
            }
            None => match files.files.iter().find(|file| file.role == FileRole::Options) {
                Some(file) => {
                    let bytes = self.bytes(file)?;
                    compile(&OptionsFile::parse(Text::new(&file.path, &bytes))).0
                }
                None => Policy::default(),
            },
        };
        Ok(Ruleset { catalog: Arc::new(catalog), policy: Arc::new(policy) })
    }

    fn bytes(&self, file: &StartFile) -> Result<Vec<u8>, String> {
        self.source.file(&file.digest)?.ok_or_else(|| {
            format!("the history does not keep the bytes of {} as they were ({})", file.path, file.digest)
        })
    }

    fn recorded_licenses(&self, files: &Files) -> Result<Vec<LicenseFile>, String> {
        let licenses = files.files.iter().filter(|file| file.role == FileRole::License);
        licenses.map(|file| Ok(LicenseFile::parse(Text::new(&file.path, &self.bytes(file)?)))).collect()
    }

    /// The recorded manifest, else the one that is found here. What was recorded without one was served under the demo manifest.
    fn manifest(&mut self, files: &Files) -> Result<Manifest, String> {
        if self.wanted.vendor_dirs.is_empty() {
            if let Some(file) = files.files.iter().find(|file| file.role == FileRole::Manifest) {
                let bytes = self.bytes(file)?;
                let text = String::from_utf8_lossy(&bytes);
                return Manifest::parse(&text).map_err(|error| format!("recorded {}: {error}", file.path));
            }
            let demo = Manifest::demo();
            if !files.files.is_empty() && demo.vendor == self.vendor {
                return Ok(demo);
            }
        }
        let keys =
            VendorKeys::find(&self.vendor, &self.wanted.vendor_dirs).map_err(|error| error.to_string())?;
        if keys.known || self.wanted.unsigned {
            return Ok(keys.manifest);
        }
        Err(format!(
            "no key of vendor {0} is known here ({0}.vendor.toml was not found), so no line counts; --vendor-dir says where it is, \
             --unsigned takes all signatures as good",
            self.vendor
        ))
    }

    /// Which recorded license files were this server's. On its own machine that is clear; elsewhere a file from which something was
    /// granted was, and if nothing of the files fits otherwise, all are taken as its own.
    fn standing(
        &mut self,
        files: &[LicenseFile],
        manifest: &Manifest,
        zone: &TimeZone,
    ) -> (Granted, Vec<HostId>) {
        let signatures = self.wanted.unsigned;
        let strict = Granted { signatures, machine: false };
        let mut machine = self.machine.clone();
        let mut servers = files.iter().flat_map(LicenseFile::servers);
        if servers.all(|server| server.hostid.matches_machine(&machine)) {
            return (strict, machine);
        }
        let granting = Granted { signatures, machine: true };
        let inputs: Vec<&LicenseFile> = files.iter().collect();
        let vendor = self.vendor.clone();
        let build = |granted, machine: &[HostId]| {
            Catalog::build_granting(&vendor, &inputs, manifest, machine, zone, granted)
        };
        let all = build(granting, &machine);
        let pools = all.features().flat_map(|feature| all.pools(feature.as_str()));
        let evident = pools
            .flat_map(|pool| &pool.lots)
            .filter(|lot| lot.lines.iter().any(|line| self.survey.lines.contains(line)));
        for file in evident.filter_map(|lot| files.get(lot.place.file)) {
            for server in file.servers() {
                if !server.hostid.matches_machine(&machine) {
                    machine.push(server.hostid.clone());
                }
            }
        }
        if machine.len() > self.machine.len() {
            let note = "the license files are of another machine: a file from which something was granted counts as the server's \
                        own (--server-hostid says which machine it was)";
            self.note(note);
        }
        if build(strict, &machine).is_empty() && !all.is_empty() {
            self.note(
                "the license files are of another machine: all count as the server's own (--server-hostid says which machine it was)",
            );
            return (granting, machine);
        }
        (strict, machine)
    }

    fn note(&mut self, text: &str) {
        if !self.notes.iter().any(|note| note == text) {
            self.notes.push(text.to_owned());
        }
    }

    /// Whose daemon it was: what was said, else the name of its directory if the files are of that vendor, else the only vendor.
    fn find_vendor(&self, survey: &Survey) -> Result<VendorName, String> {
        let recorded;
        let files = match (&self.licenses, &survey.first_files) {
            (Some(new), _) => new,
            (None, Some(first)) => {
                recorded = self.recorded_licenses(first)?;
                &recorded
            }
            (None, None) => return Err("the record names no license file".to_owned()),
        };
        let (found, _) = vendors(files);
        let has = |name: &VendorName| found.iter().any(|vendor| vendor.name == *name);
        let names = || found.iter().map(|vendor| vendor.name.as_str()).collect::<Vec<_>>().join(", ");
        if let Some(vendor) = &self.wanted.vendor {
            return if has(vendor) {
                Ok(vendor.clone())
            } else {
                Err(format!("no line of the license files is of vendor {vendor}, but of {}", names()))
            };
        }
        // What was recorded of one vendor can't be judged under the licenses of another.
        if let (Some(_), Some(first)) = (&self.licenses, &survey.first_files)
            && let Ok(recorded) = self.recorded_licenses(first)
        {
            let (recorded, _) = vendors(&recorded);
            if !recorded.is_empty() && !recorded.iter().any(|vendor| has(&vendor.name)) {
                let of: Vec<&str> = recorded.iter().map(|vendor| vendor.name.as_str()).collect();
                return Err(format!(
                    "the history is of {}, the license files are of {}",
                    of.join(", "),
                    names()
                ));
            }
        }
        let place = self.source.vendor();
        if let Some(place) = place.filter(|place| found.iter().any(|vendor| vendor.name == *place)) {
            return Ok(place);
        }
        match &found[..] {
            [only] => Ok(only.name.clone()),
            [] => Err("the license files name no vendor".to_owned()),
            _ => Err(format!("the license files are of {}; say with --vendor whose they are", names())),
        }
    }
}
