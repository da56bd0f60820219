//! The second pass: each request through the engine, in the state that the replay has come to.

mod clock;
mod held_on;
mod in_vain;
mod offers;
mod reread;
mod returns;
mod ruling;
mod sums;
mod waiting;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use self::held_on::{HeldOn, NewGrant};
use self::offers::{Waiting, placed};
use self::reread::{ended_by_reread, seat_differs};
use self::ruling::{Ruling, reason, same_denial, verdict};
use super::difference::{Difference, Kind, Verdict};
use super::repeats::{Asker, Repeats, SetBy, Sort, asker};
use super::survey::{Files, Holding, open_unknown};
use super::tally::Tally;
use crate::catalog::Catalog;
use crate::code::Code;
use crate::event::{
    Checkout, Denied, EndReason, Event, Identity, In, InReason, Lingering, Out, Recalled, Record, Renewed,
    RereadCause, Shares, Wishes,
};
use crate::ident::{FeatureName, Handle, SessionId, Token};
use crate::policy::Policy;
use crate::seat::{Command, Decision, Rules, Session, State, Usage, decide};
use crate::time::{Monotonic, Now, Timestamp};

/// A recorded handle stands in the replay for this many: those between are for seats that the record does not have. So handles rise
/// as in the record, by which reservations are charged, and no table from one to the other is needed.
const HANDLES_BETWEEN: u64 = 1 << 24;

/// What requests are judged by.
#[derive(Debug, Clone, Default)]
pub struct Ruleset {
    /// The licenses.
    pub catalog: Arc<Catalog>,
    /// Who may have them, compiled for this catalog.
    pub policy: Arc<Policy>,
}

/// How a replay is done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Whether the rules are the recorded ones, so that every request has to come out as recorded: each is judged then, and each
    /// difference told, of terms and reasons too.
    pub exact: bool,
    /// Whether the record says from which pool a seat came; debug logs do not.
    pub pools_known: bool,
    /// How long seats that are newly granted are held.
    pub holding: Holding,
    /// The requests that wait in the record and get nothing.
    pub in_vain: BTreeSet<Handle>,
}

/// Sums that are no differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Grants in the record.
    pub granted: u64,
    /// Denials in the record, each that a counted one stands for.
    pub denied: u64,
    /// Requests that were judged.
    pub judged: u64,
    /// Requests in the record that began to wait.
    pub waited: u64,
    /// Requests in the record that left the queue and got nothing.
    pub gave_up: u64,
    /// Denials that count as one with a judged one before.
    pub folded: u64,
    /// Seats that were out when the replay began.
    pub carried: u64,
    /// Those of them for which the new files have no pool.
    pub carried_lost: u64,
    /// Checkins in the record of seats that the replay does not have.
    pub ignored_checkins: u64,
    /// Seats of newly granted requests that were given back when their time was over.
    pub returned: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// A newly granted seat is given back.
    Seat(Handle),
    /// A request that nobody granted would not need its licenses any more.
    Want(Asker),
}

/// Licenses that are wanted and not had.
#[derive(Debug)]
struct Want {
    feature: FeatureName,
    count: u64,
}

/// A replay under way.
#[derive(Debug)]
pub struct Replay {
    plan: Plan,
    rules: Ruleset,
    state: State,
    usage: Usage,
    judging: bool,
    timers: BinaryHeap<Reverse<(Timestamp, Timer)>>,
    repeats: Repeats,
    set_by: SetBy,
    /// Suites' own checkouts that are out in the record, by recorded handle. They are judged with their components, and come back
    /// with them.
    packages: BTreeSet<Handle>,
    /// Of seats that the record has and the replay denied for want of a free license, by recorded handle.
    wanted_seats: BTreeMap<Handle, Want>,
    /// Of requests that were denied in both, with the time when the wanting ends.
    wanted: BTreeMap<Asker, (Want, Timestamp)>,
    held: HeldOn,
    waiting: Waiting,
    totals: Totals,
    tally: Tally,
    found: Vec<Difference>,
}

impl Replay {
    /// A replay that has seen nothing yet.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            rules: Ruleset::default(),
            state: State::default(),
            usage: Usage::default(),
            judging: false,
            timers: BinaryHeap::new(),
            repeats: Repeats::default(),
            set_by: SetBy::default(),
            packages: BTreeSet::new(),
            wanted_seats: BTreeMap::new(),
            wanted: BTreeMap::new(),
            held: HeldOn::default(),
            waiting: Waiting::default(),
            totals: Totals::default(),
            tally: Tally::default(),
            found: Vec::new(),
        }
    }

    /// Takes a record from before the span: it only says who holds what when the span begins.
    pub fn follow(&mut self, mut record: Record) {
        record.events.iter().for_each(|event| self.waiting.follow(event));
        self.scale_waiting(&mut record.events);
        self.follow_clock(&record.events);
        for event in &mut record.events {
            match event {
                Event::Started(_) => self.repeats.forget_all(),
                Event::Out(out) => {
                    self.packages.extend(out.accounting.suite);
                    open_unknown(&mut self.state, out.session, &out.identity, record.at);
                    out.handle = scaled(out.handle);
                    scale(&mut out.accounting.shares);
                    out.accounting.suite = out.accounting.suite.map(scaled);
                    out.request.acknowledged = all_before(out.request.token);
                    self.repeats.granted(out.session, &out.request.feature);
                }
                Event::In(back) => {
                    self.packages.remove(&back.handle);
                    back.handle = scaled(back.handle);
                }
                Event::Lingering(lingering) => lingering.handle = scaled(lingering.handle),
                Event::Renewed(renewed) => renewed.handle = scaled(renewed.handle),
                Event::Recalled(recalled) => recalled.handle = scaled(recalled.handle),
                Event::Moved(moved) => {
                    moved.handle = scaled(moved.handle);
                    scale(&mut moved.shares);
                }
                Event::Denied(denied) => {
                    denied.request.acknowledged = all_before(denied.request.token);
                    // The number of its repeats may come in the span.
                    self.repeats.follow(denied, self.set_by.unset(record.at));
                }
                Event::Ended(ended) => self.repeats.forget(ended.session),
                _ => {}
            }
        }
        self.state.evolve(&record);
    }

    /// From here on requests are judged under these rules. Unless the rules are the recorded ones, seats that are out move into
    /// their pools as at a reread.
    pub fn begin(&mut self, rules: Ruleset, at: Timestamp) {
        self.judging = true;
        self.totals.carried = self.state.seats().count() as u64;
        if self.plan.exact {
            self.rules = rules;
        } else {
            let files = Files { files: Vec::new(), zone: String::new() };
            let before = self.tally.of(Kind::Lost);
            self.switch(rules, (&files, RereadCause::Ordered), &BTreeSet::new(), at);
            self.found.clear();
            self.totals.carried_lost = self.tally.of(Kind::Lost).saturating_sub(before);
            self.tally = Tally::default();
        }
        self.usage = Usage::rebuild(&self.state, &self.rules.catalog, &self.rules.policy);
        self.raise_all(at);
    }

    /// Judges what a record holds; the differences come out of [`Self::found`]. `rules` gives those that hold after a start or a
    /// reread: of the files that it names, or others in their place.
    ///
    /// # Errors
    /// What kept the rules from being had.
    pub fn judge<E>(
        &mut self,
        record: Record,
        mut rules: impl FnMut(&Files) -> Result<Ruleset, E>,
    ) -> Result<(), E> {
        let at = record.at;
        if self.knows_clock(&record) {
            self.advance(at);
        }
        // What an earlier run left ends before the start, under the rules of the new one.
        let start = record.events.iter().find(|event| matches!(event, Event::Started(_)));
        if let Some(files) = start.and_then(Files::of) {
            self.rules = rules(&files)?;
            self.usage = Usage::rebuild(&self.state, &self.rules.catalog, &self.rules.policy);
        }
        self.judge_leaving(&record, at);
        let ended = ended_by_reread(&record);
        let suites = ruling::suites(&record);
        for event in record.events {
            self.waiting.follow(&event);
            match event {
                // It is part of the answer to the request for the component.
                Event::Out(out) if suites.contains(&out.handle) => {
                    self.packages.insert(out.handle);
                }
                Event::Out(out) => self.recorded_out(*out, at),
                Event::Denied(denied) => self.recorded_denied(*denied, at),
                Event::In(back) if self.packages.remove(&back.handle) => {}
                Event::In(back) => self.recorded_in(back, at),
                Event::Lingering(lingering) if self.packages.contains(&lingering.handle) => {}
                // Whether it lingers is for the replay's rules to say.
                Event::Lingering(Lingering { session, handle, why, .. }) => {
                    self.recorded_in(In { session, handle, why }, at);
                }
                Event::Ended(ended) => self.end(ended.session, ended.why, at),
                Event::Opened(_) | Event::Resumed(_) | Event::Stopped(_) => self.apply(event, at),
                // The clock of that time is judged by its own looks.
                Event::Marked(_) => {
                    self.follow_clock(std::slice::from_ref(&event));
                    self.apply(event, at);
                    self.advance(at);
                }
                Event::ClockAccepted(_) => {
                    self.follow_clock(std::slice::from_ref(&event));
                    self.apply(event, at);
                }
                Event::Started(_) => {
                    self.repeats.forget_all();
                    let files = Files::of(&event);
                    self.apply(event, at);
                    self.usage = Usage::rebuild(&self.state, &self.rules.catalog, &self.rules.policy);
                    // What the replay has out may be out of other pools than what the record has.
                    if let Some(files) = files.filter(|_| !self.plan.exact) {
                        self.switch(self.rules.clone(), (&files, RereadCause::Start), &ended, at);
                    }
                }
                Event::Reread(ref reread) => {
                    let cause = reread.cause;
                    if let Some(files) = Files::of(&event) {
                        self.withdraw_all(at);
                        let rules = rules(&files)?;
                        self.switch(rules, (&files, cause), &ended, at);
                    }
                }
                // What it took back follows.
                Event::Removed(_) => self.apply(event, at),
                // DECISION: a borrow that both have is renewed, extended and recalled as it was, whatever the rules.
                Event::Renewed(renewed) => {
                    let handle = scaled(renewed.handle);
                    let acknowledged = all_before(renewed.token);
                    self.apply(Event::Renewed(Renewed { handle, acknowledged, ..renewed }), at);
                }
                Event::Recalled(recalled) => {
                    let handle = scaled(recalled.handle);
                    self.apply(Event::Recalled(Box::new(Recalled { handle, ..*recalled })), at);
                }
                // The replay's own reread has moved what has to.
                Event::Moved(moved) => self.compare_move(&moved, at),
                Event::Queued(_) | Event::Passed(_) | Event::Offered(_) | Event::Dequeued(_) => {
                    self.recorded_waiting(event, at);
                }
            }
        }
        Ok(())
    }

    /// The differences since the last call, in order.
    pub fn found(&mut self) -> std::vec::Drain<'_, Difference> {
        self.found.drain(..)
    }

    /// Who holds what now. Handles are not those of the record.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Everything that was summed up.
    #[must_use]
    pub fn finish(self) -> (Totals, Tally) {
        (self.totals, self.tally)
    }

    // ---- events of the record ---------------------------------------------------------------------------------------

    fn recorded_out(&mut self, recorded: Out, at: Timestamp) {
        self.totals.granted += 1;
        if self.takes_offer(&recorded, at) {
            return;
        }
        let Out { session, identity, request, pool, handle, lines, expires, demo, accounting } = recorded;
        open_unknown(&mut self.state, session, &identity, at);
        if !self.plan.exact {
            self.repeats.granted(session, &request.feature);
            self.give_way(session, &identity, &request, at);
        }
        let (command, decision) = self.ask(session, request, at);
        let pool_told = self.plan.pools_known.then_some(pool);
        match verdict(decision) {
            Ruling::Granted(mut out, mut package, taken) => {
                placed(&mut out, package.as_deref_mut(), handle, accounting.suite);
                let other_pool = pool_told.as_ref().is_some_and(|pool| *pool != out.pool);
                let other_terms = self.plan.exact
                    && self.plan.pools_known
                    && (out.lines != lines
                        || out.expires != expires
                        || out.demo != demo
                        || out.accounting.borrow != accounting.borrow
                        || out.accounting.overdraft != accounting.overdraft);
                if other_pool || other_terms {
                    let kind = if other_pool { Kind::OtherPool } else { Kind::OtherTerms };
                    let replayed = Verdict::Granted(Some(out.pool.clone()));
                    self.differ(kind, &command, &identity, (Verdict::Granted(pool_told), replayed), at);
                }
                if !self.wanted.is_empty() && self.tally.wants(&out.request.feature) {
                    let key = (identity.user.clone(), identity.host.clone(), out.request.feature.clone());
                    self.content(&key);
                }
                self.grant(taken, package, out, at);
            }
            // A debug log does not say which checkouts went with others; under rules by which this is a suite, it did.
            Ruling::Denied(denied) if !self.plan.pools_known && denied.denial.code == Code::OnlyPackage => {
                self.packages.insert(handle);
                self.apply(Event::Denied(denied), at);
            }
            Ruling::Denied(denied) => {
                let feature = &denied.request.feature;
                self.tally.feature(feature).denied += 1;
                if let Some(want) = self.lack(&denied, at) {
                    self.wanted_seats.insert(handle, want);
                }
                let replayed = Verdict::Denied(denied.denial.clone());
                self.apply(Event::Denied(denied), at);
                self.differ(
                    Kind::NewlyDenied,
                    &command,
                    &identity,
                    (Verdict::Granted(pool_told), replayed),
                    at,
                );
            }
            Ruling::Refused(denial) => {
                let verdicts = (Verdict::Granted(pool_told), Verdict::Refused(denial));
                self.differ(Kind::NewlyDenied, &command, &identity, verdicts, at);
            }
        }
    }

    fn recorded_denied(&mut self, recorded: Denied, at: Timestamp) {
        self.totals.denied = self.totals.denied.saturating_add(u64::from(recorded.times));
        open_unknown(&mut self.state, recorded.session, &recorded.identity, at);
        let (key, unset) = (asker(&recorded), self.set_by.unset(at));
        let sort = self.repeats.sort(&key, &recorded, unset, self.plan.exact);
        if sort != Sort::Fresh || self.has_been_granted(&recorded) {
            if !self.plan.exact && self.repeats.may_outlast(&key, unset) && self.would_grant(&recorded, at) {
                self.repeats.missed(recorded.session);
            }
            self.totals.folded = self.totals.folded.saturating_add(u64::from(recorded.times));
            let mut recorded = recorded;
            recorded.request.acknowledged = all_before(recorded.request.token);
            return self.apply(Event::Denied(Box::new(recorded)), at);
        }
        let Denied { session, identity, request, denial, .. } = recorded;
        let (command, decision) = self.ask(session, request, at);
        match verdict(decision) {
            Ruling::Denied(denied) => {
                self.tally.feature(&denied.request.feature).denied += 1;
                let same = if self.plan.exact {
                    same_denial(&denial, &denied.denial)
                } else {
                    // How many licenses are in use, which notes tell, may well differ.
                    reason(&denial) == reason(&denied.denial)
                };
                if !self.wanted.contains_key(&key)
                    && let Some(want) = self.lack(&denied, at)
                {
                    let holding = self.plan.holding.of(&denied.request.feature).0;
                    let until = self.state.confirmed(at).plus(holding);
                    self.wanted.insert(key.clone(), (want, until));
                    self.timers.push(Reverse((until, Timer::Want(key))));
                }
                let replayed = denied.denial.clone();
                self.apply(Event::Denied(denied), at);
                if !same {
                    let verdicts = (Verdict::Denied(denial), Verdict::Denied(replayed));
                    self.differ(Kind::OtherReason, &command, &identity, verdicts, at);
                }
            }
            Ruling::Granted(out, ..)
                if !self.plan.exact && self.is_kept_for_others(denial.code, &out, at) =>
            {
                self.tally.feature(&out.request.feature).denied += 1;
                let denied = Denied { session, identity, request: out.request, denial, times: 1 };
                self.apply(Event::Denied(Box::new(denied)), at);
            }
            Ruling::Granted(out, package, taken) => {
                self.newly_grant(NewGrant { out, package, taken }, denial, (&command, &identity), at);
            }
            Ruling::Refused(refused) => {
                let verdicts = (Verdict::Denied(denial), Verdict::Refused(refused));
                self.differ(Kind::OtherReason, &command, &identity, verdicts, at);
            }
        }
    }

    fn end(&mut self, session: SessionId, why: EndReason, at: Timestamp) {
        self.repeats.forget(session);
        if !self.held.outlives(session, why) {
            let decision = self.decide(&Command::End(session, why), at);
            return self.apply_all(decision.events, at);
        }
        // Who was denied gives up and goes; with a seat he would have stayed.
        let of_session = self.state.session(session).into_iter().flat_map(Session::handles);
        let others = of_session.filter(|handle| !self.held.has(*handle) && !self.is_package(*handle));
        let others: Vec<Handle> = others.collect();
        for handle in others {
            self.give_up(handle, InReason::Ended(why), at);
        }
    }

    // ---- steps of the replay ----------------------------------------------------------------------------------------

    fn ask(&mut self, session: SessionId, request: Checkout, at: Timestamp) -> (Command, Decision) {
        self.totals.judged += 1;
        self.weigh(session, request, at)
    }

    /// Whether a request that the record denies and that is not judged would be granted here.
    fn would_grant(&self, recorded: &Denied, at: Timestamp) -> bool {
        let (_, decision) = self.weigh(recorded.session, recorded.request.clone(), at);
        matches!(verdict(decision), Ruling::Granted(out, ..) if !self.is_kept_for_others(recorded.denial.code, &out, at))
    }

    fn weigh(&self, session: SessionId, mut request: Checkout, at: Timestamp) -> (Command, Decision) {
        // Who asked for more while it waited has used higher numbers since; under other rules nothing of it waits.
        if !self.plan.exact
            && let Some(last) = self.state.session(session).map(Session::last_token)
        {
            request.token = request.token.max(Token(last.0.saturating_add(1)));
        }
        // The client has all answers: what it had not got yet at that time is not part of the question.
        request.acknowledged = all_before(request.token);
        // Who waits how long under other rules, nobody can tell.
        request.wishes.queue.take_if(|_| !self.plan.exact);
        let command = Command::Checkout(session, request);
        let decision = self.decide(&command, at);
        (command, decision)
    }

    fn decide(&self, command: &Command, at: Timestamp) -> Decision {
        let rules = Rules { catalog: &self.rules.catalog, policy: &self.rules.policy, usage: &self.usage };
        decide(&self.state, rules, command, Now { utc: at, mono: Monotonic(0) })
    }

    fn apply(&mut self, event: Event, at: Timestamp) {
        self.apply_all(vec![event], at);
    }

    fn apply_all(&mut self, events: Vec<Event>, at: Timestamp) {
        if events.is_empty() {
            return;
        }
        let record = Record { first: self.state.seq().next(), at, events };
        self.state.evolve(&record);
        self.usage.follow(&record, &self.state, &self.rules.catalog, &self.rules.policy);
        for event in &record.events {
            if let Event::Out(out) = event {
                self.raise(&out.pool, at);
            }
        }
    }

    /// Grants a checkout, after what comes before it.
    fn grant(&mut self, mut before: Vec<Event>, package: Option<Box<Out>>, out: Box<Out>, at: Timestamp) {
        before.extend(package.map(Event::Out));
        before.push(Event::Out(out));
        self.apply_all(before, at);
    }

    /// Whether a seat is a suite's own, of which its component tells.
    fn is_package(&self, handle: Handle) -> bool {
        self.state.seat(handle).is_some_and(|seat| seat.component.is_some())
    }

    fn differ(
        &mut self,
        kind: Kind,
        command: &Command,
        identity: &Identity,
        (recorded, replayed): (Verdict, Verdict),
        at: Timestamp,
    ) {
        let Command::Checkout(_, request) = command else { return };
        let (feature, version, count) = (request.feature.clone(), request.version, request.count);
        let (identity, borrow_ends) = (identity.clone(), borrow_ends(&request.wishes));
        self.tell(Difference {
            at,
            kind,
            identity,
            feature,
            version,
            count,
            borrow_ends,
            recorded,
            replayed,
        });
    }

    fn tell(&mut self, found: Difference) {
        self.tally.count(&found);
        if self.plan.exact || found.kind.is_service() {
            self.found.push(found);
        }
    }
}

fn borrow_ends(wishes: &Wishes) -> Option<Timestamp> {
    wishes.borrow.map(|borrowing| borrowing.ends)
}

const fn scaled(handle: Handle) -> Handle {
    Handle(handle.0.saturating_mul(HANDLES_BETWEEN))
}

fn scale(shares: &mut Option<Shares>) {
    if let Some(shares) = shares {
        shares.group = scaled(shares.group);
    }
}

const fn all_before(token: Token) -> Token {
    Token(token.0.saturating_sub(1))
}
