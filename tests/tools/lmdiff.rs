//! lmdiff: the difference in meaning.

use std::path::Path;

use serde_json::{Value, json};

use crate::signed::sign;
use crate::system::{printed, tool};

const DEMO: &str = include_str!("../../testdata/svr_lgs.lic");

/// Status and text of the difference between two files.
fn diff(old: &str, new: &str, arguments: &[&str]) -> (i32, String) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("old.lic"), old).unwrap();
    std::fs::write(dir.path().join("new.lic"), new).unwrap();
    run(dir.path(), &[&["lmdiff", "old.lic", "new.lic"], arguments].concat())
}

fn diff_json(old: &str, new: &str) -> (i32, Value) {
    let (status, text) = diff(old, new, &["--format", "json"]);
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}")))
}

fn run(dir: &Path, arguments: &[&str]) -> (i32, String) {
    let output = tool(dir, arguments);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), printed(&output))
}

fn site(lines: &str) -> String {
    sign(&format!("SERVER this_host ANY 27000\nVENDOR LGS\n{lines}\n"))
}

#[test]
fn another_text_of_the_same_meaning() {
    let rewrapped = DEMO.replace(" \\\n    ", " ");
    let tidied: String =
        DEMO.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\r\n")).collect();
    // The feature lines of mesh stand first.
    let (head, rest) = DEMO.split_once("\n\n# --- floating").unwrap();
    let mesh = &rest[rest.find("INCREMENT mesh").unwrap()..rest.find("\n\n# Of several").unwrap()];
    let reordered = format!("{head}\n{mesh}\n\n# --- floating{}", rest.replace(mesh, ""));
    for new in [
        DEMO.to_owned(),
        rewrapped,
        tidied,
        reordered,
        DEMO.replace("cost centre 4711", "cost centre 4712")
            .replace("ISSUED=15-jan-2026 dist", "dist_info=x ISSUED=15-jan-2026 dist"),
        DEMO.replace("VENDOR LGS", "DAEMON LGS").replace("cad_view LGS 2.0", "cad_view   LGS\t2.0"),
    ] {
        let (status, text) = diff(DEMO, &new, &[]);
        assert_eq!((status, text.as_str()), (0, "no difference in meaning\n"));
        let (status, value) = diff_json(DEMO, &new);
        assert_eq!((status, &value["same"], &value["hosts"]), (0, &json!(true), &json!([])));
    }
}

#[test]
fn pools_that_came_went_and_changed() {
    let old = site(
        "INCREMENT fa LGS 1.0 permanent 5 SN=1\nINCREMENT fa LGS 1.0 31-dec-2030 2 SN=2\n\
         INCREMENT fb LGS 1.0 permanent 1\nINCREMENT fc LGS 1.0 permanent 3 BORROW=24",
    );
    let new = site(
        "INCREMENT fa LGS 1.0 permanent 5 SN=1\nINCREMENT fa LGS 1.0 31-dec-2031 4 SN=2\n\
         INCREMENT fc LGS 1.0 permanent 3 BORROW=48\nINCREMENT fd LGS 2.0 permanent 9",
    );
    let (status, text) = diff(&old, &new, &[]);
    assert_eq!(status, 1);
    assert_eq!(
        text,
        "Vendor LGS\n\
         pool removed: fb 1, 1 license\n    - old.lic:5: 1 license, permanent\n\
         pool added: fd 2, 9 licenses\n    + new.lic:6: 9 licenses, permanent\n\
         pool resized: fa 1, from 7 to 9\n    old.lic:4 -> new.lic:4: count 2 -> 4, expiry 31-dec-2030 -> 31-dec-2031\n\
         pool changed: fc 1 BORROW=24 -> fc 1 BORROW=48\n    BORROW: \"24\" -> \"48\"\n"
    );
    let (status, value) = diff_json(&old, &new);
    assert_eq!((status, &value["same"]), (1, &json!(false)));
    let vendor = &value["vendors"][0];
    assert_eq!(vendor["signatures"], "checked");
    assert_eq!(vendor["pools_removed"][0]["key"], "fb 1");
    assert_eq!(vendor["pools_added"][0]["lots"][0]["line"], 6);
    let changed = &vendor["pools_changed"];
    assert_eq!(changed[0]["what"], json!(["resized", "dates"]));
    assert_eq!((&changed[0]["old"]["licenses"], &changed[0]["new"]["licenses"]), (&json!(7), &json!(9)));
    assert_eq!(changed[0]["lots"][0]["old"]["expiry"], "31-dec-2030");
    assert_eq!(changed[0]["lots"][0]["new"]["ends"], "2032-01-01T00:00:00.000Z");
    assert_eq!(changed[1]["what"], json!(["keys"]));
    assert_eq!(changed[1]["keys"], json!([{"name": "BORROW", "old": "24", "new": "48"}]));
}

#[test]
fn the_order_counts_where_it_decides() {
    let (one, two) = ("FEATURE fa LGS 1.0 permanent 2", "FEATURE fa LGS 1.0 permanent 3");
    let (status, text) = diff(&site(&format!("{one}\n{two}")), &site(&format!("{two}\n{one}")), &[]);
    assert_eq!(status, 1);
    assert!(text.contains("pool resized: fa 1, from 2 to 3\n"), "{text}");
    let (one, two) = ("INCREMENT fa LGS 1.0 permanent 2 BORROW", "INCREMENT fa LGS 1.0 permanent 3");
    let (old, new) = (site(&format!("{one}\n{two}")), site(&format!("{two}\n{one}")));
    let (status, text) = diff(&old, &new, &[]);
    assert_eq!(
        (status, text.as_str()),
        (
            1,
            "Vendor LGS\norder of pools: fa is tried in another order\n    was: fa 1 BORROW=168, fa 1\n    now: fa 1, fa 1 BORROW=168\n"
        )
    );
    assert_eq!(diff_json(&old, &new).1["vendors"][0]["order"][0]["new"], json!(["fa 1", "fa 1 BORROW=168"]));
}

#[test]
fn hosts_are_told_apart_from_pools() {
    let new = DEMO
        .replace("SERVER this_host ANY 27000", "SERVER lic1 ANY 27001\nUSE_SERVER")
        .replace("VENDOR LGS port=27010", "VENDOR LGS /opt/lgs options=a.opt");
    let (status, text) = diff(DEMO, &new, &[]);
    assert_eq!(status, 1);
    assert_eq!(
        text,
        "host changed: SERVER lic1\n    host: \"this_host\" -> \"lic1\"\n    port: \"27000\" -> \"27001\"\n\
         host changed: VENDOR LGS\n    options: none -> \"a.opt\"\n    path: none -> \"/opt/lgs\"\n    port: \"27010\" -> none\n\
         host added: USE_SERVER\n"
    );
    let triad = "SERVER a ANY 2701\nSERVER b ANY 2702\nSERVER c ANY 2703\nVENDOR acmed\nINCREMENT f acmed 1.0 permanent 1\n";
    let other = "SERVER b ANY 2702\nSERVER a ANY 2701\nSERVER d ANY 2703\nVENDOR acmed\nINCREMENT f acmed 1.0 permanent 1\n";
    let (status, value) = diff_json(triad, other);
    let hosts = &value["hosts"];
    assert_eq!((status, &hosts[0]["change"], &hosts[1]["change"]), (1, &json!("changed"), &json!("order")));
    assert_eq!(hosts[0]["attributes"], json!([{"name": "host", "old": "c", "new": "d"}]));
    assert_eq!(value["vendors"][0]["same"], true);
}

#[test]
fn a_broken_signature_is_a_changed_verdict() {
    let (status, text) = diff(DEMO, &DEMO.replace("2.0 permanent 25", "2.0 permanent 30"), &[]);
    assert_eq!(status, 1);
    assert!(text.contains("pool removed: cad_view 2, 25 licenses\n"), "{text}");
    assert!(text.contains("verdict changed: INCREMENT cad_view\n    was: old.lic:22: served in pool cad_view 2\n    now: new.lic:22: refused (-8,102): "), "{text}");
    // Aside, it is what it says.
    let (status, text) = diff(DEMO, &DEMO.replace("2.0 permanent 25", "2.0 permanent 30"), &["--unsigned"]);
    assert_eq!(status, 1);
    assert!(
        text.contains("note: signatures are left aside\npool resized: cad_view 2, from 25 to 30\n"),
        "{text}"
    );
    // Another SERVER hostid breaks all of them.
    let (_, value) = diff_json(DEMO, &DEMO.replace("this_host ANY", "this_host 001122334455"));
    assert_eq!(value["hosts"][0]["attributes"][0]["name"], "hostid");
    assert_eq!(value["vendors"][0]["verdicts"].as_array().unwrap().len(), 14);
}

#[test]
fn files_of_other_publishers_are_compared_without_their_signatures() {
    let old = "SERVER h 001122334455 1700\nVENDOR acmed\nINCREMENT fa acmed 1.0 permanent 5 SIGN=\"0123 4567 89AB\"\n\
               INCREMENT fb acmed 1.0 permanent 2 FLOAT_OK SIGN=\"0123 4567 89AB\"\n";
    let (status, text) = diff(old, &old.replace("0123 4567 89AB", "FFFF 4567 89AB"), &[]);
    assert_eq!(
        (status, text.as_str()),
        (
            0,
            "Vendor acmed\nnote: no key of vendor acmed is known here, so signatures are left aside\nnote: 1 line was signed again\nno difference in meaning\n"
        )
    );
    // What this version does not serve is compared all the same.
    let (status, text) = diff(old, &old.replace("permanent 2 FLOAT_OK", "permanent 3 FLOAT_OK"), &[]);
    assert_eq!(status, 1);
    assert!(
        text.ends_with("line changed: INCREMENT fb, which is not served here\n    old.lic:4 -> new.lic:4\n    count: \"2\" -> \"3\"\n"),
        "{text}"
    );
    let (status, value) = diff_json(old, &old.lines().take(3).collect::<Vec<_>>().join("\n"));
    let vendor = &value["vendors"][0];
    assert_eq!((status, &vendor["signatures"]), (1, &json!("aside")));
    assert_eq!(vendor["lines_not_served_here"][0]["old"], json!({"file": "old.lic", "line": 4}));
    // Lines as publishers mail them, without SERVER and VENDOR lines.
    let (status, text) =
        diff("INCREMENT fa acmed 1.0 permanent 5\n", "INCREMENT fa acmed 1.0 permanent 6\n", &[]);
    assert_eq!(status, 1);
    assert!(text.contains("pool resized: fa 1, from 5 to 6\n"), "{text}");
}

#[test]
fn directories_are_compared_as_wholes_and_new_lines_without_effect_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("old/a.lic", &site("INCREMENT fa LGS 1.0 permanent 5\nINCREMENT fb LGS 1.0 permanent 2"));
    write("new/one.lic", &site("INCREMENT fb LGS 1.0 permanent 2"));
    write("new/two.lic", &site("INCREMENT fa LGS 1.0 permanent 5\nINCREMENT fb LGS 1.0 permanent 2"));
    let (status, text) = run(dir.path(), &["lmutil", "lmdiff", "old", "new"]);
    assert_eq!(status, 0, "{text}");
    assert!(
        text.starts_with("Vendor LGS\nnote: a new line adds nothing: new/two.lic:4 INCREMENT fb\n"),
        "{text}"
    );
    assert!(text.ends_with("\nno difference in meaning\n"), "{text}");
    write("new/two.lic", &site("INCREMENT fb LGS 1.0 permanent 2"));
    let (status, text) = run(dir.path(), &["lmdiff", "old", "new"]);
    assert!(status == 1 && text.contains("pool removed: fa 1, 5 licenses\n"), "{text}");
}

#[test]
fn packages_are_compared_by_what_they_give() {
    let of = |components: &str, count: u32| {
        site(&format!(
            "PACKAGE office LGS 1.0 COMPONENTS=\"{components}\"\nFEATURE office LGS 1.0 permanent {count}"
        ))
    };
    let (status, text) = diff(&of("write calc", 2), &of("calc write:1.0 draw", 3), &[]);
    assert_eq!(status, 1);
    for wanted in [
        "pool added: draw 1, 3 licenses\n",
        "pool resized: calc 1, from 2 to 3\n",
        "pool resized: write 1, from 2 to 3\n",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    let (status, text) = diff(&of("write calc", 2), &of("calc write", 2), &[]);
    assert_eq!(status, 0, "{text}");
}

#[test]
fn trouble_is_neither_same_nor_different() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.lic"), DEMO).unwrap();
    for (arguments, wanted) in [
        (&["lmdiff", "a.lic", "none.lic"][..], "lmdiff: none.lic: "),
        (&["lmdiff", "a.lic"], "error: "),
        (&["lmdiff", "a.lic", "a.lic", "a.lic"], "error: "),
        (&["lmdiff", "a.lic", "a.lic", "--timezone", "Nowhere"], "error: "),
    ] {
        let output = tool(dir.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).starts_with(wanted), "{arguments:?}");
    }
}
