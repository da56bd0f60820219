//! What requests that wait cost the engine: each step is decided, checked and folded in, and the queues are served after it, as the
//! vendor daemon does, without its disk and its sockets.
//!
//! `cargo bench --no-default-features --bench queue`; with `-- 50000`, so many checkouts with their checkins where nobody waits, and with
//! `-- 2000 100` so many returns of a license for which so many wait, for profilers
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::indexing_slicing)]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use seatkeeper::catalog::Catalog;
use seatkeeper::event::{
    Answer, Checkin, Checkout, Claims, Event, Identity, Queueing, Record, SessionKind, Wishes,
};
use seatkeeper::ident::{Count, Digest, Handle, SessionId, Token};
use seatkeeper::license::{HostId, LicenseFile};
use seatkeeper::options::OptionsFile;
use seatkeeper::policy::Policy;
use seatkeeper::seat::{Command, Looked, Reply, Rules, State, Usage, check, decide};
use seatkeeper::sign::{Manifest, demo_signing_key};
use seatkeeper::text::Source;
use seatkeeper::time::{Monotonic, Now, Timestamp};

const LICENSES: u32 = 4096;
const SPAN: Duration = Duration::from_secs(1);

struct Daemon {
    catalog: Catalog,
    policy: Policy,
    usage: Usage,
    state: State,
    now: Now,
    looked: Looked,
    tokens: Vec<u64>,
}

impl Daemon {
    fn new(options: &str, dup: &str) -> Self {
        let mut plain = String::from("SERVER this_host ANY\nVENDOR LGS\n");
        plain.push_str(&format!("INCREMENT fa LGS 2.0 permanent {LICENSES}{dup}\n"));
        plain.push_str(&format!("INCREMENT fb LGS 2.0 permanent {LICENSES}\n"));
        let file = LicenseFile::parse(Source::new("plain", plain.as_bytes()));
        let mut signed = String::from("SERVER this_host ANY\nVENDOR LGS\n");
        for (line, statement) in file.statements() {
            let sign = demo_signing_key().sign(&statement.canonical(&[HostId::Any]).unwrap());
            signed.push_str(&format!("{} SIGN=\"{sign}\"\n", file.source.slice(line.span).trim_end()));
        }
        let license = LicenseFile::parse(Source::new("bench.lic", signed.as_bytes()));
        let manifest = Manifest::demo();
        let catalog = Catalog::build(&manifest.vendor, &[&license], &manifest, &[], &jiff::tz::TimeZone::UTC);
        let options = OptionsFile::parse(Source::new("LGS.opt", options.as_bytes()));
        let (policy, found) = Policy::compile(&options, &catalog, &[&license]);
        assert!(found.is_empty(), "{found:?}");
        let now = Now { utc: Timestamp(1_781_524_800_000), mono: Monotonic(0) };
        let (usage, state) = (Usage::default(), State::default());
        Self { catalog, policy, usage, state, now, looked: Looked::default(), tokens: Vec::new() }
    }

    fn step(&mut self, command: &Command) -> Option<Reply> {
        let rules = Rules { catalog: &self.catalog, policy: &self.policy, usage: &self.usage };
        let decision = decide(&self.state, rules, command, self.now);
        if decision.events.is_empty() {
            return None;
        }
        check(&self.state, &self.catalog, &decision.events, self.now).unwrap();
        // Refusals in plenty are counted together and not recorded.
        if !matches!(decision.events[..], [Event::Denied(_)]) {
            let record = Record { first: self.state.seq().next(), at: self.now.utc, events: decision.events };
            self.state.evolve(&record);
            self.usage.follow(&record, &self.state, &self.catalog, &self.policy);
        }
        Some(decision.reply)
    }

    /// One command and what it brings to those who wait; how many steps that took.
    fn run(&mut self, command: &Command) -> (Reply, usize) {
        let reply = self.step(command).unwrap();
        let mut steps = 0;
        while self.state.has_queue() && self.step(&Command::Serve(self.looked)).is_some() {
            steps += 1;
        }
        self.looked = Looked::of(&self.state, self.now);
        (reply, steps)
    }

    fn session(n: usize) -> SessionId {
        let mut name = [0; 16];
        name[..8].copy_from_slice(&(n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        SessionId(name)
    }

    fn open(&mut self) -> usize {
        let n = self.tokens.len();
        self.tokens.push(0);
        let claims = Claims {
            user: format!("u{n}").parse().unwrap(),
            host: format!("ws{n}").parse().unwrap(),
            display: format!("ws{n}").parse().unwrap(),
            project: None,
            platform: None,
            hostids: vec![],
            pid: None,
        };
        let identity = Identity::new(claims, "10.0.0.1".parse().unwrap(), SessionKind::Framed);
        let session = Self::session(n);
        self.run(&Command::Open { session, secret: Digest([0; 32]), identity });
        n
    }

    fn ask(&mut self, n: usize, feature: &str, count: u32, waits: bool) -> (Reply, usize) {
        self.tokens[n] += 1;
        let token = Token(self.tokens[n]);
        let wishes = Wishes { queue: waits.then_some(Queueing { hold_s: 0 }), ..Wishes::default() };
        let request = Checkout {
            token,
            acknowledged: Token(token.0 - 1),
            feature: feature.parse().unwrap(),
            version: "1.0".parse().unwrap(),
            count: Count::new(count).unwrap(),
            wishes,
        };
        self.run(&Command::Checkout(Self::session(n), request))
    }

    fn granted(&mut self, n: usize, feature: &str, count: u32) -> Handle {
        match self.ask(n, feature, count, false).0 {
            Reply::Answer(_, Answer::Granted(grant)) => grant.handle,
            other => panic!("{other:?}"),
        }
    }

    fn wait(&mut self, n: usize, count: u32) {
        let reply = self.ask(n, "fa", count, true).0;
        assert!(matches!(reply, Reply::Answer(_, Answer::Queued(_))), "{reply:?}");
    }

    fn back(&mut self, n: usize, handle: Handle) -> usize {
        self.tokens[n] += 1;
        let token = Token(self.tokens[n]);
        let request = Checkin { token, acknowledged: Token(token.0 - 1), handle };
        self.run(&Command::Checkin(Self::session(n), request)).1
    }

    /// The client of a request that waits takes what is held for it.
    fn claim(&mut self, n: usize) -> Handle {
        self.tokens[n] -= 1;
        match self.ask(n, "fa", 1, true).0 {
            Reply::Answer(_, Answer::Granted(grant)) => grant.handle,
            other => panic!("{other:?}"),
        }
    }
}

fn per_second(mut step: impl FnMut()) -> f64 {
    let (start, mut many) = (Instant::now(), 0_u32);
    while start.elapsed() < SPAN {
        step();
        many += 1;
    }
    f64::from(many) / start.elapsed().as_secs_f64()
}

fn figures(name: &str, options: &str, dup: &str) {
    for waiting in [0, 100, 4000] {
        let mut daemon = Daemon::new(options, dup);
        let (big, other) = (daemon.open(), daemon.open());
        let all = daemon.granted(big, "fa", LICENSES - 1);
        let mut holder = daemon.open();
        let mut held = daemon.granted(holder, "fa", 1);
        let start = Instant::now();
        let mut queue: VecDeque<usize> = (0..waiting).map(|_| daemon.open()).collect();
        queue.iter().for_each(|n| daemon.wait(*n, 1));
        let entering = start.elapsed();
        let elsewhere = per_second(|| {
            let handle = daemon.granted(other, "fb", 1);
            daemon.back(other, handle);
        });
        let denied = per_second(|| drop(daemon.ask(other, "fa", 1, false)));
        // The one license that moves goes to the first that waits, and who had it waits again.
        let moved = per_second(|| {
            daemon.back(holder, held);
            let next = queue.pop_front().unwrap_or(holder);
            if waiting == 0 {
                held = daemon.granted(holder, "fa", 1);
                return;
            }
            held = daemon.claim(next);
            daemon.wait(holder, 1);
            queue.push_back(holder);
            holder = next;
        });
        let start = Instant::now();
        let steps = daemon.back(big, all);
        assert_eq!(steps, waiting);
        let freed = start.elapsed();
        println!(
            "{name}, {waiting} waiting: all entered in {entering:.1?}; pairs/s elsewhere {elsewhere:.0}, refusals/s {denied:.0}, \
             licenses moved/s {moved:.0}, {steps} offered at once in {freed:.1?}"
        );
    }
    // Those in front want more than there ever is at a time.
    let mut daemon = Daemon::new(options, dup);
    let (big, small) = (daemon.open(), daemon.open());
    daemon.granted(big, "fa", LICENSES / 2);
    let rest = daemon.granted(small, "fa", LICENSES / 2);
    for n in 0..4000 {
        let session = daemon.open();
        daemon.wait(session, if n < 2000 { LICENSES } else { 1 });
    }
    let start = Instant::now();
    let steps = daemon.back(small, rest);
    println!(
        "{name}, behind 2000 that can't be served: {steps} of 2000 offered at once in {:.1?}",
        start.elapsed()
    );
}

/// Checkouts with their checkins where nobody waits.
fn pairs(times: u32) {
    let mut daemon = Daemon::new("", "");
    let one = daemon.open();
    for _ in 0..times {
        let handle = daemon.granted(one, "fb", 1);
        daemon.back(one, handle);
    }
}

/// Returns of the one license that moves, each taken by the first that waits; who had it waits again.
fn moves(times: u32, waiting: u32) {
    let mut daemon = Daemon::new("", "");
    let (big, mut holder) = (daemon.open(), daemon.open());
    daemon.granted(big, "fa", LICENSES - 1);
    let mut held = daemon.granted(holder, "fa", 1);
    let mut queue: VecDeque<usize> = (0..waiting).map(|_| daemon.open()).collect();
    queue.iter().for_each(|n| daemon.wait(*n, 1));
    for _ in 0..times {
        daemon.back(holder, held);
        let next = queue.pop_front().unwrap();
        held = daemon.claim(next);
        daemon.wait(holder, 1);
        queue.push_back(holder);
        holder = next;
    }
}

fn main() {
    let numbers: Vec<u32> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    match numbers[..] {
        [] => {}
        [times] => return pairs(times),
        [times, waiting, ..] => return moves(times, waiting),
    }
    figures("no options file", "", "");
    let rules = "GROUP some u7 u8 u9\nMAX 4096 fa GROUP some\nEXCLUDE fa USER joe\nRESERVE 1 fb GROUP some\n";
    figures("named groups", rules, "");
    figures("shared by user", "", " DUP_GROUP=U");
    figures("MAX for each user", "MAX 4096 fa USER ALL_USERS\n", "");
}
