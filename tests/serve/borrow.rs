//! Borrowing from a real daemon: the signed record, the crash in between, renewal and early return.

use seatkeeper::event::{Answer, Borrow, Borrowing, Checkout, Denial, Grant, Wishes};
use seatkeeper::ident::{Count, Digest, Handle, Token};
use seatkeeper::sign::SignedBorrow;
use seatkeeper::time::Timestamp;
use seatkeeper::wire::{BorrowClaim, Message, Purpose, RecordText, StatusItem};

use crate::Site;
use crate::daemon::{Daemon, Wire, now};

const LICENSE: &str = "SERVER this_host ANY 27000\nVENDOR LGS\nFEATURE one LGS 1.0 permanent 1 BORROW=48\n";
const SECRET: [u8; 32] = [7; 32];

fn session(daemon: &Daemon, user: &str) -> Wire {
    let mut wire = Wire::connect(daemon.port).unwrap();
    wire.hello_from(user, &["ID=7"], Purpose::New, now()).unwrap().unwrap().unwrap();
    wire
}

fn hours(hours: i64) -> Timestamp {
    Timestamp(now().0 + hours * 3_600_000)
}

fn answer(wire: &mut Wire, message: &Message) -> Answer {
    match wire.ask(message).unwrap() {
        Message::Answer { answer, .. } => answer,
        other => panic!("{other:?}"),
    }
}

fn borrow(wire: &mut Wire, token: u64, ends: Timestamp, renew_s: u32) -> Result<Grant, Denial> {
    let borrow = Some(Borrowing { ends, renew_s, secret: Digest::of(&SECRET) });
    let request = Checkout {
        token: Token(token),
        acknowledged: Token(token - 1),
        feature: "one".parse().unwrap(),
        version: "1.0".parse().unwrap(),
        count: Count::MIN,
        wishes: Wishes { borrow, ..Wishes::default() },
    };
    match answer(wire, &Message::Checkout(request)) {
        Answer::Granted(grant) => Ok(grant),
        Answer::Denied(denial) => Err(denial),
        other => panic!("{other:?}"),
    }
}

fn claim(token: u64, handle: Handle, secret: [u8; 32]) -> BorrowClaim {
    BorrowClaim { token: Token(token), acknowledged: Token(token - 1), handle, secret }
}

fn record(wire: &mut Wire, handle: Handle, secret: [u8; 32]) -> Result<SignedBorrow, Denial> {
    let record = record_text(wire, Some(handle), secret)?;
    Ok(SignedBorrow { text: record.text, sign: record.sign })
}

fn record_text(wire: &mut Wire, handle: Option<Handle>, secret: [u8; 32]) -> Result<RecordText, Denial> {
    match wire.ask(&Message::FetchRecord { handle, secret }).unwrap() {
        Message::Record(record) => Ok(record),
        Message::Error(denial) => Err(denial),
        other => panic!("{other:?}"),
    }
}

/// What lmstat would show of the one checkout: seconds left and in all.
fn shown(wire: &mut Wire) -> Option<(u32, u32)> {
    let items = match wire.ask(&Message::AskStatus { feature: None, users: true }).unwrap() {
        Message::Status(items) => items,
        other => panic!("{other:?}"),
    };
    items.iter().find_map(|item| match item {
        StatusItem::User { linger, .. } => linger.map(|linger| (linger.left_s, linger.total_s)),
        _ => None,
    })
}

#[test]
fn dom_86_a_borrow_survives_the_crash_and_its_record_comes_again_letter_by_letter() {
    let site = Site::new(300, 5);
    site.serve(LICENSE);
    let daemon = site.start();
    let mut ann = session(&daemon, "ann");
    let denial = borrow(&mut ann, 1, hours(49), 0).unwrap_err();
    assert_eq!((denial.code.number(), denial.note.contains("the latest possible end is")), (-104, true));
    let grant = borrow(&mut ann, 2, hours(47), 0).unwrap();
    let first = record(&mut ann, grant.handle, SECRET).unwrap();
    let (read, _) = first.read().unwrap();
    assert_eq!((read.handle, read.hostids.len(), read.user.as_str()), (grant.handle, 1, "ann"));
    assert_eq!(grant.borrow, Some(Borrow { until: read.until, ends: read.ends }));
    assert_eq!(record(&mut ann, grant.handle, [8; 32]).unwrap_err().code.number(), -128);
    drop(ann);
    daemon.kill();

    let daemon = site.start();
    let mut bob = session(&daemon, "bob");
    assert_eq!(bob.checkout(1, 0, "one", 1).unwrap().number(), -4);
    let (left, total) = shown(&mut bob).expect("it is shown as one that lingers");
    assert!(left <= total && total <= 47 * 3600 + 1 && total > 46 * 3600, "{left} {total}");
    let mut ann = session(&daemon, "ann");
    assert_eq!(record(&mut ann, grant.handle, SECRET).unwrap(), first, "the same words and signature");
    // Who has lost the answer asks by the secret alone.
    let again = record_text(&mut ann, None, SECRET).unwrap();
    assert_eq!((again.text, again.sign, again.lines), (first.text, first.sign, grant.lines.clone()));
    assert_eq!(record_text(&mut ann, None, [8; 32]).unwrap_err().code.number(), -128);
    assert_eq!(
        answer(&mut ann, &Message::Return(claim(1, grant.handle, SECRET))),
        Answer::CheckedIn(grant.handle)
    );
    assert!(bob.checkout(2, 1, "one", 1).unwrap().granted().borrow.is_none());
    daemon.wait_for_log(&["IN: \"one\" ann@ws01  (BORROW_RETURNED)"]);
}

#[test]
fn lmreplay_tells_of_borrows_under_other_rules_in_each_of_its_forms() {
    let site = Site::new(300, 5);
    site.serve(LICENSE);
    let daemon = site.start();
    let mut ann = session(&daemon, "ann");
    borrow(&mut ann, 1, hours(49), 0).unwrap_err();
    let ends = borrow(&mut ann, 2, hours(47), 0).unwrap().borrow.unwrap().ends;
    let dir = site.dir.path();
    std::fs::write(dir.join("new.opt"), "MAX_BORROW_HOURS one 40\n").unwrap();
    let replay = |format: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_seatkeeper"));
        let vendor_dir = dir.to_str().unwrap();
        command.args(["lmreplay", "--vendor-dir", vendor_dir, "--options", "new.opt", "--format", format]);
        let output = command.arg("state").current_dir(dir).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        String::from_utf8(output.stdout).unwrap()
    };
    let value: serde_json::Value = serde_json::from_str(&replay("json")).unwrap();
    let row = &value["differences"][0];
    assert_eq!((&row["change"], &row["user"]), (&"newly_denied".into(), &"ann".into()), "{value}");
    let until: jiff::Timestamp = row["borrow_until"].as_str().unwrap().parse().unwrap();
    assert_eq!(until.as_millisecond(), ends.0);
    assert_eq!(
        (&row["replayed"]["number"], &row["replayed"]["rule"]),
        (&(-104).into(), &"new.opt:1".into()),
        "{value}"
    );
    let rows = replay("csv");
    let row = rows.lines().nth(1).unwrap();
    assert!(
        row.ends_with(&format!(",{}", value["differences"][0]["borrow_until"].as_str().unwrap())),
        "{rows}"
    );
    let text = replay("human").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("ann@ws01: one 1.0, 1 license to borrow until 20"), "{text}");
}

#[test]
fn a_record_is_renewed_and_an_early_return_whose_answer_is_lost_has_happened() {
    let site = Site::new(300, 5);
    site.serve(LICENSE);
    let daemon = site.start();
    let mut ann = session(&daemon, "ann");
    let grant = borrow(&mut ann, 1, hours(40), 3600).unwrap();
    let first = grant.borrow.unwrap();
    assert!(first.is_renewable() && first.until.0 - now().0 <= 3_600_000);
    let renew = Message::Renew { borrow: claim(2, grant.handle, SECRET), ends: None };
    let Answer::Renewed { borrow, .. } = answer(&mut ann, &renew) else { panic!("renewed") };
    assert!(borrow.until >= first.until && borrow.ends == first.ends);
    assert_eq!(
        answer(&mut ann, &renew),
        Answer::Renewed { handle: grant.handle, borrow },
        "the same number again"
    );
    let (read, _) = record(&mut ann, grant.handle, SECRET).unwrap().read().unwrap();
    assert_eq!(read.until, borrow.until);
    // The answer to the return is never read.
    ann.send(&Message::Return(claim(3, grant.handle, SECRET))).unwrap();
    drop(ann);
    let mut bob = session(&daemon, "bob");
    let mut token = 0;
    crate::daemon::until("the license to be free", || {
        token += 1;
        bob.checkout(token, token - 1, "one", 1).unwrap().number() == 0
    });
    let again = answer(&mut bob, &Message::Return(claim(token + 1, grant.handle, SECRET)));
    assert!(matches!(again, Answer::Denied(denial) if denial.code.number() == -128));
}
