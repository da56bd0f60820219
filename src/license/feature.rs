//! FEATURE and INCREMENT lines (`flexnet-files.md` 1.5).

use std::borrow::Cow;
use std::fmt;

use super::hostid::HostId;
use crate::ident::{Count, FeatureName, VendorName, Version};
use crate::text::Span;
use crate::time::CivilDate;

/// Which of the two keywords a feature line has; `flexnet-files.md` 3.2 says how they count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FeatureKeyword {
    /// `FEATURE`: of several counted lines of one name only the first is used.
    Feature,
    /// `INCREMENT`: adds to its pool.
    Increment,
}

impl FeatureKeyword {
    /// The keyword in capitals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Feature => "FEATURE",
            Self::Increment => "INCREMENT",
        }
    }
}

impl fmt::Display for FeatureKeyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Until when a line is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expiry {
    /// The word `permanent`, or a date with the year 0.
    Never,
    /// Through the end of this day in the server's zone.
    On(CivilDate),
}

impl fmt::Display for Expiry {
    /// `31-dec-2027` or `permanent`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.pad("permanent"),
            Self::On(day) => day.fmt(f),
        }
    }
}

/// How many licenses a line gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LicenseCount {
    /// `uncounted` or `0`: any number on the hosts that HOSTID names.
    Uncounted,
    /// That many.
    Counted(Count),
}

/// One attribute behind the positional fields. A name with a capital letter is the publisher's and signed; any other
/// is the administrator's and may be edited (`flexnet-files.md` 1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The name as written, such as `DUP_GROUP`.
    pub name: Cow<'static, str>,
    /// The text behind `=` without its quotes, wrapped lines joined; none for a flag.
    pub value: Option<String>,
    /// Name, `=` and value in the file.
    pub span: Span,
}

impl Attribute {
    /// Whether the signature covers it: the name contains a capital letter.
    #[must_use]
    pub fn is_publishers(&self) -> bool {
        self.name.bytes().any(|byte| byte.is_ascii_uppercase())
    }
}

/// The words of a line whose spelling the signature covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) expiry: Box<str>,
    pub(super) count: Box<str>,
}

/// A sound `FEATURE` or `INCREMENT` line. Whether its signature is right is not known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureLine {
    /// FEATURE or INCREMENT.
    pub keyword: FeatureKeyword,
    /// The feature's name, case-sensitive.
    pub name: FeatureName,
    /// The vendor daemon that serves it.
    pub vendor: VendorName,
    /// Highest version that the line supports.
    pub version: Version,
    /// Until when it is valid.
    pub expiry: Expiry,
    /// How many licenses it gives. An uncounted line has at least one hostid.
    pub count: LicenseCount,
    /// The bare key of the layout before version 7.1; kept, never checked.
    pub license_key: Option<String>,
    /// All attributes in the order of the file. No publisher's attribute stands twice.
    pub attributes: Vec<Attribute>,
    /// From the keyword to the last word.
    pub span: Span,
    pub(super) written: Written,
    pub(super) hostids: Vec<HostId>,
    pub(super) start: Option<CivilDate>,
    pub(super) issued: Option<CivilDate>,
}

/// A sound `UPGRADE` line (`flexnet-files.md` 1.6). Whether its signature is right is not known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeLine {
    /// Lowest version that it upgrades.
    pub from: Version,
    /// What the upgraded licenses become. Lines below its version are upgraded; its count is how many. Its keyword is
    /// INCREMENT, as it adds to a pool; [`Statement`](super::Statement) knows the line's own.
    pub to: FeatureLine,
    pub(super) from_written: Box<str>,
}

impl FeatureLine {
    /// The first attribute of this name, case-sensitive.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.attribute(name)?.value.as_deref()
    }

    /// The value of `SIGN=`.
    #[must_use]
    pub fn sign(&self) -> Option<&str> {
        self.value("SIGN")
    }

    /// The hostids of `HOSTID=`, any one of which suffices; empty for a floating line.
    #[must_use]
    pub fn hostids(&self) -> &[HostId] {
        &self.hostids
    }

    /// First day of validity (`START=`).
    #[must_use]
    pub const fn start(&self) -> Option<CivilDate> {
        self.start
    }

    /// Day of issue (`ISSUED=`).
    #[must_use]
    pub const fn issued(&self) -> Option<CivilDate> {
        self.issued
    }

    /// The explicit place of `sort=`, 0 to 255; larger numbers count as 255. None if absent or not a number.
    #[must_use]
    pub fn sort(&self) -> Option<u8> {
        let value = self.value("sort")?;
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(value.parse().unwrap_or(u8::MAX))
    }

    /// The value of `VENDOR_STRING=`.
    #[must_use]
    pub fn vendor_string(&self) -> Option<&str> {
        self.value("VENDOR_STRING")
    }
}
