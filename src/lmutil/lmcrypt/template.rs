//! License files with placeholders.
//!
//! A placeholder is `{name}`, its name small letters, digits and `_` behind a letter; `{today}`, `{today+30d}` and
//! `{today+1y}` are days. `{{` is an opening brace and `}}` a closing one. An `AUTH={…}` block stays as it is. What a
//! placeholder becomes must fit its place: behind a quote any text without quotes, elsewhere one word, in a comment
//! anything; nothing can add a line.

use thiserror::Error;

use super::day;
use crate::text::Source;
use crate::time::CivilDate;

/// Placeholders whose values are days, as [`day::expiry`] reads them.
const DAYS: [&str; 3] = ["expiry", "issued", "start"];

/// A mistake at one place of a template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{line}:{column}: {problem}")]
pub struct TemplateError {
    /// Line number, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: TemplateProblem,
}

/// What is wrong at a place of a template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateProblem {
    /// A brace that belongs to nothing.
    #[error("this brace belongs to no placeholder such as {{count}}; a brace itself is written twice")]
    Brace,
    /// A block without its end.
    #[error("the AUTH block has no closing brace")]
    OpenBlock,
    /// Nothing fills it.
    #[error("placeholder {{{0}}} has no value; give it with --set {0}=VALUE")]
    Unfilled(String),
    /// Its value is no day.
    #[error("placeholder {{{name}}}: {error}")]
    Day {
        /// Its name.
        name: String,
        /// Why not.
        error: day::DayError,
    },
    /// Its value would change more than its place.
    #[error("placeholder {{{name}}}: {found:?} can't stand in its value here")]
    Character {
        /// Its name.
        name: String,
        /// The character.
        found: char,
    },
    /// Its value is empty where a word is needed.
    #[error("placeholder {{{0}}}: its value is empty, but a word must stand here")]
    Empty(String),
}

/// Where a placeholder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Word,
    Quoted,
    Comment,
}

/// A template with its values, and which of them it took.
#[derive(Debug)]
pub struct Filled {
    /// The text. It has the lines of the template.
    pub text: String,
    /// The names of the placeholders, each once, in the order in which they came.
    pub names: Vec<String>,
}

/// Fills a template. `value` is asked for every placeholder but `{today…}`, each time it comes.
///
/// # Errors
/// All [`TemplateError`]s, by place.
pub fn fill(
    template: &Source,
    today: CivilDate,
    mut value: impl FnMut(&str) -> Option<String>,
) -> Result<Filled, Vec<TemplateError>> {
    let text = template.text();
    let mut filled = Filled { text: String::with_capacity(text.len()), names: Vec::new() };
    let mut errors = Vec::new();
    let mut place = Place::Word;
    // What stands before the character: the beginning of a word, where comments and AUTH blocks begin.
    let mut fresh = true;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let at = text.len() - rest.len();
        let mut wrong = |problem| {
            let found = template.place(at);
            errors.push(TemplateError { line: found.line, column: found.column, problem });
        };
        let behind = rest.get(c.len_utf8()..).unwrap_or_default();
        if place == Place::Word && fresh && rest.starts_with("AUTH={") {
            let length = block_length(rest);
            if length.is_none() {
                wrong(TemplateProblem::OpenBlock);
            }
            let (block, after) = rest.split_at_checked(length.unwrap_or(rest.len())).unwrap_or((rest, ""));
            filled.text.push_str(block);
            (rest, fresh) = (after, false);
            continue;
        }
        let doubled = matches!(c, '{' | '}') && behind.starts_with(c);
        if doubled {
            filled.text.push(c);
            (rest, fresh) = (behind.get(1..).unwrap_or_default(), false);
            continue;
        }
        if c == '{' {
            match name_of(behind) {
                Some((name, after)) => {
                    match resolve(name, place, today, &mut value) {
                        Ok(text) => filled.text.push_str(&text),
                        Err(problem) => wrong(problem),
                    }
                    if !filled.names.iter().any(|known| known == name) {
                        filled.names.push(name.to_owned());
                    }
                    rest = after;
                }
                None => {
                    wrong(TemplateProblem::Brace);
                    rest = behind;
                }
            }
            fresh = false;
            continue;
        }
        if c == '}' {
            wrong(TemplateProblem::Brace);
        }
        place = match (place, c) {
            (Place::Word, '#') if fresh => Place::Comment,
            (Place::Word, '"') => Place::Quoted,
            (Place::Quoted, '"') => Place::Word,
            (Place::Comment, '\n' | '\r') => Place::Word,
            // A quote ends with its line, unless the line goes on.
            (Place::Quoted, '\n' | '\r') if !filled.text.trim_end_matches(['\r', ' ']).ends_with('\\') => {
                Place::Word
            }
            (place, _) => place,
        };
        fresh = c.is_whitespace();
        filled.text.push(c);
        rest = behind;
    }
    if errors.is_empty() { Ok(filled) } else { Err(errors) }
}

/// The name of a placeholder whose brace has been read, and what follows its closing brace.
fn name_of(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once('}')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let is_day = name.strip_prefix("today+").is_some_and(|span| {
        !span.is_empty() && span.len() <= 10 && span.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    (is_name || is_day).then_some((name, rest))
}

fn resolve(
    name: &str,
    place: Place,
    today: CivilDate,
    value: &mut impl FnMut(&str) -> Option<String>,
) -> Result<String, TemplateProblem> {
    let wrong_day = |error| TemplateProblem::Day { name: name.to_owned(), error };
    if let Some(span) = name.strip_prefix("today") {
        if span.is_empty() {
            return Ok(today.to_string());
        }
        if span.starts_with('+') {
            return day::day(span, today).map(|day| day.to_string()).map_err(wrong_day);
        }
    }
    let text = value(name).ok_or_else(|| TemplateProblem::Unfilled(name.to_owned()))?;
    if DAYS.contains(&name) {
        return day::expiry(&text, today).map(|expiry| expiry.to_string()).map_err(wrong_day);
    }
    let unfit = |c: &char| {
        c.is_control()
            || match place {
                Place::Comment => *c == '\\',
                Place::Quoted => *c == '"' || *c == '\\',
                Place::Word => c.is_whitespace() || matches!(c, '"' | '\\' | '#'),
            }
    };
    if let Some(found) = text.chars().find(unfit) {
        return Err(TemplateProblem::Character { name: name.to_owned(), found });
    }
    if text.is_empty() && place == Place::Word {
        return Err(TemplateProblem::Empty(name.to_owned()));
    }
    Ok(text)
}

/// The bytes of an AUTH block with its name, or none if its last brace is missing.
fn block_length(text: &str) -> Option<usize> {
    let (mut depth, mut in_quote) = (0_usize, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => in_quote = !in_quote,
            b'{' if !in_quote => depth += 1,
            b'}' if !in_quote => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<Filled, Vec<String>> {
        let value = |name: &str| match name {
            "count" => Some("5".to_owned()),
            "expiry" => Some("+1y".to_owned()),
            "notice" => Some("for A & B, #1".to_owned()),
            "empty" => Some(String::new()),
            "quote" => Some("a\"b".to_owned()),
            "line" => Some("a\nFEATURE x v 1.0 permanent 1".to_owned()),
            _ => None,
        };
        fill(&Source::new("t.lic", text.as_bytes()), CivilDate::new(2026, 11, 21).unwrap(), value)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn placeholders_are_filled_and_braces_written_twice() {
        for (text, expected) in [
            ("a {count} b", "a 5 b"),
            ("{today} {today+30d} {today+1y}", "21-nov-2026 21-dec-2026 21-nov-2027"),
            ("{expiry}", "21-nov-2027"),
            ("{{count}} }}{{", "{count} }{"),
            ("{{{count}}}", "{5}"),
            ("N=\"{notice}\"", "N=\"for A & B, #1\""),
            ("N=\"a \\\n {notice}\" {count}", "N=\"a \\\n for A & B, #1\" 5"),
            ("N=\"open\nF {count}", "N=\"open\nF 5"),
            (
                "# {notice}\nF {count} # it's \" {notice}\n{count}",
                "# for A & B, #1\nF 5 # it's \" for A & B, #1\n5",
            ),
            ("F AUTH={ v={x} \"}\" } {count}", "F AUTH={ v={x} \"}\" } 5"),
            ("N=\"{empty}\"", "N=\"\""),
            ("\u{fc} {count}\r\n", "\u{fc} 5\r\n"),
        ] {
            assert_eq!(filled(text).unwrap().text, expected);
        }
        let names = filled("{count} {today} {count} {notice_1}").unwrap_err();
        assert_eq!(names.len(), 1);
        assert_eq!(filled("{count} {today} {count}").unwrap().names, ["count", "today"]);
    }

    #[test]
    fn every_mistake_has_its_place() {
        for (text, expected) in [
            ("a\n \u{fc} {seats}", "2:4: placeholder {seats} has no value; give it with --set seats=VALUE"),
            ("{Count}", "1:1: this brace belongs to no placeholder such as {count}"),
            ("a } b", "1:3: this brace"),
            ("a { b", "1:3: this brace"),
            ("{}", "1:1: this brace"),
            ("{today+1m}", "1:1: placeholder {today+1m}: "),
            ("{today-1d}", "1:1: this brace"),
            ("X {notice}", "1:3: placeholder {notice}: ' ' can't stand"),
            ("\"{quote}\"", "1:2: placeholder {quote}: '\"' can't stand"),
            ("\"{line}\"", "1:2: placeholder {line}: '\\n' can't stand"),
            ("# {line}", "1:3: placeholder {line}: '\\n' can't stand"),
            ("X {empty}", "1:3: placeholder {empty}: its value is empty"),
            ("F AUTH={ a", "1:3: the AUTH block has no closing brace"),
        ] {
            let errors = filled(text).unwrap_err();
            assert!(errors[0].starts_with(expected), "{text}: {errors:?}");
        }
        assert_eq!(filled("{a} {b}\n{c}").unwrap_err().len(), 3);
    }
}
