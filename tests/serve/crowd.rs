//! Very many at once.

use std::time::Instant;

use bytes::BytesMut;
use seatkeeper::event::Checkout;
use seatkeeper::ident::{Count, Token};
use seatkeeper::wire::{self, Message, Purpose};

use crate::daemon::{PATIENCE, Reply, Wire, now, signal};
use crate::{Site, session};

/// More records than the store's queue has room for, decided in one turn of the daemon's loop.
#[test]
fn a_burst_larger_than_the_store_s_queue_is_answered() {
    const SESSIONS: usize = 320;
    const EACH: u64 = 64;
    let site = Site::new(300, 5);
    let daemon = site.start();
    let mut sessions: Vec<_> = (0..SESSIONS).map(|n| session(&daemon, &format!("u{n}")).0).collect();
    let mut burst = BytesMut::new();
    for token in 1..=EACH {
        let checkout = Checkout {
            token: Token(token),
            acknowledged: Token(0),
            feature: "free".parse().unwrap(),
            version: "1.0".parse().unwrap(),
            count: Count::new(1).unwrap(),
            wishes: seatkeeper::event::Wishes::default(),
        };
        wire::encode(&Message::Checkout(checkout), u32::try_from(token).unwrap(), &mut burst).unwrap();
    }
    // While the daemon stands still everything arrives; then it finds it all at once.
    signal(daemon.pid(), "STOP");
    sessions.iter_mut().for_each(|wire| wire.send_bytes(&burst).unwrap());
    signal(daemon.pid(), "CONT");
    let begin = Instant::now();
    for wire in &mut sessions {
        for _ in 0..EACH {
            let (_, answer) = wire.receive().unwrap().unwrap();
            assert!(matches!(answer, Message::Answer { .. }), "{answer:?}");
        }
        assert!(begin.elapsed() < PATIENCE);
    }
    // And the daemon goes on.
    let (mut ann, _) = session(&daemon, "ann");
    assert!(matches!(ann.checkout(1, 0, "one", 1).unwrap(), Reply::Granted(_)));
}

/// Each session that ends costs the same, however many end with it.
#[test]
fn thousands_that_leave_at_once_do_not_stall_the_others() {
    const SESSIONS: usize = 2000;
    seatkeeper::platform::process::raise_file_limit();
    let site = Site::new(300, 5);
    let daemon = site.start();
    let (mut ann, _) = session(&daemon, "ann");
    let begin = Instant::now();
    let mut leaving: Vec<_> = (0..SESSIONS).map(|n| session(&daemon, &format!("u{n}")).0).collect();
    let coming = begin.elapsed();
    signal(daemon.pid(), "STOP");
    for wire in &mut leaving {
        wire.send(&Message::Goodbye).unwrap();
    }
    signal(daemon.pid(), "CONT");
    let begin = Instant::now();
    assert!(matches!(ann.checkout(1, 0, "one", 1).unwrap(), Reply::Granted(_)));
    // A thirtieth of it on a machine that does nothing else.
    assert!(begin.elapsed() < coming, "{:?} to leave, {coming:?} to come", begin.elapsed());
    for wire in &mut leaving {
        let (_, answer) = wire.receive().unwrap().unwrap();
        assert!(matches!(answer, Message::Farewell), "{answer:?}");
    }
}

/// Each big answer waits for its turn; nobody is sent away because others ask as well.
#[test]
fn a_hundred_who_ask_for_the_status_at_once_are_all_answered() {
    seatkeeper::platform::process::raise_file_limit();
    let site = Site::new(300, 5);
    let daemon = site.start();
    let (mut ann, _) = session(&daemon, "ann");
    // Seats enough that an answer does not fit between two requests.
    for token in 1..=500 {
        ann.checkout(token, token - 1, "free", 1).unwrap().granted();
    }
    let ask = Message::AskStatus { feature: None, users: true };
    let mut asking: Vec<Wire> = (0..100)
        .map(|_| {
            let mut wire = Wire::connect(daemon.port).unwrap();
            wire.hello("ann", Purpose::Ask, now()).unwrap().unwrap();
            wire
        })
        .collect();
    signal(daemon.pid(), "STOP");
    for wire in &mut asking {
        wire.send(&ask).unwrap();
    }
    signal(daemon.pid(), "CONT");
    for wire in &mut asking {
        let (_, answer) = wire.receive().unwrap().unwrap();
        assert!(matches!(answer, Message::Status(_)), "{answer:?}");
    }
}
