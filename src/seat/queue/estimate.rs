//! How long it may take until a request is served: by how long the present holders have their licenses, and how long licenses of the
//! feature were held of late.
//!
//! Each checkout is taken to last for the median of the last [`HELD_KEPT`] that came back; one that has lasted longer is taken to
//! last as long again. Those ahead are served in their order and hold as long. It is a guess, and said to be one; of a feature of
//! which fewer than [`HELD_MIN`] checkouts have come back nothing is said.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use crate::catalog::Pool;
use crate::ident::{FeatureName, Table};
use crate::seat::choose::Asked;
use crate::seat::{PoolUse, State};

/// Times of holding that are kept of each feature.
pub(crate) const HELD_KEPT: usize = 31;
/// With fewer nothing is said.
const HELD_MIN: usize = 3;
/// Checkouts of a pool that are looked at, the oldest: where there are more, licenses come back all the time.
const HOLDERS_MAX: usize = 512;
/// Requests ahead of which each is looked at; those behind them are taken together.
pub(super) const RIVALS_MAX: usize = 64;

/// How long checkouts of each feature were held of late, in seconds, oldest first.
pub(crate) type Held = Table<FeatureName, VecDeque<u32>>;

/// Notes how long a checkout was held.
pub(crate) fn note(held: &mut Held, feature: &FeatureName, span: Duration) {
    let seconds = u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
    let Some(kept) = held.get_mut(feature) else {
        held.insert(feature.clone(), [seconds].into());
        return;
    };
    while kept.len() >= HELD_KEPT {
        kept.pop_front();
    }
    kept.push_back(seconds);
}

/// The usual time, in seconds; none if too little is known.
fn usual(state: &State, feature: &FeatureName) -> Option<u64> {
    let mut kept: Vec<u32> = state.held.get(feature)?.iter().copied().collect();
    if kept.len() < HELD_MIN {
        return None;
    }
    kept.sort_unstable();
    kept.get(kept.len() / 2).map(|median| u64::from(*median))
}

/// Those ahead of a request at a pool.
pub(super) struct Queue {
    /// What each wants, in their order: all, or more than [`RIVALS_MAX`] of them.
    pub(super) first: Vec<u64>,
    /// What all want.
    pub(super) wanted: u64,
}

/// The seconds until a pool has licenses for a request, once those ahead had theirs; none if that is not known.
pub(super) fn wait(asked: &Asked<'_>, pool: &Pool, ahead: Queue) -> Option<u32> {
    let state = asked.state;
    let usual = usual(state, &pool.feature)?;
    let used = state.pool(&pool.key);
    let count = u64::from(pool.count_at(asked.time));
    let mut free = count.saturating_sub(used.map_or(0, PoolUse::in_use));
    if ahead.first.len() > RIVALS_MAX {
        // With so many in front licenses come back in a steady stream.
        let lacking = ahead.wanted.saturating_add(asked.count()).saturating_sub(free);
        return u32::try_from(lacking.saturating_mul(usual).checked_div(count)?).ok();
    }
    // When licenses come back, in seconds from now, and how many.
    let mut returns: BinaryHeap<Reverse<(u64, u64)>> = BinaryHeap::new();
    for handle in used.into_iter().flat_map(PoolUse::handles).take(HOLDERS_MAX) {
        // What is held for somebody who waits is not out yet.
        let age = state
            .seat(handle)
            .map_or(0, |seat| asked.now.0.saturating_sub(seat.since.0).max(0).unsigned_abs() / 1000);
        let count = state.seat(handle).map_or(1, |seat| u64::from(seat.count.get()));
        returns.push(Reverse((if age < usual { usual - age } else { age }, count)));
    }
    let mut time = 0;
    for wanted in ahead.first.into_iter().chain([asked.count()]) {
        while free < wanted {
            let Reverse((at, count)) = returns.pop()?;
            time = time.max(at);
            free = free.saturating_add(count);
        }
        free -= wanted;
        returns.push(Reverse((time.saturating_add(usual), wanted)));
    }
    u32::try_from(time).ok()
}
