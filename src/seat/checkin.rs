//! Giving licenses back.

use super::checkout::repeated;
use super::{Decision, Reply, State};
use crate::code::{Code, minor};
use crate::event::{Answer, Checkin, Denial, Event, In, InReason};
use crate::ident::SessionId;

pub(super) fn decide(state: &State, id: SessionId, request: &Checkin) -> Decision {
    let session = match repeated(state, id, request.token, request.acknowledged) {
        Ok(session) => session,
        Err(decision) => return decision,
    };
    if !session.handles.contains(&request.handle) {
        let note = format!("this session holds no checkout {}", request.handle);
        let denial = Denial::new(Code::NeverCheckedOut, minor::HANDLE_UNKNOWN, &note);
        return Decision::new(Vec::new(), Reply::Answer(request.token, Answer::Denied(denial)));
    }
    let why = InReason::Checkin { token: request.token, acknowledged: request.acknowledged };
    Decision::new(
        vec![Event::In(In { session: id, handle: request.handle, why })],
        Reply::Answer(request.token, Answer::CheckedIn(request.handle)),
    )
}
