//! Runs a child process on a disk that forgets what was not synced (see `forgetful_disk.c`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A directory whose files live in a child's memory until they are synced, and the switches for its failures.
pub(crate) struct ForgetfulDisk {
    shim: PathBuf,
    control: tempfile::TempDir,
    dir: PathBuf,
}

impl ForgetfulDisk {
    /// Over an existing directory. None, and a word about it, where there is no C compiler to build the shim.
    pub(crate) fn over(dir: &Path) -> Option<Self> {
        let shim = shim()?;
        let dir = dir.canonicalize().unwrap();
        Some(Self { shim, control: tempfile::tempdir().unwrap(), dir })
    }

    /// The directory, by the name that the shim knows.
    #[allow(dead_code, reason = "each test binary uses its part of the support")]
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Lets `command` run on this disk.
    pub(crate) fn mount(&self, command: &mut Command) {
        crate::shim::preload(command, &self.shim);
        command.env("FORGETFUL_DIR", &self.dir).env("FORGETFUL_CONTROL", self.control.path());
    }

    /// Switches a failure on or off: `full`, `readonly`, `syncfail`.
    #[allow(dead_code, reason = "each test binary uses its part of the support")]
    pub(crate) fn switch(&self, failure: &str, on: bool) {
        let path = self.control.path().join(failure);
        if on { std::fs::write(path, "").unwrap() } else { std::fs::remove_file(path).unwrap() }
    }
}

/// The compiled shim, once for each test binary.
fn shim() -> Option<PathBuf> {
    static SHIM: OnceLock<Option<PathBuf>> = OnceLock::new();
    SHIM.get_or_init(|| crate::shim::library("forgetful_disk")).clone()
}
