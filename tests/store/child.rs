//! What this test binary does when it runs again as a child process.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use seatkeeper::platform::StateLock;

use super::forgetful_disk::ForgetfulDisk;
use super::*;

const TASK: &str = "STORE_TEST_TASK";
const DIR: &str = "STORE_TEST_DIR";

/// Not a test of its own: the task of a child, if this process is one.
#[test]
fn child_process() {
    let (Ok(task), Ok(dir)) = (std::env::var(TASK), std::env::var(DIR)) else {
        return;
    };
    let dir = Path::new(&dir);
    match task.as_str() {
        "commit" => commit_for_ever(dir),
        "lock" => {
            let _lock = StateLock::try_acquire(dir).unwrap();
            say("locked");
            std::thread::sleep(PATIENCE);
        }
        "write" | "write and sync" => {
            let mut file = std::fs::File::create(dir.join("file")).unwrap();
            file.write_all(b"hello").unwrap();
            if task == "write and sync" {
                file.sync_data().unwrap();
            }
            file.write_all(b" world").unwrap();
            assert_eq!(std::fs::read(dir.join("file")).unwrap(), b"hello world");
            assert_eq!(file.metadata().unwrap().len(), 11);
            say("written");
            std::thread::sleep(PATIENCE);
        }
        other => panic!("{other}"),
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever listened may have heard enough.
    let _ = writeln!(out, "> {line}").and_then(|()| out.flush());
}

/// Commits as a daemon would, one to three records at a time and snapshots between, and says what is reported.
fn commit_for_ever(dir: &Path) {
    let (store, loaded, reports) = loop {
        match try_open(quick(dir)) {
            Ok(opened) => break opened,
            Err(error) => {
                say(&format!("{} {error}", if error.retry() { "waiting" } else { "failed" }));
                assert!(error.retry());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    };
    let snapshot = loaded.snapshot.map_or(0, |snapshot| snapshot.through.0);
    let mut durable = loaded.records.map(|record| record.unwrap().last().0).last().unwrap_or(snapshot);
    say(&format!("opened {durable}"));
    loop {
        let count = 1 + durable % 3;
        let user = format!("user{}", durable % 50);
        let records: Vec<Record> = (durable + 1..=durable + count).map(|seq| out(seq, &user)).collect();
        store.submit(records).unwrap();
        if durable % 40 == 0 {
            let bytes = vec![7; 300_000];
            store.put_snapshot(store::Snapshot { through: Seq(durable), bytes });
        }
        loop {
            match reports.recv().unwrap() {
                Report::Committed(records) => {
                    durable = records.last().unwrap().last().0;
                    say(&format!("committed {durable}"));
                    break;
                }
                Report::RolledBack { reason } => {
                    say(&format!("rolled back {reason}"));
                    assert_eq!(store.submit(vec![out(1, "ann")]), Err(SubmitError::RolledBack));
                    assert!(!store.restart());
                }
                Report::Recovered => {
                    say("recovered");
                    assert!(store.restart());
                    break;
                }
                Report::Fatal { reason } => {
                    say(&format!("fatal {reason}"));
                    std::thread::sleep(PATIENCE);
                }
                Report::Snapshot { .. } => {}
            }
        }
    }
}

/// A running child; killed when dropped.
pub(crate) struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn start(task: &str, dir: &Path, disk: Option<&ForgetfulDisk>, more: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child::child_process", "--nocapture"]).env(TASK, task).env(DIR, dir);
        command.envs(more.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped());
        if let Some(disk) = disk {
            disk.mount(&mut command);
        }
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next thing it says, without the mark.
    pub(crate) fn next(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "the child has ended");
            // The test harness of the child talks too, in front of the first line.
            if let Some((_, said)) = line.trim_end().split_once("> ") {
                return said.to_owned();
            }
        }
    }

    /// Listens until it says something that begins so, and returns the rest of that line. What it said to be committed
    /// on the way raises `committed`.
    pub(crate) fn wait_for(&mut self, beginning: &str, committed: &mut u64) -> String {
        loop {
            let said = self.next();
            if let Some(seq) = said.strip_prefix("committed ") {
                *committed = seq.parse().unwrap();
            }
            if let Some(rest) = said.strip_prefix(beginning) {
                return rest.trim_start().to_owned();
            }
            assert!(!said.starts_with("failed"), "{said}");
        }
    }

    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
