//! Whom the lines name, as numbers: a client is compared with all of them once, and every list is asked by number.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::addresses::Addresses;
use crate::event::Claims;
use crate::ident::User;
use crate::options::{HostName, Who};

/// One somebody that lines name: a user, a host, a group and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct AtomId(pub(super) u32);

/// The somebodies that a client is, in ascending order. It holds for one policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Profile {
    pub(super) atoms: Vec<AtomId>,
}

/// How names in the file are compared with those of clients.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Comparison {
    /// FQDN_MATCHING LENIENT.
    pub(super) lenient_hosts: bool,
    /// GROUPCASEINSENSITIVE ON.
    pub(super) groups_ignore_case: bool,
}

type Names = BTreeMap<Box<str>, Vec<AtomId>>;

/// Every somebody of a file, by what clients send.
#[derive(Debug, Clone, Default)]
pub(super) struct Atoms {
    known: BTreeMap<Who, AtomId>,
    /// The same by number.
    names: Vec<Who>,
    comparison: Comparison,
    users: Names,
    hosts: HostNames,
    displays: Names,
    projects: Names,
    addresses: Addresses,
    /// Members of groups under GROUPCASEINSENSITIVE, in lower case.
    folded_users: Names,
    folded_hosts: HostNames,
    /// Those of them that are somebodies by themselves, by their names in lower case.
    folded: BTreeMap<Folded, AtomId>,
}

/// A member of a group under GROUPCASEINSENSITIVE, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Folded {
    User(Box<str>),
    Host(Box<str>),
}

/// Host names as FQDN_MATCHING compares them (`flexnet-files.md` 4.3).
#[derive(Debug, Clone, Default)]
struct HostNames {
    exact: Names,
    /// LENIENT: a simple name in the file fits every host whose first label it is.
    by_label: Names,
    /// LENIENT: a full name in the file fits also a client that sends its first label alone.
    by_first_label: Names,
}

impl HostNames {
    fn insert(&mut self, name: &str, atom: AtomId, lenient: bool) {
        add(&mut self.exact, name, atom);
        if !lenient {
            return;
        }
        match name.split_once('.') {
            None => add(&mut self.by_label, name, atom),
            Some((label, _)) => add(&mut self.by_first_label, label, atom),
        }
    }

    fn collect(&self, name: &str, into: &mut Vec<AtomId>) {
        look_up(&self.exact, name, into);
        match name.split_once('.') {
            Some((label, _)) => look_up(&self.by_label, label, into),
            None => look_up(&self.by_first_label, name, into),
        }
    }
}

fn add(names: &mut Names, name: &str, atom: AtomId) {
    match names.get_mut(name) {
        Some(atoms) => atoms.push(atom),
        None => {
            names.insert(name.into(), vec![atom]);
        }
    }
}

fn look_up(names: &Names, name: &str, into: &mut Vec<AtomId>) {
    if let Some(atoms) = names.get(name) {
        into.extend_from_slice(atoms);
    }
}

impl Atoms {
    pub(super) fn new(comparison: Comparison) -> Self {
        Self { comparison, ..Self::default() }
    }

    /// The number of a somebody; a new one if nobody named it before. A group must have been defined.
    pub(super) fn intern(&mut self, who: &Who) -> AtomId {
        if let Some(atom) = self.known.get(who) {
            return *atom;
        }
        let atom = AtomId(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.known.insert(who.clone(), atom);
        self.names.push(who.clone());
        match who {
            Who::User(user) => add(&mut self.users, user.as_str(), atom),
            Who::Host(HostName::Name(name)) => {
                self.hosts.insert(name.as_str(), atom, self.comparison.lenient_hosts);
            }
            Who::Host(HostName::Address(pattern)) | Who::Internet(pattern) => {
                self.addresses.insert(*pattern, atom);
            }
            Who::Display(display) => add(&mut self.displays, display.as_str(), atom),
            Who::Project(project) => add(&mut self.projects, project.as_str(), atom),
            // Groups match through their members; the ALL_ forms match nobody as such.
            Who::Group(_) | Who::HostGroup(_) | Who::AllUsers | Who::AllGroups => {}
        }
        atom
    }

    /// The number of a member of a group: of a user, or of a host.
    pub(super) fn intern_member(&mut self, who: &Who) -> AtomId {
        let folded = match who {
            Who::User(user) => Folded::User(user.as_str().to_lowercase().into()),
            Who::Host(HostName::Name(name)) => Folded::Host(name.as_str().to_lowercase().into()),
            _ => return self.intern(who),
        };
        if !self.comparison.groups_ignore_case {
            return self.intern(who);
        }
        if let Some(atom) = self.folded.get(&folded) {
            return *atom;
        }
        let atom = AtomId(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(who.clone());
        match &folded {
            Folded::User(name) => add(&mut self.folded_users, name, atom),
            Folded::Host(name) => self.folded_hosts.insert(name, atom, self.comparison.lenient_hosts),
        }
        self.folded.insert(folded, atom);
        atom
    }

    /// Whether names that differ in case alone are one.
    pub(super) const fn ignore_case(&self) -> bool {
        self.comparison.groups_ignore_case
    }

    /// Puts users into a group.
    pub(super) fn add_users<'a>(&mut self, group: AtomId, members: impl Iterator<Item = &'a User>) {
        for member in members {
            if self.comparison.groups_ignore_case {
                add(&mut self.folded_users, &member.as_str().to_lowercase(), group);
            } else {
                add(&mut self.users, member.as_str(), group);
            }
        }
    }

    /// Puts hosts into a group.
    pub(super) fn add_hosts<'a>(&mut self, group: AtomId, members: impl Iterator<Item = &'a HostName>) {
        let lenient = self.comparison.lenient_hosts;
        for member in members {
            match member {
                HostName::Address(pattern) => self.addresses.insert(*pattern, group),
                HostName::Name(name) if self.comparison.groups_ignore_case => {
                    self.folded_hosts.insert(&name.as_str().to_lowercase(), group, lenient);
                }
                HostName::Name(name) => self.hosts.insert(name.as_str(), group, lenient),
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The somebodies that a client is. The address is that of its socket.
    pub(super) fn profile(&self, client: &Claims, address: IpAddr) -> Profile {
        let mut atoms = Vec::new();
        look_up(&self.users, client.user.as_str(), &mut atoms);
        self.hosts.collect(client.host.as_str(), &mut atoms);
        look_up(&self.displays, client.display.as_str(), &mut atoms);
        if let Some(project) = &client.project {
            look_up(&self.projects, project.as_str(), &mut atoms);
        }
        self.addresses.collect(address, &mut atoms);
        if self.comparison.groups_ignore_case {
            look_up(&self.folded_users, &client.user.as_str().to_lowercase(), &mut atoms);
            self.folded_hosts.collect(&client.host.as_str().to_lowercase(), &mut atoms);
        }
        atoms.sort_unstable();
        atoms.dedup();
        Profile { atoms }
    }

    /// The somebody of a number, for explanations.
    pub(super) fn who(&self, atom: AtomId) -> Option<&Who> {
        self.names.get(usize::try_from(atom.0).ok()?)
    }
}

impl Profile {
    pub(super) fn is(&self, atom: AtomId) -> bool {
        self.atoms.binary_search(&atom).is_ok()
    }
}
