//! May this request have licenses, and from which pool (`flexnet-files.md` 3.4).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::choose::{Asked, choose};
use super::refusal::refusal;
use super::{Decision, Reply, Rules, Session, State};
use crate::catalog::{Catalog, Pool};
use crate::code::{Code, minor};
use crate::event::{Answer, Checkout, Denial, Denied, Event, Out};
use crate::ident::{Digest, Handle, SessionId, Token};
use crate::time::{Now, Timestamp};
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
    if let Some(answer) = session.answers.get(&token) {
        return Err(Decision::new(Vec::new(), Reply::Answer(token, answer.clone())));
    }
    if token <= session.highest {
        return Err(Decision::new(Vec::new(), Reply::Answer(token, Answer::Spent)));
    }
    if acknowledged >= token {
        let note = "a request can't acknowledge its own answer or a later one";
        return Err(Decision::refused(Denial::new(Code::InvalidParameter, minor::MALFORMED, note)));
    }
    let kept = session.answers.range(Token(acknowledged.0.saturating_add(1))..);
    if session.answers.len() >= UNACKNOWLEDGED_MAX && kept.count() >= UNACKNOWLEDGED_MAX {
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
    let session = match repeated(state, id, request.token, request.acknowledged) {
        Ok(session) => session,
        Err(decision) => return decision,
    };
    let asked = Asked::new(state, rules, request, &session.identity, now.utc);
    match choose(&asked, |pool, rules| asked.obstacle(pool, rules)) {
        Ok(pool) => grant(state, rules.catalog, id, session, request, pool, now.utc),
        Err(furthest) => {
            let denial = refusal(&asked, furthest);
            let answer = Answer::Denied(denial.clone());
            let identity = session.identity.clone();
            let denied = Denied { session: id, identity, request: request.clone(), denial, times: 1 };
            Decision::new(vec![Event::Denied(Box::new(denied))], Reply::Answer(request.token, answer))
        }
    }
}

fn grant(
    state: &State,
    catalog: &Catalog,
    id: SessionId,
    session: &Session,
    request: &Checkout,
    pool: &Pool,
    now: Timestamp,
) -> Decision {
    let (lines, expires) = backing(pool, request.count.get(), now);
    let out = Out {
        session: id,
        identity: session.identity.clone(),
        request: request.clone(),
        pool: pool.key.clone(),
        handle: Handle(state.last_handle + 1),
        lines,
        expires,
        demo: catalog.demo(),
    };
    let answer = Answer::Granted(out.grant());
    Decision::new(vec![Event::Out(Box::new(out))], Reply::Answer(request.token, answer))
}

/// The signed lines that a grant of `count` licenses stands on, and the earliest end among them: the line that is valid
/// for longest, if it has so many, else the pool's valid lines in order until they suffice.
fn backing(pool: &Pool, count: u32, now: Timestamp) -> (Arc<[Digest]>, Option<Timestamp>) {
    if let Some(lot) = pool.backing_lot(now)
        && (!pool.counted || lot.count >= count)
    {
        return (Arc::clone(&lot.lines), lot.ends);
    }
    let (mut lines, mut named) = (Vec::new(), BTreeSet::new());
    let mut ends: Option<Timestamp> = None;
    let mut covered: u64 = 0;
    for lot in pool.valid_lots(now) {
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
