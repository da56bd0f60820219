//! lmstat: asks the license managers of a path and their vendor daemons who has what (`flexnet-tools.md` 2.4).

pub mod layout;
pub mod license_info;

use std::net::SocketAddr;

use jiff::Zoned;

use layout::{Member, MemberUp, SystemReport, VendorReport, Wanted};

use super::ask::{self, Failure, Target};
use super::license_texts::licenses_of;
use super::runtime;
use crate::client::{Connection, Limits, SearchPath};
use crate::code::{Code, minor};
use crate::ident::FeatureName;
use crate::wire::{Message, ServerInfo, StatusItem};

/// What a tool prints, and its exit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// For standard output.
    pub text: String,
    /// 0 when the status was got.
    pub status: u8,
}

/// Asks and lays out. `banner` is the tool's first line.
#[must_use]
pub fn status(path: &SearchPath, wanted: &Wanted, limits: Limits, banner: &str, now: &Zoned) -> Printed {
    let mut text = layout::head(banner, now);
    let asked = runtime().and_then(|runtime| runtime.block_on(ask_all(path, wanted, limits)));
    let reports = match asked {
        Ok(reports) => reports,
        Err(failure) => {
            text.push_str(&layout::failure(&failure.to_string()));
            return Printed { text, status: failure.exit_status() };
        }
    };
    let mut last_failure = None;
    let mut answered = false;
    for (index, report) in reports.iter().enumerate() {
        if index > 0 {
            text.push_str(layout::BETWEEN);
        }
        match report {
            Ok(report) => {
                answered = true;
                text.push_str(&layout::system(report, wanted, now));
            }
            Err(failure) => {
                text.push_str(&layout::failure(&failure.to_string()));
                last_failure = Some(failure.exit_status());
            }
        }
    }
    if let Some(feature) = wanted.feature.as_ref().filter(|feature| answered && !has(&reports, feature)) {
        // A vendor daemon or a server that said nothing may well have it.
        if let Some(status) = last_failure.or(silent(&reports).then(|| Code::VendorDown.exit_status())) {
            return Printed { text, status };
        }
        text.push_str(&layout::no_such_feature(feature));
        return Printed { text, status: Code::NoSuchFeature.exit_status() };
    }
    Printed { text, status: if answered { 0 } else { last_failure.unwrap_or(1) } }
}

fn has(reports: &[Result<SystemReport, Failure>], feature: &str) -> bool {
    let mut items = reports
        .iter()
        .filter_map(|report| report.as_ref().ok())
        .flat_map(|report| &report.vendors)
        .filter_map(|vendor| vendor.items.as_ref())
        .flatten();
    items.any(|item| matches!(item, StatusItem::Feature { name, .. } if name.as_str() == feature))
}

/// Whether a vendor daemon that was asked has not answered.
fn silent(reports: &[Result<SystemReport, Failure>]) -> bool {
    let mut vendors =
        reports.iter().filter_map(|report| report.as_ref().ok()).flat_map(|report| &report.vendors);
    vendors.any(|vendor| vendor.items.is_none())
}

async fn ask_all(
    path: &SearchPath,
    wanted: &Wanted,
    limits: Limits,
) -> Result<Vec<Result<SystemReport, Failure>>, Failure> {
    let mut reports = Vec::new();
    for target in ask::targets(path)? {
        reports.push(ask_one(&target, wanted, limits).await);
    }
    Ok(reports)
}

/// Asks the servers of one entry; the first that answers also tells of its vendor daemons. A failure means that none
/// answered.
async fn ask_one(target: &Target, wanted: &Wanted, limits: Limits) -> Result<SystemReport, Failure> {
    let mut members = Vec::new();
    let mut master: Option<(SocketAddr, ServerInfo)> = None;
    let mut failure = Failure::new(Code::NoServerLine, minor::FILE_WITHOUT_SERVER, "");
    for server in &target.servers {
        match ask::ask_server(server, limits).await {
            Ok((connection, info)) => {
                members.push(Member {
                    host: ask::shown_host(&server.host, Some(info.host.as_str())),
                    port: Some(info.port),
                    state: Ok(MemberUp { version: info.version.clone(), files: info.files.clone() }),
                });
                master.get_or_insert((connection.peer(), info));
            }
            Err(error) => {
                members.push(Member {
                    host: ask::shown_host(&server.host, None),
                    port: server.port,
                    state: Err(error.to_string()),
                });
                failure = error;
            }
        }
    }
    let Some((address, info)) = master else { return Err(failure) };
    let mut vendors = Vec::new();
    for vendor in &info.vendors {
        let asked = wanted.vendor.as_ref().is_none_or(|name| name == vendor.name.as_str());
        if !asked || !(wanted.vendors || wanted.usage) {
            continue;
        }
        let items = match vendor.port.filter(|_| vendor.up) {
            // At the address where lmgrd was reached, whatever it calls itself.
            Some(port) => ask_vendor(SocketAddr::new(address.ip(), port), wanted, limits).await,
            None => None,
        };
        vendors.push(VendorReport { name: vendor.name.to_string(), items });
    }
    if let Some(name) = wanted.vendor.as_ref().filter(|_| vendors.is_empty()) {
        let note = format!("this server has no vendor daemon {name}");
        return Err(Failure::new(Code::VendorDown, minor::VENDOR_UNKNOWN, &note));
    }
    Ok(SystemReport { members, vendors })
}

/// The status of one vendor daemon; none if it does not give one.
async fn ask_vendor(address: SocketAddr, wanted: &Wanted, limits: Limits) -> Option<Vec<StatusItem>> {
    let mut connection = Connection::open(address, ask::hello().ok()?, limits).await.ok()?;
    // A name that can't be one is asked for by everything, and then not found.
    let feature = wanted.feature.as_ref().and_then(|name| FeatureName::parse(name).ok());
    let question = Message::AskStatus { feature, users: wanted.usage && !wanted.no_users };
    match connection.ask(&question).await {
        Ok(Message::Status(items)) => Some(items),
        Ok(_) => None,
        Err(error) => {
            tracing::debug!(%address, %error, "no status");
            None
        }
    }
}

/// `lmstat -i`: what the license files say, without asking the vendor daemons (`flexnet-tools.md` 2.8). Files are
/// read; of a server the text of the files that it serves is fetched.
#[must_use]
pub fn license_info(
    path: &SearchPath,
    feature: Option<&str>,
    limits: Limits,
    banner: &str,
    now: &Zoned,
) -> Printed {
    let mut text = layout::head(banner, now);
    let mut failures = Vec::new();
    let mut licenses = Vec::new();
    for outcome in licenses_of(path, limits) {
        match outcome {
            Ok(license) => licenses.push(license),
            Err(failure) => failures.push(failure),
        }
    }
    if licenses.is_empty() && failures.is_empty() {
        failures.push(Failure::new(Code::NoLicenseFile, minor::PATH_EMPTY, ""));
    }
    // What could not be read is told although the rest is shown.
    for failure in &failures {
        text.push_str(&layout::failure(&failure.to_string()));
        if !failure.denial.note.is_empty() {
            text.push_str(&format!("{}\n", failure.denial.note));
        }
    }
    if let Some(failure) = failures.last().filter(|_| licenses.is_empty()) {
        return Printed { text, status: failure.exit_status() };
    }
    text.push_str(&license_info::table(&licenses, feature));
    Printed { text, status: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_is_told_beside_those_that_can() {
        let dir = tempfile::tempdir().unwrap();
        let good = dir.path().join("a.lic");
        std::fs::write(&good, "FEATURE solver LGS 2.0 permanent 1 SIGN=x\n").unwrap();
        let path = SearchPath::parse(&format!("{}:{}", good.display(), dir.path().join("b.lic").display()));
        let printed = license_info(&path, None, Limits::default(), "lmstat", &Zoned::now());
        assert_eq!(printed.status, 0);
        assert!(printed.text.contains("\nsolver "), "{}", printed.text);
        assert!(
            printed.text.contains("b.lic\n") && printed.text.contains("Error getting status: Cannot find")
        );
    }
}
