//! What a finding's hint proposes, as edits that may mend it. None of them is sure: [`fix`](super::fix) judges each.

use super::document::Document;
use super::fix::Edit;
use crate::text::{Diagnostic, Span, is_typographic_quote, nearest};

/// Lines that have no effect, or repeat another line: without them the file says the same.
const IDLE_LINES: [&str; 8] = ["L1001", "L1002", "L1003", "L1004", "O0805", "O1004", "O1005", "O1007"];

/// How a hint ends about a keyword that has something else before it.
const AT_BEGIN: &str = " at the begin of the line";

/// So many edits are tried for one finding.
const PROPOSALS_MAX: usize = 12;

/// Edits that may mend a finding, the likeliest first, each with its title.
pub(super) fn proposals(document: &Document, found: &Diagnostic) -> Vec<(String, Edit)> {
    let source = document.source();
    let mut all: Vec<(String, Edit)> = Vec::new();
    match found.id {
        id if IDLE_LINES.contains(&id) => {
            if let Some(line) = document.line_at(found.span.start) {
                let span = document.line_span(line);
                all.push(("Remove this line".to_owned(), Edit { span, text: String::new() }));
            }
        }
        // A member that stands twice.
        "O0602" => {
            let before = source.text().get(..found.span.start).unwrap_or_default();
            let start = before.trim_end_matches([' ', '\t']).len();
            let edit = Edit { span: Span::new(start, found.span.end), text: String::new() };
            all.push((format!("Remove the second {}", source.slice(found.span)), edit));
        }
        // Marks before a keyword.
        "L0201" if found.help.as_deref().is_some_and(|help| help.ends_with(AT_BEGIN)) => {
            let word = found.help.as_deref().and_then(meant).unwrap_or_default();
            let (span, line) = line_of(document, found);
            if let Some(at) = line.to_ascii_uppercase().find(word) {
                let edit = Edit {
                    span: Span::new(span.start.max(source.begin()), span.start + at),
                    text: String::new(),
                };
                all.push((format!("Begin the line with {word}"), edit));
            }
            return all;
        }
        // Prose.
        "L0202" => {
            let start = document.line_at(found.span.start).map(|line| document.line_span(line).start);
            let start = start.unwrap_or_default().max(source.begin());
            let edit = Edit { span: Span::new(start, start), text: "# ".to_owned() };
            all.push(("Make the line a comment".to_owned(), edit));
        }
        // A line that goes on without a backslash.
        "L0101" => {
            for at in [found.span.start, found.span.end] {
                let number = source.place(at).line;
                for number in [number, number.saturating_sub(1)] {
                    let end = source.line_span(number).end;
                    let edit = Edit { span: Span::new(end, end), text: " \\".to_owned() };
                    all.push(("End the line with a backslash".to_owned(), edit));
                }
            }
        }
        "O0103" | "L0105" => {
            let text: String = line_of(document, found)
                .1
                .chars()
                .map(|c| if is_typographic_quote(c) { '"' } else { c })
                .collect();
            let edit = Edit { span: line_of(document, found).0, text };
            all.push(("Write plain quotes".to_owned(), edit));
        }
        "O0104" | "L0109" => {
            let (span, line) = line_of(document, found);
            let edit = Edit { span, text: line.replace('\u{a0}', " ") };
            all.push(("Write plain blanks".to_owned(), edit));
        }
        _ => {}
    }
    if let Some(meant) = found.help.as_deref().and_then(meant) {
        let title = format!("Write {meant}");
        for span in split_words(document, found, meant).into_iter().chain(places(
            source.slice(found.span),
            found.span,
            meant,
        )) {
            // An equals sign that stands there already is not doubled.
            let behind = source.text().get(span.end..).unwrap_or_default();
            let text = meant.strip_suffix('=').filter(|_| behind.starts_with('=')).unwrap_or(meant);
            all.push((title.clone(), Edit { span, text: text.to_owned() }));
        }
    }
    all.truncate(PROPOSALS_MAX);
    all
}

fn line_of<'a>(document: &'a Document, found: &Diagnostic) -> (Span, &'a str) {
    let span = document.line_at(found.span.start).map_or(found.span, |line| document.line_span(line));
    (span, document.source().slice(span))
}

/// The text that a hint proposes: `did you mean X?`, `write X`, `write X to append`, `write X or more`.
fn meant(help: &str) -> Option<&str> {
    let proposed = match help.strip_prefix("did you mean ") {
        Some(rest) => rest.split_once('?')?.0,
        None => {
            let rest = help.strip_prefix("write ").or_else(|| help.split_once(": write ").map(|(_, x)| x))?;
            let rest = rest.strip_prefix("the port alone: ").unwrap_or(rest);
            let endings = [" to append", " or more", " alone", AT_BEGIN];
            let rest = endings.iter().find_map(|ending| rest.strip_suffix(ending)).unwrap_or(rest);
            rest.split_once(": that line").map_or(rest, |(rest, _)| rest)
        }
    };
    // What has more words is a sentence, or the form of a whole line.
    let is_word = !proposed.contains([' ', '[']) || proposed.starts_with("+\"");
    (is_word && !proposed.is_empty() && !proposed.ends_with("=value")).then_some(proposed)
}

/// Two words that are one with an underline between them, such as `USE SERVER`.
fn split_words(document: &Document, found: &Diagnostic, meant: &str) -> Option<Span> {
    let words = document.words(document.line_at(found.span.start)?);
    let [(one, begin), (other, end), ..] = &words[..] else { return None };
    let is_split = found.span.start == begin.start && format!("{one}_{other}").eq_ignore_ascii_case(meant);
    is_split.then(|| Span::new(begin.start, end.end))
}

/// Where in a place a proposal may belong: the whole of it, or the part that is likest to it.
fn places(text: &str, span: Span, meant: &str) -> Vec<Span> {
    let mut places = vec![span];
    // `NAME=value` belongs where `NAME=` stands.
    let name = meant.find('=').and_then(|at| meant.get(..=at)).filter(|name| name.len() < meant.len());
    if let Some(at) = name.and_then(|name| text.find(name)).filter(|at| *at > 0) {
        let end =
            text.get(at..).and_then(|rest| rest.find([':', '"'])).map_or(text.len(), |length| at + length);
        places.insert(0, Span::new(span.start + at, span.start + end));
    }
    let mut parts: Vec<Span> = Vec::new();
    let mut start = 0;
    for (at, separator) in text.match_indices([':', '=', ' ', '"', '\t']) {
        parts.push(Span::new(start, at));
        start = at + separator.len();
    }
    parts.push(Span::new(start, text.len()));
    if parts.len() > 1 {
        parts.retain(|part| part.end > part.start);
        let alike = |part: &Span| {
            text.get(part.start..part.end)
                .is_some_and(|part| nearest(part, [meant.trim_end_matches('=')]).is_some())
        };
        // A part that is likest first; with equal likeness in the order of the text.
        parts.sort_by_key(|part| !alike(part));
        if parts.first().is_some_and(alike) {
            places.clear();
        }
        places.extend(parts.iter().map(|part| Span::new(span.start + part.start, span.start + part.end)));
        if places.first() != Some(&span) {
            places.push(span);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_that_name_a_word_are_proposals() {
        for (help, word) in [
            ("did you mean EXCLUDE?", Some("EXCLUDE")),
            ("did you mean drawing? Names of groups are case-sensitive", Some("drawing")),
            ("write 31-dec-2026", Some("31-dec-2026")),
            ("write +/var/log/a.rl to append", Some("+/var/log/a.rl")),
            ("write 900 or more", Some("900")),
            ("write the port alone: 27000", Some("27000")),
            ("write the name of the license line", None),
            ("write a number such as 2.0", None),
            ("write SIGN=value", None),
            ("keep one of them", None),
        ] {
            assert_eq!(meant(help), word, "{help}");
        }
    }

    #[test]
    fn a_proposal_goes_first_to_the_part_that_is_like_it() {
        let places = places("fx:VERSON=2.0", Span::new(10, 23), "VERSION");
        assert_eq!(places.first(), Some(&Span::new(13, 19)));
        assert!(places.contains(&Span::new(10, 23)));
    }
}
