//! The second fold: on its own thread, fed with committed records only. It answers status, writes the debug log and
//! makes snapshots. So a big lmstat never stalls a checkout and never shows what is not durable.

mod debug_log;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::oneshot;

use super::explaining::{self, GroundsQuery};
use super::served::{Announced, Served};
use super::status;
use crate::event::debug_log::{LogStyle, VENDOR_TIMESTAMP_MIN};
use crate::event::{Event, Record};
use crate::ident::{FeatureName, Seq};
use crate::platform::LogSink;
use crate::seat::{Rules, State, Usage};
use crate::store::{LogCursor, Snapshot, Store};
use crate::time::{Clock, Timestamp};
use debug_log::DebugLog;

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
            log: DebugLog::new(setting.style.clone(), setting.log.clone()),
            setting,
            announced: of_daemon,
            state: State::default(),
            usage: Usage::default(),
            store: None,
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
    log: DebugLog,
    announced: Announced,
    state: State,
    usage: Usage,
    store: Option<Arc<Store>>,
    since_snapshot: u64,
    snapshot_at: Timestamp,
    stamped: Timestamp,
}

impl Projection {
    fn run(mut self, queue: &Receiver<Task>) {
        loop {
            match queue.recv_timeout(Duration::from_secs(30)) {
                Ok(Task::Begin { state, missed, store }) => self.begin(*state, missed, store),
                Ok(Task::Committed(records)) => self.fold(records),
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

    fn begin(&mut self, state: State, missed: Vec<Record>, store: Arc<Store>) {
        self.state = state;
        self.rebuild_usage();
        self.store = Some(store);
        match LogCursor::open(&self.setting.cursor_dir) {
            Ok(cursor) => self.log.keep_cursor(cursor),
            Err(error) => tracing::warn!(%error, "the debug log's cursor can't be kept"),
        }
        self.fold(missed);
        self.since_snapshot = 0;
    }

    fn fold(&mut self, records: Vec<Record>) {
        let through = records.last().map(Record::last);
        for record in records {
            self.log.record(&self.state, &record);
            self.since_snapshot += 1;
            let reread = record.events.iter().position(|event| matches!(event, Event::Reread(_)));
            if let Some(index) = reread {
                let (first, at) = (record.first.0, record.at);
                self.state.take_in(record);
                self.switch(Seq(first.saturating_add(index as u64)));
                self.log_surplus(at);
                continue;
            }
            let served = &self.setting.served;
            self.usage.follow(&record, &self.state, &served.catalog, &served.policy);
            self.state.take_in(record);
        }
        if let Some(through) = through {
            self.log.hand_over_through(through);
        }
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

    fn log_surplus(&mut self, at: Timestamp) {
        self.log.surplus(&self.state, &self.setting.served.catalog, at);
    }

    fn timestamp(&mut self) {
        let now = self.setting.clock.now().utc;
        if now >= self.stamped.plus(Duration::from_secs(VENDOR_TIMESTAMP_MIN * 60)) {
            self.stamped = now;
            self.log.timestamp(now);
        }
    }
}
