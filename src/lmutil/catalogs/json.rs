//! Places and verdicts as JSON, the same in every tool.

use serde_json::{Map, Value, json};

use crate::catalog::{LinePlace, LineVerdict, Verdict, key_parts};
use crate::ident::PoolKey;
use crate::time::Timestamp;

/// `{"file": …, "line": …}`.
pub(in crate::lmutil) fn place_json(place: &LinePlace) -> Value {
    json!({"file": &*place.name, "line": place.number})
}

/// The keys behind feature and version: an object from name to value; true stands for a key without a value.
pub(in crate::lmutil) fn key_json(key: &PoolKey) -> Value {
    let parts = key_parts(key).into_iter();
    parts
        .map(|(name, value)| (name, value.map_or(Value::Bool(true), Value::String)))
        .collect::<Map<_, _>>()
        .into()
}

/// RFC 3339, or null.
pub(in crate::lmutil) fn instant_json(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| Value::String(at.to_string()))
}

/// A line with its verdict. `verdict` is one word; `text` says it in full; `pools` are the pools that the line
/// contributes to, and `other` is the line that the verdict is about: the one that it was merged into, upgrades,
/// repeats, is shadowed or superseded by.
pub(in crate::lmutil) fn verdict_json(line: &LineVerdict) -> Value {
    let (word, pools, other) = parts(&line.verdict);
    let (code, minor) = match &line.verdict {
        Verdict::Refused { code, minor, .. } => (json!(code.number()), json!(minor)),
        _ => (Value::Null, Value::Null),
    };
    json!({
        "file": &*line.place.name,
        "line": line.place.number,
        "keyword": line.keyword,
        "subject": line.subject,
        "applied": line.verdict.is_applied(),
        "verdict": word,
        "text": line.verdict.to_string(),
        "pools": pools.iter().map(|key| key.as_str()).collect::<Vec<_>>(),
        "other": other.map_or(Value::Null, place_json),
        "code": code,
        "minor": minor,
        "notes": line.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn parts(verdict: &Verdict) -> (&'static str, &[PoolKey], Option<&LinePlace>) {
    use std::slice::from_ref;
    match verdict {
        Verdict::Served(pool) => ("served", from_ref(pool), None),
        Verdict::Merged { pool, into } => ("merged", from_ref(pool), Some(into)),
        Verdict::Upgraded { pool, base, .. } => ("upgraded", from_ref(pool), Some(base)),
        Verdict::Enables { package, pools } => ("enables", pools, Some(package)),
        Verdict::Package { by, pools } => ("package", pools, by.first()),
        Verdict::Duplicate { of } => ("duplicate", &[], Some(of)),
        Verdict::Shadowed { by } => ("shadowed", &[], Some(by)),
        Verdict::Superseded { by } => ("superseded", &[], Some(by)),
        Verdict::Ignored { .. } => ("ignored", &[], None),
        Verdict::Refused { .. } => ("refused", &[], None),
    }
}
