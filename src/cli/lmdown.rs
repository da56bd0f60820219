//! `lmdown`: arguments and the question before the end (`flexnet-tools.md` 2.9).

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;

use super::{Call, print, servers};
use crate::client::Limits;
use crate::ident::VendorName;
use crate::lmutil::ask::Failure;
use crate::lmutil::lmdown::{Candidate, candidates, list, shut_down, summary};
use crate::lmutil::{banner, version_line};

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 256;

/// Shut down license servers
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// License path: files, directories, port@host, separated by colons [default: SEATKEEPER_LICENSE_FILE and LM_LICENSE_FILE]
    #[arg(short = 'c', value_name = "LIST")]
    path: Vec<String>,
    /// Shut down this vendor daemon only
    #[arg(long = "vendor", value_name = "VENDOR")]
    vendor: Option<VendorName>,
    /// Do not ask before
    #[arg(short = 'q')]
    quiet: bool,
    /// Shut down all servers of the path
    #[arg(long = "all")]
    all: bool,
    /// Shut down even while licenses are borrowed (they stay borrowed); on the server's machine only
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
        print(&format!("{}\n", version_line("lmdown")));
        return 0;
    }
    let path = servers::path(&args.path);
    let limits = Limits::from_environment();
    let found = match candidates(&path, limits) {
        Ok(found) => found,
        Err(failure) => return failed(&failure),
    };
    let chosen = match choose(&args, &found) {
        Ok(chosen) => chosen,
        Err(status) => return status,
    };
    let key = servers::key(args.admin_key);
    let mut status = 0;
    let mut ended = 0;
    for candidate in &chosen {
        match shut_down(candidate, args.vendor.as_ref(), args.force, &key, limits) {
            Ok(text) if args.vendor.is_some() => print(&format!("    {text}\n")),
            Ok(_) => ended += 1,
            Err(failure) => status = failed(&failure),
        }
    }
    if args.vendor.is_none() && ended > 0 {
        print(&summary(ended));
    }
    status
}

/// Which servers are meant; asks unless `-q`. Several need `-all` or an answer.
fn choose(args: &Args, found: &[Candidate]) -> Result<Vec<Candidate>, u8> {
    if args.quiet {
        return match found {
            [_] => Ok(found.to_vec()),
            _ if args.all => Ok(found.to_vec()),
            _ => Err(servers::ambiguous(found)),
        };
    }
    print(&format!("\n{}\n", list(found)));
    let chosen = match found {
        [_] => found.to_vec(),
        _ if args.all => found.to_vec(),
        _ => {
            print(&format!("Which one (1-{}, q to quit)?  ", found.len()));
            let answer = answer();
            let number: Option<usize> = answer.trim().parse().ok();
            match number.and_then(|number| found.get(number.checked_sub(1)?)) {
                Some(candidate) => vec![candidate.clone()],
                None => return Err(0),
            }
        }
    };
    print("Are you sure (y/n)?  ");
    if answer().trim().eq_ignore_ascii_case("y") { Ok(chosen) } else { Err(0) }
}

fn answer() -> String {
    let stdin = std::io::stdin();
    let mut line = String::new();
    // A closed standard input is no answer, and no answer is a no.
    let _ = stdin.lock().take(ANSWER_BYTES_MAX).read_line(&mut line);
    // Only a terminal shows the line end that was typed.
    if !(stdin.is_terminal() && line.ends_with('\n')) {
        print("\n");
    }
    line
}

fn failed(failure: &Failure) -> u8 {
    print(&format!("Shutdown failed: {failure}\n"));
    if !failure.denial.note.is_empty() {
        print(&format!("{}\n", failure.denial.note));
    }
    failure.exit_status()
}
