//! What lmexplain advises where others wait already, and where it is the package that lacks licenses.

use serde_json::Value;

use crate::daemon::until;
use crate::system::{LineSession, System, complained, printed};

const LICENSE: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE one LGS 1.0 permanent 1\n\
     FEATURE three LGS 1.0 permanent 3\nPACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\" OPTIONS=SUITE\n\
     FEATURE pk LGS 1.0 permanent 2\n";

/// Gives the handle.
fn granted(session: &mut LineSession, line: &str) -> String {
    let answer = session.ask(line);
    assert!(answer.starts_with("OK "), "{line}: {answer}");
    answer.split(' ').nth(2).unwrap_or_default().to_owned()
}

fn explained(system: &System, feature: &str, count: u32) -> Value {
    let (place, count) = (system.place(), format!("--count={count}"));
    let rest = ["--user=cid", "--host=ws01", "--format=json", "-c", &place];
    let output = system.tool(&[&["lmutil", "lmexplain", feature, &count], &rest[..]].concat());
    serde_json::from_str(&printed(&output)).unwrap_or_else(|_| panic!("{}", complained(&output)))
}

fn change(told: &Value) -> (&str, &Value) {
    let changes = told["pools"][0]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{told:#}");
    (changes[0]["text"].as_str().unwrap(), &changes[0])
}

#[test]
fn those_who_wait_before_are_counted() {
    let system = System::start(LICENSE, &[]);
    let [mut ann, mut bob, mut dan] = ["ann", "bob", "dan"].map(|user| system.line_session(user));
    let of_ann = granted(&mut ann, "CHECKOUT one 1.0");
    let told = explained(&system, "one", 1);
    assert_eq!(change(&told).0, "have 1 license checked in");
    assert_eq!(told["note"], "1 of 1 license of one is in use");
    let of_bob = granted(&mut bob, "QUEUE one 1.0");
    granted(&mut ann, "CHECKOUT three 1.0 3");
    granted(&mut bob, "QUEUE three 1.0 2");
    granted(&mut dan, "QUEUE three 1.0 2");
    for (feature, count, text, waited_for) in [
        (
            "one",
            1,
            "have 1 license checked in, beside 1 license for those who wait before, or wait in the queue",
            1,
        ),
        (
            "three",
            2,
            "have 2 licenses checked in, beside 4 licenses for those who wait before, or wait in the queue",
            4,
        ),
    ] {
        until("the one who waits to be known", || explained(&system, feature, count)["number"] == -24);
        let told = explained(&system, feature, count);
        let (found, change) = change(&told);
        assert_eq!((found, change["waited_for"].as_u64()), (text, Some(waited_for)), "{told:#}");
        let steps = told["pools"][0]["steps"].as_array().unwrap();
        let queue = steps.iter().find(|step| step["step"] == "queue").unwrap();
        let text = queue["text"].as_str().unwrap();
        assert!(text.ends_with("; who finds licenses free may pass them"), "{text}");
    }
    // As advised: bob has what ann gives back, and cid what bob does.
    let mut cid = system.line_session("cid");
    granted(&mut ann, &format!("CHECKIN {of_ann}"));
    assert!(cid.ask("CHECKOUT one 1.0").starts_with("ERR -4,"));
    assert_eq!(bob.hear(), format!("* FREE {of_bob} hold=60"));
    granted(&mut bob, &format!("CHECKIN {of_bob}"));
    granted(&mut cid, "CHECKOUT one 1.0");
}

#[test]
fn the_pool_of_the_package_is_named() {
    let system = System::start(LICENSE, &[]);
    let (mut ann, mut bob) = (system.line_session("ann"), system.line_session("bob"));
    granted(&mut ann, "CHECKOUT ca 1.0 2");
    let told = explained(&system, "cb", 1);
    assert_eq!(change(&told).0, "of pk 1, which goes with each license: have 1 license checked in");
    granted(&mut bob, "QUEUE cb 1.0");
    until("the one who waits to be known", || explained(&system, "cb", 1)["number"] == -24);
    let told = explained(&system, "cb", 1);
    assert_eq!(
        change(&told).0,
        "of pk 1, which goes with each license: have 1 license checked in, beside 1 license for those who wait before, or \
         wait in the queue"
    );
}
