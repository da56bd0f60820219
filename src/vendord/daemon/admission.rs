//! How many clients may be connected at a time, and who is not let in after all.

use std::rc::Rc;

use super::Daemon;
use crate::code::{Code, minor};
use crate::event::Denial;
use crate::text::{are, counted};
use crate::vendord::connection::{Outgoing, Peer};
use crate::wire::Welcome;

/// MAX_CONNECTIONS without a line (`flexnet-files.md` 4.4).
const CONNECTIONS: usize = 1_000_000;
/// Connections that are kept for tools.
const KEPT_FOR_TOOLS: usize = 30;

impl Daemon {
    /// Why no further session can begin; none if one can. Sessions that come back are let in always: they were admitted
    /// once, and what they hold would be lost.
    pub(super) fn full(&self) -> Option<Denial> {
        if self.state.session_count() >= self.config.limits.sessions {
            let open = self.config.limits.sessions;
            let note = format!("{} {} open", counted(open, "session"), are(open));
            return Some(Denial::new(Code::LimitReached, minor::PEER_LIMIT, &note));
        }
        let set = self.served.policy.settings().max_connections;
        let wanted = set.and_then(|set| usize::try_from(set).ok()).unwrap_or(CONNECTIONS);
        let possible = self.config.limits.connections;
        let most = wanted.min(possible).saturating_sub(KEPT_FOR_TOOLS).max(1);
        if self.bound.len() < most {
            return None;
        }
        let clients = format!("{} {}", counted(most, "client"), are(most));
        let why = match set {
            Some(set) if wanted <= possible => format!("MAX_CONNECTIONS {set}"),
            _ => format!("the limit of {possible} open files"),
        };
        let note = format!("{clients} connected, which is all that {why} leaves");
        Some(Denial::new(Code::ConnectionLimit, minor::PEER_LIMIT, &note))
    }

    /// Who is not welcomed back after all closes the connection, and the session that he tries again to take up goes on.
    pub(super) fn not_welcomed(&mut self, peer: &Rc<Peer>, outgoing: &Outgoing) {
        let back = |welcome: &Welcome| welcome.session.as_ref().is_some_and(|it| it.resumed);
        if matches!(outgoing, Outgoing::Welcome(welcome) if back(welcome)) {
            self.unbind(peer);
        }
    }
}
