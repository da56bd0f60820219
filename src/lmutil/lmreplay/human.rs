//! A replay for people.

use std::fmt::Write as _;
use std::time::Duration;

use super::Outcome;
use crate::lmutil::wrap::push_wrapped;
use crate::replay::{Difference, Held, Kind, Peak, Verdict};
use crate::text::counted;

/// Most rows of a table; the rest is in the other formats.
const ROWS_MAX: usize = 40;

pub(super) fn show(outcome: &Outcome, kept: &[Difference], many: u64) -> String {
    let mut text = String::new();
    let totals = &outcome.totals;
    push_wrapped(
        &mut text,
        "Replayed:",
        10,
        &format!(
            "{} (vendor {}, {})",
            outcome.what,
            outcome.vendor,
            outcome.zone.iana_name().unwrap_or("UTC")
        ),
    );
    let (first, last) = outcome.covered;
    let first = outcome.span.0.map_or(first, |from| from.max(first));
    let last = outcome.span.1.map_or(last, |to| to.min(last));
    push_wrapped(&mut text, "From:", 10, &format!("{} to {}", outcome.local(first), outcome.local(last)));
    push_wrapped(&mut text, "Rules:", 10, &outcome.rules.join("; "));
    let requests = totals.granted.saturating_add(totals.denied);
    let mut said =
        format!("{requests}, of which {} were granted and {} denied", totals.granted, totals.denied);
    if totals.folded > 0 {
        let _ = write!(said, "; {} repeats count as one with an earlier denial", totals.folded);
    }
    if totals.waited > 0 {
        let _ = write!(said, "; {} began to wait in the queue", totals.waited);
    }
    if totals.gave_up > 0 {
        let _ = write!(said, "; {} left it with nothing", totals.gave_up);
    }
    push_wrapped(&mut text, "Requests:", 10, &said);
    if totals.carried > 0 {
        let were = if totals.carried == 1 { "was" } else { "were" };
        let mut said = format!("{} {were} out when it begins", counted(totals.carried, "checkout"));
        if totals.carried_lost > 0 {
            let _ = write!(said, "; for {} of them there is no pool under these files", totals.carried_lost);
        }
        push_wrapped(&mut text, "Carried:", 10, &said);
    }
    for note in &outcome.notes {
        push_wrapped(&mut text, "Note:", 10, note);
    }
    for (feature, span, why) in &outcome.held {
        let why = match why {
            Held::Assumed => "as told",
            Held::OfFeature => "the median of its checkouts",
            Held::OfAllFeatures => "the median of all checkouts, as none of its own came back",
            Held::Nothing => "as no checkout came back",
        };
        let said = format!("newly granted licenses of {feature} for {}, {why}", duration(*span));
        push_wrapped(&mut text, "Held:", 10, &said);
    }
    text.push('\n');
    push_verdict(&mut text, outcome);
    push_pools(&mut text, outcome);
    push_features(&mut text, outcome);
    push_clients(&mut text, outcome);
    if !kept.is_empty() {
        text.push_str("\nRequests\n");
        kept.iter().for_each(|found| push_found(&mut text, outcome, found));
        let more = many.saturating_sub(u64::try_from(kept.len()).unwrap_or(u64::MAX));
        if more > 0 {
            let _ =
                writeln!(text, "  … and {more} more: --format csv or json shows all, --show N more of them");
        }
    }
    text
}

fn push_verdict(text: &mut String, outcome: &Outcome) {
    let of = |kind| outcome.tally.of(kind);
    if outcome.exact {
        if !outcome.differs() {
            let _ = writeln!(text, "Every verdict came out as recorded ({} judged).", outcome.totals.judged);
            return;
        }
        text.push_str("Under the recorded files these did not come out as recorded:\n");
    } else if !outcome.differs() {
        text.push_str("Nobody would have been served differently.\n");
    }
    for (kind, words) in [
        (Kind::NewlyDenied, "would have been denied"),
        (Kind::NewlyGranted, "would have been granted"),
        (Kind::OtherPool, "would have been granted from another pool"),
        (Kind::Lost, "would have been ended by a reread"),
        (Kind::Kept, "would not have been ended by a reread"),
        (Kind::OtherTerms, "would have been granted on other terms"),
        (Kind::OtherReason, "would have been denied for another reason"),
    ] {
        if of(kind) > 0 {
            let _ = writeln!(text, "{:>8} {words}", of(kind));
        }
    }
}

fn push_pools(text: &mut String, outcome: &Outcome) {
    let peaks = &outcome.tally.peaks;
    if peaks.is_empty() {
        return;
    }
    text.push_str("\n    Peak      of  at                   recorded  pool\n");
    for (key, peak) in peaks.iter().take(ROWS_MAX) {
        let Peak { used, at, of } = peak;
        let of = of.map_or_else(|| "-".to_owned(), |of| of.to_string());
        let recorded =
            outcome.recorded_peak(key).map_or_else(|| "-".to_owned(), |peak| peak.used.to_string());
        let _ = writeln!(text, "{used:>8}{of:>8}  {}  {recorded:>8}  {key}", outcome.local(*at));
    }
    push_more(text, peaks.len());
}

fn push_features(text: &mut String, outcome: &Outcome) {
    let features = &outcome.tally.features;
    if features.is_empty() {
        return;
    }
    text.push_str("\n  Denied   newly  granted  missing  at                   feature\n");
    for (name, counts) in features.iter().take(ROWS_MAX) {
        let at = counts.missing_at.map_or_else(|| format!("{:<19}", "-"), |at| outcome.local(at));
        let _ = writeln!(
            text,
            "{:>8}{:>8}{:>9}{:>9}  {at}  {name}",
            counts.denied, counts.newly_denied, counts.newly_granted, counts.missing
        );
    }
    push_more(text, features.len());
}

fn push_clients(text: &mut String, outcome: &Outcome) {
    let clients = &outcome.tally.clients;
    if clients.is_empty() {
        return;
    }
    text.push_str("\n  Denied  granted  other pool    lost    kept  who\n");
    let mut rows: Vec<_> = clients.iter().collect();
    rows.sort_by_key(|(_, counts)| {
        std::cmp::Reverse((counts.newly_denied, counts.lost, counts.newly_granted))
    });
    for ((user, host), counts) in rows.into_iter().take(ROWS_MAX) {
        let _ = writeln!(
            text,
            "{:>8}{:>9}{:>12}{:>8}{:>8}  {user}@{host}",
            counts.newly_denied, counts.newly_granted, counts.other_pool, counts.lost, counts.kept
        );
    }
    push_more(text, clients.len());
}

fn push_more(text: &mut String, rows: usize) {
    if rows > ROWS_MAX {
        let _ = writeln!(text, "  … and {} more: --format json shows all", rows - ROWS_MAX);
    }
}

fn push_found(text: &mut String, outcome: &Outcome, found: &Difference) {
    let asked = format!(
        "{} {}@{}: {} {}, {}{}:",
        outcome.local(found.at),
        found.identity.user,
        found.identity.host,
        found.feature,
        found.version,
        counted(found.count.get(), "license"),
        found
            .borrow_ends
            .map_or_else(String::new, |ends| format!(" to borrow until {}", outcome.local(ends)))
    );
    let now = match &found.replayed {
        Verdict::Denied(denial) => format!("would be denied: {denial} {}", denial.note),
        Verdict::Refused(denial) => format!("could not be judged: {denial} {}", denial.note),
        other => format!("would be {other}"),
    };
    let was = match &found.recorded {
        Verdict::Denied(denial) => format!("denied ({},{})", denial.code.number(), denial.minor),
        other => other.to_string(),
    };
    push_wrapped(text, &format!("  {asked}"), 6, &format!("was {was}, {now}"));
}

/// `2h 5m`, to the second.
fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let said: Vec<String> =
        parts.iter().filter(|(many, _)| *many > 0).map(|(many, unit)| format!("{many}{unit}")).collect();
    if said.is_empty() { "0s".to_owned() } else { said.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let shown = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!([shown(0), shown(61), shown(7200), shown(7384)], ["0s", "1m 1s", "2h", "2h 3m 4s"]);
    }
}
