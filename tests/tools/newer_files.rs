//! Files that are newer than what is in force: an options file that comes late is taken, others are told in lmstat.

use crate::daemon::until;
use crate::system::{System, printed};

#[test]
fn an_options_file_that_comes_late_is_taken() {
    let site = tempfile::tempdir().unwrap();
    let place = |name: &str| site.path().join(name);
    let text = "SERVER this_host ANY 27000\nVENDOR LGS\nFEATURE f LGS 1.0 permanent 3\n";
    std::fs::write(place("a.lic"), crate::signed::sign(text)).unwrap();
    let options = place("late/LGS.opt");
    let options = options.to_str().unwrap();
    let arguments = ["--options", options, "--options-retry", "1", "--server-port", "27000"];
    let daemon = crate::daemon::Daemon::start(&place("a.lic"), &place("state"), &arguments, |_| {}).unwrap();
    daemon.wait_for_log(&["not readable: ", ", continuing without options"]);
    let ask = || {
        let mut session = crate::system::LineSession::open(daemon.port);
        session.ask("HELLO 1 user=ann host=ws01 display=d");
        (session.ask("CHECKOUT f 1.0")[..3].to_owned(), session.ask("STATUS"))
    };
    assert_eq!(ask().0, "OK ");
    std::fs::create_dir(place("late")).unwrap();
    // As at a start, bad lines are skipped.
    std::fs::write(options, "EXCLUD f USER bob\nEXCLUDE f USER ann\n").unwrap();
    until("the rules", || ask().0 == "ERR");
    daemon.wait_for_log(&["Requested from the options file", "can be read now"]);
    let log = daemon.log_until_now();
    assert_eq!(log.matches("Reread mechanism: Automatic").count(), 1, "{log}");
}

/// What lmstat says last.
fn last_line(system: &System) -> String {
    let shown = printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
    shown.trim_end().lines().last().unwrap_or_default().to_owned()
}

#[test]
fn lmstat_tells_of_files_that_are_newer_than_what_is_in_force() {
    let text = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE f LGS 1.0 permanent 3\n";
    let system = System::start(text, &[]);
    let newer = "goes by an older state than";
    assert!(!last_line(&system).contains(newer));
    // A default options file that was not there at the start counts too.
    std::fs::write(system.dir.path().join("LGS.opt"), "EXCLUDE f USER ann\n").unwrap();
    until("the note", || last_line(&system).contains("LGS goes by an older state than LGS.opt on the disk"));
    let line = last_line(&system);
    assert!(line.ends_with("lmreread takes the newer one over"), "{line}");
    for trap in ["Error", "down", "refused", "cannot", "unable"] {
        assert!(!line.contains(trap), "{line}");
    }
    assert!(system.tool(&["lmutil", "lmreread", "-c", &system.place()]).status.success());
    assert!(!last_line(&system).contains(newer), "what was read is in force at once");
    let license = system.dir.path().join("test.lic");
    let more = std::fs::read_to_string(&license).unwrap() + "# a word\n";
    std::fs::write(&license, more).unwrap();
    until("the note", || last_line(&system).contains("older state than test.lic on the disk"));
}
