//! Random histories: under the recorded rules every verdict comes out as recorded, and the replay holds what the record holds.
//! `REPLAY_SEED=n` judges one history, `REPLAY_RUNS=n` so many.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use seatkeeper::code::minor;
use seatkeeper::event::{EndReason, Event, InReason, SessionKind};
use seatkeeper::ident::{Handle, PoolKey, SessionId, Table, Token};
use seatkeeper::replay::{Kind, Peak, Ruleset};
use seatkeeper::seat::{Seat, State, Tenure};
use seatkeeper::time::Timestamp;

use super::recorder::{Licensed, Outcome, Recorder, TODAY};

const LICENSES: [&str; 12] = [
    "INCREMENT fa LGS 1.0 permanent 3 SN=1\nINCREMENT fa LGS 1.0 20-jun-2026 4 SN=2\n\
     INCREMENT fa LGS 2.0 permanent 2\nFEATURE fb LGS 1.0 permanent 1\nFEATURE fc LGS 1.0 permanent uncounted HOSTID=ANY",
    "INCREMENT fa LGS 2.0 permanent 4\nFEATURE fb LGS 1.0 permanent 2\nFEATURE fd LGS 1.0 permanent 5 START=16-jun-2026",
    "INCREMENT fa LGS 1.0 permanent 6\nFEATURE fb LGS 1.5 permanent 1\nFEATURE fc LGS 1.0 permanent 3",
    "INCREMENT fa LGS 3.0 permanent 2\nINCREMENT fa LGS 1.0 16-jun-2026 9",
    "PACKAGE pk LGS COMPONENTS=\"fa fb fc\" OPTIONS=SUITE\nFEATURE pk LGS 1.0 permanent 5\nINCREMENT fa LGS 1.0 permanent 1",
    "PACKAGE pk LGS COMPONENTS=\"fa:3.0 fb\" OPTIONS=SUITE\nINCREMENT pk LGS 2.0 20-jun-2026 4 SUITE_DUP_GROUP=U DUP_GROUP=UH\n\
     INCREMENT pk LGS 1.0 permanent 2",
    "INCREMENT fa LGS 2.0 permanent 4 BORROW=48 LINGER=20\nFEATURE fb LGS 1.0 20-jun-2026 3 BORROW\n\
     FEATURE fc LGS 1.0 permanent uncounted HOSTID=ANY BORROW=720",
    "PACKAGE pk LGS COMPONENTS=\"fa:3.0 fb\" OPTIONS=SUITE\nINCREMENT pk LGS 2.0 permanent 3 BORROW=30\n\
     INCREMENT fa LGS 1.0 17-jun-2026 2 BORROW DUP_GROUP=UH\nINCREMENT fa LGS 1.0 permanent 2 BORROW DUP_GROUP=UH",
    "PACKAGE pk LGS COMPONENTS=\"fa fb fc\" OPTIONS=SUITE_RESERVED\nFEATURE pk LGS 1.0 permanent 3",
    "PACKAGE pk LGS COMPONENTS=\"fa:2.0 fb\" OPTIONS=SUITE_RESERVED\nINCREMENT pk LGS 2.0 permanent 2 LINGER=30 DUP_GROUP=U\n\
     INCREMENT fa LGS 1.0 permanent 1\nFEATURE fc LGS 1.0 permanent 1",
    "INCREMENT fa LGS 2.0 permanent 3 USER_BASED\nFEATURE fb LGS 1.0 permanent 2 HOST_BASED=1\n\
     FEATURE fc LGS 1.0 permanent 1",
    "PACKAGE pk LGS COMPONENTS=\"fa fb\" OPTIONS=SUITE\nINCREMENT pk LGS 1.0 permanent 3 USER_BASED\n\
     INCREMENT fa LGS 1.0 20-jun-2026 2 USER_BASED=2 BORROW",
];
/// Whom lines are for that are for some only.
const NAMED: &str = "INCLUDE fa USER u0\nINCLUDE pk USER u0\nINCLUDE fa USER u1\nINCLUDE pk USER u1\nINCLUDE fa USER u3\n\
     INCLUDE fa USER u2\nINCLUDE pk USER u3\nINCLUDE fb HOST ws01\n";

const OPTIONS: [&str; 24] = [
    "EXCLUDE fa USER u1",
    "EXCLUDE fb USER u2",
    "INCLUDE fb USER u0",
    "MAX 1 fa USER u3",
    "MAX 2 fa HOST ws01",
    "RESERVE 1 fa USER u4",
    "RESERVE 2 fa:VERSION=2.0 USER u0",
    "RESERVE 1 fb USER u5",
    "MAX 1 fc ALL_USERS",
    "EXCLUDEALL USER u6",
    "MAX 1 pk USER u1",
    "RESERVE 1 pk USER u2",
    "EXCLUDE_BORROW fa USER u1",
    "INCLUDE_BORROW fa USER u0",
    "BORROW_LOWWATER fa 1",
    "BORROW_LOWWATER fb 2",
    "MAX_BORROW_HOURS fa 24",
    "LINGER fa 900",
    "LINGER fb 5",
    "LINGER pk 40",
    "PRIORITY 5 fa USER u1",
    "PRIORITY 2 fa USER u2",
    "MAX 1 fb USER ALL_USERS",
    "GROUP some u1 u2 u3\nRESERVE 1 fa GROUP some",
];

/// What has to be in the histories.
const SORTS: [&str; 36] = [
    "borrowed, renewable false",
    "borrowed, renewable true",
    "renewed",
    "recalled",
    "returned early",
    "BorrowEnd",
    "borrow -4",
    "borrow -38",
    "borrow -39",
    "borrow -42",
    "borrow -67",
    "borrow -68",
    "borrow -104",
    "borrow -117",
    "UserRemoved",
    "lingering",
    "Linger",
    "Jumped",
    "SetBack",
    "Near",
    "Confirmed",
    "Set",
    "clock accepted",
    "queued",
    "passed",
    "offered",
    "offered with its package",
    "granted after waiting",
    "granted without waiting",
    "left: Cancelled",
    "left: Ended",
    "left: Lapsed",
    "left: Impossible",
    "left: Removed",
    "minor: reserved by a suite",
    "minor: not named, or too late",
];

static LICENSED: LazyLock<Vec<Licensed>> =
    LazyLock::new(|| LICENSES.iter().map(|lines| Licensed::new(lines)).collect());

/// A linear congruential generator: all that a seeded history needs.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % bound).unwrap()
    }

    fn rules(&mut self) -> Ruleset {
        let license = &LICENSED[self.below(LICENSES.len() as u64)];
        let many = self.below(5);
        let options: Vec<&str> = (0..many).map(|_| OPTIONS[self.below(OPTIONS.len() as u64)]).collect();
        let named = if license.text.contains("_BASED") { NAMED } else { "" };
        license.under(&format!("{named}{}", options.join("\n")))
    }
}

/// A history of many steps.
fn history(dice: &mut Dice, steps: u32) -> Recorder {
    let rules = dice.rules();
    history_under(dice, steps, rules, false)
}

/// A history of many steps, which begins under these rules and may keep them.
fn history_under(dice: &mut Dice, steps: u32, rules: Ruleset, keeps: bool) -> Recorder {
    let mut recorder = Recorder::new(rules);
    let mut sessions: Vec<SessionId> = Vec::new();
    let mut held: Vec<(SessionId, Handle)> = Vec::new();
    for _ in 0..steps {
        let span = [0, 300, 2_000, 11_000, 70_000, 4_000_000][dice.below(6)];
        recorder.pass(Duration::from_millis(span));
        sessions.retain(|session| recorder.state.session(*session).is_some());
        held.retain(|(session, handle)| recorder.holds(*session, *handle));
        match dice.below(84) {
            0..=4 if sessions.len() < 12 => {
                let kind = if dice.below(3) == 0 { SessionKind::Line } else { SessionKind::Framed };
                sessions.push(recorder.open(&format!("u{}", dice.below(8)), kind));
            }
            5..=24 if !sessions.is_empty() => {
                let session = sessions[dice.below(sessions.len() as u64)];
                let feature = ["fa", "fa", "fb", "fc", "fd", "zz", "pk"][dice.below(7)];
                let version = ["1.0", "1.0", "2.0"][dice.below(3)];
                let count = u32::try_from(1 + dice.below(3)).unwrap();
                // Programs that are refused ask again and again.
                for _ in 0..=dice.below(4) {
                    match recorder.out(session, feature, version, count) {
                        Ok(handle) => {
                            held.push((session, handle));
                            break;
                        }
                        Err(_) => {
                            recorder.pass(Duration::from_millis([100, 1_000, 9_000, 30_000][dice.below(4)]))
                        }
                    }
                }
            }
            25..=33 if !held.is_empty() => {
                let (session, handle) = held.remove(dice.below(held.len() as u64));
                recorder.back(session, handle);
            }
            34 | 35 if !sessions.is_empty() => {
                let session = sessions.remove(dice.below(sessions.len() as u64));
                recorder.end(session, [EndReason::Goodbye, EndReason::LeaseLapsed][dice.below(2)]);
            }
            36 | 37 => {
                let rules = if keeps { recorder.rules.clone() } else { dice.rules() };
                recorder.reread(rules);
            }
            38 => {
                let rules = if keeps || dice.below(2) == 0 { recorder.rules.clone() } else { dice.rules() };
                recorder.restart(dice.below(2) == 0, rules);
            }
            40..=52 if !sessions.is_empty() => {
                let session = sessions[dice.below(sessions.len() as u64)];
                borrowing(dice, &mut recorder, session);
            }
            53..=55 if !held.is_empty() => {
                let (_, handle) = held[dice.below(held.len() as u64)];
                recorder.remove(handle, dice.below(2) == 0);
            }
            56..=58 => clocks(dice, &mut recorder),
            60.. if !sessions.is_empty() => {
                let session = sessions[dice.below(sessions.len() as u64)];
                held.extend(waiting(dice, &mut recorder, session));
            }
            _ => {}
        }
    }
    recorder
}

/// Something about borrowing.
fn borrowing(dice: &mut Dice, recorder: &mut Recorder, session: SessionId) {
    const HOUR: i64 = 3600;
    let spans = [HOUR, 4 * HOUR, 20 * HOUR, 29 * HOUR, 47 * HOUR, 100 * HOUR, 300 * HOUR, -HOUR];
    let span = spans[dice.below(8)];
    let borrowed: Vec<Handle> = recorder
        .state
        .seats()
        .filter(|(_, seat)| seat.is_borrowed() && seat.component.is_none())
        .map(|(handle, _)| handle)
        .collect();
    if borrowed.is_empty() || dice.below(2) == 0 {
        let feature = ["fa", "fa", "fb", "fc", "pk"][dice.below(5)];
        let renew_s = [0, 0, 3_600, 40_000][dice.below(4)];
        let count = u32::try_from(1 + dice.below(2)).unwrap();
        for _ in 0..=dice.below(3) {
            if recorder.borrow(session, (feature, "1.0", count), (span, renew_s)).is_ok() {
                break;
            }
            recorder.pass(Duration::from_millis([100, 9_000, 30_000][dice.below(3)]));
            if recorder.state.session(session).is_none() {
                break;
            }
        }
        return;
    }
    let handle = borrowed[dice.below(borrowed.len() as u64)];
    match dice.below(6) {
        0 | 1 => drop(recorder.renew(session, handle, None)),
        2 => drop(recorder.renew(session, handle, Some(span))),
        3 => recorder.return_early(session, handle),
        4 => recorder.recall(handle),
        // Long enough for a borrow to end.
        _ => recorder.pass(Duration::from_secs([5_000, 40_000, 100_000][dice.below(3)])),
    }
}

/// Something about waiting; what somebody has got by it.
fn waiting(dice: &mut Dice, recorder: &mut Recorder, session: SessionId) -> Option<(SessionId, Handle)> {
    let waiting = recorder.state.waiting();
    let entries: Vec<(Handle, SessionId, bool)> =
        waiting.map(|(handle, entry)| (handle, entry.session, entry.offer.is_some())).collect();
    if entries.is_empty() || dice.below(5) < 2 {
        let feature = ["fa", "fa", "fa", "fb", "fc", "pk"][dice.below(6)];
        let version = ["1.0", "1.0", "2.0"][dice.below(3)];
        let count = u32::try_from(1 + dice.below(3)).unwrap();
        let hold_s = [0, 1, 0, 600][dice.below(4)];
        return recorder
            .wait(session, (feature, version, count), hold_s)
            .ok()?
            .map(|handle| (session, handle));
    }
    let offered: Vec<_> = entries.iter().copied().filter(|(.., offered)| *offered).collect();
    let (entry, session, _) = entries[dice.below(entries.len() as u64)];
    match dice.below(12) {
        0..=7 if !offered.is_empty() => {
            let (entry, session, _) = offered[dice.below(offered.len() as u64)];
            return recorder.ask_again(entry).map(|handle| (session, handle));
        }
        0..=3 => return recorder.ask_again(entry).map(|handle| (session, handle)),
        8 => recorder.cancel(entry),
        9 => recorder.remove_waiting(entry),
        10 => recorder.pass(Duration::from_secs(61)),
        _ => {}
    }
    None
}

/// The wall clock is set, wrong or right, or somebody answers for it.
fn clocks(dice: &mut Dice, recorder: &mut Recorder) {
    const HOUR: i64 = 3_600_000;
    let wrong_by = [-2 * HOUR, -30 * HOUR, -80 * HOUR, -90_000, 90_000, 5 * HOUR, 26 * HOUR, 400 * 24 * HOUR];
    match dice.below(8) {
        0..=3 => recorder.set_clock(wrong_by[dice.below(8)]),
        4 | 5 => recorder.set_clock(0),
        6 => recorder.accept_clock(),
        _ => {
            // The machine was off, and knows no more what time it is, or does.
            recorder.boot[0] += 1;
            let rules = recorder.rules.clone();
            let wrong_by = [0, 0, wrong_by[dice.below(8)]][dice.below(3)];
            let off = Duration::from_secs([60, 7_200][dice.below(2)]);
            recorder.switch_off(off, wrong_by);
            recorder.restart(false, rules);
        }
    }
}

/// What is in the histories, by name.
fn sorts(recorder: &Recorder, seen: &mut BTreeSet<String>) {
    let mut queued = BTreeSet::new();
    for event in recorder.history.iter().flat_map(|record| &record.events) {
        match event {
            Event::Queued(it) => drop(queued.insert((it.session, it.request.token))),
            Event::Out(out) if out.request.wishes.queue.is_some() => {
                let waited = queued.remove(&(out.session, out.request.token));
                let how = if waited { "after" } else { "without" };
                seen.insert(format!("granted {how} waiting"));
            }
            Event::Denied(denied) => seen.extend(match denied.denial.minor {
                minor::SUITE_RESERVED => Some("minor: reserved by a suite".to_owned()),
                minor::NAMED_BEYOND | minor::NOBODY_NAMED => Some("minor: not named, or too late".to_owned()),
                _ => None,
            }),
            _ => {}
        }
        seen.extend(match event {
            Event::In(back) => match back.why {
                InReason::BorrowReturned { .. } => Some("returned early".to_owned()),
                InReason::Checkin { .. } => None,
                why => Some(format!("{why:?}")),
            },
            Event::Out(out) => {
                let borrow = out.accounting.borrow;
                borrow.map(|borrow| format!("borrowed, renewable {}", borrow.is_renewable()))
            }
            Event::Denied(denied) => {
                let borrow = denied.request.wishes.borrow;
                borrow.map(|_| format!("borrow {}", denied.denial.code.number()))
            }
            Event::Lingering(_) => Some("lingering".to_owned()),
            Event::Renewed(_) => Some("renewed".to_owned()),
            Event::Recalled(_) => Some("recalled".to_owned()),
            Event::Marked(marked) => Some(format!("{:?}", marked.news)),
            Event::ClockAccepted(_) => Some("clock accepted".to_owned()),
            Event::Queued(_) => Some("queued".to_owned()),
            Event::Passed(_) => Some("passed".to_owned()),
            Event::Offered(offered) if offered.package.is_some() => {
                Some("offered with its package".to_owned())
            }
            Event::Offered(_) => Some("offered".to_owned()),
            Event::Dequeued(dequeued) => {
                let why = format!("{:?}", dequeued.why);
                why.split(['(', ' ']).next().map(|word| format!("left: {word}"))
            }
            _ => None,
        });
    }
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn seeds(runs: u64) -> std::ops::Range<u64> {
    match from_environment("REPLAY_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..from_environment("REPLAY_RUNS").unwrap_or(runs),
    }
}

/// Sessions, seats and who waits of a state, in order, without the handles' numbers.
fn holders(state: &State) -> (Vec<SessionId>, Vec<String>, Vec<String>) {
    let seats = state.seats().map(|(_, seat)| {
        let together =
            (seat.suite.is_some(), seat.component.is_some(), seat.shares.map(|shares| shares.mask));
        let seat = Seat { suite: None, component: None, shares: None, ..seat.clone() };
        format!("{seat:?} {together:?}")
    });
    let waiting = state.waiting().map(|(_, entry)| {
        let mut entry = entry.clone();
        entry.request.acknowledged = Token(0);
        let shares = entry.offer.as_mut().map(|offer| {
            offer.handle = Handle(0);
            let package = offer.package.as_mut().and_then(|package| {
                package.handle = Handle(0);
                package.shares.take()
            });
            [offer.shares.take(), package].map(|shares| shares.map(|shares| shares.mask))
        });
        format!("{entry:?} {shares:?}")
    });
    (state.sessions().map(|(id, _)| id).collect(), seats.collect(), waiting.collect())
}

#[test]
fn under_the_recorded_rules_every_verdict_comes_out_as_recorded() {
    let mut requests = 0;
    let mut judged = 0;
    let mut seen = BTreeSet::new();
    for seed in seeds(600) {
        let mut dice = Dice(seed ^ 0x0DD5_0DD5);
        let recorder = history(&mut dice, 120);
        // Some replays begin in the middle.
        let middle = recorder.history[recorder.history.len() / 2].at;
        let whole = Timestamp(i64::MIN);
        let from = [whole, whole, middle][dice.below(3)];
        sorts(&recorder, &mut seen);
        let Outcome { found, state, totals, tally, survey } = recorder.replayed(from, None);
        assert!(found.is_empty(), "REPLAY_SEED={seed}: {found:#?}");
        assert_eq!(holders(&state), holders(&recorder.state), "REPLAY_SEED={seed}");
        let used = |state: &State| -> Vec<(String, u64)> {
            state.pools().map(|(key, used)| (key.to_string(), used.in_use())).collect()
        };
        assert_eq!(used(&state), used(&recorder.state), "REPLAY_SEED={seed}");
        let peaks = |peaks: &Table<PoolKey, Peak>| -> Vec<(String, u64)> {
            let shown = |(key, peak): (&PoolKey, &Peak)| (key.to_string(), peak.used);
            peaks.iter().map(shown).filter(|(_, used)| *used > 0).collect()
        };
        assert_eq!(peaks(&tally.peaks), peaks(&survey.peaks), "REPLAY_SEED={seed}");
        assert_eq!((totals.ignored_checkins, totals.returned), (0, 0));
        assert!(totals.judged + totals.folded <= totals.granted + totals.denied + totals.waited);
        requests += totals.granted + totals.denied;
        judged += totals.judged;
    }
    assert!(judged * 2 > requests, "most requests are judged: {judged} of {requests}");
    if requests > 10_000 {
        for sort in SORTS {
            assert!(seen.contains(sort), "no history has {sort:?}: {seen:?}");
        }
    }
}

/// Rules that are tried and are the recorded ones change nothing, though the queue is not replayed.
fn same_under_other_rules_that_are_the_same(seed: u64) {
    let mut dice = Dice(seed ^ 0x5A3E_5A3E);
    let rules = dice.rules();
    let recorder = history_under(&mut dice, 100, rules.clone(), true);
    let Outcome { found, .. } = recorder.replayed(Timestamp(i64::MIN), Some(&rules));
    assert!(found.is_empty(), "REPLAY_SEED={seed}: {found:#?}");
}

#[test]
fn under_other_rules_that_are_the_same_nobody_is_served_otherwise() {
    seeds(200).for_each(same_under_other_rules_that_are_the_same);
}

/// A license comes free between denials and the record of their number, a minute after one of them was judged.
#[test]
fn a_number_of_denials_gets_nothing_that_came_free_before_it_was_recorded() {
    same_under_other_rules_that_are_the_same(2063);
}

/// Any record can be replayed under any rules, and the engine never gives out more than there is.
#[test]
fn under_other_rules_no_pool_gives_out_more_than_it_has() {
    let mut differing = 0;
    for seed in seeds(150) {
        let mut dice = Dice(seed ^ 0x00AD_BEEF);
        let recorder = history(&mut dice, 60);
        let new = dice.rules();
        let Outcome { found, state, totals, tally, .. } = recorder.replayed(TODAY, Some(&new));
        differing += u64::from(tally.differs());
        assert_eq!(found.iter().filter(|found| !found.kind.is_service()).count(), 0);
        let sum: u64 = Kind::ALL.iter().filter(|kind| kind.is_service()).map(|kind| tally.of(*kind)).sum();
        assert_eq!(u64::try_from(found.len()).unwrap(), sum);
        for (handle, seat) in state.seats() {
            if seat.tenure != Tenure::Held {
                continue;
            }
            let session = state.session(seat.session).expect("a seat's session has not ended");
            assert!(session.handles().any(|held| held == handle));
            // But for those with seats that the record does not have: they are held on.
            let held_on = tally.of(Kind::NewlyGranted) + tally.of(Kind::Kept) > 0;
            let ends_as_recorded = recorder.state.session(seat.session).is_some();
            assert!(ends_as_recorded || held_on, "REPLAY_SEED={seed}: sessions end as recorded");
        }
        for (key, peak) in &tally.peaks {
            // Of the licenses that were out before, more may be out than the new files have.
            let most = peak.of.unwrap_or(u32::MAX);
            assert!(peak.used <= u64::from(most) || totals.carried > 0, "REPLAY_SEED={seed}: {key} {peak:?}");
        }
    }
    assert!(differing > 0);
}
