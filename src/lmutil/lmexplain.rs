//! `lmexplain`: why a request would be granted or denied under license and options files.

mod changes;
mod human;
mod json;
mod occupy;
mod words;

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::catalogs::{VendorKeys, vendors};
use super::inputs::read_licenses;
use crate::catalog::{Catalog, Granted};
use crate::event::{Checkout, Denial, Identity};
use crate::ident::{Count, Host, User, VendorName};
use crate::license::{HostId, LicenseFile};
use crate::options::OptionsFile;
use crate::platform::read_regular;
use crate::policy::Policy;
use crate::seat::{self, Rules, Usage};
use crate::text::{Severity, Source, nearest};
use crate::time::Now;

/// Longest options file that is read, in bytes.
const OPTIONS_FILE_BYTES_MAX: u64 = 64 << 20;

/// What is to be explained, and under what.
#[derive(Debug)]
pub struct Wanted {
    /// The request.
    pub request: Checkout,
    /// Who asks.
    pub identity: Identity,
    /// License files and directories.
    pub licenses: Vec<PathBuf>,
    /// The options file.
    pub options: Option<PathBuf>,
    /// Licenses in use by people whom no rule names.
    pub in_use: Option<Count>,
    /// Licenses in use by others.
    pub held: Vec<Held>,
    /// Where vendor manifests may be, besides the program's own directory.
    pub vendor_dirs: Vec<PathBuf>,
    /// Whether all lines count as signed.
    pub unsigned: bool,
    /// The hostids of the server.
    pub machine: Vec<HostId>,
    /// The server's zone.
    pub zone: TimeZone,
    /// When it is asked.
    pub now: Now,
}

/// Licenses in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// By whom.
    pub user: User,
    /// On which machine.
    pub host: Host,
    /// How many.
    pub count: Count,
}

/// An explanation in words.
#[derive(Debug)]
pub struct Told<'a> {
    wanted: &'a Wanted,
    vendor: VendorName,
    /// The key of the pool that grants, or what the client is told.
    verdict: Result<String, Denial>,
    pools: Vec<PoolTold>,
    /// What would help beside changes for single pools.
    advice: Option<String>,
    /// What else a reader should know.
    notes: Vec<String>,
}

/// One pool.
#[derive(Debug)]
struct PoolTold {
    key: String,
    /// The license lines that it is made of.
    lines: Vec<Cited>,
    decides: bool,
    steps: Vec<StepTold>,
    changes: Vec<ChangeTold>,
}

/// A line of a file, as a reader finds it.
#[derive(Debug, Clone)]
struct Cited {
    file: String,
    line: usize,
    text: String,
}

/// One question and its answer.
#[derive(Debug)]
struct StepTold {
    /// `version`, `start`, `expiry`, `hostid`, `exclude`, `include`, `max`, `count` or `available`.
    name: &'static str,
    passes: bool,
    /// Whether a decision asks it: not behind the first obstacle.
    asked: bool,
    text: String,
    rules: Vec<Cited>,
}

/// What would have to change.
#[derive(Debug)]
struct ChangeTold {
    name: &'static str,
    text: String,
    rules: Vec<Cited>,
    /// Numbers by name, for programs.
    numbers: Vec<(&'static str, Option<u64>)>,
}

/// Decides and explains.
///
/// # Errors
/// What kept the files from being judged, one text each.
pub fn explain(wanted: &Wanted) -> Result<Told<'_>, Vec<String>> {
    let read = read_licenses(&wanted.licenses);
    if !read.unreadable.is_empty() {
        let text = |(path, error): &(PathBuf, std::io::Error)| format!("{}: {error}", path.display());
        return Err(read.unreadable.iter().map(text).collect());
    }
    let mut notes = Vec::new();
    let (vendor, files, catalog) = catalog(wanted, &read.files, &mut notes)?;
    let options = wanted.options.as_deref().map(options).transpose().map_err(|problem| vec![problem])?;
    let policy = options.as_ref().map_or_else(Policy::default, |options| {
        let (policy, mut found) = Policy::compile(options, &catalog, &files);
        found.extend(options.diagnostics.iter().cloned());
        found.retain(|found| found.severity == Severity::Error);
        found.sort_by_key(|found| found.span.start);
        notes.extend(found.iter().map(|found| found.line(&options.source)));
        policy
    });
    let state = occupy::occupy(wanted, &catalog).map_err(|problem| vec![problem])?;
    let usage = Usage::rebuild(&state, &catalog, &policy);
    let rules = Rules { catalog: &catalog, policy: &policy, usage: &usage };
    let explained = seat::explain(&state, rules, &wanted.request, &wanted.identity, wanted.now);
    let words =
        words::Words { wanted, files: &files, options: options.as_ref(), catalog: &catalog, policy: &policy };
    let pools = explained.tried.iter().map(|tried| words.pool(tried)).collect();
    let verdict = explained.verdict.map(|pool| pool.key.as_str().to_owned());
    let advice = match &verdict {
        Err(denial) if explained.tried.is_empty() => Some(advice(&catalog, &wanted.request, denial)),
        _ => None,
    };
    Ok(Told { wanted, vendor, verdict, pools, advice, notes })
}

/// The vendor whose daemon would decide: the first that serves the feature, else the first that knows why it is not served.
fn catalog<'f>(
    wanted: &Wanted,
    files: &'f [LicenseFile],
    notes: &mut Vec<String>,
) -> Result<(VendorName, Vec<&'f LicenseFile>, Catalog), Vec<String>> {
    let feature = wanted.request.feature.as_str();
    let mut best: Option<(u8, VendorName, Vec<&LicenseFile>, Catalog, bool)> = None;
    let mut also = Vec::new();
    for vendor in vendors(files).0 {
        let keys =
            VendorKeys::find(&vendor.name, &wanted.vendor_dirs).map_err(|error| vec![error.to_string()])?;
        let granted = Granted { signatures: wanted.unsigned, machine: false };
        let catalog = Catalog::build_granting(
            &vendor.name,
            &vendor.files,
            &keys.manifest,
            &wanted.machine,
            &wanted.zone,
            granted,
        );
        let knows = if !catalog.pools(feature).is_empty() {
            2
        } else {
            u8::from(catalog.unserved(feature).is_some())
        };
        if knows == 2 && best.as_ref().is_some_and(|(best, ..)| *best == 2) {
            also.push(vendor.name.to_string());
        } else if best.as_ref().is_none_or(|(best, ..)| knows > *best) {
            best = Some((knows, vendor.name, vendor.files, catalog, keys.known));
        }
    }
    let Some((_, name, files, catalog, known)) = best else {
        return Err(vec!["the license files name no vendor".to_owned()]);
    };
    if !also.is_empty() {
        notes.push(format!("{feature} is also served by {}; this is the answer of {name}", also.join(", ")));
    }
    if wanted.unsigned {
        notes.push("with --unsigned all lines count as signed, which no server does".to_owned());
    } else if !known {
        notes.push(format!(
            "no key of vendor {name} is known here ({name}.vendor.toml was not found), so no line counts; --vendor-dir says \
             where it is, --unsigned takes all signatures as good"
        ));
    }
    Ok((name, files, catalog))
}

fn options(path: &Path) -> Result<OptionsFile, String> {
    let bytes =
        read_regular(path, OPTIONS_FILE_BYTES_MAX).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(OptionsFile::parse(Source::new(&path.to_string_lossy(), &bytes)))
}

fn advice(catalog: &Catalog, request: &Checkout, denial: &Denial) -> String {
    let feature = request.feature.as_str();
    let meant = nearest(feature, catalog.features().map(crate::ident::FeatureName::as_str));
    match meant {
        Some(meant) if catalog.unserved(feature).is_none() => {
            format!("ask for {meant}, if that was meant, or add a license line for {feature}")
        }
        _ => denial.code.remedy().to_owned(),
    }
}

impl Told<'_> {
    /// For people, or as one JSON object.
    #[must_use]
    pub fn show(&self, as_json: bool) -> String {
        if as_json { json::show(self) } else { human::show(self) }
    }

    /// The exit status: 0 if it would be granted, else 256 + number.
    #[must_use]
    pub fn status(&self) -> u8 {
        self.verdict.as_ref().map_or_else(|denial| denial.code.exit_status(), |_| 0)
    }
}
