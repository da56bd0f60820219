//! UPGRADE (`flexnet-files.md` 3.6): licenses that move to another version.

use std::collections::BTreeMap;

use super::admit::Signed;
use super::nearest::Nearest;
use super::part::{Moved, Part};
use super::verdict::{IgnoredReason, Note, Verdict};
use crate::ident::{FeatureName, Version};
use crate::license::{LicenseCount, Statement, UpgradeLine};

/// DECISION: licenses that have been upgraded so often are no base any more. Each step adds a line to what a grant must
/// show to its client, and a grant is small.
const STEPS_MAX: usize = 8;

/// The parts of all lines in effect, after the UPGRADE lines among them have moved what they move.
///
/// DECISION (3.6): evaluated in the order of the files and of the lines in them, before sorting; "preceding" reaches into
/// earlier files. It comes after SUPERSEDE and after the choice among counted FEATURE lines: only lines in effect are
/// bases, so an UPGRADE passes over refused, repeated, replaced and shadowed ones. Expiry and START of the base don't
/// matter: a catalog holds for more than one day, and what is moved has the dates of its own line.
///
/// DECISION: everything but the number comes from the UPGRADE line, which has all the fields of a feature line: dates,
/// HOSTID, DUP_GROUP, OVERDRAFT and the rest. The overdraft of the base stays with the base.
pub(super) fn parts<'a>(signed: &mut [Signed<'a>]) -> Vec<Part<'a>> {
    let mut bases = bases(signed);
    let mut parts: Vec<Part<'a>> = Vec::with_capacity(signed.len());
    for index in 0..signed.len() {
        let Some(line) = signed.get(index).filter(|line| line.in_effect()) else { continue };
        let part = match line.statement {
            Statement::Package(_) => continue,
            Statement::Feature(terms) => Part::of(index, terms),
            Statement::Upgrade(upgrade) => {
                match moved(upgrade, index, &mut parts, bases.get_mut(&upgrade.to.name)) {
                    Ok((part, left)) => {
                        tell_base(signed, &part, left);
                        part
                    }
                    Err(verdict) => {
                        if let Some(line) = signed.get_mut(index) {
                            line.fate = Some(verdict);
                        }
                        continue;
                    }
                }
            }
        };
        if is_base(&part)
            && let Some(nearest) = bases.get_mut(&part.name)
        {
            nearest.push(part.version, parts.len());
        }
        parts.push(part);
    }
    parts
}

/// DECISION (3.6): uncounted lines can't be upgraded. What an UPGRADE has made can, like an INCREMENT that stands in its
/// place: products go from 1 to 2 to 3.
fn is_base(part: &Part<'_>) -> bool {
    part.counted() && part.count > 0 && part.grounds.len() <= STEPS_MAX
}

/// An index for each feature that has UPGRADE lines in effect, with all versions that can occur.
fn bases(signed: &[Signed<'_>]) -> BTreeMap<FeatureName, Nearest> {
    let mut versions: BTreeMap<&FeatureName, Vec<Version>> = BTreeMap::new();
    let effective = || signed.iter().filter(|line| line.in_effect()).map(|line| line.statement);
    for statement in effective() {
        if let Statement::Upgrade(upgrade) = statement {
            versions.entry(&upgrade.to.name).or_default().push(upgrade.to.version);
        }
    }
    for statement in effective() {
        if let Statement::Feature(line) = statement
            && let Some(known) = versions.get_mut(&line.name)
        {
            known.push(line.version);
        }
    }
    versions.into_iter().map(|(name, versions)| (name.clone(), Nearest::new(versions))).collect()
}

/// Takes the licenses from their base. DECISION (3.6): from the closest one that has any left, and from that one only: if it
/// has fewer than asked, what is there is upgraded, with a note. Also how many the base has left.
fn moved<'a>(
    upgrade: &'a UpgradeLine,
    line: usize,
    parts: &mut [Part<'a>],
    bases: Option<&mut Nearest>,
) -> Result<(Part<'a>, u32), Verdict> {
    let LicenseCount::Counted(asked) = upgrade.to.count else {
        let why = "an uncounted UPGRADE line moves no number of licenses".to_owned();
        return Err(Verdict::Ignored { reason: IgnoredReason::UpgradeUncounted, why });
    };
    let without_base = || Verdict::Ignored {
        reason: IgnoredReason::UpgradeWithoutBase,
        why: format!(
            "no line in effect before it has counted licenses of {} from version {} to below {}",
            upgrade.to.name, upgrade.from, upgrade.to.version
        ),
    };
    let bases = bases.ok_or_else(without_base)?;
    let number = bases.find(upgrade.from, upgrade.to.version).ok_or_else(without_base)?;
    let base = parts.get_mut(number).ok_or_else(without_base)?;
    let count = base.count.min(asked.get());
    base.count -= count;
    if base.count == 0 {
        bases.pop(base.version);
    }
    let mut part = Part::of(line, &upgrade.to);
    part.count = count;
    part.grounds.extend(&base.grounds);
    part.moved = Some(Moved { base: base.line, asked: asked.get() });
    Ok((part, base.count))
}

/// Says at the base that licenses have left it.
fn tell_base(signed: &mut [Signed<'_>], part: &Part<'_>, left: u32) {
    let Some(moved) = part.moved else { return };
    let Some(by) = signed.get(part.line).map(|line| line.place.clone()) else { return };
    let Some(base) = signed.get_mut(moved.base) else { return };
    if left == 0 {
        base.notes.retain(|note| !matches!(note, Note::MovedAway { .. }));
        let why = format!("all of its licenses have moved to other versions, the last ones by {by}");
        base.fate = Some(Verdict::Ignored { reason: IgnoredReason::UpgradedAway, why });
        return;
    }
    match base.notes.iter_mut().find_map(|note| match note {
        Note::MovedAway { moved, by } => Some((moved, by)),
        _ => None,
    }) {
        Some((sum, last)) => {
            *sum = sum.saturating_add(part.count);
            *last = by;
        }
        None => base.notes.push(Note::MovedAway { moved: part.count, by }),
    }
}
