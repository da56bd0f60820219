//! The vendor daemon rereads by itself after the midnight at which a license begins or expires.

use crate::daemon::{now, until};
use crate::system::System;

/// A zone whose midnight is so many seconds away, with the day that ends then and the next one as license lines write them.
fn zone_before_midnight(seconds: i64) -> (String, String, String) {
    const DAY: i64 = 86_400;
    let utc = now().seconds();
    let to_midnight = DAY - utc.rem_euclid(DAY) - seconds;
    // East of Greenwich by what is left, or west of it by what is over.
    let offset = if to_midnight <= DAY / 2 { to_midnight } else { to_midnight - DAY };
    let (sign, clock) = (if offset < 0 { "" } else { "-" }, offset.abs());
    let zone = format!("<SRV>{sign}{}:{:02}:{:02}", clock / 3600, clock / 60 % 60, clock % 60);
    let day = |at: i64| {
        let instant = jiff::Timestamp::from_second(at + offset).unwrap();
        instant.strftime("%d-%b-%Y").to_string().to_lowercase()
    };
    (zone, day(utc), day(utc + seconds + 1))
}

fn license(today: &str, tomorrow: &str) -> String {
    format!(
        "SERVER this_host ANY {{port}}\nVENDOR LGS\nFEATURE ends LGS 1.0 {today} 3\n\
         FEATURE begins LGS 1.0 permanent 3 START={tomorrow}\nFEATURE stays LGS 1.0 permanent 3\n"
    )
}

fn number(system: &System, feature: &str) -> String {
    let answer = system.line_session("ann").ask(&format!("CHECKOUT {feature} 1.0"));
    answer.split([',', ' ']).take(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn case_o69_after_midnight_the_daemon_rereads_by_itself() {
    let midnight = now().seconds() + 8;
    let (zone, today, tomorrow) = zone_before_midnight(8);
    let system = System::start_in(&license(&today, &tomorrow), &[], &[("TZ", &zone)], |dir| {
        std::fs::write(dir.join("LGS.opt"), "EXCLUDE stays USER bob\n").unwrap();
    });
    // On a very busy machine midnight may have passed already.
    let early = || now().seconds() < midnight;
    let before = (number(&system, "ends"), number(&system, "begins"));
    if early() {
        assert_eq!(before, ("OK CHECKOUT".to_owned(), "ERR -31".to_owned()));
    }
    // What was edited meanwhile is taken over with it.
    std::fs::write(system.dir.path().join("LGS.opt"), "EXCLUDE stays USER ann\n").unwrap();
    let early = early();
    system.wait_for_log(&[
        "(LGS) (@LGS-SLOG@) Reread mechanism: Automatic",
        "(LGS) (@LGS-SLOG@) Requested from midnight",
        "(LGS) EXPIRED: ends",
    ]);
    assert_eq!(
        (number(&system, "ends"), number(&system, "begins")),
        ("ERR -10".into(), "OK CHECKOUT".into())
    );
    if early {
        assert_eq!(number(&system, "stays"), "ERR -38");
        let log = system.log_until_now();
        assert_eq!(log.matches("Reread mechanism").count(), 1, "{log}");
    }
}

#[test]
fn case_o70_without_automatic_reread_the_expired_line_still_denies() {
    let (zone, today, tomorrow) = zone_before_midnight(6);
    let system = System::start_in(&license(&today, &tomorrow), &[], &[("TZ", &zone)], |dir| {
        std::fs::write(dir.join("LGS.opt"), "AUTOMATIC_REREAD OFF\n").unwrap();
    });
    until("midnight", || number(&system, "ends") == "ERR -10");
    // Later than the daemon would have looked at the clock.
    let passed = now().seconds();
    until("two seconds more", || now().seconds() >= passed + 3);
    assert_eq!(number(&system, "begins"), "OK CHECKOUT");
    let log = system.log_until_now();
    assert!(!log.contains("Reread"), "{log}");
}
