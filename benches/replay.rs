//! Recorded requests judged again (DESIGN section 7: at least 1,000,000 a second).
//!
//! `cargo bench --no-default-features --bench replay` judges records in memory; with the default features, and without
//! `--no-default-features`, the reading of the same records from a history on disk is measured beside it. `-- 50000` takes so many
//! requests instead of a million; `-- --memory 4000000` tells how much memory both passes take.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use seatkeeper::catalog::Catalog;
use seatkeeper::event::{
    Answer, Checkin, Checkout, Claims, EndReason, Event, Identity, Opened, Record, SessionKind, Started,
    Wishes,
};
use seatkeeper::ident::{Count, Digest, FeatureName, Handle, SessionId, Token};
use seatkeeper::license::{HostId, LicenseFile};
use seatkeeper::options::OptionsFile;
use seatkeeper::policy::Policy;
use seatkeeper::replay::{Plan, Replay, Ruleset, Survey};
use seatkeeper::seat::{Command, Decision, Reply, Rules, State, Usage, decide};
use seatkeeper::sign::{Manifest, demo_signing_key};
use seatkeeper::text::Source;
use seatkeeper::time::{Monotonic, Now, Timestamp};

const RECORDS_AT_A_TIME: usize = 256;
const SESSIONS: usize = 500;
const FEATURES: usize = 50;
const LICENSES: usize = 20;
/// Seats that a session holds before it gives the oldest back.
const HELD: usize = 3;

fn license() -> LicenseFile {
    let mut plain = String::from("SERVER this_host ANY\nVENDOR LGS\n");
    for n in 0..FEATURES {
        let _ = writeln!(plain, "INCREMENT feature_{n} LGS 2.0 permanent {LICENSES}");
    }
    let file = LicenseFile::parse(Source::new("plain", plain.as_bytes()));
    let mut signed = String::from("SERVER this_host ANY\nVENDOR LGS\n");
    for (line, statement) in file.statements() {
        let sign = demo_signing_key().sign(&statement.canonical(&[HostId::Any]).unwrap());
        let _ = writeln!(signed, "{} SIGN=\"{sign}\"", file.source.slice(line.span).trim_end());
    }
    LicenseFile::parse(Source::new("bench.lic", signed.as_bytes()))
}

/// Some rules for every feature: who may not, who has at most so many, for whom some are kept.
fn options() -> String {
    let mut text = String::new();
    for n in 0..FEATURES {
        let _ = writeln!(text, "EXCLUDE feature_{n} USER u{}\nMAX 2 feature_{n} USER u{}", n * 3, n * 5 + 1);
        let _ = writeln!(text, "RESERVE 1 feature_{n} USER u{}", n * 7 + 2);
    }
    text
}

fn ruleset(license: &LicenseFile, options: &str) -> Ruleset {
    let manifest = Manifest::demo();
    let zone = jiff::tz::TimeZone::UTC;
    let catalog = Catalog::build(&manifest.vendor, &[license], &manifest, &[], &zone);
    let file = OptionsFile::parse(Source::new("LGS.opt", options.as_bytes()));
    let (policy, found) = Policy::compile(&file, &catalog, &[license]);
    assert!(found.is_empty() && file.diagnostics.is_empty(), "{found:?}");
    Ruleset { catalog: Arc::new(catalog), policy: Arc::new(policy) }
}

fn identity(n: usize) -> Identity {
    let claims = Claims {
        user: format!("u{n}").parse().unwrap(),
        host: format!("ws{n}").parse().unwrap(),
        display: format!("ws{n}").parse().unwrap(),
        project: None,
        platform: None,
        hostids: vec![],
        pid: None,
    };
    Identity::new(claims, "10.0.0.1".parse().unwrap(), SessionKind::Framed)
}

/// A linear congruential generator.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// A daemon that records checkouts and checkins, each in a record of its own.
struct Recorder<'r> {
    rules: &'r Ruleset,
    state: State,
    usage: Usage,
    at: Timestamp,
    dice: Dice,
    /// Each client's session, the last number of a request in it, and its checkouts, oldest first.
    clients: Vec<(SessionId, u64, Vec<Handle>)>,
    opened: u64,
    features: Vec<FeatureName>,
}

impl<'r> Recorder<'r> {
    /// With its first records: a start, and the beginning of each session.
    fn start(rules: &'r Ruleset) -> (Self, Vec<Record>) {
        let mut recorder = Self {
            rules,
            state: State::default(),
            usage: Usage::default(),
            at: Timestamp(1_781_524_800_000),
            dice: Dice(7),
            clients: Vec::new(),
            opened: 0,
            features: (0..FEATURES).map(|n| format!("feature_{n}").parse().unwrap()).collect(),
        };
        let started = Started { version: "1".into(), zone: "UTC".into(), files: vec![] };
        let mut records = vec![recorder.keep(vec![Event::Started(started)])];
        records.extend((0..SESSIONS).map(|n| recorder.open(n)));
        (recorder, records)
    }

    fn keep(&mut self, events: Vec<Event>) -> Record {
        let record = Record { first: self.state.seq().next(), at: self.at, events };
        self.state.evolve(&record);
        self.usage.follow(&record, &self.state, &self.rules.catalog, &self.rules.policy);
        record
    }

    fn decide(&self, command: &Command) -> Decision {
        let Ruleset { catalog, policy } = self.rules;
        let by = Rules { catalog, policy, usage: &self.usage };
        decide(&self.state, by, command, Now { utc: self.at, mono: Monotonic(0) })
    }

    /// A session of client `n`, in the place of the one that it had.
    fn open(&mut self, n: usize) -> Record {
        let mut name = [0; 16];
        // Drawn at random by servers, so not in order.
        name[..8].copy_from_slice(&self.opened.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        self.opened += 1;
        let session = SessionId(name);
        match self.clients.get_mut(n) {
            Some(client) => *client = (session, 0, Vec::new()),
            None => self.clients.push((session, 0, Vec::new())),
        }
        self.keep(vec![Event::Opened(Opened { session, secret: Digest([0; 32]), identity: identity(n) })])
    }

    /// The next request.
    fn request(&mut self) -> Record {
        self.at = self.at.plus(Duration::from_millis(250));
        let n = self.dice.below(SESSIONS);
        let many = self.clients[n].2.len();
        let back = many >= HELD || (many > 0 && self.dice.below(2) == 0);
        let (session, last, held) = &mut self.clients[n];
        *last += 1;
        let (session, token, acknowledged) = (*session, Token(*last), Token(*last - 1));
        let command = if back {
            Command::Checkin(session, Checkin { token, acknowledged, handle: held.remove(0) })
        } else {
            let feature = self.features[self.dice.below(FEATURES)].clone();
            let (version, count) = ("1.0".parse().unwrap(), Count::MIN);
            let wishes = Wishes::default();
            Command::Checkout(session, Checkout { token, acknowledged, feature, version, count, wishes })
        };
        let decision = self.decide(&command);
        if let Reply::Answer(_, Answer::Granted(grant)) = &decision.reply {
            self.clients[n].2.push(grant.handle);
        }
        self.keep(decision.events)
    }

    /// A client goes and comes again in another session.
    fn renew(&mut self) -> [Record; 2] {
        let n = self.dice.below(SESSIONS);
        let decision = self.decide(&Command::End(self.clients[n].0, EndReason::Goodbye));
        [self.keep(decision.events), self.open(n)]
    }
}

fn history(rules: &Ruleset, requests: usize) -> Vec<Record> {
    let (mut recorder, mut history) = Recorder::start(rules);
    history.extend((0..requests).map(|_| recorder.request()));
    history
}

/// How many differ. A function of its own, so that profilers can tell it from the rest.
#[inline(never)]
fn judge(replay: &mut Replay, records: Vec<Record>, rules: &Ruleset) -> usize {
    let mut differing = 0;
    for record in records {
        replay.judge(record, |_| Ok::<_, Infallible>(rules.clone())).unwrap();
        differing += replay.found().count();
    }
    differing
}

fn main() {
    // Cargo hands `--bench` on.
    let requests = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    let license = license();
    let (recorded, tried) = (ruleset(&license, ""), ruleset(&license, &options()));
    if std::env::args().any(|arg| arg == "--memory") {
        return memory(&recorded, &tried, requests);
    }
    let history = history(&recorded, requests);
    #[cfg(feature = "server")]
    on_disk(&history);
    for (what, rules, exact) in
        [("recorded rules", &recorded, true), ("the same files with 150 rules more", &tried, false)]
    {
        let (mut best, mut best_survey) = (f64::MAX, f64::MAX);
        let mut said = String::new();
        for _ in 0..3 {
            let began = Instant::now();
            let mut survey = Survey::new(Timestamp(i64::MIN)..Timestamp(i64::MAX));
            history.iter().for_each(|record| assert!(survey.take(record)));
            best_survey = best_survey.min(began.elapsed().as_secs_f64());
            let in_vain = survey.in_vain.clone();
            let plan = Plan { exact, pools_known: true, holding: survey.holding(None), in_vain };
            let mut replay = Replay::new(plan);
            let began = Instant::now();
            replay.begin(rules.clone(), history[0].at);
            let (mut spent, mut differing) = (began.elapsed(), 0);
            // A few at a time, as a reader gives them: copies of all would be judged from cold memory.
            for some in history.chunks(RECORDS_AT_A_TIME) {
                let records = some.to_vec();
                let began = Instant::now();
                differing += judge(&mut replay, records, rules);
                spent += began.elapsed();
            }
            best = best.min(spent.as_secs_f64());
            let (totals, _) = replay.finish();
            assert!(differing == 0 || !exact);
            said = format!("{} checkouts judged, {differing} differ", totals.judged);
        }
        let rate = |seconds: f64| requests as f64 / seconds;
        println!(
            "{what}: {requests} requests, {said}: {:.0} requests/s (first pass {:.0}/s, both {:.0}/s)",
            rate(best),
            rate(best_survey),
            rate(best + best_survey)
        );
    }
}

/// Resident memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").trim().parse().unwrap_or(0)
}

/// What both passes over a history that nobody keeps come to in memory, as it grows. One session in a thousand requests ends, and
/// another one begins.
fn memory(recorded: &Ruleset, tried: &Ruleset, requests: usize) {
    let each = |what: &str, take: &mut dyn FnMut(Record)| {
        let before = resident();
        let (mut recorder, records) = Recorder::start(recorded);
        records.into_iter().for_each(&mut *take);
        print!("{what}: KiB after each quarter:");
        for number in 1..=requests {
            take(recorder.request());
            if number % 1000 == 0 {
                recorder.renew().into_iter().for_each(&mut *take);
            }
            if number % (requests / 4).max(1) == 0 {
                print!(" {}", resident().saturating_sub(before));
            }
        }
        println!();
    };
    each("nothing but the making of the records", &mut |_| {});
    let mut survey = Survey::new(Timestamp(i64::MIN)..Timestamp(i64::MAX));
    each("first pass", &mut |record| assert!(survey.take(&record)));
    for (what, rules, exact) in [("second pass", recorded, true), ("with 150 rules more", tried, false)] {
        let in_vain = survey.in_vain.clone();
        let plan = Plan { exact, pools_known: true, holding: survey.holding(None), in_vain };
        let mut replay = Replay::new(plan);
        replay.begin(rules.clone(), Timestamp(0));
        each(what, &mut |record| {
            judge(&mut replay, vec![record], rules);
        });
    }
}

/// How fast records are read and decoded, which is no part of the figure.
#[cfg(feature = "server")]
fn on_disk(records: &[Record]) {
    use seatkeeper::store::{Report, StoreConfig, history, open};
    let dir = tempfile::tempdir().unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let report = Box::new(move |report| {
        if let Report::Committed(records) = report {
            let _ = sender.send(records.len());
        }
    });
    let store = open(StoreConfig::new(dir.path()), report).unwrap().store;
    for some in records.chunks(1000) {
        let mut some = some.to_vec();
        while store.room() < some.len() {
            std::thread::sleep(Duration::from_millis(1));
        }
        store.submit(std::mem::take(&mut some)).unwrap();
    }
    let mut durable = 0;
    while durable < records.len() {
        durable += receiver.recv().unwrap();
    }
    drop(store);
    let began = Instant::now();
    let read = history::read(dir.path()).unwrap().filter(Result::is_ok).count();
    assert_eq!(read, records.len());
    println!(
        "{read} records read from disk, chain checked: {:.0}/s",
        read as f64 / began.elapsed().as_secs_f64()
    );
}
