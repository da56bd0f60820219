//! Commits per second on this disk, beside what the disk itself allows, and how fast a history is read back.
//!
//! `cargo bench --bench store [-- DIRECTORY]`; the directory decides which disk is measured (default: the system's
//! temporary directory).
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::indexing_slicing)]
#![allow(clippy::cast_precision_loss)]

use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use seatkeeper::event::{Checkout, Claims, Event, Identity, Out, Record, SessionKind};
use seatkeeper::ident::{
    Count, Digest, Display, FeatureName, Handle, Host, PoolKey, Seq, SessionId, Token, User, Version,
};
use seatkeeper::store::{self, Report, Snapshot, Store, StoreConfig};
use seatkeeper::time::Timestamp;

const SPAN: Duration = Duration::from_secs(3);

fn main() {
    let at = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let dir = at.map_or_else(tempfile::tempdir, tempfile::tempdir_in).unwrap();
    let raw = raw_syncs(dir.path());
    println!("{:<46}{raw:>12.0} /s", "write of 12 KiB and fdatasync, bare file");
    let clients: Vec<Identity> = (0..500).map(identity).collect();
    let (store, reports) = open(dir.path());
    let mut seq = 0;
    for size in [1, 50, 1000] {
        let (commits, worst) = commits(&store, &reports, &clients, &mut seq, size);
        println!(
            "{:<46}{commits:>12.0} /s   {:>9.0} records/s   {:.2} of bare   slowest {:.1} ms",
            format!("commits of {size} records"),
            commits * size as f64,
            commits / raw,
            worst.as_secs_f64() * 1e3
        );
    }
    let bytes = vec![7; 32 << 20];
    store.put_snapshot(Snapshot { through: Seq(seq), bytes });
    let (during, worst) = commits(&store, &reports, &clients, &mut seq, 50);
    println!(
        "{:<46}{during:>12.0} /s   slowest {:.1} ms",
        "commits of 50 beside a snapshot of 32 MiB",
        worst.as_secs_f64() * 1e3
    );
    let started = Instant::now();
    store.close();
    println!("{:<46}{:>12.0} ms", "close", started.elapsed().as_secs_f64() * 1e3);
    let size = dir.path().join("history.db").metadata().unwrap().len();
    println!("{:<46}{:>12.0} bytes", "history and snapshots, per record", size as f64 / seq as f64);
    let started = Instant::now();
    let count = store::history::read(dir.path()).unwrap().map(Result::unwrap).count();
    println!("{:<46}{:>12.0} /s", "records read back", count as f64 / started.elapsed().as_secs_f64());
}

fn identity(number: usize) -> Identity {
    Identity::new(
        Claims {
            user: User::parse(&format!("user{number}")).unwrap(),
            host: Host::parse(&format!("ws{number:04}.example.com")).unwrap(),
            display: Display::parse("/dev/pts/1").unwrap(),
            project: None,
            platform: None,
            hostids: vec![Host::parse(&format!("02{number:010x}")).unwrap()],
            pid: Some(4711),
        },
        "192.0.2.7".parse().unwrap(),
        SessionKind::Framed,
    )
}

fn out(seq: u64, client: &Identity) -> Record {
    Record {
        first: Seq(seq),
        at: Timestamp::from_seconds(1_800_000_000),
        events: vec![Event::Out(Box::new(Out {
            session: SessionId([7; 16]),
            identity: client.clone(),
            request: Checkout {
                token: Token(seq),
                acknowledged: Token(seq - 1),
                feature: FeatureName::parse("cad_design").unwrap(),
                version: Version::parse("2.0").unwrap(),
                count: Count::MIN,
                wishes: seatkeeper::event::Wishes::default(),
            },
            pool: PoolKey::new("cad_design 2"),
            handle: Handle(seq),
            lines: [Digest([7; 32])].into(),
            expires: None,
            demo: false,
            accounting: seatkeeper::event::Accounting::default(),
        }))],
    }
}

fn open(dir: &Path) -> (Store, Receiver<Report>) {
    let (reports, receiver) = channel();
    let opened =
        store::open(StoreConfig::new(dir), Box::new(move |report| drop(reports.send(report)))).unwrap();
    (opened.store, receiver)
}

/// Commits one after another, each of `size` records; how many in a second, and the slowest.
fn commits(
    store: &Store,
    reports: &Receiver<Report>,
    clients: &[Identity],
    seq: &mut u64,
    size: u64,
) -> (f64, Duration) {
    let started = Instant::now();
    let (mut count, mut worst) = (0_u32, Duration::ZERO);
    while started.elapsed() < SPAN {
        let records: Vec<Record> = (*seq + 1..=*seq + size)
            .map(|seq| out(seq, &clients[usize::try_from(seq).unwrap() % clients.len()]))
            .collect();
        let submitted = Instant::now();
        store.submit(records).unwrap();
        loop {
            match reports.recv().unwrap() {
                Report::Committed(_) => break,
                Report::Snapshot { result, .. } => result.unwrap(),
                other => panic!("{other:?}"),
            }
        }
        worst = worst.max(submitted.elapsed());
        *seq += size;
        count += 1;
    }
    (f64::from(count) / started.elapsed().as_secs_f64(), worst)
}

/// What the disk allows: appending about as many bytes as a small commit does, and waiting for them.
fn raw_syncs(dir: &Path) -> f64 {
    let mut file = std::fs::File::create(dir.join("raw")).unwrap();
    let started = Instant::now();
    let mut count = 0_u32;
    while started.elapsed() < SPAN {
        file.write_all(&[0x5a; 12 << 10]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / started.elapsed().as_secs_f64()
}
