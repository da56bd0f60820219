//! lmclock: shows the clocks of license servers and how far their time marks have come, and says that a clock is right. Saying so
//! proves the administrator's key.

use std::net::SocketAddr;

use super::ask::{self, Failure};
use super::lmdown::{Candidate, KeySource, order};
use super::runtime;
use crate::client::{Connection, Limits};
use crate::code::{Code, minor};
use crate::event::debug_log::span;
use crate::ident::{FeatureName, VendorName};
use crate::time::TOLERANCE_MS;
use crate::wire::{ClockInfo, ControlVerb, Message, StatusItem, VendorInfo};

/// What becomes of one vendor daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Which.
    pub vendor: VendorName,
    /// For people, line by line.
    pub lines: Vec<String>,
}

/// The clock of each vendor daemon of a server, or of one of them.
///
/// # Errors
/// [`Failure`] when one can't be asked.
pub fn show(
    candidate: &Candidate,
    only: Option<&VendorName>,
    limits: Limits,
) -> Result<Vec<(VendorName, Option<ClockInfo>)>, Failure> {
    // Of a feature that nobody has little is told beside.
    let feature = FeatureName::parse("lmclock")?;
    runtime()?.block_on(async {
        let mut shown = Vec::new();
        for (vendor, mut connection) in connect(candidate, only, limits).await? {
            let question = Message::AskStatus { feature: Some(feature.clone()), users: false };
            let items = match connection.ask(&question).await? {
                Message::Status(items) => items,
                other => return Err(connection.unexpected(&other).into()),
            };
            let clock = items.iter().find_map(|item| match item {
                StatusItem::Clock(clock) => Some(*clock),
                _ => None,
            });
            shown.push((vendor, clock));
        }
        Ok(shown)
    })
}

/// Tells each vendor daemon of a server, or one of them, that its clock is right.
///
/// # Errors
/// [`Failure`] at the first that did not take it.
pub fn accept(
    candidate: &Candidate,
    only: Option<&VendorName>,
    key: &KeySource,
    limits: Limits,
) -> Result<Vec<Told>, Failure> {
    runtime()?.block_on(async {
        let mut told = Vec::new();
        for (vendor, mut connection) in connect(candidate, only, limits).await? {
            let (lines, _) = order(&mut connection, ControlVerb::AcceptClock, key).await?;
            told.push(Told { vendor, lines });
        }
        Ok(told)
    })
}

/// Connections to the vendor daemons that are meant.
pub(super) async fn connect(
    candidate: &Candidate,
    only: Option<&VendorName>,
    limits: Limits,
) -> Result<Vec<(VendorName, Connection)>, Failure> {
    let (connection, info) = ask::ask_server(&candidate.server, limits).await?;
    let address = connection.peer();
    let meant = |vendor: &&VendorInfo| only.is_none_or(|name| *name == vendor.name);
    let mut found = Vec::new();
    for vendor in info.vendors.iter().filter(meant) {
        let Some(port) = vendor.port.filter(|_| vendor.up) else {
            let note = format!("{} is not running at the moment", vendor.name);
            return Err(Failure::new(Code::VendorDown, minor::VENDOR_DOWN, &note));
        };
        let place = SocketAddr::new(address.ip(), port);
        found.push((vendor.name.clone(), Connection::open(place, ask::hello()?, limits).await?));
    }
    if found.is_empty() {
        let note = only.map_or_else(
            || "this server has no vendor daemon".to_owned(),
            |name| format!("this server has no vendor daemon {name}"),
        );
        return Err(Failure::new(Code::VendorDown, minor::VENDOR_UNKNOWN, &note));
    }
    Ok(found)
}

/// What is shown of a clock.
#[must_use]
pub fn lines(clock: Option<&ClockInfo>) -> Vec<String> {
    let Some(ClockInfo { time, mark, believed_in_s, was_off }) = clock else {
        return vec![
            "tells nothing of its clock: its history is not open, or it is an older version".to_owned(),
        ];
    };
    let ahead = time.0.saturating_sub(mark.0);
    let by = span(ahead);
    let mut lines = vec![format!("clock:     {time}"), format!("time mark: {mark}")];
    let believed = span(i64::from(*believed_in_s).saturating_mul(1000));
    let off = if *was_off { " after the machine was off" } else { "" };
    lines.push(if ahead > TOLERANCE_MS {
        format!(
            "The clock is {by} ahead{off}, and nothing confirms it yet: it is believed in {believed} if nobody sets it, or \
             when lmclock accept says that it is right"
        )
    } else if ahead < -TOLERANCE_MS {
        format!(
            "The clock is {by} behind: it was set back. Licenses that expire are refused (-88). Set the clock right; if \
             it is right, say so with lmclock accept"
        )
    } else if ahead >= 1000 {
        format!("The clock is {by} ahead{off}; it is believed in {believed}")
    } else if ahead <= -1000 {
        format!("The clock is {by} behind; licenses are judged by the time mark")
    } else {
        "The clock agrees with the time mark".to_owned()
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn what_is_shown_says_what_to_do() {
        let told = |ahead: i64| {
            let (time, mark) = (Timestamp(1_800_000_000_000 + ahead), Timestamp(1_800_000_000_000));
            lines(Some(&ClockInfo { time, mark, believed_in_s: 7200, was_off: false })).join("\n")
        };
        assert!(told(0).ends_with("The clock agrees with the time mark"));
        assert!(told(TOLERANCE_MS).contains("24 hours ahead; it is believed in 120 minutes"));
        assert!(told(TOLERANCE_MS + 1).contains("lmclock accept"));
        assert!(!told(-TOLERANCE_MS).contains("-88"));
        assert!(told(-TOLERANCE_MS - 1).contains("-88"));
    }
}
