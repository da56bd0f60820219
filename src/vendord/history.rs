//! Opening the store, again and again if need be, and its reports.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::daemon::Shared;
use super::origin::Origin;
use super::projector::{Projector, Task};
use crate::event::{Record, Started};
use crate::ident::{Seq, VendorName};
use crate::platform::{self, LockError, StateLock};
use crate::seat::{Command, State};
use crate::sign::SigningKey;
use crate::store::{self, LogCursor, Report, Store, StoreConfig, StoreError};
use crate::time::Timestamp;

/// How long a newcomer waits for another daemon of the same vendor to end.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// How often opening is tried again.
const OPEN_AGAIN: Duration = Duration::from_secs(1);

/// How often what is older than the retention is dropped.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Keys belong to somebody; the state key to nobody's license lines.
const STATE_KEY_VENDOR: &str = "seatkeeper-state";

/// Records that the debug log catches up with after a crash, at most.
const MISSED_MAX: usize = 100_000;

/// What the daemon is told by the history.
pub(super) enum News {
    Committed(Seq),
    RolledBack(String),
    Recovered,
    Fatal(String),
}

/// Why the daemon must end.
#[derive(Debug)]
pub(super) enum Stop {
    /// Another daemon of this vendor holds the state directory.
    AnotherCopy(String),
    /// The history failed for good.
    Failed(String),
}

/// What was found.
struct Found {
    store: Arc<Store>,
    lock: StateLock,
    state: State,
    at_cursor: State,
    missed: Vec<Record>,
    record_key: Option<SigningKey>,
}

/// Opens the history and follows its reports until it fails for good. Returns the lock so that it lasts as long.
pub(super) async fn follow(
    shared: &Shared,
    dir: PathBuf,
    started: &Started,
    origin: &Origin,
    opened: oneshot::Sender<()>,
    say: impl Fn(&str),
) -> Stop {
    let mut told = false;
    let say = &say;
    let mut tell_failing = move |failing: Option<&str>| match failing {
        Some(reason) if !std::mem::replace(&mut told, true) => {
            say(&format!(
                "ERROR: the history can't be written, so no license is checked out until it can: {reason}"
            ));
        }
        None if std::mem::take(&mut told) => say("The history can be written again"),
        Some(_) | None => {}
    };
    let projector = shared.borrow().projector.clone();
    // Reports are few: one for each commit. The daemon takes them as fast as any other input.
    let (sender, mut news) = mpsc::unbounded_channel();
    let mut opened = Some(opened);
    let found = loop {
        let (dir, projector, sender) = (dir.clone(), projector.clone(), sender.clone());
        let (waits, mut waiting) = mpsc::unbounded_channel::<String>();
        let mut opening = tokio::task::spawn_blocking(move || open(&dir, projector, sender, &waits));
        let outcome = loop {
            tokio::select! {
                outcome = &mut opening => break outcome,
                Some(held) = waiting.recv() => {
                    say(&format!("{held}; waiting for its end for up to {} s", LOCK_WAIT.as_secs()));
                }
            }
        };
        match outcome {
            Ok(Ok(found)) => break found,
            Ok(Err(Trouble::Retry(reason))) => {
                tell_failing(Some(&reason));
                shared.borrow_mut().unopened(&reason);
                // The daemon comes up all the same: status answers, checkouts say why not.
                opened.take().map(|opened| opened.send(()));
                tokio::time::sleep(OPEN_AGAIN).await;
            }
            Ok(Err(Trouble::Stop(stop))) => return stop,
            Err(error) => return Stop::Failed(error.to_string()),
        }
    };
    tell_failing(None);
    let Found { store, lock: _lock, state, at_cursor, missed, record_key } = found;
    origin.texts().for_each(|(digest, bytes)| store.put_file(digest, bytes));
    let begin = Task::Begin { state: Box::new(at_cursor), missed, store: Arc::clone(&store) };
    projector.put(begin);
    let kept = Arc::downgrade(&store);
    shared.borrow_mut().sign_with(record_key);
    shared.borrow_mut().begin(store, state, &Command::Start(started.clone()));
    let mut began = false;
    // Not while clients come back after a start.
    let mut daily = tokio::time::interval_at(tokio::time::Instant::now() + Duration::from_secs(60), DAY);
    loop {
        let report = tokio::select! {
            report = news.recv() => report,
            _ = daily.tick() => {
                if let Some(store) = kept.upgrade() {
                    let (dir, now) = (dir.clone(), shared.borrow().confirmed());
                    tokio::task::spawn_blocking(move || drop_old(&store, &dir, now));
                }
                continue;
            }
        };
        let Some(report) = report else { break };
        match report {
            News::Committed(through) => {
                shared.borrow_mut().committed(through);
                if !began {
                    began = true;
                    opened.take().map(|opened| opened.send(()));
                }
            }
            News::RolledBack(reason) => {
                tell_failing(Some(&reason));
                shared.borrow_mut().rolled_back(&reason);
                let (reply, answer) = oneshot::channel();
                let projector = projector.clone();
                // Waits for room in its queue, so not on this thread.
                tokio::task::spawn_blocking(move || projector.put(Task::State(reply)));
                match answer.await {
                    Ok((state, served)) => shared.borrow_mut().rebuilt(*state, served),
                    Err(_) => return Stop::Failed("the projector has ended".to_owned()),
                }
                opened.take().map(|opened| opened.send(()));
            }
            News::Recovered => {
                tell_failing(None);
                shared.borrow_mut().recovered();
            }
            News::Fatal(reason) => return Stop::Failed(reason),
        }
    }
    Stop::Failed("the history's writer has ended".to_owned())
}

/// The key of a state directory; a start makes it.
fn state_signing_key(dir: &Path) -> Option<SigningKey> {
    let vendor = VendorName::parse(STATE_KEY_VENDOR).ok()?;
    match platform::state_key(dir) {
        Ok(key) => Some(SigningKey::generate_ed25519(vendor, *key)),
        Err(error) => {
            tracing::warn!(%error, "the state directory has no key");
            None
        }
    }
}

/// Drops what is older than the retention. The store does it between commits; nobody waits for it.
fn drop_old(store: &Store, dir: &Path, now: Timestamp) {
    let retention = i64::try_from(store::RETENTION.as_millis()).unwrap_or(i64::MAX);
    match state_signing_key(dir) {
        Some(key) => drop(store.prune(Timestamp(now.0.saturating_sub(retention)), key)),
        None => tracing::warn!("old events stay until there is one"),
    }
}

enum Trouble {
    Retry(String),
    Stop(Stop),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        if error.retry() {
            Self::Retry(error.to_string())
        } else {
            Self::Stop(Stop::Failed(error.to_string()))
        }
    }
}

fn open(
    dir: &Path,
    projector: Projector,
    news: mpsc::UnboundedSender<News>,
    waits: &mpsc::UnboundedSender<String>,
) -> Result<Found, Trouble> {
    platform::make_vendor_dir(dir).map_err(|error| Trouble::Retry(error.to_string()))?;
    // The daemon may have ended.
    let waits = |held: &LockError| drop(waits.send(held.to_string()));
    let lock = match StateLock::acquire(dir, LOCK_WAIT, waits) {
        Ok(lock) => lock,
        Err(error @ LockError::Held { .. }) => {
            return Err(Trouble::Stop(Stop::AnotherCopy(error.to_string())));
        }
        Err(error) => return Err(Trouble::Retry(error.to_string())),
    };
    let report = Box::new(move |report| {
        let item = match report {
            Report::Committed(records) => {
                let Some(through) = records.last().map(Record::last) else { return };
                projector.put(Task::Committed(records));
                News::Committed(through)
            }
            Report::RolledBack { reason } => News::RolledBack(reason),
            Report::Recovered => News::Recovered,
            Report::Fatal { reason } => News::Fatal(reason),
            Report::Snapshot { through, result } => {
                if let Err(reason) = result {
                    tracing::warn!(%through, %reason, "a snapshot was given up");
                }
                return;
            }
        };
        // The daemon may have ended.
        let _ = news.send(item);
    });
    let opened = store::open(StoreConfig::new(dir), report)?;
    let mut loaded = opened.history;
    let state = loop {
        match loaded.snapshot.as_ref().map(|snapshot| State::from_snapshot(&snapshot.bytes)) {
            None => break State::default(),
            Some(Ok(state)) => break state,
            Some(Err(error)) => {
                tracing::warn!(%error, "falling back to an older snapshot");
                loaded = loaded.older()?;
            }
        }
    };
    let cursor = LogCursor::open(dir).ok().and_then(|cursor| cursor.seq());
    let mut at_cursor = state.clone();
    let mut state = state;
    let mut missed = VecDeque::new();
    for record in loaded.records {
        let record = record?;
        state.evolve(&record);
        if cursor.is_some_and(|cursor| record.last() > cursor) {
            missed.push_back(record);
        } else {
            at_cursor.evolve(&record);
        }
        if missed.len() > MISSED_MAX
            && let Some(oldest) = missed.pop_front()
        {
            at_cursor.evolve(&oldest);
        }
    }
    let missed = missed.into();
    let record_key = state_signing_key(dir);
    Ok(Found { store: Arc::new(opened.store), lock, state, at_cursor, missed, record_key })
}
