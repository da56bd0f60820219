//! The same scripts against a real vendor daemon over sockets: it is killed, stopped, frozen, and its clients' connections are
//! cut and reset. The same oracle reads the store's history back and compares it with what the clients were told.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use seatkeeper::event::{Answer, Event, Record, Removal, RemovalTarget, Removed, Wishes};
use seatkeeper::ident::{Handle, SessionId, Token};
use seatkeeper::store::history;
use seatkeeper::time::Monotonic;
use seatkeeper::wire::pipe::ManagerLine;
use seatkeeper::wire::{self, Message, Purpose};

use super::client::{App, Client, Greeting, Waiter, Wish, ask_for};
use super::dice::Dice;
use super::oracle::{Decided, Oracle, ensure};
use super::script::{Crash, Death, Plan, Step, draw};
use super::site::{Book, FEATURES, sites};
use crate::daemon::{Daemon, now, signal};
use crate::signed::{sign, write_manifest};

/// The shortest lease there is, so that what is left without a word is soon back.
const LEASE_S: u32 = 5;
const GRACE_S: u32 = 2;
/// The longest wait of a step.
const WAIT_MAX_MS: u64 = 400;
/// Where a cut connection goes on: nobody reads and writes it, and nobody closes it.
type Cut = Vec<TcpStream>;

struct System<'a> {
    dir: &'a Path,
    books: &'a [Book],
    /// The other end of the daemon's standard input, where lmgrd would be.
    pipe: Option<UnixStream>,
    orders: u32,
    /// The edition of the files.
    book: usize,
    daemon: Option<Daemon>,
    clients: Vec<Client>,
    sockets: Vec<Option<TcpStream>>,
    cut: Cut,
    began: Instant,
    dice: Dice,
    /// Grants that clients were told of.
    told: Vec<(SessionId, Token, Handle)>,
}

impl System<'_> {
    fn mono(&self) -> Monotonic {
        Monotonic(1_000_000 + u64::try_from(self.began.elapsed().as_millis()).unwrap())
    }

    fn start(&mut self) {
        let license = self.dir.join("test.lic");
        let options = self.dir.join("test.opt");
        let vendor_dir = self.dir.to_str().unwrap();
        let arguments = ["--options", options.to_str().unwrap(), "--vendor-dir", vendor_dir, "--supervised"];
        let (ours, theirs) = UnixStream::pair().unwrap();
        let daemon = Daemon::start(&license, &self.dir.join("state"), &arguments, |command| {
            command.stdin(Stdio::from(OwnedFd::from(theirs)));
        });
        self.daemon = Some(daemon.unwrap());
        ours.set_nonblocking(true).unwrap();
        self.pipe = Some(ours);
    }

    fn write_files(&self, lines: &str, options: &str) {
        let license = format!("SERVER this_host ANY 27000\nVENDOR LGS\n{lines}\n");
        std::fs::write(self.dir.join("test.lic"), sign(&license)).unwrap();
        std::fs::write(self.dir.join("test.opt"), options).unwrap();
    }

    /// Gives an order as lmgrd does, and goes on until it is answered.
    fn order(&mut self, order: impl FnOnce(u32) -> ManagerLine) {
        self.orders += 1;
        let number = self.orders;
        let Some(pipe) = &mut self.pipe else { return };
        pipe.write_all(order(number).to_string().as_bytes()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(180);
        let (mut said, done) = (String::new(), [format!("DONE {number} "), format!("REREAD {number} ")]);
        while !said.lines().any(|line| done.iter().any(|words| format!("{line} ").starts_with(words))) {
            assert!(Instant::now() < deadline, "no answer to order {number}: {said}");
            let mut chunk = [0; 4096];
            if let Some(read) = self.pipe.as_mut().and_then(|pipe| pipe.read(&mut chunk).ok()) {
                said.push_str(&String::from_utf8_lossy(&chunk[..read]));
            }
            self.pass(2);
        }
    }

    fn reread(&mut self, book: usize, broken: bool) {
        let (number, former) = (book % self.books.len(), self.book);
        let book = &self.books[number];
        if broken {
            // What can't be read never replaces what could.
            std::fs::remove_file(self.dir.join("test.lic")).unwrap();
        } else {
            self.write_files(book.lines, book.options);
            self.book = number;
        }
        let who = format!("book{}", self.book);
        self.order(|order| ManagerLine::Reread { order, force: false, sources: None, who });
        if broken {
            let Book { lines, options, .. } = self.books[former];
            self.write_files(lines, options);
        }
    }

    fn remove(&mut self, number: usize, feature: &str, nth: Option<usize>) {
        let client = &self.clients[number];
        let app = client.app.as_ref();
        let handles: Vec<Handle> = app.map_or(Vec::new(), |app| {
            app.held.iter().copied().chain(app.queue.values().map(|waits| waits.handle)).collect()
        });
        let handle = nth.and_then(|nth| handles.get(nth % handles.len().max(1)));
        let target = handle.map_or_else(
            || RemovalTarget::Client {
                user: client.user.parse().unwrap(),
                host: client.host.parse().unwrap(),
                display: client.host.parse().unwrap(),
            },
            |handle| RemovalTarget::Handle(*handle),
        );
        let removal = Removal { feature: feature.parse().unwrap(), target };
        let removed = Removed { by: "ann@ws01".to_owned(), removal };
        self.order(|order| ManagerLine::Remove { order, removed });
    }

    fn pass(&mut self, ms: u64) {
        let until = Instant::now() + Duration::from_millis(ms);
        loop {
            let busy = (0..self.clients.len()).any(|number| self.turn(number));
            if Instant::now() >= until {
                return;
            }
            if !busy {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }

    /// What has come to a client, and what time has made due. Whether there was anything.
    fn turn(&mut self, number: usize) -> bool {
        let mono = self.mono();
        let mut wishes = Vec::new();
        let mut busy = false;
        if let Some(socket) = &mut self.sockets[number] {
            let mut chunk = [0; 4096];
            let read = socket.read(&mut chunk);
            let closed = match read {
                Ok(0) => true,
                Ok(read) => {
                    busy = true;
                    self.arrived(number, &chunk[..read], mono);
                    false
                }
                Err(error) => error.kind() != ErrorKind::WouldBlock,
            };
            if closed {
                self.sockets[number] = None;
                if let Some(app) = &mut self.clients[number].app {
                    if app.greeting.is_some() {
                        app.greeting_failed(mono, &mut wishes);
                    } else if app.farewell.is_some() {
                        wishes.push(Wish::End);
                    } else {
                        app.lost_connection(mono);
                    }
                }
            }
        }
        self.grant(number, wishes);
        let fresh = self.dice.bytes();
        let client = &mut self.clients[number];
        let mut wishes = Vec::new();
        if let Some(app) = client.app.as_mut().filter(|app| app.wakeup() <= mono) {
            let purpose = app.due(mono, fresh, &mut wishes);
            wishes.extend(purpose.map(|purpose| Wish::Connect(client.hello(purpose, now()))));
        }
        self.grant(number, wishes);
        busy
    }

    fn arrived(&mut self, number: usize, bytes: &[u8], mono: Monotonic) {
        if let Some(app) = &mut self.clients[number].app {
            app.input.extend_from_slice(bytes);
        }
        loop {
            let Some(app) = &mut self.clients[number].app else { return };
            let Some(frame) = wire::decode(&mut app.input).unwrap() else { return };
            let message = frame.message.unwrap();
            if let (Message::Answer { token, answer: Answer::Granted(grant) }, Some(terms)) =
                (&message, &app.terms)
            {
                self.told.push((terms.id, *token, grant.handle));
            }
            let mut wishes = Vec::new();
            app.arrived(frame.request_id, message, mono, &mut wishes);
            self.grant(number, wishes);
        }
    }

    fn grant(&mut self, number: usize, wishes: Vec<Wish>) {
        for wish in wishes {
            match wish {
                Wish::Send(message) => self.send(number, &message),
                Wish::Close => self.sockets[number] = None,
                // Nobody borrows or speaks lines here.
                Wish::Leave | Wish::Call | Wish::Say(_) => {}
                Wish::End => {
                    self.sockets[number] = None;
                    self.clients[number].app = None;
                }
                Wish::Connect(hello) => {
                    self.sockets[number] = self.daemon.as_ref().and_then(|daemon| {
                        let socket = TcpStream::connect(("127.0.0.1", daemon.port)).ok()?;
                        socket.set_nonblocking(true).ok()?;
                        Some(socket)
                    });
                    let mono = self.mono();
                    let mut failed = Vec::new();
                    let Some(app) = &mut self.clients[number].app else { continue };
                    (app.next_id, app.connection) = (0, Some(number));
                    app.input.clear();
                    if self.sockets[number].is_some() {
                        self.send(number, &Message::Hello(hello));
                    } else {
                        app.greeting_failed(mono, &mut failed);
                        self.grant(number, failed);
                    }
                }
            }
        }
    }

    fn send(&mut self, number: usize, message: &Message) {
        let Some(app) = &mut self.clients[number].app else { return };
        app.next_id += 1;
        let token = match message {
            Message::Checkout(it) => Some(it.token),
            Message::Checkin(it) => Some(it.token),
            _ => None,
        };
        let id = app.next_id;
        app.pending.extend(token.map(|token| (id, token)));
        let mut bytes = bytes::BytesMut::new();
        wire::encode(message, id, &mut bytes).unwrap();
        if let Some(socket) = &mut self.sockets[number] {
            // A connection that breaks here is found broken when it is read.
            let _ = socket.write_all(&bytes);
        }
    }

    fn with_app(&mut self, number: usize, act: impl FnOnce(&mut App, Monotonic, &mut Vec<Wish>)) {
        let mono = self.mono();
        let mut wishes = Vec::new();
        if let Some(app) = self.clients[number].app.as_mut().filter(|app| app.farewell.is_none()) {
            act(app, mono, &mut wishes);
        }
        self.grant(number, wishes);
    }

    fn step(&mut self, step: &Step, many: usize) {
        match *step {
            Step::Wait { ms } => self.pass(ms.min(WAIT_MAX_MS)),
            Step::Reread { book, broken } => self.reread(book, broken),
            Step::Remove { client, feature, nth } => self.remove(client % many, FEATURES[feature], nth),
            Step::Start { client } | Step::Talk { client } => {
                let client = client % many;
                if self.clients[client].app.is_none() {
                    let mut app = App::new();
                    app.greeting = Some(Greeting { since: self.mono(), new: true });
                    self.clients[client].app = Some(app);
                    let hello = self.clients[client].hello(Purpose::New, now());
                    self.grant(client, vec![Wish::Connect(hello)]);
                }
            }
            Step::Checkout { client, feature, count, newer, hold_s, .. } => {
                let queue = hold_s.map(|hold_s| seatkeeper::event::Queueing { hold_s });
                let ask = ask_for(FEATURES[feature], newer, count, Wishes { queue, ..Wishes::default() });
                self.with_app(client % many, |app, mono, wishes| {
                    app.ask(Waiter { ask, times: 0 }, mono, wishes)
                });
            }
            Step::Checkin { client, nth } => self.with_app(client % many, |app, mono, wishes| {
                let handle = app.held.iter().nth(nth % app.held.len().max(1)).copied();
                handle.into_iter().for_each(|handle| app.check_in(handle, mono, wishes));
            }),
            Step::Cancel { client, nth } => self.with_app(client % many, |app, mono, wishes| {
                let handle = app.queue.values().nth(nth % app.queue.len().max(1)).map(|waits| waits.handle);
                handle.into_iter().for_each(|handle| app.check_in(handle, mono, wishes));
            }),
            Step::Goodbye { client } => self.goodbye(client % many),
            Step::Crash { client, how } => {
                let client = client % many;
                self.clients[client].app = None;
                let socket = self.sockets[client].take();
                match how {
                    Crash::Closed => drop(socket),
                    Crash::Reset => reset(socket),
                    Crash::Silent => self.cut.extend(socket),
                }
            }
            // The client's end is gone without a word, and the client finds out by itself.
            Step::Cut { client, .. } | Step::Noise { client } => {
                let socket = self.sockets[client % many].take();
                self.cut.extend(socket);
            }
            Step::Reset { client } => {
                // The next read of the client finds nothing.
                let client = client % many;
                reset(self.sockets[client].take());
                self.with_app(client, |app, mono, _| {
                    if app.greeting.is_none() {
                        app.lost_connection(mono);
                    }
                });
            }
            Step::Kill { when, .. } => {
                if when != Death::Now {
                    self.pass(3);
                }
                if let Some(daemon) = self.daemon.take() {
                    daemon.kill();
                }
                self.start();
            }
            Step::Stop { .. } => {
                if let Some(daemon) = self.daemon.take() {
                    daemon.stop();
                }
                self.start();
            }
            Step::Freeze { ms, .. } => {
                let Some(pid) = self.daemon.as_ref().map(Daemon::pid) else { return };
                signal(pid, "STOP");
                self.pass(ms.min(3 * WAIT_MAX_MS));
                signal(pid, "CONT");
            }
            _ => {}
        }
    }

    fn goodbye(&mut self, number: usize) {
        self.with_app(number, |app, mono, wishes| match &app.session {
            Some(session) if session.is_up() => {
                app.farewell = Some(mono);
                wishes.push(Wish::Send(Message::Goodbye));
            }
            _ => wishes.push(Wish::End),
        });
    }

    /// Whether every client has come to rest; waits for it.
    fn rest(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(180);
        while !holds(self) {
            assert!(Instant::now() < deadline, "waited too long for {what}");
            self.pass(50);
        }
    }

    fn at_rest(&self) -> bool {
        self.clients.iter().filter_map(|client| client.app.as_ref()).all(App::settled_down)
    }
}

fn reset(socket: Option<TcpStream>) {
    if let Some(socket) = socket {
        socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// What the durable history comes to by now. What is wrong with it will not mend itself.
fn so_far(dir: &Path, books: &[Book]) -> Oracle {
    match read(dir, books) {
        Ok((oracle, _)) => oracle,
        Err(violation) => panic!("{violation:?}"),
    }
}

/// The durable history as the oracle takes it.
fn read(dir: &Path, books: &[Book]) -> Result<(Oracle, usize), super::oracle::Violation> {
    let mut book = &books[0];
    let mut oracle = Oracle::new(u64::from(LEASE_S), u64::from(GRACE_S), None);
    // The clock of a machine is corrected by little all the time, and the daemon goes by the time that has passed.
    oracle.moved_ms = (-2000, 2000);
    let records: Vec<Record> =
        history::read(&dir.join("state/LGS")).unwrap().map(|record| record.unwrap()).collect();
    for record in &records {
        oracle.passed = record.at;
        let read = record.events.iter().find_map(|event| match event {
            Event::Reread(reread) => reread.by.strip_prefix("book")?.parse::<usize>().ok(),
            _ => None,
        });
        book = read.map_or(book, |number| &books[number]);
        oracle.durable(record, book, &Decided::default())?;
    }
    Ok((oracle, records.len()))
}

/// Plays a history; gives how often other files were read and something was taken back.
fn play(plan: &Plan, steps: &[Step]) -> Result<[usize; 2], super::oracle::Violation> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("state")).unwrap();
    write_manifest(dir.path(), LEASE_S, GRACE_S);
    let books = &sites()[plan.site].books;
    let mut system = System {
        dir: dir.path(),
        books,
        book: 0,
        pipe: None,
        orders: 0,
        daemon: None,
        clients: (0..plan.clients).map(Client::new).collect(),
        sockets: (0..plan.clients).map(|_| None).collect(),
        cut: Vec::new(),
        began: Instant::now(),
        dice: Dice::new(plan.seed),
        told: Vec::new(),
    };
    system.write_files(books[0].lines, books[0].options);
    system.start();
    steps.iter().for_each(|step| system.step(step, plan.clients));
    system.rest("everybody to come to rest", System::at_rest);
    // Who has lost something hears of it a little later than it is recorded.
    system.pass(300);
    system.rest("everybody to come to rest again", System::at_rest);
    let (oracle, _) = read(dir.path(), books)?;
    for (number, client) in system.clients.iter().enumerate() {
        let Some((app, terms)) = client.app.as_ref().and_then(|app| Some((app, app.terms.as_ref()?))) else {
            continue;
        };
        ensure!(oracle.is_open(terms.id), "a client that lives keeps its session", "u{number}");
        let there = oracle.held_by(terms.id);
        ensure!(
            app.held == there,
            "a client has what it was granted",
            "u{number}: {:?}, {there:?}",
            app.held
        );
    }
    // Half of them say goodbye, the others are gone without a word.
    for number in 0..plan.clients {
        if number % 2 == 0 {
            system.goodbye(number);
        } else {
            system.clients[number].app = None;
            let socket = system.sockets[number].take();
            system.cut.extend(socket);
        }
    }
    let gone = Instant::now();
    system.rest("every session to end", |system| so_far(system.dir, books).sessions_open() == 0);
    // Whoever was silent has its whole lease, and one second more; the machine may be busy. tests/application measures it.
    let most = Duration::from_secs(u64::from(LEASE_S) + 30);
    ensure!(gone.elapsed() < most, "seats come back within the lease", "{:?}", gone.elapsed());
    system.rest("nothing to linger", |system| !so_far(system.dir, books).lingers());
    if let Some(daemon) = system.daemon.take() {
        daemon.stop();
    }
    let (oracle, _) = read(dir.path(), books)?;
    oracle.is_drained()?;
    for (session, token, handle) in &system.told {
        let granted = oracle.granted_to(*session, *token);
        ensure!(
            granted == Some(*handle),
            "what a client is told is durable",
            "{session} {token:?}: {granted:?}, {handle}"
        );
    }
    let records = history::read(&dir.path().join("state/LGS")).unwrap().map(Result::unwrap);
    let firsts: Vec<Event> = records.filter_map(|record| record.events.into_iter().next()).collect();
    let many = |what: fn(&Event) -> bool| firsts.iter().filter(|event| what(event)).count();
    Ok([many(|event| matches!(event, Event::Reread(_))), many(|event| matches!(event, Event::Removed(_)))])
}

/// Seeds that make something of a real daemon: some that kill it, freeze it, cut and reset, reread and remove.
fn chosen() -> Vec<u64> {
    let has = |steps: &[Step], what: fn(&Step) -> bool| steps.iter().any(what);
    let checkouts = |steps: &[Step]| steps.iter().filter(|it| matches!(it, Step::Checkout { .. })).count();
    let rich = |seed: &u64| {
        let (plan, steps) = draw(*seed);
        let killed = steps.iter().filter(|it| matches!(it, Step::Kill { .. } | Step::Stop { .. })).count();
        let cut = has(&steps, |it| matches!(it, Step::Cut { .. } | Step::Reset { .. } | Step::Freeze { .. }));
        let ordered = has(&steps, |it| matches!(it, Step::Reread { .. } | Step::Remove { .. }));
        ordered
            && plan.clients > 1
            && checkouts(&steps) > 8
            && (1..5).contains(&killed)
            && cut
            && steps.len() < 60
    };
    (0..).filter(rich).take(12).collect()
}

#[test]
fn the_same_histories_with_a_real_daemon_that_is_killed_and_frozen() {
    let seeds = chosen();
    let (mut rereads, mut removals) = (0, 0);
    let played: Vec<Result<[usize; 2], String>> = std::thread::scope(|scope| {
        let play_some = |nth: usize| {
            let mine = seeds.iter().skip(nth).step_by(4).copied();
            mine.map(|seed| {
                let (plan, steps) = draw(seed);
                play(&plan, &steps).map_err(|violation| format!("SIM_SEED={seed}: {violation:?}"))
            })
            .collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..4).map(|nth| scope.spawn(move || play_some(nth))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut failures = Vec::new();
    for outcome in played {
        match outcome {
            Ok([read, removed]) => (rereads, removals) = (rereads + read, removals + removed),
            Err(failure) => failures.push(failure),
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(rereads > 0 && removals > 0, "{rereads} rereads and {removals} removals");
}
