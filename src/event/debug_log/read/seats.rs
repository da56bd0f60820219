//! Sessions and checkouts behind the lines of a log, which names neither.

mod waiting;

pub(super) use waiting::Left;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::line::{Refused, Seats};
use crate::code::Code;
use crate::event::{
    Accounting, Checkout, Claims, Denial, Denied, DequeueReason, EndReason, Ended, Event, Identity, In,
    InReason, Opened, Out, Queueing, SessionKind, Wishes,
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
    /// Requests that wait.
    pub(super) waiting: u64,
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
    /// Requests that wait, by the names of their entries, as checkouts are.
    waits: BTreeMap<FeatureName, Holds>,
    /// Their numbers.
    waiting: BTreeMap<Handle, Token>,
}

/// The checkouts of one feature, or the requests that wait for it: what is still to come back of each, and the same by that number.
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
    /// A grant, and before it the session of a client that is seen for the first time. A request that waited is granted under its
    /// own number.
    pub(super) fn out(
        &mut self,
        seats: &Seats<'_>,
        waited: Option<Token>,
    ) -> Result<(Option<Opened>, Out), Unnameable> {
        let feature = self.feature(seats.feature)?;
        let count = Count::new(seats.count).ok_or(Unnameable)?;
        let opened = self.meet(seats.client)?;
        let client = self.clients.get_mut(seats.client).ok_or(Unnameable)?;
        let token = waited.unwrap_or_else(|| client.next_token());
        let mut request = request(token, &feature, count)?;
        request.wishes.queue = waited.map(|_| Queueing::default());
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
            request: request(client.next_token(), &feature, count)?,
            denial: denial(refused.text, refused.numbers),
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
                Why::Inactive => InReason::Inactive,
                Why::Linger => InReason::Linger,
                Why::BorrowEnd => InReason::BorrowEnd,
                Why::BorrowReturned => {
                    let (session, token) = (client.session, client.next_token());
                    InReason::BorrowReturned { session, token, acknowledged: Token(token.0 - 1) }
                }
            };
            returned.events.push(Event::In(In { session: client.session, handle, why }));
        }
        returned
    }

    /// The daemon is gone, and with it all sessions; but those that `keep_waiting` for licenses live on.
    pub(super) fn end_all(&mut self, keep_waiting: bool) -> Vec<Event> {
        let mut events = Vec::new();
        let mut clients: Vec<(Box<str>, Client)> = std::mem::take(&mut self.clients).into_iter().collect();
        clients.sort_by_key(|(_, client)| client.session);
        for (name, mut client) in clients {
            let session = client.session;
            let mut handles: Vec<Handle> =
                client.holds.values().flat_map(|holds| holds.rest.keys()).copied().collect();
            handles.sort_unstable();
            let why = EndReason::Shutdown;
            client.holds.clear();
            events.extend(
                handles
                    .into_iter()
                    .map(|handle| Event::In(In { session, handle, why: InReason::Ended(why) })),
            );
            if keep_waiting && !client.waiting.is_empty() {
                self.clients.insert(name, client);
                continue;
            }
            self.waiting = self.waiting.saturating_sub(client.waiting.len() as u64);
            let left = |(entry, token)| waiting::dequeued(session, token, entry, DequeueReason::Ended(why));
            events.extend(client.waiting.into_iter().map(left));
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
        let client = Client {
            session,
            identity: identity.clone(),
            last_token: 0,
            holds: BTreeMap::new(),
            waits: BTreeMap::new(),
            waiting: BTreeMap::new(),
        };
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
    Inactive,
    Linger,
    BorrowEnd,
    BorrowReturned,
}

impl Client {
    fn next_token(&mut self) -> Token {
        self.last_token = self.last_token.saturating_add(1);
        Token(self.last_token)
    }
}

fn request(token: Token, feature: &FeatureName, count: Count) -> Result<Checkout, Unnameable> {
    let version = Version::parse(super::VERSION).map_err(|_| Unnameable)?;
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
fn denial(text: &str, numbers: Option<(i32, u16)>) -> Denial {
    let known = numbers.and_then(|(number, minor)| Some((Code::from_number(number)?, minor)));
    let Some((code, minor)) = known else {
        let number = numbers.map(|(number, minor)| format!(" ({number},{minor})")).unwrap_or_default();
        return Denial::new(Code::InternalError, 0, &format!("the log says: {text}{number}"));
    };
    let plain = Denial::new(code, minor, "");
    match text.strip_prefix(plain.text()).and_then(|rest| rest.strip_prefix(": ")) {
        Some(place) => Denial::by_rule(code, minor, place, ""),
        None => plain,
    }
}
