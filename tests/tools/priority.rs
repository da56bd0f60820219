//! PRIORITY at a running server: who waits ahead of whom, what lmstat, lmexplain and clients are told of it, and lmopt.

use crate::system::{System, complained, printed};

const LICENSE: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 1\n";
const OPTIONS: &str =
    "GROUP vip bob\nGROUP top eve\nPRIORITY 5 solver GROUP vip\nPRIORITY 900 solver GROUP top\n";

/// The name and the place that a request which waits is told.
fn placed(answer: &str) -> (String, u32) {
    let mut words = answer.strip_prefix("OK QUEUE ").unwrap_or_else(|| panic!("{answer}")).split(' ');
    let handle = words.next().unwrap().to_owned();
    let position = words.find_map(|word| word.strip_prefix("position=")).unwrap();
    (handle, position.parse().unwrap())
}

/// Those that wait, as lmstat lists them.
fn waiting(system: &System) -> Vec<String> {
    let output = system.tool(&["lmstat", "-f", "solver", "-c", &system.place()]);
    let text = printed(&output);
    let queued = text.lines().filter(|line| line.contains(" queued for 1 license"));
    queued.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn who_has_priority_is_placed_listed_and_served_first_and_an_edit_changes_that() {
    let system = System::start_prepared(LICENSE, &[], |dir| {
        std::fs::write(dir.join("LGS.opt"), OPTIONS).unwrap();
    });
    let mut ann = system.line_session("ann");
    let granted = ann.ask("CHECKOUT solver 1.0");
    let held = granted.strip_prefix("OK CHECKOUT ").unwrap().split(' ').next().unwrap().to_owned();
    let (mut joe, mut bob, mut eve) =
        (system.line_session("joe"), system.line_session("bob"), system.line_session("eve"));
    let (joe_name, place) = placed(&joe.ask("QUEUE solver 1.0"));
    assert_eq!(place, 1);
    let (bob_name, place) = placed(&bob.ask("QUEUE solver 1.0"));
    assert_eq!(place, 1, "ahead of joe, who came before");
    let (eve_name, place) = placed(&eve.ask("QUEUE solver 1.0"));
    assert_eq!(place, 1, "ahead of both");
    assert_eq!(placed(&joe.ask(&format!("QUEUE {joe_name}"))), (joe_name.clone(), 3));
    assert_eq!(placed(&bob.ask(&format!("QUEUE {bob_name}"))), (bob_name.clone(), 2));
    assert_eq!(waiting(&system), ["eve", "bob", "joe"]);

    let explain = |user: &str| {
        let place = system.place();
        let output = system.tool(&[
            "lmutil",
            "lmexplain",
            "solver:1.0",
            &format!("--user={user}"),
            "--host=ws01",
            "-c",
            &place,
        ]);
        printed(&output) + &complained(&output)
    };
    let text = explain("bob");
    assert!(text.contains("in the queue the client has priority 5"), "{text}");
    assert!(text.contains("PRIORITY 5 solver GROUP vip") && text.contains("GROUP vip bob"), "{text}");
    assert!(text.contains("requests that wait for it: 3; who finds licenses free may pass them"), "{text}");
    // What the client itself would hear.
    assert!(system.line_session("bob").ask("CHECKOUT solver 1.0").starts_with("ERR -24,230 "));
    assert!(text.contains("DENIED: Users are queued for this feature. (-24,230)"), "{text}");
    let text = explain("joe");
    assert!(!text.contains("priority"), "{text}");
    assert!(text.contains("requests that wait for it: 3;"), "{text}");

    let options = system.dir.path().join("LGS.opt");
    let place = system.place();
    let lmopt = |words: &str| {
        let ours = ["lmutil", "lmopt", "-O", options.to_str().unwrap(), "priority"];
        let words: Vec<&str> =
            ours.into_iter().chain(words.split(' ')).chain(["--reread", "-c", &place]).collect();
        let output = system.tool(&words);
        assert_eq!(output.status.code(), Some(0), "{}{}", printed(&output), complained(&output));
        printed(&output)
    };
    let text = lmopt("set 1000 solver USER joe");
    assert!(text.contains("LGS: rule added: LGS.opt:5: PRIORITY 1000 solver USER joe\n"), "{text}");
    assert_eq!(waiting(&system), ["joe", "eve", "bob"]);
    assert_eq!(placed(&bob.ask(&format!("QUEUE {bob_name}"))), (bob_name.clone(), 3));
    let text = lmopt("remove solver GROUP top");
    assert!(text.contains("rule removed: LGS.opt:4: PRIORITY 900 solver GROUP top\n"), "{text}");
    assert_eq!(waiting(&system), ["joe", "bob", "eve"]);
    lmopt("remove solver USER joe");
    assert_eq!(waiting(&system), ["bob", "joe", "eve"], "without a line as they came");

    // The group is named by no line any more.
    std::fs::write(&options, "PRIORITY 5 solver USER bob\n").unwrap();
    let lint = system.tool(&["lmutil", "lmlint", options.to_str().unwrap()]);
    let (code, text) = (lint.status.code(), printed(&lint) + &complained(&lint));
    assert!(text.contains("PRIORITY is an extension, which FlexNet daemons do not know"), "{text}");
    assert_eq!(code, Some(0), "a note is no fault: {text}");

    assert!(ann.ask(&format!("CHECKIN {held}")).starts_with("OK CHECKIN"));
    assert!(bob.hear().starts_with(&format!("* FREE {bob_name} ")));
    assert!(bob.ask(&format!("QUEUE {bob_name}")).starts_with("OK CHECKOUT "));
    assert_eq!(waiting(&system), ["joe", "eve"]);
    assert_eq!(placed(&eve.ask(&format!("QUEUE {eve_name}"))), (eve_name, 2));
}
