//! PACKAGE lines (`flexnet-files.md` 1.7).

use super::feature::Attribute;
use crate::ident::{Count, FeatureName, VendorName, Version};
use crate::text::Span;
use crate::time::CivilDate;

/// What a package is (`OPTIONS=`; `flexnet-files.md` 3.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackageKind {
    /// No OPTIONS: each component becomes a feature, and the package's own name disappears.
    Bundle,
    /// `OPTIONS=SUITE`: each checkout of a component also takes the package.
    Suite,
    /// `OPTIONS=SUITE_RESERVED`: the first component that a user takes reserves the others for that user.
    SuiteReserved,
}

/// One component of a package: `name[:version[:count]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// The feature that it becomes.
    pub name: FeatureName,
    /// Its version; none means that of the enabling line.
    pub version: Option<Version>,
    /// Its licenses for each license of the enabling line; none means one. Never written in a suite.
    pub count: Option<Count>,
}

/// A sound `PACKAGE` line. Whether its signature is right is not known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageLine {
    /// The package's name, case-sensitive; the feature line of this name enables it.
    pub name: FeatureName,
    /// The vendor daemon that serves it.
    pub vendor: VendorName,
    /// If there is one, the enabling line must have the same.
    pub version: Option<Version>,
    /// What it consists of; at least one, none twice.
    pub components: Vec<Component>,
    /// Bundle or suite.
    pub kind: PackageKind,
    /// The bare key of the layout before version 7.1; kept, never checked.
    pub license_key: Option<String>,
    /// All attributes in the order of the file, COMPONENTS and OPTIONS among them. No publisher's attribute stands
    /// twice.
    pub attributes: Vec<Attribute>,
    /// From the keyword to the last word.
    pub span: Span,
    pub(super) issued: Option<CivilDate>,
}

impl PackageLine {
    /// Day of issue (`ISSUED=`).
    #[must_use]
    pub const fn issued(&self) -> Option<CivilDate> {
        self.issued
    }
}
