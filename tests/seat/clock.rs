//! Clocks that are set, machines that were off, and what licenses make of it (`domain.md` section 6).

use seatkeeper::event::{Event, SessionKind};
use seatkeeper::ident::Token;
use seatkeeper::seat::{Change, Command, State, explain};
use seatkeeper::time::{ClockNews, Look, Monotonic};

use super::bench::{Bench, TODAY, checkout, identity};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const LINES: &str = "FEATURE lasting LGS 1.0 permanent 5\nFEATURE ending LGS 1.0 31-dec-2026 5\n\
    INCREMENT both LGS 1.0 permanent 2\nINCREMENT both LGS 1.0 31-dec-2026 3\n\
    FEATURE lingers LGS 1.0 permanent 1 LINGER=7200\nFEATURE later LGS 1.0 permanent 1 START=1-jul-2026";

/// An engine on a machine with clocks.
struct Machine {
    bench: Bench,
    elapsed_s: i64,
    boot: u8,
    news: Vec<ClockNews>,
}

impl Machine {
    fn new() -> Self {
        let mut machine = Self { bench: Bench::new(LINES), elapsed_s: 1000, boot: 1, news: Vec::new() };
        machine.look();
        machine
    }

    fn clocks(&self) -> Look {
        let elapsed_ms = self.elapsed_s.unsigned_abs() * 1000;
        Look { utc: self.bench.now.utc, boot: [self.boot; 16], elapsed_ms }
    }

    fn look(&mut self) {
        let command = Command::Look { look: self.clocks(), note: false };
        for event in self.bench.look(&command) {
            let Event::Marked(marked) = event else { panic!("{event:?}") };
            if marked.news != ClockNews::Nothing {
                self.news.push(marked.news);
            }
        }
    }

    /// Time passes, and the daemon looks now and then.
    fn pass(&mut self, seconds: i64) -> &mut Self {
        let mut left = seconds;
        while left > 0 {
            let part = left.min(600);
            self.elapsed_s += part;
            self.bench.now.utc.0 += part * 1000;
            self.bench.now.mono = Monotonic(self.elapsed_s.unsigned_abs() * 1000);
            self.look();
            left -= part;
        }
        self.bench.pass(0);
        self
    }

    fn set(&mut self, seconds: i64) -> &mut Self {
        self.bench.now.utc.0 += seconds * 1000;
        self.look();
        self
    }

    fn off(&mut self, seconds: i64) -> &mut Self {
        self.boot += 1;
        self.elapsed_s = 30;
        self.set(seconds)
    }

    fn accept(&mut self) {
        let command = Command::AcceptClock { by: "ann@ws01".to_owned(), look: self.clocks() };
        self.bench.run(&command);
    }

    /// What a stranger hears for one license, which he gives back.
    fn ask(&mut self, feature: &str) -> i32 {
        let code = self.bench.out("joe", feature, "1.0", 1);
        let held: Vec<_> =
            self.bench.state.seats().filter(|(_, seat)| seat.identity.user.as_str() == "joe").collect();
        let held: Vec<_> = held.into_iter().map(|(handle, _)| handle).collect();
        held.into_iter().for_each(|handle| self.bench.back("joe", handle));
        code
    }
}

#[test]
fn dom_96_a_perpetual_license_is_granted_with_the_clock_400_days_back() {
    let mut machine = Machine::new();
    machine.pass(2 * DAY).set(-400 * DAY);
    assert_eq!(machine.ask("lasting"), 0);
    assert_eq!(machine.ask("ending"), -88);
    assert_eq!(machine.ask("nothing"), -5);
}

#[test]
fn dom_97_a_license_that_ends_stands_a_day_of_setting_back_and_no_second_more() {
    let mut machine = Machine::new();
    machine.pass(2 * DAY).set(-DAY);
    assert_eq!(machine.ask("ending"), 0);
    machine.set(-1);
    let denial = machine.bench.denial("joe", "ending", "1.0");
    assert_eq!((denial.code.number(), denial.minor), (-88, 320));
    assert_eq!(&*denial.note, "the clock of the license server is 24 hours behind, and ending expires");
    // Of a pool the licenses that never end are left.
    assert_eq!(machine.bench.out("ann", "both", "1.0", 2), 0);
    assert_eq!(machine.ask("both"), -4);
    assert_eq!(machine.bench.out("eve", "both", "1.0", 3), -26);
    machine.set(DAY + 1);
    assert_eq!((machine.ask("ending"), machine.ask("both")), (0, 0));
    assert_eq!(machine.news, [ClockNews::Set, ClockNews::SetBack, ClockNews::Near]);
}

#[test]
fn waiting_does_not_help_but_an_administrator_does() {
    let mut machine = Machine::new();
    machine.set(-25 * HOUR).pass(3 * DAY);
    assert_eq!(machine.ask("ending"), -88);
    machine.accept();
    assert_eq!(machine.ask("ending"), 0);
    let mark = machine.bench.state.time_mark().unwrap();
    assert_eq!(mark.mark, machine.bench.now.utc);
    let last = machine.bench.history.iter().rev().flat_map(|record| &record.events);
    let accepted = last.into_iter().find_map(|event| match event {
        Event::ClockAccepted(accepted) => Some(accepted),
        _ => None,
    });
    let accepted = accepted.unwrap();
    assert_eq!(accepted.by, "ann@ws01");
    let behind = accepted.before.0 - machine.bench.now.utc.0;
    assert!((24 * HOUR * 1000..=25 * HOUR * 1000).contains(&behind), "{behind}");
}

#[test]
fn inside_a_day_expiry_is_judged_by_the_mark() {
    let mut machine = Machine::new();
    // To the last hour of 31-dec-2026, and past its end.
    machine.set(0).pass(0);
    let midnight = 1_798_761_600_000;
    let left = (midnight - TODAY.0) / 1000;
    machine.pass(left - HOUR);
    assert_eq!(machine.ask("ending"), 0);
    machine.pass(2 * HOUR);
    assert_eq!(machine.ask("ending"), -10);
    machine.set(-23 * HOUR);
    assert_eq!(machine.ask("ending"), -10, "set back, it stays expired");
    machine.set(-5 * HOUR);
    assert_eq!(machine.ask("ending"), -10, "and a clock that nobody trusts revives nothing");
}

#[test]
fn two_days_forward_and_back_do_no_harm() {
    let mut machine = Machine::new();
    let handle = machine.bench.grant("ann", "lingers", "1.0").handle;
    machine.bench.back("ann", handle);
    assert_eq!(machine.ask("lingers"), -4);
    machine.pass(HOUR).set(2 * DAY).pass(1800);
    assert_eq!(machine.news, [ClockNews::Jumped]);
    assert_eq!(machine.ask("lingers"), -4, "it lingers by elapsed time");
    assert_eq!((machine.ask("ending"), machine.ask("lasting")), (0, 0));
    machine.pass(1801);
    assert_eq!(machine.bench.state.seat(handle), None, "two hours are over");
    // What begins to linger now ends two hours from now, whatever becomes of the clock.
    let handle = machine.bench.grant("ann", "lingers", "1.0").handle;
    machine.bench.back("ann", handle);
    machine.pass(600).set(-2 * DAY).pass(6000);
    assert!(machine.bench.state.seat(handle).is_some());
    machine.pass(700);
    assert_eq!(machine.bench.state.seat(handle), None);
    assert_eq!(machine.news, [ClockNews::Jumped, ClockNews::Near]);
    assert_eq!((machine.ask("ending"), machine.ask("lasting")), (0, 0));
}

/// A clock that is ahead by less than a day counts at once, and by more not: what began before such a jump was out for hours.
#[test]
fn what_lingers_does_so_for_its_span_however_the_clock_is_set_meanwhile() {
    for (first, second) in
        [(5 * HOUR, 20 * HOUR), (20 * HOUR, -20 * HOUR), (-20 * HOUR, 20 * HOUR), (2 * DAY, -3 * DAY)]
    {
        let mut machine = Machine::new();
        machine.set(first);
        let handle = machine.bench.grant("ann", "lingers", "1.0").handle;
        machine.bench.back("ann", handle);
        machine.pass(600).set(second).pass(6500);
        assert!(machine.bench.state.seat(handle).is_some(), "{first} and {second}");
        machine.pass(700);
        assert_eq!(machine.bench.state.seat(handle), None, "{first} and {second}");
    }
}

/// The mark falls by years; what lingered by it went on for years.
#[test]
fn what_lingers_does_so_for_its_span_also_when_the_clock_is_accepted() {
    for by in [-400 * DAY, 400 * DAY] {
        let mut machine = Machine::new();
        let handle = machine.bench.grant("ann", "lingers", "1.0").handle;
        machine.bench.back("ann", handle);
        machine.pass(600).set(by).accept();
        machine.pass(6500);
        assert!(machine.bench.state.seat(handle).is_some(), "{by}");
        machine.pass(700);
        assert_eq!(machine.bench.state.seat(handle), None, "{by}");
    }
}

/// A hold too.
#[test]
fn what_is_held_is_so_for_its_span_however_the_clock_is_set_meanwhile() {
    for (first, second, accepted) in
        [(5 * HOUR, 20 * HOUR, false), (2 * DAY, -3 * DAY, false), (0, -400 * DAY, true)]
    {
        let mut machine = Machine::new();
        machine.set(first);
        let grants: Vec<_> = (0..5).map(|_| machine.bench.grant("ann", "lasting", "1.0").handle).collect();
        machine.bench.wait_holding("bob", "lasting", "1.0", 1, 100);
        machine.bench.back("ann", grants[0]);
        let offered = machine.bench.serve();
        assert!(matches!(offered[..], [Event::Offered(_)]), "{offered:?}");
        machine.pass(20).set(second);
        if accepted {
            machine.accept();
        }
        machine.pass(70);
        assert!(machine.bench.serve().is_empty(), "{first} and {second}");
        machine.pass(20);
        let events = machine.bench.serve();
        assert!(matches!(events[..], [Event::Dequeued(_)]), "{first} and {second}: {events:?}");
    }
}

#[test]
fn a_license_that_starts_later_does_not_start_because_a_clock_is_set_back() {
    let mut machine = Machine::new();
    machine.set(-3 * DAY);
    assert_eq!(machine.ask("later"), -31);
}

#[test]
fn a_month_off_is_believed_after_a_day() {
    let mut machine = Machine::new();
    let handle = machine.bench.grant("ann", "lingers", "1.0").handle;
    machine.bench.back("ann", handle);
    machine.off(30 * DAY);
    assert_eq!(machine.news, [ClockNews::Jumped]);
    // Licenses go by the later of clock and mark at once; what ends by itself waits for the day.
    let until = machine.bench.state.confirmed(machine.bench.now.utc);
    assert_eq!(until, TODAY);
    machine.pass(HOUR);
    assert!(machine.bench.state.seat(handle).is_some());
    machine.pass(23 * HOUR);
    assert_eq!(machine.news, [ClockNews::Jumped, ClockNews::Confirmed]);
    assert_eq!(machine.bench.state.seat(handle), None);
    assert_eq!(machine.bench.state.confirmed(machine.bench.now.utc), machine.bench.now.utc);
}

#[test]
fn who_waits_waits_on_while_the_clock_is_wrong() {
    let mut machine = Machine::new();
    let grants: Vec<_> = (0..5).map(|_| machine.bench.grant("ann", "ending", "1.0").handle).collect();
    let (token, _) = machine.bench.wait("bob", "ending", "1.0", 1);
    machine.set(-2 * DAY);
    assert!(machine.bench.serve().is_empty(), "and is not sent away");
    machine.bench.back("ann", grants[0]);
    assert!(machine.bench.serve().is_empty(), "but is offered nothing that is not served");
    // Somebody new hears of the clock, with the queue or without.
    let (other, reply) = machine.bench.wait("cid", "ending", "1.0", 1);
    assert!(format!("{reply:?}").contains("ClockSetBack"), "{other:?} {reply:?}");
    machine.set(2 * DAY);
    let events = machine.bench.serve();
    assert!(matches!(&events[..], [Event::Offered(offered)] if offered.request.token == token), "{events:?}");
}

#[test]
fn seats_that_are_out_stay_out_and_a_reread_ends_none() {
    let mut machine = Machine::new();
    let handle = machine.bench.grant("ann", "ending", "1.0").handle;
    machine.set(-400 * DAY).pass(HOUR);
    machine.bench.reread(&LINES.replace("FEATURE ending LGS 1.0", "FEATURE ending LGS 2.0"), "");
    assert!(machine.bench.state.seat(handle).is_some());
}

#[test]
fn little_is_recorded_and_the_state_is_the_fold_of_it() {
    let mut machine = Machine::new();
    machine.pass(DAY).set(20).pass(DAY).set(-30).pass(DAY);
    assert!(machine.bench.history.len() <= 3 * 24 + 1, "{}", machine.bench.history.len());
    let mut folded = State::default();
    machine.bench.history.iter().for_each(|record| folded.evolve(record));
    assert_eq!(folded, machine.bench.state);
    assert_eq!(State::from_snapshot(&folded.snapshot()).unwrap(), folded);
    let utc = machine.bench.now.utc;
    let apart = utc.0 - folded.time_mark().unwrap().at(utc).0;
    assert!(apart.abs() < 1000, "{apart}");
}

#[test]
fn an_explanation_tells_of_the_clock() {
    let mut machine = Machine::new();
    machine.set(-25 * HOUR);
    let bench = &machine.bench;
    let who = identity("joe", &[], SessionKind::Framed);
    let request = checkout(Token(1), "ending", "1.0", 1);
    let told = explain(&bench.state, bench.rules(), &request, &who, bench.now);
    assert_eq!(told.verdict.unwrap_err().code.number(), -88);
    assert_eq!(told.tried[0].changes, [Change::Clock]);
}
