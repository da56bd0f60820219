//! The state directory and the administrator's key in it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;
use zeroize::Zeroizing;

use super::random::{RandomError, random_bytes};
use super::user::group_number;
use crate::ident::{decode_hex, encode_hex};

/// Members of this group may read the administrator's key, where the group exists.
const ADMIN_GROUP: &str = "lmadmin";

/// The name of the administrator's key file.
pub const ADMIN_KEY_FILE: &str = "admin.key";

/// The name of the file with the key that signs checkpoints of the history.
const STATE_KEY_FILE: &str = "state.key";

/// Longest key file that is read, in bytes: 64 digits and some blanks.
const KEY_FILE_BYTES_MAX: u64 = 256;

/// Why there is no state directory or no key.
#[derive(Debug, Error)]
pub enum StateDirError {
    /// Neither an option nor the environment names a place.
    #[error("no state directory: name one with --state-dir, or set STATE_DIRECTORY, XDG_STATE_HOME or HOME")]
    NoPlace,
    /// The system refused.
    #[error("cannot {what} {}: {source}", path.display())]
    System {
        /// What was tried.
        what: &'static str,
        /// With which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key file does not hold a key.
    #[error("{} does not hold 64 hexadecimal digits", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner and the administrators' group may read or write the key.
    #[error("{} may be read or written by everybody (mode {mode:o}); set it to 600", path.display())]
    KeyOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// No random bytes for a new key.
    #[error(transparent)]
    Random(#[from] RandomError),
}

fn system(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateDirError {
    let path = path.to_owned();
    move |source| StateDirError::System { what, path, source }
}

/// The directory that holds the history: the given one, else the service manager's `STATE_DIRECTORY`, else
/// `seatkeeper` in `XDG_STATE_HOME` or `~/.local/state`. Always absolute. Nothing is made yet.
///
/// # Errors
/// [`StateDirError::NoPlace`], or the present directory can't be found out.
pub fn state_dir(given: Option<&Path>) -> Result<PathBuf, StateDirError> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let chosen = choose(given.map(Path::to_owned), variable).ok_or(StateDirError::NoPlace)?;
    std::path::absolute(&chosen).map_err(system("find", &chosen))
}

fn choose(given: Option<PathBuf>, variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let from_service = || {
        // The service manager separates several directories by colons; the first is the program's own.
        std::env::split_paths(&variable("STATE_DIRECTORY")?).next()
    };
    let from_home = || Some(variable("HOME")?.join(".local/state"));
    given.or_else(from_service).or_else(|| {
        let state = variable("XDG_STATE_HOME").filter(|path| path.is_absolute()).or_else(from_home)?;
        Some(state.join("seatkeeper"))
    })
}

/// Makes the state directory if it is not there: for its owner alone, except that members of the group `lmadmin` may
/// reach the key in it. An existing directory is left as it is.
///
/// # Errors
/// [`StateDirError::System`].
pub fn make_state_dir(path: &Path) -> Result<(), StateDirError> {
    if path.is_dir() {
        return Ok(());
    }
    make_vendor_dir(path)?;
    if let Some(group) = admin_group()
        && std::os::unix::fs::chown(path, None, Some(group)).is_ok()
    {
        fs::set_permissions(path, Permissions::from_mode(0o710)).map_err(system("set the mode of", path))?;
    }
    Ok(())
}

/// Makes the directory of one vendor's history in the state directory if it is not there, for its owner alone: the
/// history is a record of people's work. An existing directory is left as it is.
///
/// # Errors
/// [`StateDirError::System`].
pub fn make_vendor_dir(path: &Path) -> Result<(), StateDirError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(system("make the directory", path))
}

fn admin_group() -> Option<u32> {
    group_number(&fs::read_to_string("/etc/group").ok()?, ADMIN_GROUP)
}

/// Reads the administrator's key of a state directory as 64 hexadecimal digits, and makes one first if there is none:
/// 32 random bytes in a file that its owner alone may read, or also the group `lmadmin` where there is one.
///
/// # Errors
/// [`StateDirError`]; a key that everybody can read is refused.
pub fn admin_key(state_dir: &Path) -> Result<Zeroizing<String>, StateDirError> {
    let path = state_dir.join(ADMIN_KEY_FILE);
    if !path.exists() {
        make_key(state_dir, ADMIN_KEY_FILE, admin_group())?;
    }
    read_admin_key(&path)
}

/// Reads the secret with which a vendor's state directory signs checkpoints of its history, and makes one first if there
/// is none: 32 random bytes, as hexadecimal digits in a file that its owner alone may read.
///
/// # Errors
/// [`StateDirError`]; a key that everybody can read is refused.
pub fn state_key(state_dir: &Path) -> Result<Zeroizing<[u8; 32]>, StateDirError> {
    let path = state_dir.join(STATE_KEY_FILE);
    if !path.exists() {
        make_key(state_dir, STATE_KEY_FILE, None)?;
    }
    let digits = read_admin_key(&path)?;
    let bytes = decode_hex(&digits).map(Zeroizing::new).ok();
    let key = bytes.and_then(|bytes| bytes.first_chunk().copied());
    key.map(Zeroizing::new).ok_or(StateDirError::NotAKey { path })
}

/// Reads a key file, wherever it is.
///
/// # Errors
/// [`StateDirError`]; a key that everybody can read is refused.
pub fn read_admin_key(path: &Path) -> Result<Zeroizing<String>, StateDirError> {
    use std::io::Read as _;
    let file = File::open(path).map_err(system("read", path))?;
    let mode = file.metadata().map_err(system("read", path))?.mode() & 0o777;
    if mode & 0o007 != 0 {
        return Err(StateDirError::KeyOpen { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text).map_err(system("read", path))?;
    let digits = text.trim();
    if digits.len() == 64 && decode_hex(digits).is_ok() {
        Ok(Zeroizing::new(digits.to_owned()))
    } else {
        Err(StateDirError::NotAKey { path: path.to_owned() })
    }
}

/// Writes the key beside its place and links it there, so that the file is never half written and two starters end
/// up with the same key.
fn make_key(state_dir: &Path, name: &str, readers: Option<u32>) -> Result<(), StateDirError> {
    let path = &state_dir.join(name);
    let key = Zeroizing::new(random_bytes::<32>()?);
    let mark = random_bytes::<8>()?;
    let beside = state_dir.join(format!(".{name}.{}", encode_hex(&mark)));
    let text = Zeroizing::new(format!("{}\n", Zeroizing::new(encode_hex(&*key)).as_str()));
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
    if let Some(group) = readers
        && std::os::unix::fs::chown(&beside, None, Some(group)).is_ok()
    {
        fs::set_permissions(&beside, Permissions::from_mode(0o640))
            .map_err(system("set the mode of", &beside))?;
    }
    let linked = written.and_then(|()| match fs::hard_link(&beside, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    let _ = fs::remove_file(&beside);
    linked.map_err(system("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_wins_then_the_service_manager_then_xdg() {
        let all = |name: &str| match name {
            "STATE_DIRECTORY" => Some(PathBuf::from("/var/lib/a:/var/lib/b")),
            "XDG_STATE_HOME" => Some(PathBuf::from("/x")),
            _ => Some(PathBuf::from("/home/ann")),
        };
        let without_service = |name: &str| all(name).filter(|_| name != "STATE_DIRECTORY");
        let home_only = |name: &str| all(name).filter(|_| name == "HOME");
        assert_eq!(choose(Some("d".into()), all), Some("d".into()));
        assert_eq!(choose(None, all), Some("/var/lib/a".into()));
        assert_eq!(choose(None, without_service), Some("/x/seatkeeper".into()));
        assert_eq!(choose(None, home_only), Some("/home/ann/.local/state/seatkeeper".into()));
        assert_eq!(choose(None, |_| None), None);
    }

    #[test]
    fn a_key_is_made_once_and_only_for_its_owner() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("a/b");
        make_state_dir(&dir).unwrap();
        let first = admin_key(&dir).unwrap();
        assert_eq!(*first, *admin_key(&dir).unwrap());
        assert_eq!(first.len(), 64);
        let mode = dir.join(ADMIN_KEY_FILE).metadata().unwrap().mode() & 0o777;
        assert!(mode == 0o600 || mode == 0o640, "{mode:o}");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
    }

    #[test]
    fn a_state_key_is_made_once_and_never_for_the_group() {
        let place = tempfile::tempdir().unwrap();
        let first = state_key(place.path()).unwrap();
        assert_eq!(*first, *state_key(place.path()).unwrap());
        assert_ne!(encode_hex(&*first), *admin_key(place.path()).unwrap());
        let mode = place.path().join(STATE_KEY_FILE).metadata().unwrap().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }

    #[test]
    fn an_open_or_damaged_key_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(ADMIN_KEY_FILE);
        admin_key(place.path()).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(admin_key(place.path()), Err(StateDirError::KeyOpen { mode: 0o644, .. })));
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "12").unwrap();
        assert!(matches!(admin_key(place.path()), Err(StateDirError::NotAKey { .. })));
    }
}
