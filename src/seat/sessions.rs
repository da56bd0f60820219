//! Sessions begin, come back and end; the daemon starts and stops (DESIGN section 2).

use super::linger::given_up;
use super::{Decision, Reply, Resume, Rules, State, queue};
use crate::code::{Code, minor};
use crate::event::{
    Denial, EndReason, Ended, Event, Identity, InReason, Opened, Resumed, SessionKind, Started, Stopped,
};
use crate::ident::{Digest, SessionId};
use crate::time::Now;

pub(super) fn start(state: &State, rules: Rules<'_>, started: &Started, now: Now) -> Decision {
    // A line session lives with its socket, and no socket outlives the process: what an earlier run left is freed.
    let mut events = Vec::new();
    for id in state.line_sessions() {
        ending(state, rules, id, EndReason::Shutdown, now, &mut events);
    }
    events.push(Event::Started(started.clone()));
    Decision::new(events, Reply::Done)
}

pub(super) fn stop(state: &State, rules: Rules<'_>, stopped: &Stopped, now: Now) -> Decision {
    let mut events = Vec::new();
    for id in state.line_sessions() {
        ending(state, rules, id, EndReason::Shutdown, now, &mut events);
    }
    events.push(Event::Stopped(stopped.clone()));
    Decision::new(events, Reply::Done)
}

pub(super) fn open(state: &State, session: SessionId, secret: Digest, identity: &Identity) -> Decision {
    if state.session(session).is_some() {
        return Decision::refused(Denial::new(
            Code::AskAgain,
            minor::SESSION_UNKNOWN,
            "session name is in use",
        ));
    }
    let opened = Opened { session, secret, identity: identity.clone() };
    Decision::new(vec![Event::Opened(opened)], Reply::Done)
}

/// A step is accepted from the newest epoch, or when it repeats the step that made the newest epoch: the reply to that
/// one may have been lost. A copy of a session knows neither the newest epoch nor the other's nonce, so two can't live.
pub(super) fn resume(state: &State, claim: &Resume) -> Decision {
    let unknown = || {
        let note = "it ended, or this server never knew it; its seats are free again";
        Decision::refused(Denial::new(Code::SessionEnded, minor::SESSION_UNKNOWN, note))
    };
    let Some(session) = state.session(claim.session) else { return unknown() };
    if session.identity.kind() == SessionKind::Line {
        return unknown();
    }
    if !bool::from(subtle::ConstantTimeEq::ct_eq(&session.secret.0[..], &claim.secret.0[..])) {
        let note = "the secret is not the one that the server issued";
        return Decision::refused(Denial::new(Code::SessionEnded, minor::SESSION_SECRET, note));
    }
    if claim.epoch.checked_add(1) == Some(session.epoch) && claim.nonce == session.nonce {
        return Decision::new(Vec::new(), Reply::Resumed(session.epoch));
    }
    match (claim.epoch == session.epoch).then(|| session.epoch.checked_add(1)).flatten() {
        Some(epoch) => {
            let resumed = Resumed { session: claim.session, epoch, nonce: claim.nonce };
            Decision::new(vec![Event::Resumed(resumed)], Reply::Resumed(epoch))
        }
        None => {
            let note = "another program goes on with it";
            Decision::refused(Denial::new(Code::SessionTaken, minor::SESSION_EPOCH, note))
        }
    }
}

pub(super) fn end(state: &State, rules: Rules<'_>, session: SessionId, why: EndReason, now: Now) -> Decision {
    let mut events = Vec::new();
    ending(state, rules, session, why, now, &mut events);
    Decision::new(events, Reply::Done)
}

/// The events that end a session: its seats are given up, then it is over.
fn ending(state: &State, rules: Rules<'_>, id: SessionId, why: EndReason, now: Now, events: &mut Vec<Event>) {
    let Some(session) = state.session(id) else { return };
    for handle in session.handles() {
        // A suite's goes with its component.
        if state.seat(handle).is_some_and(|seat| seat.component.is_some()) {
            continue;
        }
        events.extend(given_up(state, rules, handle, InReason::Ended(why), now.utc));
    }
    queue::ended(state, session, why, events);
    events.push(Event::Ended(Ended { session: id, why }));
}
