//! Entries of the search path made into places that can be asked: servers, or a file that needs none.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::Path;

use super::config::{Config, Trust};
use super::error::{Attempt, SystemError};
use super::path::{Entry, SearchPath, ServerAddress};
use crate::catalog::{Catalog, Granted};
use crate::code::{Code, minor};
use crate::event::Denial;
use crate::ident::FeatureName;
use crate::license::{LicenseFile, LineKind, Standing};
use crate::platform::{LICENSE_FILE_BYTES_MAX, licenses_in, machine_hostids, read_regular, system_zone};
use crate::sign::Manifest;
use crate::text::Source;

/// Where licenses may come from.
#[derive(Debug)]
pub(super) enum Place {
    /// From a server; several stand for one system.
    Servers(Vec<ServerAddress>),
    /// From a file that needs no server: uncounted lines for this machine.
    Local {
        name: String,
        catalog: Box<Catalog>,
        /// Whether a server of the file has what these lines have not.
        partial: bool,
    },
    /// From nowhere, and why.
    Nothing(Attempt),
}

impl fmt::Display for Place {
    /// As an attempt names it: the servers of an entry, or the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Servers(servers) => {
                let names: Vec<String> = servers.iter().map(ToString::to_string).collect();
                f.write_str(&names.join(","))
            }
            Self::Local { name, .. } => f.write_str(name),
            Self::Nothing(attempt) => f.write_str(&attempt.place),
        }
    }
}

impl Place {
    /// Whether this is the local part of a file whose server is to be asked for a feature.
    pub(super) fn leaves_to_server(&self, feature: &FeatureName) -> bool {
        match self {
            Self::Local { catalog, partial: true, .. } => {
                catalog.pools(feature.as_str()).iter().all(|pool| pool.counted)
            }
            _ => false,
        }
    }
}

/// What a client reads of a file: nothing behind a USE_SERVER line, where the server judges (`flexnet-files.md` 1.1, 1.4).
#[must_use]
pub fn client_part(file: LicenseFile) -> LicenseFile {
    let end = file.lines.iter().find(|line| matches!(line.kind, LineKind::UseServer));
    let Some(end) = end.map(|line| line.span.start) else { return file };
    let text = file.source.text().get(..end).unwrap_or_default();
    LicenseFile::parse(Source::new(file.source.name(), &file.source.encode(text)))
}

/// Looks at every entry of the path, in order. A directory becomes its `*.lic` in byte order of their names. A server that several
/// entries name, such as the files of one directory, is asked once, at its first.
pub(super) fn places(config: &Config) -> Vec<Place> {
    let mut places = every_place(config);
    let mut known = BTreeSet::new();
    places.retain(|place| match place {
        Place::Servers(servers) => known.insert(servers.clone()),
        Place::Local { .. } | Place::Nothing(_) => true,
    });
    places
}

fn every_place(config: &Config) -> Vec<Place> {
    let mut places = Vec::new();
    for entry in &config.path.entries {
        match entry {
            Entry::Server(server) => places.push(Place::Servers(vec![server.clone()])),
            Entry::Triad(servers) => places.push(Place::Servers(servers.to_vec())),
            Entry::Bad { text, why } => places.push(Place::Nothing(Attempt {
                place: text.clone(),
                denial: Denial::new(Code::NoServerHost, minor::PATH_EMPTY, why),
                system: None,
                answered: false,
            })),
            Entry::Path(path) if path.is_dir() => match licenses_in(path) {
                Ok(files) if files.is_empty() => {
                    let denial = Denial::new(
                        Code::NoLicenseFile,
                        minor::PATH_EMPTY,
                        "no file in this directory ends in .lic",
                    );
                    places.push(nothing(path, denial, None));
                }
                Ok(files) => places.extend(files.iter().flat_map(|file| read_file(file, config))),
                Err(error) => places.push(unreadable(path, &error)),
            },
            Entry::Path(path) => places.extend(read_file(path, config)),
        }
    }
    places
}

/// The servers that a path names, those of one entry or file together. What names none is passed over.
pub(super) fn servers(path: &SearchPath) -> Vec<Vec<ServerAddress>> {
    let of_file = |file: &Path| {
        let bytes = read_regular(file, LICENSE_FILE_BYTES_MAX).unwrap_or_default();
        let file = client_part(LicenseFile::parse(Source::new(&file.display().to_string(), &bytes)));
        file.servers().map(|server| ServerAddress { port: server.port, host: server.host.clone() }).collect()
    };
    let mut found = Vec::new();
    for entry in &path.entries {
        match entry {
            Entry::Server(server) => found.push(vec![server.clone()]),
            Entry::Triad(servers) => found.push(servers.to_vec()),
            Entry::Path(path) if path.is_dir() => {
                found.extend(licenses_in(path).unwrap_or_default().iter().map(|file| of_file(file)));
            }
            Entry::Path(path) => found.push(of_file(path)),
            Entry::Bad { .. } => {}
        }
    }
    found
}

/// The servers of a file; before them its uncounted lines, if USE_SERVER leaves only the rest to the server.
fn read_file(path: &Path, config: &Config) -> Vec<Place> {
    let bytes = match read_regular(path, LICENSE_FILE_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) => return vec![unreadable(path, &error)],
    };
    let name = path.display().to_string();
    let whole = LicenseFile::parse(Source::new(&name, &bytes));
    let use_server = whole.use_server();
    let file = client_part(whole);
    match file.standing() {
        Standing::Single | Standing::Triad => {
            let servers = file.servers();
            let servers = Place::Servers(
                servers
                    .map(|server| ServerAddress { port: server.port, host: server.host.clone() })
                    .collect(),
            );
            // Without USE_SERVER the server is asked for everything, so that its rules and its log count.
            let own = use_server.then(|| local(name, &file, config, true));
            own.into_iter().chain([servers]).collect()
        }
        Standing::Serverless if file.features().next().is_some() => vec![local(name, &file, config, false)],
        Standing::Serverless => {
            let note = if use_server {
                "the file has neither SERVER nor FEATURE lines before USE_SERVER"
            } else {
                "the file has neither SERVER nor FEATURE lines"
            };
            vec![nothing(path, Denial::new(Code::NoServerLine, minor::FILE_WITHOUT_SERVER, note), None)]
        }
        Standing::Rejected => {
            let note = "the SERVER lines of the file are neither one nor three sound ones";
            vec![nothing(path, Denial::new(Code::BadLicenseSyntax, minor::FILE_WITHOUT_SERVER, note), None)]
        }
    }
}

/// A file that needs no server. Whoever trusts a server only can trust no file but one under the demo key, as nobody
/// vouches for it.
fn local(name: String, file: &LicenseFile, config: &Config, partial: bool) -> Place {
    let manifest = match &config.trust {
        Trust::Publisher { keys, demo } => {
            let mut manifest = Manifest::new(config.vendor.clone(), keys.clone());
            if *demo {
                manifest.keys.extend(Manifest::demo().keys);
                manifest.demo = true;
            }
            manifest
        }
        Trust::Server => Manifest { vendor: config.vendor.clone(), ..Manifest::demo() },
    };
    let hostids = machine_hostids(Some(config.claims.host.as_str()));
    let zone = system_zone().zone;
    // SERVER lines say where the server is; this need not be its machine.
    let granted = Granted { machine: partial, signatures: false };
    let catalog = Catalog::build_granting(&config.vendor, &[file], &manifest, &hostids, &zone, granted);
    Place::Local { name, catalog: Box::new(catalog), partial }
}

fn unreadable(path: &Path, error: &io::Error) -> Place {
    let missing = error.kind() == io::ErrorKind::NotFound;
    let code = if missing { Code::NoLicenseFile } else { Code::CannotReadFile };
    nothing(path, Denial::new(code, minor::FILE_UNREADABLE, &error.to_string()), SystemError::of(error))
}

fn nothing(path: &Path, denial: Denial, system: Option<SystemError>) -> Place {
    Place::Nothing(Attempt { place: path.display().to_string(), denial, system, answered: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::path::SearchPath;
    use crate::ident::VendorName;

    fn config(path: &str) -> Config {
        let mut config = Config::new(VendorName::parse("LGS").unwrap(), Trust::Server).unwrap();
        config.path = SearchPath::parse(path);
        config
    }

    fn hosts(places: &[Place]) -> Vec<String> {
        let server = |place: &Place| match place {
            Place::Servers(servers) => servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            Place::Local { name, .. } => format!("local {name}"),
            Place::Nothing(attempt) => attempt.denial.code.number().to_string(),
        };
        places.iter().map(server).collect()
    }

    #[test]
    fn case_p02_a_directory_is_its_lic_files_in_byte_order() {
        let dir = tempfile::tempdir().unwrap();
        for (name, host) in [("y.lic", "y"), ("x.lic", "x"), ("Z.lic", "upper"), ("z.txt", "z")] {
            std::fs::write(dir.path().join(name), format!("SERVER {host} ANY 1700\nVENDOR LGS\n")).unwrap();
        }
        let places = places(&config(dir.path().to_str().unwrap()));
        assert_eq!(hosts(&places), ["1700@upper", "1700@x", "1700@y"]);
    }

    #[test]
    fn case_p06_a_client_reads_nothing_behind_use_server() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.lic");
        let config = config(file.to_str().unwrap());
        let line = |name: &str| format!("FEATURE {name} LGS 1.0 permanent uncounted HOSTID=ANY SIGN=0\n");
        let text = format!("SERVER s ANY 1700\n{}USE_SERVER\nSERVER t ANY 1\n{}", line("f1"), line("f2"));
        std::fs::write(&file, &text).unwrap();
        assert_eq!(hosts(&places(&config)), [format!("local {}", file.display()), "1700@s".to_owned()]);
        let part = client_part(LicenseFile::parse(Source::new("a.lic", text.as_bytes())));
        assert_eq!(part.features().map(|line| line.name.as_str()).collect::<Vec<_>>(), ["f1"]);
        std::fs::write(&file, format!("USE_SERVER\nSERVER s ANY 1700\n{}", line("f1"))).unwrap();
        assert_eq!(hosts(&places(&config)), ["-13"]);
        std::fs::write(&file, format!("SERVER s ANY 1700\n{}", line("f1"))).unwrap();
        assert_eq!(hosts(&places(&config)), ["1700@s"], "without it the server is asked for all");
    }

    #[test]
    fn case_p06_a_file_with_use_server_names_its_server() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.lic");
        std::fs::write(&file, "SERVER s ANY 1700\nUSE_SERVER\nFEATURE f1 LGS 1.0 permanent 1 SIGN=0\n")
            .unwrap();
        let found = hosts(&places(&config(file.to_str().unwrap())));
        assert_eq!(found.last().map(String::as_str), Some("1700@s"));
        std::fs::write(&file, "SERVER this_host ANY\nVENDOR LGS\n").unwrap();
        assert_eq!(hosts(&places(&config(file.to_str().unwrap()))), ["@this_host"]);
        let triad = "SERVER a ANY 1\nSERVER b ANY 1\nSERVER c ANY 1\n";
        std::fs::write(&file, triad).unwrap();
        assert_eq!(hosts(&places(&config(file.to_str().unwrap()))), ["1@a,1@b,1@c"]);
    }

    #[test]
    fn a_server_that_several_entries_name_is_asked_once() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.lic", "b.lic"] {
            let text = "SERVER s ANY 1700\nUSE_SERVER\n";
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let path = format!("1@t:{}:1@t:1700@s", dir.path().display());
        let file = |name: &str| format!("local {}", dir.path().join(name).display());
        let expected = ["1@t".to_owned(), file("a.lic"), "1700@s".to_owned(), file("b.lic")];
        assert_eq!(hosts(&places(&config(&path))), expected);
    }

    #[test]
    fn what_gives_nothing_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty.lic");
        std::fs::write(&empty, "# nothing\n").unwrap();
        let path = format!("/no/such/file.lic:{}:0@a:1@a,1@b", empty.display());
        assert_eq!(hosts(&places(&config(&path))), ["-1", "-13", "-14", "-14"]);
        std::fs::remove_file(&empty).unwrap();
        assert_eq!(hosts(&places(&config(dir.path().to_str().unwrap()))), ["-1"]);
    }
}
