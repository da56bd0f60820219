//! Nobody starves who waits for a component of a suite: the first theorem in `src/seat/queue.rs` for two pools, of which now one lacks
//! licenses and now the other. `SIM_SEED=n` runs one seed, `SIM_RUNS=n` so many.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use seatkeeper::event::{Answer, Event};
use seatkeeper::ident::{Handle, Token};
use seatkeeper::seat::{HOLD_USUAL, PASSES_MAX, Reply, serving_due_in};
use seatkeeper::time::Timestamp;

use super::bench::{Bench, invariants};
use super::seeded::{Dice, each_seed};

/// Of cb two are for others than mel, of ca one goes without the package.
const LINES: &str = "PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\" OPTIONS=SUITE\nINCREMENT pk LGS 1.0 permanent 5\n\
                     INCREMENT ca LGS 1.0 permanent 1 SN=7";
const OPTIONS: &str = "RESERVE 3 cb USER mel\nPRIORITY 5 ca USER u3\nPRIORITY 7 cb USER u4\n";
const LICENSES: u64 = 5;
const RESERVED: u64 = 3;
/// The longest time for which anybody has licenses, the hold of an offer included.
const LONGEST: Duration = Duration::from_secs(2400);
/// The number of the first block that lasts as long.
const BLOCK: u32 = 2;

struct Waits {
    who: &'static str,
    token: Token,
    feature: &'static str,
    count: u32,
    /// Nobody was ahead of it when it came.
    first: bool,
    /// When it came, or was passed last.
    passed_at: Timestamp,
    passed: u32,
    offered: bool,
    /// Its client does not come for what is held.
    dead: bool,
}

struct Simulation {
    bench: Bench,
    dice: Dice,
    /// How many of eight that ask wait.
    wait_of_8: u64,
    held: BTreeMap<Handle, (&'static str, Timestamp)>,
    waits: BTreeMap<Handle, Waits>,
    read: usize,
    offers: u64,
    passes: u64,
    starts_of_blocks: u64,
}

impl Simulation {
    fn go(&mut self, span: Duration) {
        let until = self.bench.now.utc.plus(span);
        loop {
            let now = self.bench.now.utc;
            let back = self.held.values().map(|(_, until)| *until).min();
            let due = serving_due_in(&self.bench.state, self.bench.looked, now).map(|left| now.plus(left));
            self.bench.now.utc = [back, due].into_iter().flatten().fold(until, Timestamp::min).max(now);
            let now = self.bench.now.utc;
            let over = self.held.iter().filter(|(_, (_, until))| *until <= now);
            for handle in over.map(|(handle, _)| *handle).collect::<Vec<_>>() {
                let (who, _) = self.held.remove(&handle).unwrap();
                self.bench.back(who, handle);
                self.serve();
            }
            self.serve();
            if now >= until {
                break;
            }
        }
    }

    /// What the history says since the last look.
    fn follow(&mut self) {
        let now = self.bench.now.utc;
        for event in self.bench.history[self.read..].iter().flat_map(|record| &record.events) {
            match event {
                Event::Passed(passed) => {
                    let once: BTreeSet<_> = passed.entries.iter().collect();
                    assert_eq!(once.len(), passed.entries.len(), "each is passed once");
                    for handle in &passed.entries {
                        let it = self.waits.get_mut(handle).unwrap();
                        assert!(!it.offered, "who is offered licenses is not passed");
                        (it.passed, it.passed_at) = (it.passed + 1, now);
                        self.passes += 1;
                        self.starts_of_blocks += u64::from(it.passed.is_multiple_of(PASSES_MAX));
                        let most = PASSES_MAX * (BLOCK + 1);
                        assert!(
                            !it.first || it.passed <= most,
                            "{handle} starves, passed {} times",
                            it.passed
                        );
                    }
                }
                Event::Offered(offered) => {
                    let it = self.waits.get_mut(&offered.entry).unwrap();
                    it.offered = true;
                    self.offers += 1;
                }
                Event::Dequeued(gone) => drop(self.waits.remove(&gone.entry)),
                _ => {}
            }
        }
        self.read = self.bench.history.len();
    }

    fn serve(&mut self) {
        self.follow();
        self.bench.serve();
        self.follow();
        self.look();
    }

    fn used(&self, feature: &str, of_suite: bool) -> u64 {
        let of = self.bench.state.pools().filter(|(key, _)| key.feature() == feature);
        of.filter(|(key, _)| key.as_str().contains("SUITE") == of_suite).map(|(_, used)| used.in_use()).sum()
    }

    /// Nobody waits too long, and nothing is idle that somebody could use whom nobody blocks.
    fn look(&self) {
        invariants(&self.bench.state, &self.bench.catalog, self.bench.now);
        let now = self.bench.now.utc;
        let of_mel: u64 = {
            let seats = self.bench.state.seats().map(|(_, seat)| (&seat.identity, &seat.pool, seat.count));
            let held = self.bench.state.waiting().filter_map(|(_, entry)| {
                Some((&entry.identity, &entry.offer.as_ref()?.pool, entry.request.count))
            });
            let mine = seats
                .chain(held)
                .filter(|(who, pool, _)| who.user.as_str() == "mel" && pool.feature() == "cb");
            mine.map(|(.., count)| u64::from(count.get())).sum()
        };
        let package = LICENSES - self.used("pk", false);
        for (handle, it) in self.waits.iter().filter(|(_, it)| !it.offered) {
            assert!(!it.first || now <= it.passed_at.plus(LONGEST), "{handle} waits since {}", it.passed_at);
        }
        for (handle, it) in self.waits.iter().filter(|(_, it)| !it.offered) {
            let reserved = if it.who == "mel" { 0 } else { RESERVED.saturating_sub(of_mel) };
            let (of_suite, plain) = match it.feature {
                "ca" => (LICENSES - self.used("ca", true), 1 - self.used("ca", false)),
                _ => ((LICENSES - self.used("cb", true)).saturating_sub(reserved), 0),
            };
            let most = of_suite.min(package).max(plain);
            assert!(
                u64::from(it.count) > most,
                "{most} are idle for {handle}, {} of {}",
                it.count,
                it.feature
            );
            let entry = self.bench.state.waiting_under(*handle).unwrap();
            if entry.blocks_until(now).is_some() {
                break;
            }
        }
    }

    fn arrive(&mut self) {
        let who = self.dice.one_of(&["u0", "u1", "u2", "u3", "u4", "mel"]);
        let feature = self.dice.one_of(&["ca", "cb", "cb"]);
        // All that others may have, now and then.
        let most = if feature == "ca" { 5 } else { 2 };
        let count = if self.dice.below(4) == 0 { most } else { 1 };
        if self.dice.below(8) >= self.wait_of_8 {
            if let Ok(grant) = self.bench.ask(who, super::bench::checkout(Token(1), feature, "1.0", count)) {
                self.hold(who, grant.handle);
            }
            return self.serve();
        }
        let (token, reply) = self.bench.wait(who, feature, "1.0", count);
        match reply {
            Reply::Answer(_, Answer::Granted(grant)) => self.hold(who, grant.handle),
            Reply::Answer(_, Answer::Queued(place)) => {
                self.follow();
                let first = self.waits.values().all(|it| it.offered);
                let (passed_at, dead) = (self.bench.now.utc, self.dice.below(10) == 0);
                let waits =
                    Waits { who, token, feature, count, first, passed_at, passed: 0, offered: false, dead };
                self.waits.insert(place.handle, waits);
            }
            other => panic!("{other:?}"),
        }
        self.serve();
    }

    fn hold(&mut self, who: &'static str, handle: Handle) {
        let most = u64::try_from((LONGEST - HOLD_USUAL).as_millis()).unwrap();
        let until = self.bench.now.utc.plus(Duration::from_millis(1 + self.dice.below(most)));
        self.held.insert(handle, (who, until));
    }

    fn claim(&mut self) {
        let ready = self.waits.iter().filter(|(_, it)| it.offered && !it.dead);
        for handle in ready.map(|(handle, _)| *handle).collect::<Vec<_>>() {
            let it = self.waits.remove(&handle).unwrap();
            let id = self.bench.session(it.who, &[]);
            match self.bench.wait_again(id, it.token, it.feature, "1.0", it.count, 0) {
                Reply::Answer(_, Answer::Granted(grant)) => self.hold(it.who, grant.handle),
                other => panic!("{other:?}"),
            }
            self.serve();
        }
    }
}

fn run(seed: u64) -> [u64; 3] {
    let mut simulation = Simulation {
        bench: Bench::with_options(LINES, OPTIONS),
        dice: Dice(seed ^ 0xFA_1255),
        // Where few wait, others leave them enough now and then.
        wait_of_8: if seed.is_multiple_of(2) { 5 } else { 1 },
        held: BTreeMap::new(),
        waits: BTreeMap::new(),
        read: 0,
        offers: 0,
        passes: 0,
        starts_of_blocks: 0,
    };
    let busy = 40 + simulation.dice.below(400);
    for _ in 0..200 {
        let span = Duration::from_millis(simulation.dice.below(busy * 1000));
        simulation.go(span);
        simulation.arrive();
        if simulation.dice.below(4) > 0 {
            simulation.claim();
        }
    }
    for _ in 0..10_000 {
        if simulation.waits.is_empty() && simulation.held.is_empty() {
            break;
        }
        simulation.claim();
        simulation.go(Duration::from_secs(30));
    }
    assert!(simulation.waits.is_empty(), "every wait ends");
    assert_eq!(simulation.bench.state.pools().count(), 0, "every license is free at the end");
    [simulation.offers, simulation.passes, simulation.starts_of_blocks]
}

#[test]
fn nobody_starves_who_waits_for_a_component() {
    let sums = each_seed(8, run);
    if sums.len() >= 8 {
        let [offers, passes, blocks] = [0, 1, 2].map(|nth| sums.iter().map(|seed| seed[nth]).sum::<u64>());
        assert!(
            offers > 100 && passes > 100 && blocks > 4,
            "the seeds show too little: {offers} {passes} {blocks}"
        );
    }
}
