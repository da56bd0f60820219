//! Decisions of the queue: who enters, who is offered licenses, who leaves.

use super::{Ahead, Entry, WAITING_MAX, WAITING_OF_SESSION_MAX, estimate, hold};
use crate::catalog::Period;
use crate::code::{Code, minor};
use crate::event::{
    Answer, Checkin, Denial, DequeueReason, Dequeued, EndReason, Event, Offered, Place, Queued,
};
use crate::ident::{FeatureName, Handle, SessionId, Token};
use crate::seat::checkout::{before, claim, sharing_of};
use crate::seat::choose::{Asked, Asking, choose};
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
        && let Some((pool, _)) =
            asked.pools().find(|(pool, of_pool)| pool.key == offer.pool && asked.could_serve(pool, of_pool))
        && pool.period_at(asked.time) == Period::Within
    {
        return claim(&asked, session, pool, offer);
    }
    Decision::new(Vec::new(), Reply::Answer(entry.request.token, Answer::Queued(place(&asked, handle))))
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

/// The next step of the queues: holds that are over, else the next that is offered licenses or can never be met any more.
/// Nothing is left to do when there are no events.
pub(crate) fn serve(state: &State, rules: Rules<'_>, now: Now) -> Decision {
    let lapsed = state.waiting().filter_map(|entry| {
        let offer = entry.1.offer.as_ref().filter(|offer| offer.until <= state.confirmed(now.utc))?;
        let note = format!(
            "{} of {} were held for {} s",
            entry.1.request.count,
            offer.pool.feature(),
            entry.1.hold().as_secs()
        );
        let denial = Denial::new(Code::HoldLapsed, minor::HOLD_LAPSED, &note);
        Some(dequeued(entry, DequeueReason::Lapsed(denial)))
    });
    let lapsed: Vec<Event> = lapsed.take(LAPSES_MAX).collect();
    if !lapsed.is_empty() {
        return Decision::new(lapsed, Reply::Done);
    }
    let events = state.queued_features().find_map(|feature| next(state, rules, feature, now.utc));
    Decision::new(events.unwrap_or_default(), Reply::Done)
}

/// The next step of one queue.
fn next(state: &State, rules: Rules<'_>, feature: &FeatureName, now: Timestamp) -> Option<Vec<Event>> {
    let mut ahead = Ahead::default();
    for (handle, entry) in state.queue(feature) {
        let asked = Asked::new(state, rules, &entry.request, (Some(entry.session), &entry.identity), now);
        if let Some(offer) = &entry.offer {
            // The license may have ended while it was held.
            let still =
                asked.pools().any(|(pool, rules)| pool.key == offer.pool && asked.could_serve(pool, rules));
            if still {
                continue;
            }
            let denial = match choose(&asked, |pool, rules| asked.obstacle(pool, rules)) {
                Err(furthest) => refusal(&asked, furthest),
                Ok(_) => Denial::new(
                    Code::HoldLapsed,
                    minor::HOLD_LAPSED,
                    "the licenses that were held have ended",
                ),
            };
            return Some(vec![dequeued((handle, entry), DequeueReason::Impossible(denial))]);
        }
        let mut asked = asked.behind(std::mem::take(&mut ahead));
        match choose(&asked, |pool, rules| asked.obstacle(pool, rules)) {
            Ok(pool) => {
                let (checkout, found) = (Handle(state.last_handle + 1), asked.found(pool, Asking::Itself));
                let offer = Offered {
                    session: entry.session,
                    identity: entry.identity.clone(),
                    request: entry.request.clone(),
                    entry: handle,
                    handle: checkout,
                    pool: pool.key.clone(),
                    shares: sharing_of(&asked, &entry.identity, pool, &found, checkout),
                    until: state.confirmed(now).plus(hold(&entry.request.wishes)),
                };
                let mut events = before(&asked, pool, &found);
                events.push(Event::Offered(Box::new(offer)));
                return Some(events);
            }
            Err(furthest) if !asked.can_ever_be_met() => {
                let denial = refusal(&asked, furthest);
                return Some(vec![dequeued((handle, entry), DequeueReason::Impossible(denial))]);
            }
            Err(_) => {}
        }
        ahead = std::mem::take(&mut asked.ahead);
        ahead.add(handle, entry, &asked);
    }
    None
}

/// Where a request stands: behind those that came before it and could be served by one of its pools.
fn place(asked: &Asked<'_>, handle: Handle) -> Place {
    let mine: Vec<bool> = asked.pools().map(|(pool, rules)| asked.could_serve(pool, rules)).collect();
    let state = asked.state;
    let before = state.queue(&asked.request.feature).take_while(|(other, _)| *other < handle);
    let waiting = before.filter(|(_, entry)| entry.offer.is_none());
    let mut ahead: Vec<(Vec<bool>, u64)> = Vec::new();
    for (_, entry) in waiting {
        let other =
            Asked::new(state, asked.rules, &entry.request, (Some(entry.session), &entry.identity), asked.now);
        let pools: Vec<bool> = other.pools().map(|(pool, rules)| other.could_serve(pool, rules)).collect();
        if pools.iter().zip(&mine).any(|(one, other)| *one && *other) {
            ahead.push((pools, other.count()));
        }
    }
    let wait = |(index, (pool, _)): (usize, (&_, _))| {
        let rivals = ahead.iter().filter(|(pools, _)| pools.get(index).copied().unwrap_or(false));
        estimate::wait(asked, pool, rivals.map(|(_, count)| *count))
    };
    let able = asked.pools().enumerate().filter(|(index, _)| mine.get(*index).copied().unwrap_or(false));
    let position = u32::try_from(ahead.len()).unwrap_or(u32::MAX).saturating_add(1);
    Place { handle, position, wait_s: able.filter_map(wait).min() }
}

/// Whether a session may use a number: it is the one of a request that waits and is offered this checkout.
pub(crate) fn takes_offer(state: &State, session: SessionId, token: Token, handle: Handle) -> bool {
    let offer = state.waiting_with(session, token).and_then(|(_, entry)| entry.offer.as_ref());
    offer.is_some_and(|offer| offer.handle == handle)
}
