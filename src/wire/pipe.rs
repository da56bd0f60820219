//! The pipe between lmgrd and a vendor daemon that it started: text lines over the daemon's standard input, a socket
//! pair. Its end says that the other side is gone: a vendor daemon then drains and ends within 5 seconds.
//!
//! An order to remove, or the question whether the daemon may be stopped, is a line; DONE with how it went ends the answer, behind any
//! SAID lines. An order to reread is several lines: FILE, OPTIONS and HOST say what to read, REREAD ends it. Its answer is as many SAID
//! lines as it takes and REREAD with how it went.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::code::Code;
use crate::event::{Denial, Removal, RemovalTarget, Removed};
use crate::ident::{Handle, decode_hex, encode_hex};

/// Longest line that a vendor daemon says, its end included, in bytes.
pub const PIPE_LINE_BYTES_MAX: usize = 4096;

/// Longest line that lmgrd says: a path, each byte of it perhaps written as three.
pub const PIPE_ORDER_BYTES_MAX: usize = 16 * 1024;

/// Most files of one order; the rest is left out.
const FILES_MAX: usize = 100_000;

/// Exit statuses of the vendor daemon (`flexnet-tools.md` 1.6); lmgrd restarts it after every other one.
pub mod exit_status {
    /// Ended in order.
    pub const ORDERLY: u8 = 15;
    /// Another daemon of this vendor holds the state directory.
    pub const ANOTHER_COPY: u8 = 32;
    /// Nothing to serve.
    pub const NO_FEATURES: u8 = 36;
    /// lmgrd is gone.
    pub const LOST_LMGRD: u8 = 37;
    /// The port is taken.
    pub const PORT_TAKEN: u8 = 40;
    /// The history failed in a way that only a restart can settle.
    pub const HISTORY_FAILED: u8 = 41;
    /// Anything else that keeps it from starting.
    pub const CANNOT_START: u8 = 1;
}

/// What a vendor daemon tells lmgrd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DaemonLine {
    /// It serves on this TCP port.
    Ready {
        /// The port.
        port: u16,
    },
    /// It can't serve and ends.
    Failed {
        /// Why, for people, in one line.
        text: String,
    },
    /// A line of the answer to an order.
    Said {
        /// Which order.
        order: u32,
        /// The line.
        text: String,
    },
    /// The end of the answer to any other order.
    Done {
        /// Which order.
        order: u32,
        /// Why it was not carried out in full; none if it was.
        refused: Option<Denial>,
    },
    /// The end of the answer to an order to reread.
    Reread {
        /// Which order.
        order: u32,
        /// Why not everything was taken over; none if it was.
        refused: Option<Denial>,
    },
}

/// What lmgrd tells a vendor daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManagerLine {
    /// End in order.
    Stop {
        /// Who ordered it, such as `ann@ws01` or `signal 15`.
        who: String,
    },
    /// Say whether anything speaks against an end that is not forced. Changes nothing.
    MayStop {
        /// A number for the answer.
        order: u32,
    },
    /// Take licenses back.
    Remove {
        /// A number for the answer.
        order: u32,
        /// What, and who ordered it.
        removed: Removed,
    },
    /// Read everything again.
    Reread {
        /// A number for the answer.
        order: u32,
        /// Take what is there even if lines are bad.
        force: bool,
        /// What to read; none for the same files as before.
        sources: Option<Sources>,
        /// Who ordered it, such as `ann@ws01` or `SIGHUP`.
        who: String,
    },
}

/// Which files a vendor daemon reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// License files in path order; the bytes of absolute paths.
    pub files: Vec<Vec<u8>>,
    /// The options file, if there is one.
    pub options: Option<Vec<u8>>,
    /// Host of the SERVER line, as lmstat shows it.
    pub host: String,
}

/// Puts the lines of lmgrd together.
#[derive(Debug, Default)]
pub struct ManagerLines {
    files: Vec<Vec<u8>>,
    options: Option<Vec<u8>>,
    host: Option<String>,
}

impl DaemonLine {
    /// Reads a line without its end; none if it has no meaning.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        match line.split_once(' ') {
            Some(("READY", port)) => Some(Self::Ready { port: port.parse().ok().filter(|port| *port != 0)? }),
            Some(("FAILED", text)) => Some(Self::Failed { text: text.to_owned() }),
            Some(("SAID", rest)) => {
                let (order, text) = rest.split_once(' ')?;
                Some(Self::Said { order: order.parse().ok()?, text: text.to_owned() })
            }
            Some(("REREAD", rest)) => {
                let (order, refused) = parse_end(rest)?;
                Some(Self::Reread { order, refused })
            }
            Some(("DONE", rest)) => {
                let (order, refused) = parse_end(rest)?;
                Some(Self::Done { order, refused })
            }
            _ => None,
        }
    }
}

/// The order that an answer ends, and why it was not carried out in full.
fn parse_end(text: &str) -> Option<(u32, Option<Denial>)> {
    let (order, how) = text.split_once(' ')?;
    let order = order.parse().ok()?;
    if how == "OK" {
        return Some((order, None));
    }
    let mut words = how.splitn(3, ' ');
    let code = words.next().and_then(|number| Code::from_number(number.parse().ok()?))?;
    let minor = words.next()?.parse().ok()?;
    let note = words.next().unwrap_or_default();
    Some((order, Some(Denial::new(code, minor, note))))
}

/// The words of an order to remove.
fn parse_remove(text: &str) -> Option<ManagerLine> {
    fn name<T: FromStr>(word: Option<&str>) -> Option<T> {
        String::from_utf8(unescape(word?)?).ok()?.parse().ok()
    }
    let mut words = text.split(' ');
    let order = words.next()?.parse().ok()?;
    let by = name(words.next())?;
    let feature = name(words.next())?;
    let target = match words.next()? {
        "HANDLE" => RemovalTarget::Handle(Handle(words.next()?.parse().ok()?)),
        "CLIENT" => RemovalTarget::Client {
            user: name(words.next())?,
            host: name(words.next())?,
            display: name(words.next())?,
        },
        _ => return None,
    };
    let removed = Removed { by, removal: Removal { feature, target } };
    words.next().is_none().then_some(ManagerLine::Remove { order, removed })
}

impl ManagerLines {
    /// Takes a line without its end. Gives what is complete with it.
    ///
    /// # Errors
    /// When the line has no meaning.
    pub fn take(&mut self, line: &str) -> Result<Option<ManagerLine>, PipeLineUnknown> {
        let (word, rest) = line.split_once(' ').ok_or(PipeLineUnknown)?;
        match word {
            "STOP" => return Ok(Some(ManagerLine::Stop { who: rest.to_owned() })),
            "MAYSTOP" => {
                let order = rest.parse().map_err(|_| PipeLineUnknown)?;
                return Ok(Some(ManagerLine::MayStop { order }));
            }
            "REMOVE" => return parse_remove(rest).map(Some).ok_or(PipeLineUnknown),
            "FILE" if self.files.len() < FILES_MAX => self.files.push(unescape(rest).ok_or(PipeLineUnknown)?),
            "FILE" => {}
            "OPTIONS" => self.options = Some(unescape(rest).ok_or(PipeLineUnknown)?),
            "HOST" => self.host = Some(rest.to_owned()),
            "REREAD" => {
                let Self { files, options, host } = std::mem::take(self);
                let mut words = rest.splitn(3, ' ');
                let order = words.next().and_then(|word| word.parse().ok()).ok_or(PipeLineUnknown)?;
                let force = match words.next() {
                    Some("force") => true,
                    Some("careful") => false,
                    _ => return Err(PipeLineUnknown),
                };
                let who = words.next().unwrap_or_default().to_owned();
                let sources = host.map(|host| Sources { files, options, host });
                return Ok(Some(ManagerLine::Reread { order, force, sources, who }));
            }
            _ => return Err(PipeLineUnknown),
        }
        Ok(None)
    }
}

/// A line that means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a line that has no meaning here")]
pub struct PipeLineUnknown;

/// Bytes as one word: what is not a plain character becomes `%` and two hexadecimal digits.
fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_graphic() && *byte != b'%' {
            text.push(char::from(*byte));
        } else {
            text.push('%');
            text.push_str(&encode_hex(&[*byte]));
        }
    }
    text
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let pair = [rest.next()?, rest.next()?];
            bytes.extend(decode_hex(std::str::from_utf8(&pair).ok()?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    Some(bytes)
}

impl fmt::Display for DaemonLine {
    /// With the line end, cut to [`PIPE_LINE_BYTES_MAX`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready { port } => writeln!(f, "READY {port}"),
            Self::Failed { text } => writeln!(f, "FAILED {}", one_line(text)),
            Self::Said { order, text } => writeln!(f, "SAID {order} {}", one_line(text)),
            Self::Reread { order, refused } => put_end(f, "REREAD", *order, refused.as_ref()),
            Self::Done { order, refused } => put_end(f, "DONE", *order, refused.as_ref()),
        }
    }
}

fn put_end(f: &mut fmt::Formatter<'_>, word: &str, order: u32, refused: Option<&Denial>) -> fmt::Result {
    match refused {
        None => writeln!(f, "{word} {order} OK"),
        Some(Denial { code, minor, note }) => {
            writeln!(f, "{word} {order} {} {minor} {}", code.number(), one_line(note))
        }
    }
}

impl fmt::Display for ManagerLine {
    /// With the line ends, cut to [`PIPE_LINE_BYTES_MAX`] but for paths.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop { who } => writeln!(f, "STOP {}", one_line(who)),
            Self::MayStop { order } => writeln!(f, "MAYSTOP {order}"),
            Self::Remove { order, removed: Removed { by, removal } } => {
                let (by, feature) = (escape(by.as_bytes()), escape(removal.feature.as_str().as_bytes()));
                write!(f, "REMOVE {order} {by} {feature} ")?;
                match &removal.target {
                    RemovalTarget::Handle(handle) => writeln!(f, "HANDLE {handle}"),
                    RemovalTarget::Client { user, host, display } => {
                        let words = [user.as_str(), host.as_str(), display.as_str()];
                        let [user, host, display] = words.map(|word| escape(word.as_bytes()));
                        writeln!(f, "CLIENT {user} {host} {display}")
                    }
                }
            }
            Self::Reread { order, force, sources, who } => {
                if let Some(Sources { files, options, host }) = sources {
                    files.iter().try_for_each(|file| writeln!(f, "FILE {}", escape(file)))?;
                    if let Some(options) = options {
                        writeln!(f, "OPTIONS {}", escape(options))?;
                    }
                    writeln!(f, "HOST {}", one_line(host))?;
                }
                let how = if *force { "force" } else { "careful" };
                writeln!(f, "REREAD {order} {how} {}", one_line(who))
            }
        }
    }
}

fn one_line(text: &str) -> String {
    let mut kept = String::new();
    for character in text.chars() {
        if kept.len() + character.len_utf8() > PIPE_LINE_BYTES_MAX - 64 {
            break;
        }
        kept.push(if character.is_control() { ' ' } else { character });
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of the lines of an order.
    fn whole(order: &ManagerLine) -> ManagerLine {
        let mut lines = ManagerLines::default();
        let text = order.to_string();
        let mut found = text.lines().filter_map(|line| lines.take(line).unwrap());
        let whole = found.next().unwrap();
        assert_eq!(found.next(), None);
        whole
    }

    #[test]
    fn lines_come_back_and_never_break() {
        for line in [
            DaemonLine::Ready { port: 27010 },
            DaemonLine::Failed { text: "port 27010 is taken".into() },
            DaemonLine::Said { order: 7, text: "pool added".into() },
            DaemonLine::Reread { order: 7, refused: None },
            DaemonLine::Done { order: 8, refused: None },
            DaemonLine::Done { order: 8, refused: Some(Denial::new(Code::LingerLicense, 607, "a b")) },
            DaemonLine::Reread { order: 7, refused: Some(Denial::new(Code::RereadIncomplete, 606, "a b")) },
        ] {
            let text = line.to_string();
            assert_eq!(DaemonLine::parse(text.strip_suffix('\n').unwrap()), Some(line));
        }
        let stop = ManagerLine::Stop { who: "ann@ws01".into() };
        assert_eq!(whole(&stop), stop);
        let sources = Sources {
            files: vec![b"/a b/%\xff\n.lic".to_vec(), b"/b.lic".to_vec()],
            options: Some(b"/LGS.opt".to_vec()),
            host: "lic1".into(),
        };
        for (force, sources) in [(true, Some(sources)), (false, None)] {
            let order = ManagerLine::Reread { order: 7, force, sources, who: "ann@ws01".into() };
            assert_eq!(whole(&order), order);
        }
        let client = RemovalTarget::Client {
            user: "Ann% Lee".parse().unwrap(),
            host: "wß01".parse().unwrap(),
            display: "/dev/pts/0".parse().unwrap(),
        };
        for target in [RemovalTarget::Handle(Handle(12)), client] {
            let removal = Removal { feature: "f%1".parse().unwrap(), target };
            let order =
                ManagerLine::Remove { order: 9, removed: Removed { by: "Ann Lee@ws01".into(), removal } };
            assert_eq!(whole(&order), order);
        }
        assert_eq!(whole(&ManagerLine::MayStop { order: 3 }), ManagerLine::MayStop { order: 3 });
        for line in ["REMOVE 1 a f HANDLE x", "REMOVE 1 a f CLIENT a b", "REMOVE 1 a f HANDLE 1 2", "MAYSTOP"]
        {
            assert_eq!(ManagerLines::default().take(line), Err(PipeLineUnknown), "{line}");
        }
        assert_eq!(ManagerLines::default().take("FILE %4"), Err(PipeLineUnknown));
        assert_eq!(ManagerLines::default().take("REREAD 7 perhaps"), Err(PipeLineUnknown));
        assert_eq!(DaemonLine::parse("READY 0"), None);
        assert_eq!(DaemonLine::parse("READY 70000"), None);
        assert_eq!(DaemonLine::parse(""), None);
        let long = DaemonLine::Failed { text: "ü\n".repeat(PIPE_LINE_BYTES_MAX) }.to_string();
        assert!(long.len() <= PIPE_LINE_BYTES_MAX && long.matches('\n').count() == 1);
    }
}
