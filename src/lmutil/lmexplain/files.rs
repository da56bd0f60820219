//! The grounds for a verdict from files, and from what the caller says is in use.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::{From, Grounds, Question, occupy};
use crate::catalog::{Catalog, Granted};
use crate::ident::{Count, Host, User, VendorName};
use crate::license::{HostId, LicenseFile};
use crate::lmutil::catalogs::{VendorKeys, vendors};
use crate::lmutil::inputs::read_licenses;
use crate::time::Now;

/// What to judge by.
#[derive(Debug)]
pub struct OnFiles {
    /// License files and directories.
    pub licenses: Vec<PathBuf>,
    /// The options file.
    pub options: Option<PathBuf>,
    /// The vendor whose daemon decides; the first that serves the feature if none.
    pub vendor: Option<VendorName>,
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

pub(super) fn grounds(question: &Question, on: &OnFiles) -> Result<Grounds, Vec<String>> {
    let read = read_licenses(&on.licenses);
    if !read.unreadable.is_empty() {
        let text = |(path, error): &(PathBuf, std::io::Error)| format!("{}: {error}", path.display());
        return Err(read.unreadable.iter().map(text).collect());
    }
    let mut notes = Vec::new();
    let (vendor, indices, catalog) = catalog(question, on, &read.files, &mut notes)?;
    let files = read.files.into_iter().enumerate();
    let files = files.filter(|(index, _)| indices.contains(index)).map(|(_, file)| file).collect();
    let options = on.options.as_deref().map(super::options).transpose().map_err(|problem| vec![problem])?;
    let state = occupy::occupy(question, on, &catalog).map_err(|problem| vec![problem])?;
    let (zone, now) = (on.zone.clone(), on.now);
    Ok(Grounds { vendor, files, options, catalog, state, zone, now, notes, from: From::Files })
}

/// The vendor whose daemon would decide: the first that serves the feature, else the first that knows why it is not served. With
/// the files that its daemon reads, by index.
fn catalog(
    question: &Question,
    on: &OnFiles,
    files: &[LicenseFile],
    notes: &mut Vec<String>,
) -> Result<(VendorName, Vec<usize>, Catalog), Vec<String>> {
    let feature = question.request.feature.as_str();
    let mut best: Option<(u8, VendorName, Vec<usize>, Catalog, bool)> = None;
    let mut also = Vec::new();
    let (all, _) = vendors(files);
    let asked = |name: &VendorName| on.vendor.as_ref().is_none_or(|vendor| vendor == name);
    for vendor in all.into_iter().filter(|vendor| asked(&vendor.name)) {
        let keys =
            VendorKeys::find(&vendor.name, &on.vendor_dirs).map_err(|error| vec![error.to_string()])?;
        let granted = Granted { signatures: on.unsigned, machine: false };
        let catalog = Catalog::build_granting(
            &vendor.name,
            &vendor.files,
            &keys.manifest,
            &on.machine,
            &on.zone,
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
            best = Some((knows, vendor.name, vendor.indices, catalog, keys.known));
        }
    }
    let Some((_, name, indices, catalog, known)) = best else {
        return Err(vec![match &on.vendor {
            Some(vendor) => format!("the license files do not name vendor {vendor}"),
            None => "the license files name no vendor".to_owned(),
        }]);
    };
    if !also.is_empty() {
        notes.push(format!(
            "{feature} is also served by {}; this is the answer of {name} (--vendor asks for another)",
            also.join(", ")
        ));
    }
    if on.unsigned {
        notes.push("with --unsigned all lines count as signed, which no server does".to_owned());
    } else if !known {
        notes.push(format!(
            "no key of vendor {name} is known here ({name}.vendor.toml was not found), so no line counts; --vendor-dir says \
             where it is, --unsigned takes all signatures as good"
        ));
    }
    Ok((name, indices, catalog))
}
