//! Borrowing (`domain.md` 5, `flexnet-files.md` 3.12 and 5.4): who may take licenses along, for how long, and how they come back.
//!
//! A borrowed checkout is no session's: it goes on when its session ends, survives restarts and counts in its pool, until its record
//! can be good no more on any clock that differs by what is tolerated. Who knows its secret may renew the record and give the licenses
//! back. DECISION: a reread that leaves no pool for it does not end it, since its record goes on.

use std::sync::Arc;
use std::time::Duration;

use super::checkout::{backing, repeated};
use super::choose::Asked;
use super::refusal::borrow_refusal;
use super::{Decision, Reply, Rules, Seat, State, Tenure};
use crate::catalog::{Catalog, Pool};
use crate::code::{Code, minor};
use crate::event::{
    Answer, Borrow, BorrowReturn, Borrowing, Checkout, Denial, Event, In, InReason, Recalled, Renewal,
    Renewed, SessionKind,
};
use crate::ident::{Digest, Handle, SessionId};
use crate::policy::{Access, PoolRules, RuleId};
use crate::time::{Now, Timestamp};

/// How long after the end of its record a borrowed license is still in use: as far as the clocks of client and server may differ
/// (`domain.md` 5).
pub const BORROW_MARGIN: Duration = Duration::from_secs(600);

/// Licenses that are borrowed from one pool at most where its count does not say: nobody's session ends these, so a client that
/// borrows what is not counted, or shares, without end must not fill the memory.
const LENT_MAX: u64 = 65_536;

/// Why a pool does not lend a license.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BorrowObstacle {
    /// No line of it has BORROW (-68).
    NotBorrowable,
    /// The client can't be told from others: it names no hostid, or speaks the line protocol (-117).
    NoHostId,
    /// An EXCLUDE_BORROW line names the client (-38).
    Excluded(RuleId),
    /// There is an INCLUDE_BORROW list, which this line opens, and the client is not on it (-39).
    NotIncluded(RuleId),
    /// The end has passed already (-42).
    Past,
    /// Nobody may have it for so long (-104).
    TooLong {
        /// The latest end that may be asked for.
        latest: Timestamp,
        /// For how many hours it may be borrowed.
        hours: u32,
        /// The MAX_BORROW_HOURS line that says so; none if the license does.
        rule: Option<RuleId>,
    },
    /// The license ends before (-104).
    PastExpiry {
        /// The latest end that may be asked for.
        latest: Timestamp,
    },
    /// So many are borrowed already that no more are lent, counted or not (-1006).
    Crowded {
        /// How many may be.
        most: u64,
    },
    /// A BORROW_LOWWATER line keeps so many back (-67).
    Lowwater {
        /// How many are borrowed.
        borrowed: u64,
        /// How many may be.
        most: u64,
        /// The line.
        rule: RuleId,
    },
}

/// What stands between a request to borrow and a pool.
pub(super) fn obstacle(
    asked: &Asked<'_>,
    pool: &Pool,
    of_pool: &PoolRules,
    borrowing: Borrowing,
) -> Option<BorrowObstacle> {
    let lent = asked.state.pool(&pool.key).map_or(0, super::PoolUse::borrowed);
    let crowded = || {
        let most = LENT_MAX.max(u64::from(pool.count_at(asked.now)));
        (lent.saturating_add(asked.count()) > most).then_some(BorrowObstacle::Crowded { most })
    };
    terms_obstacle(asked, pool, of_pool, borrowing.ends).or_else(crowded).or_else(|| {
        let (lowwater, rule) = of_pool.terms.borrow_lowwater.filter(|_| pool.counted)?;
        let most = u64::from(pool.count_at(asked.time)).saturating_sub(u64::from(lowwater));
        let enough = lent.saturating_add(asked.count()) <= most;
        (!enough).then_some(BorrowObstacle::Lowwater { borrowed: lent, most, rule })
    })
}

/// What does not depend on who else borrows.
fn terms_obstacle(
    asked: &Asked<'_>,
    pool: &Pool,
    of_pool: &PoolRules,
    ends: Timestamp,
) -> Option<BorrowObstacle> {
    let identity = asked.identity();
    let Some(hours) = pool.borrow_h else { return Some(BorrowObstacle::NotBorrowable) };
    if identity.hostids.is_empty() || identity.kind() == SessionKind::Line {
        return Some(BorrowObstacle::NoHostId);
    }
    match of_pool.borrow_access(&asked.client) {
        Access::Excluded(rule) => return Some(BorrowObstacle::Excluded(rule)),
        Access::NotIncluded(rule) => return Some(BorrowObstacle::NotIncluded(rule)),
        Access::Open | Access::Included(_) => {}
    }
    // Reckoned from the time by which it will end, whatever becomes of the clock.
    let now = asked.state.confirmed(asked.now);
    if ends <= now.max(asked.now) {
        return Some(BorrowObstacle::Past);
    }
    // MAX_BORROW_HOURS can only shorten it (`domain.md` BOR-4).
    let (hours, rule) = match of_pool.terms.max_borrow_hours {
        Some((most, rule)) if most < hours => (most, Some(rule)),
        _ => (hours, None),
    };
    let latest = now.plus(Duration::from_secs(u64::from(hours) * 3600));
    let expiry = backing(pool, asked.request.count.get(), asked.time.utc.into()).1;
    match expiry {
        Some(expiry) if ends > expiry => Some(BorrowObstacle::PastExpiry { latest: latest.min(expiry) }),
        _ if ends > latest => Some(BorrowObstacle::TooLong { latest, hours, rule }),
        _ => None,
    }
}

/// What a request that borrows comes to when it is granted; none if it does not borrow.
pub(super) fn granted(catalog: &Catalog, request: &Checkout, now: Timestamp) -> Option<Borrow> {
    let borrowing = request.wishes.borrow?;
    Some(Borrow::at(now, borrowing.ends, span(catalog, &borrowing)))
}

/// For how many seconds a record is good: what the client wants, and no longer than the publisher allows.
fn span(catalog: &Catalog, borrowing: &Borrowing) -> u32 {
    match (borrowing.renew_s, catalog.borrow_renew_s()) {
        (wanted, 0) => wanted,
        (0, most) => most,
        (wanted, most) => wanted.min(most),
    }
}

/// The borrowed checkout of a component or plain feature that this secret belongs to.
fn borrowed(state: &State, handle: Handle, secret: Digest) -> Option<(&Seat, Borrow, bool)> {
    // A suite's goes with its component.
    let seat = state.seat(handle).filter(|seat| seat.component.is_none())?;
    let Tenure::Borrowed { borrow, recalled, .. } = seat.tenure else { return None };
    let known = seat.wishes.borrow?.secret;
    bool::from(subtle::ConstantTimeEq::ct_eq(&known.0[..], &secret.0[..])).then_some((seat, borrow, recalled))
}

impl State {
    /// A borrowed checkout, for who knows its secret: what a record of it says.
    ///
    /// # Errors
    /// The [`Denial`] for a client that knows it not, or when it is wanted back.
    pub fn borrow_of(&self, handle: Handle, secret: Digest) -> Result<(&Seat, Borrow), Denial> {
        match borrowed(self, handle, secret) {
            None => Err(unknown(handle)),
            Some((.., true)) => Err(recalled(handle)),
            Some((seat, borrow, false)) => Ok((seat, borrow)),
        }
    }

    /// What was borrowed under this secret, for a client that has lost the answer. That it is wanted back matters nothing here: its
    /// record is good all the same, and who has it again can give it back.
    ///
    /// # Errors
    /// The [`Denial`] where nothing is.
    pub fn lent_under(&self, secret: Digest) -> Result<(Handle, &Seat, Borrow), Denial> {
        let under = self.lent.range((secret, Handle(0))..=(secret, Handle(u64::MAX)));
        let mut found = under.filter_map(|(_, handle)| {
            let (seat, borrow, _) = borrowed(self, *handle, secret)?;
            Some((*handle, seat, borrow))
        });
        found.next().ok_or_else(|| {
            let note = "nothing is borrowed under this secret";
            Denial::new(Code::BorrowUnknown, minor::BORROW_UNKNOWN, note)
        })
    }

    /// The signed lines that are behind a checkout now; none where its pool is gone.
    #[must_use]
    pub fn lines_behind(&self, catalog: &Catalog, seat: &Seat, now: Timestamp) -> Arc<[Digest]> {
        let pool = catalog.pool(&seat.pool);
        pool.map_or_else(
            || [].into(),
            |pool| backing(pool, seat.count.get(), self.license_time(now).utc.into()).0,
        )
    }
}

fn unknown(handle: Handle) -> Denial {
    let note = format!("nothing is borrowed under {handle}, or the secret is another one");
    Denial::new(Code::BorrowUnknown, minor::BORROW_UNKNOWN, &note)
}

fn recalled(handle: Handle) -> Denial {
    let note = format!("an administrator wants the borrow {handle} back: its record is renewed no more");
    Denial::new(Code::BorrowFailed, minor::BORROW_RECALLED, &note)
}

/// Another record of a borrow, and perhaps another end. DECISION: who only renews is asked nothing but that the license still
/// lasts and no administrator wants it back; a later end is asked for as a new borrow would be. A record that is out can't be called
/// back, so no end is sooner than that of the last one: whoever wants that gives the license back, if the publisher lets him.
pub(super) fn renew(state: &State, rules: Rules<'_>, id: SessionId, request: &Renewal, now: Now) -> Decision {
    if let Err(decision) = repeated(state, id, request.token, request.acknowledged) {
        return decision;
    }
    let denied = |denial| Decision::new(Vec::new(), Reply::Answer(request.token, Answer::Denied(denial)));
    let (seat, before) = match state.borrow_of(request.handle, request.secret) {
        Ok(found) => found,
        Err(denial) => return denied(denial),
    };
    let Some(borrowing) = seat.wishes.borrow else { return denied(unknown(request.handle)) };
    let mut ends = before.ends;
    if let Some(wanted) = request.ends {
        let of = Checkout {
            token: request.token,
            acknowledged: request.acknowledged,
            feature: seat.feature.clone(),
            version: seat.version,
            count: seat.count,
            wishes: seat.wishes.clone(),
        };
        let asked = Asked::new(state, rules, &of, (None, &seat.identity), now.utc);
        if wanted <= state.confirmed(now.utc).max(now.utc) {
            return denied(borrow_refusal(&asked, None, BorrowObstacle::Past));
        }
        if wanted > ends {
            let found = asked.pools().find(|(pool, _)| pool.key == seat.pool);
            // The daemon may have been started with files that have no such license.
            let obstacle = found.map_or(Some(BorrowObstacle::NotBorrowable), |(pool, of_pool)| {
                terms_obstacle(&asked, pool, of_pool, wanted)
            });
            if let Some(obstacle) = obstacle {
                return denied(borrow_refusal(&asked, found.map(|(pool, _)| pool), obstacle));
            }
        }
        ends = wanted.max(before.until);
    }
    // The license may end sooner than it did, after a reread.
    let pool = rules.catalog.pool(&seat.pool);
    let expiry =
        pool.and_then(|pool| backing(pool, seat.count.get(), state.license_time(now.utc).utc.into()).1);
    let ends = expiry.map_or(ends, |expiry| ends.min(expiry.max(before.until)));
    let borrow = Borrow::at(state.confirmed(now.utc), ends, span(rules.catalog, &borrowing));
    let borrow = Borrow { until: borrow.until.max(before.until), ends };
    // Its license is in use for a while yet, as clocks may differ, but no record would be good.
    if borrow.until <= state.confirmed(now.utc) {
        let note = format!("the borrow {} is over since {}", request.handle, ends.whole_seconds());
        return denied(Denial::new(Code::BorrowUnknown, minor::BORROW_OVER, &note));
    }
    let renewed = Renewed {
        session: id,
        token: request.token,
        acknowledged: request.acknowledged,
        handle: request.handle,
        borrow,
    };
    let answer = Answer::Renewed { handle: request.handle, borrow };
    Decision::new(vec![Event::Renewed(renewed)], Reply::Answer(request.token, answer))
}

/// Borrowed licenses come back before the end, if the publisher lets them or an administrator wants them.
pub(super) fn give_back(state: &State, rules: Rules<'_>, id: SessionId, request: &BorrowReturn) -> Decision {
    let (token, acknowledged) = (request.token, request.acknowledged);
    if let Err(decision) = repeated(state, id, token, acknowledged) {
        return decision;
    }
    let denied = |denial| Decision::new(Vec::new(), Reply::Answer(token, Answer::Denied(denial)));
    let Some((seat, _, recalled)) = borrowed(state, request.handle, request.secret) else {
        return denied(unknown(request.handle));
    };
    if !recalled && !rules.catalog.early_return() {
        let note = "the publisher does not let borrowed licenses come back before their end";
        return denied(Denial::new(Code::EarlyReturnOff, minor::EARLY_RETURN_OFF, note));
    }
    let why = InReason::BorrowReturned { session: id, token, acknowledged };
    let back = state.coming_back(request.handle);
    let events = back.map(|handle| Event::In(In { session: seat.session, handle, why })).collect();
    Decision::new(events, Reply::Answer(token, Answer::CheckedIn(request.handle)))
}

/// An administrator wants a borrow back.
pub(super) fn recall(state: &State, by: &str, handle: Handle) -> Decision {
    let seat = state.seat(handle);
    // A suite's checkout means the one that its component borrowed.
    let handle = seat.and_then(|seat| seat.component).unwrap_or(handle);
    match state.seat(handle).map(|seat| seat.tenure) {
        Some(Tenure::Borrowed { recalled: false, .. }) => {
            let event = Event::Recalled(Box::new(Recalled { handle, by: by.to_owned() }));
            Decision::new(vec![event], Reply::Done)
        }
        Some(Tenure::Borrowed { .. }) => Decision::new(Vec::new(), Reply::Done),
        _ => {
            let note = format!("no checkout {handle} is borrowed");
            Decision::refused(Denial::new(Code::BorrowUnknown, minor::BORROW_UNKNOWN, &note))
        }
    }
}

// ---- the fold -----------------------------------------------------------------------------------------------------------

impl State {
    /// What is borrowed is found by its secret.
    pub(super) fn lend(&mut self, handle: Handle, seat: &Seat) {
        if let (Tenure::Borrowed { .. }, Some(borrow)) = (seat.tenure, seat.wishes.borrow) {
            self.lent.insert((borrow.secret, handle));
        }
    }

    pub(super) fn renewed(&mut self, renewed: &Renewed) {
        for handle in [Some(renewed.handle), self.seat(renewed.handle).and_then(|seat| seat.suite)] {
            let Some(handle) = handle else { continue };
            let Some(seat) = self.seats.get_mut(&handle) else { continue };
            let before = seat.tenure;
            let Tenure::Borrowed { borrow, .. } = &mut seat.tenure else { continue };
            *borrow = renewed.borrow;
            self.lapses.remove(handle, &before);
            self.lapses.insert(handle, &seat.tenure);
        }
        if let Some(session) = self.sessions.get_mut(&renewed.session) {
            let answer = Answer::Renewed { handle: renewed.handle, borrow: renewed.borrow };
            session.settle(renewed.token, renewed.acknowledged, answer);
        }
    }

    pub(super) fn recalled(&mut self, recall: &Recalled) {
        if let Some(Seat { tenure: Tenure::Borrowed { recalled, .. }, .. }) =
            self.seats.get_mut(&recall.handle)
        {
            *recalled = true;
        }
    }
}
