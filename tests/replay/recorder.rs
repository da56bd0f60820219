//! A history in the making: the engine as the vendor daemon drives it, counted refusals and rereads included.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use seatkeeper::catalog::Catalog;
use seatkeeper::event::{
    Answer, Checkin, Checkout, Claims, EndReason, Event, Identity, Record, Reread, RereadCause, SessionKind,
    Started, Stopped, Wishes,
};
use seatkeeper::ident::{Count, Digest, Handle, SessionId, Token};
use seatkeeper::license::LicenseFile;
use seatkeeper::options::OptionsFile;
use seatkeeper::policy::Policy;
use seatkeeper::replay::{Difference, Files, Plan, Replay, Ruleset, Survey, Tally, Totals};
use seatkeeper::seat::{Command, DenialDamper, Looked, Reply, Rules, State, Usage, check, decide};
use seatkeeper::sign::Manifest;
use seatkeeper::text::Source;
use seatkeeper::time::{Monotonic, Now, Timestamp};

use crate::signed::sign;

/// 15-jun-2026 at noon.
pub(crate) const TODAY: Timestamp = Timestamp(1_781_524_800_000);

/// A signed license file with its catalog; signing takes most of the time, so it is done once for each text.
pub(crate) struct Licensed {
    pub(crate) text: String,
    license: LicenseFile,
    catalog: Arc<Catalog>,
}

impl Licensed {
    pub(crate) fn new(lines: &str) -> Self {
        let text = sign(&format!("SERVER srv ANY 27000\nVENDOR LGS\n{lines}\n"));
        let license = LicenseFile::parse(Source::new("a.lic", text.as_bytes()));
        let manifest = Manifest::demo();
        let zone = jiff::tz::TimeZone::UTC;
        let catalog = Catalog::build(&manifest.vendor, &[&license], &manifest, &[], &zone);
        Self { text, license, catalog: Arc::new(catalog) }
    }

    pub(crate) fn under(&self, options: &str) -> Ruleset {
        let options = OptionsFile::parse(Source::new("LGS.opt", options.as_bytes()));
        let (policy, _) = Policy::compile(&options, &self.catalog, &[&self.license]);
        Ruleset { catalog: Arc::clone(&self.catalog), policy: Arc::new(policy) }
    }
}

/// Rules from feature lines and the text of an options file.
pub(crate) fn rules(lines: &str, options: &str) -> Ruleset {
    Licensed::new(lines).under(options)
}

/// The daemon's part around the engine.
pub(crate) struct Recorder {
    pub(crate) rules: Ruleset,
    usage: Usage,
    pub(crate) state: State,
    damper: DenialDamper,
    pub(crate) history: Vec<Record>,
    /// The rules after each start and reread.
    pub(crate) switches: Vec<Ruleset>,
    pub(crate) now: Now,
    /// Names the boot of the machine.
    pub(crate) boot: [u8; 16],
    /// Clock and elapsed time when the clocks were looked at last.
    pub(crate) looked: Now,
    tokens: BTreeMap<SessionId, u64>,
    drawn: u64,
    queues_looked: Looked,
}

impl Recorder {
    pub(crate) fn new(rules: Ruleset) -> Self {
        let mut recorder = Self {
            rules,
            usage: Usage::default(),
            state: State::default(),
            damper: DenialDamper::default(),
            history: Vec::new(),
            switches: Vec::new(),
            now: Now { utc: TODAY, mono: Monotonic(0) },
            boot: [1; 16],
            looked: Now { utc: TODAY, mono: Monotonic(0) },
            tokens: BTreeMap::new(),
            drawn: 0,
            queues_looked: Looked::default(),
        };
        recorder.start();
        recorder
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now.utc
    }

    /// Time goes by; the daemon looks at its timers twice a second. After ten seconds nothing is counted any more.
    pub(crate) fn pass(&mut self, span: Duration) {
        let until = self.now.mono.plus(span);
        for _ in 0..40 {
            self.go(Duration::from_millis(500).min(until.since(self.now.mono)));
        }
        self.go(until.since(self.now.mono));
    }

    fn go(&mut self, span: Duration) {
        self.now = Now { utc: self.now.utc.plus(span), mono: self.now.mono.plus(span) };
        self.attend();
        for denied in self.damper.expired(self.now) {
            self.run(&Command::CountDenials(Box::new(denied)));
        }
    }

    /// One command, and what it brings to those who wait.
    pub(crate) fn run(&mut self, command: &Command) -> Reply {
        let reply = self.step(command);
        self.serve();
        reply
    }

    pub(crate) fn serve(&mut self) {
        while self.state.has_queue() {
            let before = self.state.seq();
            self.step(&Command::Serve(self.queues_looked));
            if self.state.seq() == before {
                self.queues_looked = Looked::of(&self.state, self.now);
                return;
            }
        }
    }

    pub(crate) fn step(&mut self, command: &Command) -> Reply {
        let rules = Rules { catalog: &self.rules.catalog, policy: &self.rules.policy, usage: &self.usage };
        let decision = decide(&self.state, rules, command, self.now);
        if decision.events.is_empty() || self.damper.absorb(&decision.events, self.now) {
            return decision.reply;
        }
        let after = if let Command::Reread { catalog, .. } = command { catalog } else { &self.rules.catalog };
        check(&self.state, after, &decision.events, self.now).expect("the engine contradicts itself");
        for event in &decision.events {
            let counted = match event {
                Event::Denied(denied) => self.damper.note(denied, self.now),
                Event::Ended(ended) => self.damper.forget(ended.session),
                _ => None,
            };
            if let Some(counted) = counted {
                self.record(vec![Event::Denied(Box::new(counted))]);
            }
        }
        self.record(decision.events);
        decision.reply
    }

    fn record(&mut self, events: Vec<Event>) {
        let record = Record { first: self.state.seq().next(), at: self.now.utc, events };
        self.state.evolve(&record);
        self.usage.follow(&record, &self.state, &self.rules.catalog, &self.rules.policy);
        self.history.push(record);
    }

    fn start(&mut self) {
        self.damper = DenialDamper::default();
        self.queues_looked = Looked::default();
        self.switches.push(self.rules.clone());
        let started = Started { version: "1".into(), zone: "UTC".into(), files: vec![] };
        self.step(&Command::Start(started));
        self.look(true);
        self.lapse();
        let before = self.state.seq();
        self.take_over(RereadCause::Start, Arc::clone(&self.rules.catalog));
        if self.state.seq() > before {
            self.switches.push(self.rules.clone());
        }
        self.usage = Usage::rebuild(&self.state, &self.rules.catalog, &self.rules.policy);
        self.serve();
    }

    /// An orderly end or a crash, then a start.
    pub(crate) fn restart(&mut self, orderly: bool, rules: Ruleset) {
        if orderly {
            for denied in self.damper.drain() {
                self.run(&Command::CountDenials(Box::new(denied)));
            }
            self.look(true);
            self.step(&Command::Stop(Stopped { by: "signal 15".into() }));
        }
        self.rules = rules;
        self.usage = Usage::rebuild(&self.state, &self.rules.catalog, &self.rules.policy);
        self.start();
    }

    fn take_over(&mut self, cause: RereadCause, catalog: Arc<Catalog>) {
        let reread = Reread {
            by: "ann@ws01".into(),
            cause,
            zone: "UTC".into(),
            files: Vec::new(),
            removed: Vec::new(),
        };
        self.step(&Command::Reread { reread: Box::new(reread), catalog });
    }

    pub(crate) fn reread(&mut self, rules: Ruleset) {
        self.take_over(RereadCause::Ordered, Arc::clone(&rules.catalog));
        self.rules = rules.clone();
        self.usage = Usage::rebuild(&self.state, &self.rules.catalog, &self.rules.policy);
        self.switches.push(rules);
        self.serve();
    }

    pub(crate) fn open(&mut self, user: &str, kind: SessionKind) -> SessionId {
        self.drawn += 1;
        let mut name = [0; 16];
        name[..8].copy_from_slice(&self.drawn.to_be_bytes());
        let session = SessionId(name);
        let identity = identity(user, kind);
        assert_eq!(self.run(&Command::Open { session, secret: Digest::of(&name), identity }), Reply::Done);
        session
    }

    pub(crate) fn out(
        &mut self,
        session: SessionId,
        feature: &str,
        version: &str,
        count: u32,
    ) -> Result<Handle, i32> {
        self.ask(session, (feature, version, count), Wishes::default())
    }

    pub(crate) fn ask(
        &mut self,
        session: SessionId,
        (feature, version, count): (&str, &str, u32),
        wishes: Wishes,
    ) -> Result<Handle, i32> {
        let request = self.request(session, (feature, version, count), wishes);
        match self.run(&Command::Checkout(session, request)) {
            Reply::Answer(_, Answer::Granted(grant)) => Ok(grant.handle),
            Reply::Answer(_, Answer::Denied(denial)) => Err(denial.code.number()),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn request(
        &mut self,
        session: SessionId,
        (feature, version, count): (&str, &str, u32),
        wishes: Wishes,
    ) -> Checkout {
        let token = self.token(session);
        if let Some(answer) = self.damper.repeated(session, token) {
            panic!("a fresh request is none: {answer:?}");
        }
        Checkout {
            token,
            acknowledged: Token(token.0 - 1),
            feature: feature.parse().unwrap(),
            version: version.parse().unwrap(),
            count: Count::new(count).unwrap(),
            wishes,
        }
    }

    pub(crate) fn back(&mut self, session: SessionId, handle: Handle) {
        let token = self.token(session);
        let request = Checkin { token, acknowledged: Token(token.0 - 1), handle };
        let reply = self.run(&Command::Checkin(session, request));
        assert_eq!(reply, Reply::Answer(token, Answer::CheckedIn(handle)));
    }

    pub(crate) fn end(&mut self, session: SessionId, why: EndReason) {
        self.run(&Command::End(session, why));
    }

    pub(crate) fn token(&mut self, session: SessionId) -> Token {
        let token = self.tokens.entry(session).or_default();
        *token += 1;
        Token(*token)
    }

    /// What a replay of all requests from an instant on comes to. Without `new` it is judged under the recorded rules.
    pub(crate) fn replayed(&self, from: Timestamp, new: Option<&Ruleset>) -> Outcome {
        let under = |recorded: &Ruleset| new.unwrap_or(recorded).clone();
        let switches: Vec<Ruleset> = self.switches.iter().map(under).collect();
        self.replayed_under(from, new.is_none(), &switches)
    }

    /// The same under rules for each start and reread.
    pub(crate) fn replayed_under(&self, from: Timestamp, exact: bool, switches: &[Ruleset]) -> Outcome {
        let mut survey = Survey::new(from..Timestamp(i64::MAX));
        assert!(self.history.iter().all(|record| survey.take(record)));
        let in_vain = survey.in_vain.clone();
        let plan = Plan { exact, pools_known: true, holding: survey.holding(None), in_vain };
        let mut replay = Replay::new(plan);
        let mut rest = switches.iter();
        let mut current = None;
        let begins = survey.begins.map_or(u64::MAX, |begins| begins.0);
        let mut began = false;
        let mut found = Vec::new();
        for record in &self.history {
            if record.first.0 < begins {
                let many = record.events.iter().filter_map(Files::of).count();
                (0..many).for_each(|_| current = rest.next());
                replay.follow(record.clone());
                continue;
            }
            if !std::mem::replace(&mut began, true) {
                let rules = current.unwrap_or(&switches[0]);
                replay.begin(rules.clone(), record.at.max(from));
            }
            let next = |_: &Files| Ok::<_, ()>(rest.next().unwrap().clone());
            replay.judge(record.clone(), next).unwrap();
            found.extend(replay.found());
        }
        let state = replay.state().clone();
        let (totals, tally) = replay.finish();
        Outcome { found, state, totals, tally, survey }
    }
}

pub(crate) struct Outcome {
    pub(crate) found: Vec<Difference>,
    pub(crate) state: State,
    pub(crate) totals: Totals,
    pub(crate) tally: Tally,
    pub(crate) survey: Survey,
}

fn identity(user: &str, kind: SessionKind) -> Identity {
    let claims = Claims {
        user: user.parse().unwrap(),
        host: "ws01".parse().unwrap(),
        display: "ws01".parse().unwrap(),
        project: None,
        platform: None,
        hostids: vec!["ID=7".parse().unwrap()],
        pid: None,
    };
    Identity::new(claims, "10.0.0.1".parse().unwrap(), kind)
}
