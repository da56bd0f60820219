//! Meeting the server of a borrow: to borrow, to renew, to give back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::super::error::Attempt;
use super::super::path::ServerAddress;
use super::super::route::Route;
use super::super::seat::{Held, Seat};
use super::super::{SearchPath, Wanted, refused};
use super::asked::Asked;
use super::errand::Errand;
use super::kept::{Condition, Kept, Mark};
use super::order::minute_of;
use super::store::{self, Found, Slots};
use super::{Borrows, LocalBorrow};
use crate::code::{Code, minor};
use crate::event::{Borrowing, Denial, Grant, Wishes};
use crate::ident::{Digest, Handle};
use crate::platform::system_zone;
use crate::sign::{BorrowRecord, SignedBorrow, VerifyingKey};
use crate::time::{Clock as _, Timestamp};
use crate::wire::{LineText, RecordText};

/// What came of meeting the server of a borrow.
pub(super) enum Met {
    /// It has another record.
    Renewed(Box<Kept>),
    /// It is over, and removed from this machine.
    Ended,
    /// An administrator wanted it back: it was given back.
    Recalled(Denial),
    /// The server knows it no more, though the record lasts. It may have lost it; what was lent is lent.
    Unknown(Denial),
    /// Something else.
    Refused(Denial),
}

impl Met {
    /// The borrow after it, which was that one before.
    pub(super) fn kept(self, before: Kept) -> Result<Kept, Denial> {
        match self {
            Self::Renewed(kept) => Ok(*kept),
            Self::Unknown(_) | Self::Refused(_) => Ok(before),
            Self::Recalled(denial) => Err(denial),
            Self::Ended => {
                let note = format!("what was borrowed of {} is over", before.record.feature);
                Err(Denial::new(Code::BorrowOver, minor::BORROW_OVER, &note))
            }
        }
    }
}

impl Borrows {
    /// Borrows at some servers that stand for one, and keeps what came of it.
    pub(super) async fn borrow_at(
        &self,
        servers: &[ServerAddress],
        wanted: &Wanted,
        wishes: &Wishes,
        ends: Timestamp,
        renew: Option<Duration>,
    ) -> Result<(PathBuf, Kept), Attempt> {
        let place = servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let failed = |denial| refused(&place, denial);
        // Nothing is lent that can't be kept.
        self.store.prepare().map_err(failed)?;
        let secret = crate::platform::random_bytes::<32>().map(Zeroizing::new).map_err(|error| {
            failed(Denial::new(Code::BorrowFailed, minor::BORROW_STORE, &error.to_string()))
        })?;
        let renew_s = renew.map_or(0, |span| u32::try_from(span.as_secs().max(1)).unwrap_or(u32::MAX));
        let Wanted { feature, version, count } = wanted.clone();
        let asked = Asked {
            secret,
            place: place.clone(),
            vendor: self.config.vendor.clone(),
            feature,
            version,
            count,
            user: self.config.claims.user.clone(),
            ends,
            at: self.clock.now().utc,
        };
        let borrowing = Borrowing { ends, renew_s, secret: asked.digest() };
        let (config, clock) = (self.config.clone(), self.clock.clone());
        let mut errand = Errand::begin(Route { servers: servers.to_vec(), config, clock }).await?;
        let asking = self.store.ask(&self.store.path_asked(asked.digest()), &asked).map_err(failed)?;
        let (outcome, known) = match errand.borrow(wanted, wishes, borrowing).await {
            Ok(grant) => {
                let kept = self.keep(&mut errand, &asked, &grant).await;
                // What can't be kept nobody could use. A publisher who allows no early return has it out until its end, unless it is
                // asked for again.
                let known = kept.is_ok() || errand.give_back(grant.handle, &asked.secret).await.is_ok();
                (kept, known)
            }
            Err(denial) => (Err(denial), !errand.is_unclear()),
        };
        errand.end().await;
        if known && let Err(denial) = asking.settled() {
            tracing::debug!(%denial, "a request to borrow is settled and stays");
        }
        outcome.map_err(failed)
    }

    /// Fetches the record of a grant and the lines behind it, looks at them and keeps them.
    async fn keep(
        &self,
        errand: &mut Errand,
        asked: &Asked,
        grant: &Grant,
    ) -> Result<(PathBuf, Kept), Denial> {
        let Some(borrow) = grant.borrow else {
            let note = "the server granted without borrowing: it is of a version that does not lend";
            return Err(Denial::new(Code::BorrowFailed, minor::ANSWER_UNEXPECTED, note));
        };
        let lines = Self::lines(errand, &grant.lines).await?;
        let look = self.clock.look();
        let span_ms = borrow.until.0.saturating_sub(look.utc.0).saturating_sub(super::kept::SKEW_MS).max(0);
        self.judge_grant(&lines, &asked.wanted(), grant, (look.utc, span_ms))?;
        let signed = record_of(errand, grant.handle, &asked.secret).await?;
        let kept = Self::kept(asked, signed, lines, (look.utc, errand.mark(look)))?;
        if kept.record.handle != grant.handle {
            return Err(bad("the server sent the record of another borrow"));
        }
        self.put(kept)
    }

    /// Fetches the lines behind a grant.
    pub(super) async fn lines(errand: &mut Errand, digests: &[Digest]) -> Result<Vec<LineText>, Denial> {
        let mut lines = Vec::with_capacity(digests.len());
        for digest in digests {
            let line = errand.line(*digest).await?;
            if Digest::of(line.canonical.as_bytes()) != *digest {
                let note = "the server sent another line than the one behind the grant";
                return Err(Denial::new(Code::BadSignature, minor::GRANT_NOT_VERIFIED, note));
            }
            lines.push(line);
        }
        Ok(lines)
    }

    /// What is to be kept of a record that came at this time, if it is the one that was asked for.
    pub(super) fn kept(
        asked: &Asked,
        signed: SignedBorrow,
        lines: Vec<LineText>,
        (fetched, mark): (Timestamp, Mark),
    ) -> Result<Kept, Denial> {
        let (record, key) = read(&signed)?;
        let same = record.vendor == asked.vendor
            && record.feature == asked.feature
            && record.version == asked.version
            && record.count == asked.count
            && record.user == asked.user;
        if !same {
            return Err(bad("the server sent the record of another borrow"));
        }
        let (secret, place) = (asked.secret.clone(), asked.place.clone());
        let condition = Condition::Held;
        Ok(Kept { condition, secret, place, fetched, mark, signed, record, key, lines })
    }

    /// Keeps it, if the record is of a server that is known by its key.
    pub(super) fn put(&self, kept: Kept) -> Result<(PathBuf, Kept), Denial> {
        self.judge_record(&kept.record, &kept.key, &kept.secret)?;
        let path = self.store.path_of(kept.record.secret);
        self.store.put(&path, &kept)?;
        Ok((path, kept))
    }

    /// Whether a record that a server sent is of that borrow, and of the server that is known by its key.
    fn judge_record(
        &self,
        record: &BorrowRecord,
        key: &VerifyingKey,
        secret: &Zeroizing<[u8; 32]>,
    ) -> Result<(), Denial> {
        if record.secret != Digest::of(secret.as_slice()) {
            return Err(bad("the server sent the record of another borrow"));
        }
        if !self.store.knows(&record.vendor, &record.server, key)? {
            let note = format!(
                "{} has another key than when it lent for the first time; if that is right, lmborrow -purge forgets the old \
                 one as soon as nothing is borrowed there",
                record.server
            );
            return Err(bad(&note));
        }
        Ok(())
    }

    /// What is borrowed already gets another end; none if nothing is.
    pub(super) async fn extended(
        &self,
        wanted: &Wanted,
        ends: Timestamp,
    ) -> Result<Option<LocalBorrow>, Denial> {
        for Found { path, kept } in self.store.all()? {
            let Ok(kept) = kept else { continue };
            let (kept, _) = self.look(&path, kept);
            let same = self.is_for(&kept, wanted) && kept.record.count == wanted.count;
            if !same || kept.condition != Condition::Held || self.judge_machine(&kept).is_err() {
                continue;
            }
            if kept.record.ends == ends {
                return Ok(Some(self.local(Found { path, kept: Ok(kept) })));
            }
            let met = self.meet(&path, &kept, Some(ends), None).await.map_err(|attempt| attempt.denial)?;
            match met {
                Met::Refused(denial) | Met::Unknown(denial) => return Err(denial),
                met => {
                    let kept = met.kept(kept)?;
                    return Ok(Some(self.local(Found { path, kept: Ok(kept) })));
                }
            }
        }
        Ok(None)
    }

    /// A checkout that uses what is borrowed, and is to borrow until a later time, asks for that end. Without the server it goes on with
    /// what there is; what the server refuses is an error, as for a new borrow.
    pub(super) async fn prolong(
        &self,
        seat: &mut Seat,
        wanted: &Wanted,
        ends: Timestamp,
    ) -> Result<(), Denial> {
        let Held::Borrowed(borrowed) = &seat.held else { return Ok(()) };
        let path = borrowed.path.clone();
        let Some(kept) = still_kept(&path).filter(|kept| kept.record.ends < ends) else { return Ok(()) };
        let before = kept.record.ends;
        match self.meet(&path, &kept, Some(ends), None).await {
            Ok(Met::Refused(denial) | Met::Unknown(denial)) => Err(denial),
            Ok(met) => {
                let kept = met.kept(kept)?;
                self.judge_lines(&kept, wanted, self.clock.now().utc)?;
                seat.expires = Some(kept.record.until);
                Ok(())
            }
            Err(attempt) => {
                let until = minute_of(before, &system_zone().zone);
                let note =
                    format!("{} stays borrowed until {until} and no longer: {attempt}", wanted.feature);
                self.config.warn(&Denial::new(attempt.denial.code, attempt.denial.minor, &note));
                Ok(())
            }
        }
    }

    /// Meets the server of a borrow and lets it tell what has become of it.
    pub(super) async fn meet(
        &self,
        path: &Path,
        kept: &Kept,
        ends: Option<Timestamp>,
        at: Option<&SearchPath>,
    ) -> Result<Met, Attempt> {
        let mut errand = Errand::begin(self.route(kept, at)).await?;
        let met = self.hear_of(&mut errand, path, kept, ends).await.unwrap_or_else(Met::Refused);
        errand.end().await;
        Ok(met)
    }

    async fn hear_of(
        &self,
        errand: &mut Errand,
        path: &Path,
        kept: &Kept,
        ends: Option<Timestamp>,
    ) -> Result<Met, Denial> {
        let (handle, secret) = (kept.record.handle, &kept.secret);
        if kept.condition == Condition::Returning {
            // Whoever is giving it back hears of that alone: another would be told that nothing is borrowed.
            let _slots = self.for_return(path, kept)?;
            match errand.give_back(handle, secret).await {
                Err(denial) if denial.minor != minor::BORROW_UNKNOWN => return Err(denial),
                Ok(()) | Err(_) => {}
            }
            self.store.delete(path)?;
            return Ok(Met::Ended);
        }
        match errand.renew(handle, secret, ends).await {
            Ok(_) => {
                let signed = record_of(errand, handle, secret).await?;
                let (record, key) = read(&signed)?;
                self.judge_record(&record, &key, secret)?;
                let look = self.clock.look();
                let mark = errand.mark(look);
                let renewed = self.store.change(path, |kept| {
                    kept.renewed((signed, record, key), mark, look.utc);
                })?;
                let gone = || bad("it was removed from this machine meanwhile");
                Ok(Met::Renewed(Box::new(renewed.ok_or_else(gone)?)))
            }
            Err(denial) if denial.minor == minor::BORROW_RECALLED => {
                self.store.delete(path)?;
                // A message that is lost costs the license until its end: the record is renewed no more.
                let _ = errand.give_back(handle, secret).await;
                Ok(Met::Recalled(denial))
            }
            Err(denial) if denial.minor == minor::BORROW_UNKNOWN => {
                if kept.condition == Condition::Expired {
                    self.store.delete(path)?;
                    return Ok(Met::Ended);
                }
                Ok(Met::Unknown(denial))
            }
            Err(denial) => Ok(Met::Refused(denial)),
        }
    }

    /// All licenses of a borrow, for as long as it is given back.
    pub(super) fn for_return(&self, path: &Path, kept: &Kept) -> Result<(Slots, Slots), Denial> {
        let in_use = |note| Denial::new(Code::ReturnFailed, minor::BORROW_IN_USE, note);
        let count = kept.record.count.get();
        let returning = self.store.take_return(path)?;
        let returning = returning
            .ok_or_else(|| in_use("another program gives it back at the moment; see what comes of that"))?;
        let licenses = self.store.take(path, count, count)?;
        let licenses = licenses.ok_or_else(|| {
            in_use("a program of this machine uses the license at the moment; end it first")
        })?;
        Ok((returning, licenses))
    }

    /// Tells the server again of a return whose answer was lost, without anybody waiting for it.
    pub(super) fn tell_again(&self, path: PathBuf, kept: Kept) {
        let borrows = self.clone();
        tokio::spawn(async move {
            if let Err(attempt) = borrows.meet(&path, &kept, None, None).await {
                tracing::debug!(%attempt, "a return is still to be told");
            }
        });
    }

    /// Gives a borrow back: it can't be used from when the server is told on.
    pub(super) async fn give_back_at(
        &self,
        path: &Path,
        kept: Kept,
        at: Option<&SearchPath>,
    ) -> Result<(), Denial> {
        let failed = |denial: &Denial| {
            let note = format!("{}: {denial} {}", kept.record.feature, denial.note);
            Denial::new(Code::ReturnFailed, denial.minor, &note)
        };
        // Whoever is not reached was told nothing, and nothing is lost.
        let mut errand =
            Errand::begin(self.route(&kept, at)).await.map_err(|attempt| failed(&attempt.denial))?;
        let before = kept.condition;
        self.store.change(path, |kept| kept.condition = Condition::Returning)?;
        let told = errand.give_back(kept.record.handle, &kept.secret).await;
        errand.end().await;
        match told {
            Ok(()) => self.store.delete(path),
            Err(denial) => {
                let unknown = denial.minor == minor::BORROW_UNKNOWN;
                if unknown && matches!(before, Condition::Returning | Condition::Expired) {
                    return self.store.delete(path);
                }
                if unknown || denial.minor == minor::EARLY_RETURN_OFF {
                    self.store.change(path, |kept| kept.condition = before)?;
                    return Err(denial);
                }
                Err(failed(&denial))
            }
        }
    }
}

async fn record_of(errand: &mut Errand, handle: Handle, secret: &[u8; 32]) -> Result<SignedBorrow, Denial> {
    let RecordText { text, sign, .. } = errand.record(Some(handle), secret).await?;
    Ok(SignedBorrow { text, sign })
}

fn bad(note: &str) -> Denial {
    Denial::new(Code::BorrowFailed, minor::BORROW_RECORD_BAD, note)
}

fn read(signed: &SignedBorrow) -> Result<(BorrowRecord, VerifyingKey), Denial> {
    signed.read().map_err(|error| bad(&format!("the record that the server sent: {error}")))
}

/// Whether the file of a borrow is still there and sound.
pub(super) fn still_kept(path: &Path) -> Option<Kept> {
    store::read(path).ok()
}
