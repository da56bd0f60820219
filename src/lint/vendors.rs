//! VENDOR lines of all files, and the vendors that feature lines name (`flexnet-files.md` 1.3).

use std::collections::{BTreeMap, BTreeSet};

use super::finding;
use super::place::{Field, field, shown, word};
use super::project::Project;
use super::report::Report;
use super::servers::{PRIVILEGED_PORT_LAST, port_of};
use crate::license::{self, LicenseCount, LicenseFile, LineKind, Statement, VendorLine};
use crate::text::{Diagnostic, Span};

/// A VENDOR line and its file.
#[derive(Clone, Copy)]
struct Named<'a> {
    index: usize,
    file: &'a LicenseFile,
    line: &'a VendorLine,
}

impl Named<'_> {
    fn shown(self) -> String {
        shown(self.file, self.line.span)
    }
}

/// All VENDOR lines of the files.
pub(super) struct Vendors<'a> {
    lines: Vec<Named<'a>>,
    names: BTreeSet<&'a str>,
}

impl<'a> Vendors<'a> {
    pub(super) fn of(project: &Project<'a>) -> Self {
        let lines: Vec<Named<'a>> = project
            .files
            .iter()
            .enumerate()
            .flat_map(|(index, file)| file.vendors().map(move |line| Named { index, file, line }))
            .collect();
        Self { names: lines.iter().map(|named| named.line.name.as_str()).collect(), lines }
    }

    /// Whether a VENDOR line of any file names it.
    pub(super) fn names(&self, vendor: &str) -> bool {
        self.names.contains(vendor)
    }

    pub(super) fn check(&self, project: &Project<'_>, report: &mut Report<'_>) {
        self.unnamed(project, report);
        self.differing(report);
        self.ports(project, report);
        self.idle(project, report);
        for (index, file) in project.files.iter().enumerate() {
            self.behind_use_server(index, file, report);
            merged(index, file, report);
        }
    }

    /// What a file by itself can't know: that another one names the vendor, or one that is spelt alike.
    fn unnamed(&self, project: &Project<'_>, report: &mut Report<'_>) {
        let mut by_case: BTreeMap<String, &str> = BTreeMap::new();
        for name in &self.names {
            by_case.entry(name.to_lowercase()).or_insert(name);
        }
        let mut wrong: BTreeSet<(usize, Span)> = BTreeSet::new();
        let mut meant: BTreeMap<(usize, Span), String> = BTreeMap::new();
        for (index, file) in project.files.iter().enumerate() {
            if !file.diagnostics.iter().any(is_unnamed) {
                continue;
            }
            let mut seen = BTreeSet::new();
            for (_, statement) in file.statements() {
                let vendor = statement.vendor().as_str();
                if !seen.insert(vendor) {
                    continue;
                }
                let place = (index, statement.span());
                if self.names(vendor) {
                    wrong.insert(place);
                } else if let Some(named) = by_case.get(&vendor.to_lowercase()) {
                    wrong.insert(place);
                    let at = field(file, statement, Field::Vendor);
                    let message = format!("vendor {vendor} is written {named} on its VENDOR line");
                    let help = format!("write VENDOR {vendor}: that line may be edited, and case matters");
                    report.add(index, &finding::VENDOR_CASE, at, message, &help);
                } else if let Some(named) = report.nearest(vendor, self.names.iter().copied()) {
                    meant.insert(place, format!("did you mean {named}?"));
                }
            }
        }
        report.revise(|mut found| {
            if is_unnamed(&found.diagnostic) {
                let place = (found.file, found.diagnostic.span);
                if wrong.contains(&place) {
                    return None;
                }
                if let Some(meant) = meant.get(&place) {
                    found.diagnostic.help = Some(meant.clone());
                }
            }
            Some(found)
        });
    }

    /// Path, options and port each come from the first line that names one.
    fn differing(&self, report: &mut Report<'_>) {
        let mut first: BTreeMap<(&str, &str), (Named<'_>, String)> = BTreeMap::new();
        for named in &self.lines {
            let line = named.line;
            let values = [
                ("program", line.path.clone()),
                ("options file", line.options.clone()),
                ("port", line.port.map(|port| port.to_string())),
            ];
            for (what, value) in values {
                let Some(value) = value else { continue };
                match first.get(&(line.name.as_str(), what)) {
                    None => {
                        first.insert((line.name.as_str(), what), (*named, value));
                    }
                    Some((other, held)) if *held != value => {
                        let message = format!(
                            "{} has the {what} {value} here, but {held} at {}, which holds",
                            line.name,
                            other.shown()
                        );
                        let help = "say it once, or alike on all VENDOR lines of this vendor";
                        let at = word(named.file, line.span, 1);
                        report.add(named.index, &finding::VENDOR_DIFFERS, at, message, help);
                    }
                    Some(_) => {}
                }
            }
        }
    }

    fn ports(&self, project: &Project<'_>, report: &mut Report<'_>) {
        let mut servers: BTreeMap<u16, String> = BTreeMap::new();
        for file in project.files {
            for server in file.servers() {
                if let Some(port) = server.port {
                    servers.entry(port).or_insert_with(|| shown(file, server.span));
                }
            }
        }
        let mut vendors: BTreeMap<u16, Named<'_>> = BTreeMap::new();
        for named in &self.lines {
            let Some(port) = named.line.port else { continue };
            let (index, at) = (named.index, port_of(named.file, named.line.span, port));
            if port <= PRIVILEGED_PORT_LAST {
                let message = format!("port {port} can be opened by a privileged server only");
                report.add(index, &finding::LOW_PORT, at, message, "take a port above 1024, such as 27010");
            }
            if let Some(server) = servers.get(&port) {
                let message = format!("port {port} is already the license server's at {server}");
                let help = "take another port, or leave it out for one that the system chooses";
                report.add(index, &finding::PORT_CLASH, at, message, help);
            }
            let other = vendors.entry(port).or_insert(*named);
            if other.line.name != named.line.name {
                let message =
                    format!("port {port} is already that of {} at {}", other.line.name, other.shown());
                let help = "take another port, or leave it out for one that the system chooses";
                report.add(index, &finding::VENDOR_PORTS, at, message, help);
            }
        }
    }

    /// A daemon that nothing is served by.
    fn idle(&self, project: &Project<'_>, report: &mut Report<'_>) {
        let mut used: BTreeSet<String> = BTreeSet::new();
        for file in project.files {
            for line in &file.lines {
                if let Some(statement) = Statement::of(&line.kind) {
                    if !used.contains(statement.vendor().as_str()) {
                        used.insert(statement.vendor().to_string());
                    }
                } else if matches!(line.kind, LineKind::Invalid | LineKind::Unserved(_)) {
                    // What is wrong with such a line is reported there; its vendor is meant to be served all the same.
                    for word in file.words_of(line).take(3) {
                        let vendor = word.split_once('-').map_or(&*word, |(vendor, _)| vendor);
                        used.insert(vendor.to_owned());
                        used.insert(word.into_owned());
                    }
                }
            }
        }
        // One that is spelt alike is reported as that.
        let used: BTreeSet<String> = used.into_iter().map(|name| name.to_lowercase()).collect();
        let mut told = BTreeSet::new();
        for named in &self.lines {
            let name = named.line.name.as_str();
            if !used.contains(&name.to_lowercase()) && told.insert(name) {
                let message = format!("no line of the files is for {name}, so its daemon ends at once");
                let help = "remove the VENDOR line, or add the license that it is for";
                let at = word(named.file, named.line.span, 1);
                report.add(named.index, &finding::VENDOR_IDLE, at, message, help);
            }
        }
    }

    /// Uncounted lines that no server serves are for clients to read, who stop at USE_SERVER.
    fn behind_use_server(&self, index: usize, file: &LicenseFile, report: &mut Report<'_>) {
        let mut use_server: Option<Span> = None;
        for line in &file.lines {
            match &line.kind {
                LineKind::UseServer => use_server = use_server.or(Some(line.span)),
                LineKind::Feature(feature)
                    if feature.count == LicenseCount::Uncounted && !self.names(feature.vendor.as_str()) =>
                {
                    let Some(before) = use_server else { continue };
                    let message = format!(
                        "clients read nothing behind USE_SERVER at {}, and no server serves this uncounted line",
                        shown(file, before)
                    );
                    let at = field(file, Statement::Feature(feature), Field::Name);
                    let help = "put it before USE_SERVER";
                    report.add(index, &finding::BEHIND_USE_SERVER, at, message, help);
                }
                _ => {}
            }
        }
    }
}

fn is_unnamed(found: &Diagnostic) -> bool {
    found.id == license::finding::VENDOR_UNNAMED.id
}

/// Files of several vendors are hard to renew one by one.
fn merged(index: usize, file: &LicenseFile, report: &mut Report<'_>) {
    let served: BTreeSet<&str> =
        file.statements().map(|(_, statement)| statement.vendor().as_str()).collect();
    let mut lines = file.vendors().filter(|line| served.contains(line.name.as_str()));
    let Some(first) = lines.next() else { return };
    if let Some(other) = lines.find(|line| line.name != first.name) {
        let message = format!("this file serves {} beside {}", other.name, first.name);
        let help =
            "keep each vendor's lines in a file of their own: renewing one can't damage the other then";
        report.add(index, &finding::VENDORS_MERGED, word(file, other.span, 1), message, help);
    }
}
