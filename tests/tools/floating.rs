//! The floating server and its client, line by line of the reference (`domain.md` 13, lines 71 to 84 and 95), and case P03. Where a line names
//! ports that are fixed, all of it runs in a network of its own. Lines 81 and 84 are in tests/application/floating.rs.

use std::process::{Command, Output, Stdio};

use crate::LICENSE;
use crate::daemon::until;
use crate::signed::sign;
use crate::system::{PROGRAM, System, listens, printed};

/// Stops what a script has started, whatever happens in it.
const SHELL: &str = "set -u; trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT; ip link set lo up\n\
     waits() { for i in $(seq 600); do grep -q \"$1\" \"$2\" 2>/dev/null && return; sleep 0.1; done; cat \"$2\"; exit 9; }\n\
     serves() { (: > /dev/tcp/127.0.0.1/$1) 2>/dev/null && echo \"$1 listens\" || echo \"$1 is free\"; }\n";

/// Runs a script in a network where no other program has a port, in a directory with `test.lic`. None, and a word about it, where
/// the system makes no such network.
#[allow(clippy::print_stdout, reason = "a test that can't run says so")]
fn in_a_network_of_its_own(license: &str, script: &str) -> Option<Output> {
    let unshare = |script: &str, dir: &std::path::Path| {
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--net", "bash", "-c", script])
            .current_dir(dir)
            .env("PROGRAM", PROGRAM)
            .env("TZ", "UTC")
            .env_remove("LM_LICENSE_FILE")
            .stdin(Stdio::null());
        command.output()
    };
    let dir = tempfile::tempdir().unwrap();
    if !unshare("ip link set lo up", dir.path()).is_ok_and(|output| output.status.success()) {
        println!("not tested: this system makes no network for a test");
        return None;
    }
    std::fs::write(dir.path().join("test.lic"), sign(license)).unwrap();
    let output = unshare(&format!("{SHELL}{script}"), dir.path()).unwrap();
    assert!(output.status.success(), "{}{}", printed(&output), String::from_utf8_lossy(&output.stderr));
    Some(output)
}

#[test]
fn dom_71_the_ports_of_the_license_file_listen_and_the_log_names_both() {
    let license = "SERVER this_host ANY 27000\nVENDOR LGS port=27010\nFEATURE fx LGS 1.0 permanent 1\n";
    let script = "\
        \"$PROGRAM\" lmgrd -z -c test.lic -l +lgs.log --state-dir state &\n\
        waits 'using TCP-port' lgs.log\n\
        serves 27000; serves 27001; serves 27010\n\
        \"$PROGRAM\" lmstat -c 27000@localhost -a\n\
        cat lgs.log\n";
    let Some(output) = in_a_network_of_its_own(license, script) else { return };
    let text = printed(&output);
    for wanted in [
        "27000 listens\n",
        "27001 is free\n",
        "27010 listens\n",
        "localhost: license server UP (MASTER) ",
        "LGS: UP ",
        "(lmgrd) lmgrd tcp-port 27000\n",
        "(lmgrd) LGS using TCP-port 27010\n",
    ] {
        assert!(text.contains(wanted), "{wanted:?} is missing in\n{text}");
    }
}

const NO_PORT: &str = "SERVER this_host ANY\nVENDOR LGS\nFEATURE fx LGS 1.0 permanent 1\n";

#[test]
fn dom_72_without_a_port_the_next_free_one_is_taken_and_shown() {
    let script = "\
        \"$PROGRAM\" lmgrd -z -c test.lic -l +a.log --state-dir a &\n\
        waits 'using TCP-port' a.log\n\
        \"$PROGRAM\" lmgrd -z -c test.lic -l +b.log --state-dir b &\n\
        waits 'using TCP-port' b.log\n\
        serves 27000; serves 27001; serves 27002\n\
        \"$PROGRAM\" lmstat -c 27001@localhost\n\
        echo; echo The first one:; \"$PROGRAM\" lmstat -c @localhost\n\
        grep tcp-port a.log b.log\n";
    let Some(output) = in_a_network_of_its_own(NO_PORT, script) else { return };
    let text = printed(&output);
    for wanted in [
        "27000 listens\n",
        "27001 listens\n",
        "27002 is free\n",
        "License server status: 27001@localhost\n",
        "The first one:\n",
        "License server status: 27000@localhost\n",
        "(lmgrd) lmgrd tcp-port 27000\n",
        "(lmgrd) lmgrd tcp-port 27001\n",
    ] {
        assert!(text.contains(wanted), "{wanted:?} is missing in\n{text}");
    }
}

/// `@srv` means the ports 27000 to 27009 (`flexnet-files.md` 8.3).
#[test]
fn case_p03_a_server_without_a_port_is_asked_at_the_usual_ten() {
    let script = "\
        serve() { sed \"s/^SERVER.*/& $1/\" test.lic > $1.lic\n\
        \"$PROGRAM\" lmgrd -z -c $1.lic -l +$1.log --state-dir $1 --listen 127.0.0.1 & waits 'using TCP-port' $1.log; }\n\
        ask() { \"$PROGRAM\" run -c @127.0.0.1 -f fx 1.0 -- echo granted; echo \"status $?\"; }\n\
        serve 27010; ask; serve 27009; ask\n";
    let Some(output) = in_a_network_of_its_own(NO_PORT, script) else { return };
    let text = printed(&output);
    assert_eq!(text, format!("status {}\ngranted\nstatus 0\n", 256 - 15));
}

#[test]
fn dom_73_where_all_ten_ports_are_taken_the_start_fails_and_says_so() {
    let script = "\
        for n in 0 1 2 3 4 5 6 7 8 9; do \"$PROGRAM\" LGS --listen 127.0.0.1 -c test.lic --port 2700$n --state-dir s$n > $n.log & done\n\
        for n in 0 1 2 3 4 5 6 7 8 9; do waits \"Listening port: 2700$n\" $n.log; done\n\
        \"$PROGRAM\" lmgrd -z -c test.lic -l +lgs.log --state-dir state --listen 127.0.0.1 2>&1; echo \"status $?\"\n\
        cat lgs.log\n";
    let Some(output) = in_a_network_of_its_own(NO_PORT, script) else { return };
    let text = printed(&output);
    assert!(text.contains("status 1\n"), "{text}");
    assert_eq!(
        text.matches("TCP ports 27000 to 27009 are all in use").count(),
        2,
        "at the terminal and in the log\n{text}"
    );
}

/// What lmstat says of the server, and with which status.
fn status(system: &System) -> (String, Option<i32>) {
    let output = system.tool(&["lmstat", "-c", &system.place()]);
    (printed(&output), output.status.code())
}

#[test]
fn dom_74_a_server_is_seen_running_stopped_started_again_and_refreshed() {
    let mut system = System::start(LICENSE, &[]);
    let port = system.port;
    let up = |text: &str| {
        text.contains(&format!("License server status: {port}@localhost\n"))
            && text.contains("localhost: license server UP (MASTER) ")
            && text.contains("LGS: UP ")
    };
    assert!(up(&status(&system).0), "{}", status(&system).0);
    let down = system.tool(&["lmdown", "-c", &system.place(), "-q"]);
    assert!(printed(&down).ends_with("    1 License Server shut down\n"), "{}", printed(&down));
    assert_eq!(system.wait().code(), Some(0));
    assert!(!listens(port));
    let (text, code) = status(&system);
    assert!(!up(&text) && code != Some(0) && text.contains("(-15,"), "{code:?} {text}");
    // By lmgrd as an administrator calls it, which goes to the background when all is well.
    let start = system.tool(&[
        "lmgrd",
        "-l",
        "+lgs.log",
        "-c",
        "test.lic",
        "--state-dir",
        "state",
        "--listen",
        "127.0.0.1",
    ]);
    assert!(start.status.success(), "{}", printed(&start));
    until("it serves again", || up(&status(&system).0));
    let file = system.dir.path().join("test.lic");
    let text = LICENSE.replace("{port}", &port.to_string()) + "FEATURE added LGS 1.0 permanent 4\n";
    std::fs::write(file, sign(&text)).unwrap();
    let reread = system.tool(&["lmreread", "-c", &system.place()]);
    assert!(printed(&reread).contains("LGS: pool added: added 1"), "{}", printed(&reread));
    let all = printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
    assert!(all.contains("Users of added:  (Total of 4 licenses issued;"), "{all}");
    let down = system.tool(&["lmdown", "-c", &system.place(), "-q"]);
    assert!(down.status.success(), "{}", printed(&down));
    until("it has ended", || !listens(port));
}

#[test]
fn dom_75_dom_76_licenses_in_use_and_the_totals_of_every_feature() {
    let license = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 2025.0 31-dec-2035 10\n\
         FEATURE mesher LGS 1.0 permanent 1\nFEATURE viewer LGS 1.0 permanent uncounted HOSTID=ANY\n\
         FEATURE gone LGS 1.0 1-jan-2020 5\n";
    let system = System::start(license, &[]);
    let mut ann = system.line_session("ann");
    assert!(ann.ask("CHECKOUT solver 2025.0 3").starts_with("OK"));
    assert!(system.line_session("bob").ask("CHECKOUT gone 1.0").starts_with("ERR -10,"));
    let all = printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
    for (feature, state) in [
        ("solver", "(Total of 10 licenses issued;  Total of 3 licenses in use)"),
        ("mesher", "(Total of 1 license issued;  Total of 0 licenses in use)"),
        ("viewer", "(Uncounted, node-locked)"),
        ("gone", "(Total of 0 licenses issued;  Total of 0 licenses in use)"),
    ] {
        assert_eq!(all.matches(&format!("Users of {feature}:  {state}\n")).count(), 1, "{all}");
    }
    let holders: Vec<&str> = all.lines().filter(|line| line.contains(", start ")).collect();
    let [holder] = &holders[..] else { panic!("{all}") };
    assert!(holder.starts_with("    ann ws01 /dev/pts/1 (v2025.0) ("), "{holder}");
    let (_, since) = holder.split_once(", start ").unwrap();
    let now = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC);
    let minutes = [now.clone(), now - jiff::Span::new().minutes(1)];
    let shown = |it: &jiff::Zoned| it.strftime("%a %-m/%-d %-H:%M").to_string();
    assert!(minutes.iter().any(|it| since.starts_with(&shown(it))), "{since}");
    assert!(since.ends_with(", 3 licenses"), "{since}");
}

#[test]
fn dom_95_zones_fourteen_hours_apart_are_no_difference() {
    let system = System::start_in(LICENSE, &[], &[("TZ", "<SRV>5")], |_| {});
    let run = Command::new(PROGRAM)
        .args(["run", "-c", &system.place(), "-f", "solver", "2025.0", "--", "true"])
        .current_dir(system.dir.path())
        .env("TZ", "<CLI>-9")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let log = system.wait_for_log(&["(LGS) IN: \"solver\" "]);
    assert!(!log.contains("DENIED"), "{log}");
}
