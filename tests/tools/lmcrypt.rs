//! The publisher's side with the real program: new licenses, another key, the pages that tell of it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::system::PROGRAM;

const TEMPLATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/templates");
const HOSTID: &str = "001122334455";

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A desk with the key of vendor acmed and its manifest.
    fn with_key() -> Self {
        let desk = Self::new();
        desk.good(&["keygen", "--vendor", "acmed"]);
        desk
    }

    fn dir(&self) -> &Path {
        self.0.path()
    }

    fn answer(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = Command::new(PROGRAM)
            .arg("lmcrypt")
            .args(arguments)
            .current_dir(self.dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A tool that ends before it has read everything is no mistake of the test.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.answer(arguments, b"")
    }

    fn good(&self, arguments: &[&str]) -> Output {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        output
    }

    fn bad(&self, arguments: &[&str], status: i32, why: &str) {
        let names = self.names();
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(why), "{arguments:?}: {}", said(&output));
        assert!(output.stdout.is_empty() && self.names() == names, "{arguments:?} wrote something");
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.dir().join(name), text).unwrap();
    }

    fn get(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir().join(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The text without line ends and signatures, words parted by one blank.
fn words(text: &str) -> String {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut kept = String::new();
    let mut rest = joined.as_str();
    while let Some((head, tail)) = rest.split_once("SIGN=\"") {
        kept.push_str(head);
        rest = tail.split_once('"').unwrap().1;
    }
    kept.push_str(rest);
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn new_writes_what_was_asked_for_and_it_verifies() {
    let desk = Desk::with_key();
    let arguments = [
        "new",
        "--key",
        "acmed.key",
        "--hostid",
        HOSTID,
        "--port",
        "27000",
        "--feature",
        "widget:2.0:5:31-dec-2099",
        "--feature",
        "viewer",
        "--increment",
        "--sn",
        "A-1",
        "--notice",
        "for the third floor",
        "--borrow",
        "48",
        "--dup-group",
        "UH",
        "--overdraft",
        "1",
        "--attribute",
        "VENDOR_STRING=x",
        "--start",
        "today",
        "-o",
        "a.lic",
    ];
    desk.good(&arguments);
    let text = words(&desk.get("a.lic"));
    assert!(
        text.starts_with(
            "SERVER this_host 001122334455 27000 VENDOR acmed INCREMENT widget acmed 2.0 31-dec-2099 5 SN=A-1 START="
        ),
        "{text}"
    );
    let rest = "DUP_GROUP=UH OVERDRAFT=1 NOTICE=\"for the third floor\" BORROW=48 VENDOR_STRING=x";
    assert!(text.contains(rest) && text.contains("INCREMENT viewer acmed 1.0 "), "{text}");
    let verified = desk.good(&["verify", "--manifest", "acmed.vendor.toml", "a.lic"]);
    assert!(told(&verified).contains("2 good, 0 not good"));
    desk.bad(&arguments, 1, "a.lic exists and is not overwritten without --force");
    let before = desk.get("a.lic");
    let output = desk.good(&[
        "new",
        "--key",
        "acmed.key",
        "--hostid",
        "ANY",
        "--feature",
        "w",
        "-o",
        "a.lic",
        "--force",
    ]);
    assert!(said(&output).contains("every machine can serve this file"), "{}", said(&output));
    assert_ne!(desk.get("a.lic"), before);
    // Each lot has a serial number of its own.
    let output =
        desk.good(&["new", "--demo", "--hostid", HOSTID, "--increment", "--feature", "w", "--feature", "w"]);
    let text = told(&output);
    let serials: Vec<&str> = text.split_whitespace().filter_map(|word| word.strip_prefix("SN=")).collect();
    assert!(serials.len() == 2 && serials[0] != serials[1], "{text}");
}

#[test]
fn new_refuses_what_a_customer_should_not_get() {
    let desk = Desk::with_key();
    let cases: [(&[&str], &str); 14] = [
        (&[], "name the features with --feature"),
        (&["--feature", "a b"], "--feature: feature name \"a b\""),
        (&["--feature", "a:1:1:1-jan-2020"], "1-jan-2020 has passed"),
        (&["--feature", "a:1:1:1-jan-99"], "write the year with four digits"),
        (&["--feature", "a", "--start", "+2y"], "lies behind the expiry"),
        (&["--feature", "a", "--no-server"], "L0314"),
        (&["--feature", "a", "--uncounted"], "needs --node-locked"),
        (&["--feature", "a", "--uncounted", "--node-locked", "ANY"], "L0510"),
        (&["--feature", "a", "--feature", "a", "--sn", "1"], "stands twice and counts once"),
        (&["--feature", "a", "--sn", "1", "--attribute", "SN=2"], "SN is given twice"),
        (&["--feature", "a", "--attribute", "SUPERSEED"], "did you mean SUPERSEDE?"),
        (&["--feature", "a", "--notice", "it's"], "single quote"),
        (&["--feature", "a", "--hostid", "DEMO"], "--hostid: hostid \"DEMO\""),
        (&["--feature", "a", "--host", "a b"], "--host: host name"),
    ];
    for (arguments, why) in cases {
        let mut all = vec!["new", "--key", "acmed.key", "-o", "out.lic"];
        all.extend(arguments);
        if !arguments.contains(&"--hostid") && !arguments.contains(&"--no-server") {
            all.extend(["--hostid", HOSTID]);
        }
        desk.bad(&all, 1, why);
    }
    desk.bad(&["new", "--key", "none.key", "--feature", "a"], 226, "none.key");
}

#[test]
fn new_asks_and_checks_each_answer_at_once() {
    let desk = Desk::with_key();
    let answers =
        b"\n\n001122334455\n99999\n27000\n\nwid get\nwidget\nx\n2.0\n5\n1-jan-2020\n31-dec-2099\nyes\n\
        SUPERSEED\nNOTICE=two words\n\n\n\n";
    let output = desk.answer(&["new", "--key", "acmed.key", "--ask", "--sn", "7", "-o", "a.lic"], answers);
    let asked = said(&output);
    assert!(output.status.success(), "{asked}");
    for reason in ["not a port", "use letters", "not a number with", "has passed", "did you mean SUPERSEDE?"]
    {
        assert!(asked.contains(reason), "{reason}: {asked}");
    }
    assert_eq!(
        words(&desk.get("a.lic")),
        "SERVER this_host 001122334455 27000 VENDOR acmed \
         INCREMENT widget acmed 2.0 31-dec-2099 5 SN=7 NOTICE=\"two words\""
    );
    // An input that ends is an answer to nothing.
    for end in [b"".as_slice(), b"\n\n001122334455\n", &answers[..answers.len() - 1]] {
        let output = desk.answer(&["new", "--key", "acmed.key", "--ask", "-o", "b.lic"], end);
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains("nothing was written"), "{}", said(&output));
    }
    let no = desk.answer(
        &["new", "--demo", "--ask", "--feature", "w", "--hostid", "ANY", "-o", "b.lic"],
        b"\n\n\n\nno\n",
    );
    assert!(no.status.code() == Some(1) && said(&no).contains("nothing was written"), "{}", said(&no));
    assert!(!desk.names().contains(&"b.lic".to_owned()));
}

#[test]
fn templates_are_filled_and_their_mistakes_named() {
    let desk = Desk::with_key();
    let common = ["--set", "customer=A & Co", "--set", "version=1.0"];
    let cases: [(&str, &[&str], usize); 4] = [
        (
            "floating",
            &["--port", "27000", "--set", "feature=w", "--set", "count=5", "--set", "expiry=+1y"],
            1,
        ),
        ("node-locked", &["--set", "feature=w", "--set", "expiry=permanent"], 1),
        ("trial", &["--set", "feature=w"], 1),
        (
            "package",
            &[
                "--port",
                "27000",
                "--set",
                "package=p",
                "--set",
                "first=a",
                "--set",
                "second=b",
                "--set",
                "count=5",
                "--set",
                "expiry=+90d",
            ],
            2,
        ),
    ];
    for (name, own, lines) in cases {
        let path = format!("{TEMPLATES}/{name}.lic");
        let out = format!("{name}.lic");
        let mut arguments =
            vec!["new", "--key", "acmed.key", "--template", &path, "--hostid", HOSTID, "-o", &out];
        arguments.extend(common);
        arguments.extend(own);
        desk.good(&arguments);
        let verified = desk.good(&["verify", "--manifest", "acmed.vendor.toml", &out]);
        assert!(told(&verified).contains(&format!("{lines} good, 0 not good")), "{}", told(&verified));
        assert!(desk.get(&out).contains("A & Co"));
    }
    desk.put(
        "t.lic",
        "SERVER {host} ANY\nVENDOR {vendor}\nFEATURE f {vendor} 1.0 {expiry} {seats} AUTH={ {x} }\n",
    );
    let base = ["new", "--key", "acmed.key", "--template", "t.lic"];
    let with = |more: &[&'static str]| base.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>();
    let filled = ["--host", "h", "--set", "seats=3", "--set", "expiry=permanent"];
    let output = desk.good(&with(&filled));
    assert!(
        words(&told(&output)).ends_with("FEATURE f acmed 1.0 permanent 3 AUTH={ {x} }"),
        "{}",
        told(&output)
    );
    desk.bad(&with(&filled[..4]), 1, "t.lic:3:24: placeholder {expiry} has no value");
    desk.bad(&with(&["--host", "h"]), 1, "t.lic:3:33: placeholder {seats} has no value");
    desk.bad(&with(&[&filled[..], &["--set", "colour=red"]].concat()), 1, "has no placeholder {colour}");
    desk.bad(&with(&[&filled[..], &["--sn", "1"]].concat()), 1, "has no placeholder {sn}");
    desk.bad(&with(&[&filled[..], &["--set", "vendor=other"]].concat()), 1, "vendor has a value of its own");
    desk.bad(&with(&[&filled[..], &["--set", "host=i"]].concat()), 1, "host is given twice");
    desk.bad(
        &with(&["--host", "h", "--set", "seats=3 SUPERSEDE", "--set", "expiry=permanent"]),
        1,
        "' ' can't stand",
    );
    desk.bad(&with(&["--host", "h", "--set", "seats=many", "--set", "expiry=permanent"]), 1, "L0507");
}

/// Section 6 of docs/publisher.md, step by step.
#[test]
fn a_key_is_rotated_as_the_page_says() {
    let desk = Desk::with_key();
    let key_id = |name: &str| {
        let text = desk.get(name);
        text.lines().find_map(|line| line.strip_prefix("id ")).unwrap().to_owned()
    };
    desk.good(&[
        "new",
        "--key",
        "acmed.key",
        "--hostid",
        HOSTID,
        "--feature",
        "widget:1.0:5:31-dec-2099",
        "-o",
        "app.lic",
    ]);
    let first = desk.get("acmed.vendor.toml");
    std::fs::create_dir(desk.dir().join("new")).unwrap();
    desk.good(&["keygen", "--vendor", "acmed", "--out", "new"]);
    let (old, new) = (key_id("acmed.key"), key_id("new/acmed.key"));
    let rotate = [
        "rotate",
        "--manifest",
        "acmed.vendor.toml",
        "--key",
        "new/acmed.key",
        "--retire-old",
        "30-jun-2099",
    ];
    let output = desk.good(&rotate);
    let text = told(&output);
    assert!(text.contains(&format!("key {old} retires: its signatures count through 30-jun-2099")), "{text}");
    assert!(
        text.find("FIRST put the new public key").unwrap() < text.find("lmcrypt resign").unwrap(),
        "{text}"
    );
    assert_eq!(desk.get("acmed.vendor.toml.bak"), first);
    desk.bad(&rotate, 1, "nothing to change");

    let keys = told(&desk.good(&["keys", "acmed.vendor.toml", "new/acmed.key"]));
    assert!(
        keys.contains(&format!("{old} ed25519 verifies, retires: its signatures count through 30-jun-2099")),
        "{keys}"
    );
    assert!(keys.contains(&format!("{new} ed25519 signs")), "{keys}");
    let secret = desk.get("new/acmed.key");
    let secret = secret.lines().find_map(|line| line.strip_prefix("secret ")).unwrap();
    assert!(!format!("{text}{keys}{}", said(&output)).contains(secret), "the secret was printed");

    let verify = ["verify", "--manifest", "acmed.vendor.toml", "app.lic"];
    let verified = told(&desk.good(&verify));
    assert!(verified.contains(&format!("good through 30-jun-2099, when key {old} retires")), "{verified}");
    let before = words(&desk.get("app.lic"));
    let resign = ["resign", "--manifest", "acmed.vendor.toml", "--key", "new/acmed.key", "-i", "app.lic"];
    assert!(said(&desk.good(&resign)).contains("1 line(s) signed"));
    assert_eq!(words(&desk.get("app.lic")), before);
    let verified = told(&desk.good(&verify));
    assert!(verified.contains(&format!("good, key {new}")), "{verified}");
    let signed = desk.get("app.lic");
    assert!(said(&desk.good(&resign)).contains("0 line(s) signed") && desk.get("app.lic") == signed);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(desk.dir().join("new/acmed.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn resign_launders_nothing() {
    let desk = Desk::with_key();
    let text = "SERVER h 001122334455\r\nVENDOR acmed\r\nINCREMENT a acmed 1.0 permanent 1 SN=1 # one\r\n\
        INCREMENT b acmed 1.0 permanent 1 SN=2\r\nPACKAGE p acmed 1.0 COMPONENTS=\"a b\"\r\n";
    desk.put("plain.lic", text);
    desk.good(&["sign", "--key", "acmed.key", "plain.lic", "-o", "good.lic"]);
    std::fs::create_dir(desk.dir().join("new")).unwrap();
    desk.good(&["keygen", "--vendor", "acmed", "--out", "new"]);
    let base = ["resign", "--manifest", "acmed.vendor.toml", "--key", "new/acmed.key"];
    let with = |more: &[&'static str]| base.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>();

    desk.put("forged.lic", &desk.get("good.lic").replacen("permanent 1 SN=2", "permanent 9 SN=2", 1));
    desk.bad(&with(&["forged.lic"]), 248, "does not fit the line: its signed part was edited: refused");
    desk.bad(&with(&["plain.lic"]), 248, "plain.lic:3: INCREMENT a: the line has no SIGN");
    // One bad file keeps the good one from being written.
    let good = desk.get("good.lic");
    desk.bad(&with(&["-i", "good.lic", "forged.lic"]), 248, "forged.lic:");
    assert_eq!(desk.get("good.lic"), good);
    desk.bad(&with(&["good.lic", "forged.lic"]), 1, "use -i");
    let output = desk.good(&with(&["--skip-bad", "forged.lic", "-o", "half.lic"]));
    assert!(
        said(&output).contains("left as it is") && said(&output).contains("2 line(s) signed"),
        "{}",
        said(&output)
    );
    let forged = desk.get("forged.lic");
    let kept = &forged[forged.find("INCREMENT b").unwrap()..forged.find("PACKAGE").unwrap()];
    assert!(desk.get("half.lic").contains(kept));
    desk.bad(&with(&["--skip-bad", "plain.lic"]), 1, "has no good line of vendor acmed");

    // A key that has retired still vouches.
    let days =
        ["rotate", "--manifest", "acmed.vendor.toml", "--key", "new/acmed.key", "--retire-old", "1-jan-2020"];
    assert!(said(&desk.good(&days)).contains("that day has passed"));
    let verified = desk.run(&["verify", "--manifest", "acmed.vendor.toml", "good.lic"]);
    assert!(
        verified.status.code() == Some(248) && told(&verified).contains("(-8,106)"),
        "{}",
        told(&verified)
    );
    let output = desk.good(&with(&["good.lic", "-o", "again.lic"]));
    assert!(
        said(&output).contains("which retired: its signatures counted through 1-jan-2020; signed again"),
        "{}",
        said(&output)
    );
    assert_eq!(words(&desk.get("again.lic")), words(&desk.get("plain.lic")));
    assert!(desk.get("again.lic").contains("# one\r\n"));

    // To another machine, by the publisher alone.
    let output = desk.good(&with(&["good.lic", "--hostid", "66:77:88:99:aa:bb", "-o", "moved.lic"]));
    assert!(said(&output).contains("SERVER hostid 001122334455 is now 66778899aabb"), "{}", said(&output));
    assert!(desk.get("moved.lic").starts_with("SERVER h 66778899aabb\r\nVENDOR acmed\r\n"));
    let verified = desk.good(&["verify", "--manifest", "acmed.vendor.toml", "moved.lic"]);
    assert!(told(&verified).contains("3 good, 0 not good"), "{}", told(&verified));
    desk.put("edited.lic", &desk.get("good.lic").replacen("001122334455", "66778899aabb", 1));
    desk.bad(&with(&["edited.lic", "--hostid", "ANY"]), 248, "does not fit the line");
    desk.bad(&with(&["good.lic", "--hostid", "DEMO"]), 1, "--hostid");
    desk.put(
        "two.lic",
        &(desk.get("good.lic") + "INCREMENT c other 1.0 permanent 1 SIGN=\"1\"\r\nVENDOR other\r\n"),
    );
    desk.bad(&with(&["two.lic", "--hostid", "ANY"]), 1, "is of vendor other");
}

/// Runs every command of sections 5 and 6 of docs/publisher.md, in their order.
#[cfg(unix)]
#[test]
fn the_pages_commands_work() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/publisher.md")).unwrap().replace("\\\n", "");
    let sections = &page[page.find("\n## 5.").unwrap()..];
    let desk = Desk::with_key();
    std::os::unix::fs::symlink(root.join("testdata"), desk.dir().join("testdata")).unwrap();
    let mut ran = 0;
    for command in sections.lines().filter_map(|line| line.trim_start().strip_prefix("$ ")) {
        let script = format!("seatkeeper() {{ '{PROGRAM}' \"$@\"; }}\n{command}");
        let shell = Command::new("sh").args(["-c", &script]).current_dir(desk.dir()).output().unwrap();
        assert!(shell.status.success(), "{command}: {}", said(&shell));
        ran += 1;
    }
    assert_eq!(ran, 10, "commands of the page");
    let moved = desk.good(&["verify", "--manifest", "acmed.vendor.toml", "moved.lic", "customer.lic"]);
    assert!(told(&moved).contains("2 good, 0 not good"), "{}", told(&moved));
}
