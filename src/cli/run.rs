//! `seatkeeper run -f FEATURE VERSION -- COMMAND`: holds a seat while a command runs.

use std::ffi::OsString;
use std::future::Future;
use std::io::{self, IsTerminal as _};
use std::pin::Pin;
use std::process::ExitStatus;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::ValueEnum;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Call, print_error};
use crate::client::{
    Client, ClientError, Config, Limits, OnWarning, Progress, SearchPath, Seat, Taking, Trust, Waiting,
};
use crate::code::{Code, minor};
use crate::event::{Denial, Wishes};
use crate::ident::{Display, FeatureName, Host, User, VendorName};
use crate::lmutil::vendors;
use crate::platform::process;

/// Exit statuses of a shell for a command that can't be started.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;
/// Added by a shell to the number of the signal that ended a command.
const SIGNALLED: i32 = 128;

/// Waits between tries to get a lost seat back; the last one is repeated.
const RETRY_S: [u64; 6] = [1, 2, 5, 10, 20, 30];

/// How long it may take to find who serves a feature that the vendor does not have.
const HINT: Duration = Duration::from_secs(5);

/// How long the server may take to answer when the command has ended.
const GIVE_BACK: Duration = Duration::from_secs(5);

/// Hold a license while a command runs, and exit with the command's status
///
/// What is borrowed on this machine is used first, without any server; with LM_BORROW or after lmborrow the license is borrowed. Otherwise
/// the license is given back when the command ends. Without one the command is not started, and the exit status is 256 plus
/// the license error: 252 when all licenses are in use (-4). A signal ends the waiting in the queue. SIGTERM and SIGHUP are passed on
/// to the command; SIGINT is, unless it came from the terminal, which sends it to the command itself.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to ask: license files, directories, port@host, separated by colons [default: SEATKEEPER_LICENSE_FILE, LGS_LICENSE_FILE (of
    /// the vendor) and LM_LICENSE_FILE]
    #[arg(short = 'c', value_name = "LIST")]
    license_path: Option<String>,
    /// The vendor daemon that serves the feature
    #[arg(long, value_name = "NAME", default_value = "LGS")]
    vendor: VendorName,
    /// User name to give instead of the login name
    #[arg(long)]
    user: Option<User>,
    /// Host name to give instead of this machine's
    #[arg(long)]
    host: Option<Host>,
    /// Display to give instead of the terminal
    #[arg(long)]
    display: Option<Display>,
    /// What to get a license of
    #[arg(short = 'f', required = true, num_args = 2, value_names = ["FEATURE", "VERSION"])]
    feature: Vec<String>,
    /// How many licenses
    #[arg(short = 'n', value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Wait in the queue while all licenses are in use, and tell the place there
    #[arg(long)]
    wait: bool,
    /// Wait no longer than this; then the exit status is 221 (-35, in the queue)
    #[arg(long, requires = "wait", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    wait_max: Option<u64>,
    /// What to do when the license is lost while the command runs
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = OnLoss::Retry)]
    on_loss: OnLoss,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnLoss {
    /// Warn, and try to get a license again
    Retry,
    /// End the command by SIGTERM
    Term,
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(call, &error.to_string(), 1),
    };
    runtime.block_on(hold(args, call))
}

fn failed(call: &Call, text: &str, status: u8) -> u8 {
    print_error(&format!("{}: {text}\n", call.name));
    status
}

async fn hold(args: Args, call: &Call) -> u8 {
    let mut config = match Config::new(args.vendor, Trust::Server) {
        Ok(config) => config,
        Err(error) => return failed(call, &error.to_string(), 1),
    };
    if let Some(list) = &args.license_path {
        config = config.with_path(list);
    }
    config.claims.user = args.user.unwrap_or(config.claims.user);
    config.claims.host = args.host.unwrap_or(config.claims.host);
    config.claims.display = args.display.unwrap_or(config.claims.display);
    config.on_warning = Some(warning(call));
    let ([feature, version], [program, arguments @ ..]) = (args.feature.as_slice(), args.command.as_slice())
    else {
        // clap has counted them.
        return failed(call, "expected -f FEATURE VERSION -- COMMAND", super::USAGE);
    };
    let (path, limits) = (config.path.clone(), config.limits);
    let queue = args.wait.then_some(Patience { max: args.wait_max.map(Duration::from_secs) });
    let wanted = Wanted { client: Client::new(config), feature, version, count: args.count, queue };
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return failed(call, &format!("cannot listen for signals: {error}"), 1),
    };
    let asked = tokio::select! {
        asked = wanted.ask(call, wanted.queue) => asked,
        number = signals.any() => {
            wanted.client.close().await;
            return u8::try_from(SIGNALLED + number).unwrap_or(1);
        }
    };
    let seat = match asked {
        Ok(seat) => seat,
        Err(error) => {
            print_error(&error.long());
            hint(call, &error.denial(), feature, &path, limits).await;
            wanted.client.close().await;
            return error.code().exit_status();
        }
    };
    let status = match start(program, arguments) {
        Ok(child) => {
            let mut holder = Holder { wanted: &wanted, call, child, signals, on_loss: args.on_loss };
            match holder.watch(seat).await {
                Ok(status) => exit_status(status),
                Err(error) => failed(call, &format!("cannot wait for the command: {error}"), 1),
            }
        }
        Err(error) => {
            drop(seat);
            let status = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE };
            failed(call, &format!("cannot start {}: {error}", program.to_string_lossy()), status)
        }
    };
    wanted.client.close().await;
    status
}

/// A vendor daemon knows nothing of the features of others: names the one to ask.
async fn hint(call: &Call, denial: &Denial, feature: &str, path: &SearchPath, limits: Limits) {
    let unknown = denial.code == Code::NoSuchFeature || denial.minor == minor::VENDOR_UNKNOWN;
    let Some(feature) = FeatureName::parse(feature).ok().filter(|_| unknown) else { return };
    let serving = tokio::time::timeout(HINT, vendors::serving(path, &feature, limits)).await;
    for vendor in serving.unwrap_or_default() {
        let name = &call.name;
        print_error(&format!("{name}: vendor {vendor} serves {feature} here: ask with --vendor {vendor}\n"));
    }
}

/// Says each new warning once, as who asks again meets the same one.
fn warning(call: &Call) -> OnWarning {
    let (name, last) = (call.name.clone(), Mutex::new(None));
    OnWarning::new(move |denial| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref() != Some(denial) {
            print_error(&format!("{name}: warning: {}\n", denial.note));
            *last = Some(denial.clone());
        }
    })
}

/// What is to be held.
struct Wanted<'a> {
    client: Client,
    feature: &'a str,
    version: &'a str,
    count: u32,
    /// Whether to wait in the queue.
    queue: Option<Patience>,
}

/// How long to wait in the queue; without a limit for ever.
#[derive(Debug, Clone, Copy)]
struct Patience {
    max: Option<Duration>,
}

impl Wanted<'_> {
    async fn ask(&self, call: &Call, queue: Option<Patience>) -> Result<Seat, ClientError> {
        let Some(Patience { max }) = queue else {
            return self.client.checkout_many(self.feature, self.version, self.count).await;
        };
        let mut waiting = self.enter().await?;
        let Some(max) = max else { return self.wait(call, &mut waiting).await };
        match tokio::time::timeout(max, self.wait(call, &mut waiting)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let place = waiting.place().to_owned();
                waiting.cancel().await;
                let note = format!("no license came within {} s at {place}", max.as_secs());
                Err(ClientError::Session(Denial::new(Code::InQueue, minor::STILL_QUEUED, &note)))
            }
        }
    }

    async fn enter(&self) -> Result<Waiting, ClientError> {
        let (wishes, taking) = (Wishes::default(), Taking::AtOnce);
        self.client.checkout_waiting(self.feature, self.version, self.count, &wishes, taking).await
    }

    /// Waits in the queue and says each new place. Who has lost his place, such as by the sleep of a machine, takes a new one.
    async fn wait(&self, call: &Call, waiting: &mut Waiting) -> Result<Seat, ClientError> {
        loop {
            match self.wait_once(call, waiting).await {
                Err(error)
                    if matches!(error.code(), Code::SessionEnded | Code::SessionTaken | Code::HoldLapsed) =>
                {
                    print_error(&format!("{}: the place in the queue is lost: {error}\n", call.name));
                    *waiting = self.enter().await?;
                }
                outcome => return outcome,
            }
        }
    }

    async fn wait_once(&self, call: &Call, waiting: &mut Waiting) -> Result<Seat, ClientError> {
        let mut last = None;
        let mut progress = waiting.progress();
        loop {
            match &progress {
                Progress::Queued { position, wait } if last != Some(*position) => {
                    let guess = wait.map_or(String::new(), |wait| format!(", for about {}", span(wait)));
                    print_error(&format!(
                        "{}: waiting for {} {} at {}: place {position}{guess}\n",
                        call.name,
                        self.feature,
                        self.version,
                        waiting.place()
                    ));
                    last = Some(*position);
                }
                Progress::Granted | Progress::Over(_) => return waiting.seat().await,
                Progress::Queued { .. } | Progress::Held { .. } => {}
            }
            progress = waiting.changed().await;
        }
    }

    /// Asks until it is granted, saying each new reason once.
    async fn ask_again(&self, call: &Call) -> Seat {
        let mut waits = RETRY_S.into_iter();
        let mut wait = Duration::from_secs(1);
        let mut last = None;
        loop {
            wait = waits.next().map_or(wait, Duration::from_secs);
            tokio::time::sleep(wait).await;
            match self.ask(call, self.queue.map(|_| Patience { max: None })).await {
                Ok(seat) => return seat,
                Err(error) => {
                    let denial = error.denial();
                    if last.as_ref() != Some(&denial) {
                        print_error(&format!("{}: no license yet: {error}\n", call.name));
                        last = Some(denial);
                    }
                }
            }
        }
    }
}

/// Signals that are meant for the command.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The number of the next one.
    async fn any(&mut self) -> i32 {
        let kind = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.hang_up.recv() => SignalKind::hangup(),
        };
        kind.as_raw_value()
    }
}

/// A span in words: `40 s`, `3 min`, `2 h`.
fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..100 => format!("{seconds} s"),
        seconds @ ..6000 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3600)),
    }
}

fn start(program: &OsString, arguments: &[OsString]) -> io::Result<Child> {
    Command::new(program).args(arguments).spawn()
}

struct Holder<'a> {
    wanted: &'a Wanted<'a>,
    call: &'a Call,
    child: Child,
    signals: Signals,
    on_loss: OnLoss,
}

type Retry<'a> = Pin<Box<dyn Future<Output = Seat> + 'a>>;

impl<'a> Holder<'a> {
    /// Waits for the command's end, passes signals on, and cares for the seat. Gives the seat back at the end.
    async fn watch(&mut self, seat: Seat) -> io::Result<ExitStatus> {
        let mut seat = Some(seat);
        let mut retry: Option<Retry<'a>> = None;
        let status = loop {
            tokio::select! {
                status = self.child.wait() => break status,
                denial = lost(seat.as_ref()) => {
                    seat = None;
                    retry = self.seat_lost(&denial);
                }
                regained = granted(retry.as_mut()) => {
                    print_error(&format!("{}: the license is held again\n", self.call.name));
                    (seat, retry) = (Some(regained), None);
                }
                _ = self.signals.interrupt.recv() => {
                    if !io::stdin().is_terminal() {
                        self.pass_on(process::interrupt);
                    }
                }
                _ = self.signals.terminate.recv() => self.pass_on(process::terminate),
                _ = self.signals.hang_up.recv() => self.pass_on(process::hang_up),
            }
        };
        drop(retry);
        if let Some(seat) = seat {
            self.give_back(seat).await;
        }
        status
    }

    /// Whoever waits for the command waits for this too, so a server that is gone gets little time.
    async fn give_back(&self, seat: Seat) {
        let name = &self.call.name;
        match tokio::time::timeout(GIVE_BACK, seat.checkin()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                print_error(&format!("{name}: the license was not given back in order: {error}\n"))
            }
            Err(_) => print_error(&format!(
                "{name}: the license was not given back: the server does not answer; it is free when its lease ends\n"
            )),
        }
    }

    fn seat_lost(&self, denial: &Denial) -> Option<Retry<'a>> {
        let (name, note) = (&self.call.name, &denial.note);
        print_error(&format!(
            "{name}: warning: the license of {} is lost: {denial} {note}\n",
            self.wanted.feature
        ));
        match self.on_loss {
            OnLoss::Term => {
                self.pass_on(process::terminate);
                None
            }
            OnLoss::Retry => {
                let (wanted, call) = (self.wanted, self.call);
                Some(Box::pin(wanted.ask_again(call)))
            }
        }
    }

    /// Sends the command a signal; one that has just ended needs none.
    fn pass_on(&self, send: fn(u32) -> io::Result<()>) {
        if let Some(pid) = self.child.id()
            && let Err(error) = send(pid)
        {
            print_error(&format!("{}: cannot signal the command: {error}\n", self.call.name));
        }
    }
}

async fn lost(seat: Option<&Seat>) -> Denial {
    match seat {
        Some(seat) => seat.lost().await,
        None => std::future::pending().await,
    }
}

async fn granted(retry: Option<&mut Retry<'_>>) -> Seat {
    match retry {
        Some(retry) => retry.await,
        None => std::future::pending().await,
    }
}

/// The command's status as a shell reports it.
fn exit_status(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let number = status.code().or_else(|| status.signal().map(|signal| SIGNALLED + signal));
    number.and_then(|number| u8::try_from(number & 0xFF).ok()).unwrap_or(1)
}
