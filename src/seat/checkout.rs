//! May this request have licenses, and from which pool (`flexnet-files.md` 3.4).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::borrow;
use super::choose::{Asked, Asking, Step, choose, sharing};
use super::linger::Found;
use super::queue::{self, Ahead, Offer};
use super::refusal::refusal;
use super::{Decision, PoolUse, Reply, Rules, Session, State};
use crate::catalog::{Period, Pool};
use crate::code::{Code, minor};
use crate::event::{
    Accounting, Answer, Checkout, Denial, Denied, Event, Identity, In, InReason, Out, Passed, Shares,
};
use crate::ident::{Digest, Handle, SessionId, Token};
use crate::time::{LicenseTime, Now, Timestamp};
use crate::wire::limits::UNACKNOWLEDGED_MAX;

/// Looks up the session of a request and sorts out request numbers that were used before. A repeated number gets its
/// first answer; one that was acknowledged, checked in or passed over is spent: no late duplicate grants again.
pub(super) fn repeated(
    state: &State,
    id: SessionId,
    token: Token,
    acknowledged: Token,
) -> Result<&Session, Decision> {
    let Some(session) = state.session(id) else {
        let note = "the session has ended";
        return Err(Decision::refused(Denial::new(Code::SessionEnded, minor::SESSION_UNKNOWN, note)));
    };
    if let Some(answer) = session.answers.get(token) {
        return Err(Decision::new(Vec::new(), Reply::Answer(token, answer.clone())));
    }
    if token <= session.highest {
        return Err(Decision::new(Vec::new(), Reply::Answer(token, Answer::Spent)));
    }
    if acknowledged >= token {
        let note = "a request can't acknowledge its own answer or a later one";
        return Err(Decision::refused(Denial::new(Code::InvalidParameter, minor::MALFORMED, note)));
    }
    if session.answers.len() >= UNACKNOWLEDGED_MAX
        && session.answers.beyond(acknowledged) >= UNACKNOWLEDGED_MAX
    {
        let note = "too many answers are not acknowledged";
        return Err(Decision::refused(Denial::new(Code::LimitReached, minor::TOKENS_OUTSTANDING, note)));
    }
    Ok(session)
}

pub(super) fn decide(
    state: &State,
    rules: Rules<'_>,
    id: SessionId,
    request: &Checkout,
    now: Now,
) -> Decision {
    if let Some(waiting) = state.waiting_with(id, request.token) {
        return queue::asked_again(state, rules, id, waiting, now);
    }
    let session = match repeated(state, id, request.token, request.acknowledged) {
        Ok(session) => session,
        Err(decision) => return decision,
    };
    let ahead = Ahead::of(state, rules, request, now.utc);
    let asked = Asked::new(state, rules, request, (Some(id), &session.identity), now.utc).behind(ahead);
    match choose(&asked, |pool, rules| asked.obstacle(pool, rules)) {
        Ok(pool) => grant(&asked, id, session, pool),
        Err(furthest) => {
            // Nobody waits for a clock: whoever can set it right must hear of it.
            let clock = furthest.is_some_and(|stuck| stuck.step == Step::Period(Period::Untrusted));
            if let Some(decision) = (!clock).then(|| queue::enter(&asked, id, session)).flatten() {
                return decision;
            }
            let denial = refusal(&asked, furthest);
            let answer = Answer::Denied(denial.clone());
            let identity = session.identity.clone();
            let denied = Denied { session: id, identity, request: request.clone(), denial, times: 1 };
            Decision::new(vec![Event::Denied(Box::new(denied))], Reply::Answer(request.token, answer))
        }
    }
}

fn grant<'a>(asked: &Asked<'a>, id: SessionId, session: &Session, pool: &'a Pool) -> Decision {
    let state = asked.state;
    let found = asked.found(pool, Asking::Itself);
    let mut events = before(asked, pool, &found);
    let mut handle = Handle(state.last_handle + 1);
    let out = |pool: &Pool, found: &Found, request: Checkout, handle: Handle| {
        let (lines, expires) = backing(pool, request.count.get(), asked.time);
        Out {
            session: id,
            identity: session.identity.clone(),
            request,
            pool: pool.key.clone(),
            handle,
            lines,
            expires,
            demo: asked.rules.catalog.demo(),
            accounting: accounting(asked, &session.identity, pool, found, handle),
        }
    };
    let mut suite = None;
    if let Some((package, _)) = asked.package(pool) {
        let (request, found) = (of_package(asked, package), asked.found(package, Asking::With(pool)));
        events.push(Event::Out(Box::new(out(package, &found, request, handle))));
        suite = Some(handle);
        handle = Handle(handle.0 + 1);
    }
    let mut component = out(pool, &found, asked.request.clone(), handle);
    component.accounting.suite = suite;
    let answer = Answer::Granted(component.grant());
    events.push(Event::Out(Box::new(component)));
    Decision::new(events, Reply::Answer(asked.request.token, answer))
}

/// What comes before a grant or an offer: what the client takes back for it, so that nobody comes between, and whom it passes.
pub(super) fn before<'a>(asked: &Asked<'a>, pool: &'a Pool, found: &Found) -> Vec<Event> {
    let state = asked.state;
    let taken = found.taken.iter().flat_map(|handle| state.coming_back(*handle)).filter_map(|handle| {
        let session = state.seat(handle)?.session;
        Some(Event::In(In { session, handle, why: InReason::Linger }))
    });
    let entries = asked.passed(pool);
    let passed = (!entries.is_empty()).then_some(Event::Passed(Passed { entries }));
    taken.chain(passed).collect()
}

/// Grants what was held for a request. It counts already.
pub(super) fn claim(asked: &Asked<'_>, session: SessionId, pool: &Pool, offer: &Offer) -> Decision {
    let out = |pool: &Pool, request: Checkout, (handle, shares): (Handle, Option<Shares>)| {
        let (lines, expires) = backing(pool, request.count.get(), asked.time);
        let in_use = asked.state.pool(&pool.key).map_or(0, PoolUse::in_use);
        let overdraft = overdraft(asked, pool, in_use);
        Out {
            session,
            identity: asked.identity().clone(),
            request,
            pool: pool.key.clone(),
            handle,
            lines,
            expires,
            demo: asked.rules.catalog.demo(),
            // Who borrows does not wait.
            accounting: Accounting { shares, overdraft, ..Accounting::default() },
        }
    };
    let mut events = Vec::new();
    let mut component = out(pool, asked.request.clone(), (offer.handle, offer.shares));
    if let (Some((package, _)), Some(held)) = (asked.package(pool), &offer.package) {
        let request = of_package(asked, package);
        events.push(Event::Out(Box::new(out(package, request, (held.handle, held.shares)))));
        component.accounting.suite = Some(held.handle);
    }
    let answer = Answer::Granted(component.grant());
    events.push(Event::Out(Box::new(component)));
    Decision::new(events, Reply::Answer(asked.request.token, answer))
}

/// What is taken with the component is any license of its package: the version is that of the package.
fn of_package(asked: &Asked<'_>, package: &Pool) -> Checkout {
    Checkout { feature: package.feature.clone(), version: package.version, ..asked.request.clone() }
}

/// How a grant from a pool is counted.
fn accounting(
    asked: &Asked<'_>,
    identity: &Identity,
    pool: &Pool,
    found: &Found,
    handle: Handle,
) -> Accounting {
    let in_use = found.in_use.saturating_add(asked.adds(found));
    let shares = sharing_of(asked, identity, pool, found, handle);
    let borrow = borrow::granted(asked.rules.catalog, asked.request, asked.state.confirmed(asked.now));
    Accounting { shares, overdraft: overdraft(asked, pool, in_use), suite: None, borrow }
}

/// How many of the licenses in use are beyond the count of their pool.
fn overdraft(asked: &Asked<'_>, pool: &Pool, in_use: u64) -> u32 {
    let over = if pool.counted { in_use.saturating_sub(u64::from(pool.count_at(asked.time))) } else { 0 };
    u32::try_from(over).unwrap_or(u32::MAX)
}

/// The checkouts of a pool with which a request uses the same licenses once it has them as `handle`.
pub(super) fn sharing_of(
    asked: &Asked<'_>,
    identity: &Identity,
    pool: &Pool,
    found: &Found,
    handle: Handle,
) -> Option<Shares> {
    let key = sharing(pool, asked.request, identity)?;
    Some(Shares { mask: key.mask(), group: found.joined.map_or(handle, |(group, _)| group) })
}

/// The signed lines that a grant of `count` licenses stands on, and the earliest end among them: the line that is valid
/// for longest, if it has so many, else the pool's valid lines in order until they suffice.
pub(super) fn backing(pool: &Pool, count: u32, at: LicenseTime) -> (Arc<[Digest]>, Option<Timestamp>) {
    if let Some(lot) = pool.backing_lot(at)
        && (!pool.counted || lot.count >= count)
    {
        return (Arc::clone(&lot.lines), lot.ends);
    }
    let (mut lines, mut named) = (Vec::new(), BTreeSet::new());
    let mut ends: Option<Timestamp> = None;
    let mut covered: u64 = 0;
    for lot in pool.valid_lots(at) {
        if covered >= u64::from(count) {
            break;
        }
        // Lots of one package share its line.
        lines.extend(lot.lines.iter().filter(|line| named.insert(**line)));
        covered += u64::from(lot.count);
        ends = match (ends, lot.ends) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    (lines.into(), ends)
}
