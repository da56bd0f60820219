//! The compiled policy against an interpreter that is written straight from `flexnet-files.md` 4 and 5 and scans all rules for
//! every request: both must agree on a million random pairs of a file and a request (`POLICY_PAIRS=n` for another number,
//! `POLICY_SEED=n` for other files), and the engine must give out under random rules what the interpreter gives out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/signed.rs"]
#[allow(dead_code, reason = "each test binary uses its part of the support")]
mod signed;

mod policy {
    mod engine;
    mod interpreter;
    mod verdicts;
}

/// A linear congruential generator: all that a seeded file needs.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// The number in an environment variable, or another.
fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}
