//! Banner and version lines (`flexnet-tools.md` 0.3, 2.2, 2.15).

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::{VERSION, describe_version};

/// Begins the version text that every binary of ours contains.
const MARK: &str = "@(#)seatkeeper v";

/// What [`embedded_version`] finds in a binary.
static EMBEDDED: &str = concat!(
    "@(#)seatkeeper v",
    env!("CARGO_PKG_VERSION_MAJOR"),
    ".",
    env!("CARGO_PKG_VERSION_MINOR"),
    ".",
    env!("CARGO_PKG_VERSION_PATCH"),
    "\n"
);

/// The first line of every tool; it names the program that was called.
#[must_use]
pub fn banner(called: &str) -> String {
    format!("{called} - Copyright (c) 2026 the Seatkeeper developers. All Rights Reserved.")
}

/// `lmstat v0.1.0 build 100 x64_lsb`: readers want a build number, so it is made of the version's parts.
#[must_use]
pub fn version_line(called: &str) -> String {
    let version = EMBEDDED.strip_prefix(MARK).map_or(VERSION, str::trim_end);
    format!("{called} {}", describe_version(version))
}

/// Why a file's version is not known.
#[derive(Debug, Error)]
pub enum VersionFileError {
    /// The system refused.
    #[error("cannot read {}: {source}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not a program of ours.
    #[error("{} does not contain a version of this system", path.display())]
    NoVersion {
        /// The file.
        path: PathBuf,
    },
}

/// Looks for the version text inside a program file.
///
/// # Errors
/// [`VersionFileError`].
pub fn embedded_version(path: &Path) -> Result<String, VersionFileError> {
    let system = |source| VersionFileError::System { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(system)?;
    let mut window = Vec::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut chunk).map_err(system)?;
        if read == 0 {
            return Err(VersionFileError::NoVersion { path: path.to_owned() });
        }
        window.extend_from_slice(chunk.get(..read).unwrap_or_default());
        if let Some(version) = find_version(&window) {
            return Ok(describe_version(&version));
        }
        // The text may lie across two chunks.
        window.drain(..window.len().saturating_sub(64));
    }
}

fn find_version(bytes: &[u8]) -> Option<String> {
    bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK.as_bytes()).find_map(
        |(start, _)| {
            let tail = bytes.get(start + MARK.len()..)?;
            let end = tail.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
            let version = std::str::from_utf8(tail.get(..end)?).ok()?;
            (tail.get(end) == Some(&b'\n') && version.split('.').count() == 3).then(|| version.to_owned())
        },
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn this_very_program_has_a_version() {
        let found = embedded_version(&std::env::current_exe().unwrap()).unwrap();
        assert_eq!(format!("lmver {found}"), version_line("lmver"));
    }

    #[test]
    fn the_text_is_found_across_chunks_and_not_in_other_files() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&vec![b'x'; (1 << 16) - 5]).unwrap();
        assert!(matches!(embedded_version(file.path()), Err(VersionFileError::NoVersion { .. })));
        // Put together here: as one text it would be found in this very program.
        let version = [9, 12, 3].map(|number: u8| number.to_string()).join(".");
        file.write_all(format!("{MARK}{version}\nmore").as_bytes()).unwrap();
        assert!(embedded_version(file.path()).unwrap().starts_with("v9.12.3 build 91203 "));
    }
}
