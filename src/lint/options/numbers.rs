//! Limits, reservations and timeouts against what there is.

use std::collections::{BTreeMap, BTreeSet};

use super::TIMEOUT_MINIMUM_S;
use super::finding;
use super::remarks::Remarks;
use crate::catalog::{Catalog, Pool};
use crate::ident::{FeatureName, VendorName};
use crate::license::{LicenseFile, PackageKind, Statement};
use crate::options::{Directive, Keyword, OptionLine, OptionsFile, Who};
use crate::policy::finding::LATER_LINE_COUNTS;
use crate::policy::{LimitId, Policy};
use crate::text::{are, counted};

/// What needs no licenses.
pub(super) fn check_alone(file: &OptionsFile, without_licenses: bool, remarks: &mut Remarks<'_>) {
    if without_licenses {
        replaced(file, remarks);
    }
    for line in file.options() {
        match &line.directive {
            Directive::Max { count: 0, feature, who } => {
                let message = format!("MAX 0 denies {} to {who}", feature.name);
                let help = format!("if that is meant, write EXCLUDE {} {who}", feature.name);
                let help = if matches!(who, Who::AllUsers | Who::AllGroups) { "" } else { &help };
                remarks.add(&finding::MAX_ZERO, remarks.word(line, 1), message, help);
            }
            Directive::Priority { .. } => {
                let message = "PRIORITY is an extension, which FlexNet daemons do not know".to_owned();
                remarks.add(&finding::EXTENSION, remarks.word(line, 0), message, "");
            }
            Directive::FeatureNumber { keyword: Keyword::Timeout, number, .. } => {
                timeout(line, 2, *number, remarks);
            }
            Directive::TimeoutAll(number) => timeout(line, 1, *number, remarks),
            _ => {}
        }
    }
}

/// Lines that a later one for the same feature and modifiers replaces. With licenses the policy finds them, pool by pool.
fn replaced(file: &OptionsFile, remarks: &mut Remarks<'_>) {
    let mut before: BTreeMap<(Keyword, &FeatureName, String), usize> = BTreeMap::new();
    for line in file.options() {
        let Directive::FeatureNumber { keyword, feature, .. } = &line.directive else { continue };
        let modifiers = format!("{:?}", feature.modifiers);
        if let Some(at) = before.insert((*keyword, &feature.name, modifiers), remarks.number(line)) {
            let message = format!("this line replaces the {} at line {at}", keyword.as_str());
            remarks.add(&LATER_LINE_COUNTS, line.span, message, "");
        }
    }
}

fn timeout(line: &OptionLine, index: usize, seconds: u32, remarks: &mut Remarks<'_>) {
    if (1..TIMEOUT_MINIMUM_S).contains(&seconds) {
        let message =
            format!("{seconds} s is below the minimum of {TIMEOUT_MINIMUM_S} s, which is used instead");
        let help = format!("write {TIMEOUT_MINIMUM_S} or more");
        remarks.add(&finding::TIMEOUT_SHORT, remarks.word(line, index), message, &help);
    }
}

/// All licenses of a pool; none if they are not counted.
fn size(pool: &Pool) -> Option<u64> {
    pool.counted.then(|| pool.lots.iter().map(|lot| u64::from(lot.count) + u64::from(lot.overdraft)).sum())
}

/// MAX lines and reservations against the pools that they are about.
pub(super) fn check_pools(file: &OptionsFile, catalog: &Catalog, policy: &Policy, remarks: &mut Remarks<'_>) {
    let lines: BTreeMap<usize, &OptionLine> =
        file.options().map(|line| (remarks.number(line), line)).collect();
    let mut sizes: BTreeMap<LimitId, Option<u64>> = BTreeMap::new();
    let mut full: BTreeSet<(usize, String)> = BTreeSet::new();
    for feature in catalog.features() {
        let pools = catalog.pools(feature.as_str());
        for (pool, rules) in pools.iter().zip(policy.pools(feature.as_str())) {
            for limit in &rules.limits {
                let sum = sizes.entry(*limit).or_insert(Some(0));
                *sum = sum.zip(size(pool)).map(|(sum, size)| sum.saturating_add(size));
            }
            let reserved: Vec<_> =
                rules.reservations.iter().filter_map(|id| policy.reservation(*id)).collect();
            let sum: u64 = reserved.iter().map(|reservation| u64::from(reservation.count)).sum();
            let licenses: u64 = pool.lots.iter().map(|lot| u64::from(lot.count)).sum();
            if pool.counted
                && sum >= licenses
                && let Some(rule) = reserved.last().and_then(|last| policy.rule(last.rule))
            {
                full.insert((
                    rule.line,
                    format!(
                        "all of pool {} is reserved, {}: nobody else gets one",
                        pool.key,
                        counted(licenses, "license")
                    ),
                ));
            }
        }
    }
    for (id, sum) in sizes {
        let Some((limit, sum)) = policy.limit(id).zip(sum) else { continue };
        let line = policy.rule(limit.rule).and_then(|rule| lines.get(&rule.line));
        if u64::from(limit.count) >= sum
            && let Some(line) = line
        {
            let message = format!(
                "there {} no more than {}, so a limit of {} limits nobody",
                are(sum),
                counted(sum, "license"),
                limit.count
            );
            remarks.add(
                &finding::MAX_IDLE,
                remarks.word(line, 1),
                message,
                "take a lower number, or remove the line",
            );
        }
    }
    for (number, message) in full {
        if let Some(line) = lines.get(&number) {
            remarks.add(&finding::RESERVED_ALL, remarks.word(line, 0), message, "");
        }
    }
}

/// Reservations of packages with SUITE_RESERVED (`flexnet-files.md` 5.6).
pub(super) fn check_suites(
    file: &OptionsFile,
    vendor: &VendorName,
    licenses: &[LicenseFile],
    remarks: &mut Remarks<'_>,
) {
    let mut suites: BTreeSet<&FeatureName> = BTreeSet::new();
    for (_, statement) in licenses.iter().flat_map(LicenseFile::statements) {
        if let Statement::Package(line) = statement
            && line.vendor == *vendor
            && line.kind == PackageKind::SuiteReserved
        {
            suites.insert(&line.name);
        }
    }
    for line in file.options() {
        if let Directive::Reserve { feature, .. } = &line.directive
            && suites.contains(&feature.name)
        {
            let message = format!(
                "{} is a package with SUITE_RESERVED, which reserves its components by itself",
                feature.name
            );
            remarks.add(
                &finding::SUITE_RESERVED,
                feature.span,
                message,
                "reserve single components, or nothing",
            );
        }
    }
}
