//! Histories in which something was wrong once, each made short. What was wrong has a test of its own where one place was to blame.

use super::histories::run;
use super::script::{Crash, Death, Plan, Step};
use super::visit::Dies;

const PLAN: Plan =
    Plan { seed: 1, site: 0, clients: 4, lease_s: 12, grace_s: 2, latency_ms: 3, commit_ms: 5 };

fn checkout(client: usize, feature: usize, count: u32, hold_s: Option<u32>) -> Step {
    Step::Checkout { client, feature, count, newer: false, share: 0, data: 0, hold_s }
}

fn plays(plan: &Plan, steps: &[Step]) {
    let outcome = run(plan, steps, None);
    assert!(outcome.is_ok(), "{outcome:?}");
}

/// A request is repeated after its answer was lost, and meets a daemon that is ending: it was told no, and the seat was out.
#[test]
fn a_grant_is_told_again_by_a_daemon_that_ends() {
    let plan = Plan { site: 1, lease_s: 19, latency_ms: 40, commit_ms: 40, ..PLAN };
    for wait in (0..400).step_by(8) {
        plays(
            &plan,
            &[
                Step::Start { client: 2 },
                Step::Wait { ms: 160 },
                Step::Kill { when: Death::AfterCommit, down_ms: 1 },
                checkout(2, 2, 1, None),
                Step::Wait { ms: 150 + wait },
                Step::Stop { down_ms: 2878 },
            ],
        );
    }
}

/// The same with a disk that is full, and with a clock that was moved meanwhile.
#[test]
fn a_grant_is_told_again_while_the_disk_is_full_and_to_a_wrong_clock() {
    for wait in (0..60).step_by(2) {
        let grant = [
            Step::Start { client: 0 },
            Step::Wait { ms: 40 },
            checkout(0, 0, 1, None),
            Step::Wait { ms: wait },
            Step::Reset { client: 0 },
        ];
        let full = [&grant[..], &[Step::DiskFull { ms: 3000 }, checkout(0, 1, 1, None)]].concat();
        plays(&PLAN, &full);
        let clock = [&grant[..], &[Step::ServerClock { ms: 400_000 }]].concat();
        plays(&PLAN, &clock);
    }
}

/// A checkin is rolled back, its client does not hear of that, and asks for something else before it repeats it.
#[test]
fn a_checkin_that_was_rolled_back_is_carried_out_by_its_old_number() {
    plays(
        &PLAN,
        &[
            Step::Start { client: 0 },
            Step::Wait { ms: 40 },
            checkout(0, 2, 1, None),
            Step::Wait { ms: 40 },
            Step::DiskFull { ms: 1900 },
            Step::Checkin { client: 0, nth: 0 },
            Step::Cut { client: 0, there: false, back: true },
            Step::Wait { ms: 2100 },
            checkout(0, 2, 1, None),
        ],
    );
}

/// Equal refusals are counted and not recorded; what they acknowledge was taken for spent, also a request that waits.
#[test]
fn who_waits_is_not_forgotten_over_refusals() {
    plays(
        &PLAN,
        &[
            Step::Start { client: 0 },
            Step::Wait { ms: 40 },
            checkout(0, 1, 1, None),
            checkout(0, 1, 1, Some(60)),
            Step::Wait { ms: 40 },
            checkout(0, 1, 1, None),
            checkout(0, 1, 1, None),
            Step::Wait { ms: 40 },
            checkout(0, 1, 1, None),
            Step::Reset { client: 0 },
            Step::Wait { ms: 500 },
        ],
    );
}

/// The first try to come back is stuck in the network and arrives after the second: the client was told that another program has
/// its session.
#[test]
fn an_earlier_try_to_come_back_takes_nothing_from_a_later_one() {
    for seed in 0..40 {
        let plan = Plan { seed, latency_ms: 400, ..PLAN };
        plays(
            &plan,
            &[
                Step::Start { client: 2 },
                Step::Wait { ms: 4452 },
                Step::Stall { client: 2, ms: 14_723 },
                Step::Wait { ms: 3751 },
                Step::Stop { down_ms: 124 },
                Step::Wait { ms: 258 },
            ],
        );
    }
}

/// Leases began at the last look at the clock, and a stretch of full disk counted up to half a second.
#[test]
fn a_grace_is_whole_whenever_it_begins() {
    for wait in (0..1000).step_by(50) {
        plays(
            &PLAN,
            &[
                Step::Start { client: 0 },
                Step::Wait { ms: 40 + wait },
                Step::DiskFull { ms: 700 },
                checkout(0, 1, 1, None),
                Step::Wait { ms: 300 },
                Step::Crash { client: 0, how: Crash::Reset },
            ],
        );
    }
}

/// A look at the clocks was recorded between the announcement of a reread and its event, so that the former rules came back when the
/// disk was full, and granted what is not there any more.
#[test]
fn a_reread_holds_also_when_the_clock_was_set_just_before() {
    let plan = Plan { seed: 51_006_088, site: 2, clients: 5, lease_s: 18, grace_s: 4, commit_ms: 1, ..PLAN };
    plays(
        &plan,
        &[
            Step::Start { client: 3 },
            Step::Start { client: 4 },
            Step::Wait { ms: 13 },
            Step::ServerClock { ms: -3_172_872 },
            Step::Reread { book: 2, broken: false },
            checkout(3, 1, 1, Some(0)),
            checkout(4, 1, 2, Some(100)),
            Step::Wait { ms: 476 },
            Step::Checkin { client: 4, nth: 4 },
            Step::DiskFull { ms: 1291 },
            Step::Wait { ms: 1 },
        ],
    );
}

/// The clock was set ahead inside a day, a license lingered until a time of that, and the clock went on to more than a day ahead: it
/// was out for hours.
#[test]
fn what_lingers_comes_back_though_the_clock_has_jumped() {
    let plan = Plan { seed: 52_005_204, site: 4, ..PLAN };
    plays(
        &plan,
        &[
            Step::Start { client: 0 },
            Step::Wait { ms: 130 },
            checkout(0, 2, 1, None),
            Step::ServerClock { ms: 19_975_993 },
            Step::Wait { ms: 54 },
            Step::Checkin { client: 0, nth: 5 },
            Step::Wait { ms: 2 },
            Step::ServerClock { ms: 71_329_312 },
        ],
    );
}

fn borrow(client: usize, feature: usize, span_s: u32, renew_s: u32) -> Step {
    Step::Borrow { client, feature, newer: false, count: 1, span_s, renew_s, dies: None }
}

/// A client asked for a sooner end, died before it had the record of that, and went on with the former one, though the license was
/// counted no more.
#[test]
fn a_record_that_is_out_counts_until_its_end_whatever_is_asked_for() {
    for wait in (0..60).step_by(2) {
        let plan = Plan { site: 6, ..PLAN };
        plays(
            &plan,
            &[
                borrow(0, 0, 3000, 0),
                Step::Wait { ms: 200 },
                Step::Renew { client: 0, nth: 0, span_s: Some(2) },
                Step::Wait { ms: wait },
                Step::Crash { client: 0, how: Crash::Reset },
                Step::Wait { ms: 40 },
                Step::Night { ms: 620_000 },
                borrow(1, 0, 3000, 0),
                Step::Wait { ms: 2000 },
            ],
        );
    }
}

/// The clock of the server was set back, which an administrator accepted: a record with a later end was good for less long than the
/// one before, and the license was counted for as long as the shorter one.
#[test]
fn a_later_end_makes_no_record_shorter() {
    let plan = Plan { site: 6, ..PLAN };
    plays(
        &plan,
        &[
            borrow(0, 0, 5000, 900),
            Step::Wait { ms: 200 },
            Step::ServerClock { ms: -200_000 },
            Step::AcceptClock,
            Step::Wait { ms: 200 },
            Step::Renew { client: 0, nth: 0, span_s: Some(6000) },
            Step::Wait { ms: 200 },
        ],
    );
}

/// The daemon was started with files that have the borrowed license no more: whoever asked got any later end.
#[test]
fn what_is_served_no_more_gets_no_later_end() {
    let plan = Plan { site: 6, ..PLAN };
    plays(
        &plan,
        &[
            borrow(2, 2, 88, 0),
            Step::Wait { ms: 200 },
            Step::Stop { down_ms: 228 },
            Step::Reread { book: 2, broken: false },
            Step::Wait { ms: 500 },
            Step::Renew { client: 2, nth: 0, span_s: Some(4651) },
            Step::Wait { ms: 500 },
        ],
    );
}

/// One program has the record renewed while another gives the borrow back, and dies before it has deleted it: the record came back to
/// life.
#[test]
fn what_is_given_back_stays_so_whoever_renews_it() {
    for seed in 130..180 {
        let plan = Plan { seed, site: 6, latency_ms: 40, ..PLAN };
        plays(
            &plan,
            &[
                borrow(0, 0, 5000, 900),
                Step::Wait { ms: 400 },
                Step::Renew { client: 0, nth: 0, span_s: None },
                Step::Return { client: 0, nth: 0 },
                Step::Wait { ms: 60 + seed / 2 },
                Step::Crash { client: 0, how: Crash::Reset },
                Step::Wait { ms: 200 },
            ],
        );
    }
}

/// The clock was set back after the server had been greeted and before the record came: the client took that for the right time.
#[test]
fn a_clock_that_is_set_back_during_a_renewal_gains_nothing() {
    for wait in (0..40).step_by(2) {
        let plan = Plan { site: 6, ..PLAN };
        plays(
            &plan,
            &[
                borrow(0, 0, 14_000, 900),
                Step::Wait { ms: 200 },
                Step::Night { ms: 1_400_000 },
                Step::Renew { client: 0, nth: 0, span_s: None },
                Step::Wait { ms: wait },
                Step::ClientClock { client: 0, ms: -1_300_000 },
                Step::Wait { ms: 200 },
                Step::Night { ms: 2_000_000 },
                Step::Wait { ms: 2000 },
            ],
        );
    }
}

/// The clock was set while the daemon was down: what line sessions had left lingered from the wrong time on, for hours.
#[test]
fn what_line_sessions_leave_lingers_from_the_right_time_after_a_start() {
    let plan = Plan { site: 4, ..PLAN };
    plays(
        &plan,
        &[
            Step::ServerClock { ms: -12_633_275 },
            Step::Talk { client: 0 },
            checkout(0, 1, 1, None),
            Step::Wait { ms: 60 },
            Step::Kill { when: Death::Now, down_ms: 9 },
        ],
    );
}

/// A grant was durable, its answer lost, and the request repeated while something else was on its way to the disk, which was full: the
/// client took "ask again" for its answer, and the license was out without it.
#[test]
fn a_repeated_answer_that_waits_for_a_full_disk_is_no_refusal() {
    let plan =
        Plan { seed: 40_005_774, site: 2, clients: 5, lease_s: 17, grace_s: 2, latency_ms: 40, commit_ms: 1 };
    let mut steps: Vec<Step> = (0..5).map(|client| Step::Start { client }).collect();
    let share = |client, feature, count, data, hold_s| Step::Checkout {
        client,
        feature,
        count,
        newer: false,
        share: 1,
        data,
        hold_s,
    };
    steps.extend([
        Step::Wait { ms: 124 },
        share(1, 0, 2, 2, Some(2)),
        Step::Night { ms: 628_097 },
        Step::Wait { ms: 7 },
        Step::Freeze { ms: 295, counted: false },
        share(4, 1, 3, 0, None),
        Step::DiskFull { ms: 1696 },
        Step::Wait { ms: 590 },
    ]);
    plays(&plan, &steps);
}

/// A program dies between the grant and its own record: the license comes back at its end.
#[test]
fn a_borrow_that_nobody_keeps_comes_back_at_its_end() {
    for dies in [Dies::Granted, Dies::Unkept, Dies::Kept] {
        let plan = Plan { site: 6, ..PLAN };
        let borrow = Step::Borrow {
            client: 0,
            feature: 1,
            newer: false,
            count: 2,
            span_s: 60,
            renew_s: 0,
            dies: Some(dies),
        };
        plays(&plan, &[borrow, Step::Wait { ms: 500 }, Step::Night { ms: 659_000 }, Step::Wait { ms: 3000 }]);
    }
}

/// A disk that was full when a client came back to its session told it to ask again; that it closed the connection then was taken for its
/// going away, and the session ended within the close grace instead of the lease.
#[test]
fn who_can_not_be_welcomed_back_by_a_full_disk_has_not_gone() {
    let plan =
        Plan { seed: 90_002_279, site: 0, clients: 2, lease_s: 11, grace_s: 2, latency_ms: 0, commit_ms: 5 };
    plays(
        &plan,
        &[
            Step::Start { client: 0 },
            Step::Wait { ms: 16 },
            Step::Copy { client: 0 },
            Step::Wait { ms: 8 },
            Step::Kill { when: Death::BeforeCommit, down_ms: 11_816 },
            Step::Start { client: 1 },
            Step::Wait { ms: 15_145 },
            Step::Kill { when: Death::AfterCommit, down_ms: 1_330 },
            Step::SlowDisk { ms: 275 },
            Step::Wait { ms: 5_340 },
            Step::DiskFull { ms: 382 },
            Step::Start { client: 0 },
            Step::Wait { ms: 480 },
        ],
    );
}

/// A client repeated a checkin and closed; the disk was full, and since the daemon closed too, the session lasted for a lease instead of
/// the close grace.
#[test]
fn who_had_closed_before_is_gone_though_the_daemon_closes_too() {
    let plan = Plan {
        seed: 91_059_548,
        site: 1,
        clients: 1,
        lease_s: 13,
        grace_s: 2,
        latency_ms: 400,
        commit_ms: 5,
    };
    plays(
        &plan,
        &[
            Step::Start { client: 0 },
            Step::Wait { ms: 233 },
            Step::Wait { ms: 8 },
            Step::Checkout {
                client: 0,
                feature: 2,
                count: 1,
                newer: false,
                share: 2,
                data: 1,
                hold_s: Some(100),
            },
            Step::Wait { ms: 631 },
            Step::Checkin { client: 0, nth: 2 },
            Step::Replay { client: 0, nth: 7 },
            Step::Crash { client: 0, how: Crash::Closed },
            Step::Night { ms: 9_623 },
            Step::DiskFull { ms: 2_466 },
            Step::Wait { ms: 9 },
        ],
    );
}

/// A client repeats a request, not knowing that it waits; what was offered to it is granted and rolled back by a full disk. It was told to
/// ask again, did so under a new number, and knew no more of what waited under the old one.
#[test]
fn who_does_not_know_that_he_waits_is_not_told_that_nothing_came_of_it() {
    let plan = Plan {
        seed: 100_227_125,
        site: 5,
        clients: 3,
        lease_s: 18,
        grace_s: 3,
        latency_ms: 400,
        commit_ms: 1,
    };
    let ask = |feature, count, share, data, hold_s| Step::Checkout {
        client: 1,
        feature,
        count,
        newer: false,
        share,
        data,
        hold_s: Some(hold_s),
    };
    plays(
        &plan,
        &[
            Step::Start { client: 2 },
            Step::Wait { ms: 602 },
            Step::Stop { down_ms: 3_059 },
            Step::Night { ms: 831_767 },
            Step::Night { ms: 626_519 },
            Step::Start { client: 1 },
            Step::Wait { ms: 663 },
            ask(1, 1, 0, 2, 10),
            ask(2, 1, 1, 0, 2),
            Step::Wait { ms: 559 },
            Step::Checkin { client: 1, nth: 5 },
            Step::Start { client: 0 },
            ask(1, 2, 3, 1, 100),
            Step::Checkin { client: 1, nth: 4 },
            Step::Night { ms: 14_956_849 },
            Step::Wait { ms: 120 },
            Step::DiskFull { ms: 792 },
            Step::Wait { ms: 363 },
        ],
    );
}
