//! Asking a server: connect, greet without a session, ask. One connection, one question at a time.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::code::{Code, minor};
use crate::event::Denial;
use crate::ident::{Host, User};
use crate::platform::{self, DEFAULT_PORTS, SystemClock};
use crate::time::Clock as _;
use crate::wire::{self, Hello, Message, Purpose, StatusItem};

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Number, place and note.
    pub denial: Denial,
    /// What the system said, by number and words.
    pub system: Option<(i32, String)>,
}

impl Failure {
    /// A failure without a word of the system.
    #[must_use]
    pub fn new(code: Code, minor: u16, note: &str) -> Self {
        Self { denial: Denial::new(code, minor, note), system: None }
    }

    fn system(code: Code, minor: u16, error: &io::Error) -> Self {
        let words = error.to_string();
        let words = words.split(" (os error").next().unwrap_or_default().to_owned();
        Self { denial: Denial::new(code, minor, ""), system: error.raw_os_error().map(|number| (number, words)) }
    }

    /// Exit status of the tool that meets it.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        self.denial.code.exit_status()
    }
}

impl fmt::Display for Failure {
    /// `Cannot connect to license server system. (-15,501:111 "Connection refused")`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((number, words)) = &self.system else { return self.denial.fmt(f) };
        let Denial { code, minor, .. } = &self.denial;
        write!(f, "{}. ({},{minor}:{number} \"{words}\")", self.denial.text(), code.number())
    }
}

impl From<Denial> for Failure {
    fn from(denial: Denial) -> Self {
        Self { denial, system: None }
    }
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection to one address.
    pub connect: Duration,
    /// For the next part of an answer.
    pub answer: Duration,
}

/// A greeted connection.
#[derive(Debug)]
pub struct Inquiry {
    stream: TcpStream,
    input: BytesMut,
    last_id: u32,
    patience: Patience,
    address: SocketAddr,
}

/// Who asks.
///
/// # Errors
/// [`Failure`] when this machine or account has no usable name.
pub fn asker() -> Result<(User, Host), Failure> {
    let odd = |error: crate::ident::NameError| {
        Failure::new(Code::InvalidParameter, minor::MALFORMED, &error.to_string())
    };
    Ok((platform::user_name().map_err(odd)?, platform::host_name().map_err(odd)?))
}

impl Inquiry {
    /// Connects to the first address of `host` that answers; without a port, to the first license manager on the
    /// usual ten ports.
    ///
    /// # Errors
    /// [`Failure`] of the last address that was tried.
    pub async fn open(host: &str, port: Option<u16>, patience: Patience) -> Result<Self, Failure> {
        let host = if host == "this_host" { "localhost" } else { host };
        let ports = port.map_or(DEFAULT_PORTS, |port| port..=port);
        let mut failure = Failure::new(Code::NoServerHost, minor::HOST_UNKNOWN, "");
        for port in ports {
            let addresses = match timeout(patience.connect, tokio::net::lookup_host((host, port))).await {
                Ok(Ok(addresses)) => addresses,
                Ok(Err(_)) | Err(_) => return Err(failure),
            };
            for address in addresses {
                match Self::dial(address, patience).await {
                    Ok(inquiry) => return Ok(inquiry),
                    Err(error) => failure = error,
                }
            }
        }
        Err(failure)
    }

    /// Connects to one address and greets.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn dial(address: SocketAddr, patience: Patience) -> Result<Self, Failure> {
        let unreachable = |error: &io::Error| Failure::system(Code::CannotConnect, minor::CONNECT_FAILED, error);
        let stream = match timeout(patience.connect, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(unreachable(&error)),
            Err(_) => return Err(unreachable(&io::Error::from_raw_os_error(110))),
        };
        // Without these options the connection works too.
        let _ = platform::tune(&stream);
        let mut inquiry = Self { stream, input: BytesMut::new(), last_id: 0, patience, address };
        let (user, host) = asker()?;
        let display = platform::display_name(&host)
            .ok_or_else(|| Failure::new(Code::InvalidParameter, minor::MALFORMED, "no display name"))?;
        let hello = Hello {
            major: wire::MAJOR,
            minor: wire::MINOR,
            purpose: Purpose::Ask,
            time: SystemClock::new().now().utc,
            user,
            host,
            display,
            project: None,
            platform: None,
            hostids: Vec::new(),
            pid: Some(std::process::id()),
            vendor: None,
        };
        match inquiry.ask(&Message::Hello(Box::new(hello))).await? {
            Message::Welcome(_) => Ok(inquiry),
            _ => Err(unexpected()),
        }
    }

    /// The address that answered: vendor daemons are dialled at it, whatever the server calls itself.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether the server is on this machine.
    #[must_use]
    pub fn same_machine(&self) -> bool {
        self.stream.local_addr().is_ok_and(|local| platform::same_machine(self.address.ip(), local.ip()))
    }

    /// Asks and takes the answer. A refusal is a failure.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn ask(&mut self, question: &Message) -> Result<Message, Failure> {
        self.send(question).await?;
        let (message, _) = self.part().await?;
        Ok(message)
    }

    /// Asks for status and takes all parts of the answer.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn ask_status(&mut self, question: &Message) -> Result<Vec<StatusItem>, Failure> {
        self.send(question).await?;
        let mut items = Vec::new();
        loop {
            match self.part().await? {
                (Message::Status(part), end) => {
                    items.extend(part);
                    if end {
                        return Ok(items);
                    }
                }
                _ => return Err(unexpected()),
            }
        }
    }

    /// Waits until the server closes, as it does when it ends.
    pub async fn closed(mut self) {
        while matches!(
            timeout(self.patience.answer, self.stream.read_buf(&mut self.input)).await,
            Ok(Ok(read)) if read > 0
        ) {
            self.input.clear();
        }
    }

    async fn send(&mut self, question: &Message) -> Result<(), Failure> {
        self.last_id += 1;
        let mut output = BytesMut::new();
        wire::encode(question, self.last_id, &mut output)
            .map_err(|error| Failure::new(Code::InvalidParameter, minor::MALFORMED, &error.to_string()))?;
        self.stream
            .write_all(&output)
            .await
            .map_err(|error| Failure::system(Code::CannotWrite, minor::CLOSED_EARLY, &error))
    }

    /// The next message of the answer, and whether it is the last.
    async fn part(&mut self) -> Result<(Message, bool), Failure> {
        loop {
            let next = wire::decode(&mut self.input).map_err(|error| Failure::from(error.denial()))?;
            if let Some(frame) = next {
                let message = frame.message.map_err(|error| Failure::from(error.denial()))?;
                match message {
                    Message::Error(denial) => return Err(denial.into()),
                    _ if frame.request_id == self.last_id => return Ok((message, frame.end)),
                    // Not an answer to us: a notice.
                    _ => continue,
                }
            }
            match timeout(self.patience.answer, self.stream.read_buf(&mut self.input)).await {
                Ok(Ok(read)) if read > 0 => {}
                Ok(Ok(_)) => {
                    return Err(Failure::new(Code::CannotRead, minor::CLOSED_EARLY, "the server closed"));
                }
                Ok(Err(error)) => return Err(Failure::system(Code::CannotRead, minor::CLOSED_EARLY, &error)),
                Err(_) => return Err(Failure::new(Code::CannotRead, minor::ANSWER_TIMEOUT, "no answer")),
            }
        }
    }
}

fn unexpected() -> Failure {
    Failure::new(Code::BadReturnedData, minor::ANSWER_UNEXPECTED, "the answer is not of the kind asked for")
}
