//! SERVER lines: the machine, hosts and ports of all files (`flexnet-files.md` 1.2).

use super::finding;
use super::place::{shown, word};
use super::project::Project;
use super::report::Report;
use crate::license::{HostId, LicenseFile, LineKind, ServerLine, Standing};
use crate::text::Span;

/// Where a client looks for a single server whose port it does not know.
const PORTS_SEARCHED: std::ops::RangeInclusive<u16> = 27000..=27009;
/// Ports up to here are for privileged programs.
pub(super) const PRIVILEGED_PORT_LAST: u16 = 1024;
/// The host name that stands for the machine that reads the file.
const THIS_HOST: &str = "this_host";

pub(super) fn check(project: &Project<'_>, report: &mut Report<'_>) {
    for (index, file) in project.files.iter().enumerate() {
        machine(project, index, file, report);
        loopback(index, file, report);
        ports(index, file, report);
        order(index, file, report);
        let Some(server) = file.servers().next().filter(|server| server.host == THIS_HOST) else { continue };
        if file.use_server() {
            let at = host_of(file, server);
            let message = "clients that read this file look for the server on their own machine".to_owned();
            let help = "write the server's host name in the copies for other machines";
            report.add(index, &finding::THIS_HOST, at, message, help);
        }
    }
    across(project, report);
}

/// The hostid of the file against that of the machine.
fn machine(project: &Project<'_>, index: usize, file: &LicenseFile, report: &mut Report<'_>) {
    if !matches!(file.standing(), Standing::Single | Standing::Triad) {
        return;
    }
    let Some(first) = file.servers().next() else { return };
    let at = word(file, first.span, 2);
    if let Some(free) = file.servers().find(|server| matches!(server.hostid, HostId::Any | HostId::Id(_))) {
        let message = format!("the hostid {} binds the file to no machine", free.hostid);
        let help = "whoever has a copy can serve it";
        report.add(index, &finding::SERVER_ANY, word(file, free.span, 2), message, help);
    } else if let Some(machine) = project.machine
        && !file.servers().any(|server| server.hostid.matches_machine(machine))
    {
        let message = format!(
            "the file is for the machine with hostid {}; this machine has {}",
            list(file.servers().map(|server| &server.hostid)),
            if machine.is_empty() { "no hostid".to_owned() } else { list(machine.iter()) },
        );
        let help =
            "use it on that machine, or ask the publisher for a file for this one: the hostid is signed";
        report.add(index, &finding::SERVER_ELSEWHERE, at, message, help);
    }
}

/// The system id that machines have whose own name stands for 127.0.x.x: its upper half. Two bytes of the address go first, each
/// pair in reverse.
const LOOPBACK_ID: u32 = 0x007f;

/// A hostid that many machines share by accident.
fn loopback(index: usize, file: &LicenseFile, report: &mut Report<'_>) {
    for server in file.servers() {
        let HostId::Long(id) = server.hostid else { continue };
        if id >> 16 == LOOPBACK_ID {
            let message = format!("the hostid {} comes from a loopback address", server.hostid);
            let help = "many machines have it, and it changes with /etc/hosts; ask the publisher for a file with an \
                        Ethernet address, which lmhostid prints";
            report.add(index, &finding::SERVER_LOOPBACK, word(file, server.span, 2), message, help);
        }
    }
}

fn list<'a>(hostids: impl Iterator<Item = &'a HostId>) -> String {
    hostids.map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn ports(index: usize, file: &LicenseFile, report: &mut Report<'_>) {
    let triad = file.standing() == Standing::Triad;
    for server in file.servers() {
        let Some(port) = server.port else { continue };
        let at = port_of(file, server.span, port);
        if triad && PORTS_SEARCHED.contains(&port) {
            let message = format!("port {port} is one that clients search for single servers");
            report.add(
                index,
                &finding::TRIAD_PORT_RANGE,
                at,
                message,
                "take the same other port on all three lines",
            );
        }
        if port <= PRIVILEGED_PORT_LAST {
            let message = format!("port {port} can be opened by a privileged server only");
            report.add(index, &finding::LOW_PORT, at, message, "take a port above 1024, such as 27000");
        }
    }
}

/// Lines that stand where clients do not read them, or before the SERVER line.
fn order(index: usize, file: &LicenseFile, report: &mut Report<'_>) {
    let mut feature: Option<Span> = None;
    let mut use_server: Option<Span> = None;
    let mut told = false;
    for line in &file.lines {
        match &line.kind {
            LineKind::Feature(line) => feature = feature.or(Some(line.span)),
            LineKind::Upgrade(line) => feature = feature.or(Some(line.to.span)),
            LineKind::Package(line) => feature = feature.or(Some(line.span)),
            LineKind::UseServer => use_server = use_server.or(Some(line.span)),
            LineKind::Server(server) => {
                if let Some(before) = use_server {
                    let message = format!(
                        "clients read nothing behind USE_SERVER at {}, so they do not learn of this server",
                        shown(file, before)
                    );
                    let help = "put SERVER lines before USE_SERVER";
                    report.add(index, &finding::BEHIND_USE_SERVER, word(file, server.span, 0), message, help);
                }
                if let Some(before) = feature.filter(|_| !std::mem::replace(&mut told, true)) {
                    let message =
                        format!("this SERVER line stands behind the feature line at {}", shown(file, before));
                    let help =
                        "it holds for the whole file all the same; readers expect SERVER, VENDOR, features";
                    report.add(index, &finding::SERVER_LATE, word(file, server.span, 0), message, help);
                }
            }
            _ => {}
        }
    }
}

/// What to do first about files that were named together and have nothing to do with each other.
const TOGETHER: &str =
    "files named together count as one server's: check those of different servers one by one";

/// One lmgrd serves all files: one machine, one port.
fn across(project: &Project<'_>, report: &mut Report<'_>) {
    let mut first_port: Option<(&LicenseFile, &ServerLine)> = None;
    let mut first_host: Option<(&LicenseFile, &ServerLine)> = None;
    for (index, file) in project.files.iter().enumerate() {
        if file.standing() != Standing::Single {
            continue;
        }
        let Some(server) = file.servers().next() else { continue };
        match first_port {
            None => first_port = Some((file, server)),
            Some((other, first)) if first.port != server.port => {
                let named =
                    |port: Option<u16>| port.map_or("no port".to_owned(), |port| format!("port {port}"));
                let at = server
                    .port
                    .map_or_else(|| host_of(file, server), |port| port_of(file, server.span, port));
                let message = format!(
                    "{} here, but {} at {}: one server can't serve both files",
                    named(server.port),
                    named(first.port),
                    shown(other, first.span)
                );
                report.add(
                    index,
                    &finding::PORTS_CONFLICT,
                    at,
                    message,
                    &format!("{TOGETHER}, or write the same port on all SERVER lines"),
                );
            }
            Some(_) => {}
        }
        if !is_host_name(&server.host) {
            continue;
        }
        match first_host {
            None => first_host = Some((file, server)),
            Some((other, first)) if !same_host(&first.host, &server.host) => {
                let message = format!(
                    "host {} here, but {} at {}: the files of one server are for one machine",
                    server.host,
                    first.host,
                    shown(other, first.span)
                );
                let help = format!("{TOGETHER}, or write the same name of this machine on both");
                report.add(index, &finding::HOSTS_DIFFER, host_of(file, server), message, &help);
            }
            Some(_) => {}
        }
    }
}

/// A name that can be compared: no address, and none of those that every machine has.
fn is_host_name(host: &str) -> bool {
    host != THIS_HOST
        && !host.eq_ignore_ascii_case("localhost")
        && host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_err()
}

/// A simple name equals the first label of a qualified one.
fn same_host(one: &str, other: &str) -> bool {
    let label = |name: &str| name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    if one.contains('.') && other.contains('.') {
        one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.'))
    } else {
        label(one) == label(other)
    }
}

fn host_of(file: &LicenseFile, server: &ServerLine) -> Span {
    word(file, server.span, 1)
}

/// The word of a line that names a port, or the whole line.
pub(super) fn port_of(file: &LicenseFile, line: Span, port: u16) -> Span {
    let number = port.to_string();
    (2..8)
        .map(|index| word(file, line, index))
        .filter(|span| *span != line)
        .find(|span| {
            let text = file.source.slice(*span);
            text.split_once('=').map_or(text, |(_, value)| value).trim_matches('"') == number
        })
        .unwrap_or(line)
}
