//! What may stand at a place of a license file.

use super::around::Around;
use super::completion::{CompletionKind as Kind, List};
use super::cursor::Cursor;
use crate::license::guide::{self, ATTRIBUTES, Guide, KEYWORDS, OWN_ATTRIBUTES};
use crate::license::{LicenseFile, Statement};
use crate::text::Span;

/// Words that fields may have.
const EXPIRIES: [(&str, &str); 1] = [("permanent", "it never expires")];
const COUNTS: [(&str, &str); 1] = [("uncounted", "any number on the machines that HOSTID names")];
const HOSTS: [(&str, &str); 1] = [("this_host", "the machine itself")];
const HOSTIDS: [(&str, &str); 1] = [("ANY", "every machine")];

pub(super) fn complete(file: &LicenseFile, cursor: &Cursor<'_>, around: &Around<'_>, list: &mut List) {
    if cursor.index == 0 {
        for guide in KEYWORDS {
            list.add(guide.word, Kind::Keyword, guide.syntax, guide.meaning);
        }
        return;
    }
    let Some(keyword) = cursor.word(0).and_then(guide::of_keyword) else { return };
    let fields: usize = match keyword.word {
        "FEATURE" | "INCREMENT" => 6,
        "UPGRADE" => 7,
        "PACKAGE" => 3,
        "SERVER" => return server(cursor, list),
        "VENDOR" | "DAEMON" => return vendor(file, cursor, around, list),
        _ => return,
    };
    match (cursor.index, fields - cursor.index.min(fields)) {
        (1, _) => {
            for (_, statement) in around.licenses.iter().flat_map(LicenseFile::statements) {
                list.add_name(statement.name().as_str(), Kind::Feature, statement.keyword());
            }
        }
        (2, _) => {
            for vendor in around.licenses.iter().flat_map(LicenseFile::vendors) {
                list.add(vendor.name.as_str(), Kind::Name, "vendor", "");
            }
        }
        (_, 2) if fields > 3 => words(&EXPIRIES, list),
        (_, 1) if fields > 3 => words(&COUNTS, list),
        (index, 0) => attributes(file, cursor, keyword, index, list),
        _ => {}
    }
}

fn words(words: &[(&str, &str)], list: &mut List) {
    for (word, meaning) in words {
        list.add(word, Kind::Value, meaning, "");
    }
}

fn server(cursor: &Cursor<'_>, list: &mut List) {
    match cursor.index {
        1 => words(&HOSTS, list),
        2 => words(&HOSTIDS, list),
        _ => {}
    }
}

fn vendor(file: &LicenseFile, cursor: &Cursor<'_>, around: &Around<'_>, list: &mut List) {
    if cursor.index == 1 {
        let named = around.licenses.iter().flat_map(LicenseFile::statements);
        for (_, statement) in file.statements().chain(named) {
            list.add(statement.vendor().as_str(), Kind::Name, "vendor of feature lines", "");
        }
        return;
    }
    let has = |name: &str| {
        let others = cursor.words.iter().enumerate().filter(|(index, _)| *index != cursor.index);
        others.into_iter().any(|(_, (word, _))| word.to_ascii_uppercase().starts_with(name))
    };
    for (word, what) in [("OPTIONS=", "the options file"), ("PORT=", "the port of the vendor daemon")] {
        if !has(word) {
            list.add(word, Kind::Attribute, what, "");
        }
    }
}

fn attributes(file: &LicenseFile, cursor: &Cursor<'_>, keyword: &Guide, index: usize, list: &mut List) {
    let others = cursor.words.iter().enumerate().filter(|(other, _)| *other != index);
    let names: Vec<&str> =
        others.map(|(_, (word, _))| word.split_once('=').map_or(&**word, |(name, _)| name)).collect();
    let is_package = keyword.word == "PACKAGE";
    if let Some((name, _)) = cursor.head.split_once('=') {
        return if matches!(name, "COMPONENTS" | "SUPERSEDE") {
            names_of_list(file, cursor, list);
        } else {
            value(file, name, list);
        };
    }
    // A name alone is replaced; of a name with a value the name.
    let whole = file.source.slice(cursor.span);
    if let Some((name, _)) = whole.split_once('=') {
        list.span = Span::new(cursor.span.start, cursor.span.start + name.len());
    }
    let has_value = whole.contains('=');
    for guide in ATTRIBUTES.iter().chain(OWN_ATTRIBUTES) {
        let is_own = guide.word.starts_with(|c: char| c.is_ascii_lowercase());
        let fits = if is_package {
            is_own || guide::is_of_package(guide.word)
        } else {
            !matches!(guide.word, "COMPONENTS" | "OPTIONS")
        };
        if !fits || names.contains(&guide.word) {
            continue;
        }
        let equals = if guide.syntax.starts_with('=') && !has_value { "=" } else { "" };
        let shown = format!("{}{}", guide.word, guide.syntax);
        list.add(&format!("{}{equals}", guide.word), Kind::Attribute, &shown, guide.meaning);
    }
}

/// Names for a list of features, of which the one that is being written is replaced.
fn names_of_list(file: &LicenseFile, cursor: &Cursor<'_>, list: &mut List) {
    let begin = cursor.head.rfind([' ', '\t', '"', '=']).map_or(0, |at| at + 1);
    list.span = Span::new(cursor.span.start + begin, cursor.span.start + cursor.head.len());
    for (_, statement) in file.statements() {
        list.add_name(statement.name().as_str(), Kind::Feature, statement.keyword());
    }
}

/// Fixed values, and those that other lines have.
fn value(file: &LicenseFile, name: &str, list: &mut List) {
    list.span.start += name.len() + 1;
    let fixed: &[&str] = match name {
        "DUP_GROUP" | "SUITE_DUP_GROUP" => &["NONE", "SITE", "U", "UH", "UHD", "UHDV"],
        "OPTIONS" => &["SUITE", "SUITE_RESERVED"],
        "HOSTID" => &["ANY"],
        "SIGN" | "SIGN2" | "AUTH" | "SUPERSEDE_SIGN" => return,
        _ => &[],
    };
    for word in fixed {
        list.add(word, Kind::Value, "", "");
    }
    let statements = file.statements().map(|(_, statement)| statement);
    for attribute in statements.flat_map(Statement::attributes).filter(|attribute| attribute.name == name) {
        if let Some(value) = attribute.value.as_deref() {
            list.add_name(value, Kind::Value, "as on another line");
        }
    }
}
