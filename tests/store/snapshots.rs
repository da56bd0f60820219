//! Short cuts for loading, and what happens without them.

use rusqlite::Connection;
use seatkeeper::store::Snapshot;

use super::*;

/// A state of `pieces` pieces, different for each event.
fn state(through: u64, pieces: usize) -> Snapshot {
    let fill = u8::try_from(through % 251).unwrap();
    Snapshot { through: Seq(through), bytes: vec![fill; pieces * (128 << 10) - 1] }
}

fn wait_for(reports: &Receiver<Report>) -> (Seq, Result<(), String>) {
    loop {
        match reports.recv_timeout(PATIENCE).unwrap() {
            Report::Snapshot { through, result } => return (through, result),
            Report::Committed(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn last_of(loaded: Loaded) -> Vec<u64> {
    loaded.records.map(|record| record.unwrap().first.0).collect()
}

/// A closed history of 12 events with snapshots of 3, 6 and 9.
fn with_snapshots(dir: &Path) {
    let (store, _, reports) = open(dir);
    let records = records(12);
    for through in [3, 6, 9] {
        let from = usize::try_from(through).unwrap() - 3;
        store.submit(records[from..from + 3].to_vec()).unwrap();
        committed(&reports, through);
        store.put_snapshot(state(through, 5));
        assert_eq!(wait_for(&reports), (Seq(through), Ok(())));
    }
    store.submit(records[9..].to_vec()).unwrap();
    committed(&reports, 12);
    store.close();
}

#[test]
fn loading_begins_at_the_newest_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    with_snapshots(dir.path());
    let (_store, loaded, _) = open(dir.path());
    assert_eq!(loaded.snapshot, Some(state(9, 5)));
    assert_eq!(last_of(loaded), [10, 11, 12]);
}

#[test]
fn two_snapshots_stay_and_an_owner_can_go_back() {
    let dir = tempfile::tempdir().unwrap();
    with_snapshots(dir.path());
    let loaded = store::load(dir.path()).unwrap().older().unwrap();
    assert_eq!(loaded.snapshot, Some(state(6, 5)));
    let loaded = loaded.older().unwrap();
    assert_eq!(loaded.snapshot, None);
    assert_eq!(last_of(loaded), (1..=12).collect::<Vec<_>>());
}

#[test]
fn a_damaged_snapshot_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    with_snapshots(dir.path());
    let connection = Connection::open(dir.path().join("history.db")).unwrap();
    let damage = |sql: &str| assert_eq!(connection.execute(sql, []).unwrap(), 1, "{sql}");
    damage("UPDATE snapshot_pieces SET data = zeroblob(length(data)) WHERE through = 9 AND piece = 2");
    assert_eq!(store::load(dir.path()).unwrap().snapshot, Some(state(6, 5)));
    damage("DELETE FROM snapshot_pieces WHERE through = 6 AND piece = 4");
    let loaded = store::load(dir.path()).unwrap();
    assert_eq!(loaded.snapshot, None);
    assert_eq!(last_of(loaded).len(), 12);
}

#[test]
fn an_unfinished_snapshot_does_not_count_and_is_cleared_away() {
    let dir = tempfile::tempdir().unwrap();
    with_snapshots(dir.path());
    let connection = Connection::open(dir.path().join("history.db")).unwrap();
    connection.execute("UPDATE snapshots SET complete = 0 WHERE through = 9", []).unwrap();
    let (store, loaded, reports) = open(dir.path());
    assert_eq!(loaded.snapshot, Some(state(6, 5)));
    store.put_snapshot(state(12, 1));
    assert_eq!(wait_for(&reports), (Seq(12), Ok(())));
    store.close();
    let left: String = connection
        .query_row("SELECT group_concat(DISTINCT through) FROM snapshot_pieces", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, "6,12");
}

#[test]
fn commits_go_on_between_the_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _, reports) = open(dir.path());
    let records = records(40);
    store.submit(records[..1].to_vec()).unwrap();
    committed(&reports, 1);
    store.put_snapshot(state(1, 200));
    let mut during = 0;
    let mut seq = 1;
    loop {
        if seq < 40 {
            store.submit(vec![records[usize::try_from(seq).unwrap()].clone()]).unwrap();
        }
        match reports.recv_timeout(PATIENCE).unwrap() {
            Report::Committed(_) => {
                during += 1;
                seq += 1;
            }
            Report::Snapshot { result, .. } => break result.unwrap(),
            other => panic!("{other:?}"),
        }
    }
    assert!(during >= 20, "{during}");
    store.close();
    assert_eq!(store::load(dir.path()).unwrap().snapshot, Some(state(1, 200)));
}

#[test]
fn a_snapshot_of_what_is_not_there_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _, reports) = open(dir.path());
    store.put_snapshot(state(5, 1));
    let (through, result) = wait_for(&reports);
    assert_eq!(through, Seq(5));
    assert_eq!(result, Err("event 5 is not in the history yet".into()));
    drop(store);
    assert!(store::load(dir.path()).unwrap().snapshot.is_none());
}
