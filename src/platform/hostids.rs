//! What this machine can be known by in a license file (`flexnet-files.md` 1.8, `flexnet-tools.md` 2.14).
//!
//! One file for each place that hostids come from. Only local data is read, and not much of it: no name server is
//! asked, no program is started, nothing is waited for. What the system does not tell is no hostid.

mod addresses;
mod container;
mod disk;
mod interfaces;
mod names;
mod system_id;
mod system_tree;
mod virtual_machine;

pub use system_tree::SystemTree;

use std::fmt;

use super::host_name;
use crate::ident::Host;
use crate::license::HostId;

/// A kind of hostid that a machine has by itself. `ANY`, `DEMO` and `ID=` fit every machine, so none has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostIdKind {
    /// Address of a network interface.
    Ethernet,
    /// The number that `hostid` prints, 32 bits.
    Long,
    /// The host's name as the system has it.
    HostName,
    /// The host's name with its domain.
    HostDomain,
    /// An IP address.
    Internet,
    /// Serial number of the disk that holds the root directory. (In FlexNet this kind is the serial number of a Windows
    /// volume; Linux volumes have none that they keep, so it is the disk's.)
    DiskSerial,
    /// What the hypervisor calls this virtual machine.
    VmUuid,
    /// What the container engine calls this container.
    Container,
    /// Who runs this program.
    User,
    /// Where that user sits.
    Display,
}

impl HostIdKind {
    /// All kinds, in the order of listings.
    pub const ALL: [Self; 10] = [
        Self::Ethernet,
        Self::VmUuid,
        Self::DiskSerial,
        Self::Long,
        Self::HostName,
        Self::HostDomain,
        Self::Internet,
        Self::Container,
        Self::User,
        Self::Display,
    ];

    /// Kinds that say which machine it is, and so stand on SERVER lines.
    pub const OF_MACHINE: [Self; 8] = [
        Self::Ethernet,
        Self::VmUuid,
        Self::DiskSerial,
        Self::Long,
        Self::HostName,
        Self::HostDomain,
        Self::Internet,
        Self::Container,
    ];

    /// Kinds that a server can't see by itself, so that a client has to claim them. Name, user and display are claims of
    /// their own, and the IP address is the socket's.
    const CLAIMED: [Self; 5] = [Self::VmUuid, Self::DiskSerial, Self::Container, Self::Long, Self::Ethernet];

    /// The word that `lmhostid --explain` and its JSON show.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ethernet => "ether",
            Self::Long => "long",
            Self::HostName => "hostname",
            Self::HostDomain => "hostdomain",
            Self::Internet => "internet",
            Self::DiskSerial => "vsn",
            Self::VmUuid => "vm_uuid",
            Self::Container => "container_id",
            Self::User => "user",
            Self::Display => "display",
        }
    }
}

impl fmt::Display for HostIdKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// How long a hostid stays what it is; the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stability {
    /// As long as the machine.
    Stable,
    /// Until somebody sets up something anew.
    MayChange,
    /// By itself, such as at the next start; or other machines have the same one.
    Changes,
}

impl Stability {
    /// The word that listings show.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::MayChange => "may change",
            Self::Changes => "changes",
        }
    }
}

impl fmt::Display for Stability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A hostid that this machine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// As a license file spells it.
    pub hostid: HostId,
    /// Its kind.
    pub kind: HostIdKind,
    /// Where it comes from: an interface, a disk, a file.
    pub source: String,
    /// Whether its interface is up; none for what is no interface.
    pub up: Option<bool>,
    /// How long it stays.
    pub stability: Stability,
    /// Why.
    pub why: String,
    /// Another source of the same hostid that stands before this one.
    pub same_as: Option<String>,
}

/// The machine's hostids of one kind, the best first, or a sentence that says why there are none.
///
/// # Errors
/// The sentence.
pub fn candidates(kind: HostIdKind, tree: &SystemTree) -> Result<Vec<Candidate>, String> {
    let mut found = match kind {
        HostIdKind::Ethernet => interfaces::ethernet(tree)?,
        HostIdKind::Long => vec![system_id::long(tree)?],
        HostIdKind::HostName => vec![names::host_name(tree)?],
        HostIdKind::HostDomain => vec![names::host_domain(tree)?],
        HostIdKind::Internet => addresses::internet(tree)?,
        HostIdKind::DiskSerial => vec![disk::root_disk(tree)?],
        HostIdKind::VmUuid => vec![virtual_machine::uuid(tree)?],
        HostIdKind::Container => vec![container::id(tree)?],
        HostIdKind::User => vec![names::user()?],
        HostIdKind::Display => vec![names::display()?],
    };
    // A stable sort: what is equally good stays in the order of its source.
    found.sort_by_key(|candidate| (candidate.stability, candidate.up == Some(false)));
    let mut seen: Vec<(HostId, String)> = Vec::new();
    for candidate in &mut found {
        match seen.iter().find(|(hostid, _)| *hostid == candidate.hostid) {
            Some((_, source)) => candidate.same_as = Some(source.clone()),
            None => seen.push((candidate.hostid.clone(), candidate.source.clone())),
        }
    }
    Ok(found)
}

/// The candidate to put on a SERVER line: the most stable one, an Ethernet address before others. None if nothing is
/// known of the machine.
#[must_use]
pub fn recommended(candidates: &[Candidate]) -> Option<&Candidate> {
    let order = |candidate: &Candidate| {
        let rank = HostIdKind::OF_MACHINE.iter().position(|kind| *kind == candidate.kind);
        rank.map(|rank| (candidate.stability, rank, candidate.up == Some(false)))
    };
    candidates.iter().filter(|it| order(it).is_some()).min_by_key(|it| order(it))
}

/// The hostids by which a SERVER line may name this machine, in one settled order, each once. A name that is given
/// counts beside those that the system has.
#[must_use]
pub fn machine_hostids(host_name: Option<&str>) -> Vec<HostId> {
    let given = host_name.and_then(|name| HostId::parse(&format!("HOSTNAME={name}")).ok());
    of_kinds(&HostIdKind::OF_MACHINE, given, &SystemTree::default())
}

/// The hostids that the SERVER lines of license files are compared with here.
#[must_use]
pub fn own_hostids() -> Vec<HostId> {
    machine_hostids(host_name().ok().as_ref().map(Host::as_str))
}

/// The hostids that a client claims at a server, the best first, each once.
#[must_use]
pub fn claimed_hostids() -> Vec<HostId> {
    of_kinds(&HostIdKind::CLAIMED, None, &SystemTree::default())
}

fn of_kinds(kinds: &[HostIdKind], given: Option<HostId>, tree: &SystemTree) -> Vec<HostId> {
    let mut hostids: Vec<HostId> = Vec::new();
    let found = kinds.iter().flat_map(|kind| candidates(*kind, tree).unwrap_or_default());
    for hostid in found.map(|candidate| candidate.hostid).chain(given) {
        if !hostids.contains(&hostid) {
            hostids.push(hostid);
        }
    }
    hostids
}

/// A candidate from the text of its hostid; none if a license file could not hold it.
fn candidate(
    kind: HostIdKind,
    text: &str,
    source: impl Into<String>,
    (stability, why): (Stability, impl Into<String>),
) -> Option<Candidate> {
    let hostid = HostId::parse(text).ok()?;
    let why = why.into();
    Some(Candidate { hostid, kind, source: source.into(), up: None, stability, why, same_as: None })
}

#[cfg(test)]
mod tests;
