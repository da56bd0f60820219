//! Edits of single lines that leave the rest of a file byte for byte: members of groups, lists, limits, reservations.
//!
//! An edit is made on the spans of the lines as they were read. What it writes is read again before it is handed out: a result in
//! which another line would say something else is refused. What the result comes to is the lint's matter, writing it the tool's.
//! Tests: `tests/options_edit.rs`.

mod draft;
mod members;
mod rules;

use std::fmt;

use thiserror::Error;

use super::directive::{Directive, Who};
use super::file::{LineKind, OptionLine, OptionsFile};
use super::format::must_be_quoted;
use super::keyword::Keyword;
use crate::text::{Severity, Source, shown};
use draft::Draft;

/// What groups are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupKind {
    /// `GROUP`.
    Users,
    /// `HOST_GROUP`.
    Hosts,
}

impl GroupKind {
    /// The keyword that defines such a group, which is also the type that names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Users => "GROUP",
            Self::Hosts => "HOST_GROUP",
        }
    }
}

/// One line of a list, a limit or a reservation, as its words are typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// EXCLUDE, INCLUDE, their ALL and BORROW forms, MAX or RESERVE.
    pub keyword: Keyword,
    /// How many: for MAX and RESERVE, if the line is to be set.
    pub count: Option<u32>,
    /// The feature with its modifiers; none for the ALL forms.
    pub feature: Option<String>,
    /// The type, such as USER.
    pub kind: String,
    /// The name.
    pub name: String,
}

/// A change to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Puts members into a group, which is defined if it is not there.
    AddMembers {
        /// What the group is of.
        kind: GroupKind,
        /// Its name.
        group: String,
        /// Who comes in; who is there already stays.
        members: Vec<String>,
    },
    /// Takes members out of a group, wherever its lines name them.
    RemoveMembers {
        /// What the group is of.
        kind: GroupKind,
        /// Its name.
        group: String,
        /// Who goes.
        members: Vec<String>,
        /// Whether a group that is left without members goes too, with all lines that name it.
        drop: bool,
    },
    /// Writes a line; of MAX and RESERVE the number of a line that is there.
    Put(Rule),
    /// Removes all lines that say this, whatever their number.
    Remove(Rule),
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It says something else.
    Changed,
    /// It is gone.
    Removed,
}

/// One line that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What became of it.
    pub kind: ChangeKind,
    /// The physical line on which it begins, from 1: in the new file, for a removed line in the old one.
    pub line: usize,
    /// What it said, on one line; empty for a new one.
    pub before: String,
    /// What it says, on one line; empty for one that is gone.
    pub after: String,
}

/// A file with an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The whole file in its encoding.
    pub bytes: Vec<u8>,
    /// What differs, in file order; empty if the file says so already.
    pub changes: Vec<Change>,
    /// Features, as the lines name them, that were closed to all but those on INCLUDE lines and have no such line any more;
    /// `every feature` behind INCLUDEALL. For borrowing `borrowing of …`.
    pub opened: Vec<String>,
    /// Features, named in the same way, that are closed now and were not.
    pub closed: Vec<String>,
    /// Members that were to be added, but are there.
    pub already: Vec<String>,
}

/// Why an edit is not made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EditError {
    /// The line can't be written in the language.
    #[error("{what}")]
    NotWritable {
        /// What is wrong, as reading such a line says it.
        what: String,
        /// What to write instead.
        help: Option<String>,
    },
    /// A name has a character that the file's encoding lacks.
    #[error("the file is written in Latin-1, which has no {0:?}; save it as UTF-8 first")]
    NotInEncoding(char),
    /// No line defines the group.
    #[error("no {kind} {group} is defined{}", did_you_mean(meant.as_deref()))]
    NoSuchGroup {
        /// GROUP or HOST_GROUP.
        kind: &'static str,
        /// The name.
        group: String,
        /// A group with a name like it.
        meant: Option<String>,
    },
    /// Somebody is not in the group.
    #[error("{member} is not in {kind} {group}{}", did_you_mean(meant.as_deref()))]
    NotAMember {
        /// GROUP or HOST_GROUP.
        kind: &'static str,
        /// Its name.
        group: String,
        /// Who.
        member: String,
        /// A member with a name like it.
        meant: Option<String>,
    },
    /// The group would have no member, which the language does not have.
    #[error("{kind} {group} would have no member left, and there are no empty groups{}", used_by(lines))]
    LastMember {
        /// GROUP or HOST_GROUP.
        kind: &'static str,
        /// Its name.
        group: String,
        /// The lines that name it, with their numbers.
        lines: Vec<(usize, String)>,
    },
    /// No line says this.
    #[error("no line says {words}{}", near.as_ref().map(|(line, text)| format!("; line {line} says {text}")).unwrap_or_default())]
    NoSuchLine {
        /// What was to be removed.
        words: String,
        /// A line that says something like it.
        near: Option<(usize, String)>,
    },
    /// A line that is to go names others too.
    #[error(
        "line {line} names several, which other servers and this one read differently: {text}; write a line for each first"
    )]
    SeveralNames {
        /// Its number.
        line: usize,
        /// What it says.
        text: String,
    },
    /// A line that is to stay would be read otherwise.
    #[error("other lines of the file would say something else then; mend the lines near line {0} first")]
    MeaningChanged(usize),
}

fn did_you_mean(meant: Option<&str>) -> String {
    meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default()
}

fn used_by(lines: &[(usize, String)]) -> String {
    if lines.is_empty() {
        return "; the group goes too with --drop".to_owned();
    }
    let named: Vec<String> = lines.iter().map(|(line, text)| format!("line {line} ({text})")).collect();
    format!("; with --drop the group goes too, and what names it: {}", named.join(", "))
}

impl fmt::Display for Rule {
    /// The line without its number, each word as the file has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword.as_str())?;
        let words = self.feature.iter().chain([&self.kind, &self.name]);
        words.into_iter().try_for_each(|word| write!(f, " {}", quoted(word)))
    }
}

/// Makes an edit. Takes time about in proportion to the text.
///
/// # Errors
/// [`EditError`]; nothing is changed then.
pub fn apply(file: &OptionsFile, edit: &Edit) -> Result<Edited, EditError> {
    let mut draft = Draft::new(file);
    let mut already = Vec::new();
    match edit {
        Edit::AddMembers { kind, group, members } => {
            already = members::add(&mut draft, *kind, group, members)?;
        }
        Edit::RemoveMembers { kind, group, members, drop } => {
            members::remove(&mut draft, *kind, group, members, *drop)?;
        }
        Edit::Put(rule) => rules::put(&mut draft, rule)?,
        Edit::Remove(rule) => rules::remove(&mut draft, rule)?,
    }
    let (bytes, changes, new) = draft.finish()?;
    let (opened, closed) = (rules::opened(file, &new), rules::opened(&new, file));
    Ok(Edited { bytes, changes, opened, closed, already })
}

/// The words of a line with single blanks between them, however it is wrapped; without its comments.
#[must_use]
pub fn on_one_line(file: &OptionsFile, line: &OptionLine) -> String {
    let words = file.words(line.span);
    words.iter().map(|(text, _)| quoted(text)).collect::<Vec<_>>().join(" ")
}

/// The somebodies that a line names, apart from members of groups.
#[must_use]
pub fn named(directive: &Directive) -> Vec<&Who> {
    match directive {
        Directive::Access(access) => access.who.iter().chain(&access.surplus).collect(),
        Directive::Max { who, .. } | Directive::Reserve { who, .. } | Directive::Priority { who, .. } => {
            vec![who]
        }
        _ => Vec::new(),
    }
}

/// A word as a file has it: in quotes if it needs them.
fn quoted(word: &str) -> String {
    if must_be_quoted(word) { format!("\"{word}\"") } else { word.to_owned() }
}

/// Puts words together to a line and reads it: what it says, and how it is written.
///
/// # Errors
/// [`EditError::NotWritable`] if it has an error or does not give the words back.
fn written(words: &[&str]) -> Result<(Directive, String), EditError> {
    let bad = |word: &&&str| word.contains(|c: char| c == '"' || c.is_control());
    if let Some(word) = words.iter().find(bad) {
        let what = format!(
            "{} has a quotation mark or a control character, which can't stand in an options file",
            shown(word)
        );
        return Err(EditError::NotWritable { what, help: None });
    }
    let text = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let file = OptionsFile::parse(Source::new("", text.as_bytes()));
    if let Some(error) = file.diagnostics.iter().find(|found| found.severity == Severity::Error) {
        return Err(EditError::NotWritable { what: error.message.clone(), help: error.help.clone() });
    }
    let same =
        |line: &OptionLine| file.words(line.span).iter().map(|(text, _)| &**text).eq(words.iter().copied());
    match file.lines.as_slice() {
        [only] => match &only.kind {
            LineKind::Option(line) if same(line) => Ok((line.directive.clone(), text)),
            _ => Err(not_a_line(&text)),
        },
        _ => Err(not_a_line(&text)),
    }
}

fn not_a_line(text: &str) -> EditError {
    EditError::NotWritable {
        what: format!("{} can't be written as a line of an options file", shown(text)),
        help: None,
    }
}
