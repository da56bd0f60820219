//! What tools that talk to license servers have in common: their path, the administrator's key, and which of several is meant.

use std::path::PathBuf;

use super::{USAGE, print_error};
use crate::client::SearchPath;
use crate::lmutil::lmdown::{Candidate, KEY_VARIABLE, KeySource, list};

/// The path of `-c`, which may stand several times; without it that of the environment.
pub(super) fn path(given: &[String]) -> SearchPath {
    let list = (!given.is_empty()).then(|| given.join(":"));
    SearchPath::from_environment(list.as_deref(), None)
}

/// Where the administrator's key comes from: `--admin-key`, else the environment.
pub(super) fn key(file: Option<PathBuf>) -> KeySource {
    let variable = std::env::var_os(KEY_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    KeySource { file, variable }
}

/// That several servers answer and none is named.
pub(super) fn ambiguous(found: &[Candidate]) -> u8 {
    let (servers, many) = (list(found), found.len());
    print_error(&format!(
        "{servers}there are {many} servers on the path; name one with -c, or all with -all\n"
    ));
    USAGE
}
