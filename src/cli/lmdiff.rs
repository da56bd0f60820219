//! `lmdiff OLD NEW`.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::lmcatalog::FormatName;
use super::{Call, lmlint, print, print_error, when};
use crate::lmutil::inputs::read_licenses;
use crate::lmutil::lmdiff::{Wanted, compare};
use crate::platform;

/// Show what changed between license files in meaning: pools, licenses, dates, hosts
///
/// Wrapping, comments, the order of lines where it has no effect, lower-case attributes and new signatures over the same
/// line make no difference. Each side is judged as on the machine that it is for. Signatures count where the vendor's
/// manifest is found, and are left aside where not. Ends with 0 if both mean the same, 1 if not, 2 if that can't be
/// told.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lmdiff site.lic new.lic\n  \
    lmdiff --format json /srv/licenses.old /srv/licenses       directories, for a program")]
pub(super) struct Args {
    /// License file, or directory that stands for its *.lic, as it was
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The same as it is
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Where to look for vendor manifests, besides the program's directory (can be repeated)
    #[arg(long, value_name = "DIR")]
    vendor_dir: Vec<PathBuf>,
    /// Leave all signatures aside, those of known vendors too
    #[arg(long)]
    unsigned: bool,
    /// How the difference is shown
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: FormatName,
    /// Time zone of the server, in which days begin and end; this machine's if left out
    #[arg(long, value_name = "ZONE", value_parser = when::zone)]
    timezone: Option<TimeZone>,
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    let wanted = Wanted {
        vendor_dirs: args.vendor_dir,
        zone: args.timezone.unwrap_or_else(|| platform::system_zone().zone),
        unsigned: args.unsigned,
    };
    let (old, new) = (read_licenses(&[args.old]), read_licenses(&[args.new]));
    match compare(&old, &new, &wanted) {
        Ok(compared) => {
            print(&compared.show(args.format == FormatName::Json));
            u8::from(!compared.is_same())
        }
        Err(problems) => {
            problems.iter().for_each(|problem| print_error(&format!("{}: {problem}\n", call.name)));
            lmlint::WRONG_CALL
        }
    }
}
