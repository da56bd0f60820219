//! A replay for programs; docs/administrator.md has the keys.

use serde_json::{Map, Value, json};

use super::{Outcome, Shown};
use crate::event::Denial;
use crate::lmutil::catalogs::instant_json;
use crate::replay::{Difference, Held, Kind, Peak, Verdict};
use crate::time::Timestamp;

/// What stands before the differences. They come first, as they are found.
pub(super) const BEGIN: &str = "{\n  \"differences\": [";

/// One difference on one line.
pub(super) fn row(found: &Difference, shown: &Shown) -> String {
    json!({
        "time": shown.instant(found.at),
        "change": found.kind.name(),
        "user": found.identity.user.as_str(),
        "host": found.identity.host.as_str(),
        "display": found.identity.display.as_str(),
        "project": found.identity.project.as_ref().map(|project| project.as_str()),
        "feature": found.feature.as_str(),
        "version": found.version.as_str(),
        "count": found.count.get(),
        "borrow_until": found.borrow_ends.map(|ends| shown.instant(ends)),
        "recorded": verdict(&found.recorded),
        "replayed": verdict(&found.replayed),
    })
    .to_string()
}

fn verdict(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Granted(pool) => json!({"granted": true, "pool": pool.as_ref().map(|pool| pool.as_str())}),
        Verdict::Denied(denial) => refusal(denial),
        Verdict::Refused(denial) => {
            let mut value = refusal(denial);
            if let Value::Object(value) = &mut value {
                value.insert("judged".to_owned(), false.into());
            }
            value
        }
        Verdict::Ended => json!({"granted": true, "ended": true}),
    }
}

fn refusal(denial: &Denial) -> Value {
    json!({
        "granted": false,
        "number": denial.code.number(),
        "minor": denial.minor,
        "text": denial.text(),
        "rule": denial.rule(),
        "note": &*denial.note,
    })
}

/// What stands behind the differences.
pub(super) fn end(outcome: &Outcome, shown: &Shown, many: u64) -> String {
    let local = |at: Timestamp| Value::String(shown.instant(at));
    let peak = |peak: &Peak| json!({"licenses": peak.used, "at": local(peak.at)});
    let tally = &outcome.tally;
    let pools: Vec<Value> = tally
        .peaks
        .iter()
        .map(|(key, peaked)| {
            json!({
                "pool": key.as_str(),
                "count": peaked.of,
                "peak": peak(peaked),
                "recorded_peak": outcome.recorded_peak(key).map(peak),
            })
        })
        .collect();
    let features: Vec<Value> = tally
        .features
        .iter()
        .map(|(name, counts)| {
            json!({
                "feature": name.as_str(),
                "denied": counts.denied,
                "newly_denied": counts.newly_denied,
                "newly_granted": counts.newly_granted,
                "missing": counts.missing,
                "missing_at": counts.missing_at.map(local),
            })
        })
        .collect();
    let clients: Vec<Value> = tally
        .clients
        .iter()
        .map(|((user, host), counts)| {
            json!({
                "user": user.as_str(),
                "host": host.as_str(),
                "newly_denied": counts.newly_denied,
                "newly_granted": counts.newly_granted,
                "other_pool": counts.other_pool,
                "lost": counts.lost,
                "kept": counts.kept,
            })
        })
        .collect();
    let held: Vec<Value> = outcome
        .held
        .iter()
        .map(|(feature, span, why)| {
            json!({"feature": feature.as_str(), "seconds": span.as_secs(), "from": held_from(*why)})
        })
        .collect();
    let changes: Map<String, Value> =
        Kind::ALL.iter().map(|kind| (kind.name().to_owned(), tally.of(*kind).into())).collect();
    let totals = &outcome.totals;
    let value = json!({
        "source": outcome.what,
        "vendor": outcome.vendor.as_str(),
        "timezone": outcome.zone.iana_name(),
        "from": instant_json(outcome.span.0),
        "to": instant_json(outcome.span.1),
        "first_record": local(outcome.covered.0),
        "last_record": local(outcome.covered.1),
        "rules": outcome.rules,
        "recorded_rules": outcome.exact,
        "same": !outcome.differs(),
        "granted": totals.granted,
        "denied": totals.denied,
        "waited": totals.waited,
        "left_queue": totals.gave_up,
        "judged": totals.judged,
        "folded": totals.folded,
        "carried": totals.carried,
        "carried_without_pool": totals.carried_lost,
        "ignored_checkins": totals.ignored_checkins,
        "changes": changes,
        "pools": pools,
        "features": features,
        "clients": clients,
        "held": held,
        "notes": outcome.notes,
    });
    // One object: what begins with the differences goes on with these keys.
    let text = format!("{value:#}");
    let rest = text.strip_prefix('{').unwrap_or(&text).trim_start_matches('\n');
    format!("{}],\n{rest}\n", if many == 0 { "" } else { "\n  " })
}

fn held_from(why: Held) -> &'static str {
    match why {
        Held::Assumed => "assumed",
        Held::OfFeature => "median of the feature",
        Held::OfAllFeatures => "median of all features",
        Held::Nothing => "nothing recorded",
    }
}
