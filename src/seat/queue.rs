//! Who waits for licenses, in what order, and who may pass (`flexnet-tools.md` 6.3).
//!
//! Each feature has one queue; features whose licenses go with the same package of a suite (`flexnet-files.md` 3.9) have one
//! together. A request waits for all pools that could ever serve it, and for those of the packages that go with them: an offer of a
//! component holds licenses of both, under the names of two checkouts to come. The order is that of priorities (PRIORITY lines of the
//! options file; who has none has 0), and in each priority that in which the requests came. When licenses come free, the first
//! request in this order that can have them is **offered** them: they count as in use, under the name of the checkout to come, until
//! the client repeats its request and so takes them, or the hold is over and they pass on.
//!
//! A later request may take what an earlier one can't use yet, or small requests would stand before idle licenses for as long as a
//! big one waits; and one with a higher priority is served before those that came earlier. So that each gets its licenses all the same,
//! passing is bounded. What passes is who came **later**, whatever its priority: an order in which no two are before one another.
//!
//! - an entry may be passed [`PASSES_MAX`] times; then it **blocks**: nobody who came later gets a license of its pools;
//! - a block ends after its span, and the entry may be passed as often again before the next. The spans of an entry are
//!   [`BLOCK_FIRST`], twice that, and so on up to [`BLOCK_LONGEST`].
//!
//! **Theorem (no starvation).** Let an entry wait for `n` licenses of a counted pool `P` that has as many beside those that are
//! reserved for others; let nobody who came before it wait for `P`, of whatever priority, let no MAX line of its own be full, and let every checkout of `P` end within
//! `H` (those that share licenses count as one; the hold of an offer belongs to it). Let `j` be the least number with
//! `BLOCK_FIRST * 2^j >= H`, and `H <= BLOCK_LONGEST`. Then it is passed at most `PASSES_MAX * (j + 1)` times, and it is offered its
//! licenses before its block `j` (from 0) is over or, if that never begins, within `H` of the last time it was passed.
//!
//! An entry that waits for a component waits for `n` of two pools, the component's and its package's. The same holds of it if all
//! that is said of `P` is so of both: who takes licenses of either passes it, and is counted once.
//!
//! Proof. Who does not pass it takes no license of `P` that it could have: such a client takes what is reserved for itself alone,
//! shares what is in use, or leaves in `P` as many as all want that wait for it, this entry too. While it blocks, nobody passes it. So
//! all that was out when its block `j` began is back within `H`, which is before the block is over, and whatever was taken since by
//! those who do not pass has left it `n`; so then at the latest `n` are free, of two pools in each, and the entry is offered them at
//! once: those with a higher priority came later and are blocked. Each block comes after `PASSES_MAX` passes since the one before. If
//! block `j` never begins, the same holds from its last pass on. With `m` entries that came before it, for each of them first.
//!
//! So a priority gets a request served sooner, and keeps nobody away for ever: an entry of the lowest priority is passed at most so
//! often, by requests of all priorities together.
//!
//! **Theorem (priority).** An offer goes to the first in the order that can have it and that no entry blocks which came before it.
//!
//! **Theorem (no block for ever).** A request that could have licenses but for an entry that blocks waits for that entry no longer than
//! `BLOCK_LONGEST` at a stretch; then `PASSES_MAX` requests pass before it blocks again.
//!
//! An entry whose own MAX line is full is in nobody's way, and being passed then is not counted. `tests/seat/queue_simulation.rs` holds
//! the engine to both, and to this: no licenses are idle that the first entry of a queue could use.

mod ahead;
mod estimate;
mod fold;
mod lines;
mod serve;
pub(super) mod snapshot;

pub(super) use ahead::Ahead;
pub(super) use estimate::{Held, note};
pub(super) use fold::Queues;
pub(super) use lines::Lines;
pub use serve::{Looked, in_order, next_serving, serving_due_in};
pub(super) use serve::{asked_again, cancelled, ended, enter, removed, serve, takes_offer};

use std::time::Duration;

use super::choose::Asked;
use super::state::Seat;
use super::{Rules, State, Tenure};
use crate::event::{Checkout, Identity, OfferedPackage, Shares, Wishes};
use crate::ident::{FeatureName, Handle, PoolKey, SessionId};
use crate::time::Timestamp;

/// How often an entry may be passed before it blocks.
pub const PASSES_MAX: u32 = 8;
/// How long an entry blocks at first.
pub const BLOCK_FIRST: Duration = Duration::from_secs(600);
/// How long an entry blocks at most at a stretch.
pub const BLOCK_LONGEST: Duration = Duration::from_secs(24 * 3600);
/// How long licenses are held for a queued request that does not say.
pub const HOLD_USUAL: Duration = Duration::from_secs(60);
/// The longest time for which licenses are held for a queued request, whatever it says.
pub const HOLD_LONGEST: Duration = Duration::from_secs(3600);
/// Requests of all sessions that may wait at a time.
pub const WAITING_MAX: usize = 4096;
/// Requests of one session that may wait at a time.
pub const WAITING_OF_SESSION_MAX: usize = 64;

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whose.
    pub session: SessionId,
    /// Who that is.
    pub identity: Identity,
    /// What was asked.
    pub request: Checkout,
    /// Since when it waits.
    pub since: Timestamp,
    /// What is held for it.
    pub offer: Option<Offer>,
    pub(super) fairness: Fairness,
}

/// Licenses that are held for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The name of the checkout to come.
    pub handle: Handle,
    /// The pool that they are held in.
    pub pool: PoolKey,
    /// The checkouts there with which it uses the same licenses.
    pub shares: Option<Shares>,
    /// Of a suite's component: what is held of the package that goes with it.
    pub package: Option<Box<OfferedPackage>>,
    /// Until when they are held.
    pub until: Timestamp,
}

/// How often an entry was passed, and whether it blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Fairness {
    /// How often since the last block ended.
    pub(super) passed: u32,
    /// Blocks that have begun.
    pub(super) blocks: u32,
    /// When the last of them began, if it may last on.
    pub(super) blocks_since: Option<Timestamp>,
}

impl Fairness {
    /// How long block `number` lasts, counted from 1.
    pub(super) fn span(number: u32) -> Duration {
        let factor = 1_u32.checked_shl(number.saturating_sub(1)).unwrap_or(u32::MAX);
        BLOCK_FIRST.saturating_mul(factor).min(BLOCK_LONGEST)
    }

    /// When the last block ends or has ended; none if the entry was passed since, or has not blocked.
    fn block_ends(&self) -> Option<Timestamp> {
        self.blocks_since.map(|since| since.plus(Self::span(self.blocks)))
    }

    /// When the present block ends; none if there is none.
    pub(super) fn blocks_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.block_ends().filter(|until| now < *until)
    }

    /// It is passed once.
    pub(super) fn pass(&mut self, at: Timestamp) {
        if self.blocks_since.is_some() && self.blocks_until(at).is_none() {
            *self = Self { passed: 0, blocks_since: None, ..*self };
        }
        self.passed = self.passed.saturating_add(1);
        if self.passed >= PASSES_MAX && self.blocks_since.is_none() {
            self.blocks = self.blocks.saturating_add(1);
            self.blocks_since = Some(at);
        }
    }
}

impl Entry {
    /// Until when nobody who came later may pass it; none if they may.
    #[must_use]
    pub fn blocks_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.fairness.blocks_until(now)
    }

    /// How long licenses are held for it.
    #[must_use]
    pub fn hold(&self) -> Duration {
        hold(&self.request.wishes)
    }

    /// The pool in which licenses are held for it, else the first that can serve it; none if none can any more.
    #[must_use]
    pub fn pool<'a>(&'a self, state: &'a State, rules: Rules<'a>, now: Timestamp) -> Option<&'a PoolKey> {
        if let Some(offer) = &self.offer {
            return Some(&offer.pool);
        }
        let asked = Asked::new(state, rules, &self.request, (Some(self.session), &self.identity), now);
        asked.pools().find(|(pool, of_pool)| asked.could_serve(pool, of_pool)).map(|(pool, _)| &pool.key)
    }

    /// Whether it waits for a feature, or licenses of that are held for it as the package of a suite.
    pub(super) fn is_about(&self, feature: &FeatureName) -> bool {
        let package = self.offer.as_ref().and_then(|offer| offer.package.as_ref());
        self.request.feature == *feature || package.is_some_and(|it| it.pool.feature() == feature.as_str())
    }

    /// The checkouts to come, as their pools count them: a suite's package first.
    fn each_seat(&self, offer: &Offer, mut visit: impl FnMut(Handle, &Seat)) {
        if let Some(package) = &offer.package {
            visit(package.handle, &self.seat(&package.pool, package.shares));
        }
        visit(offer.handle, &self.seat(&offer.pool, offer.shares));
    }

    fn seat(&self, pool: &PoolKey, shares: Option<Shares>) -> Seat {
        Seat {
            session: self.session,
            identity: self.identity.clone(),
            token: self.request.token,
            pool: pool.clone(),
            feature: self.request.feature.clone(),
            version: self.request.version,
            count: self.request.count,
            wishes: self.request.wishes.clone(),
            since: self.since,
            shares,
            suite: None,
            component: None,
            tenure: Tenure::Held,
        }
    }
}

/// How long licenses are held for a request with these wishes.
fn hold(wishes: &Wishes) -> Duration {
    match wishes.queue.map_or(0, |queue| queue.hold_s) {
        0 => HOLD_USUAL,
        seconds => Duration::from_secs(u64::from(seconds)).min(HOLD_LONGEST),
    }
}
