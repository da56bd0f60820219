//! A seat in the hands of the application.

use tokio::sync::{mpsc, oneshot, watch};

use super::Wanted;
use super::borrow::BorrowedSeat;
use super::driver::Command;
use super::error::ClientError;
use super::local::LocalGrant;
use crate::code::{Code, minor};
use crate::event::{Answer, Denial, Grant};
use crate::ident::{Count, FeatureName, Handle, Version};
use crate::session::client::Ask;
use crate::time::Timestamp;

/// Licenses that this application holds. Dropping it gives them back without waiting for the server's word.
#[derive(Debug)]
pub struct Seat {
    pub(super) feature: FeatureName,
    pub(super) version: Version,
    pub(super) count: Count,
    pub(super) expires: Option<Timestamp>,
    pub(super) demo: bool,
    pub(super) place: String,
    pub(super) held: Held,
}

/// Where the seat stands.
#[derive(Debug)]
pub(super) enum Held {
    /// With a server.
    Server {
        handle: Handle,
        commands: mpsc::UnboundedSender<Command>,
        lost: watch::Receiver<Option<Denial>>,
        returned: bool,
    },
    /// In a file of this machine; nobody counts it.
    Local,
    /// In what is borrowed on this machine.
    Borrowed(BorrowedSeat),
}

impl Seat {
    pub(super) fn of_server(
        wanted: &Wanted,
        grant: &Grant,
        place: String,
        commands: mpsc::UnboundedSender<Command>,
        lost: watch::Receiver<Option<Denial>>,
    ) -> Self {
        let Wanted { feature, version, count } = wanted.clone();
        Self {
            feature,
            version,
            count,
            expires: grant.expires,
            demo: grant.demo,
            place,
            held: Held::Server { handle: grant.handle, commands, lost, returned: false },
        }
    }

    pub(super) fn local(wanted: &Wanted, grant: LocalGrant, place: String) -> Self {
        let Wanted { feature, version, count } = wanted.clone();
        let LocalGrant { expires, demo } = grant;
        Self { feature, version, count, expires, demo, place, held: Held::Local }
    }

    pub(super) fn borrowed(
        wanted: &Wanted,
        until: Timestamp,
        demo: bool,
        place: String,
        held: BorrowedSeat,
    ) -> Self {
        let Wanted { feature, version, count } = wanted.clone();
        let held = Held::Borrowed(held);
        Self { feature, version, count, expires: Some(until), demo, place, held }
    }

    /// The feature.
    #[must_use]
    pub const fn feature(&self) -> &FeatureName {
        &self.feature
    }

    /// The version that was asked for.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// How many licenses.
    #[must_use]
    pub const fn count(&self) -> Count {
        self.count
    }

    /// When the license line expires, or the record of a borrow ends; none if never.
    #[must_use]
    pub const fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// Whether it is granted under the published demo key.
    #[must_use]
    pub const fn is_demo(&self) -> bool {
        self.demo
    }

    /// Where it was granted: `port@host`, or a file.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The checkout's name at the server, as lmstat prints it; none for a line of a local file.
    #[must_use]
    pub const fn handle(&self) -> Option<Handle> {
        match &self.held {
            Held::Server { handle, .. } => Some(*handle),
            Held::Borrowed(borrowed) => Some(borrowed.handle),
            Held::Local => None,
        }
    }

    /// Why the seat was lost, if it was.
    #[must_use]
    pub fn loss(&self) -> Option<Denial> {
        match &self.held {
            Held::Server { lost, .. } | Held::Borrowed(BorrowedSeat { lost, .. }) => lost.borrow().clone(),
            Held::Local => None,
        }
    }

    /// Waits until the seat is lost. A seat that is never lost waits for ever.
    pub async fn lost(&self) -> Denial {
        if let Held::Server { lost, .. } | Held::Borrowed(BorrowedSeat { lost, .. }) = &self.held {
            let mut lost = lost.clone();
            if let Ok(denial) = lost.wait_for(Option::is_some).await
                && let Some(denial) = denial.clone()
            {
                return denial;
            }
        }
        std::future::pending().await
    }

    /// Whether it is from what is borrowed on this machine. Giving it back ends no borrow.
    #[must_use]
    pub const fn is_borrowed(&self) -> bool {
        matches!(self.held, Held::Borrowed(_))
    }

    /// Gives the licenses back and waits for the server's word.
    ///
    /// # Errors
    /// [`ClientError::Session`] when the server refuses, such as for a seat that was lost before.
    pub async fn checkin(mut self) -> Result<(), ClientError> {
        let Held::Server { handle, commands, returned, .. } = &mut self.held else { return Ok(()) };
        *returned = true;
        let (reply, answer) = oneshot::channel();
        let ask = Ask::Checkin(*handle);
        let over = || {
            let note = "the session was over before the licenses were given back";
            ClientError::Session(Denial::new(Code::SessionEnded, minor::SESSION_UNKNOWN, note))
        };
        commands.send(Command::Ask { ask, reply }).map_err(|_| over())?;
        match answer.await.map_err(|_| over())? {
            Ok(granted) => match granted.answer {
                Answer::CheckedIn(_) | Answer::Spent => Ok(()),
                Answer::Denied(denial) => Err(ClientError::Session(denial)),
                Answer::Granted(_) | Answer::Queued(_) | Answer::Renewed { .. } => {
                    Err(ClientError::Session(Denial::new(
                        Code::BadReturnedData,
                        minor::ANSWER_UNEXPECTED,
                        "a checkin was answered as a checkout",
                    )))
                }
            },
            Err(denial) => Err(ClientError::Session(denial)),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Held::Server { handle, commands, lost, returned: false } = &self.held
            && lost.borrow().is_none()
        {
            // A driver that is gone has no seat left to give back.
            let _ = commands.send(Command::Return(*handle));
        }
    }
}
