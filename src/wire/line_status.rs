//! Status items as lines of the line protocol.

use super::line::Quoted;
use super::server_message::{FeatureCount, LingerTime, PoolKind, StatusItem};

/// The lines behind `OK STATUS <n>`: a word, the subject, then `key=value` in the order of `grammar/line-protocol.abnf`.
#[must_use]
pub fn status_lines(items: &[StatusItem]) -> Vec<String> {
    let mut lines = Vec::with_capacity(items.len());
    for item in items {
        lines.push(match item {
            StatusItem::Daemon { vendor, version, host, lmgrd_port, notes } => {
                let mut line =
                    format!("DAEMON {vendor} version={} server={lmgrd_port}@{host}", Quoted(version));
                for note in notes {
                    line.push_str(&format!(" note={}", Quoted(note)));
                }
                line
            }
            // The notes say what of it matters.
            StatusItem::Clock(_) => continue,
            StatusItem::Feature { name, count } => match count {
                FeatureCount::Counted { issued, in_use } => {
                    format!("FEATURE {} issued={issued} in_use={in_use}", Quoted(name.as_str()))
                }
                FeatureCount::Uncounted => format!("FEATURE {} uncounted", Quoted(name.as_str())),
                FeatureCount::Unserved { licenses } => {
                    format!("FEATURE {} unserved={licenses}", Quoted(name.as_str()))
                }
            },
            StatusItem::Pool { feature, version, vendor, expiry, vendor_string, kind } => {
                let mut line = format!(
                    "POOL {} version={version} vendor={vendor} expiry={}",
                    Quoted(feature.as_str()),
                    Quoted(expiry.as_deref().unwrap_or("permanent"))
                );
                let (kind, hostid) = match kind {
                    PoolKind::Floating => ("floating", None),
                    PoolKind::NodeLocked(hostid) => ("node-locked", Some(hostid)),
                    PoolKind::UncountedAny => ("uncounted", None),
                    PoolKind::UncountedLocked(hostid) => ("uncounted", Some(hostid)),
                };
                line.push_str(&format!(" kind={kind}"));
                if let Some(hostid) = hostid {
                    line.push_str(&format!(" hostid={}", Quoted(hostid)));
                }
                if let Some(vendor_string) = vendor_string {
                    line.push_str(&format!(" vendor_string={}", Quoted(vendor_string)));
                }
                line
            }
            StatusItem::Reservation { count, holder } => {
                format!("RESERVATION {} count={count}", Quoted(holder))
            }
            StatusItem::User { user, host, display, version, handle, start, count, linger } => {
                let mut line = format!(
                    "USER {} host={} display={} version={version} handle={handle} start={start} count={count}",
                    Quoted(user.as_str()),
                    Quoted(host.as_str()),
                    Quoted(display.as_str())
                );
                if let Some(LingerTime { left_s, total_s }) = linger {
                    line.push_str(&format!(" linger={left_s}/{total_s}"));
                }
                line
            }
            StatusItem::Queued { user, host, display, version, handle, count } => format!(
                "QUEUED {} host={} display={} version={version} handle={handle} count={count}",
                Quoted(user.as_str()),
                Quoted(host.as_str()),
                Quoted(display.as_str())
            ),
        });
    }
    lines
}
