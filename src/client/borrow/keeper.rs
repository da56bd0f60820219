//! A seat from what is borrowed, and the task that cares for it: it renews the record while the server can be reached, and tells the
//! application when the borrow is over or wanted back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::super::Wanted;
use super::super::config::Loss;
use super::Borrows;
use super::kept::{Condition, Kept};
use super::meeting::{Met, still_kept};
use super::store::Slots;
use crate::code::{Code, minor};
use crate::event::Denial;
use crate::ident::Handle;
use crate::time::{Clock as _, Monotonic, Timestamp};

/// The longest and the shortest time between two looks at a borrow that is used.
const LOOK: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// The shortest and longest time between two tries to meet the server for a record that is to be renewed.
const TRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15 * 60));
/// How often the server is met for one that is not: it may be wanted back.
const ASK_EVERY: Duration = Duration::from_secs(3600);

/// Licenses of a borrow that this program uses.
#[derive(Debug)]
pub(in crate::client) struct BorrowedSeat {
    pub(in crate::client) handle: Handle,
    pub(in crate::client) lost: watch::Receiver<Option<Denial>>,
    /// The file of the borrow.
    pub(super) path: PathBuf,
    _slots: Slots,
    keeper: AbortHandle,
}

impl Drop for BorrowedSeat {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl BorrowedSeat {
    /// Starts the task, on the current runtime.
    pub(super) fn keep(borrows: Borrows, path: PathBuf, kept: &Kept, wanted: &Wanted, slots: Slots) -> Self {
        let (tell, lost) = watch::channel(None);
        let handle = kept.record.handle;
        let Wanted { feature, version, count } = wanted.clone();
        let cared_for = path.clone();
        let keeper = tokio::spawn(async move {
            let denial = borrows.until_lost(&cared_for).await;
            if let Some(on_loss) = &borrows.config.on_loss {
                on_loss.call(&Loss { handle, feature, version, count, denial: denial.clone() });
            }
            let _ = tell.send(Some(denial));
        });
        Self { handle, lost, path, _slots: slots, keeper: keeper.abort_handle() }
    }
}

fn ms(span: i64) -> Duration {
    Duration::from_millis(u64::try_from(span).unwrap_or(0))
}

impl Borrows {
    /// Cares for a borrow until it can't be used any more: why.
    async fn until_lost(&self, path: &Path) -> Denial {
        let mut tried: Option<Monotonic> = None;
        loop {
            let Some(kept) = still_kept(path) else { return self.gone(path) };
            let (kept, now) = self.look(path, kept);
            let left = ms(kept.record.until.0.saturating_sub(now.0));
            let at = self.clock.now().mono;
            if self.is_due(&kept, now, tried.map(|tried| at.since(tried))) {
                tried = Some(at);
                match self.meet(path, &kept, None, None).await {
                    Ok(Met::Recalled(denial)) => return denial,
                    Ok(Met::Renewed(_)) => continue,
                    Ok(Met::Ended | Met::Unknown(_) | Met::Refused(_)) => {}
                    Err(attempt) => tracing::debug!(%attempt, "the server of a borrow is not met"),
                }
            }
            if let Err(denial) = kept.judge_time(now) {
                return denial;
            }
            sleep((left / 4).clamp(LOOK.0, LOOK.1)).await;
        }
    }

    /// Whether the server is to be met now; the last try was so long ago.
    fn is_due(&self, kept: &Kept, now: Timestamp, tried: Option<Duration>) -> bool {
        let left = ms(kept.record.until.0.saturating_sub(now.0));
        if kept.condition != Condition::Held {
            // Once more before it is lost.
            return tried.is_none_or(|tried| tried >= TRY.0);
        }
        if kept.is_half_over(now) {
            return tried.is_none_or(|tried| tried >= (left / 8).clamp(TRY.0, TRY.1));
        }
        let met = ms(now.0.saturating_sub(kept.fetched.0));
        met >= ASK_EVERY && tried.is_none_or(|tried| tried >= ASK_EVERY)
    }

    fn gone(&self, path: &Path) -> Denial {
        let note = format!("what was borrowed is kept on this machine no more: {} is gone", path.display());
        Denial::new(Code::BorrowOver, minor::BORROW_OVER, &note)
    }
}
