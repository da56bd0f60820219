//! What becomes one pool, what does not, and in which order pools are used up (`flexnet-files.md` 3.1 and 3.3).

use std::collections::{BTreeMap, BTreeSet};

use super::finding;
use super::judged::{Judged, Placed, placed};
use super::project::Project;
use super::report::Report;
use crate::catalog::{Lot, Pool};
use crate::ident::Version;
use crate::license::{Expiry, FeatureLine, Statement};

/// Most steps that a message tells of a pool that shrinks.
const STEPS_MAX: usize = 4;

/// The keys of a pool and their values.
type Keys = BTreeMap<String, Option<String>>;

pub(super) fn check(project: &Project<'_>, judged: &Judged<'_>, report: &mut Report<'_>) {
    for feature in judged.catalog.features() {
        let pools = judged.catalog.pools(feature.as_str());
        for pool in pools {
            shrinking(project, pool, report);
        }
        split(project, pools, report);
        higher_first(project, pools, report);
        mixed(project, pools, report);
        sorted(project, pools, report);
    }
}

fn line<'a>(project: &Project<'a>, lot: &Lot) -> Option<Placed<'a>> {
    placed(project, &lot.place)
}

fn first<'a>(project: &Project<'a>, pool: &Pool) -> Option<Placed<'a>> {
    line(project, pool.lots.first()?)
}

/// One pool whose lots expire one after the other.
fn shrinking(project: &Project<'_>, pool: &Pool, report: &mut Report<'_>) {
    if !pool.counted || pool.lots.len() < 2 {
        return;
    }
    // Days, with those without an end last.
    let mut steps: BTreeMap<(bool, Option<crate::time::CivilDate>), u64> = BTreeMap::new();
    let mut total = 0_u64;
    for lot in &pool.lots {
        let end = match lot.expiry {
            Expiry::On(day) if day < project.today => continue,
            Expiry::On(day) => (false, Some(day)),
            Expiry::Never => (true, None),
        };
        *steps.entry(end).or_default() += u64::from(lot.count);
        total += u64::from(lot.count);
    }
    if steps.len() < 2 {
        return;
    }
    let mut told = Vec::new();
    let mut left = total;
    for ((_, day), count) in steps.iter().take(STEPS_MAX) {
        match day {
            Some(day) if told.is_empty() => told.push(format!("one pool of {left} until {day}")),
            Some(day) => told.push(format!("then {left} until {day}")),
            None => told.push(format!("then {left} for good")),
        }
        left -= count;
    }
    if steps.len() > STEPS_MAX {
        told.push("and so on".to_owned());
    }
    let soonest = pool.lots.iter().filter(
        |lot| matches!(lot.expiry, Expiry::On(day) if steps.keys().next() == Some(&(false, Some(day)))),
    );
    let others = pool.lots.iter().map(|lot| lot.place.to_string()).take(STEPS_MAX);
    let Some(line) = soonest.into_iter().next().and_then(|lot| line(project, lot)) else { return };
    let message = format!("the lines at {} are {}", others.collect::<Vec<_>>().join(", "), told.join(", "));
    let help = "the expiry date does not make a pool of its own";
    line.report_name(report, &finding::MERGED_EXPIRY, message, help);
}

/// Pools of one version that differ in a single key. HOSTID is left out: lines for single machines are meant to be apart.
fn split(project: &Project<'_>, pools: &[Pool], report: &mut Report<'_>) {
    let mut seen: BTreeMap<(Version, bool), (&Pool, Keys)> = BTreeMap::new();
    for pool in pools {
        let keys: Keys = pool.keys().into_iter().collect();
        let Some((other, theirs)) = seen.get(&(pool.version, pool.counted)) else {
            seen.insert((pool.version, pool.counted), (pool, keys));
            continue;
        };
        let names: BTreeSet<&String> = keys.keys().chain(theirs.keys()).collect();
        let mut differing = names.into_iter().filter(|name| keys.get(*name) != theirs.get(*name));
        let (Some(name), None) = (differing.next(), differing.next()) else { continue };
        if name == "HOSTID" {
            continue;
        }
        let (Some(line), Some(place)) = (first(project, pool), other.lots.first().map(|lot| &lot.place))
        else {
            continue;
        };
        let shown = |value: Option<&Option<String>>| match value {
            None => "is not there".to_owned(),
            Some(None) => "has no value".to_owned(),
            Some(Some(value)) => format!("is {}", value.chars().take(60).collect::<String>()),
        };
        let message = format!(
            "{} {} is a pool of its own: {name} {} here, and {} at {place}",
            pool.feature,
            pool.version,
            shown(keys.get(name)),
            shown(theirs.get(name)),
        );
        let help = "a request is served by one pool alone: licenses of two pools do not add";
        line.report_attribute(report, &finding::POOL_SPLIT, name, message, help);
    }
}

/// A higher version that is used up first, once for each feature.
fn higher_first(project: &Project<'_>, pools: &[Pool], report: &mut Report<'_>) {
    let mut highest: Option<&Pool> = None;
    for pool in pools.iter().filter(|pool| pool.counted) {
        match highest {
            Some(higher) if higher.version > pool.version => {
                let (Some(line), Some(lower)) = (first(project, higher), pool.lots.first()) else { return };
                let message = format!(
                    "requests for {} {} take these licenses of {} before those at {}",
                    pool.feature, pool.version, higher.version, lower.place
                );
                let help = if sort_of(line.statement).is_some() {
                    "sort= says so; remove it to use the lowest version that suffices first"
                } else {
                    "files and sort= come before versions: name the other file first, or set sort= within one file"
                };
                line.report_name(report, &finding::HIGHER_FIRST, message, help);
                return;
            }
            _ => highest = Some(pool),
        }
    }
}

fn mixed(project: &Project<'_>, pools: &[Pool], report: &mut Report<'_>) {
    let uncounted = pools.iter().find(|pool| !pool.counted);
    let counted = pools.iter().find(|pool| pool.counted);
    let (Some(uncounted), Some(counted)) = (uncounted, counted) else { return };
    let (Some(line), Some(other)) = (first(project, uncounted), counted.lots.first()) else { return };
    let message = format!("{} is uncounted here and counted at {}", uncounted.feature, other.place);
    let help = "hosts that this line names take no license of the counted ones";
    line.report_name(report, &finding::MIXED_COUNT, message, help);
}

/// `sort=` orders the lines of one feature in one file.
fn sorted(project: &Project<'_>, pools: &[Pool], report: &mut Report<'_>) {
    /// The lines of one file: their pools, and the lines that say where they want to stand.
    #[derive(Default)]
    struct OfFile<'a> {
        pools: BTreeSet<usize>,
        explicit: Vec<(usize, u8, Placed<'a>)>,
    }
    let mut files: BTreeMap<usize, OfFile<'_>> = BTreeMap::new();
    for (number, pool) in pools.iter().enumerate() {
        for lot in &pool.lots {
            let of_file = files.entry(lot.place.file).or_default();
            of_file.pools.insert(number);
            let Some(line) = line(project, lot) else { continue };
            if let Some(sort) = sort_of(line.statement) {
                of_file.explicit.push((number, sort, line));
            }
        }
    }
    for of_file in files.into_values() {
        let mut taken: BTreeMap<u8, (usize, Placed<'_>)> = BTreeMap::new();
        for (pool, sort, line) in of_file.explicit {
            let name = line.statement.name();
            if of_file.pools.len() == 1 {
                let message = format!("sort={sort} has no effect: {name} has one pool alone in this file");
                let help = "sort= chooses among the pools of a feature within one file";
                line.report_attribute(report, &finding::SORT_IDLE, "sort", message, help);
                continue;
            }
            let (other, holder) = taken.entry(sort).or_insert((pool, line));
            if *other != pool {
                let message =
                    format!("sort={sort} stands at {} too, so the order of the file decides", holder.shown());
                line.report_attribute(
                    report,
                    &finding::SORT_TWICE,
                    "sort",
                    message,
                    "give each pool another number",
                );
            }
        }
    }
}

fn sort_of(statement: Statement<'_>) -> Option<u8> {
    match statement {
        Statement::Feature(line) => FeatureLine::sort(line),
        Statement::Upgrade(line) => line.to.sort(),
        Statement::Package(_) => None,
    }
}
