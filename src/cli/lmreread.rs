//! `lmreread`: arguments and what is printed (`flexnet-tools.md` 2.10).

use std::path::PathBuf;

use super::{Call, print, servers};
use crate::client::Limits;
use crate::ident::VendorName;
use crate::lmutil::ask::Failure;
use crate::lmutil::lmdown::candidates;
use crate::lmutil::lmreread::{Reread, reread};
use crate::lmutil::{banner, version_line};

/// Have license servers read their license and options files again
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The server reads the files that it was started with; -c only says where the server is. What changed is printed, a line \
for each pool, rule and setting. License files: bad lines are skipped, and a file that cannot be read or is empty stays as it \
was read before. Options files: a file with an error that the rules in force do not have is refused as a whole, and the \
rules in force stay; --force skips the bad lines instead. Checkouts survive. Ports need a restart.

Exit status: 0 when everything was taken over, 1 when something stays as it was before, else 256 + the number of the error.")]
pub(super) struct Args {
    /// License path: files, directories, port@host, separated by colons [default: SEATKEEPER_LICENSE_FILE and LM_LICENSE_FILE]
    #[arg(short = 'c', value_name = "LIST")]
    path: Vec<String>,
    /// Only this vendor daemon, which is started if it is not running
    #[arg(long = "vendor", value_name = "VENDOR")]
    vendor: Option<VendorName>,
    /// All servers of the path
    #[arg(long = "all")]
    all: bool,
    /// Skip bad lines of options files instead of keeping the rules in force
    #[arg(long = "force")]
    force: bool,
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
        print(&format!("{}\n", version_line("lmreread")));
        return 0;
    }
    let path = servers::path(&args.path);
    let limits = Limits::from_environment();
    let found = match candidates(&path, limits) {
        Ok(found) => found,
        Err(failure) => return failed(&failure),
    };
    if found.len() > 1 && !args.all {
        return servers::ambiguous(&found);
    }
    let key = servers::key(args.admin_key);
    let mut status = 0;
    for candidate in &found {
        if found.len() > 1 {
            print(&format!("{}\n", candidate.place));
        }
        match reread(candidate, args.vendor.as_ref(), args.force, &key, limits) {
            Ok(Reread { lines, refused }) => {
                lines.iter().for_each(|line| print(&format!("{line}\n")));
                match refused {
                    None => print("lmreread successful\n"),
                    Some(refused) => {
                        let failure = Failure::from(refused);
                        status = failure.exit_status();
                        print(&format!("lmreread incomplete: {failure}\n"));
                    }
                }
            }
            Err(failure) => status = failed(&failure),
        }
    }
    status
}

fn failed(failure: &Failure) -> u8 {
    print(&format!("lmreread failed: {failure}\n"));
    if !failure.denial.note.is_empty() {
        print(&format!("{}\n", failure.denial.note));
    }
    failure.exit_status()
}
