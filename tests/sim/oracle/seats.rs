//! Seats go out, are offered, linger and come back; sessions end.

use std::collections::BTreeMap;

use seatkeeper::event::{EndReason, Event, Identity, In, InReason, Lingering, Offered, Out, Record};
use seatkeeper::ident::{Handle, PoolKey, SessionId};
use seatkeeper::time::Timestamp;

use super::super::site::Book;
use super::{Decided, Lent, MARGIN_MS, Oracle, Seat, Verdict};

impl Oracle {
    pub(super) fn out(&mut self, out: &Out, record: &Record, book: &Book, decided: &Decided) -> Verdict {
        let key = (out.session, out.request.token);
        ensure!(
            self.sessions.contains_key(&out.session),
            "only a session that lives is granted seats",
            "{out:?}"
        );
        self.grants += 1;
        let entry = self.queue.iter().find(|(_, entry)| (entry.session, entry.token) == key);
        let entry = entry.map(|(handle, entry)| (*handle, entry.offer));
        if let Some((entry, offer)) = entry {
            let (offer, package) = offer.unzip();
            let package = package.flatten();
            let before = self.granted.insert(key, out.handle);
            if package == Some(out.handle) {
                // That of the component comes next, or the wait does not end.
                ensure!(before.is_none(), "a token grants once", "{out:?}");
                return Ok(());
            }
            ensure!(offer == Some(out.handle), "who waits gets what was held for him", "{out:?}");
            let both = before == package && out.accounting.suite == package;
            ensure!(both, "what was held is taken together", "{out:?} after {before:?}");
            self.queue.remove(&entry);
            self.dequeued.insert(entry);
            self.queue_ends += 1;
            return Ok(());
        }
        self.name(out.handle)?;
        let component = |handle: &Handle| Some(*handle) == out.accounting.suite;
        // The package that goes with this component stands before it in the record, with the same token.
        match self.granted.insert(key, out.handle) {
            None => {}
            Some(before) => ensure!(component(&before), "a token grants once", "{out:?} after {before}"),
        }
        let of_suite = record
            .events
            .iter()
            .any(|event| matches!(event, Event::Out(other) if other.accounting.suite == Some(out.handle)));
        let seat = Seat {
            session: out.session,
            identity: out.identity.clone(),
            pool: out.pool.clone(),
            count: u64::from(out.request.count.get()),
            group: out.accounting.shares.map(|shares| shares.group),
            of_suite,
            suite: out.accounting.suite,
            lingers_until: None,
            lent: out.accounting.borrow.map(|borrow| Lent { borrow, recalled: false }),
        };
        ensure!(
            out.request.wishes.borrow.is_some() == seat.lent.is_some(),
            "who asks to borrow borrows, and nobody else",
            "{out:?}"
        );
        if let (Some(borrow), Some(borrowing)) = (out.accounting.borrow, out.request.wishes.borrow) {
            ensure!(!out.identity.hostids.is_empty(), "a borrower can be told from others", "{out:?}");
            self.may_lend(&seat, borrow, borrowing.renew_s, book, decided)?;
            self.records.insert((out.handle, borrow.until, borrow.ends));
            self.lending.borrows += u64::from(!of_suite);
        }
        self.enter(out.handle, seat, record.at, book)
    }

    pub(super) fn offer(&mut self, offered: &Offered, record: &Record, book: &Book) -> Verdict {
        let package = offered.package.as_ref();
        let entry = self.queue.get_mut(&offered.entry).filter(|entry| entry.offer.is_none());
        ensure!(entry.is_some(), "only who waits is offered seats", "{offered:?}");
        if let Some(entry) = entry {
            entry.offer = Some((offered.handle, package.map(|package| package.handle)));
        }
        self.offered.insert(offered.entry);
        let needed = book.rules.catalog.pool(&offered.pool).and_then(|pool| pool.package());
        let both = needed == package.map(|package| &package.pool);
        ensure!(both, "a component is held with its package", "{offered:?}");
        let held = package.map(|it| (it.handle, &it.pool, it.shares));
        for (handle, pool, shares) in
            held.into_iter().chain([(offered.handle, &offered.pool, offered.shares)])
        {
            self.name(handle)?;
            let seat = Seat {
                session: offered.session,
                identity: offered.identity.clone(),
                pool: pool.clone(),
                count: u64::from(offered.request.count.get()),
                group: shares.map(|shares| shares.group),
                of_suite: handle != offered.handle,
                suite: None,
                lingers_until: None,
                lent: None,
            };
            self.enter(handle, seat, record.at, book)?;
        }
        Ok(())
    }

    /// A seat is granted or held: nothing rises above what there is.
    pub(super) fn enter(&mut self, handle: Handle, seat: Seat, at: Timestamp, book: &Book) -> Verdict {
        let feature = seat.pool.feature().to_owned();
        let (pool_key, count) = (seat.pool.clone(), seat.count);
        let before = self.out_of(&pool_key);
        let reserved_before = before + self.idle_reserved(&feature, book);
        self.seats.insert(handle, seat);
        let after = self.out_of(&pool_key);
        let pool = book.rules.catalog.pool(&pool_key);
        ensure!(pool.is_some(), "seats come from pools that are served", "{handle} from {pool_key}");
        let Some(pool) = pool.filter(|pool| pool.counted && after > before) else { return Ok(()) };
        let most_at = |at: Timestamp| u64::from(pool.count_at(at)) + u64::from(pool.overdraft_at(at));
        let (least_ms, most_ms) = self.moved_ms;
        let passed = [0, least_ms, most_ms].map(|moved| Timestamp(self.passed.0 + moved));
        let most = passed.into_iter().map(most_at).fold(most_at(at), u64::max);
        ensure!(
            after <= most,
            "no more is out than there is",
            "{pool_key}: {after} of {most}, with {count} more"
        );
        if let Some((_, most)) = book.most.iter().find(|(name, _)| *name == feature) {
            let pools = book.rules.catalog.pools(&feature).iter().filter(|pool| pool.counted);
            let all: u64 = pools.map(|pool| self.out_of(&pool.key)).sum();
            // Of pools that a reread has made smaller more may be out.
            ensure!(
                all <= *most || self.surplus(&feature, book, at),
                "no more is out than there is",
                "{all} of {most} {feature}"
            );
        }
        let reserved = after + self.idle_reserved(&feature, book);
        ensure!(
            reserved <= most || reserved <= reserved_before,
            "no reservation is used by a stranger",
            "{pool_key}: with what is reserved {reserved} of {most}, before {reserved_before}"
        );
        Ok(())
    }

    pub(super) fn surplus(&self, feature: &str, book: &Book, at: Timestamp) -> bool {
        let pools = book.rules.catalog.pools(feature).iter();
        pools.filter(|pool| pool.counted).any(|pool| {
            self.out_of(&pool.key) > u64::from(pool.count_at(at)) + u64::from(pool.overdraft_at(at))
        })
    }

    /// Licenses out of a pool: those that share count once.
    pub(super) fn out_of(&self, pool: &PoolKey) -> u64 {
        self.out_for(pool, |_| true)
    }

    pub(super) fn out_for(&self, pool: &PoolKey, counts: impl Fn(&Identity) -> bool) -> u64 {
        let mut groups: BTreeMap<Handle, u64> = BTreeMap::new();
        for (handle, seat) in
            self.seats.iter().filter(|(_, seat)| seat.pool == *pool && counts(&seat.identity))
        {
            let most = groups.entry(seat.group.unwrap_or(*handle)).or_default();
            *most = (*most).max(seat.count);
        }
        groups.values().sum()
    }

    /// What of the reservations of a feature nobody uses: each takes what its holders have beyond those before it.
    pub(super) fn idle_reserved(&self, feature: &str, book: &Book) -> u64 {
        let mut idle = 0;
        let Some(pool) = book.rules.catalog.pools(feature).first() else { return 0 };
        let of_feature: Vec<_> = book.reserved.iter().filter(|(name, ..)| *name == feature).collect();
        let mut left: Vec<u64> = of_feature.iter().map(|(_, count, _)| *count).collect();
        let mut groups: BTreeMap<Handle, u64> = BTreeMap::new();
        for (handle, seat) in self.seats.iter().filter(|(_, seat)| seat.pool == pool.key) {
            // Each license that is shared counts for the oldest checkout that asked for it.
            let used = groups.entry(seat.group.unwrap_or(*handle)).or_default();
            let mut count = seat.count.saturating_sub(*used);
            *used = (*used).max(seat.count);
            for (left, (_, _, holder)) in left.iter_mut().zip(&of_feature) {
                if holder.is(seat.identity.user.as_str(), seat.identity.host.as_str()) {
                    let taken = count.min(*left);
                    *left -= taken;
                    count -= taken;
                }
            }
        }
        left.iter().for_each(|left| idle += left);
        idle
    }

    pub(super) fn back(&mut self, back: &In, record: &Record, book: &Book, decided: &Decided) -> Verdict {
        let seat = self.seats.remove(&back.handle);
        let Some(seat) = seat else {
            ensure!(false, "seats come back once", "{back:?}");
            return Ok(());
        };
        ensure!(seat.session == back.session, "seats come back from who has them", "{back:?}");
        if let Some(lent) = seat.lent {
            self.came_back.insert(back.handle, back.why);
            let whole = u64::from(!seat.of_suite);
            match back.why {
                InReason::BorrowEnd => {
                    let over = lent.borrow.until.0 + MARGIN_MS <= self.passed.0 + self.moved_ms.1;
                    ensure!(over, "a borrow lasts", "{back:?} at {}, {lent:?}", record.at);
                    self.lending.ends += whole;
                    return Ok(());
                }
                InReason::BorrowReturned { session, .. } => {
                    let may = book.lending.early_return || lent.recalled;
                    ensure!(may, "only a publisher who allows it has licenses back early", "{back:?}");
                    ensure!(
                        self.sessions.contains_key(&session),
                        "only a session that lives returns",
                        "{back:?}"
                    );
                    self.lending.returns += whole;
                    self.returned.insert(back.handle);
                    return Ok(());
                }
                InReason::Removed => {}
                _ => ensure!(false, "what is borrowed comes back by its own rules", "{back:?}, {lent:?}"),
            }
        }
        match back.why {
            InReason::Linger => {
                let until = seat.lingers_until;
                ensure!(until.is_some(), "what lingers was given up before", "{back:?}");
                let again = record.events.iter().any(|event| match event {
                    Event::Out(out) => out.identity.user == seat.identity.user,
                    Event::Offered(offered) => offered.identity.user == seat.identity.user,
                    _ => false,
                });
                let over = until.is_some_and(|until| until.0 <= self.passed.0 + self.moved_ms.1);
                ensure!(over || again, "lingering lasts", "{back:?} at {} until {until:?}", record.at);
                return Ok(());
            }
            InReason::Removed => {
                let read = matches!(record.events.first(), Some(Event::Reread(_)));
                ensure!(read, "only a reread removes", "{back:?}");
                // A package's goes with its component.
                let gone = seat.of_suite || book.rules.catalog.pool(&seat.pool).is_none();
                ensure!(gone, "what is served is not removed", "{back:?}");
                self.lost.insert(back.handle);
            }
            InReason::Inactive => {
                let feature = seat.pool.feature();
                let timeouts = || book.timeouts.iter().filter(|(name, _)| *name == feature || seat.of_suite);
                let told = self.watch.get(&back.session).map_or(0, |watch| watch.idle_s);
                ensure!(
                    timeouts().any(|(_, seconds)| told >= *seconds),
                    "only the idle lose seats by a timeout",
                    "{back:?}, idle for {told} s"
                );
                self.lost.insert(back.handle);
            }
            InReason::UserRemoved => {
                let ordered = matches!(record.events.first(), Some(Event::Removed(_)));
                ensure!(ordered, "only an administrator removes", "{back:?}");
                self.lost.insert(back.handle);
            }
            InReason::Checkin { .. } => {
                self.returned.insert(back.handle);
            }
            InReason::BorrowEnd | InReason::BorrowReturned { .. } => {
                ensure!(false, "only what is borrowed comes back so", "{back:?}");
            }
            InReason::Ended(why) => self.may_end(back.session, why, decided)?,
        }
        let taken = matches!(back.why, InReason::Removed | InReason::UserRemoved);
        ensure!(taken || seat.lingers_until.is_none(), "what lingers belongs to nobody", "{back:?}");
        Ok(())
    }

    pub(super) fn linger(&mut self, lingering: &Lingering, decided: &Decided) -> Verdict {
        match lingering.why {
            InReason::Checkin { .. } => {
                self.returned.insert(lingering.handle);
            }
            InReason::Ended(why) => self.may_end(lingering.session, why, decided)?,
            InReason::Removed
            | InReason::Linger
            | InReason::Inactive
            | InReason::UserRemoved
            | InReason::BorrowEnd
            | InReason::BorrowReturned { .. } => {}
        }
        let passed = decided.passed.unwrap_or(Timestamp(self.passed.0 - 60_000));
        let seat = self.seats.get_mut(&lingering.handle);
        let held =
            seat.as_ref().is_some_and(|seat| seat.until().is_none() && seat.session == lingering.session);
        ensure!(
            held && lingering.until.0 > passed.0 + self.moved_ms.0,
            "only what is held lingers",
            "{lingering:?}"
        );
        if let Some(seat) = seat {
            seat.lingers_until = Some(lingering.until);
        }
        Ok(())
    }

    /// A session ends by a rule that clients know: never before its time.
    pub(super) fn may_end(&self, session: SessionId, why: EndReason, decided: &Decided) -> Verdict {
        let lines = self.sessions.get(&session).is_some_and(|session| session.lines);
        let Some(watch) = decided.watches.get(&session) else { return Ok(()) };
        match why {
            EndReason::Shutdown if lines => {}
            EndReason::LeaseLapsed if lines => {
                ensure!(false, "who speaks lines has no lease", "{session}");
            }
            EndReason::Disconnect if lines => {
                ensure!(watch.closed.is_some(), "only who has closed is taken for gone", "{session}");
            }
            EndReason::Goodbye => ensure!(watch.goodbye, "nobody says goodbye for a client", "{session}"),
            EndReason::LeaseLapsed => {
                let silent = decided.at.most_since(watch.heard);
                let lease = self.lease_ms;
                ensure!(silent >= lease, "silence lasts a whole lease", "{session}: {silent} of {lease} ms");
            }
            EndReason::Disconnect => {
                let Some(closed) = watch.closed.or(watch.may_have_closed) else {
                    ensure!(false, "only who has closed is taken for gone", "{session}");
                    return Ok(());
                };
                let away = decided.at.most_since(closed);
                let grace = self.grace_ms;
                ensure!(
                    away >= grace,
                    "a closed connection leaves its grace",
                    "{session}: {away} of {grace} ms"
                );
            }
            EndReason::Shutdown => ensure!(false, "framed sessions outlive the daemon", "{session}"),
        }
        Ok(())
    }
}
