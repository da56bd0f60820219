//! A client that repeats a refused request many times a second must not fill the history: equal refusals of one
//! session within ten seconds become one counted event (DESIGN section 2).
//!
//! The first refusal is recorded as usual. While the verdict stays the same, repeats are answered from it and only
//! counted; when the ten seconds are over, or the session asks for something else, the count is recorded. What is
//! counted here and not yet recorded is lost in a crash: the answers were given, only their number is not known.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::{Answer, Denied, Event};
use crate::ident::{SessionId, Token};
use crate::time::{Monotonic, Now};

/// How long equal refusals are counted into one event.
const WINDOW: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Counted {
    denied: Denied,
    since: Monotonic,
    /// Repeats that no event stands for yet.
    repeats: u32,
}

/// Repeated refusals of all sessions.
#[derive(Debug, Default)]
pub struct DenialDamper {
    counted: BTreeMap<SessionId, Counted>,
}

impl DenialDamper {
    /// Looks at the events of a fresh decision. When they are nothing but a refusal equal to the last one of the
    /// session, counts it and returns true: the caller gives the answer and records nothing.
    pub fn absorb(&mut self, events: &[Event], now: Now) -> bool {
        let [Event::Denied(denied)] = events else { return false };
        if let Some(counted) = self.counted.get_mut(&denied.session)
            && now.mono.since(counted.since) < WINDOW
            && same(&counted.denied, denied)
        {
            counted.repeats = counted.repeats.saturating_add(1);
            counted.denied.request.token = denied.request.token;
            counted.denied.request.acknowledged = denied.request.acknowledged;
            return true;
        }
        false
    }

    /// The answer to a request number that was counted here and is seen again: the same refusal, or that it is spent.
    /// Asked before a request is decided, for the state does not know these numbers yet.
    #[must_use]
    pub fn repeated(&self, session: SessionId, token: Token) -> Option<Answer> {
        let counted = self.counted.get(&session).filter(|counted| counted.repeats > 0)?;
        let request = &counted.denied.request;
        if token <= request.acknowledged {
            return Some(Answer::Spent);
        }
        (token <= request.token).then(|| Answer::Denied(counted.denied.denial.clone()))
    }

    /// Notes a recorded refusal as the one that repeats are measured against. What had been counted before it is due
    /// and returned.
    pub fn note(&mut self, denied: &Denied, now: Now) -> Option<Denied> {
        let fresh = Counted { denied: denied.clone(), since: now.mono, repeats: 0 };
        self.counted.insert(denied.session, fresh).and_then(due)
    }

    /// The counts whose ten seconds are over.
    pub fn expired(&mut self, now: Now) -> Vec<Denied> {
        let over: Vec<SessionId> = self
            .counted
            .iter()
            .filter(|(_, counted)| now.mono.since(counted.since) >= WINDOW)
            .map(|(session, _)| *session)
            .collect();
        over.into_iter().filter_map(|session| self.forget(session)).collect()
    }

    /// Ends the count of a session, because it ends or the daemon does.
    pub fn forget(&mut self, session: SessionId) -> Option<Denied> {
        self.counted.remove(&session).and_then(due)
    }

    /// Ends all counts.
    pub fn drain(&mut self) -> Vec<Denied> {
        std::mem::take(&mut self.counted).into_values().filter_map(due).collect()
    }
}

fn due(counted: Counted) -> Option<Denied> {
    (counted.repeats > 0).then_some(Denied { times: counted.repeats, ..counted.denied })
}

fn same(one: &Denied, other: &Denied) -> bool {
    one.request.feature == other.request.feature
        && one.request.version == other.request.version
        && one.request.count == other.request.count
        && one.denial.code == other.denial.code
        && one.denial.minor == other.denial.minor
}
