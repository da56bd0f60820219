//! An explanation for people.

use std::fmt::Write as _;

use super::{PoolTold, Told};
use crate::lmutil::wrap::push_wrapped;

/// Where the words of a step begin.
const STEP_COLUMN: usize = 18;

pub(super) fn show(told: &Told<'_>) -> String {
    let mut text = String::new();
    let (request, client) = (&told.wanted.request, &told.wanted.identity);
    let version = if request.version.canonical() == "0" { "any version" } else { request.version.as_str() };
    let project = client.project.as_ref().map(|project| format!(", project {project}")).unwrap_or_default();
    let asks = format!(
        "{} {version}, {} at once, for {}@{} (display {}, address {}{project})",
        request.feature,
        request.count,
        client.user,
        client.host,
        client.display,
        client.address()
    );
    push_wrapped(&mut text, "Request:", 9, &asks);
    let zone = told.wanted.zone.iana_name().unwrap_or("UTC");
    let _ = writeln!(text, "At:      {} ({zone}), vendor {}", told.wanted.now.utc, told.vendor);
    if told.wanted.options.is_none() {
        text.push_str("Rules:   none, as no options file is given (-O)\n");
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
        for rule in &step.rules {
            push_wrapped(
                text,
                &format!("{:STEP_COLUMN$}{}:{}:", "", rule.file, rule.line),
                STEP_COLUMN + 4,
                &rule.text,
            );
        }
    }
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
