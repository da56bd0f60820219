//! The files that a daemon's rules come from, as they were when they were read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::event::{FileRole, StartFile};
use crate::ident::Digest;
use crate::license::{HostId, LicenseFile};
use crate::options::OptionsFile;
use crate::platform::licenses_in;
use crate::sign::Manifest;
use crate::text::Source;
use crate::time::Timestamp;

/// One file with its bytes; they are kept so that the file stays in force when a newer version of it can't be used.
#[derive(Debug, Clone)]
pub(super) struct FileText {
    /// Where it was read, absolute.
    pub(super) path: PathBuf,
    pub(super) bytes: Arc<[u8]>,
    /// SHA-256 of the bytes.
    pub(super) digest: Digest,
}

impl FileText {
    pub(super) fn new(path: &Path, bytes: Vec<u8>) -> Self {
        let digest = Digest::of(&bytes);
        Self { path: path.to_owned(), bytes: bytes.into(), digest }
    }

    fn source(&self) -> Source {
        Source::new(&self.path.to_string_lossy(), &self.bytes)
    }

    pub(super) fn license(&self) -> LicenseFile {
        LicenseFile::parse(self.source())
    }

    pub(super) fn options(&self) -> OptionsFile {
        OptionsFile::parse(self.source())
    }

    /// The name without its directories, for what clients may see.
    pub(super) fn name(&self) -> String {
        name(&self.path)
    }
}

/// The name of a file without its directories.
pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Everything that is in force, and since when.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// In path order.
    pub(super) licenses: Vec<FileText>,
    pub(super) options: Option<FileText>,
    /// The manifest, and its file unless it is the built-in one.
    pub(super) manifest: Manifest,
    pub(super) manifest_file: Option<FileText>,
    pub(super) zone: String,
    /// The hostids of this machine.
    pub(super) machine: Vec<HostId>,
    /// When the options file was read.
    pub(super) options_read: Timestamp,
    /// There is meant to be an options file, none could be read so far, and it is tried again. One that was read and refused
    /// is not tried again.
    pub(super) options_awaited: bool,
    /// What is older than the files on the disk because those were refused, for lmstat; one line each.
    pub(super) notes: Vec<String>,
}

impl Origin {
    /// The files for the history.
    pub(super) fn files(&self) -> Vec<StartFile> {
        self.with_roles()
            .map(|(role, file)| StartFile {
                role,
                path: file.path.to_string_lossy().into_owned(),
                digest: file.digest,
            })
            .collect()
    }

    /// Their bytes, for the store.
    pub(super) fn texts(&self) -> impl Iterator<Item = (Digest, Vec<u8>)> + '_ {
        self.with_roles().map(|(_, file)| (file.digest, file.bytes.to_vec()))
    }

    fn with_roles(&self) -> impl Iterator<Item = (FileRole, &FileText)> {
        let manifest = self.manifest_file.iter().map(|file| (FileRole::Manifest, file));
        let licenses = self.licenses.iter().map(|file| (FileRole::License, file));
        let options = self.options.iter().map(|file| (FileRole::Options, file));
        manifest.chain(licenses).chain(options)
    }

    /// The license file that was read at a path, or those that were read in a directory.
    pub(super) fn licenses_at<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a FileText> {
        self.licenses.iter().filter(move |file| file.path == path || file.path.parent() == Some(path))
    }
}

/// The files that entries of a license path mean: a directory stands for its `*.lic`. Directories that can't be read become
/// notes.
pub(super) fn listed(entries: &[PathBuf], notes: &mut Vec<String>) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in entries {
        if !entry.is_dir() {
            files.push(entry.clone());
            continue;
        }
        match licenses_in(entry) {
            Ok(found) => files.extend(found),
            Err(error) => notes.push(format!("{}: cannot be read: {error}", entry.display())),
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    files.retain(|file| seen.insert(file.clone()));
    files
}
