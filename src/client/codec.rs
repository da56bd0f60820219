//! Frames on tokio streams.

use std::io;

use bytes::BytesMut;
use thiserror::Error;
use tokio_util::codec::{Decoder, Encoder};

use crate::wire::{self, EncodeError, Frame, FrameError, Message};

/// Why a stream of frames can't go on.
#[derive(Debug, Error)]
pub enum CodecError {
    /// The socket failed, or closed in the middle of a frame.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The bytes are not frames.
    #[error(transparent)]
    Frame(#[from] FrameError),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::Token;

    #[test]
    fn a_frame_split_anywhere_arrives_once() {
        let mut sent = BytesMut::new();
        let message = Message::Heartbeat { acknowledged: Token(7), idle_s: None };
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
}
