//! Who waits in a line fares as he would if he stood for himself: in random histories every look at the queues, every refusal and
//! every place comes to the same as with an index in which nobody speaks for another.

use super::*;
use crate::event::{Answer, Checkin, Claims, EndReason, Queueing, Record, SessionKind, Wishes};
use crate::ident::{Count, Digest};
use crate::license::{HostId, LicenseFile};
use crate::options::OptionsFile;
use crate::seat::{Command, Decision, Looked, Reply, check, decide};
use crate::sign::{Manifest, demo_signing_key};
use crate::text::Source;
use crate::time::{Monotonic, Now};

const LICENSES: [&str; 4] = [
    "INCREMENT fa LGS 2.0 permanent 5",
    "INCREMENT fa LGS 2.0 permanent 3 SN=1\nINCREMENT fa LGS 1.0 permanent 3",
    "INCREMENT fa LGS 2.0 permanent 4 DUP_GROUP=U",
    "PACKAGE pk LGS 1.0 COMPONENTS=\"fa fb\" OPTIONS=SUITE\nFEATURE pk LGS 1.0 permanent 4",
];
const OPTIONS: [&str; 6] = [
    "MAX 1 fa USER ALL_USERS",
    "MAX 2 fa USER ALL_USERS\nRESERVE 1 fa USER u3",
    "MAX 1 fa USER u1\nMAX 2 fa USER ALL_USERS\nLINGER fa 30",
    "PRIORITY 3 fa USER u2\nMAX 2 fa USER ALL_USERS",
    "GROUP some u1 u2 u3\nMAX 3 fa GROUP some\nMAX 2 fa USER ALL_USERS",
    "MAX 2 pk USER ALL_USERS\nMAX 3 fa USER ALL_USERS",
];

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

struct Site {
    catalog: Catalog,
    policy: Policy,
    usage: Usage,
    state: State,
    now: Now,
    tokens: BTreeMap<SessionId, u64>,
    /// Looks at which one spoke for several.
    spoke: u64,
}

impl Site {
    fn new(license: &str, options: &str) -> Self {
        let plain = format!("SERVER this_host ANY\nVENDOR LGS\n{license}\n");
        let file = LicenseFile::parse(Source::new("plain", plain.as_bytes()));
        let mut signed = String::from("SERVER this_host ANY\nVENDOR LGS\n");
        for (line, statement) in file.statements() {
            let sign = demo_signing_key().sign(&statement.canonical(&[HostId::Any]).unwrap());
            signed.push_str(&format!("{} SIGN=\"{sign}\"\n", file.source.slice(line.span).trim_end()));
        }
        let license = LicenseFile::parse(Source::new("a.lic", signed.as_bytes()));
        let manifest = Manifest::demo();
        let catalog = Catalog::build(&manifest.vendor, &[&license], &manifest, &[], &jiff::tz::TimeZone::UTC);
        let options = OptionsFile::parse(Source::new("LGS.opt", options.as_bytes()));
        let (policy, _) = Policy::compile(&options, &catalog, &[&license]);
        let now = Now { utc: Timestamp(1_781_524_800_000), mono: Monotonic(0) };
        let (usage, state, tokens) = (Usage::default(), State::default(), BTreeMap::new());
        Self { catalog, policy, usage, state, now, tokens, spoke: 0 }
    }

    /// What the engine says with the lines as they are, which is what it says if everybody stands for himself.
    fn decide(&mut self, command: &Command) -> Decision {
        let mut alone = self.usage.clone();
        let all: Vec<Handle> = alone.lines.waiting.keys().copied().collect();
        all.iter().for_each(|handle| alone.lines.single_out(*handle));
        self.spoke += u64::from(self.usage.lines.features.values().any(|lines| lines.len() < all.len()));
        let with = |usage: &Usage| {
            let rules = Rules { catalog: &self.catalog, policy: &self.policy, usage };
            decide(&self.state, rules, command, self.now)
        };
        let decision = with(&self.usage);
        let plain = with(&alone);
        assert_eq!((&decision.events, &decision.reply), (&plain.events, &plain.reply), "{command:?}");
        decision
    }

    fn step(&mut self, command: &Command) -> (Reply, bool) {
        let decision = self.decide(command);
        if decision.events.is_empty() {
            return (decision.reply, false);
        }
        check(&self.state, &self.catalog, &decision.events, self.now).unwrap();
        let record = Record { first: self.state.seq().next(), at: self.now.utc, events: decision.events };
        self.state.evolve(&record);
        self.usage.follow(&record, &self.state, &self.catalog, &self.policy);
        self.same_as_anew();
        (decision.reply, true)
    }

    /// But for those who stand for themselves longer than they must, the lines are those that are made from the state.
    fn same_as_anew(&self) {
        let anew = Usage::rebuild(&self.state, &self.catalog, &self.policy);
        assert_eq!(anew, self.usage);
        for (handle, waits) in &self.usage.lines.waiting {
            if let Kind::Alike(_) = waits.kind {
                assert_eq!(Some(&waits.kind), anew.lines.kind(*handle), "{handle}");
            }
        }
    }

    fn run(&mut self, command: &Command) -> Reply {
        let (reply, _) = self.step(command);
        while self.state.has_queue() && self.step(&Command::Serve(Looked::default())).1 {}
        reply
    }

    fn open(&mut self, number: u8, user: usize) -> SessionId {
        let session = SessionId([number; 16]);
        let claims = Claims {
            user: format!("u{user}").parse().unwrap(),
            host: format!("ws{number}").parse().unwrap(),
            display: "tty1".parse().unwrap(),
            project: None,
            platform: None,
            hostids: vec![],
            pid: None,
        };
        let identity = Identity::new(claims, "10.0.0.1".parse().unwrap(), SessionKind::Framed);
        self.run(&Command::Open { session, secret: Digest([0; 32]), identity });
        session
    }

    fn token(&mut self, session: SessionId) -> (Token, Token) {
        let last = self.tokens.entry(session).or_default();
        *last += 1;
        (Token(*last), Token(*last - 1))
    }

    fn checkout(&mut self, session: SessionId, dice: &mut Dice) -> Checkout {
        let (token, acknowledged) = self.token(session);
        let waits = dice.below(4) > 0;
        Checkout {
            token,
            acknowledged,
            feature: ["fa", "fa", "fb"][dice.below(3)].parse().unwrap(),
            version: ["1.0", "1.0", "2.0"][dice.below(3)].parse().unwrap(),
            count: Count::new(u32::try_from(1 + dice.below(10) / 8).unwrap()).unwrap(),
            wishes: Wishes { queue: waits.then_some(Queueing { hold_s: 60 }), ..Wishes::default() },
        }
    }
}

fn history(seed: u64) -> u64 {
    let mut dice = Dice(seed ^ 0x11E5);
    let mut site = Site::new(LICENSES[dice.below(LICENSES.len())], OPTIONS[dice.below(OPTIONS.len())]);
    let sessions: Vec<SessionId> =
        (1..=14).map(|number| site.open(number, usize::from(number) % 6)).collect();
    let mut held: Vec<(SessionId, Handle)> = Vec::new();
    for _ in 0..90 {
        held.retain(|(_, handle)| site.state.seat(*handle).is_some());
        let session = sessions[dice.below(sessions.len())];
        let waiting: Vec<(Handle, SessionId, Checkout, bool)> = site
            .state
            .waiting()
            .map(|(handle, entry)| (handle, entry.session, entry.request.clone(), entry.offer.is_some()))
            .collect();
        match dice.below(12) {
            0..=5 if site.state.session(session).is_some() => {
                let request = site.checkout(session, &mut dice);
                if let Reply::Answer(_, Answer::Granted(grant)) =
                    site.run(&Command::Checkout(session, request))
                {
                    held.push((session, grant.handle));
                }
            }
            6 | 7 if !held.is_empty() => {
                let (session, handle) = held.remove(dice.below(held.len()));
                let (token, acknowledged) = site.token(session);
                site.run(&Command::Checkin(session, Checkin { token, acknowledged, handle }));
            }
            8 | 9 => {
                if let Some((_, session, request, _)) = waiting.iter().find(|(.., offered)| *offered).cloned()
                    && let Reply::Answer(_, Answer::Granted(grant)) =
                        site.run(&Command::Checkout(session, request))
                {
                    held.push((session, grant.handle));
                }
            }
            10 if !waiting.is_empty() => {
                let (handle, session, ..) = waiting[dice.below(waiting.len())];
                let (token, acknowledged) = site.token(session);
                site.run(&Command::Checkin(session, Checkin { token, acknowledged, handle }));
            }
            _ if dice.below(20) == 0 => drop(site.run(&Command::End(session, EndReason::Goodbye))),
            _ => {
                site.now.utc = Timestamp(site.now.utc.0 + [500, 20_000, 61_000][dice.below(3)]);
                while site.step(&Command::Tick).1 {}
                while site.state.has_queue() && site.step(&Command::Serve(Looked::default())).1 {}
            }
        }
    }
    site.spoke
}

#[test]
fn who_speaks_for_others_says_what_each_would_say() {
    let spoke: u64 = (0..48).map(history).sum();
    assert!(spoke > 400, "{spoke}");
}
