//! An explanation for programs; docs/administrator.md has the keys.

use serde_json::{Map, Value, json};

use super::{ChangeTold, Cited, From, HolderTold, PoolTold, ReservationTold, StepTold, Told};

pub(super) fn show(told: &Told<'_>) -> String {
    let (request, client) = (&told.question.request, &told.question.identity);
    let denial = told.verdict.as_ref().err();
    let server = match &told.from {
        From::Files => Value::Null,
        From::Server { place, version } => json!({"place": place, "version": version}),
    };
    let value = json!({
        "request": {
            "feature": request.feature.as_str(),
            "version": request.version.as_str(),
            "count": request.count.get(),
            "borrow_hours": told.question.borrow_h,
            "user": client.user.as_str(),
            "host": client.host.as_str(),
            "display": client.display.as_str(),
            "ip": client.address().to_string(),
            "project": client.project.as_ref().map(|project| project.as_str()),
        },
        "at": told.now.utc.to_string(),
        "timezone": told.zone.iana_name(),
        "server": server,
        "options": told.options,
        "vendor": told.vendor.as_str(),
        "granted": denial.is_none(),
        "pool": told.verdict.as_ref().ok(),
        "number": denial.map_or(0, |denial| denial.code.number()),
        "minor": denial.map(|denial| denial.minor),
        "text": denial.map(|denial| denial.text()),
        "note": denial.map(|denial| &*denial.note),
        "rule": denial.and_then(|denial| denial.rule()),
        "pools": told.pools.iter().map(pool_json).collect::<Vec<_>>(),
        "advice": told.advice,
        "notes": told.notes,
    });
    format!("{value:#}\n")
}

fn pool_json(pool: &PoolTold) -> Value {
    json!({
        "pool": pool.key,
        "lines": pool.lines.iter().map(cited_json).collect::<Vec<_>>(),
        "decides": pool.decides,
        "steps": pool.steps.iter().map(step_json).collect::<Vec<_>>(),
        "changes": pool.changes.iter().map(change_json).collect::<Vec<_>>(),
    })
}

fn step_json(step: &StepTold) -> Value {
    json!({
        "step": step.name,
        "passes": step.passes,
        "asked": step.asked,
        "text": step.text,
        "rules": step.rules.iter().map(cited_json).collect::<Vec<_>>(),
        "users": users_json(&step.users),
        "reservations": step.reservations.iter().map(reservation_json).collect::<Vec<_>>(),
    })
}

fn users_json(users: &[HolderTold]) -> Value {
    let user = |it: &HolderTold| json!({"user": it.user, "host": it.host, "count": it.count});
    users.iter().map(user).collect()
}

fn reservation_json(told: &ReservationTold) -> Value {
    json!({
        "rule": cited_json(&told.rule),
        "count": told.count,
        "idle": told.idle,
        "users": users_json(&told.users),
    })
}

fn change_json(change: &ChangeTold) -> Value {
    let mut value = Map::new();
    value.insert("change".to_owned(), change.name.into());
    value.insert("text".to_owned(), change.text.as_str().into());
    value.insert("rules".to_owned(), change.rules.iter().map(cited_json).collect());
    value.extend(change.numbers.iter().map(|(name, number)| ((*name).to_owned(), (*number).into())));
    value.into()
}

fn cited_json(cited: &Cited) -> Value {
    json!({"file": cited.file, "line": cited.line, "text": cited.text})
}
