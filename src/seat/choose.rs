//! From which pool a request is served: the questions of `flexnet-files.md` 3.4, in their order.
//!
//! There is one walk through the questions ([`Asked::walk`]). A decision leaves it at the first obstacle and keeps nothing; an
//! explanation goes on to the end and keeps every step. So they can't disagree.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::linger::Found;
use super::pool_use::GroupKey;
use super::usage::Without;
use super::{Idle, Rules, State};
use crate::catalog::{Period, Pool};
use crate::event::{Checkout, Identity};
use crate::ident::SessionId;
use crate::policy::{Inclusion, LimitId, PoolRules, Profile, RuleId};
use crate::time::Timestamp;

/// One question that a pool puts to a request, with what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Is the version of the pool the one that was asked for, or a higher one?
    Version {
        /// Whether it is.
        enough: bool,
    },
    /// Has the license started, and not ended?
    Period(Period),
    /// Does the pool float, or has the client one of its hostids?
    HostId {
        /// Whether it is so.
        fits: bool,
    },
    /// Does an EXCLUDE line name the client?
    Exclude {
        /// The first that does.
        by: Option<RuleId>,
    },
    /// Is there an INCLUDE list, and does it name the client?
    Include(Inclusion),
    /// Does a MAX line allow so many more?
    Limit {
        /// The line.
        id: LimitId,
        /// How many licenses that it counts are in use; none if it does not concern the client.
        used: Option<u64>,
        /// Whether it allows them.
        allows: bool,
    },
    /// Uncounted licenses never run out.
    Uncounted,
    /// Has the pool ever so many licenses?
    Count {
        /// How many are valid now.
        count: u64,
        /// Whether that suffices.
        enough: bool,
    },
    /// Are so many free now, for this client?
    Availability {
        /// Licenses in use.
        in_use: u64,
        /// How many more would be in use: fewer than were asked for if the client shares with another checkout.
        adds: u64,
        /// Licenses that nobody uses.
        free: u64,
        /// Licenses beyond the count that may still be taken as overdraft.
        overdraft: u64,
        /// What of reservations is idle.
        idle: Idle,
        /// How many of the free ones, and of the overdraft, this client may have.
        for_client: u64,
        /// Where that leaves the request.
        room: Room,
    },
}

/// Whether there is room for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    /// Too few are free.
    Full,
    /// Enough would be free if none were reserved for others.
    Reserved,
    /// Only with overdraft, which is taken where no pool has room without it (`flexnet-files.md` 3.4).
    Overdraft,
    /// Enough are free.
    Free,
}

impl Step {
    /// Nothing for a step that the request passes. Else how far the pool got: the answer is that of the pool that got furthest, at
    /// a tie of the first such. Which line of the options file decided makes no difference.
    #[must_use]
    pub const fn obstacle(self) -> Option<u8> {
        match self {
            Self::Version { enough: false } => Some(0),
            Self::Period(Period::Before) => Some(1),
            Self::Period(Period::After) => Some(2),
            Self::HostId { fits: false } => Some(3),
            Self::Exclude { by: Some(_) } => Some(4),
            Self::Include(Inclusion { list: Some(_), by: None }) => Some(5),
            Self::Limit { allows: false, .. } => Some(6),
            Self::Count { enough: false, .. } => Some(7),
            // Of two pools without a free license that one answers in which licenses are free, but for others.
            Self::Availability { room: Room::Full, .. } => Some(8),
            Self::Availability { room: Room::Reserved, .. } => Some(9),
            Self::Availability { room: Room::Overdraft, .. } => Some(10),
            _ => None,
        }
    }
}

/// A request, with all that a verdict on it goes by.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) state: &'a State,
    pub(super) rules: Rules<'a>,
    pub(super) request: &'a Checkout,
    identity: &'a Identity,
    pub(super) client: Cow<'a, Profile>,
    pub(super) now: Timestamp,
}

/// The pool that got furthest, and what it got to; none if no pool has the feature.
pub(super) type Furthest<'a> = Option<(Step, &'a Pool)>;

/// The first pool without an obstacle, else the first that has room with overdraft. Pools in which the client takes lingering
/// licenses back come before all others, as it shall not use two where one is enough.
pub(super) fn choose<'a>(
    asked: &Asked<'a>,
    mut obstacle: impl FnMut(&'a Pool, &PoolRules) -> Option<Step>,
) -> Result<&'a Pool, Furthest<'a>> {
    let feature = asked.request.feature.as_str();
    // Without an options file there are no rules at all.
    let open = PoolRules::default();
    let of_pools = asked.rules.policy.pools(feature).iter().chain(std::iter::repeat(&open));
    let pools = asked.rules.catalog.pools(feature).iter().zip(of_pools);
    let first = pools.clone().filter(|(pool, _)| asked.takes_back(pool));
    let others = pools.filter(|(pool, _)| !asked.takes_back(pool));
    let mut furthest: Option<(u8, Step, &Pool)> = None;
    for (pool, of_pool) in first.chain(others) {
        let Some((rank, step)) =
            obstacle(pool, of_pool).and_then(|step| step.obstacle().map(|rank| (rank, step)))
        else {
            return Ok(pool);
        };
        if furthest.is_none_or(|(best, ..)| rank > best) {
            furthest = Some((rank, step, pool));
        }
    }
    match furthest {
        Some((_, Step::Availability { room: Room::Overdraft, .. }, pool)) => Ok(pool),
        furthest => Err(furthest.map(|(_, step, pool)| (step, pool))),
    }
}

impl<'a> Asked<'a> {
    pub(super) fn new(
        state: &'a State,
        rules: Rules<'a>,
        request: &'a Checkout,
        (session, identity): (Option<SessionId>, &'a Identity),
        now: Timestamp,
    ) -> Self {
        let client = match session.and_then(|session| rules.usage.profile(session)) {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(rules.policy.profile(identity, identity.address())),
        };
        Self { state, rules, request, identity, client, now }
    }

    /// How many licenses are asked for.
    pub(super) fn count(&self) -> u64 {
        u64::from(self.request.count.get())
    }

    /// Whether the client has lingering licenses in a pool.
    fn takes_back(&self, pool: &Pool) -> bool {
        let used = || self.state.pool(&pool.key);
        !self.state.lapses.is_empty()
            && used().is_some_and(|used| used.lingering(self.identity).next().is_some())
    }

    /// What the client finds in a pool.
    pub(super) fn found(&self, pool: &Pool) -> Found {
        let key = sharing(pool, self.request, self.identity);
        Found::of(self.state, pool, key.as_ref(), self.identity, self.count())
    }

    /// How many more would be in use of a pool: none of those that the client's checkouts share already.
    pub(super) fn adds(&self, found: &Found) -> u64 {
        self.count().saturating_sub(found.joined.map_or(0, |(_, in_use)| in_use))
    }

    /// The first thing that stands between the request and a pool.
    pub(super) fn obstacle(&self, pool: &Pool, of_pool: &PoolRules) -> Option<Step> {
        let first = |step: Step| match step.obstacle() {
            Some(_) => ControlFlow::Break(step),
            None => ControlFlow::Continue(()),
        };
        self.walk(pool, of_pool, first).break_value()
    }

    /// Puts the questions of a pool one after the other, as long as the visitor goes on.
    pub(super) fn walk<B>(
        &self,
        pool: &Pool,
        of_pool: &PoolRules,
        mut visit: impl FnMut(Step) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        visit(Step::Version { enough: pool.version >= self.request.version })?;
        let period = pool.period_at(self.now);
        visit(Step::Period(period))?;
        visit(Step::HostId { fits: pool.admits(self.identity) })?;
        visit(Step::Exclude { by: of_pool.exclusion(&self.client) })?;
        visit(Step::Include(of_pool.inclusion(&self.client)))?;
        let found = self.found(pool);
        let (adds, without) = (self.adds(&found), self.rules.usage.without(&found.taken));
        for id in &of_pool.limits {
            visit(self.limit(*id, adds, &without))?;
        }
        if !pool.counted {
            return visit(Step::Uncounted);
        }
        if period != Period::Within {
            return ControlFlow::Continue(());
        }
        let count = u64::from(pool.count_at(self.now));
        let most = count.saturating_add(overdraft(pool, of_pool, self.now));
        let enough = self.count() <= most;
        visit(Step::Count { count: most, enough })?;
        if !enough {
            return ControlFlow::Continue(());
        }
        let idle = self.idle(pool, of_pool, &without);
        visit(availability(found.in_use, adds, idle, (count, most)))
    }

    /// A MAX line; of several the tightest decides by being met (`flexnet-files.md` 5.5).
    fn limit(&self, id: LimitId, adds: u64, without: &Without) -> Step {
        let policy = self.rules.policy;
        let found = policy.limit(id).map(|limit| {
            let counted = policy.counted(limit, &self.client, &self.identity.user);
            let used = |counted| self.rules.usage.of_limit_without(id, counted, without);
            (limit, counted.iter().map(used).max())
        });
        match found {
            Some((limit, Some(used))) => {
                // A checkout that shares adds nothing, whatever is in use already (5.5).
                let allows = adds == 0 && used > 0 || used.saturating_add(adds) <= u64::from(limit.count);
                Step::Limit { id, used: Some(used), allows }
            }
            _ => Step::Limit { id, used: None, allows: true },
        }
    }

    fn idle(&self, pool: &Pool, of_pool: &PoolRules, without: &Without) -> Idle {
        self.rules.usage.idle_without(&pool.key, of_pool, self.rules.policy, &self.client, without)
    }
}

/// `most` is the count with all of the overdraft.
fn availability(in_use: u64, adds: u64, idle: Idle, (count, most): (u64, u64)) -> Step {
    let Idle { own, others } = idle;
    // The client's own reservations first, then what nobody has reserved, then overdraft (`flexnet-files.md` 5.6 a). After a
    // reread more may be out than the reservations leave: then they fill as licenses come back (5.6 c).
    let of = |free: u64| free.min(own.saturating_add(free.saturating_sub(own.saturating_add(others))));
    let (free, with_overdraft) = (count.saturating_sub(in_use), most.saturating_sub(in_use));
    let for_client = of(with_overdraft);
    let room = if adds <= of(free) {
        Room::Free
    } else if adds <= for_client {
        Room::Overdraft
    } else if adds <= with_overdraft {
        Room::Reserved
    } else {
        Room::Full
    };
    let overdraft = with_overdraft - free;
    Step::Availability { in_use, adds, free, overdraft, idle, for_client, room }
}

/// The checkouts of a pool with which a request would share.
pub(super) fn sharing(pool: &Pool, request: &Checkout, identity: &Identity) -> Option<GroupKey> {
    // Licenses that are not counted need not be shared.
    if pool.counted { GroupKey::of(pool.share, &request.wishes, identity) } else { None }
}

/// How many licenses beyond its count a pool may give: what the lines say, and no more than MAX_OVERDRAFT (3.10).
pub(super) fn overdraft(pool: &Pool, of_pool: &PoolRules, now: Timestamp) -> u64 {
    let most = of_pool.terms.max_overdraft.map_or(u32::MAX, |(most, _)| most);
    u64::from(pool.overdraft_at(now).min(most))
}
