//! What became of a line, for the log, the lint and the denial of a name that is not served.

use std::fmt;

use crate::code::{Code, minor};
use crate::event::Denial;
use crate::ident::PoolKey;

/// A line of a file and its fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineVerdict {
    /// The file's name as it was given.
    pub file: String,
    /// The number of the physical line on which it begins, from 1.
    pub line: usize,
    /// What it is about: the feature's name, or the line's keyword.
    pub subject: String,
    /// Its fate.
    pub verdict: Verdict,
    /// What else an administrator should know of it.
    pub notes: Vec<String>,
}

/// The fate of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is part of this pool.
    Served(PoolKey),
    /// It is sound but adds nothing.
    Ignored {
        /// Why.
        why: String,
    },
    /// It is not used.
    Refused {
        /// The field's number.
        code: Code,
        /// The place that refused it; 0 if the license room did.
        minor: u16,
        /// Why.
        why: String,
    },
}

impl fmt::Display for LineVerdict {
    /// `a.lic:7: fx refused (-8,102): why; note`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} ", self.file, self.line, self.subject)?;
        match &self.verdict {
            Verdict::Served(pool) => write!(f, "served in pool {pool}")?,
            Verdict::Ignored { why } => write!(f, "ignored: {why}")?,
            Verdict::Refused { code, minor: 0, why } => write!(f, "refused ({}): {why}", code.number())?,
            Verdict::Refused { code, minor, why } => {
                write!(f, "refused ({},{minor}): {why}", code.number())?;
            }
        }
        for note in &self.notes {
            write!(f, "; {note}")?;
        }
        Ok(())
    }
}

/// Why nothing is served under a name that stands in the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unserved {
    /// Its lines belong to a file whose SERVER hostid is not this machine's.
    WrongServerHostid {
        /// Both hostids, in words.
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
}

impl Unserved {
    /// The licenses of its lines, for lmstat's `(Error: n licenses, unsupported by licensed server)`.
    #[must_use]
    pub const fn licenses(&self) -> u32 {
        match self {
            Self::WrongServerHostid { licenses, .. } | Self::NotServed { licenses, .. } => *licenses,
        }
    }

    /// The answer to a request for the name (`flexnet-files.md` 3.4).
    #[must_use]
    pub fn denial(&self) -> Denial {
        match self {
            Self::WrongServerHostid { reason, .. } => {
                Denial::new(Code::FeatureRemoved, minor::SERVER_HOSTID, reason)
            }
            Self::NotServed { reason, .. } => {
                Denial::new(Code::FeatureNotSupported, minor::LINES_NOT_SERVED, reason)
            }
        }
    }
}
