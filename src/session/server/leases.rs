//! How long silent and disconnected sessions keep their seats (DESIGN section 2).
//!
//! Leases run on *attended* time: elapsed time during which this daemon was awake and able to record. A suspended
//! machine, a stopped process or a full disk stands still here, so no client loses seats for the server's absence.
//! Nothing of this is part of the history: a lapse enters the engine as a command and leaves as an event.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::event::EndReason;
use crate::ident::SessionId;
use crate::time::Monotonic;

/// A gap between two looks at the clock that is longer than this was not attended; the daemon looks at least twice a
/// second.
const ATTENDED_GAP_MAX: Duration = Duration::from_secs(2);

/// How long a session lives after it was last heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTerms {
    /// Silence, or a connection that the server closed: 5 s to a day, by the vendor manifest.
    pub lease: Duration,
    /// After the client's FIN or RST.
    pub close_grace: Duration,
}

/// Milliseconds of attended time.
type Attended = u64;

#[derive(Debug, Clone, Copy)]
enum Presence {
    /// Lapses a lease after this.
    Heard(Attended),
    /// Lapses at this, unless it comes back.
    Closed(Attended),
    /// Has lapsed for this reason.
    Over(EndReason),
}

#[derive(Debug, Clone, Copy)]
struct Lease {
    presence: Presence,
    /// Its place in the schedule: never later than its lapse, often earlier, because hearing from a session does not
    /// move it.
    due: Attended,
}

/// All leases of one daemon.
#[derive(Debug)]
pub struct Leases {
    terms: LeaseTerms,
    attended: Attended,
    looked: Monotonic,
    leases: BTreeMap<SessionId, Lease>,
    schedule: BTreeSet<(Attended, SessionId)>,
}

fn millis(span: Duration) -> Attended {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl Leases {
    /// No session yet.
    #[must_use]
    pub fn new(terms: LeaseTerms, now: Monotonic) -> Self {
        Self { terms, attended: 0, looked: now, leases: BTreeMap::new(), schedule: BTreeSet::new() }
    }

    /// Lets time pass. Call at least twice a second and after sockets were read, and before a span begins that must not be
    /// shorter than it says; `recording` says whether the history can be written, for while it can't no lease runs.
    pub fn attend(&mut self, now: Monotonic, recording: bool) {
        let gap = now.since(self.looked);
        self.looked = self.looked.max(now);
        if recording && gap <= ATTENDED_GAP_MAX {
            self.attended = self.attended.saturating_add(millis(gap));
        }
    }

    /// The attended time at a moment between two looks: as if the next look will find that it was attended. What begins now is
    /// not to be taken as begun at the last look, or it would end too early by as much.
    fn by(&self, now: Monotonic) -> Attended {
        let gap = now.since(self.looked);
        self.attended.saturating_add(if gap <= ATTENDED_GAP_MAX { millis(gap) } else { 0 })
    }

    /// A session begins, comes back or is found in the history at a start: a full lease from now.
    pub fn begin(&mut self, session: SessionId, now: Monotonic) {
        self.set(session, Presence::Heard(self.by(now)));
    }

    /// Something was heard from a session.
    pub fn hear(&mut self, session: SessionId, now: Monotonic) {
        let attended = self.by(now);
        if let Some(Lease { presence: presence @ (Presence::Heard(_) | Presence::Closed(_)), .. }) =
            self.leases.get_mut(&session)
        {
            *presence = Presence::Heard(attended);
        }
    }

    /// The client closed its connection.
    pub fn close(&mut self, session: SessionId, now: Monotonic) {
        let grace = self.terms.close_grace.min(self.terms.lease);
        self.set(session, Presence::Closed(self.by(now).saturating_add(millis(grace))));
    }

    /// A session has to end now: it said goodbye, or it is a line session whose socket closed.
    pub fn finish(&mut self, session: SessionId, why: EndReason) {
        self.set(session, Presence::Over(why));
    }

    /// A session is over and recorded as ended.
    pub fn end(&mut self, session: SessionId) {
        if let Some(lease) = self.leases.remove(&session) {
            self.schedule.remove(&(lease.due, session));
        }
    }

    /// The sessions whose time is over, with the reason. Each is named again at later calls until [`Self::end`] is
    /// called, so that a lapse whose record could not be stored is not forgotten.
    pub fn lapsed(&mut self) -> Vec<(SessionId, EndReason)> {
        let mut lapsed = Vec::new();
        let mut later = Vec::new();
        while let Some(&(due, session)) = self.schedule.first() {
            if due > self.attended {
                break;
            }
            self.schedule.pop_first();
            let Some(lease) = self.leases.get_mut(&session) else { continue };
            let (lapse, why) = match lease.presence {
                Presence::Heard(when) => {
                    (when.saturating_add(millis(self.terms.lease)), EndReason::LeaseLapsed)
                }
                Presence::Closed(when) => (when, EndReason::Disconnect),
                Presence::Over(why) => (0, why),
            };
            if lapse <= self.attended {
                lapsed.push((session, why));
            }
            lease.due = lapse;
            later.push((lapse, session));
        }
        self.schedule.extend(later);
        lapsed
    }

    fn set(&mut self, session: SessionId, presence: Presence) {
        let due = match presence {
            Presence::Heard(when) => when.saturating_add(millis(self.terms.lease)),
            Presence::Closed(when) => when,
            Presence::Over(_) => 0,
        };
        match self.leases.get_mut(&session) {
            // An entry that comes due too early is moved when it does; one that would come too late is moved now.
            Some(lease) if lease.due <= due => lease.presence = presence,
            Some(lease) => {
                self.schedule.remove(&(lease.due, session));
                *lease = Lease { presence, due };
                self.schedule.insert((due, session));
            }
            None => {
                self.leases.insert(session, Lease { presence, due });
                self.schedule.insert((due, session));
            }
        }
    }

    /// How many sessions have a lease.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leases.len()
    }

    /// Whether no session has a lease.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SessionId = SessionId([1; 16]);

    struct Run {
        leases: Leases,
        now: u64,
    }

    impl Run {
        fn new() -> Self {
            let terms = LeaseTerms { lease: Duration::from_secs(300), close_grace: Duration::from_secs(5) };
            let mut leases = Leases::new(terms, Monotonic(0));
            leases.begin(A, Monotonic(0));
            Self { leases, now: 0 }
        }

        /// Lets seconds pass with a look every half second; tells when the session lapsed.
        fn pass(&mut self, seconds: u64, recording: bool) -> Option<(u64, EndReason)> {
            for _ in 0..seconds * 2 {
                self.now += 500;
                self.leases.attend(Monotonic(self.now), recording);
                if let Some((session, why)) = self.leases.lapsed().pop() {
                    self.leases.end(session);
                    return Some((self.now, why));
                }
            }
            None
        }
    }

    #[test]
    fn silence_lasts_a_whole_lease() {
        let mut run = Run::new();
        assert_eq!(run.pass(299, true), None);
        run.leases.hear(A, Monotonic(run.now));
        assert_eq!(run.pass(400, true), Some((599_000, EndReason::LeaseLapsed)));
        assert!(run.leases.is_empty());
    }

    #[test]
    fn a_closed_connection_has_the_grace_and_a_resume_ends_it() {
        let mut run = Run::new();
        run.leases.close(A, Monotonic(run.now));
        assert_eq!(run.pass(4, true), None);
        run.leases.begin(A, Monotonic(run.now));
        assert_eq!(run.pass(20, true), None);
        run.leases.close(A, Monotonic(run.now));
        assert_eq!(run.pass(20, true), Some((29_000, EndReason::Disconnect)));
    }

    #[test]
    fn what_happens_between_two_looks_counts_from_then() {
        let mut run = Run::new();
        assert_eq!(run.pass(3, true), None);
        run.leases.close(A, Monotonic(run.now + 499));
        assert_eq!(run.pass(20, true), Some((8_500, EndReason::Disconnect)), "a whole grace after 3,499");
        let mut run = Run::new();
        assert_eq!(run.pass(3, true), None);
        run.leases.hear(A, Monotonic(run.now + 499));
        assert_eq!(run.pass(400, true), Some((303_500, EndReason::LeaseLapsed)));
        let mut run = Run::new();
        run.now += 86_400_000;
        run.leases.hear(A, Monotonic(run.now));
        assert_eq!(run.pass(400, true), Some((86_700_500, EndReason::LeaseLapsed)), "it was away before");
    }

    #[test]
    fn no_lease_runs_while_the_daemon_is_away_or_can_not_record() {
        let mut run = Run::new();
        assert_eq!(run.pass(299, true), None);
        run.now += 86_400_000;
        assert_eq!(run.pass(1, true), None, "the first look after a suspension");
        assert_eq!(run.pass(3600, false), None, "the history can't be written");
        assert!(run.pass(2, true).is_some());
    }

    #[test]
    fn a_lapse_is_named_until_it_is_recorded() {
        let mut run = Run::new();
        run.leases.close(A, Monotonic(run.now));
        for _ in 0..12 {
            run.now += 500;
            run.leases.attend(Monotonic(run.now), true);
        }
        assert_eq!(run.leases.lapsed().len(), 1);
        run.leases.attend(Monotonic(run.now + 500), true);
        assert_eq!(run.leases.lapsed().len(), 1);
    }
}
