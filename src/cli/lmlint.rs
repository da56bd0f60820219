//! `lmlint FILE…`.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::judging::Judging;
use super::{Call, print, print_error};
use crate::ident::VendorName;
use crate::lmutil::inputs::read_files;
use crate::lmutil::lmlint::{Format, Wanted, explained, judge, list};
use crate::platform;
use crate::time::CivilDate;

/// Exit status of a wrong call. 1 says that there are warnings.
pub(super) const WRONG_CALL: u8 = 2;

/// Check license and options files: mistakes, what was probably meant, and traps
///
/// The files are judged together, in their order, as those of one server. A file that is called *.opt, or that begins like one, is
/// an options file; beside license files it is judged with the licenses of its vendor. Options files to which VENDOR lines lead
/// are read too, unless --foreign is given. Every finding has a stable code that --explain
/// explains. Ends with 0 if there is nothing but notes, 1 if there are warnings, 2 if there are errors or a file could
/// not be read.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lmlint /usr/local/flexlm/licenses            every *.lic of a directory\n  \
    lmlint --foreign --format json acme.lic      another publisher's file, for a program\n  \
    lmlint --hostid 0011aabbccdd --date 2027-01-01 new.lic\n  \
    lmlint acme.lic acme.opt                     an options file with its licenses\n  \
    lmlint --vendor acmed new.opt site.lic       ... whose name does not tell whose it is\n  \
    lmlint --explain L0101")]
pub(super) struct Args {
    /// License and options files; a directory stands for its *.lic, - for standard input
    #[arg(required_unless_present_any = ["explain", "options"], value_name = "FILE")]
    files: Vec<PathBuf>,
    /// An options file, whatever its name and its beginning (can be repeated)
    #[arg(long, value_name = "FILE")]
    options: Vec<PathBuf>,
    /// The vendor whose daemon reads the options files that are named
    #[arg(long, value_name = "NAME", value_parser = VendorName::parse)]
    vendor: Option<VendorName>,
    /// Check everything but signatures, hostids and dates, as for files of other publishers
    #[arg(long)]
    foreign: bool,
    /// How findings are shown
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: FormatName,
    /// Explain a finding: its code, such as L0101; "list" for all codes, "all" for everything
    #[arg(long, value_name = "CODE", conflicts_with_all = ["files", "options"])]
    explain: Option<String>,
    #[command(flatten)]
    judging: Judging,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum FormatName {
    /// For people, with the source line and what was probably meant
    Human,
    /// One JSON object
    Json,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    if let Some(id) = &args.explain {
        return explain(id, call);
    }
    let format = match args.format {
        FormatName::Human => Format::Human { coloured: coloured() },
        FormatName::Json => Format::Json,
        FormatName::Sarif => Format::Sarif,
    };
    let wanted = Wanted {
        machine: Some(args.judging.machine()),
        vendor_dirs: args.judging.vendor_dir,
        today: args.judging.date.unwrap_or_else(|| today(args.judging.timezone)),
        soon_days: args.judging.expires_within,
        foreign: args.foreign,
        options_vendor: args.vendor,
        follow_options: !args.foreign,
    };
    let judged = judge(read_files(&args.files, &args.options), &wanted);
    print(&judged.show(format));
    for problem in &judged.problems {
        print_error(&format!("{}: {problem}\n", call.name));
    }
    judged.status()
}

fn explain(id: &str, call: &Call) -> u8 {
    let everything = || -> String {
        let ids = list();
        let texts = ids.lines().filter_map(|line| explained(line.split(' ').next()?).ok());
        texts.collect::<Vec<_>>().join("\n\n")
    };
    match id {
        "list" => print(&list()),
        "all" => print(&everything()),
        id => match explained(id) {
            Ok(text) => print(&text),
            Err(error) => {
                print_error(&format!("{}: {error}; --explain list names all\n", call.name));
                return WRONG_CALL;
            }
        },
    }
    0
}

/// Whether people with a terminal look at standard output, and want colours (`NO_COLOR`, `TERM=dumb`).
pub(super) fn coloured() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal()
        && !set("NO_COLOR")
        && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Today in the server's zone.
pub(super) fn today(zone: Option<TimeZone>) -> CivilDate {
    let zone = zone.unwrap_or_else(|| platform::system_zone().zone);
    CivilDate::from(jiff::Timestamp::now().to_zoned(zone).date())
}
