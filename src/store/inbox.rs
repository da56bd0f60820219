//! What waits for the writing thread, and what that thread tells those who submit.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::retention::Pruning;
use super::{Pruned, Snapshot, StoreError, SubmitError};
use crate::event::Record;
use crate::event::codec::NameKind;
use crate::ident::Digest;
use crate::sign::SigningKey;
use crate::time::Timestamp;

/// A request to erase a name.
#[derive(Debug)]
pub(super) struct Erasure {
    pub(super) kind: NameKind,
    pub(super) text: String,
    pub(super) done: SyncSender<Result<bool, StoreError>>,
}

/// Everything that waited.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) records: Vec<Record>,
    pub(super) files: Vec<(Digest, Vec<u8>)>,
    pub(super) snapshot: Option<Snapshot>,
    pub(super) erasures: Vec<Erasure>,
    pub(super) pruning: Option<Pruning>,
    /// The last work there will be.
    pub(super) closing: bool,
    /// Another thread has found that it is unknown what is durable.
    pub(super) fatal: Option<String>,
}

impl Work {
    fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.files.is_empty()
            && self.snapshot.is_none()
            && self.erasures.is_empty()
            && self.pruning.is_none()
            && !self.closing
            && self.fatal.is_none()
    }
}

#[derive(Debug, Default)]
struct State {
    work: Work,
    /// The writing thread sleeps.
    idle: bool,
    /// Records are dropped until the owner restarts.
    refusing: bool,
    /// Writing does not work at present.
    failing: bool,
    /// The writing thread has ended, with or without success.
    ended: Option<Ending>,
}

/// How the writing thread ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    InOrder,
    Fatal,
}

#[derive(Debug)]
pub(super) struct Inbox {
    state: Mutex<State>,
    /// There is work.
    changed: Condvar,
    /// The writing thread has ended.
    over: Condvar,
    records_max: usize,
}

impl Inbox {
    pub(super) fn new(records_max: usize) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), over: Condvar::new(), records_max }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, state: MutexGuard<'_, State>) {
        let idle = state.idle;
        drop(state);
        if idle {
            self.changed.notify_one();
        }
    }

    // For those who submit.

    pub(super) fn submit(&self, mut records: Vec<Record>) -> Result<(), SubmitError> {
        let mut state = self.state();
        if state.ended.is_some() {
            return Err(SubmitError::Ended);
        }
        if state.refusing {
            return Err(SubmitError::RolledBack);
        }
        if state.work.records.len().saturating_add(records.len()) > self.records_max {
            return Err(SubmitError::Full);
        }
        if state.work.records.is_empty() {
            state.work.records = records;
        } else {
            state.work.records.append(&mut records);
        }
        self.wake(state);
        Ok(())
    }

    pub(super) fn room(&self) -> usize {
        let state = self.state();
        if state.refusing || state.ended.is_some() {
            return 0;
        }
        self.records_max.saturating_sub(state.work.records.len())
    }

    pub(super) fn put_file(&self, digest: Digest, bytes: Vec<u8>) {
        let mut state = self.state();
        if state.ended.is_none() && !state.work.files.iter().any(|(there, _)| *there == digest) {
            state.work.files.push((digest, bytes));
        }
        self.wake(state);
    }

    pub(super) fn put_snapshot(&self, snapshot: Snapshot) {
        let mut state = self.state();
        if state.ended.is_none() {
            state.work.snapshot = Some(snapshot);
        }
        self.wake(state);
    }

    pub(super) fn erase(&self, kind: NameKind, text: &str) -> Receiver<Result<bool, StoreError>> {
        let (done, receiver) = sync_channel(1);
        let mut state = self.state();
        // Once the writing thread has ended, `done` is dropped here and the receiver says so.
        if state.ended.is_none() {
            state.work.erasures.push(Erasure { kind, text: text.to_owned(), done });
        }
        self.wake(state);
        receiver
    }

    pub(super) fn prune(&self, before: Timestamp, key: SigningKey) -> Pruned {
        let (done, receiver) = sync_channel(1);
        let mut state = self.state();
        if state.ended.is_none() {
            state.work.pruning = Some(Pruning { before, key, done });
        }
        self.wake(state);
        receiver
    }

    pub(super) fn restart(&self) -> bool {
        let mut state = self.state();
        if !state.failing {
            state.refusing = false;
        }
        !state.failing
    }

    pub(super) fn close(&self) {
        let mut state = self.state();
        state.work.closing = true;
        drop(state);
        self.changed.notify_one();
    }

    // For the writing thread.

    /// Everything that waits; sleeps while there is nothing, if `wait`.
    pub(super) fn take(&self, wait: bool, records_max: usize) -> Work {
        let mut state = self.state();
        while wait && state.work.is_empty() {
            state.idle = true;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle = false;
        }
        let closing = state.work.closing;
        let mut work = std::mem::take(&mut state.work);
        // A commit is bounded; what is beyond waits for the next one, and closing waits for that.
        if work.records.len() > records_max {
            state.work.records = work.records.split_off(records_max);
            state.work.closing = closing;
            work.closing = false;
        }
        work
    }

    /// Writing failed: drops all records until the owner restarts; puts back the files.
    pub(super) fn fail(&self, files: Vec<(Digest, Vec<u8>)>) {
        let mut state = self.state();
        state.failing = true;
        state.refusing = true;
        state.work.records.clear();
        for file in files {
            if !state.work.files.iter().any(|(digest, _)| *digest == file.0) {
                state.work.files.push(file);
            }
        }
    }

    /// Sleeps for a while or until there is a reason to end. True to go on.
    pub(super) fn pause(&self, span: Duration) -> bool {
        let until = Instant::now() + span;
        let mut state = self.state();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if state.work.closing || state.work.fatal.is_some() {
                return false;
            }
            if left.is_zero() {
                return true;
            }
            state.idle = true;
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.idle = false;
        }
    }

    pub(super) fn recovered(&self) {
        self.state().failing = false;
    }

    pub(super) fn end(&self, how: Ending) {
        let mut state = self.state();
        state.ended = Some(how);
        state.work = Work::default();
        drop(state);
        self.over.notify_all();
    }

    // For the checkpointing thread.

    /// Tells the writing thread that it is unknown what is durable.
    pub(super) fn fatal(&self, reason: String) {
        self.state().work.fatal = Some(reason);
        self.changed.notify_one();
    }

    /// Sleeps for a while or until the writing thread has ended; then says how.
    pub(super) fn wait_for_end(&self, span: Duration) -> Option<Ending> {
        let until = Instant::now() + span;
        let mut state = self.state();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if state.ended.is_some() || left.is_zero() {
                return state.ended;
            }
            state = self.over.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
