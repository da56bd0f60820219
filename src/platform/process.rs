//! Going to the background, and ending other processes.
//!
//! A program goes to the background by starting itself again with the same arguments and a mark. The child leaves the
//! terminal's session and says on its standard input, a socket of the parent, how its start went; the parent prints
//! what it hears and ends with the true exit status. So a start script learns whether the server runs.

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, setsid};

/// Longest report of a child that is read, in bytes.
const REPORT_BYTES_MAX: u64 = 64 * 1024;

/// What the parent learned of its child's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartReport {
    /// Lines for the parent's standard error.
    pub notes: Vec<String>,
    /// The parent's exit status: 0 when the child serves.
    pub status: u8,
}

/// Starts this program again with `arguments` and waits until it serves or has failed.
///
/// # Errors
/// The program can't be started.
pub fn start_in_background(name: &str, arguments: &[OsString]) -> io::Result<StartReport> {
    use std::os::unix::process::CommandExt as _;
    let (ours, theirs) = UnixStream::pair()?;
    let program = std::env::current_exe()?;
    let mut child =
        Command::new(program).arg0(name).args(arguments).stdin(Stdio::from(OwnedFd::from(theirs))).spawn()?;
    let report = read_report(ours);
    if report.status != 0 {
        // It has said its last word; taking its status leaves nothing behind.
        let _ = child.wait();
    }
    Ok(report)
}

fn read_report(stream: UnixStream) -> StartReport {
    let mut notes = Vec::new();
    for line in BufReader::new(stream.take(REPORT_BYTES_MAX)).lines() {
        let Ok(line) = line else { break };
        match line.split_once(' ') {
            Some(("note", text)) => notes.push(text.to_owned()),
            Some(("failed", rest)) => {
                let (status, text) = rest.split_once(' ').unwrap_or((rest, ""));
                notes.push(text.to_owned());
                return StartReport { notes, status: status.parse().ok().filter(|s| *s != 0).unwrap_or(1) };
            }
            _ if line == "ready" => return StartReport { notes, status: 0 },
            _ => {}
        }
    }
    notes.push("the background process ended without saying why".to_owned());
    StartReport { notes, status: 1 }
}

/// The child's side: how its start goes.
#[derive(Debug)]
pub struct StartReporter {
    stream: UnixStream,
}

impl StartReporter {
    /// Takes standard input as the way to the parent and leaves the terminal's session.
    ///
    /// # Errors
    /// Standard input is not open, or the process leads a group already.
    pub fn begin() -> io::Result<Self> {
        let stream = UnixStream::from(rustix::io::dup(rustix::stdio::stdin())?);
        // Fails only for a process that leads its session already, which is what was wanted.
        let _ = setsid();
        Ok(Self { stream })
    }

    /// Something for the parent's standard error; the start goes on.
    pub fn note(&mut self, text: &str) {
        self.send(&format!("note {}\n", one_line(text)));
    }

    /// The start has failed.
    pub fn failed(mut self, status: u8, text: &str) {
        self.send(&format!("failed {status} {}\n", one_line(text)));
    }

    /// The program serves. Standard input, error and, if asked, output go to the null device, so that nobody waits
    /// for their end.
    ///
    /// # Errors
    /// The null device can't be opened.
    pub fn ready(mut self, close_output: bool, close_error: bool) -> io::Result<()> {
        let null = std::fs::File::options().read(true).write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdin(&null)?;
        if close_output {
            rustix::stdio::dup2_stdout(&null)?;
        }
        if close_error {
            rustix::stdio::dup2_stderr(&null)?;
        }
        self.send("ready\n");
        Ok(())
    }

    fn send(&mut self, line: &str) {
        // A parent that was killed no longer wants to know.
        let _ = self.stream.write_all(line.as_bytes());
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// Raises the number of files that this process may have open to what the system allows it, for servers with many
/// connections. Gives the number that holds now; none means without a limit.
pub fn raise_file_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let present = getrlimit(Resource::Nofile);
    if present.current == present.maximum {
        return present.current;
    }
    let raised = Rlimit { current: present.maximum, maximum: present.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => present.maximum,
        Err(_) => present.current,
    }
}

/// Asks a process to end (SIGTERM).
///
/// # Errors
/// There is no such process, or it belongs to somebody else.
pub fn terminate(pid: u32) -> io::Result<()> {
    signal(pid, Signal::TERM)
}

/// Interrupts a process (SIGINT).
///
/// # Errors
/// There is no such process, or it belongs to somebody else.
pub fn interrupt(pid: u32) -> io::Result<()> {
    signal(pid, Signal::INT)
}

/// Tells a process that its terminal is gone (SIGHUP).
///
/// # Errors
/// There is no such process, or it belongs to somebody else.
pub fn hang_up(pid: u32) -> io::Result<()> {
    signal(pid, Signal::HUP)
}

/// Ends a process at once (SIGKILL).
///
/// # Errors
/// There is no such process, or it belongs to somebody else.
pub fn kill(pid: u32) -> io::Result<()> {
    signal(pid, Signal::KILL)
}

/// The start time of a process in clock ticks, which tells it from a later one with the same number; none when there is
/// no such process.
#[must_use]
pub fn started_at(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold blanks; the start time is the 20th field after it.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19).map(str::to_owned)
}

fn signal(pid: u32, signal: Signal) -> io::Result<()> {
    Ok(kill_process(process_id(pid)?, signal)?)
}

fn process_id(pid: u32) -> io::Result<Pid> {
    i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("{pid} is not a process number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(sent: &str) -> StartReport {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(sent.as_bytes()).unwrap();
        drop(theirs);
        read_report(ours)
    }

    #[test]
    fn the_parent_ends_with_the_true_status() {
        assert_eq!(report("note a b\nready\n"), StartReport { notes: vec!["a b".into()], status: 0 });
        assert_eq!(report("failed 243 no SERVER line\n").status, 243);
        assert_eq!(report("failed 0 odd\n").status, 1);
        assert_eq!(report("note half").status, 1);
    }

    #[test]
    fn the_file_limit_does_not_fall() {
        let raised = raise_file_limit();
        assert!(raised.is_none_or(|files| files >= 256), "{raised:?}");
        assert_eq!(raise_file_limit(), raised);
    }

    #[test]
    fn a_child_is_ended_by_number() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let started = started_at(child.id()).unwrap();
        assert_eq!(started_at(child.id()), Some(started));
        terminate(child.id()).unwrap();
        assert!(!child.wait().unwrap().success());
        assert_eq!(started_at(child.id()), None);
        assert!(terminate(0).is_err());
    }
}
