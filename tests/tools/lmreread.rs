//! lmreread and SIGHUP: files are read again under running checkouts.

use crate::daemon::until;
use crate::signed::sign;
use crate::system::{System, printed};

const LICENSE: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 2\n\
     FEATURE mesher LGS 1.0 permanent 4\n";

fn reread(system: &System, more: &[&str]) -> (Option<i32>, String) {
    let place = system.place();
    let output = system.tool(&[&["lmutil", "lmreread", "-c", &place], more].concat());
    (output.status.code(), printed(&output))
}

fn options(system: &System, text: &str) {
    std::fs::write(system.dir.path().join("LGS.opt"), text).unwrap();
}

/// The system's license file anew, with these feature lines.
fn license(system: &System, name: &str, features: &str) {
    let text = format!("SERVER this_host ANY {}\nVENDOR LGS\n{features}", system.port);
    std::fs::write(system.dir.path().join(name), sign(&text)).unwrap();
}

fn status(system: &System) -> String {
    printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]))
}

#[test]
fn case_o71_o72_rules_change_with_the_reread_and_not_before() {
    let system = System::start(LICENSE, &[]);
    let mut ann = system.line_session("ann");
    assert!(ann.ask("CHECKOUT solver 1.0").starts_with("OK"));
    options(&system, "EXCLUDE solver USER ann\n");
    assert!(system.line_session("ann").ask("CHECKOUT solver 1.0").starts_with("OK"), "nobody has reread");
    let (code, text) = reread(&system, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("LGS: rule added: LGS.opt:1: EXCLUDE solver USER ann\n"), "{text}");
    assert!(text.contains("LGS: in use against the rules: 1 of solver 1, by LGS.opt:1"), "{text}");
    assert!(text.ends_with("lmreread successful\n"), "{text}");
    assert!(ann.ask("HEARTBEAT").starts_with("OK"));
    assert!(ann.ask("CHECKOUT solver 1.0").starts_with("ERR -38,212 "));
    assert!(status(&system).contains("\n    ann ws01 /dev/pts/1 (v1.0)"));
    let (code, text) = reread(&system, &[]);
    assert!(code == Some(0) && !text.contains("rule ") && !text.contains("pool "), "{text}");
    system.wait_for_log(&[
        "(lmgrd) Rereading license file... Requested from ",
        "(LGS) Rereading license file...",
        "(LGS) (@LGS-SLOG@) Number of rereads since vendor daemon startup: 2",
        "(LGS) (@LGS-SLOG@) Reread mechanism: Manual",
        "(LGS) ...Finished rereading",
        "(lmgrd) Done rereading",
    ]);
}

#[test]
fn case_o73_another_vendor_daemon_is_left_alone() {
    let system = System::start(LICENSE, &[]);
    options(&system, "EXCLUDE solver USER ann\n");
    let (code, text) = reread(&system, &["-vendor", "acme"]);
    assert_eq!(code, Some(159), "{text}");
    assert!(system.line_session("ann").ask("CHECKOUT solver 1.0").starts_with("OK"));
    // Without lmgrd's own reading the default options file that was not there before is not found.
    license(&system, "test.lic", "FEATURE solver LGS 1.0 permanent 3\nFEATURE mesher LGS 1.0 permanent 4\n");
    let (code, text) = reread(&system, &["-vendor", "LGS"]);
    assert!(code == Some(0) && text.contains("LGS: pool resized: solver 1, from 2 to 3\n"), "{text}");
}

#[test]
fn case_o74_a_removed_feature_ends_its_checkouts() {
    let system = System::start(LICENSE, &[]);
    let mut ann = system.line_session("ann");
    let granted = ann.ask("CHECKOUT solver 1.0");
    let handle = granted.strip_prefix("OK CHECKOUT ").unwrap();
    license(&system, "test.lic", "FEATURE mesher LGS 1.0 permanent 4\n");
    let (code, text) = reread(&system, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("LGS: pool removed: solver 1, 2 licenses\n"), "{text}");
    assert!(
        text.contains("LGS: in use and ended: 1 of solver 1, for which no pool is left (-92)\n"),
        "{text}"
    );
    assert!(ann.ask("HEARTBEAT").starts_with(&format!("* LOST {handle} -92,216 ")));
    assert!(system.line_session("bob").ask("CHECKOUT solver 1.0").starts_with("ERR -92,216 "));
    system.wait_for_log(&["(LGS) IN: \"solver\" ann@ws01  (FEATURE_REMOVED)\n"]);
}

#[test]
fn case_o84_what_cannot_be_read_never_replaces_what_can() {
    let system = System::start_prepared(LICENSE, &[], |dir| {
        std::fs::write(dir.join("LGS.opt"), "EXCLUDE solver USER ann\n").unwrap();
    });
    let path = system.dir.path().join("LGS.opt");
    let denied = || system.line_session("ann").ask("CHECKOUT solver 1.0").starts_with("ERR -38,212 ");
    // A directory can be read by nobody, whoever the test runs as.
    std::fs::remove_file(&path).unwrap();
    for step in ["gone", "a directory", "empty"] {
        match step {
            "a directory" => std::fs::create_dir(&path).unwrap(),
            "empty" => {
                std::fs::remove_dir(&path).unwrap();
                options(&system, "\n");
            }
            _ => {}
        }
        let (code, text) = reread(&system, &[]);
        assert!(code == Some(1) && text.contains("ERROR: OPTIONS FILE "), "{step}: {text}");
        assert!(text.contains(", keeping the rules in force\n"), "{step}: {text}");
        assert!(text.contains("lmreread incomplete: ") && text.contains("(-1010,606)"), "{step}: {text}");
        assert!(denied(), "{step}");
        let shown = status(&system);
        let note = shown.trim_end().lines().last().unwrap();
        assert!(note.contains("LGS goes by options read on ") && note.contains("LGS.opt"), "{shown}");
        for trap in ["Error", "down", "refused", "cannot", "unable"] {
            assert!(!note.contains(trap), "{note}");
        }
    }
    // License files: one that says nothing, then none.
    let license_path = system.dir.path().join("test.lic");
    let kept = std::fs::read(&license_path).unwrap();
    for content in [Some("# later\n"), None] {
        match content {
            Some(content) => std::fs::write(&license_path, content).unwrap(),
            None => std::fs::remove_file(&license_path).unwrap(),
        }
        let (code, text) = reread(&system, &[]);
        assert!(code == Some(1) && text.contains("ERROR: "), "{text}");
        assert!(system.line_session("bob").ask("CHECKOUT mesher 1.0").starts_with("OK"), "{text}");
    }
    std::fs::write(&license_path, kept).unwrap();
    let (code, text) = reread(&system, &["--force"]);
    assert!(
        code == Some(0) && text.contains("LGS: rule removed: LGS.opt:1: EXCLUDE solver USER ann\n"),
        "{text}"
    );
    assert!(!denied() && !status(&system).contains("goes by options"));
}

#[test]
fn case_o85_seats_move_to_the_new_version_even_if_there_are_too_few() {
    let license_of_two = "SERVER this_host ANY {port}\nVENDOR LGS\nINCREMENT fx LGS 2.0 permanent 10\n";
    let system = System::start(license_of_two, &[]);
    let [(mut ann, anns), (mut bob, bobs)] = ["ann", "bob"].map(|user| {
        let mut session = system.line_session(user);
        let answer = session.ask("CHECKOUT fx 2.0");
        let handle = answer.strip_prefix("OK CHECKOUT ").unwrap_or_else(|| panic!("{answer}")).to_owned();
        (session, handle)
    });
    license(&system, "test.lic", "INCREMENT fx LGS 3.0 permanent 1\n");
    let (code, text) = reread(&system, &[]);
    assert_eq!(code, Some(0), "{text}");
    let surplus = "fx 3: 2 licenses are in use and 1 is there; it grants none until 1 has come back";
    assert!(text.contains(&format!("LGS: surplus: {surplus}\n")), "{text}");
    system.wait_for_log(&[&format!("(LGS) SURPLUS: {surplus}\n")]);
    let shown = status(&system);
    assert!(
        shown.contains("Users of fx:  (Total of 1 license issued;  Total of 2 licenses in use)"),
        "{shown}"
    );
    let refused = || system.line_session("cid").ask("CHECKOUT fx 2.0").starts_with("ERR -4,");
    assert!(refused());
    assert!(ann.ask(&format!("CHECKIN {anns}")).starts_with("OK CHECKIN"));
    assert!(refused(), "bob has the one that is left");
    assert!(bob.ask(&format!("CHECKIN {bobs}")).starts_with("OK CHECKIN"));
    assert!(system.line_session("cid").ask("CHECKOUT fx 2.0").starts_with("OK"));
}

#[test]
fn options_with_new_errors_are_refused_and_forced() {
    let system = System::start_prepared(LICENSE, &[], |dir| {
        std::fs::write(dir.join("LGS.opt"), "EXCLUD mesher USER eve\nEXCLUDE solver USER ann\n").unwrap();
    });
    let number = |user: &str| system.line_session(user).ask("CHECKOUT solver 1.0")[..3].to_owned();
    // The error that the running rules have is no reason to refuse, wherever it stands now.
    options(&system, "# bob too\nEXCLUDE solver USER ann\nEXCLUDE solver USER bob\nEXCLUD mesher USER eve\n");
    let (code, text) = reread(&system, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!((number("ann"), number("bob"), number("cid")), ("ERR".into(), "ERR".into(), "OK ".into()));
    options(&system, "EXCLUDE solver USER cid\nINCLUD solver USER bob\n");
    let (code, text) = reread(&system, &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("LGS.opt:2: [O0201] unknown keyword \"INCLUD\""), "{text}");
    assert_eq!((number("ann"), number("cid")), ("ERR".into(), "OK ".into()));
    assert!(status(&system).contains("LGS goes by options read on "));
    let (code, text) = reread(&system, &["--force"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!((number("ann"), number("cid")), ("OK ".into(), "ERR".into()));
    assert!(!status(&system).contains("goes by options"));
}

#[test]
fn sighup_rereads_files_that_are_new_in_a_directory() {
    let system = System::start_prepared(LICENSE, &["-c", "more"], |dir| {
        std::fs::create_dir(dir.join("more")).unwrap();
    });
    license(&system, "more/a.lic", "FEATURE viewer LGS 1.0 permanent 1\n");
    crate::daemon::signal(system.pid(), "HUP");
    until("the new feature", || system.line_session("ann").ask("CHECKOUT viewer 1.0").starts_with("OK"));
    assert!(status(&system).contains("/more/a.lic"));
    std::fs::rename(system.dir.path().join("more/a.lic"), system.dir.path().join("more/b.lic")).unwrap();
    let (code, text) = reread(&system, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("pool "), "a renamed file changes no pool: {text}");
    std::fs::remove_file(system.dir.path().join("more/b.lic")).unwrap();
    let (_, text) = reread(&system, &[]);
    assert!(text.contains("LGS: pool removed: viewer 1"), "{text}");
    // The vendor daemon's own SIGHUP reads the same files again.
    license(&system, "test.lic", "FEATURE solver LGS 1.0 permanent 9\n");
    crate::daemon::signal(system.vendor_pid(), "HUP");
    system.wait_for_log(&["(LGS) pool resized: solver 1, from 2 to 9\n"]);
}

#[test]
fn the_options_path_is_followed_and_ports_need_a_restart() {
    let system = System::start(LICENSE, &[]);
    std::fs::write(system.dir.path().join("rules"), "EXCLUDE solver USER ann\n").unwrap();
    let text = format!(
        "SERVER this_host ANY {}\nVENDOR LGS OPTIONS=rules port=1\nFEATURE solver LGS 1.0 permanent 2\n",
        system.port
    );
    std::fs::write(system.dir.path().join("test.lic"), sign(&text)).unwrap();
    let (code, text) = reread(&system, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("needs a restart: port of VENDOR LGS, none -> 1\n"), "{text}");
    assert!(system.line_session("ann").ask("CHECKOUT solver 1.0").starts_with("ERR -38,212 "));
    // Without OPTIONS= there are no rules, as the file is still there and nobody means it.
    license(&system, "test.lic", "FEATURE solver LGS 1.0 permanent 2\n");
    let (code, text) = reread(&system, &[]);
    assert!(code == Some(0) && text.contains("LGS: rule removed: rules:1: "), "{text}");
    assert!(system.line_session("ann").ask("CHECKOUT solver 1.0").starts_with("OK"));
}

#[test]
fn only_administrators_reread() {
    let system = System::start(LICENSE, &[]);
    let (code, text) = reread(&system, &["--admin-key", "/nonexistent"]);
    assert!(code == Some(193) && text.contains("lmreread failed: "), "{text}");
    let system = System::start(LICENSE, &["-x", "lmreread"]);
    let (code, text) = reread(&system, &[]);
    assert!(code == Some(1) && text.contains("(-1009,603)"), "{text}");
}

#[test]
fn the_answer_names_what_is_wrong_in_what_holds_now() {
    let system = System::start(LICENSE, &[]);
    // A file that was never there before is refused like any other, and not tried again.
    options(&system, "EXCLUDE solver USER ann\nEXCLUD solver USER bob\n");
    let (code, text) = reread(&system, &[]);
    assert!(code == Some(1) && text.contains("LGS.opt:2: [O0201] "), "{text}");
    let shown = status(&system);
    assert!(
        shown.contains("LGS goes without the rules of LGS.opt, which is not usable as it is; "),
        "{shown}"
    );
    assert!(!shown.contains("tried again"), "{shown}");
    let (code, text) = reread(&system, &["--force"]);
    assert!(
        code == Some(0) && text.contains("LGS: OPTIONS ERROR ") && text.contains("LGS.opt:2: [O0201] "),
        "{text}"
    );
    // An error that stays is told again, a warning once.
    options(&system, "EXCLUDE nosuch USER eve\nEXCLUDE solver USER ann\nEXCLUD solver USER bob\n");
    let (code, text) = reread(&system, &[]);
    assert!(code == Some(0) && text.contains("LGS.opt:3: [O0201] "), "{text}");
    assert!(text.contains("LGS: OPTIONS WARNING ") && text.contains("LGS.opt:1: [O0701] "), "{text}");
    let (code, text) = reread(&system, &[]);
    assert!(code == Some(0) && text.contains("[O0201]") && !text.contains("[O0701]"), "{text}");
    let told = |log: &str| {
        let errors = log.matches("[O0201]").count() - log.matches("Reread incomplete: ").count();
        (errors, log.matches("[O0701]").count())
    };
    until("each to be told once a reread", || told(&system.log_so_far()) == (4, 2));
}

#[test]
fn an_answer_of_many_lines_comes_to_its_end() {
    let system = System::start(LICENSE, &[]);
    let rules: String = (0..3000).map(|number| format!("EXCLUDE solver USER u{number}\n")).collect();
    options(&system, &(rules + "EXCLUD solver USER eve\n"));
    let (code, text) = reread(&system, &["--force"]);
    assert!(code == Some(0) && text.ends_with("lmreread successful\n"), "{text}");
    assert!(text.contains("LGS.opt:3001: [O0201] ") && text.contains("rule added: LGS.opt:200: "), "{text}");
    assert!(text.contains(" more lines, which the server's log has\n"), "{text}");
    system.wait_for_log(&["rule added: LGS.opt:3000: EXCLUDE solver USER u2999\n"]);
}

#[test]
fn more_users_of_a_user_based_feature() {
    let license = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 2 USER_BASED\n";
    let system = System::start_prepared(license, &[], |dir| {
        std::fs::write(dir.join("LGS.opt"), "GROUP team ann\nINCLUDE solver GROUP team\n").unwrap();
    });
    let number = |user: &str| {
        let answer = system.line_session(user).ask("CHECKOUT solver 1.0");
        answer.split(',').next().unwrap_or_default().split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    };
    assert_eq!([number("ann"), number("bob"), number("cid")], ["OK CHECKOUT", "ERR -39", "ERR -39"]);
    options(&system, "GROUP team ann bob\nINCLUDE solver GROUP team\n");
    assert_eq!(reread(&system, &[]).0, Some(0));
    assert_eq!([number("ann"), number("bob"), number("cid")], ["OK CHECKOUT", "OK CHECKOUT", "ERR -39"]);
    // One name too many is a new error, so the former rules stay until it is forced.
    options(&system, "GROUP team cid ann bob\nINCLUDE solver GROUP team\n");
    let (code, text) = reread(&system, &[]);
    assert!(
        code != Some(0) && text.contains("LGS.opt:2: [O0809]") && text.contains("bob is not included"),
        "{text}"
    );
    assert_eq!([number("ann"), number("bob"), number("cid")], ["OK CHECKOUT", "OK CHECKOUT", "ERR -39"]);
    let mut bob = system.line_session("bob");
    assert!(bob.ask("CHECKOUT solver 1.0").starts_with("OK"));
    let text = reread(&system, &["--force"]).1;
    assert!(text.contains("in use against the rules: 1 of solver 1 USER_BASED, by LGS.opt:2"), "{text}");
    assert_eq!([number("ann"), number("bob"), number("cid")], ["OK CHECKOUT", "ERR -39", "OK CHECKOUT"]);
    // Without an options file nobody is named.
    std::fs::remove_file(system.dir.path().join("LGS.opt")).unwrap();
    reread(&system, &["--force"]);
    assert_eq!(number("ann"), "ERR -84");
    system.wait_for_log(&["WARNING: pool solver 1 USER_BASED is for those whom INCLUDE lines name"]);
}
