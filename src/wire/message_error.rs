//! Why a whole, well-framed message has no meaning here.

use thiserror::Error;

use super::{kind, tag};
use crate::code::{Code, minor};
use crate::event::Denial;

/// A frame arrived whole, but its content can't be used. The connection goes on: the receiver of a request answers
/// with [`MessageError::denial`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageError {
    /// The frame is of another frame version.
    #[error("frame version {0} is not known here")]
    FrameVersion(u8),
    /// The message type is not known here.
    #[error("message type {0:#04x} is not known here")]
    UnknownType(u8),
    /// A field that must be understood is not known here.
    #[error("field {0:#06x} must be understood, but is not known here")]
    UnknownCritical(u16),
    /// A field ends after the end of the body, or a body has bytes behind its last field.
    #[error("a field is cut off")]
    CutOff,
    /// A field that the message needs is not there.
    #[error("{} has no field {}", kind_name(*.kind), tag_name(*.tag))]
    Missing {
        /// The message type.
        kind: u8,
        /// The tag.
        tag: u16,
    },
    /// A field that may stand once stands twice, or a list is too long.
    #[error("field {} stands there too often", tag_name(*.0))]
    TooOften(u16),
    /// A field's value has the wrong length, is no UTF-8, or is not one of its values.
    #[error("field {} has a value that is not allowed", tag_name(*.0))]
    BadValue(u16),
}

impl MessageError {
    /// What to answer.
    #[must_use]
    pub fn denial(&self) -> Denial {
        let (code, place) = match self {
            Self::FrameVersion(_) => (Code::ClientNewer, minor::PROTOCOL_VERSION),
            Self::UnknownType(_) => (Code::RequestNotSupported, minor::TYPE_UNKNOWN),
            Self::UnknownCritical(_) => (Code::RequestNotSupported, minor::TAG_UNKNOWN),
            Self::BadValue(tag::VERSION) => (Code::BadVersion, minor::MALFORMED),
            Self::CutOff | Self::Missing { .. } | Self::TooOften(_) | Self::BadValue(_) => {
                (Code::BadProtocol, minor::MALFORMED)
            }
        };
        Denial::new(code, place, &self.to_string())
    }
}

fn kind_name(number: u8) -> &'static str {
    kind::ALL.iter().find(|(known, _)| *known == number).map_or("message", |(_, name)| name)
}

fn tag_name(number: u16) -> &'static str {
    tag::ALL.iter().find(|(known, _)| *known == number).map_or("?", |(_, name)| name)
}
