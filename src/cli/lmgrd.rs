//! `lmgrd`: arguments of the license manager (`flexnet-tools.md` 1.2).

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{Call, USAGE, print, print_error};
use crate::event::debug_log::MANAGER_TIMESTAMP_MIN;
use crate::lmgrd::{Config, LogFile, RestartPolicy, StartMode, run as run_lmgrd};
use crate::lmutil::{banner, version_line};
use crate::platform::process::{StartReporter, start_in_background};

/// Asks the child of a background start to report to its parent.
const REPORT_START: &str = "--report-start";

/// Longest wait for a restart that can be asked for.
const RESTART_DELAY_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Start the license manager: one port, and a vendor daemon for each VENDOR line
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// License files and directories, separated by colons [default: LM_LICENSE_FILE]
    #[arg(short = 'c', value_name = "LIST")]
    license_path: Vec<OsString>,
    /// Debug log; +PATH appends to it [default: standard output]
    #[arg(short = 'l', short_alias = 'L', value_name = "[+]PATH")]
    log: Option<OsString>,
    /// Stay in the foreground
    #[arg(short = 'z')]
    foreground: bool,
    /// With -p: only license administrators may use lmdown, lmreread and lmremove. They always have to prove the administrator's key here
    #[arg(short = '2')]
    administrators: bool,
    /// See -2
    #[arg(short = 'p')]
    privileged: bool,
    /// Allow lmdown, lmreread, lmremove, lmborrow -recall and lmclock accept from this machine only
    #[arg(long = "local")]
    local: bool,
    /// Refuse lmdown, lmreread or lmremove for everybody (can be repeated)
    #[arg(short = 'x', value_name = "COMMAND", value_parser = ["lmdown", "lmreread", "lmremove"])]
    refuse: Vec<String>,
    /// Write ISO 8601 dates before each log line
    #[arg(long = "datestamp")]
    datestamp: bool,
    /// Minutes between TIMESTAMP lines
    #[arg(short = 's', value_name = "MINUTES", num_args = 0..=1, default_missing_value = "360", value_parser = clap::value_parser!(u64).range(1..=525_600))]
    timestamp_min: Option<u64>,
    /// Accepted; means something for three servers only
    #[arg(short = 't', value_name = "SECONDS")]
    connect_s: Option<u32>,
    /// Accepted; the port can always be used again
    #[arg(long = "reuseaddr")]
    reuseaddr: bool,
    /// Accepted; logs are never written in a way that a slow disk could stop the server
    #[arg(long = "nfs_log")]
    nfs_log: bool,
    /// Directory of the history [default: STATE_DIRECTORY, or seatkeeper under XDG_STATE_HOME]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Directory with vendor manifests and with programs that VENDOR lines may name (can be repeated)
    #[arg(long, value_name = "DIR")]
    vendor_dir: Vec<PathBuf>,
    /// Reread license and options files by itself when they change
    #[arg(long)]
    watch: bool,
    /// Listen on this address alone
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<IpAddr>,
    /// Clock difference in seconds above which vendor daemons refuse clients as unreachable [default: 300]
    #[arg(long, value_name = "SECONDS")]
    clock_limit: Option<u64>,
    /// Clock difference in seconds above which their messages count as expired [default: 600]
    #[arg(long, value_name = "SECONDS")]
    clock_limit_expired: Option<u64>,
    /// Seconds before a vendor daemon that died is started again, doubled each time up to LONGEST
    #[arg(long, value_name = "SECONDS[:LONGEST]", default_value = "1:60", value_parser = parse_delays)]
    restart_delay: (Duration, Duration),
    /// Restarts within 10 minutes after which a vendor daemon is left down; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 10)]
    restart_limit: u32,
    /// Print the version
    #[arg(short = 'v', long = "version")]
    version: bool,
    #[arg(long = "report-start", hide = true)]
    report_start: bool,
}

fn parse_delays(text: &str) -> Result<(Duration, Duration), String> {
    let seconds = |part: &str| {
        part.parse()
            .ok()
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .filter(|wait| *wait <= RESTART_DELAY_MAX)
            .ok_or_else(|| format!("{part:?} is not a number of seconds up to a day"))
    };
    match text.split_once(':') {
        Some((first, longest)) => Ok((seconds(first)?, seconds(longest)?)),
        None => seconds(text).map(|first| (first, first.max(RestartPolicy::default().longest))),
    }
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    if args.version {
        print(&format!("{}\n{}\n", banner(&call.name), version_line(&call.name)));
        return 0;
    }
    if !args.foreground {
        return go_to_background(call);
    }
    let start = if args.report_start {
        match StartReporter::begin() {
            Ok(reporter) => StartMode::Background {
                reporter,
                log_is_file: args.log.is_some(),
                trace: std::env::var_os(super::trace::VARIABLE).is_some(),
            },
            Err(error) => {
                print_error(&format!("{}: standard input is not a way to the starter: {error}\n", call.name));
                return USAGE;
            }
        }
    } else {
        StartMode::Foreground
    };
    let tell = matches!(start, StartMode::Foreground) && args.log.is_some();
    let ending = run_lmgrd(config(args, call, start));
    if let Some(failure) = ending.failure.filter(|_| tell) {
        // The log has it too, but whoever typed the command looks here.
        print_error(&format!("{}: {failure}\n", call.name));
    }
    ending.status
}

fn go_to_background(call: &Call) -> u8 {
    let mut arguments = call.arguments.clone();
    arguments.extend(["-z".into(), REPORT_START.into()]);
    match start_in_background("lmgrd", &arguments) {
        Ok(report) => {
            for note in &report.notes {
                print_error(&format!("{}: {note}\n", call.name));
            }
            report.status
        }
        Err(error) => {
            print_error(&format!("{}: cannot go to the background: {error}\n", call.name));
            USAGE
        }
    }
}

fn config(args: Args, call: &Call, start: StartMode) -> Config {
    let mut notes = Vec::new();
    if args.reuseaddr {
        notes.push("-reuseaddr is accepted; the port can always be used again".to_owned());
    }
    if args.connect_s.is_some() {
        notes.push("-t is accepted; it means something for three servers only".to_owned());
    }
    if args.nfs_log {
        notes.push("-nfs_log is accepted; a slow disk never stops the server".to_owned());
    }
    let (first, longest) = args.restart_delay;
    Config {
        license_path: join(args.license_path),
        log_file: args.log.map(|log| log_file(&log)),
        datestamp: args.datestamp,
        local_only: args.local,
        refuse_down: args.refuse.iter().any(|command| command == "lmdown"),
        refuse_reread: args.refuse.iter().any(|command| command == "lmreread"),
        refuse_remove: args.refuse.iter().any(|command| command == "lmremove"),
        state_dir: args.state_dir,
        watch: args.watch,
        vendor_dirs: args.vendor_dir,
        listen: args.listen,
        clock_limits: [
            ("--clock-limit", args.clock_limit),
            ("--clock-limit-expired", args.clock_limit_expired),
        ],
        port: None,
        vendor_port: None,
        timestamp_every: Duration::from_secs(60 * args.timestamp_min.unwrap_or(MANAGER_TIMESTAMP_MIN)),
        restarts: RestartPolicy { first, longest, limit: args.restart_limit, ..RestartPolicy::default() },
        arguments: shown(&call.arguments),
        notes,
        start,
    }
}

/// Several `-c` are one list.
fn join(lists: Vec<OsString>) -> Option<OsString> {
    lists.into_iter().reduce(|mut whole, list| {
        whole.push(":");
        whole.push(list);
        whole
    })
}

fn log_file(text: &OsString) -> LogFile {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    match text.as_bytes() {
        [b'+', path @ ..] => LogFile { path: OsString::from_vec(path.to_vec()).into(), append: true },
        _ => LogFile { path: text.into(), append: false },
    }
}

fn shown(arguments: &[OsString]) -> String {
    let words: Vec<_> = arguments
        .iter()
        .filter(|argument| *argument != REPORT_START)
        .map(|argument| argument.to_string_lossy())
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_before_the_log_appends() {
        assert_eq!(log_file(&"+a.log".into()), LogFile { path: "a.log".into(), append: true });
        assert_eq!(log_file(&"a+.log".into()), LogFile { path: "a+.log".into(), append: false });
        assert_eq!(join(vec!["a".into(), "b:c".into()]), Some("a:b:c".into()));
    }

    #[test]
    fn delays_are_seconds() {
        assert_eq!(parse_delays("0.5:2"), Ok((Duration::from_millis(500), Duration::from_secs(2))));
        assert_eq!(parse_delays("90"), Ok((Duration::from_secs(90), Duration::from_secs(90))));
        assert!(parse_delays("-1").is_err() && parse_delays("1:x").is_err());
        // So long a wait would be beyond the end of the clock.
        assert!(parse_delays("1:1e18").is_err());
    }
}
