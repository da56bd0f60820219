//! One running vendor daemon: its process, and the pipe to it.

use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use crate::ident::{Host, VendorName};
use crate::wire::decode_line;
use crate::wire::pipe::{DaemonLine, ManagerLine};

/// How long the last lines of a dead daemon are waited for.
const LAST_LINES: Duration = Duration::from_secs(1);

/// All that a vendor daemon is started with.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) program: PathBuf,
    pub(super) vendor: VendorName,
    pub(super) files: Vec<PathBuf>,
    /// 0 lets the system choose.
    pub(super) port: u16,
    pub(super) state_dir: PathBuf,
    pub(super) vendor_dirs: Vec<PathBuf>,
    /// The options file, if there is one.
    pub(super) options: Option<PathBuf>,
    pub(super) server_host: Host,
    pub(super) server_port: u16,
    pub(super) listen: Option<IpAddr>,
    pub(super) clock_limits: [(&'static str, Option<u64>); 2],
    pub(super) datestamp: bool,
    pub(super) local_only: bool,
    /// The log; standard output if there is none.
    pub(super) log: Option<File>,
    /// Whether standard error goes nowhere, because it is still that of whoever waits for the start.
    pub(super) mute: bool,
}

/// What a running daemon tells.
#[derive(Debug)]
pub(super) enum ChildEvent {
    /// It said something.
    Said(DaemonLine),
    /// It is gone.
    Exited(io::Result<ExitStatus>),
}

/// Handle of a running daemon.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) pid: u32,
    orders: mpsc::Sender<ManagerLine>,
}

impl Running {
    /// Sends an order; one that does not get through is made good by a signal later.
    pub(super) fn order(&self, order: ManagerLine) -> bool {
        self.orders.try_send(order).is_ok()
    }
}

impl Start {
    fn command(&self, stdin: OwnedFd) -> io::Result<Command> {
        let mut command = Command::new(&self.program);
        command.arg0(self.vendor.as_str()).arg("vendord").arg(self.vendor.as_str());
        for file in &self.files {
            command.arg("-c").arg(file);
        }
        command.arg("--port").arg(self.port.to_string());
        command.arg("--state-dir").arg(&self.state_dir);
        if let Some(options) = &self.options {
            command.arg("--options").arg(options);
        }
        for directory in &self.vendor_dirs {
            command.arg("--vendor-dir").arg(directory);
        }
        command.arg("--server-host").arg(self.server_host.as_str());
        command.arg("--server-port").arg(self.server_port.to_string());
        if let Some(address) = self.listen {
            command.arg("--listen").arg(address.to_string());
        }
        for (option, seconds) in self.clock_limits {
            if let Some(seconds) = seconds {
                command.arg(option).arg(seconds.to_string());
            }
        }
        if self.datestamp {
            command.arg("--datestamp");
        }
        if self.local_only {
            command.arg("--local");
        }
        command.arg("--supervised").stdin(Stdio::from(stdin));
        if let Some(log) = &self.log {
            command.stdout(Stdio::from(log.try_clone()?));
        }
        if self.mute {
            command.stderr(Stdio::null());
        }
        // Ctrl-C in lmgrd's terminal is lmgrd's alone; it ends its daemons in order.
        command.process_group(0);
        Ok(command)
    }

    /// Starts the daemon. What it tells goes to `events` with its name and `generation`, until it is gone.
    pub(super) fn run(
        &self,
        generation: u64,
        events: mpsc::Sender<(VendorName, u64, ChildEvent)>,
    ) -> io::Result<Running> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let stream = UnixStream::from_std(ours)?;
        let child = self.command(OwnedFd::from(theirs))?.spawn()?;
        let pid = child.id().unwrap_or(0);
        let (orders, queue) = mpsc::channel(8);
        let vendor = self.vendor.clone();
        tokio::spawn(attend(child, stream, queue, move |event| {
            let (events, vendor) = (events.clone(), vendor.clone());
            async move {
                // Fails only when lmgrd itself is at its end.
                let _ = events.send((vendor, generation, event)).await;
            }
        }));
        Ok(Running { pid, orders })
    }
}

async fn attend<F: Future<Output = ()>>(
    mut child: Child,
    mut stream: UnixStream,
    mut orders: mpsc::Receiver<ManagerLine>,
    tell: impl Fn(ChildEvent) -> F,
) {
    let mut input = BytesMut::new();
    let mut open = true;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            read = stream.read_buf(&mut input), if open => {
                open = !matches!(read, Ok(0) | Err(_));
                for line in lines(&mut input) {
                    tell(ChildEvent::Said(line)).await;
                }
            }
            Some(order) = orders.recv() => {
                // A daemon that is gone is noticed by its exit.
                let _ = stream.write_all(order.to_string().as_bytes()).await;
            }
        }
    };
    // What it said last may still lie in the pipe.
    while open {
        match tokio::time::timeout(LAST_LINES, stream.read_buf(&mut input)).await {
            Ok(Ok(read)) if read > 0 => {}
            _ => open = false,
        }
        for line in lines(&mut input) {
            tell(ChildEvent::Said(line)).await;
        }
    }
    tell(ChildEvent::Exited(status)).await;
}

/// Whole lines that have a meaning. A line that is too long is thrown away with all that was read.
fn lines(input: &mut BytesMut) -> Vec<DaemonLine> {
    let mut found = Vec::new();
    loop {
        match decode_line(input) {
            Ok(Some(line)) => found.extend(DaemonLine::parse(&line)),
            Ok(None) => return found,
            Err(crate::wire::LineError::TooLong) => {
                input.clear();
                return found;
            }
            Err(_) => {}
        }
    }
}
