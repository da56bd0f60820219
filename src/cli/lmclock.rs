//! `lmclock`: arguments and what is printed.

use std::path::PathBuf;

use super::{Call, print, servers};
use crate::client::Limits;
use crate::ident::VendorName;
use crate::lmutil::ask::Failure;
use crate::lmutil::lmclock::{Told, accept, lines, show};
use crate::lmutil::lmdown::{Candidate, candidates};
use crate::lmutil::{banner, version_line};

/// Show the clocks of license servers, and say that one is right
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A vendor daemon keeps a time mark, which rises with elapsed time. While its machine's clock is more than a day behind the mark, \
licenses that expire are refused (-88); others are not. While the clock is more than a day ahead, nothing that ends by itself \
ends, until the clock has run on for as long as it is ahead (after the machine was off: for a day at most), or until \
\"lmclock accept\" says that it is right: the mark is then where the clock is. Set a wrong clock right before you accept it. \
Accepting proves the administrator's key, and stands in the history and the debug log with who did it.

Exit status: 0, or 256 + the number of the error.")]
pub(super) struct Args {
    /// `accept`: the clock is right
    #[arg(value_name = "ACTION", value_parser = ["accept"])]
    action: Option<String>,
    /// License path: files, directories, port@host, separated by colons [default: SEATKEEPER_LICENSE_FILE and LM_LICENSE_FILE]
    #[arg(short = 'c', value_name = "LIST")]
    path: Vec<String>,
    /// Only this vendor daemon
    #[arg(long = "vendor", value_name = "VENDOR")]
    vendor: Option<VendorName>,
    /// All servers of the path
    #[arg(long = "all")]
    all: bool,
    /// File with the administrator's key, for a server on another machine
    #[arg(long, value_name = "FILE")]
    admin_key: Option<PathBuf>,
    /// Print the version
    #[arg(short = 'v', long = "version")]
    version: bool,
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    print(&format!("{}\n", banner(&call.name)));
    if args.version {
        print(&format!("{}\n", version_line("lmclock")));
        return 0;
    }
    let path = servers::path(&args.path);
    let limits = Limits::from_environment();
    let found = match candidates(&path, limits) {
        Ok(found) => found,
        Err(failure) => return failed(&failure),
    };
    let accepting = args.action.is_some();
    if accepting && found.len() > 1 && !args.all {
        return servers::ambiguous(&found);
    }
    let key = servers::key(args.admin_key);
    let mut status = 0;
    for candidate in &found {
        let vendor = args.vendor.as_ref();
        let told = if accepting {
            accept(candidate, vendor, &key, limits)
        } else {
            shown(candidate, vendor, limits)
        };
        match told {
            Ok(told) => {
                for Told { vendor, lines } in told {
                    print(&format!("{vendor} of {}\n", candidate.place));
                    lines.iter().for_each(|line| print(&format!("    {line}\n")));
                }
            }
            Err(failure) => status = failed(&failure),
        }
    }
    status
}

fn shown(candidate: &Candidate, vendor: Option<&VendorName>, limits: Limits) -> Result<Vec<Told>, Failure> {
    let clocks = show(candidate, vendor, limits)?;
    Ok(clocks.into_iter().map(|(vendor, clock)| Told { vendor, lines: lines(clock.as_ref()) }).collect())
}

fn failed(failure: &Failure) -> u8 {
    print(&format!("lmclock failed: {failure}\n"));
    if !failure.denial.note.is_empty() {
        print(&format!("{}\n", failure.denial.note));
    }
    failure.exit_status()
}
