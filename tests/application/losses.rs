//! Seats that the server takes back: the application is told why, and can ask again.

use std::sync::mpsc;

use seatkeeper::client::{Client, OnLoss, Progress, Taking, blocking};
use seatkeeper::code::Code;
use seatkeeper::event::Wishes;

use crate::daemon::{PATIENCE, until as until_blocking};
use crate::proxy::Proxy;
use crate::signed::sign;
use crate::system::System;
use crate::{Site, client, config, place, soon, until};

/// A site whose server takes the seat of an idle user back after a second.
fn impatient() -> (Site, crate::daemon::Daemon) {
    let site = Site::new(5, 5);
    let manifest = site.path("LGS.vendor.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let sooner = text.replace("timeout_minimum_seconds = 900", "timeout_minimum_seconds = 1");
    assert_ne!(sooner, text);
    std::fs::write(&manifest, sooner).unwrap();
    std::fs::write(site.path("LGS.opt"), "TIMEOUT one 1\n").unwrap();
    let (vendor_dir, options) = (site.dir.path().to_str().unwrap().to_owned(), site.path("LGS.opt"));
    let arguments = ["--vendor-dir", &vendor_dir, "--options", options.to_str().unwrap()];
    let daemon =
        crate::Daemon::start(&site.path("test.lic"), &site.path("state"), &arguments, |_| {}).unwrap();
    (site, daemon)
}

#[tokio::test]
async fn case_o59_an_idle_application_is_told_and_can_ask_again() {
    let (_site, daemon) = impatient();
    let (tell, told) = mpsc::channel();
    let mut config = config(&place(daemon.port), "ann");
    config.on_loss = Some(OnLoss::new(move |loss| tell.send(loss.clone()).unwrap()));
    let ann = Client::new(config);
    let (one, ten) = (ann.checkout("one", "1.0").await.unwrap(), ann.checkout("ten", "1.0").await.unwrap());
    ann.report_activity().await;
    let denial = soon(one.lost()).await;
    assert_eq!((denial.code, one.loss()), (Code::Inactive, Some(denial.clone())));
    let loss = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!((Some(loss.handle), loss.feature.as_str(), loss.denial), (one.handle(), "one", denial));
    assert_eq!(ten.loss(), None, "only what TIMEOUT names");
    drop(one);
    ann.report_activity().await;
    let again = ann.checkout("one", "1.0").await.unwrap();
    again.checkin().await.unwrap();
    ten.checkin().await.unwrap();
    assert!(told.try_recv().is_err());
}

#[test]
fn case_o59_the_blocking_face_is_told_too() {
    let (_site, daemon) = impatient();
    let ann = blocking::Client::new(config(&place(daemon.port), "ann")).unwrap();
    let one = ann.checkout("one", "1.0").unwrap();
    ann.report_activity();
    assert_eq!(one.wait_for_loss().code, Code::Inactive);
    assert_eq!(one.loss().unwrap().code, Code::Inactive);
    assert!(one.checkin().is_err(), "it is the server's again");
    ann.checkout("one", "1.0").unwrap().checkin().unwrap();
}

#[tokio::test]
async fn who_was_away_when_its_seat_was_taken_back_hears_why() {
    let system = System::start(TWO, &[]);
    let proxy = Proxy::start(system.vendor_port());
    let ann = client(proxy.port, "ann");
    let (seat, kept) =
        (ann.checkout("solver", "1.0").await.unwrap(), ann.checkout("other", "1.0").await.unwrap());
    until_blocking("lmstat to show it", || {
        let shown = crate::system::printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
        shown.matches("    ann ").count() == 2
    });
    proxy.cut(true);
    let (port, handle) = (system.port.to_string(), seat.handle().unwrap().to_string());
    let output =
        system.tool(&["lmremove", "-c", &system.place(), "-h", "solver", "localhost", &port, &handle]);
    assert!(output.status.success(), "{}", crate::system::printed(&output));
    // The notice is lost with the connection.
    proxy.reset();
    proxy.cut(false);
    let denial = soon(seat.lost()).await;
    assert_eq!(denial.code, Code::UserRemoved, "{}", denial.note);
    kept.checkin().await.unwrap();
}

const TWO: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 1\nFEATURE other LGS 1.0 permanent 1\n";

fn serve(system: &System, text: &str) {
    let text = sign(&text.replace("{port}", &system.port.to_string()));
    std::fs::write(system.dir.path().join("test.lic"), text).unwrap();
    let output = system.tool(&["lmutil", "lmreread", "-c", &system.place()]);
    assert!(output.status.success(), "{}", crate::system::printed(&output));
}

#[tokio::test]
async fn a_feature_that_a_reread_removes_is_lost_and_comes_back_with_the_next() {
    let system = System::start(TWO, &[]);
    let ann = Client::new(config(&system.place(), "ann"));
    let solver = ann.checkout("solver", "1.0").await.unwrap();
    let other = ann.checkout("other", "1.0").await.unwrap();
    serve(&system, &TWO.replace("FEATURE solver LGS 1.0 permanent 1\n", ""));
    let denial = soon(solver.lost()).await;
    assert_eq!(denial.code, Code::FeatureRemoved, "{denial:?}");
    assert_eq!(other.loss(), None);
    let refused = ann.checkout("solver", "1.0").await.unwrap_err();
    assert_eq!(refused.code(), Code::FeatureRemoved, "{refused}");
    serve(&system, TWO);
    ann.checkout("solver", "1.0").await.unwrap().checkin().await.unwrap();
    other.checkin().await.unwrap();
}

#[test]
fn the_blocking_face_is_told_of_a_removed_feature() {
    let system = System::start(TWO, &[]);
    let ann = blocking::Client::new(config(&system.place(), "ann")).unwrap();
    let solver = ann.checkout("solver", "1.0").unwrap();
    serve(&system, &TWO.replace("FEATURE solver LGS 1.0 permanent 1\n", ""));
    assert_eq!(solver.wait_for_loss().code, Code::FeatureRemoved);
    drop(solver);
    serve(&system, TWO);
    ann.checkout("solver", "1.0").unwrap().checkin().unwrap();
}

/// Takes back what lmstat shows of a user.
fn remove(system: &System, handle: &str) {
    let output = system.tool(&[
        "lmremove",
        "-c",
        &system.place(),
        "-h",
        "solver",
        "localhost",
        &system.port.to_string(),
        handle,
    ]);
    assert!(output.status.success(), "{}", crate::system::printed(&output));
}

#[tokio::test]
async fn a_seat_and_a_place_in_the_queue_that_lmremove_takes_are_told_and_can_be_asked_for_again() {
    let system = System::start(TWO, &[]);
    let (ann, bob) =
        (Client::new(config(&system.place(), "ann")), Client::new(config(&system.place(), "bob")));
    let solver = ann.checkout("solver", "1.0").await.unwrap();
    remove(&system, &solver.handle().unwrap().to_string());
    assert_eq!(soon(solver.lost()).await.code, Code::UserRemoved);
    let solver = ann.checkout("solver", "1.0").await.unwrap();

    let wishes = Wishes::default();
    let mut waiting = bob.checkout_waiting("solver", "1.0", 1, &wishes, Taking::AtOnce).await.unwrap();
    let mut queued = String::new();
    until("lmstat to show who waits", || {
        let shown = crate::system::printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
        let Some(line) = shown.lines().find(|line| line.contains(" queued for ")) else { return false };
        let place = line.split_once(") queued").unwrap().0.rsplit_once(' ').unwrap().1;
        queued = place.to_owned();
        true
    })
    .await;
    remove(&system, &queued);
    soon(async { while !matches!(waiting.changed().await, Progress::Over(_)) {} }).await;
    assert_eq!(waiting.seat().await.unwrap_err().code(), Code::UserRemoved);
    let mut waiting = bob.checkout_waiting("solver", "1.0", 1, &wishes, Taking::AtOnce).await.unwrap();
    solver.checkin().await.unwrap();
    soon(waiting.seat()).await.unwrap();
}

#[test]
fn the_blocking_face_is_told_of_lmremove() {
    let system = System::start(TWO, &[]);
    let ann = blocking::Client::new(config(&system.place(), "ann")).unwrap();
    let solver = ann.checkout("solver", "1.0").unwrap();
    remove(&system, &solver.handle().unwrap().to_string());
    assert_eq!(solver.wait_for_loss().code, Code::UserRemoved);
    assert_eq!(solver.checkin().unwrap_err().code(), Code::NeverCheckedOut);
    ann.checkout("solver", "1.0").unwrap().checkin().unwrap();
}
