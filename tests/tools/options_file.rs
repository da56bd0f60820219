//! Options files through lmgrd and the vendor daemon, as an administrator meets them.

use crate::system::{System, printed};

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
    let log = system.log();
    for line in [
        "Using options file: \"",
        "LGS.opt:3: [O0201] unknown keyword \"EXCLUD\"; did you mean EXCLUDE?",
        "loaded, 2 lines, 0 warnings, 1 errors",
        "RESERVE mesher for USER mel",
        "(User/host on EXCLUDE list for feature: LGS.opt:2. (-38,212))",
    ] {
        assert!(log.contains(line), "{line} is missing in\n{log}");
    }
    let status = printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
    assert!(
        status.contains("Users of mesher:  (Total of 4 licenses issued;  Total of 4 licenses in use)"),
        "{status}"
    );
    assert!(status.contains("\n\t3 RESERVATIONs for USER mel ("), "{status}");
}
