//! What a word means, and what the line that it stands on gives.

use std::fmt::Write as _;

use super::around::Around;
use super::completion_options::slot;
use super::cursor::Cursor;
use super::document::Document;
use super::names::{Name, TYPES, groups, line_count, name_at};
use crate::license::guide::{self, Guide};
use crate::license::{LicenseFile, LineKind, Standing, Statement};
use crate::lint::explain;
use crate::options::{Directive, Keyword, OptionsFile};
use crate::text::{Diagnostic, Span};

/// So many members of a group are named.
const MEMBERS_SHOWN_MAX: usize = 30;
/// So many findings of a place are explained.
const FINDINGS_SHOWN_MAX: usize = 4;

/// What is shown about a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hover {
    /// In Markdown.
    pub text: String,
    /// The word that it is about.
    pub span: Span,
}

/// What is to be said of a byte of a document. `found` are the findings of the document, which are explained where they stand.
#[must_use]
pub fn hover(document: &Document, offset: usize, around: &Around<'_>, found: &[Diagnostic]) -> Option<Hover> {
    let mut parts: Vec<String> = Vec::new();
    let mut at = Span::new(offset, offset);
    if let Some(cursor) = Cursor::at(document, offset).filter(|cursor| cursor.span.end > cursor.span.start) {
        at = cursor.span;
        match document {
            Document::Options(file) => of_options(document, file, &cursor, around, &mut parts),
            Document::License(file) => of_license(file, &cursor, around, &mut parts),
        }
    }
    let here = found.iter().filter(|found| found.span.start <= offset && offset <= found.span.end);
    for finding in here.take(FINDINGS_SHOWN_MAX) {
        if let Some(explanation) = explain(finding.id) {
            parts.push(format!(
                "**{}** {}\n\n*What to do:* {}",
                finding.id,
                plain(explanation.cause),
                plain(explanation.remedy)
            ));
        }
    }
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.trim().is_empty()).collect();
    (!parts.is_empty()).then(|| Hover { text: parts.join("\n\n---\n\n"), span: at })
}

/// Text as Markdown that shows it as it is.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '#' | '|') {
            plain.push('\\');
        }
        plain.push(character);
    }
    plain
}

/// A word and what stands behind it, as code, and its meaning.
fn guided(word: &str, syntax: &str, meaning: &str) -> String {
    let blank = if syntax.is_empty() || syntax.starts_with(['=', '[']) && !syntax.starts_with("[+") {
        ""
    } else {
        " "
    };
    format!("`{word}{blank}{syntax}`\n\n{}", plain(meaning))
}

fn guide_text(guide: &Guide) -> String {
    guided(guide.word, guide.syntax, guide.meaning)
}

fn of_options(
    document: &Document,
    file: &OptionsFile,
    cursor: &Cursor<'_>,
    around: &Around<'_>,
    parts: &mut Vec<String>,
) {
    let Some(keyword) = cursor.word(0).and_then(Keyword::of) else { return };
    let Some(behind) = cursor.index.checked_sub(1) else {
        parts.push(guided(keyword.as_str(), keyword.syntax(), keyword.meaning()));
        return;
    };
    match name_at(document, cursor) {
        Some(Name::Group(kind, name)) => {
            let mut members: Vec<String> = Vec::new();
            let lines = groups(file).filter(|group| group.kind == kind && group.name.as_str() == name);
            let spans: Vec<Span> = lines.map(|group| group.span).collect();
            for option in file.options().filter(|option| spans.contains(&option.span)) {
                match &option.directive {
                    Directive::Group { members: users, .. } => {
                        members.extend(users.iter().map(ToString::to_string));
                    }
                    Directive::HostGroup { .. } => {
                        let words = file.words(option.span).into_iter().skip(2);
                        members.extend(words.map(|(text, _)| text.into_owned()));
                    }
                    _ => {}
                }
            }
            let mut text = format!("{} {}: ", kind.keyword(), plain(&name));
            if spans.is_empty() {
                text.push_str("not defined in this file");
            } else {
                let shown = members.iter().take(MEMBERS_SHOWN_MAX).map(|name| plain(name));
                text.push_str(&shown.collect::<Vec<_>>().join(", "));
                if members.len() > MEMBERS_SHOWN_MAX {
                    let _ = write!(text, " and {} more", members.len() - MEMBERS_SHOWN_MAX);
                }
            }
            parts.push(text);
        }
        Some(Name::Feature(name)) => {
            let count = line_count(around.licenses, &name);
            if around.licenses.is_empty() {
                return;
            }
            let mut text = format!("Feature {}: ", plain(&name));
            match count {
                0 => text.push_str("no license line has it"),
                1 => text.push_str("one license line"),
                count => {
                    let _ = write!(text, "{count} license lines");
                }
            }
            let _ = write!(text, "\n\n{}", around.pools(&name));
            parts.push(text);
        }
        None if slot(keyword, behind) == "TYPE" => {
            let word = cursor.text();
            let word = if word.eq_ignore_ascii_case("USER_GROUP") { "GROUP" } else { word };
            if let Some((name, meaning)) = TYPES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)) {
                parts.push(guided(name, "", meaning));
            }
        }
        None => {}
    }
}

fn of_license(file: &LicenseFile, cursor: &Cursor<'_>, around: &Around<'_>, parts: &mut Vec<String>) {
    let Some((number, line)) = cursor.line.and_then(|line| Some((line, file.lines.get(line)?))) else {
        return;
    };
    let word = cursor.text();
    let statement = Statement::of(&line.kind);
    if cursor.index == 0 {
        parts.extend(guide::of_keyword(word).map(guide_text));
    } else if statement.is_some() {
        let name = word.split_once('=').map_or(word, |(name, _)| name);
        parts.extend(guide::of_attribute(name).map(guide_text));
    }
    if statement.is_some() && cursor.index < 2 {
        let own = around.licenses.iter().position(|other| other.source.name() == file.source.name());
        parts.extend(own.map(|own| around.fate(own, number)));
    }
    if matches!(line.kind, LineKind::Server(_)) {
        parts.push(server(file).to_owned());
    }
}

fn server(file: &LicenseFile) -> &'static str {
    match file.standing() {
        Standing::Serverless | Standing::Single => "",
        Standing::Triad => "Three servers as one; they are not served yet.",
        Standing::Rejected => {
            "The SERVER lines of this file are not those of a server: nothing of it is served."
        }
    }
}
