//! Frames: fourteen bytes of header, then the body.

use bytes::{Buf, BytesMut};
use thiserror::Error;

use super::limits::FRAME_BYTES_MAX;
use super::{Message, MessageError, decode as body};
use crate::code::{Code, minor};
use crate::event::Denial;

/// First two bytes of every frame; the first is neither ASCII nor the first byte of TLS.
pub const MAGIC: [u8; 2] = [0xC5, 0x4B];

/// Version of the frame layout, the third byte.
pub const VERSION: u8 = 1;

/// Length of the header.
pub const HEADER_BYTES: usize = 14;

/// Flag: the last frame of an answer. Every message that is one frame long carries it.
pub const FLAG_END: u16 = 0x0001;

/// What a connection speaks, told by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// A TLS handshake record.
    Tls,
    /// Frames.
    Frames,
    /// Text lines.
    Lines,
    /// Nothing that is spoken here: close.
    Unknown,
}

impl Opening {
    /// Judges the first byte of a connection.
    #[must_use]
    pub const fn of(first: u8) -> Self {
        match first {
            0x16 => Self::Tls,
            0xC5 => Self::Frames,
            first if first.is_ascii_alphabetic() => Self::Lines,
            _ => Self::Unknown,
        }
    }
}

/// A frame that has arrived whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Number that the asker chose; the answer carries the same. 0 in notices.
    pub request_id: u32,
    /// Whether this is the last frame of its answer.
    pub end: bool,
    /// Its message, or why it has none that is understood here.
    pub message: Result<Message, MessageError>,
}

/// Why the bytes are not frames. The connection can't go on: nobody knows where the next frame begins.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The frame does not begin with [`MAGIC`].
    #[error("expected a frame, found bytes {0:02x} {1:02x}")]
    BadMagic(u8, u8),
    /// The header announces more than [`FRAME_BYTES_MAX`].
    #[error("a frame of {0} bytes is announced; at most {FRAME_BYTES_MAX} are accepted")]
    TooLong(u64),
}

impl FrameError {
    /// What to tell the peer before closing.
    #[must_use]
    pub fn denial(&self) -> Denial {
        let (code, place) = match self {
            Self::BadMagic(..) => (Code::BadProtocol, minor::MALFORMED),
            Self::TooLong(_) => (Code::LimitReached, minor::PEER_LIMIT),
        };
        Denial::new(code, place, &self.to_string())
    }
}

/// Takes the first frame out of what has been read, once it is there whole; `None` until then, with room reserved for
/// the rest. The header is judged as soon as it is there, before any of the body is kept.
///
/// # Errors
/// [`FrameError`] when the bytes are not a frame or the frame is too long. Whoever gets it closes the connection.
pub fn decode(input: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
    let [magic_0, magic_1, rest @ ..] = &input[..] else {
        return match input.first() {
            Some(&other) if other != MAGIC[0] => Err(FrameError::BadMagic(other, 0)),
            _ => Ok(None),
        };
    };
    if [*magic_0, *magic_1] != MAGIC {
        return Err(FrameError::BadMagic(*magic_0, *magic_1));
    }
    let [version, kind, flag_0, flag_1, i0, i1, i2, i3, n0, n1, n2, n3, rest @ ..] = rest else {
        return Ok(None);
    };
    let announced = u32::from_be_bytes([*n0, *n1, *n2, *n3]);
    let length = match usize::try_from(announced) {
        Ok(length) if length <= FRAME_BYTES_MAX - HEADER_BYTES => length,
        _ => return Err(FrameError::TooLong(u64::from(announced) + HEADER_BYTES as u64)),
    };
    let Some(content) = rest.get(..length) else {
        let missing = length - rest.len();
        input.reserve(missing);
        return Ok(None);
    };
    let frame = Frame {
        request_id: u32::from_be_bytes([*i0, *i1, *i2, *i3]),
        end: u16::from_be_bytes([*flag_0, *flag_1]) & FLAG_END != 0,
        message: if *version == VERSION {
            body::message(*kind, content)
        } else {
            Err(MessageError::FrameVersion(*version))
        },
    };
    input.advance(HEADER_BYTES + length);
    Ok(Some(frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_tells_the_languages_apart() {
        assert_eq!(Opening::of(0x16), Opening::Tls);
        assert_eq!(Opening::of(MAGIC[0]), Opening::Frames);
        assert_eq!(Opening::of(b'H'), Opening::Lines);
        assert_eq!(Opening::of(b'\n'), Opening::Unknown);
        assert_eq!(Opening::of(0), Opening::Unknown);
    }

    #[test]
    fn a_gigabyte_is_refused_on_the_header() {
        let mut input = BytesMut::from(&[0xC5, 0x4B, 1, 4, 0, 1, 0, 0, 0, 1, 0x40, 0, 0, 0][..]);
        let before = input.capacity();
        assert_eq!(decode(&mut input), Err(FrameError::TooLong((1 << 30) + 14)));
        assert_eq!(input.capacity(), before);
    }

    #[test]
    fn a_wrong_first_byte_is_refused_at_once() {
        assert_eq!(decode(&mut BytesMut::from(&b"G"[..])), Err(FrameError::BadMagic(b'G', 0)));
        assert_eq!(decode(&mut BytesMut::from(&[0xC5][..])), Ok(None));
        assert_eq!(decode(&mut BytesMut::new()), Ok(None));
    }
}
