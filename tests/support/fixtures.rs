//! Public files of other servers, which are read where they are: they are not part of this project.

use std::path::{Path, PathBuf};

/// A folder of them: below `SEATKEEPER_FIXTURES`, or below `shared/fixtures` beside one of the directories that hold this project.
/// Says so and gives none where they are absent.
pub(crate) fn fixtures(folder: &str) -> Option<PathBuf> {
    let named = std::env::var_os("SEATKEEPER_FIXTURES").map(PathBuf::from);
    let found = named.or_else(|| {
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        project.ancestors().map(|parent| parent.join("shared/fixtures")).find(|path| path.is_dir())
    });
    if found.is_none() {
        println!("fixtures are not here: set SEATKEEPER_FIXTURES to their directory; nothing was checked");
    }
    found.map(|path| path.join(folder))
}
