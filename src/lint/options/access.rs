//! Lists of those who may and may not: whom they leave, and lines that stand in each other's way (`flexnet-files.md` 5.2).

use std::collections::BTreeMap;

use super::cast::{Cast, same};
use super::file::name_index;
use super::finding;
use super::remarks::Remarks;
use crate::ident::FeatureName;
use crate::options::{Access, AccessList, Directive, FeatureSpec, HostName, OptionLine, OptionsFile, Who};

/// So many names of an INCLUDE list are told.
const NAMES_MAX: usize = 8;
/// Groups with more members are not searched for one who is not excluded.
const MEMBERS_MAX: usize = 1000;

/// What lines are about, from the widest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Scope<'a> {
    All,
    Feature(&'a FeatureName),
    /// A feature with modifiers, which are told as a text.
    Lines(&'a FeatureName, String),
}

impl<'a> Scope<'a> {
    fn of(spec: Option<&'a FeatureSpec>) -> Self {
        match spec {
            None => Self::All,
            Some(spec) if spec.modifiers.is_empty() => Self::Feature(&spec.name),
            Some(spec) => Self::Lines(&spec.name, format!("{:?}", spec.modifiers)),
        }
    }

    /// It and all that hold for it too: packages hold for their components.
    fn wider(&self, packages: &Packages<'a>) -> Vec<Self> {
        let of = |name: &FeatureName| packages.get(name).into_iter().flatten().copied().map(Self::Feature);
        match self {
            Self::All => vec![Self::All],
            Self::Feature(name) => {
                [Self::All].into_iter().chain(of(name)).chain([Self::Feature(name)]).collect()
            }
            Self::Lines(name, _) => {
                let all = [Self::All].into_iter().chain(of(name));
                all.chain([Self::Feature(name), self.clone()]).collect()
            }
        }
    }
}

/// The packages whose name stands for a component too, by component.
pub(super) type Packages<'a> = BTreeMap<&'a FeatureName, Vec<&'a FeatureName>>;

/// A somebody of a list, and the physical line that names it first.
type Entries<'a> = BTreeMap<(AccessList, Scope<'a>, Who), usize>;

/// One INCLUDE list as its lines make it.
struct Included<'a> {
    first: &'a OptionLine,
    /// None for a line that matches nobody.
    who: Vec<Option<&'a Who>>,
}

struct Lists<'a> {
    entries: Entries<'a>,
    included: BTreeMap<Scope<'a>, Included<'a>>,
    packages: &'a Packages<'a>,
}

pub(super) fn check<'a>(
    file: &'a OptionsFile,
    cast: &Cast<'_>,
    packages: &'a Packages<'a>,
    remarks: &mut Remarks<'_>,
) {
    let lists = Lists::of(file, packages, remarks);
    let mut said: BTreeMap<String, usize> = BTreeMap::new();
    let mut limits: BTreeMap<(Scope<'_>, Who), (u32, usize)> = BTreeMap::new();
    for line in file.options() {
        match &line.directive {
            Directive::Access(access) => lists.access(line, access, cast, remarks),
            Directive::Reserve { feature, who, .. } => {
                if let Some(why) = lists.denied(&Scope::of(Some(feature)), who, cast) {
                    let message = format!("{who} {why}, so these licenses are reserved for nobody");
                    let help = "remove this line, or let them in";
                    remarks.add(&finding::RESERVED_FOR_DENIED, remarks.word(line, 4), message, help);
                }
            }
            Directive::Max { count, feature, who } => {
                let scope = Scope::of(Some(feature));
                if let Some(why) = lists.denied(&scope, who, cast) {
                    let message = format!("{who} {why}, so there is nothing to limit");
                    remarks.add(&finding::MAX_OF_DENIED, remarks.word(line, 4), message, "");
                }
                let number = remarks.number(line);
                match limits.get(&(scope.clone(), same(who))).copied() {
                    Some((other, at)) if other == *count => duplicate(line, at, remarks),
                    Some((other, at)) if other < *count => {
                        let message = format!("line {at} limits {who} to {other} already");
                        remarks.add(
                            &finding::MAX_IDLE,
                            remarks.word(line, 1),
                            message,
                            "the lowest number counts; keep one line",
                        );
                    }
                    Some((other, at)) => {
                        let message = format!(
                            "this line has a lower number than the {other} of line {at}, which so has no effect"
                        );
                        remarks.add(
                            &finding::MAX_IDLE,
                            remarks.word(line, 1),
                            message,
                            "the lowest number counts; keep one line",
                        );
                        limits.insert((scope, same(who)), (*count, number));
                    }
                    None => {
                        limits.insert((scope, same(who)), (*count, number));
                    }
                }
            }
            directive @ (Directive::Group { .. } | Directive::HostGroup { .. } | Directive::NoLog(_)) => {
                let number = remarks.number(line);
                let before = *said.entry(format!("{directive:?}")).or_insert(number);
                if before != number {
                    duplicate(line, before, remarks);
                }
            }
            _ => {}
        }
    }
    of_packages(file, packages, remarks);
    lists.left(cast, remarks);
}

/// Limits and reservations of components beside those of their packages.
fn of_packages<'a>(file: &'a OptionsFile, packages: &'a Packages<'a>, remarks: &mut Remarks<'_>) {
    if packages.is_empty() {
        return;
    }
    // By what the line is, whose and of what: its number and its line.
    let mut whole: BTreeMap<(bool, &FeatureName, Who), (u32, usize)> = BTreeMap::new();
    let counted = |line: &'a OptionLine| match &line.directive {
        Directive::Max { count, feature, who } => Some((true, *count, feature, who)),
        Directive::Reserve { count, feature, who } => Some((false, *count, feature, who)),
        _ => None,
    };
    for line in file.options() {
        let Some((is_limit, count, feature, who)) = counted(line) else { continue };
        if feature.modifiers.is_empty() {
            let number = remarks.number(line);
            whole.entry((is_limit, &feature.name, same(who))).or_insert((count, number));
        }
    }
    for line in file.options() {
        let Some((is_limit, count, feature, who)) = counted(line) else { continue };
        for package in packages.get(&feature.name).into_iter().flatten() {
            let Some((other, at)) = whole.get(&(is_limit, package, same(who))).copied() else { continue };
            if !is_limit {
                let message = format!(
                    "line {at} reserves {other} of package {package} for {who}, of which {} is a component: together {}",
                    feature.name,
                    u64::from(other) + u64::from(count)
                );
                let help = "the two add up; keep one of them if that is not meant";
                remarks.add(&finding::RESERVED_TWICE, feature.span, message, help);
            } else if other <= count {
                let message = format!(
                    "line {at} limits {who} to {other} of package {package}, of which {} is a component",
                    feature.name
                );
                remarks.add(
                    &finding::MAX_IDLE,
                    remarks.word(line, 1),
                    message,
                    "the lowest number counts; keep one line",
                );
            }
        }
    }
}

fn duplicate(line: &OptionLine, before: usize, remarks: &mut Remarks<'_>) {
    let message = format!("line {before} says the same");
    remarks.add(&finding::DUPLICATE_LINE, line.span, message, "remove one of them");
}

impl<'a> Lists<'a> {
    fn of(file: &'a OptionsFile, packages: &'a Packages<'a>, remarks: &Remarks<'_>) -> Self {
        let mut lists = Self { entries: BTreeMap::new(), included: BTreeMap::new(), packages };
        for line in file.options() {
            let Directive::Access(access) = &line.directive else { continue };
            let scope = Scope::of(access.feature.as_ref());
            let number = remarks.number(line);
            for who in effective(access) {
                lists.entries.entry((access.list, scope.clone(), same(who))).or_insert(number);
            }
            if access.list == AccessList::Include {
                let list = lists.included.entry(scope).or_insert(Included { first: line, who: Vec::new() });
                list.who.push(access.who.as_ref());
            }
        }
        lists
    }

    /// The line of a list that names a somebody, or a wider one, for this scope or a wider one: the widest first. `own` leaves out
    /// the very same somebody in the very same scope.
    fn covering(
        &self,
        list: AccessList,
        scope: &Scope<'a>,
        who: &Who,
        cast: &Cast<'_>,
        own: bool,
    ) -> Option<(usize, Who)> {
        for wide in scope.wider(self.packages) {
            for whom in cast.wider(who) {
                if !own && wide == *scope && whom == same(who) {
                    continue;
                }
                let key = (list, wide.clone(), whom);
                if let Some(number) = self.entries.get(&key) {
                    return Some((*number, key.2));
                }
            }
        }
        None
    }

    fn access(&self, line: &OptionLine, access: &'a Access, cast: &Cast<'_>, remarks: &mut Remarks<'_>) {
        let scope = Scope::of(access.feature.as_ref());
        let number = remarks.number(line);
        let at = name_index(line);
        for (index, who) in effective(access).enumerate() {
            let before = self.entries.get(&(access.list, scope.clone(), same(who))).copied();
            if let Some(before) = before.filter(|before| *before != number) {
                duplicate(line, before, remarks);
                continue;
            }
            let place = remarks.word(line, at + index);
            let own = |list| list != access.list;
            if access.list.denies() {
                let borrowing = access.list == AccessList::ExcludeBorrow;
                let wider = [Some(AccessList::Exclude), borrowing.then_some(AccessList::ExcludeBorrow)];
                let wider = wider.into_iter().flatten();
                let covering =
                    wider.filter_map(|list| self.covering(list, &scope, who, cast, own(list))).next();
                if let Some((other, whom)) = covering {
                    let message = format!("{who} is excluded by line {other} ({whom}) anyway");
                    remarks.add(
                        &finding::EXCLUDE_COVERED,
                        place,
                        message,
                        "remove this line, or the wider one if it says too much",
                    );
                }
                continue;
            }
            let borrowing = access.list == AccessList::IncludeBorrow;
            let denying = [Some(AccessList::Exclude), borrowing.then_some(AccessList::ExcludeBorrow)];
            let excluded = denying
                .into_iter()
                .flatten()
                .filter_map(|list| self.covering(list, &scope, who, cast, true))
                .next();
            if let Some((other, whom)) = excluded {
                let message =
                    format!("{who} is excluded by line {other} ({whom}), and EXCLUDE counts before INCLUDE");
                remarks.add(&finding::INCLUDE_OF_EXCLUDED, place, message, "remove one of the two lines");
            } else if let Some((other, whom)) = self.covering(access.list, &scope, who, cast, false) {
                let message = format!("{who} is included by line {other} ({whom}) anyway");
                remarks.add(&finding::INCLUDE_COVERED, place, message, "");
            }
        }
    }

    /// Why somebody may not use a feature, as far as that is certain.
    fn denied(&self, scope: &Scope<'a>, who: &Who, cast: &Cast<'_>) -> Option<String> {
        if let Some((line, whom)) = self.covering(AccessList::Exclude, scope, who, cast, true) {
            return Some(format!("is excluded by line {line} ({whom})"));
        }
        // Only of users it is known that they are on no list: who is on a host may be anybody.
        let members: Vec<Who> = match who {
            Who::User(_) => vec![who.clone()],
            Who::Group(name) => {
                let group = cast.users.get(name)?;
                if group.members.len() > MEMBERS_MAX {
                    return None;
                }
                let members = group.members.iter().map(|member| Who::User((*member).clone()));
                members.chain([who.clone()]).collect()
            }
            _ => return None,
        };
        let mut first = None;
        for wide in scope.wider(self.packages) {
            let Some(list) = self.included.get(&wide) else { continue };
            first = first.or(Some(list.first));
            if list.who.iter().flatten().any(|who| !matches!(who, Who::User(_) | Who::Group(_))) {
                return None;
            }
        }
        first?;
        let included =
            members.iter().any(|who| self.covering(AccessList::Include, scope, who, cast, true).is_some());
        (!included).then(|| "is on no INCLUDE line of this feature".to_owned())
    }

    /// Who may still use what is closed.
    fn left(&self, cast: &Cast<'_>, remarks: &mut Remarks<'_>) {
        for (scope, list) in &self.included {
            let whos = scope
                .wider(self.packages)
                .into_iter()
                .filter_map(|wide| self.included.get(&wide))
                .flat_map(|list| &list.who);
            let mut names: Vec<&Who> = Vec::new();
            let mut more = 0_usize;
            for who in whos.flatten().filter(|who| self.lets_in(scope, who, cast)) {
                if names.len() == NAMES_MAX {
                    more += 1;
                } else if !names.contains(who) {
                    names.push(who);
                }
            }
            let what = match scope {
                Scope::All => "every feature".to_owned(),
                Scope::Feature(name) => name.to_string(),
                Scope::Lines(name, _) => format!("{name}, as far as the modifiers fit,"),
            };
            let place = remarks.word(list.first, 0);
            if names.is_empty() {
                let message = format!("nobody may use {what}: the INCLUDE lines close it and let nobody in");
                let help = "include somebody who is not excluded, or remove the lines";
                remarks.add(&finding::NOBODY_LEFT, place, message, help);
                continue;
            }
            let mut left = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            if more > 0 {
                left.push_str(&format!(" and {more} more"));
            }
            let (row, message) = match scope {
                Scope::All => (
                    &finding::INCLUDEALL_CLOSES,
                    format!(
                        "every feature is closed to all but those on INCLUDE and INCLUDEALL lines; INCLUDEALL names {left}"
                    ),
                ),
                _ => (&finding::INCLUDE_CLOSES, format!("{what} is closed to all but {left}")),
            };
            remarks.add(row, place, message, "");
        }
    }

    /// Whether a line of an INCLUDE list lets anybody in, as far as that is known.
    fn lets_in(&self, scope: &Scope<'a>, who: &Who, cast: &Cast<'_>) -> bool {
        let excluded = |who: &Who| self.covering(AccessList::Exclude, scope, who, cast, true).is_some();
        if cast.is_undefined(who) || excluded(who) {
            return false;
        }
        match who {
            Who::Group(name) => cast.users.get(name).is_none_or(|group| {
                group.members.len() > MEMBERS_MAX
                    || group
                        .members
                        .iter()
                        .any(|user| !user.as_str().contains('\\') && !excluded(&Who::User((*user).clone())))
            }),
            Who::HostGroup(name) => cast.hosts.get(name).is_none_or(|group| {
                group.members.len() > MEMBERS_MAX
                    || group.members.iter().any(|host| {
                        let host: &HostName = host;
                        !excluded(&Who::Host(host.clone()))
                    })
            }),
            // Clients send the plain login name.
            Who::User(user) => !user.as_str().contains('\\'),
            _ => true,
        }
    }
}

/// Those of a line that it has an effect for: surplus names count where they deny alone.
fn effective(access: &Access) -> impl Iterator<Item = &Who> {
    let surplus: &[Who] = if access.list.denies() { &access.surplus } else { &[] };
    access.who.iter().chain(surplus)
}
