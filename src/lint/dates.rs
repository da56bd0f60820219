//! Lines against the calendar (`flexnet-files.md` 1.5 and 3.5).

use jiff::tz::TimeZone;

use super::finding;
use super::place::{Field, attribute, field};
use super::project::Project;
use super::report::Report;
use crate::license::{Expiry, FeatureLine, LicenseFile, Statement};
use crate::text::{Finding, Span};
use crate::time::CivilDate;

const DAY_MS: i64 = 86_400_000;

pub(super) fn check(project: &Project<'_>, report: &mut Report<'_>) {
    for (index, file) in project.files.iter().enumerate() {
        for (_, statement) in file.statements() {
            let judgement = match statement {
                Statement::Feature(line) => validity(project, file, statement, line),
                Statement::Upgrade(line) => validity(project, file, statement, &line.to),
                Statement::Package(_) => None,
            };
            let judgement = judgement.or_else(|| {
                let issued = statement.issued().filter(|issued| *issued > project.today)?;
                let message = format!("{} is issued on {issued}, which is still to come", statement.name());
                let help = "check this machine's clock, or tell the publisher: SUPERSEDE goes by this date";
                Some((finding::ISSUED_LATER, attribute(file, statement, "ISSUED"), message, help))
            });
            if let Some((row, span, message, help)) = judgement {
                report.add(index, &row, span, message, help);
            }
        }
    }
}

/// The one thing that matters most about the days of a line.
fn validity(
    project: &Project<'_>,
    file: &LicenseFile,
    statement: Statement<'_>,
    line: &FeatureLine,
) -> Option<(Finding, Span, String, &'static str)> {
    let name = &line.name;
    if let Expiry::On(expiry) = line.expiry {
        if let Some(start) = line.start().filter(|start| *start > expiry) {
            let message = format!("{name} is valid from {start} on, but expires on {expiry}");
            let help = "ask the publisher for a corrected line";
            return Some((finding::NEVER_VALID, attribute(file, statement, "START"), message, help));
        }
        if let Some(issued) = line.issued().filter(|issued| *issued > expiry) {
            let message = format!("{name} expired on {expiry}, before it was issued on {issued}");
            let help = "ask the publisher which of the dates is meant";
            return Some((finding::ISSUED_EXPIRED, attribute(file, statement, "ISSUED"), message, help));
        }
        let place = field(file, statement, Field::Expiry);
        let help = "ask the publisher for a newer line";
        if expiry < project.today {
            return Some((finding::EXPIRED, place, format!("{name} expired on {expiry}"), help));
        }
        let days = days_between(project.today, expiry);
        if days <= i64::from(project.soon_days) {
            let left = match days {
                0 => "today".to_owned(),
                1 => format!("tomorrow, {expiry}"),
                _ => format!("on {expiry}, in {days} days"),
            };
            return Some((finding::EXPIRES_SOON, place, format!("{name} expires {left}"), help));
        }
    }
    let start = line.start().filter(|start| *start > project.today)?;
    let message = format!("{name} is valid from {start} on");
    let help = "until then requests are denied; keep the older line until that day";
    Some((finding::NOT_STARTED, attribute(file, statement, "START"), message, help))
}

/// Days from one day to another, negative if it is earlier.
pub(super) fn days_between(from: CivilDate, to: CivilDate) -> i64 {
    let begin = |day: CivilDate| day.begins(&TimeZone::UTC).map_or(0, |instant| instant.0);
    (begin(to) - begin(from)).div_euclid(DAY_MS)
}
