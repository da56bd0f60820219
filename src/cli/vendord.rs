//! `vendord VENDOR`, also as `LGS`: one vendor daemon, as lmgrd starts it or by hand.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{Call, USAGE, print, print_error};
use crate::ident::{Host, VendorName};
use crate::lmgrd::expand;
use crate::lmutil::{banner, version_line};
use crate::platform;
use crate::platform::process::raise_file_limit;
use crate::time::SkewLimits;
use crate::vendord::{Config, Limits, run as serve};

/// The vendor that this program can serve without a manifest, and the applet's other name.
const DEMO_VENDOR: &str = "LGS";

/// Files that the daemon needs for itself: history, logs, files that are read again.
const OWN_FILES: usize = 64;

/// Start a vendor daemon by hand; lmgrd does it for each VENDOR line
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whose licenses to serve; LGS when called by that name
    vendor: Option<VendorName>,
    /// License files and directories, separated by colons (can be repeated)
    #[arg(short = 'c', value_name = "LIST")]
    files: Vec<std::ffi::OsString>,
    /// Options file to apply
    #[arg(long, value_name = "FILE")]
    options: Option<PathBuf>,
    /// TCP port to listen on; 0 for any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Address to listen on instead of all of this machine
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<IpAddr>,
    /// Where the history lives
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Where to look for the vendor's manifest (can be repeated)
    #[arg(long, value_name = "DIR")]
    vendor_dir: Vec<PathBuf>,
    /// Host of the SERVER line, as lmstat shows it; this machine's name if left out
    #[arg(long, value_name = "HOST")]
    server_host: Option<Host>,
    /// Port of lmgrd, as lmstat shows it
    #[arg(long, value_name = "PORT", default_value_t = 27000)]
    server_port: u16,
    /// Time zone that license dates are judged in; the machine's if left out
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Clock difference in seconds above which new sessions are refused as unreachable
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    clock_limit: u64,
    /// Clock difference in seconds above which their messages count as expired
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    clock_limit_expired: u64,
    /// Seconds between attempts to read an options file that could not be read at the start
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    options_retry: u64,
    /// Take orders that change something from this machine alone
    #[arg(long)]
    local: bool,
    /// Write ISO 8601 dates before each log line
    #[arg(long)]
    datestamp: bool,
    /// Print the version
    #[arg(short = 'v', long = "version")]
    version: bool,
    /// Take orders from lmgrd at the other end of standard input
    #[arg(long, hide = true)]
    supervised: bool,
}

/// Runs the vendor daemon until it is told to end.
pub(super) fn run(args: Args, call: &Call) -> u8 {
    if args.version {
        print(&format!("{}\n{}\n", banner(&call.name), version_line(&call.name)));
        return 0;
    }
    match config(args, call) {
        Ok(mut config) => {
            // Each session is a descriptor.
            if let Some(files) = raise_file_limit() {
                let files = usize::try_from(files).unwrap_or(usize::MAX);
                config.limits.connections = files.saturating_sub(OWN_FILES);
            }
            serve(config)
        }
        Err(problem) => {
            print_error(&format!("{}: {problem}\n", call.name));
            USAGE
        }
    }
}

fn config(args: Args, call: &Call) -> Result<Config, String> {
    let vendor = match args.vendor {
        Some(vendor) => vendor,
        None if call.name == DEMO_VENDOR => DEMO_VENDOR.parse().map_err(|error| format!("{error}"))?,
        None => return Err("name the vendor whose licenses are to be served".to_owned()),
    };
    let start_dir = std::env::current_dir().map_err(|error| format!("the present directory: {error}"))?;
    let mut notes = Vec::new();
    let license_files: Vec<PathBuf> =
        args.files.iter().flat_map(|list| expand(list, &start_dir, &mut notes)).collect();
    if !args.supervised {
        // lmgrd has said it in its log.
        let missing = args.vendor_dir.iter().filter(|dir| !dir.is_dir());
        notes.extend(missing.map(|dir| format!("--vendor-dir {} is not a directory", dir.display())));
    }
    notes.iter().for_each(|note| print_error(&format!("{}: {note}\n", call.name)));
    if license_files.is_empty() {
        return Err("name a license file with -c".to_owned());
    }
    let absolute =
        |path: PathBuf| std::path::absolute(&path).map_err(|error| format!("{}: {error}", path.display()));
    let server_host = match args.server_host {
        Some(host) => host,
        None => platform::host_name().map_err(|error| error.to_string())?,
    };
    let skew = SkewLimits {
        unreachable: Duration::from_secs(args.clock_limit),
        expired: Duration::from_secs(args.clock_limit_expired.max(args.clock_limit)),
    };
    // Directories stay directories, so that a reread sees what is new in them.
    let license_files = args
        .files
        .iter()
        .flat_map(std::env::split_paths)
        .map(|entry| start_dir.join(entry))
        .filter(|entry| entry.is_dir() || license_files.contains(entry))
        .collect();
    Ok(Config {
        vendor,
        license_files,
        options_file: args.options.map(absolute).transpose()?,
        port: args.port,
        listen: args.listen,
        state_dir: platform::state_dir(args.state_dir.as_deref()).map_err(|error| error.to_string())?,
        vendor_dirs: args.vendor_dir.into_iter().map(absolute).collect::<Result<_, _>>()?,
        server_host,
        server_port: args.server_port,
        zone: args.zone,
        datestamp: args.datestamp,
        supervised: args.supervised,
        local_only: args.local,
        options_again: Duration::from_secs(args.options_retry),
        limits: Limits { skew, ..Limits::default() },
    })
}
