//! The history on disk: what was reported is there, what is there is proven, what goes wrong is said.
#![cfg(feature = "server")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "store/child.rs"]
mod child;
#[path = "store/crash.rs"]
mod crash;
#[path = "store/damage.rs"]
mod damage;
#[path = "support/forgetful_disk.rs"]
mod forgetful_disk;
#[path = "store/names.rs"]
mod names;
#[path = "store/retention.rs"]
mod retention;
#[path = "support/shim.rs"]
mod shim;
#[path = "store/snapshots.rs"]
mod snapshots;

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use seatkeeper::event::{Checkout, Claims, Event, Identity, Out, Record, SessionKind, StartFile, Started};
use seatkeeper::ident::{
    Count, Digest, Display, FeatureName, Handle, Host, PoolKey, Seq, SessionId, Token, User, Version,
};
use seatkeeper::store::{
    self, Loaded, Report, Store, StoreConfig, StoreError, SubmitError, history, verify_chain,
};
use seatkeeper::time::Timestamp;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn identity(user: &str) -> Identity {
    Identity::new(
        Claims {
            user: User::parse(user).unwrap(),
            host: Host::parse("ws01").unwrap(),
            display: Display::parse("/dev/pts/1").unwrap(),
            project: None,
            platform: None,
            hostids: vec![Host::parse("0123456789ab").unwrap()],
            pid: Some(4711),
        },
        "192.0.2.7".parse().unwrap(),
        SessionKind::Framed,
    )
}

/// One checkout by `user` as event `seq`.
fn out(seq: u64, user: &str) -> Record {
    Record {
        first: Seq(seq),
        at: Timestamp::from_seconds(1_800_000_000 + i64::try_from(seq).unwrap()),
        events: vec![Event::Out(Box::new(Out {
            session: SessionId([7; 16]),
            identity: identity(user),
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
            lines: [Digest::of(b"line")].into(),
            expires: None,
            demo: false,
            accounting: seatkeeper::event::Accounting::default(),
        }))],
    }
}

/// Events 1 to `last`, each a record of its own, by two users in turn.
fn records(last: u64) -> Vec<Record> {
    (1..=last).map(|seq| out(seq, if seq % 2 == 0 { "ann" } else { "Bob Lee" })).collect()
}

/// Probes often, so that recovery does not take long.
fn quick(dir: &Path) -> StoreConfig {
    StoreConfig { probe_every: Duration::from_millis(20), ..StoreConfig::new(dir) }
}

fn try_open(config: StoreConfig) -> Result<(Store, Loaded, Receiver<Report>), StoreError> {
    let (reports, receiver) = channel();
    let opened = store::open(config, Box::new(move |report| drop(reports.send(report))))?;
    Ok((opened.store, opened.history, receiver))
}

fn open(dir: &Path) -> (Store, Loaded, Receiver<Report>) {
    try_open(quick(dir)).unwrap()
}

/// Waits until the events up to `seq` are reported, and returns the records.
fn committed(reports: &Receiver<Report>, seq: u64) -> Vec<Record> {
    let mut records = Vec::new();
    while records.last().is_none_or(|record: &Record| record.last().0 < seq) {
        match reports.recv_timeout(PATIENCE).unwrap() {
            Report::Committed(more) => records.extend(more),
            Report::Snapshot { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    records
}

/// A closed history of `records`, each committed by itself.
fn written(dir: &Path, records: &[Record]) {
    let (store, _, reports) = open(dir);
    for record in records {
        store.submit(vec![record.clone()]).unwrap();
        committed(&reports, record.last().0);
    }
    store.close();
}

fn all(dir: &Path) -> Vec<Record> {
    history::read(dir).unwrap().map(Result::unwrap).collect()
}

#[test]
fn what_is_reported_is_read_back_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (store, loaded, reports) = open(dir.path());
    assert!(loaded.snapshot.is_none() && loaded.records.count() == 0);
    let expected = records(300);
    for part in expected.chunks(7) {
        store.submit(part.to_vec()).unwrap();
    }
    assert_eq!(committed(&reports, 300), expected);
    // While it is open.
    let mut reader = history::read(dir.path()).unwrap();
    assert_eq!(reader.by_ref().map(Result::unwrap).collect::<Vec<_>>(), expected);
    assert!(reader.next().is_none());
    store.submit(vec![out(301, "ann")]).unwrap();
    committed(&reports, 301);
    assert_eq!(reader.next().unwrap().unwrap(), out(301, "ann"));
    store.close();

    let (_store, loaded, _reports) = open(dir.path());
    let read: Vec<Record> = loaded.records.map(Result::unwrap).collect();
    assert_eq!(read[..300], expected);
    for after in [0, 1, 123, 299, 301, 400] {
        let rest: Vec<Record> =
            history::read_after(dir.path(), Seq(after)).unwrap().map(Result::unwrap).collect();
        assert_eq!(rest, read[usize::try_from(after).unwrap().min(301)..], "after {after}");
    }
    let verified = verify_chain(dir.path()).unwrap();
    assert_eq!((verified.first, verified.last, verified.records), (Seq(1), Seq(301), 301));
}

#[test]
fn a_closed_history_is_one_file() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &records(3));
    let mut files: Vec<String> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.metadata().unwrap().len() > 0)
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    files.retain(|name| !name.ends_with("-shm"));
    assert_eq!(files, ["history.db"]);
}

#[test]
fn closing_commits_what_waits() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _, _reports) = open(dir.path());
    store.submit(records(5000)).unwrap();
    store.close();
    assert_eq!(all(dir.path()).len(), 5000);
}

#[test]
fn the_queue_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let config = StoreConfig { queue_records_max: 10, ..quick(dir.path()) };
    let (store, _, reports) = try_open(config).unwrap();
    assert_eq!(store.submit(records(11)), Err(SubmitError::Full));
    assert_eq!(store.room(), 10);
    store.submit(records(10)).unwrap();
    committed(&reports, 10);
}

#[test]
fn a_gap_in_the_numbers_ends_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _, reports) = open(dir.path());
    store.submit(vec![out(1, "ann"), out(3, "ann")]).unwrap();
    let Report::Fatal { reason } = reports.recv_timeout(PATIENCE).unwrap() else { panic!() };
    assert!(reason.contains("from event 3 on was submitted after event 1"), "{reason}");
    assert_eq!(store.submit(vec![out(1, "ann")]), Err(SubmitError::Ended));
    drop(store);
    assert!(all(dir.path()).is_empty());
}

#[test]
fn files_are_there_before_the_record_that_names_them() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _, reports) = open(dir.path());
    let bytes = b"FEATURE f1 LGS 1.0 permanent 1 SIGN=00\n".to_vec();
    let digest = Digest::of(&bytes);
    store.put_file(digest, bytes.clone());
    store.put_file(digest, bytes.clone());
    let started = Event::Started(Started {
        version: "0.1.0".into(),
        zone: "Europe/Berlin".into(),
        files: vec![StartFile {
            role: seatkeeper::event::FileRole::License,
            path: "svr_lgs.lic".into(),
            digest,
        }],
    });
    let record = Record { first: Seq(1), at: Timestamp(5), events: vec![started] };
    store.submit(vec![record.clone()]).unwrap();
    assert_eq!(committed(&reports, 1), [record]);
    assert_eq!(history::file(dir.path(), &digest).unwrap(), Some(bytes));
    assert_eq!(history::file(dir.path(), &Digest::of(b"other")).unwrap(), None);
}

#[test]
fn the_write_ahead_log_does_not_grow_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let config = StoreConfig { wal_bytes_max: 1 << 20, ..quick(dir.path()) };
    let (store, _, reports) = try_open(config).unwrap();
    let mut seq = 0;
    let mut largest = 0;
    // Some 60 MB of pages go through it.
    for _ in 0..4000 {
        store.submit(vec![out(seq + 1, "ann"), out(seq + 2, "Bob Lee")]).unwrap();
        seq += 2;
        committed(&reports, seq);
        largest = largest.max(dir.path().join("history.db-wal").metadata().unwrap().len());
    }
    store.close();
    let total = 4000 * 3 * 4096;
    assert!(largest < total / 2, "{largest} of {total} bytes");
    assert_eq!(verify_chain(dir.path()).unwrap().last, Seq(seq));
}
