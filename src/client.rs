//! The client library: how an application gets licenses.
//!
//! A [`Client`] looks for licenses along a search path, keeps a session with each server that granted some, says that it
//! lives, and takes the session up again when a connection breaks or a server restarts. A [`Seat`] is a grant; dropping
//! it gives the licenses back. [`blocking`] has the same without `async`. What the session does when is decided in
//! [`crate::session::client`]; here are the sockets.
//!
//! ```no_run
//! use seatkeeper::client::{Client, Config, Trust};
//! use seatkeeper::ident::VendorName;
//!
//! # async fn work() -> Result<(), Box<dyn std::error::Error>> {
//! let trust = Trust::Publisher { keys: vec![], demo: true };
//! let client = Client::new(Config::new(VendorName::parse("LGS")?, trust)?);
//! let seat = client.checkout("cad_design", "2.0").await?;
//! // The work; a long one also waits for `seat.lost()`.
//! seat.checkin().await?;
//! client.close().await;
//! # Ok(())
//! # }
//! ```

pub mod blocking;
mod borrow;
pub mod codec;
mod config;
mod dial;
mod driver;
mod error;
mod local;
mod path;
mod place;
mod route;
mod seat;
mod verify;
mod waiting;

pub use borrow::{
    BORROW_DIR_VARIABLE, BORROW_VARIABLE, BorrowOrder, BorrowState, Borrows, LocalBorrow, LostRequest,
    Renewal, Settled, Unsettled, clear_orders, default_borrow_dir, end_of, kept, minute_of, orders,
    set_order, vendor_or_all,
};
pub use config::{Config, Loss, OnLoss, OnWarning, PROJECT_VARIABLE, Trust, own_claims};
pub use dial::{Connection, Limits, TIMEOUT_VARIABLE};
pub use error::{Attempt, CheckoutFailure, ClientError, DialError, SystemError};
pub use path::{
    COMMON_VARIABLE, DEFAULT_PLACE, Entry, OWN_VARIABLE, SEPARATOR, SearchPath, ServerAddress, THIS_HOST,
    VARIABLES_FILE,
};
pub use place::client_part;
pub use seat::Seat;
pub use waiting::{Progress, Taking, Waiting};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;

use crate::code::{Code, minor};
use crate::event::{Answer, Denial, Grant, Wishes};
use crate::ident::{Count, Digest, FeatureName, Version};
use crate::platform::SystemClock;
use crate::session::client::Ask;
use crate::time::Clock as _;
use driver::{Command, Granted, Unclaimed, WaitId};
use place::Place;
use route::Route;
use verify::VerifiedLine;

/// How long the end of one session may take.
const CLOSE: Duration = Duration::from_secs(5);

/// One application's way to licenses. Cheap to clone; all clones share the sessions.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: Arc<Config>,
    clock: Arc<SystemClock>,
    places: Vec<Source>,
    /// Requests that could wait so far.
    waits: AtomicU64,
}

/// A place of the search path with the session that was begun there.
#[derive(Debug)]
struct Source {
    place: Place,
    session: Mutex<Option<Session>>,
    /// Sessions that were left to what they have; they end with the last seat or request there.
    left: Mutex<Vec<mpsc::WeakUnboundedSender<Command>>>,
}

/// What an application asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    feature: FeatureName,
    version: Version,
    count: Count,
}

impl Wanted {
    fn parse(feature: &str, version: &str, count: u32) -> Result<Self, ClientError> {
        Ok(Self {
            feature: FeatureName::parse(feature)?,
            version: Version::parse(version)?,
            count: Count::new(count).ok_or(ClientError::CountZero)?,
        })
    }

    fn ask(&self, wishes: &Wishes) -> Ask {
        let Self { feature, version, count } = self.clone();
        Ask::Checkout { feature, version, count, wishes: wishes.clone() }
    }
}

impl Source {
    async fn left_sessions(&self) -> Vec<mpsc::UnboundedSender<Command>> {
        self.left.lock().await.iter().filter_map(mpsc::WeakUnboundedSender::upgrade).collect()
    }
}

impl Shared {
    fn next_wait(&self) -> WaitId {
        WaitId(self.waits.fetch_add(1, Ordering::Relaxed))
    }
}

#[derive(Debug, Clone)]
struct Session {
    commands: mpsc::UnboundedSender<Command>,
    crowded: Arc<AtomicBool>,
    /// Lines that were looked at in this session, with the verdict.
    verified: Arc<Mutex<BTreeMap<Digest, Result<VerifiedLine, Denial>>>>,
}

impl Client {
    /// Reads the files of the search path. Servers are connected to when licenses are asked for.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let places = place::places(&config);
        let places = places
            .into_iter()
            .map(|place| Source { place, session: Mutex::default(), left: Mutex::default() })
            .collect();
        let (config, clock) = (Arc::new(config), Arc::new(SystemClock::new()));
        let shared = Shared { config, clock, places, waits: AtomicU64::new(0) };
        Self { shared: Arc::new(shared) }
    }

    /// Asks for one license.
    ///
    /// # Errors
    /// As [`Client::checkout_many`].
    pub async fn checkout(&self, feature: &str, version: &str) -> Result<Seat, ClientError> {
        self.checkout_many(feature, version, 1).await
    }

    /// Asks for `count` licenses at once, at each place of the search path in order until one grants. What this user has borrowed on
    /// this machine is looked at before; while LM_BORROW orders it, what is granted is borrowed.
    ///
    /// # Errors
    /// [`ClientError::Checkout`] says for each place why it did not grant; names and numbers that can't be asked for are
    /// refused before anybody is asked.
    pub async fn checkout_many(&self, feature: &str, version: &str, count: u32) -> Result<Seat, ClientError> {
        self.checkout_wishing(feature, version, count, &Wishes::default()).await
    }

    /// Asks as [`Client::checkout_many`] does, with wishes: by what these checkouts may share a license where the license
    /// does not say, a text of the application that DUP_GROUP=V compares, and to wait in the queue, however long that takes;
    /// dropping the future gives the place there up. [`Client::checkout_waiting`] also tells how far it is.
    ///
    /// # Errors
    /// As [`Client::checkout_many`].
    pub async fn checkout_wishing(
        &self,
        feature: &str,
        version: &str,
        count: u32,
        wishes: &Wishes,
    ) -> Result<Seat, ClientError> {
        if wishes.queue.is_some() {
            let mut waiting = self.checkout_waiting(feature, version, count, wishes, Taking::AtOnce).await?;
            return waiting.seat().await;
        }
        let wanted = Wanted::parse(feature, version, count)?;
        // Who borrows by the wishes alone would have no record of it.
        let wishes = &Wishes { borrow: None, ..wishes.clone() };
        let (seat, refusals) = self.borrowed(&wanted, wishes).await?;
        if let Some(seat) = seat {
            return Ok(seat);
        }
        let mut attempts = Vec::new();
        for source in self.places_for(&wanted) {
            match self.checkout_at(source, &wanted, wishes).await {
                Ok(seat) => return Ok(seat),
                Err(attempt) => attempts.push(attempt),
            }
        }
        borrow::with_refusals(&mut attempts, refusals);
        Err(self.failure(wanted, attempts))
    }

    /// The places of the search path that are asked for something, in order.
    fn places_for<'a>(&'a self, wanted: &'a Wanted) -> impl Iterator<Item = &'a Source> {
        self.shared.places.iter().filter(|source| !source.place.leaves_to_server(&wanted.feature))
    }

    /// Says that the user has just done something. From the first call on servers are told how long ago the last one was, and may
    /// take licenses back that an idle user holds (TIMEOUT of the options file): the seat's loss is told, with -1011, and it can be
    /// checked out again. A program that never calls this is never idle. Call it after a checkout and as often as the user acts.
    pub async fn report_activity(&self) {
        for source in &self.shared.places {
            let current = source.session.lock().await.as_ref().map(|session| session.commands.clone());
            for commands in current.into_iter().chain(source.left_sessions().await) {
                // A session that has ended has nothing to lose.
                let _ = commands.send(Command::Active);
            }
        }
    }

    async fn checkout_at(&self, source: &Source, wanted: &Wanted, wishes: &Wishes) -> Result<Seat, Attempt> {
        let servers = match &source.place {
            Place::Nothing(attempt) => return Err(attempt.clone()),
            Place::Local { name, catalog, .. } => {
                let now = self.shared.clock.now().utc;
                let granted =
                    local::checkout(catalog, &self.shared.config, &wanted.feature, wanted.version, now);
                let grant = granted.map_err(|denial| refused(name, denial))?;
                return Ok(Seat::local(wanted, grant, name.clone()));
            }
            Place::Servers(servers) => servers,
        };
        let name = source.place.to_string();
        let ask = wanted.ask(wishes);
        let mut session = self.session(source, servers).await?;
        let mut asked = self.ask(&session, ask.clone()).await;
        if let Err(denial) = &asked
            && matches!(denial.code, Code::SessionEnded | Code::SessionTaken)
        {
            // It ended while nobody looked, such as on a machine that was asleep: a new one may well be granted.
            session = self.session(source, servers).await?;
            asked = self.ask(&session, ask).await;
        }
        let granted = asked.map_err(|denial| refused(&name, denial))?;
        let (Answer::Granted(grant), Some(lost)) = (granted.answer, granted.seat.and_then(Unclaimed::claim))
        else {
            return Err(refused(&name, no_grant()));
        };
        // From here on the seat is ours: dropping it gives it back.
        let mut seat = Seat::of_server(wanted, &grant, name.clone(), session.commands.clone(), lost);
        match self.verify(&session, wanted, &grant).await {
            Ok(demo) => {
                seat.demo |= demo;
                Ok(seat)
            }
            Err(denial) => Err(refused(&name, denial)),
        }
    }

    /// The session at a place, begun if there is none or the last one has ended.
    async fn session(&self, source: &Source, servers: &[ServerAddress]) -> Result<Session, Attempt> {
        let mut slot = source.session.lock().await;
        if let Some(session) = slot.as_ref().filter(|session| !session.commands.is_closed()) {
            if !session.crowded.load(Ordering::Relaxed) {
                return Ok(session.clone());
            }
            let mut left = source.left.lock().await;
            left.retain(|commands| commands.strong_count() > 0);
            left.push(session.commands.downgrade());
        }
        let route = Route {
            servers: servers.to_vec(),
            config: Arc::clone(&self.shared.config),
            clock: Arc::clone(&self.shared.clock),
        };
        let arrival = route.begin().await?;
        let crowded = Arc::new(AtomicBool::new(false));
        let commands = driver::start(route, arrival, Arc::clone(&crowded));
        Ok(slot.insert(Session { commands, crowded, verified: Arc::default() }).clone())
    }

    async fn ask(&self, session: &Session, ask: Ask) -> Result<Granted, Denial> {
        let (reply, answer) = oneshot::channel();
        session.commands.send(Command::Ask { ask, reply }).map_err(|_| session_over())?;
        let answer = timeout(self.shared.config.patience, answer).await.map_err(|_| out_of_patience())?;
        let granted = answer.map_err(|_| session_over())??;
        match granted.answer {
            Answer::Denied(denial) => Err(denial),
            _ => Ok(granted),
        }
    }

    /// Looks at the signed lines behind a grant, each of which is fetched once per session, and says whether one of them is
    /// signed by the demo key.
    async fn verify(&self, session: &Session, wanted: &Wanted, grant: &Grant) -> Result<bool, Denial> {
        let config = &self.shared.config;
        let Trust::Publisher { demo, .. } = &config.trust else { return Ok(false) };
        if grant.demo && !demo {
            return Err(Denial::new(
                Code::DemoRefused,
                minor::GRANT_IS_DEMO,
                "the server works under the demo key",
            ));
        }
        if grant.lines.is_empty() {
            let note = "the server names no line behind the grant";
            return Err(Denial::new(Code::BadSignature, minor::GRANT_NOT_VERIFIED, note));
        }
        let now = self.shared.clock.now().utc;
        let mut lines = Vec::with_capacity(grant.lines.len());
        for digest in grant.lines.iter() {
            let mut verified = session.verified.lock().await;
            let known = match verified.get(digest) {
                Some(known) => known.clone(),
                None => {
                    let line = self.fetch(session, *digest).await?;
                    let verdict = verify::verify_line(*digest, &line, config);
                    verified.entry(*digest).or_insert(verdict).clone()
                }
            };
            lines.push(known?);
        }
        let granted = verify::Granted { feature: &wanted.feature, version: wanted.version, grant, now };
        verify::fits(&lines, config, &granted)?;
        Ok(lines.iter().any(|line| line.demo))
    }

    async fn fetch(&self, session: &Session, digest: Digest) -> Result<crate::wire::LineText, Denial> {
        let (reply, answer) = oneshot::channel();
        session.commands.send(Command::Fetch { digest, reply }).map_err(|_| session_over())?;
        match timeout(self.shared.config.patience, answer).await {
            Ok(line) => line.map_err(|_| session_over())?,
            Err(_) => {
                let note = "the server did not send the line behind the grant";
                Err(Denial::new(Code::CannotRead, minor::ANSWER_TIMEOUT, note))
            }
        }
    }

    /// Ends all sessions in order; their seats are free at once. Seats that are still held are of no use afterwards. A
    /// session that looks for a server out of reach is not waited for longer than a few seconds.
    pub async fn close(&self) {
        for source in &self.shared.places {
            let current = source.session.lock().await.take().map(|session| session.commands);
            for commands in current.into_iter().chain(source.left_sessions().await) {
                let (done, closed) = oneshot::channel();
                if commands.send(Command::Close { done }).is_ok() {
                    // Whoever waits for the end of a program must not wait for a server that does not answer.
                    let _ = timeout(CLOSE, closed).await;
                }
            }
        }
    }
}

fn session_over() -> Denial {
    Denial::new(Code::SessionEnded, minor::SESSION_UNKNOWN, "the session ended meanwhile")
}

fn out_of_patience() -> Denial {
    let note = "the server was not reached in time; the request is withdrawn";
    Denial::new(Code::CannotRead, minor::ANSWER_TIMEOUT, note)
}

fn no_grant() -> Denial {
    let note = "a checkout was answered with something else than a grant or a refusal";
    Denial::new(Code::BadReturnedData, minor::ANSWER_UNEXPECTED, note)
}

/// A refusal of somebody who was reached.
fn refused(place: &str, denial: Denial) -> Attempt {
    let answered = denial.minor != minor::ANSWER_TIMEOUT;
    Attempt { place: place.to_owned(), denial, system: None, answered }
}
