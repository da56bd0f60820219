//! Options of the classic tools: long names behind a single dash (`-vendor LGS`, `-local`), never several letters in
//! one word. They are rewritten to what clap reads, and only for applets that are called so.

use std::ffi::OsString;

use clap::Command;

/// Rewrites `-name` to `--name`. Words of one letter, values and everything behind `--` stay. A word of several letters
/// is always taken as one name, so that an unknown `-log_format` is refused and not read as `-l og_format`.
pub(super) fn normalise(command: &Command, arguments: Vec<OsString>) -> Vec<OsString> {
    let mut options = true;
    let mut value_next = false;
    arguments
        .into_iter()
        .map(|argument| {
            options &= argument != "--";
            let is_value = std::mem::take(&mut value_next);
            let Some(text) = argument.to_str().filter(|_| options && !is_value) else {
                return argument;
            };
            match text.strip_prefix('-') {
                Some(name) if name.chars().count() > 1 && !name.starts_with('-') => {
                    value_next = needs_value(command, name);
                    OsString::from(format!("-{text}"))
                }
                Some(name) => {
                    value_next = needs_value(command, name.trim_start_matches('-'));
                    argument
                }
                None => argument,
            }
        })
        .collect()
}

/// Whether the next word is the option's value whatever it looks like.
fn needs_value(command: &Command, name: &str) -> bool {
    command
        .get_arguments()
        .find(|option| {
            option.get_long() == Some(name)
                || option.get_short().is_some_and(|short| name.chars().eq([short]))
        })
        .is_some_and(|option| {
            option.get_action().takes_values()
                && option.get_num_args().is_none_or(|range| range.min_values() > 0)
        })
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction};

    use super::*;

    fn tool() -> Command {
        Command::new("tool")
            .no_binary_name(true)
            .arg(Arg::new("c").short('c'))
            .arg(Arg::new("l").short('l'))
            .arg(Arg::new("f").short('f').num_args(0..=1))
            .arg(Arg::new("vendor").long("vendor"))
            .arg(Arg::new("local").long("local").action(ArgAction::SetTrue))
    }

    fn rewritten(words: &[&str]) -> Vec<String> {
        normalise(&tool(), words.iter().map(OsString::from).collect())
            .into_iter()
            .map(|word| word.into_string().unwrap())
            .collect()
    }

    #[test]
    fn long_names_get_their_second_dash() {
        assert_eq!(
            rewritten(&["-local", "-vendor", "LGS", "-c", "1@h"]),
            ["--local", "--vendor", "LGS", "-c", "1@h"]
        );
        assert_eq!(rewritten(&["--local", "-f", "-c", "-odd"]), ["--local", "-f", "-c", "-odd"]);
        assert_eq!(rewritten(&["--", "-local"]), ["--", "-local"]);
        assert_eq!(rewritten(&["-l", "+lgs.log"]), ["-l", "+lgs.log"]);
    }

    #[test]
    fn an_unknown_name_is_not_read_as_a_letter_with_a_value() {
        let words = normalise(&tool(), vec!["-log_format".into()]);
        assert!(tool().try_get_matches_from(words).is_err());
    }
}
