//! What became of each line, as data: the log prints it, lmcatalog shows it, the lint makes findings of it.

use std::fmt;
use std::sync::Arc;

use crate::code::Code;
use crate::ident::{PoolKey, Version};
use crate::sign::KeyId;
use crate::text::{Severity, counted};
use crate::time::CivilDate;

/// Where a line stands. Places compare in the order of the files and of the lines in them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinePlace {
    /// Which of the files that the catalog was built from, from 0.
    pub file: usize,
    /// Which of the file's [`lines`](crate::license::LicenseFile::lines), from 0.
    pub line: usize,
    /// The file's name as it was given.
    pub name: Arc<str>,
    /// The number of the physical line on which its keyword stands, from 1.
    pub number: usize,
}

impl fmt::Display for LinePlace {
    /// `a.lic:7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.number)
    }
}

/// A line of a file and its fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineVerdict {
    /// Where it stands.
    pub place: LinePlace,
    /// Its keyword in capitals: SERVER, FEATURE, INCREMENT, UPGRADE or PACKAGE, or that of a kind that is not served.
    pub keyword: &'static str,
    /// What it is about: the feature's or package's name, host and hostid of a SERVER line, else the keyword.
    pub subject: String,
    /// Its fate.
    pub verdict: Verdict,
    /// What else an administrator should know of it.
    pub notes: Vec<Note>,
}

/// The fate of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A feature line opens this pool.
    Served(PoolKey),
    /// A feature line adds to a pool that another line has opened.
    Merged {
        /// The pool.
        pool: PoolKey,
        /// The line that comes first in the pool.
        into: LinePlace,
    },
    /// An UPGRADE line has moved licenses.
    Upgraded {
        /// Where they are now.
        pool: PoolKey,
        /// The line that they were taken from.
        base: LinePlace,
        /// How many were moved; less than asked when the base had no more.
        moved: u32,
        /// How many the line asked for.
        asked: u32,
    },
    /// A feature line (or UPGRADE) of a bundle's name: its licenses are those of the components.
    Enables {
        /// The PACKAGE line.
        package: LinePlace,
        /// The pools of the components, in the order of the PACKAGE line.
        pools: Vec<PoolKey>,
    },
    /// A PACKAGE line whose components are served.
    Package {
        /// The lines that enable it.
        by: Vec<LinePlace>,
        /// The pools of its components.
        pools: Vec<PoolKey>,
    },
    /// The same line, by its canonical text, stands elsewhere and counts once.
    Duplicate {
        /// The one that counts.
        of: LinePlace,
    },
    /// Another line takes precedence: a counted FEATURE line of the same name, or a PACKAGE line for the same enabling
    /// lines, that stands before it.
    Shadowed {
        /// That line.
        by: LinePlace,
    },
    /// A newer line with SUPERSEDE has replaced it.
    Superseded {
        /// The newer line.
        by: LinePlace,
    },
    /// It is sound but gives nothing.
    Ignored {
        /// Which rule says so.
        reason: IgnoredReason,
        /// The rule in words, with the lines that it concerns.
        why: String,
    },
    /// It is not used.
    Refused {
        /// Which rule says so.
        reason: RefusedReason,
        /// The field's number.
        code: Code,
        /// The place that refused it; 0 if the license room did.
        minor: u16,
        /// The rule in words.
        why: String,
    },
}

impl Verdict {
    /// Whether it is applied as it was meant: [applied](Self::is_applied), and an UPGRADE in full.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        match self {
            Self::Upgraded { moved, asked, .. } => *moved >= *asked,
            _ => self.is_applied(),
        }
    }

    /// Whether the line's licenses can be had, under its own name or another.
    #[must_use]
    pub const fn is_applied(&self) -> bool {
        matches!(
            self,
            Self::Served(_)
                | Self::Merged { .. }
                | Self::Upgraded { .. }
                | Self::Enables { .. }
                | Self::Package { .. }
        )
    }
}

/// Why a sound line gives nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IgnoredReason {
    /// UPGRADE: no line before it has licenses of such a version.
    UpgradeWithoutBase,
    /// UPGRADE: it moves no number of licenses, as it is uncounted.
    UpgradeUncounted,
    /// All licenses of a line were moved to other versions by UPGRADE lines.
    UpgradedAway,
    /// PACKAGE: no feature line has the package's name.
    PackageWithoutEnabling,
    /// PACKAGE: the feature lines of the package's name have other versions.
    PackageVersion,
    /// PACKAGE: the feature lines that would enable it are not in effect.
    PackageEnablingNotServed,
}

/// Why a line is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusedReason {
    /// The license room could not read it; the file's diagnostics tell more.
    Unreadable,
    /// The SERVER hostid of the file is not this machine's.
    WrongMachine,
    /// The file is for three servers as one.
    Triad,
    /// The file's SERVER lines are wrong.
    ServerLines,
    /// A counted line in a file without a SERVER line.
    NeedsServer,
    /// It has no SIGN, or what stands there is no signature of ours.
    Unsigned,
    /// The signature does not fit the line.
    SignatureWrong,
    /// It is signed with a key that the vendor manifest does not have.
    KeyUnknown,
    /// The key that signed it has retired. Not said of lines that are still served: their lots end with that day.
    KeyRetired,
    /// It carries a restriction that is not enforced yet; the attribute's name.
    Restriction(&'static str),
    /// Its kind of line is not served.
    Kind,
    /// With it the packages would have more lots than [`COMPONENT_LOTS_MAX`](super::COMPONENT_LOTS_MAX).
    TooManyComponents,
}

/// What an administrator should know of a line beside its fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// This attribute has no effect yet.
    WithoutEffect {
        /// Its name.
        attribute: &'static str,
        /// What follows from it.
        what: &'static str,
    },
    /// SUPERSEDE without ISSUED replaces nothing.
    SupersedeWithoutIssued,
    /// An UPGRADE line has moved licenses into another version of a package.
    Upgraded {
        /// The line that they were taken from.
        base: LinePlace,
        /// How many were moved.
        moved: u32,
        /// How many the line asked for.
        asked: u32,
    },
    /// So many of its licenses were moved to other versions.
    MovedAway {
        /// How many.
        moved: u32,
        /// The last UPGRADE line that did it.
        by: LinePlace,
    },
    /// The licenses of a component are more than can be counted; the greatest number is served.
    CountTooLarge {
        /// The component.
        component: String,
    },
    /// The key of its signature retires before it expires: it ends with that day.
    KeyRetires {
        /// The key.
        key: KeyId,
        /// Last day on which its signatures count.
        day: CivilDate,
    },
    /// It has another version than the PACKAGE line of its name, so it is an ordinary feature.
    NotThePackagesVersion {
        /// The PACKAGE line.
        package: LinePlace,
        /// The version that the PACKAGE line asks for.
        version: Version,
    },
    /// The PACKAGE line of its name has been replaced or refused, so it is an ordinary feature.
    PackageNotInEffect {
        /// The PACKAGE line.
        package: LinePlace,
    },
}

impl Note {
    /// How much it matters.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::CountTooLarge { .. } => Severity::Error,
            Self::WithoutEffect { .. }
            | Self::SupersedeWithoutIssued
            | Self::NotThePackagesVersion { .. }
            | Self::PackageNotInEffect { .. } => Severity::Warning,
            Self::Upgraded { moved, asked, .. } if *moved < *asked => Severity::Warning,
            Self::Upgraded { .. } | Self::MovedAway { .. } | Self::KeyRetires { .. } => Severity::Note,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WithoutEffect { attribute, what } => write!(f, "{attribute} has no effect yet: {what}"),
            Self::SupersedeWithoutIssued => {
                f.write_str("SUPERSEDE has no effect: the line has no ISSUED date to compare with")
            }
            Self::Upgraded { base, moved, asked } => moved_of(f, *moved, *asked, base),
            Self::MovedAway { moved, by } => {
                write!(
                    f,
                    "{moved} of its licenses {} moved to other versions, the last ones by the UPGRADE at {by}",
                    if *moved == 1 { "has" } else { "have" }
                )
            }
            Self::CountTooLarge { component } => {
                write!(f, "{component} would have more licenses than can be counted; it has {}", u32::MAX)
            }
            Self::KeyRetires { key, day } => write!(f, "it ends on {day}, when key {key} retires"),
            Self::NotThePackagesVersion { package, version } => write!(
                f,
                "it is an ordinary feature, as the PACKAGE line at {package} is for version {version}"
            ),
            Self::PackageNotInEffect { package } => {
                write!(f, "it is an ordinary feature, as the PACKAGE line at {package} is not in effect")
            }
        }
    }
}

fn moved_of(f: &mut fmt::Formatter<'_>, moved: u32, asked: u32, base: &LinePlace) -> fmt::Result {
    write!(f, "{} moved from {base}", counted(moved, "license"))?;
    if moved < asked {
        write!(f, ", which had no more; {asked} were asked for")?;
    }
    Ok(())
}

impl fmt::Display for LineVerdict {
    /// `a.lic:7: fx refused (-8,102): why; note`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.place, self.subject, self.verdict)?;
        for note in &self.notes {
            write!(f, "; {note}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Served(pool) => write!(f, "served in pool {pool}"),
            Self::Merged { pool, into } => write!(f, "served in pool {pool}, which {into} opens"),
            Self::Upgraded { pool, base, moved, asked } => {
                write!(f, "served in pool {pool}: ")?;
                moved_of(f, *moved, *asked, base)
            }
            Self::Enables { package, pools } => {
                let components = if pools.len() == 1 { "component" } else { "components" };
                write!(f, "enables the package at {package}, {} {components}", pools.len())
            }
            Self::Package { by, pools } => {
                let lines = if by.len() == 1 { "line" } else { "lines" };
                let n = pools.len();
                let pools = if n == 1 { "pool" } else { "pools" };
                write!(f, "package of {n} {pools}, enabled by {} {lines}", by.len())?;
                by.first().map_or(Ok(()), |first| write!(f, ", first at {first}"))
            }
            Self::Duplicate { of } => write!(
                f,
                "ignored: the same line stands at {of} and counts once; lines that shall add differ in SN"
            ),
            Self::Shadowed { by } => write!(
                f,
                "ignored: the line at {by} stands before it, and only the first of such lines is used"
            ),
            Self::Superseded { by } => write!(f, "superseded by the newer line at {by}"),
            Self::Ignored { why, .. } => write!(f, "ignored: {why}"),
            Self::Refused { code, minor: 0, why, .. } => write!(f, "refused ({}): {why}", code.number()),
            Self::Refused { code, minor, why, .. } => {
                write!(f, "refused ({},{minor}): {why}", code.number())
            }
        }
    }
}
