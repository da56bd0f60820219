//! Rereads under load: no checkout is lost, nobody is denied wrongly, nothing is torn.

use std::sync::atomic::{AtomicBool, Ordering};

use seatkeeper::event::Event;
use seatkeeper::seat::State;
use seatkeeper::wire::{Message, Notice};

use crate::daemon::{Daemon, Reply, signal, until};
use crate::forgetful_disk::ForgetfulDisk;
use crate::{Site, history, session};

const CLIENTS: usize = 50;
const REREADS: usize = 50;

/// Enough for two checkouts of each client, whichever lines hold.
fn license(reread: usize) -> String {
    let line = match reread % 3 {
        0 => "FEATURE load LGS 1.0 permanent 100",
        1 => "FEATURE load LGS 2.0 permanent 120",
        _ => "INCREMENT load LGS 2.0 permanent 60\nINCREMENT load LGS 3.0 permanent 60",
    };
    format!("SERVER this_host ANY 27000\nVENDOR LGS\n{line}\n")
}

#[test]
fn fifty_clients_do_not_notice_fifty_rereads_of_which_every_third_is_broken() {
    let site = Site::new(300, 5);
    site.serve(&license(0));
    let options = site.dir.path().join("LGS.opt");
    std::fs::write(&options, "EXCLUDE load USER nobody\n").unwrap();
    let daemon = site.start_on(|command| {
        command.arg("--options").arg(&options);
    });
    let over = AtomicBool::new(false);
    let rounds: u64 = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (daemon, over) = (&daemon, &over);
                scope.spawn(move || {
                    let (mut wire, _) = session(daemon, &format!("u{number}"));
                    let kept = wire.checkout(1, 0, "load", 1).unwrap().granted();
                    let mut token = 1;
                    while !over.load(Ordering::Relaxed) {
                        let grant = wire.checkout(token + 1, token, "load", 1).unwrap().granted();
                        // A client that verifies its grant asks for the line behind it, which may be gone by then.
                        let line = wire.ask(&Message::FetchLine(grant.lines[0])).unwrap();
                        assert!(matches!(line, Message::Line(_)), "{line:?}");
                        let back = wire.checkin(token + 2, token + 1, grant.handle).unwrap();
                        assert_eq!(back, Reply::CheckedIn(grant.handle));
                        token += 2;
                    }
                    let back = wire.checkin(token + 1, token, kept.handle).unwrap();
                    assert_eq!(back, Reply::CheckedIn(kept.handle));
                    assert_eq!(wire.notices, Vec::<Notice>::new());
                    token / 2
                })
            })
            .collect();
        let finished = || daemon.log_so_far().matches("...Finished rereading").count();
        for reread in 1..=REREADS {
            let broken = reread % 3 == 0;
            match (broken, reread % 2) {
                // Neither an options file with an error nor a license file that says nothing replaces what holds.
                (true, 0) => std::fs::write(site.dir.path().join("test.lic"), "# nothing\n").unwrap(),
                (true, _) => std::fs::write(&options, "EXCLUDE load USER u1\nINCLUDE\n").unwrap(),
                (false, _) => {
                    site.serve(&license(reread));
                    std::fs::write(&options, format!("EXCLUDE load USER nobody{reread}\n")).unwrap();
                }
            }
            signal(daemon.pid(), "HUP");
            until("the reread", || finished() == reread);
        }
        over.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    assert!(rounds >= CLIENTS as u64, "every client worked meanwhile: {rounds}");
    // What was wrong stands before the end of each reread.
    let log = daemon.log_so_far();
    // Rereads 3, 9, 15 … and 6, 12, 18 ….
    assert_eq!(log.matches("keeping the rules in force").count(), (REREADS + 3) / 6, "{log}");
    assert_eq!(log.matches("what was read of it before stays in force").count(), REREADS / 6, "{log}");
    assert!(daemon.stop().code().is_some());
    let records = history(&site.history());
    let mut state = State::default();
    records.iter().for_each(|record| state.evolve(record));
    assert_eq!(state.seats().count(), 0);
    let events = || records.iter().flat_map(|record| &record.events);
    assert_eq!(events().filter(|event| matches!(event, Event::Reread(_))).count(), REREADS);
    assert!(events().any(|event| matches!(event, Event::Moved(_))));
    assert!(!events().any(|event| matches!(event, Event::Denied(_))));
}

/// Has everything reread, and waits until that has come to an end.
fn reread(daemon: &Daemon) {
    let finished = || daemon.log_so_far().matches("...Finished rereading").count();
    let before = finished();
    signal(daemon.pid(), "HUP");
    until("the reread", || finished() > before);
}

#[test]
fn a_reread_that_the_disk_does_not_take_has_not_happened() {
    let site = Site::new(300, 5);
    let Some(disk) = ForgetfulDisk::over(&site.state()) else { return };
    let options = site.dir.path().join("LGS.opt");
    let rules = |number: usize| std::fs::write(&options, format!("EXCLUDE ten USER u{number}\n")).unwrap();
    rules(0);
    let daemon = site.start_on(|command| {
        disk.mount(command);
        command.arg("--options").arg(&options);
    });
    let (mut ann, _) = session(&daemon, "ann");
    let kept = ann.checkout(1, 0, "one", 1).unwrap().granted();
    disk.switch("full", true);
    // A full disk may still have room for a commit or two. Nothing but rereads is to be recorded, so the first that finds no
    // room is taken back while it waits for the disk.
    let mut number = 0;
    while !daemon.log_so_far().contains("nothing was taken over") {
        number += 1;
        rules(number);
        site.serve(&crate::LICENSE.replace("permanent 10", &format!("permanent {}", 10 + number)));
        reread(&daemon);
        assert!(number < 1000, "{}", daemon.log_so_far());
    }
    daemon.wait_for_log(&["ERROR: nothing was taken over: Request was not carried out. (-1002,402)"]);
    disk.switch("full", false);
    daemon.wait_for_log(&["The history can be written again"]);
    let denied = |user: usize| {
        let (mut wire, _) = session(&daemon, &format!("u{user}"));
        wire.checkout(1, 0, "ten", 1).unwrap().number() == -38
    };
    assert!(!denied(number), "the rules that were not taken over");
    assert!(denied(number - 1), "those before them hold");
    let resized = format!("pool resized: ten 1, from {} to", 9 + number);
    let before = daemon.log_until_now().matches(&resized).count();
    reread(&daemon);
    let log = daemon.log_until_now();
    assert_eq!(
        (before, log.matches(&resized).count()),
        (0, 1),
        "the licenses were not taken over either\n{log}"
    );
    assert!(denied(number) && !denied(number - 1));
    assert_eq!(ann.checkin(2, 1, kept.handle).unwrap(), Reply::CheckedIn(kept.handle));
    assert!(daemon.stop().code().is_some());
    let rereads = history(&site.history())
        .iter()
        .flat_map(|record| &record.events)
        .filter(|event| matches!(event, Event::Reread(_)))
        .count();
    assert_eq!(rereads, number, "all but the one that was taken back");
}
