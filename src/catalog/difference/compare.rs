//! Finding the difference.

use std::collections::{BTreeMap, BTreeSet};

use super::pairing::{Paired, Pairing};
use super::{
    AttributeChange, Difference, LotChange, LotFacts, NameChange, OrderChange, PoolChange, PoolFacts, Size,
    VerdictChange,
};
use crate::catalog::{
    Catalog, IgnoredReason, LineVerdict, Lot, NamedValue, Pool, SignedLine, Unserved, Verdict, key_parts,
};
use crate::code::Code;
use crate::ident::FeatureName;
use crate::time::CivilDate;

/// Attributes that are terms of the lot, or whose meaning is what they do to the order and the verdicts of lines.
const TOLD_ELSEWHERE: [&str; 4] = ["ISSUED", "OVERDRAFT", "START", "SUPERSEDE"];

pub(super) fn catalogs(old: &Catalog, new: &Catalog) -> Difference {
    let mut found = Difference::default();
    for name in new.features() {
        pools(name, Side::of(old, name), Side::of(new, name), &mut found);
    }
    for name in old.features().filter(|name| new.pools(name.as_str()).is_empty()) {
        found.removed.extend(Side::of(old, name).all());
    }
    names(old, new, &mut found);
    verdicts(old, new, &mut found);
    found
}

/// The pools of one feature in one catalog.
#[derive(Clone, Copy)]
struct Side<'a> {
    catalog: &'a Catalog,
    pools: &'a [Pool],
}

impl<'a> Side<'a> {
    fn of(catalog: &'a Catalog, name: &FeatureName) -> Self {
        Self { catalog, pools: catalog.pools(name.as_str()) }
    }

    fn facts(self, index: usize) -> Option<PoolFacts> {
        self.pools.get(index).map(|pool| pool_facts(self.catalog, pool))
    }

    fn all(self) -> impl Iterator<Item = PoolFacts> + 'a {
        self.pools.iter().map(move |pool| pool_facts(self.catalog, pool))
    }
}

fn pools(feature: &FeatureName, old: Side<'_>, new: Side<'_>, found: &mut Difference) {
    let paired = pair_pools(old.pools, new.pools);
    found.removed.extend(paired.old.iter().filter_map(|index| old.facts(*index)));
    found.added.extend(paired.new.iter().filter_map(|index| new.facts(*index)));
    for (before, after) in &paired.pairs {
        if let (Some(before), Some(after)) = (old.facts(*before), new.facts(*after)) {
            found.changed.extend(pool_change(before, after));
        }
    }
    if !paired.pairs.is_sorted_by_key(|(before, _)| *before) {
        let keys = |side: Side<'_>| side.pools.iter().map(|pool| pool.key.clone()).collect();
        found.order.push(OrderChange { feature: feature.clone(), old: keys(old), new: keys(new) });
    }
}

fn pair_pools(old: &[Pool], new: &[Pool]) -> Paired {
    let mut pairing = Pairing::new(old.len(), new.len());
    let key = |pools: &[Pool], index: usize| pools.get(index).map(|pool| pool.key.clone());
    pairing.by(|index| key(old, index), |index| key(new, index));
    let parts = |pools: &[Pool]| -> Vec<(String, Vec<NamedValue>)> {
        pools.iter().map(|pool| (pool.version.canonical(), key_parts(&pool.key))).collect()
    };
    let (old_parts, new_parts) = (parts(old), parts(new));
    let names: BTreeSet<&String> =
        old_parts.iter().chain(&new_parts).flat_map(|(_, keys)| keys).map(|(name, _)| name).collect();
    for left_out in names {
        let all_but = |parts: &[(String, Vec<NamedValue>)], index: usize| {
            let (version, mut keys) = parts.get(index)?.clone();
            keys.retain(|(name, _)| name != left_out);
            Some((version, keys))
        };
        pairing.by(|index| all_but(&old_parts, index), |index| all_but(&new_parts, index));
    }
    let version = |pools: &[Pool], index: usize| Some(pools.get(index)?.version.canonical());
    pairing.by(|index| version(old, index), |index| version(new, index));
    pairing.finish()
}

fn pool_change(old: PoolFacts, new: PoolFacts) -> Option<PoolChange> {
    let keys = attribute_changes(&key_parts(&old.key), &key_parts(&new.key));
    let lots = lot_changes(&old.lots, &new.lots);
    (!keys.is_empty() || !lots.is_empty()).then_some(PoolChange { old, new, keys, lots })
}

fn lot_changes(old: &[LotFacts], new: &[LotFacts]) -> Vec<LotChange> {
    let mut pairing = Pairing::new(old.len(), new.len());
    let terms = |lot: &LotFacts| (lot.count, lot.overdraft, lot.starts, lot.ends);
    let all = |lots: &[LotFacts], index: usize| {
        lots.get(index).map(|lot| (terms(lot), lot.expiry.to_string(), lot.attributes.clone()))
    };
    pairing.by(|index| all(old, index), |index| all(new, index));
    let serial = |lots: &[LotFacts], index: usize| {
        let lot = lots.get(index)?;
        lot.attributes.iter().find(|(name, _)| name == "SN").cloned()
    };
    pairing.by(|index| serial(old, index), |index| serial(new, index));
    pairing.by(|index| old.get(index).map(terms), |index| new.get(index).map(terms));
    pairing.by(|_| Some(()), |_| Some(()));
    let paired = pairing.finish();

    let mut changes = Vec::new();
    for (before, after) in paired.pairs {
        if let (Some(old), Some(new)) = (old.get(before), new.get(after)) {
            let attributes = attribute_changes(&old.attributes, &new.attributes);
            if !attributes.is_empty() || terms(old) != terms(new) || old.expiry != new.expiry {
                changes.push(LotChange::Changed { old: old.clone(), new: new.clone(), attributes });
            }
        }
    }
    let of = |lots: &[LotFacts], index: usize| lots.get(index).cloned();
    changes.extend(paired.old.into_iter().filter_map(|index| of(old, index)).map(LotChange::Removed));
    changes.extend(paired.new.into_iter().filter_map(|index| of(new, index)).map(LotChange::Added));
    changes
}

/// What differs between two lists of attributes in the order of their names.
pub(crate) fn attribute_changes(old: &[NamedValue], new: &[NamedValue]) -> Vec<AttributeChange> {
    let of = |attributes: &[NamedValue]| -> BTreeMap<String, String> {
        attributes.iter().map(|(name, value)| (name.clone(), value.clone().unwrap_or_default())).collect()
    };
    let (old, new) = (of(old), of(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| AttributeChange {
            name: name.clone(),
            old: old.get(name).cloned(),
            new: new.get(name).cloned(),
        })
        .collect()
}

fn pool_facts(catalog: &Catalog, pool: &Pool) -> PoolFacts {
    let size = if pool.counted {
        Size::Counted(pool.lots.iter().map(|lot| u64::from(lot.count)).sum())
    } else {
        Size::Uncounted
    };
    let keys = key_parts(&pool.key);
    let lots = pool.lots.iter().map(|lot| lot_facts(catalog, &keys, lot)).collect();
    PoolFacts { key: pool.key.clone(), size, lots }
}

fn lot_facts(catalog: &Catalog, keys: &[NamedValue], lot: &Lot) -> LotFacts {
    let signed: Vec<NamedValue> =
        catalog.signed_line(&lot.digest).into_iter().flat_map(SignedLine::attributes).collect();
    let start = signed.iter().find(|(name, _)| name == "START").and_then(|(_, day)| day.as_deref());
    let start = start.and_then(|day| CivilDate::parse(day).ok());
    let told =
        |name: &String| TOLD_ELSEWHERE.contains(&name.as_str()) || keys.iter().any(|(key, _)| key == name);
    let attributes = signed.into_iter().filter(|(name, _)| !told(name)).collect();
    LotFacts {
        place: lot.place.clone(),
        count: lot.count,
        overdraft: lot.overdraft,
        start,
        starts: lot.starts,
        ends: lot.ends,
        expiry: lot.expiry,
        attributes,
    }
}

/// Names that neither catalog serves. What became of a served name is told by its pools.
fn names(old: &Catalog, new: &Catalog, found: &mut Difference) {
    let unserved = |catalog: &Catalog| -> BTreeSet<FeatureName> {
        catalog.unserved_features().map(|(name, _)| name.clone()).collect()
    };
    let served =
        |name: &FeatureName| !old.pools(name.as_str()).is_empty() || !new.pools(name.as_str()).is_empty();
    let answer = |unserved: Option<&Unserved>| -> Option<Code> { unserved.map(|found| found.denial().code) };
    for name in unserved(old).union(&unserved(new)).filter(|name| !served(name)) {
        let (old, new) = (old.unserved(name.as_str()), new.unserved(name.as_str()));
        if answer(old) != answer(new) {
            found.names.push(NameChange { name: name.clone(), old: old.cloned(), new: new.cloned() });
        }
    }
}

/// The fate of a line without its places: as long as it is the same, nothing has changed for the line.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Applied,
    Repeated,
    Shadowed,
    Superseded,
    Ignored(IgnoredReason),
    Refused(Code, u16),
}

impl Fate {
    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Duplicate { .. } => Self::Repeated,
            Verdict::Shadowed { .. } => Self::Shadowed,
            Verdict::Superseded { .. } => Self::Superseded,
            Verdict::Ignored { reason, .. } => Self::Ignored(*reason),
            Verdict::Refused { code, minor, .. } => Self::Refused(*code, *minor),
            _ => Self::Applied,
        }
    }
}

/// Lines are the same if keyword and name are. Among those with one name first the ones of equal fate belong together.
fn verdicts(old: &Catalog, new: &Catalog, found: &mut Difference) {
    let (old, new) = (old.verdicts(), new.verdicts());
    let line = |lines: &[LineVerdict], index: usize| {
        lines.get(index).map(|line| (line.keyword, line.subject.clone()))
    };
    let fate = |lines: &[LineVerdict], index: usize| {
        Some((line(lines, index)?, Fate::of(&lines.get(index)?.verdict)))
    };
    let mut pairing = Pairing::new(old.len(), new.len());
    pairing.by(|index| fate(old, index), |index| fate(new, index));
    pairing.by(|index| line(old, index), |index| line(new, index));
    let paired = pairing.finish();
    for (before, after) in paired.pairs {
        if let (Some(old), Some(new)) = (old.get(before), new.get(after))
            && Fate::of(&old.verdict) != Fate::of(&new.verdict)
        {
            found.verdicts.push(VerdictChange { old: old.clone(), new: new.clone() });
        }
    }
    let idle = paired.new.into_iter().filter_map(|index| new.get(index));
    found.idle.extend(idle.filter(|line| !line.verdict.is_applied()).cloned());
}
