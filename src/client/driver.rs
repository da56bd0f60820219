//! The task behind a session: it owns the connection, carries requests and answers, sends heartbeats, resumes after a
//! broken connection and tells seats when they are lost. What to do when is asked of [`ClientSession`].

mod queue;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};

use super::config::Loss;
use super::dial::Connection;
use super::error::DialError;
use super::route::{Arrival, Route};
use super::waiting::Progress;
use crate::code::{Code, minor};
use crate::event::{Answer, Denial};
use crate::ident::{Digest, Handle, Token};
use crate::session::client::{Ask, ClientSession, Due, Settled};
use crate::time::{Clock as _, Monotonic};
use crate::wire::limits::UNACKNOWLEDGED_MAX;
use crate::wire::{Frame, LineText, Message, Notice};
use queue::Kept;
pub(super) use queue::{Queue, WaitId};

/// How often a request is asked again that the server did not carry out, and how long each wait is.
const AGAIN_CHECKOUT_MAX: u32 = 5;
/// A seat that can't be given back stays out: more patience.
const AGAIN_CHECKIN_MAX: u32 = 60;
const AGAIN_WAIT: Duration = Duration::from_millis(200);
/// Answers that can't be acknowledged, such as behind a request that waits, from which on a session is left to what it has: the half of
/// what servers keep, so that the other half is left to give licenses back.
const CROWDED: usize = UNACKNOWLEDGED_MAX / 2;
/// How long the farewell may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// What the client asks of its driver.
#[derive(Debug)]
pub(super) enum Command {
    /// A request of the session. A grant that nobody waits for any more is given back.
    Ask { ask: Ask, reply: oneshot::Sender<Reply> },
    /// A request that may wait in the queue.
    Wait { ask: Ask, queue: Queue, reply: oneshot::Sender<Reply> },
    /// The application wants what it waits for, as soon as it is held.
    Take(WaitId),
    /// The application waits no more.
    GiveUp { id: WaitId, reply: Option<oneshot::Sender<Reply>> },
    /// A seat that was dropped.
    Return(Handle),
    /// A signed line.
    Fetch { digest: Digest, reply: oneshot::Sender<Result<LineText, Denial>> },
    /// The user has just done something.
    Active,
    /// The end of the session in order.
    Close { done: oneshot::Sender<()> },
}

/// What comes of a request.
pub(super) type Reply = Result<Granted, Denial>;

/// An answer, and for a grant the seat that comes with it.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) answer: Answer,
    pub(super) seat: Option<Unclaimed>,
}

/// A checkout that no seat of the application stands for yet. Whoever drops it, such as with a request that is waited for no longer,
/// gives the licenses back.
#[derive(Debug)]
pub(super) struct Unclaimed {
    handle: Handle,
    /// Where its loss will be told; none once a seat stands for it.
    lost: Option<watch::Receiver<Option<Denial>>>,
    commands: mpsc::WeakUnboundedSender<Command>,
}

impl Unclaimed {
    /// From here on somebody else gives it back.
    pub(super) fn claim(mut self) -> Option<watch::Receiver<Option<Denial>>> {
        self.lost.take()
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let (Some(lost), Some(commands)) = (self.lost.take(), self.commands.upgrade())
            && lost.borrow().is_none()
        {
            // A driver that is gone has nothing left to give back.
            let _ = commands.send(Command::Return(self.handle));
        }
    }
}

struct Waiter {
    reply: Option<oneshot::Sender<Reply>>,
    ask: Ask,
    /// How often it was asked before.
    times: u32,
    /// Whether it may wait for licenses, and how far it is.
    queue: Option<Queue>,
}

impl Waiter {
    fn new(ask: Ask, reply: Option<oneshot::Sender<Reply>>) -> Self {
        Self { reply, ask, times: 0, queue: None }
    }

    /// It gets nothing.
    fn refuse(self, denial: Denial) {
        if let Some(queue) = &self.queue {
            queue.tell(Progress::Over(denial.clone()));
        }
        if let Some(reply) = self.reply {
            let _ = reply.send(Err(denial));
        }
    }
}

struct Seat {
    ask: Ask,
    lost: watch::Sender<Option<Denial>>,
}

/// A line that is asked for, and who waits for it.
struct Fetch {
    digest: Digest,
    reply: oneshot::Sender<Result<LineText, Denial>>,
}

/// What a request id stands for.
enum Pending {
    Request(Token),
    Line(Fetch),
}

pub(super) struct Driver {
    route: Route,
    session: ClientSession,
    connection: Option<Connection>,
    peer: SocketAddr,
    waiters: BTreeMap<Token, Waiter>,
    pending: BTreeMap<u32, Pending>,
    /// Lines to ask for after the resume.
    unsent: Vec<Fetch>,
    seats: BTreeMap<Handle, Seat>,
    /// Requests that wait to be asked again.
    later: Vec<(Monotonic, Waiter)>,
    /// Licenses that the application is still to be asked about.
    kept: Vec<Kept>,
    /// The way back to itself for what is dropped.
    commands: mpsc::WeakUnboundedSender<Command>,
    /// Whether new requests had better have a session of their own.
    crowded: Arc<AtomicBool>,
}

/// Starts the task of a session that has begun, on the current runtime.
pub(super) fn start(
    route: Route,
    arrival: Arrival,
    crowded: Arc<AtomicBool>,
) -> mpsc::UnboundedSender<Command> {
    let (commands, inbox) = mpsc::unbounded_channel();
    let now = route.clock.now().mono;
    let driver = Driver {
        session: ClientSession::new(&arrival.terms, now),
        peer: arrival.connection.peer(),
        connection: Some(arrival.connection),
        route,
        waiters: BTreeMap::new(),
        pending: BTreeMap::new(),
        unsent: Vec::new(),
        seats: BTreeMap::new(),
        later: Vec::new(),
        kept: Vec::new(),
        commands: commands.downgrade(),
        crowded,
    };
    tokio::spawn(driver.run(inbox));
    commands
}

/// What woke the driver.
enum Wake {
    Frame(Result<Frame, DialError>),
    Command(Option<Command>),
    Time,
}

impl Driver {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Command>) {
        let end = loop {
            let wait = self.wait();
            let wake = tokio::select! {
                biased;
                frame = next_frame(&mut self.connection) => Wake::Frame(frame),
                command = inbox.recv() => Wake::Command(command),
                () = sleep(wait) => Wake::Time,
            };
            let outcome = match wake {
                Wake::Frame(Ok(frame)) => self.arrived(frame).await,
                Wake::Frame(Err(error)) => {
                    self.broken(&error);
                    Ok(())
                }
                Wake::Command(None) => {
                    self.goodbye().await;
                    return;
                }
                Wake::Command(Some(Command::Close { done })) => {
                    self.goodbye().await;
                    let _ = done.send(());
                    return;
                }
                Wake::Command(Some(command)) => {
                    self.commanded(command).await;
                    Ok(())
                }
                Wake::Time => Ok(()),
            };
            if let Err(denial) = outcome {
                break denial;
            }
            if let Err(denial) = self.due().await {
                break denial;
            }
        };
        // Whoever still asks is told that the session is over; a new one begins with the next checkout.
        inbox.close();
        self.ended(&end);
        while let Some(command) = inbox.recv().await {
            command.refuse(&end);
        }
    }

    fn now(&self) -> Monotonic {
        self.route.clock.now().mono
    }

    fn wait(&self) -> Duration {
        let later = self.later.iter().map(|(at, _)| *at).min();
        let wakeup = self.session.wakeup();
        let wakeup = [later, self.queue_wakeup()].into_iter().flatten().fold(wakeup, Monotonic::min);
        wakeup.since(self.now())
    }

    /// Does what time has made due; an error is the end of the session.
    async fn due(&mut self) -> Result<(), Denial> {
        let now = self.now();
        let (ready, later) = std::mem::take(&mut self.later).into_iter().partition(|(at, _)| *at <= now);
        self.later = later;
        for (_, waiter) in ready {
            self.ask(waiter).await;
        }
        self.queue_due(now).await;
        match self.session.due(now) {
            Due::Nothing => {}
            Due::Send(message) => {
                self.send(&message).await;
            }
            Due::Break => {
                self.broken(&DialError::AnswerTimeout { place: self.peer.to_string() });
            }
            Due::Connect => self.resume().await?,
            Due::GiveUp(denial) => return Err(denial),
        }
        Ok(())
    }

    async fn resume(&mut self) -> Result<(), Denial> {
        let fresh = match crate::platform::random_bytes() {
            Ok(fresh) => fresh,
            Err(error) => {
                tracing::warn!(%error, "resume is put off");
                self.session.try_failed(self.now());
                return Ok(());
            }
        };
        let purpose = self.session.purpose(fresh);
        match self.route.resume(self.peer, purpose).await {
            Ok(arrival) => {
                tracing::debug!(peer = %arrival.connection.peer(), epoch = arrival.terms.epoch, "session resumed");
                self.peer = arrival.connection.peer();
                self.connection = Some(arrival.connection);
                let resumption = self.session.resumed(&arrival.terms, self.now());
                let gone = Denial::new(
                    Code::SessionEnded,
                    minor::SESSION_UNKNOWN,
                    "the server no longer has this seat",
                );
                for handle in resumption.lost {
                    let told = arrival.terms.lost.iter().find(|lost| lost.handle == handle);
                    self.lost(handle, told.map_or(&gone, |lost| &lost.denial));
                }
                for message in resumption.repeat {
                    self.send(&message).await;
                }
                for fetch in std::mem::take(&mut self.unsent) {
                    self.fetch(fetch).await;
                }
                Ok(())
            }
            Err(DialError::Refused(denial)) if ends_session(&denial) => Err(denial),
            Err(error) => {
                tracing::debug!(%error, "not resumed yet");
                self.session.try_failed(self.now());
                Ok(())
            }
        }
    }

    fn broken(&mut self, error: &DialError) {
        tracing::debug!(%error, "connection lost");
        self.drop_connection();
    }

    fn drop_connection(&mut self) {
        self.connection = None;
        for pending in std::mem::take(&mut self.pending).into_values() {
            if let Pending::Line(fetch) = pending {
                self.unsent.push(fetch);
            }
        }
        self.session.broken(self.now());
    }

    async fn commanded(&mut self, command: Command) {
        match command {
            Command::Ask { ask, reply } => self.ask(Waiter::new(ask, Some(reply))).await,
            Command::Wait { ask, queue, reply } => {
                self.ask(Waiter { queue: Some(queue), ..Waiter::new(ask, Some(reply)) }).await;
            }
            Command::Take(id) => self.take(id).await,
            Command::GiveUp { id, reply } => self.give_up(id, reply).await,
            Command::Return(handle) => self.give_back(handle).await,
            Command::Active => self.session.active(self.now()),
            Command::Fetch { digest, reply } => self.fetch(Fetch { digest, reply }).await,
            Command::Close { done } => drop(done),
        }
    }

    async fn ask(&mut self, waiter: Waiter) {
        let (token, message) = self.session.ask(waiter.ask.clone(), self.now());
        self.waiters.insert(token, waiter);
        self.send(&message).await;
    }

    async fn give_back(&mut self, handle: Handle) {
        self.give_back_telling(handle, None).await;
    }

    async fn give_back_telling(&mut self, handle: Handle, reply: Option<oneshot::Sender<Reply>>) {
        self.seats.remove(&handle);
        self.ask(Waiter::new(Ask::Checkin(handle), reply)).await;
    }

    async fn fetch(&mut self, fetch: Fetch) {
        match self.send(&Message::FetchLine(fetch.digest)).await {
            Some(id) => drop(self.pending.insert(id, Pending::Line(fetch))),
            None => self.unsent.push(fetch),
        }
    }

    /// Sends if the connection is up; otherwise the resume will.
    async fn send(&mut self, message: &Message) -> Option<u32> {
        let connection = self.connection.as_mut()?;
        match connection.send(message).await {
            Ok(id) => {
                let token = match message {
                    Message::Checkout(it) => Some(it.token),
                    Message::Checkin(it) => Some(it.token),
                    _ => None,
                };
                if let Some(token) = token {
                    self.pending.insert(id, Pending::Request(token));
                }
                Some(id)
            }
            Err(error) => {
                self.broken(&error);
                None
            }
        }
    }

    /// A frame came; an error is the end of the session.
    async fn arrived(&mut self, frame: Frame) -> Result<(), Denial> {
        let now = self.now();
        let pending = self.pending.remove(&frame.request_id);
        match (frame.message, pending) {
            (Ok(Message::Answer { token, answer }), _) => self.answered(token, answer).await,
            (Ok(Message::Error(denial)), _) if ends_session(&denial) => return Err(denial),
            (Ok(Message::Notice(Notice::SessionEnded { denial })), _) => {
                if denial.code != Code::SessionTaken {
                    return Err(denial);
                }
                // It may be our own earlier try that came late. Another program has a newer epoch: then the resume is refused.
                self.drop_connection();
            }
            (Ok(Message::Notice(notice)), _) => {
                self.session.noticed(&notice, now);
                match notice {
                    Notice::SeatLost { handle, denial } => self.lost(handle, &denial),
                    Notice::Offered { token, handle, hold_s } => self.offered(token, handle, hold_s).await,
                    Notice::Dequeued { token, denial, .. } => self.dequeued(token, denial),
                    Notice::SessionEnded { .. } => {}
                }
            }
            (Ok(Message::Error(denial)), Some(Pending::Request(token))) => {
                self.answered(token, Answer::Denied(denial)).await;
            }
            (Ok(Message::Line(line)), Some(Pending::Line(fetch))) => {
                self.session.heard(now);
                let _ = fetch.reply.send(Ok(line));
            }
            (Ok(Message::Error(denial)), Some(Pending::Line(fetch))) => {
                self.session.heard(now);
                let _ = fetch.reply.send(Err(denial));
            }
            (Err(error), Some(pending)) => {
                self.session.heard(now);
                let denial = Denial::new(Code::BadReturnedData, minor::ANSWER_UNEXPECTED, &error.to_string());
                match pending {
                    Pending::Request(token) => self.answered(token, Answer::Denied(denial)).await,
                    Pending::Line(fetch) => drop(fetch.reply.send(Err(denial))),
                }
            }
            (Ok(_) | Err(_), pending) => {
                self.session.heard(now);
                if let (id, Some(pending)) = (frame.request_id, pending) {
                    self.pending.insert(id, pending);
                }
            }
        }
        Ok(())
    }

    async fn answered(&mut self, token: Token, answer: Answer) {
        let waiter = self.waiters.remove(&token);
        let settled = self.session.answered(token, answer, self.now());
        self.crowded.store(self.session.unacknowledged() >= CROWDED, Ordering::Relaxed);
        match (settled, waiter) {
            (Settled::Stale, _) | (_, None) => {}
            (Settled::Again(ask, denial), Some(waiter)) => self.again(ask, denial, waiter),
            (Settled::Waits(place), Some(waiter)) => self.placed(token, place, waiter).await,
            (Settled::Done(answer), Some(waiter)) => {
                let clock = clock_refusal(&answer);
                self.deliver(answer, waiter).await;
                if clock {
                    // The server measured at the last greeting; somebody may set the clock before the next request.
                    tracing::debug!("greeting again because of the clock");
                    self.drop_connection();
                }
            }
        }
    }

    fn again(&mut self, ask: Ask, denial: Denial, waiter: Waiter) {
        let max = match (&ask, denial.code) {
            (Ask::Checkin(_), _) => AGAIN_CHECKIN_MAX,
            (Ask::Checkout { .. }, Code::AskAgain) => AGAIN_CHECKOUT_MAX,
            // The server can't write: the application is told, and may wait or not.
            (Ask::Checkout { .. }, _) => 0,
        };
        let abandoned = matches!(ask, Ask::Checkout { .. })
            && waiter.reply.as_ref().is_some_and(oneshot::Sender::is_closed);
        if waiter.times < max && !abandoned {
            let times = waiter.times + 1;
            let at = self.now().plus(AGAIN_WAIT * times.min(10));
            self.later.push((at, Waiter { times, ..waiter }));
        } else {
            waiter.refuse(denial);
        }
    }

    async fn deliver(&mut self, answer: Answer, waiter: Waiter) {
        let mut seat = None;
        if let Answer::Granted(grant) = &answer {
            let (tell, told) = watch::channel(None);
            self.seats.insert(grant.handle, Seat { ask: waiter.ask.clone(), lost: tell });
            let (handle, commands) = (grant.handle, self.commands.clone());
            seat = Some(Unclaimed { handle, lost: Some(told), commands });
        }
        if let Ask::Checkin(handle) = &waiter.ask {
            let done = matches!(answer, Answer::CheckedIn(_));
            if done {
                self.seats.remove(handle);
            }
            self.gave_back(*handle, done).await;
        }
        let granted = Granted { answer, seat };
        match (&granted.answer, &waiter.queue) {
            (Answer::Granted(grant), Some(_)) => self.hand_over(grant.handle, granted, waiter),
            (Answer::Denied(denial), Some(_)) => waiter.refuse(denial.clone()),
            (_, Some(_)) => waiter.refuse(super::no_grant()),
            (_, None) => {
                if let Some(reply) = waiter.reply {
                    // What nobody waits for any more goes back by itself.
                    let _ = reply.send(Ok(granted));
                }
            }
        }
    }

    fn lost(&mut self, handle: Handle, denial: &Denial) {
        self.lost_kept(handle, denial);
        if let Some(seat) = self.seats.remove(&handle) {
            tell(&self.route, handle, seat, denial);
        }
    }

    fn ended(&mut self, denial: &Denial) {
        tracing::debug!(%denial, "session ended");
        self.connection = None;
        for (handle, seat) in std::mem::take(&mut self.seats) {
            tell(&self.route, handle, seat, denial);
        }
        let waiters = std::mem::take(&mut self.waiters).into_values();
        let later = std::mem::take(&mut self.later).into_iter().map(|(_, waiter)| waiter);
        waiters.chain(later).for_each(|waiter| waiter.refuse(denial.clone()));
        std::mem::take(&mut self.kept).into_iter().for_each(|kept| kept.end(denial));
        for pending in std::mem::take(&mut self.pending).into_values() {
            if let Pending::Line(fetch) = pending {
                self.unsent.push(fetch);
            }
        }
        for fetch in std::mem::take(&mut self.unsent) {
            let _ = fetch.reply.send(Err(denial.clone()));
        }
    }

    async fn goodbye(&mut self) {
        let Some(connection) = self.connection.as_mut() else { return };
        let farewell = async {
            if connection.send(&Message::Goodbye).await.is_ok() {
                while let Ok(frame) = connection.next().await {
                    if matches!(frame.message, Ok(Message::Farewell)) {
                        break;
                    }
                }
            }
        };
        let _ = timeout(GOODBYE, farewell).await;
    }
}

fn tell(route: &Route, handle: Handle, seat: Seat, denial: &Denial) {
    let _ = seat.lost.send(Some(denial.clone()));
    if let (Some(on_loss), Ask::Checkout { feature, version, count, .. }) = (&route.config.on_loss, seat.ask)
    {
        on_loss.call(&Loss { handle, feature, version, count, denial: denial.clone() });
    }
}

impl Command {
    /// The session is over: nothing comes of it.
    pub(super) fn refuse(self, denial: &Denial) {
        match self {
            Self::Ask { reply, .. } => drop(reply.send(Err(denial.clone()))),
            Self::Fetch { reply, .. } => drop(reply.send(Err(denial.clone()))),
            Self::Wait { ask, queue, reply } => {
                Waiter { queue: Some(queue), ..Waiter::new(ask, Some(reply)) }.refuse(denial.clone());
            }
            Self::GiveUp { reply: Some(reply), .. } => drop(reply.send(Err(denial.clone()))),
            Self::Return(_) | Self::Active | Self::Take(_) | Self::GiveUp { reply: None, .. } => {}
            Self::Close { done } => drop(done.send(())),
        }
    }
}

/// Whether a refusal is the end of the session.
fn ends_session(denial: &Denial) -> bool {
    matches!(denial.code, Code::SessionEnded | Code::SessionTaken)
}

/// Whether a request was refused because of the clocks.
fn clock_refusal(answer: &Answer) -> bool {
    matches!(answer, Answer::Denied(denial) if denial.code == Code::ClockDifference)
}

async fn next_frame(connection: &mut Option<Connection>) -> Result<Frame, DialError> {
    match connection {
        Some(connection) => connection.next().await,
        None => std::future::pending().await,
    }
}
