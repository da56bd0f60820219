//! Fifty clients and ten seats, for a minute: never more than ten out, nobody starves, nothing is left over.
//! `CONTENTION_S=n` sets another length in seconds.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use seatkeeper::event::Event;
use seatkeeper::seat::State;
use seatkeeper::wire::Message;

use crate::daemon::{Reply, Wire};
use crate::{Site, history, session};

const CLIENTS: usize = 50;
const SEATS: u64 = 10;

/// Takes a seat, holds it for a moment, gives it back; tells how often it had one.
fn contend(mut wire: Wire, nth: usize, until: Instant) -> u64 {
    let (mut token, mut grants) = (0, 0);
    // Different rhythms, so that clients do not march in step.
    let pause = Duration::from_micros(1500 + 37 * nth as u64);
    while Instant::now() < until {
        token += 1;
        match wire.checkout(token, token - 1, "ten", 1).unwrap() {
            Reply::Granted(grant) => {
                grants += 1;
                std::thread::sleep(pause);
                token += 1;
                assert_eq!(
                    wire.checkin(token, token - 1, grant.handle).unwrap(),
                    Reply::CheckedIn(grant.handle)
                );
            }
            reply => assert_eq!(reply.number(), -4),
        }
        std::thread::sleep(pause);
    }
    assert!(matches!(wire.ask(&Message::Goodbye).unwrap(), Message::Farewell));
    grants
}

#[test]
fn fifty_clients_share_ten_seats_for_a_minute() {
    let seconds = std::env::var("CONTENTION_S").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let site = Site::new(300, 5);
    let daemon = site.start();
    let wires: Vec<Wire> = (0..CLIENTS).map(|nth| session(&daemon, &format!("u{nth}")).0).collect();
    let until = Instant::now() + Duration::from_secs(seconds);
    let threads: Vec<_> = wires
        .into_iter()
        .enumerate()
        .map(|(nth, wire)| std::thread::spawn(move || contend(wire, nth, until)))
        .collect();
    let grants: Vec<u64> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(daemon.stop().code(), Some(15));

    let records = history(&site.history());
    let (mut state, mut most, mut recorded) = (State::default(), 0, BTreeMap::<String, u64>::new());
    for record in &records {
        state.evolve(record);
        let out: u64 = state.seats().map(|(_, seat)| u64::from(seat.count.get())).sum();
        most = most.max(out);
        for event in &record.events {
            if let Event::Out(out) = event {
                *recorded.entry(out.identity.user.to_string()).or_default() += 1;
            }
        }
    }
    assert!(most <= SEATS, "{most} seats were out at once");
    assert_eq!(most, SEATS, "the seats were never all in use: nobody contended");
    assert_eq!((state.seats().count(), state.session_count(), state.pools().count()), (0, 0, 0));
    let total: u64 = grants.iter().sum();
    assert_eq!(recorded.values().sum::<u64>(), total);
    let mean = total / CLIENTS as u64;
    for (nth, had) in grants.iter().enumerate() {
        assert_eq!(recorded[&format!("u{nth}")], *had);
        assert!(had * 4 >= mean, "client {nth} had {had} grants, the mean is {mean}");
    }
}
