//! lmreplay on the history of a real daemon, beside it and on a copy.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::signed::sign;
use crate::system::{LineSession, System, complained, printed, tool};

const LICENSE: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 2\n\
     FEATURE mesher LGS 1.0 permanent 4\n";

fn checkout(session: &mut LineSession, feature: &str) -> String {
    session.ask(&format!("CHECKOUT {feature} 1.0"))
}

/// Ann and bob have both licenses of solver, joe is refused; then one is excluded by a reread and asks again.
fn recorded() -> System {
    let system = System::start(LICENSE, &[]);
    let mut ann = system.line_session("ann");
    let mut bob = system.line_session("bob");
    let mut joe = system.line_session("joe");
    let held = checkout(&mut ann, "solver");
    assert!(held.starts_with("OK") && checkout(&mut bob, "solver").starts_with("OK"));
    assert!(checkout(&mut joe, "solver").starts_with("ERR -4,"));
    assert!(checkout(&mut joe, "mesher").starts_with("OK"));
    std::fs::write(system.dir.path().join("LGS.opt"), "EXCLUDE mesher USER ann\n").unwrap();
    let output = system.tool(&["lmreread", "-c", &system.place()]);
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    assert!(checkout(&mut ann, "mesher").starts_with("ERR -38,"));
    let handle = held.strip_prefix("OK CHECKOUT ").unwrap();
    assert!(ann.ask(&format!("CHECKIN {handle}")).starts_with("OK"));
    assert!(joe.ask("QUIT").starts_with("OK"));
    system.wait_for_log(&["(LGS) IN: \"mesher\" joe@ws01"]);
    system
}

fn replay(system: &System, arguments: &[&str]) -> Output {
    system.tool(&[&["lmreplay"], arguments, &["state"]].concat())
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn write(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join(name), text).unwrap();
}

#[test]
fn under_the_recorded_files_everything_comes_out_as_recorded() {
    let system = recorded();
    let output = replay(&system, &["--recorded"]);
    assert_eq!(status(&output), 0, "{}{}", printed(&output), complained(&output));
    let text = printed(&output);
    assert!(text.contains("Every verdict came out as recorded (5 judged).\n"), "{text}");
    assert!(text.contains("5, of which 3 were granted and 2 denied"), "{text}");
    // The same of a copy, without the daemon.
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(system.dir.path().join("state/LGS")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with("history.db") {
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    let output = tool(copy.path(), &["lmreplay", "--recorded", "--format", "json", "."]);
    assert_eq!(status(&output), 0, "{}{}", printed(&output), complained(&output));
    let value: Value = serde_json::from_str(&printed(&output)).unwrap();
    assert_eq!((&value["same"], &value["judged"]), (&true.into(), &5.into()), "{value}");
    assert_eq!(value["differences"], serde_json::json!([]));
}

#[test]
fn another_options_file_denies_and_another_license_grants() {
    let system = recorded();
    let dir = system.dir.path();
    write(dir, "new.opt", "# bob may not\nEXCLUDE solver USER bob\n");
    let output = replay(&system, &["--options", "new.opt", "--format", "json"]);
    assert_eq!(status(&output), 1, "{}", complained(&output));
    let value: Value = serde_json::from_str(&printed(&output))
        .unwrap_or_else(|error| panic!("{error}\n{}", printed(&output)));
    let rows = value["differences"].as_array().unwrap();
    let row = |user: &str| rows.iter().find(|row| row["user"] == user).unwrap();
    assert_eq!(rows.len(), 3, "{value}");
    let bob = row("bob");
    assert_eq!((&bob["change"], &bob["feature"]), (&"newly_denied".into(), &"solver".into()));
    assert_eq!(
        (&bob["replayed"]["number"], &bob["replayed"]["minor"], &bob["replayed"]["rule"]),
        (&(-38).into(), &212.into(), &"new.opt:2".into())
    );
    assert_eq!(bob["recorded"]["pool"], "solver 1");
    assert!(bob["time"].as_str().unwrap().ends_with("+00:00"), "{bob}");
    // Bob's license is free, so joe gets it; and nobody excludes ann.
    assert_eq!((&row("joe")["change"], &row("joe")["feature"]), (&"newly_granted".into(), &"solver".into()));
    assert_eq!((&row("ann")["change"], &row("ann")["feature"]), (&"newly_granted".into(), &"mesher".into()));
    assert_eq!(value["changes"]["newly_granted"], 2);
    let pool = value["pools"].as_array().unwrap().iter().find(|pool| pool["pool"] == "solver 1").unwrap();
    assert_eq!((&pool["count"], &pool["recorded_peak"]["licenses"]), (&2.into(), &2.into()), "{value}");

    // Half the licenses: bob is denied for want of one.
    let one = sign(
        "SERVER other 0123456789ab 27000\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 1\nFEATURE mesher LGS 1.0 permanent 4\n",
    );
    write(dir, "one.lic", &one);
    let output = replay(&system, &["--license", "one.lic", "--format", "csv"]);
    assert_eq!(status(&output), 1, "{}", complained(&output));
    let text = printed(&output);
    let lines: Vec<&str> = text.split("\r\n").collect();
    let columns = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(columns(lines[0]).len(), 16, "{text}");
    assert_eq!((lines.len(), lines[2]), (3, ""), "{text}");
    let row = columns(lines[1]);
    assert_eq!(
        &row[1..13],
        [
            "newly_denied",
            "bob",
            "ws01",
            "solver",
            "1.0",
            "1",
            "solver 1",
            "0",
            "",
            "-4",
            "209",
            "Licensed number of users already reached"
        ],
        "{text}"
    );
    let output = replay(&system, &["--license", "one.lic"]);
    let text = printed(&output);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "5, of which 3 were granted and 2 denied 1 would have been denied Peak",
        "2 solver 1 Denied",
        "1 0 0 0 0 bob@ws01",
        "bob@ws01: solver 1.0, 1 license: was granted from solver 1, would be denied: Licensed number of users",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let output = replay(&system, &["--license", "one.lic", "--format", "json"]);
    let value: Value = serde_json::from_str(&printed(&output)).unwrap();
    let solver =
        value["features"].as_array().unwrap().iter().find(|feature| feature["feature"] == "solver").unwrap();
    // Bob's, and joe's who was refused in the record too.
    assert_eq!((&solver["missing"], &solver["denied"]), (&2.into(), &2.into()), "{value}");
    // More licenses for everybody change something, an options file that says nothing about anybody does not.
    write(dir, "same.opt", "EXCLUDE mesher USER ann\nEXCLUDE solver USER eve\n");
    let output = replay(&system, &["--options", "same.opt", "--from", "2026-01-01T00:00"]);
    assert_eq!(status(&output), 0, "{}", printed(&output));
    assert!(
        printed(&output).contains("Nobody would have been served differently.\n"),
        "{}",
        printed(&output)
    );
}

#[test]
fn what_cannot_be_replayed_is_said() {
    let system = recorded();
    let dir = system.dir.path();
    write(dir, "new.opt", "EXCLUDE solver USER bob\n");
    write(dir, "other.lic", "SERVER srv ANY\nVENDOR acmed\nFEATURE fx acmed 1.0 permanent 5 SIGN=1\n");
    for (arguments, wanted) in [
        (&["lmreplay", "state"][..], "error: "),
        (&["lmreplay", "--options", "none.opt", "state"], "lmreplay: none.opt: "),
        (&["lmreplay", "--options", "new.opt", "nowhere"], "lmreplay: nowhere: "),
        (&["lmreplay", "--options", "new.opt", "."], "lmreplay: .: there is no history"),
        (&["lmreplay", "--options", "new.opt", "--from", "yesterday", "state"], "error: "),
        (
            &["lmreplay", "--options", "new.opt", "--to", "2001-01-01", "state"],
            "lmreplay: state/LGS: nothing is recorded",
        ),
        (&["lmreplay", "--options", "new.opt", "--debug-log", "lgs.log"], "error: "),
        (
            &["lmreplay", "--recorded", "--from", "2026-01-02", "--to", "2026-01-01", "state"],
            "lmreplay: --from lies behind --to",
        ),
        (
            &["lmreplay", "--license", "other.lic", "state/LGS"],
            "lmreplay: the history is of LGS, the license files are of acmed",
        ),
        (
            &["lmreplay", "--license", "other.lic", "--vendor", "LGS", "state"],
            "lmreplay: no line of the license files is of vendor LGS, but of acmed",
        ),
    ] {
        let output = tool(dir, arguments);
        assert_eq!(status(&output), 2, "{arguments:?}: {}", printed(&output));
        assert!(complained(&output).starts_with(wanted), "{arguments:?}: {}", complained(&output));
    }
}

#[test]
fn a_debug_log_is_replayed_too() {
    let system = recorded();
    let dir = system.dir.path();
    write(dir, "new.opt", "EXCLUDE solver USER bob\n");
    let arguments =
        ["--license", "test.lic", "--options", "new.opt", "--debug-log", "lgs.log", "--format", "json"];
    let output = system.tool(&[&["lmreplay"], &arguments[..]].concat());
    assert_eq!(status(&output), 1, "{}", complained(&output));
    let value: Value = serde_json::from_str(&printed(&output)).unwrap();
    let rows = value["differences"].as_array().unwrap();
    let bob = rows.iter().find(|row| row["user"] == "bob").unwrap();
    assert_eq!((&bob["change"], &bob["replayed"]["rule"]), (&"newly_denied".into(), &"new.opt:1".into()));
    assert_eq!(bob["recorded"]["pool"], Value::Null, "a log does not say it");
    assert!(rows.iter().all(|row| row["change"] != "other_pool"), "{value}");
    assert!(
        value["notes"][0].as_str().unwrap().contains("every request is taken as one for any version"),
        "{value}"
    );
}
