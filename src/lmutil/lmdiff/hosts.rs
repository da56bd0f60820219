//! The lines about machines: SERVER, VENDOR, USE_SERVER. They belong to the files, not to the catalog.

use std::collections::BTreeMap;

use crate::catalog::{AttributeChange, NamedValue, Pairing, attribute_changes};
use crate::license::{LicenseFile, ServerLine, VendorLine};

/// A change in the lines about machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostChange {
    /// SERVER, VENDOR or USE_SERVER.
    pub(super) keyword: &'static str,
    /// Host or vendor as it is, or as it was.
    pub(super) name: String,
    pub(super) kind: HostChangeKind,
}

/// What happened to such a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HostChangeKind {
    Removed,
    Added,
    Changed(Vec<AttributeChange>),
    /// The SERVER lines of three servers stand in another order: another one is the primary.
    Order,
}

pub(super) fn changes(old: &[LicenseFile], new: &[LicenseFile]) -> Vec<HostChange> {
    let mut found = servers(&distinct_servers(old), &distinct_servers(new));
    vendors(&first_vendors(old), &first_vendors(new), &mut found);
    let uses = |files: &[LicenseFile]| files.iter().any(LicenseFile::use_server);
    let kind = match (uses(old), uses(new)) {
        (false, true) => Some(HostChangeKind::Added),
        (true, false) => Some(HostChangeKind::Removed),
        _ => None,
    };
    found.extend(kind.map(|kind| HostChange { keyword: "USE_SERVER", name: String::new(), kind }));
    found
}

/// The SERVER lines of all files, each once: several files of one server repeat it.
fn distinct_servers(files: &[LicenseFile]) -> Vec<Vec<NamedValue>> {
    let mut seen = std::collections::BTreeSet::new();
    let facts = files.iter().flat_map(LicenseFile::servers).map(server_facts);
    facts.filter(|facts| seen.insert(facts.clone())).collect()
}

fn server_facts(line: &ServerLine) -> Vec<NamedValue> {
    let mut facts = vec![
        ("host".to_owned(), Some(line.host.clone())),
        ("hostid".to_owned(), Some(line.hostid.to_string())),
    ];
    let number = |value: Option<u32>| value.map(|value| Some(value.to_string()));
    let optional = [
        ("port", number(line.port.map(u32::from))),
        ("PRIMARY_IS_MASTER", line.primary_is_master.then_some(None)),
        ("HEARTBEAT_INTERVAL", number(line.heartbeat_interval_s)),
        ("PLAT", number(line.plat)),
    ];
    facts.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    facts
}

fn value<'a>(facts: &'a [NamedValue], wanted: &str) -> Option<&'a str> {
    facts.iter().find(|(name, _)| name == wanted)?.1.as_deref()
}

/// The same line, else the same host, else the same hostid, else in their order.
fn servers(old: &[Vec<NamedValue>], new: &[Vec<NamedValue>]) -> Vec<HostChange> {
    let mut pairing = Pairing::new(old.len(), new.len());
    pairing.by(|index| old.get(index), |index| new.get(index));
    for name in ["host", "hostid"] {
        pairing.by(|index| value(old.get(index)?, name), |index| value(new.get(index)?, name));
    }
    pairing.by(|_| Some(()), |_| Some(()));
    let paired = pairing.finish();
    let change = |facts: &[NamedValue], kind| HostChange {
        keyword: "SERVER",
        name: value(facts, "host").unwrap_or_default().to_owned(),
        kind,
    };
    let mut found = Vec::new();
    for (before, after) in &paired.pairs {
        if let (Some(before), Some(after)) = (old.get(*before), new.get(*after))
            && before != after
        {
            found.push(change(after, HostChangeKind::Changed(attribute_changes(before, after))));
        }
    }
    let removed = paired.old.iter().filter_map(|index| old.get(*index));
    found.extend(removed.map(|facts| change(facts, HostChangeKind::Removed)));
    let added = paired.new.iter().filter_map(|index| new.get(*index));
    found.extend(added.map(|facts| change(facts, HostChangeKind::Added)));
    if !paired.pairs.is_sorted_by_key(|(before, _)| *before)
        && let Some(first) = new.first()
    {
        found.push(change(first, HostChangeKind::Order));
    }
    found
}

/// What the VENDOR lines of all files say of each vendor: each value comes from the first line that has it.
fn first_vendors(files: &[LicenseFile]) -> BTreeMap<String, BTreeMap<&'static str, String>> {
    let mut found: BTreeMap<String, BTreeMap<&'static str, String>> = BTreeMap::new();
    for line in files.iter().flat_map(LicenseFile::vendors) {
        let facts = found.entry(line.name.to_string()).or_default();
        let VendorLine { path, options, port, .. } = line;
        let values = [
            ("path", path.clone()),
            ("options", options.clone()),
            ("port", port.map(|port| port.to_string())),
        ];
        for (name, value) in values {
            if let Some(value) = value {
                facts.entry(name).or_insert(value);
            }
        }
    }
    found
}

fn vendors(
    old: &BTreeMap<String, BTreeMap<&'static str, String>>,
    new: &BTreeMap<String, BTreeMap<&'static str, String>>,
    found: &mut Vec<HostChange>,
) {
    let facts = |facts: &BTreeMap<&'static str, String>| -> Vec<NamedValue> {
        facts.iter().map(|(name, value)| ((*name).to_owned(), Some(value.clone()))).collect()
    };
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let kind = match (old.get(name), new.get(name)) {
            (Some(before), Some(after)) if before != after => {
                HostChangeKind::Changed(attribute_changes(&facts(before), &facts(after)))
            }
            (Some(_), None) => HostChangeKind::Removed,
            (None, Some(_)) => HostChangeKind::Added,
            _ => continue,
        };
        found.push(HostChange { keyword: "VENDOR", name: name.clone(), kind });
    }
}
