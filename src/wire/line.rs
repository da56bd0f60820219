//! The text line protocol: one request a line, one answer a line (`grammar/line-protocol.abnf`).

use std::fmt::Write as _;

use bytes::{Buf, BytesMut};
use thiserror::Error;

use super::limits::{HOSTIDS_MAX, LINE_BYTES_MAX};
use super::server_message::Notice;
use crate::code::{Code, minor};
use crate::event::{Claims, Denial, Place};
use crate::ident::{
    Count, Display, FeatureName, Handle, Host, Platform, Project, User, VendorName, Version, VersionError,
};
use crate::time::Timestamp;

/// One request of the line protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineRequest {
    /// Who is there; must be the first line.
    Hello(Box<LineHello>),
    /// Asks for licenses.
    Checkout {
        /// Which feature.
        feature: FeatureName,
        /// Which version.
        version: Version,
        /// How many at once.
        count: Count,
    },
    /// Gives licenses back.
    Checkin(Handle),
    /// Says that the client lives.
    Heartbeat,
    /// Asks for licenses, and to wait for them if none are free.
    Queue {
        /// Which feature.
        feature: FeatureName,
        /// Which version.
        version: Version,
        /// How many at once.
        count: Count,
    },
    /// Asks where a waiting request stands, or takes what is held for it.
    Queued(Handle),
    /// Asks who has what, of one feature or of all.
    Status(Option<FeatureName>),
    /// Ends the session.
    Quit,
}

/// Greeting of a line session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineHello {
    /// Who it says it is; the display is the host's name if the line has none.
    pub claims: Claims,
    /// Its UTC time; without it clocks are not compared.
    pub time: Option<Timestamp>,
}

/// Why a line is not a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LineError {
    /// No line end within [`LINE_BYTES_MAX`]; the connection is closed.
    #[error("a line has more than {LINE_BYTES_MAX} bytes")]
    TooLong,
    /// The line is not UTF-8, or has a control character other than a tab.
    #[error("the line is not UTF-8, or has a control character such as NUL in it")]
    NotText,
    /// No word.
    #[error("the line is empty; expected HELLO, CHECKOUT, CHECKIN, HEARTBEAT, QUEUE, STATUS or QUIT")]
    Empty,
    /// The first word is no request.
    #[error("{0:?} is no request; expected HELLO, CHECKOUT, CHECKIN, HEARTBEAT, QUEUE, STATUS or QUIT")]
    UnknownWord(String),
    /// Something has to follow.
    #[error("{request} needs {what}")]
    Missing {
        /// The request.
        request: &'static str,
        /// What it needs.
        what: &'static str,
    },
    /// Something is too much.
    #[error("{request} does not take {found:?}")]
    TooMuch {
        /// The request.
        request: &'static str,
        /// What stands there.
        found: String,
    },
    /// A value is wrong.
    #[error("{found:?} is no {what}: {why}")]
    BadValue {
        /// What was expected.
        what: &'static str,
        /// What stands there, cut.
        found: String,
        /// Why it is wrong.
        why: String,
    },
    /// A version is not a number.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// A quoted value has no end.
    #[error("a quoted value has no end")]
    OpenQuote,
    /// The peer speaks another version of the line protocol.
    #[error("version {0:?} of the line protocol is not known here; expected 1")]
    ProtocolVersion(String),
}

impl LineError {
    /// What to answer.
    #[must_use]
    pub fn denial(&self) -> Denial {
        let (code, place) = match self {
            Self::TooLong => (Code::LimitReached, minor::PEER_LIMIT),
            Self::NotText | Self::Empty | Self::OpenQuote => (Code::BadProtocol, minor::MALFORMED),
            Self::UnknownWord(_) => (Code::RequestNotSupported, minor::TYPE_UNKNOWN),
            Self::Missing { .. } | Self::TooMuch { .. } | Self::BadValue { .. } => {
                (Code::InvalidParameter, minor::MALFORMED)
            }
            Self::Version(_) => (Code::BadVersion, minor::MALFORMED),
            Self::ProtocolVersion(_) => (Code::ClientNewer, minor::PROTOCOL_VERSION),
        };
        Denial::new(code, place, &self.to_string())
    }
}

/// Takes the first line out of what has been read, without its end, once it is there whole. What a line means is
/// asked of [`LineRequest::parse`] afterwards; a line that is not text is taken out too.
///
/// # Errors
/// [`LineError::TooLong`]: the connection is closed. [`LineError::NotText`]: it may go on.
pub fn decode_line(input: &mut BytesMut) -> Result<Option<String>, LineError> {
    let window = input.get(..LINE_BYTES_MAX).unwrap_or(input);
    let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
        return if input.len() >= LINE_BYTES_MAX { Err(LineError::TooLong) } else { Ok(None) };
    };
    let line = input.split_to(end);
    input.advance(1);
    let line = line.strip_suffix(b"\r").unwrap_or(&line);
    match std::str::from_utf8(line) {
        Ok(text) if !text.chars().any(|c| c.is_control() && c != '\t') => Ok(Some(text.to_owned())),
        _ => Err(LineError::NotText),
    }
}

impl LineRequest {
    /// Understands one line.
    ///
    /// # Errors
    /// [`LineError`] says what is wrong with it; answer with its denial.
    pub fn parse(line: &str) -> Result<Self, LineError> {
        let words = split(line)?;
        let mut words = words.iter().map(String::as_str);
        let first = words.next().ok_or(LineError::Empty)?;
        let (request, name): (Self, &'static str) = match first.to_ascii_uppercase().as_str() {
            "HELLO" => return hello(words),
            "CHECKOUT" => {
                let first =
                    words.next().ok_or(LineError::Missing { request: "CHECKOUT", what: "a feature" })?;
                let (feature, version, count) = wanted("CHECKOUT", first, &mut words)?;
                (Self::Checkout { feature, version, count }, "CHECKOUT")
            }
            "QUEUE" => {
                let what = "a feature and a version, or a handle";
                let first = words.next().ok_or(LineError::Missing { request: "QUEUE", what })?;
                // One word alone is the handle of a request that waits already.
                match words.clone().next() {
                    None => (Self::Queued(Handle(number("handle", first)?)), "QUEUE"),
                    Some(_) => {
                        let (feature, version, count) = wanted("QUEUE", first, &mut words)?;
                        (Self::Queue { feature, version, count }, "QUEUE")
                    }
                }
            }
            "CHECKIN" => {
                let missing = LineError::Missing { request: "CHECKIN", what: "a handle" };
                (Self::Checkin(Handle(number("handle", words.next().ok_or(missing)?)?)), "CHECKIN")
            }
            "HEARTBEAT" => (Self::Heartbeat, "HEARTBEAT"),
            "STATUS" => {
                let feature = words.next().map(|text| name("feature name", text)).transpose()?;
                (Self::Status(feature), "STATUS")
            }
            "QUIT" => (Self::Quit, "QUIT"),
            _ => return Err(LineError::UnknownWord(short(first))),
        };
        match words.next() {
            None => Ok(request),
            Some(found) => Err(LineError::TooMuch { request: name, found: short(found) }),
        }
    }

    /// The request as a line, without its end.
    #[must_use]
    pub fn print(&self) -> String {
        match self {
            Self::Hello(it) => print_hello(it),
            Self::Checkout { feature, version, count } => {
                format!("CHECKOUT {} {version} {count}", Quoted(feature.as_str()))
            }
            Self::Checkin(handle) => format!("CHECKIN {handle}"),
            Self::Heartbeat => "HEARTBEAT".to_owned(),
            Self::Queue { feature, version, count } => {
                format!("QUEUE {} {version} {count}", Quoted(feature.as_str()))
            }
            Self::Queued(handle) => format!("QUEUE {handle}"),
            Self::Status(None) => "STATUS".to_owned(),
            Self::Status(Some(feature)) => format!("STATUS {}", Quoted(feature.as_str())),
            Self::Quit => "QUIT".to_owned(),
        }
    }
}

/// What a request for licenses says behind its feature.
fn wanted<'a>(
    request: &'static str,
    feature: &str,
    words: &mut impl Iterator<Item = &'a str>,
) -> Result<(FeatureName, Version, Count), LineError> {
    let feature = name("feature name", feature)?;
    let version = words.next().ok_or(LineError::Missing { request, what: "a version" })?;
    let version = Version::parse(version)?;
    let count = match words.next() {
        Some(text) => number("count from 1 to 4294967295", text)?,
        None => Count::MIN,
    };
    Ok((feature, version, count))
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

fn name<T: std::str::FromStr>(what: &'static str, text: &str) -> Result<T, LineError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|why: T::Err| LineError::BadValue { what, found: short(text), why: why.to_string() })
}

/// A number in digits only.
fn number<T: std::str::FromStr>(what: &'static str, text: &str) -> Result<T, LineError>
where
    T::Err: std::fmt::Display,
{
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return name(what, text);
    }
    Err(LineError::BadValue { what, found: short(text), why: "expected digits".to_owned() })
}

fn hello<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<LineRequest, LineError> {
    let missing = |what| LineError::Missing { request: "HELLO", what };
    match words.next() {
        Some("1") => {}
        Some(other) => return Err(LineError::ProtocolVersion(short(other))),
        None => return Err(missing("the protocol version 1")),
    }
    let (mut user, mut host, mut display, mut project) = (None, None, None, None);
    let (mut platform, mut pid, mut time) = (None, None, None);
    let mut hostids = Vec::new();
    for word in words {
        let too_much = || LineError::TooMuch { request: "HELLO", found: short(word) };
        let (key, value) = word.split_once('=').ok_or_else(too_much)?;
        let again = match key {
            "user" => user.replace(name::<User>("user name", value)?).is_some(),
            "host" => host.replace(name::<Host>("host name", value)?).is_some(),
            "display" => display.replace(name::<Display>("display name", value)?).is_some(),
            "project" => project.replace(name::<Project>("project name", value)?).is_some(),
            "platform" => platform.replace(name::<Platform>("platform name", value)?).is_some(),
            "pid" => pid.replace(number::<u32>("process id", value)?).is_some(),
            "time" => time.replace(instant(value)?).is_some(),
            "hostid" => {
                hostids.push(name::<Host>("hostid", value)?);
                hostids.len() > HOSTIDS_MAX
            }
            _ => true,
        };
        if again {
            return Err(too_much());
        }
    }
    let host = host.ok_or_else(|| missing("host=NAME"))?;
    let display = match display {
        Some(display) => display,
        None => name("display name", host.as_str())?,
    };
    let user = user.ok_or_else(|| missing("user=NAME"))?;
    Ok(LineRequest::Hello(Box::new(LineHello {
        claims: Claims { user, host, display, project, platform, hostids, pid },
        time,
    })))
}

/// Unix seconds, or RFC 3339.
fn instant(text: &str) -> Result<Timestamp, LineError> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(Timestamp::from_seconds(seconds));
    }
    let instant: jiff::Timestamp = name("time (seconds since 1970, or RFC 3339)", text)?;
    Ok(Timestamp(instant.as_millisecond()))
}

/// Words between blanks; a part in double quotes keeps its blanks, and in it a backslash keeps the next character.
fn split(line: &str) -> Result<Vec<String>, LineError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted => word.get_or_insert_default().push(chars.next().ok_or(LineError::OpenQuote)?),
            ' ' | '\t' if !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    if quoted {
        return Err(LineError::OpenQuote);
    }
    words.extend(word);
    Ok(words)
}

/// Prints a value so that [`split`] gives it back.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl std::fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plain = |c: char| !c.is_whitespace() && c != '"';
        if !self.0.is_empty() && self.0.chars().all(plain) {
            return f.write_str(self.0);
        }
        f.write_char('"')?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(if c.is_control() { ' ' } else { c })?;
        }
        f.write_char('"')
    }
}

fn print_hello(it: &LineHello) -> String {
    let mut line = format!(
        "HELLO 1 user={} host={} display={}",
        Quoted(it.claims.user.as_str()),
        Quoted(it.claims.host.as_str()),
        Quoted(it.claims.display.as_str())
    );
    let mut add = |key: &str, value: &str| {
        line.push(' ');
        line.push_str(key);
        line.push('=');
        line.push_str(&Quoted(value).to_string());
    };
    if let Some(project) = &it.claims.project {
        add("project", project.as_str());
    }
    if let Some(time) = it.time {
        add("time", &time.to_string());
    }
    if let Some(pid) = it.claims.pid {
        add("pid", &pid.to_string());
    }
    if let Some(platform) = &it.claims.platform {
        add("platform", platform.as_str());
    }
    it.claims.hostids.iter().for_each(|hostid| add("hostid", hostid.as_str()));
    line
}

/// One answer of the line protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineReply {
    /// To HELLO.
    Hello {
        /// Which vendor daemon this is.
        vendor: VendorName,
        /// Version of the program.
        version: String,
    },
    /// To CHECKOUT: the licenses are held under this handle.
    Checkout(Handle),
    /// To QUEUE: the request waits under this handle; the licenses are not held yet.
    Queued(Place),
    /// To CHECKIN.
    Checkin(Handle),
    /// To HEARTBEAT.
    Heartbeat,
    /// To STATUS: the lines of [`super::status_lines`], which follow the answer.
    Status(Vec<String>),
    /// To QUIT.
    Quit,
    /// A refusal.
    Refused(Denial),
    /// Not asked for: begins with `*`.
    Notice(Notice),
}

impl LineReply {
    /// Appends the answer with its line end (LF) to what will be sent.
    pub fn write(&self, output: &mut BytesMut) {
        // Writing to a BytesMut fails only when memory does.
        let _ = write!(output, "{self}");
        output.extend_from_slice(b"\n");
    }
}

impl std::fmt::Display for LineReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hello { vendor, version } => write!(f, "OK HELLO 1 {vendor} {}", Quoted(version)),
            Self::Checkout(handle) => write!(f, "OK CHECKOUT {handle}"),
            Self::Queued(Place { handle, position, wait_s }) => {
                write!(f, "OK QUEUE {handle} position={position}")?;
                wait_s.map_or(Ok(()), |wait| write!(f, " wait={wait}"))
            }
            Self::Checkin(handle) => write!(f, "OK CHECKIN {handle}"),
            Self::Heartbeat => f.write_str("OK HEARTBEAT"),
            Self::Status(lines) => {
                write!(f, "OK STATUS {}", lines.len())?;
                lines.iter().try_for_each(|line| write!(f, "\n{}", OneLine(line)))
            }
            Self::Quit => f.write_str("OK QUIT"),
            Self::Refused(denial) => write!(f, "ERR {}", Refusal(denial)),
            Self::Notice(Notice::SessionEnded { denial }) => write!(f, "* ENDED {}", Refusal(denial)),
            Self::Notice(Notice::SeatLost { handle, denial }) => {
                write!(f, "* LOST {handle} {}", Refusal(denial))
            }
            Self::Notice(Notice::Offered { handle, hold_s, .. }) => {
                write!(f, "* FREE {handle} hold={hold_s}")
            }
            Self::Notice(Notice::Dequeued { handle, denial, .. }) => {
                write!(f, "* DEQUEUED {handle} {}", Refusal(denial))
            }
        }
    }
}

/// `-4,209 Licensed number of users already reached. 10 of 10 are in use`
struct Refusal<'a>(&'a Denial);

impl std::fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{},{} {}.", self.0.code.number(), self.0.minor, self.0.text())?;
        if !self.0.note.is_empty() {
            write!(f, " {}", OneLine(&self.0.note))?;
        }
        Ok(())
    }
}

/// Text without line breaks or other control characters.
struct OneLine<'a>(&'a str);

impl std::fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|c| f.write_char(if c.is_control() { ' ' } else { c }))
    }
}
