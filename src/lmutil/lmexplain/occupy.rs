//! A state in which licenses are in use, made of the events that would have led to it.

use super::{Held, OnFiles, Question};
use crate::catalog::{Catalog, Pool};
use crate::event::{
    Accounting, Borrow, Checkout, Claims, EndReason, Event, Identity, InReason, Lingering, Marked, Offered,
    Opened, Out, Passed, Queued, Queueing, Record, Reread, RereadCause, SessionKind, Shares, Wishes,
};
use crate::ident::{Count, Digest, FeatureName, Handle, PoolKey, SessionId, Token, Version};
use crate::seat::{BLOCK_FIRST, PASSES_MAX, PoolUse, State};
use crate::text::counted;
use crate::time::{ClockNews, Look, TimeMark, Timestamp};
use crate::wire::{HeldLicenses, WaitingRequest};

/// Nobody's user and host: names that no rule has.
const NOBODY: (&str, &str) = ("(somebody)", "(somewhere)");

/// A checkout as it stands.
pub(super) struct Checked {
    pub(super) handle: Handle,
    pub(super) feature: FeatureName,
    pub(super) version: Version,
    pub(super) pool: PoolKey,
    pub(super) count: Count,
    pub(super) since: Timestamp,
    pub(super) shares: Option<Shares>,
    pub(super) wishes: Wishes,
    pub(super) lingers_until: Option<Timestamp>,
    pub(super) borrow: Option<Borrow>,
}

/// A state that is being filled.
#[derive(Default)]
pub(super) struct Filling {
    pub(super) state: State,
    /// Of the last session, and who it is.
    session: Option<(SessionId, Identity)>,
    sessions: u64,
}

impl Filling {
    fn record(&mut self, event: Event, at: Timestamp) {
        self.state.evolve(&Record { first: self.state.seq().next(), at, events: vec![event] });
    }

    /// A session begins; its checkouts follow.
    pub(super) fn open(&mut self, identity: Identity, at: Timestamp) {
        self.sessions = self.sessions.saturating_add(1);
        let mut name = [0; 16];
        for (place, byte) in name.iter_mut().zip(self.sessions.to_be_bytes()) {
            *place = byte;
        }
        let session = SessionId(name);
        let opened = Opened { session, secret: Digest([0; 32]), identity: identity.clone() };
        self.record(Event::Opened(opened), at);
        self.session = Some((session, identity));
    }

    /// A checkout of the session that was opened last; nothing if there is none.
    pub(super) fn seat(&mut self, seat: Checked) {
        let Some((session, identity)) = self.session.clone() else { return };
        let request = Checkout {
            token: Token(seat.handle.0),
            acknowledged: Token(0),
            feature: seat.feature,
            version: seat.version,
            count: seat.count,
            wishes: seat.wishes,
        };
        let out = Out {
            session,
            identity,
            request,
            pool: seat.pool,
            handle: seat.handle,
            lines: Vec::new().into(),
            expires: None,
            demo: false,
            accounting: Accounting { shares: seat.shares, borrow: seat.borrow, ..Accounting::default() },
        };
        self.record(Event::Out(Box::new(out)), seat.since);
        if let Some(until) = seat.lingers_until {
            let why = InReason::Ended(EndReason::Goodbye);
            let lingering = Lingering { session, handle: seat.handle, until, cut: false, why };
            self.record(Event::Lingering(lingering), seat.since);
        }
    }

    /// A request of the session that was opened last waits; nothing if there is none.
    pub(super) fn wait(&mut self, waiting: WaitingRequest) {
        let Some((session, identity)) = self.session.clone() else { return };
        let WaitingRequest { handle, feature, version, count, start, data, blocks_until, held } = waiting;
        let wishes = Wishes { data, queue: Some(Queueing::default()), ..Wishes::default() };
        let request =
            Checkout { token: Token(handle.0), acknowledged: Token(0), feature, version, count, wishes };
        let queued = Queued { session, identity: identity.clone(), request: request.clone(), handle };
        self.record(Event::Queued(Box::new(queued)), start);
        if let Some(until) = blocks_until {
            // Passed so often at the time at which a first block that ends then began.
            let began =
                Timestamp(until.0.saturating_sub(i64::try_from(BLOCK_FIRST.as_millis()).unwrap_or(i64::MAX)));
            for _ in 0..PASSES_MAX {
                self.record(Event::Passed(Passed { entries: vec![handle] }), began);
            }
        }
        if let Some(HeldLicenses { handle: checkout, pool, shares, package, until }) = held {
            let offered = Offered {
                session,
                identity,
                request,
                entry: handle,
                handle: checkout,
                pool,
                shares,
                package,
                until,
            };
            self.record(Event::Offered(Box::new(offered)), start);
        }
    }

    /// The server's clock says one time, and its time mark has come to another.
    pub(super) fn clock(&mut self, utc: Timestamp, mark: Timestamp) {
        let mark = TimeMark { mark, ..TimeMark::new(Look { utc, ..Look::default() }) };
        self.record(Event::Marked(Box::new(Marked { mark, news: ClockNews::Nothing })), utc);
    }

    /// A reread has taken a feature away.
    pub(super) fn remove(&mut self, feature: FeatureName, at: Timestamp) {
        let reread = Reread {
            by: String::new(),
            cause: RereadCause::Ordered,
            zone: String::new(),
            files: Vec::new(),
            removed: vec![feature],
        };
        self.record(Event::Reread(Box::new(reread)), at);
    }
}

/// Fills the pools that the request could use, in their order. That licenses are in use is a fact here, whether the rules would
/// have given them out or not.
pub(super) fn occupy(question: &Question, on: &OnFiles, catalog: &Catalog) -> Result<State, String> {
    let mut filling = Filling::default();
    let nobody = match on.in_use {
        None => None,
        Some(count) => {
            let (user, host) = NOBODY;
            let parts = user.parse().ok().zip(host.parse().ok());
            parts.map(|(user, host)| Held { user, host, count })
        }
    };
    let mut handle = Handle(0);
    for held in nobody.iter().chain(&on.held) {
        hold(&mut filling, question, on, catalog, held, &mut handle)?;
    }
    Ok(filling.state)
}

fn hold(
    filling: &mut Filling,
    question: &Question,
    on: &OnFiles,
    catalog: &Catalog,
    held: &Held,
    handle: &mut Handle,
) -> Result<(), String> {
    let (request, now) = (&question.request, on.now.utc);
    let display = held.host.as_str().parse().map_err(|error| format!("{}: {error}", held.host))?;
    let claims = Claims {
        user: held.user.clone(),
        host: held.host.clone(),
        display,
        project: None,
        platform: None,
        hostids: Vec::new(),
        pid: None,
    };
    let address = std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    filling.open(Identity::new(claims, address, SessionKind::Framed), now);
    let mut left = held.count.get();
    for pool in catalog.pools(request.feature.as_str()) {
        if pool.version < request.version || pool.is_package() {
            continue;
        }
        let package = pool.package().and_then(|key| catalog.pool(key));
        let room = package.iter().map(|package| room_of(&filling.state, package, now));
        let taken = room.chain([room_of(&filling.state, pool, now), left]).min().unwrap_or(0);
        let Some(count) = Count::new(taken) else { continue };
        left = left.saturating_sub(taken);
        for pool in package.into_iter().chain([pool]) {
            *handle = Handle(handle.0.saturating_add(1));
            filling.seat(Checked {
                handle: *handle,
                feature: pool.feature.clone(),
                version: request.version,
                pool: pool.key.clone(),
                count,
                since: now,
                shares: None,
                wishes: Wishes::default(),
                lingers_until: None,
                borrow: None,
            });
        }
    }
    if left > 0 {
        return Err(format!(
            "the pools of {} have no room for {left} of the {} that {}@{} is to have",
            request.feature,
            counted(held.count.get(), "license"),
            held.user,
            held.host
        ));
    }
    Ok(())
}

fn room_of(state: &State, pool: &Pool, now: Timestamp) -> u32 {
    if !pool.counted {
        return u32::MAX;
    }
    let in_use = state.pool(&pool.key).map_or(0, PoolUse::in_use);
    u32::try_from(u64::from(pool.count_at(now)).saturating_sub(in_use)).unwrap_or(u32::MAX)
}
