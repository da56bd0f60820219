//! The license search path: where a client looks for licenses, in which order (`flexnet-files.md` 2).
//!
//! Variables are taken from the environment, else from `.flexlmrc` in the home directory, which other license systems
//! write. We only read it: a checkout that remembers where it succeeded would change what other programs do, unasked.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::ident::VendorName;
use crate::platform::read_regular;

/// The variable that is read before all others, so that this system and another one can live on one machine.
pub const OWN_VARIABLE: &str = "SEATKEEPER_LICENSE_FILE";

/// The variable that every publisher's clients read.
pub const COMMON_VARIABLE: &str = "LM_LICENSE_FILE";

/// Where licenses are looked for when nothing says where.
#[cfg(not(windows))]
pub const DEFAULT_PLACE: &str = "/usr/local/flexlm/licenses/license.dat";
/// Where licenses are looked for when nothing says where.
#[cfg(windows)]
pub const DEFAULT_PLACE: &str = r"C:\flexlm\license.dat";

/// The file in the home directory that may hold the variables, as lines `NAME=value`.
pub const VARIABLES_FILE: &str = ".flexlmrc";

/// Longest file of variables that is read, in bytes.
const VARIABLES_BYTES_MAX: u64 = 1 << 20;

/// What separates the entries of a list.
#[cfg(not(windows))]
pub const SEPARATOR: char = ':';
/// What separates the entries of a list.
#[cfg(windows)]
pub const SEPARATOR: char = ';';

/// The host that stands for the machine on which a license file is read.
pub const THIS_HOST: &str = "this_host";

/// Where to look for licenses, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchPath {
    /// The entries as they stood, empty ones left out.
    pub entries: Vec<Entry>,
}

/// One entry of a search path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A license file, or a directory whose `*.lic` are taken in byte order of their names.
    Path(PathBuf),
    /// `port@host` or `@host`.
    Server(ServerAddress),
    /// `p1@h1,p2@h2,p3@h3`: three servers as one.
    Triad([ServerAddress; 3]),
    /// Looks like a server but is none.
    Bad {
        /// What stands there.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Where a license manager listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerAddress {
    /// Its port; none means one of 27000 to 27009.
    pub port: Option<u16>,
    /// Host name or address, IPv6 without brackets.
    pub host: String,
}

impl fmt::Display for ServerAddress {
    /// `27000@host`, `@host`, `27000@[::1]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(port) = self.port {
            write!(f, "{port}")?;
        }
        if self.host.contains(':') { write!(f, "@[{}]", self.host) } else { write!(f, "@{}", self.host) }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Server(server) => server.fmt(f),
            Self::Triad([one, two, three]) => write!(f, "{one},{two},{three}"),
            Self::Bad { text, .. } => f.write_str(text),
        }
    }
}

impl fmt::Display for SearchPath {
    /// The entries with a separator after each, as the long form of an error prints them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.iter().try_for_each(|entry| write!(f, "{entry}{SEPARATOR}"))
    }
}

impl SearchPath {
    /// Reads a list. Nothing is refused here: an entry that makes no sense is reported when it is tried.
    #[must_use]
    pub fn parse(list: &str) -> Self {
        Self::parse_separated(list, SEPARATOR)
    }

    /// [`SearchPath::parse`] of a list as another system writes it: entries are separated by `:`, on Windows by `;`, so
    /// that the colon of a drive letter separates nothing there.
    #[must_use]
    pub fn parse_separated(list: &str, separator: char) -> Self {
        Self {
            entries: split(list, separator).into_iter().filter(|part| !part.is_empty()).map(entry).collect(),
        }
    }

    /// Whether nothing said where to look.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::parse(DEFAULT_PLACE)
    }

    /// The path of a client: what was given explicitly and nothing else; or the variables, own, vendor's and common,
    /// one after the other; or the default place.
    pub fn find(
        explicit: Option<&str>,
        vendor: Option<&VendorName>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        if let Some(list) = explicit {
            return Self::parse(list);
        }
        let vendors = vendor.map(|name| format!("{}_LICENSE_FILE", name.as_str().to_uppercase()));
        let names = [Some(OWN_VARIABLE), vendors.as_deref(), Some(COMMON_VARIABLE)];
        let lists = names.into_iter().flatten().filter_map(variable);
        let entries: Vec<Entry> = lists.flat_map(|list| Self::parse(&list).entries).collect();
        if entries.is_empty() { Self::parse(DEFAULT_PLACE) } else { Self { entries } }
    }

    /// [`SearchPath::find`] with the variables of this process; those that it does not have are looked for in
    /// [`VARIABLES_FILE`].
    #[must_use]
    pub fn from_environment(explicit: Option<&str>, vendor: Option<&VendorName>) -> Self {
        let environment = |name: &str| {
            // What is no UTF-8 is tried as well as it can be read, so that it is reported and not passed over.
            std::env::var_os(name).map(|list| list.to_string_lossy().into_owned())
        };
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
        let kept = if explicit.is_none() { kept_variables(home.as_deref()) } else { String::new() };
        Self::find(explicit, vendor, |name| environment(name).or_else(|| kept_variable(&kept, name)))
    }
}

/// The text of [`VARIABLES_FILE`]; empty if there is none.
fn kept_variables(home: Option<&OsStr>) -> String {
    let Some(path) = home.map(|home| Path::new(home).join(VARIABLES_FILE)) else { return String::new() };
    match read_regular(&path, VARIABLES_BYTES_MAX) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(path = %path.display(), %error, "the license path kept there is left out");
            }
            String::new()
        }
    }
}

/// The value of a variable in lines `NAME=value`. The last one holds, as each is written behind the older ones.
fn kept_variable(lines: &str, name: &str) -> Option<String> {
    let mut values = lines.lines().filter_map(|line| line.split_once('='));
    values.rfind(|(known, _)| known.trim() == name).map(|(_, value)| value.trim().to_owned())
}

/// Splits at separators outside of the brackets of an address, `@[…]`.
fn split(list: &str, separator: char) -> Vec<&str> {
    let (mut in_address, mut before) = (false, ' ');
    list.split(|c: char| {
        in_address = (in_address || (c == '[' && before == '@')) && c != ']';
        before = c;
        c == separator && !in_address
    })
    .map(str::trim)
    .collect()
}

fn entry(text: &str) -> Entry {
    let bad = |why| Entry::Bad { text: text.to_owned(), why };
    let mut servers = Vec::new();
    for part in text.split(',') {
        match server(part) {
            Some(Ok(server)) => servers.push(server),
            Some(Err(why)) => return bad(why),
            // A comma or @ may stand in a path.
            None => return Entry::Path(PathBuf::from(text)),
        }
    }
    match <[ServerAddress; 1]>::try_from(servers) {
        Ok([server]) => Entry::Server(server),
        Err(servers) => match <[ServerAddress; 3]>::try_from(servers) {
            Ok(triad) => Entry::Triad(triad),
            Err(_) => bad("three servers as one need exactly three addresses"),
        },
    }
}

/// `port@host` or `@host`; none if it has another shape and so is a path.
fn server(text: &str) -> Option<Result<ServerAddress, &'static str>> {
    let (port, host) = text.trim().split_once('@')?;
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port = match port.parse::<u16>() {
        Ok(0) => return Some(Err("port 0 is no port")),
        Ok(port) => Some(port),
        Err(_) if port.is_empty() => None,
        Err(_) => return Some(Err("a port is a number from 1 to 65535")),
    };
    let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@') {
        return Some(Err("expected a host name or address behind @"));
    }
    Some(Ok(ServerAddress { port, host: host.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16, host: &str) -> ServerAddress {
        ServerAddress { port: Some(port), host: host.to_owned() }
    }

    #[test]
    fn case_p01_the_vendors_variable_comes_before_the_common_one() {
        let vendor = VendorName::parse("acmed").unwrap();
        let variable = |name: &str| match name {
            "ACMED_LICENSE_FILE" => Some("1700@a".to_owned()),
            "LM_LICENSE_FILE" => Some("1700@b".to_owned()),
            _ => None,
        };
        let path = SearchPath::find(None, Some(&vendor), variable);
        assert_eq!(path.entries, [Entry::Server(at(1700, "a")), Entry::Server(at(1700, "b"))]);
        let own = |name: &str| if name == OWN_VARIABLE { Some("1@own".to_owned()) } else { variable(name) };
        assert_eq!(SearchPath::find(None, Some(&vendor), own).to_string(), "1@own:1700@a:1700@b:");
        assert_eq!(SearchPath::find(None, None, variable).to_string(), "1700@b:");
    }

    #[test]
    fn case_p03_a_host_alone_has_no_port() {
        let path = SearchPath::parse("@srv");
        assert_eq!(path.entries, [Entry::Server(ServerAddress { port: None, host: "srv".to_owned() })]);
    }

    #[test]
    fn case_p04_a_triad_is_one_entry() {
        let path = SearchPath::parse("1@a,1@b,1@c:2@d");
        assert_eq!(
            path.entries,
            [Entry::Triad([at(1, "a"), at(1, "b"), at(1, "c")]), Entry::Server(at(2, "d"))]
        );
    }

    #[test]
    fn case_p05_an_explicit_path_replaces_the_variables() {
        let path = SearchPath::find(Some("1700@a"), None, |_| Some("1700@b".to_owned()));
        assert_eq!(path.entries, [Entry::Server(at(1700, "a"))]);
    }

    #[test]
    fn no_split_inside_brackets() {
        let path = SearchPath::parse("27000@[2001:db8::1]:/l/a.lic::@[::1]");
        assert_eq!(path.to_string(), "27000@[2001:db8::1]:/l/a.lic:@[::1]:");
        assert_eq!(path.entries[0], Entry::Server(at(27000, "2001:db8::1")));
        assert_eq!(
            SearchPath::parse("/l/[a.lic:1@b").entries.len(),
            2,
            "a bracket in a file name is no address"
        );
    }

    #[test]
    fn a_drive_letter_is_not_split_off_where_semicolons_separate() {
        let path = SearchPath::parse_separated(r"C:\flexlm\a.lic;27000@[::1]; 1@a,1@b,1@c ;;d:\l", ';');
        assert_eq!(
            path.entries,
            [
                Entry::Path(PathBuf::from(r"C:\flexlm\a.lic")),
                Entry::Server(at(27000, "::1")),
                Entry::Triad([at(1, "a"), at(1, "b"), at(1, "c")]),
                Entry::Path(PathBuf::from(r"d:\l")),
            ]
        );
    }

    #[test]
    fn variables_are_kept_in_lines_of_which_the_last_holds() {
        let lines = "# none\nLM_LICENSE_FILE=1@old\nACMED_LICENSE_FILE = 1@a:2@b \nLM_LICENSE_FILE=1@new=x\nnonsense\n";
        assert_eq!(kept_variable(lines, "LM_LICENSE_FILE").as_deref(), Some("1@new=x"));
        assert_eq!(kept_variable(lines, "ACMED_LICENSE_FILE").as_deref(), Some("1@a:2@b"));
        assert_eq!(kept_variable(lines, "LM_LICENSE"), None);
        let home = tempfile::tempdir().unwrap();
        assert_eq!(kept_variables(Some(home.path().as_os_str())), "");
        std::fs::write(home.path().join(VARIABLES_FILE), lines).unwrap();
        assert_eq!(kept_variables(Some(home.path().as_os_str())), lines);
        std::fs::write(home.path().join(VARIABLES_FILE), vec![b'x'; 2 << 20]).unwrap();
        assert_eq!(kept_variables(Some(home.path().as_os_str())), "", "too long to be one");
        assert_eq!(kept_variables(None), "");
    }

    #[test]
    fn what_is_no_server_is_a_path_or_is_reported() {
        assert!(matches!(entry("/l/a@b.lic"), Entry::Path(_)));
        assert!(matches!(entry("a,b.lic"), Entry::Path(_)));
        for bad in ["0@a", "65536@a", "27000@", "@", "1@a,1@b", "1@a,1@b,1@c,1@d"] {
            assert!(matches!(entry(bad), Entry::Bad { .. }), "{bad}");
        }
        assert_eq!(SearchPath::find(None, None, |_| None).to_string(), format!("{DEFAULT_PLACE}:"));
    }
}
