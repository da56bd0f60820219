//! The license files of a server, fetched over the network, so that tools can judge them from any machine.

use super::ask::{self, Failure};
use super::runtime;
use crate::client::{Entry, Limits, SearchPath, ServerAddress};
use crate::code::{Code, minor};
use crate::license::LicenseFile;
use crate::text::Source;
use crate::wire::{LicensePart, Message};

/// A license file as it is on the server's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedText {
    /// Its path on the server, as `lmstat -a` shows it.
    pub name: String,
    /// Its bytes, or why the server can't read them.
    pub bytes: Result<Vec<u8>, String>,
}

/// The license files of one license manager, in path order. Waits for the answer.
///
/// # Errors
/// [`Failure`] when the server can't be asked. A file that the server can't read is no failure; it says so in its place.
pub fn fetch(server: &ServerAddress, limits: Limits) -> Result<Vec<ServedText>, Failure> {
    runtime()?.block_on(ask_texts(server, limits))
}

/// The license files of the first that answers of some servers, as the three of a triad have the same ones.
///
/// # Errors
/// The last server's [`Failure`].
pub fn fetch_any(servers: &[ServerAddress], limits: Limits) -> Result<Vec<ServedText>, Failure> {
    let mut failure = Failure::new(Code::NoServerLine, minor::PATH_EMPTY, "no server is named");
    for server in servers {
        match fetch(server, limits) {
            Ok(texts) => return Ok(texts),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// The license files that a search path means, in its order: files are read, of a server the files that it serves are
/// fetched. What can't be had stands in its place as the reason.
#[must_use]
pub fn licenses_of(path: &SearchPath, limits: Limits) -> Vec<Result<LicenseFile, Failure>> {
    let mut licenses = Vec::new();
    for entry in &path.entries {
        match entry {
            Entry::Path(path) => {
                licenses.extend(ask::license_files(path).iter().map(|file| ask::read_license(file)));
            }
            Entry::Server(server) => licenses.extend(served(std::slice::from_ref(server), limits)),
            Entry::Triad(servers) => licenses.extend(served(servers, limits)),
            Entry::Bad { text, why } => {
                let note = format!("{text}: {why}");
                licenses.push(Err(Failure::new(Code::NoLicenseFile, minor::PATH_EMPTY, &note)));
            }
        }
    }
    licenses
}

/// The license files that one of these servers serves.
fn served(servers: &[ServerAddress], limits: Limits) -> Vec<Result<LicenseFile, Failure>> {
    let texts = match fetch_any(servers, limits) {
        Ok(texts) => texts,
        Err(failure) => return vec![Err(failure)],
    };
    let license = |text: ServedText| match text.bytes {
        Ok(bytes) => Ok(LicenseFile::parse(Source::new(&text.name, &bytes))),
        Err(why) => {
            let note = format!("{} on the server: {why}", text.name);
            Err(Failure::new(Code::CannotReadFile, minor::FILE_UNREADABLE, &note))
        }
    };
    texts.into_iter().map(license).collect()
}

async fn ask_texts(server: &ServerAddress, limits: Limits) -> Result<Vec<ServedText>, Failure> {
    let (mut connection, _) = ask::ask_server(server, limits).await?;
    match connection.ask(&Message::AskLicenses).await? {
        Message::Licenses(parts) => Ok(put_together(parts)),
        other => Err(connection.unexpected(&other).into()),
    }
}

/// Files from their parts. Bytes that no file began belong to none and are left out.
fn put_together(parts: Vec<LicensePart>) -> Vec<ServedText> {
    let mut texts: Vec<ServedText> = Vec::new();
    for part in parts {
        let last = texts.last_mut();
        match (part, last) {
            // Said of a file that had begun already.
            (LicensePart::File { name, unreadable: Some(why) }, Some(last)) if last.name == name => {
                last.bytes = Err(why);
            }
            (LicensePart::File { name, unreadable }, _) => {
                texts.push(ServedText { name, bytes: unreadable.map_or_else(|| Ok(Vec::new()), Err) });
            }
            (LicensePart::Bytes(more), Some(ServedText { bytes: Ok(bytes), .. })) => bytes.extend(more),
            (LicensePart::Bytes(_), _) => {}
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, why: Option<&str>) -> LicensePart {
        LicensePart::File { name: name.to_owned(), unreadable: why.map(str::to_owned) }
    }

    #[test]
    fn parts_become_files_and_a_torn_file_is_none() {
        let bytes = |text: &str| LicensePart::Bytes(text.as_bytes().to_vec());
        let texts = put_together(vec![
            bytes("stray"),
            file("a", None),
            bytes("12"),
            bytes("34"),
            file("b", Some("access denied")),
            file("c", None),
            bytes("56"),
            file("c", Some("input/output error")),
            file("d", None),
        ]);
        let shown: Vec<(&str, Result<&[u8], &str>)> = texts
            .iter()
            .map(|text| (text.name.as_str(), text.bytes.as_deref().map_err(String::as_str)))
            .collect();
        assert_eq!(
            shown,
            [
                ("a", Ok(&b"1234"[..])),
                ("b", Err("access denied")),
                ("c", Err("input/output error")),
                ("d", Ok(&b""[..])),
            ]
        );
    }
}
