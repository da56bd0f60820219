//! What waits for the disk, and what becomes of it when the disk takes it or does not.

use std::rc::Rc;

use super::{Daemon, Recording, removal, reread};
use crate::code::{Code, minor};
use crate::event::{Answer, Denial, Place};
use crate::ident::{Handle, Seq, SessionId, Token};
use crate::vendord::connection::{Outgoing, Peer};
use crate::wire::Notice;

/// Things that may wait for the disk; beyond it clients hear -23.
pub(super) const WAITING_MAX: usize = 65_536;

/// Something that is done once everything up to a number is durable.
pub(super) enum Waiting {
    Answer {
        peer: Rc<Peer>,
        request: u32,
        outgoing: Outgoing,
        undone: Undone,
    },
    /// A session is told what it did not ask for, if it is connected then.
    Notice(SessionId, Notice),
    /// The session's end is recorded, so its lease can be forgotten, and its client told if it is still connected.
    Ended(SessionId),
    /// Checkouts of a session were taken back, which its client is told.
    Lost {
        session: SessionId,
        handles: Vec<Handle>,
        why: Denial,
    },
    /// Other rules hold.
    Reread(Box<reread::Pending>),
    /// An administrator has taken licenses back.
    Removal(Box<removal::Pending>),
}

/// What is so of a request when its answer never became true.
pub(super) enum Undone {
    /// Nothing came of it: it may be asked again.
    Refused,
    /// It was answered before, and what that said may be durable since long. Any answer could be wrong, and one taken for a refusal would
    /// cost the client what it was granted: it is to come back and repeat the request.
    Unclear,
    /// It waits on in the queue.
    Waits(Token, Place),
}

impl Daemon {
    /// Records up to a number are durable: what waited for them is done.
    pub(in crate::vendord) fn committed(&mut self, through: Seq) {
        self.durable = self.durable.max(through);
        self.start.take_if(|(seq, _)| *seq <= through);
        let mut touched: Vec<Rc<Peer>> = Vec::new();
        while self.waiting.front().is_some_and(|(seq, _)| *seq <= through) {
            let Some((_, waiting)) = self.waiting.pop_front() else { break };
            match waiting {
                Waiting::Answer { peer, request, outgoing, .. } => {
                    if peer.queue(request, outgoing) {
                        touched.push(peer);
                    }
                }
                Waiting::Ended(session) => self.ended(session),
                Waiting::Lost { session, handles, why } => {
                    if let Some(peer) = self.bound.get(&session) {
                        handles.iter().for_each(|handle| peer.lose_seat(*handle, why.clone()));
                    }
                }
                Waiting::Notice(session, notice) => self.tell(session, notice),
                Waiting::Reread(pending) => self.reread_done(*pending),
                Waiting::Removal(pending) => self.removal_done(*pending),
            }
        }
        touched.iter().for_each(|peer| peer.flush_and_wake());
        self.submit();
    }

    /// The history can't be written: nothing that waits has happened.
    pub(in crate::vendord) fn rolled_back(&mut self, reason: &str) {
        let reason = &*self.without_directory(reason);
        self.recording = Recording::Failing(reason.into());
        self.batch.clear();
        for (_, waiting) in std::mem::take(&mut self.waiting) {
            let again = || Denial::new(Code::AskAgain, minor::ROLLED_BACK, reason);
            match waiting {
                // A goodbye stands: the lease keeper remembers it until it can be recorded.
                Waiting::Answer { peer, request, outgoing: Outgoing::Farewell, .. } => {
                    peer.send(request, Outgoing::Farewell);
                }
                Waiting::Answer { peer, request, outgoing, undone } => match undone {
                    Undone::Refused => {
                        self.not_welcomed(&peer, &outgoing);
                        peer.send(request, Outgoing::Refused(again()));
                    }
                    Undone::Unclear => {
                        peer.finish_request();
                        peer.close_by_us();
                    }
                    Undone::Waits(token, place) => {
                        peer.send(request, Outgoing::Answer(token, Answer::Queued(place)));
                    }
                },
                Waiting::Reread(pending) => pending.give_up(again()),
                Waiting::Removal(pending) => pending.give_up(again()),
                Waiting::Ended(_) | Waiting::Lost { .. } | Waiting::Notice(..) => {}
            }
        }
    }
}
