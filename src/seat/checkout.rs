//! May this request have licenses, and from which pool (`flexnet-files.md` 3.4).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Decision, Idle, Reply, Rules, Session, State};
use crate::catalog::{Catalog, Period, Pool, Retirement};
use crate::code::{Code, minor};
use crate::event::{Answer, Checkout, Denial, Denied, Event, Out};
use crate::ident::{Digest, Handle, SessionId, Token};
use crate::policy::{Access, LimitId, PoolRules, Profile, RuleId};
use crate::sign::SignatureError;
use crate::time::{Now, Timestamp};
use crate::wire::limits::UNACKNOWLEDGED_MAX;

/// Looks up the session of a request and sorts out request numbers that were used before. A repeated number gets its
/// first answer; one that was acknowledged, checked in or passed over is spent: no late duplicate grants again.
pub(super) fn repeated(
    state: &State,
    id: SessionId,
    token: Token,
    acknowledged: Token,
) -> Result<&Session, Decision> {
    let Some(session) = state.session(id) else {
        let note = "the session has ended";
        return Err(Decision::refused(Denial::new(Code::SessionEnded, minor::SESSION_UNKNOWN, note)));
    };
    if let Some(answer) = session.answers.get(&token) {
        return Err(Decision::new(Vec::new(), Reply::Answer(token, answer.clone())));
    }
    if token <= session.highest {
        return Err(Decision::new(Vec::new(), Reply::Answer(token, Answer::Spent)));
    }
    if acknowledged >= token {
        let note = "a request can't acknowledge its own answer or a later one";
        return Err(Decision::refused(Denial::new(Code::InvalidParameter, minor::MALFORMED, note)));
    }
    let kept = session.answers.range(Token(acknowledged.0.saturating_add(1))..);
    if session.answers.len() >= UNACKNOWLEDGED_MAX && kept.count() >= UNACKNOWLEDGED_MAX {
        let note = "too many answers are not acknowledged";
        return Err(Decision::refused(Denial::new(Code::LimitReached, minor::TOKENS_OUTSTANDING, note)));
    }
    Ok(session)
}

pub(super) fn decide(
    state: &State,
    rules: Rules<'_>,
    id: SessionId,
    request: &Checkout,
    now: Now,
) -> Decision {
    let session = match repeated(state, id, request.token, request.acknowledged) {
        Ok(session) => session,
        Err(decision) => return decision,
    };
    match choose(state, rules, session, request, now.utc) {
        Ok(pool) => grant(state, rules.catalog, id, session, request, pool, now.utc),
        Err(denial) => {
            let answer = Answer::Denied(denial.clone());
            let identity = session.identity.clone();
            let denied = Denied { session: id, identity, request: request.clone(), denial, times: 1 };
            Decision::new(vec![Event::Denied(Box::new(denied))], Reply::Answer(request.token, answer))
        }
    }
}

fn grant(
    state: &State,
    catalog: &Catalog,
    id: SessionId,
    session: &Session,
    request: &Checkout,
    pool: &Pool,
    now: Timestamp,
) -> Decision {
    let (lines, expires) = backing(pool, request.count.get(), now);
    let out = Out {
        session: id,
        identity: session.identity.clone(),
        request: request.clone(),
        pool: pool.key.clone(),
        handle: Handle(state.last_handle + 1),
        lines,
        expires,
        demo: catalog.demo(),
    };
    let answer = Answer::Granted(out.grant());
    Decision::new(vec![Event::Out(Box::new(out))], Reply::Answer(request.token, answer))
}

/// The signed lines that a grant of `count` licenses stands on, and the earliest end among them: the line that is valid
/// for longest, if it has so many, else the pool's valid lines in order until they suffice.
fn backing(pool: &Pool, count: u32, now: Timestamp) -> (Arc<[Digest]>, Option<Timestamp>) {
    if let Some(lot) = pool.backing_lot(now)
        && (!pool.counted || lot.count >= count)
    {
        return (Arc::clone(&lot.lines), lot.ends);
    }
    let (mut lines, mut named) = (Vec::new(), BTreeSet::new());
    let mut ends: Option<Timestamp> = None;
    let mut covered: u64 = 0;
    for lot in pool.valid_lots(now) {
        if covered >= u64::from(count) {
            break;
        }
        // Lots of one package share its line.
        lines.extend(lot.lines.iter().filter(|line| named.insert(**line)));
        covered += u64::from(lot.count);
        ends = match (ends, lot.ends) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    (lines.into(), ends)
}

/// How far a pool got with a request: the answer is that of the pool that got furthest, at a tie of the first such. The
/// order is that of `flexnet-files.md` 3.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Version,
    Start,
    Expiry,
    HostId,
    Excluded(RuleId),
    NotIncluded(RuleId),
    Limit {
        id: LimitId,
        used: u64,
    },
    Count,
    /// Of two pools without a free license that one answers in which licenses are free, but for others.
    Availability {
        reserved: bool,
    },
}

impl Stage {
    /// Stages compare by how far they are, not by which line of the options file decided.
    const fn rank(self) -> u8 {
        match self {
            Self::Version => 0,
            Self::Start => 1,
            Self::Expiry => 2,
            Self::HostId => 3,
            Self::Excluded(_) => 4,
            Self::NotIncluded(_) => 5,
            Self::Limit { .. } => 6,
            Self::Count => 7,
            Self::Availability { reserved: false } => 8,
            Self::Availability { reserved: true } => 9,
        }
    }
}

fn choose<'a>(
    state: &State,
    rules: Rules<'a>,
    session: &Session,
    request: &Checkout,
    now: Timestamp,
) -> Result<&'a Pool, Denial> {
    let identity = &session.identity;
    let client = rules.policy.profile(identity, identity.address());
    let feature = request.feature.as_str();
    let mut of_pools = rules.policy.pools(feature).iter();
    let open = PoolRules::default();
    let mut furthest: Option<(Stage, &Pool)> = None;
    for pool in rules.catalog.pools(feature) {
        // Without an options file there are no rules at all.
        let of_pool = of_pools.next().unwrap_or(&open);
        match obstacle(state, rules, session, &client, request, pool, of_pool, now) {
            None => return Ok(pool),
            Some(stage) => {
                if furthest.is_none_or(|(best, _)| stage.rank() > best.rank()) {
                    furthest = Some((stage, pool));
                }
            }
        }
    }
    Err(match furthest {
        Some((stage, pool)) => refusal(state, rules, request, stage, pool, now),
        None => absence(rules.catalog, request),
    })
}

/// The first thing that stands between a request and a pool, in the order of `flexnet-files.md` 3.4.
#[allow(clippy::too_many_arguments, reason = "all that a verdict goes by")]
fn obstacle(
    state: &State,
    rules: Rules<'_>,
    session: &Session,
    client: &Profile,
    request: &Checkout,
    pool: &Pool,
    of_pool: &PoolRules,
    now: Timestamp,
) -> Option<Stage> {
    if pool.version < request.version {
        return Some(Stage::Version);
    }
    match pool.period_at(now) {
        Period::Before => return Some(Stage::Start),
        Period::After => return Some(Stage::Expiry),
        Period::Within => {}
    }
    if !pool.admits(&session.identity) {
        return Some(Stage::HostId);
    }
    match of_pool.access(client) {
        Access::Excluded(rule) => return Some(Stage::Excluded(rule)),
        Access::NotIncluded(rule) => return Some(Stage::NotIncluded(rule)),
        Access::Open | Access::Included(_) => {}
    }
    let asked = u64::from(request.count.get());
    if let Some(stage) = limit_reached(rules, session, client, of_pool, asked) {
        return Some(stage);
    }
    if !pool.counted {
        return None;
    }
    let count = u64::from(pool.count_at(now));
    if asked > count {
        return Some(Stage::Count);
    }
    let free = count.saturating_sub(state.pool(&pool.key).map_or(0, super::PoolUse::in_use));
    let Idle { own, others } = rules.usage.idle(of_pool, rules.policy, client);
    // The client's own reservations first, then what nobody has reserved (`flexnet-files.md` 5.6 a). After a reread more may be
    // out than the reservations leave: then they fill as licenses come back (5.6 c).
    let free_for_client = free.min(own.saturating_add(free.saturating_sub(own.saturating_add(others))));
    (asked > free_for_client).then_some(Stage::Availability { reserved: asked <= free })
}

/// The MAX line that allows no so many more; of several the tightest decides by being met (`flexnet-files.md` 5.5).
fn limit_reached(
    rules: Rules<'_>,
    session: &Session,
    client: &Profile,
    of_pool: &PoolRules,
    asked: u64,
) -> Option<Stage> {
    of_pool.limits.iter().find_map(|id| {
        let limit = rules.policy.limit(*id)?;
        let counted = rules.policy.counted(limit, client, &session.identity.user);
        let used = counted.iter().map(|counted| rules.usage.of_limit(*id, counted)).max()?;
        (used.saturating_add(asked) > u64::from(limit.count)).then_some(Stage::Limit { id: *id, used })
    })
}

fn refusal(
    state: &State,
    rules: Rules<'_>,
    request: &Checkout,
    stage: Stage,
    pool: &Pool,
    now: Timestamp,
) -> Denial {
    let feature = &request.feature;
    match stage {
        Stage::Version => Denial::new(
            Code::VersionNotSupported,
            minor::VERSION_TOO_HIGH,
            &format!(
                "version {} was asked for, {feature} is licensed up to {}",
                request.version, pool.version
            ),
        ),
        Stage::Start => {
            let date = pool.lots.iter().filter_map(|lot| lot.starts).min().unwrap_or_default();
            let note = format!("{feature} {} starts at {date}", pool.version);
            Denial::new(Code::NotStarted, minor::START_IN_FUTURE, &note)
        }
        Stage::Expiry => {
            let last = pool.lots.iter().max_by_key(|lot| lot.ends);
            if let Some(Retirement { key, day }) = last.and_then(|lot| lot.retirement) {
                let note = SignatureError::Retired { key, last: day }.to_string();
                return Denial::new(Code::BadSignature, minor::LINE_KEY_RETIRED, &note);
            }
            let date = last.map(|lot| lot.expiry.to_string()).unwrap_or_default();
            let note = format!("{feature} {} expired on {date}", pool.version);
            Denial::new(Code::Expired, minor::LINE_EXPIRED, &note)
        }
        Stage::HostId => {
            let wanted: Vec<String> = pool.hostids.iter().map(ToString::to_string).collect();
            // No name of a person or machine goes into a note: notes stay when names are erased.
            let note =
                format!("{feature} is locked to {}, and the client has none of these", wanted.join(" or "));
            Denial::new(Code::WrongHost, minor::CLIENT_HOSTID, &note)
        }
        Stage::Count => {
            let (count, version) = (pool.count_at(now), &pool.version);
            let note = format!("{} licenses were asked for, {feature} {version} has {count}", request.count);
            Denial::new(Code::TooManyRequested, minor::REQUEST_TOO_LARGE, &note)
        }
        Stage::Excluded(rule) => {
            let note = format!("{} excludes the client from {feature}", rules.policy.place(rule));
            Denial::new(Code::Excluded, minor::EXCLUDED, &note)
        }
        Stage::NotIncluded(rule) => {
            let place = rules.policy.place(rule);
            let note = format!("{feature} is for those on the INCLUDE list that begins at {place}");
            Denial::new(Code::NotIncluded, minor::NOT_INCLUDED, &note)
        }
        Stage::Limit { id, used } => {
            let limit = rules.policy.limit(id);
            let place = limit.map(|limit| rules.policy.place(limit.rule)).unwrap_or_default();
            let most = limit.map_or(0, |limit| limit.count);
            let note = format!("{place} allows {most} licenses of {feature}, of which {used} are in use");
            Denial::new(Code::MaxExceeded, minor::MAX_REACHED, &note)
        }
        Stage::Availability { reserved: true } => {
            let note = format!("what is free of {feature} is reserved for others");
            Denial::new(Code::AllReserved, minor::RESERVED, &note)
        }
        Stage::Availability { reserved: false } => {
            let in_use = state.pool(&pool.key).map_or(0, super::PoolUse::in_use);
            let note = format!("{in_use} of {} licenses of {feature} are in use", pool.count_at(now));
            Denial::new(Code::UsersReached, minor::POOL_IN_USE, &note)
        }
    }
}

fn absence(catalog: &Catalog, request: &Checkout) -> Denial {
    let feature = &request.feature;
    catalog.unserved(feature.as_str()).map_or_else(
        || {
            let note = format!("no license line names {feature}");
            Denial::new(Code::NoSuchFeature, minor::NO_SUCH_FEATURE, &note)
        },
        crate::catalog::Unserved::denial,
    )
}
