//! One socket: bytes in, bytes out, and the limits that keep a slow or hostile peer from hurting others.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::config::Limits;
use super::daemon::Shared;
use super::{frames, lines};
use crate::code::{Code, minor};
use crate::event::{Answer, Denial};
use crate::ident::{Handle, SessionId, Token};
use crate::platform::same_machine;
use crate::time::Monotonic;
use crate::wire::{Notice, Opening, RecordText, Welcome};

pub(super) mod by_hand;

/// Bytes read at once: little, because ten thousand connections keep as much each; more while more is waiting.
const READ_BYTES: usize = 512;
const READ_BYTES_MAX: usize = 16 * 1024;
/// A buffer that is larger than this is given back when it is empty.
const KEPT_BYTES_MAX: usize = 2 * 1024;
/// Messages of one peer that are handled before the others have their turn.
const MESSAGES_PER_TURN: usize = 64;
/// How long a peer may leave its answers unread.
const UNREAD_MAX: Duration = Duration::from_secs(30);
/// How many bytes of its answers a peer must take in that time, if so many wait: one that takes them singly would hold
/// up those who wait for their turn.
const TAKEN_MIN: usize = 64 * 1024;
/// How long what is left to send may take after the last message.
const LINGER: Duration = Duration::from_secs(5);

/// What is sent once it is durable; each protocol has its own words for it.
#[derive(Debug, Clone)]
pub(super) enum Outgoing {
    /// A session has begun or goes on.
    Welcome(Box<Welcome>),
    /// Answer to a request.
    Answer(Token, Answer),
    /// A request could not be taken.
    Refused(Denial),
    /// The record of a borrow.
    Record(RecordText),
    /// The session is over, as the client asked.
    Farewell,
    /// An order was carried out; for people.
    Done(Vec<String>),
}

/// Which protocol a connection speaks; told by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Unknown,
    Frames,
    Lines,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    /// What is queued is still sent.
    AfterFlush { by_us: bool },
    /// At once.
    Now { by_us: bool },
}

/// The peer at the other end of one socket.
pub(super) struct Peer {
    /// None when bytes are moved by hand (`by_hand`).
    stream: Option<TcpStream>,
    address: IpAddr,
    /// Whether the peer is on this machine.
    here: bool,
    limits: Limits,
    protocol: Cell<Protocol>,
    output: RefCell<BytesMut>,
    /// Wakes the connection's task when something was queued or decided for it.
    wake: Notify,
    closing: Cell<Option<Closing>>,
    /// The connection's task has ended.
    over: Cell<bool>,
    greeted: Cell<bool>,
    session: Cell<Option<SessionId>>,
    /// Given out for an order and not used yet.
    nonce: Cell<Option<[u8; 32]>>,
    clock_denial: RefCell<Option<Denial>>,
    in_flight: Cell<usize>,
    /// Nothing more is read until an answer is delivered.
    full: Cell<bool>,
    /// Nothing more is read until the peer has read some of its answers.
    choked: Cell<bool>,
    deadline: Cell<Option<Monotonic>>,
    /// Bytes of a large answer in the queue, which do not count against the limit.
    large: Cell<usize>,
    /// Wakes those who wait until everything is sent, or nothing can be.
    sent: Notify,
    /// Bytes that the socket took since `progress`, the last time when it had taken enough.
    taken: Cell<usize>,
    progress: Cell<Monotonic>,
    /// Numbers the requests of a line session, which has no numbers of its own.
    pub(super) last_token: Cell<Token>,
}

impl Peer {
    pub(super) fn new(
        stream: impl Into<Option<TcpStream>>,
        address: IpAddr,
        limits: Limits,
        now: Monotonic,
    ) -> Self {
        let stream = stream.into();
        let local = stream.as_ref().and_then(|stream| stream.local_addr().ok());
        let here = local.map_or_else(|| address.is_loopback(), |local| same_machine(address, local.ip()));
        Self {
            stream,
            address,
            here,
            limits,
            protocol: Cell::new(Protocol::Unknown),
            output: RefCell::new(BytesMut::new()),
            wake: Notify::new(),
            closing: Cell::new(None),
            over: Cell::new(false),
            greeted: Cell::new(false),
            session: Cell::new(None),
            nonce: Cell::new(None),
            clock_denial: RefCell::new(None),
            in_flight: Cell::new(0),
            full: Cell::new(false),
            choked: Cell::new(false),
            deadline: Cell::new(Some(now.plus(limits.handshake))),
            large: Cell::new(0),
            sent: Notify::new(),
            taken: Cell::new(0),
            progress: Cell::new(now),
            last_token: Cell::new(Token(0)),
        }
    }

    pub(super) fn address(&self) -> IpAddr {
        self.address
    }

    /// Whether it is on this machine.
    pub(super) fn is_here(&self) -> bool {
        self.here
    }

    pub(super) fn session(&self) -> Option<SessionId> {
        self.session.get()
    }

    pub(super) fn set_session(&self, session: Option<SessionId>) {
        self.session.set(session);
    }

    /// Changes the nonce for the next order and gives the former one.
    pub(super) fn set_nonce(&self, nonce: Option<[u8; 32]>) -> Option<[u8; 32]> {
        self.nonce.replace(nonce)
    }

    pub(super) fn clock_denial(&self) -> Option<Denial> {
        self.clock_denial.borrow().clone()
    }

    pub(super) fn set_clock_denial(&self, denial: Option<Denial>) {
        *self.clock_denial.borrow_mut() = denial;
    }

    pub(super) fn greeted(&self) -> bool {
        self.greeted.get()
    }

    pub(super) fn greet(&self) {
        self.greeted.set(true);
    }

    /// A request was taken; its answer comes by [`Self::queue`] or [`Self::finish_request`].
    pub(super) fn begin_request(&self) {
        self.in_flight.set(self.in_flight.get().saturating_add(1));
    }

    /// A request is answered in full.
    pub(super) fn finish_request(&self) {
        self.in_flight.set(self.in_flight.get().saturating_sub(1));
        if self.full.replace(false) {
            self.wake.notify_one();
        }
    }

    /// Queues an answer and wakes the connection.
    pub(super) fn send(&self, request: u32, outgoing: Outgoing) {
        self.queue(request, outgoing);
        self.wake.notify_one();
    }

    /// Queues an answer without waking anybody; the caller flushes. Tells whether the queue was empty before.
    pub(super) fn queue(&self, request: u32, outgoing: Outgoing) -> bool {
        let was_empty = self.output.borrow().is_empty();
        self.finish_request();
        let farewell = matches!(outgoing, Outgoing::Farewell);
        match self.protocol.get() {
            Protocol::Lines => lines::put(&mut self.output.borrow_mut(), outgoing),
            Protocol::Frames | Protocol::Unknown => {
                frames::put(&mut self.output.borrow_mut(), request, outgoing);
            }
        }
        if farewell {
            self.close_after_flush();
        }
        if self.output.borrow().len() > self.limits.unsent_bytes.saturating_add(self.large.get()) {
            tracing::info!(address = %self.address, "peer does not read its answers");
            self.closing.set(Some(Closing::Now { by_us: true }));
            self.wake.notify_one();
        }
        was_empty
    }

    /// Queues a whole answer that may be large, and waits until it is sent or the connection is closed. Few are under
    /// way at a time, and a peer that does not read is closed, so memory stays bounded.
    pub(super) async fn send_large(&self, bytes: &[u8]) {
        self.finish_request();
        if self.over.get() {
            return;
        }
        self.output.borrow_mut().extend_from_slice(bytes);
        self.large.set(self.large.get().saturating_add(bytes.len()));
        self.wake.notify_one();
        while self.unsent() && !self.over.get() {
            self.sent.notified().await;
        }
    }

    /// Whether nothing can be sent any more.
    pub(super) fn is_over(&self) -> bool {
        self.over.get()
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol.get()
    }

    pub(super) fn speaks_lines(&self) -> bool {
        self.protocol.get() == Protocol::Lines
    }

    /// Lets a protocol encode straight into the queue.
    pub(super) fn with_output(&self, put: impl FnOnce(&mut BytesMut)) {
        put(&mut self.output.borrow_mut());
    }

    /// Tells the client that one checkout is over.
    pub(super) fn lose_seat(&self, handle: Handle, denial: Denial) {
        self.tell(Notice::SeatLost { handle, denial });
    }

    /// Tells the client what it did not ask for.
    pub(super) fn tell(&self, notice: Notice) {
        match self.protocol.get() {
            Protocol::Lines => lines::put_news(&mut self.output.borrow_mut(), notice),
            Protocol::Frames | Protocol::Unknown => {
                frames::put_notice(&mut self.output.borrow_mut(), notice);
            }
        }
        self.wake.notify_one();
    }

    /// Tells the client that its session is over and closes.
    pub(super) fn end_session(&self, denial: Denial) {
        match self.protocol.get() {
            Protocol::Lines => lines::put_notice(&mut self.output.borrow_mut(), &denial),
            Protocol::Frames | Protocol::Unknown => {
                frames::put_session_ended(&mut self.output.borrow_mut(), denial);
            }
        }
        self.closing.set(Some(Closing::AfterFlush { by_us: true }));
        self.wake.notify_one();
    }

    /// Closes when everything queued is sent.
    pub(super) fn close_after_flush(&self) {
        self.closing.set(Some(Closing::AfterFlush { by_us: false }));
        self.wake.notify_one();
    }

    /// Closes by our decision when everything queued is sent; the lease runs on.
    pub(super) fn close_by_us(&self) {
        self.closing.set(Some(Closing::AfterFlush { by_us: true }));
        self.wake.notify_one();
    }

    /// The daemon ends: closes when everything queued is sent. The leases of framed sessions run on, so only a line
    /// session, which ends here, is told.
    pub(super) fn shut_down(&self) {
        if self.protocol.get() == Protocol::Lines && self.greeted.get() {
            let denial =
                Denial::new(Code::VendorDown, minor::VENDOR_DOWN, "the vendor daemon is shutting down");
            lines::put_notice(&mut self.output.borrow_mut(), &denial);
        }
        self.close_by_us();
    }

    /// Looks whether the peer has been too slow.
    pub(super) fn check_deadline(&self, now: Monotonic) {
        if self.taken.get() >= TAKEN_MIN || !self.unsent() {
            self.taken.set(0);
            self.progress.set(now);
        } else if now.since(self.progress.get()) > UNREAD_MAX {
            tracing::info!(address = %self.address, "peer does not read its answers");
            self.closing.set(Some(Closing::Now { by_us: true }));
            self.wake.notify_one();
        }
        if self.deadline.get().is_none_or(|deadline| now < deadline) || self.closing.get().is_some() {
            return;
        }
        let note = if self.greeted.get() {
            "the rest of the message did not come"
        } else {
            "no complete HELLO came"
        };
        let denial = Denial::new(Code::LimitReached, minor::HANDSHAKE_SLOW, note);
        tracing::info!(address = %self.address, note, "closing a slow connection");
        self.begin_request();
        self.queue(0, Outgoing::Refused(denial));
        // Silence is no goodbye: the lease of a session goes on.
        self.closing.set(Some(Closing::AfterFlush { by_us: true }));
        self.deadline.set(None);
        self.wake.notify_one();
    }

    /// Writes what the socket takes now. Tells whether the connection's task has to look after the rest.
    fn flush(&self) -> bool {
        let Some(stream) = &self.stream else { return false };
        let mut output = self.output.borrow_mut();
        while !output.is_empty() {
            match stream.try_write(&output) {
                Ok(0) => break,
                Ok(sent) => {
                    output.advance(sent);
                    self.taken.set(self.taken.get().saturating_add(sent));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.closing.set(Some(Closing::Now { by_us: false }));
                    break;
                }
            }
        }
        let left = !output.is_empty();
        if !left && output.capacity() > KEPT_BYTES_MAX {
            *output = BytesMut::new();
        }
        drop(output);
        if !left {
            self.large.set(0);
            self.sent.notify_waiters();
        }
        let room = self.choked.get() && !self.output_full();
        if room {
            self.choked.set(false);
        }
        left || room || self.closing.get().is_some()
    }

    /// Writes from outside the connection's own task, and wakes that if something is left for it.
    pub(super) fn flush_and_wake(&self) {
        if self.flush() {
            self.wake.notify_one();
        }
    }

    /// So much waits to be sent that nothing more is read; a peer that does not read stops itself that way.
    fn output_full(&self) -> bool {
        self.output.borrow().len() > (self.limits.unsent_bytes / 4).saturating_add(self.large.get())
    }

    fn unsent(&self) -> bool {
        !self.output.borrow().is_empty()
    }
}

/// What handling one message asks of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// A message was handled; there may be more.
    Again,
    /// The next message is not complete.
    Incomplete,
}

/// Serves one socket until it closes.
pub(super) async fn serve(shared: Shared, peer: Rc<Peer>) {
    let Some(stream) = &peer.stream else { return };
    let mut input = BytesMut::new();
    let mut read_bytes = READ_BYTES;
    let mut at_end = false;
    let by_us = loop {
        let turn = handle(&shared, &peer, &mut input);
        let choked = peer.choked.get();
        peer.flush();
        let unchoked = choked && !peer.choked.get();
        match peer.closing.get() {
            // Who had closed before is gone, whatever else we close for.
            Some(Closing::Now { by_us }) => break by_us && !at_end,
            Some(Closing::AfterFlush { by_us }) => {
                let _ = tokio::time::timeout(LINGER, drain(&peer, stream)).await;
                break by_us && !at_end;
            }
            None => {}
        }
        if at_end && peer.in_flight.get() == 0 && !peer.unsent() {
            break false;
        }
        if turn == Turn::MoreInput || (turn == Turn::Full && unchoked) {
            tokio::task::yield_now().await;
            continue;
        }
        let mut interest = None;
        if !at_end && turn != Turn::Full {
            interest = Some(Interest::READABLE);
        }
        if peer.unsent() {
            interest = Some(interest.map_or(Interest::WRITABLE, |read| read | Interest::WRITABLE));
        }
        let Some(interest) = interest else {
            peer.wake.notified().await;
            continue;
        };
        tokio::select! {
            () = peer.wake.notified() => {}
            ready = stream.ready(interest) => match ready {
                Ok(ready) if ready.is_readable() && !at_end => {
                    if input.is_empty() && input.capacity() > KEPT_BYTES_MAX {
                        input = BytesMut::new();
                    }
                    input.reserve(read_bytes);
                    let room = input.capacity() - input.len();
                    match stream.try_read_buf(&mut input) {
                        Ok(0) => at_end = true,
                        Ok(read) if read == room => read_bytes = (read_bytes * 4).min(READ_BYTES_MAX),
                        Ok(_) => {
                            read_bytes = READ_BYTES;
                            // Less than there was room for: nothing is left. To ask the system for it again would cost as much as the
                            // message did.
                            let _ = stream.try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
                        }
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(_) => break false,
                    }
                }
                Ok(_) => {}
                Err(_) => break false,
            },
        }
    };
    peer.over.set(true);
    peer.sent.notify_waiters();
    shared.borrow_mut().closed(&peer, by_us);
}

async fn drain(peer: &Peer, stream: &TcpStream) {
    while peer.unsent() {
        if stream.writable().await.is_err() {
            return;
        }
        peer.flush();
        if matches!(peer.closing.get(), Some(Closing::Now { .. })) {
            return;
        }
    }
}

/// What is left after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Complete messages are left: others first, then go on.
    MoreInput,
    /// Nothing complete is left.
    Idle,
    /// So many answers are owed that nothing more is read.
    Full,
}

fn handle(shared: &Shared, peer: &Rc<Peer>, input: &mut BytesMut) -> Turn {
    if peer.protocol.get() == Protocol::Unknown
        && let Some(&first) = input.first()
    {
        match Opening::of(first) {
            Opening::Frames => peer.protocol.set(Protocol::Frames),
            Opening::Lines => peer.protocol.set(Protocol::Lines),
            Opening::Tls | Opening::Unknown => {
                tracing::info!(address = %peer.address, first, "neither frames nor lines");
                peer.closing.set(Some(Closing::Now { by_us: false }));
                return Turn::Idle;
            }
        }
    }
    let mut completed = false;
    for _ in 0..MESSAGES_PER_TURN {
        if peer.closing.get().is_some() {
            input.clear();
            return Turn::Idle;
        }
        // Lines carry no numbers, so each is answered before the next is read.
        let in_flight_max = match peer.protocol.get() {
            Protocol::Lines => 1,
            Protocol::Frames | Protocol::Unknown => peer.limits.requests_in_flight,
        };
        if peer.output_full() {
            peer.choked.set(true);
            pause_deadline(peer);
            return Turn::Full;
        }
        if peer.in_flight.get() >= in_flight_max {
            peer.full.set(true);
            pause_deadline(peer);
            return Turn::Full;
        }
        let progress = match peer.protocol.get() {
            Protocol::Frames => frames::handle(shared, peer, input),
            Protocol::Lines => lines::handle(shared, peer, input),
            Protocol::Unknown => Progress::Incomplete,
        };
        if progress == Progress::Incomplete {
            set_deadline(peer, || shared.borrow().now().mono, !input.is_empty(), completed);
            return Turn::Idle;
        }
        completed = true;
    }
    Turn::MoreInput
}

/// Nothing is read now, so the rest of a message can't come.
fn pause_deadline(peer: &Peer) {
    if peer.greeted.get() {
        peer.deadline.set(None);
    }
}

/// Sets the time for what comes next; `partial` when its first bytes are there, `completed` when messages came before it:
/// then it has only begun, though the bytes of a busy peer may never end with a whole message.
fn set_deadline(peer: &Peer, now: impl Fn() -> Monotonic, partial: bool, completed: bool) {
    if !peer.greeted.get() {
        return;
    }
    let running = peer.deadline.get().filter(|_| !completed);
    let deadline = match (partial, peer.session.get()) {
        (true, _) => running.or_else(|| Some(now().plus(peer.limits.rest_of_message))),
        (false, None) => Some(now().plus(peer.limits.idle)),
        (false, Some(_)) => None,
    };
    peer.deadline.set(deadline);
}
