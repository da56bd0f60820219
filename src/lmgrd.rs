//! The license manager: reads the license files, opens one port, starts a vendor daemon for each VENDOR line, watches
//! them, says where they are, and ends them (`flexnet-tools.md` 1).
//!
//! One current-thread runtime; `manager` owns the vendor daemons, each connection is a task of its own that answers
//! from what the manager last published. Log lines go through a queue to a thread. lmgrd keeps no seats: it may die
//! and be started again, and what was checked out stays so.

mod child;
mod conversation;
mod files;
mod forwarding;
mod log;
mod manager;
mod program;
mod reading;
mod reception;
mod reread;
mod restarts;
mod starting;
mod texts;
mod vendor;
mod watching;

pub use files::{Plan, PlanError, ReadFile, VendorPlan, expand, plan, read};
pub use restarts::{Next, RestartPolicy, Restarts};

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use conversation::Desk;
use forwarding::Forwards;
use log::{DAEMON, Log, StartFacts};
use manager::Manager;
use reading::{Found, Reading};
use reread::Rereads;
use starting::Starting;
use watching::Seen;

use crate::event::debug_log::LogStyle;
use crate::ident::Host;
use crate::platform::process::{StartReporter, raise_file_limit};
use crate::platform::{self, DEFAULT_PORTS, ListenError, LogSink, SystemClock};
use crate::session::server::Administration;
use crate::sign::AdminKey;
use crate::text::{are, counted};
use crate::wire::{ServerInfo, VendorInfo};

/// How long the log may take to be written at the end.
const LAST_LINES: Duration = Duration::from_secs(3);

/// Where the debug log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// The file.
    pub path: PathBuf,
    /// Whether it goes on where it ended (`+path`).
    pub append: bool,
}

/// Who waits for the start.
pub enum StartMode {
    /// Nobody.
    Foreground,
    /// The process that started this one for the background.
    Background {
        /// The way to it.
        reporter: StartReporter,
        /// Standard output is not needed once the log is open.
        log_is_file: bool,
        /// Standard error is still needed.
        trace: bool,
    },
    /// Everything must start, or nothing stays. The function makes the text that is printed when all serve.
    Whole(Box<dyn FnOnce(&ServerInfo) -> String>),
}

impl std::fmt::Debug for StartMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Foreground => "Foreground",
            Self::Background { .. } => "Background",
            Self::Whole(_) => "Whole",
        })
    }
}

/// What lmgrd is started with.
#[derive(Debug)]
pub struct Config {
    /// License files and directories, separated by colons; `LM_LICENSE_FILE` if none.
    pub license_path: Option<OsString>,
    /// The log; standard output if none.
    pub log_file: Option<LogFile>,
    /// ISO 8601 dates before each log line.
    pub datestamp: bool,
    /// Orders only from this machine.
    pub local_only: bool,
    /// No order to end is obeyed.
    pub refuse_down: bool,
    /// No order to reread is obeyed.
    pub refuse_reread: bool,
    /// Refuse lmremove for everybody (`-x lmremove`).
    pub refuse_remove: bool,
    /// Where the history and the administrator's key lie; see [`platform::state_dir`].
    pub state_dir: Option<PathBuf>,
    /// Files that change are read again without an order.
    pub watch: bool,
    /// Directories with vendor manifests and programs that VENDOR lines may name.
    pub vendor_dirs: Vec<PathBuf>,
    /// Listen on this address alone.
    pub listen: Option<IpAddr>,
    /// Limits in seconds that vendor daemons put to the clocks of their clients, with the options that set them.
    pub clock_limits: [(&'static str, Option<u64>); 2],
    /// Replaces the port of the SERVER lines; 0 takes any free one.
    pub port: Option<u16>,
    /// Replaces the ports of the VENDOR lines; 0 takes any free one.
    pub vendor_port: Option<u16>,
    /// Time between TIMESTAMP lines.
    pub timestamp_every: Duration,
    /// When vendor daemons that died are started again.
    pub restarts: RestartPolicy,
    /// The command line, for the log.
    pub arguments: String,
    /// Lines for the log about options that are accepted but mean nothing here.
    pub notes: Vec<String>,
    /// Who waits for the start.
    pub start: StartMode,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Exit status: 0 after an ordered end.
    pub status: u8,
    /// Why it could not serve; it stands in the log too.
    pub failure: Option<String>,
}

impl Ending {
    const fn ordered() -> Self {
        Self { status: 0, failure: None }
    }

    const fn failed(status: u8, text: String) -> Self {
        Self { status, failure: Some(text) }
    }
}

/// Runs a license manager until its end.
#[must_use]
pub fn run(mut config: Config) -> Ending {
    let (log_file, trouble) = open_log(config.log_file.as_ref());
    if let Some(trouble) = &trouble {
        // Serving matters more than the log.
        warn(&mut config.start, trouble);
        if let StartMode::Background { log_is_file, .. } = &mut config.start {
            *log_is_file = false;
        }
    }
    let zone = platform::system_zone();
    let style = LogStyle::new(DAEMON, zone.zone).with_datestamp(config.datestamp);
    let clock = Arc::new(SystemClock::new());
    let lost = {
        let (style, clock) = (style.clone(), Arc::clone(&clock));
        move |lines| {
            use crate::time::Clock as _;
            style.line(
                clock.now().utc,
                &format!(
                    "{} of this log could not be written and {} lost",
                    counted(lines, "line"),
                    are(lines)
                ),
            )
        }
    };
    let target: Result<Box<dyn std::io::Write + Send>, std::io::Error> = match &log_file {
        Some(file) => file.try_clone().map(|file| Box::new(file) as _),
        None => Ok(Box::new(std::io::stdout())),
    };
    let sink = match target.and_then(|target| LogSink::start(target, lost)) {
        Ok((sink, _)) => sink,
        Err(error) => return fail_early(config.start, 1, format!("the log cannot be written: {error}")),
    };
    let log = Log::new(sink.clone(), style, clock);
    log.notice();
    for note in trouble.iter().chain(&zone.note).chain(&config.notes) {
        log.say(note);
    }
    let ending = match prepare(&config, &log) {
        Ok(prepared) => {
            if let Some(trouble) = &prepared.trouble {
                warn(&mut config.start, trouble);
            }
            serve(config, prepared, log_file, log)
        }
        Err(unable) => {
            unable.lines.iter().for_each(|line| log.say(line));
            fail_early(config.start, unable.status, unable.text)
        }
    };
    sink.flush(LAST_LINES);
    ending
}

/// Tells whoever started the program of something that does not keep it from serving.
fn warn(start: &mut StartMode, trouble: &str) {
    match start {
        StartMode::Background { reporter, .. } => reporter.note(trouble),
        StartMode::Foreground | StartMode::Whole(_) => {
            // Nothing more can be done if standard error is closed as well.
            let _ = writeln!(std::io::stderr(), "lmgrd: {trouble}");
        }
    }
}

fn fail_early(start: StartMode, status: u8, text: String) -> Ending {
    if let StartMode::Background { reporter, .. } = start {
        reporter.failed(status, &text);
    }
    Ending::failed(status, text)
}

fn open_log(file: Option<&LogFile>) -> (Option<File>, Option<String>) {
    let Some(file) = file else { return (None, None) };
    match platform::open_log(&file.path, file.append) {
        Ok(open) => (Some(open), None),
        Err(error) => {
            let text = format!(
                "the log {} cannot be opened: {error}; lines go to standard output",
                file.path.display()
            );
            (None, Some(text))
        }
    }
}

/// What is known before the runtime starts.
struct Prepared {
    plan: Plan,
    files: Vec<ReadFile>,
    seen: Option<Seen>,
    reading: Reading,
    listener: std::net::TcpListener,
    port: u16,
    state_dir: PathBuf,
    admin: Option<AdminKey>,
    /// What is wrong with the state directory, which has been logged.
    trouble: Option<String>,
    start_dir: PathBuf,
    own: PathBuf,
}

/// Why there can be no service.
struct Unable {
    status: u8,
    /// For the log.
    lines: Vec<String>,
    /// For whoever started the program.
    text: String,
}

impl Unable {
    fn new(status: u8, text: String) -> Self {
        Self { status, lines: vec![text.clone()], text }
    }
}

/// Reads the files and opens the port.
fn prepare(config: &Config, log: &Log) -> Result<Prepared, Unable> {
    let one = Unable::new;
    let start_dir = std::env::current_dir()
        .map_err(|error| one(1, format!("the present directory cannot be found: {error}")))?;
    let own = std::env::current_exe()
        .map_err(|error| one(1, format!("this program's own file cannot be found: {error}")))?;
    let this_host = platform::host_name().map_err(|error| one(1, format!("this machine's name: {error}")))?;
    program::missing_dirs(&config.vendor_dirs, &start_dir).iter().for_each(|note| log.say(note));
    let (reading, plan, files, seen) = read_plan(config, log, &start_dir, this_host)?;
    let listener = open_port(config, log, plan.port)?;
    let port = listener
        .local_addr()
        .map_err(|error| one(1, format!("the port that was opened is not known: {error}")))?
        .port();
    let state_dir =
        platform::state_dir(config.state_dir.as_deref()).map_err(|error| one(1, error.to_string()))?;
    let made = platform::make_state_dir(&state_dir).and_then(|()| platform::admin_key(&state_dir));
    let admin = match made.map(|text| AdminKey::parse(&text)) {
        Ok(Ok(key)) => Ok(key),
        Ok(Err(error)) => Err(format!("lmdown is refused: {}: {error}", state_dir.display())),
        Err(error) => Err(format!("lmdown is refused: {error}")),
    };
    let (admin, trouble) = match admin {
        Ok(key) => (Some(key), None),
        Err(trouble) => {
            log.say(&trouble);
            (None, Some(trouble))
        }
    };
    Ok(Prepared { plan, files, seen, reading, listener, port, state_dir, admin, trouble, start_dir, own })
}

/// Reads the files. What is wrong with single ones is logged, and repeated in a failure, because whoever started the
/// program may not see the log.
fn read_plan(
    config: &Config,
    log: &Log,
    start_dir: &Path,
    this_host: Host,
) -> Result<(Reading, Plan, Vec<ReadFile>, Option<Seen>), Unable> {
    let failed = |error: &PlanError, notes: &[String]| {
        let lines = error.messages();
        let text = notes.iter().chain(&lines).map(String::as_str).collect::<Vec<_>>().join("; ");
        Unable { status: error.code().exit_status(), lines, text }
    };
    let path = config
        .license_path
        .clone()
        .or_else(|| std::env::var_os("LM_LICENSE_FILE"))
        .filter(|path| !path.is_empty())
        .ok_or_else(|| failed(&PlanError::NoPath, &[]))?;
    let reading = Reading { path, start_dir: start_dir.to_owned(), this_host, port: config.port };
    let found = if config.watch { reading.read_watched(&[], None) } else { reading.read(&[]) };
    let Found { files, plan, notes, seen, .. } = found;
    notes.iter().for_each(|note| log.say(note));
    match plan {
        Ok(plan) => Ok((reading, plan, files, seen)),
        Err(error) => Err(failed(&error, &notes)),
    }
}

fn open_port(config: &Config, log: &Log, port: Option<u16>) -> Result<std::net::TcpListener, Unable> {
    let opened = match port {
        Some(port) => platform::listen(config.listen, port),
        None => {
            log.say("Detecting other license server manager (lmgrd) processes...");
            platform::listen_on_first_free(config.listen, DEFAULT_PORTS)
        }
    };
    opened.map_err(|error| {
        let text = match &error {
            ListenError::PortTaken { port } => {
                format!("The TCP port number in the license, {port}, is already in use.")
            }
            other => other.to_string(),
        };
        Unable::new(1, text)
    })
}

fn serve(config: Config, prepared: Prepared, log_file: Option<File>, log: Log) -> Ending {
    raise_file_limit();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail_early(config.start, 1, format!("the runtime cannot be started: {error}")),
    };
    let ending = runtime.block_on(serve_in_runtime(config, prepared, log_file, log));
    runtime.shutdown_background();
    ending
}

async fn serve_in_runtime(config: Config, prepared: Prepared, log_file: Option<File>, log: Log) -> Ending {
    let Prepared {
        plan,
        files: in_force,
        seen,
        reading,
        listener,
        port,
        state_dir,
        admin,
        start_dir,
        own,
        trouble: _,
    } = prepared;
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return fail_early(config.start, 1, format!("the port cannot be served: {error}")),
    };
    let version = crate::VERSION.to_owned();
    let files: Vec<String> = plan.files.iter().map(|file| file.display().to_string()).collect();
    log.started(&StartFacts {
        version: &version,
        host: plan.host.as_str(),
        port,
        files: &files,
        arguments: &config.arguments,
        local_only: config.local_only,
    });
    let (license_files, published_files) = watch::channel(plan.files.iter().cloned().collect());
    let (info, published) = watch::channel(Arc::new(ServerInfo {
        host: plan.host.clone(),
        port,
        version: version.clone(),
        files,
        vendors: plan
            .vendors
            .iter()
            .map(|vendor| VendorInfo { name: vendor.name.clone(), port: None, up: false })
            .collect(),
    }));
    let starting = Starting {
        vendor_dirs: config.vendor_dirs.clone(),
        start_dir,
        own,
        vendor_port: config.vendor_port,
        state_dir: state_dir.clone(),
        server_port: port,
        listen: config.listen,
        clock_limits: config.clock_limits,
        datestamp: config.datestamp,
        local_only: config.local_only,
        log: log_file,
        mute: matches!(config.start, StartMode::Background { trace: false, .. }),
        restarts: config.restarts,
    };
    let vendors = plan
        .vendors
        .iter()
        .map(|vendor| Manager::vendor(starting.start(vendor, &plan.host, &log), config.restarts))
        .collect();
    let (orders, order_queue) = mpsc::channel(16);
    let (news, news_queue) = mpsc::channel(64);
    let desk = Arc::new(Desk {
        info: published,
        license_files: published_files,
        orders,
        local_only: config.local_only,
        refuse_down: config.refuse_down,
        refuse_reread: config.refuse_reread,
        refuse_remove: config.refuse_remove,
        administration: Administration {
            key: admin,
            key_path: state_dir.join(platform::ADMIN_KEY_FILE).display().to_string(),
        },
        version,
        log: log.clone(),
    });
    tokio::spawn(reception::receive(listener, desk));
    let mut rereads = Rereads::new(reading, plan, in_force, starting, license_files);
    if let Some(seen) = seen {
        rereads.watch(seen, &log);
    }
    let manager = Manager {
        log,
        vendors,
        info,
        news,
        whole: matches!(config.start, StartMode::Whole(_)),
        start: Some(config.start),
        timestamp_every: config.timestamp_every,
        rereads,
        forwards: Forwards::default(),
    };
    manager.run(news_queue, order_queue).await
}
