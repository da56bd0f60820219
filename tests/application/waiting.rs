//! Waiting for licenses (`flexnet-tools.md` 6.3), by applications and by `seatkeeper run --wait`.

use std::time::Duration;

use seatkeeper::client::{ClientError, Progress, Taking, Waiting};
use seatkeeper::code::Code;
use seatkeeper::event::{Event, Queueing, Wishes};

use crate::daemon::until as until_blocking;
use crate::proxy::Proxy;
use crate::signed::sign;
use crate::system::System;
use crate::{Site, blocking_client, client, config, place, soon, until};

async fn wait(client: &seatkeeper::client::Client, feature: &str, taking: Taking) -> Waiting {
    soon(client.checkout_waiting(feature, "1.0", 1, &Wishes::default(), taking)).await.unwrap()
}

fn when_asked(hold_s: u64) -> Taking {
    Taking::WhenAsked { hold: Duration::from_secs(hold_s) }
}

fn position(waiting: &Waiting) -> Option<u32> {
    match waiting.progress() {
        Progress::Queued { position, .. } => Some(position),
        _ => None,
    }
}

/// Waits until licenses are held.
async fn held_for(waiting: &mut Waiting) {
    loop {
        match waiting.progress() {
            Progress::Held { .. } => return,
            Progress::Queued { .. } => drop(waiting.changed().await),
            other => panic!("{other:?}"),
        }
    }
}

fn reason(outcome: Result<seatkeeper::client::Seat, ClientError>) -> Code {
    outcome.unwrap_err().code()
}

#[tokio::test]
async fn who_waits_knows_the_place_and_gets_the_seat_as_soon_as_it_is_free() {
    let site = Site::new(300, 5);
    let daemon = site.daemon(0);
    let (ann, bob, joe) =
        (client(daemon.port, "ann"), client(daemon.port, "bob"), client(daemon.port, "joe"));
    let held = ann.checkout("one", "1.0").await.unwrap();
    let mut first = wait(&bob, "one", Taking::AtOnce).await;
    let mut second = wait(&joe, "one", Taking::AtOnce).await;
    assert_eq!((position(&first), position(&second)), (Some(1), Some(2)));
    assert_eq!((first.place(), first.feature().as_str()), (&*place(daemon.port), "one"));
    assert_eq!(reason(ann.checkout("one", "1.0").await), Code::UsersQueued);
    // Other licenses are had meanwhile, of the same session.
    let other = bob.checkout("ten", "1.0").await.unwrap();
    held.checkin().await.unwrap();
    let seat = soon(first.seat()).await.unwrap();
    assert_eq!((seat.feature().as_str(), seat.is_demo()), ("one", true));
    // The second moves up without asking.
    soon(async {
        while position(&second) != Some(1) {
            second.changed().await;
        }
    })
    .await;
    other.checkin().await.unwrap();
    seat.checkin().await.unwrap();
    soon(second.seat()).await.unwrap().checkin().await.unwrap();
    assert_eq!(reason(second.seat().await), Code::NeverCheckedOut);
}

#[tokio::test]
async fn whoever_does_not_want_to_wait_any_more_is_out_of_the_queue() {
    let site = Site::new(300, 5);
    let daemon = site.daemon(0);
    let (ann, bob, joe) =
        (client(daemon.port, "ann"), client(daemon.port, "bob"), client(daemon.port, "joe"));
    let held = ann.checkout("one", "1.0").await.unwrap();
    let (first, second) = (wait(&bob, "one", Taking::AtOnce).await, wait(&bob, "one", Taking::AtOnce).await);
    let queue = Wishes { queue: Some(Queueing::default()), ..Wishes::default() };
    let queued = |event: &Event| matches!(event, Event::Queued(_));
    tokio::select! {
        _ = bob.checkout_wishing("one", "1.0", 1, &queue) => panic!("nothing is free"),
        () = until("it to wait too, and to be dropped", || site.count(queued) == 3) => {}
    }
    let mut third = wait(&joe, "one", Taking::AtOnce).await;
    soon(first.cancel()).await;
    drop(second);
    let cancelled = |event: &Event| matches!(event, Event::Dequeued(_));
    until("all three to leave", || site.count(cancelled) == 3).await;
    held.checkin().await.unwrap();
    let seat = soon(third.seat()).await.unwrap();
    // What comes and is not taken goes back: the answer of a request that is dropped.
    let fourth = wait(&bob, "one", Taking::AtOnce).await;
    seat.checkin().await.unwrap();
    let granted = |event: &Event| matches!(event, Event::Out(out) if out.identity.user.as_str() == "bob");
    until("bob to get it", || site.count(granted) == 1).await;
    drop(fourth);
    soon(async {
        while joe.checkout("one", "1.0").await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_application_that_wants_to_be_asked_first_is_and_has_its_time() {
    let site = Site::new(300, 5);
    let daemon = site.daemon(0);
    let (ann, bob, joe) =
        (client(daemon.port, "ann"), client(daemon.port, "bob"), client(daemon.port, "joe"));
    let held = ann.checkout("one", "1.0").await.unwrap();
    let mut first = wait(&bob, "one", when_asked(600)).await;
    let mut second = wait(&joe, "one", when_asked(1)).await;
    held.checkin().await.unwrap();
    let Progress::Held { hold } = soon(first.changed()).await else { panic!("{:?}", first.progress()) };
    assert!((Duration::from_secs(590)..=Duration::from_secs(600)).contains(&hold), "{hold:?}");
    assert!(tokio::time::timeout(Duration::from_millis(300), first.changed()).await.is_err());
    assert_eq!(reason(ann.checkout("one", "1.0").await), Code::UsersQueued, "nobody else gets it");
    let seat = soon(first.seat()).await.unwrap();
    seat.checkin().await.unwrap();
    // The other one does not come in time: it is told, and ann has it.
    let waits = soon(async {
        loop {
            match second.changed().await {
                Progress::Over(denial) => break denial,
                progress => assert!(matches!(progress, Progress::Queued { .. } | Progress::Held { .. })),
            }
        }
    });
    assert_eq!(waits.await.code, Code::HoldLapsed);
    assert_eq!(second.changed().await, second.progress(), "nothing changes any more");
    assert_eq!(reason(second.seat().await), Code::HoldLapsed);
    ann.checkout("one", "1.0").await.unwrap();
}

#[tokio::test]
async fn waiting_outlives_resets_and_a_killed_daemon() {
    let site = Site::new(300, 60);
    let daemon = site.daemon(0);
    let proxy = Proxy::start(daemon.port);
    let (ann, bob, joe) = (client(daemon.port, "ann"), client(proxy.port, "bob"), client(daemon.port, "joe"));
    let held = ann.checkout("one", "1.0").await.unwrap();
    let mut first = wait(&bob, "one", Taking::AtOnce).await;
    let mut second = wait(&joe, "one", when_asked(600)).await;
    proxy.reset();
    let resumed = |event: &Event| matches!(event, Event::Resumed(_));
    until("the resume", || site.count(resumed) == 1).await;
    let port = daemon.port;
    daemon.kill();
    let _daemon = site.daemon(port);
    until("all three to come back", || site.count(resumed) == 4).await;
    assert_eq!((position(&first), position(&second)), (Some(1), Some(2)));
    held.checkin().await.unwrap();
    let seat = soon(first.seat()).await.unwrap();
    assert_eq!(seat.loss(), None);
    seat.checkin().await.unwrap();
    soon(held_for(&mut second)).await;
    soon(second.seat()).await.unwrap();
    let queued = |event: &Event| matches!(event, Event::Queued(_));
    assert_eq!(site.count(queued), 2, "nobody had to queue again");
}

/// Licenses that come while the client is away are taken by its resume; then they are held by the client.
#[tokio::test]
async fn an_offer_that_comes_over_a_cut_line_is_still_the_applications_to_take() {
    for take in [true, false] {
        let site = Site::new(300, 60);
        let daemon = site.daemon(0);
        let proxy = Proxy::start(daemon.port);
        let (ann, bob) = (client(daemon.port, "ann"), client(proxy.port, "bob"));
        let held = ann.checkout("one", "1.0").await.unwrap();
        let mut waiting = wait(&bob, "one", when_asked(6)).await;
        proxy.cut(true);
        held.checkin().await.unwrap();
        until("the offer", || site.count(|event| matches!(event, Event::Offered(_))) == 1).await;
        proxy.reset();
        proxy.cut(false);
        soon(held_for(&mut waiting)).await;
        until("the grant", || site.count(|event| matches!(event, Event::Out(_))) == 2).await;
        if take {
            let seat = soon(waiting.seat()).await.unwrap();
            assert_eq!(seat.loss(), None);
        } else {
            soon(async { while !matches!(waiting.changed().await, Progress::Over(_)) {} }).await;
            assert_eq!(reason(waiting.seat().await), Code::HoldLapsed);
            until("it is back", || site.count(|event| matches!(event, Event::In(_))) == 2).await;
            ann.checkout("one", "1.0").await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_request_that_a_reread_makes_impossible_is_told_so() {
    let text = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 1\nFEATURE other LGS 1.0 permanent 1\n";
    let system = System::start(text, &[]);
    let (ann, bob) = (client(system.port, "ann"), client(system.port, "bob"));
    let _held = ann.checkout("solver", "1.0").await.unwrap();
    let mut waiting = wait(&bob, "solver", Taking::AtOnce).await;
    let less =
        text.replace("FEATURE solver LGS 1.0 permanent 1\n", "").replace("{port}", &system.port.to_string());
    std::fs::write(system.dir.path().join("test.lic"), sign(&less)).unwrap();
    let output = system.tool(&["lmutil", "lmreread", "-c", &system.place()]);
    assert!(output.status.success());
    let told = soon(async {
        loop {
            if let Progress::Over(denial) = waiting.changed().await {
                break denial;
            }
        }
    });
    let told = told.await;
    assert_eq!(waiting.seat().await.unwrap_err().denial(), told);
    assert!(matches!(told.code, Code::FeatureRemoved | Code::NoSuchFeature), "{told:?}");
}

#[tokio::test]
async fn what_can_never_be_met_does_not_wait() {
    let site = Site::new(300, 5);
    let daemon = site.daemon(0);
    let ann = client(daemon.port, "ann");
    let ask = |feature: &'static str, version: &'static str, count| {
        let ann = ann.clone();
        async move {
            let wishes = Wishes::default();
            let asked = ann.checkout_waiting(feature, version, count, &wishes, Taking::AtOnce);
            soon(asked).await.unwrap_err().code()
        }
    };
    assert_eq!(ask("one", "1.0", 2).await, Code::TooManyRequested);
    assert_eq!(ask("none", "1.0", 1).await, Code::NoSuchFeature);
    assert_eq!(ask("one", "2.0", 1).await, Code::VersionNotSupported);
    assert_eq!(site.count(|event| matches!(event, Event::Queued(_))), 0);
    let mut free = wait(&ann, "one", when_asked(5)).await;
    assert_eq!(free.progress(), Progress::Granted, "what is free need not be waited for");
    soon(free.seat()).await.unwrap();
}

#[tokio::test]
async fn the_queue_is_that_of_the_first_server_that_has_the_feature() {
    let (first, second) = (Site::new(300, 5), Site::new(300, 5));
    std::fs::write(
        first.path("test.lic"),
        sign("SERVER this_host ANY 27000\nVENDOR LGS\nFEATURE one LGS 1.0 permanent 1\n"),
    )
    .unwrap();
    let (daemon, other) = (first.daemon(0), second.daemon(0));
    let nobody = crate::system::free_port();
    let path = format!("{}:{}:{}", place(nobody), place(daemon.port), place(other.port));
    let bob = seatkeeper::client::Client::new(config(&path, "bob"));
    let (ann, joe) = (client(daemon.port, "ann"), client(other.port, "joe"));
    // All free: the first. The first in use: the second, without waiting.
    let at_first = ann.checkout("one", "1.0").await.unwrap();
    let mut waiting = wait(&bob, "one", Taking::AtOnce).await;
    assert_eq!(waiting.place(), place(other.port));
    let at_second = soon(waiting.seat()).await.unwrap();
    // Both in use: it waits at the first, and a seat that comes free at the second is not seen.
    let mut waiting = wait(&bob, "one", Taking::AtOnce).await;
    assert_eq!((waiting.place(), position(&waiting)), (&*place(daemon.port), Some(1)));
    at_second.checkin().await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(1), waiting.seat()).await.is_err());
    at_first.checkin().await.unwrap();
    assert_eq!(soon(waiting.seat()).await.unwrap().place(), place(daemon.port));
    // The first has no such feature: it waits at the second.
    let _ten = joe.checkout_many("ten", "1.0", 10).await.unwrap();
    let waiting = wait(&bob, "ten", Taking::AtOnce).await;
    assert_eq!((waiting.place(), position(&waiting)), (&*place(other.port), Some(1)));
    let failure =
        bob.checkout_waiting("none", "1.0", 1, &Wishes::default(), Taking::AtOnce).await.unwrap_err();
    let ClientError::Checkout(failure) = failure else { panic!("{failure}") };
    let numbers: Vec<i32> = failure.attempts.iter().map(|attempt| attempt.denial.code.number()).collect();
    assert_eq!(numbers, [-15, -5, -5], "each place once, in order");
}

#[test]
fn the_blocking_face_waits_too() {
    let site = Site::new(300, 5);
    let daemon = site.daemon(0);
    let (ann, bob) = (blocking_client(daemon.port, "ann"), blocking_client(daemon.port, "bob"));
    let held = ann.checkout("one", "1.0").unwrap();
    let wishes = Wishes::default();
    let mut waiting = bob.checkout_waiting("one", "1.0", 1, &wishes, when_asked(600)).unwrap();
    assert_eq!(position(&waiting), Some(1));
    assert!(matches!(waiting.changed_within(Duration::from_millis(50)), Progress::Queued { .. }));
    held.checkin().unwrap();
    until_blocking("the offer", || {
        matches!(waiting.changed_within(Duration::from_secs(1)), Progress::Held { .. })
    });
    let seat = waiting.seat().unwrap();
    let mut waiting = ann.checkout_waiting("one", "1.0", 1, &wishes, Taking::AtOnce).unwrap();
    assert!(waiting.seat_within(Duration::from_millis(200)).unwrap().is_none());
    drop(seat);
    let seat = waiting.seat_within(Duration::from_secs(30)).unwrap().unwrap();
    let waiting = bob.checkout_waiting("one", "1.0", 1, &wishes, Taking::AtOnce).unwrap();
    waiting.cancel();
    drop(seat);
    let queue = Wishes { queue: Some(Queueing::default()), ..wishes };
    bob.checkout_wishing("one", "1.0", 1, &queue).unwrap().checkin().unwrap();
}

/// A number that waits is not acknowledged, and a server keeps 1024 answers behind it.
#[tokio::test]
async fn an_application_works_on_for_long_while_it_waits() {
    let site = Site::new(300, 5);
    let daemon = site.daemon(0);
    let (ann, bob) = (client(daemon.port, "ann"), client(daemon.port, "bob"));
    let held = ann.checkout("one", "1.0").await.unwrap();
    let early = bob.checkout("two", "1.0").await.unwrap();
    let mut waiting = wait(&bob, "one", Taking::AtOnce).await;
    for _ in 0..80 {
        let asked = (0..10).map(|_| bob.checkout("ten", "1.0"));
        let seats = soon(futures_util::future::try_join_all(asked)).await.unwrap();
        for seat in seats {
            seat.checkin().await.unwrap();
        }
    }
    let begun =
        |event: &Event| matches!(event, Event::Opened(opened) if opened.identity.user.as_str() == "bob");
    assert_eq!(site.count(begun), 2, "one session more, and not one for each request");
    held.checkin().await.unwrap();
    soon(waiting.seat()).await.unwrap().checkin().await.unwrap();
    early.checkin().await.unwrap();
    bob.close().await;
    until("both to end", || site.count(|event| matches!(event, Event::Ended(_))) == 2).await;
}
