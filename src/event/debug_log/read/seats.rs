//! Sessions and checkouts behind the lines of a log, which names neither.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::line::{Refused, Seats};
use crate::code::Code;
use crate::event::{
    Accounting, Checkout, Claims, Denial, Denied, EndReason, Ended, Event, Identity, In, InReason, Opened,
    Out, SessionKind, Wishes,
};
use crate::ident::{
    Count, Digest, Display, FeatureName, Handle, Host, PoolKey, SessionId, Token, User, Version,
};

/// Stands for the display, which the log does not say.
const DISPLAY: &str = "unknown";

/// Who holds what, as far as the log has said it.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// By `user@host` as it stands in the log.
    clients: BTreeMap<Box<str>, Client>,
    features: BTreeSet<FeatureName>,
    last_session: u64,
    last_handle: u64,
    /// Checkouts that are open.
    pub(super) held: u64,
    /// Clients whose host had characters that a host can't have.
    pub(super) hosts_changed: u64,
    /// Checkouts that came back in more than one part.
    pub(super) in_parts: u64,
    /// IN lines that gave back several checkouts.
    pub(super) in_sums: u64,
}

#[derive(Debug)]
struct Client {
    session: SessionId,
    identity: Identity,
    last_token: u64,
    holds: BTreeMap<FeatureName, Holds>,
}

/// The checkouts of one feature: what is still to come back of each, and the same by that number.
#[derive(Debug, Default)]
struct Holds {
    rest: BTreeMap<Handle, u32>,
    by_rest: BTreeSet<(u32, Handle)>,
}

/// What an IN line led to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Returned {
    pub(super) events: Vec<Event>,
    /// Licenses that nobody had taken since the log begins.
    pub(super) missing: u32,
}

/// Why a line with seats leads to nothing: a name or number that can't be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unnameable;

impl Open {
    /// A grant, and before it the session of a client that is seen for the first time.
    pub(super) fn out(&mut self, seats: &Seats<'_>) -> Result<(Option<Opened>, Out), Unnameable> {
        let feature = self.feature(seats.feature)?;
        let count = Count::new(seats.count).ok_or(Unnameable)?;
        let opened = self.meet(seats.client)?;
        let client = self.clients.get_mut(seats.client).ok_or(Unnameable)?;
        let request = client.request(&feature, count)?;
        self.last_handle = self.last_handle.saturating_add(1);
        let handle = Handle(self.last_handle);
        client.holds.entry(feature).or_default().add(handle, seats.count);
        self.held = self.held.saturating_add(1);
        let out = Out {
            session: client.session,
            identity: client.identity.clone(),
            pool: PoolKey::new(request.feature.as_str()),
            request,
            handle,
            lines: [].into(),
            expires: None,
            demo: false,
            accounting: Accounting::default(),
        };
        Ok((opened, out))
    }

    /// A refusal.
    pub(super) fn denied(&mut self, refused: &Refused<'_>) -> Result<(Option<Opened>, Denied), Unnameable> {
        let feature = self.feature(refused.seats.feature)?;
        let count = Count::new(refused.seats.count).ok_or(Unnameable)?;
        let opened = self.meet(refused.seats.client)?;
        let client = self.clients.get_mut(refused.seats.client).ok_or(Unnameable)?;
        let denied = Denied {
            session: client.session,
            identity: client.identity.clone(),
            request: client.request(&feature, count)?,
            denial: denial(refused),
            times: 1,
        };
        Ok((opened, denied))
    }

    /// Seats come back: the oldest checkout of this client and feature of which just so many licenses are out. If there is none,
    /// the oldest ones give as many: one that gives a part stays whole until its last part has come back, for the history knows no
    /// smaller checkins.
    pub(super) fn back(&mut self, seats: &Seats<'_>, why: Why) -> Returned {
        let mut returned = Returned { events: Vec::new(), missing: seats.count };
        let Some(client) = self.clients.get_mut(seats.client) else { return returned };
        let Some(holds) = client.holds.get_mut(seats.feature) else { return returned };
        let mut ended = Vec::new();
        if let Some(handle) = holds.oldest_of(seats.count) {
            holds.take(handle, seats.count);
            returned.missing = 0;
            ended.push(handle);
        }
        while returned.missing > 0
            && let Some((handle, rest)) = holds.oldest()
        {
            let part = rest.min(returned.missing);
            holds.take(handle, part);
            returned.missing -= part;
            if part == rest {
                ended.push(handle);
            } else {
                self.in_parts = self.in_parts.saturating_add(1);
            }
        }
        if holds.rest.is_empty() {
            client.holds.remove(seats.feature);
        }
        if ended.len() > 1 {
            self.in_sums = self.in_sums.saturating_add(1);
        }
        self.held = self.held.saturating_sub(ended.len() as u64);
        for handle in ended {
            let why = match why {
                Why::Checkin => {
                    let token = client.next_token();
                    InReason::Checkin { token, acknowledged: Token(token.0 - 1) }
                }
                Why::Ended(reason) => InReason::Ended(reason),
                Why::Removed => InReason::Removed,
                Why::UserRemoved => InReason::UserRemoved,
            };
            returned.events.push(Event::In(In { session: client.session, handle, why }));
        }
        returned
    }

    /// The daemon is gone, and with it all sessions.
    pub(super) fn end_all(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut clients: Vec<Client> = std::mem::take(&mut self.clients).into_values().collect();
        clients.sort_by_key(|client| client.session);
        for client in clients {
            let session = client.session;
            let mut handles: Vec<Handle> =
                client.holds.values().flat_map(|holds| holds.rest.keys()).copied().collect();
            handles.sort_unstable();
            let why = EndReason::Shutdown;
            events.extend(
                handles
                    .into_iter()
                    .map(|handle| Event::In(In { session, handle, why: InReason::Ended(why) })),
            );
            events.push(Event::Ended(Ended { session, why }));
        }
        self.held = 0;
        events
    }

    fn feature(&mut self, name: &str) -> Result<FeatureName, Unnameable> {
        if let Some(known) = self.features.get(name) {
            return Ok(known.clone());
        }
        let feature = FeatureName::parse(name).map_err(|_| Unnameable)?;
        self.features.insert(feature.clone());
        Ok(feature)
    }

    /// Opens a session for a client that has none.
    fn meet(&mut self, text: &str) -> Result<Option<Opened>, Unnameable> {
        if self.clients.contains_key(text) {
            return Ok(None);
        }
        let (user, host) = text.rsplit_once('@').ok_or(Unnameable)?;
        let user = User::parse(user).map_err(|_| Unnameable)?;
        let host = match Host::parse(host) {
            Ok(host) => host,
            // A host has no blanks here; what rules say of this one can't be judged, but its seats count.
            Err(_) => {
                let host = Host::parse(&host.replace(char::is_whitespace, "_")).map_err(|_| Unnameable)?;
                self.hosts_changed = self.hosts_changed.saturating_add(1);
                host
            }
        };
        let display = Display::parse(DISPLAY).map_err(|_| Unnameable)?;
        let claims =
            Claims { user, host, display, project: None, platform: None, hostids: Vec::new(), pid: None };
        let identity = Identity::new(claims, IpAddr::V4(Ipv4Addr::UNSPECIFIED), SessionKind::Line);
        self.last_session = self.last_session.saturating_add(1);
        let session = SessionId(u128::from(self.last_session).to_be_bytes());
        let client = Client { session, identity: identity.clone(), last_token: 0, holds: BTreeMap::new() };
        self.clients.insert(text.into(), client);
        Ok(Some(Opened { session, secret: Digest([0; 32]), identity }))
    }
}

/// Why seats came back, without what only a request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Checkin,
    Ended(EndReason),
    Removed,
    UserRemoved,
}

impl Client {
    fn next_token(&mut self) -> Token {
        self.last_token = self.last_token.saturating_add(1);
        Token(self.last_token)
    }

    fn request(&mut self, feature: &FeatureName, count: Count) -> Result<Checkout, Unnameable> {
        let version = Version::parse(super::VERSION).map_err(|_| Unnameable)?;
        let token = self.next_token();
        // Every answer has arrived, so that a state which follows these records need not keep any.
        Ok(Checkout {
            token,
            acknowledged: Token(token.0 - 1),
            feature: feature.clone(),
            version,
            count,
            wishes: Wishes::default(),
        })
    }
}

impl Holds {
    fn add(&mut self, handle: Handle, count: u32) {
        self.rest.insert(handle, count);
        self.by_rest.insert((count, handle));
    }

    fn oldest(&self) -> Option<(Handle, u32)> {
        self.rest.first_key_value().map(|(handle, rest)| (*handle, *rest))
    }

    fn oldest_of(&self, count: u32) -> Option<Handle> {
        let from = (count, Handle(0));
        self.by_rest.range(from..).next().filter(|(rest, _)| *rest == count).map(|(_, handle)| *handle)
    }

    fn take(&mut self, handle: Handle, part: u32) {
        let Some(rest) = self.rest.remove(&handle) else { return };
        self.by_rest.remove(&(rest, handle));
        if rest > part {
            self.add(handle, rest - part);
        }
    }
}

/// A refusal whose number is not one of ours is kept as an error of the server, with the log's own words.
fn denial(refused: &Refused<'_>) -> Denial {
    let known = refused.numbers.and_then(|(number, minor)| Some((Code::from_number(number)?, minor)));
    let Some((code, minor)) = known else {
        let number =
            refused.numbers.map(|(number, minor)| format!(" ({number},{minor})")).unwrap_or_default();
        return Denial::new(Code::InternalError, 0, &format!("the log says: {}{number}", refused.text));
    };
    let plain = Denial::new(code, minor, "");
    match refused.text.strip_prefix(plain.text()).and_then(|rest| rest.strip_prefix(": ")) {
        Some(place) => Denial::by_rule(code, minor, place, ""),
        None => plain,
    }
}
