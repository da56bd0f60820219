//! The text of lmstat (`flexnet-tools.md` 2.4 to 2.7): a pure function of what the servers said. Blanks, numbers and
//! words are those that public tools read; `lmstat-consumers.md` says who breaks on which change.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::Zoned;
use jiff::tz::TimeZone;

use crate::code::{Code, minor};
use crate::event::Denial;
use crate::time::Timestamp;
use crate::wire::{FeatureCount, LingerTime, PoolKind, StatusItem};

/// What is wanted of lmstat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The block of the license server (`-lm`).
    pub server: bool,
    /// The block of the vendor daemons (`-vd`).
    pub vendors: bool,
    /// Feature usage (`-a`, `-f`, `-S`, `-A`).
    pub usage: bool,
    /// Only this vendor daemon (`-S NAME`).
    pub vendor: Option<String>,
    /// The title of `-S`, which is another one.
    pub by_vendor: bool,
    /// Only this feature (`-f NAME`).
    pub feature: Option<String>,
    /// Only features in use (`-A`).
    pub active_only: bool,
    /// No users (`--no-user-info`).
    pub no_users: bool,
    /// Start times with seconds (`-asec`).
    pub seconds: bool,
    /// Details as of 2023 (`LMSTAT_COMPAT=B`).
    pub form_b: bool,
}

/// One entry of the license path, with what was learned of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemReport {
    /// The servers of the entry: one, or the three of a triad.
    pub members: Vec<Member>,
    /// What the vendor daemons of the answering server said.
    pub vendors: Vec<VendorReport>,
}

/// One server of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Host as it is shown.
    pub host: String,
    /// Port as it is shown; none if it was not named and no server was found.
    pub port: Option<u16>,
    /// Its version and license files, or why it can't be asked, as `text. (-15,501:111 "Connection refused")`.
    pub state: Result<MemberUp, String>,
}

/// A server that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberUp {
    /// Version of the program.
    pub version: String,
    /// Its license files.
    pub files: Vec<String>,
}

/// One vendor daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorReport {
    /// Its name.
    pub name: String,
    /// Its status, or none if it can't be asked.
    pub items: Option<Vec<StatusItem>>,
}

impl SystemReport {
    fn master(&self) -> Option<(&Member, &MemberUp)> {
        self.members.iter().find_map(|member| Some((member, member.state.as_ref().ok()?)))
    }
}

/// `License server status on …`: banner and date, before all systems.
#[must_use]
pub fn head(banner: &str, now: &Zoned) -> String {
    format!("{banner}\nFlexible License Manager status on {}\n\n", date(now))
}

fn date(now: &Zoned) -> String {
    format!("{} {}/{}/{} {:02}:{:02}", day(now), now.month(), now.day(), now.year(), now.hour(), now.minute())
}

fn day(at: &Zoned) -> impl std::fmt::Display {
    at.strftime("%a")
}

/// The line between several systems of a license path.
pub const BETWEEN: &str = "----------------------------------------------------------------------------\n";

/// `Error getting status: …`, in place of a system that gave none.
#[must_use]
pub fn failure(text: &str) -> String {
    format!("Error getting status: {text}\n")
}

/// The block for a feature that no server has (`flexnet-tools.md` 2.6).
#[must_use]
pub fn no_such_feature(feature: &str) -> String {
    let denial = Denial::new(Code::NoSuchFeature, minor::NO_SUCH_FEATURE, "");
    format!("{}Feature:       {feature}\n", failure(&denial.to_string()))
}

/// Everything about one system.
#[must_use]
pub fn system(report: &SystemReport, wanted: &Wanted, now: &Zoned) -> String {
    let mut text = String::new();
    let Some((master, up)) = report.master() else { return text };
    if wanted.server {
        let names: Vec<String> = report.members.iter().map(asked_as).collect();
        let _ = write!(
            text,
            "License server status: {}\n    License file(s) on {}: ",
            names.join(","),
            master.host
        );
        up.files.iter().for_each(|file| text.push_str(&format!("{file}:")));
        text.push_str("\n\n");
        for member in &report.members {
            match &member.state {
                Ok(up) => {
                    let mark = if std::ptr::eq(member, master) { "(MASTER) " } else { "" };
                    let _ = writeln!(text, "{:>10}: license server UP {mark}v{}", member.host, up.version);
                }
                Err(why) => {
                    let _ = writeln!(text, "{}: {why}", member.host);
                }
            }
        }
        text.push('\n');
    }
    if !wanted.server && wanted.vendors {
        let _ = writeln!(text, "{}\n", date(now));
    }
    if wanted.vendors || wanted.usage {
        if wanted.vendors {
            let _ = writeln!(text, "Vendor daemon status (on {}):\n", master.host);
        }
        let mut notes = Vec::new();
        let vendors =
            report.vendors.iter().filter(|it| wanted.vendor.as_ref().is_none_or(|name| *name == it.name));
        for (index, vendor) in vendors.enumerate() {
            // One blank line between two vendor daemons; a list of features ends with one.
            if index > 0 && !text.ends_with("\n\n") {
                text.push('\n');
            }
            vendor_block(&mut text, vendor, wanted, now.time_zone(), &mut notes);
        }
        if !wanted.usage {
            text.push('\n');
        }
        // Only here, behind all features, do they disturb no reader.
        notes.iter().for_each(|note| {
            let _ = writeln!(text, "{note}");
        });
    }
    text
}

fn asked_as(member: &Member) -> String {
    match member.port {
        Some(port) => format!("{port}@{}", member.host),
        None => format!("@{}", member.host),
    }
}

fn vendor_block(
    text: &mut String,
    vendor: &VendorReport,
    wanted: &Wanted,
    zone: &TimeZone,
    notes: &mut Vec<String>,
) {
    let daemon = vendor.items.as_ref().and_then(|items| match items.first() {
        Some(StatusItem::Daemon { version, host, lmgrd_port, notes, .. }) => {
            Some((version, format!("{host}/{lmgrd_port}"), notes))
        }
        _ => None,
    });
    let (Some((version, place, daemon_notes)), Some(items)) = (daemon, &vendor.items) else {
        let denial = Denial::new(Code::VendorDown, minor::VENDOR_DOWN, "");
        let _ = writeln!(text, "{:>10}: {denial}", vendor.name);
        return;
    };
    if wanted.vendors {
        let _ = writeln!(text, "{:>10}: UP v{version}", vendor.name);
    }
    notes.extend(daemon_notes.iter().map(|note| format!("NOTE: {note}")));
    if wanted.usage {
        if wanted.by_vendor {
            let _ = writeln!(text, "Users of features served by {}:\n", vendor.name);
        } else {
            text.push_str("Feature usage info:\n\n");
        }
        usage(text, items, &place, wanted, zone);
    }
}

/// The features of one vendor daemon.
fn usage(text: &mut String, items: &[StatusItem], place: &str, wanted: &Wanted, zone: &TimeZone) {
    let mut shown = false;
    let mut users_open = false;
    // Pools are sent only if they have users, so an uncounted feature with a pool is in use.
    let active: BTreeSet<&str> = items
        .iter()
        .filter_map(|item| match item {
            StatusItem::Pool { feature, .. } if wanted.active_only => Some(feature.as_str()),
            _ => None,
        })
        .collect();
    for item in items {
        let of_pool = matches!(
            item,
            StatusItem::User { .. } | StatusItem::Queued { .. } | StatusItem::Reservation { .. }
        );
        if users_open && !of_pool {
            text.push('\n');
            users_open = false;
        }
        match item {
            StatusItem::Daemon { .. } | StatusItem::Clock(_) => {}
            StatusItem::Feature { name, count } => {
                shown = wanted.feature.as_deref().is_none_or(|feature| feature == name.as_str())
                    && (!wanted.active_only || in_use(*count) || active.contains(name.as_str()));
                if shown {
                    let _ = writeln!(text, "Users of {name}:  {}\n", counted(*count));
                }
            }
            _ if !shown || wanted.no_users => {}
            StatusItem::Pool { feature, version, vendor, expiry, vendor_string, kind } => {
                let indent = if wanted.form_b {
                    text.push_str("  \n");
                    ""
                } else {
                    "  "
                };
                let expiry = expiry.as_deref().unwrap_or("permanent(no expiration date)");
                let _ =
                    writeln!(text, "{indent}\"{feature}\" v{version}, vendor: {vendor}, expiry: {expiry}");
                if let Some(string) = vendor_string {
                    let _ = writeln!(text, "  vendor_string: {string}");
                }
                let _ = writeln!(text, "  {}\n", kind_text(kind));
            }
            StatusItem::Reservation { count, holder } => {
                let plural = if *count == 1 { "" } else { "s" };
                // A small s behind capitals, as readers know it (`flexnet-tools.md` 2.7).
                let _ = writeln!(text, "\t{count} RESERVATION{plural} for {holder} ({place})");
                users_open = true;
            }
            StatusItem::User { user, host, display, version, handle, start, count, linger } => {
                users_open = true;
                let _ = write!(
                    text,
                    "    {user} {host} {display} (v{version}) ({place} {handle}), start {}",
                    start_text(*start, zone, wanted.seconds)
                );
                if *count > 1 {
                    let _ = write!(text, ", {count} licenses");
                }
                // Two blanks, as in published listings (`flexnet-tools.md` 2.7).
                if let Some(LingerTime { left_s, total_s }) = linger {
                    let _ = write!(text, "  (linger: {left_s} / {total_s})");
                }
                text.push('\n');
            }
            StatusItem::Queued { user, host, display, version, handle, count } => {
                users_open = true;
                let plural = if *count == 1 { "" } else { "s" };
                let _ = writeln!(
                    text,
                    "    {user} {host} {display} (v{version}) ({place} {handle}) queued for {count} license{plural}"
                );
            }
        }
    }
    if users_open {
        text.push('\n');
    }
}

fn in_use(count: FeatureCount) -> bool {
    matches!(count, FeatureCount::Counted { in_use: 1.., .. })
}

fn counted(count: FeatureCount) -> String {
    let plural = |n: u32| if n == 1 { "" } else { "s" };
    match count {
        FeatureCount::Counted { issued, in_use } => format!(
            "(Total of {issued} license{} issued;  Total of {in_use} license{} in use)",
            plural(issued),
            plural(in_use)
        ),
        FeatureCount::Uncounted => "(Uncounted, node-locked)".to_owned(),
        FeatureCount::Unserved { licenses } => {
            format!("(Error: {licenses} licenses, unsupported by licensed server)")
        }
    }
}

fn kind_text(kind: &PoolKind) -> String {
    match kind {
        PoolKind::Floating => "floating license".to_owned(),
        // The hostid comes as license files write it, `ID=` included where it is one.
        PoolKind::NodeLocked(hostid) => format!("nodelocked license, locked to \"{hostid}\""),
        PoolKind::UncountedAny => "uncounted nodelocked license locked to NOTHING (hostid=ANY)".to_owned(),
        PoolKind::UncountedLocked(hostid) => {
            format!("uncounted nodelocked license, locked to \"{hostid}\"")
        }
    }
}

fn start_text(start: Timestamp, zone: &TimeZone, seconds: bool) -> String {
    let at = jiff::Timestamp::from_millisecond(start.0).unwrap_or_default().to_zoned(zone.clone());
    let mut text = format!("{} {}/{} {}:{:02}", day(&at), at.month(), at.day(), at.hour(), at.minute());
    if seconds {
        let _ = write!(text, ":{:02}", at.second());
    }
    text
}

#[cfg(test)]
mod tests;
