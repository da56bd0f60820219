//! A whole system as processes of its own: lmgrd with its vendor daemons on free ports, and the tools.
#![allow(dead_code, reason = "each test binary uses its part of the support")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use crate::daemon::{logged, mark, signal, until};
use crate::signed::sign;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_seatkeeper");

/// A port that is free now. Somebody may take it before it is used; starters try again then.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Whether somebody listens on a port of this machine.
pub(crate) fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// A running system; ended when dropped.
pub(crate) struct System {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) port: u16,
    child: Child,
}

impl System {
    /// Starts lmgrd with a license of which each feature line is signed first. In the text `{port}` stands for a free
    /// port of lmgrd. Waits until every vendor daemon has come to something.
    pub(crate) fn start(license: &str, arguments: &[&str]) -> Self {
        Self::start_prepared(license, arguments, |_| {})
    }

    /// The same, after something was put into the directory that lmgrd starts in.
    pub(crate) fn start_prepared(license: &str, arguments: &[&str], prepare: impl Fn(&Path)) -> Self {
        Self::start_in(license, arguments, &[], prepare)
    }

    /// The same, with variables of the environment.
    pub(crate) fn start_in(
        license: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
        prepare: impl Fn(&Path),
    ) -> Self {
        for _ in 0..5 {
            let dir = tempfile::tempdir().unwrap();
            prepare(dir.path());
            let port = free_port();
            let text = sign(&license.replace("{port}", &port.to_string()));
            std::fs::write(dir.path().join("test.lic"), text).unwrap();
            let child = lmgrd(dir.path(), arguments).envs(environment.iter().copied()).spawn().unwrap();
            let mut system = Self { dir, port, child };
            let is_vendor = |line: &&str| line.starts_with("VENDOR ") || line.starts_with("DAEMON ");
            let vendors = license.lines().filter(is_vendor).count();
            let mut ended = false;
            until("lmgrd to start", || {
                ended = system.child.try_wait().unwrap().is_some();
                ended || settled(&system.log_so_far()) >= vendors
            });
            if !ended {
                return system;
            }
            let log = system.log_so_far();
            assert!(log.contains("already in use"), "{log}");
        }
        panic!("no port stayed free");
    }

    /// Starts lmgrd again where it was, after its end; waits as [`Self::start`] does.
    pub(crate) fn start_again(&mut self) {
        let before = settled(&self.whole_log());
        self.child = lmgrd(self.dir.path(), &[]).spawn().unwrap();
        until("lmgrd to start", || settled(&self.log_so_far()) > before);
    }

    /// What is written of the log. A line that is missing here may be on its way, as lmgrd and each vendor daemon write by
    /// threads of their own: to wait for lines there is [`Self::wait_for_log`], and to say that there are no more,
    /// [`Self::log_until_now`] and [`Self::whole_log`].
    pub(crate) fn log_so_far(&self) -> String {
        let bytes = std::fs::read(self.dir.path().join("lgs.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until the log has all these texts, in any order, and returns it.
    pub(crate) fn wait_for_log(&self, texts: &[&str]) -> String {
        logged(|| self.log_so_far(), texts)
    }

    /// The log with everything that the vendor daemon that was started last has done until now, and a refusal that is asked
    /// for to know that. What lmgrd and other vendor daemons have done may be missing.
    pub(crate) fn log_until_now(&self) -> String {
        self.wait_for_log(&[&mark(self.vendor_port())])
    }

    /// Waits until vendor daemons were started so many times in all and the last one serves; returns the log.
    pub(crate) fn wait_for_starts(&self, starts: usize) -> String {
        until("the vendor daemon to serve", || self.log_so_far().matches("using TCP-port").count() >= starts);
        self.log_so_far()
    }

    /// Ends everything in order if it has not ended yet, and returns all of the log.
    pub(crate) fn whole_log(&mut self) -> String {
        if self.child.try_wait().unwrap().is_none() {
            signal(self.child.id(), "TERM");
        }
        self.child.wait().unwrap();
        self.log_so_far()
    }

    /// `port@host` of lmgrd.
    pub(crate) fn place(&self) -> String {
        format!("{}@localhost", self.port)
    }

    /// The port of the vendor daemon that was started last.
    pub(crate) fn vendor_port(&self) -> u16 {
        let log = self.log_so_far();
        log.lines().rev().find_map(|line| line.split_once("using TCP-port ")).unwrap().1.parse().unwrap()
    }

    /// Process number of the vendor daemon LGS that was started last.
    pub(crate) fn vendor_pid(&self) -> u32 {
        let log = self.log_so_far();
        let after = |mark: &str| {
            let line = log.lines().rev().find(|line| line.contains("tarted LGS (") && line.contains(mark))?;
            let text = &line[line.find(mark)? + mark.len()..];
            text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        };
        after("pid ").unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Runs one of the tools.
    pub(crate) fn tool(&self, arguments: &[&str]) -> Output {
        tool(self.dir.path(), arguments)
    }

    /// A line session at the vendor daemon.
    pub(crate) fn line_session(&self, user: &str) -> LineSession {
        let mut session = LineSession::open(self.vendor_port());
        let answer = session.ask(&format!("HELLO 1 user={user} host=ws01 display=/dev/pts/1"));
        assert!(answer.starts_with("OK HELLO"), "{answer}");
        session
    }
}

impl Drop for System {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            signal(self.child.id(), "TERM");
            let _ = self.child.wait();
        }
    }
}

fn settled(log: &str) -> usize {
    let settled = |line: &&str| line.contains("using TCP-port") || line.contains(" exited with status ");
    log.lines().filter(settled).count()
}

fn lmgrd(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    let soon: &[&str] =
        if arguments.contains(&"--restart-delay") { &[] } else { &["--restart-delay", "0.05:0.2"] };
    command
        .args(["lmgrd", "-l", "+lgs.log", "-z", "-c", "test.lic", "--state-dir", "state"])
        .args(["--listen", "127.0.0.1"])
        .args(soon)
        .args(arguments)
        .current_dir(dir)
        .env_remove("LM_LICENSE_FILE")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// Runs the program and takes what it prints.
pub(crate) fn tool(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(arguments)
        .current_dir(dir)
        .env_remove("LM_LICENSE_FILE")
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs a tool to its end with a text on its standard input.
pub(crate) fn tool_fed(dir: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .current_dir(dir)
        .env_remove("LM_LICENSE_FILE")
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A tool that has read enough may close its input.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// What a tool said on standard error, which must be text.
pub(crate) fn complained(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What a tool printed, which must be text.
pub(crate) fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A conversation in text lines.
pub(crate) struct LineSession {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl LineSession {
    pub(crate) fn open(port: u16) -> Self {
        Self::over(TcpStream::connect(("127.0.0.1", port)).unwrap())
    }

    /// From another address of the loopback network, as from another machine.
    pub(crate) fn open_from(address: [u8; 4], port: u16) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((address, 0)).into()).unwrap();
        socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(crate::daemon::PATIENCE)).unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap());
        Self { stream, lines }
    }

    /// Asks and takes one line; empty when the server has closed.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.stream.write_all(format!("{line}\n").as_bytes()).unwrap();
        self.hear()
    }

    /// Takes one line; empty when the server has closed.
    pub(crate) fn hear(&mut self) -> String {
        let mut answer = String::new();
        self.lines.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }
}

/// A link to the program under another name.
pub(crate) fn link(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    std::os::unix::fs::symlink(PROGRAM, &path).unwrap();
    path
}
