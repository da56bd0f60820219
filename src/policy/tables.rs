//! What the rules of a file come to for each pool.

use std::sync::Arc;

use super::atoms::{AtomId, Profile};
use super::named::{Names, Naming};
use crate::catalog::Named;
use crate::options::Keyword;

/// A rule: a line of the options file that has an effect. Rules count from 0 in file order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub(super) u32);

/// Where a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its keyword.
    pub keyword: Keyword,
    /// Number of the physical line on which it begins, from 1.
    pub line: usize,
}

/// Somebodies with the first rule that names each, by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct List {
    entries: Vec<(AtomId, RuleId)>,
    /// The first line of the list, whether it names anybody or not: it is what closes an INCLUDE list.
    first: Option<RuleId>,
}

impl List {
    /// Adds a line. `who` is none for a line that matches nobody. Lines come in file order.
    pub(super) fn push(&mut self, who: Option<AtomId>, rule: RuleId) {
        self.first.get_or_insert(rule);
        self.entries.extend(who.map(|who| (who, rule)));
    }

    /// Puts the entries in order, so that of several rules for one somebody the first is found.
    pub(super) fn settle(&mut self) {
        self.entries.sort();
        self.entries.dedup();
    }

    /// The first rule that names a client.
    fn rule_for(&self, profile: &Profile) -> Option<RuleId> {
        if self.entries.is_empty() {
            return None;
        }
        profile.atoms.iter().filter_map(|atom| self.rules_naming(*atom).next()).min()
    }

    /// The rules that name a somebody, in file order.
    fn rules_naming(&self, atom: AtomId) -> impl Iterator<Item = RuleId> + '_ {
        let begin = self.entries.partition_point(|(known, _)| *known < atom);
        let behind = self.entries.get(begin..).unwrap_or_default();
        behind.iter().take_while(move |(known, _)| *known == atom).map(|(_, rule)| *rule)
    }
}

/// The four lists of `flexnet-files.md` 5.2 and 5.4, as far as one feature specification says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lists {
    pub(super) exclude: List,
    pub(super) include: List,
    pub(super) exclude_borrow: List,
    pub(super) include_borrow: List,
}

impl Lists {
    pub(super) fn settle(&mut self) {
        for list in [&mut self.exclude, &mut self.include, &mut self.exclude_borrow, &mut self.include_borrow]
        {
            list.settle();
        }
    }
}

/// What the lists say of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// No INCLUDE list: everybody may.
    Open,
    /// An INCLUDE line names the client.
    Included(RuleId),
    /// An EXCLUDE line names the client (-38).
    Excluded(RuleId),
    /// There is an INCLUDE list, which this line opens, and the client is not on it (-39).
    NotIncluded(RuleId),
}

/// What the INCLUDE list of a pool says of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inclusion {
    /// The line that opens the list; none if there is no list, so that everybody may.
    pub list: Option<RuleId>,
    /// The first line of it that names the client.
    pub by: Option<RuleId>,
}

/// Number of a [`Limit`] in its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LimitId(pub(super) u32);

/// A MAX line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The line.
    pub rule: RuleId,
    /// At most so many licenses.
    pub count: u32,
    pub(super) whose: Whose,
}

/// Whose licenses a MAX line counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whose {
    /// All that this somebody has, together.
    Atom(AtomId),
    /// Those of each user, except of users with a line of their own before it.
    EachUser { exempt: Vec<AtomId> },
    /// Those of each group, except of groups with a line of their own before it.
    EachGroup { exempt: Vec<AtomId> },
}

/// Number of a [`Reservation`] in its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReservationId(pub(super) u32);

/// What a RESERVE line sets aside in one pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The line.
    pub rule: RuleId,
    /// So many licenses; what does not fit into the pool is left off (`flexnet-files.md` 5.6 b).
    pub count: u32,
    pub(super) who: AtomId,
}

/// A PRIORITY line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Priority {
    pub(super) rule: RuleId,
    pub(super) rank: u32,
    pub(super) who: AtomId,
}

/// Numbers that options set for a pool, each with its line; of several lines the last counts (`flexnet-files.md` 4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// BORROW_LOWWATER: so many licenses can't be borrowed.
    pub borrow_lowwater: Option<(u32, RuleId)>,
    /// MAX_BORROW_HOURS.
    pub max_borrow_hours: Option<(u32, RuleId)>,
    /// MAX_OVERDRAFT, in licenses.
    pub max_overdraft: Option<(u32, RuleId)>,
    /// LINGER, in seconds.
    pub linger: Option<(u32, RuleId)>,
    /// TIMEOUT, else TIMEOUTALL, in seconds.
    pub timeout: Option<(u32, RuleId)>,
}

/// What the rules come to for one pool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolRules {
    /// From the widest (EXCLUDEALL) to the narrowest (a feature with modifiers).
    pub(super) lists: Vec<Arc<Lists>>,
    /// The names on INCLUDE lines, if it is for those who are named.
    pub(super) names: Vec<(Named, Arc<Names>)>,
    /// MAX lines that concern it, in file order.
    pub limits: Vec<LimitId>,
    /// Reservations in it, in file order.
    pub reservations: Vec<ReservationId>,
    /// PRIORITY lines that concern it, in file order.
    pub(super) priorities: Vec<Priority>,
    /// The other numbers.
    pub terms: Terms,
}

impl PoolRules {
    /// No rules at all.
    pub const NONE: Self = Self {
        lists: Vec::new(),
        names: Vec::new(),
        limits: Vec::new(),
        reservations: Vec::new(),
        priorities: Vec::new(),
        terms: Terms {
            borrow_lowwater: None,
            max_borrow_hours: None,
            max_overdraft: None,
            linger: None,
            timeout: None,
        },
    };

    /// What the EXCLUDE and INCLUDE lists say of a client (`flexnet-files.md` 5.2).
    #[must_use]
    pub fn access(&self, client: &Profile) -> Access {
        judged(self.exclusion(client), || self.inclusion(client))
    }

    /// What the EXCLUDE_BORROW and INCLUDE_BORROW lists say of a client (`flexnet-files.md` 5.4).
    #[must_use]
    pub fn borrow_access(&self, client: &Profile) -> Access {
        let exclusion = self.first(client, |lists| &lists.exclude_borrow);
        judged(exclusion, || self.included(client, |lists| &lists.include_borrow))
    }

    /// The first EXCLUDE line that names a client.
    #[must_use]
    pub fn exclusion(&self, client: &Profile) -> Option<RuleId> {
        self.first(client, |lists| &lists.exclude)
    }

    /// All EXCLUDE lines that name a client, in file order.
    #[must_use]
    pub fn exclusions(&self, client: &Profile) -> Vec<RuleId> {
        let named = |lists: &'_ Arc<Lists>| -> Vec<RuleId> {
            client.atoms.iter().flat_map(|atom| lists.exclude.rules_naming(*atom)).collect()
        };
        let mut rules: Vec<RuleId> = self.lists.iter().flat_map(named).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }

    /// What the INCLUDE list says of a client.
    #[must_use]
    pub fn inclusion(&self, client: &Profile) -> Inclusion {
        self.included(client, |lists| &lists.include)
    }

    /// The highest priority that a PRIORITY line gives a client, with the first line that does; none if no line names it.
    #[must_use]
    pub fn priority(&self, client: &Profile) -> Option<(u32, RuleId)> {
        let named = self.priorities.iter().filter(|priority| client.is(priority.who));
        named.map(|it| (it.rank, it.rule)).max_by_key(|(rank, rule)| (*rank, std::cmp::Reverse(*rule)))
    }

    /// Whether a PRIORITY line concerns it.
    #[must_use]
    pub fn ranks(&self) -> bool {
        !self.priorities.is_empty()
    }

    /// Where INCLUDE lines name a client of a pool that is for those whom they name (`flexnet-files.md` 3.11).
    #[must_use]
    pub fn naming(&self, named: Named, client: &Profile) -> Naming {
        let names = self.names.iter().find(|(kind, _)| *kind == named);
        names.map_or_else(Naming::default, |(_, names)| names.naming(client))
    }

    fn first(&self, client: &Profile, list: fn(&Lists) -> &List) -> Option<RuleId> {
        self.lists.iter().filter_map(|lists| list(lists).rule_for(client)).min()
    }

    fn included(&self, client: &Profile, list: fn(&Lists) -> &List) -> Inclusion {
        match self.lists.iter().filter_map(|lists| list(lists).first).min() {
            None => Inclusion::default(),
            opened => Inclusion { list: opened, by: self.first(client, list) },
        }
    }
}

fn judged(exclusion: Option<RuleId>, inclusion: impl FnOnce() -> Inclusion) -> Access {
    if let Some(rule) = exclusion {
        return Access::Excluded(rule);
    }
    match inclusion() {
        Inclusion { list: None, .. } => Access::Open,
        Inclusion { by: Some(rule), .. } => Access::Included(rule),
        Inclusion { list: Some(rule), by: None } => Access::NotIncluded(rule),
    }
}
