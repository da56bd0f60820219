//! `lmreplay --options NEW.opt [--license NEW.lic] [STATE]`.

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::{Call, print, print_error, when};
use crate::ident::VendorName;
use crate::license::HostId;
use crate::lmutil::lmreplay::{Format, Moment, Recorded, Wanted, replay};
use crate::platform;
use crate::time::CivilDate;

/// The exit status if nothing could be replayed.
pub(super) const TROUBLE: u8 = 2;

/// Replay recorded requests under other files: who would have been denied or served differently, when and why
///
/// Takes the requests of a history, or of a debug log, through the code of the server under the files that are given, and compares
/// each verdict with the recorded one. What is not given is as it was recorded: without --license the license files of each time,
/// without --options the options files. Shows the requests that differ with the line that decides, the peak use of each pool, and
/// how many licenses are missing. Nothing is written; the daemon may run meanwhile.
///
/// Checkins of seats that the replay denies are ignored. Seats that it newly grants are held for the median time of their feature.
/// Repeats of a denial of the same user, host and feature within 60 s count once.
///
/// Ends with 0 if nobody would be served differently, 1 if somebody would, 2 if that can't be told. With --recorded nothing may
/// differ at all: not the pool, the terms or the reason.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lmreplay --options new.opt                          all that is recorded of the only vendor\n  \
    lmreplay --options new.opt --from 2026-11-01 --to 2026-11-07 /var/lib/seatkeeper/LGS\n  \
    lmreplay --license new.lic --options new.opt --debug-log old.log --format csv\n  \
    lmreplay --recorded                                 a check of this program and the history\n\n\
    docs/administrator.md describes the columns of --format csv and the keys of --format json.")]
pub(super) struct Args {
    /// Options file to try
    #[arg(short = 'O', long = "options", value_name = "FILE.opt")]
    options: Option<PathBuf>,
    /// License file to try, or directory that stands for its *.lic (can be repeated, in the server's order); it counts as one for the
    /// server, whatever its SERVER line says
    #[arg(short = 'L', long = "license", value_name = "FILE")]
    license: Vec<PathBuf>,
    /// Judge under the recorded files, and tell everything that does not come out as recorded
    #[arg(long, conflicts_with_all = ["options", "license", "debug_log"], required_unless_present_any = ["options", "license"])]
    recorded: bool,
    /// The first requests: a day, or a time of the server's zone such as 2026-11-01T08:30
    #[arg(long, value_name = "TIME", value_parser = when::moment)]
    from: Option<Moment>,
    /// The last requests: through this day, or before this time
    #[arg(long, value_name = "TIME", value_parser = when::moment)]
    to: Option<Moment>,
    /// Read a debug log, of this or another server, instead of a history
    #[arg(long, value_name = "FILE", conflicts_with = "state", requires = "license")]
    debug_log: Option<PathBuf>,
    /// The day of the log's first line, if the log says no date; that of the file's last change if left out
    #[arg(long, value_name = "DAY", value_parser = when::day, requires = "debug_log")]
    first_day: Option<CivilDate>,
    /// Whose requests; needed where several vendors have a history, or license files name several
    #[arg(long, value_name = "NAME")]
    vendor: Option<VendorName>,
    /// Hold newly granted seats for so long, such as 45m or 2h, instead of the median of their feature
    #[arg(long, value_name = "TIME", value_parser = when::span)]
    assume_held: Option<Duration>,
    /// How many of the differing requests are shown to people
    #[arg(long, value_name = "N", default_value_t = 20)]
    show: usize,
    /// How the result is shown
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: FormatName,
    /// Where to look for vendor manifests, besides the program's directory (can be repeated); the recorded manifest if left out
    #[arg(long, value_name = "DIR")]
    vendor_dir: Vec<PathBuf>,
    /// Take all lines as signed: for vendors whose key is not known here
    #[arg(long)]
    unsigned: bool,
    /// A hostid of the server, for recorded files of another machine (can be repeated)
    #[arg(long, value_name = "ID")]
    server_hostid: Vec<HostId>,
    /// Time zone of the server; the recorded one if left out
    #[arg(long, value_name = "ZONE", value_parser = when::zone)]
    timezone: Option<TimeZone>,
    /// State directory of the vendor, or the one above it; the --state-dir of lmgrd if left out
    #[arg(value_name = "STATE")]
    state: Option<PathBuf>,
}

/// How the result is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FormatName {
    /// For people
    Human,
    /// One JSON object
    Json,
    /// One line for each request that differs
    Csv,
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    match replayed(args) {
        Ok(differs) => u8::from(differs),
        Err(problems) => {
            problems.iter().for_each(|problem| print_error(&format!("{}: {problem}\n", call.name)));
            TROUBLE
        }
    }
}

fn replayed(args: Args) -> Result<bool, Vec<String>> {
    let one = |problem: String| vec![problem];
    let recorded = match args.debug_log {
        Some(path) => {
            let first_day = match args.first_day {
                Some(day) => day,
                None => last_change(&path, args.timezone.as_ref()).map_err(one)?,
            };
            Recorded::DebugLog { path, first_day }
        }
        None => {
            let named = args.state.clone();
            let dir = named.map_or_else(|| platform::state_dir(None).map_err(|error| error.to_string()), Ok);
            Recorded::History(dir.map_err(one)?)
        }
    };
    let wanted = Wanted {
        recorded,
        vendor: args.vendor,
        licenses: args.license,
        options: args.options,
        from: args.from,
        to: args.to,
        vendor_dirs: args.vendor_dir,
        unsigned: args.unsigned,
        machine: args.server_hostid,
        zone: args.timezone,
        held: args.assume_held,
    };
    let format = match args.format {
        FormatName::Human => Format::Human(args.show),
        FormatName::Json => Format::Json,
        FormatName::Csv => Format::Csv,
    };
    replay(&wanted, format, &mut |text| print(text))
}

/// The day on which a file was changed last.
fn last_change(path: &std::path::Path, zone: Option<&TimeZone>) -> Result<CivilDate, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let changed = std::fs::metadata(path).and_then(|file| file.modified()).map_err(|error| failed(&error))?;
    let changed = jiff::Timestamp::try_from(changed).map_err(|error| failed(&error))?;
    let zone = zone.cloned().unwrap_or_else(|| platform::system_zone().zone);
    Ok(CivilDate::from(changed.to_zoned(zone).date()))
}
