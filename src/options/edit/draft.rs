//! A file on its way to another one: which lines stay, which are rewritten, and what comes between them.

use std::collections::BTreeMap;

use super::{Change, ChangeKind, EditError, on_one_line};
use crate::options::file::{Line, LineKind, OptionLine, OptionsFile};
use crate::options::format::placeless;
use crate::options::lexis::is_blank;
use crate::text::layout::line_end;
use crate::text::{BYTE_ORDER_MARK, Source};

/// Edits of single lines of a file, by index.
pub(super) struct Draft<'a> {
    pub(super) file: &'a OptionsFile,
    /// The new text of lines, with their line ends; empty for a line that goes.
    rewritten: BTreeMap<usize, String>,
    /// New lines, without line ends, by the index of the line that they stand before.
    inserted: BTreeMap<usize, Vec<String>>,
}

/// Where a part of the new text comes from.
enum Piece {
    Kept(usize),
    Rewritten(usize),
    Inserted,
    /// A line end that a new line needs.
    Glue,
}

impl<'a> Draft<'a> {
    pub(super) const fn new(file: &'a OptionsFile) -> Self {
        Self { file, rewritten: BTreeMap::new(), inserted: BTreeMap::new() }
    }

    /// The lines that have an effect, with their indexes.
    pub(super) fn options(&self) -> impl Iterator<Item = (usize, &'a OptionLine)> + use<'a> {
        self.file.lines.iter().enumerate().filter_map(|(index, line)| match &line.kind {
            LineKind::Option(option) => Some((index, &**option)),
            _ => None,
        })
    }

    /// The physical line on which a line begins.
    pub(super) fn number(&self, line: &OptionLine) -> usize {
        self.file.source.place(line.span.start).line
    }

    /// The text of a line with its line end, without the mark that opens a file.
    pub(super) fn text(&self, index: usize) -> &'a str {
        self.file.lines.get(index).map_or("", |line| self.whole(line).1)
    }

    /// The mark that opens a file, if the line has it, and the rest of the line.
    fn whole(&self, line: &Line) -> (&'a str, &'a str) {
        let text = self.file.source.slice(line.span);
        let mark = if line.span.start == 0 { self.file.source.begin() } else { 0 };
        text.split_at_checked(mark).unwrap_or(("", text))
    }

    /// Gives a line another text, with its line end.
    pub(super) fn rewrite(&mut self, index: usize, text: String) {
        self.rewritten.insert(index, text);
    }

    pub(super) fn remove(&mut self, index: usize) {
        self.rewritten.insert(index, String::new());
    }

    /// Puts a new line before the line with this index; behind the last one for their number.
    pub(super) fn insert(&mut self, before: usize, text: String) {
        self.inserted.entry(before).or_default().push(text);
    }

    /// The place behind the last line that is not blank.
    pub(super) fn end(&self) -> usize {
        let last = self.file.lines.iter().rposition(|line| !matches!(line.kind, LineKind::Blank));
        last.map_or(self.file.lines.len().min(1), |last| last + 1)
    }

    /// Whether the last physical line of a line ends with a backslash, so that a line which follows at once would become a part of it.
    fn continues(&self, index: usize) -> bool {
        let is_words = |line: &&Line| matches!(line.kind, LineKind::Option(_) | LineKind::Invalid);
        self.file.lines.get(index).filter(is_words).is_some_and(|line| {
            let blanks = |byte: char| u8::try_from(byte).is_ok_and(is_blank) || matches!(byte, '\r' | '\n');
            self.file.source.slice(line.span).trim_end_matches(blanks).ends_with('\\')
        })
    }

    /// The bytes of the new file, what differs, and the new file as it is read.
    ///
    /// # Errors
    /// [`EditError::NotInEncoding`], and [`EditError::MeaningChanged`] if a line that is kept would be read otherwise.
    pub(super) fn finish(self) -> Result<(Vec<u8>, Vec<Change>, OptionsFile), EditError> {
        let source = &self.file.source;
        let mut text = String::with_capacity(source.text().len() + 256);
        let mut pieces: Vec<(usize, Piece)> = Vec::new();
        let usual = line_end(source.text());
        for index in 0..=self.file.lines.len() {
            let line = self.file.lines.get(index);
            let (mark, body) = line.map_or(("", ""), |line| self.whole(line));
            text.push_str(mark);
            for new in self.inserted.get(&index).into_iter().flatten() {
                let so_far = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
                let is_first = so_far.is_empty();
                let eol = ["\r\n", "\n", "\r"].into_iter().find(|end| so_far.ends_with(end));
                let open_end = !is_first && eol.is_none();
                let eol = eol.unwrap_or(usual);
                let continued =
                    index > 0 && self.continues(index - 1) && !self.rewritten.contains_key(&(index - 1));
                for _ in 0..usize::from(open_end) + usize::from(continued) {
                    pieces.push((text.len(), Piece::Glue));
                    text.push_str(eol);
                }
                pieces.push((if is_first { 0 } else { text.len() }, Piece::Inserted));
                text.push_str(new);
                // A file whose last line has no end keeps that.
                if line.is_some() || is_first || !open_end {
                    text.push_str(eol);
                }
            }
            if line.is_some() {
                let is_first = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text).is_empty();
                let start = if is_first { 0 } else { text.len() };
                match self.rewritten.get(&index) {
                    None => {
                        pieces.push((start, Piece::Kept(index)));
                        text.push_str(body);
                    }
                    Some(new) => {
                        pieces.push((start, Piece::Rewritten(index)));
                        text.push_str(new);
                    }
                }
            }
        }
        let bytes = source.encode(&text);
        let new = OptionsFile::parse(Source::new(source.name(), &bytes));
        if new.source.text() != text {
            let strange = text.chars().find(|c| u32::from(*c) > 0xff).filter(|_| source.is_latin1());
            return Err(strange.map_or(EditError::MeaningChanged(1), EditError::NotInEncoding));
        }
        self.check(&pieces, &new)?;
        let changes = self.changes(&pieces, &new);
        Ok((bytes, changes, new))
    }

    /// That every line which is kept is read as before.
    fn check(&self, pieces: &[(usize, Piece)], new: &OptionsFile) -> Result<(), EditError> {
        for (start, piece) in pieces {
            let (index, must_be) = match piece {
                Piece::Kept(index) => (*index, self.file.lines.get(*index)),
                _ => continue,
            };
            let Some(old) = must_be else { continue };
            let found = line_at(new, *start);
            let same = found.is_some_and(|line| {
                let text = self.whole(old).1;
                let now = new.source.slice(line.span);
                let now = now.strip_prefix(BYTE_ORDER_MARK).filter(|_| line.span.start == 0).unwrap_or(now);
                // The last line gets a line end when another one follows.
                let ended = text.ends_with(['\r', '\n']);
                (now == text || (!ended && now.trim_end_matches(['\r', '\n']) == text))
                    && match (&old.kind, &line.kind) {
                        (LineKind::Blank, LineKind::Blank)
                        | (LineKind::Comment, LineKind::Comment)
                        | (LineKind::Invalid, LineKind::Invalid) => true,
                        (LineKind::Option(a), LineKind::Option(b)) => {
                            placeless(&a.directive) == placeless(&b.directive)
                        }
                        _ => false,
                    }
            });
            // A byte order mark without a line, or an empty line end behind it, is no line of its own once something follows.
            if !same && !self.whole(old).1.is_empty() {
                let number =
                    self.file.lines.get(index).map_or(1, |line| self.file.source.place(line.span.start).line);
                return Err(EditError::MeaningChanged(number));
            }
        }
        Ok(())
    }

    fn changes(&self, pieces: &[(usize, Piece)], new: &OptionsFile) -> Vec<Change> {
        let said = |file: &OptionsFile, line: Option<&Line>| match line.map(|line| &line.kind) {
            Some(LineKind::Option(option)) => on_one_line(file, option),
            _ => String::new(),
        };
        let mut changes = Vec::new();
        for (start, piece) in pieces {
            let after = |new: &OptionsFile| said(new, line_at(new, *start));
            let line = new.source.place(*start).line;
            match piece {
                Piece::Kept(_) | Piece::Glue => {}
                Piece::Inserted => {
                    changes.push(Change {
                        kind: ChangeKind::Added,
                        line,
                        before: String::new(),
                        after: after(new),
                    });
                }
                Piece::Rewritten(index) => {
                    let old = self.file.lines.get(*index);
                    let before = said(self.file, old);
                    let gone = self.rewritten.get(index).is_some_and(String::is_empty);
                    changes.push(if gone {
                        let line = old.map_or(1, |old| self.file.source.place(old.span.start).line);
                        Change { kind: ChangeKind::Removed, line, before, after: String::new() }
                    } else {
                        Change { kind: ChangeKind::Changed, line, before, after: after(new) }
                    });
                }
            }
        }
        changes
    }
}

/// The line that begins at a place.
fn line_at(file: &OptionsFile, start: usize) -> Option<&Line> {
    let index = file.lines.binary_search_by_key(&start, |line| line.span.start).ok()?;
    file.lines.get(index)
}
