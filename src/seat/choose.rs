//! From which pool a request is served: the questions of `flexnet-files.md` 3.4, in their order.
//!
//! There is one walk through the questions ([`Asked::walk`]). A decision leaves it at the first obstacle and keeps nothing; an
//! explanation goes on to the end and keeps every step. So they can't disagree.

mod waiting;

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::ControlFlow;

use super::borrow::{self, BorrowObstacle};
use super::linger::{self, Found};
use super::pool_use::GroupKey;
use super::queue::Ahead;
use super::usage::Without;
use super::{Idle, PoolUse, Rules, State, rules_of};
use crate::catalog::{Named, Period, Pool};
use crate::event::{Checkout, Identity};
use crate::ident::{Handle, PoolKey, SessionId};
use crate::policy::{Inclusion, LimitId, Naming, PoolRules, Profile, RuleId};
use crate::time::{LicenseTime, Timestamp};

/// One question that a pool puts to a request, with what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The licenses are a suite's: they go with its components and can't be asked for by themselves.
    Package,
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
    /// Is the pool for all platforms, or for the client's?
    Platform {
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
    /// Do INCLUDE lines name the client among as many as the pool is for? Asked in the place of the INCLUDE list where the pool is for
    /// those alone whom they name.
    Named {
        /// Whom the pool is for.
        named: Named,
        /// For how many; none if that is not limited.
        most: Option<u64>,
        /// Where they name the client.
        naming: Naming,
    },
    /// Does the pool lend licenses, to this client and for so long? Asked if the request is to borrow.
    Borrow(Option<BorrowObstacle>),
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
    /// Where does the client stand among those who wait? Told if a line says so; it is in nobody's way.
    Priority {
        /// Higher goes first; who has no line has 0.
        rank: u32,
        /// The line.
        by: RuleId,
    },
    /// May those who wait for the pool be passed? Asked if any do, and could use what the request would take.
    Queue {
        /// How many would be passed.
        ahead: u64,
        /// Whether they may be.
        may_pass: bool,
    },
    /// Is as much of each other component of the suite free, now that the user's first one reserves it? Asked of a suite that reserves
    /// them, if the user has not as much reserved.
    Rest {
        /// The one with least room, by its place among the pools of [`Catalog::reserved_together`](crate::catalog::Catalog).
        component: usize,
        /// How many licenses of it the client needs beside those that it has.
        adds: u64,
        /// Where that leaves the request.
        room: Room,
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
    pub fn obstacle(self) -> Option<u8> {
        match self {
            Self::Package => Some(0),
            Self::Version { enough: false } => Some(1),
            Self::Period(Period::Before) => Some(2),
            Self::Period(Period::After) => Some(3),
            Self::Period(Period::Untrusted) => Some(4),
            Self::HostId { fits: false } => Some(5),
            Self::Platform { fits: false } => Some(6),
            Self::Exclude { by: Some(_) } => Some(7),
            Self::Include(Inclusion { list: Some(_), by: None }) => Some(8),
            Self::Named { most, naming, .. } if !naming.is_within(most) => Some(8),
            Self::Borrow(Some(_)) => Some(9),
            Self::Limit { allows: false, .. } => Some(10),
            Self::Count { enough: false, .. } => Some(11),
            Self::Queue { may_pass: false, .. } => Some(12),
            Self::Rest { room: Room::Full, .. } => Some(13),
            Self::Rest { room: Room::Reserved, .. } => Some(14),
            // Of two pools without a free license that one answers in which licenses are free, but for others.
            Self::Availability { room: Room::Full, .. } => Some(13),
            Self::Availability { room: Room::Reserved, .. } => Some(14),
            Self::Availability { room: Room::Overdraft, .. } => Some(15),
            _ => None,
        }
    }

    /// Whether a pool can give the request nothing, not even by overdraft.
    #[must_use]
    pub fn denies(self) -> bool {
        self.obstacle().is_some() && !matches!(self, Self::Availability { room: Room::Overdraft, .. })
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
    /// By what its licenses are judged.
    pub(super) time: LicenseTime,
    /// Who waits ahead of it.
    pub(super) ahead: Ahead<'a>,
    /// The pools of the feature, and what the options file says of each.
    pools: (&'a [Pool], &'a [PoolRules]),
    /// The pool that was asked last, with what is out of it.
    seen: Cell<Option<(&'a PoolKey, Option<&'a PoolUse>)>>,
}

/// The rules of a pool of which no options file says anything.
static OPEN: PoolRules = PoolRules::NONE;

/// What stands between a request and a pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stuck<'a> {
    pub(super) step: Step,
    /// The pool.
    pub(super) pool: &'a Pool,
    /// Whose question it is: the pool's own, or that of the package that goes with it.
    pub(super) at: &'a Pool,
}

/// Where the pool is that got furthest; none if no pool has the feature.
pub(super) type Furthest<'a> = Option<Stuck<'a>>;

/// What of a pool is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asking<'a> {
    /// The pool's feature.
    Itself,
    /// A component from this pool, with which the licenses go.
    With(&'a Pool),
}

/// The first pool without an obstacle, else the first that has room with overdraft. Pools in which the client takes lingering
/// licenses back come before all others, as it shall not use two where one is enough.
pub(super) fn choose<'a>(
    asked: &Asked<'a>,
    mut obstacle: impl FnMut(&'a Pool, &PoolRules) -> Option<Stuck<'a>>,
) -> Result<&'a Pool, Furthest<'a>> {
    let first = asked.pools().filter(|(pool, _)| asked.takes_back(pool));
    let others = asked.pools().filter(|(pool, _)| !asked.takes_back(pool));
    let mut furthest: Option<(u8, Stuck<'a>)> = None;
    for (pool, of_pool) in first.chain(others) {
        let Some((rank, stuck)) =
            obstacle(pool, of_pool).and_then(|stuck| stuck.step.obstacle().map(|rank| (rank, stuck)))
        else {
            return Ok(pool);
        };
        if furthest.is_none_or(|(best, _)| rank > best) {
            furthest = Some((rank, stuck));
        }
    }
    match furthest {
        Some((_, stuck)) if !stuck.step.denies() => Ok(stuck.pool),
        furthest => Err(furthest.map(|(_, stuck)| stuck)),
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
        let feature = request.feature.as_str();
        let pools = (rules.catalog.pools(feature), rules.policy.pools(feature));
        let (time, ahead, seen) = (state.license_time(now), Ahead::default(), Cell::new(None));
        Self { state, rules, request, identity, client, now, time, ahead, pools, seen }
    }

    /// The request behind those that wait.
    pub(super) fn behind(self, ahead: Ahead<'a>) -> Self {
        Self { ahead, ..self }
    }

    /// The pools of the feature with what the options file says of each, in their order.
    pub(super) fn pools(&self) -> impl Iterator<Item = (&'a Pool, &'a PoolRules)> + use<'a> {
        let (pools, of_pools) = self.pools;
        // Without an options file there are no rules at all.
        pools.iter().zip(of_pools.iter().chain(std::iter::repeat(&OPEN)))
    }

    /// What is out of a pool. The questions of one pool come one after the other, so it is looked up once for all of them.
    pub(super) fn out_of(&self, pool: &'a Pool) -> Option<&'a PoolUse> {
        if let Some((key, used)) = self.seen.get()
            && std::ptr::eq(key, &raw const pool.key)
        {
            return used;
        }
        let used = self.state.pool(&pool.key);
        self.seen.set(Some((&pool.key, used)));
        used
    }

    /// Who asks.
    pub(super) fn identity(&self) -> &'a Identity {
        self.identity
    }

    /// Whom the lines name that the client is.
    pub(super) fn client(&self) -> &Profile {
        &self.client
    }

    /// How many licenses are asked for.
    pub(super) fn count(&self) -> u64 {
        u64::from(self.request.count.get())
    }

    /// Whether the client has lingering licenses in a pool.
    fn takes_back(&self, pool: &'a Pool) -> bool {
        !self.state.lapses.nothing_lingers()
            && self.out_of(pool).is_some_and(|used| used.lingering(self.identity).next().is_some())
    }

    /// What the client finds in a pool. Of a package it takes back what lingers with the component that it takes back.
    pub(super) fn found(&self, pool: &'a Pool, asking: Asking<'a>) -> Found {
        let key = sharing(pool, self.request, self.identity);
        let taken_back =
            |pool| linger::taken_back(self.state, self.out_of(pool), self.identity, self.count());
        let taken = match asking {
            Asking::Itself => taken_back(pool),
            Asking::With(component) => {
                let of_component = taken_back(component);
                of_component.iter().filter_map(|handle| self.state.seat(*handle)?.suite).collect()
            }
        };
        Found::without(self.state, self.out_of(pool), key.as_ref(), taken)
    }

    /// How many more would be in use of a pool: none of those that the client's checkouts share already.
    pub(super) fn adds(&self, found: &Found) -> u64 {
        self.count().saturating_sub(found.joined.map_or(0, |(_, in_use)| in_use))
    }

    /// The pool of the package that goes with each license of a pool, and its rules.
    pub(super) fn package(&self, pool: &Pool) -> Option<(&'a Pool, Option<&'a PoolRules>)> {
        let Rules { catalog, policy, .. } = self.rules;
        let key = pool.package()?;
        Some((catalog.pool(key)?, rules_of(catalog, policy, key)))
    }

    /// The first thing that stands between the request and a pool.
    pub(super) fn obstacle(&self, pool: &'a Pool, of_pool: &PoolRules) -> Option<Stuck<'a>> {
        let first = |step: Step| match step.obstacle() {
            Some(_) => ControlFlow::Break(step),
            None => ControlFlow::Continue(()),
        };
        stuck(pool, self.walk(pool, of_pool, Asking::Itself, first).break_value(), || {
            let (package, rules) = self.package(pool)?;
            let open = PoolRules::default();
            let step = self.walk(package, rules.unwrap_or(&open), Asking::With(pool), first);
            Some((step.break_value()?, package))
        })
    }

    /// Puts the questions of a pool one after the other, as long as the visitor goes on.
    pub(super) fn walk<B>(
        &self,
        pool: &'a Pool,
        of_pool: &PoolRules,
        asking: Asking<'a>,
        mut visit: impl FnMut(Step) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if matches!(asking, Asking::Itself) {
            if pool.is_package() {
                return visit(Step::Package);
            }
            visit(Step::Version { enough: pool.version >= self.request.version })?;
        }
        let period = pool.period_at(self.time);
        visit(Step::Period(period))?;
        visit(Step::HostId { fits: pool.admits(self.identity) })?;
        if pool.platforms.is_some() {
            visit(Step::Platform { fits: pool.runs_on(self.identity) })?;
        }
        visit(Step::Exclude { by: of_pool.exclusion(&self.client) })?;
        if pool.named.is_empty() {
            visit(Step::Include(of_pool.inclusion(&self.client)))?;
        }
        for step in self.named(pool, of_pool) {
            visit(step)?;
        }
        // What goes with a component has the same line and the same rules.
        if let (Asking::Itself, Some(borrowing)) = (asking, self.request.wishes.borrow) {
            visit(Step::Borrow(borrow::obstacle(self, pool, of_pool, borrowing)))?;
        }
        let found = self.found(pool, asking);
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
        let count = u64::from(pool.count_at(self.time));
        let most = count.saturating_add(overdraft(pool, of_pool, self.time));
        let enough = self.count() <= most;
        visit(Step::Count { count: most, enough })?;
        if !enough {
            return ControlFlow::Continue(());
        }
        if let (Asking::Itself, Some((rank, by))) = (asking, of_pool.priority(&self.client)) {
            visit(Step::Priority { rank, by })?;
        }
        if let Some((ahead, may_pass)) = self.ahead.may_pass(self, (pool, asking), of_pool) {
            visit(Step::Queue { ahead, may_pass })?;
        }
        let rest = if matches!(asking, Asking::Itself) { self.rest(pool, &found.taken) } else { None };
        if let Some(rest) = rest {
            visit(rest)?;
        }
        let idle = self.idle(pool, of_pool, &found.taken, &without);
        let mut step = availability(found.in_use, adds, idle, (count, most));
        if let (Step::Availability { room, .. }, Some(Step::Rest { room: Room::Overdraft, .. })) =
            (&mut step, rest)
        {
            *room = (*room).min(Room::Overdraft);
        }
        visit(step)
    }

    /// Whether INCLUDE lines let the client into a pool.
    fn is_included(&self, pool: &Pool, of_pool: &PoolRules) -> bool {
        if pool.named.is_empty() {
            return !matches!(of_pool.inclusion(&self.client), Inclusion { list: Some(_), by: None });
        }
        self.named(pool, of_pool).all(|step| step.obstacle().is_none())
    }

    /// Whether INCLUDE lines name the client of a pool that is for those whom they name.
    fn named(&self, pool: &Pool, of_pool: &PoolRules) -> impl Iterator<Item = Step> {
        pool.named.iter().map(|named| Step::Named {
            named: *named,
            most: pool.names_at(*named, Some(self.time.utc)),
            naming: of_pool.naming(*named, &self.client),
        })
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

    /// What is idle of the reservations in a pool, if the client had given back what it takes back.
    pub(super) fn idle(&self, pool: &Pool, of_pool: &PoolRules, taken: &[Handle], without: &Without) -> Idle {
        let Rules { policy, usage, .. } = self.rules;
        let mut idle = usage.idle_without(&pool.key, of_pool, policy, &self.client, without);
        if let Some(package) = pool.package().filter(|_| pool.reserving) {
            let (user, suites) = (&self.identity.user, usage.of_suites());
            idle.own_of_suite = suites.own(package, &pool.key, user, taken);
            idle.others_of_suite = suites.others(package, &pool.key, user);
            idle.own = idle.own.saturating_add(idle.own_of_suite);
            idle.others = idle.others.saturating_add(idle.others_of_suite);
        }
        idle
    }

    /// What a request for a component would reserve of the others, if it is the user's first or largest.
    ///
    /// DECISION (3.9): the first component is granted only if all others can be reserved with it; so who has one has all.
    fn rest(&self, pool: &Pool, taken: &[Handle]) -> Option<Step> {
        let package = pool.package().filter(|_| pool.reserving)?;
        let Rules { catalog, policy, usage } = self.rules;
        let (user, suites) = (&self.identity.user, usage.of_suites());
        let wanted = self.count();
        if wanted <= suites.wants(package, user, taken) {
            return None;
        }
        let room = |(component, key): (usize, &PoolKey)| {
            let other = catalog.pool(key).filter(|other| other.key != pool.key)?;
            let grouped = sharing(other, self.request, self.identity);
            let used = self.state.pool(key);
            let joined =
                used.zip(grouped).and_then(|(used, key)| used.group(&key)).map_or(0, |(_, in_use)| in_use);
            let adds = wanted.saturating_sub(suites.has(key, user, &[]).max(joined));
            let open = PoolRules::default();
            let of_pool = rules_of(catalog, policy, key).unwrap_or(&open);
            let idle = self.idle(other, of_pool, &[], &Without::default());
            let count = u64::from(other.count_at(self.time));
            let most = count.saturating_add(overdraft(other, of_pool, self.time));
            match availability(used.map_or(0, PoolUse::in_use), adds, idle, (count, most)) {
                Step::Availability { room, .. } => Some(Step::Rest { component, adds, room }),
                _ => None,
            }
        };
        let together = catalog.reserved_together(package).iter().enumerate();
        together.filter_map(room).min_by_key(|step| match step {
            Step::Rest { room, .. } => *room,
            _ => Room::Free,
        })
    }
}

/// `most` is the count with all of the overdraft.
fn availability(in_use: u64, adds: u64, idle: Idle, (count, most): (u64, u64)) -> Step {
    let Idle { own, others, .. } = idle;
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

/// What stands in the way of a pool: the first question of its own that denies, else the first of the package's that goes with
/// it. What denies there denies here; what needs overdraft there needs it here.
pub(super) fn stuck<'a>(
    pool: &'a Pool,
    own: Option<Step>,
    package: impl FnOnce() -> Option<(Step, &'a Pool)>,
) -> Option<Stuck<'a>> {
    let own = own.map(|step| Stuck { step, pool, at: pool });
    if own.is_some_and(|own| own.step.denies()) {
        return own;
    }
    package().map(|(step, at)| Stuck { step, pool, at }).or(own)
}

/// The checkouts of a pool with which a request would share.
pub(super) fn sharing(pool: &Pool, request: &Checkout, identity: &Identity) -> Option<GroupKey> {
    // Licenses that are not counted need not be shared.
    if pool.counted { GroupKey::of(pool.share, &request.wishes, identity) } else { None }
}

/// How many licenses beyond its count a pool may give: what the lines say, and no more than MAX_OVERDRAFT (3.10).
pub(super) fn overdraft(pool: &Pool, of_pool: &PoolRules, at: LicenseTime) -> u64 {
    let most = of_pool.terms.max_overdraft.map_or(u32::MAX, |(most, _)| most);
    u64::from(pool.overdraft_at(at).min(most))
}
