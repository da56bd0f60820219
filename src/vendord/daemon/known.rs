//! Request numbers that were seen before: they get the answer that they had, also while nothing new can be recorded.

use std::rc::Rc;

use super::{Daemon, Recording, Waiting};
use crate::event::Answer;
use crate::ident::{SessionId, Token};
use crate::seat::{Command, Reply, Rules, decide};
use crate::vendord::connection::Peer;

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
    ///
    /// Who speaks lines asks by the handle of what waits, and mistakes nothing; a closed connection would cost him all that he has.
    pub(super) fn answer_again(&mut self, peer: &Rc<Peer>, request: u32, reply: Reply) {
        let waited = self.waiting.len();
        self.answer_reply(peer, request, reply);
        if let Some((_, Waiting::Answer { repeated, .. })) = self.waiting.get_mut(waited) {
            *repeated = !peer.speaks_lines();
        }
    }

    /// Carries out a request that was seen before and waits. Where that can't be done, or is rolled back, it waits on: a client that has
    /// not heard of its waiting must not be told that nothing came of its request, so it is to come back and repeat it.
    pub(super) fn carry_out_again(&mut self, peer: &Rc<Peer>, request: u32, command: &Command) {
        match self.execute(command) {
            Reply::Refused(_) if !peer.speaks_lines() => peer.close_by_us(),
            reply => self.answer_again(peer, request, reply),
        }
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
