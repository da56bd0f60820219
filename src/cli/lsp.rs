//! `seatkeeper lsp`.

use super::judging::Judging;
use super::{Call, USAGE, print_error};
use crate::lsp::{Settings, serve};
use crate::platform;

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
    #[command(flatten)]
    judging: Judging,
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    let settings = Settings {
        machine: args.judging.machine(),
        vendor_dirs: args.judging.vendor_dir,
        date: args.judging.date,
        zone: args.judging.timezone.unwrap_or_else(|| platform::system_zone().zone),
        soon_days: args.judging.expires_within,
        foreign: args.foreign,
    };
    serve(settings, std::io::stdin(), std::io::stdout()).unwrap_or_else(|error| {
        print_error(&format!("{}: the client's stream can't be used any more: {error}\n", call.name));
        USAGE
    })
}
