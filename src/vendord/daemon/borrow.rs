//! Borrowing: records that are renewed and signed, licenses that are given back early.

use std::rc::Rc;

use super::Daemon;
use super::known::Known;
use crate::code::{Code, minor};
use crate::event::{Answer, BorrowReturn, Denial, Renewal};
use crate::ident::{Digest, FeatureName, Handle, SessionId};
use crate::seat::{Command, Reply, Seat, Tenure};
use crate::sign::{BorrowRecord, SigningKey};
use crate::vendord::connection::{Outgoing, Peer};
use crate::wire::{BorrowClaim, RecordText};

impl Daemon {
    /// The key with which records are signed; none if the state directory gives none, and then nothing is lent.
    pub(in crate::vendord) fn sign_with(&mut self, key: Option<SigningKey>) {
        self.record_key = key;
    }

    /// Why nothing can be lent at all; none if it can.
    pub(super) fn lends_nothing(&self) -> Option<Denial> {
        self.record_key.is_none().then(|| {
            let note = "the server has no key to sign records of borrows with; its log says why";
            Denial::new(Code::BorrowFailed, minor::BORROW_STORE, note)
        })
    }

    /// The session of this connection asks for another record of a borrow.
    pub(in crate::vendord) fn renew(
        &mut self,
        peer: &Rc<Peer>,
        request: u32,
        session: SessionId,
        renewal: Renewal,
    ) {
        self.hear(session);
        let token = renewal.token;
        let command = Command::Renew(session, renewal);
        let reply = match self.known(session, token, &command) {
            Known::Answer(reply) => return self.answer_again(peer, request, reply),
            Known::Unclear => return peer.close_by_us(),
            Known::Waits => self.execute(&command),
            Known::Nothing => match peer.clock_denial() {
                Some(denial) => return peer.send(request, Outgoing::Answer(token, Answer::Denied(denial))),
                None => self.execute(&command),
            },
        };
        self.answer_reply(peer, request, reply);
    }

    /// The session of this connection gives borrowed licenses back.
    pub(in crate::vendord) fn give_back(
        &mut self,
        peer: &Rc<Peer>,
        request: u32,
        session: SessionId,
        back: BorrowReturn,
    ) {
        self.hear(session);
        let token = back.token;
        let command = Command::Return(session, back);
        let reply = match self.known(session, token, &command) {
            Known::Answer(reply) => return self.answer_again(peer, request, reply),
            Known::Unclear => return peer.close_by_us(),
            Known::Nothing | Known::Waits => self.execute(&command),
        };
        self.answer_reply(peer, request, reply);
    }

    /// Who knows the secret of a borrow gets its record, signed, when what it says is durable. Without a handle the client has lost the
    /// answer: it is told that nothing is borrowed only where that is certain.
    pub(in crate::vendord) fn record_of(
        &mut self,
        peer: &Rc<Peer>,
        request: u32,
        (handle, secret): (Option<Handle>, Digest),
    ) {
        let found = match (handle, self.unready()) {
            (Some(handle), _) => {
                self.state.borrow_of(handle, secret).map(|(seat, borrow)| (handle, seat, borrow))
            }
            (None, None) => self.state.lent_under(secret),
            (None, Some(denial)) => Err(denial),
        };
        let outgoing = match (found, &self.record_key) {
            (Err(denial), _) => Outgoing::Refused(denial),
            (Ok(_), None) => match self.lends_nothing() {
                Some(denial) => Outgoing::Refused(denial),
                None => return,
            },
            (Ok((handle, seat, borrow)), Some(key)) => {
                let lines = self.state.lines_behind(&self.served.catalog, seat, self.now().utc);
                let signed = self.borrow_record(handle, seat, borrow, secret).sign(key);
                Outgoing::Record(RecordText { text: signed.text, sign: signed.sign, lines })
            }
        };
        self.answer(peer, request, outgoing);
    }

    /// An administrator wants a borrow back.
    pub(in crate::vendord) fn recall(
        &mut self,
        peer: &Rc<Peer>,
        request: u32,
        by: String,
        (feature, handle): (&FeatureName, Handle),
    ) {
        let seat = self.state.seat(handle).filter(|seat| seat.feature == *feature);
        let Some(seat) = seat else {
            let note = format!("no checkout {handle} of {feature} is borrowed");
            let denial = Denial::new(Code::BorrowUnknown, minor::BORROW_UNKNOWN, &note);
            return self.answer(peer, request, Outgoing::Refused(denial));
        };
        let who = format!("{}@{}", seat.identity.user, seat.identity.host);
        let renewable = matches!(seat.tenure, Tenure::Borrowed { borrow, .. } if borrow.is_renewable());
        let what = if renewable {
            "the record is renewed no more, and given back when the client is met"
        } else {
            "the record goes on until its end, as it was lent for the whole time, unless its machine meets the server before"
        };
        let outgoing = match self.execute(&Command::Recall { by, handle }) {
            Reply::Refused(denial) => Outgoing::Refused(denial),
            _ => Outgoing::Done(vec![format!("recalled: {feature} {who} {handle}; {what}")]),
        };
        self.answer(peer, request, outgoing);
    }

    fn borrow_record(
        &self,
        handle: Handle,
        seat: &Seat,
        borrow: crate::event::Borrow,
        secret: Digest,
    ) -> BorrowRecord {
        let about = &self.served.about;
        BorrowRecord {
            vendor: self.config.vendor.clone(),
            server: format!("{}@{}", about.server_port, about.server_host),
            feature: seat.feature.clone(),
            version: seat.version,
            count: seat.count,
            pool: seat.pool.clone(),
            handle,
            user: seat.identity.user.clone(),
            host: seat.identity.host.clone(),
            display: seat.identity.display.clone(),
            hostids: seat.identity.hostids.clone(),
            secret,
            borrowed: seat.since,
            until: borrow.until,
            ends: borrow.ends,
        }
    }
}

/// The request of a client as the engine takes it: of the secret it sees the digest alone.
pub(in crate::vendord) fn renewal(claim: &BorrowClaim, ends: Option<crate::time::Timestamp>) -> Renewal {
    let BorrowClaim { token, acknowledged, handle, ref secret } = *claim;
    Renewal { token, acknowledged, handle, secret: Digest::of(secret), ends }
}

/// As [`renewal`], for licenses that come back.
pub(in crate::vendord) fn return_of(claim: &BorrowClaim) -> BorrowReturn {
    let BorrowClaim { token, acknowledged, handle, ref secret } = *claim;
    BorrowReturn { token, acknowledged, handle, secret: Digest::of(secret) }
}
