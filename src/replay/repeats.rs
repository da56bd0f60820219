//! Which recorded denials are requests of their own, and which repeat one that was judged already.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::code::Code;
use crate::event::Denied;
use crate::ident::{Count, FeatureName, Host, SessionId, User, Version};
use crate::time::Timestamp;

/// Denials of the same user, host and feature within this time of a judged one count as that one.
pub const REPEAT_WINDOW: Duration = Duration::from_secs(60);

/// How long after a denial the number of equal ones may be recorded: ten seconds, and what the daemon needs to get round to it.
const COUNT_WINDOW: Duration = Duration::from_secs(15);

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
    /// No request at this time: the number of equal ones that were answered before it without a record of their own.
    Counted,
}

#[derive(Debug)]
struct Last {
    judged: Timestamp,
    seen: Timestamp,
    session: SessionId,
    verdict: (Version, Count, Code, u16),
    /// Whether a count of repeats may still follow.
    open: bool,
}

/// The last denial of each asker.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    last: BTreeMap<Asker, Last>,
    sweep_at: usize,
}

impl Repeats {
    /// Sorts a recorded denial. With `exact` every request is one of its own.
    pub(super) fn sort(&mut self, asker: &Asker, denied: &Denied, at: Timestamp, exact: bool) -> Sort {
        let request = &denied.request;
        let verdict = (request.version, request.count, denied.denial.code, denied.denial.minor);
        let within = |since: Timestamp, span| at < since.plus(span);
        let Some(last) = self.last.get_mut(asker) else {
            self.sweep(at);
            // A count without the denial that it counts on from: that one lies before the first record.
            let counted = denied.times > 1;
            let last = Last { judged: at, seen: at, session: denied.session, verdict, open: !counted };
            self.last.insert(asker.clone(), last);
            return if counted { Sort::Counted } else { Sort::Fresh };
        };
        // The daemon answers repeats within ten seconds without a record and then records their number, at a time when the seat may
        // be free again (`seat::DenialDamper`). A count of one looks like a request.
        let same = last.session == denied.session && last.verdict == verdict;
        let counted = denied.times > 1 || (last.open && same && within(last.seen, COUNT_WINDOW));
        let repeat = !exact && within(last.judged, REPEAT_WINDOW);
        if !counted && !repeat {
            last.judged = at;
        }
        (last.seen, last.session, last.verdict, last.open) = (at, denied.session, verdict, !counted);
        match (counted, repeat) {
            (true, _) => Sort::Counted,
            (false, true) => Sort::Repeat,
            (false, false) => Sort::Fresh,
        }
    }

    fn sweep(&mut self, at: Timestamp) {
        if self.last.len() >= self.sweep_at.max(SWEEP_AT) {
            self.last.retain(|_, last| at < last.seen.plus(REPEAT_WINDOW));
            self.sweep_at = self.last.len().saturating_mul(2);
        }
    }
}
