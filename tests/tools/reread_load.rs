//! Many rereads by `lmreread` under load: no checkout is lost, every denial is explained by the rules in force at the time, and
//! license and options files are always of one version.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use seatkeeper::event::Event;
use seatkeeper::wire::{FeatureCount, Message, Notice, Purpose, StatusItem};

use crate::daemon::{PATIENCE, Reply, Wire, now, until};
use crate::signed::sign;
use crate::system::System;

const CLIENTS: usize = 50;
const REREADS: usize = 200;
/// What is never reserved, whichever version holds: enough for everybody.
const FREE: u32 = 100;
/// Answers that only one version explains, waited for after each reread.
const SURE_ANSWERS: usize = 5;

/// Every third options file is broken; what held before goes on then.
fn broken(version: usize) -> bool {
    version % 3 == 2
}

/// The version whose rules hold once this one was read.
fn holds(version: usize) -> usize {
    if broken(version) { version - 1 } else { version }
}

/// Whom a version excludes: one half of the users, and then the other.
fn excludes(version: usize, user: usize) -> bool {
    let good = holds(version);
    // The good versions are numbered without the broken ones, and each turns it over.
    (good - good / 3) % 2 == user % 2
}

/// How many licenses a version reserves, of so many more than nobody reserves: mixed versions would not add up.
fn reserved(version: usize) -> u32 {
    u32::try_from(holds(version)).unwrap() + 1
}

fn license(version: usize, port: &str) -> String {
    let count = FREE + reserved(version);
    format!(
        "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE load LGS 1.0 permanent {count}\n\
         FEATURE kept LGS 1.0 permanent {CLIENTS}\n"
    )
}

fn options(version: usize) -> String {
    if broken(version) {
        return "EXCLUDE load USER\nINCLUDE\n".to_owned();
    }
    let excluded: Vec<String> =
        (0..CLIENTS).filter(|user| excludes(version, *user)).map(|user| format!("u{user}")).collect();
    let reserved = reserved(version);
    format!("GROUP OUT {}\nEXCLUDE load GROUP OUT\nRESERVE {reserved} load USER nobody\n", excluded.join(" "))
}

/// What the clients know of the versions, and what they have seen.
#[derive(Default)]
struct Course {
    /// Read for certain.
    read: AtomicUsize,
    /// Perhaps read already.
    begun: AtomicUsize,
    /// Answers that were given while one version held for certain.
    sure: AtomicUsize,
    over: AtomicBool,
}

impl Course {
    /// Judges an answer to a request that was sent when `before` was read.
    fn judge(&self, user: usize, before: usize, reply: &Reply) {
        let possible = before..=self.begun.load(Ordering::SeqCst);
        let denied = match reply {
            Reply::Granted(_) => false,
            other => {
                assert_eq!(other.number(), -38, "u{user}, versions {possible:?}: {other:?}");
                true
            }
        };
        assert!(
            possible.clone().any(|version| excludes(version, user) == denied),
            "u{user}, versions {possible:?}: {reply:?}"
        );
        if possible.start() == possible.end() {
            self.sure.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Checks out and in until all is over; gives the number of requests.
    fn work(&self, port: u16, user: usize) -> u64 {
        let mut wire = Wire::connect(port).unwrap();
        wire.hello(&format!("u{user}"), Purpose::New, now()).unwrap().unwrap();
        let kept = wire.checkout(1, 0, "kept", 1).unwrap().granted();
        let mut token = 1;
        while !self.over.load(Ordering::SeqCst) {
            let before = self.read.load(Ordering::SeqCst);
            token += 1;
            let reply = wire.checkout(token, token - 1, "load", 1).unwrap();
            self.judge(user, before, &reply);
            if let Reply::Granted(grant) = reply {
                token += 1;
                let back = wire.checkin(token, token - 1, grant.handle).unwrap();
                assert_eq!(back, Reply::CheckedIn(grant.handle));
            }
            // Others want the machine too.
            std::thread::sleep(Duration::from_millis(20));
        }
        let back = wire.checkin(token + 1, token, kept.handle).unwrap();
        assert_eq!(back, Reply::CheckedIn(kept.handle), "what was out stays out");
        assert_eq!(wire.notices, Vec::<Notice>::new());
        token
    }

    /// Looks at the status until all is over: licenses and reservations are of one version. Gives how often.
    fn watch(&self, port: u16) -> u64 {
        let mut wire = Wire::connect(port).unwrap();
        wire.hello("eve", Purpose::Ask, now()).unwrap().unwrap();
        let mut looks = 0;
        while !self.over.load(Ordering::SeqCst) {
            let feature = Some("load".parse().unwrap());
            let Message::Status(items) = wire.ask(&Message::AskStatus { feature, users: true }).unwrap()
            else {
                panic!("status");
            };
            let (mut issued, mut kept) = (0, 0);
            for item in &items {
                match item {
                    StatusItem::Feature { count: FeatureCount::Counted { issued: many, .. }, .. } => {
                        issued = *many
                    }
                    StatusItem::Reservation { count, .. } => kept = *count,
                    _ => {}
                }
            }
            assert_eq!(issued, FREE + kept, "{items:?}");
            looks += 1;
            std::thread::sleep(Duration::from_millis(20));
        }
        looks
    }
}

#[test]
fn fifty_clients_and_two_hundred_rereads_of_which_every_third_is_broken() {
    let mut system = System::start_prepared(&license(0, "{port}"), &[], |dir| {
        std::fs::write(dir.join("LGS.opt"), options(0)).unwrap();
    });
    let (port, place) = (system.vendor_port(), system.place());
    let lmgrd_port = system.port.to_string();
    let begin = Instant::now();
    let course = Course::default();
    let (requests, looks) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|user| {
                let course = &course;
                scope.spawn(move || course.work(port, user))
            })
            .collect();
        let watch = scope.spawn(|| course.watch(port));
        // Whatever goes wrong here, the clients come to an end.
        let rereads = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for version in 1..=REREADS {
                let sure = course.sure.load(Ordering::SeqCst);
                until("answers", || course.sure.load(Ordering::SeqCst) >= sure + SURE_ANSWERS);
                if !broken(version) {
                    let text = sign(&license(version, &lmgrd_port));
                    std::fs::write(system.dir.path().join("test.lic"), text).unwrap();
                }
                std::fs::write(system.dir.path().join("LGS.opt"), options(version)).unwrap();
                course.begun.store(version, Ordering::SeqCst);
                let output = system.tool(&["lmreread", "-c", &place]);
                course.read.store(version, Ordering::SeqCst);
                let text = String::from_utf8_lossy(&output.stdout);
                assert_eq!(output.status.code(), Some(i32::from(broken(version))), "{version}: {text}");
                assert_eq!(text.contains("keeping the rules in force"), broken(version), "{version}: {text}");
                assert!(begin.elapsed() < 5 * PATIENCE, "{version} rereads took too long");
            }
        }));
        course.over.store(true, Ordering::SeqCst);
        let ended: Vec<_> = clients.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        let requests: u64 = ended.into_iter().map(Result::unwrap).sum();
        let looks = watch.join().unwrap();
        rereads.unwrap();
        (requests, looks)
    });
    assert!(requests > CLIENTS as u64 && looks > 10, "{requests} requests, {looks} looks");
    assert!(course.sure.load(Ordering::SeqCst) >= REREADS * SURE_ANSWERS);
    let log = system.whole_log();
    assert_eq!(log.matches("Reread mechanism: Manual").count(), REREADS);
    assert!(!log.contains("SURPLUS"), "{log}");
    let history = system.dir.path().join("state/LGS");
    let records: Vec<_> = seatkeeper::store::history::read(&history).unwrap().map(Result::unwrap).collect();
    let events = || records.iter().flat_map(|record| &record.events);
    assert_eq!(events().filter(|event| matches!(event, Event::Reread(_))).count(), REREADS);
    let (mut out, mut back) = (0, 0);
    for event in events() {
        match event {
            Event::Out(_) => out += 1,
            Event::In(_) => back += 1,
            _ => {}
        }
    }
    assert_eq!(out, back, "everything that went out came back");
}
