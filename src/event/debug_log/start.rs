//! What daemons log when they start (`flexnet-tools.md` 3.3, 3.4, 3.10).

use super::LogStyle;
use crate::text::counted;
use crate::time::{CivilDate, Timestamp};

/// The table of features that a vendor daemon serves: the first line holds one feature, each further line three. Names
/// shorter than 8 characters are followed by two tabs, shorter than 15 by one, others by a blank, which makes
/// columns of 16 (measured, `flexnet-tools.md` 3.4).
pub fn feature_table<'a>(host: &str, features: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut features = features.into_iter();
    let mut messages =
        vec![format!("Server started on {host} for:\t{}", features.next().map(cell).unwrap_or_default())];
    let mut row = String::new();
    for (index, feature) in features.enumerate() {
        row.push_str(&cell(feature));
        if index % 3 == 2 {
            messages.push(std::mem::take(&mut row));
        }
    }
    if !row.is_empty() {
        messages.push(row);
    }
    messages
}

fn cell(feature: &str) -> String {
    let gap = match feature.chars().count() {
        0..8 => "\t\t",
        8..15 => "\t",
        _ => " ",
    };
    format!("{feature}{gap}")
}

/// `EXPIRED: f`, once for each expired line.
#[must_use]
pub fn expired(feature: &str) -> String {
    format!("EXPIRED: {feature}")
}

/// `f expires in 1 day on 31-dec-2027` (`flexnet-tools.md` 3.7); for the last 30 days, one a day.
#[must_use]
pub fn expires_soon(feature: &str, days: u32, on: CivilDate) -> String {
    format!("{feature} expires in {} on {on}", counted(days, "day"))
}

/// A line of a status block: `(@LGS-SLOG@) text`.
fn status_line(daemon: &str, text: &str) -> String {
    format!("(@{daemon}-SLOG@) {text}")
}

/// The line that begins and ends a status block.
fn rule() -> String {
    "=".repeat(47)
}

fn block(style: &LogStyle, lines: &[String]) -> Vec<String> {
    let rule = rule();
    std::iter::once(&rule)
        .chain(lines)
        .chain(std::iter::once(&rule))
        .map(|line| status_line(style.daemon(), line))
        .collect()
}

/// The license manager's status block (`flexnet-tools.md` 3.10).
#[must_use]
pub fn license_manager_block(
    style: &LogStyle,
    now: Timestamp,
    pid: u32,
    version: &str,
    port: u16,
    arguments: &str,
    files: &str,
) -> Vec<String> {
    block(
        style,
        &[
            "=== LMGRD ===".to_owned(),
            format!("Start-Date: {}", style.long_date(now)),
            format!("PID: {pid}"),
            format!("LMGRD Version: v{version}"),
            String::new(),
            "=== Network Info ===".to_owned(),
            format!("Listening port: {port}"),
            String::new(),
            "=== Startup Info ===".to_owned(),
            "Server Configuration: Single Server".to_owned(),
            format!("Command-line options used at LS startup: {arguments} "),
            format!("License file(s) used:  {files}"),
        ],
    )
}

/// A vendor daemon's status block (`flexnet-tools.md` 3.10).
#[must_use]
pub fn vendor_daemon_block(
    style: &LogStyle,
    now: Timestamp,
    pid: u32,
    version: &str,
    port: u16,
    host: &str,
    hostids: &str,
) -> Vec<String> {
    block(
        style,
        &[
            "=== Vendor Daemon ===".to_owned(),
            format!("Vendor daemon: {}", style.daemon()),
            format!("Start-Date: {}", style.long_date(now)),
            format!("PID: {pid}"),
            format!("VD Version: v{version}"),
            String::new(),
            "=== Network Info ===".to_owned(),
            format!("Listening port: {port}"),
            String::new(),
            "=== Host Info ===".to_owned(),
            format!("Host used in license file: {host}"),
            format!("HostID of the License Server: \"{hostids}\""),
        ],
    )
}
