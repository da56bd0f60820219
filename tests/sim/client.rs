//! A client: its machine, and the application on it, as `src/client/driver.rs` drives a session.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::BytesMut;
use seatkeeper::code::Code;
use seatkeeper::event::{Answer, Claims, Denial};
use seatkeeper::ident::{Count, Digest, Handle, SessionId, Token};
use seatkeeper::session::client::{Ask, ClientSession, Due, Settled};
use seatkeeper::time::{Look, Monotonic, Timestamp};
use seatkeeper::wire::{self, Hello, Message, Notice, Purpose, SessionTerms};

use super::lines::Talk;
use super::server::BEGIN;
use super::visit::{News, Shelf, Visit};

/// How often a request is asked again that left no trace, and after which time.
const AGAIN_CHECKOUT_MAX: u32 = 5;
const AGAIN_WAIT: Duration = Duration::from_millis(200);
/// How long an answer to a greeting may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How long the farewell may take.
const GOODBYE_MAX: Duration = Duration::from_secs(2);

/// A machine, with an application or none; or another program of a machine.
pub(crate) struct Client {
    /// Whose machine it is on, by number.
    pub(crate) machine: usize,
    pub(crate) user: String,
    pub(crate) host: String,
    /// What its clocks show beyond the time of the simulation.
    pub(crate) utc_offset: i64,
    pub(crate) mono_lag: u64,
    /// Counts its boots, and by how much its clock was set back before one in all.
    pub(crate) boot: u8,
    pub(crate) set_back_ms: i64,
    /// What its user has borrowed.
    pub(crate) shelf: Shelf,
    /// It sleeps until then.
    pub(crate) away_until: u64,
    /// Nothing gets through to it or from it until then.
    pub(crate) stalled_until: u64,
    pub(crate) app: Option<App>,
    /// Requests that were sent, for late duplicates.
    pub(crate) sent: Vec<Sent>,
}

/// A request, and how often it was asked before.
#[derive(Debug, Clone)]
pub(crate) struct Waiter {
    pub(crate) ask: Ask,
    pub(crate) times: u32,
}

/// A request that waits in the queue.
#[derive(Debug, Clone)]
pub(crate) struct Waits {
    pub(crate) waiter: Waiter,
    pub(crate) handle: Handle,
}

/// A request that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// By which session.
    pub(crate) session: SessionId,
    pub(crate) token: Token,
    pub(crate) message: Message,
    /// How often the server had begun anew by then.
    pub(crate) anew: u64,
}

/// Why a connection is greeted.
#[derive(Debug)]
pub(crate) struct Greeting {
    pub(crate) since: Monotonic,
    pub(crate) new: bool,
}

/// An application with the client library.
pub(crate) struct App {
    pub(crate) session: Option<ClientSession>,
    pub(crate) terms: Option<SessionTerms>,
    pub(crate) connection: Option<usize>,
    pub(crate) greeting: Option<Greeting>,
    pub(crate) input: BytesMut,
    pub(crate) next_id: u32,
    pub(crate) pending: BTreeMap<u32, Token>,
    pub(crate) waiters: BTreeMap<Token, Waiter>,
    pub(crate) later: Vec<(Monotonic, Waiter)>,
    /// Waiting requests to be asked after again.
    pub(crate) claims_later: Vec<(Monotonic, Token)>,
    pub(crate) held: BTreeSet<Handle>,
    pub(crate) queue: BTreeMap<Token, Waits>,
    pub(crate) farewell: Option<Monotonic>,
    /// The session was copied, so that it may be lost to the copy.
    pub(crate) copied: bool,
    /// Requests that were refused without a trace; they are not to be repeated.
    pub(crate) traceless: Vec<Token>,
    /// Requests that were denied. Where equal denials were counted, the server knows of that no more after it has begun anew.
    pub(crate) denied: BTreeSet<Token>,
    /// What it came for, if it is no application but meets the server about a borrow.
    pub(crate) visit: Option<Box<Visit>>,
    /// It speaks lines.
    pub(crate) talk: Option<Box<Talk>>,
}

/// What the application wants of the network.
pub(crate) enum Wish {
    Send(Message),
    /// Close the present connection.
    Close,
    /// Connect, and say this.
    Connect(Box<Hello>),
    /// Say goodbye.
    Leave,
    /// Connect to speak lines.
    Call,
    /// Send a line.
    Say(String),
    /// The application has ended.
    End,
}

impl Client {
    pub(crate) fn new(number: usize) -> Self {
        Self {
            machine: number,
            user: format!("u{}", number % 4),
            host: format!("h{}", number % 3),
            utc_offset: 0,
            mono_lag: 0,
            boot: 1,
            set_back_ms: 0,
            shelf: Shelf::default(),
            away_until: 0,
            stalled_until: 0,
            app: None,
            sent: Vec::new(),
        }
    }

    /// Another program of the same machine.
    pub(crate) fn beside(&self) -> Self {
        Self {
            machine: self.machine,
            user: self.user.clone(),
            host: self.host.clone(),
            shelf: Shelf::default(),
            app: None,
            sent: Vec::new(),
            ..*self
        }
    }

    /// What its clocks show.
    pub(crate) fn look(&self, now: u64) -> Look {
        let utc = Timestamp(BEGIN + self.utc_offset + i64::try_from(now).unwrap());
        Look { utc, boot: [self.boot; 16], elapsed_ms: 3_000_000 + now }
    }

    pub(crate) fn mono(&self, now: u64) -> Monotonic {
        // A clock that does not count sleep stands still meanwhile.
        Monotonic(1_000_000 + now - self.mono_lag.min(now))
    }

    pub(crate) fn hello(&self, purpose: Purpose, utc: Timestamp) -> Box<Hello> {
        Box::new(Hello {
            major: wire::MAJOR,
            minor: wire::MINOR,
            purpose,
            time: Timestamp(utc.0 + self.utc_offset),
            claims: Claims {
                user: self.user.parse().unwrap(),
                host: self.host.parse().unwrap(),
                display: self.host.parse().unwrap(),
                project: None,
                platform: None,
                hostids: vec![format!("ID={}", self.machine + 1).parse().unwrap()],
                pid: None,
            },
            vendor: Some("LGS".parse().unwrap()),
        })
    }
}

impl App {
    /// An application that begins.
    pub(crate) fn new() -> Self {
        Self {
            session: None,
            terms: None,
            connection: None,
            greeting: None,
            input: BytesMut::new(),
            next_id: 0,
            pending: BTreeMap::new(),
            waiters: BTreeMap::new(),
            later: Vec::new(),
            claims_later: Vec::new(),
            held: BTreeSet::new(),
            queue: BTreeMap::new(),
            farewell: None,
            copied: false,
            traceless: Vec::new(),
            denied: BTreeSet::new(),
            visit: None,
            talk: None,
        }
    }

    /// A copy of a session on another machine: it knows what there was to know, and has no connection.
    pub(crate) fn copy_of(other: &Self, now: Monotonic) -> Option<Self> {
        let terms = other.terms.clone()?;
        let mut session = ClientSession::new(&terms, now);
        session.broken(now);
        Some(Self { session: Some(session), terms: Some(terms), copied: true, ..Self::new() })
    }

    /// When it has something to do.
    pub(crate) fn wakeup(&self) -> Monotonic {
        let mut wake = self.talk.as_ref().map_or(Monotonic(u64::MAX), |talk| talk.wakeup());
        if let Some(greeting) = &self.greeting {
            wake = greeting.since.plus(ANSWER_MAX);
        } else if let (Some(visit), true) =
            (&self.visit, self.session.as_ref().is_some_and(ClientSession::is_up))
        {
            wake = visit.wakeup();
        } else if let Some(session) = &self.session {
            wake = session.wakeup();
        }
        let later = self.later.iter().map(|(at, _)| *at).chain(self.claims_later.iter().map(|(at, _)| *at));
        let farewell = self.farewell.map(|since| since.plus(GOODBYE_MAX));
        later.chain(farewell).fold(wake, Monotonic::min)
    }

    /// What time has made due.
    pub(crate) fn due(&mut self, now: Monotonic, fresh: [u8; 16], wishes: &mut Vec<Wish>) -> Option<Purpose> {
        if self.farewell.is_some_and(|since| now >= since.plus(GOODBYE_MAX)) {
            wishes.push(Wish::Close);
            wishes.push(Wish::End);
            return None;
        }
        if let Some(talk) = &mut self.talk {
            talk.due(now, wishes);
        }
        let (ready, later) = std::mem::take(&mut self.later).into_iter().partition(|(at, _)| *at <= now);
        self.later = later;
        let ready: Vec<(Monotonic, Waiter)> = ready;
        ready.into_iter().for_each(|(_, waiter)| self.ask(waiter, now, wishes));
        let (ready, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.claims_later).into_iter().partition(|(at, _)| *at <= now);
        self.claims_later = later;
        ready.into_iter().for_each(|(_, token)| self.claim(token, now, wishes));
        if let Some(greeting) = &self.greeting {
            if now >= greeting.since.plus(ANSWER_MAX) {
                wishes.push(Wish::Close);
                self.greeting_failed(now, wishes);
            }
            return None;
        }
        let session = self.session.as_mut()?;
        if let Some(visit) = &mut self.visit {
            if self.farewell.is_some() {
                return None;
            }
            if session.is_up() {
                if visit.is_kept_waiting(now) {
                    self.drop_connection(now, wishes);
                } else if visit.is_due_again(now) {
                    visit.ask_again(wishes);
                }
                return None;
            }
            if !visit.is_patient(now) {
                wishes.push(Wish::End);
                return None;
            }
        }
        match session.due(now) {
            Due::Nothing => None,
            Due::Send(message) => {
                wishes.push(Wish::Send(message));
                None
            }
            Due::Break => {
                self.drop_connection(now, wishes);
                None
            }
            Due::Connect => {
                self.greeting = Some(Greeting { since: now, new: false });
                Some(session.purpose(fresh))
            }
            Due::GiveUp(_) => {
                wishes.push(Wish::End);
                None
            }
        }
    }

    pub(crate) fn ask(&mut self, waiter: Waiter, now: Monotonic, wishes: &mut Vec<Wish>) {
        let Some(session) = &mut self.session else { return };
        let (token, message) = session.ask(waiter.ask.clone(), now);
        let up = session.is_up();
        self.waiters.insert(token, waiter);
        if up {
            wishes.push(Wish::Send(message));
        }
    }

    /// Asks after a request that waits.
    pub(crate) fn claim(&mut self, token: Token, now: Monotonic, wishes: &mut Vec<Wish>) {
        let Some(session) = self.session.as_mut().filter(|session| session.is_up()) else { return };
        wishes.extend(session.ask_again(token, now).map(Wish::Send));
    }

    pub(crate) fn drop_connection(&mut self, now: Monotonic, wishes: &mut Vec<Wish>) {
        wishes.push(Wish::Close);
        self.lost_connection(now);
    }

    /// The connection is gone already.
    pub(crate) fn lost_connection(&mut self, now: Monotonic) {
        self.pending.clear();
        self.input.clear();
        if let Some(session) = &mut self.session {
            session.broken(now);
        }
        if let Some(visit) = &mut self.visit {
            visit.lost_connection();
        }
    }

    pub(crate) fn greeting_failed(&mut self, now: Monotonic, wishes: &mut Vec<Wish>) {
        let Some(greeting) = self.greeting.take() else { return };
        self.pending.clear();
        self.input.clear();
        match &mut self.session {
            Some(session) if !greeting.new => session.try_failed(now),
            _ => wishes.push(Wish::End),
        }
    }

    /// A message came.
    pub(crate) fn arrived(&mut self, id: u32, message: Message, now: Monotonic, wishes: &mut Vec<Wish>) {
        if self.greeting.is_some() && matches!(message, Message::Notice(_)) {
            return;
        }
        if let Some(greeting) = self.greeting.take() {
            return self.greeted(greeting, message, now, wishes);
        }
        let pending = self.pending.remove(&id);
        let Some(session) = &mut self.session else { return };
        match message {
            Message::Answer { token, answer } => self.answered(token, answer, now, wishes),
            Message::Error(denial) if ends_session(&denial) => wishes.extend([Wish::Close, Wish::End]),
            Message::Notice(Notice::SessionEnded { denial }) if denial.code == Code::SessionTaken => {
                self.drop_connection(now, wishes);
            }
            Message::Notice(Notice::SessionEnded { .. }) => wishes.extend([Wish::Close, Wish::End]),
            Message::Notice(notice) => {
                session.noticed(&notice, now);
                match notice {
                    Notice::SeatLost { handle, .. } => {
                        self.held.remove(&handle);
                    }
                    Notice::Offered { token, .. } => self.claim(token, now, wishes),
                    Notice::Dequeued { token, .. } => {
                        self.queue.remove(&token);
                        // It may not have heard that it waited.
                        self.waiters.remove(&token);
                    }
                    Notice::SessionEnded { .. } => {}
                }
            }
            Message::Error(denial) => match pending {
                Some(token) => self.answered(token, Answer::Denied(denial), now, wishes),
                None => session.heard(now),
            },
            Message::Farewell if self.farewell.is_some() => wishes.extend([Wish::Close, Wish::End]),
            _ => session.heard(now),
        }
    }

    /// A message came for a program that meets the server about a borrow.
    pub(crate) fn visited(
        &mut self,
        (id, message): (u32, Message),
        (shelf, locked): (&mut Shelf, &[Digest]),
        (look, now): (Look, Monotonic),
        wishes: &mut Vec<Wish>,
    ) -> News {
        let Some(mut visit) = self.visit.take() else { return News::Nothing };
        let mut news = News::Nothing;
        match message {
            // The end of a session is found out when it is asked for.
            Message::Notice(_) => {}
            message => match self.greeting.take() {
                Some(greeting) => {
                    let new = greeting.new;
                    self.greeted(greeting, message, now, wishes);
                    match self.session.as_ref().filter(|session| session.is_up()) {
                        Some(_) if new => visit.begin(shelf, locked, wishes),
                        Some(_) => wishes.extend(visit.repeat().map(Wish::Send)),
                        None => {}
                    }
                }
                None if self.farewell.is_some() => wishes.extend([Wish::Close, Wish::End]),
                None => news = visit.arrived(id, message, shelf, (look, now), wishes),
            },
        }
        self.visit = Some(visit);
        news
    }

    fn greeted(&mut self, greeting: Greeting, message: Message, now: Monotonic, wishes: &mut Vec<Wish>) {
        match message {
            Message::Welcome(welcome) => {
                let Some(terms) = welcome.session else { return };
                match &mut self.session {
                    Some(session) if !greeting.new => {
                        let resumption = session.resumed(&terms, now);
                        let secret = self.terms.as_ref().map_or([0; 32], |terms| terms.secret);
                        self.terms = Some(SessionTerms { secret, ..terms.clone() });
                        resumption.lost.iter().for_each(|handle| {
                            self.held.remove(handle);
                        });
                        wishes.extend(resumption.repeat.into_iter().map(Wish::Send));
                    }
                    _ => {
                        self.session = Some(ClientSession::new(&terms, now));
                        self.terms = Some(terms);
                    }
                }
            }
            Message::Error(denial) if greeting.new || ends_session(&denial) => {
                wishes.extend([Wish::Close, Wish::End]);
            }
            _ => {
                wishes.push(Wish::Close);
                self.greeting = Some(greeting);
                self.greeting_failed(now, wishes);
            }
        }
    }

    fn being_returned(&self) -> Vec<Handle> {
        let waiters = self.waiters.values().chain(self.later.iter().map(|(_, waiter)| waiter));
        let handle = |waiter: &Waiter| match &waiter.ask {
            Ask::Checkin(handle) => Some(*handle),
            Ask::Checkout { .. } => None,
        };
        waiters.filter_map(handle).collect()
    }

    fn answered(&mut self, token: Token, answer: Answer, now: Monotonic, wishes: &mut Vec<Wish>) {
        let Some(session) = &mut self.session else { return };
        let waits = self.queue.get(&token).map(|waits| waits.waiter.clone());
        let waiter = self.waiters.remove(&token).or(waits);
        match (session.answered(token, answer, now), waiter) {
            (Settled::Again(_, denial), Some(waiter)) => {
                self.traceless.push(token);
                self.again(denial, waiter, now);
            }
            (Settled::Waits(Some(place)), Some(waiter)) => {
                self.queue.insert(token, Waits { waiter, handle: place.handle });
            }
            (Settled::Waits(None), _) => self.claims_later.push((now.plus(AGAIN_WAIT), token)),
            (Settled::Done(answer), Some(waiter)) => {
                self.queue.remove(&token);
                if let Answer::Denied(_) = &answer {
                    self.denied.insert(token);
                }
                let clock = matches!(&answer, Answer::Denied(denial) if denial.code == Code::ClockDifference);
                self.settled(answer, &waiter);
                if clock {
                    self.traceless.push(token);
                    self.drop_connection(now, wishes);
                }
            }
            _ => {}
        }
    }

    fn again(&mut self, denial: Denial, waiter: Waiter, now: Monotonic) {
        let again = match (&waiter.ask, denial.code) {
            (Ask::Checkin(_), _) => true,
            (Ask::Checkout { .. }, Code::AskAgain) => waiter.times < AGAIN_CHECKOUT_MAX,
            (Ask::Checkout { .. }, _) => false,
        };
        if again {
            let times = waiter.times + 1;
            self.later.push((now.plus(AGAIN_WAIT * times.min(10)), Waiter { times, ..waiter }));
        }
    }

    fn settled(&mut self, answer: Answer, waiter: &Waiter) {
        match (answer, &waiter.ask) {
            (Answer::Granted(grant), Ask::Checkout { .. }) => {
                self.held.insert(grant.handle);
            }
            (_, Ask::Checkin(handle)) => {
                self.held.remove(handle);
                let left =
                    self.queue.iter().find(|(_, waits)| waits.handle == *handle).map(|(token, _)| *token);
                if let (Some(token), Some(session)) = (left, &mut self.session) {
                    self.queue.remove(&token);
                    session.dequeued(token);
                }
            }
            _ => {}
        }
    }

    /// A seat is given back.
    pub(crate) fn check_in(&mut self, handle: Handle, now: Monotonic, wishes: &mut Vec<Wish>) {
        if !self.being_returned().contains(&handle) {
            self.ask(Waiter { ask: Ask::Checkin(handle), times: 0 }, now, wishes);
        }
    }

    pub(crate) fn settled_down(&self) -> bool {
        let up = self.session.as_ref().is_some_and(|session| session.is_up() && session.unanswered() == 0);
        up && self.greeting.is_none()
            && self.later.is_empty()
            && !self.claims_later.iter().any(|(_, token)| self.queue.contains_key(token))
            && self.waiters.is_empty()
            && self.farewell.is_none()
    }
}

/// Whether a refusal is the end of the session.
fn ends_session(denial: &Denial) -> bool {
    matches!(denial.code, Code::SessionEnded | Code::SessionTaken)
}

pub(crate) fn ask_for(feature: &str, newer: bool, count: u32, wishes: seatkeeper::event::Wishes) -> Ask {
    Ask::Checkout {
        feature: feature.parse().unwrap(),
        version: if newer { "2.0" } else { "1.0" }.parse().unwrap(),
        count: Count::new(count).unwrap(),
        wishes,
    }
}
