//! lmhostid on the machine that runs the test, whatever that has.

use crate::signed::sign;
use crate::system::{System, free_port, printed, tool};

fn run(arguments: &[&str]) -> std::process::Output {
    let dir = tempfile::tempdir().unwrap();
    tool(dir.path(), arguments)
}

/// Every hostid of this machine that a SERVER line may name.
fn machine_hostids() -> Vec<String> {
    let output = run(&["lmhostid", "--all", "--format", "json"]);
    assert!(output.status.success(), "{output:?}");
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let of_machine = |it: &&serde_json::Value| !["user", "display"].contains(&it["kind"].as_str().unwrap());
    let hostids = all["hostids"].as_array().unwrap().iter().filter(of_machine);
    hostids.map(|it| it["hostid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_classic_forms() {
    let output = run(&["lmutil", "lmhostid", "-hostname"]);
    let text = printed(&output);
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let sentence = format!("The host ID of this machine is \"HOSTNAME={}\"\n", name.trim());
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert!(text.starts_with("lmutil - Copyright (c) ") && text.ends_with(&sentence), "{text}");

    let output = run(&["lmhostid", "-n", "-utf8", "-hostname"]);
    assert_eq!(printed(&output), format!("HOSTNAME={}\n", name.trim()));

    let output = run(&["lmhostid", "-hostname", "-user"]);
    let text = printed(&output);
    assert!(text.contains(" is \"\"HOSTNAME=") && text.contains(" USER="), "{text}");
    assert!(text.ends_with("\"\"\nOnly use ONE from the list of hostids.\n"), "{text}");
}

#[test]
fn what_the_machine_lacks_is_a_sentence_and_a_status() {
    for arguments in [["lmhostid", "-flexid"], ["lmhostid", "-string"]] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("not supported") && !error.contains("usage"), "{error}");
    }
    let output = run(&["lmhostid", "-ptype", "MOON", "-uuid"]);
    assert_eq!(output.status.code(), Some(1));
    // Each kind is either there, or missed with a reason.
    for (arguments, begin) in [
        (&["-ether"][..], ""),
        (&["-long"], ""),
        (&["-internet"], "INTERNET="),
        (&["-display"], "DISPLAY="),
        (&["-hostdomain"], "HOSTNAME="),
        (&["-vsn"], "DISK_SERIAL_NUM="),
        (&["-container_id"], "CONTAINER_ID="),
        (&["-ptype", "VM", "-uuid"], "VM_UUID="),
    ] {
        let output = run(&[&["lmhostid", "-n"], arguments].concat());
        let (text, error) = (printed(&output), String::from_utf8(output.stderr.clone()).unwrap());
        if output.status.success() {
            assert!(error.is_empty() && text.starts_with(begin) && text.len() > 8, "{arguments:?} {text}");
        } else {
            assert_eq!((output.status.code(), &*text), (Some(1), ""), "{arguments:?}");
            assert!(error.starts_with("lmhostid: Th") && error.ends_with(".\n"), "{arguments:?} {error}");
        }
    }
}

#[test]
fn the_explanation_recommends_a_server_line() {
    let output = run(&["lmutil", "lmhostid", "-explain"]);
    let text = printed(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("\nHOSTID ") && text.contains("  WHY\n"), "{text}");
    let line = text.lines().last().unwrap().split_once("would be: ").unwrap().1;
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!((words[0], words[3]), ("SERVER", "27000"), "{line}");
    assert!(machine_hostids().contains(&words[2].to_owned()), "{line}");
}

#[test]
fn a_server_serves_a_file_for_each_of_its_hostids_and_no_other() {
    // One of each kind, and for addresses a pattern.
    let mut wanted: Vec<String> = Vec::new();
    for hostid in machine_hostids() {
        let kind =
            |text: &str| text.split_once('=').map_or(text.len().to_string(), |(name, _)| name.to_owned());
        if !wanted.iter().any(|known| kind(known) == kind(&hostid)) {
            wanted.push(hostid);
        }
    }
    let pattern = |text: &String| {
        let (network, _) = text.strip_prefix("INTERNET=")?.rsplit_once('.')?;
        Some(format!("INTERNET={network}.*"))
    };
    let patterns: Vec<String> = wanted.iter().filter_map(pattern).collect();
    for hostid in wanted.iter().chain(&patterns) {
        let license =
            format!("SERVER this_host {hostid} {{port}}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 1\n");
        let system = System::start(&license, &[]);
        let text = printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
        assert!(
            text.contains("Users of solver:  (Total of 1 license issued"),
            "{hostid}\n{text}\n{}",
            system.log_so_far()
        );
    }
    // Signed like the others, but for somebody else: nothing is left to serve.
    let dir = tempfile::tempdir().unwrap();
    let license = format!(
        "SERVER this_host DISK_SERIAL_NUM=nobody-has-this {}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 1\n",
        free_port()
    );
    std::fs::write(dir.path().join("test.lic"), sign(&license)).unwrap();
    let arguments = ["lmgrd", "-z", "-c", "test.lic", "--state-dir", "state", "--listen", "127.0.0.1"];
    let output = tool(dir.path(), &arguments);
    assert!(!output.status.success());
    assert!(
        printed(&output).contains("machine with hostid DISK_SERIAL_NUM=nobodyhasthis; this machine has ")
    );
}
