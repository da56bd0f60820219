//! The client's half of a session: request numbers, what is unanswered, when to say that we live, when to connect
//! again and what to repeat then. The shell in `client` owns the socket and asks here what to do with it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::code::{Code, minor};
use crate::event::{Answer, Checkin, Checkout, Denial, Place, Wishes};
use crate::ident::{Count, FeatureName, Handle, SessionId, Token, Version};
use crate::time::Monotonic;
use crate::wire::{Message, Notice, Purpose, SessionTerms};

/// Heartbeats are never further apart than this, whatever the server allows.
const HEARTBEAT_MAX: Duration = Duration::from_secs(60);
/// Shortest and longest silence of a server that owes us something, after which the connection counts as broken.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(15));
/// How long beyond the lease a lost server is looked for: a restart gives every session a whole new lease.
const RESTART_PATIENCE: Duration = Duration::from_secs(300);
/// Waits before the second, third … try to connect again; the first is made at once, the last wait is repeated. The
/// first five tries fall into the first second, as the server's close grace may be short.
const WAITS_MS: [u64; 9] = [100, 200, 250, 250, 500, 1000, 1000, 2000, 5000];
/// Tries that keep to the table exactly; later ones are spread by up to a quarter of a second, so that the clients of
/// a restarted server do not come all at once.
const EXACT_TRIES: usize = 4;

/// What is asked of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Licenses.
    Checkout {
        /// Which feature.
        feature: FeatureName,
        /// Which version.
        version: Version,
        /// How many at once.
        count: Count,
        /// What else is asked for.
        wishes: Wishes,
    },
    /// To take licenses back.
    Checkin(Handle),
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It has its answer.
    Done(Answer),
    /// It was not carried out and left no trace; it may be asked again, under a new number.
    Again(Ask, Denial),
    /// It waits in the queue, at this place; none if the server could only not say where. It keeps its number, which is not
    /// acknowledged.
    Waits(Option<Place>),
    /// It was settled before: a repeated answer.
    Stale,
}

/// What a resume brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumption {
    /// Requests to send again, in their order, with their old numbers.
    pub repeat: Vec<Message>,
    /// Checkouts that the server no longer has.
    pub lost: Vec<Handle>,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Nothing until [`ClientSession::wakeup`].
    Nothing,
    /// Send this.
    Send(Message),
    /// The server owes an answer for too long: drop the connection and call [`ClientSession::broken`].
    Break,
    /// Try to connect and to resume.
    Connect,
    /// The server was away for too long: the session is over.
    GiveUp(Denial),
}

/// A session as its client sees it.
#[derive(Debug)]
pub struct ClientSession {
    id: SessionId,
    secret: [u8; 32],
    epoch: u32,
    lease: Duration,
    heartbeat: Duration,
    next: Token,
    unanswered: BTreeMap<Token, Ask>,
    /// Requests that wait in the queue, while the server owes nothing for them.
    waiting: BTreeMap<Token, Ask>,
    /// Numbers of requests that have a place in the queue.
    queued: BTreeSet<Token>,
    /// All answers up to here have arrived.
    acknowledged: Token,
    /// Settled numbers above it.
    settled: BTreeSet<Token>,
    held: BTreeSet<Handle>,
    link: Link,
    sent_at: Monotonic,
    /// When the oldest thing was sent for which nothing has been heard since.
    owed_since: Option<Monotonic>,
    probed: bool,
    /// When the user last did something; none if nobody watches him.
    active_at: Option<Monotonic>,
}

#[derive(Debug)]
enum Link {
    Up,
    Broken {
        since: Monotonic,
        /// Tries made.
        tries: usize,
        next_try: Monotonic,
        /// The random value of this step, kept until the step has its answer.
        nonce: Option<[u8; 16]>,
    },
}

impl ClientSession {
    /// A session that the server has just begun.
    #[must_use]
    pub fn new(terms: &SessionTerms, now: Monotonic) -> Self {
        let mut session = Self {
            id: terms.id,
            secret: terms.secret,
            epoch: terms.epoch,
            lease: Duration::ZERO,
            heartbeat: Duration::ZERO,
            next: Token(1),
            unanswered: BTreeMap::new(),
            waiting: BTreeMap::new(),
            queued: BTreeSet::new(),
            acknowledged: Token(0),
            settled: BTreeSet::new(),
            held: terms.held.iter().copied().collect(),
            link: Link::Up,
            sent_at: now,
            owed_since: None,
            probed: false,
            active_at: None,
        };
        session.take_terms(terms);
        session
    }

    fn take_terms(&mut self, terms: &SessionTerms) {
        self.epoch = terms.epoch;
        self.lease = Duration::from_secs(u64::from(terms.lease_s.max(1)));
        let wanted = Duration::from_secs(u64::from(terms.heartbeat_s.max(1)));
        self.heartbeat = wanted.min(self.lease / 3).min(HEARTBEAT_MAX);
    }

    /// The session's name.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The checkouts that it holds.
    #[must_use]
    pub const fn held(&self) -> &BTreeSet<Handle> {
        &self.held
    }

    /// Whether requests can be sent now; otherwise they are sent after the resume.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        matches!(self.link, Link::Up)
    }

    /// How many requests have no answer yet.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// How many settled requests can't be acknowledged because of an older one that has no answer yet or waits in the queue. A server
    /// keeps the answers of so many only ([`crate::wire::limits::UNACKNOWLEDGED_MAX`]).
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.settled.len()
    }

    /// Numbers a request and keeps it until it is answered. The message is to be sent if the link is up.
    pub fn ask(&mut self, ask: Ask, now: Monotonic) -> (Token, Message) {
        let token = self.next;
        self.next = Token(token.0 + 1);
        let message = self.message(token, &ask);
        self.unanswered.insert(token, ask);
        self.sent(now);
        (token, message)
    }

    /// Asks again for a request that waits, under its number: it gets what is held for it, or hears where it stands. None if it
    /// does not wait or was asked for already. This is no sign of a user at work, so it puts no heartbeat off.
    pub fn ask_again(&mut self, token: Token, now: Monotonic) -> Option<Message> {
        let ask = self.waiting.remove(&token)?;
        let message = self.message(token, &ask);
        self.unanswered.insert(token, ask);
        if self.is_up() {
            self.owed_since.get_or_insert(now);
        }
        Some(message)
    }

    /// A request waits no more: the server said so, or took it back.
    pub fn dequeued(&mut self, token: Token) {
        let asked = self.waiting.remove(&token).or_else(|| self.unanswered.remove(&token));
        if asked.is_some() {
            self.queued.remove(&token);
            self.settle(token);
        }
    }

    fn message(&self, token: Token, ask: &Ask) -> Message {
        let acknowledged = self.acknowledged;
        match ask {
            Ask::Checkout { feature, version, count, wishes } => Message::Checkout(Checkout {
                token,
                acknowledged,
                feature: feature.clone(),
                version: *version,
                count: *count,
                wishes: wishes.clone(),
            }),
            Ask::Checkin(handle) => Message::Checkin(Checkin { token, acknowledged, handle: *handle }),
        }
    }

    fn sent(&mut self, now: Monotonic) {
        if self.is_up() {
            self.sent_at = now;
            self.owed_since.get_or_insert(now);
        }
    }

    /// Anything at all came from the server.
    pub fn heard(&mut self, now: Monotonic) {
        self.probed = false;
        self.owed_since = if self.unanswered.is_empty() { None } else { Some(now) };
    }

    /// An answer came.
    pub fn answered(&mut self, token: Token, answer: Answer, now: Monotonic) -> Settled {
        let asked = self.unanswered.remove(&token);
        self.heard(now);
        let Some(ask) = asked else { return Settled::Stale };
        match &answer {
            Answer::Queued(place) => {
                self.queued.insert(token);
                self.waiting.insert(token, ask);
                return Settled::Waits(Some(*place));
            }
            // Not carried out was only this question: the request keeps its place.
            Answer::Denied(denial) if left_no_trace(denial) && self.queued.contains(&token) => {
                self.waiting.insert(token, ask);
                return Settled::Waits(None);
            }
            _ => {}
        }
        self.queued.remove(&token);
        self.settle(token);
        match (&ask, &answer) {
            (_, Answer::Denied(denial)) if left_no_trace(denial) => {
                return Settled::Again(ask, denial.clone());
            }
            (_, Answer::Granted(grant)) => {
                self.held.insert(grant.handle);
            }
            (Ask::Checkin(handle), _) => {
                self.held.remove(handle);
            }
            _ => {}
        }
        Settled::Done(answer)
    }

    fn settle(&mut self, token: Token) {
        self.settled.insert(token);
        while self.settled.remove(&Token(self.acknowledged.0 + 1)) {
            self.acknowledged.0 += 1;
        }
    }

    /// The server said something unasked. A lost seat is taken from those held, and a request that waits no more is settled;
    /// the end of the session is the caller's to act on.
    pub fn noticed(&mut self, notice: &Notice, now: Monotonic) {
        match notice {
            Notice::SeatLost { handle, .. } => drop(self.held.remove(handle)),
            Notice::Dequeued { token, .. } => self.dequeued(*token),
            Notice::Offered { .. } | Notice::SessionEnded { .. } => {}
        }
        self.heard(now);
    }

    /// The user has just done something. From then on heartbeats say for how long he has not.
    pub fn active(&mut self, now: Monotonic) {
        self.active_at = Some(now);
    }

    /// The connection is gone. The first try to resume is due at once.
    pub fn broken(&mut self, now: Monotonic) {
        if self.is_up() {
            self.link = Link::Broken { since: now, tries: 0, next_try: now, nonce: None };
            self.owed_since = None;
            self.probed = false;
        }
    }

    /// What to say in the HELLO of a try to resume. `fresh` is a random value; it is used if the step is not a
    /// repetition of one whose answer was lost.
    pub fn purpose(&mut self, fresh: [u8; 16]) -> Purpose {
        let nonce = match &mut self.link {
            Link::Up => fresh,
            Link::Broken { nonce, .. } => *nonce.get_or_insert(fresh),
        };
        Purpose::Resume { session: self.id, secret: self.secret, epoch: self.epoch, nonce }
    }

    /// A try to resume failed without an answer.
    pub fn try_failed(&mut self, now: Monotonic) {
        let spread = self.id.0.first().copied().unwrap_or_default();
        if let Link::Broken { tries, next_try, .. } = &mut self.link {
            let wait = WAITS_MS.get(*tries).or(WAITS_MS.last()).copied().unwrap_or_default();
            let spread = if *tries < EXACT_TRIES { 0 } else { u64::from(spread) };
            *next_try = now.plus(Duration::from_millis(wait + spread));
            *tries += 1;
        }
    }

    /// The server took the session up again.
    pub fn resumed(&mut self, terms: &SessionTerms, now: Monotonic) -> Resumption {
        self.take_terms(terms);
        self.link = Link::Up;
        self.sent_at = now;
        self.unanswered.append(&mut self.waiting);
        let repeat: Vec<Message> =
            self.unanswered.iter().map(|(token, ask)| self.message(*token, ask)).collect();
        self.owed_since = if repeat.is_empty() { None } else { Some(now) };
        // A listing that was cut says nothing of the handles behind its end.
        let listed: BTreeSet<Handle> = terms.held.iter().copied().collect();
        let last = match listed.last() {
            Some(last) if listed.len() >= crate::wire::limits::HELD_MAX => *last,
            _ => Handle(u64::MAX),
        };
        let returning: BTreeSet<Handle> = self
            .unanswered
            .values()
            .filter_map(|ask| match ask {
                Ask::Checkin(handle) => Some(*handle),
                Ask::Checkout { .. } => None,
            })
            .collect();
        let gone = |handle: &&Handle| **handle <= last && !listed.contains(*handle);
        let lost: Vec<Handle> =
            self.held.iter().filter(gone).filter(|handle| !returning.contains(*handle)).copied().collect();
        lost.iter().for_each(|handle| {
            self.held.remove(handle);
        });
        Resumption { repeat, lost }
    }

    /// When something will be due next.
    #[must_use]
    pub fn wakeup(&self) -> Monotonic {
        match &self.link {
            Link::Broken { next_try, .. } => *next_try,
            Link::Up => {
                let heartbeat = self.sent_at.plus(self.heartbeat);
                match self.owed_since {
                    None => heartbeat,
                    Some(since) => {
                        let patience = self.patience();
                        heartbeat.min(since.plus(if self.probed { patience } else { patience / 2 }))
                    }
                }
            }
        }
    }

    fn patience(&self) -> Duration {
        (self.lease / 3).clamp(PATIENCE.0, PATIENCE.1)
    }

    /// What is to be done at this moment.
    pub fn due(&mut self, now: Monotonic) -> Due {
        match &self.link {
            Link::Broken { since, next_try, .. } => {
                let away = now.since(*since);
                if away > self.lease + RESTART_PATIENCE {
                    let note = format!("the server was not reached for {} s", away.as_secs());
                    return Due::GiveUp(Denial::new(Code::SessionEnded, minor::CONNECT_FAILED, &note));
                }
                if now >= *next_try { Due::Connect } else { Due::Nothing }
            }
            Link::Up => {
                // As instants, so that what `wakeup` names is due then and not a part of a millisecond later.
                let silent_for =
                    |span: Duration| self.owed_since.is_some_and(|since| now >= since.plus(span));
                if silent_for(self.patience()) {
                    return Due::Break;
                }
                let doubt = !self.probed && silent_for(self.patience() / 2);
                if doubt || now >= self.sent_at.plus(self.heartbeat) {
                    self.probed = doubt || self.probed;
                    self.sent(now);
                    let idle_s =
                        self.active_at.map(|at| u32::try_from(now.since(at).as_secs()).unwrap_or(u32::MAX));
                    return Due::Send(Message::Heartbeat { acknowledged: self.acknowledged, idle_s });
                }
                Due::Nothing
            }
        }
    }
}

/// Whether a refusal means that the request was not carried out at all (`grammar/wire.md`, Session).
fn left_no_trace(denial: &Denial) -> bool {
    use Code::{AskAgain, ServerBusy, StoreUnavailable, VendorDown};
    matches!(denial.code, AskAgain | StoreUnavailable | VendorDown | ServerBusy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Grant;
    use crate::ident::PoolKey;

    const T0: Monotonic = Monotonic(1_000_000);

    fn after(ms: u64) -> Monotonic {
        Monotonic(T0.0 + ms)
    }

    fn terms(held: &[u64]) -> SessionTerms {
        SessionTerms {
            id: SessionId([0; 16]),
            secret: [7; 32],
            epoch: 0,
            lease_s: 300,
            heartbeat_s: 60,
            grace_s: 5,
            resumed: false,
            demo: false,
            held: held.iter().map(|handle| Handle(*handle)).collect(),
            lost: Vec::new(),
        }
    }

    fn checkout() -> Ask {
        Ask::Checkout {
            feature: FeatureName::parse("f1").unwrap(),
            version: Version::parse("1.0").unwrap(),
            count: Count::MIN,
            wishes: Wishes::default(),
        }
    }

    fn granted(handle: u64) -> Answer {
        Answer::Granted(Grant {
            handle: Handle(handle),
            pool: PoolKey::new("f1 1"),
            lines: [].into(),
            expires: None,
            demo: false,
            borrow: None,
        })
    }

    #[test]
    fn acknowledges_up_to_the_first_gap() {
        let mut session = ClientSession::new(&terms(&[]), T0);
        let tokens: Vec<Token> = (0..3).map(|_| session.ask(checkout(), T0).0).collect();
        session.answered(tokens[1], granted(2), T0);
        let (_, Message::Checkout(next)) = session.ask(checkout(), T0) else { panic!() };
        assert_eq!(next.acknowledged, Token(0), "the first answer is missing");
        session.answered(tokens[0], granted(1), T0);
        let (_, Message::Checkout(next)) = session.ask(checkout(), T0) else { panic!() };
        assert_eq!(next.acknowledged, tokens[1]);
        assert_eq!(session.answered(tokens[0], granted(1), T0), Settled::Stale);
    }

    #[test]
    fn repeats_the_unanswered_with_their_old_numbers() {
        let mut session = ClientSession::new(&terms(&[]), T0);
        let (first, _) = session.ask(checkout(), T0);
        let (second, sent) = session.ask(checkout(), T0);
        session.answered(first, granted(1), T0);
        session.broken(after(10));
        let (third, _) = session.ask(Ask::Checkin(Handle(1)), after(20));
        let resumption = session.resumed(&SessionTerms { epoch: 1, ..terms(&[1]) }, after(30));
        assert!(resumption.lost.is_empty());
        let tokens: Vec<Token> = resumption
            .repeat
            .iter()
            .map(|message| match message {
                Message::Checkout(it) => it.token,
                Message::Checkin(it) => it.token,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(tokens, [second, third]);
        assert_ne!(resumption.repeat[0], sent, "the acknowledgement is newer");
    }

    #[test]
    fn a_lost_resume_answer_repeats_epoch_and_nonce() {
        let mut session = ClientSession::new(&terms(&[]), T0);
        session.broken(T0);
        let first = session.purpose([1; 16]);
        session.try_failed(after(5));
        assert_eq!(session.purpose([2; 16]), first);
        session.resumed(&SessionTerms { epoch: 1, ..terms(&[]) }, after(10));
        session.broken(after(20));
        let Purpose::Resume { epoch, nonce, .. } = session.purpose([3; 16]) else { panic!() };
        assert_eq!((epoch, nonce), (1, [3; 16]), "the next step is a new one");
    }

    #[test]
    fn a_seat_that_the_server_no_longer_has_is_lost_unless_it_was_being_returned() {
        let mut session = ClientSession::new(&terms(&[1, 2, 3]), T0);
        session.ask(Ask::Checkin(Handle(2)), T0);
        session.broken(T0);
        let resumption = session.resumed(&terms(&[3]), after(10));
        assert_eq!(resumption.lost, [Handle(1)]);
        assert!(session.held().contains(&Handle(3)) && !session.held().contains(&Handle(1)));
    }

    #[test]
    fn what_left_no_trace_is_asked_again_under_a_new_number() {
        let mut session = ClientSession::new(&terms(&[]), T0);
        let (first, _) = session.ask(checkout(), T0);
        let denial = Denial::new(Code::AskAgain, minor::ROLLED_BACK, "");
        let settled = session.answered(first, Answer::Denied(denial.clone()), T0);
        assert_eq!(settled, Settled::Again(checkout(), denial));
        let (second, _) = session.ask(checkout(), T0);
        assert!(second > first);
    }

    #[test]
    fn a_seat_that_an_ending_server_did_not_take_back_is_still_held() {
        let mut session = ClientSession::new(&terms(&[4]), T0);
        let (token, _) = session.ask(Ask::Checkin(Handle(4)), T0);
        let denial = Denial::new(Code::VendorDown, minor::VENDOR_DOWN, "");
        let settled = session.answered(token, Answer::Denied(denial.clone()), T0);
        assert_eq!(settled, Settled::Again(Ask::Checkin(Handle(4)), denial));
        assert!(session.held().contains(&Handle(4)));
    }

    #[test]
    fn five_tries_fall_into_the_first_second_and_the_end_comes_after_lease_and_restart() {
        let mut session = ClientSession::new(&terms(&[]), T0);
        session.broken(T0);
        let mut now = T0;
        let mut tries = Vec::new();
        let end = loop {
            match session.due(now) {
                Due::Connect => {
                    tries.push(now.0 - T0.0);
                    session.try_failed(now);
                }
                Due::GiveUp(denial) => break denial,
                Due::Nothing => now = session.wakeup(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(tries[..5], [0, 100, 300, 550, 800]);
        assert!(now.0 - T0.0 >= 600_000 && now.0 - T0.0 < 606_000, "{}", now.0 - T0.0);
        assert_eq!(end.code, Code::SessionEnded);
    }

    #[test]
    fn a_heartbeat_goes_out_after_a_third_of_the_lease_at_most_60_s() {
        for (lease_s, heartbeat_s, expected_ms) in
            [(300, 60, 60_000), (300, 600, 60_000), (30, 60, 10_000), (86_400, 28_800, 60_000), (5, 1, 1_000)]
        {
            let mut session = ClientSession::new(&SessionTerms { lease_s, heartbeat_s, ..terms(&[]) }, T0);
            assert_eq!(session.wakeup(), after(expected_ms), "{lease_s} {heartbeat_s}");
            assert_eq!(session.due(after(expected_ms - 1)), Due::Nothing);
            assert!(matches!(session.due(after(expected_ms)), Due::Send(Message::Heartbeat { .. })));
        }
    }

    fn queued(position: u32) -> Answer {
        Answer::Queued(Place { handle: Handle(9), position, wait_s: None })
    }

    #[test]
    fn a_request_that_waits_keeps_its_number_unacknowledged_and_is_repeated() {
        let mut session = ClientSession::new(&terms(&[]), T0);
        let (token, first) = session.ask(checkout(), T0);
        assert!(
            matches!(session.answered(token, queued(2), T0), Settled::Waits(Some(place)) if place.position == 2)
        );
        assert_eq!(session.unanswered(), 0, "nothing is owed while it waits");
        assert_eq!(session.wakeup(), after(60_000), "only the heartbeat");
        let (other, _) = session.ask(checkout(), T0);
        session.answered(other, granted(5), T0);
        let Due::Send(Message::Heartbeat { acknowledged, .. }) = session.due(after(60_000)) else { panic!() };
        assert_eq!(acknowledged, Token(0));
        session.heard(after(60_000));
        assert_eq!(session.ask_again(token, after(61_000)), Some(first.clone()));
        assert_eq!(session.ask_again(token, after(61_000)), None, "once at a time");
        assert_eq!(session.wakeup(), after(68_500), "the answer is owed; the heartbeat is not put off");
        let denial = Denial::new(Code::AskAgain, minor::ROLLED_BACK, "");
        assert_eq!(session.answered(token, Answer::Denied(denial), after(61_001)), Settled::Waits(None));
        session.broken(after(62_000));
        let resumption = session.resumed(&terms(&[5]), after(63_000));
        assert_eq!(resumption, Resumption { repeat: vec![first], lost: vec![] });
        assert!(matches!(session.answered(token, granted(10), after(63_001)), Settled::Done(_)));
        let (_, message) = session.ask(checkout(), after(63_002));
        assert!(matches!(message, Message::Checkout(it) if it.acknowledged == other));
    }

    #[test]
    fn a_request_that_waits_no_more_is_settled_by_the_notice() {
        let mut session = ClientSession::new(&terms(&[]), T0);
        let (token, _) = session.ask(checkout(), T0);
        session.answered(token, queued(1), T0);
        session.ask_again(token, T0);
        let denial = Denial::new(Code::HoldLapsed, minor::HOLD_LAPSED, "");
        session.noticed(&Notice::Dequeued { token, handle: Handle(9), denial: denial.clone() }, T0);
        assert_eq!(session.answered(token, Answer::Denied(denial), T0), Settled::Stale);
        let (_, message) = session.ask(checkout(), T0);
        assert!(matches!(message, Message::Checkout(it) if it.acknowledged == token));
    }

    #[test]
    fn something_is_due_when_it_wakes_up_whatever_the_lease() {
        for lease_s in 5..100 {
            let terms = SessionTerms { lease_s, heartbeat_s: lease_s, ..terms(&[]) };
            let mut session = ClientSession::new(&terms, T0);
            session.ask(checkout(), T0);
            while session.is_up() {
                let now = session.wakeup();
                match session.due(now) {
                    Due::Send(_) => {}
                    Due::Break => session.broken(now),
                    other => panic!("lease of {lease_s} s: {other:?} after {} ms", now.0 - T0.0),
                }
            }
        }
    }

    #[test]
    fn a_silent_server_is_asked_once_and_then_given_up_on() {
        let mut session = ClientSession::new(&terms(&[]), T0);
        session.ask(checkout(), T0);
        assert_eq!(session.wakeup(), after(7_500));
        assert!(matches!(session.due(after(7_500)), Due::Send(Message::Heartbeat { .. })));
        assert_eq!(session.due(after(7_501)), Due::Nothing);
        session.heard(after(8_000));
        assert_eq!(session.due(after(15_000)), Due::Nothing, "it lives; the answer may wait for a disk");
        assert!(matches!(session.due(after(15_500)), Due::Send(_)));
        assert_eq!(session.wakeup(), after(23_000));
        assert_eq!(session.due(after(23_000)), Due::Break);
    }
}
