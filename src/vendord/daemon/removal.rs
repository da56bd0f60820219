//! What an administrator takes back, and what keeps him from ending the daemon.

use std::collections::BTreeSet;

use tokio::sync::oneshot;

use super::Daemon;
use super::waiting::Waiting;
use crate::code::{Code, minor};
use crate::event::{Denial, Event, In, RemovalTarget, Removed};
use crate::ident::{Handle, SessionId};
use crate::seat::{Command, Loss, Reply, Rules, Seat, decide};
use crate::text::{are, counted};
use crate::vendord::rereading::Answer;
use crate::wire::Notice;

/// A removal that waits for the disk.
pub(in crate::vendord) struct Pending {
    answer: Answer,
    reply: oneshot::Sender<Answer>,
    /// What clients are told.
    news: Vec<(SessionId, Notice)>,
}

impl Pending {
    pub(super) fn give_up(self, denial: Denial) {
        // Whoever asked may have gone.
        let _ = self.reply.send(Answer { lines: Vec::new(), refused: Some(denial) });
    }
}

impl Daemon {
    /// Takes licenses back. Clients are told, and who asked, when that is durable.
    pub(in crate::vendord) fn remove(&mut self, order: &Removed) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        let mut pending = Pending { answer: Answer::default(), reply, news: Vec::new() };
        if let Some(denial) = self.unready() {
            pending.give_up(denial);
            return answer;
        }
        let now = self.now();
        self.attend_clock(now);
        self.lapse(now);
        let command = Command::Remove(order.clone());
        loop {
            let rules =
                Rules { catalog: &self.served.catalog, policy: &self.served.policy, usage: &self.usage };
            // The same that is decided below: what ends is still there to be named.
            let events = decide(&self.state, rules, &command, now).events;
            let packages: BTreeSet<Handle> = events.iter().filter_map(|event| self.package(event)).collect();
            let (lines, news): (Vec<_>, Vec<_>) = (
                events.iter().filter_map(|event| self.what_ends(event)).collect(),
                events
                    .iter()
                    // Clients know nothing of a suite's own checkouts.
                    .filter(|event| !matches!(event, Event::In(back) if packages.contains(&back.handle)))
                    .filter_map(|event| match event {
                        Event::In(back) => Some(lost(back)),
                        other => self.news(other, now),
                    })
                    .collect(),
            );
            match self.carry_out(&command, now) {
                Reply::Refused(denial) => {
                    if pending.answer.lines.is_empty() {
                        pending.answer.refused = Some(denial);
                    }
                    break;
                }
                Reply::Partly(denial) => pending.answer.refused = Some(denial),
                Reply::Done | Reply::Answer(..) | Reply::Resumed(_) => {}
            }
            pending.answer.lines.extend(lines);
            pending.news.extend(news);
            if matches!(order.removal.target, RemovalTarget::Handle(_)) {
                break;
            }
        }
        self.waiting.push_back((self.state.seq(), Waiting::Removal(Box::new(pending))));
        if self.state.seq() <= self.durable {
            // Nothing was recorded, so no commit comes for it.
            self.committed(self.durable);
        }
        answer
    }

    /// The suite's checkout that an event ends.
    fn package(&self, event: &Event) -> Option<Handle> {
        let Event::In(back) = event else { return None };
        self.state.seat(back.handle)?.component.map(|_| back.handle)
    }

    /// A line about what an event ends.
    fn what_ends(&self, event: &Event) -> Option<String> {
        let (feature, identity, count, handle, how) = match event {
            Event::In(back) => {
                let Seat { feature, identity, count, .. } = self.state.seat(back.handle)?;
                (feature, identity, count.get(), back.handle, "")
            }
            Event::Dequeued(ends) => {
                let entry = self.state.waiting_under(ends.entry)?;
                let request = &entry.request;
                (&request.feature, &entry.identity, request.count.get(), ends.entry, "queued for ")
            }
            _ => return None,
        };
        Some(format!(
            "removed: {feature} {} {} {} {handle}, {how}{}",
            identity.user,
            identity.host,
            identity.display,
            counted(count, "license")
        ))
    }

    /// A removal is durable: those who lost something are told, then who asked.
    pub(super) fn removal_done(&mut self, pending: Pending) {
        pending.news.into_iter().for_each(|(session, notice)| self.tell(session, notice));
        // Whoever asked may have gone.
        let _ = pending.reply.send(pending.answer);
    }

    /// Why the daemon should not be stopped unless that is forced (`flexnet-tools.md` 2.9).
    pub(in crate::vendord) fn against_stopping(&self) -> Option<Denial> {
        let borrowed = self.state.borrowed_count();
        (borrowed > 0).then(|| {
            let licenses = counted(borrowed, "license");
            let note = format!("{licenses} of {} {} borrowed", self.config.vendor, are(borrowed));
            Denial::new(Code::BorrowedOut, minor::BORROWED_OUT, &note)
        })
    }
}

fn lost(back: &In) -> (SessionId, Notice) {
    (back.session, Notice::SeatLost { handle: back.handle, denial: Loss::UserRemoved.denial() })
}
