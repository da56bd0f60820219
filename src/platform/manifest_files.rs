//! Vendor manifests on disk, as the vendor daemon and the tools find and read them.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use zeroize::Zeroizing;

use super::license_files::read_regular;
use crate::ident::VendorName;
use crate::sign::{Manifest, ManifestError};

/// Longest manifest that is read, in bytes.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;

/// A manifest and the file it came from.
#[derive(Debug, Clone)]
pub struct ManifestFile {
    /// What the publisher fixes.
    pub manifest: Manifest,
    /// Where it stands.
    pub path: PathBuf,
    /// The file's bytes: there may be an HMAC key in them.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// Whose manifest was found.
#[derive(Debug, Clone)]
pub enum FoundManifest {
    /// A publisher's.
    File(Box<ManifestFile>),
    /// The built-in one for demonstration, whose key is published.
    Demo(Manifest),
}

impl FoundManifest {
    /// The manifest itself.
    #[must_use]
    pub fn into_manifest(self) -> Manifest {
        match self {
            Self::File(found) => found.manifest,
            Self::Demo(manifest) => manifest,
        }
    }
}

/// Why a manifest that is there can't be used. Each text names the file.
#[derive(Debug, Error)]
pub enum ManifestFileError {
    /// The system does not let it be read.
    #[error("Cannot read vendor manifest {}: {error}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Not UTF-8.
    #[error("Vendor manifest {} is not UTF-8 text", .0.display())]
    NotText(PathBuf),
    /// Not a manifest.
    #[error("Vendor manifest {}: {error}", path.display())]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// What is wrong in it.
        error: ManifestError,
    },
    /// A file named after one vendor with the manifest of another.
    #[error("Vendor manifest {} is for {found}, not {vendor}", path.display())]
    OtherVendor {
        /// Which file.
        path: PathBuf,
        /// Whose manifest it is.
        found: VendorName,
        /// Whose it should be.
        vendor: VendorName,
    },
}

/// The name of the file with a vendor's manifest.
#[must_use]
pub fn manifest_name(vendor: &VendorName) -> String {
    format!("{vendor}.vendor.toml")
}

/// Reads a manifest.
///
/// # Errors
/// [`ManifestFileError`], which names the file and never repeats a secret.
pub fn read_manifest(path: &Path) -> Result<ManifestFile, ManifestFileError> {
    let bytes = read_regular(path, MANIFEST_BYTES_MAX)
        .map(Zeroizing::new)
        .map_err(|error| ManifestFileError::Unreadable { path: path.to_owned(), error })?;
    let text = std::str::from_utf8(&bytes).map_err(|_| ManifestFileError::NotText(path.to_owned()))?;
    let manifest =
        Manifest::parse(text).map_err(|error| ManifestFileError::Wrong { path: path.to_owned(), error })?;
    Ok(ManifestFile { manifest, path: path.to_owned(), bytes })
}

/// A vendor's manifest: from the vendor directories, else beside the program, never beside a license file, which
/// everybody may edit. LGS has a built-in one for demonstration, which any manifest of its own switches off. `None` if
/// there is none.
///
/// # Errors
/// [`ManifestFileError`] for a manifest that is there but not usable: the next place is not tried then.
pub fn find_manifest(
    vendor: &VendorName,
    dirs: &[PathBuf],
) -> Result<Option<FoundManifest>, ManifestFileError> {
    let name = manifest_name(vendor);
    let program = std::env::current_exe().ok();
    let beside = program.as_deref().and_then(Path::parent);
    for dir in dirs.iter().map(PathBuf::as_path).chain(beside) {
        match read_manifest(&dir.join(&name)) {
            Ok(found) if found.manifest.vendor == *vendor => {
                return Ok(Some(FoundManifest::File(Box::new(found))));
            }
            Ok(ManifestFile { path, manifest, .. }) => {
                let (found, vendor) = (manifest.vendor, vendor.clone());
                return Err(ManifestFileError::OtherVendor { path, found, vendor });
            }
            Err(ManifestFileError::Unreadable { error, .. }) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let demo = Manifest::demo();
    Ok((demo.vendor == *vendor).then_some(FoundManifest::Demo(demo)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_of_the_directory_comes_before_the_built_in_one() {
        let dir = tempfile::tempdir().unwrap();
        let dirs = [dir.path().join("none"), dir.path().to_owned()];
        let vendor = Manifest::demo().vendor;
        assert!(matches!(find_manifest(&vendor, &dirs), Ok(Some(FoundManifest::Demo(_)))));
        assert!(find_manifest(&VendorName::parse("nobody").unwrap(), &dirs).unwrap().is_none());
        let path = dir.path().join(manifest_name(&vendor));
        std::fs::write(&path, Manifest::demo().print().as_str()).unwrap();
        match find_manifest(&vendor, &dirs) {
            Ok(Some(FoundManifest::File(found))) => assert_eq!(found.path, path),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_manifest_that_is_not_usable_is_named_and_not_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let dirs = [dir.path().to_owned()];
        let vendor = VendorName::parse("acme").unwrap();
        let path = dir.path().join("acme.vendor.toml");
        let error = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let error = find_manifest(&vendor, &dirs).unwrap_err().to_string();
            error.replace(&path.display().to_string(), "FILE")
        };
        assert_eq!(error(b"\xff"), "Vendor manifest FILE is not UTF-8 text");
        assert!(error(b"vendor = 5").starts_with("Vendor manifest FILE: line 1: "));
        assert_eq!(error(Manifest::demo().print().as_bytes()), "Vendor manifest FILE is for LGS, not acme");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(
            find_manifest(&vendor, &dirs).unwrap_err().to_string(),
            format!("Cannot read vendor manifest {}: it is not a regular file", path.display())
        );
    }
}
