mod dates;
mod lines;
mod waiting;

use super::*;
use crate::event::{DequeueReason, In, InReason};

const DAY: &str = "4-mar-2025";

fn read(log: &str, zone: &str) -> (Vec<Record>, Assumptions) {
    let zone = TimeZone::get(zone).unwrap();
    let mut reader = records(log.lines(), &"LGS".parse().unwrap(), zone, CivilDate::parse(DAY).unwrap());
    let records: Vec<Record> = reader.by_ref().collect();
    (records, reader.assumptions())
}

/// Messages of the vendor daemon, each a second later than the one before.
fn said(messages: &[&str]) -> (Vec<Record>, Assumptions) {
    let lines: Vec<String> = messages
        .iter()
        .enumerate()
        .map(|(second, message)| {
            let daemon = if message.starts_with('(') && !message.starts_with("(@") { "" } else { "(LGS) " };
            format!(" 9:00:{second:02} {daemon}{message}")
        })
        .collect();
    read(&lines.join("\n"), "UTC")
}

/// Events in few words, without sessions that open.
fn told(records: &[Record]) -> Vec<String> {
    let events = records.iter().flat_map(|record| &record.events);
    events
        .filter_map(|event| match event {
            Event::Out(out) => Some(format!(
                "{} out {} {} of {}@{}",
                out.handle, out.request.count, out.request.feature, out.identity.user, out.identity.host
            )),
            Event::In(In { handle, why, .. }) => Some(match why {
                InReason::Checkin { .. } => format!("{handle} in"),
                InReason::Ended(why) => format!("{handle} in {why:?}"),
                other => format!("{handle} in {other:?}"),
            }),
            Event::Denied(denied) => Some(format!(
                "{} times no {} {} for {}: {} [{}]",
                denied.times,
                denied.request.count,
                denied.request.feature,
                denied.identity.user,
                denied.denial,
                denied.denial.note
            )),
            Event::Started(started) => Some(format!("started {}", started.version)),
            Event::Stopped(stopped) => Some(format!("stopped by {}", stopped.by)),
            Event::Ended(ended) => Some(format!("ended {:?}", ended.why)),
            Event::Opened(_) => None,
            Event::Queued(queued) => Some(format!(
                "{} waits {} {} for {} as {}",
                queued.handle,
                queued.request.count,
                queued.request.feature,
                queued.identity.user,
                queued.request.token
            )),
            Event::Dequeued(dequeued) => Some(match &dequeued.why {
                DequeueReason::Cancelled { .. } => format!("{} gave up", dequeued.entry),
                DequeueReason::Ended(why) => format!("{} left {why:?}", dequeued.entry),
                DequeueReason::Lapsed(denial) => format!("{} lapsed: {denial}", dequeued.entry),
                DequeueReason::Impossible(denial) => format!("{} never: {denial}", dequeued.entry),
                DequeueReason::Removed(denial) => format!("{} removed: {denial}", dequeued.entry),
            }),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn seats_come_back_to_the_oldest_checkout_of_their_number() {
    let (records, assumed) = said(&[
        "OUT: \"f1\" ann@ws01  (2 licenses) ",
        "OUT: \"f1\" ann@ws01  ",
        "OUT: \"f1\" bob@ws01  ",
        "OUT: \"f1\" ann@ws01  ",
        "IN: \"f1\" ann@ws01  ",
        "IN: \"f1\" ann@ws01  (2 licenses) ",
        "IN: \"f1\" ann@ws01  (DISCONNECT)",
        "IN: \"f1\" bob@ws01  (USER_REMOVED)",
        "IN: \"f1\" bob@ws01  ",
    ]);
    assert_eq!(
        told(&records)[4..],
        ["2 in", "1 in", "4 in Disconnect", "3 in UserRemoved"],
        "{:?}",
        told(&records)
    );
    assert_eq!((assumed.in_without_out, assumed.still_out, assumed.in_parts, assumed.in_sums), (1, 0, 0, 0));
    assert!(assumed.reasons.is_empty());
}

#[test]
fn a_part_of_a_checkout_leaves_it_whole_until_the_last_part() {
    let (records, assumed) = said(&[
        "OUT: \"f1\" ann@ws01  (5 licenses) ",
        "IN: \"f1\" ann@ws01  (2 licenses) ",
        "OUT: \"f1\" ann@ws01  (2 licenses) ",
        "IN: \"f1\" ann@ws01  (3 licenses) ",
        "IN: \"f1\" ann@ws01  (2 licenses) ",
    ]);
    assert_eq!(told(&records)[1..], ["2 out 2 f1 of ann@ws01", "1 in", "2 in"]);
    assert_eq!((assumed.in_parts, assumed.in_sums, assumed.in_without_out, assumed.still_out), (1, 0, 0, 0));
}

#[test]
fn more_seats_than_one_checkout_has_come_from_the_oldest_ones() {
    let (records, assumed) = said(&[
        "OUT: \"f1\" ann@ws01  (2 licenses) ",
        "OUT: \"f1\" ann@ws01  ",
        "OUT: \"f1\" ann@ws01  (4 licenses) ",
        "IN: \"f1\" ann@ws01  (3 licenses) ",
        "IN: \"f1\" ann@ws01  (9 licenses) ",
    ]);
    assert_eq!(told(&records)[3..], ["1 in", "2 in", "3 in"]);
    assert_eq!(records[4].events.len(), 2);
    assert_eq!((assumed.in_parts, assumed.in_sums, assumed.in_without_out, assumed.still_out), (0, 1, 1, 0));
}

#[test]
fn the_end_of_a_foreign_daemon_frees_what_it_did_not_name() {
    let (records, assumed) = said(&[
        "FlexNet Licensing version v11.18.1.0 build 279785 x64_n6",
        "Server started on lic1 for:\tf1\t\t",
        "OUT: \"f1\" ann@ws01  ",
        "OUT: \"f1\" bob@ws01  ",
        "(lmgrd) SHUTDOWN request from Joe Smith at node lic1",
        "(lmgrd) Shutting down LGS pid=7 because of signal 15",
        "(lmgrd) EXITING DUE TO SIGNAL 15",
        "IN: \"f1\" ann@ws01  (SHUTDOWN)",
        "FlexNet Licensing version v11.18.1.0 build 279785 x64_n6",
        "Server started on lic1 for:\tf1\t\t",
        "OUT: \"f1\" ann@ws01  ",
        "Rereading license file...",
        "Server started on lic1 for:\tf1\t\t",
        "...Finished rereading",
        "IN: \"f1\" ann@ws01  ",
    ]);
    assert_eq!(
        told(&records),
        [
            "started 11.18.1.0 build 279785 x64_n6",
            "1 out 1 f1 of ann@ws01",
            "2 out 1 f1 of bob@ws01",
            "1 in Shutdown",
            "ended Shutdown",
            "2 in Shutdown",
            "ended Shutdown",
            "stopped by Joe Smith@lic1",
            "started 11.18.1.0 build 279785 x64_n6",
            "3 out 1 f1 of ann@ws01",
            "3 in"
        ]
    );
    assert_eq!((assumed.ended_by_daemon, assumed.still_out, assumed.in_without_out), (1, 0, 0));
    assert!(records.windows(2).all(|pair| pair[0].at <= pair[1].at));
}

#[test]
fn a_crash_frees_the_seats_of_a_foreign_daemon_and_not_those_of_ours() {
    let log = |product: &str| {
        said(&[
            "OUT: \"f1\" ann@ws01  ",
            "EXITING DUE TO SIGNAL 37 Exit reason 5",
            &format!("{product} version v1.2"),
            "IN: \"f1\" ann@ws01  ",
        ])
    };
    let (records, assumed) = log("FlexNet Licensing");
    assert_eq!(
        told(&records)[1..],
        ["1 in Shutdown", "ended Shutdown", "stopped by the debug log does not say whom", "started 1.2"]
    );
    assert_eq!((assumed.ended_by_daemon, assumed.in_without_out), (1, 1));

    let (records, assumed) = log("Seatkeeper");
    assert_eq!(told(&records)[1..], ["started 1.2", "1 in"]);
    assert_eq!((assumed.ended_by_daemon, assumed.in_without_out, assumed.still_out), (0, 0, 0));
}

#[test]
fn a_start_is_one_start_also_without_its_version() {
    let (records, _) = said(&["Server started on lic1 for:\tf1\t\t", "OUT: \"f1\" ann@ws01  "]);
    assert_eq!(told(&records)[0], "started ");
    let versions =
        ["Seatkeeper version v1.0.0", "Seatkeeper version v1.0.0", "Server started on lic1 for:\tf1"];
    assert_eq!(told(&said(&versions).0), ["started 1.0.0"]);
}

#[test]
fn who_gives_seats_out_has_not_ended() {
    let (records, assumed) = said(&[
        "OUT: \"f1\" ann@ws01  ",
        "Shutdown requested.",
        "OUT: \"f1\" bob@ws01  ",
        "IN: \"f1\" ann@ws01  ",
    ]);
    assert_eq!(told(&records), ["1 out 1 f1 of ann@ws01", "2 out 1 f1 of bob@ws01", "1 in"]);
    assert_eq!(assumed.still_out, 1);
}

#[test]
fn refusals_keep_their_numbers_notes_and_counts() {
    let (records, assumed) = read(
        " 9:00:00 (LGS) DENIED: \"f1\" ann@ws01  (Licensed number of users already reached. (-4,209))\n \
         9:00:00 (LGS) NOTE: 1 of 1 licenses of f1 are in use\n \
         9:00:00 (lmgrd) TIMESTAMP 3/4/2025\n \
         9:00:00 (LGS) NOTE: 4 equal requests of this client were denied\n \
         9:00:01 (LGS) NOTE: of something else\n \
         9:00:01 (LGS) DENIED: \"f1\" bob@ws01  (User/host on EXCLUDE list for feature: my (old LGS.opt:3. (-38,212))\n \
         9:00:02 (LGS) UNSUPPORTED: \"f2\" (PORT_AT_HOST_PLUS   ) joe@ws01  (No such feature exists. (-5,346))\n \
         9:00:03 (LGS) DENIED: \"f1\" joe@ws01  (Something of a vendor. (-9999,7:10054 \"\" ))\n \
         9:00:04 (LGS) DENIED: \"f1\" joe@ws01  (2 licenses) (Without numbers)\n",
        "UTC",
    );
    assert_eq!(
        told(&records),
        [
            "4 times no 1 f1 for ann: Licensed number of users already reached. (-4,209) \
         [1 of 1 licenses of f1 are in use]",
            "1 times no 1 f1 for bob: User/host on EXCLUDE list for feature. (-38,212) [my (old LGS.opt:3: ]",
            "1 times no 1 f2 for joe: No such feature exists. (-5,346) []",
            "1 times no 1 f1 for joe: Internal error - please report to vendor. (-76,0) \
         [the log says: Something of a vendor (-9999,7)]",
            "1 times no 2 f1 for joe: Internal error - please report to vendor. (-76,0) [the log says: Without numbers]",
        ]
    );
    assert_eq!((assumed.lines.denied, assumed.lines.notes, assumed.lines.other), (5, 2, 1));
    assert_eq!(assumed.unknown_denials, 2);
}

#[test]
fn lines_of_others_are_counted_and_passed_over() {
    let (records, assumed) = said(&[
        "(other) OUT: \"f1\" ann@ws01  ",
        "(other) Shutdown requested.",
        "(lmgrd) Shutting down other pid=8 because of signal 15",
        "(lmgrd) OUT: \"f1\" ann@ws01  ",
        "(lgs_2) OUT: \"f1\" ann@ws01  ",
        "(LGS_x) OUT: \"f1\" ann@ws01  ",
        "(@LGS-SLOG@) === Vendor Daemon ===",
        "RESERVING 1 f1/key  licenses for USER_GROUP g",
        "TCP_NODELAY NOT enabled",
    ]);
    assert_eq!(told(&records), ["1 out 1 f1 of ann@ws01"]);
    let expected =
        LineCounts { out: 1, status: 1, options: 1, foreign: 3, other: 3, ..LineCounts::default() };
    assert_eq!(assumed.lines, expected);
    assert_eq!(
        assumed.other_daemons.iter().map(|(name, n)| (name.as_str(), *n)).collect::<Vec<_>>(),
        [("LGS_x", 1), ("other", 2)]
    );
}

#[test]
fn what_was_assumed_is_said_in_short_sentences() {
    let (_, assumed) = said(&[
        "OUT: \"f1\" ann@ws 01  ",
        "OUT: \"f1\" ann",
        "IN: \"f2\" ann@ws01  ",
        "IN: \"f1\" ann@ws 01  (ABSENT)",
        "(other) x",
    ]);
    let sentences = assumed.sentences();
    for part in [
        "The log says no date: its first line is taken as of 4-mar-2025.",
        "1 line of OUT, IN, DENIED, QUEUED or DEQUEUED can't be read and was passed over.",
        "1 IN line has no OUT line: its seat was taken before the log begins.",
        "1 client has a host name with blanks, which are taken as _.",
        "1 IN with (ABSENT) taken as checkins.",
        "The log also has lines of other (1 line), which were passed over.",
        "3 of 5 lines were used; 2 were passed over.",
    ] {
        assert!(sentences.iter().any(|sentence| sentence == part), "{part}\n{assumed}");
    }
    assert!(sentences.iter().all(|sentence| sentence.ends_with('.') && !sentence.contains('\n')));
}

#[test]
fn lines_of_any_length_and_number_are_bounded() {
    let long = format!(" 9:00:00 (LGS) OUT: \"f1\" {}@ws01  ", "a".repeat(LINE_BYTES_MAX));
    let (records, assumed) = read(&long, "UTC");
    assert!(records.is_empty());
    assert_eq!(assumed.lines.too_long, 1);
    // A user name that no user can have.
    let (_, assumed) = said(&[&format!("OUT: \"f1\" {}@ws01  ", "a".repeat(300))]);
    assert_eq!((assumed.lines.torn, assumed.lines.out), (1, 0));

    // No date in so many lines: they don't wait for ever.
    let line = b" 9:00:00 (lmgrd) x".as_slice();
    let lines =
        std::iter::repeat_n(line, HELD_LINES_MAX).chain([b" 9:00:01 (LGS) OUT: \"f1\" a@b  ".as_slice()]);
    let endless = lines.chain(std::iter::repeat(line));
    let day = CivilDate::parse(DAY).unwrap();
    let mut reader = records_of(endless, day);
    assert!(matches!(reader.next().unwrap().events[..], [Event::Opened(_)]));
    assert_eq!(reader.assumptions().dates, DateSource::HandedIn);
}

fn records_of<'a, L: Iterator<Item = &'a [u8]>>(lines: L, day: CivilDate) -> Reader<L> {
    records(lines, &"LGS".parse().unwrap(), TimeZone::UTC, day)
}
