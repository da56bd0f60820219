//! The face of the program: which applet a call means, its arguments, its exit status.
//!
//! One binary holds every applet. It is found by the name that the program was called by (a link named `lmstat`), or by
//! the first argument (`seatkeeper lmstat …`, `seatkeeper lmutil lmstat …`). Each applet has one file here with its
//! clap `Args`, whose comments are its help, and a `run` that returns the exit status.

mod applets;
mod classic;
mod judging;
mod lmborrow;
mod lmcatalog;
mod lmcksum;
mod lmclock;
mod lmcrypt;
mod lmdiff;
mod lmdown;
mod lmexplain;
mod lmfmt;
#[cfg(feature = "server")]
mod lmgrd;
mod lmhostid;
mod lminstall;
mod lmlicvalidator;
mod lmlint;
mod lmopt;
mod lmremove;
#[cfg(feature = "server")]
mod lmreplay;
mod lmreread;
mod lmstat;
mod lmutil;
mod lmver;
mod lsp;
mod run;
mod servers;
mod terminal;
#[cfg(feature = "server")]
mod trace;
#[cfg(feature = "server")]
mod up;
#[cfg(feature = "server")]
mod vendord;
mod when;

pub use terminal::{print, print_error};

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use applets::{APPLETS, Applet};

use crate::text::nearest;

/// The program's own name.
pub const PROGRAM: &str = "seatkeeper";

/// Exit status of a wrong call (`flexnet-tools.md` 2.3).
pub const USAGE: u8 = 1;

/// How a call reached its applet.
#[derive(Debug, Clone)]
pub struct Call {
    /// The name for banners and messages: of the link that was called, or the applet's name as it was written.
    pub name: String,
    /// All that follows the applet's name.
    pub arguments: Vec<OsString>,
}

/// Runs the applet that the arguments mean. The first argument is the program's name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    #[cfg(feature = "server")]
    trace::begin();
    let status = dispatch(arguments.into_iter().collect());
    ExitCode::from(if terminal::is_output_lost() { status.max(USAGE) } else { status })
}

fn dispatch(arguments: Vec<OsString>) -> u8 {
    let mut arguments = arguments.into_iter();
    let program = arguments.next().map(|path| file_name(&path)).unwrap_or_default();
    let rest: Vec<OsString> = arguments.collect();
    // A vendor daemon runs under its vendor's name, which may be anything.
    if rest.first().is_some_and(|first| first == "vendord") {
        return by_first_argument(&program, rest);
    }
    match Applet::find(&program) {
        Some(applet) => applet.start(Call { name: program, arguments: rest }),
        None => by_first_argument(&program, rest),
    }
}

fn file_name(path: &OsString) -> String {
    let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.strip_suffix(".exe").map(str::to_owned).unwrap_or(name)
}

fn by_first_argument(program: &str, mut rest: Vec<OsString>) -> u8 {
    if rest.is_empty() {
        print_error(&overview(program));
        return USAGE;
    }
    let first = rest.remove(0).to_string_lossy().into_owned();
    match first.as_str() {
        "--version" | "-V" | "-version" => {
            print(&format!("{PROGRAM} {}\n", crate::VERSION));
            0
        }
        "help" | "--help" | "-help" | "-h" => match rest.first().map(|name| name.to_string_lossy()) {
            None => {
                print(&overview(program));
                0
            }
            Some(name) => match Applet::find(&name) {
                Some(applet) => {
                    applet.start(Call { name: name.into_owned(), arguments: vec!["--help".into()] })
                }
                None => unknown(program, &name),
            },
        },
        name => match Applet::find(name) {
            Some(applet) => applet.start(Call { name: name.to_owned(), arguments: rest }),
            None => unknown(program, name),
        },
    }
}

fn unknown(program: &str, name: &str) -> u8 {
    let mut text = format!("{program}: there is no command {name:?}");
    if let Some(near) = nearest(name, APPLETS.iter().map(|applet| applet.name)) {
        text.push_str(&format!("; did you mean {near}?"));
    }
    print_error(&format!("{text}\nTry \"{PROGRAM} help\".\n"));
    USAGE
}

/// The list of applets.
fn overview(program: &str) -> String {
    let mut text = format!(
        "{PROGRAM} {}: an open floating-license system\n\nUsage: {program} COMMAND [ARGUMENTS]\n\nCommands:\n",
        crate::VERSION
    );
    for applet in APPLETS.iter().filter(|applet| !applet.hidden) {
        text.push_str(&format!("  {:<15} {}\n", applet.name, applet.about()));
    }
    text.push_str(&format!(
        "\n\"{PROGRAM} help COMMAND\" explains one. A link to this program that has a command's name is that command.\n"
    ));
    text
}
