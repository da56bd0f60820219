//! lmdown: ends license servers in order (`flexnet-tools.md` 2.9). Every request proves the administrator's key.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ask::{self, Failure};
use super::runtime;
use crate::client::{Connection, Limits, SearchPath, ServerAddress};
use crate::code::{Code, minor};
use crate::event::Denial;
use crate::ident::VendorName;
use crate::platform::{self, ADMIN_KEY_FILE};
use crate::sign::AdminKey;
use crate::text::counted;
use crate::wire::{Control, ControlVerb, Message, ServerInfo};

/// Names a file with the administrator's key.
pub const KEY_VARIABLE: &str = "SEATKEEPER_ADMIN_KEY";

/// How long a server may take to end: its vendor daemons write their last records.
pub const ENDING: Duration = Duration::from_secs(60);

/// A server that can be ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where it was reached, as it is shown: `27000@lic1`.
    pub place: String,
    /// What it serves.
    pub info: ServerInfo,
    pub(super) server: ServerAddress,
}

/// Where the key comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeySource {
    /// `--admin-key FILE`.
    pub file: Option<PathBuf>,
    /// The value of [`KEY_VARIABLE`].
    pub variable: Option<PathBuf>,
}

/// The servers of a path that answer.
///
/// # Errors
/// [`Failure`] when none does.
pub fn candidates(path: &SearchPath, limits: Limits) -> Result<Vec<Candidate>, Failure> {
    runtime()?.block_on(async {
        let mut found = Vec::new();
        let mut failure = Failure::new(Code::NoLicenseFile, minor::PATH_EMPTY, "");
        for server in ask::targets(path)?.into_iter().flat_map(|target| target.servers) {
            match ask::ask_server(&server, limits).await {
                Ok((_, info)) => {
                    let host = ask::shown_host(&server.host, Some(info.host.as_str()));
                    found.push(Candidate { place: format!("{}@{host}", info.port), info, server });
                }
                Err(error) => failure = error,
            }
        }
        if found.is_empty() { Err(failure) } else { Ok(found) }
    })
}

/// The list that is shown before the question.
#[must_use]
pub fn list(candidates: &[Candidate]) -> String {
    let mut text = "   Port@Host            Vendors\n".to_owned();
    for (index, candidate) in candidates.iter().enumerate() {
        text.push_str(&format!("{}) {}", index + 1, candidate.place));
        candidate.info.vendors.iter().for_each(|vendor| text.push_str(&format!(" {}", vendor.name)));
        text.push_str(" \n");
    }
    text
}

/// The last line.
#[must_use]
pub fn summary(count: usize) -> String {
    format!("    {} shut down\n", counted(count, "License Server"))
}

/// Ends one server, or one of its vendor daemons, and waits until that is done. Gives the server's answer.
///
/// # Errors
/// [`Failure`].
pub fn shut_down(
    candidate: &Candidate,
    vendor: Option<&VendorName>,
    force: bool,
    key: &KeySource,
    limits: Limits,
) -> Result<String, Failure> {
    runtime()?.block_on(async {
        let limits = Limits { answer: ENDING, ..limits };
        let (mut connection, _) = ask::ask_server(&candidate.server, limits).await?;
        let verb = ControlVerb::Shutdown { vendor: vendor.cloned(), force };
        let (lines, _) = order(&mut connection, verb, key).await?;
        if vendor.is_none() {
            until_closed(&mut connection).await;
        }
        Ok(lines.join("; "))
    })
}

/// Gives an order over a connection to lmgrd: its lines, and why not all of it was done.
pub(super) async fn order(
    connection: &mut Connection,
    verb: ControlVerb,
    key: &KeySource,
) -> Result<(Vec<String>, Option<Denial>), Failure> {
    match prove(connection, verb, key).await? {
        Message::Done { lines, refused } => Ok((lines, refused)),
        _ => Err(not_asked_for()),
    }
}

/// Gives an order with the proof that it needs, to lmgrd or to a vendor daemon: the answer.
pub(super) async fn prove(
    connection: &mut Connection,
    verb: ControlVerb,
    key: &KeySource,
) -> Result<Message, Failure> {
    let Message::Nonce { nonce, key_path } = connection.ask(&Message::AskNonce).await? else {
        return Err(not_asked_for());
    };
    let hello = ask::hello()?;
    let mut control =
        Control { verb, user: hello.claims.user, host: hello.claims.host, nonce, proof: [0; 32] };
    control.proof = admin_key(key, Path::new(&key_path))?.prove(&nonce, &control.proved_bytes());
    Ok(connection.ask(&Message::Control(Box::new(control))).await?)
}

fn not_asked_for() -> Failure {
    Failure::new(Code::BadReturnedData, minor::ANSWER_UNEXPECTED, "the answer is not of the kind asked for")
}

/// The port is free when the server has closed.
async fn until_closed(connection: &mut Connection) {
    let closed = async { while connection.next().await.is_ok() {} };
    // The server has said that it ends; its last moments need no failure.
    let _ = tokio::time::timeout(Duration::from_secs(5), closed).await;
}

/// The key that was named; else the one that the server names, which can only be read on its own machine. A server can
/// name any path, so only a file with the key's own name is opened.
fn admin_key(source: &KeySource, named_by_server: &Path) -> Result<AdminKey, Failure> {
    let refused = |note: &str| Failure::new(Code::NotAdministrator, minor::CONTROL_PROOF, note);
    let path = match source.file.as_ref().or(source.variable.as_ref()) {
        Some(path) => path.as_path(),
        None if named_by_server.file_name().is_some_and(|name| name == ADMIN_KEY_FILE)
            && named_by_server.is_absolute() =>
        {
            named_by_server
        }
        None => return Err(refused("the server names no key; name it with --admin-key")),
    };
    let text = platform::read_admin_key(path).map_err(|error| refused(&error.to_string()))?;
    AdminKey::parse(&text).map_err(|error| refused(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_name_any_file_as_the_key() {
        let source = KeySource::default();
        for path in ["/etc/passwd", "admin.key", "/x/admin.key/.."] {
            let failure = admin_key(&source, Path::new(path)).unwrap_err();
            assert_eq!(failure.denial.code, Code::NotAdministrator);
            assert!(failure.denial.note.contains("--admin-key"), "{path}");
        }
    }

    #[test]
    fn the_named_key_wins() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        for place in [&one, &two] {
            std::fs::create_dir(place).unwrap();
            platform::admin_key(place).unwrap();
        }
        let key =
            |source: KeySource| admin_key(&source, &one.join(ADMIN_KEY_FILE)).unwrap().prove(b"n", b"m");
        let of_two = KeySource { file: Some(two.join(ADMIN_KEY_FILE)), variable: None };
        assert_ne!(key(KeySource::default()), key(of_two.clone()));
        assert_eq!(key(KeySource { file: None, variable: of_two.file.clone() }), key(of_two));
    }

    #[test]
    fn the_summary_counts() {
        assert_eq!(summary(1), "    1 License Server shut down\n");
        assert_eq!(summary(2), "    2 License Servers shut down\n");
    }
}
