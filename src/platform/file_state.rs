//! What files hold, by digest: whether something was changed since it was read.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::license_files::{LICENSE_FILE_BYTES_MAX, read_regular};
use crate::ident::Digest;

/// A file whose times are younger than this is read again: it may change twice within one step of the file system's clock.
const YOUNG: Duration = Duration::from_secs(2);

/// The digests of files; none for a file that can't be read.
pub type FileStates = BTreeMap<PathBuf, Option<Digest>>;

/// Looks at files again and again, and reads only those that may have changed.
#[derive(Debug, Default)]
pub struct FileLook {
    seen: BTreeMap<PathBuf, (Stamp, Option<Digest>)>,
}

/// By what a changed file is told without being read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    /// Device, number and time of the last change of anything, where the system has them.
    inode: (u64, u64, i64, i64),
}

impl FileLook {
    /// What these files hold now. Others are forgotten. It waits for the disk.
    pub fn look(&mut self, files: impl IntoIterator<Item = PathBuf>) -> FileStates {
        let before = std::mem::take(&mut self.seen);
        let mut states = FileStates::new();
        for path in files {
            let stamp = std::fs::metadata(&path).ok().map(|found| Stamp::of(&found));
            let known = stamp.as_ref().filter(|stamp| !stamp.young()).and_then(|stamp| {
                before.get(&path).filter(|(before, _)| before == stamp).map(|(_, digest)| *digest)
            });
            let digest = known.unwrap_or_else(|| digest(&path));
            if let Some(stamp) = stamp {
                self.seen.insert(path.clone(), (stamp, digest));
            }
            states.insert(path, digest);
        }
        states
    }
}

impl Stamp {
    fn of(found: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = {
            use std::os::unix::fs::MetadataExt as _;
            (found.dev(), found.ino(), found.ctime(), found.ctime_nsec())
        };
        #[cfg(not(unix))]
        let inode = (0, 0, 0, 0);
        Self { length: found.len(), modified: found.modified().ok(), inode }
    }

    fn young(&self) -> bool {
        let changed =
            u64::try_from(self.inode.2).ok().map(|s| SystemTime::UNIX_EPOCH + Duration::from_secs(s));
        let latest = self.modified.max(changed);
        // A time of the future says nothing.
        latest.is_none_or(|latest| latest.elapsed().map_or(true, |age| age < YOUNG))
    }
}

fn digest(path: &Path) -> Option<Digest> {
    read_regular(path, LICENSE_FILE_BYTES_MAX).ok().map(|bytes| Digest::of(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_other_bytes_are_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let (file, none) = (dir.path().join("a.lic"), dir.path().join("b.lic"));
        std::fs::write(&file, "one").unwrap();
        let mut look = FileLook::default();
        let mut states = || look.look([file.clone(), none.clone()]);
        let first = states();
        assert_eq!((first[&file], first[&none]), (Some(Digest::of(b"one")), None));
        // The same bytes in a file of its own are no change.
        std::fs::write(dir.path().join("new"), "one").unwrap();
        std::fs::rename(dir.path().join("new"), &file).unwrap();
        assert_eq!(states(), first);
        std::fs::write(&file, "two").unwrap();
        assert_eq!(states()[&file], Some(Digest::of(b"two")));
        // An old file is not read again, but told by its stamp.
        let old = SystemTime::now() - Duration::from_secs(3600);
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(old).unwrap();
        assert_eq!(states()[&file], Some(Digest::of(b"two")));
        std::fs::remove_file(&file).unwrap();
        assert_eq!(states()[&file], None);
    }
}
