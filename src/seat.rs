//! The seat engine: who holds what, and may this request be granted.
//!
//! Three verbs, all pure: [`decide`] turns a command and the present state into events and a reply, [`check`] looks at
//! those events once more before anybody stores them, and [`State::evolve`] folds them into the state. Time is handed
//! in; there is no clock, no I/O and no randomness here. The same code serves clients, reads the history back after a
//! crash, and runs simulated days in `tests/`.
//!
//! [`explain`] tells how a request comes to its answer: it takes the steps that [`decide`] takes, and keeps them.
//!
//! Invariants, checked after every step in tests and by [`check`] before the store sees a record:
//! - grants never raise the seats out of a counted pool above the pool's count and overdraft at that time (after a reread
//!   more may be out; then the pool grants none until it has drained); checkouts that share count once;
//! - a handle is given once in a history, a request number grants at most once in its session;
//! - a component of a suite is granted with its package, lingers with it and comes back with it;
//! - what an administrator takes back is held or waits, and his order is in the same record;
//! - every seat that is held belongs to a session that has not ended, one that lingers or is borrowed to none, and its end is
//!   known;
//! - the fold of the events equals the state.

mod answers;
mod borrow;
mod checkin;
mod checkout;
mod choose;
mod clock;
mod damper;
mod explain;
mod invariant;
mod linger;
mod lost;
mod pool_use;
mod queue;
mod refusal;
mod remove;
mod reread;
mod sessions;
mod snapshot;
mod state;
mod suite;
mod tenure;
mod timeout;
mod usage;

pub use borrow::{BORROW_MARGIN, BorrowObstacle};
pub use choose::{Room, Step};
pub use damper::DenialDamper;
pub use explain::{Change, Explanation, Tried, explain};
pub use invariant::{Violation, check};
pub use linger::given_up;
pub use lost::{LOST_MAX, Loss};
pub use pool_use::PoolUse;
pub use queue::{
    BLOCK_FIRST, BLOCK_LONGEST, Entry, HOLD_LONGEST, HOLD_USUAL, Looked, Offer, PASSES_MAX, WAITING_MAX,
    WAITING_OF_SESSION_MAX, in_order, next_serving, serving_due_in,
};
pub use remove::LastRemoval;
pub use reread::{Surplus, surplus};
pub use snapshot::SnapshotError;
pub use state::{Seat, Session, State};
pub use tenure::{Tenure, next_wakeup, tick_due_in};
pub use usage::{Idle, Usage, rules_of};

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::event::{
    Answer, BorrowReturn, Checkin, Checkout, Denial, Denied, EndReason, Event, Identity, Removed, Renewal,
    Reread, Started, Stopped,
};
use crate::ident::{Digest, Handle, SessionId, Token};
use crate::policy::Policy;
use crate::time::{Look, Now};

/// What a decision goes by, beside the state: the licenses, who may have them, and what the latter has come to.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The licenses.
    pub catalog: &'a Catalog,
    /// Who may have them, compiled for this catalog.
    pub policy: &'a Policy,
    /// What of the policy's limits and reservations is used in this state.
    pub usage: &'a Usage,
}

/// What the shell asks of the engine.
#[derive(Debug, Clone)]
pub enum Command {
    /// The daemon begins to serve; line sessions of an earlier run end.
    Start(Started),
    /// The daemon ends in order; line sessions end, framed ones keep their seats.
    Stop(Stopped),
    /// A client begins a session. Name and secret are drawn by the shell.
    Open {
        /// Its name, unused so far.
        session: SessionId,
        /// SHA-256 of its secret.
        secret: Digest,
        /// Who it is.
        identity: Identity,
    },
    /// A client comes back.
    Resume(Resume),
    /// A session asks for licenses.
    Checkout(SessionId, Checkout),
    /// A session gives licenses back.
    Checkin(SessionId, Checkin),
    /// A session asks for another record of a borrow.
    Renew(SessionId, Renewal),
    /// A session gives borrowed licenses back before their end.
    Return(SessionId, BorrowReturn),
    /// An administrator wants a borrow back.
    Recall {
        /// Who ordered it, such as `ann@ws01`.
        by: String,
        /// Which borrow.
        handle: Handle,
    },
    /// A session is over.
    End(SessionId, EndReason),
    /// The client of a session says that its user has done nothing for so long; what he may not hold so long is taken back.
    Idle {
        /// Whose user.
        session: SessionId,
        /// For how many seconds.
        idle_s: u32,
    },
    /// An administrator takes checkouts back, or a request out of its queue. One call may leave some for the next: it is asked again
    /// until it has no events.
    Remove(Removed),
    /// Time has passed: what is over at this time ends. See [`next_wakeup`].
    Tick,
    /// The clocks were looked at. Due at the start, whenever the wall clock moved otherwise than elapsed time, and each minute.
    Look {
        /// What they say.
        look: Look,
        /// Whether it is recorded even if nothing is new.
        note: bool,
    },
    /// An administrator answers for the wall clock.
    AcceptClock {
        /// Who, such as `ann@ws01`.
        by: String,
        /// What the clocks say.
        look: Look,
    },
    /// Serves those who wait, one step at a time: holds that are over pass on, and licenses that are free are offered. Due while
    /// [`State::has_queue`] after every other command and when time has passed ([`next_serving`]), again and again until it has no
    /// events; then [`Looked::of`] is what it goes by the next time, so that nothing is looked through twice. [`Looked::default`]
    /// looks at everything.
    Serve(Looked),
    /// Equal refusals that were answered without a record of their own are recorded as one.
    CountDenials(Box<Denied>),
    /// Other licenses hold from now on; [`Rules`] has those that held so far, which at a start ([`crate::event::RereadCause::Start`]) are the
    /// same already: then there are no events if nothing is out of pools that are gone.
    Reread {
        /// Who ordered it, why, and what was read; [`Reread::removed`] is filled in here.
        reread: Box<Reread>,
        /// The licenses that hold from now on.
        catalog: Arc<Catalog>,
    },
}

/// The claim of a client that comes back (DESIGN section 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// Which session.
    pub session: SessionId,
    /// SHA-256 of the secret that the client showed.
    pub secret: Digest,
    /// The newest epoch that the client knows.
    pub epoch: u32,
    /// Drawn by the client for this step; the same when it repeats the step.
    pub nonce: [u8; 16],
}

/// What became of a command. The reply is sent only after the events are durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The facts, in order; none when nothing changes.
    pub events: Vec<Event>,
    /// What the client is told.
    pub reply: Reply,
}

/// What the client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The command has no asker, or nothing more to say than that it is done.
    Done,
    /// Answer to a request.
    Answer(Token, Answer),
    /// The session goes on with this epoch.
    Resumed(u32),
    /// It was carried out for a part; for the rest it can't be.
    Partly(Denial),
    /// The command can't be carried out in the present state; nothing is recorded.
    Refused(Denial),
}

impl Decision {
    fn new(events: Vec<Event>, reply: Reply) -> Self {
        Self { events, reply }
    }

    fn refused(denial: Denial) -> Self {
        Self::new(Vec::new(), Reply::Refused(denial))
    }
}

/// Decides one command. Changes nothing; the caller stores the events and folds them in.
#[must_use]
pub fn decide(state: &State, rules: Rules<'_>, command: &Command, now: Now) -> Decision {
    match command {
        Command::Start(started) => sessions::start(state, rules, started, now),
        Command::Stop(stopped) => sessions::stop(state, rules, stopped, now),
        Command::Open { session, secret, identity } => sessions::open(state, *session, *secret, identity),
        Command::Resume(resume) => sessions::resume(state, resume),
        Command::Checkout(session, request) => checkout::decide(state, rules, *session, request, now),
        Command::Checkin(session, request) => checkin::decide(state, rules, *session, request, now),
        Command::Renew(session, request) => borrow::renew(state, rules, *session, request, now),
        Command::Return(session, request) => borrow::give_back(state, rules, *session, request),
        Command::Recall { by, handle } => borrow::recall(state, by, *handle),
        Command::End(session, why) => sessions::end(state, rules, *session, *why, now),
        Command::Idle { session, idle_s } => timeout::decide(state, rules, *session, *idle_s, now),
        Command::Remove(order) => remove::decide(state, rules, order, now),
        Command::Tick => tenure::tick(state, now),
        Command::Reread { reread, catalog } => reread::decide(state, rules.catalog, reread, catalog, now),
        Command::Look { look, note } => clock::look(state, *look, *note),
        Command::AcceptClock { by, look } => clock::accept(state, by, *look),
        Command::Serve(looked) => queue::serve(state, rules, *looked, now),
        Command::CountDenials(denied) => Decision::new(vec![Event::Denied(denied.clone())], Reply::Done),
    }
}
