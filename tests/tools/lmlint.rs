//! `lmlint` and `lmlicvalidator` as programs.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::LICENSE;
use crate::signed::sign;
use crate::system::{PROGRAM, System, printed, tool};

const BROKEN: &str = "SERVER srv ANY 27000\nVENDOR LGS\nFEATUR f1 LGS 1.0 permanent 4 SIGN=x\n\
     INCREMENT f2 LGS v2 2026-12-31 5 \\\n\tSIGN=x\n";

fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// A file without anything to report but notes.
fn sound() -> String {
    sign("SERVER srv 0011aabbccdd 27000\nVENDOR LGS\nINCREMENT solver LGS 2.0 31-dec-2035 10\n")
}

const AS_OTHER: [&str; 4] = ["--hostid", "0011aabbccdd", "--date", "2026-06-15"];

#[test]
fn exit_statuses_are_0_1_and_2() {
    let dir = tempfile::tempdir().unwrap();
    let status = |arguments: &[&str]| {
        let all: Vec<&str> = ["lmlint"].iter().chain(arguments).chain(&AS_OTHER).copied().collect();
        let output = tool(dir.path(), &all);
        (output.status.code().unwrap(), printed(&output), String::from_utf8(output.stderr).unwrap())
    };
    write(dir.path(), "good.lic", &sound());
    let (code, text, _) = status(&["good.lic"]);
    assert_eq!(code, 0, "{text}");
    write(dir.path(), "prose.lic", &format!("{}Kind regards\n", sound()));
    let (code, text, _) = status(&["prose.lic"]);
    assert!(code == 1 && text.contains("warning[L0202]: "), "{text}");
    write(dir.path(), "broken.lic", BROKEN);
    let (code, text, _) = status(&["broken.lic"]);
    assert_eq!(code, 2, "{text}");
    let (code, _, error) = status(&["good.lic", "none.lic"]);
    assert!(code == 2 && error.starts_with("lmlint: none.lic: "), "{error}");
    let (code, text, _) = status(&["none.lic"]);
    assert_eq!((code, text.as_str()), (2, "nothing was checked\n"));
    let (code, _, _) = status(&["--format", "xml", "good.lic"]);
    assert_eq!(code, 2);
    // A good file is another machine's elsewhere, unless it is another publisher's.
    let elsewhere = ["lmlint", "--hostid", "0011aabbccee", "--date", "2026-06-15", "good.lic"];
    let output = tool(dir.path(), &elsewhere);
    assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
    let text = printed(&output);
    assert!(text.contains("error[L1101]: the file is for the machine with hostid 0011aabbccdd"), "{text}");
    assert!(text.contains("--> good.lic:1:12") && text.ends_with("1 error, 1 note\n"), "{text}");
    let foreign = tool(dir.path(), &["lmlint", "--foreign", "--hostid", "0011aabbccee", "good.lic"]);
    assert_eq!(foreign.status.code(), Some(0), "{}", printed(&foreign));
}

#[test]
fn people_see_the_line_the_place_and_what_was_meant() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "broken.lic", BROKEN);
    let output = tool(dir.path(), &["lmutil", "lmlint", "--foreign", "broken.lic"]);
    let text = printed(&output);
    assert!(
        text.contains(
            "error[L0201]: unknown keyword \"FEATUR\" (-90)\n --> broken.lic:3:1\n  |\n\
             3 | FEATUR f1 LGS 1.0 permanent 4 SIGN=x\n  | ^^^^^^\n  = help: did you mean FEATURE?\n"
        ),
        "{text}"
    );
    assert!(text.contains("error[L0503]: ") && text.contains("= help: write 2\n"), "{text}");
    assert!(!text.contains("L0506") && text.ends_with("2 errors\n"), "{text}");
    assert!(!text.contains('\x1b'));
}

#[test]
fn a_directory_and_standard_input_are_read() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "all/b.lic", "FEATUR b\n");
    write(dir.path(), "all/a.lic", "FEATUR a\n");
    let text = printed(&tool(dir.path(), &["lmlint", "all"]));
    let (first, second) = (text.find("all/a.lic:1:1"), text.find("all/b.lic:1:1"));
    assert!(first.is_some() && first < second, "{text}");
    let mut child = Command::new(PROGRAM)
        .args(["lmlint", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"FEATUR c\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(printed(&output).contains("(standard input):1:1"), "{}", printed(&output));
}

#[test]
fn json_has_the_fields_that_are_promised() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "broken.lic", BROKEN);
    let output = tool(dir.path(), &["lmlint", "--foreign", "--format", "json", "broken.lic", "none.lic"]);
    assert_eq!(output.status.code(), Some(2));
    let whole: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(whole.as_object().unwrap().len(), 2);
    let first = &whole["diagnostics"][0];
    let expected = serde_json::json!({
        "code": "L0201", "severity": "error", "file": "broken.lic", "line": 3, "column": 1,
        "end_line": 3, "end_column": 7, "message": "unknown keyword \"FEATUR\"",
        "hint": "did you mean FEATURE?", "number": -90,
    });
    assert_eq!(*first, expected);
    assert_eq!(whole["summary"]["errors"], 2);
    assert_eq!(whole["summary"]["problems"].as_array().unwrap().len(), 1);
}

#[test]
fn sarif_has_rules_regions_and_escaped_names() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a b#1.lic", BROKEN);
    let output = tool(dir.path(), &["lmlint", "--foreign", "--format", "sarif", "a b#1.lic"]);
    let whole: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(whole["version"], "2.1.0");
    let run = &whole["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["shortDescription"]["text"].as_str().is_some_and(|text| !text.is_empty()));
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b%231.lic");
        assert!(place["region"]["startLine"].as_u64().is_some_and(|line| line > 0));
    }
    assert_eq!(results[0]["locations"][0]["physicalLocation"]["region"]["startLine"], 3);
}

#[test]
fn every_code_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let list = printed(&tool(dir.path(), &["lmlint", "--explain", "list"]));
    let everything = printed(&tool(dir.path(), &["lmlint", "--explain", "all"]));
    for id in list.lines().map(|line| line.split(' ').next().unwrap()) {
        assert!(everything.contains(&format!("{id}, ")), "{id}");
    }
    assert!(list.lines().count() > 60, "{list}");
    let lower = tool(dir.path(), &["lmlint", "--explain", "l0201"]);
    assert!(lower.status.success() && printed(&lower).starts_with("L0201, error (-90): "));
    let unknown = tool(dir.path(), &["lmlint", "--explain", "L0291"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("did you mean L0201?"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "long.lic", &"FEATUR x\n".repeat(20_000));
    let mut child = Command::new(PROGRAM)
        .args(["lmlint", "long.lic"])
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn lmlicvalidator_shows_ten_errors_or_all() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "long.lic", &"FEATUR x\n".repeat(12));
    let run = |more: &[&str]| {
        let all: Vec<&str> = ["lmlicvalidator"].iter().chain(more).copied().collect();
        tool(dir.path(), &all)
    };
    let output = run(&["-licfile", &file]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(printed(&output).matches("error[L0201]").count(), 10);
    assert!(printed(&output).ends_with("12 errors, the first 10 are shown; -repAllErr shows all\n"));
    let output = run(&["-licfile", &file, "-repAllErr"]);
    assert_eq!(printed(&output).matches("error[L0201]").count(), 12);
    assert_eq!(run(&[]).status.code(), Some(1));
    assert_eq!(run(&["-licfile", "none.lic"]).status.code(), Some(2));
    assert!(printed(&run(&["-help"])).contains("--licserv"));
}

#[test]
fn lmlicvalidator_checks_what_a_server_serves() {
    let license = LICENSE.replace("VENDOR LGS\n", "VENDOR LGS\nFEATUR lost LGS 1.0 permanent 1\n");
    let system = System::start(&license, &[]);
    let output = system.tool(&["lmutil", "lmlicvalidator", "-licserv", &system.place()]);
    assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
    let text = printed(&output);
    assert!(text.contains("error[L0201]") && text.ends_with("\n1 error\n"), "{text}");
    assert!(printed(&output).contains("test.lic:3:1"), "{}", printed(&output));
    let nobody = system.tool(&["lmlicvalidator", "-licserv", "1@localhost", "-t", "2"]);
    assert!(nobody.status.code().is_some_and(|code| code > 2), "{:?}", nobody.status);
}

#[test]
fn options_files_are_judged_alone_or_with_their_licenses() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "site.lic", &sound());
    write(dir.path(), "LGS.opt", "EXCLUDE Solver USER ann\nRESERVE 11 solver USER mel\n");
    write(dir.path(), "other.txt", "# who may\nMAX 2 solver USER bob\nEXCLUD solver USER ann\n");
    let codes = |arguments: &[&str]| -> (Option<i32>, Vec<String>) {
        let all: Vec<&str> =
            ["lmlint", "--format", "json"].iter().chain(arguments).chain(&AS_OTHER).copied().collect();
        let output = tool(dir.path(), &all);
        let whole: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = whole["diagnostics"].as_array().unwrap().iter();
        let of_options = found.filter(|found| found["code"].as_str().unwrap().starts_with('O'));
        let shown = of_options.map(|found| {
            format!(
                "{} {}:{}",
                found["code"].as_str().unwrap(),
                found["file"].as_str().unwrap(),
                found["line"]
            )
        });
        (output.status.code(), shown.collect())
    };
    let row = |rows: &[&str]| rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>();
    // Alone nothing is known of features; names that differ in case are told all the same.
    assert_eq!(codes(&["LGS.opt"]), (Some(1), row(&["O1104 LGS.opt:2"])));
    let together = row(&["O0701 LGS.opt:1", "O1204 LGS.opt:2", "O0803 LGS.opt:2"]);
    assert_eq!(codes(&["site.lic", "LGS.opt"]), (Some(1), together.clone()));
    // The server would read it, so it is read.
    assert_eq!(codes(&["site.lic"]), (Some(1), together));
    assert_eq!(codes(&["site.lic", "--foreign"]).1, row(&[]));
    // By its content, and by the word of the caller.
    assert_eq!(codes(&["other.txt"]), (Some(2), row(&["O0201 other.txt:3"])));
    std::fs::rename(dir.path().join("LGS.opt"), dir.path().join("new")).unwrap();
    assert_eq!(codes(&["site.lic", "--vendor", "LGS", "--options", "new"]).1[0], "O0701 new:1");
    write(dir.path(), "site.lic", &sound().replace("VENDOR LGS", "VENDOR LGS OPTIONS=/no/such.opt"));
    assert_eq!(codes(&["site.lic"]), (Some(1), row(&["O0908 site.lic:2"])));
    let explained = printed(&tool(dir.path(), &["lmlint", "--explain", "o0802"]));
    assert!(
        explained.starts_with("O0802, warning: ") && explained.contains("Example, b.lic:"),
        "{explained}"
    );
}
