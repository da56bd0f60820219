//! Requests to borrow whose answers were lost: the server is asked again what came of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;

use super::super::{SearchPath, Wanted};
use super::asked::Asked;
use super::errand::Errand;
use super::judge::{RENEWAL, damaged};
use super::kept::{Kept, SKEW_MS};
use super::store::{self, Found, FoundRequest};
use super::{Borrows, LocalBorrow};
use crate::code::minor;
use crate::event::Denial;
use crate::ident::{FeatureName, VendorName};
use crate::sign::SignedBorrow;
use crate::time::{Clock as _, Timestamp};

/// How long a request may be under way whose sender has died: before, that a server knows nothing of it means nothing.
const UNDER_WAY_MS: u64 = 60_000;

/// A request to borrow of which it is not known whether it was granted: its answer was lost, or the program died before it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    /// The file.
    pub path: PathBuf,
    /// What was asked for; why that can't be read otherwise.
    pub request: Result<LostRequest, String>,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostRequest {
    /// Whose licenses.
    pub vendor: VendorName,
    /// Which.
    pub feature: FeatureName,
    /// Until when.
    pub ends: Timestamp,
}

/// What came of a request whose answer was lost.
#[derive(Debug, Clone)]
pub enum Settled {
    /// It was granted, and is kept here now.
    Lent(Box<LocalBorrow>),
    /// Nothing is lent, or no longer.
    NotLent,
    /// Nobody knows yet: the program that asks may still live, or the request be under way.
    Open,
}

impl Borrows {
    /// The requests whose answers are not known, of all vendors; those that can't be read too. One whose record is kept has its answer:
    /// the program that asked was ended before it could take the request away.
    ///
    /// # Errors
    /// -117 when the directory can't be read.
    pub fn unsettled(&self) -> Result<Vec<Unsettled>, Denial> {
        let mut all = self.store.all_asked()?;
        all.retain(|FoundRequest { path, asked }| {
            let kept =
                asked.as_ref().is_ok_and(|asked| store::read(&self.store.path_of(asked.digest())).is_ok());
            if kept && let Ok(Some(asking)) = self.store.asking(path) {
                // One that stays is left out the next time too.
                let _ = asking.settled();
            }
            !kept
        });
        let told = |FoundRequest { path, asked }| {
            let request =
                asked.map(|Asked { vendor, feature, ends, .. }| LostRequest { vendor, feature, ends });
            Unsettled { path, request }
        };
        Ok(all.into_iter().map(told).collect())
    }

    /// Asks the server what came of such a request, and keeps what it lent.
    ///
    /// # Errors
    /// Why the server was not reached, or what it lent can't be kept; the request stays and can be asked about again.
    pub async fn settle(&self, path: &Path, at: Option<&SearchPath>) -> Result<Settled, Denial> {
        let Some(asking) = self.store.asking(path)? else { return Ok(Settled::Open) };
        let asked = match store::read_asked(path) {
            Ok(asked) => asked,
            Err(why) if path.exists() => return Err(damaged(path, &why)),
            Err(_) => {
                asking.settled()?;
                return Ok(Settled::NotLent);
            }
        };
        let record = self.store.path_of(asked.digest());
        if let Ok(kept) = store::read(&record) {
            asking.settled()?;
            return Ok(self.lent(record, kept));
        }
        let now = self.clock.now().utc;
        if now.0.saturating_sub(asked.ends.0) > SKEW_MS {
            asking.settled()?;
            return Ok(Settled::NotLent);
        }
        let route = self.route_to(&asked.vendor, &[&asked.place], at);
        let mut errand = Errand::begin(route).await.map_err(|attempt| attempt.denial)?;
        let fetched = self.fetch(&mut errand, &asked).await;
        errand.end().await;
        match fetched {
            Ok((path, kept)) => {
                asking.settled()?;
                Ok(self.lent(path, kept))
            }
            Err(denial) if denial.minor == minor::BORROW_UNKNOWN => {
                if now.0.abs_diff(asked.at.0) < UNDER_WAY_MS {
                    return Ok(Settled::Open);
                }
                asking.settled()?;
                Ok(Settled::NotLent)
            }
            Err(denial) => Err(denial),
        }
    }

    fn lent(&self, path: PathBuf, kept: Kept) -> Settled {
        Settled::Lent(Box::new(self.local(Found { path, kept: Ok(kept) })))
    }

    async fn fetch(&self, errand: &mut Errand, asked: &Asked) -> Result<(PathBuf, Kept), Denial> {
        let record = errand.record(None, &asked.secret).await?;
        let lines = Self::lines(errand, &record.lines).await?;
        let look = self.clock.look();
        let signed = SignedBorrow { text: record.text, sign: record.sign };
        let kept = Self::kept(asked, signed, lines, (look.utc, errand.mark(look)))?;
        self.judge_lines(&kept, &asked.wanted(), look.utc)?;
        self.put(kept)
    }

    /// Settles what stands in the way of a checkout: requests for the same that this user made. With `insist` it is worth waiting for,
    /// as the checkout shall borrow.
    pub(super) async fn settle_for(&self, wanted: &Wanted, insist: bool) {
        let fits = |asked: &Asked| {
            asked.vendor == self.config.vendor
                && asked.feature == wanted.feature
                && asked.version >= wanted.version
                && asked.user == self.config.claims.user
        };
        for FoundRequest { path, asked } in self.store.all_asked().unwrap_or_default() {
            if !asked.is_ok_and(|asked| fits(&asked)) || !(insist || self.store.may_try(&path)) {
                continue;
            }
            let patience: Duration = if insist { self.config.patience } else { RENEWAL };
            // What can't be settled now is tried again later; the checkout goes on without it.
            match timeout(patience, self.settle(&path, None)).await {
                Ok(Ok(settled)) => tracing::debug!(?path, ?settled, "a request to borrow is settled"),
                Ok(Err(denial)) => tracing::debug!(?path, %denial, "a request to borrow is not settled"),
                Err(_) => tracing::debug!(?path, "a request to borrow is not settled in time"),
            }
        }
    }
}
