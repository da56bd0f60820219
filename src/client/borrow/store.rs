//! The directory of this user's borrows: one file a borrow, the keys of the servers that lent, and the locks of the licenses that programs
//! of this machine use at the moment.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::asked::Asked;
use super::kept::{Damage, Kept};
use crate::code::{Code, minor};
use crate::event::Denial;
use crate::ident::{Digest, VendorName, encode_hex};
use crate::platform::{read_regular, remove_durably, replace_durably};
use crate::sign::VerifyingKey;

/// How the file of a borrow ends.
const ENDING: &str = "borrow";
/// How the file of a request to borrow ends.
const ASKED: &str = "asked";
/// The keys of servers, as lines `VENDOR SERVER KEY`.
const KEYS: &str = "servers";
/// Held while a file is read and written again.
const LOCK: &str = "lock";
/// How long it is waited for, and how often it is tried.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_POLL: Duration = Duration::from_millis(5);
/// How often checkouts try to have a record renewed that still lasts.
const TRY_EVERY: Duration = Duration::from_secs(600);
/// Longest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Files that are looked at.
const FILES_MAX: usize = 10_000;

/// A directory of borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Store {
    dir: PathBuf,
}

/// What stands in one file.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) kept: Result<Kept, Damage>,
}

/// A request to borrow whose answer is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundRequest {
    pub(super) path: PathBuf,
    /// Why it can't be read otherwise.
    pub(super) asked: Result<Asked, String>,
}

/// Licenses of a record that one program uses; free again when this is dropped or the program ends, in whatever way.
#[derive(Debug)]
pub(super) struct Slots {
    _locked: Vec<File>,
}

/// A request to borrow that one program cares for.
#[derive(Debug)]
pub(super) struct Asking {
    path: PathBuf,
    _lock: File,
}

impl Asking {
    /// What came of it is known and kept: the request is removed.
    pub(super) fn settled(self) -> Result<(), Denial> {
        match remove_durably(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(cannot_delete(&self.path, &error));
            }
            Ok(()) | Err(_) => {}
        }
        // A lock that is left behind is in nobody's way.
        let _ = std::fs::remove_file(self.path.with_extension("asking"));
        Ok(())
    }
}

/// A record can't be kept, or not be read.
pub(super) fn cannot_keep(path: &Path, error: &io::Error) -> Denial {
    let note = format!("{}: {error}", path.display());
    Denial::new(Code::BorrowFailed, minor::BORROW_STORE, &note)
}

fn cannot_delete(path: &Path, error: &io::Error) -> Denial {
    let note = format!("{}: {error}", path.display());
    Denial::new(Code::BorrowNotDeleted, minor::BORROW_STORE, &note)
}

impl Store {
    pub(super) fn at(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes the directory if it is not there, and sees whether something can be kept in it.
    pub(super) fn prepare(&self) -> Result<(), Denial> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.dir).map_err(|error| cannot_keep(&self.dir, &error))?;
        let _lock = self.lock()?;
        let probe = self.dir.join("probe");
        replace_durably(&probe, b"").map_err(|error| cannot_keep(&probe, &error))?;
        remove_durably(&probe).map_err(|error| cannot_keep(&probe, &error))
    }

    /// Where the borrow with this secret is kept.
    pub(super) fn path_of(&self, secret: Digest) -> PathBuf {
        self.named(secret, ENDING)
    }

    /// Where the request to borrow with this secret is kept.
    pub(super) fn path_asked(&self, secret: Digest) -> PathBuf {
        self.named(secret, ASKED)
    }

    fn named(&self, secret: Digest, ending: &str) -> PathBuf {
        let name = encode_hex(secret.0.get(..8).unwrap_or_default());
        self.dir.join(format!("{name}.{ending}"))
    }

    /// All that is kept, by name. A directory that is not there keeps nothing.
    pub(super) fn all(&self) -> Result<Vec<Found>, Denial> {
        let paths = self.listed(ENDING)?;
        Ok(paths.into_iter().map(|path| Found { kept: read(&path), path }).collect())
    }

    /// All requests to borrow whose answers are not kept, by name; or why one can't be read.
    pub(super) fn all_asked(&self) -> Result<Vec<FoundRequest>, Denial> {
        let paths = self.listed(ASKED)?;
        Ok(paths.into_iter().map(|path| FoundRequest { asked: read_asked(&path), path }).collect())
    }

    fn listed(&self, ending: &str) -> Result<Vec<PathBuf>, Denial> {
        let listed = match std::fs::read_dir(&self.dir) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(cannot_keep(&self.dir, &error)),
        };
        let mut paths: Vec<PathBuf> = listed
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|found| found == ending))
            .take(FILES_MAX)
            .collect();
        paths.sort();
        Ok(paths)
    }

    /// Writes down that a server will be asked; durable when this comes back. Until what it gives is dropped no other program asks for
    /// the answer.
    pub(super) fn ask(&self, path: &Path, asked: &Asked) -> Result<Asking, Denial> {
        let busy = || cannot_keep(path, &io::Error::other("another program asks for it"));
        let asking = self.asking(path)?.ok_or_else(busy)?;
        replace_durably(path, asked.print().as_bytes()).map_err(|error| cannot_keep(path, &error))?;
        Ok(asking)
    }

    /// Takes over a request whose answer is not known; none while the program that asked still lives, or another one takes it over.
    pub(super) fn asking(&self, path: &Path) -> Result<Option<Asking>, Denial> {
        let beside = path.with_extension("asking");
        let lock = open_lock(&beside).map_err(|error| cannot_keep(&beside, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Asking { path: path.to_owned(), _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(cannot_keep(&beside, &error)),
        }
    }

    /// Keeps a borrow; durable when this comes back.
    pub(super) fn put(&self, path: &Path, kept: &Kept) -> Result<(), Denial> {
        let _lock = self.lock()?;
        replace_durably(path, kept.print().as_bytes()).map_err(|error| cannot_keep(path, &error))
    }

    /// Changes what is kept, as it stands now: other programs may have changed it before. None if it is gone or damaged.
    pub(super) fn change(&self, path: &Path, change: impl FnOnce(&mut Kept)) -> Result<Option<Kept>, Denial> {
        let _lock = self.lock()?;
        let Ok(before) = read(path) else { return Ok(None) };
        let mut kept = before.clone();
        change(&mut kept);
        if kept != before {
            replace_durably(path, kept.print().as_bytes()).map_err(|error| cannot_keep(path, &error))?;
        }
        Ok(Some(kept))
    }

    /// Removes a borrow from this machine.
    pub(super) fn delete(&self, path: &Path) -> Result<(), Denial> {
        match remove_durably(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot_delete(path, &error)),
            Ok(()) | Err(_) => {}
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // A lock that is left behind is in nobody's way.
        for entry in std::fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let beside = name.ends_with(".slot") || name.ends_with(".tried");
            if name.starts_with(&format!("{stem}.")) && beside {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    /// Whether a checkout may try again to have a record renewed that still lasts; notes that it does.
    pub(super) fn may_try(&self, path: &Path) -> bool {
        let tried = path.with_extension("tried");
        let last = std::fs::metadata(&tried).and_then(|found| found.modified());
        // A time in the future says nothing.
        if last.is_ok_and(|last| last.elapsed().is_ok_and(|since| since < TRY_EVERY)) {
            return false;
        }
        let _ = std::fs::remove_file(&tried);
        open_lock(&tried).is_ok()
    }

    /// Takes so many licenses of a record with so many; none if other programs have them.
    pub(super) fn take(&self, path: &Path, of: u32, count: u32) -> Result<Option<Slots>, Denial> {
        let mut locked = Vec::new();
        for number in 0..of {
            if locked.len() >= count as usize {
                break;
            }
            let slot = path.with_extension(format!("{number}.slot"));
            let file = open_lock(&slot).map_err(|error| cannot_keep(&slot, &error))?;
            match file.try_lock() {
                Ok(()) => locked.push(file),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(cannot_keep(&slot, &error)),
            }
        }
        Ok((locked.len() >= count as usize).then_some(Slots { _locked: locked }))
    }

    /// Takes it upon this program to give a borrow back; none while another one does.
    pub(super) fn take_return(&self, path: &Path) -> Result<Option<Slots>, Denial> {
        let beside = path.with_extension("return.slot");
        let file = open_lock(&beside).map_err(|error| cannot_keep(&beside, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Slots { _locked: vec![file] })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(cannot_keep(&beside, &error)),
        }
    }

    /// Whether a key is the one that the server had when it lent for the first time; remembers it then.
    pub(super) fn knows(
        &self,
        vendor: &VendorName,
        server: &str,
        key: &VerifyingKey,
    ) -> Result<bool, Denial> {
        let path = self.dir.join(KEYS);
        let _lock = self.lock()?;
        let mut known = self.keys();
        let key = key.public_hex().unwrap_or_default();
        if let Some((.., before)) = known.iter().find(|(of, at, _)| of == vendor.as_str() && at == server) {
            return Ok(*before == key);
        }
        known.push((vendor.to_string(), server.to_owned(), key));
        self.write_keys(&known).map_err(|error| cannot_keep(&path, &error))?;
        Ok(true)
    }

    /// Whether a key is the one that is remembered.
    pub(super) fn remembers(&self, vendor: &VendorName, server: &str, key: &VerifyingKey) -> bool {
        let key = key.public_hex().unwrap_or_default();
        self.keys().iter().any(|(of, at, known)| of == vendor.as_str() && at == server && *known == key)
    }

    /// Forgets the keys of servers of which nothing is borrowed.
    pub(super) fn forget_keys(&self, lent: &[Kept]) -> Result<(), Denial> {
        let path = self.dir.join(KEYS);
        let _lock = self.lock()?;
        let known = self.keys();
        let still = |(vendor, server, key): &&(String, String, String)| {
            lent.iter().any(|kept| {
                kept.record.vendor.as_str() == vendor
                    && kept.record.server == *server
                    && kept.key.public_hex().as_ref() == Some(key)
            })
        };
        let kept: Vec<_> = known.iter().filter(still).cloned().collect();
        if kept.len() == known.len() {
            return Ok(());
        }
        self.write_keys(&kept).map_err(|error| cannot_delete(&path, &error))
    }

    fn keys(&self) -> Vec<(String, String, String)> {
        let bytes = read_regular(&self.dir.join(KEYS), FILE_BYTES_MAX).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let words = |line: &str| {
            let mut words = line.split_whitespace().map(ToOwned::to_owned);
            Some((words.next()?, words.next()?, words.next()?))
        };
        text.lines().filter_map(words).collect()
    }

    fn write_keys(&self, keys: &[(String, String, String)]) -> io::Result<()> {
        let text: String =
            keys.iter().map(|(vendor, server, key)| format!("{vendor} {server} {key}\n")).collect();
        replace_durably(&self.dir.join(KEYS), text.as_bytes())
    }

    /// Whoever holds it writes one file and is done; one that was stopped meanwhile is not waited for without end.
    fn lock(&self) -> Result<File, Denial> {
        let path = self.dir.join(LOCK);
        let file = open_lock(&path).map_err(|error| cannot_keep(&path, &error))?;
        let until = Instant::now() + LOCK_PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(LOCK_POLL),
                Err(TryLockError::WouldBlock) => {
                    return Err(cannot_keep(&path, &io::Error::other("another program holds it")));
                }
                Err(TryLockError::Error(error)) => return Err(cannot_keep(&path, &error)),
            }
        }
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// What one file says.
pub(super) fn read(path: &Path) -> Result<Kept, Damage> {
    let text = read_text(path).map_err(|why| Damage { why, feature: None })?;
    Kept::read(&text)
}

/// What the file of a request says; why it says nothing otherwise.
pub(super) fn read_asked(path: &Path) -> Result<Asked, String> {
    Asked::read(&read_text(path)?)
}

fn read_text(path: &Path) -> Result<Zeroizing<String>, String> {
    let bytes = read_regular(path, FILE_BYTES_MAX).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map(Zeroizing::new).map_err(|_| "it is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::asked::tests::asked;
    use super::super::kept::Condition;
    use super::super::kept::tests::{kept, key};
    use super::*;

    #[test]
    fn what_is_put_is_found_for_its_owner_alone_and_can_be_changed_and_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(&dir.path().join("a/b"));
        assert!(store.all().unwrap().is_empty());
        store.prepare().unwrap();
        let one = kept(1000, 1000);
        let path = store.path_of(one.record.secret);
        store.put(&path, &one).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(
                (mode(store.dir()), mode(&path), mode(&store.dir().join(LOCK))),
                (0o700, 0o600, 0o600)
            );
        }
        let changed = store.change(&path, |kept| kept.condition = Condition::Expired).unwrap().unwrap();
        let found = store.all().unwrap();
        assert_eq!(found[0].kept.as_ref().unwrap(), &changed);
        let slots = store.take(&path, 1, 1).unwrap();
        store.delete(&path).unwrap();
        drop(slots);
        assert_eq!(store.change(&path, |_| ()).unwrap(), None);
        assert_eq!(std::fs::read_dir(store.dir()).unwrap().count(), 1, "the lock alone");
    }

    #[test]
    fn a_request_is_one_programs_until_it_is_settled_or_the_program_ends() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path());
        let path = store.path_asked(asked().digest());
        let asking = store.ask(&path, &asked()).unwrap();
        assert_eq!(store.all_asked().unwrap(), [FoundRequest { path: path.clone(), asked: Ok(asked()) }]);
        assert!(store.asking(&path).unwrap().is_none());
        assert!(store.all().unwrap().is_empty());
        drop(asking);
        store.asking(&path).unwrap().unwrap().settled().unwrap();
        assert_eq!(std::fs::read_dir(store.dir()).unwrap().count(), 0);
    }

    #[test]
    fn licenses_are_taken_by_one_program_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path());
        let path = store.path_of(Digest([1; 32]));
        let two = store.take(&path, 3, 2).unwrap();
        assert!(two.is_some());
        assert!(store.take(&path, 3, 2).unwrap().is_none());
        let one = store.take(&path, 3, 1).unwrap();
        assert!(one.is_some() && store.take(&path, 3, 1).unwrap().is_none());
        drop(two);
        assert!(store.take(&path, 3, 2).unwrap().is_some());
    }

    #[test]
    fn the_first_key_of_a_server_is_remembered_until_nothing_is_borrowed_there() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path());
        let (one, vendor) = (kept(1, 1), "LGS".parse().unwrap());
        let (mine, other) = (key(1).verifying_key(), key(2).verifying_key());
        assert!(!store.remembers(&vendor, "27000@lic1", &mine));
        assert!(store.knows(&vendor, "27000@lic1", &mine).unwrap());
        assert!(store.knows(&vendor, "27000@lic1", &mine).unwrap());
        assert!(!store.knows(&vendor, "27000@lic1", &other).unwrap());
        assert!(store.knows(&vendor, "27001@lic1", &other).unwrap());
        store.forget_keys(&[one]).unwrap();
        assert!(store.remembers(&vendor, "27000@lic1", &mine));
        assert!(!store.remembers(&vendor, "27001@lic1", &other));
        store.forget_keys(&[]).unwrap();
        assert!(store.knows(&vendor, "27000@lic1", &other).unwrap());
    }
}
