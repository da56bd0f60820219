//! The order in which requests try the pools of a feature (`flexnet-files.md` 3.3).

use std::cmp::Reverse;

use crate::ident::{FeatureName, Version};
use crate::license::{FeatureKeyword, FeatureLine, LicenseCount};
use crate::time::CivilDate;

/// Place of a line without `sort=`.
const SORT_DEFAULT: u8 = 100;

/// Sort key of a line; derived comparison goes field by field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    file: usize,
    feature: FeatureName,
    sort: u8,
    rest: Rest,
    /// Number of the line among all lines of all files.
    position: usize,
}

/// Lines that carry an explicit `sort` keep file order among themselves and stand before those without one of the
/// same number. (The reference leaves the mixture open; this makes it an order.)
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Rest {
    Explicit,
    Implicit {
        vendor_string: Option<String>,
        keyword: FeatureKeyword,
        counted: bool,
        version: Version,
        /// Newest first, lines without a date last.
        issued: Reverse<Option<CivilDate>>,
    },
}

impl Place {
    pub(super) fn of(file: usize, position: usize, line: &FeatureLine) -> Self {
        let rest = match line.sort() {
            Some(_) => Rest::Explicit,
            None => Rest::Implicit {
                vendor_string: line.vendor_string().map(ToOwned::to_owned),
                keyword: line.keyword,
                counted: line.count != LicenseCount::Uncounted,
                version: line.version,
                issued: Reverse(line.issued().or(line.start())),
            },
        };
        Self { file, feature: line.name.clone(), sort: line.sort().unwrap_or(SORT_DEFAULT), rest, position }
    }
}
