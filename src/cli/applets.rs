//! The table of applets.

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::terminal::is_output_lost;
use super::{
    Call, PROGRAM, USAGE, classic, lmborrow, lmcatalog, lmcksum, lmclock, lmcrypt, lmdiff, lmdown, lmexplain,
    lmfmt, lmhostid, lminstall, lmlicvalidator, lmlint, lmopt, lmremove, lmreread, lmstat, lmutil, lmver,
    lsp, print, print_error, run,
};
#[cfg(feature = "server")]
use super::{lmgrd, lmreplay, up, vendord};

/// One command of the program.
pub(super) struct Applet {
    /// What it is called, as first argument or as the name of a link.
    pub(super) name: &'static str,
    /// Not in the overview: started by other applets.
    pub(super) hidden: bool,
    /// Takes options in the classic style, `-vendor NAME`.
    classic: bool,
    shape: fn(Command) -> Command,
    run: fn(&ArgMatches, &Call) -> Result<u8, clap::Error>,
}

macro_rules! applet {
    ($name:literal, $room:ident, classic: $classic:literal, hidden: $hidden:literal) => {
        Applet {
            name: $name,
            hidden: $hidden,
            classic: $classic,
            shape: |command| <$room::Args as Args>::augment_args(command),
            run: |matches, call| Ok($room::run($room::Args::from_arg_matches(matches)?, call)),
        }
    };
}

/// Every applet, in the order of the overview.
pub(super) static APPLETS: &[Applet] = &[
    #[cfg(feature = "server")]
    applet!("up", up, classic: false, hidden: false),
    #[cfg(feature = "server")]
    applet!("lmgrd", lmgrd, classic: true, hidden: false),
    applet!("lmutil", lmutil, classic: true, hidden: false),
    applet!("run", run, classic: false, hidden: false),
    applet!("lmstat", lmstat, classic: true, hidden: false),
    applet!("lmdown", lmdown, classic: true, hidden: false),
    applet!("lmremove", lmremove, classic: true, hidden: false),
    applet!("lmborrow", lmborrow, classic: true, hidden: false),
    applet!("lmborrowl", lmborrow, classic: true, hidden: true),
    applet!("lmreread", lmreread, classic: true, hidden: false),
    applet!("lmclock", lmclock, classic: true, hidden: false),
    applet!("lmhostid", lmhostid, classic: true, hidden: false),
    applet!("lmlicvalidator", lmlicvalidator, classic: true, hidden: false),
    applet!("lmlint", lmlint, classic: false, hidden: false),
    applet!("lmfmt", lmfmt, classic: false, hidden: false),
    applet!("lmopt", lmopt, classic: true, hidden: false),
    applet!("lmcatalog", lmcatalog, classic: false, hidden: false),
    applet!("lmdiff", lmdiff, classic: false, hidden: false),
    applet!("lmexplain", lmexplain, classic: false, hidden: false),
    #[cfg(feature = "server")]
    applet!("lmreplay", lmreplay, classic: false, hidden: false),
    applet!("lmcksum", lmcksum, classic: true, hidden: false),
    applet!("lminstall", lminstall, classic: true, hidden: false),
    applet!("lmcrypt", lmcrypt, classic: false, hidden: false),
    applet!("lmver", lmver, classic: true, hidden: false),
    applet!("lsp", lsp, classic: false, hidden: false),
    #[cfg(feature = "server")]
    applet!("LGS", vendord, classic: false, hidden: true),
    #[cfg(feature = "server")]
    applet!("vendord", vendord, classic: false, hidden: true),
];

impl Applet {
    /// The applet of this name.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        APPLETS.iter().find(|applet| applet.name == name)
    }

    /// One line for an overview: the first of its help.
    pub(super) fn about(&self) -> String {
        (self.shape)(Command::new(self.name)).get_about().map(ToString::to_string).unwrap_or_default()
    }

    /// Reads the arguments and runs. Output that could not be written makes the status that of a failure.
    pub(super) fn start(&self, call: Call) -> u8 {
        let status = self.read_and_run(call);
        if is_output_lost() { status.max(wrong_call(self.name)) } else { status }
    }

    fn read_and_run(&self, call: Call) -> u8 {
        let command = (self.shape)(
            Command::new(self.name)
                .bin_name(bin_name(self.name, &call.name))
                .no_binary_name(true)
                .disable_version_flag(true)
                .help_template("{about}\n\n{usage-heading} {usage}\n\n{all-args}{after-help}\n"),
        );
        let arguments = if self.classic {
            classic::normalise(&command, call.arguments.clone())
        } else {
            call.arguments.clone()
        };
        let outcome = command.try_get_matches_from(arguments).and_then(|matches| (self.run)(&matches, &call));
        match outcome {
            Ok(status) => status,
            Err(error) if error.use_stderr() => {
                print_error(&error.render().to_string());
                wrong_call(self.name)
            }
            Err(help) => {
                print(&help.render().to_string());
                0
            }
        }
    }
}

/// Exit status of a wrong call and of lost output: 1 of the classic tools, another one where 1 has a meaning.
fn wrong_call(applet: &str) -> u8 {
    match applet {
        "lmlint" | "lmcatalog" | "lmdiff" => lmlint::WRONG_CALL,
        "lmfmt" => lmfmt::TROUBLE,
        "lmopt" => lmopt::TROUBLE,
        "lmexplain" => lmexplain::TROUBLE,
        #[cfg(feature = "server")]
        "lmreplay" => lmreplay::TROUBLE,
        _ => USAGE,
    }
}

/// How usage lines name the applet: by this program, or by the tool that ran it.
fn bin_name(applet: &str, called: &str) -> String {
    format!("{} {applet}", if applet == called { PROGRAM } else { called })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_applet_has_a_sound_shape_and_its_own_name() {
        for applet in APPLETS {
            (applet.shape)(Command::new(applet.name)).debug_assert();
            assert!(!applet.about().is_empty(), "{}", applet.name);
            assert_eq!(APPLETS.iter().filter(|other| other.name == applet.name).count(), 1);
        }
    }
}
