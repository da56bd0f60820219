//! Borrowing (`domain.md` 5): licenses that are taken along and used without the server.
//!
//! What is borrowed is kept in a directory of the user's: the record that the server signed, with the secret that gives it back and the
//! publisher's lines that vouch for it. A checkout looks there first. While a server can be reached, records that can be renewed are, and
//! what an administrator wants back is given back.

mod asked;
mod errand;
mod fields;
mod judge;
mod keeper;
pub mod kept;
mod mark;
mod meeting;
mod order;
mod settling;
mod store;

pub use settling::{LostRequest, Settled, Unsettled};

pub use order::{
    BORROW_VARIABLE, BorrowOrder, clear_orders, end_of, minute_of, orders, set_order, vendor_or_all,
};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::config::Config;
use super::error::{Attempt, ClientError};
use super::path::ServerAddress;
use super::place::Place;
use super::route::Route;
use super::seat::Seat;
use super::{Client, SearchPath, Wanted, refused};
use crate::code::{Code, minor};
use crate::event::{Denial, Wishes};
use crate::ident::VendorName;
use crate::platform::{SystemClock, system_zone};
use crate::sign::BorrowRecord;
use crate::time::{Clock as _, Timestamp};
use kept::{Condition, Kept};
use meeting::Met;
use order::Standing;
use store::{Found, FoundRequest, Store};

pub(super) use keeper::BorrowedSeat;

/// Names the directory of this user's borrows.
pub const BORROW_DIR_VARIABLE: &str = "SEATKEEPER_BORROW_DIR";

/// Where borrows are kept if nothing says where: `.seatkeeper/borrow` in the home directory; none if there is none.
#[must_use]
pub fn default_borrow_dir() -> Option<PathBuf> {
    let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    given(BORROW_DIR_VARIABLE).or_else(|| Some(given("HOME")?.join(".seatkeeper/borrow")))
}

/// What this user has borrowed on this machine.
#[derive(Debug, Clone)]
pub struct Borrows {
    config: Arc<Config>,
    clock: Arc<SystemClock>,
    store: Store,
}

/// One borrow as it is kept here.
#[derive(Debug, Clone)]
pub struct LocalBorrow {
    /// The file.
    pub path: PathBuf,
    /// What the server lent; why it can't be read otherwise.
    pub record: Result<BorrowRecord, String>,
    /// Whether it can be used.
    pub state: BorrowState,
}

/// Whether a borrow can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BorrowState {
    /// It can.
    Good,
    /// It is over, or its record is and must be renewed.
    Expired,
    /// The clock was set back; the server must be met.
    ClockSetBack,
    /// It was given back, and the server is still to be told.
    Returning,
    /// Something else speaks against it.
    Unusable(Denial),
}

/// What came of meeting the server of a borrow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// It has another record, which is good until this time.
    Renewed(Timestamp),
    /// It is over and removed from this machine.
    Over,
    /// An administrator wanted it back: it was given back.
    Recalled(Denial),
    /// The server knows it no more; it is kept until its end.
    Unknown(Denial),
}

impl Borrows {
    /// What is kept in the directory that the configuration names.
    ///
    /// # Errors
    /// -117 when none is named and there is no home directory.
    pub fn new(config: &Config) -> Result<Self, Denial> {
        let dir = config.borrow_dir.as_deref().ok_or_else(|| {
            let note = format!("there is no directory for borrows; name one with {BORROW_DIR_VARIABLE}");
            Denial::new(Code::BorrowFailed, minor::BORROW_STORE, &note)
        })?;
        let (store, clock) = (Store::at(dir), Arc::new(SystemClock::new()));
        Ok(Self { config: Arc::new(config.clone()), clock, store })
    }

    /// All borrows, of all vendors; those that can't be read too.
    ///
    /// # Errors
    /// -117 when the directory can't be read.
    pub fn list(&self) -> Result<Vec<LocalBorrow>, Denial> {
        Ok(self.store.all()?.into_iter().map(|found| self.local(found)).collect())
    }

    fn local(&self, Found { path, kept }: Found) -> LocalBorrow {
        let unreadable = |path: PathBuf, why: String| {
            let denial = Denial::new(Code::BorrowFailed, minor::BORROW_RECORD_BAD, &why);
            LocalBorrow { path, record: Err(why), state: BorrowState::Unusable(denial) }
        };
        let kept = match kept {
            Ok(kept) => kept,
            Err(damage) => return unreadable(path, damage.why),
        };
        // The look is kept if that is possible; what is shown is true all the same.
        let (kept, now) = self.look(&path, kept);
        let state = match kept.condition {
            Condition::Expired => BorrowState::Expired,
            Condition::SetBack => BorrowState::ClockSetBack,
            Condition::Returning => BorrowState::Returning,
            Condition::Held => match self.judge_machine(&kept).and_then(|()| kept.judge_time(now)) {
                Ok(()) => BorrowState::Good,
                Err(denial) => BorrowState::Unusable(denial),
            },
        };
        LocalBorrow { path, record: Ok(kept.record), state }
    }

    /// Gives a borrow back before its end. From then on it can't be used here, even if the server's answer is lost: it is then told again
    /// when it is met.
    ///
    /// # Errors
    /// -123 when the publisher does not allow it, -124 when the server is not reached, -128 when it knows the borrow no more.
    pub async fn give_back(&self, path: &std::path::Path, at: Option<&SearchPath>) -> Result<(), Denial> {
        let _slots = self.for_return(path, &self.read(path)?)?;
        // Another program may have begun to give it back until then.
        self.give_back_at(path, self.read(path)?, at).await
    }

    /// Meets the server of a borrow: renews the record, perhaps with another end, or learns that it is over or wanted back.
    ///
    /// # Errors
    /// Why the server was not reached, or refused.
    pub async fn renew(
        &self,
        path: &std::path::Path,
        ends: Option<Timestamp>,
        at: Option<&SearchPath>,
    ) -> Result<Renewal, Denial> {
        let kept = self.read(path)?;
        let met = self.meet(path, &kept, ends, at).await.map_err(|attempt| attempt.denial)?;
        match met {
            Met::Renewed(kept) => Ok(Renewal::Renewed(kept.record.until)),
            Met::Ended => Ok(Renewal::Over),
            Met::Recalled(denial) => Ok(Renewal::Recalled(denial)),
            Met::Unknown(denial) => Ok(Renewal::Unknown(denial)),
            Met::Refused(denial) => Err(denial),
        }
    }

    /// Removes what is over or can't be read, requests too, and forgets the keys of servers of which nothing is borrowed any more. Gives the removed
    /// files.
    ///
    /// # Errors
    /// -122 when something can't be removed.
    pub fn purge(&self) -> Result<Vec<PathBuf>, Denial> {
        let (mut removed, mut lent) = (Vec::new(), Vec::new());
        for Found { path, kept } in self.store.all()? {
            match kept.map(|kept| self.look(&path, kept)) {
                // A record that can be renewed has an end behind its own.
                Ok((kept, now)) if now <= kept.record.ends && kept.condition != Condition::Returning => {
                    let known = self.store.remembers(&kept.record.vendor, &kept.record.server, &kept.key);
                    if known {
                        lent.push(kept);
                        continue;
                    }
                }
                // The server still has to be told.
                Ok((kept, now)) if now <= kept.record.ends => {
                    lent.push(kept);
                    continue;
                }
                _ => {}
            }
            self.store.delete(&path)?;
            removed.push(path);
        }
        let now = self.clock.now().utc;
        for FoundRequest { path, asked } in self.store.all_asked()? {
            let lasts = asked.is_ok_and(|asked| now.0 <= asked.ends.0.saturating_add(kept::SKEW_MS));
            if let Some(asking) = self.store.asking(&path)?.filter(|_| !lasts) {
                asking.settled()?;
                removed.push(path);
            }
        }
        if self.store.dir().is_dir() {
            self.store.forget_keys(&lent)?;
        }
        Ok(removed)
    }

    fn read(&self, path: &std::path::Path) -> Result<Kept, Denial> {
        store::read(path).map_err(|damage| {
            if path.exists() {
                return judge::damaged(path, &damage.why);
            }
            let note = "it is not kept on this machine any more: another program gave it back or removed it";
            Denial::new(Code::BorrowUnknown, minor::BORROW_UNKNOWN, note)
        })
    }

    /// The way to the server of a borrow.
    fn route(&self, kept: &Kept, at: Option<&SearchPath>) -> Route {
        self.route_to(&kept.record.vendor, &[&kept.place, &kept.record.server], at)
    }

    /// The way to a vendor daemon at some places.
    fn route_to(&self, vendor: &VendorName, places: &[&str], at: Option<&SearchPath>) -> Route {
        let mut servers: Vec<ServerAddress> = Vec::new();
        // With a path of the caller no other place.
        let paths = at.map_or_else(
            || places.iter().map(|place| SearchPath::parse(place)).collect(),
            |at| vec![at.clone()],
        );
        for server in paths.iter().flat_map(servers_of) {
            if !servers.contains(&server) {
                servers.push(server);
            }
        }
        let config = Config { vendor: vendor.clone(), ..(*self.config).clone() };
        Route { servers, config: Arc::new(config), clock: Arc::clone(&self.clock) }
    }
}

/// The servers that a path names, in files too.
fn servers_of(path: &SearchPath) -> Vec<ServerAddress> {
    let places = super::place::servers(path);
    places.into_iter().flatten().collect()
}

impl Client {
    /// Takes `count` licenses along until `ends`, from the first server of the search path that lends them. Checkouts of this user on this
    /// machine are then met by what is borrowed, without any server. With `renew` the record is good for that span only and renews itself
    /// while a server can be reached: a machine that is lost costs no more than that. What is borrowed already gets the new end.
    ///
    /// # Errors
    /// [`ClientError::Checkout`] says for each server why it did not lend: -68 without BORROW, -104 for too long, with the latest end that
    /// may be asked for.
    pub async fn borrow(
        &self,
        feature: &str,
        version: &str,
        count: u32,
        ends: Timestamp,
        renew: Option<Duration>,
    ) -> Result<LocalBorrow, ClientError> {
        let wanted = Wanted::parse(feature, version, count)?;
        let borrows = Borrows {
            clock: Arc::clone(&self.shared.clock),
            ..Borrows::new(&self.shared.config).map_err(ClientError::Session)?
        };
        borrows.settle_for(&wanted, true).await;
        if let Some(local) = borrows.extended(&wanted, ends).await.map_err(ClientError::Session)? {
            return Ok(local);
        }
        let mut attempts = Vec::new();
        for source in self.places_for(&wanted) {
            let lent = match &source.place {
                Place::Servers(servers) => {
                    borrows.borrow_at(servers, &wanted, &Wishes::default(), ends, renew).await
                }
                Place::Local { name, .. } => Err(refused(name, nobody_lends())),
                Place::Nothing(attempt) => Err(attempt.clone()),
            };
            match lent {
                Ok((path, kept)) => return Ok(borrows.local(Found { path, kept: Ok(kept) })),
                Err(attempt) => attempts.push(attempt),
            }
        }
        Err(self.failure(wanted, attempts))
    }

    /// What this user has borrowed; none if there is no directory for it.
    #[must_use]
    pub fn borrows(&self) -> Option<Borrows> {
        let (config, clock) = (Arc::clone(&self.shared.config), Arc::clone(&self.shared.clock));
        let store = Store::at(config.borrow_dir.as_deref()?);
        Some(Borrows { config, clock, store })
    }

    /// A seat from what is borrowed; after an order of LM_BORROW what is wanted is borrowed first, or refused. None if the servers are to be
    /// asked as usual, and why what is borrowed does not help.
    pub(super) async fn borrowed(
        &self,
        wanted: &Wanted,
        wishes: &Wishes,
    ) -> Result<(Option<Seat>, Vec<Attempt>), ClientError> {
        let config = &self.shared.config;
        let now = self.shared.clock.now().utc;
        let zone = || system_zone().zone;
        let standing = order::standing(config.borrow_dir.as_deref(), &config.vendor, now, zone)
            .map_err(ClientError::Session)?;
        let order = match standing {
            Standing::None => None,
            Standing::Holds(ends, order) => Some((ends, order)),
            Standing::Over(denial) => {
                self.shared.config.warn(&denial);
                None
            }
        };
        let Some(borrows) = self.borrows() else {
            return match order {
                None => Ok((None, Vec::new())),
                Some(_) => {
                    Err(Borrows::new(config).err().map_or(ClientError::CountZero, ClientError::Session))
                }
            };
        };
        borrows.settle_for(wanted, order.is_some()).await;
        let (mut seat, refusals) = borrows.seat(wanted).await;
        let Some((ends, order)) = order else { return Ok((seat, refusals)) };
        if let Some(seat) = &mut seat {
            borrows.prolong(seat, wanted, ends).await.map_err(ClientError::Session)?;
        }
        let None = &seat else { return Ok((seat, refusals)) };
        let mut attempts = Vec::new();
        for source in self.places_for(wanted) {
            let lent = match &source.place {
                Place::Servers(servers) => {
                    borrows.borrow_at(servers, wanted, wishes, ends, order.renew()).await.map(|_| ())
                }
                // A line of a file needs no server anyway.
                Place::Local { .. } => match self.checkout_at(source, wanted, wishes).await {
                    Ok(seat) => return Ok((Some(seat), refusals)),
                    Err(attempt) => Err(attempt),
                },
                Place::Nothing(attempt) => Err(attempt.clone()),
            };
            match lent {
                Ok(()) => {
                    let (seat, mut why) = borrows.seat(wanted).await;
                    return match seat {
                        Some(seat) => Ok((Some(seat), why)),
                        None => Err(self.failure(wanted.clone(), std::mem::take(&mut why))),
                    };
                }
                Err(attempt) => attempts.push(attempt),
            }
        }
        attempts.extend(refusals);
        Err(self.failure(wanted.clone(), attempts))
    }
}

/// Puts why what is borrowed does not help beside what the servers said. Where no server answered it says most.
pub(super) fn with_refusals(attempts: &mut Vec<Attempt>, refusals: Vec<Attempt>) {
    let answered = attempts.iter().any(|attempt| attempt.answered);
    attempts.extend(refusals.into_iter().map(|refusal| Attempt { answered: !answered, ..refusal }));
}

fn nobody_lends() -> Denial {
    let note = "a line without a server needs no borrowing";
    Denial::new(Code::NotBorrowable, minor::NOT_BORROWABLE, note)
}
