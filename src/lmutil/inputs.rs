//! What the tools for license and options files are given: the files, and the manifests of the vendors in them.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::ident::VendorName;
use crate::license::{LicenseFile, is_keyword};
use crate::options::{Keyword, OptionsFile};
use crate::platform::{LICENSE_FILE_BYTES_MAX, ManifestFileError, find_manifest, licenses_in, read_regular};
use crate::sign::Manifest;
use crate::text::Source;

/// The name of standard input among the arguments.
pub const STANDARD_INPUT: &str = "-";
const STANDARD_INPUT_SHOWN: &str = "(standard input)";

/// Longest options file that is read, in bytes.
const OPTIONS_FILE_BYTES_MAX: u64 = LICENSE_FILE_BYTES_MAX;

/// License files as they were read, in the order in which they were named.
#[derive(Debug, Default)]
pub struct ReadLicenses {
    /// What could be read.
    pub files: Vec<LicenseFile>,
    /// What could not, and why.
    pub unreadable: Vec<(PathBuf, io::Error)>,
}

/// Files of either kind, each kind in the order in which its files were named.
#[derive(Debug, Default)]
pub struct ReadFiles {
    /// The license files, and what could not be read of any kind.
    pub licenses: ReadLicenses,
    /// The options files.
    pub options: Vec<OptionsFile>,
}

/// Reads license files: a directory stands for its `*.lic` in byte order, `-` for standard input. A directory without
/// any `*.lic` is named among the unreadable ones.
#[must_use]
pub fn read_licenses(paths: &[PathBuf]) -> ReadLicenses {
    let mut read = ReadLicenses::default();
    each_text(paths, |path, text| read.keep(path, text));
    read
}

/// Reads files, of which some are options files: by their name or by what stands in them ([`is_options`]). Those in `options` are
/// options files in any case.
#[must_use]
pub fn read_files(paths: &[PathBuf], options: &[PathBuf]) -> ReadFiles {
    let mut read = ReadFiles::default();
    each_text(paths, |path, text| match text {
        Ok(source) if is_options(&source) => read.options.push(OptionsFile::parse(source)),
        text => read.licenses.keep(path, text),
    });
    for path in options {
        match read_options(path) {
            Ok(file) => read.options.push(file),
            Err(error) => read.licenses.unreadable.push((path.clone(), error)),
        }
    }
    read
}

/// Reads one options file, or standard input for `-`.
///
/// # Errors
/// What kept it from being read.
pub fn read_options(path: &Path) -> io::Result<OptionsFile> {
    let text = if path.as_os_str() == STANDARD_INPUT {
        standard_input()
    } else {
        text_of(path, OPTIONS_FILE_BYTES_MAX)
    };
    text.map(OptionsFile::parse)
}

/// Whether a text is an options file: by its name if that ends in `.opt` or `.lic`, else by the first word that begins a line of
/// either language.
#[must_use]
pub fn is_options(source: &Source) -> bool {
    let extension = Path::new(source.name()).extension().unwrap_or_default();
    if extension.eq_ignore_ascii_case("opt") || extension.eq_ignore_ascii_case("lic") {
        return extension.eq_ignore_ascii_case("opt");
    }
    let words = source.text().lines().filter_map(|line| line.split_whitespace().next());
    let mut known = words.map(|word| (Keyword::of(word).is_some(), is_keyword(word)));
    known.find(|(options, license)| *options || *license).is_some_and(|(options, _)| options)
}

fn each_text(paths: &[PathBuf], mut take: impl FnMut(&Path, io::Result<Source>)) {
    for path in paths {
        if path.as_os_str() == STANDARD_INPUT {
            take(path, standard_input());
        } else if path.is_dir() {
            match licenses_in(path) {
                Ok(found) if found.is_empty() => {
                    let error = io::Error::new(io::ErrorKind::NotFound, "the directory has no *.lic file");
                    take(path, Err(error));
                }
                Ok(found) => found.iter().for_each(|path| take(path, text_of(path, LICENSE_FILE_BYTES_MAX))),
                Err(error) => take(path, Err(error)),
            }
        } else {
            take(path, text_of(path, LICENSE_FILE_BYTES_MAX));
        }
    }
}

impl ReadLicenses {
    fn keep(&mut self, path: &Path, text: io::Result<Source>) {
        match text {
            Ok(source) => self.files.push(LicenseFile::parse(source)),
            Err(error) => self.unreadable.push((path.to_owned(), error)),
        }
    }
}

fn text_of(path: &Path, bytes_max: u64) -> io::Result<Source> {
    let bytes = read_regular(path, bytes_max)?;
    Ok(Source::new(&path.display().to_string(), &bytes))
}

fn standard_input() -> io::Result<Source> {
    read_standard_input().map(|bytes| Source::new(STANDARD_INPUT_SHOWN, &bytes))
}

fn read_standard_input() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(LICENSE_FILE_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= LICENSE_FILE_BYTES_MAX) {
        return Ok(bytes);
    }
    Err(io::Error::new(
        io::ErrorKind::FileTooLarge,
        format!("it has more than {LICENSE_FILE_BYTES_MAX} bytes"),
    ))
}

/// The manifest that a vendor daemon would use: from the vendor directories, beside the program, or the built-in one
/// of LGS. `None` if there is none: signatures of this vendor can't be judged here then.
///
/// # Errors
/// [`ManifestFileError`] for a manifest that is there but not usable.
pub fn manifest_of(vendor: &VendorName, dirs: &[PathBuf]) -> Result<Option<Manifest>, ManifestFileError> {
    Ok(find_manifest(vendor, dirs)?.map(|found| found.into_manifest()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_files_are_known_by_name_or_content() {
        let is = |name: &str, text: &str| is_options(&Source::new(name, text.as_bytes()));
        assert!(is("LGS.OPT", "SERVER h ANY\n"));
        assert!(!is("a.lic", "EXCLUDE f USER u\n"));
        assert!(is("license.options", "# who may\n\n  reserve 1 f USER u\n"));
        assert!(!is("license.dat", "what you get\nFEATURE f v 1 permanent 1\nMAX 1 f USER u\n"));
        assert!(!is("empty", ""));
    }

    #[test]
    fn files_come_in_order_and_what_is_missing_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        for name in ["b.lic", "a.lic", "c.txt", "odd"] {
            std::fs::write(place(name), format!("# {name}\n")).unwrap();
        }
        std::fs::create_dir(place("empty")).unwrap();
        let read = read_licenses(&[place("odd"), dir.path().to_owned(), place("none"), place("empty")]);
        let texts: Vec<&str> = read.files.iter().map(|file| file.source.text()).collect();
        assert_eq!(texts, ["# odd\n", "# a.lic\n", "# b.lic\n"]);
        let missing: Vec<_> = read.unreadable.iter().map(|(path, error)| (path, error.kind())).collect();
        let not_found = io::ErrorKind::NotFound;
        assert_eq!(missing, [(&place("none"), not_found), (&place("empty"), not_found)]);
    }
}
