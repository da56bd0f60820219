//! The canonical layout of an options file. What the file says, its comments and the order of its lines and words stay; only the
//! layout changes:
//!
//! - A line without an error is written anew: keyword, type and fixed words in capitals, one blank between words, quotes only around
//!   words that need them. `USER_GROUP` stays `USER_GROUP`.
//! - GROUP and HOST_GROUP lines are wrapped near [`Style::columns`] with ` \` and a tab before what follows. The keyword and the
//!   group stand together on the first physical line. A line that would reach 4000 characters by its wrapping is not wrapped.
//! - One comment behind a line that needs no wrapping stays there. All other comments of a line go, in their order, to lines
//!   of their own above it. Comment lines stay where they are, without blanks around them.
//! - Runs of empty lines become one; none opens or ends the file.
//! - Line ends are LF, or CRLF if all line ends of the file were; the last line has one. A byte order mark is dropped.
//! - Lines with an error stay as they are up to their line end. A file in UTF-16 stays as a whole.
//!
//! The layout of a file in this layout is its own.

use std::borrow::Cow;

use super::directive::{Directive, FeatureSpec};
use super::file::{Line, LineKind, OptionLine, OptionsFile};
use super::finding;
use super::keyword::Keyword;
use super::lexis::{Lines, Word, is_blank, looks_odd};
pub use crate::text::layout::{FormatError, Style};
use crate::text::layout::{LINE_CHARS_MAX, Page, line_end};
use crate::text::{BYTE_ORDER_MARK, Severity, Source, Span};

/// The bytes of a file in the canonical layout. Takes time and memory in proportion to the text.
///
/// # Errors
/// [`FormatError`] if the result would not say the same as the file, which is checked each time.
pub fn format(file: &OptionsFile, style: Style) -> Result<Vec<u8>, FormatError> {
    if file.diagnostics.iter().any(|found| found.id == finding::UTF16.id) {
        return Ok(file.print());
    }
    let bytes = file.source.encode(&layout(file, style));
    let again = OptionsFile::parse(Source::new(file.source.name(), &bytes));
    if say_the_same(file, &again) { Ok(bytes) } else { Err(FormatError::MeaningChanged) }
}

/// Whether two files say the same in the same order: equal lines but for their layout, and equal comments.
#[must_use]
pub fn say_the_same(one: &OptionsFile, other: &OptionsFile) -> bool {
    fn is_said(line: &&Line) -> bool {
        !matches!(line.kind, LineKind::Blank | LineKind::Comment)
    }
    let mut ones = one.lines.iter().filter(is_said);
    let mut others = other.lines.iter().filter(is_said);
    let lines = loop {
        match (ones.next(), others.next()) {
            (None, None) => break true,
            (Some(a), Some(b)) if lines_say_the_same((one, a), (other, b)) => {}
            _ => break false,
        }
    };
    let comments = |file: &OptionsFile| -> Vec<String> {
        file.lines.iter().flat_map(|line| comments_of(file, line)).map(str::to_owned).collect()
    };
    lines && comments(one) == comments(other)
}

fn lines_say_the_same(one: (&OptionsFile, &Line), other: (&OptionsFile, &Line)) -> bool {
    match (&one.1.kind, &other.1.kind) {
        (LineKind::Invalid, LineKind::Invalid) => body(one.0, one.1) == body(other.0, other.1),
        (LineKind::Option(a), LineKind::Option(b)) => {
            // Of activation nothing is kept but its words.
            a.keyword == b.keyword
                && placeless(&a.directive) == placeless(&b.directive)
                && (a.directive != Directive::Activation || texts(one.0, a) == texts(other.0, b))
        }
        _ => false,
    }
}

/// The words behind the keyword; fixed ones in capitals.
fn texts(file: &OptionsFile, line: &OptionLine) -> Vec<String> {
    let words = file.words(line.span).into_iter().skip(1);
    words
        .map(|(text, _)| fixed(line.keyword, &text).map_or_else(|| text.into_owned(), str::to_owned))
        .collect()
}

/// What a line says, wherever it stands.
pub(super) fn placeless(directive: &Directive) -> Directive {
    let mut directive = directive.clone();
    let spec: Option<&mut FeatureSpec> = match &mut directive {
        Directive::Access(access) => access.feature.as_mut(),
        Directive::Max { feature, .. }
        | Directive::Reserve { feature, .. }
        | Directive::Priority { feature, .. }
        | Directive::FeatureNumber { feature, .. } => Some(feature),
        _ => None,
    };
    if let Some(spec) = spec {
        spec.span = Span::default();
    }
    directive
}

/// The comments of a line behind its words, from `#` on, without blanks at their end; for a comment line the line.
#[must_use]
pub fn comments_of<'a>(file: &'a OptionsFile, line: &Line) -> Vec<&'a str> {
    match line.kind {
        LineKind::Blank => Vec::new(),
        LineKind::Comment => vec![trimmed(body(file, line))],
        LineKind::Option(_) | LineKind::Invalid => split(file, line).1,
    }
}

/// The whole text in the canonical layout.
fn layout(file: &OptionsFile, style: Style) -> String {
    let line_end = line_end(file.source.text());
    let mut text = String::with_capacity(file.source.text().len() + file.source.text().len() / 8);
    let mut after_blank = false;
    for line in &file.lines {
        if matches!(line.kind, LineKind::Blank) {
            after_blank = true;
            continue;
        }
        if std::mem::take(&mut after_blank) && !text.is_empty() {
            text.push_str(line_end);
        }
        push_line(&mut text, file, line, style, line_end);
        text.push_str(line_end);
    }
    // What opens a file can be taken for a mark of its encoding; on its second line it can't.
    if text.starts_with([BYTE_ORDER_MARK, '\u{ff}', '\u{fe}']) {
        text.insert_str(0, line_end);
    }
    text
}

fn push_line(text: &mut String, file: &OptionsFile, line: &Line, style: Style, line_end: &str) {
    let sound = !file.diagnostics_of(line).any(|found| found.severity == Severity::Error);
    let option = match &line.kind {
        LineKind::Option(option) if sound => option,
        LineKind::Comment => return text.push_str(trimmed(body(file, line))),
        _ => return text.push_str(body(file, line)),
    };
    let (words, comments) = split(file, line);
    let written: Vec<Cow<'_, str>> =
        words.iter().enumerate().map(|(index, word)| written(file, option, index, word)).collect();
    let mut laid = lay(&written, option.keyword, style.columns, line_end);
    if laid.chars().count() >= LINE_CHARS_MAX {
        let whole = lay(&written, option.keyword, usize::MAX, line_end);
        if whole.chars().count() < LINE_CHARS_MAX {
            laid = whole;
        }
    }
    if let [comment] = comments.as_slice()
        && !laid.contains(line_end)
        && laid.chars().count() + 1 + comment.chars().count() < LINE_CHARS_MAX
    {
        text.push_str(&laid);
        text.push(' ');
        text.push_str(comment);
        return;
    }
    for comment in comments {
        text.push_str(comment);
        text.push_str(line_end);
    }
    text.push_str(&laid);
}

/// Puts the words of a line on physical lines; only the members of groups are wrapped.
fn lay(words: &[Cow<'_, str>], keyword: Keyword, columns: usize, line_end: &str) -> String {
    let columns = if matches!(keyword, Keyword::Group | Keyword::HostGroup) { columns } else { usize::MAX };
    let mut page = Page::new(columns, line_end);
    for (index, word) in words.iter().enumerate() {
        if index < 2 || page.has_room(word.chars().count(), index + 1 == words.len()) {
            page.put(word, index > 0);
        } else {
            page.wrap();
            page.put(word, false);
        }
    }
    page.finish()
}

/// A line without its line end, and without the mark that opens a file.
fn body<'a>(file: &'a OptionsFile, line: &Line) -> &'a str {
    let whole = file.source.slice(line.span);
    let whole =
        if line.span.start == 0 { whole.strip_prefix(BYTE_ORDER_MARK).unwrap_or(whole) } else { whole };
    whole.strip_suffix("\r\n").or_else(|| whole.strip_suffix(['\r', '\n'])).unwrap_or(whole)
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| u8::try_from(c).is_ok_and(is_blank))
}

/// The words of a line, and its comments from `#` on.
fn split<'a>(file: &'a OptionsFile, line: &Line) -> (Vec<Word<'a>>, Vec<&'a str>) {
    let text = file.source.text();
    let mark = if line.span.start == 0 && text.starts_with(BYTE_ORDER_MARK) {
        BYTE_ORDER_MARK.len_utf8()
    } else {
        0
    };
    let words = Lines::new(text, line.span.start + mark).next().map_or_else(Vec::new, |line| line.words);
    let mut comments = Vec::new();
    let mut at = line.span.start + mark;
    let ends = words.iter().map(|word| (word.span.start, word.span.end));
    for (start, end) in ends.chain([(line.span.end, line.span.end)]) {
        // Between words stand blanks, line ends, backslashes and comments, which reach to their line's end.
        let mut gap = text.get(at..start).unwrap_or_default();
        while let Some(comment) = gap.find('#').and_then(|at| gap.get(at..)) {
            let (comment, rest) = comment.split_at(comment.find(['\r', '\n']).unwrap_or(comment.len()));
            comments.push(trimmed(comment));
            gap = rest;
        }
        at = end;
    }
    (words, comments)
}

/// A fixed word in capitals, if a word behind this keyword may be one.
fn fixed(keyword: Keyword, text: &str) -> Option<&'static str> {
    const TYPES: [&str; 8] =
        ["USER", "HOST", "DISPLAY", "INTERNET", "PROJECT", "GROUP", "USER_GROUP", "HOST_GROUP"];
    let words: &[&'static str] = match keyword {
        Keyword::AutomaticReread | Keyword::GroupCaseInsensitive => &["ON", "OFF"],
        Keyword::FqdnMatching => &["EXACT", "LENIENT"],
        Keyword::NoLog => &["IN", "OUT", "DENIED", "QUEUED", "UNSUPPORTED", "UPGRADE", "DEQUEUED"],
        Keyword::DebugLog => &["OBF_ADDMARK", "AUTO_ROLLOVER"],
        Keyword::ReportLog => &["HIDE_USER"],
        Keyword::Group | Keyword::HostGroup => &[],
        _ => &TYPES,
    };
    words.iter().copied().find(|word| text.eq_ignore_ascii_case(word))
}

/// The place of the word that may be fixed on lines whose other words may be anything.
const fn type_index(keyword: Keyword) -> Option<usize> {
    use Keyword as K;
    match keyword {
        K::ExcludeAll | K::IncludeAll | K::ExcludeAllEntitlement | K::IncludeAllEntitlement => Some(1),
        K::Exclude
        | K::Include
        | K::ExcludeBorrow
        | K::IncludeBorrow
        | K::ExcludeEntitlement
        | K::IncludeEntitlement => Some(2),
        K::Max | K::Reserve | K::Priority => Some(3),
        _ => None,
    }
}

/// A word as it is written: in capitals if it is fixed, in quotes if it needs them.
fn written<'w>(file: &'w OptionsFile, line: &OptionLine, index: usize, word: &'w Word<'_>) -> Cow<'w, str> {
    let keyword = line.keyword;
    if index == 0 {
        return Cow::Owned(word.text.to_ascii_uppercase());
    }
    let may_be_fixed = match keyword {
        Keyword::AutomaticReread | Keyword::GroupCaseInsensitive | Keyword::FqdnMatching | Keyword::NoLog => {
            index == 1
        }
        Keyword::DebugLog | Keyword::ReportLog => index > 1,
        _ => type_index(keyword) == Some(index),
    };
    if may_be_fixed && let Some(word) = fixed(keyword, &word.text) {
        return Cow::Borrowed(word);
    }
    if !needs_quotes(word) {
        return Cow::Borrowed(&word.text);
    }
    let raw = file.source.slice(word.span);
    if !raw.contains(['\r', '\n']) {
        return Cow::Borrowed(raw);
    }
    // The quote of a path stands behind its plus.
    let is_path = matches!(keyword, Keyword::DebugLog | Keyword::ReportLog) && index == 1;
    match word.text.strip_prefix('+').filter(|_| is_path) {
        Some(path) => Cow::Owned(format!("+\"{path}\"")),
        None => Cow::Owned(format!("\"{}\"", word.text)),
    }
}

/// Whether a word that was quoted can't be written without quotes.
fn needs_quotes(word: &Word<'_>) -> bool {
    word.quoted && must_be_quoted(&word.text)
}

/// Whether a word can't be written without quotes.
pub(super) fn must_be_quoted(text: &str) -> bool {
    text.is_empty()
        || text.starts_with('#')
        || text.ends_with('\\')
        || text.bytes().any(is_blank)
        || looks_odd(text)
}
