//! The machine's clocks, moved.

use std::process::Command;
use std::time::{Duration, Instant};

use seatkeeper::event::Event;
use seatkeeper::ident::Token;
use seatkeeper::time::{ClockNews, Standing, TimeMark, Timestamp};
use seatkeeper::wire::{Message, Purpose, StatusItem};

use crate::daemon::{Daemon, Wire, signal};
use crate::moved_clock::{MovedClock, days, hours};
use crate::{Site, history};

fn printed(clock: &MovedClock, program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments);
    clock.rule(&mut command);
    String::from_utf8(command.output().unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn processes_see_the_clock_that_the_test_has_moved() {
    let Some(clock) = MovedClock::new() else { return };
    clock.set(hours(-25));
    clock.pass(days(3));
    let seconds: i64 = printed(&clock, "date", &["+%s"]).parse().unwrap();
    assert!((clock.now().seconds() - seconds).abs() < 30, "{seconds}");
    assert!((crate::now().seconds() + 47 * 3600 - seconds).abs() < 30, "{seconds}");

    let boot = "/proc/sys/kernel/random/boot_id";
    assert_eq!(printed(&clock, "cat", &[boot]), std::fs::read_to_string(boot).unwrap().trim());
    clock.boot_after(hours(1));
    assert_eq!(printed(&clock, "cat", &[boot]), "b0070000-0000-4000-8000-000000000001");
}

#[test]
fn a_daemon_goes_by_the_moved_clock() {
    let Some(clock) = MovedClock::new() else { return };
    clock.set(days(-2));
    let site = Site::new(300, 5);
    let daemon = site.start_on(|command| clock.rule(command));
    let mut wire = Wire::connect(daemon.port).unwrap();
    assert!(wire.hello("ann", Purpose::New, crate::now()).unwrap().is_err());
    let mut wire = Wire::connect(daemon.port).unwrap();
    assert!(wire.hello("ann", Purpose::New, clock.now()).unwrap().is_ok());
}

#[test]
fn dom_94_five_and_ten_minutes_apart_are_allowed_what_they_are_and_a_second_more_is_not() {
    let Some(clock) = MovedClock::new() else { return };
    let site = Site::new(300, 5);
    let daemon = site.start_on(|command| clock.rule(command));
    clock.stop();
    let unreachable = Some("Destination unreachable. (-34,303)".to_owned());
    for sign in [1, -1] {
        for (ms, expected) in [
            (300_000, None),
            (300_001, unreachable.clone()),
            (301_000, unreachable.clone()),
            (600_000, unreachable.clone()),
            (600_001, Some("Message expired. (-34,304)".to_owned())),
            (601_000, Some("Message expired. (-34,304)".to_owned())),
        ] {
            let mut wire = Wire::connect(daemon.port).unwrap();
            let time = Timestamp(clock.now().0 + sign * ms);
            let heard = wire.hello("ann", Purpose::New, time).unwrap().err().map(|denial| denial.to_string());
            assert_eq!(heard, expected, "{sign} {ms}");
        }
    }
}

const LICENSE: &str = "SERVER this_host ANY 27000\nVENDOR LGS\nFEATURE lasting LGS 1.0 permanent 10\n\
     FEATURE ending LGS 1.0 31-dec-2035 10\n";

/// A machine with a vendor daemon.
struct Machine {
    clock: MovedClock,
    site: Site,
    daemon: Option<Daemon>,
}

impl Machine {
    /// None where there is no C compiler.
    fn new(lease_s: u32) -> Option<Self> {
        let clock = MovedClock::new()?;
        let site = Site::new(lease_s, 5);
        site.serve(LICENSE);
        let mut machine = Self { clock, site, daemon: None };
        machine.start();
        Some(machine)
    }

    fn start(&mut self) {
        self.daemon = Some(self.site.start_on(|command| self.clock.rule(command)));
    }

    fn stop(&mut self) {
        self.daemon.take().unwrap().stop();
    }

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    /// What new clients hear for one license of each feature, the lasting one first.
    fn ask(&self) -> (i32, i32) {
        let mut wire = Wire::connect(self.daemon().port).unwrap();
        wire.hello("ann", Purpose::New, self.clock.now()).unwrap().unwrap();
        let lasting = wire.checkout(1, 0, "lasting", 1).unwrap().number();
        let ending = wire.checkout(2, 1, "ending", 1).unwrap().number();
        wire.ask(&Message::Goodbye).unwrap();
        (lasting, ending)
    }

    /// What lmstat says after all features.
    fn notes(&self) -> String {
        let mut wire = Wire::connect(self.daemon().port).unwrap();
        wire.hello("ann", Purpose::Ask, self.clock.now()).unwrap().unwrap();
        let question = Message::AskStatus { feature: None, users: false };
        let Message::Status(items) = wire.ask(&question).unwrap() else { panic!("STATUS") };
        let notes = items.into_iter().find_map(|item| match item {
            StatusItem::Daemon { notes, .. } => Some(notes.join("\n")),
            _ => None,
        });
        notes.unwrap()
    }

    /// Waits until the debug log says something.
    fn hears(&self, text: &str) {
        self.daemon().wait_for_log(&[text]);
    }

    /// What the history says of the clock, after the daemon has ended.
    fn recorded(&self) -> Vec<(TimeMark, ClockNews)> {
        let marked = |event: Event| match event {
            Event::Marked(marked) => Some((marked.mark, marked.news)),
            _ => None,
        };
        history(&self.site.history())
            .into_iter()
            .flat_map(|record| record.events)
            .filter_map(marked)
            .collect()
    }
}

#[test]
fn dom_96_dom_97_a_clock_set_back_refuses_what_expires_until_it_is_right() {
    let Some(machine) = Machine::new(300) else { return };
    assert_eq!(machine.ask(), (0, 0));
    machine.clock.set(hours(-23));
    assert_eq!(machine.ask(), (0, 0));
    machine.clock.set(hours(-2));
    // The very next request, whenever the daemon looks by itself.
    assert_eq!(machine.ask(), (0, -88));
    machine.hears("CLOCK: set back: ");
    assert!(machine.notes().contains("25 hours behind its time mark"), "{}", machine.notes());
    machine.clock.set(days(-400));
    assert_eq!(machine.ask(), (0, -88));
    machine.clock.set(days(400) + hours(25));
    assert_eq!(machine.ask(), (0, 0));
    machine.hears("CLOCK: near the time mark ");
    assert_eq!(machine.notes().matches("clock").count(), 0, "{}", machine.notes());
}

#[test]
fn a_daemon_that_was_not_running_knows_that_the_clock_was_set_back() {
    let Some(mut machine) = Machine::new(300) else { return };
    machine.clock.pass(days(3));
    machine.stop();
    machine.clock.set(hours(-30));
    machine.start();
    assert_eq!(machine.ask(), (0, -88));
    // Nor does a boot make it forget, nor a crash.
    machine.daemon.take().unwrap().kill();
    machine.clock.boot_after(hours(2));
    machine.start();
    assert_eq!(machine.ask(), (0, -88));
    machine.clock.set(hours(30));
    assert_eq!(machine.ask(), (0, 0));
}

#[test]
fn two_days_forward_and_back_over_a_restart_do_no_harm() {
    let Some(mut machine) = Machine::new(300) else { return };
    machine.clock.set(days(2));
    assert_eq!(machine.ask(), (0, 0));
    machine.hears("CLOCK: ahead: ");
    assert!(machine.notes().contains("48 hours ahead of what elapsed time confirms"), "{}", machine.notes());
    machine.stop();
    machine.start();
    machine.clock.pass(hours(5));
    assert_eq!(machine.ask(), (0, 0));
    machine.clock.set(days(-2));
    assert_eq!(machine.ask(), (0, 0));
    machine.hears("CLOCK: near the time mark ");
    machine.stop();
    let (last, _) = *machine.recorded().last().unwrap();
    assert!(last.ahead_ms().abs() < 60_000, "{last:?}");
    assert_eq!(last.standing(), Standing::Near);
}

#[test]
fn after_a_month_off_the_clock_is_believed_after_a_day() {
    let Some(mut machine) = Machine::new(300) else { return };
    machine.stop();
    machine.clock.boot_after(days(30) + hours(1));
    machine.start();
    assert_eq!(machine.ask(), (0, 0));
    assert!(machine.notes().contains("30 days ahead"), "{}", machine.notes());
    machine.clock.pass(hours(23));
    assert_eq!(machine.ask(), (0, 0));
    assert!(machine.notes().contains("30 days ahead"), "{}", machine.notes());
    machine.clock.pass(hours(2));
    machine.hears("CLOCK: elapsed time confirms ");
    assert!(!machine.notes().contains("ahead"), "{}", machine.notes());
    machine.clock.set(hours(-25));
    assert_eq!(machine.ask(), (0, -88));
    machine.stop();
    let news: Vec<ClockNews> = machine
        .recorded()
        .into_iter()
        .map(|(_, news)| news)
        .filter(|news| *news != ClockNews::Nothing)
        .collect();
    assert_eq!(news, [ClockNews::Jumped, ClockNews::Confirmed, ClockNews::SetBack]);
}

#[test]
fn a_suspended_machine_keeps_its_sessions_and_its_clock() {
    let Some(mut machine) = Machine::new(6) else { return };
    let mut ann = Wire::connect(machine.daemon().port).unwrap();
    ann.hello("ann", Purpose::New, machine.clock.now()).unwrap().unwrap();
    let grant = ann.checkout(1, 0, "ending", 1).unwrap().granted();
    machine.clock.suspend(days(9));
    let beat = Message::Heartbeat { acknowledged: Token(1), idle_s: None };
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(2) {
        assert!(matches!(ann.ask(&beat).unwrap(), Message::HeartbeatAck { .. }));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(ann.checkin(2, 1, grant.handle).unwrap().number(), 0);
    machine.stop();
    let recorded = machine.recorded();
    assert!(recorded.iter().all(|(_, news)| *news == ClockNews::Nothing), "{recorded:?}");
    let (first, last) = (recorded.first().unwrap().0, recorded.last().unwrap().0);
    assert!(last.mark.0 - first.mark.0 >= days(9), "the mark has slept with the machine");
}

#[test]
fn a_daemon_that_was_stopped_for_longer_than_a_lease_frees_nothing() {
    let site = Site::new(5, 5);
    let daemon = site.start();
    let mut ann = Wire::connect(daemon.port).unwrap();
    ann.hello("ann", Purpose::New, crate::now()).unwrap().unwrap();
    ann.checkout(1, 0, "one", 1).unwrap().granted();
    signal(daemon.pid(), "STOP");
    std::thread::sleep(Duration::from_secs(7));
    signal(daemon.pid(), "CONT");
    let (mut bob, _) = crate::session(&daemon, "bob");
    assert_eq!(bob.checkout(1, 0, "one", 1).unwrap().number(), -4);
    let beat = Message::Heartbeat { acknowledged: Token(1), idle_s: None };
    assert!(matches!(ann.ask(&beat).unwrap(), Message::HeartbeatAck { .. }));
}
