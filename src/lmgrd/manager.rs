//! The one owner of all vendor daemons: starts, watches, restarts and ends them, and tells the connections what is up.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::child::{ChildEvent, Start};
use super::conversation::{Done, Order};
use super::forwarding::Forwards;
use super::log::{Log, PRODUCT};
use super::reread::Rereads;
use super::restarts::{Next, RestartPolicy, Restarts};
use super::vendor::{Death, State, Vendor};
use super::{Ending, StartMode};
use crate::code::{Code, minor};
use crate::event::Denial;
use crate::ident::VendorName;
use crate::platform::process;
use crate::text::counted;
use crate::wire::pipe::{DaemonLine, ManagerLine};
use crate::wire::{ControlVerb, ServerInfo, VendorInfo};

/// How long a vendor daemon may take to end in order; then it gets SIGTERM.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// How long it may take after SIGTERM; then it gets SIGKILL.
const TERM_PATIENCE: Duration = Duration::from_secs(5);
/// A second signal to end kills only when it comes this much later than the first.
const IMPATIENT: Duration = Duration::from_secs(1);

/// How long the last answer may take to be written.
const LAST_ANSWER: Duration = Duration::from_secs(2);

/// A daemon that has not said its port after so long is no reason to keep the starter waiting.
const SETTLE: Duration = Duration::from_secs(30);

/// News of the vendor daemons: which, of which generation, what.
pub(super) type News = (VendorName, u64, ChildEvent);

/// See the module.
pub(super) struct Manager {
    pub(super) log: Log,
    pub(super) vendors: Vec<Vendor>,
    pub(super) info: watch::Sender<Arc<ServerInfo>>,
    pub(super) news: mpsc::Sender<News>,
    /// Taken when all vendor daemons have settled.
    pub(super) start: Option<StartMode>,
    pub(super) timestamp_every: Duration,
    pub(super) rereads: Rereads,
    pub(super) forwards: Forwards,
    /// Whether it was started with [`StartMode::Whole`].
    pub(super) whole: bool,
}

/// Why everything ends.
enum End {
    Ordered(Order),
    Signal(i32),
    /// The status and the reason.
    Failed(u8, String),
}

impl Manager {
    /// The vendor daemons of a plan, none of them started.
    pub(super) fn vendor(start: Start, policy: RestartPolicy) -> Vendor {
        Vendor {
            start,
            state: State::Down { ordered: false },
            restarts: Restarts::new(policy),
            generation: 0,
            failure: None,
            settled: false,
            waiters: Vec::new(),
        }
    }

    /// Runs until the end.
    pub(super) async fn run(
        mut self,
        mut news: mpsc::Receiver<News>,
        mut orders: mpsc::Receiver<Order>,
    ) -> Ending {
        let mut signals = match Signals::new() {
            Ok(signals) => signals,
            Err(error) => return Ending::failed(1, format!("signals cannot be received: {error}")),
        };
        let period = self.timestamp_every;
        let mut timestamps = interval_at(Instant::now() + period, period);
        timestamps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let settle_by = Instant::now() + SETTLE;
        for index in 0..self.vendors.len() {
            self.start_vendor(index, false);
        }
        let end = loop {
            if let Some(end) = self.settle(Instant::now() >= settle_by) {
                break end;
            }
            if let Some(order) = self.forwards.agreed() {
                if let Some(order) = self.take_down(order) {
                    break End::Ordered(order);
                }
                continue;
            }
            self.publish();
            let restart = self.next_restart();
            let late = self.rereads.deadline();
            let forward_late = self.forwards.deadline();
            tokio::select! {
                Some((vendor, generation, event)) = news.recv() => self.hear(&vendor, generation, event),
                Some(order) = orders.recv() => if let Some(order) = self.obey(order) {
                    break End::Ordered(order);
                },
                number = signals.next() => match number {
                    Some(number) => break End::Signal(number),
                    // The terminal of a system that was started for trying out has gone.
                    None if self.whole => break End::Signal(1),
                    None => self.reread_by_signal(),
                },
                Some(heard) = self.rereads.heard() => self.reread_heard(heard),
                () = sleep_until(late.unwrap_or(settle_by)), if late.is_some() => self.reread_late(),
                () = sleep_until(forward_late.unwrap_or(settle_by)), if forward_late.is_some() => self.forward_late(),
                () = sleep_until(restart.unwrap_or(settle_by)), if restart.is_some() => self.restart_due(),
                () = sleep_until(settle_by), if self.start.is_some() => {}
                _ = timestamps.tick() => self.log.timestamp(),
            }
        };
        drop(orders);
        self.end(end, &mut news, &mut signals).await
    }

    pub(super) fn publish(&self) {
        let vendors: Vec<VendorInfo> = self
            .vendors
            .iter()
            .map(|vendor| VendorInfo {
                name: vendor.name().clone(),
                port: vendor.port(),
                up: vendor.port().is_some(),
            })
            .collect();
        self.info.send_if_modified(|info| {
            let changed = info.vendors != vendors;
            if changed {
                *info = Arc::new(ServerInfo { vendors, ..info.as_ref().clone() });
            }
            changed
        });
    }

    pub(super) fn start_vendor(&mut self, index: usize, again: bool) {
        let Some(vendor) = self.vendors.get_mut(index) else { return };
        let (name, fixed_port) = (vendor.name().clone(), Some(vendor.start.port).filter(|port| *port != 0));
        if let Some(port) = fixed_port.filter(|_| !again) {
            self.log.say(&format!("Starting vendor daemon at port {port}"));
            self.log.say(&format!("Using vendor daemon port {port} specified in license file"));
        }
        vendor.generation += 1;
        vendor.failure = None;
        match vendor.start.run(vendor.generation, self.news.clone()) {
            Ok(running) => {
                if fixed_port.is_some() && !again {
                    self.log.say(&format!("Started {name} (pid {})", running.pid));
                }
                vendor.state = State::Starting(running);
            }
            Err(error) => {
                let text = format!("{name} cannot be started: {}: {error}", vendor.start.program.display());
                self.log.say(&text);
                vendor.failure = Some(text);
                self.try_again(index);
            }
        }
    }

    fn hear(&mut self, name: &VendorName, generation: u64, event: ChildEvent) {
        let Some(index) = self.vendors.iter().position(|vendor| vendor.name() == name) else { return };
        let Some(vendor) = self.vendors.get_mut(index).filter(|vendor| vendor.generation == generation)
        else {
            return;
        };
        match event {
            ChildEvent::Said(DaemonLine::Ready { port }) => {
                match std::mem::replace(&mut vendor.state, State::Down { ordered: false }) {
                    State::Starting(running) => {
                        let (pid, first) = (running.pid, !vendor.settled);
                        vendor.settled = true;
                        vendor.state = State::Up(running, port);
                        if !first {
                            self.log.say(&format!("REStarted {name} (internet tcp_port {port} pid {pid})"));
                        } else if vendor.start.port == 0 {
                            self.log.say(&format!("Started {name} (internet tcp_port {port} pid {pid})"));
                        }
                        self.log.say(&format!("{name} using TCP-port {port}"));
                    }
                    other => vendor.state = other,
                }
            }
            // The daemon has logged it too.
            ChildEvent::Said(DaemonLine::Failed { text }) => vendor.failure = Some(text),
            ChildEvent::Said(DaemonLine::Said { order, text }) => {
                self.forward_said(name, order, &text);
                self.reread_said(name, order, text);
            }
            ChildEvent::Said(DaemonLine::Done { order, refused }) => {
                self.forward_answered(name, order, refused);
            }
            ChildEvent::Said(DaemonLine::Reread { order, refused }) => {
                self.reread_answered(name, order, refused)
            }
            ChildEvent::Exited(exit) => {
                self.exited(index, &exit);
                self.reread_lost(name);
                self.forward_lost(name);
            }
        }
    }

    fn exited(&mut self, index: usize, exit: &std::io::Result<std::process::ExitStatus>) {
        let Some(vendor) = self.vendors.get_mut(index) else { return };
        let name = vendor.name().clone();
        if matches!(vendor.state, State::Stopping(_)) {
            vendor.state = State::Down { ordered: true };
            for waiter in vendor.waiters.drain(..) {
                // Whoever asked may have gone.
                let _ = waiter.send(Ok(Done::all(&format!("{name} is shut down"))));
            }
            return;
        }
        vendor.settled = true;
        match Death::judge(&name, exit, vendor.failure.as_deref()) {
            Death::Permanent(lines) => {
                vendor.state = State::Down { ordered: false };
                vendor.failure.get_or_insert_with(|| lines.first().cloned().unwrap_or_default());
                lines.iter().for_each(|line| self.log.say(line));
            }
            Death::Unknown { status, signal } => {
                vendor
                    .failure
                    .get_or_insert_with(|| format!("{name} exited with status {status} signal = {signal}"));
                self.log.say(&format!("{name} exited with status {status} signal = {signal}"));
                self.try_again(index);
            }
        }
    }

    fn try_again(&mut self, index: usize) {
        let now = self.log.now().mono;
        let Some(vendor) = self.vendors.get_mut(index) else { return };
        vendor.settled = true;
        match vendor.restarts.died(now) {
            Next::After(wait) => {
                self.log.say("Since this is an unknown status, license server ");
                self.log.say("manager (lmgrd) will attempt to re-start the vendor daemon.");
                vendor.state = State::Waiting(Instant::now() + wait);
                if wait >= Duration::from_secs(2) {
                    let text = format!(
                        "{} is started again in {}",
                        vendor.name(),
                        counted(wait.as_secs(), "second")
                    );
                    self.log.say(&text);
                }
            }
            Next::GiveUp => {
                vendor.state = State::Down { ordered: false };
                let text = format!(
                    "{} died too often in a short time and is not started again; the other vendor daemons go on",
                    vendor.name()
                );
                self.log.say(&text);
            }
        }
    }

    fn next_restart(&self) -> Option<Instant> {
        self.vendors
            .iter()
            .filter_map(|vendor| match vendor.state {
                State::Waiting(until) => Some(until),
                _ => None,
            })
            .min()
    }

    fn restart_due(&mut self) {
        let now = Instant::now();
        for index in 0..self.vendors.len() {
            if self
                .vendors
                .get(index)
                .is_some_and(|v| matches!(v.state, State::Waiting(until) if until <= now))
            {
                self.start_vendor(index, true);
            }
        }
    }

    /// Tells the starter once all vendor daemons have come to something. Gives a reason to end if there is one.
    fn settle(&mut self, late: bool) -> Option<End> {
        if self.start.is_some() && (late || self.vendors.iter().all(|vendor| vendor.settled)) {
            let whole = matches!(self.start, Some(StartMode::Whole(_)));
            if let Some(missing) = self.vendors.iter().find(|vendor| whole && vendor.port().is_none()) {
                let why = missing.failure.clone().unwrap_or_else(|| "it did not start in time".to_owned());
                return Some(End::Failed(1, format!("{}: {why}", missing.name())));
            }
            if !self.nothing_left() {
                self.publish();
                match self.start.take() {
                    Some(StartMode::Background { reporter, log_is_file, trace }) => {
                        if let Err(error) = reporter.ready(log_is_file, !trace) {
                            self.log.say(&format!("/dev/null: {error}"));
                        }
                    }
                    Some(StartMode::Whole(ready)) => {
                        let text = ready(&self.info.borrow());
                        text.lines().for_each(|line| self.log.plain(line));
                    }
                    Some(StartMode::Foreground) | None => {}
                }
            }
        }
        self.nothing_left().then(|| {
            let reasons: Vec<&str> =
                self.vendors.iter().filter_map(|vendor| vendor.failure.as_deref()).collect();
            let text = format!("no vendor daemon is left to serve: {}", reasons.join("; "));
            End::Failed(Code::VendorDown.exit_status(), text)
        })
    }

    fn nothing_left(&self) -> bool {
        self.vendors.iter().all(|vendor| matches!(vendor.state, State::Down { ordered: false }))
    }

    /// Carries out an order that concerns one vendor daemon; gives back one that concerns all.
    fn obey(&mut self, order: Order) -> Option<Order> {
        match order.verb.clone() {
            ControlVerb::Reread { .. } => {
                self.reread_asked(order);
                None
            }
            ControlVerb::Remove { vendor, removal } => {
                self.remove_asked(order, &vendor, &removal);
                None
            }
            ControlVerb::Explain { .. } | ControlVerb::AcceptClock | ControlVerb::Recall { .. } => {
                let note = "this is for a vendor daemon";
                let denial = Denial::new(Code::RequestNotSupported, minor::TYPE_UNKNOWN, note);
                let _ = order.reply.send(Err(denial));
                None
            }
            ControlVerb::Shutdown { .. } => {
                let order = self.down_asked(order)?;
                self.take_down(order)
            }
        }
    }

    /// Ends one vendor daemon; gives back an order that concerns all.
    fn take_down(&mut self, order: Order) -> Option<Order> {
        let ControlVerb::Shutdown { vendor: Some(name), .. } = &order.verb else { return Some(order) };
        self.log.say(&format!(
            "SHUTDOWN request for vendor daemon {name} from {} at node {}",
            order.user, order.host
        ));
        let who = format!("{}@{}", order.user, order.host);
        let Some(index) = self.vendors.iter().position(|vendor| vendor.name() == name) else {
            let note = format!("this server has no vendor daemon {name}");
            let denial = Denial::new(Code::VendorDown, minor::VENDOR_UNKNOWN, &note);
            let _ = order.reply.send(Err(denial));
            return None;
        };
        let vendor = self.vendors.get_mut(index)?;
        if vendor.running().is_none() {
            vendor.state = State::Down { ordered: true };
            let note = format!("{} is not running", vendor.name());
            let _ = order.reply.send(Err(Denial::new(Code::VendorDown, minor::VENDOR_DOWN, &note)));
            return None;
        }
        vendor.waiters.push(order.reply);
        self.stop_vendor(index, &who);
        None
    }

    fn stop_vendor(&mut self, index: usize, who: &str) {
        let Some(vendor) = self.vendors.get_mut(index) else { return };
        match std::mem::replace(&mut vendor.state, State::Down { ordered: true }) {
            State::Starting(running) | State::Up(running, _) => {
                let text =
                    format!("Shutting down {} pid={} because of signal 15", vendor.name(), running.pid);
                self.log.say(&text);
                running.order(ManagerLine::Stop { who: who.to_owned() });
                insist_later(running.pid, vendor.name().clone(), self.log.clone(), self.news.clone());
                vendor.state = State::Stopping(running);
            }
            State::Stopping(running) => vendor.state = State::Stopping(running),
            State::Waiting(_) | State::Down { .. } => {}
        }
    }

    /// Ends all vendor daemons, then this program (`flexnet-tools.md` 3.9).
    async fn end(mut self, end: End, news: &mut mpsc::Receiver<News>, signals: &mut Signals) -> Ending {
        let who = match &end {
            End::Ordered(order) => {
                self.log.say(&format!("SHUTDOWN request from {} at node {}", order.user, order.host));
                format!("{}@{}", order.user, order.host)
            }
            End::Signal(number) => format!("signal {number}"),
            End::Failed(_, text) => {
                self.log.say(&format!("license manager ends: {text}"));
                "lmgrd".to_owned()
            }
        };
        self.log.say("lmgrd will now shut down all the vendor daemons");
        self.log.plain("");
        for index in 0..self.vendors.len() {
            self.stop_vendor(index, &who);
        }
        self.publish();
        let began = Instant::now();
        while self.vendors.iter().any(|vendor| vendor.running().is_some()) {
            tokio::select! {
                Some((vendor, generation, event)) = news.recv() => self.hear(&vendor, generation, event),
                // One wish to end can arrive twice at once, for this process and for its group; only a later signal
                // means that somebody is impatient.
                Some(_) = signals.next() => if began.elapsed() >= IMPATIENT {
                    for running in self.vendors.iter().filter_map(Vendor::running) {
                        let _ = process::kill(running.pid);
                    }
                }
            }
        }
        self.log.say("daemon shutdown requested - shutting down");
        let host = self.info.borrow().host.clone();
        for vendor in &self.vendors {
            self.log.plain(&format!(
                "Shut down {PRODUCT} {} license server system on machine {host}",
                vendor.name()
            ));
        }
        let number = match &end {
            End::Signal(number) => *number,
            End::Ordered(_) | End::Failed(..) => 15,
        };
        self.log.say(&format!("EXITING DUE TO SIGNAL {number}"));
        self.finish(end).await
    }

    async fn finish(mut self, end: End) -> Ending {
        match end {
            End::Ordered(order) => {
                let _ = order.reply.send(Ok(Done::all("License server shut down")));
                // The answer has to leave before this program does.
                let _ = timeout(LAST_ANSWER, order.written).await;
                Ending::ordered()
            }
            End::Signal(_) => Ending::ordered(),
            End::Failed(status, text) => {
                if let Some(StartMode::Background { reporter, .. }) = self.start.take() {
                    reporter.failed(status, &text);
                }
                Ending::failed(status, text)
            }
        }
    }
}

/// Makes an order to end good by signals if the daemon does not follow it.
fn insist_later(pid: u32, vendor: VendorName, log: Log, news: mpsc::Sender<News>) {
    tokio::spawn(async move {
        // The number may belong to somebody else once the daemon is gone, so its start time is compared.
        let Some(started) = process::started_at(pid) else { return };
        let still_there = || process::started_at(pid).as_deref() == Some(&started) && !news.is_closed();
        tokio::time::sleep(STOP_PATIENCE).await;
        if still_there() {
            log.say(&format!("{vendor} does not end; it gets signal 15"));
            let _ = process::terminate(pid);
            tokio::time::sleep(TERM_PATIENCE).await;
        }
        if still_there() {
            log.say(&format!("{vendor} does not end; it gets signal 9"));
            let _ = process::kill(pid);
        }
    });
}

/// The signals that lmgrd hears.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The number of a signal to end, or none for SIGHUP.
    async fn next(&mut self) -> Option<i32> {
        tokio::select! {
            _ = self.terminate.recv() => Some(15),
            _ = self.interrupt.recv() => Some(2),
            _ = self.hang_up.recv() => None,
        }
    }
}
