//! Debug logs of other servers, read back where they are. The figures were counted with grep and awk.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

#[path = "support/fixtures.rs"]
mod fixtures;
#[path = "debug_logs/round_trip.rs"]
mod round_trip;

use std::collections::{BTreeMap, BTreeSet};

use fixtures::fixtures;
use seatkeeper::event::debug_log::read::{Assumptions, DateSource, LineCounts, records};
use seatkeeper::event::{Event, InReason, Record};
use seatkeeper::time::CivilDate;

fn read(file: &str, vendor: &str, zone: &str) -> Option<(Vec<Record>, Assumptions)> {
    let log = std::fs::read(fixtures("debuglog")?.join(file)).unwrap();
    let zone = jiff::tz::TimeZone::get(zone).unwrap();
    let day = CivilDate::new(2000, 1, 1).unwrap();
    let mut reader = records(log.split_inclusive(|byte| *byte == b'\n'), &vendor.parse().unwrap(), zone, day);
    let records: Vec<Record> = reader.by_ref().collect();
    let assumed = reader.assumptions();
    hangs_together(&records);
    assert_eq!(assumed.lines.total(), log.split_inclusive(|byte| *byte == b'\n').count() as u64);
    Some((records, assumed))
}

/// Numbers without gaps, times in order, requests of open sessions, seats that come back once.
fn hangs_together(records: &[Record]) {
    let (mut next, mut now) = (1, records[0].at);
    let mut held = BTreeMap::new();
    let mut sessions = BTreeMap::new();
    let mut waiting = BTreeSet::new();
    for record in records {
        assert!(record.at >= now && !record.events.is_empty(), "{record:?}");
        assert_eq!(record.first.0, next);
        (next, now) = (next + record.events.len() as u64, record.at);
        for event in &record.events {
            match event {
                Event::Opened(opened) => {
                    assert!(sessions.insert(opened.session, opened.identity.clone()).is_none())
                }
                Event::Out(out) => {
                    assert_eq!(sessions[&out.session], out.identity);
                    assert!(held.insert(out.handle, out.session).is_none());
                    waiting.remove(&(out.session, out.request.token));
                }
                Event::In(back) => assert_eq!(held.remove(&back.handle), Some(back.session)),
                Event::Queued(queued) => {
                    assert_eq!(sessions[&queued.session], queued.identity);
                    assert!(waiting.insert((queued.session, queued.request.token)));
                }
                Event::Dequeued(dequeued) => {
                    assert!(waiting.remove(&(dequeued.session, dequeued.token)))
                }
                Event::Denied(denied) => assert_eq!(sessions[&denied.session], denied.identity),
                Event::Ended(ended) => {
                    assert!(held.values().all(|session| *session != ended.session));
                    assert!(waiting.iter().all(|(session, _)| *session != ended.session));
                    assert!(sessions.remove(&ended.session).is_some());
                }
                Event::Started(_) | Event::Stopped(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn number(records: &[Record], which: impl Fn(&Event) -> bool) -> usize {
    records.iter().flat_map(|record| &record.events).filter(|event| which(event)).count()
}

fn ends(assumed: &Assumptions) -> [String; 2] {
    [assumed.first, assumed.last].map(|at| at.unwrap().to_string())
}

#[test]
fn a_log_with_counts_above_one() {
    let file = "justbennet_ansys_v11.13_2017-06-08.log";
    let Some((records, assumed)) = read(file, "ansyslmd", "America/New_York") else { return };
    assert_eq!(number(&records, |event| matches!(event, Event::Out(_))), 2455);
    assert_eq!(number(&records, |event| matches!(event, Event::In(_))), 2445);
    let several = |event: &Event| matches!(event, Event::Out(out) if out.request.count.get() > 1);
    assert_eq!(number(&records, several), 1152);
    assert_eq!(number(&records, |event| matches!(event, Event::Started(_))), 1);
    let lines = LineCounts {
        out: 2455,
        r#in: 2445,
        daemon: 2,
        dates: 441,
        status: 3571,
        other: 76,
        unprefixed: 1,
        ..LineCounts::default()
    };
    assert_eq!(assumed.lines, lines);
    assert_eq!(ends(&assumed), ["2017-06-08T13:49:41.000Z", "2017-06-25T13:25:01.000Z"]);
    let expected = Assumptions {
        lines,
        dates: DateSource::Log,
        handed_in: CivilDate::new(2000, 1, 1),
        days: 18,
        first: assumed.first,
        last: assumed.last,
        still_out: 10,
        ..Assumptions::default()
    };
    assert_eq!(assumed, expected);
}

#[test]
fn a_log_with_seats_that_timed_out() {
    let file = "sergioedo_autodesk_v11.12_2016.log";
    let Some((records, assumed)) = read(file, "adskflex", "Europe/Madrid") else { return };
    assert_eq!(number(&records, |event| matches!(event, Event::Out(_))), 1918);
    assert_eq!(number(&records, |event| matches!(event, Event::In(_))), 1670 + 248);
    let idle = |event: &Event| matches!(event, Event::In(back) if back.why == InReason::Inactive);
    assert_eq!(number(&records, idle), 248);
    let lines = LineCounts {
        out: 1918,
        r#in: 1918,
        daemon: 2,
        dates: 829,
        status: 7076,
        options: 4,
        other: 53,
        // The last line has no end.
        ..LineCounts::default()
    };
    assert_eq!(ends(&assumed), ["2016-03-29T23:56:00.000Z", "2016-04-30T20:01:22.000Z"]);
    let expected = Assumptions {
        lines,
        dates: DateSource::Log,
        handed_in: CivilDate::new(2000, 1, 1),
        days: 32,
        first: assumed.first,
        last: assumed.last,
        ..Assumptions::default()
    };
    assert_eq!(assumed, expected);
}

#[test]
fn a_log_with_refusals_and_a_shutdown() {
    let file = "vilar_matlab_v11.18_2022.log";
    let Some((records, assumed)) = read(file, "MLM", "Europe/Madrid") else { return };
    assert_eq!(number(&records, |event| matches!(event, Event::Out(_))), 10_007);
    assert_eq!(number(&records, |event| matches!(event, Event::Denied(_))), 9);
    // The end of the daemon gives back what has no line of its own.
    assert_eq!(number(&records, |event| matches!(event, Event::In(_))), 9934 + 19 + 54);
    let Some(Event::Stopped(stopped)) = records.last().unwrap().events.last() else { panic!() };
    assert_eq!(stopped.by, "upm@licserver");
    let lines = LineCounts {
        out: 10_007,
        r#in: 9934 + 19,
        denied: 9,
        daemon: 7,
        dates: 729,
        status: 6255,
        other: 86,
        unprefixed: 2,
        ..LineCounts::default()
    };
    assert_eq!(ends(&assumed), ["2022-06-09T08:25:31.000Z", "2022-07-07T06:14:44.000Z"]);
    let expected = Assumptions {
        lines,
        dates: DateSource::Log,
        handed_in: CivilDate::new(2000, 1, 1),
        days: 29,
        first: assumed.first,
        last: assumed.last,
        ended_by_daemon: 54,
        ..Assumptions::default()
    };
    assert_eq!(assumed, expected);
}
