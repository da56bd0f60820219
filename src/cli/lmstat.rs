//! `lmstat`: arguments (`flexnet-tools.md` 2.4).

use std::time::Duration;

use super::{Call, print, servers};
use crate::client::Limits;
use crate::lmutil::ask::on_server;
use crate::lmutil::lmstat::layout::Wanted;
use crate::lmutil::lmstat::{license_info, status};
use crate::lmutil::{banner, version_line};

/// Selects the details' form; `B` is that of 2023 and later (`flexnet-tools.md` 2.6).
const COMPAT_VARIABLE: &str = "LMSTAT_COMPAT";

/// Show what license servers serve and who has what
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Show everything: servers, vendor daemons, all features, all users
    #[arg(short = 'a')]
    all: bool,
    /// Show only features in use
    #[arg(short = 'A')]
    active: bool,
    /// License path: files, directories, port@host, separated by colons [default: SEATKEEPER_LICENSE_FILE and LM_LICENSE_FILE]
    #[arg(short = 'c', value_name = "LIST")]
    path: Vec<String>,
    /// Show the use of one feature, or of all
    #[arg(short = 'f', value_name = "FEATURE", num_args = 0..=1)]
    feature: Option<Option<String>>,
    /// Show what the license file says, without asking the vendor daemons
    #[arg(short = 'i', value_name = "FEATURE", num_args = 0..=1)]
    info: Option<Option<String>>,
    /// Show the features of one vendor daemon, or of all
    #[arg(short = 'S', value_name = "VENDOR", num_args = 0..=1)]
    vendor: Option<Option<String>>,
    /// Show the status of one server, or of all on the path
    #[arg(short = 's', value_name = "SERVER", num_args = 0..=1)]
    server: Option<Option<String>>,
    /// Show the license managers only
    #[arg(long = "lm")]
    managers: bool,
    /// Show the vendor daemons only
    #[arg(long = "vd")]
    vendors: bool,
    /// Seconds to wait for a connection
    #[arg(short = 't', value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout_s: Option<u64>,
    /// Show start times with seconds
    #[arg(long = "asec")]
    seconds: bool,
    /// Show counts without users
    #[arg(long = "no-user-info")]
    no_users: bool,
    /// Print the version
    #[arg(short = 'v', long = "version")]
    version: bool,
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    let banner = banner(&call.name);
    if args.version {
        print(&format!("{banner}\n{}\n", version_line("lmstat")));
        return 0;
    }
    let path = servers::path(&args.path);
    let path = match args.server.clone().flatten() {
        Some(server) => on_server(&path, &server),
        None => path,
    };
    let mut limits = Limits::from_environment();
    if let Some(seconds) = args.timeout_s {
        limits.connect = Duration::from_secs(seconds);
    }
    let now = jiff::Zoned::now();
    let printed = match &args.info {
        Some(feature) => license_info(&path, feature.as_deref(), limits, &banner, &now),
        None => status(&path, &wanted(&args), limits, &banner, &now),
    };
    print(&printed.text);
    printed.status
}

fn wanted(args: &Args) -> Wanted {
    let usage = args.all
        || args.active
        || args.seconds
        || args.no_users
        || args.feature.is_some()
        || args.vendor.is_some();
    let one_part = (args.managers || args.vendors) && !usage;
    Wanted {
        server: !one_part || args.managers,
        vendors: !one_part || args.vendors,
        usage,
        vendor: args.vendor.clone().flatten(),
        by_vendor: args.vendor.is_some(),
        feature: args.feature.clone().flatten(),
        active_only: args.active && !args.all,
        no_users: args.no_users,
        seconds: args.seconds,
        form_b: std::env::var(COMPAT_VARIABLE).is_ok_and(|form| form.eq_ignore_ascii_case("B")),
    }
}
