//! `lmcksum`: arguments (`flexnet-tools.md` 2.16).

use super::{Call, print, print_error, servers};
use crate::client::Limits;
use crate::code::{Code, minor};
use crate::lmutil::ask::Failure;
use crate::lmutil::license_texts::licenses_of;
use crate::lmutil::lmcksum::{Fields, check};
use crate::lmutil::{banner, version_line};

/// Exit status when a line does not fit its ck=, or can't be read.
const BAD: u8 = 1;

/// Print checksums of license lines, to find typing mistakes
///
/// For each line its checksum, OK or BAD, the checksum again and the line without its wrapping; at the end one checksum
/// for the file. Where a line has ck=nnn that number is compared: BAD means that the line is not as it was when ck= was
/// written. The checksum is Seatkeeper's own: docs/administrator.md defines it. It proves no signature. Ends with 0, with 1
/// if a line is BAD or has a mistake, with 256 + number if no license could be read.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// License path: files, directories, port@host, separated by colons [default: SEATKEEPER_LICENSE_FILE and LM_LICENSE_FILE]
    #[arg(short = 'c', value_name = "LIST")]
    path: Vec<String>,
    /// Let only the key fields count: what the publisher signs, and the signature
    #[arg(short = 'k')]
    key_fields: bool,
    /// Print the version
    #[arg(short = 'v', long = "version")]
    version: bool,
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    print(&format!("{}\n", banner(&call.name)));
    if args.version {
        print(&format!("{}\n", version_line("lmcksum")));
        return 0;
    }
    let path = servers::path(&args.path);
    let fields = if args.key_fields { Fields::Key } else { Fields::All };
    let mut licenses = licenses_of(&path, Limits::from_environment());
    if licenses.is_empty() {
        licenses.push(Err(Failure::new(Code::NoLicenseFile, minor::PATH_EMPTY, "")));
    }
    let (mut bad, mut read, mut unread) = (false, false, None);
    for license in licenses {
        match license {
            Ok(file) => {
                let checked = check(&file, fields);
                print(&checked.text);
                for mistake in &checked.mistakes {
                    print_error(&format!("{mistake}\n"));
                }
                read = true;
                bad |= !checked.fits || !checked.mistakes.is_empty();
            }
            Err(failure) => {
                print_error(&format!("{}: {failure}\n", call.name));
                if !failure.denial.note.is_empty() {
                    print_error(&format!("{}\n", failure.denial.note));
                }
                unread = Some(failure.exit_status());
            }
        }
    }
    match unread {
        Some(status) if !read => status,
        Some(_) => BAD,
        None => {
            if bad {
                BAD
            } else {
                0
            }
        }
    }
}
