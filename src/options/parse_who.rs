//! Types and names, and the groups of them (`flexnet-files.md` 4.3).

use std::collections::BTreeSet;

use super::directive::{Directive, HostName, Who};
use super::finding;
use super::keyword::Keyword;
use super::lexis::Word;
use super::parse::{Reader, Words, group_name};
use crate::ident::{AddressPattern, Display, Host, NameError, Project, User};
use crate::text::{Span, nearest, shown};

/// What a name is compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    User,
    Host,
    Display,
    Internet,
    Project,
    Group,
    HostGroup,
}

const TYPES: [(&str, Type); 8] = [
    ("USER", Type::User),
    ("HOST", Type::Host),
    ("DISPLAY", Type::Display),
    ("INTERNET", Type::Internet),
    ("PROJECT", Type::Project),
    ("GROUP", Type::Group),
    ("USER_GROUP", Type::Group),
    ("HOST_GROUP", Type::HostGroup),
];

/// `TYPE NAME`, and the names behind it, which do not belong there and are reported one by one.
pub(super) fn who_and_surplus(reader: &mut Reader, words: &mut Words<'_, '_>) -> Option<(Who, Vec<Who>)> {
    let word = words.next(reader, "the type, such as USER")?;
    let Some((name, kind)) = TYPES.into_iter().find(|(name, _)| word.text.eq_ignore_ascii_case(name)) else {
        let meant = nearest(&word.text, TYPES.iter().map(|(name, _)| *name));
        reader.report(finding::TYPE_UNKNOWN, word.span, format!("{} is not a type", shown(&word.text))).help(
            meant.map_or_else(
                || {
                    "write USER, HOST, DISPLAY, INTERNET, PROJECT, GROUP or HOST_GROUP before the name"
                        .to_owned()
                },
                |meant| format!("did you mean {meant}?"),
            ),
        );
        return None;
    };
    if word.text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        reader
            .report(finding::TYPE_CASE, word.span, format!("type {name} is not written in capitals"))
            .help(format!("write {name}"));
    }
    let first = words.next(reader, "the name")?;
    let who = who(reader, words.keyword, kind, first)?;
    let comma = first.text.contains(',') || words.rest.iter().any(|word| word.text.contains(','));
    let help = if comma {
        "a comma separates nothing and is a part of the name; names are separated by blanks, and a line takes one: define a GROUP or HOST_GROUP and name that, or write a line for each"
    } else {
        "define a GROUP or HOST_GROUP and name that, or write a line for each"
    };
    let mut surplus = Vec::new();
    while let Some(word) = words.take() {
        let message =
            format!("{} takes one name; {} is one too many", words.keyword.as_str(), shown(&word.text));
        reader.report(finding::SURPLUS_NAME, word.span, message).help(help);
        surplus.extend(who_quietly(kind, word));
    }
    Some((who, surplus))
}

fn who(reader: &mut Reader, keyword: Keyword, kind: Type, word: &Word<'_>) -> Option<Who> {
    let all = match (&*word.text, kind) {
        ("ALL_USERS", Type::User) => Some(Who::AllUsers),
        ("ALL_GROUPS", Type::Group) => Some(Who::AllGroups),
        ("ALL_USERS" | "ALL_GROUPS", _) if keyword == Keyword::Max => {
            let message = format!("{} does not go with this type", word.text);
            reader
                .report(finding::ALL_USERS_TYPE, word.span, message)
                .help("write USER ALL_USERS or GROUP ALL_GROUPS");
            return None;
        }
        _ => None,
    };
    if let Some(all) = all {
        if keyword == Keyword::Max {
            return Some(all);
        }
        let message = format!("{} stands for everybody on MAX lines alone", word.text);
        reader
            .report(finding::ALL_USERS_TYPE, word.span, message)
            .help("to mean everybody leave the line out; to keep everybody out of a feature write MAX 0 … USER ALL_USERS");
        return None;
    }
    match kind {
        Type::User => {
            comma(reader, word);
            Some(Who::User(user(reader, word)?))
        }
        Type::Host => {
            comma(reader, word);
            Some(Who::Host(host(reader, word)?))
        }
        Type::Display => Some(Who::Display(checked(reader, word, Display::parse)?)),
        Type::Project => Some(Who::Project(checked(reader, word, Project::parse)?)),
        Type::Group => Some(Who::Group(group_name(reader, word)?)),
        Type::HostGroup => Some(Who::HostGroup(group_name(reader, word)?)),
        Type::Internet => match AddressPattern::parse(&word.text) {
            Some(pattern) => Some(Who::Internet(pattern)),
            None => {
                let message = format!("{} is no IP address and no pattern of one", shown(&word.text));
                reader
                    .report(finding::ADDRESS, word.span, message)
                    .help("write four numbers with points, * for any, such as 10.1.*.*");
                None
            }
        },
    }
}

/// A surplus name as it would be read, without a report of its own.
fn who_quietly(kind: Type, word: &Word<'_>) -> Option<Who> {
    let text = &*word.text;
    Some(match kind {
        Type::User => Who::User(User::parse(text).ok()?),
        Type::Host => Who::Host(host_name(text).ok()?),
        Type::Display => Who::Display(Display::parse(text).ok()?),
        Type::Project => Who::Project(Project::parse(text).ok()?),
        Type::Group => Who::Group(User::parse(text).ok()?),
        Type::HostGroup => Who::HostGroup(User::parse(text).ok()?),
        Type::Internet => Who::Internet(AddressPattern::parse(text)?),
    })
}

fn checked<N>(reader: &mut Reader, word: &Word<'_>, parse: fn(&str) -> Result<N, NameError>) -> Option<N> {
    match parse(&word.text) {
        Ok(name) => Some(name),
        Err(error) => {
            reader
                .report(finding::NAME, word.span, error.to_string())
                .help("write the name as clients send it; lmstat shows it");
            None
        }
    }
}

fn user(reader: &mut Reader, word: &Word<'_>) -> Option<User> {
    let user = checked(reader, word, User::parse)?;
    if let Some((_, plain)) = user.as_str().split_once('\\') {
        let message =
            format!("clients send the login name without its domain, so {} never matches", shown(&word.text));
        reader.report(finding::DOMAIN_USER, word.span, message).help(format!("write {plain}"));
    }
    if !word.quoted && user.as_str().contains(['*', '?']) {
        let message = format!("{} is one name: there are no patterns of users", shown(&word.text));
        reader.report(finding::WILDCARD_USER, word.span, message).help(
            "name the users in a GROUP; EXCLUDE and INCLUDE lines for everybody are not needed, and MAX has USER ALL_USERS",
        );
    }
    Some(user)
}

fn host(reader: &mut Reader, word: &Word<'_>) -> Option<HostName> {
    match host_name(&word.text) {
        Ok(host) => Some(host),
        Err(message) => {
            reader
                .report(finding::ADDRESS, word.span, message)
                .help("write a host name, or four numbers with points, * for any, such as 10.1.*.*");
            None
        }
    }
}

/// Tells of a comma that was probably meant to separate names.
fn comma(reader: &mut Reader, word: &Word<'_>) {
    if word.quoted || !word.text.contains(',') {
        return;
    }
    let names: Vec<&str> = word.text.split(',').filter(|name| !name.is_empty()).collect();
    let message = format!("{} is one name, comma included", shown(&word.text));
    reader.report(finding::COMMA, word.span, message).help(match names.as_slice() {
        [] => "remove the comma".to_owned(),
        [name] => format!("write {name}"),
        names => format!("names are separated by blanks: {}; only groups take several", names.join(" ")),
    });
}

/// What looks like an address is one, and is checked as one; anything else is a name.
fn host_name(text: &str) -> Result<HostName, String> {
    if let Some(pattern) = AddressPattern::parse(text) {
        return Ok(HostName::Address(pattern));
    }
    let like_v4 = text.contains(['.', '*'])
        && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'*' | b'/' | b'-'));
    if like_v4 || text.contains(':') {
        return Err(format!("{} is no IP address and no pattern of one", shown(text)));
    }
    if text.contains('*') {
        return Err(format!("{}: a star stands for a part of an address, never of a host name", shown(text)));
    }
    Host::parse(text).map(HostName::Name).map_err(|error| error.to_string())
}

/// `GROUP name user…`.
pub(super) fn group(reader: &mut Reader, words: &mut Words<'_, '_>) -> Option<Directive> {
    let (name, members) = members(reader, words, user)?;
    Some(Directive::Group { name, members })
}

/// `HOST_GROUP name host…`.
pub(super) fn host_group(reader: &mut Reader, words: &mut Words<'_, '_>) -> Option<Directive> {
    let (name, members) = members(reader, words, host)?;
    Some(Directive::HostGroup { name, members })
}

/// A group with the members that can be read; the others are reported.
fn members<M: Ord + Clone>(
    reader: &mut Reader,
    words: &mut Words<'_, '_>,
    member: fn(&mut Reader, &Word<'_>) -> Option<M>,
) -> Option<(User, Vec<M>)> {
    let name = words.next(reader, "the group's name")?;
    let name_span: Span = name.span;
    let name = group_name(reader, name)?;
    if words.rest.is_empty() {
        reader
            .report(finding::MEMBER_MISSING, name_span, format!("group {name} has no member"))
            .help(format!("the line is: {} {}", words.keyword.as_str(), words.keyword.syntax()));
    }
    let mut members = Vec::new();
    let mut seen = BTreeSet::new();
    while let Some(word) = words.take() {
        comma(reader, word);
        let Some(read) = member(reader, word) else { continue };
        if seen.insert(read.clone()) {
            members.push(read);
        } else {
            let message = format!("{} stands twice in group {name}", shown(&word.text));
            reader.report(finding::GROUP_TWICE, word.span, message).help("remove one of them");
        }
    }
    Some((name, members))
}
