//! `seatkeeper run --wait`.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use seatkeeper::client::blocking::Client;
use seatkeeper::client::{Config, Taking, Trust};
use seatkeeper::event::{Event, Wishes};

use crate::daemon::{signal, until};
use crate::system::{PROGRAM, System};
use crate::{Site, blocking_client, place};

fn run(site: &Site, port: u16, more: &[&str], errors: &Path) -> Child {
    Command::new(PROGRAM)
        .args(["run", "-c", &place(port), "--user", "bob", "-f", "one", "1.0"])
        .args(more)
        .args(["--", "touch", "ran"])
        .current_dir(site.dir.path())
        .stdin(Stdio::null())
        .stderr(std::fs::File::create(errors).unwrap())
        .spawn()
        .unwrap()
}

#[test]
fn it_waits_for_its_turn_and_says_the_place() {
    let site = Site::new(300, 5);
    let daemon = site.daemon(0);
    let ann = blocking_client(daemon.port, "ann");
    let held = ann.checkout("one", "1.0").unwrap();
    let errors = site.path("errors");
    let mut child = run(&site, daemon.port, &["--wait"], &errors);
    let said = || std::fs::read_to_string(&errors).unwrap();
    let place = format!("waiting for one 1.0 at {}: place 1", place(daemon.port));
    until("the place", || said().contains(&place));
    assert!(!site.path("ran").exists() && child.try_wait().unwrap().is_none());
    held.checkin().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", said());
    assert!(site.path("ran").exists());
    assert_eq!(said().matches("waiting for").count(), 1, "{}", said());
    assert_eq!(site.count(|event| matches!(event, Event::Denied(_))), 0, "nobody was refused");
}

#[test]
fn it_gives_up_after_its_time_or_by_a_signal() {
    let site = Site::new(300, 60);
    let daemon = site.daemon(0);
    let ann = blocking_client(daemon.port, "ann");
    let _held = ann.checkout("one", "1.0").unwrap();
    let errors = site.path("errors");
    let said = || std::fs::read_to_string(&errors).unwrap();
    let mut child = run(&site, daemon.port, &["--wait", "--wait-max", "1"], &errors);
    assert_eq!(child.wait().unwrap().code(), Some(256 - 35), "{}", said());
    assert!(
        said().contains("no license came within 1 s at ") && said().contains("License error:-35,232"),
        "{}",
        said()
    );
    let left = |event: &Event| matches!(event, Event::Dequeued(_));
    until("it to leave the queue", || site.count(left) == 1);
    for (number, name) in [(15, "TERM"), (2, "INT")] {
        let before = site.count(left);
        let mut child = run(&site, daemon.port, &["--wait"], &errors);
        until("the place", || said().contains("place 1"));
        signal(child.id(), name);
        assert_eq!(child.wait().unwrap().code(), Some(128 + number), "{}", said());
        // Long before the close grace.
        until("it to leave the queue", || site.count(left) == before + 1);
    }
    let mut child = run(&site, daemon.port, &[], &errors);
    assert_eq!(child.wait().unwrap().code(), Some(256 - 4), "{}", said());
    assert!(!site.path("ran").exists());
}

#[test]
fn a_seat_that_is_taken_back_is_waited_for_in_the_queue() {
    let text = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE one LGS 1.0 permanent 1\n";
    let system = System::start(text, &[]);
    let errors = system.dir.path().join("errors");
    let said = || std::fs::read_to_string(&errors).unwrap();
    let script = ": > runs; while [ ! -e end ]; do sleep 0.05; done; exit 5";
    let mut child = Command::new(PROGRAM)
        .args(["run", "--wait", "-c", &system.place(), "-f", "one", "1.0", "--", "sh", "-c", script])
        .current_dir(system.dir.path())
        .stdin(Stdio::null())
        .stderr(std::fs::File::create(&errors).unwrap())
        .spawn()
        .unwrap();
    until("the command to run", || system.dir.path().join("runs").exists());
    // An administrator gives it to ann.
    let trust = Trust::Publisher { keys: vec![], demo: true };
    let ann = Config::new("LGS".parse().unwrap(), trust).unwrap().with_path(&system.place());
    let ann = Client::new(ann).unwrap();
    let mut anns = ann.checkout_waiting("one", "1.0", 1, &Wishes::default(), Taking::AtOnce).unwrap();
    let port = system.port.to_string();
    let removed = system.tool(&["lmremove", "-c", &system.place(), "-h", "one", "localhost", &port, "1"]);
    assert!(removed.status.success(), "{}", crate::system::printed(&removed));
    let held = anns.seat().unwrap();
    until("it to wait", || said().contains("place 1"));
    assert!(said().contains("warning: the license of one is lost"), "{}", said());
    held.checkin().unwrap();
    until("it to be held again", || said().contains("the license is held again"));
    std::fs::write(system.dir.path().join("end"), "").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(5), "{}", said());
}
