//! The client library for programs without `async`: the same verbs, each of which waits.
//!
//! A thread of its own keeps the sessions alive, so the application may compute for hours between two calls. The calls
//! must not be made from inside an asynchronous runtime.
//!
//! ```no_run
//! use seatkeeper::client::{Config, Trust, blocking};
//! use seatkeeper::ident::VendorName;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let trust = Trust::Publisher { keys: vec![], demo: true };
//! let client = blocking::Client::new(Config::new(VendorName::parse("LGS")?, trust)?)?;
//! let seat = client.checkout("cad_design", "2.0")?;
//! if let Some(why) = seat.loss() {
//!     eprintln!("the license is gone: {why}");
//! }
//! seat.checkin()?;
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{ClientError, Config, LocalBorrow, Progress, Taking};
use crate::code::{Code, minor};
use crate::event::{Denial, Wishes};
use crate::time::Timestamp;

/// One application's way to licenses. When the last clone and the last seat are gone, the sessions end in order.
#[derive(Debug, Clone)]
pub struct Client {
    inner: super::Client,
    background: Arc<Background>,
}

/// The thread on which the sessions live.
#[derive(Debug)]
struct Background {
    handle: Handle,
    client: super::Client,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Client {
    /// Reads the files of the search path and starts the thread. Servers are connected to when licenses are asked for.
    ///
    /// # Errors
    /// [`ClientError::Thread`] when the system gives no thread.
    pub fn new(config: Config) -> Result<Self, ClientError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(ClientError::Thread)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("seatkeeper-client".to_owned())
            .spawn(move || {
                // A dropped sender means stop as well.
                let _ = runtime.block_on(stopped);
            })
            .map_err(ClientError::Thread)?;
        let inner = super::Client::new(config);
        let background = Background { handle, client: inner.clone(), stop: Some(stop), thread: Some(thread) };
        Ok(Self { inner, background: Arc::new(background) })
    }

    /// Asks for one license and waits for the answer.
    ///
    /// # Errors
    /// As [`Client::checkout_many`].
    pub fn checkout(&self, feature: &str, version: &str) -> Result<Seat, ClientError> {
        self.checkout_many(feature, version, 1)
    }

    /// Says that the user has just done something, as [`super::Client::report_activity`] does.
    pub fn report_activity(&self) {
        self.background.handle.block_on(self.inner.report_activity());
    }

    /// Asks for `count` licenses at once and waits for the answer.
    ///
    /// # Errors
    /// As [`super::Client::checkout_many`].
    pub fn checkout_many(&self, feature: &str, version: &str, count: u32) -> Result<Seat, ClientError> {
        let seat = self.background.handle.block_on(self.inner.checkout_many(feature, version, count))?;
        Ok(Seat { inner: seat, background: Arc::clone(&self.background) })
    }

    /// Asks as [`super::Client::checkout_wishing`] does, and waits for the answer; with the wish to wait in the queue also for the
    /// licenses.
    ///
    /// # Errors
    /// As [`super::Client::checkout_wishing`].
    pub fn checkout_wishing(
        &self,
        feature: &str,
        version: &str,
        count: u32,
        wishes: &Wishes,
    ) -> Result<Seat, ClientError> {
        let asked = self.inner.checkout_wishing(feature, version, count, wishes);
        let seat = self.background.handle.block_on(asked)?;
        Ok(Seat { inner: seat, background: Arc::clone(&self.background) })
    }

    /// Takes licenses along, as [`super::Client::borrow`] does, and waits for the answer.
    ///
    /// # Errors
    /// As [`super::Client::borrow`].
    pub fn borrow(
        &self,
        feature: &str,
        version: &str,
        count: u32,
        ends: Timestamp,
        renew: Option<Duration>,
    ) -> Result<LocalBorrow, ClientError> {
        self.background.handle.block_on(self.inner.borrow(feature, version, count, ends, renew))
    }

    /// Gives what is borrowed back before its end, as [`super::Borrows::give_back`] does, and waits for the answer.
    ///
    /// # Errors
    /// As [`super::Borrows::give_back`].
    pub fn give_back(&self, local: &LocalBorrow) -> Result<(), ClientError> {
        let note = "nothing is kept on this machine";
        let nothing = || Denial::new(Code::BorrowUnknown, minor::BORROW_UNKNOWN, note);
        let borrows = self.inner.borrows().ok_or_else(|| ClientError::Session(nothing()))?;
        let back = borrows.give_back(&local.path, None);
        self.background.handle.block_on(back).map_err(ClientError::Session)
    }

    /// Asks for licenses and waits in the queue for them, as [`super::Client::checkout_waiting`] does. Comes back as soon as the
    /// request has its place.
    ///
    /// # Errors
    /// As [`super::Client::checkout_waiting`].
    pub fn checkout_waiting(
        &self,
        feature: &str,
        version: &str,
        count: u32,
        wishes: &Wishes,
        taking: Taking,
    ) -> Result<Waiting, ClientError> {
        let asked = self.inner.checkout_waiting(feature, version, count, wishes, taking);
        let waiting = self.background.handle.block_on(asked)?;
        Ok(Waiting { inner: waiting, background: Arc::clone(&self.background) })
    }

    /// Ends all sessions in order.
    pub fn close(&self) {
        self.background.handle.block_on(self.inner.close());
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // From inside a runtime nothing can be waited for: the sessions then end with their connections.
        if Handle::try_current().is_err() {
            self.handle.block_on(self.client.close());
        }
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to end.
            let _ = thread.join();
        }
    }
}

/// Licenses that this application holds. Dropping it gives them back without waiting for the server's word.
#[derive(Debug)]
pub struct Seat {
    inner: super::Seat,
    background: Arc<Background>,
}

impl std::ops::Deref for Seat {
    type Target = super::Seat;
    fn deref(&self) -> &super::Seat {
        &self.inner
    }
}

impl Seat {
    /// Gives the licenses back and waits for the server's word.
    ///
    /// # Errors
    /// As [`super::Seat::checkin`].
    pub fn checkin(self) -> Result<(), ClientError> {
        let Self { inner, background } = self;
        background.handle.block_on(inner.checkin())
    }

    /// Waits until the seat is lost, and says why.
    #[must_use]
    pub fn wait_for_loss(&self) -> Denial {
        self.background.handle.block_on(self.inner.lost())
    }
}

/// A request that waits for licenses. Dropping it gives the place in the queue up.
#[derive(Debug)]
pub struct Waiting {
    inner: super::Waiting,
    background: Arc<Background>,
}

impl std::ops::Deref for Waiting {
    type Target = super::Waiting;
    fn deref(&self) -> &super::Waiting {
        &self.inner
    }
}

impl Waiting {
    /// Waits until something has changed, as [`super::Waiting::changed`] does, but no longer than this; then says how it stands.
    pub fn changed_within(&mut self, limit: Duration) -> Progress {
        let Self { inner, background } = self;
        let changed = background.handle.block_on(async { timeout(limit, inner.changed()).await.ok() });
        changed.unwrap_or_else(|| self.inner.progress())
    }

    /// Waits for the licenses and takes them, as [`super::Waiting::seat`] does.
    ///
    /// # Errors
    /// As [`super::Waiting::seat`].
    pub fn seat(&mut self) -> Result<Seat, ClientError> {
        let seat = self.background.handle.block_on(self.inner.seat())?;
        Ok(Seat { inner: seat, background: Arc::clone(&self.background) })
    }

    /// Waits for the licenses no longer than this; none if they have not come. The request then waits on.
    ///
    /// # Errors
    /// As [`super::Waiting::seat`].
    pub fn seat_within(&mut self, limit: Duration) -> Result<Option<Seat>, ClientError> {
        let Self { inner, background } = self;
        let found = background.handle.block_on(async { timeout(limit, inner.seat()).await.ok() });
        Ok(found.transpose()?.map(|inner| Seat { inner, background: Arc::clone(background) }))
    }

    /// Gives the place in the queue up and waits for the server's word.
    pub fn cancel(self) {
        let Self { inner, background } = self;
        background.handle.block_on(inner.cancel());
    }
}
