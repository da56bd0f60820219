//! One connection: dial, greet, ask. Tools that only ask use it directly; sessions stand on it too.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::codec::Framed;

use super::codec::{CodecError, FrameCodec};
use super::error::DialError;
use super::path::{ServerAddress, THIS_HOST};
use crate::ident::VendorName;
use crate::platform::{DEFAULT_PORTS, tune};
use crate::wire::limits::{GROUNDS_BYTES_MAX, LICENSES_BYTES_MAX};
use crate::wire::{Frame, GroundsPart, Hello, LicensePart, Message, StatusItem, Welcome};

/// The variable that limits one attempt to connect, in microseconds (`flexnet-tools.md` 5).
pub const TIMEOUT_VARIABLE: &str = "FLEXLM_TIMEOUT";

/// A status longer than this is not a server's: ten times the seats that one is built for.
const STATUS_ITEMS_MAX: usize = 2_000_000;

/// What one license file counts beside its bytes, so that names alone can't fill the memory.
const LICENSE_NAME_BYTES: usize = 2048;

/// How much longer than one answer license files, and what decisions go by, may take.
const LICENSES_PATIENCE: u32 = 6;

/// Time limits of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For one attempt to connect to one address.
    pub connect: Duration,
    /// For one answer.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), answer: Duration::from_secs(10) }
    }
}

impl Limits {
    /// The defaults with the connect limit of [`TIMEOUT_VARIABLE`], which is kept between 0.2 and 20 seconds.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::default().with_connect_micros(std::env::var(TIMEOUT_VARIABLE).ok().as_deref())
    }

    fn with_connect_micros(self, text: Option<&str>) -> Self {
        match text.and_then(|text| text.trim().parse::<u64>().ok()) {
            Some(micros) => {
                Self { connect: Duration::from_micros(micros.clamp(200_000, 20_000_000)), ..self }
            }
            None => self,
        }
    }
}

/// A greeted connection.
#[derive(Debug)]
pub struct Connection {
    channel: Channel,
    welcome: Welcome,
}

/// A stream of frames, greeted or not.
#[derive(Debug)]
struct Channel {
    frames: Framed<TcpStream, FrameCodec>,
    peer: SocketAddr,
    next_id: u32,
    limits: Limits,
}

impl Connection {
    /// Connects to a socket address and greets.
    ///
    /// # Errors
    /// [`DialError`]; [`DialError::Refused`] if the server does not want this client.
    pub async fn open(address: SocketAddr, hello: Hello, limits: Limits) -> Result<Self, DialError> {
        let mut channel = Channel {
            frames: Framed::new(connect(address, limits.connect).await?, FrameCodec),
            peer: address,
            next_id: 1,
            limits,
        };
        match channel.ask(&Message::Hello(Box::new(hello))).await? {
            Message::Welcome(welcome) => Ok(Self { channel, welcome: *welcome }),
            other => Err(channel.unexpected(&other)),
        }
    }

    /// Connects to a license manager by name and greets; `this_host` is this machine. All addresses of the host are tried in turn, and
    /// all of the ports 27000 to 27009 if the address names none; the first that speaks this protocol is taken. A host that does not
    /// answer at all is not tried on further ports.
    ///
    /// # Errors
    /// The [`DialError`] of the first port that took a connection, else of the first port.
    pub async fn open_named(
        server: &ServerAddress,
        hello: &Hello,
        limits: Limits,
    ) -> Result<Self, DialError> {
        let host = if server.host == THIS_HOST { "localhost" } else { &server.host };
        match server.port {
            Some(port) => Self::open_at(host, port, hello, limits).await,
            None => Self::open_first(host, DEFAULT_PORTS, hello, limits).await,
        }
    }

    /// Tries ports in rising order.
    async fn open_first(
        host: &str,
        ports: RangeInclusive<u16>,
        hello: &Hello,
        limits: Limits,
    ) -> Result<Self, DialError> {
        let (first_port, last_port) = (*ports.start(), *ports.end());
        let mut first: Option<DialError> = None;
        for port in ports {
            match Self::open_at(host, port, hello, limits).await {
                Ok(connection) => return Ok(connection),
                Err(error @ (DialError::HostUnknown { .. } | DialError::ConnectTimeout { .. })) => {
                    return Err(first.unwrap_or(error));
                }
                Err(error) => {
                    let talked = !matches!(error, DialError::Connect { .. });
                    if first.is_none() || (talked && matches!(first, Some(DialError::Connect { .. }))) {
                        first = Some(error);
                    }
                }
            }
        }
        Err(match first {
            Some(source @ DialError::Connect { .. }) => DialError::NoPort {
                host: host.to_owned(),
                first: first_port,
                last: last_port,
                source: Box::new(source),
            },
            Some(talked) => talked,
            None => DialError::ConnectTimeout { place: format!("@{host}") },
        })
    }

    async fn open_at(host: &str, port: u16, hello: &Hello, limits: Limits) -> Result<Self, DialError> {
        let mut failure = None;
        for address in addresses(host, port, limits).await? {
            match Self::open(address, hello.clone(), limits).await {
                Ok(connection) => return Ok(connection),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        let place = ServerAddress { port: Some(port), host: host.to_owned() }.to_string();
        Err(failure.unwrap_or(DialError::ConnectTimeout { place }))
    }

    /// What the server said of itself.
    #[must_use]
    pub const fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// The address that was reached.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        self.channel.peer
    }

    /// Sends a message and gives the request id that its answer will carry.
    ///
    /// # Errors
    /// [`DialError`]; the connection is of no use afterwards, but for [`DialError::Encode`].
    pub async fn send(&mut self, message: &Message) -> Result<u32, DialError> {
        self.channel.send(message).await
    }

    /// Waits for the next frame, however long that takes. May be dropped while it waits without losing anything.
    ///
    /// # Errors
    /// [`DialError`]; the connection is of no use afterwards.
    pub async fn next(&mut self) -> Result<Frame, DialError> {
        self.channel.next().await
    }

    /// Asks and waits for the answer; a sequence is put together. Notices that come meanwhile are passed over.
    ///
    /// # Errors
    /// [`DialError`]; [`DialError::Refused`] when the server answers with an error.
    pub async fn ask(&mut self, message: &Message) -> Result<Message, DialError> {
        self.channel.ask(message).await
    }

    /// The socket address of a vendor daemon: this one itself, or the port that lmgrd names at the address where lmgrd was
    /// reached.
    ///
    /// # Errors
    /// [`DialError`]; [`DialError::Refused`] with -97 if the vendor daemon is down or not known.
    pub async fn locate(&mut self, vendor: &VendorName) -> Result<SocketAddr, DialError> {
        if self.welcome.vendor.as_ref() == Some(vendor) {
            return Ok(self.peer());
        }
        match self.ask(&Message::Locate(vendor.clone())).await? {
            Message::Located { port } => Ok(SocketAddr::new(self.peer().ip(), port)),
            other => Err(self.unexpected(&other)),
        }
    }

    /// The error of a server that welcomes a client but begins no session.
    pub(super) fn no_session(&self) -> DialError {
        DialError::Unexpected { place: self.channel.place(), found: "WELCOME without a session".to_owned() }
    }

    /// The error of an answer that does not belong to its request.
    #[must_use]
    pub fn unexpected(&self, found: &Message) -> DialError {
        self.channel.unexpected(found)
    }
}

impl Channel {
    async fn send(&mut self, message: &Message) -> Result<u32, DialError> {
        let id = self.next_id;
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        match timeout(self.limits.answer, self.frames.send((id, message))).await {
            Ok(Ok(())) => Ok(id),
            Ok(Err(error)) => Err(self.broken(error)),
            Err(_) => Err(DialError::AnswerTimeout { place: self.place() }),
        }
    }

    async fn next(&mut self) -> Result<Frame, DialError> {
        match self.frames.next().await {
            Some(Ok(frame)) => Ok(frame),
            Some(Err(error)) => Err(self.broken(error)),
            None => Err(DialError::Closed { place: self.place() }),
        }
    }

    fn broken(&self, error: CodecError) -> DialError {
        let place = self.place();
        match error {
            // Closed in the middle of a frame is closed all the same.
            CodecError::Io(source) if source.kind() == std::io::ErrorKind::Other => {
                DialError::Closed { place }
            }
            CodecError::Io(source) => DialError::Io { place, source },
            CodecError::Frame(source) => DialError::Protocol { place, source },
            CodecError::Encode(source) => DialError::Encode(source),
        }
    }

    async fn ask(&mut self, message: &Message) -> Result<Message, DialError> {
        let id = self.send(message).await?;
        let mut until = Instant::now() + self.limits.answer;
        if matches!(message, Message::AskLicenses | Message::Control(_)) {
            until += self.limits.answer * (LICENSES_PATIENCE - 1);
        }
        let mut items: Vec<StatusItem> = Vec::new();
        let mut parts: Vec<LicensePart> = Vec::new();
        let mut license_bytes = 0_usize;
        let mut grounds: Vec<GroundsPart> = Vec::new();
        let mut grounds_bytes = 0_usize;
        loop {
            let Ok(frame) = timeout_at(until, self.next()).await else {
                return Err(DialError::AnswerTimeout { place: self.place() });
            };
            let frame = frame?;
            if frame.request_id != id {
                // A server that can't read a request at all answers under 0.
                if let (0, Ok(Message::Error(denial))) = (frame.request_id, frame.message) {
                    return Err(DialError::Refused(denial));
                }
                continue;
            }
            match frame.message {
                Ok(Message::Error(denial)) => return Err(DialError::Refused(denial)),
                Ok(Message::Status(part)) => {
                    items.extend(part);
                    if items.len() > STATUS_ITEMS_MAX {
                        let found = format!("a status of more than {STATUS_ITEMS_MAX} items");
                        return Err(DialError::Unexpected { place: self.place(), found });
                    }
                    if frame.end {
                        return Ok(Message::Status(items));
                    }
                }
                Ok(Message::Licenses(more)) => {
                    license_bytes = more.iter().map(license_size).fold(license_bytes, usize::saturating_add);
                    if license_bytes > 2 * LICENSES_BYTES_MAX {
                        let found = format!("license files of more than {LICENSES_BYTES_MAX} bytes");
                        return Err(DialError::Unexpected { place: self.place(), found });
                    }
                    parts.extend(more);
                    if frame.end {
                        return Ok(Message::Licenses(parts));
                    }
                }
                Ok(Message::Grounds(more)) => {
                    grounds_bytes = more.iter().map(grounds_size).fold(grounds_bytes, usize::saturating_add);
                    grounds.extend(more);
                    if grounds_bytes > 2 * GROUNDS_BYTES_MAX || grounds.len() > STATUS_ITEMS_MAX {
                        let found = format!(
                            "files of more than {GROUNDS_BYTES_MAX} bytes or more than {STATUS_ITEMS_MAX} checkouts"
                        );
                        return Err(DialError::Unexpected { place: self.place(), found });
                    }
                    if frame.end {
                        return Ok(Message::Grounds(grounds));
                    }
                }
                Ok(message) => return Ok(message),
                Err(error) => {
                    return Err(DialError::Unexpected { place: self.place(), found: error.to_string() });
                }
            }
        }
    }

    fn place(&self) -> String {
        place(self.peer)
    }

    fn unexpected(&self, found: &Message) -> DialError {
        let mut found = format!("{found:?}");
        found.truncate(found.find(['(', ' ', '{']).unwrap_or(found.len()));
        DialError::Unexpected { place: self.place(), found }
    }
}

/// What a part costs. One of few bytes costs more than these.
fn license_size(part: &LicensePart) -> usize {
    match part {
        LicensePart::File { .. } => LICENSE_NAME_BYTES,
        LicensePart::Bytes(bytes) => bytes.len().max(64),
    }
}

/// The same for what decisions go by; sessions and checkouts have a limit of their own.
fn grounds_size(part: &GroundsPart) -> usize {
    match part {
        GroundsPart::File(_) => LICENSE_NAME_BYTES,
        GroundsPart::Bytes(bytes) => bytes.len().max(64),
        GroundsPart::Basis(_)
        | GroundsPart::Session { .. }
        | GroundsPart::Seat { .. }
        | GroundsPart::Waiting(_) => 0,
    }
}

fn place(address: SocketAddr) -> String {
    let host = address.ip().to_canonical().to_string();
    ServerAddress { port: Some(address.port()), host }.to_string()
}

/// The addresses of a host, in the order in which they are tried: the resolver's, doubles left out.
async fn addresses(host: &str, port: u16, limits: Limits) -> Result<Vec<SocketAddr>, DialError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let unknown = |source| DialError::HostUnknown { host: host.to_owned(), source };
    let found = match timeout(limits.connect, tokio::net::lookup_host((host, port))).await {
        Ok(found) => found.map_err(unknown)?,
        Err(_) => return Err(unknown(std::io::ErrorKind::TimedOut.into())),
    };
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(unknown(std::io::ErrorKind::NotFound.into()));
    }
    Ok(addresses)
}

async fn connect(address: SocketAddr, limit: Duration) -> Result<TcpStream, DialError> {
    let place = || place(address);
    let stream = match timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(source)) => return Err(DialError::Connect { place: place(), source }),
        Err(_) => return Err(DialError::ConnectTimeout { place: place() }),
    };
    tune(&stream).map_err(|source| DialError::Io { place: place(), source })?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connect_limit_comes_in_microseconds_and_is_kept_in_its_range() {
        let connect = |text| Limits::default().with_connect_micros(text).connect;
        assert_eq!(connect(None), Duration::from_secs(3));
        assert_eq!(connect(Some("500000")), Duration::from_millis(500));
        assert_eq!(connect(Some("1")), Duration::from_millis(200));
        assert_eq!(connect(Some("99999999999")), Duration::from_secs(20));
        assert_eq!(connect(Some("soon")), Duration::from_secs(3));
    }

    fn hello() -> Hello {
        Hello {
            major: crate::wire::MAJOR,
            minor: crate::wire::MINOR,
            purpose: crate::wire::Purpose::Ask,
            time: crate::time::Timestamp(0),
            claims: super::super::own_claims().unwrap(),
            vendor: None,
        }
    }

    /// A port on which nobody listens, and nobody on the next two: they were free a moment ago.
    fn quiet_ports() -> RangeInclusive<u16> {
        let free = |port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
        (0..1000)
            .find_map(|_| {
                let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
                let last = port.checked_add(2)?;
                (port..=last).all(free).then_some(port..=last)
            })
            .unwrap()
    }

    async fn failed(ports: RangeInclusive<u16>) -> DialError {
        Connection::open_first("127.0.0.1", ports, &hello(), Limits::default()).await.unwrap_err()
    }

    #[tokio::test]
    async fn case_p03_a_host_without_a_port_is_tried_at_all_of_them_and_the_error_says_so() {
        assert_eq!(DEFAULT_PORTS, 27000..=27009);
        let ports = quiet_ports();
        let error = failed(ports.clone()).await;
        let (first, last) = (ports.start(), ports.end());
        let begin = format!(
            "no license manager at 127.0.0.1: ports {first} to {last} were tried; cannot connect to {first}@127.0.0.1: "
        );
        assert!(error.to_string().starts_with(&begin), "{error}");
        assert_eq!((error.denial().code.number(), error.system().map(|it| it.number)), (-15, Some(111)));

        // The last port of the range has somebody who closes at once: that is told rather than the quiet ones.
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", *last)).await.unwrap();
        tokio::spawn(async move { while listener.accept().await.is_ok() {} });
        let error = failed(ports.clone()).await;
        assert!(matches!(error, DialError::Closed { .. } | DialError::Io { .. }), "{error}");
    }
}
