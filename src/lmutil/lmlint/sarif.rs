//! Findings as SARIF 2.1.0, the form in which code hosts and editors take the results of checkers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Judged, row};
use crate::lint::explain;
use crate::text::{Diagnostic, Severity, Source};

pub(super) fn show(judged: &Judged) -> String {
    let mut rules: BTreeMap<&str, usize> =
        judged.findings().map(|(_, found)| (found.diagnostic.id, 0)).collect();
    rules.values_mut().enumerate().for_each(|(index, place)| *place = index);
    let results: Vec<Value> =
        judged.findings().map(|(file, found)| result(file, &found.diagnostic, &rules)).collect();
    let notifications: Vec<Value> = judged
        .problems
        .iter()
        .map(|problem| json!({ "level": "error", "message": { "text": problem } }))
        .collect();
    let whole = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "lmlint",
                "version": crate::VERSION,
                "rules": rules.keys().map(|id| rule(id)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": judged.problems.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    });
    format!("{whole:#}\n")
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn rule(id: &str) -> Value {
    let mut rule = Map::from_iter([("id".to_owned(), json!(id))]);
    if let Some(row) = row(id) {
        rule.insert("shortDescription".into(), json!({ "text": row.meaning }));
        rule.insert("defaultConfiguration".into(), json!({ "level": level(row.severity) }));
    }
    if let Some(explanation) = explain(id) {
        rule.insert("fullDescription".into(), json!({ "text": explanation.cause }));
        rule.insert("help".into(), json!({ "text": explanation.remedy }));
    }
    Value::Object(rule)
}

fn result(file: &Source, found: &Diagnostic, rules: &BTreeMap<&str, usize>) -> Value {
    let (begin, end) = (file.place(found.span.start), file.place(found.span.end));
    let text = match &found.help {
        Some(help) => format!("{}; {help}", found.message),
        None => found.message.clone(),
    };
    json!({
        "ruleId": found.id,
        "ruleIndex": rules.get(found.id),
        "level": level(found.severity),
        "message": { "text": text },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(file.name()) },
            "region": {
                "startLine": begin.line,
                "startColumn": begin.column,
                "endLine": end.line,
                "endColumn": end.column,
            },
        } }],
        "properties": { "hint": found.help, "number": found.code.map(|code| code.number()) },
    })
}

/// A path as a URI reference (RFC 3986): everything that is neither unreserved nor a slash is escaped, so that no part
/// of a name is read as a scheme, a query or a fragment.
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_uris() {
        assert_eq!(uri("a/b-1.lic"), "a/b-1.lic");
        assert_eq!(uri("/srv/lic/Büro #1?.lic"), "file:///srv/lic/B%C3%BCro%20%231%3F.lic");
        assert_eq!(uri("c:x%.lic"), "c%3Ax%25.lic");
    }
}
