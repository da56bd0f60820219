//! What is borrowed, and its records.

use std::collections::BTreeSet;

use seatkeeper::event::{Borrow, InReason, Renewed};
use seatkeeper::ident::Handle;
use seatkeeper::sign::BorrowRecord;
use seatkeeper::time::Timestamp;

use super::super::site::Book;
use super::{Attended, Decided, Oracle, Seat, Verdict};

impl Oracle {
    /// Whether a license is lent by the rules: worked out from what the book says of it.
    pub(super) fn may_lend(
        &self,
        seat: &Seat,
        borrow: Borrow,
        renew_s: u32,
        book: &Book,
        decided: &Decided,
    ) -> Verdict {
        let feature = seat.pool.feature();
        let lending = book.lending;
        let hours = lending.hours.iter().find(|(name, _)| *name == feature).map(|(_, hours)| *hours);
        ensure!(hours.is_some(), "only what may be borrowed is", "{seat:?}");
        self.may_last(
            borrow,
            decided,
            [
                hours.map(|hours| (borrow.ends, hours * 3600)),
                Some((borrow.until, lending.renew_h * 3600)),
                Some((borrow.until, renew_s)),
            ],
        )?;
        let user = seat.identity.user.as_str();
        ensure!(
            !lending.excluded.contains(&(feature, user)),
            "nobody borrows whom EXCLUDE_BORROW names",
            "{seat:?}"
        );
        if let Some((_, kept_back)) = lending.lowwater.iter().find(|(name, _)| *name == feature) {
            let pool =
                book.rules.catalog.pool(&seat.pool).map_or(0, |pool| u64::from(pool.count_at(self.passed)));
            let lent = self.seats.values().filter(|other| other.lent.is_some() && other.pool == seat.pool);
            let lent: u64 = lent.map(|seat| seat.count).sum();
            ensure!(
                lent + seat.count <= pool.saturating_sub(*kept_back),
                "what BORROW_LOWWATER keeps back is not lent",
                "{lent} of {pool} and {seat:?}"
            );
        }
        Ok(())
    }

    /// The end of a record and of a borrow. The time that the engine goes by is within how the server's clock was moved.
    /// The end of a record and of a borrow, each of which may last for so many seconds. The time that the engine goes by is within
    /// how the server's clock was moved.
    pub(super) fn may_last(
        &self,
        borrow: Borrow,
        decided: &Decided,
        spans: [Option<(Timestamp, u32)>; 3],
    ) -> Verdict {
        let passed = decided.passed.unwrap_or(Timestamp(self.passed.0 - 60_000));
        let (earliest, latest) = (passed.0 + self.moved_ms.0, passed.0 + self.moved_ms.1);
        ensure!(
            borrow.until <= borrow.ends && borrow.until.0 > earliest,
            "a borrow ends in the future, and its record not after it",
            "{borrow:?} at {earliest}"
        );
        for (end, seconds) in spans.into_iter().flatten().filter(|(_, seconds)| *seconds > 0) {
            ensure!(
                end.0 <= latest + i64::from(seconds) * 1000,
                "nothing is lent for longer than may be",
                "{borrow:?}, {seconds} s from {latest}"
            );
        }
        Ok(())
    }

    pub(super) fn renewed(&mut self, renewed: &Renewed, book: &Book, decided: &Decided) -> Verdict {
        let Renewed { handle, borrow, session, .. } = *renewed;
        ensure!(self.sessions.contains_key(&session), "only a session that lives renews", "{renewed:?}");
        let seat = self.seats.get(&handle).filter(|seat| !seat.of_suite);
        let Some((lent, seat)) = seat.and_then(|seat| Some((seat.lent?, seat.clone()))) else {
            ensure!(false, "only what is borrowed is renewed", "{renewed:?}");
            return Ok(());
        };
        ensure!(!lent.recalled, "what is wanted back is renewed no more", "{renewed:?}");
        let longer = borrow.ends > lent.borrow.ends;
        let hours = book.lending.hours.iter().find(|(name, _)| *name == seat.pool.feature());
        ensure!(!longer || hours.is_some(), "only what may be borrowed is", "{renewed:?}");
        let hours = hours.filter(|_| longer).map(|(_, hours)| (borrow.ends, hours * 3600));
        self.may_last(borrow, decided, [hours, None, None])?;
        // The record that is out can't be called back.
        ensure!(
            borrow.until >= lent.borrow.until.min(borrow.ends),
            "a record is cut short only for who wants that",
            "{renewed:?} after {lent:?}"
        );
        self.records.insert((handle, borrow.until, borrow.ends));
        self.lending.renewals += 1;
        for handle in [Some(handle), seat.suite].into_iter().flatten() {
            if let Some(lent) = self.seats.get_mut(&handle).and_then(|seat| seat.lent.as_mut()) {
                lent.borrow = borrow;
            }
        }
        Ok(())
    }

    /// What a client could use at this moment without asking anybody is out of its pool, for as long at least.
    pub(crate) fn covers(&mut self, record: &BorrowRecord) -> Verdict {
        self.lending.covered += 1;
        let lent = self.seats.get(&record.handle).and_then(|seat| Some((seat.lent?, seat.count)));
        if let Some((lent, count)) = lent {
            ensure!(
                record.until <= lent.borrow.until && u64::from(record.count.get()) == count,
                "no record outlasts what the server counts",
                "{record:?}, the server {lent:?}"
            );
            return Ok(());
        }
        let fair = match self.came_back.get(&record.handle) {
            // It ended by the server's clock, which was moved.
            Some(InReason::BorrowEnd) => self.moved_ms != (0, 0),
            _ => false,
        };
        let why = self.came_back.get(&record.handle);
        ensure!(fair, "nobody works with a license that others may have", "{record:?} came back by {why:?}");
        Ok(())
    }

    /// Borrowed seats are back soon after nobody can use them any more.
    pub(crate) fn borrows_end(&mut self, today: Timestamp, now: Attended, late: u64) -> Verdict {
        let earliest = today.0 + self.moved_ms.0;
        let due = |seat: &Seat| seat.lent.is_some() && seat.until().is_some_and(|until| until.0 <= earliest);
        let due: BTreeSet<Handle> =
            self.seats.iter().filter(|(_, seat)| due(seat)).map(|(handle, _)| *handle).collect();
        self.overdue.retain(|handle, _| due.contains(handle));
        for handle in due {
            let since = *self.overdue.entry(handle).or_insert(now);
            let (over, most) = (now.least_since(since), 1000 + late);
            ensure!(over <= most, "what was borrowed comes back in time", "{handle}: {over} of {most} ms");
        }
        Ok(())
    }

    /// When the last of what is borrowed comes back by itself.
    pub(crate) fn lent_until(&self) -> Option<Timestamp> {
        self.seats.values().filter(|seat| seat.lent.is_some()).filter_map(Seat::until).max()
    }
}
