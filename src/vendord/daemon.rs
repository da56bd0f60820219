//! The one owner of state, leases and pending answers.
//!
//! The state here runs ahead of the disk: it holds records that are decided and not yet stored. Every answer waits
//! until its record and all before it are durable. When the history can't be written, everything that waited is
//! answered "ask again", and the state is taken back from the projector, which has seen only what is durable.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::config::Config;
use super::connection::{Outgoing, Peer};
use super::explaining;
use super::freshness::Freshness;
use super::projector::Projector;
use super::random::Random;
use super::served::Served;
use super::status;
use crate::catalog::Catalog;
use crate::code::{Code, minor};
use crate::event::{Answer, Checkin, Checkout, Denial, EndReason, Identity, Record, SessionKind};
use crate::ident::{Digest, Seq, SessionId};
use crate::seat::{Command, DenialDamper, Looked, Reply, Resume, Session, State, Usage};
use crate::session::server::{Administration, LeaseTerms, Leases, clock_denial};
use crate::sign::SigningKey;
use crate::store::Store;
use crate::time::{Clock, Monotonic, Now, Timestamp};
use crate::wire::{self, LostSeat, SessionTerms, Welcome};
use waiting::{Undone, Waiting};

/// Longest time between two heartbeats, in seconds (DESIGN section 2).
const HEARTBEAT_SECONDS_MAX: u32 = 60;

/// Whether the history can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Recording {
    /// Records are taken.
    Open,
    /// Nothing can be recorded, for this reason, so nothing is granted.
    Failing(Arc<str>),
}

/// The daemon. One thread owns it; connections borrow it for the length of one request and never across a wait.
pub(super) struct Daemon {
    pub(super) config: Config,
    served: Served,
    /// What was served until not long ago, for clients that still want to see the lines behind their grants.
    former: VecDeque<(Monotonic, Arc<Catalog>)>,
    usage: Usage,
    /// Up to where the queues were looked at.
    queues_looked: Looked,
    pub(super) projector: Projector,
    pub(super) status_queue: status::Queue,
    pub(super) grounds_queue: status::Queue,
    pub(super) administration: Administration,
    /// Where session names, secrets and nonces come from.
    pub(super) random: Random,
    clock: Arc<dyn Clock>,
    state: State,
    durable: Seq,
    recording: Recording,
    store: Option<Arc<Store>>,
    /// Decided and not yet handed to the store.
    batch: Vec<Record>,
    /// Wakes the task that hands batches over, after every connection that is ready had its turn.
    batch_ready: Rc<Notify>,
    waiting: VecDeque<(Seq, Waiting)>,
    terms: LeaseTerms,
    leases: Leases,
    damper: DenialDamper,
    bound: BTreeMap<SessionId, Rc<Peer>>,
    /// With what records of borrows are signed.
    record_key: Option<SigningKey>,
    /// The start of this run, and the event up to which all must be durable before it counts as recorded.
    start: Option<(Seq, Command)>,
    /// When the clocks were looked at last; none before the start is recorded.
    looked: Option<clock::Looked>,
    stopping: bool,
    pub(super) freshness: Rc<Freshness>,
}

mod admission;
mod binding;
pub(in crate::vendord) mod borrow;
mod clock;
mod deciding;
pub(super) mod desk;
mod known;
mod queue;
mod removal;
mod reread;
mod waiting;

use known::Known;

/// How connections and tasks share the daemon.
pub(super) type Shared = Rc<RefCell<Daemon>>;

impl Daemon {
    pub(super) fn new(
        config: Config,
        served: Served,
        terms: LeaseTerms,
        projector: Projector,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let mono = clock.now().mono;
        let administration = explaining::administration(&config.state_dir);
        Self {
            config,
            served,
            former: VecDeque::new(),
            usage: Usage::default(),
            queues_looked: Looked::default(),
            projector,
            clock,
            state: State::default(),
            durable: Seq(0),
            recording: Recording::Failing("the history is being opened".into()),
            store: None,
            batch: Vec::new(),
            batch_ready: Rc::new(Notify::new()),
            waiting: VecDeque::new(),
            terms,
            leases: Leases::new(terms, mono),
            damper: DenialDamper::default(),
            bound: BTreeMap::new(),
            record_key: None,
            start: None,
            looked: None,
            stopping: false,
            status_queue: status::Queue::of_status(),
            grounds_queue: status::Queue::of_grounds(),
            administration,
            random: Random::System,
            freshness: Rc::default(),
        }
    }

    pub(super) fn now(&self) -> Now {
        self.clock.now()
    }

    pub(super) fn batch_ready(&self) -> Rc<Notify> {
        Rc::clone(&self.batch_ready)
    }

    /// What lmstat prints after all features.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.served.catalog.demo() {
            let vendor = &self.config.vendor;
            notes.push(format!("{vendor} serves DEMO licenses: they are signed with a published key"));
        }
        if let Recording::Failing(reason) = &self.recording {
            notes.push(format!("no license can be checked out at present: {reason}"));
        }
        notes.extend(self.clock_note());
        notes.extend(self.served.origin.notes.iter().cloned());
        notes
    }

    /// Greets a client.
    pub(super) fn welcome(&self, session: Option<SessionTerms>) -> Welcome {
        Welcome {
            major: wire::MAJOR,
            minor: wire::MINOR,
            program: super::program(),
            vendor: Some(self.config.vendor.clone()),
            time: self.now().utc,
            session,
        }
    }

    fn session_terms(&self, id: SessionId, secret: [u8; 32], epoch: u32) -> SessionTerms {
        let seconds = |span: Duration| u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
        let lease_s = seconds(self.terms.lease);
        let held = self.state.session(id).into_iter().flat_map(Session::handles);
        SessionTerms {
            id,
            secret,
            epoch,
            lease_s,
            heartbeat_s: (lease_s / 3).clamp(1, HEARTBEAT_SECONDS_MAX),
            grace_s: seconds(self.terms.close_grace),
            resumed: false,
            demo: self.served.catalog.demo(),
            held: held.take(wire::limits::HELD_MAX).collect(),
            lost: self
                .state
                .lost_by(id)
                .map(|(handle, loss)| LostSeat { handle, denial: loss.denial() })
                .collect(),
        }
    }

    // ---- requests -------------------------------------------------------------------------------------------------

    /// A client begins a session on this connection.
    pub(super) fn open(
        &mut self,
        peer: &Rc<Peer>,
        request: u32,
        identity: Identity,
        time: Option<Timestamp>,
    ) {
        let now = self.now();
        if let Some(denial) = time.and_then(|time| clock_denial(time, now.utc, self.config.limits.skew)) {
            return peer.send(request, Outgoing::Refused(denial));
        }
        if let Some(denial) = self.full() {
            return peer.send(request, Outgoing::Refused(denial));
        }
        let drawn = self.random.bytes::<16>().and_then(|id| Ok((SessionId(id), self.random.bytes::<32>()?)));
        let (session, secret) = match drawn {
            Ok(drawn) => drawn,
            Err(error) => {
                let denial = Denial::new(Code::InternalError, minor::SESSION_SECRET, &error.to_string());
                return peer.send(request, Outgoing::Refused(denial));
            }
        };
        let kind = identity.kind();
        let stored = match kind {
            SessionKind::Framed => Digest::of(&secret),
            SessionKind::Line => Digest([0; 32]),
        };
        let reply = self.execute(&Command::Open { session, secret: stored, identity });
        let outgoing = match reply {
            Reply::Refused(denial) => Outgoing::Refused(denial),
            _ => {
                self.bind(peer, session);
                if kind == SessionKind::Framed {
                    self.leases.begin(session, self.clock.now().mono);
                }
                Outgoing::Welcome(Box::new(self.welcome(Some(self.session_terms(session, secret, 0)))))
            }
        };
        self.answer(peer, request, outgoing);
    }

    /// A client comes back on this connection.
    pub(super) fn resume(&mut self, peer: &Rc<Peer>, request: u32, claim: Resume, time: Timestamp) {
        let session = claim.session;
        let outgoing = match self.execute(&Command::Resume(claim)) {
            Reply::Resumed(epoch) => {
                let denial = clock_denial(time, self.now().utc, self.config.limits.skew);
                peer.set_clock_denial(denial);
                self.bind(peer, session);
                self.leases.begin(session, self.clock.now().mono);
                let terms = SessionTerms { resumed: true, ..self.session_terms(session, [0; 32], epoch) };
                Outgoing::Welcome(Box::new(self.welcome(Some(terms))))
            }
            Reply::Refused(denial) => Outgoing::Refused(denial),
            Reply::Done | Reply::Answer(..) | Reply::Partly(_) => return,
        };
        self.answer(peer, request, outgoing);
    }

    /// The session of this connection asks for licenses.
    pub(super) fn checkout(&mut self, peer: &Rc<Peer>, request: u32, session: SessionId, checkout: Checkout) {
        let now = self.hear(session);
        let token = checkout.token;
        let lends_nothing = checkout.wishes.borrow.and_then(|_| self.lends_nothing());
        let command = Command::Checkout(session, checkout);
        let reply = match self.known(session, token, &command) {
            Known::Answer(reply) => return self.answer_again(peer, request, reply),
            Known::Unclear => return peer.close_by_us(),
            Known::Waits => return self.carry_out_again(peer, request, (session, token), &command),
            // One that was taken before is not refused for a clock that is wrong now: its client would think that it waits no more.
            Known::Nothing => match peer.clock_denial().or(lends_nothing) {
                Some(denial) => return peer.send(request, Outgoing::Answer(token, Answer::Denied(denial))),
                None => self.execute_at(&command, now),
            },
        };
        self.answer_reply(peer, request, reply);
    }

    /// The session of this connection gives licenses back.
    pub(super) fn checkin(&mut self, peer: &Rc<Peer>, request: u32, session: SessionId, checkin: Checkin) {
        let now = self.hear(session);
        let command = Command::Checkin(session, checkin);
        let reply = match self.known(session, checkin.token, &command) {
            Known::Answer(reply) => return self.answer_again(peer, request, reply),
            Known::Unclear => return peer.close_by_us(),
            Known::Nothing | Known::Waits => self.execute_at(&command, now),
        };
        self.answer_reply(peer, request, reply);
    }

    /// The session of this connection is over.
    pub(super) fn goodbye(&mut self, peer: &Rc<Peer>, request: u32, session: SessionId) {
        if self.stopping {
            // Nothing is recorded any more: the seats are free when the lease is over after the next start.
            let note = "the vendor daemon is shutting down";
            let denial = Denial::new(Code::VendorDown, minor::VENDOR_DOWN, note);
            return peer.send(request, Outgoing::Refused(denial));
        }
        self.unbind(peer);
        self.finish(session, EndReason::Goodbye);
        self.answer(peer, request, Outgoing::Farewell);
    }

    /// Whether a session has not ended.
    pub(super) fn knows(&self, session: SessionId) -> bool {
        self.state.session(session).is_some()
    }

    fn answer_reply(&mut self, peer: &Rc<Peer>, request: u32, reply: Reply) {
        let outgoing = match reply {
            Reply::Answer(token, answer) => Outgoing::Answer(token, answer),
            Reply::Refused(denial) => Outgoing::Refused(denial),
            Reply::Done | Reply::Resumed(_) | Reply::Partly(_) => return,
        };
        self.answer(peer, request, outgoing);
    }

    /// Sends an answer when everything decided so far is durable. While the history can't be written nothing is decided,
    /// and nothing that is pending will become durable.
    fn answer(&mut self, peer: &Rc<Peer>, request: u32, outgoing: Outgoing) {
        if self.state.seq() <= self.durable || self.recording != Recording::Open {
            peer.send(request, outgoing);
        } else {
            let undone = Undone::Refused;
            let waiting = Waiting::Answer { peer: Rc::clone(peer), request, outgoing, undone };
            self.waiting.push_back((self.state.seq(), waiting));
        }
    }

    /// Lets time pass: leases, counted refusals. Called at least twice a second.
    pub(super) fn tick(&mut self) {
        let now = self.now();
        self.leases.attend(now.mono, self.recording == Recording::Open);
        if self.recording == Recording::Open && !self.stopping {
            self.attend_clock(now);
            self.lapse(now);
            for denied in self.damper.expired(now) {
                self.carry_out(&Command::CountDenials(Box::new(denied)), now);
            }
        }
        self.reap();
        if self.recording == Recording::Open && !self.stopping {
            self.serve_queues(now);
        }
        self.forget_former();
    }

    // ---- the history's reports --------------------------------------------------------------------------------------

    /// The history is open: takes over the state it had, and begins to serve.
    pub(super) fn begin(&mut self, store: Arc<Store>, state: State, start: &Command) {
        self.durable = state.seq();
        self.state = state;
        self.rebuild_usage();
        self.store = Some(store);
        self.recording = Recording::Open;
        self.begin_run(start.clone());
        let sessions: Vec<SessionId> = self.state.sessions().map(|(id, _)| id).collect();
        let now = self.now().mono;
        sessions.into_iter().for_each(|session| self.leases.begin(session, now));
    }

    /// Records the start, and with it the end of what an earlier run left behind.
    fn begin_run(&mut self, start: Command) {
        let now = self.now();
        // Nothing may end or begin to linger before it is known what the clock is worth, which may have been set meanwhile.
        if self.state.time_mark().is_some() {
            self.look_at_clock(now, false);
        }
        self.decide_and_record(&start, now);
        self.look_at_clock(now, true);
        self.lapse(now);
        self.take_over(now);
        self.start = Some((self.state.seq(), start));
    }

    /// The state as it is on disk, after [`Self::rolled_back`].
    pub(super) fn rebuilt(&mut self, state: State, served: Served) {
        self.durable = state.seq();
        self.state = state;
        self.served = served;
        self.rebuild_usage();
        self.damper = DenialDamper::default();
        let gone: Vec<SessionId> =
            self.bound.keys().copied().filter(|session| !self.knows(*session)).collect();
        for session in gone {
            self.leases.end(session);
            if let Some(peer) = self.bound.remove(&session) {
                peer.set_session(None);
            }
        }
    }

    /// The history can be written again.
    pub(super) fn recovered(&mut self) {
        if self.store.as_ref().is_some_and(|store| store.restart()) {
            // Until now no lease has run.
            self.leases.attend(self.clock.now().mono, false);
            self.recording = Recording::Open;
            match self.start.take() {
                Some((_, start)) => self.begin_run(start),
                // What was seen of the clocks may have been rolled back.
                None => self.look_at_clock(self.now(), false),
            }
            self.reap();
        }
    }

    /// The history can't be opened, for this reason.
    pub(super) fn unopened(&mut self, reason: &str) {
        self.recording = Recording::Failing(self.without_directory(reason).into());
    }

    /// What clients hear of a failure names no directory of the server; its log does.
    fn without_directory(&self, reason: &str) -> String {
        let directory = self.config.state_dir.display().to_string();
        if directory.is_empty() {
            return reason.to_owned();
        }
        reason.replace(&format!("{directory}/"), "").replace(&directory, "the state directory")
    }

    // ---- the end ------------------------------------------------------------------------------------------------------

    /// Ends in order: records the stop and takes nothing more. Framed sessions keep their seats.
    pub(super) fn stop(&mut self, by: &str) {
        let now = self.now();
        if self.recording == Recording::Open && !self.stopping {
            for denied in self.damper.drain() {
                self.carry_out(&Command::CountDenials(Box::new(denied)), now);
            }
            self.look_at_clock(now, true);
            self.carry_out(&Command::Stop(crate::event::Stopped { by: by.to_owned() }), now);
            self.submit();
        }
        self.stopping = true;
    }

    /// Lets go of the store at the end.
    pub(super) fn release_store(&mut self) -> Option<Arc<Store>> {
        self.store.take()
    }

    /// Whether everything decided is durable, or nothing can be made so.
    pub(super) fn settled(&self) -> bool {
        self.recording != Recording::Open || (self.state.seq() <= self.durable && self.batch.is_empty())
    }
}

#[cfg(test)]
mod tests;
