//! `seatkeeper lsp`.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::{Call, USAGE, print_error, when};
use crate::license::HostId;
use crate::lint::EXPIRES_SOON_DAYS;
use crate::lsp::{Settings, serve};
use crate::platform;
use crate::time::CivilDate;

/// Speak the language server protocol on standard input and output, for editors
///
/// Editors start it for license files (*.lic, license.dat) and options files (*.opt): it tells what lmlint finds while the file is
/// edited, completes words, says what they mean and what a line gives, finds groups and features, mends mistakes and lays files
/// out. An options file is judged with the license files that lead to it: those that are open, and the *.lic of its directory.
/// The manual has the settings of editors.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    seatkeeper lsp                               as an editor calls it\n  \
    seatkeeper lsp --vendor-dir /etc/vendors     ... that knows the publisher's keys")]
pub(super) struct Args {
    /// Speak on standard input and output, which is what it does in any case
    #[arg(long)]
    stdio: bool,
    /// Check everything but signatures, hostids and dates, as for files of other publishers
    #[arg(long)]
    foreign: bool,
    /// Where to look for vendor manifests, besides the program's directory (can be repeated)
    #[arg(long, value_name = "DIR")]
    vendor_dir: Vec<PathBuf>,
    /// Judge as the machine with this hostid instead of this machine (can be repeated)
    #[arg(long, value_name = "ID")]
    hostid: Vec<HostId>,
    /// Judge as on this day, 31-dec-2027 or 2027-12-31, instead of today
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    date: Option<CivilDate>,
    /// Warn of lines that expire within so many days
    #[arg(long, value_name = "DAYS", default_value_t = EXPIRES_SOON_DAYS)]
    expires_within: u16,
    /// Time zone of the server, which says what day it is; this machine's if left out
    #[arg(long, value_name = "ZONE", value_parser = when::zone)]
    timezone: Option<TimeZone>,
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    let settings = Settings {
        vendor_dirs: args.vendor_dir,
        machine: if args.hostid.is_empty() { platform::own_hostids() } else { args.hostid },
        date: args.date,
        zone: args.timezone.unwrap_or_else(|| platform::system_zone().zone),
        soon_days: args.expires_within,
        foreign: args.foreign,
    };
    serve(settings, std::io::stdin(), std::io::stdout()).unwrap_or_else(|error| {
        print_error(&format!("{}: the client's stream can't be used any more: {error}\n", call.name));
        USAGE
    })
}
