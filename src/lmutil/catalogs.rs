//! What each vendor daemon would make of license files, for the tools that show and compare it.

mod json;

pub(super) use json::{instant_json, key_json, place_json, verdict_json};

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::inputs::manifest_of;
use crate::ident::VendorName;
use crate::license::LicenseFile;
use crate::platform::ManifestFileError;
use crate::sign::Manifest;

/// Most vendors that are judged: each looks at every line of its files.
pub const VENDORS_MAX: usize = 100;

/// A vendor that license files name, and the files that its daemon reads: those with a VENDOR line or with a signed
/// line of it.
#[derive(Debug, Clone)]
pub struct VendorFiles<'a> {
    /// Its name.
    pub name: VendorName,
    /// Its files in the order of the license path.
    pub files: Vec<&'a LicenseFile>,
    /// Which of all files they are.
    pub indices: Vec<usize>,
    /// Whether a VENDOR line names it. Without one no daemon is started for it.
    pub has_daemon: bool,
}

/// The vendors of some files, in the order in which the files name them: those of VENDOR lines first. At most
/// [`VENDORS_MAX`], and how many there are.
#[must_use]
pub fn vendors(files: &[LicenseFile]) -> (Vec<VendorFiles<'_>>, usize) {
    let daemons = files.iter().flat_map(LicenseFile::vendors).map(|line| (&line.name, true));
    let statements =
        files.iter().flat_map(LicenseFile::statements).map(|(_, statement)| (statement.vendor(), false));
    let mut seen = BTreeSet::new();
    let mut order: Vec<(&VendorName, bool)> = daemons.chain(statements).collect();
    order.retain(|(name, _)| seen.insert(*name));
    let vendors = order.iter().take(VENDORS_MAX).map(|(name, has_daemon)| {
        let mine = files.iter().enumerate().filter(|(_, file)| names(file, name));
        let (indices, files) = mine.unzip();
        VendorFiles { name: (*name).clone(), files, indices, has_daemon: *has_daemon }
    });
    (vendors.collect(), order.len())
}

fn names(file: &LicenseFile, vendor: &VendorName) -> bool {
    file.vendors().any(|line| line.name == *vendor)
        || file.statements().any(|(_, statement)| statement.vendor() == vendor)
}

/// What is known here of a vendor's keys.
#[derive(Debug, Clone)]
pub struct VendorKeys {
    /// The manifest, or one without any key.
    pub manifest: Manifest,
    /// Whether there is a manifest.
    pub known: bool,
}

impl VendorKeys {
    /// Looks for the vendor's manifest as the vendor daemon does.
    ///
    /// # Errors
    /// [`ManifestFileError`] for a manifest that is there but not usable.
    pub fn find(vendor: &VendorName, dirs: &[PathBuf]) -> Result<Self, ManifestFileError> {
        Ok(match manifest_of(vendor, dirs)? {
            Some(manifest) => Self { manifest, known: true },
            None => Self::unknown(vendor),
        })
    }

    /// A vendor of whom no key is known.
    #[must_use]
    pub fn unknown(vendor: &VendorName) -> Self {
        Self { manifest: Manifest::new(vendor.clone(), Vec::new()), known: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Source;

    #[test]
    fn a_daemon_reads_the_files_that_name_it() {
        let files: Vec<LicenseFile> = [
            "VENDOR b\nINCREMENT f c 1.0 permanent 1\n",
            "VENDOR a\nPACKAGE p b 1.0 COMPONENTS=x\n",
            "SERVER h ANY\n",
        ]
        .iter()
        .map(|text| LicenseFile::parse(Source::new("x.lic", text.as_bytes())))
        .collect();
        let (found, count) = vendors(&files);
        let found: Vec<_> =
            found.iter().map(|v| (v.name.as_str(), v.indices.as_slice(), v.has_daemon)).collect();
        assert_eq!(found, [("b", &[0, 1][..], true), ("a", &[1], true), ("c", &[0], false)]);
        assert_eq!(count, 3);
    }

    #[test]
    fn the_number_of_vendors_is_bounded() {
        let text: String = (0..VENDORS_MAX + 5).map(|n| format!("VENDOR v{n}\n")).collect();
        let files = [LicenseFile::parse(Source::new("x.lic", text.as_bytes()))];
        let (found, count) = vendors(&files);
        assert_eq!((found.len(), count), (VENDORS_MAX, VENDORS_MAX + 5));
    }
}
