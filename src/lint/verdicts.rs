//! The catalog's verdicts as findings (`flexnet-files.md` 3.2, 3.6 and 3.9).

use super::finding;
use super::judged::{Judged, Placed, placed};
use super::place::{Field, attribute, field, shown};
use super::project::Project;
use super::report::Report;
use super::signatures::same_sign;
use crate::catalog::{IgnoredReason, LinePlace, Note, Pool, RefusedReason, Verdict};
use crate::license::{LicenseCount, Statement, UpgradeLine};
use crate::text::Finding;

pub(super) fn check(project: &Project<'_>, judged: &Judged<'_>, report: &mut Report<'_>) {
    for told in judged.catalog.verdicts() {
        let Some(line) = placed(project, &told.place) else { continue };
        match &told.verdict {
            Verdict::Duplicate { of } => duplicate(project, line, of, report),
            Verdict::Shadowed { by } => shadowed(line, by, report),
            Verdict::Superseded { by } => {
                let message = format!("{} is superseded by the newer line at {by}", line.statement.name());
                line.report_name(report, &finding::SUPERSEDED, message, "it may be removed");
            }
            Verdict::Upgraded { base, moved, asked, .. } => partial(line, base, *moved, *asked, report),
            Verdict::Enables { package, pools } => {
                let name = line.statement.name().as_str();
                if !pools.iter().any(|pool| pool.feature() == name) {
                    let suite = judged.catalog.pools(name).iter().any(Pool::is_package);
                    let kind = if suite { "suite" } else { "bundle" };
                    let message = format!(
                        "{name} is the {kind} at {package}: its components can be checked out, its own name can't"
                    );
                    line.report_name(report, &finding::PACKAGE_NAME, message, "");
                }
            }
            Verdict::Package { .. } => alone(judged, line, report),
            Verdict::Ignored { reason, why } => ignored(judged, line, *reason, why, report),
            Verdict::Refused { reason, why, .. } => refused(line, *reason, why, report),
            _ => {}
        }
        for note in &told.notes {
            noted(line, note, report);
        }
    }
}

impl Placed<'_> {
    /// A finding about the line as a whole, at its name.
    pub(super) fn report_name(&self, report: &mut Report<'_>, row: &Finding, message: String, help: &str) {
        report.add(self.index, row, field(self.file, self.statement, Field::Name), message, help);
    }

    /// A finding about an attribute.
    pub(super) fn report_attribute(
        &self,
        report: &mut Report<'_>,
        row: &Finding,
        name: &str,
        message: String,
        help: &str,
    ) {
        report.add(self.index, row, attribute(self.file, self.statement, name), message, help);
    }

    pub(super) fn shown(&self) -> String {
        shown(self.file, self.statement.span())
    }
}

fn duplicate(project: &Project<'_>, line: Placed<'_>, of: &LinePlace, report: &mut Report<'_>) {
    let name = line.statement.name();
    if same_sign(project.files, line.statement, of.file, of.line) {
        let message = format!("the same line of {name} stands at {of} and counts once");
        let help = "remove one of them; lines that shall add differ in SN";
        line.report_name(report, &finding::DUPLICATE, message, help);
    } else {
        let message =
            format!("the same line of {name} stands at {of} with another signature and counts once");
        let help = "remove the one whose signature is wrong or older; lines that shall add differ in SN";
        line.report_name(report, &finding::DUPLICATE_RESIGNED, message, help);
    }
}

fn shadowed(line: Placed<'_>, by: &LinePlace, report: &mut Report<'_>) {
    let name = line.statement.name();
    let (message, help) = match line.statement {
        Statement::Package(_) => (
            format!("this PACKAGE line of {name} is not used, as the one at {by} stands before it"),
            "remove the one that is not meant; SUPERSEDE with ISSUED replaces an older one",
        ),
        Statement::Feature(_) | Statement::Upgrade(_) => (
            format!("this FEATURE line of {name} is not used, as the counted one at {by} stands before it"),
            "put the one that is meant first; if both shall add, ask the publisher for INCREMENT lines",
        ),
    };
    line.report_name(report, &finding::SHADOWED, message, help);
}

fn partial(line: Placed<'_>, base: &LinePlace, moved: u32, asked: u32, report: &mut Report<'_>) {
    if moved < asked {
        let message = format!("only {moved} of {asked} licenses are upgraded: {base} has no more");
        let help = "a further UPGRADE line is needed for those of other lines";
        line.report_name(report, &finding::UPGRADE_PARTIAL, message, help);
    }
}

/// Components that lines of their own license too.
fn alone(judged: &Judged<'_>, line: Placed<'_>, report: &mut Report<'_>) {
    let Statement::Package(package) = line.statement else { return };
    for component in package.components.iter().filter(|component| component.name != package.name) {
        let Some(own) = judged.licenses.get(component.name.as_str()).and_then(|lines| lines.first()) else {
            continue;
        };
        let message = format!(
            "component {} is also licensed on its own at {}; both can be checked out",
            component.name,
            own.shown()
        );
        line.report_attribute(report, &finding::COMPONENT_ALONE, "COMPONENTS", message, "");
    }
}

fn ignored(judged: &Judged<'_>, line: Placed<'_>, reason: IgnoredReason, why: &str, report: &mut Report<'_>) {
    let name = line.statement.name().as_str();
    match (reason, line.statement) {
        (IgnoredReason::UpgradeWithoutBase, Statement::Upgrade(upgrade)) => {
            baseless(judged, line, upgrade, report);
        }
        (IgnoredReason::PackageVersion, _) => {
            let help = "ask the publisher for lines that fit together: both versions are signed";
            line.report_name(report, &finding::PACKAGE_VERSION, why.to_owned(), help);
        }
        (IgnoredReason::PackageWithoutEnabling | IgnoredReason::PackageEnablingNotServed, _) => {
            let lines = judged.licenses.get(name);
            if lines.is_none() && damaged(judged, line, &finding::PACKAGE_DISABLED, report) {
                return;
            }
            let meant =
                if lines.is_some() { None } else { report.nearest(name, judged.licenses.keys().copied()) };
            let message = match lines.and_then(|lines| lines.first()) {
                Some(own) => {
                    format!(
                        "the feature line of {name} at {} is not in effect, so the package licenses nothing",
                        own.shown()
                    )
                }
                None => format!("no feature line is named {name}, so the package licenses nothing"),
            };
            let help = match meant {
                Some(meant) => format!("did you mean {meant}?"),
                None => "add the FEATURE or INCREMENT line of this name that the publisher issued".to_owned(),
            };
            line.report_name(report, &finding::PACKAGE_DISABLED, message, &help);
        }
        _ => {}
    }
}

/// An UPGRADE line that finds nothing before it: perhaps what it is meant for stands behind it, or is called otherwise.
fn baseless(judged: &Judged<'_>, line: Placed<'_>, upgrade: &UpgradeLine, report: &mut Report<'_>) {
    let name = upgrade.to.name.as_str();
    let versions = format!("{} to below {}", upgrade.from, upgrade.to.version);
    let here = (line.index, line.line);
    let lines = judged.licenses.get(name).map(Vec::as_slice).unwrap_or_default();
    let later =
        lines.get(lines.partition_point(|other| (other.index, other.line) <= here)..).unwrap_or_default();
    let fits = |other: &&Placed<'_>| match other.statement {
        Statement::Feature(feature) => {
            feature.count != LicenseCount::Uncounted
                && feature.version >= upgrade.from
                && feature.version < upgrade.to.version
        }
        _ => false,
    };
    // A look at a few lines is enough for a hint, and keeps long files quick.
    if let Some(base) = later.iter().take(LATER_LINES_MAX).find(fits) {
        let message =
            format!("the line of {name} that this UPGRADE is for stands behind it, at {}", base.shown());
        let help = "move the UPGRADE line behind it";
        line.report_name(report, &finding::UPGRADE_ORDER, message, help);
        return;
    }
    let known = lines.iter().any(|other| matches!(other.statement, Statement::Feature(_)));
    if !known && damaged(judged, line, &finding::UPGRADE_BASELESS, report) {
        return;
    }
    let message = if known {
        format!("no counted line of {name} with a version from {versions} stands before this UPGRADE")
    } else {
        format!("no line of {name} stands in the files, so there is nothing to upgrade")
    };
    let meant = if known { None } else { report.nearest(name, other_names(judged, name)) };
    let help = match meant {
        Some(meant) => format!("did you mean {meant}?"),
        None => {
            "add the line that it upgrades, before it: without that the UPGRADE licenses nothing".to_owned()
        }
    };
    line.report_name(report, &finding::UPGRADE_BASELESS, message, &help);
}

/// Whether the line that a line builds on stands there but can't be read. Then that is said, and nothing of another
/// publisher's file, whose damage may be a date that we don't look at.
fn damaged(judged: &Judged<'_>, line: Placed<'_>, row: &Finding, report: &mut Report<'_>) -> bool {
    let name = line.statement.name().as_str();
    let Some(place) = judged.damaged.get(name) else { return false };
    if !report.is_foreign() {
        let message = format!("the line of {name} at {place} can't be read, so this one licenses nothing");
        line.report_name(report, row, message, "mend that line");
    }
    true
}

/// So many lines behind an UPGRADE line are looked at for its base.
const LATER_LINES_MAX: usize = 100;

fn other_names<'a>(judged: &'a Judged<'_>, name: &'a str) -> impl Iterator<Item = &'a str> {
    judged.licenses.keys().copied().filter(move |other| *other != name)
}

fn refused(line: Placed<'_>, reason: RefusedReason, why: &str, report: &mut Report<'_>) {
    let name = line.statement.name();
    match (reason, line.statement) {
        (RefusedReason::Restriction(restriction), _) => {
            let message = format!("{restriction} is not enforced yet, so {name} is not served");
            let help =
                "ask the publisher for a line without it: serving the line would give more than was sold";
            line.report_attribute(report, &finding::RESTRICTION, restriction, message, help);
        }
        (RefusedReason::TooManyComponents, _) => {
            line.report_name(report, &finding::COMPONENTS_MANY, why.to_owned(), "");
        }
        _ => {}
    }
}

fn noted(line: Placed<'_>, note: &Note, report: &mut Report<'_>) {
    let name = line.statement.name();
    match note {
        Note::WithoutEffect { attribute, what } => {
            let message = format!("{attribute} has no effect yet: {what}");
            line.report_attribute(report, &finding::WITHOUT_EFFECT, attribute, message, "");
        }
        Note::SupersedeWithoutIssued => {
            let message =
                format!("SUPERSEDE of {name} has no effect, as there is no ISSUED date to compare with");
            let help = "ask the publisher for a line with ISSUED; until then remove the older lines by hand";
            line.report_attribute(report, &finding::SUPERSEDE_UNDATED, "SUPERSEDE", message, help);
        }
        Note::Upgraded { base, moved, asked } => partial(line, base, *moved, *asked, report),
        Note::CountTooLarge { component } => {
            let message =
                format!("{component} would have more licenses than can be counted; it has {}", u32::MAX);
            line.report_name(report, &finding::COUNT_TOO_LARGE, message, "");
        }
        Note::PackageNotInEffect { package } => {
            let message =
                format!("{name} is an ordinary feature, as the PACKAGE line at {package} is not in effect");
            let help = "ask the publisher for a PACKAGE line that fits, or remove this line";
            line.report_name(report, &finding::PACKAGE_LOST, message, help);
        }
        Note::NotThePackagesVersion { package, version } => {
            let message = format!(
                "{name} is an ordinary feature, as the PACKAGE line at {package} is for version {version}"
            );
            let help = "ask the publisher for lines that fit together: both versions are signed";
            line.report_name(report, &finding::PACKAGE_VERSION, message, help);
        }
        _ => {}
    }
}
