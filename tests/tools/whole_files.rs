//! The reference's cases that are about whole license files, their SERVER and VENDOR lines, and several files side by side:
//! L30, L46, L47, L49, L51, L54 and L58, each at a running server. The table of single lines is in `license_cases.rs`.

use std::path::Path;

use crate::daemon::{Wire, now};
use crate::signed::sign;
use crate::system::{System, complained, free_port, printed, tool};
use seatkeeper::wire::{Message, Purpose};

const HEAD: &str = "SERVER this_host ANY {port}\nVENDOR LGS\n";
/// What is served whatever becomes of the case's own files.
const FIRST: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE zz LGS 1.0 permanent 1\n";

/// A system that serves a directory beside its first file, which is empty yet.
fn system() -> System {
    System::start_prepared(FIRST, &["-c", "more"], |dir| std::fs::create_dir(dir.join("more")).unwrap())
}

/// Puts files into the directory, each line signed, and has everything reread; returns what lmreread said.
fn serve(system: &System, files: &[(&str, &str)]) -> String {
    serve_as(system, files, sign)
}

fn serve_as(system: &System, files: &[(&str, &str)], sign: impl Fn(&str) -> String) -> String {
    for (name, text) in files {
        let text = sign(&text.replace("{port}", &system.port.to_string()));
        std::fs::write(system.dir.path().join("more").join(name), text).unwrap();
    }
    let output = system.tool(&["lmreread", "--force", "-c", &system.place()]);
    assert!(output.status.success(), "{}", printed(&output));
    printed(&output)
}

/// What a new client hears: 0, or the number of the refusal.
fn ask(system: &System, user: &str, what: &str) -> i32 {
    let answer = system.line_session(user).ask(&format!("CHECKOUT {what}"));
    match answer.strip_prefix("ERR ") {
        Some(refusal) => refusal.split(',').next().unwrap().parse().unwrap(),
        None => {
            assert!(answer.starts_with("OK CHECKOUT "), "{answer}");
            0
        }
    }
}

fn lmstat(system: &System) -> String {
    printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]))
}

/// An lmgrd that has nothing but this file to serve: its exit status, and what it says.
fn alone(text: &str) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.lic"), sign(&text.replace("{port}", &free_port().to_string())))
        .unwrap();
    let arguments = ["lmgrd", "-z", "-c", "a.lic", "--state-dir", "state", "--listen", "127.0.0.1"];
    let output = tool(dir.path(), &arguments);
    (output.status.code(), printed(&output) + &complained(&output))
}

#[test]
fn case_l30_counted_lines_need_a_server() {
    let text = "FEATURE fx LGS 1.0 permanent 3\nFEATURE fy LGS 1.0 permanent uncounted HOSTID=ANY\n";
    let system = system();
    serve(&system, &[("b.lic", text)]);
    system.wait_for_log(&["more/b.lic: No SERVER lines in license file. (-13)"]);
    assert_eq!((ask(&system, "ann", "fx 1.0"), ask(&system, "ann", "zz 1.0")), (-5, 0));
    // A program that reads the file itself has the uncounted line and not the other.
    let run = |feature: &str| {
        let output = system.tool(&["run", "-c", "more/b.lic", "-f", feature, "1.0", "--", "true"]);
        (output.status.code(), complained(&output))
    };
    let (status, said) = run("fx");
    assert!(status == Some(256 - 18) && said.contains("fx refused (-13,"), "{status:?} {said}");
    assert_eq!(run("fy").0, Some(0));
    let (status, said) = alone(text);
    assert!(
        status == Some(256 - 13) && said.contains("No SERVER lines in license file"),
        "{status:?} {said}"
    );
}

#[test]
fn case_l46_three_servers_need_ports() {
    let servers =
        "SERVER a 0011aabbccdd {port}\nSERVER b 0011aabbccde\nSERVER c 0011aabbccdf {port}\nVENDOR LGS\n";
    let text = format!("{servers}FEATURE fx LGS 1.0 permanent 3\n");
    let system = system();
    serve(&system, &[("b.lic", &text)]);
    system.wait_for_log(&[
        "more/b.lic: the SERVER lines are not those of a server; the file is left out. (-2)",
    ]);
    assert_eq!((ask(&system, "ann", "fx 1.0"), ask(&system, "ann", "zz 1.0")), (-5, 0));
    let (status, said) = alone(&text);
    assert!(status == Some(256 - 2) && said.contains("the SERVER lines are not those"), "{status:?} {said}");
    // With all ports it is what cases P07 to P09 are about, which is told to be not served.
    let triad = text.replace("0011aabbccde", "0011aabbccde {port}");
    let (status, said) = alone(&triad);
    assert!(
        status == Some(256 - 85) && said.contains("three-server redundancy is not served"),
        "{status:?} {said}"
    );
}

/// A system with this VENDOR line, on which `{dir}` stands for a directory with `a.opt`.
fn with_vendor_line(dir: &Path, line: &str) -> System {
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join("a.opt"), "EXCLUDE fx USER ann\n").unwrap();
    let line = line.replace("{dir}", dir.to_str().unwrap());
    System::start(&format!("SERVER this_host ANY {{port}}\n{line}\nFEATURE fx LGS 1.0 permanent 3\n"), &[])
}

#[test]
fn case_l47_three_ways_to_write_a_vendor_line() {
    let place = tempfile::tempdir().unwrap();
    for (line, folder, port) in [
        ("VENDOR LGS options={dir}/a.opt port={vendor}", "x", true),
        ("VENDOR LGS /bin/LGS {dir}/a.opt {vendor}", "x", true),
        ("DAEMON LGS \"/my bin/LGS\" OPTIONS=\"{dir}/a.opt\"", "x y", false),
    ] {
        let vendor = free_port();
        let line = line.replace("{vendor}", &vendor.to_string());
        let system = with_vendor_line(&place.path().join(folder), &line);
        let log = system.wait_for_log(&["LGS using TCP-port ", &format!("/{folder}/a.opt")]);
        assert_eq!((ask(&system, "ann", "fx 1.0"), ask(&system, "bob", "fx 1.0")), (-38, 0), "{line}\n{log}");
        assert_eq!(system.vendor_port() == vendor, port, "{line}");
        if !port {
            system.wait_for_log(&["program /my bin/LGS of the VENDOR line is ignored"]);
        }
    }
}

#[test]
fn case_l49_the_key_in_its_old_place_is_no_signature() {
    let text = format!("{HEAD}INCREMENT fx LGS 18 01-sep-2036 1 0A1B2C3D4E5F6071 DUP_GROUP=U SN=1\n");
    let system = system();
    serve_as(&system, &[("b.lic", &text)], str::to_owned);
    let answer = system.line_session("ann").ask("CHECKOUT fx 18");
    assert!(answer.starts_with("ERR -18,") && answer.contains("fx refused (-8,"), "{answer}");
    serve(&system, &[("b.lic", &text)]);
    // DUP_GROUP=U behind the key is read: both are one license.
    let (mut one, mut two) = (system.line_session("ann"), system.line_session("ann"));
    assert!(one.ask("CHECKOUT fx 18").starts_with("OK") && two.ask("CHECKOUT fx 18").starts_with("OK"));
    assert_eq!(ask(&system, "bob", "fx 18"), -4);
    let shown = lmstat(&system);
    assert!(
        shown.contains("Users of fx:  (Total of 1 license issued;  Total of 1 license in use)"),
        "{shown}"
    );
}

fn two_of(serial: u32) -> String {
    format!("{HEAD}INCREMENT fx LGS 1.0 permanent 2 SN={serial}\n")
}

#[test]
fn case_l51_equal_pools_of_two_files_are_one_and_the_first_file_is_used_first() {
    let system = system();
    serve(&system, &[("b.lic", &two_of(2)), ("a.lic", &two_of(1))]);
    let shown = lmstat(&system);
    assert!(shown.contains("Users of fx:  (Total of 4 licenses issued;"), "{shown}");
    let mut wire = Wire::connect(system.vendor_port()).unwrap();
    wire.hello("ann", Purpose::New, now()).unwrap().unwrap();
    // A grant names the lines that it stands on: one if that has so many licenses, else as many as it takes.
    for (token, count, expected) in [(1, 1, &["SN=1"][..]), (2, 3, &["SN=1", "SN=2"])] {
        let grant = wire.checkout(token, token - 1, "fx", count).unwrap().granted();
        let serials = grant.lines.iter().map(|line| match wire.ask(&Message::FetchLine(*line)).unwrap() {
            Message::Line(line) => line.canonical.lines().last().unwrap().to_owned(),
            other => panic!("{other:?}"),
        });
        assert_eq!(serials.collect::<Vec<_>>(), expected);
    }
    assert_eq!(wire.checkout(3, 2, "fx", 1).unwrap().number(), -4);
}

#[test]
fn case_l54_a_copied_line_counts_once_and_one_with_another_serial_number_adds() {
    let system = system();
    serve(&system, &[("a.lic", &two_of(1)), ("b.lic", &two_of(1))]);
    let (mut ann, mut bob) = (system.line_session("ann"), system.line_session("bob"));
    assert!(ann.ask("CHECKOUT fx 1.0 2").starts_with("OK"));
    assert!(bob.ask("CHECKOUT fx 1.0").starts_with("ERR -4,"));
    let log = system.log_until_now();
    let ignored =
        log.lines().find(|line| line.contains("b.lic:3: fx ignored")).unwrap_or_else(|| panic!("{log}"));
    assert!(ignored.contains("a.lic:3"), "{ignored}");
    let said = serve(&system, &[("b.lic", &two_of(2))]);
    assert!(said.contains("LGS: pool resized: fx 1, from 2 to 4\n"), "{said}");
    assert!(bob.ask("CHECKOUT fx 1.0 2").starts_with("OK"));
    assert!(bob.ask("CHECKOUT fx 1.0").starts_with("ERR -4,"));
}

#[test]
fn case_l58_a_file_for_another_machine_costs_itself() {
    let system = system();
    let other = "SERVER this_host 00112233ffff {port}\nVENDOR LGS\nFEATURE fx LGS 1.0 permanent 3\n";
    let ours = format!("{HEAD}FEATURE fy LGS 1.0 permanent 3\n");
    serve(&system, &[("a.lic", other), ("b.lic", &ours)]);
    assert_eq!((ask(&system, "ann", "fy 1.0"), ask(&system, "ann", "fx 1.0")), (0, -92));
    let log = system.log_until_now();
    let refused = log
        .lines()
        .find(|line| line.contains("SERVER this_host 00112233ffff refused (-92,"))
        .unwrap_or_else(|| panic!("{log}"));
    let own = printed(&system.tool(&["lmhostid"]));
    let own: Vec<&str> = own.split(['"', ' ', '\n']).filter(|word| word.len() == 12).collect();
    assert!(own.iter().any(|hostid| refused.contains(hostid)), "{own:?}\n{refused}");
}
