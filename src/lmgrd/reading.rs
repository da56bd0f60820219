//! Reading the license files, at the start and again. At a reread a file that can't be read, or says nothing any more, counts
//! as it was read before.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use super::files::{Plan, PlanError, ReadFile, default_options, expand, plan, read};
use super::watching::Seen;
use crate::ident::Host;
use crate::license::{LicenseFile, LineKind};
use crate::platform::Watched;
use crate::text::Source;

/// Where the license files are.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// Files and directories, separated by colons.
    pub(super) path: OsString,
    pub(super) start_dir: PathBuf,
    pub(super) this_host: Host,
    /// Replaces the port of the SERVER lines.
    pub(super) port: Option<u16>,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    /// What the files ask for.
    pub(super) plan: Result<Plan, PlanError>,
    /// The files that the plan is made of, as far as a later plan needs them.
    pub(super) files: Vec<ReadFile>,
    /// For the log.
    pub(super) notes: Vec<String>,
    /// Which files count as they were read before, and why.
    pub(super) kept: Vec<String>,
    /// What the files held, if they are watched.
    pub(super) seen: Option<Seen>,
}

impl Reading {
    /// Reads the files; `former` are those of the reading before.
    pub(super) fn read(&self, former: &[ReadFile]) -> Found {
        let (mut notes, mut kept, mut files) = (Vec::new(), Vec::new(), Vec::new());
        for path in expand(&self.path, &self.start_dir, &mut notes) {
            let before =
                || former.iter().filter(|file| file.path == path || file.path.parent() == Some(&path));
            let why = match read(&path) {
                Ok(file) if !file.license.says_nothing() || before().all(|it| it.license.says_nothing()) => {
                    files.push(file);
                    continue;
                }
                Ok(_) => format!("{}: it says nothing any more", path.display()),
                Err(note) => note,
            };
            if before().next().is_some() {
                kept.push(format!("{why}; what was read of it before stays in force"));
                files.extend(before().cloned());
            }
            notes.push(why);
        }
        let plan = plan(&files, &self.this_host, &self.start_dir, self.port, &mut notes);
        Found { plan, files: files.iter().map(essence).collect(), notes, kept, seen: None }
    }

    /// The same, with what the files held; `present` is the plan in force.
    pub(super) fn read_watched(&self, former: &[ReadFile], present: Option<&Plan>) -> Found {
        let seen = Seen::before(self, present);
        let mut found = self.read(former);
        found.seen = Some(match &found.plan {
            Ok(plan) => seen.and(self, plan),
            Err(_) => seen,
        });
        found
    }

    /// The files whose change means a reread: those of the license path, and the options files of a plan, where they are or
    /// would be.
    pub(super) fn watched(&self, plan: Option<&Plan>) -> Watched {
        let mut watched = Watched::default();
        for entry in std::env::split_paths(&self.path).filter(|entry| !entry.as_os_str().is_empty()) {
            let path = self.start_dir.join(&entry);
            // Others name servers.
            if path.exists() || !entry.to_string_lossy().contains('@') {
                watched.entries.insert(path);
            }
        }
        for vendor in plan.iter().flat_map(|plan| &plan.vendors) {
            let usual: Vec<PathBuf> = default_options(vendor).collect();
            match &vendor.options {
                Some(named) if !usual.contains(named) => drop(watched.entries.insert(named.clone())),
                _ => watched.entries.extend(usual),
            }
        }
        watched
    }
}

/// The lines of a file that a plan is made of: SERVER and VENDOR lines, and of each vendor one feature line. Files may be long,
/// and are kept as long as lmgrd runs.
fn essence(file: &ReadFile) -> ReadFile {
    let mut vendors = BTreeSet::new();
    let mut text = String::new();
    for line in &file.license.lines {
        let needed = match &line.kind {
            LineKind::Server(_) | LineKind::Vendor(_) | LineKind::UseServer => true,
            LineKind::Feature(feature) => vendors.insert(feature.vendor.clone()),
            _ => false,
        };
        if needed {
            text.push_str(file.license.source.slice(line.span).trim_end());
            text.push('\n');
        }
    }
    let source = Source::new(file.license.source.name(), text.as_bytes());
    ReadFile { path: file.path.clone(), license: LicenseFile::parse(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_no_longer_be_read_counts_as_before() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        let text = |vendor: &str| {
            format!("SERVER h ANY 27000\nVENDOR {vendor}\nFEATURE f {vendor} 1 permanent 1 SIGN=0\n# end\n")
        };
        std::fs::write(place("a.lic"), text("LGS")).unwrap();
        std::fs::write(place("b.lic"), text("acme")).unwrap();
        let reading = Reading {
            path: dir.path().as_os_str().to_owned(),
            start_dir: dir.path().to_owned(),
            this_host: "h".parse().unwrap(),
            port: None,
        };
        let first = reading.read(&[]);
        let names = |found: &Found| {
            let plan = found.plan.as_ref().unwrap();
            plan.vendors.iter().map(|vendor| vendor.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(&first), ["LGS", "acme"]);
        assert!(first.kept.is_empty());
        std::fs::write(place("b.lic"), "# to be done\n").unwrap();
        let second = reading.read(&first.files);
        assert_eq!((names(&second), second.kept.len()), (names(&first), 1));
        // A file that is gone from its directory is gone.
        std::fs::remove_file(place("b.lic")).unwrap();
        let third = reading.read(&second.files);
        assert_eq!((names(&third), third.kept.len()), (vec!["LGS".to_owned()], 0));
    }
}
