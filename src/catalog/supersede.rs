//! SUPERSEDE and ISSUED (`flexnet-files.md` 3.5): which lines a newer one has replaced.

use std::collections::BTreeMap;

use super::admit::Signed;
use super::verdict::{Note, Verdict};
use crate::license::Statement;
use crate::time::CivilDate;

/// What a line may replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    License,
    Package,
}

/// DECISION (3.5): a line replaces lines of its own kind. FEATURE, INCREMENT and UPGRADE lines are licenses; a PACKAGE line
/// replaces PACKAGE lines, whatever feature line has the same name. Components fall with the lines that they come from.
const fn kind(statement: Statement<'_>) -> Kind {
    match statement {
        Statement::Feature(_) | Statement::Upgrade(_) => Kind::License,
        Statement::Package(_) => Kind::Package,
    }
}

/// DECISION (3.5): the date that a line is judged by when it may be replaced: ISSUED, else START; a line with neither is
/// older than every date. (`None` compares lower than any day.)
fn dated(statement: Statement<'_>) -> Option<CivilDate> {
    let start = match statement {
        Statement::Feature(line) => line.start(),
        Statement::Upgrade(line) => line.to.start(),
        Statement::Package(_) => None,
    };
    statement.issued().or(start)
}

/// DECISION (3.5): the names that a line with SUPERSEDE replaces: its own, or those of the list and no other.
fn replaced<'a>(statement: Statement<'a>, list: Option<&'a str>) -> Vec<&'a str> {
    match list {
        None => vec![statement.name().as_str()],
        Some(list) => list.split_whitespace().collect(),
    }
}

/// DECISION (3.5): same day, both stay.
fn is_older(target: Option<CivilDate>, issued: CivilDate) -> bool {
    target < Some(issued)
}

/// Takes the replaced lines of all files out of effect.
///
/// DECISION: every line whose signature holds replaces, in effect or not: one that is itself replaced, that has expired
/// or not started, whose restrictions can't be enforced yet, or a counted FEATURE that an earlier one keeps from being used
/// (`shadow` comes later): it replaces older lines of the names in its list all the same. What the publisher has withdrawn stays withdrawn. So the
/// outcome does not depend on the order of files and lines.
pub(super) fn apply(signed: &mut [Signed<'_>]) {
    let mut newest: BTreeMap<(Kind, &str), (CivilDate, usize)> = BTreeMap::new();
    for (index, line) in signed.iter_mut().enumerate() {
        let statement = line.statement;
        let Some(attribute) = statement.attribute("SUPERSEDE") else { continue };
        // DECISION (3.5): it needs ISSUED on its own line.
        let Some(issued) = statement.issued() else {
            line.notes.push(Note::SupersedeWithoutIssued);
            continue;
        };
        for name in replaced(statement, attribute.value.as_deref()) {
            let known = newest.entry((kind(statement), name)).or_insert((issued, index));
            if known.0 < issued {
                *known = (issued, index);
            }
        }
    }
    if newest.is_empty() {
        return;
    }
    let places: Vec<_> = newest
        .iter()
        .filter_map(|(key, (issued, index))| Some((*key, (*issued, signed.get(*index)?.place.clone()))))
        .collect();
    let newest: BTreeMap<_, _> = places.into_iter().collect();
    for line in signed.iter_mut().filter(|line| line.in_effect()) {
        if let Some((issued, by)) = newest.get(&(kind(line.statement), line.statement.name().as_str()))
            && is_older(dated(line.statement), *issued)
        {
            line.fate = Some(Verdict::Superseded { by: by.clone() });
        }
    }
}
