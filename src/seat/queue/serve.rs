//! Decisions of the queue: who enters, who is offered licenses, who leaves.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use super::ahead::together;
use super::lines::Line;
use super::{Ahead, Entry, Offer, WAITING_MAX, WAITING_OF_SESSION_MAX, estimate, hold};
use crate::catalog::{Period, Pool};
use crate::code::{Code, minor};
use crate::event::{
    Answer, Checkin, Denial, DequeueReason, Dequeued, EndReason, Event, Offered, OfferedPackage, Place,
    Queued,
};
use crate::ident::{FeatureName, Handle, Seq, SessionId, Token};
use crate::policy::{LimitId, PoolRules};
use crate::seat::checkout::{before, claim, sharing_of};
use crate::seat::choose::{Asked, Asking, Step, Stuck, choose};
use crate::seat::refusal::refusal;
use crate::seat::{Decision, Reply, Rules, Session, State};
use crate::time::{Now, Timestamp};

/// Holds that one [`serve`] lets lapse at most, so that no record grows without bound.
const LAPSES_MAX: usize = 1024;

/// A request for which nothing is free waits, if it can ever be met; none if it can't.
pub(crate) fn enter(asked: &Asked<'_>, id: SessionId, session: &Session) -> Option<Decision> {
    asked.request.wishes.queue?;
    // DECISION: who borrows does not wait: the time for which it would be borrowed runs.
    if asked.request.wishes.borrow.is_some() || !asked.can_ever_be_met() {
        return None;
    }
    let state = asked.state;
    if state.waiting_count() >= WAITING_MAX || session.queued.len() >= WAITING_OF_SESSION_MAX {
        let note = "too many requests wait already";
        return Some(Decision::refused(Denial::new(Code::LimitReached, minor::QUEUE_FULL, note)));
    }
    let handle = Handle(state.last_handle + 1);
    let (identity, request) = (session.identity.clone(), asked.request.clone());
    let place = place(asked, handle);
    let queued = Queued { session: id, identity, request, handle };
    let answer = Answer::Queued(place);
    Some(Decision::new(vec![Event::Queued(Box::new(queued))], Reply::Answer(asked.request.token, answer)))
}

/// The number of a request that waits came again: it gets what is held for it, or hears where it stands.
pub(crate) fn asked_again(
    state: &State,
    rules: Rules<'_>,
    session: SessionId,
    (handle, entry): (Handle, &Entry),
    now: Now,
) -> Decision {
    let asked = Asked::new(state, rules, &entry.request, (Some(entry.session), &entry.identity), now.utc);
    if let Some(offer) = &entry.offer
        && let Some(pool) = held_in(&asked, offer)
        && pool.period_at(asked.time) == Period::Within
        && asked.package(pool).is_none_or(|(it, _)| it.period_at(asked.time) == Period::Within)
    {
        return claim(&asked, session, pool, offer);
    }
    Decision::new(Vec::new(), Reply::Answer(entry.request.token, Answer::Queued(place(&asked, handle))))
}

/// The pool in which licenses are held, if they are still there for this client, and those of the package that goes with them.
fn held_in<'a>(asked: &Asked<'a>, offer: &Offer) -> Option<&'a Pool> {
    let (pool, _) =
        asked.pools().find(|(pool, of_pool)| pool.key == offer.pool && asked.could_serve(pool, of_pool))?;
    (pool.package() == offer.package.as_ref().map(|package| &package.pool)).then_some(pool)
}

/// The client does not want to wait any more.
pub(crate) fn cancelled((handle, entry): (Handle, &Entry), request: &Checkin) -> Decision {
    let why = DequeueReason::Cancelled { token: request.token, acknowledged: request.acknowledged };
    let event = dequeued((handle, entry), why);
    Decision::new(vec![event], Reply::Answer(request.token, Answer::CheckedIn(handle)))
}

fn dequeued((handle, entry): (Handle, &Entry), why: DequeueReason) -> Event {
    let offer = entry.offer.as_ref().map(|offer| offer.handle);
    let (session, token) = (entry.session, entry.request.token);
    Event::Dequeued(Box::new(Dequeued { session, token, entry: handle, offer, why }))
}

/// An administrator takes it out.
pub(crate) fn removed(entry: (Handle, &Entry), why: Denial) -> Event {
    dequeued(entry, DequeueReason::Removed(why))
}

/// Those of a session leave with it.
pub(crate) fn ended(state: &State, session: &Session, why: EndReason, events: &mut Vec<Event>) {
    let entries = session.queued.values().filter_map(|handle| Some((*handle, state.waiting_under(*handle)?)));
    events.extend(entries.map(|entry| dequeued(entry, DequeueReason::Ended(why))));
}

/// What the queues were last looked at with: until something has come free since, a hold or a block has ended or other rules hold,
/// there is nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Looked {
    seq: Seq,
    at: Timestamp,
}

impl Looked {
    /// All was done that could be done in this state at this time.
    #[must_use]
    pub fn of(state: &State, now: Now) -> Self {
        Self { seq: state.seq(), at: now.utc }
    }

    /// Whether every queue is due: other rules hold, or a minute has begun, with which lines of the license file may begin or end.
    fn all_due(&self, state: &State, now: Timestamp) -> bool {
        let minute = |at: Timestamp| at.0.div_euclid(60_000);
        state.all_stirred_after(self.seq) || minute(self.at) != minute(now)
    }
}

/// When [`crate::seat::Command::Serve`] is next due by the passing of time alone, on a clock that was not set: a hold is over, or a block.
/// None while nobody waits.
#[must_use]
pub fn next_serving(state: &State, looked: Looked) -> Option<Timestamp> {
    let hold = state.holds().next().map(|(until, _)| until);
    hold.into_iter().chain(state.block_ends_after(looked.at)).min()
}

/// How long after a time of the wall clock that is, by which blocks end; holds end by [`State::steady`].
#[must_use]
pub fn serving_due_in(state: &State, looked: Looked, utc: Timestamp) -> Option<Duration> {
    let hold = state.holds().next().map(|(until, _)| until.0.saturating_sub(state.steady(utc).0));
    let block = state.block_ends_after(looked.at).map(|end| end.0.saturating_sub(utc.0));
    let ms = hold.into_iter().chain(block).min()?;
    Some(Duration::from_millis(ms.max(0).unsigned_abs()))
}

/// The next step of the queues: holds that are over, else the next that is offered licenses or can never be met any more.
/// Nothing is left to do when there are no events.
pub(crate) fn serve(state: &State, rules: Rules<'_>, looked: Looked, now: Now) -> Decision {
    let by = state.steady(now.utc);
    let over = state.holds().take_while(|(until, _)| *until <= by);
    let lapsed = over.take(LAPSES_MAX).filter_map(|(_, handle)| {
        let entry = state.waiting_under(handle)?;
        let (count, held) = (entry.request.count, entry.hold().as_secs());
        let note = format!("{count} of {} were held for {held} s", entry.request.feature);
        let denial = Denial::new(Code::HoldLapsed, minor::HOLD_LAPSED, &note);
        Some(dequeued((handle, entry), DequeueReason::Lapsed(denial)))
    });
    let lapsed: Vec<Event> = lapsed.collect();
    if !lapsed.is_empty() {
        return Decision::new(lapsed, Reply::Done);
    }
    let events = if looked.all_due(state, now.utc) {
        let ended = state.holds().find_map(|(_, handle)| ended_while_held(state, rules, handle, now.utc));
        ended.or_else(|| {
            let mut queues = state.queued_features().filter(|feature| is_first(state, rules, feature));
            queues.find_map(|feature| next(state, rules, feature, now.utc))
        })
    } else {
        let due = due(state, rules, looked, now.utc);
        due.into_iter().find_map(|feature| next(state, rules, feature, now.utc))
    };
    Decision::new(events.unwrap_or_default(), Reply::Done)
}

/// Whether the queue of a feature, which it may have together with others, is looked at under its name.
fn is_first(state: &State, rules: Rules<'_>, feature: &FeatureName) -> bool {
    together(rules, feature).find(|other| state.is_queued(other)) == Some(feature)
}

/// The features whose queues are to be looked at.
fn due<'a>(state: &'a State, rules: Rules<'_>, looked: Looked, now: Timestamp) -> BTreeSet<&'a FeatureName> {
    let unblocked = state.blocks_ended(looked.at, now).filter_map(|handle| state.waiting_under(handle));
    let mut due: BTreeSet<&FeatureName> = unblocked.map(|entry| &entry.request.feature).collect();
    for feature in state.stirred_after(looked.seq) {
        if rules.catalog.reserves() {
            // What is out of one component decides what is reserved of the others.
            due.extend(state.queued_features());
            break;
        }
        if let Some(joined) = rules.catalog.joined_by_suites(feature) {
            due.extend(state.queued_features().find(|other| joined.contains(*other)));
        } else if state.is_queued(feature) {
            due.insert(feature);
        }
        let limits = |feature: &FeatureName| {
            rules.policy.pools(feature.as_str()).iter().flat_map(|of_pool| &of_pool.limits)
        };
        // A line for a package counts all of its components together.
        let counted: BTreeSet<LimitId> = limits(feature).copied().collect();
        if !counted.is_empty() {
            due.extend(
                state.queued_features().filter(|other| limits(other).any(|limit| counted.contains(limit))),
            );
        }
    }
    due
}

/// The license may have ended while it was held.
fn ended_while_held(state: &State, rules: Rules<'_>, handle: Handle, now: Timestamp) -> Option<Vec<Event>> {
    let entry = state.waiting_under(handle)?;
    let offer = entry.offer.as_ref()?;
    let asked = Asked::of_entry(state, rules, entry, now);
    if held_in(&asked, offer).is_some() {
        return None;
    }
    let denial = match choose(&asked, |pool, rules| asked.obstacle(pool, rules)) {
        Err(furthest) => refusal(&asked, furthest),
        Ok(_) => Denial::new(Code::HoldLapsed, minor::HOLD_LAPSED, "the licenses that were held have ended"),
    };
    Some(vec![dequeued((handle, entry), DequeueReason::Impossible(denial))])
}

/// The next step of one queue: that of a feature, or of all that packages of suites join with it. Where the first of a line finds no
/// licenses, nobody else in it does: there are no more ahead of the first than of the others.
fn next(state: &State, rules: Rules<'_>, feature: &FeatureName, now: Timestamp) -> Option<Vec<Event>> {
    // Those in a line have one priority.
    let mut firsts: Vec<(Reverse<u32>, Handle)> = Vec::new();
    for (_, line) in together(rules, feature).flat_map(|feature| rules.usage.lines().of(feature)) {
        let first = line.first().and_then(|handle| Some((*handle, state.waiting_under(*handle)?)));
        if let Some((handle, entry)) = first {
            firsts.push((Reverse(Asked::of_entry(state, rules, entry, now).rank()), handle));
        }
    }
    firsts.sort_unstable();
    let mut ahead: Option<Ahead<'_>> = None;
    for (_, handle) in firsts {
        let Some(entry) = state.waiting_under(handle) else { continue };
        let behind = ahead.take().unwrap_or_else(|| Ahead::of(state, rules, &entry.request, now));
        let mut asked = Asked::of_entry(state, rules, entry, now).behind(behind.before(handle));
        let obstacle = |pool, of_pool: &PoolRules| match asked.obstacle(pool, of_pool) {
            // Nobody waits for it, so it is held for nobody.
            None if pool.reserving => Some(Stuck { step: Step::Package, pool, at: pool }),
            Some(stuck) if pool.reserving && !stuck.step.denies() => {
                Some(Stuck { step: Step::Package, ..stuck })
            }
            obstacle => obstacle,
        };
        match choose(&asked, obstacle) {
            Ok(pool) => {
                let found = asked.found(pool, Asking::Itself);
                let package = asked.package(pool).map(|(package, _)| {
                    let (handle, found) =
                        (Handle(state.last_handle + 1), asked.found(package, Asking::With(pool)));
                    let shares = sharing_of(&asked, &entry.identity, package, &found, handle);
                    OfferedPackage { handle, pool: package.key.clone(), shares }
                });
                // As in a grant, the package's number comes first.
                let last = package.as_ref().map_or(state.last_handle, |package| package.handle.0);
                let checkout = Handle(last + 1);
                let offer = Offered {
                    session: entry.session,
                    identity: entry.identity.clone(),
                    request: entry.request.clone(),
                    entry: handle,
                    handle: checkout,
                    pool: pool.key.clone(),
                    shares: sharing_of(&asked, &entry.identity, pool, &found, checkout),
                    package,
                    until: state.steady(now).plus(hold(&entry.request.wishes)),
                };
                let mut events = before(&asked, pool, &found);
                events.push(Event::Offered(Box::new(offer)));
                return Some(events);
            }
            Err(_) if !asked.can_ever_be_met() => {
                let denial = match choose(&asked, |pool, rules| asked.obstacle(pool, rules)) {
                    Err(furthest) => refusal(&asked, furthest),
                    Ok(_) => {
                        let note = "nobody waits for a suite that reserves its components: ask again";
                        Denial::new(Code::UsersQueued, minor::QUEUE_AHEAD, note)
                    }
                };
                return Some(vec![dequeued((handle, entry), DequeueReason::Impossible(denial))]);
            }
            Err(_) => {}
        }
        ahead = Some(std::mem::take(&mut asked.ahead));
    }
    None
}

/// The pools that could serve a request, with those of the packages that go with them.
fn waits_at<'a>(asked: &Asked<'a>) -> Vec<&'a Pool> {
    let mut pools = Vec::new();
    for (pool, _) in asked.pools().filter(|(pool, of_pool)| asked.could_serve(pool, of_pool)) {
        pools.push(pool);
        pools.extend(asked.package(pool).map(|(package, _)| package));
    }
    pools
}

/// Whether a pool is among some, all of one catalog.
fn among(pools: &[&Pool], pool: &Pool) -> bool {
    pools.iter().any(|other| std::ptr::eq(*other, pool))
}

/// Where a request stands: behind those with a higher priority, and those with its own that came before it, as far as they could be
/// served by one of its pools.
fn place(asked: &Asked<'_>, handle: Handle) -> Place {
    let mine = waits_at(asked);
    let state = asked.state;
    let rank = asked.rank();
    let mut ahead: Vec<Rivals<'_>> = Vec::new();
    let lines = together(asked.rules, &asked.request.feature);
    for (_, line) in lines.flat_map(|feature| asked.rules.usage.lines().of(feature)) {
        let Some(first) = line.first().copied() else { continue };
        let Some(entry) = state.waiting_under(first) else { continue };
        let other = Asked::of_entry(state, asked.rules, entry, asked.now);
        let of_other = other.rank();
        // Of a higher priority all are ahead.
        let until = if of_other > rank { Handle(u64::MAX) } else { handle };
        if of_other < rank || first >= until {
            continue;
        }
        let pools = waits_at(&other);
        if pools.iter().any(|pool| among(&mine, pool)) {
            let last = line.last().is_some_and(|last| *last < until);
            let many = if last { line.len() } else { line.range(..until).count() };
            ahead.push(Rivals { pools, line, until, rank: of_other, many, count: other.count() });
        }
    }
    let wait = |pool: &Pool| {
        let rivals = ahead.iter().filter(|rivals| among(&rivals.pools, pool));
        let mut first: Vec<(Reverse<u32>, Handle, u64)> = Vec::new();
        let mut wanted = 0_u64;
        for rivals in rivals {
            let before = rivals.line.iter().take_while(|other| **other < rivals.until);
            let before = before.take(estimate::RIVALS_MAX + 1);
            first.extend(before.map(|other| (Reverse(rivals.rank), *other, rivals.count)));
            wanted = wanted.saturating_add(rivals.count.saturating_mul(rivals.many as u64));
        }
        first.sort_unstable();
        let first = first.into_iter().map(|(.., count)| count).collect();
        estimate::wait(asked, pool, estimate::Queue { first, wanted })
    };
    // A component and its package are both there when the later of them is.
    let wait = |(pool, _)| {
        let package = asked.package(pool).filter(|(package, _)| package.counted);
        let with_package = package.map(|(package, _)| wait(package));
        let alone = if pool.counted || with_package.is_none() { Some(wait(pool)) } else { None };
        [alone, with_package].into_iter().flatten().try_fold(0, |most: u32, wait| Some(most.max(wait?)))
    };
    let able = asked.pools().filter(|(pool, _)| among(&mine, pool));
    let many: usize = ahead.iter().map(|rivals| rivals.many).sum();
    let position = u32::try_from(many).unwrap_or(u32::MAX).saturating_add(1);
    Place { handle, position, wait_s: able.filter_map(wait).min() }
}

/// Those that wait for a feature in the order in which they are served where nothing else is in the way: by priority, then as they
/// came. What is held for some stands where they stood.
#[must_use]
pub fn in_order<'a>(
    state: &'a State,
    rules: Rules<'a>,
    feature: &FeatureName,
    now: Timestamp,
) -> Vec<(Handle, &'a Entry)> {
    let mut all: Vec<(Handle, &Entry)> = state.queue(feature).collect();
    // Nearly nobody has priorities.
    if rules.policy.pools(feature.as_str()).iter().any(PoolRules::ranks) {
        all.sort_by_cached_key(|(handle, entry)| {
            (Reverse(Asked::of_entry(state, rules, entry, now).rank()), *handle)
        });
    }
    all
}

/// Some that are ahead of a request and fare alike.
struct Rivals<'a> {
    /// Which pools could serve them, those of packages too.
    pools: Vec<&'a Pool>,
    line: &'a Line,
    /// Those of the line before this one are ahead.
    until: Handle,
    rank: u32,
    many: usize,
    /// How many licenses each wants.
    count: u64,
}

/// What is offered to a request that waits, if this checkout is of it: that of the component or feature, or of a package.
pub(crate) fn takes_offer(state: &State, session: SessionId, token: Token, handle: Handle) -> Option<&Offer> {
    let offer = state.waiting_with(session, token).and_then(|(_, entry)| entry.offer.as_ref())?;
    let of_package = offer.package.as_ref().is_some_and(|package| package.handle == handle);
    (of_package || offer.handle == handle).then_some(offer)
}
