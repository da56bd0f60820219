//! Which recorded denials are requests of their own, and which repeat one that was judged already.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::code::Code;
use crate::event::Denied;
use crate::ident::{Count, FeatureName, Host, SessionId, User, Version};
use crate::time::{Look, Timestamp};

/// Denials of the same user, host and feature within this time of a judged one count as that one.
pub const REPEAT_WINDOW: Duration = Duration::from_secs(60);

/// How long after a denial the number of equal ones may be recorded: ten seconds, and what the daemon needs to get round to it.
const COUNT_WINDOW: Duration = Duration::from_secs(11);

/// From how many askers on those whose time is over are forgotten.
const SWEEP_AT: usize = 4096;

/// Who asks for what: repeats are told by it.
pub(super) type Asker = (User, Host, FeatureName);

pub(super) fn asker(denied: &Denied) -> Asker {
    (denied.identity.user.clone(), denied.identity.host.clone(), denied.request.feature.clone())
}

/// What a recorded denial is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// A request of its own.
    Fresh,
    /// A request that came soon after an equal one.
    Repeat,
    /// The number of equal requests that were answered before this time without a record of their own.
    Counted,
}

/// By how much the wall clock was set, in milliseconds. The daemon counts repeats by time that has passed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SetBy(i64);

impl SetBy {
    pub(super) fn look(&mut self, before: Look, look: Look) {
        if before.boot == look.boot {
            let passed = look.elapsed_ms.saturating_sub(before.elapsed_ms);
            let goes_on = before.utc.plus(Duration::from_millis(passed));
            self.0 = self.0.saturating_add(look.utc.0.saturating_sub(goes_on.0));
        }
    }

    /// What the wall clock would say if it had not been set.
    pub(super) const fn unset(self, at: Timestamp) -> Timestamp {
        Timestamp(at.0.saturating_sub(self.0))
    }
}

/// The last recorded denial of a session, from which the daemon counts on.
#[derive(Debug)]
struct Last {
    at: Timestamp,
    refused: (FeatureName, Version, Count, Code, u16),
    /// Whether the session got the feature after it.
    granted: bool,
    /// Whether the replay would have granted it at that time, though it counts as one that was judged before.
    missed: bool,
}

/// The number of equal denials before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number {
    /// See [`Last::granted`].
    granted: bool,
    /// See [`Last::missed`].
    missed: bool,
}

/// The last denials of each session and each asker.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    sessions: BTreeMap<SessionId, Last>,
    judged: BTreeMap<Asker, Timestamp>,
    sweep_at: usize,
}

impl Repeats {
    /// Sorts a recorded denial. With `exact` every request is one of its own, and no number of earlier ones is one.
    pub(super) fn sort(&mut self, asker: &Asker, denied: &Denied, at: Timestamp, exact: bool) -> Sort {
        let number = self.number(denied, at);
        if exact {
            return if number.is_some() { Sort::Counted } else { Sort::Fresh };
        }
        let soon = |judged: &Timestamp| *judged <= at && at < judged.plus(REPEAT_WINDOW);
        if self.judged.get(asker).is_some_and(soon) {
            return Sort::Repeat;
        }
        // Who asks again and again is judged again, by the number too, unless it has got what it asked for meanwhile. But those whose
        // number it is were answered before: it gets what was free for them, and nothing that came free only now.
        if number.is_some_and(|number| number.granted || !number.missed) {
            return Sort::Counted;
        }
        self.sweep(at);
        self.judged.insert(asker.clone(), at);
        Sort::Fresh
    }

    /// Whether the number of those that are equal to a denial may be recorded when nobody's judgement stands for them any more.
    pub(super) fn may_outlast(&self, asker: &Asker, at: Timestamp) -> bool {
        self.judged
            .get(asker)
            .is_none_or(|judged| judged.plus(REPEAT_WINDOW) < at.plus(COUNT_WINDOW) || *judged > at)
    }

    /// The last denial of a session would have been a grant in the replay, if it had been judged.
    pub(super) fn missed(&mut self, session: SessionId) {
        if let Some(last) = self.sessions.get_mut(&session) {
            last.missed = true;
        }
    }

    /// The daemon has started, and counts anew.
    pub(super) fn forget_all(&mut self) {
        self.sessions.clear();
    }

    /// A denial from before the span: the number of its repeats is none of its own.
    pub(super) fn follow(&mut self, denied: &Denied, at: Timestamp) {
        self.number(denied, at);
    }

    /// A session was granted a feature.
    pub(super) fn granted(&mut self, session: SessionId, feature: &FeatureName) {
        if !self.sessions.is_empty()
            && let Some(last) = self.sessions.get_mut(&session)
        {
            last.granted |= last.refused.0 == *feature;
        }
    }

    /// The session is over, and what was counted for it is recorded.
    pub(super) fn forget(&mut self, session: SessionId) {
        if !self.sessions.is_empty() {
            self.sessions.remove(&session);
        }
    }

    /// The daemon answers repeats within ten seconds without a record and then records their number, at a time when the seat may be
    /// free again (`seat::DenialDamper`). A number of one looks like a request; what comes as soon as that is taken for one.
    fn number(&mut self, denied: &Denied, at: Timestamp) -> Option<Number> {
        let (request, denial) = (&denied.request, &denied.denial);
        let refused = (request.feature.clone(), request.version, request.count, denial.code, denial.minor);
        let last = self.sessions.get(&denied.session).filter(|last| last.refused == refused);
        let soon = last.is_some_and(|last| at < last.at.plus(COUNT_WINDOW));
        let (granted, missed) = last.map_or((false, false), |last| (last.granted, last.missed));
        self.sessions.insert(denied.session, Last { at, refused, granted: false, missed: false });
        (denied.times > 1 || soon).then_some(Number { granted, missed })
    }

    fn sweep(&mut self, at: Timestamp) {
        if self.judged.len() >= self.sweep_at.max(SWEEP_AT) {
            self.judged.retain(|_, judged| at < judged.plus(REPEAT_WINDOW));
            self.sweep_at = self.judged.len().saturating_mul(2);
        }
    }
}
