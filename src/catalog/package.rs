//! PACKAGE (`flexnet-files.md` 3.9): bundles become their components, suites get them.

use std::collections::{BTreeMap, BTreeSet};

use super::admit::{Judged, Signed};
use super::part::Part;
use super::pool::{Suite, pool_key, suite_keys};
use super::verdict::{IgnoredReason, LinePlace, Note, RefusedReason, Verdict};
use crate::code::{Code, minor};
use crate::ident::{FeatureName, PoolKey, Version};
use crate::license::{Component, PackageKind, PackageLine, Statement};
use crate::sign::Manifest;

/// Most lots that the components of packages may have together: so many enabling lines times components. Lines that
/// would add more are refused, so that a short file can't make a catalog without bound.
pub const COMPONENT_LOTS_MAX: usize = 1 << 18;
/// A lot with a long key, which may hold a list of hostids, counts once more for each so many bytes.
const KEY_BYTES_FREE: usize = 512;

/// The PACKAGE lines in effect by name and version; of several alike the first.
///
/// DECISION: a PACKAGE line without a version fits every enabling line; of several that fit the first in the order of
/// files and lines counts, so that no license is unpacked twice.
struct Packages<'a> {
    by_version: BTreeMap<(&'a FeatureName, Option<Version>), usize>,
    /// Any of each name.
    names: BTreeMap<&'a FeatureName, usize>,
    /// Of names without one in effect: the first that has been replaced or refused.
    lost: BTreeMap<String, LinePlace>,
}

impl<'a> Packages<'a> {
    fn of(signed: &[Signed<'a>], judged: &[Judged<'a>]) -> Self {
        let mut found = Self { by_version: BTreeMap::new(), names: BTreeMap::new(), lost: BTreeMap::new() };
        let refused = judged
            .iter()
            .filter(|line| line.keyword == "PACKAGE" && matches!(line.verdict, Some(Verdict::Refused { .. })))
            .map(|line| (line.subject.clone(), line.place.clone()));
        let replaced = signed
            .iter()
            .filter(|line| matches!(line.fate, Some(Verdict::Superseded { .. } | Verdict::Refused { .. })))
            .filter(|line| matches!(line.statement, Statement::Package(_)))
            .map(|line| (line.statement.name().to_string(), line.place.clone()));
        for (name, place) in refused.chain(replaced) {
            found.lost.entry(name).or_insert(place);
        }
        for (index, line) in signed.iter().enumerate().filter(|(_, line)| line.in_effect()) {
            if let Statement::Package(package) = line.statement {
                found.by_version.entry((&package.name, package.version)).or_insert(index);
                found.names.entry(&package.name).or_insert(index);
            }
        }
        found
    }

    /// The package that a part unpacks into. The package's version must be that of its enabling line.
    fn fitting(&self, part: &Part<'_>) -> Option<usize> {
        let find = |version| self.by_version.get(&(&part.name, version)).copied();
        match (find(Some(part.version)), find(None)) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
}

/// What became of the lines of packages.
#[derive(Default)]
struct Outcome {
    /// For each package that was enabled: its enabling lines and the pools of its components.
    enabled: BTreeMap<usize, (Vec<LinePlace>, Vec<PoolKey>)>,
    /// Which package took the parts of a name and version, if one did.
    versions: BTreeMap<FeatureName, BTreeMap<Version, Option<usize>>>,
    lots: usize,
}

/// Replaces the parts of bundles by those of their components, and gives PACKAGE lines and enabling lines their verdicts.
/// `judged` are all lines with the verdicts that they have so far, `refused` the names of feature lines that were refused before.
///
/// DECISION (3.9): this comes last, so UPGRADE moves licenses of a package like those of any feature, and what it has
/// moved enables the PACKAGE line of the new version. Components are never packages themselves: a component with a
/// package's name is an ordinary feature.
pub(super) fn unpack<'a>(
    signed: &mut [Signed<'a>],
    parts: Vec<Part<'a>>,
    (judged, refused): (&[Judged<'a>], &BTreeSet<FeatureName>),
    manifest: &Manifest,
) -> Vec<Part<'a>> {
    let packages = Packages::of(signed, judged);
    let mut outcome = Outcome::default();
    let mut unpacked = Vec::with_capacity(parts.len());
    for part in parts.into_iter().filter(Part::gives) {
        let number = packages.fitting(&part);
        outcome.versions.entry(part.name.clone()).or_default().insert(part.version, number);
        let Some((number, package, place)) = number.and_then(|number| found(signed, number)) else {
            if let Some(other) = packages.names.get(&part.name) {
                tell_ordinary(signed, &part, *other);
            } else if let Some(lost) = packages.lost.get(part.name.as_str())
                && let Some(line) = signed.get_mut(part.line)
            {
                line.notes.push(Note::PackageNotInEffect { package: lost.clone() });
            }
            unpacked.push(part);
            continue;
        };
        let verdict = match components(&part, package, number, manifest, &mut outcome.lots) {
            Ok(Components { parts: components, own, too_large }) => {
                let pools: Vec<PoolKey> =
                    components.iter().filter_map(|component| component.pool.clone()).collect();
                let (by, all) = outcome.enabled.entry(number).or_default();
                by.extend(signed.get(part.line).map(|line| line.place.clone()));
                all.extend(pools.iter().cloned());
                unpacked.extend(components);
                if own.is_some() {
                    let (suite, reserving) = (Some(Suite::Package), is_reserving(package));
                    unpacked.push(Part { pool: own, suite, reserving, ..with_ground(&part, number) });
                }
                if let Some(line) = signed.get_mut(part.line) {
                    line.notes.extend(too_large);
                }
                Verdict::Enables { package: place, pools }
            }
            Err(verdict) => verdict,
        };
        tell_enabling(signed, &part, verdict);
    }
    judge(signed, &packages, refused, outcome);
    unpacked
}

fn found<'a>(signed: &[Signed<'a>], number: usize) -> Option<(usize, &'a PackageLine, LinePlace)> {
    let line = signed.get(number)?;
    match line.statement {
        Statement::Package(package) => Some((number, package, line.place.clone())),
        _ => None,
    }
}

/// What a part gives.
struct Components<'a> {
    parts: Vec<Part<'a>>,
    /// The key of the package's own pool, if it is a suite.
    own: Option<PoolKey>,
    too_large: Option<Note>,
}

/// The components that a part gives: each with its own version or that of the enabling line, n × N licenses, and all
/// else from the enabling line. DECISION (3.9): that includes its place in the sort order, and OVERDRAFT as it
/// stands there, not times n.
///
/// A number that can't be counted is served as the greatest that can, with a note.
fn components<'a>(
    part: &Part<'a>,
    package: &PackageLine,
    number: usize,
    manifest: &Manifest,
    lots: &mut usize,
) -> Result<Components<'a>, Verdict> {
    let mut components = Vec::with_capacity(package.components.len());
    let versions = || {
        let version = |component: &Component| component.version.unwrap_or(part.version);
        package.components.iter().map(move |component| (&component.name, version(component)))
    };
    let (own, keys) = match package.kind {
        PackageKind::Bundle => {
            let keys = versions().map(|(name, version)| pool_key(name, version, part.terms, manifest));
            (None, keys.collect())
        }
        PackageKind::Suite | PackageKind::SuiteReserved => {
            let (own, keys) = suite_keys(part.terms, (&part.name, part.version), versions(), manifest);
            (Some(own), keys)
        }
    };
    let suite = own.clone().map(Suite::Component);
    let mut too_large = None;
    for (component, pool) in package.components.iter().zip(keys) {
        *lots = lots.saturating_add(1 + pool.as_str().len() / KEY_BYTES_FREE);
        if *lots > COMPONENT_LOTS_MAX {
            return Err(too_many_components());
        }
        let count = times(component, part.count);
        if count.is_none() && too_large.is_none() {
            too_large = Some(Note::CountTooLarge { component: component.name.to_string() });
        }
        components.push(Part {
            name: component.name.clone(),
            version: component.version.unwrap_or(part.version),
            count: count.unwrap_or(u32::MAX),
            pool: Some(pool),
            suite: suite.clone(),
            reserving: is_reserving(package),
            ..with_ground(part, number)
        });
    }
    Ok(Components { parts: components, own, too_large })
}

/// A part that stands on its PACKAGE line too.
fn with_ground<'a>(part: &Part<'a>, package: usize) -> Part<'a> {
    let mut part = part.clone();
    part.grounds.push(package);
    part
}

/// n × N; none if that is too large to be counted.
fn times(component: &Component, count: u32) -> Option<u32> {
    component.count.map_or(Some(count), |each| each.get().checked_mul(count))
}

/// Whether the first component that a user takes reserves the others for that user.
fn is_reserving(package: &PackageLine) -> bool {
    package.kind == PackageKind::SuiteReserved
}

fn tell_ordinary(signed: &mut [Signed<'_>], part: &Part<'_>, package: usize) {
    let Some((_, line, package)) = found(signed, package) else { return };
    let Some(version) = line.version else { return };
    if let Some(line) = signed.get_mut(part.line) {
        line.notes.push(Note::NotThePackagesVersion { package, version });
    }
}

/// The verdict on an enabling line; an UPGRADE line also says what it has moved.
fn tell_enabling(signed: &mut [Signed<'_>], part: &Part<'_>, verdict: Verdict) {
    let moved = part.moved.and_then(|moved| {
        let base = signed.get(moved.base)?.place.clone();
        Some(Note::Upgraded { base, moved: part.count, asked: moved.asked })
    });
    if let Some(line) = signed.get_mut(part.line) {
        line.notes.extend(moved);
        line.fate = Some(verdict);
    }
}

/// The verdicts on the PACKAGE lines.
fn judge(
    signed: &mut [Signed<'_>],
    packages: &Packages<'_>,
    refused: &BTreeSet<FeatureName>,
    mut outcome: Outcome,
) {
    let mut verdicts = Vec::new();
    let named: BTreeSet<&FeatureName> = signed
        .iter()
        .filter(|line| !matches!(line.statement, Statement::Package(_)))
        .map(|line| line.statement.name())
        .chain(refused)
        .collect();
    for (index, line) in signed.iter().enumerate().filter(|(_, line)| line.in_effect()) {
        let Statement::Package(package) = line.statement else { continue };
        let shadow = |number: usize| {
            let by = signed.get(number).filter(|_| number != index)?.place.clone();
            Some(Verdict::Shadowed { by })
        };
        let first = packages.by_version.get(&(&package.name, package.version));
        let versions = outcome.versions.get(&package.name);
        let taker = match package.version {
            Some(version) => versions.and_then(|versions| versions.get(&version)),
            None => versions.and_then(|versions| versions.values().next()),
        };
        let verdict = match (first.and_then(|first| shadow(*first)), outcome.enabled.remove(&index), taker) {
            (Some(shadowed), ..) => shadowed,
            (_, Some((by, pools)), _) => {
                let mut seen = BTreeSet::new();
                let pools = pools.into_iter().filter(|pool| seen.insert(pool.clone())).collect();
                Verdict::Package { by, pools }
            }
            (_, _, Some(Some(taker))) => shadow(*taker).unwrap_or_else(too_many_components),
            _ => unenabled(package, versions, named.contains(&package.name)),
        };
        verdicts.push((index, verdict));
    }
    for (index, verdict) in verdicts {
        if let Some(line) = signed.get_mut(index) {
            line.fate = Some(verdict);
        }
    }
}

/// Why nothing enables a PACKAGE line.
fn unenabled(
    package: &PackageLine,
    versions: Option<&BTreeMap<Version, Option<usize>>>,
    named: bool,
) -> Verdict {
    let name = &package.name;
    let (reason, why) = match (versions.and_then(|versions| versions.keys().next()), package.version) {
        (Some(other), Some(version)) => (
            IgnoredReason::PackageVersion,
            format!(
                "the package has version {version}, the feature line {name} version {other}; they must be equal"
            ),
        ),
        _ if named => (
            IgnoredReason::PackageEnablingNotServed,
            format!("no feature line {name} that would enable it is in effect"),
        ),
        _ => {
            (IgnoredReason::PackageWithoutEnabling, format!("no FEATURE or INCREMENT line {name} enables it"))
        }
    };
    Verdict::Ignored { reason, why }
}

fn too_many_components() -> Verdict {
    Verdict::Refused {
        reason: RefusedReason::TooManyComponents,
        code: Code::FeatureNotSupported,
        minor: minor::LINES_NOT_SERVED,
        why: format!("the packages have more than {COMPONENT_LOTS_MAX} lots of components in all"),
    }
}
