//! The client of a floating server that moves or dies (`domain.md` 13, lines 81 and 84; the others are in tests/tools/floating.rs).

use std::time::{Duration, Instant};

use seatkeeper::client::Client;

use crate::daemon::signal;
use crate::system::System;
use crate::{Site, client, config, place, soon, until};

#[tokio::test]
async fn dom_81_a_changed_path_counts_from_the_next_client_on_without_a_restart() {
    let (old, new) = (Site::new(300, 5), Site::new(300, 5));
    let first = old.daemon(0);
    // By the path itself, and by a file that the path names.
    let file = old.path("client.lic");
    let names =
        |port: u16| std::fs::write(&file, format!("SERVER 127.0.0.1 ANY {port}\nUSE_SERVER\n")).unwrap();
    names(first.port);
    let by_file = || Client::new(config(file.to_str().unwrap(), "bob"));
    let before = [client(first.port, "ann"), by_file()];
    for client in &before {
        client.checkout("ten", "1.0").await.unwrap().checkin().await.unwrap();
    }
    // The server moves.
    first.stop();
    let second = new.daemon(0);
    names(second.port);
    for client in [client(second.port, "ann"), by_file()] {
        let seat = soon(client.checkout("ten", "1.0")).await.unwrap();
        assert_eq!(seat.place(), place(second.port));
        seat.checkin().await.unwrap();
    }
}

#[tokio::test]
async fn dom_84_a_vendor_daemon_that_is_killed_serves_its_clients_again_within_five_seconds() {
    // Once of three times, as a machine that has much else to do makes it longer.
    let mut spans = Vec::new();
    while spans.last().is_none_or(|span| *span >= Duration::from_secs(5)) {
        assert!(spans.len() < 3, "{spans:?}");
        spans.push(killed_once().await);
    }
}

/// Kills a vendor daemon under its clients, and says after how long it serves again.
async fn killed_once() -> Duration {
    let license = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 2\n";
    // As lmgrd does without being told, unlike the other tests.
    let system = System::start(license, &["--restart-delay", "1:60"]);
    let application = |user: &str| Client::new(config(&system.place(), user));
    let (ann, bob) = (application("ann"), application("bob"));
    let seat = ann.checkout("solver", "1.0").await.unwrap();
    let pid = system.vendor_pid();
    signal(pid, "KILL");
    let killed = Instant::now();
    until("it runs again", || system.log_so_far().matches("using TCP-port").count() == 2).await;
    let took = killed.elapsed();
    assert_ne!(system.vendor_pid(), pid);
    // Who held a license holds it still, and it is counted; others get what is left.
    let other = soon(bob.checkout("solver", "1.0")).await.unwrap();
    let Err(refused) = soon(application("cid").checkout("solver", "1.0")).await else { panic!("a third") };
    assert_eq!(refused.denial().code.number(), -4);
    assert_eq!(seat.loss(), None);
    soon(seat.checkin()).await.unwrap();
    soon(application("cid").checkout("solver", "1.0")).await.unwrap().checkin().await.unwrap();
    soon(other.checkin()).await.unwrap();
    took
}
