//! What of borrowing stands in the way, in words.

use super::words::Words;
use crate::catalog::Pool;
use crate::policy::RuleId;
use crate::seat::BorrowObstacle;
use crate::text::{are, counted};

impl Words<'_> {
    /// What was found, and the line that says so.
    pub(super) fn borrow_step(&self, obstacle: BorrowObstacle) -> (String, Option<RuleId>) {
        match obstacle {
            BorrowObstacle::NotBorrowable => ("the license has no BORROW".to_owned(), None),
            BorrowObstacle::NoHostId => {
                ("a borrow is bound to a machine, and the client names no hostid".to_owned(), None)
            }
            BorrowObstacle::Excluded(rule) => {
                ("an EXCLUDE_BORROW line names the client".to_owned(), Some(rule))
            }
            BorrowObstacle::NotIncluded(rule) => {
                let text = "no line of the INCLUDE_BORROW list names the client; the list begins here";
                (text.to_owned(), Some(rule))
            }
            BorrowObstacle::Past => ("it would end before it begins".to_owned(), None),
            BorrowObstacle::TooLong { latest, hours, rule } => (
                format!(
                    "at most {}, so until {} at the latest",
                    counted(hours, "hour"),
                    latest.whole_seconds()
                ),
                rule,
            ),
            BorrowObstacle::PastExpiry { latest } => {
                (format!("the license ends before: until {} at the latest", latest.whole_seconds()), None)
            }
            BorrowObstacle::Crowded { most } => {
                (format!("no more than {most} {} lent at a time, and they are", are(most)), None)
            }
            BorrowObstacle::Lowwater { borrowed, most, rule } => {
                (format!("at most {most} may be borrowed, and {borrowed} {}", are(borrowed)), Some(rule))
            }
        }
    }

    /// What would have to change.
    pub(super) fn borrow_change(&self, pool: &Pool, obstacle: BorrowObstacle) -> String {
        let place = |rule: RuleId| self.rules.policy.place(rule);
        match obstacle {
            BorrowObstacle::NotBorrowable => {
                format!(
                    "use {} without borrowing, or get a line with BORROW from the publisher",
                    pool.feature
                )
            }
            BorrowObstacle::NoHostId => "ask in the framed protocol, with a hostid".to_owned(),
            BorrowObstacle::Excluded(rule) => {
                format!("take the client off the EXCLUDE_BORROW line {}", place(rule))
            }
            BorrowObstacle::NotIncluded(rule) => {
                format!("put the client on the INCLUDE_BORROW list that begins at {}", place(rule))
            }
            BorrowObstacle::Past => "ask for an end in the future".to_owned(),
            BorrowObstacle::TooLong { latest, .. } | BorrowObstacle::PastExpiry { latest } => {
                format!("ask for {} or sooner", latest.whole_seconds())
            }
            BorrowObstacle::Crowded { .. } => "wait until borrowed licenses come back".to_owned(),
            BorrowObstacle::Lowwater { rule, .. } => {
                format!("wait until borrowed licenses come back, or lower BORROW_LOWWATER at {}", place(rule))
            }
        }
    }
}
