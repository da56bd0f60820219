//! A disk that is full, read-only or forgets; a daemon that is killed under load.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use seatkeeper::code::Code;
use seatkeeper::event::{Event, Record};
use seatkeeper::ident::{Handle, SessionId};
use seatkeeper::wire::{Message, Purpose, StatusItem};

use crate::daemon::{PATIENCE, Reply, Ticket, Wire, now, until};
use crate::forgetful_disk::ForgetfulDisk;
use crate::{Site, history, session};

fn notes(port: u16) -> Vec<String> {
    let mut asking = Wire::connect(port).unwrap();
    asking.hello("ann", Purpose::Ask, now()).unwrap().unwrap();
    let Message::Status(items) = asking.ask(&Message::AskStatus { feature: None, users: true }).unwrap()
    else {
        panic!("status");
    };
    items
        .into_iter()
        .flat_map(|item| match item {
            StatusItem::Daemon { notes, .. } => notes,
            _ => Vec::new(),
        })
        .collect()
}

/// Full and read-only disks: nothing new is granted, the reason is said, status and heartbeats go on, nothing lapses,
/// and all is well again without a restart.
fn refuses_and_recovers(failure: &str) {
    let site = Site::new(5, 1);
    let Some(disk) = ForgetfulDisk::over(&site.state()) else { return };
    let daemon = site.start_on(|command| disk.mount(command));
    let (mut ann, _) = session(&daemon, "ann");
    let grant = ann.checkout(1, 0, "one", 1).unwrap().granted();
    disk.switch(failure, true);
    let mut token = 1;
    let begin = Instant::now();
    // A full disk may still have room for a commit or two.
    until("a refusal", || {
        token += 1;
        let reply = ann.checkout(token, 1, "ten", 1).unwrap();
        matches!(reply, Reply::Error(denial) if denial.code == Code::StoreUnavailable || denial.code == Code::AskAgain)
    });
    token += 1;
    let Reply::Error(denial) = ann.checkout(token, 1, "ten", 1).unwrap() else { panic!("refused") };
    assert_eq!(denial.code, Code::StoreUnavailable);
    assert!(denial.note.contains("history.db"), "the reason is said: {}", denial.note);
    let directory = site.state().display().to_string();
    assert!(!denial.note.contains(&directory), "clients see no directories: {}", denial.note);
    assert!(notes(daemon.port).iter().all(|note| !note.contains(&directory)));
    let mut newcomer = Wire::connect(daemon.port).unwrap();
    let refused = newcomer.hello("bob", Purpose::New, now()).unwrap().unwrap_err();
    assert_eq!(refused.code, Code::StoreUnavailable);
    while begin.elapsed() < Duration::from_secs(7) {
        assert!(notes(daemon.port).iter().any(|note| note.contains("no license can be checked out")));
        std::thread::sleep(Duration::from_millis(250));
    }
    disk.switch(failure, false);
    until("recovery", || {
        token += 1;
        !matches!(ann.checkout(token, 1, "ten", 1).unwrap(), Reply::Error(_))
    });
    assert_eq!(
        ann.checkin(token + 1, 1, grant.handle).unwrap(),
        Reply::CheckedIn(grant.handle),
        "no lease lapsed"
    );
    assert!(notes(daemon.port).iter().all(|note| note.contains("DEMO")));
    let (failed, works) = ("ERROR: the history can't be written", "The history can be written again");
    let log = daemon.wait_for_log(&[failed, works]);
    assert!(log.find(failed) < log.find(works), "{log}");
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    refuses_and_recovers("full");
}

#[test]
fn a_read_only_disk_refuses_and_recovers() {
    refuses_and_recovers("readonly");
}

#[test]
fn a_start_on_a_read_only_disk_serves_status_and_gets_its_history_later() {
    let site = Site::new(300, 5);
    let Some(disk) = ForgetfulDisk::over(&site.state()) else { return };
    disk.switch("readonly", true);
    let daemon = site.start_on(|command| disk.mount(command));
    assert!(notes(daemon.port).iter().any(|note| note.contains("no license can be checked out")));
    let mut ann = Wire::connect(daemon.port).unwrap();
    let refused = ann.hello("ann", Purpose::New, now()).unwrap().unwrap_err();
    assert_eq!(refused.code, Code::StoreUnavailable);
    disk.switch("readonly", false);
    until("the history", || {
        let mut ann = Wire::connect(daemon.port).unwrap();
        ann.hello("ann", Purpose::New, now()).unwrap().is_ok()
    });
}

#[test]
fn a_failed_sync_ends_the_daemon_and_the_next_start_decides() {
    let site = Site::new(300, 5);
    let Some(disk) = ForgetfulDisk::over(&site.state()) else { return };
    let daemon = site.start_on(|command| disk.mount(command));
    let (mut ann, terms) = session(&daemon, "ann");
    let grant = ann.checkout(1, 0, "one", 1).unwrap().granted();
    disk.switch("syncfail", true);
    assert!(ann.checkout(2, 1, "ten", 1).is_err() || ann.checkout(3, 1, "ten", 1).is_err());
    assert_eq!(daemon.wait().code(), Some(41));
    disk.switch("syncfail", false);
    let daemon = site.start_on(|command| disk.mount(command));
    let mut again = Wire::connect(daemon.port).unwrap();
    let resumed = again.hello("ann", Ticket::of(&terms).purpose([1; 16]), now()).unwrap().unwrap().unwrap();
    assert!(resumed.held.contains(&grant.handle));
}

/// What a client believes, with which the history is compared in the end.
#[derive(Default)]
struct Ledger {
    /// Handles of grants whose answers arrived, by session.
    granted: BTreeMap<SessionId, BTreeSet<Handle>>,
    returned: BTreeSet<Handle>,
    resumed: u64,
    failures: Vec<String>,
}

struct Load {
    port: Arc<AtomicU16>,
    done: Arc<AtomicBool>,
    ledger: Arc<Mutex<Ledger>>,
}

impl Load {
    /// One client: checks out and in without end, resumes after every break, repeats what was not answered.
    fn client(&self, user: &str) -> std::thread::JoinHandle<()> {
        let (port, done) = (Arc::clone(&self.port), Arc::clone(&self.done));
        let (ledger, user) = (Arc::clone(&self.ledger), user.to_owned());
        std::thread::spawn(move || {
            let mut client = loop {
                match Client::begin(&port, &user) {
                    Ok(client) => break client,
                    Err(_) if done.load(Ordering::SeqCst) => return,
                    Err(_) => std::thread::sleep(Duration::from_millis(10)),
                }
            };
            while !done.load(Ordering::SeqCst) {
                if client.work(&ledger).is_err() && !client.resume(&port, &done, &ledger) {
                    return;
                }
            }
        })
    }
}

struct Client {
    wire: Wire,
    ticket: Ticket,
    steps: u8,
    token: u64,
    acknowledged: u64,
    held: Option<Handle>,
}

impl Client {
    fn begin(port: &AtomicU16, user: &str) -> std::io::Result<Self> {
        let mut wire = Wire::connect(port.load(Ordering::SeqCst))?;
        let terms = wire
            .hello(user, Purpose::New, now())?
            .map_err(|denial| std::io::Error::other(denial.to_string()))?
            .expect("a session");
        Ok(Self { wire, ticket: Ticket::of(&terms), steps: 0, token: 1, acknowledged: 0, held: None })
    }

    /// One request, under the present number; the number moves on only when the answer has come.
    fn work(&mut self, ledger: &Mutex<Ledger>) -> std::io::Result<()> {
        let reply = match self.held {
            None => self.wire.checkout(self.token, self.acknowledged, "ten", 1)?,
            Some(handle) => self.wire.checkin(self.token, self.acknowledged, handle)?,
        };
        let mut ledger = ledger.lock().unwrap();
        match reply {
            Reply::Granted(grant) => {
                let fresh = ledger.granted.entry(self.ticket.session).or_default().insert(grant.handle);
                if !fresh {
                    ledger.failures.push(format!("{} was granted twice", grant.handle));
                }
                self.held = Some(grant.handle);
            }
            Reply::CheckedIn(handle) => {
                ledger.returned.insert(handle);
                self.held = None;
            }
            Reply::Denied(denial) if denial.code == Code::UsersReached => {}
            other => ledger.failures.push(format!("{other:?}")),
        }
        drop(ledger);
        self.acknowledged = self.token;
        self.token += 1;
        Ok(())
    }

    fn resume(&mut self, port: &AtomicU16, done: &AtomicBool, ledger: &Mutex<Ledger>) -> bool {
        self.steps = self.steps.wrapping_add(1);
        let nonce = [self.steps; 16];
        let begin = Instant::now();
        while !done.load(Ordering::SeqCst) && begin.elapsed() < PATIENCE {
            let attempt = Wire::connect(port.load(Ordering::SeqCst))
                .and_then(|mut wire| Ok((wire.hello("u", self.ticket.purpose(nonce), now())?, wire)));
            match attempt {
                Ok((Ok(Some(terms)), wire)) => {
                    let mut ledger = ledger.lock().unwrap();
                    ledger.resumed += 1;
                    // A grant whose answer is on its way may be held as well; what is known must be.
                    if let Some(handle) = self.held
                        && !terms.held.contains(&handle)
                        && !self.checkin_under_way(&terms.held)
                    {
                        ledger.failures.push(format!("{handle} was forgotten"));
                    }
                    self.ticket.epoch = terms.epoch;
                    self.wire = wire;
                    return true;
                }
                Ok((Ok(None), _)) => panic!("no session"),
                Ok((Err(denial), _))
                    if denial.code != Code::StoreUnavailable && denial.code != Code::AskAgain =>
                {
                    ledger.lock().unwrap().failures.push(format!("can't resume: {denial}"));
                    return false;
                }
                Ok((Err(_), _)) | Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        false
    }

    /// The request that was not answered may have been the checkin of the held handle.
    fn checkin_under_way(&self, held: &[Handle]) -> bool {
        held.is_empty()
    }
}

/// Reads the history and says what is wrong with it.
fn judge(records: &[Record], ledger: &Ledger, seats: u64) -> Vec<String> {
    let mut problems = ledger.failures.clone();
    let mut out: BTreeMap<Handle, u64> = BTreeMap::new();
    let mut ever = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    for event in records.iter().flat_map(|record| &record.events) {
        match event {
            Event::Out(grant) => {
                if !ever.insert(grant.handle) || !numbers.insert((grant.session, grant.request.token)) {
                    problems.push(format!("{} is in the history twice", grant.handle));
                }
                out.insert(grant.handle, u64::from(grant.request.count.get()));
                let total: u64 = out.values().sum();
                if total > seats {
                    problems.push(format!("{total} seats out of {seats}"));
                }
            }
            Event::In(back) => {
                out.remove(&back.handle);
            }
            _ => {}
        }
    }
    for (session, handles) in &ledger.granted {
        problems.extend(
            handles
                .iter()
                .filter(|handle| !ever.contains(*handle))
                .map(|handle| format!("{handle} of {session} was granted and is not in the history")),
        );
    }
    problems
}

/// Kills the daemon again and again under load, on a disk that forgets what was not synced.
fn kill_and_resume(kills: usize, clients: usize, ignore_sync: bool) -> Option<(Ledger, Vec<String>)> {
    let site = Site::new(300, 60);
    let disk = ForgetfulDisk::over(&site.state())?;
    let start = || {
        site.try_start_on(|command| {
            disk.mount(command);
            if ignore_sync {
                command.env("FORGETFUL_IGNORE_SYNC", "1");
            }
        })
    };
    let mut daemon = start().unwrap();
    let load =
        Load { port: Arc::new(AtomicU16::new(daemon.port)), done: Arc::default(), ledger: Arc::default() };
    let threads: Vec<_> = (0..clients).map(|nth| load.client(&format!("u{nth}"))).collect();
    let grants = || load.ledger.lock().unwrap().granted.values().map(BTreeSet::len).sum::<usize>();
    for _ in 0..kills {
        let (before, begin) = (grants(), Instant::now());
        // Some grants later, at no particular moment.
        while grants() < before + 5 && load.ledger.lock().unwrap().failures.is_empty() {
            assert!(begin.elapsed() < PATIENCE, "no progress: {}", daemon.log_so_far());
            std::thread::sleep(Duration::from_micros(300));
        }
        daemon.kill();
        daemon = match start() {
            Ok(daemon) => daemon,
            Err(log) => {
                load.done.store(true, Ordering::SeqCst);
                threads.into_iter().for_each(|thread| thread.join().unwrap());
                return Some((Ledger::default(), vec![format!("the daemon does not start: {log}")]));
            }
        };
        load.port.store(daemon.port, Ordering::SeqCst);
    }
    if !ignore_sync {
        let before = grants();
        until("work after the last kill", || grants() > before + clients || load.done.load(Ordering::SeqCst));
    }
    load.done.store(true, Ordering::SeqCst);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    // In order, so that everything is on the real disk.
    daemon.stop();
    let ledger = std::mem::take(&mut *load.ledger.lock().unwrap());
    let problems = judge(&history(&site.history()), &ledger, 10);
    Some((ledger, problems))
}

#[test]
fn killed_forty_times_under_load_nobody_holds_a_seat_twice_and_nothing_granted_is_forgotten() {
    let Some((ledger, problems)) = kill_and_resume(40, 12, false) else { return };
    assert_eq!(problems, [""; 0]);
    let grants: usize = ledger.granted.values().map(BTreeSet::len).sum();
    assert!(ledger.resumed >= 40, "somebody came back after each kill: {} resumes", ledger.resumed);
    assert!(
        grants >= 200 && ledger.returned.len() >= 150,
        "{grants} grants, {} returns",
        ledger.returned.len()
    );
}

/// The negative control: with a disk that never syncs, which is what `synchronous=OFF` comes to, the same run fails.
#[test]
fn without_syncs_the_same_run_is_found_out() {
    let Some((_, problems)) = kill_and_resume(2, 4, true) else { return };
    assert!(!problems.is_empty(), "a disk that never syncs must not pass");
}
