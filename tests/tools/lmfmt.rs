//! lmfmt: its modes, what it writes and how it ends.

use std::os::unix::fs::PermissionsExt as _;

use crate::signed::sign;
use crate::system::{complained, printed, tool, tool_fed};

const UNTIDY: &str =
    "server  h ANY\n\n\n\ndaemon LGS\nfeature f1 LGS  1.0 permanent 10 NOTICE=\"two  blanks\" # ours\n";
const TIDY: &str =
    "SERVER h ANY\n\nDAEMON LGS\nFEATURE f1 LGS 1.0 permanent 10 NOTICE=\"two  blanks\" # ours\n";

#[test]
fn the_layout_is_printed_checked_and_shown_as_a_difference() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.lic"), UNTIDY).unwrap();
    std::fs::write(dir.path().join("b.lic"), TIDY).unwrap();
    for arguments in [["lmfmt", "a.lic"], ["lmfmt", "b.lic"]] {
        let output = tool(dir.path(), &arguments);
        assert_eq!((output.status.code(), printed(&output).as_str()), (Some(0), TIDY));
    }
    let output = tool_fed(dir.path(), &["lmutil", "lmfmt", "-"], UNTIDY.as_bytes());
    assert_eq!((output.status.code(), printed(&output).as_str()), (Some(0), TIDY));

    let output = tool(dir.path(), &["lmfmt", "--check", "b.lic", "a.lic"]);
    assert_eq!((output.status.code(), printed(&output).as_str()), (Some(1), "a.lic\n"));
    let output = tool(dir.path(), &["lmfmt", "--check", "b.lic"]);
    assert_eq!((output.status.code(), printed(&output).as_str()), (Some(0), ""));

    let output = tool(dir.path(), &["lmfmt", "--diff", "."]);
    assert_eq!(output.status.code(), Some(1));
    let difference = printed(&output);
    assert!(
        difference.starts_with("--- ./a.lic\n+++ ./a.lic (formatted)\n@@ -1,6 +1,4 @@\n-server  h ANY\n"),
        "{difference}"
    );
    assert!(difference.contains("\n+SERVER h ANY\n") && !difference.contains("b.lic"), "{difference}");
    assert_eq!(std::fs::read_to_string(dir.path().join("a.lic")).unwrap(), UNTIDY);
}

#[test]
fn files_are_written_in_place_with_their_mode_and_links_stay() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.lic");
    std::fs::write(&file, UNTIDY).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("a.lic", dir.path().join("link")).unwrap();
    std::fs::write(dir.path().join("b.lic"), TIDY).unwrap();
    let before = std::fs::metadata(dir.path().join("b.lic")).unwrap().modified().unwrap();

    let output = tool(dir.path(), &["lmfmt", "-w", "link", "b.lic"]);
    assert_eq!((output.status.code(), printed(&output).as_str()), (Some(0), ""));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), TIDY);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(std::fs::symlink_metadata(dir.path().join("link")).unwrap().is_symlink());
    assert_eq!(std::fs::metadata(dir.path().join("b.lic")).unwrap().modified().unwrap(), before);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3);
}

#[test]
fn lines_with_mistakes_stay_and_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let text =
        "server h  ANY\nFEATURE  f1 LGS 1.0 permanent 1 NOTICE=\"open\nFEATURE f2  LGS 1.0 permanent 1\n";
    std::fs::write(dir.path().join("a.lic"), text).unwrap();
    let output = tool(dir.path(), &["lmfmt", "-w", "a.lic"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(complained(&output), "a.lic:2:40: this line stays as it is: this quote is not closed\n");
    assert_eq!(
        std::fs::read_to_string(dir.path().join("a.lic")).unwrap(),
        "SERVER h ANY\nFEATURE  f1 LGS 1.0 permanent 1 NOTICE=\"open\nFEATURE f2 LGS 1.0 permanent 1\n"
    );
}

#[test]
fn signatures_stay_valid() {
    let dir = tempfile::tempdir().unwrap();
    let signed = sign(
        "SERVER h ANY\nVENDOR LGS\nFEATURE f1 LGS 1.0 permanent 10 NOTICE=\"a  b\"\nFEATURE f2 LGS 1.0 permanent 10 ck=1 SN=7\n",
    );
    std::fs::write(dir.path().join("a.lic"), &signed).unwrap();
    assert!(tool(dir.path(), &["lmfmt", "-w", "a.lic"]).status.success());
    let text = std::fs::read_to_string(dir.path().join("a.lic")).unwrap();
    assert!(text != signed && text.contains(" \\\n\tSIGN=\""), "{text}");
    let output = tool(dir.path(), &["lmcrypt", "verify", "--demo", "a.lic"]);
    assert!(output.status.success(), "{}{}", printed(&output), complained(&output));
}

#[test]
fn trouble_ends_with_2_and_the_rest_is_done() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.lic"), UNTIDY).unwrap();
    std::fs::write(dir.path().join("z.lic"), b"FEATURE f1 LGS 1 permanent 1 a=\xc3\\\n\xa4 SIGN=x\n")
        .unwrap();
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    let output = tool(dir.path(), &["lmfmt", "-w", "none.lic", "empty", "-", "z.lic", "a.lic"]);
    assert_eq!(output.status.code(), Some(2));
    let said = complained(&output);
    for part in [
        "none.lic: No such file",
        "empty: the directory has no *.lic",
        "standard input can't be",
        "z.lic: it stays as it is: in another",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(std::fs::read_to_string(dir.path().join("a.lic")).unwrap(), TIDY);
    for arguments in [
        &["lmfmt", "a.lic", "a.lic"][..],
        &["lmfmt"],
        &["lmfmt", "--check", "--diff", "a.lic"],
        &["lmfmt", "-x"],
    ] {
        assert_eq!(tool(dir.path(), arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn options_files_are_laid_out_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("LGS.opt");
    std::fs::write(&path, "exclude  solver user \"ann\"\nEXCLUD  solver USER bob\n").unwrap();
    let output = tool(dir.path(), &["lmfmt", "--check", "LGS.opt"]);
    assert_eq!(output.status.code(), Some(1));
    let output = tool(dir.path(), &["lmfmt", "-w", "LGS.opt"]);
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.starts_with("LGS.opt:2:1: this line stays as it is: unknown keyword"), "{told}");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "EXCLUDE solver USER ann\nEXCLUD  solver USER bob\n");
    std::fs::rename(&path, dir.path().join("rules")).unwrap();
    assert_eq!(tool(dir.path(), &["lmfmt", "--check", "--options", "rules"]).status.code(), Some(0));
}

#[test]
fn what_lmcrypt_signs_keeps_the_layout() {
    let dir = tempfile::tempdir().unwrap();
    let mut text = "SERVER h ANY\nVENDOR LGS\n".to_owned();
    // Signatures that begin at every column, also behind lines that are wrapped themselves.
    for width in 0..90 {
        let notice = "n".repeat(width);
        text += &format!("INCREMENT f{width} LGS 1.0 permanent 10 NOTICE={notice}x SN={width}\n");
    }
    text += "FEATURE last LGS 1.0 permanent uncounted HOSTID=ANY\n";
    std::fs::write(dir.path().join("a.lic"), text).unwrap();
    let good = |arguments: &[&str]| {
        let output = tool(dir.path(), arguments);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {}{}",
            printed(&output),
            complained(&output)
        );
    };
    good(&["lmfmt", "-w", "a.lic"]);
    good(&["lmcrypt", "sign", "--demo", "--in-place", "a.lic"]);
    // A word that ended its line in the last two columns has no room for a backslash now, and signing moves nothing else: four
    // of these lines. With them laid out anew, another signature changes the layout of none.
    let lines = printed(&tool(dir.path(), &["lmfmt", "--diff", "a.lic"]));
    let moved: Vec<&str> = lines.lines().filter(|line| line.starts_with("+\tSN=")).collect();
    assert_eq!(moved, ["+\tSN=20 \\", "+\tSN=21 \\", "+\tSN=47 \\", "+\tSN=48 \\"], "{lines}");
    good(&["lmfmt", "-w", "a.lic"]);
    good(&["lmcrypt", "sign", "--demo", "--in-place", "a.lic"]);
    good(&["lmfmt", "--check", "a.lic"]);
    good(&["lmcrypt", "verify", "--demo", "a.lic"]);
}
