//! Commands decided, checked and recorded; what time has brought comes before each.

use super::waiting::{WAITING_MAX, Waiting};
use super::{Daemon, Recording};
use crate::code::{Code, minor};
use crate::event::{Denial, Event, Record};
use crate::ident::{Handle, SessionId};
use crate::seat::{Command, Reply, Rules, Session, State, check, decide, tick_due_in};
use crate::text::counted;
use crate::time::Now;

impl Daemon {
    /// Something was heard from a session, at the time that is given back.
    pub(in crate::vendord) fn hear(&mut self, session: SessionId) -> Now {
        let now = self.now();
        self.leases.hear(session, now.mono);
        now
    }

    pub(super) fn execute(&mut self, command: &Command) -> Reply {
        self.execute_at(command, self.now())
    }

    pub(super) fn execute_at(&mut self, command: &Command, now: Now) -> Reply {
        if let Some(denial) = self.unready() {
            return Reply::Refused(denial);
        }
        self.carry_out(command, now)
    }

    /// Why nothing can be decided at present.
    pub(super) fn unready(&self) -> Option<Denial> {
        if self.stopping {
            let note = "the vendor daemon is shutting down";
            return Some(Denial::new(Code::VendorDown, minor::VENDOR_DOWN, note));
        }
        if let Recording::Failing(reason) = &self.recording {
            return Some(Denial::new(Code::StoreUnavailable, minor::STORE_FAILED, reason));
        }
        if self.waiting.len() >= WAITING_MAX {
            let note = "too many requests wait for the disk";
            return Some(Denial::new(Code::ServerBusy, minor::WRITER_BUSY, note));
        }
        None
    }

    /// Ends what is over at this time, before anything else is decided.
    pub(super) fn lapse(&mut self, now: Now) {
        while tick_due_in(&self.state, now.utc).is_some_and(|left| left.is_zero()) {
            let before = self.state.seq();
            self.decide_and_record(&Command::Tick, now);
            if self.state.seq() == before {
                // The engine has contradicted itself, which is in the log.
                break;
            }
        }
    }

    /// A client says how long its user has done nothing. What is taken back of it is told when that is durable.
    pub(in crate::vendord) fn idle(&mut self, session: SessionId, idle_s: u32) {
        let held = |state: &State| -> Vec<Handle> {
            state.session(session).into_iter().flat_map(Session::handles).collect()
        };
        let before = held(&self.state);
        if before.is_empty() {
            return;
        }
        self.execute(&Command::Idle { session, idle_s });
        let left = held(&self.state);
        let handles: Vec<Handle> = before.into_iter().filter(|handle| !left.contains(handle)).collect();
        if !handles.is_empty() {
            let note = format!("its user has done nothing for {}", counted(idle_s, "second"));
            let why = Denial::new(Code::Inactive, minor::USER_IDLE, &note);
            self.waiting.push_back((self.state.seq(), Waiting::Lost { session, handles, why }));
        }
    }

    pub(super) fn carry_out(&mut self, command: &Command, now: Now) -> Reply {
        self.attend_clock(now);
        self.lapse(now);
        let reply = self.decide_and_record(command, now);
        // Other rules hold after a reread, and none after the stop.
        if !matches!(command, Command::Reread { .. } | Command::Stop(_)) {
            self.serve_queues(now);
        }
        reply
    }

    pub(super) fn decide_and_record(&mut self, command: &Command, now: Now) -> Reply {
        let rules = Rules { catalog: &self.served.catalog, policy: &self.served.policy, usage: &self.usage };
        let decision = decide(&self.state, rules, command, now);
        if decision.events.is_empty() || self.damper.absorb(&decision.events, now) {
            return decision.reply;
        }
        let after =
            if let Command::Reread { catalog, .. } = command { catalog } else { &self.served.catalog };
        if let Err(violation) = check(&self.state, after, &decision.events, now) {
            tracing::error!(%violation, ?command, "a decision was not carried out");
            let denial = Denial::new(Code::InternalError, minor::INVARIANT, &violation.to_string());
            return Reply::Refused(denial);
        }
        for event in &decision.events {
            let counted = match event {
                Event::Denied(denied) => self.damper.note(denied, now),
                Event::Ended(ended) => self.damper.forget(ended.session),
                _ => None,
            };
            if let Some(counted) = counted {
                self.record(vec![Event::Denied(Box::new(counted))], now);
            }
        }
        self.record(decision.events, now);
        decision.reply
    }

    pub(super) fn record(&mut self, events: Vec<Event>, now: Now) {
        let record = Record { first: self.state.seq().next(), at: now.utc, events };
        self.state.evolve(&record);
        self.usage.follow(&record, &self.state, &self.served.catalog, &self.served.policy);
        self.batch.push(record);
        self.batch_ready.notify_one();
    }

    /// Hands what is decided so far to the store, as much as finds room there. What does not stays here; the next
    /// commit report comes back to it.
    pub(in crate::vendord) fn submit(&mut self) {
        let Some(store) = &self.store else { return };
        let many = self.batch.len().min(store.room());
        if many == 0 {
            return;
        }
        let later = self.batch.split_off(many);
        if let Err(error) = store.submit(std::mem::replace(&mut self.batch, later)) {
            // The report of the roll-back that caused this answers everybody who waits.
            tracing::info!(%error, "records were not taken");
        }
    }
}
