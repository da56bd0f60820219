//! The state as bytes, so that a start need not fold the whole history.

use std::collections::BTreeMap;

use thiserror::Error;

use super::answers::Answers;
use super::queue::snapshot as queue;
use super::state::enter;
use super::{Seat, Session, State, Tenure, lost, remove};
use crate::event::codec::{
    CodecError, InlineNames, Reader, Writer, put_accounting, put_answer, put_borrow, put_identity, put_mark,
    put_wishes, take_accounting, take_answer, take_borrow, take_identity, take_mark, take_wishes,
};
use crate::event::{Accounting, Identity, Wishes};
use crate::ident::{Count, Digest, FeatureName, Handle, PoolKey, Seq, SessionId, Sorted, Token, Version};
use crate::time::Timestamp;

/// Version of this form. A snapshot of another version is not read; the history is folded instead.
const FORM: u8 = 10;
/// The form before a session knew what it has lost.
const FORM_WITHOUT_LOST: u8 = 9;
/// The form before offers of suites, in which nobody waits for one.
pub(super) const FORM_WITHOUT_SUITE_OFFERS: u8 = 8;
/// The form before time marks.
const FORM_WITHOUT_MARK: u8 = 7;
/// The form before borrowing, which knows no seat that is borrowed.
const FORM_WITHOUT_BORROW: u8 = 6;
/// The form before lmremove, which has taken nothing back.
const FORM_WITHOUT_REMOVALS: u8 = 5;
/// The form before queues, which has nobody that waits.
const FORM_WITHOUT_QUEUE: u8 = 4;
/// The form before lingering: every seat is held.
const FORM_WITHOUT_TENURE: u8 = 3;
/// The form before sharing: a seat belongs to a session, whose identity it has.
const FORM_WITHOUT_SHARING: u8 = 2;
/// The form before rereads; it lacks the features that they removed.
const FORM_WITHOUT_REMOVED: u8 = 1;

/// Why bytes are not a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SnapshotError {
    /// Damaged, or not a snapshot at all.
    #[error("snapshot of the state: {0}")]
    Damaged(#[from] CodecError),
    /// Written by another version of the program.
    #[error("snapshot of the state has form {0}; this program reads form {FORM}")]
    Form(u8),
    /// A seat without its session.
    #[error("snapshot of the state: checkout {0} belongs to no session")]
    Orphan(Handle),
}

impl State {
    /// The whole state as bytes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(64 + self.sessions.len() * 160 + self.seats.len() * 80);
        out.byte(FORM);
        out.u64(self.seq.0);
        out.u64(self.last_handle);
        out.count(self.sessions.len());
        for (id, session) in &self.sessions {
            out.fixed(&id.0);
            put_session(&mut out, session);
        }
        out.count(self.seats.len());
        for (handle, seat) in &self.seats {
            out.u64(handle.0);
            put_seat(&mut out, seat);
        }
        out.count(self.removed.len());
        self.removed.iter().for_each(|feature| out.str(feature.as_str()));
        queue::put(&mut out, self);
        remove::put(&mut out, &self.removals);
        out.byte(u8::from(self.time_mark.is_some()));
        if let Some(mark) = &self.time_mark {
            put_mark(&mut out, mark);
        }
        out.into_vec()
    }

    /// Reads what [`Self::snapshot`] has written.
    ///
    /// # Errors
    /// [`SnapshotError`] for anything else.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut from = Reader::new(bytes);
        let form = from.byte("form")?;
        let known = [
            FORM,
            FORM_WITHOUT_LOST,
            FORM_WITHOUT_SUITE_OFFERS,
            FORM_WITHOUT_MARK,
            FORM_WITHOUT_BORROW,
            FORM_WITHOUT_REMOVALS,
            FORM_WITHOUT_QUEUE,
            FORM_WITHOUT_TENURE,
            FORM_WITHOUT_SHARING,
            FORM_WITHOUT_REMOVED,
        ];
        if !known.contains(&form) {
            return Err(SnapshotError::Form(form));
        }
        let mut state =
            Self { seq: Seq(from.u64("seq")?), last_handle: from.u64("last handle")?, ..Self::default() };
        for _ in 0..from.count("sessions")? {
            let id = SessionId(from.fixed("session")?);
            let session = take_session(&mut from, form)?;
            state.sessions.insert(id, session);
        }
        for _ in 0..from.count("seats")? {
            let handle = Handle(from.u64("handle")?);
            let id = SessionId(from.fixed("session")?);
            let (tenure, identity) =
                if form >= FORM_WITHOUT_QUEUE { take_tenure(&mut from)? } else { Default::default() };
            let identity = match (identity, state.sessions.get_mut(&id)) {
                (Some(identity), _) => identity,
                (None, Some(session)) => {
                    session.handles.insert(handle, ());
                    session.identity.clone()
                }
                (None, None) => return Err(SnapshotError::Orphan(handle)),
            };
            let seat = Seat { tenure, ..take_seat(&mut from, form, id, identity)? };
            state.lapses.insert(handle, &tenure);
            enter(&mut state.pools, handle, &seat);
            state.join_suite(handle, &seat);
            state.lend(handle, &seat);
            state.seats.insert(handle, seat);
        }
        if form != FORM_WITHOUT_REMOVED {
            for _ in 0..from.count("removed features")? {
                state.removed.insert(take_feature(&mut from)?);
            }
        }
        if form >= FORM_WITHOUT_REMOVALS {
            queue::take(&mut from, form, &mut state)?;
        }
        if form >= FORM_WITHOUT_BORROW {
            state.removals = remove::take(&mut from)?;
        }
        if form >= FORM_WITHOUT_SUITE_OFFERS && from.byte("time mark")? != 0 {
            state.time_mark = Some(take_mark(&mut from)?);
        }
        from.end("snapshot")?;
        Ok(state)
    }
}

fn put_session(out: &mut Writer, session: &Session) {
    let Ok(()) = put_identity(out, &session.identity, &mut InlineNames);
    out.fixed(&session.secret.0);
    out.u32(session.epoch);
    out.fixed(&session.nonce);
    out.u64(session.acknowledged.0);
    out.u64(session.highest.0);
    out.byte(u8::from(session.shown));
    out.count(session.answers.len());
    for (token, answer) in session.answers.iter() {
        out.u64(token.0);
        put_answer(out, answer);
    }
    lost::put(out, &session.lost);
}

fn take_session(from: &mut Reader<'_>, form: u8) -> Result<Session, CodecError> {
    let identity = take_identity(from, &mut InlineNames)?;
    let secret = Digest(from.fixed("secret")?);
    let epoch = from.u32("epoch")?;
    let nonce = from.fixed("nonce")?;
    let acknowledged = Token(from.u64("acknowledged")?);
    let highest = Token(from.u64("highest")?);
    let shown = from.byte("shown")? != 0;
    let mut answers = Answers::default();
    for _ in 0..from.count("answers")? {
        let token = Token(from.u64("token")?);
        answers.insert(token, take_answer(from)?);
    }
    let lost = if form > FORM_WITHOUT_LOST { lost::take(from)? } else { BTreeMap::new() };
    let (handles, queued) = (Sorted::default(), BTreeMap::new());
    Ok(Session {
        identity,
        secret,
        epoch,
        nonce,
        acknowledged,
        highest,
        answers,
        handles,
        lost,
        queued,
        shown,
    })
}

const HELD: u8 = 0;
const LINGERING: u8 = 1;
const LINGERING_HIDDEN: u8 = 2;
const BORROWED: u8 = 3;
const BORROWED_HIDDEN: u8 = 4;

fn put_tenure(out: &mut Writer, seat: &Seat) {
    match seat.tenure {
        Tenure::Held => out.byte(HELD),
        Tenure::Lingering { since, until, shown } => {
            out.byte(if shown { LINGERING } else { LINGERING_HIDDEN });
            out.i64(since.0);
            out.i64(until.0);
            // Its session may have ended.
            let Ok(()) = put_identity(out, &seat.identity, &mut InlineNames);
        }
        Tenure::Borrowed { borrow, recalled, shown } => {
            out.byte(if shown { BORROWED } else { BORROWED_HIDDEN });
            put_borrow(out, &borrow);
            out.byte(u8::from(recalled));
            let Ok(()) = put_identity(out, &seat.identity, &mut InlineNames);
        }
    }
}

/// How a seat is held, and by whom if no session has it.
fn take_tenure(from: &mut Reader<'_>) -> Result<(Tenure, Option<Identity>), CodecError> {
    let shown = match from.byte("tenure")? {
        HELD => return Ok((Tenure::Held, None)),
        LINGERING => true,
        LINGERING_HIDDEN => false,
        kind @ (BORROWED | BORROWED_HIDDEN) => {
            let (borrow, recalled) = (take_borrow(from)?, from.byte("recall")? != 0);
            let identity = take_identity(from, &mut InlineNames)?;
            return Ok((Tenure::Borrowed { borrow, recalled, shown: kind == BORROWED }, Some(identity)));
        }
        other => return Err(CodecError::BadValue { what: "tenure", found: other.to_string() }),
    };
    let (since, until) = (Timestamp(from.i64("tenure")?), Timestamp(from.i64("tenure")?));
    let identity = take_identity(from, &mut InlineNames)?;
    Ok((Tenure::Lingering { since, until, shown }, Some(identity)))
}

fn put_seat(out: &mut Writer, seat: &Seat) {
    out.fixed(&seat.session.0);
    put_tenure(out, seat);
    out.u64(seat.token.0);
    out.str(seat.pool.as_str());
    out.str(seat.feature.as_str());
    out.str(seat.version.as_str());
    out.u32(seat.count.get());
    out.i64(seat.since.0);
    let Ok(()) = put_wishes(out, &seat.wishes, &mut InlineNames);
    put_accounting(out, &Accounting { shares: seat.shares, suite: seat.suite, ..Accounting::default() });
}

pub(super) fn take_feature(from: &mut Reader<'_>) -> Result<FeatureName, CodecError> {
    let name = from.str("feature")?;
    FeatureName::parse(name).map_err(|_| CodecError::BadValue { what: "feature", found: name.to_owned() })
}

fn take_seat(
    from: &mut Reader<'_>,
    form: u8,
    session: SessionId,
    identity: Identity,
) -> Result<Seat, CodecError> {
    let bad = |what: &'static str, found: &str| CodecError::BadValue { what, found: found.to_owned() };
    let token = Token(from.u64("token")?);
    let pool = PoolKey::new(from.str("pool")?);
    let feature = take_feature(from)?;
    let version = from.str("version")?;
    let count = from.u32("count")?;
    let since = Timestamp(from.i64("since")?);
    let (wishes, accounting) = if form >= FORM_WITHOUT_TENURE {
        (take_wishes(from, &mut InlineNames)?, take_accounting(from)?)
    } else {
        (Wishes::default(), Accounting::default())
    };
    Ok(Seat {
        session,
        identity,
        token,
        pool,
        feature,
        version: Version::parse(version).map_err(|_| bad("version", version))?,
        count: Count::new(count).ok_or_else(|| bad("count", "0"))?,
        wishes,
        since,
        tenure: Tenure::Held,
        shares: accounting.shares,
        suite: accounting.suite,
        component: None,
    })
}
