//! The line protocol as verbs of the daemon.

use std::rc::Rc;

use bytes::BytesMut;

use super::connection::{Outgoing, Peer, Progress};
use super::daemon::{Daemon, Shared};
use crate::code::{Code, minor};
use crate::event::{Answer, Checkin, Checkout, Denial, Identity, Queueing, SessionKind, Wishes};
use crate::ident::Token;
use crate::wire::{LineReply, LineRequest, Notice, decode_line};

/// Takes one line out of the input and carries it out.
pub(super) fn handle(shared: &Shared, peer: &Rc<Peer>, input: &mut BytesMut) -> Progress {
    let line = match decode_line(input) {
        Ok(None) => return Progress::Incomplete,
        Ok(Some(line)) => line,
        Err(error) => {
            refuse(peer, error.denial());
            peer.close_after_flush();
            return Progress::Again;
        }
    };
    let request = LineRequest::parse(&line);
    let daemon = &mut *shared.borrow_mut();
    match request {
        Ok(LineRequest::Hello(hello)) if !peer.greeted() => {
            peer.greet();
            peer.begin_request();
            let identity = Identity::new(hello.claims, peer.address(), SessionKind::Line);
            daemon.open(peer, 0, identity, hello.time);
        }
        // A browser that was made to speak to this port sends something else first: nothing of it is carried out.
        _ if !peer.greeted() => {
            let why = request.err().map(|error| error.denial());
            let note = "the first line must be HELLO";
            refuse(peer, why.unwrap_or_else(|| Denial::new(Code::BadProtocol, minor::NO_HELLO, note)));
            peer.close_after_flush();
        }
        Ok(request) => carry_out(daemon, peer, request),
        Err(error) => refuse(peer, error.denial()),
    }
    Progress::Again
}

fn carry_out(daemon: &mut Daemon, peer: &Rc<Peer>, request: LineRequest) {
    match request {
        LineRequest::Quit => {
            peer.begin_request();
            return match peer.session() {
                Some(session) => daemon.goodbye(peer, 0, session),
                None => peer.send(0, Outgoing::Farewell),
            };
        }
        LineRequest::Status(feature) => {
            peer.begin_request();
            return super::status::ask(daemon, peer, 0, feature, true);
        }
        _ => {}
    }
    let Some(session) = peer.session() else {
        let note = "the connection has no session; begin with HELLO on a new one";
        return refuse(peer, Denial::new(Code::SessionEnded, minor::NO_SESSION, note));
    };
    // Each line is answered before the next is read, so the one before is acknowledged by the next.
    let acknowledged = peer.last_token.get();
    let token = Token(acknowledged.0.saturating_add(1));
    match request {
        LineRequest::Checkout { feature, version, count } => {
            peer.last_token.set(token);
            peer.begin_request();
            let wishes = Wishes::default();
            let checkout = Checkout { token, acknowledged, feature, version, count, wishes };
            daemon.checkout(peer, 0, session, checkout);
        }
        LineRequest::Checkin(handle) => {
            peer.last_token.set(token);
            peer.begin_request();
            daemon.checkin(peer, 0, session, Checkin { token, acknowledged, handle });
        }
        LineRequest::Heartbeat => {
            daemon.hear(session);
            reply(peer, &LineReply::Heartbeat);
        }
        LineRequest::Queue { feature, version, count } => {
            peer.last_token.set(token);
            peer.begin_request();
            let wishes = Wishes { queue: Some(Queueing::default()), ..Wishes::default() };
            let checkout = Checkout { token, acknowledged, feature, version, count, wishes };
            daemon.checkout(peer, 0, session, checkout);
        }
        LineRequest::Queued(handle) => {
            peer.begin_request();
            daemon.ask_again(peer, 0, session, handle);
        }
        LineRequest::Hello(_) => {
            let note = "HELLO came a second time";
            refuse(peer, Denial::new(Code::BadProtocol, minor::MALFORMED, note));
        }
        LineRequest::Quit | LineRequest::Status(_) => {}
    }
}

fn reply(peer: &Peer, reply: &LineReply) {
    peer.with_output(|output| reply.write(output));
}

fn refuse(peer: &Peer, denial: Denial) {
    reply(peer, &LineReply::Refused(denial));
}

/// Appends an answer of the daemon.
pub(super) fn put(output: &mut BytesMut, outgoing: Outgoing) {
    let reply = match outgoing {
        Outgoing::Welcome(welcome) => match welcome.vendor {
            Some(vendor) => LineReply::Hello { vendor, version: crate::VERSION.to_owned() },
            None => return,
        },
        Outgoing::Answer(_, Answer::Granted(grant)) => LineReply::Checkout(grant.handle),
        Outgoing::Answer(_, Answer::Queued(place)) => LineReply::Queued(place),
        Outgoing::Answer(_, Answer::CheckedIn(handle)) => LineReply::Checkin(handle),
        Outgoing::Answer(_, Answer::Denied(denial)) | Outgoing::Refused(denial) => LineReply::Refused(denial),
        // Lines can't borrow, so this is never their answer.
        Outgoing::Answer(_, Answer::Renewed { .. } | Answer::Spent) | Outgoing::Record(_) => {
            LineReply::Refused(Denial::new(Code::Spent, minor::TOKEN_SPENT, ""))
        }
        // No line orders anything.
        Outgoing::Farewell | Outgoing::Done(_) => LineReply::Quit,
    };
    reply.write(output);
}

/// Appends the news that the session is over.
pub(super) fn put_notice(output: &mut BytesMut, denial: &Denial) {
    LineReply::Notice(Notice::SessionEnded { denial: denial.clone() }).write(output);
}

/// Appends other news.
pub(super) fn put_news(output: &mut BytesMut, notice: Notice) {
    LineReply::Notice(notice).write(output);
}
