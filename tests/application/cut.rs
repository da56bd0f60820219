//! Exactly once over a bad network: connections that are cut without a word, reset, slow; clients that crash.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use seatkeeper::event::{Event, InReason};

use crate::daemon::until as until_blocking;
use crate::proxy::Proxy;
use crate::system::PROGRAM;
use crate::{Site, blocking_client, client, place, until};

/// Asks for the one seat until it is there, and says how long that took.
fn seconds_until_free(port: u16, since: Instant) -> f64 {
    let client = blocking_client(port, "bob");
    until_blocking("the seat", || client.checkout("one", "1.0").is_ok());
    since.elapsed().as_secs_f64()
}

#[tokio::test]
async fn a_client_cut_off_without_a_word_for_less_than_the_lease_keeps_its_seat() {
    let site = Site::new(15, 1);
    let daemon = site.daemon(0);
    let proxy = Proxy::start(daemon.port);
    let (ann, bob) = (client(proxy.port, "ann"), client(daemon.port, "bob"));
    let seat = ann.checkout("one", "1.0").await.unwrap();
    for span in [2, 6] {
        proxy.cut(true);
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(span) {
            assert!(bob.checkout("one", "1.0").await.is_err(), "after {:?}", begin.elapsed());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        proxy.cut(false);
        // Whatever it did meanwhile, it is heard of again.
        let other = ann.checkout("ten", "1.0").await.unwrap();
        other.checkin().await.unwrap();
        assert_eq!(seat.loss(), None);
    }
    seat.checkin().await.unwrap();
    let of_one = |event: &Event| matches!(event, Event::Out(out) if out.request.feature.as_str() == "one");
    assert_eq!(site.count(of_one), 1);
    assert_eq!(site.count(|event| matches!(event, Event::Ended(_))), 0);
}

#[tokio::test]
async fn a_reset_socket_is_resumed_within_the_close_grace() {
    let grace = Duration::from_secs(5);
    let site = Site::new(300, 5);
    let daemon = site.daemon(0);
    let proxy = Proxy::start(daemon.port);
    let (ann, bob) = (client(proxy.port, "ann"), client(daemon.port, "bob"));
    let seat = ann.checkout("one", "1.0").await.unwrap();
    for resets in 1..=3 {
        proxy.reset();
        let resumed = |event: &Event| matches!(event, Event::Resumed(_));
        until("the resume", || site.count(resumed) == resets).await;
        // The answer to it has come too: the same resume again, for an answer that was lost, would be no event of its own.
        ann.checkout("ten", "1.0").await.unwrap().checkin().await.unwrap();
    }
    // The grace of the last one is over.
    tokio::time::sleep(grace + Duration::from_secs(1)).await;
    assert!(bob.checkout("one", "1.0").await.is_err());
    assert_eq!(seat.loss(), None);
    seat.checkin().await.unwrap();
    bob.checkout("one", "1.0").await.unwrap();
}

/// A program that holds the one seat by this port until it is killed.
fn holder(site: &Site, port: u16) -> std::process::Child {
    let child = Command::new(PROGRAM)
        .args(["run", "-c", &place(port), "--user", "ann", "-f", "one", "1.0", "--", "sleep", "1000"])
        .current_dir(site.dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until_blocking("the seat to be held", || {
        site.path("state/LGS").exists() && site.count(|event| matches!(event, Event::Out(_))) == 1
    });
    child
}

/// Ends the program as a crash does, and the command that it has started.
fn crash(mut child: std::process::Child) -> Instant {
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let command = std::fs::read_to_string(children).unwrap();
    let at = Instant::now();
    child.kill().unwrap();
    child.wait().unwrap();
    for pid in command.split_whitespace() {
        crate::daemon::signal(pid.parse().unwrap(), "KILL");
    }
    at
}

/// Measures a span up to five times, which must be no shorter than `least` and once shorter than `most`: a machine that has
/// much else to do makes it longer, never shorter.
fn measured(least: f64, most: f64, measure: impl Fn() -> f64) {
    let mut spans = Vec::new();
    while spans.last().is_none_or(|took| *took >= most) {
        assert!(spans.len() < 5, "{spans:?} s, and not one below {most} s");
        let took = measure();
        assert!(took >= least, "{took} s, less than {least} s");
        spans.push(took);
    }
}

#[test]
fn a_crashed_clients_seat_is_back_after_the_close_grace() {
    measured(1.9, 3.0, || {
        let site = Site::new(300, 2);
        let daemon = site.daemon(0);
        let child = holder(&site, daemon.port);
        let at = crash(child);
        seconds_until_free(daemon.port, at)
    });
}

#[test]
fn a_crashed_clients_seat_is_back_after_the_lease_when_nothing_tells_of_the_crash() {
    // The last heartbeat came up to a third of the lease before.
    measured(5.0 * 2.0 / 3.0 - 0.5, 6.0, || {
        let site = Site::new(5, 1);
        let daemon = site.daemon(0);
        let proxy = Proxy::start(daemon.port);
        let child = holder(&site, proxy.port);
        proxy.cut(true);
        let at = crash(child);
        seconds_until_free(daemon.port, at)
    });
}

#[tokio::test]
async fn every_request_is_carried_out_once_whatever_the_network_does() {
    let site = Site::new(60, 20);
    let daemon = site.daemon(0);
    let proxy = Proxy::start(daemon.port);
    let ann = client(proxy.port, "ann");
    ann.checkout("one", "1.0").await.unwrap().checkin().await.unwrap();
    proxy.delay(Duration::from_millis(5));
    let mut granted = 1;
    for round in 0_u64..12 {
        // While requests are on their way there or back, the connection ends or stands still.
        let road = async {
            tokio::time::sleep(Duration::from_millis(round * 3)).await;
            if round % 3 == 2 {
                proxy.cut(true);
                tokio::time::sleep(Duration::from_millis(300)).await;
                proxy.reset();
                proxy.cut(false);
            } else {
                proxy.reset();
            }
        };
        let ask = async {
            let mut seats = Vec::new();
            for _ in 0..3 {
                seats.push(ann.checkout_many("ten", "1.0", 3).await.unwrap());
            }
            let refused = ann.checkout_many("ten", "1.0", 3).await;
            assert!(refused.is_err(), "the first three have nine of ten");
            seats
        };
        let (seats, ()) = tokio::join!(ask, road);
        granted += seats.len();
        for seat in seats {
            assert_eq!(seat.loss(), None);
            seat.checkin().await.unwrap();
        }
    }
    let out = site.count(|event| matches!(event, Event::Out(_)));
    let back = |event: &Event| matches!(event, Event::In(it) if matches!(it.why, InReason::Checkin { .. }));
    assert_eq!((out, site.count(back)), (granted, granted));
    assert_eq!(site.count(|event| matches!(event, Event::Ended(_))), 0);
    client(daemon.port, "bob").checkout_many("ten", "1.0", 10).await.unwrap();
}
