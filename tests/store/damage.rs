//! Databases that were changed, damaged or are not ours.

use rusqlite::Connection;

use super::*;

/// Changes a closed history behind the store's back.
fn tampered(sql: &str) -> StoreError {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &records(20));
    verify_chain(dir.path()).unwrap();
    let changed = Connection::open(dir.path().join("history.db")).unwrap().execute(sql, []).unwrap();
    assert!(changed > 0, "{sql}");
    verify_chain(dir.path()).unwrap_err()
}

#[test]
fn every_change_of_a_commit_is_found_where_it_is() {
    for sql in [
        "UPDATE commits SET records = CAST(replace(records, 'cad', 'cam') AS BLOB) WHERE first_seq = 7",
        "UPDATE commits SET utc = utc + 1 WHERE first_seq = 7",
        "UPDATE commits SET names = names + 1 WHERE first_seq = 7",
        "UPDATE commits SET link = randomblob(32) WHERE first_seq = 7",
        "UPDATE commits SET last_seq = 8 WHERE first_seq = 7",
        "DELETE FROM commits WHERE first_seq = 6",
        "UPDATE commits SET records = (SELECT records FROM commits WHERE first_seq = 6) WHERE first_seq = 7",
        "UPDATE commits SET records = 5 WHERE first_seq = 7",
    ] {
        match tampered(sql) {
            StoreError::BadCommit { first, .. } => assert_eq!(first, Seq(7), "{sql}"),
            other => panic!("{sql}: {other}"),
        }
    }
}

#[test]
fn changed_names_are_found() {
    for (sql, at) in [
        ("UPDATE names SET text = 'eve' WHERE text = 'ann'", 2),
        ("UPDATE names SET digest = randomblob(32) WHERE text = 'ann'", 2),
        ("UPDATE names SET kind = 2 WHERE text = 'ann'", 2),
        ("DELETE FROM names WHERE text = 'ann'", 2),
        ("UPDATE names SET text = NULL, salt = NULL, digest = randomblob(32) WHERE text = 'Bob Lee'", 1),
    ] {
        match tampered(sql) {
            StoreError::BadCommit { first, .. } => assert_eq!(first, Seq(at), "{sql}"),
            other => panic!("{sql}: {other}"),
        }
    }
}

#[test]
fn records_before_the_damage_are_still_read() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &records(20));
    let connection = Connection::open(dir.path().join("history.db")).unwrap();
    connection.execute("UPDATE commits SET utc = 0 WHERE first_seq = 15", []).unwrap();
    let mut reader = history::read(dir.path()).unwrap();
    for record in records(14) {
        assert_eq!(reader.next().unwrap().unwrap(), record);
    }
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
}

#[test]
fn a_damaged_database_is_never_replaced() {
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change); 4] = [
        ("empty", Vec::clear),
        ("cut", |bytes| bytes.truncate(bytes.len() / 2)),
        ("first page overwritten", |bytes| bytes[..4096].fill(0x55)),
        ("pages overwritten", |bytes| bytes[4096..].fill(0x55)),
    ];
    for (name, change) in changes {
        let dir = tempfile::tempdir().unwrap();
        written(dir.path(), &records(500));
        let path = dir.path().join("history.db");
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::write(&path, &bytes).unwrap();
        let outcome = try_open(quick(dir.path()))
            .and_then(|(_store, loaded, _)| loaded.records.collect::<Result<Vec<_>, _>>());
        let error = outcome.unwrap_err();
        assert!(
            matches!(error, StoreError::Damaged { .. } | StoreError::BadCommit { .. }) && !error.retry(),
            "{name}: {error}"
        );
        if name != "cut" && name != "pages overwritten" {
            assert_eq!(std::fs::read(&path).unwrap(), bytes, "{name}");
        }
    }
}

#[test]
fn a_missing_database_with_its_log_still_there_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("history.db-wal"), [0; 100]).unwrap();
    let error = try_open(quick(dir.path())).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(!dir.path().join("history.db").exists());
}

#[test]
fn a_foreign_or_later_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let error = try_open(quick(dir.path())).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    std::fs::remove_file(&path).unwrap();
    written(dir.path(), &records(1));
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = try_open(quick(dir.path())).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
}

#[test]
fn a_half_made_database_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("history.new"), b"SQLite format 3\0 and then the lights went out")
        .unwrap();
    written(dir.path(), &records(3));
    assert_eq!(all(dir.path()), records(3));
}

#[test]
fn a_missing_directory_may_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("LGS");
    let error = try_open(quick(&inner)).unwrap_err();
    assert!(error.retry(), "{error}");
    std::fs::create_dir(&inner).unwrap();
    open(&inner);
}

#[test]
fn a_database_that_is_removed_while_open_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, _, reports) = open(dir.path());
    std::fs::remove_file(dir.path().join("history.db")).unwrap();
    let Report::Fatal { reason } = reports.recv_timeout(PATIENCE).unwrap() else { panic!() };
    assert!(reason.ends_with("history.db was removed"), "{reason}");
}

#[test]
fn random_damage_is_an_error_or_harmless_but_never_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &records(60));
    let sound = std::fs::read(dir.path().join("history.db")).unwrap();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % u64::try_from(below).unwrap()).unwrap()
    };
    let mut found = 0;
    for _ in 0..300 {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = sound.clone();
        for _ in 0..=next(20) {
            let at = next(bytes.len());
            bytes[at] = u8::try_from(next(256)).unwrap();
        }
        std::fs::write(dir.path().join("history.db"), &bytes).unwrap();
        found += u32::from(verify_chain(dir.path()).is_err());
        if let Ok(loaded) = store::load(dir.path()) {
            // Whatever is read is what was written, up to the first error.
            for (record, expected) in loaded.records.map_while(Result::ok).zip(records(60)) {
                assert_eq!(record, expected);
            }
        }
    }
    assert!(found > 50, "{found}");
}
