//! The server's machine: the daemon's process on it, and the disk.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::BytesMut;
use seatkeeper::code::Code;

use seatkeeper::event::codec::{InlineNames, Reader, Writer, put_record, take_record};
use seatkeeper::event::{Record, Started};
use seatkeeper::ident::Seq;
use seatkeeper::seat::State;
use seatkeeper::session::server::LeaseTerms;
use seatkeeper::sign::{AdminKey, SigningKey};
use seatkeeper::time::{Clock, Look, Monotonic, Now, Timestamp};
use seatkeeper::vendord::{Desk, Line, Ordered, Rulebook, Setting};
use seatkeeper::wire::{self, Control, ControlVerb, Hello, Message, Purpose};

use super::oracle::{Attended, Decided, Verdict, ensure};
use super::script::{Death, Plan};

/// 15-jun-2026 at noon.
pub(crate) const BEGIN: i64 = 1_781_524_800_000;

const ADMIN_KEY: [u8; 32] = [7; 32];

/// The key of the state directory.
pub(crate) fn record_key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::generate_ed25519("state".parse().unwrap(), [5; 32]))
}

/// An order of an administrator that waits for its answer.
pub(crate) enum Order {
    /// Brought by lmgrd. None of what it takes back may be borrowed, if that is known.
    ByHand { ordered: Ordered, in_vain: bool },
    /// Over a connection of its own, with proof of the administrator's key.
    Framed { line: Line, said: BytesMut },
}

/// Clocks that the world sets.
#[derive(Debug, Default)]
pub(crate) struct HandClock {
    utc: AtomicI64,
    mono: AtomicU64,
    /// Since the machine's start, its sleep included.
    elapsed: AtomicU64,
}

impl HandClock {
    fn set(&self, now: Now, elapsed_ms: u64) {
        self.elapsed.store(elapsed_ms, Ordering::Relaxed);
        self.utc.store(now.utc.0, Ordering::Relaxed);
        self.mono.store(now.mono.0, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Now {
        Now {
            utc: Timestamp(self.utc.load(Ordering::Relaxed)),
            mono: Monotonic(self.mono.load(Ordering::Relaxed)),
        }
    }

    fn look(&self) -> Look {
        let Now { utc, .. } = self.now();
        Look { utc, boot: [1; 16], elapsed_ms: self.elapsed.load(Ordering::Relaxed) }
    }
}

/// What is on the disk, as bytes.
#[derive(Default)]
pub(crate) struct Disk {
    records: Vec<Vec<u8>>,
    snapshots: Vec<(Seq, Vec<u8>)>,
    pub(crate) full_until: u64,
    pub(crate) slow_until: u64,
    pub(crate) slow_ms: u64,
}

impl Disk {
    pub(crate) fn append(&mut self, record: &Record) {
        let mut writer = Writer::new();
        let Ok(()) = put_record(&mut writer, record, &mut InlineNames);
        self.records.push(writer.into_vec());
    }

    pub(crate) fn snapshot(&mut self, state: &State) {
        if self.snapshots.last().is_none_or(|(seq, _)| *seq < state.seq()) && state.seq() > Seq(0) {
            self.snapshots.push((state.seq(), state.snapshot()));
        }
    }

    fn read(&self) -> Result<Vec<Record>, super::oracle::Violation> {
        let mut records = Vec::with_capacity(self.records.len());
        for bytes in &self.records {
            let mut reader = Reader::new(bytes);
            let record = take_record(&mut reader, &mut InlineNames);
            ensure!(
                record.is_ok() && reader.end("record").is_ok(),
                "records are read as written",
                "{record:?}"
            );
            records.extend(record);
        }
        Ok(records)
    }

    /// The state by the newest snapshot and what follows it, which is the one from the first record on.
    pub(crate) fn load(&self) -> Result<State, super::oracle::Violation> {
        let records = self.read()?;
        let mut whole = State::default();
        records.iter().for_each(|record| whole.evolve(record));
        if let Some((seq, bytes)) = self.snapshots.last() {
            let state = State::from_snapshot(bytes);
            ensure!(state.is_ok(), "snapshots are read as written", "{state:?}");
            if let Ok(mut state) = state {
                ensure!(state.seq() == *seq, "snapshots are read as written", "{seq}");
                records.iter().filter(|record| record.first > *seq).for_each(|record| state.evolve(record));
                ensure!(state == whole, "a snapshot is the fold of the history", "{state:?}\n{whole:?}");
            }
        }
        let again = State::from_snapshot(&whole.snapshot());
        ensure!(again.as_ref() == Ok(&whole), "a snapshot is the fold of the history", "{again:?}");
        Ok(whole)
    }
}

fn bytes_of(message: &Message) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    wire::encode(message, 1, &mut bytes).unwrap();
    bytes.to_vec()
}

/// The machine.
pub(crate) struct Server {
    pub(crate) desk: Option<Desk>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) utc_offset: i64,
    mono_lag: u64,
    /// It is stopped or asleep until then.
    pub(crate) away_until: u64,
    pub(crate) disk: Disk,
    /// Decided and not durable.
    pub(crate) pending: Vec<(Record, Decided)>,
    /// How many of them are on their way to the disk.
    pub(crate) writing: usize,
    pub(crate) failing: bool,
    pub(crate) rebuilt: bool,
    pub(crate) death: Option<(Death, u64)>,
    pub(crate) stopping: Option<u64>,
    /// Counts the daemon's runs.
    pub(crate) run: u64,
    /// The edition of the files on the disk, that which the daemon goes by as far as it is durable.
    pub(crate) files: usize,
    pub(crate) durable_book: usize,
    pub(crate) orders: Vec<Order>,
    attended: Attended,
    attended_from: Option<u64>,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self {
            desk: None,
            clock: Arc::default(),
            utc_offset: 0,
            mono_lag: 0,
            away_until: 0,
            disk: Disk::default(),
            pending: Vec::new(),
            writing: 0,
            failing: false,
            rebuilt: false,
            death: None,
            stopping: None,
            run: 0,
            files: 0,
            durable_book: 0,
            orders: Vec::new(),
            attended: Attended::default(),
            attended_from: None,
        }
    }

    pub(crate) fn utc(&self, now: u64) -> Timestamp {
        Timestamp(BEGIN + self.utc_offset + i64::try_from(now).unwrap())
    }

    pub(crate) fn set_clock(&self, now: u64) {
        let mono = Monotonic(5_000_000 + now - self.mono_lag.min(now));
        self.clock.set(Now { utc: self.utc(now), mono }, 7_000_000 + now);
    }

    /// Starts the daemon with the files that are there.
    pub(crate) fn start(&mut self, now: u64, plan: &Plan, rules: &Rulebook) -> Verdict {
        self.run += 1;
        self.set_clock(now);
        let state = self.disk.load()?;
        let setting = Setting {
            vendor: "LGS".parse().unwrap(),
            host: "srv".parse().unwrap(),
            terms: LeaseTerms {
                lease: Duration::from_secs(plan.lease_s),
                close_grace: Duration::from_secs(plan.grace_s),
            },
            key: ADMIN_KEY,
            record_key: Some(record_key().clone()),
            seed: plan.seed.wrapping_mul(1000).wrapping_add(self.run),
        };
        let started = Started { version: "sim".into(), zone: "UTC".into(), files: Vec::new() };
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        self.desk = Some(Desk::begin(&setting, rules, clock, state, started));
        (self.failing, self.rebuilt, self.stopping) = (false, false, None);
        self.durable_book = self.files;
        self.writing = 0;
        self.orders.clear();
        self.attend(now);
        Ok(())
    }

    /// Whether time counts for leases now.
    pub(crate) fn attend(&mut self, now: u64) {
        let attends = self.desk.is_some() && !self.failing && self.away_until <= now;
        match (self.attended_from, attends) {
            (None, true) => {
                self.attended.turns += 1;
                self.attended_from = Some(now);
            }
            (Some(from), false) => {
                self.attended.ms += now - from;
                self.attended.turns += 1;
                self.attended_from = None;
            }
            _ => {}
        }
    }

    pub(crate) fn attended(&self, now: u64) -> Attended {
        let running = self.attended_from.map_or(0, |from| now - from);
        Attended { ms: self.attended.ms + running, ..self.attended }
    }

    /// The machine sleeps, or the process is stopped; `counted` if elapsed time goes on.
    pub(crate) fn freeze(&mut self, now: u64, ms: u64, counted: bool) {
        if self.away_until > now {
            return;
        }
        self.away_until = now + ms;
        self.attend(now);
        if !counted {
            self.mono_lag += ms;
        }
    }

    /// An administrator's order, as lmborrow -recall and lmclock accept give it.
    pub(crate) fn control(&mut self, hello: Box<Hello>, verb: ControlVerb) -> Verdict {
        let Some(desk) = &mut self.desk else { return Ok(()) };
        debug_assert_eq!(hello.purpose, Purpose::Ask);
        let (mut line, mut said) = (desk.connect([127, 0, 0, 1].into()), BytesMut::new());
        for message in [Message::Hello(hello), Message::AskNonce] {
            desk.receive(&mut line, &bytes_of(&message));
        }
        said.extend_from_slice(&desk.turn(&mut line).bytes);
        let mut nonce = None;
        while let Ok(Some(frame)) = wire::decode(&mut said) {
            if let Ok(Message::Nonce { nonce: given, .. }) = frame.message {
                nonce = Some(given);
            }
        }
        let Some(nonce) = nonce else {
            // It ends, and says nothing more.
            return Ok(());
        };
        let mut control = Control {
            verb,
            user: "ann".parse().unwrap(),
            host: "ws01".parse().unwrap(),
            nonce,
            proof: [0; 32],
        };
        control.proof = AdminKey::new(ADMIN_KEY).prove(&nonce, &control.proved_bytes());
        desk.receive(&mut line, &bytes_of(&Message::Control(Box::new(control))));
        self.orders.push(Order::Framed { line, said });
        self.take_answers()
    }

    /// Looks which orders have their answers.
    pub(crate) fn take_answers(&mut self) -> Verdict {
        let moved = self.utc_offset != 0;
        let Some(desk) = &mut self.desk else { return Ok(()) };
        let mut left = Vec::new();
        for mut order in std::mem::take(&mut self.orders) {
            let answered = match &mut order {
                Order::ByHand { ordered, in_vain } => {
                    let answer = ordered.answer();
                    ensure!(
                        !*in_vain || !matches!(answer, Some(Ok(()))),
                        "what is borrowed is not removed",
                        "the order was carried out"
                    );
                    if let (true, Some(Err(denial))) = (*in_vain, &answer) {
                        let undecided = matches!(
                            denial.code,
                            Code::VendorDown | Code::AskAgain | Code::StoreUnavailable | Code::ServerBusy
                        );
                        // With the clock set ahead within a day it may just have ended.
                        let ended = moved && denial.code == Code::NeverCheckedOut;
                        ensure!(
                            denial.code == Code::LingerLicense || undecided || ended,
                            "who wants to remove what is borrowed hears so",
                            "{denial:?}"
                        );
                    }
                    answer.is_some()
                }
                Order::Framed { line, said } => {
                    let sent = desk.turn(line);
                    said.extend_from_slice(&sent.bytes);
                    match wire::decode(said) {
                        Ok(Some(frame)) => {
                            let fits = match &frame.message {
                                Ok(Message::Done { .. }) => true,
                                Ok(Message::Error(denial)) => denial.code != Code::InternalError,
                                _ => false,
                            };
                            ensure!(fits, "an order is answered", "{frame:?}");
                            true
                        }
                        _ => sent.closed,
                    }
                }
            };
            if !answered {
                left.push(order);
            }
        }
        self.orders = left;
        Ok(())
    }

    pub(crate) fn commit_ms(&self, now: u64, plan: &Plan) -> u64 {
        plan.commit_ms + if now < self.disk.slow_until { self.disk.slow_ms } else { 0 }
    }
}
