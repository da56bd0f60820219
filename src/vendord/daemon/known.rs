//! Request numbers that were seen before: they get the answer that they had, also while nothing new can be recorded.

use std::rc::Rc;

use super::waiting::{Undone, Waiting};
use super::{Daemon, Recording};
use crate::event::{Answer, Place};
use crate::ident::{SessionId, Token};
use crate::seat::{Command, Reply, Rules, decide};
use crate::vendord::connection::{Outgoing, Peer};

/// What is known of a request by its number.
pub(super) enum Known {
    /// It was not seen before.
    Nothing,
    /// It waits, or was passed, and carrying it out changes something.
    Waits,
    /// It has its answer.
    Answer(Reply),
    /// It was seen, and nobody can say yet whether that is on the disk. Any answer could be wrong, and a client that takes a
    /// grant for a refusal loses the seat: it is to come back and repeat the request.
    Unclear,
}

impl Daemon {
    /// Sends an answer once more that a request has had. If what is pending is rolled back, nobody knows whether that was part of it.
    pub(super) fn answer_again(&mut self, peer: &Rc<Peer>, request: u32, reply: Reply) {
        // Who speaks lines asks by the handle of what waits and mistakes nothing; a closed connection would cost him all that he has.
        let undone = if peer.speaks_lines() { Undone::Refused } else { Undone::Unclear };
        self.answer_or(peer, request, reply, undone);
    }

    fn answer_or(&mut self, peer: &Rc<Peer>, request: u32, reply: Reply, otherwise: Undone) {
        let waited = self.waiting.len();
        self.answer_reply(peer, request, reply);
        if let Some((_, Waiting::Answer { undone, .. })) = self.waiting.get_mut(waited) {
            *undone = otherwise;
        }
    }

    /// Carries out a request that was seen before and waits. Where that can't be done, or is rolled back, it waits on: a client that has
    /// not heard of its waiting must not be told that nothing came of its request.
    pub(super) fn carry_out_again(
        &mut self,
        peer: &Rc<Peer>,
        request: u32,
        name: (SessionId, Token),
        command: &Command,
    ) {
        let place = self.durable_place(name);
        match (self.execute(command), place) {
            (Reply::Refused(_), Some(place)) => {
                peer.send(request, Outgoing::Answer(name.1, Answer::Queued(place)));
            }
            (Reply::Refused(_), None) if !peer.speaks_lines() => peer.close_by_us(),
            (reply, Some(place)) => self.answer_or(peer, request, reply, Undone::Waits(name.1, place)),
            (reply, None) => self.answer_again(peer, request, reply),
        }
    }

    /// The place of a request that waits, if that is on the disk.
    fn durable_place(&self, (session, token): (SessionId, Token)) -> Option<Place> {
        let (handle, entry) = self.state.waiting_with(session, token)?;
        let before = self.state.queue(&entry.request.feature).take_while(|(other, _)| *other != handle);
        let position = u32::try_from(before.count()).unwrap_or(u32::MAX).saturating_add(1);
        (self.state.seq() <= self.durable).then_some(Place { handle, position, wait_s: None })
    }

    pub(super) fn known(&self, session: SessionId, token: Token, command: &Command) -> Known {
        if let Some(reply) = self.damped(session, token) {
            return Known::Answer(reply);
        }
        if !self.state.session(session).is_some_and(|known| known.has_seen(token)) {
            return Known::Nothing;
        }
        if self.recording != Recording::Open && self.state.seq() > self.durable {
            return Known::Unclear;
        }
        let rules = Rules { catalog: &self.served.catalog, policy: &self.served.policy, usage: &self.usage };
        let decision = decide(&self.state, rules, command, self.now());
        // A request that waits may get its licenses now, and a checkin that was rolled back is still to be carried out.
        if decision.events.is_empty() { Known::Answer(decision.reply) } else { Known::Waits }
    }

    /// The answer to a request number whose refusal was counted and not recorded, or that such a request acknowledged.
    fn damped(&self, session: SessionId, token: Token) -> Option<Reply> {
        if self.state.waiting_with(session, token).is_some() {
            // What it acknowledges has had its answer for good, but for the requests that wait.
            return None;
        }
        let recorded = || self.state.session(session).is_some_and(|known| known.has_seen(token));
        match self.damper.repeated(session, token)? {
            Answer::Denied(_) if recorded() => None,
            answer => Some(Reply::Answer(token, answer)),
        }
    }
}
