//! The kinds of lines that a publisher signs, seen alike.

use super::canonical::{CanonicalError, canonical};
use super::feature::{Attribute, FeatureLine, UpgradeLine};
use super::file::{LicenseFile, Line, LineKind};
use super::hostid::HostId;
use super::package::PackageLine;
use crate::ident::{FeatureName, VendorName};
use crate::text::Span;
use crate::time::CivilDate;

/// A sound line that carries a publisher's signature, or should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statement<'a> {
    /// FEATURE or INCREMENT.
    Feature(&'a FeatureLine),
    /// UPGRADE.
    Upgrade(&'a UpgradeLine),
    /// PACKAGE.
    Package(&'a PackageLine),
}

impl<'a> Statement<'a> {
    /// The statement that a line is, if it is one.
    #[must_use]
    pub fn of(kind: &'a LineKind) -> Option<Self> {
        match kind {
            LineKind::Feature(line) => Some(Self::Feature(line)),
            LineKind::Upgrade(line) => Some(Self::Upgrade(line)),
            LineKind::Package(line) => Some(Self::Package(line)),
            _ => None,
        }
    }

    /// The keyword in capitals.
    #[must_use]
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Feature(line) => line.keyword.as_str(),
            Self::Upgrade(_) => "UPGRADE",
            Self::Package(_) => "PACKAGE",
        }
    }

    /// The feature's or package's name.
    #[must_use]
    pub const fn name(self) -> &'a FeatureName {
        match self {
            Self::Feature(line) => &line.name,
            Self::Upgrade(line) => &line.to.name,
            Self::Package(line) => &line.name,
        }
    }

    /// The vendor daemon that serves it.
    #[must_use]
    pub const fn vendor(self) -> &'a VendorName {
        match self {
            Self::Feature(line) => &line.vendor,
            Self::Upgrade(line) => &line.to.vendor,
            Self::Package(line) => &line.vendor,
        }
    }

    /// All attributes in the order of the file.
    #[must_use]
    pub fn attributes(self) -> &'a [Attribute] {
        match self {
            Self::Feature(line) => &line.attributes,
            Self::Upgrade(line) => &line.to.attributes,
            Self::Package(line) => &line.attributes,
        }
    }

    /// The first attribute of this name, case-sensitive.
    #[must_use]
    pub fn attribute(self, name: &str) -> Option<&'a Attribute> {
        self.attributes().iter().find(|attribute| attribute.name == name)
    }

    /// The value of `SIGN=`.
    #[must_use]
    pub fn sign(self) -> Option<&'a str> {
        self.attribute("SIGN")?.value.as_deref()
    }

    /// Day of issue (`ISSUED=`).
    #[must_use]
    pub const fn issued(self) -> Option<CivilDate> {
        match self {
            Self::Feature(line) => line.issued(),
            Self::Upgrade(line) => line.to.issued(),
            Self::Package(line) => line.issued(),
        }
    }

    /// From the keyword to the last word.
    #[must_use]
    pub const fn span(self) -> Span {
        match self {
            Self::Feature(line) => line.span,
            Self::Upgrade(line) => line.to.span,
            Self::Package(line) => line.span,
        }
    }

    /// The text that its signature covers (`grammar/signature.md` section 1). `server_hostids` are those of the file's SERVER
    /// lines in file order.
    ///
    /// # Errors
    /// [`CanonicalError`] when a publisher's attribute stands twice.
    pub fn canonical(self, server_hostids: &[HostId]) -> Result<String, CanonicalError> {
        canonical(self, server_hostids)
    }
}

/// A statement by itself, without its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnedStatement {
    /// FEATURE or INCREMENT.
    Feature(Box<FeatureLine>),
    /// UPGRADE.
    Upgrade(Box<UpgradeLine>),
    /// PACKAGE.
    Package(Box<PackageLine>),
}

impl OwnedStatement {
    /// The statement that a line is, if it is one.
    #[must_use]
    pub fn of(kind: LineKind) -> Option<Self> {
        match kind {
            LineKind::Feature(line) => Some(Self::Feature(line)),
            LineKind::Upgrade(line) => Some(Self::Upgrade(line)),
            LineKind::Package(line) => Some(Self::Package(line)),
            _ => None,
        }
    }

    /// The same, seen as one of a file.
    #[must_use]
    pub fn as_statement(&self) -> Statement<'_> {
        match self {
            Self::Feature(line) => Statement::Feature(line),
            Self::Upgrade(line) => Statement::Upgrade(line),
            Self::Package(line) => Statement::Package(line),
        }
    }
}

impl LicenseFile {
    /// The lines that carry signatures, in file order.
    pub fn statements(&self) -> impl Iterator<Item = (&Line, Statement<'_>)> {
        self.lines.iter().filter_map(|line| Some((line, Statement::of(&line.kind)?)))
    }
}
