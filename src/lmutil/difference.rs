//! What changes in a file, as people and programs read it.

use std::time::Duration;

use similar::TextDiff;

use crate::text::Source;

/// A difference that is not found in this time is shown as larger than it need be.
const DIFFERENCE_TIME_MAX: Duration = Duration::from_secs(5);

/// A unified diff in the encoding of the file; empty if nothing changes. `label` says behind the name what the new text is.
pub(super) fn unified(source: &Source, new: &[u8], label: &str) -> Vec<u8> {
    let name = source.name();
    let new = Source::new(name, new);
    let diff = TextDiff::configure()
        .timeout(DIFFERENCE_TIME_MAX)
        .diff_lines(source.text(), new.text())
        .unified_diff()
        .header(name, &format!("{name} ({label})"))
        .to_string();
    source.encode(&diff)
}
