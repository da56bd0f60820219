//! What was done, for programs. The names of the fields are stable; `docs/administrator.md` lists them.

use serde_json::{Value, json};

use super::super::lmlint::finding_as_json;
use super::super::lmreread::Reread;
use super::{Outcome, Refusal};
use crate::lmutil::ask::Failure;
use crate::options::edit::{Change, ChangeKind};

/// One object; `reread` is what the server said, if it was asked.
#[must_use]
pub fn show_as_json(outcome: &Outcome, reread: Option<&Result<Reread, Failure>>) -> String {
    let source = &outcome.file.source;
    let text = |said: &str| if said.is_empty() { Value::Null } else { json!(said) };
    let changes: Vec<Value> = outcome
        .changes
        .iter()
        .map(|Change { kind, line, before, after }| {
            let kind = match kind {
                ChangeKind::Added => "added",
                ChangeKind::Changed => "changed",
                ChangeKind::Removed => "removed",
            };
            json!({ "kind": kind, "line": line, "before": text(before), "after": text(after) })
        })
        .collect();
    let findings: Vec<Value> = outcome.findings.iter().map(|found| finding_as_json(source, found)).collect();
    let reread = reread.map(|answer| match answer {
        Ok(Reread { lines, refused }) => json!({
            "lines": lines,
            "error": refused.as_ref().map(|refused| Failure::from(refused.clone()).to_string()),
        }),
        Err(failure) => json!({ "lines": [], "error": failure.to_string() }),
    });
    let whole = json!({
        "file": source.name(),
        "written": outcome.version.is_some(),
        "change": outcome.version,
        "changes": changes,
        "effects": outcome.effects,
        "findings": findings,
        "diff": String::from_utf8_lossy(&outcome.diff),
        "reread": reread,
    });
    format!("{whole:#}\n")
}

/// Why nothing was done.
#[must_use]
pub fn refused_as_json(refusal: &Refusal) -> String {
    let findings: Vec<Value> = match refusal {
        Refusal::Errors { found, file } => {
            found.iter().map(|found| finding_as_json(&file.source, found)).collect()
        }
        _ => Vec::new(),
    };
    let whole = json!({ "written": false, "error": refusal.to_string(), "findings": findings });
    format!("{whole:#}\n")
}
