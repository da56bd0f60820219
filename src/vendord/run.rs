//! The daemon's life: start, serve, end.

use std::cell::RefCell;
use std::net::TcpListener;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use super::automatic;
use super::config::Config;
use super::connection::{Peer, serve};
use super::daemon::{Daemon, Shared};
use super::history::{self, Stop};
use super::pipe::{Pipe, Word};
use super::projector::{self, Setting, Task};
use super::rereading::{self, Answer, Order};
use super::served::Served;
use super::startup::{self, Setup};
use super::status::About;
use crate::event::debug_log::{LogStyle, feature_table, vendor_daemon_block};
use crate::platform::{self, ListenError, LogSink, SystemClock};
use crate::session::server::LeaseTerms;
use crate::text::counted;
use crate::time::{Clock, Monotonic};
use crate::wire::pipe::{DaemonLine, exit_status};

/// How often the daemon looks at the clock.
const TICK: Duration = Duration::from_millis(500);
/// How long the end may take: lmgrd's death must be followed within 5 s.
const END_MAX: Duration = Duration::from_secs(4);

/// Serves until lmgrd, a signal or a failure ends it; the result is the exit status ([`exit_status`]).
#[must_use]
pub fn run(config: Config) -> u8 {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let daemon_name = config.vendor.to_string();
    let style_of_loss =
        LogStyle::new(&daemon_name, platform::system_zone().zone).with_datestamp(config.datestamp);
    let clock_of_loss = Arc::clone(&clock);
    let lost = move |lines: u64| {
        style_of_loss.line(
            clock_of_loss.now().utc,
            &format!("{} of this log could not be written", counted(lines, "line")),
        )
    };
    let Ok((log, log_thread)) = LogSink::start(std::io::stdout(), lost) else {
        tracing::error!("no thread for the log");
        return exit_status::CANNOT_START;
    };
    let status = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => LocalSet::new().block_on(&runtime, start_and_serve(config, &clock, &log)),
        Err(error) => {
            tracing::error!(%error, "no runtime");
            exit_status::CANNOT_START
        }
    };
    log.flush(Duration::from_secs(1));
    drop(log);
    // A log that blocks must not keep the daemon from ending.
    drop(log_thread);
    status
}

/// The daemon's own words in the debug log.
#[derive(Clone)]
pub(super) struct Voice {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) style: LogStyle,
    log: LogSink,
}

impl Voice {
    pub(super) fn say(&self, text: &str) {
        self.log.line(self.style.line(self.clock.now().utc, text));
    }

    /// Says why the daemon can't go on, to lmgrd as well.
    fn fail(&self, pipe: Option<&Pipe>, text: &str, status: u8) -> u8 {
        self.say(text);
        if let Some(pipe) = pipe {
            pipe.tell(&[DaemonLine::Failed { text: text.to_owned() }]);
        }
        status
    }
}

async fn start_and_serve(config: Config, clock: &Arc<dyn Clock>, log: &LogSink) -> u8 {
    let mut pipe = match config.supervised.then(Pipe::from_stdin).transpose() {
        Ok(pipe) => pipe,
        Err(error) => {
            tracing::error!(%error, "standard input is not a pipe of lmgrd");
            return exit_status::CANNOT_START;
        }
    };
    let zone = platform::system_zone().zone;
    let style = LogStyle::new(config.vendor.as_str(), zone).with_datestamp(config.datestamp);
    let mut voice = Voice { clock: Arc::clone(clock), style, log: log.clone() };
    let setup = match startup::prepare(&config, clock.now().utc) {
        Ok(setup) => setup,
        Err(refusal) => return voice.fail(pipe.as_ref(), &refusal, exit_status::CANNOT_START),
    };
    voice.style = LogStyle::new(config.vendor.as_str(), setup.zone.clone()).with_datestamp(config.datestamp);
    voice.say(&format!("Seatkeeper version v{}", crate::VERSION));
    setup.messages.iter().for_each(|message| voice.say(message));
    if setup.catalog.is_empty() {
        return voice.fail(pipe.as_ref(), "No features to serve, exiting", exit_status::NO_FEATURES);
    }
    let listener = match platform::listen(config.listen, config.port) {
        Ok(listener) => listener,
        Err(error @ ListenError::PortTaken { .. }) => {
            return voice.fail(pipe.as_ref(), &error.to_string(), exit_status::PORT_TAKEN);
        }
        Err(error) => return voice.fail(pipe.as_ref(), &error.to_string(), exit_status::CANNOT_START),
    };
    let port = listener.local_addr().map_or(config.port, |address| address.port());
    log_start(&config, &setup, &voice, port);
    match serve_until_stopped(config, setup, listener, &mut pipe, &voice).await {
        Ending::Ordered => {
            voice.say("daemon shutdown requested - shutting down");
            exit_status::ORDERLY
        }
        Ending::LostLmgrd => {
            voice.say("Lost connection to lmgrd, exiting.");
            voice.say("EXITING DUE TO SIGNAL 37 Exit reason 5");
            exit_status::LOST_LMGRD
        }
        Ending::Failed(text, status) => voice.fail(pipe.as_ref(), &text, status),
    }
}

fn log_start(config: &Config, setup: &Setup, voice: &Voice, port: u16) {
    let host = config.server_host.as_str();
    let features = setup.catalog.features().map(|feature| feature.as_str());
    feature_table(host, features).iter().for_each(|line| voice.say(line));
    voice.say("EXTERNAL FILTERS are OFF");
    if setup.catalog.demo() {
        voice.say("DEMO: licenses signed with the published demo key are served");
    }
    voice.say("License verification completed successfully.");
    if config.local_only {
        voice.say("lmborrow -recall and lmclock accept only allowed on this machine");
    }
    let hostids: Vec<String> = setup.machine.iter().map(ToString::to_string).collect();
    let block = vendor_daemon_block(
        &voice.style,
        voice.clock.now().utc,
        std::process::id(),
        crate::VERSION,
        port,
        host,
        &hostids.join(" "),
    );
    block.iter().for_each(|line| voice.say(line));
}

enum Ending {
    Ordered,
    LostLmgrd,
    Failed(String, u8),
}

async fn serve_until_stopped(
    config: Config,
    setup: Setup,
    listener: TcpListener,
    pipe: &mut Option<Pipe>,
    voice: &Voice,
) -> Ending {
    let port = listener.local_addr().map_or(config.port, |address| address.port());
    let cannot = |error: std::io::Error| Ending::Failed(error.to_string(), exit_status::CANNOT_START);
    let state_dir = config.state_dir.join(config.vendor.as_str());
    let about = About {
        vendor: config.vendor.clone(),
        server_host: config.server_host.clone(),
        server_port: config.server_port,
    };
    let terms = LeaseTerms {
        lease: Duration::from_secs(setup.origin.manifest.lease_s.into()),
        close_grace: Duration::from_secs(setup.origin.manifest.close_grace_s.into()),
    };
    let served = Served {
        catalog: Arc::new(setup.catalog),
        policy: Arc::new(setup.policy),
        origin: Arc::new(setup.origin),
        about: Arc::new(about),
    };
    let origin = Arc::clone(&served.origin);
    let setting = Setting {
        served: served.clone(),
        style: voice.style.clone(),
        log: voice.log.clone(),
        cursor_dir: state_dir.clone(),
        clock: Arc::clone(&voice.clock),
    };
    let (projector, projector_thread) = match projector::start(setting) {
        Ok(started) => started,
        Err(error) => return cannot(error),
    };
    let daemon = Daemon::new(config, served, terms, projector.clone(), Arc::clone(&voice.clock));
    let shared: Shared = Rc::new(RefCell::new(daemon));
    let peers: Peers = Rc::default();
    let signals =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()));
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hang_up)) = signals else {
        return Ending::Failed("signals can't be watched".to_owned(), exit_status::CANNOT_START);
    };
    let (opened, mut ready) = oneshot::channel();
    let mut told = false;
    let mut accepting = None;
    let mut listener = Some(listener);
    let say = |text: &str| voice.say(text);
    let history = history::follow(&shared, state_dir, &setup.started, &origin, opened, say);
    tokio::pin!(history);
    let submitting = tokio::task::spawn_local(submit(Rc::clone(&shared)));
    let ticking = tokio::task::spawn_local(tick(Rc::clone(&shared), Rc::clone(&peers)));
    let (orders, order_queue) = mpsc::channel(rereading::QUEUE_MAX);
    let (answers, mut answer_queue) = mpsc::unbounded_channel::<Vec<DaemonLine>>();
    let (serves, when_it_serves) = oneshot::channel();
    let mut serves = Some(serves);
    let rereading =
        rereading::follow(Rc::clone(&shared), when_it_serves, order_queue, voice.clone(), setup.zone.clone());
    let rereading = tokio::task::spawn_local(rereading);
    let automatic = automatic::follow(Rc::clone(&shared), orders.clone(), voice.clone());
    let automatic = tokio::task::spawn_local(automatic);
    let (ending, by) = loop {
        tokio::select! {
            stop = &mut history => break (failed(stop), None),
            _ = &mut ready, if !told => {
                told = true;
                serves.take().map(|serves| serves.send(()));
                let Some(listener) = listener.take() else { continue };
                accepting = Some(tokio::task::spawn_local(accept(
                    Rc::clone(&shared), Rc::clone(&peers), listener,
                )));
                if let Some(pipe) = pipe.as_ref() {
                    pipe.tell(&[DaemonLine::Ready { port }]);
                }
            }
            word = hear(pipe) => break match word {
                Word::Stop(who) => (Ending::Ordered, Some(who)),
                Word::Lost => (Ending::LostLmgrd, Some("the end of lmgrd".to_owned())),
                Word::Reread { order, force, sources, who } => {
                    let (reply, answer) = oneshot::channel();
                    let sources = sources.map(Into::into);
                    let ordered = Order { who, force, automatic: false, sources, reply: Some(reply) };
                    let too_many = orders.try_send(ordered).is_err();
                    let answers = answers.clone();
                    tokio::task::spawn_local(async move {
                        let answer = if too_many { Ok(Answer::too_many()) } else { answer.await };
                        if let Ok(answer) = answer {
                            let end = DaemonLine::Reread { order, refused: answer.refused };
                            let _ = answers.send(said(order, answer.lines, end));
                        }
                    });
                    continue;
                }
                Word::MayStop(order) => {
                    let refused = shared.borrow().against_stopping();
                    if let Some(pipe) = pipe.as_ref() {
                        pipe.tell(&[DaemonLine::Done { order, refused }]);
                    }
                    continue;
                }
                Word::Remove { order, removed } => {
                    let answer = shared.borrow_mut().remove(&removed);
                    let answers = answers.clone();
                    tokio::task::spawn_local(async move {
                        if let Ok(answer) = answer.await.map(Answer::cut) {
                            let end = DaemonLine::Done { order, refused: answer.refused };
                            let _ = answers.send(said(order, answer.lines, end));
                        }
                    });
                    continue;
                }
            },
            Some(lines) = answer_queue.recv() => if let Some(pipe) = pipe.as_ref() {
                pipe.tell(&lines);
            },
            _ = hang_up.recv() => {
                let who = "SIGHUP".to_owned();
                // If the queue is full, there are rereads enough.
                let _ = orders.try_send(Order { who, force: false, automatic: false, sources: None, reply: None });
            }
            _ = terminate.recv() => break (Ending::Ordered, Some("signal 15".to_owned())),
            // Ctrl-C at a terminal reaches all processes at once; lmgrd decides then, and tells.
            _ = interrupt.recv(), if pipe.is_none() => break (Ending::Ordered, Some("signal 2".to_owned())),
        }
    };
    if let Some(accepting) = accepting {
        accepting.abort();
    }
    ticking.abort();
    rereading.abort();
    automatic.abort();
    if let Some(by) = by {
        shared.borrow_mut().stop(&by);
        let settled = async {
            while !shared.borrow().settled() {
                tokio::select! {
                    _ = &mut history => return,
                    () = tokio::time::sleep(Duration::from_millis(5)) => {}
                }
            }
        };
        let _ = tokio::time::timeout(END_MAX / 2, settled).await;
    }
    submitting.abort();
    close_all(&peers).await;
    end_threads(&shared, &projector, projector_thread).await;
    ending
}

/// The lines of an answer to lmgrd.
fn said(order: u32, lines: Vec<String>, end: DaemonLine) -> Vec<DaemonLine> {
    lines.into_iter().map(|text| DaemonLine::Said { order, text }).chain([end]).collect()
}

fn failed(stop: Stop) -> Ending {
    match stop {
        Stop::AnotherCopy(text) => Ending::Failed(
            format!("MULTIPLE servers running: {text}. End the other one, then start again"),
            exit_status::ANOTHER_COPY,
        ),
        Stop::Failed(text) => {
            Ending::Failed(format!("The history failed: {text}"), exit_status::HISTORY_FAILED)
        }
    }
}

async fn hear(pipe: &mut Option<Pipe>) -> Word {
    match pipe {
        Some(pipe) => pipe.hear().await,
        None => std::future::pending().await,
    }
}

/// Writes the last snapshot and closes the store, within the time that is left.
async fn end_threads(
    shared: &Shared,
    projector: &projector::Projector,
    projector_thread: std::thread::JoinHandle<()>,
) {
    let store = shared.borrow_mut().release_store();
    let projector = projector.clone();
    let ending = tokio::task::spawn_blocking(move || {
        projector.put(Task::End);
        let _ = projector_thread.join();
        // The projector has let go of the store, so this is the last hold on it: dropping it closes in order.
        drop(store);
    });
    let _ = tokio::time::timeout(END_MAX / 2, ending).await;
}

/// Every connection, for the ticker and the end.
type Peers = Rc<RefCell<Vec<Weak<Peer>>>>;

async fn close_all(peers: &Peers) {
    let open: Vec<Rc<Peer>> = peers.borrow().iter().filter_map(Weak::upgrade).collect();
    open.iter().for_each(|peer| peer.shut_down());
    drop(open);
    let closed = async {
        while peers.borrow().iter().any(|peer| peer.strong_count() > 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_millis(500), closed).await;
}

/// Hands decided records to the store after every connection that is ready had its turn.
async fn submit(shared: Shared) {
    let ready = shared.borrow().batch_ready();
    loop {
        ready.notified().await;
        tokio::task::yield_now().await;
        shared.borrow_mut().submit();
    }
}

/// Times at which something is due that are nearer than this are looked at together.
const DUE_APART: Duration = Duration::from_millis(10);

async fn tick(shared: Shared, peers: Peers) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let due = shared.borrow().due_within(TICK);
        let early = match due {
            // What is due at a time of its own is not late by half a tick.
            Some(due) => tokio::select! {
                _ = ticks.tick() => false,
                () = tokio::time::sleep(due.max(DUE_APART)) => true,
            },
            None => {
                ticks.tick().await;
                false
            }
        };
        // Sockets that have something to say are heard before leases are judged.
        tokio::task::yield_now().await;
        if early {
            shared.borrow_mut().tick();
            continue;
        }
        let now = shared.borrow().now().mono;
        let open: Vec<Rc<Peer>> = {
            let mut peers = peers.borrow_mut();
            peers.retain(|peer| peer.strong_count() > 0);
            peers.iter().filter_map(Weak::upgrade).collect()
        };
        open.iter().for_each(|peer| peer.check_deadline(now));
        shared.borrow_mut().tick();
    }
}

async fn accept(shared: Shared, peers: Peers, listener: TcpListener) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the listener can't be watched"),
    };
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely: wait until some connection closes.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (limits, now): (_, Monotonic) = {
            let daemon = shared.borrow();
            (daemon.config.limits, daemon.now().mono)
        };
        let address = address.ip().to_canonical();
        let of_host = || {
            peers.borrow().iter().filter_map(Weak::upgrade).filter(|peer| peer.address() == address).count()
        };
        if !address.is_loopback() && of_host() >= limits.connections_per_host {
            tracing::warn!(%address, "too many connections of one host");
            continue;
        }
        if let Err(error) = platform::tune(&stream) {
            tracing::info!(%error, "socket options were not taken");
        }
        let peer = Rc::new(Peer::new(stream, address, limits, now));
        peers.borrow_mut().push(Rc::downgrade(&peer));
        tokio::task::spawn_local(serve(Rc::clone(&shared), peer));
    }
}
