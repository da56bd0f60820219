//! `lmgrd --watch`: changed files are reread by themselves.

use crate::daemon::{now, until};
use crate::signed::sign;
use crate::system::{System, printed};

const LICENSE: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 2\n";

fn rereads(system: &System) -> usize {
    system.log_until_now().matches("(LGS) (@LGS-SLOG@) Requested from changed files").count()
}

/// Lets some time pass, more than changed files need to be noticed.
fn a_while() {
    let begin = now().seconds();
    until("a while", || now().seconds() > begin + 5);
}

fn asks(system: &System, user: &str) -> String {
    system.line_session(user).ask("CHECKOUT solver 1.0").split(',').next().unwrap()[..3].to_owned()
}

#[test]
fn changed_files_are_reread_and_broken_ones_refused_once() {
    let system = System::start(LICENSE, &["--watch"]);
    system.wait_for_log(&["(lmgrd) License and options files are watched"]);
    let options = system.dir.path().join("LGS.opt");
    // The default options file was not there at the start. Editors put a new file into the place of the old one.
    std::fs::write(system.dir.path().join("LGS.opt~"), "EXCLUDE solver USER ann\n").unwrap();
    std::fs::rename(system.dir.path().join("LGS.opt~"), &options).unwrap();
    until("the rule", || asks(&system, "ann") == "ERR");
    system.wait_for_log(&[
        "(lmgrd) Rereading license file... Requested from changed files",
        "(LGS) (@LGS-SLOG@) Requested from changed files",
    ]);
    // A broken file is refused and said once, and the next good one taken.
    std::fs::write(&options, "EXCLUD solver USER bob\n").unwrap();
    system.wait_for_log(&["keeping the rules in force"]);
    assert_eq!(asks(&system, "ann"), "ERR");
    a_while();
    let log = system.log_until_now();
    assert_eq!(log.matches("keeping the rules in force").count(), 1, "{log}");
    let license =
        format!("SERVER this_host ANY {}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 7\n", system.port);
    std::fs::write(&options, "EXCLUDE solver USER bob\n").unwrap();
    std::fs::write(system.dir.path().join("test.lic"), sign(&license)).unwrap();
    until("the rule", || asks(&system, "bob") == "ERR" && asks(&system, "ann") == "OK ");
    system.wait_for_log(&["(LGS) pool resized: solver 1, from 2 to 7\n"]);
    let shown = printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
    assert!(!shown.contains("older state") && !shown.contains("goes by options"), "{shown}");
    // The two files may have come one by one.
    let mut so_far = 0;
    while rereads(&system) != so_far {
        so_far = rereads(&system);
        a_while();
    }
    // What lmreread has read is not read again.
    std::fs::write(&options, "EXCLUDE solver USER cid\n").unwrap();
    assert!(system.tool(&["lmutil", "lmreread", "-c", &system.place()]).status.success());
    a_while();
    assert_eq!(rereads(&system), so_far, "{}", system.log_so_far());
}

#[test]
fn files_that_are_new_in_a_directory_are_found() {
    let system = System::start_prepared(LICENSE, &["--watch", "-c", "more"], |dir| {
        std::fs::create_dir(dir.join("more")).unwrap();
    });
    let text = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE viewer LGS 1.0 permanent 1\n";
    let text = sign(&text.replace("{port}", &system.port.to_string()));
    std::fs::write(system.dir.path().join("more/a.lic"), text).unwrap();
    until("the new feature", || system.line_session("ann").ask("CHECKOUT viewer 1.0").starts_with("OK"));
    std::fs::remove_file(system.dir.path().join("more/a.lic")).unwrap();
    system.wait_for_log(&["(LGS) pool removed: viewer 1"]);
}
