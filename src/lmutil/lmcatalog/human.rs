//! The catalog for people: at most 100 columns where names allow it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Counts, Shown, Signatures, VendorShown};
use crate::catalog::{Catalog, Lot, Period, Pool};
use crate::license::{HostId, LicenseFile, Standing};
use crate::lmutil::wrap::push_wrapped;
use crate::time::{CivilDate, Timestamp};

/// Widest column of names; longer ones push their line out.
const NAME_COLUMN_MAX: usize = 36;
/// Columns before the lines of a pool.
const LOT_INDENT: usize = 6;

pub(super) fn show(shown: &Shown<'_>) -> String {
    let mut text = String::new();
    let machine: Vec<String> = shown.wanted.machine.iter().map(ToString::to_string).collect();
    push_wrapped(
        &mut text,
        "Machine:",
        9,
        if machine.is_empty() { "no hostid".to_owned() } else { machine.join(" ") }.as_str(),
    );
    let zone = shown.wanted.zone.iana_name().unwrap_or("UTC");
    let _ = writeln!(text, "At:      {} ({zone})", shown.wanted.at);
    for file in shown.files {
        push_wrapped(
            &mut text,
            "File:",
            9,
            &format!("{}: {}", file.source.name(), standing(file, &shown.wanted.machine)),
        );
    }
    for vendor in &shown.vendors {
        vendor_block(&mut text, vendor, shown);
    }
    if !shown.skipped.is_empty() {
        text.push_str("\nLines that nobody uses\n");
        for line in &shown.skipped {
            push_wrapped(&mut text, &format!("  {}:{}", line.file, line.line), 6, &line.why);
        }
    }
    if shown.files.is_empty() {
        text.push_str("\nno license file could be read\n");
    }
    text
}

/// What the SERVER lines of a file mean here.
fn standing(file: &LicenseFile, machine: &[HostId]) -> String {
    let servers: Vec<String> =
        file.servers().map(|server| format!("SERVER {} {}", server.host, server.hostid)).collect();
    let servers = servers.join(", ");
    match file.standing() {
        Standing::Serverless => {
            "no SERVER line; lmgrd leaves the file out, clients that read it use its uncounted lines"
                .to_owned()
        }
        Standing::Single if file.servers().any(|server| server.hostid.matches_machine(machine)) => {
            format!("{servers}, for this machine")
        }
        Standing::Single => format!("{servers}, for ANOTHER machine"),
        Standing::Triad => format!("{servers}: three servers as one"),
        Standing::Rejected => "its SERVER lines are not those of a server".to_owned(),
    }
}

fn vendor_block(text: &mut String, vendor: &VendorShown, shown: &Shown<'_>) {
    let demo = if vendor.catalog.demo() && vendor.signatures == Signatures::Checked {
        " (DEMO: the key is published)"
    } else {
        ""
    };
    let _ = writeln!(text, "\nVendor {}{demo}", vendor.name);
    for note in &vendor.notes {
        push_wrapped(text, "  !", 4, note);
    }
    pools(text, &vendor.catalog, shown);
    if vendor.catalog.unserved_features().next().is_some() {
        text.push_str("\n  Names that are not served\n");
        for (name, unserved) in vendor.catalog.unserved_features() {
            let denial = unserved.denial();
            let reason = format!("{} ({},{}): {}", name, denial.code.number(), denial.minor, denial.note);
            push_wrapped(text, "   ", 8, &reason);
        }
    }
    if vendor.catalog.verdicts().is_empty() {
        return;
    }
    text.push_str("\n  Lines\n");
    let periods = periods(&vendor.catalog, shown.wanted.at);
    for line in vendor.catalog.verdicts() {
        let mut verdict = format!("{} {}", line.keyword, line.subject);
        if line.keyword == "SERVER" {
            verdict.clone_from(&line.subject);
        }
        let _ = write!(verdict, ": {}", line.verdict);
        for note in &line.notes {
            let _ = write!(verdict, "; {note}");
        }
        verdict.push_str(match periods.get(&(line.place.file, line.place.line)) {
            Some(Period::Before) => "; not started",
            Some(Period::After) => "; expired",
            Some(Period::Within | Period::Untrusted) | None => "",
        });
        push_wrapped(text, &format!("    {}", line.place), 8, &verdict);
    }
}

/// How far the licenses of each line have got at an instant.
fn periods(catalog: &Catalog, at: Timestamp) -> BTreeMap<(usize, usize), Period> {
    let mut periods = BTreeMap::new();
    for lot in catalog.features().flat_map(|name| catalog.pools(name.as_str())).flat_map(|pool| &pool.lots) {
        let period = lot.period_at(at);
        let furthest = periods.entry((lot.place.file, lot.place.line)).or_insert(period);
        *furthest = (*furthest).max(period);
    }
    periods
}

fn pools(text: &mut String, catalog: &Catalog, shown: &Shown<'_>) {
    let pools: Vec<&Pool> = catalog.features().flat_map(|name| catalog.pools(name.as_str())).collect();
    if pools.is_empty() {
        text.push_str("\n  nothing is served\n");
        return;
    }
    let at = shown.wanted.at;
    let width = |longest: Option<usize>, least: usize| longest.unwrap_or(0).clamp(least, NAME_COLUMN_MAX);
    let name = width(pools.iter().map(|pool| pool.feature.as_str().chars().count()).max(), 7);
    let place = width(
        pools.iter().flat_map(|pool| &pool.lots).map(|lot| lot.place.to_string().chars().count()).max(),
        5,
    );
    let _ = writeln!(text, "\n  {:<name$}  {:<10} {:>10}  VALID", "FEATURE", "VERSION", "LICENSES");
    for pool in pools {
        let licenses = licenses(pool, at);
        let version = pool.version.as_str();
        let feature = pool.feature.as_str();
        let _ = writeln!(text, "  {feature:<name$}  {version:<10} {licenses:>10}  {}", validity(pool, shown));
        if let Some(keys) = pool.key.as_str().splitn(3, ' ').nth(2) {
            push_wrapped(text, &" ".repeat(LOT_INDENT - 1), LOT_INDENT + 2, keys);
        }
        for lot in &pool.lots {
            let serial = catalog.signed_line(&lot.digest).and_then(|line| line.serial());
            let serial = serial.map_or_else(String::new, |serial| format!("  SN={serial}"));
            let count = if pool.counted { lot.count.to_string() } else { "any".to_owned() };
            let _ = writeln!(
                text,
                "{:LOT_INDENT$}{:<place$}  {count:>6}  {}{serial}",
                "",
                lot.place.to_string(),
                lot_validity(lot, shown)
            );
        }
    }
}

fn licenses(pool: &Pool, at: Timestamp) -> String {
    let overdraft: u64 = pool.valid_lots(at).map(|lot| u64::from(lot.overdraft)).sum();
    match (pool.counted, Counts::of(pool, at).valid, overdraft) {
        (false, ..) => "uncounted".to_owned(),
        (true, valid, 0) => valid.to_string(),
        (true, valid, overdraft) => format!("{valid}+{overdraft}"),
    }
}

/// When the licenses of a pool are valid, in few words.
fn validity(pool: &Pool, shown: &Shown<'_>) -> String {
    let at = shown.wanted.at;
    let counts = Counts::of(pool, at);
    let mut parts = Vec::new();
    let ends: Vec<Option<Timestamp>> = pool.valid_lots(at).map(|lot| lot.ends).collect();
    match ends.iter().flatten().min() {
        _ if ends.is_empty() => {}
        None => parts.push("permanent".to_owned()),
        Some(next) if ends.iter().all(|ends| *ends == Some(*next)) => {
            parts.push(format!("until {}", last_day(*next, shown)));
        }
        Some(next) => {
            let ending = pool.valid_lots(at).filter(|lot| lot.ends == Some(*next));
            let ending: u64 = ending.map(|lot| u64::from(lot.count)).sum();
            parts.push(format!("{ending} of them until {}", last_day(*next, shown)));
        }
    }
    for (count, period, word) in
        [(counts.not_yet, Period::Before, "not started"), (counts.expired, Period::After, "expired")]
    {
        if pool.lots.iter().any(|lot| lot.period_at(at) == period) {
            parts.push(if pool.counted { format!("{count} {word}") } else { word.to_owned() });
        }
    }
    parts.join(", ")
}

fn lot_validity(lot: &Lot, shown: &Shown<'_>) -> String {
    let until = lot.ends.map(|ends| last_day(ends, shown));
    match (lot.period_at(shown.wanted.at), until) {
        (Period::Before, until) => {
            let starts = lot.starts.map_or_else(String::new, |starts| day(starts, shown));
            format!("starts {starts}{}", until.map_or_else(String::new, |until| format!(", until {until}")))
        }
        (Period::After, until) => format!("expired {}", until.unwrap_or_default()),
        (Period::Within | Period::Untrusted, Some(until)) => format!("until {until}"),
        (Period::Within | Period::Untrusted, None) => "permanent".to_owned(),
    }
}

/// The last day before an instant.
fn last_day(ends: Timestamp, shown: &Shown<'_>) -> String {
    day(Timestamp(ends.0.saturating_sub(1)), shown)
}

/// The day of an instant in the server's zone.
pub(super) fn day(at: Timestamp, shown: &Shown<'_>) -> String {
    CivilDate::of(at, &shown.wanted.zone)
        .map_or_else(|| "the end of the calendar".to_owned(), |day| day.to_string())
}
