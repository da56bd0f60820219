//! Records from a history or a debug log, as often as they are needed.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::{Recorded, Wanted};
use crate::event::Record;
use crate::event::debug_log::read::{LINE_BYTES_MAX, records};
use crate::ident::{Digest, Seq, VendorName};
use crate::lmutil::catalogs::vendors;
use crate::lmutil::inputs::read_licenses;
use crate::platform;
use crate::replay::Files;
use crate::store::history;
use crate::time::CivilDate;

/// The file in which a history stands.
const HISTORY: &str = "history.db";

/// Where records come from.
pub(super) enum Source {
    History { dir: PathBuf },
    Log { path: PathBuf, vendor: VendorName, zone: TimeZone, first_day: CivilDate },
}

impl Source {
    pub(super) fn find(wanted: &Wanted) -> Result<Self, Vec<String>> {
        match &wanted.recorded {
            Recorded::History(dir) => {
                let dir = vendor_dir(dir, wanted.vendor.as_ref()).map_err(|problem| vec![problem])?;
                Ok(Self::History { dir })
            }
            Recorded::DebugLog { path, first_day } => {
                let zone = wanted.zone.clone().unwrap_or_else(|| platform::system_zone().zone);
                let vendor = match &wanted.vendor {
                    Some(vendor) => vendor.clone(),
                    None => only_vendor(wanted)?,
                };
                Ok(Self::Log { path: path.clone(), vendor, zone, first_day: *first_day })
            }
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::History { dir } => dir.display().to_string(),
            Self::Log { path, .. } => path.display().to_string(),
        }
    }

    /// Whether the records say from which pool a seat came.
    pub(super) const fn pools_known(&self) -> bool {
        matches!(self, Self::History { .. })
    }

    /// The vendor that the place of the history tells.
    pub(super) fn vendor(&self) -> Option<VendorName> {
        match self {
            Self::History { dir } => {
                let dir = std::path::absolute(dir).ok()?;
                VendorName::parse(dir.file_name()?.to_str()?).ok()
            }
            Self::Log { vendor, .. } => Some(vendor.clone()),
        }
    }

    /// The server's zone: what was said, else what the first start in the record names, else this machine's.
    pub(super) fn zone(&mut self, wanted: &Wanted) -> Result<TimeZone, String> {
        if let Some(zone) = &wanted.zone {
            return Ok(zone.clone());
        }
        if let Self::Log { zone, .. } = self {
            return Ok(zone.clone());
        }
        let mut named = None;
        self.each(None, |record| {
            named = record.events.iter().find_map(Files::of).map(|files| files.zone);
            Ok(named.is_none())
        })
        .map_err(|problems| problems.join("; "))?;
        match named {
            Some(name) => {
                TimeZone::get(&name).map_err(|error| format!("recorded time zone {name:?}: {error}"))
            }
            None => Ok(platform::system_zone().zone),
        }
    }

    /// The bytes of a recorded file.
    pub(super) fn file(&self, digest: &Digest) -> Result<Option<Vec<u8>>, String> {
        match self {
            Self::History { dir } => history::file(dir, digest).map_err(|error| error.to_string()),
            Self::Log { .. } => Ok(None),
        }
    }

    /// Hands over each record up to an event, until no more is wanted. What was assumed about a log is returned.
    pub(super) fn each(
        &self,
        through: Option<Seq>,
        mut take: impl FnMut(Record) -> Result<bool, String>,
    ) -> Result<Vec<String>, Vec<String>> {
        let within = |record: &Record| through.is_none_or(|through| record.first <= through);
        let one = |problem: String| vec![problem];
        match self {
            Self::History { dir } => {
                for record in history::read(dir).map_err(|error| one(error.to_string()))? {
                    let record = record.map_err(|error| one(error.to_string()))?;
                    if !within(&record) || !take(record).map_err(one)? {
                        break;
                    }
                }
                Ok(Vec::new())
            }
            Self::Log { path, vendor, zone, first_day } => {
                let failed = |error: std::io::Error| one(format!("{}: {error}", path.display()));
                let file = File::open(path).map_err(failed)?;
                if !file.metadata().map_err(failed)?.is_file() {
                    return Err(one(format!("{}: it is no file", path.display())));
                }
                let mut lines = Lines { input: BufReader::new(file), failed: None };
                let mut reader = records(&mut lines, vendor, zone.clone(), *first_day);
                for record in reader.by_ref() {
                    if !within(&record) || !take(record).map_err(one)? {
                        break;
                    }
                }
                let assumed = reader.assumptions().sentences();
                match lines.failed {
                    Some(error) => Err(failed(error)),
                    None => Ok(assumed),
                }
            }
        }
    }
}

/// The lines of a file. Of one that is longer than any that is read only the beginning is kept.
struct Lines {
    input: BufReader<File>,
    failed: Option<std::io::Error>,
}

impl Iterator for Lines {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        let most = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(2);
        match self.input.by_ref().take(most).read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => {
                self.failed = Some(error);
                return None;
            }
        }
        if line.last() != Some(&b'\n')
            && let Err(error) = self.input.skip_until(b'\n')
        {
            self.failed = Some(error);
            return None;
        }
        Some(line)
    }
}

fn vendor_dir(dir: &Path, vendor: Option<&VendorName>) -> Result<PathBuf, String> {
    let holds = |dir: &Path| dir.join(HISTORY).is_file();
    if let Some(vendor) = vendor
        && holds(&dir.join(vendor.as_str()))
    {
        return Ok(dir.join(vendor.as_str()));
    }
    if holds(dir) {
        return Ok(dir.to_owned());
    }
    let entries = std::fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut found: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| holds(path)).collect();
    found.sort();
    match (found.pop(), found.len(), vendor) {
        (Some(only), 0, None) => Ok(only),
        (None, ..) | (Some(_), 0, Some(_)) => Err(format!(
            "{}: there is no history in it; name the vendor's directory below the --state-dir of lmgrd",
            dir.display()
        )),
        (Some(last), ..) => {
            found.push(last);
            let names: Vec<String> = found
                .iter()
                .filter_map(|path| path.file_name())
                .map(|name| name.to_string_lossy().into_owned())
                .collect();
            Err(format!(
                "{}: there are histories of {}; say with --vendor which one",
                dir.display(),
                names.join(", ")
            ))
        }
    }
}

/// The vendor of the license files to judge under.
fn only_vendor(wanted: &Wanted) -> Result<VendorName, Vec<String>> {
    let read = read_licenses(&wanted.licenses);
    let (found, _) = vendors(&read.files);
    match &found[..] {
        [only] => Ok(only.name.clone()),
        [] => Err(vec![
            "a debug log does not say under which licenses it was written: name them with --license"
                .to_owned(),
        ]),
        more => {
            let names: Vec<&str> = more.iter().map(|vendor| vendor.name.as_str()).collect();
            Err(vec![format!(
                "the license files are of {}; say with --vendor whose lines to replay",
                names.join(", ")
            )])
        }
    }
}
