//! Waiting for licenses, one case at a time (`flexnet-tools.md` 6.3, `flexnet-files.md` 3.4, 5.5, 5.6).

use std::time::Duration;

use seatkeeper::code::Code;
use seatkeeper::event::{Answer, Checkin, DequeueReason, Dequeued, EndReason, Event, Grant, Place, Started};
use seatkeeper::ident::{Handle, SessionId, Token};
use seatkeeper::seat::{BLOCK_FIRST, Command, HOLD_LONGEST, HOLD_USUAL, PASSES_MAX, Reply, State};
use seatkeeper::time::Monotonic;

use super::bench::Bench;
use super::replies::{denied, granted, placed};

fn pass(bench: &mut Bench, span: Duration) {
    bench.now.utc = bench.now.utc.plus(span);
    bench.now.mono = Monotonic(bench.now.mono.0 + u64::try_from(span.as_millis()).unwrap());
}

/// The names of those that are offered something in these events.
fn offered(events: &[Event]) -> Vec<Handle> {
    let entry = |event: &Event| if let Event::Offered(offered) = event { Some(offered.entry) } else { None };
    events.iter().filter_map(entry).collect()
}

const ONE: &str = "FEATURE fx LGS 1.0 permanent 1";

#[test]
fn first_come_first_served_and_the_hold_holds() {
    let mut bench = Bench::new(ONE);
    let ann = bench.grant("ann@h1", "fx", "1.0");
    let (bob_token, reply) = bench.wait("bob@h2", "fx", "1.0", 1);
    let bob = placed(reply);
    let joe = placed(bench.wait("joe@h3", "fx", "1.0", 1).1);
    assert_eq!((bob.position, joe.position), (1, 2));
    assert_eq!(bench.serve(), [], "nothing is free");
    bench.back("ann@h1", ann.handle);
    assert_eq!(offered(&bench.serve()), [bob.handle]);
    bench.sound();
    // Held: in use for everybody else, also for who asks without the queue.
    assert_eq!(bench.state.pools().map(|(_, used)| used.in_use()).sum::<u64>(), 1);
    assert_eq!(bench.out("ann@h1", "fx", "1.0", 1), Code::UsersQueued.number());
    // The same number takes it; again, it has its answer.
    let bob_id = bench.session("bob@h2", &[]);
    let grant = granted(bench.wait_again(bob_id, bob_token, "fx", "1.0", 1, 0));
    assert_eq!(granted(bench.wait_again(bob_id, bob_token, "fx", "1.0", 1, 0)), grant);
    bench.sound();
    assert_eq!(bench.serve(), []);
    bench.back("bob@h2", grant.handle);
    assert_eq!(offered(&bench.serve()), [joe.handle]);
}

#[test]
fn a_hold_that_nobody_takes_passes_on() {
    for (asked, hold) in [(0, HOLD_USUAL), (600, Duration::from_secs(600)), (u32::MAX, HOLD_LONGEST)] {
        let mut bench = Bench::new(ONE);
        let ann = bench.grant("ann@h1", "fx", "1.0");
        let (bob_token, reply) = bench.wait_holding("bob@h2", "fx", "1.0", 1, asked);
        let bob = placed(reply);
        let joe = placed(bench.wait("joe@h3", "fx", "1.0", 1).1);
        bench.back("ann@h1", ann.handle);
        assert_eq!(offered(&bench.serve()), [bob.handle]);
        pass(&mut bench, hold.checked_sub(Duration::from_millis(1)).unwrap());
        assert_eq!(bench.serve(), [], "it is held to the last moment");
        pass(&mut bench, Duration::from_millis(1));
        assert_eq!(offered(&bench.serve()), [joe.handle]);
        bench.sound();
        let bob_id = bench.session("bob@h2", &[]);
        let late = bench.wait_again(bob_id, bob_token, "fx", "1.0", 1, 0);
        assert_eq!(denied(late), Code::HoldLapsed.number(), "whoever comes too late is told");
    }
}

#[test]
fn a_waiting_request_is_cancelled_by_its_handle_and_its_number_is_spent() {
    let mut bench = Bench::new(ONE);
    let ann = bench.grant("ann@h1", "fx", "1.0");
    let (token, reply) = bench.wait("bob@h2", "fx", "1.0", 1);
    let bob = placed(reply);
    bench.back("ann@h1", ann.handle);
    assert_eq!(offered(&bench.serve()), [bob.handle]);
    // Nobody else can cancel it.
    let ann_id = bench.session("ann@h1", &[]);
    let other = Checkin { token: bench.next_token("ann@h1"), acknowledged: Token(0), handle: bob.handle };
    assert_eq!(denied(bench.run(&Command::Checkin(ann_id, other)).reply), Code::NeverCheckedOut.number());
    bench.back("bob@h2", bob.handle);
    bench.sound();
    assert!(!bench.state.has_queue());
    assert_eq!(bench.state.pools().count(), 0, "what was held is free");
    let bob_id = bench.session("bob@h2", &[]);
    assert_eq!(
        bench.wait_again(bob_id, token, "fx", "1.0", 1, 0),
        Reply::Answer(token, Answer::Spent),
        "a late duplicate does not queue again"
    );
}

#[test]
fn waiting_ends_with_the_session_and_survives_a_restart() {
    let mut bench = Bench::new(ONE);
    let ann = bench.grant("ann@h1", "fx", "1.0");
    let bob = placed(bench.wait("bob@h2", "fx", "1.0", 1).1);
    let (joe_token, reply) = bench.wait("joe@h3", "fx", "1.0", 1);
    let joe = placed(reply);
    bench.back("ann@h1", ann.handle);
    assert_eq!(offered(&bench.serve()), [bob.handle]);
    // A minute of absence: bob has all of his time again.
    bench.state = State::from_snapshot(&bench.state.snapshot()).unwrap();
    pass(&mut bench, Duration::from_secs(59));
    bench.run(&Command::Start(Started { version: "1".into(), zone: "UTC".into(), files: vec![] }));
    pass(&mut bench, Duration::from_secs(59));
    assert_eq!(bench.serve(), []);
    let joe_id = bench.session("joe@h3", &[]);
    assert_eq!(placed(bench.wait_again(joe_id, joe_token, "fx", "1.0", 1, 0)), Place { position: 1, ..joe });
    let bob_id = bench.session("bob@h2", &[]);
    bench.run(&Command::End(bob_id, EndReason::LeaseLapsed));
    bench.sound();
    assert_eq!(offered(&bench.serve()), [joe.handle]);
}

#[test]
fn what_can_never_be_met_is_denied_and_not_queued() {
    let mut bench = Bench::with_options(
        "FEATURE fx LGS 1.0 permanent 3\nFEATURE fy LGS 1.0 permanent 3",
        "EXCLUDE fy USER ann\nMAX 1 fx USER joe\nRESERVE 2 fx USER mel\n",
    );
    let codes: Vec<i32> =
        [("bob@h", "fx", 4), ("joe@h", "fx", 2), ("bob@h", "fx", 2), ("ann@h", "fy", 1), ("bob@h", "no", 1)]
            .into_iter()
            .map(|(who, feature, count)| denied(bench.wait(who, feature, "1.0", count).1))
            .collect();
    // Too many; more than MAX; all but one reserved for good; excluded; no such feature.
    assert_eq!(codes, [-26, -87, -101, -38, -5]);
    assert_eq!(denied(bench.wait("bob@h", "fx", "2.0", 1).1), -25);
    assert!(!bench.state.has_queue());
}

#[test]
fn who_is_over_a_limit_of_its_own_waits_and_blocks_nobody() {
    let mut bench = Bench::with_options("FEATURE fx LGS 1.0 permanent 3", "MAX 1 fx USER joe\n");
    let first = bench.grant("joe@h1", "fx", "1.0");
    let joe = placed(bench.wait("joe@h2", "fx", "1.0", 1).1);
    for _ in 0..PASSES_MAX * 3 {
        let bob = bench.grant("bob@h3", "fx", "1.0");
        bench.back("bob@h3", bob.handle);
        assert_eq!(bench.serve(), []);
    }
    bench.back("joe@h1", first.handle);
    assert_eq!(offered(&bench.serve()), [joe.handle]);
    bench.sound();
}

#[test]
fn ones_own_idle_reservation_serves_at_once_and_passes_nobody() {
    let mut bench = Bench::with_options("FEATURE fx LGS 1.0 permanent 2", "RESERVE 1 fx USER mel\n");
    bench.grant("bob@h1", "fx", "1.0");
    placed(bench.wait("joe@h2", "fx", "1.0", 1).1);
    for _ in 0..PASSES_MAX * 3 {
        let mel = granted(bench.wait("mel@h3", "fx", "1.0", 1).1);
        bench.back("mel@h3", mel.handle);
        assert_eq!(bench.serve(), [], "what is reserved is not for joe");
    }
    assert!(!super::bench::events(&bench.history).any(|event| matches!(event, Event::Passed(_))));
}

#[test]
fn who_shares_needs_no_queue() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 1 DUP_GROUP=U");
    bench.grant("ann@h1", "fx", "1.0");
    placed(bench.wait("bob@h1", "fx", "1.0", 1).1);
    granted(bench.wait("ann@h2", "fx", "1.0", 1).1);
    bench.sound();
}

#[test]
fn an_offer_may_need_overdraft_and_joins_its_group() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 1 OVERDRAFT=1 DUP_GROUP=U");
    let ann = bench.grant("ann@h1", "fx", "1.0");
    bench.grant("bob@h1", "fx", "1.0");
    let (token, reply) = bench.wait("joe@h1", "fx", "1.0", 1);
    let joe = placed(reply);
    bench.back("ann@h1", ann.handle);
    assert_eq!(offered(&bench.serve()), [joe.handle]);
    // While it is held, another checkout of joe's shares it.
    granted(bench.wait("joe@h2", "fx", "1.0", 1).1);
    bench.sound();
    let joe_id = bench.session("joe@h1", &[]);
    granted(bench.wait_again(joe_id, token, "fx", "1.0", 1, 0));
    bench.sound();
    assert_eq!(bench.state.pools().map(|(_, used)| used.in_use()).sum::<u64>(), 2);
}

#[test]
fn a_big_request_is_passed_so_often_and_then_blocks_for_a_while() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 4");
    let ann = bench.grant("ann@h1", "fx", "1.0");
    let big = placed(bench.wait("bob@h2", "fx", "1.0", 4).1);
    for block in 0..3_u32 {
        for _ in 0..PASSES_MAX {
            let small = bench.grant("joe@h3", "fx", "1.0");
            bench.back("joe@h3", small.handle);
            assert_eq!(bench.serve(), []);
        }
        assert_eq!(bench.out("joe@h3", "fx", "1.0", 1), Code::UsersQueued.number());
        let span = BLOCK_FIRST * 2_u32.pow(block);
        pass(&mut bench, span.checked_sub(Duration::from_millis(1)).unwrap());
        assert_eq!(bench.out("joe@h3", "fx", "1.0", 1), Code::UsersQueued.number());
        pass(&mut bench, Duration::from_millis(1));
        bench.sound();
    }
    // Those who queue behind it pass it as often, and not in a block.
    let mel = placed(bench.wait("mel@h4", "fx", "1.0", 4).1);
    assert_eq!(mel.position, 2);
    bench.back("ann@h1", ann.handle);
    assert_eq!(offered(&bench.serve()), [big.handle]);
}

#[test]
fn a_reread_offers_anew_and_sends_away_who_can_not_be_served() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 2");
    let ann = bench.grant("ann@h1", "fx", "1.0");
    bench.grant("ann@h1", "fx", "1.0");
    let bob = placed(bench.wait("bob@h2", "fx", "1.0", 2).1);
    let (joe_token, reply) = bench.wait("joe@h3", "fx", "1.0", 1);
    let joe = placed(reply);
    bench.back("ann@h1", ann.handle);
    assert_eq!(offered(&bench.serve()), [joe.handle]);
    let taken = bench.state.waiting_under(joe.handle).unwrap().offer.clone().unwrap();
    bench.reread("FEATURE fx LGS 1.0 permanent 1", "");
    bench.reads_back();
    let events = bench.serve();
    let gone: Vec<Handle> = events
        .iter()
        .filter_map(|event| match event {
            Event::Dequeued(it) => match it.as_ref() {
                Dequeued { entry, why: DequeueReason::Impossible(denial), .. } => {
                    assert_eq!(denial.code, Code::TooManyRequested);
                    Some(*entry)
                }
                other => panic!("{other:?}"),
            },
            _ => None,
        })
        .collect();
    assert_eq!(gone, [bob.handle], "two are there no more");
    assert_eq!(offered(&events), [], "the one that is left is ann's");
    let joe_id: SessionId = bench.session("joe@h3", &[]);
    assert_eq!(placed(bench.wait_again(joe_id, joe_token, "fx", "1.0", 1, 0)).position, 1);
    bench.reread("FEATURE fx LGS 1.0 permanent 2", "");
    assert_eq!(offered(&bench.serve()), [joe.handle]);
    let grant = granted(bench.wait_again(joe_id, joe_token, "fx", "1.0", 1, 0));
    assert!(grant.handle > taken.handle, "a handle is given once");
    bench.reread("FEATURE fy LGS 1.0 permanent 1", "");
    bench.serve();
    assert!(!bench.state.has_queue());
}

#[test]
fn the_wait_is_guessed_once_something_is_known() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 2");
    let held = |bench: &mut Bench, minutes: u64| {
        let grant = bench.grant("ann@h1", "fx", "1.0");
        pass(bench, Duration::from_secs(minutes * 60));
        bench.back("ann@h1", grant.handle);
    };
    held(&mut bench, 10);
    held(&mut bench, 20);
    let both = [bench.grant("ann@h1", "fx", "1.0"), bench.grant("ann@h1", "fx", "1.0")];
    assert_eq!(placed(bench.wait("bob@h2", "fx", "1.0", 1).1).wait_s, None, "too little is known");
    bench.back("ann@h1", both[0].handle);
    let bob = bench.serve();
    assert_eq!(offered(&bob).len(), 1);
    // Held so far: 10 min, 20 min, 0: the median is 10.
    pass(&mut bench, Duration::from_secs(60));
    bench.serve();
    bench.grant("mel@h4", "fx", "1.0");
    pass(&mut bench, Duration::from_secs(60));
    // Ann has hers for two minutes, mel for one.
    assert_eq!(placed(bench.wait("joe@h3", "fx", "1.0", 1).1).wait_s, Some(8 * 60));
    assert_eq!(placed(bench.wait("bob@h2", "fx", "1.0", 1).1).wait_s, Some(9 * 60));
    assert_eq!(placed(bench.wait("cat@h2", "fx", "1.0", 1).1).wait_s, Some(18 * 60), "when joe is done");
    assert_eq!(placed(bench.wait("dan@h2", "fx", "1.0", 2).1).wait_s, Some(28 * 60));
}

#[test]
fn a_priority_goes_first_and_position_says_so() {
    let options = "GROUP vip ann bob\nPRIORITY 5 fx GROUP vip\nPRIORITY 7 fx:VERSION=1.0 USER bob\n";
    let mut bench = Bench::with_options("FEATURE fx LGS 1.0 permanent 1", options);
    let held = bench.grant("joe@h1", "fx", "1.0");
    let low = placed(bench.wait("mel@h2", "fx", "1.0", 1).1);
    let (ann_token, reply) = bench.wait("ann@h3", "fx", "1.0", 1);
    let ann = placed(reply);
    let bob = placed(bench.wait("bob@h4", "fx", "1.0", 1).1);
    assert_eq!([low.position, ann.position, bob.position], [1, 1, 1], "each came with a higher priority");
    let ann_id = bench.session("ann@h3", &[]);
    assert_eq!(placed(bench.wait_again(ann_id, ann_token, "fx", "1.0", 1, 0)).position, 2);
    let order: Vec<Handle> =
        seatkeeper::seat::in_order(&bench.state, bench.rules(), &"fx".parse().unwrap(), bench.now.utc)
            .into_iter()
            .map(|(handle, _)| handle)
            .collect();
    assert_eq!(order, [bob.handle, ann.handle, low.handle]);
    bench.back("joe@h1", held.handle);
    assert_eq!(offered(&bench.serve()), [bob.handle]);
    let passed: Vec<Vec<Handle>> = super::bench::events(&bench.history)
        .filter_map(|event| match event {
            Event::Passed(passed) => Some(passed.entries.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(passed, [vec![low.handle, ann.handle]], "who came before is passed, whatever its priority");
    bench.sound();
}

#[test]
fn the_lowest_priority_is_passed_so_often_and_then_blocks() {
    let mut bench =
        Bench::with_options("FEATURE fx LGS 1.0 permanent 1", "GROUP vip ann bob\nPRIORITY 5 fx GROUP vip\n");
    let mut held = bench.grant("ann@h1", "fx", "1.0");
    let (mut holder, mut next) = ("ann@h1", "bob@h3");
    let low = placed(bench.wait("mel@h2", "fx", "1.0", 1).1);
    for _ in 0..PASSES_MAX {
        let (token, reply) = bench.wait(next, "fx", "1.0", 1);
        let place = placed(reply);
        bench.back(holder, held.handle);
        assert_eq!(offered(&bench.serve()), [place.handle]);
        let id = bench.session(next, &[]);
        held = granted(bench.wait_again(id, token, "fx", "1.0", 1, 0));
        (holder, next) = (next, holder);
    }
    placed(bench.wait(next, "fx", "1.0", 1).1);
    bench.back(holder, held.handle);
    assert_eq!(offered(&bench.serve()), [low.handle], "nobody keeps the lowest away for ever");
    bench.sound();
}

#[test]
fn other_features_are_looked_at_where_a_line_counts_them_together() {
    let lines = "INCREMENT pk LGS 1.0 permanent 2\nPACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\"";
    let mut bench = Bench::with_options(lines, "MAX 1 pk USER joe\n");
    let held = bench.grant("joe@h1", "ca", "1.0");
    let place = placed(bench.wait("joe@h2", "cb", "1.0", 1).1);
    // All that could be done is done: only what comes free from here on is a reason to look.
    assert_eq!(bench.serve(), []);
    bench.back("joe@h1", held.handle);
    assert_eq!(offered(&bench.serve()), [place.handle], "nothing of cb itself came free");
    bench.sound();
}

#[test]
fn holds_and_blocks_say_when_they_end() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 2");
    let due = |bench: &Bench| seatkeeper::seat::next_serving(&bench.state, bench.looked);
    let ann = bench.grant("ann@h1", "fx", "1.0");
    let big = placed(bench.wait("bob@h2", "fx", "1.0", 2).1);
    bench.serve();
    assert_eq!(due(&bench), None);
    for _ in 0..PASSES_MAX {
        let small = bench.grant("joe@h3", "fx", "1.0");
        bench.back("joe@h3", small.handle);
        bench.serve();
    }
    assert_eq!(due(&bench), Some(bench.now.utc.plus(BLOCK_FIRST)));
    let later = placed(bench.wait("mel@h4", "fx", "1.0", 1).1);
    assert_eq!(bench.serve(), []);
    pass(&mut bench, BLOCK_FIRST);
    assert_eq!(offered(&bench.serve()), [later.handle], "when the block ends, and no later");
    assert_eq!(due(&bench), Some(bench.now.utc.plus(HOLD_USUAL)));
    pass(&mut bench, HOLD_USUAL);
    bench.back("ann@h1", ann.handle);
    assert_eq!(offered(&bench.serve()), [big.handle]);
    bench.sound();
}

#[test]
fn who_waits_is_offered_a_license_that_goes_with_a_suite_together_with_that() {
    let mut bench = Bench::new(
        "PACKAGE pk LGS 2.0 COMPONENTS=fx OPTIONS=SUITE\nINCREMENT pk LGS 2.0 permanent 1\n\
         INCREMENT fx LGS 2.0 permanent 1 SN=7",
    );
    let one = bench.grant("ann@h1", "fx", "2.0");
    let other = bench.grant("bob@h2", "fx", "2.0");
    assert_ne!(one.pool, other.pool);
    let (_, reply) = bench.wait("cid@h3", "fx", "2.0", 1);
    assert!(matches!(reply, Reply::Answer(_, Answer::Queued(_))), "{reply:?}");
    let of_suite = |grant: &Grant| grant.pool.as_str().contains("SUITE");
    let holders = [("ann@h1", &one), ("bob@h2", &other)];
    let (who, grant) = holders.iter().find(|(_, grant)| of_suite(grant)).unwrap();
    bench.back(who, grant.handle);
    let events = bench.serve();
    let [Event::Offered(offered)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(offered.package.as_ref().map(|package| package.pool.feature()), Some("pk"));
    // Of the other license nothing goes with a package.
    let (_, reply) = bench.wait("dan@h4", "fx", "2.0", 1);
    assert!(matches!(reply, Reply::Answer(_, Answer::Queued(_))), "{reply:?}");
    let (who, grant) = holders.iter().find(|(_, grant)| !of_suite(grant)).unwrap();
    bench.back(who, grant.handle);
    let events = bench.serve();
    let [Event::Offered(offered)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(offered.package, None);
}
