//! A state in which licenses are in use as the caller says.

use super::{Held, Wanted};
use crate::catalog::{Catalog, Pool};
use crate::event::{Checkout, Claims, Event, Identity, Opened, Out, Record, SessionKind};
use crate::ident::{Count, Digest, Handle, SessionId, Token};
use crate::seat::{PoolUse, State};
use crate::time::Timestamp;

/// Nobody's user and host: names that no rule has.
const NOBODY: (&str, &str) = ("(somebody)", "(somewhere)");

/// Fills the pools that the request could use, in their order. That licenses are in use is a fact here, whether the rules would
/// have given them out or not.
pub(super) fn occupy(wanted: &Wanted, catalog: &Catalog) -> Result<State, String> {
    let mut filling = Filling { wanted, state: State::default(), handle: 0 };
    let nobody = match wanted.in_use {
        None => None,
        Some(count) => {
            let (user, host) = NOBODY;
            let parts = user.parse().ok().zip(host.parse().ok());
            parts.map(|(user, host)| Held { user, host, count })
        }
    };
    for (number, held) in nobody.iter().chain(&wanted.held).enumerate() {
        filling.hold(catalog, number, held)?;
    }
    Ok(filling.state)
}

struct Filling<'a> {
    wanted: &'a Wanted,
    state: State,
    handle: u64,
}

impl Filling<'_> {
    fn record(&mut self, event: Event) {
        let at = self.wanted.now.utc;
        self.state.evolve(&Record { first: self.state.seq().next(), at, events: vec![event] });
    }

    fn hold(&mut self, catalog: &Catalog, number: usize, held: &Held) -> Result<(), String> {
        let mut name = [0; 16];
        for (place, byte) in name.iter_mut().zip(number.to_le_bytes()) {
            *place = byte;
        }
        let session = SessionId(name);
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
        let identity = Identity::new(claims, address, SessionKind::Framed);
        let opened = Opened { session, secret: Digest([0; 32]), identity: identity.clone() };
        self.record(Event::Opened(opened));
        let request = &self.wanted.request;
        let mut left = held.count.get();
        for pool in catalog.pools(request.feature.as_str()) {
            if pool.version < request.version {
                continue;
            }
            let taken = left.min(self.room(pool, self.wanted.now.utc));
            let Some(count) = Count::new(taken) else { continue };
            left = left.saturating_sub(taken);
            self.handle = self.handle.saturating_add(1);
            let out = Out {
                session,
                identity: identity.clone(),
                request: Checkout {
                    token: Token(self.handle),
                    acknowledged: Token(0),
                    count,
                    ..request.clone()
                },
                pool: pool.key.clone(),
                handle: Handle(self.handle),
                lines: Vec::new().into(),
                expires: None,
                demo: catalog.demo(),
            };
            self.record(Event::Out(Box::new(out)));
        }
        if left > 0 {
            return Err(format!(
                "the pools of {} have no room for {left} of the {} licenses that {}@{} is to have",
                request.feature, held.count, held.user, held.host
            ));
        }
        Ok(())
    }

    fn room(&self, pool: &Pool, now: Timestamp) -> u32 {
        if !pool.counted {
            return u32::MAX;
        }
        let in_use = self.state.pool(&pool.key).map_or(0, PoolUse::in_use);
        u32::try_from(u64::from(pool.count_at(now)).saturating_sub(in_use)).unwrap_or(u32::MAX)
    }
}
