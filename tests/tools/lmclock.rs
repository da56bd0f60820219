//! lmclock, and what other tools say of a server whose clock was set.

use crate::moved_clock::{MovedClock, days, hours};
use crate::system::{LineSession, System, complained, printed};

const LICENSE: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE lasting LGS 1.0 permanent 5\n\
     FEATURE ending LGS 1.0 31-dec-2035 5\n";

fn start(clock: &MovedClock) -> System {
    let variables = clock.variables();
    let [(one, first), (two, second)] = &variables;
    let variables = [(*one, first.to_str().unwrap()), (*two, second.to_str().unwrap())];
    System::start_in(LICENSE, &[], &variables, |_| {})
}

fn lmclock(system: &System, more: &[&str]) -> (Option<i32>, String) {
    let place = system.place();
    let output = system.tool(&[&["lmutil", "lmclock", "-c", &place], more].concat());
    (output.status.code(), printed(&output) + &complained(&output))
}

fn ask(session: &mut LineSession, feature: &str) -> String {
    session.ask(&format!("CHECKOUT {feature} 1.0"))
}

#[test]
fn an_administrator_says_that_the_clock_is_right() {
    let Some(clock) = MovedClock::new() else { return };
    let system = start(&clock);
    let (code, text) = lmclock(&system, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains(&format!("LGS of {}@", system.port)) && text.contains("    clock:     2"),
        "{text}"
    );
    assert!(text.contains("    The clock agrees with the time mark\n"), "{text}");

    clock.set(hours(-25));
    let mut ann = system.line_session("ann");
    assert!(ask(&mut ann, "lasting").starts_with("OK"));
    let denied = ask(&mut ann, "ending");
    assert!(denied.starts_with("ERR -88,320 "), "{denied}");
    let (_, text) = lmclock(&system, &[]);
    assert!(
        text.contains(
            "The clock is 25 hours behind: it was set back. Licenses that expire are refused (-88)"
        ),
        "{text}"
    );
    let status = printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
    assert!(status.contains("clock is 25 hours behind its time mark"), "{status}");
    assert!(status.contains("Users of ending:  (Total of 5 licenses issued;"), "{status}");
    let explained =
        system.tool(&["lmexplain", "ending:1.0", "--user=ann", "--host=ws01", "-c", &system.place()]);
    let explained = printed(&explained);
    assert!(explained.contains("(-88,320)"), "{explained}");
    assert!(explained.contains("but the server's clock is set back"), "{explained}");
    assert!(explained.contains("lmutil lmclock accept"), "{explained}");

    // Without the key nobody is believed.
    let wrong = system.dir.path().join("other.key");
    std::fs::write(&wrong, format!("{}\n", "ab".repeat(32))).unwrap();
    std::fs::set_permissions(&wrong, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (code, text) = lmclock(&system, &["accept", "--admin-key", wrong.to_str().unwrap()]);
    assert_eq!(code, Some(193), "{text}");
    assert!(ask(&mut ann, "ending").starts_with("ERR -88,320 "));

    let (code, text) = lmclock(&system, &["accept"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("the clock is accepted: ") && text.contains("the time mark was 25 hours ahead of it"),
        "{text}"
    );
    assert!(ask(&mut ann, "ending").starts_with("OK"));
    system.wait_for_log(&["(LGS) CLOCK: set back: ", "(LGS) CLOCK: accepted by "]);
    let (_, text) = lmclock(&system, &["-vendor", "LGS"]);
    assert!(text.contains("The clock agrees with the time mark"), "{text}");
}

/// What a server has of lines 98 and 99 of `domain.md` 13. The trusted store whose flag Time they name, and its remedy, to activate
/// the entitlement again, are the activation's; here the jump is told of and grants on, as nothing but elapsed time confirms it.
#[test]
fn dom_98_dom_99_two_days_forward_within_one_boot_are_told_of_until_an_administrator_settles_it() {
    let Some(clock) = MovedClock::new() else { return };
    let system = start(&clock);
    let mut ann = system.line_session("ann");
    assert!(ask(&mut ann, "ending").starts_with("OK"));
    // 99: an event, and every face shows it.
    clock.set(days(2));
    assert!(ask(&mut ann, "ending").starts_with("OK"));
    system.wait_for_log(&["(LGS) CLOCK: ahead: "]);
    let (code, text) = lmclock(&system, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("The clock is 48 hours ahead, and nothing confirms it yet"), "{text}");
    let status = printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
    assert!(status.contains("48 hours ahead of what elapsed time confirms"), "{status}");
    // 98: who believes the wrong clock and sets it right afterwards is refused, and the same remedy makes it work again.
    let settled = |marked: &str| {
        let (code, text) = lmclock(&system, &["accept"]);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("the clock is accepted: ") && text.contains(marked), "{text}");
        let (_, text) = lmclock(&system, &[]);
        assert!(text.contains("    The clock agrees with the time mark\n"), "{text}");
    };
    settled("the time mark was 48 hours behind it");
    assert!(ask(&mut ann, "ending").starts_with("OK"));
    clock.set(days(-2));
    assert!(ask(&mut ann, "ending").starts_with("ERR -88,320 "));
    assert!(ask(&mut ann, "lasting").starts_with("OK"), "what never expires is granted");
    settled("the time mark was 48 hours ahead of it");
    assert!(ask(&mut ann, "ending").starts_with("OK"));
    let log = system.log_until_now();
    assert_eq!(log.matches("(LGS) CLOCK: accepted by ").count(), 2, "{log}");
}

#[test]
fn a_clock_that_was_wrong_for_years_is_accepted_too() {
    let Some(clock) = MovedClock::new() else { return };
    clock.set(days(-4000));
    let system = start(&clock);
    clock.set(days(4000));
    let (code, text) = lmclock(&system, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("The clock is 4000 days ahead, and nothing confirms it yet"), "{text}");
    let (code, text) = lmclock(&system, &["accept"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("the time mark was 4000 days behind it"), "{text}");
    clock.set(hours(-25));
    let mut ann = system.line_session("ann");
    assert!(ask(&mut ann, "ending").starts_with("ERR -88,320 "));
}

#[test]
fn wrong_calls_of_lmclock() {
    let Some(clock) = MovedClock::new() else { return };
    let system = start(&clock);
    let (code, text) = lmclock(&system, &["believe"]);
    assert_eq!(code, Some(1), "{text}");
    let (code, text) = lmclock(&system, &["-vendor", "other"]);
    assert_eq!(code, Some(159), "{text}");
    assert!(text.contains("lmclock failed: ") && text.contains("no vendor daemon other"), "{text}");
}
