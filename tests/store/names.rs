//! Erasing names.

use seatkeeper::event::codec::NameKind;
use seatkeeper::store::{Snapshot, erase_name};

use super::*;

fn users(dir: &Path) -> Vec<String> {
    all(dir)
        .iter()
        .flat_map(|record| &record.events)
        .map(|event| match event {
            Event::Out(out) => out.identity.user.to_string(),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Whether any file of the directory holds these bytes.
fn on_disk(dir: &Path, text: &str) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[test]
fn an_erased_name_is_gone_and_the_chain_holds() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &records(4));
    let before = verify_chain(dir.path()).unwrap();
    assert!(on_disk(dir.path(), "Bob Lee"));
    assert!(erase_name(dir.path(), NameKind::User, "Bob Lee").unwrap());
    assert!(!erase_name(dir.path(), NameKind::User, "Bob Lee").unwrap());
    assert!(!on_disk(dir.path(), "Bob Lee"));
    let after = verify_chain(dir.path()).unwrap();
    assert_eq!((after.link, after.erased), (before.link, 1));
    let users = users(dir.path());
    assert!(users[0].starts_with("erased-"), "{users:?}");
    assert_eq!(users[..], [users[0].as_str(), "ann", &users[0], "ann"]);
}

#[test]
fn a_running_store_forgets_a_name_and_numbers_it_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _, reports) = open(dir.path());
    store.submit(records(2)).unwrap();
    committed(&reports, 2);
    assert!(store.erase_name(NameKind::User, "ann").unwrap());
    assert!(!on_disk(dir.path(), "ann"));
    assert!(!store.erase_name(NameKind::Host, "ann").unwrap());
    store.submit(vec![out(3, "ann"), out(4, "Bob Lee")]).unwrap();
    committed(&reports, 4);
    let users = users(dir.path());
    assert_eq!(users[0], "Bob Lee");
    assert!(users[1].starts_with("erased-"));
    assert_eq!(users[2..], ["ann", "Bob Lee"]);
    verify_chain(dir.path()).unwrap();
}

#[test]
fn a_client_whose_name_was_erased_is_not_written_under_its_old_number() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _, reports) = open(dir.path());
    // All by one and the same client, whom the store may remember.
    let client = identity("ann");
    let by_client = |seq| {
        let mut record = out(seq, "ann");
        if let Event::Out(out) = &mut record.events[0] {
            out.identity = client.clone();
        }
        record
    };
    for seq in 1..=3 {
        store.submit(vec![by_client(seq)]).unwrap();
        committed(&reports, seq);
    }
    assert!(store.erase_name(NameKind::User, "ann").unwrap());
    for seq in 4..=6 {
        store.submit(vec![by_client(seq)]).unwrap();
        committed(&reports, seq);
    }
    let users = users(dir.path());
    assert!(users[0].starts_with("erased-"), "{users:?}");
    assert_eq!(users[..], [users[0].as_str(), &users[0], &users[0], "ann", "ann", "ann"]);
    let written = all(dir.path());
    let identity = |record: &Record| match &record.events[0] {
        Event::Out(out) => out.identity.clone(),
        other => panic!("{other:?}"),
    };
    assert!(written[3..].iter().all(|record| identity(record) == client));
    verify_chain(dir.path()).unwrap();
}

#[test]
fn a_name_in_the_newest_snapshot_stays_until_there_is_a_newer_one() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _, reports) = open(dir.path());
    let mut state = seatkeeper::event::codec::Writer::new();
    state.str("ann");
    for (seq, bytes) in [(1, state.as_slice()), (2, state.as_slice()), (3, b"nobody")] {
        store.submit(vec![out(seq, "ann")]).unwrap();
        committed(&reports, seq);
        if seq > 1 {
            assert!(matches!(store.erase_name(NameKind::User, "ann"), Err(StoreError::NameInUse)));
        }
        store.put_snapshot(Snapshot { through: Seq(seq), bytes: bytes.to_vec() });
        loop {
            if let Report::Snapshot { result, .. } = reports.recv_timeout(PATIENCE).unwrap() {
                break result.unwrap();
            }
        }
    }
    assert!(store.erase_name(NameKind::User, "ann").unwrap());
    assert_eq!(store.load().unwrap().snapshot.unwrap().bytes, b"nobody");
    assert!(store.load().unwrap().older().unwrap().snapshot.is_none());
}
