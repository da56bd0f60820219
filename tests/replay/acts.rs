//! What else happens to a recorder: borrowing, lmremove, and clocks that are set.

use std::time::Duration;

use seatkeeper::event::{
    Answer, BorrowReturn, Borrowing, Queueing, Removal, RemovalTarget, Removed, Renewal, Wishes,
};
use seatkeeper::ident::{Digest, Handle, SessionId};
use seatkeeper::seat::{Command, Reply, Session, tick_due_in};
use seatkeeper::time::{Look, Timestamp};

use super::recorder::{Recorder, TODAY};

/// All borrows have this secret.
fn secret() -> Digest {
    Digest::of(b"secret")
}

impl Recorder {
    // ---- clocks -----------------------------------------------------------------------------------------------------

    /// The daemon's part when time has gone by: the clocks, then what is over, then those who wait.
    pub(crate) fn attend(&mut self) {
        let passed = self.now.mono.since(self.looked.mono);
        let moved = self.now.utc.0 - self.looked.utc.plus(passed).0;
        if moved.abs() > 1000 || passed >= Duration::from_secs(60) {
            self.look(false);
        }
        self.lapse();
        self.serve();
    }

    pub(crate) fn look(&mut self, note: bool) {
        self.looked = self.now;
        let look = self.clocks();
        self.step(&Command::Look { look, note });
    }

    pub(crate) fn lapse(&mut self) {
        while tick_due_in(&self.state, self.now.utc).is_some_and(|left| left.is_zero()) {
            let before = self.state.seq();
            self.step(&Command::Tick);
            assert!(self.state.seq() > before, "what is due ends");
        }
    }

    fn clocks(&self) -> Look {
        Look { utc: self.now.utc, boot: self.boot, elapsed_ms: self.now.mono.0 }
    }

    /// The wall clock is set to what it should say and so much more, in milliseconds.
    pub(crate) fn set_clock(&mut self, wrong_by: i64) {
        let right = TODAY.plus(Duration::from_millis(self.now.mono.0));
        self.now.utc = Timestamp(right.0 + wrong_by);
        self.attend();
    }

    /// The machine is off for so long, and then its clock is wrong by so many milliseconds.
    pub(crate) fn switch_off(&mut self, span: Duration, wrong_by: i64) {
        self.now.mono = self.now.mono.plus(span);
        let right = TODAY.plus(Duration::from_millis(self.now.mono.0));
        self.now.utc = Timestamp(right.0 + wrong_by);
    }

    pub(crate) fn accept_clock(&mut self) {
        let look = self.clocks();
        assert_eq!(self.run(&Command::AcceptClock { by: "root@srv".into(), look }), Reply::Done);
    }

    // ---- borrowing --------------------------------------------------------------------------------------------------

    /// Borrows for so many seconds, with a record that is good for `renew_s` of them, 0 for all.
    pub(crate) fn borrow(
        &mut self,
        session: SessionId,
        what: (&str, &str, u32),
        (seconds, renew_s): (i64, u32),
    ) -> Result<Handle, i32> {
        let ends = Timestamp(self.now.utc.0 + seconds * 1000);
        let borrow = Some(Borrowing { ends, renew_s, secret: secret() });
        self.ask(session, what, Wishes { borrow, ..Wishes::default() })
    }

    /// Renews the record; with `seconds` the borrow ends so long from now.
    pub(crate) fn renew(
        &mut self,
        session: SessionId,
        handle: Handle,
        seconds: Option<i64>,
    ) -> Result<(), i32> {
        let token = self.token(session);
        let acknowledged = seatkeeper::ident::Token(token.0 - 1);
        let ends = seconds.map(|seconds| Timestamp(self.now.utc.0 + seconds * 1000));
        let request = Renewal { token, acknowledged, handle, secret: secret(), ends };
        match self.run(&Command::Renew(session, request)) {
            Reply::Answer(_, Answer::Renewed { .. }) => Ok(()),
            Reply::Answer(_, Answer::Denied(denial)) => Err(denial.code.number()),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn return_early(&mut self, session: SessionId, handle: Handle) {
        let token = self.token(session);
        let acknowledged = seatkeeper::ident::Token(token.0 - 1);
        let request = BorrowReturn { token, acknowledged, handle, secret: secret() };
        let reply = self.run(&Command::Return(session, request));
        assert_eq!(reply, Reply::Answer(token, Answer::CheckedIn(handle)));
    }

    pub(crate) fn recall(&mut self, handle: Handle) {
        self.run(&Command::Recall { by: "root@srv".into(), handle });
    }

    // ---- waiting ----------------------------------------------------------------------------------------------------

    /// Asks and waits; what it has got if it need not wait.
    pub(crate) fn wait(
        &mut self,
        session: SessionId,
        what: (&str, &str, u32),
        hold_s: u32,
    ) -> Result<Option<Handle>, i32> {
        let wishes = Wishes { queue: Some(Queueing { hold_s }), ..Wishes::default() };
        let request = self.request(session, what, wishes);
        match self.run(&Command::Checkout(session, request)) {
            Reply::Answer(_, Answer::Granted(grant)) => Ok(Some(grant.handle)),
            Reply::Answer(_, Answer::Queued(_)) => Ok(None),
            Reply::Answer(_, Answer::Denied(denial)) | Reply::Refused(denial) => Err(denial.code.number()),
            other => panic!("{other:?}"),
        }
    }

    /// The client of a request that waits asks again; what it has got if licenses are held for it.
    pub(crate) fn ask_again(&mut self, entry: Handle) -> Option<Handle> {
        let (session, request) =
            self.state.waiting_under(entry).map(|entry| (entry.session, entry.request.clone()))?;
        match self.run(&Command::Checkout(session, request)) {
            Reply::Answer(_, Answer::Granted(grant)) => Some(grant.handle),
            Reply::Answer(_, Answer::Queued(_)) => None,
            other => panic!("{other:?}"),
        }
    }

    /// The client of a request that waits does not want to any more.
    pub(crate) fn cancel(&mut self, entry: Handle) {
        let session = self.state.waiting_under(entry).unwrap().session;
        self.back(session, entry);
    }

    /// An administrator takes a request that waits out of the queue.
    pub(crate) fn remove_waiting(&mut self, entry: Handle) {
        let feature = self.state.waiting_under(entry).unwrap().request.feature.clone();
        let removal = Removal { feature, target: RemovalTarget::Handle(entry) };
        assert_eq!(self.run(&Command::Remove(Removed { by: "root@srv".into(), removal })), Reply::Done);
    }

    // ---- lmremove ---------------------------------------------------------------------------------------------------

    /// Takes a checkout back, or all of the feature that its client has; whether anything came back.
    pub(crate) fn remove(&mut self, handle: Handle, whole_client: bool) -> bool {
        let Some(seat) = self.state.seat(handle) else { return false };
        let (feature, identity) = (seat.feature.clone(), seat.identity.clone());
        let target = if whole_client {
            let (user, host, display) =
                (identity.user.clone(), identity.host.clone(), identity.display.clone());
            RemovalTarget::Client { user, host, display }
        } else {
            RemovalTarget::Handle(handle)
        };
        let order = Removed { by: "root@srv".into(), removal: Removal { feature, target } };
        !matches!(self.run(&Command::Remove(order)), Reply::Refused(_))
    }

    /// Whether a session has a checkout, which does not linger and is not borrowed.
    pub(crate) fn holds(&self, session: SessionId, handle: Handle) -> bool {
        self.state.session(session).into_iter().flat_map(Session::handles).any(|held| held == handle)
    }
}
