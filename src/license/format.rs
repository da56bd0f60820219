//! The canonical layout of a license file (`flexnet-files.md` 1.1). What the file says, its comments and the order of its
//! lines and words stay; only the layout changes:
//!
//! - A sound SERVER, VENDOR, DAEMON, USE_SERVER, FEATURE, INCREMENT, UPGRADE or PACKAGE line is written anew: its
//!   keyword and the names of SERVER's and VENDOR's options in capitals, one blank between words, its words in the order
//!   of the file. `DAEMON` stays `DAEMON`: readers before version 6 know nothing else. Quotes stay as they are.
//! - It is wrapped near [`Style::columns`] with ` \` and a tab before what follows. The keyword and the fields stand
//!   together on the first physical line. No word is cut, nor a path; an attribute's value in quotes or braces that is too long for a physical
//!   line is wrapped where it has one single blank, and nowhere else, so that all of its blanks are kept.
//! - A line that would reach 4000 characters by its wrapping is not wrapped.
//! - One comment behind a line that needs no wrapping stays there. All other comments of a line go, in their order,
//!   to lines of their own above it. Comment lines stay where they are, without blanks around them.
//! - Runs of empty lines become one; none opens or ends the file.
//! - Line ends are LF, or CRLF if all line ends of the file were; the last line has one. A byte order mark is dropped.
//! - All other lines, those with an error, prose, kinds that are not read and those whose last word ends
//!   with a backslash, stay as they are up to their line end. A
//!   file in UTF-16 stays as a whole.
//!
//! The layout of a file in this layout is its own.

use std::borrow::Cow;

use super::file::{LicenseFile, Line, LineKind, ServerLine, VendorLine};
use super::finding;
use super::keyword::Keyword;
use super::lexis::{Word, Words, block_text, is_blank, text};
use super::statement::Statement;
pub use crate::text::layout::{FormatError, Style};
use crate::text::layout::{LINE_CHARS_MAX, Page, line_end};
use crate::text::{BYTE_ORDER_MARK, Source, Span};

/// Words of SERVER and VENDOR lines that are taken in any case.
const SERVER_OPTIONS: [&str; 5] =
    ["PRIMARY_IS_MASTER", "HEARTBEAT_INTERVAL=", "SERVER_TIMEOUT=", "PLAT=", "PLATE="];
const VENDOR_OPTIONS: [&str; 2] = ["OPTIONS=", "PORT="];

/// The bytes of a file in the canonical layout. Takes time and memory in proportion to the text.
///
/// # Errors
/// [`FormatError`] if the result would not say the same as the file, which is checked each time.
pub fn format(file: &LicenseFile, style: Style) -> Result<Vec<u8>, FormatError> {
    if is_utf16(file) {
        return Ok(file.print());
    }
    let bytes = file.source.encode(&layout(file, style));
    let again = LicenseFile::parse(Source::new(file.source.name(), &bytes));
    if say_the_same(file, &again) { Ok(bytes) } else { Err(FormatError::MeaningChanged) }
}

/// The words of a line that is laid out anew, on one physical line without comments, its keyword in capitals; none for
/// every other line.
#[must_use]
pub fn on_one_line(file: &LicenseFile, line: &Line) -> Option<String> {
    let parts = parts(file, line)?;
    Some(lay(&parts, usize::MAX, "\n"))
}

/// The comments of a line behind its words, from `#` on, without blanks at their end; for a comment line the line.
#[must_use]
pub fn comments_of<'a>(file: &'a LicenseFile, line: &Line) -> Vec<&'a str> {
    match line.kind {
        LineKind::Blank => Vec::new(),
        LineKind::Comment => vec![body(file, line).trim_matches(is_blank)],
        _ => split(body(file, line)).1,
    }
}

/// Whether two files say the same in the same order: equal lines but for their layout, and equal comments.
#[must_use]
pub fn say_the_same(one: &LicenseFile, other: &LicenseFile) -> bool {
    let lines = |file: &LicenseFile| -> Vec<usize> {
        let is_said = |line: &Line| !matches!(line.kind, LineKind::Blank | LineKind::Comment);
        (0..file.lines.len()).filter(|index| file.lines.get(*index).is_some_and(is_said)).collect()
    };
    let (ones, others) = (lines(one), lines(other));
    ones.len() == others.len()
        && ones.iter().zip(&others).all(|(a, b)| match (one.lines.get(*a), other.lines.get(*b)) {
            (Some(a), Some(b)) => lines_say_the_same((one, a), (other, b)),
            _ => false,
        })
        && one
            .lines
            .iter()
            .flat_map(|line| comments_of(one, line))
            .eq(other.lines.iter().flat_map(|line| comments_of(other, line)))
}

fn lines_say_the_same(one: (&LicenseFile, &Line), other: (&LicenseFile, &Line)) -> bool {
    let none = Span::default();
    match (&one.1.kind, &other.1.kind) {
        (LineKind::Server(one), LineKind::Server(other)) => said_of_server(one) == said_of_server(other),
        (LineKind::Vendor(one), LineKind::Vendor(other)) => said_of_vendor(one) == said_of_vendor(other),
        (LineKind::UseServer, LineKind::UseServer) => true,
        (LineKind::Prose, LineKind::Prose) | (LineKind::Invalid, LineKind::Invalid) => {
            body(one.0, one.1) == body(other.0, other.1)
        }
        (LineKind::Unserved(_), LineKind::Unserved(_)) => body(one.0, one.1) == body(other.0, other.1),
        (one, other) => match (Statement::of(one), Statement::of(other)) {
            (Some(one), Some(other)) => {
                let attributes = |line: Statement<'_>| -> Vec<_> {
                    line.attributes()
                        .iter()
                        .cloned()
                        .map(|a| super::feature::Attribute { span: none, ..a })
                        .collect()
                };
                one.canonical(&[]) == other.canonical(&[])
                    && attributes(one) == attributes(other)
                    && key(one) == key(other)
            }
            _ => false,
        },
    }
}

/// A SERVER line without its places in the file. Each field is named, so that a new one is not forgotten.
fn said_of_server(line: &ServerLine) -> impl PartialEq + use<'_> {
    let ServerLine {
        host,
        hostid,
        port,
        primary_is_master,
        heartbeat_interval_s,
        plat,
        hostid_span: _,
        span: _,
    } = line;
    (host, hostid, port, primary_is_master, heartbeat_interval_s, plat)
}

/// A VENDOR line without its place in the file.
fn said_of_vendor(line: &VendorLine) -> impl PartialEq + use<'_> {
    let VendorLine { name, path, options, port, span: _ } = line;
    (name, path, options, port)
}

/// The bare key, which no canonical text contains.
fn key(line: Statement<'_>) -> Option<&str> {
    match line {
        Statement::Feature(line) => line.license_key.as_deref(),
        Statement::Upgrade(line) => line.to.license_key.as_deref(),
        Statement::Package(_) => None,
    }
}

fn is_utf16(file: &LicenseFile) -> bool {
    file.diagnostics.iter().any(|found| found.id == finding::UTF16.id)
}

/// The whole text in the canonical layout.
fn layout(file: &LicenseFile, style: Style) -> String {
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

fn push_line(text: &mut String, file: &LicenseFile, line: &Line, style: Style, line_end: &str) {
    let Some(parts) = parts(file, line) else {
        let body = body(file, line);
        text.push_str(if matches!(line.kind, LineKind::Comment) {
            body.trim_matches(is_blank)
        } else {
            body
        });
        return;
    };
    let mut laid = lay(&parts, style.columns, line_end);
    if laid.chars().count() >= LINE_CHARS_MAX {
        let whole = lay(&parts, usize::MAX, line_end);
        if whole.chars().count() < LINE_CHARS_MAX {
            laid = whole;
        }
    }
    if let [comment] = parts.comments.as_slice()
        && !laid.contains(line_end)
        && laid.chars().count() + 1 + comment.chars().count() < LINE_CHARS_MAX
    {
        text.push_str(&laid);
        text.push(' ');
        text.push_str(comment);
        return;
    }
    for comment in parts.comments {
        text.push_str(comment);
        text.push_str(line_end);
    }
    text.push_str(&laid);
}

/// A line without its line end, and without the mark that opens a file.
#[must_use]
pub fn body<'a>(file: &'a LicenseFile, line: &Line) -> &'a str {
    let whole = file.source.slice(line.span);
    let whole =
        if line.span.start == 0 { whole.strip_prefix(BYTE_ORDER_MARK).unwrap_or(whole) } else { whole };
    whole.strip_suffix("\r\n").or_else(|| whole.strip_suffix(['\r', '\n'])).unwrap_or(whole)
}

/// What a line consists of, when it is laid out anew.
struct Parts<'a> {
    words: Vec<Cow<'a, str>>,
    /// How many of the words stand on the first physical line.
    fields: usize,
    /// Its words may be paths, which are not wrapped.
    has_paths: bool,
    comments: Vec<&'a str>,
}

/// The parts of a line that is laid out anew; none for one that stays as it is.
fn parts<'a>(file: &'a LicenseFile, line: &Line) -> Option<Parts<'a>> {
    let fields = match &line.kind {
        // Host and hostid.
        LineKind::Server(_) => 3,
        LineKind::Vendor(_) => 2,
        LineKind::UseServer => 1,
        LineKind::Feature(_) => 6,
        LineKind::Upgrade(_) => 7,
        LineKind::Package(package) => 3 + usize::from(package.version.is_some()),
        _ => return None,
    };
    let (raws, comments) = split(body(file, line));
    let mut words = raws.into_iter().map(|word| written(word.raw)).collect::<Option<Vec<_>>>()?;
    // At the end of a line its backslash would continue it; what now keeps it from that is not laid out anew.
    if words.last()?.ends_with('\\') {
        return None;
    }
    let first = words.first_mut()?;
    *first = Cow::Borrowed(Keyword::of(first)?.as_str());
    let options: &[&str] = match &line.kind {
        LineKind::Server(_) => &SERVER_OPTIONS,
        LineKind::Vendor(_) => &VENDOR_OPTIONS,
        _ => &[],
    };
    for word in words.iter_mut().skip(fields) {
        capitalise(word, options);
    }
    let has_paths = matches!(line.kind, LineKind::Vendor(_));
    Some(Parts { words, fields, has_paths, comments })
}

/// The words of a text, and its comments from `#` on.
fn split(text: &str) -> (Vec<Word<'_>>, Vec<&str>) {
    let words: Vec<Word<'_>> = Words::new(text).collect();
    let mut comments = Vec::new();
    let mut at = 0;
    for (start, end) in
        words.iter().map(|word| (word.start, word.start + word.raw.len())).chain([(text.len(), text.len())])
    {
        // Between words stand blanks, line ends, backslashes and comments, which reach to their line's end.
        let mut gap = text.get(at..start).unwrap_or_default();
        while let Some(comment) = gap.find('#').and_then(|at| gap.get(at..)) {
            let (comment, rest) = comment.split_at(comment.find(['\r', '\n']).unwrap_or(comment.len()));
            comments.push(comment.trim_end_matches(is_blank));
            gap = rest;
        }
        at = end;
    }
    (words, comments)
}

/// A word with its wrapped places joined and its quotes kept; none if a quote stands where none should.
fn written(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.contains(['\r', '\n']) {
        return Some(Cow::Borrowed(raw));
    }
    if let Some(block) = raw.strip_prefix("AUTH=").filter(|value| value.starts_with('{')) {
        return Some(format!("AUTH={}", block_text(block).ok()?).into());
    }
    let Some(quote) = raw.find('"') else { return text(raw).ok() };
    let (name, value) = raw.split_at_checked(quote)?;
    // A name that is wrapped too stands before no quote: such a line has an error.
    if name.contains(['\r', '\n']) {
        return None;
    }
    Some(format!("{name}\"{}\"", text(value).ok()?).into())
}

/// The name of an option in capitals, as it may be written in any case. Its value stays.
fn capitalise(word: &mut Cow<'_, str>, options: &[&str]) {
    let end = word.find('=').map_or(word.len(), |at| at + 1);
    let (name, value) = word.split_at(end);
    if let Some(known) = options.iter().find(|known| name.eq_ignore_ascii_case(known))
        && name != *known
    {
        *word = format!("{known}{value}").into();
    }
}

/// Puts the words of a line on physical lines, its fields together on the first.
fn lay(parts: &Parts<'_>, columns: usize, line_end: &str) -> String {
    let mut page = Page::new(columns, line_end);
    for (index, word) in parts.words.iter().enumerate() {
        let is_last = index + 1 == parts.words.len();
        if index < parts.fields {
            page.put(word, index > 0);
            continue;
        }
        let width = word.chars().count();
        if page.has_room(width, is_last) {
            page.put(word, true);
            continue;
        }
        page.wrap();
        let mut begun = false;
        let mut pieces = if parts.has_paths { vec![&**word] } else { pieces(word) }.into_iter().peekable();
        while let Some(piece) = pieces.next() {
            if begun && !page.has_room(piece.chars().count(), is_last && pieces.peek().is_none()) {
                page.wrap();
                begun = false;
            }
            page.put(piece, begun);
            begun = true;
        }
    }
    page.finish()
}

/// Cuts a word at the blanks where it may be wrapped: single ones inside quotes or braces, neither at their ends nor
/// beside a backslash or before `#`, which older readers would take for something else.
fn pieces(word: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for (at, _) in word.match_indices(' ') {
        let (before, behind) = (word.get(..at).unwrap_or_default(), word.get(at + 1..).unwrap_or_default());
        let holds = |c: char| is_blank(c) || matches!(c, '"' | '\\');
        if before.ends_with(holds) || behind.starts_with(holds) || behind.starts_with('#') {
            continue;
        }
        pieces.extend(word.get(from..at));
        from = at + 1;
    }
    pieces.extend(word.get(from..));
    pieces
}
