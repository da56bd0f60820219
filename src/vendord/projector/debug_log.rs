//! The debug log's lines of durable records. They are gathered on a page and handed to the log's writer once for each batch.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::catalog::Catalog;
use crate::event::debug_log::{self, Holder, LogStyle, Page, checked_in, checked_out};
use crate::event::{DequeueReason, Dequeued, EndReason, Event, In, InReason, Lingering, Recalled, Record};
use crate::ident::{Handle, Seq, SessionId};
use crate::platform::LogSink;
use crate::seat::{Seat, Session, State, Tenure, surplus};
use crate::store::LogCursor;
use crate::time::Timestamp;

/// So many bytes are handed over at once, and at the end of each batch what there is.
const PAGE_BYTES: usize = 64 * 1024;

/// Writes the debug log.
pub(super) struct DebugLog {
    page: Page,
    sink: LogSink,
    cursor: Option<Arc<Mutex<LogCursor>>>,
}

impl DebugLog {
    pub(super) fn new(style: LogStyle, sink: LogSink) -> Self {
        Self { page: Page::new(style), sink, cursor: None }
    }

    /// What is written from here on moves this cursor.
    pub(super) fn keep_cursor(&mut self, cursor: LogCursor) {
        self.cursor = Some(Arc::new(Mutex::new(cursor)));
    }

    fn line(&mut self, at: Timestamp, message: &str) {
        self.page.line(at, message);
        if self.page.len() >= PAGE_BYTES {
            self.hand_over();
        }
    }

    /// Hands the lines so far to the log's writer.
    fn hand_over(&mut self) {
        if !self.page.is_empty() {
            let (lines, count) = self.page.take();
            self.sink.lines(lines, count);
        }
    }

    /// Hands over all lines up to an event and moves the cursor when they are written.
    pub(super) fn hand_over_through(&mut self, through: Seq) {
        self.hand_over();
        let Some(cursor) = &self.cursor else { return };
        let cursor = Arc::clone(cursor);
        self.sink.then(move || {
            // Locked by the log's thread only; a mutex is what lets the closure own it.
            let Ok(mut cursor) = cursor.lock() else { return };
            if let Err(error) = cursor.advance(through) {
                tracing::warn!(%error, "the debug log's cursor can't be kept");
            }
        });
    }

    /// The only source of dates inside a long log.
    pub(super) fn timestamp(&mut self, now: Timestamp) {
        let text = self.page.style().timestamp(now);
        self.line(now, &text);
        self.hand_over();
    }

    pub(super) fn surplus(&mut self, state: &State, catalog: &Catalog, at: Timestamp) {
        surplus(state, catalog, at).iter().for_each(|over| self.line(at, &format!("SURPLUS: {over}")));
        self.hand_over();
    }

    /// Writes what happened, before it is folded in: what ends is still there to be named.
    pub(super) fn record(&mut self, state: &State, record: &Record) {
        if record.events.iter().any(|event| matches!(event, Event::Stopped(_))) {
            self.line(record.at, "Shutdown requested.");
        }
        for event in &record.events {
            match event {
                Event::Out(out) => {
                    // A suite's package has not waited by itself.
                    let waiting = state.waiting_with(out.session, out.request.token);
                    if waiting.is_some_and(|(_, entry)| entry.request.feature == out.request.feature) {
                        self.line(record.at, &debug_log::dequeued(&Holder::of(out)));
                    }
                    self.line(record.at, &checked_out(&Holder::of(out)));
                }
                Event::Queued(queued) => {
                    let holder = Holder::of_request(&queued.identity, &queued.request);
                    self.line(record.at, &debug_log::queued(&holder));
                }
                Event::Dequeued(dequeued) => self.dequeued(state, record.at, dequeued),
                Event::In(back) => self.back(state, record.at, back),
                Event::Lingering(lingering) => self.lingering(state, record.at, lingering),
                Event::Denied(denied) => {
                    debug_log::denied(denied).iter().for_each(|message| self.line(record.at, message));
                }
                Event::Removed(removed) => self.line(record.at, &debug_log::removed(removed)),
                Event::Stopped(_) => self.stopped(state, record),
                Event::Resumed(resumed) => self.resumed(state, record.at, resumed.session),
                Event::Marked(marked) => {
                    debug_log::clock(marked).iter().for_each(|message| self.line(record.at, message));
                }
                Event::ClockAccepted(accepted) => {
                    self.line(record.at, &debug_log::clock_accepted(accepted));
                }
                Event::Started(_) => self.started(state, record),
                Event::Opened(_)
                | Event::Ended(_)
                | Event::Reread(_)
                | Event::Passed(_)
                | Event::Offered(_)
                | Event::Renewed(_)
                | Event::Moved(_) => {}
                Event::Recalled(recalled) => self.recalled(state, record.at, recalled),
            }
        }
    }

    fn dequeued(&mut self, state: &State, at: Timestamp, dequeued: &Dequeued) {
        let Some(entry) = state.waiting_under(dequeued.entry) else { return };
        let holder = Holder::of_request(&entry.identity, &entry.request);
        self.line(at, &debug_log::dequeued(&holder));
        if let DequeueReason::Lapsed(denial)
        | DequeueReason::Impossible(denial)
        | DequeueReason::Removed(denial) = &dequeued.why
        {
            self.line(at, &format!("NOTE: {denial}"));
        }
    }

    fn recalled(&mut self, state: &State, at: Timestamp, recalled: &Recalled) {
        if let Some(seat) = state.seat(recalled.handle) {
            let Recalled { handle, by } = recalled;
            self.line(at, &format!("NOTE: borrow {handle} of {} is recalled by {by}", seat.feature));
        }
    }

    fn back(&mut self, state: &State, at: Timestamp, back: &In) {
        if let Some(seat) = state.seat(back.handle)
            && let Some(holder) = holder(state, seat, true)
        {
            self.line(at, &checked_in(&holder, back));
        }
    }

    /// DECISION: an orderly stop closes every checkout in the log, as readers expect of one (`flexnet-tools.md` 3.9): some count OUT against
    /// IN, some take nothing as out behind it. So licenses that stay out have an IN here and an OUT when they are used again: those of a
    /// framed session when it resumes, those that are borrowed or linger at the next start. Either reader has them out once from then
    /// on, and the time between stop and start for nobody's.
    fn stopped(&mut self, state: &State, record: &Record) {
        for (handle, seat) in staying(state, record) {
            if let Some(holder) = holder(state, seat, true) {
                let why = InReason::Ended(EndReason::Shutdown);
                self.line(record.at, &checked_in(&holder, &In { session: seat.session, handle, why }));
            }
        }
    }

    /// What is borrowed or lingers is out as before the stop. After a crash the log has it so already.
    fn started(&mut self, state: &State, record: &Record) {
        for (_, seat) in staying(state, record).filter(|(_, seat)| seat.tenure != Tenure::Held) {
            if let Some(holder) = holder(state, seat, false) {
                self.line(record.at, &checked_out(&holder));
            }
        }
    }

    fn resumed(&mut self, state: &State, at: Timestamp, id: SessionId) {
        let Some(session) = state.session(id).filter(|session| !session.shown()) else { return };
        for handle in session.handles() {
            if let Some(holder) = state.seat(handle).and_then(|seat| holder(state, seat, false)) {
                self.line(at, &checked_out(&holder));
            }
        }
    }

    /// A license that lingers is still out, and its IN line comes when it is not; only what readers might wonder at is said.
    fn lingering(&mut self, state: &State, at: Timestamp, lingering: &Lingering) {
        if let Some(seat) = state.seat(lingering.handle).filter(|_| lingering.cut) {
            self.line(at, &debug_log::linger_cut(&seat.feature));
        }
    }
}

/// The checkouts that a record does not end.
fn staying<'s>(state: &'s State, record: &Record) -> impl Iterator<Item = (Handle, &'s Seat)> + use<'s> {
    let back = |event: &Event| if let Event::In(back) = event { Some(back.handle) } else { None };
    let ended: BTreeSet<Handle> = record.events.iter().filter_map(back).collect();
    state.seats().filter(move |(handle, _)| !ended.contains(handle))
}

/// Who has a checkout, if the log shows it as out as `shown` says.
fn holder<'a>(state: &State, seat: &'a Seat, shown: bool) -> Option<Holder<'a>> {
    let is_shown = match seat.tenure {
        Tenure::Held => state.session(seat.session).is_some_and(Session::shown),
        Tenure::Lingering { shown, .. } | Tenure::Borrowed { shown, .. } => shown,
    };
    (is_shown == shown).then(|| Holder {
        feature: &seat.feature,
        user: &seat.identity.user,
        host: &seat.identity.host,
        count: seat.count,
    })
}
