//! Random histories: under the recorded rules every verdict comes out as recorded, and the replay holds what the record holds.
//! `REPLAY_SEED=n` judges one history, `REPLAY_RUNS=n` so many.

use std::sync::LazyLock;
use std::time::Duration;

use seatkeeper::event::{EndReason, SessionKind};
use seatkeeper::ident::{Handle, PoolKey, SessionId, Table};
use seatkeeper::replay::{Kind, Peak, Ruleset};
use seatkeeper::seat::{Seat, State};
use seatkeeper::time::Timestamp;

use super::recorder::{Licensed, Outcome, Recorder, TODAY};

const LICENSES: [&str; 6] = [
    "INCREMENT fa LGS 1.0 permanent 3 SN=1\nINCREMENT fa LGS 1.0 20-jun-2026 4 SN=2\n\
     INCREMENT fa LGS 2.0 permanent 2\nFEATURE fb LGS 1.0 permanent 1\nFEATURE fc LGS 1.0 permanent uncounted HOSTID=ANY",
    "INCREMENT fa LGS 2.0 permanent 4\nFEATURE fb LGS 1.0 permanent 2\nFEATURE fd LGS 1.0 permanent 5 START=16-jun-2026",
    "INCREMENT fa LGS 1.0 permanent 6\nFEATURE fb LGS 1.5 permanent 1\nFEATURE fc LGS 1.0 permanent 3",
    "INCREMENT fa LGS 3.0 permanent 2\nINCREMENT fa LGS 1.0 16-jun-2026 9",
    "PACKAGE pk LGS COMPONENTS=\"fa fb fc\" OPTIONS=SUITE\nFEATURE pk LGS 1.0 permanent 5\nINCREMENT fa LGS 1.0 permanent 1",
    "PACKAGE pk LGS COMPONENTS=\"fa:3.0 fb\" OPTIONS=SUITE\nINCREMENT pk LGS 2.0 20-jun-2026 4 SUITE_DUP_GROUP=U DUP_GROUP=UH\n\
     INCREMENT pk LGS 1.0 permanent 2",
];
const OPTIONS: [&str; 12] = [
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
        license.under(&options.join("\n"))
    }
}

/// A history of many steps.
fn history(dice: &mut Dice, steps: u32) -> Recorder {
    let mut recorder = Recorder::new(dice.rules());
    let mut sessions: Vec<SessionId> = Vec::new();
    let mut held: Vec<(SessionId, Handle)> = Vec::new();
    for _ in 0..steps {
        let span = [0, 300, 2_000, 11_000, 70_000, 4_000_000][dice.below(6)];
        recorder.pass(Duration::from_millis(span));
        sessions.retain(|session| recorder.state.session(*session).is_some());
        held.retain(|(_, handle)| recorder.state.seat(*handle).is_some());
        match dice.below(40) {
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
                let rules = dice.rules();
                recorder.reread(rules);
            }
            38 => {
                let rules = if dice.below(2) == 0 { recorder.rules.clone() } else { dice.rules() };
                recorder.restart(dice.below(2) == 0, rules);
            }
            _ => {}
        }
    }
    recorder
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

/// Sessions and seats of a state, in order, without the handles' numbers.
fn holders(state: &State) -> (Vec<SessionId>, Vec<String>) {
    let seats = state.seats().map(|(_, seat)| {
        let together =
            (seat.suite.is_some(), seat.component.is_some(), seat.shares.map(|shares| shares.mask));
        let seat = Seat { suite: None, component: None, shares: None, ..seat.clone() };
        format!("{seat:?} {together:?}")
    });
    let seats = seats.collect();
    (state.sessions().map(|(id, _)| id).collect(), seats)
}

#[test]
fn under_the_recorded_rules_every_verdict_comes_out_as_recorded() {
    let mut requests = 0;
    let mut judged = 0;
    for seed in seeds(600) {
        let mut dice = Dice(seed ^ 0x0DD5_0DD5);
        let recorder = history(&mut dice, 120);
        // Some replays begin in the middle.
        let last = recorder.history.last().unwrap().at;
        let middle = Timestamp(TODAY.0 + (last.0 - TODAY.0) / 2);
        let from = [TODAY, TODAY, middle][dice.below(3)];
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
        assert!(totals.judged + totals.folded <= totals.granted + totals.denied);
        requests += totals.granted + totals.denied;
        judged += totals.judged;
    }
    assert!(judged * 2 > requests, "most requests are judged: {judged} of {requests}");
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
