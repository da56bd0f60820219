//! What is kept on the borrower's machine, and what becomes of it when somebody meddles.

use std::os::unix::fs::PermissionsExt as _;

use crate::{LICENSE, Site, number, records, said};

#[test]
fn a_record_that_was_meddled_with_is_refused_and_says_so() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    let port = daemon.port;
    assert_eq!(site.borrow(port, "one", &site.order(24)), 0);
    daemon.stop();
    let path = site.record();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(site.borrows()).unwrap().permissions().mode() & 0o777, 0o700);
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("count=1", "count=9"),
        ("until=2", "until=3"),
        ("feature=one", "feature=many"),
        ("secret=", "secret=0"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        std::fs::write(&path, changed).unwrap();
        let feature = if to.ends_with("many") { "many" } else { "one" };
        let output = site.command(port, feature, &[], "true").output().unwrap();
        assert_eq!(number(&output), -117, "{}", said(&output));
        assert!(said(&output).contains("is damaged: "), "{}", said(&output));
        assert!(said(&site.lmborrow(&["-status"])).contains("is damaged: "));
    }
    std::fs::write(&path, &text).unwrap();
    assert_eq!(site.run(port, "one"), 0, "as it was");
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    let output = site.lmborrow(&["-purge"]);
    assert!(output.status.success() && said(&output).contains("removed: "), "{}", said(&output));
    assert!(records(&site.borrows()).is_empty());
}

#[test]
fn a_server_with_another_key_does_not_lend_until_the_old_one_is_forgotten() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    let port = daemon.port;
    assert_eq!(site.borrow(port, "one", &site.order(24)), 0);
    daemon.stop();
    std::fs::remove_dir_all(site.path("state")).unwrap();
    let daemon = site.serve_at(port);
    let output = site.borrowing(port, "many", &site.order(24), &[]);
    assert_eq!(number(&output), -117, "{}", said(&output));
    assert!(said(&output).contains("has another key"), "{}", said(&output));
    assert!(said(&site.tool(&["lmstat", "-a", "-c", &format!("{port}@127.0.0.1")])).len() > 1);
    // What was lent before goes on; the server has lost it.
    assert_eq!(site.run(port, "one"), 0);
    let output = site.lmborrow(&["-renew"]);
    assert!(output.status.success() && said(&output).contains("kept: one"), "{}", said(&output));
    assert_eq!(number(&site.lmborrow(&["-return", "one"])), -128);
    assert_eq!(site.run(port, "one"), 0, "and is kept to its end");
    std::fs::remove_file(site.record()).unwrap();
    assert!(site.lmborrow(&["-purge"]).status.success());
    assert_eq!(site.borrow(port, "many", &site.order(24)), 0);
    daemon.stop();
    assert_eq!(site.run(port, "many"), 0);
}

#[test]
fn nothing_is_lent_that_can_not_be_kept() {
    let site = Site::new(LICENSE);
    let daemon = site.serve();
    std::fs::write(site.borrows(), "a file, no directory").unwrap();
    let output = site.borrowing(daemon.port, "one", &site.order(24), &[]);
    assert_eq!(number(&output), -117, "{}", said(&output));
    let output = site.command(daemon.port, "one", &["--user", "bob"], "true").output().unwrap();
    assert_eq!(number(&output), 0, "the license was not taken: {}", said(&output));
    assert_eq!(site.run(daemon.port, "one"), 0, "and plain checkouts go on");
}

#[test]
fn a_return_is_refused_while_a_program_works_and_where_the_publisher_allows_none() {
    let site = Site::new(LICENSE);
    let manifest = seatkeeper::sign::Manifest { early_return: false, ..seatkeeper::sign::Manifest::demo() };
    std::fs::write(site.path("LGS.vendor.toml"), manifest.print().as_bytes()).unwrap();
    let daemon = site.serve();
    assert_eq!(site.borrow(daemon.port, "one", &site.order(24)), 0);
    let mut child = site.hold(daemon.port, "one");
    let output = site.lmborrow(&["-return", "one"]);
    assert_eq!(number(&output), -124, "{}", said(&output));
    assert!(said(&output).contains("a program of this machine uses"), "{}", said(&output));
    std::fs::write(site.path("end"), "").unwrap();
    assert!(child.wait().unwrap().success());
    let output = site.lmborrow(&["-return", "one"]);
    assert_eq!(number(&output), -123, "{}", said(&output));
    assert_eq!(site.run(daemon.port, "one"), 0, "it is still borrowed");
}
