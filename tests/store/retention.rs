//! Dropping what is old.

use rusqlite::Connection;
use seatkeeper::ident::VendorName;
use seatkeeper::sign::SigningKey;
use seatkeeper::store::{Checkpoint, Snapshot, checkpoint};

use super::*;

fn key(seed: u8) -> SigningKey {
    SigningKey::generate_ed25519(VendorName::parse("LGS").unwrap(), [seed; 32])
}

/// The time of event `seq`: ten days after the one before.
fn at(seq: u64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + i64::try_from(seq).unwrap() * 864_000)
}

fn aged(seq: u64, user: &str) -> Record {
    Record { at: at(seq), ..out(seq, user) }
}

/// Commits events one by one; `eve` is seen in the first five only.
fn commit(store: &Store, reports: &Receiver<Report>, events: std::ops::RangeInclusive<u64>) {
    for seq in events {
        store.submit(vec![aged(seq, if seq <= 5 { "eve" } else { "ann" })]).unwrap();
        committed(reports, seq);
    }
}

fn snapshot(store: &Store, reports: &Receiver<Report>, through: u64) {
    store.put_snapshot(Snapshot { through: Seq(through), bytes: vec![1; 1000] });
    loop {
        if let Report::Snapshot { result, .. } = reports.recv_timeout(PATIENCE).unwrap() {
            return result.unwrap();
        }
    }
}

fn prune(store: &Store, before: u64) -> Option<Checkpoint> {
    store.prune(at(before), key(1)).recv_timeout(PATIENCE).unwrap().unwrap()
}

fn has_eve(dir: &Path) -> bool {
    let connection = Connection::open(dir.join("history.db")).unwrap();
    connection.query_row("SELECT count(*) FROM names WHERE text = 'eve'", [], |row| row.get(0)).unwrap()
}

#[test]
fn old_commits_go_and_a_signed_checkpoint_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _, reports) = open(dir.path());
    commit(&store, &reports, 1..=200);
    assert_eq!(prune(&store, 100), None, "without a snapshot everything is needed");
    snapshot(&store, &reports, 180);
    commit(&store, &reports, 201..=250);
    snapshot(&store, &reports, 250);

    assert_eq!(prune(&store, 7).unwrap().through, Seq(6));
    assert!(has_eve(dir.path()), "her last use is not old enough to be sure");
    // More than one step; the commit of the given time itself stays.
    let point = prune(&store, 130).unwrap();
    assert_eq!((point.through, point.utc), (Seq(129), at(129)));
    assert!(!has_eve(dir.path()));
    // Not past the older snapshot.
    let point = prune(&store, 240).unwrap();
    assert_eq!(point.through, Seq(180));
    assert_eq!(prune(&store, 240).unwrap(), point);
    commit(&store, &reports, 251..=260);
    store.close();

    assert_eq!(checkpoint(dir.path()).unwrap(), Some(point.clone()));
    point.verify(&key(1).verifying_key()).unwrap();
    assert!(point.verify(&key(2).verifying_key()).is_err());
    assert!(Checkpoint { through: Seq(179), ..point.clone() }.verify(&key(1).verifying_key()).is_err());
    assert!(Checkpoint { link: Digest::of(b""), ..point }.verify(&key(1).verifying_key()).is_err());

    let verified = verify_chain(dir.path()).unwrap();
    assert_eq!((verified.first, verified.last, verified.records), (Seq(181), Seq(260), 80));
    assert_eq!(all(dir.path())[0], aged(181, "ann"));
    let (store, loaded, reports) = open(dir.path());
    assert_eq!(loaded.snapshot.as_ref().unwrap().through, Seq(250));
    let loaded = loaded.older().unwrap();
    assert_eq!(loaded.snapshot.as_ref().unwrap().through, Seq(180));
    // Names that the snapshot's events used and later ones use are there.
    assert_eq!(loaded.records.map(Result::unwrap).next().unwrap(), aged(181, "ann"));
    commit(&store, &reports, 261..=262);
}

#[test]
fn a_checkpoint_that_was_moved_does_not_fit_the_chain() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _, reports) = open(dir.path());
    commit(&store, &reports, 1..=20);
    snapshot(&store, &reports, 20);
    prune(&store, 11).unwrap();
    store.close();
    let connection = Connection::open(dir.path().join("history.db")).unwrap();
    connection.execute("UPDATE checkpoints SET link = randomblob(32)", []).unwrap();
    let error = verify_chain(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::BadCommit { first: Seq(11), .. }), "{error}");
}

#[test]
fn without_the_dropped_events_a_sound_snapshot_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _, reports) = open(dir.path());
    commit(&store, &reports, 1..=20);
    snapshot(&store, &reports, 20);
    prune(&store, 11).unwrap();
    store.close();
    let connection = Connection::open(dir.path().join("history.db")).unwrap();
    connection.execute("UPDATE snapshot_pieces SET data = x'00'", []).unwrap();
    let error = store::load(dir.path()).unwrap_err();
    assert!(error.to_string().contains("the events up to 10 were dropped"), "{error}");
}
