//! What goes over the network: frames with their messages, the text line protocol, and the limits of both.
//!
//! Everything here works on bytes that somebody else has read: no socket, no clock, no task. `grammar/wire.md` says what
//! every byte means and `grammar/line-protocol.abnf` what every line looks like; `tests/wire.rs` keeps them true.
//! The tokio codecs over it live in `client::codec`. Nothing a peer sends may panic, hang or grow without bound: a length
//! is judged on the header, before any of the body is kept.

mod clock;
mod decode;
mod encode;
mod frame;
mod grounds;
pub mod kind;
pub mod limits;
mod line;
mod line_status;
mod message;
mod message_error;
pub mod pipe;
mod server_message;
mod status_items;
pub mod tag;
mod tlv;

pub use encode::{EncodeError, encode, encode_licenses, split_frames};
pub use frame::{FLAG_END, Frame, FrameError, HEADER_BYTES, MAGIC, Opening, VERSION, decode};
pub use grounds::{Basis, GroundsFile, GroundsPart, GroundsRole, HeldLicenses, WaitingRequest};
pub use line::{LineError, LineHello, LineReply, LineRequest, decode_line};
pub use line_status::status_lines;
pub use message::{BorrowClaim, Control, ControlVerb, Hello, Message, Purpose};
pub use message_error::MessageError;
pub use server_message::{
    ClockInfo, FeatureCount, LicensePart, LineText, LingerTime, LostSeat, Notice, PoolKind, RecordText,
    ServerInfo, SessionTerms, StatusItem, VendorInfo, Welcome,
};

/// Major version of the protocol that HELLO and WELCOME carry: others are refused.
pub const MAJOR: u8 = 1;

/// Minor version of the protocol. A higher one of the peer is tolerated: what it adds is optional or refused singly.
pub const MINOR: u8 = 0;
