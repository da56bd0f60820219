//! The documents that the editor has open.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lsp_types::{Position, TextDocumentContentChangeEvent, Uri};
use ropey::Rope;

use super::place::{Encoding, path_of};
use crate::editor::Document;
use crate::license::LicenseFile;
use crate::lmutil::inputs::is_options;
use crate::options::OptionsFile;
use crate::text::Source;

/// Longer documents are not looked at.
pub(super) const DOCUMENT_BYTES_MAX: usize = 8 << 20;
/// Most documents that are looked at.
pub(super) const DOCUMENTS_MAX: usize = 200;

/// A document as the editor has it.
#[derive(Debug)]
pub(super) struct Open {
    /// Its address as the editor writes it.
    pub(super) uri: Uri,
    /// Where it is or will be on the disk; none for what was never saved.
    pub(super) path: Option<PathBuf>,
    /// The same behind links, if it is there.
    real: Option<PathBuf>,
    pub(super) version: i32,
    text: Rope,
    pub(super) document: Document,
}

/// All of them, by their addresses.
#[derive(Debug, Default)]
pub(super) struct Documents {
    open: BTreeMap<String, Open>,
}

/// Why a document is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotKept {
    #[error("it has more than {DOCUMENT_BYTES_MAX} bytes, so it is not checked")]
    Long,
    #[error("{DOCUMENTS_MAX} documents are open already, so it is not checked")]
    Many,
}

impl Documents {
    pub(super) fn open(&mut self, uri: Uri, version: i32, text: &str) -> Result<(), NotKept> {
        self.open.remove(uri.as_str());
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(NotKept::Long);
        }
        if self.open.len() >= DOCUMENTS_MAX {
            return Err(NotKept::Many);
        }
        let path = path_of(&uri);
        let real = path.as_deref().and_then(|path| path.canonicalize().ok());
        let name = path.as_ref().map_or_else(|| uri.as_str().to_owned(), |path| path.display().to_string());
        let source = Source::new(&name, text.as_bytes());
        let document = if is_options(&source) {
            Document::Options(OptionsFile::parse(source))
        } else {
            Document::License(LicenseFile::parse(source))
        };
        let open = Open { uri, path, real, version, text: Rope::from_str(text), document };
        self.open.insert(open.uri.as_str().to_owned(), open);
        Ok(())
    }

    /// Takes changes in their order. Those to a document that is not looked at are left out.
    pub(super) fn change(
        &mut self,
        uri: &Uri,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
    ) -> Result<(), NotKept> {
        let Some(open) = self.open.get_mut(uri.as_str()) else { return Ok(()) };
        for change in changes {
            match change.range {
                None => open.text = Rope::from_str(&change.text),
                Some(range) => {
                    let one = character_at(&open.text, range.start, encoding);
                    let other = character_at(&open.text, range.end, encoding);
                    // Both lie within the text, so neither can fail.
                    let _ = open.text.try_remove(one.min(other)..one.max(other));
                    let _ = open.text.try_insert(one.min(other), &change.text);
                }
            }
            if open.text.len_bytes() > DOCUMENT_BYTES_MAX {
                self.open.remove(uri.as_str());
                return Err(NotKept::Long);
            }
        }
        open.version = version;
        open.document = open.document.with_text(&String::from(&open.text));
        Ok(())
    }

    pub(super) fn close(&mut self, uri: &Uri) {
        self.open.remove(uri.as_str());
    }

    pub(super) fn get(&self, uri: &Uri) -> Option<&Open> {
        self.open.get(uri.as_str())
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Open> {
        self.open.values()
    }

    /// The document at a path, by whatever links it is reached.
    pub(super) fn at(&self, path: &Path) -> Option<&Open> {
        let by_name = self.all().find(|open| open.path.as_deref() == Some(path));
        by_name.or_else(|| {
            let real = path.canonicalize().ok()?;
            self.all().find(|open| open.real.as_deref() == Some(&*real))
        })
    }
}

/// Which character of a text a position means; the nearest end if it is out of bounds.
fn character_at(text: &Rope, at: Position, encoding: Encoding) -> usize {
    let number = usize::try_from(at.line).unwrap_or(usize::MAX);
    let column = usize::try_from(at.character).unwrap_or(usize::MAX);
    let Some(line) = text.get_line(number) else { return text.len_chars() };
    let begin = text.try_line_to_char(number).unwrap_or_else(|_| text.len_chars());
    let ending = line.chars_at(line.len_chars()).reversed().take_while(|c| matches!(c, '\r' | '\n')).count();
    let most = line.len_chars().saturating_sub(ending);
    let character = match encoding {
        Encoding::Utf8 => line.try_byte_to_char(column.min(line.len_bytes())),
        Encoding::Utf16 => line.try_utf16_cu_to_char(column.min(line.len_utf16_cu())),
    };
    begin + character.unwrap_or(most).min(most)
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use lsp_types::Range;

    use super::*;

    fn changed(text: &str, range: ((u32, u32), (u32, u32)), new: &str, encoding: Encoding) -> String {
        let uri = Uri::from_str("file:///none/a.opt").unwrap();
        let mut documents = Documents::default();
        documents.open(uri.clone(), 1, text).unwrap();
        let at = |(line, character)| Position::new(line, character);
        let change = TextDocumentContentChangeEvent {
            range: Some(Range::new(at(range.0), at(range.1))),
            range_length: None,
            text: new.to_owned(),
        };
        documents.change(&uri, 2, vec![change], encoding).unwrap();
        documents.get(&uri).unwrap().document.source().text().to_owned()
    }

    #[test]
    fn changes_are_made_where_they_are_meant() {
        use Encoding::{Utf8, Utf16};
        assert_eq!(changed("a𝄞b\r\nc\n", ((0, 3), (0, 4)), "B", Utf16), "a𝄞B\r\nc\n");
        assert_eq!(changed("a𝄞b\r\nc\n", ((0, 5), (0, 6)), "B", Utf8), "a𝄞B\r\nc\n");
        assert_eq!(changed("a\rb\rc", ((1, 0), (2, 0)), "", Utf16), "a\rc");
        assert_eq!(changed("a\u{2028}b\nc", ((1, 0), (1, 1)), "d", Utf16), "a\u{2028}b\nd");
        assert_eq!(changed("ab\r\nc", ((0, 99), (0, 99)), "!", Utf16), "ab!\r\nc");
        assert_eq!(changed("ab", ((7, 7), (9, 9)), "!", Utf16), "ab!");
        assert_eq!(changed("abc", ((0, 2), (0, 1)), "-", Utf16), "a-c");
        assert_eq!(changed("", ((0, 0), (0, 0)), "x", Utf16), "x");
    }

    #[test]
    fn long_and_many_documents_are_left_out() {
        let uri = |n: usize| Uri::from_str(&format!("untitled:{n}")).unwrap();
        let mut documents = Documents::default();
        assert_eq!(documents.open(uri(0), 1, &"x".repeat(DOCUMENT_BYTES_MAX + 1)), Err(NotKept::Long));
        for n in 0..DOCUMENTS_MAX {
            documents.open(uri(n), 1, "").unwrap();
        }
        assert_eq!(documents.open(uri(DOCUMENTS_MAX), 1, ""), Err(NotKept::Many));
        let whole = TextDocumentContentChangeEvent {
            range: None,
            range_length: None,
            text: "x".repeat(DOCUMENT_BYTES_MAX + 1),
        };
        assert_eq!(documents.change(&uri(3), 2, vec![whole], Encoding::Utf8), Err(NotKept::Long));
        assert!(documents.get(&uri(3)).is_none());
    }
}
