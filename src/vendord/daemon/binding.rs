//! Which connection a session is on: how it comes to it, and how it ends. That a session has lapsed is told when it is durable: if it
//! were not, its client would not come back for what it has still.

use std::rc::Rc;

use super::waiting::Waiting;
use super::{Daemon, Recording};
use crate::code::{Code, minor};
use crate::event::{Denial, EndReason, SessionKind};
use crate::ident::SessionId;
use crate::seat::Command;
use crate::vendord::connection::Peer;

impl Daemon {
    /// A session goes on over this connection.
    pub(super) fn bind(&mut self, peer: &Rc<Peer>, session: SessionId) {
        let before = self.bound.insert(session, Rc::clone(peer));
        peer.set_session(Some(session));
        if let Some(before) = before.filter(|before| !Rc::ptr_eq(before, peer)) {
            let note = "the session goes on over another connection";
            before.set_session(None);
            before.end_session(Denial::new(Code::SessionTaken, minor::SESSION_EPOCH, note));
        }
    }

    /// A connection is closed. `by_us` for silence and full buffers: then the lease runs on.
    pub(in crate::vendord) fn closed(&mut self, peer: &Rc<Peer>, by_us: bool) {
        let Some(session) = self.unbind(peer) else { return };
        let kind = self.state.session(session).map(|session| session.identity().kind());
        match kind {
            Some(SessionKind::Line) => self.finish(session, EndReason::Disconnect),
            Some(SessionKind::Framed) if !by_us => self.leases.close(session, self.clock.now().mono),
            Some(SessionKind::Framed) | None => {}
        }
    }

    pub(super) fn unbind(&mut self, peer: &Rc<Peer>) -> Option<SessionId> {
        let session = peer.session()?;
        peer.set_session(None);
        self.bound.remove(&session);
        Some(session)
    }

    /// Ends a session now, or as soon as that can be recorded. Looks at no other session: when thousands leave at
    /// once, each must cost the same.
    pub(super) fn finish(&mut self, session: SessionId, why: EndReason) {
        self.leases.finish(session, why);
        if self.recording == Recording::Open && !self.stopping && self.knows(session) {
            self.record_end(session, why);
        }
    }

    fn record_end(&mut self, session: SessionId, why: EndReason) {
        let now = self.now();
        self.carry_out(&Command::End(session, why), now);
        self.waiting.push_back((self.state.seq(), Waiting::Ended(session)));
    }

    /// Ends the sessions whose time is over.
    pub(super) fn reap(&mut self) {
        if self.recording != Recording::Open || self.stopping {
            return;
        }
        for (session, why) in self.leases.lapsed() {
            if !self.knows(session) {
                // Its end is decided already; the lease goes when that is durable.
                if self.state.seq() <= self.durable {
                    self.leases.end(session);
                }
                continue;
            }
            self.record_end(session, why);
        }
    }

    /// The end of a session is durable. Who is still on its connection has not asked for it.
    pub(super) fn ended(&mut self, session: SessionId) {
        self.leases.end(session);
        if let Some(peer) = self.bound.remove(&session) {
            let note = "nothing was heard of the session for its whole lease";
            peer.set_session(None);
            peer.end_session(Denial::new(Code::SessionEnded, minor::LEASE_LAPSED, note));
        }
    }
}
