//! Versions of an options file that were replaced, in a hidden directory beside it: `.LGS.opt.versions`. No server looks there for
//! license or options files. It has the lock that lets one editor write at a time.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use thiserror::Error;

use crate::ident::Digest;
use crate::platform::{
    LICENSE_FILE_BYTES_MAX, LockError, Secrecy, StateLock, SystemClock, make_dir_like_parent, read_regular,
    replace, replace_keeping, user_name,
};
use crate::time::Clock as _;

/// So many versions are kept.
pub const KEPT_MAX: usize = 10;

/// How long another edit of the same file is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// The list of the versions, one JSON object a line.
const LOG: &str = "log";

/// A change, and the version before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Rises by one with each change.
    pub number: u32,
    /// When it was replaced, in UTC.
    pub at: String,
    /// By whom.
    pub user: String,
    /// With which command.
    pub command: String,
    /// SHA-256 of the file as the change left it.
    after: String,
}

/// Why a version can't be kept or had.
#[derive(Debug, Error)]
pub enum VersionError {
    /// A file can't be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Somebody else is editing.
    #[error("somebody else edits this file: {0}; try again")]
    Locked(#[from] LockError),
    /// Another program has written the file since it was read.
    #[error("{} was changed by another program just now; nothing is written, try again", .0.display())]
    ChangedMeanwhile(PathBuf),
    /// There is no version.
    #[error("no change of this file is known, so there is nothing to undo")]
    Nothing,
    /// There is no such version.
    #[error("there is no change {0}; \"log\" lists those that can be undone")]
    NoSuch(u32),
    /// The file was edited otherwise since the last change.
    #[error(
        "the file was changed by another program since change {0}, which undoing would take back too; \"undo {0}\" does that all the same"
    )]
    ChangedSince(u32),
    /// The version is that of the file.
    #[error("the file is as it was before change {0} already")]
    Same(u32),
}

/// The versions of one file.
#[derive(Debug)]
pub struct Versions {
    file: PathBuf,
    dir: PathBuf,
}

impl Versions {
    /// Those of a file; of what it leads to, if it is a link.
    ///
    /// # Errors
    /// [`VersionError::Io`] if there is no such file.
    pub fn beside(path: &Path) -> Result<Self, VersionError> {
        let io = |error| VersionError::Io { path: path.to_owned(), error };
        let file = path.canonicalize().map_err(io)?;
        let name = file.file_name().ok_or_else(|| io(io::Error::other("not the name of a file")))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(".versions");
        Ok(Self { dir: file.with_file_name(hidden), file })
    }

    /// Keeps all others from writing through this room until it is dropped; makes the directory if it is not there.
    ///
    /// # Errors
    /// [`VersionError`]; [`VersionError::Locked`] if somebody else has it for half a minute.
    pub fn lock(&self) -> Result<StateLock, VersionError> {
        make_dir_like_parent(&self.dir)
            .map_err(|error| VersionError::Io { path: self.dir.clone(), error })?;
        Ok(StateLock::acquire(&self.dir, PATIENCE, |_| {})?)
    }

    fn place(&self, number: u32) -> PathBuf {
        self.dir.join(number.to_string())
    }

    /// The changes whose versions before are kept, the oldest first.
    ///
    /// # Errors
    /// [`VersionError::Io`].
    pub fn log(&self) -> Result<Vec<Version>, VersionError> {
        let path = self.dir.join(LOG);
        let bytes = match read_regular(&path, LICENSE_FILE_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(VersionError::Io { path, error }),
        };
        let text = String::from_utf8_lossy(&bytes);
        // A change that was announced but not carried out has no version.
        Ok(text.lines().filter_map(version).filter(|version| self.place(version.number).exists()).collect())
    }

    /// Puts new bytes into the place of the file and keeps the old ones. Gives their number.
    ///
    /// # Errors
    /// [`VersionError`]; the file is then as it was.
    pub fn write(&self, seen: &[u8], new: &[u8], command: &str) -> Result<u32, VersionError> {
        let io = |path: &Path, error| VersionError::Io { path: path.to_owned(), error };
        let mut log = self.log()?;
        let number = log.last().map_or(0, |last| last.number).saturating_add(1);
        log.push(Version {
            number,
            at: SystemClock::new().now().utc.to_string(),
            user: user_name().map(|user| user.as_str().to_owned()).unwrap_or_default(),
            command: command.to_owned(),
            after: Digest::of(new).to_string(),
        });
        let old: Vec<Version> = log.drain(..log.len().saturating_sub(KEPT_MAX)).collect();
        let text: String = log.iter().map(|version| format!("{}\n", version.as_json())).collect();
        let list = self.dir.join(LOG);
        replace(&list, text.as_bytes()).map_err(|error| io(&list, error))?;
        let now = read_regular(&self.file, LICENSE_FILE_BYTES_MAX).map_err(|error| io(&self.file, error))?;
        if now != seen {
            return Err(VersionError::ChangedMeanwhile(self.file.clone()));
        }
        replace_keeping(&self.file, new, &self.place(number), Secrecy::Public)
            .map_err(|error| io(&self.file, error))?;
        for version in old {
            // A version too many does no harm.
            let _ = std::fs::remove_file(self.place(version.number));
        }
        Ok(number)
    }

    /// The version before a change, the last one if no number is said, and its bytes.
    ///
    /// # Errors
    /// [`VersionError`].
    pub fn before(&self, number: Option<u32>, now: &[u8]) -> Result<(Version, Vec<u8>), VersionError> {
        let mut log = self.log()?;
        let version = match number {
            Some(number) => log
                .into_iter()
                .find(|version| version.number == number)
                .ok_or(VersionError::NoSuch(number))?,
            None => {
                let last = log.pop().ok_or(VersionError::Nothing)?;
                if last.after != Digest::of(now).to_string() {
                    return Err(VersionError::ChangedSince(last.number));
                }
                last
            }
        };
        let path = self.place(version.number);
        let bytes =
            read_regular(&path, LICENSE_FILE_BYTES_MAX).map_err(|error| VersionError::Io { path, error })?;
        if bytes == now { Err(VersionError::Same(version.number)) } else { Ok((version, bytes)) }
    }
}

impl Version {
    /// As the list and programs have it.
    #[must_use]
    pub fn as_json(&self) -> Value {
        json!({
            "number": self.number,
            "at": self.at,
            "user": self.user,
            "command": self.command,
            "after": self.after,
        })
    }
}

fn version(line: &str) -> Option<Version> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Version {
        number: value.get("number").and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok())?,
        at: text("at")?,
        user: text("user")?,
        command: text("command")?,
        after: text("after")?,
    })
}
