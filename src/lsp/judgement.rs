//! What is found in a document, as lmlint finds it, and what belongs to the document.
//!
//! A license file is judged by itself, with the options files that its VENDOR lines lead to; an options file beside the license
//! files that lead to it: open ones, and the `*.lic` of its directory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::documents::Documents;
use crate::catalog::{Catalog, Granted};
use crate::editor::{Around, Document, Served};
use crate::ident::VendorName;
use crate::license::{HostId, LicenseFile, Standing};
use crate::lmutil::catalogs::{VendorKeys, vendors};
use crate::lmutil::inputs::{ReadFiles, ReadLicenses, read_licenses};
use crate::lmutil::lmlint::{
    Wanted, judge_open, manifests_of, options_files, options_findings, options_places,
};
use crate::options::OptionsFile;
use crate::platform::{SystemClock, licenses_in};
use crate::text::{Diagnostic, Source};
use crate::time::{CivilDate, Clock as _, Timestamp};

/// So many license files of a directory are read for an options file.
const NEIGHBOURS_MAX: usize = 64;

/// What documents are judged by.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where vendor manifests may be, besides the program's own directory.
    pub vendor_dirs: Vec<PathBuf>,
    /// The hostids of the machine that the files are for.
    pub machine: Vec<HostId>,
    /// The day to judge as; none for the present day.
    pub date: Option<CivilDate>,
    /// The zone in which days begin and end.
    pub zone: TimeZone,
    /// What expires within so many days is reported.
    pub soon_days: u16,
    /// Whether the files are another publisher's: everything but signatures, hostids and dates is checked.
    pub foreign: bool,
}

impl Settings {
    fn wanted(&self) -> Wanted {
        let now = jiff::Timestamp::now().to_zoned(self.zone.clone()).date();
        Wanted {
            vendor_dirs: self.vendor_dirs.clone(),
            machine: Some(self.machine.clone()),
            today: self.date.unwrap_or_else(|| CivilDate::from(now)),
            soon_days: self.soon_days,
            foreign: self.foreign,
            options_vendor: None,
            follow_options: !self.foreign,
        }
    }

    fn at(&self) -> Timestamp {
        self.date.and_then(|day| day.begins(&self.zone)).unwrap_or_else(|| SystemClock::new().now().utc)
    }
}

/// A document with the texts that count in the place of those on disk.
pub(super) struct Desk<'a> {
    pub(super) documents: &'a Documents,
    pub(super) settings: &'a Settings,
}

impl Desk<'_> {
    fn text(&self, path: &Path) -> Option<Source> {
        // Findings name files as they were asked for.
        let open = self.documents.at(path)?;
        Some(Source::new(&path.display().to_string(), open.document.source().text().as_bytes()))
    }

    /// What is found in a document, by place.
    pub(super) fn findings(&self, document: &Document) -> Vec<Diagnostic> {
        let own = document.source();
        let open = |path: &Path| {
            let is_own = path.as_os_str() == own.name();
            if is_own { Some(own.clone()) } else { self.text(path) }
        };
        match document {
            Document::License(file) => {
                let licenses = ReadLicenses { files: vec![file.clone()], unreadable: Vec::new() };
                let read = ReadFiles { licenses, options: Vec::new() };
                let judged = judge_open(read, &self.settings.wanted(), &open);
                let found = judged.findings().filter(|(source, _)| source.name() == own.name());
                found.map(|(_, found)| found.diagnostic.clone()).collect()
            }
            Document::Options(file) => {
                let licenses = self.licenses_of(Path::new(own.name()));
                let dirs = self.settings.vendor_dirs.as_slice();
                let manifests =
                    if self.settings.foreign { BTreeMap::new() } else { manifests_of(&licenses, dirs).0 };
                options_findings(&licenses, file, None, &manifests, &open)
            }
        }
    }

    /// The license files whose VENDOR lines lead to an options file, and those of its directory for the same daemons.
    fn licenses_of(&self, options: &Path) -> Vec<LicenseFile> {
        let Some(directory) = options.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
            return Vec::new();
        };
        let mut paths = licenses_in(directory).unwrap_or_default();
        paths.truncate(NEIGHBOURS_MAX);
        let licenses = self.documents.all().filter(|open| matches!(open.document, Document::License(_)));
        for path in licenses.filter_map(|open| open.path.clone()) {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        let files: Vec<(PathBuf, LicenseFile)> =
            paths.into_iter().filter_map(|path| self.license(&path).map(|file| (path, file))).collect();
        let real = options.canonicalize().ok();
        let open = |path: &Path| self.text(path);
        let mut readers: BTreeSet<VendorName> = BTreeSet::new();
        let mut leading: BTreeSet<&Path> = BTreeSet::new();
        for (path, file) in &files {
            for (vendor, places) in options_places(std::slice::from_ref(file), &open) {
                let leads =
                    |place: &PathBuf| place == options || real.is_some() && place.canonicalize().ok() == real;
                if places.iter().any(leads) {
                    readers.insert(vendor);
                    leading.insert(path);
                }
            }
        }
        let beside = |path: &Path, file: &LicenseFile| {
            path.parent() == Some(directory) && file.vendors().any(|line| readers.contains(&line.name))
        };
        let kept: Vec<bool> =
            files.iter().map(|(path, file)| leading.contains(&**path) || beside(path, file)).collect();
        files.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|((_, file), _)| file).collect()
    }

    fn license(&self, path: &Path) -> Option<LicenseFile> {
        match self.text(path) {
            Some(source) => Some(LicenseFile::parse(source)),
            None => read_licenses(&[path.to_owned()]).files.pop(),
        }
    }

    /// What belongs to a document.
    pub(super) fn neighbourhood(&self, document: &Document) -> Neighbourhood {
        let open = |path: &Path| self.text(path);
        let (licenses, options) = match document {
            Document::License(file) => {
                let licenses = vec![file.clone()];
                let options = options_files(&licenses, &open);
                (licenses, options)
            }
            Document::Options(file) => {
                (self.licenses_of(Path::new(document.source().name())), vec![file.clone()])
            }
        };
        let served = self.served(&licenses);
        Neighbourhood { licenses, options, served, at: self.settings.at() }
    }

    fn served(&self, licenses: &[LicenseFile]) -> Vec<Served> {
        let settings = self.settings;
        let (named, _) = vendors(licenses);
        let served = named.iter().map(|vendor| {
            // A manifest that can't be used is lmlint's to report; here its vendor is one without keys.
            let keys = VendorKeys::find(&vendor.name, &settings.vendor_dirs)
                .unwrap_or_else(|_| VendorKeys::unknown(&vendor.name));
            let (files, indices): (Vec<&LicenseFile>, Vec<usize>) = vendor
                .files
                .iter()
                .zip(&vendor.indices)
                .filter(|(file, _)| vendor.has_daemon || file.standing() == Standing::Serverless)
                .unzip();
            let build = |granted: bool| {
                let granted = Granted { signatures: granted, machine: granted };
                let (machine, zone) = (&settings.machine, &settings.zone);
                Catalog::build_granting(&vendor.name, &files, &keys.manifest, machine, zone, granted)
            };
            Served {
                vendor: vendor.name.clone(),
                known: keys.known,
                catalog: build(false),
                granted: build(true),
                files: indices,
            }
        });
        served.collect()
    }
}

/// What belongs to a document.
#[derive(Debug)]
pub(super) struct Neighbourhood {
    pub(super) licenses: Vec<LicenseFile>,
    pub(super) options: Vec<OptionsFile>,
    served: Vec<Served>,
    at: Timestamp,
}

impl Neighbourhood {
    pub(super) fn around(&self) -> Around<'_> {
        Around { licenses: &self.licenses, options: &self.options, served: &self.served, at: self.at }
    }

    /// Name and text of a file in it.
    pub(super) fn source(&self, name: &str) -> Option<&Source> {
        let licenses = self.licenses.iter().map(|file| &file.source);
        let options = self.options.iter().map(|file| &file.source);
        licenses.chain(options).find(|source| source.name() == name)
    }
}
