//! All faults are over: everybody comes to rest, gives back what he has, and goes.

use std::collections::{BTreeMap, BTreeSet};

use seatkeeper::ident::{Handle, SessionId, Token};
use seatkeeper::wire::Message;

use super::super::client::Wish;
use super::super::lines::Line;
use super::super::oracle::{Verdict, ensure};
use super::{KEEPALIVE_MS, WORLD_END_MS, World, today};

impl World {
    /// All faults are over. Everybody comes to rest, gives back what he has, and goes; nothing may be left.
    pub(super) fn finish(&mut self) -> Verdict {
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
    pub(super) fn end_borrows(&mut self) -> Verdict {
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

    pub(super) fn give_everything_back(&mut self, number: usize) -> Verdict {
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

    pub(super) fn leave(&mut self, number: usize) -> Verdict {
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
    pub(super) fn agree(&mut self) -> Verdict {
        for _ in 0..20 {
            if self.compare().is_ok() {
                return self.look();
            }
            self.pass(100)?;
        }
        self.compare()
    }

    /// Clients that have come to rest have exactly what the server says they have.
    pub(super) fn compare(&mut self) -> Verdict {
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
            let here: BTreeSet<Token> = app.queue.keys().copied().collect();
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
