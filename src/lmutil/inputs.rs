//! What the tools for license files are given: the files, and the manifests of the vendors in them.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::ident::VendorName;
use crate::license::LicenseFile;
use crate::platform::{LICENSE_FILE_BYTES_MAX, ManifestFileError, find_manifest, licenses_in, read_regular};
use crate::sign::Manifest;
use crate::text::Source;

/// The name of standard input among the arguments.
pub const STANDARD_INPUT: &str = "-";
const STANDARD_INPUT_SHOWN: &str = "(standard input)";

/// License files as they were read, in the order in which they were named.
#[derive(Debug, Default)]
pub struct ReadLicenses {
    /// What could be read.
    pub files: Vec<LicenseFile>,
    /// What could not, and why.
    pub unreadable: Vec<(PathBuf, io::Error)>,
}

/// Reads license files: a directory stands for its `*.lic` in byte order, `-` for standard input. A directory without
/// any `*.lic` is named among the unreadable ones.
#[must_use]
pub fn read_licenses(paths: &[PathBuf]) -> ReadLicenses {
    let mut read = ReadLicenses::default();
    for path in paths {
        if path.as_os_str() == STANDARD_INPUT {
            let bytes = read_standard_input();
            read.keep(path, STANDARD_INPUT_SHOWN, bytes);
        } else if path.is_dir() {
            match licenses_in(path) {
                Ok(found) if found.is_empty() => {
                    let error = io::Error::new(io::ErrorKind::NotFound, "the directory has no *.lic file");
                    read.unreadable.push((path.clone(), error));
                }
                Ok(found) => found.iter().for_each(|path| read.file(path)),
                Err(error) => read.unreadable.push((path.clone(), error)),
            }
        } else {
            read.file(path);
        }
    }
    read
}

impl ReadLicenses {
    fn file(&mut self, path: &Path) {
        self.keep(path, &path.display().to_string(), read_regular(path, LICENSE_FILE_BYTES_MAX));
    }

    fn keep(&mut self, path: &Path, name: &str, bytes: io::Result<Vec<u8>>) {
        match bytes {
            Ok(bytes) => self.files.push(LicenseFile::parse(Source::new(name, &bytes))),
            Err(error) => self.unreadable.push((path.to_owned(), error)),
        }
    }
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
