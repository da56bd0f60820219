//! What seeded histories have in common: the dice, and which seeds are run. `SIM_SEED=n` runs one seed, `SIM_RUNS=n` so many.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A linear congruential generator: all that a seeded history needs.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    pub(crate) fn index(&mut self, many: usize) -> usize {
        usize::try_from(self.below(many as u64)).unwrap()
    }

    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.index(all.len())]
    }
}

/// Runs the seeds that the environment asks for, else the first so many, and names the one that fails. Gives what each came to.
#[allow(clippy::print_stdout)]
pub(crate) fn each_seed<T>(usual: u64, run: impl Fn(u64) -> T) -> Vec<T> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIM_RUNS").unwrap_or(usual),
    };
    let named = |seed| {
        catch_unwind(AssertUnwindSafe(|| run(seed))).unwrap_or_else(|failure| {
            println!("SIM_SEED={seed}");
            resume_unwind(failure)
        })
    };
    seeds.map(named).collect()
}
