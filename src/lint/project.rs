//! What is checked together, and the one verb of this room.

use std::collections::BTreeMap;

use super::judged::{VENDORS_MAX, judge};
use super::report::Report;
use super::vendors::Vendors;
use super::{dates, finding, pools, servers, signatures, supersede, verdicts};
use crate::ident::VendorName;
use crate::license::{HostId, LicenseFile};
use crate::sign::Manifest;
use crate::text::Diagnostic;
use crate::time::CivilDate;

/// A line that expires within so many days is reported.
pub const EXPIRES_SOON_DAYS: u16 = 30;

/// License files that a server would read together, and what is known about it.
#[derive(Debug, Clone, Copy)]
pub struct Project<'a> {
    /// The files in the order of the license path.
    pub files: &'a [LicenseFile],
    /// The manifests that are known. Signatures of other vendors are not checked, which a note says.
    pub manifests: &'a BTreeMap<VendorName, Manifest>,
    /// The hostids of the machine that the SERVER lines are compared with; none if they are not to be compared.
    pub machine: Option<&'a [HostId]>,
    /// The day in the server's zone.
    pub today: CivilDate,
    /// What expires or retires within so many days is reported: usually [`EXPIRES_SOON_DAYS`].
    pub soon_days: u16,
    /// Whether the files are another publisher's: everything but signatures, hostids and dates is checked.
    pub foreign: bool,
}

/// A finding and the file that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Index of the file in [`Project::files`].
    pub file: usize,
    /// What was found; its span points into that file.
    pub diagnostic: Diagnostic,
}

/// Everything that is wrong or doubtful about the files, those findings included that each file has of itself: by file
/// and place, none twice. Takes time about in proportion to the text.
#[must_use]
pub fn check(project: &Project<'_>) -> Vec<Found> {
    let mut report = Report::new(project);
    let vendors = Vendors::of(project);
    signatures::check(project, &|vendor| vendors.names(vendor), &mut report);
    dates::check(project, &mut report);
    let (judged, surplus) = judge(project);
    for judged in &judged {
        verdicts::check(project, judged, &mut report);
        supersede::check(judged, &mut report);
        pools::check(project, judged, &mut report);
    }
    if let Some(line) = surplus {
        let message =
            format!("lines of more than {VENDORS_MAX} vendors: those of further ones are not compared");
        line.report_name(
            &mut report,
            &finding::VENDORS_MANY,
            message,
            "check the files of each server by themselves",
        );
    }
    servers::check(project, &mut report);
    vendors.check(project, &mut report);
    report.finish()
}
