//! What may stand at a place of an options file.

use super::around::Around;
use super::completion::{CompletionKind as Kind, List};
use super::cursor::Cursor;
use super::names::{GroupKind, TYPES, groups};
use crate::license::{Expiry, LicenseFile, Statement};
use crate::options::{Access, Directive, HostName, Keyword, MODIFIERS, OptionsFile, Who};

pub(super) fn complete(file: &OptionsFile, cursor: &Cursor<'_>, around: &Around<'_>, list: &mut List) {
    let Some(behind) = cursor.index.checked_sub(1) else {
        for keyword in Keyword::ALL {
            list.add(keyword.as_str(), Kind::Keyword, keyword.syntax(), keyword.meaning());
        }
        return;
    };
    let Some(keyword) = cursor.word(0).and_then(Keyword::of) else { return };
    match slot(keyword, behind) {
        "FEATURE" => feature(cursor, around, list),
        "TYPE" => {
            for (word, meaning) in TYPES {
                list.add(word, Kind::Word, "type", meaning);
            }
        }
        "NAME" => name(file, keyword, cursor, list),
        "GROUP" => {
            let kind = if keyword == Keyword::HostGroup { GroupKind::Hosts } else { GroupKind::Users };
            group_names(file, kind, list);
        }
        "USER..." => users(file, list),
        "HOST..." => hosts(file, list),
        "PATH" | "[+]PATH" | "COUNT" | "SECONDS" | "HOURS" | "DAYS" | "ENTITLEMENT" => {}
        fixed => {
            for word in fixed.trim_matches(['[', ']']).split('|') {
                list.add(word, Kind::Word, keyword.as_str(), "");
            }
        }
    }
}

/// What stands at a place behind a keyword, from 0, as its syntax calls it.
pub(super) fn slot(keyword: Keyword, behind: usize) -> &'static str {
    let mut words = keyword.syntax().split(' ');
    let last = words.clone().next_back().unwrap_or_default();
    match words.nth(behind) {
        Some(word) => word,
        None if last.ends_with("...") => last,
        None => "",
    }
}

fn feature(cursor: &Cursor<'_>, around: &Around<'_>, list: &mut List) {
    let quote = usize::from(cursor.head.starts_with('"'));
    let head = cursor.head.get(quote..).unwrap_or_default();
    let Some((before, typed)) = head.rsplit_once(':') else {
        for (_, statement) in around.licenses.iter().flat_map(LicenseFile::statements) {
            let what = match statement {
                Statement::Feature(line) => format!("{} {}", line.keyword, terms(line)),
                Statement::Upgrade(line) => format!("UPGRADE to {}", terms(&line.to)),
                Statement::Package(_) => "PACKAGE".to_owned(),
            };
            list.add_name(statement.name().as_str(), Kind::Feature, &what);
        }
        return;
    };
    let name = match before.split_once('=') {
        Some((name, _)) => name.rsplit_once(':').map_or(name, |(name, _)| name),
        None => before,
    };
    list.span.start += quote + before.len() + 1;
    match typed.split_once('=') {
        None => {
            // What stands behind it is kept.
            list.span.end = list.span.start + typed.len();
            for modifier in MODIFIERS {
                list.add(&format!("{modifier}="), Kind::Attribute, "only lines with this value", "");
            }
        }
        Some((modifier, value)) => {
            list.span.start += modifier.len() + 1;
            list.span.end = list.span.start + value.len();
            for (_, _, statement) in around.statements(name) {
                if let Some(value) = value_of(statement, modifier) {
                    list.add(&value, Kind::Value, statement.keyword(), "");
                }
            }
        }
    }
}

fn terms(line: &crate::license::FeatureLine) -> String {
    let count = match line.count {
        crate::license::LicenseCount::Uncounted => "uncounted".to_owned(),
        crate::license::LicenseCount::Counted(count) => count.to_string(),
    };
    format!("{} {} {count}", line.version.as_str(), line.expiry)
}

/// The value that a line has for a modifier.
fn value_of(statement: Statement<'_>, modifier: &str) -> Option<String> {
    let line = match statement {
        Statement::Feature(line) => Some(line),
        Statement::Upgrade(line) => Some(&line.to),
        Statement::Package(_) => None,
    };
    let text = match modifier.to_ascii_uppercase().as_str() {
        "VERSION" => line?.version.as_str().to_owned(),
        "EXPDATE" => match line?.expiry {
            Expiry::Never => "permanent".to_owned(),
            Expiry::On(day) => day.to_string(),
        },
        "HOSTID" => line?.hostids().first()?.to_string(),
        _ => {
            let attributes = statement.attributes().iter();
            let mut own = attributes.filter(|attribute| attribute.name.eq_ignore_ascii_case(modifier));
            own.next()?.value.clone()?
        }
    };
    // With blanks the whole of it would need another form.
    (!text.is_empty() && !text.contains([' ', '\t', '"', '\n', '\r'])).then_some(text)
}

fn name(file: &OptionsFile, keyword: Keyword, cursor: &Cursor<'_>, list: &mut List) {
    let Some(kind) = cursor.index.checked_sub(1).and_then(|index| cursor.word(index)) else { return };
    let everybody = keyword == Keyword::Max;
    match kind.to_ascii_uppercase().as_str() {
        "GROUP" | "USER_GROUP" => {
            if everybody {
                list.add("ALL_GROUPS", Kind::Word, "each group for itself", "");
            }
            group_names(file, GroupKind::Users, list);
        }
        "HOST_GROUP" => group_names(file, GroupKind::Hosts, list),
        "USER" => {
            if everybody {
                list.add("ALL_USERS", Kind::Word, "each user for himself", "");
            }
            users(file, list);
        }
        "HOST" => hosts(file, list),
        other => {
            for who in whom(file) {
                let said = who.to_string();
                if let Some((_, name)) = said.split_once(' ').filter(|(kind, _)| *kind == other) {
                    list.add_name(name, Kind::Name, "as on another line");
                }
            }
        }
    }
}

fn group_names(file: &OptionsFile, kind: GroupKind, list: &mut List) {
    for group in groups(file).filter(|group| group.kind == kind) {
        let members = if group.members == 1 { "member" } else { "members" };
        let detail = format!("{} of {} {members}", kind.keyword(), group.members);
        list.add_name(group.name.as_str(), Kind::Group, &detail);
    }
}

fn users(file: &OptionsFile, list: &mut List) {
    for line in file.options() {
        if let Directive::Group { name, members } = &line.directive {
            for member in members {
                list.add_name(member.as_str(), Kind::Name, &format!("user, in GROUP {name}"));
            }
        }
    }
    for who in whom(file) {
        if let Who::User(user) = who {
            list.add_name(user.as_str(), Kind::Name, "user");
        }
    }
}

fn hosts(file: &OptionsFile, list: &mut List) {
    let text = |host: &HostName| match host {
        HostName::Name(name) => name.to_string(),
        HostName::Address(address) => address.to_string(),
    };
    for line in file.options() {
        if let Directive::HostGroup { name, members } = &line.directive {
            for member in members {
                list.add_name(&text(member), Kind::Name, &format!("host, in HOST_GROUP {name}"));
            }
        }
    }
    for who in whom(file) {
        if let Who::Host(host) = who {
            list.add_name(&text(host), Kind::Name, "host");
        }
    }
}

/// Whom the lines of a file name.
fn whom(file: &OptionsFile) -> impl Iterator<Item = &Who> {
    file.options().filter_map(|line| match &line.directive {
        Directive::Access(Access { who, .. }) => who.as_ref(),
        Directive::Max { who, .. } | Directive::Reserve { who, .. } | Directive::Priority { who, .. } => {
            Some(who)
        }
        _ => None,
    })
}
