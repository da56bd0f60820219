//! The text line protocol as a person or a script would use it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::daemon::{Daemon, PATIENCE, Reply, until};
use crate::{Site, session};

/// Sends everything at once, closes the sending side as nc does, and reads to the end.
fn say(daemon: &Daemon, text: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", daemon.port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn one_answer_a_line_in_order() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    let answer = say(
        &daemon,
        "HELLO 1 user=ann host=ws01\r\nCHECKOUT ten 1.0 3\nHEARTBEAT\nCHECKOUT one 1.0\nCHECKOUT one 1.0\n\
         CHECKOUT nosuch 1.0\nCHECKIN 1\nCHECKIN 1\nNONSENSE\nQUEUE ten 1.0\nQUIT\n",
    );
    let lines: Vec<&str> =
        answer.lines().map(|line| line.split_once(" License").map_or(line, |it| it.0)).collect();
    assert_eq!(
        lines[..5],
        ["OK HELLO 1 LGS 0.1.0", "OK CHECKOUT 1", "OK HEARTBEAT", "OK CHECKOUT 2", "ERR -4,209"]
    );
    assert!(lines[5].starts_with("ERR -5,201 "));
    assert_eq!(lines[6], "OK CHECKIN 1");
    assert!(lines[7].starts_with("ERR -41,210 "));
    assert!(lines[8].starts_with("ERR -85,"));
    assert_eq!(lines[9], "OK CHECKOUT 3", "nobody waits who need not");
    assert_eq!(lines[10..], ["OK QUIT"]);
}

#[test]
fn a_closed_socket_checks_in() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    let answer = say(&daemon, "HELLO 1 user=ann host=ws01\nCHECKOUT one 1.0\n");
    assert_eq!(answer, "OK HELLO 1 LGS 0.1.0\nOK CHECKOUT 1\n");
    let (mut bob, _) = session(&daemon, "bob");
    let mut token = 0;
    until("the seat", || {
        token += 1;
        matches!(bob.checkout(token, token - 1, "one", 1).unwrap(), Reply::Granted(_))
    });
    daemon.wait_for_log(&["IN: \"one\" ann@ws01  (DISCONNECT)"]);
}

#[test]
fn a_line_session_ends_with_the_daemon() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    let mut stream = TcpStream::connect(("127.0.0.1", daemon.port)).unwrap();
    stream.write_all(b"HELLO 1 user=ann host=ws01\nCHECKOUT one 1.0\n").unwrap();
    daemon.wait_for_log(&["OUT: \"one\" ann@ws01"]);
    daemon.kill();
    let daemon = site.start();
    let (mut bob, _) = session(&daemon, "bob");
    assert!(matches!(bob.checkout(1, 0, "one", 1).unwrap(), Reply::Granted(_)));
}

#[test]
fn a_line_session_is_told_that_the_daemon_ends() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    let mut stream = TcpStream::connect(("127.0.0.1", daemon.port)).unwrap();
    stream.write_all(b"HELLO 1 user=ann host=ws01\nCHECKOUT one 1.0\n").unwrap();
    daemon.wait_for_log(&["OUT: \"one\" ann@ws01"]);
    assert_eq!(daemon.stop().code(), Some(15));
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let last = answer.lines().last().unwrap();
    assert!(last.starts_with("* ENDED -97,506 "), "{answer}");
}

#[test]
fn the_clock_is_compared_where_a_time_is_given() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    let answer = say(&daemon, "HELLO 1 user=ann host=ws01 time=1000000000\nCHECKOUT one 1.0\n");
    assert!(answer.starts_with("ERR -34,304 Message expired. client clock is "), "{answer}");
    assert!(answer.lines().nth(1).unwrap().starts_with("ERR -1003,"), "{answer}");
}

#[test]
fn a_browser_is_not_listened_to() {
    let site = Site::new(300, 5);
    let daemon = site.start();
    let answer = say(
        &daemon,
        "POST / HTTP/1.1\r\nHost: localhost\r\n\r\nHELLO 1 user=ann host=ws01\nCHECKOUT one 1.0\n",
    );
    assert_eq!(answer.lines().count(), 1, "{answer}");
    assert!(answer.starts_with("ERR -85,"));
    let (mut bob, _) = session(&daemon, "bob");
    assert!(matches!(bob.checkout(1, 0, "one", 1).unwrap(), Reply::Granted(_)));
}
