//! FEATURE against FEATURE (`flexnet-files.md` 3.2): of several counted ones of a name only the first is used.

use std::collections::BTreeMap;

use super::admit::Signed;
use super::verdict::{LinePlace, Verdict};
use crate::license::{FeatureKeyword, FeatureLine, LicenseCount, Statement};

/// DECISION (3.2): only counted FEATURE lines shadow and are shadowed; uncounted ones stand beside each other.
fn competes(line: &FeatureLine) -> bool {
    line.keyword == FeatureKeyword::Feature && line.count != LicenseCount::Uncounted
}

/// Takes the counted FEATURE lines behind the first of their name out of effect.
///
/// DECISION (3.2): "first" is the order of the files and of the lines in them, before sorting. Only lines in effect
/// compete, so this comes after SUPERSEDE: the newer of two lines does not lose against the one that it replaces.
pub(super) fn apply(signed: &mut [Signed<'_>]) {
    let mut winners: BTreeMap<&str, LinePlace> = BTreeMap::new();
    for line in signed.iter_mut().filter(|line| line.in_effect()) {
        let Statement::Feature(feature) = line.statement else { continue };
        if !competes(feature) {
            continue;
        }
        match winners.get(feature.name.as_str()) {
            Some(winner) => line.fate = Some(Verdict::Shadowed { by: winner.clone() }),
            None => {
                winners.insert(feature.name.as_str(), line.place.clone());
            }
        }
    }
}
