//! Who runs this program, where, and at which display: what a client claims in its hello.

use std::io::IsTerminal as _;

use crate::ident::{Display, Host, NameError, User};

/// The login name: of the account that runs the program, else from `LOGNAME` or `USER`, else the account's number as
/// `uid1000`.
///
/// # Errors
/// [`NameError`] only if even the number can't be a name.
pub fn user_name() -> Result<User, NameError> {
    let number = rustix::process::getuid().as_raw();
    let from_accounts = || {
        let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
        User::parse(account_name(&accounts, number)?).ok()
    };
    let from_environment =
        || ["LOGNAME", "USER"].iter().find_map(|name| User::parse(&std::env::var(name).ok()?).ok());
    match from_accounts().or_else(from_environment) {
        Some(user) => Ok(user),
        None => User::parse(&format!("uid{number}")),
    }
}

/// The machine's name as `uname -n` prints it; `localhost` if it has none.
///
/// # Errors
/// [`NameError`] when the name is not one that a license file could hold.
pub fn host_name() -> Result<Host, NameError> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Host::parse(if name.is_empty() { "localhost" } else { &name })
}

/// The display that lmstat shows: the terminal of standard input, output or error, else `DISPLAY`, else the host's
/// name, as tools that read lmstat want a word there always.
#[must_use]
pub fn display_name(host: &Host) -> Option<Display> {
    let from_terminal = || {
        let open = [
            std::io::stdin().is_terminal(),
            std::io::stdout().is_terminal(),
            std::io::stderr().is_terminal(),
        ];
        let (number, _) = open.iter().enumerate().find(|(_, terminal)| **terminal)?;
        let path = std::fs::read_link(format!("/proc/self/fd/{number}")).ok()?;
        Display::parse(path.to_str()?).ok()
    };
    let from_environment = || Display::parse(&std::env::var("DISPLAY").ok()?).ok();
    from_terminal().or_else(from_environment).or_else(|| Display::parse(host.as_str()).ok())
}

fn account_name(accounts: &str, number: u32) -> Option<&str> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let uid: u32 = fields.nth(1)?.parse().ok()?;
        (uid == number).then_some(name)
    })
}

/// The number of a group, from the text of the group file.
pub(crate) fn group_number(groups: &str, name: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_and_groups_are_found_by_field() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:100:Ann:/home/ann:/bin/sh\n";
        assert_eq!(account_name(accounts, 1000), Some("ann"));
        assert_eq!(account_name(accounts, 100), None);
        assert_eq!(group_number("lm:x:1:\nlmadmin:x:77:ann\n", "lmadmin"), Some(77));
        assert_eq!(group_number("lm:x:1:\n", "lmadmin"), None);
    }

    #[test]
    fn this_process_has_a_user_a_host_and_a_display() {
        let host = host_name().unwrap();
        assert!(!user_name().unwrap().as_str().is_empty());
        assert!(display_name(&host).is_some());
    }
}
