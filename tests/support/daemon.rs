//! A vendor daemon as a process of its own, and a bare client that speaks frames.
#![allow(dead_code, reason = "each test binary uses its part of the support")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use seatkeeper::event::{Answer, Checkin, Checkout, Claims, Denial, Grant};
use seatkeeper::ident::{Count, Handle, SessionId, Token};
use seatkeeper::time::Timestamp;
use seatkeeper::wire::{self, Hello, Message, Notice, Purpose, SessionTerms};

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until a log, of which `so_far` gives what is written, has all these texts in any order; returns it as it is then.
/// Processes write their logs by threads of their own, so what a log has to say may come after the answer to who caused it.
pub(crate) fn logged(so_far: impl Fn() -> String, texts: &[&str]) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let log = so_far();
        let Some(missing) = texts.iter().find(|text| !log.contains(**text)) else { return log };
        assert!(Instant::now() < deadline, "waited too long for {missing:?} in\n{log}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Has the vendor daemon at a port log one more line, and gives its text: what the daemon did before stands before it.
pub(crate) fn mark(port: u16) -> String {
    static MARKS: AtomicU32 = AtomicU32::new(1);
    let feature = format!("mark{}", MARKS.fetch_add(1, Ordering::Relaxed));
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let conversation = format!("HELLO 1 user=mark host=mark\nCHECKOUT {feature} 1.0\nQUIT\n");
    stream.write_all(conversation.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\nERR -5,"), "{answer}");
    format!("UNSUPPORTED: \"{feature}\" ")
}

/// A running vendor daemon; killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    pub(crate) port: u16,
    log: Arc<Mutex<String>>,
}

impl Daemon {
    /// Starts one on a free port and waits until it serves; its log if it ends before.
    pub(crate) fn start(
        license: &Path,
        state: &Path,
        arguments: &[&str],
        mount: impl FnOnce(&mut Command),
    ) -> Result<Self, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seatkeeper"));
        command
            .args(["LGS", "--listen", "127.0.0.1", "-c"])
            .arg(license)
            .arg("--state-dir")
            .arg(state)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        mount(&mut command);
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (kept, output) = (Arc::clone(&log), child.stdout.take().unwrap());
        let reading = std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let Ok(line) = line else { break };
                let mut log = kept.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let mut daemon = Self { child, port: 0, log };
        let mut ended = false;
        until("the daemon to serve", || {
            ended = daemon.child.try_wait().unwrap().is_some();
            ended || daemon.accepts()
        });
        if !ended {
            return Ok(daemon);
        }
        // All that it has said comes before the end of its output.
        reading.join().unwrap();
        Err(daemon.log_so_far())
    }

    /// Whether it has said its port and answers there. It accepts connections before it opens its history, so a
    /// greeting is needed to tell.
    fn accepts(&mut self) -> bool {
        let log = self.log_so_far();
        let Some(port) = log.lines().find_map(|line| line.split_once("Listening port: ")) else {
            return false;
        };
        self.port = port.1.parse().unwrap();
        let Ok(mut wire) = Wire::connect(self.port) else { return false };
        wire.stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        wire.hello("test", Purpose::Ask, now()).is_ok()
    }

    /// What has come of the log. A line that is missing here may be on its way: to wait for lines there is
    /// [`Self::wait_for_log`], and to say that there are no more, [`Self::log_until_now`].
    pub(crate) fn log_so_far(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log has all these texts, and returns it.
    pub(crate) fn wait_for_log(&self, texts: &[&str]) -> String {
        logged(|| self.log_so_far(), texts)
    }

    /// The log with everything that the daemon has done until now, and a refusal that is asked for to know that.
    pub(crate) fn log_until_now(&self) -> String {
        self.wait_for_log(&[&mark(self.port)])
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it in order.
    pub(crate) fn stop(mut self) -> ExitStatus {
        signal(self.child.id(), "TERM");
        self.child.wait().unwrap()
    }

    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process that the test has started.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().unwrap();
    assert!(status.success());
}

/// The UTC time of this machine.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_millis()).unwrap())
}

/// A bare client: one connection, messages one by one.
pub(crate) struct Wire {
    stream: TcpStream,
    input: BytesMut,
    request: u32,
    pub(crate) notices: Vec<Notice>,
}

impl Wire {
    pub(crate) fn connect(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, input: BytesMut::new(), request: 0, notices: Vec::new() })
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    pub(crate) fn send(&mut self, message: &Message) -> std::io::Result<u32> {
        self.request += 1;
        let mut output = BytesMut::new();
        wire::encode(message, self.request, &mut output).unwrap();
        self.stream.write_all(&output)?;
        Ok(self.request)
    }

    /// The next message with its request id; none when the server has closed.
    pub(crate) fn receive(&mut self) -> std::io::Result<Option<(u32, Message)>> {
        loop {
            if let Some(frame) = wire::decode(&mut self.input).unwrap() {
                return Ok(Some((frame.request_id, frame.message.unwrap())));
            }
            let mut chunk = [0; 8192];
            match self.stream.read(&mut chunk)? {
                0 => return Ok(None),
                read => self.input.extend_from_slice(&chunk[..read]),
            }
        }
    }

    /// Sends and waits for the answer; notices on the way are kept.
    pub(crate) fn ask(&mut self, message: &Message) -> std::io::Result<Message> {
        let request = self.send(message)?;
        loop {
            match self.receive()? {
                Some((id, answer)) if id == request => return Ok(answer),
                Some((_, Message::Notice(notice))) => self.notices.push(notice),
                Some(other) => panic!("{other:?}"),
                None => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    pub(crate) fn hello(
        &mut self,
        user: &str,
        purpose: Purpose,
        time: Timestamp,
    ) -> std::io::Result<Result<Option<SessionTerms>, Denial>> {
        self.hello_from(user, &[], purpose, time)
    }

    /// As [`Self::hello`], from a machine with these hostids.
    pub(crate) fn hello_from(
        &mut self,
        user: &str,
        hostids: &[&str],
        purpose: Purpose,
        time: Timestamp,
    ) -> std::io::Result<Result<Option<SessionTerms>, Denial>> {
        let hello = Hello {
            major: wire::MAJOR,
            minor: wire::MINOR,
            purpose,
            time,
            claims: Claims {
                user: user.parse().unwrap(),
                host: "ws01".parse().unwrap(),
                display: "/dev/pts/1".parse().unwrap(),
                project: None,
                platform: None,
                hostids: hostids.iter().map(|id| id.parse().unwrap()).collect(),
                pid: Some(std::process::id()),
            },
            vendor: Some("LGS".parse().unwrap()),
        };
        match self.ask(&Message::Hello(Box::new(hello)))? {
            Message::Welcome(welcome) => Ok(Ok(welcome.session)),
            Message::Error(denial) => Ok(Err(denial)),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn checkout(
        &mut self,
        token: u64,
        acknowledged: u64,
        feature: &str,
        count: u32,
    ) -> std::io::Result<Reply> {
        let request = Checkout {
            token: Token(token),
            acknowledged: Token(acknowledged),
            feature: feature.parse().unwrap(),
            version: "1.0".parse().unwrap(),
            count: Count::new(count).unwrap(),
            wishes: seatkeeper::event::Wishes::default(),
        };
        let answer = self.ask(&Message::Checkout(request))?;
        Ok(Reply::of(answer))
    }

    pub(crate) fn checkin(
        &mut self,
        token: u64,
        acknowledged: u64,
        handle: Handle,
    ) -> std::io::Result<Reply> {
        let request = Checkin { token: Token(token), acknowledged: Token(acknowledged), handle };
        let answer = self.ask(&Message::Checkin(request))?;
        Ok(Reply::of(answer))
    }

    /// Writes the same bytes again and again until the other side takes no more for a second, or closes.
    pub(crate) fn write_until_blocked(&mut self, bytes: &[u8], sent: &mut usize) {
        self.stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        while *sent < 256 << 20 && self.stream.write_all(bytes).is_ok() {
            *sent += bytes.len();
        }
    }

    /// Whether the server closes the connection within some time.
    pub(crate) fn closed_within(&mut self, span: Duration) -> bool {
        let deadline = Instant::now() + span;
        self.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut chunk = [0; 8192];
        while Instant::now() < deadline {
            match self.stream.read(&mut chunk) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) => {}
                Err(_) => return true,
            }
        }
        false
    }
}

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    Granted(Grant),
    CheckedIn(Handle),
    Denied(Denial),
    Spent,
    Queued(seatkeeper::event::Place),
    Error(Denial),
}

impl Reply {
    pub(crate) fn of(message: Message) -> Self {
        match message {
            Message::Answer { answer: Answer::Granted(grant), .. } => Self::Granted(grant),
            Message::Answer { answer: Answer::CheckedIn(handle), .. } => Self::CheckedIn(handle),
            Message::Answer { answer: Answer::Denied(denial), .. } => Self::Denied(denial),
            Message::Answer { answer: Answer::Spent, .. } => Self::Spent,
            Message::Answer { answer: Answer::Queued(place), .. } => Self::Queued(place),
            Message::Error(denial) => Self::Error(denial),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn granted(self) -> Grant {
        match self {
            Self::Granted(grant) => grant,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn number(&self) -> i32 {
        match self {
            Self::Denied(denial) | Self::Error(denial) => denial.code.number(),
            Self::Granted(_) | Self::CheckedIn(_) | Self::Spent | Self::Queued(_) => 0,
        }
    }
}

/// What a client must remember to come back.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    pub(crate) session: SessionId,
    pub(crate) secret: [u8; 32],
    pub(crate) epoch: u32,
}

impl Ticket {
    pub(crate) fn of(terms: &SessionTerms) -> Self {
        Self { session: terms.id, secret: terms.secret, epoch: terms.epoch }
    }

    pub(crate) fn purpose(&self, nonce: [u8; 16]) -> Purpose {
        Purpose::Resume { session: self.session, secret: self.secret, epoch: self.epoch, nonce }
    }
}
