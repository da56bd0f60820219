//! Options files through lmgrd and the vendor daemon, as an administrator meets them.

use crate::daemon::until;
use crate::system::{LineSession, System, printed};

const LICENSE: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 4\n\
     FEATURE mesher LGS 1.0 permanent 4\n";

#[test]
fn case_l48_the_default_options_file_stands_beside_the_license_file() {
    let system = System::start_prepared(LICENSE, &[], |dir| {
        let options = "# the drawing office\nEXCLUDE solver USER ann\nEXCLUD solver USER bob\nRESERVE 3 mesher USER mel\n";
        std::fs::write(dir.join("LGS.opt"), options).unwrap();
    });
    let mut ann = system.line_session("ann");
    let denied = ann.ask("CHECKOUT solver 1.0");
    assert!(denied.starts_with("ERR -38,212 ") && denied.contains("LGS.opt:2"), "{denied}");
    assert!(!denied.contains("/LGS.opt"), "no directory is shown: {denied}");
    assert!(system.line_session("joe").ask("CHECKOUT solver 1.0").starts_with("OK"));
    assert!(ann.ask("CHECKOUT mesher 1.0").starts_with("OK"));
    assert!(ann.ask("CHECKOUT mesher 1.0").starts_with("ERR -101,215 "));
    system.wait_for_log(&[
        "Using options file: \"",
        "LGS.opt:3: [O0201] unknown keyword \"EXCLUD\"; did you mean EXCLUDE?",
        "loaded, 2 lines, 0 warnings, 1 error",
        "RESERVE mesher for USER mel",
        "(User/host on EXCLUDE list for feature: LGS.opt:2. (-38,212))",
    ]);
    let status = printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
    assert!(
        status.contains("Users of mesher:  (Total of 4 licenses issued;  Total of 4 licenses in use)"),
        "{status}"
    );
    assert!(status.contains("\n\t3 RESERVATIONs for USER mel ("), "{status}");
}

#[test]
fn connections_beyond_the_limit_are_told() {
    let text = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE f LGS 1.0 permanent 9\n";
    let system = System::start_prepared(text, &[], |dir| {
        // Raised to 31, of which 30 are kept for tools.
        std::fs::write(dir.join("LGS.opt"), "MAX_CONNECTIONS 5\n").unwrap();
    });
    let mut ann = system.line_session("ann");
    assert!(ann.ask("CHECKOUT f 1.0").starts_with("OK"));
    let hello = || LineSession::open(system.vendor_port()).ask("HELLO 1 user=bob host=h display=d");
    let refused = hello();
    assert!(refused.starts_with("ERR -237,313 ") && refused.contains("MAX_CONNECTIONS 31"), "{refused}");
    assert!(
        printed(&system.tool(&["lmstat", "-a", "-c", &system.place()])).contains("Users of f:"),
        "tools get through"
    );
    // In force with the next reread, and nobody is thrown out by it.
    std::fs::write(system.dir.path().join("LGS.opt"), "MAX_CONNECTIONS 32\n").unwrap();
    assert!(system.tool(&["lmutil", "lmreread", "-c", &system.place()]).status.success());
    let mut bob = system.line_session("bob");
    assert!(bob.ask("CHECKOUT f 1.0").starts_with("OK"));
    std::fs::write(system.dir.path().join("LGS.opt"), "MAX_CONNECTIONS 31\n").unwrap();
    assert!(system.tool(&["lmutil", "lmreread", "-c", &system.place()]).status.success());
    assert!(hello().starts_with("ERR -237"));
    assert!(ann.ask("HEARTBEAT").starts_with("OK") && bob.ask("HEARTBEAT").starts_with("OK"));
    drop(ann);
    drop(bob);
    until("room", || hello().starts_with("OK"));
}

#[test]
fn a_default_options_file_that_is_no_file_is_told_of() {
    let links = [
        ("nowhere", "No such file"),
        ("LGS.opt", "symbolic links"),
        ("/dev/zero", "regular file"),
        (".", "regular file"),
    ];
    for (target, why) in links {
        let system = System::start_prepared(LICENSE, &[], |dir| {
            std::os::unix::fs::symlink(target, dir.join("LGS.opt")).unwrap();
        });
        let log = system.log_until_now();
        let told = log.lines().find(|line| line.contains("LGS.opt\": not readable: "));
        assert!(told.is_some_and(|line| line.contains(why)), "{target}\n{log}");
        let status = printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
        assert!(
            status.contains("LGS goes without the rules of LGS.opt, which is not readable; "),
            "{status}"
        );
        let lint = system.tool(&["lmlint", "test.lic"]);
        assert!(printed(&lint).contains("O0908"), "{}", printed(&lint));
    }
}
