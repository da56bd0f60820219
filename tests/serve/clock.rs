//! The machine's clocks, moved.

use std::process::Command;

use seatkeeper::wire::Purpose;

use crate::Site;
use crate::daemon::Wire;
use crate::moved_clock::{MovedClock, days, hours};

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
