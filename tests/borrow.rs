//! Borrowing with real processes: vendor daemons, applications that run off line, lmborrow; and the client library where a test needs
//! another machine or publisher.
#![cfg(all(feature = "server", feature = "cli"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/moved_clock.rs"]
mod moved_clock;
#[path = "support/shim.rs"]
mod shim;
#[path = "support/signed.rs"]
mod signed;
#[path = "support/system.rs"]
mod system;

#[path = "borrow/clocks.rs"]
mod clocks;
#[path = "borrow/cut_wire.rs"]
mod cut_wire;
#[path = "borrow/debug_log.rs"]
mod debug_log;
#[path = "borrow/library.rs"]
mod library;
#[path = "borrow/lost_answer.rs"]
mod lost_answer;
#[path = "borrow/orders.rs"]
mod orders;
#[path = "borrow/rules.rs"]
mod rules;
#[path = "borrow/store.rs"]
mod store;
#[path = "borrow/tool.rs"]
mod tool;
#[path = "borrow/whole.rs"]
mod whole;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use daemon::{Daemon, until};
use moved_clock::MovedClock;
use seatkeeper::time::Timestamp;
use system::PROGRAM;

/// Licenses that can be borrowed for two days, one of them for ever in use by nobody else.
const LICENSE: &str = "SERVER this_host ANY 27000\nVENDOR LGS\nFEATURE one LGS 1.0 permanent 1 BORROW=48\n\
     FEATURE many LGS 2.0 permanent 10 BORROW\nFEATURE plain LGS 1.0 permanent 1\n";

/// A server and a laptop; each goes by the clock if there is one.
struct Site {
    dir: tempfile::TempDir,
    clock: Option<MovedClock>,
}

impl Site {
    fn new(license: &str) -> Self {
        Self::on(license, "", None)
    }

    fn on(license: &str, options: &str, clock: Option<MovedClock>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("test.lic"), signed::sign(license)).unwrap();
        if !options.is_empty() {
            std::fs::write(dir.path().join("LGS.opt"), options).unwrap();
        }
        Self { dir, clock }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A port that stays the daemon's over restarts.
    fn serve(&self) -> Daemon {
        self.serve_at(0)
    }

    fn serve_at(&self, port: u16) -> Daemon {
        self.serve_with(port, &[])
    }

    fn serve_zone(&self, zone: &str) -> Daemon {
        self.serve_with(0, &["--zone", zone])
    }

    fn serve_with(&self, port: u16, more: &[&str]) -> Daemon {
        let port = port.to_string();
        let rule = |command: &mut Command| self.rule(command);
        let (options, vendors) = (self.path("LGS.opt"), self.dir.path().to_str().unwrap());
        let mut arguments = vec!["--port", &port, "--vendor-dir", vendors];
        arguments.extend(more);
        if options.exists() {
            arguments.extend(["--options", options.to_str().unwrap()]);
        }
        Daemon::start(&self.path("test.lic"), &self.path("state"), &arguments, rule).unwrap()
    }

    fn rule(&self, command: &mut Command) {
        if let Some(clock) = &self.clock {
            clock.rule(command);
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.as_ref().map_or_else(daemon::now, MovedClock::now)
    }

    fn borrows(&self) -> PathBuf {
        self.path("borrow")
    }

    /// The program as this laptop's user calls it.
    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .env("SEATKEEPER_BORROW_DIR", self.borrows())
            .env("TZ", "UTC")
            .env("DISPLAY", ":7")
            .env_remove("LM_BORROW")
            .env_remove("LM_LICENSE_FILE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self.rule(&mut command);
        command
    }

    fn tool(&self, arguments: &[&str]) -> Output {
        self.program(arguments).output().unwrap()
    }

    fn lmborrow(&self, arguments: &[&str]) -> Output {
        self.tool(&[&["lmborrow"], arguments].concat())
    }

    /// `seatkeeper run` of a shell script.
    fn command(&self, port: u16, feature: &str, arguments: &[&str], script: &str) -> Command {
        let place = format!("{port}@127.0.0.1");
        let version = if feature == "many" || feature == "fx" { "2.0" } else { "1.0" };
        let head = ["run", "-c", &place, "-f", feature, version];
        self.program(&[&head[..], arguments, &["--", "sh", "-c", script]].concat())
    }

    /// Whether an application gets its license: 0, or the number of the refusal.
    fn run(&self, port: u16, feature: &str) -> i32 {
        number(&self.command(port, feature, &[], "true").output().unwrap())
    }

    /// A value of LM_BORROW so many hours from now, to the minute.
    fn order(&self, hours: i64) -> String {
        self.order_for(hours * 60)
    }

    fn order_for(&self, minutes: i64) -> String {
        let at = |ms: i64| jiff::Timestamp::from_millisecond(ms).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
        let now = self.now().0;
        let (today, end) = (at(now), at(now + minutes * 60_000));
        let day = |at: &jiff::Zoned| at.strftime("%-d-%b-%Y").to_string().to_lowercase();
        format!("{}:LGS:{}:{}", day(&today), day(&end), end.strftime("%H:%M"))
    }

    /// Runs an application with LM_BORROW: 0, or the number of the refusal.
    fn borrow(&self, port: u16, feature: &str, order: &str) -> i32 {
        number(&self.borrowing(port, feature, order, &[]))
    }

    fn borrowing(&self, port: u16, feature: &str, order: &str, arguments: &[&str]) -> Output {
        self.command(port, feature, arguments, "true").env("LM_BORROW", order).output().unwrap()
    }

    /// An application that holds its license until the file `end` is there.
    fn hold(&self, port: u16, feature: &str) -> Child {
        let script = "echo > runs.$$; while [ ! -e end ]; do sleep 0.05; done";
        let before = self.running();
        let child = self.command(port, feature, &[], script).spawn().unwrap();
        until("the application to run", || self.running() > before);
        child
    }

    fn running(&self) -> usize {
        let names = std::fs::read_dir(self.dir.path()).unwrap();
        names.filter(|it| it.as_ref().unwrap().file_name().to_string_lossy().starts_with("runs.")).count()
    }

    /// The file of the only borrow.
    fn record(&self) -> PathBuf {
        let mut found = records(&self.borrows());
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }
}

fn records(dir: &Path) -> Vec<PathBuf> {
    files(dir, "borrow")
}

fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let names = std::fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path());
    names.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
}

/// 0, or the number of the refusal that the exit status tells.
fn number(output: &Output) -> i32 {
    match output.status.code().expect("it ends by itself") {
        0 => 0,
        status => status - 256,
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
