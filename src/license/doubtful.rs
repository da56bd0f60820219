//! Values that can be read but were probably meant otherwise: cut at a blank, or with a comma at their end.

use super::attribute::{Form, known};
use super::finding;
use super::keyword::Keyword;
use super::lexis::attribute;
use super::parse::{Reader, Token};
use crate::text::{Span, shown};

/// What a hint proposes is not longer than this.
const PROPOSED_CHARS_MAX: usize = 60;

/// Looks at the words behind the fields of a line.
pub(super) fn report_doubtful<'a>(reader: &mut Reader<'a>, words: &[Token<'a>]) {
    let mut rest = words;
    while let Some((token, behind)) = rest.split_first() {
        if Keyword::of(token.raw).is_some() {
            // Another line has been joined to this one, which is reported.
            return;
        }
        rest = behind;
        let Some((name, value)) = token.raw.split_once('=').filter(|(_, value)| is_bare(value)) else {
            continue;
        };
        let strays = behind.iter().take_while(|word| is_stray(word.raw)).count();
        let (strays, next) = behind.split_at_checked(strays).unwrap_or_default();
        // Words that are no attributes or unknown ones are errors by themselves; an empty value is worth a word all the same.
        if strays.first().is_some_and(|first| value.is_empty() || is_own_flag(first.raw)) {
            if attribute(name).is_some() {
                report_cut(reader, *token, (name, value), strays);
            }
        } else if value.len() > 1 && value.ends_with([',', ';']) && takes_text(name) {
            let at = token.span.end - 1;
            let last = token.raw.get(token.raw.len() - 1..).unwrap_or_default();
            reader
                .report(
                    finding::VALUE_COMMA,
                    Span::new(at, at + 1),
                    format!("the value of {name} ends with {}", shown(last)),
                )
                .help("blanks separate attributes: remove it, or quote the value if it belongs to it");
        }
        rest = next;
    }
}

/// Text without quotes and braces that stands on one physical line.
fn is_bare(text: &str) -> bool {
    !text.starts_with(['"', '{']) && !text.contains(['\r', '\n'])
}

/// A word that is no attribute of the publisher's and has no value.
fn is_stray(raw: &str) -> bool {
    !raw.contains(['=', '"', '\\', '\r', '\n']) && known(raw).is_none() && Keyword::of(raw).is_none()
}

/// A word that is taken for an attribute of the administrator's without a value.
fn is_own_flag(raw: &str) -> bool {
    raw != "sort"
        && !raw.bytes().any(|byte| byte.is_ascii_uppercase())
        && matches!(attribute(raw), Some((_, None)))
}

/// Whether any text is right for an attribute. COMPONENTS and SUPERSEDE tell of commas themselves.
fn takes_text(name: &str) -> bool {
    !is_list(name)
        && attribute(name).is_some()
        && known(name).is_none_or(|(_, form)| matches!(form, Form::Text | Form::FlagOrText | Form::OfPackage))
}

/// Whether the value is names with blanks between them.
fn is_list(name: &str) -> bool {
    matches!(name, "COMPONENTS" | "SUPERSEDE")
}

fn report_cut<'a>(
    reader: &mut Reader<'a>,
    token: Token<'a>,
    (name, value): (&str, &str),
    strays: &[Token<'a>],
) {
    let end = strays.last().map_or(token.span.end, |last| last.span.end);
    let mut whole = value.to_owned();
    for word in strays.iter().take(PROPOSED_CHARS_MAX) {
        if !whole.is_empty() {
            whole.push(' ');
        }
        whole.push_str(word.raw);
    }
    if is_list(name) {
        whole = whole.replace(',', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    }
    let proposed = match strays {
        _ if whole.chars().count() > PROPOSED_CHARS_MAX => None,
        [_] if value.is_empty() && name != "COMPONENTS" => Some(format!("{name}={whole}")),
        _ => Some(format!("{name}=\"{whole}\"")),
    };
    let first = strays.first().map_or("", |first| first.raw);
    let why = if value.is_empty() { "no blank behind =" } else { "a value with blanks needs quotes" };
    reader
        .report(
            finding::VALUE_CUT,
            Span::new(token.span.start, end),
            format!("the value of {name} ends before {}", shown(first)),
        )
        .help(match proposed {
            Some(proposed) => format!("{why}: write {proposed}"),
            None => why.to_owned(),
        });
}
