//! What was done, for people.

use super::Outcome;
use crate::options::edit::{Change, ChangeKind};

/// Lines that changed, what follows, and what is doubtful.
#[must_use]
pub fn show(outcome: &Outcome) -> String {
    let name = outcome.file.source.name();
    let mut text = String::new();
    for Change { kind, line, before, after } in &outcome.changes {
        let (old, new) = match kind {
            ChangeKind::Added => (None, Some(after)),
            ChangeKind::Changed => (Some(before), Some(after)),
            ChangeKind::Removed => (Some(before), None),
        };
        old.into_iter().for_each(|old| text.push_str(&format!("{name}:{line}: - {old}\n")));
        new.into_iter().for_each(|new| text.push_str(&format!("{name}:{line}: + {new}\n")));
    }
    outcome.effects.iter().for_each(|effect| text.push_str(&format!("{effect}\n")));
    outcome
        .findings
        .iter()
        .for_each(|found| text.push_str(&format!("{}\n", found.line(&outcome.file.source))));
    if let Some(version) = outcome.version {
        text.push_str(&format!("written; \"undo\" takes change {version} back\n"));
    }
    text
}
