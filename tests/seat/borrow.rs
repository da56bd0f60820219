//! Borrowing: the cases of `flexnet-files.md` section 8.2 and the rules of `domain.md` 5 by their ids.

use seatkeeper::event::{
    Answer, Borrow, BorrowReturn, Borrowing, Denial, EndReason, Event, Grant, In, InReason, Renewal, Wishes,
};
use seatkeeper::ident::{Digest, Handle, Token};
use seatkeeper::seat::{BORROW_MARGIN, Command, PoolUse, Reply, State, Tenure, next_wakeup};
use seatkeeper::sign::Manifest;
use seatkeeper::time::{Look, Timestamp};

use super::bench::{Bench, catalog_under, checkout, events, fold, identity, invariants};

const FX: &str = "INCREMENT fx LGS 2.0 permanent 10 BORROW";
const ANN: &str = "ann@h1";
const HOSTID: &[&str] = &["ID=7"];
const HOUR: i64 = 3600;

fn secret(who: &str) -> Digest {
    Digest::of(who.as_bytes())
}

/// Asks to borrow for so many seconds; `renew_s` is the span of the record.
fn borrow_for(bench: &mut Bench, who: &str, seconds: i64, renew_s: u32) -> Result<Grant, Denial> {
    bench.session(who, HOSTID);
    let ends = Timestamp(bench.now.utc.0 + seconds * 1000);
    let borrow = Some(Borrowing { ends, renew_s, secret: secret(who) });
    let mut request = checkout(Token(1), "fx", "2.0", 1);
    request.wishes = Wishes { borrow, ..Wishes::default() };
    bench.ask(who, request)
}

/// The number of the denial, or 0.
fn borrow(bench: &mut Bench, who: &str, hours: i64) -> i32 {
    borrow_for(bench, who, hours * HOUR, 0).map_or_else(|denial| denial.code.number(), |_| 0)
}

fn renew(bench: &mut Bench, who: &str, handle: Handle, ends: Option<Timestamp>) -> Result<Borrow, Denial> {
    let id = bench.session(who, HOSTID);
    let token = bench.next_token(who);
    let request = Renewal { token, acknowledged: Token(token.0 - 1), handle, secret: secret(who), ends };
    match bench.run(&Command::Renew(id, request)).reply {
        Reply::Answer(answered, Answer::Renewed { handle: of, borrow })
            if answered == token && of == handle =>
        {
            Ok(borrow)
        }
        Reply::Answer(answered, Answer::Denied(denial)) if answered == token => Err(denial),
        other => panic!("{other:?}"),
    }
}

fn give_back(bench: &mut Bench, who: &str, secret_of: &str, handle: Handle) -> i32 {
    let id = bench.session(who, HOSTID);
    let token = bench.next_token(who);
    let request = BorrowReturn { token, acknowledged: Token(token.0 - 1), handle, secret: secret(secret_of) };
    match bench.run(&Command::Return(id, request)).reply {
        Reply::Answer(_, Answer::CheckedIn(of)) if of == handle => 0,
        Reply::Answer(_, Answer::Denied(denial)) => denial.code.number(),
        other => panic!("{other:?}"),
    }
}

/// Everything that must hold of a history, whatever happened.
fn holds(bench: &Bench) {
    invariants(&bench.state, &bench.catalog, bench.now);
    assert_eq!(fold(&bench.history), bench.state);
    let back = State::from_snapshot(&bench.state.snapshot()).expect("a snapshot is read back");
    assert_eq!(back, bench.state);
}

#[test]
fn case_o43_lowwater_keeps_licenses_back_from_borrowing_alone() {
    let mut bench = Bench::with_options(FX, "BORROW_LOWWATER fx 3");
    for number in 1..=7 {
        assert_eq!(borrow(&mut bench, &format!("u{number}@h{number}"), 24), 0);
    }
    let denial = borrow_for(&mut bench, "u8@h8", 24 * HOUR, 0).expect_err("the eighth");
    assert_eq!((denial.code.number(), denial.rule()), (-67, Some("LGS.opt:1")));
    assert_eq!(bench.out("u8@h8", "fx", "2.0", 1), 0);
    holds(&bench);
}

#[test]
fn cases_o44_o45_o46_the_borrow_lists_close_borrowing_alone_and_the_others_both() {
    let mut bench = Bench::with_options(FX, "EXCLUDE_BORROW fx USER fred");
    assert_eq!((borrow(&mut bench, "fred@h1", 24), bench.out("fred@h1", "fx", "2.0", 1)), (-38, 0));
    assert_eq!(borrow(&mut bench, "joe@h2", 24), 0);
    let mut bench = Bench::with_options(FX, "INCLUDE_BORROW fx USER john");
    assert_eq!((borrow(&mut bench, "joe@h1", 24), bench.out("joe@h1", "fx", "2.0", 1)), (-39, 0));
    assert_eq!((borrow(&mut bench, "john@h2", 24), bench.out("john@h2", "fx", "2.0", 1)), (0, 0));
    let mut bench = Bench::with_options(FX, "INCLUDE fx USER john");
    assert_eq!((bench.out("joe@h1", "fx", "2.0", 1), borrow(&mut bench, "joe@h3", 24)), (-39, -39));
}

#[test]
fn dom_90_who_is_on_both_borrow_lists_is_refused() {
    let both = "INCLUDE_BORROW fx USER ann\nEXCLUDE_BORROW fx USER ann";
    assert_eq!(borrow(&mut Bench::with_options(FX, both), ANN, 24), -38);
}

#[test]
fn cases_o47_o48_o49_o50_how_long() {
    let line = |borrow: &str| format!("INCREMENT fx LGS 2.0 permanent 10 {borrow}");
    let tried = |lines: &str, options: &str, hours: i64| {
        let bench = &mut Bench::with_options(&line(lines), options);
        borrow(bench, ANN, hours)
    };
    assert_eq!((tried("BORROW=72", "", 80), tried("BORROW=72", "", 72)), (-104, 0));
    assert_eq!((tried("BORROW", "", 168), tried("BORROW", "", 169)), (0, -104));
    let options = "MAX_BORROW_HOURS fx 48\nMAX_BORROW_HOURS fx 24";
    assert_eq!((tried("BORROW=72", options, 25), tried("BORROW=72", options, 24)), (-104, 0));
    assert_eq!(tried("", "", 24), -68);
}

#[test]
fn dom_87_88_a_refusal_names_the_latest_end_and_options_only_shorten() {
    let mut bench =
        Bench::with_options("INCREMENT fx LGS 2.0 permanent 10 BORROW=48", "MAX_BORROW_HOURS fx 24");
    let denial = borrow_for(&mut bench, ANN, 48 * HOUR, 0).expect_err("24 hours");
    assert_eq!(denial.code.number(), -104);
    assert!(
        denial.note.contains("LGS.opt:1") && denial.note.contains("2026-06-16T12:00:00Z"),
        "{}",
        denial.note
    );
    let mut bench =
        Bench::with_options("INCREMENT fx LGS 2.0 permanent 10 BORROW=48", "MAX_BORROW_HOURS fx 500");
    assert_eq!((borrow(&mut bench, ANN, 72), borrow(&mut bench, ANN, 48)), (-104, 0));
}

#[test]
fn bor_5_a_borrow_never_outlasts_its_license() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 16-jun-2026 1 BORROW");
    let denial = borrow_for(&mut bench, ANN, 72 * HOUR, 0).expect_err("it expires before");
    assert_eq!(denial.code.number(), -104);
    assert!(denial.note.contains("2026-06-17T00:00:00Z"), "{}", denial.note);
    let grant = borrow_for(&mut bench, ANN, 36 * HOUR, 0).expect("to the last moment");
    assert_eq!(grant.borrow, Some(Borrow { until: grant.expires.unwrap(), ends: grant.expires.unwrap() }));
    bench.pass(36 * HOUR + 599);
    assert_eq!(bench.state.seats().count(), 1);
    bench.pass(1);
    assert_eq!(bench.state.seats().count(), 0);
}

#[test]
fn a_borrow_needs_a_hostid_and_a_future() {
    let mut bench = Bench::new(FX);
    bench.session(ANN, &[]);
    assert_eq!(borrow(&mut bench, ANN, 24), -117);
    assert_eq!(borrow(&mut bench, "bob@h2", -1), -42);
    assert_eq!(borrow(&mut bench, "bob@h2", 0), -42);
}

#[test]
fn bor_8_dom_86_a_borrowed_license_outlives_its_session_and_comes_back_after_end_and_margin() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 permanent 1 BORROW");
    let grant = borrow_for(&mut bench, ANN, 24 * HOUR, 0).expect("granted");
    holds(&bench);
    let id = bench.session(ANN, HOSTID);
    assert_eq!(bench.state.session(id).unwrap().handles().count(), 0);
    bench.run(&Command::End(id, EndReason::Goodbye));
    let stopped = seatkeeper::event::Stopped { by: "SIGTERM".into() };
    bench.run(&Command::Stop(stopped));
    let started = seatkeeper::event::Started { version: "1".into(), zone: "UTC".into(), files: Vec::new() };
    bench.run(&Command::Start(started));
    holds(&bench);
    assert_eq!(bench.out("bob@h2", "fx", "2.0", 1), -4);
    let until = Timestamp(grant.borrow.unwrap().until.0);
    assert_eq!(next_wakeup(&bench.state), Some(until.plus(BORROW_MARGIN)));
    bench.pass(24 * HOUR + 599);
    assert_eq!(bench.out("bob@h2", "fx", "2.0", 1), -4, "clocks may differ by ten minutes");
    bench.pass(1);
    assert_eq!(bench.out("bob@h2", "fx", "2.0", 1), 0);
    let back = events(&bench.history)
        .filter(|event| matches!(event, Event::In(In { why: InReason::BorrowEnd, .. })));
    assert_eq!(back.count(), 1);
}

#[test]
fn bor_9_dom_91_early_return_frees_at_once_and_wants_the_secret() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 permanent 1 BORROW");
    let handle = borrow_for(&mut bench, ANN, 24 * HOUR, 0).expect("granted").handle;
    assert_eq!(give_back(&mut bench, "bob@h2", "bob@h2", handle), -128, "it is not his");
    assert_eq!(give_back(&mut bench, ANN, ANN, Handle(99)), -128);
    assert_eq!(give_back(&mut bench, ANN, ANN, handle), 0);
    assert_eq!(bench.out("bob@h2", "fx", "2.0", 1), 0);
    assert_eq!(give_back(&mut bench, ANN, ANN, handle), -128, "once is enough");
    holds(&bench);
}

#[test]
fn early_return_is_the_publishers_to_allow_and_an_answer_that_was_lost_is_repeated() {
    let manifest = Manifest { early_return: false, ..Manifest::demo() };
    let mut bench = Bench::with(catalog_under(&[FX], &manifest));
    let handle = borrow_for(&mut bench, ANN, 24 * HOUR, 0).expect("granted").handle;
    assert_eq!(give_back(&mut bench, ANN, ANN, handle), -123);
    bench.run(&Command::Recall { by: "root@srv".into(), handle });
    let id = bench.session(ANN, HOSTID);
    let token = bench.next_token(ANN);
    let request = BorrowReturn { token, acknowledged: Token(token.0 - 1), handle, secret: secret(ANN) };
    let first = bench.run(&Command::Return(id, request)).reply;
    assert_eq!(
        first,
        Reply::Answer(token, Answer::CheckedIn(handle)),
        "who is asked for it may give it back"
    );
    let again = bench.run(&Command::Return(id, request));
    assert_eq!((again.events.len(), again.reply), (0, first));
}

#[test]
fn a_late_duplicate_of_the_request_borrows_nothing_again() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 permanent 1 BORROW");
    let handle = borrow_for(&mut bench, ANN, 24 * HOUR, 0).expect("granted").handle;
    let id = bench.session(ANN, HOSTID);
    let mut request = checkout(Token(1), "fx", "2.0", 1);
    let ends = Timestamp(bench.now.utc.0 + 1000);
    request.wishes.borrow = Some(Borrowing { ends, renew_s: 0, secret: secret(ANN) });
    let repeat = |bench: &mut Bench| bench.run(&Command::Checkout(id, request.clone()));
    assert!(
        matches!(repeat(&mut bench).reply, Reply::Answer(_, Answer::Granted(grant)) if grant.handle == handle)
    );
    assert_eq!(give_back(&mut bench, ANN, ANN, handle), 0);
    let late = repeat(&mut bench);
    assert_eq!((late.events.len(), late.reply), (0, Reply::Answer(Token(1), Answer::Spent)));
}

#[test]
fn a_renewable_borrow_goes_on_as_long_as_it_is_renewed() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 permanent 1 BORROW=720");
    let grant = borrow_for(&mut bench, ANN, 100 * HOUR, 86_400).expect("granted");
    let first = grant.borrow.unwrap();
    assert_eq!((first.until.0, first.is_renewable()), (bench.now.utc.0 + 86_400_000, true));
    for _ in 0..4 {
        bench.pass(20 * HOUR);
        renew(&mut bench, ANN, grant.handle, None).expect("renewed");
        holds(&bench);
    }
    // 80 hours have passed; the last record ends with the borrow.
    let last = renew(&mut bench, ANN, grant.handle, None).expect("renewed");
    assert_eq!((last.until, last.ends), (first.ends, first.ends));
    bench.pass(20 * HOUR + 600);
    assert_eq!(bench.state.seats().count(), 0);
}

#[test]
fn a_borrow_that_is_over_is_not_renewed_while_its_license_is_in_use_yet() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 permanent 1 BORROW=720");
    let handle = borrow_for(&mut bench, ANN, 10 * HOUR, 3600).expect("granted").handle;
    for _ in 0..10 {
        bench.pass(3599);
        renew(&mut bench, ANN, handle, None).expect("renewed");
    }
    bench.pass(10);
    let denial = renew(&mut bench, ANN, handle, None).expect_err("its time is over");
    assert_eq!(denial.code.number(), -128);
    // The record could be extended still: nobody else has had the license.
    let ends = Timestamp(bench.now.utc.0 + HOUR * 1000);
    assert_eq!(renew(&mut bench, ANN, handle, Some(ends)).map(|borrow| borrow.ends), Ok(ends));
    holds(&bench);
}

#[test]
fn a_lost_laptop_costs_one_span() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 permanent 1 BORROW=4320");
    let grant = borrow_for(&mut bench, ANN, 4000 * HOUR, 86_400).expect("granted");
    bench.pass(24 * HOUR + 599);
    assert_eq!(bench.out("bob@h2", "fx", "2.0", 1), -4);
    bench.pass(1);
    assert_eq!(bench.out("bob@h2", "fx", "2.0", 1), 0);
    let denial = renew(&mut bench, ANN, grant.handle, None).expect_err("it is too late");
    assert_eq!(denial.code.number(), -128);
}

#[test]
fn a_recalled_borrow_is_renewed_no_more() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 permanent 1 BORROW=720");
    let handle = borrow_for(&mut bench, ANN, 700 * HOUR, 86_400).expect("granted").handle;
    let recall = |handle: Handle| Command::Recall { by: "root@srv".into(), handle };
    assert!(
        matches!(bench.run(&recall(Handle(9))).reply, Reply::Refused(denial) if denial.code.number() == -128)
    );
    assert_eq!(bench.run(&recall(handle)).events.len(), 1);
    assert_eq!(bench.run(&recall(handle)).events.len(), 0, "once is enough");
    holds(&bench);
    assert_eq!(renew(&mut bench, ANN, handle, None).expect_err("recalled").code.number(), -117);
    let denial = bench.state.borrow_of(handle, secret(ANN)).expect_err("no record any more");
    assert_eq!(denial.code.number(), -117);
    bench.pass(24 * HOUR + 600);
    assert_eq!(bench.state.seats().count(), 0);
}

#[test]
fn bor_12_a_later_end_is_asked_for_as_a_new_borrow_would_be_and_none_is_sooner_than_that_of_the_record() {
    let mut bench = Bench::with_options("INCREMENT fx LGS 2.0 permanent 1 BORROW=48", "");
    let handle = borrow_for(&mut bench, ANN, 40 * HOUR, 0).expect("granted").handle;
    bench.pass(20 * HOUR);
    let at = |bench: &Bench, hours: i64| Some(Timestamp(bench.now.utc.0 + hours * HOUR * 1000));
    let too_late = at(&bench, 49);
    assert_eq!(renew(&mut bench, ANN, handle, too_late).expect_err("48 hours from now").code.number(), -104);
    let later = at(&bench, 48);
    assert_eq!(renew(&mut bench, ANN, handle, later).expect("48 hours from now").ends, later.unwrap());
    let sooner = at(&bench, 2);
    let kept = renew(&mut bench, ANN, handle, sooner).expect("the record is out");
    assert_eq!((kept.until, kept.ends), (later.unwrap(), later.unwrap()));
    let past = at(&bench, -1);
    assert_eq!(renew(&mut bench, ANN, handle, past).expect_err("the past").code.number(), -42);
    holds(&bench);
    bench.reread("INCREMENT fx LGS 2.0 permanent 1 BORROW=48", "EXCLUDE_BORROW fx USER ann");
    bench.pass(2 * HOUR);
    let still_later = at(&bench, 47);
    assert_eq!(renew(&mut bench, ANN, handle, still_later).expect_err("a later end").code.number(), -38);
    assert!(renew(&mut bench, ANN, handle, None).is_ok(), "who has borrowed keeps it");
}

#[test]
fn a_borrow_with_short_records_ends_sooner_if_that_is_asked_for_but_not_before_its_record() {
    let mut bench = Bench::with_options("INCREMENT fx LGS 2.0 permanent 1 BORROW=480", "");
    let grant = borrow_for(&mut bench, ANN, 400 * HOUR, 24 * 3600).expect("granted");
    let at = |bench: &Bench, hours: i64| Some(Timestamp(bench.now.utc.0 + hours * HOUR * 1000));
    bench.pass(20 * HOUR);
    let in_days = at(&bench, 48);
    let renewed = renew(&mut bench, ANN, grant.handle, in_days).expect("renewed");
    assert_eq!((renewed.until, renewed.ends), (at(&bench, 24).unwrap(), in_days.unwrap()));
    let in_hours = at(&bench, 2);
    let renewed = renew(&mut bench, ANN, grant.handle, in_hours).expect("renewed");
    let record = at(&bench, 24).unwrap();
    assert_eq!((renewed.until, renewed.ends), (record, record));
    bench.pass(24 * HOUR + 600);
    assert_eq!(bench.state.seats().count(), 0, "the license is back after the record");
}

#[test]
fn the_publisher_may_want_records_to_be_renewed() {
    let manifest = Manifest { borrow_renew_hours: 24, ..Manifest::demo() };
    let mut bench = Bench::with(catalog_under(&[FX], &manifest));
    let span = |grant: Grant, now: Timestamp| (grant.borrow.unwrap().until.0 - now.0) / 1000;
    let now = bench.now.utc;
    assert_eq!(span(borrow_for(&mut bench, ANN, 100 * HOUR, 0).unwrap(), now), 24 * HOUR);
    assert_eq!(span(borrow_for(&mut bench, "bob@h2", 100 * HOUR, 3600).unwrap(), now), HOUR);
    assert_eq!(span(borrow_for(&mut bench, "cid@h3", 10 * HOUR, 0).unwrap(), now), 10 * HOUR);
}

#[test]
fn a_suite_is_borrowed_and_comes_back_whole() {
    let lines =
        "PACKAGE pk LGS 2.0 COMPONENTS=\"fx fy\" OPTIONS=SUITE\nINCREMENT pk LGS 2.0 permanent 2 BORROW";
    let mut bench = Bench::new(lines);
    let grant = borrow_for(&mut bench, ANN, 24 * HOUR, 3600).expect("granted");
    assert_eq!(bench.state.seats().count(), 2);
    assert_eq!(bench.state.borrowed_count(), 1);
    assert!(bench.state.seats().all(|(_, seat)| matches!(seat.tenure, Tenure::Borrowed { .. })));
    holds(&bench);
    bench.pass(1800);
    renew(&mut bench, ANN, grant.handle, None).expect("renewed");
    bench.pass(1800 + 600);
    assert_eq!(bench.state.seats().count(), 2, "both go on");
    holds(&bench);
    let package = bench.state.seat(grant.handle).unwrap().suite.unwrap();
    assert_eq!(give_back(&mut bench, ANN, ANN, package), -128, "it goes with its component");
    assert_eq!(give_back(&mut bench, ANN, ANN, grant.handle), 0);
    assert_eq!(bench.state.seats().count(), 0);
    holds(&bench);
}

#[test]
fn a_borrow_counts_for_limits_and_reservations_and_does_not_wait() {
    let mut bench = Bench::with_options(FX, "MAX 1 fx USER ann\nRESERVE 9 fx USER rob");
    assert_eq!((borrow(&mut bench, ANN, 24), borrow(&mut bench, ANN, 24)), (0, -87));
    bench.session("bob@h2", HOSTID);
    let ends = Timestamp(bench.now.utc.0 + 1000);
    let mut request = checkout(Token(1), "fx", "2.0", 1);
    request.wishes.borrow = Some(Borrowing { ends, renew_s: 0, secret: secret("bob@h2") });
    request.wishes.queue = Some(seatkeeper::event::Queueing::default());
    assert_eq!(bench.ask("bob@h2", request).expect_err("nothing is free").code.number(), -101);
    let used = bench.state.pools().map(|(_, used)| used.borrowed()).sum::<u64>();
    assert_eq!(used, 1);
    holds(&bench);
}

#[test]
fn a_reread_moves_a_borrow_and_where_no_pool_is_left_it_counts_when_one_comes_back() {
    let mut bench = Bench::new(FX);
    let handle = borrow_for(&mut bench, ANN, 24 * HOUR, 0).expect("granted").handle;
    bench.reread("INCREMENT fx LGS 3.0 permanent 10 BORROW", "");
    let moved = bench.state.seat(handle).expect("it goes on");
    assert_eq!(bench.state.pool(&moved.pool).map(PoolUse::borrowed), Some(1));
    holds(&bench);
    bench.reread("INCREMENT fy LGS 3.0 permanent 10", "");
    assert_eq!(bench.state.seats().count(), 1, "the record is out");
    assert!(next_wakeup(&bench.state).is_some());
    holds(&bench);
    bench.reread("INCREMENT fx LGS 3.0 permanent 1 BORROW=72", "");
    let denial = borrow_for(&mut bench, "bob@h2", 24 * HOUR, 0).expect_err("it is lent already");
    assert_eq!(denial.code.number(), -4);
    assert_eq!(bench.state.seat(handle).map(|seat| seat.pool.to_string()), Some("fx 3 BORROW=72".to_owned()));
    holds(&bench);
    bench.reread("INCREMENT fy LGS 3.0 permanent 10", "");
    bench.pass(24 * HOUR + 600);
    assert_eq!((bench.state.seats().count(), next_wakeup(&bench.state)), (0, None));
    holds(&bench);
}

#[test]
fn line_sessions_can_not_borrow() {
    let mut bench = Bench::new(FX);
    let id = seatkeeper::ident::SessionId([200; 16]);
    let identity = identity(ANN, HOSTID, seatkeeper::event::SessionKind::Line);
    bench.run(&Command::Open { session: id, secret: Digest([0; 32]), identity });
    let mut request = checkout(Token(1), "fx", "2.0", 1);
    let ends = Timestamp(bench.now.utc.0 + 1000);
    request.wishes.borrow = Some(Borrowing { ends, renew_s: 0, secret: secret(ANN) });
    let reply = bench.run(&Command::Checkout(id, request)).reply;
    assert!(matches!(reply, Reply::Answer(_, Answer::Denied(denial)) if denial.code.number() == -117));
}

#[test]
fn what_is_not_counted_is_not_lent_without_end() {
    let mut bench = Bench::new("INCREMENT fx LGS 2.0 permanent uncounted HOSTID=ANY BORROW");
    bench.session(ANN, HOSTID);
    let ends = Timestamp(bench.now.utc.0 + 24 * HOUR * 1000);
    let borrow = Some(Borrowing { ends, renew_s: 0, secret: secret(ANN) });
    let mut request = checkout(Token(1), "fx", "2.0", 60_000);
    request.wishes = Wishes { borrow, ..Wishes::default() };
    assert!(bench.ask(ANN, request.clone()).is_ok());
    assert_eq!(bench.ask(ANN, request).expect_err("too many").code.number(), -1006);
    assert_eq!(bench.out(ANN, "fx", "2.0", 60_000), 0, "without borrowing it is served on");
    holds(&bench);
}

#[test]
fn a_clock_that_jumps_ahead_frees_no_borrowed_license() {
    let mut bench = Bench::new(FX);
    let look = |bench: &mut Bench, elapsed_s: i64| {
        let elapsed_ms = elapsed_s.unsigned_abs() * 1000;
        let look = Look { utc: bench.now.utc, boot: [1; 16], elapsed_ms };
        bench.look(&Command::Look { look, note: false });
    };
    look(&mut bench, 0);
    let handle = borrow_for(&mut bench, ANN, 48 * HOUR, 0).unwrap().handle;
    // Ten years ahead, an hour later: who trusted that clock would give the license to somebody else.
    bench.now.utc.0 += 3650 * 24 * HOUR * 1000;
    look(&mut bench, HOUR);
    bench.pass(0);
    assert!(bench.state.seat(handle).is_some());
    assert_ne!(borrow(&mut bench, "bob@h2", 1), 0, "nor is any lent by it: it would not come back for years");
    // By elapsed time it comes back all the same, whatever the clock says.
    for hour in 2..60 {
        bench.now.utc.0 += HOUR * 1000;
        look(&mut bench, hour * HOUR);
        bench.pass(0);
        assert!(bench.state.seat(handle).is_some() || hour >= 48, "{hour}");
    }
    assert!(bench.state.seat(handle).is_none());
    assert_eq!(fold(&bench.history), bench.state);
}
