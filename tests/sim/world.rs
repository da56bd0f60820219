//! The world: time, and everything that comes to pass in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use seatkeeper::client::kept::Condition;
use seatkeeper::code::Code;
use seatkeeper::event::{Event, Removal, RemovalTarget, Removed, Wishes};
use seatkeeper::ident::{Digest, DupMask, Handle, SessionId, Token};
use seatkeeper::time::{Monotonic, Timestamp};
use seatkeeper::wire::{self, ControlVerb, Message, Notice, Purpose};

use super::client::{App, Client, Waiter, Wish, ask_for};
use super::dice::Dice;
use super::lines::{Line, Talk};
use super::network::{Connection, End, Parcel};
use super::oracle::{Attended, Decided, Lendings, Oracle, Planted, Verdict, Violation, Watch, ensure};
use super::script::{Crash, Death, Plan, Step};
use super::server::{Order, Server};
use super::site::{Book, FEATURES, sites};
use super::visit::{Business, Dies, News, Visit};

/// Between two looks of the daemon at the clock.
const TICK_MS: u64 = 500;
/// How often a full disk is tried again.
const PROBE_MS: u64 = 1000;
/// After which time a system finds a connection dead at the other end of which nobody answers.
const KEEPALIVE_MS: u64 = 25_000;
/// How long everybody has to come to rest.
const WORLD_END_MS: u64 = 40_000;

/// What comes to pass at a time.
enum Happening {
    Arrive(usize, End, Parcel),
    /// Of a run of the daemon.
    Tick(u64),
    Written(u64),
    Rebuilt(u64),
    Probe(u64),
    Start,
}

/// What a history came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) grants: u64,
    pub(crate) queue_ends: u64,
    pub(crate) resumes: u64,
    pub(crate) starts: u64,
    pub(crate) rolled_back: u64,
    pub(crate) rereads: u64,
    pub(crate) copies: u64,
    pub(crate) lines: u64,
    pub(crate) lending: Lendings,
}

pub(crate) struct World {
    now: u64,
    agenda: BTreeMap<(u64, u64), Happening>,
    drawn: u64,
    dice: Dice,
    plan: Plan,
    books: &'static [Book],
    server: Server,
    clients: Vec<Client>,
    connections: Vec<Connection>,
    oracle: Oracle,
    /// The connection that each session has, as decided.
    present: BTreeMap<SessionId, usize>,
    /// The furthest that the server's clock was set forward.
    latest: i64,
    tally: Tally,
    /// What happened, if somebody wants to read it.
    pub(crate) story: Option<String>,
}

/// Plays a history to its end.
pub(crate) fn play(plan: &Plan, steps: &[Step], planted: Option<Planted>) -> Result<Tally, Violation> {
    let mut world = World::new(plan, planted);
    world.play(steps)?;
    Ok(world.tally)
}

/// The same, told step by step.
pub(crate) fn tell(plan: &Plan, steps: &[Step], planted: Option<Planted>) -> String {
    let mut world = World::new(plan, planted);
    world.story = Some(String::new());
    let end = world.play(steps);
    let mut story = world.story.unwrap_or_default();
    let _ = writeln!(story, "{end:?}");
    story
}

impl World {
    fn new(plan: &Plan, planted: Option<Planted>) -> Self {
        Self {
            now: 0,
            agenda: BTreeMap::new(),
            drawn: 0,
            dice: Dice::new(plan.seed ^ 0x5EA7),
            plan: plan.clone(),
            books: &sites()[plan.site].books,
            server: Server::new(),
            clients: (0..plan.clients).map(Client::new).collect(),
            connections: Vec::new(),
            oracle: Oracle::new(plan.lease_s, plan.grace_s, planted),
            present: BTreeMap::new(),
            latest: 0,
            tally: Tally::default(),
            story: None,
        }
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            let _ = writeln!(story, "{:>8} {}", self.now, what());
        }
    }

    fn play(&mut self, steps: &[Step]) -> Verdict {
        self.start_server()?;
        for step in steps {
            self.note(|| format!("{step:?}"));
            self.step(step)?;
            self.look()?;
        }
        self.finish()?;
        self.tally.grants = self.oracle.grants;
        self.tally.queue_ends = self.oracle.queue_ends;
        self.tally.resumes = self.oracle.resumes;
        self.tally.lines = self.oracle.lines;
        self.tally.lending = self.oracle.lending;
        Ok(())
    }

    fn at(&mut self, time: u64, what: Happening) {
        self.drawn += 1;
        self.agenda.insert((time.max(self.now), self.drawn), what);
    }

    // ---- time -----------------------------------------------------------------------------------------------------------

    fn pass(&mut self, ms: u64) -> Verdict {
        let until = self.now + ms;
        let (mut since, mut many) = (self.now, 0);
        loop {
            many = if self.now == since { many + 1 } else { 0 };
            since = self.now;
            ensure!(many < 5_000, "time goes on", "at {since}");
            let happening = self.agenda.first_key_value().map(|((time, _), _)| *time);
            let client =
                (0..self.clients.len()).filter_map(|client| Some((self.wakes(client)?, client))).min();
            match (happening, client) {
                (Some(time), other) if time <= until && other.is_none_or(|(wake, _)| time <= wake) => {
                    self.now = time.max(self.now);
                    if let Some(((_, drawn), what)) = self.agenda.pop_first() {
                        self.happen(drawn, what)?;
                    }
                }
                (_, Some((wake, client))) if wake <= until => {
                    self.now = wake.max(self.now);
                    self.wake(client)?;
                }
                _ => break,
            }
        }
        self.now = until;
        Ok(())
    }

    /// When a client has something to do, by the time of the world.
    fn wakes(&self, number: usize) -> Option<u64> {
        let client = &self.clients[number];
        let wake = client.app.as_ref()?.wakeup();
        if wake == Monotonic(u64::MAX) {
            return None;
        }
        let left = wake.0.saturating_sub(client.mono(self.now).0);
        Some((self.now + left).max(client.away_until))
    }

    fn wake(&mut self, number: usize) -> Verdict {
        let fresh = self.dice.bytes();
        let client = &mut self.clients[number];
        let now = client.mono(self.now);
        let mut wishes = Vec::new();
        let Some(app) = &mut client.app else { return Ok(()) };
        let purpose = app.due(now, fresh, &mut wishes);
        if let Some(purpose) = purpose {
            let utc = today(self.now);
            wishes.push(Wish::Connect(client.hello(purpose, utc)));
        }
        self.grant_wishes(number, wishes)
    }

    /// What has to wait keeps its place: nothing overtakes it.
    fn happen(&mut self, drawn: u64, what: Happening) -> Verdict {
        self.server.attend(self.now);
        match what {
            Happening::Arrive(connection, End::Server, parcel) => {
                if self.server.away_until > self.now {
                    let what = Happening::Arrive(connection, End::Server, parcel);
                    self.agenda.insert((self.server.away_until, drawn), what);
                    return Ok(());
                }
                self.arrive_at_server(connection, parcel)
            }
            Happening::Arrive(connection, End::Client, parcel) => {
                let until = self.clients[self.connections[connection].client].away_until;
                if until > self.now {
                    self.agenda.insert((until, drawn), Happening::Arrive(connection, End::Client, parcel));
                    return Ok(());
                }
                self.arrive_at_client(connection, parcel)
            }
            Happening::Start if self.server.away_until <= self.now => self.start_server(),
            Happening::Tick(run)
            | Happening::Written(run)
            | Happening::Rebuilt(run)
            | Happening::Probe(run)
                if run != self.server.run || self.server.desk.is_none() =>
            {
                Ok(())
            }
            _ if self.server.away_until > self.now => {
                self.agenda.insert((self.server.away_until, drawn), what);
                Ok(())
            }
            Happening::Start => self.start_server(),
            Happening::Tick(run) => self.tick(run),
            Happening::Written(_) => self.written(),
            Happening::Rebuilt(_) => {
                self.server.set_clock(self.now);
                if let Some(desk) = &mut self.server.desk {
                    desk.rebuilt();
                }
                self.server.rebuilt = true;
                self.after_server(None)
            }
            Happening::Probe(run) => self.probe(run),
        }
    }

    // ---- the server -----------------------------------------------------------------------------------------------------

    fn start_server(&mut self) -> Verdict {
        if self.server.desk.is_some() {
            return Ok(());
        }
        let rules = &self.books[self.server.files].rules;
        self.server.start(self.now, &self.plan, rules)?;
        self.note(|| "the daemon starts".to_owned());
        self.tally.starts += 1;
        self.present.clear();
        let attended = self.server.attended(self.now);
        for watch in self.oracle.watch.values_mut() {
            *watch = Watch { heard: attended, closed: None, may_have_closed: None, ..*watch };
        }
        let run = self.server.run;
        self.at(self.now + TICK_MS, Happening::Tick(run));
        self.after_server(None)
    }

    fn tick(&mut self, run: u64) -> Verdict {
        self.server.attend(self.now);
        self.server.set_clock(self.now);
        if let Some(desk) = &mut self.server.desk {
            desk.tick();
        }
        self.at(self.now + TICK_MS, Happening::Tick(run));
        self.after_server(None)?;
        if !self.server.failing && self.server.stopping.is_none() {
            let late = self.server.commit_ms(self.now, &self.plan) * 2 + TICK_MS / 10;
            let attended = self.server.attended(self.now);
            self.oracle.nobody_outstays(attended, late)?;
            self.oracle.borrows_end(today(self.now), attended, late)?;
        }
        self.nobody_overstays()
    }

    /// What clients could use without the server is out of its pools.
    fn nobody_overstays(&mut self) -> Verdict {
        for client in self.clients.iter().filter(|client| client.boot == 1 || client.set_back_ms == 0) {
            for kept in client.shelf.all() {
                let mut kept = kept.clone();
                let now = kept.look(client.look(self.now));
                if kept.judge_time(now).is_ok() {
                    self.oracle.covers(&kept.record)?;
                }
            }
        }
        Ok(())
    }

    /// After the daemon has done something: what it decided, what it says, what goes to the disk.
    fn after_server(&mut self, cause: Option<usize>) -> Verdict {
        self.collect(cause);
        for connection in 0..self.connections.len() {
            self.turn(connection)?;
        }
        self.collect(None);
        self.begin_writing();
        self.finish_stop()
    }

    /// What the daemon has decided, because of what came over a connection or by itself.
    fn collect(&mut self, cause: Option<usize>) {
        let Some(desk) = &mut self.server.desk else { return };
        let records = desk.write(usize::MAX);
        let at = self.server.attended(self.now);
        for record in records {
            let mut decided = Decided { at, passed: Some(today(self.now)), ..Decided::default() };
            for event in &record.events {
                match event {
                    Event::Opened(opened) => {
                        let watch = Watch { heard: at, ..Watch::default() };
                        self.oracle.watch.insert(opened.session, watch);
                        self.present.extend(cause.map(|connection| (opened.session, connection)));
                    }
                    Event::Resumed(resumed) => {
                        if let Some(connection) = cause {
                            self.returned(resumed.session, connection, at);
                        }
                    }
                    Event::Ended(ended) => {
                        let watch = self.oracle.watch.get(&ended.session);
                        decided.watches.extend(watch.map(|watch| (ended.session, *watch)));
                        self.present.remove(&ended.session);
                    }
                    _ => {}
                }
            }
            // Its seats come back before the session ends, in the same record.
            self.note_record(&record);
            self.server.pending.push((record, decided));
        }
    }

    fn note_record(&mut self, record: &seatkeeper::event::Record) {
        self.note(|| {
            let kinds: Vec<String> = record.events.iter().map(|event| format!("{event:?}")).collect();
            let cut = |text: &String| text.chars().take(300).collect::<String>();
            format!("  decided {}: {}", record.first, kinds.iter().map(cut).collect::<Vec<_>>().join("; "))
        });
    }

    /// A session goes on over a connection.
    fn returned(&mut self, session: SessionId, connection: usize, at: Attended) {
        self.present.insert(session, connection);
        if let Some(watch) = self.oracle.watch.get_mut(&session) {
            (watch.heard, watch.closed, watch.may_have_closed) = (at, None, None);
        }
    }

    fn begin_writing(&mut self) {
        let server = &mut self.server;
        if server.desk.is_none() || server.writing > 0 || server.pending.is_empty() || server.failing {
            return;
        }
        server.writing = server.pending.len();
        let (run, ms) = (server.run, server.commit_ms(self.now, &self.plan));
        self.at(self.now + ms, Happening::Written(run));
    }

    fn written(&mut self) -> Verdict {
        self.server.set_clock(self.now);
        if self.now < self.server.disk.full_until {
            return self.roll_back();
        }
        if let Some((Death::BeforeCommit, down)) = self.server.death {
            return self.kill(down);
        }
        let many = std::mem::take(&mut self.server.writing);
        let batch: Vec<_> = self.server.pending.drain(..many).collect();
        for (record, decided) in &batch {
            let read = record.events.iter().find_map(|event| match event {
                Event::Reread(reread) => reread.by.strip_prefix("book").and_then(|book| book.parse().ok()),
                _ => None,
            });
            if let Some(book) = read {
                self.server.durable_book = book;
            }
            self.server.disk.append(record);
            self.oracle.passed = today(self.now);
            self.oracle.durable(record, &self.books[self.server.durable_book], decided)?;
        }
        if let Some((Death::AfterCommit, down)) = self.server.death {
            return self.kill(down);
        }
        let records: Vec<_> = batch.into_iter().map(|(record, _)| record).collect();
        if let Some(desk) = &mut self.server.desk {
            desk.committed(&records);
            self.oracle.agrees(desk.durable())?;
        }
        self.after_server(None)?;
        match self.server.death {
            Some((Death::AfterReply, down)) => self.kill(down),
            _ => Ok(()),
        }
    }

    fn roll_back(&mut self) -> Verdict {
        self.note(|| "the disk is full: rolled back".to_owned());
        self.tally.rolled_back += 1;
        self.server.failing = true;
        self.server.rebuilt = false;
        self.server.attend(self.now);
        self.server.pending.clear();
        self.server.writing = 0;
        if let Some(desk) = &mut self.server.desk {
            desk.rolled_back("the disk is full");
        }
        let (run, soon) = (self.server.run, self.dice.below(50));
        self.at(self.now + soon, Happening::Rebuilt(run));
        self.at(self.now + PROBE_MS, Happening::Probe(run));
        self.after_server(None)
    }

    fn probe(&mut self, run: u64) -> Verdict {
        if self.now < self.server.disk.full_until || !self.server.rebuilt {
            self.at(self.now + PROBE_MS, Happening::Probe(run));
            return Ok(());
        }
        self.server.set_clock(self.now);
        self.server.failing = false;
        self.server.attend(self.now);
        if let Some(desk) = &mut self.server.desk {
            desk.recovered();
        }
        self.after_server(None)
    }

    /// The daemon dies; its system resets all connections, and lmgrd starts it again.
    fn kill(&mut self, down_ms: u64) -> Verdict {
        self.note(|| "the daemon dies".to_owned());
        self.server.death = None;
        self.end_process(true);
        self.at(self.now + down_ms, Happening::Start);
        Ok(())
    }

    fn end_process(&mut self, reset: bool) {
        self.server.desk = None;
        self.server.pending.clear();
        self.server.writing = 0;
        self.server.attend(self.now);
        for number in 0..self.connections.len() {
            let connection = &mut self.connections[number];
            if connection.line.take().is_some() {
                connection.gone = true;
                self.transmit(number, End::Client, if reset { Parcel::Rst } else { Parcel::Fin });
            }
        }
        self.oracle.bound.clear();
    }

    fn finish_stop(&mut self) -> Verdict {
        let Some(down) = self.server.stopping else { return Ok(()) };
        let server = &mut self.server;
        let Some(desk) = server.desk.as_mut().filter(|desk| desk.settled() && server.pending.is_empty())
        else {
            return Ok(());
        };
        server.stopping = None;
        desk.close_all();
        for connection in 0..self.connections.len() {
            self.turn(connection)?;
        }
        let server = &mut self.server;
        if let Some(desk) = &server.desk {
            server.disk.snapshot(desk.durable());
        }
        self.note(|| "the daemon has stopped".to_owned());
        self.end_process(false);
        self.at(self.now + down, Happening::Start);
        Ok(())
    }

    // ---- the network ----------------------------------------------------------------------------------------------------

    fn transmit(&mut self, number: usize, to: End, parcel: Parcel) {
        let latency = self.dice.below(self.plan.latency_ms + 1);
        let connection = &mut self.connections[number];
        let stalled = self.clients[connection.client].stalled_until;
        let (cut, last) = match to {
            End::Server => (connection.cut.0, &mut connection.arrival.0),
            End::Client => (connection.cut.1, &mut connection.arrival.1),
        };
        if cut {
            return;
        }
        let arrival = (self.now.max(stalled) + latency).max(*last);
        *last = arrival;
        self.at(arrival, Happening::Arrive(number, to, parcel));
    }

    fn arrive_at_server(&mut self, number: usize, parcel: Parcel) -> Verdict {
        self.server.set_clock(self.now);
        let connection = &mut self.connections[number];
        let listens = self.server.stopping.is_none() && !connection.gone;
        if connection.line.is_none()
            && listens
            && let Some(desk) =
                self.server.desk.as_mut().filter(|_| matches!(parcel, Parcel::Bytes(..) | Parcel::Text(_)))
        {
            connection.line = Some(desk.connect([127, 0, 0, 1].into()));
        }
        let (Some(line), Some(desk)) = (&mut connection.line, &mut self.server.desk) else {
            // Refused once, it is not accepted later.
            connection.gone = true;
            if !matches!(parcel, Parcel::Rst) {
                self.transmit(number, End::Client, Parcel::Rst);
            }
            return Ok(());
        };
        match parcel {
            Parcel::Bytes(bytes, message) => {
                desk.receive(line, &bytes);
                connection.noisy |= message.is_none();
                if let Some(message) = message {
                    self.heed(number, &message);
                }
            }
            Parcel::Text(bytes) => {
                desk.receive(line, &bytes);
                let quits = bytes.starts_with(b"QUIT");
                let of = self.present.iter().find(|(_, connection)| **connection == number);
                if let Some(watch) = of.filter(|_| quits).and_then(|(id, _)| self.oracle.watch.get_mut(id)) {
                    watch.goodbye = true;
                }
            }
            Parcel::Fin => {
                connection.ended = true;
                desk.end_of_input(line);
            }
            Parcel::Rst => {
                desk.reset(line);
                connection.line = None;
                connection.gone = true;
                self.close_seen(number);
            }
        }
        self.turn(number)?;
        self.collect(Some(number));
        self.after_server(None)
    }

    /// What a message makes of the leases.
    fn heed(&mut self, number: usize, message: &Message) {
        let at = self.server.attended(self.now);
        if let Message::Hello(hello) = message {
            self.drawn += 1;
            self.connections[number].greeted_nth = self.drawn;
            if let Purpose::Resume { session, epoch, .. } = &hello.purpose {
                self.connections[number].claims = Some((*session, *epoch));
                self.connections[number].greeted = at;
            }
        }
        let present = self.present.iter().find(|(_, connection)| **connection == number);
        let Some(session) = present.map(|(session, _)| *session) else { return };
        let Some(watch) = self.oracle.watch.get_mut(&session) else { return };
        match message {
            Message::Checkout(_) | Message::Checkin(_) | Message::Renew { .. } | Message::Return(_) => {
                watch.heard = at;
            }
            Message::Heartbeat { idle_s, .. } => {
                watch.heard = at;
                watch.idle_s = watch.idle_s.max(idle_s.unwrap_or(0));
            }
            Message::Goodbye => watch.goodbye = true,
            _ => {}
        }
    }

    /// A resume that was repeated: nothing is recorded for it, and yet the session goes on here.
    fn reclaimed(&mut self, number: usize, session: SessionId) {
        let nth = self.connections[number].greeted_nth;
        if self.present.get(&session).is_none_or(|present| self.connections[*present].greeted_nth < nth) {
            let at = self.connections[number].greeted;
            self.returned(session, number, at);
        }
    }

    /// A session goes on over another connection, the client of which may hear of it later or never.
    fn taken(&mut self, number: usize) {
        let present = self.present.iter().find(|(_, connection)| **connection == number).map(|(id, _)| *id);
        let Some(session) = present else { return };
        let claims = |other: &usize| {
            let claims = self.connections[*other].claims.map(|(session, _)| session);
            *other != number && claims == Some(session) && self.connections[*other].line.is_some()
        };
        let by =
            (0..self.connections.len()).filter(claims).max_by_key(|it| self.connections[*it].greeted_nth);
        if let Some(by) = by {
            self.returned(session, by, self.connections[by].greeted);
        }
    }

    /// The daemon has seen that the client closed the present connection of its session.
    fn close_seen(&mut self, number: usize) {
        let session = self.present.iter().find(|(_, connection)| **connection == number).map(|(id, _)| *id);
        let at = self.server.attended(self.now);
        let Some(session) = session else {
            let claims =
                self.connections[number].claims.filter(|_| self.connections[number].session.is_none());
            if let Some(watch) = claims.and_then(|(session, _)| self.oracle.watch.get_mut(&session)) {
                watch.may_have_closed = Some(at);
            }
            return;
        };
        self.present.remove(&session);
        if let Some(watch) = self.oracle.watch.get_mut(&session) {
            watch.closed = Some(at);
        }
    }

    /// The daemon's turn with a connection: what it says goes to the client.
    fn turn(&mut self, number: usize) -> Verdict {
        let connection = &mut self.connections[number];
        let (Some(line), Some(desk)) = (&mut connection.line, &mut self.server.desk) else { return Ok(()) };
        let sent = desk.turn(line);
        if !sent.bytes.is_empty() {
            connection.said.extend_from_slice(&sent.bytes);
            let (client, knew) = (connection.client, connection.claims.map(|(_, epoch)| epoch));
            let lines = connection.lines;
            while let Some(end) =
                self.connections[number].said.iter().position(|byte| lines && *byte == b'\n')
            {
                let line = self.connections[number].said.split_to(end + 1);
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                self.note(|| format!("  to u{client} over {number}: {line}"));
                self.oracle.said_line(&line)?;
            }
            loop {
                if lines {
                    break;
                }
                let frame = wire::decode(&mut self.connections[number].said);
                ensure!(frame.is_ok(), "the server's bytes are frames", "{frame:?}");
                let Ok(Some(frame)) = frame else { break };
                ensure!(frame.message.is_ok(), "the server's bytes are frames", "{frame:?}");
                let Ok(message) = frame.message else { continue };
                if let Message::Welcome(welcome) = &message
                    && let Some(terms) = &welcome.session
                {
                    self.connections[number].session = Some(terms.id);
                    if terms.resumed {
                        self.collect(Some(number));
                        self.reclaimed(number, terms.id);
                    }
                }
                if let (Message::Error(denial), None) = (&message, self.connections[number].session)
                    && let Some((claimed, _)) = self.connections[number].claims
                {
                    // The session goes on without it, as if nobody had closed.
                    self.present.retain(|_, connection| *connection != number);
                    let at = self.server.attended(self.now);
                    let goes_on = matches!(denial.code, Code::AskAgain | Code::BadProtocol);
                    if let Some(watch) = self.oracle.watch.get_mut(&claimed).filter(|_| goes_on) {
                        watch.may_have_closed = watch.closed.take().or(watch.may_have_closed);
                        watch.heard = at;
                    }
                }
                if matches!(&message, Message::Notice(Notice::SessionEnded { denial }) if denial.code == Code::SessionTaken)
                {
                    self.taken(number);
                }
                let session = self.connections[number].session;
                self.note(|| format!("  to u{client} over {number}: {message:?}"));
                self.oracle.said((number, client), session, knew, &message)?;
            }
            self.transmit(number, End::Client, Parcel::Bytes(sent.bytes, None));
        }
        if sent.closed {
            let connection = &mut self.connections[number];
            connection.line = None;
            connection.gone = true;
            // Noise makes the server close, which leaves the whole lease.
            if connection.lines || (connection.ended && !connection.noisy) {
                self.close_seen(number);
            } else {
                self.present.retain(|_, connection| *connection != number);
            }
            self.transmit(number, End::Client, Parcel::Fin);
        }
        Ok(())
    }

    fn arrive_at_client(&mut self, number: usize, parcel: Parcel) -> Verdict {
        let connection = &mut self.connections[number];
        if !connection.open {
            // Nobody is there: the system says so.
            if matches!(parcel, Parcel::Bytes(..) | Parcel::Text(_)) {
                self.transmit(number, End::Server, Parcel::Rst);
            }
            return Ok(());
        }
        let client = connection.client;
        let now = self.clients[client].mono(self.now);
        let mut wishes = Vec::new();
        match parcel {
            Parcel::Text(bytes) | Parcel::Bytes(bytes, _) => {
                let Some(app) = self.clients[client].app.as_mut() else { return Ok(()) };
                if let Some(talk) = &mut app.talk {
                    talk.arrived(&bytes, &mut app.held, now, &mut wishes);
                    return self.grant_wishes(client, wishes);
                }
                app.input.extend_from_slice(&bytes);
                while self.clients[client].app.as_ref().is_some_and(|app| app.connection == Some(number)) {
                    let Some(app) = self.clients[client].app.as_mut() else { break };
                    let Ok(Some(frame)) = wire::decode(&mut app.input) else { break };
                    let Ok(message) = frame.message else { continue };
                    if app.visit.is_some() {
                        self.visited(client, (frame.request_id, message), &mut wishes)?;
                    } else {
                        app.arrived(frame.request_id, message, now, &mut wishes);
                    }
                    let wishes = std::mem::take(&mut wishes);
                    self.grant_wishes(client, wishes)?;
                }
            }
            Parcel::Fin | Parcel::Rst => {
                if matches!(parcel, Parcel::Fin) {
                    self.transmit(number, End::Server, Parcel::Fin);
                }
                self.connections[number].open = false;
                if let Some(app) = self.clients[client].app.as_mut() {
                    app.connection = None;
                    if app.greeting.is_some() {
                        app.greeting_failed(now, &mut wishes);
                    } else if app.farewell.is_some() || app.talk.is_some() {
                        wishes.push(Wish::End);
                    } else {
                        app.lost_connection(now);
                    }
                }
                self.grant_wishes(client, wishes)?;
            }
        }
        Ok(())
    }

    /// A message came for a program that meets the server about a borrow.
    fn visited(&mut self, number: usize, message: (u32, Message), wishes: &mut Vec<Wish>) -> Verdict {
        let client = &mut self.clients[number];
        let clocks = (client.look(self.now), client.mono(self.now));
        let (machine, app) = (client.machine, client.app.take());
        let Some(mut app) = app else { return Ok(()) };
        let locked = self.locked(machine);
        let news = app.visited(message, (&mut self.clients[machine].shelf, &locked), clocks, wishes);
        self.clients[number].app = Some(app);
        match news {
            News::NotLent => ensure!(false, "who asks to borrow borrows, and nobody else", "u{number}"),
            News::Dead => {
                wishes.clear();
                self.note(|| format!("  the program of u{number} dies"));
                self.close(number, Parcel::Rst);
                self.clients[number].app = None;
            }
            News::Nothing => {}
        }
        Ok(())
    }

    /// Does for a client what it wants of the network.
    fn grant_wishes(&mut self, number: usize, wishes: Vec<Wish>) -> Verdict {
        for wish in wishes {
            match wish {
                Wish::Send(message) => self.send(number, message),
                Wish::Close => self.close(number, Parcel::Fin),
                Wish::Leave => {
                    let now = self.clients[number].mono(self.now);
                    if let Some(app) = &mut self.clients[number].app {
                        app.farewell = Some(now);
                    }
                    self.send(number, Message::Goodbye);
                }
                Wish::Call => {
                    let connection = self.connections.len();
                    self.connections.push(Connection { lines: true, ..Connection::new(number) });
                    if let Some(app) = self.clients[number].app.as_mut() {
                        app.connection = Some(connection);
                    }
                }
                Wish::Say(line) => {
                    if let Some(connection) = self.clients[number].app.as_ref().and_then(|app| app.connection)
                    {
                        self.note(|| format!("  from u{number} over {connection}: {}", line.trim_end()));
                        self.transmit(connection, End::Server, Parcel::Text(line.into_bytes()));
                    }
                }
                Wish::Connect(hello) => {
                    self.close(number, Parcel::Fin);
                    let connection = self.connections.len();
                    self.connections.push(Connection::new(number));
                    if let Some(app) = self.clients[number].app.as_mut() {
                        app.connection = Some(connection);
                        app.input.clear();
                        app.next_id = 0;
                    }
                    self.send(number, Message::Hello(hello));
                }
                Wish::End => {
                    self.note(|| format!("  the application of u{number} ends"));
                    self.close(number, Parcel::Fin);
                    self.clients[number].app = None;
                }
            }
        }
        Ok(())
    }

    fn close(&mut self, number: usize, parcel: Parcel) {
        let connection = self.clients[number].app.as_mut().and_then(|app| app.connection.take());
        if let Some(connection) = connection.filter(|connection| self.connections[*connection].open) {
            self.transmit(connection, End::Server, parcel);
            self.connections[connection].open = false;
        }
    }

    fn send(&mut self, number: usize, message: Message) {
        let now = self.clients[number].mono(self.now);
        let Some(app) = self.clients[number].app.as_mut() else { return };
        let Some(connection) = app.connection else { return };
        app.next_id += 1;
        let id = app.next_id;
        if let Some(visit) = app.visit.as_mut().filter(|_| !matches!(message, Message::Hello(_))) {
            visit.was_sent(id, now);
        }
        let token = match &message {
            Message::Checkout(it) => Some(it.token),
            Message::Checkin(it) => Some(it.token),
            _ => None,
        };
        if let Some(token) = token {
            app.pending.insert(id, token);
            if let Some(terms) = &app.terms {
                let sent = (terms.id, message.clone());
                self.clients[number].sent.push(sent);
            }
        }
        self.note(|| format!("  from u{number} over {connection}: {message:?}"));
        let mut bytes = bytes::BytesMut::new();
        wire::encode(&message, id, &mut bytes).unwrap();
        self.transmit(connection, End::Server, Parcel::Bytes(bytes.to_vec(), Some(Box::new(message))));
    }

    // ---- steps ------------------------------------------------------------------------------------------------------------

    fn step(&mut self, step: &Step) -> Verdict {
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
    fn programs(&self, machine: usize) -> Vec<usize> {
        (0..self.clients.len()).filter(|number| self.clients[*number].machine == machine).collect()
    }

    fn crash(&mut self, machine: usize, how: Crash) {
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
    fn found_dead(&mut self, connection: usize) {
        if self.connections[connection].lines {
            for end in [End::Server, End::Client] {
                self.at(self.now + KEEPALIVE_MS, Happening::Arrive(connection, end, Parcel::Rst));
            }
        }
    }

    /// What a step makes a client say that speaks lines.
    fn line_of(&self, step: &Step) -> Option<(usize, Line)> {
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

    fn talk(&mut self, client: usize, line: Line) -> Verdict {
        let now = self.clients[client].mono(self.now);
        let mut wishes = Vec::new();
        if self.clients[client].away_until <= self.now
            && let Some(talk) = self.clients[client].app.as_mut().and_then(|app| app.talk.as_mut())
        {
            talk.ask(line, now, &mut wishes);
        }
        self.grant_wishes(client, wishes)
    }

    fn sleep(&mut self, machine: usize, ms: u64, counted: bool) {
        for number in self.programs(machine) {
            let client = &mut self.clients[number];
            if client.away_until <= self.now {
                client.away_until = self.now + ms;
                client.mono_lag += if counted { 0 } else { ms };
            }
        }
    }

    /// All machines sleep.
    fn night(&mut self, ms: u64) -> Verdict {
        let until = self.now + ms;
        self.server.freeze(self.now, ms, true);
        self.server.away_until = self.server.away_until.max(until);
        for client in &mut self.clients {
            client.away_until = client.away_until.max(until);
        }
        self.pass(ms)
    }

    // ---- what is borrowed -----------------------------------------------------------------------------------------------------

    /// One of those that a machine keeps.
    fn kept(&self, machine: usize, nth: usize) -> Option<Digest> {
        let names: Vec<Digest> = self.clients[machine].shelf.names().collect();
        names.get(nth % names.len().max(1)).copied()
    }

    /// A program of a machine begins that meets the server about a borrow.
    fn visit(&mut self, machine: usize, business: Business, dies: Option<Dies>) -> Verdict {
        let owner = &self.clients[machine];
        if owner.away_until > self.now {
            return Ok(());
        }
        let mut client = owner.beside();
        let clocks = (client.look(self.now), client.mono(self.now));
        let mut app = App::new();
        app.greeting = Some(super::client::Greeting { since: clocks.1, new: true });
        app.visit = Some(Box::new(Visit::new(business, dies, self.dice.bytes(), clocks)));
        let hello = client.hello(Purpose::New, today(self.now));
        client.app = Some(app);
        self.clients.push(client);
        self.grant_wishes(self.clients.len() - 1, vec![Wish::Connect(hello)])
    }

    /// Nobody gives back what another program uses or gives back.
    fn give_back(&mut self, machine: usize, name: Digest) -> Verdict {
        if self.locked(machine).contains(&name) {
            return Ok(());
        }
        self.visit(machine, Business::Return { name }, None)
    }

    /// What programs of a machine give back at the moment.
    fn locked(&self, machine: usize) -> Vec<Digest> {
        let visits = self.clients.iter().filter(|client| client.machine == machine);
        visits.filter_map(|client| client.app.as_ref()?.visit.as_ref()?.locks()).collect()
    }

    /// An application looks for a seat in what is borrowed.
    fn work(&mut self, machine: usize, nth: usize) -> Verdict {
        let Some(name) = self.kept(machine, nth) else { return Ok(()) };
        let look = self.clients[machine].look(self.now);
        let judged = self.clients[machine].shelf.change(name, |kept| {
            let now = kept.look(look);
            (kept.condition, kept.is_half_over(now))
        });
        match judged {
            Some((Condition::Held, false)) | None => Ok(()),
            Some(_) => self.visit(machine, Business::Renew { name, ends: None }, None),
        }
    }

    fn order(&mut self, verb: ControlVerb) -> Verdict {
        self.server.set_clock(self.now);
        if self.server.away_until > self.now {
            return Ok(());
        }
        let hello = Client::new(0).hello(Purpose::Ask, self.server.utc(self.now));
        self.server.control(hello, verb)?;
        self.after_server(None)
    }

    fn with_app(&mut self, client: usize, act: impl FnOnce(&mut App, Monotonic, &mut Vec<Wish>)) -> Verdict {
        let number = client % self.plan.clients;
        let now = self.now;
        let client = &mut self.clients[number];
        let mono = client.mono(now);
        let mut wishes = Vec::new();
        if client.away_until <= now
            && let Some(app) = client.app.as_mut().filter(|app| app.farewell.is_none())
        {
            act(app, mono, &mut wishes);
        }
        self.grant_wishes(number, wishes)
    }

    fn begin_app(&mut self, number: usize) -> Verdict {
        let utc = today(self.now);
        let client = &mut self.clients[number];
        let since = client.mono(self.now);
        let mut app = App::new();
        app.greeting = Some(super::client::Greeting { since, new: true });
        let hello = client.hello(Purpose::New, utc);
        client.app = Some(app);
        self.grant_wishes(number, vec![Wish::Connect(hello)])
    }

    fn goodbye(&mut self, client: usize) -> Verdict {
        self.with_app(client, |app, now, wishes| match &app.session {
            Some(session) if session.is_up() => {
                app.farewell = Some(now);
                wishes.push(Wish::Send(Message::Goodbye));
            }
            _ => wishes.extend([Wish::Close, Wish::End]),
        })
    }

    fn copy(&mut self, number: usize) {
        let now = self.now;
        let mut thief = Client { machine: self.clients.len(), ..Client::new(number) };
        let mono = thief.mono(now);
        let Some(app) = self.clients[number].app.as_mut() else { return };
        let Some(copy) = App::copy_of(app, mono) else { return };
        app.copied = true;
        thief.app = Some(copy);
        self.tally.copies += 1;
        self.clients.push(thief);
    }

    fn replay(&mut self, number: usize, nth: usize) {
        let client = &self.clients[number];
        let Some(app) = client.app.as_ref().filter(|app| app.greeting.is_none()) else { return };
        let (Some(connection), Some(terms)) = (app.connection, &app.terms) else { return };
        let old = client.sent.iter().rev().filter(|(session, message)| {
            let token = match message {
                Message::Checkout(it) => it.token,
                Message::Checkin(it) => it.token,
                _ => Token(0),
            };
            *session == terms.id && !app.traceless.contains(&token) && !app.waiters.contains_key(&token)
        });
        let many = old.clone().count();
        let Some((_, message)) = (many > 0).then(|| old.clone().nth(nth % many)).flatten() else { return };
        let message = message.clone();
        let mut bytes = bytes::BytesMut::new();
        wire::encode(&message, 0x7FFF_0000, &mut bytes).unwrap();
        self.transmit(connection, End::Server, Parcel::Bytes(bytes.to_vec(), Some(Box::new(message))));
    }

    fn reset(&mut self, number: usize) {
        if let Some(connection) = self.clients[number].app.as_ref().and_then(|app| app.connection) {
            self.transmit(connection, End::Server, Parcel::Rst);
            self.transmit(connection, End::Client, Parcel::Rst);
        }
    }

    fn reread(&mut self, book: usize, broken: bool) -> Verdict {
        if !broken {
            self.server.files = book;
        }
        self.server.set_clock(self.now);
        let Some(desk) = self.server.desk.as_mut().filter(|_| self.server.away_until <= self.now) else {
            return Ok(());
        };
        self.tally.rereads += 1;
        let ordered = if broken {
            // What can't be used never replaces what can.
            let rules = desk.rules();
            let same =
                self.books.iter().position(|book| std::sync::Arc::ptr_eq(&book.rules.policy, &rules.policy));
            desk.reread(&format!("book{}", same.unwrap_or(0)), &rules, Some("test.lic can't be read"))
        } else {
            desk.reread(&format!("book{book}"), &self.books[book].rules, None)
        };
        self.server.orders.push(Order::ByHand { ordered, in_vain: false });
        self.after_server(None)
    }

    fn remove(&mut self, client: usize, feature: &str, nth: Option<usize>) -> Verdict {
        let client = &self.clients[client];
        let app = client.app.as_ref();
        let handle = nth.and_then(|nth| {
            let app = app?;
            let lent = client.shelf.all().map(|kept| &kept.record.handle);
            let handles: Vec<&Handle> =
                app.held.iter().chain(app.queue.values().map(|waits| &waits.handle)).chain(lent).collect();
            pick(handles.into_iter(), nth)
        });
        let target = match handle {
            Some(handle) => RemovalTarget::Handle(handle),
            None => RemovalTarget::Client {
                user: client.user.parse().unwrap(),
                host: client.host.parse().unwrap(),
                display: client.host.parse().unwrap(),
            },
        };
        let removal = Removal { feature: feature.parse().unwrap(), target };
        self.server.set_clock(self.now);
        let Some(desk) = self.server.desk.as_mut().filter(|_| self.server.away_until <= self.now) else {
            return Ok(());
        };
        let in_vain = match (handle, &removal.feature) {
            (Some(handle), feature) => {
                desk.state().seat(handle).is_some_and(|seat| seat.is_borrowed() && seat.feature == *feature)
            }
            (None, _) => false,
        };
        let ordered = desk.remove(&Removed { by: "ann@ws01".to_owned(), removal });
        self.server.orders.push(Order::ByHand { ordered, in_vain });
        self.after_server(None)
    }

    // ---- looking -----------------------------------------------------------------------------------------------------------

    fn look(&mut self) -> Verdict {
        if let Some(desk) = &self.server.desk {
            if self.server.stopping.is_none() && (!self.server.failing || self.server.rebuilt) {
                ensure!(
                    desk.usage_is_true(),
                    "what is used of limits and reservations is what the seats come to",
                    ""
                );
            }
            if self.server.pending.is_empty() && !self.server.failing {
                ensure!(
                    *desk.state() == *desk.durable(),
                    "the state is the fold of its history",
                    "ahead of the disk"
                );
            }
        }
        self.server.take_answers()?;
        self.nobody_overstays()
    }

    // ---- the end -----------------------------------------------------------------------------------------------------------

    /// All faults are over. Everybody comes to rest, gives back what he has, and goes; nothing may be left.
    fn finish(&mut self) -> Verdict {
        self.note(|| "faults are over".to_owned());
        self.server.disk.full_until = 0;
        self.server.disk.slow_until = 0;
        self.server.death = None;
        // What ends at a time of the day waits for it while the clock is set back.
        self.oracle.moved_ms.1 += self.latest - self.server.utc_offset;
        self.server.utc_offset = self.latest;
        for client in &mut self.clients {
            client.stalled_until = 0;
            client.utc_offset = self.server.utc_offset;
        }
        let away = self.clients.iter().map(|client| client.away_until).max().unwrap_or(0);
        let rest = away.max(self.server.away_until).saturating_sub(self.now);
        self.pass(rest + WORLD_END_MS)?;
        self.look()?;
        ensure!(
            self.server.orders.is_empty(),
            "every order is answered",
            "{} are not",
            self.server.orders.len()
        );
        ensure!(self.server.desk.is_some(), "the daemon comes back", "at {}", self.now);
        self.agree()?;
        // A copy does not know what there is to give back.
        for number in 0..self.clients.len() {
            if self.clients[number].app.as_ref().is_some_and(|app| app.copied) {
                self.leave(number)?;
            }
        }
        self.end_borrows()?;
        // Those who wait are served when everything comes back.
        for _ in 0..200 {
            for client in 0..self.clients.len() {
                self.give_everything_back(client)?;
            }
            self.pass(2_000)?;
            if self.oracle.waits() == 0 {
                break;
            }
        }
        self.pass(3_000)?;
        self.agree()?;
        ensure!(self.oracle.waits() == 0, "every wait ends", "{} are left", self.oracle.waits());
        // Half of them say goodbye, the others are gone without a word.
        for number in 0..self.clients.len() {
            if number % 2 == 0 {
                self.leave(number)?;
            } else {
                self.clients[number].app = None;
                for connection in 0..self.connections.len() {
                    if self.connections[connection].client == number {
                        self.connections[connection].open = false;
                        self.connections[connection].cut = (true, true);
                        self.found_dead(connection);
                    }
                }
            }
        }
        self.pass((self.plan.lease_s + 3) * 1000 + KEEPALIVE_MS)?;
        for _ in 0..30 {
            if !self.oracle.lingers() {
                break;
            }
            self.pass(5_000)?;
        }
        self.pass(3_000)?;
        self.look()?;
        self.oracle.is_drained()?;
        let Some(desk) = &self.server.desk else { return Ok(()) };
        ensure!(desk.state().pools().count() == 0, "no seat is lost for ever", "pools");
        ensure!(desk.leases() == 0, "every lease ends", "{}", desk.leases());
        let loaded = self.server.disk.load()?;
        ensure!(loaded == *desk.durable(), "the state is the fold of its history", "at the end");
        Ok(())
    }

    /// Half of the machines give back what they keep, where they may; time ends the rest.
    fn end_borrows(&mut self) -> Verdict {
        for number in (0..self.plan.clients).step_by(2) {
            for name in self.clients[number].shelf.names().collect::<Vec<_>>() {
                self.give_back(number, name)?;
            }
        }
        while let Some(until) = self.oracle.lent_until() {
            self.pass(30_000)?;
            let left = until.0 - (today(self.now).0 + self.oracle.moved_ms.0);
            self.night(u64::try_from(left).unwrap_or(0) + 1)?;
            self.pass(5_000)?;
        }
        Ok(())
    }

    fn give_everything_back(&mut self, number: usize) -> Verdict {
        let now = self.clients[number].mono(self.now);
        let mut wishes = Vec::new();
        if let Some((app, talk)) =
            self.clients[number].app.as_ref().and_then(|app| Some((app, app.talk.as_ref()?)))
        {
            let held = app.held.iter().map(|handle| Line::Checkin(*handle));
            let lines: Vec<Line> =
                held.chain(talk.waiting.iter().map(|handle| Line::Queued(*handle))).collect();
            return lines.into_iter().try_for_each(|line| self.talk(number, line));
        }
        if let Some(app) = self.clients[number].app.as_mut() {
            let held: Vec<Handle> = app.held.iter().copied().collect();
            held.into_iter().for_each(|handle| app.check_in(handle, now, &mut wishes));
            let waiting: Vec<Token> = app.queue.keys().copied().collect();
            waiting.into_iter().for_each(|token| app.claim(token, now, &mut wishes));
        }
        self.grant_wishes(number, wishes)
    }

    fn leave(&mut self, number: usize) -> Verdict {
        let now = self.clients[number].mono(self.now);
        let mut wishes = Vec::new();
        if self.clients[number].app.as_ref().is_some_and(|app| app.talk.is_some()) {
            return self.talk(number, Line::Quit);
        }
        if let Some(app) = self.clients[number].app.as_mut() {
            app.farewell = Some(now);
            wishes.push(Wish::Send(Message::Goodbye));
        }
        self.grant_wishes(number, wishes)
    }

    /// Clients agree with the server as soon as what has just come free, or was taken back, is no longer on its way.
    fn agree(&mut self) -> Verdict {
        for _ in 0..20 {
            if self.compare().is_ok() {
                return self.look();
            }
            self.pass(100)?;
        }
        self.compare()
    }

    /// Clients that have come to rest have exactly what the server says they have.
    fn compare(&mut self) -> Verdict {
        let mut sessions = BTreeMap::new();
        for (number, client) in self.clients.iter().enumerate() {
            let Some(app) = &client.app else { continue };
            if let Some(talk) = &app.talk {
                ensure!(talk.is_idle(), "clients come to rest", "u{number} speaks lines");
                let of = |(session, connection): (&SessionId, &usize)| {
                    (Some(*connection) == app.connection && self.oracle.is_open(*session)).then_some(*session)
                };
                let session = self.present.iter().find_map(of);
                let there =
                    session.map(|session| (self.oracle.held_by(session), self.oracle.entries_of(session)));
                let here = Some((app.held.clone(), talk.waiting.clone()));
                ensure!(here == there, "a client has what it was granted", "u{number}: {here:?}, {there:?}");
                continue;
            }
            let Some(terms) = &app.terms else { continue };
            ensure!(app.visit.is_none(), "programs that meet the server end", "u{number}");
            ensure!(app.settled_down(), "clients come to rest", "u{number}: {:?}", app.session);
            let open = self.oracle.is_open(terms.id);
            ensure!(open, "a client that lives keeps its session", "u{number}: {:?}", app.session);
            let other = sessions.insert(terms.id, number);
            ensure!(other.is_none(), "a copied session lives once", "{other:?} and {number}");
            if app.copied {
                continue;
            }
            let here = app.held.clone();
            let there = self.oracle.held_by(terms.id);
            ensure!(
                here == there,
                "a client has what it was granted",
                "u{number}: {here:?}, the server {there:?}"
            );
            let here: std::collections::BTreeSet<Token> = app.queue.keys().copied().collect();
            let there = self.oracle.waits_of(terms.id);
            ensure!(
                here == there,
                "a client waits for what it asked for",
                "u{number}: {here:?}, the server {there:?}"
            );
        }
        Ok(())
    }
}

/// The time that has passed, as a time of day.
fn today(now: u64) -> Timestamp {
    Timestamp(super::server::BEGIN + i64::try_from(now).unwrap())
}

fn pick<'a>(mut handles: impl Iterator<Item = &'a Handle> + Clone, nth: usize) -> Option<Handle> {
    let many = handles.clone().count();
    if many == 0 { None } else { handles.nth(nth % many).copied() }
}
