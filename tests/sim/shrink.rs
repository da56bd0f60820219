//! A failing history made short: steps are left out, and waits shortened, as long as the same rule is broken.

use super::histories::run;
use super::oracle::{Planted, Violation};
use super::script::{Plan, Step};

/// Runs that are spent on one history at most.
const RUNS_MAX: usize = 3_000;

/// The shortest history that was found to break the same rule, and how it does.
pub(crate) fn shrink(plan: &Plan, steps: Vec<Step>, planted: Option<Planted>) -> (Vec<Step>, Violation) {
    let mut runs = 0;
    let mut violation = match run(plan, &steps, planted) {
        Err(violation) => violation,
        Ok(_) => Violation { rule: "the same history goes the same way twice", what: String::new() },
    };
    let rule = violation.rule;
    let mut still = |steps: &[Step]| {
        runs += 1;
        let failed = (runs <= RUNS_MAX).then(|| run(plan, steps, planted).err()).flatten();
        failed.filter(|violation| violation.rule == rule)
    };
    let mut steps = steps;
    loop {
        let before = steps.clone();
        let mut size = steps.len().div_ceil(2).max(1);
        while size >= 1 {
            let mut from = 0;
            while from < steps.len() {
                let mut shorter = steps.clone();
                shorter.drain(from..(from + size).min(steps.len()));
                match still(&shorter) {
                    Some(found) => (steps, violation) = (shorter, found),
                    None => from += size,
                }
            }
            size = if size == 1 { 0 } else { size / 2 };
        }
        for index in 0..steps.len() {
            let Step::Wait { ms } = steps[index] else { continue };
            for ms in [1, ms / 4, ms / 2].into_iter().filter(|shorter| *shorter < ms) {
                let mut shorter = steps.clone();
                shorter[index] = Step::Wait { ms };
                if let Some(found) = still(&shorter) {
                    (steps, violation) = (shorter, found);
                    break;
                }
            }
        }
        if steps == before {
            return (steps, violation);
        }
    }
}
