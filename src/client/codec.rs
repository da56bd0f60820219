//! Frames and lines on tokio streams. The server shells use these codecs too.

use std::io;

use bytes::BytesMut;
use thiserror::Error;
use tokio_util::codec::{Decoder, Encoder};

use crate::wire::{self, EncodeError, Frame, FrameError, LineError, LineReply, LineRequest, Message};

/// Why a stream of frames or lines can't go on.
#[derive(Debug, Error)]
pub enum CodecError {
    /// The socket failed, or closed in the middle of a frame.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The bytes are not frames.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A line is too long.
    #[error(transparent)]
    Line(#[from] LineError),
    /// A message does not fit into a frame; the stream can go on.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Frames in, messages with their request id out.
#[derive(Debug, Clone, Copy, Default)]
pub struct FrameCodec;

impl Decoder for FrameCodec {
    type Item = Frame;
    type Error = CodecError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        Ok(wire::decode(input)?)
    }
}

impl Encoder<(u32, &Message)> for FrameCodec {
    type Error = CodecError;

    fn encode(&mut self, (id, message): (u32, &Message), output: &mut BytesMut) -> Result<(), CodecError> {
        Ok(wire::encode(message, id, output)?)
    }
}

impl Encoder<(u32, Message)> for FrameCodec {
    type Error = CodecError;

    fn encode(&mut self, (id, message): (u32, Message), output: &mut BytesMut) -> Result<(), CodecError> {
        Ok(wire::encode(&message, id, output)?)
    }
}

/// The server's side of the line protocol: requests in, answers out. A line that is no request is an item too, because
/// it is answered.
#[derive(Debug, Clone, Copy, Default)]
pub struct LineCodec;

impl Decoder for LineCodec {
    type Item = Result<LineRequest, LineError>;
    type Error = CodecError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Self::Item>, CodecError> {
        match wire::decode_line(input) {
            Ok(None) => Ok(None),
            Ok(Some(line)) => Ok(Some(LineRequest::parse(&line))),
            Err(LineError::TooLong) => Err(LineError::TooLong.into()),
            Err(other) => Ok(Some(Err(other))),
        }
    }
}

impl Encoder<LineReply> for LineCodec {
    type Error = CodecError;

    fn encode(&mut self, reply: LineReply, output: &mut BytesMut) -> Result<(), CodecError> {
        reply.write(output);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::{Handle, Token};

    #[test]
    fn a_frame_split_anywhere_arrives_once() {
        let mut sent = BytesMut::new();
        let message = Message::Heartbeat { acknowledged: Token(7) };
        FrameCodec.encode((9, &message), &mut sent).unwrap();
        for cut in 0..sent.len() {
            let mut input = BytesMut::from(&sent[..cut]);
            assert!(FrameCodec.decode(&mut input).unwrap().is_none(), "{cut}");
            input.extend_from_slice(&sent[cut..]);
            let frame = FrameCodec.decode(&mut input).unwrap().unwrap();
            assert_eq!((frame.request_id, frame.end, frame.message), (9, true, Ok(message.clone())));
            assert!(input.is_empty());
        }
    }

    #[test]
    fn a_bad_line_is_an_item_and_a_long_one_ends_the_stream() {
        let mut input = BytesMut::from(&b"CHECKIN 4\r\nCHEKIN 4\n\xFF\nQUIT\n"[..]);
        assert_eq!(LineCodec.decode(&mut input).unwrap(), Some(Ok(LineRequest::Checkin(Handle(4)))));
        assert!(matches!(LineCodec.decode(&mut input), Ok(Some(Err(LineError::UnknownWord(_))))));
        assert_eq!(LineCodec.decode(&mut input).unwrap(), Some(Err(LineError::NotText)));
        assert_eq!(LineCodec.decode(&mut input).unwrap(), Some(Ok(LineRequest::Quit)));
        let mut input = BytesMut::from(&[b'x'; wire::limits::LINE_BYTES_MAX][..]);
        assert!(matches!(LineCodec.decode(&mut input), Err(CodecError::Line(LineError::TooLong))));
    }
}
