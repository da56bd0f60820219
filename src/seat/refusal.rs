//! What a client is told that gets nothing: numbers of `flexnet-tools.md` 4.2 and the values involved.
//!
//! No name of a person or machine goes into a note: notes stay when names are erased.

use super::State;
use super::borrow::BorrowObstacle;
use super::choose::{Asked, Furthest, Room, Step, Stuck};
use crate::catalog::{Catalog, Period, Pool, Retirement, Unserved};
use crate::code::{Code, minor};
use crate::event::{Checkout, Denial};
use crate::policy::{PoolRules, RuleId};
use crate::sign::SignatureError;
use crate::text::{are, counted};
use crate::time::Timestamp;

pub(super) fn refusal(asked: &Asked<'_>, furthest: Furthest<'_>) -> Denial {
    let Some(Stuck { step, pool, at }) = furthest else {
        return absence(asked.state, asked.rules.catalog, asked.request);
    };
    let feature = &if std::ptr::eq(pool, at) {
        asked.request.feature.to_string()
    } else {
        format!("{} (which goes with {})", at.feature, asked.request.feature)
    };
    let pool = at;
    match step {
        Step::Package => {
            let note = format!("{feature} is a suite, whose licenses go with those of its components");
            Denial::new(Code::OnlyPackage, minor::SUITE_ALONE, &note)
        }
        Step::Version { .. } => {
            let wanted = &asked.request.version;
            let note =
                format!("version {wanted} was asked for, {feature} is licensed up to {}", pool.version);
            Denial::new(Code::VersionNotSupported, minor::VERSION_TOO_HIGH, &note)
        }
        Step::Period(Period::Before) => {
            // The day as the line has it, as for the expiry: an instant would be one of another zone.
            let first = pool.lots.iter().filter_map(|lot| lot.start).min();
            let date = first.map(|day| day.to_string()).unwrap_or_default();
            let note = format!("{feature} {} starts at {date}", pool.version);
            Denial::new(Code::NotStarted, minor::START_IN_FUTURE, &note)
        }
        Step::Period(Period::Untrusted) => super::clock::set_back(asked, feature),
        Step::Period(_) => expired(feature, pool),
        Step::HostId { .. } => {
            let wanted: Vec<String> = pool.hostids.iter().map(ToString::to_string).collect();
            let note =
                format!("{feature} is locked to {}, and the client has none of these", wanted.join(" or "));
            Denial::new(Code::WrongHost, minor::CLIENT_HOSTID, &note)
        }
        Step::Platform { .. } => {
            let names = pool.platforms.as_deref().unwrap_or_default().join(" or ");
            let note = format!("{feature} is for {names}, and the client's platform is none of these");
            Denial::new(Code::WrongPlatform, minor::CLIENT_PLATFORM, &note)
        }
        Step::Exclude { by } => {
            let note = format!("the line excludes the client from {feature}");
            by_rule(asked, Code::Excluded, minor::EXCLUDED, by, &note)
        }
        Step::Include(inclusion) => {
            let note = format!(
                "{feature} is for those on the INCLUDE list that begins there, and the client is not"
            );
            by_rule(asked, Code::NotIncluded, minor::NOT_INCLUDED, inclusion.list, &note)
        }
        Step::Named { named, most, naming } => {
            let for_whom = most.map_or_else(String::new, |most| format!(" for {}", named.counted(most)));
            let is = format!("{feature} is {}{for_whom}", named.attribute());
            match naming.by {
                Some((place, rule)) => {
                    let note =
                        format!("{is}, and the client's name there is number {place} on INCLUDE lines");
                    by_rule(asked, Code::NotIncluded, minor::NAMED_BEYOND, Some(rule), &note)
                }
                None if naming.names == 0 => {
                    let note = format!("{is}, and no INCLUDE line of the options file names any");
                    Denial::new(Code::NobodyNamed, minor::NOBODY_NAMED, &note)
                }
                None => {
                    let note =
                        format!("{is} that INCLUDE lines name, which begin there, and the client is none");
                    by_rule(asked, Code::NotIncluded, minor::NOT_INCLUDED, naming.list, &note)
                }
            }
        }
        Step::Borrow(obstacle) => match obstacle {
            Some(obstacle) => borrow_refusal(asked, Some(pool), obstacle),
            // What is in nobody's way is no refusal.
            None => absence(asked.state, asked.rules.catalog, asked.request),
        },
        Step::Limit { id, used, .. } => {
            let limit = asked.rules.policy.limit(id);
            let (most, used) = (limit.map_or(0, |limit| limit.count), used.unwrap_or(0));
            let allowed = counted(most, "license");
            let note =
                format!("the line allows {allowed} of {feature}, of which {used} {} in use", are(used));
            by_rule(asked, Code::MaxExceeded, minor::MAX_REACHED, limit.map(|limit| limit.rule), &note)
        }
        // An uncounted pool is never in the way, nor is a priority.
        Step::Count { .. } | Step::Uncounted | Step::Priority { .. } => {
            let version = &pool.version;
            let count = match step {
                Step::Count { count, .. } => count,
                _ => u64::from(pool.count_at(asked.time)),
            };
            let wanted = asked.request.count;
            let were = if wanted.get() == 1 { "was" } else { "were" };
            let asked_for = counted(wanted.get(), "license");
            let note = format!("{asked_for} {were} asked for, {feature} {version} has {count}");
            Denial::new(Code::TooManyRequested, minor::REQUEST_TOO_LARGE, &note)
        }
        Step::Rest { component, room, .. } => rest(asked, pool, component, room),
        Step::Availability { room: Room::Reserved, idle, .. } if idle.others == idle.others_of_suite => {
            let note =
                format!("what is free of {feature} is reserved for users of other components of its suite");
            Denial::new(Code::AllReserved, minor::SUITE_RESERVED, &note)
        }
        Step::Availability { room: Room::Reserved, .. } => {
            let note = format!("what is free of {feature} is reserved for others");
            let rules = pool_rules(asked, pool);
            let rule = rules.and_then(|rules| reserving(asked, rules).first().copied());
            by_rule(asked, Code::AllReserved, minor::RESERVED, rule, &note)
        }
        Step::Queue { ahead, .. } => queued(feature, ahead),
        Step::Availability { in_use, .. } => {
            let waiting = asked.ahead.waiting_for(pool);
            if waiting > 0 {
                return queued(feature, waiting);
            }
            let count = pool.count_at(asked.time);
            let over = if in_use > u64::from(count) && pool.overdraft_at(asked.time) > 0 {
                ", with overdraft"
            } else {
                ""
            };
            let all = counted(count, "license");
            let note = format!("{in_use} of {all} of {feature} {} in use{over}", are(in_use));
            Denial::new(Code::UsersReached, minor::POOL_IN_USE, &note)
        }
    }
}

/// What a client is told that can't borrow.
pub(super) fn borrow_refusal(asked: &Asked<'_>, pool: Option<&Pool>, obstacle: BorrowObstacle) -> Denial {
    let feature = pool.map_or(&asked.request.feature, |pool| &pool.feature);
    match obstacle {
        BorrowObstacle::NotBorrowable => {
            let note = format!("the license of {feature} has no BORROW");
            Denial::new(Code::NotBorrowable, minor::NOT_BORROWABLE, &note)
        }
        BorrowObstacle::NoHostId => {
            let note =
                "a borrow is bound to a machine: the client must name a hostid, in the framed protocol";
            Denial::new(Code::BorrowFailed, minor::BORROW_NO_HOSTID, note)
        }
        BorrowObstacle::Excluded(rule) => {
            let note = format!("the line excludes the client from borrowing {feature}");
            by_rule(asked, Code::Excluded, minor::BORROW_EXCLUDED, Some(rule), &note)
        }
        BorrowObstacle::NotIncluded(rule) => {
            let note = format!(
                "{feature} is lent to those on the INCLUDE_BORROW list that begins there, and the client is not"
            );
            by_rule(asked, Code::NotIncluded, minor::BORROW_NOT_INCLUDED, Some(rule), &note)
        }
        BorrowObstacle::Past => {
            let note = format!("the borrow of {feature} would end before it begins");
            Denial::new(Code::InvalidParameter, minor::BORROW_PAST, &note)
        }
        BorrowObstacle::TooLong { latest, hours, rule } => {
            let who = if rule.is_some() { "the line" } else { "the license" };
            let note = format!(
                "{who} lets {feature} be borrowed for {}; the latest possible end is {}",
                counted(hours, "hour"),
                latest.whole_seconds()
            );
            by_rule(asked, Code::BorrowTooLong, minor::BORROW_TOO_LONG, rule, &note)
        }
        BorrowObstacle::PastExpiry { latest } => {
            let note =
                format!("{feature} ends before; the latest possible end is {}", latest.whole_seconds());
            Denial::new(Code::BorrowTooLong, minor::BORROW_PAST_EXPIRY, &note)
        }
        BorrowObstacle::Crowded { most } => {
            let note = format!("{} of {feature} {} borrowed already", counted(most, "license"), are(most));
            Denial::new(Code::LimitReached, minor::PEER_LIMIT, &note)
        }
        BorrowObstacle::Lowwater { borrowed, most, rule } => {
            let lent = counted(most, "license");
            let note =
                format!("the line lets {lent} of {feature} be borrowed, and {borrowed} {}", are(borrowed));
            by_rule(asked, Code::NoneToBorrow, minor::BORROW_LOWWATER, Some(rule), &note)
        }
    }
}

/// Another component of a suite that reserves them has no room.
fn rest(asked: &Asked<'_>, pool: &Pool, component: usize, room: Room) -> Denial {
    let catalog = asked.rules.catalog;
    let other = pool.package().and_then(|package| catalog.reserved_together(package).get(component));
    let Some(other) = other.and_then(|key| catalog.pool(key)) else {
        return Denial::new(
            Code::UsersReached,
            minor::SUITE_REST,
            "another component of the suite has no room",
        );
    };
    let goes = format!("{} (which {} reserves)", other.feature, pool.feature);
    if room == Room::Reserved {
        let note = format!("what is free of {goes} is reserved for others");
        return Denial::new(Code::AllReserved, minor::SUITE_REST, &note);
    }
    let in_use = asked.state.pool(&other.key).map_or(0, super::PoolUse::in_use);
    let all = counted(other.count_at(asked.time), "license");
    let note = format!("{in_use} of {all} of {goes} {} in use", are(in_use));
    Denial::new(Code::UsersReached, minor::SUITE_REST, &note)
}

/// Others wait, and the request is none of those that do.
fn queued(feature: &str, waiting: u64) -> Denial {
    let wait = if waiting == 1 { "waits" } else { "wait" };
    let note = format!("{} {wait} for {feature}", counted(waiting, "request"));
    Denial::new(Code::UsersQueued, minor::QUEUE_AHEAD, &note)
}

/// The first start of any of a pool's lines.
pub(super) fn starts(pool: &Pool) -> Option<Timestamp> {
    pool.lots.iter().filter_map(|lot| lot.starts).min()
}

/// The lines with idle reservations for others than the client, in file order.
pub(super) fn reserving(asked: &Asked<'_>, rules: &PoolRules) -> Vec<RuleId> {
    let policy = asked.rules.policy;
    let for_others = |id: &crate::policy::ReservationId| {
        let reservation = policy.reservation(*id)?;
        let others = !policy.is_reserved_for(reservation, &asked.client);
        (others && asked.rules.usage.idle_of(*id, policy) > 0).then_some(reservation.rule)
    };
    rules.reservations.iter().filter_map(for_others).collect()
}

fn pool_rules<'a>(asked: &Asked<'a>, pool: &Pool) -> Option<&'a PoolRules> {
    super::usage::rules_of(asked.rules.catalog, asked.rules.policy, &pool.key)
}

fn by_rule(asked: &Asked<'_>, code: Code, minor: u16, rule: Option<RuleId>, note: &str) -> Denial {
    match rule {
        Some(rule) => Denial::by_rule(code, minor, &asked.rules.policy.place(rule), note),
        None => Denial::new(code, minor, note),
    }
}

fn expired(feature: &str, pool: &Pool) -> Denial {
    let last = pool.lots.iter().max_by_key(|lot| lot.ends);
    if let Some(Retirement { key, day }) = last.and_then(|lot| lot.retirement) {
        let note = SignatureError::Retired { key, last: day }.to_string();
        return Denial::new(Code::BadSignature, minor::LINE_KEY_RETIRED, &note);
    }
    let date = last.map(|lot| lot.expiry.to_string()).unwrap_or_default();
    let note = format!("{feature} {} expired on {date}", pool.version);
    Denial::new(Code::Expired, minor::LINE_EXPIRED, &note)
}

fn absence(state: &State, catalog: &Catalog, request: &Checkout) -> Denial {
    let feature = &request.feature;
    if state.was_removed(feature) {
        return super::reread::removed(feature);
    }
    catalog.unserved(feature.as_str()).map_or_else(
        || {
            let note = format!("no license line names {feature}");
            Denial::new(Code::NoSuchFeature, minor::NO_SUCH_FEATURE, &note)
        },
        Unserved::denial,
    )
}
