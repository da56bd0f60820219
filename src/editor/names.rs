//! Groups and features: where they are defined and where they are named.

use std::sync::Arc;

use super::around::Around;
use super::completion_options::slot;
use super::cursor::Cursor;
use super::document::Document;
use crate::license::{LicenseFile, Statement};
use crate::options::{Directive, GroupName, Keyword, OptionsFile};
use crate::text::{Source, Span};

/// Most places of one answer.
const TARGETS_MAX: usize = 5000;

/// The types that stand before a name, and what they mean.
pub(super) const TYPES: [(&str, &str); 7] = [
    ("USER", "The login name."),
    ("HOST", "The name or the address of the host."),
    ("DISPLAY", "The display that the client names."),
    ("INTERNET", "The address from which the client connects; * stands for any number."),
    ("PROJECT", "The value of LM_PROJECT at the client."),
    ("GROUP", "The users of a GROUP of this file."),
    ("HOST_GROUP", "The hosts of a HOST_GROUP of this file."),
];

/// A place in some file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The file's name, as its source has it.
    pub file: Arc<str>,
    /// The name's place in it.
    pub span: Span,
}

/// What a group consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupKind {
    Users,
    Hosts,
}

impl GroupKind {
    pub(super) const fn keyword(self) -> &'static str {
        match self {
            Self::Users => "GROUP",
            Self::Hosts => "HOST_GROUP",
        }
    }

    fn of_type(word: &str) -> Option<Self> {
        if word.eq_ignore_ascii_case("GROUP") || word.eq_ignore_ascii_case("USER_GROUP") {
            Some(Self::Users)
        } else if word.eq_ignore_ascii_case("HOST_GROUP") {
            Some(Self::Hosts)
        } else {
            None
        }
    }
}

/// A line that defines a group or a part of it.
#[derive(Debug)]
pub(super) struct GroupLine<'a> {
    pub(super) kind: GroupKind,
    pub(super) name: &'a GroupName,
    pub(super) members: usize,
    pub(super) span: Span,
}

/// The lines that define groups, in file order.
pub(super) fn groups(file: &OptionsFile) -> impl Iterator<Item = GroupLine<'_>> {
    file.options().filter_map(|line| {
        let (kind, name, members) = match &line.directive {
            Directive::Group { name, members } => (GroupKind::Users, name, members.len()),
            Directive::HostGroup { name, members } => (GroupKind::Hosts, name, members.len()),
            _ => return None,
        };
        Some(GroupLine { kind, name, members, span: line.span })
    })
}

/// What the name at a place stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    Group(GroupKind, String),
    Feature(String),
}

/// What the word at the cursor names.
pub(super) fn name_at(document: &Document, cursor: &Cursor<'_>) -> Option<Name> {
    let keyword = cursor.word(0)?;
    match document {
        Document::Options(_) => role(
            Keyword::of(keyword)?,
            cursor.index,
            cursor.index.checked_sub(1).and_then(|i| cursor.word(i)),
        )
        .and_then(|role| named(role, cursor.text())),
        Document::License(file) => {
            let line = file.lines.get(cursor.line?)?;
            let statement = Statement::of(&line.kind)?;
            (cursor.index == 1).then(|| Name::Feature(statement.name().to_string()))
        }
    }
}

/// Whether a word of an options line is a feature or a group.
enum Role {
    Feature,
    Group(GroupKind),
}

fn role(keyword: Keyword, index: usize, before: Option<&str>) -> Option<Role> {
    match slot(keyword, index.checked_sub(1)?) {
        "FEATURE" => Some(Role::Feature),
        "GROUP" if keyword == Keyword::HostGroup => Some(Role::Group(GroupKind::Hosts)),
        "GROUP" => Some(Role::Group(GroupKind::Users)),
        "NAME" => before.and_then(GroupKind::of_type).map(Role::Group),
        _ => None,
    }
}

fn named(role: Role, text: &str) -> Option<Name> {
    match role {
        Role::Group(kind) => Some(Name::Group(kind, text.to_owned())),
        Role::Feature => feature_of(text).map(|name| Name::Feature(name.to_owned())),
    }
}

/// The feature of a word with modifiers.
pub(super) fn feature_of(word: &str) -> Option<&str> {
    let Some((head, _)) = word.split_once('=') else { return (!word.is_empty()).then_some(word) };
    head.rsplit_once([':', ' ']).map(|(name, _)| name)
}

/// Where the name at a byte is defined: the lines of a group, the license lines of a feature.
#[must_use]
pub fn definitions(document: &Document, offset: usize, around: &Around<'_>) -> Vec<Target> {
    let Some(name) = Cursor::at(document, offset).and_then(|cursor| name_at(document, &cursor)) else {
        return Vec::new();
    };
    let mut targets = Vec::new();
    match (&name, document) {
        (Name::Group(kind, name), Document::Options(file)) => {
            for group in groups(file).filter(|group| group.kind == *kind && group.name.as_str() == name) {
                let at = file.words(group.span).get(1).map_or(group.span, |(_, span)| *span);
                push(&mut targets, &file.source, at);
            }
        }
        (Name::Group(..), Document::License(_)) => {}
        (Name::Feature(name), _) => of_licenses(name, around, &mut targets),
    }
    targets
}

/// Every place that names what the name at a byte stands for, its definitions among them.
#[must_use]
pub fn references(document: &Document, offset: usize, around: &Around<'_>) -> Vec<Target> {
    let Some(name) = Cursor::at(document, offset).and_then(|cursor| name_at(document, &cursor)) else {
        return Vec::new();
    };
    let mut targets = Vec::new();
    match (&name, document) {
        (Name::Group(..), Document::Options(file)) => of_options(file, &name, &mut targets),
        (Name::Group(..), Document::License(_)) => {}
        (Name::Feature(feature), _) => {
            of_licenses(feature, around, &mut targets);
            match document {
                Document::Options(file) => of_options(file, &name, &mut targets),
                Document::License(_) => {
                    around.options.iter().for_each(|file| of_options(file, &name, &mut targets));
                }
            }
        }
    }
    targets
}

fn of_licenses(feature: &str, around: &Around<'_>, targets: &mut Vec<Target>) {
    for (file, line, _) in around.statements(feature) {
        let Some(file) = around.licenses.get(file) else { continue };
        let at = file.lines.get(line).and_then(|line| file.placed_words_of(line).get(1).map(|word| word.1));
        if let Some(at) = at {
            push(targets, &file.source, at);
        }
    }
}

fn of_options(file: &OptionsFile, name: &Name, targets: &mut Vec<Target>) {
    for line in file.options() {
        let words = file.words(line.span);
        let mut before: Option<&str> = None;
        for (index, (text, span)) in words.iter().enumerate() {
            let found = role(line.keyword, index, before).and_then(|role| named(role, text));
            if found.as_ref() == Some(name) {
                push(targets, &file.source, *span);
            }
            before = Some(text);
        }
    }
}

fn push(targets: &mut Vec<Target>, source: &Source, span: Span) {
    if targets.len() < TARGETS_MAX {
        targets.push(Target { file: Arc::from(source.name()), span });
    }
}

/// How many lines of a license file name a feature, for hovers.
pub(super) fn line_count(files: &[LicenseFile], feature: &str) -> usize {
    let statements = files.iter().flat_map(LicenseFile::statements);
    statements.filter(|(_, statement)| statement.name().as_str() == feature).count()
}
