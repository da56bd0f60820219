//! Where the system says things about itself: files under `/sys`, `/proc`, `/etc` and `/run`.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// What is read of one file at most; only tables of addresses come near it.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Entries of one directory that are looked at.
const ENTRIES_MAX: usize = 4096;

/// The system's files, below a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemTree {
    root: PathBuf,
}

impl Default for SystemTree {
    fn default() -> Self {
        Self { root: PathBuf::from("/") }
    }
}

impl SystemTree {
    /// The files of another system, such as one that a test made up.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// A path below the root.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The bytes of a file; none if it can't be read, or is no file.
    pub(super) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let path = self.path(path);
        // A pipe would have to be waited for.
        if !std::fs::metadata(&path).ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        File::open(path).ok()?.take(FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// The text of a file without blanks around it; none if it can't be read or has none.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.bytes(path)?).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// The names in a directory, in byte order; none where there is no directory.
    pub(super) fn names(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(path)).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.take(ENTRIES_MAX).filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// The last name of the path that a link leads to.
    pub(super) fn link_name(&self, path: &str) -> Option<String> {
        let target = std::fs::read_link(self.path(path)).ok()?;
        Some(target.file_name()?.to_str()?.to_owned())
    }
}
