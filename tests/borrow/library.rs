//! Borrowing by an application: with the publisher's keys, from another machine, recalled while it works.

use std::time::Duration;

use seatkeeper::client::{BorrowState, Client, ClientError, Config, Trust};
use seatkeeper::code::Code;
use seatkeeper::ident::Host;
use seatkeeper::sign::SigningKey;
use seatkeeper::time::Timestamp;

use crate::cut_wire::{At, CutWire};
use crate::{LICENSE, Site, records};

const HOUR: i64 = 3_600_000;

fn config(site: &Site, port: u16, hostid: &str, trust: Trust) -> Config {
    let mut config = Config::new("LGS".parse().unwrap(), trust).unwrap();
    config = config.with_path(&format!("{port}@127.0.0.1"));
    config.claims.hostids = vec![Host::parse(hostid).unwrap()];
    config.borrow_dir = Some(site.borrows());
    config
}

fn publisher() -> Trust {
    Trust::Publisher { keys: vec![], demo: true }
}

fn code(outcome: Result<impl Sized, ClientError>) -> i32 {
    outcome.map_or_else(|error| error.code().number(), |_| 0)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn an_application_borrows_works_without_network_and_only_on_its_machine() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    let port = daemon.port;
    block_on(async {
        let client = Client::new(config(&site, port, "ID=1", publisher()));
        let ends = Timestamp(site.now().0 + 20 * HOUR);
        let local = client.borrow("one", "1.0", 1, ends, None).await.unwrap();
        assert_eq!((local.record.unwrap().ends, local.state), (ends, BorrowState::Good));
        // Again with a later end it is extended, within what is allowed from now on.
        let later = Timestamp(ends.0 + HOUR);
        let local = client.borrow("one", "1.0", 1, later, None).await.unwrap();
        assert_eq!(local.record.unwrap().until, later);
        assert_eq!(records(&site.borrows()).len(), 1);
        let denied = client.borrow("one", "1.0", 1, Timestamp(site.now().0 + 49 * HOUR), None).await;
        assert_eq!(code(denied), -104);
        client.close().await;
    });
    daemon.stop();
    block_on(async {
        let client = Client::new(config(&site, port, "ID=1", publisher()));
        let seat = client.checkout("one", "1.0").await.unwrap();
        assert!(seat.is_borrowed() && seat.is_demo() && seat.loss().is_none());
        assert_eq!(code(client.checkout("one", "1.0").await), -4, "one program at a time");
        seat.checkin().await.unwrap();
        assert_eq!(code(client.checkout("one", "2.0").await), -15, "the version is too high");
        let other = Client::new(config(&site, port, "ID=2", publisher()));
        let failed = other.checkout("one", "1.0").await.unwrap_err();
        assert_eq!(failed.code(), Code::BorrowFailed);
        assert!(failed.to_string().contains("on another machine"), "{failed}");
        // Another publisher's application has no use of it.
        let keys = vec![SigningKey::generate_ed25519("LGS".parse().unwrap(), [3; 32]).verifying_key()];
        let strict = Trust::Publisher { keys, demo: false };
        assert_eq!(
            code(Client::new(config(&site, port, "ID=1", strict)).checkout("one", "1.0").await),
            -1008
        );
    });
    // Without the publisher's lines nobody vouches for the record, and others than the publisher's do not.
    let path = site.record();
    let text = std::fs::read_to_string(&path).unwrap();
    let without: String =
        text.lines().filter(|line| !line.starts_with("line")).map(|line| format!("{line}\n")).collect();
    let (record, lines) = text.split_once("\nline=").unwrap();
    let forged = format!("{record}\nline={}", lines.replace("BORROW=48", "BORROW=99"));
    for changed in [without, forged] {
        assert_ne!(changed, text);
        std::fs::write(&path, changed).unwrap();
        let client = Client::new(config(&site, port, "ID=1", publisher()));
        assert_eq!(block_on(async { code(client.checkout("one", "1.0").await) }), -8);
    }
}

#[test]
fn a_short_record_is_renewed_while_it_is_used_and_lost_when_the_server_is_away_for_too_long() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    block_on(async {
        let config = config(&site, daemon.port, "ID=1", publisher());
        let client = Client::new(config);
        let ends = Timestamp(site.now().0 + 20 * HOUR);
        let local = client.borrow("one", "1.0", 1, ends, Some(Duration::from_secs(8))).await.unwrap();
        let record = local.record.unwrap();
        assert!(record.until < record.ends);
        let seat = client.checkout("one", "1.0").await.unwrap();
        let started = std::time::Instant::now();
        let borrows = client.borrows().unwrap();
        while started.elapsed() < Duration::from_secs(10) {
            assert!(seat.loss().is_none(), "{:?}", seat.loss());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(borrows.list().unwrap()[0].record.as_ref().unwrap().until > record.until);
        daemon.stop();
        let denial = tokio::time::timeout(Duration::from_secs(60), seat.lost()).await.unwrap();
        assert_eq!(denial.code, Code::BorrowOver, "{}", denial.note);
        assert_eq!(code(client.checkout("one", "1.0").await), -118);
    });
}

#[test]
fn an_application_at_work_is_told_of_a_recall_and_the_license_is_free() {
    let license = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE one LGS 1.0 permanent 1 BORROW=48\n";
    let system = crate::system::System::start(license, &[]);
    let site = Site::new(LICENSE);
    let mut config = config(&site, system.port, "ID=1", publisher());
    let (tell, told) = std::sync::mpsc::channel();
    let on_loss = seatkeeper::client::OnLoss::new(move |loss| tell.send(loss.clone()).unwrap());
    config.on_loss = Some(on_loss);
    let client = seatkeeper::client::blocking::Client::new(config).unwrap();
    let ends = Timestamp(site.now().0 + 20 * HOUR);
    let local = client.borrow("one", "1.0", 1, ends, Some(Duration::from_secs(10))).unwrap();
    let handle = local.record.unwrap().handle.to_string();
    let seat = client.checkout("one", "1.0").unwrap();
    let output = system.tool(&["lmborrow", "-recall", "-c", &system.place(), "one", &handle]);
    assert!(output.status.success(), "{output:?}");
    let denial = seat.wait_for_loss();
    assert_eq!((denial.code.number(), denial.minor), (-117, 249), "{}", denial.note);
    assert_eq!(told.recv().unwrap().denial, denial);
    drop(seat);
    crate::daemon::until("the license to be free", || client.checkout("one", "1.0").is_ok());
    assert!(records(&site.borrows()).is_empty());
}

#[test]
fn a_lost_answer_is_asked_for_again_and_nothing_is_lent_twice() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    let wire = CutWire::to(daemon.port);
    // lmgrd is asked for the vendor daemon, here itself, on a connection of its own; the session's has greeting and request.
    wire.plan_at(At::Cut, 3, usize::MAX);
    let mut config = config(&site, wire.port, "ID=1", publisher());
    config.patience = Duration::from_secs(5);
    let client = seatkeeper::client::blocking::Client::new(config.clone()).unwrap();
    let ends = Timestamp(site.now().0 + 20 * HOUR);
    let local = client.borrow("one", "1.0", 1, ends, None).unwrap();
    let log = daemon.log_until_now();
    assert_eq!(log.matches("OUT: \"one\"").count(), 1, "{log}");
    assert!(wire.was_cut());
    // The answer to the return is lost, and the server out of reach then.
    config.patience = Duration::from_millis(300);
    let client = seatkeeper::client::blocking::Client::new(config).unwrap();
    wire.plan_at(At::Cut, 3, 2);
    let failed = client.give_back(&local).unwrap_err();
    assert_eq!(failed.code().number(), -124, "{failed}");
    let shown = crate::said(&site.lmborrow(&["-status"]));
    assert!(shown.contains("the server is still to be told"), "{shown}");
    wire.plan_at(At::Cut, usize::MAX, 0);
    assert_eq!(code(client.checkout("one", "1.0")), -16, "it can't be used any more");
    wire.heal();
    // The next checkout tells the server again.
    crate::daemon::until("the server to have it back", || {
        client.checkout("one", "1.0").is_ok_and(|seat| !seat.is_borrowed())
    });
    crate::daemon::until("the record to be gone", || records(&site.borrows()).is_empty());
}
