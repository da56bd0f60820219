//! The order in which requests try the pools of a feature (`flexnet-files.md` 3.3).

use std::cmp::Reverse;

use super::part::Part;
use crate::ident::Version;
use crate::license::FeatureKeyword;
use crate::time::CivilDate;

/// Place of a line without `sort=`.
const SORT_DEFAULT: u8 = 100;

/// Sort key of a line; derived comparison goes field by field.
///
/// DECISION (3.3): `sort` is compared right after file and feature name; the keys behind it only among lines that carry no
/// explicit `sort`. A pool stands where its first line stands. Components of a package stand where their enabling line
/// stands, with their own names and versions; what an UPGRADE has moved stands where the UPGRADE line stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place<'a> {
    file: usize,
    feature: &'a str,
    sort: u8,
    rest: Rest<'a>,
    /// Number of the line among all lines of all files.
    position: usize,
}

/// Lines that carry an explicit `sort` keep file order among themselves and stand before those without one of the
/// same number. (The reference leaves the mixture open; this makes it an order.)
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Rest<'a> {
    Explicit,
    Implicit {
        vendor_string: Option<&'a str>,
        keyword: FeatureKeyword,
        counted: bool,
        version: Version,
        /// Newest first, lines without a date last.
        issued: Reverse<Option<CivilDate>>,
    },
}

impl<'a> Place<'a> {
    /// The place of a part whose line stands in the file of this number.
    pub(super) fn of(file: usize, part: &'a Part<'_>) -> Self {
        let line = part.terms;
        let rest = match line.sort() {
            Some(_) => Rest::Explicit,
            None => Rest::Implicit {
                vendor_string: line.vendor_string(),
                keyword: line.keyword,
                counted: part.counted(),
                version: part.version,
                issued: Reverse(line.issued().or(line.start())),
            },
        };
        let sort = line.sort().unwrap_or(SORT_DEFAULT);
        Self { file, feature: part.name.as_str(), sort, rest, position: part.line }
    }
}
