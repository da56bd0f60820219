//! Connections that delay, stall, lose, reset and forget to say that they are gone.

use seatkeeper::ident::SessionId;
use seatkeeper::vendord::Line;
use seatkeeper::wire::Message;

use super::oracle::Attended;

/// Which end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Client,
    Server,
}

/// What is under way.
#[derive(Debug)]
pub(crate) enum Parcel {
    /// Bytes, and the message that they are, if they are one.
    Bytes(Vec<u8>, Option<Box<Message>>),
    /// What speaks lines.
    Text(Vec<u8>),
    /// Nothing more comes.
    Fin,
    /// The connection is no more.
    Rst,
}

/// One connection.
pub(crate) struct Connection {
    /// Whose, by number.
    pub(crate) client: usize,
    /// The server's end; none before it is accepted and after it is closed.
    pub(crate) line: Option<Line>,
    /// The server's end was there and is not any more.
    pub(crate) gone: bool,
    /// The client's end is open.
    pub(crate) open: bool,
    /// Parcels there, and back, are lost.
    pub(crate) cut: (bool, bool),
    /// When the last parcel there, and back, arrives: none overtakes another.
    pub(crate) arrival: (u64, u64),
    /// The session that the server has welcomed on it.
    pub(crate) session: Option<SessionId>,
    /// Bytes came over it that are no message.
    pub(crate) noisy: bool,
    /// Its client speaks lines.
    pub(crate) lines: bool,
    /// The client's FIN has come.
    pub(crate) ended: bool,
    /// When its HELLO was handled, and after how many others.
    pub(crate) greeted: Attended,
    pub(crate) greeted_nth: u64,
    /// Whether the session that it asks to resume went on over it, as far as was decided.
    pub(crate) goes_on: bool,
    /// The session it asks to resume, with the epoch that it knows.
    pub(crate) claims: Option<(SessionId, u32)>,
    /// What the server has sent and was not looked at yet, as a message may come in parts.
    pub(crate) said: bytes::BytesMut,
}

impl Connection {
    pub(crate) fn new(client: usize) -> Self {
        Self {
            client,
            line: None,
            gone: false,
            open: true,
            cut: (false, false),
            arrival: (0, 0),
            session: None,
            noisy: false,
            lines: false,
            ended: false,
            greeted: Attended::default(),
            greeted_nth: 0,
            goes_on: false,
            claims: None,
            said: bytes::BytesMut::new(),
        }
    }
}
