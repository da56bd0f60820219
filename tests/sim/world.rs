//! The world: time, and everything that comes to pass in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use seatkeeper::ident::{Handle, SessionId};
use seatkeeper::time::{Monotonic, Timestamp};

use super::client::{Client, Wish};
use super::dice::Dice;
use super::network::{Connection, End, Parcel};
use super::oracle::{Lendings, Oracle, Planted, Verdict, Violation, ensure};
use super::script::{Plan, Step};
use super::server::Server;
use super::site::{Book, sites};

mod applications;
mod borrows;
mod daemon;
mod end;
mod orders;
mod steps;
mod traffic;

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
    /// How often the server began anew, from what is on the disk.
    anew: u64,
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
            anew: 0,
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
}

/// The time that has passed, as a time of day.
fn today(now: u64) -> Timestamp {
    Timestamp(super::server::BEGIN + i64::try_from(now).unwrap())
}

fn pick<'a>(mut handles: impl Iterator<Item = &'a Handle> + Clone, nth: usize) -> Option<Handle> {
    let many = handles.clone().count();
    if many == 0 { None } else { handles.nth(nth % many).copied() }
}
