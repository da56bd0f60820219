//! `seatkeeper run --wait`.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use seatkeeper::event::Event;

use crate::daemon::{signal, until};
use crate::system::PROGRAM;
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
