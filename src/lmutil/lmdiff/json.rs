//! The difference for programs; docs/administrator.md has the keys.

use serde_json::{Value, json};

use super::hosts::{HostChange, HostChangeKind};
use super::unserved::LineChange;
use super::{Compared, VendorCompared};
use crate::catalog::{
    AttributeChange, LotChange, LotFacts, NameChange, NamedValue, OrderChange, PoolChange, PoolFacts, Size,
    Unserved, VerdictChange,
};
use crate::ident::PoolKey;
use crate::lmutil::catalogs::{instant_json, key_json, place_json, verdict_json};

pub(super) fn show(compared: &Compared) -> String {
    let value = json!({
        "same": compared.is_same(),
        "old": compared.old,
        "new": compared.new,
        "hosts": compared.hosts.iter().map(host).collect::<Vec<_>>(),
        "vendors": compared.vendors.iter().map(vendor).collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

fn host(change: &HostChange) -> Value {
    let (kind, changes) = match &change.kind {
        HostChangeKind::Removed => ("removed", &[][..]),
        HostChangeKind::Added => ("added", &[][..]),
        HostChangeKind::Order => ("order", &[][..]),
        HostChangeKind::Changed(changes) => ("changed", changes.as_slice()),
    };
    json!({
        "keyword": change.keyword,
        "name": change.name,
        "change": kind,
        "attributes": attributes(changes),
    })
}

fn vendor(vendor: &VendorCompared) -> Value {
    let found = &vendor.difference;
    json!({
        "vendor": vendor.name.as_str(),
        "signatures": if vendor.checked { "checked" } else { "aside" },
        "same": found.is_empty() && vendor.lines.is_empty(),
        "notes": vendor.notes,
        "pools_removed": found.removed.iter().map(pool).collect::<Vec<_>>(),
        "pools_added": found.added.iter().map(pool).collect::<Vec<_>>(),
        "pools_changed": found.changed.iter().map(pool_change).collect::<Vec<_>>(),
        "order": found.order.iter().map(order).collect::<Vec<_>>(),
        "names": found.names.iter().map(name).collect::<Vec<_>>(),
        "verdicts": found.verdicts.iter().map(verdict).collect::<Vec<_>>(),
        "lines_not_served_here": vendor.lines.iter().map(line).collect::<Vec<_>>(),
        "new_lines_without_effect": found.idle.iter().map(verdict_json).collect::<Vec<_>>(),
    })
}

fn attributes(changes: &[AttributeChange]) -> Value {
    changes
        .iter()
        .map(|change| json!({"name": change.name, "old": change.old, "new": change.new}))
        .collect::<Vec<_>>()
        .into()
}

fn size(size: Size) -> Value {
    match size {
        Size::Uncounted => Value::Null,
        Size::Counted(count) => json!(count),
    }
}

fn pool(pool: &PoolFacts) -> Value {
    json!({
        "key": pool.key.as_str(),
        "feature": pool.key.feature(),
        "keys": key_json(&pool.key),
        "licenses": size(pool.size),
        "overdraft": pool.overdraft(),
        "lots": pool.lots.iter().map(lot).collect::<Vec<_>>(),
    })
}

fn lot(lot: &LotFacts) -> Value {
    let named =
        |(name, value): &NamedValue| (name.clone(), value.clone().map_or(Value::Bool(true), Value::String));
    json!({
        "file": &*lot.place.name,
        "line": lot.place.number,
        "licenses": lot.count,
        "overdraft": lot.overdraft,
        "start": lot.start.map(|day| day.to_string()),
        "expiry": lot.expiry.to_string(),
        "starts": instant_json(lot.starts),
        "ends": instant_json(lot.ends),
        "attributes": lot.attributes.iter().map(named).collect::<serde_json::Map<_, _>>(),
    })
}

/// `what` says which of these it is, each if it is: `keys`, `resized`, `dates`, `attributes`.
fn pool_change(change: &PoolChange) -> Value {
    let moved = |lot: &LotChange| matches!(lot, LotChange::Changed { old, new, .. } if old.moved_to(new));
    let signed =
        |lot: &LotChange| matches!(lot, LotChange::Changed { attributes, .. } if !attributes.is_empty());
    let what = [
        ("keys", !change.keys.is_empty()),
        ("resized", change.resized()),
        ("dates", change.lots.iter().any(moved)),
        ("attributes", change.lots.iter().any(signed)),
    ];
    json!({
        "what": what.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect::<Vec<_>>(),
        "old": pool_head(&change.old),
        "new": pool_head(&change.new),
        "keys": attributes(&change.keys),
        "lots": change.lots.iter().map(lot_change).collect::<Vec<_>>(),
    })
}

fn pool_head(pool: &PoolFacts) -> Value {
    json!({"key": pool.key.as_str(), "licenses": size(pool.size), "overdraft": pool.overdraft()})
}

fn lot_change(change: &LotChange) -> Value {
    let (kind, old, new, changes) = match change {
        LotChange::Removed(old) => ("removed", Some(old), None, &[][..]),
        LotChange::Added(new) => ("added", None, Some(new), &[][..]),
        LotChange::Changed { old, new, attributes } => {
            ("changed", Some(old), Some(new), attributes.as_slice())
        }
    };
    json!({
        "change": kind,
        "old": old.map(lot),
        "new": new.map(lot),
        "attributes": attributes(changes),
    })
}

fn order(change: &OrderChange) -> Value {
    let keys = |keys: &[PoolKey]| -> Value { keys.iter().map(PoolKey::as_str).collect() };
    json!({"feature": change.feature.as_str(), "old": keys(&change.old), "new": keys(&change.new)})
}

fn name(change: &NameChange) -> Value {
    let answer = |unserved: Option<&Unserved>| {
        unserved.map_or(Value::Null, |unserved| {
            let denial = unserved.denial();
            json!({"code": denial.code.number(), "text": &*denial.note})
        })
    };
    json!({
        "name": change.name.as_str(),
        "old": answer(change.old.as_ref()),
        "new": answer(change.new.as_ref()),
    })
}

fn verdict(change: &VerdictChange) -> Value {
    json!({"old": verdict_json(&change.old), "new": verdict_json(&change.new)})
}

fn line(change: &LineChange) -> Value {
    json!({
        "keyword": change.keyword,
        "subject": change.subject,
        "old": change.old.as_ref().map(place_json),
        "new": change.new.as_ref().map(place_json),
        "attributes": attributes(&change.changes),
    })
}
