//! Seeded histories of a queue, with an oracle outside: it sees requests, grants and times alone, and holds the engine to the theorems
//! in `src/seat/queue.rs`. `SIM_SEED=n` runs one seed, `SIM_RUNS=n` so many.

use std::collections::BTreeMap;
use std::time::Duration;

use seatkeeper::event::{
    Answer, Checkin, EndReason, Event, Removal, RemovalTarget, Removed, SessionKind, Started,
};
use seatkeeper::ident::{Digest, Handle, SessionId, Token};
use seatkeeper::seat::{BLOCK_FIRST, Command, HOLD_USUAL, PASSES_MAX, Reply, State};
use seatkeeper::time::{Monotonic, Timestamp};

use super::bench::{Bench, checkout, fold, identity, invariants};
use super::seeded::{Dice, each_seed};

const LICENSES: u32 = 6;
/// The longest time for which anybody has licenses, the hold of an offer included.
const LONGEST: Duration = Duration::from_secs(2400);
/// The priorities of some.
const RANKS: [u32; 3] = [1, 5, 9];
/// The number of the first block that lasts as long.
const BLOCK: u32 = 2;

/// What the oracle knows of a request that waits.
#[derive(Debug, Clone)]
struct Waits {
    session: SessionId,
    token: Token,
    count: u32,
    /// Its priority.
    rank: u32,
    /// The oracle's own count of passes in this round, of all rounds, and of blocks.
    round: u32,
    passed: u32,
    blocks: u32,
    block_since: Option<Timestamp>,
    /// Nobody was ahead of it when it came.
    first: bool,
    /// Since when licenses are held for it.
    offered: Option<Timestamp>,
    /// Its client is gone, so that nobody takes what is held.
    dead: bool,
}

impl Waits {
    fn span(&self) -> Duration {
        BLOCK_FIRST * 2_u32.pow(self.blocks - 1)
    }

    fn blocks_at(&self, now: Timestamp) -> bool {
        self.block_since.is_some_and(|since| now < since.plus(self.span()))
    }
}

struct Held {
    session: SessionId,
    until: Timestamp,
    count: u32,
}

struct Simulation {
    /// Whether some have priorities.
    ranked: bool,
    bench: Bench,
    dice: Dice,
    opened: u64,
    tokens: BTreeMap<SessionId, u64>,
    held: BTreeMap<Handle, Held>,
    waits: BTreeMap<Handle, Waits>,
    offers: u64,
    passes: u64,
    blocks: u64,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let options: String = if seed.is_multiple_of(2) {
            String::new()
        } else {
            RANKS.map(|rank| format!("PRIORITY {rank} fa PROJECT p{rank}\n")).concat()
        };
        Self {
            ranked: !options.is_empty(),
            bench: Bench::with_options(&format!("INCREMENT fa LGS 1.0 permanent {LICENSES}"), &options),
            dice: Dice(seed ^ 0x51_0E0E),
            opened: 0,
            tokens: BTreeMap::new(),
            held: BTreeMap::new(),
            waits: BTreeMap::new(),
            offers: 0,
            passes: 0,
            blocks: 0,
        }
    }

    fn go(&mut self, span: Duration) {
        let until = self.bench.now.utc.plus(span);
        // Nothing becomes due without being looked at.
        loop {
            let next = self.held.values().map(|held| held.until).min().filter(|due| *due <= until);
            let lapse = self.waits.values().filter_map(|it| it.offered).min().map(|at| at.plus(HOLD_USUAL));
            let block = self
                .waits
                .values()
                .filter_map(|it| it.block_since.map(|since| since.plus(it.span())))
                .filter(|end| *end > self.bench.now.utc)
                .min();
            let due = [next, lapse, block].into_iter().flatten().min().filter(|due| *due <= until);
            let now = due.unwrap_or(until).max(self.bench.now.utc);
            let ms = u64::try_from(now.0 - self.bench.now.utc.0).unwrap();
            self.bench.now.utc = now;
            self.bench.now.mono = Monotonic(self.bench.now.mono.0 + ms);
            let over: Vec<Handle> =
                self.held.iter().filter(|(_, held)| held.until <= now).map(|(handle, _)| *handle).collect();
            over.into_iter().for_each(|handle| self.give_back(handle));
            self.serve();
            if now >= until {
                break;
            }
        }
    }

    fn token(&mut self, session: SessionId) -> Token {
        let token = self.tokens.entry(session).or_default();
        *token += 1;
        Token(*token)
    }

    fn give_back(&mut self, handle: Handle) {
        let session = self.held.remove(&handle).unwrap().session;
        if self.dice.below(4) == 0 {
            let removal = Removal { feature: "fa".parse().unwrap(), target: RemovalTarget::Handle(handle) };
            let removed = Removed { by: "root@srv".into(), removal };
            assert_eq!(self.bench.run(&Command::Remove(removed)).reply, Reply::Done);
            return self.serve();
        }
        let token = self.token(session);
        let request = Checkin { token, acknowledged: Token(0), handle };
        let reply = self.bench.run(&Command::Checkin(session, request)).reply;
        assert_eq!(reply, Reply::Answer(token, Answer::CheckedIn(handle)));
        self.serve();
    }

    /// A new client asks, most for one license.
    fn arrive(&mut self) {
        self.opened += 1;
        let mut name = [0; 16];
        name[..8].copy_from_slice(&self.opened.to_be_bytes());
        let session = SessionId(name);
        let drawn = if self.ranked { self.dice.below(6) } else { 5 };
        let rank = RANKS.get(usize::try_from(drawn).unwrap()).copied().unwrap_or(0);
        let project = format!("proj=p{rank}");
        let identity = identity(&format!("u{}@h", self.opened), &[&project], SessionKind::Framed);
        self.bench.run(&Command::Open { session, secret: Digest::of(&name), identity });
        let count = match self.dice.below(8) {
            0 => LICENSES,
            1 => 3,
            _ => 1,
        };
        let queues = self.dice.below(4) > 0;
        let token = self.token(session);
        let mut request = checkout(token, "fa", "1.0", count);
        request.acknowledged = Token(0);
        request.wishes.queue = queues.then(Default::default);
        let decision = self.bench.run(&Command::Checkout(session, request));
        match decision.reply {
            Reply::Answer(_, Answer::Granted(grant)) => {
                self.passed_by(None);
                self.hold(session, grant.handle, count);
            }
            Reply::Answer(_, Answer::Queued(place)) => {
                assert!(queues);
                let ahead = self.waits.values().filter(|it| it.offered.is_none() && it.rank >= rank).count();
                assert_eq!(place.position, u32::try_from(ahead).unwrap() + 1);
                let first = self.waits.values().all(|it| it.offered.is_some());
                let dead = self.dice.below(10) == 0;
                let waits = Waits {
                    session,
                    token,
                    count,
                    rank,
                    round: 0,
                    passed: 0,
                    blocks: 0,
                    block_since: None,
                    first,
                    offered: None,
                    dead,
                };
                self.waits.insert(place.handle, waits);
            }
            Reply::Answer(_, Answer::Denied(denial)) => {
                assert!(!queues, "{denial}");
                let number = denial.code.number();
                assert_eq!(number, if self.waits.values().any(|it| it.offered.is_none()) { -24 } else { -4 });
            }
            other => panic!("{other:?}"),
        }
        self.serve();
    }

    fn hold(&mut self, session: SessionId, handle: Handle, count: u32) {
        let most = u64::try_from((LONGEST - HOLD_USUAL).as_millis()).unwrap();
        let until = self.bench.now.utc.plus(Duration::from_millis(self.dice.below(most)));
        self.held.insert(handle, Held { session, until, count });
    }

    /// Somebody has got licenses: `entry` from the queue, or a newcomer. All that came before and still wait are passed.
    fn passed_by(&mut self, entry: Option<Handle>) {
        let now = self.bench.now.utc;
        let before = |handle: &Handle| entry.is_none_or(|entry| *handle < entry);
        for (handle, it) in
            self.waits.iter_mut().filter(|(handle, it)| before(handle) && it.offered.is_none())
        {
            assert!(!it.blocks_at(now), "{handle} was passed while it blocked");
            if it.block_since.take().is_some() {
                it.round = 0;
            }
            it.round += 1;
            it.passed += 1;
            self.passes += 1;
            assert!(it.round <= PASSES_MAX);
            if it.round == PASSES_MAX {
                it.blocks += 1;
                it.block_since = Some(now);
                self.blocks += 1;
            }
            if it.first {
                assert!(
                    it.passed <= PASSES_MAX * (BLOCK + 1),
                    "{handle} starves: passed {} times",
                    it.passed
                );
            }
        }
    }

    fn serve(&mut self) {
        let events = self.bench.serve();
        let now = self.bench.now.utc;
        for event in &events {
            match event {
                Event::Offered(offered) => {
                    self.offers += 1;
                    self.in_order(offered.entry);
                    self.passed_by(Some(offered.entry));
                    self.waits.get_mut(&offered.entry).unwrap().offered = Some(now);
                }
                Event::Dequeued(it) => {
                    let gone = self.waits.remove(&it.entry).unwrap();
                    assert!(gone.offered.unwrap().plus(HOLD_USUAL) <= now, "the hold holds");
                }
                Event::Passed(_) => {}
                other => panic!("{other:?}"),
            }
        }
        self.look();
    }

    /// An offer is due: none with a higher priority could have had it but for one that came before it and blocks.
    fn in_order(&self, entry: Handle) {
        let now = self.bench.now.utc;
        let chosen = &self.waits[&entry];
        let waiting = || self.waits.iter().filter(|(_, it)| it.offered.is_none());
        for (handle, it) in waiting()
            .filter(|(handle, it)| it.count <= chosen.count && (it.rank, entry) > (chosen.rank, **handle))
        {
            let blocked = waiting().any(|(other, by)| other < handle && by.blocks_at(now));
            assert!(blocked, "{entry} is offered before {handle}: {it:?}");
        }
    }

    /// Clients that live take what is held for them.
    fn claim(&mut self) {
        let ready: Vec<Handle> = self
            .waits
            .iter()
            .filter(|(_, it)| it.offered.is_some() && !it.dead)
            .map(|(handle, _)| *handle)
            .collect();
        for handle in ready {
            let it = self.waits.remove(&handle).unwrap();
            let mut request = checkout(it.token, "fa", "1.0", it.count);
            request.acknowledged = Token(0);
            request.wishes.queue = Some(Default::default());
            match self.bench.run(&Command::Checkout(it.session, request)).reply {
                Reply::Answer(_, Answer::Granted(grant)) => self.hold(it.session, grant.handle, it.count),
                other => panic!("{other:?}"),
            }
            self.serve();
        }
    }

    /// A client that waits leaves, by word or by the end of its session.
    fn leave(&mut self) {
        let many = self.waits.len() as u64;
        if many == 0 {
            return;
        }
        let nth = usize::try_from(self.dice.below(many)).unwrap();
        let handle = *self.waits.keys().nth(nth).unwrap();
        let it = self.waits.remove(&handle).unwrap();
        if self.dice.below(2) == 0 {
            self.bench.run(&Command::End(it.session, EndReason::Goodbye));
        } else {
            let token = self.token(it.session);
            let request = Checkin { token, acknowledged: Token(0), handle };
            self.bench.run(&Command::Checkin(it.session, request));
        }
        self.serve();
    }

    fn restart(&mut self) {
        let folded = fold(&self.bench.history);
        assert_eq!(folded, self.bench.state);
        self.bench.state = State::from_snapshot(&folded.snapshot()).unwrap();
        assert_eq!(self.bench.state, folded);
        let now = self.bench.now.utc;
        self.bench.run(&Command::Start(Started { version: "1".into(), zone: "UTC".into(), files: vec![] }));
        self.waits.values_mut().filter(|it| it.offered.is_some()).for_each(|it| it.offered = Some(now));
        self.serve();
    }

    /// After the queues were served: the licenses add up, and none is idle that the first could use.
    fn look(&self) {
        invariants(&self.bench.state, &self.bench.catalog, self.bench.now);
        let held: u32 = self.held.values().map(|held| held.count).sum();
        let offered: u32 = self.waits.values().filter(|it| it.offered.is_some()).map(|it| it.count).sum();
        let in_use: u64 = self.bench.state.pools().map(|(_, used)| used.in_use()).sum();
        let waiting = || self.waits.values().filter(|it| it.offered.is_none());
        assert!(in_use >= u64::from(held + offered));
        let free = u64::from(LICENSES) - in_use;
        let mut blocked = false;
        // In the order in which they came: only who came later is blocked.
        for it in waiting() {
            assert!(blocked || u64::from(it.count) > free, "{free} are idle: {it:?}");
            // Who would fit waits for one ahead that blocks, and for nothing else.
            blocked |= it.blocks_at(self.bench.now.utc);
        }
    }
}

fn run(seed: u64, steps: u32) -> (u64, u64, u64) {
    let mut simulation = Simulation::new(seed);
    let busy = 20 + simulation.dice.below(400);
    for _ in 0..steps {
        let span = Duration::from_millis(simulation.dice.below(busy * 1000));
        simulation.go(span);
        match simulation.dice.below(24) {
            0 => simulation.leave(),
            1 if simulation.dice.below(4) == 0 => simulation.restart(),
            _ => simulation.arrive(),
        }
        if simulation.dice.below(4) > 0 {
            simulation.claim();
        }
    }
    // Nobody comes any more: each that waits has its turn.
    for _ in 0..10_000 {
        if simulation.waits.is_empty() && simulation.held.is_empty() {
            break;
        }
        simulation.claim();
        simulation.go(Duration::from_secs(30));
    }
    assert!(simulation.waits.is_empty(), "every wait ends: {:?}", simulation.waits);
    assert_eq!(simulation.bench.state.pools().count(), 0, "every license is free at the end");
    assert_eq!(fold(&simulation.bench.history), simulation.bench.state);
    (simulation.offers, simulation.passes, simulation.blocks)
}

#[test]
fn queues_keep_their_theorems() {
    let sums = each_seed(8, |seed| run(seed, 200));
    if sums.len() >= 8 {
        let (offers, passes, blocks) =
            sums.iter().fold((0, 0, 0), |sum, seed| (sum.0 + seed.0, sum.1 + seed.1, sum.2 + seed.2));
        let sums = (offers, passes, blocks);
        assert!(offers > 100 && passes > 100 && blocks > 4, "the seeds show too little: {sums:?}");
    }
}
