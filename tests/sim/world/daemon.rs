//! The daemon runs, decides, writes, dies and stops.

use seatkeeper::event::{EndReason, Event, Record};
use seatkeeper::ident::SessionId;

use super::super::network::{End, Parcel};
use super::super::oracle::{Attended, Decided, Verdict, Watch};
use super::super::script::Death;
use super::{Happening, PROBE_MS, TICK_MS, World, today};

impl World {
    pub(super) fn start_server(&mut self) -> Verdict {
        if self.server.desk.is_some() {
            return Ok(());
        }
        let rules = &self.books[self.server.files].rules;
        self.server.start(self.now, &self.plan, rules)?;
        self.note(|| "the daemon starts".to_owned());
        self.tally.starts += 1;
        self.anew += 1;
        self.present.clear();
        let attended = self.server.attended(self.now);
        for watch in self.oracle.watch.values_mut() {
            *watch = Watch { heard: attended, closed: None, may_have_closed: None, ..*watch };
        }
        let run = self.server.run;
        self.at(self.now + TICK_MS, Happening::Tick(run));
        self.after_server(None)
    }

    pub(super) fn tick(&mut self, run: u64) -> Verdict {
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
    pub(super) fn nobody_overstays(&mut self) -> Verdict {
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
    pub(super) fn after_server(&mut self, cause: Option<usize>) -> Verdict {
        self.collect(cause);
        for connection in 0..self.connections.len() {
            self.turn(connection)?;
        }
        self.collect(None);
        self.begin_writing();
        self.finish_stop()
    }

    /// What the daemon has decided, because of what came over a connection or by itself.
    pub(super) fn collect(&mut self, cause: Option<usize>) {
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
                        // Who is silent stays on his connection until that is durable.
                        if ended.why != EndReason::LeaseLapsed {
                            self.present.remove(&ended.session);
                        }
                    }
                    _ => {}
                }
            }
            // Its seats come back before the session ends, in the same record.
            self.note_record(&record);
            self.server.pending.push((record, decided));
        }
    }

    pub(super) fn note_record(&mut self, record: &Record) {
        self.note(|| {
            let kinds: Vec<String> = record.events.iter().map(|event| format!("{event:?}")).collect();
            let cut = |text: &String| text.chars().take(300).collect::<String>();
            format!("  decided {}: {}", record.first, kinds.iter().map(cut).collect::<Vec<_>>().join("; "))
        });
    }

    /// A session goes on over a connection.
    pub(super) fn returned(&mut self, session: SessionId, connection: usize, at: Attended) {
        self.present.insert(session, connection);
        if let Some(watch) = self.oracle.watch.get_mut(&session) {
            (watch.heard, watch.closed, watch.may_have_closed) = (at, None, None);
        }
    }

    pub(super) fn begin_writing(&mut self) {
        let server = &mut self.server;
        if server.desk.is_none() || server.writing > 0 || server.pending.is_empty() || server.failing {
            return;
        }
        server.writing = server.pending.len();
        let (run, ms) = (server.run, server.commit_ms(self.now, &self.plan));
        self.at(self.now + ms, Happening::Written(run));
    }

    pub(super) fn written(&mut self) -> Verdict {
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
            for event in &record.events {
                if let Event::Ended(ended) = event {
                    self.present.remove(&ended.session);
                }
            }
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

    pub(super) fn roll_back(&mut self) -> Verdict {
        self.note(|| "the disk is full: rolled back".to_owned());
        self.tally.rolled_back += 1;
        self.anew += 1;
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

    pub(super) fn probe(&mut self, run: u64) -> Verdict {
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
    pub(super) fn kill(&mut self, down_ms: u64) -> Verdict {
        self.note(|| "the daemon dies".to_owned());
        self.server.death = None;
        self.end_process(true);
        self.at(self.now + down_ms, Happening::Start);
        Ok(())
    }

    pub(super) fn end_process(&mut self, reset: bool) {
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

    pub(super) fn finish_stop(&mut self) -> Verdict {
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
}
