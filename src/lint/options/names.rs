//! Names that stand for something else than they seem to, or are spelt in two ways.

use std::collections::{BTreeMap, BTreeSet};

use super::cast::Cast;
use super::file::{name_index, named};
use super::finding;
use super::remarks::Remarks;
use crate::ident::AddressPattern;
use crate::options::{Directive, FeatureSpec, HostName, OptionLine, OptionsFile, Who};
use crate::text::Span;

/// What a name is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    User,
    Host,
    Feature,
}

/// The first spelling of each name, in small letters, and its line.
type Spellings = BTreeMap<(Kind, String), (String, usize)>;

pub(super) fn check(file: &OptionsFile, cast: &Cast<'_>, without_licenses: bool, remarks: &mut Remarks<'_>) {
    let mut spellings = Spellings::new();
    let mut told: BTreeSet<(Kind, String)> = BTreeSet::new();
    for line in file.options() {
        if let Some(spec) = feature(line).filter(|_| without_licenses) {
            spelling(
                (Kind::Feature, spec.name.as_str()),
                line,
                spec.span,
                &mut spellings,
                &mut told,
                remarks,
            );
        }
        for (index, who) in named(line).into_iter().enumerate() {
            let place = || remarks.word(line, name_index(line) + index);
            match who {
                Who::User(user) => {
                    let at = place();
                    user_name(user.as_str(), "USER", at, cast, remarks);
                    spelling((Kind::User, user.as_str()), line, at, &mut spellings, &mut told, remarks);
                }
                Who::Host(HostName::Name(host)) => {
                    let at = place();
                    host_name(host.as_str(), "HOST", at, cast, remarks);
                    spelling((Kind::Host, host.as_str()), line, at, &mut spellings, &mut told, remarks);
                }
                _ => {}
            }
        }
        match &line.directive {
            Directive::Group { members, .. } => {
                for name in members.iter().map(|member| member.as_str()) {
                    // Looking for the place of each would take the square of the line's length.
                    if is_odd_user(name, cast) {
                        user_name(name, "GROUP", remarks.member(line, name), cast, remarks);
                    }
                    if !cast.ignores_case {
                        spelling(
                            (Kind::User, name),
                            line,
                            Span::default(),
                            &mut spellings,
                            &mut told,
                            remarks,
                        );
                    }
                }
            }
            Directive::HostGroup { members, .. } => {
                for member in members {
                    let HostName::Name(host) = member else { continue };
                    let name = host.as_str();
                    if is_odd_host(name, cast) {
                        host_name(name, "HOST_GROUP", remarks.member(line, name), cast, remarks);
                    }
                    if !cast.ignores_case {
                        spelling(
                            (Kind::Host, name),
                            line,
                            Span::default(),
                            &mut spellings,
                            &mut told,
                            remarks,
                        );
                    }
                }
            }
            _ => {}
        }
    }
}

fn feature(line: &OptionLine) -> Option<&FeatureSpec> {
    match &line.directive {
        Directive::Access(access) => access.feature.as_ref(),
        Directive::Max { feature, .. }
        | Directive::Reserve { feature, .. }
        | Directive::Priority { feature, .. }
        | Directive::FeatureNumber { feature, .. } => Some(feature),
        _ => None,
    }
}

fn is_host_of_group(name: &str, cast: &Cast<'_>) -> bool {
    crate::ident::Host::parse(name).is_ok_and(|host| cast.is_grouped_host(&HostName::Name(host)))
}

fn is_odd_user(name: &str, cast: &Cast<'_>) -> bool {
    AddressPattern::parse(name).is_some()
        || cast.is_group(name)
        || cast.is_host_group(name)
        || is_host_of_group(name, cast)
}

fn is_odd_host(name: &str, cast: &Cast<'_>) -> bool {
    cast.is_host_group(name) || cast.is_group(name) || cast.is_grouped_user(name)
}

fn user_name(name: &str, kind: &str, at: Span, cast: &Cast<'_>, remarks: &mut Remarks<'_>) {
    if cast.is_group(name) && !(kind == "USER" && cast.is_grouped_user(name)) {
        let (message, help) = if kind == "USER" {
            (format!("{name} is a GROUP, but stands for one user here"), format!("write GROUP {name}"))
        } else {
            (
                format!("{name} is a GROUP; a group has users as members, never groups"),
                "name its members".to_owned(),
            )
        };
        remarks.add(&finding::NAME_IS_GROUP, at, message, &help);
    } else if kind == "GROUP" && cast.is_host_group(name) && !cast.is_group(name) {
        let message = format!("{name} is a HOST_GROUP; a GROUP has users as members, never groups or hosts");
        remarks.add(
            &finding::NAME_IS_GROUP,
            at,
            message,
            "name users, or write a line for the HOST_GROUP too",
        );
    } else if AddressPattern::parse(name).is_some() {
        let help =
            if kind == "USER" { format!("write HOST {name}") } else { "define a HOST_GROUP".to_owned() };
        let message = format!("{name} is an address, but stands for a user here");
        remarks.add(&finding::USER_IS_HOST, at, message, &help);
    } else if is_host_of_group(name, cast) && (kind == "GROUP" || !cast.is_grouped_user(name)) {
        let message = format!("{name} is a host of a HOST_GROUP, but stands for a user here");
        let help =
            if kind == "USER" { format!("write HOST {name}") } else { "put it into a HOST_GROUP".to_owned() };
        remarks.add(&finding::USER_IS_HOST, at, message, &help);
    }
}

fn host_name(name: &str, kind: &str, at: Span, cast: &Cast<'_>, remarks: &mut Remarks<'_>) {
    if cast.is_host_group(name) && !(kind == "HOST" && is_host_of_group(name, cast)) {
        let (message, help) = if kind == "HOST" {
            (
                format!("{name} is a HOST_GROUP, but stands for one host here"),
                format!("write HOST_GROUP {name}"),
            )
        } else {
            (
                format!("{name} is a HOST_GROUP; a group has hosts as members, never groups"),
                "name its members".to_owned(),
            )
        };
        remarks.add(&finding::NAME_IS_GROUP, at, message, &help);
    } else if kind == "HOST_GROUP" && cast.is_group(name) && !cast.is_host_group(name) {
        let message = format!("{name} is a GROUP; a HOST_GROUP has hosts as members, never groups or users");
        remarks.add(&finding::NAME_IS_GROUP, at, message, "name hosts, or write a line for the GROUP too");
    } else if kind == "HOST" && cast.is_grouped_user(name) && !is_host_of_group(name, cast) {
        let message = format!("{name} is a user of a GROUP, but stands for a host here");
        remarks.add(&finding::HOST_IS_USER, at, message, &format!("write USER {name}"));
    }
}

/// A name that was spelt otherwise before. One that stands in a group has its place looked up now.
fn spelling(
    (kind, name): (Kind, &str),
    line: &OptionLine,
    at: Span,
    spellings: &mut Spellings,
    told: &mut BTreeSet<(Kind, String)>,
    remarks: &mut Remarks<'_>,
) {
    let number = remarks.number(line);
    let (first, before) =
        spellings.entry((kind, name.to_lowercase())).or_insert_with(|| (name.to_owned(), number)).clone();
    if first == name || !told.insert((kind, name.to_owned())) {
        return;
    }
    let at = if at == Span::default() { remarks.member(line, name) } else { at };
    let message = format!("{name} is spelt {first} at line {before}, and case matters");
    remarks.add(&finding::NAME_CASE, at, message, "write what clients send on both lines");
}
