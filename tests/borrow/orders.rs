//! Orders to borrow that hold no more, are out of reach, or come while something is borrowed already.

use std::time::Duration;

use seatkeeper::client::{Borrows, Client, Config, OnWarning, Trust};
use seatkeeper::time::Timestamp;

use crate::{LICENSE, Site, number, records, said};

fn ends(site: &Site) -> Timestamp {
    let mut config = Config::new("LGS".parse().unwrap(), Trust::Server).unwrap();
    config.borrow_dir = Some(site.borrows());
    let all = Borrows::new(&config).unwrap().list().unwrap();
    assert_eq!(all.len(), 1);
    all[0].record.as_ref().unwrap().ends
}

/// The end that an order asks for.
fn end(order: &str) -> Timestamp {
    let order = seatkeeper::client::BorrowOrder::parse(order).unwrap();
    order.ends_at(&jiff::tz::TimeZone::UTC).unwrap()
}

#[test]
fn an_order_that_is_over_is_a_plain_checkout_that_says_so() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    let today = site.order(1).split(":LGS:").next().unwrap().to_owned();
    for (order, why) in [
        (format!("{today}:LGS:1-jan-2020"), "its end has passed"),
        (format!("{today}:all:1-jan-2020:12:00 renew=2"), "its end has passed"),
        ("1-jan-2020:LGS:31-dec-2035".to_owned(), "it holds for checkouts of 1-jan-2020 alone"),
    ] {
        let output = site.borrowing(daemon.port, "many", &order, &[]);
        assert_eq!(number(&output), 0, "{}", said(&output));
        let warned = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            warned.contains(&format!("warning: LM_BORROW={order} makes nothing be borrowed: {why};")),
            "{warned}"
        );
        assert!(records(&site.borrows()).is_empty());
    }
    let output = site.borrowing(daemon.port, "many", &format!("{today}:acme:1-jan-2020"), &[]);
    assert_eq!((number(&output), said(&output).as_str()), (0, ""), "it is another vendor's");
}

#[test]
fn an_end_that_is_too_far_to_be_counted_with_is_refused() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    let today = site.order(1).split(":LGS:").next().unwrap().to_owned();
    let output = site.borrowing(daemon.port, "many", &format!("{today}:LGS:31-dec-9999"), &[]);
    assert_eq!(number(&output), -104, "{}", said(&output));
    assert!(said(&output).contains("the latest possible end is"), "{}", said(&output));
    let output = site.lmborrow(&["LGS", "31-dec-9999"]);
    assert_eq!(number(&output), -104, "{}", said(&output));
    assert!(said(&output).contains("31-dec-9999 lies behind the last day"), "{}", said(&output));
    let output = site.lmborrow(&["LGS", "1-jan-2020"]);
    assert!(number(&output) == -42 && said(&output).contains("has passed already"), "{}", said(&output));
}

#[test]
fn a_later_order_prolongs_what_is_borrowed() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    let port = daemon.port;
    let (first, later, earlier) = (site.order(10), site.order(30), site.order(5));
    for order in [&first, &later, &later, &earlier] {
        assert_eq!(site.borrow(port, "one", order), 0, "{order}");
    }
    assert_eq!(ends(&site), end(&later), "a sooner end is none");
    let output = site.borrowing(port, "one", &site.order(72), &[]);
    assert_eq!(number(&output), -104, "no plain checkout: {}", said(&output));
    assert!(said(&output).contains("the latest possible end is"), "{}", said(&output));
    assert_eq!(ends(&site), end(&later));
    daemon.stop();
    let output = site.borrowing(port, "one", &site.order(40), &[]);
    assert_eq!(number(&output), 0, "what is borrowed is used without the server: {}", said(&output));
    let warned = said(&output);
    assert!(warned.contains("warning: one stays borrowed until "), "{warned}");
    assert_eq!(site.run(port, "one"), 0);
}

#[test]
fn lmborrow_prolongs_as_lm_borrow_does_also_more_licenses_than_are_used() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    let order = site.order(10);
    let output = site.borrowing(daemon.port, "many", &order, &["-n", "2"]);
    assert_eq!(number(&output), 0, "{}", said(&output));
    let later = site.order(20);
    let (_, value) = later.split_once(":LGS:").unwrap();
    assert!(site.lmborrow(&["LGS", value]).status.success());
    assert_eq!(site.run(daemon.port, "many"), 0);
    assert_eq!(ends(&site), end(&later));
}

#[test]
fn an_application_hears_the_warning() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    let (tell, told) = std::sync::mpsc::channel();
    let mut config = Config::new("LGS".parse().unwrap(), Trust::Server).unwrap();
    config = config.with_path(&format!("{}@127.0.0.1", daemon.port));
    config.borrow_dir = Some(site.borrows());
    config.on_warning = Some(OnWarning::new(move |denial| tell.send(denial.clone()).unwrap()));
    let order = |text: &str| {
        std::fs::create_dir_all(site.borrows()).unwrap();
        std::fs::write(site.borrows().join("orders"), format!("LM_BORROW={text}\n")).unwrap();
    };
    let zone = jiff::tz::TimeZone::system();
    let now = jiff::Timestamp::now().to_zoned(zone);
    order(&format!("{}:LGS:1-jan-2020", now.strftime("%-d-%b-%Y")));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::new(config);
        let seat = client.checkout("many", "2.0").await.unwrap();
        assert!(!seat.is_borrowed());
        seat.checkin().await.unwrap();
        client.close().await;
    });
    let denial = told.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!((denial.code.number(), denial.minor), (-42, 247), "{}", denial.note);
}
