//! A connection whose bytes somebody moves by hand, in turns: for simulations.

use super::*;

/// What came of a turn.
pub(in crate::vendord) struct Turned {
    /// What goes to the peer.
    pub(in crate::vendord) sent: Vec<u8>,
    /// The connection is over: by us, or not.
    pub(in crate::vendord) over: Option<bool>,
}

/// One turn, as [`serve`] has it when everything that is queued can be sent at once.
pub(in crate::vendord) fn turn(
    shared: &Shared,
    peer: &Rc<Peer>,
    input: &mut BytesMut,
    at_end: bool,
) -> Turned {
    let mut sent = Vec::new();
    loop {
        let turn = handle(shared, peer, input);
        let choked = peer.choked.replace(false);
        peer.large.set(0);
        sent.extend_from_slice(&peer.output.borrow_mut().split());
        match peer.closing.get() {
            Some(Closing::Now { by_us } | Closing::AfterFlush { by_us }) => {
                return Turned { sent, over: Some(by_us && !at_end) };
            }
            None if at_end && turn == Turn::Idle && peer.in_flight.get() == 0 => {
                return Turned { sent, over: Some(false) };
            }
            None if turn == Turn::MoreInput || (turn == Turn::Full && choked) => {}
            None => return Turned { sent, over: None },
        }
    }
}

/// The connection has ended.
pub(in crate::vendord) fn end(shared: &Shared, peer: &Rc<Peer>, by_us: bool) {
    peer.over.set(true);
    shared.borrow_mut().closed(peer, by_us);
}
