//! Names: of the host, of its domain, of who works here and where.

use std::net::Ipv4Addr;

use super::{Candidate, HostIdKind, Stability, SystemTree, candidate};
use crate::platform::{display_name, host_name as system_name, user_name};

const HOSTS: &str = "etc/hosts";

/// The host's name: from `/proc`, where tests can put it, else as `uname -n` prints it.
fn own_name(tree: &SystemTree) -> Option<String> {
    tree.text("proc/sys/kernel/hostname")
        .or_else(|| system_name().ok().map(|name| name.as_str().to_owned()))
        .filter(|name| name != "localhost")
}

/// `HOSTNAME=` with the name that the system has, simple or with a domain.
pub(super) fn host_name(tree: &SystemTree) -> Result<Candidate, String> {
    let judged = (Stability::MayChange, "name: an administrator can change it");
    own_name(tree)
        .and_then(|name| candidate(HostIdKind::HostName, &format!("HOSTNAME={name}"), "uname -n", judged))
        .ok_or_else(|| "This machine has no host name of its own.".to_owned())
}

/// `HOSTNAME=` with the domain: the system's name if it has one, else the first name with a point beside it in
/// `/etc/hosts`. No name server is asked.
pub(super) fn host_domain(tree: &SystemTree) -> Result<Candidate, String> {
    let judged = (Stability::MayChange, "name: an administrator can change it");
    let name = own_name(tree).unwrap_or_default();
    let (full, source) = if name.contains('.') {
        (Some(name), "uname -n")
    } else {
        (full_name(&tree.text(HOSTS).unwrap_or_default(), &name), "/etc/hosts")
    };
    full.and_then(|full| candidate(HostIdKind::HostDomain, &format!("HOSTNAME={full}"), source, judged))
        .ok_or_else(|| "This machine's name has no domain, and /etc/hosts gives it none.".to_owned())
}

fn full_name(hosts: &str, name: &str) -> Option<String> {
    let lines = lines(hosts).filter(|(_, names)| names.iter().any(|known| known.eq_ignore_ascii_case(name)));
    let of_line = |names: Vec<&str>| {
        let full = names.iter().find(|known| known.contains('.') && !known.starts_with("localhost"));
        full.map(|full| (*full).to_owned())
    };
    lines.filter_map(|(_, names)| of_line(names)).next()
}

/// The first IPv4 address that `/etc/hosts` gives the host's name, and the name.
pub(super) fn address_of_host(tree: &SystemTree) -> Option<(Ipv4Addr, String)> {
    let name = own_name(tree)?;
    let hosts = tree.text(HOSTS)?;
    let address = lines(&hosts)
        .filter(|(_, names)| names.iter().any(|known| known.eq_ignore_ascii_case(&name)))
        .find_map(|(address, _)| address.parse().ok());
    Some((address?, name))
}

/// Address and names of each line of a hosts file.
fn lines(hosts: &str) -> impl Iterator<Item = (&str, Vec<&str>)> {
    hosts.lines().filter_map(|line| {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        Some((words.next()?, words.collect()))
    })
}

/// `USER=` with the login name.
pub(super) fn user() -> Result<Candidate, String> {
    let name = user_name().map_err(|error| format!("The name of this account is no user name: {error}."))?;
    let judged = (Stability::MayChange, "account: goes with the user to other machines");
    candidate(HostIdKind::User, &format!("USER={}", name.as_str()), "login name", judged)
        .ok_or_else(|| format!("The user name {:?} cannot stand in a license file.", name.as_str()))
}

/// `DISPLAY=` with what a client of this terminal claims.
pub(super) fn display() -> Result<Candidate, String> {
    let host = system_name().map_err(|error| format!("The name of this machine: {error}."))?;
    let name = display_name(&host).ok_or_else(|| "There is no display.".to_owned())?;
    let judged = (Stability::Changes, "terminal or display: changes with every login");
    candidate(HostIdKind::Display, &format!("DISPLAY={}", name.as_str()), "terminal, else DISPLAY", judged)
        .ok_or_else(|| format!("The display {:?} cannot stand in a license file.", name.as_str()))
}
