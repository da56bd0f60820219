//! The search path as real programs follow it (`flexnet-files.md` 2, cases P01 to P06; P03 in `floating.rs`, P10 in
//! tests/application/path.rs). P07 to P09 are of three servers that stand for one another, which are not served yet.

use std::process::{Command, Output, Stdio};

use crate::system::{PROGRAM, System, free_port, printed};

const ONE: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 1\n";

/// A client with these variables and nothing else of the path; the home directory is the first system's.
fn program(system: &System, variables: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(system.dir.path()).stdin(Stdio::null());
    for name in ["SEATKEEPER_LICENSE_FILE", "LGS_LICENSE_FILE", "LM_LICENSE_FILE"] {
        command.env_remove(name);
    }
    command.env("HOME", system.dir.path()).envs(variables.iter().copied());
    command
}

/// Asks for the one seat, and gives it back.
fn checkout(system: &System, variables: &[(&str, &str)], feature: &str) -> Output {
    program(system, variables, &["run", "-f", feature, "1.0", "--", "true"]).output().unwrap()
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The log of each system has so many checkouts.
fn has_outs(systems: [(&System, usize); 2]) {
    for (system, wanted) in systems {
        let log = system.log_until_now();
        assert_eq!(log.matches("(LGS) OUT: ").count(), wanted, "{log}");
    }
}

#[test]
fn case_p01_the_vendors_variable_is_asked_first_then_the_common_one() {
    let (a, b) = (System::start(ONE, &[]), System::start(ONE, &[]));
    let (at_a, at_b) = (a.place(), b.place());
    let variables = [("LGS_LICENSE_FILE", &*at_a), ("LM_LICENSE_FILE", &*at_b)];
    let output = checkout(&a, &variables, "solver");
    assert!(output.status.success(), "{}", error(&output));
    has_outs([(&a, 1), (&b, 0)]);
    // Nothing is left at the first, so the second grants.
    let mut ann = a.line_session("ann");
    assert!(ann.ask("CHECKOUT solver 1.0").starts_with("OK"));
    let output = checkout(&a, &variables, "solver");
    assert!(output.status.success(), "{}", error(&output));
    has_outs([(&a, 2), (&b, 1)]);
    // The variable of another vendor means nothing here.
    let output = checkout(&a, &[("OTHER_LICENSE_FILE", &at_b)], "solver");
    assert!(error(&output).contains("/usr/local/flexlm/licenses/license.dat"), "{}", error(&output));
}

#[test]
fn variables_may_stand_in_the_home_directory_but_the_environment_wins() {
    let (a, b) = (System::start(ONE, &[]), System::start(ONE, &[]));
    let kept = format!("LM_LICENSE_FILE={}\n", a.place());
    std::fs::write(a.dir.path().join(".flexlmrc"), &kept).unwrap();
    assert!(checkout(&a, &[], "solver").status.success());
    has_outs([(&a, 1), (&b, 0)]);
    assert!(checkout(&a, &[("LM_LICENSE_FILE", &b.place())], "solver").status.success());
    has_outs([(&a, 1), (&b, 1)]);
    let now = std::fs::read_to_string(a.dir.path().join(".flexlmrc")).unwrap();
    assert_eq!(now, kept, "a checkout writes nothing there");
}

#[test]
fn case_p02_a_directory_stands_for_its_lic_files() {
    let (a, b) = (System::start(ONE, &[]), System::start(ONE, &[]));
    let dir = a.dir.path().join("licenses");
    std::fs::create_dir(&dir).unwrap();
    let server = |port: u16| format!("SERVER localhost ANY {port}\nUSE_SERVER\n");
    std::fs::write(dir.join("x.lic"), server(free_port())).unwrap();
    std::fs::write(dir.join("y.lic"), server(b.port)).unwrap();
    std::fs::write(dir.join("z.txt"), server(a.port)).unwrap();
    let output = checkout(&a, &[("LM_LICENSE_FILE", dir.to_str().unwrap())], "solver");
    assert!(output.status.success(), "{}", error(&output));
    has_outs([(&a, 0), (&b, 1)]);
    // What is in no *.lic is not asked, though it alone has a seat.
    std::fs::remove_file(dir.join("y.lic")).unwrap();
    let output = checkout(&a, &[("LM_LICENSE_FILE", dir.to_str().unwrap())], "solver");
    assert_eq!(output.status.code(), Some(256 - 15), "{}", error(&output));
    has_outs([(&a, 0), (&b, 1)]);
}

#[test]
fn case_p04_a_triad_is_one_entry_before_the_next() {
    let system = System::start(ONE, &[]);
    let ports = [free_port(), free_port(), free_port()];
    let triad = ports.map(|port| format!("{port}@localhost")).join(",");
    let path = format!("{triad}:{}", system.place());
    let output = checkout(&system, &[("LM_LICENSE_FILE", &path)], "solver");
    assert!(output.status.success(), "{}", error(&output));
    // One member of the triad is enough to be asked.
    let path = format!("{}@localhost,{}@localhost,{}", ports[0], ports[1], system.place());
    let output = checkout(&system, &[("LM_LICENSE_FILE", &path)], "solver");
    assert!(output.status.success(), "{}", error(&output));
    // The error tells of entries, not of members.
    let output = checkout(&system, &[("LM_LICENSE_FILE", &format!("{triad}:0@d"))], "solver");
    let said = error(&output);
    assert!(said.contains(&format!("License path:  {triad}:0@d:")), "{said}");
}

#[test]
fn case_p05_an_explicit_path_leaves_the_variables_out() {
    let (a, b) = (System::start(ONE, &[]), System::start(ONE, &[]));
    let (at_a, at_b) = (a.place(), b.place());
    let variables =
        [("LM_LICENSE_FILE", &*at_b), ("SEATKEEPER_LICENSE_FILE", &*at_b), ("LGS_LICENSE_FILE", &*at_b)];
    let output = program(&a, &variables, &["lmutil", "lmstat", "-c", &at_a]).output().unwrap();
    let text = printed(&output);
    assert!(text.contains(&at_a) && !text.contains(&at_b), "{text}");
    let run = ["run", "-c", &at_a, "-f", "solver", "1.0", "--", "true"];
    assert!(program(&a, &variables, &run).output().unwrap().status.success());
    has_outs([(&a, 1), (&b, 0)]);
}

#[test]
fn case_p06_a_client_reads_no_feature_behind_use_server_and_asks_the_server() {
    let system = System::start(ONE, &[]);
    let local = |name: &str| format!("FEATURE {name} LGS 1.0 permanent uncounted HOSTID=ANY\n");
    let text = format!("{}{}", local("before"), local("behind"));
    let signed = crate::signed::sign(&format!("SERVER localhost ANY {}\n{text}", system.port));
    let (head, behind) = signed.split_at(signed.find("FEATURE behind").unwrap());
    let file = system.dir.path().join("client.lic");
    std::fs::write(&file, format!("{head}USE_SERVER\n{behind}")).unwrap();
    let variables = [("LM_LICENSE_FILE", file.to_str().unwrap())];
    let output = checkout(&system, &variables, "solver");
    assert!(output.status.success(), "{}", error(&output));
    system.wait_for_log(&["OUT: \"solver\""]);
    // Before the line: served here. Behind it: not read, and the server does not have it.
    let output = checkout(&system, &variables, "before");
    assert!(output.status.success(), "{}", error(&output));
    let output = checkout(&system, &variables, "behind");
    assert_eq!(output.status.code(), Some(256 - 5), "{}", error(&output));
    system.wait_for_log(&["\"behind\""]);
    let log = system.log_until_now();
    assert!(!log.contains("\"before\""), "{log}");
}
