//! `lmutil COMMAND …`: the classic way to call the license tools.

use std::ffi::OsString;

use super::applets::{APPLETS, Applet};
use super::{Call, USAGE, print, print_error};
use crate::lmutil::{banner, version_line};
use crate::text::nearest;

/// Tools that `lmutil` runs.
const TOOLS: &[&str] = &[
    "lmstat",
    "lmdown",
    "lmremove",
    "lmborrow",
    "lmborrowl",
    "lmreread",
    "lmclock",
    "lmhostid",
    "lmlicvalidator",
    "lmlint",
    "lmfmt",
    "lmopt",
    "lmcatalog",
    "lmdiff",
    "lmexplain",
    "lmcksum",
    "lminstall",
    "lmver",
];

/// Run one of the license tools: lmutil lmstat …
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(super) struct Args {
    /// The tool and its arguments
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true, num_args = 0..)]
    words: Vec<OsString>,
}

/// Runs the tool that the first word names.
pub(super) fn run(_: Args, call: &Call) -> u8 {
    let mut words = call.arguments.iter().cloned();
    let Some(first) = words.next().map(|word| word.to_string_lossy().into_owned()) else {
        print(&usage(&call.name));
        return 0;
    };
    match first.as_str() {
        "-v" | "-version" | "--version" => {
            print(&format!("{}\n{}\n", banner(&call.name), version_line(&call.name)));
            0
        }
        "-help" | "--help" | "-h" | "help" => match words.next() {
            Some(tool) => tool_named(&tool.to_string_lossy(), vec!["--help".into()], call),
            None => {
                print(&usage(&call.name));
                0
            }
        },
        name => tool_named(name, words.collect(), call),
    }
}

fn tool_named(name: &str, arguments: Vec<OsString>, call: &Call) -> u8 {
    match Applet::find(name).filter(|_| TOOLS.contains(&name)) {
        // Banners name the program that was called.
        Some(applet) => applet.start(Call { name: call.name.clone(), arguments }),
        None => no_such_tool(&call.name, name),
    }
}

fn no_such_tool(called: &str, name: &str) -> u8 {
    let meant = nearest(name, TOOLS.iter().copied());
    let hint = meant.map(|tool| format!("; did you mean {tool}?")).unwrap_or_default();
    print_error(&format!("{called}: there is no tool {name:?}{hint}\nTry \"{called} -help\".\n"));
    USAGE
}

fn usage(called: &str) -> String {
    let mut text = format!("{}\nUsage: {called} COMMAND [ARGUMENTS]\n\nCommands:\n", banner(called));
    for applet in APPLETS.iter().filter(|applet| TOOLS.contains(&applet.name) && !applet.hidden) {
        text.push_str(&format!("  {:<15} {}\n", applet.name, applet.about()));
    }
    text.push_str(&format!("\n\"{called} COMMAND -help\" explains one.\n"));
    text
}
