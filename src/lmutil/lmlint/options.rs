//! Which daemon reads which options file (`flexnet-files.md` 1.3): what VENDOR lines say, or how the file is called.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::{OpenTexts, Wanted};
use crate::ident::VendorName;
use crate::license::{LicenseFile, VendorLine};
use crate::lint::{Found, OptionsOf, OptionsProject, check_options, options_missing};
use crate::lmutil::inputs::read_options;
use crate::options::OptionsFile;
use crate::platform::is_taken;
use crate::sign::Manifest;
use crate::text::Diagnostic;

/// A vendor of the license files, and where its options file is.
struct Reader<'a> {
    /// The first VENDOR line, or the first that names an options file.
    line: &'a VendorLine,
    /// Index of its license file.
    file: usize,
    /// Where the options file would be, the likeliest place first.
    places: Vec<PathBuf>,
}

/// Gives each options file to its daemon, and reads those of the daemons that none was named for. Also which of them can't be read.
pub(super) fn assigned(
    files: &[LicenseFile],
    named: Vec<OptionsFile>,
    wanted: &Wanted,
    open: &OpenTexts<'_>,
) -> (Vec<OptionsOf>, Vec<Found>) {
    let readers = readers(files, open);
    let mut options: Vec<OptionsOf> = named
        .into_iter()
        .map(|file| {
            let vendor = wanted.options_vendor.clone().or_else(|| vendor_of(&file, &readers));
            OptionsOf { file, vendor: vendor.filter(|_| !files.is_empty()) }
        })
        .collect();
    let mut missing = Vec::new();
    if !wanted.follow_options {
        return (options, Vec::new());
    }
    for (vendor, reader) in readers {
        if options.iter().any(|of| of.vendor.as_ref() == Some(vendor)) {
            continue;
        }
        match (read_first(&reader.places, open), &reader.line.options) {
            (Some(Ok(file)), _) => options.push(OptionsOf { file, vendor: Some(vendor.clone()) }),
            (Some(Err(error)), _) => missing.push((reader, error.to_string())),
            (None, Some(_)) => missing.push((reader, "there is no such file here".to_owned())),
            (None, None) => {}
        }
    }
    let missing = missing.into_iter().filter_map(|(reader, why)| {
        let diagnostic = options_missing(files.get(reader.file)?, reader.line, &why);
        Some(Found { file: reader.file, diagnostic })
    });
    let missing = missing.collect();
    (options, missing)
}

/// Whether a VENDOR line of these license files leads to an options file.
pub(in crate::lmutil) fn is_read(licenses: &[LicenseFile], file: &OptionsFile) -> bool {
    let own = Path::new(file.source.name()).canonicalize().ok();
    own.is_some()
        && readers(licenses, &|_| None)
            .values()
            .any(|reader| reader.places.iter().any(|place| place.canonicalize().ok() == own))
}

/// What is wrong or doubtful about one options file, beside the license files of its server if there are any. Whose it is is
/// said, or found as lmlint finds it.
#[must_use]
pub fn options_findings(
    licenses: &[LicenseFile],
    file: &OptionsFile,
    vendor: Option<&VendorName>,
    manifests: &BTreeMap<VendorName, Manifest>,
    open: &OpenTexts<'_>,
) -> Vec<Diagnostic> {
    let vendor = vendor.cloned().or_else(|| vendor_of(file, &readers(licenses, open)));
    let options = [OptionsOf { file: file.clone(), vendor: vendor.filter(|_| !licenses.is_empty()) }];
    let found = check_options(&OptionsProject { options: &options, licenses, manifests });
    found.into_iter().map(|found| found.diagnostic).collect()
}

/// The options file at the first of the places that has one.
fn read_first(places: &[PathBuf], open: &OpenTexts<'_>) -> Option<io::Result<OptionsFile>> {
    places.iter().find_map(|place| match open(place) {
        Some(source) => Some(Ok(OptionsFile::parse(source))),
        None => is_taken(place).then(|| read_options(place)),
    })
}

/// The vendors that VENDOR lines of license files name, and where the options file of each would be, the likeliest place first.
#[must_use]
pub fn options_places(files: &[LicenseFile], open: &OpenTexts<'_>) -> Vec<(VendorName, Vec<PathBuf>)> {
    let readers = readers(files, open).into_iter();
    readers.map(|(vendor, reader)| (vendor.clone(), reader.places)).collect()
}

/// The options files that VENDOR lines of license files lead to, as far as they can be read.
#[must_use]
pub fn options_files(files: &[LicenseFile], open: &OpenTexts<'_>) -> Vec<OptionsFile> {
    let readers = readers(files, open).into_values();
    readers.filter_map(|reader| read_first(&reader.places, open)?.ok()).collect()
}

fn readers<'a>(files: &'a [LicenseFile], open: &OpenTexts<'_>) -> BTreeMap<&'a VendorName, Reader<'a>> {
    let mut readers: BTreeMap<&VendorName, Reader<'a>> = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        let path = Path::new(file.source.name());
        // Standard input has no directory.
        let beside = path.parent().filter(|_| path.exists() || open(path).is_some());
        for line in file.vendors() {
            let mut places = Vec::new();
            match &line.options {
                Some(options) => {
                    places.push(PathBuf::from(options));
                    places.extend(beside.map(|dir| dir.join(options)));
                }
                None => places.extend(beside.map(|dir| dir.join(format!("{}.opt", line.name)))),
            }
            let names_one = line.options.is_some();
            let reader =
                readers.entry(&line.name).or_insert(Reader { line, file: index, places: Vec::new() });
            if names_one && reader.line.options.is_none() {
                *reader = Reader { line, file: index, places };
            } else if reader.places.is_empty() || reader.line.options.is_none() {
                reader.places.extend(places);
            }
        }
    }
    readers
}

fn vendor_of(file: &OptionsFile, readers: &BTreeMap<&VendorName, Reader<'_>>) -> Option<VendorName> {
    let path = Path::new(file.source.name());
    let real = |path: &Path| path.canonicalize().ok();
    let last = |path: &str| path.rsplit(['/', '\\']).next().map(str::to_owned);
    let own = real(path);
    let is_named = |reader: &Reader<'_>| {
        own.is_some() && reader.places.iter().any(|place| real(place) == own)
            || reader
                .line
                .options
                .as_deref()
                .and_then(last)
                .is_some_and(|name| Some(name) == last(file.source.name()))
    };
    let by_line = readers.iter().find(|(_, reader)| is_named(reader));
    let by_name =
        || readers.iter().find(|(vendor, _)| path.file_stem().is_some_and(|stem| stem == vendor.as_str()));
    let only = || readers.iter().next().filter(|_| readers.len() == 1);
    by_line.or_else(by_name).or_else(only).map(|(vendor, _)| (*vendor).clone())
}
