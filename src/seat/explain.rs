//! How a verdict comes about: the steps of [`super::decide`], kept, and what would have to change.

use std::ops::ControlFlow;

use super::choose::{Asked, Asking, Room, Step, choose, stuck};
use super::queue::Ahead;
use super::refusal::{refusal, reserving, starts};
use super::{BorrowObstacle, Idle, Rules, State};
use crate::catalog::{Named, Period, Pool};
use crate::event::{Checkout, Denial, Identity};
use crate::ident::FeatureName;
use crate::policy::{Inclusion, LimitId, PoolRules, RuleId};
use crate::time::{Now, Timestamp};

/// A verdict and the way to it.
#[derive(Debug, Clone)]
pub struct Explanation<'a> {
    /// The pools in the order in which they were tried; the last one grants, if any does.
    pub tried: Vec<Tried<'a>>,
    /// The pool that grants, or what the client is told.
    pub verdict: Result<&'a Pool, Denial>,
}

/// One pool and its answers.
#[derive(Debug, Clone)]
pub struct Tried<'a> {
    /// The pool.
    pub pool: &'a Pool,
    /// Every step, also behind the first obstacle, at which a decision leaves the pool.
    pub steps: Vec<Step>,
    /// Whether the answer is that of this pool.
    pub decides: bool,
    /// What would have to change so that this pool grants: all of it. Nothing if it does.
    pub changes: Vec<Change>,
    /// The pool of the package that goes with each license, if there is one. It is asked when nothing in this one denies.
    pub package: Option<Box<Tried<'a>>>,
}

/// One thing that would have to change for a pool to grant a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The request must ask for at most the pool's version.
    LowerVersion,
    /// The license starts at this time.
    Wait(Timestamp),
    /// The license has ended: a newer one is needed.
    Renew,
    /// The clock of the server's machine must be set right, or accepted.
    Clock,
    /// The client must be a machine with one of the pool's hostids.
    OtherHost,
    /// The client must run on one of the pool's platforms.
    OtherPlatform,
    /// The request must be for a component of the suite.
    Component,
    /// None of these EXCLUDE lines may name the client.
    NotExcluded(Vec<RuleId>),
    /// The INCLUDE list that this line begins must name the client.
    Included(RuleId),
    /// INCLUDE lines must name the client, as the pool is for those alone whom they name.
    Named {
        /// Whom it is for.
        named: Named,
        /// The client's name must be among the first so many; none if all count.
        most: Option<u64>,
        /// The line that names it too late, if one does.
        by: Option<RuleId>,
    },
    /// The request must ask for no borrow, or for one that this does not forbid.
    Borrow(BorrowObstacle),
    /// A MAX line must allow more, or count less.
    RaiseLimit {
        /// The line.
        id: LimitId,
        /// The number that it would have to have.
        to: u64,
        /// Or so many licenses that it counts must come back; none if that can't suffice.
        check_in: Option<u64>,
        /// Or at most so many licenses may be asked for; 0 if that can't help.
        fewer: u64,
    },
    /// At most so many licenses may be asked for, as the pool has no more.
    Fewer(u64),
    /// So many wait for it that may not be passed now: the request must wait behind them.
    Queue {
        /// How many.
        ahead: u64,
    },
    /// The suite reserves its other components with the first, so licenses of this one must become free.
    Rest {
        /// Which component.
        component: FeatureName,
        /// How many of it the client needs.
        adds: u64,
    },
    /// Licenses must become free.
    Free {
        /// So many must come back from clients for whom nothing is reserved; none if that can't suffice, 0 if it need not be.
        check_in: Option<u64>,
        /// Or at most so many licenses may be asked for; 0 if that can't help.
        fewer: u64,
        /// Or these lines must reserve less for others.
        reserved_by: Vec<RuleId>,
        /// For so many licenses others wait, who get what comes back before a newcomer does.
        waited_for: u64,
        /// So much less, if nothing comes back; none if it can't suffice.
        unreserve: Option<u64>,
    },
}

/// Decides a request of this client as [`super::decide`] decides a new one, and tells how. Changes nothing.
#[must_use]
pub fn explain<'a>(
    state: &'a State,
    rules: Rules<'a>,
    request: &'a Checkout,
    identity: &'a Identity,
    now: Now,
) -> Explanation<'a> {
    let ahead = Ahead::of(state, rules, request, now.utc);
    let asked = Asked::new(state, rules, request, (None, identity), now.utc).behind(ahead);
    let mut tried: Vec<Tried<'a>> = Vec::new();
    let chosen = choose(&asked, |pool, of_pool| {
        let (mut own, first) = look(&asked, pool, of_pool, Asking::Itself);
        let package = asked.package(pool).map(|(package, rules)| {
            let open = PoolRules::default();
            look(&asked, package, rules.unwrap_or(&open), Asking::With(pool))
        });
        let stuck = stuck(pool, first, || {
            let (package, first) = package.as_ref()?;
            Some(((*first)?, package.pool))
        });
        own.package = package.map(|(package, _)| Box::new(package));
        tried.push(own);
        stuck
    });
    let (deciding, at) = match &chosen {
        Ok(pool) => (Some(*pool), Some(*pool)),
        Err(furthest) => (furthest.map(|stuck| stuck.pool), furthest.map(|stuck| stuck.at)),
    };
    for pool in &mut tried {
        pool.decides = deciding.is_some_and(|deciding| std::ptr::eq(deciding, pool.pool));
        if let Some(package) = pool.package.as_mut().filter(|_| pool.decides) {
            package.decides = at.is_some_and(|at| std::ptr::eq(at, package.pool));
        }
    }
    Explanation { verdict: chosen.map_err(|furthest| refusal(&asked, furthest)), tried }
}

/// Puts all questions of a pool; with them comes the first that is in the way.
fn look<'a>(
    asked: &Asked<'a>,
    pool: &'a Pool,
    of_pool: &PoolRules,
    asking: Asking<'a>,
) -> (Tried<'a>, Option<Step>) {
    let mut steps = Vec::new();
    let _: ControlFlow<()> = asked.walk(pool, of_pool, asking, |step| {
        steps.push(step);
        ControlFlow::Continue(())
    });
    let first = steps.iter().find(|step| step.obstacle().is_some()).copied();
    let changes = steps.iter().filter_map(|step| change(asked, (pool, asking), of_pool, *step)).collect();
    (Tried { pool, steps, decides: false, changes, package: None }, first)
}

impl Tried<'_> {
    /// Whether a decision comes to ask the pool of the package.
    #[must_use]
    pub fn asks_package(&self) -> bool {
        !self.steps.iter().any(|step| step.denies())
    }

    /// The steps up to the first obstacle: those that a decision asks.
    #[must_use]
    pub fn asked(&self) -> &[Step] {
        let first = self.steps.iter().position(|step| step.obstacle().is_some());
        let end = first.map_or(self.steps.len(), |at| at.saturating_add(1));
        self.steps.get(..end).unwrap_or_default()
    }
}

fn change<'a>(
    asked: &Asked<'a>,
    (pool, asking): (&'a Pool, Asking<'a>),
    of_pool: &PoolRules,
    step: Step,
) -> Option<Change> {
    step.obstacle()?;
    Some(match step {
        Step::Package => Change::Component,
        Step::Platform { .. } => Change::OtherPlatform,
        Step::Version { .. } => Change::LowerVersion,
        Step::Period(Period::Before) => Change::Wait(starts(pool).unwrap_or_default()),
        Step::Period(Period::Untrusted) => Change::Clock,
        Step::Period(_) => Change::Renew,
        Step::HostId { .. } => Change::OtherHost,
        Step::Exclude { .. } => Change::NotExcluded(of_pool.exclusions(&asked.client)),
        Step::Include(Inclusion { list, .. }) => Change::Included(list?),
        Step::Named { named, most, naming } => {
            Change::Named { named, most, by: naming.by.map(|(_, rule)| rule) }
        }
        Step::Borrow(obstacle) => Change::Borrow(obstacle?),
        Step::Limit { id, used, .. } => {
            let (used, adds) = (used.unwrap_or(0), asked.adds(&asked.found(pool, asking)));
            let most = u64::from(asked.rules.policy.limit(id).map_or(0, |limit| limit.count));
            let to = used.saturating_add(adds);
            let check_in = (adds <= most).then(|| to.saturating_sub(most));
            Change::RaiseLimit { id, to, check_in, fewer: most.saturating_sub(used) }
        }
        Step::Count { count, .. } => Change::Fewer(count),
        Step::Rest { component, adds, .. } => {
            let other = asked.rules.catalog.reserved_together(pool.package()?).get(component)?;
            let other = asked.rules.catalog.pool(other)?;
            Change::Rest { component: other.feature.clone(), adds }
        }
        Step::Availability { room: Room::Overdraft, .. } => return None,
        Step::Availability { in_use, adds, free, overdraft, idle, for_client, .. } => {
            let Idle { own, others, own_of_suite, others_of_suite } = idle;
            let free = free.saturating_add(overdraft);
            // The client has its own reservations first; beyond them it needs what others leave.
            let needed = if adds <= own { adds } else { adds.saturating_add(others) };
            let missing = needed.saturating_sub(free);
            let reserved = of_pool.reservations.iter().filter_map(|id| asked.rules.policy.reservation(*id));
            let reserved: u64 = reserved.map(|reservation| u64::from(reservation.count)).sum();
            // Licenses of those for whom something is reserved would be idle for them, not free, when they came back.
            let idle =
                own.saturating_add(others).saturating_sub(own_of_suite.saturating_add(others_of_suite));
            let charged = reserved.saturating_sub(idle);
            let reserved_by = reserving(asked, of_pool);
            let too_much = adds.saturating_sub(for_client);
            Change::Free {
                check_in: (missing <= in_use.saturating_sub(charged)).then_some(missing),
                fewer: for_client,
                waited_for: if missing > 0 { asked.ahead.wanted_of(pool) } else { 0 },
                unreserve: (adds <= free && too_much <= others.saturating_sub(others_of_suite))
                    .then_some(too_much),
                reserved_by,
            }
        }
        Step::Queue { ahead, .. } => Change::Queue { ahead },
        Step::Uncounted | Step::Priority { .. } => return None,
    })
}
