//! One vendor daemon as lmgrd sees it over time: starting, up, waiting for its restart, down.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::child::{Running, Start};
use super::conversation::Done;
use super::restarts::Restarts;
use crate::event::Denial;
use crate::ident::VendorName;
use crate::wire::pipe::exit_status;

/// Where a vendor daemon stands.
#[derive(Debug)]
pub(super) enum State {
    /// Its process runs, but it has not said its port.
    Starting(Running),
    /// It serves.
    Up(Running, u16),
    /// It was told to end.
    Stopping(Running),
    /// It died and is started again at this time.
    Waiting(Instant),
    /// It is not running and will not be started again by itself.
    Down {
        /// Because somebody ordered it.
        ordered: bool,
    },
}

/// A vendor daemon.
#[derive(Debug)]
pub(super) struct Vendor {
    pub(super) start: Start,
    pub(super) state: State,
    pub(super) restarts: Restarts,
    /// Counts its processes, so that late news of an old one are not taken for the new one's.
    pub(super) generation: u64,
    /// What it said last of why it can't serve.
    pub(super) failure: Option<String>,
    /// Whether its first start has come to an end, good or bad.
    pub(super) settled: bool,
    /// Who waits for its end.
    pub(super) waiters: Vec<oneshot::Sender<Result<Done, Denial>>>,
}

impl Vendor {
    pub(super) fn name(&self) -> &VendorName {
        &self.start.vendor
    }

    pub(super) fn running(&self) -> Option<&Running> {
        match &self.state {
            State::Starting(running) | State::Up(running, _) | State::Stopping(running) => Some(running),
            State::Waiting(_) | State::Down { .. } => None,
        }
    }

    pub(super) fn port(&self) -> Option<u16> {
        match self.state {
            State::Up(_, port) => Some(port),
            _ => None,
        }
    }
}

/// What the end of a vendor daemon's process means (`flexnet-tools.md` 1.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Death {
    /// Starting it again would end the same way; these lines say why.
    Permanent(Vec<String>),
    /// It is worth another try.
    Unknown {
        /// Exit status, 0 if a signal ended it.
        status: i32,
        /// Signal number, 0 if it ended itself.
        signal: i32,
    },
}

impl Death {
    /// Judges how the process ended. `failure` is what the daemon itself said, which was logged already.
    pub(super) fn judge(vendor: &VendorName, exit: &io::Result<ExitStatus>, failure: Option<&str>) -> Self {
        let (status, signal) = match exit {
            Ok(exit) => (exit.code().unwrap_or(0), exit.signal().unwrap_or(0)),
            Err(_) => (0, 0),
        };
        let because = |reason: &str, advice: &[String]| {
            let mut lines = vec![format!("{vendor} exited with status {status} ({reason})")];
            lines.extend_from_slice(advice);
            Self::Permanent(lines)
        };
        match u8::try_from(status).unwrap_or(u8::MAX) {
            exit_status::NO_FEATURES => because(
                "No features to serve",
                &[
                    format!("{vendor} daemon found no features. Please correct"),
                    "license file and re-start daemons.".to_owned(),
                ],
            ),
            exit_status::ANOTHER_COPY => because(
                "another copy of this vendor daemon is running",
                &[
                    format!("MULTIPLE \"{vendor}\" servers running: another lmgrd has started this vendor daemon with the"),
                    "same state directory, or an earlier one is still ending. Stop it, or use another --state-dir.".to_owned(),
                ],
            ),
            exit_status::PORT_TAKEN => because(
                "its TCP port is in use",
                &["Choose another port= on the VENDOR line, or end the program that has it.".to_owned()],
            ),
            exit_status::CANNOT_START if failure.is_some() => because("it cannot be started so", &[]),
            _ => Self::Unknown { status, signal },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(raw: i32, failure: Option<&str>) -> Death {
        Death::judge(&VendorName::parse("LGS").unwrap(), &Ok(ExitStatus::from_raw(raw)), failure)
    }

    #[test]
    fn known_statuses_are_explained_and_others_are_tried_again() {
        for status in [36, 32, 40] {
            let Death::Permanent(lines) = judge(status << 8, None) else { panic!("{status}") };
            assert!(lines[0].starts_with(&format!("LGS exited with status {status} (")), "{lines:?}");
        }
        assert!(matches!(judge(1 << 8, Some("no manifest")), Death::Permanent(_)));
        assert_eq!(judge(1 << 8, None), Death::Unknown { status: 1, signal: 0 });
        assert_eq!(judge(41 << 8, Some("history")), Death::Unknown { status: 41, signal: 0 });
        assert_eq!(judge(15 << 8, None), Death::Unknown { status: 15, signal: 0 });
        assert_eq!(judge(9, None), Death::Unknown { status: 0, signal: 9 });
    }
}
