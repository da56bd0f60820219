//! lmcatalog: what would be served, and every line's verdict.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::signed::sign;
use crate::system::{printed, tool};

const DEMO: &str = include_str!("../../testdata/svr_lgs.lic");

/// Pools and verdicts of all kinds, from line 3 on.
const MIXED: &str = "SERVER this_host ANY 27000\nVENDOR LGS\n\
    INCREMENT fx LGS 1.0 permanent 5 SN=1 OVERDRAFT=2\n\
    INCREMENT fx LGS 1.0 31-dec-2030 3 SN=2\n\
    INCREMENT fx LGS 1.0 permanent 5 SN=1 OVERDRAFT=2\n\
    FEATURE fy LGS 2.0 permanent 2 HOSTID=\"USER=ann USER=bob\" DUP_GROUP=UH\n\
    FEATURE fy LGS 3.0 permanent 4\n\
    INCREMENT fz LGS 1.0 permanent 1 FLOAT_OK\n\
    INCREMENT fw LGS 1.0 permanent 7\n";

fn run(dir: &Path, arguments: &[&str]) -> (i32, String) {
    let output: Output = tool(dir, arguments);
    (output.status.code().unwrap(), printed(&output))
}

fn json(dir: &Path, arguments: &[&str]) -> (i32, Value) {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--format", "json"]).collect();
    let (status, text) = run(dir, &arguments);
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}")))
}

fn with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

/// The signed file with a line whose signed part was edited, and one that can't be read.
fn mixed() -> String {
    sign(MIXED).replace("fw LGS 1.0 permanent 7", "fw LGS 1.0 permanent 8")
        + "plain words\nFEATURE fv LGS v1 permanent 1\n"
}

/// These values of each element, with blanks between them.
fn list(value: &Value, names: &[&str]) -> Vec<String> {
    let of = |element: &Value| {
        let texts = names.iter().map(|name| match &element[*name] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        texts.collect::<Vec<_>>().join(" ")
    };
    value.as_array().unwrap().iter().map(of).collect()
}

#[test]
fn the_demo_file_is_served_whole() {
    let dir = with(&[("svr_lgs.lic", DEMO)]);
    let (status, text) =
        run(dir.path(), &["lmcatalog", "svr_lgs.lic", "--date", "2026-06-15", "--timezone", "UTC"]);
    assert_eq!(status, 0, "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100 && line.trim_end() == line), "{text}");
    for wanted in [
        "At:      2026-06-15T00:00:00.000Z (UTC)\nFile:    svr_lgs.lic: SERVER this_host ANY, for this machine\n",
        "\nVendor LGS (DEMO: the key is published)\n\n  FEATURE     VERSION      LICENSES  VALID\n  cad_design  2.0                10  permanent\n      svr_lgs.lic:18      10  permanent  SN=LGS-1001\n",
        "\n  cad_legacy  1.0                 0  5 expired\n      svr_lgs.lic:90       5  expired 31-dec-2020  SN=LGS-7001\n",
        "\n  cad_next    3.0                 0  10 not started\n      svr_lgs.lic:95      10  starts 1-jan-2036  SN=LGS-7002\n",
        "\n  simulate    4.2                10  5 of them until 31-dec-2035\n",
        "\n    svr_lgs.lic:18 INCREMENT cad_design: served in pool cad_design 2\n",
        "\n    svr_lgs.lic:90 INCREMENT cad_legacy: served in pool cad_legacy 1; expired\n",
        "\n    svr_lgs.lic:95 INCREMENT cad_next: served in pool cad_next 3; not started\n",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    // On the first day of 2036 some lots are over and others begin.
    let (status, value) = json(dir.path(), &["lmutil", "lmcatalog", "svr_lgs.lic", "--date", "1-jan-2036"]);
    assert_eq!(status, 0);
    let pools = &value["vendors"][0]["pools"];
    let counts = list(pools, &["key", "licenses", "licenses_not_started", "licenses_expired"]);
    for wanted in ["simulate 4.2 5 0 5", "cad_next 3 10 0 0", "report 1 0 0 5", "cad_design 2 10 0 0"] {
        assert!(counts.iter().any(|count| count == wanted), "{wanted} {counts:?}");
    }
    let lots = &pools.as_array().unwrap().iter().find(|pool| pool["feature"] == "simulate").unwrap()["lots"];
    assert_eq!(
        list(lots, &["line", "licenses", "expiry", "ends", "state", "serial"]),
        [
            "39 5 31-dec-2035 2036-01-01T00:00:00.000Z expired LGS-2003",
            "35 2 permanent null valid LGS-2002",
            "31 3 permanent null valid LGS-2001",
        ]
    );
    assert_eq!(value["vendors"][0]["signatures"], "checked");
    assert_eq!(value["vendors"][0]["demo"], true);
}

#[test]
fn every_line_has_its_verdict() {
    let dir = with(&[("a.lic", &mixed())]);
    let (status, value) = json(dir.path(), &["lmcatalog", "a.lic", "--date", "2026-06-15"]);
    assert_eq!(status, 1);
    let vendor = &value["vendors"][0];
    assert_eq!(
        list(&vendor["lines"], &["line", "keyword", "subject", "verdict", "applied", "code"]),
        [
            "3 INCREMENT fx served true null",
            "4 INCREMENT fx merged true null",
            "5 INCREMENT fx duplicate false null",
            "6 FEATURE fy served true null",
            "7 FEATURE fy shadowed false null",
            "8 INCREMENT fz refused false -18",
            "9 INCREMENT fw refused false -8",
            "11 FEATURE fv refused false -77",
        ]
    );
    assert_eq!(vendor["lines"][1]["other"], serde_json::json!({"file": "a.lic", "line": 3}));
    assert_eq!(vendor["lines"][1]["pools"], serde_json::json!(["fx 1"]));
    assert_eq!(list(&vendor["not_served"], &["name", "code"]), ["fv -18", "fw -18", "fz -18"]);
    assert_eq!(list(&value["skipped"], &["file", "line"]), ["a.lic 10"]);
    let pools = &vendor["pools"];
    assert_eq!(list(pools, &["key", "licenses", "overdraft", "counted"])[0], "fx 1 8 2 true");
    assert_eq!(pools[0]["next_end"], "2031-01-01T00:00:00.000Z");
    assert_eq!(pools[1]["keys"], serde_json::json!({"DUP_GROUP": "UH", "HOSTID": "USER=ann USER=bob"}));
    assert_eq!(pools[1]["hostids"], serde_json::json!(["USER=ann", "USER=bob"]));

    let (status, text) = run(dir.path(), &["lmcatalog", "a.lic", "--date", "2026-06-15"]);
    assert_eq!(status, 1);
    assert!(text.contains("\n  fx       1.0               8+2  3 of them until 31-dec-2030\n"), "{text}");
    assert!(text.contains("\n      DUP_GROUP=UH HOSTID=\"USER=ann USER=bob\"\n"), "{text}");
    assert!(text.contains("\n    a.lic:9 INCREMENT fw: refused (-8,102): "), "{text}");
    assert!(text.contains("\nLines that nobody uses\n  a.lic:10 "), "{text}");
}

#[test]
fn components_and_upgrades_are_pools_of_their_lines() {
    let text = sign(
        "SERVER this_host ANY 27000\nVENDOR LGS\nINCREMENT fx LGS 1.0 permanent 5\n\
         UPGRADE fx LGS 1.0 2.0 permanent 2\nPACKAGE office LGS 1.0 COMPONENTS=\"write calc:3.0:2\"\n\
         FEATURE office LGS 1.0 permanent 4\n",
    );
    let dir = with(&[("a.lic", &text)]);
    let (status, value) = json(dir.path(), &["lmcatalog", "a.lic"]);
    let vendor = &value["vendors"][0];
    assert_eq!(
        list(&vendor["lines"], &["line", "verdict", "pools"]),
        [
            "3 served [\"fx 1\"]",
            "4 upgraded [\"fx 2\"]",
            "5 package [\"write 1\",\"calc 3\"]",
            "6 enables [\"write 1\",\"calc 3\"]",
        ]
    );
    let mut pools = list(&vendor["pools"], &["key", "licenses"]);
    pools.sort();
    assert_eq!(pools, ["calc 3 8", "fx 1 3", "fx 2 2", "write 1 4"]);
    assert_eq!(status, 0);
}

#[test]
fn it_judges_as_another_machine_and_in_another_zone() {
    let text = sign("SERVER lic 001122334455 27000\nVENDOR LGS\nINCREMENT fx LGS 1.0 1-jan-2030 5\n");
    let dir = with(&[("a.lic", &text)]);
    let (status, value) = json(dir.path(), &["lmcatalog", "a.lic", "--hostid", "66:77:88:99:aa:bb"]);
    assert_eq!(status, 2);
    assert_eq!(value["machine"], serde_json::json!(["66778899aabb"]));
    assert_eq!(value["files"][0]["this_machine"], false);
    assert_eq!(list(&value["vendors"][0]["not_served"], &["name", "code"]), ["fx -92"]);
    let both = ["lmcatalog", "a.lic", "--hostid", "66778899aabb", "--hostid", "001122334455"];
    assert_eq!(json(dir.path(), &both).0, 0);
    // The zone of the server says when a day begins and ends.
    let at = |zone| {
        let arguments =
            ["lmcatalog", "a.lic", "--hostid", "001122334455", "--date", "2-jan-2030", "--timezone", zone];
        json(dir.path(), &arguments).1
    };
    let value = at("America/New_York");
    assert_eq!(value["at"], "2030-01-02T05:00:00.000Z");
    assert_eq!(value["timezone"], "America/New_York");
    assert_eq!(value["vendors"][0]["pools"][0]["licenses_expired"], 5);
    assert_eq!(value["vendors"][0]["pools"][0]["lots"][0]["ends"], "2030-01-02T05:00:00.000Z");
}

#[test]
fn a_vendor_without_a_manifest_is_served_nothing_unless_it_is_asked_for() {
    let text = "SERVER this_host ANY 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 5 SIGN=\"0123 4567\"\n\
                INCREMENT fy other 1.0 permanent 1\n";
    let dir = with(&[("a.lic", text)]);
    let (status, shown) = run(dir.path(), &["lmcatalog", "a.lic"]);
    assert_eq!(status, 2);
    assert!(
        shown.contains("! no key of vendor acmed is known here (acmed.vendor.toml was not found)"),
        "{shown}"
    );
    assert!(shown.contains("\n  nothing is served\n") && !shown.contains("LICENSES"), "{shown}");
    assert!(shown.contains("a.lic:3 INCREMENT fx: refused (-8,"), "{shown}");
    let (status, shown) = run(dir.path(), &["lmcatalog", "a.lic", "--unsigned"]);
    assert_eq!(status, 1, "{shown}");
    assert!(shown.contains("  ! NOT WHAT A SERVER SERVES: "), "{shown}");
    assert!(shown.contains("\n  fx       1.0                 5  permanent\n"), "{shown}");
    assert!(shown.contains("! no VENDOR line names other: "), "{shown}");
    assert!(
        shown.contains("  a.lic:4 no VENDOR line names other, so no vendor daemon reads it\n"),
        "{shown}"
    );
    assert!(!shown.contains("INCREMENT fy"), "{shown}");
    let (_, value) = json(dir.path(), &["lmcatalog", "a.lic", "--unsigned"]);
    assert_eq!(list(&value["vendors"], &["vendor", "signatures"]), ["acmed assumed", "other assumed"]);
    // A manifest in --vendor-dir is used.
    std::fs::create_dir(dir.path().join("keys")).unwrap();
    let keygen = tool(dir.path(), &["lmcrypt", "keygen", "--vendor", "acmed", "--out", "keys"]);
    let made = dir.path().join("keys/acmed.vendor.toml");
    assert!(made.exists(), "{}", String::from_utf8_lossy(&keygen.stderr));
    let (status, value) = json(dir.path(), &["lmcatalog", "a.lic", "--vendor-dir", "keys"]);
    assert_eq!(status, 2);
    assert_eq!(list(&value["vendors"], &["vendor", "signatures"]), ["acmed checked", "other no_keys"]);
    std::fs::write(made, "vendor = 5").unwrap();
    let output = tool(dir.path(), &["lmcatalog", "a.lic", "--vendor-dir", "keys"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Vendor manifest keys/acmed.vendor.toml"));
}

#[test]
fn lines_without_a_daemon_are_not_served_but_clients_read_them() {
    let line = "FEATURE g acmed 1.0 permanent uncounted HOSTID=ANY\n";
    let dir = with(&[("server.lic", &format!("SERVER h ANY\nVENDOR LGS\n{line}")), ("client.lic", line)]);
    let (status, shown) = run(dir.path(), &["lmcatalog", "server.lic", "--unsigned"]);
    assert!(status == 2 && !shown.contains("served in pool"), "{shown}");
    let (status, shown) = run(dir.path(), &["lmcatalog", "client.lic", "--unsigned"]);
    assert!(status == 0 && shown.contains("client.lic:1 FEATURE g: served in pool g 1"), "{shown}");
}

#[test]
fn what_cannot_be_read_is_named_and_a_wrong_call_is_refused() {
    let dir = with(&[("a.lic", DEMO)]);
    let output = tool(dir.path(), &["lmcatalog", "a.lic", "none.lic"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("lmcatalog: none.lic: "));
    let output = tool(dir.path(), &["lmcatalog", "none.lic"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(printed(&output).contains("no license file could be read"));
    for wrong in [
        &["lmcatalog"][..],
        &["lmcatalog", "a.lic", "--date", "soon"],
        &["lmcatalog", "a.lic", "--hostid", ""],
    ] {
        let output = tool(dir.path(), wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{wrong:?}");
    }
    assert_eq!(tool(dir.path(), &["lmcatalog", "--help"]).status.code(), Some(0));
}
