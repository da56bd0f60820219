//! Whether what is kept of a borrow can be used, here and now.

use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

use super::super::Wanted;
use super::super::config::Trust;
use super::super::error::Attempt;
use super::super::seat::Seat;
use super::super::verify::{self, Granted};
use super::Borrows;
use super::keeper::BorrowedSeat;
use super::kept::{Condition, Kept, SKEW_MS};
use super::store::Found;
use crate::code::{Code, minor};
use crate::event::{Borrow, Denial, Grant};
use crate::ident::Digest;
use crate::time::{Clock as _, Timestamp};
use crate::wire::LineText;

/// How long a checkout waits for the renewal of a record that still lasts.
pub(super) const RENEWAL: Duration = Duration::from_secs(3);

pub(super) fn damaged(path: &Path, why: &str) -> Denial {
    let note = format!("{} is damaged: {why}; lmborrow -purge removes it", path.display());
    Denial::new(Code::BorrowFailed, minor::BORROW_RECORD_BAD, &note)
}

fn bad(note: &str) -> Denial {
    Denial::new(Code::BorrowFailed, minor::BORROW_RECORD_BAD, note)
}

impl Borrows {
    /// Looks at the clocks and notes what they say of a borrow: the borrow after it, and the time to judge by.
    pub(super) fn look(&self, path: &Path, mut kept: Kept) -> (Kept, Timestamp) {
        let look = self.clock.look();
        let mut now = look.utc;
        match self.store.change(path, |kept| now = kept.look(look)) {
            Ok(Some(kept)) => (kept, now),
            // What can't be written down is judged all the same.
            Ok(None) | Err(_) => {
                let now = kept.look(look);
                (kept, now)
            }
        }
    }

    /// Whether a borrow is for what is wanted, and this user's.
    pub(super) fn is_for(&self, kept: &Kept, wanted: &Wanted) -> bool {
        let record = &kept.record;
        record.vendor == self.config.vendor
            && record.feature == wanted.feature
            && record.version >= wanted.version
            && record.user == self.config.claims.user
    }

    /// Whether it was borrowed on this machine, from a server that is known by its key.
    pub(super) fn judge_machine(&self, kept: &Kept) -> Result<(), Denial> {
        let record = &kept.record;
        let own = &self.config.claims.hostids;
        if !record.hostids.iter().any(|hostid| own.contains(hostid)) {
            let note = format!("{} was borrowed on another machine, {}", record.feature, record.host);
            return Err(bad(&note));
        }
        if !self.store.remembers(&record.vendor, &record.server, &kept.key) {
            let note = format!(
                "the record of {} is not signed with the key that {} had when it lent for the first time; lmborrow -purge \
                 forgets both",
                record.feature, record.server
            );
            return Err(bad(&note));
        }
        Ok(())
    }

    /// Whether the publisher's lines vouch for it: they give the feature, to this machine, and let it be borrowed for as long.
    pub(super) fn judge_lines(&self, kept: &Kept, wanted: &Wanted, now: Timestamp) -> Result<bool, Denial> {
        let record = &kept.record;
        let grant = Grant {
            handle: record.handle,
            pool: record.pool.clone(),
            lines: kept.lines.iter().map(|line| Digest::of(line.canonical.as_bytes())).collect(),
            expires: Some(record.until),
            demo: false,
            borrow: Some(Borrow { until: record.until, ends: record.ends }),
        };
        let span_ms = kept.span_ms().saturating_sub(SKEW_MS).max(0);
        self.judge_grant(&kept.lines, wanted, &grant, (now, span_ms))
    }

    /// The same of a grant.
    pub(super) fn judge_grant(
        &self,
        lines: &[LineText],
        wanted: &Wanted,
        grant: &Grant,
        (now, span_ms): (Timestamp, i64),
    ) -> Result<bool, Denial> {
        let config = &self.config;
        let Trust::Publisher { demo, .. } = &config.trust else { return Ok(grant.demo) };
        if grant.demo && !demo {
            let note = "the server works under the demo key";
            return Err(Denial::new(Code::DemoRefused, minor::GRANT_IS_DEMO, note));
        }
        if lines.is_empty() {
            let note = "no line of the publisher's vouches for the borrow";
            return Err(Denial::new(Code::BadSignature, minor::GRANT_NOT_VERIFIED, note));
        }
        let verified =
            lines.iter().map(|line| verify::verify_line(Digest::of(line.canonical.as_bytes()), line, config));
        let verified: Vec<_> = verified.collect::<Result<_, Denial>>()?;
        verify::fits(
            &verified,
            config,
            &Granted { feature: &wanted.feature, version: wanted.version, grant, now },
        )?;
        verify::lend(&verified, span_ms)?;
        Ok(verified.iter().any(|line| line.demo))
    }

    /// A seat from what is borrowed; none if nothing that is kept helps, and why.
    pub(super) async fn seat(&self, wanted: &Wanted) -> (Option<Seat>, Vec<Attempt>) {
        let mut refusals = Vec::new();
        let refusal = |place: String, denial| Attempt { place, denial, system: None, answered: false };
        let all = match self.store.all() {
            Ok(all) => all,
            Err(denial) => {
                let place = self.store.dir().display().to_string();
                return (None, vec![refusal(place, denial)]);
            }
        };
        for Found { path, kept } in all {
            let place = path.display().to_string();
            let kept = match kept {
                Ok(kept) if self.is_for(&kept, wanted) && kept.condition != Condition::Returning => kept,
                Ok(kept) => {
                    if kept.condition == Condition::Returning && kept.record.vendor == self.config.vendor {
                        self.tell_again(path, kept);
                    }
                    continue;
                }
                Err(damage) => {
                    if damage.feature.is_none_or(|feature| feature == wanted.feature.as_str()) {
                        refusals.push(refusal(place, damaged(&path, &damage.why)));
                    }
                    continue;
                }
            };
            match self.seat_from(&path, kept, wanted).await {
                Ok(seat) => return (Some(seat), refusals),
                Err(denial) => refusals.push(refusal(place, denial)),
            }
        }
        (None, refusals)
    }

    async fn seat_from(&self, path: &Path, kept: Kept, wanted: &Wanted) -> Result<Seat, Denial> {
        self.judge_machine(&kept)?;
        let (mut kept, mut now) = self.look(path, kept);
        // The server may make it good again. While it lasts nobody waits for long or often, as programs that end soon would.
        let patience = match kept.condition {
            Condition::Held if kept.is_half_over(now) => self.store.may_try(path).then_some(RENEWAL),
            Condition::Held => None,
            _ => Some(self.config.patience),
        };
        if let Some(patience) = patience
            && let Ok(Ok(met)) = timeout(patience, self.meet(path, &kept, None, None)).await
        {
            kept = met.kept(kept)?;
            (kept, now) = self.look(path, kept);
        }
        kept.judge_time(now)?;
        let demo = self.judge_lines(&kept, wanted, now)?;
        let slots = self.store.take(path, kept.record.count.get(), wanted.count.get())?.ok_or_else(|| {
            let note = format!("other programs of this machine use what is borrowed of {}", wanted.feature);
            Denial::new(Code::UsersReached, minor::BORROW_IN_USE, &note)
        })?;
        let held = BorrowedSeat::keep(self.clone(), path.to_owned(), &kept, wanted, slots);
        let place = format!("{} (borrowed)", kept.record.server);
        Ok(Seat::borrowed(wanted, kept.record.until, demo, place, held))
    }
}
