//! An explanation for people.

use std::fmt::Write as _;

use super::words::licenses;
use super::{Cited, From, HolderTold, PoolTold, Told};
use crate::lmutil::wrap::push_wrapped;
use crate::text::counted;

/// Most users that are named in one place.
const USERS_MAX: usize = 5;

/// Where the words of a step begin.
const STEP_COLUMN: usize = 18;

pub(super) fn show(told: &Told<'_>) -> String {
    let mut text = String::new();
    let (request, client) = (&told.question.request, &told.question.identity);
    let version = if request.version.canonical() == "0" { "any version" } else { request.version.as_str() };
    let project = client.project.as_ref().map(|project| format!(", project {project}")).unwrap_or_default();
    let to_borrow =
        told.question.borrow_h.map(|hours| format!(", to borrow for {hours} h")).unwrap_or_default();
    let asks = format!(
        "{} {version}, {} at once{to_borrow}, for {}@{} (display {}, address {}{project})",
        request.feature,
        request.count,
        client.user,
        client.host,
        client.display,
        client.address()
    );
    push_wrapped(&mut text, "Request:", 9, &asks);
    let zone = told.zone.iana_name().unwrap_or("UTC");
    let _ = writeln!(text, "At:      {} ({zone}), vendor {}", told.now.utc, told.vendor);
    match (&told.from, &told.options) {
        (From::Files, Some(_)) => {}
        (From::Files, None) => text.push_str("Rules:   none, as no options file is given (-O)\n"),
        (From::Server { place, version }, options) => {
            let answers =
                format!("{place}, version {version}: what it goes by at this time, and who uses it");
            push_wrapped(&mut text, "Server:", 9, &answers);
            let rules = options.as_deref().unwrap_or("none: the server has no options file");
            push_wrapped(&mut text, "Rules:", 9, rules);
        }
    }
    for note in &told.notes {
        push_wrapped(&mut text, "Note:", 9, note);
    }
    for (number, pool) in told.pools.iter().enumerate() {
        push_pool(&mut text, number.saturating_add(1), pool);
    }
    match &told.verdict {
        Ok(key) => {
            push_wrapped(&mut text, "\nGRANTED", 4, &format!("from pool {key}"));
        }
        Err(denial) => {
            let _ = writeln!(text, "\nDENIED: {denial}");
            push_wrapped(&mut text, "   ", 4, &denial.note);
            push_changes(&mut text, told);
        }
    }
    text
}

fn push_pool(text: &mut String, number: usize, pool: &PoolTold) {
    let _ = writeln!(text, "\nPool {number}: {}", pool.key);
    for line in &pool.lines {
        push_wrapped(text, &format!("  {}:{}:", line.file, line.line), 6, &line.text);
    }
    for step in pool.steps.iter().filter(|step| step.asked) {
        let mark = if step.passes { "ok" } else { "NO" };
        push_wrapped(text, &format!("    {:<10}{mark}", step.name), STEP_COLUMN, &step.text);
        push_users(text, "used by", &step.users);
        if step.reservations.is_empty() {
            step.rules.iter().for_each(|rule| push_cited(text, rule));
        }
        for reservation in &step.reservations {
            push_cited(text, &reservation.rule);
            let idle = format!("{} of {} idle", reservation.idle, reservation.count);
            push_wrapped(text, &format!("{:1$}", "", STEP_COLUMN + 3), STEP_COLUMN + 4, &idle);
            push_users(text, "  those for whom it is have", &reservation.users);
        }
    }
}

fn push_cited(text: &mut String, rule: &Cited) {
    let place = format!("{:STEP_COLUMN$}{}:{}:", "", rule.file, rule.line);
    push_wrapped(text, &place, STEP_COLUMN + 4, &rule.text);
}

fn push_users(text: &mut String, what: &str, users: &[HolderTold]) {
    if users.is_empty() {
        return;
    }
    let (named, others) = users.split_at(users.len().min(USERS_MAX));
    let mut names: Vec<String> =
        named.iter().map(|holder| format!("{}@{}: {}", holder.user, holder.host, holder.count)).collect();
    if !others.is_empty() {
        let count = others.iter().fold(0_u64, |sum, holder| sum.saturating_add(holder.count));
        names.push(format!("{}: {}", counted(others.len(), "other"), licenses(count)));
    }
    push_wrapped(text, &format!("{:STEP_COLUMN$}{what}", ""), STEP_COLUMN + 4, &names.join(", "));
}

fn push_changes(text: &mut String, told: &Told<'_>) {
    text.push_str("\nTo be granted:\n");
    if let Some(advice) = &told.advice {
        push_wrapped(text, "  -", 4, advice);
    }
    for (number, pool) in told.pools.iter().enumerate() {
        let all = if pool.changes.len() > 1 { ", all of this" } else { "" };
        let _ = writeln!(text, "  from pool {}{all}:", number.saturating_add(1));
        for change in &pool.changes {
            push_wrapped(text, "  -", 4, &change.text);
        }
    }
}
