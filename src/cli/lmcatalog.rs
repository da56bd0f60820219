//! `lmcatalog FILE…`.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::{Call, lmlint, print, print_error, when};
use crate::license::HostId;
use crate::lmutil::inputs::read_licenses;
use crate::lmutil::lmcatalog::{Wanted, judge};
use crate::platform::{self, SystemClock};
use crate::time::{CivilDate, Clock as _};

/// Show what a server would serve from license files, and what becomes of each line
///
/// The files are judged together, in their order, as those of one server. For each vendor: the pools in the order in
/// which requests try them, with their licenses, keys and the lines that they are made of; names that stand in the
/// files but are not served; and the verdict on every line. Ends with 0 if every line is applied, 1 if some line is not
/// (or a file could not be read), 2 if nothing would be served.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lmcatalog /usr/local/flexlm/licenses              every *.lic of a directory\n  \
    lmcatalog --hostid 0011aabbccdd --date 2027-01-01 new.lic\n  \
    lmcatalog --unsigned --format json acme.lic       without the publisher's key, for a program")]
pub(super) struct Args {
    /// License files; a directory stands for its *.lic, - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where to look for vendor manifests, besides the program's directory (can be repeated)
    #[arg(long, value_name = "DIR")]
    vendor_dir: Vec<PathBuf>,
    /// Take all lines as signed, to see what there would be: for vendors whose key is not known here
    #[arg(long)]
    unsigned: bool,
    /// How the catalog is shown
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: FormatName,
    /// Judge as the machine with this hostid instead of this machine (can be repeated)
    #[arg(long, value_name = "ID")]
    hostid: Vec<HostId>,
    /// Judge as at the beginning of this day, 31-dec-2027 or 2027-12-31, instead of now
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    date: Option<CivilDate>,
    /// Time zone of the server, in which days begin and end; this machine's if left out
    #[arg(long, value_name = "ZONE", value_parser = when::zone)]
    timezone: Option<TimeZone>,
}

/// How results of the comparing tools are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum FormatName {
    /// For people
    Human,
    /// One JSON object
    Json,
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    let zone = args.timezone.unwrap_or_else(|| platform::system_zone().zone);
    let at = match args.date {
        Some(day) => match day.begins(&zone) {
            Some(at) => at,
            None => {
                print_error(&format!("{}: {day} lies outside the calendar\n", call.name));
                return lmlint::WRONG_CALL;
            }
        },
        None => SystemClock::new().now().utc,
    };
    let wanted = Wanted {
        vendor_dirs: args.vendor_dir,
        machine: if args.hostid.is_empty() { platform::own_hostids() } else { args.hostid },
        zone,
        at,
        unsigned: args.unsigned,
    };
    let read = read_licenses(&args.files);
    let shown = judge(&read, &wanted);
    print(&shown.show(args.format == FormatName::Json));
    for problem in &shown.problems {
        print_error(&format!("{}: {problem}\n", call.name));
    }
    shown.status()
}
