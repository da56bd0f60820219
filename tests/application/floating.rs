//! The client of a floating server: beside a proxy, and when the server moves or dies (`domain.md` 13, lines 80, 81 and 84; the others
//! are in tests/tools/floating.rs).

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use seatkeeper::client::Client;

use crate::daemon::signal;
use crate::system::{PROGRAM, System};
use crate::{Site, blocking_client, client, config, place, soon, until};

/// The port that [`the_application_of_line_80`] is to ask.
const LINE_80: &str = "APPLICATION_OF_LINE_80";

/// Not a test of its own: what the next one runs as another process, with the environment of a machine that has a proxy.
#[test]
fn the_application_of_line_80() {
    let Ok(port) = std::env::var(LINE_80) else { return };
    blocking_client(port.parse().unwrap(), "ann").checkout("one", "1.0").unwrap().checkin().unwrap();
}

#[test]
fn dom_80_a_proxy_that_is_configured_is_not_used_on_the_lan() {
    let site = Site::new(300, 5);
    let daemon = site.daemon(0);
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let beside_the_proxy = |mut command: Command| {
        for name in ["http_proxy", "https_proxy", "ftp_proxy", "socks_proxy", "all_proxy"] {
            command.env(name, &url).env(name.to_uppercase(), &url);
        }
        command.env_remove("no_proxy").env_remove("NO_PROXY").env(LINE_80, daemon.port.to_string());
        let output = command.current_dir(site.dir.path()).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let mut run = Command::new(PROGRAM);
    run.args(["run", "-c", &place(daemon.port), "-f", "one", "1.0", "--", "true"]);
    beside_the_proxy(run);
    let mut application = Command::new(std::env::current_exe().unwrap());
    application.args(["--exact", "application::floating::the_application_of_line_80"]);
    let said = beside_the_proxy(application);
    assert!(said.contains("1 passed"), "{said}");
    let out = |event: &seatkeeper::event::Event| matches!(event, seatkeeper::event::Event::Out(_));
    assert_eq!(site.count(out), 2, "both had the license from the server");
    // Who had dialled the proxy would wait there to be accepted.
    assert_eq!(proxy.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

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
