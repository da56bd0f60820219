//! SIGKILL over a disk that forgets, full and read-only disks, a disk that fails to sync, the lock.

use seatkeeper::platform::{LockError, StateLock};

use super::child::Running;
use super::forgetful_disk::ForgetfulDisk;
use super::*;

/// The last event that a reader finds.
fn last(dir: &Path) -> u64 {
    let mut last = 0;
    for record in history::read(dir).unwrap() {
        last = record.unwrap().last().0;
    }
    last
}

#[test]
fn the_forgetful_disk_forgets_what_is_not_synced_and_nothing_else() {
    for (task, expected) in [("write", ""), ("write and sync", "hello")] {
        let dir = tempfile::tempdir().unwrap();
        let Some(disk) = ForgetfulDisk::over(dir.path()) else { return };
        let mut child = Running::start(task, disk.dir(), Some(&disk), &[]);
        child.wait_for("written", &mut 0);
        child.kill();
        assert_eq!(std::fs::read_to_string(dir.path().join("file")).unwrap(), expected, "{task}");
    }
}

#[test]
fn what_was_reported_survives_every_kill() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = ForgetfulDisk::over(dir.path()) else { return };
    let mut reported = 0;
    for round in 0..12_u64 {
        let mut child = Running::start("commit", disk.dir(), Some(&disk), &[]);
        let opened: u64 = child.wait_for("opened", &mut 0).parse().unwrap();
        assert!(opened >= reported, "round {round}: {opened} of {reported}");
        // Another moment each time, also in the middle of a snapshot.
        for _ in 0..=round * 7 {
            child.wait_for("committed", &mut reported);
        }
        child.kill();
        let verified = verify_chain(dir.path()).unwrap();
        assert!(verified.last.0 >= reported, "round {round}: {} of {reported}", verified.last);
    }
}

#[test]
fn without_syncs_reported_commits_are_lost() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = ForgetfulDisk::over(dir.path()) else { return };
    written(dir.path(), &records(5));
    let mut child = Running::start("commit", disk.dir(), Some(&disk), &[("FORGETFUL_IGNORE_SYNC", "1")]);
    let mut reported = 0;
    while reported < 100 {
        child.wait_for("committed", &mut reported);
    }
    child.kill();
    assert_eq!(last(dir.path()), 5);
}

/// A failure that passes: pending work is dropped with a clear reason, nothing that was reported is lost, and writing
/// goes on by itself afterwards.
fn passes(failure: &str, words: &str) {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = ForgetfulDisk::over(dir.path()) else { return };
    let mut child = Running::start("commit", disk.dir(), Some(&disk), &[]);
    let mut reported = 0;
    for _ in 0..3 {
        for _ in 0..20 {
            child.wait_for("committed", &mut reported);
        }
        disk.switch(failure, true);
        let reason = child.wait_for("rolled back", &mut reported);
        assert!(reason.contains(words), "{reason}");
        let before = reported;
        disk.switch(failure, false);
        child.wait_for("recovered", &mut reported);
        assert_eq!(reported, before, "nothing is committed between roll-back and recovery");
        child.wait_for("committed", &mut reported);
    }
    child.kill();
    let verified = verify_chain(dir.path()).unwrap();
    assert!(verified.last.0 >= reported);
}

#[test]
fn a_full_disk_passes() {
    passes("full", "No space left on device");
}

#[test]
fn a_read_only_disk_passes() {
    passes("readonly", "Read-only file system");
}

#[test]
fn a_failed_sync_is_fatal_and_reopening_decides() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = ForgetfulDisk::over(dir.path()) else { return };
    let mut child = Running::start("commit", disk.dir(), Some(&disk), &[]);
    let mut reported = 0;
    for _ in 0..20 {
        child.wait_for("committed", &mut reported);
    }
    disk.switch("syncfail", true);
    child.wait_for("fatal", &mut reported);
    child.kill();
    disk.switch("syncfail", false);
    let mut child = Running::start("commit", disk.dir(), Some(&disk), &[]);
    let opened: u64 = child.wait_for("opened", &mut 0).parse().unwrap();
    assert!(opened >= reported, "{opened} of {reported}");
    child.wait_for("committed", &mut reported);
}

#[test]
fn a_disk_that_fails_at_the_start_is_waited_for() {
    for (failure, words) in [("full", "No space left on device"), ("readonly", "Read-only file system")] {
        for existing in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let Some(disk) = ForgetfulDisk::over(dir.path()) else { return };
            if existing {
                written(dir.path(), &records(5));
            }
            disk.switch(failure, true);
            let mut child = Running::start("commit", disk.dir(), Some(&disk), &[]);
            for _ in 0..3 {
                let reason = child.wait_for("waiting", &mut 0);
                assert!(reason.contains(words), "{reason}");
            }
            disk.switch(failure, false);
            let opened = child.wait_for("opened", &mut 0);
            assert_eq!(opened, if existing { "5" } else { "0" });
            child.wait_for("committed", &mut 0);
        }
    }
}

#[test]
fn the_lock_names_its_holder_and_falls_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Running::start("lock", dir.path(), None, &[]);
    child.wait_for("locked", &mut 0);
    let refused = StateLock::acquire(dir.path(), Duration::from_millis(120), |_| {}).unwrap_err();
    assert!(matches!(refused, LockError::Held { .. }));
    assert!(refused.to_string().contains(&format!("process {} since ", child.id())), "{refused}");
    child.kill();
    StateLock::acquire(dir.path(), PATIENCE, |_| {}).unwrap();
}
