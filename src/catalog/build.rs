//! All steps from files to a catalog, in their order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::admit::{Admitted, Judged, Signed};
use super::order::Place;
use super::part::Part;
use super::pool::{Lot, Pool, SignedLine, pool_key};
use super::unserved::Names;
use super::verdict::{LinePlace, LineVerdict, Note, Verdict};
use super::{Catalog, package, shadow, supersede, upgrade};
use crate::ident::{Digest, FeatureName, PoolKey};
use crate::sign::Manifest;

/// Pools what the lines give that were found sound.
pub(super) fn build(admitted: Admitted<'_>, manifest: &Manifest, zone: &jiff::tz::TimeZone) -> Catalog {
    let Admitted { mut signed, verdicts, refused } = admitted;
    supersede::apply(&mut signed);
    shadow::apply(&mut signed);
    let parts = upgrade::parts(&mut signed);
    let mut parts = package::unpack(&mut signed, parts, (&verdicts, &refused), manifest);
    for part in &mut parts {
        part.pool.get_or_insert_with(|| pool_key(&part.name, part.version, part.terms, manifest));
    }
    let mut order: Vec<usize> = (0..parts.len()).collect();
    let place = |part: &usize| {
        let part = parts.get(*part)?;
        Some(Place::of(signed.get(part.line)?.place.file, part))
    };
    order.sort_by_cached_key(place);

    let mut pools = Pools::default();
    for part in order.iter().filter_map(|part| parts.get(*part)) {
        pools.add(part, &mut signed, manifest, zone);
    }
    let verdicts = tell(verdicts, &mut signed);
    let Pools { pools, order, index, lines, .. } = pools;
    let mut reserving: BTreeMap<PoolKey, Vec<PoolKey>> = BTreeMap::new();
    for pool in pools.values().flatten().filter(|pool| pool.reserving) {
        if let Some(package) = pool.package() {
            reserving.entry(package.clone()).or_default().push(pool.key.clone());
        }
    }
    let unserved = verdicts.1.without(|name| pools.contains_key(name));
    let lingers = pools.values().flatten().flat_map(|pool| &pool.lots).any(|lot| lot.linger_s > 0);
    let suites = joined_by_suites(pools.values().flatten());
    Catalog {
        pools: pools.into_iter().collect(),
        order,
        index: index.into_iter().collect(),
        reserving,
        suites,
        unserved,
        lines,
        verdicts: verdicts.0,
        demo: manifest.demo,
        lingers,
        timeout_minimum_s: manifest.timeout_minimum_s,
        removal_interval_s: manifest.removal_interval_s,
        early_return: manifest.early_return,
        borrow_renew_s: manifest.borrow_renew_hours.saturating_mul(3600),
    }
}

/// The features that packages of suites join, by each of them.
fn joined_by_suites<'a>(
    pools: impl Iterator<Item = &'a Pool>,
) -> BTreeMap<FeatureName, Arc<BTreeSet<FeatureName>>> {
    let mut groups: BTreeMap<PoolKey, BTreeSet<FeatureName>> = BTreeMap::new();
    for pool in pools {
        if let Some(key) = pool.package().or(pool.is_package().then_some(&pool.key)) {
            groups.entry(key.clone()).or_default().insert(pool.feature.clone());
        }
    }
    let mut joined: BTreeMap<FeatureName, Arc<BTreeSet<FeatureName>>> = BTreeMap::new();
    for mut group in groups.into_values() {
        let others: Vec<_> = group.iter().filter_map(|feature| joined.get(feature).cloned()).collect();
        others.iter().for_each(|other| group.extend(other.iter().cloned()));
        let group = Arc::new(group);
        joined.extend(group.iter().map(|feature| (feature.clone(), Arc::clone(&group))));
    }
    joined
}

/// Pools in the making.
#[derive(Default)]
struct Pools {
    pools: BTreeMap<FeatureName, Vec<Pool>>,
    order: Vec<FeatureName>,
    index: BTreeMap<PoolKey, usize>,
    /// The line that opened each pool.
    opened: BTreeMap<PoolKey, LinePlace>,
    lines: BTreeMap<Digest, SignedLine>,
}

impl Pools {
    /// Puts a part into its pool. Parts come in the order in which requests shall try them.
    fn add(
        &mut self,
        part: &Part<'_>,
        signed: &mut [Signed<'_>],
        manifest: &Manifest,
        zone: &jiff::tz::TimeZone,
    ) {
        let (Some(key), Some(line)) = (part.pool.clone(), signed.get(part.line)) else { return };
        let place = line.place.clone();
        let mut grounds = Vec::with_capacity(part.grounds.len());
        for index in &part.grounds {
            let Some(line) = signed.get_mut(*index) else { continue };
            grounds.push((line.digest, line.signer));
            // The texts are most of a catalog, so each is moved, at its first use.
            self.lines.entry(line.digest).or_insert_with(|| SignedLine {
                canonical: std::mem::take(&mut line.canonical),
                sign: line.sign.to_owned(),
            });
        }
        let lot = Lot::of(part, place.clone(), &grounds, manifest, zone);
        let retires = lot.retirement.map(|end| Note::KeyRetires { key: end.key, day: end.day });
        let base = part.moved.and_then(|moved| Some((signed.get(moved.base)?.place.clone(), moved.asked)));

        let order = &mut self.order;
        let of_feature = self.pools.entry(part.name.clone()).or_insert_with(|| {
            order.push(part.name.clone());
            Vec::new()
        });
        let known = self.index.get(&key).and_then(|at| of_feature.get_mut(*at));
        let first = known.is_none();
        match known {
            Some(pool) => pool.lots.push(lot),
            None => {
                self.index.insert(key.clone(), of_feature.len());
                self.opened.insert(key.clone(), place);
                of_feature.push(Pool::of(part, key.clone(), manifest, lot));
            }
        }
        let Some(line) = signed.get_mut(part.line) else { return };
        if !line.notes.iter().any(|note| matches!(note, Note::KeyRetires { .. })) {
            line.notes.extend(retires);
        }
        if !line.in_effect() {
            // It enables a package and has its verdict.
            return;
        }
        line.fate = Some(match (base, self.opened.get(&key)) {
            (Some((base, asked)), _) => Verdict::Upgraded { pool: key, base, moved: part.count, asked },
            (None, Some(into)) if !first => Verdict::Merged { pool: key, into: into.clone() },
            (None, _) => Verdict::Served(key),
        });
    }
}

/// The verdicts on all lines, and the names under which nothing is served.
fn tell(judged: Vec<Judged<'_>>, signed: &mut [Signed<'_>]) -> (Vec<LineVerdict>, Names) {
    let mut names = Names::default();
    let mut verdicts = Vec::with_capacity(judged.len());
    let mut signed = signed.iter_mut().peekable();
    for (index, mut judged) in judged.into_iter().enumerate() {
        let mut notes = Vec::new();
        if let Some(line) = signed.next_if(|line| line.verdict == index) {
            judged.verdict = line.fate.take();
            notes = std::mem::take(&mut line.notes);
        }
        let Some(verdict) = judged.verdict.take() else { continue };
        let told = LineVerdict {
            place: judged.place.clone(),
            keyword: judged.keyword,
            subject: judged.subject.clone(),
            verdict,
            notes,
        };
        names.remember(&judged, &told);
        verdicts.push(told);
    }
    (verdicts, names)
}
