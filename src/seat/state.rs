//! State: the fold of all events so far.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::event::{
    Answer, Denied, EndReason, Ended, Event, Grant, Identity, In, InReason, Lingering, Moved, Opened, Out,
    Record, Resumed, SessionKind, Shares, Wishes,
};
use crate::ident::{
    Count, Digest, FeatureName, Handle, PoolKey, Seq, SessionId, Sorted, Table, Token, Version,
};
use crate::time::{TimeMark, Timestamp};

use super::answers::Answers;
use super::lost::Loss;
use super::queue::{self, Held, Queues};
use super::remove::Removals;
use super::tenure::Lapses;
use super::{PoolUse, Tenure};

/// Who holds what. Equal histories give equal states.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    pub(super) seq: Seq,
    pub(super) last_handle: u64,
    pub(super) sessions: Table<SessionId, Session>,
    pub(super) seats: Table<Handle, Seat>,
    pub(super) pools: Table<PoolKey, PoolUse>,
    /// What ends by itself: the times of [`Tenure::until`].
    pub(super) lapses: Lapses,
    /// What is borrowed, by the secrets that belong to it.
    pub(super) lent: BTreeSet<(Digest, Handle)>,
    /// Who waits.
    pub(super) queues: Queues,
    /// How long checkouts were held of late.
    pub(super) held: Held,
    /// Features that were served in this run of the daemon and are no longer.
    pub(super) removed: BTreeSet<FeatureName>,
    /// Of which clients an administrator has taken licenses back of late.
    pub(super) removals: Removals,
    /// How far time has come; none until the clocks were looked at.
    pub(super) time_mark: Option<TimeMark>,
}

/// One client program's presence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub(super) identity: Identity,
    pub(super) secret: Digest,
    pub(super) epoch: u32,
    pub(super) nonce: [u8; 16],
    /// Every request number up to here is answered for good.
    pub(super) acknowledged: Token,
    /// The highest request number seen.
    pub(super) highest: Token,
    /// Answers that the client has not acknowledged.
    pub(super) answers: Answers,
    pub(super) handles: Sorted<Handle>,
    /// Checkouts that it has lost without having given them up.
    pub(super) lost: BTreeMap<Handle, Loss>,
    /// Its requests that wait, with their names in the queue.
    pub(super) queued: BTreeMap<Token, Handle>,
    /// Whether the debug log shows this session's seats as out: not between an orderly stop and the resume.
    pub(super) shown: bool,
}

impl Session {
    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The checkouts that it holds; those that linger are nobody's.
    pub fn handles(&self) -> impl Iterator<Item = Handle> + '_ {
        self.handles.keys().copied()
    }

    /// Its requests that wait.
    pub fn waiting(&self) -> impl Iterator<Item = Handle> + '_ {
        self.queued.values().copied()
    }

    /// Whether a request number, or a higher one, has been recorded.
    #[must_use]
    pub fn has_seen(&self, token: Token) -> bool {
        token <= self.highest
    }

    /// The highest request number that has been recorded.
    #[must_use]
    pub fn last_token(&self) -> Token {
        self.highest
    }

    /// Whether the debug log shows its seats as out.
    #[must_use]
    pub fn shown(&self) -> bool {
        self.shown
    }

    pub(super) fn settle(&mut self, token: Token, acknowledged: Token, answer: Answer) {
        self.take(token, acknowledged);
        self.answers.insert(token, answer);
    }

    /// A request number is used, and has no answer for good yet.
    pub(super) fn take(&mut self, token: Token, acknowledged: Token) {
        self.acknowledge(acknowledged);
        self.highest = self.highest.max(token);
    }

    fn acknowledge(&mut self, up_to: Token) {
        if up_to > self.acknowledged {
            self.acknowledged = up_to;
            self.answers.acknowledge(up_to);
        }
    }
}

/// One checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Whose it is, or was if it lingers.
    pub session: SessionId,
    /// Who that is.
    pub identity: Identity,
    /// The request that it was granted to.
    pub token: Token,
    /// The pool that it came from.
    pub pool: PoolKey,
    /// Which feature.
    pub feature: FeatureName,
    /// The version that was asked for.
    pub version: Version,
    /// How many licenses.
    pub count: Count,
    /// What else the request asked for.
    pub wishes: Wishes,
    /// Since when it is out.
    pub since: Timestamp,
    /// How it is held.
    pub tenure: Tenure,
    /// The checkouts of its pool with which it uses the same licenses; none if it can't share.
    pub shares: Option<Shares>,
    /// The checkout of the suite that was granted with it and comes back with it.
    pub suite: Option<Handle>,
    /// Of a suite's checkout: that of the component with which it was granted and comes back.
    pub component: Option<Handle>,
}

impl State {
    /// Number of the last event that was folded in.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// A session that has not ended.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(&id)
    }

    /// How many sessions have not ended.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// All sessions that have not ended.
    pub fn sessions(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.sessions.iter().map(|(id, session)| (*id, session))
    }

    /// A checkout that has not been checked in.
    #[must_use]
    pub fn seat(&self, handle: Handle) -> Option<&Seat> {
        self.seats.get(&handle)
    }

    /// All checkouts, oldest first.
    pub fn seats(&self) -> impl Iterator<Item = (Handle, &Seat)> {
        self.seats.iter().map(|(handle, seat)| (*handle, seat))
    }

    /// What is out of a pool.
    #[must_use]
    pub fn pool(&self, key: &PoolKey) -> Option<&PoolUse> {
        self.pools.get(key)
    }

    /// The pools that have anything out, by key.
    pub fn pools(&self) -> impl Iterator<Item = (&PoolKey, &PoolUse)> {
        self.pools.iter()
    }

    /// Whether a feature was served in this run of the daemon, until a reread removed it.
    #[must_use]
    pub fn was_removed(&self, feature: &FeatureName) -> bool {
        self.removed.contains(feature)
    }

    /// Folds one record in. Records come in order and without gaps; what an event names that is not there is passed
    /// over, so that a fold never fails.
    pub fn evolve(&mut self, record: &Record) {
        for event in &record.events {
            self.apply(event, record.at);
        }
        self.seq = record.last();
    }

    /// The same for a record of which nobody needs the rest: what a grant holds is taken and not copied.
    pub fn take_in(&mut self, record: Record) {
        let last = record.last();
        for event in record.events {
            match event {
                Event::Out(out) => self.out(*out, record.at),
                other => self.apply(&other, record.at),
            }
        }
        self.seq = last;
    }

    fn apply(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Started(_) => {
                self.removed.clear();
                self.show_what_nobody_has(true);
                self.hold_on(at);
                self.stir_all();
            }
            Event::Stopped(_) => self.hide(),
            Event::Opened(opened) => self.open(opened),
            Event::Resumed(resumed) => self.resume(resumed),
            Event::Ended(Ended { session, .. }) => {
                self.sessions.remove(session);
            }
            Event::Removed(_) => self.forget_removals(at),
            Event::Out(out) => self.out(Out::clone(out), at),
            Event::In(returned) => self.r#in(returned, at),
            Event::Lingering(lingering) => self.linger(lingering, at),
            Event::Denied(denied) => self.denied(denied),
            Event::Reread(reread) => {
                self.removed = reread.removed.iter().cloned().collect();
                self.withdraw_all();
                self.stir_all();
            }
            Event::Moved(moved) => self.moved(moved),
            Event::Queued(queued) => self.queued(queued, at),
            Event::Passed(passed) => self.passed(passed, at),
            Event::Offered(offered) => self.offered(offered),
            Event::Dequeued(dequeued) => self.dequeued(dequeued),
            Event::Renewed(renewed) => self.renewed(renewed),
            Event::Recalled(recalled) => self.recalled(recalled),
            Event::Marked(marked) => {
                self.time_mark = Some(marked.mark);
                self.shift_holds(0, marked.mark.mark);
                self.stir_all();
            }
            Event::ClockAccepted(accepted) => {
                self.shift_spans(accepted);
                self.time_mark = Some(accepted.mark);
                self.stir_all();
            }
        }
    }

    /// The debug log shows nothing as out after an orderly stop. What a session has is shown again when it comes back, and what is
    /// borrowed or lingers, which no session brings back, at the next start.
    fn hide(&mut self) {
        self.sessions.values_mut().for_each(|session| session.shown = false);
        self.show_what_nobody_has(false);
    }

    fn show_what_nobody_has(&mut self, in_log: bool) {
        for handle in self.lapses.handles() {
            let tenure = self.seats.get_mut(&handle).map(|seat| &mut seat.tenure);
            if let Some(Tenure::Lingering { shown, .. } | Tenure::Borrowed { shown, .. }) = tenure {
                *shown = in_log;
            }
        }
    }

    fn open(&mut self, opened: &Opened) {
        self.sessions.insert(
            opened.session,
            Session {
                identity: opened.identity.clone(),
                secret: opened.secret,
                epoch: 0,
                nonce: [0; 16],
                acknowledged: Token(0),
                highest: Token(0),
                answers: Answers::default(),
                handles: Sorted::default(),
                lost: BTreeMap::new(),
                queued: BTreeMap::new(),
                shown: true,
            },
        );
    }

    fn resume(&mut self, resumed: &Resumed) {
        if let Some(session) = self.sessions.get_mut(&resumed.session) {
            session.epoch = resumed.epoch;
            session.nonce = resumed.nonce;
            session.shown = true;
        }
    }

    fn out(&mut self, out: Out, at: Timestamp) {
        self.last_handle = self.last_handle.max(out.handle.0);
        if let Some((entry, _)) = self.waiting_with(out.session, out.request.token) {
            self.unqueue(entry);
        }
        let Some(session) = self.sessions.get_mut(&out.session) else { return };
        let handle = out.handle;
        let tenure = match out.accounting.borrow {
            Some(borrow) => Tenure::Borrowed { borrow, recalled: false, shown: true },
            None => Tenure::Held,
        };
        if tenure == Tenure::Held {
            session.handles.insert(handle, ());
        }
        self.lapses.insert(handle, &tenure);
        let (pool, (acknowledged, token)) = (out.pool.clone(), (out.request.acknowledged, out.request.token));
        let grant = Grant {
            handle,
            pool: out.pool,
            lines: out.lines,
            expires: out.expires,
            demo: out.demo,
            borrow: out.accounting.borrow,
        };
        session.settle(token, acknowledged, Answer::Granted(grant));
        let seat = Seat {
            session: out.session,
            identity: out.identity,
            token,
            pool,
            feature: out.request.feature,
            version: out.request.version,
            count: out.request.count,
            wishes: out.request.wishes,
            since: at,
            tenure,
            shares: out.accounting.shares,
            suite: out.accounting.suite,
            component: None,
        };
        self.join_suite(handle, &seat);
        self.lend(handle, &seat);
        // Others may share it, and a suite may reserve its other components with it.
        if seat.shares.is_some() || seat.suite.is_some() {
            self.stir(&seat.feature);
        }
        enter(&mut self.pools, handle, &seat);
        self.seats.insert(handle, seat);
    }

    fn r#in(&mut self, returned: &In, at: Timestamp) {
        let Some(seat) = self.seats.remove(&returned.handle) else { return };
        if !matches!(returned.why, InReason::Removed | InReason::Ended(EndReason::Shutdown)) {
            let span = at.0.saturating_sub(seat.since.0).max(0).unsigned_abs();
            queue::note(&mut self.held, &seat.feature, Duration::from_millis(span));
        }
        if returned.why == InReason::UserRemoved {
            self.note_removal(&seat, at);
        }
        leave(&mut self.pools, returned.handle, &seat);
        self.stir(&seat.feature);
        self.part_suite(&seat);
        self.lapses.remove(returned.handle, &seat.tenure);
        if let Some(borrow) = seat.wishes.borrow {
            self.lent.remove(&(borrow.secret, returned.handle));
        }
        if let Tenure::Lingering { .. } = seat.tenure {
            return;
        }
        self.given_up(returned.handle, &seat, returned.why);
    }

    fn linger(&mut self, lingering: &Lingering, at: Timestamp) {
        let Lingering { handle, until, why, .. } = *lingering;
        let Some(seat) = self.seats.get_mut(&handle).filter(|seat| seat.tenure == Tenure::Held) else {
            return;
        };
        let shown = self.sessions.get(&seat.session).is_some_and(Session::shown);
        seat.tenure = Tenure::Lingering { since: at, until, shown };
        let seat = seat.clone();
        if let Some(used) = self.pools.get_mut(&seat.pool) {
            used.linger(handle, &seat);
        }
        self.lapses.insert(handle, &seat.tenure);
        // Who waits may take its own back.
        self.stir(&seat.feature);
        self.given_up(handle, &seat, why);
    }

    /// A session has a checkout no longer.
    fn given_up(&mut self, handle: Handle, seat: &Seat, why: InReason) {
        if let InReason::BorrowReturned { session, token, acknowledged } = why
            && let Some(session) = self.sessions.get_mut(&session)
        {
            session.settle(token, acknowledged, Answer::CheckedIn(handle));
        }
        let Some(session) = self.sessions.get_mut(&seat.session) else { return };
        if session.handles.remove(&handle).is_some() && seat.component.is_none() {
            session.note_loss(handle, why);
        }
        // A late duplicate of the request that got this seat must not be told "granted" again. A package's request is that of its
        // component, which may go on.
        if let Some(Answer::Granted(grant)) = session.answers.get(seat.token)
            && grant.handle == handle
        {
            session.answers.remove(seat.token);
        }
        if let InReason::Checkin { token, acknowledged } = why {
            session.settle(token, acknowledged, Answer::CheckedIn(handle));
        }
    }

    fn moved(&mut self, moved: &Moved) {
        let Some(seat) = self.seats.get_mut(&moved.handle) else { return };
        leave(&mut self.pools, moved.handle, seat);
        let feature = seat.feature.clone();
        seat.pool = moved.to.clone();
        seat.shares = moved.shares;
        enter(&mut self.pools, moved.handle, seat);
        self.stir(&feature);
    }

    fn denied(&mut self, denied: &Denied) {
        if let Some(session) = self.sessions.get_mut(&denied.session) {
            let answer = Answer::Denied(denied.denial.clone());
            session.settle(denied.request.token, denied.request.acknowledged, answer);
        }
    }

    pub(super) fn line_sessions(&self) -> impl Iterator<Item = SessionId> + '_ {
        self.sessions
            .iter()
            .filter(|(_, session)| session.identity.kind() == SessionKind::Line)
            .map(|(id, _)| *id)
    }
}

/// A checkout counts in its pool.
pub(super) fn enter(pools: &mut Table<PoolKey, PoolUse>, handle: Handle, seat: &Seat) {
    if let Some(used) = pools.or_default(&seat.pool) {
        used.enter(handle, seat);
    }
}

pub(super) fn leave(pools: &mut Table<PoolKey, PoolUse>, handle: Handle, seat: &Seat) {
    let Some(used) = pools.get_mut(&seat.pool) else { return };
    used.leave(handle, seat);
    if used.is_empty() {
        pools.remove(&seat.pool);
    }
}
