//! `lmremove`: arguments and what is printed (`flexnet-tools.md` 2.11).

use std::path::PathBuf;

use super::{Call, print, servers};
use crate::client::Limits;
use crate::lmutil::ask::Failure;
use crate::lmutil::lmremove::{Refused, Removed, Wanted, remove};
use crate::lmutil::{banner, version_line};

/// Take licenses back that a client has out
#[derive(Debug, clap::Args)]
#[command(
    disable_help_flag = true,
    override_usage = "lmremove [OPTIONS] FEATURE USER USER_HOST DISPLAY\n       lmremove [OPTIONS] -h FEATURE SERVER_HOST PORT HANDLE",
    after_help = "\
All values are those that lmstat -a prints: user, host and display, or server, port and handle as in (srv/27000 12). The \
first form takes back all checkouts of the feature by that user on that host and display, the second form one, or a request that \
waits in the queue. For a suite name its package or a component: both come back.

The client is told, and an application that runs may check out again at once: this is for clients that are gone. What such a client has \
checked out anew can't be removed until the publisher's interval is over (-64). A license that lingers can't be removed (-100).

Exit status: 0 when everything that fits was taken back, else 256 + the number of the error: 215 (-41) when nothing fits."
)]
pub(super) struct Args {
    /// License path: files, directories, port@host, separated by colons [default: SEATKEEPER_LICENSE_FILE and LM_LICENSE_FILE]
    #[arg(short = 'c', value_name = "LIST")]
    path: Vec<String>,
    /// One checkout or waiting request, by its handle
    #[arg(short = 'h')]
    by_handle: bool,
    /// Print what was taken back
    #[arg(long)]
    verbose: bool,
    /// File with the administrator's key, for a server on another machine
    #[arg(long, value_name = "FILE")]
    admin_key: Option<PathBuf>,
    /// Print the version
    #[arg(short = 'v', long = "version")]
    version: bool,
    /// Print help
    #[arg(long = "help", action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// FEATURE USER USER_HOST DISPLAY, with -h FEATURE SERVER_HOST PORT HANDLE
    #[arg(value_name = "VALUE", num_args = 4, required_unless_present = "version")]
    values: Vec<String>,
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    print(&format!("{}\n", banner(&call.name)));
    if args.version {
        print(&format!("{}\n", version_line("lmremove")));
        return 0;
    }
    let words: Vec<&str> = args.values.iter().map(String::as_str).collect();
    let wanted = match (words.as_slice(), args.by_handle) {
        ([feature, server, port, handle], true) => Wanted::handle(feature, server, port, handle),
        ([feature, user, host, display], false) => Wanted::client(feature, user, host, display),
        // clap has counted them.
        _ => return super::USAGE,
    };
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(failure) => return failed(&failure.into()),
    };
    let path = servers::path(&args.path);
    let key = servers::key(args.admin_key);
    match remove(&path, &wanted, &key, Limits::from_environment()) {
        Ok(Removed { lines, refused }) => {
            if args.verbose || refused.is_some() {
                lines.iter().for_each(|line| print(&format!("{line}\n")));
            }
            let Some(refused) = refused else { return 0 };
            let failure = Failure::from(refused);
            print(&format!("lmremove incomplete: {failure}\n{}\n", failure.denial.note));
            failure.exit_status()
        }
        Err(refused) => failed(&refused),
    }
}

fn failed(Refused { failure, near }: &Refused) -> u8 {
    print(&format!("lmremove failed: {failure}\n"));
    if !failure.denial.note.is_empty() {
        print(&format!("{}\n", failure.denial.note));
    }
    near.iter().for_each(|line| print(&format!("{line}\n")));
    failure.exit_status()
}
