//! What the lines in effect give, piece by piece, before it is pooled; and which lines the pieces stand on.

use super::pool::Suite;
use crate::ident::{FeatureName, PoolKey, Version};
use crate::license::{FeatureLine, LicenseCount};

/// Licenses of one version that a line gives: what is left of a feature line, what an UPGRADE has moved, or a component of
/// a package.
#[derive(Debug, Clone)]
pub(super) struct Part<'a> {
    /// The feature under which they are served.
    pub(super) name: FeatureName,
    pub(super) version: Version,
    /// The line that says everything else of them.
    pub(super) terms: &'a FeatureLine,
    /// How many; 0 if they are uncounted.
    pub(super) count: u32,
    /// The line that gives them, by its index among the signed lines.
    pub(super) line: usize,
    /// The lines that a client must see to believe it, that one first.
    pub(super) grounds: Vec<usize>,
    /// The pool that they belong to; set when it is known that they are pooled.
    pub(super) pool: Option<PoolKey>,
    pub(super) moved: Option<Moved>,
    /// What it has to do with a suite.
    pub(super) suite: Option<Suite>,
    /// Whether that suite reserves its components.
    pub(super) reserving: bool,
}

/// Where licenses of an UPGRADE line come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    /// The line that had them, by its index among the signed lines.
    pub(super) base: usize,
    pub(super) asked: u32,
}

impl<'a> Part<'a> {
    /// All that a feature line gives.
    pub(super) fn of(line: usize, terms: &'a FeatureLine) -> Self {
        Self {
            name: terms.name.clone(),
            version: terms.version,
            terms,
            count: match terms.count {
                LicenseCount::Uncounted => 0,
                LicenseCount::Counted(count) => count.get(),
            },
            line,
            grounds: vec![line],
            pool: None,
            moved: None,
            suite: None,
            reserving: false,
        }
    }

    pub(super) fn counted(&self) -> bool {
        self.terms.count != LicenseCount::Uncounted
    }

    /// Whether there is anything to serve.
    pub(super) fn gives(&self) -> bool {
        self.count > 0 || !self.counted()
    }
}
