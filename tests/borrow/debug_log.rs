//! What the debug log says of licenses that stay out over a stop and a start.

use seatkeeper::event::debug_log::read::records;
use seatkeeper::event::{Event, InReason};
use seatkeeper::time::CivilDate;

use crate::daemon::signal;
use crate::system::{System, printed};
use crate::{LICENSE, Site, said};

const SYSTEM: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE one LGS 1.0 permanent 1 BORROW=48\n\
     FEATURE many LGS 2.0 permanent 10\nFEATURE soft LGS 1.0 permanent 2 LINGER=3600\n";

/// How many OUT and IN lines a feature has.
fn lines(log: &str, feature: &str) -> (usize, usize) {
    let of = |word: &str| log.matches(&format!("(LGS) {word}: \"{feature}\" ")).count();
    (of("OUT"), of("IN"))
}

#[test]
fn what_stays_out_has_an_in_line_at_the_stop_and_an_out_line_at_the_start() {
    let mut system = System::start(SYSTEM, &[]);
    let laptop = Site::new(LICENSE);
    assert_eq!(laptop.borrow(system.port, "one", &laptop.order(24)), 0);
    let mut ann = system.line_session("ann");
    assert!(ann.ask("CHECKOUT soft 1.0").starts_with("OK"));
    assert_eq!(ann.ask("QUIT"), "OK QUIT");
    let mut program = laptop.hold(system.port, "many");
    for feature in ["one", "soft", "many"] {
        assert_eq!(lines(&system.log_until_now(), feature), (1, 0), "{feature}");
    }
    let output = system.tool(&["lmdown", "-c", &system.place(), "-q", "-force"]);
    assert!(output.status.success(), "{}", printed(&output));
    let log = system.whole_log();
    for feature in ["one", "soft", "many"] {
        assert_eq!(lines(&log, feature), (1, 1), "{feature}\n{log}");
    }
    system.start_again();
    // The program comes back by itself.
    let who = "OUT: \"many\" ";
    crate::daemon::until("the program's license in the log", || {
        system.log_so_far().matches(who).count() == 2
    });
    for feature in ["one", "soft", "many"] {
        assert_eq!(lines(&system.log_until_now(), feature), (2, 1), "{feature}");
    }
    // A crash takes nothing out of the log, and the start after it brings nothing.
    signal(system.vendor_pid(), "KILL");
    system.wait_for_starts(3);
    for feature in ["one", "soft", "many"] {
        assert_eq!(lines(&system.log_until_now(), feature), (2, 1), "{feature}");
    }
    let output = laptop.lmborrow(&["-return", "one"]);
    assert!(output.status.success(), "{}", said(&output));
    std::fs::write(laptop.path("end"), "").unwrap();
    assert!(program.wait().unwrap().success());
    let log = system.log_until_now();
    assert_eq!(
        (lines(&log, "one"), lines(&log, "many"), lines(&log, "soft")),
        ((2, 2), (2, 2), (2, 1)),
        "{log}"
    );

    // Our own reader of logs has the same out.
    let day = CivilDate::new(2026, 1, 1).unwrap();
    let mut reader = records(log.lines(), &"LGS".parse().unwrap(), jiff::tz::TimeZone::UTC, day);
    let mut out = std::collections::BTreeMap::new();
    for event in reader.by_ref().flat_map(|record| record.events) {
        match event {
            Event::Out(taken) => {
                assert_eq!(out.insert(taken.handle, taken.request.feature.to_string()), None)
            }
            Event::In(back) => {
                let feature = out.remove(&back.handle).unwrap();
                assert!(feature != "one" || !matches!(back.why, InReason::Checkin { .. }));
            }
            _ => {}
        }
    }
    assert_eq!(out.into_values().collect::<Vec<_>>(), ["soft"]);
    let assumed = reader.assumptions();
    assert_eq!((assumed.in_without_out, assumed.in_sums, assumed.still_out), (0, 0, 1), "{assumed}");
}
