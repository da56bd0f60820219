//! Which program a VENDOR line starts. A license file must not be able to start any program, so the path on the line
//! is followed only into directories that the administrator allows; otherwise this very program is the vendor daemon.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Decides. The note, if any, is for the log.
pub(super) fn choose(
    written: Option<&str>,
    vendor_dirs: &[PathBuf],
    start_dir: &Path,
    own: &Path,
) -> (PathBuf, Option<String>) {
    let Some(written) = written else { return (own.to_owned(), None) };
    let ignored = |why: &str| {
        let note = format!("program {written} of the VENDOR line is ignored: {why}; this program serves it");
        (own.to_owned(), Some(note))
    };
    // Symbolic links and `..` are resolved first: what counts is where the program really lies.
    let Ok(real) = start_dir.join(written).canonicalize() else {
        return ignored("there is no such file");
    };
    if own.canonicalize().is_ok_and(|own| own == real) {
        return (own.to_owned(), None);
    }
    let allowed = vendor_dirs
        .iter()
        .filter_map(|directory| directory.canonicalize().ok())
        .any(|directory| real.starts_with(directory));
    if !allowed {
        return ignored("it does not lie in a directory that --vendor-dir allows");
    }
    match real.metadata() {
        Ok(about) if about.is_file() && about.permissions().mode() & 0o111 != 0 => (real, None),
        _ => ignored("it cannot be executed"),
    }
}

/// A line for the log for each directory that is not there: what is looked for in it will be missed elsewhere.
pub(super) fn missing_dirs(vendor_dirs: &[PathBuf], start_dir: &Path) -> Vec<String> {
    let missing = vendor_dirs.iter().filter(|dir| !start_dir.join(dir).is_dir());
    missing.map(|dir| format!("--vendor-dir {} is not a directory; it is ignored", dir.display())).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_directory_that_is_not_there_is_told() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("vendors")).unwrap();
        let notes = missing_dirs(&["vendors".into(), "vendor".into()], place.path());
        assert_eq!(notes, ["--vendor-dir vendor is not a directory; it is ignored"]);
    }

    #[test]
    fn a_path_is_followed_only_into_allowed_directories() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().canonicalize().unwrap();
        let (allowed, own) = (dir.join("vendors"), dir.join("seatkeeper"));
        fs::create_dir(&allowed).unwrap();
        for (name, mode) in
            [("seatkeeper", 0o755), ("vendors/acme", 0o755), ("vendors/text", 0o644), ("evil", 0o755)]
        {
            fs::write(dir.join(name), "").unwrap();
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        std::os::unix::fs::symlink(dir.join("evil"), allowed.join("link")).unwrap();
        let dirs = [allowed.clone()];
        let choice = |written: &str| choose(Some(written), &dirs, &dir, &own);
        assert_eq!(choose(None, &dirs, &dir, &own), (own.clone(), None));
        assert_eq!(choice("vendors/acme"), (allowed.join("acme"), None));
        assert_eq!(choice("seatkeeper"), (own.clone(), None));
        for (written, why) in [
            ("evil", "--vendor-dir"),
            ("vendors/../evil", "--vendor-dir"),
            ("vendors/link", "--vendor-dir"),
            ("vendors/text", "executed"),
            ("vendors/none", "no such file"),
        ] {
            let (program, note) = choice(written);
            assert_eq!(program, own, "{written}");
            assert!(note.unwrap().contains(why), "{written}");
        }
    }
}
