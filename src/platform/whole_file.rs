//! Files that are whole or not there: written beside their place, synced, then put into it.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Whether users other than the owner may read a file. False where the system can't tell.
#[must_use]
pub fn others_may_read(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Whether something stands at a path, be it a file or not, a link that leads nowhere, or what can't be looked at.
#[must_use]
pub fn is_taken(path: &Path) -> bool {
    !matches!(std::fs::symlink_metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// Puts `bytes` into the place of `path` in one step; an existing file keeps its owner, its permissions and, if the path is
/// a link, the link. What is no file, such as `/dev/stdout` or a pipe, is written to and stays what it is.
///
/// # Errors
/// What the system said; the file is then as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let old = std::fs::metadata(&path).ok();
    let beside = beside(&path)?;
    let secrecy = if old.is_some() { Secrecy::Secret } else { Secrecy::Public };
    let written = write_new(&beside, bytes, secrecy).and_then(|()| {
        if let Some(old) = old {
            make_like(&beside, &old)?;
        }
        std::fs::rename(&beside, &path)
    });
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// Puts `bytes` into the place of the file `path` in one step, and what stood there into the place of `kept`, with the
/// old owner and permissions. A secret content is its owner's alone whatever they were.
///
/// # Errors
/// What the system said; the file is then as it was, though the copy may have been made.
pub fn replace_keeping(path: &Path, bytes: &[u8], kept: &Path, secrecy: Secrecy) -> io::Result<()> {
    let path = path.canonicalize()?;
    let old = Zeroizing::new(std::fs::read(&path)?);
    let like = std::fs::metadata(&path)?;
    let put = |place: &Path, bytes: &[u8], secrecy: Secrecy, like_old: bool| {
        let beside = beside(place)?;
        let written = write_new(&beside, bytes, secrecy).and_then(|()| {
            if like_old {
                make_like(&beside, &like)?;
            }
            std::fs::rename(&beside, place)
        });
        if written.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
        written
    };
    // The copy first, never readable by more than the old file was; only then the change.
    put(kept, &old, Secrecy::Secret, true)?;
    put(&path, bytes, secrecy, secrecy == Secrecy::Public)
}

/// Puts `bytes` into the place of `path` in one step, readable by its owner alone. When this comes back the system has the file on its
/// disk under that name.
///
/// # Errors
/// What the system said; the file is then as it was, or as it is to be and perhaps not on the disk yet.
pub fn replace_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = beside(path)?;
    // One of a process of this number that was killed.
    let _ = std::fs::remove_file(&beside);
    let written = write_new(&beside, bytes, Secrecy::Secret).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written.and_then(|()| sync_parent(path))
}

/// Removes a file. When this comes back it is gone from the disk too.
///
/// # Errors
/// What the system said.
pub fn remove_durably(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)?;
    sync_parent(path)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(parent) = path.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// Gives a file the owner and the permissions of another one: a server must still be able to read what an administrator
/// had written anew. Who may not give files away keeps the group at least.
fn make_like(path: &Path, other: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, chown};
        let mine = std::fs::metadata(path)?;
        let owner = (mine.uid() != other.uid()).then_some(other.uid());
        let group = (mine.gid() != other.gid()).then_some(other.gid());
        if owner.is_some() || group.is_some() {
            chown(path, owner, group).or_else(|_| chown(path, None, group))?;
        }
    }
    std::fs::set_permissions(path, other.permissions())
}

/// Makes a directory that is open to the same people as the one it stands in; nothing if it is there.
///
/// # Errors
/// What the system said.
pub fn make_dir_like_parent(path: &Path) -> io::Result<()> {
    match std::fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => return Ok(()),
        Err(error) => return Err(error),
    }
    let parent = path.parent().ok_or_else(|| io::Error::other("not the name of a directory"))?;
    make_like(path, &std::fs::metadata(parent)?)
}

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Whoever the system's defaults allow.
    Public,
    /// Its owner alone.
    Secret,
}

/// Makes a file that must not exist yet.
///
/// # Errors
/// What the system said, [`io::ErrorKind::AlreadyExists`] for a file that is there.
pub fn write_new(path: &Path, bytes: &[u8], secrecy: Secrecy) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if secrecy == Secrecy::Secret {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = secrecy;
    let mut file: File = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::other("not the name of a file"))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.new", std::process::id()));
    Ok(path.with_file_name(hidden))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Read as _;
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn a_pipe_is_written_to_and_not_replaced() {
        let (mut read, write) = io::pipe().unwrap();
        let place = PathBuf::from(format!("/proc/self/fd/{}", write.as_raw_fd()));
        replace(&place, b"signed").unwrap();
        drop(write);
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        assert_eq!(text, "signed");
    }

    #[test]
    fn the_old_file_is_kept_and_a_secret_gets_its_owners_permissions() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let (file, kept) = (dir.path().join("m.toml"), dir.path().join("m.toml.bak"));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        replace_keeping(&file, b"new", &kept, Secrecy::Public).unwrap();
        assert_eq!((mode(&file), mode(&kept)), (0o644, 0o644));
        replace_keeping(&file, b"secret", &kept, Secrecy::Secret).unwrap();
        assert_eq!((mode(&file), mode(&kept)), (0o600, 0o644));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "secret");
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "new");
        replace_keeping(&file, b"newer", &kept, Secrecy::Secret).unwrap();
        assert_eq!((mode(&file), mode(&kept)), (0o600, 0o600));
        assert!(replace_keeping(&dir.path().join("none"), b"x", &kept, Secrecy::Public).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_file_keeps_its_owner_where_the_system_lets_it() {
        use std::os::unix::fs::{MetadataExt as _, chown};
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.lic");
        std::fs::write(&file, "old").unwrap();
        // Only root gives files away; without that it is the owner and group of this process.
        let _ = chown(&file, Some(12_345), Some(23_456));
        let owner = |path: &Path| std::fs::metadata(path).map(|found| (found.uid(), found.gid())).unwrap();
        let before = owner(&file);
        replace(&file, b"new").unwrap();
        assert_eq!(owner(&file), before);
        let kept = dir.path().join("a.bak");
        replace_keeping(&file, b"newer", &kept, Secrecy::Public).unwrap();
        assert_eq!((owner(&file), owner(&kept)), (before, before));
    }

    #[test]
    fn a_file_keeps_its_permissions_and_a_link_stays_a_link() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("a.lic"), dir.path().join("b.lic"));
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
