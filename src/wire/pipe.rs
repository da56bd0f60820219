//! The pipe between lmgrd and a vendor daemon that it started: text lines over the daemon's standard input, a socket
//! pair. Its end says that the other side is gone: a vendor daemon then drains and ends within 5 seconds.

use std::fmt;

/// Longest line, its end included, in bytes.
pub const PIPE_LINE_BYTES_MAX: usize = 4096;

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
}

/// What lmgrd tells a vendor daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManagerLine {
    /// End in order.
    Stop {
        /// Who ordered it, such as `ann@ws01` or `signal 15`.
        who: String,
    },
}

impl DaemonLine {
    /// Reads a line without its end; none if it has no meaning.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        match line.split_once(' ') {
            Some(("READY", port)) => Some(Self::Ready { port: port.parse().ok().filter(|port| *port != 0)? }),
            Some(("FAILED", text)) => Some(Self::Failed { text: text.to_owned() }),
            _ => None,
        }
    }
}

impl ManagerLine {
    /// Reads a line without its end; none if it has no meaning.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        match line.split_once(' ') {
            Some(("STOP", who)) => Some(Self::Stop { who: who.to_owned() }),
            _ => None,
        }
    }
}

impl fmt::Display for DaemonLine {
    /// With the line end, cut to [`PIPE_LINE_BYTES_MAX`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready { port } => writeln!(f, "READY {port}"),
            Self::Failed { text } => writeln!(f, "FAILED {}", one_line(text)),
        }
    }
}

impl fmt::Display for ManagerLine {
    /// With the line end, cut to [`PIPE_LINE_BYTES_MAX`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop { who } => writeln!(f, "STOP {}", one_line(who)),
        }
    }
}

fn one_line(text: &str) -> String {
    let mut kept = String::new();
    for character in text.chars() {
        if kept.len() + character.len_utf8() > PIPE_LINE_BYTES_MAX - 16 {
            break;
        }
        kept.push(if character.is_control() { ' ' } else { character });
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_and_never_break() {
        for line in
            [DaemonLine::Ready { port: 27010 }, DaemonLine::Failed { text: "port 27010 is taken".into() }]
        {
            let text = line.to_string();
            assert_eq!(DaemonLine::parse(text.strip_suffix('\n').unwrap()), Some(line));
        }
        let stop = ManagerLine::Stop { who: "ann@ws01".into() };
        assert_eq!(ManagerLine::parse(stop.to_string().trim_end()), Some(stop));
        assert_eq!(DaemonLine::parse("READY 0"), None);
        assert_eq!(DaemonLine::parse("READY 70000"), None);
        assert_eq!(DaemonLine::parse(""), None);
        let long = DaemonLine::Failed { text: "ü\n".repeat(PIPE_LINE_BYTES_MAX) }.to_string();
        assert!(long.len() <= PIPE_LINE_BYTES_MAX && long.matches('\n').count() == 1);
    }
}
