//! lmexplain: how a request comes to its answer, and what would have to change.

use std::path::Path;

use serde_json::Value;

use crate::signed::sign;
use crate::system::{System, complained, printed, tool};

const LICENSE: &str = "SERVER srv ANY 27000\nVENDOR LGS\nINCREMENT solver LGS 1.0 permanent 3\n\
    INCREMENT solver LGS 2.0 31-dec-2030 4\nFEATURE old LGS 1.0 1-jan-2020 4\n\
    FEATURE locked LGS 1.0 permanent uncounted HOSTID=0011aabbccdd\n";
const OPTIONS: &str = "GROUP art ann bob\nEXCLUDE solver:VERSION=2.0 GROUP art\nMAX 2 solver USER ALL_USERS\n\
    RESERVE 2 solver:VERSION=1.0 USER eve\nINCLUDE old USER eve\n";

fn site() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("site.lic"), sign(LICENSE)).unwrap();
    std::fs::write(dir.path().join("LGS.opt"), OPTIONS).unwrap();
    dir
}

fn call<'a>(request: &[&'a str]) -> Vec<&'a str> {
    let [feature, rest @ ..] = request else { panic!("a feature") };
    let mut arguments = vec!["lmexplain", *feature, "-L", "site.lic", "-O", "LGS.opt"];
    arguments.extend(["--date", "2026-06-15", "--timezone", "UTC"]);
    arguments.extend(rest);
    arguments
}

fn json(dir: &Path, request: &[&str]) -> (i32, Value) {
    let mut arguments = call(request);
    arguments.extend(["--format", "json"]);
    let output = tool(dir, &arguments);
    let text = printed(&output);
    let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    (output.status.code().unwrap(), value)
}

fn asking<'a>(feature: &'a str, user: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut request = vec![feature, "--user", user, "--host", "ws01"];
    request.extend(more);
    request
}

#[test]
fn every_pool_and_rule_is_shown_with_its_line_and_what_would_have_to_change() {
    let dir = site();
    let output =
        tool(dir.path(), &call(&asking("solver:1.0", "ann", &["--held", "ann@ws01=1", "--in-use", "1"])));
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(256 - 101), "{text}");
    let parts = [
        "Request: solver 1.0, 1 at once, for ann@ws01",
        "Pool 1: solver 1\n  site.lic:3: INCREMENT solver LGS 1.0 permanent 3\n",
        "max       ok  2 licenses allowed, 1 of them in use, 1 more asked for\n",
        "LGS.opt:3: MAX 2 solver USER ALL_USERS\n",
        "available NO  2 in use, 1 free; idle reservations: 0 for the client, 2 for others",
        "LGS.opt:4: RESERVE 2 solver:VERSION=1.0 USER eve\n",
        "Pool 2: solver 2\n  site.lic:4: ",
        "exclude   NO  an EXCLUDE line names the client\n",
        "LGS.opt:2: EXCLUDE solver:VERSION=2.0 GROUP art\n",
        "LGS.opt:1: GROUP art ann bob\n",
        "DENIED: All licenses are reserved for others. (-101,215)\n    LGS.opt:4: what is free",
        "To be granted:\n  from pool 1:\n  - have 2 licenses checked in from users without a reservation, or",
        "from pool 2:\n  - take the client off the EXCLUDE lines: LGS.opt:2\n",
    ];
    let mut rest = text.as_str();
    for part in parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part:?} is missing or out of order in\n{text}"));
        rest = &rest[at..];
    }
    assert!(!text.contains("SIGN="), "{text}");
}

/// Feature, user, further arguments; the number and the rule that decides.
type Asked = (&'static str, &'static str, &'static [&'static str], i32, Option<&'static str>);

#[test]
fn the_answers_are_those_of_a_server_and_what_it_advises_helps() {
    let dir = site();
    let table: [Asked; 9] = [
        ("solver:1.0", "carl", &[], 0, None),
        ("solver:2.0", "ann", &[], -38, Some("LGS.opt:2")),
        ("solver:3.0", "carl", &[], -25, None),
        ("old", "carl", &[], -10, None),
        ("locked", "carl", &[], -9, None),
        ("locked", "carl", &["--hostid", "0011aabbccdd"], 0, None),
        ("solver:2.0", "carl", &["--count", "5"], -87, Some("LGS.opt:3")),
        ("solver:2.0", "carl", &["--in-use", "4"], -4, None),
        ("solvr", "carl", &[], -5, None),
    ];
    for (feature, user, more, number, rule) in table {
        let (status, told) = json(dir.path(), &asking(feature, user, more));
        assert_eq!(told["number"], number, "{feature} {user} {more:?}: {told:#}");
        assert_eq!(told["rule"].as_str(), rule, "{told:#}");
        assert_eq!(status, if number == 0 { 0 } else { 256 + number });
        assert_eq!(told["granted"], number == 0);
    }
    // Carl may have two at once, and not beside one that he has.
    let (_, told) = json(dir.path(), &asking("solver:2.0", "carl", &["--count", "3", "--held", "carl@ws01"]));
    let change = &told["pools"][1]["changes"][0];
    let of = |name: &str| change[name].clone();
    assert_eq!(
        [of("change"), of("to"), of("check_in"), of("ask_for")],
        ["raise_max".into(), 4.into(), Value::Null, 1.into()],
        "{told:#}"
    );
    let fewer = json(dir.path(), &asking("solver:2.0", "carl", &["--count", "1", "--held", "carl@ws01"]));
    assert_eq!(fewer.0, 0, "{:#}", fewer.1);
    std::fs::write(dir.path().join("LGS.opt"), OPTIONS.replace("MAX 2", "MAX 4")).unwrap();
    let raised = json(dir.path(), &asking("solver:2.0", "carl", &["--count", "3", "--held", "carl@ws01"]));
    assert_eq!(raised.0, 0, "{:#}", raised.1);
}

#[test]
fn trouble_ends_with_2() {
    let dir = site();
    let cases: [(&[&str], &str); 4] = [
        (&["--held", "ann@ws01=8"], "have no room for 1 of the 8 licenses"),
        (&["--held", "ann"], "USER@HOST"),
        (&["-c", "27000@localhost"], "cannot be used with '-c <LIST>'"),
        (&["--vendor-dir", "none", "--hostid", "a b"], "invalid value"),
    ];
    for (more, text) in cases {
        let output = tool(dir.path(), &call(&asking("solver", "carl", more)));
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        assert!(complained(&output).contains(text), "{}", complained(&output));
    }
    let output = tool(dir.path(), &["lmexplain", "f", "--user", "a", "--host", "h", "-L", "none.lic"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complained(&output).contains("none.lic"), "{}", complained(&output));
}

#[test]
fn a_running_server_gives_the_answer_that_was_explained() {
    let license = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 2\n";
    let options = "EXCLUDE solver HOST elsewhere\nMAX 1 solver USER ann\n";
    let system =
        System::start_prepared(license, &[], |dir| std::fs::write(dir.join("LGS.opt"), options).unwrap());
    let mut ann = system.line_session("ann");
    assert!(ann.ask("CHECKOUT solver 1.0").starts_with("OK"));
    let denied = ann.ask("CHECKOUT solver 1.0");
    let dir = site();
    std::fs::write(dir.path().join("site.lic"), sign(&license.replace("{port}", "27000"))).unwrap();
    std::fs::write(dir.path().join("LGS.opt"), options).unwrap();
    let (_, told) = json(dir.path(), &asking("solver:1.0", "ann", &["--held", "ann@ws01"]));
    assert!(denied.starts_with(&format!("ERR {},{} ", told["number"], told["minor"])), "{denied} {told:#}");
    assert!(denied.contains(told["note"].as_str().unwrap()), "{denied} {told:#}");
    system.wait_for_log(&["(Checkout exceeds MAX specified in options file: LGS.opt:2. (-87,"]);
}

#[test]
fn a_feature_may_have_a_colon_in_its_name() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("site.lic"),
        sign("SERVER srv ANY 27000\nVENDOR LGS\nFEATURE f:1 LGS 2.0 permanent 3\n"),
    )
    .unwrap();
    std::fs::write(dir.path().join("LGS.opt"), "# none\n").unwrap();
    for (feature, granted) in [("f:1:", true), ("f:1:2.0", true), ("f:1:2.1", false)] {
        let told = printed(&tool(dir.path(), &call(&asking(feature, "ann", &[]))));
        assert!(told.contains("GRANTED") == granted && told.contains("Request: f:1 "), "{feature}\n{told}");
    }
    let told = printed(&tool(dir.path(), &call(&asking("f:1", "ann", &[]))));
    assert!(told.contains("- write f:1: if the feature f:1 was meant"), "{told}");
}

#[test]
fn why_a_license_is_not_lent() {
    let dir = tempfile::tempdir().unwrap();
    let license = "SERVER srv ANY 27000\nVENDOR LGS\nINCREMENT solver LGS 1.0 permanent 3 BORROW=48\n";
    std::fs::write(dir.path().join("site.lic"), sign(license)).unwrap();
    std::fs::write(dir.path().join("LGS.opt"), "MAX_BORROW_HOURS solver 24\nBORROW_LOWWATER solver 3\n")
        .unwrap();
    let told = |hours: &str| {
        let output = tool(dir.path(), &call(&asking("solver", "ann", &["--borrow", hours])));
        (output.status.code().unwrap(), printed(&output))
    };
    let (status, text) = told("30");
    assert_eq!(status, 256 - 104, "{text}");
    for part in [
        "Request: solver any version, 1 at once, to borrow for 30 h, for ann@ws01",
        "borrow    NO  at most 24 hours, so until 2026-06-16T00:00:00Z at the latest",
        "LGS.opt:1: MAX_BORROW_HOURS solver 24",
        "ask for 2026-06-16T00:00:00Z or sooner",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let (status, text) = told("24");
    assert_eq!(status, 256 - 67, "{text}");
    assert!(text.contains("LGS.opt:2: BORROW_LOWWATER solver 3"), "{text}");
    let (status, value) = json(dir.path(), &asking("solver", "ann", &["--borrow", "20"]));
    assert_eq!((status, value["request"]["borrow_hours"].as_u64()), (256 - 67, Some(20)));
}
