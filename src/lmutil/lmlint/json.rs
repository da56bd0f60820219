//! Findings for programs. The names of the fields are stable; `docs/administrator.md` lists them.

use serde_json::{Value, json};

use super::Judged;
use crate::text::{Diagnostic, Source};

pub(super) fn show(judged: &Judged) -> String {
    let diagnostics: Vec<Value> =
        judged.findings().map(|(file, found)| finding(file, &found.diagnostic)).collect();
    let counts = judged.counts();
    let whole = json!({
        "diagnostics": diagnostics,
        "summary": {
            "files": judged.files.len(),
            "errors": counts.errors,
            "warnings": counts.warnings,
            "notes": counts.notes,
            "problems": judged.problems,
        },
    });
    format!("{whole:#}\n")
}

/// One finding about a file.
pub(in crate::lmutil) fn finding(file: &Source, found: &Diagnostic) -> Value {
    let (begin, end) = (file.place(found.span.start), file.place(found.span.end));
    json!({
        "code": found.id,
        "severity": found.severity.to_string(),
        "file": file.name(),
        "line": begin.line,
        "column": begin.column,
        "end_line": end.line,
        "end_column": end.column,
        "message": found.message,
        "hint": found.help,
        "number": found.code.map(|code| code.number()),
    })
}
