//! A pool whose lots end at different midnights while its licenses are out.

use std::process::Command;

use seatkeeper::ident::{Handle, Token};
use seatkeeper::wire::{FeatureCount, Message, Purpose, StatusItem};

use crate::daemon::{Daemon, Wire, until};
use crate::forgetful_disk::ForgetfulDisk;
use crate::moved_clock::{MovedClock, days, hours};
use crate::{Site, now};

/// Fourteen hours east of Greenwich, and as far west as there is a zone, with their hours.
const ZONES: [(&str, i64); 2] = [("<EAST>-14", 14), ("<WEST>12", -12)];
const SURPLUS: &str =
    "SURPLUS: fx 1: 3 licenses are in use and 1 is there; it grants none until 2 have come back";

/// Somebody with one license.
struct Holder {
    wire: Wire,
    handle: Handle,
}

impl Holder {
    fn new(name: &str, daemon: &Daemon, clock: &MovedClock) -> Self {
        let mut wire = Wire::connect(daemon.port).unwrap();
        wire.hello(name, Purpose::New, clock.now()).unwrap().unwrap();
        let handle = wire.checkout(1, 0, "fx", 1).unwrap().granted().handle;
        Self { wire, handle }
    }

    fn beat(&mut self) {
        let beat = Message::Heartbeat { acknowledged: Token(1), idle_s: None };
        assert!(matches!(self.wire.ask(&beat).unwrap(), Message::HeartbeatAck { .. }));
        assert!(self.wire.notices.is_empty(), "{:?}", self.wire.notices);
    }

    fn give_back(mut self) {
        assert_eq!(self.wire.checkin(2, 1, self.handle).unwrap().number(), 0);
    }
}

/// What a newcomer hears, who gives back at once what he gets.
fn ask(daemon: &Daemon, clock: &MovedClock) -> i32 {
    let mut wire = Wire::connect(daemon.port).unwrap();
    wire.hello("dan", Purpose::New, clock.now()).unwrap().unwrap();
    let number = wire.checkout(1, 0, "fx", 1).unwrap().number();
    wire.ask(&Message::Goodbye).unwrap();
    number
}

/// How many licenses lmstat would show, and how many of them out.
fn shown(daemon: &Daemon, clock: &MovedClock) -> (u32, u32) {
    let mut wire = Wire::connect(daemon.port).unwrap();
    wire.hello("eve", Purpose::Ask, clock.now()).unwrap().unwrap();
    let question = Message::AskStatus { feature: Some("fx".parse().unwrap()), users: false };
    let Message::Status(items) = wire.ask(&question).unwrap() else { panic!("STATUS") };
    items
        .iter()
        .find_map(|item| match item {
            StatusItem::Feature { count: FeatureCount::Counted { issued, in_use }, .. } => {
                Some((*issued, *in_use))
            }
            _ => None,
        })
        .unwrap()
}

/// A machine with a pool of two lots, of 2 licenses and of 1, which end at different midnights.
struct Nights {
    clock: MovedClock,
    site: Site,
    zone: &'static str,
    east: i64,
    /// Within the last day of each lot.
    first: i64,
    last: i64,
}

impl Nights {
    /// None where there is no C compiler.
    fn new(zone: &'static str, east: i64, options: &str) -> Option<Self> {
        let clock = MovedClock::new()?;
        let local = |at: i64| jiff::Timestamp::from_second(at / 1000 + east * 3600).unwrap();
        let day = |at: i64| local(at).strftime("%d-%b-%Y").to_string().to_lowercase();
        let begin = now().0;
        let (first, last) = (begin + days(2), begin + days(5));
        let site = Site::new(300, 5);
        site.serve(&format!(
            "SERVER this_host ANY 27000\nVENDOR LGS\nINCREMENT fx LGS 1.0 {} 2\nINCREMENT fx LGS 1.0 {} 1\n\
             FEATURE zz LGS 1.0 permanent 1\n",
            day(first),
            day(last)
        ));
        let nights = Self { clock, site, zone, east, first, last };
        nights.write_options(options);
        Some(nights)
    }

    fn options(&self) -> std::path::PathBuf {
        self.site.dir.path().join("LGS.opt")
    }

    fn write_options(&self, options: &str) {
        std::fs::write(self.options(), options).unwrap();
    }

    fn start(&self, mount: impl FnOnce(&mut Command)) -> Daemon {
        self.site.start_on(|command| {
            mount(command);
            self.clock.rule(command);
            command.arg("--options").arg(self.options()).env("TZ", self.zone);
        })
    }

    /// The machine sleeps until so many hours after the midnight that follows.
    fn sleep_to(&self, after: i64, hour: i64) {
        let midnight = after + days(1) - (after + hours(self.east)).rem_euclid(days(1));
        self.clock.suspend(midnight + hours(hour) - self.clock.now().0);
    }
}

/// All three licenses, out to three users.
fn three(daemon: &Daemon, clock: &MovedClock) -> Vec<Holder> {
    ["ann", "bob", "cid"].map(|name| Holder::new(name, daemon, clock)).into()
}

/// Runs a pool of two lots over both ends and returns what the log said.
fn over_two_midnights(zone: &'static str, east: i64, options: &str) -> Option<String> {
    let nights = Nights::new(zone, east, options)?;
    let daemon = nights.start(|_| {});
    let Nights { clock, first, last, .. } = &nights;
    let (daemon, clock) = (&daemon, clock);
    let mut holders = three(daemon, clock);
    nights.sleep_to(*first, -1);
    holders.iter_mut().for_each(Holder::beat);
    assert_eq!((shown(daemon, clock), ask(daemon, clock)), ((3, 3), -4));
    let log = daemon.log_until_now();
    assert!(!log.contains("SURPLUS"), "{log}");
    nights.sleep_to(*first, 1);
    holders.iter_mut().for_each(Holder::beat);
    assert_eq!((shown(daemon, clock), ask(daemon, clock)), ((1, 3), -4));
    daemon.wait_for_log(&[SURPLUS]);
    for left in [2, 1] {
        holders.pop().unwrap().give_back();
        holders.iter_mut().for_each(Holder::beat);
        assert_eq!((shown(daemon, clock), ask(daemon, clock)), ((1, left), -4));
    }
    holders.pop().unwrap().give_back();
    assert_eq!((shown(daemon, clock), ask(daemon, clock)), ((1, 0), 0));
    let mut last_one = Holder::new("ann", daemon, clock);
    nights.sleep_to(*last, 1);
    last_one.beat();
    assert_eq!((shown(daemon, clock), ask(daemon, clock)), ((0, 1), -10));
    let none = "SURPLUS: fx 1: 1 license is in use and 0 are there";
    daemon.wait_for_log(&[none]);
    last_one.give_back();
    assert_eq!((shown(daemon, clock), ask(daemon, clock)), ((0, 0), -10));
    let log = daemon.log_until_now();
    assert_eq!(log.matches("SURPLUS").count(), 2, "once at each midnight\n{log}");
    Some(log)
}

#[test]
fn lots_that_end_without_a_reread_leave_their_pool_and_name_the_surplus() {
    for (zone, east) in ZONES {
        let Some(log) = over_two_midnights(zone, east, "AUTOMATIC_REREAD OFF\n") else { return };
        assert!(!log.contains("Reread"), "{log}");
    }
}

#[test]
fn lots_that_end_with_the_automatic_reread_name_the_same_surplus() {
    let [(zone, east), _] = ZONES;
    let Some(log) = over_two_midnights(zone, east, "# none\n") else { return };
    assert_eq!(log.matches("Requested from midnight").count(), 2, "{log}");
}

#[test]
fn an_automatic_reread_that_keeps_the_old_rules_names_the_surplus() {
    let [(zone, east), _] = ZONES;
    let Some(nights) = Nights::new(zone, east, "# none\n") else { return };
    let daemon = nights.start(|_| {});
    let mut holders = three(&daemon, &nights.clock);
    nights.write_options("EXCLUD fx USER eve\n");
    nights.sleep_to(nights.first, 1);
    holders.iter_mut().for_each(Holder::beat);
    daemon.wait_for_log(&[
        "keeping the rules in force",
        "Requested from midnight",
        "...Finished rereading",
        SURPLUS,
    ]);
    assert_eq!((shown(&daemon, &nights.clock), ask(&daemon, &nights.clock)), ((1, 3), -4));
    let log = daemon.log_until_now();
    assert_eq!(log.matches("SURPLUS").count(), 1, "{log}");
}

#[test]
fn an_automatic_reread_that_the_disk_does_not_take_names_the_surplus() {
    let [(zone, east), _] = ZONES;
    let Some(nights) = Nights::new(zone, east, "# none\n") else { return };
    let Some(disk) = ForgetfulDisk::over(&nights.site.state()) else { return };
    let daemon = nights.start(|command| disk.mount(command));
    let mut holders = three(&daemon, &nights.clock);
    disk.switch("full", true);
    // A full disk may still have room for a commit or two.
    until("the disk to be full", || {
        let mut wire = Wire::connect(daemon.port).unwrap();
        wire.hello("dan", Purpose::New, nights.clock.now()).unwrap().is_err()
    });
    nights.sleep_to(nights.first, 1);
    holders.iter_mut().for_each(Holder::beat);
    daemon.wait_for_log(&["ERROR: nothing was taken over: ", "...Finished rereading", SURPLUS]);
    // What ends by its date has ended all the same.
    assert_eq!(shown(&daemon, &nights.clock), (1, 3));
    disk.switch("full", false);
    daemon.wait_for_log(&["The history can be written again"]);
    assert_eq!(ask(&daemon, &nights.clock), -4);
    let log = daemon.log_until_now();
    assert_eq!(log.matches("SURPLUS").count(), 1, "{log}");
    holders.into_iter().for_each(Holder::give_back);
    assert_eq!((shown(&daemon, &nights.clock), ask(&daemon, &nights.clock)), ((1, 0), 0));
}
