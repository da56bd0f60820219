//! The file as a whole: groups that nobody uses, switches, logs, addresses.

use std::collections::{BTreeMap, BTreeSet};

use super::cast::Cast;
use super::finding;
use super::remarks::Remarks;
use crate::options::{Directive, GroupName, HostName, Keyword, LineKind, OptionLine, OptionsFile, Who};
use crate::text::Span;

/// Settings of which a file needs one line.
const SETTINGS: [Keyword; 8] = [
    Keyword::AutomaticReread,
    Keyword::DaemonSelectTimeout,
    Keyword::DebugLog,
    Keyword::FqdnMatching,
    Keyword::GroupCaseInsensitive,
    Keyword::MaxConnections,
    Keyword::ReportLog,
    Keyword::TimeoutAll,
];

pub(super) fn check(file: &OptionsFile, cast: &Cast<'_>, remarks: &mut Remarks<'_>) {
    unused_groups(file, cast, remarks);
    settings(file, remarks);
    addresses(file, remarks);
}

/// Everybody whom a line names behind a type.
pub(super) fn named(line: &OptionLine) -> Vec<&Who> {
    match &line.directive {
        Directive::Access(access) => access.who.iter().chain(&access.surplus).collect(),
        Directive::Max { who, .. } | Directive::Reserve { who, .. } | Directive::Priority { who, .. } => {
            vec![who]
        }
        _ => Vec::new(),
    }
}

/// The place of the name on such a line, in words from 0.
pub(super) fn name_index(line: &OptionLine) -> usize {
    match &line.directive {
        Directive::Access(access) => 2 + usize::from(access.feature.is_some()),
        _ => 4,
    }
}

fn unused_groups(file: &OptionsFile, cast: &Cast<'_>, remarks: &mut Remarks<'_>) {
    let mut users: BTreeSet<&GroupName> = BTreeSet::new();
    let mut hosts: BTreeSet<&GroupName> = BTreeSet::new();
    let mut all_groups = false;
    for who in file.options().flat_map(named) {
        match who {
            Who::Group(name) => {
                users.insert(name);
            }
            Who::HostGroup(name) => {
                hosts.insert(name);
            }
            Who::AllGroups => all_groups = true,
            _ => {}
        }
    }
    // A line that is damaged or without effect may mean a group all the same.
    let mut said: BTreeSet<String> = BTreeSet::new();
    for line in &file.lines {
        let span = match &line.kind {
            LineKind::Invalid => line.span,
            LineKind::Option(option) if option.directive == Directive::Activation => option.span,
            _ => continue,
        };
        said.extend(file.words(span).into_iter().map(|(text, _)| text.into_owned()));
    }
    let mut report = |kind: &str, name: &GroupName, first: &OptionLine| {
        if said.contains(name.as_str()) {
            return;
        }
        let message = format!("no line uses {kind} {name}");
        let help = format!("remove it, or name it behind the type {kind}");
        remarks.add(&finding::UNUSED_GROUP, remarks.word(first, 1), message, &help);
    };
    for (name, group) in cast.users.iter().filter(|(name, _)| !all_groups && !users.contains(*name)) {
        report("GROUP", name, group.first);
    }
    for (name, group) in cast.hosts.iter().filter(|(name, _)| !hosts.contains(*name)) {
        report("HOST_GROUP", name, group.first);
    }
}

fn settings(file: &OptionsFile, remarks: &mut Remarks<'_>) {
    let mut before: BTreeMap<Keyword, usize> = BTreeMap::new();
    let mut first_of_file = None;
    for line in file.options() {
        let number = remarks.number(line);
        if SETTINGS.contains(&line.keyword)
            && let Some(other) = before.insert(line.keyword, number)
        {
            let keyword = line.keyword.as_str();
            let message = format!("{keyword} stands at line {other} too; this line counts");
            remarks.add(&finding::SETTING_TWICE, remarks.word(line, 0), message, "keep one of them");
        }
        if line.keyword == Keyword::GroupCaseInsensitive
            && let Some(other) = first_of_file
        {
            let message = format!("line {other} stands before GROUPCASEINSENSITIVE");
            let help = "put it at the top: it holds for the whole file here, but other servers want it first";
            remarks.add(&finding::CASE_SWITCH_LATE, remarks.word(line, 0), message, help);
        }
        // Other switches may stand before it.
        if !matches!(line.directive, Directive::GroupCaseInsensitive(_) | Directive::FqdnLenient(_)) {
            first_of_file = first_of_file.or(Some(number));
        }
        if let Directive::DebugLog(log) | Directive::ReportLog(log) = &line.directive
            && !log.append
        {
            let message = format!("{} is overwritten at each start of the daemon", log.path);
            let help = if log.path.contains(' ') {
                format!("write +\"{}\" to append", log.path)
            } else {
                format!("write +{} to append", log.path)
            };
            remarks.add(&finding::LOG_OVERWRITTEN, remarks.word(line, 1), message, &help);
        }
    }
}

fn addresses(file: &OptionsFile, remarks: &mut Remarks<'_>) {
    let mut first: [Option<&OptionLine>; 2] = [None, None];
    for line in file.options() {
        let members: &[HostName] = match &line.directive {
            Directive::HostGroup { members, .. } => members,
            _ => &[],
        };
        let behind_types = named(line).into_iter().filter_map(|who| match who {
            Who::Internet(pattern) | Who::Host(HostName::Address(pattern)) => Some(pattern),
            _ => None,
        });
        let grouped = members.iter().filter_map(|member| match member {
            HostName::Address(pattern) => Some(pattern),
            HostName::Name(_) => None,
        });
        for pattern in behind_types.chain(grouped) {
            if let Some(slot) = first.get_mut(usize::from(pattern.is_v6())) {
                slot.get_or_insert(line);
            }
        }
    }
    let [Some(v4), Some(v6)] = first else { return };
    let (one, other) = if v4.span.start <= v6.span.start { (v4, v6) } else { (v6, v4) };
    let versions = if std::ptr::eq(one, v4) { ("IPv6", "IPv4") } else { ("IPv4", "IPv6") };
    let message = if std::ptr::eq(one, other) {
        "this line has addresses of IPv4 and of IPv6".to_owned()
    } else {
        format!(
            "this line has an {} address, but line {} an {} one",
            versions.0,
            remarks.number(one),
            versions.1
        )
    };
    let span: Span = other.span;
    let help = "both work here; other servers want one kind alone. A client is known by the address that it comes from, so name both, or its host name";
    remarks.add(&finding::MIXED_ADDRESSES, span, message, help);
}
