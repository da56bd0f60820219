//! lmopt: what it writes, what it refuses, versions, two editors at once, and the reread.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::signed::sign;
use crate::system::{PROGRAM, System, complained, printed, tool};

const RULES: &str = "# rules\nGROUP TEAM ann bob # ours\n\nEXCLUDE fx GROUP TEAM\n";

/// Runs lmopt on `LGS.opt` of a directory: its status, and what it said on both outputs.
fn lmopt(dir: &Path, words: &str) -> (Option<i32>, String) {
    let words: Vec<&str> = ["lmutil", "lmopt", "-O", "LGS.opt"].into_iter().chain(words.split(' ')).collect();
    let output = tool(dir, &words);
    (output.status.code(), printed(&output) + &complained(&output))
}

fn begin(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("LGS.opt"), text).unwrap();
    dir
}

fn now(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("LGS.opt")).unwrap()
}

#[test]
fn one_line_changes_and_it_is_told_which() {
    let dir = begin(RULES);
    let (code, text) = lmopt(dir.path(), "group add TEAM joe ann");
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.starts_with("LGS.opt:2: - GROUP TEAM ann bob\nLGS.opt:2: + GROUP TEAM ann bob joe\n"),
        "{text}"
    );
    assert!(
        text.contains("in the group already: ann\njoe: now meant by line 4 (EXCLUDE fx GROUP TEAM)\n"),
        "{text}"
    );
    assert_eq!(now(dir.path()), RULES.replace("bob", "bob joe"));
    let (code, text) = lmopt(dir.path(), "reserve set 3 fx:VERSION=2.0 USER mel");
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.starts_with("LGS.opt:5: + RESERVE 3 fx:VERSION=2.0 USER mel\n3 of fx:VERSION=2.0 are set aside"),
        "{text}"
    );
    let (code, text) = lmopt(dir.path(), "reserve set 3 fx:VERSION=2.0 USER mel");
    assert_eq!((code, text.as_str()), (Some(0), "the file says so already; nothing is changed\n"));
    let (_, text) = lmopt(dir.path(), "list ann");
    assert_eq!(text, "LGS.opt:2: GROUP TEAM ann bob joe\nLGS.opt:4: EXCLUDE fx GROUP TEAM\n");
    let output = tool(
        dir.path(),
        &["lmutil", "lmopt", "-format", "json", "max", "set", "2", "fx", "USER", "ALL_USERS"],
    );
    let json: serde_json::Value = serde_json::from_str(&printed(&output)).unwrap();
    assert_eq!(
        (&json["file"], &json["written"], &json["change"]),
        (&"LGS.opt".into(), &true.into(), &3.into())
    );
    assert_eq!(json["changes"][0]["after"], "MAX 2 fx USER ALL_USERS");
    assert_eq!(json["changes"][0]["line"], 6);
}

#[test]
fn what_adds_an_error_or_opens_a_feature_is_refused() {
    let text = "EXCLUD fy USER joe\nGROUP TEAM ann\nINCLUDE fx GROUP TEAM\n";
    let dir = begin(text);
    for (words, why) in [
        (
            "exclude add fy GROUP NIX",
            "an error more than before, so it stays as it is\nLGS.opt:4:1: error[O0704]: no GROUP NIX",
        ),
        ("exclude add fy USR ann", "\"USR\" is not a type\nlmutil: did you mean USER?"),
        (
            "group remove TEAM ann",
            "with --drop the group goes too, and what names it: line 3 (INCLUDE fx GROUP TEAM)",
        ),
        ("group remove TEAM ann --drop", "fx would be open to everybody"),
        ("include remove fx GROUP TEAM", "repeat with --open"),
        ("include remove fx GROUP TEEM", "line 3 says INCLUDE fx GROUP TEAM"),
        ("group add TEAM a\"b", "has a quotation mark"),
        ("undo", "nothing to undo"),
    ] {
        let (code, said) = lmopt(dir.path(), words);
        assert_eq!(code, Some(1), "{words}: {said}");
        assert!(said.contains(why), "{words}: {said}");
        assert_eq!(now(dir.path()), text, "{words}");
    }
    // An old error keeps nobody from editing.
    let (code, said) = lmopt(dir.path(), "group remove TEAM ann --drop --open");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("fx is open now to everybody who is not excluded\n"), "{said}");
    assert_eq!(now(dir.path()), "EXCLUD fy USER joe\n");
    assert_eq!(
        tool(dir.path(), &["lmopt", "-O", "none.opt", "group", "add", "g", "a"]).status.code(),
        Some(2)
    );
    assert_eq!(lmopt(dir.path(), "group add").0, Some(2));
}

#[test]
fn a_dry_run_shows_the_difference_and_writes_nothing() {
    let dir = begin(RULES);
    let (code, text) = lmopt(dir.path(), "group remove TEAM bob --dry-run");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("--- LGS.opt\n+++ LGS.opt (edited)\n"), "{text}");
    assert!(text.contains("\n-GROUP TEAM ann bob # ours\n+GROUP TEAM ann # ours\n"), "{text}");
    assert_eq!(now(dir.path()), RULES);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn versions_are_kept_and_come_back() {
    let dir = begin(RULES);
    let path = dir.path().join("LGS.opt");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::fs::rename(&path, dir.path().join("real.opt")).unwrap();
    std::os::unix::fs::symlink("real.opt", &path).unwrap();
    for number in 0..12 {
        assert_eq!(lmopt(dir.path(), &format!("group add TEAM user{number}")).0, Some(0));
    }
    let full = now(dir.path());
    let (_, log) = lmopt(dir.path(), "log");
    assert_eq!(log.lines().count(), 10, "{log}");
    assert!(log.starts_with("   3  2") && log.contains("GROUP TEAM: add user2\n"), "{log}");
    assert_eq!(lmopt(dir.path(), "undo").0, Some(0));
    assert_eq!(now(dir.path()), full.replace(" user11", ""));
    assert_eq!(lmopt(dir.path(), "undo").0, Some(0));
    assert_eq!(now(dir.path()), full);
    assert_eq!(lmopt(dir.path(), "undo 7").0, Some(0));
    assert_eq!(now(dir.path()), RULES.replace("bob", "bob user0 user1 user2 user3 user4 user5"));
    // What another program has written is not taken back unasked.
    std::fs::write(dir.path().join("real.opt"), "# by hand\n").unwrap();
    let (code, text) = lmopt(dir.path(), "undo");
    assert_eq!(code, Some(1));
    assert!(text.contains("changed by another program since change 15"), "{text}");
    assert!(lmopt(dir.path(), "undo 15").0 == Some(0) && now(dir.path()) == full);
    assert_eq!(lmopt(dir.path(), "undo 1").0, Some(1));
    assert!(std::fs::symlink_metadata(&path).unwrap().is_symlink());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let versions = dir.path().join(".real.opt.versions");
    assert_eq!((mode(&path), mode(&versions.join("12"))), (0o640, 0o640));
    assert_eq!(std::fs::read_dir(versions).unwrap().count(), 12, "ten versions, the log and the lock");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3);
}

#[test]
fn two_editors_lose_nothing() {
    let dir = begin("GROUP TEAM ann\nEXCLUDE fx GROUP TEAM\n");
    let start = |name: String| {
        Command::new(PROGRAM)
            .args(["lmopt", "-O", "LGS.opt", "group", "add", "TEAM", &name])
            .current_dir(&dir)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut running: Vec<_> = (0..8).map(|number| start(format!("user{number}"))).collect();
    for child in &mut running {
        assert!(child.wait().unwrap().success());
    }
    let text = now(dir.path());
    let mut names: Vec<&str> = text.lines().next().unwrap().split(' ').skip(3).collect();
    names.sort_unstable();
    assert_eq!(names, ["user0", "user1", "user2", "user3", "user4", "user5", "user6", "user7"]);
    assert_eq!(lmopt(dir.path(), "log").1.lines().count(), 8);
}

#[test]
fn licenses_beside_the_file_are_judged_with_it() {
    let dir = begin("EXCLUDE solver USER ann\n");
    let license = "SERVER srv ANY 27000\nVENDOR LGS\nINCREMENT solver LGS 2.0 31-dec-2035 10\n";
    std::fs::write(dir.path().join("a.lic"), sign(license)).unwrap();
    let (code, text) = lmopt(dir.path(), "reserve set 20 solver USER bob");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("LGS.opt:2:1: warning[O0803]"), "{text}");
    let (_, text) = lmopt(dir.path(), "exclude add solvr USER bob");
    assert!(text.contains("warning[O0701]") && text.contains("did you mean solver?"), "{text}");
    // Of another daemon nothing is known.
    std::fs::rename(dir.path().join("LGS.opt"), dir.path().join("other.opt")).unwrap();
    let words = ["lmopt", "-O", "other.opt", "exclude", "add", "nosuch", "USER", "bob"];
    let output = tool(dir.path(), &words);
    assert!(!printed(&output).contains("O0701"), "{}", printed(&output));
    let output = tool(dir.path(), &[&words[..7], &["joe", "-L", "a.lic", "-vendor", "LGS"]].concat());
    assert!(printed(&output).contains("O0701"), "{}{}", printed(&output), complained(&output));
}

#[test]
fn a_running_server_takes_the_edit_over_on_request() {
    let system =
        System::start("SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 2\n", &[]);
    std::fs::write(system.dir.path().join("LGS.opt"), "# rules\n").unwrap();
    assert!(system.line_session("ann").ask("CHECKOUT solver 1.0").starts_with("OK"));
    let options = system.dir.path().join("LGS.opt");
    let options = options.to_str().unwrap();
    let place = system.place();
    let call = |words: &[&str]| {
        let output = system.tool(&[&["lmutil", "lmopt", "-O", options], words].concat());
        (output.status.code(), printed(&output) + &complained(&output))
    };
    let (code, text) = call(&["exclude", "add", "solver", "USER", "ann", "-reread", "-c", &place]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("LGS: rule added: LGS.opt:2: EXCLUDE solver USER ann\n"), "{text}");
    assert!(text.ends_with("lmreread successful\n"), "{text}");
    assert!(system.line_session("ann").ask("CHECKOUT solver 1.0").starts_with("ERR -38,"));
    // The file is written even if the server can't be asked.
    let nobody = format!("{}@localhost", crate::system::free_port());
    let (code, text) = call(&["undo", "--reread", "-c", &nobody]);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("lmreread failed: "), "{text}");
    assert_eq!(std::fs::read_to_string(options).unwrap(), "# rules\n");
}
