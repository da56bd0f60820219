use super::*;

/// One OUT line at each of these prefixes; other messages follow their prefix behind a bar. Gives when the seats went out.
fn dated(zone: &str, lines: &[&str]) -> (Vec<String>, Assumptions) {
    let log: Vec<String> = lines
        .iter()
        .map(|line| match line.split_once('|') {
            Some((prefix, message)) => format!("{prefix} (lmgrd) {message}"),
            None => format!("{line} (LGS) OUT: \"f1\" ann@ws01  "),
        })
        .collect();
    let (records, assumed) = read(&log.join("\n"), zone);
    let outs = records.iter().filter(|record| matches!(record.events[..], [Event::Out(_)]));
    (outs.map(|record| record.at.to_string().replace(":00.000Z", "")).collect(), assumed)
}

#[test]
fn midnight_is_where_the_time_goes_back_by_much() {
    let (at, assumed) =
        dated("UTC", &["13:00:00", "12:58:00", " 8:00:00", "23:59:00", " 0:01:00", "23:58:00", " 0:02:00"]);
    assert_eq!(
        at,
        [
            "2025-03-04T13:00",
            "2025-03-04T13:00",
            "2025-03-05T08:00",
            "2025-03-05T23:59",
            "2025-03-06T00:01",
            "2025-03-06T00:01",
            "2025-03-06T00:02"
        ]
    );
    assert_eq!((assumed.days, assumed.back, assumed.back_most_ms), (3, 2, 180_000));
    assert_eq!(assumed.dates, DateSource::HandedIn);
}

#[test]
fn two_hours_back_is_the_next_day_and_less_is_not() {
    assert_eq!(dated("UTC", &["13:00:00", "11:01:00"]).0[1], "2025-03-04T13:00");
    assert_eq!(dated("UTC", &["13:00:00", "11:00:00"]).0[1], "2025-03-05T11:00");
}

#[test]
fn a_date_that_comes_late_dates_the_lines_before_it() {
    let (at, assumed) =
        dated("UTC", &["22:00:00", " 1:00:00", " 2:00:00|TIMESTAMP 12/31/2024", " 3:00:00", " 0:30:00"]);
    assert_eq!(at, ["2024-12-30T22:00", "2024-12-31T01:00", "2024-12-31T03:00", "2025-01-01T00:30"]);
    assert_eq!((assumed.dates, assumed.days, assumed.days_skipped), (DateSource::LaterLine, 3, 0));
}

#[test]
fn a_start_says_its_date() {
    let start = " 9:00:00|Product (v1) started on lic1 (linux) (12/31/2024)";
    let (at, assumed) = dated("UTC", &[" 8:59:59|x", start, " 9:00:00"]);
    assert_eq!(at, ["2024-12-31T09:00"]);
    assert_eq!(assumed.dates, DateSource::Log);
}

#[test]
fn whole_dates_count_where_they_mean_their_own_line() {
    let time = |message: &str| dated("UTC", &[&format!("23:59:59|{message}"), " 0:00:00"]).0;
    assert_eq!(time("(@lmgrd-SLOG@) Time: Wed Jan 01 2025 00:00:01 CET"), ["2025-01-01T00:00"]);
    assert_eq!(time("(@lmgrd-SLOG@) Time: Wed Jan 01 2025 12:00:00 CET"), ["2025-03-05T00:00"]);
}

#[test]
fn days_without_lines_are_found_at_the_next_date() {
    let (at, assumed) =
        dated("UTC", &["12:00:00|TIMESTAMP 3/4/2025", "13:00:00", "14:00:00|TIMESTAMP 3/9/2025", "15:00:00"]);
    assert_eq!(at, ["2025-03-04T13:00", "2025-03-09T15:00"]);
    assert_eq!((assumed.days_skipped, assumed.days_back), (5, 0));
}

#[test]
fn an_earlier_date_is_believed_and_time_stands_still() {
    let (at, assumed) = dated(
        "UTC",
        &[
            "12:00:00|TIMESTAMP 3/4/2025",
            "13:00:00",
            "14:00:00|TIMESTAMP 3/3/2025",
            "15:00:00",
            "16:00:00|TIMESTAMP 3/4/2025",
            "17:00:00",
        ],
    );
    assert_eq!(at, ["2025-03-04T13:00", "2025-03-04T13:00", "2025-03-04T17:00"]);
    assert_eq!((assumed.days_back, assumed.days_skipped, assumed.back), (1, 1, 2));
}

#[test]
fn a_repeated_hour_begins_again_where_the_time_steps_back() {
    let (at, assumed) = dated(
        "Europe/Berlin",
        &[
            " 1:30:00|TIMESTAMP 10/26/2025",
            " 2:10:00",
            " 2:50:00",
            " 2:49:30",
            " 2:05:00",
            " 2:30:00",
            " 3:00:00",
        ],
    );
    assert_eq!(
        at,
        [
            "2025-10-26T00:10",
            "2025-10-26T00:50",
            "2025-10-26T00:50",
            "2025-10-26T01:05",
            "2025-10-26T01:30",
            "2025-10-26T02:00"
        ]
    );
    assert_eq!((assumed.in_fold, assumed.in_second_pass, assumed.back, assumed.days), (5, 2, 1, 1));
    assert!(assumed.to_string().contains("5 lines are in an hour that the zone has twice; 2 of them"));
}

#[test]
fn a_left_out_hour_is_moved_forward_and_said() {
    let (at, assumed) = dated("Europe/Berlin", &[" 1:30:00|TIMESTAMP 3/30/2025", " 2:30:00", " 3:40:00"]);
    assert_eq!(at, ["2025-03-30T01:30", "2025-03-30T01:40"]);
    assert_eq!((assumed.in_gap, assumed.back), (1, 0));
    assert!(assumed.to_string().contains("1 line is at a time that the zone leaves out"));
}

#[test]
fn prefixes_with_dates_need_no_guess() {
    let (at, assumed) = dated(
        "Europe/Berlin",
        &[
            "2025-10-26T02:50:00+02:00",
            "2025-10-26T02:10:00+01:00",
            "2025-10-26T02:11:00+0100",
            "2025-11-26T02:11:00",
            "2025-11-26T01:12:00Z",
        ],
    );
    assert_eq!(
        at,
        ["2025-10-26T00:50", "2025-10-26T01:10", "2025-10-26T01:11", "2025-11-26T01:11", "2025-11-26T01:12"]
    );
    assert_eq!((assumed.dates, assumed.days_skipped, assumed.back, assumed.days), (DateSource::Log, 0, 0, 2));
}

#[test]
fn bytes_that_are_no_utf8_are_latin1() {
    let log = b" 9:00:00 (LGS) OUT: \"f1\" Jos\xe9@ws01  \r\n";
    let lines = log.split_inclusive(|byte| *byte == b'\n');
    let records: Vec<Record> = records_of(lines, CivilDate::parse(DAY).unwrap()).collect();
    let Event::Opened(opened) = &records[0].events[0] else { panic!() };
    assert_eq!(opened.identity.user.as_str(), "Jos\u{e9}");
}
