//! lmstat against a real server, called as public tools call it (`lmstat-consumers.md` 1).

use seatkeeper::client::{Limits, SearchPath};
use seatkeeper::lmutil::{ask, license_texts};

use crate::LICENSE;
use crate::system::{System, free_port, link, printed, tool};

#[test]
fn every_way_in_which_public_tools_call_it_works_and_says_nothing_on_standard_error() {
    let system = System::start(LICENSE, &[]);
    let place = system.place();
    let made_up = format!("SERVER localhost AABBCCDDEEFF {}\n", system.port);
    std::fs::write(system.dir.path().join("client.lic"), made_up).unwrap();
    for arguments in [
        "lmutil lmstat -a -c P",
        "lmutil lmstat -c P -a",
        "lmutil lmstat -c P",
        "lmutil lmstat -c P -f solver",
        "lmutil lmstat -f solver -c P",
        "lmutil lmstat -a -c P -f solver",
        "lmutil lmstat -S LGS -c P",
        "lmutil lmstat -i -c P",
        "lmutil lmstat -c P -i",
        "lmutil lmstat -c client.lic -a",
        "lmutil lmstat -lm -vd -c P",
        "lmutil lmstat -v",
        "lmutil lmstat -c P -a --no-user-info",
        "lmutil lmstat -a -asec -t 5 -c P",
        "lmutil lmstat -s -c P",
        "lmutil lmstat -s localhost -c P",
        "lmutil",
        "lmstat -A -c P",
    ] {
        let words: Vec<&str> =
            arguments.split(' ').map(|word| if word == "P" { place.as_str() } else { word }).collect();
        let output = system.tool(&words);
        assert!(output.status.success(), "{arguments}: {}", printed(&output));
        assert!(output.stderr.is_empty(), "{arguments}");
        assert!(printed(&output).starts_with(&format!("{} - Copyright (c) ", words[0])), "{arguments}");
    }
}

#[test]
fn users_stand_below_their_feature() {
    let system = System::start(LICENSE, &[]);
    let mut ann = system.line_session("ann");
    let one = ann.ask("CHECKOUT solver 2024.1");
    let three = ann.ask("CHECKOUT solver 2025.0 3");
    let handle = |answer: &str| answer.strip_prefix("OK CHECKOUT ").unwrap().to_owned();
    let text = printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let place = format!("({}/{}", host.trim(), system.port);
    let wanted = [
        format!("License server status: {}\n", system.place()),
        " localhost: license server UP (MASTER) v".to_owned(),
        "       LGS: UP v".to_owned(),
        "Users of mesher:  (Total of 1 license issued;  Total of 0 licenses in use)\n".to_owned(),
        "Users of solver:  (Total of 10 licenses issued;  Total of 4 licenses in use)\n\n  \"solver\" v2025.0, vendor: LGS, expiry: 31-dec-2035\n  floating license\n\n"
            .to_owned(),
        format!("    ann ws01 /dev/pts/1 (v2024.1) {place} {}), start ", handle(&one)),
        format!("    ann ws01 /dev/pts/1 (v2025.0) {place} {}), start ", handle(&three)),
        ", 3 licenses\n".to_owned(),
        "Users of viewer:  (Uncounted, node-locked)\n".to_owned(),
    ];
    let mut rest = text.as_str();
    for wanted in wanted {
        let at = rest.find(&wanted).unwrap_or_else(|| panic!("{wanted:?} is missing in\n{text}"));
        rest = &rest[at + wanted.len()..];
    }
    assert!(text.trim_end().lines().last().unwrap().contains("DEMO"), "{text}");
}

#[test]
fn failures_have_the_known_text_and_status() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = format!("{}@localhost", free_port());
    let output = tool(dir.path(), &["lmutil", "lmstat", "-a", "-c", &nobody]);
    assert_eq!(output.status.code(), Some(241));
    let refused =
        "Error getting status: Cannot connect to license server system. (-15,501:111 \"Connection refused\")";
    assert!(printed(&output).contains(refused), "{}", printed(&output));
    let output = tool(dir.path(), &["lmutil", "lmstat", "-a", "-c", "none.lic"]);
    assert_eq!(output.status.code(), Some(255));
    let output = tool(dir.path(), &["lmutil", "lmstat", "-a", "-no_such_option"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!output.stderr.is_empty() && output.stdout.is_empty());

    let system = System::start(LICENSE, &[]);
    let output = system.tool(&["lmstat", "-f", "nope", "-c", &system.place()]);
    assert_eq!(output.status.code(), Some(251));
    assert!(printed(&output).contains("No such feature exists. (-5,201)\nFeature:       nope\n"));
    // One server of the path answers: that is a status.
    let both = format!("{nobody}:{}", system.place());
    let output = system.tool(&["lmstat", "-a", "-c", &both]);
    assert!(output.status.success());
    assert!(printed(&output).contains(refused) && printed(&output).contains("Users of solver:"));
}

#[test]
fn the_license_path_may_come_from_the_environment_and_the_name_from_a_link() {
    let system = System::start(LICENSE, &[]);
    let output = std::process::Command::new(link(system.dir.path(), "lmstat"))
        .arg("-a")
        .env("LM_LICENSE_FILE", system.place())
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = printed(&output);
    assert!(text.starts_with("lmstat - Copyright") && text.contains("Users of solver:"), "{text}");
}

#[test]
fn license_files_of_a_server_come_over_the_network_byte_for_byte() {
    let padding = format!("# caf\u{e9} {}\n", "x".repeat(90)).repeat(2000);
    let system = System::start(&format!("{LICENSE}{padding}"), &[]);
    let file = system.dir.path().join("test.lic");
    let servers = ask::targets(&SearchPath::parse(&system.place())).unwrap().remove(0).servers;
    let texts = license_texts::fetch_any(&servers, Limits::default()).unwrap();
    let on_disk = std::fs::read(&file).unwrap();
    assert!(on_disk.len() > 3 * 65536);
    assert_eq!(texts.len(), 1);
    assert!(texts[0].name.ends_with("/test.lic"), "{}", texts[0].name);
    assert_eq!(texts[0].bytes.as_deref(), Ok(&on_disk[..]));

    let output = system.tool(&["lmstat", "-i", "mesher", "-c", &system.place()]);
    let text = printed(&output);
    assert!(output.status.success() && text.contains("\nmesher "), "{text}");
    assert!(!text.contains("\nsolver "), "{text}");

    // It is the server that reads: it tells what it can't.
    std::fs::rename(&file, system.dir.path().join("moved")).unwrap();
    let output = system.tool(&["lmstat", "-i", "-c", &system.place()]);
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(256 - 30), "{text}");
    assert!(text.contains("/test.lic on the server: No such file"), "{text}");
}

#[test]
fn a_feature_is_not_said_to_be_missing_while_the_daemon_that_may_have_it_is_down() {
    let system = System::start(LICENSE, &[]);
    let down = system.tool(&["lmdown", "-q", "-vendor", "LGS", "-c", &system.place()]);
    assert!(down.status.success(), "{}", printed(&down));
    let output = system.tool(&["lmstat", "-f", "solver", "-c", &system.place()]);
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(256 - 97), "{text}");
    assert!(text.contains("(-97,") && !text.contains("No such feature"), "{text}");
}
