//! What must be true, worked out from the durable history and from what goes over the network, without the engine's own sums.

use std::collections::{BTreeMap, BTreeSet};

use seatkeeper::event::{Borrow, DequeueReason, Event, Identity, InReason, Record, SessionKind};
use seatkeeper::ident::{Handle, PoolKey, SessionId, Token};
use seatkeeper::sign::KeyId;
use seatkeeper::time::Timestamp;

use super::server::record_key;
use super::site::Book;

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Which: a few words, the same for every way in which it can be broken.
    pub(crate) rule: &'static str,
    pub(crate) what: String,
}

pub(crate) type Verdict = Result<(), Violation>;

/// Breaks a rule unless something holds.
macro_rules! ensure {
    ($holds:expr, $rule:expr, $($what:tt)+) => {
        if !$holds {
            return Err($crate::sim::oracle::Violation { rule: $rule, what: format!($($what)+) });
        }
    };
}
pub(crate) use ensure;

mod lending;
mod seats;
mod sums;
mod told;

#[derive(Debug, Clone)]
struct Seat {
    session: SessionId,
    identity: Identity,
    pool: PoolKey,
    count: u64,
    group: Option<Handle>,
    /// A package's, that goes with a component.
    of_suite: bool,
    /// The package's that goes with it.
    suite: Option<Handle>,
    lingers_until: Option<Timestamp>,
    lent: Option<Lent>,
}

/// A seat that is borrowed.
#[derive(Debug, Clone, Copy)]
struct Lent {
    borrow: Borrow,
    recalled: bool,
}

impl Seat {
    /// When it comes back by itself.
    fn until(&self) -> Option<Timestamp> {
        self.lingers_until.or(self.lent.map(|lent| Timestamp(lent.borrow.until.0 + MARGIN_MS)))
    }
}

/// How long after the end of its record a borrowed seat is counted: as far as clocks may differ.
const MARGIN_MS: i64 = 600_000;

#[derive(Debug, Clone)]
struct Entry {
    session: SessionId,
    token: Token,
    /// What is held for it, and what is held of the package that goes with that.
    offer: Option<(Handle, Option<Handle>)>,
}

/// Of a session that has not ended.
#[derive(Debug, Clone, Default)]
struct Session {
    epoch: u32,
    /// It speaks lines.
    lines: bool,
}

/// When a session was heard of, on the clock that stands still while the server does not attend.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Watch {
    pub(crate) heard: Attended,
    /// The client's close has come over its present connection.
    pub(crate) closed: Option<Attended>,
    /// A connection was closed over which it was to go on, before anybody was told whether it does.
    pub(crate) may_have_closed: Option<Attended>,
    pub(crate) goodbye: bool,
    /// For how long it told that its user has done nothing, at most.
    pub(crate) idle_s: u32,
}

/// A decision: when, and what was known of the sessions that it ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Decided {
    pub(crate) at: Attended,
    /// As a time of day.
    pub(crate) passed: Option<Timestamp>,
    pub(crate) watches: BTreeMap<SessionId, Watch>,
}

/// Time during which the server was awake and could record, and how often that began or ended: each time what the server counts
/// may differ by a look at the clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Attended {
    pub(crate) ms: u64,
    pub(crate) turns: u64,
}

/// Two looks of the server at the clock, and a little: what a beginning or an end may cost.
const LOOK_MS: u64 = 1010;

impl Attended {
    pub(crate) fn least_since(self, before: Self) -> u64 {
        (self.ms - before.ms).saturating_sub((self.turns - before.turns) * LOOK_MS)
    }

    pub(crate) fn most_since(self, before: Self) -> u64 {
        self.ms - before.ms + (self.turns - before.turns) * 1000
    }
}

/// A rule that is wrong on purpose, to see that what breaks it is found and made short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Planted {
    /// Nobody may resume a session that has two checkouts.
    ResumeWithTwo,
}

/// See the module.
pub(crate) struct Oracle {
    pub(crate) lease_ms: u64,
    pub(crate) grace_ms: u64,
    pub(crate) planted: Option<Planted>,
    /// How far the server's wall clock was set back and forward in all: the time that the engine goes by lies between.
    pub(crate) moved_ms: (i64, i64),
    /// The time that has passed until the last record was durable, as a time of day.
    pub(crate) passed: Timestamp,
    /// The name of the key that signs records of borrows.
    record_key: KeyId,
    seats: BTreeMap<Handle, Seat>,
    queue: BTreeMap<Handle, Entry>,
    sessions: BTreeMap<SessionId, Session>,
    /// Handles that were given, for checkouts and for what waits.
    given: BTreeSet<Handle>,
    highest: Handle,
    /// What of the durable history clients may have been told.
    granted: BTreeMap<(SessionId, Token), Handle>,
    returned: BTreeSet<Handle>,
    lost: BTreeSet<Handle>,
    queued: BTreeSet<Handle>,
    offered: BTreeSet<Handle>,
    dequeued: BTreeSet<Handle>,
    opened: BTreeSet<SessionId>,
    ended: BTreeSet<SessionId>,
    /// Who was told which epoch.
    owners: BTreeMap<(SessionId, u32), usize>,
    /// The connection over which each session goes on.
    pub(crate) bound: BTreeMap<SessionId, usize>,
    pub(crate) watch: BTreeMap<SessionId, Watch>,
    pub(crate) grants: u64,
    pub(crate) queue_ends: u64,
    pub(crate) resumes: u64,
    /// Sessions that speak lines.
    pub(crate) lines: u64,
    pub(crate) lending: Lendings,
    /// Why what was borrowed came back.
    came_back: BTreeMap<Handle, InReason>,
    /// Records that clients may have been given: of which borrow, until when, and its end.
    records: BTreeSet<(Handle, Timestamp, Timestamp)>,
    /// Since when a borrowed seat should be back.
    overdue: BTreeMap<Handle, Attended>,
}

/// How often what befell borrows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lendings {
    pub(crate) borrows: u64,
    pub(crate) renewals: u64,
    pub(crate) recalls: u64,
    pub(crate) returns: u64,
    pub(crate) ends: u64,
    /// Looks at what a client may use without the server.
    pub(crate) covered: u64,
}

impl Oracle {
    pub(crate) fn new(lease_s: u64, grace_s: u64, planted: Option<Planted>) -> Self {
        Self {
            lease_ms: lease_s * 1000,
            grace_ms: grace_s.min(lease_s) * 1000,
            planted,
            moved_ms: (0, 0),
            passed: Timestamp(0),
            seats: BTreeMap::new(),
            queue: BTreeMap::new(),
            sessions: BTreeMap::new(),
            given: BTreeSet::new(),
            highest: Handle(0),
            granted: BTreeMap::new(),
            returned: BTreeSet::new(),
            lost: BTreeSet::new(),
            queued: BTreeSet::new(),
            offered: BTreeSet::new(),
            dequeued: BTreeSet::new(),
            opened: BTreeSet::new(),
            ended: BTreeSet::new(),
            owners: BTreeMap::new(),
            bound: BTreeMap::new(),
            watch: BTreeMap::new(),
            grants: 0,
            queue_ends: 0,
            resumes: 0,
            lines: 0,
            record_key: record_key().key_id(),
            lending: Lendings::default(),
            came_back: BTreeMap::new(),
            records: BTreeSet::new(),
            overdue: BTreeMap::new(),
        }
    }

    /// A record is durable. `book` has the licenses that hold with it, `decided` is when it was decided.
    pub(crate) fn durable(&mut self, record: &Record, book: &Book, decided: &Decided) -> Verdict {
        for event in &record.events {
            match event {
                Event::Opened(opened) => {
                    ensure!(self.opened.insert(opened.session), "a session begins once", "{opened:?}");
                    let lines = opened.identity.kind() == SessionKind::Line;
                    self.sessions.insert(opened.session, Session { epoch: 0, lines });
                    self.lines += u64::from(lines);
                    let watch = Watch { heard: decided.at, ..Watch::default() };
                    self.watch.entry(opened.session).or_insert(watch);
                }
                Event::Resumed(resumed) => {
                    let session = self.sessions.get_mut(&resumed.session);
                    ensure!(session.is_some(), "an ended session does not come back", "{resumed:?}");
                    let epoch = session.map(|session| std::mem::replace(&mut session.epoch, resumed.epoch));
                    ensure!(epoch == Some(resumed.epoch - 1), "epochs follow one another", "{resumed:?}");
                    if let Some(Planted::ResumeWithTwo) = self.planted {
                        let many = self.seats.values().filter(|seat| seat.session == resumed.session).count();
                        ensure!(many < 2, "planted", "{} has {many}", resumed.session);
                    }
                }
                Event::Ended(ended) => {
                    self.may_end(ended.session, ended.why, decided)?;
                    let left = self
                        .seats
                        .values()
                        .any(|seat| seat.session == ended.session && seat.until().is_none());
                    ensure!(!left, "an ended session holds nothing", "{ended:?}");
                    let waits = self.queue.values().any(|entry| entry.session == ended.session);
                    ensure!(!waits, "an ended session waits for nothing", "{ended:?}");
                    self.sessions.remove(&ended.session);
                    self.ended.insert(ended.session);
                }
                Event::Out(out) => self.out(out, record, book, decided)?,
                Event::In(back) => self.back(back, record, book, decided)?,
                Event::Lingering(lingering) => self.linger(lingering, decided)?,
                Event::Moved(moved) => {
                    let seat = self.seats.get_mut(&moved.handle);
                    ensure!(seat.is_some(), "only what is out moves", "{moved:?}");
                    if let Some(seat) = seat {
                        seat.pool = moved.to.clone();
                        seat.group = moved.shares.map(|shares| shares.group);
                    }
                }
                Event::Queued(queued) => {
                    self.name(queued.handle)?;
                    let entry = Entry { session: queued.session, token: queued.request.token, offer: None };
                    self.queued.insert(queued.handle);
                    self.queue.insert(queued.handle, entry);
                }
                Event::Offered(offered) => self.offer(offered, record, book)?,
                Event::Dequeued(it) => {
                    let entry = self.queue.remove(&it.entry);
                    ensure!(entry.is_some(), "a wait ends once", "{it:?}");
                    let held = entry.and_then(|entry| entry.offer);
                    let same = held.map(|(offer, _)| offer) == it.offer;
                    ensure!(same, "what was held comes free with the wait", "{it:?}, {held:?}");
                    if let DequeueReason::Lapsed(_) = it.why {
                        ensure!(it.offer.is_some(), "only a hold lapses", "{it:?}");
                    }
                    self.release(held);
                    self.dequeued.insert(it.entry);
                    self.queue_ends += 1;
                }
                Event::Reread(_) => self.withdraw(),
                Event::Renewed(renewed) => self.renewed(renewed, book, decided)?,
                Event::Recalled(recalled) => {
                    let suite = self.seats.get(&recalled.handle).and_then(|seat| seat.suite);
                    for handle in [Some(recalled.handle), suite].into_iter().flatten() {
                        let lent = self.seats.get_mut(&handle).and_then(|seat| seat.lent.as_mut());
                        let first = lent.map(|lent| !std::mem::replace(&mut lent.recalled, true));
                        ensure!(first == Some(true), "what is borrowed is recalled, once", "{recalled:?}");
                    }
                    self.lending.recalls += 1;
                }
                Event::ClockAccepted(accepted) => {
                    for until in self.seats.values_mut().filter_map(|seat| seat.lingers_until.as_mut()) {
                        until.0 += accepted.mark.mark.0 - accepted.before.0;
                    }
                }
                // What changes no seats.
                _ => {}
            }
        }
        Ok(())
    }

    /// After a reread what was held for those who wait is free, and offered again.
    fn withdraw(&mut self) {
        let held: Vec<_> = self.queue.values_mut().map(|entry| entry.offer.take()).collect();
        held.into_iter().for_each(|held| self.release(held));
    }

    fn release(&mut self, held: Option<(Handle, Option<Handle>)>) {
        for handle in held.into_iter().flat_map(|(offer, package)| package.into_iter().chain([offer])) {
            self.seats.remove(&handle);
        }
    }

    fn name(&mut self, handle: Handle) -> Verdict {
        ensure!(handle > self.highest && self.given.insert(handle), "a handle is given once", "{handle}");
        self.highest = handle;
        Ok(())
    }
}
