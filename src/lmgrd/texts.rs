//! The text of the license files for tools on other machines (`grammar/wire.md`, "License files").
//!
//! Files are read where waiting for a disk stops nobody, a frame at a time. Only the files that lmgrd serves can be asked
//! for, under the names that it shows anyway.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::wire::LicensePart;
use crate::wire::limits::{LICENSE_CHUNK_BYTES_MAX, LICENSES_BYTES_MAX, TEXT_BYTES_MAX};

/// A frame takes parts until it has so many bytes; one more of each kind then still fits.
const FRAME_FILL: usize = 16 * 1024;

/// What a part has beside its texts, at most.
const PART_BYTES: usize = 16;

/// Files that are being sent.
#[derive(Debug)]
pub(super) struct Texts {
    files: Arc<[PathBuf]>,
    /// Index of the file that comes next.
    next: usize,
    /// The file that is being read, and its name.
    open: Option<(String, File)>,
    /// Bytes that the answer may still have.
    left: usize,
}

impl Texts {
    pub(super) const fn of(files: Arc<[PathBuf]>) -> Self {
        Self::with_limit(files, LICENSES_BYTES_MAX)
    }

    const fn with_limit(files: Arc<[PathBuf]>, left: usize) -> Self {
        Self { files, next: 0, open: None, left }
    }

    /// Whether everything was given.
    pub(super) fn at_end(&self) -> bool {
        self.open.is_none() && self.next >= self.files.len()
    }

    /// The parts of the next frame, read on a thread that may wait. None if that thread could not do it.
    pub(super) async fn next(mut self) -> Option<(Self, Vec<LicensePart>)> {
        let reading = tokio::task::spawn_blocking(move || {
            let parts = self.read();
            (self, parts)
        });
        reading.await.ok()
    }

    fn read(&mut self) -> Vec<LicensePart> {
        let mut parts = Vec::new();
        let mut bytes = 0;
        while bytes < FRAME_FILL && !self.at_end() {
            let part = match self.open.take() {
                Some((name, file)) => self.go_on(name, file),
                None => self.begin(),
            };
            bytes += part.as_ref().map_or(0, size);
            parts.extend(part);
        }
        parts
    }

    fn begin(&mut self) -> Option<LicensePart> {
        let path = self.files.get(self.next)?;
        self.next += 1;
        let name = path.display().to_string();
        let unreadable = match open(path, self.left) {
            Ok(file) => {
                self.open = Some((name.clone(), file));
                None
            }
            Err(error) => Some(error.to_string()),
        };
        Some(LicensePart::File { name, unreadable })
    }

    /// The next bytes of the open file; none at its end.
    fn go_on(&mut self, name: String, file: File) -> Option<LicensePart> {
        let mut chunk = Vec::new();
        let most = LICENSE_CHUNK_BYTES_MAX.min(self.left);
        // One more byte tells whether a file that grows has become too long.
        let wanted = u64::try_from(if most == self.left { most + 1 } else { most }).unwrap_or(u64::MAX);
        let failed = |why: String| Some(LicensePart::File { name: name.clone(), unreadable: Some(why) });
        match (&file).take(wanted).read_to_end(&mut chunk) {
            Ok(0) => None,
            Ok(read) if read > self.left => failed(too_long().to_string()),
            Ok(read) => {
                self.left -= read;
                self.open = Some((name, file));
                Some(LicensePart::Bytes(chunk))
            }
            Err(error) => failed(error.to_string()),
        }
    }
}

fn size(part: &LicensePart) -> usize {
    PART_BYTES
        + match part {
            LicensePart::File { .. } => 2 * TEXT_BYTES_MAX,
            LicensePart::Bytes(bytes) => bytes.len(),
        }
}

fn too_long() -> io::Error {
    let text = format!("the license files of this server have more than {LICENSES_BYTES_MAX} bytes together");
    io::Error::new(io::ErrorKind::FileTooLarge, text)
}

/// A device or a pipe could go on for ever, so it is refused.
fn open(path: &Path, bytes_max: usize) -> io::Result<File> {
    let about = std::fs::metadata(path)?;
    if !about.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    if usize::try_from(about.len()).map_or(true, |length| length > bytes_max) {
        return Err(too_long());
    }
    File::open(path)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::wire::{encode_licenses, limits::FRAME_BYTES_MAX};

    /// Name, bytes, and why it can't be read.
    type Read = Vec<(String, Vec<u8>, Option<String>)>;

    fn all(mut texts: Texts) -> (Read, usize) {
        let (mut files, mut frames): (Read, usize) = (Vec::new(), 0);
        loop {
            let parts = texts.read();
            let mut out = BytesMut::new();
            encode_licenses(&parts, texts.at_end(), 1, &mut out).unwrap();
            assert!(out.len() <= FRAME_BYTES_MAX);
            frames += 1;
            for part in parts {
                match part {
                    LicensePart::File { name, unreadable } => files.push((name, Vec::new(), unreadable)),
                    LicensePart::Bytes(bytes) => files.last_mut().unwrap().1.extend(bytes),
                }
            }
            if texts.at_end() {
                return (files, frames);
            }
        }
    }

    #[test]
    fn files_come_whole_and_in_order_and_unreadable_ones_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let long: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        std::fs::write(path("long"), &long).unwrap();
        std::fs::write(path("empty"), "").unwrap();
        std::fs::create_dir(path("dir")).unwrap();
        let names = ["empty", "long", "none", "dir", "long"];
        let (files, frames) = all(Texts::of(names.iter().map(|name| path(name)).collect()));
        let shown: Vec<_> = files.iter().map(|(_, bytes, why)| (bytes.as_slice(), why.as_deref())).collect();
        assert_eq!(shown[0], (&[][..], None));
        assert_eq!(shown[1], (&long[..], None));
        assert!(shown[2].1.unwrap().starts_with("No such file"), "{shown:?}");
        assert_eq!(shown[3], (&[][..], Some("it is not a regular file")));
        assert_eq!(shown[4], (&long[..], None));
        assert!(frames > 2 * 200_000 / FRAME_BYTES_MAX);
    }

    #[test]
    fn many_small_files_share_frames_that_never_become_too_long() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lic");
        std::fs::write(&path, "# a\n").unwrap();
        let (files, frames) = all(Texts::of(vec![path; 1000].into()));
        assert!(files.len() == 1000 && frames < 1000, "{frames}");
        assert!(files.iter().all(|(_, bytes, why)| bytes == b"# a\n" && why.is_none()));
    }

    #[test]
    fn the_answer_is_bounded_also_when_a_file_grows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lic");
        std::fs::write(&path, "12345").unwrap();
        let files: Arc<[PathBuf]> = vec![path.clone(), path.clone()].into();
        let (read, _) = all(Texts::with_limit(Arc::clone(&files), 9));
        assert_eq!(read[0].1, b"12345");
        assert!(read[1].1.is_empty() && read[1].2.as_ref().unwrap().contains("more than"), "{read:?}");
        let (read, _) = all(Texts::with_limit(Arc::clone(&files), 10));
        assert_eq!((&read[1].1[..], &read[1].2), (&b"12345"[..], &None));

        let mut texts = Texts::with_limit(files, 9);
        assert!(matches!(texts.begin(), Some(LicensePart::File { unreadable: None, .. })));
        std::fs::write(&path, "1234567890").unwrap();
        let parts = texts.read();
        assert!(matches!(&parts[0], LicensePart::File { unreadable: Some(_), .. }), "{parts:?}");
    }
}
