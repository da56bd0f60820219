//! Seeded histories: clients that check out, repeat, lose answers, resume, copy themselves and vanish; a daemon that
//! stops and starts. After every step the invariants hold, and an oracle outside the engine knows what each request
//! number was answered. `SIM_SEED=n` runs one seed, `SIM_RUNS=n` so many.

use std::collections::{BTreeMap, BTreeSet};

use seatkeeper::code::Code;
use seatkeeper::event::{
    Answer, Checkin, EndReason, Removal, RemovalTarget, Removed, SessionKind, Started, Stopped,
};
use seatkeeper::ident::{Digest, Handle, SessionId, Token};
use seatkeeper::seat::{Command, Reply, State};

use super::bench::{Bench, catalog, checkout, fold, identity, invariants};
use super::seeded::{Dice, each_seed};

const LINES: &str = "INCREMENT fa LGS 1.0 permanent 3 SN=1\nINCREMENT fa LGS 1.0 20-jun-2026 4 SN=2\n\
     INCREMENT fa LGS 2.0 permanent 2\nFEATURE fb LGS 1.0 permanent 1\n\
     FEATURE fc LGS 1.0 permanent uncounted HOSTID=ANY\nFEATURE fd LGS 1.0 permanent 5 START=17-jun-2026";

#[derive(Default)]
struct Client {
    token: u64,
    acknowledged: u64,
    epoch: u32,
    handles: Vec<Handle>,
}

struct Simulation {
    bench: Bench,
    dice: Dice,
    clients: BTreeMap<SessionId, Client>,
    ended: Vec<SessionId>,
    /// What each request number was first answered.
    first: BTreeMap<(SessionId, Token), Answer>,
    given: BTreeSet<Handle>,
    opened: u64,
}

impl Simulation {
    fn step(&mut self) {
        self.bench.now.utc.0 += i64::try_from(self.dice.below(2_000_000)).unwrap();
        match self.dice.below(21) {
            0 | 1 => self.open(),
            2..=9 => self.checkout(),
            10..=13 => self.checkin(),
            14 => self.repeat(),
            15 => self.resume(),
            16 => self.end(),
            17 if self.dice.below(4) == 0 => self.restart(),
            18 => self.late_duplicate(),
            19 => self.remove(),
            _ => self.acknowledge(),
        }
        invariants(&self.bench.state, &self.bench.catalog, self.bench.now);
    }

    fn pick(&mut self) -> Option<SessionId> {
        let nth = usize::try_from(self.dice.below(self.clients.len().max(1) as u64)).unwrap();
        self.clients.keys().nth(nth).copied()
    }

    fn open(&mut self) {
        if self.clients.len() >= 12 {
            return;
        }
        self.opened += 1;
        let mut name = [0; 16];
        name[..8].copy_from_slice(&self.opened.to_be_bytes());
        let id = SessionId(name);
        let kind = if self.dice.below(3) == 0 { SessionKind::Line } else { SessionKind::Framed };
        let identity = identity(&format!("u{}@h{}", self.opened, self.opened % 5), &[], kind);
        let reply = self.bench.run(&Command::Open { session: id, secret: Digest::of(&id.0), identity }).reply;
        assert_eq!(reply, Reply::Done);
        self.clients.insert(id, Client::default());
    }

    fn ask(&mut self, id: SessionId, token: Token, acknowledged: Token, command: Command) -> Answer {
        let reply = self.bench.run(&command).reply;
        let Reply::Answer(answered, answer) = reply else { panic!("{reply:?}") };
        assert_eq!(answered, token);
        let _ = acknowledged;
        match self.first.get(&(id, token)) {
            None => {
                self.first.insert((id, token), answer.clone());
            }
            Some(first) => assert!(answer == *first || answer == Answer::Spent, "{first:?} then {answer:?}"),
        }
        answer
    }

    fn checkout(&mut self) {
        let Some(id) = self.pick() else { return };
        let feature = ["fa", "fa", "fb", "fc", "fd", "zz"][usize::try_from(self.dice.below(6)).unwrap()];
        let count = u32::try_from(1 + self.dice.below(3)).unwrap();
        let version = if self.dice.below(4) == 0 { "2.0" } else { "1.0" };
        let client = self.clients.get_mut(&id).unwrap();
        client.token += 1 + self.dice.below(2);
        let (token, acknowledged) = (Token(client.token), Token(client.acknowledged));
        let mut request = checkout(token, feature, version, count);
        request.acknowledged = acknowledged;
        if let Answer::Granted(grant) = self.ask(id, token, acknowledged, Command::Checkout(id, request)) {
            assert!(self.given.insert(grant.handle), "handle {} was given twice", grant.handle);
            self.clients.get_mut(&id).unwrap().handles.push(grant.handle);
        }
    }

    fn checkin(&mut self) {
        let Some(id) = self.pick() else { return };
        let client = self.clients.get_mut(&id).unwrap();
        let Some(handle) = client.handles.pop() else { return };
        client.token += 1;
        let (token, acknowledged) = (Token(client.token), Token(client.acknowledged));
        let command = Command::Checkin(id, Checkin { token, acknowledged, handle });
        assert_eq!(self.ask(id, token, acknowledged, command), Answer::CheckedIn(handle));
    }

    /// An administrator takes the newest checkout of a client back.
    fn remove(&mut self) {
        let Some(id) = self.pick() else { return };
        let Some(handle) = self.clients[&id].handles.last().copied() else { return };
        let seat = self.bench.state.seat(handle).unwrap().clone();
        let removal = Removal { feature: seat.feature.clone(), target: RemovalTarget::Handle(handle) };
        let removed = Removed { by: "root@srv".into(), removal };
        match self.bench.run(&Command::Remove(removed)).reply {
            Reply::Done => {
                assert_eq!(self.bench.state.seat(handle), None);
                self.clients.get_mut(&id).unwrap().handles.pop();
            }
            Reply::Refused(why) => {
                assert_eq!(why.code, Code::RemoveTooSoon);
                let last = self.bench.state.last_removal(&seat).unwrap();
                assert!(last.last_handle < handle && self.bench.now.utc.0 - last.at.0 < 120_000);
            }
            reply => panic!("{reply:?}"),
        }
    }

    /// The newest request again, as after a lost answer.
    fn repeat(&mut self) {
        let Some(id) = self.pick() else { return };
        let client = &self.clients[&id];
        let (token, acknowledged) = (Token(client.token), Token(client.acknowledged));
        if token.0 == 0 || acknowledged >= token {
            return;
        }
        let before = self.bench.history.len();
        let mut request = checkout(token, "fa", "1.0", 1);
        request.acknowledged = acknowledged;
        self.ask(id, token, acknowledged, Command::Checkout(id, request));
        assert_eq!(self.bench.history.len(), before, "a repeated request changes nothing");
    }

    /// Some earlier request of any session, ended or not.
    fn late_duplicate(&mut self) {
        let nth = usize::try_from(self.dice.below(self.first.len().max(1) as u64)).unwrap();
        let Some((id, token)) = self.first.keys().nth(nth).copied() else { return };
        let before = self.bench.history.len();
        let mut request = checkout(token, "fa", "1.0", 1);
        request.acknowledged = Token(0);
        if self.clients.contains_key(&id) {
            self.ask(id, token, Token(0), Command::Checkout(id, request));
        } else {
            let reply = self.bench.run(&Command::Checkout(id, request)).reply;
            assert!(matches!(reply, Reply::Refused(_)));
        }
        assert_eq!(self.bench.history.len(), before, "a late duplicate changes nothing");
    }

    fn acknowledge(&mut self) {
        let Some(id) = self.pick() else { return };
        let client = self.clients.get_mut(&id).unwrap();
        client.acknowledged = client.token;
    }

    fn resume(&mut self) {
        let Some(id) = self.pick() else { return };
        let nonce = u8::try_from(self.dice.below(200)).unwrap();
        let line = self.bench.state.session(id).unwrap().identity().kind() == SessionKind::Line;
        let epoch = self.clients[&id].epoch;
        match self.bench.resume(id, epoch, nonce) {
            Reply::Resumed(next) => {
                assert!(!line);
                assert_eq!(next, epoch + 1);
                self.clients.get_mut(&id).unwrap().epoch = next;
                let copy = self.bench.resume(id, epoch, nonce.wrapping_add(1));
                assert!(matches!(copy, Reply::Refused(_)), "a copy must not live");
            }
            reply => assert!(line, "{reply:?}"),
        }
        if let Some(ended) = self.ended.last().copied() {
            assert!(matches!(self.bench.resume(ended, 0, nonce), Reply::Refused(_)));
        }
    }

    fn end(&mut self) {
        let Some(id) = self.pick() else { return };
        let why = [EndReason::Goodbye, EndReason::Disconnect, EndReason::LeaseLapsed]
            [usize::try_from(self.dice.below(3)).unwrap()];
        self.bench.run(&Command::End(id, why));
        self.clients.remove(&id);
        self.ended.push(id);
    }

    /// A stop or a crash, then a start from what was stored.
    fn restart(&mut self) {
        if self.dice.below(2) == 0 {
            self.bench.run(&Command::Stop(Stopped { by: "signal 15".into() }));
        }
        let folded = fold(&self.bench.history);
        assert_eq!(folded, self.bench.state);
        let through_snapshot = State::from_snapshot(&folded.snapshot()).unwrap();
        assert_eq!(through_snapshot, folded);
        self.bench.state = through_snapshot;
        let started = Started { version: "1".into(), zone: "UTC".into(), files: vec![] };
        self.bench.run(&Command::Start(started));
        let state = &self.bench.state;
        let gone: Vec<SessionId> =
            self.clients.keys().copied().filter(|id| state.session(*id).is_none()).collect();
        for id in gone {
            self.clients.remove(&id);
            self.ended.push(id);
        }
        assert!(state.sessions().all(|(_, session)| session.identity().kind() == SessionKind::Framed));
    }
}

fn run(seed: u64, steps: u32) {
    let mut simulation = Simulation {
        bench: Bench::with(catalog(LINES)),
        dice: Dice(seed ^ 0x5EA7_5EA7),
        clients: BTreeMap::new(),
        ended: Vec::new(),
        first: BTreeMap::new(),
        given: BTreeSet::new(),
        opened: 0,
    };
    for _ in 0..steps {
        simulation.step();
    }
    assert_eq!(fold(&simulation.bench.history), simulation.bench.state);
    while let Some(id) = simulation.pick() {
        simulation.bench.run(&Command::End(id, EndReason::Goodbye));
        simulation.clients.remove(&id);
    }
    assert_eq!(simulation.bench.state.seats().count(), 0, "everything came back");
    assert_eq!(simulation.bench.state.pools().count(), 0);
}

#[test]
fn histories_keep_every_invariant() {
    each_seed(100, |seed| run(seed, 300));
}
