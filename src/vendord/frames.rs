//! The framed protocol as verbs of the daemon.

use std::rc::Rc;

use bytes::BytesMut;

use super::connection::{Outgoing, Peer, Progress};
use super::daemon::borrow::{renewal, return_of};
use super::daemon::{Daemon, Shared};
use super::explaining;
use crate::code::{Code, minor};
use crate::event::{Denial, Identity, SessionKind};
use crate::ident::{Digest, SessionId};
use crate::seat::Resume;
use crate::wire::{self, Hello, LineText, MAJOR, Message, Notice, Purpose};

/// Takes one frame out of the input and carries it out.
pub(super) fn handle(shared: &Shared, peer: &Rc<Peer>, input: &mut BytesMut) -> Progress {
    let frame = match wire::decode(input) {
        Ok(None) => return Progress::Incomplete,
        Ok(Some(frame)) => frame,
        Err(error) => {
            tracing::info!(address = %peer.address(), %error, "closing a connection");
            refuse(peer, 0, error.denial());
            // It is we who close, so the lease of a session goes on.
            peer.close_by_us();
            return Progress::Again;
        }
    };
    let request = frame.request_id;
    let daemon = &mut *shared.borrow_mut();
    match frame.message {
        Ok(Message::Hello(hello)) => greet(daemon, peer, request, &hello),
        Ok(_) if !peer.greeted() => {
            let note = "the first message must be HELLO";
            refuse(peer, request, Denial::new(Code::BadProtocol, minor::NO_HELLO, note));
            peer.close_after_flush();
        }
        Ok(message) => carry_out(daemon, peer, request, message),
        Err(error) => {
            refuse(peer, request, error.denial());
            // It may have been the greeting, so it is told what is wrong with it.
            if !peer.greeted() {
                peer.close_after_flush();
            }
        }
    }
    Progress::Again
}

fn greet(daemon: &mut Daemon, peer: &Rc<Peer>, request: u32, hello: &Hello) {
    if peer.greeted() {
        let note = "HELLO came a second time";
        return refuse(peer, request, Denial::new(Code::BadProtocol, minor::MALFORMED, note));
    }
    if hello.major != MAJOR {
        let note = format!("the client speaks version {}, this server {MAJOR}", hello.major);
        refuse(peer, request, Denial::new(Code::ClientNewer, minor::PROTOCOL_VERSION, &note));
        return peer.close_after_flush();
    }
    if let Some(vendor) = hello.vendor.as_ref().filter(|vendor| **vendor != daemon.config.vendor) {
        let note = format!("this is the vendor daemon {}, not {vendor}", daemon.config.vendor);
        refuse(peer, request, Denial::new(Code::VendorDown, minor::VENDOR_UNKNOWN, &note));
        return peer.close_after_flush();
    }
    peer.greet();
    peer.begin_request();
    match &hello.purpose {
        Purpose::New => {
            let identity = Identity::new(hello.claims.clone(), peer.address(), SessionKind::Framed);
            daemon.open(peer, request, identity, Some(hello.time));
        }
        Purpose::Resume { session, secret, epoch, nonce } => {
            let secret = Digest::of(secret);
            let claim = Resume { session: *session, secret, epoch: *epoch, nonce: *nonce };
            daemon.resume(peer, request, claim, hello.time);
        }
        Purpose::Ask => {
            peer.finish_request();
            let welcome = daemon.welcome(None);
            reply(peer, request, &Message::Welcome(Box::new(welcome)));
        }
    }
}

fn carry_out(daemon: &mut Daemon, peer: &Rc<Peer>, request: u32, message: Message) {
    match message {
        Message::Checkout(checkout) => {
            if let Some(session) = in_session(peer, request) {
                peer.begin_request();
                daemon.checkout(peer, request, session, checkout);
            }
        }
        Message::Checkin(checkin) => {
            if let Some(session) = in_session(peer, request) {
                peer.begin_request();
                daemon.checkin(peer, request, session, checkin);
            }
        }
        Message::Renew { borrow, ends } => {
            if let Some(session) = in_session(peer, request) {
                peer.begin_request();
                daemon.renew(peer, request, session, renewal(&borrow, ends));
            }
        }
        Message::Return(borrow) => {
            if let Some(session) = in_session(peer, request) {
                peer.begin_request();
                daemon.give_back(peer, request, session, return_of(&borrow));
            }
        }
        Message::FetchRecord { handle, secret } => {
            if in_session(peer, request).is_some() {
                peer.begin_request();
                daemon.record_of(peer, request, (handle, Digest::of(&secret)));
            }
        }
        Message::Heartbeat { idle_s, .. } => {
            if let Some(session) = in_session(peer, request) {
                daemon.hear(session);
                if let Some(idle_s) = idle_s {
                    daemon.idle(session, idle_s);
                }
                reply(peer, request, &Message::HeartbeatAck { time: daemon.now().utc });
            }
        }
        Message::Goodbye => {
            peer.begin_request();
            match peer.session() {
                Some(session) => daemon.goodbye(peer, request, session),
                None => peer.send(request, Outgoing::Farewell),
            }
        }
        Message::FetchLine(digest) => match daemon.signed_line(&digest) {
            Some(line) => {
                let text = LineText { canonical: line.canonical.clone(), sign: line.sign.clone() };
                reply(peer, request, &Message::Line(text));
            }
            None => {
                let note = format!("no line with digest {digest} is served");
                refuse(peer, request, Denial::new(Code::FeatureNotSupported, minor::LINES_NOT_SERVED, &note));
            }
        },
        Message::AskStatus { feature, users } => {
            peer.begin_request();
            super::status::ask(daemon, peer, request, feature, users);
        }
        Message::AskNonce => match explaining::nonce(daemon, peer) {
            Ok(nonce) => reply(peer, request, &nonce),
            Err(denial) => refuse(peer, request, denial),
        },
        Message::Control(control) => {
            if let Err(denial) = explaining::order(daemon, peer, request, *control) {
                refuse(peer, request, denial);
            }
        }
        Message::AskServer | Message::Locate(_) | Message::AskLicenses => {
            let note = "ask lmgrd; this is a vendor daemon";
            refuse(peer, request, Denial::new(Code::RequestNotSupported, minor::TYPE_UNKNOWN, note));
        }
        _ => {
            let note = "this is an answer, not a request";
            refuse(peer, request, Denial::new(Code::BadProtocol, minor::MALFORMED, note));
        }
    }
}

fn in_session(peer: &Rc<Peer>, request: u32) -> Option<SessionId> {
    let session = peer.session();
    if session.is_none() {
        let note = "the connection has no session";
        refuse(peer, request, Denial::new(Code::SessionEnded, minor::NO_SESSION, note));
    }
    session
}

/// Answers at once: nothing was recorded for it.
fn reply(peer: &Peer, request: u32, message: &Message) {
    peer.with_output(|output| put_message(output, request, message));
}

fn refuse(peer: &Peer, request: u32, denial: Denial) {
    reply(peer, request, &Message::Error(denial));
}

/// Appends an answer of the daemon.
pub(super) fn put(output: &mut BytesMut, request: u32, outgoing: Outgoing) {
    let message = match outgoing {
        Outgoing::Welcome(welcome) => Message::Welcome(welcome),
        Outgoing::Answer(token, answer) => Message::Answer { token, answer },
        Outgoing::Refused(denial) => Message::Error(denial),
        Outgoing::Record(record) => Message::Record(record),
        Outgoing::Farewell => Message::Farewell,
        Outgoing::Done(lines) => Message::Done { lines, refused: None },
    };
    put_message(output, request, &message);
}

/// Appends the news that the session is over.
pub(super) fn put_session_ended(output: &mut BytesMut, denial: Denial) {
    put_notice(output, Notice::SessionEnded { denial });
}

/// Appends what the client did not ask for.
pub(super) fn put_notice(output: &mut BytesMut, notice: Notice) {
    put_message(output, 0, &Message::Notice(notice));
}

pub(super) fn put_message(output: &mut BytesMut, request: u32, message: &Message) {
    if let Err(error) = wire::encode(message, request, output) {
        tracing::error!(%error, "an answer could not be encoded");
        let denial = Denial::new(Code::InternalError, minor::MALFORMED, &error.to_string());
        // A denial's text is cut to fit, so this one can't fail.
        let _ = wire::encode(&Message::Error(denial), request, output);
    }
}
