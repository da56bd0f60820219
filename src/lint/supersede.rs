//! What SUPERSEDE leaves undone (`flexnet-files.md` 3.5). Which lines it replaces is the catalog's to say.

use std::collections::{BTreeMap, BTreeSet};

use super::finding;
use super::judged::{Judged, Placed};
use super::report::Report;
use crate::catalog::{LinePlace, Verdict};
use crate::license::Statement;
use crate::time::CivilDate;

/// Most names of one list that are looked at.
const LIST_NAMES_MAX: usize = 200;

/// Whether a line is a PACKAGE line, and its name.
type Key<'a> = (bool, &'a str);

pub(super) fn check(judged: &Judged<'_>, report: &mut Report<'_>) {
    let replaced: BTreeMap<(usize, usize), &LinePlace> = judged
        .catalog
        .verdicts()
        .iter()
        .filter(|told| matches!(told.verdict, Verdict::Superseded { .. }))
        .map(|told| ((told.place.file, told.place.line), &told.place))
        .collect();
    let lines = || judged.licenses.values().chain(judged.packages.values()).flatten();
    let mut hit: BTreeSet<Key<'_>> = BTreeSet::new();
    let mut oldest: BTreeMap<Key<'_>, (Option<CivilDate>, Placed<'_>)> = BTreeMap::new();
    for line in lines() {
        let key = key(line.statement, line.statement.name().as_str());
        if replaced.contains_key(&(line.index, line.line)) {
            hit.insert(key);
        } else {
            let day = dated(line.statement);
            let known = oldest.entry(key).or_insert((day, *line));
            if day < known.0 {
                *known = (day, *line);
            }
        }
    }
    for line in lines() {
        let statement = line.statement;
        let (Some(supersede), Some(issued)) = (statement.attribute("SUPERSEDE"), statement.issued()) else {
            continue;
        };
        let own = statement.name().as_str();
        let Some(list) = supersede.value.as_deref() else {
            if !hit.contains(&key(statement, own)) {
                idle(*line, report);
            }
            continue;
        };
        let names: Vec<&str> = list.split_whitespace().take(LIST_NAMES_MAX).collect();
        let known = match statement {
            Statement::Package(_) => &judged.packages,
            Statement::Feature(_) | Statement::Upgrade(_) => &judged.licenses,
        };
        let mut misspelt = false;
        for name in names.iter().filter(|name| !known.contains_key(**name)) {
            if name.contains([',', ';']) {
                // The file itself tells of it (L0615).
                misspelt = true;
                continue;
            }
            let Some(meant) = report.nearest(name, known.keys().copied()) else { continue };
            if names.contains(&meant) {
                continue;
            }
            misspelt = true;
            let message = format!("SUPERSEDE names {name}, which no line has");
            let help = format!("did you mean {meant}? The list is signed: ask the publisher");
            line.report_attribute(report, &finding::SUPERSEDE_UNKNOWN, "SUPERSEDE", message, &help);
        }
        let mut left_out = false;
        if !names.contains(&own)
            && let Some((day, older)) = oldest.get(&key(statement, own))
            && *day < Some(issued)
        {
            left_out = true;
            let message = format!(
                "the list of SUPERSEDE does not name {own} itself, so the older line at {} stays",
                older.shown()
            );
            let help = "if it shall be replaced too, remove it by hand: the list is signed";
            line.report_attribute(report, &finding::SUPERSEDE_NOT_OWN, "SUPERSEDE", message, help);
        }
        if !misspelt && !left_out && !names.iter().any(|name| hit.contains(&key(statement, name))) {
            idle(*line, report);
        }
    }
}

fn key<'a>(statement: Statement<'_>, name: &'a str) -> Key<'a> {
    (matches!(statement, Statement::Package(_)), name)
}

fn idle(line: Placed<'_>, report: &mut Report<'_>) {
    let message =
        format!("SUPERSEDE of {} replaces nothing: no older line stands in the files", line.statement.name());
    line.report_attribute(report, &finding::SUPERSEDE_IDLE, "SUPERSEDE", message, "");
}

/// The day by which a line is older than another: ISSUED, else START; none is older than any.
fn dated(statement: Statement<'_>) -> Option<CivilDate> {
    let start = match statement {
        Statement::Feature(line) => line.start(),
        Statement::Upgrade(line) => line.to.start(),
        Statement::Package(_) => None,
    };
    statement.issued().or(start)
}
