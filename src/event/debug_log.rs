//! Events as the lines of the classic debug log (`flexnet-tools.md` 3). From data to text only: the shells write.
//!
//! The shapes are those that log analysers read, blank for blank: the hour padded with a blank, the daemon in
//! parentheses, the feature in quotes, two blanks after `user@host`. What the analysers do not know goes into lines of
//! its own that begin with another word.

mod clock;
mod page;
pub mod read;
mod start;

pub use clock::{clock, clock_accepted, span};
pub use page::Page;
pub use start::{expired, expires_soon, feature_table, license_manager_block, vendor_daemon_block};

use jiff::tz::TimeZone;

use super::{Checkout, Denied, EndReason, Identity, In, InReason, Out, Removed};
use crate::code::Code;
use crate::ident::{Count, FeatureName, Host, User};
use crate::time::Timestamp;

/// How often lmgrd writes a TIMESTAMP line, in minutes (`flexnet-tools.md` 3.2).
pub const MANAGER_TIMESTAMP_MIN: u64 = 360;

/// How often a vendor daemon writes a TIMESTAMP line, in minutes (`flexnet-tools.md` 3.2).
pub const VENDOR_TIMESTAMP_MIN: u64 = 365;

/// Puts the prefix of one daemon before messages, in one zone.
#[derive(Debug, Clone)]
pub struct LogStyle {
    daemon: String,
    zone: TimeZone,
    datestamp: bool,
}

impl LogStyle {
    /// A style for a daemon: `lmgrd` or the vendor's name.
    #[must_use]
    pub fn new(daemon: &str, zone: TimeZone) -> Self {
        Self { daemon: daemon.to_owned(), zone, datestamp: false }
    }

    /// With `-datestamp` the prefix is a whole date with the offset from UTC (`flexnet-tools.md` 1.2).
    #[must_use]
    pub fn with_datestamp(self, datestamp: bool) -> Self {
        Self { datestamp, ..self }
    }

    /// The name between the parentheses.
    #[must_use]
    pub fn daemon(&self) -> &str {
        &self.daemon
    }

    fn local(&self, at: Timestamp) -> jiff::Zoned {
        jiff::Timestamp::from_millisecond(at.0).unwrap_or_default().to_zoned(self.zone.clone())
    }

    /// A whole line without its end: ` 9:49:41 (LGS) message` (`flexnet-tools.md` 3.1).
    #[must_use]
    pub fn line(&self, at: Timestamp, message: &str) -> String {
        let local = self.local(at);
        if self.datestamp {
            return format!("{} ({}) {message}", local.strftime("%Y-%m-%dT%H:%M:%S%:z"), self.daemon);
        }
        format!("{:2}:{:02}:{:02} ({}) {message}", local.hour(), local.minute(), local.second(), self.daemon)
    }

    /// The only source of dates inside a long log: `TIMESTAMP 3/4/2025`.
    #[must_use]
    pub fn timestamp(&self, at: Timestamp) -> String {
        format!("TIMESTAMP {}", self.short_date(at))
    }

    /// A date as `3/4/2025`.
    #[must_use]
    pub fn short_date(&self, at: Timestamp) -> String {
        let local = self.local(at);
        format!("{}/{}/{}", local.month(), local.day(), local.year())
    }

    /// A date as `Tue Mar 04 2025 08:59:58 CET`.
    #[must_use]
    pub fn long_date(&self, at: Timestamp) -> String {
        self.local(at).strftime("%a %b %d %Y %H:%M:%S %Z").to_string()
    }
}

/// Who holds the seats of a handle, as far as an IN line needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder<'a> {
    /// The feature.
    pub feature: &'a FeatureName,
    /// The user.
    pub user: &'a User,
    /// The user's host.
    pub host: &'a Host,
    /// How many licenses.
    pub count: Count,
}

impl<'a> Holder<'a> {
    /// The holder that a grant makes.
    #[must_use]
    pub fn of(out: &'a Out) -> Self {
        Self::of_request(&out.identity, &out.request)
    }

    /// The one who asks.
    #[must_use]
    pub fn of_request(identity: &'a Identity, request: &'a Checkout) -> Self {
        Self { feature: &request.feature, user: &identity.user, host: &identity.host, count: request.count }
    }
}

/// `QUEUED: "f" user@host  (3 licenses) ` (`flexnet-tools.md` 3.5).
#[must_use]
pub fn queued(holder: &Holder<'_>) -> String {
    holding("QUEUED", holder, "")
}

/// `DEQUEUED: "f" user@host  (3 licenses) `: the request waits no more, also because it gets its licenses.
#[must_use]
pub fn dequeued(holder: &Holder<'_>) -> String {
    holding("DEQUEUED", holder, "")
}

/// `OUT: "f" user@host  (3 licenses) ` (`flexnet-tools.md` 3.5).
#[must_use]
pub fn checked_out(holder: &Holder<'_>) -> String {
    holding("OUT", holder, "")
}

/// What stands in the log when a license lingers for less than its time (`flexnet-files.md` 3.12).
#[must_use]
pub fn linger_cut(feature: &FeatureName) -> String {
    format!("WARNING: {feature}: the linger time overlaps the expiration of the license, and ends with it.")
}

/// `IN: "f" user@host  (3 licenses) (REASON)`.
#[must_use]
pub fn checked_in(holder: &Holder<'_>, back: &In) -> String {
    let reason = match back.why {
        // A client that says goodbye gives its seats back as much as one that checks in.
        InReason::Checkin { .. } | InReason::Ended(EndReason::Goodbye) => "",
        InReason::Ended(EndReason::Disconnect) => "(DISCONNECT)",
        InReason::Ended(EndReason::LeaseLapsed) => "(LEASE_LAPSED)",
        InReason::Ended(EndReason::Shutdown) => "(SHUTDOWN)",
        InReason::Removed => "(FEATURE_REMOVED)",
        InReason::Linger => "(LINGER)",
        InReason::Inactive => "(INACTIVE)",
        InReason::UserRemoved => "(USER_REMOVED)",
        InReason::BorrowEnd => "(BORROW_END)",
        InReason::BorrowReturned { .. } => "(BORROW_RETURNED)",
    };
    holding("IN", holder, reason)
}

/// `REMOVE request from ann@lic1: "f" bob@ws01 :0`: the IN lines of what it takes back follow.
#[must_use]
pub fn removed(removed: &Removed) -> String {
    format!("REMOVE request from {}: {}", removed.by, removed.removal)
}

/// `DENIED: "f" user@host  (text. (-4,209))`, or UNSUPPORTED with the mark of a client without a license file for
/// features that this daemon does not serve (`flexnet-tools.md` 3.5). If a line of the options file decided, it is named
/// behind the text: `(User/host on EXCLUDE list for feature: LGS.opt:3. (-38,212))`, inside the shape that readers know, whose
/// numbers end the line. What explains it follows on lines of their own.
#[must_use]
pub fn denied(denied: &Denied) -> Vec<String> {
    let (word, mark) = match denied.denial.code {
        Code::NoSuchFeature | Code::FeatureNotSupported => ("UNSUPPORTED", "(PORT_AT_HOST_PLUS   ) "),
        _ => ("DENIED", ""),
    };
    let (feature, identity, denial) = (&denied.request.feature, &denied.identity, &denied.denial);
    let rule = denial.rule().map(|rule| format!(": {rule}")).unwrap_or_default();
    let mut messages = vec![format!(
        "{word}: \"{feature}\" {mark}{}@{}  ({}{rule}. ({},{}))",
        identity.user,
        identity.host,
        denial.text(),
        denial.code.number(),
        denial.minor
    )];
    if !denied.denial.note.is_empty() {
        messages.push(format!("NOTE: {}", denied.denial.note));
    }
    if denied.times > 1 {
        messages.push(format!("NOTE: {} equal requests of this client were denied", denied.times));
    }
    messages
}

/// `WORD: "f" user@host  (3 licenses) (REASON)`. Put together piece by piece: most lines of a log are such.
fn holding(word: &str, holder: &Holder<'_>, reason: &str) -> String {
    let Holder { feature, user, host, count } = holder;
    let (feature, user, host) = (feature.as_str(), user.as_str(), host.as_str());
    let licenses = if count.get() > 1 { format!("({count} licenses) ") } else { String::new() };
    [word, ": \"", feature, "\" ", user, "@", host, "  ", &licenses, reason].concat()
}

#[cfg(test)]
mod tests;
