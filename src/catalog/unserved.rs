//! Names that stand in the files but are not served, and what a request for them is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::admit::Judged;
use super::verdict::{LineVerdict, RefusedReason, Verdict};
use crate::code::{Code, minor};
use crate::event::Denial;
use crate::ident::FeatureName;
use crate::license::{LicenseCount, Statement};

/// Why nothing is served under a name that stands in the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unserved {
    /// Its lines belong to a file whose SERVER hostid is not this machine's.
    WrongServerHostid {
        /// In words, without the hostids: a client is told of it, and those are for the log.
        reason: String,
        /// The licenses of its lines added up; 0 if they can't be told.
        licenses: u32,
    },
    /// All of its lines were refused or are of a kind that is not served.
    NotServed {
        /// The fate of the first such line, with its place.
        reason: String,
        /// The licenses of its lines added up; 0 if they can't be told.
        licenses: u32,
    },
    /// None of its lines was refused, but nothing is to be had under it: the lines are superseded, the name is that of a
    /// bundle, or of a component whose package nothing enables. lmstat does not list such names.
    Inactive {
        /// The fate of the first such line, with its place.
        reason: String,
    },
}

impl Unserved {
    /// The licenses of its lines, for lmstat's `(Error: n licenses, unsupported by licensed server)`.
    #[must_use]
    pub const fn licenses(&self) -> u32 {
        match self {
            Self::WrongServerHostid { licenses, .. } | Self::NotServed { licenses, .. } => *licenses,
            Self::Inactive { .. } => 0,
        }
    }

    /// Why, in words.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::WrongServerHostid { reason, .. }
            | Self::NotServed { reason, .. }
            | Self::Inactive { reason } => reason,
        }
    }

    /// The answer to a request for the name (`flexnet-files.md` 3.4).
    #[must_use]
    pub fn denial(&self) -> Denial {
        match self {
            Self::WrongServerHostid { reason, .. } => {
                Denial::new(Code::FeatureRemoved, minor::SERVER_HOSTID, reason)
            }
            Self::NotServed { reason, .. } | Self::Inactive { reason } => {
                Denial::new(Code::FeatureNotSupported, minor::LINES_NOT_SERVED, reason)
            }
        }
    }
}

/// The names under which nothing is had, gathered while the verdicts are told.
#[derive(Default)]
pub(super) struct Names {
    names: BTreeMap<FeatureName, Unserved>,
    /// Where the files are. A denial goes to clients, who are told names of files, but no directories.
    directories: BTreeSet<Arc<str>>,
}

impl Names {
    /// Remembers the names of a line that gives nothing under them. A bundle's name is one of them: only its components are
    /// served.
    pub(super) fn remember(&mut self, judged: &Judged<'_>, told: &LineVerdict) {
        if let Some((directory, _)) = told.place.name.rsplit_once('/')
            && !self.directories.contains(directory)
        {
            self.directories.insert(Arc::from(directory));
        }
        let rank = match &told.verdict {
            Verdict::Served(_) | Verdict::Merged { .. } | Verdict::Upgraded { .. } => return,
            Verdict::Refused { reason: RefusedReason::WrongMachine, .. } => Rank::WrongMachine,
            Verdict::Refused { .. } => Rank::Refused,
            _ => Rank::Inactive,
        };
        if told.keyword == "SERVER" {
            return;
        }
        let reason = told.to_string();
        let licenses = match judged.statement {
            Some(Statement::Feature(line)) => match line.count {
                LicenseCount::Counted(count) => count.get(),
                LicenseCount::Uncounted => 0,
            },
            _ => 0,
        };
        if let Ok(name) = FeatureName::parse(&told.subject) {
            self.add(&name, rank, &reason, licenses);
        }
        let served = matches!(told.verdict, Verdict::Package { .. });
        if let Some(Statement::Package(package)) = judged.statement.filter(|_| !served) {
            package.components.iter().for_each(|component| self.add(&component.name, rank, &reason, 0));
        }
        judged.components.iter().for_each(|component| self.add(component, rank, &reason, 0));
    }

    /// All names but those that are served after all.
    pub(super) fn without(self, served: impl Fn(&FeatureName) -> bool) -> BTreeMap<FeatureName, Unserved> {
        let Self { mut names, directories } = self;
        names.retain(|name, _| !served(name));
        for before in directories.iter().rev().map(|directory| format!("{directory}/")) {
            // "/" alone may be part of anything.
            for unserved in names.values_mut().filter(|_| before.len() > 1) {
                let reason = unserved.reason_mut();
                if reason.contains(&before) {
                    *reason = reason.replace(&before, "");
                }
            }
        }
        names
    }

    /// A wrong SERVER hostid answers before every other reason (`flexnet-files.md` 3.4), then a refusal; else the first
    /// line does.
    fn add(&mut self, name: &FeatureName, rank: Rank, reason: &str, licenses: u32) {
        let (known, sum) = match self.names.get(name) {
            None => (None, licenses),
            Some(known) => (Some(known.rank()), known.licenses().saturating_add(licenses)),
        };
        if known.is_none_or(|known| rank > known) {
            let reason = reason.to_owned();
            let unserved = match rank {
                Rank::WrongMachine => Unserved::WrongServerHostid { reason, licenses: sum },
                Rank::Refused => Unserved::NotServed { reason, licenses: sum },
                Rank::Inactive => Unserved::Inactive { reason },
            };
            self.names.insert(name.clone(), unserved);
        } else if rank > Rank::Inactive
            && let Some(Unserved::WrongServerHostid { licenses, .. } | Unserved::NotServed { licenses, .. }) =
                self.names.get_mut(name)
        {
            *licenses = sum;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Inactive,
    Refused,
    WrongMachine,
}

impl Unserved {
    const fn reason_mut(&mut self) -> &mut String {
        match self {
            Self::WrongServerHostid { reason, .. }
            | Self::NotServed { reason, .. }
            | Self::Inactive { reason } => reason,
        }
    }

    const fn rank(&self) -> Rank {
        match self {
            Self::WrongServerHostid { .. } => Rank::WrongMachine,
            Self::NotServed { .. } => Rank::Refused,
            Self::Inactive { .. } => Rank::Inactive,
        }
    }
}
