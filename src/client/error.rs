//! What can go wrong for a client, with the field's numbers.

use std::fmt;
use std::io;

use thiserror::Error;

use super::path::SearchPath;
use crate::code::{Code, minor};
use crate::event::Denial;
use crate::ident::{FeatureName, Host, NameError, Version, VersionError};
use crate::wire::{EncodeError, FrameError};

/// Why a conversation with one server failed.
#[derive(Debug, Error)]
pub enum DialError {
    /// The host name has no address.
    #[error("host {host} has no address: {source}")]
    HostUnknown {
        /// The host.
        host: String,
        /// What the system said.
        source: io::Error,
    },
    /// No address of the host took the connection.
    #[error("cannot connect to {place}: {source}")]
    Connect {
        /// `port@host`.
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// No address of the host answered in time.
    #[error("{place} does not answer")]
    ConnectTimeout {
        /// `port@host`.
        place: String,
    },
    /// No port of those that a license manager takes by itself has one.
    #[error("no license manager at {host}: ports {first} to {last} were tried; {source}")]
    NoPort {
        /// The host.
        host: String,
        /// The first port that was tried.
        first: u16,
        /// The last port that was tried.
        last: u16,
        /// What came of the first port.
        source: Box<DialError>,
    },
    /// The connection failed while a message was sent or awaited.
    #[error("the connection to {place} failed: {source}")]
    Io {
        /// `port@host`.
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// The server closed the connection before its answer.
    #[error("{place} closed the connection")]
    Closed {
        /// `port@host`.
        place: String,
    },
    /// No answer in time.
    #[error("{place} took the request but did not answer")]
    AnswerTimeout {
        /// `port@host`.
        place: String,
    },
    /// What came are no frames: something else listens there.
    #[error("{place} does not speak this protocol: {source}")]
    Protocol {
        /// `port@host`.
        place: String,
        /// What is wrong with the bytes.
        source: FrameError,
    },
    /// The answer is not of the kind that was asked for.
    #[error("{place} gave an unexpected answer: {found}")]
    Unexpected {
        /// `port@host`.
        place: String,
        /// What came.
        found: String,
    },
    /// The request does not fit into a frame.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The server refused.
    #[error("{0}")]
    Refused(Denial),
}

impl DialError {
    /// The failure with the field's numbers; a note says what happened.
    #[must_use]
    pub fn denial(&self) -> Denial {
        let (code, place) = match self {
            Self::NoPort { source, .. } => {
                let Denial { code, minor, .. } = source.denial();
                (code, minor)
            }
            Self::HostUnknown { .. } => (Code::NoServerHost, minor::HOST_UNKNOWN),
            Self::Connect { .. } => (Code::CannotConnect, minor::CONNECT_FAILED),
            Self::ConnectTimeout { .. } => (Code::ServerDown, minor::CONNECT_FAILED),
            Self::Io { .. } | Self::Closed { .. } => (Code::CannotRead, minor::CLOSED_EARLY),
            Self::AnswerTimeout { .. } => (Code::CannotRead, minor::ANSWER_TIMEOUT),
            Self::Protocol { .. } | Self::Unexpected { .. } => {
                (Code::BadReturnedData, minor::ANSWER_UNEXPECTED)
            }
            Self::Encode(_) => (Code::CannotWrite, minor::MALFORMED),
            Self::Refused(denial) => return denial.clone(),
        };
        Denial::new(code, place, &self.to_string())
    }

    /// The system's error number and text, if the failure came from there.
    #[must_use]
    pub fn system(&self) -> Option<SystemError> {
        match self {
            Self::HostUnknown { source, .. } | Self::Connect { source, .. } | Self::Io { source, .. } => {
                SystemError::of(source)
            }
            Self::NoPort { source, .. } => source.system(),
            _ => None,
        }
    }

    /// Whether the server answered and refused, or another failure came between.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Denial> {
        match self {
            Self::Refused(denial) => Some(denial),
            _ => None,
        }
    }
}

/// A number of the operating system with its text, such as 111 `Connection refused`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemError {
    /// The number.
    pub number: i32,
    /// Its text.
    pub text: String,
}

impl SystemError {
    /// The number and text of an error of the operating system, if it is one.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        let number = error.raw_os_error()?;
        let text = error.to_string();
        let text = text.split(" (os error").next().unwrap_or_default().to_owned();
        Some(Self { number, text })
    }
}

/// One entry of the search path that was tried in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The entry as it stands in the path, or the file or server that came of it.
    pub place: String,
    /// Why it gave nothing.
    pub denial: Denial,
    /// What the operating system said, if it was asked.
    pub system: Option<SystemError>,
    /// Whether a server answered; then its refusal counts more than a server that could not be reached.
    pub answered: bool,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.denial)?;
        if self.denial.note.is_empty() { Ok(()) } else { write!(f, " {}", self.denial.note) }
    }
}

/// A checkout that no entry of the search path granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutFailure {
    /// What was asked for.
    pub feature: FeatureName,
    /// In which version.
    pub version: Version,
    /// By whose machine.
    pub host: Host,
    /// Where it was looked for.
    pub path: SearchPath,
    /// What was tried, in order; at least one.
    pub attempts: Vec<Attempt>,
}

impl CheckoutFailure {
    /// The attempt that says most: the first that a server refused because all licenses are in use, else the first that
    /// a server refused at all, else the first.
    #[must_use]
    pub fn main_attempt(&self) -> Option<&Attempt> {
        let first = |accept: fn(&Attempt) -> bool| self.attempts.iter().find(|attempt| accept(attempt));
        first(|attempt| attempt.answered && attempt.denial.code == Code::UsersReached)
            .or_else(|| first(|attempt| attempt.answered))
            .or_else(|| first(|_| true))
    }

    /// The refusal with the field's numbers.
    #[must_use]
    pub fn denial(&self) -> Denial {
        match self.main_attempt() {
            Some(attempt) => attempt.denial.clone(),
            None => Denial::new(Code::NoLicenseFile, minor::PATH_EMPTY, "the license search path is empty"),
        }
    }

    /// The classic layout for people (`flexnet-tools.md` 4.3), with a line for each entry that was tried.
    #[must_use]
    pub fn long(&self) -> String {
        use fmt::Write as _;
        let denial = self.denial();
        let mut text = format!("{}.\n", denial.text());
        let mut line = |line: fmt::Arguments<'_>| {
            // Writing to a String can't fail.
            let _ = text.write_fmt(line);
            text.push('\n');
        };
        if !denial.note.is_empty() {
            line(format_args!(" {}", denial.note));
        }
        line(format_args!(" Remedy: {}.", denial.code.remedy()));
        if self.attempts.len() > 1 {
            self.attempts.iter().for_each(|attempt| line(format_args!(" Tried {attempt}")));
        }
        line(format_args!("{:<15}{}", "Feature:", self.feature));
        let about_servers = [Code::NoServerHost, Code::CannotConnect, Code::ServerDown, Code::ThisHostFailed];
        let server = self.main_attempt().and_then(|attempt| Some(attempt.place.split_once('@')?.1));
        if let Some(server) = server.filter(|_| about_servers.contains(&denial.code)) {
            line(format_args!("{:<15}{server}", "Hostname:"));
        } else if denial.code == Code::WrongHost {
            line(format_args!("{:<15}{}", "Hostname:", self.host));
        }
        if let (Code::NoLicenseFile | Code::CannotReadFile, Some(attempt)) =
            (denial.code, self.main_attempt())
        {
            line(format_args!("{:<15}{}", "Filename:", attempt.place));
        }
        line(format_args!("{:<15}{}", "License path:", self.path));
        let system = self.main_attempt().and_then(|attempt| attempt.system.as_ref());
        let system = system.map_or(String::new(), |system| {
            format!(".  System Error: {} \"{}\"", system.number, system.text)
        });
        line(format_args!("License error:{},{}{system}", denial.code.number(), denial.minor));
        line(format_args!("For further information, refer to grammar/codes.md of Seatkeeper."));
        text
    }
}

impl fmt::Display for CheckoutFailure {
    /// The short layout: `Text (-4,209). note`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let denial = self.denial();
        write!(f, "{} ({},{}", denial.text(), denial.code.number(), denial.minor)?;
        match self.main_attempt().and_then(|attempt| attempt.system.as_ref()) {
            Some(system) => write!(f, ":{}) {}", system.number, system.text)?,
            None => f.write_str(")")?,
        }
        if denial.note.is_empty() { Ok(()) } else { write!(f, ": {}", denial.note) }
    }
}

/// What can go wrong for an application.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No place of the search path granted the licenses.
    #[error("{0}")]
    Checkout(Box<CheckoutFailure>),
    /// The licenses could not be given back, or the session is over.
    #[error("{0} {note}", note = .0.note)]
    Session(Denial),
    /// A feature, user, host or display is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A version is no number.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// A count of licenses must be at least 1.
    #[error("a checkout asks for at least one license")]
    CountZero,
    /// The client's own thread can't be started, or is gone.
    #[error("the client's thread does not run: {0}")]
    Thread(io::Error),
}

impl ClientError {
    /// The failure with the field's numbers.
    #[must_use]
    pub fn denial(&self) -> Denial {
        match self {
            Self::Checkout(failure) => failure.denial(),
            Self::Session(denial) => denial.clone(),
            Self::Name(_) | Self::CountZero => {
                Denial::new(Code::InvalidParameter, minor::MALFORMED, &self.to_string())
            }
            Self::Version(_) => Denial::new(Code::BadVersion, minor::MALFORMED, &self.to_string()),
            Self::Thread(_) => Denial::new(Code::InternalError, minor::CLOSED_EARLY, &self.to_string()),
        }
    }

    /// The number, such as -4.
    #[must_use]
    pub fn code(&self) -> Code {
        self.denial().code
    }

    /// What the person who reads it can do.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        self.code().remedy()
    }

    /// The long form for people.
    #[must_use]
    pub fn long(&self) -> String {
        match self {
            Self::Checkout(failure) => failure.long(),
            other => {
                let denial = other.denial();
                format!(
                    "{}.\n {}\n Remedy: {}.\nLicense error:{},{}\n",
                    denial.text(),
                    other,
                    denial.code.remedy(),
                    denial.code.number(),
                    denial.minor
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(place: &str, code: Code, minor: u16, answered: bool) -> Attempt {
        Attempt { place: place.to_owned(), denial: Denial::new(code, minor, ""), system: None, answered }
    }

    fn failure(attempts: Vec<Attempt>) -> CheckoutFailure {
        CheckoutFailure {
            feature: FeatureName::parse("cad_design").unwrap(),
            version: Version::parse("2.0").unwrap(),
            host: Host::parse("ws01").unwrap(),
            path: SearchPath::parse("27000@a:27000@b"),
            attempts,
        }
    }

    #[test]
    fn the_long_form_keeps_the_classic_layout() {
        let mut failure = failure(vec![
            attempt("27000@a", Code::CannotConnect, minor::CONNECT_FAILED, false),
            attempt("27000@b", Code::UsersReached, minor::POOL_IN_USE, true),
        ]);
        assert_eq!(
            failure.long(),
            "Licensed number of users already reached.\n\
             \x20Remedy: wait until a license is checked in; lmstat -a shows who holds them.\n\
             \x20Tried 27000@a: Cannot connect to license server system. (-15,501)\n\
             \x20Tried 27000@b: Licensed number of users already reached. (-4,209)\n\
             Feature:       cad_design\n\
             License path:  27000@a:27000@b:\n\
             License error:-4,209\n\
             For further information, refer to grammar/codes.md of Seatkeeper.\n"
        );
        failure.attempts.truncate(1);
        failure.attempts[0].system = Some(SystemError { number: 111, text: "Connection refused".to_owned() });
        let long = failure.long();
        assert!(long.contains("\nHostname:      a\n"), "{long}");
        assert!(
            long.contains("\nLicense error:-15,501.  System Error: 111 \"Connection refused\"\n"),
            "{long}"
        );
        assert_eq!(
            failure.to_string(),
            "Cannot connect to license server system (-15,501:111) Connection refused"
        );
    }
}
