//! The exclusive lock of a state directory: one vendor daemon writes one history.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::SystemClock;
use crate::time::Clock;

/// How often a newcomer looks whether the lock is free.
const POLL: Duration = Duration::from_millis(50);

/// Why a state directory can't be had.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{} is in use by another copy ({holder})", path.display())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, in words: `process 4711 since 2026-11-21T20:00:00.000Z`.
        holder: String,
    },
    /// The lock file can't be opened or locked; it may work later.
    #[error("cannot lock {}: {source}", path.display())]
    Unusable {
        /// The lock file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Holds a state directory until it is dropped or the process ends, in whatever way.
#[derive(Debug)]
pub struct StateLock {
    // Locked as long as it is open.
    _file: File,
}

impl StateLock {
    /// Takes the lock of `dir` at once.
    ///
    /// # Errors
    /// [`LockError::Held`] when another process has it, [`LockError::Unusable`] when the lock file (`lock`) can be
    /// neither made nor opened.
    pub fn try_acquire(dir: &Path) -> Result<Self, LockError> {
        let path = dir.join("lock");
        let unusable = |source| LockError::Unusable { path: path.clone(), source };
        let writable = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        // On a read-only file system the file of an earlier start can still be locked.
        let mut file = writable.or_else(|error| File::open(&path).map_err(|_| error)).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {
                // For whoever is refused; a full or read-only disk keeps nobody from serving.
                if let Err(error) = sign(&mut file) {
                    tracing::debug!("{} does not say who holds it: {error}", path.display());
                }
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut file).unwrap_or_else(|| "it does not say which".to_owned());
                Err(LockError::Held { path, holder })
            }
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// Takes the lock of `dir`; where another process has it, waits up to `patience` for its end, which `waits` is told once. Blocks the
    /// calling thread.
    ///
    /// # Errors
    /// As [`StateLock::try_acquire`].
    pub fn acquire(
        dir: &Path,
        patience: Duration,
        waits: impl FnOnce(&LockError),
    ) -> Result<Self, LockError> {
        let until = Instant::now() + patience;
        let mut waits = Some(waits);
        loop {
            match Self::try_acquire(dir) {
                Err(held @ LockError::Held { .. }) if Instant::now() < until => {
                    if let Some(waits) = waits.take() {
                        waits(&held);
                    }
                    std::thread::sleep(POLL);
                }
                outcome => return outcome,
            }
        }
    }
}

/// Writes who holds the lock: process and time.
fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    let line = format!("{} {}\n", std::process::id(), SystemClock::new().now().utc);
    file.write_all(line.as_bytes())
}

fn holder(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.take(64).read_to_string(&mut text).ok()?;
    let (process, since) = text.strip_suffix('\n')?.split_once(' ')?;
    let process: u32 = process.parse().ok()?;
    Some(format!("process {process} since {since}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_its_name_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let lock = StateLock::try_acquire(dir.path()).unwrap();
        let refused = StateLock::try_acquire(dir.path()).unwrap_err().to_string();
        assert!(refused.contains(&format!("process {} since 2", std::process::id())), "{refused}");
        let path = dir.path().to_owned();
        let (tell, told) = std::sync::mpsc::channel();
        let waits = move |held: &LockError| tell.send(held.to_string()).unwrap();
        let waiting = std::thread::spawn(move || StateLock::acquire(&path, Duration::from_secs(60), waits));
        assert_eq!(told.recv().unwrap(), refused);
        drop(lock);
        waiting.join().unwrap().unwrap();
    }

    #[test]
    fn a_missing_directory_is_not_held_by_anybody() {
        let dir = tempfile::tempdir().unwrap();
        let refused =
            StateLock::acquire(&dir.path().join("none"), Duration::from_secs(60), |_| {}).unwrap_err();
        assert!(matches!(refused, LockError::Unusable { .. }), "{refused}");
    }
}
