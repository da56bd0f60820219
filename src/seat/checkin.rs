//! Giving licenses back.

use super::checkout::repeated;
use super::linger::given_up;
use super::{Decision, Reply, Rules, State, queue};
use crate::code::{Code, minor};
use crate::event::{Answer, Checkin, Denial, InReason};
use crate::ident::SessionId;
use crate::time::Now;

pub(super) fn decide(
    state: &State,
    rules: Rules<'_>,
    id: SessionId,
    request: &Checkin,
    now: Now,
) -> Decision {
    let session = match (repeated(state, id, request.token, request.acknowledged), state.session(id)) {
        (Ok(session), _) => session,
        // Its number was passed: an earlier try was rolled back, and the client did not hear of it before it asked for something
        // else. What is still there is still to be given back, as nobody gets the same handle twice.
        (Err(Decision { reply: Reply::Answer(_, Answer::Spent), .. }), Some(session))
            if session.handles.contains(&request.handle)
                || state.waiting_under(request.handle).is_some_and(|entry| entry.session == id) =>
        {
            session
        }
        (Err(decision), _) => return decision,
    };
    if let Some(entry) = state.waiting_under(request.handle).filter(|entry| entry.session == id) {
        return queue::cancelled((request.handle, entry), request);
    }
    // What goes with a component comes back with it: its handle is nobody's to give.
    let of_package = state.seat(request.handle).is_some_and(|seat| seat.component.is_some());
    if of_package || !session.handles.contains(&request.handle) {
        let note = format!("this session holds no checkout {}", request.handle);
        let denial = Denial::new(Code::NeverCheckedOut, minor::HANDLE_UNKNOWN, &note);
        return Decision::new(Vec::new(), Reply::Answer(request.token, Answer::Denied(denial)));
    }
    let why = InReason::Checkin { token: request.token, acknowledged: request.acknowledged };
    Decision::new(
        given_up(state, rules, request.handle, why, now.utc),
        Reply::Answer(request.token, Answer::CheckedIn(request.handle)),
    )
}
