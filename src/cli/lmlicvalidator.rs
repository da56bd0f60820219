//! `lmlicvalidator`: arguments (`flexnet-tools.md` 2.19).

use std::path::PathBuf;
use std::time::Duration;

use super::lmlint::{coloured, today};
use super::{Call, print, print_error};
use crate::client::Limits;
use crate::lint::EXPIRES_SOON_DAYS;
use crate::lmutil::inputs::{ReadFiles, read_licenses};
use crate::lmutil::lmlicvalidator::{report, served};
use crate::lmutil::lmlint::{Wanted, judge};
use crate::platform;

/// Check a license file, or those of a server, for errors
///
/// Shows the first 10 errors; lmlint shows warnings and notes too. Ends with 0 if there is no error, 2 if there is one or
/// a file can't be read, 1 for a wrong call, and with the error's number as the other tools do if the server can't be asked.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["licfile", "licserv"])))]
pub(super) struct Args {
    /// License file to check; a directory stands for its *.lic
    #[arg(long, value_name = "FILE")]
    licfile: Option<PathBuf>,
    /// License server whose files are checked: port@host
    #[arg(long, value_name = "PORT@HOST")]
    licserv: Option<String>,
    /// Show all errors
    #[arg(long = "repAllErr")]
    all: bool,
    /// Seconds to wait for a connection
    #[arg(short = 't', value_name = "SECONDS", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout_s: u64,
    /// Where to look for vendor manifests, besides the program's directory (can be repeated)
    #[arg(long, value_name = "DIR")]
    vendor_dir: Vec<PathBuf>,
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    let (read, machine) = match &args.licserv {
        // The server knows its own hostids; this machine's are not what its files are for.
        Some(servers) => {
            let mut limits = Limits::from_environment();
            limits.connect = Duration::from_secs(args.timeout_s);
            match served(servers, limits) {
                Ok(read) => (read, None),
                Err(failure) => {
                    let note = &failure.denial.note;
                    let colon = if note.is_empty() { "" } else { ": " };
                    print_error(&format!("{}: {failure}{colon}{note}\n", call.name));
                    return failure.exit_status();
                }
            }
        }
        None => (read_licenses(args.licfile.as_slice()), Some(platform::own_hostids())),
    };
    let wanted = Wanted {
        vendor_dirs: args.vendor_dir,
        machine,
        today: today(None),
        soon_days: EXPIRES_SOON_DAYS,
        foreign: false,
        options_vendor: None,
        follow_options: false,
    };
    let judged = judge(ReadFiles { licenses: read, options: Vec::new() }, &wanted);
    print(&report(&judged, args.all, coloured()));
    for problem in &judged.problems {
        print_error(&format!("{}: {problem}\n", call.name));
    }
    // Warnings are not this tool's matter.
    if judged.status() == 2 { 2 } else { 0 }
}
