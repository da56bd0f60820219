//! The somebodies of a file: groups with their members, and who is whose member.

use std::collections::BTreeMap;

use crate::ident::{AddressPattern, Host};
use crate::options::{Directive, GroupName, HostName, OptionLine, OptionsFile, Who};

/// So many groups of one user or host are looked at: who is in more gets no finding for the further ones.
const GROUPS_OF_ONE_MAX: usize = 64;

/// So many sets of addresses are compared with each address; further ones are not looked at.
const SETS_MAX: usize = 64;

/// A group as all its lines make it.
#[derive(Debug)]
pub(super) struct Group<'a, M> {
    /// Its first line.
    pub(super) first: &'a OptionLine,
    pub(super) members: Vec<&'a M>,
}

/// All groups of a file.
pub(super) struct Cast<'a> {
    pub(super) users: BTreeMap<&'a GroupName, Group<'a, crate::ident::User>>,
    pub(super) hosts: BTreeMap<&'a GroupName, Group<'a, HostName>>,
    /// Whether names in groups are compared without regard to case.
    pub(super) ignores_case: bool,
    groups_of_user: BTreeMap<String, Vec<&'a GroupName>>,
    groups_of_host: BTreeMap<HostName, Vec<&'a GroupName>>,
    /// FQDN_MATCHING LENIENT: a simple host name means every host whose first label it is.
    lenient_hosts: bool,
    /// Sets of more than one address, as lines and groups name them; at most [`SETS_MAX`].
    sets: Vec<AddressPattern>,
}

impl<'a> Cast<'a> {
    pub(super) fn of(file: &'a OptionsFile) -> Self {
        let ignores_case = file.options().fold(false, |on, line| match line.directive {
            Directive::GroupCaseInsensitive(now) => now,
            _ => on,
        });
        let mut cast = Self {
            users: BTreeMap::new(),
            hosts: BTreeMap::new(),
            ignores_case,
            groups_of_user: BTreeMap::new(),
            groups_of_host: BTreeMap::new(),
            lenient_hosts: false,
            sets: Vec::new(),
        };
        for line in file.options() {
            for who in super::file::named(line) {
                if let Who::Host(HostName::Address(set)) | Who::Internet(set) = who {
                    cast.add_set(set);
                }
            }
            match &line.directive {
                Directive::FqdnLenient(now) => cast.lenient_hosts = *now,
                Directive::Group { name, members } => {
                    let group = cast.users.entry(name).or_insert(Group { first: line, members: Vec::new() });
                    group.members.extend(members);
                    for member in members {
                        let member = cast.spelt(member.as_str());
                        cast.groups_of_user.entry(member).or_default().push(name);
                    }
                }
                Directive::HostGroup { name, members } => {
                    let group = cast.hosts.entry(name).or_insert(Group { first: line, members: Vec::new() });
                    group.members.extend(members);
                    for member in members {
                        cast.groups_of_host.entry(member.clone()).or_default().push(name);
                        if let HostName::Address(set) = member {
                            cast.add_set(set);
                        }
                    }
                }
                _ => {}
            }
        }
        cast
    }

    /// A user's name as groups compare it.
    fn spelt(&self, name: &str) -> String {
        if self.ignores_case { name.to_lowercase() } else { name.to_owned() }
    }

    /// Whether a GROUP has this name.
    pub(super) fn is_group(&self, name: &str) -> bool {
        GroupName::parse(name).is_ok_and(|name| self.users.contains_key(&name))
    }

    /// Whether a HOST_GROUP has this name.
    pub(super) fn is_host_group(&self, name: &str) -> bool {
        GroupName::parse(name).is_ok_and(|name| self.hosts.contains_key(&name))
    }

    /// Whether some GROUP has this user.
    pub(super) fn is_grouped_user(&self, name: &str) -> bool {
        self.groups_of_user.contains_key(&self.spelt(name))
    }

    /// Whether some HOST_GROUP has this host.
    pub(super) fn is_grouped_host(&self, name: &HostName) -> bool {
        self.groups_of_host.contains_key(name)
    }

    /// Everybody who is at least this somebody: itself, and the groups that it is in.
    pub(super) fn wider(&self, who: &Who) -> Vec<Who> {
        let mut all = vec![same(who)];
        match who {
            Who::User(user) => {
                let groups = self.groups_of_user.get(&self.spelt(user.as_str())).into_iter().flatten();
                all.extend(groups.take(GROUPS_OF_ONE_MAX).map(|group| Who::Group((*group).clone())));
            }
            Who::Host(HostName::Address(set)) | Who::Internet(set) => {
                self.push_groups(&HostName::Address(*set), &mut all);
                for wide in self.sets.iter().filter(|wide| *wide != set && wide.covers(set)) {
                    all.push(Who::Internet(*wide));
                    self.push_groups(&HostName::Address(*wide), &mut all);
                }
            }
            Who::Host(host @ HostName::Name(name)) => {
                self.push_groups(host, &mut all);
                let label = name.as_str().split_once('.').map(|(label, _)| label);
                if let Some(Ok(label)) = label.filter(|_| self.lenient_hosts).map(Host::parse) {
                    let label = HostName::Name(label);
                    self.push_groups(&label, &mut all);
                    all.push(Who::Host(label));
                }
            }
            _ => {}
        }
        all
    }

    fn push_groups(&self, host: &HostName, all: &mut Vec<Who>) {
        let groups = self.groups_of_host.get(host).into_iter().flatten();
        all.extend(groups.take(GROUPS_OF_ONE_MAX).map(|group| Who::HostGroup((*group).clone())));
    }

    fn add_set(&mut self, set: &AddressPattern) {
        if set.single().is_none() && self.sets.len() < SETS_MAX && !self.sets.contains(set) {
            self.sets.push(*set);
        }
    }

    /// Whether a group that is named is not defined.
    pub(super) fn is_undefined(&self, who: &Who) -> bool {
        match who {
            Who::Group(name) => !self.users.contains_key(name),
            Who::HostGroup(name) => !self.hosts.contains_key(name),
            _ => false,
        }
    }
}

/// One form for what is compared in the same way: an address behind HOST is that behind INTERNET.
pub(super) fn same(who: &Who) -> Who {
    match who {
        Who::Host(HostName::Address(pattern)) => Who::Internet(*pattern),
        other => other.clone(),
    }
}
