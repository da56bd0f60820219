//! From an options file and a catalog to a policy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::atoms::{AtomId, Atoms, Comparison};
use super::finding;
use super::named::{Include, Scope};
use super::select::{PoolAt, Shelf};
use super::tables::{
    Limit, LimitId, Lists, PoolRules, Priority, Reservation, ReservationId, Rule, RuleId, Terms, Whose,
};
use super::{Policy, Settings};
use crate::catalog::{Catalog, Pool};
use crate::ident::{FeatureName, Table, User};
use crate::license::LicenseFile;
use crate::options::{
    Access, AccessList, Directive, FeatureSpec, HostName, Keyword, Modifier, OptionLine, OptionsFile,
    TextModifier, Who,
};
use crate::text::{Diagnostic, Finding, Source, Span, are, counted, nearest};
use crate::time::Timestamp;

impl Policy {
    /// Compiles an options file for the pools of a catalog that was built from these license files. What is wrong with
    /// single lines is in the file's own diagnostics; what they come to with these licenses is told here. A line never has
    /// more effect than its sound part, and a closed list stays closed (`flexnet-files.md` 6.2).
    #[must_use]
    pub fn compile(
        options: &OptionsFile,
        catalog: &Catalog,
        licenses: &[&LicenseFile],
    ) -> (Self, Vec<Diagnostic>) {
        Self::compile_at(options, catalog, licenses, None)
    }

    /// The same, judging how many may be named by the license lines that are valid at an instant; else by all lines. The policy is the
    /// same: that is asked again whenever it is used.
    #[must_use]
    pub fn compile_at(
        options: &OptionsFile,
        catalog: &Catalog,
        licenses: &[&LicenseFile],
        now: Option<Timestamp>,
    ) -> (Self, Vec<Diagnostic>) {
        let mut compiler = Compiler::new(options, catalog, licenses);
        let lines: Vec<&OptionLine> = options.options().collect();
        for line in &lines {
            compiler.line(line);
        }
        compiler.name(now);
        compiler.finish()
    }
}

/// Members of the groups of one kind, by name.
pub(super) type Groups<'a, M> = BTreeMap<&'a str, Vec<&'a M>>;

pub(super) struct Compiler<'a> {
    source: &'a Source,
    pub(super) shelf: Shelf<'a>,
    pub(super) atoms: Atoms,
    pub(super) users: Groups<'a, User>,
    pub(super) hosts: Groups<'a, HostName>,
    filled: BTreeSet<AtomId>,
    rules: Vec<Rule>,
    everywhere: Lists,
    /// Lists of lines without modifiers, by feature or package.
    by_name: BTreeMap<&'a FeatureName, Lists>,
    /// Lists of lines with modifiers, by pool.
    by_pool: BTreeMap<PoolAt<'a>, Lists>,
    /// INCLUDE lines, if a pool is for those whom they name.
    pub(super) includes: Vec<Include<'a>>,
    pub(super) pools: BTreeMap<PoolAt<'a>, PoolRules>,
    limits: Vec<Limit>,
    /// For each feature or package: the somebodies with a MAX line so far, and whether ALL_USERS and ALL_GROUPS were met.
    limited: BTreeMap<&'a FeatureName, Limited>,
    reservations: Vec<Reservation>,
    reserved: BTreeMap<PoolAt<'a>, u64>,
    timeout_all: Option<(u32, RuleId)>,
    settings: Settings,
    diagnostics: Vec<Diagnostic>,
}

#[derive(Default)]
struct Limited {
    users: Vec<AtomId>,
    groups: Vec<AtomId>,
    all_users: Option<RuleId>,
    all_groups: Option<RuleId>,
}

/// Whom a line means.
enum Meant {
    Atom(AtomId),
    /// A group that is not defined.
    Nobody,
}

impl<'a> Compiler<'a> {
    fn new(options: &'a OptionsFile, catalog: &'a Catalog, licenses: &'a [&'a LicenseFile]) -> Self {
        // Groups and comparisons hold for the whole file, wherever they stand (`flexnet-files.md` 4.1 and 4.3, DECISION).
        let mut comparison = Comparison::default();
        let (mut users, mut hosts) = (Groups::new(), Groups::new());
        for line in options.options() {
            match &line.directive {
                Directive::GroupCaseInsensitive(on) => comparison.groups_ignore_case = *on,
                Directive::FqdnLenient(on) => comparison.lenient_hosts = *on,
                Directive::Group { name, members } => {
                    let all: &mut Vec<&User> = users.entry(name.as_str()).or_default();
                    all.extend(members);
                }
                Directive::HostGroup { name, members } => {
                    let all: &mut Vec<&HostName> = hosts.entry(name.as_str()).or_default();
                    all.extend(members);
                }
                _ => {}
            }
        }
        Self {
            source: &options.source,
            shelf: Shelf::new(catalog, licenses),
            atoms: Atoms::new(comparison),
            users,
            hosts,
            filled: BTreeSet::new(),
            rules: Vec::new(),
            everywhere: Lists::default(),
            by_name: BTreeMap::new(),
            by_pool: BTreeMap::new(),
            includes: Vec::new(),
            pools: BTreeMap::new(),
            limits: Vec::new(),
            limited: BTreeMap::new(),
            reservations: Vec::new(),
            reserved: BTreeMap::new(),
            timeout_all: None,
            settings: Settings::default(),
            diagnostics: Vec::new(),
        }
    }

    pub(super) fn report(
        &mut self,
        finding: Finding,
        span: Span,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.diagnostics.push(Diagnostic { help, ..finding.at(span, message) });
    }

    fn line(&mut self, line: &'a OptionLine) {
        let id = RuleId(u32::try_from(self.rules.len()).unwrap_or(u32::MAX));
        self.rules.push(Rule { keyword: line.keyword, line: self.source.place(line.span.start).line });
        if awaits_the_engine(line.keyword) {
            let message = format!("{} is checked and kept, but is not enforced yet", line.keyword.as_str());
            self.report(finding::NOT_ENFORCED, line.span, message, None);
        }
        match &line.directive {
            Directive::Access(access) => self.access(line, access, id),
            Directive::Max { count, feature, who } => self.max(line, *count, feature, who, id),
            Directive::Reserve { count, feature, who } => self.reserve(line, *count, feature, who, id),
            Directive::Priority { rank, feature, who } => self.priority(line, *rank, feature, who, id),
            Directive::FeatureNumber { keyword, feature, number } => {
                self.feature_number(line, *keyword, feature, *number, id);
            }
            Directive::TimeoutAll(seconds) => self.timeout_all = Some((*seconds, id)),
            Directive::AutomaticReread(on) => self.settings.no_automatic_reread = !on,
            Directive::MaxConnections(count) => self.settings.max_connections = Some(*count),
            Directive::DebugLog(log) => self.settings.debug_log = Some(log.clone()),
            Directive::ReportLog(log) => self.settings.report_log = Some(log.clone()),
            Directive::NoLog(event) => self.settings.no_log.push(*event),
            Directive::Group { .. }
            | Directive::HostGroup { .. }
            | Directive::GroupCaseInsensitive(_)
            | Directive::FqdnLenient(_)
            | Directive::DaemonSelectTimeout(_)
            | Directive::Activation => {}
        }
    }

    /// The number of a somebody; a group is filled when it is first named.
    fn meant(&mut self, who: &Who, span: Span) -> Meant {
        let defined = match who {
            Who::Group(name) => self.users.contains_key(name.as_str()),
            Who::HostGroup(name) => self.hosts.contains_key(name.as_str()),
            _ => true,
        };
        if !defined {
            self.undefined_group(who, span);
            return Meant::Nobody;
        }
        let atom = self.atoms.intern(who);
        if self.filled.insert(atom) {
            match who {
                Who::Group(name) => {
                    let members = self.users.get(name.as_str()).into_iter().flatten();
                    self.atoms.add_users(atom, members.copied());
                }
                Who::HostGroup(name) => {
                    let members = self.hosts.get(name.as_str()).into_iter().flatten();
                    self.atoms.add_hosts(atom, members.copied());
                }
                _ => {}
            }
        }
        Meant::Atom(atom)
    }

    fn undefined_group(&mut self, who: &Who, span: Span) {
        let (kind, name, other_kind, of_kind, others) = match who {
            Who::HostGroup(name) => (
                "HOST_GROUP",
                name.as_str(),
                "GROUP",
                nearest(name.as_str(), self.hosts.keys().copied()),
                self.users.contains_key(name.as_str()),
            ),
            Who::Group(name) => (
                "GROUP",
                name.as_str(),
                "HOST_GROUP",
                nearest(name.as_str(), self.users.keys().copied()),
                self.hosts.contains_key(name.as_str()),
            ),
            _ => return,
        };
        let help = if others {
            Some(format!("{name} is a {other_kind}; write {other_kind} {name}"))
        } else {
            of_kind.map(|meant| format!("did you mean {meant}? Names of groups are case-sensitive"))
        };
        let message = format!("no {kind} {name} is defined");
        self.report(finding::NO_SUCH_GROUP, span, message, help);
    }

    /// The pools that a line means; tells what is odd about them.
    fn pools_of(&mut self, spec: &FeatureSpec) -> Vec<PoolAt<'a>> {
        let selection = self.shelf.select(spec);
        if !selection.named {
            self.unknown_feature(spec);
        } else if selection.pools.is_empty() {
            let vendor_string =
                spec.modifiers.iter().any(|m| matches!(m, Modifier::Text(TextModifier::VendorString, _)));
            let unpooled = vendor_string
                && self
                    .shelf
                    .named(&spec.name)
                    .into_iter()
                    .filter_map(|at| self.shelf.pool(at))
                    .all(|pool| pool.vendor_string.is_none());
            if unpooled {
                let message = "the publisher does not pool on VENDOR_STRING, so it selects nothing";
                self.report(finding::VENDOR_STRING_NOT_POOLED, spec.span, message, None);
            } else {
                let message = format!("no license line of {} fits", spec.name);
                self.report(finding::NO_SUCH_LINE, spec.span, message, None);
            }
        }
        for at in &selection.split {
            let Some(pool) = self.shelf.pool(*at) else { continue };
            let message = format!(
                "only some license lines of pool {} fit, but its {} lines are one pool and the option holds for all of it",
                pool.key,
                pool.lots.len()
            );
            self.report(finding::SPLITS_POOL, spec.span, message, None);
        }
        selection.pools
    }

    fn unknown_feature(&mut self, spec: &FeatureSpec) {
        if let Some(unserved) = self.shelf.catalog.unserved(spec.name.as_str()) {
            let message = format!("{} is not served: {}", spec.name, unserved.reason());
            self.report(finding::NOT_SERVED, spec.span, message, None);
            return;
        }
        let help =
            nearest(spec.name.as_str(), self.shelf.names()).map(|meant| format!("did you mean {meant}?"));
        let message = format!("no license line names feature {}", spec.name);
        self.report(finding::NO_SUCH_FEATURE, spec.span, message, help);
    }

    fn access(&mut self, line: &'a OptionLine, access: &'a Access, id: RuleId) {
        let mut who = Vec::new();
        if let Some(first) = &access.who {
            who.push(first);
        }
        // Surplus names work where they deny, never where they let in (`flexnet-files.md` 4.3, DECISION).
        if access.list.denies() {
            who.extend(&access.surplus);
        }
        let mut atoms: Vec<Option<AtomId>> = Vec::new();
        for who in who {
            match self.meant(who, line.span) {
                Meant::Atom(atom) => atoms.push(Some(atom)),
                Meant::Nobody => {}
            }
        }
        if atoms.is_empty() {
            if access.list.denies() {
                return;
            }
            atoms.push(None);
        }
        let push = |lists: &mut Lists| {
            let list = match access.list {
                AccessList::Exclude => &mut lists.exclude,
                AccessList::Include => &mut lists.include,
                AccessList::ExcludeBorrow => &mut lists.exclude_borrow,
                AccessList::IncludeBorrow => &mut lists.include_borrow,
            };
            for atom in &atoms {
                list.push(*atom, id);
            }
        };
        let scope = match &access.feature {
            None => {
                push(&mut self.everywhere);
                Scope::All
            }
            Some(spec) if spec.modifiers.is_empty() => {
                let pools = self.shelf.named(&spec.name);
                if pools.is_empty() {
                    self.unknown_feature(spec);
                } else {
                    push(self.by_name.entry(&spec.name).or_default());
                }
                Scope::Pools(pools)
            }
            Some(spec) => {
                let selected = self.pools_of(spec);
                for at in &selected {
                    push(self.by_pool.entry(*at).or_default());
                }
                Scope::Pools(selected)
            }
        };
        if access.list == AccessList::Include && self.shelf.has_named {
            self.includes.push(Include { span: line.span, who: access.who.as_ref(), rule: id, scope });
        }
    }

    fn max(&mut self, line: &'a OptionLine, count: u32, spec: &'a FeatureSpec, who: &'a Who, id: RuleId) {
        let whose = match who {
            Who::AllUsers => {
                let limited = self.limited.entry(&spec.name).or_default();
                limited.all_users.get_or_insert(id);
                Whose::EachUser { exempt: limited.users.clone() }
            }
            Who::AllGroups => {
                let limited = self.limited.entry(&spec.name).or_default();
                limited.all_groups.get_or_insert(id);
                Whose::EachGroup { exempt: limited.groups.clone() }
            }
            who => {
                let Meant::Atom(atom) = self.meant(who, line.span) else { return };
                let limited = self.limited.entry(&spec.name).or_default();
                let dead_behind = match who {
                    Who::User(_) => limited.all_users,
                    Who::Group(_) => limited.all_groups,
                    _ => None,
                };
                if let Some(all) = dead_behind {
                    let at = self
                        .rules
                        .get(usize::try_from(all.0).unwrap_or(usize::MAX))
                        .map_or(0, |rule| rule.line);
                    let message = format!(
                        "the line for all names at line {all_line} comes first, so this one has no effect",
                        all_line = at
                    );
                    self.report(
                        finding::MAX_BEHIND_ALL,
                        line.span,
                        message,
                        Some("put it before that line".into()),
                    );
                    return;
                }
                match who {
                    Who::User(_) => limited.users.push(atom),
                    Who::Group(_) => limited.groups.push(atom),
                    _ => {}
                }
                Whose::Atom(atom)
            }
        };
        let selected = self.pools_of(spec);
        if selected.is_empty() {
            return;
        }
        for at in &selected {
            if let Some(pool) = self.shelf.pool(*at).filter(|pool| !pool.counted) {
                let message = format!("pool {} is uncounted; the line limits its use all the same", pool.key);
                self.report(finding::MAX_UNCOUNTED, line.span, message, None);
            }
        }
        // DECISION (5.5): for a suite the line holds for the package and for each component by itself. Counted together, a
        // component and the license of the package that goes with it would be two.
        let suite = selected.iter().any(|at| self.shelf.pool(*at).is_some_and(Pool::is_package));
        let mut counted = BTreeMap::new();
        for at in selected {
            let together = self.shelf.pool(at).filter(|_| suite);
            let limit =
                counted.entry(together.map(|pool| (pool.is_package(), &pool.feature))).or_insert_with(|| {
                    self.limits.push(Limit { rule: id, count, whose: whose.clone() });
                    LimitId(u32::try_from(self.limits.len().saturating_sub(1)).unwrap_or(u32::MAX))
                });
            self.pools.entry(at).or_default().limits.push(*limit);
        }
    }

    fn reserve(&mut self, line: &'a OptionLine, count: u32, spec: &'a FeatureSpec, who: &'a Who, id: RuleId) {
        let Meant::Atom(atom) = self.meant(who, line.span) else { return };
        let selected = self.pools_of(spec);
        let is_feature = selected.iter().all(|at| at.feature == &spec.name);
        if selected.len() > 1 && spec.modifiers.is_empty() && is_feature {
            let message = format!(
                "{} {} reserved in each of the {} pools of {}",
                counted(count, "license"),
                are(count),
                selected.len(),
                spec.name
            );
            let help = format!("name one of them, such as {}:VERSION=…", spec.name);
            self.report(finding::RESERVED_IN_EACH_POOL, line.span, message, Some(help));
        }
        for at in selected {
            let Some(pool) = self.shelf.pool(at) else { continue };
            if !pool.counted {
                let message = format!("pool {} is uncounted; a reservation in it has no effect", pool.key);
                self.report(finding::RESERVED_UNCOUNTED, line.span, message, None);
                continue;
            }
            // Lots that have not started count too: a reservation is made once and for all.
            let size = pool.lots.iter().fold(0_u64, |sum, lot| sum + u64::from(lot.count));
            let before = self.reserved.entry(at).or_default();
            let room = u32::try_from(size.saturating_sub(*before)).unwrap_or(u32::MAX);
            let kept = count.min(room);
            let taken = *before;
            *before += u64::from(kept);
            if kept < count {
                let message = format!(
                    "pool {} has {}, of which {taken} {} reserved before: {kept} of these {count} can be reserved",
                    pool.key,
                    counted(size, "license"),
                    are(taken)
                );
                self.report(finding::RESERVED_TOO_MANY, line.span, message, None);
            }
            if kept > 0 {
                let reservation = ReservationId(u32::try_from(self.reservations.len()).unwrap_or(u32::MAX));
                self.reservations.push(Reservation { rule: id, count: kept, who: atom });
                self.pools.entry(at).or_default().reservations.push(reservation);
            }
        }
    }

    fn priority(&mut self, line: &'a OptionLine, rank: u32, spec: &'a FeatureSpec, who: &'a Who, id: RuleId) {
        let Meant::Atom(who) = self.meant(who, line.span) else { return };
        for at in self.pools_of(spec) {
            self.pools.entry(at).or_default().priorities.push(Priority { rule: id, rank, who });
        }
    }

    fn feature_number(
        &mut self,
        line: &'a OptionLine,
        keyword: Keyword,
        spec: &'a FeatureSpec,
        number: u32,
        id: RuleId,
    ) {
        let selected = self.pools_of(spec);
        let mut replaced = BTreeSet::new();
        for at in selected {
            let terms = &mut self.pools.entry(at).or_default().terms;
            let Some(slot) = slot(terms, keyword) else { continue };
            if let Some((_, before)) = slot.replace((number, id)) {
                replaced.insert(before);
            }
        }
        for before in replaced {
            let at =
                self.rules.get(usize::try_from(before.0).unwrap_or(usize::MAX)).map_or(0, |rule| rule.line);
            let message = format!("this line replaces the {} at line {at}", keyword.as_str());
            self.report(finding::LATER_LINE_COUNTS, line.span, message, None);
        }
    }

    fn finish(mut self) -> (Policy, Vec<Diagnostic>) {
        // ALL_GROUPS means every group that is defined, named by another line or not.
        let has_all_groups = self.limits.iter().any(|limit| matches!(limit.whose, Whose::EachGroup { .. }));
        let mut groups = Vec::new();
        if has_all_groups {
            for name in self.users.keys().copied().collect::<Vec<_>>() {
                if let Ok(name) = User::parse(name)
                    && let Meant::Atom(atom) = self.meant(&Who::Group(name), Span::default())
                {
                    groups.push(atom);
                }
            }
            groups.sort_unstable();
        }
        self.everywhere.settle();
        let everywhere = Arc::new(std::mem::take(&mut self.everywhere));
        let mut by_pool: BTreeMap<PoolAt<'_>, Vec<Arc<Lists>>> = BTreeMap::new();
        for (name, mut lists) in std::mem::take(&mut self.by_name) {
            lists.settle();
            let lists = Arc::new(lists);
            for at in self.shelf.named(name) {
                by_pool.entry(at).or_default().push(Arc::clone(&lists));
            }
        }
        for (at, mut lists) in std::mem::take(&mut self.by_pool) {
            lists.settle();
            by_pool.entry(at).or_default().push(Arc::new(lists));
        }
        let (mut pools, mut lingers) = (Table::new(), false);
        for feature in self.shelf.catalog.features() {
            let of_feature = self.shelf.catalog.pools(feature.as_str());
            let mut rules = Vec::with_capacity(of_feature.len());
            for (index, pool) in of_feature.iter().enumerate() {
                let at = PoolAt { feature: &pool.feature, index };
                let mut own = self.pools.remove(&at).unwrap_or_default();
                own.lists.push(Arc::clone(&everywhere));
                own.lists.extend(by_pool.remove(&at).unwrap_or_default());
                own.terms.timeout = own.terms.timeout.or(self.timeout_all);
                lingers |= own.terms.linger.is_some();
                rules.push(own);
            }
            pools.insert(feature.clone(), rules);
        }
        self.diagnostics.sort_by_key(|found| found.span.start);
        let name = self.source.name();
        let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let policy = Policy {
            file: Arc::from(file),
            rules: self.rules,
            atoms: self.atoms,
            groups,
            pools,
            limits: self.limits,
            reservations: self.reservations,
            lingers,
            settings: self.settings,
        };
        (policy, self.diagnostics)
    }
}

fn slot(terms: &mut Terms, keyword: Keyword) -> Option<&mut Option<(u32, RuleId)>> {
    match keyword {
        Keyword::BorrowLowwater => Some(&mut terms.borrow_lowwater),
        Keyword::Linger => Some(&mut terms.linger),
        Keyword::MaxBorrowHours => Some(&mut terms.max_borrow_hours),
        Keyword::MaxOverdraft => Some(&mut terms.max_overdraft),
        Keyword::Timeout => Some(&mut terms.timeout),
        _ => None,
    }
}

/// Keywords whose lines are compiled, but not asked for yet.
const fn awaits_the_engine(keyword: Keyword) -> bool {
    use Keyword as K;
    matches!(keyword, K::DebugLog | K::NoLog | K::ReportLog)
}
