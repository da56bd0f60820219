//! The words of a line, as a nom grammar over the text of one line. Each function names its production of
//! `grammar/license-file.abnf`. Nothing here recurses, and every byte is looked at a bounded number of times.

use std::borrow::Cow;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_while, take_while1};
use nom::character::complete::char;
use nom::combinator::{eof, not, opt, peek, recognize, rest, value, verify};
use nom::error::{Error, ErrorKind};
use nom::multi::{many0_count, many1_count};
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

use crate::text::is_typographic_quote;

/// Production `blank`: space and tab, and what old editors leave behind: form feed and the end mark of DOS.
pub(super) const fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\x0c' | '\x1a')
}

const fn is_eol(character: char) -> bool {
    matches!(character, '\r' | '\n')
}

/// Production `eol`.
fn eol(input: &str) -> IResult<&str, &str> {
    alt((tag("\r\n"), tag("\n"), tag("\r"))).parse(input)
}

/// End of a physical line, which the last line of a file may lack.
fn line_end(input: &str) -> IResult<&str, &str> {
    alt((eol, eof)).parse(input)
}

/// Production `comment`.
fn comment(input: &str) -> IResult<&str, &str> {
    recognize((char('#'), take_till(is_eol))).parse(input)
}

/// Production `word-joint`: a backslash that continues a line without a comment; in quotes `#` is data.
fn word_joint(input: &str) -> IResult<&str, &str> {
    recognize((char('\\'), take_while(is_blank), eol)).parse(input)
}

/// Production `joint`: a backslash that continues a line.
fn joint(input: &str) -> IResult<&str, &str> {
    alt((
        recognize((char('\\'), take_while(is_blank), line_end)),
        recognize((char('\\'), take_while1(is_blank), comment, line_end)),
    ))
    .parse(input)
}

/// Production `gap`: what separates words.
fn gap(input: &str) -> IResult<&str, &str> {
    recognize(many1_count(alt((take_while1(is_blank), eol, joint, comment)))).parse(input)
}

/// Production `quoted`; without a closing quote it reaches to the end of the line.
fn quoted(input: &str) -> IResult<&str, &str> {
    let (inner, _) = char('"').parse(input)?;
    match inner.find('"').and_then(|end| input.split_at_checked(end + 2)) {
        Some((quoted, rest)) => Ok((rest, quoted)),
        None => rest(input),
    }
}

/// Production `block`: braces, in which blanks and quoted texts may stand; without the last brace it reaches to the end of
/// the line.
fn block(input: &str) -> IResult<&str, &str> {
    let (_, _) = peek(char('{')).parse(input)?;
    match block_end(input).and_then(|end| input.split_at_checked(end)) {
        Some((block, behind)) => Ok((behind, block)),
        // The line end behind an open block is not part of it.
        None => {
            let end = input.trim_end_matches(is_eol).len();
            input.split_at_checked(end).map_or_else(|| rest(input), |(block, behind)| Ok((behind, block)))
        }
    }
}

/// Behind the brace that closes the one that opens a text.
fn block_end(input: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut in_quote = false;
    let last = input.bytes().position(|byte| {
        match byte {
            b'"' => in_quote = !in_quote,
            b'{' if !in_quote => depth += 1,
            b'}' if !in_quote => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    })?;
    Some(last + 1)
}

/// A joint in the middle of a word: no blank on either side of it.
fn inner_joint(input: &str) -> IResult<&str, &str> {
    recognize(terminated(
        many1_count(word_joint),
        not(alt((take_while1(|c| is_blank(c) || is_eol(c)), tag("#"), eof, joint))),
    ))
    .parse(input)
}

/// A backslash that continues nothing.
fn backslash(input: &str) -> IResult<&str, &str> {
    preceded(not(joint), tag("\\")).parse(input)
}

/// Production `visible`, as many as there are.
fn plain(input: &str) -> IResult<&str, &str> {
    // All that ends it is ASCII, so bytes can be looked at instead of characters.
    let ends = |byte: u8| is_blank(char::from(byte)) || matches!(byte, b'\r' | b'\n' | b'"' | b'\\');
    let end = input.bytes().position(ends).unwrap_or(input.len());
    match input.split_at_checked(end) {
        Some((plain, rest)) if end > 0 => Ok((rest, plain)),
        _ => Err(nom::Err::Error(Error::new(input, ErrorKind::TakeWhile1))),
    }
}

/// Productions `bare`, `value` and all others of words: their raw text, whatever it means.
fn word(input: &str) -> IResult<&str, &str> {
    let piece = || alt((plain, quoted, inner_joint, backslash));
    let authorised = || recognize((tag("AUTH="), block, many0_count(piece())));
    alt((authorised(), recognize(many1_count(piece())))).parse(input)
}

/// The next word with its place and what follows, if nothing but blanks stands before it, it has no backslash outside of
/// quotes, and its quotes end it: what the grammar gives for most words, at less cost.
fn easy_word(input: &str) -> Option<(usize, &str, &str)> {
    let (gap, input) = input.split_at(input.bytes().take_while(|byte| is_blank(char::from(*byte))).count());
    let (rest, raw) = plain(input).ok()?;
    if raw.starts_with('#') || raw.starts_with("AUTH={") {
        return None;
    }
    let end = match rest.strip_prefix('"') {
        Some(inner) => raw.len() + inner.find('"')? + 2,
        None => raw.len(),
    };
    let (raw, rest) = input.split_at_checked(end)?;
    let ends = |byte| is_blank(char::from(byte)) || matches!(byte, b'\r' | b'\n');
    rest.bytes().next().is_none_or(ends).then_some((gap.len(), raw, rest))
}

/// A word in its raw text and where it begins, in bytes of the line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) raw: &'a str,
    pub(super) start: usize,
}

/// The words of one line, in order.
pub(super) struct Words<'a> {
    line: &'a str,
    rest: &'a str,
}

impl<'a> Words<'a> {
    pub(super) const fn new(line: &'a str) -> Self {
        Self { line, rest: line }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        if let Some((start, raw, rest)) = easy_word(self.rest) {
            let start = self.line.len() - self.rest.len() + start;
            self.rest = rest;
            return Some(Word { raw, start });
        }
        let (behind_gap, _) = opt(gap).parse(self.rest).ok()?;
        let (rest, raw) = word(behind_gap).ok()?;
        self.rest = rest;
        Some(Word { raw, start: self.line.len() - behind_gap.len() })
    }
}

/// Why a word's text can't be taken, and where in its raw text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadText {
    OpenQuote(usize),
    QuoteInside(usize),
    OpenBlock(usize),
    Typographic(usize, char),
    NoBreakSpace(usize),
}

/// The text of a value or of a word without a name: production `value`.
pub(super) fn text(raw: &str) -> Result<Cow<'_, str>, BadText> {
    if raw.bytes().all(|byte| byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n')) {
        return Ok(Cow::Borrowed(raw));
    }
    if let Some(inner) = raw.strip_prefix('"') {
        return match inner.find('"') {
            None => Err(BadText::OpenQuote(0)),
            Some(end) if end + 2 == raw.len() => Ok(fold(inner.get(..end).unwrap_or_default())),
            Some(end) => Err(BadText::QuoteInside(end + 2)),
        };
    }
    if let Some(at) = raw.find('"') {
        return Err(BadText::QuoteInside(at));
    }
    if !raw.is_ascii() {
        let first = raw.char_indices().next();
        let last = raw.char_indices().next_back();
        if let Some((at, found)) = [first, last].into_iter().flatten().find(|(_, c)| is_typographic_quote(*c))
        {
            return Err(BadText::Typographic(at, found));
        }
        if let Some(at) = raw.find('\u{a0}') {
            return Err(BadText::NoBreakSpace(at));
        }
    }
    Ok(fold(raw))
}

/// The text of an AUTH block, braces and all.
pub(super) fn block_text(raw: &str) -> Result<Cow<'_, str>, BadText> {
    match block_end(raw) {
        Some(end) if end == raw.len() && raw.starts_with('{') => Ok(fold(raw)),
        Some(end) if raw.starts_with('{') => Err(BadText::QuoteInside(end)),
        _ => Err(BadText::OpenBlock(0)),
    }
}

/// Joins a wrapped text: the blanks before the backslash, the line end and the blanks that open the next line count as
/// one blank; with no blank on either side there is none. A line end without a backslash counts as one blank.
fn fold(raw: &str) -> Cow<'_, str> {
    if !raw.bytes().any(|byte| is_eol(char::from(byte))) {
        return Cow::Borrowed(raw);
    }
    let mut folded = String::with_capacity(raw.len());
    let mut rest = raw;
    while !rest.is_empty() {
        let seam = alt((value(false, word_joint), value(true, eol))).parse(rest);
        if let Ok((behind, bare)) = seam {
            let before = folded.trim_end_matches(is_blank).len();
            let after = behind.trim_start_matches(is_blank);
            let blank = bare || before < folded.len() || after.len() < behind.len();
            folded.truncate(before);
            if blank {
                folded.push(' ');
            }
            rest = after;
        } else {
            let mut characters = rest.chars();
            folded.extend(characters.next());
            let run = characters.as_str();
            let seam = |byte| matches!(byte, b'\r' | b'\n' | b'\\');
            let end = run.bytes().position(seam).unwrap_or(run.len());
            let (head, tail) = run.split_at_checked(end).unwrap_or((run, ""));
            folded.push_str(head);
            rest = tail;
        }
    }
    Cow::Owned(folded)
}

/// Production `attribute`: its name and, behind `=`, its raw value.
pub(super) fn attribute(raw: &str) -> Option<(&str, Option<&str>)> {
    let name = verify(
        take_while1(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')),
        |n: &str| n.starts_with(|c: char| c.is_ascii_alphabetic()),
    );
    let parsed: IResult<&str, (&str, Option<&str>)> = (name, opt(preceded(char('='), rest))).parse(raw);
    match parsed {
        Ok(("", attribute)) => Some(attribute),
        _ => None,
    }
}

/// Production `license-key`: 12 or more letters and digits, at least one a digit (`flexnet-files.md` 1.5).
pub(super) fn is_bare_key(word: &str) -> bool {
    word.len() >= 12
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && word.bytes().any(|byte| byte.is_ascii_digit())
}

/// Production `decimal-line`: a whole line such as `acmed-f1-12345-67890-1234`.
pub(super) fn is_decimal(line: &str) -> bool {
    let groups = line
        .rsplit('-')
        .take_while(|part| part.len() >= 3 && part.bytes().all(|b| b.is_ascii_digit()))
        .count();
    groups >= 3 && line.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<&str> {
        Words::new(line).map(|word| word.raw).collect()
    }

    #[test]
    fn words_end_at_blanks_outside_quotes() {
        assert_eq!(words(" A  b=\"c d\" # e\n"), ["A", "b=\"c d\""]);
        assert_eq!(words("A \\  # note\r\n  b#c \\\r\nd"), ["A", "b#c", "d"]);
        assert_eq!(words("A\\\nB C\\\n D\\E\\"), ["A\\\nB", "C", "D\\E"]);
        assert_eq!(words("AUTH={ a=\"} x\" b=(c) } S=1"), ["AUTH={ a=\"} x\" b=(c) }", "S=1"]);
        assert_eq!(words("A b=\"c d"), ["A", "b=\"c d"]);
    }

    #[test]
    fn a_wrapped_value_is_the_same_however_it_was_wrapped() {
        for raw in
            ["\"a b\"", "\"a \\\n b\"", "\"a\\\n b\"", "\"a \\  \r\nb\"", "\"a\nb\"", "\"a \\\n \\\n  b\""]
        {
            assert_eq!(text(raw).unwrap(), "a b", "{raw:?}");
        }
        assert_eq!(text("\"a\\\nb\"").unwrap(), "ab");
        assert_eq!(text("C:\\x\\y").unwrap(), "C:\\x\\y");
    }

    #[test]
    fn quotes_are_plain_and_enclose_whole_values() {
        assert_eq!(text("\"a"), Err(BadText::OpenQuote(0)));
        assert_eq!(text("\"a\"b"), Err(BadText::QuoteInside(3)));
        assert_eq!(text("a\"b\""), Err(BadText::QuoteInside(1)));
        assert_eq!(block_text("{ a"), Err(BadText::OpenBlock(0)));
        assert_eq!(block_text("{ a { b }"), Err(BadText::OpenBlock(0)));
        assert_eq!(block_text("{ a }b"), Err(BadText::QuoteInside(5)));
        assert_eq!(block_text("{ a \"}\" \\\n b }").unwrap(), "{ a \"}\" b }");
        assert_eq!(text("\u{201c}small"), Err(BadText::Typographic(0, '\u{201c}')));
        assert_eq!(text("small\u{94}"), Err(BadText::Typographic(5, '\u{94}')));
        assert_eq!(text("a\u{a0}b"), Err(BadText::NoBreakSpace(1)));
        assert_eq!(text("\"\u{201c}small\u{201d}\"").unwrap(), "\u{201c}small\u{201d}");
    }

    #[test]
    fn tells_keys_and_decimal_lines() {
        assert!(is_bare_key("0A1B2C3D4E5F6071") && !is_bare_key("ABCDEFGHIJKLM") && !is_bare_key("0A1B2C"));
        assert!(is_decimal("acmed-f1-12345-67890-1234"));
        assert!(!is_decimal("31-12-2027") && !is_decimal("a-123-456") && !is_decimal("a b-123-456-789"));
    }
}
