//! A disk that is full while somebody asks after a request that waits: it waits on, and whoever asked is told so.

use seatkeeper::vendord::{Desk, Line};

use super::script::Plan;
use super::server::Server;
use super::site::sites;

const PLAN: Plan =
    Plan { seed: 1, site: 0, clients: 2, lease_s: 12, grace_s: 2, latency_ms: 0, commit_ms: 0 };

/// Says a line.
fn say(desk: &mut Desk, line: &mut Line, text: &str) {
    desk.receive(line, format!("{text}\n").as_bytes());
}

/// What the daemon says over a connection, which stays open.
fn said(desk: &mut Desk, line: &mut Line) -> String {
    let sent = desk.turn(line);
    assert!(!sent.closed, "{}", String::from_utf8_lossy(&sent.bytes));
    String::from_utf8(sent.bytes).unwrap()
}

fn commit(desk: &mut Desk) {
    let records = desk.write(usize::MAX);
    desk.committed(&records);
}

fn ask(desk: &mut Desk, line: &mut Line, text: &str) -> String {
    say(desk, line, text);
    let at_once = said(desk, line);
    commit(desk);
    at_once + &said(desk, line)
}

/// The only license of fb is out, and then held for who waits for it. Gives the daemon and his connection, and the handle that waits.
fn offered() -> (Server, Line, String) {
    let mut server = Server::new();
    server.start(0, &PLAN, &sites()[PLAN.site].books[0].rules).unwrap();
    let desk = server.desk.as_mut().unwrap();
    commit(desk);
    let (mut ann, mut bob) = (desk.connect([127, 0, 0, 1].into()), desk.connect([127, 0, 0, 1].into()));
    ask(desk, &mut ann, "HELLO 1 user=ann host=ws01");
    ask(desk, &mut bob, "HELLO 1 user=bob host=ws02");
    let granted = ask(desk, &mut ann, "CHECKOUT fb 1.0");
    let held = granted.strip_prefix("OK CHECKOUT ").unwrap().split_whitespace().next().unwrap().to_owned();
    let queued = ask(desk, &mut bob, "QUEUE fb 1.0");
    let waits = queued.strip_prefix("OK QUEUE ").unwrap().split_whitespace().next().unwrap().to_owned();
    ask(desk, &mut ann, &format!("CHECKIN {held}"));
    assert!(said(desk, &mut bob).starts_with(&format!("* FREE {waits} ")));
    (server, bob, waits)
}

#[test]
fn who_takes_what_is_held_for_him_keeps_his_place_and_his_connection() {
    let (mut server, mut bob, waits) = offered();
    let desk = server.desk.as_mut().unwrap();
    let (ask_for_it, place) = (format!("QUEUE {waits}"), format!("OK QUEUE {waits} position=1\n"));
    say(desk, &mut bob, &ask_for_it);
    assert_eq!(said(desk, &mut bob), "", "the grant waits for the disk");
    desk.rolled_back("the disk is full");
    assert_eq!(said(desk, &mut bob), place);
    desk.rebuilt();
    say(desk, &mut bob, &ask_for_it);
    assert_eq!(said(desk, &mut bob), place, "nothing can be recorded yet");
    desk.recovered();
    assert!(ask(desk, &mut bob, &ask_for_it).starts_with("OK CHECKOUT "));
}

#[test]
fn who_speaks_lines_and_asks_for_his_place_beside_others_is_not_cut_off() {
    let (mut server, mut bob, _) = offered();
    let desk = server.desk.as_mut().unwrap();
    assert!(ask(desk, &mut bob, "CHECKOUT fa 1.0").starts_with("OK CHECKOUT "));
    let queued = ask(desk, &mut bob, "QUEUE fa 1.0 3");
    let waits = queued.strip_prefix("OK QUEUE ").unwrap().split_whitespace().next().unwrap().to_owned();
    let mut carl = desk.connect([127, 0, 0, 1].into());
    say(desk, &mut carl, "HELLO 1 user=carl host=ws03");
    assert_eq!(said(desk, &mut carl), "", "his session waits for the disk");
    say(desk, &mut bob, &format!("QUEUE {waits}"));
    assert_eq!(said(desk, &mut bob), "", "what is said may be rolled back");
    desk.rolled_back("the disk is full");
    assert!(said(desk, &mut bob).starts_with("ERR -1002,"));
    desk.rebuilt();
    desk.recovered();
    assert!(ask(desk, &mut bob, &format!("QUEUE {waits}")).starts_with("OK QUEUE "));
}
