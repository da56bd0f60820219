//! The names on INCLUDE lines for pools that are for those alone whom these name: USER_BASED and HOST_BASED
//! (`flexnet-files.md` 3.11).
//!
//! Each name has a place: names count in file order, groups by their members, each name once. A pool with room for so many names is
//! for those whose place is no higher; how many that are depends on the lines that are valid, so it is asked with the time. The rest:
//! - INCLUDE and INCLUDEALL count alike, with modifiers for the pools that they select. Each pool counts by itself.
//! - DECISION: a USER_BASED pool is for names of users alone (USER, GROUP), a HOST_BASED one for those of hosts (HOST, HOST_GROUP,
//!   INTERNET). A line of another type names nobody there and lets nobody in: it would let in any number.
//! - DECISION: a pattern of addresses counts for as many hosts as it has addresses, and is included if there is room for all.
//! - DECISION: names that differ in case alone are one name under GROUPCASEINSENSITIVE. A name that an EXCLUDE line has too keeps its
//!   place. A host's names with and without its domain are two.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::atoms::{AtomId, Profile};
use super::compile::Compiler;
use super::finding;
use super::select::PoolAt;
use super::tables::RuleId;
use crate::catalog::{Catalog, Named};
use crate::ident::AddressPattern;
use crate::options::{HostName, Who};
use crate::text::Span;
use crate::time::Timestamp;

/// Names that are told of a line with too many.
const TOLD_MAX: usize = 8;

/// The names of a list with their places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// By somebody, with the line that names it first.
    entries: Vec<(AtomId, u64, RuleId)>,
    count: u64,
    list: Option<RuleId>,
}

impl Names {
    pub(super) fn naming(&self, client: &Profile) -> Naming {
        let place = |atom: &AtomId| {
            let at = self.entries.binary_search_by_key(atom, |(known, ..)| *known).ok()?;
            self.entries.get(at).map(|(_, place, rule)| (*place, *rule))
        };
        Naming { list: self.list, names: self.count, by: client.atoms.iter().filter_map(place).min() }
    }
}

/// Where INCLUDE lines name a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Naming {
    /// The first INCLUDE line; none if there is none.
    pub list: Option<RuleId>,
    /// How many names there are.
    pub names: u64,
    /// The place of the client's name among them, from 1, and the line on which it stands. None if it is not named.
    pub by: Option<(u64, RuleId)>,
}

impl Naming {
    /// Whether that is among so many names; none if all count.
    #[must_use]
    pub fn is_within(&self, most: Option<u64>) -> bool {
        self.by.is_some_and(|(place, _)| most.is_none_or(|most| place <= most))
    }
}

/// An INCLUDE or INCLUDEALL line.
pub(super) struct Include<'a> {
    pub(super) span: Span,
    /// None if it is damaged and matches nobody.
    pub(super) who: Option<&'a Who>,
    pub(super) rule: RuleId,
    pub(super) scope: Scope<'a>,
}

/// What it is about.
pub(super) enum Scope<'a> {
    All,
    Pools(Vec<PoolAt<'a>>),
}

/// What makes two names one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Text(String),
    Addresses(AddressPattern),
}

/// A name as it comes, with how many it counts for.
struct Listed {
    who: Who,
    atom: AtomId,
}

/// A list and how it came about.
struct Made {
    names: Arc<Names>,
    /// The names in order: place, and line by index.
    order: Vec<(u64, Who, usize)>,
}

/// What a type names.
const fn kind(who: &Who) -> Option<Named> {
    match who {
        Who::User(_) | Who::Group(_) => Some(Named::Users),
        Who::Host(_) | Who::HostGroup(_) | Who::Internet(_) => Some(Named::Hosts),
        Who::Display(_) | Who::Project(_) | Who::AllUsers | Who::AllGroups => None,
    }
}

impl<'a> Compiler<'a> {
    /// Gives each pool that is for those who are named their names, and tells whom it is not for although a line names them.
    pub(super) fn name(&mut self, now: Option<Timestamp>) {
        if !self.shelf.has_named {
            return;
        }
        let catalog: &'a Catalog = self.shelf.catalog;
        let mut of_pools: BTreeMap<PoolAt<'a>, Vec<usize>> = BTreeMap::new();
        let mut of_all = Vec::new();
        for (index, include) in self.includes.iter().enumerate() {
            match &include.scope {
                Scope::All => of_all.push(index),
                Scope::Pools(pools) => {
                    pools.iter().for_each(|at| of_pools.entry(*at).or_default().push(index));
                }
            }
        }
        let mut made: BTreeMap<(Named, Vec<usize>), Made> = BTreeMap::new();
        for feature in catalog.features() {
            for (index, pool) in catalog.pools(feature.as_str()).iter().enumerate() {
                let at = PoolAt { feature: &pool.feature, index };
                let mut lines = of_all.clone();
                lines.extend(of_pools.get(&at).into_iter().flatten());
                lines.sort_unstable();
                for named in pool.named.iter().copied() {
                    let made = made.entry((named, lines.clone())).or_insert_with(|| self.list(named, &lines));
                    let most = pool.names_at(named, now);
                    let names = Arc::clone(&made.names);
                    let told = beyond(&made.order, most);
                    let whom = most.map_or_else(|| "named ones".to_owned(), |most| named.counted(most));
                    let what = format!("pool {} is for {whom}", pool.key);
                    if names.count == 0 {
                        let message = format!("{what}, but no INCLUDE line names any, so nobody may use it");
                        let line = match named {
                            Named::Users => "USER NAME, or a GROUP",
                            Named::Hosts => "HOST NAME, or a HOST_GROUP",
                        };
                        let help = Some(format!("write INCLUDE {feature} {line}"));
                        self.report(finding::NOBODY_NAMED, Span::default(), message, help);
                    }
                    for (line, who) in told {
                        let Some(span) = self.includes.get(line).map(|include| include.span) else {
                            continue;
                        };
                        let message = format!("{what}, and as many stand before: {who} not included");
                        let help = "the first ones count; remove others, or put this line before them";
                        self.report(finding::NAMED_TOO_MANY, span, message, Some(help.to_owned()));
                    }
                    self.pools.entry(at).or_default().names.push((named, names));
                }
                self.tell_nobody(&lines, pool.named.as_slice(), &pool.key);
            }
        }
    }

    /// Lines for a feature that name nobody there because they are of another type.
    fn tell_nobody(&mut self, lines: &[usize], named: &[Named], key: &crate::ident::PoolKey) {
        let Some(attribute) = named.first().map(|named| named.attribute()) else { return };
        for line in lines {
            let Some(Include { span, who: Some(who), scope: Scope::Pools(_), .. }) = self.includes.get(*line)
            else {
                continue;
            };
            if !kind(who).is_some_and(|kind| named.contains(&kind)) {
                let message = format!(
                    "pool {key} is {attribute}, and {who} names none such, so the line lets nobody in"
                );
                self.report(finding::NAMES_NOBODY, *span, message, None);
            }
        }
    }

    /// The names on some lines, in their order.
    fn list(&mut self, named: Named, lines: &[usize]) -> Made {
        let mut places: BTreeMap<Name, u64> = BTreeMap::new();
        let mut entries: BTreeMap<AtomId, (u64, RuleId)> = BTreeMap::new();
        let (mut order, mut count) = (Vec::new(), 0_u64);
        for line in lines {
            let Some((who, rule)) = self.includes.get(*line).and_then(|line| Some((line.who?, line.rule)))
            else {
                continue;
            };
            for Listed { who, atom } in self.names_of(named, who) {
                let (name, size) = match &who {
                    Who::Host(HostName::Address(pattern)) => (Name::Addresses(*pattern), pattern.size()),
                    who => (Name::Text(self.text(who)), 1),
                };
                let place = *places.entry(name).or_insert_with(|| {
                    count = count.saturating_add(size);
                    order.push((count, who, *line));
                    count
                });
                entries.entry(atom).or_insert((place, rule));
            }
        }
        let entries = entries.into_iter().map(|(atom, (place, rule))| (atom, place, rule)).collect();
        let list = lines.first().and_then(|line| self.includes.get(*line)).map(|line| line.rule);
        Made { names: Arc::new(Names { entries, count, list }), order }
    }

    fn text(&self, who: &Who) -> String {
        let text = match who {
            Who::User(user) => user.as_str(),
            Who::Host(HostName::Name(host)) => host.as_str(),
            _ => "",
        };
        if self.atoms.ignore_case() { text.to_lowercase() } else { text.to_owned() }
    }

    /// Those whom a somebody of a line names. A group that is not defined names nobody.
    fn names_of(&mut self, named: Named, who: &Who) -> Vec<Listed> {
        if kind(who) != Some(named) {
            return Vec::new();
        }
        let members: Vec<Who> = match who {
            Who::Group(group) => {
                let members = self.users.get(group.as_str()).into_iter().flatten();
                members.map(|user| Who::User((*user).clone())).collect()
            }
            Who::HostGroup(group) => {
                let members = self.hosts.get(group.as_str()).into_iter().flatten();
                members.map(|host| Who::Host((*host).clone())).collect()
            }
            Who::Internet(pattern) => {
                let atom = self.atoms.intern(who);
                return vec![Listed { who: Who::Host(HostName::Address(*pattern)), atom }];
            }
            who => return vec![Listed { who: who.clone(), atom: self.atoms.intern(who) }],
        };
        members.into_iter().map(|who| Listed { atom: self.atoms.intern_member(&who), who }).collect()
    }
}

/// The names of each line that are one too many, by line.
fn beyond(order: &[(u64, Who, usize)], most: Option<u64>) -> BTreeMap<usize, String> {
    let Some(most) = most else { return BTreeMap::new() };
    let mut names: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (_, who, line) in order.iter().filter(|(place, ..)| *place > most) {
        names.entry(*line).or_default().push(who.to_string());
    }
    let told = |names: Vec<String>| {
        let is = if names.len() == 1 { "is" } else { "are" };
        let more = match names.len().saturating_sub(TOLD_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{}{more} {is}", names.get(..TOLD_MAX).unwrap_or(&names).join(", "))
    };
    names.into_iter().map(|(line, names)| (line, told(names))).collect()
}
