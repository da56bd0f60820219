//! What must be true, worked out from the durable history and from what goes over the network, without the engine's own sums.

use std::collections::{BTreeMap, BTreeSet};

use seatkeeper::code::{Code, minor};
use seatkeeper::event::{
    Answer, Borrow, DequeueReason, EndReason, Event, Identity, In, InReason, Lingering, Offered, Out, Record,
    Renewed, SessionKind,
};
use seatkeeper::ident::{Handle, PoolKey, SessionId, Token};
use seatkeeper::seat::{State, Tenure};
use seatkeeper::sign::{BorrowRecord, KeyId};
use seatkeeper::time::Timestamp;
use seatkeeper::wire::{Message, Notice, RecordText};

use super::lines::handle_behind;
use super::server::record_key;
use super::site::Book;
use super::visit::verified;

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

    // ---- the history ----------------------------------------------------------------------------------------------------

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

    fn out(&mut self, out: &Out, record: &Record, book: &Book, decided: &Decided) -> Verdict {
        let key = (out.session, out.request.token);
        ensure!(
            self.sessions.contains_key(&out.session),
            "only a session that lives is granted seats",
            "{out:?}"
        );
        self.grants += 1;
        let entry = self.queue.iter().find(|(_, entry)| (entry.session, entry.token) == key);
        let entry = entry.map(|(handle, entry)| (*handle, entry.offer));
        if let Some((entry, offer)) = entry {
            let (offer, package) = offer.unzip();
            let package = package.flatten();
            let before = self.granted.insert(key, out.handle);
            if package == Some(out.handle) {
                // That of the component comes next, or the wait does not end.
                ensure!(before.is_none(), "a token grants once", "{out:?}");
                return Ok(());
            }
            ensure!(offer == Some(out.handle), "who waits gets what was held for him", "{out:?}");
            let both = before == package && out.accounting.suite == package;
            ensure!(both, "what was held is taken together", "{out:?} after {before:?}");
            self.queue.remove(&entry);
            self.dequeued.insert(entry);
            self.queue_ends += 1;
            return Ok(());
        }
        self.name(out.handle)?;
        let component = |handle: &Handle| Some(*handle) == out.accounting.suite;
        // The package that goes with this component stands before it in the record, with the same token.
        match self.granted.insert(key, out.handle) {
            None => {}
            Some(before) => ensure!(component(&before), "a token grants once", "{out:?} after {before}"),
        }
        let of_suite = record
            .events
            .iter()
            .any(|event| matches!(event, Event::Out(other) if other.accounting.suite == Some(out.handle)));
        let seat = Seat {
            session: out.session,
            identity: out.identity.clone(),
            pool: out.pool.clone(),
            count: u64::from(out.request.count.get()),
            group: out.accounting.shares.map(|shares| shares.group),
            of_suite,
            suite: out.accounting.suite,
            lingers_until: None,
            lent: out.accounting.borrow.map(|borrow| Lent { borrow, recalled: false }),
        };
        ensure!(
            out.request.wishes.borrow.is_some() == seat.lent.is_some(),
            "who asks to borrow borrows, and nobody else",
            "{out:?}"
        );
        if let (Some(borrow), Some(borrowing)) = (out.accounting.borrow, out.request.wishes.borrow) {
            ensure!(!out.identity.hostids.is_empty(), "a borrower can be told from others", "{out:?}");
            self.may_lend(&seat, borrow, borrowing.renew_s, book, decided)?;
            self.records.insert((out.handle, borrow.until, borrow.ends));
            self.lending.borrows += u64::from(!of_suite);
        }
        self.enter(out.handle, seat, record.at, book)
    }

    fn offer(&mut self, offered: &Offered, record: &Record, book: &Book) -> Verdict {
        let package = offered.package.as_ref();
        let entry = self.queue.get_mut(&offered.entry).filter(|entry| entry.offer.is_none());
        ensure!(entry.is_some(), "only who waits is offered seats", "{offered:?}");
        if let Some(entry) = entry {
            entry.offer = Some((offered.handle, package.map(|package| package.handle)));
        }
        self.offered.insert(offered.entry);
        let needed = book.rules.catalog.pool(&offered.pool).and_then(|pool| pool.package());
        let both = needed == package.map(|package| &package.pool);
        ensure!(both, "a component is held with its package", "{offered:?}");
        let held = package.map(|it| (it.handle, &it.pool, it.shares));
        for (handle, pool, shares) in
            held.into_iter().chain([(offered.handle, &offered.pool, offered.shares)])
        {
            self.name(handle)?;
            let seat = Seat {
                session: offered.session,
                identity: offered.identity.clone(),
                pool: pool.clone(),
                count: u64::from(offered.request.count.get()),
                group: shares.map(|shares| shares.group),
                of_suite: handle != offered.handle,
                suite: None,
                lingers_until: None,
                lent: None,
            };
            self.enter(handle, seat, record.at, book)?;
        }
        Ok(())
    }

    /// A seat is granted or held: nothing rises above what there is.
    fn enter(&mut self, handle: Handle, seat: Seat, at: Timestamp, book: &Book) -> Verdict {
        let feature = seat.pool.feature().to_owned();
        let (pool_key, count) = (seat.pool.clone(), seat.count);
        let before = self.out_of(&pool_key);
        let reserved_before = before + self.idle_reserved(&feature, book);
        self.seats.insert(handle, seat);
        let after = self.out_of(&pool_key);
        let pool = book.rules.catalog.pool(&pool_key);
        ensure!(pool.is_some(), "seats come from pools that are served", "{handle} from {pool_key}");
        let Some(pool) = pool.filter(|pool| pool.counted && after > before) else { return Ok(()) };
        let most_at = |at: Timestamp| u64::from(pool.count_at(at)) + u64::from(pool.overdraft_at(at));
        let (least_ms, most_ms) = self.moved_ms;
        let passed = [0, least_ms, most_ms].map(|moved| Timestamp(self.passed.0 + moved));
        let most = passed.into_iter().map(most_at).fold(most_at(at), u64::max);
        ensure!(
            after <= most,
            "no more is out than there is",
            "{pool_key}: {after} of {most}, with {count} more"
        );
        if let Some((_, most)) = book.most.iter().find(|(name, _)| *name == feature) {
            let pools = book.rules.catalog.pools(&feature).iter().filter(|pool| pool.counted);
            let all: u64 = pools.map(|pool| self.out_of(&pool.key)).sum();
            // Of pools that a reread has made smaller more may be out.
            ensure!(
                all <= *most || self.surplus(&feature, book, at),
                "no more is out than there is",
                "{all} of {most} {feature}"
            );
        }
        let reserved = after + self.idle_reserved(&feature, book);
        ensure!(
            reserved <= most || reserved <= reserved_before,
            "no reservation is used by a stranger",
            "{pool_key}: with what is reserved {reserved} of {most}, before {reserved_before}"
        );
        Ok(())
    }

    fn surplus(&self, feature: &str, book: &Book, at: Timestamp) -> bool {
        let pools = book.rules.catalog.pools(feature).iter();
        pools.filter(|pool| pool.counted).any(|pool| {
            self.out_of(&pool.key) > u64::from(pool.count_at(at)) + u64::from(pool.overdraft_at(at))
        })
    }

    /// Licenses out of a pool: those that share count once.
    fn out_of(&self, pool: &PoolKey) -> u64 {
        self.out_for(pool, |_| true)
    }

    fn out_for(&self, pool: &PoolKey, counts: impl Fn(&Identity) -> bool) -> u64 {
        let mut groups: BTreeMap<Handle, u64> = BTreeMap::new();
        for (handle, seat) in
            self.seats.iter().filter(|(_, seat)| seat.pool == *pool && counts(&seat.identity))
        {
            let most = groups.entry(seat.group.unwrap_or(*handle)).or_default();
            *most = (*most).max(seat.count);
        }
        groups.values().sum()
    }

    /// What of the reservations of a feature nobody uses: each takes what its holders have beyond those before it.
    fn idle_reserved(&self, feature: &str, book: &Book) -> u64 {
        let mut idle = 0;
        let Some(pool) = book.rules.catalog.pools(feature).first() else { return 0 };
        let of_feature: Vec<_> = book.reserved.iter().filter(|(name, ..)| *name == feature).collect();
        let mut left: Vec<u64> = of_feature.iter().map(|(_, count, _)| *count).collect();
        let mut groups: BTreeMap<Handle, u64> = BTreeMap::new();
        for (handle, seat) in self.seats.iter().filter(|(_, seat)| seat.pool == pool.key) {
            // Each license that is shared counts for the oldest checkout that asked for it.
            let used = groups.entry(seat.group.unwrap_or(*handle)).or_default();
            let mut count = seat.count.saturating_sub(*used);
            *used = (*used).max(seat.count);
            for (left, (_, _, holder)) in left.iter_mut().zip(&of_feature) {
                if holder.is(seat.identity.user.as_str(), seat.identity.host.as_str()) {
                    let taken = count.min(*left);
                    *left -= taken;
                    count -= taken;
                }
            }
        }
        left.iter().for_each(|left| idle += left);
        idle
    }

    /// Whether a license is lent by the rules: worked out from what the book says of it.
    fn may_lend(&self, seat: &Seat, borrow: Borrow, renew_s: u32, book: &Book, decided: &Decided) -> Verdict {
        let feature = seat.pool.feature();
        let lending = book.lending;
        let hours = lending.hours.iter().find(|(name, _)| *name == feature).map(|(_, hours)| *hours);
        ensure!(hours.is_some(), "only what may be borrowed is", "{seat:?}");
        self.may_last(
            borrow,
            decided,
            [
                hours.map(|hours| (borrow.ends, hours * 3600)),
                Some((borrow.until, lending.renew_h * 3600)),
                Some((borrow.until, renew_s)),
            ],
        )?;
        let user = seat.identity.user.as_str();
        ensure!(
            !lending.excluded.contains(&(feature, user)),
            "nobody borrows whom EXCLUDE_BORROW names",
            "{seat:?}"
        );
        if let Some((_, kept_back)) = lending.lowwater.iter().find(|(name, _)| *name == feature) {
            let pool =
                book.rules.catalog.pool(&seat.pool).map_or(0, |pool| u64::from(pool.count_at(self.passed)));
            let lent = self.seats.values().filter(|other| other.lent.is_some() && other.pool == seat.pool);
            let lent: u64 = lent.map(|seat| seat.count).sum();
            ensure!(
                lent + seat.count <= pool.saturating_sub(*kept_back),
                "what BORROW_LOWWATER keeps back is not lent",
                "{lent} of {pool} and {seat:?}"
            );
        }
        Ok(())
    }

    /// The end of a record and of a borrow. The time that the engine goes by is within how the server's clock was moved.
    /// The end of a record and of a borrow, each of which may last for so many seconds. The time that the engine goes by is within
    /// how the server's clock was moved.
    fn may_last(&self, borrow: Borrow, decided: &Decided, spans: [Option<(Timestamp, u32)>; 3]) -> Verdict {
        let passed = decided.passed.unwrap_or(Timestamp(self.passed.0 - 60_000));
        let (earliest, latest) = (passed.0 + self.moved_ms.0, passed.0 + self.moved_ms.1);
        ensure!(
            borrow.until <= borrow.ends && borrow.until.0 > earliest,
            "a borrow ends in the future, and its record not after it",
            "{borrow:?} at {earliest}"
        );
        for (end, seconds) in spans.into_iter().flatten().filter(|(_, seconds)| *seconds > 0) {
            ensure!(
                end.0 <= latest + i64::from(seconds) * 1000,
                "nothing is lent for longer than may be",
                "{borrow:?}, {seconds} s from {latest}"
            );
        }
        Ok(())
    }

    fn renewed(&mut self, renewed: &Renewed, book: &Book, decided: &Decided) -> Verdict {
        let Renewed { handle, borrow, session, .. } = *renewed;
        ensure!(self.sessions.contains_key(&session), "only a session that lives renews", "{renewed:?}");
        let seat = self.seats.get(&handle).filter(|seat| !seat.of_suite);
        let Some((lent, seat)) = seat.and_then(|seat| Some((seat.lent?, seat.clone()))) else {
            ensure!(false, "only what is borrowed is renewed", "{renewed:?}");
            return Ok(());
        };
        ensure!(!lent.recalled, "what is wanted back is renewed no more", "{renewed:?}");
        let longer = borrow.ends > lent.borrow.ends;
        let hours = book.lending.hours.iter().find(|(name, _)| *name == seat.pool.feature());
        ensure!(!longer || hours.is_some(), "only what may be borrowed is", "{renewed:?}");
        let hours = hours.filter(|_| longer).map(|(_, hours)| (borrow.ends, hours * 3600));
        self.may_last(borrow, decided, [hours, None, None])?;
        // The record that is out can't be called back.
        ensure!(
            borrow.until >= lent.borrow.until.min(borrow.ends),
            "a record is cut short only for who wants that",
            "{renewed:?} after {lent:?}"
        );
        self.records.insert((handle, borrow.until, borrow.ends));
        self.lending.renewals += 1;
        for handle in [Some(handle), seat.suite].into_iter().flatten() {
            if let Some(lent) = self.seats.get_mut(&handle).and_then(|seat| seat.lent.as_mut()) {
                lent.borrow = borrow;
            }
        }
        Ok(())
    }

    /// What a client could use at this moment without asking anybody is out of its pool, for as long at least.
    pub(crate) fn covers(&mut self, record: &BorrowRecord) -> Verdict {
        self.lending.covered += 1;
        let lent = self.seats.get(&record.handle).and_then(|seat| Some((seat.lent?, seat.count)));
        if let Some((lent, count)) = lent {
            ensure!(
                record.until <= lent.borrow.until && u64::from(record.count.get()) == count,
                "no record outlasts what the server counts",
                "{record:?}, the server {lent:?}"
            );
            return Ok(());
        }
        let fair = match self.came_back.get(&record.handle) {
            // It ended by the server's clock, which was moved.
            Some(InReason::BorrowEnd) => self.moved_ms != (0, 0),
            _ => false,
        };
        let why = self.came_back.get(&record.handle);
        ensure!(fair, "nobody works with a license that others may have", "{record:?} came back by {why:?}");
        Ok(())
    }

    /// Borrowed seats are back soon after nobody can use them any more.
    pub(crate) fn borrows_end(&mut self, today: Timestamp, now: Attended, late: u64) -> Verdict {
        let earliest = today.0 + self.moved_ms.0;
        let due = |seat: &Seat| seat.lent.is_some() && seat.until().is_some_and(|until| until.0 <= earliest);
        let due: BTreeSet<Handle> =
            self.seats.iter().filter(|(_, seat)| due(seat)).map(|(handle, _)| *handle).collect();
        self.overdue.retain(|handle, _| due.contains(handle));
        for handle in due {
            let since = *self.overdue.entry(handle).or_insert(now);
            let (over, most) = (now.least_since(since), 1000 + late);
            ensure!(over <= most, "what was borrowed comes back in time", "{handle}: {over} of {most} ms");
        }
        Ok(())
    }

    /// When the last of what is borrowed comes back by itself.
    pub(crate) fn lent_until(&self) -> Option<Timestamp> {
        self.seats.values().filter(|seat| seat.lent.is_some()).filter_map(Seat::until).max()
    }

    fn back(&mut self, back: &In, record: &Record, book: &Book, decided: &Decided) -> Verdict {
        let seat = self.seats.remove(&back.handle);
        let Some(seat) = seat else {
            ensure!(false, "seats come back once", "{back:?}");
            return Ok(());
        };
        ensure!(seat.session == back.session, "seats come back from who has them", "{back:?}");
        if let Some(lent) = seat.lent {
            self.came_back.insert(back.handle, back.why);
            let whole = u64::from(!seat.of_suite);
            match back.why {
                InReason::BorrowEnd => {
                    let over = lent.borrow.until.0 + MARGIN_MS <= self.passed.0 + self.moved_ms.1;
                    ensure!(over, "a borrow lasts", "{back:?} at {}, {lent:?}", record.at);
                    self.lending.ends += whole;
                    return Ok(());
                }
                InReason::BorrowReturned { session, .. } => {
                    let may = book.lending.early_return || lent.recalled;
                    ensure!(may, "only a publisher who allows it has licenses back early", "{back:?}");
                    ensure!(
                        self.sessions.contains_key(&session),
                        "only a session that lives returns",
                        "{back:?}"
                    );
                    self.lending.returns += whole;
                    self.returned.insert(back.handle);
                    return Ok(());
                }
                InReason::Removed => {}
                _ => ensure!(false, "what is borrowed comes back by its own rules", "{back:?}, {lent:?}"),
            }
        }
        match back.why {
            InReason::Linger => {
                let until = seat.lingers_until;
                ensure!(until.is_some(), "what lingers was given up before", "{back:?}");
                let again = record.events.iter().any(|event| match event {
                    Event::Out(out) => out.identity.user == seat.identity.user,
                    Event::Offered(offered) => offered.identity.user == seat.identity.user,
                    _ => false,
                });
                let over = until.is_some_and(|until| until.0 <= self.passed.0 + self.moved_ms.1);
                ensure!(over || again, "lingering lasts", "{back:?} at {} until {until:?}", record.at);
                return Ok(());
            }
            InReason::Removed => {
                let read = matches!(record.events.first(), Some(Event::Reread(_)));
                ensure!(read, "only a reread removes", "{back:?}");
                // A package's goes with its component.
                let gone = seat.of_suite || book.rules.catalog.pool(&seat.pool).is_none();
                ensure!(gone, "what is served is not removed", "{back:?}");
                self.lost.insert(back.handle);
            }
            InReason::Inactive => {
                let feature = seat.pool.feature();
                let timeouts = || book.timeouts.iter().filter(|(name, _)| *name == feature || seat.of_suite);
                let told = self.watch.get(&back.session).map_or(0, |watch| watch.idle_s);
                ensure!(
                    timeouts().any(|(_, seconds)| told >= *seconds),
                    "only the idle lose seats by a timeout",
                    "{back:?}, idle for {told} s"
                );
                self.lost.insert(back.handle);
            }
            InReason::UserRemoved => {
                let ordered = matches!(record.events.first(), Some(Event::Removed(_)));
                ensure!(ordered, "only an administrator removes", "{back:?}");
                self.lost.insert(back.handle);
            }
            InReason::Checkin { .. } => {
                self.returned.insert(back.handle);
            }
            InReason::BorrowEnd | InReason::BorrowReturned { .. } => {
                ensure!(false, "only what is borrowed comes back so", "{back:?}");
            }
            InReason::Ended(why) => self.may_end(back.session, why, decided)?,
        }
        let taken = matches!(back.why, InReason::Removed | InReason::UserRemoved);
        ensure!(taken || seat.lingers_until.is_none(), "what lingers belongs to nobody", "{back:?}");
        Ok(())
    }

    fn linger(&mut self, lingering: &Lingering, decided: &Decided) -> Verdict {
        match lingering.why {
            InReason::Checkin { .. } => {
                self.returned.insert(lingering.handle);
            }
            InReason::Ended(why) => self.may_end(lingering.session, why, decided)?,
            InReason::Removed
            | InReason::Linger
            | InReason::Inactive
            | InReason::UserRemoved
            | InReason::BorrowEnd
            | InReason::BorrowReturned { .. } => {}
        }
        let passed = decided.passed.unwrap_or(Timestamp(self.passed.0 - 60_000));
        let seat = self.seats.get_mut(&lingering.handle);
        let held =
            seat.as_ref().is_some_and(|seat| seat.until().is_none() && seat.session == lingering.session);
        ensure!(
            held && lingering.until.0 > passed.0 + self.moved_ms.0,
            "only what is held lingers",
            "{lingering:?}"
        );
        if let Some(seat) = seat {
            seat.lingers_until = Some(lingering.until);
        }
        Ok(())
    }

    /// A session ends by a rule that clients know: never before its time.
    fn may_end(&self, session: SessionId, why: EndReason, decided: &Decided) -> Verdict {
        let lines = self.sessions.get(&session).is_some_and(|session| session.lines);
        let Some(watch) = decided.watches.get(&session) else { return Ok(()) };
        match why {
            EndReason::Shutdown if lines => {}
            EndReason::LeaseLapsed if lines => {
                ensure!(false, "who speaks lines has no lease", "{session}");
            }
            EndReason::Disconnect if lines => {
                ensure!(watch.closed.is_some(), "only who has closed is taken for gone", "{session}");
            }
            EndReason::Goodbye => ensure!(watch.goodbye, "nobody says goodbye for a client", "{session}"),
            EndReason::LeaseLapsed => {
                let silent = decided.at.most_since(watch.heard);
                let lease = self.lease_ms;
                ensure!(silent >= lease, "silence lasts a whole lease", "{session}: {silent} of {lease} ms");
            }
            EndReason::Disconnect => {
                let Some(closed) = watch.closed.or(watch.may_have_closed) else {
                    ensure!(false, "only who has closed is taken for gone", "{session}");
                    return Ok(());
                };
                let away = decided.at.most_since(closed);
                let grace = self.grace_ms;
                ensure!(
                    away >= grace,
                    "a closed connection leaves its grace",
                    "{session}: {away} of {grace} ms"
                );
            }
            EndReason::Shutdown => ensure!(false, "framed sessions outlive the daemon", "{session}"),
        }
        Ok(())
    }

    // ---- the network -----------------------------------------------------------------------------------------------------

    /// The server says something over a connection; `session` is the one that it was welcomed with there, `client` who asks.
    pub(crate) fn said(
        &mut self,
        (connection, client): (usize, usize),
        session: Option<SessionId>,
        knew: Option<u32>,
        message: &Message,
    ) -> Verdict {
        match message {
            Message::Welcome(welcome) => {
                let Some(terms) = &welcome.session else { return Ok(()) };
                let known = self.opened.contains(&terms.id) || self.ended.contains(&terms.id);
                ensure!(known, "what a client is told is durable", "welcome to {}", terms.id);
                if terms.resumed {
                    let epoch = self.sessions.get(&terms.id).map(|session| session.epoch);
                    let durable = epoch.is_none_or(|epoch| epoch >= terms.epoch);
                    ensure!(
                        durable,
                        "what a client is told is durable",
                        "epoch {} of {epoch:?}",
                        terms.epoch
                    );
                    ensure!(
                        knew == Some(terms.epoch - 1),
                        "a copied session lives once",
                        "{terms:?} to who knew {knew:?}"
                    );
                    self.resumes += 1;
                }
                let owner = *self.owners.entry((terms.id, terms.epoch)).or_insert(client);
                ensure!(
                    owner == client,
                    "a copied session lives once",
                    "{} and {owner} have {terms:?}",
                    client
                );
                self.bound.insert(terms.id, connection);
            }
            Message::Answer { token, answer } => {
                let Some(session) = session else {
                    ensure!(false, "only who was welcomed is answered", "{message:?}");
                    return Ok(());
                };
                let bound = self.bound.get(&session);
                ensure!(
                    bound == Some(&connection),
                    "a copied session lives once",
                    "{message:?} beside {bound:?}"
                );
                match answer {
                    Answer::Granted(grant) => {
                        let granted = self.granted.get(&(session, *token));
                        ensure!(
                            granted == Some(&grant.handle),
                            "what a client is told is durable",
                            "{message:?}, {granted:?}"
                        );
                    }
                    Answer::CheckedIn(handle) => {
                        let back = self.returned.contains(handle) || self.dequeued.contains(handle);
                        ensure!(back, "what a client is told is durable", "{message:?}");
                    }
                    Answer::Queued(place) => {
                        let queued = self.queued.contains(&place.handle);
                        ensure!(queued, "what a client is told is durable", "{message:?}");
                    }
                    Answer::Denied(denial) => {
                        ensure!(
                            denial.code != Code::InternalError,
                            "the engine does not contradict itself",
                            "{message:?}"
                        );
                    }
                    Answer::Renewed { handle, borrow } => {
                        let known = self.records.contains(&(*handle, borrow.until, borrow.ends));
                        ensure!(known, "what a client is told is durable", "{message:?}");
                    }
                    Answer::Spent => {}
                }
            }
            Message::Notice(notice) => match notice {
                Notice::SeatLost { handle, .. } => {
                    let lost = self.lost.contains(handle);
                    ensure!(lost, "what a client is told is durable", "{message:?}");
                }
                Notice::Offered { handle, .. } => {
                    let offered = self.offered.contains(handle);
                    ensure!(offered, "what a client is told is durable", "{message:?}");
                }
                Notice::Dequeued { handle, .. } => {
                    let ended = self.dequeued.contains(handle);
                    ensure!(ended, "what a client is told is durable", "{message:?}");
                }
                Notice::SessionEnded { denial } => {
                    let known = matches!(denial.minor, minor::LEASE_LAPSED | minor::SESSION_EPOCH);
                    ensure!(known, "a session ends by a rule", "{message:?}");
                }
            },
            Message::Record(RecordText { text, sign, .. }) => {
                let read = verified(text, sign);
                let Ok(read) = read else {
                    ensure!(false, "a record verifies with the server's key", "{text}");
                    return Ok(());
                };
                let record = read.record();
                ensure!(
                    read.key() == self.record_key,
                    "a record verifies with the server's key",
                    "{record:?}"
                );
                let known = self.records.contains(&(record.handle, record.until, record.ends));
                ensure!(known, "what a client is told is durable", "{record:?}");
            }
            Message::Error(denial) => {
                ensure!(
                    denial.code != Code::InternalError,
                    "the engine does not contradict itself",
                    "{message:?}"
                );
            }
            _ => {}
        }
        Ok(())
    }

    /// The server says a line.
    pub(crate) fn said_line(&self, line: &str) -> Verdict {
        let known = [
            ("OK CHECKOUT ", &self.given),
            ("OK QUEUE ", &self.queued),
            ("* LOST ", &self.lost),
            ("* FREE ", &self.offered),
            ("* DEQUEUED ", &self.dequeued),
        ];
        for (words, handles) in known {
            if let Some(handle) = handle_behind(line, words) {
                ensure!(handles.contains(&handle), "what a client is told is durable", "{line}");
            }
        }
        if let Some(handle) = handle_behind(line, "OK CHECKIN ") {
            let back = self.returned.contains(&handle) || self.dequeued.contains(&handle);
            ensure!(back, "what a client is told is durable", "{line}");
        }
        let internal = format!("ERR {},", Code::InternalError.number());
        ensure!(!line.starts_with(&internal), "the engine does not contradict itself", "{line}");
        Ok(())
    }

    /// The names of the waiting requests of a session.
    pub(crate) fn entries_of(&self, session: SessionId) -> BTreeSet<Handle> {
        self.queue.iter().filter(|(_, entry)| entry.session == session).map(|(handle, _)| *handle).collect()
    }

    // ---- now and then -------------------------------------------------------------------------------------------------------

    /// Seats of clients that are gone have come back by now. `late` is what else may have taken time.
    pub(crate) fn nobody_outstays(&self, now: Attended, late: u64) -> Verdict {
        for id in self.sessions.keys() {
            let Some(watch) = self.watch.get(id) else { continue };
            if self.sessions.get(id).is_some_and(|session| session.lines) {
                let away = watch.closed.map_or(0, |closed| now.least_since(closed));
                ensure!(away <= 1000 + late, "who spoke lines leaves nothing behind", "{id}: {away} ms");
            } else if let Some(closed) = watch.closed {
                let away = now.least_since(closed);
                let most = self.grace_ms + 1000 + late;
                ensure!(away <= most, "seats come back within the grace", "{id}: {away} of {most} ms");
            } else {
                let silent = now.least_since(watch.heard);
                let most = self.lease_ms + 1000 + late;
                ensure!(silent <= most, "seats come back within the lease", "{id}: {silent} of {most} ms");
            }
        }
        Ok(())
    }

    /// The engine's state has the same seats, sessions, sums and waits as the history comes to here.
    pub(crate) fn agrees(&self, state: &State) -> Verdict {
        let mut of_state: BTreeMap<Handle, &PoolKey> =
            state.seats().map(|(handle, seat)| (handle, &seat.pool)).collect();
        for (handle, entry) in state.waiting() {
            let here = self.queue.get(&handle);
            let offer = entry.offer.as_ref();
            let package = offer.and_then(|offer| offer.package.as_ref());
            let offer = offer.map(|offer| (offer.handle, package.map(|package| package.handle)));
            let same = here.is_some_and(|here| here.offer == offer && here.session == entry.session);
            ensure!(same, "the state is the fold of its history", "{handle} waits: {here:?}, {entry:?}");
            of_state.extend(entry.offer.as_ref().map(|offer| (offer.handle, &offer.pool)));
            of_state.extend(package.map(|package| (package.handle, &package.pool)));
        }
        ensure!(
            state.waiting().count() == self.queue.len(),
            "the state is the fold of its history",
            "{:?} wait",
            self.queue
        );
        let here = self.seats.iter().map(|(handle, seat)| (*handle, &seat.pool));
        ensure!(here.eq(of_state), "the state is the fold of its history", "{:?}", self.seats);
        let sessions = state.sessions().map(|(id, _)| id);
        ensure!(
            sessions.eq(self.sessions.keys().copied()),
            "the state is the fold of its history",
            "{:?}",
            self.sessions
        );
        let mut pools = BTreeSet::new();
        for (handle, seat) in &self.seats {
            pools.insert(&seat.pool);
            let tenure = state.seat(*handle).map(|seat| seat.tenure);
            let until = tenure.and_then(|tenure| tenure.until());
            ensure!(
                until == seat.until()
                    && state.seat(*handle).is_some_and(seatkeeper::seat::Seat::is_borrowed)
                        == seat.lent.is_some(),
                "the state is the fold of its history",
                "{handle}: {tenure:?}"
            );
            let held = tenure.is_none_or(|tenure| tenure != Tenure::Held)
                || self.sessions.contains_key(&seat.session);
            ensure!(held, "what is held belongs to a session that lives", "{handle}: {seat:?}");
        }
        for pool in &pools {
            let (here, there) = (self.out_of(pool), state.pool(pool).map_or(0, |used| used.in_use()));
            ensure!(here == there, "sums are conserved", "{pool}: {here}, the engine says {there}");
        }
        ensure!(state.pools().count() == pools.len(), "sums are conserved", "{pools:?}");
        Ok(())
    }

    /// The handles that a session holds and its client may know of.
    pub(crate) fn held_by(&self, session: SessionId) -> BTreeSet<Handle> {
        let offers: BTreeSet<Handle> = self.queue.values().filter_map(|entry| Some(entry.offer?.0)).collect();
        let mine = self.seats.iter().filter(|(handle, seat)| {
            seat.session == session && seat.until().is_none() && !seat.of_suite && !offers.contains(handle)
        });
        mine.map(|(handle, _)| *handle).collect()
    }

    /// The waiting requests of a session.
    pub(crate) fn waits_of(&self, session: SessionId) -> BTreeSet<Token> {
        self.queue.values().filter(|entry| entry.session == session).map(|entry| entry.token).collect()
    }

    pub(crate) fn is_open(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session)
    }

    pub(crate) fn sessions_open(&self) -> usize {
        self.sessions.len()
    }

    /// What a request was granted.
    pub(crate) fn granted_to(&self, session: SessionId, token: Token) -> Option<Handle> {
        self.granted.get(&(session, token)).copied()
    }

    pub(crate) fn waits(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn lingers(&self) -> bool {
        self.seats.values().any(|seat| seat.lingers_until.is_some())
    }

    /// After the last client has gone.
    pub(crate) fn is_drained(&self) -> Verdict {
        ensure!(self.seats.is_empty(), "no seat is lost for ever", "{:?}", self.seats);
        ensure!(self.queue.is_empty(), "every wait ends", "{:?}", self.queue);
        ensure!(self.sessions.is_empty(), "every session ends", "{:?}", self.sessions);
        Ok(())
    }
}
