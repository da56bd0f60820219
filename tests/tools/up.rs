//! `seatkeeper up`: the first command that anybody tries.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use crate::daemon::{PATIENCE, signal};
use crate::system::{PROGRAM, listens, printed, tool};

#[test]
fn it_serves_the_demo_license_says_what_to_try_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(PROGRAM)
        .args(["up", "--port", "0", "--vendor-port", "0"])
        .current_dir(dir.path())
        .env("TMPDIR", dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (lines, said) = mpsc::channel();
    let output = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        BufReader::new(output).lines().map_while(Result::ok).for_each(|line| {
            let _ = lines.send(line);
        });
    });
    let next = |mark: &str| loop {
        let line = said.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{mark:?} is not said"));
        if line.contains(mark) {
            return line;
        }
    };
    let lmstat = next("lmutil lmstat -a -c ");
    let run = next(" run -c ");
    let lmdown = next("lmutil lmdown -c ");
    let words = |line: &str| line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let call = |words: &[String]| {
        Command::new(PROGRAM).args(words).current_dir(dir.path()).stdin(Stdio::null()).output().unwrap()
    };
    assert!(lmstat.trim_start().starts_with(PROGRAM), "{lmstat}");
    let output = call(&words(&lmstat));
    assert!(output.status.success() && printed(&output).contains("Users of cad_design:"));
    let mut held = words(&run);
    let sleep = held.iter().position(|word| word == "--").unwrap();
    held.truncate(sleep + 1);
    held.push("true".to_owned());
    assert!(call(&held).status.success(), "{run}");
    signal(child.id(), "INT");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    reader.join().unwrap();
    let port = lmdown.split('@').next().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(!listens(port));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "something is left behind");
}

#[test]
fn a_taken_port_is_named_with_the_option_that_chooses_another() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, option) in [
        (["up", "--port", &port, "--vendor-port", "0"], "--port N"),
        (["up", "--port", "0", "--vendor-port", &port], "--vendor-port N"),
    ] {
        let output = tool(dir.path(), &arguments);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(&port) && said.contains(option), "{said}");
        assert!(output.stdout.is_empty(), "it began to start");
    }
}
