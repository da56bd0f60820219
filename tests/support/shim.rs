//! Libraries that change what a process sees of its machine, loaded into children of a test with LD_PRELOAD.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lets a library be loaded into a command, beside those that are loaded already.
pub(crate) fn preload(command: &mut Command, library: &Path) {
    let before = command.get_envs().find(|(name, _)| *name == "LD_PRELOAD").and_then(|(_, value)| value);
    let mut all = before.map_or_else(OsString::new, |before| [before, ":".as_ref()].into_iter().collect());
    all.push(library);
    command.env("LD_PRELOAD", all);
}

/// Compiles `tests/support/NAME.c`. None, and a word about it, where there is no C compiler.
#[allow(clippy::print_stdout, reason = "a test that can't run says so")]
pub(crate) fn library(name: &str) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/support/{name}.c"));
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.so", std::process::id()));
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-pthread", "-o"])
        .arg(&library)
        .arg(source)
        .arg("-ldl")
        .status();
    match compiled {
        Ok(status) if status.success() => Some(library),
        Ok(status) => panic!("{name}.c does not compile: {status}"),
        Err(error) => {
            println!("not tested: {name} needs a C compiler named cc: {error}");
            None
        }
    }
}
