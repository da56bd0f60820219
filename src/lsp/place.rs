//! Lines and columns of the protocol, and `file:` addresses.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use lsp_types::{Position, PositionEncodingKind, Range, Uri};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::text::{Source, Span};

/// What a column counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Bytes of UTF-8.
    Utf8,
    /// Units of UTF-16: the protocol's own.
    Utf16,
}

impl Encoding {
    /// The one that is used with a client that offers these.
    pub(super) fn of(offered: Option<&[PositionEncodingKind]>) -> Self {
        if offered.unwrap_or_default().contains(&PositionEncodingKind::UTF8) {
            Self::Utf8
        } else {
            Self::Utf16
        }
    }

    pub(super) const fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
        }
    }

    const fn units(self, character: char) -> usize {
        match self {
            Self::Utf8 => character.len_utf8(),
            Self::Utf16 => character.len_utf16(),
        }
    }
}

/// The byte at a position. What lies behind a line is its end, what lies behind the text its end; what lies inside a character
/// is its begin.
pub(super) fn offset(source: &Source, at: Position, encoding: Encoding) -> usize {
    let line = source.line_span(usize::try_from(at.line).unwrap_or(usize::MAX).saturating_add(1));
    let mut left = usize::try_from(at.character).unwrap_or(usize::MAX);
    let mut offset = line.start;
    for character in source.slice(line).chars() {
        let units = encoding.units(character);
        if units > left {
            break;
        }
        left -= units;
        offset += character.len_utf8();
    }
    offset
}

/// The position of a byte.
pub(super) fn position(source: &Source, offset: usize, encoding: Encoding) -> Position {
    let line = source.place(offset).line;
    let head = source.slice(Span::new(source.line_span(line).start, offset));
    let column: usize = head.chars().map(|character| encoding.units(character)).sum();
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Position::new(number(line.saturating_sub(1)), number(column))
}

/// The range of a span.
pub(super) fn range(source: &Source, span: Span, encoding: Encoding) -> Range {
    Range::new(position(source, span.start, encoding), position(source, span.end.max(span.start), encoding))
}

/// What stands in a path of an address as it is.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The path of a `file:` address of this machine; none for other addresses.
pub(super) fn path_of(uri: &Uri) -> Option<PathBuf> {
    let rest = uri.as_str().strip_prefix("file://")?;
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return None;
    }
    let bytes: Vec<u8> = percent_decode_str(path).collect();
    if bytes.contains(&0) {
        return None;
    }
    // Windows: /C:/x means C:/x.
    if let [b'/', drive, b':', rest @ ..] = bytes.as_slice()
        && drive.is_ascii_alphabetic()
        && cfg!(windows)
    {
        let rest = String::from_utf8_lossy(rest);
        return Some(PathBuf::from(format!("{}:{rest}", char::from(*drive))));
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt as _;
        Some(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
    }
    #[cfg(not(unix))]
    {
        String::from_utf8(bytes).ok().map(PathBuf::from)
    }
}

/// The address of an absolute path.
pub(super) fn uri_of(path: &Path) -> Option<Uri> {
    let text = path.to_str()?.replace('\\', "/");
    let root = if text.starts_with('/') { "" } else { "/" };
    Uri::from_str(&format!("file://{root}{}", utf8_percent_encode(&text, ESCAPED))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("a.opt", text.as_bytes())
    }

    #[test]
    fn positions_are_those_of_both_encodings() {
        let source = source("äb\t𝄞c\r\nx\ry");
        let at = source.text().find('c').unwrap();
        assert_eq!(position(&source, at, Encoding::Utf16), Position::new(0, 5));
        assert_eq!(position(&source, at, Encoding::Utf8), Position::new(0, 8));
        let y = source.text().find('y').unwrap();
        assert_eq!(position(&source, y, Encoding::Utf16), Position::new(2, 0));
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            for (byte, _) in source.text().char_indices().filter(|(_, c)| *c != '\n') {
                assert_eq!(offset(&source, position(&source, byte, encoding), encoding), byte);
            }
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_the_nearest_end() {
        let source = source("äb\r\nx");
        let at = |line, column| offset(&source, Position::new(line, column), Encoding::Utf16);
        assert_eq!((at(0, 99), at(1, 99), at(99, 0), at(u32::MAX, u32::MAX)), (3, 6, 6, 6));
        let inside = offset(&source, Position::new(0, 1), Encoding::Utf8);
        assert_eq!(inside, 0, "inside a character");
    }

    #[cfg(unix)]
    #[test]
    fn addresses_are_paths_and_back() {
        for path in ["/a/b.lic", "/with blank/ä#%?.opt", "/a+b&c=d:e.lic"] {
            let uri = uri_of(Path::new(path)).unwrap();
            assert_eq!(path_of(&uri).as_deref(), Some(Path::new(path)), "{}", uri.as_str());
        }
        for other in
            ["untitled:Untitled-1", "file://host/share/a.lic", "file:///a%00b", "http://lic1.example/a.lic"]
        {
            assert_eq!(path_of(&Uri::from_str(other).unwrap()), None, "{other}");
        }
    }
}
