//! Waiting at a real daemon: the push, the hold, giving up, the restart while somebody waits.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use seatkeeper::code::Code;
use seatkeeper::event::{Checkout, Place, Queueing, Wishes};
use seatkeeper::ident::{Count, Token};
use seatkeeper::wire::{FeatureCount, Message, Notice, StatusItem};

use crate::daemon::{PATIENCE, Reply, Ticket, Wire, now};
use crate::{Site, session};

/// Asks with the queue; a hold of 0 is the usual one.
fn wait(wire: &mut Wire, token: u64, feature: &str, hold_s: u32) -> Reply {
    let request = Checkout {
        token: Token(token),
        acknowledged: Token(token - 1),
        feature: feature.parse().unwrap(),
        version: "1.0".parse().unwrap(),
        count: Count::MIN,
        wishes: Wishes { queue: Some(Queueing { hold_s }), ..Wishes::default() },
    };
    Reply::of(wire.ask(&Message::Checkout(request)).unwrap())
}

fn placed(reply: Reply) -> Place {
    match reply {
        Reply::Queued(place) => place,
        other => panic!("{other:?}"),
    }
}

/// The next notice.
fn told(wire: &mut Wire) -> Notice {
    match wire.receive().unwrap() {
        Some((0, Message::Notice(notice))) => notice,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_seat_that_comes_free_is_pushed_held_and_passed_on() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    let (mut ann, _) = session(&daemon, "ann");
    let (mut bob, _) = session(&daemon, "bob");
    let (mut joe, _) = session(&daemon, "joe");
    let held = ann.checkout(1, 0, "one", 1).unwrap().granted();
    let bob_place = placed(wait(&mut bob, 1, "one", 1));
    let joe_place = placed(wait(&mut joe, 1, "one", 0));
    assert_eq!((bob_place.position, joe_place.position), (1, 2));
    assert_eq!(ann.checkout(2, 1, "one", 1).unwrap().number(), Code::UsersQueued.number());
    assert_eq!(ann.checkin(3, 2, held.handle).unwrap(), Reply::CheckedIn(held.handle));
    let offer = Notice::Offered { token: Token(1), handle: bob_place.handle, hold_s: 1 };
    assert_eq!(told(&mut bob), offer);
    assert_eq!(ann.checkout(4, 3, "one", 1).unwrap().number(), Code::UsersQueued.number());
    // Bob does not come: it is joe's.
    match told(&mut joe) {
        Notice::Offered { token, handle, hold_s } => {
            assert_eq!((token, handle), (Token(1), joe_place.handle));
            assert!((59..=60).contains(&hold_s));
        }
        other => panic!("{other:?}"),
    }
    match told(&mut bob) {
        Notice::Dequeued { denial, .. } => assert_eq!(denial.code, Code::HoldLapsed),
        other => panic!("{other:?}"),
    }
    assert_eq!(wait(&mut bob, 1, "one", 1).number(), Code::HoldLapsed.number());
    let grant = wait(&mut joe, 1, "one", 0).granted();
    assert_ne!(grant.handle, joe_place.handle);
    daemon.wait_for_log(&["QUEUED: \"one\" joe@ws01  ", "DEQUEUED: \"one\" joe@ws01  "]);
}

#[test]
fn whoever_waits_still_does_after_the_daemon_was_killed_and_can_give_up() {
    let site = Site::new(300, 60);
    let daemon = site.start();
    let (mut ann, ann_terms) = session(&daemon, "ann");
    let (mut bob, bob_terms) = session(&daemon, "bob");
    let (mut joe, joe_terms) = session(&daemon, "joe");
    let held = ann.checkout(1, 0, "one", 1).unwrap().granted();
    let bob_place = placed(wait(&mut bob, 1, "one", 0));
    let joe_place = placed(wait(&mut joe, 1, "one", 0));
    daemon.kill();
    let daemon = site.start();
    let back = |user: &str, terms| {
        let mut wire = Wire::connect(daemon.port).unwrap();
        wire.hello(user, Ticket::of(terms).purpose([1; 16]), now()).unwrap().unwrap().unwrap();
        wire
    };
    let (mut ann, mut bob) = (back("ann", &ann_terms), back("bob", &bob_terms));
    assert_eq!(placed(wait(&mut bob, 1, "one", 0)), bob_place);
    // Bob gives up; the seat goes to joe, who is not connected yet and finds it when he is.
    assert_eq!(bob.checkin(2, 0, bob_place.handle).unwrap(), Reply::CheckedIn(bob_place.handle));
    assert_eq!(ann.checkin(2, 1, held.handle).unwrap(), Reply::CheckedIn(held.handle));
    let mut joe = back("joe", &joe_terms);
    let grant = wait(&mut joe, 1, "one", 0).granted();
    assert_ne!(grant.handle, joe_place.handle);
    assert_eq!(wait(&mut joe, 1, "one", 0).granted(), grant, "the same answer again");
}

#[test]
fn status_names_those_who_wait() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    let (mut ann, _) = session(&daemon, "ann");
    let (mut bob, _) = session(&daemon, "bob");
    ann.checkout(1, 0, "one", 1).unwrap().granted();
    let place = placed(wait(&mut bob, 1, "one", 0));
    let ask = Message::AskStatus { feature: Some("one".parse().unwrap()), users: true };
    let Message::Status(items) = ann.ask(&ask).unwrap() else { panic!() };
    let queued: Vec<&StatusItem> =
        items.iter().filter(|item| matches!(item, StatusItem::Queued { .. })).collect();
    match queued[..] {
        [StatusItem::Queued { user, handle, count: 1, .. }] => {
            assert_eq!((user.as_str(), *handle), ("bob", place.handle));
        }
        _ => panic!("{items:?}"),
    }
}

#[test]
fn a_line_client_waits_is_told_and_takes_it() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    let (mut ann, _) = session(&daemon, "ann");
    let held = ann.checkout(1, 0, "one", 1).unwrap().granted();
    let mut socket = TcpStream::connect(("127.0.0.1", daemon.port)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut lines = BufReader::new(socket.try_clone().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    socket.write_all(b"HELLO 1 user=bob host=ws02\nQUEUE one 1.0\n").unwrap();
    assert!(next().starts_with("OK HELLO"));
    let answer = next();
    let handle = answer.strip_prefix("OK QUEUE ").unwrap().split(' ').next().unwrap().to_owned();
    assert!(answer.ends_with(" position=1"), "{answer}");
    socket.write_all(format!("QUEUE {handle}\n").as_bytes()).unwrap();
    assert_eq!(next(), answer);
    ann.checkin(2, 1, held.handle).unwrap();
    assert_eq!(next(), format!("* FREE {handle} hold=60"));
    socket.write_all(format!("QUEUE {handle}\nQUEUE {handle}\n").as_bytes()).unwrap();
    assert!(next().starts_with("OK CHECKOUT "));
    assert!(next().starts_with("ERR -41,210 "), "it waits no more");
}

const SUITE: &str = "SERVER this_host ANY 27000\nVENDOR LGS\nPACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\" OPTIONS=SUITE\n\
                     FEATURE pk LGS 1.0 permanent 1\n";

/// How many licenses of a feature are in use, and how many requests stand below it.
fn about(wire: &mut Wire, feature: &str) -> (u32, usize) {
    let ask = Message::AskStatus { feature: Some(feature.parse().unwrap()), users: true };
    let Message::Status(items) = wire.ask(&ask).unwrap() else { panic!("status") };
    let in_use = items.iter().find_map(|item| match item {
        StatusItem::Feature { count: FeatureCount::Counted { in_use, .. }, .. } => Some(*in_use),
        _ => None,
    });
    (in_use.unwrap(), items.iter().filter(|item| matches!(item, StatusItem::Queued { .. })).count())
}

#[test]
fn a_hold_that_lapses_frees_package_and_component() {
    let site = Site::new(300, 60);
    site.serve(SUITE);
    let daemon = site.start();
    let (mut ann, _) = session(&daemon, "ann");
    let (mut bob, _) = session(&daemon, "bob");
    let (mut joe, _) = session(&daemon, "joe");
    let held = ann.checkout(1, 0, "ca", 1).unwrap().granted();
    let bob_place = placed(wait(&mut bob, 1, "cb", 1));
    let joe_place = placed(wait(&mut joe, 1, "ca", 600));
    assert_eq!((bob_place.position, joe_place.position), (1, 2), "both wait for the one package");
    ann.checkin(2, 1, held.handle).unwrap();
    assert!(matches!(told(&mut bob), Notice::Offered { hold_s: 1, .. }));
    // Bob does not come: of the one package joe has his component.
    assert!(matches!(told(&mut joe), Notice::Offered { handle, .. } if handle == joe_place.handle));
    match told(&mut bob) {
        Notice::Dequeued { denial, .. } => assert_eq!(denial.code, Code::HoldLapsed),
        other => panic!("{other:?}"),
    }
    assert_eq!(["pk", "ca", "cb"].map(|feature| about(&mut ann, feature)), [(1, 1), (1, 1), (0, 0)]);
    wait(&mut joe, 1, "ca", 600).granted();
    assert_eq!(["pk", "ca", "cb"].map(|feature| about(&mut ann, feature)), [(1, 0), (1, 0), (0, 0)]);
}

#[test]
fn a_component_of_a_suite_is_held_with_its_package_through_a_kill() {
    let site = Site::new(300, 60);
    site.serve(SUITE);
    let daemon = site.start();
    let (mut ann, _) = session(&daemon, "ann");
    let (mut bob, bob_terms) = session(&daemon, "bob");
    let held = ann.checkout(1, 0, "ca", 1).unwrap().granted();
    let place = placed(wait(&mut bob, 1, "cb", 600));
    assert_eq!((about(&mut ann, "pk"), about(&mut ann, "cb")), ((1, 0), (0, 1)));
    ann.checkin(2, 1, held.handle).unwrap();
    assert_eq!(told(&mut bob), Notice::Offered { token: Token(1), handle: place.handle, hold_s: 600 });
    // What is held of the package is shown there too.
    assert_eq!((about(&mut ann, "pk"), about(&mut ann, "cb")), ((1, 1), (1, 1)));
    // Held, and nobody else waits.
    assert_eq!(ann.checkout(3, 2, "ca", 1).unwrap().number(), Code::UsersReached.number());
    daemon.kill();
    let daemon = site.start();
    let mut bob = Wire::connect(daemon.port).unwrap();
    bob.hello("bob", Ticket::of(&bob_terms).purpose([1; 16]), now()).unwrap().unwrap().unwrap();
    assert_eq!((about(&mut bob, "pk"), about(&mut bob, "cb")), ((1, 1), (1, 1)));
    let grant = wait(&mut bob, 1, "cb", 600).granted();
    assert_eq!(wait(&mut bob, 1, "cb", 600).granted(), grant);
    assert_eq!((about(&mut bob, "pk"), about(&mut bob, "cb")), ((1, 0), (1, 0)));
    bob.checkin(2, 1, grant.handle).unwrap();
    assert_eq!((about(&mut bob, "pk"), about(&mut bob, "cb")), ((0, 0), (0, 0)));
    let log = daemon.log_until_now();
    let said = |text: &str| log.matches(text).count();
    let of_both = ["OUT: \"pk\" bob@", "OUT: \"cb\" bob@", "IN: \"pk\" bob@", "IN: \"cb\" bob@"].map(said);
    assert_eq!(of_both, [1; 4], "{log}");
    // The package has not waited.
    assert_eq!([said("DEQUEUED: \"cb\" bob@"), said("DEQUEUED:")], [1; 2], "{log}");
}
