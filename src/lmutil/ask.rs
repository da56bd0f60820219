//! What all tools share when they ask servers: whom, as whom, and what to say when it fails.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::client::{
    Connection, DialError, Entry, Limits, SearchPath, ServerAddress, SystemError, THIS_HOST, client_part,
    own_claims,
};
use crate::code::{Code, minor};
use crate::event::Denial;
use crate::ident::NameError;
use crate::license::LicenseFile;
use crate::platform::{LICENSE_FILE_BYTES_MAX, SystemClock, licenses_in, read_regular};
use crate::text::Source;
use crate::time::Clock as _;
use crate::wire::{self, Hello, Message, Purpose, ServerInfo};

/// Why a tool did not get what it asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Number, place and note.
    pub denial: Denial,
    /// What the system said.
    pub system: Option<SystemError>,
}

impl Failure {
    /// A failure without a word of the system.
    #[must_use]
    pub fn new(code: Code, minor: u16, note: &str) -> Self {
        Self { denial: Denial::new(code, minor, note), system: None }
    }

    /// Exit status of the tool that meets it.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        self.denial.code.exit_status()
    }
}

impl fmt::Display for Failure {
    /// `Cannot connect to license server system. (-15,501:111 "Connection refused")`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(SystemError { number, text }) = &self.system else { return self.denial.fmt(f) };
        let Denial { code, minor, .. } = &self.denial;
        write!(f, "{}. ({},{minor}:{number} \"{text}\")", self.denial.text(), code.number())
    }
}

impl From<Denial> for Failure {
    fn from(denial: Denial) -> Self {
        Self { denial, system: None }
    }
}

impl From<DialError> for Failure {
    fn from(error: DialError) -> Self {
        Self { denial: error.denial(), system: error.system() }
    }
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        Self::new(Code::InvalidParameter, minor::MALFORMED, &error.to_string())
    }
}

/// The greeting of a tool: it wants no session.
///
/// # Errors
/// [`Failure`] when this machine or account has no name that can be sent.
pub fn hello() -> Result<Hello, Failure> {
    Ok(Hello {
        major: wire::MAJOR,
        minor: wire::MINOR,
        purpose: Purpose::Ask,
        time: SystemClock::new().now().utc,
        claims: own_claims()?,
        vendor: None,
    })
}

/// Whom one entry of the license path means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// One server, or the three of a triad.
    pub servers: Vec<ServerAddress>,
}

/// The servers of a license path. Entries that name none give the last failure, if no other does better.
///
/// # Errors
/// [`Failure`] when no entry names a server.
pub fn targets(path: &SearchPath) -> Result<Vec<Target>, Failure> {
    let mut found = Vec::new();
    let mut failure = Failure::new(Code::NoLicenseFile, minor::PATH_EMPTY, "no license path is given");
    for entry in &path.entries {
        match entry {
            Entry::Server(server) => found.push(Target { servers: vec![server.clone()] }),
            Entry::Triad(servers) => found.push(Target { servers: servers.to_vec() }),
            Entry::Bad { text, why } => {
                failure = Failure::new(Code::NoLicenseFile, minor::PATH_EMPTY, &format!("{text}: {why}"));
            }
            Entry::Path(path) => {
                for file in license_files(path) {
                    match read_license(&file).and_then(|license| servers_of(&file, license)) {
                        Ok(target) => found.push(target),
                        Err(error) => failure = error,
                    }
                }
            }
        }
    }
    let mut targets: Vec<Target> = Vec::new();
    for target in found {
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    if targets.is_empty() { Err(failure) } else { Ok(targets) }
}

/// The part of a license path that lies on one server, for `-s`: `port@host`, or the name of a host. A host that the path
/// does not name is asked at the usual ports.
#[must_use]
pub fn on_server(path: &SearchPath, server: &str) -> SearchPath {
    if server.contains('@') {
        return SearchPath::parse(server);
    }
    let there = |target: &Target| target.servers.iter().any(|it| it.host.eq_ignore_ascii_case(server));
    // A path that names no server at all has none on this host either.
    let mut entries: Vec<Entry> = targets(path)
        .unwrap_or_default()
        .into_iter()
        .filter(there)
        .flat_map(|target| target.servers)
        .map(Entry::Server)
        .collect();
    if entries.is_empty() {
        entries.push(Entry::Server(ServerAddress { port: None, host: server.to_owned() }));
    }
    SearchPath { entries }
}

/// The file, or the `*.lic` of a directory in byte order.
pub(super) fn license_files(path: &Path) -> Vec<PathBuf> {
    // What can't be listed is reported when it is read.
    licenses_in(path).unwrap_or_else(|_| vec![path.to_owned()])
}

/// Reads a license file.
pub(super) fn read_license(path: &Path) -> Result<LicenseFile, Failure> {
    let failed = |error: &std::io::Error| {
        let code = if error.kind() == std::io::ErrorKind::NotFound {
            Code::NoLicenseFile
        } else {
            Code::CannotReadFile
        };
        let system = SystemError::of(error);
        let place = path.display();
        let note = if system.is_some() { place.to_string() } else { format!("{place}: {error}") };
        Failure { denial: Denial::new(code, minor::FILE_UNREADABLE, &note), system }
    };
    let bytes = read_regular(path, LICENSE_FILE_BYTES_MAX).map_err(|error| failed(&error))?;
    Ok(LicenseFile::parse(Source::new(&path.display().to_string(), &bytes)))
}

fn servers_of(path: &Path, license: LicenseFile) -> Result<Target, Failure> {
    let servers: Vec<ServerAddress> = client_part(license)
        .servers()
        .map(|server| ServerAddress { port: server.port, host: server.host.clone() })
        .collect();
    if servers.is_empty() {
        let note = format!("{} has no SERVER line", path.display());
        return Err(Failure::new(Code::NoServerLine, minor::FILE_WITHOUT_SERVER, &note));
    }
    Ok(Target { servers })
}

/// Connects to a license manager and asks what it serves.
///
/// # Errors
/// [`Failure`].
pub async fn ask_server(server: &ServerAddress, limits: Limits) -> Result<(Connection, ServerInfo), Failure> {
    let mut connection = Connection::open_named(server, &hello()?, limits).await?;
    match connection.ask(&Message::AskServer).await? {
        Message::Server(info) => Ok((connection, *info)),
        other => Err(connection.unexpected(&other).into()),
    }
}

/// The host as tools show it: as it was asked for, so that the same name stands in all places; the server's own name
/// for `this_host` and for what readers would not take as a name.
#[must_use]
pub fn shown_host(asked: &str, own: Option<&str>) -> String {
    let plain = |host: &str| host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    match own {
        Some(own) if asked == THIS_HOST || !plain(asked) => own.to_owned(),
        _ => asked.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_name_their_servers_once() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.lic"), "SERVER lic1 AABBCCDDEEFF 27000\n").unwrap();
        std::fs::write(dir.path().join("b.lic"), "SERVER lic1 ANY 27000\n").unwrap();
        std::fs::write(dir.path().join("c.lic"), "VENDOR LGS\n").unwrap();
        let path = SearchPath::parse(&format!("{}:27001@lic2", dir.path().display()));
        let names: Vec<String> =
            targets(&path).unwrap().iter().map(|target| target.servers[0].to_string()).collect();
        assert_eq!(names, ["27000@lic1", "27001@lic2"]);
    }

    #[test]
    fn a_path_without_servers_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.lic");
        std::fs::write(&file, "VENDOR LGS\n").unwrap();
        let error = |list: String| targets(&SearchPath::parse(&list)).unwrap_err();
        assert_eq!(error(file.display().to_string()).denial.code, Code::NoServerLine);
        let missing = error(dir.path().join("none.lic").display().to_string());
        assert!(missing.to_string().starts_with("Cannot find license file. (-1,111:2 \""), "{missing}");
        assert_eq!(missing.exit_status(), 255);
    }

    #[test]
    fn hosts_are_shown_as_they_were_asked_for() {
        assert_eq!(shown_host("localhost", Some("lic1")), "localhost");
        assert_eq!(shown_host("this_host", Some("lic1")), "lic1");
        assert_eq!(shown_host("::1", Some("lic1")), "lic1");
        assert_eq!(shown_host("::1", None), "::1");
    }
}
