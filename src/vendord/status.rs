//! State and catalog as what lmstat shows (`flexnet-tools.md` 2.6 and 2.7).

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::connection::{Outgoing, Peer, Protocol};
use super::projector::{StatusQuery, Task};
use super::{daemon, freshness};
use crate::catalog::{Catalog, Pool, Unserved};
use crate::code::{Code, minor};
use crate::event::Denial;
use crate::ident::{FeatureName, Handle, Host, PoolKey, VendorName};
use crate::license::Expiry;
use crate::policy::ReservationId;
use crate::seat::{Entry, Rules, Seat, State, Tenure, in_order};
use crate::time::{Look, TimeMark, Timestamp};
use crate::wire::{
    ClockInfo, FeatureCount, LineReply, LingerTime, Message, PoolKind, StatusItem, status_lines,
};

/// What the status says of the daemon itself.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub(super) vendor: VendorName,
    pub(super) server_host: Host,
    pub(super) server_port: u16,
}

/// How an answer is encoded, on the projector's thread.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// As a sequence of frames with this request id.
    Frames(u32),
    /// As lines.
    Lines,
}

/// Asks the projector and hands its answer to the connection when it comes. Few are answered at a time, for each answer
/// can be many megabytes; the others wait for their turn.
pub(super) fn ask(
    daemon: &mut daemon::Daemon,
    peer: &Rc<Peer>,
    request: u32,
    feature: Option<FeatureName>,
    users: bool,
) {
    let form = match peer.protocol() {
        Protocol::Lines => Form::Lines,
        Protocol::Frames | Protocol::Unknown => Form::Frames(request),
    };
    let mut query = StatusQuery { feature, users, notes: daemon.notes(), form };
    let freshness = Rc::clone(&daemon.freshness);
    let question = freshness::Question {
        config: daemon.config.clone(),
        origin: Arc::clone(&daemon.served().origin),
        now: daemon.now().mono,
    };
    let projector = daemon.projector.clone();
    let Some(place) = daemon.status_queue.place() else {
        let denial = Denial::new(Code::ServerBusy, minor::WRITER_BUSY, TOO_MANY);
        return peer.send(request, Outgoing::Refused(denial));
    };
    let peer = Rc::clone(peer);
    tokio::task::spawn_local(async move {
        let turn = place.turn().await;
        if peer.is_over() {
            return;
        }
        query.notes.extend(freshness.note(question).await);
        let (reply, answer) = oneshot::channel();
        if !projector.offer(Task::Status(query, reply)) {
            let denial = Denial::new(Code::ServerBusy, minor::WRITER_BUSY, TOO_MANY);
            return peer.send(request, Outgoing::Refused(denial));
        }
        match answer.await {
            Ok(bytes) => peer.send_large(&bytes).await,
            Err(_) => {
                let note = "the vendor daemon is ending";
                let denial = Denial::new(Code::VendorDown, minor::VENDOR_DOWN, note);
                peer.send(request, Outgoing::Refused(denial));
            }
        }
        // As long as the answer is not sent, it counts against the few that may be under way.
        drop(turn);
    });
}

const TOO_MANY: &str = "too many status requests wait";

/// Status answers that may be under way at a time: each can be many megabytes.
const UNDER_WAY_MAX: usize = 16;
/// Status requests that may wait for their turn, or have it.
const ASKED_MAX: usize = 4096;
/// Answers to administrators that may be under way at a time: each holds all files that are in force.
const GROUNDS_UNDER_WAY_MAX: usize = 1;
/// Those that may wait for their turn, or have it.
const GROUNDS_ASKED_MAX: usize = 64;

/// The line in which requests with large answers wait.
#[derive(Debug)]
pub(super) struct Queue {
    asked: Arc<Semaphore>,
    under_way: Arc<Semaphore>,
}

impl Queue {
    /// For status.
    pub(super) fn of_status() -> Self {
        Self::new(UNDER_WAY_MAX, ASKED_MAX)
    }

    /// For what decisions go by.
    pub(super) fn of_grounds() -> Self {
        Self::new(GROUNDS_UNDER_WAY_MAX, GROUNDS_ASKED_MAX)
    }

    fn new(under_way: usize, asked: usize) -> Self {
        Self { asked: Arc::new(Semaphore::new(asked)), under_way: Arc::new(Semaphore::new(under_way)) }
    }

    /// A place in the line; none if it is too long.
    pub(super) fn place(&self) -> Option<Place> {
        let asked = Arc::clone(&self.asked).try_acquire_owned().ok()?;
        Some(Place { _asked: asked, under_way: Arc::clone(&self.under_way) })
    }
}

/// One request's place in the line.
pub(super) struct Place {
    _asked: OwnedSemaphorePermit,
    under_way: Arc<Semaphore>,
}

impl Place {
    /// Waits for the right to have an answer under way; first come, first served.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes the semaphore.
        Arc::clone(&self.under_way).acquire_owned().await.ok()
    }
}

/// Encodes the answer to a query.
pub(super) fn encode(items: Vec<StatusItem>, form: Form) -> BytesMut {
    let mut output = BytesMut::new();
    match form {
        Form::Frames(request) => super::frames::put_message(&mut output, request, &Message::Status(items)),
        Form::Lines => LineReply::Status(status_lines(&items)).write(&mut output),
    }
    output
}

/// The items of an answer, in the order in which lmstat prints them.
pub(super) fn items(
    state: &State,
    rules: Rules<'_>,
    about: &About,
    query: &StatusQuery,
    look: Look,
) -> Vec<StatusItem> {
    let (catalog, now) = (rules.catalog, look.utc);
    let mut items = vec![StatusItem::Daemon {
        vendor: about.vendor.clone(),
        version: crate::VERSION.to_owned(),
        host: about.server_host.clone(),
        lmgrd_port: about.server_port,
        notes: query.notes.clone(),
    }];
    items.extend(state.time_mark().map(|mark| StatusItem::Clock(clock(mark, look))));
    let wanted = |feature: &FeatureName| query.feature.as_ref().is_none_or(|only| only == feature);
    let strangers = strangers(state, catalog);
    for feature in catalog.features().filter(|feature| wanted(feature)) {
        let pools = catalog.pools(feature.as_str());
        let others = strangers.get(feature.as_str()).map_or(&[][..], Vec::as_slice);
        let idle: Vec<Vec<StatusItem>> = idle_reservations(rules, feature);
        let count = with_idle(count(state, pools, others, now), &idle);
        items.push(StatusItem::Feature { name: feature.clone(), count });
        if query.users {
            let waiting = waiting_by_pool(state, rules, feature, now);
            for (pool, idle) in pools.iter().zip(idle) {
                let waiting = waiting.iter().filter(|(key, _)| *key == &pool.key);
                put_pool(
                    state,
                    about,
                    &pool.key,
                    Some(pool),
                    (idle, waiting.map(|(_, item)| item.clone()).collect()),
                    now,
                    &mut items,
                );
            }
            for key in others {
                put_pool(state, about, key, None, <_>::default(), now, &mut items);
            }
        }
    }
    // Features that no line names any more, or that are not served, while their seats are still out.
    let gone = |key: &&PoolKey| catalog.pools(key.feature()).is_empty();
    for others in strangers.values().filter(|keys| keys.iter().all(gone)) {
        let Some(feature) = feature_of(state, others).filter(|feature| wanted(feature)) else { continue };
        items.push(StatusItem::Feature { name: feature.clone(), count: count(state, &[], others, now) });
        if query.users {
            others.iter().for_each(|key| put_pool(state, about, key, None, <_>::default(), now, &mut items));
        }
    }
    let listed = |feature: &FeatureName| strangers.contains_key(feature.as_str());
    let unserved = catalog.unserved_features().filter(|(feature, _)| wanted(feature) && !listed(feature));
    for (feature, unserved) in unserved.filter(|(_, unserved)| !matches!(unserved, Unserved::Inactive { .. }))
    {
        let count = FeatureCount::Unserved { licenses: unserved.licenses() };
        items.push(StatusItem::Feature { name: feature.clone(), count });
    }
    items
}

fn clock(mark: &TimeMark, look: Look) -> ClockInfo {
    let (mark, _) = mark.look(look);
    let believed_in_s = u32::try_from(mark.unconfirmed_ms() / 1000).unwrap_or(u32::MAX);
    ClockInfo { time: look.utc, mark: mark.mark, believed_in_s, was_off: mark.off }
}

/// Pools that still have seats out but are not in the catalog any more, by feature.
fn strangers<'a>(state: &'a State, catalog: &Catalog) -> BTreeMap<&'a str, Vec<&'a PoolKey>> {
    let mut strangers: BTreeMap<&str, Vec<&PoolKey>> = BTreeMap::new();
    for (key, _) in state.pools().filter(|(key, _)| catalog.pool(key).is_none()) {
        strangers.entry(key.feature()).or_default().push(key);
    }
    strangers
}

/// The name of the feature that pools with seats out are of.
fn feature_of<'a>(state: &'a State, keys: &[&PoolKey]) -> Option<&'a FeatureName> {
    let used = state.pool(keys.first()?)?;
    Some(&state.seat(used.handles().next()?)?.feature)
}

/// Counted licenses of a feature over all of its pools; a feature with uncounted pools only is uncounted. One without
/// pools has none to issue.
fn count(state: &State, pools: &[Pool], strangers: &[&PoolKey], now: Timestamp) -> FeatureCount {
    if !pools.is_empty() && pools.iter().all(|pool| !pool.counted) {
        return FeatureCount::Uncounted;
    }
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let counted = || pools.iter().filter(|pool| pool.counted);
    // Issued they are also while the clock is set back.
    let time = state.license_time(now).utc;
    let issued: u64 = counted().map(|pool| u64::from(pool.count_at(time))).sum();
    let keys = counted().map(|pool| &pool.key).chain(strangers.iter().copied());
    let in_use: u64 = keys.filter_map(|key| state.pool(key)).map(crate::seat::PoolUse::in_use).sum();
    FeatureCount::Counted { issued: narrow(issued), in_use: narrow(in_use) }
}

/// What is idle of the reservations in each pool of a feature.
fn idle_reservations(rules: Rules<'_>, feature: &FeatureName) -> Vec<Vec<StatusItem>> {
    let idle = |id: &ReservationId| {
        let count = u32::try_from(rules.usage.idle_of(*id, rules.policy)).unwrap_or(u32::MAX);
        let holder = rules.policy.holder(rules.policy.reservation(*id)?)?.to_string();
        (count > 0).then_some(StatusItem::Reservation { count, holder })
    };
    let of_policy = rules.policy.pools(feature.as_str());
    let of_pool = |(index, pool): (usize, &Pool)| {
        // A policy may have no pools at all.
        let of_file = of_policy.get(index).into_iter().flat_map(|pool| &pool.reservations).filter_map(idle);
        let of_suite = rules.usage.reserved_by_suite(pool).map(|(user, count)| StatusItem::Reservation {
            count: u32::try_from(count).unwrap_or(u32::MAX),
            holder: format!("USER {user}"),
        });
        of_file.chain(of_suite).collect()
    };
    rules.catalog.pools(feature.as_str()).iter().enumerate().map(of_pool).collect()
}

/// Idle reservations count as in use, as readers of lmstat know it (`flexnet-files.md` 5.6).
fn with_idle(count: FeatureCount, idle: &[Vec<StatusItem>]) -> FeatureCount {
    let FeatureCount::Counted { issued, in_use } = count else { return count };
    let idle = idle.iter().flatten().fold(0_u32, |sum, item| match item {
        StatusItem::Reservation { count, .. } => sum.saturating_add(*count),
        _ => sum,
    });
    FeatureCount::Counted { issued, in_use: in_use.saturating_add(idle) }
}

/// A pool with what is reserved in it and who uses it; nothing if there is neither. `pool` is none for one that is not in the
/// catalog any more.
fn put_pool(
    state: &State,
    about: &About,
    key: &PoolKey,
    pool: Option<&Pool>,
    (reserved, waiting): (Vec<StatusItem>, Vec<StatusItem>),
    now: Timestamp,
    items: &mut Vec<StatusItem>,
) {
    let handles = || state.pool(key).into_iter().flat_map(crate::seat::PoolUse::handles);
    let first = handles().next().and_then(|handle| state.seat(handle));
    if first.is_none() && reserved.is_empty() && waiting.is_empty() {
        return;
    }
    let of_pool = pool.map(|pool| (&pool.feature, pool.version));
    let Some((feature, version)) = of_pool.or(first.map(|seat| (&seat.feature, seat.version))) else {
        return;
    };
    items.push(StatusItem::Pool {
        feature: feature.clone(),
        version,
        vendor: about.vendor.clone(),
        expiry: pool.and_then(|pool| expiry(pool, now)),
        vendor_string: pool.and_then(|pool| pool.vendor_string.clone()),
        kind: pool.map_or(PoolKind::Floating, kind),
    });
    items.extend(reserved);
    for handle in handles() {
        let Some(seat) = state.seat(handle) else { continue };
        let identity = &seat.identity;
        items.push(StatusItem::User {
            user: identity.user.clone(),
            host: identity.host.clone(),
            display: identity.display.clone(),
            version: seat.version,
            handle,
            start: seat.since,
            count: seat.count.get(),
            linger: linger_time(seat, now),
        });
    }
    items.extend(waiting);
}

/// Those who wait for a feature, in the order in which they are served, each at the first pool that can serve it. Those for whom
/// licenses of a component are held stand at the package that is held with it too.
fn waiting_by_pool<'a>(
    state: &'a State,
    rules: Rules<'a>,
    feature: &FeatureName,
    now: Timestamp,
) -> Vec<(&'a PoolKey, StatusItem)> {
    let item = |handle: Handle, entry: &Entry| StatusItem::Queued {
        user: entry.identity.user.clone(),
        host: entry.identity.host.clone(),
        display: entry.identity.display.clone(),
        version: entry.request.version,
        handle,
        count: entry.request.count.get(),
    };
    let components = rules.catalog.joined_by_suites(feature).into_iter().flatten();
    let held = components.flat_map(|component| state.queue(component)).filter_map(|(handle, entry)| {
        let package = entry.offer.as_ref()?.package.as_ref()?;
        (package.pool.feature() == feature.as_str()).then(|| (&package.pool, item(handle, entry)))
    });
    let waiting = in_order(state, rules, feature, now).into_iter();
    let waiting =
        waiting.filter_map(|(handle, entry)| Some((entry.pool(state, rules, now)?, item(handle, entry))));
    waiting.chain(held).collect()
}

/// How long a license stays in use that no session has: a borrowed one is shown as one that lingers (`flexnet-tools.md` 2.7).
fn linger_time(seat: &Seat, now: Timestamp) -> Option<LingerTime> {
    let (since, until) = match seat.tenure {
        Tenure::Held => return None,
        Tenure::Lingering { since, until, .. } => (since, until),
        Tenure::Borrowed { borrow, .. } => (seat.since, borrow.until),
    };
    // What is left counts as a whole second until it is over.
    let seconds = |from: Timestamp| {
        let millis = until.0.saturating_sub(from.0).max(0);
        u32::try_from((millis + 999) / 1000).unwrap_or(u32::MAX)
    };
    Some(LingerTime { left_s: seconds(now.max(since)), total_s: seconds(since) })
}

/// The earliest expiry date that has not passed; none if a valid line never expires and no other ends before.
fn expiry(pool: &Pool, now: Timestamp) -> Option<String> {
    pool.valid_lots(now)
        .filter_map(|lot| lot.ends.map(|ends| (ends, lot.expiry)))
        .min_by_key(|(ends, _)| *ends)
        .and_then(|(_, expiry)| match expiry {
            Expiry::Never => None,
            Expiry::On(day) => Some(day.to_string()),
        })
}

fn kind(pool: &Pool) -> PoolKind {
    let ids: Vec<String> = pool.hostids.iter().map(ToString::to_string).collect();
    let any = ids.iter().any(|id| id == "ANY" || id == "DEMO");
    match (pool.counted, ids.is_empty()) {
        (true, true) => PoolKind::Floating,
        (true, false) => PoolKind::NodeLocked(ids.join(" ")),
        (false, _) if any || ids.is_empty() => PoolKind::UncountedAny,
        (false, _) => PoolKind::UncountedLocked(ids.join(" ")),
    }
}
