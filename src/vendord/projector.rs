//! The second fold: on its own thread, fed with committed records only. It answers status, writes the debug log and
//! makes snapshots. So a big lmstat never stalls a checkout and never shows what is not durable.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::oneshot;

use super::explaining::{self, GroundsQuery};
use super::served::{Announced, Served};
use super::status;
use crate::event::debug_log::{Holder, LogStyle, VENDOR_TIMESTAMP_MIN, checked_in, checked_out};
use crate::event::{
    DequeueReason, Dequeued, EndReason, Event, In, InReason, Lingering, Recalled, Record, debug_log,
};
use crate::ident::{FeatureName, Handle, Seq, SessionId};
use crate::platform::LogSink;
use crate::seat::{Rules, Seat, Session, State, Tenure, Usage, surplus};
use crate::store::{LogCursor, Snapshot, Store};
use crate::time::{Clock, Timestamp};

/// Committed batches and questions that may wait.
const QUEUE: usize = 4096;
/// Time after which a snapshot is due if anything happened; what is older than a snapshot can be dropped one day.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(24 * 3600);
/// Records after which a snapshot is due.
const SNAPSHOT_EVERY_RECORDS: u64 = 100_000;

/// What status is asked for.
#[derive(Debug, Clone)]
pub(super) struct StatusQuery {
    pub(super) feature: Option<FeatureName>,
    pub(super) users: bool,
    pub(super) notes: Vec<String>,
    pub(super) form: status::Form,
}

/// What the thread is told.
pub(super) enum Task {
    /// The history as it was found, and from where on the debug log still lacks it. `missed` follow the state.
    Begin { state: Box<State>, missed: Vec<Record>, store: Arc<Store> },
    /// These are durable.
    Committed(Vec<Record>),
    /// Who has what.
    Status(StatusQuery, oneshot::Sender<BytesMut>),
    /// What decisions about a feature go by.
    Grounds(GroundsQuery, oneshot::Sender<BytesMut>),
    /// The state as it is on disk, and what is served by it.
    State(oneshot::Sender<(Box<State>, Served)>),
    /// Names in the log the pools of which more licenses are out than they have now.
    Surplus,
    /// Writes a last snapshot and ends.
    End,
}

/// The way to the thread.
#[derive(Clone)]
pub(super) struct Projector {
    tasks: SyncSender<Task>,
    announced: Announced,
}

impl Projector {
    /// Waits for room: for the store's writer, which must not lose a batch.
    pub(super) fn put(&self, task: Task) {
        if self.tasks.send(task).is_err() {
            tracing::error!("the projector has ended");
        }
    }

    /// What is served from a reread on. Said before its record is handed to the store.
    pub(super) fn announce(&self, reread: Seq, served: Served) {
        self.announced.put(reread, served);
    }

    /// What is served from a reread on that is durable now.
    pub(super) fn announced(&self, reread: Seq) -> Option<Served> {
        self.announced.take(reread)
    }

    /// Gives up if there is no room: for the daemon, which must not wait.
    pub(super) fn offer(&self, task: Task) -> bool {
        match self.tasks.try_send(task) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }
}

/// A way to nowhere, for a daemon whose caller folds durable records himself: tasks that nobody takes.
pub(super) fn by_hand() -> (Projector, Receiver<Task>) {
    let (tasks, queue) = sync_channel(QUEUE);
    (Projector { tasks, announced: Announced::default() }, queue)
}

/// What the thread needs to know from the start.
pub(super) struct Setting {
    pub(super) served: Served,
    pub(super) style: LogStyle,
    pub(super) log: LogSink,
    pub(super) cursor_dir: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
}

/// Starts the thread.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn start(setting: Setting) -> std::io::Result<(Projector, JoinHandle<()>)> {
    let (tasks, queue) = sync_channel(QUEUE);
    let announced = Announced::default();
    let of_daemon = announced.clone();
    let thread = std::thread::Builder::new().name("projector".to_owned()).spawn(move || {
        let stamped = setting.clock.now().utc;
        Projection {
            setting,
            announced: of_daemon,
            state: State::default(),
            usage: Usage::default(),
            store: None,
            cursor: None,
            since_snapshot: 0,
            snapshot_at: stamped,
            stamped,
        }
        .run(&queue);
    })?;
    Ok((Projector { tasks, announced }, thread))
}

struct Projection {
    setting: Setting,
    announced: Announced,
    state: State,
    usage: Usage,
    store: Option<Arc<Store>>,
    cursor: Option<Arc<Mutex<LogCursor>>>,
    since_snapshot: u64,
    snapshot_at: Timestamp,
    stamped: Timestamp,
}

impl Projection {
    fn run(mut self, queue: &Receiver<Task>) {
        loop {
            match queue.recv_timeout(Duration::from_secs(30)) {
                Ok(Task::Begin { state, missed, store }) => self.begin(*state, &missed, store),
                Ok(Task::Committed(records)) => self.fold(&records),
                Ok(Task::Status(query, reply)) => {
                    let look = self.setting.clock.look();
                    let served = &self.setting.served;
                    let rules =
                        Rules { catalog: &served.catalog, policy: &served.policy, usage: &self.usage };
                    let items = status::items(&self.state, rules, &served.about, &query, look);
                    // The asker may have gone.
                    let _ = reply.send(status::encode(items, query.form));
                }
                Ok(Task::Grounds(query, reply)) => {
                    let now = self.setting.clock.now().utc;
                    let _ = reply.send(explaining::answer(&self.state, &self.setting.served, &query, now));
                }
                Ok(Task::State(reply)) => {
                    let _ = reply.send((Box::new(self.state.clone()), self.setting.served.clone()));
                }
                Ok(Task::Surplus) => self.log_surplus(self.setting.clock.now().utc),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Task::End) | Err(RecvTimeoutError::Disconnected) => break,
            }
            self.timestamp();
            if self.setting.clock.now().utc >= self.snapshot_at.plus(SNAPSHOT_EVERY) {
                self.snapshot();
            }
        }
        self.snapshot();
    }

    fn begin(&mut self, state: State, missed: &[Record], store: Arc<Store>) {
        self.state = state;
        self.rebuild_usage();
        self.store = Some(store);
        self.cursor = match LogCursor::open(&self.setting.cursor_dir) {
            Ok(cursor) => Some(Arc::new(Mutex::new(cursor))),
            Err(error) => {
                tracing::warn!(%error, "the debug log's cursor can't be kept");
                None
            }
        };
        self.fold(missed);
        self.since_snapshot = 0;
    }

    fn fold(&mut self, records: &[Record]) {
        for record in records {
            self.log(record);
            self.state.evolve(record);
            match record.events.iter().position(|event| matches!(event, Event::Reread(_))) {
                None => {
                    let served = &self.setting.served;
                    self.usage.follow(record, &self.state, &served.catalog, &served.policy);
                }
                Some(index) => {
                    self.switch(Seq(record.first.0.saturating_add(index as u64)));
                    self.log_surplus(record.at);
                }
            }
            self.since_snapshot += 1;
        }
        let (Some(last), Some(cursor)) = (records.last(), &self.cursor) else { return };
        let (cursor, through) = (Arc::clone(cursor), last.last());
        self.setting.log.then(move || {
            // Locked by this thread only; a mutex is what lets the closure own it.
            let Ok(mut cursor) = cursor.lock() else { return };
            if let Err(error) = cursor.advance(through) {
                tracing::warn!(%error, "the debug log's cursor can't be kept");
            }
        });
        if self.since_snapshot >= SNAPSHOT_EVERY_RECORDS {
            self.snapshot();
        }
    }

    /// A reread is durable: status goes by what it brought. One of an earlier run, which only the log catches up with, brought
    /// nothing that still counts.
    fn switch(&mut self, reread: Seq) {
        if let Some(served) = self.announced.take(reread) {
            self.setting.served = served;
        }
        self.rebuild_usage();
    }

    fn rebuild_usage(&mut self) {
        let served = &self.setting.served;
        self.usage = Usage::rebuild(&self.state, &served.catalog, &served.policy);
    }

    fn snapshot(&mut self) {
        self.snapshot_at = self.setting.clock.now().utc;
        if self.since_snapshot == 0 {
            return;
        }
        if let Some(store) = &self.store {
            store.put_snapshot(Snapshot { through: self.state.seq(), bytes: self.state.snapshot() });
            self.since_snapshot = 0;
        }
    }

    // ---- the debug log ----------------------------------------------------------------------------------------------

    fn line(&self, at: Timestamp, message: &str) {
        self.setting.log.line(self.setting.style.line(at, message));
    }

    /// Writes what happened, before it is folded in: what ends is still there to be named.
    fn log(&self, record: &Record) {
        if record.events.iter().any(|event| matches!(event, Event::Stopped(_))) {
            self.line(record.at, "Shutdown requested.");
        }
        for event in &record.events {
            match event {
                Event::Out(out) => {
                    // A suite's package has not waited by itself.
                    let waiting = self.state.waiting_with(out.session, out.request.token);
                    if waiting.is_some_and(|(_, entry)| entry.request.feature == out.request.feature) {
                        self.line(record.at, &debug_log::dequeued(&Holder::of(out)));
                    }
                    self.line(record.at, &checked_out(&Holder::of(out)));
                }
                Event::Queued(queued) => {
                    let holder = Holder::of_request(&queued.identity, &queued.request);
                    self.line(record.at, &debug_log::queued(&holder));
                }
                Event::Dequeued(dequeued) => self.log_dequeued(record.at, dequeued),
                Event::In(back) => self.log_in(record.at, back),
                Event::Lingering(lingering) => self.log_lingering(record.at, lingering),
                Event::Denied(denied) => {
                    debug_log::denied(denied).iter().for_each(|message| self.line(record.at, message));
                }
                Event::Removed(removed) => self.line(record.at, &debug_log::removed(removed)),
                Event::Stopped(_) => self.log_stop(record),
                Event::Resumed(resumed) => self.log_resumed(record.at, resumed.session),
                Event::Marked(marked) => {
                    debug_log::clock(marked).iter().for_each(|message| self.line(record.at, message));
                }
                Event::ClockAccepted(accepted) => {
                    self.line(record.at, &debug_log::clock_accepted(accepted));
                }
                Event::Started(_) => self.log_start(record),
                Event::Opened(_)
                | Event::Ended(_)
                | Event::Reread(_)
                | Event::Passed(_)
                | Event::Offered(_)
                | Event::Renewed(_)
                | Event::Moved(_) => {}
                Event::Recalled(recalled) => self.log_recalled(record.at, recalled),
            }
        }
    }

    fn log_surplus(&self, at: Timestamp) {
        for over in surplus(&self.state, &self.setting.served.catalog, at) {
            self.line(at, &format!("SURPLUS: {over}"));
        }
    }

    fn log_dequeued(&self, at: Timestamp, dequeued: &Dequeued) {
        let Some(entry) = self.state.waiting_under(dequeued.entry) else { return };
        let holder = Holder::of_request(&entry.identity, &entry.request);
        self.line(at, &debug_log::dequeued(&holder));
        if let DequeueReason::Lapsed(denial)
        | DequeueReason::Impossible(denial)
        | DequeueReason::Removed(denial) = &dequeued.why
        {
            self.line(at, &format!("NOTE: {denial}"));
        }
    }

    fn log_recalled(&self, at: Timestamp, recalled: &Recalled) {
        if let Some(seat) = self.state.seat(recalled.handle) {
            let Recalled { handle, by } = recalled;
            self.line(at, &format!("NOTE: borrow {handle} of {} is recalled by {by}", seat.feature));
        }
    }

    fn log_in(&self, at: Timestamp, back: &In) {
        if let Some(seat) = self.state.seat(back.handle)
            && let Some(holder) = self.holder(seat, true)
        {
            self.line(at, &checked_in(&holder, back));
        }
    }

    /// DECISION: an orderly stop closes every checkout in the log, as readers expect of one (`flexnet-tools.md` 3.9): some count OUT against
    /// IN, some take nothing as out behind it. So licenses that stay out have an IN here and an OUT when they are used again: those of a
    /// framed session when it resumes, those that are borrowed or linger at the next start. Either reader has them out once from then
    /// on, and the time between stop and start for nobody's.
    fn log_stop(&self, record: &Record) {
        for (handle, seat) in self.staying(record) {
            if let Some(holder) = self.holder(seat, true) {
                let why = InReason::Ended(EndReason::Shutdown);
                self.line(record.at, &checked_in(&holder, &In { session: seat.session, handle, why }));
            }
        }
    }

    /// What is borrowed or lingers is out as before the stop. After a crash the log has it so already.
    fn log_start(&self, record: &Record) {
        for (_, seat) in self.staying(record).filter(|(_, seat)| seat.tenure != Tenure::Held) {
            if let Some(holder) = self.holder(seat, false) {
                self.line(record.at, &checked_out(&holder));
            }
        }
    }

    /// The checkouts that a record does not end.
    fn staying(&self, record: &Record) -> impl Iterator<Item = (Handle, &Seat)> {
        let back = |event: &Event| if let Event::In(back) = event { Some(back.handle) } else { None };
        let ended: Vec<Handle> = record.events.iter().filter_map(back).collect();
        self.state.seats().filter(move |(handle, _)| !ended.contains(handle))
    }

    fn log_resumed(&self, at: Timestamp, id: SessionId) {
        let Some(session) = self.state.session(id).filter(|session| !session.shown()) else { return };
        for handle in session.handles() {
            if let Some(holder) = self.state.seat(handle).and_then(|seat| self.holder(seat, false)) {
                self.line(at, &checked_out(&holder));
            }
        }
    }

    /// A license that lingers is still out, and its IN line comes when it is not; only what readers might wonder at is said.
    fn log_lingering(&self, at: Timestamp, lingering: &Lingering) {
        if let Some(seat) = self.state.seat(lingering.handle).filter(|_| lingering.cut) {
            self.line(at, &debug_log::linger_cut(&seat.feature));
        }
    }

    fn holder(&self, seat: &Seat, shown: bool) -> Option<Holder> {
        let is_shown = match seat.tenure {
            Tenure::Held => self.state.session(seat.session).is_some_and(Session::shown),
            Tenure::Lingering { shown, .. } | Tenure::Borrowed { shown, .. } => shown,
        };
        (is_shown == shown).then(|| Holder {
            feature: seat.feature.clone(),
            user: seat.identity.user.clone(),
            host: seat.identity.host.clone(),
            count: seat.count,
        })
    }

    fn timestamp(&mut self) {
        let now = self.setting.clock.now().utc;
        if now >= self.stamped.plus(Duration::from_secs(VENDOR_TIMESTAMP_MIN * 60)) {
            self.stamped = now;
            self.line(now, &self.setting.style.timestamp(now));
        }
    }
}
