//! Histories by the thousand.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::oracle::{Lendings, Planted, Violation};
use super::script::{Plan, Step, draw};
use super::shrink::shrink;
use super::site::sites;
use super::world::{Tally, play, tell};

/// Plays one history; a panic is a violation too.
pub(crate) fn run(plan: &Plan, steps: &[Step], planted: Option<Planted>) -> Result<Tally, Violation> {
    catch_unwind(AssertUnwindSafe(|| play(plan, steps, planted))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(Violation { rule: "nothing panics", what: text.unwrap_or_default() })
    })
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Plays the seeds from `from` on, `many` of them, until so many have failed.
fn histories(from: u64, many: u64, failures_max: usize) -> Vec<String> {
    let mut sums = Tally::default();
    let mut failures = Vec::new();
    for seed in from..from + many {
        let (plan, steps) = draw(seed);
        match run(&plan, &steps, None) {
            Ok(tally) => sums.add(&tally),
            Err(violation) => failures.push(shortest(&plan, steps, &violation)),
        }
        if failures.len() >= failures_max {
            return failures;
        }
    }
    println!("{many} histories from seed {from} on: {sums:?}");
    if many >= 500 {
        let Tally { grants, queue_ends, resumes, starts, rolled_back, rereads, copies, lines, lending } =
            sums;
        let Lendings { borrows, renewals, recalls, returns, ends, covered } = lending;
        for sum in
            [grants, queue_ends, resumes, starts.saturating_sub(many), rolled_back, rereads, copies, lines]
        {
            assert!(sum > many / 20, "the histories show too little: {sums:?}");
        }
        // Two sites of eight lend.
        for sum in [borrows, renewals, recalls, returns, ends, covered] {
            assert!(sum > many / 50, "the histories show too little: {sums:?}");
        }
    }
    failures
}

/// Tells the shortest history that breaks the same rule.
fn shortest(plan: &Plan, steps: Vec<Step>, violation: &Violation) -> String {
    let seed = plan.seed;
    println!("SIM_SEED={seed}: {}: {}", violation.rule, violation.what);
    let (short, violation) = shrink(plan, steps, None);
    let site = sites()[plan.site].name;
    println!("The shortest history that still fails, at the site {site:?} with {plan:?}:");
    short.iter().for_each(|step| println!("    {step:?}"));
    if std::env::var_os("SIM_STORY").is_some() {
        println!("{}", tell(plan, &short, None));
    }
    format!("SIM_SEED={seed}: {}: {}", violation.rule, violation.what)
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.grants += other.grants;
        self.queue_ends += other.queue_ends;
        self.resumes += other.resumes;
        self.starts += other.starts;
        self.rolled_back += other.rolled_back;
        self.rereads += other.rereads;
        self.copies += other.copies;
        self.lines += other.lines;
        self.lending.add(&other.lending);
    }
}

impl Lendings {
    fn add(&mut self, other: &Self) {
        self.borrows += other.borrows;
        self.renewals += other.renewals;
        self.recalls += other.recalls;
        self.returns += other.returns;
        self.ends += other.ends;
        self.covered += other.covered;
    }
}

/// Histories of each of the tests below, which run beside one another.
const SHARE: u64 = 2_600;

fn share(nth: u64) {
    let failures = match number("SIM_SEED") {
        Some(seed) if nth == 0 => histories(seed, 1, 1),
        Some(_) => Vec::new(),
        None => histories(nth * 1_000_000, SHARE, 1),
    };
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn a_failing_history_is_found_and_made_as_short_as_it_can_be() {
    let planted = Some(Planted::ResumeWithTwo);
    let failing = (0..2_000).map(draw).find(|(plan, steps)| run(plan, steps, planted).is_err());
    let (plan, steps) = failing.expect("a seed that breaks the planted rule");
    assert!(run(&plan, &steps, None).is_ok(), "nothing else is wrong with it");
    let (short, violation) = shrink(&plan, steps.clone(), planted);
    assert_eq!(violation.rule, "planted");
    // Starts, two checkouts or one of a suite, what breaks the connection, and waits between them.
    assert!(short.len() <= 9 && short.len() < steps.len(), "{short:#?}");
    for left_out in 0..short.len() {
        let mut shorter = short.clone();
        shorter.remove(left_out);
        assert!(run(&plan, &shorter, planted).is_ok(), "step {left_out} of {short:#?} is not needed");
    }
    let again = run(&plan, &short, planted);
    assert_eq!(again.err(), Some(violation), "the same history goes the same way");
}

#[test]
fn first_share() {
    share(0);
}

#[test]
fn second_share() {
    share(1);
}

#[test]
fn third_share() {
    share(2);
}

#[test]
fn fourth_share() {
    share(3);
}

#[test]
#[ignore = "takes hours: SIM_HISTORIES says how many (1,000,000 without it), SIM_FROM from which seed on"]
fn a_million_histories() {
    let many = number("SIM_HISTORIES").unwrap_or(1_000_000);
    let from = number("SIM_FROM").unwrap_or(10_000_000);
    let mut failures = Vec::new();
    for begin in (from..from + many).step_by(10_000) {
        failures.extend(histories(begin, 10_000.min(from + many - begin), 3));
        assert!(failures.len() < 10, "{failures:#?}");
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
