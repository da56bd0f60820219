//! `lmver [FILE]`.

use std::path::PathBuf;

use super::{Call, print, print_error};
use crate::lmutil::{banner, embedded_version, version_line};

/// Print the version of this program or of another file.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print this program's version
    #[arg(short = 'v', long = "version")]
    version: bool,
    /// A program of this system whose version is wanted
    file: Option<PathBuf>,
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    let found = match args.file.filter(|_| !args.version) {
        None => Ok(version_line(&call.name)),
        Some(file) => embedded_version(&file).map(|version| format!("{} {version}", file.display())),
    };
    match found {
        Ok(line) => {
            print(&format!("{}\n{line}\n", banner(&call.name)));
            0
        }
        Err(error) => {
            print_error(&format!("{}: {error}\n", call.name));
            1
        }
    }
}
