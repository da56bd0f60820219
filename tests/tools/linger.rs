//! Lingering licenses at a real server: what clients, lmstat and the log see.

use crate::daemon::until;
use crate::system::{System, printed};

const LICENSE: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 1\n\
     FEATURE mesher LGS 1.0 permanent 1 LINGER=3600\n";

#[test]
fn cases_o57_o83_a_license_lingers_for_its_user_and_is_free_for_all_after_it() {
    let system = System::start_prepared(LICENSE, &[], |dir| {
        std::fs::write(dir.join("LGS.opt"), "LINGER solver 2\nLINGER mesher 60\n").unwrap();
    });
    let status = || printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
    let mut ann = system.line_session("ann");
    assert!(ann.ask("CHECKOUT mesher 1.0").starts_with("OK"));
    drop(ann);
    until("lingering", || status().contains(" / 3600)"));
    let shown = status();
    let line = shown.lines().find(|line| line.contains("    ann ws01 /dev/pts/1 (v1.0)")).unwrap();
    let (_, linger) = line.split_once("  (linger: ").unwrap_or_else(|| panic!("{shown}"));
    assert!(linger.ends_with(" / 3600)"), "{shown}");
    assert!(
        shown.contains("Users of mesher:  (Total of 1 license issued;  Total of 1 license in use)"),
        "{shown}"
    );

    let mut bob = system.line_session("bob");
    assert!(bob.ask("CHECKOUT mesher 1.0").starts_with("ERR -4,"));
    let granted = bob.ask("CHECKOUT solver 1.0");
    let handle = granted.split(' ').nth(2).unwrap_or_else(|| panic!("{granted}"));
    assert!(bob.ask(&format!("CHECKIN {handle}")).starts_with("OK"), "{granted}");
    let mut joe = system.line_session("joe");
    assert!(joe.ask("CHECKOUT solver 1.0").starts_with("ERR -4,"));
    until("the license is free", || joe.ask("CHECKOUT solver 1.0").starts_with("OK"));
    // The same user, host and display, in another session.
    let mut ann = system.line_session("ann");
    assert!(ann.ask("CHECKOUT mesher 1.0").starts_with("OK"));
    assert!(!status().contains("(linger: "), "{}", status());
    let log = system.log_until_now();
    assert!(log.contains("(LGS) IN: \"solver\" bob@ws01  (LINGER)\n"), "{log}");
    assert_eq!(log.matches("(LGS) OUT: \"mesher\" ann@ws01").count(), 2, "{log}");
    assert_eq!(log.matches("(LGS) IN: \"mesher\" ann@ws01  (LINGER)").count(), 1, "{log}");
}
