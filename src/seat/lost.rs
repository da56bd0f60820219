//! What a session has lost without having given it up, and why: its client may have been away, and is told when it comes back.

use std::collections::BTreeMap;

use super::{Session, State};
use crate::code::{Code, minor};
use crate::event::codec::{CodecError, Reader, Writer};
use crate::event::{Denial, InReason};
use crate::ident::{Handle, SessionId};

/// Of how many checkouts of one session this is remembered: the last ones.
pub const LOST_MAX: usize = 64;

/// Why a client has a checkout no longer, though it did not give it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// No pool of its feature was left for it after a reread (-92).
    Removed,
    /// Its user was idle (-1011).
    Inactive,
    /// An administrator took it back (-1013).
    UserRemoved,
}

impl Loss {
    /// That of a return; none if the client knows why, or its session is over.
    #[must_use]
    pub const fn of(why: InReason) -> Option<Self> {
        match why {
            InReason::Removed => Some(Self::Removed),
            InReason::Inactive => Some(Self::Inactive),
            InReason::UserRemoved => Some(Self::UserRemoved),
            _ => None,
        }
    }

    /// What the client is told.
    #[must_use]
    pub fn denial(self) -> Denial {
        match self {
            Self::Removed => {
                let note = "the license files of this server have no pool for this checkout any more";
                Denial::new(Code::FeatureRemoved, minor::FEATURE_REMOVED, note)
            }
            Self::Inactive => {
                let note = "its user did nothing for longer than the timeout";
                Denial::new(Code::Inactive, minor::USER_IDLE, note)
            }
            Self::UserRemoved => {
                Denial::new(Code::UserRemoved, minor::USER_REMOVED, "it was taken back with lmremove")
            }
        }
    }
}

impl State {
    /// The checkouts that a session has lost, and why; the last [`LOST_MAX`], by handle.
    pub fn lost_by(&self, session: SessionId) -> impl Iterator<Item = (Handle, Loss)> {
        self.session(session)
            .into_iter()
            .flat_map(|session| session.lost.iter().map(|(handle, loss)| (*handle, *loss)))
    }
}

impl Session {
    /// It has lost a checkout that it had.
    pub(super) fn note_loss(&mut self, handle: Handle, why: InReason) {
        if let Some(loss) = Loss::of(why) {
            self.lost.insert(handle, loss);
            if self.lost.len() > LOST_MAX {
                self.lost.pop_first();
            }
        }
    }
}

const REMOVED: u8 = 0;
const INACTIVE: u8 = 1;
const USER_REMOVED: u8 = 2;

pub(super) fn put(out: &mut Writer, lost: &BTreeMap<Handle, Loss>) {
    out.count(lost.len());
    for (handle, loss) in lost {
        out.u64(handle.0);
        out.byte(match loss {
            Loss::Removed => REMOVED,
            Loss::Inactive => INACTIVE,
            Loss::UserRemoved => USER_REMOVED,
        });
    }
}

pub(super) fn take(from: &mut Reader<'_>) -> Result<BTreeMap<Handle, Loss>, CodecError> {
    let mut lost = BTreeMap::new();
    for _ in 0..from.count("losses")? {
        let handle = Handle(from.u64("handle")?);
        let loss = match from.byte("loss")? {
            REMOVED => Loss::Removed,
            INACTIVE => Loss::Inactive,
            USER_REMOVED => Loss::UserRemoved,
            other => return Err(CodecError::BadValue { what: "loss", found: other.to_string() }),
        };
        lost.insert(handle, loss);
    }
    Ok(lost)
}
