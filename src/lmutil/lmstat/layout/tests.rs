//! The output is run through the rules of public readers, restated from `flexnet-tools.md` 2.21 and
//! `lmstat-consumers.md` 2 and 3.

use regex::Regex;

use super::*;
use crate::ident::Handle;

fn now() -> Zoned {
    "2025-03-04T09:07:00[UTC]".parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn feature(name: &str, count: FeatureCount) -> StatusItem {
    StatusItem::Feature { name: name.parse().unwrap(), count }
}

fn user(user: &str, handle: u64, start: &str, count: u32) -> StatusItem {
    StatusItem::User {
        user: user.parse().unwrap(),
        host: "ws01".parse().unwrap(),
        display: "/dev/pts/3".parse().unwrap(),
        version: "2024.1".parse().unwrap(),
        handle: Handle(handle),
        start: at(start),
        count,
        linger: None,
    }
}

fn pool(name: &str, expiry: Option<&str>, vendor_string: Option<&str>, kind: PoolKind) -> StatusItem {
    StatusItem::Pool {
        feature: name.parse().unwrap(),
        version: "2025.0".parse().unwrap(),
        vendor: "LGS".parse().unwrap(),
        expiry: expiry.map(str::to_owned),
        vendor_string: vendor_string.map(str::to_owned),
        kind,
    }
}

fn report() -> SystemReport {
    let items = vec![
        StatusItem::Daemon {
            vendor: "LGS".parse().unwrap(),
            version: "0.1.0".into(),
            host: "lic1".parse().unwrap(),
            lmgrd_port: 27000,
            notes: vec!["DEMO: licenses signed with the published demo key are served".into()],
        },
        feature("solver", FeatureCount::Counted { issued: 10, in_use: 4 }),
        pool("solver", Some("31-dec-2025"), Some("tier=gold"), PoolKind::Floating),
        user("anna", 101, "2025-03-04T08:15:09Z", 1),
        user("bob", 205, "2025-03-03T17:40:00Z", 3),
        feature("mesher", FeatureCount::Counted { issued: 1, in_use: 0 }),
        feature("viewer", FeatureCount::Uncounted),
        pool("viewer", None, None, PoolKind::UncountedAny),
        user("carol", 309, "2025-03-03T09:02:00Z", 1),
    ];
    SystemReport {
        members: vec![Member {
            host: "lic1".into(),
            port: Some(27000),
            state: Ok(MemberUp {
                version: "0.1.0".into(),
                files: vec!["/srv/lic/acme.lic".into(), "/srv/lic/extra.lic".into()],
            }),
        }],
        vendors: vec![VendorReport { name: "LGS".into(), items: Some(items) }],
    }
}

fn all() -> Wanted {
    Wanted { server: true, vendors: true, usage: true, ..Wanted::default() }
}

fn text(wanted: &Wanted) -> String {
    let banner = crate::lmutil::banner("lmutil");
    head(&banner, &now()) + &system(&report(), wanted, &now())
}

fn count(text: &str, pattern: &str) -> usize {
    let pattern = Regex::new(pattern).unwrap();
    text.lines().filter(|line| pattern.is_match(line)).count()
}

#[test]
fn the_whole_of_lmstat_a_is_the_worked_example() {
    // flexnet-tools.md 2.22, form A, with the values of `report`.
    let expected = "\
License server status: 27000@lic1
    License file(s) on lic1: /srv/lic/acme.lic:/srv/lic/extra.lic:

      lic1: license server UP (MASTER) v0.1.0

Vendor daemon status (on lic1):

       LGS: UP v0.1.0
Feature usage info:

Users of solver:  (Total of 10 licenses issued;  Total of 4 licenses in use)

  \"solver\" v2025.0, vendor: LGS, expiry: 31-dec-2025
  vendor_string: tier=gold
  floating license

    anna ws01 /dev/pts/3 (v2024.1) (lic1/27000 101), start Tue 3/4 8:15
    bob ws01 /dev/pts/3 (v2024.1) (lic1/27000 205), start Mon 3/3 17:40, 3 licenses

Users of mesher:  (Total of 1 license issued;  Total of 0 licenses in use)

Users of viewer:  (Uncounted, node-locked)

  \"viewer\" v2025.0, vendor: LGS, expiry: permanent(no expiration date)
  uncounted nodelocked license locked to NOTHING (hostid=ANY)

    carol ws01 /dev/pts/3 (v2024.1) (lic1/27000 309), start Mon 3/3 9:02

NOTE: DEMO: licenses signed with the published demo key are served
";
    let text = text(&all());
    let mut lines = text.splitn(4, '\n');
    assert!(lines.next().unwrap().starts_with("lmutil - Copyright (c) "));
    assert_eq!(lines.next().unwrap(), "Flexible License Manager status on Tue 3/4/2025 09:07");
    assert_eq!(lines.next().unwrap(), "");
    assert_eq!(lines.next().unwrap(), expected);
}

#[test]
fn exporters_find_servers_daemons_features_and_users() {
    let text = text(&all());
    assert_eq!(count(&text, r"^License server status: [\w,.@-]+$"), 1);
    assert_eq!(count(&text, r"^\s*[\w.-]+: license server UP (\(MASTER\) )?v(\d+\.)*\d+$"), 1);
    assert_eq!(count(&text, r"^\s+\w+: (UP|DOWN) v(\d+\.)*\d+$"), 1);
    assert_eq!(
        count(
            &text,
            r"^Users of [\w -]+:  \(Total of \d+ licenses? issued;  Total of \d+ licenses? in use\)$"
        ),
        2
    );
    assert_eq!(count(&text, r"^Users of .+:  \(Uncounted, node-locked\)$"), 1);
    assert_eq!(count(&text, r"^\s+(floating|nodelocked|uncounted nodelocked) license"), 2);
    let user = r"^ {4}[^\s]+ [\w.-]+ [^\s]+ \(v[\d.]+\) \([\w.-]+/\d+ \d+\), start [A-Z][a-z]{2} \d+/\d+ \d+:\d\d(, \d+ licenses)?$";
    assert_eq!(count(&text, user), 3);
    // A detail line comes before the first user of each feature, else one reader falls over.
    let mut details = false;
    for line in text.lines() {
        if line.starts_with("Users of ") {
            details = false;
        }
        details |= line.trim_start().starts_with('"');
        assert!(details || !line.contains(", start "), "{line}");
    }
}

#[test]
fn no_word_alarms_a_reader_and_every_line_has_its_end() {
    let text = text(&all());
    let usage = text.find("Feature usage info:").unwrap();
    let before = text[..usage].to_lowercase();
    for word in ["down", "refused", "cannot", "unable"] {
        assert!(!before.contains(word), "{word}");
    }
    assert!(!text.contains("Error") && !text.contains('\r') && text.ends_with('\n'));
    let own = ["FlexNet", "FLEXlm", "FlexLM"];
    assert!(own.iter().all(|name| !text.contains(name)));
}

#[test]
fn the_same_host_stands_in_all_places_of_the_frame() {
    let text = text(&all());
    for place in ["27000@lic1", "file(s) on lic1:", "      lic1: license", "(on lic1)"] {
        assert!(text.contains(place), "{place}");
    }
}

#[test]
fn form_b_puts_the_quoted_name_into_column_0_below_two_blanks() {
    let text = text(&Wanted { form_b: true, ..all() });
    assert!(
        text.contains("in use)\n\n  \n\"solver\" v2025.0, vendor: LGS, expiry: 31-dec-2025\n  vendor_string")
    );
}

#[test]
fn parts_are_shown_singly() {
    let servers = text(&Wanted { server: true, ..Wanted::default() });
    assert!(servers.contains("license server UP") && !servers.contains("Vendor daemon"));
    let daemons = text(&Wanted { vendors: true, ..Wanted::default() });
    assert!(
        daemons
            .contains("\nTue 3/4/2025 09:07\n\nVendor daemon status (on lic1):\n\n       LGS: UP v0.1.0\n")
    );
    assert!(!daemons.contains("License server status"));
    let plain = text(&Wanted { usage: false, ..all() });
    assert!(plain.contains("LGS: UP") && !plain.contains("Feature usage") && !plain.contains("Users of"));
    let by_vendor = text(&Wanted { by_vendor: true, vendor: Some("LGS".into()), ..all() });
    assert!(by_vendor.contains("\nUsers of features served by LGS:\n") && !by_vendor.contains("usage info"));
    let other = text(&Wanted { by_vendor: true, vendor: Some("acme".into()), ..all() });
    assert!(!other.contains("Users of"));
    let one = text(&Wanted { feature: Some("solver".into()), ..all() });
    assert!(one.contains("Users of solver:") && !one.contains("mesher") && !one.contains("carol"));
    let active = text(&Wanted { active_only: true, ..all() });
    assert!(active.contains("Users of solver:") && active.contains("viewer") && !active.contains("mesher"));
    let counts = text(&Wanted { no_users: true, ..all() });
    assert!(
        counts.contains("Users of viewer:") && !counts.contains("anna") && !counts.contains("\"solver\"")
    );
    let seconds = text(&Wanted { seconds: true, ..all() });
    assert!(seconds.contains(", start Tue 3/4 8:15:09\n"));
}

#[test]
fn what_is_out_of_reach_is_told_in_the_known_words() {
    let mut broken = report();
    broken.vendors[0].items = None;
    let text = system(&broken, &all(), &now());
    assert!(text.contains("       LGS: The desired vendor daemon is down. (-97,506)\n"));
    assert!(!text.contains("LGS: UP"));
    broken.members.push(Member {
        host: "lic2".into(),
        port: Some(27001),
        state: Err("Cannot connect to license server system. (-15,501:111 \"Connection refused\")".into()),
    });
    let text = system(&broken, &all(), &now());
    assert!(text.contains("License server status: 27000@lic1,27001@lic2\n"));
    assert!(
        text.contains(
            "\nlic2: Cannot connect to license server system. (-15,501:111 \"Connection refused\")\n"
        )
    );
    assert_eq!(
        no_such_feature("nope"),
        "Error getting status: No such feature exists. (-5,201)\nFeature:       nope\n"
    );
    assert_eq!(BETWEEN.trim_end().len(), 76);
}

#[test]
fn a_lock_is_shown_as_the_license_file_writes_it() {
    let counted = |hostid: &str| kind_text(&PoolKind::NodeLocked(hostid.into()));
    assert_eq!(counted("ID=47110815"), "nodelocked license, locked to \"ID=47110815\"");
    assert_eq!(counted("HOSTNAME=render01"), "nodelocked license, locked to \"HOSTNAME=render01\"");
    let uncounted = kind_text(&PoolKind::UncountedLocked("020000000001".into()));
    assert_eq!(uncounted, "uncounted nodelocked license, locked to \"020000000001\"");
}

#[test]
fn one_blank_line_stands_between_two_vendor_daemons() {
    let mut two = report();
    two.vendors.push(VendorReport { name: "acmed".into(), items: None });
    let daemons = Wanted { server: true, vendors: true, ..Wanted::default() };
    for wanted in [all(), daemons] {
        let text = system(&two, &wanted, &now());
        let before = text.split("     acmed: ").next().unwrap();
        assert!(before.ends_with("\n\n") && !before.ends_with("\n\n\n"), "{text}");
    }
}
