//! What administrators and license lines allow, through running processes.

use crate::{LICENSE, Site, number, said};

#[test]
fn dom_87_dom_88_a_refusal_names_the_latest_end_and_is_no_plain_checkout() {
    let site = Site::on(LICENSE, "MAX_BORROW_HOURS many 24\nMAX_BORROW_HOURS one 500\n", None);
    let daemon = site.serve();
    for (feature, hours, number_of) in
        [("one", 72, -104), ("one", 47, 0), ("many", 48, -104), ("many", 23, 0)]
    {
        let output = site.borrowing(daemon.port, feature, &site.order(hours), &[]);
        assert_eq!(number(&output), number_of, "{feature} {hours}: {}", said(&output));
        assert!(number_of == 0 || said(&output).contains("the latest possible end is"), "{}", said(&output));
    }
    let output = site.borrowing(daemon.port, "plain", &site.order(1), &[]);
    assert_eq!(number(&output), -68, "{}", said(&output));
    assert_eq!(site.run(daemon.port, "plain"), 0, "without the order it is there");
    let output = site.borrowing(daemon.port, "plain", "tomorrow", &[]);
    assert_eq!(number(&output), -42, "{}", said(&output));
    // An order of another day, or for another vendor, is none.
    assert_eq!(site.borrow(daemon.port, "plain", "1-jan-2020:LGS:31-dec-2035"), 0);
    assert_eq!(site.borrow(daemon.port, "plain", &site.order(1).replace(":LGS:", ":acme:")), 0);
}

#[test]
fn bor_5_a_refusal_names_the_expiry_as_the_latest_end() {
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let day = now.tomorrow().unwrap().strftime("%d-%b-%Y").to_string().to_lowercase();
    let after = now.tomorrow().unwrap().tomorrow().unwrap().strftime("%-d-%b-%Y").to_string().to_lowercase();
    let license = format!("SERVER this_host ANY 27000\nVENDOR LGS\nFEATURE one LGS 1.0 {day} 1 BORROW=500\n");
    let site = Site::on(&license, "", None);
    let daemon = site.serve_zone("UTC");
    let output = site.borrowing(daemon.port, "one", &site.order(72), &[]);
    assert_eq!(number(&output), -104, "{}", said(&output));
    let latest = format!("the latest possible end is {after} 00:00\n");
    assert!(said(&output).contains(&latest), "as lmborrow takes it: {}", said(&output));
    let end = site.order(1).split(":LGS:").next().unwrap().to_owned() + ":LGS:" + &day;
    assert_eq!(site.borrow(daemon.port, "one", &end), 0);
}

/// Feature lines, options, and who asks for how many hours (0: plainly) with the number of the answer.
struct Case {
    id: &'static str,
    line: &'static str,
    options: &'static str,
    asked: &'static [(&'static str, i64, i32)],
}

const TEN: &str = "INCREMENT fx LGS 2.0 permanent 10 BORROW";

const CASES: &[Case] = &[
    Case {
        id: "O43",
        line: TEN,
        options: "BORROW_LOWWATER fx 3",
        asked: &[
            ("u1", 24, 0),
            ("u2", 24, 0),
            ("u3", 24, 0),
            ("u4", 24, 0),
            ("u5", 24, 0),
            ("u6", 24, 0),
            ("u7", 24, 0),
            ("u8", 24, -67),
            ("u8", 0, 0),
        ],
    },
    Case {
        id: "O44",
        line: TEN,
        options: "EXCLUDE_BORROW fx USER fred",
        asked: &[("fred", 24, -38), ("fred", 0, 0), ("joe", 24, 0)],
    },
    Case {
        id: "O45",
        line: TEN,
        options: "INCLUDE_BORROW fx USER john",
        asked: &[("joe", 24, -39), ("joe", 0, 0), ("john", 24, 0), ("john", 0, 0)],
    },
    Case {
        id: "O46",
        line: TEN,
        options: "INCLUDE fx USER john",
        asked: &[("joe", 0, -39), ("joe", 24, -39)],
    },
    Case {
        id: "O47",
        line: "INCREMENT fx LGS 2.0 permanent 10 BORROW=72",
        options: "",
        asked: &[("ann", 80, -104), ("ann", 72, 0)],
    },
    Case { id: "O48", line: TEN, options: "", asked: &[("ann", 169, -104), ("ann", 168, 0)] },
    Case {
        id: "O49",
        line: "INCREMENT fx LGS 2.0 permanent 10 BORROW=72",
        options: "MAX_BORROW_HOURS fx 48\nMAX_BORROW_HOURS fx 24",
        asked: &[("ann", 25, -104), ("ann", 24, 0)],
    },
    Case { id: "O50", line: "INCREMENT fx LGS 2.0 permanent 10", options: "", asked: &[("ann", 24, -68)] },
    Case {
        id: "dom 90",
        line: TEN,
        options: "INCLUDE_BORROW fx USER ann\nEXCLUDE_BORROW fx USER ann",
        asked: &[("ann", 24, -38), ("ann", 0, 0)],
    },
];

#[test]
fn cases_o43_to_o50_dom_89_dom_90_at_a_running_server() {
    for case in CASES {
        let license = format!("SERVER this_host ANY 27000\nVENDOR LGS\n{}\n", case.line);
        let site = Site::on(&license, case.options, None);
        let daemon = site.serve();
        for (user, hours, expected) in case.asked {
            let user = ["--user", *user];
            let output = match hours {
                0 => site.command(daemon.port, "fx", &user, "true").output().unwrap(),
                _ => site.borrowing(daemon.port, "fx", &site.order(*hours), &user),
            };
            assert_eq!(number(&output), *expected, "{} {user:?} {hours}: {}", case.id, said(&output));
        }
    }
}

#[test]
fn so_many_programs_at_a_time_as_licenses_are_borrowed() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    let port = daemon.port;
    let output = site.borrowing(port, "many", &site.order(24), &["-n", "2"]);
    assert_eq!(number(&output), 0, "{}", said(&output));
    daemon.stop();
    let (one, two) = (site.hold(port, "many"), site.hold(port, "many"));
    let output = site.command(port, "many", &[], "true").output().unwrap();
    assert_eq!(number(&output), -4, "{}", said(&output));
    assert!(said(&output).contains("other programs of this machine use"), "{}", said(&output));
    // With the server in reach the third has one from there.
    let daemon = site.serve_at(port);
    assert_eq!(site.run(port, "many"), 0);
    daemon.stop();
    std::fs::write(site.path("end"), "").unwrap();
    for mut child in [one, two] {
        assert!(child.wait().unwrap().success());
    }
    let both = site.command(port, "many", &["-n", "2"], "true").output().unwrap();
    assert_eq!(number(&both), 0, "{}", said(&both));
}
