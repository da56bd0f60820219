//! The debug log of a real daemon, read back: who got what, waited and gave back as the history has it, as far as a log goes.

use seatkeeper::event::debug_log::read::{Assumptions, records};
use seatkeeper::event::{
    Borrowing, Checkout, DequeueReason, EndReason, Event, InReason, Queueing, Record, Wishes,
};
use seatkeeper::ident::{Count, Digest, Handle, SessionId, Token};
use seatkeeper::time::CivilDate;
use seatkeeper::wire::{BorrowClaim, Message, Notice, Purpose};

use crate::daemon::{Daemon, Reply, Wire, now, until};
use crate::{Site, history};

const SECRET: [u8; 32] = [7; 32];

fn session(daemon: &Daemon, user: &str) -> Wire {
    let mut wire = Wire::connect(daemon.port).unwrap();
    wire.hello_from(user, &["ID=7"], Purpose::New, now()).unwrap().unwrap().unwrap();
    wire
}

fn ask(wire: &mut Wire, token: u64, feature: &str, wishes: Wishes) -> Reply {
    let request = Checkout {
        token: Token(token),
        acknowledged: Token(token - 1),
        feature: feature.parse().unwrap(),
        version: "1.0".parse().unwrap(),
        count: Count::MIN,
        wishes,
    };
    Reply::of(wire.ask(&Message::Checkout(request)).unwrap())
}

/// Waits; a hold of 0 is the usual one.
fn wait(wire: &mut Wire, token: u64, hold_s: u32) -> Reply {
    ask(wire, token, "one", Wishes { queue: Some(Queueing { hold_s }), ..Wishes::default() })
}

fn place(reply: Reply) -> Handle {
    match reply {
        Reply::Queued(place) => place.handle,
        other => panic!("{other:?}"),
    }
}

/// One after another: waiting with each of its ends, idleness, lingering, a borrow, the end of a session. The clients that are left.
fn live(daemon: &Daemon) -> [Wire; 2] {
    let [mut ann, mut bob, mut joe] = ["ann", "bob", "joe"].map(|user| session(daemon, user));
    let held = ann.checkout(1, 0, "one", 1).unwrap().granted();
    place(wait(&mut bob, 1, 0));
    let waits = place(wait(&mut joe, 1, 0));
    assert_eq!(bob.checkout(2, 0, "one", 1).unwrap().number(), -24);
    joe.checkin(2, 1, waits).unwrap();
    place(wait(&mut joe, 3, 1));
    ann.checkin(2, 1, held.handle).unwrap();
    // Bob takes it. Joe gets it after him, and does not come.
    let held = wait(&mut bob, 1, 0).granted();
    bob.checkin(3, 2, held.handle).unwrap();
    until("the hold to be over", || {
        joe.ask(&Message::Heartbeat { acknowledged: Token(3), idle_s: None }).unwrap();
        joe.notices.iter().any(|notice| matches!(notice, Notice::Dequeued { .. }))
    });
    // A license that lingers: its own user has it back, then it is over.
    let held = ann.checkout(3, 2, "lingers", 1).unwrap().granted();
    ann.checkin(4, 3, held.handle).unwrap();
    let held = ann.checkout(5, 4, "lingers", 1).unwrap().granted();
    ann.checkin(6, 5, held.handle).unwrap();
    until("the end of lingering", || daemon.log_so_far().matches("ann@ws01  (LINGER)").count() == 2);
    ann.checkout(7, 6, "idle", 1).unwrap().granted();
    until("the license is taken back", || {
        ann.ask(&Message::Heartbeat { acknowledged: Token(7), idle_s: Some(60) }).unwrap();
        !ann.notices.is_empty()
    });
    let ends = seatkeeper::time::Timestamp(now().0 + 3_600_000);
    let borrow = Some(Borrowing { ends, renew_s: 0, secret: Digest::of(&SECRET) });
    let lent = ask(&mut bob, 4, "lent", Wishes { borrow, ..Wishes::default() }).granted();
    let claim = BorrowClaim { token: Token(5), acknowledged: Token(4), handle: lent.handle, secret: SECRET };
    bob.ask(&Message::Return(claim)).unwrap();
    // Still out, and still waiting.
    ann.checkout(8, 7, "one", 1).unwrap().granted();
    joe.checkout(4, 3, "idle", 1).unwrap().granted();
    drop(joe);
    daemon.wait_for_log(&["joe@ws01  (DISCONNECT)"]);
    place(wait(&mut bob, 6, 0));
    // It is the last line.
    until("the log", || daemon.log_so_far().matches(") QUEUED: \"one\" bob@ws01").count() == 2);
    [ann, bob]
}

/// What records say of requests, in words that a log has too, with the second of each.
fn told(records: &[Record]) -> Vec<String> {
    let mut holders: Vec<(Handle, String)> = Vec::new();
    let mut waiting: Vec<(Handle, SessionId, Token, String)> = Vec::new();
    let mut told = Vec::new();
    for record in records {
        let second = record.at.seconds();
        for event in &record.events {
            match event {
                Event::Out(out) => {
                    let who = format!("{} of {}", out.request.feature, out.identity.user);
                    let name = (out.session, out.request.token);
                    let entry = waiting.iter().position(|(_, session, token, _)| (*session, *token) == name);
                    let how = entry.map(|index| waiting.remove(index)).map_or("", |_| " that waited");
                    told.push(format!("{second} out {who}{how}"));
                    holders.push((out.handle, who));
                }
                Event::In(back) => {
                    let index = holders.iter().position(|(handle, _)| *handle == back.handle).unwrap();
                    let (_, who) = holders.remove(index);
                    let why = match back.why {
                        InReason::Checkin { .. } | InReason::Ended(EndReason::Goodbye) => {
                            "checkin".to_owned()
                        }
                        InReason::BorrowReturned { .. } => "returned".to_owned(),
                        why => format!("{why:?}"),
                    };
                    told.push(format!("{second} in {who}: {why}"));
                }
                Event::Denied(denied) => {
                    let who = format!("{} of {}", denied.request.feature, denied.identity.user);
                    told.push(format!("{second} no {who}: {} {}", denied.denial, denied.denial.note));
                }
                Event::Queued(queued) => {
                    let who = format!("{} of {}", queued.request.feature, queued.identity.user);
                    told.push(format!("{second} waits {who}"));
                    waiting.push((queued.handle, queued.session, queued.request.token, who));
                }
                Event::Dequeued(dequeued) => {
                    let index = waiting.iter().position(|(entry, ..)| *entry == dequeued.entry).unwrap();
                    let (.., who) = waiting.remove(index);
                    let why = match &dequeued.why {
                        DequeueReason::Cancelled { .. } | DequeueReason::Ended(_) => "gave up".to_owned(),
                        DequeueReason::Lapsed(denial) => format!("lapsed {denial}"),
                        DequeueReason::Impossible(denial) => format!("never {denial}"),
                        DequeueReason::Removed(denial) => format!("removed {denial}"),
                    };
                    told.push(format!("{second} left {who}: {why}"));
                }
                _ => {}
            }
        }
    }
    told
}

fn read(log: &str) -> (Vec<Record>, Assumptions) {
    let zone = jiff::tz::TimeZone::system();
    let mut reader = records(log.lines(), &"LGS".parse().unwrap(), zone, CivilDate::new(2000, 1, 1).unwrap());
    let records: Vec<Record> = reader.by_ref().collect();
    (records, reader.assumptions())
}

#[test]
fn a_log_read_back_tells_the_same_of_who_waited_and_what_came_back_by_itself() {
    let site = Site::new(300, 1);
    site.serve(
        "SERVER this_host ANY 27000\nVENDOR LGS\nFEATURE one LGS 1.0 permanent 1\n\
         FEATURE lingers LGS 1.0 permanent 1\nFEATURE idle LGS 1.0 permanent 1\n\
         FEATURE lent LGS 1.0 permanent 1 BORROW=48\n",
    );
    let manifest = site.dir.path().join("LGS.vendor.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("timeout_minimum_seconds = 900", "timeout_minimum_seconds = 1"))
        .unwrap();
    let options = site.dir.path().join("LGS.opt");
    std::fs::write(&options, "TIMEOUT idle 1\nLINGER lingers 2\n").unwrap();
    let daemon = site.start_on(|command| {
        command.arg("--options").arg(&options);
    });
    let clients = live(&daemon);
    let log = daemon.log_so_far();
    let (read, assumed) = read(&log);
    assert_eq!(told(&read), told(&history(&site.history())), "{log}");
    assert_eq!((assumed.waited, assumed.gave_up, assumed.still_waiting, assumed.still_out), (1, 1, 1, 1));
    assert_eq!((assumed.lingered, assumed.borrowed), (2, 1), "{assumed}");
    assert_eq!((assumed.lines.torn, assumed.in_without_out, assumed.dequeued_without_queued), (0, 0, 0));
    assert!(assumed.reasons.is_empty());

    // Under rules that are as good, nobody is served otherwise, whichever of the two is replayed.
    std::fs::write(site.dir.path().join("new.opt"), "LINGER lingers 3600\nEXCLUDE idle USER eve\n").unwrap();
    std::fs::write(site.dir.path().join("lgs.log"), &log).unwrap();
    for recorded in [&["--debug-log", "lgs.log", "--license", "test.lic"][..], &["state"]] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_seatkeeper"));
        command.args(["lmreplay", "--vendor-dir", site.dir.path().to_str().unwrap(), "--options", "new.opt"]);
        let output = command.args(recorded).current_dir(site.dir.path()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
        assert!(words.contains("4 began to wait in the queue; 2 left it with nothing"), "{text}");
    }
    drop(clients);
}
