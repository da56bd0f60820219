//! Findings as compilers show them: the source line, the place underlined, and what was probably meant.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar as _;

use crate::text::{Diagnostic, Severity, Source, Span};

/// So many source lines of one place are shown; a line that was wrapped often says no more with all of them.
const LINES_MAX: usize = 6;

/// Characters of a source line before the place and from its begin on. What is farther away is cut off.
const BEFORE_MAX: usize = 40;
const BEHIND_MAX: usize = 72;

/// Where something was cut off.
const CUT: char = '…';

/// Columns of a tab. It is written as blanks, so that what stands below it keeps its place on every terminal.
const TAB_COLUMNS: usize = 4;

/// How parts of the text are marked: ANSI sequences, or nothing at all.
struct Colours {
    bold: &'static str,
    severity: &'static str,
    margin: &'static str,
    end: &'static str,
}

impl Colours {
    const fn of(severity: Severity, coloured: bool) -> Self {
        if !coloured {
            return Self { bold: "", severity: "", margin: "", end: "" };
        }
        let severity = match severity {
            Severity::Error => "\x1b[1;91m",
            Severity::Warning => "\x1b[1;33m",
            Severity::Note => "\x1b[1;92m",
        };
        Self { bold: "\x1b[1m", severity, margin: "\x1b[1;94m", end: "\x1b[0m" }
    }
}

/// A finding with its place underlined, as lines without the last line end. Control characters of the file are shown as
/// pictures and never sent to a terminal. Its length has a bound however long the line is.
#[must_use]
pub(super) fn render(found: &Diagnostic, source: &Source, coloured: bool) -> String {
    let Colours { bold, severity, margin, end } = Colours::of(found.severity, coloured);
    let place = source.place(found.span.start);
    let last = source.place(found.span.end.max(found.span.start)).line.min(place.line + LINES_MAX - 1);
    let blanks = " ".repeat(last.to_string().len());
    let mut text =
        format!("{severity}{}[{}]{end}{bold}: {}", found.severity, found.id, visible(&found.message));
    if let Some(code) = found.code {
        let _ = write!(text, " ({})", code.number());
    }
    let _ = write!(
        text,
        "{end}\n{blanks}{margin}-->{end} {}:{place}\n{blanks} {margin}|{end}",
        visible(source.name())
    );
    for number in place.line..=last {
        let (line, mark) = shown_line(found.span, source, number, number == place.line);
        let width = blanks.len();
        let _ = write!(
            text,
            "\n{margin}{number:>width$} |{end} {line}\n{blanks} {margin}|{end} {severity}{mark}{end}"
        );
    }
    if let Some(help) = &found.help {
        let _ = write!(text, "\n{blanks} {margin}={end} {bold}help{end}: {}", visible(help));
    }
    text
}

/// One source line of a place, cut if it is long, and what stands below it.
fn shown_line(span: Span, source: &Source, number: usize, first: bool) -> (String, String) {
    let whole = source.line_span(number);
    let blanks = source.slice(whole).find(|c| c != ' ' && c != '\t').unwrap_or(0);
    let from = if first { span.start.clamp(whole.start, whole.end) } else { whole.start + blanks };
    let to = span.end.clamp(from, whole.end);
    let head = source.slice(Span::new(whole.start, from));
    let tail = source.slice(Span::new(from, whole.end));
    let left = head.char_indices().rev().take(BEFORE_MAX).last().map_or(head.len(), |(at, _)| at);
    let right = tail.char_indices().nth(BEHIND_MAX).map_or(tail.len(), |(at, _)| at);
    let mut line = String::new();
    let mut columns = 0;
    if left > 0 {
        line.push(CUT);
        columns += 1;
    }
    columns += put(&mut line, head.get(left..).unwrap_or_default());
    let mark = (to - from).min(right);
    let marked = put(&mut line, tail.get(..mark).unwrap_or_default());
    put(&mut line, tail.get(mark..right).unwrap_or_default());
    if right < tail.len() {
        line.push(CUT);
    }
    let line = line.trim_end().to_owned();
    (line, format!("{}{}", " ".repeat(columns), "^".repeat(marked.max(1))))
}

/// Appends text as it can be shown, and says how many columns it takes.
fn put(line: &mut String, text: &str) -> usize {
    let mut columns = 0;
    for character in text.chars() {
        if character == '\t' {
            line.extend(std::iter::repeat_n(' ', TAB_COLUMNS));
            columns += TAB_COLUMNS;
        } else {
            let shown = picture(character);
            line.push(shown);
            columns += shown.width().unwrap_or(1);
        }
    }
    columns
}

/// A text of the file inside a message.
fn visible(text: &str) -> String {
    text.chars().map(picture).collect()
}

/// A character that does nothing to a terminal: control characters have pictures of their own, and what turns the
/// direction of writing or takes no place is shown as a replacement character.
fn picture(character: char) -> char {
    match character {
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(character)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => char::REPLACEMENT_CHARACTER,
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::license::finding;

    fn shown(text: &str, span: Span) -> String {
        let found = finding::UNKNOWN_ATTRIBUTE.at(span, "unknown attribute \"SGIN\"");
        let found = Diagnostic { help: Some("did you mean SIGN?".into()), ..found };
        render(&found, &Source::new("a.lic", text.as_bytes()), false)
    }

    #[test]
    fn the_place_is_underlined() {
        assert_eq!(
            shown("SERVER h ANY\nFEATURE f LGS 1 permanent 1 SGIN=0\n", Span::new(41, 47)),
            "error[L0601]: unknown attribute \"SGIN\" (-90)\n \
             --> a.lic:2:29\n  \
               |\n\
             2 | FEATURE f LGS 1 permanent 1 SGIN=0\n  \
               |                             ^^^^^^\n  \
               = help: did you mean SIGN?"
        );
    }

    #[test]
    fn tabs_wide_and_control_characters_keep_the_underline_right() {
        let text = "A\t許可\u{7} SGIN=0\n";
        let at = text.find("SGIN").unwrap();
        let shown = shown(text, Span::new(at, at + 6));
        let lines: Vec<&str> = shown.lines().collect();
        // A tab is shown as four columns, each of the two signs takes two.
        assert_eq!(lines[1], " --> a.lic:1:7");
        assert_eq!(lines[3], "1 | A    許可␇ SGIN=0");
        assert_eq!(lines[4], "  |           ".to_owned() + " ^^^^^^");
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("FEATURE {}許 SGIN=0 {}\n", "x".repeat(5_000), "y".repeat(5_000));
        let at = text.find("SGIN").unwrap();
        let shown = shown(&text, Span::new(at, at + 6));
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[1], " --> a.lic:1:5011");
        assert_eq!(lines[3], format!("1 | …{}許 SGIN=0 {}…", "x".repeat(38), "y".repeat(65)));
        assert_eq!(lines[4].len(), "  | ".len() + 1 + 38 + 2 + 1 + 6);
        assert!(lines.iter().all(|line| line.chars().count() < 130));
    }

    #[test]
    fn a_long_place_is_cut_too_and_many_lines_are_few() {
        let text = format!("FEATURE {}\n", "x".repeat(5_000));
        let lines = shown(&text, Span::new(0, 5_008));
        assert!(lines.lines().all(|line| line.chars().count() < 130), "{lines}");
        let text = "a \\\r".repeat(1_000);
        let lines = shown(&text, Span::new(0, text.len()));
        assert!(lines.lines().count() <= 2 * LINES_MAX + 4, "{lines}");
    }

    #[test]
    fn places_at_the_end_and_in_empty_files_are_shown() {
        for (text, span) in [("", Span::new(0, 0)), ("a", Span::new(1, 1)), ("a\n", Span::new(1, 1))] {
            assert!(shown(text, span).contains(" ^"), "{text:?}");
        }
    }
}
