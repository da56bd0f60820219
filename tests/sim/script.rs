//! What happens in a history: steps that a seed draws. Every step makes sense after any others, so that a failing history can be made
//! shorter by leaving steps out.

use super::dice::Dice;
use super::site::{FEATURES, sites};
use super::visit::Dies;

/// What is the same for a whole history.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Which of the [`sites`].
    pub(crate) site: usize,
    pub(crate) clients: usize,
    pub(crate) lease_s: u64,
    pub(crate) grace_s: u64,
    /// How long a parcel is under way at most.
    pub(crate) latency_ms: u64,
    /// How long a commit takes.
    pub(crate) commit_ms: u64,
}

/// How a client's program ends without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The system closes its sockets in order.
    Closed,
    /// The system resets its connections.
    Reset,
    /// The machine is off: nobody says anything.
    Silent,
}

/// When a daemon dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// Now, whatever is under way.
    Now,
    /// Between the next decision and its commit.
    BeforeCommit,
    /// Between the next commit and its answers.
    AfterCommit,
    /// After the answers to the next commit.
    AfterReply,
}

/// One step. `client` is taken modulo the number of clients, `nth` modulo what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Wait {
        ms: u64,
    },
    Start {
        client: usize,
    },
    Checkout {
        client: usize,
        feature: usize,
        count: u32,
        newer: bool,
        share: u8,
        data: u8,
        hold_s: Option<u32>,
    },
    Checkin {
        client: usize,
        nth: usize,
    },
    /// A waiting request is given up.
    Cancel {
        client: usize,
        nth: usize,
    },
    Goodbye {
        client: usize,
    },
    Crash {
        client: usize,
        how: Crash,
    },
    /// The client's machine sleeps; `counted` if its elapsed-time clock goes on.
    Sleep {
        client: usize,
        ms: u64,
        counted: bool,
    },
    ClientClock {
        client: usize,
        ms: i64,
    },
    /// The user does something; from then on the client says for how long he has not.
    Active {
        client: usize,
    },
    /// The session is copied to another machine, which goes on with it.
    Copy {
        client: usize,
    },
    /// A request that was sent before comes once more over the present connection.
    Replay {
        client: usize,
        nth: usize,
    },
    Reset {
        client: usize,
    },
    /// The present connection loses everything from now on, in one direction or both, and nobody is told.
    Cut {
        client: usize,
        there: bool,
        back: bool,
    },
    /// Nothing gets through for a while; then it does.
    Stall {
        client: usize,
        ms: u64,
    },
    /// Bytes that are no message.
    Noise {
        client: usize,
    },
    DiskFull {
        ms: u64,
    },
    SlowDisk {
        ms: u64,
    },
    Kill {
        when: Death,
        down_ms: u64,
    },
    Stop {
        down_ms: u64,
    },
    /// The server's process is stopped, or its machine sleeps.
    Freeze {
        ms: u64,
        counted: bool,
    },
    ServerClock {
        ms: i64,
    },
    Snapshot,
    /// Other files are read, or some that can't be used.
    Reread {
        book: usize,
        broken: bool,
    },
    /// An administrator takes back what a client has of a feature, or one checkout of it.
    Remove {
        client: usize,
        feature: usize,
        nth: Option<usize>,
    },
    /// A program of the client's machine borrows, from now on for so long; perhaps it dies over it.
    Borrow {
        client: usize,
        feature: usize,
        newer: bool,
        count: u32,
        span_s: u32,
        renew_s: u32,
        dies: Option<Dies>,
    },
    /// Another record of what is borrowed, perhaps with an end so long from now.
    Renew {
        client: usize,
        nth: usize,
        span_s: Option<u32>,
    },
    /// What is borrowed is given back before its end.
    Return {
        client: usize,
        nth: usize,
    },
    /// An application begins to use what is borrowed.
    Work {
        client: usize,
        nth: usize,
    },
    /// An administrator wants back what is borrowed.
    Recall {
        nth: usize,
    },
    /// All machines sleep for long.
    Night {
        ms: u64,
    },
    /// An administrator says that the server's clock is right.
    AcceptClock,
    /// An application begins that speaks lines.
    Talk {
        client: usize,
    },
}

/// What a history is made of, each of which a seed may leave out.
const KINDS: usize = 33;

/// How often each kind comes where none is left out.
const WEIGHTS: [u64; KINDS] =
    [30, 6, 30, 14, 2, 2, 4, 2, 1, 3, 2, 4, 4, 3, 3, 1, 2, 1, 4, 1, 2, 2, 1, 3, 2, 12, 10, 4, 5, 5, 4, 2, 3];
/// The kinds that make nothing of a site that lends nothing.
const LENDING: std::ops::Range<usize> = 25..30;

/// Around what borrows take, and how long they are counted beyond their ends.
fn long_s(dice: &mut Dice) -> u32 {
    let (least, most) = [(0, 60), (60, 900), (590, 660), (900, 7200), (7200, 20_000)][dice.index(5)];
    u32::try_from(dice.between(least, most)).unwrap()
}

/// Draws the plan and the steps of a seed.
pub(crate) fn draw(seed: u64) -> (Plan, Vec<Step>) {
    let mut dice = Dice::new(seed);
    let plan = Plan {
        seed,
        site: dice.index(sites().len()),
        clients: 1 + dice.index(5),
        lease_s: dice.between(5, 20),
        grace_s: dice.between(1, 4),
        latency_ms: [0, 3, 40, 400][dice.index(4)],
        commit_ms: [1, 5, 40][dice.index(3)],
    };
    let mut weights = WEIGHTS;
    // The first four keep a history going.
    for weight in weights.iter_mut().skip(4) {
        if dice.one_in(2) {
            *weight = 0;
        }
    }
    if sites()[plan.site].lends() {
        weights[LENDING.start] = WEIGHTS[LENDING.start];
        if dice.one_in(2) {
            weights[LENDING].clone_from_slice(&WEIGHTS[LENDING]);
        }
    } else {
        weights[LENDING].fill(0);
    }
    let length = 10 + dice.index(90);
    let queues = dice.below(3);
    let talks = weights[KINDS - 1] > 0;
    let start = |client: usize| match talks && dice.one_in(3) {
        true => Step::Talk { client },
        false => Step::Start { client },
    };
    let mut steps: Vec<Step> = (0..plan.clients).map(start).collect();
    // Most begin when everybody is there.
    if !dice.one_in(4) {
        steps.push(Step::Wait { ms: 3 * plan.latency_ms + 3 * plan.commit_ms + 1 });
    }
    while steps.len() < length {
        steps.push(step(&plan, &mut dice, &weights, queues));
    }
    (plan, steps)
}

fn step(plan: &Plan, dice: &mut Dice, weights: &[u64; KINDS], queues: u64) -> Step {
    let mut roll = dice.below(weights.iter().sum());
    let kind = weights.iter().position(|weight| match roll.checked_sub(*weight) {
        Some(left) => {
            roll = left;
            false
        }
        None => true,
    });
    let client = dice.index(plan.clients);
    let nth = dice.index(8);
    // Around what leases, graces, holds and commits take.
    let span = |dice: &mut Dice| match dice.below(6) {
        0 => dice.below(20),
        1 | 2 => dice.below(400),
        3 => dice.below(3000),
        4 => dice.between(plan.grace_s * 1000 - 700, plan.grace_s * 1000 + 700),
        _ => dice.below(plan.lease_s * 1500),
    };
    let jump = |dice: &mut Dice| {
        let size = [1_000, 30_000, 400_000, 3_600_000, 86_400_000][dice.index(5)];
        let ms = i64::try_from(dice.below(size)).unwrap();
        if dice.one_in(2) { ms } else { -ms }
    };
    match kind.unwrap() {
        0 => Step::Wait { ms: span(dice) },
        1 => Step::Start { client },
        2 => Step::Checkout {
            client,
            feature: dice.index(FEATURES.len()),
            count: [1, 1, 1, 2, 3][dice.index(5)],
            newer: dice.one_in(6),
            share: u8::try_from(dice.below(4)).unwrap(),
            data: u8::try_from(dice.below(3)).unwrap(),
            hold_s: (dice.below(3) < queues).then(|| [0, 2, 10, 100][dice.index(4)]),
        },
        3 => Step::Checkin { client, nth },
        4 => Step::Cancel { client, nth },
        5 => Step::Goodbye { client },
        6 => Step::Crash { client, how: [Crash::Closed, Crash::Reset, Crash::Silent][dice.index(3)] },
        7 => Step::Sleep { client, ms: span(dice), counted: dice.one_in(2) },
        8 => Step::ClientClock { client, ms: jump(dice) },
        9 => Step::Active { client },
        10 => Step::Copy { client },
        11 => Step::Replay { client, nth },
        12 => Step::Reset { client },
        13 => {
            let way = dice.below(3);
            Step::Cut { client, there: way != 0, back: way != 1 }
        }
        14 => Step::Stall { client, ms: span(dice) },
        15 => Step::Noise { client },
        16 => Step::DiskFull { ms: span(dice) },
        17 => Step::SlowDisk { ms: dice.below(400) },
        18 => {
            let when = [Death::Now, Death::BeforeCommit, Death::AfterCommit, Death::AfterReply];
            Step::Kill { when: when[dice.index(4)], down_ms: span(dice) }
        }
        19 => Step::Stop { down_ms: span(dice) },
        20 => Step::Freeze { ms: span(dice), counted: dice.one_in(2) },
        21 => Step::ServerClock { ms: jump(dice) },
        22 => Step::Snapshot,
        23 => Step::Reread { book: dice.index(sites()[plan.site].books.len()), broken: dice.one_in(4) },
        24 => {
            let nth = dice.one_in(2).then_some(nth);
            Step::Remove { client, feature: dice.index(FEATURES.len()), nth }
        }
        25 => Step::Borrow {
            client,
            feature: dice.index(FEATURES.len()),
            newer: dice.one_in(6),
            count: [1, 1, 1, 2][dice.index(4)],
            span_s: long_s(dice),
            renew_s: [0, 0, 30, 900, 4000][dice.index(5)],
            dies: dice.one_in(5).then(|| [Dies::Granted, Dies::Unkept, Dies::Kept][dice.index(3)]),
        },
        26 => {
            let span_s = dice.one_in(2).then(|| long_s(dice));
            Step::Renew { client, nth, span_s }
        }
        27 => Step::Return { client, nth },
        28 => Step::Work { client, nth },
        29 => Step::Recall { nth },
        30 => Step::Night { ms: u64::from(long_s(dice)) * 1000 + dice.below(1000) },
        31 => Step::AcceptClock,
        _ => Step::Talk { client },
    }
}
