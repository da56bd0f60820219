//! How far the debug log got: a tiny file beside the history.
//!
//! It is written after the lines and never synced. After a crash, of the daemon too, it may lag behind the log, so that some
//! lines come twice, but it is never ahead of what was written before it in the same file system cache.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::StoreError;
use crate::ident::Seq;

/// The file `debug.cursor` of a state directory.
#[derive(Debug)]
pub struct LogCursor {
    path: PathBuf,
    file: File,
    seq: Option<Seq>,
}

impl LogCursor {
    /// Opens the cursor, or makes one that stands nowhere.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file can't be opened for writing.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("debug.cursor");
        let read = || -> std::io::Result<(File, Option<Seq>)> {
            let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path)?;
            let mut text = String::new();
            match (&mut file).take(64).read_to_string(&mut text) {
                // Anything but what we write means that the place is unknown.
                Err(error) if error.kind() == ErrorKind::InvalidData => text.clear(),
                other => drop(other?),
            }
            let seq = parse(&text);
            if seq.is_none() {
                // What is longer than ours would stay behind it and spoil it at every later start.
                file.set_len(0)?;
            }
            Ok((file, seq))
        };
        let (file, seq) = read().map_err(|error| StoreError::io(&path, &error))?;
        Ok(Self { path, file, seq })
    }

    /// The last event whose line is in the log; none if that is unknown.
    #[must_use]
    pub const fn seq(&self) -> Option<Seq> {
        self.seq
    }

    /// Moves the cursor, after the lines up to `seq` were written.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file can't be written.
    pub fn advance(&mut self, seq: Seq) -> Result<(), StoreError> {
        // Always of one length and in one write, so that the file is never half of each.
        let text = print(seq);
        self.file
            .rewind()
            .and_then(|()| self.file.write_all(text.as_bytes()))
            .map_err(|error| StoreError::io(&self.path, &error))?;
        self.seq = Some(seq);
        Ok(())
    }
}

/// The number twice, so that a torn write is recognised.
fn print(seq: Seq) -> String {
    format!("{:020} {:020}\n", seq.0, !seq.0)
}

fn parse(text: &str) -> Option<Seq> {
    let (number, check) = text.strip_suffix('\n')?.split_once(' ')?;
    let (number, check): (u64, u64) = (number.parse().ok()?, check.parse().ok()?);
    (number == !check).then_some(Seq(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_found_again_and_damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let mut cursor = LogCursor::open(dir.path()).unwrap();
        assert_eq!(cursor.seq(), None);
        cursor.advance(Seq(u64::MAX)).unwrap();
        cursor.advance(Seq(7)).unwrap();
        assert_eq!(LogCursor::open(dir.path()).unwrap().seq(), Some(Seq(7)));
        let mut bytes = std::fs::read(dir.path().join("debug.cursor")).unwrap();
        bytes[19] = b'8';
        std::fs::write(dir.path().join("debug.cursor"), &bytes).unwrap();
        assert_eq!(LogCursor::open(dir.path()).unwrap().seq(), None);
        for foreign in [[0xff; 90], [b'8'; 90]] {
            std::fs::write(dir.path().join("debug.cursor"), foreign).unwrap();
            let mut cursor = LogCursor::open(dir.path()).unwrap();
            assert_eq!(cursor.seq(), None);
            cursor.advance(Seq(7)).unwrap();
            assert_eq!(LogCursor::open(dir.path()).unwrap().seq(), Some(Seq(7)));
        }
    }
}
