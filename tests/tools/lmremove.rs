//! lmremove (`flexnet-tools.md` 2.11) at a running system.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};

use seatkeeper::code::Code;
use seatkeeper::event::{Event, RemovalTarget, Removed};
use seatkeeper::wire::{Message, Notice, Purpose};

use crate::LICENSE;
use crate::daemon::{Reply, Ticket, Wire, now, signal, until};
use crate::system::{LineSession, PROGRAM, System, printed};

const SMALL: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 2\n\
     FEATURE mesher LGS 1.0 permanent 1\nFEATURE lazy LGS 1.0 permanent 1 LINGER=3600\n\
     PACKAGE office LGS 1.0 COMPONENTS=\"writer calc\" OPTIONS=SUITE\nFEATURE office LGS 1.0 permanent 1\n";

/// Runs lmremove with the license path of the system.
fn remove(system: &System, values: &[&str]) -> Output {
    system.tool(&[&["lmremove", "-c", &system.place()], values].concat())
}

/// The handle in `OK CHECKOUT 12`.
fn checkout(session: &mut LineSession, feature: &str) -> String {
    let answer = session.ask(&format!("CHECKOUT {feature} 1.0"));
    assert!(answer.starts_with("OK CHECKOUT "), "{answer}");
    answer.split(' ').nth(2).unwrap().to_owned()
}

fn status(system: &System) -> String {
    printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]))
}

/// The words of the line of lmstat with this user: user, host, display, server, port, handle.
fn words(shown: &str, user: &str) -> [String; 6] {
    let line = shown
        .lines()
        .find(|line| line.starts_with(&format!("    {user} ")))
        .unwrap_or_else(|| panic!("{shown}"));
    let (head, tail) = line.trim_start().split_once(" (v").unwrap();
    let (_, place) = tail.split_once(") (").unwrap();
    let (place, _) = place.split_once(')').unwrap();
    let mut of_client = head.split(' ').map(str::to_owned);
    let mut of_server = place.split(['/', ' ']).map(str::to_owned);
    std::array::from_fn(|_| of_client.next().or_else(|| of_server.next()).unwrap())
}

fn failed(output: &Output, code: i32, text: &str) {
    assert_eq!(output.status.code(), Some(256 + code), "{}", printed(output));
    assert!(printed(output).contains(text), "{text}\n{}", printed(output));
}

#[test]
fn both_forms_take_what_lmstat_prints_and_the_client_is_told() {
    let system = System::start(LICENSE, &[]);
    let mut ann = system.line_session("ann");
    let handles: Vec<String> =
        (0..3).map(|_| ann.ask("CHECKOUT solver 2025.0").split(' ').nth(2).unwrap().to_owned()).collect();
    let mut bob = system.line_session("bob");
    assert!(bob.ask("CHECKOUT solver 2025.0").starts_with("OK"));
    until("lmstat shows them", || status(&system).contains("Total of 4 licenses in use"));
    let [user, host, display, server, port, handle] = words(&status(&system), "ann");
    assert_eq!((user.as_str(), &handle), ("ann", &handles[0]));

    let output = remove(&system, &["-h", "solver", &server, &port, &handle]);
    assert!(output.status.success(), "{}", printed(&output));
    assert_eq!(printed(&output).lines().count(), 1, "silent but for the banner: {}", printed(&output));
    assert!(ann.hear().starts_with(&format!("* LOST {handle} -1013,221 ")));
    assert_eq!(ann.ask("HEARTBEAT"), "OK HEARTBEAT");

    // Without a license path the second form finds the server that it names.
    let output = system.tool(&["lmutil", "lmremove", "-h", "solver", "localhost", &port, &handles[1]]);
    assert!(output.status.success(), "{}", printed(&output));

    let output = remove(&system, &["--verbose", "solver", &user, &host, &display]);
    assert!(output.status.success(), "{}", printed(&output));
    let line = format!("\nremoved: solver ann ws01 /dev/pts/1 {}, 1 license\n", handles[2]);
    assert!(printed(&output).ends_with(&line), "{}", printed(&output));
    until("only bob is left", || status(&system).contains("Total of 1 license in use"));
    // A later checkout works.
    assert!(ann.hear().starts_with(&format!("* LOST {} ", handles[1])));
    assert!(ann.hear().starts_with(&format!("* LOST {} ", handles[2])));
    assert!(ann.ask("CHECKOUT solver 2025.0").starts_with("OK CHECKOUT "));
    let log = system.log_until_now();
    assert_eq!(log.matches("IN: \"solver\" ann@ws01  (USER_REMOVED)\n").count(), 3, "{log}");
    let who = log.lines().find_map(|line| line.split_once("(LGS) REMOVE request from ")).unwrap().1;
    assert!(who.ends_with(&format!(": \"solver\" handle {handle}")) && who.contains('@'), "{log}");
    assert!(log.contains(": \"solver\" ann@ws01 /dev/pts/1\n"), "{log}");
}

#[test]
fn what_cannot_be_removed_is_refused_with_its_number() {
    let system = System::start(SMALL, &[]);
    let mut ann = system.line_session("ann");
    let handle = checkout(&mut ann, "solver");
    let lazy = checkout(&mut ann, "lazy");
    assert!(ann.ask(&format!("CHECKIN {lazy}")).starts_with("OK"));
    let port = system.port.to_string();
    until("lmstat shows it", || status(&system).contains("(linger: "));
    // Nothing fits: what is near is shown.
    let output = remove(&system, &["solver", "ann", "ws01", ":0"]);
    failed(
        &output,
        -41,
        "lmremove failed: Feature was never checked out. (-41,607)\nann has no solver out on ws01",
    );
    assert!(printed(&output).contains("\nout of solver:\n  ann ws01 /dev/pts/1 ("), "{}", printed(&output));
    assert!(printed(&output).ends_with(&format!("/{port} {handle})\n")), "{}", printed(&output));
    failed(&remove(&system, &["solve", "ann", "ws01", ":0"]), -5, "did you mean solver?");
    failed(&remove(&system, &["-h", "solver", "localhost", &port, "999"]), -41, "under 999");
    failed(&remove(&system, &["-h", "mesher", "localhost", &port, &handle]), -41, "nothing is out of mesher");
    // A lingering license.
    let text = "Cannot remove a linger license. (-100,607)";
    failed(&remove(&system, &["lazy", "ann", "ws01", "/dev/pts/1"]), -100, text);
    failed(&remove(&system, &["-h", "lazy", "localhost", &port, &lazy]), -100, text);
    // A client that lives has it again at once.
    let client = ["solver", "ann", "WS01", "/dev/pts/1"];
    assert!(remove(&system, &client).status.success());
    assert!(ann.hear().starts_with("* LOST "));
    checkout(&mut ann, "solver");
    until("lmstat shows it", || status(&system).contains("    ann ws01 /dev/pts/1 (v1.0) ("));
    failed(&remove(&system, &client), -64, "before the minimum lmremove interval. (-64,607)");
    // Wrong calls.
    for wrong in [&["solver", "ann", "ws01"][..], &["-h", "solver", "h", "27000", "1", "2"], &[]] {
        assert_eq!(remove(&system, wrong).status.code(), Some(1), "{wrong:?}");
    }
    failed(&remove(&system, &["-h", "solver", "localhost", "no", "1"]), -42, "\"no\" is no port");
    // Who has not the key.
    let output = remove(&system, &["--admin-key", "/nonexistent", "solver", "ann", "ws01", "/dev/pts/1"]);
    failed(&output, -63, "You are not a license administrator. (-63,601)");
    system.wait_for_log(&["refused: lmremove request before the minimum"]);
}

#[test]
fn a_suite_is_removed_by_its_package() {
    let system = System::start(SMALL, &[]);
    let mut ann = system.line_session("ann");
    let handle = checkout(&mut ann, "writer");
    until("lmstat shows it", || {
        status(&system).contains("Users of writer:  (Total of 1 license issued;  Total of 1")
    });
    let output = remove(&system, &["--verbose", "office", "ann", "ws01", "/dev/pts/1"]);
    assert!(output.status.success(), "{}", printed(&output));
    assert_eq!(printed(&output).matches("\nremoved: ").count(), 2, "{}", printed(&output));
    assert!(ann.hear().starts_with(&format!("* LOST {handle} -1013,221 ")));
    assert_eq!(ann.ask("HEARTBEAT"), "OK HEARTBEAT", "the package is nothing that it knows");
    checkout(&mut ann, "calc");
}

#[test]
fn x_lmremove_refuses_everybody() {
    let system = System::start(SMALL, &["-x", "lmremove", "-local"]);
    let mut ann = system.line_session("ann");
    checkout(&mut ann, "solver");
    until("lmstat shows it", || status(&system).contains("    ann ws01 "));
    let output = remove(&system, &["solver", "ann", "ws01", "/dev/pts/1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        printed(&output).contains("(-1009,603)\nlmgrd was started with -x lmremove\n"),
        "{}",
        printed(&output)
    );
    system.wait_for_log(&["REMOVE request from "]);
    assert_eq!(ann.ask("HEARTBEAT"), "OK HEARTBEAT");
}

#[test]
fn a_waiting_request_is_removed_by_its_handle() {
    let system = System::start(SMALL, &[]);
    let (mut ann, mut bob) = (system.line_session("ann"), system.line_session("bob"));
    checkout(&mut ann, "mesher");
    assert!(bob.ask("QUEUE mesher 1.0").starts_with("OK QUEUE"));
    until("lmstat shows it", || status(&system).contains(" queued for 1 license\n"));
    let [.., server, port, handle] = words(&status(&system), "bob");
    // The first form does not touch it, and says how to.
    let output = remove(&system, &["mesher", "bob", "ws01", "/dev/pts/1"]);
    failed(&output, -41, &format!(", waits: lmremove -h mesher {server} {port} {handle}\n"));
    let output = remove(&system, &["-h", "mesher", &server, &port, &handle]);
    assert!(output.status.success(), "{}", printed(&output));
    assert!(bob.hear().starts_with(&format!("* DEQUEUED {handle} -1013,221 ")));
    assert_eq!(bob.ask("HEARTBEAT"), "OK HEARTBEAT");
    system.wait_for_log(&["(LGS) DEQUEUED: \"mesher\" bob@ws01  \n"]);
    assert!(!status(&system).contains(" queued for "));
}

#[test]
fn a_removed_seat_is_not_resumed_nor_repeated_also_not_after_a_crash() {
    let system = System::start(SMALL, &[]);
    let mut wire = Wire::connect(system.vendor_port()).unwrap();
    let ticket = Ticket::of(&wire.hello("ann", Purpose::New, now()).unwrap().unwrap().unwrap());
    let lost = wire.checkout(1, 0, "solver", 1).unwrap().granted();
    let kept = wire.checkout(2, 0, "mesher", 1).unwrap().granted();
    until("lmstat shows it", || status(&system).contains("    ann ws01 /dev/pts/1 "));
    let port = system.port.to_string();
    let output = remove(&system, &["-h", "solver", "localhost", &port, &lost.handle.to_string()]);
    assert!(output.status.success(), "{}", printed(&output));
    match wire.receive().unwrap() {
        Some((0, Message::Notice(Notice::SeatLost { handle, denial }))) => {
            assert_eq!((handle, denial.code), (lost.handle, Code::UserRemoved));
        }
        other => panic!("{other:?}"),
    }
    assert!(
        matches!(wire.checkout(1, 0, "solver", 1).unwrap(), Reply::Spent),
        "its number grants nothing again"
    );
    // The vendor daemon dies at once.
    signal(system.vendor_pid(), "KILL");
    system.wait_for_starts(2);
    let mut wire = Wire::connect(system.vendor_port()).unwrap();
    let terms = wire.hello("ann", ticket.purpose([1; 16]), now()).unwrap().unwrap().unwrap();
    assert_eq!(terms.held, [kept.handle]);
    let told: Vec<_> = terms.lost.iter().map(|lost| (lost.handle, lost.denial.code)).collect();
    assert_eq!(told, [(lost.handle, Code::UserRemoved)], "who did not hear of it is told why at the resume");
    assert!(matches!(wire.checkout(1, 0, "solver", 1).unwrap(), Reply::Spent));
    // What is free can be checked out, and is safe for a while: the interval is remembered too.
    let again = wire.checkout(3, 0, "solver", 1).unwrap().granted();
    until("lmstat shows it", || status(&system).contains(&format!(" {})", again.handle)));
    failed(&remove(&system, &["solver", "ann", "ws01", "/dev/pts/1"]), -64, "(-64,607)");
    // The history replays without a difference, and says who did it.
    let records = seatkeeper::store::history::read(&system.dir.path().join("state/LGS")).unwrap();
    let removed =
        records.map(Result::unwrap).flat_map(|record| record.events).find_map(|event| match event {
            Event::Removed(removed) => Some(removed),
            _ => None,
        });
    let Removed { by, removal } = *removed.unwrap();
    assert_eq!(removal.target, RemovalTarget::Handle(lost.handle));
    system.wait_for_log(&[&format!("(LGS) REMOVE request from {by}: {removal}\n")]);
    for source in [&["--recorded", "state"][..], &["--license", "test.lic", "--debug-log", "lgs.log"]] {
        let output = system.tool(&[&["lmreplay"], source].concat());
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    }
}

#[test]
fn an_application_hears_of_its_lost_seat() {
    let system = System::start(SMALL, &[]);
    let mut child = Command::new(PROGRAM)
        .args([
            "run",
            "-c",
            &system.place(),
            "--user",
            "ann",
            "-f",
            "solver",
            "1.0",
            "--on-loss",
            "term",
            "--",
        ])
        .args(["sleep", "600"])
        .current_dir(system.dir.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("lmstat shows it", || status(&system).contains("    ann "));
    let [user, host, display, ..] = words(&status(&system), "ann");
    let output = remove(&system, &["solver", &user, &host, &display]);
    assert!(output.status.success(), "{}", printed(&output));
    let mut said = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert!(
        said.contains(
            "the license of solver is lost: License was taken back by an administrator. (-1013,221)"
        ),
        "{said}"
    );
    assert_eq!(child.wait().unwrap().code(), Some(143));
}
