//! lmcksum: of files and of a server.

use regex::Regex;

use crate::LICENSE;
use crate::system::{System, complained, printed, tool};

/// What phpLicenseWatcher looks for in each line (`flexnet-tools.md` 2.16).
fn rows_for_readers(text: &str) -> Vec<String> {
    let pattern = Regex::new(r"(INCREMENT|FEATURE) (\S+) (\S+) (\S+) (\S+) (\S+)").unwrap();
    text.lines().filter_map(|line| pattern.captures(line)).map(|found| found[2].to_owned()).collect()
}

/// The checksum of the row with this text.
fn sum_of(text: &str, row: &str) -> String {
    let row = text.lines().find(|line| line.contains(row)).unwrap_or_else(|| panic!("{row}: {text}"));
    row[..3].to_owned()
}

#[test]
fn lines_are_compared_with_their_ck() {
    let dir = tempfile::tempdir().unwrap();
    let write = |ck: &str| {
        let text = format!(
            "SERVER h ANY\nVENDOR LGS\n# c\nincrement  f1 LGS 1.0 31-dec-2035 \\\n  10 SN=\"a  b\"{ck} SIGN=x\n"
        );
        std::fs::write(dir.path().join("a.lic"), text).unwrap();
    };
    write("");
    let output = tool(dir.path(), &["lmutil", "lmcksum", "-c", "a.lic"]);
    assert_eq!(output.status.code(), Some(0), "{}", complained(&output));
    let text = printed(&output);
    assert_eq!(rows_for_readers(&text), ["f1"]);
    let sum = sum_of(&text, "INCREMENT");
    let row = format!("\n{sum}: OK: {sum} INCREMENT f1 LGS 1.0 31-dec-2035 10 SN=\"a  b\" SIGN=x\n");
    assert!(text.contains(&row), "{text}");
    assert!(text.contains(": OK: overall checksum of \"a.lic\"\n"), "{text}");

    write(&format!(" ck={sum}"));
    let output = tool(dir.path(), &["lmcksum", "-c", "a.lic"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(sum_of(&printed(&output), "INCREMENT"), sum);
    assert_eq!(sum_of(&printed(&output), "overall"), sum_of(&text, "overall"));

    write(&format!(" ck={}", (sum.parse::<u32>().unwrap() + 1) % 997));
    let output = tool(dir.path(), &["lmcksum", "-c", "a.lic"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(printed(&output).contains(&format!("{sum}: BAD: {sum} INCREMENT f1 ")), "{}", printed(&output));
}

#[test]
fn key_fields_do_not_depend_on_what_administrators_edit() {
    let dir = tempfile::tempdir().unwrap();
    for (name, own) in [("a.lic", "asset_info=one"), ("b.lic", "sort=3")] {
        std::fs::write(dir.path().join(name), format!("FEATURE f1 LGS 1.0 permanent 10 {own} SIGN=x\n"))
            .unwrap();
    }
    let sum = |name: &str, option: &[&str]| {
        let output = tool(dir.path(), &[&["lmcksum", "-c", name], option].concat());
        sum_of(&printed(&output), "FEATURE f1")
    };
    assert_ne!(sum("a.lic", &[]), sum("b.lic", &[]));
    assert_eq!(sum("a.lic", &["-k"]), sum("b.lic", &["-k"]));
}

#[test]
fn mistakes_and_missing_files_are_told() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("a.lic"),
        "FEATURE f1 LGS 1.0 permanent\nFEATURE f2 LGS 1.0 permanent 1\n",
    )
    .unwrap();
    let output = tool(dir.path(), &["lmcksum", "-c", "a.lic"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(rows_for_readers(&printed(&output)), ["f2"]);
    assert!(complained(&output).starts_with("a.lic:1:29: error[L0501]"), "{}", complained(&output));
    let output = tool(dir.path(), &["lmcksum", "-c", "none.lic"]);
    assert_eq!(output.status.code(), Some(255), "{}", complained(&output));
}

#[test]
fn a_server_is_asked_for_its_files() {
    let system = System::start(LICENSE, &[]);
    let output = system.tool(&["lmcksum", "-c", &system.place()]);
    assert_eq!(output.status.code(), Some(0), "{}", complained(&output));
    assert_eq!(rows_for_readers(&printed(&output)), ["solver", "mesher", "viewer"]);
}
