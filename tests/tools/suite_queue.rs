//! Who waits for a component of a suite, at a running system: what administrators see of it, and what they do to it.

use serde_json::{Value, json};

use crate::daemon::until;
use crate::signed::sign;
use crate::system::{LineSession, System, complained, printed};

const LICENSE: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nPACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\" OPTIONS=SUITE\n\
     FEATURE pk LGS 1.0 permanent 1\n";

/// The handle in `OK CHECKOUT 12` and `OK QUEUE 12 position=1`.
fn handle(answer: &str) -> String {
    assert!(answer.starts_with("OK "), "{answer}");
    answer.split(' ').nth(2).unwrap().to_owned()
}

/// How many licenses of a feature lmstat has in use, and the handles that wait below it.
fn shown(system: &System, feature: &str) -> (u32, Vec<String>) {
    let text = printed(&system.tool(&["lmstat", "-f", feature, "-c", &system.place()]));
    let total =
        text.split_once("Total of 1 license issued;  Total of ").unwrap_or_else(|| panic!("{text}")).1;
    let in_use = total.split(' ').next().unwrap().parse().unwrap();
    let queued = text.lines().filter_map(|line| line.strip_suffix(") queued for 1 license"));
    (in_use, queued.map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect())
}

fn shows(system: &System, feature: &str, in_use: u32, waiting: &[&str]) {
    let (used, handles) = shown(system, feature);
    assert_eq!((used, handles.iter().map(String::as_str).collect()), (in_use, waiting.to_vec()), "{feature}");
}

fn remove(system: &System, values: &[&str]) -> String {
    let output = system.tool(&[&["lmremove", "--verbose", "-c", &system.place()], values].concat());
    assert_eq!(output.status.code(), Some(0), "{}{}", printed(&output), complained(&output));
    printed(&output)
}

/// License lines take the place of those in force.
fn reread(system: &System, features: &str) {
    let text = format!("SERVER this_host ANY {}\nVENDOR LGS\n{features}", system.port);
    std::fs::write(system.dir.path().join("test.lic"), sign(&text)).unwrap();
    let output = system.tool(&["lmutil", "lmreread", "-c", &system.place()]);
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
}

fn explained(system: &System, feature: &str, user: &str) -> Value {
    let (place, user) = (system.place(), format!("--user={user}"));
    let rest = ["--host=ws01", "--display=/dev/pts/1", "--format=json", "-c", &place];
    let output = system.tool(&[&["lmutil", "lmexplain", feature, &user], &rest[..]].concat());
    serde_json::from_str(&printed(&output)).unwrap_or_else(|_| panic!("{}", complained(&output)))
}

/// ann has the one license, with ca, and bob waits for it with cb; their names.
fn one_waits(system: &System) -> ((LineSession, String), (LineSession, String)) {
    let (mut ann, mut bob) = (system.line_session("ann"), system.line_session("bob"));
    let held = handle(&ann.ask("CHECKOUT ca 1.0"));
    let waits = handle(&bob.ask("QUEUE cb 1.0"));
    until("lmstat shows it", || shown(system, "cb").1 == [waits.as_str()]);
    ((ann, held), (bob, waits))
}

#[test]
fn what_is_held_is_shown_and_explained_with_its_package_and_ends_by_lmremove() {
    let system = System::start(LICENSE, &[]);
    let ((mut ann, held), (mut bob, waits)) = one_waits(&system);
    shows(&system, "pk", 1, &[]);
    shows(&system, "cb", 0, &[&waits]);
    // The holder is removed by the name of the package; what comes free is held for bob.
    let text = remove(&system, &["pk", "ann", "ws01", "/dev/pts/1"]);
    assert_eq!(text.matches("removed: ").count(), 2, "{text}");
    assert!(ann.hear().starts_with(&format!("* LOST {held} -1013,")));
    assert_eq!(bob.hear(), format!("* FREE {waits} hold=60"));
    until("lmstat shows it", || shown(&system, "pk").0 == 1);
    shows(&system, "pk", 1, &[&waits]);
    shows(&system, "ca", 0, &[]);
    shows(&system, "cb", 1, &[&waits]);
    // Of ca nothing is out: it is the package that lacks, by what is held of it.
    let told = explained(&system, "ca:1.0", "cid");
    let answer = system.line_session("cid").ask("CHECKOUT ca 1.0");
    assert!(answer.starts_with("ERR -4,209 ") && answer.contains("1 of 1 license of pk "), "{answer}");
    let answer = answer.strip_prefix("ERR -4,209 ").unwrap();
    let (text, note) = (told["text"].as_str().unwrap(), told["note"].as_str().unwrap());
    assert_eq!(format!("{text}. {note}"), answer, "{told:#}");
    let available = |told: &Value| -> Vec<(String, Value)> {
        let steps = told["pools"][0]["steps"].as_array().unwrap().iter();
        let available = steps.filter(|step| step["step"] == "available");
        available.map(|step| (step["text"].as_str().unwrap().to_owned(), step["users"].clone())).collect()
    };
    let free = ("0 in use, 1 free".to_owned(), json!([]));
    let of_bob = (
        "1 in use, 0 free; held for who waits: 1".to_owned(),
        json!([{"user": "bob", "host": "ws01", "count": 1}]),
    );
    assert_eq!(available(&told), [free, of_bob.clone()], "of ca, and of its package");
    assert_eq!(available(&explained(&system, "cb:1.0", "cid"))[0], of_bob);
    // Whoever looks at the package has the name that it stands under there.
    let port = system.port.to_string();
    remove(&system, &["-h", "pk", "localhost", &port, &waits]);
    assert!(bob.hear().starts_with(&format!("* DEQUEUED {waits} -1013,")));
    until("lmstat shows it", || shown(&system, "pk").0 == 0);
    shows(&system, "cb", 0, &[]);
    handle(&ann.ask("CHECKOUT cb 1.0"));
}

#[test]
fn who_waits_is_removed_before_anything_is_held() {
    let system = System::start(LICENSE, &[]);
    let ((mut ann, held), (mut bob, waits)) = one_waits(&system);
    let port = system.port.to_string();
    // Until something of the package is held it stands at the component alone.
    let output = system.tool(&["lmremove", "-c", &system.place(), "-h", "pk", "localhost", &port, &waits]);
    assert_eq!(output.status.code(), Some(256 - 41), "{}", printed(&output));
    remove(&system, &["-h", "cb", "localhost", &port, &waits]);
    assert!(bob.hear().starts_with(&format!("* DEQUEUED {waits} -1013,")));
    assert!(ann.ask(&format!("CHECKIN {held}")).starts_with("OK CHECKIN"));
    until("lmstat shows it", || shown(&system, "pk").0 == 0);
    handle(&bob.ask("CHECKOUT ca 1.0"));
}

#[test]
fn a_reread_without_the_package_ends_what_is_held_of_it() {
    let system = System::start(LICENSE, &[]);
    let ((mut ann, held), (mut bob, waits)) = one_waits(&system);
    assert!(ann.ask(&format!("CHECKIN {held}")).starts_with("OK CHECKIN"));
    assert_eq!(bob.hear(), format!("* FREE {waits} hold=60"));
    // cb is there by itself: it is held again, with no package.
    reread(&system, "FEATURE cb LGS 1.0 permanent 1\n");
    assert_eq!(bob.hear(), format!("* FREE {waits} hold=60"));
    until("lmstat shows it", || shown(&system, "cb") == (1, vec![waits.clone()]));
    let pk = printed(&system.tool(&["lmstat", "-f", "pk", "-c", &system.place()]));
    assert!(!pk.contains("Total of"), "{pk}");
    let taken = handle(&bob.ask(&format!("QUEUE {waits}")));
    // And back: who has one needs no package, who comes does.
    reread(
        &system,
        "PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\" OPTIONS=SUITE\nFEATURE pk LGS 1.0 permanent 1\n",
    );
    let waits = handle(&ann.ask("QUEUE cb 1.0"));
    assert!(bob.ask(&format!("CHECKIN {taken}")).starts_with("OK CHECKIN"));
    assert_eq!(ann.hear(), format!("* FREE {waits} hold=60"));
    until("lmstat shows it", || shown(&system, "pk") == (1, vec![waits.clone()]));
    // Nothing is left that could serve it.
    reread(&system, "FEATURE ca LGS 1.0 permanent 1\n");
    let answer = ann.hear();
    assert!(answer.starts_with(&format!("* DEQUEUED {waits} -")), "{answer}");
    handle(&bob.ask("CHECKOUT ca 1.0"));
    system.log_until_now();
    let output = system.tool(&["lmreplay", "--recorded", "state"]);
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
}
