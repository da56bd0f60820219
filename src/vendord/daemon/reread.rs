//! The switch from one reading of the files to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::waiting::Waiting;
use super::{Daemon, Recording};
use crate::catalog::SignedLine;
use crate::code::{Code, minor};
use crate::event::{Denial, Event, In, InReason, Reread, RereadCause};
use crate::ident::{Digest, Handle, PoolKey, SessionId};
use crate::policy::{Access, RuleId};
use crate::seat::{Command, Looked, Loss, Reply, Seat, Usage, rules_of, surplus};
use crate::time::Now;
use crate::vendord::projector::Task;
use crate::vendord::reread::Read;
use crate::vendord::rereading::{Answer, Order};

/// How long lines are still shown to clients after a reread that no longer has them: they ask right after their grant.
const FORMER_KEPT: Duration = Duration::from_secs(60);
/// How many former catalogs are kept at most for it.
const FORMER_MAX: usize = 8;

/// A reread that waits for the disk.
pub(in crate::vendord) struct Pending {
    answer: Answer,
    reply: oneshot::Sender<Answer>,
    /// Checkouts that end because no pool is left for them.
    lost: Vec<(SessionId, Handle)>,
}

impl Pending {
    pub(super) fn give_up(self, denial: Denial) {
        // Whoever asked may have gone.
        let _ = self.reply.send(Answer { lines: Vec::new(), refused: Some(denial) });
    }
}

impl Daemon {
    /// What is read is served from now on. The answer comes when that is durable.
    pub(in crate::vendord) fn reread(&mut self, order: &Order, read: Read) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        let Read { served, mut lines, kept, .. } = read;
        let refused = kept.first().map(|(place, why)| Denial::new(Code::RereadIncomplete, *place, why));
        let mut pending = Pending { answer: Answer { lines: Vec::new(), refused }, reply, lost: Vec::new() };
        if self.recording != Recording::Open || self.stopping {
            let note = match &self.recording {
                Recording::Failing(reason) => reason.to_string(),
                Recording::Open => "the vendor daemon is shutting down".to_owned(),
            };
            pending.give_up(Denial::new(Code::StoreUnavailable, minor::STORE_FAILED, &note));
            return answer;
        }
        if let Some(store) = &self.store {
            served.origin.texts().for_each(|(digest, bytes)| store.put_file(digest, bytes));
        }
        let reread = Reread {
            by: order.who.clone(),
            cause: if order.automatic { RereadCause::Automatic } else { RereadCause::Ordered },
            zone: served.origin.zone.clone(),
            files: served.origin.files(),
            removed: Vec::new(),
        };
        let now = self.now();
        // What else is to be recorded comes before, as the number of the reread is announced below.
        self.attend_clock(now);
        self.lapse(now);
        let command = Command::Reread { reread: Box::new(reread), catalog: Arc::clone(&served.catalog) };
        let left = |seat: &Seat| served.catalog.pool(&seat.pool).is_none();
        let leaving: BTreeMap<Handle, (PoolKey, u64)> = self
            .state
            .seats()
            .filter(|(_, seat)| left(seat))
            .map(|(handle, seat)| (handle, (seat.pool.clone(), u64::from(seat.count.get()))))
            .collect();
        // Clients know nothing of a suite's own checkouts.
        let unknown: BTreeSet<Handle> = self
            .state
            .seats()
            .filter(|(_, seat)| seat.component.is_some())
            .map(|(handle, _)| handle)
            .collect();
        // Its event is the first of its record, and nothing is recorded before it.
        self.projector.announce(self.state.seq().next(), served.clone());
        let first = self.batch.len();
        if let Reply::Refused(denial) = self.carry_out(&command, now) {
            pending.give_up(denial);
            return answer;
        }
        let events = self.batch.get(first..).unwrap_or_default().iter().flat_map(|record| &record.events);
        let events: Vec<Event> = events.cloned().collect();
        pending.lost = events
            .iter()
            .filter_map(|event| match event {
                Event::In(In { session, handle, why: InReason::Removed }) if !unknown.contains(handle) => {
                    Some((*session, *handle))
                }
                _ => None,
            })
            .collect();
        self.former.push_back((now.mono, Arc::clone(&self.served.catalog)));
        self.served = served;
        self.rebuild_usage();
        lines.extend(seat_lines(&events, &leaving));
        lines.extend(
            surplus(&self.state, &self.served.catalog, now.utc).iter().map(|it| format!("surplus: {it}")),
        );
        lines.extend(self.unfit());
        pending.answer.lines = lines;
        // Under the new rules others may be served, and what was held is offered again.
        self.serve_queues(now);
        self.waiting.push_back((self.state.seq(), Waiting::Reread(Box::new(pending))));
        answer
    }

    /// At a start the files may be others than those of the last run: what is out of pools that are there no more moves, and none
    /// of it ends. The projector serves by these files from the beginning, so nothing is announced to it.
    pub(super) fn take_over(&mut self, now: Now) {
        let origin = &self.served.origin;
        let reread = Reread {
            by: "the start".to_owned(),
            cause: RereadCause::Start,
            zone: origin.zone.clone(),
            files: origin.files(),
            removed: Vec::new(),
        };
        let catalog = Arc::clone(&self.served.catalog);
        self.decide_and_record(&Command::Reread { reread: Box::new(reread), catalog }, now);
        self.rebuild_usage();
        self.serve_queues(now);
    }

    /// A reread is durable: those who lost a checkout are told, then who asked.
    pub(super) fn reread_done(&mut self, pending: Pending) {
        for (session, handle) in &pending.lost {
            if let Some(peer) = self.bound.get(session) {
                peer.lose_seat(*handle, Loss::Removed.denial());
            }
        }
        // Whoever asked may have gone.
        let _ = pending.reply.send(pending.answer);
    }

    /// Lets the log name pools that grant none until some licenses have come back; false if it has no time for that now.
    pub(in crate::vendord) fn name_surplus(&self) -> bool {
        self.projector.offer(Task::Surplus)
    }

    pub(super) fn rebuild_usage(&mut self) {
        self.usage = Usage::rebuild(&self.state, &self.served.catalog, &self.served.policy);
        self.queues_looked = Looked::default();
    }

    /// The signed line with this digest, of now or of a moment ago.
    pub(in crate::vendord) fn signed_line(&self, digest: &Digest) -> Option<&SignedLine> {
        let former = || self.former.iter().rev().find_map(|(_, catalog)| catalog.signed_line(digest));
        self.served.catalog.signed_line(digest).or_else(former)
    }

    /// Forgets catalogs that are of no use any more.
    pub(super) fn forget_former(&mut self) {
        let now = self.now().mono;
        while self.former.len() > FORMER_MAX
            || self.former.front().is_some_and(|(since, _)| now.since(*since) > FORMER_KEPT)
        {
            self.former.pop_front();
        }
    }

    /// What the next reread starts from.
    pub(in crate::vendord) fn served(&self) -> &crate::vendord::served::Served {
        &self.served
    }

    /// Checkouts that the rules would not grant any more; they stay until they come back (`flexnet-files.md` 6.1).
    fn unfit(&self) -> Vec<String> {
        let (catalog, policy) = (&self.served.catalog, &self.served.policy);
        let now = self.now().utc;
        let mut found: BTreeMap<(&PoolKey, Option<RuleId>), u64> = BTreeMap::new();
        for (_, seat) in self.state.seats() {
            let Some(rules) = rules_of(catalog, policy, &seat.pool) else { continue };
            let identity = &seat.identity;
            let client = policy.profile(identity, identity.address());
            let named = catalog.pool(&seat.pool).map_or(&[][..], |pool| &pool.named);
            let beyond = named.iter().find_map(|named| {
                let most = catalog.pool(&seat.pool)?.names_at(*named, Some(now));
                let naming = rules.naming(*named, &client);
                (!naming.is_within(most)).then(|| naming.by.map(|(_, rule)| rule).or(naming.list))
            });
            let rule = match (rules.exclusion(&client), beyond) {
                (Some(rule), _) => Some(rule),
                (None, Some(rule)) => rule,
                (None, None) if !named.is_empty() => continue,
                (None, None) => match rules.access(&client) {
                    Access::NotIncluded(rule) => Some(rule),
                    _ => continue,
                },
            };
            *found.entry((&seat.pool, rule)).or_default() += u64::from(seat.count.get());
        }
        found
            .iter()
            .map(|((pool, rule), count)| {
                let place = rule.map(|rule| policy.place(rule));
                let by = place
                    .map_or_else(|| "as no line names anybody for it".to_owned(), |at| format!("by {at}"));
                format!("in use against the rules: {count} of {pool}, {by}; they stay until they come back")
            })
            .collect()
    }
}

/// What became of checkouts whose pools are gone: a line for each pair of pools.
fn seat_lines(events: &[Event], leaving: &BTreeMap<Handle, (PoolKey, u64)>) -> Vec<String> {
    let mut fates: BTreeMap<(&PoolKey, Option<&PoolKey>), u64> = BTreeMap::new();
    let mut settled: BTreeSet<Handle> = BTreeSet::new();
    for event in events {
        let (handle, to) = match event {
            Event::Moved(moved) => (moved.handle, Some(&moved.to)),
            Event::In(back) => (back.handle, None),
            _ => continue,
        };
        settled.insert(handle);
        if let Some((from, count)) = leaving.get(&handle) {
            *fates.entry((from, to)).or_default() += count;
        }
    }
    let mut kept: BTreeMap<&PoolKey, u64> = BTreeMap::new();
    for (_, (from, count)) in leaving.iter().filter(|(handle, _)| !settled.contains(handle)) {
        *kept.entry(from).or_default() += count;
    }
    let kept = kept.iter().map(|(from, count)| {
        format!("borrowed and kept: {count} of {from}, for which no pool is left; until their records end")
    });
    fates
        .iter()
        .map(|((from, to), count)| match to {
            Some(to) => format!("in use and moved: {count} of {from} -> {to}"),
            None => format!("in use and ended: {count} of {from}, for which no pool is left (-92)"),
        })
        .chain(kept)
        .collect()
}
