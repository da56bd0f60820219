//! One connection to lmgrd: "where is LGS", "what do you serve", and orders that prove the administrator's key. Speaks
//! frames, and for people a few text lines. Everything is answered from memory, so a slow vendor daemon slows nobody.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::log::{DAEMON, Log};
use super::texts::Texts;
use crate::code::{Code, minor};
use crate::event::Denial;
use crate::ident::{Host, User, VendorName};
use crate::platform::{random_bytes, same_machine};
use crate::session::server::Administration;
use crate::wire::{
    self, Control, ControlVerb, Hello, LineError, LineReply, LineRequest, Message, Opening, Purpose,
    ServerInfo, Welcome, limits,
};

/// A greeted connection that asks nothing for so long is closed.
const IDLE: Duration = Duration::from_secs(60);

/// What a peer still sends after the last answer is read and thrown away, so long and so much: closing over unread
/// bytes would take the answer away from it.
const PARTING: Duration = Duration::from_secs(1);
const PARTING_BYTES: usize = 64 * 1024;

/// A peer that does not take its answer for so long is closed.
const WRITE: Duration = Duration::from_secs(10);

/// How long the text of all license files may take.
const TEXTS: Duration = Duration::from_secs(60);

/// What every connection may know and do.
pub(super) struct Desk {
    /// What is served at the moment.
    pub(super) info: watch::Receiver<Arc<ServerInfo>>,
    /// The license files that are served, in path order.
    pub(super) license_files: watch::Receiver<Arc<[PathBuf]>>,
    /// Orders that have been proved.
    pub(super) orders: mpsc::Sender<Order>,
    /// Orders only from this machine (`-local`).
    pub(super) local_only: bool,
    /// No orders to end at all (`-x lmdown`).
    pub(super) refuse_down: bool,
    /// No orders to reread at all (`-x lmreread`).
    pub(super) refuse_reread: bool,
    /// No orders to remove at all (`-x lmremove`).
    pub(super) refuse_remove: bool,
    /// The administrator's key.
    pub(super) administration: Administration,
    /// The program's version.
    pub(super) version: String,
    pub(super) log: Log,
}

/// An order whose sender has proved the administrator's key.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) verb: ControlVerb,
    pub(super) user: User,
    pub(super) host: Host,
    /// What came of it.
    pub(super) reply: oneshot::Sender<Result<Done, Denial>>,
    /// Resolves when the answer was written, or never will be.
    pub(super) written: oneshot::Receiver<()>,
}

/// What was done.
#[derive(Debug)]
pub(super) struct Done {
    /// For people; at least one.
    pub(super) lines: Vec<String>,
    /// Why not all of it was done.
    pub(super) refused: Option<Denial>,
}

impl Done {
    /// All of it, in one line.
    pub(super) fn all(text: &str) -> Self {
        Self { lines: vec![text.to_owned()], refused: None }
    }
}

/// Serves a connection until it ends.
pub(super) async fn converse(stream: TcpStream, desk: Arc<Desk>) {
    let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else { return };
    let mut talk = Talk {
        stream,
        input: BytesMut::new(),
        output: BytesMut::new(),
        here: same_machine(peer.ip(), local.ip()),
        peer: peer.ip().to_canonical(),
        nonce: None,
        deadline: Some(Instant::now() + limits::HANDSHAKE),
        desk,
    };
    let end = match talk.opening().await {
        Some(Opening::Frames) => talk.frames().await,
        Some(Opening::Lines) => talk.lines().await,
        Some(Opening::Tls | Opening::Unknown) | None => None,
    };
    tracing::debug!(peer = %talk.peer, closed = end.is_none(), "connection ends");
    talk.part().await;
}

struct Talk {
    stream: TcpStream,
    input: BytesMut,
    output: BytesMut,
    peer: IpAddr,
    /// Whether the peer is on this machine.
    here: bool,
    /// Given out and not used yet.
    nonce: Option<[u8; 32]>,
    /// Until when HELLO must be complete; none once it is.
    deadline: Option<Instant>,
    desk: Arc<Desk>,
}

/// What to answer, and whether to close after it.
struct Reply {
    message: Message,
    close: bool,
    /// Told when the answer is out.
    written: Option<oneshot::Sender<()>>,
}

impl Reply {
    fn go_on(message: Message) -> Self {
        Self { message, close: false, written: None }
    }

    fn refuse(code: Code, minor: u16, note: &str) -> Self {
        Self::go_on(Message::Error(Denial::new(code, minor, note)))
    }

    fn close(self) -> Self {
        Self { close: true, ..self }
    }
}

impl Talk {
    /// Reads more. None at the end of the stream, on an error, and when the peer took too long.
    async fn read(&mut self) -> Option<()> {
        let until = self.deadline.unwrap_or_else(|| Instant::now() + IDLE);
        match timeout_at(until, self.stream.read_buf(&mut self.input)).await {
            Ok(Ok(read)) if read > 0 => Some(()),
            _ => None,
        }
    }

    async fn write(&mut self) -> Option<()> {
        let sent = timeout(WRITE, self.stream.write_all(&self.output)).await;
        self.output.clear();
        matches!(sent, Ok(Ok(()))).then_some(())
    }

    /// Closes so that the last answer arrives.
    async fn part(&mut self) {
        let parting = async {
            let mut thrown_away = 0;
            if self.stream.shutdown().await.is_err() {
                return;
            }
            while thrown_away < PARTING_BYTES {
                self.input.clear();
                match self.stream.read_buf(&mut self.input).await {
                    Ok(read) if read > 0 => thrown_away += read,
                    _ => return,
                }
            }
        };
        // Whoever does not close in time is closed.
        let _ = timeout(PARTING, parting).await;
    }

    async fn opening(&mut self) -> Option<Opening> {
        loop {
            if let Some(first) = self.input.first() {
                return Some(Opening::of(*first));
            }
            self.read().await?;
        }
    }

    async fn frames(&mut self) -> Option<()> {
        loop {
            let frame = match wire::decode(&mut self.input) {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    self.read().await?;
                    continue;
                }
                Err(error) => {
                    self.send(0, &Message::Error(error.denial())).await;
                    return None;
                }
            };
            if self.deadline.is_none() && frame.message == Ok(Message::AskLicenses) {
                timeout(TEXTS, self.send_texts(frame.request_id)).await.ok()??;
                continue;
            }
            let reply = match frame.message {
                Ok(message) => self.answer(message).await,
                Err(error) => Reply::go_on(Message::Error(error.denial())),
            };
            let sent = self.send(frame.request_id, &reply.message).await;
            if let Some(written) = reply.written {
                let _ = written.send(());
            }
            sent?;
            if reply.close {
                return None;
            }
        }
    }

    async fn send(&mut self, request_id: u32, message: &Message) -> Option<()> {
        if let Err(error) = wire::encode(message, request_id, &mut self.output) {
            self.output.clear();
            let denial = Denial::new(Code::InternalError, minor::MALFORMED, &error.to_string());
            wire::encode(&Message::Error(denial), request_id, &mut self.output).ok()?;
        }
        self.write().await
    }

    /// Sends the license files as they are on the disk, a frame at a time: however many peers ask, each costs one frame
    /// of memory.
    async fn send_texts(&mut self, request_id: u32) -> Option<()> {
        let mut texts = Texts::of(Arc::clone(&self.desk.license_files.borrow()));
        loop {
            let (rest, parts) = texts.next().await?;
            texts = rest;
            let end = texts.at_end();
            wire::encode_licenses(&parts, end, request_id, &mut self.output).ok()?;
            self.write().await?;
            if end {
                return Some(());
            }
        }
    }

    async fn answer(&mut self, message: Message) -> Reply {
        if self.deadline.is_some() {
            return match message {
                Message::Hello(hello) => self.greet(&hello),
                _ => Reply::refuse(Code::BadProtocol, minor::NO_HELLO, "the first message must be HELLO")
                    .close(),
            };
        }
        match message {
            Message::AskServer => {
                Reply::go_on(Message::Server(Box::new(self.desk.info.borrow().as_ref().clone())))
            }
            Message::Locate(vendor) => Reply::go_on(match self.locate(&vendor) {
                Ok(port) => Message::Located { port },
                Err(denial) => Message::Error(denial),
            }),
            Message::AskNonce => match random_bytes::<32>() {
                Ok(nonce) => {
                    self.nonce = Some(nonce);
                    Reply::go_on(Message::Nonce {
                        nonce,
                        key_path: self.desk.administration.key_path.clone(),
                    })
                }
                Err(error) => Reply::refuse(Code::InternalError, minor::CONTROL_PROOF, &error.to_string()),
            },
            Message::Control(control) => self.control(*control).await,
            Message::Goodbye => Reply::go_on(Message::Farewell).close(),
            Message::Hello(_) => Reply::refuse(Code::BadProtocol, minor::MALFORMED, "HELLO was said before"),
            _ => Reply::refuse(
                Code::RequestNotSupported,
                minor::TYPE_UNKNOWN,
                "this is lmgrd; ask it where the vendor daemon is, and the vendor daemon for licenses",
            ),
        }
    }

    fn greet(&mut self, hello: &Hello) -> Reply {
        if hello.major != wire::MAJOR {
            let note = format!("this server speaks version {}, the client {}", wire::MAJOR, hello.major);
            return Reply::refuse(Code::ClientNewer, minor::PROTOCOL_VERSION, &note).close();
        }
        if hello.purpose != Purpose::Ask {
            let note = "lmgrd has no sessions; ask it where the vendor daemon is";
            return Reply::refuse(Code::RequestNotSupported, minor::NO_SESSION, note).close();
        }
        self.deadline = None;
        Reply::go_on(Message::Welcome(Box::new(Welcome {
            major: wire::MAJOR,
            minor: wire::MINOR,
            program: format!("{DAEMON} {}", self.desk.version),
            vendor: None,
            time: self.desk.log.now().utc,
            session: None,
        })))
    }

    fn locate(&self, vendor: &VendorName) -> Result<u16, Denial> {
        let info = self.desk.info.borrow();
        match info.vendors.iter().find(|known| known.name == *vendor) {
            None => {
                let names: Vec<&str> = info.vendors.iter().map(|known| known.name.as_str()).collect();
                let note = format!("this server has {}, not {vendor}", names.join(", "));
                Err(Denial::new(Code::VendorDown, minor::VENDOR_UNKNOWN, &note))
            }
            Some(known) => known.port.filter(|_| known.up).ok_or_else(|| {
                let note = format!("{vendor} is not running at the moment");
                Denial::new(Code::VendorDown, minor::VENDOR_DOWN, &note)
            }),
        }
    }

    /// Judges an order: first what is switched off for everybody, then where it comes from, then the proof.
    async fn control(&mut self, control: Control) -> Reply {
        let given = self.nonce.take();
        let Control { ref verb, ref user, ref host, .. } = control;
        let (refused, tool, word) = match verb {
            ControlVerb::Shutdown { .. } => (self.desk.refuse_down, "lmdown", "SHUTDOWN"),
            ControlVerb::Reread { .. } => (self.desk.refuse_reread, "lmreread", "REREAD"),
            ControlVerb::Remove { .. } => (self.desk.refuse_remove, "lmremove", "REMOVE"),
            ControlVerb::Explain { .. } | ControlVerb::AcceptClock | ControlVerb::Recall { .. } => {
                let note = "this is lmgrd; ask a vendor daemon";
                return Reply::refuse(Code::RequestNotSupported, minor::TYPE_UNKNOWN, note);
            }
        };
        let refusal = if refused {
            Some((Code::ActionRefused, minor::CONTROL_OFF, format!("lmgrd was started with -x {tool}")))
        } else if (self.desk.local_only || from_here_only(verb)) && !self.here {
            let note = format!("the request comes from {}", self.peer);
            Some((Code::LocalOnly, minor::CONTROL_NOT_LOCAL, note))
        } else {
            let judged = self.desk.administration.judge(given, &control);
            judged.err().map(|denial| (denial.code, denial.minor, denial.note.to_string()))
        };
        if let Some((code, place, note)) = refusal {
            self.desk.log.say(&format!("{word} request from {user} at node {host} refused: {code}. {note}"));
            return Reply::refuse(code, place, &note);
        }
        let (reply, answer) = oneshot::channel();
        let (written, wait) = oneshot::channel();
        let order =
            Order { verb: verb.clone(), user: user.clone(), host: host.clone(), reply, written: wait };
        // Whoever wanted the end has it.
        let ended = |text: &str| match control.verb {
            ControlVerb::Remove { .. } => {
                Message::Error(Denial::new(Code::VendorDown, minor::VENDOR_DOWN, text))
            }
            _ => done(Done::all(text)),
        };
        let message = if self.desk.orders.send(order).await.is_err() {
            ended("the license server is ending already")
        } else {
            match answer.await {
                Ok(Ok(what)) => done(what),
                Ok(Err(denial)) => Message::Error(denial),
                Err(_) => ended("the license server has ended"),
            }
        };
        Reply { message, close: false, written: Some(written) }
    }

    async fn lines(&mut self) -> Option<()> {
        loop {
            let line = match wire::decode_line(&mut self.input) {
                Ok(Some(line)) => line,
                Ok(None) => {
                    self.read().await?;
                    continue;
                }
                Err(error) => {
                    self.say(&LineReply::Refused(error.denial()).to_string()).await;
                    return None;
                }
            };
            let (text, close) = self.answer_line(&line);
            self.say(&text).await?;
            if close {
                return None;
            }
        }
    }

    async fn say(&mut self, text: &str) -> Option<()> {
        self.output.extend_from_slice(text.as_bytes());
        self.output.extend_from_slice(b"\n");
        self.write().await
    }

    /// One line's answer, and whether to close after it.
    fn answer_line(&mut self, line: &str) -> (String, bool) {
        let refused = |denial| LineReply::Refused(denial).to_string();
        if self.deadline.is_some() {
            return match LineRequest::parse(line) {
                Ok(LineRequest::Hello(_)) => {
                    self.deadline = None;
                    (format!("OK HELLO 1 {DAEMON} {}", self.desk.version), false)
                }
                Ok(_) => {
                    let note = "the first line must be HELLO";
                    (refused(Denial::new(Code::BadProtocol, minor::NO_HELLO, note)), true)
                }
                Err(error) => (refused(error.denial()), true),
            };
        }
        let mut words = line.split_ascii_whitespace();
        if words.next().is_some_and(|word| word.eq_ignore_ascii_case("LOCATE")) {
            let missing = LineError::Missing { request: "LOCATE", what: "a vendor name" };
            return (
                match (words.next().map(VendorName::parse), words.next()) {
                    (Some(Ok(vendor)), None) => match self.locate(&vendor) {
                        Ok(port) => format!("OK LOCATE {port}"),
                        Err(denial) => refused(denial),
                    },
                    _ => refused(missing.denial()),
                },
                false,
            );
        }
        match LineRequest::parse(line) {
            Ok(LineRequest::Quit) => (LineReply::Quit.to_string(), true),
            Err(error) => (refused(error.denial()), false),
            Ok(_) => {
                let note = "this is lmgrd; it knows HELLO, LOCATE vendor and QUIT";
                (refused(Denial::new(Code::RequestNotSupported, minor::NO_SESSION, note)), false)
            }
        }
    }
}

/// What works on the server's machine alone, however lmgrd was started (`flexnet-tools.md` 2.9).
const fn from_here_only(verb: &ControlVerb) -> bool {
    matches!(verb, ControlVerb::Shutdown { force: true, .. })
}

fn done(Done { lines, refused }: Done) -> Message {
    Message::Done { lines, refused }
}
