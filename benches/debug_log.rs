//! Reading debug logs back: at least 500,000 lines a second.
//!
//! `cargo bench --no-default-features --bench debug_log`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use seatkeeper::event::debug_log::LogStyle;
use seatkeeper::event::debug_log::read::records;
use seatkeeper::time::{CivilDate, Timestamp};

const DAYS: i64 = 30;
const LINES_A_DAY: i64 = 30_000;
const USERS: i64 = 500;
const ROUNDS: u32 = 5;

/// A busy server: OUT and IN by turns, a refusal and a line of a status block now and then, a date every six hours.
fn log(zone: &jiff::tz::TimeZone, first: CivilDate) -> String {
    let style = LogStyle::new("LGS", zone.clone());
    let begin = first.begins(zone).unwrap();
    let mut log = String::new();
    for number in 0..DAYS * LINES_A_DAY {
        let at = Timestamp(begin.0 + number * 86_400_000 / LINES_A_DAY);
        let user = (number / 2) * 7 % USERS;
        let client = format!("\"feature_{}\" user {user:03}@ws{user:03}.example.com  ", user % 40);
        let message = match number % 20 {
            _ if number % (LINES_A_DAY / 4) == 19 => style.timestamp(at),
            18 => format!("DENIED: {client}(Licensed number of users already reached. (-4,209))"),
            19 => "(@LGS-SLOG@) 00000012 ms at 9:55:54(3/30/2016),#7,(user,host,23)".to_owned(),
            even if even % 2 == 0 => format!("OUT: {client}"),
            _ => format!("IN: {client}"),
        };
        log.push_str(&style.line(at, &message));
        log.push('\n');
    }
    log
}

fn main() {
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let first = CivilDate::new(2025, 3, 4).unwrap();
    let log = log(&zone, first);
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let lines = log.as_bytes().split(|byte| *byte == b'\n');
        let mut reader = records(lines, &"LGS".parse().unwrap(), zone.clone(), first);
        let events: usize = reader.by_ref().map(|record| black_box(record).events.len()).sum();
        best = best.min(began.elapsed().as_secs_f64());
        let assumed = reader.assumptions();
        assert!(events > 0 && assumed.lines.torn == 0 && assumed.in_without_out == 0, "{assumed}");
    }
    let lines = log.bytes().filter(|byte| *byte == b'\n').count();
    println!(
        "{lines} lines, {} MB: {:.2} million lines a second",
        log.len() / 1_000_000,
        f64::from(u32::try_from(lines).unwrap()) / best / 1e6
    );
}
