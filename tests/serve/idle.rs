//! LINGER, TIMEOUT and TIMEOUTALL over the spans of the reference's cases (`flexnet-files.md` 8.2: O55 to O62 and O83), on a
//! machine whose clock the test moves.

use seatkeeper::code::Code;
use seatkeeper::ident::{Handle, Token};
use seatkeeper::wire::{FeatureCount, Message, Notice, Purpose, StatusItem};

use crate::Site;
use crate::daemon::{Daemon, Wire, until};
use crate::moved_clock::{MovedClock, days};

const PLAIN: &str = "INCREMENT fx LGS 1.0 permanent 1\nINCREMENT fy LGS 1.0 permanent 1\n";
const PUBLISHERS: &str = "INCREMENT fx LGS 1.0 permanent 1 LINGER=600\nINCREMENT fy LGS 1.0 permanent 1\n";

/// A vendor daemon with an options file.
struct Served {
    clock: MovedClock,
    daemon: Daemon,
    _site: Site,
}

impl Served {
    /// None where there is no C compiler.
    fn new(lines: &str, options: &str) -> Option<Self> {
        let clock = MovedClock::new()?;
        let site = Site::new(300, 5);
        site.serve(&format!("SERVER this_host ANY 27000\nVENDOR LGS\n{lines}"));
        let path = site.dir.path().join("LGS.opt");
        std::fs::write(&path, format!("{options}\n")).unwrap();
        let daemon = site.start_on(|command| {
            clock.rule(command);
            command.arg("--options").arg(&path).env("TZ", "UTC");
        });
        Some(Self { clock, daemon, _site: site })
    }

    fn session(&self, user: &str) -> Wire {
        let mut wire = Wire::connect(self.daemon.port).unwrap();
        wire.hello(user, Purpose::New, self.clock.now()).unwrap().unwrap();
        wire
    }

    /// The machine sleeps, so that no lease ends.
    fn seconds_pass(&self, seconds: i64) {
        self.clock.suspend(seconds * 1000);
    }

    /// What somebody hears for fx; a license that he gets he keeps until he goes.
    fn ask(&self, user: &str) -> i32 {
        self.session(user).checkout(1, 0, "fx", 1).unwrap().number()
    }

    /// Lets somebody check fx out and in.
    fn out_and_in(&self, user: &str) {
        let mut wire = self.session(user);
        let grant = wire.checkout(1, 0, "fx", 1).unwrap().granted();
        assert_eq!(wire.checkin(2, 1, grant.handle).unwrap().number(), 0);
    }

    /// How many licenses of fx lmstat would show as out.
    fn in_use(&self) -> u32 {
        let mut wire = Wire::connect(self.daemon.port).unwrap();
        wire.hello("eve", Purpose::Ask, self.clock.now()).unwrap().unwrap();
        let question = Message::AskStatus { feature: Some("fx".parse().unwrap()), users: false };
        let Message::Status(items) = wire.ask(&question).unwrap() else { panic!("STATUS") };
        let in_use = items.iter().find_map(|item| match item {
            StatusItem::Feature { count: FeatureCount::Counted { in_use, .. }, .. } => Some(*in_use),
            _ => None,
        });
        in_use.unwrap()
    }
}

#[test]
fn cases_o55_o56_the_larger_of_two_linger_times_counts_to_its_end() {
    for (options, seconds) in [("LINGER fx 3600", 3600), ("LINGER fx 60", 600), ("# none", 600)] {
        let Some(served) = Served::new(PUBLISHERS, options) else { return };
        served.out_and_in("ann");
        served.seconds_pass(seconds - 20);
        assert_eq!((served.ask("bob"), served.in_use()), (-4, 1), "{options}");
        served.seconds_pass(21);
        assert_eq!(served.ask("bob"), 0, "{options}");
    }
}

#[test]
fn case_o57_the_first_request_after_lingering_is_granted() {
    let Some(served) = Served::new(PLAIN, "LINGER fx 30") else { return };
    served.out_and_in("ann");
    served.seconds_pass(31);
    assert_eq!(served.ask("bob"), 0);
}

#[test]
fn case_o58_lingering_is_cut_to_the_end_of_the_license_with_a_warning() {
    let day = |ms: i64| jiff::Timestamp::from_millisecond(ms).unwrap().strftime("%d-%b-%Y").to_string();
    let last = crate::now().0 + days(2);
    let lines = format!(
        "INCREMENT fx LGS 1.0 {} 1\n{}",
        day(last).to_lowercase(),
        "INCREMENT fy LGS 1.0 permanent 1\n"
    );
    let Some(served) = Served::new(&lines, "LINGER fx 3600") else { return };
    let midnight = last - last.rem_euclid(days(1)) + days(1);
    served.clock.suspend(midnight - 600_000 - served.clock.now().0);
    served.out_and_in("ann");
    served.daemon.wait_for_log(&["WARNING", "fx"]);
    served.seconds_pass(570);
    assert_eq!((served.ask("bob"), served.in_use()), (-4, 1));
    let log = served.daemon.log_until_now();
    assert!(!log.contains("IN: \"fx\" ann@ws01"), "{log}");
    served.clock.suspend(midnight + 1000 - served.clock.now().0);
    assert_eq!((served.ask("bob"), served.in_use()), (-10, 0));
    served.daemon.wait_for_log(&["IN: \"fx\" ann@ws01  (LINGER)"]);
}

#[test]
fn case_o83_the_same_user_host_and_display_has_its_license_back_at_once() {
    let Some(served) = Served::new(PLAIN, "LINGER fx 3600") else { return };
    served.out_and_in("ann");
    assert_eq!(served.ask("bob"), -4);
    let mut ann = served.session("ann");
    let grant = ann.checkout(1, 0, "fx", 1).unwrap().granted();
    assert_eq!((served.ask("bob"), served.in_use()), (-4, 1));
    // Lingering begins anew with her second checkin.
    served.seconds_pass(3000);
    assert_eq!(ann.checkin(2, 1, grant.handle).unwrap().number(), 0);
    served.seconds_pass(3500);
    assert_eq!(served.ask("bob"), -4);
    served.seconds_pass(101);
    assert_eq!(served.ask("bob"), 0);
}

/// Says that the user has been idle for so long, and what was taken from him so far.
fn idle(ann: &mut Wire, handles: [Handle; 2], idle_s: u32) -> Vec<&'static str> {
    let beat = Message::Heartbeat { acknowledged: Token(2), idle_s: Some(idle_s) };
    assert!(matches!(ann.ask(&beat).unwrap(), Message::HeartbeatAck { .. }));
    let taken = ann.notices.iter().map(|notice| {
        let Notice::SeatLost { handle, denial } = notice else { panic!("{notice:?}") };
        assert_eq!(denial.code, Code::Inactive);
        if *handle == handles[0] { "fx" } else { "fy" }
    });
    taken.collect()
}

#[test]
fn cases_o59_o60_o61_o62_idle_licenses_come_back_after_their_time_and_no_sooner() {
    for (options, seconds, taken) in [
        ("TIMEOUT fx 3600", 3600, &["fx"][..]),
        ("TIMEOUT fx 60", 900, &["fx"]),
        ("# none", 90_000, &[]),
        ("TIMEOUTALL 1800", 1800, &["fx", "fy"]),
    ] {
        let Some(served) = Served::new(PLAIN, options) else { return };
        let mut ann = served.session("ann");
        let handles = [("fx", 1), ("fy", 2)]
            .map(|(feature, token)| ann.checkout(token, token - 1, feature, 1).unwrap().granted().handle);
        served.seconds_pass(i64::from(seconds) - 20);
        assert!(idle(&mut ann, handles, seconds - 20).is_empty(), "{options}");
        // What was decided is in force for the next request, and told once it is durable.
        assert_eq!(served.ask("bob"), -4, "{options}");
        assert!(idle(&mut ann, handles, seconds - 20).is_empty(), "{options}");
        served.seconds_pass(21);
        until("what is taken is told", || idle(&mut ann, handles, seconds + 1).len() >= taken.len());
        assert_eq!(served.ask("bob"), if taken.is_empty() { -4 } else { 0 }, "{options}");
        assert_eq!(idle(&mut ann, handles, seconds + 1), taken, "{options}");
        let log = served.daemon.log_until_now();
        for feature in ["fx", "fy"] {
            let back = format!("IN: \"{feature}\" ann@ws01  (INACTIVE)");
            assert_eq!(log.matches(&back).count(), usize::from(taken.contains(&feature)), "{options}\n{log}");
        }
    }
}
