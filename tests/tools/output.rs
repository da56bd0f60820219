//! What happens to the output of tools: a full disk is a failure, a reader that went away is none.
#![cfg(target_os = "linux")]

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use crate::signed::sign;
use crate::system::PROGRAM;

const CALLS: [(&[&str], i32); 8] = [
    (&["lmlint", "good.lic"], 2),
    (&["lmlint", "--explain", "L0101"], 2),
    (&["lmcatalog", "good.lic"], 2),
    (&["lmdiff", "good.lic", "good.lic"], 2),
    (&["lmfmt", "good.lic"], 2),
    (&["lmhostid", "-hostname"], 1),
    (&["lmcrypt", "verify", "--demo", "good.lic"], 1),
    (&["help"], 1),
];

#[test]
fn lost_output_is_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let good = sign("SERVER srv ANY 27000\nVENDOR LGS\nINCREMENT solver LGS 2.0 31-dec-2035 10\n");
    std::fs::write(dir.path().join("good.lic"), good).unwrap();
    for (arguments, status) in CALLS {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(PROGRAM)
            .args(arguments)
            .current_dir(&dir)
            .stdout(Stdio::from(full))
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {error}");
        assert!(error.contains("standard output: No space left on device"), "{arguments:?}: {error}");
    }
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Command::new(PROGRAM)
        .args(["lmlint", "--explain", "all"])
        .current_dir(&dir)
        .stdout(Stdio::from(writer))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
