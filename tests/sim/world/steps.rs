//! The steps of a script.

use seatkeeper::event::Wishes;
use seatkeeper::ident::DupMask;
use seatkeeper::time::Timestamp;
use seatkeeper::wire::ControlVerb;

use super::super::client::{App, Client, Waiter, Wish, ask_for};
use super::super::lines::{Line, Talk};
use super::super::network::{End, Parcel};
use super::super::oracle::Verdict;
use super::super::script::{Crash, Death, Step};
use super::super::site::FEATURES;
use super::super::visit::Business;
use super::{Happening, KEEPALIVE_MS, World, pick};

impl World {
    pub(super) fn step(&mut self, step: &Step) -> Verdict {
        if let Some((client, line)) = self.line_of(step) {
            return self.talk(client, line);
        }
        let awake = |world: &Self, client: usize| world.clients[client].away_until <= world.now;
        match *step {
            Step::Wait { ms } => self.pass(ms)?,
            Step::Start { client } => {
                let client = client % self.plan.clients;
                if self.clients[client].app.is_none() && awake(self, client) {
                    self.begin_app(client)?;
                }
            }
            Step::Checkout { client, feature, count, newer, share, data, hold_s } => {
                let masks = [DupMask::NONE, DupMask::NONE, DupMask::USER, DupMask::SITE];
                let data = ["", "a", "b"].get(usize::from(data)).filter(|it| !it.is_empty());
                let wishes = Wishes {
                    share: masks[usize::from(share % 4)],
                    data: data.map(|it| it.parse().unwrap()),
                    queue: hold_s.map(|hold_s| seatkeeper::event::Queueing { hold_s }),
                    ..Wishes::default()
                };
                let ask = ask_for(FEATURES[feature], newer, count, wishes);
                self.with_app(client, |app, now, wishes| app.ask(Waiter { ask, times: 0 }, now, wishes))?;
            }
            Step::Checkin { client, nth } => self.with_app(client, |app, now, wishes| {
                if let Some(handle) = pick(app.held.iter(), nth) {
                    app.check_in(handle, now, wishes);
                }
            })?,
            Step::Cancel { client, nth } => self.with_app(client, |app, now, wishes| {
                if let Some(handle) = pick(app.queue.values().map(|waits| &waits.handle), nth) {
                    app.check_in(handle, now, wishes);
                }
            })?,
            Step::Goodbye { client } => self.goodbye(client)?,
            Step::Crash { client, how } => self.crash(client % self.plan.clients, how),
            Step::Sleep { client, ms, counted } => self.sleep(client % self.plan.clients, ms, counted),
            Step::ClientClock { client, ms } => {
                for number in self.programs(client % self.plan.clients) {
                    let client = &mut self.clients[number];
                    client.utc_offset += ms;
                    client.set_back_ms -= ms.min(0);
                }
            }
            Step::Active { client } => self.with_app(client, |app, now, _| {
                if let Some(session) = &mut app.session {
                    session.active(now);
                }
            })?,
            Step::Copy { client } => self.copy(client % self.plan.clients),
            Step::Replay { client, nth } => self.replay(client % self.plan.clients, nth),
            Step::Reset { client } => {
                for number in self.programs(client % self.plan.clients) {
                    self.reset(number);
                }
            }
            Step::Cut { client, there, back } => {
                for number in self.programs(client % self.plan.clients) {
                    if let Some(connection) = self.clients[number].app.as_ref().and_then(|app| app.connection)
                    {
                        let cut = &mut self.connections[connection].cut;
                        *cut = (cut.0 || there, cut.1 || back);
                        self.found_dead(connection);
                    }
                }
            }
            Step::Stall { client, ms } => {
                for number in self.programs(client % self.plan.clients) {
                    self.clients[number].stalled_until = self.now + ms;
                }
            }
            Step::Noise { client } => {
                let client = client % self.plan.clients;
                let connection = self.clients[client].app.as_ref().and_then(|app| app.connection);
                if let Some(connection) = connection {
                    let bytes: [u8; 24] = self.dice.bytes();
                    self.transmit(connection, End::Server, Parcel::Bytes(bytes.to_vec(), None));
                }
            }
            Step::DiskFull { ms } => self.server.disk.full_until = self.now + ms,
            Step::SlowDisk { ms } => {
                (self.server.disk.slow_until, self.server.disk.slow_ms) = (self.now + 20 * ms, ms);
            }
            Step::Kill { when: Death::Now, down_ms } if self.server.desk.is_some() => self.kill(down_ms)?,
            Step::Kill { when, down_ms } => {
                if self.server.desk.is_some() {
                    self.server.death = Some((when, down_ms));
                }
            }
            Step::Stop { down_ms } => {
                self.server.set_clock(self.now);
                if let Some(desk) = self.server.desk.as_mut().filter(|_| self.server.away_until <= self.now) {
                    desk.stop("signal 15");
                    self.server.stopping = Some(down_ms);
                    self.after_server(None)?;
                }
            }
            Step::Freeze { ms, counted } => self.server.freeze(self.now, ms, counted),
            Step::ServerClock { ms } => {
                self.server.utc_offset += ms;
                self.latest = self.latest.max(self.server.utc_offset);
                let (back, forward) = &mut self.oracle.moved_ms;
                (*back, *forward) = (*back + ms.min(0), *forward + ms.max(0));
            }
            Step::Snapshot => {
                if let Some(desk) = &self.server.desk {
                    self.server.disk.snapshot(desk.durable());
                }
            }
            Step::Reread { book, broken } => self.reread(book % self.books.len(), broken)?,
            Step::Remove { client, feature, nth } => {
                self.remove(client % self.plan.clients, FEATURES[feature], nth)?
            }
            Step::Borrow { client, feature, newer, count, span_s, renew_s, dies } => {
                let client = client % self.plan.clients;
                let ends = self.clients[client].look(self.now).utc.0 + i64::from(span_s) * 1000;
                let (feature, ends) = (FEATURES[feature], Timestamp(ends));
                self.visit(client, Business::Borrow { feature, newer, count, ends, renew_s }, dies)?;
            }
            Step::Renew { client, nth, span_s } => {
                let client = client % self.plan.clients;
                let now = self.clients[client].look(self.now).utc;
                let ends = span_s.map(|span_s| Timestamp(now.0 + i64::from(span_s) * 1000));
                if let Some(name) = self.kept(client, nth) {
                    self.visit(client, Business::Renew { name, ends }, None)?;
                }
            }
            Step::Return { client, nth } => {
                let client = client % self.plan.clients;
                if let Some(name) = self.kept(client, nth) {
                    self.give_back(client, name)?;
                }
            }
            Step::Work { client, nth } => self.work(client % self.plan.clients, nth)?,
            Step::Recall { nth } => {
                let borrowed = |desk: &seatkeeper::vendord::Desk| {
                    let state = desk.state();
                    let lent: Vec<_> = state.seats().filter(|(_, seat)| seat.is_borrowed()).collect();
                    let seat = lent.get(nth % lent.len().max(1));
                    seat.map(|(handle, seat)| (*handle, seat.feature.clone()))
                };
                if let Some((handle, feature)) = self.server.desk.as_ref().and_then(borrowed) {
                    self.order(ControlVerb::Recall { feature, handle })?;
                }
            }
            Step::Night { ms } => self.night(ms)?,
            Step::AcceptClock => self.order(ControlVerb::AcceptClock)?,
            Step::Talk { client } => {
                let client = client % self.plan.clients;
                if self.clients[client].app.is_none() && awake(self, client) {
                    let mut app = App::new();
                    let Client { user, host, .. } = &self.clients[client];
                    app.talk = Some(Box::new(Talk::new(user, host)));
                    self.clients[client].app = Some(app);
                    self.grant_wishes(client, vec![Wish::Call])?;
                    self.with_app(client, |app, now, wishes| {
                        if let Some(talk) = &mut app.talk {
                            talk.begin(now, wishes);
                        }
                    })?;
                }
            }
        }
        Ok(())
    }

    /// The programs of a machine.
    pub(super) fn programs(&self, machine: usize) -> Vec<usize> {
        (0..self.clients.len()).filter(|number| self.clients[*number].machine == machine).collect()
    }

    pub(super) fn crash(&mut self, machine: usize, how: Crash) {
        for number in self.programs(machine) {
            match how {
                Crash::Closed => self.close(number, Parcel::Fin),
                Crash::Reset => self.close(number, Parcel::Rst),
                Crash::Silent => {
                    if let Some(connection) = self.clients[number].app.as_ref().and_then(|app| app.connection)
                    {
                        self.connections[connection].open = false;
                        self.connections[connection].cut = (true, true);
                        self.found_dead(connection);
                    }
                    // Its machine was off.
                    self.clients[number].boot = self.clients[number].boot.saturating_add(1);
                }
            }
            self.clients[number].app = None;
        }
    }

    /// Nobody answers any more, which the systems of both ends find out by themselves: nothing else ends who speaks lines.
    pub(super) fn found_dead(&mut self, connection: usize) {
        if self.connections[connection].lines {
            for end in [End::Server, End::Client] {
                self.at(self.now + KEEPALIVE_MS, Happening::Arrive(connection, end, Parcel::Rst));
            }
        }
    }

    /// What a step makes a client say that speaks lines.
    pub(super) fn line_of(&self, step: &Step) -> Option<(usize, Line)> {
        let app = |client: usize| {
            let app = self.clients[client % self.plan.clients].app.as_ref()?;
            Some((client % self.plan.clients, app, app.talk.as_ref()?))
        };
        match *step {
            Step::Checkout { client, feature, count, newer, hold_s, .. } => {
                let (client, ..) = app(client)?;
                let feature = FEATURES[feature];
                Some((client, Line::Checkout { feature, newer, count, waits: hold_s.is_some() }))
            }
            Step::Checkin { client, nth } => {
                let (client, app, _) = app(client)?;
                Some((client, Line::Checkin(pick(app.held.iter(), nth)?)))
            }
            Step::Cancel { client, nth } => {
                let (client, _, talk) = app(client)?;
                Some((client, Line::Checkin(pick(talk.waiting.iter(), nth)?)))
            }
            Step::Goodbye { client } => app(client).map(|(client, ..)| (client, Line::Quit)),
            _ => None,
        }
    }

    pub(super) fn talk(&mut self, client: usize, line: Line) -> Verdict {
        let now = self.clients[client].mono(self.now);
        let mut wishes = Vec::new();
        if self.clients[client].away_until <= self.now
            && let Some(talk) = self.clients[client].app.as_mut().and_then(|app| app.talk.as_mut())
        {
            talk.ask(line, now, &mut wishes);
        }
        self.grant_wishes(client, wishes)
    }

    pub(super) fn sleep(&mut self, machine: usize, ms: u64, counted: bool) {
        for number in self.programs(machine) {
            let client = &mut self.clients[number];
            if client.away_until <= self.now {
                client.away_until = self.now + ms;
                client.mono_lag += if counted { 0 } else { ms };
            }
        }
    }

    /// All machines sleep.
    pub(super) fn night(&mut self, ms: u64) -> Verdict {
        let until = self.now + ms;
        self.server.freeze(self.now, ms, true);
        self.server.away_until = self.server.away_until.max(until);
        for client in &mut self.clients {
            client.away_until = client.away_until.max(until);
        }
        self.pass(ms)
    }
}
