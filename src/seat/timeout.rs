//! Licenses of users who are idle (`flexnet-files.md` 5.7).

use super::usage::rules_of;
use super::{Decision, Reply, Rules, Seat, State};
use crate::event::{Event, In, InReason};
use crate::ident::SessionId;
use crate::time::Now;

/// Takes back what a session holds longer than its user may be idle: its client says that he has done nothing for so many
/// seconds. Nobody was idle with a checkout before it was made.
pub(super) fn decide(state: &State, rules: Rules<'_>, id: SessionId, idle_s: u32, now: Now) -> Decision {
    let handles = state.session(id).into_iter().flat_map(super::Session::handles);
    // A suite's comes back with its component.
    let seats = handles.filter_map(|handle| Some((handle, state.seat(handle)?)));
    let seats = seats.filter(|(_, seat)| seat.component.is_none());
    let over = seats.filter(|(_, seat)| {
        let held = now.utc.seconds().saturating_sub(seat.since.seconds());
        timeout(rules, seat).is_some_and(|timeout| idle_s >= timeout && held >= i64::from(timeout))
    });
    let back = over.flat_map(|(handle, _)| state.coming_back(handle));
    let events = back.map(|handle| Event::In(In { session: id, handle, why: InReason::Inactive }));
    Decision::new(events.collect(), Reply::Done)
}

/// For how many seconds the user of a checkout may be idle; none for ever. TIMEOUT 0 is no timeout, and one below the publisher's
/// minimum is raised to it.
fn timeout(rules: Rules<'_>, seat: &Seat) -> Option<u32> {
    let (seconds, _) = rules_of(rules.catalog, rules.policy, &seat.pool)?.terms.timeout?;
    (seconds > 0).then(|| seconds.max(rules.catalog.timeout_minimum_s()))
}
