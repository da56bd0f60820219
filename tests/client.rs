//! The client library against a scripted server: the way along the search path, broken connections, lost answers, ended
//! sessions, lines that are not the publisher's, files that need no server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/scripted_server.rs"]
mod scripted_server;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use scripted_server::{Fault, PATIENCE, Server};
use seatkeeper::client::{Client, ClientError, Config, OnLoss, Trust, blocking};
use seatkeeper::code::{Code, minor};
use seatkeeper::event::Denial;
use seatkeeper::ident::{Handle, Token, VendorName};
use seatkeeper::license::LicenseFile;
use seatkeeper::sign::{SigningKey, demo_signing_key};
use seatkeeper::text::Source;
use seatkeeper::wire::{LineText, Message, Notice, Purpose};

fn vendor() -> VendorName {
    VendorName::parse("LGS").unwrap()
}

/// A line as the server would send it.
fn line(text: &str, key: &SigningKey) -> LineText {
    let file = LicenseFile::parse(Source::new("a.lic", text.as_bytes()));
    let (_, statement) = file.statements().next().unwrap();
    let canonical = statement.canonical(&[]).unwrap();
    let sign = key.sign(&canonical);
    LineText { canonical, sign }
}

fn good_line() -> LineText {
    line("FEATURE f1 LGS 2.0 permanent 10\n", &demo_signing_key())
}

fn demo() -> Trust {
    Trust::Publisher { keys: vec![], demo: true }
}

fn config(path: &str) -> Config {
    Config::new(vendor(), demo()).unwrap().with_path(path)
}

fn client(path: &str) -> Client {
    Client::new(config(path))
}

/// Waits until a condition holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn token_of(message: Message) -> Option<Token> {
    match message {
        Message::Checkout(it) => Some(it.token),
        _ => None,
    }
}

#[tokio::test]
async fn a_seat_is_granted_by_way_of_lmgrd_and_given_back() {
    let mut server = Server::start(1, good_line()).await;
    let client = client(&server.place());
    let seat = client.checkout("f1", "2.0").await.unwrap();
    assert_eq!((seat.handle(), seat.is_demo(), seat.place()), (Some(Handle(1)), true, &*server.place()));
    server.wait_for(|message| matches!(message, Message::Locate(_)).then_some(())).await;
    seat.checkin().await.unwrap();
    assert_eq!(server.held(), 0);
    client.close().await;
    assert!(server.state.lock().unwrap().sessions.is_empty(), "said goodbye");
}

#[tokio::test]
async fn entries_are_tried_in_order_and_all_are_named() {
    let (full, free) = (Server::start(0, good_line()).await, Server::start(1, good_line()).await);
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let path = format!("{closed}@127.0.0.1:/no/such.lic:{}:{}", full.place(), free.place());
    let client = client(&path);
    let seat = client.checkout("f1", "2.0").await.unwrap();
    assert_eq!(seat.place(), free.place());
    let Err(ClientError::Checkout(failure)) = client.checkout("f1", "2.0").await else { panic!() };
    let codes: Vec<i32> = failure.attempts.iter().map(|attempt| attempt.denial.code.number()).collect();
    assert_eq!(codes, [-15, -1, -4, -4]);
    assert_eq!(failure.denial().code, Code::UsersReached, "a server's word counts most");
    let long = failure.long();
    assert!(long.contains("License error:-4,209") && long.contains("(-15,501)"), "{long}");
    assert!(long.contains(&format!("License path:  {path}:")), "{long}");
}

#[tokio::test]
async fn a_cut_answer_is_asked_for_again_and_nothing_is_granted_twice() {
    let server = Server::start(5, good_line()).await;
    let client = client(&server.place());
    server.order(&[Fault::CutBeforeAnswer]);
    let begin = Instant::now();
    let seat = client.checkout("f1", "2.0").await.unwrap();
    assert!(begin.elapsed() < PATIENCE / 2, "long before its patience ends: {:?}", begin.elapsed());
    assert_eq!((seat.handle(), server.held()), (Some(Handle(1)), 1));
    server.order(&[Fault::CutBeforeAnswer]);
    seat.checkin().await.unwrap();
    assert_eq!((server.held(), server.state.lock().unwrap().free), (0, 5));
}

#[tokio::test]
async fn a_lost_welcome_repeats_the_same_step() {
    let mut server = Server::start(5, good_line()).await;
    let client = client(&server.place());
    let seat = client.checkout("f1", "2.0").await.unwrap();
    server.order(&[Fault::CutBeforeWelcome, Fault::CutBeforeWelcome]);
    server.cut_all();
    let mut steps = Vec::new();
    for _ in 0..3 {
        steps.push(
            server
                .wait_for(|message| match message {
                    Message::Hello(hello) => match hello.purpose {
                        Purpose::Resume { epoch, nonce, .. } => Some((epoch, nonce)),
                        _ => None,
                    },
                    _ => None,
                })
                .await,
        );
    }
    assert_eq!(steps[0].0, 0);
    assert!(steps.iter().all(|step| *step == steps[0]), "{steps:?}");
    seat.checkin().await.unwrap();
    assert_eq!(server.state.lock().unwrap().sessions.values().next().unwrap().epoch, 1);
}

#[tokio::test]
async fn an_ended_session_loses_its_seats_and_a_new_one_begins() {
    let server = Server::start(5, good_line()).await;
    let (tell, told) = mpsc::channel();
    let mut config = config(&server.place());
    config.on_loss = Some(OnLoss::new(move |loss| tell.send(loss.clone()).unwrap()));
    let client = Client::new(config);
    let seat = client.checkout("f1", "2.0").await.unwrap();
    assert_eq!(seat.loss(), None);
    server.order(&[Fault::ForgetSession]);
    server.cut_all();
    let denial = tokio::time::timeout(PATIENCE, seat.lost()).await.unwrap();
    assert_eq!(denial.code, Code::SessionEnded);
    let loss = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!((loss.handle, loss.feature.as_str(), loss.denial), (Handle(1), "f1", denial));
    assert!(matches!(seat.checkin().await, Err(ClientError::Session(_))));
    let again = client.checkout("f1", "2.0").await.unwrap();
    assert_eq!(again.handle(), Some(Handle(2)));
}

#[tokio::test]
async fn a_seat_that_the_server_takes_is_reported() {
    let server = Server::start(5, good_line()).await;
    let client = client(&server.place());
    let (kept, taken) =
        (client.checkout("f1", "2.0").await.unwrap(), client.checkout("f1", "2.0").await.unwrap());
    let denial = Denial::new(Code::FeatureRemoved, minor::SERVER_HOSTID, "removed by ann");
    server.notice(Notice::SeatLost { handle: Handle(2), denial: denial.clone() });
    assert_eq!(tokio::time::timeout(PATIENCE, taken.lost()).await.unwrap(), denial);
    assert_eq!(kept.loss(), None);
}

#[tokio::test]
async fn what_was_not_carried_out_is_asked_again_under_a_new_number() {
    let mut server = Server::start(5, good_line()).await;
    let client = client(&server.place());
    server.order(&[Fault::AskAgain, Fault::AskAgain]);
    client.checkout("f1", "2.0").await.unwrap();
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(server.wait_for(token_of).await);
    }
    assert_eq!(tokens, [Token(1), Token(2), Token(3)]);
}

#[tokio::test]
async fn after_a_refusal_because_of_the_clock_the_time_is_told_again() {
    let mut server = Server::start(5, good_line()).await;
    let client = client(&server.place());
    server.order(&[Fault::Clock]);
    assert_eq!(client.checkout("f1", "2.0").await.unwrap_err().code(), Code::ClockDifference);
    client.checkout("f1", "2.0").await.unwrap();
    let resumed = |message| match message {
        Message::Hello(hello) => matches!(hello.purpose, Purpose::Resume { .. }).then_some(()),
        _ => None,
    };
    server.wait_for(resumed).await;
}

#[tokio::test]
async fn a_grant_that_nobody_waits_for_goes_back() {
    let mut server = Server::start(5, good_line()).await;
    let mut config = config(&server.place());
    config.patience = Duration::from_millis(300);
    let client = Client::new(config);
    server.order(&[Fault::Silence]);
    let error = client.checkout("f1", "2.0").await.unwrap_err();
    assert_eq!((error.code(), error.denial().minor), (Code::CannotRead, minor::ANSWER_TIMEOUT));
    assert_eq!(server.held(), 1);
    server.cut_all();
    server.wait_for(|message| matches!(message, Message::Checkin(_)).then_some(())).await;
    until("the seat is free", || server.held() == 0).await;
    let seat = client.checkout("f1", "2.0").await.unwrap();
    drop(seat);
    until("the dropped seat is free", || server.held() == 0).await;
}

#[tokio::test]
async fn a_short_lease_makes_for_quick_heartbeats() {
    let mut server = Server::start(5, good_line()).await;
    server.state.lock().unwrap().lease_s = 1;
    let client = client(&server.place());
    let _seat = client.checkout("f1", "2.0").await.unwrap();
    let begin = Instant::now();
    for _ in 0..2 {
        server.wait_for(|message| matches!(message, Message::Heartbeat { .. }).then_some(())).await;
    }
    assert!(begin.elapsed() < PATIENCE / 2, "as for a lease of five minutes: {:?}", begin.elapsed());
}

#[tokio::test]
async fn lines_that_are_not_the_publishers_are_refused_and_the_seat_goes_back() {
    let other_key = SigningKey::generate_ed25519(vendor(), [3; 32]);
    let edited = LineText { canonical: good_line().canonical.replace("10", "99"), ..good_line() };
    for (what, line, code) in [
        ("another key", line("FEATURE f1 LGS 2.0 permanent 10\n", &other_key), Code::BadSignature),
        ("edited", edited, Code::BadSignature),
        (
            "another feature",
            line("FEATURE f2 LGS 2.0 permanent 10\n", &demo_signing_key()),
            Code::BadSignature,
        ),
        (
            "a lower version",
            line("FEATURE f1 LGS 1.9 permanent 10\n", &demo_signing_key()),
            Code::BadSignature,
        ),
        (
            "another machine",
            line("FEATURE f1 LGS 2.0 permanent 10 HOSTID=00aabbccddee\n", &demo_signing_key()),
            Code::WrongHost,
        ),
        ("expired", line("FEATURE f1 LGS 2.0 1-jan-2020 10\n", &demo_signing_key()), Code::Expired),
        (
            "ends before the grant",
            line("FEATURE f1 LGS 2.0 1-jan-2099 10\n", &demo_signing_key()),
            Code::BadSignature,
        ),
    ] {
        let server = Server::start(5, line).await;
        let client = client(&server.place());
        assert_eq!(client.checkout("f1", "2.0").await.unwrap_err().code(), code, "{what}");
        until(what, || server.held() == 0).await;
    }
}

#[tokio::test]
async fn demo_grants_are_accepted_only_when_told_to() {
    let key = SigningKey::generate_ed25519(vendor(), [3; 32]);
    let strict = Trust::Publisher { keys: vec![key.verifying_key()], demo: false };
    let server = Server::start(5, good_line()).await;
    for says_so in [true, false] {
        server.state.lock().unwrap().demo = says_so;
        let client = Client::new(Config::new(vendor(), strict.clone()).unwrap().with_path(&server.place()));
        assert_eq!(client.checkout("f1", "2.0").await.unwrap_err().code(), Code::DemoRefused, "{says_so}");
    }
    let server = Server::start(5, line("FEATURE f1 LGS 2.0 permanent 10\n", &key)).await;
    server.state.lock().unwrap().demo = false;
    let client = Client::new(Config::new(vendor(), strict).unwrap().with_path(&server.place()));
    assert!(!client.checkout("f1", "2.0").await.unwrap().is_demo());
}

#[tokio::test]
async fn a_file_names_its_server_and_this_host_has_a_number_of_its_own() {
    let server = Server::start(5, good_line()).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.lic");
    let write =
        |port: u16| std::fs::write(&file, format!("SERVER this_host ANY {port}\nVENDOR LGS\n")).unwrap();
    write(server.address.port());
    client(file.to_str().unwrap()).checkout("f1", "2.0").await.unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    write(listener.local_addr().unwrap().port());
    drop(listener);
    let error = client(file.to_str().unwrap()).checkout("f1", "2.0").await.unwrap_err();
    assert_eq!(error.code(), Code::ThisHostFailed);
}

#[tokio::test]
async fn other_programs_on_the_port_are_told_apart() {
    use tokio::io::AsyncWriteExt as _;
    for (what, greeting, code) in
        [("text", &b"220 mail\r\n"[..], Code::BadReturnedData), ("nothing", b"", Code::CannotRead)]
    {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let path = format!("{}@localhost", listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(greeting).await;
            }
        });
        assert_eq!(client(&path).checkout("f1", "2.0").await.unwrap_err().code(), code, "{what}");
    }
}

#[tokio::test]
async fn uncounted_lines_of_a_file_need_no_server() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("local.lic");
    let mut text = String::new();
    for feature in [
        "FEATURE here LGS 2.0 permanent uncounted HOSTID=ANY",
        "FEATURE there LGS 2.0 permanent uncounted HOSTID=00aabbccddee",
        "FEATURE old LGS 2.0 1-jan-2020 uncounted HOSTID=ANY",
        "FEATURE early LGS 2.0 permanent uncounted HOSTID=ANY START=1-jan-2099",
    ] {
        let signed = line(&format!("{feature}\n"), &demo_signing_key());
        text.push_str(&format!("{feature} SIGN=\"{}\"\n", signed.sign));
    }
    text.push_str("FEATURE forged LGS 2.0 permanent uncounted HOSTID=ANY SIGN=0123\n");
    std::fs::write(&file, text).unwrap();
    let client = client(file.to_str().unwrap());
    let seat = client.checkout("here", "2.0").await.unwrap();
    assert_eq!((seat.handle(), seat.is_demo(), seat.place()), (None, true, file.to_str().unwrap()));
    seat.checkin().await.unwrap();
    for (feature, version, code) in [
        ("here", "2.1", Code::FileVersion),
        ("there", "2.0", Code::WrongHost),
        ("old", "2.0", Code::Expired),
        ("early", "2.0", Code::NotStarted),
        ("nowhere", "2.0", Code::NoSuchFeature),
        ("forged", "2.0", Code::FeatureNotSupported),
    ] {
        let error = client.checkout(feature, version).await.unwrap_err();
        assert_eq!(error.code(), code, "{feature}: {error}");
    }
}

#[tokio::test]
async fn what_can_not_be_asked_is_refused_before_anybody_is() {
    let client = client("/no/such.lic");
    assert!(matches!(client.checkout("two words", "1.0").await, Err(ClientError::Name(_))));
    assert!(matches!(client.checkout("f1", "1.0b").await, Err(ClientError::Version(_))));
    assert!(matches!(client.checkout_many("f1", "1.0", 0).await, Err(ClientError::CountZero)));
}

#[test]
fn the_blocking_face_does_the_same() {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            tell.send(Server::start(1, good_line()).await).unwrap_or_else(|_| panic!("the test waits"));
            std::future::pending::<()>().await;
        });
    });
    let server = told.recv().unwrap();
    let client = blocking::Client::new(config(&server.place())).unwrap();
    let seat = client.checkout("f1", "2.0").unwrap();
    assert_eq!(client.checkout("f1", "2.0").unwrap_err().code(), Code::UsersReached);
    server.cut_all();
    seat.checkin().unwrap();
    let seat = client.checkout("f1", "2.0").unwrap();
    drop(client);
    assert_eq!(server.held(), 1, "the seat keeps the session");
    drop(seat);
    assert!(server.state.lock().unwrap().sessions.is_empty(), "the last one says goodbye");
}
