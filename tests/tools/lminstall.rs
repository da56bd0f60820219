//! lminstall: what it reads, refuses, splits and merges.

use std::path::Path;

use crate::signed::sign;
use crate::system::{complained, printed, tool, tool_fed};

fn verified(dir: &Path, file: &str) {
    let output = tool(dir, &["lmcrypt", "verify", "--demo", file]);
    assert!(output.status.success(), "{file}: {}{}", printed(&output), complained(&output));
}

fn text(dir: &Path, file: &str) -> String {
    std::fs::read_to_string(dir.join(file)).unwrap()
}

#[test]
fn what_is_typed_is_laid_out_and_written() {
    let dir = tempfile::tempdir().unwrap();
    let typed = b"server  h ANY\r\n\r\nvendor LGS\r\nq\r\nnot read\r\n";
    let output = tool_fed(dir.path(), &["lmutil", "lminstall", "-o", "a.lic"], typed);
    assert_eq!(output.status.code(), Some(0), "{}", complained(&output));
    assert_eq!(text(dir.path(), "a.lic"), "SERVER h ANY\r\n\r\nVENDOR LGS\r\n");

    let before = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
    let output = tool_fed(dir.path(), &["lminstall"], b"SERVER h ANY\n\n\nnot read\n");
    assert_eq!(output.status.code(), Some(0), "{}", complained(&output));
    let after = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
    let name = |day: jiff::civil::Date| format!("{}.lic", day.strftime("%Y%m%d"));
    let name = if dir.path().join(name(before)).exists() { name(before) } else { name(after) };
    assert_eq!(text(dir.path(), &name), "SERVER h ANY\n");
    assert_eq!(tool_fed(dir.path(), &["lminstall"], b"\n\n").status.code(), Some(1));
}

#[test]
fn an_existing_file_is_only_written_over_when_told() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("in"), "server h ANY\n").unwrap();
    std::fs::write(dir.path().join("out"), "old").unwrap();
    let output = tool(dir.path(), &["lminstall", "-i", "in", "-o", "out"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(complained(&output).contains("out exists; --force writes over it"));
    assert_eq!(text(dir.path(), "out"), "old");
    assert!(tool(dir.path(), &["lminstall", "-i", "in", "-o", "out", "--force"]).status.success());
    assert_eq!(text(dir.path(), "out"), "SERVER h ANY\n");
    let output = tool(dir.path(), &["lminstall", "-i", "none", "-o", "-"]);
    assert_eq!(output.status.code(), Some(226), "{}", complained(&output));
}

#[test]
fn lines_are_wrapped_at_the_length_and_stay_valid() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("in.lic"),
        sign("SERVER h ANY\nVENDOR LGS\nFEATURE f1 LGS 1.0 permanent 10 NOTICE=\"a b c  d\"\n"),
    )
    .unwrap();
    for columns in ["40", "100", "4000"] {
        let output =
            tool(dir.path(), &["lminstall", "-i", "in.lic", "-o", "out.lic", "-maxlen", columns, "--force"]);
        assert_eq!(output.status.code(), Some(0), "{}", complained(&output));
        let width = text(dir.path(), "out.lic")
            .lines()
            .map(|line| line.replace('\t', "        ").len())
            .max()
            .unwrap();
        // A signature is one word that is not cut.
        assert!(columns != "40" || width < 110, "{width}");
        assert_eq!(text(dir.path(), "out.lic").contains('\\'), columns != "4000");
        verified(dir.path(), "out.lic");
    }
}

#[test]
fn decimal_format_and_older_versions_are_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let decimal = b"SERVER h ANY\nacmed-f1-12345-67890-1234\n";
    let output = tool_fed(dir.path(), &["lminstall", "-o", "a.lic"], decimal);
    assert_eq!(output.status.code(), Some(157));
    assert!(
        complained(&output).contains(":2:1: ") && complained(&output).contains("(-99)"),
        "{}",
        complained(&output)
    );
    let output = tool_fed(dir.path(), &["lminstall", "-odecimal", "-o", "a.lic"], b"SERVER h ANY\n");
    assert_eq!(output.status.code(), Some(158));
    assert!(complained(&output).contains("(-98)"), "{}", complained(&output));

    let lines =
        b"DAEMON a\nFEATURE f1 a 1 permanent 1 0A1B2C3D4E5F6071\nINCREMENT f2 a 1 permanent 1 SN=1 SIGN=x\n";
    let output = tool_fed(dir.path(), &["lminstall", "-overfmt", "6", "-o", "a.lic"], lines);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        complained(&output),
        "lminstall: (standard input):3: SIGN can't be said in version 6 of the license format, only from 7.1 on\n"
    );
    let output = tool_fed(dir.path(), &["lminstall", "-overfmt", "2", "-o", "a.lic"], lines);
    assert!(
        complained(&output).contains(":3: INCREMENT, SN, SIGN can't be said in version 2 "),
        "{}",
        complained(&output)
    );
    assert!(!dir.path().join("a.lic").exists());
    let output = tool_fed(dir.path(), &["lminstall", "-overfmt", "7.1", "-o", "a.lic"], lines);
    assert_eq!(output.status.code(), Some(0), "{}", complained(&output));
    let output = tool_fed(dir.path(), &["lminstall", "-overfmt", "9"], lines);
    assert_eq!(output.status.code(), Some(1));
    assert!(complained(&output).contains("the versions are 2, 3, 4,"), "{}", complained(&output));
}

#[test]
fn vendors_are_split_and_merged_again_with_valid_signatures() {
    let dir = tempfile::tempdir().unwrap();
    let all = sign(
        "SERVER h ANY 27000\nVENDOR LGS\nVENDOR other /opt/other\nUSE_SERVER\n# ours\nFEATURE f1 LGS 1.0 permanent 10\n\
         # theirs\nFEATURE f1 other 1.0 permanent 10\nPACKAGE p1 LGS 1.0 COMPONENTS=\"a b\"\nINCREMENT f2 LGS 1.0 permanent 1\n",
    );
    std::fs::write(dir.path().join("all.lic"), all).unwrap();
    let output = tool(dir.path(), &["lminstall", "-i", "all.lic", "--split", "parts"]);
    assert_eq!(output.status.code(), Some(0), "{}", complained(&output));
    let ours = text(dir.path(), "parts/LGS.lic");
    assert!(
        ours.starts_with("SERVER h ANY 27000\nVENDOR LGS\nUSE_SERVER\n# ours\nFEATURE f1 LGS "),
        "{ours}"
    );
    assert!(!ours.contains("other") && !ours.contains("theirs"), "{ours}");
    verified(dir.path(), "parts/LGS.lic");
    let theirs = text(dir.path(), "parts/other.lic");
    assert!(
        theirs.starts_with(
            "SERVER h ANY 27000\nVENDOR other /opt/other\nUSE_SERVER\n# theirs\nFEATURE f1 other "
        ),
        "{theirs}"
    );
    let output = tool(dir.path(), &["lminstall", "-i", "all.lic", "--split", "parts"]);
    assert!(complained(&output).contains("exists; --force"), "{}", complained(&output));

    let arguments =
        ["lminstall", "--merge", "parts/LGS.lic", "parts/other.lic", "all.lic", "-o", "merged.lic"];
    let output = tool(dir.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", complained(&output));
    assert_eq!(
        complained(&output).matches("is there already and was left out\n").count(),
        4,
        "{}",
        complained(&output)
    );
    let merged = text(dir.path(), "merged.lic");
    assert!(
        merged.starts_with("SERVER h ANY 27000\nVENDOR LGS\nVENDOR other /opt/other\nUSE_SERVER\n# ours\n"),
        "{merged}"
    );
    assert_eq!(
        ["FEATURE", "PACKAGE", "INCREMENT", "# "].map(|word| merged.matches(word).count()),
        [2, 1, 1, 2],
        "{merged}"
    );
    verified(dir.path(), "merged.lic");

    std::fs::write(dir.path().join("else.lic"), "SERVER h 0011aabbccdd 27000\nVENDOR LGS\n").unwrap();
    let output = tool(dir.path(), &["lminstall", "--merge", "all.lic", "else.lic", "-o", "no.lic"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        complained(&output).contains("else.lic: its SERVER hostids are not those of all.lic"),
        "{}",
        complained(&output)
    );
    assert!(!dir.path().join("no.lic").exists());
}
