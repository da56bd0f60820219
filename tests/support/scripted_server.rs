//! A license manager and vendor daemon on one loopback port, as small as the protocol allows, whose misbehaviour a test
//! can order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use seatkeeper::code::{Code, minor};
use seatkeeper::event::{Answer, Denial, Grant};
use seatkeeper::ident::{Count, Digest, Handle, PoolKey, SessionId, Token, VendorName};
use seatkeeper::time::Timestamp;
use seatkeeper::wire::{self, Frame, Hello, LineText, Message, Notice, Purpose, SessionTerms, Welcome};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
/// Longer than anything here takes; what a client waits for an answer.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// What goes wrong next. Each is used up when its moment comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The next checkout or checkin is carried out, but the connection is cut before the answer.
    CutBeforeAnswer,
    /// The next resume is carried out, but the connection is cut before the welcome.
    CutBeforeWelcome,
    /// The next checkout or checkin is refused with -1002.
    AskAgain,
    /// The next checkout is denied with -34.
    Clock,
    /// The next resume is refused with -1003.
    ForgetSession,
    /// The next checkout or checkin is not answered at all, and the connection stays open.
    Silence,
}

/// What the server has and what it has seen.
pub(crate) struct State {
    pub(crate) free: u32,
    pub(crate) lease_s: u32,
    pub(crate) demo: bool,
    pub(crate) line: LineText,
    pub(crate) faults: VecDeque<Fault>,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    next_handle: u64,
}

/// A session as the server sees it.
#[derive(Default)]
pub(crate) struct Session {
    secret: [u8; 32],
    pub(crate) epoch: u32,
    nonce: Option<[u8; 16]>,
    answers: BTreeMap<Token, Answer>,
    pub(crate) held: BTreeSet<Handle>,
}

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<Mutex<State>>,
    /// Every message that came, with the resume nonce of a HELLO among them.
    pub(crate) seen: mpsc::UnboundedReceiver<Message>,
    /// Cuts all connections.
    cut: tokio::sync::watch::Sender<u32>,
    notices: tokio::sync::broadcast::Sender<Message>,
}

impl Server {
    /// Starts with `free` seats of every feature and a line that stands behind every grant.
    pub(crate) async fn start(free: u32, line: LineText) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            free,
            lease_s: 300,
            demo: true,
            line,
            faults: VecDeque::new(),
            sessions: BTreeMap::new(),
            next_handle: 1,
        }));
        let (see, seen) = mpsc::unbounded_channel();
        let (cut, cut_seen) = tokio::sync::watch::channel(0);
        let (notices, _) = tokio::sync::broadcast::channel(16);
        let (shared, told) = (Arc::clone(&state), notices.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, see, mut cut) = (Arc::clone(&shared), see.clone(), cut_seen.clone());
                let notices = told.subscribe();
                cut.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        () = converse(stream, address, state, see, notices) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { address, state, seen, cut, notices }
    }

    /// `port@host`.
    pub(crate) fn place(&self) -> String {
        format!("{}@127.0.0.1", self.address.port())
    }

    pub(crate) fn order(&self, faults: &[Fault]) {
        self.state.lock().unwrap().faults.extend(faults);
    }

    pub(crate) fn cut_all(&self) {
        self.cut.send_modify(|count| *count += 1);
    }

    pub(crate) fn notice(&self, notice: Notice) {
        self.notices.send(Message::Notice(notice)).unwrap();
    }

    pub(crate) fn held(&self) -> usize {
        self.state.lock().unwrap().sessions.values().map(|session| session.held.len()).sum()
    }

    /// The next message that fits.
    pub(crate) async fn wait_for<T>(&mut self, fit: impl Fn(Message) -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = fit(self.seen.recv().await.unwrap()) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.expect("the message comes")
    }
}

async fn converse(
    mut stream: TcpStream,
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    see: mpsc::UnboundedSender<Message>,
    mut notices: tokio::sync::broadcast::Receiver<Message>,
) {
    let mut input = BytesMut::new();
    let mut session: Option<SessionId> = None;
    loop {
        let frame = loop {
            if let Some(frame) = wire::decode(&mut input).unwrap() {
                break frame;
            }
            tokio::select! {
                read = stream.read_buf(&mut input) => match read {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                },
                Ok(notice) = notices.recv() => send(&mut stream, &notice, 0).await,
            }
        };
        let Frame { request_id, message, .. } = frame;
        let message = message.unwrap();
        let _ = see.send(message.clone());
        let Some(reply) = state.lock().unwrap().reply(message, address, &mut session) else { return };
        if let Some(reply) = reply {
            send(&mut stream, &reply, request_id).await;
        }
    }
}

async fn send(stream: &mut TcpStream, message: &Message, id: u32) {
    let mut output = BytesMut::new();
    wire::encode(message, id, &mut output).unwrap();
    let _ = stream.write_all(&output).await;
}

impl State {
    fn fault(&mut self, fault: Fault) -> bool {
        let next = self.faults.front() == Some(&fault);
        if next {
            self.faults.pop_front();
        }
        next
    }

    /// The answer; `Some(None)` is silence and `None` cuts the connection.
    #[allow(clippy::option_option)]
    fn reply(
        &mut self,
        message: Message,
        address: SocketAddr,
        session: &mut Option<SessionId>,
    ) -> Option<Option<Message>> {
        Some(Some(match message {
            Message::Hello(hello) => return self.hello(&hello, session).map(Some),
            Message::Locate(vendor) if vendor.as_str() == "LGS" => Message::Located { port: address.port() },
            Message::Locate(_) => Message::Error(Denial::new(Code::VendorDown, minor::VENDOR_UNKNOWN, "")),
            Message::Checkout(it) => {
                let id = session.unwrap();
                let clock = self.fault(Fault::Clock);
                return self.request(id, it.token, |state, _| {
                    if clock {
                        let denial = Denial::new(Code::ClockDifference, minor::CLOCK_EXPIRED, "6 min ahead");
                        return Answer::Denied(denial);
                    }
                    if state.free < it.count.get() {
                        return Answer::Denied(Denial::new(
                            Code::UsersReached,
                            minor::POOL_IN_USE,
                            "all in use",
                        ));
                    }
                    state.grant(id, it.count)
                });
            }
            Message::Checkin(it) => {
                return self.request(session.unwrap(), it.token, |state, id| {
                    state.sessions.get_mut(&id).unwrap().held.remove(&it.handle);
                    state.free += 1;
                    Answer::CheckedIn(it.handle)
                });
            }
            Message::FetchLine(_) => Message::Line(self.line.clone()),
            Message::Heartbeat { .. } => Message::HeartbeatAck { time: now() },
            Message::Goodbye => {
                let ended = self.sessions.remove(&session.unwrap()).unwrap();
                self.free += u32::try_from(ended.held.len()).unwrap();
                Message::Farewell
            }
            other => panic!("{other:?}"),
        }))
    }

    fn request(
        &mut self,
        id: SessionId,
        token: Token,
        decide: impl FnOnce(&mut Self, SessionId) -> Answer,
    ) -> Option<Option<Message>> {
        if self.fault(Fault::AskAgain) {
            let denial = Denial::new(Code::AskAgain, minor::ROLLED_BACK, "");
            return Some(Some(Message::Error(denial)));
        }
        let answer = match self.sessions[&id].answers.get(&token) {
            Some(first) => first.clone(),
            None => decide(self, id),
        };
        self.sessions.get_mut(&id).unwrap().answers.insert(token, answer.clone());
        if self.fault(Fault::CutBeforeAnswer) {
            return None;
        }
        if self.fault(Fault::Silence) {
            return Some(None);
        }
        Some(Some(Message::Answer { token, answer }))
    }

    fn grant(&mut self, id: SessionId, count: Count) -> Answer {
        self.free -= count.get();
        let handle = Handle(self.next_handle);
        self.next_handle += 1;
        self.sessions.get_mut(&id).unwrap().held.insert(handle);
        let digest = Digest::of(self.line.canonical.as_bytes());
        Answer::Granted(Grant {
            handle,
            pool: PoolKey::new("f1 1"),
            lines: [digest].into(),
            expires: None,
            demo: self.demo,
            borrow: None,
        })
    }

    fn hello(&mut self, hello: &Hello, session: &mut Option<SessionId>) -> Option<Message> {
        let terms = match hello.purpose {
            Purpose::Ask => None,
            Purpose::New => {
                let id = SessionId([u8::try_from(self.sessions.len()).unwrap() + 1; 16]);
                let secret = [9; 32];
                self.sessions.insert(id, Session { secret, ..Session::default() });
                *session = Some(id);
                Some((id, secret, false))
            }
            Purpose::Resume { session: id, secret, epoch, nonce } => {
                if self.fault(Fault::ForgetSession) {
                    self.sessions.remove(&id);
                }
                let Some(known) = self.sessions.get_mut(&id) else {
                    let denial = Denial::new(Code::SessionEnded, minor::SESSION_UNKNOWN, "");
                    return Some(Message::Error(denial));
                };
                assert_eq!(secret, known.secret);
                if known.nonce != Some(nonce) || epoch == known.epoch {
                    assert_eq!(epoch, known.epoch, "the newest epoch, or a repetition");
                    known.epoch += 1;
                    known.nonce = Some(nonce);
                }
                *session = Some(id);
                if self.fault(Fault::CutBeforeWelcome) {
                    return None;
                }
                Some((id, [0; 32], true))
            }
        };
        let session = terms.map(|(id, secret, resumed)| SessionTerms {
            id,
            secret,
            epoch: self.sessions[&id].epoch,
            lease_s: self.lease_s,
            heartbeat_s: 60,
            grace_s: 5,
            resumed,
            demo: self.demo,
            held: self.sessions[&id].held.iter().copied().collect(),
            lost: Vec::new(),
        });
        Some(Message::Welcome(Box::new(Welcome {
            major: 1,
            minor: 0,
            program: "scripted".to_owned(),
            vendor: session.as_ref().map(|_| VendorName::parse("LGS").unwrap()),
            time: now(),
            session,
        })))
    }
}

fn now() -> Timestamp {
    use seatkeeper::time::Clock as _;
    seatkeeper::platform::SystemClock::new().now().utc
}
