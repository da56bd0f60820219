//! License files and manifests on disk, as every part of the system finds and reads them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Longest license file that is read, in bytes.
pub const LICENSE_FILE_BYTES_MAX: u64 = 64 << 20;

/// The `*.lic` of a directory that are regular files, in byte order of their names.
///
/// # Errors
/// What the system said.
pub fn licenses_in(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("lic")) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Reads a regular file of at most `bytes_max` bytes. A device or a pipe could go on for ever, so it is refused.
///
/// # Errors
/// What the system said, or that the file is not regular or too long.
pub fn read_regular(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    // The file may grow while it is read.
    File::open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= bytes_max) {
        return Ok(bytes);
    }
    Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {bytes_max} bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_and_long_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lic");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read_regular(&path, 5).unwrap(), b"12345");
        assert_eq!(read_regular(&path, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_regular(Path::new("/dev/zero"), 5).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(read_regular(&dir.path().join("b"), 5).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
