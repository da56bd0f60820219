//! Signing as an edit of the file's text: only `SIGN=` attributes change.

use crate::license::{HostId, LicenseFile, Line, LineKind, Statement};
use crate::sign::SigningKey;
use crate::text::{Severity, Source, Span};

/// Signatures are laid out as lmfmt lays them out, within this many columns, with a tab
/// before continued lines (`flexnet-files.md` 1.1, Line length).
const COLUMNS: usize = 70;
/// A logical line that we write stays below this many characters, which old readers can hold.
const LINE_CHARS_MAX: usize = 4000;
const INDENT: &str = "\t";
const INDENT_COLUMNS: usize = 8;
/// Columns of the blank and the backslash behind what is continued.
const CONTINUATION_COLUMNS: usize = 2;

/// The outcome of signing a file.
#[derive(Debug)]
pub(super) struct SignedFile {
    /// The whole file with its new signatures; the same file if nothing was signed.
    pub(super) bytes: Vec<u8>,
    /// How many lines were signed.
    pub(super) count: usize,
    /// Lines that were left alone, with the reason.
    pub(super) notes: Vec<String>,
    /// Lines of the key's vendor that can't be signed, with the reason. If there is one, `bytes` must not be used.
    pub(super) refused: Vec<String>,
}

/// Signs every FEATURE, INCREMENT, UPGRADE and PACKAGE line of the key's vendor. All other bytes stay as they are.
pub(super) fn sign_file(file: &LicenseFile, key: &SigningKey) -> SignedFile {
    let source = &file.source;
    let hostids: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
    let mut edit = Edit::new(source);
    let (mut count, mut notes, mut refused) = (0, Vec::new(), Vec::new());
    for line in &file.lines {
        let place = source.place(line.span.start).line;
        if !matches!(line.kind, LineKind::Invalid) {
            // What is doubtful here would trouble the customer later.
            notes.extend(file.diagnostics_of(line).map(|found| found.line(source)));
        }
        if let Some(statement) = Statement::of(&line.kind) {
            let what = title(source, statement);
            if statement.vendor() != key.vendor() {
                notes.push(format!("{what}: skipped, vendor {}", statement.vendor()));
                continue;
            }
            match edit.sign(line, statement, &hostids, key) {
                Ok(()) => count += 1,
                Err(why) => refused.push(format!("{what}: refused: {why}")),
            }
            continue;
        }
        match &line.kind {
            LineKind::Unserved(keyword) => {
                notes.push(format!(
                    "{}:{place}: {keyword}: skipped, such lines are not signed",
                    source.name()
                ));
            }
            LineKind::Invalid => refused.extend(errors(file, line)),
            _ => {}
        }
    }
    SignedFile { bytes: edit.finish(), count, notes, refused }
}

/// `file:line: KEYWORD name`.
pub(super) fn title(source: &Source, statement: Statement<'_>) -> String {
    let place = source.place(statement.span().start).line;
    format!("{}:{place}: {} {}", source.name(), statement.keyword(), statement.name())
}

/// A file's text with some of it replaced, from its beginning to its end.
pub(super) struct Edit<'a> {
    source: &'a Source,
    text: String,
    copied: usize,
}

impl<'a> Edit<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self { source, text: String::with_capacity(source.text().len() * 2), copied: 0 }
    }

    /// Puts a text into the place of another one, which begins behind all that were replaced before.
    pub(super) fn replace(&mut self, span: Span, new: &str) {
        self.text.push_str(self.source.slice(Span::new(self.copied, span.start)));
        self.text.push_str(new);
        self.copied = span.end;
    }

    /// Puts a signature on a line, or says why it can't have one. `hostids` are those of the SERVER lines.
    pub(super) fn sign(
        &mut self,
        line: &Line,
        statement: Statement<'_>,
        hostids: &[HostId],
        key: &SigningKey,
    ) -> Result<(), String> {
        let value = signature(statement, hostids, key)?;
        let (span, new) = replacement(self.source, statement, &value);
        let longer = new.len().saturating_sub(span.end - span.start);
        if self.source.slice(line.span).chars().count() + longer >= LINE_CHARS_MAX {
            return Err(format!("the line would have {LINE_CHARS_MAX} characters or more"));
        }
        self.replace(span, &new);
        Ok(())
    }

    /// The bytes of the file, in its encoding.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.text.push_str(self.source.slice(Span::new(self.copied, self.source.text().len())));
        self.source.encode(&self.text)
    }
}

/// The value of SIGN for a line, or why it can't have one.
fn signature(line: Statement<'_>, hostids: &[HostId], key: &SigningKey) -> Result<String, String> {
    for attribute in line.attributes() {
        let Some(value) = &attribute.value else { continue };
        // Readers may take these for the end of the value or of the line (`flexnet-files.md` 1.1, Quoting).
        if value.contains('\'') {
            return Err(format!(
                "{} has a single quote in its value, which old readers take for its end",
                attribute.name
            ));
        }
        if value.contains(" \\ ") || value.contains(" \\\\ ") {
            return Err(format!(
                "{} has a lone backslash in its value, which old readers take for a wrapped line",
                attribute.name
            ));
        }
    }
    let text = line.canonical(hostids).map_err(|error| error.to_string())?;
    Ok(key.sign(&text))
}

/// Which text of the file becomes what.
fn replacement(source: &Source, line: Statement<'_>, value: &str) -> (Span, String) {
    let line_end = line_end(source.text());
    match line.attribute("SIGN") {
        Some(old) => {
            let head = before(source, old.span.start);
            let alone = head.trim().is_empty();
            let column = columns(if alone { head } else { head.trim_end() });
            (old.span, wrapped(value, column, alone, line_end))
        }
        None => {
            let at = line.span().end;
            let column = columns(before(source, at));
            (Span::new(at, at), format!(" {}", wrapped(value, column, false, line_end)))
        }
    }
}

/// How many columns a text takes from the beginning of its line.
fn columns(text: &str) -> usize {
    text.chars().fold(0, |column, character| match character {
        '\t' => (column / INDENT_COLUMNS + 1) * INDENT_COLUMNS,
        _ => column + 1,
    })
}

/// The text between the beginning of the physical line and `offset`.
fn before(source: &Source, offset: usize) -> &str {
    let head = source.text().get(..offset).unwrap_or_default();
    head.rsplit(['\n', '\r']).next().unwrap_or_default()
}

/// `SIGN="…"` behind so many columns and a blank, wrapped at blanks of the value. Begins on a new physical line if the whole does
/// not fit behind what is there, unless nothing but blanks is there (`alone`).
fn wrapped(value: &str, column: usize, alone: bool, line_end: &str) -> String {
    let break_line = format!("\\{line_end}{INDENT}");
    let whole = format!("SIGN=\"{value}\"");
    let mut width = column;
    let mut text = String::new();
    if !alone {
        if column + 1 + whole.len() <= COLUMNS {
            return whole;
        }
        text.push_str(&break_line);
        width = INDENT_COLUMNS;
    }
    let mut words = whole.split(' ').peekable();
    let mut begun = false;
    while let Some(word) = words.next() {
        let behind = if words.peek().is_some() { CONTINUATION_COLUMNS } else { 0 };
        if begun {
            text.push(' ');
            width += 1;
        }
        if begun && width + word.len() + behind > COLUMNS {
            text.push_str(&break_line);
            width = INDENT_COLUMNS;
        }
        text.push_str(word);
        width += word.len();
        begun = true;
    }
    text
}

/// How the file ends its lines.
fn line_end(text: &str) -> &'static str {
    match text.find(['\r', '\n']).and_then(|at| text.get(at..)) {
        Some(end) if end.starts_with("\r\n") => "\r\n",
        Some(end) if end.starts_with('\r') => "\r",
        _ => "\n",
    }
}

/// Why a line can't be read.
pub(super) fn errors(file: &LicenseFile, line: &Line) -> Vec<String> {
    let found: Vec<String> = file
        .diagnostics_of(line)
        .filter(|found| found.severity == Severity::Error)
        .map(|found| found.line(&file.source))
        .collect();
    if found.is_empty() {
        let place = file.source.place(line.span.start).line;
        return vec![format!("{}:{place}: the line can't be read", file.source.name())];
    }
    found
}
