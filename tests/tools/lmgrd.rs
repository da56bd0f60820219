//! lmgrd: start, watch, restart, what is wrong in files, and peers that behave badly.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::LICENSE;
use crate::daemon::{PATIENCE, signal, until};
use crate::signed::sign;
use crate::system::{LineSession, PROGRAM, System, free_port, link, listens, printed, tool};

#[test]
fn a_vendor_daemon_that_dies_is_started_again_with_the_known_lines() {
    let system = System::start(LICENSE, &[]);
    let pid = system.vendor_pid();
    signal(pid, "KILL");
    let log = system.wait_for_starts(2);
    assert!(log.contains("(lmgrd) REStarted LGS (internet tcp_port "), "{log}");
    let block = "(lmgrd) LGS exited with status 0 signal = 9\n";
    let at = log.find(block).unwrap_or_else(|| panic!("{log}"));
    let lines: Vec<&str> =
        log[at..].lines().take(3).map(|line| line.split_once("(lmgrd) ").map_or(line, |it| it.1)).collect();
    assert_eq!(
        lines[1..],
        [
            "Since this is an unknown status, license server ",
            "manager (lmgrd) will attempt to re-start the vendor daemon."
        ]
    );
    assert_ne!(system.vendor_pid(), pid);
    assert!(system.line_session("ann").ask("CHECKOUT solver 2025.0").starts_with("OK CHECKOUT"));
}

#[test]
fn a_vendor_daemon_that_dies_too_often_stays_down_and_the_end_has_a_status() {
    let mut system = System::start(LICENSE, &["--restart-limit", "1"]);
    signal(system.vendor_pid(), "KILL");
    system.wait_for_log(&["REStarted LGS"]);
    signal(system.vendor_pid(), "KILL");
    assert_eq!(system.wait().code(), Some(159));
    let log = system.whole_log();
    assert!(log.contains("LGS died too often") && log.contains("no vendor daemon is left to serve"), "{log}");
}

#[test]
fn when_lmgrd_is_killed_its_vendor_daemons_end_too() {
    let mut system = System::start(LICENSE, &[]);
    let vendor_port = system.vendor_port();
    signal(system.pid(), "KILL");
    system.wait();
    until("the vendor daemon to end", || !listens(vendor_port));
}

#[test]
fn a_signal_that_arrives_twice_at_once_is_one_end_in_order() {
    let mut system = System::start(LICENSE, &[]);
    let mut session = system.line_session("ann");
    assert!(session.ask("CHECKOUT solver 2025.0").starts_with("OK CHECKOUT"));
    signal(system.pid(), "TERM");
    system.wait_for_log(&["lmgrd will now shut down all the vendor daemons"]);
    signal(system.pid(), "TERM");
    assert_eq!(system.wait().code(), Some(0));
    let log = system.whole_log();
    assert!(log.contains("(LGS) IN: \"solver\" ann@ws01  (SHUTDOWN)"), "{log}");
    assert!(log.contains("(LGS) daemon shutdown requested - shutting down"), "{log}");
}

#[test]
fn what_is_wrong_with_one_vendor_costs_the_others_nothing() {
    let license = "SERVER this_host ANY {port}\nVENDOR LGS /opt/elsewhere/LGS options=my.opt\nVENDOR empty\nVENDOR\n\
         FEATURE solver LGS 1.0 permanent 1\n";
    let mut system = System::start(license, &["-reuseaddr"]);
    system.wait_for_log(&[
        "empty exited with status",
        "-reuseaddr is accepted",
        "program /opt/elsewhere/LGS of the VENDOR line is ignored: there is no such file",
        "my.opt\": not readable: No such file or directory (os error 2), continuing without options",
        "test.lic:4:",
    ]);
    assert!(system.line_session("ann").ask("CHECKOUT solver 1.0").starts_with("OK CHECKOUT"));
    let status = printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
    assert!(status.contains("     empty: The desired vendor daemon is down. (-97,506)\n"), "{status}");
    assert!(status.contains("Users of solver:"));
    // Nobody has told it who `empty` is; asking again would bring the same answer.
    system.wait_for_log(&["empty exited with status 1 (it cannot be started so)"]);
    let log = system.whole_log();
    assert_eq!(log.matches("No vendor manifest empty.vendor.toml").count(), 1, "{log}");
    assert!(!log.contains("attempt to re-start"), "{log}");
}

#[test]
fn what_keeps_it_from_starting_is_said_with_a_status() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    for (text, status, words) in [
        ("VENDOR LGS\n".to_owned(), 243, "No SERVER lines in license file"),
        (format!("SERVER this_host ANY {port}\n"), 254, "There are no VENDOR"),
        (format!("SERVER this_host ANY {port}\nVENDOR LGS\n"), 1, "is already in use"),
    ] {
        std::fs::write(dir.path().join("a.lic"), text).unwrap();
        for foreground in [true, false] {
            let mut arguments = vec!["lmgrd", "-c", "a.lic", "--state-dir", "state", "-l", "a.log"];
            arguments.extend(["--listen", "127.0.0.1"]);
            arguments.extend(foreground.then_some("-z"));
            let output = tool(dir.path(), &arguments);
            assert_eq!(output.status.code(), Some(status), "{words}");
            assert!(std::fs::read_to_string(dir.path().join("a.log")).unwrap().contains(words), "{words}");
            assert!(String::from_utf8_lossy(&output.stderr).contains(words), "{words}: {output:?}");
        }
    }
    let output = tool(dir.path(), &["lmgrd", "-z", "-log_format", "x"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn it_goes_to_the_background_and_its_starter_knows_that_it_serves() {
    let dir = tempfile::tempdir().unwrap();
    let place = (0..5).find_map(|_| {
        let port = free_port();
        let text = sign(&LICENSE.replace("{port}", &port.to_string()));
        std::fs::write(dir.path().join("a.lic"), text).unwrap();
        let start = ["lmgrd", "-c", "a.lic", "-l", "a.log", "--state-dir", "state", "--listen", "127.0.0.1"];
        // Output that is read to its end would hang if the server kept the terminal's.
        let output = tool(dir.path(), &start);
        output.status.success().then(|| format!("{port}@localhost"))
    });
    let place = place.expect("lmgrd starts");
    let status = tool(dir.path(), &["lmstat", "-a", "-c", &place]);
    assert!(printed(&status).contains("LGS: UP v"), "{}", printed(&status));
    let output = tool(dir.path(), &["lmdown", "-c", &place, "-q"]);
    assert!(output.status.success(), "{}", printed(&output));
}

#[test]
fn a_log_that_cannot_be_written_does_not_stop_it() {
    let license = LICENSE;
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    std::fs::write(dir.path().join("a.lic"), sign(&license.replace("{port}", &port.to_string()))).unwrap();
    for log in ["/nonexistent/a.log", "+/dev/full"] {
        let mut child = Command::new(PROGRAM)
            .args(["lmgrd", "-z", "-c", "a.lic", "--state-dir", "state", "--listen", "127.0.0.1", "-l", log])
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let place = format!("{port}@localhost");
        until("lmgrd to serve", || {
            assert!(child.try_wait().unwrap().is_none(), "it ended");
            printed(&tool(dir.path(), &["lmstat", "-a", "-c", &place])).contains("LGS: UP v")
        });
        assert!(tool(dir.path(), &["lmdown", "-q", "-c", &place]).status.success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.contains("cannot be opened"), log.starts_with("/nonexistent"), "{said}");
    }
}

#[test]
fn a_state_directory_that_cannot_be_made_is_told_to_whoever_starts_it() {
    let mut system = System::start_prepared(LICENSE, &[], |dir| {
        std::fs::write(dir.join("state"), "not a directory").unwrap();
    });
    system.wait_for_log(&["(lmgrd) lmdown is refused: cannot make the directory"]);
    signal(system.pid(), "TERM");
    system.wait();
    let arguments =
        ["lmgrd", "-c", "test.lic", "-l", "again.log", "--listen", "127.0.0.1", "--state-dir", "state"];
    let output = system.tool(&arguments);
    let log = std::fs::read_to_string(system.dir.path().join("again.log")).unwrap();
    let pid = log.split_once("PID: ").unwrap().1.lines().next().unwrap().parse().unwrap();
    signal(pid, "TERM");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() && said.contains("lmdown is refused: cannot make the directory"),
        "{said}"
    );
}

#[test]
fn it_says_where_a_vendor_daemon_is_in_text_lines_too() {
    let system = System::start(LICENSE, &[]);
    let mut session = LineSession::open(system.port);
    assert!(session.ask("HELLO 1 user=ann host=ws01").starts_with("OK HELLO 1 lmgrd "));
    assert_eq!(session.ask("LOCATE LGS"), format!("OK LOCATE {}", system.vendor_port()));
    assert!(session.ask("LOCATE acme").starts_with("ERR -97,505 "));
    assert!(session.ask("CHECKOUT solver 1.0").starts_with("ERR -85,"));
    assert_eq!(session.ask("QUIT"), "OK QUIT");
    // Not a greeting: closed, and nothing after it is carried out.
    let mut browser = LineSession::open(system.port);
    assert!(browser.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\nLOCATE LGS").starts_with("ERR "));
    assert_eq!(browser.ask("LOCATE LGS"), "");
}

#[test]
fn peers_that_say_nothing_or_nonsense_are_closed_and_disturb_nobody() {
    let system = System::start(LICENSE, &[]);
    let peer = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(("127.0.0.1", system.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    };
    let closed_after = |mut stream: TcpStream| {
        let begun = Instant::now();
        let mut rest = Vec::new();
        // An error such as a reset is an end as well; a time-out is not.
        if let Err(error) = stream.read_to_end(&mut rest) {
            assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock);
        }
        begun.elapsed()
    };
    let silent = peer(b"");
    let half = peer(&[0xC5, 0x4B, 1, 1, 0, 1, 0, 0]);
    let slow_line = peer(b"HELLO 1 us");
    let huge = peer(&[0xC5, 0x4B, 1, 1, 0, 1, 0, 0, 0, 1, 0x40, 0, 0, 0]);
    let garbage = peer(&[0xFF, 0xFE, 0xFD]);
    let long_line = peer(&[b'A'; 5000]);
    assert!(system.tool(&["lmstat", "-a", "-c", &system.place()]).status.success(), "others need not wait");
    for (what, stream) in [("1 GiB", huge), ("garbage", garbage), ("a long line", long_line)] {
        assert!(closed_after(stream) < Duration::from_secs(4), "{what}");
    }
    for (what, stream) in [("silence", silent), ("half a frame", half), ("half a line", slow_line)] {
        assert!(closed_after(stream) < PATIENCE, "{what}");
    }
}

#[test]
fn one_host_cannot_take_all_connections_and_comes_back_when_it_has_closed_some() {
    seatkeeper::platform::process::raise_file_limit();
    let system = System::start(LICENSE, &[]);
    let crowd: Vec<TcpStream> =
        (0..1100).map(|_| TcpStream::connect(("127.0.0.1", system.port)).unwrap()).collect();
    system.wait_for_log(&["too many connections, 127.0.0.1 is turned away"]);
    drop(crowd);
    until("a place", || system.tool(&["lmstat", "-c", &system.place()]).status.success());
}

#[test]
fn links_are_the_applets_that_they_are_named_after() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["lmgrd", "lmutil", "lmstat", "lmdown", "lmver", "LGS"] {
        let output = Command::new(link(dir.path(), name)).arg("-v").output().unwrap();
        assert!(output.status.success(), "{name}");
        let text = printed(&output);
        assert!(text.starts_with(&format!("{name} - Copyright (c) ")), "{text}");
        assert!(text.contains(&format!("\n{name} v")) && text.contains(" build "), "{text}");
    }
    let output = tool(dir.path(), &["lmstta"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean lmstat?"));
}

#[test]
fn an_upgrade_that_finds_too_few_licenses_is_logged_and_clients_see_no_directory() {
    let system = System::start(
        "SERVER this_host ANY {port}\nVENDOR LGS\nINCREMENT solver LGS 1.0 permanent 5\n\
         UPGRADE solver LGS 1.0 2.0 permanent 9\nPACKAGE pk LGS 1.0 COMPONENTS=mesher\n",
        &[],
    );
    system.wait_for_log(&["5 licenses moved from ", ", which had no more; 9 were asked for"]);
    let mut ann = system.line_session("ann");
    for (count, answer) in [(6, "ERR -26,"), (5, "OK "), (1, "ERR -4,")] {
        let said = ann.ask(&format!("CHECKOUT solver 2.0 {count}"));
        assert!(said.starts_with(answer), "{said}");
    }
    let denied = ann.ask("CHECKOUT mesher 1.0");
    assert!(denied.starts_with("ERR -18,") && denied.contains(" test.lic:"), "{denied}");
}
